package fluvio_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// memoryAllowance is how much a hostile server may make a client take, beyond what it takes idle.
const memoryAllowance = 64 << 20

// memory watches how much the heap holds, garbage that is not collected yet included.
type memory struct {
	idle, most uint64
	stop       chan struct{}
	done       sync.WaitGroup
}

func watchMemory() *memory {
	runtime.GC()
	m := &memory{stop: make(chan struct{})}
	m.idle = heapBytes()
	m.done.Add(1)
	go func() {
		defer m.done.Done()
		for {
			select {
			case <-m.stop:
				return
			case <-time.After(2 * time.Millisecond):
				m.most = max(m.most, heapBytes())
			}
		}
	}()
	return m
}

func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// check ends the watch.
func (m *memory) check(t *testing.T) {
	t.Helper()
	close(m.stop)
	m.done.Wait()
	t.Logf("%d MiB above idle at most", int64(m.most-m.idle)>>20)
	require.Less(t, int64(m.most)-int64(m.idle), int64(memoryAllowance))
}

// hostile changes what servers say on the way to a client.
type hostile struct {
	share   float64 // of the frames
	seed    uint64
	conns   atomic.Uint64
	mutated *atomic.Int64
}

// hostileConn is a connection on which some of the server's frames are not what the server sent.
type hostileConn struct {
	net.Conn
	h     *hostile
	rnd   *rand.Rand
	out   []byte // not read yet
	old   []byte // an earlier frame
	slow  bool
	ended bool // the connection ends behind out
	// closed makes Read fail, as it does on a connection that is closed, also while bytes of out are left: a slow frame lasts minutes.
	closed atomic.Bool
}

func (c *hostileConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

func (h *hostile) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &hostileConn{Conn: c, h: h, rnd: rand.New(rand.NewPCG(h.seed, h.conns.Add(1)))}, nil
}

func (c *hostileConn) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		msg, err := wire.ReadFrame(c.Conn, wire.DefaultMaxFrame, nil)
		if err != nil {
			return 0, err
		}
		frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
		c.out, c.slow = frame, false
		if c.rnd.Float64() < c.h.share {
			c.h.mutated.Add(1)
			c.mutate(frame)
		}
		c.old = frame
	}
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	if c.slow && len(c.out) > 0 {
		time.Sleep(time.Millisecond)
		p = p[:1]
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// mutate sets out to something else than the frame.
func (c *hostileConn) mutate(frame []byte) {
	r := c.rnd
	bad := bytes.Clone(frame)
	c.out = bad
	u32 := []uint32{0, 1, 3, 0xff, 0xffff, 0x00ffffff, 0x7fffffff, 0x80000000, 0xffffffff, 60 << 20, uint32(len(frame)) - 5, uint32(len(frame)) + 1000}
	switch r.IntN(12) {
	case 0: // bits
		for range 1 + r.IntN(8) {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
	case 1: // a length that lies
		binary.BigEndian.PutUint32(bad, u32[r.IntN(len(u32))])
	case 2, 3, 4: // numbers inside that lie
		for range 1 + r.IntN(3) {
			binary.BigEndian.PutUint32(bad[4+r.IntN(len(bad)-7):], u32[r.IntN(len(u32))])
		}
	case 5: // somebody else's answer
		binary.BigEndian.PutUint32(bad[4:], r.Uint32())
	case 6: // replayed
		c.out = append(bad, frame...)
	case 7: // nothing
		c.out = nil
	case 8: // cut
		c.out, c.ended = bad[:r.IntN(len(bad))], true
	case 9: // endless small frames
		small := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 4}, r.Uint32())
		c.out = append(bytes.Repeat(small, 20_000), frame...)
	case 10: // slow bytes
		c.slow = true
	default: // an old answer to this question, or endless numbers
		if len(c.old) >= 8 && r.IntN(2) == 0 {
			c.out = bytes.Clone(c.old)
			copy(c.out[4:8], frame[4:8])
			return
		}
		for i := 8 + r.IntN(len(bad)-7); i < len(bad); i++ {
			bad[i] = 0xff
		}
	}
}

// within runs a call that must end by its context.
func within(t *testing.T, what string, limit time.Duration, call func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	start := time.Now()
	call(ctx)
	if over := time.Since(start) - limit; over > time.Minute { // a hang; a machine that does much else may be slow
		t.Errorf("%s came back %v behind its deadline", what, over)
	}
}

// visit does everything once that a client does, whatever comes of it.
func (h *hostile) visit(t *testing.T, endpoint string) {
	const limit = time.Second
	var client *fluvio.Client
	var err error
	within(t, "connect", limit, func(ctx context.Context) {
		client, err = fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: endpoint, DialContext: h.dial, ConnectionTimeout: 200 * time.Millisecond,
			RequestTimeout: 200 * time.Millisecond, RetryBackoff: time.Millisecond, RetryBackoffMax: 10 * time.Millisecond, LogLevel: "off"})
	})
	if err != nil {
		if fluvioerr.As(err) == nil {
			t.Errorf("not an error of libfluvio: %v", err)
		}
		return
	}
	within(t, "list", limit, func(ctx context.Context) { _, _ = client.Admin().Topics(ctx) })
	var producer *fluvio.Producer
	within(t, "open producer", limit, func(ctx context.Context) {
		producer, err = client.Producer(ctx, "t", fluvio.ProducerOptions{DeliveryTimeout: limit})
	})
	if err == nil {
		within(t, "send", limit, func(ctx context.Context) { _, _ = producer.Send(ctx, fluvio.Record{Value: make([]byte, 300)}) })
		within(t, "flush", limit, func(ctx context.Context) { _ = producer.Flush(ctx) })
		within(t, "close producer", limit, func(ctx context.Context) { _ = producer.Close(ctx) })
	}
	var consumer *fluvio.Consumer
	within(t, "open consumer", limit, func(ctx context.Context) {
		consumer, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning(), MaxBytes: 1024, CorruptBatches: "skip"})
	})
	if err == nil {
		within(t, "read", limit/4, func(ctx context.Context) {
			for _, err := range consumer.Records(ctx) {
				if err != nil && (ctx.Err() != nil || fluvioerr.Fatal(err)) {
					return
				}
			}
		})
		within(t, "close consumer", limit, func(ctx context.Context) { _ = consumer.Close(ctx) })
	}
	within(t, "close", limit, func(ctx context.Context) { _ = client.Close(ctx) })
}

// A thousand frames, or as many as HOSTILE_FRAMES says, that are not what servers send: nothing crashes or hangs, every call comes
// back, memory stays bounded.
func TestHostileServer(t *testing.T) {
	frames, err := strconv.ParseInt(cmp.Or(os.Getenv("HOSTILE_FRAMES"), "1000"), 10, 64)
	require.NoError(t, err)
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	require.NoError(t, cl.CreateTopic("t", 4))
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: cl.Endpoint()})
	require.NoError(t, err)
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		producer, err := client.Producer(testContext(t), "t", fluvio.ProducerOptions{Compression: codec, BatchSize: 300})
		require.NoError(t, err)
		for range 200 {
			_, err := producer.Send(testContext(t), fluvio.Record{Key: []byte("k"), Value: bytes.Repeat([]byte("v"), 100)})
			require.NoError(t, err)
		}
		require.NoError(t, producer.Flush(testContext(t)))
	}
	require.NoError(t, client.Close(testContext(t)))
	var mutated atomic.Int64
	var seed atomic.Uint64
	watch := watchMemory()
	var workers sync.WaitGroup
	for range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for mutated.Load() < frames && !t.Failed() {
				n := seed.Add(1)
				h := &hostile{share: []float64{0.03, 0.2, 0.6}[n%3], seed: n, mutated: &mutated}
				h.visit(t, cl.Endpoint())
			}
		}()
	}
	workers.Wait()
	t.Logf("%d frames in %d visits", mutated.Load(), seed.Load())
	watch.check(t)
}

// bomb packs 160 MiB of zeros into little.
func bomb(t *testing.T, codec compress.Codec) []byte {
	const size, piece = 160 << 20, 1 << 20
	zeros := make([]byte, piece)
	var out bytes.Buffer
	var w io.WriteCloser
	switch codec {
	case compress.Gzip:
		z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		require.NoError(t, err)
		w = z
	case compress.Lz4:
		w = lz4.NewWriter(&out)
	case compress.Zstd:
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		require.NoError(t, err)
		w = z
	default: // its stream has no end, so that it can be repeated behind its ten bytes of magic
		one, err := compress.Append(nil, codec, 0, zeros)
		require.NoError(t, err)
		return append(one, bytes.Repeat(one[10:], size/piece-1)...)
	}
	for range size / piece {
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// A batch that is small and would be huge is damaged data like any other: told, skipped if that is wanted, and cheap.
func TestBombs(t *testing.T) {
	cl := startCluster(t, devcluster.Options{})
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: cl.Endpoint(), LogLevel: "off"})
	require.NoError(t, err)
	defer client.Close(context.Background())
	for _, codec := range []compress.Codec{compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			topic := "bomb-" + codec.String()
			require.NoError(t, cl.CreateTopic(topic, 1))
			store(t, cl, topic, int(codec), bomb(t, codec))
			ctx := testContext(t)
			producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{})
			require.NoError(t, err)
			_, err = producer.Send(ctx, fluvio.Record{Value: []byte("behind")})
			require.NoError(t, err)
			require.NoError(t, producer.Close(ctx))
			watch := watchMemory()
			var skipped atomic.Int32
			consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(),
				CorruptBatches: "skip", OnEvent: func(e fluvio.ConsumerEvent) {
					if fluvioerr.CodeOf(e.Err) == fluvioerr.Corrupt {
						skipped.Add(1)
					}
				}})
			require.NoError(t, err)
			var values []string
			for r, err := range consumer.Records(ctx) {
				require.NoError(t, err)
				values = append(values, string(r.Value))
			}
			require.Equal(t, []string{"behind"}, values)
			require.Equal(t, int32(1), skipped.Load())
			watch.check(t)
			consumer, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning()})
			require.NoError(t, err)
			_, err = consumer.Next(ctx)
			require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(err))
			require.ErrorContains(t, err, fmt.Sprint(64<<20))
			require.NoError(t, consumer.Close(ctx))
		})
	}
}

// store writes bytes as the compressed records of one batch, past any producer.
func store(t *testing.T, cl *devcluster.Cluster, topic string, codec int, records []byte) {
	t.Helper()
	batch := append(make([]byte, wire.BatchHeaderSize), records...)
	h := wire.NewBatchHeader(codec, 1, 1700000000000, 1700000000000)
	wire.SealBatch(batch, &h)
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyProduce, APIVersion: 25, CorrelationID: 1, ClientID: "hostile"},
		&wire.ProduceRequest{TimeoutMS: 1000, Topics: []wire.ProduceTopic{{Name: topic, Partitions: []wire.ProducePartition{{Records: batch}}}}})
	require.NoError(t, err)
	nc, err := net.Dial("tcp", cl.SPUEndpoints()[0])
	require.NoError(t, err)
	defer nc.Close()
	_, err = nc.Write(frame)
	require.NoError(t, err)
	msg, err := wire.ReadFrame(nc, wire.DefaultMaxFrame, nil)
	require.NoError(t, err)
	_, body, err := wire.SplitResponse(msg)
	require.NoError(t, err)
	var resp wire.ProduceResponse
	_, err = wire.Decode(body, 25, &resp)
	require.NoError(t, err)
	require.True(t, resp.Topics[0].Partitions[0].Error.Ok())
}
