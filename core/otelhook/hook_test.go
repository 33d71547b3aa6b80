package otelhook_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/otelhook"
)

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// world is a hook with exporters in memory.
type world struct {
	hook   *otelhook.Hook
	spans  *tracetest.InMemoryExporter
	tracer trace.Tracer
	reader *metric.ManualReader
}

func newWorld(t *testing.T) *world {
	w := &world{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	w.tracer = tracers.Tracer("test")
	var err error
	w.hook, err = otelhook.New(otelhook.Options{TracerProvider: tracers, MeterProvider: metric.NewMeterProvider(metric.WithReader(w.reader))})
	require.NoError(t, err)
	return w
}

// span is the first span of a name.
func (w *world) span(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	spans := w.spans.GetSpans()
	i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == name })
	require.GreaterOrEqual(t, i, 0, "no span %q", name)
	return spans[i]
}

func attr(s tracetest.SpanStub, key string) attribute.Value {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value
		}
	}
	return attribute.Value{}
}

// metrics collects what there is, by name.
func (w *world) metrics(t *testing.T) map[string]metricdata.Aggregation {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, w.reader.Collect(testContext(t), &all))
	out := map[string]metricdata.Aggregation{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			out[m.Name] = m.Data
		}
	}
	return out
}

// One record goes through the cluster, its trace context inside of it.
func TestSpansAndMetrics(t *testing.T) {
	cluster, err := devcluster.Start(testContext(t), devcluster.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	w := newWorld(t)
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: cluster.Endpoint(), Hooks: []any{w.hook}})
	require.NoError(t, err)
	_, err = w.hook.Observe(client)
	require.NoError(t, err)
	require.NoError(t, client.Admin().CreateTopic(testContext(t), "traced", fluvio.TopicSpec{}))
	producer, err := client.Producer(testContext(t), "traced", fluvio.ProducerOptions{})
	require.NoError(t, err)

	ctx, order := w.tracer.Start(testContext(t), "order")
	receipt, err := producer.Send(ctx, fluvio.Record{Value: otelhook.Inject(ctx, []byte("value"))})
	require.NoError(t, err)
	_, offset, err := receipt.Wait(testContext(t))
	require.NoError(t, err)
	order.End()
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"traced"}, Start: fluvio.Beginning(), ConsumerID: "reader", OffsetStrategy: "manual"})
	require.NoError(t, err)
	taking, asking := w.tracer.Start(testContext(t), "asking")
	batch, err := consumer.Next(taking)
	require.NoError(t, err)
	asking.End()
	_, process, value := w.hook.Process(testContext(t), batch.Record(0))
	require.Equal(t, "value", string(value))
	process.End()
	require.NoError(t, consumer.Commit(testContext(t)))

	m := w.metrics(t)
	require.EqualValues(t, 1, m["messaging.client.consumed.messages"].(metricdata.Sum[int64]).DataPoints[0].Value)
	lag := m["fluvio.consumer.lag"].(metricdata.Gauge[int64]).DataPoints
	require.Len(t, lag, 1)
	require.Zero(t, lag[0].Value)
	require.NotEmpty(t, m["fluvio.connections.open"].(metricdata.Gauge[int64]).DataPoints)
	require.NoError(t, client.Close(testContext(t)))
	m = w.metrics(t) // what ends a batch may run a moment after its receipt
	require.EqualValues(t, 1, m["messaging.client.sent.messages"].(metricdata.Sum[int64]).DataPoints[0].Value)
	require.NotEmpty(t, m["messaging.client.operation.duration"].(metricdata.Histogram[float64]).DataPoints)

	send := w.span(t, "send traced")
	require.Equal(t, order.SpanContext().SpanID(), send.Parent.SpanID(), "a batch is inside of what sent it")
	require.Equal(t, trace.SpanKindProducer, send.SpanKind)
	require.EqualValues(t, offset, attr(send, "fluvio.offset").AsInt64())
	require.EqualValues(t, 1, attr(send, "messaging.batch.message_count").AsInt64())
	require.Equal(t, "traced", attr(send, "messaging.destination.name").AsString())
	request := w.span(t, "Produce")
	require.Equal(t, send.SpanContext.SpanID(), request.Parent.SpanID(), "the request is inside of its batch")
	require.False(t, request.StartTime.Before(send.StartTime))
	require.Equal(t, w.span(t, "connect").SpanContext.SpanID(), w.span(t, "ApiVersions").Parent.SpanID())
	receive := w.span(t, "receive traced")
	require.Equal(t, asking.SpanContext().SpanID(), receive.Parent.SpanID())
	require.Equal(t, order.SpanContext().TraceID(), w.span(t, "process traced").SpanContext.TraceID(), "the trace goes on in the reader")
	require.Equal(t, order.SpanContext().SpanID(), w.span(t, "process traced").Parent.SpanID())
	commit := w.span(t, "settle traced")
	require.Equal(t, "reader", attr(commit, "messaging.consumer.group.name").AsString())
	require.Equal(t, commit.SpanContext.TraceID(), w.span(t, "UpdateConsumerOffset").SpanContext.TraceID())
	for _, s := range w.spans.GetSpans() {
		require.Equal(t, codes.Unset, s.Status.Code, "%s: %s", s.Name, s.Status.Description)
	}
}

// What fails ends its span with an error.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	_, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: "127.0.0.1:1", Hooks: []any{w.hook}})
	require.Error(t, err)
	connect := w.span(t, "connect")
	require.Equal(t, codes.Error, connect.Status.Code)
	require.Equal(t, "CONNECTION", attr(connect, "error.type").AsString())
	require.EqualValues(t, 1, attr(connect, "server.port").AsInt64())
}

func TestEnvelope(t *testing.T) {
	state, err := trace.ParseTraceState("a=b,c=d")
	require.NoError(t, err)
	sent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state})
	ctx := trace.ContextWithSpanContext(context.Background(), sent)
	wrapped := otelhook.Inject(ctx, []byte("value"))
	require.Equal(t, "\xf9TC\x01\x00\x3f00-01000000000000000000000000000000-0200000000000000-01\na=b,c=dvalue", string(wrapped), "the documented bytes")
	got, value := otelhook.Extract(context.Background(), wrapped)
	require.Equal(t, "value", string(value))
	require.Equal(t, sent.WithRemote(true), trace.SpanContextFromContext(got))

	require.Equal(t, "value", string(otelhook.Inject(context.Background(), []byte("value"))), "nothing to carry")
	for _, plain := range []string{"", "value", "\xf9TC\x01", "\xf9TC\x01\xff\xffshort", "\xf9TC\x01\x00\x03abcvalue", string(wrapped[:40])} {
		got, value := otelhook.Extract(context.Background(), []byte(plain))
		require.Equal(t, plain, string(value))
		require.False(t, trace.SpanContextFromContext(got).IsValid())
	}
}
