package produce

import (
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// Stats are a producer's counters since it was opened. Bytes are those of keys and values. Accepted records are
// acknowledged, failed or maybe stored, or else queued or in flight.
type Stats struct {
	Topic string
	ID    uint64 // the number of the producer in its client, from 1

	RecordsAccepted     uint64 // taken by Send
	BytesAccepted       uint64
	RecordsAcknowledged uint64
	BytesAcknowledged   uint64
	RecordsFailed       uint64 // certainly not stored
	BytesFailed         uint64
	RecordsMaybe        uint64 // reported as maybe stored
	BytesMaybe          uint64

	RecordsQueued   uint64 // wait to be sent, or to be sent again
	BytesQueued     uint64
	BatchesQueued   uint64
	RecordsInFlight uint64 // sent, without an answer
	BytesInFlight   uint64
	BatchesInFlight uint64

	Requests         uint64 // sent
	RequestsInFlight uint64
	Batches          uint64 // sent, each counted once
	Retries          uint64 // batches sent again

	// The following are averages over what was sent; 0 before anything was.
	BatchFill         float64 // bytes of a batch before compression, in parts of BatchSize; above 1 for large records
	RecordsPerBatch   float64
	BatchesPerRequest float64
	RecordsPerRequest float64
	CompressionRatio  float64 // bytes of batches before compression over those after; 1 without

	// From the first record of a batch to its outcome, of all batches; the percentiles are at most a sixteenth too high.
	LatencyP50 time.Duration
	LatencyP90 time.Duration
	LatencyP99 time.Duration
	LatencyMax time.Duration
	// Latency is all of them.
	Latency obs.HistogramStats
}

// tally is a number of records and of their bytes.
type tally struct{ records, bytes uint64 }

func (t *tally) add(b *batch) {
	t.records += uint64(b.count)
	t.bytes += uint64(b.payload)
}

// traffic counts what was sent, once for each request.
type traffic struct {
	mu       sync.Mutex
	requests uint64 // guarded by mu, as all
	answered uint64
	batches  uint64
	retries  uint64
	records  uint64 // of batches, each counted once
	again    uint64 // records of retries
	size     uint64 // of batches before compression
	packed   uint64 // the same after it
}

// sent counts a request; retried tells which of its batches were sent before.
func (t *traffic) sent(batches []*batch, retried []bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	for i, b := range batches {
		if retried[i] {
			t.retries++
			t.again += uint64(b.count)
			continue
		}
		t.batches++
		t.records += uint64(b.count)
		t.size += uint64(b.size())
		t.packed += uint64(len(b.entry))
	}
}

func (t *traffic) answer() {
	t.mu.Lock()
	t.answered++
	t.mu.Unlock()
}

// Stats gives the counters. It takes the locks of all partitions, one after the other.
func (p *Producer) Stats() (s Stats) {
	var done [3]tally
	var queued, flying tally
	for _, part := range *p.parts.Load() {
		part.mu.Lock()
		for i := range done {
			done[i].records += part.done[i].records
			done[i].bytes += part.done[i].bytes
		}
		if part.open != nil {
			queued.add(part.open)
			s.BatchesQueued++
		}
		for _, list := range [][]*batch{part.closed, part.failing} {
			for _, b := range list {
				if !b.decided {
					queued.add(b)
					s.BatchesQueued++
				}
			}
		}
		for _, b := range part.flying {
			if !b.decided {
				flying.add(b)
				s.BatchesInFlight++
			}
		}
		part.mu.Unlock()
	}
	s.RecordsAcknowledged, s.BytesAcknowledged = done[Persisted].records, done[Persisted].bytes
	s.RecordsFailed, s.BytesFailed = done[NotPersisted].records, done[NotPersisted].bytes
	s.RecordsMaybe, s.BytesMaybe = done[MaybePersisted].records, done[MaybePersisted].bytes
	s.RecordsQueued, s.BytesQueued = queued.records, queued.bytes
	s.RecordsInFlight, s.BytesInFlight = flying.records, flying.bytes
	s.RecordsAccepted = s.RecordsAcknowledged + s.RecordsFailed + s.RecordsMaybe + s.RecordsQueued + s.RecordsInFlight
	s.BytesAccepted = s.BytesAcknowledged + s.BytesFailed + s.BytesMaybe + s.BytesQueued + s.BytesInFlight
	p.traffic.fill(&s, p.cfg.BatchSize)
	s.Topic, s.ID, s.Latency = p.cfg.Topic, p.cfg.ID, p.latency.Stats()
	s.LatencyP50, s.LatencyP90, s.LatencyP99, s.LatencyMax = s.Latency.P50, s.Latency.P90, s.Latency.P99, s.Latency.Max
	if p.cfg.InFront != nil {
		p.cfg.InFront(&s)
	}
	return s
}

func (t *traffic) fill(s *Stats, batchSize int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Requests, s.RequestsInFlight = t.requests, t.requests-t.answered
	s.Batches, s.Retries = t.batches, t.retries
	if t.batches == 0 {
		return
	}
	batches, requests := float64(t.batches), float64(t.requests)
	s.BatchFill = float64(t.size) / (batches * float64(batchSize))
	s.RecordsPerBatch = float64(t.records) / batches
	s.BatchesPerRequest = float64(t.batches+t.retries) / requests
	s.RecordsPerRequest = float64(t.records+t.again) / requests
	s.CompressionRatio = float64(t.size) / float64(t.packed)
}
