package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/stretchr/testify/require"
)

// decodeBudget is the most that decoding one message may allocate, whatever it announces.
const decodeBudget = 1 << 20

// hostileVectors are the known vectors. The race detector makes everything ten times as slow: under it, those are left out
// that differ from another in their numbers only: one stays per API, direction, version and size.
func hostileVectors(t testing.TB) []vector {
	seen := map[[5]int]bool{}
	return slices.DeleteFunc(allVectors(t), func(v vector) bool {
		if !raceEnabled {
			return false
		}
		response := 0
		if v.response {
			response = 1
		}
		id := [5]int{int(v.role), int(v.key), int(v.version), response, len(v.msg)}
		defer func() { seen[id] = true }()
		return seen[id]
	})
}

// guarded runs a group of decodes and fails when one of them allocates more than the budget. Measuring stops the world,
// so a group is measured as a whole, and its members alone only when the group is suspicious.
func guarded(t *testing.T, name string, n int, decode func(i int)) {
	const group = 128
	for start := 0; start < n; start += group {
		end := min(start+group, n)
		run := func(from, to int) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for i := from; i < to; i++ {
				decode(i)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		if run(start, end) < decodeBudget {
			continue
		}
		for i := start; i < end; i++ {
			if spent := run(i, i+1); spent >= decodeBudget {
				t.Fatalf("%s, mutation %d: decoding allocated %d bytes", name, i, spent)
			}
		}
	}
}

// TestEveryPrefixIsRefused cuts every vector at every byte. Since a whole message is read to its last byte, none of its
// prefixes can be one.
func TestEveryPrefixIsRefused(t *testing.T) {
	for _, v := range hostileVectors(t) {
		body := v.body()
		guarded(t, v.name, len(body), func(n int) {
			m := v.message()
			if _, err := Decode(body[:n:n], v.version, m); err == nil {
				t.Fatalf("%s: its first %d of %d bytes decode as a message", v.name, n, len(body))
			} else if fluvioerr.As(err) == nil {
				t.Fatalf("%s cut at %d: not an error of libfluvio: %v", v.name, n, err)
			}
		})
		for n := range len(v.msg) - len(body) {
			if v.response {
				_, _, err := SplitResponse(v.msg[:n])
				require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
			} else {
				_, _, err := DecodeRequestHeader(v.msg[:n])
				require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
			}
		}
	}
}

// flips are the bits of a message to turn: all. Under the race detector, of what follows the first 400 bytes of long ones, which
// are mostly modules or records that this package does not look into when it decodes a message, 1 600 bits are drawn from a
// fixed seed.
func flips(body []byte) []int {
	const whole, sample = 8 * 400, 1600
	r := rand.New(rand.NewPCG(1, 2))
	var out []int
	for bit := range 8 * len(body) {
		if !raceEnabled || bit < whole || r.IntN(8*len(body)-whole) < sample {
			out = append(out, bit)
		}
	}
	return out
}

// TestEveryFlippedBit turns the bits of each vector, one at a time. The result is refused, or it is a message like any
// other: it can be encoded, and reads the same again.
func TestEveryFlippedBit(t *testing.T) {
	accepted, refused := 0, 0
	for _, v := range hostileVectors(t) {
		body := bytes.Clone(v.body())
		bits := flips(body)
		flip := func(i int) { body[bits[i]/8] ^= 1 << (bits[i] % 8) }
		guarded(t, v.name, len(bits), func(i int) {
			flip(i)
			_, _ = Decode(body, v.version, v.message())
			flip(i)
		})
		for i := range bits {
			flip(i)
			if checkDecoded(t, v.name, v.message, v.version, body) {
				accepted++
			} else {
				refused++
			}
			flip(i)
		}
	}
	t.Logf("%d flips accepted, %d refused", accepted, refused)
	require.NotZero(t, accepted)
	require.NotZero(t, refused)
}

// checkDecoded decodes b and, when that succeeds, checks that encoding and decoding again is a fixed point. It says
// whether b was accepted.
func checkDecoded(t testing.TB, name string, fresh func() Message, version int16, b []byte) bool {
	m := fresh()
	n, err := Decode(b, version, m)
	if n < 0 || n > len(b) {
		t.Fatalf("%s: %d of %d bytes consumed", name, n, len(b))
	}
	if err != nil {
		if fluvioerr.As(err) == nil {
			t.Fatalf("%s: not an error of libfluvio: %v", name, err)
		}
		return false
	}
	if c, ok := m.(*CreateRequest); ok && c.Spec == nil {
		return true // an object of another kind: it was skipped and cannot be written again
	}
	once, err := Append(nil, version, m)
	if err != nil {
		t.Fatalf("%s: decoded, but cannot be encoded: %v", name, err)
	}
	again := fresh()
	if n, err = Decode(once, version, again); err != nil || n != len(once) {
		t.Fatalf("%s: encoded again, but only %d of %d bytes decode: %v", name, n, len(once), err)
	}
	if d := differenceOf(m, again, version); d != "" {
		t.Fatalf("%s: changed by encoding and decoding: %s", name, d)
	}
	return true
}

// TestManyFlippedBytes breaks several bytes at once, from a fixed seed.
func TestManyFlippedBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, v := range hostileVectors(t) {
		if len(v.body()) == 0 {
			continue
		}
		broken := make([][]byte, 256)
		for i := range broken {
			broken[i] = bytes.Clone(v.body())
			for range 1 + r.IntN(4) {
				broken[i][r.IntN(len(broken[i]))] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
			}
		}
		guarded(t, v.name, len(broken), func(i int) { _, _ = Decode(broken[i], v.version, v.message()) })
		for _, b := range broken {
			checkDecoded(t, v.name, v.message, v.version, b)
		}
	}
}

// TestLyingLengths: a length or count that the rest of the message cannot hold is refused before anything is allocated.
func TestLyingLengths(t *testing.T) {
	huge := []byte{0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}
	for name, each := range map[string]func(*Codec){
		"bytes":  func(c *Codec) { var v []byte; c.Bytes(&v) },
		"string": func(c *Codec) { var v string; c.String(&v) },
		"list":   func(c *Codec) { var v []uint64; Vec(c, &v, 8, (*Codec).U64) },
		"list of empty things": func(c *Codec) {
			var v []struct{}
			Vec(c, &v, 0, func(*Codec, *struct{}) {})
		},
		"map": func(c *Codec) {
			var v []MapEntry[uint32, uint32]
			Map(c, &v, 8, (*Codec).U32, (*Codec).U32)
		},
		"envelope": func(c *Codec) { c.Sized(func(*Codec) {}) },
		"varbytes": func(c *Codec) {
			var v []byte
			c.VarBytes(&v)
		},
	} {
		b := huge
		if name == "varbytes" {
			b = binary.AppendVarint(nil, 1<<40)
		}
		guarded(t, name, 1, func(int) {
			_, err := Decode(b, 25, walk(each))
			require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), name)
		})
	}
	negative := binary.AppendVarint(nil, -1)
	_, err := Decode(negative, 25, walk(func(c *Codec) { var v []byte; c.VarBytes(&v) }))
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
}

func TestFrameLengths(t *testing.T) {
	for first, text := range map[string]string{
		"\xff\xff\xff\xff": "announces -1 bytes", "\x00\x00\x00\x00": "announces 0 bytes", "\x00\x00\x00\x03": "announces 3 bytes",
		"\x7f\xff\xff\xff": "more than the limit of 100", "\x00\x00\x00\x65": "announces 101 bytes, more than the limit",
		"HTTP": "the peer speaks HTTP", "SSH-": "the peer speaks SSH", "\x15\x03\x03\x00": "TLS alert",
	} {
		guarded(t, first, 1, func(int) {
			_, err := ReadFrame(bytes.NewReader([]byte(first+"rest")), 100, nil)
			require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), first)
			require.ErrorContains(t, err, text)
		})
	}
	whole := []byte{0, 0, 0, 5, 1, 2, 3, 4, 5}
	var asked int
	got, err := ReadFrame(bytes.NewReader(whole), 5, func(n int) []byte { asked = n; return make([]byte, 64) })
	require.NoError(t, err)
	require.Equal(t, whole[4:], got)
	require.Equal(t, 5, asked)
	for n := range len(whole) {
		_, err := ReadFrame(bytes.NewReader(whole[:n]), 5, nil)
		if n == 0 {
			require.Equal(t, io.EOF, err, "between frames the end is an end")
		} else {
			require.Equal(t, io.ErrUnexpectedEOF, err, n)
		}
	}
}

// TestFramesThatStopEarly announces as much as is allowed and sends less: memory follows what came.
func TestFramesThatStopEarly(t *testing.T) {
	for _, sent := range []int{0, 1, untested - 1, untested, untested + 1, 5 * untested} {
		stream := append([]byte{4, 0, 0, 0}, make([]byte, sent)...) // 64 MiB
		got := 0
		_, err := ReadFrame(bytes.NewReader(stream), DefaultMaxFrame, func(n int) []byte {
			got = n
			return make([]byte, n)
		})
		require.Equal(t, io.ErrUnexpectedEOF, err)
		require.LessOrEqual(t, got, 4*max(sent, untested/4), sent)
	}
	whole := bytes.Repeat([]byte("0123456789abcdef"), 400_000)
	for _, room := range []int{1, 3 * untested, 2 * len(whole)} { // who has more memory than was asked for may give it
		stream := append(binary.BigEndian.AppendUint32(nil, uint32(len(whole))), whole...)
		got, err := ReadFrame(bytes.NewReader(stream), DefaultMaxFrame, func(n int) []byte { return make([]byte, n, max(n, room)) })
		require.NoError(t, err)
		require.True(t, bytes.Equal(whole, got))
	}
}

// TestBrokenBatches runs every prefix and every flipped bit of a batch through everything that reads batches.
func TestBrokenBatches(t *testing.T) {
	b := batchOf([]plainRecord{{value: []byte("hello")}, {ts: 5, off: 1, hasKey: true, key: []byte("k1"), value: bytes.Repeat([]byte("w"), 70)}}, 3, 1)
	readBatches(t, b)
	guarded(t, "prefix", len(b), func(n int) { readBatches(t, b[:n:n]) })
	guarded(t, "bit", 8*len(b), func(bit int) {
		b[bit/8] ^= 1 << (bit % 8)
		readBatches(t, b)
		b[bit/8] ^= 1 << (bit % 8)
	})
}

// TestBrokenRecordedBatches does the same to the batches that official clients and servers sent.
func TestBrokenRecordedBatches(t *testing.T) {
	seen := map[int]bool{}
	for _, v := range recordedVectors(t) {
		m := v.message()
		_, err := Decode(v.body(), v.version, m)
		require.NoError(t, err)
		for _, set := range recordSets(m) {
			if seen[len(set)] || len(set) > 2000 {
				continue
			}
			seen[len(set)] = true
			set := bytes.Clone(set)
			readBatches(t, set)
			guarded(t, v.name, len(set), func(n int) { readBatches(t, set[:n:n]) })
			guarded(t, v.name, 8*len(set), func(bit int) {
				set[bit/8] ^= 1 << (bit % 8)
				readBatches(t, set)
				set[bit/8] ^= 1 << (bit % 8)
			})
		}
	}
	require.Greater(t, len(seen), 10)
}

// readBatches reads a record set the way a consumer does, without trusting its checksum, and checks that the two ways to
// read records agree.
func readBatches(t testing.TB, set []byte) {
	for {
		h, batch, rest, need, ok, err := NextBatch(set)
		if err != nil {
			require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
			return
		}
		if !ok {
			require.Greater(t, need, len(set))
			return
		}
		require.Equal(t, len(set), len(batch)+len(rest))
		require.Equal(t, len(batch), h.Size())
		_ = VerifyBatch(batch, &h)
		copied := make([]byte, len(batch))
		copy(copied, batch)
		h.Put(copied)
		require.Equal(t, batch, copied, "the header as it was read")
		readSection(t, &h, batch[h.HeaderSize():])
		set = rest
	}
}

func readSection(t testing.TB, h *BatchHeader, section []byte) {
	next, err := NewRecordReader(section)
	if err != nil {
		require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
		return
	}
	all := next
	cols := newColumns(next.Count())
	n, colsErr := all.Columns(h, cols, 0, -1<<63, 1<<63-1, 0)
	for i := 0; ; i++ {
		var rec Record
		ok, err := next.Next(&rec)
		if err != nil {
			require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(err))
			require.Equal(t, err.Error(), colsErr.Error())
			return
		}
		if !ok {
			require.NoError(t, colsErr)
			return
		}
		if i >= n || cols.Offset[i] != h.BaseOffset+int64(i) {
			// Offsets that overflow are out of every range, so their rows are missing.
			require.Greater(t, uint64(h.BaseOffset), uint64(1<<63-1-len(section)))
			return
		}
		require.Equal(t, rec.HasKey, cols.KeyLen[i] != NoKey)
		require.Equal(t, rec.Value, section[cols.ValuePos[i]:][:cols.ValueLen[i]:cols.ValueLen[i]])
	}
}
