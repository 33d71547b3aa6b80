package produce

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// fillPartition sends n records of 100 bytes, keys included, into a partition.
func fillPartition(t *testing.T, p *Producer, partition int32, n int) {
	t.Helper()
	for range n {
		_, err := p.SendTo(testContext(t), partition, &Record{Key: []byte("key"), Value: []byte(strings.Repeat("v", 97))})
		require.NoError(t, err)
	}
}

// Every record is counted once, where it belongs.
func TestStats(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("stats", devcluster.TopicOptions{Partitions: 2})
	p := w.producer("stats", func(c *Config) {
		c.Linger, c.BatchSize, c.Compression = 10*time.Minute, 1000, compress.Lz4
	})
	fresh := p.Stats()
	fresh.Latency = obs.HistogramStats{}
	require.Equal(t, Stats{Topic: "stats"}, fresh)

	fillPartition(t, p, 0, 20)
	fillPartition(t, p, 1, 5)
	s := p.Stats()
	require.Equal(t, []uint64{25, 2500, 25, 2500}, []uint64{s.RecordsAccepted, s.BytesAccepted, s.RecordsQueued + s.RecordsInFlight + s.RecordsAcknowledged, s.BytesQueued + s.BytesInFlight + s.BytesAcknowledged})
	require.GreaterOrEqual(t, s.RecordsQueued, uint64(5), "what lingers")
	require.GreaterOrEqual(t, s.BatchesQueued, uint64(2))

	require.NoError(t, p.Flush(testContext(t), nil))
	s = p.Stats()
	require.Equal(t, []uint64{25, 2500, 25, 2500}, []uint64{s.RecordsAccepted, s.BytesAccepted, s.RecordsAcknowledged, s.BytesAcknowledged})
	require.Zero(t, s.RecordsQueued+s.BytesQueued+s.BatchesQueued+s.RecordsInFlight+s.BytesInFlight+s.BatchesInFlight+s.RequestsInFlight)
	require.EqualValues(t, 4, s.Batches, "8, 8 and 4 records, and 5")
	require.InDelta(t, 25.0/4, s.RecordsPerBatch, 1e-9)
	require.InDelta(t, 25/float64(s.Requests), s.RecordsPerRequest, 1e-9)
	require.InDelta(t, 4/float64(s.Requests), s.BatchesPerRequest, 1e-9)
	require.Greater(t, s.BatchFill, 0.6)
	require.Less(t, s.BatchFill, 1.0)
	require.Greater(t, s.CompressionRatio, 2.0)
	require.Positive(t, s.LatencyP50)
	require.GreaterOrEqual(t, s.LatencyP90, s.LatencyP50)
	require.GreaterOrEqual(t, s.LatencyP99, s.LatencyP90)
	require.GreaterOrEqual(t, s.LatencyMax, s.LatencyP99)
	requests := s.Requests

	again := w.rule(devcluster.Rule{API: "Produce", Count: 2, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	fillPartition(t, p, 0, 1)
	require.NoError(t, p.Flush(testContext(t), nil))
	require.Equal(t, 2, again.Hits())
	s = p.Stats()
	require.Equal(t, []uint64{26, 5, 2, requests + 3}, []uint64{s.RecordsAcknowledged, s.Batches, s.Retries, s.Requests})

	w.rule(devcluster.Rule{API: "Produce", Count: 1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerMessageTooLarge}})
	fillPartition(t, p, 0, 3)
	require.Error(t, p.Flush(testContext(t), nil))
	w.rule(devcluster.Rule{API: "Produce", Count: 1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerRequestTimedOut}})
	fillPartition(t, p, 1, 7)
	require.Error(t, p.Flush(testContext(t), nil))
	s = p.Stats()
	require.Equal(t, []uint64{36, 26, 3, 7}, []uint64{s.RecordsAccepted, s.RecordsAcknowledged, s.RecordsFailed, s.RecordsMaybe})
	require.Equal(t, []uint64{3600, 2600, 300, 700}, []uint64{s.BytesAccepted, s.BytesAcknowledged, s.BytesFailed, s.BytesMaybe})
	require.NoError(t, p.Close(testContext(t)))
	require.Equal(t, s, p.Stats(), "it can be asked afterwards too")
}

// What waits, what is on its way, and what is given up in flight.
func TestStatsOfWhatWaits(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("waits", devcluster.TopicOptions{Partitions: 2})
	p := w.producer("waits", nil)
	silent := w.rule(devcluster.Rule{API: "Produce", Count: 1, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	fillPartition(t, p, 0, 1)
	require.NoError(t, silent.Wait(testContext(t), 1))
	fillPartition(t, p, 0, 2)
	s := p.Stats()
	require.Equal(t, []uint64{1, 100, 1, 1}, []uint64{s.RecordsInFlight, s.BytesInFlight, s.BatchesInFlight, s.RequestsInFlight})
	require.Equal(t, []uint64{2, 200, 1}, []uint64{s.RecordsQueued, s.BytesQueued, s.BatchesQueued})
	late, cancel := context.WithCancel(context.Background())
	cancel()
	require.Error(t, p.Close(late))
	s = p.Stats()
	require.Equal(t, []uint64{3, 1, 2, 0, 0}, []uint64{s.RecordsAccepted, s.RecordsMaybe, s.RecordsFailed, s.RecordsQueued, s.RecordsInFlight})
	require.EqualValues(t, 1, s.RequestsInFlight, "nobody has answered yet")
}

// Whoever asks while records come and go never sees one twice or not at all.
func TestStatsAddUp(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("add-up", devcluster.TopicOptions{Partitions: 2})
	p := w.producer("add-up", func(c *Config) { c.BatchSize, c.DeliveryTimeout = 500, 50*time.Millisecond })
	w.rule(devcluster.Rule{API: "Produce", Skip: 5, Count: 20, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerNotLeader}})
	w.rule(devcluster.Rule{API: "Produce", Skip: 25, Count: 2, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionClose}})
	const n = 20_000
	sent := make(chan int)
	go func() {
		defer close(sent)
		for i := range n {
			if _, err := p.SendTo(testContext(t), int32(i%2), record(i)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	last := uint64(0)
	for running := true; running; {
		select {
		case <-sent:
			running = false
		default:
		}
		s := p.Stats()
		require.GreaterOrEqual(t, s.RecordsAccepted, last)
		require.LessOrEqual(t, s.RecordsAccepted, uint64(n))
		last = s.RecordsAccepted
	}
	_ = p.Close(testContext(t))
	s := p.Stats()
	require.EqualValues(t, n, s.RecordsAccepted)
	require.EqualValues(t, n, s.RecordsAcknowledged+s.RecordsFailed+s.RecordsMaybe)
}
