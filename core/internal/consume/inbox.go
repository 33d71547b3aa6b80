package consume

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// inbox is where sessions put frames and the application takes batches: fairly, one batch of each session in turn.
type inbox struct {
	budget int64
	notify chan struct{} // capacity 1: something may have changed

	mu      sync.Mutex
	ready   []*session // guarded by mu: have frames, in the order of their turns
	bytes   int64      // guarded by mu: received and not taken
	owed    []*session // guarded by mu: wait for a credit
	live    int        // guarded by mu: sessions that may still bring something
	last    error      // guarded by mu: the error that ended the latest session to fail
	lastOf  *session   // guarded by mu: that session
	hushed  int        // guarded by mu: sessions that have reached their end only as far as silence can tell
	drained bool       // guarded by mu: the application wants no more than is here
	lost    bool       // guarded by mu: a session was dropped before its end
	closed  bool       // guarded by mu
}

// The memory that this bounds: frames count with the size of their buffers from their arrival until their last record was
// taken. A session may ask for another frame while the sum is below the budget; so, at most, the budget is exceeded by one
// frame of every session. A session that may not ask is owed, in the order of arrival, and is served as soon as the sum is
// below the budget again. What the application holds is not counted: a batch keeps its frame, or what was decompressed from
// it, until it is released. A paused session keeps one frame at most, which does not count, so that it does not take the
// others' room.
func newInbox(budget int64) *inbox { return &inbox{budget: budget, notify: make(chan struct{}, 1)} }

func (in *inbox) wake() {
	select {
	case in.notify <- struct{}{}:
	default:
	}
}

// put queues a frame of s and says whether s may ask for the next one now; if not, its credit is owed and will be given by
// the taking side.
func (in *inbox) put(s *session, f *frame, wantCredit bool) (credit bool) {
	in.mu.Lock()
	if in.closed || s.buried || s.final {
		in.mu.Unlock()
		f.release()
		return false
	}
	if len(s.frames) == 0 && s.taking == nil && !s.paused {
		in.ready = append(in.ready, s)
	}
	s.frames = append(s.frames, f)
	s.final = f.fatal || f.done
	switch {
	case s.paused:
		s.withheld = wantCredit
	case wantCredit:
		in.bytes += f.bytes
		credit = in.bytes < in.budget
		if !credit {
			s.owed = true
			in.owed = append(in.owed, s)
		}
	default:
		in.bytes += f.bytes
	}
	in.mu.Unlock()
	in.wake()
	return credit
}

// owes says whether s has to wait for the application.
func (in *inbox) owes(s *session) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return s.owed && !in.closed
}

// take gives the next batch, or the next error, waiting until ctx ends.
func (in *inbox) take(ctx context.Context) (*Batch, error) {
	start := time.Now()
	for {
		b, err, more := in.tryTake(ctx)
		if more {
			in.wake() // for another goroutine that may be waiting
		}
		if b != nil || err != nil {
			return b, err
		}
		select {
		case <-in.notify:
		case <-ctx.Done():
			in.wake()
			return nil, fluvioerr.FromContext(ctx, "consume", "records", time.Since(start))
		}
	}
}

// tryTake takes from the session whose turn it is.
func (in *inbox) tryTake(ctx context.Context) (b *Batch, err error, more bool) {
	for {
		in.mu.Lock()
		if in.closed {
			in.mu.Unlock()
			return nil, fluvioerr.New(fluvioerr.Closed, "consume", "the consumer was closed"), true
		}
		if len(in.ready) == 0 {
			ended, last, drained, hushed, lost := in.live == 0, in.last, in.drained, in.hushed > 0, in.lost
			in.mu.Unlock()
			if !ended {
				return nil, nil, false
			}
			if last != nil {
				e := *fluvioerr.As(last) // said again each time: who asks on must not take it for the proper end
				e.Message += "; no partition is left to read, open a new consumer"
				e.End, e.Err = endOf(last), last
				return nil, &e, true
			}
			e := fluvioerr.New(fluvioerr.End, "consume", "every partition was read to its end")
			switch e.End = fluvioerr.EndReached; {
			case drained:
				e.Message, e.End = "the consumer was drained", fluvioerr.Drained
			case lost:
				e.Message, e.End = "a topic was deleted before its end was read", fluvioerr.TopicDeleted
			case hushed:
				e.Message, e.End = "nothing has come of what is left for the request timeout: SmartModules leave it out, as far as can be known", fluvioerr.EndSilent
			}
			return nil, e, true
		}
		s := in.ready[0]
		in.ready = append(in.ready[:0], in.ready[1:]...)
		f := s.frames[0]
		s.taking = f
		in.mu.Unlock()

		// No lock: decompression takes its time. The session is out of the ring, so nobody else takes from it, and its
		// later frames queue behind.
		took := s.consumer.takes(ctx, f)
		b, err = f.next()
		if err == nil && b == nil && f.err != nil {
			err = f.err
		}
		if b != nil && !s.consumer.cfg.Lazy {
			if err = b.decode(); err != nil && !b.cutDamaged(f) {
				b.Release()
				b = nil
			} else {
				err = nil
			}
		}
		if b != nil {
			b.session.marks.take(b)
		}
		damaged := err != nil && err != f.err // stored data: this partition ends here
		if !in.putBack(s, f, b == nil, damaged, err) {
			took(nil, nil)
			if b != nil {
				b.Release()
			}
			continue
		}
		took(b, err)
		if err != nil {
			s.failed(err, f.fatal || damaged)
		}
		if damaged {
			s.halt(f.gen)
		}
		if b != nil || err != nil {
			return b, err, true
		}
	}
}

// endOf is the reason for which a stream has ended whose last partition met an error.
func endOf(last error) fluvioerr.EndReason {
	switch _, gaveUp := fluvioerr.As(last).Detail[triedDetail]; {
	case topicIsGone(last):
		return fluvioerr.TopicDeleted
	case gaveUp:
		return fluvioerr.GaveUp
	}
	return fluvioerr.Failed
}

// putBack returns a session to the ring after its turn, without the frame if that is used up, and gives owed credits. False:
// meanwhile the application has chosen another position, so that what was taken is not wanted any more.
func (in *inbox) putBack(s *session, f *frame, used, damaged bool, err error) (wanted bool) {
	var credit []*session
	in.mu.Lock()
	s.taking = nil
	switch {
	case in.closed || s.buried || f.stale: // meanwhile: its frames are gone, but for this one
		f.release()
	case used || len(f.records) == 0 && f.err == nil:
		s.frames = append(s.frames[:0], s.frames[1:]...)
		in.bytes -= f.bytes
		f.release()
		if f.fatal || damaged {
			in.bury(s, err)
		} else if f.done {
			s.buried = true
			in.live--
			if s.hushed = f.silent; f.silent {
				in.hushed++
			}
		}
		credit = in.grant()
	}
	wanted = !f.stale
	if e := fluvioerr.As(err); wanted && e != nil && e.Server == fluvioerr.ServerSmartModuleRuntime {
		s.told = e.Offset
	}
	if len(s.frames) > 0 && !in.closed && !s.buried && !s.paused {
		in.ready = append(in.ready, s)
	}
	in.mu.Unlock()
	for _, s := range credit {
		s.giveCredit()
	}
	return wanted
}

// bury ends a session with an error and drops its frames. in.mu is held.
func (in *inbox) bury(s *session, err error) {
	if s.buried {
		return
	}
	s.buried = true
	in.live--
	if err != nil {
		in.last, in.lastOf = err, s
	}
	in.clear(s)
}

// clear drops the frames of a session. in.mu is held.
func (in *inbox) clear(s *session) {
	for _, f := range s.frames {
		if !s.paused {
			in.bytes -= f.bytes
		}
		if f == s.taking {
			f.stale = true // its taker releases it
		} else {
			f.release()
		}
	}
	s.frames, s.final, s.withheld = nil, false, false
	in.ready = slices.DeleteFunc(in.ready, func(o *session) bool { return o == s })
}

// reset drops the frames of a session that goes on elsewhere, also one that had ended, and gives the sessions whose credit
// is owed no longer. anew: what was given before does not count.
func (in *inbox) reset(s *session, anew bool) (credit []*session) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil
	}
	in.clear(s)
	if anew {
		s.told = -1
	}
	s.repeats = s.told
	if s.owed {
		s.owed = false
		in.owed = slices.DeleteFunc(in.owed, func(o *session) bool { return o == s })
	}
	if s.hushed {
		s.hushed = false
		in.hushed--
	}
	if s.buried {
		s.buried = false
		in.live++
		if in.lastOf == s {
			in.last, in.lastOf = nil, nil
		}
	}
	return in.grant()
}

// knows says whether a SmartModule's error for a record was given before a pause made reading go back: once.
func (in *inbox) knows(s *session, offset int64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	known := offset >= 0 && offset == s.repeats
	if known {
		s.repeats = -1
	}
	return known
}

// drop ends a session without an error.
func (in *inbox) drop(s *session) {
	in.mu.Lock()
	in.lost = in.lost || !s.buried
	in.bury(s, nil)
	credit := in.grant()
	in.mu.Unlock()
	in.wake()
	for _, s := range credit {
		s.giveCredit()
	}
}

// pause keeps the frames of a session from being taken, and says whether it may keep them.
func (in *inbox) pause(s *session, few int64) (kept bool, credit []*session) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if s.paused && few >= 0 || in.closed {
		return true, nil
	}
	has := int64(0)
	for _, f := range s.frames {
		has += f.bytes
	}
	kept = has <= few && s.taking == nil && !s.marks.ahead()
	if !kept {
		in.clear(s)
		has = 0
	}
	s.paused = true // after clear, which counts
	in.bytes -= has
	in.ready = slices.DeleteFunc(in.ready, func(o *session) bool { return o == s })
	if s.owed {
		s.owed, s.withheld = false, kept
		in.owed = slices.DeleteFunc(in.owed, func(o *session) bool { return o == s })
	}
	return kept, in.grant()
}

// resume undoes pause. credit: s may ask for more.
func (in *inbox) resume(s *session) (credit bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !s.paused || in.closed {
		return false
	}
	s.paused = false
	for _, f := range s.frames {
		in.bytes += f.bytes
	}
	if len(s.frames) > 0 && s.taking == nil {
		in.ready = append(in.ready, s)
		in.wake()
	}
	if !s.withheld {
		return false
	}
	s.withheld = false
	if in.bytes < in.budget {
		return true
	}
	s.owed = true
	in.owed = append(in.owed, s)
	return false
}

// isPaused says whether a session is paused.
func (in *inbox) isPaused(s *session) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return s.paused && !in.closed
}

// drain says that no partition comes any more that is not there yet. held: one was counted for those.
func (in *inbox) drain(held bool) {
	in.mu.Lock()
	in.drained = true
	if held {
		in.live--
	}
	in.mu.Unlock()
	in.wake()
}

// kill ends the session of a batch whose records turned out to be damaged, unless the application has chosen another position since.
func (in *inbox) kill(b *Batch, err error) {
	s := b.session
	s.mu.Lock()
	if s.gen != b.gen {
		s.mu.Unlock()
		return
	}
	s.stop()
	in.mu.Lock()
	in.bury(s, err)
	credit := in.grant()
	in.mu.Unlock()
	s.mu.Unlock()
	s.failed(err, true)
	in.wake()
	for _, s := range credit {
		s.giveCredit()
	}
}

// grant takes the sessions that are no longer owed off the list. in.mu is held; the caller tells them when it is not.
func (in *inbox) grant() (credit []*session) {
	for !in.closed && len(in.owed) > 0 && in.bytes < in.budget {
		in.owed[0].owed = false
		credit = append(credit, in.owed[0])
		in.owed = append(in.owed[:0], in.owed[1:]...)
	}
	return credit
}

// add counts a session that may bring something.
func (in *inbox) add() {
	in.mu.Lock()
	in.live++
	in.mu.Unlock()
}

// close drops what waits and makes take fail.
func (in *inbox) close() {
	in.mu.Lock()
	in.closed = true
	for _, s := range in.ready {
		for _, f := range s.frames {
			f.release()
		}
		s.frames = nil
	}
	in.ready, in.owed = nil, nil
	in.mu.Unlock()
	in.wake()
}

// release drops the frame's hold on its buffer.
func (f *frame) release() {
	if f.buffer != nil {
		f.buffer.Release()
		f.buffer = nil
	}
}
