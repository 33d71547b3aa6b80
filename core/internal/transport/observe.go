package transport

import (
	"context"
	"sync"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// observer is who is told what connections do; never nil.
func (c *Config) observer() *obs.Observer {
	if c.Observer == nil {
		return obs.Nobody
	}
	return c.Observer
}

// Observer is who is told what connections do, and what is done with them; never nil.
func (p *Pool) Observer() *obs.Observer { return p.cfg.observer() }

// observed is the connection for an observer.
func (k *Key) observed() obs.Conn {
	return obs.Conn{Addr: k.Addr, Role: k.Role.String(), Kind: k.Kind.String()}
}

// code names an error for an observer.
func code(err error) string {
	if err == nil {
		return ""
	}
	return fluvioerr.CodeOf(err).String()
}

// begin tells of a request.
func (c *Conn) begin(ctx context.Context, api uint16, version int16, body [][]byte) *obs.Pending {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	return c.cfg.observer().Request(ctx, obs.Request{Conn: c.key.observed(), API: apiName(c.key.Role, api), Version: version, Bytes: size})
}

// watched tells of a request of Go, whose end may be an answer, a failure, or that it was abandoned.
func (c *Conn) watched(ctx context.Context, w *call, body [][]byte) (abandon func()) {
	pending, onFrame := c.begin(ctx, w.api, w.version, body), w.onFrame
	w.onFrame = func(frame *Buffer, answer []byte, err error) {
		pending.End(code(err), err)
		onFrame(frame, answer, err)
	}
	given := c.start(w, body)
	return sync.OnceFunc(func() {
		given()
		err := fluvioerr.New(fluvioerr.Cancelled, "", "nobody waits for the answer any more").AtAddr(c.key.Addr)
		pending.End(code(err), err)
	})
}
