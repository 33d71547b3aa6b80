package compress

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// lz4Magic starts a frame. The older "legacy" frames and skippable frames, which the library would take too, are not what
// a batch holds.
const lz4Magic = 0x184D2204

var errLz4Magic = errors.New("it does not start with lz4's frame magic")

// lz4Blocks are the block sizes of the frame format. The smallest that holds the whole input is taken, as official
// clients do: a reader allocates by it.
var lz4Blocks = [...]lz4.BlockSize{lz4.Block64Kb, lz4.Block256Kb, lz4.Block1Mb, lz4.Block4Mb}

var lz4Levels = [...]lz4.CompressionLevel{
	lz4.Fast, lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9,
}

type lz4Encoder struct {
	out sliceWriter
	w   *lz4.Writer
}

type lz4Decoder struct {
	src bytes.Reader
	r   *lz4.Reader
}

var (
	// Setting options allocates, so there is a pool for each pair of them.
	lz4Encoders [len(lz4Levels)][len(lz4Blocks)]sync.Pool
	lz4Decoders = sync.Pool{New: func() any {
		d := new(lz4Decoder)
		d.r = lz4.NewReader(&d.src) // concurrency is 1 unless asked for
		return d
	}}
)

func newLz4Encoder(level, block int) (*lz4Encoder, error) {
	e := new(lz4Encoder)
	e.w = lz4.NewWriter(&e.out)
	err := e.w.Apply(lz4.BlockSizeOption(lz4Blocks[block]), lz4.CompressionLevelOption(lz4Levels[level]),
		lz4.ChecksumOption(false), lz4.ConcurrencyOption(1))
	return e, err
}

func appendLz4(dst []byte, level int, src []byte) ([]byte, error) {
	block := 0
	for block < len(lz4Blocks)-1 && len(src) > int(lz4Blocks[block]) {
		block++
	}
	pool := &lz4Encoders[level][block]
	e, _ := pool.Get().(*lz4Encoder)
	if e == nil {
		var err error
		if e, err = newLz4Encoder(level, block); err != nil {
			return dst, err
		}
	}
	dst, err := e.out.collect(dst, e.w, src)
	pool.Put(e)
	return dst, err
}

func decodeLz4(dst, src []byte, limit, size int) ([]byte, error) {
	if len(src) < 4 || binary.LittleEndian.Uint32(src) != lz4Magic {
		return dst, errLz4Magic
	}
	d := lz4Decoders.Get().(*lz4Decoder)
	defer func() {
		d.src.Reset(nil)
		d.r.Reset(&d.src) // gives the block buffers back
		lz4Decoders.Put(d)
	}()
	d.src.Reset(src)
	d.r.Reset(&d.src)
	return readAll(dst, d.r, limit, size, 4*len(src))
}
