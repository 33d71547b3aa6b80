package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"

	fluvio "github.com/libfluvio/libfluvio/core"
)

const (
	keyStreamFetch   = 1003
	keyUpdateOffsets = 1005
	batchHead        = 57 // bytes of a stored batch before its records
)

// rawConsume measures the server: it has the client open its streams, opens the same ones on a bare socket and reads their
// frames, looking at nothing but the heads of the stored batches, which say how to acknowledge a frame. No client that asks for
// such frames can be faster.
func (j *job) rawConsume(ctx context.Context) (r result, err error) {
	t := &tap{}
	conn, err := j.tapConsumer(ctx, t)
	if err != nil {
		return r, err
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", conn.RemoteAddr().String())
	if err != nil {
		return r, err
	}
	defer nc.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		return r, err
	}
	s := &rawStreams{reading: j.newReading(), Conn: nc, raw: raw}
	streams, err := s.open(t, conn)
	if err != nil {
		return r, err
	}
	if streams != j.partitions {
		return r, fmt.Errorf("%d of %d partitions are on one connection: the server must be one SPU", streams, j.partitions)
	}
	for done := false; !done; {
		if err := s.frame(); err != nil {
			return r, err
		}
		if done, err = s.counted(); err != nil {
			return r, err
		}
	}
	return s.result, nil
}

// tapConsumer has the client read every partition a little, and gives the connection that it did so on.
func (j *job) tapConsumer(ctx context.Context, t *tap) (*tapped, error) {
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: j.endpoint, DialContext: t.dial})
	if err != nil {
		return nil, err
	}
	defer client.Close(ctx)
	consumer, err := client.Consumer(ctx, j.consumerOptions())
	if err != nil {
		return nil, err
	}
	for seen := map[int32]bool{}; len(seen) < j.partitions || t.with(keyUpdateOffsets) == nil; {
		batch, err := consumer.Next(ctx)
		if err != nil {
			return nil, err
		}
		seen[batch.Partition()] = true
		batch.Release()
	}
	return t.with(keyUpdateOffsets), nil
}

// with gives the connection that a kind of request went to, nil while there is none.
func (t *tap) with(key uint16) *tapped {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.conns {
		for frame, rest := nextFrame(c.wrote); frame != nil; frame, rest = nextFrame(rest) {
			if binary.BigEndian.Uint16(frame[4:]) == key {
				return c
			}
		}
	}
	return nil
}

// rawStreams are streams on a bare connection.
type rawStreams struct {
	*reading
	net.Conn
	raw     syscall.RawConn
	streams map[uint32]bool // correlation ids of the streams
	ack     []byte          // the client's latest request for more: offset and stream are its last 12 bytes
	buffer  []byte
}

// open opens the connection and the streams as the client did. It gives the number of streams.
func (s *rawStreams) open(t *tap, like *tapped) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.streams = map[uint32]bool{}
	for frame, rest := nextFrame(like.wrote); frame != nil; frame, rest = nextFrame(rest) {
		switch key := binary.BigEndian.Uint16(frame[4:]); {
		case key == keyUpdateOffsets:
			s.ack = append([]byte(nil), frame...)
			continue
		case key == keyStreamFetch:
			s.streams[binary.BigEndian.Uint32(frame[8:])] = true
		case len(s.streams) > 0: // what the client asked beside its streams
			continue
		}
		if _, err := s.Write(frame); err != nil {
			return 0, err
		}
	}
	return len(s.streams), nil
}

// Read acknowledges what it reads at once, as the client does: without that the server waits now and then.
func (s *rawStreams) Read(b []byte) (n int, err error) {
	n, err = s.Conn.Read(b)
	e := s.raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
	return n, errors.Join(err, e)
}

// frame reads one frame, and asks for the next one if it is a stream's.
func (s *rawStreams) frame() error {
	var length [4]byte
	if _, err := io.ReadFull(s, length[:]); err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint32(length[:]))
	s.buffer = slices.Grow(s.buffer[:0], n)
	b := s.buffer[:n]
	if _, err := io.ReadFull(s, b); err != nil {
		return err
	}
	if !s.streams[binary.BigEndian.Uint32(b)] {
		return nil
	}
	// Correlation id and topic; then stream, partition, error, high watermark, next filtered offset, start of the log, aborted,
	// length of the records.
	b = b[6+binary.BigEndian.Uint16(b[4:]):]
	stream, partition := binary.BigEndian.Uint32(b), int32(binary.BigEndian.Uint32(b[4:]))
	if binary.BigEndian.Uint16(b[8:]) != 0 {
		return errors.New("the server sent an error")
	}
	s.records(partition, b[4+4+2+8+8+8+1+4:])
	binary.BigEndian.PutUint64(s.ack[len(s.ack)-12:], uint64(s.next[partition]))
	binary.BigEndian.PutUint32(s.ack[len(s.ack)-4:], stream)
	_, err := s.Write(s.ack)
	return err
}

// records looks at stored batches. The last one may be cut off.
func (s *rawStreams) records(partition int32, b []byte) {
	for len(b) >= batchHead {
		size := 12 + int(binary.BigEndian.Uint32(b[8:]))
		if size > len(b) {
			return
		}
		base, count := int64(binary.BigEndian.Uint64(b)), int(binary.BigEndian.Uint32(b[23:]))+1
		s.missing += int(base - s.next[partition])
		s.next[partition] = base + int64(count)
		s.seen += count
		s.bytes += count * s.job.size
		b = b[size:]
	}
}
