package transport

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits for what must come; it is no measure.
const patience = 60 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// peer is the server's side of one connection, after the handshake.
type peer struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// frame is a request as the server sees it.
type frame struct {
	header wire.RequestHeader
	body   []byte
}

// read gives the next request; false when the client hung up.
func (p *peer) read() (frame, bool) {
	msg, err := wire.ReadFrame(p.r, 1<<30, nil)
	if err != nil {
		return frame{}, false
	}
	h, body, err := wire.DecodeRequestHeader(msg)
	if err != nil {
		p.t.Errorf("request header: %v", err)
		return frame{}, false
	}
	return frame{h, body}, true
}

// must is read for requests that have to come.
func (p *peer) must() frame {
	f, ok := p.read()
	if !ok {
		p.t.Error("the client hung up instead of sending a request")
	}
	return f
}

// answer sends a frame.
func (p *peer) answer(id int32, body string) {
	_, _ = p.Write(responseFrame(id, body))
}

func responseFrame(id int32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	return append(b, body...)
}

// server is a listener whose connections run serve after an honest handshake. They end with the test.
type server struct {
	addr string
	mu   sync.Mutex
	seen int // connections, guarded by mu
}

func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// startServer runs serve for every connection, after the handshake if greet is true.
func startServer(t *testing.T, greet bool, serve func(p *peer)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{addr: ln.Addr().String()}
	var all sync.WaitGroup
	var conns []net.Conn
	all.Add(1)
	go func() {
		defer all.Done()
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.seen++
			conns = append(conns, nc)
			s.mu.Unlock()
			all.Add(1)
			go func() {
				defer all.Done()
				defer nc.Close()
				p := &peer{Conn: nc, t: t, r: bufio.NewReader(nc)}
				if !greet || p.greet() {
					serve(p)
				}
			}()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		s.mu.Lock()
		for _, nc := range conns {
			nc.Close()
		}
		s.mu.Unlock()
		all.Wait()
	})
	return s
}

// greet answers the first request as an SPU does.
func (p *peer) greet() bool {
	f, ok := p.read()
	if !ok || f.header.APIKey != wire.KeyApiVersions {
		return false
	}
	resp := &wire.ApiVersionsResponse{PlatformVersion: "0.0.0", Keys: []wire.APIVersionRange{{Key: int16(wire.KeyProduce), Min: 0, Max: 25}, {Key: int16(wire.KeyFetchOffsets), Min: 25, Max: 25}}}
	b, err := wire.AppendResponse(nil, f.header.CorrelationID, f.header.APIVersion, resp)
	if err != nil {
		p.t.Error(err)
		return false
	}
	_, err = p.Write(b)
	return err == nil
}

func testConfig() *Config {
	return &Config{ClientID: "test", ConnectTimeout: patience, HandshakeTimeout: patience, RequestTimeout: patience, WriteStall: patience}
}

func spuKey(addr string) Key { return Key{Addr: addr, Role: wire.SPU, Kind: Produce} }

// dialTo opens a connection that ends with the test.
func dialTo(t *testing.T, s *server, cfg *Config) *Conn {
	t.Helper()
	c, err := Dial(testContext(t), spuKey(s.addr), cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// result is what a callback was told.
type result struct {
	body string
	err  error
}

// send sends raw bytes and gives the channel on which the outcome arrives; a second outcome fails the test.
func send(t *testing.T, c *Conn, body string) (<-chan result, func()) {
	out := make(chan result, 1)
	abandon := c.Go(context.Background(), wire.KeyProduce, 25, [][]byte{[]byte(body)}, func(f *Buffer, b []byte, err error) {
		r := result{string(b), err}
		if f != nil {
			f.Release()
		}
		select {
		case out <- r:
		default:
			t.Errorf("a second outcome: %+v", r)
		}
	})
	return out, abandon
}

func await[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.FailNow(t, "what was awaited did not come")
		panic("unreachable")
	}
}

// drain reads until the client hangs up.
func drain(p *peer) { _, _ = io.Copy(io.Discard, p.r) }
