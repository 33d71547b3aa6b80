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
