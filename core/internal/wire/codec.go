package wire

import (
	"encoding/binary"
	"math"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// MaxString is the longest string the protocol can carry: its u16 length is read as signed by the official decoder.
const MaxString = math.MaxInt16

// Message is a value with one description of its bytes, used for encoding and decoding.
type Message interface {
	Wire(c *Codec)
}

// Codec walks a message in one direction, at one version. The first failure sticks: everything after it is skipped. Encoding
// only reads the message, so one value may be encoded by several goroutines at once.
type Codec struct {
	version  int16
	decoding bool
	buf      []byte // encoding: what was appended so far; decoding: the whole source
	pos      int    // decoding: next byte
	err      error
}

// Append encodes m at a version behind dst.
func Append(dst []byte, version int16, m Message) ([]byte, error) {
	c := Codec{version: version, buf: dst}
	m.Wire(&c)
	return c.buf, c.err
}

// Decode reads m at a version from src and returns how many bytes it took. Byte slices inside m are views of src.
func Decode(src []byte, version int16, m Message) (int, error) {
	c := Codec{version: version, buf: src, decoding: true}
	m.Wire(&c)
	return c.pos, c.err
}

// Err is the first failure.
func (c *Codec) Err() error { return c.err }

// Since says whether a field that exists from version n on is present.
func (c *Codec) Since(n int16) bool { return c.version >= n }

// Upto says whether a field that exists up to version n is present.
func (c *Codec) Upto(n int16) bool { return c.version <= n }

// Remaining is the number of bytes not yet read.
func (c *Codec) Remaining() int { return len(c.buf) - c.pos }

// Fail makes the walk fail; the first failure wins.
func (c *Codec) Fail(format string, args ...any) {
	if c.err == nil {
		e := fluvioerr.New(fluvioerr.Protocol, "", format, args...)
		if c.decoding {
			e.Op = "decode"
		} else {
			e.Op = "encode"
		}
		c.err = e
	}
}

// take returns the next n bytes of the source, nil if they are not there or an earlier step failed.
func (c *Codec) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > len(c.buf)-c.pos {
		c.Fail("message ends at byte %d, %d more bytes were announced at byte %d", len(c.buf), n, c.pos)
		return nil
	}
	b := c.buf[c.pos : c.pos+n : c.pos+n]
	c.pos += n
	return b
}

// U8 is one unsigned byte.
func (c *Codec) U8(v *uint8) {
	if !c.decoding {
		c.buf = append(c.buf, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

// Bool is one byte, 0 or 1; anything else is an error.
func (c *Codec) Bool(v *bool) {
	if !c.decoding {
		if *v {
			c.buf = append(c.buf, 1)
		} else {
			c.buf = append(c.buf, 0)
		}
	} else if b := c.take(1); b != nil {
		if b[0] > 1 {
			c.Fail("byte %d is %d where a boolean (0 or 1) is expected", c.pos-1, b[0])
			return
		}
		*v = b[0] == 1
	}
}

// U16 is two bytes, big-endian, as are all wider integers.
func (c *Codec) U16(v *uint16) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint16(c.buf, *v)
	} else if b := c.take(2); b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
}

// I16 is two bytes, signed.
func (c *Codec) I16(v *int16) {
	u := uint16(*v)
	c.U16(&u)
	if c.decoding {
		*v = int16(u)
	}
}

// U32 is four bytes.
func (c *Codec) U32(v *uint32) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint32(c.buf, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

// I32 is four bytes, signed.
func (c *Codec) I32(v *int32) {
	u := uint32(*v)
	c.U32(&u)
	if c.decoding {
		*v = int32(u)
	}
}

// U64 is eight bytes.
func (c *Codec) U64(v *uint64) {
	if !c.decoding {
		c.buf = binary.BigEndian.AppendUint64(c.buf, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

// I64 is eight bytes, signed.
func (c *Codec) I64(v *int64) {
	u := uint64(*v)
	c.U64(&u)
	if c.decoding {
		*v = int64(u)
	}
}

// String is a u16 length and UTF-8 bytes. A length above MaxString decodes as empty, as in the official decoder, and is
// refused when encoding, because it would shift everything behind it.
func (c *Codec) String(v *string) {
	if !c.decoding {
		if len(*v) > MaxString {
			c.Fail("a string of %d bytes exceeds the protocol's %d", len(*v), MaxString)
			return
		}
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(*v)))
		c.buf = append(c.buf, *v...)
		return
	}
	var n int16
	c.I16(&n)
	if n <= 0 {
		*v = ""
		return
	}
	*v = string(c.take(int(n)))
}

// Bytes is a u32 length and bytes; decoding gives a view of the source.
func (c *Codec) Bytes(v *[]byte) {
	if !c.decoding {
		if uint64(len(*v)) > math.MaxInt32 {
			c.Fail("%d bytes exceed the protocol's 2 GiB", len(*v))
			return
		}
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(*v)))
		c.buf = append(c.buf, *v...)
		return
	}
	var n int32
	c.I32(&n)
	if n < 1 {
		*v = nil
		return
	}
	*v = c.take(int(n))
}

// Varint is zig-zag base-128, used on the wire only inside records and in one error payload.
func (c *Codec) Varint(v *int64) {
	if !c.decoding {
		c.buf = binary.AppendVarint(c.buf, *v)
		return
	}
	if c.err != nil {
		return
	}
	n, size := binary.Varint(c.buf[c.pos:])
	if size <= 0 {
		c.Fail("bad varint at byte %d", c.pos)
		return
	}
	*v = n
	c.pos += size
}

// VarBytes is a varint length and bytes; decoding gives a view of the source.
func (c *Codec) VarBytes(v *[]byte) {
	n := int64(len(*v))
	c.Varint(&n)
	if !c.decoding {
		c.buf = append(c.buf, *v...)
		return
	}
	if n < 0 || n > int64(c.Remaining()) {
		c.Fail("length %d at byte %d exceeds the %d bytes that remain", n, c.pos, c.Remaining())
		return
	}
	*v = c.take(int(n))
}

// Count is the u32 element count of a list. Decoding refuses a count whose elements, of at least minSize bytes each,
// cannot fit into what remains.
func (c *Codec) Count(n int, minSize int) int {
	v := int32(n)
	if !c.decoding && n > math.MaxInt32 {
		c.Fail("%d elements exceed the protocol's list size", n)
		return 0
	}
	c.I32(&v)
	return c.checkCount(int(v), minSize)
}

func (c *Codec) checkCount(n, minSize int) int {
	if c.err != nil || n < 1 {
		return 0
	}
	if c.decoding && n > c.Remaining()/max(minSize, 1) {
		c.Fail("%d elements announced at byte %d cannot fit into the %d bytes that remain", n, c.pos, c.Remaining())
		return 0
	}
	return n
}

// Vec is a u32 count and the elements, each walked by each; minSize is the least an element takes on the wire.
func Vec[T any](c *Codec, v *[]T, minSize int, each func(*Codec, *T)) {
	n := c.Count(len(*v), minSize)
	if !c.decoding {
		for i := range *v {
			each(c, &(*v)[i])
		}
		return
	}
	*v = nil
	for i := 0; i < n && c.err == nil; i++ {
		var zero T
		*v = append(*v, zero)
		each(c, &(*v)[i]) // in place: a local element would be one allocation each
	}
}

// Opt is a boolean, and the value if it is 1.
func Opt[T any](c *Codec, v **T, each func(*Codec, *T)) {
	has := *v != nil
	c.Bool(&has)
	if c.err != nil {
		return
	}
	if c.decoding {
		*v = nil
		if has {
			*v = new(T)
		}
	}
	if has {
		each(c, *v)
	}
}

// OptString is an optional string, OptU32 and OptU64 optional integers.
func (c *Codec) OptString(v **string) { Opt(c, v, (*Codec).String) }

// OptU32 is an optional u32.
func (c *Codec) OptU32(v **uint32) { Opt(c, v, (*Codec).U32) }

// OptU64 is an optional u64.
func (c *Codec) OptU64(v **uint64) { Opt(c, v, (*Codec).U64) }

// MapEntry is one pair of a Map. Pairs keep their wire order, so that what was read is written back unchanged; the
// official encoder emits them in ascending order of their keys.
type MapEntry[K, V any] struct {
	Key   K
	Value V
}

// Map is a u16 count, then key, value, key, value.
func Map[K, V any](c *Codec, v *[]MapEntry[K, V], minSize int, key func(*Codec, *K), value func(*Codec, *V)) {
	if !c.decoding && len(*v) > math.MaxUint16 {
		c.Fail("%d entries exceed the protocol's map size", len(*v))
		return
	}
	count := uint16(len(*v))
	c.U16(&count)
	n := c.checkCount(int(count), minSize)
	if !c.decoding {
		for i := range *v {
			key(c, &(*v)[i].Key)
			value(c, &(*v)[i].Value)
		}
		return
	}
	*v = nil
	for i := 0; i < n && c.err == nil; i++ {
		*v = append(*v, MapEntry[K, V]{})
		key(c, &(*v)[i].Key)
		value(c, &(*v)[i].Value)
	}
}

// Sized is a u32 byte length and a body of exactly that length: the envelope of the SC's objects. Bytes the body leaves
// over are skipped when decoding, so that a newer server may append fields.
func (c *Codec) Sized(body func(*Codec)) {
	if !c.decoding {
		at := len(c.buf)
		c.buf = append(c.buf, 0, 0, 0, 0)
		body(c)
		if c.err == nil {
			binary.BigEndian.PutUint32(c.buf[at:], uint32(len(c.buf)-at-4))
		}
		return
	}
	var n uint32
	c.U32(&n)
	if c.err != nil {
		return
	}
	if uint64(n) > uint64(c.Remaining()) {
		c.Fail("an object of %d bytes is announced at byte %d, %d remain", n, c.pos, c.Remaining())
		return
	}
	whole, end := c.buf, c.pos+int(n)
	c.buf = whole[:end:end]
	body(c)
	c.buf = whole
	if c.err == nil {
		c.pos = end
	}
}

// Tail is everything up to the end of the message, as a view.
func (c *Codec) Tail(v *[]byte) {
	if c.decoding {
		*v = c.take(c.Remaining())
	} else {
		c.buf = append(c.buf, *v...)
	}
}
