package fluvio_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

func TestStoresThatAreNotTheCluster(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "offsets")
	for name, options := range map[string]fluvio.ConsumerOptions{
		"file":   {OffsetStore: "file", OffsetStorePath: folder},
		"memory": {OffsetStore: "memory"},
		"own":    {Store: fluvio.NewMemoryOffsetStore()},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffsetsTest(t, startCluster(t, devcluster.Options{}).Endpoint(), 2, 50)
			c := o.open(options)
			last := map[int32]int64{}
			o.read(c, 60, last)
			require.NoError(t, c.Commit(o.ctx))
			require.Empty(t, o.stored(), "the cluster knows nothing")
			require.NoError(t, c.Close(o.ctx))
			c = o.open(options)
			moved := int32(0)
			if last[0] == 49 {
				moved = 1
			}
			o.read(c, 40, last) // which checks that offsets follow
			require.Equal(t, map[int32]int64{0: 49, 1: 49}, last)
			require.NoError(t, c.Commit(o.ctx))
			require.NoError(t, c.CommitOffset(o.ctx, o.topic, moved, 44))
			require.NoError(t, c.Close(o.ctx))
			options.OffsetStrategy, options.StopAt = "auto", fluvio.StopAtEnd()
			c = o.open(options)
			o.read(c, 5, map[int32]int64{moved: 44})
			_, err := c.Poll(o.ctx, fluvio.PollLimits{Wait: time.Minute})
			require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err), "%v", err)
			require.NoError(t, c.Close(o.ctx))
			c = o.open(options)
			_, err = c.Next(o.ctx)
			require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err), "auto has stored the rest: %v", err)
			require.NoError(t, c.Close(o.ctx))
		})
	}
}

func TestFileOffsetStore(t *testing.T) {
	ctx, folder := testContext(t), t.TempDir()
	store := fluvio.NewFileOffsetStore(folder)
	list, err := store.Load(ctx, "nobody")
	require.NoError(t, err)
	require.Empty(t, list)
	for _, id := range []string{"plain", "a/../b", "..", ".", "ä 100%", strings.Repeat("x", 3000), strings.Repeat("x", 2999) + "y"} {
		want := []fluvio.ConsumerOffset{
			{ConsumerID: id, Topic: "t", Partition: 0, Offset: int64(len(id)), Modified: time.UnixMilli(1700000000123)},
			{ConsumerID: id, Topic: "t", Partition: 12, Offset: 0, Modified: time.UnixMilli(1)},
			{ConsumerID: id, Topic: "u", Partition: 0, Offset: 1 << 60, Modified: time.UnixMilli(2)},
		}
		require.NoError(t, store.Save(ctx, id, want))
		require.NoError(t, store.Save(ctx, id, want[:1]))
		list, err := store.Load(ctx, id)
		require.NoError(t, err, "%.20s", id)
		require.Equal(t, want, list, "%.20s", id)
	}
	outside, err := filepath.Glob(filepath.Join(folder, "..", "*"))
	require.NoError(t, err)
	require.Len(t, outside, 1, "nothing is written outside of the folder")

	// What a crash leaves of a file that was being written is not looked at, and removed when nobody can be writing it any more;
	// damage is not passed over.
	old := time.Now().Add(-2 * time.Hour)
	for name, age := range map[string]time.Time{"0.json.123.tmp": time.Now(), "0.json.4567.tmp": old, "my.json.1.tmp": old, "0.json.tmp": old} {
		path := filepath.Join(folder, "plain", "t", name)
		require.NoError(t, os.WriteFile(path, []byte(`{"off`), 0o600))
		require.NoError(t, os.Chtimes(path, age, age))
	}
	_, err = store.Load(ctx, "plain")
	require.NoError(t, err)
	kept, err := filepath.Glob(filepath.Join(folder, "plain", "t", "*.tmp"))
	require.NoError(t, err)
	for i := range kept {
		kept[i] = filepath.Base(kept[i])
	}
	require.ElementsMatch(t, []string{"0.json.123.tmp", "my.json.1.tmp", "0.json.tmp"}, kept, "what may be being written, or is not the store's, stays")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "plain", "t", "0.json"), []byte(`{"off`), 0o600))
	_, err = store.Load(ctx, "plain")
	require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(err), "%v", err)

	// A file that cannot be replaced stays as it is.
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "plain", "v", "0.json", "x"), 0o700))
	require.Error(t, store.Save(ctx, "plain", []fluvio.ConsumerOffset{{Topic: "v"}}))
	left, err := filepath.Glob(filepath.Join(folder, "plain", "v", "*.tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, store.Save(ended, "plain", []fluvio.ConsumerOffset{{Topic: "w"}}), context.Canceled)
}

// filled makes a topic of one partition with n records, "0" to "n-1".
func filled(t *testing.T, options devcluster.Options, topic string, n int) *fluvio.Client {
	t.Helper()
	client := connect(t, startCluster(t, options).Endpoint())
	ctx := testContext(t)
	require.NoError(t, client.Admin().CreateTopic(ctx, topic, fluvio.TopicSpec{}))
	p, err := client.Producer(ctx, topic, fluvio.ProducerOptions{BatchSize: 256})
	require.NoError(t, err)
	for i := range n {
		_, err := p.Send(ctx, fluvio.Record{Value: fmt.Appendf(nil, "%d", i)})
		require.NoError(t, err)
	}
	require.NoError(t, p.Close(ctx))
	return client
}

func TestPollLimits(t *testing.T) {
	client, ctx := filled(t, devcluster.Options{}, "limits", 100), testContext(t)
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"limits"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	next := 0
	take := func(limits fluvio.PollLimits, want int) {
		t.Helper()
		limits.Wait = time.Minute
		got, err := c.Poll(ctx, limits)
		require.NoError(t, err)
		require.Len(t, got, want)
		for _, r := range got {
			require.Equal(t, fmt.Sprint(next), string(r.Value))
			next++
		}
		require.EqualValues(t, next, c.Positions()[0].Position)
	}
	take(fluvio.PollLimits{MaxRecords: 1}, 1)
	take(fluvio.PollLimits{MaxRecords: 40}, 40)
	take(fluvio.PollLimits{MaxBytes: 15}, 7) // of two bytes each
	take(fluvio.PollLimits{MaxBytes: 1}, 1)
	take(fluvio.PollLimits{MaxRecords: 3, MaxBytes: 1000}, 3)
	take(fluvio.PollLimits{}, 48) // up to the end, which comes with the next call
	_, err = c.Poll(ctx, fluvio.PollLimits{})
	require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err), "%v", err)

	require.NoError(t, c.Seek(ctx, "limits", 0, fluvio.EndMinus(2)))
	next = 98
	take(fluvio.PollLimits{MaxRecords: 2}, 2)
	for range 2 { // the end, which Poll has seen behind the records, is not that of where reading goes on
		require.NoError(t, c.Seek(ctx, "limits", 0, fluvio.EndMinus(2)))
		next = 98
		take(fluvio.PollLimits{}, 2)
	}
	require.NoError(t, c.Close(ctx))
	c, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"limits"}})
	require.NoError(t, err)
	none, err := c.Poll(ctx, fluvio.PollLimits{Wait: time.Millisecond})
	require.NoError(t, err, "nothing came in time")
	require.Empty(t, none)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = c.Poll(ended, fluvio.PollLimits{Wait: time.Minute})
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "%v", err)
	require.NoError(t, c.Close(ctx))
}

// Nothing more is waited for when the bytes are there, and what ends one call does not end the next.
func TestPollEndsWithItsLimits(t *testing.T) {
	client, ctx := filled(t, devcluster.Options{}, "enough", 100), testContext(t)
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"enough"}, Start: fluvio.EndMinus(2)})
	require.NoError(t, err)
	for _, most := range []int64{4, 1} { // of two bytes each
		got, err := c.Poll(ctx, fluvio.PollLimits{MaxBytes: most, Wait: time.Hour})
		require.NoError(t, err)
		require.NoError(t, ctx.Err(), "it did not wait until that ended")
		require.Len(t, got, int(max(most/2, 1)))
		require.NoError(t, c.Seek(ctx, "enough", 0, fluvio.EndMinus(1)))
	}

	require.NoError(t, c.Seek(ctx, "enough", 0, fluvio.EndMinus(2)))
	short, cancel := context.WithCancel(ctx)
	taken := c.Stats().Records
	go func() {
		for c.Stats().Records < taken+2 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	got, err := c.Poll(short, fluvio.PollLimits{Wait: time.Hour})
	require.NoError(t, err)
	require.Len(t, got, 2)
	none, err := c.Poll(ctx, fluvio.PollLimits{Wait: time.Millisecond})
	require.NoError(t, err)
	require.Empty(t, none)
	require.NoError(t, c.Close(ctx))
}

// The error of a partition that is a Timeout is told, also by a Poll that does not wait: it is told once.
func TestPollTellsOfTimeoutsOfPartitions(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	client := connect(t, cl.Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "late", fluvio.TopicSpec{Partitions: 2}))
	_, err := cl.AddRule(devcluster.Rule{API: "StreamFetch", Topic: "late", Partition: 1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerRequestTimedOut}})
	require.NoError(t, err)
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"late"}, Start: fluvio.Beginning(), MaxRetries: 1})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err = c.Poll(ctx, fluvio.PollLimits{})
		return err != nil
	}, time.Minute, time.Millisecond)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.EqualValues(t, 1, fluvioerr.As(err).Partition)
	require.NoError(t, c.Close(ctx))
}

// The body of a loop over records may seek and pause: the loop goes on where that says.
func TestSeekAndPauseInsideALoop(t *testing.T) {
	client, ctx := filled(t, devcluster.Options{}, "loop", 100), testContext(t)
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"loop"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	var got []int64
	for r, err := range c.Records(ctx) {
		require.NoError(t, err)
		got = append(got, r.Offset)
		if len(got) == 10 {
			require.NoError(t, c.Seek(ctx, "loop", 0, fluvio.AtOffset(95)))
		}
	}
	require.Equal(t, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 95, 96, 97, 98, 99}, got)

	require.NoError(t, c.Seek(ctx, "loop", 0, fluvio.Beginning()))
	got = nil
	for r, err := range c.Records(ctx) {
		if err != nil {
			require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err))
			break
		}
		got = append(got, r.Offset)
		if len(got) == 5 {
			require.NoError(t, c.Pause("loop", 0))
			none, err := c.Poll(ctx, fluvio.PollLimits{Wait: 10 * time.Millisecond})
			require.NoError(t, err)
			require.Empty(t, none)
			require.NoError(t, c.Resume("loop", 0))
		}
	}
	require.Len(t, got, 100)
	require.True(t, slices.IsSorted(got))
	require.EqualValues(t, 4, got[4])
	require.NoError(t, c.Close(ctx))
}

func TestResetConsumerOffset(t *testing.T) {
	o := newOffsetsTest(t, startCluster(t, devcluster.Options{}).Endpoint(), 2, 50)
	admin := o.client.Admin()
	reset := func(to fluvio.StartPosition) {
		t.Helper()
		require.NoError(t, admin.ResetConsumerOffset(o.ctx, o.id, o.topic, 1, to))
	}
	reset(fluvio.AtOffset(30))
	require.Equal(t, map[int32]int64{1: 29}, o.stored())
	reset(fluvio.End())
	require.Equal(t, map[int32]int64{1: 49}, o.stored())
	reset(fluvio.EndMinus(5))
	require.Equal(t, map[int32]int64{1: 44}, o.stored())
	c := o.open(fluvio.ConsumerOptions{Start: fluvio.End(), Partitions: []int32{1}})
	last := map[int32]int64{1: 44}
	o.read(c, 5, last)
	require.NoError(t, c.Close(o.ctx))
	reset(fluvio.Beginning())
	require.Empty(t, o.stored())
	for _, bad := range []error{
		admin.ResetConsumerOffset(o.ctx, "", o.topic, 0, fluvio.End()), admin.ResetConsumerOffset(o.ctx, "me", o.topic, -1, fluvio.End()),
	} {
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(bad), "%v", bad)
	}
	for _, missing := range []error{
		admin.ResetConsumerOffset(o.ctx, "me", "no-such-topic", 0, fluvio.End()), admin.ResetConsumerOffset(o.ctx, "me", o.topic, 2, fluvio.End()),
	} {
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(missing), "%v", missing)
	}
}

// A call on an empty topic ends at its deadline, not before and not never; one that waits is woken by the first record.
func TestPollOfAnEmptyTopic(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "empty", fluvio.TopicSpec{}))
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"empty"}, Start: fluvio.Beginning()})
	require.NoError(t, err)
	begun := time.Now()
	none, err := c.Poll(ctx, fluvio.PollLimits{Wait: 100 * time.Millisecond})
	require.NoError(t, err)
	require.Empty(t, none)
	require.GreaterOrEqual(t, time.Since(begun), 100*time.Millisecond)
	type answer struct {
		records []fluvio.Record
		err     error
	}
	woken := make(chan answer)
	go func() {
		records, err := c.Poll(ctx, fluvio.PollLimits{MaxRecords: 1, Wait: time.Hour})
		woken <- answer{records, err}
	}()
	o := &offsetsTest{T: t, ctx: ctx, client: client, topic: "empty"}
	o.produce(1, 0, 1)
	got := <-woken
	require.NoError(t, got.err)
	require.Len(t, got.records, 1)
	require.NoError(t, c.Close(ctx))
}
