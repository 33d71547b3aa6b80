package consume

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// throughFaults reads what a writer stores meanwhile, disturbs, and wants exactly what the partitions hold. disturb calls
// read to take some records from every partition.
func throughFaults(t *testing.T, w *world, partitions int32, change func(*Config), disturb func(read func())) {
	w.topic("faults", int(partitions))
	cfg := testConfig("faults")
	cfg.MaxBytes, cfg.PrefetchBytes = 4096, 64<<10
	if change != nil {
		change(&cfg)
	}
	c := w.consumer(cfg)
	wr := w.write("faults", partitions)
	var rows []row
	read := func() {
		seen := map[int32]int{}
		more, err := readUntil(t, c, func(all []row) bool {
			clear(seen)
			for _, r := range all {
				seen[r.partition]++
			}
			for p := range partitions {
				if seen[p] < 20 {
					return false
				}
			}
			return true
		})
		require.NoError(t, err, "after %d records", len(rows)+len(more))
		rows = append(rows, more...)
	}
	read()
	disturb(read)
	read()
	wr.end()
	// The rest, up to what the partitions hold now.
	total := 0
	for p := range partitions {
		_, _, end, err := w.dev.Offsets("faults", p)
		require.NoError(t, err)
		total += int(end)
	}
	rest, err := readUntil(t, c, func(all []row) bool { return len(rows)+len(all) >= total })
	require.NoError(t, err)
	rows = append(rows, rest...)
	require.Len(t, rows, total, "nothing twice")
	inOrder(t, rows, 0)
	cfg.StopAt = Stop{Kind: StopEnd}
	fresh := map[string]string{}
	for _, r := range readAll(t, w.consumer(cfg)) {
		fresh[fmt.Sprint(r.partition, r.offset)] = r.value
	}
	for _, r := range rows {
		require.Equal(t, fresh[fmt.Sprint(r.partition, r.offset)], r.value, "partition %d at %d", r.partition, r.offset)
	}
}

func TestSPURestartsWhileReading(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	throughFaults(t, w, 4, nil, func(read func()) {
		for i := range int32(8) {
			require.NoError(t, w.dev.StopSPU(5001+i%2))
			require.NoError(t, w.dev.StartSPU(5001+i%2))
			read()
		}
	})
}

func TestLeaderMovesWhileReading(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 3})
	throughFaults(t, w, 3, func(c *Config) { c.RequestTimeout = patience / 6 }, func(read func()) {
		for i := range int32(18) {
			require.NoError(t, w.dev.MoveLeader("faults", i%3, 5001+(i/3+i%3+1)%3))
			if i%3 == 2 {
				read()
			}
		}
	})
}

func TestConnectionsBreakWhileReading(t *testing.T) {
	for name, rule := range map[string]devcluster.Rule{
		"stream request":  {API: "StreamFetch", On: devcluster.OnRequest, Action: devcluster.Action{Kind: devcluster.ActionClose}},
		"frame":           {API: "StreamFetch", On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionClose}},
		"acknowledgement": {API: "UpdateOffsets", On: devcluster.OnRequest, Action: devcluster.Action{Kind: devcluster.ActionClose}},
		"its answer":      {API: "UpdateOffsets", On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionClose}},
		"unknown session": {API: "UpdateOffsets", Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerFetchSessionNotFound}},
		"not leader":      {API: "StreamFetch", On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{SPUs: 2})
			throughFaults(t, w, 3, nil, func(read func()) {
				for i := range 4 {
					r := rule
					r.Partition, r.Count = -1, 2
					fault := w.rule(r)
					if r.API == "StreamFetch" && r.On == devcluster.OnRequest { // streams are opened only when something breaks
						require.NoError(t, w.dev.StopSPU(int32(5001+i%2)))
						require.NoError(t, w.dev.StartSPU(int32(5001+i%2)))
					}
					for fault.Hits() < 2 {
						read()
					}
					fault.Remove()
					read()
				}
			})
		})
	}
}

func TestSCRestartsWhileReading(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	throughFaults(t, w, 2, nil, func(read func()) {
		for range 3 {
			require.NoError(t, w.dev.StopSC())
			read()
			require.NoError(t, w.dev.StartSC())
			require.Eventually(t, func() bool { return w.cluster.WatchError() == nil }, patience, time.Millisecond)
			read()
		}
	})
}

func TestSlowlyThroughFaults(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	throughFaults(t, w, 4, func(c *Config) { c.MaxBytes, c.PrefetchBytes = 1024, 2048 }, func(read func()) {
		for i := range int32(10) {
			require.NoError(t, w.dev.StopSPU(5001+i%2))
			require.NoError(t, w.dev.StartSPU(5001+i%2))
			if i%3 == 0 {
				read()
			}
		}
	})
}

// An acknowledgement that got lost, and leadership that went away and came back unnoticed, both leave a stream that the
// server will never use again.
func TestOrphanedStream(t *testing.T) {
	t.Run("acknowledgement lost", func(t *testing.T) {
		w := newWorld(t, devcluster.Options{})
		w.topic("silent", 1)
		w.store("silent", 0, batchOf(compress.None, "0"))
		w.rule(devcluster.Rule{API: "UpdateOffsets", Partition: -1, Count: 1, On: devcluster.OnRequest, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
		cfg := testConfig("silent")
		cfg.RequestTimeout = 100 * time.Millisecond
		c := w.consumer(cfg)
		_, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
		require.NoError(t, err)
		w.store("silent", 0, batchOf(compress.None, "1"))
		rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
		require.NoError(t, err)
		require.Equal(t, []row{{"silent", 0, 1, "1"}}, rows)
	})
	t.Run("leader there and back", func(t *testing.T) {
		w := newWorld(t, devcluster.Options{SPUs: 2})
		w.topic("silent", 1)
		w.store("silent", 0, batchOf(compress.None, "0"))
		leader, err := w.dev.Leader("silent", 0)
		require.NoError(t, err)
		cfg := testConfig("silent")
		cfg.RequestTimeout = 100 * time.Millisecond
		c := w.consumer(cfg)
		_, err = readUntil(t, c, func(r []row) bool { return len(r) == 1 })
		require.NoError(t, err)
		hide := w.rule(devcluster.Rule{API: "Watch", SPU: devcluster.SC, Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
		require.NoError(t, w.dev.MoveLeader("silent", 0, 5001+5002-leader))
		require.NoError(t, hide.Wait(testContext(t), 2))
		require.NoError(t, w.dev.MoveLeader("silent", 0, leader))
		require.NoError(t, hide.Wait(testContext(t), 4))
		hide.Remove()
		w.store("silent", 0, batchOf(compress.None, "1"))
		rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
		require.NoError(t, err)
		require.Equal(t, []row{{"silent", 0, 1, "1"}}, rows)
	})
}

// The client need not wait for a timeout to find that leadership went and came back.
func TestLeaderThereAndBack(t *testing.T) {
	begin := func(t *testing.T) (w *world, c *Consumer, leader int32) {
		w = newWorld(t, devcluster.Options{SPUs: 2})
		w.topic("back", 1)
		w.store("back", 0, batchOf(compress.None, "first"))
		leader, err := w.dev.Leader("back", 0)
		require.NoError(t, err)
		cfg := testConfig("back")
		cfg.RequestTimeout = patience / 2
		c = w.consumer(cfg)
		_, err = readUntil(t, c, func(r []row) bool { return len(r) == 1 })
		require.NoError(t, err)
		return w, c, leader
	}
	t.Run("told", func(t *testing.T) {
		w, c, leader := begin(t)
		ctx, cancel := context.WithTimeout(context.Background(), patience/2)
		defer cancel()
		for i := range 20 {
			changed := w.cluster.Changed()
			require.NoError(t, w.dev.MoveLeader("back", 0, 5001+5002-leader))
			<-changed // otherwise the SC may tell of both moves in one message, which looks like none
			require.NoError(t, w.dev.MoveLeader("back", 0, leader))
			var value string
			for value = fmt.Sprint(i); ; {
				if _, err := w.tryStore("back", 0, batchOf(compress.None, value)); err == nil {
					break
				}
				time.Sleep(time.Millisecond) // a retry loop's pause
			}
			b, err := c.Next(ctx)
			require.NoError(t, err, "round %d", i)
			require.Equal(t, []row{{"back", 0, int64(i + 1), value}}, rowsOf(b))
		}
	})
	t.Run("not told", func(t *testing.T) {
		w, c, leader := begin(t)
		hide := w.rule(devcluster.Rule{API: "Watch", SPU: devcluster.SC, Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
		require.NoError(t, w.dev.MoveLeader("back", 0, 5001+5002-leader))
		require.NoError(t, hide.Wait(testContext(t), 2))
		require.NoError(t, w.dev.MoveLeader("back", 0, leader))
		require.NoError(t, hide.Wait(testContext(t), 4))
		hide.Remove()
		w.store("back", 0, batchOf(compress.None, "second"))
		ctx, cancel := context.WithTimeout(context.Background(), patience/3)
		defer cancel()
		b, err := c.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, []row{{"back", 0, 1, "second"}}, rowsOf(b))
	})
}

func TestCorruptFrameEndsItsPartition(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("corrupt", 2)
	for p := range int32(2) {
		w.store("corrupt", p, batchOf(compress.None, numbered(0, 3, 5)...))
	}
	w.rule(devcluster.Rule{API: "StreamFetch", Topic: "corrupt", Partition: 1, Action: devcluster.Action{Kind: devcluster.ActionCorruptCRC}})
	cfg := testConfig("corrupt")
	c := w.consumer(cfg)
	var rows []row
	var failure error
	for range 2 { // one batch, one error, in any order
		b, err := c.Next(testContext(t))
		if err != nil {
			require.NoError(t, failure, "an error is told once")
			failure = err
			continue
		}
		rows = append(rows, rowsOf(b)...)
	}
	require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(failure), "%v", failure)
	e := fluvioerr.As(failure)
	require.Equal(t, "corrupt", e.Topic)
	require.EqualValues(t, 1, e.Partition)
	require.Zero(t, e.Offset)
	require.ErrorContains(t, failure, "checksum")
	require.Len(t, rows, 3)
	w.store("corrupt", 1, batchOf(compress.None, "never"))
	w.store("corrupt", 0, batchOf(compress.None, "more"))
	more, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err, "the other partition goes on")
	require.Equal(t, []string{"more"}, values(more))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err = c.Next(ctx)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
}

func TestTopicDeletedWhileReading(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("gone", 2)
	w.topic("stays", 1)
	w.store("gone", 0, batchOf(compress.None, "last"))
	c := w.consumer(testConfig("gone", "stays"))
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err)
	require.Equal(t, []string{"last"}, values(rows))
	require.NoError(t, w.dev.DeleteTopic("gone"))
	seen := map[int32]bool{}
	for range 2 {
		_, err := c.Next(testContext(t))
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		require.Equal(t, "gone", fluvioerr.As(err).Topic)
		seen[fluvioerr.As(err).Partition] = true
	}
	require.Len(t, seen, 2, "each partition says so once")
	w.store("stays", 0, batchOf(compress.None, "here"))
	rows, err = readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err)
	require.Equal(t, []string{"here"}, values(rows))
}

// A topic that is made anew under its name is another one, also when no server told of it: nothing is read from the old position
// there, and no old offset is stored for it.
func TestTopicMadeAnewWhileItsServerIsAway(t *testing.T) {
	for _, own := range []bool{false, true} {
		w := newWorld(t, devcluster.Options{SPUs: 2})
		w.topic("anew", 1)
		w.store("anew", 0, batchOf(compress.None, numbered(0, 10, 8)...))
		cfg, saved := testConfig("anew"), &savedOffsets{}
		cfg.ConsumerID, cfg.Strategy = "old", StrategyManual
		if own {
			cfg.Store = saved
		}
		c := w.consumer(cfg)
		_, err := readUntil(t, c, func(r []row) bool { return len(r) == 10 })
		require.NoError(t, err)

		c.HandedOut("anew", 0, 9, 9)
		require.NoError(t, w.dev.StopSPU(w.cluster.Partition("anew", 0).Leader))
		require.NoError(t, w.dev.DeleteTopic("anew"))
		w.topic("anew", 1) // on the other SPU
		w.storeThrough("anew", 0, batchOf(compress.None, numbered(100, 20, 8)...))
		_, err = c.Next(testContext(t))
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		require.Regexp(t, "another topic|no longer has it", err.Error(), "as the consumer saw the cluster between the two, or not")
		err = c.Commit(testContext(t))
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		require.Empty(t, saved.list)

		require.NoError(t, c.Seek("anew", 0, 0))
		rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 20 })
		require.NoError(t, err)
		require.Equal(t, numbered(100, 20, 8), values(rows))
		c.HandedOut("anew", 0, 19, 19)
		require.NoError(t, c.Commit(testContext(t)))
		list, err := c.stored(testContext(t))
		require.NoError(t, err)
		require.Equal(t, []StoredOffset{{"anew", 0, 19}}, list)
	}
}

// savedOffsets is a store that keeps what was saved last.
type savedOffsets struct{ list []StoredOffset }

func (s *savedOffsets) Load(context.Context, string) ([]StoredOffset, error) { return s.list, nil }

func (s *savedOffsets) Save(_ context.Context, _ string, offsets []StoredOffset) error {
	s.list = offsets
	return nil
}

func TestOpenWhileTheSPUIsAway(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("waits", 1)
	w.store("waits", 0, batchOf(compress.None, "x"))
	require.NoError(t, w.dev.StopSPU(5001))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, w.cluster, testConfig("waits"))
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "the offsets of the partition")
	require.Equal(t, "waits", fluvioerr.As(err).Topic)
	got := make(chan *Consumer, 1)
	go func() {
		c, err := Open(testContext(t), w.cluster, testConfig("waits"))
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	require.NoError(t, w.dev.StartSPU(5001))
	c := <-got
	require.NotNil(t, c)
	defer c.Close()
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, values(rows))
}

// A fault at one SPU is no reason to ask it again and again.
func TestNoRequestStorm(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("storm", 1)
	refused := w.rule(devcluster.Rule{API: "StreamFetch", Partition: -1, Count: 6, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	cfg := testConfig("storm")
	cfg.RetryFirst, cfg.RetryMax = 10*time.Millisecond, 20*time.Millisecond
	start := time.Now()
	c := w.consumer(cfg)
	require.NoError(t, refused.Wait(testContext(t), 6))
	require.Greater(t, time.Since(start), 5*7*time.Millisecond, "five waits of at least 0.7 times the first")
	w.store("storm", 0, batchOf(compress.None, "x"))
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 1 })
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, values(rows))
}
