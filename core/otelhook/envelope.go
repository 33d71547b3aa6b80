package otelhook

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// magic begins a value that is an envelope. The first byte never begins UTF-8 text, so that no text, and no JSON, is taken for
// one.
var magic = []byte{0xf9, 'T', 'C', 1}

const headSize = 6 // magic, length

// w3c reads and writes trace contexts.
var w3c propagation.TraceContext

// Inject puts the trace context of ctx in front of a record's value: the bytes F9 54 43 01; the length of what follows up to
// the value, as two bytes, the higher first; the value of the W3C header traceparent; if there is a tracestate, a line feed and
// that; the value. Without a span in ctx, the value is returned as it is. Who reads the records must call Extract, in whatever
// language: until all readers do, do not use this.
func Inject(ctx context.Context, value []byte) []byte {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	head := carrier["traceparent"]
	if head == "" {
		return value
	}
	if state := carrier["tracestate"]; state != "" {
		head += "\n" + state
	}
	if len(head) > 0xffff {
		head = carrier["traceparent"]
	}
	out := make([]byte, 0, headSize+len(head)+len(value))
	out = append(out, magic...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(head)))
	return append(append(out, head...), value...)
}

// Extract undoes Inject: it gives the value, a view, and ctx with the span context of the sender as the remote parent. A value
// without an envelope comes back as it is, with ctx.
func Extract(ctx context.Context, value []byte) (context.Context, []byte) {
	if len(value) < headSize || !bytes.HasPrefix(value, magic) {
		return ctx, value
	}
	n := int(binary.BigEndian.Uint16(value[len(magic):]))
	if len(value) < headSize+n {
		return ctx, value
	}
	parent, state, _ := strings.Cut(string(value[headSize:headSize+n]), "\n")
	with := w3c.Extract(ctx, propagation.MapCarrier{"traceparent": parent, "tracestate": state})
	if !trace.SpanContextFromContext(with).IsRemote() {
		return ctx, value // it only looks like one
	}
	return with, value[headSize+n:]
}

// Process begins the span of the work on one record, a child of the sender's span if the value is an envelope, and gives the
// value without it. The caller ends the span.
func (h *Hook) Process(ctx context.Context, r fluvio.Record) (context.Context, trace.Span, []byte) {
	parent, value := Extract(ctx, r.Value)
	ctx, span := h.tracer.Start(parent, "process "+r.Topic, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(destination("process", r.Topic, r.Partition)...))
	return ctx, span, value
}
