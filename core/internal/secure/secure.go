// Package secure is TLS whose sockets read and write large pieces, for both ends of a connection.
//
// crypto/tls reads and writes one record of up to 16 KiB at a time: two system calls to read it, one to write it, and a wake-up of the
// other end for each. Below it lies a buffered socket here, so that a system call brings or takes up to eight records.
package secure

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// recordSize is what a TLS record holds.
const recordSize = 16 << 10

// PieceSize is how much goes to the socket, or comes from it, at once.
const PieceSize = 8 * recordSize

// farewell is how long Close tries to say goodbye to a peer that does not read.
const farewell = 100 * time.Millisecond

// Conn is a TLS connection. After the handshake one goroutine may write, and another read; Close is for any.
type Conn struct {
	*tls.Conn
	under  *sock
	record []byte // the writer's own
}

// Client gives the client's side of sock; afterRead, unless nil, is called whenever something was read from it.
func Client(sock net.Conn, cfg *tls.Config, afterRead func()) *Conn {
	return newConn(sock, cfg, afterRead, tls.Client)
}

// Server gives the server's side of sock.
func Server(sock net.Conn, cfg *tls.Config) *Conn { return newConn(sock, cfg, nil, tls.Server) }

func newConn(nc net.Conn, cfg *tls.Config, afterRead func(), side func(net.Conn, *tls.Config) *tls.Conn) *Conn {
	s := &sock{Conn: nc, afterRead: afterRead}
	s.r = bufio.NewReaderSize(reader{s}, PieceSize)
	cfg = cfg.Clone()
	cfg.DynamicRecordSizingDisabled = true // small records gain nothing when they leave together
	return &Conn{Conn: side(s, cfg), under: s}
}

// Write gives p to the socket in pieces of PieceSize.
func (c *Conn) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		var k int
		k, err = c.WriteSome(&net.Buffers{p[n:min(len(p), n+PieceSize)]})
		n += k
	}
	return n, err
}

// WriteSome removes up to PieceSize bytes from the front of bufs and gives the records that they become to the socket in one piece.
// TLS has no gathered write, so short buffers are copied into whole records. After an error n is how much may have left, at most, and
// the connection is of no use any more.
func (c *Conn) WriteSome(bufs *net.Buffers) (n int, err error) {
	c.under.hold()
	for n < PieceSize && len(*bufs) > 0 && err == nil {
		var k int
		k, err = c.Conn.Write(c.next(bufs))
		n += k
	}
	left, ferr := c.under.release()
	if ferr != nil {
		return min(n, left), ferr // what is encrypted is never shorter than what it says
	}
	return n, err
}

// next removes a record's content from the front of bufs, valid until the next call.
func (c *Conn) next(bufs *net.Buffers) []byte {
	first := &(*bufs)[0]
	if len(*first) >= recordSize {
		p := (*first)[:recordSize]
		*first = (*first)[recordSize:]
		return p
	}
	if len(*bufs) == 1 {
		p := *first
		*bufs = (*bufs)[1:]
		return p
	}
	if c.record == nil {
		c.record = make([]byte, recordSize)
	}
	n := 0
	for len(*bufs) > 0 && n < recordSize {
		first := &(*bufs)[0]
		k := copy(c.record[n:], *first)
		n += k
		if *first = (*first)[k:]; len(*first) == 0 {
			*bufs = (*bufs)[1:]
		}
	}
	return c.record[:n]
}

// Close says goodbye, unless a Write is under way, for whose end it would wait.
func (c *Conn) Close() error {
	if !c.under.end() {
		return c.under.Conn.Close()
	}
	return c.Conn.Close()
}

// sock is a socket below TLS.
type sock struct {
	net.Conn
	r         *bufio.Reader
	afterRead func()

	mu   sync.Mutex
	held bool   // guarded by mu
	buf  []byte // guarded by mu: what waits for release
	err  error  // guarded by mu: why a write failed, or that there are no more to be
	over bool   // guarded by mu: only the farewell is still to be written
}

// reader is the socket as the buffer sees it.
type reader struct{ s *sock }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.s.Conn.Read(p)
	if n > 0 && r.s.afterRead != nil {
		r.s.afterRead()
	}
	return n, err
}

func (s *sock) Read(p []byte) (int, error) { return s.r.Read(p) }

// Write is called by TLS under its own lock: for data, and by the reading side for what the protocol itself has to say.
func (s *sock) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return 0, s.err
	case s.held:
		s.buf = append(s.buf, p...)
		return len(p), nil
	case s.over:
		_ = s.Conn.SetWriteDeadline(time.Now().Add(farewell))
	}
	return s.write(p)
}

// write needs mu. A record that was cut is the last one.
func (s *sock) write(p []byte) (n int, err error) {
	n, err = s.Conn.Write(p)
	s.err = err
	return n, err
}

func (s *sock) hold() {
	s.mu.Lock()
	s.held = true
	s.mu.Unlock()
}

// release writes what was held, and says how much of it left.
func (s *sock) release() (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	switch {
	case s.err != nil:
		return 0, s.err
	case s.over:
		return 0, net.ErrClosed
	case len(s.buf) == 0:
		return 0, nil
	}
	n, err = s.write(s.buf)
	s.buf = s.buf[:0]
	return n, err
}

// end lets no more data out; false when some are just on their way.
func (s *sock) end() bool {
	if !s.mu.TryLock() {
		return false
	}
	s.over = true
	s.mu.Unlock()
	return true
}
