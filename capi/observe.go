package main

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// clientNumbers tell the clients of a queue apart.
var clientNumbers atomic.Uint64

// observe sets options so that logs, statistics, events, starts and ends go to the queues of the operation's config. The operation
// keeps these alive while the client connects, and the client's handle as long as the client lives.
func (op *operation) observe(o *fluvio.ClientOptions) {
	if op.log != nil {
		o.Logger = slog.New(logQueue{target: target{op.log, op.logTag}, level: o.MinLogLevel()})
	}
	if op.hooks != nil {
		o.Hooks = append(o.Hooks, hookQueue{target{op.hooks, op.hooksTag}})
	}
	if op.events == nil {
		return
	}
	to := target{op.events, op.opaque}
	number := clientNumbers.Add(1)
	o.OnEvent = func(e fluvio.ClientEvent) { to.event(number, e) }
	if o.StatisticsInterval > 0 {
		o.OnStats = func(s *fluvio.ClientStats) {
			if js, err := json.Marshal(s); err == nil { // it always can
				to.push(C.FLUVIO_EVENT_STATS, 0, s.Time, 0, 0, nil, string(js))
			}
		}
	}
}

// newText makes a text of C.
func newText(op string, text []byte) (unsafe.Pointer, error) {
	c := C.fluvioc_text_new((*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text)))
	if c == nil {
		return nil, fluvioerr.New(fluvioerr.OutOfMemory, op, "no memory for %d bytes", len(text))
	}
	return unsafe.Pointer(c), nil
}

// cText makes a text of C with something as JSON.
func cText(op string, what any) (unsafe.Pointer, error) {
	js, err := json.Marshal(what)
	if err != nil {
		return nil, fluvioerr.Wrap(fluvioerr.Internal, op, err)
	}
	return newText(op, js)
}

// target is a queue of the application, with the opaque value that it gave.
type target struct {
	queue  *C.fluvio_queue_t
	opaque C.uint64_t
}

// push tells of something; texts are a message, then keys and values in turn.
func (t target) push(kind, code C.int32_t, at time.Time, id, parent uint64, err error, texts ...string) {
	flat := cTexts(texts...)
	var failure *C.fluvio_error_t
	if err != nil {
		failure = cError(err)
	}
	C.fluvioc_queue_push_note(t.queue, kind, t.opaque, code, C.int64_t(at.UnixMicro()), C.uint64_t(id), C.uint64_t(parent),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(flat))), C.size_t(len(flat)), C.size_t(len(texts)/2), failure)
}

// event tells of something that happened to a client.
func (t target) event(client uint64, e fluvio.ClientEvent) {
	what := C.fluvio_client_event_t{
		kind: C.int32_t(e.Kind), partition: C.int32_t(e.Partition), spu: C.int32_t(e.SPU), from_spu: C.int32_t(e.FromSPU),
		attempt: C.int32_t(e.Attempt), delay_ms: C.int64_t(e.Delay.Milliseconds()), dropped: C.uint64_t(e.Dropped),
	}
	texts := cTexts(e.Addr, e.Topic)
	C.fluvioc_client_event(t.queue, C.uint64_t(client), t.opaque, &what, (*C.char)(unsafe.Pointer(unsafe.SliceData(texts))), C.size_t(len(texts)), cError(e.Err))
}

// logQueue is a slog.Handler that sends lines to the application.
type logQueue struct {
	target
	level  slog.Level
	fields []string // keys and values
	prefix string   // of keys, of the open groups
}

func (q logQueue) Enabled(_ context.Context, level slog.Level) bool { return level >= q.level }

func (q logQueue) Handle(_ context.Context, r slog.Record) error {
	texts := append([]string{r.Message}, q.fields...)
	r.Attrs(func(a slog.Attr) bool {
		texts = appendAttr(texts, q.prefix, a)
		return true
	})
	level := C.int32_t(C.FLUVIO_LOG_DEBUG)
	switch {
	case r.Level >= slog.LevelError:
		level = C.FLUVIO_LOG_ERROR
	case r.Level >= slog.LevelWarn:
		level = C.FLUVIO_LOG_WARN
	case r.Level >= slog.LevelInfo:
		level = C.FLUVIO_LOG_INFO
	}
	q.push(C.FLUVIO_EVENT_LOG, level, r.Time, 0, 0, nil, texts...)
	return nil
}

func (q logQueue) WithAttrs(attrs []slog.Attr) slog.Handler {
	q.fields = q.fields[:len(q.fields):len(q.fields)]
	for _, a := range attrs {
		q.fields = appendAttr(q.fields, q.prefix, a)
	}
	return q
}

func (q logQueue) WithGroup(name string) slog.Handler {
	q.prefix += name + "."
	return q
}

// appendAttr adds key and value, of groups those of their members.
func appendAttr(texts []string, prefix string, a slog.Attr) []string {
	value := a.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		return append(texts, prefix+a.Key, value.String())
	}
	if a.Key != "" {
		prefix += a.Key + "."
	}
	for _, inner := range value.Group() {
		texts = appendAttr(texts, prefix, inner)
	}
	return texts
}

// hookQueue sends starts and ends to the application.
type hookQueue struct{ target }

// spans numbers them.
var spans atomic.Uint64

// spanKey is where contexts have the span that they are of.
type spanKey struct{}

// start tells of a start at a time.
func (q hookQueue) start(ctx context.Context, kind C.int32_t, at time.Time, texts ...string) context.Context {
	parent, _ := ctx.Value(spanKey{}).(uint64)
	id := spans.Add(1)
	q.push(C.FLUVIO_EVENT_SPAN_START, kind, at, id, parent, nil, texts...)
	return context.WithValue(ctx, spanKey{}, id)
}

// end tells of an end, now.
func (q hookQueue) end(ctx context.Context, kind C.int32_t, err error, texts ...string) {
	id, _ := ctx.Value(spanKey{}).(uint64)
	q.push(C.FLUVIO_EVENT_SPAN_END, kind, time.Now(), id, 0, err, texts...)
}

func connTexts(name string, c fluvio.HookConn) []string {
	return []string{name, "addr", c.Addr, "role", c.Role, "kind", c.Kind}
}

func (q hookQueue) ConnectStart(ctx context.Context, c fluvio.HookConn) context.Context {
	return q.start(ctx, C.FLUVIO_SPAN_CONNECT, time.Now(), connTexts("connect", c)...)
}

func (q hookQueue) ConnectEnd(ctx context.Context, c fluvio.HookConn, err error) {
	q.end(ctx, C.FLUVIO_SPAN_CONNECT, err, connTexts("connect", c)...)
}

func requestTexts(r fluvio.HookRequest) []string {
	return append(connTexts(r.API, r.Conn), "version", strconv.Itoa(int(r.Version)), "bytes", strconv.Itoa(r.Bytes))
}

func (q hookQueue) RequestStart(ctx context.Context, r fluvio.HookRequest) context.Context {
	return q.start(ctx, C.FLUVIO_SPAN_REQUEST, time.Now(), requestTexts(r)...)
}

func (q hookQueue) RequestEnd(ctx context.Context, r fluvio.HookRequest, err error) {
	q.end(ctx, C.FLUVIO_SPAN_REQUEST, err, requestTexts(r)...)
}

func placeTexts(name, topic string, partition int32, more ...string) []string {
	return append([]string{name, "topic", topic, "partition", strconv.Itoa(int(partition))}, more...)
}

func (q hookQueue) ProduceBatchStart(ctx context.Context, b fluvio.HookProduceBatch) context.Context {
	return q.start(ctx, C.FLUVIO_SPAN_PRODUCE_BATCH, b.Created, placeTexts("produce batch", b.Topic, b.Partition)...)
}

func (q hookQueue) ProduceBatchEnd(ctx context.Context, b fluvio.HookProduceBatch, err error) {
	q.end(ctx, C.FLUVIO_SPAN_PRODUCE_BATCH, err, placeTexts("produce batch", b.Topic, b.Partition,
		"records", strconv.Itoa(b.Records), "bytes", strconv.Itoa(b.Bytes), "offset", strconv.FormatInt(b.Offset, 10))...)
}

func (q hookQueue) FetchBatchStart(ctx context.Context, b fluvio.HookFetchBatch) context.Context {
	return q.start(ctx, C.FLUVIO_SPAN_FETCH_BATCH, b.Received, placeTexts("fetch batch", b.Topic, b.Partition)...)
}

func (q hookQueue) FetchBatchEnd(ctx context.Context, b fluvio.HookFetchBatch, err error) {
	q.end(ctx, C.FLUVIO_SPAN_FETCH_BATCH, err, placeTexts("fetch batch", b.Topic, b.Partition,
		"records", strconv.Itoa(b.Records), "bytes", strconv.Itoa(b.Bytes), "offset", strconv.FormatInt(b.Offset, 10))...)
}

func (q hookQueue) CommitStart(ctx context.Context, c fluvio.HookCommit) context.Context {
	return q.start(ctx, C.FLUVIO_SPAN_COMMIT, time.Now(), commitTexts(c)...)
}

func (q hookQueue) CommitEnd(ctx context.Context, c fluvio.HookCommit, err error) {
	q.end(ctx, C.FLUVIO_SPAN_COMMIT, err, commitTexts(c)...)
}

func commitTexts(c fluvio.HookCommit) []string {
	return placeTexts("commit", c.Topic, c.Partition, "consumer_id", c.ConsumerID, "offset", strconv.FormatInt(c.Offset, 10))
}
