package consume

import (
	"context"
	"math"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Where reading starts and ends.

// log is what a leader says about a partition: the first offset kept and the one behind the last committed record.
type log struct {
	conn       *transport.Conn
	start, end int64
}

// ask asks the leader for the partition's offsets.
func (s *session) ask(ctx context.Context) (l log, err error) {
	spu, err := s.consumer.cluster.Leader(s.topic, s.partition)
	if err != nil {
		return l, err
	}
	conn, err := s.consumer.cluster.Conn(ctx, spu, transport.Fetch, s.consumer.id)
	if err != nil {
		return l, err
	}
	req := &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: s.topic, Partitions: []uint32{uint32(s.partition)}}}}
	var resp wire.FetchOffsetsResponse
	if err := conn.Call(ctx, wire.KeyFetchOffsets, req, &resp); err != nil {
		return l, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].Partition != uint32(s.partition) {
		return l, fluvioerr.New(fluvioerr.Protocol, "consume", "the answer to FetchOffsets does not fit the request")
	}
	p := resp.Topics[0].Partitions[0]
	if e := p.Error.Err("consume"); e != nil {
		return l, e
	}
	s.mu.Lock()
	s.measure(s.consumer.cluster.Partition(s.topic, s.partition))
	s.hw, s.leo = max(s.hw, p.LastStableOffset), max(s.leo, p.LastStableOffset)
	s.mu.Unlock()
	return log{conn, p.StartOffset, p.LastStableOffset}, nil
}

// resolve sets start and end of the session.
func (s *session) resolve(ctx context.Context) error {
	cfg := &s.consumer.cfg
	l, err := s.ask(ctx)
	if err != nil {
		return err
	}
	if err := s.consumer.supports(l.conn); err != nil {
		return err
	}
	stored := s.marks.read().stored
	was, next, lost, early := int64(0), int64(0), false, false
	if stored < 0 || cfg.Start.From == FromAbsolute {
		if next, err = s.find(ctx, l, cfg.Start); err != nil {
			return err
		}
		was, lost = next, next < l.start
	} else {
		was = behind(stored)
		end, err := s.reaches(ctx, l, was)
		if err != nil {
			return err
		}
		next, lost = cfg.Start.resume(stored, l.start, end)
		if early = !lost && next > l.end && cfg.Isolation == wire.FetchReadCommitted; early {
			next = l.end // servers do not wait there for what is not committed yet
		}
	}
	upto, err := s.findEnd(ctx, l)
	if err != nil {
		return err
	}
	var refused error
	switch {
	case !lost:
	case cfg.OnEvicted != ResetError:
		next = cfg.OnEvicted.position(l)
	case next >= l.start: // else the server's answer to the stream is the error
		refused = fluvioerr.New(fluvioerr.OffsetEvicted, "consume", "the stored offset %d lies behind the end of the partition, %d: the topic was made anew, or has lost records", stored, l.end).
			AtOffset(was).ForSetting("offset_reset").WithHint("set offset_reset to earliest or latest, or reset the stored offset")
	}
	reset := early || lost && cfg.OnEvicted != ResetError
	s.mu.Lock()
	s.next, s.upto, s.refused = next, upto, refused
	if reset {
		s.skipped += max(next-was, 0)
	}
	s.marks.begin(s.gen, next)
	s.mu.Unlock()
	if reset {
		s.consumer.emit(Event{Kind: OffsetReset, Topic: s.topic, Partition: s.partition, Offset: was, Next: next})
	}
	return nil
}

// resume is where reading starts with a stored offset: behind the last record that was processed, kept within what there is.
// lost: what comes behind that is not stored any more, or the log is shorter than it was.
func (p Position) resume(stored, start, end int64) (next int64, lost bool) {
	base := behind(stored)
	next = base
	switch n := max(p.N, 0); p.From {
	case FromEnd:
		next = max(next-n, 0)
	case FromBeginning:
		next += min(n, math.MaxInt64-next)
	}
	if base > max(start, end) {
		return base, true
	}
	if base < start && next < start {
		return next, true
	}
	return max(min(next, max(start, end)), start), false
}

// behind is the offset behind one that is stored.
func behind(stored int64) int64 { return min(stored, math.MaxInt64-1) + 1 }

// supports checks that a server can do what the consumer is set to.
func (c *Consumer) supports(conn *transport.Conn) error {
	if version, err := conn.Versions().For(wire.KeyStreamFetch); err == nil {
		if err := c.cfg.SmartModules.Fit(wire.KeyStreamFetch, version); err != nil {
			return err
		}
	}
	if c.streamID() == nil {
		return nil
	}
	_, err := conn.Versions().For(wire.KeyUpdateConsumerOffset)
	return err
}

// position is where reading goes on.
func (r Reset) position(l log) int64 {
	if r == ResetLatest {
		return l.end
	}
	return l.start
}

// find turns a position into an offset.
func (s *session) find(ctx context.Context, l log, p Position) (int64, error) {
	if p.From != FromTime {
		return p.resolve(l.start, l.end), nil
	}
	// Records without a time count as late enough: rather one too many than one too few.
	return s.search(ctx, l, func(h *wire.BatchHeader) bool { return h.MaxTimestamp < 0 || h.MaxTimestamp >= p.N })
}

// findEnd turns StopAt into an offset. For a time that is yet to come it starts the clock.
func (s *session) findEnd(ctx context.Context, l log) (int64, error) {
	switch stop := s.consumer.cfg.StopAt; stop.Kind {
	case StopEnd:
		return l.end, nil
	case StopOffset:
		return stop.Offset, nil
	case StopTime:
		upto, err := s.search(ctx, l, func(h *wire.BatchHeader) bool { return h.FirstTimestamp >= stop.Offset })
		if err != nil || upto < l.end {
			return upto, err
		}
		if left := time.Until(time.UnixMilli(stop.Offset)); left > 0 {
			s.ends = time.NewTimer(left)
			return math.MaxInt64, nil
		}
		return l.end, nil
	}
	return math.MaxInt64, nil
}

// whenTimeIsUp is what tells that StopTime has come; nil when the end is known.
func (s *session) whenTimeIsUp() <-chan time.Time {
	if s.ends == nil {
		return nil
	}
	return s.ends.C
}

// timeIsUp says whether StopTime has come and the end is yet to be found.
func (s *session) timeIsUp() bool {
	select {
	case <-s.whenTimeIsUp():
		return true
	default:
		return false
	}
}

// endNow finds the end after StopTime has come. When that fails it is tried again.
func (s *session) endNow(ctx context.Context) error {
	l, err := s.ask(ctx)
	if err == nil {
		s.ends.Stop()
		s.ends = nil
		var upto int64
		if upto, err = s.findEnd(ctx, l); err == nil {
			s.mu.Lock()
			s.upto = min(s.upto, upto)
			s.mu.Unlock()
			return nil
		}
	}
	s.ends = time.NewTimer(0)
	return err
}

// headerRoom is enough for the header of a batch.
const headerRoom = 512

// search gives the offset of the first stored batch for which late is true, and the end when there is none. It relies on
// times that rise with the offsets, which they do as far as the producers' clocks agree.
func (s *session) search(ctx context.Context, l log, late func(*wire.BatchHeader) bool) (int64, error) {
	low, high := l.start, l.end
	for low < high {
		at := low + (high-low)/2
		h, err := s.headerAt(ctx, l.conn, at)
		switch {
		case fluvioerr.CodeOf(err) == fluvioerr.OffsetEvicted:
			low = at + 1
		case err != nil:
			return 0, err
		case late(h):
			high = max(min(h.BaseOffset, at), low)
		default:
			low = max(h.NextOffset(), at+1)
		}
	}
	return min(low, l.end), nil
}

// headerAt fetches the header of the stored batch that holds an offset.
func (s *session) headerAt(ctx context.Context, conn *transport.Conn, offset int64) (*wire.BatchHeader, error) {
	var resp wire.FetchResponse
	if err := conn.Call(ctx, wire.KeyFetch, s.fetch(offset), &resp); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, fluvioerr.New(fluvioerr.Protocol, "consume", "the answer to Fetch does not fit the request")
	}
	p := resp.Topics[0].Partitions[0]
	if e := p.Error.Err("consume"); e != nil {
		return nil, e
	}
	h, err := wire.DecodeBatchHeader(p.Records)
	if err != nil {
		return nil, err
	}
	return &h, nil
}

// reaches gives the offset if it lies behind the high watermark and the log has come that far, else the high watermark: records
// that are not committed yet were read and noted, too, and no request tells the log's end.
func (s *session) reaches(ctx context.Context, l log, offset int64) (end int64, err error) {
	if offset <= l.end {
		return l.end, nil
	}
	req := s.fetch(offset)
	req.Isolation = wire.FetchReadUncommitted
	var resp wire.FetchResponse
	if err := l.conn.Call(ctx, wire.KeyFetch, req, &resp); err != nil {
		return 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fluvioerr.New(fluvioerr.Protocol, "consume", "the answer to Fetch does not fit the request")
	}
	e := resp.Topics[0].Partitions[0].Error.Err("consume")
	switch {
	case e == nil:
		return offset, nil
	case e.Code == fluvioerr.OffsetEvicted || e.Server == fluvioerr.ServerOther: // old servers have no code for it
		return l.end, nil
	}
	return 0, e
}

// fetch asks for what is at an offset, once, and for little of it.
func (s *session) fetch(offset int64) *wire.FetchRequest {
	return &wire.FetchRequest{MaxBytes: headerRoom, Isolation: s.consumer.cfg.Isolation, Topics: []wire.FetchTopic{{
		Name: s.topic, Partitions: []wire.FetchPartition{{Partition: uint32(s.partition), FetchOffset: offset, MaxBytes: headerRoom}},
	}}}
}

// isLost says whether an error may mean that the position is not stored, and the consumer has to go on elsewhere then.
func (s *session) isLost(err error) bool {
	if s.consumer.cfg.OnEvicted == ResetError {
		return false
	}
	e := fluvioerr.As(err)
	return e != nil && (e.Code == fluvioerr.OffsetEvicted || e.Server == fluvioerr.ServerOther && e.Code != fluvioerr.SmartModule) // old servers have no code for it
}

// reset goes on elsewhere after an error that says that the position, of gen, is not stored. It gives the error when that is not so. A
// position that the application chooses meanwhile counts.
func (s *session) reset(ctx context.Context, gen uint64, cause error) error {
	l, err := s.ask(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.gen != gen {
		s.mu.Unlock()
		return nil
	}
	was := s.next
	if was >= l.start && was <= max(l.end, s.leo) && fluvioerr.CodeOf(cause) != fluvioerr.OffsetEvicted {
		s.mu.Unlock()
		return cause
	}
	s.next = s.consumer.cfg.OnEvicted.position(l)
	next := s.next
	s.skipped += max(next-was, 0)
	s.marks.shift(was, next)
	s.mu.Unlock()
	s.consumer.emit(Event{Kind: OffsetReset, Topic: s.topic, Partition: s.partition, Offset: was, Next: next, Err: s.at(cause)})
	return nil
}

// skip passes over a stored batch that cannot be read.
func (s *session) skip(h *wire.BatchHeader, err error) {
	s.mu.Lock()
	s.skipped += int64(h.LastOffsetDelta) + 1
	s.mu.Unlock()
	s.marks.shift(h.BaseOffset, h.NextOffset())
	s.consumer.emit(Event{Kind: BatchSkipped, Topic: s.topic, Partition: s.partition, Offset: h.BaseOffset, Next: h.NextOffset(), Err: err})
}

// resolveRetrying is resolve until it works, an error is final, or ctx ends.
func (s *session) resolveRetrying(ctx context.Context) error {
	start := time.Now()
	backoff := transport.NewBackoff(s.consumer.cfg.RetryFirst, s.consumer.cfg.RetryMax)
	var last *fluvioerr.Error // of attempts that ctx did not end
	for {
		changed := s.consumer.cluster.Changed()
		err := s.resolve(ctx)
		if err == nil {
			return nil
		}
		cut := fluvioerr.CodeOf(err) == fluvioerr.Timeout && ctx.Err() != nil
		if !s.passing(err) || cut && last == nil {
			return s.at(err)
		}
		if !cut {
			last = fluvioerr.As(err)
		}
		if cut || !backoff.Wait(ctx, changed) {
			e := fluvioerr.FromContext(ctx, "consume", "the offsets of the partition", time.Since(start)).At(s.topic, s.partition)
			e.Message += ": " + last.Message
			e.Addr, e.Err = last.Addr, last
			return e
		}
	}
}
