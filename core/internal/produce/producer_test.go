package produce

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestKeysAndNoKeys(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("keys", devcluster.TopicOptions{Partitions: 3})
	p := w.producer("keys", nil)
	send(t, p, &Record{Key: []byte{}, Value: []byte("empty key")})
	send(t, p, &Record{Value: []byte("no key 0")})
	send(t, p, &Record{Value: []byte("no key 1")})
	send(t, p, &Record{Value: []byte("no key 2")})
	send(t, p, &Record{Key: []byte("a"), Value: nil})
	require.NoError(t, p.Flush(testContext(t), nil))
	got := map[int32][]string{}
	for _, r := range w.read("keys") {
		got[r.partition] = append(got[r.partition], fmt.Sprintf("%q=%q", r.key, r.value))
		if r.value == "empty key" {
			require.NotNil(t, r.key)
		} else if strings.HasPrefix(r.value, "no key") {
			require.Nil(t, r.key)
		}
	}
	require.Equal(t, map[int32][]string{
		0: {`""="no key 0"`}, 1: {`""="no key 1"`, `"a"=""`}, 2: {`""="empty key"`, `""="no key 2"`},
	}, got)
}

func TestRoundRobinLeavesOutWhatIsOffline(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("online", devcluster.TopicOptions{Partitions: 4})
	p := w.producer("online", nil)
	online := func(n int) {
		require.Eventually(t, func() bool { return len(p.view.Load().Available) == n }, patience, time.Millisecond)
	}
	online(4)
	require.NoError(t, w.dev.StopSPU(5002))
	online(2)
	for i := range 20 {
		send(t, p, record(i))
	}
	require.NoError(t, p.Flush(testContext(t), nil), "nothing went to a partition that is offline")
}

// A flush waits for what was sent before it, and neither for what others send meanwhile nor for their linger.
func TestFlushIsABarrier(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("barrier", devcluster.TopicOptions{Partitions: 2})
	p := w.producer("barrier", func(c *Config) { c.Linger = 10 * time.Minute })
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 3 {
		others.Add(1)
		go func() {
			defer others.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := p.Send(context.Background(), record(i)); err != nil {
					t.Error(err)
					return
				}
				if i%64 == 0 {
					time.Sleep(time.Millisecond) // leaves the machine something to do the work with
				}
			}
		}()
	}
	for round := range 30 {
		var mine []Receipt
		for i := range 10 {
			mine = append(mine, send(t, p, record(i)))
		}
		require.NoError(t, p.Flush(testContext(t), nil), "round %d", round)
		for _, r := range mine {
			select {
			case <-r.Done():
			default:
				require.Fail(t, "a record sent before the flush has no report after it")
			}
		}
	}
	close(stop)
	others.Wait()
	require.NoError(t, p.Close(testContext(t)))
}

func TestFlushOfNothing(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("nothing", devcluster.TopicOptions{})
	p := w.producer("nothing", nil)
	require.NoError(t, p.Flush(context.Background(), nil))
}

func TestWaitDoesNotLinger(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("wait", devcluster.TopicOptions{})
	p := w.producer("wait", func(c *Config) { c.Linger = 10 * time.Minute })
	for i := range int64(3) {
		send(t, p, record(int(i)))
		offset, err := wait(t, send(t, p, record(int(i))))
		require.NoError(t, err)
		require.Equal(t, 2*i+1, offset)
	}
	r := send(t, p, record(0))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err := r.Wait(ctx)
	if err != nil {
		require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "%v", err)
	}
	_, _, err = Receipt{}.Wait(context.Background())
	require.Equal(t, fluvioerr.InvalidState, fluvioerr.CodeOf(err))
	<-Receipt{}.Done()
}

func TestTooLargeAndBadPartition(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("large", devcluster.TopicOptions{})
	p := w.producer("large", func(c *Config) { c.MaxRequestSize = 20_000; c.BufferMemory = 30_000 })
	_, err := p.Send(testContext(t), &Record{Value: make([]byte, 20_000)})
	require.Equal(t, fluvioerr.TooLarge, fluvioerr.CodeOf(err))
	require.Equal(t, "max_request_size", fluvioerr.As(err).Setting)
	for _, id := range []int32{-1, 1} {
		_, err = p.SendTo(testContext(t), id, record(0))
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.ErrorContains(t, err, "the topic has 1, 0 to 0")
	}
	offset, err := wait(t, send(t, p, &Record{Value: make([]byte, 19_900)}))
	require.NoError(t, err)
	require.Zero(t, offset, "a refused record leaves no trace")
}

// buffer_memory is used up by an SPU that is away.
func TestBufferMemory(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("memory", devcluster.TopicOptions{})
	small := func(c *Config) { c.BufferMemory, c.BatchSize, c.MaxRequestSize = 64<<10, 4<<10, 16<<10 }
	blocking := w.producer("memory", small)
	failing := w.producer("memory", func(c *Config) { small(c); c.BlockWhenFull = false })
	require.NoError(t, w.dev.StopSPU(5001))
	fill := func(p *Producer, ctx context.Context) (n int, err error) {
		for ; err == nil; n++ {
			_, err = p.Send(ctx, &Record{Value: make([]byte, 1000)})
		}
		return n - 1, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	blocked, err := fill(blocking, ctx)
	require.Equal(t, fluvioerr.QueueFull, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "buffer_memory (65536 bytes) is used up")
	require.ErrorContains(t, err, "did not drain within")
	require.Equal(t, "buffer_memory", fluvioerr.As(err).Setting)
	require.Equal(t, 42, blocked, "14 batches of 3 records: a batch counts a little more than its buffer")

	failed, err := fill(failing, context.Background())
	require.Equal(t, fluvioerr.QueueFull, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, 42, failed)

	cancelled, stop := context.WithCancel(context.Background())
	stop()
	_, err = blocking.Send(cancelled, &Record{Value: make([]byte, 1000)})
	require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "%v", err)

	got := make(chan error, 1)
	go func() {
		_, err := blocking.Send(testContext(t), &Record{Value: make([]byte, 1000)})
		got <- err
	}()
	require.NoError(t, w.dev.StartSPU(5001))
	require.NoError(t, <-got, "room came")
	require.NoError(t, blocking.Flush(testContext(t), nil))
	require.NoError(t, failing.Flush(testContext(t), nil))
	_, err = failing.Send(context.Background(), record(0))
	require.NoError(t, err)
	require.NoError(t, failing.Close(testContext(t)))
	require.NoError(t, blocking.Close(testContext(t)))
	require.Len(t, w.read("memory"), blocked+failed+2)
	for _, p := range []*Producer{blocking, failing} {
		require.True(t, p.budget.TryAcquire(p.cfg.BufferMemory), "every byte was given back")
	}
}

// Who has flushed may count on all of the memory, at once.
func TestMemoryIsFreeAfterFlush(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("free", devcluster.TopicOptions{})
	for _, reports := range []func(*Delivery){nil, func(*Delivery) {}} {
		p := w.producer("free", func(c *Config) {
			c.BufferMemory, c.BatchSize, c.MaxRequestSize, c.BlockWhenFull, c.OnDelivery = 64<<10, 4<<10, 64<<10, false, reports
		})
		for range 500 {
			for range 14 { // as many as fit, each in a batch of its own
				_, err := p.Send(context.Background(), &Record{Value: make([]byte, 1000)})
				require.NoError(t, err)
			}
			require.NoError(t, p.Flush(testContext(t), nil))
			require.True(t, p.budget.TryAcquire(p.cfg.BufferMemory))
			p.budget.Release(p.cfg.BufferMemory)
		}
		require.NoError(t, p.Close(testContext(t)))
	}
}

// Who is blocked for memory does not wait for the linger of what uses it.
func TestFullMemoryDoesNotLinger(t *testing.T) {
	for _, block := range []bool{true, false} {
		t.Run(fmt.Sprintf("block %v", block), func(t *testing.T) {
			w := newWorld(t, devcluster.Options{})
			w.topic("pressure", devcluster.TopicOptions{Partitions: 8})
			p := w.producer("pressure", func(c *Config) {
				c.BufferMemory, c.BatchSize, c.MaxRequestSize, c.Linger, c.BlockWhenFull = 64<<10, 16<<10, 16<<10, 10*time.Minute, block
			})
			ctx := testContext(t)
			var all sync.WaitGroup
			var sent atomic.Int64
			for range 4 {
				all.Add(1)
				go func() {
					defer all.Done()
					for i := 0; i < 300; {
						_, err := p.Send(ctx, &Record{Value: make([]byte, 1000)})
						if err == nil {
							i++
							sent.Add(1)
						} else if block || fluvioerr.CodeOf(err) != fluvioerr.QueueFull || ctx.Err() != nil {
							t.Error(err)
							return
						}
					}
				}()
			}
			all.Wait()
			require.NoError(t, p.Flush(ctx, nil))
			require.EqualValues(t, 1200, sent.Load())
			require.Len(t, w.read("pressure"), 1200)
		})
	}
}

func TestCloseWakesABlockedSend(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("blocked", devcluster.TopicOptions{})
	p := w.producer("blocked", func(c *Config) { c.BufferMemory, c.BatchSize, c.MaxRequestSize = 64<<10, 64<<10, 64<<10 })
	require.NoError(t, w.dev.StopSPU(5001))
	send(t, p, &Record{Value: make([]byte, 1000)})
	part := (*p.parts.Load())[0]
	part.flushNow()
	got := make(chan error, 1)
	go func() {
		_, err := p.Send(context.Background(), &Record{Value: make([]byte, 1000)})
		got <- err
	}()
	require.Eventually(t, func() bool { return p.blocked.Load() == 1 }, patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err := p.Close(ctx)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(<-got))
	require.Equal(t, err, p.Close(context.Background()), "closing again says the same")
}

func TestReports(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("reports", devcluster.TopicOptions{Partitions: 4})
	l := newLedger()
	var last sync.Map // partition to offset
	p := w.producer("reports", func(c *Config) {
		c.BatchSize = 512
		c.OnDelivery = func(d *Delivery) {
			before, _ := last.Swap(d.Partition, d.BaseOffset)
			if before != nil && before.(int64) >= d.BaseOffset {
				t.Errorf("partition %d: the report of %d came after that of %d", d.Partition, d.BaseOffset, before)
			}
			if d.Topic != "reports" || d.Count != len(d.Opaques) || d.Latency <= 0 {
				t.Errorf("%+v", d)
			}
			l.take(d)
		}
	})
	const n = 5000
	for i := range n {
		send(t, p, record(i))
	}
	require.NoError(t, p.Flush(testContext(t), nil))
	require.Equal(t, n, l.len(), "a flush returns after the reports were given")
	got := l.all(t, n)
	for _, r := range w.read("reports") {
		var i uint64
		_, err := fmt.Sscanf(r.value, "value %d", &i)
		require.NoError(t, err)
		require.Equal(t, outcome{r.partition, r.offset, nil, Persisted}, got[i])
	}
	require.NoError(t, p.Close(testContext(t)))
	_, err := p.Send(testContext(t), record(n))
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err))
}

func TestFlushWaitsForTheReportItself(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("slow", devcluster.TopicOptions{})
	inside, proceed := make(chan struct{}, 16), make(chan struct{})
	p := w.producer("slow", func(c *Config) {
		c.OnDelivery = func(*Delivery) {
			inside <- struct{}{}
			<-proceed
		}
	})
	r := send(t, p, record(0))
	<-inside
	part := (*p.parts.Load())[0]
	require.Eventually(t, func() bool {
		part.mu.Lock()
		defer part.mu.Unlock()
		return len(part.flying) == 0
	}, patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(p.Flush(ctx, nil)), "the report runs")
	select {
	case <-r.Done():
		require.Fail(t, "done before the report has been given")
	default:
	}
	close(proceed)
	require.NoError(t, p.Flush(testContext(t), nil))
}

// Every SPU answer that does not come leaves the records' fate open, and Close says so once and for all.
func TestCloseDoesNotWaitForASilentSPU(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("silent", devcluster.TopicOptions{})
	hold := w.rule(devcluster.Rule{API: "Produce", On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Hour}})
	l := newLedger()
	p := w.producer("silent", func(c *Config) { c.OnDelivery = l.take })
	send(t, p, record(0))
	require.NoError(t, hold.Wait(testContext(t), 1))
	send(t, p, record(1))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(p.Close(ctx)))
	require.Equal(t, 2, l.len(), "every record has its report when Close returns")
	got := l.all(t, 2)
	require.Equal(t, MaybePersisted, got[0].persisted, "it is stored, in fact")
	require.Equal(t, NotPersisted, got[1].persisted)
	for _, o := range got {
		require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(o.err))
	}
	require.NoError(t, w.dev.StopSPU(5001)) // the request under way fails now: nobody is told again
	require.NoError(t, w.dev.StartSPU(5001))
	hold.Remove()
	require.Equal(t, []string{"value 0"}, values(w.read("silent")))
	l.all(t, 2)
}

func TestManyProducersManyPartitions(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 3})
	w.topic("many", devcluster.TopicOptions{Partitions: 40})
	l := newLedger()
	p := w.producer("many", func(c *Config) { c.BatchSize, c.MaxRequestSize, c.OnDelivery = 300, 2000, l.take })
	var all sync.WaitGroup
	const workers, each = 8, 1000
	for g := range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range each {
				if _, err := p.Send(context.Background(), record(g*each+i)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	require.NoError(t, p.Flush(testContext(t), nil))
	for _, o := range l.all(t, workers*each) {
		require.NoError(t, o.err)
	}
	require.Len(t, w.read("many"), workers*each)
	require.True(t, p.budget.TryAcquire(p.cfg.BufferMemory))
}

func TestReadCommitted(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2, CommitAll: true})
	w.topic("committed", devcluster.TopicOptions{Replication: 2})
	l := newLedger()
	p := w.producer("committed", func(c *Config) {
		c.Isolation, c.ServerTimeout, c.OnDelivery = wire.ProduceReadCommitted, 500*time.Millisecond, l.take
	})
	_, err := wait(t, send(t, p, record(0)))
	require.NoError(t, err)
	leader, err := w.dev.Leader("committed", 0)
	require.NoError(t, err)
	require.NoError(t, w.dev.StopSPU(5001+5002-leader)) // the follower
	offset, err := wait(t, send(t, p, record(1)))
	require.Equal(t, fluvioerr.ServerRequestTimedOut, fluvioerr.As(err).Server, "%v", err)
	require.EqualValues(t, 1, offset, "stored at the offset given")
	require.Equal(t, MaybePersisted, l.all(t, 2)[1].persisted)
	require.Equal(t, []string{"value 0"}, values(w.read("committed")), "the high watermark waits")
	require.NoError(t, w.dev.StartSPU(5001+5002-leader))
	require.Equal(t, []string{"value 0", "value 1"}, values(w.read("committed")))
}
