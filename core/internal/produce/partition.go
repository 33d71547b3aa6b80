package produce

import (
	"sync"
	"time"
)

// partition is the accumulator of one partition.
type partition struct {
	id       int32
	producer *Producer

	mu       sync.Mutex
	open     *batch      // takes records; nil or not empty
	closed   []*batch    // to be sent, oldest first
	flying   []*batch    // in the request in flight
	sender   *sender     // of the SPU that leads the partition; nil while nobody is known to
	dead     bool        // the producer is closed: takes no more
	linger   *time.Timer // runs while an open batch waits for its linger
	retryAt  time.Time   // no request before this
	failures int         // in a row, for the backoff
}

// What became of an add.
type added uint8

const (
	addedToBatch added = iota // into a batch that was open
	addedToNew                // into a new batch, which took the reservation
	needsMemory               // not added: reserve memory for a new batch and call again
	producerDead              // not added: the producer was closed
)

// add puts a record into the open batch, or into a new one for which the caller has reserved bytes of the budget.
func (p *partition) add(r *Record, now time.Time, reserved int64) (Receipt, added) {
	need := len(r.Key) + len(r.Value) + overhead
	cfg := &p.producer.cfg
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return Receipt{}, producerDead
	}
	if b := p.open; b != nil && b.size()+need > cfg.BatchSize {
		p.closeOpen()
	}
	if p.open == nil {
		if reserved == 0 {
			return Receipt{}, needsMemory
		}
		b := newBatch(p, int(reserved), now)
		p.open = b
		b.append(r, now.UnixMilli(), cfg.OnDelivery != nil)
		p.opened()
		return Receipt{b, 0}, addedToNew
	}
	b := p.open
	b.append(r, now.UnixMilli(), cfg.OnDelivery != nil)
	return Receipt{b, b.count - 1}, addedToBatch
}

// bury makes the partition take no more and gives every batch without an outcome: those in flight, which the server may
// have stored by now, and those that never left.
func (p *partition) bury() (flying, waiting []*batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
	flying = append(flying, p.flying...)
	waiting = append(waiting, p.closed...)
	if p.open != nil {
		waiting = append(waiting, p.open)
	}
	p.open, p.closed = nil, nil
	if p.linger != nil {
		p.linger.Stop()
	}
	return flying, waiting
}

// bufferFor is the capacity of a batch that begins with r, in bytes.
func (p *partition) bufferFor(r *Record) int64 {
	return int64(max(p.producer.cfg.BatchSize, headRoom+len(r.Key)+len(r.Value)+overhead))
}

// opened starts the life of a new open batch: it is sent at once, or after its linger. p.mu is held.
func (p *partition) opened() {
	if p.producer.cfg.Linger <= 0 {
		p.ready()
		return
	}
	b := p.open
	p.linger = time.AfterFunc(p.producer.cfg.Linger, func() {
		p.mu.Lock()
		if p.open == b {
			p.closeOpen()
		}
		p.mu.Unlock()
	})
}

// closeOpen moves the open batch to the queue and tells the sender. p.mu is held.
func (p *partition) closeOpen() {
	if p.linger != nil {
		p.linger.Stop()
		p.linger = nil
	}
	p.closed = append(p.closed, p.open)
	p.open = nil
	p.ready()
}

// ready tells the sender that there is something to send. p.mu is held.
func (p *partition) ready() {
	if p.sender != nil {
		p.sender.ready(p)
	}
}

// flushNow sends the open batch without waiting for its linger.
func (p *partition) flushNow() {
	p.mu.Lock()
	if p.open != nil {
		p.closeOpen()
	}
	p.mu.Unlock()
}

// pending gives every batch that has no outcome yet.
func (p *partition) pending(to []*batch) []*batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	to = append(to, p.flying...)
	to = append(to, p.closed...)
	if p.open != nil {
		to = append(to, p.open)
	}
	return to
}

// take removes up to room bytes of batches for a request; the first always fits. wait tells how long the partition has to
// wait before it may send, 0 if it may. The caller is s.
func (p *partition) take(s *sender, room int, now time.Time) (taken []*batch, more bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sender != s || len(p.flying) > 0 {
		return nil, false, 0
	}
	if d := p.retryAt.Sub(now); d > 0 {
		return nil, false, d
	}
	if p.open != nil && p.producer.cfg.Linger <= 0 {
		if p.linger != nil {
			p.linger.Stop()
			p.linger = nil
		}
		p.closed = append(p.closed, p.open)
		p.open = nil
	}
	n, size := 0, 0
	for n < len(p.closed) && (n == 0 || size+p.closed[n].size() <= room) {
		size += p.closed[n].size()
		n++
	}
	if n == 0 || size > room && room < p.producer.cfg.MaxRequestSize {
		return nil, n > 0, 0
	}
	p.flying = append(p.flying[:0], p.closed[:n]...)
	rest := copy(p.closed, p.closed[n:])
	clear(p.closed[rest:])
	p.closed = p.closed[:rest]
	return p.flying, rest > 0, 0
}

// landed ends the flight: batches to try again go back to the head of the queue, in their order. A failure makes the
// partition wait before the next request.
func (p *partition) landed(again []*batch, failed bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying = p.flying[:0]
	if len(again) > 0 {
		p.closed = append(append(make([]*batch, 0, len(again)+len(p.closed)), again...), p.closed...)
	}
	if failed {
		p.failures++
		p.retryAt = now.Add(p.producer.retryDelay(p.failures))
	} else {
		p.failures, p.retryAt = 0, time.Time{}
	}
	if len(p.closed) > 0 || p.open != nil && p.producer.cfg.Linger <= 0 {
		p.ready()
	}
}

// assign sets the sender of the partition's leader.
func (p *partition) assign(s *sender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sender == s {
		return
	}
	p.sender = s
	p.retryAt, p.failures = time.Time{}, 0
	if len(p.closed) > 0 || p.open != nil && p.producer.cfg.Linger <= 0 {
		p.ready()
	}
}

// expired removes the queued batches for which give says so.
func (p *partition) expired(give func(*batch) bool) (out []*batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil && give(p.open) {
		p.closed = append(p.closed, p.open)
		p.open = nil
	}
	keep := p.closed[:0]
	for _, b := range p.closed {
		if give(b) {
			out = append(out, b)
		} else {
			keep = append(keep, b)
		}
	}
	clear(p.closed[len(keep):])
	p.closed = keep
	return out
}
