package devcluster

import (
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// store holds the SC's objects of one type and what changed when. Objects in it are never written to: a change replaces
// them, so that watches may encode them without a lock.
type store struct {
	label string

	mu       sync.Mutex
	epoch    int64
	objects  map[string]storedObject
	graves   []storedObject // deleted objects, for the watches that have not seen them yet
	watchers map[*storeWatch]struct{}
}

type storedObject struct {
	epoch int64
	obj   wire.Object
}

// storeWatch is one reader of a store's changes. wake gets a token after every change.
type storeWatch struct {
	store *store
	seen  int64
	full  bool // a snapshot is due
	wake  chan struct{}
}

func newStore(label string) *store {
	return &store{label: label, objects: map[string]storedObject{}, watchers: map[*storeWatch]struct{}{}}
}

func (s *store) put(name string, spec, status wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.objects[name] = storedObject{s.epoch, wire.Object{Name: name, Spec: spec, Status: status}}
	s.signal()
}

func (s *store) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[name]
	if !ok {
		return
	}
	s.epoch++
	delete(s.objects, name)
	s.graves = append(s.graves, storedObject{s.epoch, o.obj})
	s.signal()
}

// restart counts epochs anew, as a restarted SC does when it reads its objects.
func (s *store) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.graves = 0, nil
	for _, o := range s.sorted(nil) {
		s.epoch++
		s.objects[o.Name] = storedObject{s.epoch, o}
	}
}

// reset forgets everything, because whoever restarts the SC puts it in again.
func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.graves = 0, nil
	clear(s.objects)
}

// get finds an object by its name.
func (s *store) get(name string) (wire.Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[name]
	return o.obj, ok
}

// resync makes the next message of every watch a full snapshot.
func (s *store) resync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		w.full = true
	}
	s.signal()
}

// signal wakes the watches and drops the graves that all of them have seen. The lock is held.
func (s *store) signal() {
	oldest := s.epoch
	for w := range s.watchers {
		oldest = min(oldest, w.seen)
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	s.graves = slices.DeleteFunc(s.graves, func(g storedObject) bool { return g.epoch <= oldest })
}

// list gives the objects that keep accepts, in the order of their names.
func (s *store) list(keep func(*wire.Object) bool) []wire.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted(keep)
}

func (s *store) sorted(keep func(*wire.Object) bool) []wire.Object {
	out := make([]wire.Object, 0, len(s.objects))
	for _, o := range s.objects {
		if keep == nil || keep(&o.obj) {
			out = append(out, o.obj)
		}
	}
	slices.SortFunc(out, func(a, b wire.Object) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// watch begins a watch and gives its first message, the full snapshot.
func (s *store) watch() (*storeWatch, *wire.MetadataUpdate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &storeWatch{store: s, seen: s.epoch, wake: make(chan struct{}, 1)}
	s.watchers[w] = struct{}{}
	return w, s.snapshot()
}

// snapshot is the message with every object. The lock is held.
func (s *store) snapshot() *wire.MetadataUpdate {
	return &wire.MetadataUpdate{Label: s.label, Epoch: s.epoch, All: s.sorted(nil)}
}

// next gives what changed since the last call, nil if nothing did: updates in the order they were made, then deletes with
// the last known object; or a snapshot, if one is due.
func (w *storeWatch) next() *wire.MetadataUpdate {
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.full {
		w.full, w.seen = false, s.epoch
		return s.snapshot()
	}
	if s.epoch == w.seen {
		return nil
	}
	var changed []storedObject
	for _, o := range s.objects {
		if o.epoch > w.seen {
			changed = append(changed, o)
		}
	}
	sort.Slice(changed, func(i, j int) bool { return changed[i].epoch < changed[j].epoch })
	m := &wire.MetadataUpdate{Label: s.label, Epoch: s.epoch}
	for _, o := range changed {
		m.Changes = append(m.Changes, wire.Change{Kind: wire.ChangeUpdate, Object: o.obj})
	}
	for _, g := range s.graves {
		if g.epoch > w.seen {
			m.Changes = append(m.Changes, wire.Change{Kind: wire.ChangeDelete, Object: g.obj})
		}
	}
	w.seen = s.epoch
	return m
}

func (w *storeWatch) close() {
	w.store.mu.Lock()
	delete(w.store.watchers, w)
	w.store.mu.Unlock()
}
