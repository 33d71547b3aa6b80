package fluvio_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Each setting places records its own way.
func TestPartitionersBySetting(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "placed", fluvio.TopicSpec{Partitions: 4}))
	two := int32(2)
	place := func(key []byte, o fluvio.ProducerOptions) (out []int32) {
		o.Linger = time.Minute
		producer, err := client.Producer(ctx, "placed", o)
		require.NoError(t, err)
		var receipts []fluvio.Receipt
		for i := range 12 {
			r, err := producer.Send(ctx, fluvio.Record{Key: key, Value: fmt.Append(nil, i)})
			require.NoError(t, err)
			receipts = append(receipts, r)
		}
		require.NoError(t, producer.Flush(ctx))
		for _, r := range receipts {
			partition, _, err := r.Wait(ctx)
			require.NoError(t, err)
			out = append(out, partition)
		}
		require.EqualValues(t, 12, producer.Stats().RecordsAcknowledged)
		require.NoError(t, producer.Close(ctx))
		return out
	}
	key := []byte("order-0001") // of 4: 1
	times := func(n int, of ...int32) (out []int32) {
		for range n {
			out = append(out, of...)
		}
		return out
	}
	require.Equal(t, times(12, 1), place(key, fluvio.ProducerOptions{}))
	require.Equal(t, times(3, 0, 1, 2, 3), place(nil, fluvio.ProducerOptions{Partitioner: "siphash"}))
	require.Equal(t, times(3, 0, 1, 2, 3), place(key, fluvio.ProducerOptions{Partitioner: "round_robin"}))
	require.Equal(t, times(12, 1), place(key, fluvio.ProducerOptions{Partitioner: "sticky"}))
	sticky := place(nil, fluvio.ProducerOptions{Partitioner: "sticky"})
	require.Equal(t, times(12, sticky[0]), sticky)
	require.Equal(t, times(12, 2), place(key, fluvio.ProducerOptions{Partition: &two}))
	require.Equal(t, times(12, 2), place(nil, fluvio.ProducerOptions{Partition: &two, Partitioner: "fixed"}))
	own := place(key, fluvio.ProducerOptions{PartitionFunc: func(_, value []byte, of *fluvio.Partitions) int32 { return int32(len(value)) % of.Count }})
	require.Equal(t, append(times(10, 1), 2, 2), own)

	four := int32(4)
	_, err := client.Producer(ctx, "placed", fluvio.ProducerOptions{Partition: &four})
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "partition 4 does not exist: the topic has 4, 0 to 3")
	require.Equal(t, "partition", fluvioerr.As(err).Setting)
}

// A function that answers nonsense fails the record it was asked for, at Send, and knows which partitions there are before.
func TestPartitionFuncOfNonsense(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "nonsense", fluvio.TopicSpec{Partitions: 2}))
	told := make(chan fluvio.Partitions, 1)
	producer, err := client.Producer(ctx, "nonsense", fluvio.ProducerOptions{
		OnPartitions:  func(of *fluvio.Partitions) { told <- *of },
		PartitionFunc: func(key, _ []byte, _ *fluvio.Partitions) int32 { return int32(len(key)) - 1 },
	})
	require.NoError(t, err)
	require.Equal(t, fluvio.Partitions{Count: 2, Available: []int32{0, 1}}, <-told)
	for _, key := range []string{"", "three"} {
		_, err := producer.Send(ctx, fluvio.Record{Key: []byte(key)})
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, fmt.Sprintf("the partitioner chose partition %d, which does not exist: the topic has 2, 0 to 1", len(key)-1))
	}
	for _, key := range []string{"a", "ab"} {
		receipt, err := producer.Send(ctx, fluvio.Record{Key: []byte(key)})
		require.NoError(t, err)
		partition, _, err := receipt.Wait(ctx)
		require.NoError(t, err)
		require.EqualValues(t, len(key)-1, partition)
	}
	require.NoError(t, producer.Close(ctx))
	require.EqualValues(t, 2, producer.Stats().RecordsAccepted, "what was refused was not accepted")
}
