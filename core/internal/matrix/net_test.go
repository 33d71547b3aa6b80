package matrix

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// network is what lies between a client and its cluster.
type network struct {
	delay atomic.Int64 // longest delay of a piece, in ns
	slice atomic.Bool  // pieces of one byte
	dials atomic.Int64
	hits  atomic.Int64 // pieces that something was done to

	mu    sync.Mutex
	rng   *rand.Rand         // guarded by mu
	conns map[*link]struct{} // guarded by mu
	hole  chan struct{}      // guarded by mu: closed when the black hole ends; nil: there is none
	dead  string             // guarded by mu: the only address that hole is about; "": all
	cut   int                // guarded by mu: after how many bytes connections break, 0: they do not
}

func newNetwork(rng *rand.Rand) *network {
	return &network{rng: rand.New(rand.NewPCG(rng.Uint64(), 0)), conns: map[*link]struct{}{}}
}

// hit counts as strikes what the network does from now on.
func (r *run) hit() {
	before := r.net.hits.Load()
	r.strikes(func() int { return int(r.net.hits.Load() - before) })
}

func (n *network) intn(limit int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rng.IntN(limit)
}

// dial is for ClientOptions.DialContext.
func (n *network) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.dials.Add(1)
	if hole := n.holeAt(addr); hole != nil {
		n.hits.Add(1)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-hole:
		}
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: c, net: n, addr: addr, closed: make(chan struct{})}
	n.mu.Lock()
	n.conns[l] = struct{}{}
	if n.cut > 0 {
		l.left.Store(int64(1 + n.rng.IntN(n.cut)))
	}
	n.mu.Unlock()
	return l, nil
}

func (n *network) holeAt(addr string) chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead != "" && n.dead != addr {
		return nil
	}
	return n.hole
}

// swallow makes everything that is sent to an address, or to all, vanish, and everything that comes wait. half: connections stay
// dead after the end.
func (n *network) swallow(addr string, half bool) (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hole := make(chan struct{})
	n.hole, n.dead = hole, addr
	for c := range n.conns {
		if addr == "" || c.addr == addr {
			c.half.Store(half)
		}
	}
	return func() {
		n.mu.Lock()
		n.hole, n.dead = nil, ""
		n.mu.Unlock()
		close(hole)
	}
}

// cutAfter breaks connections from now on after at most so many bytes; those there are, now.
func (n *network) cutAfter(bytes int) {
	n.mu.Lock()
	n.cut = bytes
	var all []*link
	for c := range n.conns {
		all = append(all, c)
	}
	n.mu.Unlock()
	if bytes > 0 {
		for _, c := range all {
			c.breakOff()
		}
	}
}

// link is a connection through the network.
type link struct {
	net.Conn
	net    *network
	addr   string
	left   atomic.Int64 // bytes until it breaks, 0: never
	half   atomic.Bool  // dead for good
	closed chan struct{}
	once   sync.Once
}

// breakOff ends the connection, by a reset or by an orderly end.
func (l *link) breakOff() {
	l.net.hits.Add(1)
	if tcp, ok := l.Conn.(*net.TCPConn); ok && l.net.intn(2) == 0 {
		_ = tcp.SetLinger(0)
	}
	_ = l.Conn.Close()
}

func (l *link) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		delete(l.net.conns, l)
		l.net.mu.Unlock()
	})
	return l.Conn.Close()
}

// pass lets a piece through: it says how many bytes of n, and whether they vanish.
func (l *link) pass(n int) (may int, vanish bool) {
	if d := l.net.delay.Load(); d > 0 {
		l.net.hits.Add(1)
		time.Sleep(time.Duration(l.net.intn(int(d))))
	}
	if l.net.slice.Load() {
		l.net.hits.Add(1)
		n = min(n, 1)
	}
	if left := l.left.Load(); left > 0 {
		n = min(n, int(left))
	}
	return n, l.half.Load() || l.net.holeAt(l.addr) != nil
}

// spend counts bytes against the end of the connection.
func (l *link) spend(n int) {
	if l.left.Load() > 0 && l.left.Add(int64(-n)) <= 0 {
		l.left.Store(0)
		l.breakOff()
	}
}

func (l *link) Read(p []byte) (int, error) {
	n, vanish := l.pass(len(p))
	if vanish {
		if err := l.wait(); err != nil {
			return 0, err
		}
	}
	n, err := l.Conn.Read(p[:n])
	if l.half.Load() { // it has died meanwhile
		if err := l.wait(); err != nil {
			return 0, err
		}
	}
	l.spend(n)
	return n, err
}

// wait is what a reader of a black hole does.
func (l *link) wait() error {
	hole := l.net.holeAt(l.addr)
	if l.half.Load() {
		hole = nil // which nothing ends
	} else if hole == nil {
		return nil
	}
	select {
	case <-hole:
		return nil
	case <-l.closed:
		return io.EOF
	}
}

func (l *link) Write(p []byte) (done int, err error) {
	for done < len(p) {
		n, vanish := l.pass(len(p) - done)
		if vanish {
			l.net.hits.Add(1)
		} else {
			if n, err = l.Conn.Write(p[done : done+n]); err != nil {
				return done, err
			}
			l.spend(n)
		}
		done += n
	}
	return done, nil
}
