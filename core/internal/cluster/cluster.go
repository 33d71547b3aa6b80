package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
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
	BackoffFirst time.Duration // reconnecting the watch
	BackoffMax   time.Duration
	// Event is told of connections lost and regained and of leaders that moved. It must not block; may be nil.
	Event func(kind EventKind, err error)
}

// EventKind is what happened to the watch.
type EventKind uint8

// The kinds of events.
const (
	WatchLost EventKind = iota
	WatchRecovered
)

// Cluster watches one cluster.
type Cluster struct {
	cfg      Config
	pool     *transport.Pool
	platform string

	snap atomic.Pointer[Snapshot]

	mu      sync.Mutex
	changed chan struct{} // guarded by mu: closed and replaced at every structural change
	lost    error         // guarded by mu: why the watch is down, nil while it is up

	state *state // of the last watch that loaded; used by the goroutine that connects, one at a time

	stop context.CancelFunc
	done chan struct{}
}

// Open connects to the SC, starts the watches, and returns when the first message of each has come.
func Open(ctx context.Context, cfg Config, pool *transport.Pool) (*Cluster, error) {
	c := &Cluster{cfg: cfg, pool: pool, changed: make(chan struct{}), done: make(chan struct{})}
	w, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.platform = w.conn.Versions().Platform
	run, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.run(run, w)
	return c, nil
}

// Close ends the watch. The pool is its owner's to close.
func (c *Cluster) Close() {
	c.stop()
	<-c.done
}

// Platform is the cluster's platform version.
func (c *Cluster) Platform() string { return c.platform }

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
// in order, and closes it on errors.
func (c *Cluster) Control(ctx context.Context, api uint16, req, resp wire.Message) error {
	conn, err := c.pool.Get(ctx, transport.Key{Addr: c.cfg.Endpoint, ServerName: c.cfg.ServerName, Role: wire.SC, Kind: transport.Control})
	if err != nil {
		return err
	}
	return conn.Call(ctx, api, req, resp)
}

// ControlLong is Control for requests that take longer than the request timeout: only ctx limits it. It has a connection of
// its own while it runs, so that later requests need not wait for it.
func (c *Cluster) ControlLong(ctx context.Context, api uint16, req, resp wire.Message) error {
	owner := longCalls.Add(1)
	defer c.pool.CloseOwner(owner)
	conn, err := c.pool.Get(ctx, transport.Key{Addr: c.cfg.Endpoint, ServerName: c.cfg.ServerName, Role: wire.SC, Kind: transport.Control, Owner: owner})
	if err != nil {
		return err
	}
	return conn.CallUntil(ctx, api, req, resp)
}

// longCalls numbers the owners of connections for single calls, apart from those of consumers, which count from 1.
var longCalls = func() *atomic.Uint64 { n := new(atomic.Uint64); n.Store(1 << 63); return n }()

// Topic gives a topic of which every partition is known. When the snapshot lacks it, the SC is asked: the watch may lag
// behind a create by this very program. NotFound when the SC does not have it either.
func (c *Cluster) Topic(ctx context.Context, name string) (*Topic, error) {
	start := time.Now()
	var asked time.Time
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		changed := c.Changed()
		t := c.Snapshot().Topics[name]
		if t != nil && t.Complete() {
			return t, nil
		}
		if t == nil && time.Since(asked) >= askAgain/2 {
			if err := c.mustExist(ctx, name); err != nil {
				return nil, err
			}
			asked = time.Now()
		}
		select {
		case <-changed:
		case <-again.C: // it may have been deleted meanwhile
		case <-ctx.Done():
			return nil, fluvioerr.FromContext(ctx, "open topic", "the partitions of topic "+name+" to be placed"+t.missing(), time.Since(start)).At(name, -1).
				WithHint(fmt.Sprintf("the topic exists but not all partitions have an SPU: are enough SPUs online? The SC knows %d", len(c.Snapshot().SPUs)))
		}
	}
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

func (c *Cluster) mustExist(ctx context.Context, name string) error {
	for _, system := range []bool{false, true} {
		var list wire.ListResponse
		if err := c.Control(ctx, wire.KeyList, &wire.ListRequest{Label: wire.LabelTopic, Filters: []string{name}, System: system}, &list); err != nil {
			return err
		}
		for i := range list.Objects {
			if list.Objects[i].Name == name {
				return nil
			}
		}
	}
	return fluvioerr.New(fluvioerr.NotFound, "open topic", "topic %q does not exist on this cluster", name).At(name, -1).
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
func (c *Cluster) Observer() *obs.Observer { return c.pool.Observer() }

// publish makes a snapshot visible and wakes who waits for a change.
func (c *Cluster) publish(s *Snapshot) {
	if before := c.snap.Swap(s); before != nil {
		c.logMoves(before, s)
	}
	c.mu.Lock()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

// logMoves logs which partitions have got another leader.
func (c *Cluster) logMoves(before, now *Snapshot) {
	log := c.Observer().Log
	if !log.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	for name, topic := range now.Topics {
		old := before.Topics[name]
		if old == nil {
			continue
		}
		for i, p := range topic.Partitions {
			if p != nil && i < len(old.Partitions) && old.Partitions[i] != nil && old.Partitions[i].Leader != p.Leader {
				log.LogAttrs(context.Background(), slog.LevelInfo, "leader moved", slog.String("topic", name), slog.Int("partition", i),
					slog.Int("from", int(old.Partitions[i].Leader)), slog.Int("to", int(p.Leader)))
			}
		}
	}
}

func (c *Cluster) setLost(err error) {
	c.mu.Lock()
	c.lost = err
	c.mu.Unlock()
}
