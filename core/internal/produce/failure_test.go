package produce

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/history"
)

// lost is an answer that never comes because the connection breaks after the records were stored.
var lost = devcluster.Rule{API: "Produce", Count: 1, Action: devcluster.Action{Kind: devcluster.ActionClose}}

func TestAtMostOnceNeverDuplicates(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("amo", devcluster.TopicOptions{})
	requests := w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	w.rule(lost)
	l := newLedger()
	p := w.producer("amo", func(c *Config) { c.AtMostOnce, c.OnDelivery = true, l.take })
	_, err := wait(t, send(t, p, record(0)))
	require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(err), "%v", err)
	require.True(t, fluvioerr.MaybeWritten(err))
	offset, err := wait(t, send(t, p, record(1)))
	require.NoError(t, err, "the next record is not concerned")
	require.EqualValues(t, 1, offset)
	require.Equal(t, MaybePersisted, l.all(t, 2)[0].persisted)
	require.Equal(t, []string{"value 0", "value 1"}, values(w.read("amo")))
	require.Equal(t, 2, requests.Hits())
}

func TestAtMostOnceRetriesWhatNeverLeft(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("refused", devcluster.TopicOptions{})
	w.rule(devcluster.Rule{API: "Produce", Count: 2, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	p := w.producer("refused", func(c *Config) { c.AtMostOnce = true })
	offset, err := wait(t, send(t, p, record(0)))
	require.NoError(t, err, "NotLeader says that nothing was written")
	require.Zero(t, offset)
}

func TestAtLeastOnceRetriesALostAnswer(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("alo", devcluster.TopicOptions{})
	w.rule(lost)
	l := newLedger()
	p := w.producer("alo", func(c *Config) { c.OnDelivery = l.take })
	offset, err := wait(t, send(t, p, record(0)))
	require.NoError(t, err)
	require.EqualValues(t, 1, offset, "the offset of the copy that was acknowledged")
	require.Equal(t, Persisted, l.all(t, 1)[0].persisted)
	require.Equal(t, []string{"value 0", "value 0"}, values(w.read("alo")))
}

func TestAnswerForNobody(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("nobody", devcluster.TopicOptions{})
	w.rule(devcluster.Rule{API: "Produce", Count: 1, Action: devcluster.Action{Kind: devcluster.ActionWrongCorrelation}})
	p := w.producer("nobody", nil) // which need not wait for a timeout
	_, err := wait(t, send(t, p, record(0)))
	require.NoError(t, err)
	require.Equal(t, []string{"value 0", "value 0"}, values(w.read("nobody")))
}

func TestRequestTimedOutIsNotRetried(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("timedout", devcluster.TopicOptions{})
	w.rule(devcluster.Rule{API: "Produce", Count: 1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerRequestTimedOut}})
	requests := w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	l := newLedger()
	p := w.producer("timedout", func(c *Config) { c.OnDelivery = l.take })
	send(t, p, record(0))
	r := send(t, p, record(1))
	require.NoError(t, p.Flush(testContext(t), nil))
	send(t, p, record(2))
	require.NoError(t, p.Flush(testContext(t), nil))
	got := l.all(t, 3)
	stored := values(w.read("timedout"))
	require.Equal(t, []string{"value 0", "value 1", "value 2"}, stored, "nothing twice")
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(got[0].err), "%v", got[0].err)
	require.Equal(t, MaybePersisted, got[0].persisted)
	require.Zero(t, got[0].offset, "the offset stands")
	_, _ = wait(t, r)
	require.NoError(t, got[2].err)
	require.LessOrEqual(t, requests.Hits(), 3)
}

// Errors that pass are retried, in order, and nothing is stored twice when the server says that nothing was written.
func TestPassingErrorsAreRetriedInOrder(t *testing.T) {
	for name, code := range map[string]fluvioerr.ServerCode{"not leader": fluvioerr.ServerNotLeader, "storage": fluvioerr.ServerStorageError, "full": fluvioerr.ServerPartitionFull} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{})
			w.topic("passing", devcluster.TopicOptions{Partitions: 2})
			fault := w.rule(devcluster.Rule{API: "Produce", Skip: 1, Count: 4, Action: devcluster.Action{Kind: devcluster.ActionError, Code: code}})
			l := newLedger()
			p := w.producer("passing", func(c *Config) { c.BatchSize, c.OnDelivery = 256, l.take })
			const n = 500
			for i := range n {
				rc, err := p.SendTo(testContext(t), int32(i%2), record(i))
				require.NoError(t, err)
				if i%100 == 0 {
					_, err := wait(t, rc)
					require.NoError(t, err)
				}
			}
			require.NoError(t, p.Flush(testContext(t), nil))
			require.Equal(t, 4, fault.Hits())
			for i, o := range l.all(t, n) {
				require.NoError(t, o.err)
				require.EqualValues(t, i/2, o.offset)
			}
			require.Len(t, w.read("passing"), n)
		})
	}
}

func TestFinalErrorsAreNotRetried(t *testing.T) {
	for name, code := range map[string]fluvioerr.ServerCode{"compression": fluvioerr.ServerCompression, "too large": fluvioerr.ServerMessageTooLarge, "permission": fluvioerr.ServerPermissionDenied} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{})
			w.topic("final", devcluster.TopicOptions{})
			fault := w.rule(devcluster.Rule{API: "Produce", Count: 20, Action: devcluster.Action{Kind: devcluster.ActionError, Code: code}})
			l := newLedger()
			p := w.producer("final", func(c *Config) { c.OnDelivery = l.take; c.RetryFirst, c.RetryMax = time.Hour, time.Hour })
			for i := range 20 { // one after the other: no failure makes the next record wait
				_, err := wait(t, send(t, p, record(i)))
				require.Equal(t, code, fluvioerr.As(err).Server, "%v", err)
				require.Equal(t, "final", fluvioerr.As(err).Topic)
			}
			require.Equal(t, 20, fault.Hits())
			_, err := wait(t, send(t, p, record(20)))
			require.NoError(t, err)
			for i, o := range l.all(t, 21) {
				if i < 20 {
					require.Equal(t, NotPersisted, o.persisted)
				}
			}
			require.Equal(t, []string{"value 20"}, values(w.read("final")))
		})
	}
}

func TestTopicDemandsAnotherCompression(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("zstd", devcluster.TopicOptions{Compression: "zstd"})
	p := w.producer("zstd", nil)
	_, err := wait(t, send(t, p, record(0)))
	require.Equal(t, fluvioerr.ServerCompression, fluvioerr.As(err).Server, "%v", err)
}

func TestDeliveryTimeoutWhileTheSPUIsAway(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("away", devcluster.TopicOptions{Partitions: 2})
	l := newLedger()
	p := w.producer("away", func(c *Config) { c.DeliveryTimeout, c.OnDelivery = 2*time.Second, l.take })
	down, err := w.dev.Leader("away", 0)
	require.NoError(t, err)
	require.NoError(t, w.dev.StopSPU(down))
	first, err := p.SendTo(testContext(t), 0, record(0))
	require.NoError(t, err)
	other, err := p.SendTo(testContext(t), 1, record(1))
	require.NoError(t, err)
	_, err = wait(t, other)
	require.NoError(t, err, "the other SPU's partitions do not wait")
	_, err = wait(t, first)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "delivery_timeout_ms", fluvioerr.As(err).Setting)
	require.GreaterOrEqual(t, fluvioerr.As(err).Waited, p.cfg.DeliveryTimeout)
	require.Equal(t, NotPersisted, l.all(t, 2)[0].persisted)
	require.NoError(t, w.dev.StartSPU(down))
	again, err := p.SendTo(testContext(t), 0, record(2))
	require.NoError(t, err)
	offset, err := wait(t, again)
	require.NoError(t, err)
	require.Zero(t, offset, "what was given up is not sent later")
}

// The delivery timeout holds for what is in flight, too; the request timeout is far away.
func TestDeliveryTimeoutInFlight(t *testing.T) {
	for _, reports := range []bool{true, false} {
		t.Run(fmt.Sprintf("reports %v", reports), func(t *testing.T) {
			w := newWorld(t, devcluster.Options{})
			w.topic("flight", devcluster.TopicOptions{})
			drop := w.rule(devcluster.Rule{API: "Produce", Count: 1, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
			l := newLedger()
			p := w.producer("flight", func(c *Config) {
				c.DeliveryTimeout = time.Second
				if reports {
					c.OnDelivery = l.take
				}
			})
			allFree := func() bool {
				free := p.budget.TryAcquire(p.cfg.BufferMemory)
				if free {
					p.budget.Release(p.cfg.BufferMemory)
				}
				return free
			}
			_, err := wait(t, send(t, p, record(0)))
			require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
			require.Equal(t, "delivery_timeout_ms", fluvioerr.As(err).Setting)
			require.True(t, fluvioerr.MaybeWritten(err))
			if reports {
				require.Equal(t, MaybePersisted, l.all(t, 1)[0].persisted)
			} else {
				require.ErrorContains(t, p.Flush(testContext(t), nil), "1 records failed", "a flush does not wait for it, and tells of it")
			}
			require.Equal(t, 1, drop.Hits())
			require.False(t, allFree(), "the request still has the bytes")
			// The request fails at last. Its record was given up, so it is not sent again.
			require.NoError(t, w.dev.StopSPU(5001))
			require.NoError(t, w.dev.StartSPU(5001))
			require.Eventually(t, func() bool {
				offset, err := wait(t, send(t, p, &Record{Value: []byte("next")}))
				return err == nil && offset >= 1
			}, patience, time.Millisecond)
			require.True(t, allFree())
			stored := values(w.read("flight"))
			require.Equal(t, 1, strings.Count(strings.Join(stored, "\n"), "value 0"))
		})
	}
}

func TestTopicDeletedWhileSending(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("gone", devcluster.TopicOptions{Partitions: 4})
	l := newLedger()
	p := w.producer("gone", func(c *Config) { c.OnDelivery = l.take })
	sent := 0
	_, err := wait(t, send(t, p, record(sent)))
	require.NoError(t, err)
	require.NoError(t, w.dev.DeleteTopic("gone"))
	for {
		sent++
		_, err := wait(t, send(t, p, record(sent)))
		if err != nil {
			require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
			require.Equal(t, "gone", fluvioerr.As(err).Topic)
			break
		}
	}
	require.NoError(t, p.Close(testContext(t)))
	l.all(t, sent+1)
}

// A partition that the client knows of takes records, also when the producer has not been told of it yet.
func TestSendToANewPartitionAtOnce(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("grows", devcluster.TopicOptions{})
	p := w.producer("grows", nil)
	for last := range int32(100) {
		require.NoError(t, w.dev.AddPartitions("grows", 1))
		for {
			if _, err := w.cluster.Leader("grows", last+1); err == nil {
				break
			}
			runtime.Gosched()
		}
		r, err := p.SendTo(testContext(t), last+1, record(1))
		require.NoError(t, err)
		_, err = wait(t, r)
		require.NoError(t, err)
	}
	_, err := p.SendTo(testContext(t), 101, record(1))
	require.ErrorContains(t, err, "the topic has 101, 0 to 100")
}

func TestSCAway(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("nosc", devcluster.TopicOptions{})
	p := w.producer("nosc", nil)
	require.NoError(t, w.dev.StopSC())
	require.Eventually(t, func() bool { return w.cluster.WatchError() != nil }, patience, time.Millisecond)
	for i := range 10 {
		_, err := wait(t, send(t, p, record(i)))
		require.NoError(t, err, "the data path needs no SC")
	}
	require.NoError(t, w.dev.StartSC())
}

// hand sends a record of a writer, noted in a history.
func hand(t *testing.T, h *history.History, p *Producer, writer int, partition int32, value string) (number uint64, r Receipt) {
	number = h.Hand(writer, partition, nil, []byte(value))
	rec := &Record{Value: []byte(value), Opaque: number}
	var err error
	if partition < 0 {
		r, err = p.Send(context.Background(), rec)
	} else {
		r, err = p.SendTo(context.Background(), partition, rec)
	}
	if err != nil {
		t.Errorf("%s: %v", value, err)
		h.Refuse(number)
	}
	return number, r
}

// work sends until stop closes, and once more afterwards.
func work(t *testing.T, h *history.History, p *Producer, goroutines int, stop <-chan struct{}) {
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i, last := 0, false; !last && !t.Failed(); i++ {
				select {
				case <-stop:
					last = true
				default:
				}
				if _, r := hand(t, h, p, g, -1, fmt.Sprintf("%d/%d", g, i)); i%20 == 0 {
					_, _, _ = r.Wait(context.Background())
				}
			}
		})
	}
	all.Wait()
}

// underFaults sends with four goroutines while disturb does what it does.
func underFaults(t *testing.T, w *world, change func(*Config), duplicates bool, disturb func(round func())) {
	h := &history.History{}
	p := w.producer("faults", func(c *Config) {
		if c.OnDelivery = report(h); change != nil {
			change(c)
		}
	})
	stop, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		work(t, h, p, 4, stop)
	}()
	// A round is over when the producer gets something through to every partition.
	probes := 0
	round := func() {
		for id := range int32(len(*p.parts.Load())) {
			for {
				probes++
				_, r := hand(t, h, p, -1, id, fmt.Sprintf("probe %d", probes))
				if _, err := wait(t, r); err == nil {
					break
				}
			}
		}
	}
	round()
	disturb(round)
	close(stop)
	<-finished
	require.NoError(t, p.Close(testContext(t)))
	h.End()
	w.note(h, "faults")
	require.NoError(t, h.Check(history.Terms{Failures: p.cfg.AtMostOnce, Duplicates: duplicates}))
}

func TestSPURestartsWhileSending(t *testing.T) {
	for _, atMostOnce := range []bool{false, true} {
		t.Run(fmt.Sprintf("at most once %v", atMostOnce), func(t *testing.T) {
			w := newWorld(t, devcluster.Options{SPUs: 2})
			w.topic("faults", devcluster.TopicOptions{Partitions: 4})
			underFaults(t, w, func(c *Config) { c.AtMostOnce, c.BatchSize = atMostOnce, 512 }, !atMostOnce, func(round func()) {
				for i := range int32(6) {
					require.NoError(t, w.dev.StopSPU(5001+i%2))
					require.NoError(t, w.dev.StartSPU(5001+i%2))
					round()
				}
			})
		})
	}
}

func TestLeaderMovesWhileSending(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 3})
	w.topic("faults", devcluster.TopicOptions{Partitions: 3})
	// The old leader says so, and nothing was written: there is no reason for a second copy.
	underFaults(t, w, func(c *Config) { c.BatchSize = 512 }, false, func(round func()) {
		for i := range int32(12) {
			require.NoError(t, w.dev.MoveLeader("faults", i%3, 5001+(i+1)%3))
			if i%2 == 0 {
				round()
			}
		}
		round()
	})
}

func TestConnectionsBreakWhileSending(t *testing.T) {
	for _, atMostOnce := range []bool{false, true} {
		t.Run(fmt.Sprintf("at most once %v", atMostOnce), func(t *testing.T) {
			w := newWorld(t, devcluster.Options{SPUs: 2})
			w.topic("faults", devcluster.TopicOptions{Partitions: 4})
			underFaults(t, w, func(c *Config) { c.AtMostOnce, c.BatchSize = atMostOnce, 512 }, !atMostOnce, func(round func()) {
				for i := range 10 {
					on := []devcluster.Phase{devcluster.OnRequest, devcluster.OnAnswer}[i%2]
					fault := w.rule(devcluster.Rule{API: "Produce", Count: 2, On: on, Action: devcluster.Action{Kind: devcluster.ActionClose}})
					require.NoError(t, fault.Wait(testContext(t), 2))
					fault.Remove()
					round()
				}
			})
		})
	}
}

func TestSCRestartsWhileSending(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("faults", devcluster.TopicOptions{Partitions: 2})
	underFaults(t, w, nil, false, func(round func()) {
		for range 3 {
			require.NoError(t, w.dev.StopSC())
			round()
			require.NoError(t, w.dev.StartSC())
			require.Eventually(t, func() bool { return w.cluster.WatchError() == nil }, patience, time.Millisecond)
			round()
		}
	})
}
