package devcluster

import (
	"math"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// TopicOptions are the settings of a topic made with CreateTopicWith. Zero values mean the server's defaults.
type TopicOptions struct {
	Partitions       int    // 1 when 0
	Replication      int    // 1 when 0
	Compression      string // "any" (the default), "none", "gzip", "snappy", "lz4" or "zstd"
	RetentionSeconds int    // at least 10
	SegmentSize      int    // bytes, at least 1024
	MaxPartitionSize int    // bytes, at least 2048 and the segment size
}

var compressionNames = map[string]uint8{
	"": wire.TopicCompressionAny, "any": wire.TopicCompressionAny, "none": wire.TopicCompressionNone,
	"gzip": wire.TopicCompressionGzip, "snappy": wire.TopicCompressionSnappy, "lz4": wire.TopicCompressionLz4,
	"zstd": wire.TopicCompressionZstd,
}

// CreateTopic makes a topic with the server's defaults and waits until its partitions are online.
func (cl *Cluster) CreateTopic(name string, partitions int) error {
	return cl.CreateTopicWith(name, TopicOptions{Partitions: partitions})
}

// CreateTopicWith makes a topic by the SC's rules and waits until its partitions are online.
func (cl *Cluster) CreateTopicWith(name string, o TopicOptions) error {
	const op = "create topic"
	codec, ok := compressionNames[o.Compression]
	if !ok {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "%q is unknown; accepted are any, none, gzip, snappy, lz4, zstd", o.Compression).
			At(name, -1).ForSetting("compression")
	}
	for _, v := range []struct {
		setting string
		value   int
		most    uint64
	}{{"partitions", o.Partitions, math.MaxUint32}, {"replication", o.Replication, math.MaxUint32}, {"retention_seconds", o.RetentionSeconds, math.MaxUint32},
		{"segment_size", o.SegmentSize, math.MaxUint32}, {"max_partition_size", o.MaxPartitionSize, math.MaxInt64}} {
		if v.value < 0 || uint64(v.value) > v.most {
			return fluvioerr.New(fluvioerr.InvalidArgument, op, "%s is %d, accepted are 0 to %d", v.setting, v.value, v.most).At(name, -1).ForSetting(v.setting)
		}
	}
	spec := &wire.TopicSpec{Compression: codec, Replicas: wire.ReplicaSpec{
		Kind: wire.ReplicasComputed, Partitions: uint32(max(o.Partitions, 1)), ReplicationFactor: uint32(max(o.Replication, 1)),
	}}
	if o.RetentionSeconds > 0 {
		spec.CleanupPolicy = &wire.CleanupPolicy{Seconds: uint32(o.RetentionSeconds)}
	}
	if o.SegmentSize > 0 || o.MaxPartitionSize > 0 {
		spec.Storage = &wire.TopicStorage{}
		if n := uint32(o.SegmentSize); n > 0 {
			spec.Storage.SegmentSize = &n
		}
		if n := uint64(o.MaxPartitionSize); n > 0 {
			spec.Storage.MaxPartitionSize = &n
		}
	}
	if !cl.sc.running() {
		return scStopped(op)
	}
	status := cl.createTopic(&wire.CreateRequest{Name: name}, spec, cl.done)
	if status.Error.Ok() {
		return nil
	}
	return fluvioerr.FromServer(status.Error.Code, op, *status.Message).At(name, -1)
}

// AddPartitions adds partitions to a topic, as a client may, and returns when they are there, if there are SPUs for them.
func (cl *Cluster) AddPartitions(name string, count int) error {
	const op = "add partitions"
	if count < 1 || count > mostPartitions {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "%d partitions, accepted are 1 to %d", count, mostPartitions).At(name, -1)
	}
	if !cl.sc.running() {
		return scStopped(op)
	}
	status, err := cl.addPartitions(name, uint32(count))
	if err != nil {
		return fluvioerr.Wrap(fluvioerr.Internal, op, err).At(name, -1)
	}
	if !status.Error.Ok() {
		return fluvioerr.FromServer(status.Error.Code, op, "").At(name, -1)
	}
	cl.growTopic(name)
	return nil
}

// DeleteTopic removes a topic; open streams of it end with TopicDeleted.
func (cl *Cluster) DeleteTopic(name string) error {
	if !cl.sc.running() {
		return scStopped("delete topic")
	}
	return cl.removeTopic(name)
}

func scStopped(op string) error {
	return fluvioerr.New(fluvioerr.InvalidState, op, "the SC is stopped")
}

// StopSPU stops an SPU as a kill would: its connections break, its port refuses. Partitions it leads move to replicas that
// have everything, or wait for it.
func (cl *Cluster) StopSPU(id int32) error {
	s := cl.spu(id)
	if s == nil {
		return noSPU("stop SPU", id)
	}
	if !s.online.Swap(false) {
		return fluvioerr.New(fluvioerr.InvalidState, "stop SPU", "SPU %d is stopped", id)
	}
	s.srv.stop()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.sc.running() {
		cl.spuChanged(s.id)
	}
	cl.settle()
	return nil
}

// StartSPU starts a stopped SPU on the port it had.
func (cl *Cluster) StartSPU(id int32) error { return cl.startSPU(id, (*server).start) }

// StartSPUElsewhere starts a stopped SPU on another port of its host, which the SC tells everyone from then on. One that a client
// has registered is still told at the address that the client gave.
func (cl *Cluster) StartSPUElsewhere(id int32) error {
	return cl.startSPU(id, (*server).startElsewhere)
}

func (cl *Cluster) startSPU(id int32, start func(*server) error) error {
	s := cl.spu(id)
	if s == nil {
		return noSPU("start SPU", id)
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return fluvioerr.New(fluvioerr.Closed, "start SPU", "the cluster is closed")
	}
	if err := start(s.srv); err != nil {
		return err
	}
	s.online.Store(true)
	if cl.sc.running() {
		cl.spuChanged(s.id)
	}
	cl.settle()
	return nil
}

func noSPU(op string, id int32) error {
	return fluvioerr.New(fluvioerr.NotFound, op, "there is no SPU %d", id)
}

// StopSC stops the SC: connections and watches to it break. SPUs go on serving; no leader moves meanwhile.
func (cl *Cluster) StopSC() error {
	if !cl.sc.running() {
		return scStopped("stop SC")
	}
	cl.sc.stop()
	return nil
}

// StartSC starts the SC on the port it had. Its epochs begin anew.
func (cl *Cluster) StartSC() error {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return fluvioerr.New(fluvioerr.Closed, "start SC", "the cluster is closed")
	}
	if cl.sc.running() {
		return fluvioerr.New(fluvioerr.InvalidState, "start SC", "it is running")
	}
	for _, label := range plainLabels() {
		cl.stores[label].restart()
	}
	for _, s := range []*store{cl.topicStore, cl.partitions, cl.spuStore} {
		s.reset()
	}
	cl.publishSPUs()
	for _, t := range cl.sortedTopics() {
		cl.publishTopic(t)
		for _, p := range t.partitions {
			cl.publishPartition(p)
		}
	}
	if err := cl.sc.start(); err != nil {
		return err
	}
	if err := cl.ensureSystemTopic(); err != nil {
		return err
	}
	cl.settle()
	return nil
}

// Resync makes the SC send a full snapshot to every watch, as real ones do every five minutes.
func (cl *Cluster) Resync() error {
	if !cl.sc.running() {
		return scStopped("resync")
	}
	for _, s := range cl.stores {
		s.resync()
	}
	return nil
}

// MoveLeader makes an SPU the leader of a partition. One that is no replica takes the old leader's place, with its
// records. Streams on the old leader fall silent, as on a real cluster.
func (cl *Cluster) MoveLeader(topic string, partition, spu int32) error {
	const op = "move leader"
	if !cl.online(spu) {
		if cl.spu(spu) == nil {
			return noSPU(op, spu)
		}
		return fluvioerr.New(fluvioerr.InvalidState, op, "SPU %d is stopped", spu)
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if !cl.sc.running() {
		return scStopped(op)
	}
	p, err := cl.knownPartition(op, topic, partition)
	if err != nil {
		return err
	}
	p.setLeader(spu)
	p.settle()
	cl.publishPartition(p)
	cl.publishTopic(cl.topics[topic])
	return cl.save()
}

// EvictBefore removes records before an offset, as retention would, but at any offset: it becomes the first one kept.
func (cl *Cluster) EvictBefore(topic string, partition int32, offset int64) error {
	const op = "evict records"
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed { // another cluster may have the folder by now
		return fluvioerr.New(fluvioerr.Closed, op, "the cluster is closed")
	}
	p, err := cl.knownPartition(op, topic, partition)
	if err != nil {
		return err
	}
	p.mu.Lock()
	if offset > p.log.next {
		p.mu.Unlock()
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "offset %d is beyond the log's end %d", offset, p.log.next).At(topic, partition)
	}
	p.log.evict(offset)
	p.mu.Unlock()
	cl.markDirty(p)
	return cl.save()
}

// FailAppends makes every write to a partition fail with a server code, for example 56 (StorageError) or 72
// (PartitionFull); 0 ends it.
func (cl *Cluster) FailAppends(topic string, partition int32, code fluvioerr.ServerCode) error {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	p, err := cl.knownPartition("fail appends", topic, partition)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.failure = code
	p.mu.Unlock()
	return nil
}

// Offsets are a partition's first offset kept, high watermark and log end offset.
func (cl *Cluster) Offsets(topic string, partition int32) (start, hw, end int64, err error) {
	cl.mu.Lock()
	p, err := cl.knownPartition("read offsets", topic, partition)
	cl.mu.Unlock()
	if err != nil {
		return 0, 0, 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.start, p.hw, p.log.next, nil
}

// Leader is the id of the SPU that leads a partition.
func (cl *Cluster) Leader(topic string, partition int32) (int32, error) {
	cl.mu.Lock()
	p, err := cl.knownPartition("find leader", topic, partition)
	cl.mu.Unlock()
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leader, nil
}

// AddRule puts a fault rule in force until it is removed. One that can never act is refused.
func (cl *Cluster) AddRule(r Rule) (*RuleHandle, error) {
	if r.SPU != 0 && r.SPU != SC && cl.spu(r.SPU) == nil {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "add fault rule", "spu is %d, and there is no such SPU; 0 means any server, %d the SC", r.SPU, SC)
	}
	return cl.faults.add(r)
}
