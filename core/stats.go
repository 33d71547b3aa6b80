package fluvio

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// ClientStats are the counters of a client since it was connected, of its producers and of its consumers. Those that were
// closed are not among them any more. Counters only rise; lists are sorted. Marshalled, it is the JSON of fluvio_client_stats.
type ClientStats struct {
	Time   time.Time // when they were read
	Client string    // the client id and the number of the client in this process, for instance libfluvio-1
	obs.Stats
	Producers []ProducerStats
	Consumers []ConsumerStats
}

// The parts of ClientStats.
type (
	// ConnectionStats are the connections of one kind.
	ConnectionStats = obs.ConnectionStats
	// RequestStats are the requests of one API.
	RequestStats = obs.RequestStats
	// ErrorStats count the errors that operations met, those that a retry mended included.
	ErrorStats = obs.ErrorStats
	// RetryStats count the retries of an operation.
	RetryStats = obs.RetryStats
	// BreakerStats are the state of an endpoint's circuit breaker.
	BreakerStats = obs.BreakerStats
	// HistogramStats say how long things took.
	HistogramStats = obs.HistogramStats
)

// ProducerStats are a producer's counters since it was opened. Bytes are those of keys and values. Accepted records are
// acknowledged, failed or maybe stored, or else queued or in flight.
type ProducerStats struct {
	Topic string `json:"topic"`
	ID    uint64 `json:"id"` // the number of the producer in its client, from 1

	RecordsAccepted     uint64 `json:"records_accepted"` // taken by Send
	BytesAccepted       uint64 `json:"bytes_accepted"`
	RecordsAcknowledged uint64 `json:"records_acknowledged"`
	BytesAcknowledged   uint64 `json:"bytes_acknowledged"`
	RecordsFailed       uint64 `json:"records_failed"` // certainly not stored
	BytesFailed         uint64 `json:"bytes_failed"`
	RecordsMaybe        uint64 `json:"records_maybe"` // reported as maybe stored
	BytesMaybe          uint64 `json:"bytes_maybe"`

	RecordsQueued   uint64 `json:"records_queued"` // wait to be sent, or to be sent again
	BytesQueued     uint64 `json:"bytes_queued"`
	BatchesQueued   uint64 `json:"batches_queued"`
	RecordsInFlight uint64 `json:"records_in_flight"` // sent, without an answer
	BytesInFlight   uint64 `json:"bytes_in_flight"`
	BatchesInFlight uint64 `json:"batches_in_flight"`

	Requests         uint64 `json:"requests"` // sent
	RequestsInFlight uint64 `json:"requests_in_flight"`
	Batches          uint64 `json:"batches"` // sent, each counted once
	Retries          uint64 `json:"retries"` // batches sent again

	// The following are averages over what was sent; 0 before anything was.
	BatchFill         float64 `json:"batch_fill"` // bytes of a batch before compression, in parts of BatchSize; above 1 for large records
	RecordsPerBatch   float64 `json:"records_per_batch"`
	BatchesPerRequest float64 `json:"batches_per_request"`
	RecordsPerRequest float64 `json:"records_per_request"`
	CompressionRatio  float64 `json:"compression_ratio"` // bytes of batches before compression over those after; 1 without

	// From the first record of a batch to its outcome, of all batches; the percentiles are at most a sixteenth too high.
	LatencyP50 time.Duration `json:"-"`
	LatencyP90 time.Duration `json:"-"`
	LatencyP99 time.Duration `json:"-"`
	LatencyMax time.Duration `json:"-"`
	// Latency is all of them.
	Latency HistogramStats `json:"latency"`
}

// MarshalJSON gives the percentiles in whole microseconds.
func (s ProducerStats) MarshalJSON() ([]byte, error) {
	type plain ProducerStats
	return json.Marshal(struct {
		plain
		P50 int64 `json:"latency_p50_us"`
		P90 int64 `json:"latency_p90_us"`
		P99 int64 `json:"latency_p99_us"`
		Max int64 `json:"latency_max_us"`
	}{plain(s), s.LatencyP50.Microseconds(), s.LatencyP90.Microseconds(), s.LatencyP99.Microseconds(), s.LatencyMax.Microseconds()})
}

// ConsumerStats are a consumer's counters since it was opened.
type ConsumerStats struct {
	ID         uint64 `json:"id"`          // the number of the consumer in its client, from 1
	ConsumerID string `json:"consumer_id"` // its name, "" without one

	Records uint64 `json:"records"` // taken from the consumer
	Batches uint64 `json:"batches"` // the same
	Bytes   uint64 `json:"bytes"`   // of these batches, decompressed

	FramesReceived uint64 `json:"frames_received"` // answers with records
	BytesReceived  uint64 `json:"bytes_received"`  // of these, as they came
	FramesQueued   uint64 `json:"frames_queued"`   // received and not taken
	BytesQueued    uint64 `json:"bytes_queued"`    // of these; those of paused partitions are not counted

	Retries       uint64 `json:"retries"`        // streams opened again after an error
	Resets        uint64 `json:"resets"`         // positions that were not stored any more
	Skipped       uint64 `json:"skipped"`        // stored batches passed over because they cannot be read
	Commits       uint64 `json:"commits"`        // offsets stored
	CommitsFailed uint64 `json:"commits_failed"` // offsets that could not be stored

	Lag        uint64              `json:"lag"` // the sum of the partitions'
	Partitions []PartitionPosition `json:"partitions"`
	// Waits say how long records that were received waited to be taken.
	Waits HistogramStats `json:"waits"`
}

// Stats gives the counters of the client. It takes the locks of producers and consumers, one after the other: cheap enough
// for every second, not for every record.
func (c *Client) Stats() *ClientStats {
	s := &ClientStats{Time: time.Now(), Client: c.name, Stats: c.cluster.Observer().Stats()}
	for addr, state := range c.cluster.Breakers() {
		s.Breakers = append(s.Breakers, BreakerStats{Endpoint: addr, State: state.String()})
	}
	sort.Slice(s.Breakers, func(i, j int) bool { return s.Breakers[i].Endpoint < s.Breakers[j].Endpoint })
	c.mu.Lock()
	children := slices.Collect(maps.Keys(c.children))
	c.mu.Unlock()
	for _, child := range children {
		switch x := child.(type) {
		case *Producer:
			s.Producers = append(s.Producers, x.Stats())
		case *Consumer:
			s.Consumers = append(s.Consumers, x.Stats())
		}
	}
	sort.Slice(s.Producers, func(i, j int) bool { return s.Producers[i].ID < s.Producers[j].ID })
	sort.Slice(s.Consumers, func(i, j int) bool { return s.Consumers[i].ID < s.Consumers[j].ID })
	return s
}

// Stats gives the consumer's counters, also after Close.
func (c *Consumer) Stats() ConsumerStats {
	n := c.c.Stats()
	s := ConsumerStats{
		ID:             n.ID,
		ConsumerID:     n.ConsumerID,
		Records:        n.Records,
		Batches:        n.Batches,
		Bytes:          n.Bytes,
		FramesReceived: n.FramesReceived,
		BytesReceived:  n.BytesReceived,
		FramesQueued:   n.FramesQueued,
		BytesQueued:    n.BytesQueued,
		Retries:        n.Retries,
		Resets:         n.Resets,
		Skipped:        n.Skipped,
		Commits:        n.Commits,
		CommitsFailed:  n.CommitsFailed,
		Lag:            n.Lag,
		Waits:          n.Waits,
	}
	for _, p := range n.Partitions {
		s.Partitions = append(s.Partitions, PartitionPosition(p))
	}
	return s
}

// MarshalJSON gives an object with the names of fluvio.h; times are whole milliseconds and microseconds, lists never null.
func (s *ClientStats) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Time   int64  `json:"time_ms"`
		Client string `json:"client"`
		obs.Stats
		Connections []ConnectionStats `json:"connections"`
		Requests    []RequestStats    `json:"requests"`
		Errors      []ErrorStats      `json:"errors"`
		Retries     []RetryStats      `json:"retries"`
		Breakers    []BreakerStats    `json:"breakers"`
		Producers   []ProducerStats   `json:"producers"`
		Consumers   []ConsumerStats   `json:"consumers"`
	}{
		s.Time.UnixMilli(), s.Client, s.Stats, present(s.Connections), present(s.Requests), present(s.Errors), present(s.Retries), present(s.Breakers),
		present(s.Producers), present(s.Consumers),
	})
}

// present makes an empty list out of none.
func present[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Prometheus gives the counters in Prometheus's text format.
func (s *ClientStats) Prometheus() []byte {
	var b bytes.Buffer
	_ = WritePrometheus(&b, s)
	return b.Bytes()
}

// WritePrometheus writes the counters of clients in Prometheus's text format, version 0.0.4. Every sample has the label client,
// so that several clients of a process can be written together. The error is that of w.
func WritePrometheus(w io.Writer, clients ...*ClientStats) error {
	t := &promText{clients: clients}
	t.connections()
	t.requests()
	t.producers()
	t.consumers()
	_, err := w.Write(t.Bytes())
	return err
}

// promText writes one family after the other, each with the samples of all clients.
type promText struct {
	obs.Text
	clients []*ClientStats
}

// each writes a family with what samples gives of each client.
func (t *promText) each(name, kind, help string, samples func(*ClientStats)) {
	t.Family(name, kind, help)
	for _, s := range t.clients {
		samples(s)
	}
}

func (t *promText) connections() {
	for _, f := range []struct {
		name, kind, help string
		value            func(*ConnectionStats) uint64
	}{
		{"fluvio_connections_open", "gauge", "Connections that are open.", func(c *ConnectionStats) uint64 { return c.Open }},
		{"fluvio_connections_opened_total", "counter", "Connections that were opened.", func(c *ConnectionStats) uint64 { return c.Opened }},
		{"fluvio_connections_failed_total", "counter", "Attempts to connect that failed.", func(c *ConnectionStats) uint64 { return c.Failed }},
		{"fluvio_connections_lost_total", "counter", "Connections that broke.", func(c *ConnectionStats) uint64 { return c.Lost }},
	} {
		t.each(f.name, f.kind, f.help, func(s *ClientStats) {
			for i := range s.Connections {
				c := &s.Connections[i]
				t.Sample(float64(f.value(c)), "client", s.Client, "role", c.Role, "kind", c.Kind)
			}
		})
	}
	t.each("fluvio_sent_bytes_total", "counter", "Bytes sent.", func(s *ClientStats) { t.Sample(float64(s.BytesSent), "client", s.Client) })
	t.each("fluvio_received_bytes_total", "counter", "Bytes received.", func(s *ClientStats) { t.Sample(float64(s.BytesReceived), "client", s.Client) })
	t.each("fluvio_breaker_state", "gauge", "1 for the state of the circuit breaker of an endpoint, 0 for the others.", func(s *ClientStats) {
		for _, b := range s.Breakers {
			for _, state := range []string{"closed", "half-open", "open"} {
				value := 0.0
				if b.State == state {
					value = 1
				}
				t.Sample(value, "client", s.Client, "endpoint", b.Endpoint, "state", state)
			}
		}
	})
}

func (t *promText) requests() {
	for _, f := range []struct {
		name, kind, help string
		value            func(*RequestStats) uint64
	}{
		{"fluvio_requests_total", "counter", "Requests begun.", func(r *RequestStats) uint64 { return r.Count }},
		{"fluvio_requests_in_flight", "gauge", "Requests without an answer yet.", func(r *RequestStats) uint64 { return r.InFlight }},
		{"fluvio_request_errors_total", "counter", "Requests that got no answer.", func(r *RequestStats) uint64 { return r.Errors }},
	} {
		t.each(f.name, f.kind, f.help, func(s *ClientStats) {
			for i := range s.Requests {
				r := &s.Requests[i]
				t.Sample(float64(f.value(r)), "client", s.Client, "role", r.Role, "api", r.API)
			}
		})
	}
	t.each("fluvio_request_duration_seconds", "histogram", "From a request to its answer.", func(s *ClientStats) {
		for i := range s.Requests {
			r := &s.Requests[i]
			t.Histogram(&r.Latency, "client", s.Client, "role", r.Role, "api", r.API)
		}
	})
	t.each("fluvio_errors_total", "counter", "Errors met, those that a retry mended included.", func(s *ClientStats) {
		for _, e := range s.Errors {
			t.Sample(float64(e.Count), "client", s.Client, "operation", e.Operation, "code", e.Code)
		}
	})
	t.each("fluvio_retries_total", "counter", "Retries.", func(s *ClientStats) {
		for _, r := range s.Retries {
			t.Sample(float64(r.Count), "client", s.Client, "operation", r.Operation)
		}
	})
}

// number is a label's value.
func number(n uint64) string { return strconv.FormatUint(n, 10) }

func (t *promText) producers() {
	type outcome struct {
		name  string
		value func(*ProducerStats) uint64
	}
	for _, f := range []struct {
		name, kind, help string
		outcomes         []outcome
	}{
		{"fluvio_producer_records_total", "counter", "Records with their report, by outcome.", []outcome{
			{"acknowledged", func(p *ProducerStats) uint64 { return p.RecordsAcknowledged }},
			{"failed", func(p *ProducerStats) uint64 { return p.RecordsFailed }},
			{"maybe", func(p *ProducerStats) uint64 { return p.RecordsMaybe }},
		}},
		{"fluvio_producer_bytes_total", "counter", "Bytes of keys and values of records with their report, by outcome.", []outcome{
			{"acknowledged", func(p *ProducerStats) uint64 { return p.BytesAcknowledged }},
			{"failed", func(p *ProducerStats) uint64 { return p.BytesFailed }},
			{"maybe", func(p *ProducerStats) uint64 { return p.BytesMaybe }},
		}},
		{"fluvio_producer_records_accepted_total", "counter", "Records taken.", []outcome{{"", func(p *ProducerStats) uint64 { return p.RecordsAccepted }}}},
		{"fluvio_producer_bytes_accepted_total", "counter", "Bytes of keys and values taken.", []outcome{{"", func(p *ProducerStats) uint64 { return p.BytesAccepted }}}},
		{"fluvio_producer_queued_records", "gauge", "Records to be sent.", []outcome{{"", func(p *ProducerStats) uint64 { return p.RecordsQueued }}}},
		{"fluvio_producer_queued_bytes", "gauge", "Bytes of keys and values to be sent.", []outcome{{"", func(p *ProducerStats) uint64 { return p.BytesQueued }}}},
		{"fluvio_producer_in_flight_records", "gauge", "Records sent and not answered.", []outcome{{"", func(p *ProducerStats) uint64 { return p.RecordsInFlight }}}},
		{"fluvio_producer_in_flight_bytes", "gauge", "Bytes of keys and values sent and not answered.", []outcome{{"", func(p *ProducerStats) uint64 { return p.BytesInFlight }}}},
		{"fluvio_producer_requests_total", "counter", "Produce requests sent.", []outcome{{"", func(p *ProducerStats) uint64 { return p.Requests }}}},
		{"fluvio_producer_batches_total", "counter", "Batches sent, each counted once.", []outcome{{"", func(p *ProducerStats) uint64 { return p.Batches }}}},
		{"fluvio_producer_retries_total", "counter", "Batches sent again.", []outcome{{"", func(p *ProducerStats) uint64 { return p.Retries }}}},
	} {
		t.each(f.name, f.kind, f.help, func(s *ClientStats) {
			for i := range s.Producers {
				p := &s.Producers[i]
				for _, o := range f.outcomes {
					labels := []string{"client", s.Client, "producer", number(p.ID), "topic", p.Topic}
					if o.name != "" {
						labels = append(labels, "outcome", o.name)
					}
					t.Sample(float64(o.value(p)), labels...)
				}
			}
		})
	}
	t.each("fluvio_producer_latency_seconds", "histogram", "From the first record of a batch to its report.", func(s *ClientStats) {
		for i := range s.Producers {
			p := &s.Producers[i]
			t.Histogram(&p.Latency, "client", s.Client, "producer", number(p.ID), "topic", p.Topic)
		}
	})
}

func (t *promText) consumers() {
	for _, f := range []struct {
		name, kind, help string
		value            func(*ConsumerStats) uint64
	}{
		{"fluvio_consumer_records_total", "counter", "Records taken from a consumer.", func(c *ConsumerStats) uint64 { return c.Records }},
		{"fluvio_consumer_bytes_total", "counter", "Bytes of records taken, decompressed.", func(c *ConsumerStats) uint64 { return c.Bytes }},
		{"fluvio_consumer_batches_total", "counter", "Batches taken.", func(c *ConsumerStats) uint64 { return c.Batches }},
		{"fluvio_consumer_frames_received_total", "counter", "Answers with records.", func(c *ConsumerStats) uint64 { return c.FramesReceived }},
		{"fluvio_consumer_received_bytes_total", "counter", "Bytes of answers with records.", func(c *ConsumerStats) uint64 { return c.BytesReceived }},
		{"fluvio_consumer_queued_bytes", "gauge", "Bytes received and not taken.", func(c *ConsumerStats) uint64 { return c.BytesQueued }},
		{"fluvio_consumer_retries_total", "counter", "Streams opened again after an error.", func(c *ConsumerStats) uint64 { return c.Retries }},
		{"fluvio_consumer_resets_total", "counter", "Positions that were not stored any more.", func(c *ConsumerStats) uint64 { return c.Resets }},
		{"fluvio_consumer_skipped_batches_total", "counter", "Stored batches skipped because they cannot be read.", func(c *ConsumerStats) uint64 { return c.Skipped }},
		{"fluvio_consumer_commits_total", "counter", "Offsets stored.", func(c *ConsumerStats) uint64 { return c.Commits }},
		{"fluvio_consumer_commit_failures_total", "counter", "Offsets that could not be stored.", func(c *ConsumerStats) uint64 { return c.CommitsFailed }},
	} {
		t.each(f.name, f.kind, f.help, func(s *ClientStats) {
			for i := range s.Consumers {
				c := &s.Consumers[i]
				t.Sample(float64(f.value(c)), consumerLabels(s, c)...)
			}
		})
	}
	t.each("fluvio_consumer_wait_seconds", "histogram", "How long records that were received waited to be taken.", func(s *ClientStats) {
		for i := range s.Consumers {
			c := &s.Consumers[i]
			t.Histogram(&c.Waits, consumerLabels(s, c)...)
		}
	})
	for _, f := range []struct {
		name, help string
		value      func(*PartitionPosition) int64
	}{
		{"fluvio_consumer_lag", "Records that the consumer can still get.", func(p *PartitionPosition) int64 { return p.Lag }},
		{"fluvio_consumer_position", "The offset of the next record.", func(p *PartitionPosition) int64 { return p.Position }},
		{"fluvio_consumer_committed_offset", "The offset stored last, -1 unknown or none.", func(p *PartitionPosition) int64 { return p.Committed }},
	} {
		t.each(f.name, "gauge", f.help, func(s *ClientStats) {
			for i := range s.Consumers {
				c := &s.Consumers[i]
				for j := range c.Partitions {
					p := &c.Partitions[j]
					t.Sample(float64(f.value(p)), append(consumerLabels(s, c), "topic", p.Topic, "partition", strconv.Itoa(int(p.Partition)))...)
				}
			}
		})
	}
}

func consumerLabels(s *ClientStats, c *ConsumerStats) []string {
	return []string{"client", s.Client, "consumer", number(c.ID), "consumer_id", c.ConsumerID}
}
