package consume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Every record comes back exactly once whatever the sizes of batches and frames, which the server cuts in the middle of
// batches: the official clients lose what is cut off.
func TestEveryRecordOnceWhateverTheSizes(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	for _, size := range []int{16 << 10, 256 << 10, 1 << 20} {
		name := fmt.Sprintf("batches-%d", size)
		w.topic(name, 1)
		count := 0
		for i := range max(2*len(codecs), 3<<20/size) {
			var v []string
			for bytes := 0; bytes < size; bytes += 100 + len(v[len(v)-1]) { // compressible in part
				v = append(v, fmt.Sprintf("%d:%s", count, strings.Repeat(string(rune('a'+count%26)), 100+count*7919%900)))
				count++
			}
			if i%7 == 3 { // one record, larger than most frames
				v = []string{fmt.Sprintf("%d:%s", count-len(v), noise(size+100_000))}
				count = int(w.end(name)) + 1
			}
			w.store(name, 0, batchOf(codecs[i%len(codecs)], v...))
		}
		cut := 0
		for i, maxBytes := range []int32{1024, 20_000, 100_003, 1_048_890, 8 << 20} {
			if w.cutsFrames(name, maxBytes) {
				cut++
			}
			cfg := testConfig(name)
			cfg.MaxBytes, cfg.PrefetchBytes, cfg.StopAt, cfg.Lazy = maxBytes, int64(maxBytes), Stop{Kind: StopEnd}, i%2 == 0
			require.Equal(t, count, w.counted(cfg), "batches of %d, max_bytes %d", size, maxBytes)
		}
		require.GreaterOrEqual(t, cut, 3, "frames end in the middle of a batch")
	}
}

var codecs = []compress.Codec{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd}

// noise is text that compresses badly.
func noise(n int) string {
	b := make([]byte, n)
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func (w *world) end(topic string) int64 {
	_, _, end, err := w.dev.Offsets(topic, 0)
	require.NoError(w.t, err)
	return end
}

// counted reads a partition to its end and counts the records, whose values have to begin with their offsets.
func (w *world) counted(cfg Config) (n int) {
	c := w.consumer(cfg)
	defer c.Close()
	for {
		b, err := c.Next(testContext(w.t))
		if err != nil {
			require.ErrorContains(w.t, err, "read to its end")
			return n
		}
		if cfg.Lazy {
			require.NoError(w.t, b.decode())
		}
		for _, r := range rowsOf(b) {
			text, _, _ := strings.Cut(r.value, ":")
			require.Equal(w.t, fmt.Sprintf("%d %d", n, n), fmt.Sprintf("%d %s", r.offset, text))
			n++
		}
	}
}

// cutsFrames says whether the first frame of a stream ends in the middle of a batch.
func (w *world) cutsFrames(topic string, maxBytes int32) bool {
	ctx := testContext(w.t)
	spu, err := w.cluster.Leader(topic, 0)
	require.NoError(w.t, err)
	conn, err := w.cluster.Conn(ctx, spu, transport.Fetch, 1<<60)
	require.NoError(w.t, err)
	defer w.cluster.CloseOwner(1 << 60)
	version, err := conn.Versions().For(wire.KeyStreamFetch)
	require.NoError(w.t, err)
	frames := make(chan wire.StreamFetchResponse, 1)
	_, err = conn.Stream(wire.KeyStreamFetch, version, &wire.StreamFetchRequest{Topic: topic, MaxBytes: maxBytes}, func(_ *transport.Buffer, body []byte, err error) {
		var m wire.StreamFetchResponse
		if err == nil {
			_, err = wire.Decode(body, version, &m)
		}
		if err == nil {
			frames <- m
		}
	})
	require.NoError(w.t, err)
	m := <-frames
	require.LessOrEqual(w.t, len(m.Partition.Records), int(maxBytes))
	whole, _, _, err := wholeBatches(m.Partition.Records, 0)
	require.NoError(w.t, err)
	return len(whole) < len(m.Partition.Records)
}

// scissors cut a connection of the client's after some bytes, sent or received.
type scissors struct {
	mu   sync.Mutex
	next *shears // guarded by mu: for the next connection, nil: none
}

// shears are one cut.
type shears struct {
	sent bool
	left int // bytes until then
	done bool
}

func (s *scissors) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || s.next == nil {
		return nc, err
	}
	c := &cutConn{Conn: nc, cut: s.next}
	s.next = nil
	return c, nil
}

type cutConn struct {
	net.Conn
	mu  sync.Mutex
	cut *shears // guarded by mu
}

// allow says how many of n bytes may pass.
func (c *cutConn) allow(sent bool, n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut.sent != sent {
		return n
	}
	n = min(n, c.cut.left)
	c.cut.left -= n
	c.cut.done = c.cut.left == 0
	return n
}

func (c *cutConn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut.done
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n = c.allow(false, n); err == nil && c.ended() {
		err = errors.Join(io.EOF, c.Conn.Close())
	}
	return n, err
}

func (c *cutConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b[:c.allow(true, len(b))])
	if err == nil && c.ended() {
		err = errors.Join(io.ErrClosedPipe, c.Conn.Close())
	}
	return n, err
}

// What a consumer and an SPU say to each other, from the first byte to the last, breaks off at every byte, in either
// direction: the handshake, the offsets, the stream, its frames, the acknowledgements. Every record comes once.
func TestConversationCutAtEveryByte(t *testing.T) {
	var s scissors
	w := newWorldOver(t, devcluster.Options{}, s.dial)
	w.topic("cut", 1)
	var want []string
	for i := range 6 {
		v := numbered(len(want), 2, 10*i)
		want = append(want, v...)
		w.store("cut", 0, batchOf(codecs[i%len(codecs)], v...))
	}
	cfg := testConfig("cut")
	cfg.MaxBytes, cfg.PrefetchBytes = 250, 1 // a frame has two batches and a part of the next, and waits for its credit
	cfg.StopAt, cfg.RetryFirst, cfg.RetryMax = Stop{Kind: StopEnd}, time.Microsecond, time.Millisecond
	for _, sent := range []bool{false, true} {
		n := 1
		for ; ; n++ {
			cut := &shears{sent: sent, left: n}
			s.mu.Lock()
			s.next = cut
			s.mu.Unlock()
			c := w.consumer(cfg)
			rows := readAll(t, c)
			require.Equal(t, want, values(rows), "cut at %d, sent %v", n, sent)
			inOrder(t, rows, 0)
			c.Close()
			if !cut.done {
				break
			}
		}
		require.Greater(t, n, 200, "a conversation is longer")
	}
}
