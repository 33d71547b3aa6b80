package devcluster

import (
	"cmp"
	"slices"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// topic is one topic with its partitions; it has none until SPUs are found for it.
type topic struct {
	name       string
	spec       *wire.TopicSpec // replaced, never changed: stores hold it, too
	resolution uint8
	reason     string
	partitions []*partition
}

// systemTopic holds consumer offsets. The SC makes it by itself.
const systemTopic = wire.ConsumerOffsetTopic

// mostPartitions is the largest number of partitions a topic gets here. A topic that asks for more is accepted, as by a
// real SC, and then never placed, instead of taking all memory.
const mostPartitions = 20_000

func systemTopicSpec() *wire.TopicSpec {
	segment, size := uint32(512_000_000), uint64(2_048_000_000)
	return &wire.TopicSpec{
		Replicas:      wire.ReplicaSpec{Kind: wire.ReplicasComputed, Partitions: 1, ReplicationFactor: 1},
		CleanupPolicy: &wire.CleanupPolicy{Seconds: 7 * 24 * 3600},
		Storage:       &wire.TopicStorage{SegmentSize: &segment, MaxPartitionSize: &size},
		Compression:   wire.TopicCompressionAny,
		System:        true,
	}
}

// ensureSystemTopic makes the topic for consumer offsets when it is missing, on platforms that have it. The lock is held.
func (cl *Cluster) ensureSystemTopic() error {
	if cl.topics[systemTopic] != nil || !cl.platform.hasConsumerOffsets() {
		return nil
	}
	return cl.addTopicLocked(systemTopic, systemTopicSpec())
}

// keepSystemTopic makes the topic for consumer offsets again after a client has deleted it by force.
func (cl *Cluster) keepSystemTopic() {
	if !cl.sc.running() {
		return
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return
	}
	if err := cl.ensureSystemTopic(); err != nil {
		cl.logger.Error("the topic of consumer offsets cannot be made", "error", err)
	}
}

// topicSpec is what a topic is to be, nil if there is none of that name.
func (cl *Cluster) topicSpec(name string) *wire.TopicSpec {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if t := cl.topics[name]; t != nil {
		return t.spec
	}
	return nil
}

// onlinePartitions counts a topic's partitions that are online.
func (cl *Cluster) onlinePartitions(name string) int {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	n := 0
	if t := cl.topics[name]; t != nil {
		for _, p := range t.partitions {
			p.mu.Lock()
			if p.resolution == wire.PartitionOnline {
				n++
			}
			p.mu.Unlock()
		}
	}
	return n
}

// addTopic makes a topic that passed the SC's checks.
func (cl *Cluster) addTopic(name string, spec *wire.TopicSpec) error {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return fluvioerr.New(fluvioerr.Closed, "create topic", "the cluster is closed")
	}
	return cl.addTopicLocked(name, spec)
}

func (cl *Cluster) addTopicLocked(name string, spec *wire.TopicSpec) error {
	if cl.topics[name] != nil {
		return fluvioerr.New(fluvioerr.AlreadyExists, "create topic", "it exists").At(name, -1)
	}
	t := &topic{name: name, spec: spec, resolution: wire.TopicInit}
	cl.topics[name] = t
	cl.publishTopic(t)
	if err := cl.provision(t); err != nil {
		cl.forget(t)
		return err
	}
	cl.logger.Info("topic created", "topic", name, "partitions", len(t.partitions))
	return cl.save()
}

// provision makes the partitions that a topic asks for and does not have yet, if there are SPUs for them; otherwise the
// topic waits. The lock is held.
func (cl *Cluster) provision(t *topic) error {
	t.resolution, t.reason = wire.TopicPending, "waiting for live spus"
	cl.publishTopic(t)
	old := t.partitions
	replicas := cl.place(t)
	if len(replicas) == 0 {
		t.resolution, t.reason = wire.TopicInsufficientResources, ""
		cl.publishTopic(t)
		return nil
	}
	parts := slices.Clone(old)
	for i := len(old); i < len(replicas); i++ {
		log, err := cl.openLog(t.name, uint32(i), t.spec)
		if err != nil {
			for _, p := range parts[len(old):] {
				p.remove()
			}
			return fluvioerr.Wrap(fluvioerr.Internal, "create topic", err).At(t.name, int32(i)).ForSetting("data_dir")
		}
		p := newPartition(cl, t.name, uint32(i), t.spec, replicas[i], log)
		p.mirror = partitionMirror(&t.spec.Replicas, i)
		parts = append(parts, p)
	}
	t.partitions, t.resolution, t.reason = parts, wire.TopicProvisioned, ""
	cl.reindex()
	cl.publishTopic(t)
	for _, p := range parts[len(old):] {
		cl.publishPartition(p)
	}
	for _, p := range parts[len(old):] {
		if p.settle() {
			cl.publishPartition(p)
		}
	}
	return nil
}

// partitionMirror is the part of a mirror topic's spec for one partition, nil for other topics.
func partitionMirror(r *wire.ReplicaSpec, i int) *wire.PartitionMirror {
	m := &r.Mirror
	switch {
	case r.Kind != wire.ReplicasMirror:
	case m.Kind == wire.MirrorHome && i < len(m.Partitions):
		return &wire.PartitionMirror{Kind: wire.MirrorHome, Home: m.Partitions[i]}
	case m.Kind == wire.MirrorRemote && i < len(m.HomeSPUs):
		s := m.HomeSPUs[i]
		return &wire.PartitionMirror{Kind: wire.MirrorRemote, HomeCluster: m.HomeCluster, HomeSPUKey: s.Key, HomeSPUID: s.ID,
			HomeEndpoint: s.Endpoint, Target: m.Target}
	}
	return nil
}

// place gives the replicas of every partition, those there are as they are. The leader of a new one goes to the online SPU
// that leads the fewest partitions, followers to those that follow the fewest. nil means that there are too few SPUs.
func (cl *Cluster) place(t *topic) [][]int32 {
	r := &t.spec.Replicas
	if r.Kind == wire.ReplicasAssigned {
		out := make([][]int32, len(r.Assigned))
		for i, m := range r.Assigned {
			out[i] = slices.Clone(m.Replicas)
		}
		return out
	}
	factor := 1
	if r.Kind == wire.ReplicasComputed {
		factor = int(r.ReplicationFactor)
	}
	live := cl.usableSPUs()
	if factor > len(live) || factor == 0 || r.PartitionCount() > mostPartitions {
		return nil
	}
	leaders, followers := cl.burden()
	out := make([][]int32, r.PartitionCount())
	for i := range out {
		if i < len(t.partitions) {
			continue
		}
		least := func(load map[int32]int) func(a, b int32) int {
			return func(a, b int32) int { return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(a, b)) }
		}
		leader := slices.MinFunc(live, least(leaders))
		leaders[leader]++
		rest := slices.DeleteFunc(slices.Clone(live), func(id int32) bool { return id == leader })
		slices.SortFunc(rest, least(followers))
		out[i] = append([]int32{leader}, rest[:factor-1]...)
		for _, id := range out[i][1:] {
			followers[id]++
		}
	}
	return out
}

// burden counts how many partitions each SPU leads and follows. The lock is held.
func (cl *Cluster) burden() (leaders, followers map[int32]int) {
	leaders, followers = map[int32]int{}, map[int32]int{}
	for _, t := range cl.topics {
		for _, p := range t.partitions {
			p.mu.Lock()
			for _, r := range p.replicas {
				if r == p.leader {
					leaders[r]++
				} else {
					followers[r]++
				}
			}
			p.mu.Unlock()
		}
	}
	return leaders, followers
}

// forget takes a topic out of everything. The lock is held.
func (cl *Cluster) forget(t *topic) {
	delete(cl.topics, t.name)
	cl.reindex()
	for _, p := range t.partitions {
		p.remove()
		cl.partitions.remove(p.name())
	}
	cl.topicStore.remove(t.name)
	for _, p := range t.partitions {
		cl.forgetConsumers(t.name, p.id)
	}
}

// removeTopic deletes a topic, whatever it is.
func (cl *Cluster) removeTopic(name string) error {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	t := cl.topics[name]
	if t == nil {
		return fluvioerr.New(fluvioerr.NotFound, "delete topic", "it does not exist").At(name, -1)
	}
	cl.forget(t)
	cl.logger.Info("topic deleted", "topic", name)
	return cl.save()
}

// settle brings topics and partitions in line with the SPUs that are online. A stopped SC settles nothing. The lock is
// held.
func (cl *Cluster) settle() {
	if !cl.sc.running() {
		return
	}
	for _, t := range cl.sortedTopics() {
		for _, p := range t.partitions {
			if p.settle() {
				cl.publishPartition(p)
			}
		}
		cl.settleTopic(t)
	}
	if err := cl.save(); err != nil {
		cl.logger.Error("cluster state not saved", "error", err)
	}
}

// settleTopic tries to make what a topic lacks. The lock is held.
func (cl *Cluster) settleTopic(t *topic) {
	if t.partitions != nil && len(t.partitions) >= t.spec.Replicas.PartitionCount() || len(cl.place(t)) == 0 {
		return
	}
	if err := cl.provision(t); err != nil {
		cl.logger.Error("topic not provisioned", "topic", t.name, "error", err)
	}
}

func (cl *Cluster) sortedTopics() []*topic {
	out := make([]*topic, 0, len(cl.topics))
	for _, t := range cl.topics {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *topic) int { return strings.Compare(a.name, b.name) })
	return out
}

func (cl *Cluster) publishTopic(t *topic) {
	status := &wire.TopicStatus{Resolution: t.resolution, Reason: t.reason}
	for _, p := range t.partitions {
		p.mu.Lock()
		status.Replicas = append(status.Replicas, wire.MapEntry[uint32, []int32]{Key: p.id, Value: slices.Clone(p.replicas)})
		if p.mirror != nil {
			status.Mirrors = append(status.Mirrors, wire.MapEntry[uint32, wire.PartitionMirror]{Key: p.id, Value: *p.mirror})
		}
		p.mu.Unlock()
	}
	cl.topicStore.put(t.name, t.spec, status)
}

func (cl *Cluster) publishPartition(p *partition) {
	spec, status := p.object()
	cl.partitions.put(p.name(), spec, status)
}

// knownPartition finds a partition or says what does not exist. The lock is held.
func (cl *Cluster) knownPartition(op, topic string, partition int32) (*partition, error) {
	t := cl.topics[topic]
	if t == nil {
		return nil, fluvioerr.New(fluvioerr.NotFound, op, "the topic does not exist").At(topic, -1)
	}
	if partition < 0 || int(partition) >= len(t.partitions) {
		return nil, fluvioerr.New(fluvioerr.NotFound, op, "the topic has %d partitions", len(t.partitions)).At(topic, partition)
	}
	return t.partitions[partition], nil
}
