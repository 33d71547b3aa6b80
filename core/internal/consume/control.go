package consume

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// What the application does to partitions while it reads.

// wanted gives the session of a partition that the application names.
func (c *Consumer) wanted(op, topic string, partition int32) (*session, error) {
	if s := c.session(topic, partition); s != nil {
		return s, nil
	}
	if c.lacks(topic, partition) {
		return nil, fluvioerr.New(fluvioerr.NotFound, op, "the topic was deleted, if there ever was one").At(topic, partition)
	}
	return nil, fluvioerr.New(fluvioerr.InvalidArgument, op, "the consumer does not read this partition").At(topic, partition)
}

// refuses is why nothing can be done about partitions, nil when something can. c.mu is held.
func (c *Consumer) refuses(op string) error {
	switch {
	case c.ended:
		return fluvioerr.New(fluvioerr.Closed, op, "the consumer was closed")
	case c.drained:
		return fluvioerr.New(fluvioerr.InvalidState, op, "the consumer is being drained")
	}
	return nil
}

// OffsetFor asks the partition's leader which offset a position stands for now. It ends with ctx and by the request timeout.
func (c *Consumer) OffsetFor(ctx context.Context, topic string, partition int32, p Position) (int64, error) {
	s, err := c.wanted("find offset", topic, partition)
	if err != nil || p.From == FromAbsolute {
		return p.N, err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	backoff := transport.NewBackoff(c.cfg.RetryFirst, c.cfg.RetryMax)
	for {
		changed := c.cluster.Changed()
		l, err := s.ask(ctx)
		if err == nil {
			var offset int64
			if offset, err = s.find(ctx, l, p); err == nil {
				return offset, nil
			}
		}
		switch {
		case c.ctx.Err() != nil:
			return 0, fluvioerr.New(fluvioerr.Closed, "find offset", "the consumer was closed").At(topic, partition)
		case !s.passing(err):
			return 0, s.at(err)
		case !backoff.Wait(ctx, changed):
			e := fluvioerr.FromContext(ctx, "find offset", "the offsets of the partition", time.Since(start)).At(topic, partition)
			e.Message += ": " + fluvioerr.As(s.at(err)).Message
			return 0, e
		}
	}
}

// Seek makes a partition go on at an offset, whatever was received of it, also when it had ended. Nothing of it counts as
// handed out any more. Batches taken before are Stale.
func (c *Consumer) Seek(topic string, partition int32, offset int64) error {
	s, err := c.wanted("seek", topic, partition)
	if err != nil {
		return err
	}
	if offset < 0 {
		return fluvioerr.New(fluvioerr.InvalidArgument, "seek", "offset %d is negative", offset).At(topic, partition)
	}
	return s.goTo("seek", func() int64 { return offset }, true)
}

// goTo makes the session go on where at says. anew: nothing is handed out yet there.
func (s *session) goTo(op string, at func() int64, anew bool) error {
	c := s.consumer
	c.mu.Lock()
	if err := c.refuses(op); err != nil {
		c.mu.Unlock()
		return err
	}
	s.mu.Lock()
	s.gen++
	st := s.stream
	s.stream = nil
	s.next = at()
	if anew {
		s.refused, s.made = nil, 0
		s.marks.begin(s.gen, s.next)
	} else {
		s.marks.renew(s.gen)
	}
	credit := c.inbox.reset(s, anew)
	c.start(s)
	s.mu.Unlock()
	c.mu.Unlock()
	if st != nil {
		st.end(errSought)
	}
	s.signal(s.granted)
	for _, other := range credit {
		other.giveCredit()
	}
	return nil
}

// signal wakes run if it waits for that.
func (s *session) signal(what chan struct{}) {
	select {
	case what <- struct{}{}:
	default:
	}
}

// Pause gives nothing of a partition any more until Resume; the others go on. What was received of it is kept if that is no
// more than a frame; else, or when some of it was taken and not handed out, reading goes on later behind what was handed out,
// and what was taken is Stale. next, unless it is negative, is where the application goes on: it gives back what it got from
// there on.
func (c *Consumer) Pause(topic string, partition int32, next int64) error {
	s, err := c.wanted("pause", topic, partition)
	if err != nil {
		return err
	}
	s.mu.Lock()
	few := int64(s.maxBytes)
	s.mu.Unlock()
	if next >= 0 {
		s.marks.giveBack(next)
		few = -1
	}
	kept, credit := c.inbox.pause(s, few)
	for _, other := range credit {
		other.giveCredit()
	}
	if kept {
		return nil
	}
	return s.goTo("pause", s.marks.where, false)
}

// Resume undoes Pause.
func (c *Consumer) Resume(topic string, partition int32) error {
	s, err := c.wanted("resume", topic, partition)
	if err != nil {
		return err
	}
	s.resume()
	return nil
}

func (s *session) resume() {
	if s.consumer.inbox.resume(s) {
		s.giveCredit()
	}
	s.signal(s.resumed)
}

// Drain ends the streams. What was received is still to be taken; then comes End. Paused partitions are resumed for that.
func (c *Consumer) Drain() error {
	c.mu.Lock()
	err := c.refuses("drain")
	if c.drained {
		err = nil
	}
	if err != nil || c.drained {
		c.mu.Unlock()
		return err
	}
	c.drained = true
	all := c.all
	c.mu.Unlock()
	c.inbox.drain(c.waits())
	for _, s := range all {
		s.resume()
		s.mu.Lock()
		st := s.stream
		s.stream = nil
		c.inbox.put(s, &frame{session: s, done: true, gen: s.gen}, false)
		stop := s.stop
		s.mu.Unlock()
		if st != nil {
			st.end(errReachedEnd)
		}
		stop()
	}
	return nil
}

// PartitionPosition is how far reading has come in a partition.
type PartitionPosition struct {
	Topic         string
	Partition     int32
	Position      int64 // of the next record that the application gets; with SmartModules, where reading would go on
	HighWatermark int64 // behind the last committed record
	LogEndOffset  int64 // behind the last record
	Lag           int64 // records that the application can still get, or that SmartModules may leave out
	Committed     int64 // the offset stored last, -1 unknown or none
	Skipped       int64 // offsets passed over because they were not stored any more or not readable
	Paused        bool
}

// Positions tells how far reading has come in every partition, without asking the servers: watermarks are those that came
// with the last records, or from the SC, which is at most a second late.
func (c *Consumer) Positions() []PartitionPosition {
	all := c.every()
	list := make([]PartitionPosition, 0, len(all))
	for _, s := range all {
		p := PartitionPosition{Topic: s.topic, Partition: s.partition, Paused: c.inbox.isPaused(s)}
		known := c.cluster.Partition(s.topic, s.partition)
		s.mu.Lock()
		s.measure(known)
		p.HighWatermark, p.LogEndOffset, p.Skipped = s.hw, s.leo, s.skipped
		s.mu.Unlock()
		if known != nil {
			hw, leo := known.Offsets()
			p.HighWatermark, p.LogEndOffset = max(p.HighWatermark, hw), max(p.LogEndOffset, leo)
		}
		p.LogEndOffset = max(p.LogEndOffset, p.HighWatermark)
		p.Position = s.marks.where()
		p.Committed = s.marks.read().stored
		end := p.LogEndOffset
		if c.cfg.Isolation == wire.FetchReadCommitted {
			end = p.HighWatermark
		}
		p.Lag = max(end-p.Position, 0)
		list = append(list, p)
	}
	return list
}

// ResetOffset stores, for a named consumer that need not run, the offset with which it goes on at a position. cfg says who and
// how; its topics do not count. It ends with ctx. stored is -1 when the position is the very first record: then nothing must be
// stored, and the caller deletes what is.
func ResetOffset(ctx context.Context, cl *cluster.Cluster, cfg Config, topic string, partition int32, to Position) (stored int64, err error) {
	cfg.Strategy = StrategyManual
	c := &Consumer{cfg: cfg, cluster: cl, observer: cl.Observer(), inbox: newInbox(0), id: lastID.Add(1), storing: make(chan struct{}, parallelCommits)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	defer cl.CloseOwner(c.id)
	defer c.cancel()
	s := c.newSession(topic, partition)
	next, err := c.OffsetFor(ctx, topic, partition, to)
	if err != nil || next <= 0 {
		return noOffset, err
	}
	return next - 1, s.store(ctx, next-1)
}
