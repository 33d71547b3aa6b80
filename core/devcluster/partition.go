package devcluster

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// partition is one partition with its replicas. All replicas share one log, because they live in one process; what
// differs between them is how far each has come, which marks says. A replica whose SPU is down stays where it was and
// catches up at once when the SPU returns.
type partition struct {
	cl     *Cluster
	topic  string
	id     uint32
	spec   *wire.TopicSpec
	mirror *wire.PartitionMirror // of mirror topics; fixed
	dirty  atomic.Bool           // the SC has not heard of the latest offsets

	mu         sync.Mutex
	log        *partitionLog
	leader     int32
	generation uint64 // rises with every change of leader: streams of an earlier one stay silent
	replicas   []int32
	marks      map[int32]int64 // log end offset of each replica
	hw         int64
	resolution uint8
	deleted    bool
	failure    fluvioerr.ServerCode // what every append answers, 0 for normal work
	waiters    map[chan struct{}]struct{}
}

func newPartition(cl *Cluster, topic string, id uint32, spec *wire.TopicSpec, replicas []int32, log *partitionLog) *partition {
	p := &partition{
		cl: cl, topic: topic, id: id, spec: spec, log: log, leader: replicas[0], replicas: replicas,
		marks: map[int32]int64{}, hw: log.next, waiters: map[chan struct{}]struct{}{},
	}
	for _, r := range replicas {
		p.marks[r] = log.next
	}
	return p
}

func (p *partition) name() string { return wire.PartitionName(p.topic, p.id) }

// subscribe gives a channel that gets a token after every change of end, leader or life.
func (p *partition) subscribe() chan struct{} {
	ch := make(chan struct{}, 1)
	p.mu.Lock()
	p.waiters[ch] = struct{}{}
	p.mu.Unlock()
	return ch
}

func (p *partition) unsubscribe(ch chan struct{}) {
	p.mu.Lock()
	delete(p.waiters, ch)
	p.mu.Unlock()
}

// wake tells everyone who waits for a change. The lock is held.
func (p *partition) wake() {
	for ch := range p.waiters {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// advance moves the replicas that are online to the end of the log, and the high watermark to what all replicas that
// count have: every one, or with Options.CommitOnline those online. The lock is held.
func (p *partition) advance() {
	hw := p.log.next
	for _, r := range p.replicas {
		if p.cl.online(r) {
			p.marks[r] = p.log.next
		} else if !p.cl.opts.CommitOnline {
			hw = min(hw, p.marks[r])
		}
	}
	p.hw = max(p.hw, hw)
	p.wake()
}

// leads says whether an SPU leads this partition now, and in which generation.
func (p *partition) leads(spu int32) (uint64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.generation, p.leader == spu && !p.deleted
}

// append stores whole batches and returns the offsets of the first and of the one after the last record.
func (p *partition) append(spu int32, set []byte, headers []wire.BatchHeader) (base, next int64, code fluvioerr.ServerCode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leader != spu || p.deleted {
		return 0, 0, fluvioerr.ServerNotLeader
	}
	if p.failure != 0 {
		return 0, 0, p.failure
	}
	for i := range headers {
		if int64(headers[i].Size()) > p.log.segSize {
			return 0, 0, fluvioerr.ServerMessageTooLarge
		}
	}
	base, err := p.log.append(set, headers, p.cl.clock.time())
	if err != nil {
		p.cl.logger.Error("append failed", "partition", p.name(), "error", err)
		return 0, 0, fluvioerr.ServerStorageError
	}
	p.advance()
	p.cl.markDirty(p)
	return base, p.log.next, 0
}

// clean applies retention and says whether anything was removed. Only an SPU that runs does it.
func (p *partition) clean(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.deleted && p.cl.online(p.leader) && p.log.clean(now)
}

// fetched is what a read of a partition gave. release must be called when the bytes were sent.
type fetched struct {
	bufs     net.Buffers
	size     int
	hw       int64
	start    int64
	end      int64 // the log's end for the reader's isolation
	limit    int64 // the offset after the last record that can be read at once; only with size
	next     int64 // where to go on behind a frame that went through SmartModules, 0 for others
	code     wire.ErrorCode
	release  func()
	silenced bool // the SPU no longer leads, or leads anew: say nothing
	deleted  bool
}

// read reads for a stream that began in a generation.
func (p *partition) read(from int64, maxBytes uint32, isolation uint8, generation uint64) fetched {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := fetched{hw: p.hw, start: p.log.start, end: p.end(isolation), release: func() {}, deleted: p.deleted,
		silenced: p.generation != generation}
	if f.deleted || f.silenced {
		return f
	}
	if f.bufs, f.size, f.release, f.code = p.log.read(from, f.end, maxBytes); f.size > 0 {
		f.limit = p.log.limit(from, f.end)
	}
	return f
}

// end is the offset up to which a reader sees records. The lock is held.
func (p *partition) end(isolation uint8) int64 {
	if isolation == wire.FetchReadCommitted {
		return p.hw
	}
	return p.log.next
}

// state tells a stream where the partition ends, and whether the stream still has anything to say.
func (p *partition) state(isolation uint8, generation uint64) (end int64, silenced, deleted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end(isolation), p.generation != generation, p.deleted
}

// offsets are the first offset kept and the high watermark.
func (p *partition) offsets() (start, hw int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.start, p.hw
}

// awaitHW waits until the high watermark reaches end, the timeout passes, or stop closes; it says whether it was reached.
func (p *partition) awaitHW(end int64, timeout time.Duration, stop <-chan struct{}) bool {
	reached := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.hw >= end
	}
	if reached() {
		return true
	}
	ch := p.subscribe()
	defer p.unsubscribe(ch)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for !reached() {
		select {
		case <-ch:
		case <-timer.C:
			return reached()
		case <-stop:
			return false
		}
	}
	return true
}

// setLeader makes another replica the leader. An SPU that is no replica yet takes the place of the old leader. The lock
// of the cluster is held.
func (p *partition) setLeader(spu int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leader == spu {
		return
	}
	if !slices.Contains(p.replicas, spu) {
		p.replicas = slices.Clone(p.replicas)
		p.replicas[slices.Index(p.replicas, p.leader)] = spu
		delete(p.marks, p.leader)
		p.marks[spu] = p.log.next
	}
	p.leader = spu
	p.generation++
	p.advance()
}

// settle brings the partition in line with the SPUs that are online: replicas catch up, and when the leader is down
// another replica that has everything takes over. It says whether anything visible changed.
func (p *partition) settle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, leader := p.resolution, p.leader
	if !p.cl.online(p.leader) {
		for _, r := range p.replicas {
			if p.cl.online(r) && p.marks[r] == p.log.next {
				p.leader = r
				p.generation++
				break
			}
		}
	}
	switch {
	case p.cl.online(p.leader):
		p.resolution = wire.PartitionOnline
		p.advance()
	case before == wire.PartitionOnline: // one that never was online stays offline
		p.resolution = wire.PartitionLeaderOffline
	}
	return before != p.resolution || leader != p.leader
}

// remove ends the partition: streams are told, the bytes are forgotten.
func (p *partition) remove() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deleted = true
	if err := p.log.store.remove(); err != nil {
		p.cl.logger.Error("partition not removed", "partition", p.name(), "error", err)
	}
	p.wake()
}

// object is the partition as the SC shows it.
func (p *partition) object() (*wire.PartitionSpec, *wire.PartitionStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	spec := &wire.PartitionSpec{
		Leader: p.leader, Replicas: slices.Clone(p.replicas), CleanupPolicy: p.spec.CleanupPolicy, Storage: p.spec.Storage,
		Compression: p.spec.Compression, Deduplication: p.spec.Deduplication, System: p.spec.System, Mirror: p.mirror,
	}
	status := &wire.PartitionStatus{
		Resolution: p.resolution, Leader: wire.ReplicaStatus{SPU: -1, HW: -1, LEO: -1}, Size: -2,
	}
	if p.resolution == wire.PartitionOffline {
		return spec, status
	}
	status.Leader = wire.ReplicaStatus{SPU: p.leader, HW: p.hw, LEO: p.log.next}
	status.Size, status.BaseOffset = p.log.size(), p.log.start
	for _, r := range p.replicas {
		if r == p.leader {
			continue
		}
		leo := p.marks[r]
		status.Replicas = append(status.Replicas, wire.ReplicaStatus{SPU: r, HW: min(leo, p.hw), LEO: leo})
		if leo == p.log.next {
			status.LSR++
		}
	}
	return spec, status
}
