package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestEveryMessageSurvivesTheWire: for every row of the table, in both directions, at every version, what was encoded is
// what is decoded, byte for byte consumed, and fields that the version lacks stay zero.
func TestEveryMessageSurvivesTheWire(t *testing.T) {
	for _, api := range APIs {
		for kind, fresh := range map[string]func() Message{"request": api.Request, "response": api.Response} {
			t.Run(fmt.Sprintf("%s/%s/%s", api.Role, api.Name, kind), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					want := (&generator{t: t}).message(fresh())
					for version := api.Min; version <= api.Max; version++ {
						b, err := Append(nil, version, want)
						require.NoError(t, err)
						got := fresh()
						n, err := Decode(b, version, got)
						require.NoError(t, err)
						require.Equal(t, len(b), n)
						require.Empty(t, differenceOf(want, got, version))
						again, err := Append(nil, version, got)
						require.NoError(t, err)
						require.Equal(t, b, again)
					}
				})
			})
		}
	}
}

// edges are the numbers around every power of two, of both signs.
func edges() []int64 {
	out := []int64{0, math.MaxInt64, math.MinInt64}
	for shift := range 63 {
		for _, d := range []int64{-1, 0, 1} {
			out = append(out, 1<<shift+d, -(1<<shift)+d)
		}
	}
	return out
}

func TestVarintAtEveryEdge(t *testing.T) {
	for _, n := range edges() {
		b := binary.AppendVarint([]byte{0xff}, n)
		require.Equal(t, len(b)-1, varintSize(n), n)
		got, next := uvar(b, 1)
		require.Equal(t, n, got)
		require.Equal(t, len(b), next)
		for cut := 1; cut < len(b); cut++ {
			_, next = uvar(b[:cut], 1)
			require.Equal(t, -1, next, "%d cut at %d", n, cut)
		}
		// The fast path for two bytes looks one byte ahead: what follows must not matter.
		got, next = uvar(append(b, 0xff, 0xff), 1)
		require.Equal(t, n, got)
		require.Equal(t, len(b), next)
		scalar(n, (*Codec).Varint)(t, fmt.Sprint(n), b[1:])
	}
	for _, overlong := range [][]byte{bytes.Repeat([]byte{0x80}, 11), append(bytes.Repeat([]byte{0xff}, 9), 2)} {
		_, next := uvar(overlong, 0)
		require.Equal(t, -1, next)
		_, err := Decode(overlong, 0, walk(func(c *Codec) { var n int64; c.Varint(&n) }))
		require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
	}
}

func TestScalarsAtTheirEdges(t *testing.T) {
	for _, n := range edges() {
		u := uint64(n)
		scalar(n, (*Codec).I64)(t, "i64", binary.BigEndian.AppendUint64(nil, u))
		scalar(int32(n), (*Codec).I32)(t, "i32", binary.BigEndian.AppendUint32(nil, uint32(u)))
		scalar(int16(n), (*Codec).I16)(t, "i16", binary.BigEndian.AppendUint16(nil, uint16(u)))
		scalar(uint8(n), (*Codec).U8)(t, "u8", []byte{byte(u)})
	}
	scalar(strings.Repeat("x", MaxString), (*Codec).String)(t, "longest", append([]byte{0x7f, 0xff}, strings.Repeat("x", MaxString)...))
	long := strings.Repeat("x", MaxString+1)
	_, err := Append(nil, 0, walk(func(c *Codec) { c.String(&long) }))
	require.ErrorContains(t, err, "32768 bytes exceeds the protocol's 32767")
	// A length with the top bit set is the empty string to official readers, and so it is here.
	got := "before"
	n, err := Decode([]byte{0x80, 0x01, 'x'}, 0, walk(func(c *Codec) { c.String(&got) }))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Empty(t, got)
	_, err = Append(nil, 0, walk(func(c *Codec) {
		entries := make([]MapEntry[uint32, uint32], math.MaxUint16+1)
		Map(c, &entries, 8, (*Codec).U32, (*Codec).U32)
	}))
	require.ErrorContains(t, err, "65536 entries exceed")
	_, err = Decode([]byte{2}, 0, walk(func(c *Codec) { var b bool; c.Bool(&b) }))
	require.ErrorContains(t, err, "where a boolean")
}

// TestEnvelope: the object in an envelope cannot reach beyond its length, and what it leaves over is skipped.
func TestEnvelope(t *testing.T) {
	var a uint16
	var after uint8
	read := walk(func(c *Codec) { c.Sized(func(c *Codec) { c.U16(&a) }); c.U8(&after) })
	n, err := Decode([]byte{0, 0, 0, 4, 1, 2, 3, 4, 5}, 0, read)
	require.NoError(t, err)
	require.Equal(t, 9, n)
	require.EqualValues(t, 0x102, a)
	require.EqualValues(t, 5, after)
	_, err = Decode([]byte{0, 0, 0, 1, 1, 2, 3, 4, 5}, 0, read)
	require.ErrorContains(t, err, "message ends at byte 5")
	_, err = Decode([]byte{0, 0, 0, 6, 1, 2, 3, 4, 5}, 0, read)
	require.ErrorContains(t, err, "an object of 6 bytes is announced")
}

// TestUnknownThings: labels and codes newer than this package are named, not guessed at.
func TestUnknownThings(t *testing.T) {
	_, err := Append(nil, 19, &CreateRequest{Label: "Future"})
	require.ErrorContains(t, err, `object type "Future" is unknown`)
	_, err = Append(nil, 19, &ListResponse{Label: "Future", Objects: make([]Object, 1)})
	require.ErrorContains(t, err, `object type "Future" is unknown`)
	var create CreateRequest
	n, err := Decode([]byte{0, 1, 'X', 0, 0, 0, 3, 1, 2, 3}, 19, &create)
	require.NoError(t, err, "the SC answers an unknown label with a status, so it must be readable")
	require.Equal(t, 10, n)
	require.Nil(t, create.Spec)
	var code ErrorCode
	_, err = Decode([]byte{0x7f, 0x00}, 25, &code)
	var unknown *UnknownErrorCode
	require.ErrorAs(t, err, &unknown)
	require.EqualValues(t, 0x7f00, unknown.Code)
	require.ErrorContains(t, err, "32512")
}

type plainRecord struct {
	ts, off int64
	hasKey  bool
	key     []byte
	value   []byte
}

func drawRecords(t *rapid.T) []plainRecord {
	out := make([]plainRecord, rapid.IntRange(0, 12).Draw(t, "count"))
	// Sizes around 64 are where a length needs a second byte.
	sized := func(what string) []byte {
		return bytes.Repeat([]byte{rapid.Byte().Draw(t, what)}, rapid.SampledFrom([]int{0, 1, 5, 62, 63, 64, 65, 127, 128, 300, 8191, 8192}).Draw(t, what))
	}
	for i := range out {
		out[i] = plainRecord{ts: rapid.SampledFrom(edges()).Draw(t, "ts"), off: int64(i), hasKey: rapid.Bool().Draw(t, "hasKey"), value: sized("value")}
		if out[i].hasKey {
			out[i].key = sized("key")
		}
	}
	return out
}

// batchOf is an uncompressed batch as a producer builds it, and where its records section begins.
func batchOf(records []plainRecord, base, first int64) []byte {
	b := make([]byte, BatchHeaderSize+RecordCountSize)
	for _, r := range records {
		size := len(b)
		b = AppendRecord(b, r.ts, r.off, r.hasKey, r.key, r.value)
		if len(b)-size != RecordSize(r.ts, r.off, r.hasKey, r.key, r.value) {
			panic("RecordSize and AppendRecord disagree")
		}
	}
	binary.BigEndian.PutUint32(b[BatchHeaderSize:], uint32(len(records)))
	h := NewBatchHeader(CompressionNone, len(records), first, first)
	h.BaseOffset = base
	SealBatch(b, &h)
	return b
}

func TestBatchSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecords(t)
		b := batchOf(want, 0, 1700000000000)
		base := rapid.Int64Range(0, 1<<50).Draw(t, "base")
		SetBaseOffset(b, base)
		next := batchOf(nil, base+int64(len(want)), -1)
		h, batch, rest, _, ok, err := NextBatch(append(bytes.Clone(b), next...))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, b, batch)
		require.Equal(t, next, rest)
		require.NoError(t, VerifyBatch(batch, &h), "the base offset is outside the checksum")
		require.Equal(t, base, h.BaseOffset)
		require.Equal(t, base+int64(len(want)), h.NextOffset())
		require.Equal(t, CompressionNone, h.Compression())
		require.False(t, h.HasSchema())
		r, err := NewRecordReader(batch[h.HeaderSize():])
		require.NoError(t, err)
		require.Equal(t, len(want), r.Count())
		for i, w := range want {
			require.Equal(t, len(want)-i, r.Left())
			var rec Record
			ok, err := r.Next(&rec)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, w.ts, rec.TimestampDelta)
			require.Equal(t, w.off, rec.OffsetDelta)
			require.Equal(t, w.hasKey, rec.HasKey)
			require.True(t, bytes.Equal(w.key, rec.Key))
			require.True(t, bytes.Equal(w.value, rec.Value))
		}
		ok, err = r.Next(new(Record))
		require.NoError(t, err)
		require.False(t, ok)
		flipped := bytes.Clone(b)
		at := rapid.IntRange(batchCRCStart, len(b)-1).Draw(t, "at")
		flipped[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(VerifyBatch(flipped, &h)))
	})
}

// TestRecordSetCutAtEveryByte: a server cuts frames anywhere. A batch is whole or it is not there, and the reader learns
// how much it needs.
func TestRecordSetCutAtEveryByte(t *testing.T) {
	first := batchOf([]plainRecord{{value: []byte("hello")}, {ts: 5, off: 1, hasKey: true, key: []byte("k1"), value: []byte("world")}}, 7, 1)
	set := append(bytes.Clone(first), batchOf([]plainRecord{{value: bytes.Repeat([]byte("x"), 200)}}, 9, 1)...)
	for n := range len(set) + 1 {
		rest, whole := set[:n], 0
		for {
			_, batch, after, need, ok, err := NextBatch(rest)
			require.NoError(t, err, n)
			require.Equal(t, n-whole, len(batch)+len(after), n)
			if !ok {
				remains := len(set) - whole
				switch {
				case n == len(set):
					remains = BatchHeaderSize // of a batch nobody knows of
				case whole == 0:
					remains = len(first)
				}
				if len(rest) < BatchPrefixSize {
					remains = BatchHeaderSize
				}
				require.Equal(t, remains, need, n)
				break
			}
			whole += len(batch)
			rest = after
		}
		switch {
		case n < len(first):
			require.Zero(t, whole)
		case n < len(set):
			require.Equal(t, len(first), whole)
		default:
			require.Equal(t, len(set), whole)
		}
	}
}

func TestColumnsAreTheRecordsInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecords(t)
		base := rapid.Int64Range(0, 1000).Draw(t, "base")
		first := rapid.SampledFrom([]int64{-1, 0, 1, 1700000000000}).Draw(t, "first")
		from := base + rapid.Int64Range(-3, 15).Draw(t, "from")
		upto := base + rapid.Int64Range(-3, 15).Draw(t, "upto")
		at := rapid.IntRange(0, 3).Draw(t, "at")
		posBase := rapid.SampledFrom([]uint32{0, 57, 1 << 20}).Draw(t, "posBase")
		b := batchOf(want, base, first)
		h, err := DecodeBatchHeader(b)
		require.NoError(t, err)
		section := b[BatchHeaderSize:]
		r, err := NewRecordReader(section)
		require.NoError(t, err)
		cols := newColumns(at + len(want))
		n, err := r.Columns(&h, cols, at, from, upto, posBase)
		require.NoError(t, err)
		require.Zero(t, r.Left())
		row := at
		for i, w := range want {
			offset := base + int64(i)
			if offset < from || offset >= upto {
				continue
			}
			require.Equal(t, offset, cols.Offset[row])
			ts := int64(-1)
			if first > 0 {
				ts = first + w.ts
			}
			require.Equal(t, ts, cols.Timestamp[row])
			if w.hasKey {
				require.True(t, bytes.Equal(w.key, section[cols.KeyPos[row]-posBase:][:cols.KeyLen[row]]))
			} else {
				require.Equal(t, NoKey, cols.KeyLen[row])
			}
			require.True(t, bytes.Equal(w.value, section[cols.ValuePos[row]-posBase:][:cols.ValueLen[row]]))
			row++
		}
		require.Equal(t, row-at, n)
		for i := range at {
			require.Zero(t, cols.Offset[i], "rows before the first are the caller's")
		}
	})
}

func newColumns(n int) *Columns {
	return &Columns{
		Offset: make([]int64, n), Timestamp: make([]int64, n), KeyPos: make([]uint32, n), KeyLen: make([]uint32, n),
		ValuePos: make([]uint32, n), ValueLen: make([]uint32, n),
	}
}

// TestColumnsAfterNext: numbering goes on where Next stopped.
func TestColumnsAfterNext(t *testing.T) {
	b := batchOf([]plainRecord{{value: []byte("a")}, {off: 1, value: []byte("b")}, {off: 2, value: []byte("c")}}, 10, 1)
	h, err := DecodeBatchHeader(b)
	require.NoError(t, err)
	r, err := NewRecordReader(b[BatchHeaderSize:])
	require.NoError(t, err)
	_, err = r.Next(new(Record))
	require.NoError(t, err)
	cols := newColumns(2)
	n, err := r.Columns(&h, cols, 0, 0, math.MaxInt64, 0)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, []int64{11, 12}, cols.Offset)
}

// TestRecordsOfLaterVersions: bytes behind the fields of a record are skipped by its length.
func TestRecordsOfLaterVersions(t *testing.T) {
	section := []byte{0, 0, 0, 2}
	old := AppendRecord(nil, 1, 2, true, []byte("k"), []byte("v"))
	longer := append(bytes.Clone(old), "headers"...)
	longer[0] += 2 * byte(len("headers"))
	section = append(append(section, longer...), old...)
	r, err := NewRecordReader(section)
	require.NoError(t, err)
	for range 2 {
		var rec Record
		ok, err := r.Next(&rec)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, Record{TimestampDelta: 1, OffsetDelta: 2, HasKey: true, Key: []byte("k"), Value: []byte("v")}, rec)
	}
}

func TestSchemaBatchIsReadable(t *testing.T) {
	h := NewBatchHeader(CompressionZstd, 1, 5, 6)
	h.Attributes |= attrSchema
	h.SchemaID = 42
	b := make([]byte, h.HeaderSize()+4)
	SealBatch(b, &h)
	got, batch, _, _, ok, err := NextBatch(b)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, h, got)
	require.Equal(t, BatchHeaderSize+SchemaIDSize, got.HeaderSize())
	require.Equal(t, CompressionZstd, got.Compression())
	require.NoError(t, VerifyBatch(batch, &got))
	// The protocol's own check value of the schema form: batch_len must cover the id.
	binary.BigEndian.PutUint32(b[8:], BatchHeaderSize-BatchPrefixSize)
	_, err = DecodeBatchHeader(b)
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
	require.EqualValues(t, 0xE3069283, Checksum([]byte("123456789")), "CRC-32C, not IEEE")
}

func TestNegotiation(t *testing.T) {
	v := Negotiate(SPU, &ApiVersionsResponse{PlatformVersion: "0.0.0", Keys: []APIVersionRange{
		{0, 0, 30}, {1002, 24, 24}, {1003, 0, 18}, {4711, 1, 2},
	}})
	for key, want := range map[uint16]int16{KeyApiVersions: 2, KeyProduce: 25, KeyFetchOffsets: 24} {
		got, err := v.For(key)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := v.For(KeyStreamFetch)
	require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "StreamFetch versions 19 to 25, the SPU speaks 0 to 18")
	_, err = v.For(KeyUpdateOffsets)
	require.ErrorContains(t, err, "does not have it")
	_, err = v.For(4711)
	require.Equal(t, fluvioerr.Internal, fluvioerr.CodeOf(err))
	require.Nil(t, LookupAPI(SC, KeyProduce), "the same number means other things on an SPU")
}

func TestPartitionNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic, n := rapid.StringMatching(`[a-z0-9-]{0,12}`).Draw(t, "topic"), rapid.Uint32().Draw(t, "n")
		gotTopic, gotN, ok := SplitPartitionName(PartitionName(topic, n))
		require.True(t, ok)
		require.Equal(t, topic, gotTopic)
		require.Equal(t, n, gotN)
	})
	for _, bad := range []string{"", "topic", "topic-", "topic-x", "topic-4294967296"} {
		_, _, ok := SplitPartitionName(bad)
		require.False(t, ok, bad)
	}
}

func TestAddressOfAnSPU(t *testing.T) {
	host, ip := "spu.example", "10.0.0.1"
	spec := SPUSpec{PublicEndpoint: IngressPort{Port: 9005}}
	require.Empty(t, spec.PublicAddr(false), "no ingress")
	spec.PublicEndpoint.Ingress = []IngressAddr{{IP: &ip}, {Hostname: &host}}
	require.Equal(t, "10.0.0.1:9005", spec.PublicAddr(true), "no local endpoint: the public one")
	spec.PublicEndpoint.Ingress[0].Hostname = &host
	require.Equal(t, "spu.example:9005", spec.PublicAddr(false))
	spec.PublicEndpointLocal = &Endpoint{Port: 9010, Host: "::1"}
	require.Equal(t, "[::1]:9010", spec.PublicAddr(true))
	require.Equal(t, "spu.example:9005", spec.PublicAddr(false))
}

func TestPartitionCount(t *testing.T) {
	for want, spec := range map[int]ReplicaSpec{
		2: {Kind: ReplicasAssigned, Assigned: make([]PartitionMap, 2), Partitions: 9},
		3: {Kind: ReplicasComputed, Partitions: 3},
		4: {Kind: ReplicasMirror, Mirror: MirrorConfig{Kind: MirrorRemote, HomeSPUs: make([]MirrorSPU, 4)}},
		5: {Kind: ReplicasMirror, Mirror: MirrorConfig{Kind: MirrorHome, Partitions: make([]HomePartition, 5)}},
	} {
		require.Equal(t, want, spec.PartitionCount())
	}
}

// TestErrorCodesTurnIntoErrors: every code of the table becomes an error that names it, and the payloads that programs
// need are in fields.
func TestErrorCodesTurnIntoErrors(t *testing.T) {
	require.Nil(t, (&ErrorCode{}).Err("produce"))
	for _, row := range fluvioerr.ServerTable {
		c := ErrorCode{Code: row.Server, Payload: newErrorPayload(row.Server)}
		err := c.Err("produce")
		require.Equal(t, row.Code, err.Code, row.Name)
		require.Equal(t, row.Server, err.Server, row.Name)
		require.ErrorContains(t, err, row.Name)
		require.False(t, c.Ok())
	}
	evicted := ErrorCode{Code: 71, Payload: &EvictedPayload{Offset: 42, NextAvailable: 100}}
	err := evicted.Err("consume")
	require.EqualValues(t, 42, err.Offset)
	require.Equal(t, "100", err.Detail["next_available"])
	runtime := ErrorCode{Code: 6004, Payload: &RuntimePayload{Hint: "boom", Offset: 43, Value: []byte("secret")}}
	err = runtime.Err("consume")
	require.EqualValues(t, 43, err.Offset)
	require.Equal(t, "boom", err.Detail["smartmodule_hint"])
	require.NotContains(t, err.Error(), "secret", "records belong into no log")
	other := Errorf("no %s", "way")
	require.ErrorContains(t, other.Err("x"), "no way")
}

// TestErrorPayloads repeats the protocol's table of payloads: which codes carry one, and its bytes. A code missing here
// has none, and reading it must take two bytes and no more.
func TestErrorPayloads(t *testing.T) {
	text, two := &TextPayload{"ab"}, &TwoTextPayload{"a", "b"}
	const textBytes, twoBytes = "\x00\x02ab", "\x00\x01a\x00\x01b"
	payloads := map[fluvioerr.ServerCode]struct {
		payload ErrorPayload
		bytes   string
	}{
		2: {text, textBytes}, 3003: {text, textBytes}, 6001: {text, textBytes}, 6005: {text, textBytes}, 6006: {text, textBytes},
		6007: {text, textBytes}, 8001: {text, textBytes}, 8003: {text, textBytes}, 10001: {text, textBytes},
		6003: {two, twoBytes}, 12001: {two, twoBytes}, 12002: {two, twoBytes},
		7:    {&TimeoutPayload{TimeoutMS: 1500}, "\x00\x00\x00\x00\x00\x00\x05\xdc\x00"},
		71:   {&EvictedPayload{1, 2}, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02"},
		72:   {&PartitionPayload{"a", 3}, "\x00\x01a\x00\x00\x00\x03"},
		6002: {&ModuleInvalidPayload{Error: "a", Name: ptr("b")}, "\x00\x01a\x01\x00\x01b"},
		6004: {&RuntimePayload{Hint: "a", Offset: 1, Kind: 4, Value: []byte("v")}, "\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x01\x04\x00\x02v"},
		6008: {&MemoryPayload{1, 2}, "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02"},
	}
	codes := []fluvioerr.ServerCode{0}
	for _, row := range fluvioerr.ServerTable {
		codes = append(codes, row.Server)
	}
	for _, code := range codes {
		want := payloads[code]
		delete(payloads, code)
		b := append(binary.BigEndian.AppendUint16(nil, uint16(code)), want.bytes...)
		got, err := Append(nil, 25, &ErrorCode{Code: code, Payload: want.payload})
		require.NoError(t, err, code)
		require.Equal(t, b, got, code)
		var back ErrorCode
		n, err := Decode(append(b, "next field"...), 25, &back)
		require.NoError(t, err, code)
		require.Equal(t, len(b), n, "%s shifts what follows it", code)
		require.Equal(t, ErrorCode{Code: code, Payload: want.payload}, back)
		if want.payload != nil {
			require.NotEmpty(t, want.payload.Text(), code)
			// Encoding a code without its payload must not shift what follows either.
			empty, err := Append(nil, 25, &ErrorCode{Code: code})
			require.NoError(t, err)
			n, err = Decode(empty, 25, &back)
			require.NoError(t, err)
			require.Equal(t, len(empty), n)
		}
	}
	require.Empty(t, payloads, "payloads of codes that the table of server codes lacks")
}

// The short way reads a record as the long one does, or leaves it to that: whatever the bytes are.
func TestShortWay(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	short, long := 0, 0
	check := func(b []byte, pos int) {
		keyPos, keyLen, valuePos, valueLen, ts, next := parseShort(b, pos)
		if next < 0 {
			long++
			return
		}
		short++
		kp, kl, vp, vl, wantTS, _, end, err := parseRecord(b, pos)
		if err != nil || [5]int{kp, kl, vp, vl, end} != [5]int{keyPos, keyLen, valuePos, valueLen, next} || ts != wantTS {
			require.Fail(t, "another record", "%x: %v", b[pos:], err)
		}
	}
	lengths := []int{0, 1, 5, 62, 63, 64, 65, 100, 8190, 8191, 8192, 20000}
	numbers := []int64{0, 1, -1, 63, -63, 64, -64, -65, 8191, 8192, -8192, -8193, 1 << 40}
	for range 5000 {
		key, value := make([]byte, lengths[rng.IntN(8)]), make([]byte, lengths[rng.IntN(len(lengths))])
		keyed, pos := rng.IntN(2) == 0, rng.IntN(3)
		b := AppendRecord(make([]byte, pos), numbers[rng.IntN(len(numbers))], numbers[rng.IntN(len(numbers))], keyed, key, value)
		b = append(b, make([]byte, rng.IntN(20))...)
		check(b, pos)
		for range 20 { // the same with damage, mostly at the beginning
			damaged := slices.Clone(b[:min(len(b), pos+200)])
			damaged[min(len(damaged)-1, pos+rng.IntN(12))] = byte(rng.Uint32())
			damaged = damaged[:len(damaged)-rng.IntN(min(len(damaged)-pos, 20))]
			check(damaged, pos)
		}
	}
	require.Greater(t, short, 5000)
	require.Greater(t, long, 5000)
}
