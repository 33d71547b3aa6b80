package devcluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/libfluvio/libfluvio/core/devcluster/internal/smartengine"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Codes of SPUs that only SmartModules cause.
const (
	serverModuleInvalid  fluvioerr.ServerCode = 6002
	serverModuleInit     fluvioerr.ServerCode = 6005
	serverModuleLookBack fluvioerr.ServerCode = 6007
	serverModuleMemory   fluvioerr.ServerCode = 6008
)

// largestUnpacked is the most that a module or the records of a batch may be uncompressed.
const largestUnpacked = 1 << 30

// gzipHeader is the least that a gzip member begins with, in bytes.
const gzipHeader = 10

// steps finds and unpacks the modules of a request. What it gives has bytes of its own.
func (cl *Cluster) steps(invocations wire.SmartModules) ([]smartengine.Step, wire.ErrorCode) {
	packed := make([][]byte, len(invocations))
	for i := range invocations { // names come before content, as SPUs do it
		m := &invocations[i]
		if m.AdHoc != nil {
			packed[i] = *m.AdHoc
			continue
		}
		name, err := wire.ParseSmartModuleName(m.Name)
		if err != nil {
			return nil, wire.Errorf("error parsing SmartModule name: %v", err)
		}
		found := cl.stores[wire.LabelSmartModule].list(func(o *wire.Object) bool { return name.Matches(o.Name, o.Spec.(*wire.SmartModuleSpec)) })
		if len(found) == 0 {
			return nil, wire.ErrorCode{Code: fluvioerr.ServerSmartModuleNotFound, Payload: &wire.TextPayload{Message: m.Name}}
		}
		packed[i] = found[0].Spec.(*wire.SmartModuleSpec).Payload
	}
	out := make([]smartengine.Step, len(invocations))
	for i := range invocations {
		m := &invocations[i]
		wasm, err := compress.AppendDecoded(nil, compress.Gzip, packed[i], largestUnpacked)
		if err != nil {
			text := "corrupt deflate stream"
			if len(packed[i]) < gzipHeader {
				text = "unexpected end of file"
			} else if !bytes.HasPrefix(packed[i], []byte{0x1f, 0x8b}) {
				text = "invalid gzip header"
			}
			return nil, wire.ErrorCode{Code: serverModuleInvalid, Payload: &wire.ModuleInvalidPayload{Error: text}}
		}
		out[i] = smartengine.Step{Label: m.Label(), Wasm: wasm, Params: m.Params, Look: m.Look, Accumulator: bytes.Clone(m.Kind.Accumulator)}
	}
	return out, wire.ErrorCode{}
}

// chain makes a chain that reads and writes at a request's version, and shows it what it wants to look back at.
func (p *partition) chain(ctx context.Context, version int16, steps []smartengine.Step) (*smartengine.Chain, wire.ErrorCode) {
	chain, err := p.cl.engine.Chain(ctx, version, steps)
	var tooMuch *smartengine.MemoryError
	switch {
	case errors.As(err, &tooMuch):
		return nil, wire.ErrorCode{Code: serverModuleMemory, Payload: &wire.MemoryPayload{Requested: tooMuch.Requested, Max: tooMuch.Max}}
	case err != nil:
		return nil, textCode(serverModuleInit, err)
	}
	if err := chain.LookBack(func(l wire.Lookback) ([]byte, error) { return p.past(l, p.cl.clock.time()) }); err != nil {
		chain.Close()
		return nil, textCode(serverModuleLookBack, err)
	}
	return chain, wire.ErrorCode{}
}

// textCode is a code whose payload is the text of an error.
func textCode(code fluvioerr.ServerCode, err error) wire.ErrorCode {
	text := err.Error()
	return wire.ErrorCode{Code: code, Payload: &wire.TextPayload{Message: text[:min(len(text), wire.MaxString)]}}
}

// errEngine is why a chain gave no output, in the words with which the request that it served is answered.
func errEngine(words string, err error) wire.ErrorCode {
	return textCode(fluvioerr.ServerOther, fmt.Errorf("%s%w", words, err))
}

// transformed collects what a chain makes of batches: one batch, by the rules of SPUs. Its records keep the codec of the first
// batch of which something is left, lose their timestamps, and get deltas that are wrong from the second batch on.
type transformed struct {
	header  wire.BatchHeader // base offset -1 and last delta -1: nothing yet
	buf     []byte           // room for the header, and the records section
	count   int
	size    int // of the records, as max_bytes counts them
	failure *wire.RuntimePayload
	plain   []byte // scratch
}

// reset begins anew, in the same memory.
func (t *transformed) reset() {
	t.header = wire.NewBatchHeader(wire.CompressionNone, 0, -1, -1)
	t.header.BaseOffset = -1
	t.buf = append(t.buf[:0], make([]byte, wire.BatchHeaderSize+wire.RecordCountSize)...)
	t.count, t.size, t.failure = 0, 0, nil
}

// add runs a batch through a chain. It is false when no more is to be added: there is no room, or a module refused a record.
func (t *transformed) add(chain *smartengine.Chain, h *wire.BatchHeader, batch []byte, maxBytes uint32) (bool, error) {
	section := batch[h.HeaderSize():]
	if codec := h.Compression(); codec != wire.CompressionNone {
		var err error
		if t.plain, err = compress.AppendDecoded(t.plain[:0], compress.Codec(codec), section, largestUnpacked); err != nil {
			return false, fmt.Errorf("uncompress error %w", err)
		}
		section = t.plain
	}
	out, err := chain.Process(smartengine.Input{BaseOffset: h.BaseOffset, BaseTimestamp: h.FirstTimestamp, Records: section})
	if err != nil {
		return false, err
	}
	t.failure = out.Error
	if out.Count > 0 {
		if t.header.BaseOffset < 0 {
			t.header.Attributes, t.header.BaseOffset = int16(h.Compression()), h.BaseOffset
		}
		added, err := appendShifted(t.buf, out.Records, t.header.BaseOffset-h.BaseOffset)
		if err != nil {
			return false, err
		}
		size := wire.RecordCountSize + len(added) - len(t.buf)
		if uint64(t.size)+uint64(size) > uint64(maxBytes) {
			return false, nil
		}
		t.buf, t.size, t.count = added, t.size+size, t.count+out.Count
	}
	if t.header.BaseOffset >= 0 {
		t.header.LastOffsetDelta += h.LastOffsetDelta + 1
	}
	return t.failure == nil, nil
}

// appendShifted appends the records of a list to a section, with their offset deltas shifted.
func appendShifted(section, list []byte, by int64) ([]byte, error) {
	if by == 0 {
		return append(section, list[wire.RecordCountSize:]...), nil
	}
	r, err := wire.NewRecordReader(list)
	for rec, more := (wire.Record{}), err == nil; more; {
		if more, err = r.Next(&rec); more {
			section = wire.AppendRecord(section, rec.TimestampDelta, rec.OffsetDelta+by, rec.HasKey, rec.Key, rec.Value)
		}
	}
	return section, err
}

// batch is what was collected, as it is stored and sent. It may be in the memory that reset uses.
func (t *transformed) batch() (out []byte, err error) {
	out = t.buf
	section := t.buf[wire.BatchHeaderSize:]
	binary.BigEndian.PutUint32(section, uint32(t.count))
	if codec := t.header.Compression(); codec != wire.CompressionNone {
		out, err = compress.Append(make([]byte, wire.BatchHeaderSize), compress.Codec(codec), 0, section)
	}
	if err == nil {
		wire.SealBatch(out, &t.header)
	}
	return out, err
}

// transform runs the batches of a producer through a chain and gives the one that is left to store, nil if no record is.
func (c *conn) transform(p *partition, version int16, steps []smartengine.Step, set []byte, headers []wire.BatchHeader) ([]byte, wire.ErrorCode) {
	chain, code := p.chain(c.ctx, version, steps)
	if !code.Ok() {
		return nil, code
	}
	defer chain.Close()
	t := &transformed{}
	t.reset()
	for i := range headers {
		size := headers[i].Size()
		on, err := t.add(chain, &headers[i], set[:size], math.MaxUint32)
		switch {
		case err != nil:
			return nil, errEngine("smartmodule chain failed: ", err)
		case t.failure != nil:
			return nil, wire.ErrorCode{Code: fluvioerr.ServerSmartModuleRuntime, Payload: t.failure}
		case !on:
			return nil, wire.ErrorCode{Code: fluvioerr.ServerMessageTooLarge}
		}
		set = set[size:]
	}
	if t.header.LastOffsetDelta < 0 {
		return nil, wire.ErrorCode{}
	}
	out, err := t.batch()
	if err != nil {
		return nil, wire.Errorf("Compression Error: %v", err)
	}
	return out, wire.ErrorCode{}
}

// past gives the committed records that a module asks to look back at, as a list. It reads as SPUs do, which by age alone miss
// the last batch if it has one record only, and the same again before each batch they find.
func (p *partition) past(l wire.Lookback, now time.Time) ([]byte, error) {
	var records recordList
	youngest := int64(math.MinInt64)
	if l.Age != nil {
		youngest = now.UnixMilli() - int64(l.Age.Seconds*1000) - int64(l.Age.Nanos/1e6)
	}
	start, hw := p.offsets()
	if l.Age == nil || l.Last > 0 {
		if l.Last > math.MaxInt64 {
			return nil, errors.New("out of range integral type conversion attempted")
		}
		from := min(max(hw-int64(l.Last), start), hw)
		err := p.batches(from, func(h *wire.BatchHeader, batch []byte) (bool, error) {
			return true, records.add(h, batch, from, youngest)
		})
		return records.list(), err
	}
	var found [][]byte
	for offset := hw - 1; offset >= 0; {
		more := false
		err := p.batches(offset-1, func(h *wire.BatchHeader, batch []byte) (bool, error) {
			if more = h.MaxTimestamp >= youngest; more {
				found, offset = append(found, bytes.Clone(batch)), h.BaseOffset-1
			}
			return false, nil
		})
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	for i := len(found) - 1; i >= 0; i-- {
		h, err := wire.DecodeBatchHeader(found[i])
		if err == nil {
			err = records.add(&h, found[i], 0, youngest)
		}
		if err != nil {
			return nil, err
		}
	}
	return records.list(), nil
}

// recordList collects records as they stand in their batches.
type recordList struct {
	section []byte
	count   uint32
}

// add takes the records of a batch in, from an offset on, that are young enough.
func (l *recordList) add(h *wire.BatchHeader, batch []byte, from, youngest int64) error {
	section, err := compress.AppendDecoded(nil, compress.Codec(h.Compression()), batch[h.HeaderSize():], largestUnpacked)
	if err != nil {
		return err
	}
	r, err := wire.NewRecordReader(section)
	for rec, more := (wire.Record{}), err == nil; more; {
		at := r.Pos()
		more, err = r.Next(&rec)
		if more && h.BaseOffset+rec.OffsetDelta >= from && h.FirstTimestamp+rec.TimestampDelta >= youngest {
			l.section = append(l.section, section[at:r.Pos()]...)
			l.count++
		}
	}
	return err
}

func (l *recordList) list() []byte {
	return append(binary.BigEndian.AppendUint32(nil, l.count), l.section...)
}

// batches gives the committed batches from the one that holds an offset up to the end of its segment, until visit is false.
func (p *partition) batches(from int64, visit func(h *wire.BatchHeader, batch []byte) (bool, error)) error {
	generation, _ := p.leads(0)
	s := &scan{p: p, isolation: wire.FetchReadCommitted, generation: generation, from: from}
	defer s.close()
	for {
		h, batch, err := s.next()
		if err != nil || batch == nil {
			return err
		}
		if on, err := visit(&h, batch); err != nil || !on {
			return err
		}
	}
}

// scanBytes is how much of a log is looked at in one go: a segment is read by and by.
const scanBytes = 1 << 20

// scan walks the batches of one segment.
type scan struct {
	p          *partition
	isolation  uint8
	generation uint64
	from       int64 // what to go on with

	first fetched // the first read: where the log ended for the reader then; no bytes
	begun bool
	limit int64  // the offset after the last record to read
	rest  []byte // what was read and not given yet
	held  func() // gives rest back
	buf   []byte // for what lies in several pieces
}

// errStopped is the end of a scan whose partition has nothing more to say.
var errStopped = errors.New("the partition was deleted or moved")

// begin does the first read. What it says is in first.
func (s *scan) begin() {
	s.begun = true
	s.first = s.load(scanBytes)
	s.limit = s.first.limit
	s.first.bufs, s.first.release = nil, func() {}
}

// load reads from where the scan is.
func (s *scan) load(size uint32) fetched {
	s.close()
	f := s.p.read(s.from, size, s.isolation, s.generation)
	switch len(f.bufs) {
	case 0:
		f.release()
	case 1:
		s.rest, s.held = f.bufs[0], f.release
	default:
		s.buf = s.buf[:0]
		for _, b := range f.bufs {
			s.buf = append(s.buf, b...)
		}
		f.release()
		s.rest = s.buf
	}
	return f
}

func (s *scan) close() {
	if s.held != nil {
		s.held()
	}
	s.rest, s.held = nil, nil
}

// next gives a batch, nil after the last one. It is valid until the next call.
func (s *scan) next() (h wire.BatchHeader, batch []byte, err error) {
	if !s.begun {
		s.begin()
		if e, ok := s.first.code.Payload.(*wire.EvictedPayload); ok {
			return h, nil, smartengine.Text(fmt.Sprintf("Offset %d is evicted. The next available is %d", e.Offset, e.NextAvailable))
		} else if !s.first.code.Ok() {
			return h, nil, s.first.code.Err("read")
		}
	}
	for s.from < s.limit {
		var need int
		var ok bool
		if h, batch, s.rest, need, ok, err = wire.NextBatch(s.rest); err != nil {
			return h, nil, err
		}
		if ok {
			s.from = h.NextOffset()
			return h, batch, nil
		}
		if f := s.load(uint32(max(need, scanBytes))); f.size == 0 {
			return h, nil, errStopped
		}
	}
	return h, nil, nil
}

// moduleOutput logs what SmartModules print.
type moduleOutput struct{ logger *slog.Logger }

func (o moduleOutput) Write(b []byte) (int, error) {
	o.logger.Info("a SmartModule prints", "text", string(bytes.TrimRight(b, "\n")))
	return len(b), nil
}
