package smartengine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// The versions at which inputs change. At lastLegacy exactly, they have what came and what went.
const (
	sinceJoin       = 16
	sinceLookback   = 20
	lastLegacy      = 22
	sinceTimestamps = 22
)

// input gives what stands before and after the records in a transform's input.
func (i *instance) input(baseOffset, baseTimestamp int64, size int) (head, tail []byte) {
	head = binary.BigEndian.AppendUint64(make([]byte, 0, 12), uint64(baseOffset))
	head = binary.BigEndian.AppendUint32(head, uint32(size))
	if i.version <= lastLegacy { // parameters, which come with init, and the record of a join, which is gone
		tail = append(tail, 0, 0)
		if i.version >= sinceLookback {
			tail = append(tail, 0)
		}
		if i.version >= sinceJoin {
			tail = appendBytes(tail, nil)
		}
	}
	if i.version >= sinceTimestamps {
		tail = binary.BigEndian.AppendUint64(tail, uint64(baseTimestamp))
	}
	return head, tail
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

// initInput is what init gets.
type initInput struct {
	params []wire.MapEntry[string, string]
	look   *wire.Lookback
}

// Wire walks the input.
func (m *initInput) Wire(c *wire.Codec) {
	wire.Map(c, &m.params, 4, (*wire.Codec).String, (*wire.Codec).String)
	if c.Since(sinceLookback) {
		wire.Opt(c, &m.look, func(c *wire.Codec, l *wire.Lookback) { l.Wire(c) })
	}
}

// LookBackError is the error of a module for a stored record that it was shown.
type LookBackError struct {
	Hint   string
	Offset int64
	Key    *[]byte
	Value  []byte
}

// Wire walks the error.
func (l *LookBackError) Wire(c *wire.Codec) {
	c.String(&l.Hint)
	c.I64(&l.Offset)
	wire.Opt(c, &l.Key, (*wire.Codec).VarBytes)
	c.VarBytes(&l.Value)
}

// detached is the error with bytes of its own.
func (l *LookBackError) detached() *LookBackError {
	if l.Key != nil {
		key := bytes.Clone(*l.Key)
		l.Key = &key
	}
	l.Value = bytes.Clone(l.Value)
	return l
}

// Error is the official text.
func (l *LookBackError) Error() string {
	key := "NULL"
	if l.Key != nil {
		key = show(*l.Key)
	}
	return fmt.Sprintf("%s\n\nSmartModule Lookback Error: \n    Offset: %d\n    Key: %s\n    Value: %s", l.Hint, l.Offset, key, show(l.Value))
}

func show(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return fmt.Sprintf("Binary: %d bytes", len(b))
}

// transformError is the optional error behind the records of an output.
type transformError struct{ payload *wire.RuntimePayload }

// Wire walks the error.
func (t *transformError) Wire(c *wire.Codec) {
	wire.Opt(c, &t.payload, func(c *wire.Codec, p *wire.RuntimePayload) { p.Wire(c) })
}

// decodeOutput splits a transform's output. The records stay a view of it, the error has bytes of its own.
func decodeOutput(b []byte, version int16) (out Output, rest []byte, err error) {
	r, err := wire.NewRecordReader(b)
	if err != nil {
		return out, nil, err
	}
	for rec, more := (wire.Record{}), true; more; {
		if more, err = r.Next(&rec); err != nil {
			return out, nil, err
		}
	}
	end := r.Pos()
	var failure transformError
	n, err := wire.Decode(b[end:], version, &failure)
	if err != nil {
		return out, nil, err
	}
	if p := failure.payload; p != nil {
		if p.Key != nil {
			key := bytes.Clone(*p.Key)
			p.Key = &key
		}
		p.Value = bytes.Clone(p.Value)
	}
	return Output{Records: b[:end], Count: r.Count(), Error: failure.payload}, b[end+n:], nil
}

// byteList is a list of bytes by itself.
type byteList struct{ b []byte }

// Wire walks the list.
func (l *byteList) Wire(c *wire.Codec) { c.Bytes(&l.b) }

func decodeBytes(b []byte, version int16) ([]byte, error) {
	var l byteList
	_, err := wire.Decode(b, version, &l)
	return l.b, err
}
