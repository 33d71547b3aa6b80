package obs

import (
	"context"
	"fmt"
	"time"
)

// Conn says where a connection leads.
type Conn struct {
	Addr string // host:port
	Role string // SC or SPU
	Kind string // control, watch, produce or fetch
}

// Request is a request and its answer. Streams, which have any number of answers, are none.
type Request struct {
	Conn    Conn
	API     string // for instance Produce
	Version int16
	Bytes   int // of the request's body
}

// ProduceBatch is records of one partition on their way together, from the first Send to their report.
type ProduceBatch struct {
	Topic     string
	Partition int32
	Created   time.Time // when its first record was sent; the start is told later, when the batch leaves or fails
	Records   int
	Bytes     int   // of keys and values
	Offset    int64 // of the first record; at the end only, -1 unknown
}

// FetchBatch is records of one partition from their arrival until the application takes them.
type FetchBatch struct {
	Topic     string
	Partition int32
	Received  time.Time // when they arrived; the start is told later, when they are taken
	Offset    int64     // of the first record; this and the following at the end only
	Records   int
	Bytes     int // of the encoded records, decompressed, and of headers between them
}

// Commit is the storing of the offset of a named consumer.
type Commit struct {
	ConsumerID string
	Topic      string
	Partition  int32
	Offset     int64
}

// The hooks are told of starts and ends. What a Start returns is given to the End, and so are its values to starts inside.
// Hooks run on goroutines of the client, some of which read from connections: they must not block, nor call the client.

// ConnectHook is told of connections that are dialled, their handshakes included.
type ConnectHook interface {
	ConnectStart(ctx context.Context, c Conn) context.Context
	ConnectEnd(ctx context.Context, c Conn, err error)
}

// RequestHook is told of requests.
type RequestHook interface {
	RequestStart(ctx context.Context, r Request) context.Context
	RequestEnd(ctx context.Context, r Request, err error)
}

// ProduceBatchHook is told of batches that are produced. The context of the start has the values of that of the Send that
// began the batch.
type ProduceBatchHook interface {
	ProduceBatchStart(ctx context.Context, b ProduceBatch) context.Context
	ProduceBatchEnd(ctx context.Context, b ProduceBatch, err error)
}

// FetchBatchHook is told of batches that are consumed.
type FetchBatchHook interface {
	FetchBatchStart(ctx context.Context, b FetchBatch) context.Context
	FetchBatchEnd(ctx context.Context, b FetchBatch, err error)
}

// CommitHook is told of offsets that are stored, each partition by itself.
type CommitHook interface {
	CommitStart(ctx context.Context, c Commit) context.Context
	CommitEnd(ctx context.Context, c Commit, err error)
}

// hooks are those of a client by what they want to know.
type hooks struct {
	connect []ConnectHook
	request []RequestHook
	produce []ProduceBatchHook
	fetch   []FetchBatchHook
	commit  []CommitHook
}

// add sorts a hook in; an error if it implements none of the interfaces.
func (h *hooks) add(hook any) error {
	known := false
	known = sortIn(&h.connect, hook) || known
	known = sortIn(&h.request, hook) || known
	known = sortIn(&h.produce, hook) || known
	known = sortIn(&h.fetch, hook) || known
	known = sortIn(&h.commit, hook) || known
	if !known {
		return fmt.Errorf("a %T is no hook: it implements none of the hook interfaces", hook)
	}
	return nil
}

func sortIn[T any](list *[]T, hook any) bool {
	h, ok := hook.(T)
	if ok {
		*list = append(*list, h)
	}
	return ok
}

// CheckHooks says which of the hooks are none.
func CheckHooks(list []any) (problems []error) {
	for _, hook := range list {
		if err := new(hooks).add(hook); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// Span is something that has begun and of which hooks are told; nil when there are none.
type Span[T any] struct {
	ctx context.Context
	end []func(ctx context.Context, what T, err error)
}

// Context is what hooks have put their own into, or ctx.
func (s *Span[T]) Context(ctx context.Context) context.Context {
	if s == nil {
		return ctx
	}
	return s.ctx
}

// End tells the hooks of the end.
func (s *Span[T]) End(what T, err error) {
	if s == nil {
		return
	}
	for i := len(s.end) - 1; i >= 0; i-- {
		s.end[i](s.ctx, what, err)
	}
}

// begin tells hooks of a start.
func begin[H, T any](ctx context.Context, list []H, what T, start func(H, context.Context, T) context.Context, end func(H, context.Context, T, error)) *Span[T] {
	if len(list) == 0 {
		return nil
	}
	s := &Span[T]{ctx: ctx}
	for _, h := range list {
		s.ctx = start(h, s.ctx, what)
		s.end = append(s.end, func(ctx context.Context, what T, err error) { end(h, ctx, what, err) })
	}
	return s
}

// ProduceBatch begins the span of a batch.
func (o *Observer) ProduceBatch(ctx context.Context, b ProduceBatch) *Span[ProduceBatch] {
	return begin(ctx, o.hooks.produce, b, ProduceBatchHook.ProduceBatchStart, ProduceBatchHook.ProduceBatchEnd)
}

// FetchBatch begins the span of a batch.
func (o *Observer) FetchBatch(ctx context.Context, b FetchBatch) *Span[FetchBatch] {
	return begin(ctx, o.hooks.fetch, b, FetchBatchHook.FetchBatchStart, FetchBatchHook.FetchBatchEnd)
}

// Commit begins the span of a commit.
func (o *Observer) Commit(ctx context.Context, c Commit) *Span[Commit] {
	return begin(ctx, o.hooks.commit, c, CommitHook.CommitStart, CommitHook.CommitEnd)
}

// WantsProduce says whether anybody is told of batches that are produced.
func (o *Observer) WantsProduce() bool { return len(o.hooks.produce) > 0 }

// WantsFetch says whether anybody is told of batches that are consumed.
func (o *Observer) WantsFetch() bool { return len(o.hooks.fetch) > 0 }
