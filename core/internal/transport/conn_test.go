package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestAnswersOutOfOrder(t *testing.T) {
	s := startServer(t, true, func(p *peer) {
		var all []frame
		for range 3 {
			all = append(all, p.must())
		}
		for i := len(all) - 1; i >= 0; i-- {
			p.answer(all[i].header.CorrelationID, "to "+string(all[i].body))
		}
		drain(p)
	})
	c := dialTo(t, s, testConfig())
	a, _ := send(t, c, "a")
	b, _ := send(t, c, "b")
	d, _ := send(t, c, "d")
	for want, ch := range map[string]<-chan result{"to a": a, "to b": b, "to d": d} {
		r := await(t, ch)
		require.NoError(t, r.err)
		require.Equal(t, want, r.body)
	}
}

func TestAbandonedCall(t *testing.T) {
	late := make(chan struct{})
	s := startServer(t, true, func(p *peer) {
		first := p.must()
		<-late
		p.answer(first.header.CorrelationID, "late")
		for {
			f, ok := p.read()
			if !ok {
				return
			}
			if f.header.CorrelationID == first.header.CorrelationID {
				p.t.Error("the id of an abandoned call was used again before its answer came")
			}
			p.answer(f.header.CorrelationID, "to "+string(f.body))
		}
	})
	c := dialTo(t, s, testConfig())
	gone, abandon := send(t, c, "gone")
	abandon()
	// Ids start over: the one of the abandoned call is skipped.
	c.mu.Lock()
	var tombstone int32
	for id := range c.waiting {
		tombstone = id
	}
	require.NotZero(t, tombstone)
	c.nextID = tombstone - 1
	c.mu.Unlock()
	next, _ := send(t, c, "next")
	close(late)
	r := await(t, next)
	require.NoError(t, r.err)
	require.Equal(t, "to next", r.body)
	require.Empty(t, gone, "an abandoned call hears nothing")
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Empty(t, c.waiting, "the late answer removed the tombstone")
}

// Calls that nobody waits for any more cost nothing in the long run, whether they are answered or not.
func TestAbandonedCallsAreForgotten(t *testing.T) {
	s := startServer(t, true, func(p *peer) {
		for {
			f, ok := p.read()
			if !ok {
				return
			}
			if n := f.header.CorrelationID; n%3 == 0 || string(f.body) == "last" {
				p.answer(n, "")
			}
		}
	})
	c := dialTo(t, s, testConfig())
	for range 3 * maxGraves {
		_, abandon := send(t, c, "gone")
		abandon()
	}
	last, _ := send(t, c, "last")
	require.NoError(t, await(t, last).err)
	c.mu.Lock()
	defer c.mu.Unlock()
	require.LessOrEqual(t, len(c.waiting), maxGraves)
	require.Len(t, c.graves, maxGraves)
	for id, w := range c.waiting {
		require.Nil(t, w, "%d holds what its caller gave up", id)
	}
}

func TestCorrelationIDsWrapAround(t *testing.T) {
	c := &Conn{waiting: map[int32]*call{1: {}, 2: {}}, nextID: 1<<31 - 2}
	require.EqualValues(t, 1<<31-1, c.newID())
	require.EqualValues(t, 3, c.newID(), "0 and below are skipped, and what is taken")
	answer := func(id int32) error {
		frame := NewBuffer(wire.ResponseHeaderSize)
		binary.BigEndian.PutUint32(frame.B, uint32(id))
		return c.dispatch(frame)
	}
	require.NoError(t, answer(7), "it was given before")
	require.Error(t, answer(-7))
}

func TestRepeatedAnswer(t *testing.T) {
	s := startServer(t, true, func(p *peer) {
		f := p.must()
		p.answer(f.header.CorrelationID, "mine")
		p.answer(f.header.CorrelationID, "again")
		f = p.must()
		p.answer(f.header.CorrelationID, "second")
		drain(p)
	})
	c := dialTo(t, s, testConfig())
	a, _ := send(t, c, "a")
	require.Equal(t, "mine", await(t, a).body)
	b, _ := send(t, c, "b")
	require.Equal(t, "second", await(t, b).body, "it does no harm")
}

// An answer to a request that was never sent is one that somebody else waits for: a stream without a timeout, perhaps. All hear of it.
func TestAnswerForNobody(t *testing.T) {
	for _, id := range []int32{0, -5, 4, 1<<30 + 2} {
		s := startServer(t, true, func(p *peer) {
			p.must()
			p.must()
			p.answer(id, "nobody's")
			drain(p)
		})
		c := dialTo(t, s, testConfig())
		frames := make(chan result, 16)
		_, err := c.Stream(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{}, func(_ *Buffer, body []byte, err error) { frames <- result{string(body), err} })
		require.NoError(t, err)
		call, _ := send(t, c, "a")
		for _, r := range []result{await(t, frames), await(t, call)} {
			require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(r.err), "%v", r.err)
			require.ErrorContains(t, r.err, fmt.Sprintf("answered request %d that was never sent", id))
			require.True(t, fluvioerr.As(r.err).Sent)
		}
	}
}

func TestStream(t *testing.T) {
	resume := make(chan struct{})
	s := startServer(t, true, func(p *peer) {
		f := p.must()
		p.answer(f.header.CorrelationID, "one")
		p.answer(f.header.CorrelationID, "two")
		<-resume
		p.answer(f.header.CorrelationID, "after the end")
		g := p.must()
		p.answer(g.header.CorrelationID, "call")
	})
	c := dialTo(t, s, testConfig())
	frames := make(chan result, 16)
	end, err := c.Stream(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{}, func(_ *Buffer, body []byte, err error) { frames <- result{string(body), err} })
	require.NoError(t, err)
	require.Equal(t, result{"one", nil}, await(t, frames))
	require.Equal(t, result{"two", nil}, await(t, frames))
	end()
	close(resume)
	call, _ := send(t, c, "x")
	require.Equal(t, "call", await(t, call).body)
	<-c.Done() // the server hangs up
	c.Close()
	require.Empty(t, frames, "a stream that was ended hears neither frames nor the end")
}

func TestStreamHearsOfTheEndOnce(t *testing.T) {
	s := startServer(t, true, func(p *peer) {
		f := p.must()
		p.answer(f.header.CorrelationID, "one")
	})
	c := dialTo(t, s, testConfig())
	frames := make(chan result, 16)
	_, err := c.Stream(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{}, func(_ *Buffer, body []byte, err error) { frames <- result{string(body), err} })
	require.NoError(t, err)
	require.Equal(t, "one", await(t, frames).body)
	r := await(t, frames)
	require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(r.err), "%v", r.err)
	require.True(t, fluvioerr.As(r.err).Sent)
	c.Close()
	require.Empty(t, frames)
	_, err = c.Stream(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{}, func(_ *Buffer, body []byte, err error) { frames <- result{string(body), err} })
	require.NoError(t, err)
	require.False(t, fluvioerr.As(await(t, frames).err).Sent, "nothing left a connection that had ended")
}

func TestRequestTimeout(t *testing.T) {
	s := startServer(t, true, drain)
	cfg := testConfig()
	cfg.RequestTimeout = 30 * time.Millisecond
	c := dialTo(t, s, cfg)
	err := c.Call(context.Background(), wire.KeyFetchOffsets, &wire.FetchOffsetsRequest{}, &wire.FetchOffsetsResponse{})
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	e := fluvioerr.As(err)
	require.Equal(t, "FetchOffsets", e.Op)
	require.Equal(t, s.addr, e.Addr)
	require.GreaterOrEqual(t, e.Waited, cfg.RequestTimeout)
	require.ErrorContains(t, err, "waiting for the answer to FetchOffsets")
	require.NoError(t, c.Err(), "one late answer does not end a connection")

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = c.Call(ctx, wire.KeyFetchOffsets, &wire.FetchOffsetsRequest{}, &wire.FetchOffsetsResponse{})
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "%v", err)
}

func TestWriteStall(t *testing.T) {
	held := make(chan struct{})
	s := startServer(t, true, func(*peer) { <-held }) // reads nothing
	t.Cleanup(func() { close(held) })
	cfg := testConfig()
	cfg.WriteStall = 50 * time.Millisecond
	c := dialTo(t, s, cfg)
	// More than the kernel's buffers take.
	out, _ := send(t, c, string(make([]byte, 32<<20)))
	r := await(t, out)
	require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(r.err), "%v", r.err)
	require.ErrorContains(t, r.err, "no byte could be sent for 50ms: the server does not read")
	require.True(t, fluvioerr.MaybeWritten(r.err), "some bytes did leave")
}

// heldConn holds a write until open closes, and fails when left bytes have been written since.
type heldConn struct {
	net.Conn
	armed   chan struct{} // closed: hold the next write
	entered chan struct{} // closed: it is held
	open    chan struct{}
	once    sync.Once
	left    int
}

func (h *heldConn) Write(b []byte) (int, error) {
	select {
	case <-h.armed:
	default:
		return h.Conn.Write(b)
	}
	h.once.Do(func() {
		close(h.entered)
		<-h.open
	})
	n, err := h.Conn.Write(b[:min(h.left, len(b))])
	if h.left -= n; n < len(b) && err == nil {
		err = errors.New("broken by the test")
	}
	return n, err
}

// Of requests that are gathered in one write that fails, those of which no byte left were not sent.
func TestSentIsWhatLeft(t *testing.T) {
	s := startServer(t, true, drain)
	held := &heldConn{armed: make(chan struct{}), entered: make(chan struct{}), open: make(chan struct{})}
	held.left = wire.FrameHeaderSize + 2 + 2 + 4 + 2 + len("test") + len("first") + 1
	cfg := testConfig()
	cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		held.Conn = nc
		return held, err
	}
	c := dialTo(t, s, cfg)
	close(held.armed)
	first, _ := send(t, c, "first")
	<-held.entered
	second, _ := send(t, c, "second")
	third, _ := send(t, c, "third")
	close(held.open)
	for i, out := range []<-chan result{first, second, third} {
		r := await(t, out)
		require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(r.err), "%v", r.err)
		require.Equal(t, i < 2, fluvioerr.MaybeWritten(r.err), "request %d: %v", i, r.err)
	}
}

func TestSlowReaderIsNoStall(t *testing.T) {
	const size = 64 << 20
	s := startServer(t, true, func(p *peer) {
		// A pause between bites is shorter than the limit, the whole is far longer.
		buf := make([]byte, 128<<10)
		got := 0
		var head [8]byte
		for got < size {
			n, err := p.r.Read(buf)
			if got == 0 {
				copy(head[:], buf)
			}
			got += n
			if err != nil {
				p.t.Errorf("after %d bytes: %v", got, err)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		p.answer(2, "done")
		drain(p)
	})
	cfg := testConfig()
	cfg.WriteStall = time.Second
	c := dialTo(t, s, cfg)
	c.mu.Lock()
	require.EqualValues(t, 1, c.nextID, "the next correlation id is 2")
	c.mu.Unlock()
	out, _ := send(t, c, string(make([]byte, size)))
	r := await(t, out)
	require.NoError(t, r.err)
	require.Equal(t, "done", r.body)
}

func TestCloseFailsWaitingCallsOnce(t *testing.T) {
	s := startServer(t, true, drain)
	c := dialTo(t, s, testConfig())
	var outs []<-chan result
	for range 100 {
		out, _ := send(t, c, "x")
		outs = append(outs, out)
	}
	var closers sync.WaitGroup
	for range 4 {
		closers.Add(1)
		go func() {
			defer closers.Done()
			c.Close()
			for _, out := range outs { // whoever returned from Close finds every call failed
				if len(out) == 0 {
					t.Error("Close returned before a waiting call was told")
				}
			}
		}()
	}
	closers.Wait()
	for _, out := range outs {
		r := await(t, out)
		require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(r.err), "%v", r.err)
	}
	after, _ := send(t, c, "x")
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(await(t, after).err))
}

// An answer that comes while the request is being written must not give the caller its bytes back before the writer is done.
func TestAnswerBeforeTheRequestIsWritten(t *testing.T) {
	proceed := make(chan struct{})
	s := startServer(t, true, func(p *peer) {
		_, _ = p.r.Peek(64)
		p.answer(2, "too early")
		<-proceed
		drain(p)
	})
	c := dialTo(t, s, testConfig())
	body := make([]byte, 32<<20) // more than the kernel's buffers take
	var done atomic.Bool
	out := make(chan result, 1)
	c.Go(context.Background(), wire.KeyProduce, 25, [][]byte{body}, func(_ *Buffer, b []byte, err error) {
		done.Store(true)
		clear(body) // the race detector objects if the writer still reads
		out <- result{string(b), err}
	})
	require.Eventually(t, func() bool { return c.Quiet() < time.Since(c.born) }, patience, time.Millisecond)
	waitParked(t, c)
	require.False(t, done.Load(), "the writer still holds the bytes")
	close(proceed)
	r := await(t, out)
	require.NoError(t, r.err)
	require.Equal(t, "too early", r.body)
	c.mu.Lock()
	require.Empty(t, c.waiting)
	c.mu.Unlock()
}

// waitParked waits until an answer was put aside.
func waitParked(t *testing.T, c *Conn) {
	t.Helper()
	require.Eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, w := range c.waiting {
			if w.early != nil {
				return true
			}
		}
		return false
	}, patience, time.Millisecond)
}

func TestEarlyAnswerSurvivesTheEnd(t *testing.T) {
	hangUp := make(chan struct{})
	s := startServer(t, true, func(p *peer) {
		_, _ = p.r.Peek(64)
		p.answer(2, "too early")
		<-hangUp
	})
	c := dialTo(t, s, testConfig())
	out, _ := send(t, c, string(make([]byte, 32<<20)))
	waitParked(t, c)
	close(hangUp)
	r := await(t, out)
	require.NoError(t, r.err, "the server did answer")
	require.Equal(t, "too early", r.body)
}

func TestFramesThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		says  string
	}{
		"negative":       {[]byte{0xff, 0xff, 0xff, 0xff}, "-1 bytes"},
		"too short":      {[]byte{0, 0, 0, 3, 1, 2, 3}, "3 bytes"},
		"zero":           {[]byte{0, 0, 0, 0}, "0 bytes"},
		"above the max":  {[]byte{0, 0x10, 0, 1, 0}, "more than the limit of 1048576"},
		"HTTP":           {[]byte("HTTP/1.1 400 Bad Request\r\n"), "the peer speaks HTTP"},
		"cut in a frame": {append(binary.BigEndian.AppendUint32(nil, 100), 1, 2, 3), "in the middle of a message [hint: the server or the network ended"},
		"cut in a head":  {[]byte{0, 0}, "in the middle of a message [hint: the server or the network ended"},
		"nothing":        {nil, "the server closed the connection [hint: the server or the network ended"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, true, func(p *peer) {
				p.must()
				_, _ = p.Write(c.bytes)
			})
			cfg := testConfig()
			cfg.MaxFrame = 1 << 20
			conn := dialTo(t, s, cfg)
			out, _ := send(t, conn, "x")
			r := await(t, out)
			require.ErrorContains(t, r.err, c.says)
			require.Equal(t, s.addr, fluvioerr.As(r.err).Addr)
			require.True(t, fluvioerr.MaybeWritten(r.err))
		})
	}
}

// Memory for a frame follows what came of it, and frames that came.
func TestReadFrameTakesMemoryAsItComes(t *testing.T) {
	const n = 16 << 20
	whole := bytes.Repeat([]byte("fluvio! "), n/8)
	for _, trusted := range []int{untested, 3 * untested, n} {
		cut := &greedy{from: bytes.NewReader(whole[:trusted-1])}
		_, err := readFrame(cut, n, trusted)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, trusted, cut.most, "bytes asked for at once")
		frame, err := readFrame(bytes.NewReader(whole), n, trusted)
		require.NoError(t, err)
		require.True(t, bytes.Equal(whole, frame.B))
		frame.Release()
	}
}

// greedy notes how much is asked for at a time.
type greedy struct {
	from io.Reader
	most int
}

func (g *greedy) Read(p []byte) (int, error) {
	g.most = max(g.most, len(p))
	return g.from.Read(p)
}

func TestUndecodableAnswer(t *testing.T) {
	s := startServer(t, true, func(p *peer) {
		for {
			f, ok := p.read()
			if !ok {
				return
			}
			p.answer(f.header.CorrelationID, "\xff\xff")
		}
	})
	c := dialTo(t, s, testConfig())
	err := c.Call(testContext(t), wire.KeyFetchOffsets, &wire.FetchOffsetsRequest{}, &wire.FetchOffsetsResponse{})
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "FetchOffsets", fluvioerr.As(err).Op)
	err = c.Call(testContext(t), wire.KeyStreamFetch, &wire.StreamFetchRequest{}, &wire.StreamFetchResponse{})
	require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err), "a request that was not agreed on: %v", err)
}

// The bytes of requests go out whole, in order and without mixing, whatever the writes are cut into.
func TestManyWritersOneByteAtATime(t *testing.T) {
	s := startServer(t, true, func(p *peer) {
		for {
			f, ok := p.read()
			if !ok {
				return
			}
			p.answer(f.header.CorrelationID, string(f.body))
		}
	})
	cfg := testConfig()
	cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return sliced{nc}, err
	}
	c := dialTo(t, s, cfg)
	var all sync.WaitGroup
	for w := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 50 {
				body := string(rune('a'+w)) + string(rune('A'+i%26))
				out, _ := send(t, c, body)
				if r := <-out; r.err != nil || r.body != body {
					t.Errorf("sent %q, got %+v", body, r)
				}
			}
		}()
	}
	all.Wait()
}

// sliced reads and writes a byte at a time.
type sliced struct{ net.Conn }

func (s sliced) Read(p []byte) (int, error) { return s.Conn.Read(p[:min(len(p), 1)]) }

func (s sliced) Write(p []byte) (n int, err error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}
