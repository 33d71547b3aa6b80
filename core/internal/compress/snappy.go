package compress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

// snappyMagic is the stream identifier chunk that starts the framing format.
const snappyMagic = "\xff\x06\x00\x00sNaPpY"

// snappyBlock is the most that a chunk of the framing format may hold, decompressed.
const snappyBlock = 64 << 10

var errSnappyMagic = errors.New("it does not start with snappy's stream identifier")

// snappyHead is what precedes the data of a chunk: its kind, the length of what follows, and the checksum of the decompressed bytes.
const snappyHead = 8

const (
	snappyCompressed = 0
	snappyPlain      = 1
)

type snappyDecoder struct {
	src bytes.Reader
	r   *s2.Reader
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var snappyDecoders = sync.Pool{New: func() any {
	d := new(snappyDecoder)
	d.r = s2.NewReader(&d.src, s2.ReaderMaxBlockSize(snappyBlock))
	return d
}}

// appendSnappy writes the container itself: the library's writer would bring all of its encoders, of which this one is used.
func appendSnappy(dst, src []byte) []byte {
	dst = append(dst, snappyMagic...)
	for len(src) > 0 {
		block := src[:min(len(src), snappyBlock)]
		src = src[len(block):]
		sum := crc32.Checksum(block, castagnoli)
		sum = bits.RotateLeft32(sum, 17) + 0xa282ead8 // masked, as the format wants it
		at := len(dst)
		dst = slices.Grow(dst, snappyHead+s2.MaxEncodedLen(len(block)))
		head := dst[at : at+snappyHead]
		packed := s2.EncodeSnappy(dst[at+snappyHead:at+snappyHead+s2.MaxEncodedLen(len(block))], block)
		kind, n := uint32(snappyCompressed), len(packed)
		if n >= len(block) {
			kind, n = snappyPlain, copy(dst[at+snappyHead:cap(dst)], block)
		}
		binary.LittleEndian.PutUint32(head, kind|uint32(n+4)<<8)
		binary.LittleEndian.PutUint32(head[4:], sum)
		dst = dst[:at+snappyHead+n]
	}
	return dst
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
