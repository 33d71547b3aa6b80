package wire

import (
	"encoding/binary"
	"math/bits"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Record is one record inside a batch. Key and value are views of the records section.
type Record struct {
	TimestampDelta int64 // ms relative to the batch's first timestamp
	OffsetDelta    int64
	HasKey         bool // an empty key and no key are different things
	Key            []byte
	Value          []byte
}

// varintSize is the encoded size of a zig-zag varint: one byte per seven bits, and one for zero.
func varintSize(v int64) int {
	return (bits.Len64(uint64(v<<1)^uint64(v>>63)|1) + 6) / 7
}

// appendVarint is binary.AppendVarint with a way around its loop for the numbers that records are made of.
func appendVarint(dst []byte, v int64) []byte {
	u := uint64(v<<1) ^ uint64(v>>63)
	if u < 1<<7 {
		return append(dst, byte(u))
	}
	if u < 1<<14 {
		return append(dst, byte(u)|0x80, byte(u>>7))
	}
	return binary.AppendUvarint(dst, u)
}

// recordBody is the size of a record after its length field.
func recordBody(tsDelta, offDelta int64, hasKey bool, key, value []byte) int {
	n := 1 + varintSize(tsDelta) + varintSize(offDelta) + 1 + varintSize(int64(len(value))) + len(value) + 1
	if hasKey {
		n += varintSize(int64(len(key))) + len(key)
	}
	return n
}

// RecordSize is the encoded size of a record.
func RecordSize(tsDelta, offDelta int64, hasKey bool, key, value []byte) int {
	body := recordBody(tsDelta, offDelta, hasKey, key, value)
	return varintSize(int64(body)) + body
}

// AppendRecord encodes a record: length, attributes 0, two deltas, optional key, value, header count 0. There are no
// headers on Fluvio's wire, and official readers misread what would follow the count.
func AppendRecord(dst []byte, tsDelta, offDelta int64, hasKey bool, key, value []byte) []byte {
	dst = appendVarint(dst, int64(recordBody(tsDelta, offDelta, hasKey, key, value)))
	dst = append(dst, 0)
	dst = appendVarint(dst, tsDelta)
	dst = appendVarint(dst, offDelta)
	if hasKey {
		dst = append(dst, 1)
		dst = appendVarint(dst, int64(len(key)))
		dst = append(dst, key...)
	} else {
		dst = append(dst, 0)
	}
	dst = appendVarint(dst, int64(len(value)))
	dst = append(dst, value...)
	return append(dst, 0)
}

// RecordReader walks the records section of a batch (decompressed, count included).
type RecordReader struct {
	buf   []byte
	pos   int
	left  int
	count int
}

// minRecordSize is the smallest encoded record: length, attributes, two deltas, key flag, value length, header count.
const minRecordSize = 7

// NewRecordReader reads the count at the start of a section and refuses one that cannot fit.
func NewRecordReader(section []byte) (RecordReader, error) {
	if len(section) < RecordCountSize {
		return RecordReader{}, fluvioerr.New(fluvioerr.Protocol, "decode batch", "a records section of %d bytes has no count", len(section))
	}
	n := int32(binary.BigEndian.Uint32(section))
	if n < 0 || int(n) > (len(section)-RecordCountSize)/minRecordSize {
		return RecordReader{}, fluvioerr.New(fluvioerr.Protocol, "decode batch", "%d records announced in %d bytes", n, len(section)-RecordCountSize)
	}
	return RecordReader{buf: section, pos: RecordCountSize, left: int(n), count: int(n)}, nil
}

// Records reads count records that stand in section, without a count in front.
func Records(section []byte, count int) RecordReader {
	return RecordReader{buf: section, left: count, count: count}
}

// Count is the number of records the section announces.
func (r *RecordReader) Count() int { return r.count }

// Left is the number of records not yet read.
func (r *RecordReader) Left() int { return r.left }

// Pos is where in the section the next record begins, or, after the last one, what follows the records.
func (r *RecordReader) Pos() int { return r.pos }

// Next reads a record into rec; false after the last. The record's length, not its fields, decides where the next one
// begins, so that what a future version appends is skipped.
func (r *RecordReader) Next(rec *Record) (bool, error) {
	if r.left == 0 {
		return false, nil
	}
	keyPos, keyLen, valuePos, valueLen, ts, off, next, err := parseRecord(r.buf, r.pos)
	if err != nil {
		return false, err
	}
	rec.TimestampDelta, rec.OffsetDelta = ts, off
	rec.HasKey = keyLen >= 0
	rec.Key = nil
	if rec.HasKey {
		rec.Key = r.buf[keyPos : keyPos+keyLen : keyPos+keyLen]
	}
	rec.Value = r.buf[valuePos : valuePos+valueLen : valuePos+valueLen]
	r.pos = next
	r.left--
	return true, nil
}

// uvar reads a zig-zag varint with a fast path for one and two bytes; next is -1 when it is cut off or overlong.
func uvar(b []byte, pos int) (v int64, next int) {
	if pos+1 < len(b) {
		b0 := b[pos]
		if b0 < 0x80 {
			return int64(b0>>1) ^ -int64(b0&1), pos + 1
		}
		if b1 := b[pos+1]; b1 < 0x80 {
			u := uint64(b0&0x7f) | uint64(b1)<<7
			return int64(u>>1) ^ -int64(u&1), pos + 2
		}
	}
	if pos >= len(b) {
		return 0, -1
	}
	v, n := binary.Varint(b[pos:])
	if n <= 0 {
		return 0, -1
	}
	return v, pos + n
}

// parseRecord reads the record at pos. keyLen is -1 without a key.
func parseRecord(b []byte, pos int) (keyPos, keyLen, valuePos, valueLen int, ts, off int64, next int, err error) {
	size, p := uvar(b, pos)
	if p < 0 || size < minRecordSize-1 || size > int64(len(b)-p) {
		return 0, 0, 0, 0, 0, 0, 0, badRecord(pos, "its length is wrong")
	}
	end := p + int(size)
	r := b[:end]
	p++ // attributes
	if ts, p = uvar(r, p); p < 0 {
		return 0, 0, 0, 0, 0, 0, 0, badRecord(pos, "its timestamp is cut off")
	}
	if off, p = uvar(r, p); p < 0 || p >= end {
		return 0, 0, 0, 0, 0, 0, 0, badRecord(pos, "its offset is cut off")
	}
	keyLen = -1
	switch r[p] {
	case 0:
		p++
	case 1:
		n, q := uvar(r, p+1)
		if q < 0 || n < 0 || n > int64(end-q) {
			return 0, 0, 0, 0, 0, 0, 0, badRecord(pos, "its key is cut off")
		}
		keyPos, keyLen, p = q, int(n), q+int(n)
	default:
		return 0, 0, 0, 0, 0, 0, 0, badRecord(pos, "its key flag is neither 0 nor 1")
	}
	n, q := uvar(r, p)
	if q < 0 || n < 0 || n > int64(end-q) {
		return 0, 0, 0, 0, 0, 0, 0, badRecord(pos, "its value is cut off")
	}
	return keyPos, keyLen, q, int(n), ts, off, end, nil
}

// window is how many bytes parseShort looks at before a key, at least.
const window = 10

// parseShort is parseRecord for what nearly all records are: with numbers of one or two bytes, and not the last ones of a section.
// next is -1 for all others, and for what is wrong. It calls nothing, which makes it several times as fast.
func parseShort(b []byte, pos int) (keyPos, keyLen, valuePos, valueLen int, ts int64, next int) {
	if len(b)-pos < window {
		return 0, 0, 0, 0, 0, -1
	}
	w := b[pos : pos+window]
	size, i := uint(w[0]), 1
	if size >= 0x80 {
		size = size&0x7f | uint(w[1])<<7
		i = 2
	}
	end := pos + i + int(size>>1)
	delta := uint(w[i+1]) // behind the attributes
	i += 2
	if delta >= 0x80 {
		delta = delta&0x7f | uint(w[i])<<7
		i++
	}
	if w[i] >= 0x80 { // the offset
		i++
	}
	wide := w[i]
	keyed := w[i+1]
	p := pos + i + 2
	keyLen = -1
	if keyed != 0 {
		if p+1 >= len(b) {
			return 0, 0, 0, 0, 0, -1
		}
		n := uint(b[p])
		p++
		if n >= 0x80 {
			n = n&0x7f | uint(b[p])<<7
			p++
		}
		if n&1 != 0 || n >= 1<<14 || keyed != 1 {
			return 0, 0, 0, 0, 0, -1
		}
		keyPos, keyLen = p, int(n>>1)
		p += keyLen
	}
	if p+1 >= len(b) {
		return 0, 0, 0, 0, 0, -1
	}
	n := uint(b[p])
	p++
	if n >= 0x80 {
		n = n&0x7f | uint(b[p])<<7
		p++
	}
	valueLen = int(n >> 1)
	// A third byte shows in what the second one adds; so does a negative length in the lowest bit.
	if size&1 != 0 || n&1 != 0 || size >= 1<<14 || delta >= 1<<14 || wide >= 0x80 || n >= 1<<14 || size < 2*(minRecordSize-1) || end > len(b) || p+valueLen > end {
		return 0, 0, 0, 0, 0, -1
	}
	return keyPos, keyLen, p, valueLen, int64(delta>>1) ^ -int64(delta&1), end
}

func badRecord(pos int, why string) error {
	return fluvioerr.New(fluvioerr.Corrupt, "decode batch", "the record at byte %d is malformed: %s", pos, why)
}

// NoKey in a column of key lengths marks a record without a key.
const NoKey = ^uint32(0)

// Columns are the records of a section as positions into it. The slices are the caller's, of at least Count elements;
// they may lie in C memory.
type Columns struct {
	Offset    []int64
	Timestamp []int64 // ms since the epoch, -1 none
	KeyPos    []uint32
	KeyLen    []uint32 // NoKey: no key
	ValuePos  []uint32
	ValueLen  []uint32
}

// Columns fills cols from row at on with the records of r whose offset is at least from and below upto, and returns how
// many rows were written. Offsets are h.BaseOffset + index, as the official client numbers them. posBase is added to every
// position.
func (r *RecordReader) Columns(h *BatchHeader, cols *Columns, at int, from, upto int64, posBase uint32) (int, error) {
	n := at
	offset := h.BaseOffset + int64(r.count-r.left)
	for ; r.left > 0; r.left-- {
		keyPos, keyLen, valuePos, valueLen, ts, next := parseShort(r.buf, r.pos)
		if next < 0 {
			var err error
			if keyPos, keyLen, valuePos, valueLen, ts, _, next, err = parseRecord(r.buf, r.pos); err != nil {
				return n - at, err
			}
		}
		r.pos = next
		if offset >= from && offset < upto {
			cols.Offset[n] = offset
			cols.Timestamp[n] = -1
			if h.FirstTimestamp > 0 {
				cols.Timestamp[n] = h.FirstTimestamp + ts
			}
			cols.KeyPos[n], cols.KeyLen[n] = 0, NoKey
			if keyLen >= 0 {
				cols.KeyPos[n], cols.KeyLen[n] = posBase+uint32(keyPos), uint32(keyLen)
			}
			cols.ValuePos[n], cols.ValueLen[n] = posBase+uint32(valuePos), uint32(valueLen)
			n++
		}
		offset++
	}
	return n - at, nil
}
