package devcluster

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// folderLock keeps a data folder to one cluster. The lock ends with the process, however that ends.
type folderLock struct{ file *os.File }

const lockName = "lock"

// lockFolder takes the folder, or says who has it.
func lockFolder(dir string) (*folderLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, folderError(err)
	}
	if err := tryLock(file); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(file, 32))
		file.Close()
		e := fluvioerr.New(fluvioerr.InvalidState, "open data folder", "%s is in use by process %s", dir, strings.TrimSpace(string(owner)))
		return nil, e.ForSetting("data_dir").WithHint("stop the cluster that uses the folder, or choose another folder")
	}
	if err = file.Truncate(0); err == nil {
		_, err = file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
	if err != nil {
		file.Close()
		return nil, folderError(err)
	}
	return &folderLock{file}, nil
}

// release gives the folder up; a second call, or one without a folder, does nothing.
func (l *folderLock) release() {
	if l != nil {
		l.file.Close()
	}
}

func folderError(err error) error {
	return fluvioerr.Wrap(fluvioerr.InvalidArgument, "open data folder", err).ForSetting("data_dir")
}
