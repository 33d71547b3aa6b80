// Package main is the Go half of libfluvio.so. The C half, which is every public function of fluvio.h, keeps the handles
// and the queues; this half does the work, by package core. It holds no protocol and no policy.
//
// The two halves meet in bridge.h. C never calls Go: operations and signals lie in a list, one goroutine takes them, and a
// pipe wakes it through the netpoller. So no thread of the host ever enters the Go runtime, which costs 150 µs from hosts
// that switch stacks, and a forked child cannot hang in it. Go calls C to end an operation, to fill a batch, to report a
// delivery: short functions that lock, move pointers and return.
//
// Build, in the root of the repository:
//
//	CGO_ENABLED=1 go build -trimpath -buildmode=c-shared \
//	  -ldflags "-s -w -extldflags '-Wl,-soname,libfluvio.so.1 -Wl,--version-script=$PWD/capi/fluvio.map -Wl,-z,defs'" \
//	  -o build/lib/libfluvio.so ./capi
//
// The version script and the table of codes are written by core/internal/gen. FLUVIO_MAXPROCS in the environment limits the
// processors the library uses, as GOMAXPROCS does for a Go program.
package main

/*
#cgo CFLAGS: -std=gnu11 -Wall -Wextra -Werror -O2 -fvisibility=hidden -I${SRCDIR}/../include
#cgo !windows LDFLAGS: -lpthread
#cgo windows CFLAGS: -DFLUVIO_BUILDING
#cgo windows LDFLAGS: -lws2_32
#include "bridge.h"
*/
import "C"

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
)

// The library starts working when it is loaded: there is no main in a shared library.
func init() {
	if n, err := strconv.Atoi(os.Getenv("FLUVIO_MAXPROCS")); err == nil && n > 0 {
		runtime.GOMAXPROCS(n)
	}
	go serve()
}

func main() {}

// table holds the Go objects behind the handles of one kind, by the number that C knows them by.
type table[T any] struct {
	mu      sync.Mutex
	last    uint64
	objects map[uint64]T
}

// add stores an object and returns its number.
func (t *table[T]) add(object T) uint64 {
	t.mu.Lock()
	t.last++
	id := t.last
	t.mu.Unlock()
	t.put(id, object)
	return id
}

// put stores an object under a number that the caller chose.
func (t *table[T]) put(id uint64, object T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.objects == nil {
		t.objects = map[uint64]T{}
	}
	t.objects[id] = object
}

// get returns the object of a number; ok is false when it is gone.
func (t *table[T]) get(id uint64) (object T, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	object, ok = t.objects[id]
	return object, ok
}

// remove forgets an object.
func (t *table[T]) remove(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.objects, id)
}

var (
	clients   table[*client]
	producers table[*producer]
	consumers table[*consumer]
	watches   table[*watch]
	running   table[context.CancelFunc] // how to end the operations that run; C chose their numbers
)

// serve takes signals from C for as long as the process lives.
func serve() {
	for wake := newWaker(); ; wake.wait() {
		var signal C.fluvioc_signal_t
		for C.fluvioc_next(&signal) != 0 {
			handle(&signal)
		}
	}
}

// handle acts on one signal and never blocks.
func handle(s *C.fluvioc_signal_t) {
	id := uint64(s.id)
	switch {
	case s.signals&C.FLUVIOC_RUN != 0:
		startOperation(s)
	case s.signals&C.FLUVIOC_CANCEL != 0:
		cancelOperation(id)
	case s.signals&C.FLUVIOC_DATA != 0:
		if p, ok := producers.get(id); ok {
			notify(p.data)
		}
	default:
		c, ok := consumers.get(id)
		if ok && s.signals&C.FLUVIOC_ROOM != 0 {
			notify(c.room)
		}
		if ok && s.signals&C.FLUVIOC_QUIET != 0 {
			notify(c.quiet)
		}
	}
}

// notify puts a token into a channel that has room for one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
