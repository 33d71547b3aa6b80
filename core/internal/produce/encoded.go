package produce

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Encoded is records that are encoded as in a batch whose first record is the first of them.
type Encoded struct {
	Records        []byte // without the count in front
	Count          int
	Payload        int       // bytes of keys and values
	FirstTimestamp int64     // of the first record, ms since the epoch; those in Records are relative to it
	MaxTimestamp   int64     // the largest of all
	Opaques        []uint64  // of each record; nil: all are 0
	Queued         time.Time // when the first was accepted from the application
	Partition      int32     // negative: the partitioner chooses
}

// Each goes through the records as Feed asks for them.
func (e *Encoded) Each() func(r *Record) bool {
	records, i := wire.Records(e.Records, e.Count), 0
	var rec wire.Record
	return func(r *Record) bool {
		more, err := records.Next(&rec)
		if err != nil {
			panic(err) // who encoded them made a mistake
		}
		if !more {
			return false
		}
		*r = Record{Key: rec.Key, Value: rec.Value, Timestamp: e.FirstTimestamp + rec.TimestampDelta, Queued: e.Queued, Partition: e.Partition}
		if e.Opaques != nil {
			r.Opaque = e.Opaques[i]
		}
		i++
		return true
	}
}

// FeedEncoded takes records, each as Feed does. Those that fill at least half of a batch become one, if they are for one partition.
func (p *Producer) FeedEncoded(ctx context.Context, e *Encoded, refused func(r *Record, err error)) {
	if 2*len(e.Records) < p.cfg.BatchSize-HeadRoom || HeadRoom+len(e.Records) > p.cfg.BatchSize {
		p.Feed(ctx, e.Each(), refused)
		return
	}
	part, err := p.together(e)
	if err == nil && part == nil {
		p.Feed(ctx, e.Each(), refused)
		return
	}
	if err == nil && p.refused.Load() {
		err = p.errClosed()
	}
	if err == nil {
		err = p.adopt(ctx, part, e)
	}
	if err != nil {
		next := e.Each()
		for r := new(Record); next(r); {
			refused(r, err)
		}
	}
}

// together is the partition that all of the records are for, nil when there may be several.
func (p *Producer) together(e *Encoded) (*partition, error) {
	if e.Partition >= 0 {
		return p.chosen(e.Partition)
	}
	if fixed, ok := p.cfg.Partitioner.(Fixed); ok {
		return p.chosen(int32(fixed))
	}
	if parts := *p.parts.Load(); len(parts) == 1 && p.spreads {
		return parts[0], nil
	}
	return nil, nil
}

// adopt makes a batch of encoded records.
func (p *Producer) adopt(ctx context.Context, part *partition, e *Encoded) error {
	wantOpaques := p.cfg.OnDelivery != nil
	need := int64(p.cfg.BatchSize) + batchCost
	if wantOpaques {
		need += int64(e.Count) * 8
	}
	need = min(need, p.cfg.BufferMemory)
	if !p.budget.TryAcquire(need) {
		if err := p.waitForMemory(ctx, need, &Record{Queued: e.Queued}); err != nil {
			return err
		}
	}
	part.mu.Lock()
	defer part.mu.Unlock()
	if part.dead {
		p.budget.Release(need)
		return p.errClosed()
	}
	if part.open != nil {
		part.closeOpen()
	}
	b := newBatch(part, p.cfg.BatchSize, need, e.Queued)
	if p.observer.WantsProduce() {
		b.ctx = context.WithoutCancel(ctx)
	}
	b.buf = append(b.buf, e.Records...)
	b.count, b.payload, b.firstTS, b.maxTS = e.Count, e.Payload, e.FirstTimestamp, e.MaxTimestamp
	if wantOpaques {
		b.opaques = make([]uint64, e.Count)
		copy(b.opaques, e.Opaques)
	}
	p.under.Add(1)
	part.open = b
	part.closeOpen()
	return nil
}
