package consume

import (
	"context"
	"errors"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestResume(t *testing.T) {
	for _, row := range []struct {
		name               string
		position           Position
		stored, start, end int64
		want               int64
		lost               bool
	}{
		{"absolute", Position{FromAbsolute, 7}, 40, 0, 100, 7, false},
		{"absolute, out of range", Position{FromAbsolute, 700}, 40, 10, 100, 700, false},
		{"beginning, nothing stored", Position{FromBeginning, 0}, noOffset, 10, 100, 10, false},
		{"beginning", Position{FromBeginning, 0}, 40, 10, 100, 41, false},
		{"beginning + n", Position{FromBeginning, 5}, 40, 10, 100, 46, false},
		{"beginning + n, up to the end", Position{FromBeginning, 500}, 40, 10, 100, 100, false},
		{"beginning + n, without overflow", Position{FromBeginning, math.MaxInt64}, 40, 10, 100, 100, false},
		{"end, nothing stored", Position{FromEnd, 0}, noOffset, 10, 100, 100, false},
		{"end resumes", Position{FromEnd, 0}, 40, 10, 100, 41, false},
		{"end - n", Position{FromEnd, 5}, 40, 10, 100, 36, false},
		{"end - n, down to the start", Position{FromEnd, 500}, 40, 10, 100, 10, false},
		{"end - n, without overflow", Position{FromEnd, math.MaxInt64}, 40, 10, 100, 10, false},
		{"the last record", Position{FromEnd, 0}, 99, 10, 100, 100, false},
		{"record 0", Position{FromBeginning, 0}, 0, 0, 100, 1, false},
		{"removed meanwhile", Position{FromBeginning, 0}, 4, 10, 100, 5, true},
		{"removed meanwhile, but not what is wanted", Position{FromBeginning, 7}, 4, 10, 100, 12, false},
		{"end - n, of what was removed", Position{FromEnd, 3}, 6, 5, 100, 5, false},
		{"removed meanwhile, end - n", Position{FromEnd, 2}, 4, 10, 100, 3, true},
		{"removed meanwhile, end - n, before the first of all", Position{FromEnd, 10}, 4, 10, 100, 0, true},
		{"of a topic that was made anew", Position{FromBeginning, 0}, 400, 0, 100, 401, true},
		{"of a topic that was made anew, and less than that is wanted", Position{FromEnd, 350}, 400, 0, 100, 401, true},
		{"of an empty partition", Position{FromEnd, 0}, 400, 0, 0, 401, true},
		{"as high as can be", Position{FromBeginning, 1}, math.MaxInt64, 0, 100, math.MaxInt64, true},
		{"a negative one", Position{FromEnd, 0}, -5, 0, 100, 100, false},
	} {
		if row.position.From == FromAbsolute || row.stored < 0 {
			require.Equal(t, row.want, row.position.resolve(row.start, row.end), row.name)
			continue
		}
		next, lost := row.position.resume(row.stored, row.start, row.end)
		require.Equal(t, row.want, next, row.name)
		require.Equal(t, row.lost, lost, row.name)
	}
}

func TestMarks(t *testing.T) {
	c := &Consumer{cfg: Config{Strategy: StrategyAuto}, observer: obs.Nobody}
	s := c.newSession("t", 1)
	have := func(given, done, settled int64) {
		t.Helper()
		at := s.marks.read()
		require.Equal(t, []int64{given, done, settled}, []int64{at.given, at.done, at.settled})
	}
	have(-1, -1, -1)
	c.Settle()
	b := &Batch{session: s, count: 3}
	b.Cols.Offset = []int64{4, 7, 9}
	b.HandOutRecord(0)
	have(4, 4, -1)
	b.HandOutRecord(1)
	have(7, 7, 4) // who comes for a record is done with those before it
	c.Settle()
	have(7, 7, 7)
	b.HandOut()
	have(9, 9, 7)
	c.HandedOut("t", 1, 20, 15)
	have(20, 15, 15)
	c.HandedOut("t", 1, 3, 3) // marks only rise
	c.HandedOut("t", 2, 30, 30)
	have(20, 15, 15)
}

// named opens a consumer of one partition of ten records that stores in a store of its own.
func (w *world) named(topic string, store *ownStore, strategy Strategy) *Consumer {
	cfg := testConfig(topic)
	cfg.Store, cfg.ConsumerID, cfg.Strategy, cfg.FlushEvery = store, "me", strategy, time.Hour
	return w.consumer(cfg)
}

// take hands out the next n batches.
func take(t *testing.T, c *Consumer, n int) {
	t.Helper()
	for range n {
		c.Settle()
		b, err := c.Next(testContext(t))
		require.NoError(t, err)
		require.True(t, b.HandOut())
		b.Release()
	}
}

// Who goes back wants what comes from there on stored as it is read again, also lower than before: auto must not wait until it
// is as far as it was.
func TestAutoAfterSeekingBack(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("back", 1)
	for i := range 10 {
		w.store("back", 0, batchOf(compress.Codec(i%2), numbered(i, 1, 0)...)) // each is a batch of the consumer's
	}
	store := &ownStore{stored: map[place]int64{}}
	c := w.named("back", store, StrategyAuto)
	take(t, c, 9)
	c.Settle()
	require.NoError(t, c.commitSettled(testContext(t)))
	require.EqualValues(t, 8, store.stored[place{"back", 0}])
	require.NoError(t, c.Seek("back", 0, 2))
	require.NoError(t, c.commitSettled(testContext(t)))
	require.EqualValues(t, 8, store.stored[place{"back", 0}], "nothing is handed out there yet")
	take(t, c, 3)
	require.NoError(t, c.commitSettled(testContext(t)))
	require.EqualValues(t, 3, store.stored[place{"back", 0}])
}

// What is on its way to the cluster when the consumer closes arrives before it has closed, or Finish says that it may come: also of a
// partition in which the application has chosen another position meanwhile.
func TestFinishWaitsForWhatIsBeingStored(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("late", 1)
	w.store("late", 0, batchOf(compress.None, numbered(0, 10, 0)...))
	for delay, code := range map[time.Duration]fluvioerr.Code{200 * time.Millisecond: 0, time.Hour: fluvioerr.Timeout} {
		rule, err := w.dev.AddRule(devcluster.Rule{API: "UpdateConsumerOffset", Partition: -1, Count: 1, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: delay}})
		require.NoError(t, err)
		cfg := testConfig("late")
		cfg.ConsumerID, cfg.Strategy, cfg.FlushEvery = delay.String(), StrategyAuto, time.Millisecond
		c := w.consumer(cfg)
		take(t, c, 1)
		c.Settle()
		require.NoError(t, rule.Wait(testContext(t), 1))
		require.NoError(t, c.Seek("late", 0, 2))
		ctx := testContext(t)
		if code != 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 10*time.Millisecond)
			defer cancel()
		}
		err = c.Finish(ctx)
		require.Equal(t, code, fluvioerr.CodeOf(err), "%v", err)
		if code == 0 {
			stored, err := w.cluster.ConsumerOffsets(testContext(t), &wire.ConsumerFilter{ConsumerID: &cfg.ConsumerID})
			require.NoError(t, err)
			require.Len(t, stored, 1)
			require.EqualValues(t, 9, stored[0].Offset)
		}
		c.Close()
		rule.Remove()
	}
}

// A commit that comes when the consumer was closed stores nothing, and leaves nothing behind that waits.
func TestCommitAfterClose(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("closed", 1)
	w.store("closed", 0, batchOf(compress.None, numbered(0, 10, 0)...))
	for _, store := range []*ownStore{nil, {stored: map[place]int64{}}} {
		cfg := testConfig("closed")
		cfg.ConsumerID, cfg.Strategy = "me", StrategyManual
		if store != nil {
			cfg.Store = store
		}
		c := w.consumer(cfg)
		take(t, c, 1)
		early := c.BeginCommit()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			c.Close()
		}()
		<-c.ctx.Done()
		require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(early(testContext(t))))
		<-closed
		for range 2 {
			require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(c.Commit(testContext(t))))
		}
		if store != nil {
			require.Empty(t, store.stored)
		}
	}
}

// When storing failed, nobody knows what is stored: what the consumer believes to be stored is sent all the same.
func TestCommitAfterADoubtfulOne(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("doubt", 1)
	w.store("doubt", 0, batchOf(compress.None, numbered(0, 10, 0)...))
	store := &ownStore{stored: map[place]int64{}}
	c := w.named("doubt", store, StrategyManual)
	take(t, c, 1)
	require.NoError(t, c.CommitOffset(testContext(t), "doubt", 0, 3))
	store.fail = errors.New("no answer")
	require.Error(t, c.Commit(testContext(t)))
	store.fail, store.stored[place{"doubt", 0}] = nil, 9 // it was carried out, though
	require.NoError(t, c.CommitOffset(testContext(t), "doubt", 0, 3))
	require.EqualValues(t, 3, store.stored[place{"doubt", 0}])
}

// Records that are not committed yet were read and their offsets stored: a new consumer goes on behind them and not at the high
// watermark.
func TestResumeBehindTheHighWatermark(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	require.NoError(t, w.dev.CreateTopicWith("ahead", devcluster.TopicOptions{Replication: 2}))
	_, err := w.cluster.Topic(testContext(t), "ahead")
	require.NoError(t, err)
	leader, err := w.dev.Leader("ahead", 0)
	require.NoError(t, err)
	w.store("ahead", 0, batchOf(compress.None, numbered(0, 3, 0)...))
	require.NoError(t, w.dev.StopSPU(5001+5002-leader))
	w.store("ahead", 0, batchOf(compress.None, numbered(3, 4, 0)...))
	store := &ownStore{stored: map[place]int64{{"ahead", 0}: 4}}
	for _, row := range []struct {
		isolation     uint8
		stored, first int64
		told          bool
	}{
		{wire.FetchReadUncommitted, 4, 5, false}, {wire.FetchReadUncommitted, 6, 7, false},
		{wire.FetchReadUncommitted, 7, 0, true}, // behind the log's end
		{wire.FetchReadCommitted, 2, 3, false}, {wire.FetchReadCommitted, 4, 3, true}, {wire.FetchReadCommitted, 6, 3, true},
		{wire.FetchReadCommitted, 7, 0, true},
	} {
		d := newDiary()
		store.stored[place{"ahead", 0}] = row.stored
		cfg := testConfig("ahead")
		cfg.Store, cfg.ConsumerID, cfg.Strategy, cfg.Isolation, cfg.OnEvicted, cfg.OnEvent = store, "me", StrategyManual, row.isolation, ResetEarliest, d.note
		require.EqualValues(t, row.first, w.consumer(cfg).Positions()[0].Position, "%+v", row)
		require.Equal(t, row.told, len(d.of(OffsetReset)) == 1, "%+v", row)
	}
}

// heldStore holds every save until the test lets it through.
type heldStore struct {
	ownStore
	begun, let chan struct{}
}

func (h *heldStore) Save(ctx context.Context, id string, list []StoredOffset) error {
	h.begun <- struct{}{}
	<-h.let
	return h.ownStore.Save(ctx, id, list)
}

// Commits come to the store in the order of their calls, whichever goroutine is first to go on, and one that is given up does not
// hold up the others.
func TestCommitsKeepTheirOrder(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("order", 1)
	w.store("order", 0, batchOf(compress.None, numbered(0, 10, 0)...))
	store := &heldStore{ownStore{stored: map[place]int64{}}, make(chan struct{}), make(chan struct{})}
	cfg := testConfig("order")
	cfg.Store, cfg.ConsumerID, cfg.Strategy = store, "me", StrategyManual
	c := w.consumer(cfg)
	ctx := testContext(t)
	b, err := c.Next(ctx)
	require.NoError(t, err)
	require.True(t, b.HandOutTo(4))
	at := func() int64 { store.mu.Lock(); defer store.mu.Unlock(); return store.stored[place{"order", 0}] }
	ended, cancel := context.WithCancel(ctx)
	cancel()

	first := c.BeginCommit() // of record 3
	lower := c.BeginCommitOffset("order", 0, 1)
	givenUp := c.BeginCommitOffset("order", 0, 2)
	require.True(t, b.HandOut())
	latest := c.BeginCommit() // of record 9
	b.Release()
	done := make(chan error)
	go func() { done <- latest(ctx) }()
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(givenUp(ended)))
	go func() { done <- lower(ctx) }()
	select {
	case <-store.begun:
		require.Fail(t, "a commit was carried out before those that were called before it")
	case err := <-done:
		require.Fail(t, "a commit ended before those that were called before it", "%v", err)
	default:
	}
	go func() { done <- first(ctx) }()
	for _, offset := range []int64{3, 1, 9} {
		<-store.begun
		store.let <- struct{}{}
		require.NoError(t, <-done)
		require.Equal(t, offset, at())
	}
}

func TestTurns(t *testing.T) {
	var q turns
	all := func() *turn { return q.join(nil)[0] }
	of := func(sessions ...*session) []*turn { return q.join(func() []*session { return sessions }) }
	a, b, c := all(), all(), all()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	require.True(t, a.wait(testContext(t)))
	require.False(t, b.wait(ended))
	b.leave()
	require.False(t, c.comes(), "a is not through")
	a.leave()
	require.True(t, c.wait(testContext(t)))

	one, two := &session{}, &session{}
	first := of(one, two)
	second := of(one, two)
	d, third := all(), of(two)[0]
	require.False(t, first[0].comes(), "c was for all")
	c.leave()
	require.True(t, first[0].comes() && first[1].comes())
	first[0].leave()
	require.True(t, second[0].comes() && !second[1].comes(), "each session by itself")
	require.False(t, second[1].wait(ended))
	second[1].leave()
	second[0].leave()
	require.False(t, d.comes(), "first has session two")
	first[1].leave()
	require.True(t, d.wait(testContext(t)))
	require.False(t, third.comes())
	d.leave()
	require.True(t, third.comes())
	third.leave()
	require.Empty(t, q.last)
	require.Nil(t, q.all)
	require.Empty(t, q.join(func() []*session { return []*session{} }), "nothing is wanted")
}

// A commit waits behind an earlier one for no partition but those that it still waits for.
func TestCommitsOfOtherPartitionsGoOn(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("halves", 2)
	for p := range int32(2) {
		w.store("halves", p, batchOf(compress.None, numbered(0, 10, 0)...))
	}
	cfg := testConfig("halves")
	cfg.ConsumerID, cfg.Strategy = "me", StrategyManual
	c := w.consumer(cfg)
	ctx := testContext(t)
	_, err := readUntil(t, c, func(r []row) bool { return len(r) == 20 })
	require.NoError(t, err)
	handOut := func(offset int64) {
		for p := range int32(2) {
			c.HandedOut("halves", p, offset, offset)
		}
	}
	handOut(0)
	require.NoError(t, c.Commit(ctx))
	_, err = w.cluster.Topic(ctx, wire.ConsumerOffsetTopic) // which has come by that
	require.NoError(t, err)
	here, stuck := 0, 1
	if w.cluster.Partition("halves", 1).Leader == w.cluster.Partition(wire.ConsumerOffsetTopic, 0).Leader {
		here, stuck = 1, 0
	}
	away := w.cluster.Partition("halves", int32(stuck)).Leader
	require.NotEqual(t, away, w.cluster.Partition("halves", int32(here)).Leader)
	require.NoError(t, w.dev.StopSPU(away))
	committed := func(p int) int64 { return c.Positions()[p].Committed }
	done := make(chan error, 3)
	for i := range int64(3) {
		handOut(3 * (i + 1))
		carryOut := c.BeginCommit()
		go func() { done <- carryOut(ctx) }()
		require.Eventually(t, func() bool { return committed(here) == 3*(i+1) }, patience, time.Millisecond, "those that wait for the other partition do not hold it up")
	}
	require.EqualValues(t, 0, committed(stuck))
	select {
	case err := <-done:
		require.Fail(t, "one partition is not stored", "%v", err)
	default:
	}
	require.NoError(t, w.dev.StartSPU(away))
	for range 3 {
		require.NoError(t, <-done)
	}
	require.EqualValues(t, 9, committed(stuck))
	list, err := c.stored(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []StoredOffset{{"halves", 0, 9}, {"halves", 1, 9}}, list)
}

// What is left of a topic that is gone is not handed out, so that nobody stores it; that is no error of the consumer's.
func TestCommitOfALostPartition(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("pattern-kept", 1)
	w.topic("pattern-lost", 1)
	store := &ownStore{stored: map[place]int64{}}
	d := newDiary()
	cfg := testConfig("")
	cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^pattern-.*$")}}
	cfg.Store, cfg.ConsumerID, cfg.Strategy, cfg.OnEvent = store, "me", StrategyManual, d.note
	c := w.consumer(cfg)
	ctx := testContext(t)
	require.Error(t, c.CommitOffset(ctx, "pattern-lost", 0, 0))
	w.store("pattern-lost", 0, batchOf(compress.None, numbered(0, 10, 0)...))
	b, err := c.Next(ctx)
	require.NoError(t, err)
	require.True(t, b.HandOutTo(3))
	require.False(t, b.Stale())
	require.NoError(t, w.dev.DeleteTopic("pattern-lost"))
	d.wait(t, PartitionLost, 1)
	require.True(t, b.Stale())
	require.False(t, b.HandOut())
	b.Release()
	require.NoError(t, c.Commit(ctx))
	require.Empty(t, store.stored)
	err = c.CommitOffset(ctx, "pattern-lost", 0, 2)
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
}

// Of a topic that was named it is one, which says where, and the others are stored.
func TestCommitOfANamedTopicThatIsGone(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("named-kept", 1)
	w.topic("named-gone", 1)
	store := &ownStore{stored: map[place]int64{}}
	cfg := testConfig()
	cfg.Topics, cfg.Store, cfg.ConsumerID, cfg.Strategy = []Topic{{Name: "named-kept"}, {Name: "named-gone"}}, store, "me", StrategyManual
	c := w.consumer(cfg)
	for _, name := range []string{"named-kept", "named-gone"} {
		w.store(name, 0, batchOf(compress.None, numbered(0, 10, 0)...))
	}
	take(t, c, 2)
	require.NoError(t, w.dev.DeleteTopic("named-gone"))
	require.Eventually(t, func() bool { return w.cluster.Snapshot().Topics["named-gone"] == nil }, patience, time.Millisecond)
	err := c.Commit(testContext(t))
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "named-gone", fluvioerr.As(err).Topic)
	require.EqualValues(t, 9, fluvioerr.As(err).Offset)
	require.Equal(t, map[place]int64{{"named-kept", 0}: 9}, store.stored)
}

// Nor is it one when the topic goes while a commit is under way, and a store gets no offset that a later topic would be taken to have.
func TestCommitWhileATopicGoes(t *testing.T) {
	for _, own := range []bool{false, true} {
		w := newWorld(t, devcluster.Options{})
		store, d := &ownStore{stored: map[place]int64{}}, newDiary()
		cfg := testConfig()
		cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^going-.*$")}}
		cfg.ConsumerID, cfg.Strategy, cfg.OnEvent = "me", StrategyManual, d.note
		if own {
			cfg.Store = store
		}
		for _, name := range []string{"going-not", "going-away"} {
			w.topic(name, 1)
			w.store(name, 0, batchOf(compress.None, numbered(0, 10, 0)...))
		}
		c := w.consumer(cfg)
		sortedValues(t, c, 20)
		for _, name := range []string{"going-not", "going-away"} {
			c.HandedOut(name, 0, 5, 5)
		}
		all, one := c.BeginCommit(), c.BeginCommitOffset("going-away", 0, 4)
		require.NoError(t, w.dev.DeleteTopic("going-away"))
		d.wait(t, PartitionLost, 1)
		require.Eventually(t, func() bool { return w.cluster.Partition("going-away", 0) == nil }, patience, time.Millisecond)
		require.NoError(t, all(testContext(t)))
		err := one(testContext(t))
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		list, err := c.stored(testContext(t))
		require.NoError(t, err)
		require.Equal(t, []StoredOffset{{"going-not", 0, 5}}, list)
	}
}
