package produce

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// feed gives records to a producer and says which were refused, by Opaque.
func feed(ctx context.Context, p *Producer, records []Record) map[uint64]error {
	refused, i := map[uint64]error{}, 0
	p.Feed(ctx, func(r *Record) bool {
		if i == len(records) {
			return false
		}
		*r = records[i]
		i++
		return true
	}, func(r *Record, err error) { refused[r.Opaque] = err })
	return refused
}

// The delivery timeout of a batch runs from its first record on, so records that were handed over far apart, and waited for memory
// until they are fed together, are not in one.
func TestFeedKeepsApartWhatWaited(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("apart", devcluster.TopicOptions{})
	counts := make(chan int, 3)
	p := w.producer("apart", func(c *Config) {
		c.Linger = togetherMost / 2
		c.OnDelivery = func(d *Delivery) { counts <- d.Count }
	})
	now := time.Now()
	var records []Record
	for _, waited := range []time.Duration{2 * togetherMost, togetherMost, togetherMost - 1, 0} {
		records = append(records, Record{Value: []byte("v"), Partition: -1, Queued: now.Add(-waited)})
	}
	require.Empty(t, feed(testContext(t), p, records))
	require.NoError(t, p.Flush(testContext(t), nil))
	require.Len(t, counts, 2, "batches")
	require.Equal(t, 2, <-counts)
}

// What is fed arrives as what is sent, in its order; what cannot be taken is refused by itself, and what comes behind is taken.
func TestFeed(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("fed", devcluster.TopicOptions{Partitions: 3})
	p := w.producer("fed", func(c *Config) { c.MaxRequestSize, c.BatchSize = 4096, 512 })
	var records []Record
	want := map[int32][]string{}
	for i := range 1000 {
		r := Record{Value: fmt.Appendf(nil, "%d", i), Opaque: uint64(i), Partition: int32(i/7) % 3, Timestamp: 1}
		switch i {
		case 100:
			r.Partition = 3
		case 500:
			r.Value = make([]byte, 5000)
		case 700:
			r.Timestamp = -1
		default:
			want[r.Partition] = append(want[r.Partition], string(r.Value))
		}
		records = append(records, r)
	}
	refused := feed(testContext(t), p, records)
	require.Len(t, refused, 3)
	for i, code := range map[uint64]fluvioerr.Code{100: fluvioerr.InvalidArgument, 500: fluvioerr.TooLarge, 700: fluvioerr.InvalidArgument} {
		require.Equal(t, code, fluvioerr.CodeOf(refused[i]), "%d: %v", i, refused[i])
	}
	require.NoError(t, p.Flush(testContext(t), nil))
	got := map[int32][]string{}
	for _, r := range w.read("fed") {
		got[r.partition] = append(got[r.partition], r.value)
	}
	require.Equal(t, want, got)

	require.NoError(t, p.Close(testContext(t)))
	refused = feed(testContext(t), p, records[:2])
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(refused[0]))
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(refused[1]))
}

// A partitioner of the application's may use the producer, whose locks are not held then; and a budget that is used up is waited for.
func TestFeedOfAPartitionerThatSends(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("both", devcluster.TopicOptions{Partitions: 2})
	var p *Producer
	p = w.producer("both", func(c *Config) {
		c.BufferMemory, c.BatchSize = 4096, 512
		c.Partitioner = Func(func(_, value []byte, _ *Partitions) int32 {
			_, err := p.SendTo(testContext(t), 1, &Record{Value: append([]byte("beside "), value...)})
			require.NoError(t, err)
			return 1
		})
	})
	var records []Record
	for i := range 200 {
		records = append(records, Record{Value: fmt.Appendf(nil, "%d", i), Partition: -1})
	}
	require.Empty(t, feed(testContext(t), p, records))
	require.NoError(t, p.Flush(testContext(t), nil))
	var got []string
	for _, r := range w.read("both") {
		got = append(got, r.value)
	}
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf("beside %d", i), fmt.Sprint(i))
	}
	require.Equal(t, want, got)
}
