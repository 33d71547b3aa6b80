package produce

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dchest/siphash"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"

	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// The table of the protocol's description: computed by hand, checked with two SipHash libraries.
func TestPartitionOfKeys(t *testing.T) {
	counts := []int32{2, 3, 4, 5, 10, 12}
	for _, row := range []struct {
		key  string
		hash uint64
		of   [6]int32
	}{
		{"", 0xe849e8bb6ffe2567, [6]int32{1, 2, 3, 4, 9, 11}},
		{"a", 0xfeb15081b68ca86b, [6]int32{1, 1, 3, 2, 7, 7}},
		{"hello", 0xd17f96bd0852ce12, [6]int32{0, 2, 2, 4, 4, 2}},
		{"user-123", 0x8590a70f377cd237, [6]int32{1, 0, 3, 3, 3, 3}},
		{"order-0001", 0x9368b4d3e978aec9, [6]int32{1, 2, 1, 0, 5, 5}},
		{"\x00\x01\x02\x03\x04\x05\x06\x07", 0x838ee2708be70929, [6]int32{1, 2, 1, 1, 1, 5}},
		{"ключ", 0x92cd3338e703169d, [6]int32{1, 1, 1, 1, 1, 1}},
	} {
		require.Equal(t, row.hash, KeyHash([]byte(row.key)), "%q", row.key)
		for i, n := range counts {
			// Keys go by the count, whatever is online.
			require.Equal(t, row.of[i], (&Siphash{}).Partition([]byte(row.key), nil, &Partitions{Count: n, Available: []int32{0}}), "%q of %d", row.key, n)
		}
	}
	long := []byte(strings.Repeat("k", 10_000))
	require.Equal(t, siphash.Hash(0, 0, append(binary.LittleEndian.AppendUint64(nil, uint64(len(long))), long...)), KeyHash(long), "also beyond the array for small ones")
	require.Zero(t, testing.AllocsPerRun(100, func() { KeyHash([]byte("user-123")) }))
}

func TestRoundRobin(t *testing.T) {
	take := func(of *Partitions, n int) (out []int32) {
		s := &Siphash{}
		for range n {
			out = append(out, s.Partition(nil, nil, of))
		}
		return out
	}
	require.Equal(t, []int32{1, 3, 1, 3}, take(&Partitions{Count: 4, Available: []int32{1, 3}}, 4), "only what is online")
	require.Equal(t, []int32{0, 1, 2, 0}, take(&Partitions{Count: 3}, 4), "nothing is known to be online")
	s := &Siphash{}
	s.round.next.Store(1<<32 - 1)
	of := &Partitions{Count: 2, Available: []int32{0, 1}}
	require.Equal(t, []int32{1, 0}, []int32{s.Partition(nil, nil, of), s.Partition(nil, nil, of)}, "the counter wraps")
	require.Equal(t, int32(7), Fixed(7).Partition(nil, nil, of))
}

// idle is a producer without goroutines.
func idle(cfg Config) (*Producer, *partition, *sender) {
	p := &Producer{cfg: cfg, budget: semaphore.NewWeighted(1 << 30)}
	part := &partition{id: 3, producer: p}
	s := newSender(p, 5001)
	part.assign(s)
	return p, part, s
}

const workedExample = `
00 00 00 00 00 00 00 00 00 00 00 4c ff ff ff ff 02 3b 73 17 ef 00 00 00 00 00 01 00 00 01 8b cf
e5 68 00 00 00 01 8b cf e5 68 05 ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 00 00 02 16 00 00
00 00 0a 68 65 6c 6c 6f 00 1c 00 0a 02 01 04 6b 31 0a 77 6f 72 6c 64 00`

// The worked example of the protocol's description has base offset 0; official producers write the record count less one,
// and the SPU overwrites it.
func TestBatchIsByteIdentical(t *testing.T) {
	want, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "").Replace(workedExample))
	require.NoError(t, err)
	_, part, _ := idle(testConfig("t"))
	b := newBatch(part, 16<<10, 16<<10, time.Now())
	b.append(&Record{Value: []byte("hello"), Timestamp: 1700000000000}, 1700000000000, false)
	b.append(&Record{Key: []byte("k1"), Value: []byte("world"), Timestamp: 1700000000005}, 1700000000005, false)
	require.Equal(t, entrySize+len(want), b.size())
	require.NoError(t, b.seal(compress.None, 0))
	require.EqualValues(t, 3, binary.BigEndian.Uint32(b.entry), "partition")
	require.EqualValues(t, len(want), binary.BigEndian.Uint32(b.entry[4:]), "length of the record set")
	got := b.entry[entrySize:]
	require.Equal(t, hex.EncodeToString(want[8:]), hex.EncodeToString(got[8:]))
	require.NoError(t, b.seal(compress.None, 0))
	require.Equal(t, hex.EncodeToString(want[8:]), hex.EncodeToString(b.entry[entrySize+8:]), "sealing again changes nothing")
}

func TestCompressedBatch(t *testing.T) {
	_, part, _ := idle(testConfig("t"))
	for _, codec := range []compress.Codec{compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		b := newBatch(part, 16<<10, 16<<10, time.Now())
		for range 100 {
			b.append(&Record{Value: []byte("the same again")}, 1, false)
		}
		plain := append([]byte(nil), b.buf[HeadRoom-4:]...)
		binary.BigEndian.PutUint32(plain, 100)
		require.NoError(t, b.seal(codec, 0))
		require.Less(t, len(b.entry), len(plain), "%v", codec)
		require.EqualValues(t, len(b.entry)-entrySize, binary.BigEndian.Uint32(b.entry[4:]))
		got, err := compress.AppendDecoded(nil, codec, b.entry[HeadRoom-4:], 1<<20)
		require.NoError(t, err)
		require.Equal(t, plain, got, "%v: the count is compressed with the records", codec)
	}
}

// A batch never outgrows what was reserved for it, whatever the records are.
func TestBatchStaysInItsReservation(t *testing.T) {
	cfg := testConfig("t")
	cfg.BatchSize = 512
	_, part, _ := idle(cfg)
	for i := range 2000 {
		r := &Record{Value: make([]byte, i%700), Key: make([]byte, i%90), Timestamp: int64(1) << (i % 63)}
		if i%3 == 0 {
			r.Key = nil
		}
		if _, how := part.add(r, stamp(r), 0); how == needsMemory {
			_, how = part.add(r, stamp(r), int64(part.bufferFor(r)))
			require.Equal(t, addedToNew, how)
		}
	}
	part.flushNow()
	for _, b := range part.closed {
		require.LessOrEqual(t, int64(len(b.buf)), b.cost)
		require.Equal(t, b.cost, int64(cap(b.buf)), "nothing was moved to a larger buffer")
		require.True(t, b.size() <= cfg.BatchSize || b.count == 1, "a batch of %d bytes and %d records", b.size(), b.count)
	}
}

// queues shows what a partition holds and whether its sender was told.
func queues(part *partition, s *sender) (told, open bool, closed int) {
	part.mu.Lock()
	defer part.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0, part.open != nil, len(part.closed)
}

// add adds a small record, reserving memory if needed.
func add(part *partition) {
	r := &Record{Value: []byte("x")}
	if _, how := part.add(r, stamp(r), 0); how == needsMemory {
		part.add(r, stamp(r), int64(part.bufferFor(r)))
	}
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig("t")
		cfg.Linger = time.Second
		p, part, s := idle(cfg)
		add(part)
		time.Sleep(999 * time.Millisecond)
		add(part) // does not start the wait anew
		told, _, closed := queues(part, s)
		require.False(t, told)
		require.Zero(t, closed)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		told, open, closed := queues(part, s)
		require.True(t, told)
		require.False(t, open)
		require.Equal(t, 1, closed)

		add(part)
		part.flushNow()
		_, _, closed = queues(part, s)
		require.Equal(t, 2, closed, "a flush does not wait")
		time.Sleep(500 * time.Millisecond)
		add(part)
		time.Sleep(500 * time.Millisecond) // when the flushed batch would have been due
		synctest.Wait()
		_, open, _ = queues(part, s)
		require.True(t, open, "the timer of an older batch does not end a newer one")
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		_, open, _ = queues(part, s)
		require.False(t, open)

		p.blocked.Add(1) // somebody waits for memory
		add(part)
		_, open, closed = queues(part, s)
		require.False(t, open, "nothing lingers then")
		require.Equal(t, 4, closed)
	})
}

func TestRetryWaitsAndTellsTheSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, part, s := idle(testConfig("t"))
		add(part)
		taken, _ := part.take(s, 1<<20, time.Now())
		require.Len(t, taken, 1)
		again := append([]*batch(nil), taken...)
		add(part)
		more, _ := part.take(s, 1<<20, time.Now())
		require.Empty(t, more, "one request at a time")
		s.mu.Lock()
		s.queue, s.queued = nil, map[*partition]bool{}
		s.mu.Unlock()
		part.landed(append([]*batch(nil), again...), true)
		none, _ := part.take(s, 1<<20, time.Now())
		require.Empty(t, none, "it waits before it tries again")
		told, _, _ := queues(part, s)
		require.False(t, told)
		time.Sleep(time.Second)
		synctest.Wait()
		told, _, _ = queues(part, s)
		require.True(t, told)
		retried, _ := part.take(s, 1<<20, time.Now())
		require.Len(t, retried, 2)
		require.Same(t, again[0], retried[0], "the head of the queue")
	})
}

// Waits double from retry_backoff up to retry_backoff_max, each up to 30 % shorter or longer but never longer than that, so
// that clients which failed together do not come back together.
func TestRetryDelay(t *testing.T) {
	cfg := testConfig("t")
	cfg.RetryFirst, cfg.RetryMax = 100*time.Millisecond, 10*time.Second
	p, _, _ := idle(cfg)
	for n, ms := range map[int]int{1: 100, 2: 200, 3: 400, 7: 6400, 8: 10000, 9: 10000, 64: 10000, 1 << 40: 10000} {
		shortest, longest := time.Hour, time.Duration(0)
		for range 1000 {
			d := p.retryDelay(n)
			shortest, longest = min(shortest, d), max(longest, d)
		}
		d := time.Duration(ms) * time.Millisecond
		require.InDelta(t, 0.7*float64(d), float64(shortest), 0.02*float64(d), "after %d failures", n)
		require.InDelta(t, min(1.3*float64(d), float64(cfg.RetryMax)), float64(longest), 0.02*float64(d), "after %d failures", n)
	}
}

func TestTakeKeepsToTheRequestLimit(t *testing.T) {
	cfg := testConfig("t")
	cfg.BatchSize, cfg.MaxRequestSize = 1024, 3000
	_, part, s := idle(cfg)
	for range 30 {
		r := &Record{Value: make([]byte, 400)}
		if _, how := part.add(r, stamp(r), 0); how == needsMemory {
			part.add(r, stamp(r), int64(part.bufferFor(r)))
		}
	}
	part.flushNow()
	total := 0
	for len(part.closed) > 0 {
		taken, more := part.take(s, cfg.MaxRequestSize, time.Now())
		size := 0
		for _, b := range taken {
			size += b.size()
			total += b.count
		}
		require.NotEmpty(t, taken)
		require.LessOrEqual(t, size, cfg.MaxRequestSize)
		require.Equal(t, len(part.closed) > 0, more)
		part.landed(nil, false)
	}
	require.Equal(t, 30, total)
	// What does not fit into what is left of a request goes into one of its own.
	r := &Record{Value: make([]byte, 2500)}
	part.add(r, stamp(r), int64(part.bufferFor(r)))
	taken, more := part.take(s, 100, time.Now())
	require.Empty(t, taken)
	require.True(t, more)
	taken, _ = part.take(s, cfg.MaxRequestSize, time.Now())
	require.Len(t, taken, 1)
}
