package consume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// session reads one partition.
type session struct {
	consumer  *Consumer
	topic     string
	partition int32
	optional  bool // of a pattern: it is no error when the topic goes

	frames   []*frame // guarded by inbox.mu: received, not taken
	taking   *frame   // guarded by inbox.mu: the first of frames, while somebody takes records off it
	final    bool     // guarded by inbox.mu: the last frame is there
	buried   bool     // guarded by inbox.mu: brings nothing any more
	owed     bool     // guarded by inbox.mu: may not ask for more before the application has taken something
	paused   bool     // guarded by inbox.mu: the application wants nothing of it now
	withheld bool     // guarded by inbox.mu: may ask for more when it is no longer paused
	hushed   bool     // guarded by inbox.mu: counts for inbox.hushed
	told     int64    // guarded by inbox.mu: the record of the latest SmartModule's error that was given, -1 for none
	repeats  int64    // guarded by inbox.mu: the same when a pause made reading go back behind it: that error is not given again

	granted chan struct{} // capacity 1: owed may have ended
	resumed chan struct{} // capacity 1: paused may have ended
	marks   marks         // how far the application has come

	mu       sync.Mutex
	stop     context.CancelFunc // guarded by mu: ends run
	running  bool               // guarded by mu: run goes on
	gen      uint64             // guarded by mu: changes when the application chooses another position
	next     int64              // guarded by mu: the position to read from
	upto     int64              // guarded by mu: where reading ends, math.MaxInt64 for never
	refused  error              // guarded by mu: why reading cannot begin at next
	hw, leo  int64              // guarded by mu: the partition's high watermark and end, as the leader last said
	log      uint64             // guarded by mu: the Made of the partition that these are of, 0 unknown
	skipped  int64              // guarded by mu: offsets passed over by resets and because of damage
	maxBytes int32              // guarded by mu
	stream   *stream            // guarded by mu: the one that is open
	made     uint64             // guarded by mu: the Made of the partition that is read, 0 unknown
	wait     time.Duration      // guarded by mu: how long the next silent stream is waited for, 0 for orphanPatience
	ends     *time.Timer        // used by run: when StopTime comes, nil when upto is known
}

// stream is one StreamFetch of a session. Frames of an older stream of the same session are ignored.
type stream struct {
	session *session
	conn    *transport.Conn
	version int16
	id      uint32        // guarded by session.mu: the server's, 0 until the first frame
	asked   bool          // guarded by session.mu: the server may send one frame
	behind  time.Time     // guarded by session.mu: since when it was seen to owe records, zero when it does not
	silent  time.Time     // guarded by session.mu: the same, without SmartModules of all streams in a row on this connection that brought nothing
	probed  time.Time     // guarded by session.mu: when the server was asked for a sign of life, zero when it has given it
	probing bool          // guarded by session.mu: the request for that has no answer yet
	acked   time.Time     // guarded by session.mu: when the latest acknowledgement was sent, zero when an answer or a frame says that it has arrived
	good    chan struct{} // capacity 1: a frame without an error has come
	ended   chan struct{}
	once    sync.Once
	err     error // why it ended, set before ended is closed
}

// The ends of a stream that are no failures.
var (
	errReachedEnd = errors.New("reached stop_at")
	errMoved      = errors.New("the partition moved to another SPU")
	errLarger     = errors.New("a batch is larger than max_bytes")
	errSought     = errors.New("the application has chosen another position")
)

func (st *stream) end(err error) {
	st.once.Do(func() {
		st.err = err
		close(st.ended)
	})
}

// run reads until the session is stopped, reaches its end, or meets an error that no retry mends.
func (s *session) run() {
	c := s.consumer
	defer c.sessions.Done()
	ctx, stop := s.renew()
	defer func() { stop() }()
	backoff := transport.NewBackoff(c.cfg.RetryFirst, c.cfg.RetryMax)
	for {
		before, gen := s.situation()
		changed := c.cluster.Changed()
		well, err := s.open(ctx, gen, backoff.Attempt())
		if well || s.position() > before {
			backoff.Reset()
		}
		now := gen
		if ctx.Err() == nil {
			_, now = s.situation()
		}
		switch {
		case now != gen:
			continue // the application has chosen another position: what happened at the last one is of no interest
		case ctx.Err() != nil, errors.Is(err, errReachedEnd):
			if s.retire(gen, nil) {
				return
			}
			if ctx.Err() != nil {
				stop()
				ctx, stop = s.renew()
			}
			continue
		case errors.Is(err, errMoved), errors.Is(err, errLarger):
			continue
		case s.isGone(err):
			s.lose()
			continue // which finds ctx ended
		case s.isLost(err):
			if err = s.reset(ctx, gen, err); err == nil {
				continue
			}
		}
		again := s.passing(err)
		if again && c.cfg.MaxRetries > 0 && backoff.Attempt() >= c.cfg.MaxRetries {
			err, again = s.gaveUp(err, backoff.Attempt()), false
		}
		if !again {
			if s.retire(gen, &frame{session: s, err: s.at(err), fatal: true}) {
				return
			}
			continue
		}
		delay := max(backoff.Next(), fluvioerr.RetryAfter(err))
		c.emit(Event{Kind: PartitionRetry, Topic: s.topic, Partition: s.partition, Offset: s.position(), Attempt: backoff.Attempt(), Delay: delay, Err: s.at(err)})
		backoff.Sleep(ctx, delay, changed)
	}
}

// renew gives run a context of its own, which stop ends. Drain may have called the one before: then it has ended already.
func (s *session) renew() (context.Context, context.CancelFunc) {
	c := s.consumer
	ctx, stop := context.WithCancel(c.ctx)
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drained {
		stop()
	}
	return ctx, stop
}

// halt ends run, unless the application has chosen another position than that of gen. It does not wait.
func (s *session) halt(gen uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen == gen {
		s.stop()
	}
}

// retire notes that run ends, with a last frame for the application if there is one. False: the application has chosen
// another position meanwhile.
func (s *session) retire(gen uint64, last *frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen != gen && s.consumer.ctx.Err() == nil {
		return false
	}
	if last != nil {
		last.gen = gen
		s.consumer.inbox.put(s, last, false)
	}
	s.running = false
	return true
}

// gaveUp is the error of a partition that was tried often enough.
func (s *session) gaveUp(err error, attempts int) error {
	e := *fluvioerr.As(s.at(err))
	e.Message = fmt.Sprintf("gave up after %d retries: %s", attempts, e.Message)
	e.Err = err
	e.Detail = maps.Clone(e.Detail)
	return e.WithDetail(triedDetail, strconv.Itoa(attempts))
}

// triedDetail marks the error of a partition that was tried often enough: with the number of retries.
const triedDetail = "retries"

// isGone says whether a session ends without an error because its topic was deleted, which a pattern took.
func (s *session) isGone(err error) bool {
	return s.optional && topicIsGone(err) && !s.passing(err)
}

// topicIsGone says whether an error means that the topic does not exist.
func topicIsGone(err error) bool {
	if fluvioerr.CodeOf(err) != fluvioerr.NotFound {
		return false
	}
	server := fluvioerr.As(err).Server // of others it is not the topic that is missing, but a SmartModule
	return server == fluvioerr.ServerNone || server == fluvioerr.ServerTopicNotFound || server == fluvioerr.ServerTopicDeleted
}

// passing says whether an error goes away by itself.
func (s *session) passing(err error) bool { return s.consumer.cluster.Passing(s.topic, err) }

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
	next, _ := s.situation()
	return next
}

// situation is the position and what it belongs to.
func (s *session) situation() (next int64, gen uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next, s.gen
}

// refusal is why reading cannot begin at the position.
func (s *session) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// open opens a stream at the session's position and returns when it has ended. well: it did what it should. retries: how
// often that was tried in vain before.
func (s *session) open(ctx context.Context, gen uint64, retries int) (well bool, err error) {
	if err := s.refusal(); err != nil {
		return false, err
	}
	if s.timeIsUp() {
		if err := s.endNow(ctx); err != nil {
			return false, err
		}
	}
	if s.finish(gen) {
		return true, errReachedEnd
	}
	if err := s.awaitTurn(ctx); err != nil {
		return false, err
	}
	if err := s.replaced(); err != nil {
		return false, err
	}
	moves := s.moves() // before the leader: at worst the stream is opened once more than needed
	spu, err := s.consumer.cluster.Leader(s.topic, s.partition)
	if err != nil {
		return false, err
	}
	conn, err := s.consumer.cluster.Conn(ctx, spu, transport.Fetch, s.consumer.id)
	if err != nil {
		return false, err
	}
	version, err := conn.Versions().For(wire.KeyStreamFetch)
	if err != nil {
		return false, err
	}
	if err := s.consumer.cfg.SmartModules.Fit(wire.KeyStreamFetch, version); err != nil { // it may be another SPU than at first
		return false, err
	}
	st := &stream{session: s, conn: conn, version: version, asked: true, good: make(chan struct{}, 1), ended: make(chan struct{})}
	s.mu.Lock()
	if s.gen != gen {
		s.mu.Unlock()
		return false, errSought
	}
	if s.stream != nil && s.stream.conn == conn && len(s.consumer.cfg.SmartModules) == 0 { // a module begins again from the position
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
		return false, err
	}
	defer abandon()
	return st.watch(ctx, spu, moves, retries)
}

// watch waits until a stream ends, and looks meanwhile whether it is still the right one.
func (st *stream) watch(ctx context.Context, spu *cluster.SPU, moves uint64, retries int) (well bool, err error) {
	s, cl := st.session, st.session.consumer.cluster
	patience := max(s.consumer.cfg.RequestTimeout, time.Millisecond)
	look := time.NewTicker(max(min(patience, orphanPatience)/4, time.Millisecond))
	defer look.Stop()
	for {
		changed := cl.Changed()
		if now, err := cl.Leader(s.topic, s.partition); err == nil && (now.ID != spu.ID || now.Addr != spu.Addr || s.moves() != moves) {
			st.end(errMoved)
		}
		flows := false
		select {
		case <-ctx.Done():
			st.end(ctx.Err())
			return well, ctx.Err()
		case <-st.ended:
			select {
			case <-st.good:
				well = true
			default:
			}
			return well, st.err
		case <-st.good:
			flows = true
		case <-changed:
		case <-look.C:
			flows = st.checkSilence(patience)
		case <-s.whenTimeIsUp():
			if err := s.endNow(ctx); err != nil {
				st.end(err)
			} else if s.atEnd() {
				st.end(errMoved) // which looks at the end first
			}
		}
		if flows && !well {
			well = true
			if retries > 0 {
				s.consumer.emit(Event{Kind: PartitionResumed, Topic: s.topic, Partition: s.partition, Offset: s.position(), Attempt: retries})
			}
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

// goneMade is the made of a partition whose topic a server said was deleted.
const goneMade = math.MaxUint64

// replaced is the error of a partition whose topic was deleted and made anew since reading began: positions and offsets of the
// old one mean nothing there.
func (s *session) replaced() error {
	p := s.consumer.cluster.Partition(s.topic, s.partition)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p == nil || s.made == p.Made:
		return nil
	case s.made == 0:
		s.made = p.Made
		s.measure(p)
		return nil
	}
	return fluvioerr.FromServer(fluvioerr.ServerTopicDeleted, "consume", "it was deleted; what may have its name now is another topic").At(s.topic, s.partition).
		WithHint("open a consumer anew, or seek, to read a new topic of this name")
}

// measure forgets the watermarks of the log that a partition had before its topic was made anew: they only rise. s.mu is held.
func (s *session) measure(p *cluster.Partition) {
	if p != nil && s.log != p.Made {
		s.log, s.hw, s.leo = p.Made, 0, 0
	}
}

// awaitTurn waits until the session is not paused and the inbox has room for another frame. A stream's first frame needs no
// acknowledgement, so without this a connection that breaks again and again would fill the inbox of an application that does
// not take anything.
func (s *session) awaitTurn(ctx context.Context) error {
	for {
		var turn chan struct{}
		switch in := s.consumer.inbox; {
		case in.isPaused(s):
			turn = s.resumed
		case in.owes(s):
			turn = s.granted
		default:
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-turn:
		}
	}
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
// flows: it is open and owes nothing.
func (st *stream) checkSilence(patience time.Duration) (flows bool) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.consumer.cfg.SmartModules) > 0 {
		return st.checkProcessed(patience)
	}
	if !st.asked || s.stored() <= s.next {
		st.behind, st.silent = time.Time{}, time.Time{}
		return !st.isEnded()
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
		return false
	}
	wait, waited := min(max(s.wait, orphanPatience), patience), now.Sub(st.behind)
	if waited >= wait && quiet >= min(lineQuiet, wait) || waited >= busyFactor*wait {
		s.wait = 2 * wait
		st.end(silence)
	}
	return false
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
		return
	}
	select {
	case st.good <- struct{}{}:
	default:
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
		if p.Error.Code != fluvioerr.ServerSmartModuleRuntime || !s.consumer.inbox.knows(s, e.Offset) {
			serverErr = s.at(e)
		}
	}
	if len(p.Records) > 0 && !st.asked {
		return nil, false, s.at(fluvioerr.New(fluvioerr.Protocol, "consume", "the server sent records without being asked for more"))
	}
	st.asked, st.acked = false, time.Time{}
	whole, next, need, err := wholeBatches(p.Records, s.next)
	if err != nil {
		return nil, false, s.at(err)
	}
	if p.NextFilterOffset > 0 {
		next = p.NextFilterOffset
	}
	mends := serverErr != nil && (s.passing(serverErr) || s.isGone(serverErr) || s.isLost(serverErr))
	if len(whole) == 0 && mends {
		return nil, false, serverErr // the session goes on by itself
	}
	if len(whole) == 0 && serverErr == nil && need > 0 {
		return nil, false, s.enlarge(need)
	}
	f = &frame{session: s, received: time.Now(), buffer: buf, records: whole, hw: p.HighWatermark, from: s.next, upto: s.upto, bytes: int64(buf.Size()), err: serverErr, gen: s.gen}
	if len(s.consumer.cfg.SmartModules) > 0 {
		f.from, f.upto, f.processed = math.MinInt64, math.MaxInt64, true
	}
	s.consumer.arrived(f.bytes)
	s.hw, s.leo = max(s.hw, p.HighWatermark), max(s.leo, p.HighWatermark, next)
	s.next = max(s.next, next)
	switch {
	case mends:
		f.err = nil
		return f, false, serverErr
	case serverErr != nil && p.Error.Code != fluvioerr.ServerSmartModuleRuntime:
		if f.fatal = true; topicIsGone(serverErr) {
			s.made = goneMade
		}
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

// finish tells the application that this partition was read to its end, if so.
func (s *session) finish(gen uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen != gen || s.next < s.upto {
		return false
	}
	s.consumer.inbox.put(s, &frame{session: s, done: true, gen: gen}, false)
	return true
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
	s.signal(s.granted)
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
	var sent time.Time
	if len(s.consumer.cfg.SmartModules) > 0 { // checkSilence does without
		sent = time.Now()
		st.acked = sent
	}
	req := wire.UpdateOffsetsRequest{Offsets: []wire.OffsetUpdate{{Offset: s.next, SessionID: st.id}}}
	s.mu.Unlock()
	body, err := wire.Append(nil, 0, &req)
	if err != nil {
		st.end(err)
		return
	}
	st.conn.Go(s.consumer.ctx, wire.KeyUpdateOffsets, 0, [][]byte{body}, func(buf *transport.Buffer, body []byte, err error) {
		if err == nil {
			defer buf.Release()
			var resp wire.UpdateOffsetsResponse
			if _, err = wire.Decode(body, 0, &resp); err == nil && len(resp.Status) > 0 {
				if e := resp.Status[0].Error.Err("consume"); e != nil {
					err = e
				}
			}
		}
		if err != nil {
			st.end(err)
			return
		}
		if sent.IsZero() {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if st.acked.Equal(sent) { // a frame may come before this answer, and be acknowledged
			st.acked = time.Time{}
		}
	})
}
