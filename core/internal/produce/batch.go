package produce

import (
	"context"
	"encoding/binary"
	"sync"
	"time"
	"unsafe"

	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// A batch's buffer begins with room for what goes in front of the records, so that header and records leave in one piece:
// the partition entry of the Produce request (u32 partition, u32 length), the batch header, the record count.
const (
	entrySize = 8
	// HeadRoom is what stands in front of a batch's records, in bytes.
	HeadRoom = entrySize + wire.BatchHeaderSize + wire.RecordCountSize
	// overhead is what a record costs at most beyond its key and value.
	overhead = 32
	// batchCost is what a batch takes in memory beside its buffer and further opaques, in bytes, and a little more.
	batchCost = 512
)

// batch is records of one partition on their way.
type batch struct {
	part    *partition
	buf     []byte // HeadRoom, records; nil when sealed in another buffer, or when nothing more is to be sent
	plain   int    // the length of buf, when it is sealed in another buffer
	cost    int64  // what it counts against the budget
	count   int
	payload int // bytes of keys and values
	firstTS int64
	maxTS   int64
	opaques []uint64
	few     [8]uint64 // where opaques begin
	created time.Time

	ctx   context.Context             // of the Send that began it, for hooks; nil when there are none
	began sync.Once                   // of span
	span  *obs.Span[obs.ProduceBatch] // begun when the batch leaves first, or fails before

	entry []byte // what is sent: partition entry with the sealed batch; set by seal
	tried bool   // a request had it before; the sender's own
	sent  bool   // guarded by part.mu: some attempt may have reached the server
	lent  bool   // it was given up in flight: its bytes count until its request has ended. Set before its outcome

	// The outcome, set once, before done is closed.
	decided   bool // guarded by part.mu
	done      chan struct{}
	base      int64
	err       error
	persisted Persistence
	latency   time.Duration
}

// newBatch makes an empty batch whose buffer holds size bytes, for which cost was reserved.
func newBatch(p *partition, size int, cost int64, now time.Time) *batch {
	b := &batch{part: p, buf: p.producer.buffer(size)[:HeadRoom], cost: cost, created: now, done: make(chan struct{}), base: -1}
	b.opaques = b.few[:0]
	return b
}

// buffer gives a buffer of a capacity. Those of a full batch's size are used again; the pool has pointers to their first
// bytes, which takes no allocation as slices would.
func (p *Producer) buffer(size int) []byte {
	if size == p.cfg.BatchSize {
		if pooled, _ := p.buffers.Get().(*byte); pooled != nil {
			return unsafe.Slice(pooled, size)[:0]
		}
	}
	return make([]byte, 0, size)
}

// reuse takes a buffer that nobody uses any more.
func (p *Producer) reuse(buf []byte) {
	if cap(buf) == p.cfg.BatchSize {
		p.buffers.Put(unsafe.SliceData(buf))
	}
}

// togetherMost is how much later than the first record of a batch any other one was handed over, if it waited for memory: the
// delivery timeout of all of them runs from the first.
const togetherMost = time.Second

// tooOld says whether the batch is too old for a record that waited for memory. One that did not wait is as old as linger allows.
func (b *batch) tooOld(r *Record) bool {
	return !r.Queued.IsZero() && r.Queued.Sub(b.created) > max(togetherMost, b.part.producer.cfg.Linger)
}

// roomForOpaque makes room for one more opaque. False: there is no memory for it now, and the batch has to do with the
// records it has.
func (b *batch) roomForOpaque() bool { return len(b.opaques) < cap(b.opaques) || b.growOpaques() }

// growOpaques makes room for as many opaques as the batch will probably get.
func (b *batch) growOpaques() bool {
	p := b.part.producer
	each := max(1, (b.size()-HeadRoom)/b.count) // bytes of a record
	n := b.count + b.count/8 + 1 + max(0, p.cfg.BatchSize-b.size())/each
	more := int64(n-cap(b.opaques)) * 8
	if !p.budget.TryAcquire(more) {
		return false
	}
	b.cost += more
	b.opaques = append(make([]uint64, 0, n), b.opaques...)
	return true
}

// append adds a record; the caller made sure that it fits.
func (b *batch) append(r *Record, ts int64, wantOpaque bool) {
	if b.count == 0 {
		b.firstTS, b.maxTS = ts, ts
	}
	b.maxTS = max(b.maxTS, ts)
	b.buf = wire.AppendRecord(b.buf, ts-b.firstTS, int64(b.count), r.Key != nil, r.Key, r.Value)
	b.count++
	b.payload += len(r.Key) + len(r.Value)
	if wantOpaque {
		b.opaques = append(b.opaques, r.Opaque)
	}
}

// size is what the batch takes in a request before compression.
func (b *batch) size() int {
	if b.buf == nil {
		return b.plain
	}
	return len(b.buf)
}

// seal makes the bytes to send, once: header, count, checksum, and compression if configured, which runs outside locks.
func (b *batch) seal(codec compress.Codec, level int) error {
	if b.entry != nil {
		return nil
	}
	binary.BigEndian.PutUint32(b.buf[entrySize+wire.BatchHeaderSize:], uint32(b.count))
	h := wire.NewBatchHeader(int(codec), b.count, b.firstTS, b.maxTS)
	entry := b.buf
	if codec != compress.None {
		section := b.buf[entrySize+wire.BatchHeaderSize:]
		out, err := compress.Append(b.part.producer.buffer(cap(b.buf))[:entrySize+wire.BatchHeaderSize], codec, level, section)
		if err != nil {
			return err
		}
		b.part.producer.reuse(b.buf) // there is one buffer to a batch
		entry, b.plain, b.buf = out, len(b.buf), nil
	}
	wire.SealBatch(entry[entrySize:], &h)
	binary.BigEndian.PutUint32(entry, uint32(b.part.id))
	binary.BigEndian.PutUint32(entry[4:], uint32(len(entry)-entrySize))
	b.entry = entry
	return nil
}

// recycle gives the buffer to the next batch. Only who holds the batch calls it: who took it off the queue, or who was told
// that its request has ended. The outcome may have been decided before, while the bytes were still on their way.
func (b *batch) recycle() {
	if b.buf == nil {
		b.buf = b.entry
	}
	b.part.producer.reuse(b.buf)
	b.buf, b.entry = nil, nil
	if b.lent {
		b.part.producer.budget.Release(b.cost)
	}
}

// Receipt stands for one record handed over. The zero value is what a failed Send returns; it stands for nothing.
type Receipt struct {
	b     *batch
	index int
}
