package compress

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

type gzipEncoder struct {
	out sliceWriter
	w   *gzip.Writer
}

type gzipDecoder struct {
	src bytes.Reader
	r   gzip.Reader
}

var (
	gzipEncoders [10]sync.Pool // by level
	gzipDecoders = sync.Pool{New: func() any { return new(gzipDecoder) }}
)

func appendGzip(dst []byte, level int, src []byte) ([]byte, error) {
	if level == 0 {
		level = 6
	}
	e, _ := gzipEncoders[level].Get().(*gzipEncoder)
	if e == nil {
		e = new(gzipEncoder)
		var err error
		if e.w, err = gzip.NewWriterLevel(&e.out, level); err != nil {
			return dst, err
		}
	}
	dst, err := e.out.collect(dst, e.w, src)
	gzipEncoders[level].Put(e)
	return dst, err
}

// gzipMin is the smallest member: ten bytes of header, two of an empty block, eight of trailer.
const gzipMin = 20

func decodeGzip(dst, src []byte, limit, size int) ([]byte, error) {
	if len(src) < gzipMin {
		return dst, io.ErrUnexpectedEOF
	}
	d := gzipDecoders.Get().(*gzipDecoder)
	defer func() {
		d.src.Reset(nil)
		gzipDecoders.Put(d)
	}()
	d.src.Reset(src)
	if err := d.r.Reset(&d.src); err != nil {
		return dst, err
	}
	d.r.Multistream(false)
	// The trailer ends with the size, when the member ends the section. It is a guess as good as the peer is honest.
	hint := min(uint64(binary.LittleEndian.Uint32(src[len(src)-4:])), 16*uint64(len(src)))
	return readAll(dst, &d.r, limit, size, int(hint)+1)
}
