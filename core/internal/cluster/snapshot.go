package cluster

import (
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Snapshot is the cluster as last heard. It is immutable but for the offsets inside Partition.
type Snapshot struct {
	Topics map[string]*Topic
	SPUs   map[int32]*SPU
}

// Topic is a topic and its partitions.
type Topic struct {
	Name       string
	Spec       *wire.TopicSpec
	Status     *wire.TopicStatus
	Partitions []*Partition // by number; nil while the SC has not told of it yet
}

// Complete says whether the SC has told of every partition.
func (t *Topic) Complete() bool {
	for _, p := range t.Partitions {
		if p == nil {
			return false
		}
	}
	return len(t.Partitions) > 0
}

// missing says in parentheses how many partitions the SC has not told of; t may be nil.
func (t *Topic) missing() string {
	if t == nil {
		return ""
	}
	n := 0
	for _, p := range t.Partitions {
		if p == nil {
			n++
		}
	}
	return fmt.Sprintf(" (%d of %d are not)", n, len(t.Partitions))
}

// Partition is a partition and who leads it.
type Partition struct {
	Topic      string
	ID         int32
	Leader     int32
	Replicas   []int32
	Resolution uint8
	// Moves rises with every change of leader that the watch told of, and when the partition is made anew, so that who missed
	// a snapshot notices a leader that went and came back. It says nothing across partitions.
	Moves uint64
	// Made is the Moves with which the partition appeared: it changes when the topic was deleted and made anew under its name, as far
	// as the watch told. What happened between two watches it does not tell.
	Made    uint64
	hw, leo *atomic.Int64 // shared by successive snapshots: they change several times a second
}

// Online says whether the partition can be written and read.
func (p *Partition) Online() bool {
	return p.Resolution == wire.PartitionOnline || p.Resolution == wire.PartitionOutOfStorage
}

// Offsets are high watermark and log end offset as the SC last heard, up to a second late; -1 unknown.
func (p *Partition) Offsets() (hw, leo int64) { return p.hw.Load(), p.leo.Load() }

// SPU is a server of partitions.
type SPU struct {
	ID     int32
	Name   string
	Addr   string // as this client reaches it; empty when the SC gives none
	Online bool
}

// maxPartitions bounds what a snapshot allocates for one topic, whatever count the server names.
const maxPartitions = 1 << 20

// state is what the watch goroutine builds snapshots from: the SC's objects by their names.
type state struct {
	spus       map[string]*wire.SPUSpec
	spuStatus  map[string]*wire.SPUStatus
	topics     map[string]wire.Object
	partitions map[string]*partitionState
	moves      uint64                     // the last number given out as Partition.Moves
	earlier    map[string]*partitionState // the partitions of the watch before this one, while this one loads
}

type partitionState struct {
	spec    *wire.PartitionSpec
	status  *wire.PartitionStatus
	moves   uint64
	made    uint64
	hw, leo *atomic.Int64
}

func newState() *state {
	return &state{spus: map[string]*wire.SPUSpec{}, spuStatus: map[string]*wire.SPUStatus{}, topics: map[string]wire.Object{}, partitions: map[string]*partitionState{}}
}

// succeed makes s, which is empty, go on counting moves where the state of an earlier watch ended: a partition that kept its
// leader has not moved because the watch was lost. loaded ends that.
func (s *state) succeed(before *state) { s.moves, s.earlier = before.moves, before.partitions }

// loaded says that the watch has told of all there is: what comes from now on is new.
func (s *state) loaded() { s.earlier = nil }

// apply takes a watch message in and says whether anything but offsets changed.
func (s *state) apply(m *wire.MetadataUpdate) (changed bool) {
	if len(m.All) > 0 {
		keep := make(map[string]bool, len(m.All))
		for i := range m.All {
			keep[m.All[i].Name] = true
			changed = s.put(m.Label, &m.All[i]) || changed
		}
		return s.dropOthers(m.Label, keep) || changed
	}
	updated := map[string]bool{}
	for i := range m.Changes {
		if c := &m.Changes[i]; c.Kind == wire.ChangeUpdate {
			updated[c.Object.Name] = true
			changed = s.put(m.Label, &c.Object) || changed
		}
	}
	for i := range m.Changes {
		c := &m.Changes[i]
		if c.Kind != wire.ChangeDelete {
			continue
		}
		if !updated[c.Object.Name] {
			changed = s.drop(m.Label, c.Object.Name) || changed
		} else if p := s.partitions[c.Object.Name]; p != nil && m.Label == wire.LabelPartition { // made anew
			s.moves++
			p.moves, p.made, changed = s.moves, s.moves, true
		}
	}
	return changed
}

// put takes an object in and says whether anything but offsets differs from what was known of it.
func (s *state) put(label string, o *wire.Object) bool {
	switch label {
	case wire.LabelSPU:
		spec, status := o.Spec.(*wire.SPUSpec), o.Status.(*wire.SPUStatus)
		same := reflect.DeepEqual(s.spus[o.Name], spec) && reflect.DeepEqual(s.spuStatus[o.Name], status)
		s.spus[o.Name], s.spuStatus[o.Name] = spec, status
		return !same
	case wire.LabelTopic:
		old := s.topics[o.Name]
		s.topics[o.Name] = *o
		return !reflect.DeepEqual(old.Spec, o.Spec) || !reflect.DeepEqual(old.Status, o.Status)
	case wire.LabelPartition:
		spec, status := o.Spec.(*wire.PartitionSpec), o.Status.(*wire.PartitionStatus)
		old := s.partitions[o.Name]
		p := &partitionState{spec: spec, status: status}
		if old != nil {
			p.hw, p.leo = old.hw, old.leo
		} else {
			p.hw, p.leo = new(atomic.Int64), new(atomic.Int64)
		}
		p.hw.Store(status.Leader.HW)
		p.leo.Store(status.Leader.LEO)
		s.partitions[o.Name] = p
		last := old
		if last == nil {
			last = s.earlier[o.Name]
		}
		if last != nil && last.spec.Leader == spec.Leader {
			p.moves = last.moves
		} else {
			s.moves++ // one counter for all: a partition that is made anew gets no number that it had
			p.moves = s.moves
		}
		if p.made = p.moves; last != nil {
			p.made = last.made
		}
		return old == nil || old.spec.Leader != spec.Leader || old.status.Resolution != status.Resolution || !slices.Equal(old.spec.Replicas, spec.Replicas)
	}
	return false
}

// drop removes an object and says whether it was there.
func (s *state) drop(label, name string) (known bool) {
	switch label {
	case wire.LabelSPU:
		_, known = s.spus[name]
		delete(s.spus, name)
		delete(s.spuStatus, name)
	case wire.LabelTopic:
		_, known = s.topics[name]
		delete(s.topics, name)
	case wire.LabelPartition:
		_, known = s.partitions[name]
		delete(s.partitions, name)
		delete(s.earlier, name)
	}
	return known
}

func (s *state) dropOthers(label string, keep map[string]bool) (changed bool) {
	drop := func(name string) {
		if !keep[name] {
			changed = s.drop(label, name) || changed
		}
	}
	switch label {
	case wire.LabelSPU:
		for name := range s.spus {
			drop(name)
		}
	case wire.LabelTopic:
		for name := range s.topics {
			drop(name)
		}
	case wire.LabelPartition:
		for name := range s.partitions {
			drop(name)
		}
	}
	return changed
}

// snapshot builds the immutable view. local selects the SPUs' local endpoints.
func (s *state) snapshot(local bool) *Snapshot {
	snap := &Snapshot{Topics: make(map[string]*Topic, len(s.topics)), SPUs: make(map[int32]*SPU, len(s.spus))}
	for name, spec := range s.spus {
		snap.SPUs[spec.ID] = &SPU{ID: spec.ID, Name: name, Addr: spec.PublicAddr(local), Online: s.spuStatus[name].Resolution == wire.SPUOnline}
	}
	for name, o := range s.topics {
		spec := o.Spec.(*wire.TopicSpec)
		status := o.Status.(*wire.TopicStatus)
		n := min(spec.Replicas.PartitionCount(), maxPartitions)
		snap.Topics[name] = &Topic{Name: name, Spec: spec, Status: status, Partitions: make([]*Partition, n)}
	}
	for name, p := range s.partitions {
		topic, id, ok := wire.SplitPartitionName(name)
		t := snap.Topics[topic]
		if !ok || t == nil || uint64(id) >= uint64(len(t.Partitions)) {
			continue
		}
		t.Partitions[id] = &Partition{Topic: topic, ID: int32(id), Leader: p.spec.Leader, Replicas: p.spec.Replicas, Resolution: p.status.Resolution, Moves: p.moves, Made: p.made, hw: p.hw, leo: p.leo}
	}
	return snap
}
