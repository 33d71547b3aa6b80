package consume

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// diary keeps events and lets tests wait for them.
type diary struct {
	mu     sync.Mutex
	events []Event
	came   chan struct{}
}

func newDiary() *diary { return &diary{came: make(chan struct{}, 1)} }

func (d *diary) note(e Event) {
	d.mu.Lock()
	d.events = append(d.events, e)
	d.mu.Unlock()
	select {
	case d.came <- struct{}{}:
	default:
	}
}

// of gives the events of a kind so far.
func (d *diary) of(kind EventKind) (out []Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// wait waits until there are n events of a kind, and gives them.
func (d *diary) wait(t *testing.T, kind EventKind, n int) []Event {
	t.Helper()
	ctx := testContext(t)
	for {
		if found := d.of(kind); len(found) >= n {
			return found
		}
		select {
		case <-d.came:
		case <-ctx.Done():
			t.Fatalf("%d events of kind %d came, %d are wanted", len(d.of(kind)), kind, n)
		}
	}
}

// sortedValues reads n records, of whatever partitions.
func sortedValues(t *testing.T, c *Consumer, n int) []string {
	t.Helper()
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) >= n })
	require.NoError(t, err)
	out := values(rows)
	slices.Sort(out)
	return out
}

func TestTopicPattern(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("orders-eu", 2)
	w.topic("orders", 1)
	w.topic("other", 1)
	w.store("orders-eu", 1, batchOf(compress.None, "eu"))
	w.store("other", 0, batchOf(compress.None, "never"))
	d := newDiary()
	cfg := testConfig()
	cfg.Topics, cfg.OnEvent = []Topic{{Pattern: regexp.MustCompile("^(?:orders-.*)$")}}, d.note
	c := w.consumer(cfg)
	require.Equal(t, []string{"eu"}, sortedValues(t, c, 1))
	require.Len(t, d.of(PartitionAssigned), 2, "whole names match, and nothing else is read")

	w.topic("orders-us", 1)
	w.store("orders-us", 0, batchOf(compress.None, "us"))
	require.Equal(t, []string{"us"}, sortedValues(t, c, 1))

	require.NoError(t, w.dev.DeleteTopic("orders-eu"))
	lost := d.wait(t, PartitionLost, 2)
	require.Equal(t, "orders-eu", lost[0].Topic)
	w.topic("orders-eu", 1)             // another one of that name
	require.Eventually(t, func() bool { // the client may still know the old one
		_, err := w.tryStore("orders-eu", 0, batchOf(compress.None, "eu again"))
		return err == nil
	}, patience, time.Millisecond)
	require.Equal(t, []string{"eu again"}, sortedValues(t, c, 1), "no error in between")
	require.Len(t, c.Positions(), 2)
}

// A topic of a pattern that goes before its end was read is not one that was read to its end.
func TestTopicDeletedBeforeItsEnd(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("orders-1", 1)
	for range 50 {
		w.store("orders-1", 0, batchOf(compress.None, numbered(0, 100, 1000)...))
	}
	cfg := testConfig()
	cfg.Topics = []Topic{{Name: "^orders.*", Pattern: regexp.MustCompile("^orders.*$")}}
	cfg.StopAt = Stop{Kind: StopEnd}
	cfg.MaxBytes, cfg.PrefetchBytes = 150000, 150000
	c := w.consumer(cfg)
	b, err := c.Next(testContext(t))
	require.NoError(t, err)
	records := b.Len()
	require.NoError(t, w.dev.DeleteTopic("orders-1"))
	for err == nil {
		if b, err = c.Next(testContext(t)); err == nil {
			records += b.Len()
		}
	}
	require.Less(t, records, 5000)
	require.Equal(t, fluvioerr.TopicDeleted, fluvioerr.EndOf(err), "%v", err)
}

// Topics may come and go without end: nothing is kept of those that are gone, also of those that other members of a group read.
func TestTopicsThatComeAndGo(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	d := newDiary()
	cfg := testConfig()
	cfg.Topics, cfg.OnEvent = []Topic{{Pattern: regexp.MustCompile("^(?:job-.*)$")}}, d.note
	cfg.ConsumerID, cfg.Strategy = "worker", StrategyManual
	c := w.consumer(cfg)
	cfg.Members, cfg.Member, cfg.OnEvent, cfg.ConsumerID = 2, 1, nil, "other"
	member := w.consumer(cfg)
	for i := range 20 {
		name := fmt.Sprintf("job-%d", i)
		w.topic(name, 1)
		w.store(name, 0, batchOf(compress.None, name))
		require.Equal(t, []string{name}, sortedValues(t, c, 1))
		require.NoError(t, w.dev.DeleteTopic(name))
		d.wait(t, PartitionLost, i+1)
		err := c.CommitOffset(testContext(t), name, 0, 0)
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	}
	kept := func(c *Consumer) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.gone) + len(c.known) + len(c.named) + len(c.all)
	}
	for _, c := range []*Consumer{c, member} {
		require.Eventually(t, func() bool { return kept(c) == 0 }, patience, time.Millisecond, "%v", c.gone)
	}
	err := c.CommitOffset(testContext(t), "unmatched", 0, 0)
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
}

// A topic of the same name does not begin before the application was told that the last one has ended.
func TestLossIsToldFirst(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("same-name", 1)
	inside, release := make(chan struct{}), make(chan struct{})
	cfg := testConfig()
	cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^(?:same-.*)$")}}
	cfg.OnEvent = func(e Event) {
		if e.Kind == PartitionLost {
			close(inside)
			<-release
		}
	}
	c := w.consumer(cfg)
	require.NoError(t, w.dev.DeleteTopic("same-name"))
	<-inside
	w.topic("same-name", 1)
	c.appeared(w.cluster.Snapshot())
	require.Nil(t, c.session("same-name", 0))
	c.HandedOut("same-name", 0, 7, 7) // of the old one
	close(release)
	require.Eventually(t, func() bool { return c.session("same-name", 0) != nil }, patience, time.Millisecond)
	require.EqualValues(t, 0, c.Positions()[0].Position)
}

// A pattern that matches nothing yet waits; with an end it is at the end.
func TestPatternWithoutTopics(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	cfg := testConfig()
	cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^(?:late.*)$")}}
	c := w.consumer(cfg)
	w.topic("late-one", 1)
	w.store("late-one", 0, batchOf(compress.None, "x"))
	require.Equal(t, []string{"x"}, sortedValues(t, c, 1))

	cfg.Topics, cfg.StopAt = []Topic{{Pattern: regexp.MustCompile("^(?:never.*)$")}}, Stop{Kind: StopEnd} // the first consumer reads its own
	require.Empty(t, readAll(t, w.consumer(cfg)))
}

// The members of a group read everything between them and nothing twice, new partitions included.
func TestStaticGroup(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	const members = 3
	cfg := testConfig()
	cfg.Topics, cfg.Members = []Topic{{Pattern: regexp.MustCompile("^(?:shared-.*)$")}}, members
	var all []*Consumer
	for i := range int32(members) {
		cfg.Member = i
		all = append(all, w.consumer(cfg))
	}
	var want []string
	for i := range 6 {
		name := fmt.Sprintf("shared-%d", i)
		w.topic(name, 1+i%2)
		for p := range int32(1 + i%2) {
			value := fmt.Sprintf("%s/%d", name, p)
			w.store(name, p, batchOf(compress.None, value))
			want = append(want, value)
		}
	}
	var mu sync.Mutex
	var got []string
	enough := make(chan struct{})
	for _, c := range all {
		go func() {
			for {
				b, err := c.Next(testContext(t))
				if err != nil {
					return
				}
				mu.Lock()
				if got = append(got, values(rowsOf(b))...); len(got) == len(want) {
					close(enough)
				}
				mu.Unlock()
			}
		}()
	}
	<-enough
	mu.Lock()
	slices.Sort(got)
	require.Equal(t, want, got)
	mu.Unlock()
	total := 0
	for _, c := range all {
		total += len(c.Positions())
	}
	require.Equal(t, len(want), total, "each partition has one reader")
}

func TestGroupWithTooManyMembers(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("small", 2)
	cfg := testConfig("small")
	cfg.Members, cfg.StopAt = 3, Stop{Kind: StopEnd}
	failures := 0
	for i := range int32(3) {
		cfg.Member = i
		c, err := Open(testContext(t), w.cluster, cfg)
		if err != nil {
			require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
			failures++
			continue
		}
		c.Close()
	}
	require.Equal(t, 1, failures)
}

func TestOwnersAreSpread(t *testing.T) {
	counts := map[int32]int{}
	for topic := range 100 {
		for p := range int32(2) {
			owners := 0
			for m := range int32(4) {
				cfg := Config{Member: m, Members: 4}
				if cfg.owns(fmt.Sprint("topic-", topic), p) {
					owners++
					counts[m]++
				}
			}
			require.Equal(t, 1, owners)
		}
	}
	for m, n := range counts {
		require.Greater(t, n, 25, "member %d of 4 has its share of 200 partitions", m)
	}
	require.True(t, (&Config{}).owns("any", 7), "no group")
}

func TestMaxBytesByDefault(t *testing.T) {
	cfg := Config{PrefetchBytes: 16 << 20}
	for partitions, size := range map[int]int32{0: 2 << 20, 1: 2 << 20, 10: 16 << 20 / 10, 100: 1 << 20} {
		require.Equal(t, size, cfg.maxBytes(partitions), "%d partitions", partitions)
	}
	cfg.MaxBytes = 4711
	require.EqualValues(t, 4711, cfg.maxBytes(2))
}
