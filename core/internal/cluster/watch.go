package cluster

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// loadGrace is how long an SC may say that it has nothing, at epoch 0, until it is believed: a restarted one that has not
// read its store yet says the same.
const loadGrace = 2 * time.Second

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

// connect opens the watch connection and waits until each stream has told what there is. The connection fails when that
// does not work, so that the next attempt begins anew.
func (c *Cluster) connect(ctx context.Context) (*watch, error) {
	conn, err := c.pool.Get(ctx, transport.Key{Addr: c.cfg.Endpoint, ServerName: c.cfg.ServerName, Role: wire.SC, Kind: transport.Watch, Owner: c.owner})
	if err != nil {
		return nil, err
	}
	// Unread messages queue up here. The channel is roomy, and a full one only delays the reader of this connection,
	// which carries nothing else.
	w := &watch{conn: conn, messages: make(chan message, 256), state: newState()}
	if c.state != nil {
		w.state.succeed(c.state)
	}
	if err = w.begin(); err == nil {
		err = c.load(ctx, w)
	}
	if err != nil {
		conn.Fail(err)
		return nil, err
	}
	w.state.loaded()
	c.mu.Lock()
	c.platform = conn.Versions().Platform
	c.mu.Unlock()
	c.publish(w.state.snapshot(c.cfg.LocalAddress))
	if c.state == nil {
		close(c.loaded)
	}
	c.state = w.state
	return w, nil
}

// begin opens the streams.
func (w *watch) begin() error {
	version, err := w.conn.Versions().For(wire.KeyWatch)
	if err != nil {
		return err
	}
	for _, label := range labels {
		if _, err := w.conn.Stream(wire.KeyWatch, version, &wire.WatchRequest{Label: label}, w.receive(w.conn, label, version)); err != nil {
			return err
		}
	}
	return nil
}

// load applies messages until every stream has told what there is. An empty message at epoch 0 does not: an SC that has not
// read its store yet says so. A cluster that was empty before is believed to be so after loadGrace; of one that was not,
// the old snapshot stays until the SC knows it again.
func (c *Cluster) load(ctx context.Context, w *watch) error {
	start, grace := time.Now(), time.NewTimer(loadGrace)
	defer grace.Stop()
	var timeout <-chan time.Time
	if d := c.pool.Config().RequestTimeout; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		timeout = timer.C
	}
	before := c.Snapshot()
	mayBeEmpty := len(before.Topics) == 0 && len(before.SPUs) == 0
	patient := true
	seen, loaded := map[string]bool{}, map[string]bool{}
	for len(loaded) < len(labels) && (patient || len(seen) < len(labels)) {
		select {
		case m := <-w.messages:
			if m.err != nil {
				return m.err
			}
			u := &m.update
			c.heard.Store(time.Now().UnixNano())
			seen[u.Label] = true
			if u.Epoch > 0 || len(u.All) > 0 || len(u.Changes) > 0 {
				loaded[u.Label] = true
			}
			w.state.apply(u)
		case <-grace.C:
			patient = !mayBeEmpty
		case <-ctx.Done():
			return fluvioerr.FromContext(ctx, "connect", "the cluster's metadata", time.Since(start)).AtAddr(c.cfg.Endpoint)
		case <-timeout:
			return fluvioerr.NewTimeout("connect", "the cluster's metadata", time.Since(start)).AtAddr(c.cfg.Endpoint)
		}
	}
	return nil
}

// receive decodes on the reader's goroutine and hands over.
func (w *watch) receive(conn *transport.Conn, label string, version int16) func(*transport.Buffer, []byte, error) {
	return func(_ *transport.Buffer, body []byte, err error) { // the objects may hold views of the frame: it is not released
		m := message{err: err}
		if err == nil {
			if _, err := wire.Decode(body, version, &m.update); err != nil {
				if p := conn.Versions().Platform; p == "0.11.7" || p == "0.11.8" {
					fluvioerr.As(err).WithHint("platforms 0.11.7 and 0.11.8 describe mirror topics in a form of their own: delete them, or upgrade to 0.11.9")
				}
				conn.Fail(err)
				return
			}
			if m.update.Label != label {
				conn.Fail(otherType("watch", label, m.update.Label).AtAddr(conn.Key().Addr))
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

// run applies messages and reconnects, until the cluster is closed. w is nil when it was not connected yet.
func (c *Cluster) run(ctx context.Context, w *watch) {
	defer close(c.done)
	backoff := transport.NewBackoff(c.cfg.BackoffFirst, c.cfg.BackoffMax)
	for {
		var err error
		if w == nil {
			if w, err = c.connect(ctx); err == nil {
				c.recovered()
			}
		}
		if w != nil {
			since := time.Now()
			err = c.follow(ctx, w)
			// A watch that held is a success. One that breaks at once, again and again, waits longer and longer.
			if time.Since(since) > c.cfg.BackoffMax {
				backoff.Reset()
			}
		}
		if w = c.reconnect(ctx, backoff, err); w == nil {
			return
		}
		c.recovered()
	}
}

// recovered notes that the watch is up.
func (c *Cluster) recovered() {
	c.setLost(nil)
	c.wake()
	c.log().LogAttrs(context.Background(), slog.LevelInfo, "metadata watch recovered")
	c.event(Event{Kind: WatchRecovered})
}

// reconnect tries until the watch works again; nil: ctx ended first. err is why it does not work now.
func (c *Cluster) reconnect(ctx context.Context, backoff *transport.Backoff, err error) (w *watch) {
	if ctx.Err() == nil {
		c.log().LogAttrs(ctx, slog.LevelWarn, "metadata watch lost", failure(err))
	}
	for {
		if ctx.Err() != nil {
			return nil
		}
		if isHopeless(err) {
			if !c.giveUp(ctx, err) {
				return nil
			}
		} else {
			c.setLost(err)
			wait := max(backoff.Next(), fluvioerr.RetryAfter(err))
			c.log().LogAttrs(ctx, slog.LevelInfo, "reconnecting the metadata watch", slog.Int("attempt", backoff.Attempt()), slog.Duration("delay", wait), failure(err))
			c.event(Event{Kind: WatchRetry, Attempt: backoff.Attempt(), Delay: wait, Err: err})
			if !backoff.Sleep(ctx, wait, nil) {
				return nil
			}
			c.Observer().Retried("watch", 1)
		}
		if w, err = c.connect(ctx); err == nil {
			return w
		}
	}
}

// isHopeless says whether an error is one of configuration, which trying again does not mend.
func isHopeless(err error) bool {
	switch fluvioerr.CodeOf(err) {
	case fluvioerr.TLS, fluvioerr.InvalidArgument, fluvioerr.Permission, fluvioerr.Unsupported:
		return true
	}
	return false
}

// giveUp waits until the application asks the SC for something; false when ctx ended first.
func (c *Cluster) giveUp(ctx context.Context, err error) bool {
	select {
	case <-c.wanted: // of before
	default:
	}
	c.mu.Lock()
	c.lost = err
	c.gaveUps++
	c.mu.Unlock()
	c.wake()
	c.log().LogAttrs(ctx, slog.LevelError, "gave up on the metadata watch until the application asks for something", failure(err))
	c.event(Event{Kind: WatchGaveUp, Err: err})
	select {
	case <-c.wanted:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow applies messages until the connection ends. An SC that has said nothing for the request timeout is asked for a sign of
// life: keep-alive finds a host that is gone, but neither a process that hangs nor a proxy that has lost its other side.
func (c *Cluster) follow(ctx context.Context, w *watch) error {
	patience := c.pool.Config().RequestTimeout
	var look <-chan time.Time
	if patience > 0 {
		ticker := time.NewTicker(patience / 2)
		defer ticker.Stop()
		look = ticker.C
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	var answer chan error // to the question under way
	for {
		select {
		case <-look:
			if answer == nil && w.conn.Quiet() >= patience {
				to := make(chan error, 1)
				answer = to
				asking.Go(func() { to <- ping(ctx, w.conn, patience) })
			}
		case err := <-answer:
			if answer = nil; err != nil {
				w.conn.Fail(err)
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-w.conn.Done():
			return w.conn.Err()
		case m := <-w.messages:
			if m.err != nil {
				return m.err
			}
			c.heard.Store(time.Now().UnixNano())
			if w.state.apply(&m.update) {
				c.publish(w.state.snapshot(c.cfg.LocalAddress))
			}
		}
	}
}

func (c *Cluster) log() *slog.Logger { return c.Observer().Log.With("addr", c.cfg.Endpoint) }

// failure is the attribute of an error in a log.
func failure(err error) slog.Attr { return obs.Err(fluvioerr.CodeOf(err).String(), err) }

// ping asks a server for a sign of life.
func ping(ctx context.Context, conn *transport.Conn, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := conn.Ping(ctx)
	return err
}

func (c *Cluster) event(e Event) {
	if c.cfg.Event != nil {
		c.cfg.Event(e)
	}
}
