package consume

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// Frames are cut at max_bytes wherever that falls. Nothing may be lost or come twice.
func TestFramesOfEverySize(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("cut", 1)
	var want []string
	for i, size := range []int{0, 3, 50, 300, 1, 900, 20, 0, 700, 1100, 5, 1500, 40, 2500, 8, 6000, 1} {
		v := numbered(len(want), 1+i%4, size)
		want = append(want, v...)
		w.store("cut", 0, batchOf(compress.None, v...))
	}
	for size := int32(1024); size < 1300; size++ {
		cfg := testConfig("cut")
		cfg.MaxBytes, cfg.StopAt = size, Stop{Kind: StopEnd}
		rows := readAll(t, w.consumer(cfg))
		require.Equal(t, want, values(rows), "max_bytes %d", size)
		inOrder(t, rows, 0)
	}
}

func TestBatchesLargerThanMaxBytes(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("large", 1)
	var want []string
	for i, size := range []int{100_000, 10, 5, 3_000_000, 20, 100_000} {
		v := numbered(i, 1, size)
		want = append(want, v...)
		w.store("large", 0, batchOf(compress.None, v...))
	}
	opened := w.rule(devcluster.Rule{API: "StreamFetch", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	cfg := testConfig("large")
	cfg.MaxBytes, cfg.StopAt = 1024, Stop{Kind: StopEnd}
	rows := readAll(t, w.consumer(cfg))
	require.Equal(t, want, values(rows))
	require.Equal(t, 3, opened.Hits(), "the size is in the batch's header: one more stream for each step up")
}

func TestCodecs(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("codecs", 1)
	var want []string
	for i := range 40 {
		v := numbered(len(want), 1+i, 30*(i%7))
		want = append(want, v...)
		w.store("codecs", 0, batchOf(compress.Codec(i%5), v...))
	}
	for _, max := range []int32{1024, 3000, 1 << 20} {
		cfg := testConfig("codecs")
		cfg.MaxBytes, cfg.StopAt = max, Stop{Kind: StopEnd}
		rows := readAll(t, w.consumer(cfg))
		require.Equal(t, want, values(rows))
		inOrder(t, rows, 0)
	}
}

func TestStartAndStop(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("full", 1)
	w.topic("empty", 1)
	for i := range 5 {
		w.store("full", 0, batchOf(compress.None, numbered(i*4, 4, 5)...)) // 0 to 19
	}
	require.NoError(t, w.dev.EvictBefore("full", 0, 6))
	end := Stop{Kind: StopEnd}
	for _, c := range []struct {
		topic string
		start Position
		stop  Stop
		first int64 // of what is read
		after int64
	}{
		{"full", Position{FromBeginning, 0}, end, 6, 20},
		{"full", Position{FromBeginning, 3}, end, 9, 20},
		{"full", Position{FromBeginning, 14}, end, 0, 0},
		{"full", Position{FromBeginning, 99}, end, 0, 0},
		{"full", Position{FromEnd, 0}, end, 0, 0},
		{"full", Position{FromEnd, 1}, end, 19, 20},
		{"full", Position{FromEnd, 99}, end, 6, 20},
		{"full", Position{FromAbsolute, 7}, end, 7, 20},
		{"full", Position{FromAbsolute, 20}, end, 0, 0},
		{"full", Position{FromBeginning, 0}, Stop{StopOffset, 10}, 6, 10},
		{"full", Position{FromAbsolute, 9}, Stop{StopOffset, 10}, 9, 10},
		{"full", Position{FromAbsolute, 10}, Stop{StopOffset, 10}, 0, 0},
		{"full", Position{FromAbsolute, 12}, Stop{StopOffset, 10}, 0, 0},
		{"full", Position{FromBeginning, 0}, Stop{StopOffset, 0}, 0, 0},
		{"full", Position{FromBeginning, 0}, Stop{StopOffset, 20}, 6, 20},
		{"empty", Position{FromBeginning, 0}, end, 0, 0},
		{"empty", Position{FromBeginning, 5}, end, 0, 0},
		{"empty", Position{FromEnd, 0}, end, 0, 0},
		{"empty", Position{FromEnd, 5}, end, 0, 0},
		{"empty", Position{FromAbsolute, 0}, end, 0, 0},
		{"empty", Position{FromBeginning, 0}, Stop{StopOffset, 0}, 0, 0},
	} {
		for _, max := range []int32{1024, 1 << 20} {
			cfg := testConfig(c.topic)
			cfg.Start, cfg.StopAt, cfg.MaxBytes = c.start, c.stop, max
			rows := readAll(t, w.consumer(cfg))
			var want []string
			if c.after > 0 {
				want = numbered(int(c.first), int(c.after-c.first), 5)
			}
			require.Equal(t, len(want), len(rows), "%+v", c)
			for i, r := range rows {
				require.Equal(t, row{c.topic, 0, c.first + int64(i), want[i]}, r, "%+v", c)
			}
		}
	}
}

// Starting at the end means: what is stored after Open has returned.
func TestStartAtTheEnd(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("tail", 2)
	w.store("tail", 0, batchOf(compress.None, "old"))
	cfg := testConfig("tail")
	cfg.Start = Position{From: FromEnd}
	c := w.consumer(cfg)
	w.store("tail", 0, batchOf(compress.None, "new"))
	w.store("tail", 1, batchOf(compress.None, "first"))
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 2 })
	require.NoError(t, err)
	slices.SortFunc(rows, func(a, b row) int { return int(a.partition - b.partition) })
	require.Equal(t, []row{{"tail", 0, 1, "new"}, {"tail", 1, 0, "first"}}, rows)
}

func TestStopAtAnOffsetThatIsYetToCome(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("later", 1)
	cfg := testConfig("later")
	cfg.StopAt = Stop{StopOffset, 7}
	c := w.consumer(cfg)
	for i := range 4 {
		w.store("later", 0, batchOf(compress.None, numbered(3*i, 3, 2)...))
	}
	require.Equal(t, numbered(0, 7, 2), values(readAll(t, c)))
}

func TestTopicsAndPartitions(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("one", 1)
	w.topic("three", 3)
	w.store("one", 0, batchOf(compress.None, "one/0"))
	for p := range int32(3) {
		w.store("three", p, batchOf(compress.None, fmt.Sprintf("three/%d", p)))
	}
	cfg := testConfig("one", "three")
	cfg.StopAt = Stop{Kind: StopEnd}
	got := values(readAll(t, w.consumer(cfg)))
	slices.Sort(got)
	require.Equal(t, []string{"one/0", "three/0", "three/1", "three/2"}, got)

	cfg = testConfig("three")
	cfg.Topics[0].Partitions, cfg.StopAt = []int32{2, 0}, Stop{Kind: StopEnd}
	got = values(readAll(t, w.consumer(cfg)))
	slices.Sort(got)
	require.Equal(t, []string{"three/0", "three/2"}, got)

	cfg.Topics[0].Partitions = []int32{0, 3}
	_, err := Open(testContext(t), w.cluster, cfg)
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "the topic has 3, 0 to 2")
	_, err = Open(testContext(t), w.cluster, testConfig("four"))
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
}

// The server cannot add partitions to a topic, but a topic can come back with more of them.
func TestNewPartitionsAreFound(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("grows", 1)
	w.topic("other", 1)
	cfg := testConfig("grows", "other")
	cfg.Start = Position{From: FromEnd}
	c := w.consumer(cfg)
	require.NoError(t, w.dev.DeleteTopic("grows"))
	_, err := c.Next(testContext(t))
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	w.topic("grows", 3)
	w.store("grows", 1, batchOf(compress.None, "a"))
	w.store("grows", 2, batchOf(compress.None, "b"))
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 2 })
	require.NoError(t, err)
	got := values(rows)
	slices.Sort(got)
	require.Equal(t, []string{"a", "b"}, got)
}

func TestOffsetsThatAreNotStored(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("evicted", 1)
	w.store("evicted", 0, batchOf(compress.None, numbered(0, 10, 5)...))
	require.NoError(t, w.dev.EvictBefore("evicted", 0, 4))
	cfg := testConfig("evicted")
	cfg.Start = Position{FromAbsolute, 2}
	c := w.consumer(cfg)
	_, err := c.Next(testContext(t))
	require.Equal(t, fluvioerr.OffsetEvicted, fluvioerr.CodeOf(err), "%v", err)
	e := fluvioerr.As(err)
	require.Equal(t, "4", e.Detail["next_available"])
	require.EqualValues(t, 2, e.Offset)
	require.Equal(t, "evicted", e.Topic)
	require.Zero(t, e.Partition)
	for range 2 {
		_, after := c.Next(testContext(t))
		require.Equal(t, fluvioerr.OffsetEvicted, fluvioerr.CodeOf(after), "not the proper end: %v", after)
		require.True(t, fluvioerr.Fatal(after))
	}
	require.False(t, fluvioerr.Fatal(err))

	cfg.Start = Position{FromAbsolute, 11}
	_, err = w.consumer(cfg).Next(testContext(t))
	require.Equal(t, fluvioerr.Server, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, fluvioerr.ServerOther, fluvioerr.As(err).Server)
	require.Equal(t, "evicted", fluvioerr.As(err).Topic)
}

// Retention can overtake a consumer that takes its time.
func TestEvictedWhileReading(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("overtaken", 1)
	for i := range 20 {
		w.store("overtaken", 0, batchOf(compress.None, numbered(i, 1, 1000)...))
	}
	cfg := testConfig("overtaken")
	cfg.MaxBytes, cfg.PrefetchBytes = 2500, 1024
	c := w.consumer(cfg)
	first, err := readUntil(t, c, func(r []row) bool { return len(r) >= 1 })
	require.NoError(t, err)
	require.NoError(t, w.dev.EvictBefore("overtaken", 0, 15))
	rest, err := readUntil(t, c, func([]row) bool { return false })
	require.Equal(t, fluvioerr.OffsetEvicted, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "15", fluvioerr.As(err).Detail["next_available"])
	rows := append(first, rest...)
	inOrder(t, rows, 0)
	require.EqualValues(t, len(rows), fluvioerr.As(err).Offset, "it stopped where the error says")
	require.Less(t, len(rows), 15)
}

func TestNextOnAnEmptyTopic(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("idle", 3)
	c := w.consumer(testConfig("idle"))
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, err := c.Next(ctx)
		cancel()
		require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.Next(ctx)
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "%v", err)
	w.store("idle", 1, batchOf(compress.None, "at last"))
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err)
	require.Equal(t, []row{{"idle", 1, 0, "at last"}}, rows)
}

// What an application that takes nothing makes the servers send is bounded, also when connections break again and again.
func TestMemoryOfASlowConsumer(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	const partitions, maxBytes, prefetch, perPartition = 4, 32 << 10, 128 << 10, 2000
	w.topic("slow", partitions)
	for p := range int32(partitions) {
		for i := 0; i < perPartition; i += 10 {
			w.store("slow", p, batchOf(compress.None, numbered(i, 10, 150)...))
		}
	}
	sent := w.rule(devcluster.Rule{API: "StreamFetch", Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	cfg := testConfig("slow")
	cfg.MaxBytes, cfg.PrefetchBytes, cfg.StopAt = maxBytes, prefetch, Stop{Kind: StopEnd}
	c := w.consumer(cfg)
	const largest = 64<<10 + 4<<10 // what the memory of a frame of 32 KiB is taken from
	full := func() bool {
		c.inbox.mu.Lock()
		defer c.inbox.mu.Unlock()
		require.LessOrEqual(t, c.inbox.bytes, int64(prefetch+partitions*largest))
		return len(c.inbox.owed) == partitions
	}
	require.Eventually(t, full, patience, time.Millisecond, "every session waits for the application")
	frames := sent.Hits()
	require.LessOrEqual(t, frames*maxBytes, prefetch+partitions*maxBytes)
	for i := range int32(6) {
		require.NoError(t, w.dev.StopSPU(5001+i%2))
		require.NoError(t, w.dev.StartSPU(5001+i%2))
	}
	require.True(t, full())
	rows := readAll(t, c)
	require.Len(t, rows, partitions*perPartition)
	inOrder(t, rows, 0)
	require.Zero(t, c.inbox.bytes)
	require.LessOrEqual(t, sent.Hits(), 2*partitions*perPartition*160/maxBytes, "no frame was fetched many times")
}

// One frame larger than the whole budget still goes through.
func TestBudgetSmallerThanAFrame(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("tiny", 2)
	for p := range int32(2) {
		for i := range 50 {
			w.store("tiny", p, batchOf(compress.None, numbered(i, 1, 3000)...))
		}
	}
	cfg := testConfig("tiny")
	cfg.MaxBytes, cfg.PrefetchBytes, cfg.StopAt = 8<<10, 1, Stop{Kind: StopEnd}
	rows := readAll(t, w.consumer(cfg))
	require.Len(t, rows, 100)
	inOrder(t, rows, 0)
}

func TestSeveralTakers(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("shared", 3)
	const n = 3000
	for p := range int32(3) {
		for i := 0; i < n; i += 20 {
			w.store("shared", p, batchOf(compress.Codec(i/20%5), numbered(i, 20, 50)...))
		}
	}
	cfg := testConfig("shared")
	cfg.MaxBytes, cfg.PrefetchBytes, cfg.StopAt = 4096, 16<<10, Stop{Kind: StopEnd}
	c := w.consumer(cfg)
	var mu sync.Mutex
	got := map[row]int{}
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				b, err := c.Next(context.Background())
				if err != nil {
					if fluvioerr.CodeOf(err) != fluvioerr.End {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, r := range rowsOf(b) {
					got[r]++
				}
				mu.Unlock()
			}
		}()
	}
	all.Wait()
	require.Len(t, got, 3*n)
	for r, times := range got {
		require.Equal(t, 1, times, "%+v", r)
	}
}

func TestCloseWakesNext(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("close", 2)
	c := w.consumer(testConfig("close"))
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := c.Next(context.Background())
			errs <- err
		}()
	}
	c.Close()
	for range 3 {
		require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(<-errs))
	}
	_, err := c.Next(context.Background())
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err))
	c.Close()
}

func TestCloseWithFramesUnread(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("unread", 2)
	for i := range 50 {
		w.store("unread", int32(i%2), batchOf(compress.None, numbered(i, 1, 500)...))
	}
	for range 20 {
		cfg := testConfig("unread")
		cfg.MaxBytes = 1024
		c := w.consumer(cfg)
		b, err := c.Next(testContext(t))
		require.NoError(t, err)
		c.Close()
		require.NotEmpty(t, rowsOf(b), "a batch that was handed out stays good")
	}
}

// Open ends with its context also when the SPU does not answer.
func TestOpenWithoutAnAnswer(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("stuck", 1)
	w.rule(devcluster.Rule{API: "FetchOffsets", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, w.cluster, testConfig("stuck"))
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
}
