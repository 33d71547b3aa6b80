package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// zstdWindow bounds what an encoder keeps, and what every reader must keep. Batches are rarely larger than a request of
// 1 MiB, so a larger window would find nothing more.
const zstdWindow = 1 << 20

// zstdBlock is the most that one block of the format can hold, decompressed.
const zstdBlock = 128 << 10

// zstdSlack is room behind the output that lets the decoder copy in wide steps; with less it is slower, not wrong.
const zstdSlack = 32

var (
	zstdEncoders [zstd.SpeedBestCompression + 1]sync.Pool
	zstdDecoders = sync.Pool{New: func() any {
		// Concurrency 1: no goroutines. The limit on the capacity is how AppendDecoded bounds the output.
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(err) // the options are constants; a test runs this line
		}
		return d
	}}
)

func appendZstd(dst []byte, level int, src []byte) ([]byte, error) {
	speed := zstd.EncoderLevelFromZstd(max(level, 1))
	e, _ := zstdEncoders[speed].Get().(*zstd.Encoder)
	if e == nil {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
		if err != nil {
			return dst, err
		}
	}
	dst = e.EncodeAll(src, dst)
	zstdEncoders[speed].Put(e)
	return dst, nil
}

func decodeZstd(dst, src []byte, limit int) ([]byte, error) {
	bound, declared, err := zstdBound(src)
	if err != nil {
		return dst, err
	}
	if declared > uint64(bound) {
		return dst, fmt.Errorf("%d bytes are declared, the blocks hold at most %d", declared, bound)
	}
	if declared > uint64(limit) {
		return dst, ErrTooLarge
	}
	d := zstdDecoders.Get().(*zstd.Decoder)
	defer zstdDecoders.Put(d)
	// One byte beyond the limit, to see that there is more.
	most := min(bound, limit+1)
	room := min(most, max(8*len(src), minGrow))
	if declared > 0 {
		room = int(declared)
	}
	base := len(dst)
	for {
		room = max(room, min(cap(dst)-base-zstdSlack, most)) // all that is there, and no byte more: growing copies dst
		buf := slices.Grow(dst, room+zstdSlack)
		out, err := d.DecodeAll(src, buf[:base:base+room+zstdSlack])
		switch {
		case err == nil && len(out)-base > limit:
			return dst, ErrTooLarge
		case err == nil:
			return buf[:len(out)], nil // with all its capacity, for what is appended next
		case room >= bound:
			return dst, err
		}
		// There may be more than the room holds. The decoder says so, or, where the room ends inside of a block, calls that damaged,
		// in the words for a block that is too long. Starting over costs a third of the time at worst.
		tried, full := room, room >= most
		if room = min(most, 4*room); room <= large && !full {
			continue
		}
		var counted countedError
		switch count := zstdCount(src, limit, buf[base:cap(buf)]); {
		case errors.Is(count, ErrTooLarge):
			return dst, count
		case errors.As(count, &counted) && !full:
			if room = int(counted); room <= tried {
				return dst, err // it had room enough: it is damaged
			}
		case full && errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return dst, ErrTooLarge
		case full:
			return dst, err
		}
	}
}

// zstdCount counts what is in src, as count does. A window larger than large is not decompressed: an error of the library.
func zstdCount(src []byte, limit int, scratch []byte) error {
	d, err := zstd.NewReader(bytes.NewReader(src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(large))
	if err != nil {
		return err
	}
	defer d.Close()
	return count(d, 0, limit, scratch)
}

// zstdBound walks the frames and the headers of their blocks, without decompressing, and returns how many bytes they can
// hold at most, and the sum of the sizes that the frames declare, 0 when one declares none. Without it a few bytes could
// declare, and make the decoder allocate, anything up to the limit.
func zstdBound(src []byte) (bound int, declared uint64, err error) {
	if len(src) == 0 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	known := true
	for len(src) > 0 {
		var h zstd.Header
		if err := h.Decode(src); err != nil {
			return 0, 0, err
		}
		if h.Skippable {
			if uint64(h.SkippableSize) > uint64(len(src)-h.HeaderSize) {
				return 0, 0, io.ErrUnexpectedEOF
			}
			src = src[h.HeaderSize+int(h.SkippableSize):]
			continue
		}
		known = known && h.HasFCS
		if declared += h.FrameContentSize; declared < h.FrameContentSize {
			return 0, 0, zstd.ErrDecoderSizeExceeded
		}
		n, rest, err := zstdFrameBound(src[h.HeaderSize:], h.HasCheckSum)
		if err != nil {
			return 0, 0, err
		}
		bound, src = bound+n, rest
	}
	if !known {
		declared = 0
	}
	return bound, declared, nil
}

// zstdFrameBound walks the blocks of a frame behind its header; rest is what follows the frame.
func zstdFrameBound(src []byte, checksum bool) (bound int, rest []byte, err error) {
	for last := false; !last; {
		if len(src) < 3 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		header := int(src[0]) | int(src[1])<<8 | int(src[2])<<16
		src = src[3:]
		last = header&1 != 0
		size := header >> 3
		holds := size
		switch header >> 1 & 3 {
		case 1: // one byte, repeated
			size = 1
		case 2:
			holds = zstdBlock
		}
		if size > len(src) {
			return 0, nil, io.ErrUnexpectedEOF
		}
		src = src[size:]
		bound += min(holds, zstdBlock)
	}
	if checksum {
		if len(src) < 4 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		src = src[4:]
	}
	return bound, src, nil
}
