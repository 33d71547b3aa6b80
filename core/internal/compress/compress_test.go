package compress

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var packers = []Codec{Gzip, Snappy, Lz4, Zstd}

// records is test data that compresses as real records do.
func records(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"user":"user-%d","amount":%d.%02d,"currency":"EUR","state":"shipped"}`, i, r.IntN(1000), r.IntN(500), r.IntN(100))
	}
	return b.Bytes()[:n]
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(2, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestRoundTripAtEdges(t *testing.T) {
	sizes := []int{0, 1, 4, 5, 100, 4095, 4096, 65527, 65528, 65529, 65535, 65536, 65537, 131071, 131072, 131073, 1<<18 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 4<<20 + 1}
	kinds := map[string]func(int) []byte{"records": records, "noise": noise, "zeros": func(n int) []byte { return make([]byte, n) }}
	for _, codec := range append([]Codec{None}, packers...) {
		for kind, make := range kinds {
			for _, n := range sizes {
				if n > 2<<20 && kind == "noise" {
					continue // nothing that 1 MiB does not show, and slow under the race detector
				}
				src := make(n)
				packed, err := Append([]byte("before"), codec, 0, src)
				require.NoError(t, err, "%s %s %d", codec, kind, n)
				require.Equal(t, "before", string(packed[:6]))
				got, err := AppendDecoded([]byte("head"), codec, packed[6:], n)
				require.NoError(t, err, "%s %s %d", codec, kind, n)
				require.True(t, bytes.Equal(append([]byte("head"), src...), got), "%s %s %d", codec, kind, n)
				if n > 0 {
					_, err = AppendDecoded(nil, codec, packed[6:], n-1)
					require.ErrorIs(t, err, ErrTooLarge, "%s %s %d", codec, kind, n)
				}
			}
		}
	}
}

func TestRoundTripOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codec := rapid.SampledFrom(packers).Draw(t, "codec")
		level := rapid.IntRange(0, maxLevel[codec]).Draw(t, "level")
		part := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "part")
		src := bytes.Repeat(part, rapid.IntRange(1, 600).Draw(t, "times"))
		packed, err := Append(nil, codec, level, src)
		require.NoError(t, err)
		spare := make([]byte, rapid.IntRange(0, 300).Draw(t, "spare"))
		got, err := AppendDecoded(spare[:0], codec, packed, len(src)+rapid.IntRange(0, 1000).Draw(t, "limit"))
		require.NoError(t, err)
		require.True(t, bytes.Equal(src, got))
	})
}

// section is the records section of two records that PROTOCOL-data packs with each codec.
const section = "0000000216000000000a68656c6c6f001c000a0201046b310a776f726c6400"

func TestContainersOfOtherEncoders(t *testing.T) {
	want, err := hex.DecodeString(section)
	require.NoError(t, err)
	for codec, packed := range foreign(t) {
		got, err := AppendDecoded(nil, codec, packed, len(want))
		require.NoError(t, err, codec)
		require.Equal(t, want, got, codec)
	}
}

// foreign holds the section in containers that were written byte by byte from the format descriptions.
func foreign(t testing.TB) map[Codec][]byte {
	out := map[Codec][]byte{}
	for codec, s := range map[Codec]string{
		Gzip:   "1f8b08000000000000036360606012630002ae8cd49c9c7c0619062e2646966c43aef2fca29c14060076da81381f000000",
		Snappy: "ff060000734e61507059012300009dde57dd" + section,
		Lz4:    "04224d186040821f000080" + section + "00000000",
		Zstd:   "28b52ffd201ff90000" + section,
	} {
		b, err := hex.DecodeString(s)
		require.NoError(t, err)
		out[codec] = b
	}
	return out
}

func TestContainersAreTheOfficialOnes(t *testing.T) {
	src := records(300 << 10)
	pack := func(c Codec) []byte {
		b, err := Append(nil, c, 0, src)
		require.NoError(t, err)
		return b
	}
	require.Equal(t, []byte{0x1f, 0x8b, 8, 0}, pack(Gzip)[:4], "one plain member")
	require.Equal(t, snappyMagic, string(pack(Snappy)[:len(snappyMagic)]))
	frame := pack(Lz4)
	require.Equal(t, uint32(lz4Magic), binary.LittleEndian.Uint32(frame))
	require.Equal(t, byte(0x60), frame[4], "version 1, independent blocks, no checksums, no content size")
	require.Equal(t, byte(6<<4), frame[5], "the smallest block size that holds 300 KiB is 1 MiB")
	z := pack(Zstd)
	require.Equal(t, uint32(0xFD2FB528), binary.LittleEndian.Uint32(z))
	require.Zero(t, z[4]&4, "no checksum")
	for _, c := range packers {
		require.Less(t, len(pack(c)), len(src)/2, c)
	}
}

func TestLevels(t *testing.T) {
	src := records(64 << 10)
	for _, codec := range packers {
		for level := 0; level <= maxLevel[codec]; level++ {
			packed, err := Append(nil, codec, level, src)
			require.NoError(t, err, "%s %d", codec, level)
			got, err := AppendDecoded(nil, codec, packed, len(src))
			require.NoError(t, err)
			require.True(t, bytes.Equal(src, got))
		}
		for _, level := range []int{-1, maxLevel[codec] + 1} {
			out, err := Append([]byte("x"), codec, level, src)
			require.ErrorIs(t, err, ErrLevel)
			require.ErrorContains(t, err, "out of range")
			require.Equal(t, "x", string(out))
		}
	}
	require.ErrorContains(t, CheckLevel(Gzip, 10), "1 to 9 for gzip")
	require.ErrorContains(t, CheckLevel(Snappy, 1), "snappy has no levels")
	small, err := Append(nil, Gzip, 9, src)
	require.NoError(t, err)
	fast, err := Append(nil, Gzip, 1, src)
	require.NoError(t, err)
	require.Less(t, len(small), len(fast), "the level must reach the encoder")
}

func TestNames(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		got, err := Parse(c.String())
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
	for _, name := range []string{"", "any", "GZIP", "codec 7"} {
		_, err := Parse(name)
		require.ErrorIs(t, err, ErrUnknownCodec)
	}
	require.Equal(t, "codec 7", Codec(7).String())
	for c := Codec(5); c < 8; c++ {
		_, err := AppendDecoded(nil, c, []byte("abc"), 10)
		require.ErrorIs(t, err, ErrUnknownCodec)
		_, err = Append(nil, c, 0, []byte("abc"))
		require.ErrorIs(t, err, ErrUnknownCodec)
	}
	out, err := AppendDecoded([]byte("x"), None, []byte("abc"), 2)
	require.ErrorIs(t, err, ErrTooLarge)
	require.Equal(t, "x", string(out))
}

// TestBombs lets each decoder meet 24 MiB packed into little, with a limit of 100 000 bytes.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 24<<20)
	for _, codec := range packers {
		bomb, err := Append(nil, codec, 0, zeros)
		require.NoError(t, err)
		_, _ = AppendDecoded(nil, codec, bomb, 100_000) // fills the pools
		out, err := []byte(nil), error(nil)
		spent := allocated(func() { out, err = AppendDecoded([]byte("x"), codec, bomb, 100_000) })
		require.ErrorIs(t, err, ErrTooLarge, codec)
		require.ErrorContains(t, err, "100000")
		require.NotErrorIs(t, err, ErrCorrupt)
		require.Equal(t, "x", string(out), codec)
		require.Less(t, spent, uint64(9<<20), "%s allocated %d bytes", codec, spent)
	}
}

// What an encoder of streams writes declares no size, and can be a thousand times as large as it is, cut anywhere by what is
// tried as its size.
func TestZstdStreams(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 4097, 100_000, 128<<10 + 1, 1 << 20, 5<<20 + 7, 20 << 20} {
		for _, pattern := range []string{"\x00", "ab", "a longer pattern that repeats "} {
			want := bytes.Repeat([]byte(pattern), size/len(pattern)+1)[:size]
			var packed bytes.Buffer
			w, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
			require.NoError(t, err)
			_, err = w.Write(want)
			require.NoError(t, err)
			require.NoError(t, w.Flush())
			require.NoError(t, w.Close())
			for _, limit := range []int{64 << 20, size + 1, size} {
				for _, dst := range [][]byte{nil, []byte("x"), make([]byte, 10, 100_000)} {
					out, err := AppendDecoded(dst, Zstd, packed.Bytes(), limit)
					require.NoError(t, err, "%d bytes of %q, limit %d, behind %d", size, pattern, limit, len(dst))
					require.True(t, bytes.Equal(want, out[len(dst):]))
				}
			}
			if size > 0 {
				_, err = AppendDecoded(nil, Zstd, packed.Bytes(), size-1)
				require.ErrorIs(t, err, ErrTooLarge, "%d bytes of %q", size, pattern)
			}
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLyingSizes gives each container a declared size far beyond what it holds.
func TestLyingSizes(t *testing.T) {
	const limit = 1 << 30
	good := foreign(t)
	gz := bytes.Clone(good[Gzip])
	binary.LittleEndian.PutUint32(gz[len(gz)-4:], 1<<29)
	sn := append([]byte(snappyMagic), 0, 9, 0, 0, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 3) // 1 GiB in a chunk of 9 bytes
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x20}                         // single segment of 512 MiB
	zs := append(frame, 0x25, 0, 0, 1, 2, 3, 4)                                          // one compressed block of 4 bytes
	var l bytes.Buffer
	w := lz4.NewWriter(&l)
	require.NoError(t, w.Apply(lz4.SizeOption(5)))
	_, err := w.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for codec, lie := range map[Codec][]byte{Gzip: gz, Snappy: sn, Zstd: zs} {
		_, _ = AppendDecoded(nil, codec, good[codec], limit)
		var err error
		spent := allocated(func() { _, err = AppendDecoded(nil, codec, lie, limit) })
		require.ErrorIs(t, err, ErrCorrupt, codec)
		require.Less(t, spent, uint64(1<<20), "%s allocated %d bytes", codec, spent)
	}
	// This frame of five bytes announces blocks of 4 MiB and a true content size, as other encoders do: it is fine, and
	// costs the library's two block buffers.
	var got []byte
	spent := allocated(func() { got, err = AppendDecoded(nil, Lz4, l.Bytes(), limit) })
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	require.Less(t, spent, uint64(9<<20))
}

func TestWrongContainersAreRefused(t *testing.T) {
	good := foreign(t)
	for _, codec := range packers {
		for _, src := range [][]byte{nil, {0}, []byte("plain bytes that were never compressed")} {
			out, err := AppendDecoded([]byte("x"), codec, src, 1000)
			require.ErrorIs(t, err, ErrCorrupt, "%s %q", codec, src)
			require.ErrorContains(t, err, codec.String())
			require.Equal(t, "x", string(out))
		}
		for _, other := range packers {
			if other != codec {
				_, err := AppendDecoded(nil, codec, good[other], 1000)
				require.ErrorIs(t, err, ErrCorrupt, "%s in %s", other, codec)
			}
		}
	}
	s2Stream := append([]byte("\xff\x06\x00\x00S2sTwO"), good[Snappy][len(snappyMagic):]...)
	_, err := AppendDecoded(nil, Snappy, s2Stream, 1000)
	require.ErrorIs(t, err, ErrCorrupt)
	legacy := []byte{2, 0x21, 0x4c, 0x18, 5, 0, 0, 0, 0x40, 'a', 'b', 'c', 'd'}
	_, err = AppendDecoded(nil, Lz4, legacy, 1000)
	require.ErrorIs(t, err, ErrCorrupt)
}

// TestGzipReadsOneMember: what follows the first member is ignored, as the official reader does.
func TestGzipReadsOneMember(t *testing.T) {
	two := append(bytes.Clone(foreign(t)[Gzip]), foreign(t)[Gzip]...)
	got, err := AppendDecoded(nil, Gzip, two, 1000)
	require.NoError(t, err)
	require.Equal(t, section, hex.EncodeToString(got))
}

// TestZstdWithoutDeclaredSize is the form official encoders write: the buffer has to be found by growing.
func TestZstdWithoutDeclaredSize(t *testing.T) {
	block := func(last byte, n int) []byte { // n bytes 'a', as a run
		h := n<<3 | 1<<1 | int(last)
		return []byte{byte(h), byte(h >> 8), byte(h >> 16), 'a'}
	}
	stream := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x48} // window 512 KiB, no size
	for range 7 {
		stream = append(stream, block(0, zstdBlock)...)
	}
	stream = append(stream, block(1, 1000)...)
	const size = 7*zstdBlock + 1000
	got, err := AppendDecoded(nil, Zstd, stream, size)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("a", size), string(got))
	_, err = AppendDecoded(nil, Zstd, stream, size-1)
	require.ErrorIs(t, err, ErrTooLarge)
	// Frames and skippable frames back to back.
	skip := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}
	got, err = AppendDecoded([]byte("x"), Zstd, append(append(bytes.Clone(foreign(t)[Zstd]), skip...), stream...), size+31)
	require.NoError(t, err)
	require.Len(t, got, 1+size+31)
}

// TestCutAndFlipped: whatever happens to the bytes of a container, decoding ends with an error or within the limit. A cut
// is always seen, except by the framing format of snappy, whose chunks stand for themselves.
func TestCutAndFlipped(t *testing.T) {
	inputs := foreign(t)
	for i, codec := range packers {
		small := inputs[codec]
		big, err := Append(nil, codec, 0, records(20_000))
		require.NoError(t, err)
		for _, src := range [][]byte{small, big} {
			step := 1 + len(src)/2000
			for n := 0; n < len(src); n += step {
				out, err := AppendDecoded(nil, codec, src[:n], 1<<20)
				if codec != Snappy || err != nil {
					requireKnown(t, err, "%s cut at %d of %d", codec, n, len(src))
				}
				require.LessOrEqual(t, len(out), 1<<20)
			}
			flipped := bytes.Clone(src)
			for bit := i; bit < 8*len(src); bit += 1 + len(src)/400 {
				flipped[bit/8] ^= 1 << (bit % 8)
				out, err := AppendDecoded(nil, codec, flipped, 40_000)
				if err != nil {
					requireKnown(t, err, "%s bit %d", codec, bit)
				}
				require.LessOrEqual(t, len(out), 40_000)
				flipped[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
}

func requireKnown(t testing.TB, err error, format string, args ...any) {
	t.Helper()
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrTooLarge) {
		t.Fatalf(format+": want ErrCorrupt or ErrTooLarge, got %v", append(args, err)...)
	}
}

// TestFromManyGoroutines uses the pools from all sides; the race detector watches.
func TestFromManyGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for g := range 8 {
		wg.Go(func() {
			for i := range 40 {
				codec := packers[(g+i)%len(packers)]
				src := records(1000 + 997*i)
				packed, err := Append(nil, codec, 0, src)
				if err == nil {
					var got []byte
					if got, err = AppendDecoded(nil, codec, packed, len(src)); err == nil && !bytes.Equal(src, got) {
						err = fmt.Errorf("%s: wrong bytes", codec)
					}
				}
				if err != nil {
					errs <- err
					return
				}
				_, _ = AppendDecoded(nil, codec, packed[:len(packed)/2], len(src)) // a failure must not spoil the pooled decoder
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
}

// TestPiecesFillABuffer: whoever decodes many small sections behind each other pays for no copies of what is there already.
func TestPiecesFillABuffer(t *testing.T) {
	src := records(16 << 10)
	for _, codec := range packers {
		packed, err := Append(nil, codec, 0, src)
		require.NoError(t, err)
		buf := make([]byte, 0, 1<<20)
		first := &buf[:1][0]
		for n := 1; n <= 50; n++ { // not to the end: decoders may want some room behind what they write
			buf, err = AppendDecoded(buf, codec, packed, 1<<20)
			require.NoError(t, err)
			require.Len(t, buf, n*len(src))
			require.Same(t, first, &buf[0], "%s moves the buffer at section %d", codec, n)
		}
	}
}

// TestSteadyStateAllocatesLittle holds the promise of the package comment. The libraries box a few small values per call.
func TestSteadyStateAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random")
	}
	src := records(16 << 10)
	for _, codec := range packers {
		packed, err := Append(nil, codec, 0, src)
		require.NoError(t, err)
		out, buf := make([]byte, 0, 2*len(src)), make([]byte, 0, 2*len(src))
		require.LessOrEqual(t, testing.AllocsPerRun(50, func() { out, _ = Append(out[:0], codec, 0, src) }), 2.0, "%s encode", codec)
		require.LessOrEqual(t, testing.AllocsPerRun(50, func() { buf, _ = AppendDecoded(buf[:0], codec, packed, len(src)) }), 2.0, "%s decode", codec)
	}
}

func FuzzDecode(f *testing.F) {
	for codec, packed := range foreign(f) {
		f.Add(uint8(codec), packed)
		own, err := Append(nil, codec, 0, records(3000))
		require.NoError(f, err)
		f.Add(uint8(codec), own)
	}
	f.Fuzz(func(t *testing.T, codec uint8, src []byte) {
		const limit = 1 << 16
		out, err := AppendDecoded(nil, Codec(codec%6), src, limit)
		if err != nil {
			require.Empty(t, out)
			if codec%6 != 5 {
				requireKnown(t, err, "codec %d", codec%6)
			}
			return
		}
		require.LessOrEqual(t, len(out), limit)
		packed, err := Append(nil, Codec(codec%6), 0, out)
		require.NoError(t, err)
		back, err := AppendDecoded(nil, Codec(codec%6), packed, len(out))
		require.NoError(t, err)
		require.True(t, bytes.Equal(out, back))
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{16 << 10, 1 << 20} {
		for _, codec := range packers {
			b.Run(fmt.Sprintf("%s/%dKiB", codec, n>>10), func(b *testing.B) {
				src := records(n)
				var out []byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					out, _ = Append(out[:0], codec, 0, src)
				}
				b.ReportMetric(float64(n)/float64(len(out)), "ratio")
			})
		}
	}
}

func BenchmarkAppendDecoded(b *testing.B) {
	for _, n := range []int{16 << 10, 1 << 20} {
		for _, codec := range packers {
			b.Run(fmt.Sprintf("%s/%dKiB", codec, n>>10), func(b *testing.B) {
				src := records(n)
				packed, err := Append(nil, codec, 0, src)
				require.NoError(b, err)
				var out []byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					out, _ = AppendDecoded(out[:0], codec, packed, n)
				}
			})
		}
	}
}
