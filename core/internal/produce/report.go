package produce

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// reports is the queue of batches that have an outcome and wait for their report.
type reports struct {
	mu      sync.Mutex
	queue   []*batch // guarded by mu
	running []*batch // guarded by mu: being reported
	closed  bool     // guarded by mu
	wake    chan struct{}
}

func (r *reports) push(b *batch) {
	r.mu.Lock()
	r.queue = append(r.queue, b)
	r.mu.Unlock()
	r.poke()
}

func (r *reports) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// snapshot gives what waits, for Flush.
func (r *reports) snapshot() []*batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append([]*batch(nil), r.running...), r.queue...)
}

func (r *reports) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.poke()
}

// complete gives a batch its outcome, unless it has one.
func (p *Producer) complete(b *batch, base int64, err error, persisted Persistence) {
	b.part.mu.Lock()
	decides, free := p.decide(b, base, err, persisted)
	b.part.mu.Unlock()
	p.budget.Release(free)
	if decides {
		p.ended(b)
		p.told(b, base, err)
	}
}

// stored completes batches of one partition that were stored, the first of them at bases[0], and takes their buffers. Their memory
// is free together: who waits for memory would else be woken for the first of them, and wait again when it has used that up.
func (p *Producer) stored(batches []*batch, bases []int64) {
	if len(batches) == 0 {
		return
	}
	part, free := batches[0].part, int64(0)
	decided := make([]bool, len(batches))
	part.mu.Lock()
	for i, b := range batches {
		var cost int64
		decided[i], cost = p.decide(b, bases[i], nil, Persisted)
		free += cost
	}
	part.mu.Unlock()
	for _, b := range batches {
		b.recycle()
	}
	p.budget.Release(free)
	for i, b := range batches {
		if decided[i] {
			p.ended(b)
			p.told(b, bases[i], nil)
		}
	}
}

// ended wakes who waits for a batch that was decided and of which nobody takes reports. That is after its memory is free: who has
// flushed may count on all of it.
func (p *Producer) ended(b *batch) {
	if p.cfg.OnDelivery == nil {
		close(b.done)
	}
}

// decide gives a batch its outcome, unless it has one, and says how much of the budget is free with that. The partition's lock is
// held: Close, which skips batches that have an outcome, must not end the reporter before their reports are in its queue.
func (p *Producer) decide(b *batch, base int64, err error, persisted Persistence) (decides bool, free int64) {
	if b.decided {
		return false, 0
	}
	b.decided = true
	b.part.done[persisted].add(b)
	return true, p.conclude(b, base, err, persisted)
}

// losses are the failures nobody takes reports of. A flush tells those that no flush has told before it began, and those that
// come while it waits: flushes at the same time may tell the same.
type losses struct {
	mu      sync.Mutex
	untold  loss               // guarded by mu
	flushes map[*loss]struct{} // guarded by mu: what each flush under way has to tell
}

// loss is a number of failed records.
type loss struct {
	records int
	first   *fluvioerr.Error // why the first of them failed; nil: there are none
}

func (o *loss) add(records int, err error) {
	o.records += records
	if o.first == nil {
		o.first = fluvioerr.As(err)
	}
}

func (l *losses) add(records int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.untold.add(records, err)
	for of := range l.flushes {
		of.add(records, err)
	}
}

// begin is called when a flush begins; end follows.
func (l *losses) begin() *loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flushes == nil {
		l.flushes = map[*loss]struct{}{}
	}
	of := new(loss)
	*of = l.untold
	l.flushes[of] = struct{}{}
	return of
}

// end gives what a flush has to tell as one error, nil for none. The flush may have failed for a reason of its own; then it
// tells that, and the next one what was lost.
func (l *losses) end(of *loss, op string, own error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.flushes, of)
	if own != nil || of.first == nil {
		return own
	}
	l.untold = loss{} // all of it is in of
	e := *of.first
	e.Op, e.Err = op, of.first
	e.Message = fmt.Sprintf("%d records failed, the first because: %s", of.records, of.first.Message)
	e.Detail = maps.Clone(of.first.Detail)
	return e.WithDetail("failed_records", strconv.Itoa(of.records))
}

// conclude writes down the outcome of a batch that the caller has marked as decided, and says how much of the budget is free. With
// that given back, ended is to be called.
func (p *Producer) conclude(b *batch, base int64, err error, persisted Persistence) (free int64) {
	b.base, b.err, b.persisted = base, err, persisted
	b.latency = time.Since(b.created)
	p.latency.Record(b.latency.Microseconds())
	if p.cfg.OnDelivery == nil {
		if err != nil {
			p.losses.add(b.count, err)
		}
		return p.release(b)
	}
	p.reports.push(b)
	return 0
}

// fail is complete for failures: it works out whether the records may be stored.
func (p *Producer) fail(b *batch, base int64, err error) {
	e := fluvioerr.As(err)
	if e == nil {
		e = fluvioerr.Wrap(fluvioerr.Internal, "produce", err)
	}
	own := *e
	own.Topic, own.Partition = p.cfg.Topic, b.part.id
	if own.Op == "" {
		own.Op = "produce"
	}
	b.part.mu.Lock()
	sent := b.sent
	b.part.mu.Unlock()
	persisted := NotPersisted
	if sent || fluvioerr.MaybeWritten(err) {
		persisted = MaybePersisted
		own.Sent = true
	}
	if own.Server != fluvioerr.ServerRequestTimedOut {
		base = -1
	}
	p.complete(b, base, &own, persisted)
}

// release lets go of what a batch has. Its part of the budget is for the caller to release, 0 when its bytes are still on their
// way; then done is to be closed.
func (p *Producer) release(b *batch) (free int64) {
	b.opaques = nil // receipts may keep the batch
	p.under.Add(-1)
	if !b.lent {
		free = b.cost
	}
	return free
}

// reporter gives the reports, one after the other.
func (p *Producer) reporter() {
	defer close(p.reported)
	var d Delivery // valid during the callback only: one is enough
	for range p.reports.wake {
		for {
			p.reports.mu.Lock()
			queue, closed := p.reports.queue, p.reports.closed
			clear(p.reports.running)
			p.reports.queue, p.reports.running = p.reports.running[:0], queue
			p.reports.mu.Unlock()
			for _, b := range queue {
				d = Delivery{
					Topic: p.cfg.Topic, Partition: b.part.id, BaseOffset: b.base, Count: b.count, Opaques: b.opaques,
					Err: b.err, Persisted: b.persisted, Latency: b.latency,
				}
				p.cfg.OnDelivery(&d)
				p.budget.Release(p.release(b)) // now: the callback of the next may wait for memory
				close(b.done)
			}
			if len(queue) == 0 {
				if closed {
					return
				}
				break
			}
		}
	}
}
