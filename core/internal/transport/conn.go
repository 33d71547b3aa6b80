package transport

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Conn is a connection to one server. All methods are safe for concurrent use.
type Conn struct {
	key      Key
	cfg      *Config
	sock     net.Conn
	read     func() // to be called after reading from sock
	versions *wire.Versions

	mu      sync.Mutex
	nextID  int32           // guarded by mu: the correlation id given last
	wrapped bool            // guarded by mu: every id was given
	waiting map[int32]*call // guarded by mu; nil values are tombstones: ids of abandoned calls
	graves  []int32         // guarded by mu: the tombstones, oldest first; some may have been answered since
	queue   [][][]byte      // guarded by mu: requests not yet taken by the writer
	queued  []*call         // guarded by mu: the calls of queue, in order
	err     error           // guarded by mu: why the connection ended; set once
	used    time.Time       // guarded by mu: when somebody asked the pool for the connection last
	ended   func(error)     // guarded by mu: to be told of the end
	buried  bool            // guarded by mu: everybody was told of the end

	wake    chan struct{} // capacity 1: the queue is not empty
	done    chan struct{} // closed when err is set
	written chan struct{} // closed when the writer has ended
	joined  sync.WaitGroup

	born    time.Time
	heard   atomic.Int64 // when bytes last arrived, in ns after born
	asked   atomic.Int64 // when Call first asked for an answer after that, in ns after born
	doubted atomic.Int64 // the latter, when a call was given up that had waited long
	known   atomic.Bool  // the handshake succeeded, and the observer was told of the connection
}

// call is a request that waits for its answer, or a stream that waits for frames.
type call struct {
	id        int32
	api       uint16
	version   int16
	stream    bool
	sent      atomic.Bool // the writer has begun to write it; when that failed: some of it left
	abandoned atomic.Bool // drop the answer
	onFrame   func(frame *Buffer, body []byte, err error)

	written   bool    // guarded by Conn.mu: the writer is done with it
	early     *Buffer // guarded by Conn.mu: the answer, when it came before that
	earlyBody []byte  // guarded by Conn.mu
}

// newConn starts reader and writer on a socket. The handshake follows through Call.
func newConn(key Key, cfg *Config, sock net.Conn, afterRead func()) *Conn {
	c := &Conn{
		key: key, cfg: cfg, sock: sock, read: afterRead, waiting: map[int32]*call{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
		written: make(chan struct{}), born: time.Now(), used: time.Now(),
	}
	c.joined.Add(2)
	go c.readLoop()
	go c.writeLoop()
	return c
}

// Key tells where the connection leads.
func (c *Conn) Key() Key { return c.key }

// Versions is what was agreed with the server.
func (c *Conn) Versions() *wire.Versions { return c.versions }

// Done is closed when the connection has ended; Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection ended, nil while it lives.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Quiet is how long no byte has arrived.
func (c *Conn) Quiet() time.Duration { return time.Since(c.born) - time.Duration(c.heard.Load()) }

// use notes that somebody wants the connection now.
func (c *Conn) use() {
	c.mu.Lock()
	c.used = time.Now()
	c.mu.Unlock()
}

// idle is for how long nobody has wanted the connection; 0 while a call or a stream waits on it.
func (c *Conn) idle() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiting {
		if w != nil && !w.abandoned.Load() {
			return 0
		}
	}
	return time.Since(c.used)
}

// onEnd makes told hear of the end of the connection, once, even if that was earlier.
func (c *Conn) onEnd(told func(error)) {
	c.mu.Lock()
	buried, err := c.buried, c.err
	c.ended = told
	c.mu.Unlock()
	if buried {
		told(err)
	}
}

// Close ends the connection, fails what waits on it, and returns when both goroutines have ended.
func (c *Conn) Close() {
	c.fail(fluvioerr.New(fluvioerr.Closed, "", "the connection was closed").AtAddr(c.key.Addr))
	c.joined.Wait()
}

// Fail ends the connection because of err without waiting: for callers that found it broken.
func (c *Conn) Fail(err error) { c.fail(err) }

// fail ends the connection once: later reasons are ignored. The reader notices, and tells the waiting calls.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	c.queue, c.queued = nil, nil
	c.mu.Unlock()
	close(c.done)
	_ = c.sock.Close()
}

// bury tells every waiting call that the connection has ended. It runs on the reader's goroutine, so that no call hears of
// a frame and of the end at the same time, and after the writer's end: from then on nobody uses the bytes of requests, and
// what was sent is known.
func (c *Conn) bury() {
	<-c.written
	c.mu.Lock()
	waiting, err, ended, known := c.waiting, c.err, c.ended, c.known.Load()
	c.waiting, c.buried = nil, true
	c.mu.Unlock()
	if ended != nil {
		defer ended(err)
	}
	for _, w := range waiting {
		switch {
		case w == nil || w.abandoned.Load():
		case w.early != nil: // answered before it was written to its end
			w.onFrame(w.early, w.earlyBody, nil)
		default:
			w.onFrame(nil, nil, c.lost(err, w))
		}
	}
	if known {
		c.disconnected(err)
	}
}

// introduced notes that the observer was told of the connection: it hears of its end, too, even if that was earlier.
func (c *Conn) introduced() {
	c.mu.Lock()
	c.known.Store(true)
	buried, err := c.buried, c.err
	c.mu.Unlock()
	if buried {
		c.disconnected(err)
	}
}

// disconnected tells the observer of the end.
func (c *Conn) disconnected(err error) {
	c.cfg.observer().Disconnected(c.key.observed(), wanted(err), code(err), err)
}

// lost is the failure of one call by the end of its connection.
func (c *Conn) lost(err error, w *call) error {
	e := fluvioerr.As(err)
	if e == nil {
		e = fluvioerr.Wrap(fluvioerr.Connection, "", err)
	}
	own := *e
	own.Addr, own.Sent = c.key.Addr, w.sent.Load()
	if own.Err == nil {
		own.Err = err
	}
	return &own
}

// Go sends a request whose body is already encoded, in pieces that are not copied. It calls onFrame exactly once, with the
// frame and the body inside it, or with an error; until then the pieces must not change, afterwards they are the caller's
// again, also when the connection broke or the server answered too early. onFrame runs on a goroutine of the connection, or
// inside Go when the connection has ended already; it must not block, and the frame is its to release. The returned function
// abandons the call: a late answer is dropped, onFrame may then never be called, and the pieces must not change any more. ctx
// is for hooks only: its end does not matter.
func (c *Conn) Go(ctx context.Context, api uint16, version int16, body [][]byte, onFrame func(frame *Buffer, body []byte, err error)) (abandon func()) {
	return c.watched(ctx, &call{api: api, version: version, onFrame: onFrame}, body)
}

// Stream sends a request that is answered by any number of frames and calls onFrame for each, on the reader's goroutine,
// and once with an error when the connection ends or has ended already. The returned function ends the calls; late frames are dropped.
func (c *Conn) Stream(api uint16, version int16, req wire.Message, onFrame func(frame *Buffer, body []byte, err error)) (end func(), err error) {
	body, err := wire.Append(nil, version, req)
	if err != nil {
		return nil, err
	}
	return c.start(&call{api: api, version: version, stream: true, onFrame: onFrame}, [][]byte{body}), nil
}

// Call sends a request and waits for its answer, decoded into resp. The wait is limited by ctx and by the request timeout,
// whichever ends first. One that ends without an answer makes the connection doubtful, see Sound.
func (c *Conn) Call(ctx context.Context, api uint16, req, resp wire.Message) error {
	limit := c.cfg.RequestTimeout
	if limit <= 0 {
		return c.CallUntil(ctx, api, req, resp)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if heard := c.heard.Load(); c.asked.Load() <= heard {
		c.asked.Store(max(int64(time.Since(c.born)), heard+1))
	}
	err := c.CallUntil(ctx, api, req, resp)
	if err != nil && ctx.Err() != nil && c.overdue() >= limit/2 {
		c.doubted.Store(c.asked.Load())
	}
	return err
}

// overdue is for how long an answer to Call has been due and nothing has come.
func (c *Conn) overdue() time.Duration {
	asked := c.asked.Load()
	if asked <= c.heard.Load() {
		return 0
	}
	return time.Since(c.born) - time.Duration(asked)
}

// Sound says whether the connection can be used. One that has ended cannot; nor can one on which a call was given up after
// half the request timeout or more, and since whose sending nothing at all has come: a peer that is half gone would keep it
// open for ever. Such a connection ends here.
func (c *Conn) Sound() bool {
	if due := c.overdue(); due > 0 && c.doubted.Load() == c.asked.Load() {
		c.fail(fluvioerr.NewTimeout("", "anything from the server", due).AtAddr(c.key.Addr))
	}
	return c.Err() == nil
}

// CallUntil is Call without the request timeout: only ctx limits it.
func (c *Conn) CallUntil(ctx context.Context, api uint16, req, resp wire.Message) error {
	version := int16(helloVersion)
	if c.versions != nil {
		v, err := c.versions.For(api)
		if err != nil {
			fluvioerr.As(err).Addr = c.key.Addr
			return err
		}
		version = v
	}
	return c.exchange(ctx, api, version, req, resp)
}

// Ping asks the server for a sign of life, and says how long that took.
func (c *Conn) Ping(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	var resp wire.ApiVersionsResponse
	err := c.exchange(ctx, wire.KeyApiVersions, helloVersion, hello(), &resp)
	return time.Since(start), err
}

// exchange sends a request at a version and waits for its answer.
func (c *Conn) exchange(ctx context.Context, api uint16, version int16, req, resp wire.Message) error {
	body, err := wire.Append(nil, version, req)
	if err != nil {
		return err
	}
	name := apiName(c.key.Role, api)
	start := time.Now()
	pending := c.begin(ctx, api, version, [][]byte{body})
	type answer struct {
		body []byte
		err  error
	}
	result := make(chan answer, 1)
	// The frame is left to the collector: resp may hold views of it.
	w := &call{api: api, version: version, onFrame: func(_ *Buffer, body []byte, err error) { result <- answer{body, err} }}
	abandon := c.start(w, [][]byte{body})
	select {
	case a := <-result:
		// Decoded here and not on the reader, which would go on writing into resp after a caller who gave up has returned.
		if err = a.err; err == nil {
			_, err = wire.Decode(a.body, version, resp)
			if e := fluvioerr.As(err); e != nil {
				e.Addr, e.Op = c.key.Addr, name
			}
		}
	case <-ctx.Done():
		abandon()
		e := fluvioerr.FromContext(ctx, name, "the answer to "+name, time.Since(start)).AtAddr(c.key.Addr)
		e.Sent = w.sent.Load()
		err = e
	}
	pending.End(code(err), err)
	return err
}

func apiName(role wire.Role, api uint16) string {
	if a := wire.LookupAPI(role, api); a != nil {
		return a.Name
	}
	return "request"
}

// start registers a call and hands its bytes to the writer.
func (c *Conn) start(w *call, body [][]byte) (abandon func()) {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	c.mu.Lock()
	if c.err != nil {
		err := c.err
		c.mu.Unlock()
		w.onFrame(nil, nil, c.lost(err, w))
		return func() {}
	}
	w.id = c.newID()
	header := make([]byte, wire.FrameHeaderSize, wire.FrameHeaderSize+16+len(c.cfg.ClientID))
	header, err := wire.Append(header, w.version, &wire.RequestHeader{APIKey: w.api, APIVersion: w.version, CorrelationID: w.id, ClientID: c.cfg.ClientID})
	if err != nil {
		c.mu.Unlock()
		w.onFrame(nil, nil, err)
		return func() {}
	}
	binary.BigEndian.PutUint32(header, uint32(len(header)-wire.FrameHeaderSize+size))
	parts := make([][]byte, 0, 1+len(body))
	parts = append(parts, header)
	parts = append(parts, body...)
	c.waiting[w.id] = w
	c.queue = append(c.queue, parts)
	c.queued = append(c.queued, w)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return func() {
		w.abandoned.Store(true)
		c.mu.Lock()
		defer c.mu.Unlock()
		if w.written || w.stream {
			c.entomb(w)
		}
	}
}

// maxGraves is how many abandoned calls of a connection are remembered. Older ones are so far back that their ids come round
// again only after two billion requests.
const maxGraves = 1024

// entomb lets go of an abandoned call that the writer is done with. A tombstone stays, so that the id is not used again while
// a late answer may come. c.mu is held.
func (c *Conn) entomb(w *call) {
	if c.waiting[w.id] != w {
		return
	}
	c.waiting[w.id] = nil
	c.graves = append(c.graves, w.id)
	for len(c.graves) > maxGraves {
		oldest := c.graves[0]
		c.graves = c.graves[1:]
		if w, there := c.waiting[oldest]; there && w == nil {
			delete(c.waiting, oldest)
		}
	}
}

// newID gives the next correlation id that no call uses, tombstones included. c.mu is held.
func (c *Conn) newID() int32 {
	for {
		c.nextID++
		if c.nextID <= 0 {
			c.nextID, c.wrapped = 1, true
		}
		if _, taken := c.waiting[c.nextID]; !taken {
			return c.nextID
		}
	}
}

// writeLoop writes whatever waits in one gathered write.
func (c *Conn) writeLoop() {
	defer c.joined.Done()
	defer close(c.written)
	var bufs net.Buffers
	for {
		select {
		case <-c.done:
			return
		case <-c.wake:
		}
		c.mu.Lock()
		queue, calls := c.queue, c.queued
		c.queue, c.queued = nil, nil
		c.mu.Unlock()
		bufs = bufs[:0]
		for i, parts := range queue {
			calls[i].sent.Store(true)
			bufs = append(bufs, parts...)
		}
		if n, err := c.writeAll(bufs); err != nil {
			c.hearRefusal()
			for i, parts := range queue {
				calls[i].sent.Store(n > 0)
				for _, b := range parts {
					n -= int64(len(b))
				}
			}
			c.fail(c.ioError(err, "write"))
			return
		}
		clear(bufs[:cap(bufs)])
		c.wrote(calls)
	}
}

// wrote notes that the writer is done with calls, and hands out the answers that came earlier than that.
func (c *Conn) wrote(calls []*call) {
	var early []*call
	c.mu.Lock()
	for _, w := range calls {
		w.written = true
		switch {
		case w.early != nil:
			delete(c.waiting, w.id)
			early = append(early, w)
		case w.abandoned.Load():
			c.entomb(w)
		}
	}
	c.mu.Unlock()
	for _, w := range early {
		if !w.abandoned.Load() {
			w.onFrame(w.early, w.earlyBody, nil)
		}
	}
}

// writeAll writes bufs and says how many bytes left; the deadline is moved on as long as they do.
func (c *Conn) writeAll(bufs net.Buffers) (left int64, err error) {
	encrypted, _ := c.sock.(*secureConn)
	for len(bufs) > 0 {
		if c.cfg.WriteStall > 0 {
			_ = c.sock.SetWriteDeadline(time.Now().Add(c.cfg.WriteStall))
		}
		var n int64
		if encrypted != nil {
			var some int
			some, err = encrypted.WriteSome(&bufs)
			n = int64(some)
		} else {
			n, err = bufs.WriteTo(c.sock)
		}
		left += n
		c.cfg.observer().Sent(n)
		// TLS does not go on behind a record that was cut.
		if err != nil && (encrypted != nil || n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return left, err
		}
	}
	return left, nil
}

// listener is the socket as the reader sees it: it notes when something came.
type listener struct{ c *Conn }

func (l listener) Read(p []byte) (int, error) {
	n, err := l.c.sock.Read(p)
	if n > 0 {
		l.c.heard.Store(int64(time.Since(l.c.born)))
		l.c.cfg.observer().Received(n)
		l.c.read()
	}
	return n, err
}

// readLoop reads frames and gives each to its call.
func (c *Conn) readLoop() {
	defer c.joined.Done()
	defer c.bury()
	maxFrame := c.cfg.MaxFrame
	if maxFrame == 0 {
		maxFrame = wire.DefaultMaxFrame
	}
	r := bufio.NewReaderSize(listener{c}, 64<<10)
	trusted := untested
	for {
		head, err := r.Peek(wire.FrameHeaderSize)
		if err != nil {
			if len(head) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			c.fail(c.ioError(err, "read"))
			return
		}
		n, err := wire.FrameLength(head, maxFrame)
		if err != nil {
			c.fail(fluvioerr.As(err).AtAddr(c.key.Addr))
			return
		}
		_, _ = r.Discard(wire.FrameHeaderSize)
		frame, err := readFrame(r, n, trusted)
		if err != nil {
			c.fail(c.ioError(err, "read"))
			return
		}
		trusted = max(trusted, 4*n)
		if err := c.dispatch(frame); err != nil {
			c.fail(fluvioerr.As(err).AtAddr(c.key.Addr))
			return
		}
	}
}

// untested is how many bytes a peer may announce and get memory for before it has sent any.
const untested = 1 << 20

// readFrame reads a frame of n bytes. Of its memory it takes trusted bytes at first, and four times what has come whenever
// that is full: who announces much and sends little costs little. Trust grows with the frames that came, so that large
// frames in a row are read in one piece.
func readFrame(r io.Reader, n, trusted int) (*Buffer, error) {
	frame := NewBuffer(min(n, trusted))
	for at := 0; ; {
		if _, err := io.ReadFull(r, frame.B[at:]); err != nil {
			frame.Release()
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if at = len(frame.B); at == n {
			return frame, nil
		}
		larger := NewBuffer(min(n, 4*at))
		copy(larger.B, frame.B)
		frame.Release()
		frame = larger
	}
}

// dispatch hands a frame to the call with its correlation id. Frames that nobody waits for any more are dropped. One that nobody
// ever asked for ends the connection: what it should have answered would be waited for, in a stream without end.
//
// An answer may come while the writer still holds the request: it has written the last bytes and was not scheduled since, or
// the server answers without reading to the end. Such an answer waits, so that no caller changes bytes that are being
// written. A stream's request is the connection's own copy, so its frames need not wait.
func (c *Conn) dispatch(frame *Buffer) error {
	id, body, err := wire.SplitResponse(frame.B)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if id <= 0 || id > c.nextID && !c.wrapped {
		c.mu.Unlock()
		frame.Release()
		return fluvioerr.New(fluvioerr.Connection, "", "the server answered request %d that was never sent", id).
			WithHint("the server, or a proxy before it, mixes up whom it answers; libfluvio connects again")
	}
	w := c.waiting[id]
	drop := w == nil || w.abandoned.Load() || w.early != nil
	wait := !drop && !w.stream && !w.written
	switch {
	case wait:
		w.early, w.earlyBody = frame, body
	case w == nil || !w.stream && w.early == nil:
		delete(c.waiting, id)
	}
	c.mu.Unlock()
	switch {
	case drop:
		frame.Release()
	case !wait:
		w.onFrame(frame, body, nil)
	}
	return nil
}

// ioError turns a failure of the socket into an error that says what happened.
func (c *Conn) ioError(err error, what string) error {
	if c.isClosed() {
		return c.Err()
	}
	e := fluvioerr.Wrap(fluvioerr.Connection, "", err).AtAddr(c.key.Addr)
	switch {
	case errors.Is(err, io.EOF):
		e.Message = "the server closed the connection"
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Message = "the server closed the connection in the middle of a message"
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Message = "no byte could be sent for " + c.cfg.WriteStall.String() + ": the server does not read"
	default:
		e.Message = "cannot " + what + ": " + rootCause(err)
	}
	// Not for a server that does not read: there it was we who gave up.
	if c.known.Load() && !errors.Is(err, os.ErrDeadlineExceeded) {
		e.Hint = "the server or the network ended the connection; libfluvio connects again"
	}
	if c.heard.Load() == 0 {
		refusedTLS(c.sock, e)
	}
	return e
}

func (c *Conn) isClosed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// rootCause is the innermost text of a network error, without the addresses the message has anyway.
func rootCause(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		var se *os.SyscallError
		if errors.As(op.Err, &se) {
			return se.Err.Error()
		}
		return op.Err.Error()
	}
	return err.Error()
}
