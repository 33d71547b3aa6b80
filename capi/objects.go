package main

// #include "bridge.h"
import "C"

import (
	"context"
	"strconv"
	"strings"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// objectKind is one kind of the cluster's objects. What cannot be done with it is nil.
type objectKind struct {
	create   func(ctx context.Context, a *fluvio.Admin, name string, js []byte) (string, error)
	remove   func(a *fluvio.Admin, ctx context.Context, name string) error
	describe func(ctx context.Context, a *fluvio.Admin, name string) (any, error)
	list     func(ctx context.Context, a *fluvio.Admin, o fluvio.ListOptions) (any, error)
	watch    func(ctx context.Context, a *fluvio.Admin) (eventSource, error)
}

// objectKinds are the kinds by their names in C.
var objectKinds = map[string]objectKind{
	"topic": {
		creator(fluvio.ParseTopicSpec, (*fluvio.Admin).CreateTopic), (*fluvio.Admin).DeleteTopic,
		describer((*fluvio.Admin).Topic), lister((*fluvio.Admin).Topics), watcher((*fluvio.Admin).WatchTopics),
	},
	"partition": {
		nil, nil, describePartition, lister((*fluvio.Admin).Partitions), watcher((*fluvio.Admin).WatchPartitions),
	},
	"spu": {nil, nil, describer((*fluvio.Admin).SPU), lister((*fluvio.Admin).SPUs), watcher((*fluvio.Admin).WatchSPUs)},
	"custom_spu": {
		creator(fluvio.ParseCustomSPUSpec, (*fluvio.Admin).CreateCustomSPU), (*fluvio.Admin).DeleteCustomSPU,
		describer((*fluvio.Admin).SPU), lister((*fluvio.Admin).CustomSPUs), nil,
	},
	"spu_group": {
		creator(fluvio.ParseSPUGroupSpec, (*fluvio.Admin).CreateSPUGroup), (*fluvio.Admin).DeleteSPUGroup,
		describer((*fluvio.Admin).SPUGroup), lister((*fluvio.Admin).SPUGroups), watcher((*fluvio.Admin).WatchSPUGroups),
	},
	"smartmodule": {
		createSmartModule, (*fluvio.Admin).DeleteSmartModule,
		describer((*fluvio.Admin).SmartModule), lister((*fluvio.Admin).SmartModules), watcher((*fluvio.Admin).WatchSmartModules),
	},
	"table_format": {
		creator(fluvio.ParseTableFormatSpec, (*fluvio.Admin).CreateTableFormat), (*fluvio.Admin).DeleteTableFormat,
		describer((*fluvio.Admin).TableFormat), lister((*fluvio.Admin).TableFormats), watcher((*fluvio.Admin).WatchTableFormats),
	},
	"mirror": {
		creator(fluvio.ParseMirrorSpec, (*fluvio.Admin).CreateMirror), (*fluvio.Admin).DeleteMirror,
		describer((*fluvio.Admin).Mirror), lister((*fluvio.Admin).Mirrors), nil,
	},
}

func creator[S any](parse func([]byte) (S, error), create func(*fluvio.Admin, context.Context, string, S) error) func(context.Context, *fluvio.Admin, string, []byte) (string, error) {
	return func(ctx context.Context, a *fluvio.Admin, name string, js []byte) (string, error) {
		spec, err := parse(js)
		if err != nil {
			return "", err
		}
		return name, create(a, ctx, name, spec)
	}
}

func createSmartModule(ctx context.Context, a *fluvio.Admin, name string, js []byte) (string, error) {
	spec, err := fluvio.ParseSmartModuleSpec(js)
	if err != nil {
		return "", err
	}
	return a.CreateSmartModule(ctx, name, spec)
}

func describer[T any](describe func(*fluvio.Admin, context.Context, string) (T, error)) func(context.Context, *fluvio.Admin, string) (any, error) {
	return func(ctx context.Context, a *fluvio.Admin, name string) (any, error) { return describe(a, ctx, name) }
}

func describePartition(ctx context.Context, a *fluvio.Admin, name string) (any, error) {
	i := strings.LastIndexByte(name, '-')
	number, err := strconv.ParseInt(name[i+1:], 10, 32)
	if i < 0 || err != nil {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "describe partition", "%q is not a topic and a number with a - between", name).ForSetting("name")
	}
	return a.Partition(ctx, name[:i], int32(number))
}

func lister[T any](list func(*fluvio.Admin, context.Context, ...fluvio.ListOptions) ([]T, error)) func(context.Context, *fluvio.Admin, fluvio.ListOptions) (any, error) {
	return func(ctx context.Context, a *fluvio.Admin, o fluvio.ListOptions) (any, error) { return list(a, ctx, o) }
}

// eventSource is a watch of any kind.
type eventSource interface {
	next(ctx context.Context) (event, error)
	Close(ctx context.Context) error
}

// source makes an eventSource of the core's watch.
type source[T any] struct{ *fluvio.Watch[T] }

// event is what C is told of a change.
type event struct {
	Event  string `json:"event"`
	Object any    `json:"object"` // nil: none
	Error  any    `json:"error"`  // the message, nil: none
}

func (s source[T]) next(ctx context.Context) (event, error) {
	e, err := s.Next(ctx)
	if err != nil {
		return event{}, err
	}
	out := event{Event: e.Kind.String()}
	switch e.Kind {
	case fluvio.Lost:
		out.Error = e.Err.Error()
	case fluvio.Synced:
	default:
		out.Object = e.Object
	}
	return out, nil
}

func watcher[T any](open func(*fluvio.Admin, context.Context) (*fluvio.Watch[T], error)) func(context.Context, *fluvio.Admin) (eventSource, error) {
	return func(ctx context.Context, a *fluvio.Admin) (eventSource, error) {
		w, err := open(a, ctx)
		if err != nil {
			return nil, err
		}
		return source[T]{w}, nil
	}
}

// object carries out the functions for objects.
func (op *operation) object(ctx context.Context, c *client) (unsafe.Pointer, error) {
	admin := c.core.Admin()
	switch op.command {
	case C.FLUVIOC_ADD_PARTITIONS:
		return nil, admin.AddPartitions(ctx, op.topic, uint32(op.offset))
	case C.FLUVIOC_ADD_MIRROR:
		return nil, admin.AddMirror(ctx, op.topic, op.what)
	case C.FLUVIOC_WAIT_TOPIC:
		return nil, admin.WaitTopic(ctx, op.topic)
	}
	kind, known := objectKinds[op.what]
	if !known {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "objects", "there is no kind %q", op.what).ForSetting("kind").
			WithHint("kinds are topic, partition, spu, custom_spu, spu_group, smartmodule, table_format and mirror")
	}
	js, err := op.config()
	if err != nil {
		return nil, err
	}
	switch op.command {
	case C.FLUVIOC_CREATE_OBJECT:
		if kind.create == nil {
			return nil, op.unfit("created: servers make them")
		}
		name, err := kind.create(ctx, admin, op.topic, js)
		if err != nil {
			return nil, err
		}
		return newText("create object", []byte(name))
	case C.FLUVIOC_DELETE_OBJECT:
		return nil, op.deleteObject(ctx, admin, kind, js)
	case C.FLUVIOC_DESCRIBE_OBJECT:
		found, err := kind.describe(ctx, admin, op.topic)
		if err != nil {
			return nil, err
		}
		return cValue("describe object", found)
	case C.FLUVIOC_LIST_OBJECTS:
		options, err := fluvio.ParseListOptions(js)
		if err != nil {
			return nil, err
		}
		found, err := kind.list(ctx, admin, options)
		if err != nil {
			return nil, err
		}
		return cValue("list objects", found)
	}
	return op.openWatch(ctx, c, kind)
}

// unfit says that something cannot be done with objects of a kind.
func (op *operation) unfit(what string) error {
	return fluvioerr.New(fluvioerr.InvalidArgument, "objects", "objects of the kind %s cannot be %s", op.what, what).ForSetting("kind")
}

func (op *operation) deleteObject(ctx context.Context, admin *fluvio.Admin, kind objectKind, js []byte) error {
	o, err := fluvio.ParseDeleteOptions(js)
	switch {
	case err != nil:
		return err
	case kind.remove == nil:
		return op.unfit("deleted: servers do that")
	case o.Force && op.what != "topic":
		return op.unfit("deleted with force: that is for topics")
	case o.ID != nil && (op.what != "custom_spu" || op.hasTopic):
		return op.unfit("deleted by id and name: custom SPUs can by one of them")
	case o.Force:
		return admin.ForceDeleteTopic(ctx, op.topic)
	case o.ID != nil:
		return admin.DeleteCustomSPUByID(ctx, *o.ID)
	}
	return kind.remove(admin, ctx, op.topic)
}

// watch is what stands behind a fluvio_watch_t.
type watch struct {
	id     uint64
	client *client
	source eventSource
	handle *C.fluvio_watch_t
	closer closer
}

// openWatch carries out fluvio_watch_open.
func (op *operation) openWatch(ctx context.Context, c *client, kind objectKind) (unsafe.Pointer, error) {
	if kind.watch == nil {
		return nil, op.unfit("watched: servers do not tell of them")
	}
	opened, err := kind.watch(ctx, c.core.Admin())
	if err != nil {
		return nil, err
	}
	w := &watch{client: c, source: opened}
	w.id = watches.add(w)
	if w.handle = C.fluvioc_watch_new(C.uint64_t(w.id), c.handle); w.handle == nil {
		watches.remove(w.id)
		return nil, abandon(opened.Close, "open watch")
	}
	if !c.adopt(w) {
		_ = w.close(c.ctx)
		C.fluvioc_drop(unsafe.Pointer(w.handle))
		return nil, errClosed("open watch", "client")
	}
	return unsafe.Pointer(w.handle), nil
}

// mostEvents is how many events one call gives at most.
const mostEvents = 256

// next carries out fluvio_watch_next: it waits for the first event and takes those that are there.
func (w *watch) next(ctx context.Context) (unsafe.Pointer, error) {
	first, err := w.source.next(ctx)
	if err != nil {
		return nil, err
	}
	events := []event{first}
	there, cancel := context.WithCancel(ctx)
	cancel()
	for len(events) < mostEvents {
		e, err := w.source.next(there)
		if err != nil {
			break // nothing more, or closed, which the next call tells
		}
		events = append(events, e)
	}
	return cValue("watch", events)
}

// close carries out fluvio_watch_close.
func (w *watch) close(ctx context.Context) error {
	return w.closer.do(ctx, "close watch", func() error {
		err := w.source.Close(ctx)
		w.client.forget(w)
		watches.remove(w.id)
		C.fluvioc_closed(unsafe.Pointer(w.handle))
		C.fluvioc_drop(unsafe.Pointer(w.handle))
		return err
	})
}

func (w *watch) closeWithClient(ctx context.Context) error { return w.close(ctx) }

// runOnWatch carries out an operation on a watch.
func (op *operation) runOnWatch(ctx context.Context) (unsafe.Pointer, error) {
	w, ok := watches.get(op.target)
	switch {
	case ok && op.command == C.FLUVIOC_CLOSE_WATCH:
		return nil, w.close(ctx)
	case ok:
		return w.next(ctx)
	case op.command == C.FLUVIOC_CLOSE_WATCH:
		return nil, nil
	}
	return nil, errClosed("watch", "watch")
}
