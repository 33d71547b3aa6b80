package replay

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// TestOfficialOffsets is a named consumer that goes on where it stopped, one that stores by itself, and what the cluster
// lists of both.
func TestOfficialOffsets(t *testing.T) {
	// The official client stores 0 for its auto consumer before it has given out anything.
	early := func(r *Request) bool { return r.Name == "UpdateConsumerOffset" && r.Field("offset") == "0" }
	// libfluvio asks for all partitions of a consumer at once.
	mask := maps.Clone(OtherClient)
	for _, name := range []string{"filter_replica", "filter_topic", "filter_partition"} {
		mask[name] = true
	}
	asOfficial(t, "offsets", mask, early, func(ctx context.Context, client *fluvio.Client, player *Player) {
		// read takes the first n records that a consumer gets, all of them acknowledged to the SPU.
		acknowledged := 0
		read := func(id, strategy string, n int) (*fluvio.Consumer, []int64) {
			consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{
				Topics: []string{"orders"}, Start: fluvio.Beginning(), ConsumerID: id, OffsetStrategy: strategy, MaxBytes: 1<<20 + 314,
			})
			require.NoError(t, err)
			var offsets []int64
			for r, err := range consumer.Records(ctx) {
				require.NoError(t, err)
				if offsets = append(offsets, r.Offset); len(offsets) == n {
					break
				}
			}
			acknowledged++
			require.Eventually(t, func() bool { return came(player, "UpdateOffsets") == acknowledged }, 20*time.Second, time.Millisecond)
			return consumer, offsets
		}
		stored := func() (out []string) {
			list, err := client.Admin().ConsumerOffsets(ctx)
			require.NoError(t, err)
			for _, o := range list {
				require.WithinDuration(t, time.Unix(1795482000, 0), o.Modified, time.Hour, "the day of the recording")
				out = append(out, fmt.Sprintf("%s %s/%d: %d", o.ConsumerID, o.Topic, o.Partition, o.Offset))
			}
			return out
		}

		consumer, offsets := read("c1", "manual", 10)
		require.EqualValues(t, 9, offsets[9])
		require.NoError(t, consumer.Commit(ctx))
		require.NoError(t, consumer.Close(ctx))
		require.Equal(t, []string{"c1 orders/0: 9"}, stored())

		consumer, offsets = read("c1", "manual", 1)
		require.EqualValues(t, 10, offsets[0], "behind the stored offset")
		require.NoError(t, consumer.Close(ctx))

		consumer, offsets = read("auto1", "auto", 47)
		require.EqualValues(t, 46, offsets[46])
		require.NoError(t, consumer.Commit(ctx)) // closing would leave out the last record: nobody said it was processed
		require.NoError(t, consumer.Close(ctx))
		require.Equal(t, []string{"auto1 orders/0: 46", "c1 orders/0: 9"}, stored())

		require.NoError(t, client.Admin().DeleteConsumerOffset(ctx, "c1", "orders", 0))
	})
}

// TestOfficialFailover is the death of an SPU: the partition it led moves, the SC tells of it, writes that miss a replica are
// reported as stored but not replicated, and everything is read back.
func TestOfficialFailover(t *testing.T) {
	var writes []*Request
	for _, r := range byName(t, official(t, "failover"), "Produce") {
		if !empty(r) {
			writes = append(writes, r)
		}
	}
	require.Len(t, writes, 6, "three times both partitions")
	asOfficial(t, "failover", timed(), empty, func(ctx context.Context, client *fluvio.Client, player *Player) {
		admin := client.Admin()
		require.NoError(t, admin.CreateTopic(ctx, "rep", fluvio.TopicSpec{Partitions: 2, Replication: 3, IgnoreRack: true}))
		require.NoError(t, admin.CreateTopic(ctx, "six", fluvio.TopicSpec{Partitions: 6, Replication: 2, IgnoreRack: true}))
		leader := func() int32 {
			spu, err := client.PartitionLeader("rep", 0)
			require.NoError(t, err)
			return spu
		}
		require.EqualValues(t, 5001, leader())
		write := func(pair []*Request) []fluvio.Receipt {
			producer := openAgain(ctx, t, client, pair[0])
			receipts := append(sendAgain(ctx, t, producer, pair[0]), sendAgain(ctx, t, producer, pair[1])...)
			_ = producer.Flush(ctx)
			_ = producer.Close(ctx)
			return receipts
		}
		for _, receipt := range write(writes[:2]) {
			_, _, err := receipt.Wait(ctx)
			require.NoError(t, err)
		}
		// Now the player's SC says that SPU 5001 is gone. A producer that does not know yet would turn to it first.
		require.Eventually(t, func() bool { return leader() == 5002 }, 20*time.Second, time.Millisecond)
		for i, receipt := range write(writes[2:4]) {
			_, offset, err := receipt.Wait(ctx)
			require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.Timeout))
			require.Equal(t, fluvioerr.ServerRequestTimedOut, fluvioerr.As(err).Server)
			require.True(t, fluvioerr.MaybeWritten(err))
			require.EqualValues(t, 10+i%10, offset, "where it is stored")
		}
		for i, receipt := range write(writes[4:]) {
			_, offset, err := receipt.Wait(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 20+i%10, offset)
		}
		// Not up to the end: the replica that is away holds the high watermark at 10.
		consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"rep"}, Start: fluvio.Beginning(), MaxBytes: 1<<20 + 314})
		require.NoError(t, err)
		next := map[int32]int64{}
		for r, err := range consumer.Records(ctx) {
			require.NoError(t, err)
			require.Equal(t, next[r.Partition], r.Offset)
			if next[r.Partition]++; next[0]+next[1] == 60 {
				break
			}
		}
		require.Equal(t, map[int32]int64{0: 30, 1: 30}, next)
		require.Eventually(t, func() bool { return came(player, "UpdateOffsets") == 2 }, 20*time.Second, time.Millisecond)
		require.NoError(t, consumer.Close(ctx))
	})
}
