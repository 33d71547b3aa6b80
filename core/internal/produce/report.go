package produce

import (
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
	mine := !b.decided
	b.decided = true
	b.part.mu.Unlock()
	if mine {
		p.conclude(b, base, err, persisted)
	}
}

// conclude writes down the outcome of a batch that the caller has marked as decided.
func (p *Producer) conclude(b *batch, base int64, err error, persisted Persistence) {
	b.base, b.err, b.persisted = base, err, persisted
	b.latency = time.Since(b.created)
	if p.cfg.OnDelivery == nil {
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

// release ends a batch: its memory is free, who waits for it goes on.
func (p *Producer) release(b *batch) {
	p.budget.Release(b.cap)
	close(b.done)
}

// reporter gives the reports, one after the other.
func (p *Producer) reporter() {
	defer close(p.reported)
	for range p.reports.wake {
		for {
			p.reports.mu.Lock()
			queue, closed := p.reports.queue, p.reports.closed
			p.reports.queue = nil
			p.reports.running = queue
			p.reports.mu.Unlock()
			for _, b := range queue {
				p.cfg.OnDelivery(&Delivery{
					Topic: p.cfg.Topic, Partition: b.part.id, BaseOffset: b.base, Count: b.count, Opaques: b.opaques,
					Err: b.err, Persisted: b.persisted, Latency: b.latency,
				})
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
