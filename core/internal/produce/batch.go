package produce

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// A batch's buffer begins with room for what goes in front of the records, so that header and records leave in one piece:
// the partition entry of the Produce request (u32 partition, u32 length), the batch header, the record count.
const (
	entrySize = 8
	headRoom  = entrySize + wire.BatchHeaderSize + wire.RecordCountSize
	// overhead is what a record costs at most beyond its key and value.
	overhead = 32
)

// batch is records of one partition on their way.
type batch struct {
	part    *partition
	buf     []byte // headRoom, records; nil when nothing more is to be sent
	cap     int64  // what it counts against the budget
	count   int
	payload int // bytes of keys and values
	firstTS int64
	maxTS   int64
	opaques []uint64
	created time.Time

	entry []byte // what is sent: partition entry with the sealed batch; set by seal
	sent  bool   // guarded by part.mu: some attempt may have reached the server

	// The outcome, set once, before done is closed.
	decided   bool // guarded by part.mu
	done      chan struct{}
	base      int64
	err       error
	persisted Persistence
	latency   time.Duration
}

var bufPool sync.Pool // *[]byte of the default capacity

// newBatch makes an empty batch whose buffer holds size bytes.
func newBatch(p *partition, size int, now time.Time) *batch {
	b := &batch{part: p, cap: int64(size), created: now, done: make(chan struct{}), base: -1}
	if pooled, _ := bufPool.Get().(*[]byte); pooled != nil && cap(*pooled) >= size && cap(*pooled) <= 2*size {
		b.buf = (*pooled)[:headRoom]
	} else {
		b.buf = make([]byte, headRoom, size)
	}
	return b
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
func (b *batch) size() int { return len(b.buf) }

// seal makes the bytes to send, once: header, count, checksum, and compression if configured. It runs outside locks.
func (b *batch) seal(codec compress.Codec, level int) error {
	if b.entry != nil {
		return nil
	}
	binary.BigEndian.PutUint32(b.buf[entrySize+wire.BatchHeaderSize:], uint32(b.count))
	h := wire.NewBatchHeader(int(codec), b.count, b.firstTS, b.maxTS)
	entry := b.buf
	if codec != compress.None {
		section := b.buf[entrySize+wire.BatchHeaderSize:]
		out, err := compress.Append(make([]byte, entrySize+wire.BatchHeaderSize, entrySize+wire.BatchHeaderSize+len(section)/2+64), codec, level, section)
		if err != nil {
			return err
		}
		entry = out
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
	buf := b.buf
	bufPool.Put(&buf)
	b.buf, b.entry = nil, nil
}

// Receipt stands for one record handed over. The zero value is what a failed Send returns; it stands for nothing.
type Receipt struct {
	b     *batch
	index int
}
