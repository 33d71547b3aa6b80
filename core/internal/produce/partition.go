package produce

import (
	"slices"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// partition is the accumulator of one partition.
type partition struct {
	id       int32
	producer *Producer

	mu       sync.Mutex
	open     *batch      // takes records; nil or not empty
	closed   []*batch    // to be sent, oldest first
	flying   []*batch    // in the request in flight
	failing  []*batch    // taken off the queue by expire or bury, until they have their outcome
	done     [3]tally    // what has its outcome, by Persistence
	sender   *sender     // of the SPU that leads the partition; nil while nobody is known to
	dead     bool        // the producer is closed: takes no more
	linger   *time.Timer // runs while an open batch waits for its linger
	retryAt  time.Time   // no request before this
	retry    *time.Timer // tells the sender when that has come
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

// add puts a record with a timestamp into the open batch, or into a new one for which the caller has reserved bytes of the budget.
func (p *partition) add(r *Record, ts, reserved int64) (Receipt, added) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addLocked(r, ts, reserved)
}

// addLocked is add for who holds p.mu.
func (p *partition) addLocked(r *Record, ts, reserved int64) (Receipt, added) {
	need := len(r.Key) + len(r.Value) + overhead
	cfg := &p.producer.cfg
	if p.dead {
		return Receipt{}, producerDead
	}
	if b := p.open; b != nil && (b.size()+need > cfg.BatchSize || b.tooOld(r) || cfg.OnDelivery != nil && !b.roomForOpaque()) {
		p.closeOpen()
	}
	how := addedToBatch
	if p.open == nil {
		if reserved == 0 {
			return Receipt{}, needsMemory
		}
		p.open = newBatch(p, p.bufferFor(r), reserved, r.since())
		p.open.ctx = r.ctx
		how = addedToNew
		p.producer.under.Add(1)
	}
	b := p.open
	b.append(r, ts, cfg.OnDelivery != nil)
	receipt := Receipt{b, b.count - 1}
	switch {
	case p.producer.blocked.Load() > 0 && cfg.Linger > 0:
		p.closeOpen() // somebody waits for memory, which must not linger here
	case how == addedToNew:
		p.opened()
	}
	return receipt, how
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
	p.failing = append(p.failing, waiting...)
	for _, t := range []*time.Timer{p.linger, p.retry} {
		if t != nil {
			t.Stop()
		}
	}
	return flying, waiting
}

// bufferFor is the capacity of a batch that begins with r, in bytes.
func (p *partition) bufferFor(r *Record) int {
	return max(p.producer.cfg.BatchSize, HeadRoom+len(r.Key)+len(r.Value)+overhead)
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

// closeOpen moves the open batch to the queue and tells the sender. p.mu is held. The checksum is made here, while the records are
// in a cache: behind a queue they would have to come from memory once more. Compression takes longer than a lock may be held.
func (p *partition) closeOpen() {
	if p.producer.cfg.Compression == compress.None {
		_ = p.open.seal(compress.None, 0)
	}
	if p.linger != nil {
		p.linger.Stop()
		p.linger = nil
	}
	p.closed = append(p.closed, p.open)
	p.open = nil
	p.ready()
}

// ready tells the sender that there is something to send. p.mu is held. Until what is in flight has landed nothing can be, and
// then landed tells it: to be woken for each batch costs a sender as much as all the rest.
func (p *partition) ready() {
	if p.sender != nil && !p.dead && len(p.flying) == 0 {
		p.sender.ready(p)
	}
}

// hasWork says whether there is something that need not linger any more. p.mu is held.
func (p *partition) hasWork() bool {
	return len(p.closed) > 0 || p.open != nil && p.producer.cfg.Linger <= 0
}

// flushNow sends the open batch without waiting for its linger.
func (p *partition) flushNow() {
	p.mu.Lock()
	if p.open != nil {
		p.closeOpen()
	}
	p.mu.Unlock()
}

// flush is flushNow that gives every batch without an outcome. Both in one: a batch that is opened afterwards may linger
// and is not the caller's.
func (p *partition) flush(to []*batch) []*batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil {
		p.closeOpen()
	}
	to = append(to, p.failing...)
	to = append(to, p.flying...)
	return append(to, p.closed...)
}

// take removes up to room bytes of batches for a request; the first always fits into a request of its own. more says that
// there is something for the next request. The caller is s. A partition that may not send now says nothing: it tells its
// sender when it may.
func (p *partition) take(s *sender, room int, now time.Time) (taken []*batch, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sender != s || len(p.flying) > 0 || now.Before(p.retryAt) {
		return nil, false
	}
	if p.open != nil && p.producer.cfg.Linger <= 0 {
		p.closed = append(p.closed, p.open)
		p.open = nil
	}
	n, size := 0, 0
	for n < len(p.closed) && (n == 0 || size+p.closed[n].size() <= room) {
		size += p.closed[n].size()
		n++
	}
	if n == 0 || size > room && room < p.producer.cfg.MaxRequestSize {
		return nil, n > 0
	}
	p.flying = append(p.flying[:0], p.closed[:n]...)
	rest := copy(p.closed, p.closed[n:])
	clear(p.closed[rest:])
	p.closed = p.closed[:rest]
	return p.flying, rest > 0
}

// landed ends the flight: batches to try again go back to the head of the queue, in their order. When what failed may pass,
// the partition waits before the next request.
func (p *partition) landed(again []*batch, passing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.flying)
	p.flying = p.flying[:0]
	again = slices.DeleteFunc(again, func(b *batch) bool {
		if b.decided { // given up in flight
			b.recycle()
		}
		return b.decided
	})
	if p.dead {
		return
	}
	if len(again) > 0 {
		p.closed = append(append(make([]*batch, 0, len(again)+len(p.closed)), again...), p.closed...)
	}
	if !passing {
		p.failures, p.retryAt = 0, time.Time{}
		if p.hasWork() {
			p.ready()
		}
		return
	}
	p.failures++
	delay := p.producer.retryDelay(p.failures)
	p.retryAt = time.Now().Add(delay)
	if p.retry != nil {
		p.retry.Stop()
	}
	p.retry = time.AfterFunc(delay, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.hasWork() {
			p.ready()
		}
	})
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
	if p.hasWork() {
		p.ready()
	}
}

// expire removes the queued batches for which give says so and hands each to fail. Until that is done a flush sees them.
func (p *partition) expire(give func(*batch) bool, fail func(*batch)) {
	p.mu.Lock()
	if p.open != nil && give(p.open) {
		p.closed = append(p.closed, p.open)
		p.open = nil
	}
	var out []*batch
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
	if len(out) == 0 {
		p.mu.Unlock()
		return
	}
	p.failing = append(p.failing, out...)
	p.mu.Unlock()
	for _, b := range out {
		fail(b)
		b.recycle()
	}
	p.mu.Lock()
	p.failing = slices.DeleteFunc(p.failing, func(b *batch) bool { return slices.Contains(out, b) })
	p.mu.Unlock()
}

// overdue decides the batches in flight for which late says so, and gives them for their outcome to be written down. They
// stay where they are: their bytes are being sent.
func (p *partition) overdue(late func(*batch) bool, conclude func(*batch)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.flying {
		if !b.decided && late(b) {
			b.decided, b.lent = true, true
			p.done[MaybePersisted].add(b)
			conclude(b)
		}
	}
}
