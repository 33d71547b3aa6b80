package fluvio_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// offsetsTest is a topic with the same number of records in each partition, and a consumer's name.
type offsetsTest struct {
	*testing.T
	ctx       context.Context
	client    *fluvio.Client
	topic, id string
}

// newOffsetsTest makes a topic whose records lie in stored batches as it comes.
func newOffsetsTest(t *testing.T, endpoint string, partitions int32, records int) *offsetsTest {
	t.Helper()
	name := fmt.Sprintf("offsets-%d", time.Now().UnixNano())
	o := &offsetsTest{T: t, ctx: testContext(t), client: connect(t, endpoint), topic: name, id: "reader-of-" + name}
	require.NoError(t, o.client.Admin().CreateTopic(o.ctx, name, fluvio.TopicSpec{Partitions: uint32(partitions)}))
	o.produce(partitions, 0, records)
	return o
}

// TestOffsets runs what needs nothing but the protocol, on one cluster.
func TestOffsets(t *testing.T) {
	address := endpoint(t)
	var topics []string
	for _, test := range []struct {
		name       string
		partitions int32
		records    int
		run        func(*offsetsTest)
	}{
		{"commit and resume", 3, 50, testCommitAndResume},
		{"commit by batch", 1, 20, testCommitByBatch},
		{"commit an offset", 1, 20, testCommitOffset},
		{"start with a stored offset", 1, 20, testStartWithStoredOffset},
		{"auto", 1, 20, testAutoCommit},
		{"commit while reading", 3, 300, testCommitWhileReading},
		{"commit after lost connections", 3, 20, testCommitAfterLostConnections},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOffsetsTest(t, address, test.partitions, test.records)
			topics = append(topics, o.topic)
			test.run(o)
		})
	}
	// At the end, not one by one: a real SC that has just deleted a topic can miss that the next one is online.
	client := connect(t, address)
	for _, topic := range topics {
		require.NoError(t, client.Admin().DeleteTopic(testContext(t), topic))
	}
}

// produce sends records first to end-1 to each of the partitions; their values are their offsets.
func (o *offsetsTest) produce(partitions int32, first, end int) {
	o.Helper()
	producer, err := o.client.Producer(o.ctx, o.topic, fluvio.ProducerOptions{BatchSize: 256})
	require.NoError(o, err)
	for i := first; i < end; i++ {
		for p := range partitions {
			_, err := producer.SendTo(o.ctx, p, fluvio.Record{Value: fmt.Appendf(nil, "%d", i)})
			require.NoError(o, err)
		}
	}
	require.NoError(o, producer.Flush(o.ctx))
	require.NoError(o, producer.Close(o.ctx))
}

// open opens a consumer with the test's name, from the beginning if it says nothing else.
func (o *offsetsTest) open(options fluvio.ConsumerOptions) *fluvio.Consumer {
	o.Helper()
	options.Topics, options.ConsumerID = []string{o.topic}, o.id
	if options.OffsetStrategy == "" {
		options.OffsetStrategy = "manual"
	}
	if options.Start == (fluvio.StartPosition{}) {
		options.Start = fluvio.Beginning()
	}
	c, err := o.client.Consumer(o.ctx, options)
	require.NoError(o, err)
	return c
}

// read takes n records in a loop that is left in the middle of whatever batch, and notes the last offset of each partition.
func (o *offsetsTest) read(c *fluvio.Consumer, n int, last map[int32]int64) {
	o.Helper()
	for r, err := range c.Records(o.ctx) {
		require.NoError(o, err)
		require.Equal(o, fmt.Sprint(r.Offset), string(r.Value))
		if before, seen := last[r.Partition]; seen {
			require.Equal(o, before+1, r.Offset, "partition %d", r.Partition)
		}
		last[r.Partition] = r.Offset
		if n--; n == 0 {
			return
		}
	}
	require.Fail(o, "the stream ended")
}

// stored is what the cluster keeps for the test's consumer.
func (o *offsetsTest) stored() map[int32]int64 {
	o.Helper()
	list, err := o.client.Admin().ConsumerOffsets(o.ctx)
	require.NoError(o, err)
	found := map[int32]int64{}
	for _, each := range list {
		if each.ConsumerID == o.id {
			require.Equal(o, o.topic, each.Topic)
			require.WithinDuration(o, time.Now(), each.Modified, time.Hour)
			found[each.Partition] = each.Offset
		}
	}
	return found
}

// first is the offset at which a new consumer begins.
func (o *offsetsTest) first(start fluvio.StartPosition) int64 {
	o.Helper()
	c := o.open(fluvio.ConsumerOptions{Start: start})
	defer func() { require.NoError(o, c.Close(o.ctx)) }()
	b, err := c.Next(o.ctx)
	require.NoError(o, err)
	return b.Record(0).Offset
}

func testCommitAndResume(o *offsetsTest) {
	c := o.open(fluvio.ConsumerOptions{})
	require.NoError(o, c.Commit(o.ctx), "nothing was handed out")
	require.Empty(o, o.stored())

	last := map[int32]int64{}
	o.read(c, 70, last)
	require.NoError(o, c.Commit(o.ctx))
	require.Equal(o, last, o.stored(), "exactly what the loop has seen, not what it would have come to")

	// What is read after the commit comes again; nothing else does, and nothing is missing.
	before := maps.Clone(last)
	o.read(c, 10, last)
	require.NoError(o, c.Close(o.ctx))
	require.Equal(o, before, o.stored(), "closing stores nothing by itself")
	c = o.open(fluvio.ConsumerOptions{StopAt: fluvio.StopAtEnd()})
	rest := maps.Clone(before)
	o.read(c, 150-70, rest)
	require.Equal(o, map[int32]int64{0: 49, 1: 49, 2: 49}, rest)
	_, err := c.Next(o.ctx)
	require.Equal(o, fluvioerr.End, fluvioerr.CodeOf(err))
	require.NoError(o, c.Commit(o.ctx), "also when every stream has ended")
	require.Equal(o, rest, o.stored())
	require.NoError(o, c.Close(o.ctx))
	require.Equal(o, fluvioerr.Closed, fluvioerr.CodeOf(c.Commit(o.ctx)))

	// Nothing is left, so no stream ever has a frame. There is nothing to store then.
	c = o.open(fluvio.ConsumerOptions{StopAt: fluvio.StopAtEnd()})
	_, err = c.Next(o.ctx)
	require.Equal(o, fluvioerr.End, fluvioerr.CodeOf(err))
	require.NoError(o, c.Commit(o.ctx))
	require.NoError(o, c.Close(o.ctx))
}

func testCommitByBatch(o *offsetsTest) {
	c := o.open(fluvio.ConsumerOptions{})
	last := map[int32]int64{}
	o.read(c, 3, last)
	b, err := c.Next(o.ctx)
	require.NoError(o, err)
	require.EqualValues(o, 3, b.Record(0).Offset, "what the loop left of its batch")
	require.Equal(o, "3", string(b.Record(0).Value))
	end := b.Record(b.Len() - 1).Offset
	require.NoError(o, c.Commit(o.ctx))
	require.Equal(o, map[int32]int64{0: end}, o.stored(), "the whole batch was handed out")
	require.NoError(o, c.Close(o.ctx))
}

func testCommitOffset(o *offsetsTest) {
	c := o.open(fluvio.ConsumerOptions{})
	bad := func(partition int32, offset int64, says string) {
		o.Helper()
		err := c.CommitOffset(o.ctx, o.topic, partition, offset)
		require.Equal(o, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.ErrorContains(o, err, says)
		require.ErrorContains(o, err, fmt.Sprintf("%s/%d", o.topic, partition))
	}
	bad(0, 0, "no record of the partition was handed out")
	o.read(c, 10, map[int32]int64{})
	bad(0, 10, "the last record handed out has offset 9")
	bad(0, -1, "offset -1 is negative")
	bad(1, 0, "does not read this partition")
	require.NoError(o, c.CommitOffset(o.ctx, o.topic, 0, 7))
	require.Equal(o, map[int32]int64{0: 7}, o.stored())
	require.NoError(o, c.CommitOffset(o.ctx, o.topic, 0, 4), "backwards, because it was asked for")
	require.Equal(o, map[int32]int64{0: 4}, o.stored())
	require.NoError(o, c.Commit(o.ctx))
	require.Equal(o, map[int32]int64{0: 9}, o.stored())
	require.NoError(o, c.Close(o.ctx))
}

func testStartWithStoredOffset(o *offsetsTest) {
	c := o.open(fluvio.ConsumerOptions{})
	o.read(c, 10, map[int32]int64{})
	require.NoError(o, c.Commit(o.ctx))
	require.NoError(o, c.Close(o.ctx))
	for _, row := range []struct {
		start fluvio.StartPosition
		want  int64
	}{
		{fluvio.Beginning(), 10}, {fluvio.BeginningPlus(3), 13}, {fluvio.End(), 10}, {fluvio.EndMinus(4), 6}, {fluvio.EndMinus(100), 0},
		{fluvio.AtOffset(2), 2}, {fluvio.AtOffset(15), 15},
	} {
		require.Equal(o, row.want, o.first(row.start), "start %s", row.start)
	}

	// A name without a strategy sets the start and stores nothing.
	c, err := o.client.Consumer(o.ctx, fluvio.ConsumerOptions{Topics: []string{o.topic}, ConsumerID: o.id})
	require.NoError(o, err)
	last := map[int32]int64{0: 9}
	o.read(c, 3, last)
	err = c.Commit(o.ctx)
	require.Equal(o, fluvioerr.InvalidState, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(o, err, "offset_strategy")
	require.Equal(o, fluvioerr.InvalidState, fluvioerr.CodeOf(c.CommitOffset(o.ctx, o.topic, 0, 1)))
	require.NoError(o, c.Close(o.ctx))

	require.NoError(o, o.client.Admin().DeleteConsumerOffset(o.ctx, o.id, o.topic, 0))
	require.Empty(o, o.stored())
	require.NoError(o, o.client.Admin().DeleteConsumerOffset(o.ctx, o.id, o.topic, 0), "there being nothing is success")
	require.EqualValues(o, 0, o.first(fluvio.Beginning()))
}

func testAutoCommit(o *offsetsTest) {
	c := o.open(fluvio.ConsumerOptions{OffsetStrategy: "auto", OffsetFlush: 10 * time.Millisecond})
	next, stop := make(chan struct{}), make(chan struct{})
	seen := make(chan int64)
	go func() {
		defer close(seen)
		for r, err := range c.Records(o.ctx) {
			if err != nil {
				return
			}
			seen <- r.Offset
			select {
			case <-next:
			case <-stop:
				return
			}
		}
	}()
	require.EqualValues(o, 0, <-seen)
	for want := range int64(5) { // the record that the loop works on is never stored
		next <- struct{}{}
		require.Equal(o, want+1, <-seen)
		require.Eventually(o, func() bool { return len(o.stored()) == 1 && o.stored()[0] == want }, 30*time.Second, 5*time.Millisecond)
	}
	close(stop)
	<-seen
	require.NoError(o, c.Close(o.ctx))
	require.Equal(o, map[int32]int64{0: 4}, o.stored(), "the record that the loop was left with counts as not processed")

	// Close stores what the period has not yet.
	c = o.open(fluvio.ConsumerOptions{OffsetStrategy: "auto"})
	last := map[int32]int64{0: 4}
	o.read(c, 3, last)
	o.read(c, 1, last)
	require.NoError(o, c.Close(o.ctx))
	require.Equal(o, map[int32]int64{0: 7}, o.stored())
	require.NoError(o, c.Close(o.ctx), "closing again does nothing")

	// A chosen offset stays until there is progress.
	last[0] = 7
	c = o.open(fluvio.ConsumerOptions{OffsetStrategy: "auto"})
	o.read(c, 3, last)
	o.read(c, 1, last)
	require.NoError(o, c.CommitOffset(o.ctx, o.topic, 0, 2))
	require.NoError(o, c.Close(o.ctx))
	require.Equal(o, map[int32]int64{0: 2}, o.stored())
}

// testCommitWhileReading commits from one goroutine what another one reads: what is stored never gets ahead of it.
func testCommitWhileReading(o *offsetsTest) {
	c := o.open(fluvio.ConsumerOptions{StopAt: fluvio.StopAtEnd()})
	var given [3]atomic.Int64
	for p := range given {
		given[p].Store(-1)
	}
	done := make(chan error, 1)
	go func() {
		for r, err := range c.Records(o.ctx) {
			if err != nil {
				done <- err
				return
			}
			given[r.Partition].Store(r.Offset)
		}
		done <- nil
	}()
	for ended := false; !ended; {
		select {
		case err := <-done:
			require.NoError(o, err)
			ended = true
		default:
		}
		require.NoError(o, c.Commit(o.ctx))
		for p, offset := range o.stored() {
			require.LessOrEqual(o, offset, given[p].Load()+1, "the loop's body may not have noted the record yet")
		}
	}
	require.Equal(o, map[int32]int64{0: 299, 1: 299, 2: 299}, o.stored())
	require.NoError(o, c.Close(o.ctx))
}

// testCommitAfterLostConnections commits through streams that were opened anew and have no frame, as nothing is left to read.
func testCommitAfterLostConnections(o *offsetsTest) {
	var mu sync.Mutex
	var open []net.Conn
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		mu.Lock()
		defer mu.Unlock()
		open = append(open, conn)
		return conn, err
	}
	client, err := fluvio.Connect(o.ctx, fluvio.ClientOptions{Endpoint: o.client.Endpoint(), DialContext: dial})
	require.NoError(o, err)
	own := *o
	own.client = client
	c := own.open(fluvio.ConsumerOptions{})
	last := own.readAllOf(c, 20)
	for range 2 {
		mu.Lock()
		for _, conn := range open {
			if conn != nil {
				_ = conn.Close()
			}
		}
		open = nil
		mu.Unlock()
		require.NoError(o, c.Commit(o.ctx))
		require.Equal(o, last, o.stored())
		require.NoError(o, c.CommitOffset(o.ctx, o.topic, 1, 7))
		require.EqualValues(o, 7, o.stored()[1])
	}
	require.NoError(o, client.Close(o.ctx))
}

func TestOffsetSettings(t *testing.T) {
	o, err := fluvio.ParseConsumerOptions([]byte(`{"topics": "a", "consumer_id": "me", "offset_strategy": "auto", "offset_flush_ms": 250}`))
	require.NoError(t, err)
	require.NoError(t, o.Validate())
	require.Equal(t, "me", o.ConsumerID)
	require.Equal(t, "auto", o.OffsetStrategy)
	require.Equal(t, 250*time.Millisecond, o.OffsetFlush)
	_, err = fluvio.ParseConsumerOptions([]byte(`{"offset_strategy": "always", "offset_flush_ms": 0}`))
	require.ErrorContains(t, err, "offset_strategy: \"always\" is not one of none, manual, auto")
	require.ErrorContains(t, err, "offset_flush_ms: 0 is not between 1 and")
	for _, strategy := range []string{"manual", "auto"} {
		err = fluvio.ConsumerOptions{Topics: []string{"a"}, OffsetStrategy: strategy}.Validate()
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.Equal(t, "consumer_id", fluvioerr.As(err).Setting)
		require.ErrorContains(t, err, "consumer_id: is needed with offset_strategy "+strategy)
	}
	require.NoError(t, fluvio.ConsumerOptions{Topics: []string{"a"}, ConsumerID: "me", OffsetStrategy: "none"}.Validate())
	require.ErrorContains(t, fluvio.ConsumerOptions{Topics: []string{"a"}, ConsumerID: "\xff"}.Validate(), "consumer_id: is not UTF-8")

	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	for _, bad := range []struct {
		id, topic string
		partition int32
	}{{"", "a", 0}, {"me", "", 0}, {"me", "a", -1}, {string(make([]byte, 40_000)), "a", 0}} {
		err := client.Admin().DeleteConsumerOffset(testContext(t), bad.id, bad.topic, bad.partition)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	}
}
