package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// requestBytes is the client's default limit of a request.
const requestBytes = 1 << 20

// raw measures the server: it has the client make one large produce request, and then writes that same request to a bare
// socket again and again, reading nothing but the answers. No client that sends such requests can be faster.
func (j *job) raw(ctx context.Context) (r result, err error) {
	t := &tap{}
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: j.endpoint, DialContext: t.dial})
	if err != nil {
		return r, err
	}
	defer client.Close(ctx)
	options := fluvio.ProducerOptions{Compression: j.compression, BatchSize: j.batch, MaxRequestSize: requestBytes, Linger: time.Second}
	producer, err := client.Producer(ctx, j.topic, options)
	if err != nil {
		return r, err
	}
	// Records between the replayed ones tell by their offsets how many were stored.
	if _, err := j.marker(ctx, producer); err != nil {
		return r, err
	}
	frame, conn, err := j.record(ctx, t, producer)
	if err != nil {
		return r, err
	}
	first, err := j.marker(ctx, producer)
	if err != nil {
		return r, err
	}
	s, err := dialServer(ctx, conn)
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := s.replay(frame, 1); err != nil {
		return r, err
	}
	second, err := j.marker(ctx, producer)
	if err != nil {
		return r, err
	}
	each := int(second - first - 1)
	if each < 1 {
		return r, errors.New("the server did not take the request a second time")
	}
	requests := max(1, j.count/each)
	j.count = requests * each
	r, err = j.measured(int(second)+1, func() error { return s.replay(frame, requests) })
	if err != nil {
		return r, err
	}
	third, err := j.marker(ctx, producer)
	if err == nil && int(third-second-1) != j.count {
		err = fmt.Errorf("%d records were sent, %d are stored", j.count, third-second-1)
	}
	r.Warmup++ // the last marker
	return r, err
}

// marker stores one record and gives its offset.
func (j *job) marker(ctx context.Context, p *fluvio.Producer) (int64, error) {
	receipt, err := p.SendTo(ctx, 0, fluvio.Record{Value: j.values[0]})
	if err != nil {
		return 0, err
	}
	_, offset, err := receipt.Wait(ctx)
	return offset, err
}

// record has the client make its largest request. While nothing can be written, enough piles up for it.
func (j *job) record(ctx context.Context, t *tap, p *fluvio.Producer) ([]byte, *tapped, error) {
	t.hold.Lock()
	for sent := 0; sent < 3*requestBytes; sent += j.size {
		if _, err := p.SendTo(ctx, 0, fluvio.Record{Value: j.values[sent/j.size%len(j.values)]}); err != nil {
			t.hold.Unlock()
			return nil, nil, err
		}
	}
	t.hold.Unlock()
	if err := p.Flush(ctx); err != nil {
		return nil, nil, err
	}
	return t.largest()
}

// tap records what a client writes to its connections.
type tap struct {
	hold  sync.RWMutex // locked: nothing can be written
	mu    sync.Mutex
	conns []*tapped // guarded by mu
}

type tapped struct {
	net.Conn
	tap   *tap
	wrote []byte // guarded by tap.mu
}

func (t *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &tapped{Conn: nc, tap: t}
	t.conns = append(t.conns, c)
	return c, nil
}

func (c *tapped) Write(b []byte) (int, error) {
	c.tap.hold.RLock()
	defer c.tap.hold.RUnlock()
	n, err := c.Conn.Write(b)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.wrote = append(c.wrote, b[:n]...)
	return n, err
}

// A frame is a length of four bytes, which does not count itself, and so many bytes: of a request first the key of its API.
func nextFrame(b []byte) (frame, rest []byte) {
	if len(b) < 4 || len(b)-4 < int(binary.BigEndian.Uint32(b)) {
		return nil, nil
	}
	n := 4 + int(binary.BigEndian.Uint32(b))
	return b[:n], b[n:]
}

const keyProduce = 0

// largest gives the largest produce request, and the connection that it went to.
func (t *tap) largest() (largest []byte, conn *tapped, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		for frame, rest := nextFrame(c.wrote); frame != nil; frame, rest = nextFrame(rest) {
			if len(frame) > max(6, len(largest)) && binary.BigEndian.Uint16(frame[4:]) == keyProduce {
				largest, conn = frame, c
			}
		}
	}
	if largest == nil {
		err = errors.New("the client made no produce request")
	}
	return largest, conn, err
}

// server is a bare connection to an SPU.
type server struct {
	net.Conn
	in *bufio.Reader
}

// dialServer connects to where the client is connected, and opens as the client did, with the request for versions.
func dialServer(ctx context.Context, like *tapped) (*server, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", like.RemoteAddr().String())
	if err != nil {
		return nil, err
	}
	like.tap.mu.Lock()
	opening, _ := nextFrame(like.wrote)
	like.tap.mu.Unlock()
	s := &server{nc, bufio.NewReader(nc)}
	if err := s.replay(opening, 1); err != nil {
		nc.Close()
		return nil, err
	}
	return s, nil
}

// replay writes a request several times and reads as many answers.
func (s *server) replay(frame []byte, times int) error {
	written := make(chan error, 1)
	go func() {
		for range times {
			if _, err := s.Write(frame); err != nil {
				written <- err
				s.Close() // nobody waits for an answer that cannot come
				return
			}
		}
		written <- nil
	}()
	for range times {
		var length [4]byte
		if _, err := io.ReadFull(s.in, length[:]); err != nil {
			return errors.Join(err, <-written)
		}
		if _, err := s.in.Discard(int(binary.BigEndian.Uint32(length[:]))); err != nil {
			return err
		}
	}
	return <-written
}
