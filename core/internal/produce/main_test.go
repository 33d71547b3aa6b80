package produce

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/consume"
	"github.com/libfluvio/libfluvio/core/internal/history"
	"github.com/libfluvio/libfluvio/core/internal/transport"
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

// newWorldOver is newWorld with a dial function of the test's own.
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

// topic creates a topic and waits until the client, too, sees all its partitions online: the SC tells of them one by one, and records
// without a key go to those online only.
func (w *world) topic(name string, o devcluster.TopicOptions) {
	w.t.Helper()
	require.NoError(w.t, w.dev.CreateTopicWith(name, o))
	require.True(w.t, w.cluster.AwaitTopic(testContext(w.t), name, func(t *cluster.Topic) bool {
		return len(t.Partitions) == max(o.Partitions, 1) && !slices.ContainsFunc(t.Partitions, func(p *cluster.Partition) bool { return p == nil || !p.Online() })
	}))
}

func testConfig(topic string) Config {
	return Config{
		Topic: topic, BatchSize: 16 << 10, MaxRequestSize: 1 << 20, LimitedBy: "max_request_size", BufferMemory: 32 << 20, BlockWhenFull: true,
		Isolation: wire.ProduceReadUncommitted, ServerTimeout: 1500 * time.Millisecond, DeliveryTimeout: patience, RequestTimeout: patience,
		RetryFirst: 2 * time.Millisecond, RetryMax: 50 * time.Millisecond, Partitioner: &Siphash{},
	}
}

// producer opens a producer that is closed with the test. change may be nil.
func (w *world) producer(topic string, change func(*Config)) *Producer {
	w.t.Helper()
	cfg := testConfig(topic)
	if change != nil {
		change(&cfg)
	}
	t, err := w.cluster.Topic(testContext(w.t), topic)
	require.NoError(w.t, err)
	p := Open(t, w.cluster, cfg)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

// rule adds a fault rule that ends with the test.
func (w *world) rule(r devcluster.Rule) *devcluster.RuleHandle {
	w.t.Helper()
	r.Partition = -1
	h, err := w.dev.AddRule(r)
	require.NoError(w.t, err)
	w.t.Cleanup(h.Remove)
	return h
}

// row is a stored record.
type row struct {
	partition int32
	offset    int64
	key       []byte
	value     string
}

// read gives everything that is stored in a topic, by partition and offset.
func (w *world) read(topic string) (rows []row) {
	w.t.Helper()
	ctx := testContext(w.t)
	c, err := consume.Open(ctx, w.cluster, consume.Config{
		Topics: []consume.Topic{{Name: topic}}, Start: consume.Position{From: consume.FromBeginning}, StopAt: consume.Stop{Kind: consume.StopEnd},
		MaxBytes: 1 << 20, PrefetchBytes: 16 << 20, RequestTimeout: patience, RetryFirst: time.Millisecond, RetryMax: 50 * time.Millisecond,
	})
	require.NoError(w.t, err)
	defer c.Close()
	for {
		b, err := c.Next(ctx)
		if fluvioerr.CodeOf(err) == fluvioerr.End {
			break
		}
		require.NoError(w.t, err)
		for i := range b.Len() {
			r := row{partition: b.Partition, offset: b.Cols.Offset[i]}
			if n := b.Cols.KeyLen[i]; n != wire.NoKey {
				r.key = append([]byte{}, b.Data[b.Cols.KeyPos[i]:][:n]...)
			}
			r.value = string(b.Data[b.Cols.ValuePos[i]:][:b.Cols.ValueLen[i]])
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return int(a.partition - b.partition) })
	return rows
}

// note reads what is stored in a topic into a history.
func (w *world) note(h *history.History, topic string) {
	w.t.Helper()
	for _, r := range w.read(topic) {
		h.Store(r.partition, r.offset, r.key, []byte(r.value))
	}
}

// values are the values of rows in their order.
func values(rows []row) (out []string) {
	for _, r := range rows {
		out = append(out, r.value)
	}
	return out
}

// ledger collects reports, by the opaque of the records.
type ledger struct {
	mu    sync.Mutex
	got   map[uint64]outcome
	twice []uint64
	wake  chan struct{}
}

type outcome struct {
	partition int32
	offset    int64
	err       error
	persisted Persistence
}

func newLedger() *ledger { return &ledger{got: map[uint64]outcome{}, wake: make(chan struct{}, 1)} }

func (l *ledger) take(d *Delivery) {
	l.mu.Lock()
	for i, o := range d.Opaques {
		if _, seen := l.got[o]; seen {
			l.twice = append(l.twice, o)
		}
		offset := int64(-1)
		if d.BaseOffset >= 0 {
			offset = d.BaseOffset + int64(i)
		}
		l.got[o] = outcome{d.Partition, offset, d.Err, d.Persisted}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got)
}

// all gives the outcomes of n records, and fails unless each came exactly once.
func (l *ledger) all(t *testing.T, n int) map[uint64]outcome {
	t.Helper()
	end := time.After(patience)
	for l.len() < n {
		select {
		case <-l.wake:
		case <-end:
			require.FailNow(t, "reports are missing", "%d of %d came", l.len(), n)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Len(t, l.got, n)
	require.Empty(t, l.twice, "reported twice")
	return l.got
}

// report notes the reports of records whose opaque is their number in a history.
func report(h *history.History) func(*Delivery) {
	return func(d *Delivery) {
		for i, number := range d.Opaques {
			o := history.Outcome{Partition: d.Partition, Offset: -1, State: history.State(d.Persisted), Err: d.Err}
			if d.BaseOffset >= 0 {
				o.Offset = d.BaseOffset + int64(i)
			}
			h.Report(number, o)
		}
	}
}

// record is a record whose value names its number, which is also its opaque.
func record(i int) *Record { return &Record{Value: fmt.Appendf(nil, "value %d", i), Opaque: uint64(i)} }

// send sends a record that must be taken.
func send(t *testing.T, p *Producer, r *Record) Receipt {
	t.Helper()
	rc, err := p.Send(testContext(t), r)
	require.NoError(t, err)
	return rc
}

// wait waits for a record's report.
func wait(t *testing.T, r Receipt) (offset int64, err error) {
	t.Helper()
	ctx := testContext(t)
	_, offset, err = r.Wait(ctx)
	require.NoError(t, ctx.Err(), "no report came")
	return offset, err
}
