package produce

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Producer writes records to one topic. Its methods are safe for concurrent use.
type Producer struct {
	cfg      Config
	cluster  *cluster.Cluster
	observer *obs.Observer
	failures obs.Throttle            // of the log
	failure  atomic.Pointer[failure] // the latest
	budget   *semaphore.Weighted
	under    atomic.Int64 // batches without a report
	buffers  sync.Pool    // *byte, the first of BatchSize
	blocked  atomic.Int32 // callers of Send that wait for the budget: nothing lingers meanwhile

	view  atomic.Pointer[Partitions]   // for the partitioner
	parts atomic.Pointer[[]*partition] // by number; only grows
	grows sync.Mutex                   // held by who lets it grow

	sticky  *Sticky // the partitioner, if it is this one
	spreads bool    // the partitioner is one for which one partition leaves no choice
	encoded atomic.Pointer[encodedModules]

	senders  map[int32]*sender // the router's own
	reroutes chan struct{}     // capacity 1

	ctx     context.Context // ends when nothing more is to be sent
	stop    context.CancelFunc
	closing context.Context // ends when no more records are taken
	refuse  context.CancelFunc
	refused atomic.Bool    // closing has ended; each record asks
	workers sync.WaitGroup // router and senders

	traffic  traffic
	latency  obs.Histogram // of batches, in µs
	losses   losses
	reports  reports
	reported chan struct{} // closed when the reporter has ended
	closed   sync.Once
	over     chan struct{} // closed when Close is done
	closeErr error         // set before that
	owner    uint64        // of connections of its own; 0: it shares them
}

// owners numbers producers with connections of their own, apart from consumers, which count from 1.
var owners = func() *atomic.Uint64 { n := new(atomic.Uint64); n.Store(1 << 62); return n }()

// Open starts a producer for a topic whose partitions are known.
func Open(topic *cluster.Topic, cl *cluster.Cluster, cfg Config) *Producer {
	p := &Producer{cfg: cfg, cluster: cl, observer: cl.Observer(), budget: semaphore.NewWeighted(cfg.BufferMemory), senders: map[int32]*sender{}, reroutes: make(chan struct{}, 1), reported: make(chan struct{}), over: make(chan struct{})}
	if cfg.Isolation < 0 || len(cfg.SmartModules) > 0 {
		// An SPU answers a connection's requests in their order: who waits for replicas or modules must not hold up others.
		p.owner = owners.Add(1)
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	closing, refuse := context.WithCancel(context.Background())
	p.closing, p.refuse = closing, func() { p.refused.Store(true); refuse() }
	switch own := cfg.Partitioner.(type) {
	case *Sticky:
		p.sticky, p.spreads = own, true
	case *RoundRobin, *Siphash:
		p.spreads = true
	}
	p.parts.Store(new([]*partition))
	p.reports.wake = make(chan struct{}, 1)
	p.route(topic)
	p.workers.Add(1)
	go p.router()
	go p.reporter()
	return p
}

// Config is the effective configuration.
func (p *Producer) Config() Config { return p.cfg }

// Send takes a record for the partition that the partitioner chooses. It copies key and value. When the memory budget is
// used up it waits until ctx ends, or fails at once, as configured.
func (p *Producer) Send(ctx context.Context, r *Record) (Receipt, error) {
	part, err := p.choose(r)
	if err != nil {
		return Receipt{}, err
	}
	return p.sendTo(ctx, part, r, p.sticky != nil && r.Key == nil)
}

// SendTo is Send into a partition the caller chose.
func (p *Producer) SendTo(ctx context.Context, partition int32, r *Record) (Receipt, error) {
	part, err := p.chosen(partition)
	if err != nil {
		return Receipt{}, err
	}
	return p.sendTo(ctx, part, r, false)
}

// Feed takes records, each as Send does, or as SendTo when its Partition is not negative, until next gives no more. refused is told
// of each that was not taken. Records in a row for one partition take its lock once, which is a good part of what a record costs:
// next must not wait for anything, and gives what has gathered, not what comes. The record is the same one every time.
func (p *Producer) Feed(ctx context.Context, next func(r *Record) bool, refused func(r *Record, err error)) {
	_, foreign := p.cfg.Partitioner.(Func) // which must not find anything locked
	var held *partition
	hold := func(part *partition) {
		if held == part {
			return
		}
		if held != nil {
			held.mu.Unlock()
		}
		if held = part; part != nil {
			part.mu.Lock()
		}
	}
	defer func() { hold(nil) }()
	for r := new(Record); next(r); {
		part, err, sticky := (*partition)(nil), error(nil), false
		switch {
		case r.Partition >= 0:
			if r.Partition >= p.view.Load().Count {
				hold(nil) // while there may be more to be made
			}
			part, err = p.chosen(r.Partition)
		case foreign:
			hold(nil)
			part, err = p.choose(r)
		default:
			part, err = p.choose(r)
			sticky = p.sticky != nil && r.Key == nil
		}
		if err == nil {
			err = p.check(part, r)
		}
		if err == nil {
			hold(part)
			_, how := part.addLocked(r, stamp(r), 0)
			if how == needsMemory || how == producerDead {
				hold(nil)
				_, err = p.sendNew(ctx, part, r, how, sticky)
			}
		}
		if err != nil {
			hold(nil)
			refused(r, err)
		}
	}
}

// choose lets the partitioner choose a partition for a record.
func (p *Producer) choose(r *Record) (*partition, error) {
	parts := *p.parts.Load()
	if len(parts) == 1 && p.spreads {
		return parts[0], nil
	}
	of := p.view.Load()
	id := p.cfg.Partitioner.Partition(r.Key, r.Value, of)
	parts = *p.parts.Load() // after the view, which never has more of them
	if id < 0 || id >= of.Count {
		return nil, p.noPartition("the partitioner chose partition %d, which does not exist: the topic has %d, 0 to %d", id, of.Count)
	}
	return parts[id], nil
}

// chosen is the partition that a caller chose.
func (p *Producer) chosen(partition int32) (*partition, error) {
	count := p.view.Load().Count
	if partition >= count { // the router may not have come to what is known of the topic
		if t := p.cluster.Snapshot().Topics[p.cfg.Topic]; t != nil && len(t.Partitions) > 0 {
			count = int32(len(t.Partitions))
			p.grow(len(t.Partitions))
		}
	}
	if partition < 0 || partition >= count {
		return nil, p.noPartition("partition %d does not exist: the topic has %d, 0 to %d", partition, count)
	}
	return (*p.parts.Load())[partition], nil
}

func (p *Producer) noPartition(format string, id, count int32) error {
	return fluvioerr.New(fluvioerr.InvalidArgument, "send", format, id, count, count-1).At(p.cfg.Topic, id)
}

// sendTo puts a record into a partition; a sticky one goes on to another partition when a new batch would begin.
func (p *Producer) sendTo(ctx context.Context, part *partition, r *Record, sticky bool) (Receipt, error) {
	if err := p.check(part, r); err != nil {
		return Receipt{}, err
	}
	rc, how := part.add(r, stamp(r), 0)
	if how == needsMemory || how == producerDead {
		return p.sendNew(ctx, part, r, how, sticky)
	}
	return rc, nil
}

// check says why a record cannot be taken, whatever room there is.
func (p *Producer) check(part *partition, r *Record) error {
	if n := wire.BatchHeaderSize + wire.RecordCountSize + overhead + len(r.Key) + len(r.Value); n > p.cfg.MaxRequestSize {
		if exact := wire.BatchHeaderSize + wire.RecordCountSize + wire.RecordSize(0, 0, r.Key != nil, r.Key, r.Value); exact > p.cfg.MaxRequestSize {
			return fluvioerr.New(fluvioerr.TooLarge, "send", "the record takes %d bytes in a batch, %s is %d", exact, p.cfg.LimitedBy, p.cfg.MaxRequestSize).
				At(p.cfg.Topic, part.id).ForSetting(p.cfg.LimitedBy)
		}
	}
	if r.Timestamp < 0 {
		return fluvioerr.New(fluvioerr.InvalidArgument, "send", "the timestamp %d is negative", r.Timestamp).At(p.cfg.Topic, part.id).
			WithHint("give milliseconds since 1970, or 0 for now")
	}
	if p.refused.Load() {
		return p.errClosed()
	}
	return nil
}

// sendNew goes on where add did not take a record.
func (p *Producer) sendNew(ctx context.Context, part *partition, r *Record, how added, sticky bool) (Receipt, error) {
	if how == producerDead {
		return Receipt{}, p.errClosed()
	}
	if sticky {
		part = (*p.parts.Load())[p.sticky.next(part.id, p.view.Load())]
	}
	return p.sendSlow(ctx, part, r)
}

// stamp is the timestamp of a record. The clock is asked only where it must be: on virtual machines it can cost as much as all
// the rest of a send.
func stamp(r *Record) int64 {
	if r.Timestamp != 0 {
		return r.Timestamp
	}
	return time.Now().UnixMilli()
}

// sendSlow opens a new batch, for which memory has to be reserved first.
func (p *Producer) sendSlow(ctx context.Context, part *partition, r *Record) (Receipt, error) {
	need := int64(part.bufferFor(r))
	if need > p.cfg.BufferMemory {
		return Receipt{}, fluvioerr.New(fluvioerr.TooLarge, "send", "the record needs %d bytes, buffer_memory is %d", need, p.cfg.BufferMemory).
			At(p.cfg.Topic, part.id).ForSetting("buffer_memory")
	}
	need = min(need+batchCost, p.cfg.BufferMemory)
	if !p.budget.TryAcquire(need) {
		if err := p.waitForMemory(ctx, need, r); err != nil {
			return Receipt{}, err
		}
	}
	if p.observer.WantsProduce() {
		r.ctx = context.WithoutCancel(ctx)
	}
	rc, how := part.add(r, stamp(r), need)
	if how != addedToNew {
		p.budget.Release(need)
	}
	if how == producerDead {
		return Receipt{}, p.errClosed()
	}
	return rc, nil
}

// waitForMemory blocks until bytes are free. A full budget is itself a reason to flush, now and until the wait is over.
func (p *Producer) waitForMemory(ctx context.Context, need int64, r *Record) error {
	since := time.Now()
	full := func() *fluvioerr.Error {
		return fluvioerr.New(fluvioerr.QueueFull, "send", "buffer_memory (%d bytes) is used up by records on their way", p.cfg.BufferMemory).
			At(p.cfg.Topic, -1).ForSetting("buffer_memory")
	}
	p.blocked.Add(1)
	defer p.blocked.Add(-1)
	p.Hurry()
	if !p.cfg.BlockWhenFull {
		return full()
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !r.Queued.IsZero() { // it counts as sent already
		ctx, cancel = context.WithDeadline(ctx, r.Queued.Add(p.cfg.DeliveryTimeout))
		defer cancel()
	}
	defer context.AfterFunc(p.closing, cancel)()
	if err := p.budget.Acquire(ctx, need); err != nil {
		if p.closing.Err() != nil {
			return p.errClosed()
		}
		if !r.Queued.IsZero() && outer.Err() == nil {
			e := fluvioerr.NewTimeout("produce", "delivery (delivery_timeout_ms)", time.Since(r.Queued)).At(p.cfg.Topic, -1).ForSetting("delivery_timeout_ms")
			e.Message += ": " + full().Message
			return e
		}
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			e := full()
			e.Waited = time.Since(since)
			e.Message += " and did not drain within " + e.Waited.Round(time.Millisecond).String()
			return e
		}
		return fluvioerr.FromContext(ctx, "send", "room in buffer_memory", time.Since(since)).At(p.cfg.Topic, -1)
	}
	return nil
}

func (p *Producer) errClosed() *fluvioerr.Error {
	return fluvioerr.New(fluvioerr.Closed, "send", "the producer was closed").At(p.cfg.Topic, -1)
}

// Busy says whether any record has no report yet.
func (p *Producer) Busy() bool { return p.under.Load() > 0 }

// Hurry sends every open batch without waiting for its linger.
func (p *Producer) Hurry() {
	for _, part := range *p.parts.Load() {
		part.flushNow()
	}
}

// Flush waits until every record taken before the call has its report, or ctx ends. Without OnDelivery it returns the first
// failure that no Flush has told of before the call, with the number of records that failed. before, unless it is nil, is
// called first: it makes sure that the producer has taken all records, whose failures by then count too.
func (p *Producer) Flush(ctx context.Context, before func() error) error {
	told := p.losses.begin()
	var err error
	if before != nil {
		err = before()
	}
	if err == nil {
		err = p.drain(ctx)
	}
	return p.losses.end(told, "flush", err)
}

// Lost counts records as failed that were refused, and of which nobody is told otherwise.
func (p *Producer) Lost(records int, err error) { p.losses.add(records, err) }

// drain waits until every record taken before the call has its report.
func (p *Producer) drain(ctx context.Context) error {
	start := time.Now()
	var all []*batch
	for _, part := range *p.parts.Load() {
		all = part.flush(all)
	}
	// After the partitions: what they no longer have is here, or was reported.
	all = append(all, p.reports.snapshot()...)
	for _, b := range all {
		select {
		case <-b.done:
		case <-ctx.Done():
			return fluvioerr.FromContext(ctx, "flush", "the records on their way to be acknowledged", time.Since(start)).At(p.cfg.Topic, -1)
		}
	}
	return nil
}

// closeGrace is how much longer than its context Close may take, for the reports of what it had to fail.
const closeGrace = time.Second

// Close takes no more records, waits until ctx ends for those on their way, fails what is left, and returns when every
// record has its report and no goroutine is left. Only the first call does anything; later ones wait for it, until their ctx
// ends. Timeout: OnDelivery did not return in time; the rest of the reports follows when it does.
func (p *Producer) Close(ctx context.Context) error {
	start := time.Now()
	p.closed.Do(func() {
		go func() {
			defer close(p.over)
			p.shutDown(ctx)
		}()
	})
	select {
	case <-p.over:
		return p.closeErr
	case <-ctx.Done():
	}
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-p.over:
		return p.closeErr
	case <-grace.C:
		return fluvioerr.FromContext(ctx, "close producer", "the reports to be taken, or an earlier close", time.Since(start)).At(p.cfg.Topic, -1)
	}
}

// IsOver says whether nothing of the producer runs any more.
func (p *Producer) IsOver() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// shutDown carries Close out.
func (p *Producer) shutDown(ctx context.Context) {
	p.refuse()
	p.closeErr = p.Flush(ctx, nil)
	if e := fluvioerr.As(p.closeErr); e != nil {
		e.Op = "close producer"
	}
	p.stop()
	p.workers.Wait() // nobody seals or sends any more
	for _, part := range *p.parts.Load() {
		flying, waiting := part.bury()
		for _, b := range flying {
			// What is in flight may still be answered, and is not waited for: it may be stored.
			err := p.errClosed()
			err.Sent = true
			p.fail(b, -1, err)
		}
		for _, b := range waiting { // also of calls to Send that ran at the same time
			p.fail(b, -1, p.errClosed())
			b.recycle()
		}
		if len(waiting) > 0 && p.closeErr == nil {
			p.closeErr = p.errClosed()
		}
	}
	if p.owner != 0 {
		p.cluster.CloseOwner(p.owner)
	}
	p.tellRest(true)
	p.reports.close()
	<-p.reported
}

// Wait blocks until the record's report, or ctx ends. It makes the batch leave at once, whatever linger says.
func (r Receipt) Wait(ctx context.Context) (partition int32, offset int64, err error) {
	if r.b == nil {
		return -1, -1, fluvioerr.New(fluvioerr.InvalidState, "send", "this receipt stands for no record: Send failed")
	}
	start := time.Now()
	r.b.part.mu.Lock()
	if r.b.part.open == r.b {
		r.b.part.closeOpen()
	}
	r.b.part.mu.Unlock()
	select {
	case <-r.b.done:
	default:
		select {
		case <-r.b.done:
		case <-ctx.Done():
			return r.b.part.id, -1, fluvioerr.FromContext(ctx, "send", "the acknowledgement", time.Since(start)).At(r.b.part.producer.cfg.Topic, r.b.part.id)
		}
	}
	if r.b.base < 0 {
		return r.b.part.id, -1, r.b.err
	}
	return r.b.part.id, r.b.base + int64(r.index), r.b.err
}

// Done is closed when the record has its report.
func (r Receipt) Done() <-chan struct{} {
	if r.b == nil {
		return closedChan
	}
	return r.b.done
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// mayRetry decides whether a failed batch is sent again.
func (p *Producer) mayRetry(b *batch, err error, now time.Time) bool {
	if p.ctx.Err() != nil || now.Sub(b.created) >= p.cfg.DeliveryTimeout {
		return false
	}
	if p.cfg.AtMostOnce && fluvioerr.MaybeWritten(err) {
		return false
	}
	return p.passing(err)
}

// passing says whether an error goes away by itself.
func (p *Producer) passing(err error) bool { return p.cluster.Passing(p.cfg.Topic, err) }

// retryDelay is the jittered exponential wait after n failures in a row, at most RetryMax.
func (p *Producer) retryDelay(n int) time.Duration {
	d := p.cfg.RetryFirst << min(n-1, 16)
	if d > p.cfg.RetryMax || d <= 0 {
		d = p.cfg.RetryMax
	}
	return min(time.Duration(float64(d)*(0.7+0.6*rand.Float64())), p.cfg.RetryMax)
}

// giveUp fails the batches of a partition whose delivery timeout has passed. Those in flight may be stored; their request
// goes on for the sake of the others in it, and because the partition sends nothing else before its answer.
func (p *Producer) giveUp(part *partition, cause error, now time.Time) {
	late := func(b *batch) bool { return now.Sub(b.created) >= p.cfg.DeliveryTimeout }
	timeout := func(b *batch) *fluvioerr.Error {
		return fluvioerr.NewTimeout("produce", "delivery (delivery_timeout_ms)", now.Sub(b.created)).At(p.cfg.Topic, part.id).ForSetting("delivery_timeout_ms")
	}
	var given []*batch
	part.overdue(late, func(b *batch) {
		e := timeout(b)
		e.Sent = true
		p.conclude(b, -1, e, MaybePersisted) // frees nothing yet: it is lent
		p.ended(b)
		given = append(given, b)
	})
	for _, b := range given {
		p.told(b, -1, b.err)
	}
	part.expire(late, func(b *batch) {
		e := timeout(b)
		if c := fluvioerr.As(cause); c != nil {
			e.Err = cause
			e.Message += ": " + c.Message
		}
		p.fail(b, -1, e)
	})
}
