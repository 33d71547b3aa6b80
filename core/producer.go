package fluvio

import (
	"context"
	"fmt"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/produce"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Producer writes records to one topic. Its methods are safe for concurrent use.
type Producer struct {
	client *Client
	opts   ProducerOptions
	p      *produce.Producer
}

func (o *ProducerOptions) defaults() {
	o.BufferMemory = orDefault(o.BufferMemory, 32<<20)
	o.MaxRequestSize = orDefault(o.MaxRequestSize, int(min(1<<20, o.BufferMemory)))
	o.BatchSize = orDefault(o.BatchSize, min(16<<10, o.MaxRequestSize))
	o.BufferFull = orDefault(o.BufferFull, "block")
	o.Delivery = orDefault(o.Delivery, "at_least_once")
	o.DeliveryTimeout = orDefault(o.DeliveryTimeout, 120*time.Second)
	o.Isolation = orDefault(o.Isolation, "read_uncommitted")
	o.ServerTimeout = orDefault(o.ServerTimeout, 1500*time.Millisecond)
	if o.Partition != nil {
		o.Partitioner = orDefault(o.Partitioner, "fixed")
	}
	o.Partitioner = orDefault(o.Partitioner, "siphash")
}

// Validate reports every problem of the options at once.
func (o ProducerOptions) Validate() error { return o.problems().err("producer") }

func (o ProducerOptions) problems() *problems {
	p := &problems{}
	checkSettings(p, o)
	full := o
	full.defaults()
	if full.BatchSize > full.MaxRequestSize {
		p.add("batch_size", "%d is larger than max_request_size, %d", full.BatchSize, full.MaxRequestSize)
	}
	if int64(full.MaxRequestSize) > full.BufferMemory {
		p.add("max_request_size", "%d is larger than buffer_memory, %d", full.MaxRequestSize, full.BufferMemory)
	}
	if full.Linger >= full.DeliveryTimeout {
		p.add("linger_ms", "%d is not less than delivery_timeout_ms, %d: records would fail before they are sent", full.Linger.Milliseconds(), full.DeliveryTimeout.Milliseconds())
	}
	switch pinned := o.Partition != nil; {
	case pinned && full.Partitioner != "fixed":
		p.add("partition", "is for the partitioner fixed, not for %s", full.Partitioner)
	case !pinned && full.Partitioner == "fixed":
		p.add("partition", "is needed for the partitioner fixed")
	}
	if o.PartitionFunc != nil && (o.Partitioner != "" || o.Partition != nil) {
		p.add("partitioner", "cannot be combined with PartitionFunc")
	}
	checkModules(p, o.SmartModules, o.TransformsPath)
	if codec, err := compress.Parse(o.Compression); err == nil && o.Compression != "" {
		checkLevel(p, codec, o.CompressionLevel)
	}
	return p
}

// checkLevel holds the compression level against the codec, which the topic may have chosen.
func checkLevel(p *problems, codec compress.Codec, level int) {
	if level == 0 {
		return
	}
	if codec == compress.None {
		p.add("compression_level", "needs compression to be set")
	} else if err := compress.CheckLevel(codec, level); err != nil {
		p.add("compression_level", "%v", err)
	}
}

// fitTopic keeps batches, and with them records, within the segments of the topic: SPUs refuse larger ones. It gives the
// setting that limits them.
func (o *ProducerOptions) fitTopic(spec *wire.TopicSpec) (limitedBy string) {
	if s := spec.Storage; s != nil && s.SegmentSize != nil && int64(*s.SegmentSize) < int64(o.MaxRequestSize) {
		o.MaxRequestSize = int(*s.SegmentSize)
		o.BatchSize = min(o.BatchSize, o.MaxRequestSize)
		return "segment_size"
	}
	return "max_request_size"
}

// Producer opens a producer for a topic. It waits until every partition of the topic has an SPU, until ctx ends and at most
// for the request timeout.
func (c *Client) Producer(ctx context.Context, topic string, o ProducerOptions) (*Producer, error) {
	if err := c.alive(); err != nil {
		return nil, err
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := checkTopicName("open producer", topic); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	wanted := int32(0)
	if o.Partition != nil {
		wanted = *o.Partition
	}
	t, err := c.cluster.TopicWith(ctx, topic, wanted)
	if err != nil {
		return nil, err
	}
	codec, err := topicCodec(t.Spec.Compression, &o)
	if err != nil {
		return nil, fluvioerr.As(err).At(topic, -1)
	}
	var p problems
	if checkLevel(&p, codec, o.CompressionLevel); len(p.list) > 0 {
		return nil, p.err("producer")
	}
	chain, err := invocations("open producer", o.SmartModules, o.TransformsPath)
	if err != nil {
		return nil, err
	}
	o.defaults()
	if o.Partition != nil && int(*o.Partition) >= len(t.Partitions) {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "open producer", "partition %d does not exist: the topic has %d, 0 to %d", *o.Partition, len(t.Partitions), len(t.Partitions)-1).
			At(topic, *o.Partition).ForSetting("partition")
	}
	isolation := wire.ProduceReadUncommitted
	if o.Isolation == "read_committed" {
		isolation = wire.ProduceReadCommitted
	}
	limitedBy := o.fitTopic(t.Spec)
	producer := &Producer{client: c, opts: o}
	cfg := produce.Config{
		Topic: topic, ID: c.producers.Add(1), BatchSize: o.BatchSize, MaxRequestSize: o.MaxRequestSize, LimitedBy: limitedBy, Linger: o.Linger, BufferMemory: o.BufferMemory,
		BlockWhenFull: o.BufferFull == "block", Compression: codec, Level: o.CompressionLevel, Isolation: isolation,
		ServerTimeout: o.ServerTimeout, AtMostOnce: o.Delivery == "at_most_once", DeliveryTimeout: o.DeliveryTimeout,
		RequestTimeout: c.opts.RequestTimeout, RetryFirst: c.opts.RetryBackoff, RetryMax: c.opts.RetryBackoffMax,
		Partitioner: o.partitioner(), SmartModules: chain,
	}
	if o.OnPartitions != nil {
		cfg.OnPartitions = func(of *produce.Partitions) { o.OnPartitions((*Partitions)(of)) }
	}
	if o.OnDelivery != nil {
		cfg.OnDelivery = func(d *produce.Delivery) { o.OnDelivery((*Delivery)(d)) }
	}
	if o.InFront != nil {
		cfg.InFront = func(s *produce.Stats) { o.InFront((*ProducerStats)(s)) }
	}
	producer.p = produce.Open(t, c.cluster, cfg)
	if err := c.adopt(producer); err != nil {
		_ = producer.p.Close(ctx)
		return nil, err
	}
	return producer, nil
}

// partitioner is what the options, with their defaults, ask for.
func (o *ProducerOptions) partitioner() produce.Partitioner {
	switch {
	case o.PartitionFunc != nil:
		return produce.Func(func(key, value []byte, of *produce.Partitions) int32 {
			return o.PartitionFunc(key, value, (*Partitions)(of))
		})
	case o.Partitioner == "fixed":
		return produce.Fixed(*o.Partition)
	case o.Partitioner == "round_robin":
		return &produce.RoundRobin{}
	case o.Partitioner == "sticky":
		return produce.NewSticky()
	}
	return &produce.Siphash{}
}

// Partitions is what a PartitionFunc may choose from.
type Partitions struct {
	Count     int32   // of the topic, online or not
	Available []int32 // those online, ascending; empty while unknown
}

// topicPolicies are the compression settings of topics by their numbers.
var topicPolicies = map[uint8]string{
	wire.TopicCompressionAny: "any", wire.TopicCompressionNone: "none", wire.TopicCompressionGzip: "gzip",
	wire.TopicCompressionSnappy: "snappy", wire.TopicCompressionLz4: "lz4", wire.TopicCompressionZstd: "zstd",
}

// topicCodec reconciles the topic's compression policy with the producer's setting.
func topicCodec(policy uint8, o *ProducerOptions) (compress.Codec, error) {
	want := o.Compression
	demanded, known := topicPolicies[policy]
	switch {
	case !known:
		return 0, fluvioerr.New(fluvioerr.Unsupported, "open producer", "the topic's compression policy has the unknown number %d", policy)
	case demanded == "any":
		want = orDefault(want, "none")
	case want != "" && want != demanded:
		return 0, fluvioerr.New(fluvioerr.InvalidArgument, "open producer", "the topic demands compression %s, the producer is set to %s", demanded, want).
			ForSetting("compression").WithHint(fmt.Sprintf("set compression to %s, or leave it out", demanded))
	default:
		want = demanded
	}
	return compress.Parse(want)
}

// Options are the effective options.
func (p *Producer) Options() ProducerOptions { return p.opts }

// LimitedBy is the setting that limits the size of records: max_request_size, or segment_size, which is the topic's.
func (p *Producer) LimitedBy() string { return p.p.Config().LimitedBy }

// Receipt stands for one record on its way. It is a small value; a record whose receipt is dropped is delivered all the same.
type Receipt struct{ r produce.Receipt }

// Wait blocks until the record is stored or has failed, or ctx ends. It makes the record leave at once, whatever Linger says.
// With an error of code Timeout from the server (RequestTimedOut) the record is stored at the offset given, but not replicated.
// With SmartModules the offset is -1.
func (r Receipt) Wait(ctx context.Context) (partition int32, offset int64, err error) {
	return r.r.Wait(ctx)
}

// Done is closed when the record is stored or has failed.
func (r Receipt) Done() <-chan struct{} { return r.r.Done() }

// Send hands a record over; Partitioner or PartitionFunc chooses the partition. Key and value are copied. It waits only for room in
// BufferMemory, until ctx ends; nil means accepted, not stored: ask the receipt, or OnDelivery, or Flush.
func (p *Producer) Send(ctx context.Context, r Record) (Receipt, error) {
	rc, err := p.p.Send(ctx, &produce.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp, Opaque: r.Opaque})
	return Receipt{rc}, err
}

// SendTo is Send into a partition of the caller's choice.
func (p *Producer) SendTo(ctx context.Context, partition int32, r Record) (Receipt, error) {
	rc, err := p.p.SendTo(ctx, partition, &produce.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp, Opaque: r.Opaque})
	return Receipt{rc}, err
}

// Queued is a record of a queue in front of the producer, as FeedQueued takes it.
type Queued = produce.Record

// FeedQueued is for callers who queue records in front of the producer: it takes what next gives, until that has no more, each as
// Send does, or as SendTo when its Partition is not negative. DeliveryTimeout runs from its Queued, when it was accepted, also
// while it waits for room, which ends with ctx. refused is told of each that was not taken. next must not wait: it is called
// with locks held. It fills in the same record every time.
func (p *Producer) FeedQueued(ctx context.Context, next func(r *Queued) bool, refused func(r *Queued, err error)) {
	p.p.Feed(ctx, next, refused)
}

// Encoded is records of a queue in front of the producer that are encoded already, as FeedEncoded takes them.
type Encoded = produce.Encoded

// FeedEncoded is FeedQueued for encoded records, which it copies: as a batch of their own when they nearly fill one, which costs
// little more than the copy.
func (p *Producer) FeedEncoded(ctx context.Context, e *Encoded, refused func(r *Queued, err error)) {
	p.p.FeedEncoded(ctx, e, refused)
}

// BatchRoom is how many bytes of encoded records a batch has room for.
func (p *Producer) BatchRoom() int { return p.opts.BatchSize - produce.HeadRoom }

// FlushQueued is Flush for callers of FeedQueued. before is called first and waits until the records in question were handed
// over; its error is returned. Failures that Lost is told of meanwhile are among those that are returned.
func (p *Producer) FlushQueued(ctx context.Context, before func() error) error {
	return p.p.Flush(ctx, before)
}

// Lost is for callers who queue records in front of the producer: Flush and Close tell of these records, which FeedQueued
// refused, as of others that failed.
func (p *Producer) Lost(records int, err error) { p.p.Lost(records, err) }

// SendMany hands many records over, in their order, as Send does each; those without a timestamp get the same one. It returns how
// many were accepted, and why the next one was not: ctx may have ended while there was no room in BufferMemory, or the record
// is too large. What became of the accepted ones tell OnDelivery and Flush.
func (p *Producer) SendMany(ctx context.Context, records []Record) (accepted int, err error) {
	now := time.Now().UnixMilli()
	p.p.Feed(ctx, func(r *produce.Record) bool {
		if accepted == len(records) || err != nil {
			return false
		}
		from := &records[accepted]
		r.Key, r.Value, r.Timestamp, r.Opaque, r.Partition = from.Key, from.Value, orDefault(from.Timestamp, now), from.Opaque, -1
		accepted++
		return true
	}, func(_ *produce.Record, refusal error) {
		accepted--
		err = refusal
	})
	return accepted, err
}

// Busy says whether records are under way that have no report yet.
func (p *Producer) Busy() bool { return p.p.Busy() }

// Hurry makes what was taken before the call leave now, whatever Linger says, and does not wait for it.
func (p *Producer) Hurry() { p.p.Hurry() }

// Stats gives the producer's counters, also after Close. It is cheap enough for every second, not for every record.
func (p *Producer) Stats() ProducerStats { return ProducerStats(p.p.Stats()) }

// Flush waits until every record taken before the call is stored or has failed and is reported, or ctx ends. Without
// OnDelivery it returns the first failure that no Flush had told of when it was called, with the number of records in the detail
// failed_records; with OnDelivery the reports tell.
func (p *Producer) Flush(ctx context.Context) error { return p.p.Flush(ctx, nil) }

// Close takes no more records and waits, until ctx ends, for those on their way; what is left then fails. When it returns
// every record has its report. It returns an error if some records had to be failed, and as Flush does. Only the first call does
// anything; later ones wait for it. It returns a second after the end of ctx at the latest: should OnDelivery not have returned
// by then, that is a Timeout, and the rest of the reports follows when it does.
func (p *Producer) Close(ctx context.Context) error {
	err := p.p.Close(ctx)
	if p.p.IsOver() { // else the client's Close waits for it, too
		p.client.orphan(p)
	}
	return err
}
