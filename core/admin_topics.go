package fluvio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// createTimeout is how long CreateTopic waits at most: the server itself waits up to 100 s until the partitions are online.
const createTimeout = 110 * time.Second

// TopicSpec is what a topic is created with.
type TopicSpec struct {
	// Partitions is their number. Default 1.
	Partitions uint32 `setting:"partitions" min:"1" max:"100000"`
	// Replication is the number of copies, each on its own SPU. Default 1.
	Replication uint32 `setting:"replication" min:"1" max:"1000"`
	// IgnoreRack is stored with the topic; servers place without regard to racks anyway.
	IgnoreRack bool `setting:"ignore_rack"`
	// Assignment places the replicas by hand: for every partition the ids of its SPUs, the leader first. Instead of Partitions,
	// Replication and IgnoreRack.
	Assignment [][]int32 `setting:"assignment"`
	// Mirror makes a topic that is copied from or to other clusters. Instead of Partitions, Replication, IgnoreRack and Assignment.
	Mirror TopicMirror `setting:"mirror"`
	// RetentionSeconds removes records older than this. 0: the cluster's default, 7 days.
	RetentionSeconds uint32 `setting:"retention_seconds" unit:"s" min:"10" max:"4294967295"`
	// SegmentSize is the size of a log file in bytes. 0: the cluster's default, 1 GiB.
	SegmentSize uint32 `setting:"segment_size" unit:"bytes" min:"1024" max:"4294967295"`
	// MaxPartitionSize removes the oldest segments of a larger partition, in bytes; at least SegmentSize. 0: the cluster's
	// default, 100 GiB.
	MaxPartitionSize uint64 `setting:"max_partition_size" unit:"bytes" min:"2048" max:"9223372036854775807"`
	// Compression is the policy for producers: any, none, gzip, snappy, lz4, zstd. Default any.
	Compression string `setting:"compression" enum:"any,none,gzip,snappy,lz4,zstd"`
	// Deduplication drops records that came before, by a SmartModule. Platform 0.10.13.
	Deduplication Deduplication `setting:"deduplication"`
	// System makes a topic of the system: lists leave it out, and only force deletes it. Platform 0.11.6.
	System bool `setting:"system"`
	// DryRun only checks.
	DryRun bool `setting:"dry_run"`
}

// Deduplication is how a topic drops records that came before. The zero value: not at all.
type Deduplication struct {
	// SmartModule decides, for instance fluvio/dedup-bloom-filter@0.1.0. It must be in the cluster.
	SmartModule string `setting:"smartmodule" json:"smartmodule"`
	// Count is how many records it remembers at least.
	Count uint64 `setting:"count" json:"count" min:"1" max:"9223372036854775807"`
	// Age is for how long it remembers them at least. 0: no matter how old they are.
	Age time.Duration `setting:"age_ms" json:"age_ms" min:"1" max:"9223372036854"`
	// Params go to the SmartModule.
	Params map[string]string `setting:"params" json:"params"`
}

// TopicMirror says how a topic is copied between clusters. The zero value: not at all.
type TopicMirror struct {
	// Kind is home, on the cluster that has a partition for each remote one, or remote, on those.
	Kind string `setting:"kind" json:"kind" enum:"home,remote"`
	// Partitions of a home topic: each is copied from a remote cluster.
	Partitions []MirrorPartition `setting:"partitions" json:"partitions"`
	// Source copies a home topic to the remote clusters instead. Platform 0.13.
	Source bool `setting:"source" json:"source"`
	// HomeCluster of a remote topic is the name of the mirror that stands for its home.
	HomeCluster string `setting:"home_cluster" json:"home_cluster"`
	// HomeSPUs of a remote topic: one for each partition.
	HomeSPUs []MirrorSPU `setting:"home_spus" json:"home_spus"`
	// Target makes a remote topic the copy instead. Platform 0.13.
	Target bool `setting:"target" json:"target"`
}

// MirrorPartition is a partition of a home topic.
type MirrorPartition struct {
	RemoteCluster string `setting:"remote_cluster" json:"remote_cluster"` // the name of its mirror
	RemoteReplica string `setting:"remote_replica" json:"remote_replica"` // topic-partition there; default: the topic's name and 0
	Source        bool   `setting:"source" json:"source"`
}

// MirrorSPU is an SPU of the home cluster.
type MirrorSPU struct {
	ID       int32  `setting:"id" json:"id"`
	Key      string `setting:"key" json:"key"`           // its name there
	Endpoint string `setting:"endpoint" json:"endpoint"` // host:port
}

// Topic is a topic of the cluster: what was asked for, and what is.
type Topic struct {
	Name             string         `json:"name"`
	Partitions       uint32         `json:"partitions"`
	Replication      uint32         `json:"replication"` // 0 when the replicas were assigned by hand
	IgnoreRack       bool           `json:"ignore_rack"`
	Assignment       [][]int32      `json:"assignment"`         // as TopicSpec has it; nil: the SC places
	Mirror           *TopicMirror   `json:"mirror"`             // nil: it is no mirror
	RetentionSeconds uint32         `json:"retention_seconds"`  // 0: the cluster's default
	SegmentSize      uint32         `json:"segment_size"`       // bytes, 0: the cluster's default
	MaxPartitionSize uint64         `json:"max_partition_size"` // bytes, 0: the cluster's default
	Compression      string         `json:"compression"`        // the policy: any, none, gzip, snappy, lz4, zstd
	Deduplication    *Deduplication `json:"deduplication"`      // nil: none
	System           bool           `json:"is_system"`
	// Status is init, pending, insufficient-resources, invalid-config, provisioned or deleting. Provisioned: the replicas are
	// placed, which does not say that their SPUs are online.
	Status   string            `json:"status"`
	Reason   string            `json:"reason"` // why the status is so, may be empty
	Replicas []PartitionPlaces `json:"replicas"`
}

// PartitionPlaces are the places of one partition.
type PartitionPlaces struct {
	Partition uint32           `json:"partition"`
	SPUs      []int32          `json:"spus"`   // ids, the leader as it was placed first
	Mirror    *PartitionMirror `json:"mirror"` // nil: it is no mirror
}

// PartitionMirror is the other side of a mirrored partition.
type PartitionMirror struct {
	Kind          string `json:"kind"` // home or remote: what this cluster is
	RemoteCluster string `json:"remote_cluster"`
	RemoteReplica string `json:"remote_replica"`
	Source        bool   `json:"source"`
	HomeCluster   string `json:"home_cluster"`
	HomeSPU       int32  `json:"home_spu"`
	HomeSPUKey    string `json:"home_spu_key"`
	HomeEndpoint  string `json:"home_endpoint"`
	Target        bool   `json:"target"`
}

// checkTopicName holds a name against the server's rule; the server itself forgets to refuse the empty one.
func checkTopicName(op, name string) error {
	bad := func(format string, args ...any) error {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "topic name "+format, args...).ForSetting("topic").
			WithHint("use 1 to 63 of a-z, 0-9 and -, not - first or last")
	}
	if name == "" {
		return bad("is empty")
	}
	if len(name) > 63 {
		return bad("%q has %d bytes, 63 are allowed", name, len(name))
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return bad("%q has a character that is not allowed, at byte %d", name, i)
		}
	}
	if name[0] == '-' || name[len(name)-1] == '-' {
		return bad("%q begins or ends with -", name)
	}
	return nil
}

// Validate reports every problem of the spec at once, by the server's rules.
func (s TopicSpec) Validate() error { return s.problems().err("topic") }

func (s TopicSpec) problems() *problems {
	p := checked(s)
	if s.MaxPartitionSize != 0 {
		if segment := uint64(orDefault(s.SegmentSize, 1<<30)); s.MaxPartitionSize < segment {
			which := "segment_size"
			if s.SegmentSize == 0 {
				which = "the default of segment_size"
			}
			p.add("max_partition_size", "%d is smaller than %s, %d", s.MaxPartitionSize, which, segment)
		}
	}
	s.checkAssignment(p)
	s.checkMirror(p)
	if d := &s.Deduplication; d.given() {
		if d.SmartModule == "" {
			p.add("deduplication.smartmodule", "is missing: the SmartModule that finds duplicates")
		} else if _, err := wire.ParseSmartModuleName(d.SmartModule); err != nil {
			p.add("deduplication.smartmodule", "%s; write group/name@version", fluvioerr.As(err).Message)
		}
		if d.Count == 0 {
			p.add("deduplication.count", "is missing: how many records to remember")
		}
	}
	return p
}

func (d *Deduplication) given() bool {
	return d.SmartModule != "" || d.Count != 0 || d.Age != 0 || len(d.Params) > 0
}

func (m *TopicMirror) given() bool {
	return m.Kind != "" || len(m.Partitions) > 0 || m.Source || m.HomeCluster != "" || len(m.HomeSPUs) > 0 || m.Target
}

// placed says that the number of partitions and replicas was given.
func (s *TopicSpec) placed() bool { return s.Partitions != 0 || s.Replication != 0 || s.IgnoreRack }

func (s *TopicSpec) checkAssignment(p *problems) {
	if len(s.Assignment) == 0 {
		return
	}
	if s.placed() {
		p.add("assignment", "cannot be combined with partitions, replication and ignore_rack: it says both")
	}
	for i, replicas := range s.Assignment {
		sorted := slices.Clone(replicas)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
		switch {
		case len(replicas) == 0:
			p.add("assignment", "partition %d has no SPU", i)
		case len(replicas) != len(s.Assignment[0]):
			p.add("assignment", "partition %d has %d SPUs and partition 0 has %d: all need the same number", i, len(replicas), len(s.Assignment[0]))
		case sorted[0] < 0:
			p.add("assignment", "partition %d has the SPU %d, ids are not negative", i, sorted[0])
		case len(slices.Compact(sorted)) != len(replicas):
			p.add("assignment", "partition %d has an SPU twice", i)
		}
	}
}

func (s *TopicSpec) checkMirror(p *problems) {
	m := &s.Mirror
	if !m.given() {
		return
	}
	if s.placed() || len(s.Assignment) > 0 {
		p.add("mirror", "cannot be combined with partitions, replication, ignore_rack and assignment")
	}
	home := len(m.Partitions) > 0 || m.Source
	remote := m.HomeCluster != "" || len(m.HomeSPUs) > 0 || m.Target
	switch {
	case m.Kind == "":
		p.add("mirror.kind", "is missing: home or remote")
	case m.Kind == "home" && remote:
		p.add("mirror", "home_cluster, home_spus and target are for the kind remote")
	case m.Kind == "remote" && home:
		p.add("mirror", "partitions and source are for the kind home")
	case m.Kind == "remote" && m.HomeCluster == "":
		p.add("mirror.home_cluster", "is missing: the mirror that stands for the home cluster")
	}
	for i := range m.Partitions {
		if m.Partitions[i].RemoteCluster == "" {
			p.add(fmt.Sprintf("mirror.partitions[%d].remote_cluster", i), "is missing")
		}
	}
}

// wire gives the spec as the SC takes it.
func (s *TopicSpec) wire(name string) *wire.TopicSpec {
	spec := &wire.TopicSpec{Replicas: s.replicas(name), System: s.System}
	for number, policy := range topicPolicies {
		if policy == orDefault(s.Compression, "any") {
			spec.Compression = number
		}
	}
	if s.RetentionSeconds != 0 {
		spec.CleanupPolicy = &wire.CleanupPolicy{Seconds: s.RetentionSeconds}
	}
	if s.SegmentSize != 0 || s.MaxPartitionSize != 0 {
		spec.Storage = &wire.TopicStorage{}
		if s.SegmentSize != 0 {
			spec.Storage.SegmentSize = &s.SegmentSize
		}
		if s.MaxPartitionSize != 0 {
			spec.Storage.MaxPartitionSize = &s.MaxPartitionSize
		}
	}
	if d := &s.Deduplication; d.given() {
		spec.Deduplication = &wire.Deduplication{Count: d.Count, Uses: d.SmartModule}
		if d.Age > 0 {
			spec.Deduplication.Age = &wire.Duration{Seconds: uint64(d.Age / time.Second), Nanos: uint32(d.Age % time.Second)}
		}
		for _, key := range slices.Sorted(maps.Keys(d.Params)) {
			spec.Deduplication.With = append(spec.Deduplication.With, wire.MapEntry[string, string]{Key: key, Value: d.Params[key]})
		}
	}
	return spec
}

func (s *TopicSpec) replicas(name string) wire.ReplicaSpec {
	switch m := &s.Mirror; {
	case m.Kind == "home":
		config := wire.MirrorConfig{Kind: wire.MirrorHome, Source: m.Source}
		for _, p := range m.Partitions {
			config.Partitions = append(config.Partitions, wire.HomePartition{
				RemoteCluster: p.RemoteCluster, RemoteReplica: orDefault(p.RemoteReplica, wire.PartitionName(name, 0)), Source: p.Source,
			})
		}
		return wire.ReplicaSpec{Kind: wire.ReplicasMirror, Mirror: config}
	case m.Kind == "remote":
		config := wire.MirrorConfig{Kind: wire.MirrorRemote, HomeCluster: m.HomeCluster, Target: m.Target}
		for _, spu := range m.HomeSPUs {
			config.HomeSPUs = append(config.HomeSPUs, wire.MirrorSPU(spu))
		}
		return wire.ReplicaSpec{Kind: wire.ReplicasMirror, Mirror: config}
	case len(s.Assignment) > 0:
		out := wire.ReplicaSpec{Kind: wire.ReplicasAssigned}
		for i, replicas := range s.Assignment {
			out.Assigned = append(out.Assigned, wire.PartitionMap{ID: uint32(i), Replicas: replicas})
		}
		return out
	}
	return wire.ReplicaSpec{Kind: wire.ReplicasComputed, Partitions: orDefault(s.Partitions, 1), ReplicationFactor: orDefault(s.Replication, 1), IgnoreRack: s.IgnoreRack}
}

// CreateTopic creates a topic and returns when every partition has a leader that is online and this client knows them; of a
// mirror when the SC has stored it. It ends with ctx, and after 110 s at the latest. After a timeout the topic may exist all the
// same; it becomes usable when SPUs appear.
func (a *Admin) CreateTopic(ctx context.Context, name string, spec TopicSpec) error {
	const op = "create topic"
	if err := a.client.ready(ctx, op); err != nil {
		return err
	}
	if err := checkTopicName(op, name); err != nil {
		return err
	}
	if err := spec.Validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	var status wire.Status
	req := &wire.CreateRequest{Label: wire.LabelTopic, Name: name, DryRun: spec.DryRun, Spec: spec.wire(name)}
	if err := a.createTopic(ctx, req, &status); err != nil {
		return named(err, op, name)
	}
	if err := statusError(&status, op, name); err != nil || spec.DryRun || spec.Mirror.given() {
		return err
	}
	if err := a.client.cluster.TopicReady(ctx, name, 0, false); err != nil {
		if e := fluvioerr.As(err); e.Code == fluvioerr.NotFound {
			e.Message = "it was created, and somebody has deleted it meanwhile"
		}
		return named(err, op, name)
	}
	return nil
}

// answerGrace is how long the SC may take to answer after its own watch has shown that the new topic is online.
const answerGrace = 2 * time.Second

var errOnline = errors.New("the watch shows that the topic is online")

// createTopic sends the request for a topic. A real SC that has just deleted one can miss that the next one is online, and
// answers TopicNotProvisioned after 90 s: when the watch shows a topic as it was asked for, which was not there before, with all
// its partitions online, and no answer comes, that is success.
func (a *Admin) createTopic(ctx context.Context, req *wire.CreateRequest, status *wire.Status) error {
	cl := a.client.cluster
	spec, ok := req.Spec.(*wire.TopicSpec)
	if req.DryRun || !ok || cl.Snapshot().Topics[req.Name] != nil {
		return cl.ControlLong(ctx, wire.KeyCreate, req, status)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if !cl.AwaitOnline(ctx, req.Name, spec) {
			return
		}
		select {
		case <-time.After(answerGrace):
			cancel(errOnline)
		case <-ctx.Done():
		}
	}()
	err := cl.ControlLong(ctx, wire.KeyCreate, req, status)
	cancel(nil)
	<-watched
	if err != nil && errors.Is(context.Cause(ctx), errOnline) {
		return nil
	}
	return err
}

// DeleteTopic deletes a topic with all its records, and returns when this client has heard of it.
func (a *Admin) DeleteTopic(ctx context.Context, name string) error {
	return a.deleteTopic(ctx, name, false)
}

// ForceDeleteTopic is DeleteTopic for topics of the system too.
func (a *Admin) ForceDeleteTopic(ctx context.Context, name string) error {
	return a.deleteTopic(ctx, name, true)
}

func (a *Admin) deleteTopic(ctx context.Context, name string, force bool) error {
	const op = "delete topic"
	if err := a.client.ready(ctx, op); err != nil {
		return err
	}
	if err := checkTopicName(op, name); err != nil {
		return err
	}
	var status wire.Status
	if err := a.client.cluster.Control(ctx, wire.KeyDelete, &wire.DeleteRequest{Label: wire.LabelTopic, Name: name, Force: force}, &status); err != nil {
		return named(err, op, name)
	}
	if err := statusError(&status, op, name); err != nil {
		return err
	}
	// So that whoever creates the topic anew does not take the old one for it. The watch is a little later, if it works at all.
	ctx, cancel := context.WithTimeout(ctx, answerGrace)
	defer cancel()
	a.client.cluster.AwaitGone(ctx, name)
	return nil
}

// WaitTopic returns when a topic is there, with a leader online for each of its partitions, and this client knows them. It
// ends with ctx, after 110 s if that has no deadline; the error then says what is missing.
func (a *Admin) WaitTopic(ctx context.Context, name string) error {
	const op = "wait for topic"
	if err := a.client.ready(ctx, op); err != nil {
		return err
	}
	if err := checkTopicName(op, name); err != nil {
		return err
	}
	ctx, cancel := limited(ctx, createTimeout)
	defer cancel()
	return named(a.client.cluster.TopicReady(ctx, name, 0, true), op, name)
}

// AddPartitions adds that many partitions to a topic, and returns when they have leaders that are online and this client knows
// them. It ends with ctx, after 110 s if that has no deadline; they may have been added all the same. Platform 0.11.10.
func (a *Admin) AddPartitions(ctx context.Context, topic string, count uint32) error {
	const op = "add partitions"
	if count == 0 {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "count is 0").ForSetting("count").WithHint("give the number of partitions to add, 1 or more")
	}
	if err := a.client.ready(ctx, op); err != nil { // else nothing is known of the topic before
		return err
	}
	ctx, cancel := limited(ctx, createTimeout)
	defer cancel()
	before := 0
	if t := a.client.cluster.Snapshot().Topics[topic]; t != nil {
		before = len(t.Partitions)
	}
	if err := a.update(ctx, op, &wire.UpdateRequest{Name: topic, Action: wire.UpdateAddPartitions, Partitions: count}); err != nil {
		return err
	}
	return named(a.client.cluster.TopicReady(ctx, topic, before+int(count), false), op, topic)
}

// AddMirror adds a remote cluster, by the name of its mirror, to a home topic: a partition for it. Platform 0.11.10.
func (a *Admin) AddMirror(ctx context.Context, topic, remoteCluster string) error {
	const op = "add mirror"
	if err := a.checkObjectName(ctx, op, remoteCluster); err != nil {
		return err
	}
	if err := a.update(ctx, op, &wire.UpdateRequest{Name: topic, Action: wire.UpdateAddMirror, RemoteCluster: remoteCluster}); err != nil {
		return err
	}
	// The SC answers before its lists have it.
	ctx, cancel := context.WithTimeout(ctx, answerGrace)
	defer cancel()
	a.client.cluster.AwaitTopic(ctx, topic, func(t *cluster.Topic) bool {
		return slices.ContainsFunc(t.Spec.Replicas.Mirror.Partitions, func(p wire.HomePartition) bool { return p.RemoteCluster == remoteCluster })
	})
	return nil
}

func (a *Admin) update(ctx context.Context, op string, req *wire.UpdateRequest) error {
	if err := a.client.ready(ctx, op); err != nil {
		return err
	}
	if err := checkTopicName(op, req.Name); err != nil {
		return err
	}
	req.Label = wire.LabelTopic
	var status wire.Status
	if err := a.client.cluster.Control(ctx, wire.KeyUpdate, req, &status); err != nil {
		return named(err, op, req.Name)
	}
	return statusError(&status, op, req.Name)
}

// topics is how topics are listed and watched.
var topics = kind[Topic]{objects{wire.LabelTopic, "topic"}, topicOf, func(x, y *Topic) int { return cmp.Compare(x.Name, y.Name) }}

// Topics lists topics in the order of their names, without options all but those of the system. Servers give none to those
// who have no right to read.
func (a *Admin) Topics(ctx context.Context, options ...ListOptions) ([]Topic, error) {
	return list(ctx, a, topics, options)
}

// Topic describes a topic, also one of the system. NotFound: there is none.
func (a *Admin) Topic(ctx context.Context, name string) (Topic, error) {
	if err := checkTopicName("describe topic", name); err != nil {
		return Topic{}, err
	}
	names := []string{name}
	return describe(ctx, a, topics, name, func(t *Topic) bool { return t.Name == name }, ListOptions{Names: names}, ListOptions{Names: names, System: true})
}

// WatchTopics tells of topics that come, change and go, those of the system included.
func (a *Admin) WatchTopics(ctx context.Context) (*Watch[Topic], error) { return watch(ctx, a, topics) }

func topicOf(o *wire.Object) Topic {
	spec, status := o.Spec.(*wire.TopicSpec), o.Status.(*wire.TopicStatus)
	t := Topic{
		Name: o.Name, Partitions: uint32(spec.Replicas.PartitionCount()), System: spec.System, Reason: status.Reason,
		Status:      of(status.Resolution, "init", "pending", "insufficient-resources", "invalid-config", "provisioned", "deleting"),
		Compression: topicPolicies[spec.Compression], Deduplication: deduplicationOf(spec.Deduplication),
	}
	switch r := &spec.Replicas; r.Kind {
	case wire.ReplicasComputed:
		t.Replication, t.IgnoreRack = r.ReplicationFactor, r.IgnoreRack
	case wire.ReplicasAssigned:
		t.Assignment = [][]int32{}
		for _, p := range r.Assigned {
			t.Assignment = append(t.Assignment, p.Replicas)
		}
	case wire.ReplicasMirror:
		t.Mirror = mirrorConfigOf(&r.Mirror)
	}
	t.RetentionSeconds = value(spec.CleanupPolicy).Seconds
	storage := value(spec.Storage)
	t.SegmentSize, t.MaxPartitionSize = value(storage.SegmentSize), value(storage.MaxPartitionSize)
	for _, p := range status.Replicas {
		places := PartitionPlaces{Partition: p.Key, SPUs: p.Value}
		for i := range status.Mirrors {
			if status.Mirrors[i].Key == p.Key {
				places.Mirror = partitionMirrorOf(&status.Mirrors[i].Value)
			}
		}
		t.Replicas = append(t.Replicas, places)
	}
	sort.Slice(t.Replicas, func(i, j int) bool { return t.Replicas[i].Partition < t.Replicas[j].Partition })
	return t
}

func deduplicationOf(d *wire.Deduplication) *Deduplication {
	if d == nil {
		return nil
	}
	out := &Deduplication{SmartModule: d.Uses, Count: d.Count, Params: map[string]string{}}
	if d.Age != nil {
		out.Age = time.Duration(min(d.Age.Seconds, 1<<33))*time.Second + time.Duration(d.Age.Nanos)
	}
	for _, e := range d.With {
		out.Params[e.Key] = e.Value
	}
	return out
}

func mirrorConfigOf(m *wire.MirrorConfig) *TopicMirror {
	if m.Kind == wire.MirrorRemote {
		out := &TopicMirror{Kind: "remote", HomeCluster: m.HomeCluster, Target: m.Target}
		for _, spu := range m.HomeSPUs {
			out.HomeSPUs = append(out.HomeSPUs, MirrorSPU(spu))
		}
		return out
	}
	out := &TopicMirror{Kind: "home", Source: m.Source}
	for _, p := range m.Partitions {
		out.Partitions = append(out.Partitions, MirrorPartition(p))
	}
	return out
}

func partitionMirrorOf(m *wire.PartitionMirror) *PartitionMirror {
	switch {
	case m == nil:
		return nil
	case m.Kind == wire.MirrorRemote:
		return &PartitionMirror{Kind: "remote", HomeCluster: m.HomeCluster, HomeSPU: m.HomeSPUID, HomeSPUKey: m.HomeSPUKey, HomeEndpoint: m.HomeEndpoint, Target: m.Target}
	}
	return &PartitionMirror{Kind: "home", RemoteCluster: m.Home.RemoteCluster, RemoteReplica: m.Home.RemoteReplica, Source: m.Home.Source}
}
