package consume

import (
	"context"
	"sync"
)

// turns serves callers one at a time, in the order in which they have joined; those who have to do with different sessions at the
// same time. The zero value is ready.
type turns struct {
	mu   sync.Mutex
	last map[*session]*turn // guarded by mu: the latest turn for a session that goes on, and was joined behind all
	all  *turn              // guarded by mu: the latest turn for all that goes on
}

// turn is a place in the line.
type turn struct {
	of      *turns
	session *session      // nil: all
	before  []*turn       // those that come first
	over    chan struct{} // closed when it and those before are over
}

// join takes places behind those who have joined before: one for each of the sessions that decide gives, one for all when it gives nil
// or is nil. decide runs meanwhile: what callers find out there comes in the same order.
func (q *turns) join(decide func() []*session) []*turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	var sessions []*session
	if decide != nil {
		sessions = decide()
	}
	if sessions == nil {
		return []*turn{q.joinAll()}
	}
	list := make([]*turn, len(sessions))
	for i, s := range sessions {
		t := &turn{of: q, session: s, over: make(chan struct{})}
		if last := q.last[s]; last != nil {
			t.before = append(t.before, last)
		} else if q.all != nil { // else last comes behind it
			t.before = append(t.before, q.all)
		}
		if q.last == nil {
			q.last = map[*session]*turn{}
		}
		q.last[s] = t
		list[i] = t
	}
	return list
}

// joinAll takes a place for all. mu is held.
func (q *turns) joinAll() *turn {
	t := &turn{of: q, over: make(chan struct{})}
	for _, last := range q.last {
		t.before = append(t.before, last)
	}
	if q.all != nil {
		t.before = append(t.before, q.all)
	}
	q.last, q.all = nil, t
	return t
}

// wait waits for the turn. False: ctx has ended before. In either case leave has to follow.
func (t *turn) wait(ctx context.Context) bool {
	for _, b := range t.before {
		select {
		case <-b.over:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// comes says whether it is the turn.
func (t *turn) comes() bool {
	for _, b := range t.before {
		select {
		case <-b.over:
		default:
			return false
		}
	}
	return true
}

// leave lets the next ones have their turn, when those before have had theirs.
func (t *turn) leave() {
	if t.comes() {
		t.end()
		return
	}
	go func() {
		t.wait(context.Background())
		t.end()
	}()
}

func (t *turn) end() {
	q := t.of
	q.mu.Lock()
	defer q.mu.Unlock()
	t.before = nil // nor what those have waited for
	close(t.over)
	if t.session != nil && q.last[t.session] == t {
		delete(q.last, t.session)
	}
	if q.all == t {
		q.all = nil
	}
}
