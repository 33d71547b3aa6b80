package consume

import (
	"errors"
	"math"
	"time"
	"unsafe"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// How much one Batch holds at most, unless a single stored batch is larger: enough to make the cost per Batch vanish,
// little enough for the first record not to wait for the last of a large frame.
const (
	batchBytes    = 1 << 20
	maxDecodeSize = 64 << 20 // of one stored batch after decompression: twice what a request, and a producer's batch, may be
)

// Batch is consecutive records of one partition, of one or more stored batches.
type Batch struct {
	Topic         string
	Partition     int32
	HighWatermark int64
	Data          []byte // the records sections, with whatever lies between them; columns are positions into it
	Cols          wire.Columns
	count         int
	from, upto    int64 // offsets outside are not the caller's
	processed     bool  // by SmartModules
	segments      []segment
	buffer        *transport.Buffer
	session       *session
	gen           uint64 // the session's when the frame came
}

// segment is the records section of one stored batch inside Data.
type segment struct {
	header     wire.BatchHeader
	start, end int
	rest       []byte // the frame's records from this stored batch on
}

// Len is the number of records.
func (b *Batch) Len() int { return b.count }

// Release gives the memory back; records and columns must not be used afterwards. A Batch that is not released is collected.
func (b *Batch) Release() {
	if b.buffer != nil {
		b.buffer.Release()
		b.buffer, b.Data = nil, nil
	}
}

// Columns decodes the records into the caller's slices, which have room for Len elements. Damaged records are an error that
// also ends the partition; those of the stored batches before the damage are decoded all the same, and Len is their number then.
func (b *Batch) Columns(cols *wire.Columns) error {
	_, records, err := b.columns(cols)
	if err != nil && b.session.consumer.cfg.Lazy {
		b.count = records
		b.session.consumer.inbox.kill(b, err)
	}
	return err
}

// columns is Columns that tells how many stored batches, and records of them, it got through.
func (b *Batch) columns(cols *wire.Columns) (segments, at int, err error) {
	for i := range b.segments {
		s := &b.segments[i]
		before := at
		r, err := wire.NewRecordReader(b.Data[s.start:s.end])
		if err == nil {
			var n int
			from, upto := b.bounds(&s.header)
			n, err = r.Columns(&s.header, cols, at, from, upto, uint32(s.start))
			renumber(cols.Offset[at:at+n], &s.header, b.processed)
			at += n
		}
		if err != nil {
			e := fluvioerr.As(err)
			e.Code = fluvioerr.Corrupt
			e.At(b.Topic, b.Partition).AtOffset(s.header.BaseOffset)
			return i, before, e
		}
	}
	return len(b.segments), at, nil
}

// cutDamaged leaves a batch whose decoding failed with the stored batches before the damage, and the frame with what is
// behind them, so that no good record is lost. It says whether anything is left.
func (b *Batch) cutDamaged(f *frame) bool {
	segments, records, _ := b.columns(&b.Cols)
	if records == 0 {
		return false
	}
	f.records = b.segments[segments].rest
	b.segments, b.count = b.segments[:segments], records
	return true
}

// decode fills Cols with slices of the batch's own.
func (b *Batch) decode() error {
	n := b.count
	i64, u32 := make([]int64, 2*n), make([]uint32, 4*n)
	b.Cols = wire.Columns{
		Offset: i64[:n:n], Timestamp: i64[n:],
		KeyPos: u32[:n:n], KeyLen: u32[n : 2*n : 2*n], ValuePos: u32[2*n : 3*n : 3*n], ValueLen: u32[3*n:],
	}
	return b.Columns(&b.Cols)
}

// frame is what a session received and the application has not taken yet.
type frame struct {
	session   *session
	received  time.Time
	buffer    *transport.Buffer
	records   []byte // whole batches only
	hw        int64
	from      int64
	upto      int64
	bytes     int64 // what it counts against the budget
	err       error // delivered after the records
	fatal     bool  // err ends the session
	processed bool  // by SmartModules
	done      bool  // the session reached its end
	silent    bool  // done, as far as silence can tell
	gen       uint64
	stale     bool // guarded by inbox.mu: the application has chosen another position while it was taken from
}

// next takes records off the frame; nil when none is left.
func (f *frame) next() (*Batch, error) {
	for len(f.records) > 0 {
		b, err := f.gather()
		if err != nil || b.count > 0 {
			return b, err
		}
		b.Release() // nothing but records that are not wanted
	}
	return nil, nil
}

// empty makes a Batch for records of the frame.
func (f *frame) empty() *Batch {
	return &Batch{
		Topic: f.session.topic, Partition: f.session.partition, HighWatermark: f.hw, from: f.from, upto: f.upto, processed: f.processed,
		session: f.session, gen: f.gen,
	}
}

// gather takes stored batches off the frame until there is enough for a Batch. Damage ends the gathering: what came before
// is given first. An error means that the damage comes next.
func (f *frame) gather() (*Batch, error) {
	b := f.empty()
	for len(f.records) > 0 {
		h, raw, rest, _, ok, err := wire.NextBatch(f.records)
		offset := h.BaseOffset
		if err != nil || !ok {
			offset = f.from
		} else {
			if len(b.segments) > 0 && !b.takes(&h, raw) {
				break
			}
			if err = wire.VerifyBatch(raw, &h); err == nil && h.Compression() == wire.CompressionNone {
				err = b.addPlain(f, &h, raw)
			} else if err == nil {
				err = b.addCompressed(f, &h, raw)
			}
			ok = err == nil
		}
		if !ok {
			if len(b.segments) > 0 {
				break
			}
			if f.session.consumer.cfg.SkipCorrupt && len(rest) < len(f.records) { // the batch's header says where the next one is
				b.Release()
				f.session.skip(&h, f.corrupt(err, offset))
				b = f.empty()
				f.records = rest
				continue
			}
			f.records = nil
			b.Release()
			return nil, f.corrupt(err, offset)
		}
		f.records = rest
	}
	return b, nil
}

// takes says whether another stored batch may join.
func (b *Batch) takes(h *wire.BatchHeader, raw []byte) bool {
	plain, plainBefore := h.Compression() == wire.CompressionNone, b.segments[0].header.Compression() == wire.CompressionNone
	return plain == plainBefore && len(b.Data)+len(raw) <= batchBytes
}

// addPlain extends the view by an uncompressed batch: consecutive ones lie next to each other in the frame.
func (b *Batch) addPlain(f *frame, h *wire.BatchHeader, raw []byte) error {
	if b.buffer == nil {
		f.buffer.Retain()
		b.buffer = f.buffer
		b.Data = f.records[:0] // its capacity reaches to the end of the frame
	}
	start := len(b.Data)
	b.Data = b.Data[:start+len(raw)]
	return b.add(f, h, start+h.HeaderSize(), len(b.Data))
}

// addCompressed appends the decompressed section of a batch.
func (b *Batch) addCompressed(f *frame, h *wire.BatchHeader, raw []byte) error {
	if b.buffer == nil {
		// A guess, so that a batch of few records that is kept does not keep a megabyte.
		b.buffer = transport.NewBuffer(min(batchBytes, 4<<10+8*len(f.records)))
		b.Data = b.buffer.B[:0]
	}
	start := len(b.Data)
	out, err := compress.AppendDecoded(b.Data, compress.Codec(h.Compression()), raw[h.HeaderSize():], maxDecodeSize)
	if err != nil {
		return err
	}
	if unsafe.SliceData(out) != unsafe.SliceData(b.Data) { // it outgrew the pooled buffer
		b.buffer.Release()
		b.buffer = transport.OwnBuffer(out)
	}
	b.Data = out
	return b.add(f, h, start, len(out))
}

// add notes a segment and how many of its records count.
func (b *Batch) add(f *frame, h *wire.BatchHeader, start, end int) error {
	r, err := wire.NewRecordReader(b.Data[start:end])
	if err != nil {
		return err
	}
	if f.session.consumer.cfg.SkipCorrupt { // now, when it can still be passed over
		for rec := (wire.Record{}); r.Left() > 0; {
			if _, err := r.Next(&rec); err != nil {
				return err
			}
		}
	}
	b.segments = append(b.segments, segment{*h, start, end, f.records})
	from, upto := b.bounds(h)
	first, last := max(h.BaseOffset, from), min(h.BaseOffset+int64(r.Count()), upto)
	b.count += int(max(last-first, 0))
	return nil
}

// bounds are from and upto for the records of one stored batch, counted up from its first offset: those that go beyond its
// last offset, see renumber, belong to that.
func (b *Batch) bounds(h *wire.BatchHeader) (from, upto int64) {
	from, upto = b.from, b.upto
	next := h.NextOffset()
	if from >= next {
		from = math.MaxInt64
	}
	if upto >= next {
		upto = math.MaxInt64
	}
	return from, upto
}

// corrupt makes the error of stored data that cannot be read.
func (f *frame) corrupt(cause error, offset int64) error {
	if cause == nil {
		cause = errors.New("a batch is cut off inside a frame")
	}
	msg := cause.Error()
	if e := fluvioerr.As(cause); e != nil {
		msg = e.Message
	}
	e := fluvioerr.New(fluvioerr.Corrupt, "consume", "%s", msg).At(f.session.topic, f.session.partition).AtOffset(offset)
	e.Err = cause
	return e
}
