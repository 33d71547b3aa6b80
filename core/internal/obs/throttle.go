package obs

import (
	"sync"
	"time"
)

// Throttle keeps lines out of a log that say the same again and again. The zero value is ready.
type Throttle struct {
	mu   sync.Mutex
	next time.Time // guarded by mu: no line before
	kept uint64    // guarded by mu: what was not said since the last one
}

// throttlePause is how long a Throttle keeps quiet.
const throttlePause = time.Second

// Say counts n things to tell of and says whether to tell now, and of how many: those that were kept back are among them.
func (t *Throttle) Say(n uint64) (all uint64, now bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept += n
	if at := time.Now(); at.Before(t.next) {
		return 0, false
	} else {
		t.next = at.Add(throttlePause)
	}
	all, t.kept = t.kept, 0
	return all, true
}

// Rest is what was kept back and is to be told now: when the last line is long enough ago, or this is the end.
func (t *Throttle) Rest(end bool) (all uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := time.Now()
	if t.kept == 0 || !end && at.Before(t.next) {
		return 0
	}
	all, t.kept, t.next = t.kept, 0, at.Add(throttlePause)
	return all
}
