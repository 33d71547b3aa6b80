package produce

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Who waits for replicas that are away holds up nobody else of the same client on the same SPU.
func TestReadCommittedHoldsUpNobody(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("sick", devcluster.TopicOptions{Replication: 2})
	w.topic("healthy", devcluster.TopicOptions{Partitions: 2})
	leader, err := w.dev.Leader("sick", 0)
	require.NoError(t, err)
	part := int32(0)
	if l, err := w.dev.Leader("healthy", 0); err == nil && l != leader {
		part = 1
	}
	require.NoError(t, w.dev.StopSPU(5001+5002-leader))
	sick := w.producer("sick", func(c *Config) {
		c.Isolation, c.ServerTimeout = wire.ProduceReadCommitted, 10*time.Minute
	})
	led := newLedger()
	healthy := w.producer("healthy", func(c *Config) { c.OnDelivery = led.take })
	arrived := w.rule(devcluster.Rule{API: "Produce", Topic: "sick", Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	waiting := send(t, sick, record(0))
	require.NoError(t, arrived.Wait(testContext(t), 1))
	r, err := healthy.SendTo(testContext(t), part, record(1))
	require.NoError(t, err)
	_, err = wait(t, r)
	require.NoError(t, err)
	require.Zero(t, healthy.Stats().Retries)
	select {
	case <-waiting.Done():
		t.Fatal("the replica is away")
	default:
	}
	require.NoError(t, w.dev.StartSPU(5001+5002-leader))
	_, err = wait(t, waiting)
	require.NoError(t, err)
	require.Equal(t, []string{"value 0"}, values(w.read("sick")), "written once")
}

// Close returns by its deadline whatever the application's callback does, and so does a second Close.
func TestCloseWithAStuckCallback(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("stuck", devcluster.TopicOptions{})
	inside, release := make(chan struct{}), make(chan struct{})
	p := w.producer("stuck", func(c *Config) {
		c.OnDelivery = func(*Delivery) {
			close(inside)
			<-release
		}
	})
	send(t, p, record(0))
	<-inside
	short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	for range 2 {
		require.ErrorIs(t, p.Close(short), fluvioerr.Target(fluvioerr.Timeout))
	}
	close(release)
	// The outcome of the first call is what its own deadline made of it.
	require.ErrorIs(t, p.Close(testContext(t)), fluvioerr.Target(fluvioerr.Timeout))
}

// A record whose answer was lost once stays doubtful, whatever is answered afterwards.
func TestMaybeSticks(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("maybe", devcluster.TopicOptions{})
	led := newLedger()
	p := w.producer("maybe", func(c *Config) { c.DeliveryTimeout, c.OnDelivery = 2*time.Second, led.take })
	w.rule(devcluster.Rule{API: "Produce", Count: 1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionClose}})
	w.rule(devcluster.Rule{API: "Produce", Skip: 1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	_, err := wait(t, send(t, p, record(0)))
	require.Error(t, err)
	require.Equal(t, MaybePersisted, led.all(t, 1)[0].persisted)
	require.Equal(t, []string{"value 0"}, values(w.read("maybe")))
}

// What was queued in front of the producer has its delivery timeout counted from there.
func TestQueuedRecordsTimeOut(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("queued", devcluster.TopicOptions{})
	w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	p := w.producer("queued", func(c *Config) {
		c.BufferMemory, c.MaxRequestSize, c.BatchSize, c.DeliveryTimeout = 20<<10, 16<<10, 16<<10, time.Hour
	})
	send(t, p, &Record{Value: make([]byte, 15<<10)})
	late := &Record{Value: make([]byte, 15<<10), Queued: time.Now().Add(-time.Hour)}
	_, err := p.Send(testContext(t), late)
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.Timeout))
	require.ErrorContains(t, err, "delivery (delivery_timeout_ms)")
	require.ErrorContains(t, err, "buffer_memory (20480 bytes) is used up")
	_, err = p.Send(testContext(t), &Record{Timestamp: -77})
	require.ErrorContains(t, err, "the timestamp -77 is negative")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.Close(gone)
}

// An SPU that is away, or refuses, is asked at the pace of the backoff, however much there is to send.
func TestNoRequestStorm(t *testing.T) {
	var dials atomic.Int64
	var away atomic.Value // the address of the SPU under test
	away.Store("")
	w := newWorldOver(t, devcluster.Options{}, func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == away.Load() {
			dials.Add(1)
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	})
	w.topic("storm", devcluster.TopicOptions{Partitions: 3})
	p := w.producer("storm", func(c *Config) {
		c.DeliveryTimeout, c.RetryFirst, c.RetryMax = time.Second, 20*time.Millisecond, 50*time.Millisecond
	})
	// Waits of 20, 40, 50, 50 ... ms, of which jitter takes three tenths at most: no more than this many in the time it takes.
	fill := func() (most int) {
		start := time.Now()
		for i := range 300 {
			_, err := p.SendTo(testContext(t), int32(i%3), record(i))
			require.NoError(t, err)
		}
		require.Error(t, p.Flush(testContext(t), nil))
		return 2 + int(time.Since(start)/(35*time.Millisecond))
	}
	refusals := w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	most := fill()
	require.LessOrEqual(t, refusals.Hits(), 3*(most+1), "each partition for itself")
	require.Greater(t, refusals.Hits(), 3*2)
	refusals.Remove()

	away.Store(w.dev.SPUEndpoints()[0])
	require.NoError(t, w.dev.StopSPU(5001))
	most = fill()
	require.LessOrEqual(t, dials.Load(), int64(most+1))
	require.Greater(t, dials.Load(), int64(2))
	require.NoError(t, w.dev.StartSPU(5001))
	_, err := wait(t, send(t, p, record(0)))
	require.NoError(t, err)
}
