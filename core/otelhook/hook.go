// Package otelhook makes spans and metrics of OpenTelemetry out of the hooks of a Fluvio client, and carries the context of
// traces inside of records for those who want that. It is a module of its own, so that programs without OpenTelemetry, and
// libfluvio.so, do not have it.
//
//	hook, err := otelhook.New(otelhook.Options{})
//	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Hooks: []any{hook}})
//	registration, err := hook.Observe(client)
//
// # Spans
//
// connect, a dial with its handshakes; the API's name, for instance Produce, a request and its answer; send TOPIC, a batch from
// its first record to its report; receive TOPIC, a batch from its arrival until the application takes it; settle TOPIC, the
// storing of an offset. There is none for single records. A batch is a child of the span in the context of the Send that began it;
// a produce request is one of the first of its batches.
//
// # Metrics
//
// messaging.client.operation.duration (s), messaging.client.sent.messages and messaging.client.consumed.messages as the
// conventions of OpenTelemetry have them; with Observe also fluvio.connections.open, fluvio.producer.queued (By),
// fluvio.consumer.lag and fluvio.consumer.queued (By).
//
// # Propagation
//
// Records have no headers on Fluvio's wire. Inject and Extract put the W3C trace context in front of a record's value instead:
// see Inject for the bytes. Nobody does that by itself, and who reads such records without Extract sees these bytes.
package otelhook

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// scope names this package in what it makes.
const scope = "github.com/libfluvio/libfluvio/core/otelhook"

// Options say where spans and metrics go.
type Options struct {
	TracerProvider trace.TracerProvider // nil: the global one
	MeterProvider  metric.MeterProvider // nil: the global one
}

// Hook is a hook for fluvio.ClientOptions, of any number of clients. It is safe for concurrent use.
type Hook struct {
	tracer   trace.Tracer
	meter    metric.Meter
	duration metric.Float64Histogram
	sent     metric.Int64Counter
	consumed metric.Int64Counter
}

var (
	_ fluvio.ConnectHook      = (*Hook)(nil)
	_ fluvio.RequestHook      = (*Hook)(nil)
	_ fluvio.ProduceBatchHook = (*Hook)(nil)
	_ fluvio.FetchBatchHook   = (*Hook)(nil)
	_ fluvio.CommitHook       = (*Hook)(nil)
)

// New makes a hook. The error is that of the meter provider.
func New(o Options) (*Hook, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	h := &Hook{tracer: o.TracerProvider.Tracer(scope), meter: o.MeterProvider.Meter(scope)}
	var errs [3]error
	h.duration, errs[0] = h.meter.Float64Histogram("messaging.client.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of operations of the client."),
		metric.WithExplicitBucketBoundaries(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10))
	h.sent, errs[1] = h.meter.Int64Counter("messaging.client.sent.messages", metric.WithUnit("{message}"), metric.WithDescription("Records that were sent."))
	h.consumed, errs[2] = h.meter.Int64Counter("messaging.client.consumed.messages", metric.WithUnit("{message}"), metric.WithDescription("Records that were taken."))
	return h, errors.Join(errs[:]...)
}

// begunKey is where contexts have when their span began.
type begunKey struct{}

// start begins a span at a moment.
func (h *Hook) start(ctx context.Context, name string, at time.Time, kind trace.SpanKind, attrs []attribute.KeyValue) context.Context {
	ctx, _ = h.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithTimestamp(at), trace.WithAttributes(attrs...))
	return context.WithValue(ctx, begunKey{}, at)
}

// end ends the span of a context and records how long it took.
func (h *Hook) end(ctx context.Context, operation string, err error, measured []attribute.KeyValue, more ...attribute.KeyValue) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(more...)
	measured = append(measured, system, attribute.String("messaging.operation.name", operation))
	if err != nil {
		code := fluvioerr.CodeOf(err).String()
		span.SetStatus(codes.Error, describe(err))
		span.SetAttributes(attribute.String("error.type", code))
		measured = append(measured, attribute.String("error.type", code))
	}
	span.End()
	if begun, ok := ctx.Value(begunKey{}).(time.Time); ok {
		h.duration.Record(ctx, time.Since(begun).Seconds(), metric.WithAttributes(measured...))
	}
}

// describe is what a span says of an error. What a SmartModule says may quote records.
func describe(err error) string {
	if fluvioerr.CodeOf(err) == fluvioerr.SmartModule {
		return "a SmartModule failed"
	}
	return err.Error()
}

var system = attribute.String("messaging.system", "fluvio")

// server are the attributes of a connection.
func server(c fluvio.HookConn) []attribute.KeyValue {
	attrs := []attribute.KeyValue{system, attribute.String("fluvio.role", c.Role), attribute.String("fluvio.connection", c.Kind)}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return append(attrs, attribute.String("server.address", c.Addr))
	}
	n, _ := strconv.Atoi(port)
	return append(attrs, attribute.String("server.address", host), attribute.Int("server.port", n))
}

// ConnectStart is for the client to call, as all of the following.
func (h *Hook) ConnectStart(ctx context.Context, c fluvio.HookConn) context.Context {
	return h.start(ctx, "connect", time.Now(), trace.SpanKindClient, server(c))
}

// ConnectEnd ends the span.
func (h *Hook) ConnectEnd(ctx context.Context, c fluvio.HookConn, err error) {
	h.end(ctx, "connect", err, []attribute.KeyValue{attribute.String("fluvio.role", c.Role)})
}

// RequestStart begins the span of a request.
func (h *Hook) RequestStart(ctx context.Context, r fluvio.HookRequest) context.Context {
	attrs := append(server(r.Conn), attribute.String("rpc.method", r.API), attribute.Int("fluvio.api.version", int(r.Version)), attribute.Int("fluvio.request.size", r.Bytes))
	return h.start(ctx, r.API, time.Now(), trace.SpanKindClient, attrs)
}

// RequestEnd ends the span.
func (h *Hook) RequestEnd(ctx context.Context, r fluvio.HookRequest, err error) {
	h.end(ctx, r.API, err, []attribute.KeyValue{attribute.String("fluvio.role", r.Conn.Role)})
}

// destination are the attributes of a partition.
func destination(kind, topic string, partition int32) []attribute.KeyValue {
	return []attribute.KeyValue{
		system, attribute.String("messaging.operation.type", kind), attribute.String("messaging.destination.name", topic),
		attribute.String("messaging.destination.partition.id", strconv.Itoa(int(partition))),
	}
}

// measuredTopic is what metrics say of a topic: not the partition, of which there may be many.
func measuredTopic(topic string) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("messaging.destination.name", topic)}
}

// ProduceBatchStart begins the span of a batch, at the time of its first record.
func (h *Hook) ProduceBatchStart(ctx context.Context, b fluvio.HookProduceBatch) context.Context {
	return h.start(ctx, "send "+b.Topic, b.Created, trace.SpanKindProducer, destination("send", b.Topic, b.Partition))
}

// ProduceBatchEnd ends the span.
func (h *Hook) ProduceBatchEnd(ctx context.Context, b fluvio.HookProduceBatch, err error) {
	measured := measuredTopic(b.Topic)
	if err == nil {
		h.sent.Add(ctx, int64(b.Records), metric.WithAttributes(append(measured, system)...))
	}
	h.end(ctx, "send", err, measured, attribute.Int("messaging.batch.message_count", b.Records),
		attribute.Int("fluvio.batch.size", b.Bytes), attribute.Int64("fluvio.offset", b.Offset))
}

// FetchBatchStart begins the span of a batch, at the time of its arrival.
func (h *Hook) FetchBatchStart(ctx context.Context, b fluvio.HookFetchBatch) context.Context {
	return h.start(ctx, "receive "+b.Topic, b.Received, trace.SpanKindConsumer, destination("receive", b.Topic, b.Partition))
}

// FetchBatchEnd ends the span.
func (h *Hook) FetchBatchEnd(ctx context.Context, b fluvio.HookFetchBatch, err error) {
	measured := measuredTopic(b.Topic)
	h.consumed.Add(ctx, int64(b.Records), metric.WithAttributes(append(measured, system)...))
	h.end(ctx, "receive", err, measured, attribute.Int("messaging.batch.message_count", b.Records),
		attribute.Int("fluvio.batch.size", b.Bytes), attribute.Int64("fluvio.offset", b.Offset))
}

// CommitStart begins the span of a commit.
func (h *Hook) CommitStart(ctx context.Context, c fluvio.HookCommit) context.Context {
	attrs := append(destination("settle", c.Topic, c.Partition), attribute.String("messaging.consumer.group.name", c.ConsumerID), attribute.Int64("fluvio.offset", c.Offset))
	return h.start(ctx, "settle "+c.Topic, time.Now(), trace.SpanKindClient, attrs)
}

// CommitEnd ends the span.
func (h *Hook) CommitEnd(ctx context.Context, c fluvio.HookCommit, err error) {
	h.end(ctx, "settle", err, measuredTopic(c.Topic))
}

// Observe has metrics of a client's connections, queues and lag given whenever they are collected, until the registration is
// unregistered. Do that before the client is closed, or leave it.
func (h *Hook) Observe(client *fluvio.Client) (metric.Registration, error) {
	var errs [4]error
	gauge := func(i int, name, unit, description string) metric.Int64ObservableGauge {
		g, err := h.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs[i] = err
		return g
	}
	open := gauge(0, "fluvio.connections.open", "{connection}", "Connections that are open.")
	queued := gauge(1, "fluvio.producer.queued", "By", "Keys and values that wait to be sent.")
	lag := gauge(2, "fluvio.consumer.lag", "{message}", "Records that the consumer can still get.")
	received := gauge(3, "fluvio.consumer.queued", "By", "What was received and not taken.")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return h.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := client.Stats()
		name := attribute.String("fluvio.client", s.Client)
		for _, c := range s.Connections {
			o.ObserveInt64(open, int64(c.Open), metric.WithAttributes(name, attribute.String("fluvio.role", c.Role), attribute.String("fluvio.connection", c.Kind)))
		}
		for i := range s.Producers {
			p := &s.Producers[i]
			o.ObserveInt64(queued, int64(p.BytesQueued), metric.WithAttributes(name, attribute.Int64("fluvio.producer", int64(p.ID)), attribute.String("messaging.destination.name", p.Topic)))
		}
		for i := range s.Consumers {
			c := &s.Consumers[i]
			number := attribute.Int64("fluvio.consumer", int64(c.ID))
			o.ObserveInt64(received, int64(c.BytesQueued), metric.WithAttributes(name, number))
			for _, p := range c.Partitions {
				o.ObserveInt64(lag, p.Lag, metric.WithAttributes(append(destination("receive", p.Topic, p.Partition), name, number)...))
			}
		}
		return nil
	}, open, queued, lag, received)
}
