package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/stretchr/testify/require"
)

// TestVectorsDecodeAndEncodeBack is the proof that this package speaks what official clients and servers speak: every
// byte of every message is understood, and comes out again as it went in.
func TestVectorsDecodeAndEncodeBack(t *testing.T) {
	vectors := allVectors(t)
	require.Greater(t, len(vectors), 600)
	for _, v := range vectors {
		m := v.message()
		n, err := Decode(v.body(), v.version, m)
		require.NoError(t, err, v.name)
		require.Equal(t, len(v.body()), n, "%s: bytes left over", v.name)
		frame, err := v.encode(m)
		require.NoError(t, err, v.name)
		require.Equal(t, hex.EncodeToString(v.msg), hex.EncodeToString(frame[FrameHeaderSize:]), v.name)
		length, err := FrameLength(frame, len(v.msg))
		require.NoError(t, err, v.name)
		require.Equal(t, len(v.msg), length, v.name)
	}
}

// encode frames m as v was framed: same direction, same header.
func (v *vector) encode(m Message) ([]byte, error) {
	if v.response {
		id, _, err := SplitResponse(v.msg)
		if err != nil {
			return nil, err
		}
		return AppendResponse(nil, id, v.version, m)
	}
	h, _, err := DecodeRequestHeader(v.msg)
	if err != nil {
		return nil, err
	}
	return AppendRequest(nil, &h, m)
}

// walk turns a function into a Message.
type walk func(*Codec)

func (w walk) Wire(c *Codec) { w(c) }

// scalar makes the test of one computed primitive: the value encodes to the bytes, and the bytes decode to the value.
func scalar[T any](value T, each func(*Codec, *T)) func(*testing.T, string, []byte) {
	return func(t *testing.T, name string, want []byte) {
		got, err := Append([]byte{9}, 0, walk(func(c *Codec) { each(c, &value) }))
		require.NoError(t, err, name)
		require.Equal(t, append([]byte{9}, want...), got, name)
		var back T
		n, err := Decode(want, 0, walk(func(c *Codec) { each(c, &back) }))
		require.NoError(t, err, name)
		require.Equal(t, len(want), n, name)
		require.Equal(t, value, back, name)
	}
}

func ptr[T any](v T) *T { return &v }

// message is scalar for a value that can walk itself.
func message[T any, P interface {
	*T
	Message
}](value T, version int16) func(*testing.T, string, []byte) {
	return func(t *testing.T, name string, want []byte) {
		got, err := Append(nil, version, P(&value))
		require.NoError(t, err, name)
		require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(got), name)
		var back T
		n, err := Decode(want, version, P(&back))
		require.NoError(t, err, name)
		require.Equal(t, len(want), n, name)
		require.Equal(t, value, back, name)
	}
}

type invocation25 SmartModuleInvocation

func (m *invocation25) Wire(c *Codec) { c.invocation((*SmartModuleInvocation)(m)) }

func varint(n int64) func(*testing.T, string, []byte) { return scalar(n, (*Codec).Varint) }

func record(ts, off int64, hasKey bool, key, value string) func(*testing.T, string, []byte) {
	return func(t *testing.T, name string, want []byte) {
		require.Equal(t, want, AppendRecord(nil, ts, off, hasKey, []byte(key), []byte(value)), name)
		require.Equal(t, len(want), RecordSize(ts, off, hasKey, []byte(key), []byte(value)), name)
	}
}

// primitives are the entries of computed-data.json below the level of messages, as values of this package.
var primitives = map[string]func(*testing.T, string, []byte){
	"varint(0)": varint(0), "varint(-1)": varint(-1), "varint(1)": varint(1), "varint(2)": varint(2), "varint(63)": varint(63),
	"varint(-64)": varint(-64), "varint(64)": varint(64), "varint(150)": varint(150), "varint(300)": varint(300),
	"varint(8191)": varint(8191), "varint(-134217729)": varint(-134217729), "varint(2147483647)": varint(2147483647),
	"varint(-2147483648)": varint(-2147483648), "varint(2^31) correct 64-bit zigzag": varint(1 << 31),
	// The official encoder is wrong outside 32 bits: what it writes for 2^31 is the number -1.
	"varint(2^31) as upstream encodes it": varint(-1),
	"string 'abc'":                        scalar("abc", (*Codec).String),
	"option<string> none":                 scalar((*string)(nil), (*Codec).OptString),
	"option<string> 'abc'":                scalar(ptr("abc"), (*Codec).OptString),
	"vec<u8> deadbeef":                    scalar([]byte{0xde, 0xad, 0xbe, 0xef}, (*Codec).Bytes),
	"option<vec<u8>> deadbeef": scalar(&[]byte{0xde, 0xad, 0xbe, 0xef}, func(c *Codec, v **[]byte) {
		Opt(c, v, (*Codec).Bytes)
	}),
	"vec<string> ['a','bc']": scalar([]string{"a", "bc"}, func(c *Codec, v *[]string) { Vec(c, v, 2, (*Codec).String) }),
	"map {b:2,a:1}": scalar([]MapEntry[string, string]{{"a", "1"}, {"b", "2"}}, func(c *Codec, v *[]MapEntry[string, string]) {
		Map(c, v, 4, (*Codec).String, (*Codec).String)
	}),
	"duration 1.5s":                                  message(Duration{Seconds: 1, Nanos: 500_000_000}, 0),
	"record 0: value 'hello', no key":                record(0, 0, false, "", "hello"),
	"record 1: key 'k1', value 'world', ts+5, off+1": record(5, 1, true, "k1", "world"),
	"SmartModuleInvocation v25: predefined 'my-filter', generic, param key=val, lookback 10 / 1h": message(invocation25{
		Name: "my-filter", Kind: SmartModuleKind{Tag: KindGeneric}, Params: []MapEntry[string, string]{{"key", "val"}},
		Look: &Lookback{Last: 10, Age: &Duration{Seconds: 3600}}, Display: ptr("my-filter"),
	}, 25),
	"SmartModuleInvocation v25: predefined 'my-agg', generic aggregate, accumulator '0'": message(invocation25{
		Name: "my-agg", Kind: SmartModuleKind{Tag: KindGeneric, Context: 1, Accumulator: []byte("0")}, Display: ptr("my-agg"),
	}, 25),
	"ErrorCode SmartModuleRuntimeError (hint boom, offset 43, Filter, key k1, value world)": message(ErrorCode{
		Code:    fluvioerr.ServerSmartModuleRuntime,
		Payload: &RuntimePayload{Hint: "boom", Offset: 43, Key: ptr([]byte("k1")), Value: []byte("world")},
	}, 25),
	"f64 1.5": func(t *testing.T, name string, want []byte) {
		// No message of this package holds a float.
		require.Equal(t, "3ff8000000000000", hex.EncodeToString(want))
	},
}

func TestComputedPrimitivesAndBatches(t *testing.T) {
	_, rest := computedVectors(t)
	section := rest["records section (count + 2 records)"]
	for name, b := range rest {
		switch {
		case primitives[name] != nil:
			primitives[name](t, name, b)
			delete(rest, name)
		case bytes.Contains([]byte(name), []byte("container of the records section")):
			delete(rest, name) // package compress decodes these four
		}
	}
	batches := map[string]int{
		"batch, 2 records, uncompressed": 0, "batch, same 2 records, codec gzip": 1, "batch, same 2 records, codec snappy": 2,
		"batch, same 2 records, codec lz4": 3, "batch, same 2 records, codec zstd": 4,
	}
	for name, codec := range batches {
		h, got := checkBatch(t, name, rest[name])
		require.Equal(t, codec, h.Compression(), name)
		require.Equal(t, section, got, name)
		require.Equal(t, BatchHeader{
			BatchLen: int32(len(rest[name]) - 12), LeaderEpoch: -1, Magic: 2, CRC: h.CRC, Attributes: int16(codec), LastOffsetDelta: 1,
			FirstTimestamp: 1700000000000, MaxTimestamp: 1700000000005, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		}, h, name)
		delete(rest, name)
	}
	// The batch as a producer of this package writes it.
	mine := append(make([]byte, BatchHeaderSize), section...)
	h := NewBatchHeader(CompressionNone, 2, 1700000000000, 1700000000005)
	SealBatch(mine, &h)
	var set []byte
	_, err := Decode(rest["record set holding that batch"], 25, walk(func(c *Codec) { c.Bytes(&set) }))
	require.NoError(t, err)
	require.Equal(t, set, mine)
	delete(rest, "record set holding that batch")
	delete(rest, "records section (count + 2 records)")

	empty, got := checkBatch(t, "empty", rest["empty batch (SmartModule error, no records)"])
	require.EqualValues(t, -1, empty.BaseOffset)
	require.EqualValues(t, -1, empty.LastOffsetDelta)
	require.Equal(t, []byte{0, 0, 0, 0}, got)
	delete(rest, "empty batch (SmartModule error, no records)")
	require.Empty(t, rest, "vectors that nothing checks")
}

// checkBatch takes one whole batch apart, checksum included, and returns its header and its records section,
// decompressed.
func checkBatch(t *testing.T, name string, b []byte) (BatchHeader, []byte) {
	h, batch, rest, need, ok, err := NextBatch(b)
	require.NoError(t, err, name)
	require.True(t, ok, name)
	require.Zero(t, need, name)
	require.Empty(t, rest, name)
	require.Equal(t, b, batch, name)
	require.NoError(t, VerifyBatch(batch, &h), name)
	again := make([]byte, len(batch))
	copy(again[h.HeaderSize():], batch[h.HeaderSize():])
	copied := h
	SealBatch(again, &copied)
	require.Equal(t, batch, again, name)
	section, err := compress.AppendDecoded(nil, compress.Codec(h.Compression()), batch[h.HeaderSize():], 1<<20)
	require.NoError(t, err, name)
	return h, section
}

// TestRecordedBatches opens every batch on the recorded wire: official producers wrote them, an official SPU stored them.
func TestRecordedBatches(t *testing.T) {
	codecs := map[string]int{}
	for _, v := range recordedVectors(t) {
		if v.role != SPU {
			continue
		}
		m := v.message()
		_, err := Decode(v.body(), v.version, m)
		require.NoError(t, err, v.name)
		for _, set := range recordSets(m) {
			for len(set) > 0 {
				h, batch, rest, _, ok, err := NextBatch(set)
				require.NoError(t, err, v.name)
				require.True(t, ok, v.name)
				set = rest
				_, section := checkBatch(t, v.name, batch)
				codecs[fmt.Sprintf("%T %d", m, h.Compression())]++
				checkRecords(t, v.name, &h, section)
			}
		}
	}
	for codec := range 5 {
		require.NotZero(t, codecs[fmt.Sprintf("*wire.ProduceRequest %d", codec)], "codec %d is not in the recordings", codec)
		require.NotZero(t, codecs[fmt.Sprintf("*wire.StreamFetchResponse %d", codec)], "codec %d is not in the recordings", codec)
	}
}

func recordSets(m Message) (out [][]byte) {
	switch m := m.(type) {
	case *ProduceRequest:
		for _, topic := range m.Topics {
			for _, p := range topic.Partitions {
				out = append(out, p.Records)
			}
		}
	case *StreamFetchResponse:
		out = append(out, m.Partition.Records)
	case *FetchResponse:
		for _, topic := range m.Topics {
			for _, p := range topic.Partitions {
				out = append(out, p.Records)
			}
		}
	}
	return out
}

// checkRecords reads a section to its end and writes it again.
func checkRecords(t *testing.T, name string, h *BatchHeader, section []byte) {
	r, err := NewRecordReader(section)
	require.NoError(t, err, name)
	again := slices.Clone(section[:RecordCountSize])
	for rec := (Record{}); ; {
		ok, err := r.Next(&rec)
		require.NoError(t, err, name)
		if !ok {
			break
		}
		again = AppendRecord(again, rec.TimestampDelta, rec.OffsetDelta, rec.HasKey, rec.Key, rec.Value)
	}
	require.Equal(t, section, again, name)
	if h.LastOffsetDelta >= 0 && h.FirstTimestamp > 0 {
		require.EqualValues(t, h.LastOffsetDelta+1, r.Count(), name)
	}
}
