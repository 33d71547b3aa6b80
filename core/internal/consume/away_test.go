package consume

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// handedOut makes a consumer of which the application has had every record: count in each partition.
func (w *world) handedOut(topic string, partitions, count int32, timeout time.Duration) *Consumer {
	for p := range partitions {
		w.store(topic, p, batchOf(compress.None, numbered(0, int(count), 10)...))
	}
	cfg := testConfig(topic)
	cfg.ConsumerID, cfg.Strategy, cfg.RequestTimeout = "me", StrategyManual, timeout
	c := w.consumer(cfg)
	_, err := readUntil(w.t, c, func(r []row) bool { return len(r) == int(partitions*count) })
	require.NoError(w.t, err)
	for _, s := range c.all {
		s.marks.handOut(&Batch{session: s, gen: s.gen}, int64(count)-1, int64(count), false)
	}
	return c
}

// An SPU that is away holds up no commit of another one's partition.
func TestCommitBesideOneThatWaits(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("orders", 2)
	c := w.handedOut("orders", 2, 10, time.Hour)
	require.NoError(t, c.Commit(testContext(t)))
	away, err := w.cluster.Leader("orders", 0)
	require.NoError(t, err)
	require.NoError(t, w.dev.StopSPU(away.ID))
	ctx, cancel := context.WithCancel(testContext(t))
	ended := make(chan error, 1)
	waits := c.BeginCommitOffset("orders", 0, 5)
	go func() { ended <- waits(ctx) }()
	require.NoError(t, c.CommitOffset(testContext(t), "orders", 1, 5))
	cancel()
	require.Error(t, <-ended)
}

// More partitions of an SPU that is away than commits are under way at a time leave the others their turn.
func TestCommitOfManyWithAnSPUAway(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	const partitions = 3 * parallelCommits
	w.topic("orders", partitions)
	c := w.handedOut("orders", partitions, 1, time.Hour)
	away, err := w.cluster.Leader("orders", 0)
	require.NoError(t, err)
	require.NoError(t, w.dev.StopSPU(away.ID))
	left := func() (left int) {
		for _, s := range c.all {
			if leader, _ := w.cluster.Leader("orders", s.partition); leader != nil && leader.ID != away.ID && s.marks.read().stored != 0 {
				left++
			}
		}
		return left
	}
	require.Positive(t, left())
	ctx, cancel := context.WithCancel(testContext(t))
	ended := make(chan error, 1)
	go func() { ended <- c.Commit(ctx) }()
	require.Eventually(t, func() bool { return left() == 0 }, patience, 10*time.Millisecond)
	select {
	case err := <-ended:
		require.Fail(t, "nothing is stored where the SPU is away", "%v", err)
	default:
	}
	cancel()
	require.Error(t, <-ended)
}

// An error that passes by itself does not say that the log is shorter than what is stored.
func TestStoredOffsetAndAnErrorThatPasses(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	require.NoError(t, w.dev.CreateTopicWith("ahead", devcluster.TopicOptions{Replication: 2}))
	_, err := w.cluster.Topic(testContext(t), "ahead")
	require.NoError(t, err)
	w.store("ahead", 0, batchOf(compress.None, numbered(0, 10, 10)...))
	leader, err := w.dev.Leader("ahead", 0)
	require.NoError(t, err)
	require.NoError(t, w.dev.StopSPU(5001+5002-leader)) // the high watermark stays where it is
	w.store("ahead", 0, batchOf(compress.None, numbered(10, 10, 10)...))
	for _, reset := range []Reset{ResetError, ResetEarliest, ResetLatest} {
		w.rule(devcluster.Rule{API: "Fetch", Partition: -1, Count: 1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
		cfg := testConfig("ahead")
		cfg.Store, cfg.ConsumerID, cfg.Strategy = &ownStore{stored: map[place]int64{{"ahead", 0}: 14}}, "me", StrategyManual
		cfg.OnEvicted = reset
		b, err := w.consumer(cfg).Next(testContext(t))
		require.NoError(t, err)
		require.EqualValues(t, 15, b.Cols.Offset[0])
	}
}
