package fluvio

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Partition is a partition of the cluster. Offsets and sizes are as its SPU last reported them: late by half a second.
type Partition struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Leader    int32   `json:"leader"`   // the id of the SPU
	Replicas  []int32 `json:"replicas"` // ids of SPUs, the leader included
	// Status is offline, online, leader-offline, election (a leader is being found) or out-of-storage (it can be read).
	Status         string        `json:"status"`
	HighWatermark  int64         `json:"high_watermark"` // behind the last record that all replicas have; -1 unknown
	LogEndOffset   int64         `json:"log_end_offset"` // behind the last record; -1 unknown
	StartOffset    int64         `json:"start_offset"`   // of the first record kept
	Size           int64         `json:"size"`           // bytes; -1 unknown
	InSync         uint32        `json:"in_sync"`        // followers that have all records
	Followers      []ReplicaView `json:"followers"`      // the other replicas, as far as the leader has told
	IsBeingDeleted bool          `json:"is_being_deleted"`
	// The rest are the topic's settings.
	RetentionSeconds uint32           `json:"retention_seconds"`
	SegmentSize      uint32           `json:"segment_size"`
	MaxPartitionSize uint64           `json:"max_partition_size"`
	Compression      string           `json:"compression"`
	Deduplication    *Deduplication   `json:"deduplication"`
	System           bool             `json:"is_system"`
	Mirror           *PartitionMirror `json:"mirror"`
}

// ReplicaView is how far a replica has come; -1 is unknown.
type ReplicaView struct {
	SPU           int32 `json:"spu"`
	HighWatermark int64 `json:"high_watermark"`
	LogEndOffset  int64 `json:"log_end_offset"`
}

// partitions is how partitions are listed and watched.
var partitions = kind[Partition]{objects{wire.LabelPartition, "partition"}, partitionOf, func(x, y *Partition) int {
	return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition))
}}

// Partitions lists partitions, in the order of topics and numbers, without options all but those of the system.
func (a *Admin) Partitions(ctx context.Context, options ...ListOptions) ([]Partition, error) {
	return list(ctx, a, partitions, options)
}

// Partition describes a partition, also one of the system. NotFound: there is none.
func (a *Admin) Partition(ctx context.Context, topic string, partition int32) (Partition, error) {
	if err := checkTopicName("describe partition", topic); err != nil {
		return Partition{}, err
	}
	is := func(p *Partition) bool { return p.Partition == partition }
	name := fmt.Sprintf("%s-%d", topic, partition)
	return describe(ctx, a, partitions, name, is, ListOptions{Topic: topic}, ListOptions{Topic: topic, System: true})
}

// WatchPartitions tells of partitions that come, change and go, those of the system included. Offsets are changes too: a
// partition that is written to brings up to three events a second.
func (a *Admin) WatchPartitions(ctx context.Context) (*Watch[Partition], error) {
	return watch(ctx, a, partitions)
}

func partitionOf(o *wire.Object) Partition {
	spec, status := o.Spec.(*wire.PartitionSpec), o.Status.(*wire.PartitionStatus)
	topic, number, _ := wire.SplitPartitionName(o.Name)
	p := Partition{
		Topic: strings.Clone(topic), Partition: int32(number), Leader: spec.Leader, Replicas: spec.Replicas,
		Status:        of(status.Resolution, "offline", "online", "leader-offline", "election", "out-of-storage"),
		HighWatermark: status.Leader.HW, LogEndOffset: status.Leader.LEO, StartOffset: status.BaseOffset, Size: max(status.Size, -1),
		InSync: status.LSR, IsBeingDeleted: status.IsBeingDeleted,
		Compression: topicPolicies[spec.Compression], Deduplication: deduplicationOf(spec.Deduplication), System: spec.System,
		Mirror: partitionMirrorOf(spec.Mirror), RetentionSeconds: value(spec.CleanupPolicy).Seconds,
	}
	storage := value(spec.Storage)
	p.SegmentSize, p.MaxPartitionSize = value(storage.SegmentSize), value(storage.MaxPartitionSize)
	for _, r := range status.Replicas {
		p.Followers = append(p.Followers, ReplicaView{SPU: r.SPU, HighWatermark: r.HW, LogEndOffset: r.LEO})
	}
	return p
}
