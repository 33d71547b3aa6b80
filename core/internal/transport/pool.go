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
	stop    context.CancelFunc
	ctx     context.Context // ends dials when the pool closes
}

// entry is a connection, or the dial that will become one.
type entry struct {
	ready chan struct{} // closed when conn or err is set
	conn  *Conn
	err   error
}

// NewPool makes a pool. The config must not change afterwards.
func NewPool(cfg *Config) *Pool {
	p := &Pool{cfg: cfg, entries: map[Key]*entry{}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// Config is the pool's configuration.
func (p *Pool) Config() *Config { return p.cfg }

// Get gives the connection of a key, dialling it if there is none or the old one has ended. A caller whose ctx ends stops
// waiting; the dial goes on for the others within the connection timeout.
func (p *Pool) Get(ctx context.Context, key Key) (*Conn, error) {
	start := time.Now()
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, fluvioerr.New(fluvioerr.Closed, "connect", "the client was closed").AtAddr(key.Addr)
		}
		e := p.entries[key]
		if e == nil {
			e = &entry{ready: make(chan struct{})}
			p.entries[key] = e
			p.dials.Add(1)
			go p.dial(key, e)
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
		if e.conn.Err() == nil {
			return e.conn, nil
		}
		p.forget(key, e)
	}
}

// dial fills an entry. A failed one leaves the pool at once, so that the next Get dials again.
func (p *Pool) dial(key Key, e *entry) {
	defer p.dials.Done()
	e.conn, e.err = Dial(p.ctx, key, p.cfg)
	if e.err != nil {
		p.forget(key, e)
	}
	close(e.ready)
}

func (p *Pool) forget(key Key, e *entry) {
	p.mu.Lock()
	if p.entries[key] == e {
		delete(p.entries, key)
	}
	p.mu.Unlock()
}

// CloseOwner ends the connections of one owner.
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
	entries := p.entries
	p.entries = map[Key]*entry{}
	p.mu.Unlock()
	p.stop()
	p.dials.Wait()
	for _, e := range entries {
		if e.conn != nil {
			e.conn.Close()
		}
	}
}
