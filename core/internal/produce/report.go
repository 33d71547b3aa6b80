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

// complete gives a batch its outcome, unless it has one. All of it happens under the partition's lock: Close, which skips
// batches that have an outcome, must not end the reporter before their reports are in its queue.
func (p *Producer) complete(b *batch, base int64, err error, persisted Persistence) {
	b.part.mu.Lock()
	defer b.part.mu.Unlock()
	if !b.decided {
		b.decided = true
		b.part.done[persisted].add(b)
		p.conclude(b, base, err, persisted)
	}
}

// losses are the failures nobody takes reports of.
type losses struct {
	mu      sync.Mutex
	records int              // guarded by mu
	first   *fluvioerr.Error // guarded by mu
}

func (l *losses) add(records int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records += records
	if l.first == nil {
		l.first = fluvioerr.As(err)
	}
}

// take gives the losses since the last call as one error, nil for none.
func (l *losses) take(op string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		return nil
	}
	e := *l.first
	e.Op, e.Err = op, l.first
	e.Message = fmt.Sprintf("%d records failed, the first because: %s", l.records, l.first.Message)
	e.Detail = maps.Clone(l.first.Detail)
	e.WithDetail("failed_records", strconv.Itoa(l.records))
	l.records, l.first = 0, nil
	return &e
}

// conclude writes down the outcome of a batch that the caller has marked as decided.
func (p *Producer) conclude(b *batch, base int64, err error, persisted Persistence) {
	b.base, b.err, b.persisted = base, err, persisted
	b.latency = time.Since(b.created)
	p.latency.Record(b.latency.Microseconds())
	if p.cfg.OnDelivery == nil {
		if err != nil {
			p.losses.add(b.count, err)
		}
		p.release(b)
	} else {
		p.reports.push(b)
	}
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

// release ends a batch: its memory is free, unless its bytes are still on their way, and who waits for it goes on.
func (p *Producer) release(b *batch) {
	b.opaques = nil // receipts may keep the batch
	if !b.lent {
		p.budget.Release(b.cost)
	}
	p.under.Add(-1)
	close(b.done)
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
				p.release(b)
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
