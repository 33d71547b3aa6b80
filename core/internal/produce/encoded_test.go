package produce

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// encode makes encoded records "first", "first+1" ... of about size bytes each, whose opaques are their numbers.
func encode(first, n, size int) *Encoded {
	e := &Encoded{Count: n, FirstTimestamp: 1700000000000, MaxTimestamp: 1700000000000, Queued: time.Now(), Partition: -1}
	for i := range n {
		value := fmt.Appendf(nil, "%-*d", size, first+i)
		e.Records = wire.AppendRecord(e.Records, 0, int64(i), false, nil, value)
		e.Opaques = append(e.Opaques, uint64(first+i))
		e.Payload += len(value)
	}
	return e
}

// feedEncoded gives them to a producer and says which were refused.
func feedEncoded(ctx context.Context, p *Producer, e *Encoded) map[uint64]error {
	refused := map[uint64]error{}
	p.FeedEncoded(ctx, e, func(r *Record, err error) { refused[r.Opaque] = err })
	return refused
}

func wanted(n, size int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprintf("%-*d", size, i))
	}
	return values
}

// Encoded records that fill a batch are one, as they stand; few of them join others; all keep their order among what is sent
// otherwise, and have their reports.
func TestFeedEncoded(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("encoded", devcluster.TopicOptions{})
	book, counts := newLedger(), make(chan int, 100)
	p := w.producer("encoded", func(c *Config) {
		c.BatchSize, c.Linger = 8192, patience
		c.OnDelivery = func(d *Delivery) { book.take(d); counts <- d.Count }
	})
	n := 0
	for _, count := range []int{70, 3, 72, 1, 1, 70} {
		require.Empty(t, feedEncoded(testContext(t), p, encode(n, count, 100)))
		n += count
		_, err := p.Send(testContext(t), &Record{Value: fmt.Appendf(nil, "%-100d", n), Opaque: uint64(n)})
		require.NoError(t, err)
		n++
	}
	require.NoError(t, p.Flush(testContext(t), nil))
	for i, o := range book.all(t, n) {
		require.NoError(t, o.err)
		require.EqualValues(t, i, o.offset)
	}
	for _, want := range []int{70, 1 + 3 + 1, 72, 1 + 2 + 2, 70, 1} {
		require.Equal(t, want, <-counts)
	}
	require.Equal(t, wanted(n, 100), values(w.read("encoded")))
	s := p.Stats()
	require.EqualValues(t, []uint64{uint64(n), uint64(n) * 100}, []uint64{s.RecordsAcknowledged, s.BytesAcknowledged})
}

// Where there are several partitions, each record goes where the partitioner wants it, unless the records have one.
func TestFeedEncodedToSeveralPartitions(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("spread", devcluster.TopicOptions{Partitions: 3})
	p := w.producer("spread", func(c *Config) { c.BatchSize = 8192 })
	require.Empty(t, feedEncoded(testContext(t), p, encode(0, 60, 100)))
	chosen := encode(60, 60, 100)
	chosen.Partition = 2
	require.Empty(t, feedEncoded(testContext(t), p, chosen))
	nowhere := encode(120, 60, 100)
	nowhere.Partition = 3
	refused := feedEncoded(testContext(t), p, nowhere)
	require.Len(t, refused, 60)
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(refused[120]), "%v", refused[120])
	require.NoError(t, p.Flush(testContext(t), nil))
	of := map[int32]int{}
	for _, r := range w.read("spread") {
		of[r.partition]++
	}
	require.Equal(t, map[int32]int{0: 20, 1: 20, 2: 20 + 60}, of)

	fixed := w.producer("spread", func(c *Config) { c.BatchSize, c.Partitioner = 8192, Fixed(1) })
	require.Empty(t, feedEncoded(testContext(t), fixed, encode(0, 60, 100)))
	require.NoError(t, fixed.Flush(testContext(t), nil))
	require.Len(t, w.read("spread"), 180)
	require.EqualValues(t, 1, fixed.Stats().Batches)
}

// Encoded records wait for memory until the delivery timeout of their first, and are refused when the producer is closed.
func TestFeedEncodedWithoutMemory(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("tight", devcluster.TopicOptions{})
	p := w.producer("tight", func(c *Config) {
		c.BatchSize, c.BufferMemory, c.Linger = 8192, 10000, patience
	})
	for i := range 20 {
		require.Empty(t, feedEncoded(testContext(t), p, encode(60*i, 60, 100)), "each has the memory when the one before is stored")
	}
	require.NoError(t, p.Flush(testContext(t), nil))
	require.Equal(t, wanted(1200, 100), values(w.read("tight")))

	stalled := w.producer("tight", func(c *Config) {
		c.BatchSize, c.BufferMemory, c.DeliveryTimeout = 8192, 10000, patience
	})
	w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	require.Empty(t, feedEncoded(testContext(t), stalled, encode(0, 60, 100)))
	late := encode(60, 60, 100)
	late.Queued = time.Now().Add(-patience)
	refused := feedEncoded(testContext(t), stalled, late)
	require.Len(t, refused, 60)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(refused[60]), "%v", refused[60])

	require.NoError(t, p.Close(testContext(t)))
	refused = feedEncoded(testContext(t), p, encode(0, 60, 100))
	require.Len(t, refused, 60)
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(refused[59]))
}
