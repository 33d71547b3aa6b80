package produce

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// maxFlying is how many requests one sender has under way at a time. Each partition has one at most, so this bounds how
// many partitions pipeline instead of sharing a request.
const maxFlying = 4

// sender sends the batches of the partitions that one SPU leads.
type sender struct {
	producer *Producer
	spu      int32
	wake     chan struct{}   // capacity 1
	news     <-chan struct{} // used by run: the next change of the metadata since an attempt that failed, else nil

	mu     sync.Mutex
	queue  []*partition        // guarded by mu: have something to send
	queued map[*partition]bool // guarded by mu: are in queue
	flying int                 // guarded by mu: requests under way
	grants time.Duration       // guarded by mu: how long the server may take for them beyond the request timeout
	// The SPU could not be reached failures times in a row: no attempt before until, or news.
	failures int       // guarded by mu
	until    time.Time // guarded by mu
}

func newSender(p *Producer, spu int32) *sender {
	return &sender{producer: p, spu: spu, wake: make(chan struct{}, 1), queued: map[*partition]bool{}}
}

// ready queues a partition and wakes the sender.
func (s *sender) ready(p *partition) {
	s.mu.Lock()
	if !s.queued[p] {
		s.queued[p] = true
		s.queue = append(s.queue, p)
	}
	s.mu.Unlock()
	s.poke()
}

func (s *sender) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sends until the producer is closed.
func (s *sender) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-s.news: // the SPU may be back, wherever it is now
			s.news = nil
			s.mu.Lock()
			s.until = time.Time{}
			s.mu.Unlock()
		}
		for s.step(ctx) {
		}
	}
}

// step sends one request; false when there is nothing to send now.
func (s *sender) step(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	idle := len(s.queue) == 0 || s.flying >= maxFlying || time.Now().Before(s.until)
	s.mu.Unlock()
	if idle {
		return false
	}
	s.news = s.producer.cluster.Changed() // before it is tried: what changes meanwhile is news
	conn, err := s.connect(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.unreachable(err)
		}
		return false
	}
	s.news = nil
	s.mu.Lock()
	s.failures, s.until = 0, time.Time{}
	s.mu.Unlock()
	batches := s.collect()
	if len(batches) == 0 {
		return false
	}
	s.send(conn, batches)
	return true
}

// connect gives the connection to the SPU where the metadata has it now.
func (s *sender) connect(ctx context.Context) (*transport.Conn, error) {
	spu := s.producer.cluster.Snapshot().SPUs[s.spu]
	if spu == nil || spu.Addr == "" {
		return nil, fluvioerr.New(fluvioerr.Connection, "produce", "SPU %d is not registered any more", s.spu)
	}
	return s.producer.cluster.Conn(ctx, spu, transport.Produce, s.producer.owner)
}

// unreachable fails what may not wait longer and comes back later. Only this SPU's partitions wait.
func (s *sender) unreachable(err error) {
	now := time.Now()
	s.mu.Lock()
	s.failures++
	attempt := s.failures
	delay := max(s.producer.retryDelay(attempt), fluvioerr.RetryAfter(err))
	s.until = now.Add(delay)
	queue := append([]*partition(nil), s.queue...)
	s.mu.Unlock()
	for _, p := range queue {
		s.producer.giveUp(p, err, now)
	}
	s.producer.unreachable(s.spu, attempt, delay, err)
	time.AfterFunc(delay, s.poke)
}

// collect takes batches of the queued partitions, in turn, up to the request limit.
func (s *sender) collect() (batches []*batch) {
	now := time.Now()
	room := s.producer.cfg.MaxRequestSize
	s.mu.Lock()
	queue := s.queue
	s.queue, s.queued = nil, map[*partition]bool{}
	s.mu.Unlock()
	for i, p := range queue {
		if len(batches) > 0 && room <= 0 {
			s.requeue(queue[i:])
			break
		}
		taken, more := p.take(s, room, now)
		for _, b := range taken {
			room -= b.size()
		}
		batches = append(batches, taken...)
		if more && len(taken) == 0 {
			s.requeue(queue[i : i+1])
		}
	}
	return batches
}

func (s *sender) requeue(ps []*partition) {
	s.mu.Lock()
	for _, p := range ps {
		if !s.queued[p] {
			s.queued[p] = true
			s.queue = append(s.queue, p)
		}
	}
	s.mu.Unlock()
}

// request is batches under way. Batches of one partition stand together, in order.
type request struct {
	s       *sender
	batches []*batch
	version int16
	timer   *time.Timer
	grant   time.Duration // its part of sender.grants
}

// send seals the batches and hands them to the connection.
func (s *sender) send(conn *transport.Conn, batches []*batch) {
	cfg := &s.producer.cfg
	r := &request{s: s, batches: batches, grant: cfg.ServerTimeout}
	if cfg.Isolation < 0 {
		r.grant *= time.Duration(len(batches)) // the server waits for the replicas of one entry after the other
	}
	version, err := conn.Versions().For(wire.KeyProduce)
	r.version = version
	var modules []byte
	if err == nil {
		modules, err = s.producer.modules(version)
	}
	retried := make([]bool, len(batches))
	ctx := s.producer.ctx
	for i, b := range batches {
		retried[i], b.tried = b.tried, true
		if span := b.begin(); i == 0 {
			ctx = span.Context(ctx) // hooks see the request inside of its first batch
		}
		if err == nil {
			if serr := b.seal(cfg.Compression, cfg.Level); serr != nil {
				err = fluvioerr.Wrap(fluvioerr.Internal, "produce", serr)
			}
		}
	}
	s.mu.Lock()
	s.flying++
	s.grants += r.grant
	limit := cfg.RequestTimeout + s.grants // a server answers in order
	s.mu.Unlock()
	if err != nil {
		r.finish(nil, err)
		return
	}
	s.producer.traffic.sent(batches, retried)
	r.timer = time.AfterFunc(limit, func() {
		conn.Fail(fluvioerr.NewTimeout("produce", "the answer to a produce request", limit).AtAddr(conn.Key().Addr))
	})
	conn.Go(ctx, wire.KeyProduce, version, s.body(batches, modules), r.answered)
}

// body is the Produce request in pieces: what stands in front, the batches, what stands behind.
func (s *sender) body(batches []*batch, modules []byte) [][]byte {
	cfg := &s.producer.cfg
	head := make([]byte, 0, 32+len(cfg.Topic))
	head = append(head, 0) // no transactional id
	head = binary.BigEndian.AppendUint16(head, uint16(cfg.Isolation))
	head = binary.BigEndian.AppendUint32(head, uint32(cfg.ServerTimeout.Milliseconds()))
	head = binary.BigEndian.AppendUint32(head, 1)
	head = binary.BigEndian.AppendUint16(head, uint16(len(cfg.Topic)))
	head = append(head, cfg.Topic...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(batches)))
	parts := make([][]byte, 0, len(batches)+2)
	parts = append(parts, head)
	for _, b := range batches {
		parts = append(parts, b.entry)
	}
	return append(parts, modules)
}

// answered runs on a goroutine of the connection: it only decodes, and leaves the rest to finish.
func (r *request) answered(frame *transport.Buffer, body []byte, err error) {
	r.timer.Stop()
	r.s.producer.traffic.answer()
	var answers []wire.ProducePartitionResponse
	if err == nil {
		if answers, err = r.decode(body); err != nil {
			// There was an answer, so the request was carried out; nobody knows how.
			e := *fluvioerr.As(err)
			e.Sent = true
			err = &e
		}
	}
	r.finish(answers, err)
	if frame != nil {
		frame.Release()
	}
}

// decode reads an answer and holds it against the request.
func (r *request) decode(body []byte) ([]wire.ProducePartitionResponse, error) {
	var resp wire.ProduceResponse
	if _, err := wire.Decode(body, r.version, &resp); err != nil {
		return nil, err
	}
	topic := r.s.producer.cfg.Topic
	if len(resp.Topics) != 1 || resp.Topics[0].Name != topic || len(resp.Topics[0].Partitions) != len(r.batches) {
		return nil, fluvioerr.New(fluvioerr.Protocol, "produce", "the answer does not fit the request: %d batches were sent", len(r.batches)).At(topic, -1)
	}
	parts := resp.Topics[0].Partitions
	for i, b := range r.batches {
		if parts[i].Partition != uint32(b.part.id) {
			return nil, fluvioerr.New(fluvioerr.Protocol, "produce", "the answer's entry %d is for partition %d", i, parts[i].Partition).At(topic, b.part.id)
		}
		if parts[i].Error.Ok() && parts[i].BaseOffset < 0 {
			return nil, fluvioerr.New(fluvioerr.Protocol, "produce", "the answer gives the offset %d", parts[i].BaseOffset).At(topic, b.part.id)
		}
	}
	return parts, nil
}

// finish gives every batch its outcome or sends it back, partition by partition.
func (r *request) finish(answers []wire.ProducePartitionResponse, err error) {
	for start := 0; start < len(r.batches); {
		end := start + 1
		for end < len(r.batches) && r.batches[end].part == r.batches[start].part {
			end++
		}
		r.finishPartition(r.batches[start:end], answers, start, err)
		start = end
	}
	r.s.mu.Lock()
	r.s.flying--
	r.s.grants -= r.grant
	r.s.mu.Unlock()
	r.s.poke()
}

func (r *request) finishPartition(batches []*batch, answers []wire.ProducePartitionResponse, at int, err error) {
	p, part := r.s.producer, batches[0].part
	now := time.Now()
	var again []*batch
	var cause error
	failed, passing := false, false
	first, bases := 0, make([]int64, len(batches)) // batches from first on were stored
	for i, b := range batches {
		berr, base := err, int64(-1)
		if answers != nil {
			base, berr = p.verdict(&answers[at+i])
		}
		if berr == nil {
			bases[i] = base
			continue
		}
		p.stored(batches[first:i], bases[first:i])
		first, failed = i+1, true
		passing = passing || p.passing(berr)
		if fluvioerr.MaybeWritten(berr) {
			part.mu.Lock()
			b.sent = true
			part.mu.Unlock()
		}
		if p.mayRetry(b, berr, now) {
			again, cause = append(again, b), berr
			continue
		}
		p.fail(b, base, berr)
		b.recycle()
	}
	p.stored(batches[first:], bases[first:])
	if len(again) > 0 {
		p.retries(part, len(again), cause)
	}
	part.landed(again, passing)
	if failed {
		p.reroute()
	}
}
