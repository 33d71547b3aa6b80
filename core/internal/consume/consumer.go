package consume

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
)

// Consumer reads partitions. Its methods are safe for concurrent use.
type Consumer struct {
	cfg     Config
	cluster *cluster.Cluster
	inbox   *inbox
	id      uint64 // the owner of its connections

	ctx      context.Context
	cancel   context.CancelFunc
	sessions sync.WaitGroup

	mu    sync.Mutex
	known map[string]int     // guarded by mu: partitions that have a session, of topics read whole
	all   []*session         // guarded by mu: every session there ever was
	named map[place]*session // guarded by mu: the same
	close sync.Once

	committing chan struct{} // capacity 1: held by who stores offsets
	closing    chan struct{} // closed when the application takes nothing any more
	finish     sync.Once
	finishErr  error // why the last offsets could not be stored
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

var lastID atomic.Uint64

// Open resolves where every partition starts, then starts reading. It returns when the positions are known, so that what is
// produced afterwards is seen by a consumer that starts at the end.
func Open(ctx context.Context, cl *cluster.Cluster, cfg Config) (*Consumer, error) {
	c := &Consumer{
		cfg: cfg, cluster: cl, inbox: newInbox(cfg.PrefetchBytes), id: lastID.Add(1), known: map[string]int{},
		committing: make(chan struct{}, 1), closing: make(chan struct{}),
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
	for _, s := range sessions {
		c.start(s)
	}
	if len(c.known) > 0 && cfg.StopAt.Kind != StopEnd {
		c.sessions.Add(1)
		go c.findNew()
	}
	if cfg.Strategy == StrategyAuto {
		c.sessions.Add(1)
		go c.flushes()
	}
	return c, nil
}

// plan makes a session for every wanted partition.
func (c *Consumer) plan(ctx context.Context) (sessions []*session, err error) {
	for _, want := range c.cfg.Topics {
		t, err := c.cluster.Topic(ctx, want.Name)
		if err != nil {
			return nil, err
		}
		if want.Partitions == nil {
			c.known[want.Name] = len(t.Partitions)
			for i := range t.Partitions {
				sessions = append(sessions, c.newSession(want.Name, int32(i)))
			}
			continue
		}
		for _, id := range want.Partitions {
			if id < 0 || int(id) >= len(t.Partitions) {
				return nil, fluvioerr.New(fluvioerr.InvalidArgument, "consume", "partition %d does not exist: the topic has %d, 0 to %d", id, len(t.Partitions), len(t.Partitions)-1).
					At(want.Name, id).ForSetting("partitions")
			}
			sessions = append(sessions, c.newSession(want.Name, id))
		}
	}
	return sessions, nil
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

// newSession makes a session. c.mu is held, or nobody else knows the consumer yet.
func (c *Consumer) newSession(topic string, partition int32) *session {
	s := &session{consumer: c, topic: topic, partition: partition, maxBytes: c.cfg.MaxBytes, upto: math.MaxInt64, stop: func() {}, granted: make(chan struct{}, 1)}
	s.marks.init()
	c.all = append(c.all, s)
	if c.named == nil {
		c.named = map[place]*session{}
	}
	c.named[place{topic, partition}] = s
	return s
}

// start runs a session.
func (c *Consumer) start(s *session) {
	ctx, stop := context.WithCancel(c.ctx)
	s.stop = stop
	c.inbox.add()
	c.sessions.Add(1)
	go func() {
		defer c.sessions.Done()
		defer stop()
		s.run(ctx)
	}()
}

// findNew starts sessions for partitions that are added while the consumer runs, from their beginning: everything in them
// is newer than the consumer.
func (c *Consumer) findNew() {
	defer c.sessions.Done()
	for {
		changed := c.cluster.Changed()
		snap := c.cluster.Snapshot()
		c.mu.Lock()
		for name, n := range c.known {
			t := snap.Topics[name]
			if t == nil || len(t.Partitions) <= n || !t.Complete() {
				continue
			}
			for i := n; i < len(t.Partitions); i++ {
				s := c.newSession(name, int32(i))
				if c.cfg.StopAt.Kind == StopOffset {
					s.upto = c.cfg.StopAt.Offset
				}
				c.start(s)
			}
			c.known[name] = len(t.Partitions)
		}
		c.mu.Unlock()
		select {
		case <-c.ctx.Done():
			return
		case <-changed:
		}
	}
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

// Close ends the streams and their connections and wakes Next and Commit. It returns when no goroutine is left.
func (c *Consumer) Close() {
	c.close.Do(func() {
		c.cancel()
		c.finish.Do(func() { close(c.closing) })
		c.inbox.close()
		c.cluster.CloseOwner(c.id)
		c.sessions.Wait()
		c.committing <- struct{}{} // for good: the last commit has ended
		c.cluster.CloseOwner(c.id) // a dial that was under way
	})
}
