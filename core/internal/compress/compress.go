// Package compress packs and unpacks the records section of a batch with the four codecs of Fluvio's batches, in the
// containers that its official clients use: one gzip member, the snappy framing format, an lz4 frame, a zstd frame. Raw
// snappy and lz4 blocks are something else and are refused.
//
// The functions append to the caller's buffer, may be called from any goroutine and start none. Encoders and decoders are
// pooled, so a steady state allocates nothing but what the caller's buffer lacks.
//
// # Trust
//
// Compressed bytes come from other programs. A decoder stops at the caller's limit, and a size that the container
// declares is never allocated because it is declared: the buffer starts small and grows with what was really
// decompressed, or, for zstd, is no larger than what the blocks at hand can hold. On top of that come the codec
// libraries' own pooled buffers: at most 8 MiB for lz4 (two blocks of the largest size), less than 1 MiB for the others.
package compress

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Codec is a compression method by its number in the attributes of a batch. A topic's compression setting numbers them
// differently.
type Codec uint8

// The codecs.
const (
	None   Codec = 0
	Gzip   Codec = 1
	Snappy Codec = 2
	Lz4    Codec = 3
	Zstd   Codec = 4
)

// The kinds of failure, for errors.Is. Each comes wrapped with what happened.
var (
	// ErrTooLarge says that the decompressed bytes exceed the caller's limit.
	ErrTooLarge = errors.New("decompressed data exceeds the limit")
	// ErrCorrupt says that the bytes are not what the codec's container looks like, or fail its checksum.
	ErrCorrupt = errors.New("compressed data is malformed")
	// ErrUnknownCodec says that no codec has this number or name.
	ErrUnknownCodec = errors.New("unknown compression codec")
	// ErrLevel says that a compression level is outside the codec's range.
	ErrLevel = errors.New("the level is out of range")
)

var names = [...]string{None: "none", Gzip: "gzip", Snappy: "snappy", Lz4: "lz4", Zstd: "zstd"}

// maxLevel is the highest level of each codec; the lowest is 1, and 0 is the codec's default.
var maxLevel = [...]int{None: 0, Gzip: 9, Snappy: 0, Lz4: 9, Zstd: 22}

// String gives the codec's name as settings spell it.
func (c Codec) String() string {
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// Parse gives the codec of a name: none, gzip, snappy, lz4 or zstd. Other names are ErrUnknownCodec.
func Parse(name string) (Codec, error) {
	for i, n := range names {
		if n == name {
			return Codec(i), nil
		}
	}
	return None, fmt.Errorf("%w %q: want none, gzip, snappy, lz4 or zstd", ErrUnknownCodec, name)
}

// CheckLevel says whether Append takes this level; the error is ErrLevel with the accepted range, or ErrUnknownCodec.
//
// Level 0 is the codec's default everywhere. gzip: 1 (fast) to 9 (small), default 6. lz4: 1 to 9 are its high
// compression levels, all slower and smaller than the default. zstd: 1 to 22 as in the zstd program, of which the library
// tells four speeds apart (1 to 2, 3 to 5, 6 to 9, 10 and more); default 1. none and snappy have no levels.
func CheckLevel(codec Codec, level int) error {
	switch {
	case int(codec) >= len(names):
		return fmt.Errorf("%w %d", ErrUnknownCodec, uint8(codec))
	case level >= 0 && level <= maxLevel[codec]:
		return nil
	case maxLevel[codec] == 0:
		return fmt.Errorf("%w: %d, %s has no levels, want 0", ErrLevel, level, codec)
	}
	return fmt.Errorf("%w: %d, want 0 (default) or 1 to %d for %s", ErrLevel, level, maxLevel[codec], codec)
}

// Append compresses src and appends it to dst. CheckLevel tells what levels mean. On an error dst comes back as it was.
// src is only read, and must not overlap the room behind dst.
func Append(dst []byte, codec Codec, level int, src []byte) ([]byte, error) {
	if err := CheckLevel(codec, level); err != nil {
		return dst, err
	}
	out, err := dst, error(nil)
	switch codec {
	case None:
		return append(dst, src...), nil
	case Gzip:
		out, err = appendGzip(dst, level, src)
	case Snappy:
		out = appendSnappy(dst, src)
	case Lz4:
		out, err = appendLz4(dst, level, src)
	case Zstd:
		out, err = appendZstd(dst, level, src)
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", codec, err)
	}
	return out, nil
}

// AppendDecoded decompresses src and appends at most limit bytes to dst. It fails with ErrTooLarge when there would be
// more, ErrCorrupt when src is malformed, ErrUnknownCodec when codec has no decoder; dst then comes back as it was, though
// the room behind it may have been written to. src is only read, and must not overlap that room.
//
// gzip reads one member and ignores what follows it, as the official reader does. A snappy stream that was cut between
// two chunks is whole to the framing format: only the number of records tells.
func AppendDecoded(dst []byte, codec Codec, src []byte, limit int) ([]byte, error) {
	if codec == None {
		if len(src) > limit {
			return dst, tooLarge(codec, limit)
		}
		return append(dst, src...), nil
	}
	if int(codec) >= len(names) {
		return dst, fmt.Errorf("%w %d", ErrUnknownCodec, uint8(codec))
	}
	limit = max(limit, 0)
	out, err := dst, error(nil)
	if codec == Zstd {
		out, err = decodeZstd(dst, src, limit)
	} else {
		var counted countedError
		if out, err = decoders[codec](dst, src, limit, 0); errors.As(err, &counted) {
			out, err = decoders[codec](dst, src, limit, int(counted))
		}
	}
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, ErrTooLarge):
		return dst, tooLarge(codec, limit)
	}
	return dst, fmt.Errorf("%s: %w: %w", codec, ErrCorrupt, err)
}

// decoders are those that readAll gets the output of. size is how many bytes there are, 0 when that is not known.
var decoders = [...]func(dst, src []byte, limit, size int) ([]byte, error){Gzip: decodeGzip, Snappy: decodeSnappy, Lz4: decodeLz4}

func tooLarge(codec Codec, limit int) error {
	return fmt.Errorf("%s: %w of %d bytes", codec, ErrTooLarge, limit)
}

// sliceWriter collects what an encoder writes behind the caller's buffer.
type sliceWriter struct{ buf []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// resetWriter is an encoder that can be used again.
type resetWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

// collect appends to dst what an encoder that writes to w makes of src.
func (w *sliceWriter) collect(dst []byte, encoder resetWriter, src []byte) ([]byte, error) {
	w.buf = dst
	encoder.Reset(w)
	_, err := encoder.Write(src)
	if err == nil {
		err = encoder.Close()
	}
	dst, w.buf = w.buf, nil
	return dst, err
}

// large is how much memory what is decompressed gets without a look at how large all of it is.
const large = 8 << 20

// countedError says how many bytes there are in all: decompress again, with that much room.
type countedError int

func (e countedError) Error() string { return fmt.Sprintf("there are %d bytes", int(e)) }

// minGrow is the least room that readAll makes: below it reads become many and small.
const minGrow = 4 << 10

// readAll appends what r gives to dst, up to limit bytes. The first room is made for size bytes, which is known, or 0; else for
// hint bytes, a guess; from then on the buffer doubles. What is large is counted to its end and given up with a countedError, so that a
// bomb costs little. io.EOF is the end; any other error of r comes back as it is.
func readAll(dst []byte, r io.Reader, limit, size, hint int) ([]byte, error) {
	base := len(dst)
	if hint = min(max(hint, minGrow), large); size > 0 {
		hint = size + 1 // for the end, too
	}
	for {
		if len(dst) == cap(dst) {
			if size == 0 && len(dst)-base >= large && limit > large {
				return dst[:base], count(r, len(dst)-base, limit, dst[base:])
			}
			// One byte beyond the limit, to see that there is more.
			dst = slices.Grow(dst, min(max(hint, len(dst)-base), limit-(len(dst)-base)+1))
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), base+limit+1)])
		dst = dst[:len(dst)+n]
		if len(dst)-base > limit {
			return dst[:base], ErrTooLarge
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst[:base], err
		}
	}
}

// count reads r to its end, with scratch as its buffer, and says how many bytes there are with the n that were read already:
// as a countedError, or ErrTooLarge.
func count(r io.Reader, n, limit int, scratch []byte) error {
	for {
		k, err := r.Read(scratch)
		if n += k; n > limit {
			return ErrTooLarge
		}
		if err == io.EOF {
			return countedError(n)
		}
		if err != nil {
			return err
		}
	}
}
