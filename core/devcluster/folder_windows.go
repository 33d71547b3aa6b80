package devcluster

import (
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock on a file, or fails at once. It lies far behind the text in the file, which others may read.
func tryLock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{Offset: 1 << 30})
}
