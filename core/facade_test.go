package fluvio_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// makeTopic creates a topic of a name of its own that is deleted when the test has ended.
func makeTopic(t *testing.T, client *fluvio.Client, name string, partitions uint32) string {
	t.Helper()
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	require.NoError(t, client.Admin().CreateTopic(testContext(t), name, fluvio.TopicSpec{Partitions: partitions}))
	t.Cleanup(func() { require.NoError(t, client.Admin().DeleteTopic(testContext(t), name)) })
	return name
}

// Reading goes on while others write, in frames that cut batches, with a consumer that is quick, one that is slow, and one
// whose patience with silent streams is short.
func TestSteadyStream(t *testing.T) {
	ctx := testContext(t)
	at := endpoint(t)
	client := connect(t, at)
	impatient, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: at, RequestTimeout: time.Second})
	require.NoError(t, err)
	defer func() { require.NoError(t, impatient.Close(ctx)) }()
	topic := makeTopic(t, client, "steady", 3)
	const n = 6000
	type reading struct {
		client  *fluvio.Client
		options fluvio.ConsumerOptions
		pause   bool
	}
	var all sync.WaitGroup
	for _, r := range []reading{
		{client, fluvio.ConsumerOptions{}, false},
		{client, fluvio.ConsumerOptions{MaxBytes: 1024, PrefetchBytes: 2048}, true},
		{client, fluvio.ConsumerOptions{MaxBytes: 5000, Isolation: "read_committed"}, false},
		{impatient, fluvio.ConsumerOptions{MaxBytes: 3000}, false},
	} {
		r.options.Topics, r.options.Start = []string{topic}, fluvio.Beginning()
		consumer, err := r.client.Consumer(ctx, r.options)
		require.NoError(t, err)
		all.Add(1)
		go func() {
			defer all.Done()
			next := map[int32]int64{}
			seen := map[string]bool{}
			for len(seen) < n {
				b, err := consumer.Next(ctx)
				if err != nil {
					t.Errorf("after %d records: %v", len(seen), err)
					return
				}
				for rec := range b.Records() {
					if rec.Offset != next[rec.Partition] {
						t.Errorf("partition %d: offset %d instead of %d", rec.Partition, rec.Offset, next[rec.Partition])
						return
					}
					next[rec.Partition]++
					seen[string(rec.Value)] = true
				}
				b.Release()
				if r.pause && len(seen)%500 < 10 {
					time.Sleep(time.Millisecond) // an application with work to do
				}
			}
			if err := consumer.Close(ctx); err != nil {
				t.Error(err)
			}
		}()
	}
	producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{BatchSize: 700, MaxRequestSize: 1400})
	require.NoError(t, err)
	for i := range n {
		_, err := producer.Send(ctx, fluvio.Record{Value: fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", i%300))})
		require.NoError(t, err)
		if i%2000 == 1999 {
			require.NoError(t, producer.Flush(ctx))
			time.Sleep(1300 * time.Millisecond) // silence that is no fault: longer than the impatient client's patience
		}
	}
	require.NoError(t, producer.Close(ctx))
	all.Wait()
}

func TestRecordsCanBeLeftAndGoneOnWith(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	topic := makeTopic(t, client, "left", 1)
	producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{BatchSize: 256})
	require.NoError(t, err)
	for i := range 100 {
		_, err := producer.Send(ctx, fluvio.Record{Value: fmt.Appendf(nil, "%d", i)})
		require.NoError(t, err)
	}
	require.NoError(t, producer.Flush(ctx))
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	for r, err := range consumer.Records(ctx) {
		require.NoError(t, err)
		kept := r.Clone()
		require.Equal(t, "0", string(kept.Value))
		break
	}
	for _, err := range consumer.Records(ctx) {
		require.NoError(t, err)
	}
	for range consumer.Records(ctx) {
		require.Fail(t, "records after the end")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	tail, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}})
	require.NoError(t, err)
	n := 0
	for _, err := range tail.Records(gone) {
		require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "an error comes last")
		n++
	}
	require.Equal(t, 1, n)

	again, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning()})
	require.NoError(t, err)
	for range again.Records(ctx) {
		break
	}
	require.NoError(t, again.Close(ctx))
	_, err = again.Next(ctx)
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err), "what a loop left behind does not come after Close either")
}

func TestPositionsAsText(t *testing.T) {
	for _, text := range []string{"beginning", "beginning+5", "end", "end-3", "0", "42", "time:1700000000123"} {
		p, err := fluvio.ParseStartPosition(text)
		require.NoError(t, err)
		require.Equal(t, text, p.String())
	}
	for _, text := range []string{"never", "end", "0", "42", "time:0"} {
		p, err := fluvio.ParseStopPosition(text)
		require.NoError(t, err)
		require.Equal(t, text, p.String())
	}
	require.Equal(t, "end", fluvio.StartPosition{}.String())
	require.Equal(t, "never", fluvio.StopPosition{}.String())
	at, err := fluvio.ParseStartPosition("time:2024-05-01T12:00:00.5+02:00")
	require.NoError(t, err)
	require.Equal(t, fluvio.AtTime(time.UnixMilli(1714557600500)), at)
	for _, text := range []string{"", "-1", "begin", "end+1", "beginning-1", "end--1", "1.5", "9223372036854775808", "time:", "time:-5", "time:yesterday", "time:1960-01-01T00:00:00Z"} {
		_, err := fluvio.ParseStartPosition(text)
		require.Error(t, err, "%q", text)
	}
	for _, text := range []string{"", "-1", "end-1", "beginning", "time:2024-01"} {
		_, err := fluvio.ParseStopPosition(text)
		require.Error(t, err, "%q", text)
	}
}

// Every problem is reported at once, before anything is dialled.
func TestValidation(t *testing.T) {
	for want, err := range map[string]error{
		"endpoint: \"x\" is not of the form host:port":      fluvio.ClientOptions{Endpoint: "x", Profile: "p"}.Validate(),
		"profile: cannot be combined":                       fluvio.ClientOptions{Endpoint: "x", Profile: "p"}.Validate(),
		"retry_backoff_ms: is larger":                       fluvio.ClientOptions{RetryBackoff: time.Minute, RetryBackoffMax: time.Second}.Validate(),
		"tls_domain: is needed":                             fluvio.ClientOptions{TLS: "verified"}.Validate(),
		"batch_size: 2000000 is larger than":                fluvio.ProducerOptions{BatchSize: 2_000_000}.Validate(),
		"max_request_size: 30000000 is larger than buffer_": fluvio.ProducerOptions{MaxRequestSize: 30_000_000, BufferMemory: 1 << 20}.Validate(),
		"compression_level: needs compression":              fluvio.ProducerOptions{Compression: "none", CompressionLevel: 3}.Validate(),
		"compression_level: ":                               fluvio.ProducerOptions{Compression: "gzip", CompressionLevel: 22}.Validate(),
		"topics: name at least one":                         fluvio.ConsumerOptions{}.Validate(),
		"stands twice":                                      fluvio.ConsumerOptions{Topics: []string{"a", "a"}, Partitions: []int32{1, 1, -1}}.Validate(),
		"partitions: -1 is negative":                        fluvio.ConsumerOptions{Topics: []string{"a", "a"}, Partitions: []int32{1, 1, -1}}.Validate(),
		"start: -5 is negative":                             fluvio.ConsumerOptions{Topics: []string{"a"}, Start: fluvio.AtOffset(-5)}.Validate(),
		"topics: \"^a(\" is not a pattern":                  fluvio.ConsumerOptions{Topics: []string{"^a("}}.Validate(),
		"group_member: 3 is not between 0 and 2":            fluvio.ConsumerOptions{Topics: []string{"a"}, GroupMember: 3, GroupSize: 3}.Validate(),
		"group_size: is needed":                             fluvio.ConsumerOptions{Topics: []string{"a"}, GroupMember: 1}.Validate(),
		"offset_store_path: is needed":                      fluvio.ConsumerOptions{Topics: []string{"a"}, ConsumerID: "c", OffsetStore: "file"}.Validate(),
		"offset_store_path: has no effect":                  fluvio.ConsumerOptions{Topics: []string{"a"}, OffsetStorePath: "x"}.Validate(),
		"consumer_id: is needed with offset_store":          fluvio.ConsumerOptions{Topics: []string{"a"}, OffsetStore: "memory"}.Validate(),
		"offset_store: cannot be combined":                  fluvio.ConsumerOptions{Topics: []string{"a"}, ConsumerID: "c", OffsetStore: "memory", Store: fluvio.NewMemoryOffsetStore()}.Validate(),
		"max_partition_size: 2048 is smaller":               fluvio.TopicSpec{MaxPartitionSize: 2048}.Validate(),
	} {
		require.ErrorContains(t, err, want)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.NotEmpty(t, fluvioerr.As(err).Setting)
	}
	require.NoError(t, fluvio.ClientOptions{}.Validate())
	require.NoError(t, fluvio.ProducerOptions{}.Validate())
	require.NoError(t, fluvio.TopicSpec{}.Validate())
}

// What is wrong with settings is told before anybody is dialled, all of it at once.
func TestWrongSettingsDialNobody(t *testing.T) {
	dials := 0
	_, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{
		Endpoint: "127.0.0.1:1", RetryBackoff: time.Minute, RetryBackoffMax: time.Second, TLS: "verified",
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials++
			return nil, net.ErrClosed
		},
	})
	require.ErrorContains(t, err, "retry_backoff_ms: is larger")
	require.ErrorContains(t, err, "tls_domain: is needed")
	require.Zero(t, dials)
}

func TestTopicDemandsCompression(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "packed", fluvio.TopicSpec{Compression: "lz4"}))
	_, err := client.Producer(ctx, "packed", fluvio.ProducerOptions{Compression: "gzip"})
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "the topic demands compression lz4, the producer is set to gzip")
	_, err = client.Producer(ctx, "packed", fluvio.ProducerOptions{CompressionLevel: 10})
	require.ErrorContains(t, err, "compression_level: the level is out of range: 10, want 0 (default) or 1 to 9 for lz4")
	require.NoError(t, client.Admin().CreateTopic(ctx, "any", fluvio.TopicSpec{}))
	_, err = client.Producer(ctx, "any", fluvio.ProducerOptions{CompressionLevel: 1})
	require.ErrorContains(t, err, "compression_level: needs compression to be set")
	producer, err := client.Producer(ctx, "packed", fluvio.ProducerOptions{CompressionLevel: 9})
	require.NoError(t, err)
	receipt, err := producer.Send(ctx, fluvio.Record{Value: []byte("x")})
	require.NoError(t, err)
	_, _, err = receipt.Wait(ctx)
	require.NoError(t, err)
}

// Closing a client while its producer and consumer are busy loses no report and leaves nothing behind.
func TestCloseUnderLoad(t *testing.T) {
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	for range 5 {
		ctx := testContext(t)
		client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cl.Endpoint()})
		require.NoError(t, err)
		topic := fmt.Sprintf("load-%d", time.Now().UnixNano())
		require.NoError(t, client.Admin().CreateTopic(ctx, topic, fluvio.TopicSpec{Partitions: 2}))
		var mu sync.Mutex
		reported, taken := 0, 0
		producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{OnDelivery: func(d *fluvio.Delivery) {
			mu.Lock()
			reported += d.Count
			mu.Unlock()
		}})
		require.NoError(t, err)
		consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning()})
		require.NoError(t, err)
		var all sync.WaitGroup
		begun := make(chan struct{}, 4)
		for range 3 {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := 0; ; i++ {
					if _, err := producer.Send(ctx, fluvio.Record{Value: []byte("value")}); err != nil {
						if fluvioerr.CodeOf(err) != fluvioerr.Closed {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					taken++
					mu.Unlock()
					if i == 100 {
						begun <- struct{}{}
					}
				}
			}()
		}
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; ; i++ {
				b, err := consumer.Next(ctx)
				if err != nil {
					if fluvioerr.CodeOf(err) != fluvioerr.Closed {
						t.Error(err)
					}
					return
				}
				b.Release()
				if i == 0 {
					begun <- struct{}{}
				}
			}
		}()
		for range 4 {
			<-begun
		}
		_ = client.Close(ctx) // an error says that records had to be failed
		all.Wait()
		require.Equal(t, taken, reported, "every record that was taken has its report")
	}
}

func TestSendMany(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, endpoint(t))
	topic := makeTopic(t, client, "many", 1)
	producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{BatchSize: 256, MaxRequestSize: 2000})
	require.NoError(t, err)
	before := time.Now().UnixMilli()
	records := make([]fluvio.Record, 100)
	for i := range records {
		records[i] = fluvio.Record{Value: fmt.Append(nil, i)}
	}
	records[7].Timestamp, records[8].Timestamp, records[9].Key = 1700000000000, 1600000000000, []byte{}
	n, err := producer.SendMany(ctx, records)
	require.NoError(t, err)
	require.Equal(t, 100, n)
	n, err = producer.SendMany(ctx, []fluvio.Record{{Value: []byte("fits")}, {Value: make([]byte, 3000)}, {Value: []byte("never sent")}})
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.TooLarge))
	require.Equal(t, 1, n)
	require.NoError(t, producer.Flush(ctx))
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	got := readAll(t, consumer)
	require.Len(t, got, 101)
	for i, r := range got[:100] {
		require.Equal(t, fmt.Sprint(i), string(r.Value))
		require.Equal(t, i == 9, r.Key != nil)
		switch i {
		case 7, 8:
			require.Equal(t, records[i].Timestamp, r.Timestamp)
		default:
			require.Equal(t, got[0].Timestamp, r.Timestamp, "one time for all")
			require.GreaterOrEqual(t, r.Timestamp, before)
		}
	}
	require.Equal(t, "fits", string(got[100].Value))
}
