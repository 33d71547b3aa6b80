package consume

import (
	"context"
	"slices"
	"sync"
)

// turns serves callers one at a time, in the order in which they have joined. The zero value is ready.
type turns struct {
	mu   sync.Mutex
	line []*turn // guarded by mu: the first one has its turn
}

// turn is a place in the line.
type turn struct {
	of    *turns
	comes chan struct{} // closed when it is the caller's turn
}

// join takes the place behind those who have joined before. decide, unless it is nil, runs meanwhile: what callers find out there
// comes in the same order.
func (q *turns) join(decide func()) *turn {
	q.mu.Lock()
	defer q.mu.Unlock()
	if decide != nil {
		decide()
	}
	t := &turn{q, make(chan struct{})}
	if q.line = append(q.line, t); len(q.line) == 1 {
		close(t.comes)
	}
	return t
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

// leave lets the next one have its turn.
func (t *turn) leave() {
	q := t.of
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.line, t)
	q.line = slices.Delete(q.line, i, i+1)
	if i == 0 && len(q.line) > 0 {
		close(q.line[0].comes)
	}
}
