package devcluster

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/secure"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// conn is one connection to the SC or an SPU. Its requests are handled one after the other, as real servers do; watches
// and streams run in goroutines of their own and write between the answers.
type conn struct {
	srv      *server
	nc       net.Conn
	done     chan struct{} // closed with the connection
	ctx      context.Context
	end      context.CancelFunc // ends ctx, with the connection
	identity *identity          // with a policy: who the client is, nil until that is known; the reading goroutine's
	once     sync.Once
	wg       sync.WaitGroup // watches and streams

	streams map[uint32]*stream // of an SPU; touched by the reading goroutine only
	nextID  uint32

	wmu     sync.Mutex
	wbuf    []byte
	stalled bool // guarded by wmu: a rule wants nothing more to be sent
}

// errHangUp is the reason of a connection that the server ends on purpose, as real servers do on anything they cannot
// make sense of.
var errHangUp = errors.New("hang up")

func newConn(s *server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, done: make(chan struct{}), streams: map[uint32]*stream{}, nextID: 1}
	c.ctx, c.end = context.WithCancel(context.Background())
	return c
}

// close breaks the connection; its goroutines end soon after.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.done)
		c.end()
		c.nc.Close()
	})
}

// readBuffer is the size from which on reads bypass the buffered reader and go straight into the frame's buffer.
const readBuffer = 64 << 10

// largestKept is the largest frame buffer a connection keeps between requests.
const largestKept = 8 << 20

// serve reads requests until the connection ends.
func (c *conn) serve() {
	defer c.srv.gone(c)
	defer c.wg.Wait()
	defer c.close()
	if err := c.secure(); err != nil {
		c.srv.cl.logger.Debug("no TLS connection", "server", c.srv.name(), "peer", c.nc.RemoteAddr(), "reason", err)
		return
	}
	r := bufio.NewReaderSize(c.nc, readBuffer)
	var buf []byte
	alloc := func(n int) []byte {
		if n > cap(buf) || cap(buf) > largestKept {
			buf = make([]byte, n)
		}
		return buf[:n]
	}
	for {
		msg, err := c.next(r, alloc)
		if err == nil {
			err = c.handle(msg)
		}
		if err != nil {
			if err != io.EOF && !errors.Is(err, net.ErrClosed) {
				c.srv.cl.logger.Debug("connection ends", "server", c.srv.name(), "peer", c.nc.RemoteAddr(), "reason", err)
			}
			return
		}
	}
}

// next reads a request, unless a rule cuts it.
func (c *conn) next(r *bufio.Reader, alloc func(int) []byte) ([]byte, error) {
	// Rules may come while the connection is idle, so they are asked when the next request begins.
	if _, err := r.Peek(wire.FrameHeaderSize); err == nil && c.srv.cl.faults.active() {
		if n, cut := c.cutRequest(r); cut {
			_, err := io.CopyN(io.Discard, r, n)
			return nil, errors.Join(errHangUp, err)
		}
	}
	return wire.ReadFrame(r, c.srv.cl.opts.MaxFrameBytes, alloc)
}

// request is one request on its way through a handler. Byte slices in msg are views of the connection's buffer and must
// not be kept after the handler returned.
type request struct {
	conn   *conn
	api    *api
	header wire.RequestHeader
	msg    wire.Message
	forced *Rule // an error rule that applies before the request is carried out
	answer answerFault
}

// handle decodes a request and calls its handler. Any error ends the connection.
func (c *conn) handle(msg []byte) error {
	h, body, err := wire.DecodeRequestHeader(msg)
	if err != nil {
		return err
	}
	if c.srv.role == wire.SC && c.srv.cl.opts.Authorize != nil && c.identity == nil {
		return c.authenticate(&h, body)
	}
	a := findAPI(c.srv.apis, h.APIKey)
	top, known := c.srv.cl.platform.top(c.srv.role, h.APIKey)
	if a == nil || !known {
		return errHangUp
	}
	// Servers do not compare versions with what they advertise. What a newer one adds they do not know: they read, and
	// answer, what there was in their newest one. Layouts below the wire package's floor are not served here.
	if h.APIVersion = min(h.APIVersion, top); h.APIVersion < floor(c.srv.role, h.APIKey) {
		return errHangUp
	}
	r := &request{conn: c, api: a, header: h, msg: a.request()}
	if _, err := wire.Decode(body, h.APIVersion, r.msg); err != nil {
		return err
	}
	if c.srv.cl.faults.active() {
		if err := c.beforeRequest(r); err != nil {
			if err == errSwallowed {
				return nil
			}
			return err
		}
	}
	return a.serve(r)
}

// floor is the oldest version of a request whose layout can be read. ApiVersions has one without fields below the wire
// package's own.
func floor(role wire.Role, key uint16) int16 {
	if key == wire.KeyApiVersions {
		return 0
	}
	return wire.LookupAPI(role, key).Min
}

// reply sends the answer to a request.
func (r *request) reply(m wire.Message) error {
	c := r.conn
	if c.srv.cl.faults.active() {
		return c.faultyReply(r, m)
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.stalled {
		return nil
	}
	var err error
	if c.wbuf, err = wire.AppendResponse(c.wbuf[:0], r.header.CorrelationID, r.header.APIVersion, m); err != nil {
		return err
	}
	_, err = c.nc.Write(c.wbuf)
	return err
}

// sendRecords sends a frame whose last field are records given as slices, which are written without being copied. m is
// the frame with empty records.
func (c *conn) sendRecords(correlation int32, version int16, m wire.Message, records net.Buffers, size int) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.stalled {
		return nil
	}
	var err error
	if c.wbuf, err = wire.AppendResponse(c.wbuf[:0], correlation, version, m); err != nil {
		return err
	}
	patchRecords(c.wbuf, size)
	bufs := append(net.Buffers{c.wbuf}, records...)
	encrypted, _ := c.nc.(*secure.Conn)
	if encrypted == nil {
		_, err = bufs.WriteTo(c.nc)
		return err
	}
	for len(bufs) > 0 && err == nil {
		_, err = encrypted.WriteSome(&bufs)
	}
	return err
}

// patchRecords makes a frame that ends in an empty byte list announce size bytes behind it.
func patchRecords(frame []byte, size int) {
	binary.BigEndian.PutUint32(frame[len(frame)-4:], uint32(size))
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-wire.FrameHeaderSize+size))
}

// background runs f beside the requests; the connection waits for it when it ends.
func (c *conn) background(f func()) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		f()
	}()
}

// pause waits, unless the connection ends first.
func (c *conn) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.done:
		return net.ErrClosed
	}
}
