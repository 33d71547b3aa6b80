package fluvio_test

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// counting is a hook of every kind.
type counting struct{ starts, ends atomic.Int64 }

func (c *counting) start(ctx context.Context) context.Context {
	return context.WithValue(ctx, counting{}, c.starts.Add(1))
}

func (c *counting) ConnectStart(ctx context.Context, _ fluvio.HookConn) context.Context {
	return c.start(ctx)
}
func (c *counting) ConnectEnd(context.Context, fluvio.HookConn, error) { c.ends.Add(1) }
func (c *counting) RequestStart(ctx context.Context, _ fluvio.HookRequest) context.Context {
	return c.start(ctx)
}
func (c *counting) RequestEnd(context.Context, fluvio.HookRequest, error) { c.ends.Add(1) }
func (c *counting) ProduceBatchStart(ctx context.Context, _ fluvio.HookProduceBatch) context.Context {
	return c.start(ctx)
}
func (c *counting) ProduceBatchEnd(context.Context, fluvio.HookProduceBatch, error) { c.ends.Add(1) }
func (c *counting) FetchBatchStart(ctx context.Context, _ fluvio.HookFetchBatch) context.Context {
	return c.start(ctx)
}
func (c *counting) FetchBatchEnd(context.Context, fluvio.HookFetchBatch, error) { c.ends.Add(1) }
func (c *counting) CommitStart(ctx context.Context, _ fluvio.HookCommit) context.Context {
	return c.start(ctx)
}
func (c *counting) CommitEnd(context.Context, fluvio.HookCommit, error) { c.ends.Add(1) }

// Every start has its end, whatever becomes of what was started.
func TestHooksEnd(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	var hook counting
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: cluster.Endpoint(), Hooks: []any{&hook}, RetryBackoff: time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, client.Admin().CreateTopic(testContext(t), "hooked", fluvio.TopicSpec{}))
	producer, err := client.Producer(testContext(t), "hooked", fluvio.ProducerOptions{DeliveryTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	sendAll(t, producer, 10)
	leader, err := client.PartitionLeader("hooked", 0)
	require.NoError(t, err)
	require.NoError(t, cluster.StopSPU(leader))
	_, err = producer.Send(testContext(t), fluvio.Record{Value: []byte("fails")})
	require.NoError(t, err)
	require.Error(t, producer.Flush(testContext(t)), "nobody takes it in time")
	require.NoError(t, client.Close(testContext(t)))
	require.Greater(t, hook.starts.Load(), int64(5))
	require.Equal(t, hook.starts.Load(), hook.ends.Load())
}

// BenchmarkObserved compares how quickly two clients of one cluster produce, one without hooks and statistics, and one with a hook
// of every kind whose counters are written as Prometheus text every 100 ms. They take turns, so that what else the machine does
// concerns both; the result is the median of the ratios of neighbours. Run it alone on the machine:
//
//	go test -run - -bench Observed -benchtime 200x ./core
func BenchmarkObserved(b *testing.B) {
	cluster, err := devcluster.Start(b.Context(), devcluster.Options{})
	require.NoError(b, err)
	defer cluster.Close()
	var hook counting
	var text bytes.Buffer
	options := []fluvio.ClientOptions{{}, {
		Hooks: []any{&hook}, StatisticsInterval: 100 * time.Millisecond,
		OnStats: func(s *fluvio.ClientStats) {
			text.Reset()
			_ = fluvio.WritePrometheus(&text, s)
		},
	}}
	producers := make([]*fluvio.Producer, len(options))
	for i, o := range options {
		o.Endpoint = cluster.Endpoint()
		client, err := fluvio.Connect(b.Context(), o)
		require.NoError(b, err)
		defer func() { _ = client.Close(context.Background()) }()
		topic := []string{"plain", "observed"}[i]
		require.NoError(b, client.Admin().CreateTopic(b.Context(), topic, fluvio.TopicSpec{MaxPartitionSize: 64 << 20, SegmentSize: 16 << 20}))
		producers[i], err = client.Producer(b.Context(), topic, fluvio.ProducerOptions{})
		require.NoError(b, err)
	}
	const records = 20_000
	value := make([]byte, 100)
	run := func(p *fluvio.Producer) time.Duration {
		start := time.Now()
		for range records {
			_, err := p.Send(context.Background(), fluvio.Record{Value: value, Timestamp: 1})
			require.NoError(b, err)
		}
		require.NoError(b, p.Flush(context.Background()))
		return time.Since(start)
	}
	var ratios []float64
	var total [2]time.Duration
	n := 0
	for b.Loop() {
		first := n % 2 // each goes first as often
		n++
		var took [2]time.Duration
		took[first], took[1-first] = run(producers[first]), run(producers[1-first])
		ratios = append(ratios, float64(took[1])/float64(took[0]))
		total[0], total[1] = total[0]+took[0], total[1]+took[1]
	}
	slices.Sort(ratios)
	b.ReportMetric(100*(ratios[len(ratios)/2]-1), "%-slower")
	b.ReportMetric(float64(len(ratios))*records/total[0].Seconds(), "plain-rec/s")
	b.ReportMetric(float64(len(ratios))*records/total[1].Seconds(), "observed-rec/s")
}
