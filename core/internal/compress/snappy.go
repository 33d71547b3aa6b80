package compress

import (
	"bytes"
	"errors"
	"sync"

	"github.com/klauspost/compress/s2"
)

// snappyMagic is the stream identifier chunk that starts the framing format.
const snappyMagic = "\xff\x06\x00\x00sNaPpY"

// snappyBlock is the most that a chunk of the framing format may hold, decompressed.
const snappyBlock = 64 << 10

var errSnappyMagic = errors.New("it does not start with snappy's stream identifier")

type snappyEncoder struct {
	out sliceWriter
	w   *s2.Writer
}

type snappyDecoder struct {
	src bytes.Reader
	r   *s2.Reader
}

var snappyEncoders = sync.Pool{New: func() any {
	e := new(snappyEncoder)
	e.w = s2.NewWriter(&e.out, s2.WriterSnappyCompat(), s2.WriterConcurrency(1))
	return e
}}

var snappyDecoders = sync.Pool{New: func() any {
	d := new(snappyDecoder)
	d.r = s2.NewReader(&d.src, s2.ReaderMaxBlockSize(snappyBlock))
	return d
}}

func appendSnappy(dst, src []byte) ([]byte, error) {
	if len(src) == 0 {
		return append(dst, snappyMagic...), nil // the library would write nothing at all
	}
	e := snappyEncoders.Get().(*snappyEncoder)
	e.out.buf = dst
	e.w.Reset(&e.out)
	// EncodeBuffer reads src in place; Write would copy it first.
	err := e.w.EncodeBuffer(src)
	if err == nil {
		err = e.w.Close()
	}
	dst, e.out.buf = e.out.buf, nil
	snappyEncoders.Put(e)
	return dst, err
}

func decodeSnappy(dst, src []byte, limit, size int) ([]byte, error) {
	// The library reads its own extension of the format too, which official clients cannot.
	if len(src) < len(snappyMagic) || string(src[:len(snappyMagic)]) != snappyMagic {
		return dst, errSnappyMagic
	}
	d := snappyDecoders.Get().(*snappyDecoder)
	defer func() {
		d.src.Reset(nil)
		snappyDecoders.Put(d)
	}()
	d.src.Reset(src)
	d.r.Reset(&d.src)
	return readAll(dst, d.r, limit, size, 4*len(src))
}
