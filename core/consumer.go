package fluvio

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/consume"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Consumer reads topics. Its methods are safe for concurrent use. While nothing comes it costs a goroutine, about 5 KiB of heap and
// 4 KiB of stack for each partition, and a connection, two goroutines and 70 KiB for each SPU that leads some of them.
type Consumer struct {
	client *Client
	c      *consume.Consumer
	counts bool // whoever takes records is the application: what it takes is handed out

	end     atomic.Int32 // the reason for which the stream has ended, as the application was told
	mu      sync.Mutex
	left    []*consume.Batch // guarded by mu: what loops over records left behind
	failure error            // guarded by mu: what Poll met behind the records that it gave
	closed  bool             // guarded by mu: Close was called

	over     chan struct{} // closed when nothing of the consumer runs any more
	closeErr error         // set before over is closed
}

// Validate reports every problem of the options at once.
func (o ConsumerOptions) Validate() error { return o.problems().err("consumer") }

func (o ConsumerOptions) problems() *problems {
	p := &problems{}
	checkSettings(p, o)
	if len(o.Topics) == 0 {
		p.add("topics", "name at least one topic")
	}
	seenTopic := map[string]bool{}
	for _, t := range o.Topics {
		if seenTopic[t] {
			p.add("topics", "%q stands twice", t)
		}
		seenTopic[t] = true
		if isPattern(t) {
			if _, err := topicPattern(t); err != nil {
				p.add("topics", "%v", err)
			}
		}
	}
	seen := map[int32]bool{}
	for _, id := range o.Partitions {
		if id < 0 {
			p.add("partitions", "%d is negative", id)
		}
		if seen[id] {
			p.add("partitions", "%d stands twice", id)
		}
		seen[id] = true
	}
	if pos := o.Start.position(); pos.N < 0 {
		p.add("start", "%d is negative", pos.N)
	}
	if o.GroupSize == 0 && o.GroupMember != 0 {
		p.add("group_size", "is needed with group_member: how many members the group has")
	}
	if o.GroupSize != 0 && o.GroupMember >= o.GroupSize {
		p.add("group_member", "%d is not between 0 and %d: the group has %d members", o.GroupMember, o.GroupSize-1, o.GroupSize)
	}
	checkOffsets(p, &o)
	checkModules(p, o.SmartModules, o.TransformsPath)
	if o.MaxBytes != 0 && o.PrefetchBytes != 0 && int64(o.MaxBytes) > o.PrefetchBytes {
		p.add("max_bytes", "%d is larger than prefetch_bytes, %d", o.MaxBytes, o.PrefetchBytes)
	}
	return p
}

// Consumer opens a consumer. It returns when the position of every partition is known, so records stored afterwards are
// seen by a consumer that starts at the end. The wait ends with ctx and at the latest after the request timeout.
func (c *Client) Consumer(ctx context.Context, o ConsumerOptions) (*Consumer, error) {
	if err := c.alive(); err != nil {
		return nil, err
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.defaults()
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	if err := c.cluster.Ready(ctx, "open consumer"); err != nil {
		return nil, err
	}
	cfg, err := c.consumeConfig(&o)
	if err != nil {
		return nil, err
	}
	inner, err := consume.Open(ctx, c.cluster, cfg)
	if err != nil {
		return nil, err
	}
	consumer := &Consumer{client: c, c: inner, counts: o.ReadAhead == nil, over: make(chan struct{})}
	if err := c.adopt(consumer); err != nil {
		inner.Close()
		return nil, err
	}
	return consumer, nil
}

// resets are the values of offset_reset.
var resets = map[string]consume.Reset{"error": consume.ResetError, "earliest": consume.ResetEarliest, "latest": consume.ResetLatest}

// consumeConfig turns options, complete with defaults, into what the engine takes.
func (c *Client) consumeConfig(o *ConsumerOptions) (cfg consume.Config, err error) {
	cfg = consume.Config{
		ID:    c.consumers.Add(1),
		Start: o.Start.position(), StopAt: o.StopAt.stop, MaxBytes: o.MaxBytes, PrefetchBytes: o.PrefetchBytes,
		RequestTimeout: c.opts.RequestTimeout, RetryFirst: c.opts.RetryBackoff, RetryMax: c.opts.RetryBackoffMax, MaxRetries: o.MaxRetries,
		Lazy: o.LazyColumns, ConsumerID: o.ConsumerID, Strategy: strategies[o.OffsetStrategy], FlushEvery: o.OffsetFlush, ReadAhead: o.ReadAhead, InFront: o.InFront,
		OnEvicted: resets[o.OffsetReset], SkipCorrupt: o.CorruptBatches == "skip", Member: o.GroupMember, Members: o.GroupSize,
	}
	if o.OnEvent != nil {
		cfg.OnEvent = func(e consume.Event) { o.OnEvent(ConsumerEvent(e)) }
	}
	if cfg.SmartModules, err = invocations("open consumer", o.SmartModules, o.TransformsPath); err != nil {
		return cfg, err
	}
	if cfg.Store, err = c.offsetStore(o); err != nil {
		return cfg, err
	}
	if o.Isolation == "read_committed" {
		cfg.Isolation = wire.FetchReadCommitted
	}
	for _, name := range o.Topics {
		topic := consume.Topic{Name: name, Partitions: o.Partitions}
		if len(o.Partitions) == 0 {
			topic.Partitions = nil
		}
		if isPattern(name) {
			topic.Pattern, err = topicPattern(name)
		} else {
			err = checkTopicName("open consumer", name)
		}
		if err != nil {
			return cfg, err
		}
		cfg.Topics = append(cfg.Topics, topic)
	}
	return cfg, nil
}

// isPattern says whether a topic is a pattern: no name can begin so.
func isPattern(topic string) bool { return strings.HasPrefix(topic, "^") }

// topicPattern compiles a pattern, to match whole names.
func topicPattern(text string) (*regexp.Regexp, error) {
	p, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return nil, fmt.Errorf("%q is not a pattern: %v", text, err)
	}
	return p, nil
}

// Next gives the next batch, or what a loop over Records has left of one, waiting until ctx ends. Its errors: End when every
// partition was read to StopAt or Drain is through, and Closed, both for good; Timeout or Cancelled when ctx ended; else the error of one
// partition, given once, after which the others go on. When no partition is left, because of errors, the last one is given
// again each time, and fluvioerr.Fatal says so.
func (c *Consumer) Next(ctx context.Context) (*Batch, error) {
	b, err := c.take(ctx)
	for err == nil && c.counts && !b.HandOut() {
		b.Release()
		b, err = c.take(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &Batch{b}, nil
}

// take gives the next batch, which is not handed out yet. The application is done with what it got before.
func (c *Consumer) take(ctx context.Context) (*consume.Batch, error) {
	if c.counts {
		c.c.Settle()
	}
	return c.takeMore(ctx)
}

// takeMore is take for who has not come back yet.
func (c *Consumer) takeMore(ctx context.Context) (*consume.Batch, error) {
	b, err := c.takeNext(ctx)
	if reason := fluvioerr.EndOf(err); reason != fluvioerr.NotEnded {
		c.end.CompareAndSwap(0, int32(reason)) // what is said later, that it was closed, is not why it ended
	} else if err == nil && c.end.Load() != 0 {
		c.end.Store(0) // a partition goes on elsewhere
	}
	return b, err
}

func (c *Consumer) takeNext(ctx context.Context) (*consume.Batch, error) {
	c.mu.Lock()
	if c.closed { // what was left belongs to whoever goes on behind what is stored
		c.left, c.failure = nil, nil
	}
	if err := c.failure; err != nil {
		c.failure = nil
		c.mu.Unlock()
		return nil, err
	}
	for len(c.left) > 0 {
		b := c.left[0]
		c.left = c.left[1:]
		if !b.Stale() {
			c.mu.Unlock()
			return b, nil
		}
	}
	c.mu.Unlock()
	return c.c.Next(ctx)
}

// keep puts what was not handed out of a batch back, to come first.
func (c *Consumer) keep(b *consume.Batch) {
	c.mu.Lock()
	c.left = append([]*consume.Batch{b}, c.left...)
	c.mu.Unlock()
}

// Records gives record after record until the end of the stream or an error, which comes last. End is not an error here. What
// a loop that is left has not seen comes with the next call of Records or Next.
func (c *Consumer) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			b, err := c.take(ctx)
			if err != nil {
				if !isEnd(err) {
					yield(Record{}, err)
				}
				return
			}
			if !c.each(b, yield) {
				return
			}
		}
	}
}

// each hands out record after record of a batch and keeps what the loop leaves behind.
func (c *Consumer) each(b *consume.Batch, yield func(Record, error) bool) (more bool) {
	next := 0
	defer func() { // also when the loop's body panics
		if next < b.Len() {
			c.keep(b.Tail(next))
		}
	}()
	batch := Batch{b}
	for next < b.Len() {
		if c.counts && !b.HandOutRecord(next) { // the loop's body has chosen another position
			next = b.Len()
			break
		}
		next++
		if !yield(batch.Record(next-1), nil) {
			return false
		}
	}
	return true
}

// EndReason says why the stream has ended, as fluvioerr.EndOf says it of the error that Next or Poll gave: after a loop over
// Records, too, and after Close. NotEnded: nobody was told of an end yet.
func (c *Consumer) EndReason() fluvioerr.EndReason { return fluvioerr.EndReason(c.end.Load()) }

// Close ends the streams, wakes Next, and returns when no goroutine of the consumer is left. With OffsetStrategy auto it
// stores first what was handed out before the latest call of Next, which ends with ctx; the error says what could not be
// stored. Otherwise it does not wait for the network. Only the first call does anything; later ones wait for it. It returns a second
// after the end of ctx at the latest: should OnEvent or the offset store not have returned by then, that is a Timeout that says so;
// neither is called again, the streams have ended, and the rest follows when they return.
func (c *Consumer) Close(ctx context.Context) error {
	start := time.Now()
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		go func() {
			c.closeErr = c.c.Finish(ctx)
			c.c.Close()
			c.client.orphan(c)
			close(c.over)
		}()
	}
	ended := endsBy(ctx, c.over, closeGrace)
	c.end.CompareAndSwap(0, int32(fluvioerr.StreamClosed))
	if !ended {
		go c.c.Close() // whatever Finish waits for
		return errStillCloses(ctx, "close consumer", c.c.Still(), start)
	}
	return c.closeErr
}

// closeGrace is how much longer than its context Close may take, for what it ends without asking anybody.
const closeGrace = time.Second

func errStillCloses(ctx context.Context, op, what string, start time.Time) error {
	return fluvioerr.FromContext(ctx, op, what, time.Since(start)).WithHint("closing goes on in the background; a function of the application must return for it to end")
}

// endsBy waits until over is closed, until grace after the end of ctx at the latest, and says whether it is.
func endsBy(ctx context.Context, over <-chan struct{}, grace time.Duration) bool {
	select {
	case <-over:
		return true
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-over:
		return true
	case <-late.C:
		return false
	}
}

// Columns are the records of a batch as positions into Batch.Data. The slices are the caller's.
type Columns struct {
	Offset    []int64
	Timestamp []int64 // ms since the epoch, -1 none
	KeyPos    []uint32
	KeyLen    []uint32 // NoKey: no key
	ValuePos  []uint32
	ValueLen  []uint32
}

// NoKey in Columns.KeyLen marks a record without a key.
const NoKey = wire.NoKey

// Batch is consecutive records of one partition.
type Batch struct{ b *consume.Batch }

// Topic is the topic of the records.
func (b *Batch) Topic() string { return b.b.Topic }

// Partition is the partition of the records.
func (b *Batch) Partition() int32 { return b.b.Partition }

// HighWatermark is the offset behind the partition's last committed record when the batch was read.
func (b *Batch) HighWatermark() int64 { return b.b.HighWatermark }

// Len is the number of records.
func (b *Batch) Len() int { return b.b.Len() }

// Data is what the positions in Columns point into.
func (b *Batch) Data() []byte { return b.b.Data }

// Columns decodes into slices of at least Len elements, which may lie in foreign memory. A Corrupt error also ends the
// partition; the records before the damage are decoded all the same, and Len is their number from then on.
func (b *Batch) Columns(cols *Columns) error { return b.b.Columns((*wire.Columns)(cols)) }

// Stale says whether Seek or Pause has made the batch void since it was read: its records come again, or are not wanted. For
// callers who have set ReadAhead; other batches are handed out by then.
func (b *Batch) Stale() bool { return b.b.Stale() }

// Release gives the memory of the batch to later ones. Its records, columns and data must not be used afterwards. It is
// optional: without it the memory is collected like any other.
func (b *Batch) Release() { b.b.Release() }

// Record is the i-th record; key and value are views.
func (b *Batch) Record(i int) Record {
	cols, data := &b.b.Cols, b.b.Data
	r := Record{Topic: b.b.Topic, Partition: b.b.Partition, Offset: cols.Offset[i], Timestamp: cols.Timestamp[i]}
	if n := cols.KeyLen[i]; n != NoKey {
		at := cols.KeyPos[i]
		r.Key = data[at : at+n : at+n]
	}
	at, n := cols.ValuePos[i], cols.ValueLen[i]
	r.Value = data[at : at+n : at+n]
	return r
}

// Records gives the records in the order of their offsets.
func (b *Batch) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range b.Len() {
			if !yield(b.Record(i)) {
				return
			}
		}
	}
}
