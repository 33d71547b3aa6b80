package consume

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// Stats are a consumer's counters since it was opened.
type Stats struct {
	ID         uint64 // the number of the consumer in its client, from 1
	ConsumerID string // its name, "" without one

	Records uint64 // taken from the consumer
	Batches uint64 // the same
	Bytes   uint64 // of these batches, decompressed

	FramesReceived uint64 // answers with records
	BytesReceived  uint64 // of these, as they came
	FramesQueued   uint64 // received and not taken
	BytesQueued    uint64 // of these; those of paused partitions are not counted

	Retries       uint64 // streams opened again after an error
	Resets        uint64 // positions that were not stored any more
	Skipped       uint64 // stored batches passed over because they cannot be read
	Commits       uint64 // offsets stored
	CommitsFailed uint64 // offsets that could not be stored

	Lag        uint64 // the sum of the partitions'
	Partitions []PartitionPosition
	// Waits say how long records that were received waited to be taken.
	Waits obs.HistogramStats
}

// counters are what the sessions and the inbox count.
type counters struct {
	records, batches, bytes, frames, received         atomic.Uint64
	retries, resets, skipped, commits, commitFailures atomic.Uint64
	waits                                             obs.Histogram // in µs
}

// Stats gives the counters, also after Close.
func (c *Consumer) Stats() Stats {
	if c.cfg.InFront != nil {
		c.cfg.InFront()
	}
	n := &c.counters
	s := Stats{
		ID: c.cfg.ID, ConsumerID: c.cfg.ConsumerID, Records: n.records.Load(), Batches: n.batches.Load(), Bytes: n.bytes.Load(),
		FramesReceived: n.frames.Load(), BytesReceived: n.received.Load(), Retries: n.retries.Load(), Resets: n.resets.Load(),
		Skipped: n.skipped.Load(), Commits: n.commits.Load(), CommitsFailed: n.commitFailures.Load(),
		Partitions: c.Positions(), Waits: n.waits.Stats(),
	}
	for i := range s.Partitions {
		s.Lag += uint64(s.Partitions[i].Lag)
	}
	s.FramesQueued, s.BytesQueued = c.inbox.queued(c.every())
	return s
}

// queued is what was received and not taken.
func (in *inbox) queued(all []*session) (frames, bytes uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return 0, 0
	}
	for _, s := range all {
		frames += uint64(len(s.frames))
	}
	return frames, uint64(max(in.bytes, 0))
}

// arrived counts a frame with records.
func (c *Consumer) arrived(bytes int64) {
	c.counters.frames.Add(1)
	c.counters.received.Add(uint64(bytes))
}

// takes begins the taking of a batch off a frame; the function that it gives tells what came of it.
func (c *Consumer) takes(ctx context.Context, f *frame) func(b *Batch, err error) {
	what := obs.FetchBatch{Topic: f.session.topic, Partition: f.session.partition, Received: f.received, Offset: noOffset}
	var span *obs.Span[obs.FetchBatch]
	if c.observer.WantsFetch() && len(f.records) > 0 {
		span = c.observer.FetchBatch(ctx, what)
	}
	return func(b *Batch, err error) {
		if b != nil {
			c.counters.records.Add(uint64(b.count))
			c.counters.batches.Add(1)
			c.counters.bytes.Add(uint64(len(b.Data)))
			c.counters.waits.Record(time.Since(f.received).Microseconds())
			what.Offset, what.Records, what.Bytes = b.segments[0].header.BaseOffset, b.count, len(b.Data)
		}
		span.End(what, err)
	}
}

// stores tells of the storing of one partition's offset by store.
func (s *session) stores(ctx context.Context, offset int64, store func(context.Context) error) error {
	c := s.consumer
	what := obs.Commit{ConsumerID: c.cfg.ConsumerID, Topic: s.topic, Partition: s.partition, Offset: offset}
	span := c.observer.Commit(ctx, what)
	err := store(span.Context(ctx))
	span.End(what, err)
	if err == nil {
		c.counters.commits.Add(1)
		return nil
	}
	c.counters.commitFailures.Add(1)
	code := fluvioerr.CodeOf(err).String()
	c.observer.Failed("commit", code)
	c.observer.Log.LogAttrs(ctx, slog.LevelWarn, "offset not stored", append(s.attrs(), slog.Int64("offset", offset), obs.Err(code, err))...)
	return err
}

func (s *session) attrs() []slog.Attr {
	return []slog.Attr{slog.String("topic", s.topic), slog.Int("partition", int(s.partition))}
}

// note counts and logs an event.
func (c *Consumer) note(e *Event) {
	attrs := []slog.Attr{slog.String("topic", e.Topic), slog.Int("partition", int(e.Partition)), slog.Int64("offset", e.Offset)}
	if e.Err != nil {
		code := fluvioerr.CodeOf(e.Err).String()
		c.observer.Failed("consume", code)
		attrs = append(attrs, obs.Err(code, e.Err))
	}
	level, message := slog.LevelInfo, ""
	switch e.Kind {
	case PartitionAssigned:
		level, message = slog.LevelDebug, "partition assigned"
	case PartitionLost:
		message = "partition lost: its topic was deleted"
	case PartitionRetry:
		c.counters.retries.Add(1)
		c.observer.Retried("consume", 1)
		message = "reading again"
		attrs = append(attrs, slog.Int("attempt", e.Attempt), slog.Duration("delay", e.Delay))
	case PartitionResumed:
		message = "reading goes on"
		attrs = append(attrs, slog.Int("attempt", e.Attempt))
	case OffsetReset:
		c.counters.resets.Add(1)
		level, message = slog.LevelWarn, "position not stored any more: reading goes on elsewhere"
		attrs = append(attrs, slog.Int64("next", e.Next))
	case BatchSkipped:
		c.counters.skipped.Add(1)
		level, message = slog.LevelWarn, "stored batch skipped: it cannot be read"
		attrs = append(attrs, slog.Int64("next", e.Next))
	}
	c.observer.Log.LogAttrs(context.Background(), level, message, attrs...)
}

// failed says that the application gets an error of a partition; ends: the partition is not read any more.
func (s *session) failed(err error, ends bool) {
	code := fluvioerr.CodeOf(err).String()
	level, message := slog.LevelInfo, "records could not be read"
	if ends {
		level, message = slog.LevelError, "gave up reading a partition"
	}
	s.consumer.observer.Failed("consume", code)
	s.consumer.observer.Log.LogAttrs(context.Background(), level, message, append(s.attrs(), obs.Err(code, err))...)
}
