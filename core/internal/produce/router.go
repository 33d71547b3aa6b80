package produce

import (
	"slices"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
)

// router keeps every partition with the sender of the SPU that leads it, fails what waited too long, and tells the log what it was
// not told at once.
func (p *Producer) router() {
	defer p.workers.Done()
	tick := time.NewTicker(min(time.Second, max(p.cfg.DeliveryTimeout/4, 10*time.Millisecond)))
	defer tick.Stop()
	for {
		changed := p.cluster.Changed()
		if t := p.cluster.Snapshot().Topics[p.cfg.Topic]; t != nil {
			p.route(t)
		} else if p.cluster.WatchError() == nil {
			p.topicGone()
		}
		select {
		case <-p.ctx.Done():
			return
		case <-changed:
		case <-p.reroutes:
		case <-tick.C:
			p.tellRest(false)
			for _, part := range *p.parts.Load() {
				p.giveUp(part, p.cluster.WatchError(), time.Now())
			}
		}
	}
}

// reroute asks the router to look at the metadata again.
func (p *Producer) reroute() {
	select {
	case p.reroutes <- struct{}{}:
	default:
	}
}

// route applies the metadata of the topic. Partitions are only ever added here, also when the topic is made anew with fewer.
func (p *Producer) route(t *cluster.Topic) {
	if len(t.Partitions) == 0 {
		return // a topic of that name is being made anew
	}
	parts := p.grow(len(t.Partitions))
	view := &Partitions{Count: int32(len(t.Partitions))}
	for i, info := range t.Partitions {
		if info == nil {
			continue
		}
		if info.Online() {
			view.Available = append(view.Available, int32(i))
		}
		if spu, err := p.cluster.Leader(t.Name, info.ID); err == nil {
			parts[i].assign(p.senderFor(spu.ID))
		}
	}
	if old := p.view.Swap(view); p.cfg.OnPartitions != nil && (old == nil || old.Count != view.Count || !slices.Equal(old.Available, view.Available)) {
		p.cfg.OnPartitions(view)
	}
	for _, part := range parts[len(t.Partitions):] { // now that nothing is taken for them any more
		p.vanished(part)
	}
}

// grow gives the partitions, at least n of them. New ones have no sender until the router comes.
func (p *Producer) grow(n int) []*partition {
	p.grows.Lock()
	defer p.grows.Unlock()
	parts := *p.parts.Load()
	if n > len(parts) {
		parts = slices.Clone(parts)
		for i := len(parts); i < n; i++ {
			parts = append(parts, &partition{id: int32(i), producer: p})
		}
		p.parts.Store(&parts)
	}
	return parts
}

// senderFor gives the sender of an SPU, starting it when it is new. Only the router, or Open before it runs, calls this.
func (p *Producer) senderFor(spu int32) *sender {
	s := p.senders[spu]
	if s == nil {
		s = newSender(p, spu)
		p.senders[spu] = s
		p.workers.Add(1)
		go func() {
			defer p.workers.Done()
			s.run(p.ctx)
		}()
	}
	return s
}

// vanished fails what is queued for a partition that the topic, made anew, does not have.
func (p *Producer) vanished(part *partition) {
	var count int
	part.expire(func(*batch) bool {
		// Looked at under the partition's lock. Who chose the partition by earlier metadata and puts a record into it only now has
		// that sent, and the SPU's refusal leads here again.
		t := p.cluster.Snapshot().Topics[p.cfg.Topic]
		if t != nil {
			count = len(t.Partitions)
		}
		return t != nil && int(part.id) >= count && count > 0
	}, func(b *batch) {
		p.fail(b, -1, fluvioerr.New(fluvioerr.NotFound, "produce", "the topic was made anew, with %d partitions", count))
	})
}

// topicGone fails what is queued for a topic that was deleted.
func (p *Producer) topicGone() {
	for _, part := range *p.parts.Load() {
		part.expire(func(*batch) bool { return true }, func(b *batch) {
			p.fail(b, -1, fluvioerr.FromServer(fluvioerr.ServerTopicDeleted, "produce", ""))
		})
	}
}
