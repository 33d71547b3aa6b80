package consume

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// session reads one partition.
type session struct {
	consumer  *Consumer
	topic     string
	partition int32
	stop      context.CancelFunc

	frames []*frame // guarded by inbox.mu: received, not taken
	taking *frame   // guarded by inbox.mu: the first of frames, while somebody takes records off it
	buried bool     // guarded by inbox.mu: brings nothing any more
	owed   bool     // guarded by inbox.mu: may not ask for more before the application has taken something

	granted chan struct{} // capacity 1: owed may have ended
	marks   marks         // how far the application has come

	mu       sync.Mutex
	next     int64         // guarded by mu: the position to read from
	upto     int64         // guarded by mu: where reading ends, math.MaxInt64 for never
	maxBytes int32         // guarded by mu
	stream   *stream       // guarded by mu: the one that is open
	wait     time.Duration // guarded by mu: how long the next silent stream is waited for, 0 for orphanPatience
}

// stream is one StreamFetch of a session. Frames of an older stream of the same session are ignored.
type stream struct {
	session *session
	conn    *transport.Conn
	version int16
	id      uint32    // guarded by session.mu: the server's, 0 until the first frame
	asked   bool      // guarded by session.mu: the server may send one frame
	behind  time.Time // guarded by session.mu: since when it was seen to owe records, zero when it does not
	silent  time.Time // guarded by session.mu: the same, of all streams in a row on this connection that brought nothing
	probed  time.Time // guarded by session.mu: when the server was asked for a sign of life, zero when it has given it
	ended   chan struct{}
	once    sync.Once
	err     error // why it ended, set before ended is closed
}

// The ends of a stream that are no failures.
var (
	errReachedEnd = errors.New("reached stop_at")
	errMoved      = errors.New("the partition moved to another SPU")
	errLarger     = errors.New("a batch is larger than max_bytes")
)

func (st *stream) end(err error) {
	st.once.Do(func() {
		st.err = err
		close(st.ended)
	})
}

// run reads until the session is stopped, reaches its end, or meets an error that no retry mends.
func (s *session) run(ctx context.Context) {
	backoff := transport.NewBackoff(s.consumer.cfg.RetryFirst, s.consumer.cfg.RetryMax)
	for {
		before := s.position()
		changed := s.consumer.cluster.Changed()
		err := s.open(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errReachedEnd):
			return
		case errors.Is(err, errMoved), errors.Is(err, errLarger):
			continue
		case !s.passing(err):
			s.consumer.inbox.put(s, &frame{session: s, err: s.at(err), fatal: true}, false)
			return
		}
		if s.position() > before {
			backoff.Reset()
		}
		if !backoff.Wait(ctx, changed) {
			return
		}
	}
}

// passing says whether an error goes away by itself.
func (s *session) passing(err error) bool {
	e := fluvioerr.As(err)
	if e == nil {
		return false
	}
	if e.Server == fluvioerr.ServerTopicNotFound {
		return s.consumer.cluster.Snapshot().Topics[s.topic] != nil
	}
	return fluvioerr.Retriable(err)
}

// at completes an error with topic and partition.
func (s *session) at(err error) error {
	e := fluvioerr.As(err)
	if e == nil {
		e = fluvioerr.Wrap(fluvioerr.Internal, "consume", err)
	}
	own := *e
	own.Op = "consume"
	return own.At(s.topic, s.partition)
}

func (s *session) position() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// open opens a stream at the session's position and returns when it has ended.
func (s *session) open(ctx context.Context) error {
	if s.atEnd() {
		s.finish()
		return errReachedEnd
	}
	if err := s.awaitCredit(ctx); err != nil {
		return err
	}
	moves := s.moves() // before the leader: at worst the stream is opened once more than needed
	spu, err := s.consumer.cluster.Leader(s.topic, s.partition)
	if err != nil {
		return err
	}
	conn, err := s.consumer.cluster.Conn(ctx, spu, transport.Fetch, s.consumer.id)
	if err != nil {
		return err
	}
	version, err := conn.Versions().For(wire.KeyStreamFetch)
	if err != nil {
		return err
	}
	st := &stream{session: s, conn: conn, version: version, asked: true, ended: make(chan struct{})}
	s.mu.Lock()
	if s.stream != nil && s.stream.conn == conn {
		st.silent = s.stream.silent
	}
	s.stream = st
	req := &wire.StreamFetchRequest{
		Topic: s.topic, Partition: uint32(s.partition), FetchOffset: s.next, MaxBytes: s.maxBytes, Isolation: s.consumer.cfg.Isolation,
		ConsumerID: s.consumer.streamID(), SmartModules: s.consumer.cfg.SmartModules,
	}
	s.mu.Unlock()
	abandon, err := conn.Stream(wire.KeyStreamFetch, version, req, st.receive)
	if err != nil {
		return err
	}
	defer abandon()
	patience := max(s.consumer.cfg.RequestTimeout, time.Millisecond)
	look := time.NewTicker(max(min(patience, orphanPatience)/4, time.Millisecond))
	defer look.Stop()
	for {
		changed := s.consumer.cluster.Changed()
		if now, err := s.consumer.cluster.Leader(s.topic, s.partition); err == nil && (now.ID != spu.ID || now.Addr != spu.Addr || s.moves() != moves) {
			st.end(errMoved)
		}
		select {
		case <-ctx.Done():
			st.end(ctx.Err())
			return ctx.Err()
		case <-st.ended:
			return st.err
		case <-changed:
		case <-look.C:
			st.checkSilence(patience)
		}
	}
}

// moves is the partition's Moves, 0 while it is unknown.
func (s *session) moves() uint64 {
	if p := s.consumer.cluster.Partition(s.topic, s.partition); p != nil {
		return p.Moves
	}
	return 0
}

// awaitCredit waits until the inbox has room for another frame. A stream's first frame needs no acknowledgement, so without
// this a connection that breaks again and again would fill the inbox of an application that does not take anything.
func (s *session) awaitCredit(ctx context.Context) error {
	for s.consumer.inbox.owes(s) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.granted:
		}
	}
	return nil
}

// How long a stream that owes records may bring nothing until it is opened anew, which loses nothing; at most the request
// timeout. It doubles while that does not help, so that a slow SPU is not asked again and again.
const (
	orphanPatience = 2 * time.Second
	lineQuiet      = orphanPatience / 8 // no byte for so long: no frame is just arriving
	busyFactor     = 4                  // so much longer when bytes arrive all the time: they are other streams'
)

// checkSilence ends a stream that brings nothing although the SC knows of records that it should bring. That happens when
// leadership went away and came back before this client heard of it, which leaves the stream orphaned, or when an SPU hangs.
// A frame that takes its time on a slow line is no silence: bytes arrive. A connection without a byte for patience is dead.
func (st *stream) checkSilence(patience time.Duration) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.consumer.cfg.SmartModules) > 0 {
		st.checkProcessed(patience)
		return
	}
	if !st.asked || s.stored() <= s.next {
		st.behind, st.silent = time.Time{}, time.Time{}
		return
	}
	now, quiet := time.Now(), st.conn.Quiet()
	if st.behind.IsZero() {
		st.behind = now
	}
	if st.silent.IsZero() {
		st.silent = now
	}
	silence := fluvioerr.NewTimeout("consume", "records that the cluster says there are", now.Sub(st.silent)).AtAddr(st.conn.Key().Addr)
	if now.Sub(st.silent) >= patience && quiet >= patience {
		st.conn.Fail(silence)
		return
	}
	wait, waited := min(max(s.wait, orphanPatience), patience), now.Sub(st.behind)
	if waited >= wait && quiet >= min(lineQuiet, wait) || waited >= busyFactor*wait {
		s.wait = 2 * wait
		st.end(silence)
	}
}

// stored is the offset up to which the SC knows of records that the session may read.
func (s *session) stored() int64 {
	p := s.consumer.cluster.Partition(s.topic, s.partition)
	if p == nil {
		return 0
	}
	hw, end := p.Offsets()
	if s.consumer.cfg.Isolation == wire.FetchReadCommitted {
		end = hw
	}
	return end
}

// heard notes that a stream brought a frame. Streams are waited for as briefly as at first only after a frame that came in
// time: where every frame takes long, each would be asked for several times. s.mu is held.
func (s *session) heard(st *stream) {
	if st.behind.IsZero() || time.Since(st.behind) < orphanPatience {
		s.wait = 0
	}
	st.behind, st.silent = time.Time{}, time.Time{}
}

// receive takes a frame on the connection's reader: it must not block.
func (st *stream) receive(buf *transport.Buffer, body []byte, err error) {
	if err != nil {
		st.end(err)
		return
	}
	var m wire.StreamFetchResponse
	if _, err := wire.Decode(body, st.version, &m); err != nil {
		buf.Release()
		st.end(err)
		return
	}
	s := st.session
	s.mu.Lock()
	if s.stream != st || st.isEnded() {
		s.mu.Unlock()
		buf.Release()
		return
	}
	f, credit, err := s.accept(st, &m, buf)
	if f != nil {
		// Under the lock: the next stream's frames, from another connection's reader, must not overtake this one.
		credit = s.consumer.inbox.put(s, f, credit)
	} else {
		buf.Release()
	}
	s.mu.Unlock()
	if credit {
		st.acknowledge()
	}
	if err != nil {
		st.end(err)
	}
}

func (st *stream) isEnded() bool {
	select {
	case <-st.ended:
		return true
	default:
		return false
	}
}

// accept turns what the server said into a frame for the application, moves the position, and says whether to ask for more
// or why the stream is over. s.mu is held.
func (s *session) accept(st *stream, m *wire.StreamFetchResponse, buf *transport.Buffer) (f *frame, credit bool, err error) {
	s.heard(st)
	p := &m.Partition
	if p.Partition != uint32(s.partition) {
		return nil, false, s.at(fluvioerr.New(fluvioerr.Protocol, "consume", "a frame of partition %d came on this partition's stream", p.Partition))
	}
	st.id = m.StreamID
	var serverErr error
	if e := p.Error.Err("consume"); e != nil {
		s.consumer.cfg.SmartModules.Explain(e)
		serverErr = s.at(e)
	}
	if len(p.Records) > 0 && !st.asked {
		return nil, false, s.at(fluvioerr.New(fluvioerr.Protocol, "consume", "the server sent records without being asked for more"))
	}
	st.asked = false
	whole, next, need, err := wholeBatches(p.Records, s.next)
	if err != nil {
		return nil, false, s.at(err)
	}
	if p.NextFilterOffset > 0 {
		next = p.NextFilterOffset
	}
	if len(whole) == 0 && serverErr != nil && s.passing(serverErr) {
		return nil, false, serverErr // the session tries again by itself
	}
	if len(whole) == 0 && serverErr == nil && need > 0 {
		return nil, false, s.enlarge(need)
	}
	f = &frame{session: s, buffer: buf, records: whole, hw: p.HighWatermark, from: s.next, upto: s.upto, bytes: int64(buf.Size()), err: serverErr}
	if len(s.consumer.cfg.SmartModules) > 0 {
		f.from, f.upto, f.processed = math.MinInt64, math.MaxInt64, true
	}
	s.next = max(s.next, next)
	switch {
	case serverErr != nil && s.passing(serverErr):
		f.err = nil
		return f, false, serverErr
	case serverErr != nil && p.Error.Code != fluvioerr.ServerSmartModuleRuntime:
		f.fatal = true
		return f, false, errReachedEnd
	case s.next >= s.upto:
		f.done = true
		return f, false, errReachedEnd
	case len(whole) == 0 && serverErr == nil:
		return nil, true, nil
	}
	return f, true, nil
}

// largestBatch is the largest stored batch that can be received: the frame around it has a header and the topic's name.
const largestBatch = wire.DefaultMaxFrame - 1<<10

// enlarge makes the next stream ask for frames that hold a batch of need bytes, or of more when the server has cut it where
// it need not have. It gives the reason why the present stream is over. s.mu is held.
func (s *session) enlarge(need int) error {
	if need <= int(s.maxBytes) {
		need = min(int(s.maxBytes)*2, largestBatch)
	}
	if need > largestBatch || int(s.maxBytes) >= largestBatch {
		return s.at(fluvioerr.New(fluvioerr.TooLarge, "consume", "a stored batch of %d bytes is larger than what a frame can hold, %d", need, largestBatch).
			AtOffset(s.next).WithHint("start behind this batch"))
	}
	s.maxBytes = int32(need)
	return errLarger
}

// wholeBatches finds the end of the last whole batch of a record set, and the offset behind it. need is the size from which
// on the first batch would be whole, when none is. Offsets that run backwards or out of range are an error: nothing behind
// them can be trusted.
func wholeBatches(records []byte, from int64) (whole []byte, next int64, need int, err error) {
	rest, next, last := records, from, int64(0)
	for len(rest) > 0 {
		h, _, after, n, ok, err := wire.NextBatch(rest)
		if err != nil {
			return nil, from, 0, err
		}
		if !ok {
			if len(rest) == len(records) {
				need = n
			}
			break
		}
		rest = after
		if h.LastOffsetDelta < 0 {
			continue // without records: it stands beside the error of a SmartModule
		}
		if h.BaseOffset < last || h.BaseOffset > math.MaxInt64-math.MaxInt32-1 {
			return nil, from, 0, fluvioerr.New(fluvioerr.Protocol, "decode batch", "a batch begins at offset %d, the one before ends at %d", h.BaseOffset, last-1)
		}
		last = h.NextOffset()
		next = last
	}
	return records[:len(records)-len(rest)], next, need, nil
}

// finish tells the application that this partition was read to its end.
func (s *session) finish() {
	s.consumer.inbox.put(s, &frame{session: s, done: true}, false)
}

// atEnd says whether everything up to stop_at was received.
func (s *session) atEnd() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next >= s.upto
}

// giveCredit is called when the inbox no longer owes: the stream that is open asks for the next frame, or the session may
// open one.
func (s *session) giveCredit() {
	select {
	case s.granted <- struct{}{}:
	default:
	}
	s.mu.Lock()
	st := s.stream
	s.mu.Unlock()
	if st != nil && !st.isEnded() {
		st.acknowledge()
	}
}

// acknowledge sends the session's position, which asks the server to go on from there. It does nothing when a frame is on
// its way already.
func (st *stream) acknowledge() {
	s := st.session
	s.mu.Lock()
	if st.asked {
		s.mu.Unlock()
		return
	}
	st.asked = true
	req := wire.UpdateOffsetsRequest{Offsets: []wire.OffsetUpdate{{Offset: s.next, SessionID: st.id}}}
	s.mu.Unlock()
	body, err := wire.Append(nil, 0, &req)
	if err != nil {
		st.end(err)
		return
	}
	st.conn.Go(wire.KeyUpdateOffsets, 0, [][]byte{body}, func(_ *transport.Buffer, body []byte, err error) {
		if err == nil {
			var resp wire.UpdateOffsetsResponse
			if _, err = wire.Decode(body, 0, &resp); err == nil && len(resp.Status) > 0 {
				if e := resp.Status[0].Error.Err("consume"); e != nil {
					err = e
				}
			}
		}
		if err != nil {
			st.end(err)
		}
	})
}

// resolve asks the leader for the partition's offsets and sets start and end of the session.
func (s *session) resolve(ctx context.Context) error {
	spu, err := s.consumer.cluster.Leader(s.topic, s.partition)
	if err != nil {
		return err
	}
	conn, err := s.consumer.cluster.Conn(ctx, spu, transport.Fetch, s.consumer.id)
	if err != nil {
		return err
	}
	if err := s.consumer.supports(conn); err != nil {
		return err
	}
	req := &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: s.topic, Partitions: []uint32{uint32(s.partition)}}}}
	var resp wire.FetchOffsetsResponse
	if err := conn.Call(ctx, wire.KeyFetchOffsets, req, &resp); err != nil {
		return err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].Partition != uint32(s.partition) {
		return fluvioerr.New(fluvioerr.Protocol, "consume", "the answer to FetchOffsets does not fit the request")
	}
	p := resp.Topics[0].Partitions[0]
	if e := p.Error.Err("consume"); e != nil {
		return e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = s.consumer.cfg.Start.resume(s.marks.stored, p.StartOffset, p.LastStableOffset)
	switch s.consumer.cfg.StopAt.Kind {
	case StopEnd:
		s.upto = p.LastStableOffset
	case StopOffset:
		s.upto = s.consumer.cfg.StopAt.Offset
	default:
		s.upto = math.MaxInt64
	}
	return nil
}

// resolveRetrying is resolve until it works, an error is final, or ctx ends.
func (s *session) resolveRetrying(ctx context.Context) error {
	start := time.Now()
	backoff := transport.NewBackoff(s.consumer.cfg.RetryFirst, s.consumer.cfg.RetryMax)
	for {
		changed := s.consumer.cluster.Changed()
		err := s.resolve(ctx)
		if err == nil {
			return nil
		}
		if !s.passing(err) || fluvioerr.CodeOf(err) == fluvioerr.Timeout && ctx.Err() != nil {
			return s.at(err)
		}
		if !backoff.Wait(ctx, changed) {
			last := fluvioerr.As(err)
			e := fluvioerr.FromContext(ctx, "consume", "the offsets of the partition", time.Since(start)).At(s.topic, s.partition)
			e.Message += ": " + last.Message
			e.Addr, e.Err = last.Addr, last
			return e
		}
	}
}
