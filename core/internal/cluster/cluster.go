package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Config says where the cluster is and how to treat it.
type Config struct {
	Endpoint     string        // the SC, host:port
	ServerName   string        // TLS: the domain; SPUs are <name>.<domain>
	LocalAddress bool          // use the SPUs' local endpoints where they have one
	BackoffFirst time.Duration // between attempts, of the watch and of requests
	BackoffMax   time.Duration
	MaxRetries   int           // of Open and of requests, where a retry is safe
	Lazy         bool          // Open does not wait for the SC
	Observer     *obs.Observer // nil: that of the pool
	// Event is told of the watch and of leaders that moved. It must not block; may be nil.
	Event func(Event)
}

// EventKind is what happened.
type EventKind uint8

// The kinds of events.
const (
	WatchRetry     EventKind = iota + 1 // the metadata may be old because of Err; attempt number Attempt to reach the SC comes after Delay
	WatchRecovered                      // the metadata is up to date again
	WatchGaveUp                         // there is no hope that Err goes away: the SC is tried again when the application asks for something
	LeaderMoved                         // SPU leads the partition now, instead of FromSPU
)

// Event is something that happened. Fields that do not apply are zero.
type Event struct {
	Kind         EventKind
	Topic        string
	Partition    int32
	SPU, FromSPU int32
	Attempt      int
	Delay        time.Duration
	Err          error
}

// Cluster watches one cluster.
type Cluster struct {
	cfg    Config
	pool   *transport.Pool
	owner  uint64        // of the watch's connection
	heard  atomic.Int64  // when the SC last told something, in ns since the epoch; 0: never
	loaded chan struct{} // closed when the metadata has come for the first time
	wanted chan struct{} // capacity 1: the application asks for something of the SC
	snap   atomic.Pointer[Snapshot]

	mu       sync.Mutex
	platform string        // guarded by mu
	changed  chan struct{} // guarded by mu: closed and replaced at every structural change
	lost     error         // guarded by mu: why the watch is down, nil while it is up
	gaveUps  uint64        // guarded by mu: how often the watch gave up and waited for wanted

	state *state // of the last watch that loaded; used by the goroutine that connects, one at a time

	stop context.CancelFunc
	done chan struct{}
}

// Open connects to the SC, starts the watches, and returns when the first message of each has come. A lazy one returns at once
// and does so in the background.
func Open(ctx context.Context, cfg Config, pool *transport.Pool) (*Cluster, error) {
	c := &Cluster{
		cfg: cfg, pool: pool, owner: watchOwners.Add(1), changed: make(chan struct{}), loaded: make(chan struct{}), wanted: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	c.snap.Store(&Snapshot{})
	var w *watch
	if cfg.Lazy {
		c.setLost(fluvioerr.New(fluvioerr.Connection, "connect", "the cluster was not reached yet").AtAddr(cfg.Endpoint))
	} else if err := c.first(ctx, &w); err != nil {
		c.pool.CloseOwner(c.owner)
		return nil, err
	}
	run, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.run(run, w)
	return c, nil
}

// watchOwners numbers the connections of watches, apart from other owners: clients that share a pool watch for themselves.
var watchOwners = func() *atomic.Uint64 { n := new(atomic.Uint64); n.Store(3 << 62); return n }()

// first connects, and tries again as often as is allowed.
func (c *Cluster) first(ctx context.Context, w **watch) error {
	attempt := 0
	return c.again(ctx, true, func() (err error) {
		*w, err = c.connect(ctx)
		return err
	}, func(err error, delay time.Duration) {
		attempt++
		c.event(Event{Kind: WatchRetry, Attempt: attempt, Delay: delay, Err: err})
	})
}

// again runs ask, and runs it again while its failure may pass by itself and MaxRetries allows. Without safe, only a request that
// did not leave is made again. A timeout is no reason: the time is used up. tell, if any, hears of every wait before it begins.
func (c *Cluster) again(ctx context.Context, safe bool, ask func() error, tell ...func(err error, delay time.Duration)) error {
	backoff := transport.NewBackoff(c.cfg.BackoffFirst, c.cfg.BackoffMax)
	for {
		err := ask()
		if err == nil || !fluvioerr.Retriable(err) || fluvioerr.CodeOf(err) == fluvioerr.Timeout || !safe && fluvioerr.MaybeWritten(err) {
			return err
		}
		wait := max(backoff.Next(), fluvioerr.RetryAfter(err))
		if deadline, ok := ctx.Deadline(); backoff.Attempt() > c.cfg.MaxRetries || ok && time.Until(deadline) < wait {
			return retried(err, backoff.Attempt()-1)
		}
		for _, t := range tell {
			t(err, wait)
		}
		if !backoff.Sleep(ctx, wait, nil) {
			return retried(err, backoff.Attempt()-1)
		}
	}
}

// retried says in an error how often it was tried in vain to avoid it.
func retried(err error, attempts int) error {
	if attempts == 0 {
		return err
	}
	e := *fluvioerr.As(err)
	e.Detail = maps.Clone(e.Detail)
	return e.WithDetail("retries", strconv.Itoa(attempts))
}

// Ready waits until the metadata has come for the first time, and asks for it once more if the watch has given up. It says why it
// has not, when ctx ends or there is no hope.
func (c *Cluster) Ready(ctx context.Context, op string) error {
	start := time.Now()
	c.mu.Lock()
	before := c.gaveUps // what the watch gave up on earlier is no answer: it tries again
	c.mu.Unlock()
	c.want()
	for {
		changed := c.Changed()
		select {
		case <-c.loaded:
			return nil
		default:
		}
		if err := c.hopeless(before); err != nil {
			own := *fluvioerr.As(err) // callers complete it
			own.Detail = maps.Clone(own.Detail)
			return &own
		}
		select {
		case <-c.loaded:
		case <-changed:
		case <-c.done:
			return fluvioerr.New(fluvioerr.Closed, op, "the client was closed")
		case <-ctx.Done():
			e := fluvioerr.FromContext(ctx, op, "the cluster's metadata", time.Since(start)).AtAddr(c.cfg.Endpoint)
			if err := c.WatchError(); err != nil {
				e.Message += ": " + fluvioerr.As(err).Message
				e.Err = err
			}
			return e
		}
	}
}

// want makes a watch that has given up try again.
func (c *Cluster) want() {
	select {
	case c.wanted <- struct{}{}:
	default:
	}
}

// hopeless is why the watch has given up again, having done so before as often as that; nil while it has not.
func (c *Cluster) hopeless(before uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gaveUps > before {
		return c.lost
	}
	return nil
}

// Close ends the watch. The pool is its owner's to close.
func (c *Cluster) Close() {
	c.stop()
	<-c.done
	c.pool.CloseOwner(c.owner)
}

// Platform is the cluster's platform version, "" before it was reached.
func (c *Cluster) Platform() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.platform
}

// Heard is when the SC last told something of the metadata, the zero time before it was reached.
func (c *Cluster) Heard() time.Time {
	if ns := c.heard.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Endpoint is the SC's address.
func (c *Cluster) Endpoint() string { return c.cfg.Endpoint }

// Snapshot is the cluster as last heard.
func (c *Cluster) Snapshot() *Snapshot { return c.snap.Load() }

// Changed gives a channel that is closed at the next structural change after this call: topics, partitions, leaders, SPUs.
func (c *Cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// WatchError is why the metadata may be old, nil while the watch is up.
func (c *Cluster) WatchError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Control sends an admin request to the SC, on a connection apart from the watches: the SC answers a connection's requests
// in order, and closes it on errors. All attempts together have the request timeout.
func (c *Cluster) Control(ctx context.Context, api uint16, req, resp wire.Message) error {
	if d := c.pool.Config().RequestTimeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	return c.again(ctx, api == wire.KeyList, func() error {
		conn, err := c.control(ctx, 0)
		if err != nil {
			return err
		}
		if err := conn.CallUntil(ctx, api, req, resp); err != nil {
			return err
		}
		if list, ok := req.(*wire.ListRequest); ok && resp.(*wire.ListResponse).Label != list.Label {
			return otherType("list", list.Label, resp.(*wire.ListResponse).Label).AtAddr(c.cfg.Endpoint)
		}
		return nil
	})
}

// control gives the connection for admin requests. Reaching the SC makes a watch that has given up try again.
func (c *Cluster) control(ctx context.Context, owner uint64) (*transport.Conn, error) {
	conn, err := c.pool.Get(ctx, transport.Key{Addr: c.cfg.Endpoint, ServerName: c.cfg.ServerName, Role: wire.SC, Kind: transport.Control, Owner: owner})
	if err == nil {
		c.want()
	}
	return conn, err
}

// ControlLong is Control for requests that take longer than the request timeout: only ctx limits it. It has a connection of
// its own while it runs, so that later requests need not wait for it.
func (c *Cluster) ControlLong(ctx context.Context, api uint16, req, resp wire.Message) error {
	owner := longCalls.Add(1)
	defer c.pool.CloseOwner(owner)
	return c.again(ctx, false, func() error {
		conn, err := c.control(ctx, owner)
		if err != nil {
			return err
		}
		return conn.CallUntil(ctx, api, req, resp)
	})
}

// longCalls numbers the owners of connections for single calls, apart from those of consumers, which count from 1.
var longCalls = func() *atomic.Uint64 { n := new(atomic.Uint64); n.Store(1 << 63); return n }()

// Topic gives a topic of which every partition is known. When the snapshot lacks it, the SC is asked: the watch may lag
// behind a create by this very program. NotFound when the SC does not have it either.
func (c *Cluster) Topic(ctx context.Context, name string) (*Topic, error) {
	if err := c.Ready(ctx, "open topic"); err != nil {
		return nil, named(err, name)
	}
	return c.untilTopic(ctx, name, false, func(_ *Snapshot, t *Topic) string {
		if t != nil && t.Complete() {
			return ""
		}
		return "the partitions of topic " + name + " to be placed" + t.missing()
	})
}

// TopicWith is Topic for somebody who wants a certain partition. When the snapshot's topic has none of that number the SC is asked
// here, too; one that it does not know of either is for the caller to refuse.
func (c *Cluster) TopicWith(ctx context.Context, name string, partition int32) (*Topic, error) {
	t, err := c.Topic(ctx, name)
	if err != nil || int(partition) < len(t.Partitions) {
		return t, err
	}
	spec, err := c.topicSpec(ctx, name)
	if fluvioerr.CodeOf(err) == fluvioerr.NotFound || err == nil && int(partition) >= spec.Replicas.PartitionCount() {
		return t, nil // deleted just now, or listing is what this client may not
	}
	if err != nil {
		return nil, err
	}
	return c.untilTopic(ctx, name, false, func(_ *Snapshot, t *Topic) string {
		if t != nil && t.Complete() && int(partition) < len(t.Partitions) {
			return ""
		}
		return fmt.Sprintf("the metadata watch to tell of partition %d of topic %s", partition, name)
	})
}

// untilTopic gives a topic as soon as it lacks nothing, which lacks says of what the watch shows, nil for no topic. absent says to wait for
// one that does not exist, too; otherwise that is NotFound.
func (c *Cluster) untilTopic(ctx context.Context, name string, absent bool, lacks func(*Snapshot, *Topic) string) (*Topic, error) {
	start := time.Now()
	var asked time.Time
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		changed := c.Changed()
		snap := c.Snapshot()
		t := snap.Topics[name]
		lack := lacks(snap, t)
		if lack == "" {
			return t, nil
		}
		if t == nil && !absent && time.Since(asked) >= askAgain/2 {
			if _, err := c.topicSpec(ctx, name); err != nil {
				return nil, err
			}
			asked = time.Now()
		}
		select {
		case <-changed:
		case <-again.C: // it may have been deleted meanwhile
		case <-ctx.Done():
			return nil, fluvioerr.FromContext(ctx, "open topic", lack, time.Since(start)).At(name, -1).
				WithHint(fmt.Sprintf("are enough SPUs online? The SC knows %d; a topic that exists becomes usable when they appear", len(c.Snapshot().SPUs)))
		}
	}
}

// named says in an error which topic was wanted.
func named(err error, topic string) error {
	e := *fluvioerr.As(err)
	return e.At(topic, -1)
}

// AwaitOnline waits until the watch shows a topic of that spec with all its partitions online; false when ctx ended first.
func (c *Cluster) AwaitOnline(ctx context.Context, name string, spec *wire.TopicSpec) bool {
	offline := func(p *Partition) bool { return !p.Online() }
	return c.await(ctx, func(s *Snapshot) bool {
		t := s.Topics[name]
		return t != nil && t.Complete() && reflect.DeepEqual(t.Spec, spec) && !slices.ContainsFunc(t.Partitions, offline)
	})
}

// AwaitGone waits until the watch no longer shows a topic; false when ctx ended first.
func (c *Cluster) AwaitGone(ctx context.Context, name string) bool {
	return c.await(ctx, func(s *Snapshot) bool { return s.Topics[name] == nil })
}

// AwaitTopic waits until the watch shows a topic as it is wanted; false when ctx ended first.
func (c *Cluster) AwaitTopic(ctx context.Context, name string, wanted func(*Topic) bool) bool {
	return c.await(ctx, func(s *Snapshot) bool { t := s.Topics[name]; return t != nil && wanted(t) })
}

// await waits until the metadata is as wanted; false when ctx ended first.
func (c *Cluster) await(ctx context.Context, wanted func(*Snapshot) bool) bool {
	for {
		changed := c.Changed()
		if wanted(c.Snapshot()) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// askAgain is how often the SC is asked for a topic that the watch does not show.
const askAgain = time.Second

// topicSpec asks the SC for a topic.
func (c *Cluster) topicSpec(ctx context.Context, name string) (*wire.TopicSpec, error) {
	for _, system := range []bool{false, true} {
		var list wire.ListResponse
		if err := c.Control(ctx, wire.KeyList, &wire.ListRequest{Label: wire.LabelTopic, Filters: []string{name}, System: system}, &list); err != nil {
			return nil, err
		}
		for i := range list.Objects {
			if list.Objects[i].Name == name {
				return list.Objects[i].Spec.(*wire.TopicSpec), nil
			}
		}
	}
	return nil, fluvioerr.New(fluvioerr.NotFound, "open topic", "topic %q does not exist on this cluster", name).At(name, -1).
		WithHint("create the topic first, or check its name and the endpoint")
}

// Partition gives a partition from the snapshot, nil if it is unknown.
func (c *Cluster) Partition(topic string, id int32) *Partition {
	t := c.Snapshot().Topics[topic]
	if t == nil || id < 0 || int(id) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[id]
}

// Leader tells which SPU leads a partition now. The error is retriable when that may become known later.
func (c *Cluster) Leader(topic string, id int32) (*SPU, error) {
	snap := c.Snapshot()
	t := snap.Topics[topic]
	if t == nil {
		return nil, fluvioerr.FromServer(fluvioerr.ServerTopicNotFound, "route", "the cluster no longer has it").At(topic, id)
	}
	if id < 0 || int(id) >= len(t.Partitions) {
		return nil, fluvioerr.New(fluvioerr.NotFound, "route", "topic %s has %d partitions, 0 to %d", topic, len(t.Partitions), len(t.Partitions)-1).At(topic, id)
	}
	p := t.Partitions[id]
	if p == nil {
		return nil, fluvioerr.New(fluvioerr.Connection, "route", "the partition is not placed yet").At(topic, id)
	}
	spu := snap.SPUs[p.Leader]
	if spu == nil {
		return nil, fluvioerr.New(fluvioerr.Connection, "route", "its leader, SPU %d, is none of the %d that the SC knows", p.Leader, len(snap.SPUs)).At(topic, id).
			WithHint("register that SPU again, or wait until the SC has chosen another leader")
	}
	if spu.Addr == "" {
		return nil, fluvioerr.New(fluvioerr.Connection, "route", "its leader, SPU %d, has no public address", p.Leader).At(topic, id).
			WithHint("give that SPU a public address, or set use_spu_local_address if it can be reached at its local one")
	}
	return spu, nil
}

// Passing says whether an error about a topic goes away by itself. SPUs hear of new topics a little later than the client: that one
// does not know a topic which is there passes.
func (c *Cluster) Passing(topic string, err error) bool {
	if e := fluvioerr.As(err); e != nil && e.Server == fluvioerr.ServerTopicNotFound {
		return c.Snapshot().Topics[topic] != nil
	}
	return fluvioerr.Retriable(err)
}

// Conn gives the connection to an SPU for a kind of work. owner is 0 for connections that all share.
func (c *Cluster) Conn(ctx context.Context, spu *SPU, kind transport.Kind, owner uint64) (*transport.Conn, error) {
	name := ""
	if c.cfg.ServerName != "" {
		name = spu.Name + "." + c.cfg.ServerName
	}
	return c.pool.Get(ctx, transport.Key{Addr: spu.Addr, ServerName: name, Role: wire.SPU, Kind: kind, Owner: owner})
}

// CloseOwner ends the connections of one owner.
func (c *Cluster) CloseOwner(owner uint64) { c.pool.CloseOwner(owner) }

// Observer is who is told what is done with the cluster; never nil.
func (c *Cluster) Observer() *obs.Observer {
	if c.cfg.Observer != nil {
		return c.cfg.Observer
	}
	return c.pool.Observer()
}

// publish makes a snapshot visible, wakes who waits for a change, and tells what moved. SPUs that are back are tried at once:
// whoever is woken finds their breakers closed.
func (c *Cluster) publish(s *Snapshot) {
	old := c.snap.Swap(s)
	for id, spu := range s.SPUs {
		if was := old.SPUs[id]; spu.Online && (was == nil || !was.Online || was.Addr != spu.Addr) {
			c.pool.Forgive(spu.Addr, wire.SPU)
		}
	}
	c.wake()
	for name, t := range s.Topics {
		was := old.Topics[name]
		for i, p := range t.Partitions {
			if p != nil && was != nil && i < len(was.Partitions) && was.Partitions[i] != nil && was.Partitions[i].Leader != p.Leader {
				c.moved(name, p, was.Partitions[i].Leader)
			}
		}
	}
}

// moved tells that a partition has another leader than before.
func (c *Cluster) moved(topic string, p *Partition, from int32) {
	c.Observer().Log.LogAttrs(context.Background(), slog.LevelInfo, "leader moved", slog.String("topic", topic), slog.Int("partition", int(p.ID)),
		slog.Int("from", int(from)), slog.Int("to", int(p.Leader)))
	c.event(Event{Kind: LeaderMoved, Topic: topic, Partition: p.ID, SPU: p.Leader, FromSPU: from})
}

// wake ends the waits for a change.
func (c *Cluster) wake() {
	c.mu.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

func (c *Cluster) setLost(err error) {
	c.mu.Lock()
	c.lost = err
	c.mu.Unlock()
}
