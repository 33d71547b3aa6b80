package fluvio_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testContext ends long after any healthy test, so that a hang becomes a failure.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// startCluster runs a dev cluster for the test.
func startCluster(t *testing.T, o devcluster.Options) *devcluster.Cluster {
	t.Helper()
	c, err := devcluster.Start(testContext(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// connect opens a client for the test.
func connect(t *testing.T, endpoint string) *fluvio.Client {
	t.Helper()
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: endpoint})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close(testContext(t))) })
	return client
}

// readAll reads to the end of the stream.
func readAll(t *testing.T, c *fluvio.Consumer) (all []fluvio.Record) {
	t.Helper()
	for r, err := range c.Records(testContext(t)) {
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

// endpoint is a cluster for tests that need nothing but the protocol: the one FLUVIO_ENDPOINT names, or a dev cluster.
func endpoint(t *testing.T) string {
	if e := os.Getenv("FLUVIO_ENDPOINT"); e != "" {
		return e
	}
	return startCluster(t, devcluster.Options{SPUs: 2}).Endpoint()
}

func TestProduceAndConsume(t *testing.T) {
	client := connect(t, endpoint(t))
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		topic := fmt.Sprintf("orders-%s-%d", codec, time.Now().UnixNano())
		t.Run(codec, func(t *testing.T) {
			ctx := testContext(t)
			require.NoError(t, client.Admin().CreateTopic(ctx, topic, fluvio.TopicSpec{Partitions: 3}))
			producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{Compression: codec})
			require.NoError(t, err)
			const n = 20_000
			receipts := make([]fluvio.Receipt, 0, n)
			for i := range n {
				r := fluvio.Record{Value: fmt.Appendf(nil, "value %d %s", i, strings.Repeat("x", i%200))}
				switch i % 3 {
				case 0:
					r.Key = fmt.Appendf(nil, "key-%d", i%100)
				case 1:
					r.Key = []byte{}
				}
				rc, err := producer.Send(ctx, r)
				require.NoError(t, err)
				receipts = append(receipts, rc)
			}
			require.NoError(t, producer.Flush(ctx))
			type place struct {
				partition int32
				offset    int64
			}
			sent := map[place]int{}
			for i, rc := range receipts {
				partition, offset, err := rc.Wait(ctx)
				require.NoError(t, err)
				_, twice := sent[place{partition, offset}]
				require.False(t, twice, "two records at %d/%d", partition, offset)
				sent[place{partition, offset}] = i
			}
			consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
			require.NoError(t, err)
			all := readAll(t, consumer)
			require.Len(t, all, n)
			last := map[int32]int64{}
			for _, r := range all {
				i, ok := sent[place{r.Partition, r.Offset}]
				require.True(t, ok, "record at %d/%d was never acknowledged there", r.Partition, r.Offset)
				require.Equal(t, fmt.Sprintf("value %d %s", i, strings.Repeat("x", i%200)), string(r.Value))
				switch i % 3 {
				case 0:
					require.Equal(t, fmt.Sprintf("key-%d", i%100), string(r.Key))
				case 1:
					require.NotNil(t, r.Key)
					require.Empty(t, r.Key)
				default:
					require.Nil(t, r.Key)
				}
				require.InDelta(t, time.Now().UnixMilli(), r.Timestamp, 60_000)
				if before, seen := last[r.Partition]; seen {
					require.Equal(t, before+1, r.Offset, "partition %d", r.Partition)
				}
				last[r.Partition] = r.Offset
			}
			_, err = consumer.Next(ctx)
			require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.End), "the end stays the end")
			require.NoError(t, producer.Close(ctx))
		})
		// Deleted at the end, not here: a real SC that has just deleted a topic can miss that the next one is online.
		t.Cleanup(func() { require.NoError(t, client.Admin().DeleteTopic(testContext(t), topic)) })
	}
}

func TestErrorsOfNames(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	for _, name := range []string{"", strings.Repeat("a", 64), "Upper", "-a", "a_b", "ü"} {
		err := client.Admin().CreateTopic(ctx, name, fluvio.TopicSpec{})
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%q: %v", name, err)
	}
	_, err := client.Producer(ctx, "missing", fluvio.ProducerOptions{})
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	_, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"missing"}})
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	require.NoError(t, client.Admin().CreateTopic(ctx, strings.Repeat("a", 63), fluvio.TopicSpec{}))
	err = client.Admin().CreateTopic(ctx, strings.Repeat("a", 63), fluvio.TopicSpec{})
	require.Equal(t, fluvioerr.AlreadyExists, fluvioerr.CodeOf(err), "%v", err)
	var e *fluvioerr.Error
	require.True(t, errors.As(err, &e))
	require.Equal(t, fluvioerr.ServerTopicAlreadyExists, e.Server)
}

// A real SC that has just deleted a topic can fail to notice that the next one is online. Its watch tells, though.
func TestCreateWhoseAnswerDoesNotCome(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{SPUs: 2})
	client := connect(t, cluster.Endpoint())
	ctx := testContext(t)
	rule, err := cluster.AddRule(devcluster.Rule{API: "Create", Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	require.NoError(t, err)
	require.NoError(t, client.Admin().CreateTopic(ctx, "there", fluvio.TopicSpec{Partitions: 2}))
	require.Equal(t, 1, rule.Hits())
	topics, err := client.Admin().Topics(ctx)
	require.NoError(t, err)
	require.Len(t, topics, 1)
	// A topic that does not get online is not there, and one that was there before is not made.
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for name, spec := range map[string]fluvio.TopicSpec{"wide": {Replication: 3}, "there": {}} {
		require.ErrorIs(t, client.Admin().CreateTopic(short, name, spec), fluvioerr.Target(fluvioerr.Timeout), name)
	}
	rule.Remove()
	require.ErrorIs(t, client.Admin().CreateTopic(ctx, "there", fluvio.TopicSpec{}), fluvioerr.Target(fluvioerr.AlreadyExists))
}

// Somebody else's topic of that name is not ours.
func TestCreateIsNotTakenIn(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	client, other := connect(t, cluster.Endpoint()), connect(t, cluster.Endpoint())
	ctx := testContext(t)
	rule, err := cluster.AddRule(devcluster.Rule{API: "Create", Partition: -1, Count: 1, On: devcluster.OnRequest, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	require.NoError(t, err)
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		result <- client.Admin().CreateTopic(short, "mine", fluvio.TopicSpec{Partitions: 7, Compression: "gzip"})
	}()
	require.NoError(t, rule.Wait(ctx, 1))
	require.NoError(t, other.Admin().CreateTopic(ctx, "mine", fluvio.TopicSpec{}))
	require.ErrorIs(t, <-result, fluvioerr.Target(fluvioerr.Timeout))
}

// A topic made anew right after its deletion is told from the one before it.
func TestRecreateWithLateWatch(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	client := connect(t, cluster.Endpoint())
	ctx := testContext(t)
	require.NoError(t, client.Admin().CreateTopic(ctx, "same", fluvio.TopicSpec{}))
	for _, rule := range []devcluster.Rule{
		{API: "Create", Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDrop}},
		{API: "Watch", Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: 300 * time.Millisecond}},
	} {
		_, err := cluster.AddRule(rule)
		require.NoError(t, err)
	}
	require.NoError(t, client.Admin().DeleteTopic(ctx, "same"))
	require.NoError(t, client.Admin().CreateTopic(ctx, "same", fluvio.TopicSpec{}))
}

// Partitions that were added are known when the call returns, also when it is the first of a client that did not wait for the cluster.
func TestAddPartitionsFirst(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	ctx := testContext(t)
	require.NoError(t, cluster.CreateTopic("grows", 1))
	_, err := cluster.AddRule(devcluster.Rule{API: "Watch", Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: 300 * time.Millisecond}})
	require.NoError(t, err)
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint(), ValidateOnConnect: new(bool)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close(ctx)) })
	require.NoError(t, client.Admin().AddPartitions(ctx, "grows", 1))
	_, err = client.PartitionLeader("grows", 1)
	require.NoError(t, err)
}

// Batches stay within the topic's segments, and a record that does not is refused at once.
func TestSmallSegments(t *testing.T) {
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	ctx := testContext(t)
	require.NoError(t, client.Admin().CreateTopic(ctx, "small", fluvio.TopicSpec{SegmentSize: 4096}))
	producer, err := client.Producer(ctx, "small", fluvio.ProducerOptions{Linger: 50 * time.Millisecond})
	require.NoError(t, err)
	for range 200 {
		_, err := producer.Send(ctx, fluvio.Record{Value: make([]byte, 100)})
		require.NoError(t, err)
	}
	require.NoError(t, producer.Flush(ctx))
	_, err = producer.Send(ctx, fluvio.Record{Value: make([]byte, 4096)})
	require.ErrorContains(t, err, "the record takes 4166 bytes in a batch, segment_size is 4096")
	require.Equal(t, "segment_size", fluvioerr.As(err).Setting)
	require.Equal(t, "segment_size", producer.LimitedBy())
}
