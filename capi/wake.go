//go:build !windows

package main

// #include "bridge.h"
import "C"

import (
	"os"
	"time"
)

// pollPause is how long serve sleeps between looks at the list when there is no descriptor for its pipe.
const pollPause = 5 * time.Millisecond

// waker waits for C through the netpoller.
type waker struct {
	pipe  *os.File
	byte1 []byte
}

func newWaker() *waker {
	w := &waker{byte1: make([]byte, 1)}
	w.open()
	return w
}

func (w *waker) open() {
	if fd := C.fluvioc_wake_fd(); fd >= 0 {
		w.pipe = os.NewFile(uintptr(fd), "fluvio wake-up")
	}
}

// wait returns when there may be signals.
func (w *waker) wait() {
	if w.pipe == nil {
		time.Sleep(pollPause)
		w.open()
		return
	}
	if _, err := w.pipe.Read(w.byte1); err != nil {
		w.pipe = nil // cannot happen while both ends are ours; go on by looking
	}
}
