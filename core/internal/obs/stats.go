package obs

import (
	"encoding/json"
	"time"
)

// Stats are a client's counters since it was connected.
type Stats struct {
	BytesSent     uint64            `json:"bytes_sent"`     // requests with their headers, TLS apart
	BytesReceived uint64            `json:"bytes_received"` // answers with their headers, TLS apart
	Connections   []ConnectionStats `json:"connections"`
	Requests      []RequestStats    `json:"requests"`
	Errors        []ErrorStats      `json:"errors"`
	Retries       []RetryStats      `json:"retries"`
	Breakers      []BreakerStats    `json:"breakers"`
}

// ConnectionStats are the connections of one kind.
type ConnectionStats struct {
	Role   string `json:"role"`   // SC or SPU
	Kind   string `json:"kind"`   // control, watch, produce or fetch
	Open   uint64 `json:"open"`   // now
	Opened uint64 `json:"opened"` // with success, ever
	Failed uint64 `json:"failed"` // attempts that came to nothing
	Lost   uint64 `json:"lost"`   // that ended although nobody here wanted it
}

// RequestStats are the requests of one API.
type RequestStats struct {
	Role     string         `json:"role"` // SC or SPU
	API      string         `json:"api"`
	Count    uint64         `json:"count"`     // begun
	InFlight uint64         `json:"in_flight"` // without an answer
	Errors   uint64         `json:"errors"`    // that got no answer; what the server refused is in ErrorStats
	Latency  HistogramStats `json:"latency"`   // of those that got an answer
}

// ErrorStats count the errors that operations met, those that a retry mended included.
type ErrorStats struct {
	Operation string `json:"operation"` // connect, connection, request, produce, consume, commit
	Code      string `json:"code"`      // the name of the error's code, for instance TIMEOUT
	Count     uint64 `json:"count"`
}

// RetryStats count the retries of an operation.
type RetryStats struct {
	Operation string `json:"operation"` // watch, produce, consume, commit
	Count     uint64 `json:"count"`
}

// BreakerStats are the state of an endpoint's circuit breaker.
type BreakerStats struct {
	Endpoint string `json:"endpoint"`
	State    string `json:"state"` // closed, open or half-open
}

// HistogramStats say how long things took. Percentiles and buckets are exact to a sixteenth.
type HistogramStats struct {
	Count              uint64
	Sum                time.Duration
	P50, P90, P99, Max time.Duration
	Buckets            []Bucket // cumulative, by rising bounds; what is above the last one is in Count only
}

// Bucket counts what took no longer than its bound.
type Bucket struct {
	UpTo  time.Duration
	Count uint64
}

// bounds are those of the buckets of HistogramStats.
var bounds = []time.Duration{
	250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second,
	2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second, 60 * time.Second,
}

// MarshalJSON gives whole microseconds.
func (h HistogramStats) MarshalJSON() ([]byte, error) {
	type bucket struct {
		UpTo  int64  `json:"up_to_us"`
		Count uint64 `json:"count"`
	}
	buckets := make([]bucket, len(h.Buckets))
	for i, b := range h.Buckets {
		buckets[i] = bucket{b.UpTo.Microseconds(), b.Count}
	}
	return json.Marshal(struct {
		Count   uint64   `json:"count"`
		Sum     int64    `json:"sum_us"`
		P50     int64    `json:"p50_us"`
		P90     int64    `json:"p90_us"`
		P99     int64    `json:"p99_us"`
		Max     int64    `json:"max_us"`
		Buckets []bucket `json:"buckets"`
	}{h.Count, h.Sum.Microseconds(), h.P50.Microseconds(), h.P90.Microseconds(), h.P99.Microseconds(), h.Max.Microseconds(), buckets})
}
