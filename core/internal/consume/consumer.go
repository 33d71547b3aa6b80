package consume

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// Consumer reads partitions. Its methods are safe for concurrent use.
type Consumer struct {
	cfg     Config
	cluster *cluster.Cluster
	inbox   *inbox
	id      uint64 // the owner of its connections

	observer *obs.Observer
	counters counters

	ctx      context.Context
	cancel   context.CancelFunc
	sessions sync.WaitGroup

	mu      sync.Mutex
	known   map[string]int     // guarded by mu: how many partitions were looked at, of topics read whole
	all     []*session         // guarded by mu: every session, ended ones too, but for those of topics that a pattern took and that are gone
	named   map[place]*session // guarded by mu: the same
	gone    map[place]farewell // guarded by mu: partitions of patterns that were lost, and that the SC may still tell of
	drained bool               // guarded by mu: Drain was called
	ended   bool               // guarded by mu: Close was called
	close   sync.Once
	telling sync.Mutex   // held while OnEvent runs
	tells   atomic.Bool  // OnEvent runs
	asks    atomic.Int32 // calls of the store that run

	look       chan struct{} // capacity 1: findNew should look
	committing turns         // of those who store offsets
	storing    chan struct{} // capacity parallelCommits: attempts to store one under way
	closing    chan struct{} // closed when the application takes nothing any more
	flushed    chan struct{} // closed when flushes has ended, nil without it
	finish     sync.Once
	finishErr  error // why the last offsets could not be stored
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// farewell is what is noted of a partition that was lost.
type farewell struct {
	made uint64 // the one of that Made does not come back
	told bool   // the application was told: before that, another one must not begin
}

var lastID atomic.Uint64

// Open resolves where every partition starts, then starts reading. It returns when the positions are known, so that what is
// produced afterwards is seen by a consumer that starts at the end.
func Open(ctx context.Context, cl *cluster.Cluster, cfg Config) (*Consumer, error) {
	c := &Consumer{
		cfg: cfg, cluster: cl, observer: cl.Observer(), inbox: newInbox(cfg.PrefetchBytes), id: lastID.Add(1), known: map[string]int{}, gone: map[place]farewell{},
		look: make(chan struct{}, 1), closing: make(chan struct{}), storing: make(chan struct{}, parallelCommits),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	sessions, err := c.plan(ctx)
	if err == nil {
		err = c.loadStored(ctx)
	}
	if err == nil {
		err = c.resolveAll(ctx, sessions)
	}
	if err != nil {
		c.cancel()
		cl.CloseOwner(c.id)
		return nil, err
	}
	if c.waits() {
		c.inbox.add() // for the partitions to come
	}
	for _, s := range sessions {
		s.maxBytes = cfg.maxBytes(len(sessions))
		c.assign(s)
	}
	if c.grows() {
		c.sessions.Add(1)
		go c.findNew()
	}
	if cfg.Strategy == StrategyAuto {
		c.sessions.Add(1)
		c.flushed = make(chan struct{})
		go c.flushes()
	}
	return c, nil
}

// every is the sessions of the consumer, ended ones included.
func (c *Consumer) every() []*session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[:len(c.all):len(c.all)]
}

func (c *Consumer) session(topic string, partition int32) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.named[place{topic, partition}]
}

// resolveAll finds the start of every session, some at a time.
func (c *Consumer) resolveAll(ctx context.Context, sessions []*session) error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	errs := make(chan error, len(sessions))
	slots := make(chan struct{}, 16)
	for _, s := range sessions {
		go func() {
			select {
			case slots <- struct{}{}:
				errs <- s.resolveRetrying(ctx)
				<-slots
			case <-ctx.Done():
				errs <- fluvioerr.FromContext(ctx, "consume", "the offsets of the partition", time.Since(start)).At(s.topic, s.partition)
			}
		}()
	}
	var first error
	for range sessions {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// start runs a session, unless it runs. s.mu is held.
func (c *Consumer) start(s *session) {
	if s.running { // OnEvent has sought when it was told of the partition
		return
	}
	s.running = true
	c.sessions.Add(1)
	go s.run()
}

// assign tells of a new session, then runs it.
func (c *Consumer) assign(s *session) {
	c.emit(Event{Kind: PartitionAssigned, Topic: s.topic, Partition: s.partition, Offset: s.position()})
	s.mu.Lock()
	defer s.mu.Unlock()
	c.start(s)
}

// Next gives the next batch, waiting until ctx ends. Errors: End when every partition was read to stop_at; Closed; Timeout or
// Cancelled by ctx; else the error of one partition, given once, after which the others go on. When no partition is left
// because of errors, the last one is given again each time, marked as fatal.
func (c *Consumer) Next(ctx context.Context) (*Batch, error) { return c.inbox.take(ctx) }

// Finish wakes Next, which gives nothing any more, and stores what auto has still to store. It ends with ctx; the error says
// what is not stored. Close follows.
func (c *Consumer) Finish(ctx context.Context) error {
	c.finish.Do(func() {
		close(c.closing)
		c.inbox.close()
		c.finishErr = c.flushLast(ctx)
	})
	return c.finishErr
}

// Still says what a Close that takes long waits for.
func (c *Consumer) Still() string {
	switch {
	case c.tells.Load():
		return "OnEvent to return"
	case c.asks.Load() > 0:
		return "the offset store to return"
	}
	return "the streams to end"
}

// Close ends the streams and their connections and wakes Next and Commit. It returns when no goroutine is left; those that run
// OnEvent or the store are waited for. Neither is called any more.
func (c *Consumer) Close() {
	c.close.Do(func() {
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		c.cancel()
		c.inbox.close()
		c.cluster.CloseOwner(c.id)
		c.finish.Do(func() { close(c.closing) })
		c.sessions.Wait()
		last := c.committing.join(nil)[0]
		last.wait(context.Background()) // those who come later find the consumer closed
		last.leave()
		c.cluster.CloseOwner(c.id) // a dial that was under way
	})
}
