package produce

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

func TestRoundRobinIgnoresKeys(t *testing.T) {
	r, of := &RoundRobin{}, &Partitions{Count: 4, Available: []int32{0, 2, 3}}
	var got []int32
	for range 5 {
		got = append(got, r.Partition([]byte("the same key"), nil, of))
	}
	require.Equal(t, []int32{0, 2, 3, 0, 2}, got)
}

func TestSticky(t *testing.T) {
	s, of := &Sticky{}, &Partitions{Count: 5, Available: []int32{1, 2, 4}}
	at := func() int32 { return s.Partition(nil, nil, of) }
	require.Equal(t, []int32{1, 1, 1}, []int32{at(), at(), at()}, "it stays")
	require.Equal(t, []int32{2, 2}, []int32{s.next(1, of), at()}, "it goes on")
	require.Equal(t, []int32{2, 2}, []int32{s.next(1, of), at()}, "another goroutine has gone on already")
	require.Equal(t, []int32{4, 1}, []int32{s.next(2, of), s.next(4, of)}, "in a circle")
	of = &Partitions{Count: 5, Available: []int32{2, 4}}
	require.Equal(t, []int32{2, 2}, []int32{at(), at()}, "partition 1 went offline")
	require.Equal(t, int32(2), s.next(2, &Partitions{Count: 5, Available: []int32{2}}), "there is no other")
	require.Equal(t, []int32{2, 3}, []int32{at(), s.next(2, &Partitions{Count: 4})}, "nothing is known to be online")
	for range 100 {
		p := NewSticky().Partition(nil, nil, of)
		require.Contains(t, of.Available, p)
	}
	require.Equal(t, (&Siphash{}).Partition([]byte{}, nil, of), s.Partition([]byte{}, nil, of), "keys go where they always go")
}

// Records without a key fill one batch after the other, each in another partition than the one before; keys do not disturb.
func TestStickyFillsBatches(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("sticky", devcluster.TopicOptions{Partitions: 3})
	l := newLedger()
	var batches [][]uint64
	p := w.producer("sticky", func(c *Config) {
		c.Partitioner, c.Linger, c.BatchSize = NewSticky(), 10*time.Minute, 1000
		c.OnDelivery = func(d *Delivery) {
			batches = append(batches, slices.Clone(d.Opaques))
			l.take(d)
		}
	})
	const n = 500
	for i := range n {
		send(t, p, record(i))
	}
	require.NoError(t, p.Flush(testContext(t), nil))
	got := l.all(t, n)
	require.Greater(t, len(batches), 6)
	for _, b := range batches {
		for i, opaque := range b {
			require.Equal(t, b[0]+uint64(i), opaque, "a batch holds records that were sent in a row")
		}
		if last := b[len(b)-1]; last < n-1 {
			require.Greater(t, len(b), 20, "the batch was closed before it was full")
			require.NotEqual(t, got[last].partition, got[last+1].partition, "it went on to another partition")
		}
	}
	for i := range 30 {
		send(t, p, &Record{Key: []byte{byte(i)}, Value: []byte("keyed"), Opaque: uint64(n + i)})
	}
	require.NoError(t, p.Flush(testContext(t), nil))
	got = l.all(t, n+30)
	for i := range 30 {
		require.Equal(t, int32(KeyHash([]byte{byte(i)})%3), got[uint64(n+i)].partition)
	}
}

func TestStickyLeavesOutWhatIsOffline(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("online", devcluster.TopicOptions{Partitions: 4})
	p := w.producer("online", func(c *Config) { c.Partitioner = NewSticky() })
	require.NoError(t, w.dev.StopSPU(5002))
	require.Eventually(t, func() bool { return len(p.view.Load().Available) == 2 }, patience, time.Millisecond)
	partitions := map[int32]bool{}
	for i := range 20 {
		partition, _, err := send(t, p, record(i)).Wait(testContext(t))
		require.NoError(t, err, "nothing went to a partition that is offline")
		partitions[partition] = true
	}
	require.Len(t, partitions, 2, "both that are online had their turns")
}

// A function of the application that answers nonsense fails its own records and no others.
func TestOwnPartitioner(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("own", devcluster.TopicOptions{Partitions: 2})
	told := make(chan Partitions, 10)
	p := w.producer("own", func(c *Config) {
		c.OnPartitions = func(of *Partitions) { told <- *of }
		c.Partitioner = Func(func(key, value []byte, of *Partitions) int32 {
			require.EqualValues(t, 2, of.Count)
			if key == nil {
				return int32(len(value))
			}
			return int32(key[0]) - 1
		})
	})
	require.Equal(t, Partitions{Count: 2, Available: []int32{0, 1}}, <-told)
	for _, r := range []*Record{{Value: []byte("xx")}, {Key: []byte{0}}, {Value: make([]byte, 100)}} {
		_, err := p.Send(context.Background(), r)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.ErrorContains(t, err, "the partitioner chose partition ")
		require.ErrorContains(t, err, "which does not exist: the topic has 2, 0 to 1")
	}
	send(t, p, &Record{Value: []byte("x")})
	send(t, p, &Record{Key: []byte{1}, Value: []byte("y")})
	_, err := p.SendTo(testContext(t), 1, &Record{Key: []byte{1}, Value: []byte("z")})
	require.NoError(t, err, "a partition of the caller's choice is not asked for")
	require.NoError(t, p.Flush(testContext(t), nil))
	require.Equal(t, []row{{0, 0, []byte{1}, "y"}, {1, 0, nil, "x"}, {1, 1, []byte{1}, "z"}}, w.read("own"))
}
