package main

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// client is what stands behind a fluvio_client_t.
type client struct {
	id     uint64
	core   *fluvio.Client
	verify *verifier // nil: nobody is asked
	handle *C.fluvio_client_t
	ctx    context.Context // ends when the client begins to close
	cancel context.CancelFunc
	closer closer

	mu       sync.Mutex
	closing  bool
	children map[child]struct{}
}

// child is a producer, consumer or watch of a client.
type child interface {
	closeWithClient(ctx context.Context) error
}

// connect carries out fluvio_client_connect.
func (op *operation) connect(ctx context.Context) (unsafe.Pointer, error) {
	js, err := op.config()
	if err != nil {
		return nil, err
	}
	options, err := fluvio.ParseClientOptions(js)
	if err != nil {
		return nil, err
	}
	op.observe(&options)
	verify := newVerifier(op.verifier)
	if verify != nil {
		options.TLSVerify = verify.ask
	}
	core, err := fluvio.Connect(ctx, options)
	if err != nil {
		verify.end(ctx)
		return nil, err
	}
	c := &client{core: core, verify: verify, children: map[child]struct{}{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.id = clients.add(c)
	c.handle = op.newClientHandle(c.id, core.PlatformVersion())
	if c.handle == nil {
		clients.remove(c.id)
		c.cancel()
		defer verify.end(ctx)
		return nil, abandon(core.Close, "connect")
	}
	return unsafe.Pointer(c.handle), nil
}

// newClientHandle makes the C side of a client; nil when memory is short.
func (op *operation) newClientHandle(id uint64, platformVersion string) *C.fluvio_client_t {
	version := C.CString(platformVersion)
	defer C.free(unsafe.Pointer(version))
	return C.fluvioc_client_new(C.uint64_t(id), version, op.events, op.log, op.hooks)
}

// health carries out fluvio_client_health.
func (c *client) health(ctx context.Context) (unsafe.Pointer, error) {
	h, err := c.core.Health(ctx)
	if err != nil {
		return nil, err
	}
	return cText("health", h)
}

// abandonWait bounds closing an object for which C had no memory.
const abandonWait = time.Second

// abandon closes an object that cannot be handed out and says why.
func abandon(closeIt func(context.Context) error, op string) error {
	ctx, cancel := context.WithTimeout(context.Background(), abandonWait)
	defer cancel()
	e := fluvioerr.New(fluvioerr.OutOfMemory, op, "no memory for the handle")
	if err := closeIt(ctx); err != nil {
		e.Err = err
	}
	return e
}

// adopt registers a child; false when the client closes already.
func (c *client) adopt(x child) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.children[x] = struct{}{}
	return true
}

// forget takes a child out.
func (c *client) forget(x child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.children, x)
}

// close ends the requests that run, closes producers, consumers and watches side by side, then the connection.
func (c *client) close(ctx context.Context) error {
	return c.closer.do(ctx, "close client", func() error {
		c.mu.Lock()
		c.closing = true
		children := make([]child, 0, len(c.children))
		for x := range c.children {
			children = append(children, x)
		}
		c.mu.Unlock()
		c.cancel()
		C.fluvioc_closing(unsafe.Pointer(c.handle))
		errs := make(chan error, len(children))
		for _, x := range children {
			go func() {
				defer func() {
					if r := recover(); r != nil {
						errs <- bug(r)
					}
				}()
				errs <- x.closeWithClient(ctx)
			}()
		}
		var first error
		for range children {
			if err := <-errs; err != nil && first == nil {
				first = err
			}
		}
		if err := c.core.Close(ctx); err != nil && first == nil {
			first = err
		}
		c.verify.end(ctx)
		clients.remove(c.id)
		C.fluvioc_closed(unsafe.Pointer(c.handle))
		dropAfter(ctx, c.core.Close, unsafe.Pointer(c.handle))
		return first
	})
}

// dropAfter drops Go's reference of a handle when its object's core, which may have had to give up waiting, has really closed: until
// then it may use the queues that the handle keeps. It waits for that, which usually is so already, as long as ctx lets it.
func dropAfter(ctx context.Context, closeCore func(context.Context) error, handle unsafe.Pointer) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = closeCore(context.Background())
		C.fluvioc_drop(handle)
	}()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// closer lets one caller do the closing and the others wait for it.
type closer struct {
	mu   sync.Mutex
	done chan struct{}
	err  error
}

// do calls closeIt unless it was called before; else it waits until that call is done, and returns its error.
func (c *closer) do(ctx context.Context, op string, closeIt func() error) error {
	start := time.Now()
	c.mu.Lock()
	done := c.done
	if done == nil {
		c.done = make(chan struct{})
		c.mu.Unlock()
		defer close(c.done)
		c.err = closeIt()
		return c.err
	}
	c.mu.Unlock()
	select {
	case <-done:
		return c.err
	case <-ctx.Done():
		return fluvioerr.FromContext(ctx, op, "another close of the same handle", time.Since(start))
	}
}
