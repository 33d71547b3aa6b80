package transport

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Pool keeps one connection per key and dials each only once at a time.
type Pool struct {
	cfg *Config

	mu       sync.Mutex
	entries  map[Key]*entry      // guarded by mu
	breakers map[string]*breaker // guarded by mu: by address
	reaper   *time.Timer         // guarded by mu: looks for idle connections, nil while there is none at all
	closed   bool                // guarded by mu
	dials    sync.WaitGroup

	telling   sync.Mutex
	listeners map[*func(Event)]struct{} // guarded by telling
}

// entry is a connection, or the dial that will become one.
type entry struct {
	ready chan struct{}      // closed when conn or err is set
	stop  context.CancelFunc // ends the dial
	conn  *Conn
	err   error
}

// NewPool makes a pool. The config must not change afterwards.
func NewPool(cfg *Config) *Pool {
	return &Pool{cfg: cfg, entries: map[Key]*entry{}, breakers: map[string]*breaker{}, listeners: map[*func(Event)]struct{}{}}
}

// Listen makes tell hear of what happens to the pool's connections, one event at a time, until stop has returned. It must not
// block, nor call the pool.
func (p *Pool) Listen(tell func(Event)) (stop func()) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.listeners[&tell] = struct{}{}
	return func() {
		p.telling.Lock()
		defer p.telling.Unlock()
		delete(p.listeners, &tell)
	}
}

func (p *Pool) emit(e Event) {
	p.telling.Lock()
	defer p.telling.Unlock()
	for tell := range p.listeners {
		(*tell)(e)
	}
}

// Config is the pool's configuration.
func (p *Pool) Config() *Config { return p.cfg }

// Get gives the connection of a key, dialling it if there is none or the old one has ended or is not sound. A caller whose ctx ends stops
// waiting; the dial goes on for the others within the connection timeout.
func (p *Pool) Get(ctx context.Context, key Key) (*Conn, error) {
	start := time.Now()
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed(key)
		}
		e := p.entries[key]
		if e == nil {
			dialling, stop := context.WithCancel(context.WithoutCancel(ctx)) // its values are for hooks
			e = &entry{ready: make(chan struct{}), stop: stop}
			p.entries[key] = e
			p.dials.Add(1)
			go p.dial(dialling, key, e, p.guard(key.Addr, key.Role))
		}
		select {
		case <-e.ready:
			if e.conn != nil {
				e.conn.use() // under the lock: it is not found idle any more
			}
		default:
		}
		p.mu.Unlock()
		select {
		case <-e.ready:
		case <-ctx.Done():
			return nil, fluvioerr.FromContext(ctx, "connect", "a connection", time.Since(start)).AtAddr(key.Addr)
		}
		if e.err != nil {
			own := *fluvioerr.As(e.err) // others wait for the same dial, and each completes its error
			own.Detail = maps.Clone(own.Detail)
			return nil, &own
		}
		if e.conn.Sound() {
			return e.conn, nil
		}
		p.forget(key, e)
	}
}

// dial fills an entry. A failed one leaves the pool at once, so that the next Get dials again.
func (p *Pool) dial(ctx context.Context, key Key, e *entry, guard *breaker) {
	defer p.dials.Done()
	if e.conn, e.err = p.attempt(ctx, key, guard); e.err != nil {
		p.forget(key, e)
	} else {
		p.emit(Event{Kind: Connected, Addr: key.Addr, Role: key.Role})
		e.conn.onEnd(func(err error) {
			if !wanted(err) {
				p.emit(Event{Kind: Lost, Addr: key.Addr, Role: key.Role, Err: err})
			}
		})
		p.watchIdle()
	}
	e.stop()
	close(e.ready)
}

// attempt dials, if the breaker lets it.
func (p *Pool) attempt(ctx context.Context, key Key, guard *breaker) (conn *Conn, err error) {
	done := func(error) {}
	if guard != nil {
		if done, err = guard.allow(key.Addr); err != nil {
			return nil, err
		}
	}
	conn, err = Dial(ctx, key, p.cfg)
	if err != nil && ctx.Err() != nil {
		err = errClosed(key) // by Close or CloseOwner: not the caller's cancellation
	}
	done(err)
	return conn, err
}

// watchIdle makes the reaper run.
func (p *Pool) watchIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaper == nil && p.cfg.IdleTimeout > 0 && !p.closed {
		p.reaper = time.AfterFunc(p.cfg.IdleTimeout/idleLooks, p.reap)
	}
}

// idleLooks is how often a connection is looked at before it is idle for too long.
const idleLooks = 4

// reap closes what was not used for the idle timeout, and comes again while there are connections.
func (p *Pool) reap() {
	var idle []*entry
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	for key, e := range p.entries {
		select {
		case <-e.ready:
			if e.conn != nil && e.conn.idle() >= p.cfg.IdleTimeout {
				delete(p.entries, key)
				idle = append(idle, e)
			}
		default:
		}
	}
	if p.reaper = nil; len(p.entries) > 0 {
		p.reaper = time.AfterFunc(p.cfg.IdleTimeout/idleLooks, p.reap)
	}
	p.dials.Add(1)
	p.mu.Unlock()
	defer p.dials.Done()
	for _, e := range idle {
		e.conn.Fail(errIdle)
	}
	closeAll(idle)
}

// errIdle ends a connection that nobody used. Who held it all the same may try again.
var errIdle error = fluvioerr.New(fluvioerr.Connection, "", "the connection was closed because nobody used it").ForSetting("idle_connection_timeout_ms")

// wanted says whether it was this side that had a connection end, for no fault of it.
func wanted(err error) bool { return err == errIdle || fluvioerr.CodeOf(err) == fluvioerr.Closed }

func errClosed(key Key) error {
	return fluvioerr.New(fluvioerr.Closed, "connect", "the client was closed").AtAddr(key.Addr)
}

func (p *Pool) forget(key Key, e *entry) {
	p.mu.Lock()
	if p.entries[key] == e {
		delete(p.entries, key)
	}
	p.mu.Unlock()
}

// CloseOwner ends the connections and dials of one owner.
func (p *Pool) CloseOwner(owner uint64) {
	p.mu.Lock()
	var gone []*entry
	for key, e := range p.entries {
		if key.Owner == owner {
			delete(p.entries, key)
			gone = append(gone, e)
		}
	}
	p.mu.Unlock()
	closeAll(gone)
}

// closeAll ends the dials and connections of entries that have left the pool.
func closeAll(gone []*entry) {
	for _, e := range gone {
		e.stop()
	}
	for _, e := range gone {
		<-e.ready
		if e.conn != nil {
			e.conn.Close()
		}
	}
}

// Close ends every connection and dial, and returns when their goroutines have ended.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	gone := make([]*entry, 0, len(p.entries))
	for _, e := range p.entries {
		gone = append(gone, e)
	}
	p.entries = map[Key]*entry{}
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	closeAll(gone)
	p.dials.Wait()
}
