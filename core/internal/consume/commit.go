package consume

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Stored offsets. What is stored for a partition is the offset of the last record processed; the server keeps it under the
// id of the consumer that the partition's stream was opened with, so it is sent on that stream's connection with that
// stream's id. A stream has no id before its first frame, and there is none while there is nothing new to read: then a
// second stream is opened at the record that is to be stored, which has a first frame for certain.

// Strategy says who stores offsets.
type Strategy uint8

// The strategies.
const (
	StrategyNone   Strategy = iota // nobody
	StrategyManual                 // Commit and CommitOffset
	StrategyAuto                   // also every FlushEvery, and Close
)

// parallelCommits bounds how many partitions wait for their answers at a time.
const parallelCommits = 64

// noOffset stands for no record.
const noOffset = -1

// marks are how far the application has come in a partition: offsets of records, noOffset before the first. They only rise,
// until Seek starts them anew.
type marks struct {
	mu       sync.Mutex
	gen      uint64 // guarded by mu: the session's, which changes when the application chooses another position
	position int64  // guarded by mu: where the application goes on reading
	taken    int64  // guarded by mu: the last record that was taken, handed out or not
	spans    []span // guarded by mu: of the processed batches that were taken
	given    int64  // guarded by mu: the last record the application got
	done     int64  // guarded by mu: the last one that Commit stores
	settled  int64  // guarded by mu: the last one that auto stores
	stored   int64  // guarded by mu: what the store has, as far as is known; changed only by whose turn of Consumer.committing it is
	doubt    bool   // guarded by mu: storing failed, so the store may have something else
	auto     int64  // guarded by mu: up to here auto has nothing to do

	// The rest belongs to whose turn of Consumer.committing it is.
	route route // where an offset was stored last, when that was not the stream itself
	avoid route // a stream's that did not work
}

// route is a stream that offsets can be stored through.
type route struct {
	conn *transport.Conn
	id   uint32
}

func (m *marks) init() {
	m.taken, m.given, m.done, m.settled, m.stored, m.auto = noOffset, noOffset, noOffset, noOffset, noOffset, noOffset
}

// begin sets the position; reading has not begun there. Whoever goes back wants what comes from there on to be stored again.
func (m *marks) begin(gen uint64, position int64) {
	m.mu.Lock()
	m.gen, m.position = gen, position
	m.taken, m.given, m.done, m.settled, m.auto = noOffset, noOffset, noOffset, noOffset, noOffset
	m.spans = nil
	m.mu.Unlock()
}

// renew makes what was taken under an earlier gen stale; the position stays.
func (m *marks) renew(gen uint64) {
	m.mu.Lock()
	m.gen, m.taken, m.spans = gen, m.given, nil
	m.mu.Unlock()
}

// giveBack takes back that the application got the records from an offset on.
func (m *marks) giveBack(next int64) {
	m.mu.Lock()
	m.position = min(m.position, m.goOn(next))
	m.given, m.done, m.settled = min(m.given, next-1), min(m.done, next-1), min(m.settled, next-1)
	m.mu.Unlock()
}

// take notes that a batch was taken.
func (m *marks) take(b *Batch) {
	m.mu.Lock()
	if b.gen == m.gen {
		m.taken = max(m.taken, b.lastOffset())
		if b.processed {
			m.spans = append(m.spans, span{b.segments[0].header.BaseOffset, b.lastOffset() + 1})
		}
	}
	m.mu.Unlock()
}

// ahead says whether records were taken that are not handed out.
func (m *marks) ahead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken >= m.position
}

// where gives the position.
func (m *marks) where() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position
}

// shift moves the position over what is not there, unless the application has still to get what comes before.
func (m *marks) shift(from, to int64) {
	m.mu.Lock()
	if m.position == from {
		m.position = to
	}
	m.mu.Unlock()
}

// handOut notes that the application got the records of a batch up to an offset, and that reading would go on at position.
// came: it came for them, so is done with those before. False: it has chosen another position meanwhile, and must not get
// them.
func (m *marks) handOut(b *Batch, offset, position int64, came bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.gen != m.gen {
		return false
	}
	if came {
		m.settled = max(m.settled, m.done)
	}
	m.given, m.done = max(m.given, offset), max(m.done, offset)
	m.advance(position)
	return true
}

// behind is where reading goes on behind the first n records. Not behind an offset that more of them have.
func (b *Batch) behind(n int) int64 {
	offset := b.Cols.Offset[n-1]
	if n < b.count && b.Cols.Offset[n] == offset {
		return offset
	}
	return offset + 1
}

// HandOut notes that the application gets the whole batch. False: the batch is Stale.
func (b *Batch) HandOut() bool {
	return b.session.marks.handOut(b, b.lastOffset(), b.lastOffset()+1, false)
}

// HandOutTo notes that the application gets the first n records. False: the batch is Stale.
func (b *Batch) HandOutTo(n int) bool {
	return b.session.marks.handOut(b, b.Cols.Offset[n-1], b.behind(n), false)
}

// HandOutRecord notes that the application gets the i-th record, and came for it, so is done with those before it. False:
// the batch is Stale.
func (b *Batch) HandOutRecord(i int) bool {
	return b.session.marks.handOut(b, b.Cols.Offset[i], b.behind(i+1), true)
}

// reached is a view of the marks.
type reached struct {
	gen                                uint64
	given, done, settled, stored, auto int64
	doubt                              bool
}

func (m *marks) read() reached {
	m.mu.Lock()
	defer m.mu.Unlock()
	return reached{m.gen, m.given, m.done, m.settled, m.stored, m.auto, m.doubt}
}

// Stale says whether the application has chosen another position of the partition since the batch was read.
func (b *Batch) Stale() bool {
	m := &b.session.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gen != b.gen
}

// lastOffset is the offset of the last record; of a batch that is not decoded, one behind which the next record comes.
func (b *Batch) lastOffset() int64 {
	if b.Cols.Offset != nil {
		return b.Cols.Offset[b.count-1]
	}
	return min(b.segments[len(b.segments)-1].header.NextOffset(), b.upto) - 1
}

// Tail is the batch without its first n records, which takes its place. It shares the memory, and releasing it leaves those
// that the application got of the first n as they are.
func (b *Batch) Tail(n int) *Batch {
	tail := *b
	if n > 0 && tail.buffer != nil {
		tail.buffer.Retain()
	}
	c := &tail.Cols
	c.Offset, c.Timestamp = c.Offset[n:], c.Timestamp[n:]
	c.KeyPos, c.KeyLen, c.ValuePos, c.ValueLen = c.KeyPos[n:], c.KeyLen[n:], c.ValuePos[n:], c.ValueLen[n:]
	tail.count -= n
	return &tail
}

// Settle makes auto store what was handed out up to now: the application has come back for more.
func (c *Consumer) Settle() {
	if c.cfg.Strategy != StrategyAuto {
		return
	}
	for _, s := range c.every() {
		m := &s.marks
		m.mu.Lock()
		m.settled = max(m.settled, m.done)
		m.mu.Unlock()
	}
}

// HandedOut is for callers who read ahead of their application: it got the records up to given, and is done with those up
// to done. A partition that the consumer does not read is ignored.
func (c *Consumer) HandedOut(topic string, partition int32, given, done int64) {
	if s := c.session(topic, partition); s != nil {
		m := &s.marks
		m.mu.Lock()
		m.given, m.done, m.settled = max(m.given, given, done), max(m.done, done), max(m.settled, done)
		m.advance(m.given + 1)
		m.mu.Unlock()
	}
}

// commit is an offset to store.
type commit struct {
	session *session
	gen     uint64 // the session's when the offset was decided on
	offset  int64
	chosen  bool // by the application: auto leaves it as it is until there is progress
	settled bool // what auto has to store when the turn comes, instead
}

// Commit stores, for every partition, the last record handed out before the call, and waits for the answers. Partitions that
// have not moved since the last time cost nothing. The error is that of the first partition that failed; the others are
// stored. It ends with ctx.
func (c *Consumer) Commit(ctx context.Context) error { return c.BeginCommit()(ctx) }

// BeginCommit is the part of Commit that does not wait: it decides what is stored, and takes its place behind the commits that were
// called before. The function that it gives is the rest, and has to be called.
func (c *Consumer) BeginCommit() (carryOut func(context.Context) error) {
	if err := c.mayCommit(); err != nil {
		return func(context.Context) error { return err }
	}
	return c.begin(func() (wanted []commit) {
		for _, s := range c.every() {
			if at := s.marks.read(); at.done != noOffset {
				wanted = append(wanted, commit{session: s, gen: at.gen, offset: at.done})
			}
		}
		return wanted
	})
}

// begin takes the turns for what decide gives. The cluster stores partitions one by one, so that each has a turn of its own and waits
// for nothing but itself; other stores have all stored at once.
func (c *Consumer) begin(decide func() []commit) (carryOut func(context.Context) error) {
	var wanted []commit
	turns := c.committing.join(func() []*session {
		wanted = decide()
		if c.cfg.Store != nil {
			return nil
		}
		sessions := make([]*session, len(wanted)) // not nil
		for i, w := range wanted {
			sessions[i] = w.session
		}
		return sessions
	})
	return func(ctx context.Context) error { return c.commitAll(ctx, turns, wanted) }
}

// CommitOffset stores an offset of one partition, which may be lower than what is stored, but not higher than what was
// handed out.
func (c *Consumer) CommitOffset(ctx context.Context, topic string, partition int32, offset int64) error {
	return c.BeginCommitOffset(topic, partition, offset)(ctx)
}

// BeginCommitOffset is to CommitOffset what BeginCommit is to Commit.
func (c *Consumer) BeginCommitOffset(topic string, partition int32, offset int64) (carryOut func(context.Context) error) {
	wanted, err := c.choose(topic, partition, offset)
	if err != nil {
		return func(context.Context) error { return err }
	}
	return c.begin(func() []commit { return []commit{wanted} })
}

// choose checks an offset that the application wants stored.
func (c *Consumer) choose(topic string, partition int32, offset int64) (wanted commit, err error) {
	if err := c.mayCommit(); err != nil {
		return wanted, err
	}
	s, err := c.wanted("commit", topic, partition)
	if err != nil {
		return wanted, err
	}
	bad := func(format string, args ...any) (commit, error) {
		return wanted, fluvioerr.New(fluvioerr.InvalidArgument, "commit", format, args...).At(topic, partition)
	}
	at := s.marks.read()
	switch {
	case offset < 0:
		return bad("offset %d is negative", offset)
	case at.given == noOffset:
		return bad("offset %d cannot be stored: no record of the partition was handed out yet", offset)
	case offset > at.given:
		return bad("offset %d cannot be stored: the last record handed out has offset %d", offset, at.given)
	}
	return commit{session: s, gen: at.gen, offset: offset, chosen: true}, nil
}

// mayCommit says why offsets cannot be stored.
func (c *Consumer) mayCommit() error {
	if c.cfg.Strategy == StrategyNone {
		return fluvioerr.New(fluvioerr.InvalidState, "commit", "offset_strategy is none: this consumer stores no offsets").ForSetting("offset_strategy").
			WithHint("open the consumer with consumer_id, and with offset_strategy manual or auto")
	}
	return nil
}

// commitSettled stores what auto has to store.
func (c *Consumer) commitSettled(ctx context.Context) error {
	return c.begin(func() (wanted []commit) {
		for _, s := range c.every() {
			if at := s.marks.read(); at.settled > at.auto {
				wanted = append(wanted, commit{session: s, settled: true})
			}
		}
		return wanted
	})(ctx)
}

// commitAll stores what is wanted, in the order of the turns, so that no offset comes to lie over one that was decided on later; many
// partitions at a time.
func (c *Consumer) commitAll(ctx context.Context, turns []*turn, wanted []commit) error {
	start := time.Now()
	if c.ctx.Err() != nil {
		for _, t := range turns {
			t.leave()
		}
		return c.commitEnded(ctx, 0)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	if c.cfg.Store != nil {
		defer turns[0].leave()
		if !turns[0].wait(ctx) || c.ctx.Err() != nil {
			return c.commitEnded(ctx, time.Since(start))
		}
		var moved []commit
		for _, w := range wanted {
			if w.moves() {
				moved = append(moved, w)
			}
		}
		return c.saveAll(ctx, moved, start)
	}
	errs := make([]error, len(wanted))
	done := make(chan struct{}, len(wanted))
	for i := range wanted {
		if turns[i].comes() && !wanted[i].moves() { // costs no goroutine
			turns[i].leave()
			done <- struct{}{}
			continue
		}
		go func() {
			errs[i] = c.commitOne(ctx, turns[i], &wanted[i], start)
			done <- struct{}{}
		}()
	}
	for range wanted {
		<-done
	}
	return c.firstOf(ctx, errs, time.Since(start))
}

// commitOne stores one offset on the cluster when it is its turn.
func (c *Consumer) commitOne(ctx context.Context, turn *turn, w *commit, start time.Time) error {
	defer turn.leave()
	if !turn.wait(ctx) || c.ctx.Err() != nil {
		return fluvioerr.As(c.commitEnded(ctx, time.Since(start))).At(w.session.topic, w.session.partition)
	}
	if !w.moves() {
		return nil
	}
	err := w.session.store(ctx, w.offset)
	if err == nil {
		w.stored()
	} else {
		w.failed()
	}
	if w.isOver(err) {
		return nil
	}
	return err
}

// isOver says whether an offset cannot be stored because the topic, which a pattern took, was deleted meanwhile: that is an error only
// for who has named the partition.
func (w *commit) isOver(err error) bool { return !w.chosen && w.session.isGone(err) }

// moves says, now that it is its turn, whether there is anything to store.
func (w *commit) moves() bool {
	at := w.session.marks.read()
	if w.settled {
		w.gen, w.offset = at.gen, at.settled
		if at.settled <= at.auto {
			return false
		}
	}
	if w.offset == at.stored && !at.doubt {
		w.stored()
		return false
	}
	return true
}

// failed notes that the store may have the offset, or not.
func (w *commit) failed() {
	m := &w.session.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubt = true
}

// stored notes that the store has the offset.
func (w *commit) stored() {
	m := &w.session.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stored, m.doubt = w.offset, false
	if w.gen != m.gen {
		return // the application reads elsewhere meanwhile
	}
	m.auto = max(m.auto, w.offset)
	if w.chosen {
		m.auto = max(m.auto, m.settled)
	}
}

// saveAll stores offsets in a store that is not the cluster.
func (c *Consumer) saveAll(ctx context.Context, moved []commit, start time.Time) error {
	var lost error // of partitions whose topic was made anew: theirs would be taken for the new one's
	moved = slices.DeleteFunc(moved, func(w commit) bool {
		err := w.session.storable()
		if err != nil && !w.isOver(err) {
			lost = w.session.stores(ctx, w.offset, func(context.Context) error { return commitError(w.session.at(err), w.offset) })
		}
		return err != nil
	})
	if len(moved) == 0 {
		return lost
	}
	list := make([]StoredOffset, len(moved))
	for i, w := range moved {
		list[i] = StoredOffset{w.session.topic, w.session.partition, w.offset}
	}
	err := c.save(ctx, list)
	switch {
	case err == nil:
	case ctx.Err() != nil || c.ctx.Err() != nil:
		err = c.commitEnded(ctx, time.Since(start))
	default:
		err = storeError("commit", err)
	}
	for i := range moved {
		if moved[i].session.stores(ctx, moved[i].offset, func(context.Context) error { return err }) == nil {
			moved[i].stored()
		} else {
			moved[i].failed()
		}
	}
	return cmp.Or(err, lost)
}

// save calls the store, unless the consumer was closed.
func (c *Consumer) save(ctx context.Context, list []StoredOffset) error {
	c.asks.Add(1)
	defer c.asks.Add(-1)
	if c.ctx.Err() != nil {
		return c.ctx.Err() // commitEnded says why
	}
	return c.cfg.Store.Save(ctx, c.cfg.ConsumerID, list)
}

// commitError completes an error of storing an offset.
func commitError(err error, offset int64) *fluvioerr.Error {
	e := fluvioerr.As(err).AtOffset(offset)
	e.Op = "commit"
	return e
}

// storeError makes an error of this library out of one of an application's store.
func storeError(op string, err error) error {
	if fluvioerr.As(err) != nil {
		return err
	}
	return fluvioerr.Wrap(fluvioerr.InvalidState, op, err).ForSetting("offset_store").WithHint("the offset store failed; correct what it reports")
}

// commitEnded is why a commit was given up.
func (c *Consumer) commitEnded(ctx context.Context, waited time.Duration) error {
	if c.ctx.Err() != nil {
		return fluvioerr.New(fluvioerr.Closed, "commit", "the consumer was closed")
	}
	return fluvioerr.FromContext(ctx, "commit", "another commit of the consumer", waited)
}

// firstOf gives the first error and says how many more there are.
func (c *Consumer) firstOf(ctx context.Context, errs []error, waited time.Duration) (first error) {
	more := 0
	for _, err := range errs {
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			more++
		}
	}
	if first != nil && c.ctx.Err() != nil {
		return c.commitEnded(ctx, waited)
	}
	if e := fluvioerr.As(first); e != nil && more > 0 {
		e.Message += fmt.Sprintf(" (and %d more partitions)", more)
	}
	return first
}

// store stores an offset of the partition, again and again until it works, fails for good, or ctx ends. Storing the same
// offset twice does no harm.
func (s *session) store(ctx context.Context, offset int64) error {
	return s.stores(ctx, offset, func(ctx context.Context) error { return s.storeRetrying(ctx, offset) })
}

// storeRetrying is store of which nobody is told.
func (s *session) storeRetrying(ctx context.Context, offset int64) error {
	start := time.Now()
	backoff := transport.NewBackoff(s.consumer.cfg.RetryFirst, s.consumer.cfg.RetryMax)
	for {
		changed := s.consumer.cluster.Changed()
		again, err := s.storeOnce(ctx, offset)
		if err == nil {
			return nil
		}
		e := commitError(s.at(err), offset)
		if !again || ctx.Err() != nil && (e.Code == fluvioerr.Timeout || e.Code == fluvioerr.Cancelled) {
			return e
		}
		if ctx.Err() != nil || !backoff.Wait(ctx, changed) {
			late := fluvioerr.FromContext(ctx, "commit", "the offset to be stored", time.Since(start)).At(s.topic, s.partition).AtOffset(offset)
			late.Message += ": " + e.Message
			late.Addr, late.Err = e.Addr, e
			return late
		}
	}
}

// storable says why an offset of the partition must not be stored: what takes it would keep it for a topic of this name that comes
// later.
func (s *session) storable() error {
	if s.consumer.cluster.Snapshot().Topics[s.topic] == nil {
		return fluvioerr.FromServer(fluvioerr.ServerTopicNotFound, "commit", "the cluster no longer has it")
	}
	return s.replaced()
}

// storeOnce tries to store an offset and says whether a failure is worth another attempt.
func (s *session) storeOnce(ctx context.Context, offset int64) (again bool, err error) {
	if err := s.storable(); err != nil {
		return false, err
	}
	select { // only for the attempt: who waits for an SPU to come back does not hold up the others
	case s.consumer.storing <- struct{}{}:
		defer func() { <-s.consumer.storing }()
	case <-ctx.Done():
		return false, fluvioerr.FromContext(ctx, "commit", "other partitions' offsets to be stored", 0)
	}
	r, err := s.storeRoute(ctx, offset)
	if err != nil {
		return s.passing(err), err
	}
	var resp wire.UpdateConsumerOffsetResponse
	err = r.conn.Call(ctx, wire.KeyUpdateConsumerOffset, &wire.UpdateConsumerOffsetRequest{Offset: offset, SessionID: r.id}, &resp)
	if err == nil {
		e := resp.Error.Err("commit")
		if e == nil {
			return false, nil
		}
		err = e.AtAddr(r.conn.Key().Addr)
	}
	if s.marks.route == r {
		s.marks.route = route{}
	} else {
		s.marks.avoid = r
	}
	// TopicNotFound is about the topic that keeps the offsets: a cluster makes it after the others.
	return fluvioerr.Retriable(err) || fluvioerr.As(err).Server == fluvioerr.ServerTopicNotFound || keeperAway(err), err
}

// keeperAway says whether the SPU could not reach the one that keeps the offsets, of which it tells in words only.
func keeperAway(err error) bool {
	e := fluvioerr.As(err)
	return e != nil && e.Server == fluvioerr.ServerOther && strings.Contains(e.Message, "(os error ")
}

// storeRoute finds a stream of the partition to store an offset through.
func (s *session) storeRoute(ctx context.Context, offset int64) (route, error) {
	s.mu.Lock()
	st := s.stream
	var r route
	if st != nil {
		r = route{st.conn, st.id}
	}
	s.mu.Unlock()
	if r.id != 0 && !st.isEnded() && r.conn.Err() == nil && r != s.marks.avoid {
		return r, nil
	}
	spu, err := s.consumer.cluster.Leader(s.topic, s.partition)
	if err != nil {
		return route{}, err
	}
	if r := s.marks.route; r.conn != nil && r.conn.Err() == nil && r.conn.Key().Addr == spu.Addr {
		return r, nil
	}
	conn, err := s.consumer.cluster.Conn(ctx, spu, transport.Fetch, s.consumer.id)
	if err != nil {
		return route{}, err
	}
	s.marks.route, err = s.openRoute(ctx, conn, offset)
	return s.marks.route, err
}

// openRoute opens a stream at an offset only for the id that its first frame brings, whatever else that says: a stream at a
// record that was removed has an id as well. As it gets no credit, the server sends nothing else.
func (s *session) openRoute(ctx context.Context, conn *transport.Conn, offset int64) (route, error) {
	start := time.Now()
	version, err := conn.Versions().For(wire.KeyStreamFetch)
	if err != nil {
		return route{}, err
	}
	type first struct {
		id  uint32
		err error
	}
	frames := make(chan first, 1)
	req := &wire.StreamFetchRequest{
		Topic: s.topic, Partition: uint32(s.partition), FetchOffset: offset, MaxBytes: 1, Isolation: s.consumer.cfg.Isolation, ConsumerID: s.consumer.streamID(),
	}
	abandon, err := conn.Stream(wire.KeyStreamFetch, version, req, func(buf *transport.Buffer, body []byte, err error) {
		f := first{err: err}
		if err == nil {
			var m wire.StreamFetchResponse
			if _, f.err = wire.Decode(body, version, &m); f.err == nil && m.StreamID == 0 {
				f.err = fluvioerr.New(fluvioerr.Protocol, "commit", "the server gave the stream no id")
				if e := m.Partition.Error.Err("commit"); e != nil {
					f.err = e // this SPU does not lead the partition
				}
			}
			f.id = m.StreamID
			buf.Release()
		}
		select {
		case frames <- f:
		default:
		}
	})
	if err != nil {
		return route{}, err
	}
	defer abandon()
	select {
	case f := <-frames:
		if f.err != nil {
			return route{}, f.err
		}
		return route{conn, f.id}, nil
	case <-ctx.Done():
		return route{}, fluvioerr.FromContext(ctx, "commit", "the stream to store through", time.Since(start)).AtAddr(conn.Key().Addr)
	}
}

// streamID is what streams are opened with so that offsets can be stored through them.
func (c *Consumer) streamID() *string {
	if c.cfg.Strategy == StrategyNone || c.cfg.Store != nil {
		return nil
	}
	return &c.cfg.ConsumerID
}

// loadStored asks for the consumer's stored offsets, by topic and partition. Absolute starts do not need them.
func (c *Consumer) loadStored(ctx context.Context) error {
	if c.cfg.ConsumerID == "" || c.cfg.Start.From == FromAbsolute {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	list, err := c.stored(ctx)
	if err != nil {
		return err
	}
	for _, o := range list {
		if s := c.session(o.Topic, o.Partition); s != nil && o.Offset >= 0 {
			s.marks.stored = o.Offset
		}
	}
	return nil
}

// stored asks the store for the consumer's offsets.
func (c *Consumer) stored(ctx context.Context) ([]StoredOffset, error) {
	if c.cfg.Store != nil {
		list, err := c.cfg.Store.Load(ctx, c.cfg.ConsumerID)
		if err != nil {
			return nil, storeError("open consumer", err)
		}
		return list, nil
	}
	found, err := c.cluster.ConsumerOffsets(ctx, &wire.ConsumerFilter{ConsumerID: &c.cfg.ConsumerID})
	if err != nil {
		return nil, err
	}
	var list []StoredOffset
	for _, o := range found {
		if o.Partition <= math.MaxInt32 {
			list = append(list, StoredOffset{o.Topic, int32(o.Partition), o.Offset})
		}
	}
	return list, nil
}

// flushes stores offsets at intervals until the consumer closes. What fails is tried again the next time, and by Close, which
// tells.
func (c *Consumer) flushes() {
	defer c.sessions.Done()
	defer close(c.flushed)
	tick := time.NewTicker(c.cfg.FlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.closing:
			return
		case <-tick.C:
			c.readAhead()
			_ = c.commitSettled(c.ctx)
		}
	}
}

// readAhead lets a caller that reads ahead of its application say what that is done with.
func (c *Consumer) readAhead() {
	if c.cfg.ReadAhead != nil {
		c.cfg.ReadAhead()
	}
}

// flushLast stores what is settled when the consumer closes, and waits for what flushes is storing: of a partition whose position
// was chosen meanwhile that is nothing settled, but it must not reach the store when a next consumer is there already.
func (c *Consumer) flushLast(ctx context.Context) error {
	if c.flushed == nil {
		return nil
	}
	start := time.Now()
	c.readAhead()
	if err := c.commitSettled(ctx); err != nil {
		return err
	}
	select {
	case <-c.flushed:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-c.flushed: // before it was looked at
		return nil
	default:
		return fluvioerr.FromContext(ctx, "commit", "the offsets that are being stored", time.Since(start))
	}
}
