package consume

import (
	"context"
	"slices"
	"sync"
)

// turns serves callers one at a time, in the order in which they have joined; those who have to do with different sessions at the
// same time. The zero value is ready.
type turns struct {
	mu   sync.Mutex
	line []*turn // guarded by mu
}

// turn is a place in the line.
type turn struct {
	of       *turns
	sessions []*session    // what it is for; nil: all
	comes    chan struct{} // closed when it is the caller's turn
	come     bool          // guarded by of.mu
}

// join takes the place behind those who have joined before. decide, unless it is nil, runs meanwhile: what callers find out there
// comes in the same order. It says what the turn is for.
func (q *turns) join(decide func() []*session) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := &turn{of: q, comes: make(chan struct{})}
	if decide != nil {
		t.sessions = decide()
	}
	q.line = append(q.line, t)
	q.call()
	return t
}

// call lets those have their turn who wait for nobody. mu is held.
func (q *turns) call() {
	busy := map[*session]bool{}
	for i, t := range q.line {
		if all := t.sessions == nil; !t.come && (all && i == 0 || !all && !slices.ContainsFunc(t.sessions, func(s *session) bool { return busy[s] })) {
			t.come = true
			close(t.comes)
		}
		if t.sessions == nil {
			return // everybody behind waits for it
		}
		for _, s := range t.sessions {
			busy[s] = true
		}
	}
}

// wait waits for the turn. False: ctx has ended before. In either case leave has to follow.
func (t *turn) wait(ctx context.Context) bool {
	select {
	case <-t.comes:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave lets the next ones have their turn.
func (t *turn) leave() {
	q := t.of
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.line, t)
	q.line = slices.Delete(q.line, i, i+1)
	q.call()
}
