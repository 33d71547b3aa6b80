package fluvio

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Admin creates, changes, deletes, lists and watches the cluster's objects. Its methods are safe for concurrent use. Each ends
// with its ctx, and by itself after the request timeout unless it says otherwise. Refusals of the server carry its code.
type Admin struct{ client *Client }

// Admin gives access to the cluster's objects.
func (c *Client) Admin() *Admin { return &Admin{c} }

// ListOptions say which objects to list. The zero value: all but those of the system.
type ListOptions struct {
	// Names are parts of names; an object is listed when one of them is in its name. Of SmartModules they are whole names:
	// name, group/name or group/name@version. Empty: all.
	Names []string `setting:"names"`
	// System lists the topics and partitions of the system, and no others.
	System bool `setting:"system"`
	// Topic lists the partitions of one topic. For partitions only.
	Topic string `setting:"topic"`
	// Wasm lists SmartModules with their WebAssembly, which may be much. For SmartModules only.
	Wasm bool `setting:"wasm"`
}

// ParseListOptions reads list options, as ParseClientOptions.
func ParseListOptions(js []byte) (o ListOptions, err error) {
	return o, parseSettings("list", js, &o)
}

// DeleteOptions say how to delete an object, for callers that take settings.
type DeleteOptions struct {
	// Force deletes topics of the system, too. For topics only.
	Force bool `setting:"force"`
	// ID is that of a custom SPU, instead of its name. For custom SPUs only.
	ID *int32 `setting:"id" min:"0" max:"2147483647"`
}

// ParseDeleteOptions reads delete options, as ParseClientOptions.
func ParseDeleteOptions(js []byte) (o DeleteOptions, err error) {
	return o, parseSettings("delete", js, &o)
}

func (o DeleteOptions) problems() *problems { return checked(o) }

func (o ListOptions) problems() *problems { return checked(o) }

// checked gives the problems of options that no two of them make together.
func checked(options any) *problems {
	p := &problems{}
	checkSettings(p, options)
	return p
}

// kind is one sort of the SC's objects.
type kind[T any] struct {
	objects
	from func(*wire.Object) T
	// key orders a list.
	key func(a, b *T) int
}

// objects is what of a kind does not depend on the type: generic code costs its size for each of them.
type objects struct {
	label string
	name  string // for people
}

// check refuses what does not fit the kind.
func (k *objects) check(o *ListOptions) error {
	var p problems
	if o.System && k.label != wire.LabelTopic && k.label != wire.LabelPartition {
		p.add("system", "is for topics and partitions, not for a list of %ss", k.name)
	}
	if o.Topic != "" && k.label != wire.LabelPartition {
		p.add("topic", "is for partitions, not for a list of %ss", k.name)
	}
	if o.Wasm && k.label != wire.LabelSmartModule {
		p.add("wasm", "is for SmartModules, not for a list of %ss", k.name)
	}
	for _, name := range o.Names {
		if problem := textProblem(name); problem != "" {
			p.add("names", "a name %s", problem)
		} else if _, err := wire.ParseSmartModuleName(name); err != nil && k.label == wire.LabelSmartModule {
			p.add("names", "%s", fluvioerr.As(err).Message)
		}
	}
	return p.err("list")
}

// matches applies the filters once more: servers ignore them for partitions and mirrors.
func (k *objects) matches(o *wire.Object, want *ListOptions) bool {
	if want.Topic != "" {
		if topic, _, ok := wire.SplitPartitionName(o.Name); !ok || topic != want.Topic {
			return false
		}
	}
	return len(want.Names) == 0 || k.label == wire.LabelSmartModule ||
		slices.ContainsFunc(want.Names, func(part string) bool { return strings.Contains(o.Name, part) })
}

// ask asks the SC for objects.
func (k *objects) ask(ctx context.Context, a *Admin, options []ListOptions) ([]wire.Object, error) {
	var o ListOptions
	if len(options) > 0 {
		o = options[0]
	}
	if err := a.client.ready(ctx, "list "+k.name+"s"); err != nil {
		return nil, err
	}
	if err := k.check(&o); err != nil {
		return nil, err
	}
	req := &wire.ListRequest{Label: k.label, Filters: o.Names, Summary: k.label == wire.LabelSmartModule && !o.Wasm, System: o.System}
	var answer wire.ListResponse
	if err := a.client.cluster.Control(ctx, wire.KeyList, req, &answer); err != nil {
		return nil, named(err, "list "+k.name+"s", "")
	}
	return slices.DeleteFunc(answer.Objects, func(object wire.Object) bool { return !k.matches(&object, &o) }), nil
}

// list asks the SC for objects and puts them in order.
func list[T any](ctx context.Context, a *Admin, k kind[T], options []ListOptions) ([]T, error) {
	found, err := k.ask(ctx, a, options)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(found))
	for i := range found {
		out[i] = k.from(&found[i])
	}
	sort.Slice(out, func(i, j int) bool { return k.key(&out[i], &out[j]) < 0 }) // slices.SortFunc costs 15 KB for each type
	return out, nil
}

// describe gives the object of a name, or a NotFound error. A list is what servers offer for it.
func describe[T any](ctx context.Context, a *Admin, k kind[T], name string, is func(*T) bool, options ...ListOptions) (none T, err error) {
	op := "describe " + k.name
	if err := a.checkObjectName(ctx, op, name); err != nil {
		return none, err
	}
	for _, o := range options {
		found, err := list(ctx, a, k, []ListOptions{o})
		if err != nil {
			return none, named(err, op, "")
		}
		for i := range found {
			if is(&found[i]) {
				return found[i], nil
			}
		}
	}
	return none, k.missing(op, name)
}

func (k *objects) missing(op, name string) error {
	e := fluvioerr.New(fluvioerr.NotFound, op, "%s %q does not exist on this cluster", k.name, name).WithDetail("name", name)
	return e.WithHint("check the name, or create it first")
}

// textProblem says why a text cannot be sent, "" for nothing.
func textProblem(text string) string {
	switch {
	case len(text) > math.MaxInt16:
		return "is longer than 32767 bytes"
	case !utf8.ValidString(text):
		return "is not UTF-8"
	}
	return ""
}

// checkObjectName refuses names that no object can have. The server itself has rules for topics only.
func (a *Admin) checkObjectName(ctx context.Context, op, name string) error {
	if err := a.client.ready(ctx, op); err != nil {
		return err
	}
	problem := textProblem(name)
	if name == "" {
		problem = "is empty"
	}
	if problem == "" {
		return nil
	}
	return fluvioerr.New(fluvioerr.InvalidArgument, op, "the name %s", problem).ForSetting("name").WithHint("give a name of 1 to 32767 bytes")
}

// create makes an object other than a topic and gives its name, which the server may have changed.
func (a *Admin) create(ctx context.Context, op string, req *wire.CreateRequest) (string, error) {
	if err := a.checkObjectName(ctx, op, req.Name); err != nil {
		return "", err
	}
	var status wire.Status
	send := a.client.cluster.Control
	if req.Timeout != nil {
		send = a.client.cluster.ControlLong
	}
	if err := send(ctx, wire.KeyCreate, req, &status); err != nil {
		return "", about(named(err, op, ""), req.Name)
	}
	if err := statusError(&status, op, ""); err != nil {
		return "", about(err, req.Name)
	}
	return cmp.Or(status.Name, req.Name), nil
}

// remove deletes an object other than a topic.
func (a *Admin) remove(ctx context.Context, op string, req *wire.DeleteRequest) error {
	if req.ID == nil {
		if err := a.checkObjectName(ctx, op, req.Name); err != nil {
			return err
		}
	} else if err := a.client.ready(ctx, op); err != nil {
		return err
	}
	var status wire.Status
	if err := a.client.cluster.Control(ctx, wire.KeyDelete, req, &status); err != nil {
		return about(named(err, op, ""), req.Name)
	}
	if err := statusError(&status, op, ""); err != nil {
		return about(err, req.Name)
	}
	return nil
}

// about says in an error which object it is about.
func about(err error, name string) error {
	e := fluvioerr.As(err)
	if e == nil || name == "" {
		return err
	}
	e.Op += " " + name
	return e.WithDetail("name", name)
}

// statusError turns the SC's answer into an error, nil for success.
func statusError(s *wire.Status, op, topic string) error {
	e := s.Error.Err(op)
	if e == nil {
		return nil
	}
	if s.Message != nil && *s.Message != "" && !strings.HasSuffix(e.Message, *s.Message) {
		e.Message += ": " + *s.Message
	}
	return e.At(topic, -1)
}

// named says in an error what was being done.
func named(err error, op, topic string) error {
	e := fluvioerr.As(err)
	if e == nil {
		return err
	}
	own := *e
	own.Op = op
	return own.At(topic, -1)
}

func isEnd(err error) bool { return fluvioerr.CodeOf(err) == fluvioerr.End }

// of gives the text of a number; texts are those of 0, 1, 2 and so on.
func of(number uint8, texts ...string) string {
	if int(number) < len(texts) {
		return texts[number]
	}
	return "unknown"
}

// numberOf gives the number of a text, 0 when it is none of them.
func numberOf(text string, texts ...string) uint8 {
	return uint8(max(slices.Index(texts, text), 0))
}

// optional is a text as the protocol has it where it may be missing.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// value is what a pointer points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// WatchKind is what happened to an object.
type WatchKind = cluster.ChangeKind

// The kinds of events of a Watch.
const (
	// Added: the object is there. The first events are those of all there are.
	Added = cluster.ObjectAdded
	// Changed: spec or status of the object are others.
	Changed = cluster.ObjectChanged
	// Deleted: the object, as it was last seen, is gone.
	Deleted = cluster.ObjectDeleted
	// Synced: what was said so far is all there is. Comes once after the first objects, and after every Lost, when what has
	// changed meanwhile was told.
	Synced = cluster.ObjectsSynced
	// Lost: the SC cannot be reached, for the reason Err; the watch goes on by itself.
	Lost = cluster.WatchInterrupted
)

// WatchEvent is one event of a Watch.
type WatchEvent[T any] struct {
	Kind   WatchKind
	Object T     // Added, Changed, Deleted
	Err    error // Lost
}

// Watch tells of every change of one sort of object, in order, from what there is on. It survives lost connections: what
// changed meanwhile comes afterwards. Who takes events slowly gets the latest state of each object, not every state between;
// that an object was deleted and made again is always told. Close it in the end; its client's Close does, too.
type Watch[T any] struct {
	w      *cluster.ObjectWatch
	client *Client
	from   func(*wire.Object) T
}

// watch opens a watch of a sort of object.
func (k *objects) watch(ctx context.Context, a *Admin) (*cluster.ObjectWatch, error) {
	if err := a.client.ready(ctx, "watch "+k.name+"s"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.client.opts.RequestTimeout)
	defer cancel()
	w, err := a.client.cluster.WatchObjects(ctx, k.label)
	if err != nil {
		return nil, named(err, "watch "+k.name+"s", "")
	}
	return w, nil
}

func watch[T any](ctx context.Context, a *Admin, k kind[T]) (*Watch[T], error) {
	w, err := k.watch(ctx, a)
	if err != nil {
		return nil, err
	}
	out := &Watch[T]{w: w, client: a.client, from: k.from}
	if err := a.client.adopt(out); err != nil {
		w.Close()
		return nil, err
	}
	return out, nil
}

// Next waits for the next event until ctx ends. Closed: the watch, or its client, was closed.
func (w *Watch[T]) Next(ctx context.Context) (WatchEvent[T], error) {
	change, err := w.w.Next(ctx)
	if err != nil {
		return WatchEvent[T]{}, err
	}
	event := WatchEvent[T]{Kind: change.Kind, Err: change.Err}
	if change.Kind != Synced && change.Kind != Lost {
		event.Object = w.from(&change.Object)
	}
	return event, nil
}

// Events gives the events until ctx ends, the loop is left or the watch is closed; the latter two end it without an error.
func (w *Watch[T]) Events(ctx context.Context) func(yield func(WatchEvent[T], error) bool) {
	return func(yield func(WatchEvent[T], error) bool) {
		for {
			event, err := w.Next(ctx)
			if fluvioerr.CodeOf(err) == fluvioerr.Closed || !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the watch. It does not wait for ctx: it takes no time.
func (w *Watch[T]) Close(context.Context) error {
	w.client.orphan(w)
	w.w.Close()
	return nil
}

// limited gives ctx a limit when it has none.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}
