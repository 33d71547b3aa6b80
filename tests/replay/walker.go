package replay

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Field is one value of a message. Name is its path, for instance topic[0].partition[1].batch[0].crc.
type Field struct{ Name, Value string }

// leaf is the last part of the path, by which a Mask knows a field.
func (f Field) leaf() string { return f.Name[strings.LastIndexByte(f.Name, '.')+1:] }

// walker reads a message from its start and notes what it finds. The first failure sticks, and everything after it reads
// zeroes. Lengths are not noted: they follow from what they measure.
type walker struct {
	msg    []byte
	at     int
	path   string
	fields []Field
	err    error
}

func (w *walker) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *walker) left() int { return len(w.msg) - w.at }

// take gives the next n bytes, nil when they are not there.
func (w *walker) take(n int) []byte {
	if w.err != nil {
		return nil
	}
	if n < 0 || n > w.left() {
		w.fail("%d bytes are announced at byte %d, %d remain", n, w.at, w.left())
		return nil
	}
	b := w.msg[w.at : w.at+n : w.at+n]
	w.at += n
	return b
}

func (w *walker) note(name, value string) {
	if w.err == nil && name != "" {
		w.fields = append(w.fields, Field{w.path + name, value})
	}
}

// raw reads an integer of 1, 2, 4 or 8 bytes.
func (w *walker) raw(size int) uint64 {
	var b [8]byte
	copy(b[8-size:], w.take(size))
	return binary.BigEndian.Uint64(b[:])
}

// number reads a signed integer of 1, 2, 4 or 8 bytes. Nothing is noted under the name "".
func (w *walker) number(name string, size int) int64 {
	shift := 64 - 8*size
	n := int64(w.raw(size)<<shift) >> shift
	w.note(name, strconv.FormatInt(n, 10))
	return n
}

// unsigned is number for unsigned ones.
func (w *walker) unsigned(name string, size int) uint64 {
	n := w.raw(size)
	w.note(name, strconv.FormatUint(n, 10))
	return n
}

func (w *walker) boolean(name string) bool {
	n := w.raw(1)
	if n > 1 {
		w.fail("byte %d is %d where a boolean is expected", w.at-1, n)
	}
	w.note(name, strconv.FormatBool(n == 1))
	return n == 1
}

func (w *walker) text(name string) string {
	s := string(w.take(max(int(w.number("", 2)), 0)))
	w.note(name, strconv.Quote(s))
	return s
}

// bytes reads a u32 length and that many bytes.
func (w *walker) bytes(name string) []byte {
	b := w.take(max(int(w.number("", 4)), 0))
	w.note(name, show(b))
	return b
}

func (w *walker) varint(name string) int64 {
	if w.err != nil {
		return 0
	}
	n, size := binary.Varint(w.msg[w.at:])
	if size <= 0 {
		w.fail("bad varint at byte %d", w.at)
		return 0
	}
	w.at += size
	w.note(name, strconv.FormatInt(n, 10))
	return n
}

// varbytes reads a varint length and that many bytes.
func (w *walker) varbytes(name string) []byte {
	n := w.varint("")
	if n > int64(w.left()) {
		w.fail("%d bytes are announced at byte %d, %d remain", n, w.at, w.left())
		return nil
	}
	b := w.take(int(max(n, 0)))
	w.note(name, show(b))
	return b
}

// option reads a boolean, and the value behind it when it is true.
func (w *walker) option(name string, value func()) {
	if w.boolean("") {
		value()
	} else {
		w.note(name, "none")
	}
}

func (w *walker) optionalText(name string) { w.option(name, func() { w.text(name) }) }

func (w *walker) optionalUnsigned(name string, size int) {
	w.option(name, func() { w.unsigned(name, size) })
}

// within puts a name in front of what is noted.
func (w *walker) within(name string, body func()) {
	before := w.path
	w.path += name + "."
	body()
	w.path = before
}

// repeat reads n elements.
func (w *walker) repeat(name string, n int64, each func()) {
	if name != "" {
		w.note(name+".count", strconv.FormatInt(max(n, 0), 10))
	}
	for i := int64(0); i < n && w.err == nil; i++ {
		w.within(name+"["+strconv.FormatInt(i, 10)+"]", each)
	}
}

// list reads a u32 count and the elements.
func (w *walker) list(name string, each func()) { w.repeat(name, w.number("", 4), each) }

// dictionary reads a u16 count, then keys and values.
func (w *walker) dictionary(name string, each func()) {
	w.repeat(name, int64(w.unsigned("", 2)), each)
}

// sized reads a u32 length and a body that ends there; what the body leaves is noted as rest.
func (w *walker) sized(body func()) {
	n := int(w.unsigned("", 4))
	if w.err != nil {
		return
	}
	if n > w.left() {
		w.fail("an object of %d bytes is announced at byte %d, %d remain", n, w.at, w.left())
		return
	}
	whole := w.msg
	w.msg = whole[:w.at+n]
	body()
	w.rest()
	w.msg = whole
}

// rest notes the bytes that nothing has read, if there are any.
func (w *walker) rest() {
	if w.left() > 0 {
		w.note("rest", show(w.take(w.left())))
	}
}

// show writes bytes as text where they are that.
func show(b []byte) string {
	if utf8.Valid(b) {
		return strconv.Quote(string(b))
	}
	return "hex " + hex.EncodeToString(b)
}
