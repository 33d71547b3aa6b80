package consume

import (
	"context"
	"encoding/binary"
	"errors"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// timed makes a batch of records a second apart, from a time in seconds on.
func timed(first int64, values ...string) []byte {
	section := binary.BigEndian.AppendUint32(nil, uint32(len(values)))
	for i, v := range values {
		section = wire.AppendRecord(section, int64(i)*1000, int64(i), false, nil, []byte(v))
	}
	b := append(make([]byte, wire.BatchHeaderSize), section...)
	h := wire.NewBatchHeader(wire.CompressionNone, len(values), first*1000, (first+int64(len(values))-1)*1000)
	wire.SealBatch(b, &h)
	return b
}

func TestTimes(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("times", 1)
	for i := range 20 { // batches of three: seconds 100-102, 110-112, ... 290-292
		w.store("times", 0, timed(int64(100+10*i), numbered(3*i, 3, 0)...))
	}
	require.NoError(t, w.dev.EvictBefore("times", 0, 6))
	for _, c := range []struct {
		from, until int64 // seconds, -1: not said
		first, end  int
	}{
		{-1, -1, 6, 60}, {0, -1, 6, 60}, {120, -1, 6, 60}, {122, -1, 6, 60}, {123, -1, 9, 60}, {130, -1, 9, 60}, {131, -1, 9, 60}, {289, -1, 57, 60},
		{293, -1, 60, 60}, {9999, -1, 60, 60}, {-1, 100, 6, 6}, {-1, 130, 6, 9}, {-1, 131, 6, 12}, {-1, 290, 6, 57}, {-1, 291, 6, 60}, {150, 200, 15, 30},
	} {
		cfg := testConfig("times")
		cfg.StopAt = Stop{Kind: StopEnd}
		if c.from >= 0 {
			cfg.Start = Position{FromTime, c.from * 1000}
		}
		if c.until >= 0 {
			cfg.StopAt = Stop{StopTime, c.until * 1000}
		}
		rows := readAll(t, w.consumer(cfg))
		require.Len(t, rows, c.end-c.first, "%+v", c)
		if len(rows) > 0 {
			require.EqualValues(t, c.first, rows[0].offset, "%+v", c)
			inOrder(t, rows, int64(c.first))
		}
	}
}

// A time to come ends the stream when it has come, with what is there then.
func TestStopAtATimeToCome(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("soon", 2)
	cfg := testConfig("soon")
	var rows []row
	for lead := 300 * time.Millisecond; ; lead *= 2 { // on a busy machine the time may have come before the records are stored
		stop := time.Now().Add(lead)
		cfg.StopAt = Stop{StopTime, stop.UnixMilli()}
		c := w.consumer(cfg)
		w.store("soon", 0, timed(100, "a", "b"))
		inTime := time.Now().Before(stop)
		rows = readAll(t, c)
		if inTime {
			break
		}
	}
	require.Equal(t, []string{"a", "b"}, values(rows[len(rows)-2:]))
	require.Zero(t, len(rows)%2)
	w.store("soon", 0, timed(time.Now().Unix()+1, "late"))
	require.Len(t, readAll(t, w.consumer(cfg)), len(rows), "nor does a later consumer read on")
}

// Partitions that appear while the consumer reads end with it, before the time and after.
func TestStopAtATimeWithNewTopics(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("soon-a", 1)
	cfg := testConfig()
	cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^(?:soon-.*)$")}}
	cfg.StopAt = Stop{StopTime, time.Now().Add(2 * time.Second).UnixMilli()}
	c := w.consumer(cfg)
	w.topic("soon-b", 1)
	w.store("soon-b", 0, timed(100, "x"))
	require.Equal(t, []string{"x"}, values(readAll(t, c)))
}

// Whatever may have no time is rather read than missed.
func TestTimesOfBatchesWithout(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("timeless", 1)
	for range 5 {
		b := batchOf(compress.None, "x")
		h, err := wire.DecodeBatchHeader(b)
		require.NoError(t, err)
		h.FirstTimestamp, h.MaxTimestamp = -1, -1
		wire.SealBatch(b, &h)
		w.store("timeless", 0, b)
	}
	cfg := testConfig("timeless")
	cfg.Start, cfg.StopAt = Position{FromTime, 1}, Stop{StopTime, 1}
	require.Len(t, readAll(t, w.consumer(cfg)), 5)
}

func TestOffsetReset(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("gone", 1)
	w.store("gone", 0, batchOf(compress.None, numbered(0, 10, 5)...))
	require.NoError(t, w.dev.EvictBefore("gone", 0, 4))
	for _, c := range []struct {
		policy Reset
		start  int64
		next   int64
	}{{ResetEarliest, 2, 4}, {ResetLatest, 2, 10}, {ResetEarliest, 50, 4}, {ResetLatest, 50, 10}} {
		d := newDiary()
		cfg := testConfig("gone")
		cfg.Start, cfg.OnEvicted, cfg.OnEvent = Position{FromAbsolute, c.start}, c.policy, d.note
		reader := w.consumer(cfg)
		events := d.wait(t, OffsetReset, 1)
		require.Len(t, events, 1)
		require.Equal(t, []int64{c.start, c.next}, []int64{events[0].Offset, events[0].Next}, "%+v", c)
		require.Equal(t, max(c.next-c.start, 0), reader.Positions()[0].Skipped)
		reader.Close()
	}
}

// Retention overtakes a consumer that takes its time, which goes on and is told.
func TestOffsetResetWhileReading(t *testing.T) {
	for name, platform := range map[string]string{"with a code": "", "without one": "0.11.0"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{PlatformVersion: platform})
			w.topic("overtaken", 1)
			for i := range 20 {
				w.store("overtaken", 0, batchOf(compress.None, numbered(i, 1, 1000)...))
			}
			d := newDiary()
			cfg := testConfig("overtaken")
			cfg.MaxBytes, cfg.PrefetchBytes, cfg.OnEvicted, cfg.OnEvent, cfg.StopAt = 2500, 1024, ResetEarliest, d.note, Stop{Kind: StopEnd}
			c := w.consumer(cfg)
			first, err := readUntil(t, c, func(r []row) bool { return len(r) >= 1 })
			require.NoError(t, err)
			require.NoError(t, w.dev.EvictBefore("overtaken", 0, 15))
			rows := append(first, readAll(t, c)...)
			events := d.of(OffsetReset)
			require.Len(t, events, 1)
			require.Error(t, events[0].Err)
			require.EqualValues(t, 15, events[0].Next)
			was := events[0].Offset
			inOrder(t, rows[:was], 0)
			inOrder(t, rows[was:], 15)
			require.Len(t, rows[was:], 5)
			require.Equal(t, 15-was, c.Positions()[0].Skipped)
		})
	}
}

// Damaged batches are passed over, each with an event, and everything else is given.
func TestSkipCorrupt(t *testing.T) {
	malformed := binary.BigEndian.AppendUint32(nil, 2)
	malformed = append(malformed, 0x7e, 0, 0, 0, 0, 2, 'x', 0, 0x7e, 0, 0, 0, 0, 2, 'x', 0)
	flipped := batchOf(compress.None, "x", "y")
	flipped[len(flipped)-2] ^= 1
	nonsense := sealed(compress.None, 2, []byte("nonsense"))
	nonsense[22] = 1
	h, err := wire.DecodeBatchHeader(nonsense)
	require.NoError(t, err)
	wire.SealBatch(nonsense, &h)
	for _, lazy := range []bool{false, true} {
		for _, good := range []compress.Codec{compress.None, compress.Lz4} {
			d := newDiary()
			cfg := testConfig()
			cfg.SkipCorrupt, cfg.OnEvent, cfg.Lazy = true, d.note, lazy
			s, _ := bench(cfg)
			set := stored(100, batchOf(good, "a"), flipped, batchOf(good, "b", "c"), sealed(compress.None, 2, malformed), sealed(compress.Zstd, 2, malformed), nonsense, batchOf(good, "z"), flipped)
			s.consumer.inbox.put(s, frameOf(s, set), false)
			var got []string
			for range 3 {
				b, err := next(t, s)
				if fluvioerr.CodeOf(err) == fluvioerr.Timeout {
					break
				}
				require.NoError(t, err)
				if lazy {
					require.NoError(t, b.decode())
				}
				got = append(got, values(rowsOf(b))...)
			}
			require.Equal(t, []string{"a", "b", "c", "z"}, got)
			_, err := next(t, s)
			require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "the partition goes on")
			var at []int64
			for _, e := range d.of(BatchSkipped) {
				require.Equal(t, fluvioerr.Corrupt, fluvioerr.CodeOf(e.Err))
				require.Equal(t, e.Offset+2, e.Next)
				at = append(at, e.Offset)
			}
			require.Equal(t, []int64{101, 105, 107, 109, 112}, at)
			require.EqualValues(t, 10, s.skipped)
			require.Zero(t, s.consumer.inbox.bytes)
		}
	}
}

func TestSeek(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("seek", 2)
	for p := range int32(2) {
		for i := range 10 {
			w.store("seek", p, batchOf(compress.None, numbered(3*i, 3, 5)...))
		}
	}
	cfg := testConfig("seek")
	cfg.StopAt, cfg.MaxBytes = Stop{Kind: StopEnd}, 1024
	c := w.consumer(cfg)
	rows := readAll(t, c)
	require.Len(t, rows, 60)
	for _, to := range []int64{0, 7, 29, 12} { // after the end, too
		require.NoError(t, c.Seek("seek", 1, to))
		require.EqualValues(t, to, c.Positions()[1].Position)
		rows := readAll(t, c)
		require.Len(t, rows, int(30-to))
		inOrder(t, rows, to)
		require.EqualValues(t, 1, rows[0].partition, "the other partition stays where it is")
	}
	offset, err := c.OffsetFor(testContext(t), "seek", 0, Position{FromEnd, 4})
	require.NoError(t, err)
	require.EqualValues(t, 26, offset)
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(c.Seek("seek", 2, 0)))
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(c.Seek("seek", 0, -1)))
	c.Close()
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(c.Seek("seek", 0, 0)))
}

// After Seek nothing comes but what is there, whatever was on its way; whoever takes meanwhile is told by Stale.
func TestSeekWhileReading(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("seek", 1)
	for i := range 50 {
		w.store("seek", 0, batchOf(compress.None, numbered(10*i, 10, 50)...))
	}
	cfg := testConfig("seek")
	cfg.MaxBytes, cfg.PrefetchBytes = 1024, 4096
	c := w.consumer(cfg)
	for i := range int64(60) {
		to := (i * 83) % 500
		require.NoError(t, c.Seek("seek", 0, to))
		var rows []row
		for len(rows) < 10 && int(to)+len(rows) < 500 {
			b, err := c.Next(testContext(t))
			require.NoError(t, err)
			if !b.HandOut() {
				b.Release()
				continue
			}
			rows = append(rows, rowsOf(b)...)
		}
		inOrder(t, rows, to)
	}
	var takers sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for range 3 {
		takers.Go(func() {
			for {
				b, err := c.Next(ctx)
				if err != nil {
					return
				}
				b.HandOut()
				b.Release()
			}
		})
	}
	for i := range int64(100) {
		require.NoError(t, c.Seek("seek", 0, (i*37)%500))
	}
	require.NoError(t, c.Seek("seek", 0, 490))
	require.Eventually(t, func() bool { return c.Positions()[0].Position == 500 }, patience, time.Millisecond)
	cancel()
	takers.Wait()
}

// A partition that had failed is read again.
func TestSeekAfterAnError(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("evicted", 1)
	w.store("evicted", 0, batchOf(compress.None, numbered(0, 10, 5)...))
	require.NoError(t, w.dev.EvictBefore("evicted", 0, 4))
	cfg := testConfig("evicted")
	cfg.Start, cfg.StopAt = Position{FromAbsolute, 2}, Stop{Kind: StopEnd}
	c := w.consumer(cfg)
	for range 2 {
		_, err := c.Next(testContext(t))
		require.Equal(t, fluvioerr.OffsetEvicted, fluvioerr.CodeOf(err), "%v", err)
	}
	require.NoError(t, c.Seek("evicted", 0, 4))
	inOrder(t, readAll(t, c), 4)
}

func TestPauseAndResume(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("pause", 2)
	const n = 400
	for p := range int32(2) {
		for i := range n {
			w.store("pause", p, batchOf(compress.None, numbered(i, 1, 100)...))
		}
	}
	for _, prefetch := range []int64{2048, 1 << 20} { // dropped and read again, or kept
		cfg := testConfig("pause")
		cfg.MaxBytes, cfg.PrefetchBytes, cfg.StopAt = 1024, prefetch, Stop{Kind: StopEnd}
		c := w.consumer(cfg)
		rows, err := readUntil(t, c, func(r []row) bool {
			return slices.ContainsFunc(r, func(x row) bool { return x.partition == 0 }) && slices.ContainsFunc(r, func(x row) bool { return x.partition == 1 })
		})
		require.NoError(t, err)
		count := func(p int32) (n int) {
			for _, r := range rows {
				if r.partition == p {
					n++
				}
			}
			return n
		}
		has := count(0)
		c.HandedOut("pause", 0, int64(has-1), -1)
		require.NoError(t, c.Pause("pause", 0, -1))
		require.True(t, c.Positions()[0].Paused)
		more, err := readUntil(t, c, func(r []row) bool { return count(1)+len(r) == n })
		require.NoError(t, err)
		rows = append(rows, more...)
		require.Equal(t, has, count(0), "nothing of the paused partition came")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err = c.Next(ctx)
		cancel()
		require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
		require.NoError(t, c.Pause("pause", 0, -1))
		require.NoError(t, c.Resume("pause", 0))
		require.NoError(t, c.Resume("pause", 0))
		rows = append(rows, readAll(t, c)...)
		require.Len(t, rows, 2*n)
		inOrder(t, rows, 0)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(c.Pause("pause", 7, -1)))
		c.Close()
	}
}

// A paused partition lives through failures as any other, and its room is the others'.
func TestPausedThroughFaults(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("rest", 3)
	cfg := testConfig("rest")
	cfg.MaxBytes, cfg.PrefetchBytes = 1024, 1024
	c := w.consumer(cfg)
	for p := range int32(3) {
		for range 5 {
			w.store("rest", p, batchOf(compress.None, numbered(0, 1, 900)...))
		}
	}
	require.NoError(t, c.Pause("rest", 0, -1))
	require.NoError(t, c.Pause("rest", 1, -1))
	rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 5 })
	require.NoError(t, err)
	for _, r := range rows {
		require.EqualValues(t, 2, r.partition)
	}
	for i := range int32(2) {
		require.NoError(t, w.dev.StopSPU(5001+i))
		require.NoError(t, w.dev.StartSPU(5001+i))
	}
	require.NoError(t, c.Resume("rest", 0))
	require.NoError(t, c.Resume("rest", 1))
	rows, err = readUntil(t, c, func(r []row) bool { return len(r) == 10 })
	require.NoError(t, err)
	inOrder(t, rows, 0)
}

func TestDrain(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("drain", 2)
	w.store("drain", 0, batchOf(compress.None, "a", "b"))
	c := w.consumer(testConfig("drain"))
	require.Eventually(t, func() bool { c.inbox.mu.Lock(); defer c.inbox.mu.Unlock(); return c.inbox.bytes > 0 }, patience, time.Millisecond)
	require.NoError(t, c.Pause("drain", 0, -1))
	require.NoError(t, c.Drain())
	w.store("drain", 0, batchOf(compress.None, "never"))
	require.Equal(t, []string{"a", "b"}, values(readAll(t, c)), "what was received is given")
	_, err := c.Next(testContext(t))
	require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "drained")
	require.NoError(t, c.Drain())
	require.Equal(t, fluvioerr.InvalidState, fluvioerr.CodeOf(c.Seek("drain", 0, 0)))
}

// Drain, too, while the application is told of a partition that has not begun: nothing is read of it.
func TestDrainWhileAPartitionBegins(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	inside, told := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(told) })
	cfg := testConfig()
	cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^(?:begins-.*)$")}}
	cfg.OnEvent = func(Event) {
		close(inside)
		<-told
	}
	c := w.consumer(cfg)
	t.Cleanup(release)
	opened := w.rule(devcluster.Rule{API: "StreamFetch", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	w.topic("begins-1", 1)
	<-inside
	require.NoError(t, c.Drain())
	require.Empty(t, readAll(t, c))
	release()
	s := c.session("begins-1", 0)
	s.signal(c.look) // findNew takes it when it has begun the session
	require.Eventually(t, func() bool {
		if len(c.look) > 0 {
			return false
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return !s.running
	}, patience, time.Millisecond)
	require.Zero(t, opened.Hits())
}

// Who seeks when told that a partition is assigned has it read once, by one stream.
func TestSeekWhenAPartitionIsAssigned(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	self := make(chan *Consumer, 1)
	cfg := testConfig()
	cfg.Topics = []Topic{{Pattern: regexp.MustCompile("^(?:sought-.*)$")}}
	cfg.OnEvent = func(e Event) {
		if e.Kind == PartitionAssigned {
			require.NoError(t, (<-self).Seek(e.Topic, e.Partition, 0))
		}
	}
	c := w.consumer(cfg)
	self <- c
	opened := w.rule(devcluster.Rule{API: "StreamFetch", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	w.topic("sought-1", 1)
	w.store("sought-1", 0, batchOf(compress.None, numbered(0, 5, 0)...))
	require.Equal(t, numbered(0, 5, 0), sortedValues(t, c, 5))
	require.EqualValues(t, 1+c.Stats().Retries, opened.Hits())
}

// A server that stays away: retries are told, with their reason, and end where the setting says; or never.
func TestRetries(t *testing.T) {
	w := newWorld(t, devcluster.Options{SPUs: 2})
	w.topic("away", 2)
	d := newDiary()
	cfg := testConfig("away")
	cfg.MaxRetries, cfg.OnEvent = 4, d.note
	c := w.consumer(cfg)
	leader, err := w.dev.Leader("away", 0)
	require.NoError(t, err)
	refuse := w.rule(devcluster.Rule{API: "StreamFetch", Topic: "away", Partition: 0, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	require.NoError(t, w.dev.StopSPU(leader))
	require.NoError(t, w.dev.StartSPU(leader))
	_, err = c.Next(testContext(t))
	require.ErrorContains(t, err, "gave up after 4 retries")
	require.EqualValues(t, 0, fluvioerr.As(err).Partition)
	require.Equal(t, "4", fluvioerr.As(err).Detail["retries"])
	attempts := 0
	for _, e := range d.of(PartitionRetry) {
		if e.Partition == 0 {
			attempts++
			require.Equal(t, attempts, e.Attempt)
			require.Positive(t, e.Delay)
			require.Error(t, e.Err)
		}
	}
	require.Equal(t, 4, attempts)
	w.store("away", 1, batchOf(compress.None, "other"))
	require.Equal(t, []string{"other"}, sortedValues(t, c, 1), "the other partition goes on")
	refuse.Remove()

	d = newDiary()
	cfg.MaxRetries, cfg.OnEvent = 0, d.note
	c = w.consumer(cfg)
	rule := w.rule(devcluster.Rule{API: "StreamFetch", Topic: "away", Partition: 0, Count: 12, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	require.NoError(t, w.dev.StopSPU(leader))
	require.NoError(t, w.dev.StartSPU(leader))
	require.NoError(t, rule.Wait(testContext(t), 12))
	w.store("away", 0, batchOf(compress.None, "back"))
	rows, err := readUntil(t, c, func(r []row) bool { return slices.ContainsFunc(r, func(x row) bool { return x.value == "back" }) })
	require.NoError(t, err)
	require.NotEmpty(t, rows)
	resumed := d.wait(t, PartitionResumed, 1)
	require.Positive(t, resumed[0].Attempt)
}

// ownStore is an application's store.
type ownStore struct {
	mu     sync.Mutex
	stored map[place]int64
	fail   error
	saves  int
}

func (o *ownStore) Load(context.Context, string) (list []StoredOffset, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for p, offset := range o.stored {
		list = append(list, StoredOffset{p.topic, p.partition, offset})
	}
	return list, o.fail
}

func (o *ownStore) Save(_ context.Context, _ string, list []StoredOffset) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saves++
	if o.fail != nil {
		return o.fail
	}
	for _, s := range list {
		o.stored[place{s.Topic, s.Partition}] = s.Offset
	}
	return nil
}

func TestOwnStore(t *testing.T) {
	w := newWorld(t, devcluster.Options{PlatformVersion: "0.11.0"}) // which keeps no offsets itself
	w.topic("own", 2)
	for p := range int32(2) {
		w.store("own", p, batchOf(compress.None, numbered(0, 10, 5)...))
	}
	store := &ownStore{stored: map[place]int64{{"own", 1}: 6}}
	cfg := testConfig("own")
	cfg.Store, cfg.ConsumerID, cfg.Strategy, cfg.StopAt = store, "me", StrategyManual, Stop{Kind: StopEnd}
	c := w.consumer(cfg)
	read := 0
	for {
		b, err := c.Next(testContext(t))
		if err != nil {
			require.Equal(t, fluvioerr.End, fluvioerr.CodeOf(err))
			break
		}
		require.True(t, b.HandOut())
		read += b.Len()
	}
	require.Equal(t, 13, read, "it resumes behind what is stored")
	require.NoError(t, c.Commit(testContext(t)))
	require.NoError(t, c.Commit(testContext(t)))
	require.Equal(t, 1, store.saves, "once, with all partitions")
	require.Equal(t, map[place]int64{{"own", 0}: 9, {"own", 1}: 9}, store.stored)
	require.EqualValues(t, 9, c.Positions()[1].Committed)
	store.fail = errors.New("the disk is full")
	err := c.CommitOffset(testContext(t), "own", 0, 3)
	require.ErrorContains(t, err, "the disk is full")
	require.EqualValues(t, 9, c.Positions()[0].Committed)
	_, err = Open(testContext(t), w.cluster, cfg)
	require.ErrorContains(t, err, "the disk is full")
}

func TestPositions(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("lag", 1)
	w.store("lag", 0, batchOf(compress.None, numbered(0, 10, 5)...))
	cfg := testConfig("lag")
	cfg.Start = Position{FromBeginning, 4}
	c := w.consumer(cfg)
	p := c.Positions()
	require.Equal(t, []PartitionPosition{{Topic: "lag", Position: 4, HighWatermark: 10, LogEndOffset: 10, Lag: 6, Committed: -1}}, p)
	b, err := c.Next(testContext(t))
	require.NoError(t, err)
	b.HandOut()
	b.Release()
	require.EqualValues(t, 10, c.Positions()[0].Position)
	require.Zero(t, c.Positions()[0].Lag)
	require.NoError(t, c.Pause("lag", 0, -1))
	w.store("lag", 0, batchOf(compress.None, numbered(10, 5, 5)...))
	require.Eventually(t, func() bool { return c.Positions()[0].Lag == 5 }, patience, time.Millisecond, "also known of what was not received")
}

// Lag and watermarks are those of a topic that was made anew, also when it holds less than the old one.
func TestPositionsInATopicMadeAnew(t *testing.T) {
	for _, isolation := range []uint8{wire.FetchReadUncommitted, wire.FetchReadCommitted} {
		w := newWorld(t, devcluster.Options{})
		w.topic("lag", 1)
		w.store("lag", 0, batchOf(compress.None, numbered(0, 100, 5)...))
		cfg := testConfig("lag")
		cfg.Isolation = isolation
		c := w.consumer(cfg)
		_, err := readUntil(t, c, func(r []row) bool { return len(r) == 100 })
		require.NoError(t, err)
		c.HandedOut("lag", 0, 99, 99)
		require.NoError(t, w.dev.DeleteTopic("lag"))
		_, err = c.Next(testContext(t))
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		require.Eventually(t, func() bool { return w.cluster.Partition("lag", 0) == nil }, patience, time.Millisecond)
		w.topic("lag", 1)
		w.store("lag", 0, batchOf(compress.None, numbered(0, 5, 5)...))
		require.Eventually(t, func() bool { return c.Positions()[0].LogEndOffset == 5 }, patience, time.Millisecond, "so the SC says")
		require.NoError(t, c.Seek("lag", 0, 2))
		rows, err := readUntil(t, c, func(r []row) bool { return len(r) == 3 })
		require.NoError(t, err)
		require.EqualValues(t, 2, rows[0].offset)
		p := c.Positions()[0]
		require.Equal(t, []int64{2, 5, 5, 3}, []int64{p.Position, p.HighWatermark, p.LogEndOffset, p.Lag})
		c.HandedOut("lag", 0, 4, 4)
		require.Zero(t, c.Positions()[0].Lag)
	}
}

// Where the application goes while the consumer finds out where to go on behind what is not stored any more counts.
func TestSeekWhileAPositionIsLost(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("lost", 1)
	for i := range 10 {
		w.store("lost", 0, batchOf(compress.None, numbered(i, 1, 0)...))
	}
	cfg := testConfig("lost")
	cfg.Start, cfg.OnEvicted = Position{FromAbsolute, 9}, ResetEarliest
	c := w.consumer(cfg)
	take(t, c, 1)
	require.NoError(t, w.dev.EvictBefore("lost", 0, 5))
	asked := w.rule(devcluster.Rule{API: "FetchOffsets", Partition: -1, Count: 1, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: 200 * time.Millisecond}})
	require.NoError(t, c.Seek("lost", 0, 0))
	require.NoError(t, asked.Wait(testContext(t), 1))
	require.NoError(t, c.Seek("lost", 0, 7))
	b, err := c.Next(testContext(t))
	require.NoError(t, err)
	require.EqualValues(t, 7, b.Cols.Offset[0])
	b.Release()
}
