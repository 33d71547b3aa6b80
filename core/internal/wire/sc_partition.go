package wire

import (
	"strconv"
	"strings"
)

// PartitionName is the SC's key of a partition.
func PartitionName(topic string, partition uint32) string {
	return topic + "-" + strconv.FormatUint(uint64(partition), 10)
}

// SplitPartitionName takes the SC's key of a partition apart, at the last '-': topic names may hold '-' themselves.
func SplitPartitionName(name string) (topic string, partition uint32, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(name[i+1:], 10, 32)
	if err != nil {
		return "", 0, false
	}
	return name[:i], uint32(n), true
}

// PartitionSpec says which SPU leads a partition. What follows Replicas are copies of the topic's settings.
type PartitionSpec struct {
	Leader        int32
	Replicas      []int32 // the leader included
	CleanupPolicy *CleanupPolicy
	Storage       *TopicStorage
	Compression   uint8
	Deduplication *Deduplication   // since 12
	System        bool             // since 13
	Mirror        *PartitionMirror // since 14
}

// Wire walks the spec.
func (m *PartitionSpec) Wire(c *Codec) {
	c.I32(&m.Leader)
	Vec(c, &m.Replicas, 4, (*Codec).I32)
	if c.Since(4) {
		Opt(c, &m.CleanupPolicy, (*Codec).cleanupPolicy)
		Opt(c, &m.Storage, (*Codec).topicStorage)
	}
	if c.Since(6) {
		c.U8(&m.Compression)
	}
	if c.Since(12) {
		Opt(c, &m.Deduplication, (*Codec).deduplication)
	}
	if c.Since(13) {
		c.Bool(&m.System)
	}
	if c.Since(14) {
		Opt(c, &m.Mirror, (*Codec).partitionMirror)
	}
}

// Resolutions of a PartitionStatus. Readable: online and out of storage.
const (
	PartitionOffline       uint8 = 0
	PartitionOnline        uint8 = 1
	PartitionLeaderOffline uint8 = 2
	PartitionElection      uint8 = 3
	PartitionOutOfStorage  uint8 = 4
)

// PartitionStatus is how a partition is, as its SPU last reported it: late by up to half a second.
type PartitionStatus struct {
	Resolution     uint8
	Leader         ReplicaStatus
	LSR            uint32          // followers whose log end equals the leader's
	Replicas       []ReplicaStatus // followers only
	Size           int64           // bytes; -1 error, -2 unknown
	IsBeingDeleted bool
	BaseOffset     int64 // since 16: first offset kept
}

// ReplicaStatus is one replica's offsets, -1 unknown.
type ReplicaStatus struct {
	SPU int32
	HW  int64
	LEO int64
}

// Wire walks the status.
func (m *PartitionStatus) Wire(c *Codec) {
	c.U8(&m.Resolution)
	m.Leader.wire(c)
	c.U32(&m.LSR)
	Vec(c, &m.Replicas, 20, func(c *Codec, r *ReplicaStatus) { r.wire(c) })
	if c.Since(5) {
		c.I64(&m.Size)
	}
	c.Bool(&m.IsBeingDeleted)
	if c.Since(16) {
		c.I64(&m.BaseOffset)
	}
}

func (r *ReplicaStatus) wire(c *Codec) { c.I32(&r.SPU); c.I64(&r.HW); c.I64(&r.LEO) }
