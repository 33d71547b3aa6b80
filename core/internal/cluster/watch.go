package cluster

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// labels in the order the official client watches them.
var labels = []string{wire.LabelSPU, wire.LabelPartition, wire.LabelTopic}

// watch is one connection with its three streams.
type watch struct {
	conn     *transport.Conn
	messages chan message
	state    *state
}

// message is what one stream said, or that the connection has ended.
type message struct {
	update wire.MetadataUpdate
	err    error
}

// connect opens the watch connection and waits for the first message of each stream. The first message may be empty: a
// cluster without objects says so.
func (c *Cluster) connect(ctx context.Context) (*watch, error) {
	conn, err := c.pool.Get(ctx, transport.Key{Addr: c.cfg.Endpoint, ServerName: c.cfg.ServerName, Role: wire.SC, Kind: transport.Watch})
	if err != nil {
		return nil, err
	}
	// Unread messages queue up here. The channel is roomy, and a full one only delays the reader of this connection,
	// which carries nothing else.
	w := &watch{conn: conn, messages: make(chan message, 256), state: newState()}
	version, err := conn.Versions().For(wire.KeyWatch)
	if err != nil {
		return nil, err
	}
	for _, label := range labels {
		if _, err := conn.Stream(wire.KeyWatch, version, &wire.WatchRequest{Label: label}, w.receive(conn, version)); err != nil {
			return nil, err
		}
	}
	start, timeout := time.Now(), time.NewTimer(c.pool.Config().RequestTimeout)
	defer timeout.Stop()
	seen := map[string]bool{}
	for len(seen) < len(labels) {
		select {
		case m := <-w.messages:
			if m.err != nil {
				return nil, m.err
			}
			seen[m.update.Label] = true
			w.state.apply(&m.update)
		case <-ctx.Done():
			conn.Fail(ctx.Err())
			return nil, fluvioerr.FromContext(ctx, "connect", "the cluster's metadata", time.Since(start)).AtAddr(c.cfg.Endpoint)
		case <-timeout.C:
			err := fluvioerr.NewTimeout("connect", "the cluster's metadata", time.Since(start)).AtAddr(c.cfg.Endpoint)
			conn.Fail(err)
			return nil, err
		}
	}
	c.publish(w.state.snapshot(c.cfg.LocalAddress))
	return w, nil
}

// receive decodes on the reader's goroutine and hands over.
func (w *watch) receive(conn *transport.Conn, version int16) func(*transport.Buffer, []byte, error) {
	return func(_ *transport.Buffer, body []byte, err error) {
		m := message{err: err}
		if err == nil {
			if _, err := wire.Decode(body, version, &m.update); err != nil {
				conn.Fail(err)
				return
			}
			select {
			case w.messages <- m:
			case <-conn.Done():
			}
			return
		}
		select {
		case w.messages <- m:
		default: // full: the reading side sees conn.Done
		}
	}
}

// run applies messages and reconnects, until the cluster is closed.
func (c *Cluster) run(ctx context.Context, w *watch) {
	defer close(c.done)
	backoff := transport.NewBackoff(c.cfg.BackoffFirst, c.cfg.BackoffMax)
	for {
		err := c.follow(ctx, w)
		if ctx.Err() != nil {
			return
		}
		c.setLost(err)
		c.event(WatchLost, err)
		for w = nil; w == nil; {
			if !backoff.Wait(ctx, nil) {
				return
			}
			if w, err = c.connect(ctx); err != nil {
				w = nil
				c.setLost(err)
			}
		}
		backoff.Reset()
		c.setLost(nil)
		c.event(WatchRecovered, nil)
	}
}

// follow applies messages until the connection ends.
func (c *Cluster) follow(ctx context.Context, w *watch) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.conn.Done():
			return w.conn.Err()
		case m := <-w.messages:
			if m.err != nil {
				return m.err
			}
			if w.state.apply(&m.update) {
				c.publish(w.state.snapshot(c.cfg.LocalAddress))
			}
		}
	}
}

func (c *Cluster) event(kind EventKind, err error) {
	if c.cfg.Event != nil {
		c.cfg.Event(kind, err)
	}
}
