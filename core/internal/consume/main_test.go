package consume

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestMain(m *testing.M) {
	if os.Getenv(apart) != "" {
		runApart()
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds waits for what must come; it is no measure.
const patience = 60 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// world is a dev cluster and a client's view of it.
type world struct {
	t       *testing.T
	dev     *devcluster.Cluster
	cluster *cluster.Cluster
}

func newWorld(t *testing.T, o devcluster.Options) *world {
	t.Helper()
	return newWorldOver(t, o, nil)
}

// newWorldOver is newWorld with connections that dial makes.
func newWorldOver(t *testing.T, o devcluster.Options, dial func(context.Context, string, string) (net.Conn, error)) *world {
	t.Helper()
	dev, err := devcluster.Start(testContext(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dev.Close()) })
	pool := transport.NewPool(&transport.Config{ClientID: "test", ConnectTimeout: 5 * time.Second, HandshakeTimeout: 5 * time.Second, RequestTimeout: patience, WriteStall: patience, DialContext: dial})
	t.Cleanup(pool.Close)
	c, err := cluster.Open(testContext(t), cluster.Config{Endpoint: dev.Endpoint(), BackoffFirst: 2 * time.Millisecond, BackoffMax: 50 * time.Millisecond}, pool)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &world{t, dev, c}
}

// topic creates a topic of some partitions, and waits until the client knows it: it may not yet have heard that one of this
// name was deleted.
func (w *world) topic(name string, partitions int) {
	w.t.Helper()
	require.NoError(w.t, w.dev.CreateTopic(name, partitions))
	for ctx := testContext(w.t); ; {
		changed := w.cluster.Changed()
		topic, err := w.cluster.Topic(ctx, name)
		require.NoError(w.t, err)
		if len(topic.Partitions) == partitions {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.FailNow(w.t, "the client does not hear of the topic", "%s has %d partitions, not %d", name, len(topic.Partitions), partitions)
		}
	}
}

// rule adds a fault rule that ends with the test.
func (w *world) rule(r devcluster.Rule) *devcluster.RuleHandle {
	w.t.Helper()
	h, err := w.dev.AddRule(r)
	require.NoError(w.t, err)
	w.t.Cleanup(h.Remove)
	return h
}

// batchOf makes a batch as a producer would.
func batchOf(codec compress.Codec, values ...string) []byte {
	section := binary.BigEndian.AppendUint32(nil, uint32(len(values)))
	for i, v := range values {
		section = wire.AppendRecord(section, 0, int64(i), false, nil, []byte(v))
	}
	return sealed(codec, len(values), section)
}

// sealed makes a batch of a records section, which need not be right.
func sealed(codec compress.Codec, count int, section []byte) []byte {
	b := make([]byte, wire.BatchHeaderSize)
	b, err := compress.Append(b, codec, 0, section)
	if err != nil {
		panic(err)
	}
	h := wire.NewBatchHeader(int(codec), count, 1700000000000, 1700000000000)
	wire.SealBatch(b, &h)
	return b
}

// store writes batches, as one record set, to the leader of a partition, and returns the offset of the first record.
func (w *world) store(topic string, partition int32, batches ...[]byte) int64 {
	w.t.Helper()
	offset, err := w.tryStore(topic, partition, batches...)
	require.NoError(w.t, err)
	return offset
}

func (w *world) tryStore(topic string, partition int32, batches ...[]byte) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	spu, err := w.cluster.Leader(topic, partition)
	if err != nil {
		return 0, err
	}
	conn, err := w.cluster.Conn(ctx, spu, transport.Produce, 0)
	if err != nil {
		return 0, err
	}
	var set []byte
	for _, b := range batches {
		set = append(set, b...)
	}
	req := &wire.ProduceRequest{Isolation: wire.ProduceReadUncommitted, TimeoutMS: 1000, Topics: []wire.ProduceTopic{{Name: topic, Partitions: []wire.ProducePartition{{Partition: uint32(partition), Records: set}}}}}
	var resp wire.ProduceResponse
	if err := conn.Call(ctx, wire.KeyProduce, req, &resp); err != nil {
		return 0, err
	}
	p := resp.Topics[0].Partitions[0]
	if e := p.Error.Err("store"); e != nil {
		return 0, e
	}
	return p.BaseOffset, nil
}

// numbered are n values that tell their number, with size bytes of padding.
func numbered(from, n, size int) (out []string) {
	for i := from; i < from+n; i++ {
		out = append(out, fmt.Sprintf("%d:", i)+strings.Repeat("0", size))
	}
	return out
}

func testConfig(topics ...string) Config {
	cfg := Config{
		Start: Position{From: FromBeginning}, MaxBytes: 1 << 20, PrefetchBytes: 16 << 20,
		RequestTimeout: patience, RetryFirst: 2 * time.Millisecond, RetryMax: 50 * time.Millisecond,
	}
	for _, name := range topics {
		cfg.Topics = append(cfg.Topics, Topic{Name: name})
	}
	return cfg
}

// consumer opens a consumer that is closed with the test. Where the test's request timeout is short, opening can take longer on
// a busy machine, and is tried again.
func (w *world) consumer(cfg Config) *Consumer {
	w.t.Helper()
	ctx := testContext(w.t)
	c, err := Open(ctx, w.cluster, cfg)
	for cfg.RequestTimeout < patience && fluvioerr.CodeOf(err) == fluvioerr.Timeout && ctx.Err() == nil {
		c, err = Open(ctx, w.cluster, cfg)
	}
	require.NoError(w.t, err)
	w.t.Cleanup(c.Close)
	return c
}

// row is a record that was read.
type row struct {
	topic     string
	partition int32
	offset    int64
	value     string
}

// rowsOf copies the records of a batch and gives its memory back, which a race build overwrites.
func rowsOf(b *Batch) (rows []row) {
	for i := range b.Len() {
		rows = append(rows, row{b.Topic, b.Partition, b.Cols.Offset[i], string(b.Data[b.Cols.ValuePos[i]:][:b.Cols.ValueLen[i]])})
	}
	b.Release()
	return rows
}

// readAll reads to the end.
func readAll(t *testing.T, c *Consumer) (rows []row) {
	t.Helper()
	rows, err := readUntil(t, c, func([]row) bool { return false })
	require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err), "%v", err)
	return rows
}

// readUntil reads until enough says so, or to an error, which it returns.
func readUntil(t *testing.T, c *Consumer, enough func([]row) bool) (rows []row, err error) {
	t.Helper()
	ctx := testContext(t)
	for !enough(rows) {
		b, err := c.Next(ctx)
		require.NoError(t, ctx.Err(), "after %d records", len(rows))
		if err != nil {
			return rows, err
		}
		require.Positive(t, b.Len(), "a batch has records")
		rows = append(rows, rowsOf(b)...)
	}
	return rows, nil
}

// values are the values of rows in their order.
func values(rows []row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.value
	}
	return out
}

// inOrder checks that each partition's offsets follow each other without a gap, from the given first offset.
func inOrder(t *testing.T, rows []row, first int64) {
	t.Helper()
	next := map[string]int64{}
	for _, r := range rows {
		key := fmt.Sprintf("%s/%d", r.topic, r.partition)
		want, seen := next[key]
		if !seen {
			want = first
		}
		require.Equal(t, want, r.offset, key)
		next[key] = r.offset + 1
	}
}

// writer stores numbered records in a partition until it is stopped, through every fault. What it stored is what the
// partition holds: a record whose fate is open may be there twice.
type writer struct {
	stop chan struct{}
	done sync.WaitGroup
}

func (w *world) write(topic string, partitions int32) *writer {
	wr := &writer{stop: make(chan struct{})}
	for p := range partitions {
		wr.done.Add(1)
		go func() {
			defer wr.done.Done()
			for i := 0; ; i += 5 {
				select {
				case <-wr.stop:
					return
				default:
				}
				if _, err := w.tryStore(topic, p, batchOf(compress.None, numbered(i, 5, 10+i%300)...)); err != nil {
					time.Sleep(time.Millisecond) // a retry loop's pause
				}
			}
		}()
	}
	return wr
}

func (wr *writer) end() { close(wr.stop); wr.done.Wait() }
