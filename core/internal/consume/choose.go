package consume

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
)

// Which partitions a consumer reads, and how it finds those that appear while it runs.

// plan makes a session for every wanted partition.
func (c *Consumer) plan(ctx context.Context) (sessions []*session, err error) {
	for i := range c.cfg.Topics {
		want := &c.cfg.Topics[i]
		for _, name := range want.names(c.cluster.Snapshot()) {
			t, err := c.cluster.TopicWith(ctx, name, want.last())
			if fluvioerr.CodeOf(err) == fluvioerr.NotFound && want.Pattern != nil {
				continue // deleted just now
			}
			if err != nil {
				return nil, err
			}
			ids, err := want.partitions(t)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				if c.cfg.owns(name, id) && c.named[place{name, id}] == nil {
					s := c.newSession(name, id)
					s.optional = want.Pattern != nil
					s.made = t.Partitions[id].Made
					c.inbox.add()
					sessions = append(sessions, s)
				}
			}
			if want.Partitions == nil {
				c.known[name] = len(t.Partitions)
			}
		}
	}
	if len(sessions) == 0 && c.cfg.Members > 1 && !c.grows() {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "consume", "no partition is left for member %d of the group of %d", c.cfg.Member, c.cfg.Members).
			ForSetting("group_member").WithHint("a group has at most as many members as there are partitions")
	}
	return sessions, nil
}

// names is the topics that an entry stands for, as far as they are known.
func (want *Topic) names(snap *cluster.Snapshot) []string {
	if want.Pattern == nil {
		return []string{want.Name}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(snap.Topics)), func(name string) bool { return !want.matches(snap.Topics[name]) })
}

// matches says whether a pattern takes a topic. The cluster's own topics are only read by name.
func (want *Topic) matches(t *cluster.Topic) bool {
	return !(t.Spec != nil && t.Spec.System) && want.Pattern.MatchString(t.Name)
}

// last is the last partition that a topic must have.
func (want *Topic) last() int32 {
	if want.Pattern != nil || len(want.Partitions) == 0 {
		return 0
	}
	return slices.Max(want.Partitions)
}

// partitions is the chosen partitions of a topic. A pattern passes over those that a topic does not have.
func (want *Topic) partitions(t *cluster.Topic) (ids []int32, err error) {
	n := len(t.Partitions)
	if want.Partitions == nil {
		for i := range n {
			ids = append(ids, int32(i))
		}
		return ids, nil
	}
	for _, id := range want.Partitions {
		if id >= 0 && int(id) < n {
			ids = append(ids, id)
		} else if want.Pattern == nil {
			return nil, fluvioerr.New(fluvioerr.InvalidArgument, "consume", "partition %d does not exist: the topic has %d, 0 to %d", id, n, n-1).
				At(want.Name, id).ForSetting("partitions")
		}
	}
	return ids, nil
}

// grows says whether partitions may appear that the consumer reads.
func (c *Consumer) grows() bool {
	return c.cfg.StopAt.Kind != StopEnd && slices.ContainsFunc(c.cfg.Topics, func(t Topic) bool { return t.Pattern != nil || t.Partitions == nil })
}

// waits says whether a consumer whose partitions all have ended waits for new ones: when it need not have any at the
// beginning either.
func (c *Consumer) waits() bool {
	return c.cfg.StopAt.Kind == StopNever && (c.cfg.Members > 1 && c.grows() || slices.ContainsFunc(c.cfg.Topics, func(t Topic) bool { return t.Pattern != nil }))
}

// findNew starts sessions for partitions that appear while the consumer runs, from their beginning: everything in them is
// newer than the consumer.
func (c *Consumer) findNew() {
	defer c.sessions.Done()
	for {
		changed := c.cluster.Changed()
		snap := c.cluster.Snapshot()
		c.forget(snap)
		for _, s := range c.appeared(snap) {
			c.assign(s)
		}
		c.prune(snap)
		select {
		case <-c.ctx.Done():
			return
		case <-changed:
		case <-c.look:
		}
	}
}

// appeared makes sessions for the partitions of a snapshot that have none.
func (c *Consumer) appeared(snap *cluster.Snapshot) (sessions []*session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drained {
		return nil
	}
	for i := range c.cfg.Topics {
		want := &c.cfg.Topics[i]
		if want.Pattern == nil && want.Partitions != nil {
			continue
		}
		for _, name := range want.names(snap) {
			t := snap.Topics[name]
			first, known := c.known[name]
			if t == nil || !t.Complete() || known && len(t.Partitions) <= first {
				continue
			}
			ids, err := want.partitions(t)
			if err != nil {
				continue // only chosen partitions of a named topic are missed
			}
			still := false
			for _, id := range ids {
				p := place{name, id}
				if known && int(id) < first || !c.cfg.owns(name, id) || c.named[p] != nil {
					continue
				}
				if last, gone := c.gone[p]; gone && (last.made == t.Partitions[id].Made || !last.told) {
					still = true // the SC has not told yet, or the application was not
					continue
				}
				delete(c.gone, p)
				s := c.newSession(name, id)
				s.optional = want.Pattern != nil
				s.made = t.Partitions[id].Made
				s.maxBytes = c.cfg.maxBytes(len(c.all))
				s.next = 0
				switch c.cfg.StopAt.Kind {
				case StopOffset:
					s.upto = c.cfg.StopAt.Offset
				case StopTime: // at once, when it has passed
					s.ends = time.NewTimer(time.Until(time.UnixMilli(c.cfg.StopAt.Offset)))
				}
				c.inbox.add() // now: Drain may end it before it runs
				sessions = append(sessions, s)
			}
			if !still {
				c.known[name] = len(t.Partitions)
			}
		}
	}
	return sessions
}

// forget ends the sessions of topics that a pattern took and that are gone, so that topics of the same name that come later
// are new ones.
func (c *Consumer) forget(snap *cluster.Snapshot) {
	c.mu.Lock()
	var lost []*session
	for _, s := range c.all {
		if s.optional && snap.Topics[s.topic] == nil {
			lost = append(lost, s)
		}
	}
	c.mu.Unlock()
	for _, s := range lost {
		s.lose()
	}
}

// prune drops what was noted of topics of patterns that the SC has none of any more, nor of the same making: names may come and go
// without end.
func (c *Consumer) prune(snap *cluster.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.gone, func(p place, last farewell) bool {
		t := snap.Topics[p.topic]
		here := t != nil && int(p.partition) < len(t.Partitions) && t.Partitions[p.partition] != nil
		return last.told && (!here || t.Partitions[p.partition].Made != last.made)
	})
	maps.DeleteFunc(c.known, func(name string, _ int) bool {
		return snap.Topics[name] == nil && !slices.ContainsFunc(c.cfg.Topics, func(t Topic) bool { return t.Pattern == nil && t.Name == name })
	})
}

// lacks says whether a partition would be read, by a pattern, if there were one.
func (c *Consumer) lacks(topic string, partition int32) bool {
	c.mu.Lock()
	_, gone := c.gone[place{topic, partition}]
	c.mu.Unlock()
	return gone || c.cluster.Partition(topic, partition) == nil &&
		slices.ContainsFunc(c.cfg.Topics, func(t Topic) bool { return t.Pattern != nil && t.Pattern.MatchString(topic) })
}

// lostGen is what batches of partitions that were lost do not have.
const lostGen = math.MaxUint64

// lose ends a session whose topic is gone and was not asked for by name: that is no error. Its offsets are of no use.
func (s *session) lose() {
	c := s.consumer
	s.mu.Lock()
	made := s.made
	s.mu.Unlock()
	c.mu.Lock()
	p := place{s.topic, s.partition}
	mine := c.named[p] == s
	if mine {
		delete(c.named, p)
		delete(c.known, s.topic) // a topic of this name is another one
		c.gone[p] = farewell{made: made}
		c.all = slices.DeleteFunc(slices.Clone(c.all), func(o *session) bool { return o == s })
	}
	c.mu.Unlock()
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.marks.renew(lostGen) // what was taken and not handed out is not wanted any more, as what was received
	c.inbox.drop(s)
	if mine {
		c.emit(Event{Kind: PartitionLost, Topic: s.topic, Partition: s.partition, Offset: s.position()})
		c.mu.Lock()
		c.gone[p] = farewell{made, true}
		c.mu.Unlock()
		s.signal(c.look)
	}
}

// newSession makes a session. c.mu is held, or nobody else knows the consumer yet.
func (c *Consumer) newSession(topic string, partition int32) *session {
	s := &session{
		consumer: c, topic: topic, partition: partition, maxBytes: c.cfg.MaxBytes, upto: math.MaxInt64, stop: func() {},
		granted: make(chan struct{}, 1), resumed: make(chan struct{}, 1), told: -1, repeats: -1,
	}
	s.marks.init()
	c.all = append(c.all, s)
	if c.named == nil {
		c.named = map[place]*session{}
	}
	c.named[place{topic, partition}] = s
	return s
}

// emit counts and logs an event and tells the application of it, unless the consumer was closed. No lock of a session, the inbox or the
// consumer is held.
func (c *Consumer) emit(e Event) {
	c.note(&e)
	if c.cfg.OnEvent == nil {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	c.tells.Store(true)
	defer c.tells.Store(false)
	c.cfg.OnEvent(e)
}
