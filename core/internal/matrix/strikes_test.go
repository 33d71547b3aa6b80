package matrix

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// The faults of the table that take more than a line: what they are about is checked here, beside what every row is held to.

// elsewhere stops an SPU; it comes back on another port.
func elsewhere(r *run) (lift func()) {
	require.NoError(r, r.dev.StopSPU(5001))
	r.noticed()
	return func() { require.NoError(r, r.dev.StartSPUElsewhere(5001)) }
}

// ownTopic makes a topic of the fault's own.
func (r *run) ownTopic(kind string, partitions int) (name string) {
	name = fmt.Sprintf("%s-%x", kind, r.rng.Uint64())
	require.NoError(r, r.dev.CreateTopic(name, partitions))
	return name
}

// insist makes a call again that meets what an earlier fault of the soak has left, such as a connection that is dead.
func (r *run) insist(call func() error) {
	err := call()
	for err != nil && r.ctx.Err() == nil {
		require.Contains(r, []fluvioerr.Code{fluvioerr.Timeout, fluvioerr.Connection}, fluvioerr.CodeOf(err), "%v", err)
		err = call()
	}
	require.NoError(r, err)
}

// startWithoutSC has two clients started while the SC is away: one that says so, and one that waits for it.
func startWithoutSC(r *run) (lift func()) {
	name := r.ownTopic("early", 1)
	require.NoError(r, r.dev.StopSC())
	o := fluvio.ClientOptions{
		Endpoint: r.dev.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 20 * time.Millisecond, BreakerReset: 30 * time.Millisecond, MaxRetries: new(int),
	}
	*o.MaxRetries = 2
	_, err := fluvio.Connect(r.ctx, o)
	require.Equal(r, fluvioerr.Connection, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(r, err, r.dev.Endpoint())
	require.Equal(r, "2", fluvioerr.As(err).Detail["retries"])

	o.ValidateOnConnect = new(bool)
	client, err := fluvio.Connect(r.ctx, o)
	require.NoError(r, err)
	opened := make(chan error, 1)
	var producer *fluvio.Producer
	go func() {
		var err error
		producer, err = client.Producer(r.ctx, name, fluvio.ProducerOptions{})
		opened <- err
	}()
	return func() {
		select {
		case err := <-opened:
			require.FailNow(r, "there is nobody who knows the topic", "%v", err)
		default:
		}
		require.NoError(r, r.dev.StartSC())
		require.NoError(r, <-opened)
		rc, err := producer.Send(r.ctx, fluvio.Record{Value: []byte("early")})
		require.NoError(r, err)
		_, offset, err := rc.Wait(r.ctx)
		require.NoError(r, err)
		require.Zero(r, offset)
		require.NoError(r, client.Close(r.ctx))
		require.NoError(r, r.dev.DeleteTopic(name))
	}
}

// addPartitions makes the topic larger while it is written and read: producer and consumer take the new partitions in.
func addPartitions(r *run) (lift func()) {
	require.NoError(r, r.dev.AddPartitions(topic, 2))
	r.parts += 2
	for {
		if _, err := r.client.PartitionLeader(topic, r.parts-1); err == nil {
			break
		}
		require.NoError(r, r.ctx.Err())
		time.Sleep(time.Millisecond) // nothing tells of news about metadata
	}
	return func() {}
}

// deleteTopic deletes a topic that a producer and a consumer use. Both are told so, once for everything, and nobody else is.
func deleteTopic(r *run) (lift func()) {
	const partitions = 2
	name := r.ownTopic("doomed", partitions)
	var reported atomic.Int64
	var producer *fluvio.Producer
	var consumer *fluvio.Consumer
	r.insist(func() (err error) {
		producer, err = r.client.Producer(r.ctx, name, fluvio.ProducerOptions{OnDelivery: func(d *fluvio.Delivery) { reported.Add(int64(d.Count)) }})
		return err
	})
	r.insist(func() (err error) {
		consumer, err = r.client.Consumer(r.ctx, fluvio.ConsumerOptions{Topics: []string{name}, Start: fluvio.Beginning()})
		return err
	})
	handed := int64(0)
	send := func() (err error) {
		rc, err := producer.SendTo(r.ctx, int32(handed%partitions), fluvio.Record{Value: []byte("doomed")})
		if err == nil {
			handed++
			_, _, err = rc.Wait(r.ctx)
		}
		return err
	}
	gone := func(err error) *fluvioerr.Error {
		require.Equal(r, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		e := fluvioerr.As(err)
		require.Equal(r, name, e.Topic)
		return e
	}
	for range 10 {
		require.NoError(r, send())
	}
	for got := 0; got < 10; {
		b, err := consumer.Next(r.ctx)
		require.NoError(r, err)
		got += b.Len()
		b.Release()
	}
	require.NoError(r, r.dev.DeleteTopic(name))
	var err error
	for err == nil {
		err = send()
	}
	gone(err)
	told := map[int32]bool{}
	for len(told) < partitions {
		b, err := consumer.Next(r.ctx)
		if err == nil { // of what was sent before the deletion was known
			b.Release()
			continue
		}
		e := gone(err)
		require.False(r, told[e.Partition], "partition %d is said to be gone twice", e.Partition)
		told[e.Partition] = true
	}
	ctx, cancel := context.WithTimeout(r.ctx, patience/2)
	defer cancel()
	_ = producer.Close(ctx) // which may tell of the records that failed
	require.NoError(r, ctx.Err())
	require.Equal(r, handed, reported.Load(), "every record has one report")
	require.NoError(r, consumer.Close(ctx))
	return func() {}
}
