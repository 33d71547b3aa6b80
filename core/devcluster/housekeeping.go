package devcluster

import (
	"sync/atomic"
	"time"
)

// clock is the time that retention and consumer offsets go by.
type clock struct {
	now     func() time.Time
	advance atomic.Int64 // ns
}

func (c *clock) time() time.Time { return c.now().Add(time.Duration(c.advance.Load())) }

// AdvanceTime moves the cluster's clock forward, for retention by time and for when consumer offsets were stored. Timestamps
// of records are the producers' and stay what they are.
func (cl *Cluster) AdvanceTime(d time.Duration) { cl.clock.advance.Add(int64(max(d, 0))) }

// Clean applies the retention of every topic now; SPUs do it every Options.CleanInterval by themselves. It removes closed
// segments that nothing was written to for longer than the topic's retention, and the oldest ones while a partition exceeds
// its size. The newest segment of a partition always stays.
func (cl *Cluster) Clean() {
	now := cl.clock.time()
	removed := false
	for _, parts := range *cl.index.Load() {
		for _, p := range parts {
			if p.clean(now) {
				cl.markDirty(p)
				removed = true
			}
		}
	}
	if !removed {
		return
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return
	}
	if err := cl.save(); err != nil {
		cl.logger.Error("cluster state not saved", "error", err)
	}
}

// every calls f at intervals until the cluster is closed.
func (cl *Cluster) every(interval time.Duration, f func()) {
	cl.wg.Add(1)
	go func() {
		defer cl.wg.Done()
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-cl.done:
				return
			}
		}
	}()
}
