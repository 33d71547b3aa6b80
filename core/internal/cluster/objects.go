package cluster

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// ChangeKind is what an ObjectWatch tells.
type ChangeKind uint8

// The kinds of changes.
const (
	ObjectAdded ChangeKind = iota + 1
	ObjectChanged
	ObjectDeleted    // the object is the last one seen
	ObjectsSynced    // what was told so far is all there is
	WatchInterrupted // the SC is away for the reason Err; the watch goes on
)

// String is the kind for people.
func (k ChangeKind) String() string {
	names := [...]string{ObjectAdded: "added", ObjectChanged: "changed", ObjectDeleted: "deleted", ObjectsSynced: "synced", WatchInterrupted: "lost"}
	if int(k) < len(names) {
		return names[k]
	}
	return ""
}

// Change is one thing that an ObjectWatch tells.
type Change struct {
	Kind   ChangeKind
	Object wire.Object
	Err    error
}

// ObjectWatch watches one sort of object, on a connection of its own. One goroutine applies what the SC says to the state of
// the cluster; Next compares that with what it has told, object by object, so what is kept is bounded by the objects there are,
// however slowly the changes are taken.
type ObjectWatch struct {
	c     *Cluster
	label string
	owner uint64
	stop  context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	now    map[string]*watched
	dirty  []string // names to look at, in the order in which they changed
	queued map[string]bool
	inSync bool  // the SC has said what there is, on this connection
	sync   int   // so many of dirty are to be looked at before that is told; -1: it was told, or is not to be
	lost   error // to be told first
	closed bool
	wake   chan struct{} // closed and replaced when there is something to tell
}

// watched is an object as it is and as it was told of. Nil pointers: it is not there.
type watched struct {
	is, told *wire.Object
	reborn   bool // deleted and made again since it was told of
}

// WatchObjects opens a watch and waits until the SC has answered. It ends by Close.
func (c *Cluster) WatchObjects(ctx context.Context, label string) (*ObjectWatch, error) {
	start := time.Now()
	run, stop := context.WithCancel(context.Background())
	w := &ObjectWatch{
		c: c, label: label, owner: longCalls.Add(1), stop: stop, done: make(chan struct{}),
		now: map[string]*watched{}, queued: map[string]bool{}, sync: -1, wake: make(chan struct{}),
	}
	conn, messages, err := w.open(ctx, run)
	if err == nil {
		select {
		case m := <-messages:
			if err = m.err; err == nil {
				err = w.apply(ctx, &m.update)
			}
		case <-conn.Done():
			err = conn.Err()
		case <-ctx.Done():
			err = fluvioerr.FromContext(ctx, "watch", "the first answer", time.Since(start)).AtAddr(c.cfg.Endpoint)
		}
	}
	if err != nil {
		stop()
		c.pool.CloseOwner(w.owner)
		return nil, err
	}
	go w.run(run, conn, messages)
	return w, nil
}

// open connects and sends the request.
func (w *ObjectWatch) open(ctx, run context.Context) (*transport.Conn, chan message, error) {
	key := transport.Key{Addr: w.c.cfg.Endpoint, ServerName: w.c.cfg.ServerName, Role: wire.SC, Kind: transport.Watch, Owner: w.owner}
	conn, err := w.c.pool.Get(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	version, err := conn.Versions().For(wire.KeyWatch)
	if err != nil {
		return nil, nil, err
	}
	messages := make(chan message, 16)
	receive := func(_ *transport.Buffer, body []byte, err error) { // the objects may hold views of the frame: it is not released
		m := message{err: err}
		if err == nil {
			_, m.err = wire.Decode(body, version, &m.update)
		}
		select {
		case messages <- m:
		case <-run.Done():
		case <-conn.Done(): // the reader of messages sees that
		}
	}
	_, err = conn.Stream(wire.KeyWatch, version, &wire.WatchRequest{Label: w.label, Summary: w.label == wire.LabelSmartModule}, receive)
	return conn, messages, err
}

// run applies messages and reconnects until the watch is closed.
func (w *ObjectWatch) run(ctx context.Context, conn *transport.Conn, messages chan message) {
	defer close(w.done)
	backoff := transport.NewBackoff(w.c.cfg.BackoffFirst, w.c.cfg.BackoffMax)
	for {
		since := time.Now()
		err := w.follow(ctx, conn, messages)
		if ctx.Err() != nil {
			conn.Close()
			return
		}
		conn.Fail(err)
		if time.Since(since) > w.c.cfg.BackoffMax {
			backoff.Reset()
		}
		for conn = nil; conn == nil; {
			w.interrupted(err)
			if !backoff.Wait(ctx, nil) {
				return
			}
			if conn, messages, err = w.open(ctx, ctx); err != nil {
				conn = nil
			}
		}
	}
}

func (w *ObjectWatch) follow(ctx context.Context, conn *transport.Conn, messages chan message) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-conn.Done():
			return conn.Err()
		case m := <-messages:
			if m.err == nil {
				m.err = w.apply(ctx, &m.update)
			}
			if m.err != nil {
				return m.err
			}
		}
	}
}

// otherType is the error of an SC that tells of objects of another type than it was asked for.
func otherType(op, asked, label string) *fluvioerr.Error {
	return fluvioerr.New(fluvioerr.Protocol, op, "the SC was asked for objects of type %s and told of %q", asked, label)
}

// apply takes a message in. One that is empty may be the snapshot of no objects, or nothing at all: where there were some, a
// list decides.
func (w *ObjectWatch) apply(ctx context.Context, u *wire.MetadataUpdate) error {
	if u.Label != w.label {
		return otherType("watch", w.label, u.Label).AtAddr(w.c.cfg.Endpoint)
	}
	full := len(u.All) > 0
	if !full && len(u.Changes) == 0 && u.Epoch > 0 && w.any() {
		objects, err := w.c.listAll(ctx, w.label)
		if err != nil {
			return err
		}
		u.All, full = objects, true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	keep := make(map[string]bool, len(u.All))
	for i := range u.All {
		keep[u.All[i].Name] = true
		w.put(&u.All[i], false)
	}
	if full {
		for name := range w.now {
			if !keep[name] {
				w.drop(name)
			}
		}
	}
	again := map[string]bool{} // updates win over deletes of the same message: those were of the object before
	for i := range u.Changes {
		if ch := &u.Changes[i]; ch.Kind == wire.ChangeDelete {
			again[ch.Object.Name] = true
		}
	}
	for i := range u.Changes {
		if ch := &u.Changes[i]; ch.Kind == wire.ChangeUpdate {
			w.put(&ch.Object, again[ch.Object.Name])
			delete(again, ch.Object.Name)
		}
	}
	for name := range again {
		w.drop(name)
	}
	// An SC that has not read its store yet says at epoch 0 that it has nothing.
	if !w.inSync && (full || u.Epoch > 0 || len(w.now) == 0) {
		w.inSync, w.sync = true, len(w.dirty)
	}
	w.signal()
	return nil
}

func (w *ObjectWatch) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.now) > 0
}

// put takes an object in. The lock is held.
func (w *ObjectWatch) put(o *wire.Object, again bool) {
	seen := w.now[o.Name]
	if seen == nil {
		seen = &watched{}
		w.now[o.Name] = seen
	}
	if seen.told != nil && (again || seen.is == nil) {
		seen.reborn = true
	}
	if !seen.reborn && seen.is != nil && reflect.DeepEqual(*seen.is, *o) {
		return
	}
	seen.is = o
	w.mark(o.Name)
}

// drop takes an object out. The lock is held.
func (w *ObjectWatch) drop(name string) {
	seen := w.now[name]
	switch {
	case seen == nil || seen.is == nil:
	case seen.told == nil: // it came and went between
		delete(w.now, name)
	default:
		seen.is, seen.reborn = nil, false
		w.mark(name)
	}
}

func (w *ObjectWatch) mark(name string) {
	if !w.queued[name] {
		w.queued[name] = true
		w.dirty = append(w.dirty, name)
	}
}

func (w *ObjectWatch) signal() {
	close(w.wake)
	w.wake = make(chan struct{})
}

// interrupted notes that the SC is away; it is told once, until it is back.
func (w *ObjectWatch) interrupted(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.inSync {
		w.lost, w.inSync, w.sync = err, false, -1
		w.signal()
	}
}

// Next waits for the next change until ctx ends.
func (w *ObjectWatch) Next(ctx context.Context) (Change, error) {
	start := time.Now()
	for {
		w.mu.Lock()
		change, some := w.take()
		closed, wake := w.closed, w.wake
		w.mu.Unlock()
		switch {
		case closed:
			return Change{}, fluvioerr.New(fluvioerr.Closed, "watch", "the watch was closed")
		case some:
			return change, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return Change{}, fluvioerr.FromContext(ctx, "watch", "a change", time.Since(start))
		}
	}
}

// take gives a change that is due. The lock is held.
func (w *ObjectWatch) take() (Change, bool) {
	if w.lost != nil {
		err := w.lost
		w.lost = nil
		return Change{Kind: WatchInterrupted, Err: err}, true
	}
	for {
		if w.sync == 0 {
			w.sync = -1
			return Change{Kind: ObjectsSynced}, true
		}
		if len(w.dirty) == 0 {
			return Change{}, false
		}
		name := w.dirty[0]
		seen := w.now[name]
		if seen != nil && seen.reborn { // told in two steps
			last := *seen.told
			seen.told, seen.reborn = nil, false
			return Change{Kind: ObjectDeleted, Object: last}, true
		}
		w.dirty = w.dirty[1:]
		w.sync = max(w.sync-1, -1)
		delete(w.queued, name)
		switch {
		case seen == nil:
		case seen.is == nil:
			delete(w.now, name)
			return Change{Kind: ObjectDeleted, Object: *seen.told}, true
		case seen.told == nil:
			seen.told = seen.is
			return Change{Kind: ObjectAdded, Object: *seen.is}, true
		case seen.told != seen.is && !reflect.DeepEqual(*seen.told, *seen.is):
			seen.told = seen.is
			return Change{Kind: ObjectChanged, Object: *seen.is}, true
		}
	}
}

// Close ends the watch; a waiting Next returns.
func (w *ObjectWatch) Close() {
	w.stop()
	<-w.done
	w.c.pool.CloseOwner(w.owner) // not before: a dial may have begun meanwhile
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		w.signal()
	}
}

// listAll asks the SC for all objects of a sort.
func (c *Cluster) listAll(ctx context.Context, label string) (all []wire.Object, err error) {
	systems := []bool{false}
	if label == wire.LabelTopic || label == wire.LabelPartition {
		systems = append(systems, true)
	}
	for _, system := range systems {
		var list wire.ListResponse
		if err := c.Control(ctx, wire.KeyList, &wire.ListRequest{Label: label, System: system, Summary: label == wire.LabelSmartModule}, &list); err != nil {
			return nil, err
		}
		all = append(all, list.Objects...)
	}
	return all, nil
}

// TopicReady waits until the watch shows a topic of at least that many partitions, each with a leader that is online. absent says to
// wait for a topic that does not exist, too; otherwise that is NotFound.
func (c *Cluster) TopicReady(ctx context.Context, name string, partitions int, absent bool) error {
	_, err := c.untilTopic(ctx, name, absent, func(snap *Snapshot, t *Topic) string { return c.notReady(snap, t, partitions) })
	return err
}

// notReady says what a topic lacks, "" for nothing.
func (c *Cluster) notReady(snap *Snapshot, t *Topic, partitions int) string {
	if t == nil {
		return "the topic to exist"
	}
	var without []string
	for i, p := range t.Partitions {
		if p == nil || !p.Online() || snap.SPUs[p.Leader] == nil || snap.SPUs[p.Leader].Addr == "" {
			without = append(without, fmt.Sprint(i))
		}
	}
	switch {
	case len(t.Partitions) < max(partitions, 1):
		return fmt.Sprintf("%d partitions, there are %d", max(partitions, 1), len(t.Partitions))
	case len(without) > 8:
		without = append(slices.Clip(without[:8]), "...")
	}
	if len(without) == 0 {
		return ""
	}
	return "leaders of the partitions " + strings.Join(without, ", ")
}
