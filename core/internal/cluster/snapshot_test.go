package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func spuObject(name string, id int32, port uint16) wire.Object {
	host := "127.0.0.1"
	return wire.Object{Name: name, Spec: &wire.SPUSpec{ID: id, PublicEndpoint: wire.IngressPort{Port: port, Ingress: []wire.IngressAddr{{Hostname: &host}}}}, Status: &wire.SPUStatus{}}
}

func topicObject(name string, partitions uint32) wire.Object {
	return wire.Object{
		Name: name, Spec: &wire.TopicSpec{Replicas: wire.ReplicaSpec{Kind: wire.ReplicasComputed, Partitions: partitions, ReplicationFactor: 1}},
		Status: &wire.TopicStatus{Resolution: wire.TopicProvisioned},
	}
}

func partitionObject(name string, leader int32, leo int64) wire.Object {
	return wire.Object{
		Name: name, Spec: &wire.PartitionSpec{Leader: leader, Replicas: []int32{leader}},
		Status: &wire.PartitionStatus{Resolution: wire.PartitionOnline, Leader: wire.ReplicaStatus{SPU: leader, HW: leo, LEO: leo}},
	}
}

func all(label string, objects ...wire.Object) *wire.MetadataUpdate {
	return &wire.MetadataUpdate{Label: label, Epoch: 1, All: objects}
}

func update(o wire.Object) wire.Change { return wire.Change{Kind: wire.ChangeUpdate, Object: o} }
func remove(o wire.Object) wire.Change { return wire.Change{Kind: wire.ChangeDelete, Object: o} }

func changes(label string, c ...wire.Change) *wire.MetadataUpdate {
	return &wire.MetadataUpdate{Label: label, Epoch: 2, Changes: c}
}

// filled is a state with an SPU, and topic a with two partitions.
func filled(t *testing.T) *state {
	s := newState()
	require.True(t, s.apply(all(wire.LabelSPU, spuObject("spu-1", 5001, 9010))))
	require.True(t, s.apply(all(wire.LabelPartition, partitionObject("a-0", 5001, 0), partitionObject("a-1", 5001, 7))))
	require.True(t, s.apply(all(wire.LabelTopic, topicObject("a", 2))))
	return s
}

func TestSnapshot(t *testing.T) {
	snap := filled(t).snapshot(false)
	require.Len(t, snap.Topics, 1)
	a := snap.Topics["a"]
	require.True(t, a.Complete())
	require.EqualValues(t, 5001, a.Partitions[1].Leader)
	hw, leo := a.Partitions[1].Offsets()
	require.EqualValues(t, 7, hw)
	require.EqualValues(t, 7, leo)
	require.Equal(t, "127.0.0.1:9010", snap.SPUs[5001].Addr)
	require.True(t, snap.SPUs[5001].Online)
}

func TestFullSnapshotReplaces(t *testing.T) {
	s := filled(t)
	require.True(t, s.apply(all(wire.LabelTopic, topicObject("b", 1))))
	require.Nil(t, s.snapshot(false).Topics["a"])
	require.NotNil(t, s.snapshot(false).Topics["b"])
	require.NotNil(t, s.snapshot(false).SPUs[5001], "other types stay")
}

func TestRepeatedSnapshotChangesNothing(t *testing.T) {
	s := filled(t)
	require.False(t, s.apply(all(wire.LabelSPU, spuObject("spu-1", 5001, 9010))))
	require.False(t, s.apply(all(wire.LabelPartition, partitionObject("a-0", 5001, 0), partitionObject("a-1", 5001, 7))))
	require.False(t, s.apply(all(wire.LabelTopic, topicObject("a", 2))))
	require.True(t, s.apply(all(wire.LabelSPU, spuObject("spu-1", 5001, 9011))), "an address that moved is a change")
}

func TestEmptyMessageChangesNothing(t *testing.T) {
	s := filled(t)
	for _, label := range labels {
		for _, epoch := range []int64{0, 1, 99} {
			require.False(t, s.apply(&wire.MetadataUpdate{Label: label, Epoch: epoch}))
		}
	}
	require.True(t, s.snapshot(false).Topics["a"].Complete())
}

func TestUpdateWinsOverDelete(t *testing.T) {
	s := filled(t)
	require.True(t, s.apply(changes(wire.LabelTopic, update(topicObject("a", 3)), remove(topicObject("a", 2)))))
	require.Len(t, s.snapshot(false).Topics["a"].Partitions, 3, "it was made anew")
	require.True(t, s.apply(changes(wire.LabelTopic, remove(topicObject("a", 3)))))
	require.Nil(t, s.snapshot(false).Topics["a"])
	require.False(t, s.apply(changes(wire.LabelTopic, remove(topicObject("a", 3)))), "it is gone already")
}

func TestOffsetsAloneAreNoChange(t *testing.T) {
	s := filled(t)
	before := s.snapshot(false).Topics["a"].Partitions[0]
	require.False(t, s.apply(changes(wire.LabelPartition, update(partitionObject("a-0", 5001, 42)))))
	_, leo := before.Offsets()
	require.EqualValues(t, 42, leo, "snapshots that are out show them all the same")
	require.True(t, s.apply(changes(wire.LabelPartition, update(partitionObject("a-0", 5002, 42)))), "another leader is a change")
	offline := partitionObject("a-0", 5002, 42)
	offline.Status.(*wire.PartitionStatus).Resolution = wire.PartitionLeaderOffline
	require.True(t, s.apply(changes(wire.LabelPartition, update(offline))))
	require.False(t, s.snapshot(false).Topics["a"].Partitions[0].Online())
}

func TestMoves(t *testing.T) {
	s := filled(t)
	moves := func() uint64 { return s.snapshot(false).Topics["a"].Partitions[0].Moves }
	other := s.snapshot(false).Topics["a"].Partitions[1].Moves
	last := moves()
	rises := func(why string) {
		t.Helper()
		require.Greater(t, moves(), last, why)
		last = moves()
	}
	here, there := partitionObject("a-0", 5001, 1), partitionObject("a-0", 5002, 1)
	s.apply(changes(wire.LabelPartition, update(there)))
	s.apply(changes(wire.LabelPartition, update(here)))
	rises("there and back")
	s.apply(changes(wire.LabelPartition, update(partitionObject("a-0", 5001, 2))))
	require.Equal(t, last, moves(), "offsets are no move")
	s.apply(changes(wire.LabelPartition, remove(here)))
	s.apply(changes(wire.LabelPartition, update(here)))
	rises("deleted and made again")
	require.True(t, s.apply(changes(wire.LabelPartition, update(here), remove(here))))
	rises("deleted and made again in one message")
	require.Equal(t, other, s.snapshot(false).Topics["a"].Partitions[1].Moves, "the other partition stayed")

	// The watch is lost and comes back.
	again := func(o ...wire.Object) {
		next := newState()
		next.succeed(s)
		next.apply(all(wire.LabelPartition, o...))
		next.apply(all(wire.LabelTopic, topicObject("a", 2)))
		next.loaded()
		s = next
	}
	again(here)
	require.Equal(t, last, moves(), "no move by itself")
	again(there)
	rises("moved meanwhile")
	again(partitionObject("a-1", 5001, 0))
	s.apply(changes(wire.LabelPartition, update(there)))
	rises("deleted meanwhile, made again after")
}

func TestSnapshotOfOddMetadata(t *testing.T) {
	s := newState()
	s.apply(all(wire.LabelTopic, topicObject("a-b", 2), topicObject("zero", 0)))
	s.apply(all(wire.LabelPartition, partitionObject("a-b-1", 9, 0), partitionObject("a-b-2", 9, 0), partitionObject("a-b-4294967295", 9, 0),
		partitionObject("stray-0", 9, 0), partitionObject("unnumbered", 9, 0), partitionObject("a-b-x", 9, 0)))
	noAddress := spuObject("spu-1", 5001, 9010)
	noAddress.Spec.(*wire.SPUSpec).PublicEndpoint.Ingress = nil
	s.apply(all(wire.LabelSPU, noAddress))
	snap := s.snapshot(false)
	require.Len(t, snap.Topics, 2)
	require.False(t, snap.Topics["a-b"].Complete(), "partition 0 is not told of yet")
	require.NotNil(t, snap.Topics["a-b"].Partitions[1], "names have dashes too")
	require.False(t, snap.Topics["zero"].Complete())
	require.Empty(t, snap.SPUs[5001].Addr)
}
