package wire

// Compression settings of a topic. They number differently from the codec ids in batches.
const (
	TopicCompressionNone   uint8 = 0
	TopicCompressionGzip   uint8 = 1
	TopicCompressionSnappy uint8 = 2
	TopicCompressionLz4    uint8 = 3
	TopicCompressionAny    uint8 = 4
	TopicCompressionZstd   uint8 = 5
)

// TopicSpec is what a topic was asked to be.
type TopicSpec struct {
	Replicas      ReplicaSpec
	CleanupPolicy *CleanupPolicy
	Storage       *TopicStorage
	Compression   uint8
	Deduplication *Deduplication // since 12
	System        bool           // since 13
}

// Wire walks the spec.
func (m *TopicSpec) Wire(c *Codec) {
	m.Replicas.wire(c)
	if c.Since(3) {
		Opt(c, &m.CleanupPolicy, (*Codec).cleanupPolicy)
	}
	if c.Since(4) {
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
}

// Kinds of a ReplicaSpec.
const (
	ReplicasAssigned uint8 = 0 // the replicas of each partition are given
	ReplicasComputed uint8 = 1 // the SC places them
	ReplicasMirror   uint8 = 2
)

// ReplicaSpec says how many partitions a topic has and where their replicas are.
type ReplicaSpec struct {
	Kind              uint8
	Assigned          []PartitionMap
	Partitions        uint32
	ReplicationFactor uint32
	IgnoreRack        bool
	Mirror            MirrorConfig
}

// PartitionCount is the number of partitions the spec asks for.
func (r *ReplicaSpec) PartitionCount() int {
	switch r.Kind {
	case ReplicasAssigned:
		return len(r.Assigned)
	case ReplicasComputed:
		return int(r.Partitions)
	}
	if r.Mirror.Kind == MirrorRemote {
		return len(r.Mirror.HomeSPUs)
	}
	return len(r.Mirror.Partitions)
}

func (r *ReplicaSpec) wire(c *Codec) {
	c.U8(&r.Kind)
	switch r.Kind {
	case ReplicasAssigned:
		Vec(c, &r.Assigned, 8, func(c *Codec, p *PartitionMap) {
			c.U32(&p.ID)
			Vec(c, &p.Replicas, 4, (*Codec).I32)
			if c.Since(14) {
				Opt(c, &p.Mirror, (*Codec).partitionMirror)
			}
		})
	case ReplicasComputed:
		c.U32(&r.Partitions)
		c.U32(&r.ReplicationFactor)
		c.Bool(&r.IgnoreRack)
	case ReplicasMirror:
		r.Mirror.wire(c)
	default:
		c.Fail("replica spec kind %d is unknown", r.Kind)
	}
}

// PartitionMap assigns replicas to a partition; the first SPU id is the leader.
type PartitionMap struct {
	ID       uint32
	Replicas []int32
	Mirror   *PartitionMirror // since 14
}

// CleanupPolicy removes closed segments older than Seconds. Segment (tag 0) is the only kind.
type CleanupPolicy struct{ Seconds uint32 }

func (c *Codec) cleanupPolicy(p *CleanupPolicy) {
	tag := uint8(0)
	c.U8(&tag)
	if tag != 0 {
		c.Fail("cleanup policy %d is unknown", tag)
		return
	}
	c.U32(&p.Seconds)
}

// TopicStorage limits segments and partitions, in bytes.
type TopicStorage struct {
	SegmentSize      *uint32
	MaxPartitionSize *uint64
}

func (c *Codec) topicStorage(s *TopicStorage) {
	c.OptU32(&s.SegmentSize)
	c.OptU64(&s.MaxPartitionSize)
}

// Deduplication drops repeated records by a SmartModule.
type Deduplication struct {
	Count uint64
	Age   *Duration
	Uses  string // the SmartModule's name
	With  []MapEntry[string, string]
}

func (c *Codec) deduplication(d *Deduplication) {
	c.U64(&d.Count)
	Opt(c, &d.Age, func(c *Codec, v *Duration) { v.Wire(c) })
	c.String(&d.Uses)
	Map(c, &d.With, 4, (*Codec).String, (*Codec).String)
}

// Kinds of mirror configurations.
const (
	MirrorRemote uint8 = 0 // this cluster is the edge
	MirrorHome   uint8 = 1 // this cluster is the hub
)

// MirrorConfig is the replica spec of a mirror topic.
type MirrorConfig struct {
	Kind        uint8
	HomeCluster string
	HomeSPUs    []MirrorSPU
	Target      bool // since 18
	Partitions  []HomePartition
	Source      bool // since 18
}

// MirrorSPU is an SPU of the home cluster.
type MirrorSPU struct {
	ID       int32
	Key      string
	Endpoint string
}

// HomePartition is a partition that receives from a remote cluster.
type HomePartition struct {
	RemoteCluster string
	RemoteReplica string
	Source        bool // since 18
}

func (m *MirrorConfig) wire(c *Codec) {
	c.U8(&m.Kind)
	switch m.Kind {
	case MirrorRemote:
		c.String(&m.HomeCluster)
		Vec(c, &m.HomeSPUs, 8, func(c *Codec, s *MirrorSPU) { c.I32(&s.ID); c.String(&s.Key); c.String(&s.Endpoint) })
		if c.Since(18) {
			c.Bool(&m.Target)
		}
	case MirrorHome:
		Vec(c, &m.Partitions, 4, (*Codec).homePartition)
		if c.Since(18) {
			c.Bool(&m.Source)
		}
	default:
		c.Fail("mirror kind %d is unknown", m.Kind)
	}
}

func (c *Codec) homePartition(p *HomePartition) {
	c.String(&p.RemoteCluster)
	c.String(&p.RemoteReplica)
	if c.Since(18) {
		c.Bool(&p.Source)
	}
}

// PartitionMirror is the mirror part of one partition.
type PartitionMirror struct {
	Kind         uint8 // MirrorRemote or MirrorHome
	HomeCluster  string
	HomeSPUKey   string
	HomeSPUID    int32
	HomeEndpoint string
	Target       bool // since 18
	Home         HomePartition
}

func (c *Codec) partitionMirror(m *PartitionMirror) {
	c.U8(&m.Kind)
	switch m.Kind {
	case MirrorRemote:
		c.String(&m.HomeCluster)
		c.String(&m.HomeSPUKey)
		c.I32(&m.HomeSPUID)
		c.String(&m.HomeEndpoint)
		if c.Since(18) {
			c.Bool(&m.Target)
		}
	case MirrorHome:
		c.homePartition(&m.Home)
	default:
		c.Fail("partition mirror kind %d is unknown", m.Kind)
	}
}

// Resolutions of a TopicStatus. Provisioned means that a replica map exists, not that the partitions are online.
const (
	TopicInit                  uint8 = 0
	TopicPending               uint8 = 1
	TopicInsufficientResources uint8 = 2
	TopicInvalidConfig         uint8 = 3
	TopicProvisioned           uint8 = 4
	TopicDeleting              uint8 = 5
)

// TopicStatus is what became of a topic.
type TopicStatus struct {
	Resolution uint8
	Replicas   []MapEntry[uint32, []int32]
	Mirrors    []MapEntry[uint32, PartitionMirror] // since 14
	Reason     string
}

// Wire walks the status.
func (m *TopicStatus) Wire(c *Codec) {
	c.U8(&m.Resolution)
	Map(c, &m.Replicas, 8, (*Codec).U32, func(c *Codec, v *[]int32) { Vec(c, v, 4, (*Codec).I32) })
	if c.Since(14) {
		Map(c, &m.Mirrors, 5, (*Codec).U32, (*Codec).partitionMirror)
	}
	c.String(&m.Reason)
}
