package history

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// doomed is a topic of a run that is deleted while it is read.
const doomed = "history-doomed"

// readFaults draws what happens to consumers.
type readFaults struct {
	*readPlan
	rng *rand.Rand
}

// rule adds a rule for some answers or requests from a moment on. What it delays, it delays in a stream: the requests behind
// one that is held would be carried out when nobody counts on it any more.
func (s *readFaults) rule(api string, on devcluster.Phase, a devcluster.Action) {
	r := devcluster.Rule{API: api, Partition: -1, Skip: s.rng.IntN(6), Count: 1 + s.rng.IntN(4), On: on, Action: a}
	s.add(s.when(), func(w *weather) { w.rule(r) }, "%s %s %s %+v, skip %d, count %d", api, on, a.Kind, a, r.Skip, r.Count)
}

// breaking draws a fault that a consumer notices at once.
func (s *readFaults) breaking() {
	on := pick(s.rng, devcluster.OnRequest, devcluster.OnAnswer)
	reads := []string{"StreamFetch", "StreamFetch", "UpdateOffsets", "FetchOffsets", "UpdateConsumerOffset"}
	switch s.rng.IntN(6) {
	case 0, 1:
		n := pick(s.rng, s.rng.IntN(200), s.rng.IntN(int(s.consumer.MaxBytes)+200))
		s.rule("StreamFetch", devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionCut, Bytes: n})
	case 2:
		s.rule(pick(s.rng, reads...), on, devcluster.Action{Kind: devcluster.ActionClose})
	case 3:
		s.rule(pick(s.rng, reads[1:]...), devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionCut, Bytes: s.rng.IntN(40)})
	case 4:
		s.rule("StreamFetch", on, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader})
		s.rule("UpdateOffsets", on, devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerFetchSessionNotFound})
	case 5:
		s.rule(pick(s.rng, reads...), devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionWrongCorrelation})
	}
}

// moving draws a fault of the cluster's.
func (s *readFaults) moving() {
	kinds := 4
	if s.anew > 0 { // of a topic that is made anew while the SC is away, or between two snapshots, nobody can tell
		kinds = 2
	}
	switch s.rng.IntN(kinds) {
	case 0:
		id := s.spu()
		from, to := s.interval()
		s.add(from, func(w *weather) { _ = w.StopSPU(id) }, "SPU %d stops", id)
		s.add(to, func(w *weather) { _ = w.StartSPU(id) }, "SPU %d starts", id)
	case 1:
		p, to := int32(s.rng.IntN(s.parts)), s.spu()
		s.add(s.when(), func(w *weather) { _ = w.MoveLeader(topic, p, to) }, "partition %d moves to SPU %d", p, to)
	case 2:
		from, to := s.interval()
		s.add(from, func(w *weather) { _ = w.StopSC() }, "SC stops")
		s.add(to, func(w *weather) { _ = w.StartSC() }, "SC starts")
	case 3:
		s.add(s.when(), func(w *weather) { _ = w.Resync() }, "SC sends full snapshots")
	}
}

// hanging draws a fault that only time tells of.
func (s *readFaults) hanging() {
	switch s.rng.IntN(3) {
	case 0:
		s.add(s.when(), func(*weather) { s.peers.fallAsleep() }, "connections to SPUs fall asleep")
	case 1:
		s.rule("UpdateOffsets", devcluster.OnRequest, devcluster.Action{Kind: devcluster.ActionDrop})
	case 2:
		s.rule("StreamFetch", devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Duration(1+s.rng.IntN(300)) * time.Millisecond})
	}
}

// changing draws what happens to topics and records.
func (s *readFaults) changing() {
	switch s.rng.IntN(3) {
	case 0:
		if s.filter != "" {
			return // what is gone is not there to be compared in the end
		}
		p, part := int32(s.rng.IntN(s.parts)), s.rng.Float64()
		s.evicts = true
		s.add(s.when(), func(w *weather) {
			start, _, end, err := w.Offsets(topic, p)
			require.NoError(w.t, err)
			require.NoError(w.t, w.EvictBefore(topic, p, start+int64(float64(end-start)*part)))
		}, "partition %d loses %.2f of its records", p, part)
	case 1:
		if s.anew > 0 {
			return
		}
		s.deletes = true
		s.add(s.when(), func(w *weather) {
			s.gone()
			_ = w.DeleteTopic(doomed) // the SC may be away
		}, "%s is deleted", doomed)
	case 2:
		if s.consumer.Partitions == nil {
			s.add(s.when(), func(w *weather) { s.grown.Store(s.grown.Load() || grow(w) == nil) }, "a partition is added")
		}
	}
}

// damage lets frames come with damaged batches, which the consumer is set to skip.
func (s *readFaults) damage() {
	s.consumer.CorruptBatches = "skip"
	s.evicts = true
	s.rule("StreamFetch", devcluster.OnAnswer, devcluster.Action{Kind: devcluster.ActionCorruptCRC})
}

// grow adds a partition to the topic, as a client may.
func grow(w *weather) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pool := transport.NewPool(&transport.Config{ClientID: "grow", ConnectTimeout: patience, RequestTimeout: patience})
	defer pool.Close()
	cl, err := cluster.Open(ctx, cluster.Config{Endpoint: w.Endpoint()}, pool)
	if err != nil {
		return err // the SC is away
	}
	defer cl.Close()
	var status wire.Status
	err = cl.Control(ctx, wire.KeyUpdate, &wire.UpdateRequest{Label: wire.LabelTopic, Name: topic, Partitions: 1}, &status)
	if err == nil && !status.Error.Ok() {
		err = status.Error.Err("grow")
	}
	return err
}

// peers are the connections of a client to SPUs. They can become half-open: nothing comes any more, what is sent goes
// nowhere, and nobody closes.
type peers struct {
	sc    string
	mu    sync.Mutex
	conns []*peer // guarded by mu
}

type peer struct {
	net.Conn
	asleep atomic.Bool
	ended  chan struct{}
	end    sync.Once
}

func (p *peers) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil || addr == p.sc {
		return nc, err
	}
	c := &peer{Conn: nc, ended: make(chan struct{})}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	return c, nil
}

// fallAsleep makes all connections half-open that there are.
func (p *peers) fallAsleep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = slices.DeleteFunc(p.conns, func(c *peer) bool {
		c.asleep.Store(true)
		return true
	})
}

func (c *peer) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.asleep.Load() {
		<-c.ended
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *peer) Write(b []byte) (int, error) {
	if c.asleep.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *peer) Close() error {
	c.end.Do(func() { close(c.ended) })
	return c.Conn.Close()
}
