package devcluster

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/libfluvio/libfluvio/core/devcluster/internal/smartengine"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Cluster is a running development cluster. Its methods may be called from any goroutine.
type Cluster struct {
	opts      Options
	platform  platform
	logger    *slog.Logger
	faults    *faults
	sc        *server
	spus      []*spuState // by id, ascending; fixed
	stores    map[string]*store
	control   *controlPort
	status    *statusReporter
	folder    *folderLock // nil in memory
	authority *authority  // nil without TLS
	tls       *tls.Config // of every server; nil without TLS
	consumers consumerOffsets
	engine    *smartengine.Engine
	clock     clock

	topicStore, partitions, spuStore *store

	mu           sync.Mutex // guards what follows and every change of metadata; taken before a partition's lock
	topics       map[string]*topic
	registered   map[string]*registration // SPUs by name
	unregistered map[int32]bool           // the cluster's own SPUs that a client has taken out
	closed       bool

	index atomic.Pointer[map[string][]*partition] // topics' partitions, replaced as a whole: the hot path reads it
	done  chan struct{}                           // closed with the cluster
	wg    sync.WaitGroup                          // what runs at intervals
}

// Start starts a cluster and returns when it serves. ctx limits the start only; Close ends the cluster.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	cl := &Cluster{
		opts: o, logger: o.Logger, faults: &faults{}, topics: map[string]*topic{}, stores: map[string]*store{},
		registered: map[string]*registration{}, unregistered: map[int32]bool{}, done: make(chan struct{}),
	}
	if cl.platform, err = newPlatform(o.PlatformVersion); err != nil {
		return nil, err
	}
	cl.clock.now = o.Now
	cl.engine = smartengine.New(smartengine.Options{MemoryLimit: uint64(o.SmartModuleMemory), TimeLimit: o.SmartModuleTime, Output: moduleOutput{o.Logger}})
	for _, label := range append(plainLabels(), wire.LabelTopic, wire.LabelPartition, wire.LabelSPU) {
		cl.stores[label] = newStore(label)
	}
	cl.topicStore, cl.partitions, cl.spuStore = cl.stores[wire.LabelTopic], cl.stores[wire.LabelPartition], cl.stores[wire.LabelSPU]
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
	if err := cl.openFolder(); err != nil {
		return err
	}
	if err := cl.startTLS(); err != nil {
		return err
	}
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
	err := cl.load()
	if err == nil {
		err = cl.ensureSystemTopic()
	}
	cl.mu.Unlock()
	if err != nil {
		return err
	}
	if err := cl.sc.start(); err != nil {
		return err
	}
	cl.every(cl.opts.CleanInterval, cl.Clean)
	cl.every(cl.opts.SnapshotInterval, func() { _ = cl.Resync() }) // a stopped SC sends none
	cl.every(cl.opts.SystemTopicInterval, cl.keepSystemTopic)
	cl.control, err = startControl(cl, cl.opts.Control)
	return err
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
	cl.sc.close()
	for _, s := range cl.spus {
		s.srv.close()
	}
	cl.status.stop()
	cl.wg.Wait()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	first := cl.engine.Close()
	for _, t := range cl.topics {
		for _, p := range t.partitions {
			p.mu.Lock()
			if err := p.log.store.close(); err != nil && first == nil {
				first = fluvioerr.Wrap(fluvioerr.Internal, "close dev cluster", err)
			}
			p.mu.Unlock()
		}
	}
	cl.folder.release()
	cl.removeCertificates()
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

// partition finds a partition without a lock.
func (cl *Cluster) partition(topic string, id uint32) *partition {
	if parts := (*cl.index.Load())[topic]; uint64(id) < uint64(len(parts)) {
		return parts[id]
	}
	return nil
}

// reindex rebuilds what partition reads. The lock is held.
func (cl *Cluster) reindex() {
	m := make(map[string][]*partition, len(cl.topics))
	for name, t := range cl.topics {
		m[name] = t.partitions
	}
	cl.index.Store(&m)
}
