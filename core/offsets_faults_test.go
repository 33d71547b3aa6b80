package fluvio_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// rule adds a fault, or an observer, for a request about consumer offsets.
func rule(t *testing.T, cl *devcluster.Cluster, api string, count int, action devcluster.Action) *devcluster.RuleHandle {
	t.Helper()
	h, err := cl.AddRule(devcluster.Rule{API: api, Partition: -1, Count: count, Action: action})
	require.NoError(t, err)
	t.Cleanup(h.Remove)
	return h
}

// readAllOf reads every record that there is of three partitions, so that no stream that is opened later has a frame.
func (o *offsetsTest) readAllOf(c *fluvio.Consumer, records int) map[int32]int64 {
	last := map[int32]int64{}
	o.read(c, 3*records, last)
	return last
}

func TestCommitSendsOnlyWhatMoved(t *testing.T) {
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	o := newOffsetsTest(t, cl.Endpoint(), 3, 10)
	sent := rule(t, cl, "UpdateConsumerOffset", 0, devcluster.Action{Kind: devcluster.ActionObserve})
	streams := rule(t, cl, "StreamFetch", 0, devcluster.Action{Kind: devcluster.ActionObserve})
	c := o.open(fluvio.ConsumerOptions{})
	o.readAllOf(c, 10)
	opened := streams.Hits()
	require.NoError(t, c.Commit(o.ctx))
	require.Equal(t, 3, sent.Hits())
	require.NoError(t, c.Commit(o.ctx))
	require.Equal(t, 3, sent.Hits(), "nothing has moved")
	o.produce(1, 10, 11)
	o.read(c, 1, map[int32]int64{0: 9})
	require.NoError(t, c.Commit(o.ctx))
	require.Equal(t, 4, sent.Hits(), "one partition has moved")
	require.Equal(t, map[int32]int64{0: 10, 1: 9, 2: 9}, o.stored())
	require.Equal(t, opened, streams.Hits(), "offsets go through the streams that are there")
	require.NoError(t, c.Close(o.ctx))

	c = o.open(fluvio.ConsumerOptions{OffsetStrategy: "auto", StopAt: fluvio.StopAtEnd()})
	_, err := c.Next(o.ctx)
	require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err))
	require.NoError(t, c.Close(o.ctx))
	require.Equal(t, 4, sent.Hits(), "a consumer that gets nothing stores nothing")
}

func TestCommitAfterReconnect(t *testing.T) {
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	o := newOffsetsTest(t, cl.Endpoint(), 3, 10)
	c := o.open(fluvio.ConsumerOptions{})
	last := o.readAllOf(c, 10)
	restart := func() {
		for _, id := range []int32{5001, 5002} {
			require.NoError(t, cl.StopSPU(id))
			require.NoError(t, cl.StartSPU(id))
		}
	}
	restart()
	require.NoError(t, c.Commit(o.ctx), "the streams are new and without a frame")
	require.Equal(t, last, o.stored())
	require.NoError(t, c.CommitOffset(o.ctx, o.topic, 1, 3), "again, through the same second stream")
	require.EqualValues(t, 3, o.stored()[1])

	// Records that come now take the streams on, without a gap and without a repeat.
	o.produce(3, 10, 20)
	o.read(c, 30, last)
	require.NoError(t, c.Commit(o.ctx))
	require.Equal(t, map[int32]int64{0: 19, 1: 19, 2: 19}, o.stored())

	// The commit begins while nobody is there.
	o.produce(3, 20, 21)
	o.read(c, 3, last)
	require.NoError(t, cl.StopSPU(5001))
	require.NoError(t, cl.StopSPU(5002))
	done := make(chan error, 1)
	go func() { done <- c.Commit(o.ctx) }()
	require.NoError(t, cl.StartSPU(5001))
	require.NoError(t, cl.StartSPU(5002))
	require.NoError(t, <-done)
	require.Equal(t, map[int32]int64{0: 20, 1: 20, 2: 20}, o.stored())

	// The leader moves, and with it where offsets go.
	o.produce(1, 21, 22)
	o.read(c, 1, last)
	require.NoError(t, cl.MoveLeader(o.topic, 0, 5001))
	require.NoError(t, cl.MoveLeader(o.topic, 0, 5002))
	require.NoError(t, c.Commit(o.ctx))
	require.EqualValues(t, 21, o.stored()[0])
	require.NoError(t, c.Close(o.ctx))
}

func TestCommitWithoutSPU(t *testing.T) {
	cl := startCluster(t, devcluster.Options{SPUs: 3})
	o := newOffsetsTest(t, cl.Endpoint(), 3, 10)
	c := o.open(fluvio.ConsumerOptions{OffsetStrategy: "auto"})
	o.readAllOf(c, 10)
	keeper, err := cl.Leader("consumer-offset", 0)
	require.NoError(t, err)
	down, dead := int32(-1), int32(0)
	for p := range int32(3) {
		if down, err = cl.Leader(o.topic, p); err == nil && down != keeper {
			dead = p
			break
		}
	}
	require.NoError(t, cl.StopSPU(down))
	ctx, cancel := context.WithTimeout(o.ctx, 2*time.Second)
	defer cancel()
	err = c.Commit(ctx)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, fmt.Sprintf("commit %s/%d at offset 9", o.topic, dead))
	require.Len(t, o.stored(), 2, "the other partitions are stored")
	require.NotContains(t, o.stored(), dead)

	// Close says what it could not store, and is over by its deadline.
	next, cancelNext := context.WithCancel(o.ctx)
	cancelNext()
	_, err = c.Next(next) // the application comes back: what it has is processed
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err))
	ctx, cancel = context.WithTimeout(o.ctx, 300*time.Millisecond)
	defer cancel()
	err = c.Close(ctx)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, fmt.Sprintf("%s/%d", o.topic, dead))
}

func TestCommitErrors(t *testing.T) {
	cl := startCluster(t, devcluster.Options{})
	o := newOffsetsTest(t, cl.Endpoint(), 1, 20)
	c := o.open(fluvio.ConsumerOptions{})
	offset := int64(-1)
	commit := func() error {
		o.read(c, 1, map[int32]int64{0: offset})
		offset++
		return c.Commit(o.ctx)
	}
	for _, code := range []fluvioerr.ServerCode{
		fluvioerr.ServerFetchSessionNotFound, fluvioerr.ServerTopicNotFound, fluvioerr.ServerPartitionNotLeader, fluvioerr.ServerSpuNotFound,
	} {
		h := rule(t, cl, "UpdateConsumerOffset", 2, devcluster.Action{Kind: devcluster.ActionError, Code: code})
		require.NoError(t, commit(), "%s passes", code)
		require.Equal(t, 2, h.Hits())
		require.Equal(t, map[int32]int64{0: offset}, o.stored())
	}
	h := rule(t, cl, "UpdateConsumerOffset", 1, devcluster.Action{Kind: devcluster.ActionClose})
	require.NoError(t, commit(), "a connection that breaks")
	require.Equal(t, 1, h.Hits())
	require.Equal(t, map[int32]int64{0: offset}, o.stored())

	rule(t, cl, "UpdateConsumerOffset", 2, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerOther, Text: "Connection refused (os error 111)"})
	require.NoError(t, commit(), "the SPU did not reach the one that keeps the offsets")
	require.Equal(t, map[int32]int64{0: offset}, o.stored())

	rule(t, cl, "UpdateConsumerOffset", 1, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerOther, Text: "no luck"})
	err := commit()
	require.Equal(t, fluvioerr.Server, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "no luck")
	require.ErrorContains(t, err, fmt.Sprintf("commit %s/0 at offset %d", o.topic, offset))
	require.Equal(t, map[int32]int64{0: offset - 1}, o.stored())
	require.NoError(t, c.Commit(o.ctx), "what failed is sent again")
	require.Equal(t, map[int32]int64{0: offset}, o.stored())
	require.NoError(t, c.Close(o.ctx))

	rule(t, cl, "FetchConsumerOffsets", 2, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerPartitionNotLeader})
	require.Equal(t, offset+1, o.first(fluvio.End()), "the keeper is asked again")
	rule(t, cl, "FetchConsumerOffsets", 1, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerPermissionDenied})
	_, err = o.client.Consumer(o.ctx, fluvio.ConsumerOptions{Topics: []string{o.topic}, ConsumerID: o.id})
	require.Equal(t, fluvioerr.Permission, fluvioerr.CodeOf(err), "%v", err)
	rule(t, cl, "DeleteConsumerOffset", 1, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerOther, Text: "not today"})
	err = o.client.Admin().DeleteConsumerOffset(o.ctx, o.id, o.topic, 0)
	require.ErrorContains(t, err, "delete consumer offset "+o.topic+"/0")
	require.ErrorContains(t, err, "not today")
}

func TestStoredOffsetThatWasRemoved(t *testing.T) {
	cl := startCluster(t, devcluster.Options{})
	o := newOffsetsTest(t, cl.Endpoint(), 1, 20)
	c := o.open(fluvio.ConsumerOptions{})
	o.read(c, 6, map[int32]int64{})
	require.NoError(t, c.Commit(o.ctx))
	o.read(c, 1, map[int32]int64{})
	require.NoError(t, cl.StopSPU(5001))
	require.NoError(t, cl.EvictBefore(o.topic, 0, 15))
	require.NoError(t, cl.StartSPU(5001))
	require.NoError(t, c.Commit(o.ctx), "a record that is gone can be stored as processed")
	require.Equal(t, map[int32]int64{0: 6}, o.stored())
	require.NoError(t, c.Close(o.ctx))
	require.EqualValues(t, 18, o.first(fluvio.BeginningPlus(11)), "resume is 7")
	_, err := o.open(fluvio.ConsumerOptions{}).Next(o.ctx)
	require.Equal(t, fluvioerr.OffsetEvicted, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "15", fluvioerr.As(err).Detail["next_available"])
	for policy, first := range map[string]int64{"earliest": 15, "latest": 20} {
		var events []fluvio.ConsumerEvent
		c := o.open(fluvio.ConsumerOptions{OffsetReset: policy, OnEvent: func(e fluvio.ConsumerEvent) { events = append(events, e) }})
		require.NoError(t, c.Close(o.ctx))
		require.Equal(t, fluvio.OffsetReset, events[0].Kind, "told before reading begins")
		require.Equal(t, []int64{7, first}, []int64{events[0].Offset, events[0].Next})
		require.Equal(t, first, c.Positions()[0].Position)
		require.Equal(t, first-7, c.Positions()[0].Skipped)
	}
}

func TestOffsetsOfPlatforms(t *testing.T) {
	ctx := testContext(t)
	old := startCluster(t, devcluster.Options{PlatformVersion: "0.11.5"})
	client := connect(t, old.Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "a", fluvio.TopicSpec{}))
	_, listErr := client.Admin().ConsumerOffsets(ctx)
	_, byName := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"a"}, ConsumerID: "me"})
	_, absolute := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"a"}, ConsumerID: "me", OffsetStrategy: "manual", Start: fluvio.AtOffset(0)})
	for _, err := range []error{listErr, byName, absolute, client.Admin().DeleteConsumerOffset(ctx, "me", "a", 0)} {
		require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "platform 0.11.6 or later")
	}
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"a"}})
	require.NoError(t, err, "without a name nothing is missing")
	require.NoError(t, c.Close(ctx))

	// 0.11.6 to 0.17.1 list what every consumer stored, whatever was asked for.
	for _, version := range []string{"0.11.6", "0.17.1", "0.17.2"} {
		o := newOffsetsTest(t, startCluster(t, devcluster.Options{PlatformVersion: version}).Endpoint(), 1, 20)
		mine := o.id
		for i, id := range []string{"a", mine, "z"} {
			o.id = id
			c := o.open(fluvio.ConsumerOptions{})
			o.read(c, 3*(i+1), map[int32]int64{})
			require.NoError(t, c.Commit(o.ctx))
			require.NoError(t, c.Close(o.ctx))
		}
		o.id = mine
		require.EqualValues(t, 6, o.first(fluvio.End()), version)
	}
}

// A topic was made anew and is shorter than what is stored for the old one: offset_reset says what to do, also to a consumer that
// only reads to the end.
func TestStoredOffsetBehindTheEnd(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	client := connect(t, cl.Endpoint())
	store := fluvio.NewMemoryOffsetStore()
	require.NoError(t, store.Save(ctx, "me", []fluvio.ConsumerOffset{{ConsumerID: "me", Topic: "anew", Offset: 40}}))
	o := &offsetsTest{T: t, ctx: ctx, client: client, topic: "anew", id: "me"}
	require.NoError(t, cl.CreateTopic("anew", 1))
	o.produce(1, 0, 10)
	for policy, first := range map[string]int64{"earliest": 0, "latest": 10} {
		for _, start := range []fluvio.StartPosition{fluvio.Beginning(), fluvio.EndMinus(35), fluvio.BeginningPlus(3)} {
			events := make(chan fluvio.ConsumerEvent, 9)
			c := o.open(fluvio.ConsumerOptions{Start: start, Store: store, OffsetReset: policy, OnEvent: func(e fluvio.ConsumerEvent) { events <- e }})
			e := <-events
			require.Equal(t, fluvio.OffsetReset, e.Kind, "told before reading begins")
			require.Equal(t, []int64{41, first}, []int64{e.Offset, e.Next})
			require.Equal(t, first, c.Positions()[0].Position)
			require.NoError(t, c.Close(ctx))
		}
	}
	for _, stop := range []fluvio.StopPosition{{}, fluvio.StopAtEnd()} {
		c := o.open(fluvio.ConsumerOptions{Store: store, StopAt: stop})
		_, err := c.Next(ctx)
		require.Equal(t, fluvioerr.OffsetEvicted, fluvioerr.CodeOf(err), "%v", err)
		e := fluvioerr.As(err)
		require.Equal(t, []any{"anew", int32(0), int64(41), "offset_reset"}, []any{e.Topic, e.Partition, e.Offset, e.Setting})
		require.ErrorContains(t, err, "anew/0")
		require.ErrorContains(t, err, "set offset_reset to earliest or latest")
		require.ErrorContains(t, err, "the stored offset 40 lies behind the end of the partition, 10")
		_, err = c.Next(ctx)
		require.True(t, fluvioerr.Fatal(err), "no partition is left: %v", err)
		require.NoError(t, c.Seek(ctx, "anew", 0, fluvio.AtOffset(7)))
		b, err := c.Next(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 7, b.Record(0).Offset, "another position is chosen")
		require.NoError(t, c.Close(ctx))
	}
	o.produce(1, 10, 60)
	require.EqualValues(t, 41, func() int64 {
		c := o.open(fluvio.ConsumerOptions{Store: store})
		defer func() { require.NoError(t, c.Close(ctx)) }()
		return c.Positions()[0].Position
	}(), "nobody can tell any more")
}
