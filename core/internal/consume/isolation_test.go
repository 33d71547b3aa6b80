package consume

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// While a fault lasts at one partition or its SPU, records of the others come one by one as they are written; when it is over, so
// do those that were held up.
func TestOneSickPartitionHoldsNobody(t *testing.T) {
	rule := func(r devcluster.Rule) func(w *world, leader int32) (end func()) {
		r.Topic, r.Partition = "sick", 0
		return func(w *world, _ int32) func() { return w.rule(r).Remove }
	}
	for name, c := range map[string]struct {
		whole bool // the SPU
		fault func(w *world, leader int32) (end func())
	}{
		"its frames do not come": {false, rule(devcluster.Rule{API: "StreamFetch", On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDrop}})},
		"its streams are refused": {true, func(w *world, leader int32) func() { // streams are opened when something breaks
			h := w.rule(devcluster.Rule{API: "StreamFetch", Topic: "sick", Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
			require.NoError(w.t, w.dev.StopSPU(leader))
			require.NoError(w.t, w.dev.StartSPU(leader))
			return h.Remove
		}},
		"its SPU is stopped": {true, func(w *world, leader int32) func() {
			require.NoError(w.t, w.dev.StopSPU(leader))
			return func() { require.NoError(w.t, w.dev.StartSPU(leader)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{SPUs: 2})
			w.topic("sick", 4)
			cfg := testConfig("sick")
			cfg.RequestTimeout = 200 * time.Millisecond
			reader := w.consumer(cfg)
			w.store("sick", 0, batchOf(compress.None, "before"))
			rows, err := readUntil(t, reader, func(r []row) bool { return len(r) == 1 })
			require.NoError(t, err)
			leader, err := w.dev.Leader("sick", 0)
			require.NoError(t, err)
			var others []int32
			for p := range int32(4) {
				if of, err := w.dev.Leader("sick", p); p > 0 && (of != leader || !c.whole) {
					require.NoError(t, err)
					others = append(others, p)
				}
			}
			require.NotEmpty(t, others)
			end := c.fault(w, leader)
			for i := range 100 {
				w.store("sick", others[i%len(others)], batchOf(compress.None, fmt.Sprint(i)))
				more, err := readUntil(t, reader, func(r []row) bool { return len(r) == 1 })
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(i), more[0].value)
				rows = append(rows, more...)
			}
			end()
			w.storeThrough("sick", 0, batchOf(compress.None, "after"))
			more, err := readUntil(t, reader, func(r []row) bool { return len(r) == 1 })
			require.NoError(t, err)
			inOrder(t, append(rows, more...), 0)
			require.Equal(t, "after", more[0].value)
		})
	}
}

// storeThrough is store that goes on until it works.
func (w *world) storeThrough(topic string, partition int32, batch []byte) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { _, err := w.tryStore(topic, partition, batch); return err == nil }, patience, time.Millisecond)
}

// An application that takes nothing of one consumer, or nothing of one partition, keeps nothing from the others.
func TestOneSlowConsumerHoldsNobody(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	const n, parts = 100, 8
	w.topic("slow", parts)
	for p := range int32(parts) {
		for i := range n {
			w.store("slow", p, batchOf(compress.None, numbered(i, 1, 1000)...))
		}
	}
	cfg := testConfig("slow")
	cfg.MaxBytes, cfg.PrefetchBytes = 2048, 2048*parts
	slow := w.consumer(cfg)
	require.Eventually(t, func() bool { slow.inbox.mu.Lock(); defer slow.inbox.mu.Unlock(); return len(slow.inbox.owed) == parts }, patience, time.Millisecond)
	cfg.StopAt = Stop{Kind: StopEnd}
	rows := readAll(t, w.consumer(cfg))
	require.Len(t, rows, parts*n)
	inOrder(t, rows, 0)
	_, err := w.cluster.ConsumerOffsets(testContext(t), nil)
	require.NoError(t, err, "requests do not stand behind what is not taken")
	// One partition of which nothing is taken holds up none of the others.
	cfg.StopAt = Stop{}
	one := w.consumer(cfg)
	require.NoError(t, one.Pause("slow", 0, 0))
	rows, err = readUntil(t, one, func(r []row) bool { return len(r) == (parts-1)*n })
	require.NoError(t, err)
	inOrder(t, rows, 0)
	// The slow one, when it gets going, has lost nothing.
	rows, err = readUntil(t, slow, func(r []row) bool { return len(r) == parts*n })
	require.NoError(t, err)
	inOrder(t, rows, 0)
}

// A consumer that sleeps between records, twenty times as long as the timers of its sessions wait for anything, which is what ten
// minutes are for those of the default, keeps its stream and its budget, and loses nothing.
func TestSleepingConsumerKeepsItsStream(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("sleepy", 1)
	for i := range 200 {
		w.store("sleepy", 0, batchOf(compress.None, numbered(i, 1, 500)...))
	}
	opened := w.rule(devcluster.Rule{API: "StreamFetch", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	cfg := testConfig("sleepy")
	cfg.MaxBytes, cfg.PrefetchBytes, cfg.RequestTimeout = 4096, 8192, 50*time.Millisecond
	c := w.consumer(cfg)
	full := func() bool {
		c.inbox.mu.Lock()
		defer c.inbox.mu.Unlock()
		require.LessOrEqual(t, c.inbox.bytes, int64(8192+8<<10)) // a frame of 4 KiB is in memory of 8
		return len(c.inbox.owed) == 1
	}
	var rows []row
	for range 2 {
		require.Eventually(t, full, patience, time.Millisecond)
		streams := opened.Hits()
		time.Sleep(20 * cfg.RequestTimeout) // the application sleeps
		require.True(t, full())
		require.Equal(t, streams, opened.Hits(), "it is the same stream all the time")
		more, err := readUntil(t, c, func(r []row) bool { return len(r) >= 40 })
		require.NoError(t, err)
		rows = append(rows, more...)
	}
	// The same with nothing to read.
	rest, err := readUntil(t, c, func(r []row) bool { return len(rows)+len(r) == 200 })
	require.NoError(t, err)
	streams := opened.Hits()
	time.Sleep(20 * cfg.RequestTimeout)
	require.Equal(t, streams, opened.Hits())
	w.store("sleepy", 0, batchOf(compress.None, "morning"))
	last, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err)
	inOrder(t, slices.Concat(rows, rest, last), 0)
}
