package transport

import (
	"context"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Pool keeps one connection per key and dials each only once at a time.
type Pool struct {
	cfg *Config

	mu      sync.Mutex
	entries map[Key]*entry // guarded by mu
	closed  bool           // guarded by mu
	dials   sync.WaitGroup
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
	return &Pool{cfg: cfg, entries: map[Key]*entry{}}
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
			go p.dial(dialling, key, e)
		}
		p.mu.Unlock()
		select {
		case <-e.ready:
		case <-ctx.Done():
			return nil, fluvioerr.FromContext(ctx, "connect", "a connection", time.Since(start)).AtAddr(key.Addr)
		}
		if e.err != nil {
			return nil, e.err
		}
		if e.conn.Sound() {
			return e.conn, nil
		}
		p.forget(key, e)
	}
}

// dial fills an entry. A failed one leaves the pool at once, so that the next Get dials again.
func (p *Pool) dial(ctx context.Context, key Key, e *entry) {
	defer p.dials.Done()
	e.conn, e.err = Dial(ctx, key, p.cfg)
	if e.err != nil {
		if ctx.Err() != nil {
			e.err = errClosed(key) // by Close or CloseOwner: not the caller's cancellation
		}
		p.forget(key, e)
	}
	e.stop()
	close(e.ready)
}

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
	p.mu.Unlock()
	closeAll(gone)
	p.dials.Wait()
}
