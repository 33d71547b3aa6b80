package devcluster

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Cluster is a running development cluster. Its methods may be called from any goroutine.
type Cluster struct {
	opts    Options
	logger  *slog.Logger
	faults  *faults
	sc      *server
	spus    []*spuState // by id, ascending; fixed
	stores  map[string]*store
	control *controlPort
	status  *statusReporter

	topicStore, partitions, spuStore *store

	mu     sync.Mutex // guards topics and every change of metadata; taken before a partition's lock
	topics map[string]*topic
	index  atomic.Pointer[map[string][]*partition] // topics' partitions, replaced as a whole: the hot path reads it
	closed bool
	done   chan struct{} // closed with the cluster
}

// spuState is one SPU.
type spuState struct {
	id     int32
	srv    *server
	online atomic.Bool
}

// topic is one topic with its partitions; it has none until SPUs are found for it.
type topic struct {
	name       string
	spec       *wire.TopicSpec
	resolution uint8
	reason     string
	partitions []*partition
}

// systemTopic holds consumer offsets. The SC makes it by itself.
const systemTopic = "consumer-offset"

// Start starts a cluster and returns when it serves. ctx limits the start only; Close ends the cluster.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	cl := &Cluster{
		opts: o, logger: o.Logger, faults: &faults{}, topics: map[string]*topic{}, done: make(chan struct{}),
		topicStore: newStore(wire.LabelTopic), partitions: newStore(wire.LabelPartition), spuStore: newStore(wire.LabelSPU),
	}
	cl.stores = map[string]*store{wire.LabelTopic: cl.topicStore, wire.LabelPartition: cl.partitions, wire.LabelSPU: cl.spuStore}
	cl.index.Store(&map[string][]*partition{})
	cl.sc = newServer(cl, wire.SC, 0, o.Listen)
	host, _, _ := net.SplitHostPort(o.Listen)
	for i := range o.SPUs {
		port := 0
		if i < len(o.SPUPorts) {
			port = o.SPUPorts[i]
		}
		id := int32(firstSPU + i)
		cl.spus = append(cl.spus, &spuState{id: id, srv: newServer(cl, wire.SPU, id, net.JoinHostPort(host, strconv.Itoa(port)))})
	}
	cl.status = newStatusReporter(cl)
	if err := cl.startAll(ctx); err != nil {
		_ = cl.Close()
		return nil, err
	}
	return cl, nil
}

// startAll opens the SPUs, the stored topics, the SC and the control port, in this order, so that whoever reaches the SC
// finds everything in place.
func (cl *Cluster) startAll(ctx context.Context) error {
	for _, s := range cl.spus {
		if err := ctx.Err(); err != nil {
			return fluvioerr.FromContext(ctx, "start dev cluster", "the servers to listen", 0)
		}
		if err := s.srv.start(); err != nil {
			return err
		}
		s.online.Store(true)
	}
	cl.mu.Lock()
	for _, s := range cl.spus {
		cl.publishSPU(s)
	}
	err := cl.loadTopics()
	if err == nil && cl.topics[systemTopic] == nil {
		err = cl.addTopicLocked(systemTopic, systemTopicSpec())
	}
	cl.mu.Unlock()
	if err != nil {
		return err
	}
	if err := cl.sc.start(); err != nil {
		return err
	}
	cl.control, err = startControl(cl, cl.opts.Control)
	return err
}

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

// Close stops everything and returns when no goroutine of the cluster is left. Records in memory are gone, a data folder
// stays. A second call does nothing.
func (cl *Cluster) Close() error {
	cl.mu.Lock()
	if cl.closed {
		cl.mu.Unlock()
		return nil
	}
	cl.closed = true
	close(cl.done)
	cl.mu.Unlock()
	if cl.control != nil {
		cl.control.stop()
	}
	cl.sc.stop()
	for _, s := range cl.spus {
		s.srv.stop()
	}
	cl.status.stop()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	var first error
	for _, t := range cl.topics {
		for _, p := range t.partitions {
			p.mu.Lock()
			if err := p.log.store.close(); err != nil && first == nil {
				first = fluvioerr.Wrap(fluvioerr.Internal, "close dev cluster", err)
			}
			p.mu.Unlock()
		}
	}
	return first
}

// Endpoint is the SC's host:port, what clients connect to.
func (cl *Cluster) Endpoint() string { return reachable(cl.sc.endpoint()) }

// SPUEndpoints are the SPUs' host:port in the order of their ids.
func (cl *Cluster) SPUEndpoints() []string {
	out := make([]string, len(cl.spus))
	for i, s := range cl.spus {
		out[i] = reachable(s.srv.endpoint())
	}
	return out
}

// ControlURL is http://host:port of the control port.
func (cl *Cluster) ControlURL() string { return cl.control.url }

// reachable turns an address that means every interface into one to connect to.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

func (cl *Cluster) store(label string) *store { return cl.stores[label] }

func (cl *Cluster) spu(id int32) *spuState {
	for _, s := range cl.spus {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (cl *Cluster) online(id int32) bool {
	s := cl.spu(id)
	return s != nil && s.online.Load()
}

func (cl *Cluster) topic(name string) *topic {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.topics[name]
}

// partition finds a partition without a lock.
func (cl *Cluster) partition(topic string, id uint32) *partition {
	if parts := (*cl.index.Load())[topic]; uint64(id) < uint64(len(parts)) {
		return parts[id]
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

// reindex rebuilds what partition reads. The lock is held.
func (cl *Cluster) reindex() {
	m := make(map[string][]*partition, len(cl.topics))
	for name, t := range cl.topics {
		m[name] = t.partitions
	}
	cl.index.Store(&m)
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
	t.resolution, t.reason = wire.TopicPending, "waiting for live spus"
	cl.publishTopic(t)
	if err := cl.provision(t); err != nil {
		cl.forget(t)
		return err
	}
	cl.logger.Info("topic created", "topic", name, "partitions", len(t.partitions))
	return cl.save()
}

// provision places a topic's partitions on SPUs, if there are enough of them; otherwise the topic waits.
func (cl *Cluster) provision(t *topic) error {
	replicas := cl.place(t.spec)
	if replicas == nil {
		t.resolution, t.reason = wire.TopicInsufficientResources, ""
		cl.publishTopic(t)
		return nil
	}
	parts := make([]*partition, len(replicas))
	for i, r := range replicas {
		log, err := cl.openLog(t.name, uint32(i), t.spec)
		if err != nil {
			return fluvioerr.Wrap(fluvioerr.Internal, "create topic", err).At(t.name, int32(i)).ForSetting("data_dir")
		}
		parts[i] = newPartition(cl, t.name, uint32(i), t.spec, r, log)
	}
	t.partitions, t.resolution, t.reason = parts, wire.TopicProvisioned, ""
	cl.reindex()
	cl.publishTopic(t)
	for _, p := range parts {
		cl.publishPartition(p)
	}
	for _, p := range parts {
		if p.settle() {
			cl.publishPartition(p)
		}
	}
	return nil
}

// place chooses replicas: the leader goes to the online SPU that leads the fewest partitions, followers to those that
// follow the fewest. nil means that there are too few SPUs.
func (cl *Cluster) place(spec *wire.TopicSpec) [][]int32 {
	if spec.Replicas.Kind == wire.ReplicasAssigned {
		out := make([][]int32, len(spec.Replicas.Assigned))
		for i, m := range spec.Replicas.Assigned {
			out[i] = slices.Clone(m.Replicas)
		}
		return out
	}
	leaders, followers := map[int32]int{}, map[int32]int{}
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
	var live []int32
	for _, s := range cl.spus {
		if s.online.Load() {
			live = append(live, s.id)
		}
	}
	factor := max(int(spec.Replicas.ReplicationFactor), 1)
	if factor > len(live) {
		return nil
	}
	out := make([][]int32, spec.Replicas.PartitionCount())
	for i := range out {
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

// forget takes a topic out of everything. The lock is held.
func (cl *Cluster) forget(t *topic) {
	delete(cl.topics, t.name)
	cl.reindex()
	for _, p := range t.partitions {
		p.remove()
		cl.partitions.remove(p.name())
	}
	cl.topicStore.remove(t.name)
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
		if t.partitions == nil {
			if err := cl.provision(t); err != nil {
				cl.logger.Error("topic not provisioned", "topic", t.name, "error", err)
			}
			continue
		}
		for _, p := range t.partitions {
			if p.settle() {
				cl.publishPartition(p)
			}
		}
	}
	if err := cl.save(); err != nil {
		cl.logger.Error("cluster state not saved", "error", err)
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
		p.mu.Unlock()
	}
	cl.topicStore.put(t.name, t.spec, status)
}

func (cl *Cluster) publishPartition(p *partition) {
	spec, status := p.object()
	cl.partitions.put(p.name(), spec, status)
}

func (cl *Cluster) publishSPU(s *spuState) {
	host, port, _ := net.SplitHostPort(reachable(s.srv.endpoint()))
	n, _ := strconv.ParseUint(port, 10, 16)
	status := &wire.SPUStatus{Resolution: wire.SPUOffline}
	if s.online.Load() {
		status.Resolution = wire.SPUOnline
	}
	cl.spuStore.put("custom-spu-"+strconv.Itoa(int(s.id)), &wire.SPUSpec{
		ID: s.id, Type: 1,
		PublicEndpoint:  wire.IngressPort{Port: uint16(n), Ingress: []wire.IngressAddr{{Hostname: &host}}},
		PrivateEndpoint: wire.Endpoint{Port: uint16(n), Host: host}, // there is no private port: SPUs share the process
	}, status)
}
