package devcluster

import (
	"sync"
	"time"
)

// statusReporter carries the offsets of partitions to the SC, like SPUs do: late, and not more often than every 400 ms
// however much is written.
type statusReporter struct {
	cl    *Cluster
	quit  chan struct{}
	done  chan struct{}
	wake  chan struct{}
	mu    sync.Mutex
	dirty map[*partition]struct{}
}

func newStatusReporter(cl *Cluster) *statusReporter {
	r := &statusReporter{cl: cl, quit: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1), dirty: map[*partition]struct{}{}}
	go r.run()
	return r
}

// markDirty notes that a partition's offsets changed.
func (cl *Cluster) markDirty(p *partition) {
	if p.dirty.Swap(true) {
		return
	}
	r := cl.status
	r.mu.Lock()
	r.dirty[p] = struct{}{}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *statusReporter) run() {
	defer close(r.done)
	timer := time.NewTimer(0)
	<-timer.C
	for {
		select {
		case <-r.wake:
		case <-r.quit:
			return
		}
		timer.Reset(statusInterval)
		select {
		case <-timer.C:
		case <-r.quit:
			timer.Stop()
			return
		}
		r.report()
	}
}

// report publishes what changed. A stopped SC hears nothing; it reads everything anew when it starts.
func (r *statusReporter) report() {
	r.mu.Lock()
	dirty := r.dirty
	r.dirty = make(map[*partition]struct{}, len(dirty))
	r.mu.Unlock()
	r.cl.mu.Lock()
	defer r.cl.mu.Unlock()
	listening := r.cl.sc.running()
	for p := range dirty {
		p.dirty.Store(false)
		if t := r.cl.topics[p.topic]; listening && t != nil && int(p.id) < len(t.partitions) && t.partitions[p.id] == p {
			r.cl.publishPartition(p)
		}
	}
}

func (r *statusReporter) stop() {
	close(r.quit)
	<-r.done
}
