package produce

import (
	"context"
	"log/slog"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/obs"
)

// begin tells hooks that a batch is on its way, once; who gets here second waits for the first.
func (b *batch) begin() *obs.Span[obs.ProduceBatch] {
	if b.ctx == nil {
		return nil
	}
	b.began.Do(func() { b.span = b.part.producer.observer.ProduceBatch(b.ctx, b.observed(-1)) })
	return b.span
}

// observed is the batch for an observer.
func (b *batch) observed(base int64) obs.ProduceBatch {
	return obs.ProduceBatch{
		Topic: b.part.producer.cfg.Topic, Partition: b.part.id, Created: b.created, Records: b.count, Bytes: b.payload, Offset: base,
	}
}

// told says what became of a batch. No lock is held.
func (p *Producer) told(b *batch, base int64, err error) {
	b.begin().End(b.observed(base), err)
	if err == nil {
		return
	}
	code := fluvioerr.CodeOf(err).String()
	p.observer.Failed("produce", code)
	last := &failure{b.part.id, err}
	p.failure.Store(last)
	if records, now := p.failures.Say(uint64(b.count)); now {
		p.logFailed(records, last)
	}
}

// failure is of one batch.
type failure struct {
	partition int32
	err       error
}

// tellRest logs failures that were kept back because a line had just told of others. end: there will be no more.
func (p *Producer) tellRest(end bool) {
	if records := p.failures.Rest(end); records > 0 {
		p.logFailed(records, p.failure.Load())
	}
}

func (p *Producer) logFailed(records uint64, last *failure) {
	p.observer.Log.LogAttrs(context.Background(), slog.LevelError, "records failed", slog.String("topic", p.cfg.Topic),
		slog.Int("partition", int(last.partition)), slog.Uint64("records", records), obs.Err(fluvioerr.CodeOf(last.err).String(), last.err))
}

// retries says that batches of a partition are sent again.
func (p *Producer) retries(part *partition, batches int, err error) {
	code := fluvioerr.CodeOf(err).String()
	p.observer.Failed("produce", code)
	p.observer.Retried("produce", uint64(batches))
	p.observer.Log.LogAttrs(context.Background(), slog.LevelInfo, "sending again", slog.String("topic", p.cfg.Topic),
		slog.Int("partition", int(part.id)), slog.Int("batches", batches), obs.Err(code, err))
}

// unreachable says that an SPU cannot be reached; what is meant for it waits.
func (p *Producer) unreachable(spu int32, attempt int, delay time.Duration, err error) {
	level := slog.LevelInfo
	if attempt == 1 {
		level = slog.LevelWarn
	}
	p.observer.Log.LogAttrs(context.Background(), level, "SPU cannot be reached", slog.Int("spu", int(spu)), slog.String("topic", p.cfg.Topic),
		slog.Int("attempt", attempt), slog.Duration("delay", delay), obs.Err(fluvioerr.CodeOf(err).String(), err))
}
