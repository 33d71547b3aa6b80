package consume

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestResolvePositions(t *testing.T) {
	const start, end = 10, 20
	for _, c := range []struct {
		pos  Position
		want int64
	}{
		{Position{FromBeginning, 0}, 10}, {Position{FromBeginning, 3}, 13}, {Position{FromBeginning, 10}, 20},
		{Position{FromBeginning, 11}, 20}, {Position{FromBeginning, math.MaxInt64}, 20},
		{Position{FromEnd, 0}, 20}, {Position{FromEnd, 3}, 17}, {Position{FromEnd, 10}, 10}, {Position{FromEnd, 11}, 10},
		{Position{FromEnd, math.MaxInt64}, 10},
		{Position{FromAbsolute, 5}, 5}, {Position{FromAbsolute, 15}, 15}, {Position{FromAbsolute, 99}, 99},
	} {
		require.Equal(t, c.want, c.pos.resolve(start, end), "%+v", c.pos)
	}
	for _, from := range []From{FromBeginning, FromEnd} {
		require.EqualValues(t, 0, Position{from, 7}.resolve(0, 0), "an empty topic")
	}
}

// stored gives batches one after the other, numbered from an offset.
func stored(from int64, batches ...[]byte) (set []byte) {
	for _, b := range batches {
		b = append([]byte(nil), b...)
		wire.SetBaseOffset(b, from)
		h, err := wire.DecodeBatchHeader(b)
		if err != nil {
			panic(err)
		}
		from = h.NextOffset()
		set = append(set, b...)
	}
	return set
}

// A frame may be cut anywhere.
func TestWholeBatchesAtEveryCut(t *testing.T) {
	sizes := []int{0, 1, 40, 200, 7}
	var set []byte
	ends, nexts := []int{0}, []int64{100}
	next := int64(100)
	for i, size := range sizes {
		b := stored(next, batchOf(compress.None, numbered(0, i+1, size)...))
		set = append(set, b...)
		next += int64(i + 1)
		ends, nexts = append(ends, len(set)), append(nexts, next)
	}
	for cut := range len(set) + 1 {
		whole, next, need, err := wholeBatches(set[:cut], 100)
		require.NoError(t, err)
		n := 0
		for n+1 < len(ends) && ends[n+1] <= cut {
			n++
		}
		require.Len(t, whole, ends[n], "cut at %d", cut)
		require.Equal(t, nexts[n], next, "cut at %d: never acknowledge past what is whole", cut)
		switch {
		case cut == 0 || n > 0:
			require.Zero(t, need, "cut at %d", cut)
		case cut < wire.BatchPrefixSize:
			require.Equal(t, wire.BatchHeaderSize, need)
		default:
			require.Equal(t, ends[1], need)
		}
	}
}

func TestOffsetsThatCannotBe(t *testing.T) {
	b := batchOf(compress.None, "a", "b")
	at := func(offset int64, delta int32) []byte {
		b := append([]byte(nil), b...)
		wire.SetBaseOffset(b, offset)
		binary.BigEndian.PutUint32(b[23:], uint32(delta))
		return b
	}
	for name, set := range map[string][]byte{
		"negative":  at(-5, 1),
		"backwards": append(at(10, 1), at(8, 1)...),
		"overlap":   append(at(10, 5), at(12, 1)...),
		"overflow":  at(math.MaxInt64-1, 1),
	} {
		_, next, _, err := wholeBatches(set, 3)
		require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), name)
		require.EqualValues(t, 3, next, name)
	}
	// Gaps are fine: retention, filters and compaction leave some. A batch without records says nothing about offsets.
	whole, next, _, err := wholeBatches(append(append(at(10, 1), at(-1, -1)...), at(50, 9)...), 3)
	require.NoError(t, err)
	require.EqualValues(t, 60, next)
	require.Len(t, whole, 3*len(b))
}

// bench is a session without a server.
func bench(cfg Config) (*session, *stream) {
	c := &Consumer{cfg: cfg, observer: obs.Nobody, inbox: newInbox(cfg.PrefetchBytes)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	s := c.newSession("t", 1)
	s.next = 100
	c.inbox.add()
	st := &stream{session: s, asked: true, ended: make(chan struct{})}
	s.stream = st
	return s, st
}

func answer(records []byte) *wire.StreamFetchResponse {
	return &wire.StreamFetchResponse{StreamID: 7, Partition: wire.FetchPartitionResponse{Partition: 1, Records: records, HighWatermark: 1000}}
}

func accept(s *session, st *stream, m *wire.StreamFetchResponse) (*frame, bool, error) {
	return s.accept(st, m, transport.NewBuffer(100))
}

func TestAccept(t *testing.T) {
	set := stored(98, batchOf(compress.None, "a", "b", "c"), batchOf(compress.None, "d"))
	s, st := bench(testConfig())
	f, credit, err := accept(s, st, answer(append(set, 1, 2, 3)))
	require.NoError(t, err)
	require.True(t, credit)
	require.Equal(t, set, f.records, "what is cut off is left out")
	require.EqualValues(t, 102, s.next)
	require.EqualValues(t, 7, st.id)

	_, _, err = accept(s, st, answer(stored(102, batchOf(compress.None, "e"))))
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), "a frame that was not asked for")
	require.ErrorContains(t, err, "without being asked")
	require.EqualValues(t, 102, s.next)

	st.asked = true
	other := answer(stored(102, batchOf(compress.None, "e")))
	other.Partition.Partition = 2
	_, _, err = accept(s, st, other)
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))

	f, credit, err = accept(s, st, answer(nil))
	require.NoError(t, err)
	require.Nil(t, f)
	require.True(t, credit, "an empty frame is answered")

	st.asked = true
	filtered := answer(nil)
	filtered.Partition.NextFilterOffset = 500
	_, credit, err = accept(s, st, filtered)
	require.NoError(t, err)
	require.True(t, credit)
	require.EqualValues(t, 500, s.next, "what was filtered away is passed")
}

// A credit that was owed to a stream that is gone is not spent on the next one, which may send a frame anyway and has no id
// yet: this one has not even a connection.
func TestCreditOfALostStream(t *testing.T) {
	s, st := bench(testConfig())
	require.True(t, st.asked)
	s.giveCredit()
	require.Len(t, s.granted, 1, "the session may open a stream")
}

func TestAcceptAtTheEnd(t *testing.T) {
	s, st := bench(testConfig())
	s.upto = 102
	f, credit, err := accept(s, st, answer(stored(100, batchOf(compress.None, "a", "b", "c"))))
	require.ErrorIs(t, err, errReachedEnd)
	require.False(t, credit)
	require.True(t, f.done)
	b, err := f.next()
	require.NoError(t, err)
	require.Equal(t, 2, b.Len(), "not beyond stop_at")
}

func TestAcceptErrors(t *testing.T) {
	s, st := bench(testConfig())
	passing := answer(nil)
	passing.Partition.Error.Code = fluvioerr.ServerNotLeader
	f, _, err := accept(s, st, passing)
	require.Nil(t, f)
	require.Equal(t, fluvioerr.ServerNotLeader, fluvioerr.As(err).Server)

	st.asked = true
	both := answer(stored(100, batchOf(compress.None, "a")))
	both.Partition.Error.Code = fluvioerr.ServerNotLeader
	f, _, err = accept(s, st, both)
	require.NoError(t, f.err, "an error that passes is not the application's")
	require.Equal(t, fluvioerr.ServerNotLeader, fluvioerr.As(err).Server)
	require.EqualValues(t, 101, s.next, "the records beside it count")

	final := answer(nil)
	final.Partition.Error = wire.ErrorCode{Code: fluvioerr.ServerOffsetEvicted, Payload: &wire.EvictedPayload{Offset: 101, NextAvailable: 200}}
	f, _, err = accept(s, st, final)
	require.ErrorIs(t, err, errReachedEnd)
	require.True(t, f.fatal)
	require.Equal(t, "200", fluvioerr.As(f.err).Detail["next_available"])
}

func TestBatchLargerThanAnyFrame(t *testing.T) {
	s, st := bench(testConfig())
	huge := make([]byte, wire.BatchPrefixSize+100)
	binary.BigEndian.PutUint64(huge, 100)
	for _, size := range []uint32{math.MaxInt32 - 12, largestBatch - 11} {
		st.asked = true
		binary.BigEndian.PutUint32(huge[8:], size)
		_, _, err := accept(s, st, answer(huge))
		require.Equal(t, fluvioerr.TooLarge, fluvioerr.CodeOf(err), "%v", err)
		require.EqualValues(t, 100, fluvioerr.As(err).Offset)
		require.EqualValues(t, 1<<20, s.maxBytes, "nobody asks for more")
	}
	binary.BigEndian.PutUint32(huge[8:], largestBatch-12)
	st.asked = true
	_, _, err := accept(s, st, answer(huge))
	require.ErrorIs(t, err, errLarger)
	require.EqualValues(t, largestBatch, s.maxBytes)
	// A server that goes on cutting is not asked for ever.
	st.asked = true
	_, _, err = accept(s, st, answer(huge))
	require.Equal(t, fluvioerr.TooLarge, fluvioerr.CodeOf(err), "%v", err)

	s, st = bench(testConfig())
	binary.BigEndian.PutUint32(huge[8:], 500)
	for n := 0; ; n++ {
		require.Less(t, n, 10)
		st.asked = true
		before := s.maxBytes
		if _, _, err = accept(s, st, answer(huge)); fluvioerr.CodeOf(err) == fluvioerr.TooLarge {
			break
		}
		require.ErrorIs(t, err, errLarger)
		require.Greater(t, s.maxBytes, before)
	}
}

// frameOf is a frame as the inbox holds it.
func frameOf(s *session, set []byte) *frame {
	buf := transport.NewBuffer(len(set))
	copy(buf.B, set)
	return &frame{session: s, buffer: buf, records: buf.B, from: 100, upto: math.MaxInt64, bytes: int64(len(set))}
}

func next(t *testing.T, s *session) (*Batch, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	return s.consumer.inbox.take(ctx)
}

// What is good before the damage is given, the damage once, and then nothing is left.
func TestDamage(t *testing.T) {
	section := func(count int, values ...string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(count))
		for i, v := range values {
			b = wire.AppendRecord(b, 0, int64(i), false, nil, []byte(v))
		}
		return b
	}
	malformed := section(2, "x", "y")
	malformed[4] = 0x7e // the first record's length
	flipped := batchOf(compress.None, "x", "y")
	flipped[len(flipped)-2] ^= 1
	for name, bad := range map[string][]byte{
		"checksum":               flipped,
		"malformed record":       sealed(compress.None, 2, malformed),
		"count beyond the bytes": sealed(compress.None, 2, section(1000, "x", "y")),
		"no count":               sealed(compress.None, 1, []byte{0}),
		"compressed nonsense": func() []byte {
			b := sealed(compress.None, 2, []byte("nonsense"))
			b[22] = 1
			h, _ := wire.DecodeBatchHeader(b)
			wire.SealBatch(b, &h)
			return b
		}(),
		"unknown codec": func() []byte {
			b := batchOf(compress.None, "x", "y")
			b[22] = 7
			h, _ := wire.DecodeBatchHeader(b)
			wire.SealBatch(b, &h)
			return b
		}(),
		"malformed and compressed": sealed(compress.Zstd, 2, malformed),
	} {
		for i, good := range []compress.Codec{compress.None, compress.Lz4, compress.None, compress.Lz4} {
			lazy := i >= 2 // the caller decodes
			t.Run(fmt.Sprintf("%s after %s, lazy %v", name, good, lazy), func(t *testing.T) {
				cfg := testConfig()
				cfg.Lazy = lazy
				s, _ := bench(cfg)
				set := stored(100, batchOf(good, "a"), batchOf(good, "b", "c"), bad, batchOf(good, "z"))
				s.consumer.inbox.put(s, frameOf(s, set), false)
				s.consumer.inbox.put(s, frameOf(s, stored(200, batchOf(good, "never"))), false)
				var got []string
				var err error
				for err == nil {
					var b *Batch
					b, err = next(t, s)
					if err == nil && lazy {
						err = b.decode()
					}
					if b != nil {
						got = append(got, values(rowsOf(b))...)
					}
				}
				require.Equal(t, []string{"a", "b", "c"}, got)
				require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(err), "%v", err)
				e := fluvioerr.As(err)
				require.Equal(t, "t", e.Topic)
				require.EqualValues(t, 1, e.Partition)
				require.EqualValues(t, 103, e.Offset)
				_, after := next(t, s)
				require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(after), "not the proper end: %v", after)
				require.True(t, fluvioerr.Fatal(after))
				require.ErrorIs(t, after, err, "it names its reason")
				require.Zero(t, s.consumer.inbox.bytes, "what was dropped is not counted")
			})
		}
	}
}

func TestLazyDamage(t *testing.T) {
	cfg := testConfig()
	cfg.Lazy = true
	s, _ := bench(cfg)
	bad := batchOf(compress.None, "x", "y")
	bad[wire.BatchHeaderSize+wire.RecordCountSize] = 0x7e
	h, err := wire.DecodeBatchHeader(bad)
	require.NoError(t, err)
	wire.SealBatch(bad, &h)
	s.consumer.inbox.put(s, frameOf(s, stored(100, bad)), false)
	s.consumer.inbox.put(s, frameOf(s, stored(102, batchOf(compress.None, "z"))), false)
	b, err := next(t, s)
	require.NoError(t, err)
	u32 := make([]uint32, 8)
	err = b.Columns(&wire.Columns{Offset: make([]int64, 2), Timestamp: make([]int64, 2), KeyPos: u32[:2], KeyLen: u32[2:4], ValuePos: u32[4:6], ValueLen: u32[6:]})
	require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(err))
	b.Release()
	s.consumer.inbox.put(s, frameOf(s, stored(103, batchOf(compress.None, "late"))), true)
	_, err = next(t, s)
	require.True(t, fluvioerr.Fatal(err), "nothing comes after the damage: %v", err)
	require.Zero(t, s.consumer.inbox.bytes)
}

// What turns out to be damaged after the application has gone elsewhere is no reason to stop there.
func TestDamageThatIsStale(t *testing.T) {
	cfg := testConfig()
	cfg.Lazy = true
	s, _ := bench(cfg)
	bad := batchOf(compress.None, "x")
	bad[wire.BatchHeaderSize+wire.RecordCountSize] = 0x7e
	h, err := wire.DecodeBatchHeader(bad)
	require.NoError(t, err)
	wire.SealBatch(bad, &h)
	s.consumer.inbox.put(s, frameOf(s, stored(100, bad)), false)
	b, err := next(t, s)
	require.NoError(t, err)
	s.running = true // else Seek begins to read
	s.stop = func() { require.Fail(t, "reading goes on") }
	require.NoError(t, s.consumer.Seek("t", 1, 200))
	require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(b.decode()))
	s.halt(b.gen)
	f := frameOf(s, stored(200, batchOf(compress.None, "y")))
	f.gen = s.gen
	s.consumer.inbox.put(s, f, false)
	b, err = next(t, s)
	require.NoError(t, err)
	require.NoError(t, b.decode())
	require.Equal(t, []string{"y"}, values(rowsOf(b)))
}

// Damage ends the partition also where the server has told of an error behind it that would not.
func TestDamageBesideAnError(t *testing.T) {
	s, _ := bench(testConfig())
	bad := batchOf(compress.None, "x")
	bad[len(bad)-2] ^= 1
	f := frameOf(s, stored(100, bad))
	f.err = fluvioerr.New(fluvioerr.SmartModule, "consume", "a module failed")
	s.consumer.inbox.put(s, f, false)
	_, err := next(t, s)
	require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(err), "%v", err)
	_, err = next(t, s)
	require.True(t, fluvioerr.Fatal(err), "%v", err)
}

// The application may release what it gets of the rest of a batch, and keeps what it got before.
func TestTailIsReleased(t *testing.T) {
	s, _ := bench(testConfig())
	v := numbered(0, 3, 20_000) // in a frame whose memory is used again
	s.consumer.inbox.put(s, frameOf(s, stored(100, batchOf(compress.None, v...))), false)
	b, err := next(t, s)
	require.NoError(t, err)
	first := b.Data[b.Cols.ValuePos[0]:][:b.Cols.ValueLen[0]]
	tail := b.Tail(1)
	rest := tail.Tail(1)
	require.Equal(t, v[2:], values(rowsOf(rest))) // which releases it
	require.Equal(t, v[0], string(first))
	require.NotNil(t, tail.buffer.B, "the memory is not given to others")
}

// Many batches without a wanted record are passed over without piling up calls or batches.
func TestUnwantedBatches(t *testing.T) {
	s, _ := bench(testConfig())
	var batches [][]byte
	for i := range 300 {
		codec := compress.None
		if i%2 == 0 {
			codec = compress.Snappy // alternating: each would be a Batch of its own
		}
		batches = append(batches, batchOf(codec, "old"))
	}
	f := frameOf(s, stored(0, append(batches, batchOf(compress.None, "new"))...))
	f.from = 300
	s.consumer.inbox.put(s, f, false)
	b, err := next(t, s)
	require.NoError(t, err)
	require.Equal(t, []row{{"t", 1, 300, "new"}}, rowsOf(b))
}

func TestFairTurns(t *testing.T) {
	cfg := testConfig()
	s1, _ := bench(cfg)
	s2 := s1.consumer.newSession("t", 2)
	s1.consumer.inbox.add()
	big := func(n int) []byte { return stored(100, batchOf(compress.None, numbered(0, 1, n)...)) }
	for range 3 {
		s1.consumer.inbox.put(s1, frameOf(s1, big(2000)), false)
	}
	s1.consumer.inbox.put(s2, frameOf(s2, big(10)), false)
	var order []int32
	for range 4 {
		b, err := next(t, s1)
		require.NoError(t, err)
		order = append(order, b.Partition)
		b.Release()
	}
	require.Equal(t, []int32{1, 2, 1, 1}, order)
}
