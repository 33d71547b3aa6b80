package fluvio

import (
	"cmp"
	"context"
	"math"
	"sort"
	"time"
	"unicode/utf8"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/consume"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// maxConsumerID is what a text of the protocol holds.
const maxConsumerID = math.MaxInt16

// strategies are the values of offset_strategy.
var strategies = map[string]consume.Strategy{
	"": consume.StrategyNone, "none": consume.StrategyNone, "manual": consume.StrategyManual, "auto": consume.StrategyAuto,
}

// checkOffsets checks the settings of stored offsets.
func checkOffsets(p *problems, o *ConsumerOptions) {
	if strategies[o.OffsetStrategy] != consume.StrategyNone && o.ConsumerID == "" {
		p.add("consumer_id", "is needed with offset_strategy %s: offsets are stored under this name", o.OffsetStrategy)
	}
	switch {
	case o.OffsetStore == "file" && o.OffsetStorePath == "":
		p.add("offset_store_path", "is needed with offset_store file: the folder to store offsets in")
	case o.OffsetStore != "file" && o.OffsetStorePath != "":
		p.add("offset_store_path", "has no effect without offset_store=file")
	}
	if o.Store != nil && o.OffsetStore != "" {
		p.add("offset_store", "cannot be combined with a store of the application's")
	}
	if (o.Store != nil || o.OffsetStore != "") && o.ConsumerID == "" {
		p.add("consumer_id", "is needed with offset_store: offsets are stored under this name")
	}
	if problem := consumerIDProblem(o.ConsumerID); problem != "" {
		p.add("consumer_id", "%s", problem)
	}
}

// consumerIDProblem says what is wrong with the name of a consumer, "" for nothing.
func consumerIDProblem(id string) string {
	switch {
	case len(id) > maxConsumerID:
		return "is longer than 32767 bytes"
	case !utf8.ValidString(id):
		return "is not UTF-8"
	}
	return ""
}

// Commit stores, for every partition, the offset of the last record handed out so far, and returns when the cluster has
// confirmed all of them: a consumer of the same ConsumerID that is opened later goes on behind them. Handed out are the
// records of the batches that Next gave, and of Records those the loop has seen. Nothing is sent for partitions that have not
// moved. It tries again after lost connections and moved leaders, until ctx ends and for as long as the request timeout.
//
// Commits of a consumer are carried out in the order in which they were called, so that an older one never comes to lie over a newer
// one.
//
// Errors name the topic and the partition; offsets of other partitions may be stored all the same. InvalidState: the
// offset_strategy is none.
func (c *Consumer) Commit(ctx context.Context) error { return c.c.Commit(ctx) }

// CommitOffset stores a chosen offset of one partition, that of the last record processed; otherwise as Commit.
// InvalidArgument: no record of that offset or a higher one was handed out yet. NotFound: the topic, which a pattern took, was deleted.
func (c *Consumer) CommitOffset(ctx context.Context, topic string, partition int32, offset int64) error {
	return c.c.CommitOffset(ctx, topic, partition, offset)
}

// BeginCommit is the part of Commit that does not wait: it decides what is stored, and takes its place behind the commits of this
// consumer that were called before, which come first. The function that it gives is the rest, and has to be called.
func (c *Consumer) BeginCommit() (carryOut func(context.Context) error) { return c.c.BeginCommit() }

// BeginCommitOffset is to CommitOffset what BeginCommit is to Commit.
func (c *Consumer) BeginCommitOffset(topic string, partition int32, offset int64) (carryOut func(context.Context) error) {
	return c.c.BeginCommitOffset(topic, partition, offset)
}

// HandedOut is for callers who have set ConsumerOptions.ReadAhead: their application was given the records of a partition up
// to the offset given, and is done with those up to done; -1 for none. CommitOffset takes offsets up to given, Commit and auto
// store done.
func (c *Consumer) HandedOut(topic string, partition int32, given, done int64) {
	c.c.HandedOut(topic, partition, given, done)
}

// ConsumerOffset is how far a named consumer has come in a partition.
type ConsumerOffset struct {
	ConsumerID string
	Topic      string
	Partition  int32
	Offset     int64     // of the last record processed: reading goes on with the next one
	Modified   time.Time // by the clock of the SPU, in whole seconds
}

// ConsumerOffsets lists the offsets stored on the cluster, in the order of consumer, topic and partition. It waits, for as
// long as the request timeout, while a cluster that has just started has no place for offsets yet. Unsupported: the cluster's
// platform keeps no offsets.
func (a *Admin) ConsumerOffsets(ctx context.Context) ([]ConsumerOffset, error) {
	if err := a.client.alive(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.client.opts.RequestTimeout)
	defer cancel()
	found, err := a.client.cluster.ConsumerOffsets(ctx, nil)
	if err != nil {
		return nil, err
	}
	list := make([]ConsumerOffset, len(found))
	for i, o := range found {
		modified := time.Unix(int64(min(o.ModifiedTime, math.MaxInt64)), 0)
		list[i] = ConsumerOffset{ConsumerID: o.ConsumerID, Topic: o.Topic, Partition: int32(o.Partition), Offset: o.Offset, Modified: modified}
	}
	sort.Slice(list, func(i, j int) bool {
		x, y := &list[i], &list[j]
		return cmp.Or(cmp.Compare(x.ConsumerID, y.ConsumerID), cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition)) < 0
	})
	return list, nil
}

// DeleteConsumerOffset forgets what a consumer stored for a partition; there being nothing is success. A consumer that runs
// may store it again. It waits, and is Unsupported, as ConsumerOffsets.
func (a *Admin) DeleteConsumerOffset(ctx context.Context, consumerID, topic string, partition int32) error {
	const op = "delete consumer offset"
	if err := a.checkConsumer(op, consumerID, topic, partition); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.client.opts.RequestTimeout)
	defer cancel()
	req := &wire.DeleteConsumerOffsetRequest{Topic: topic, Partition: uint32(partition), ConsumerID: consumerID}
	if err := a.client.cluster.DeleteConsumerOffset(ctx, req); err != nil {
		return fluvioerr.As(err).At(topic, partition)
	}
	return nil
}

// ResetConsumerOffset makes a consumer that is opened later go on at a position of a partition, for instance Beginning, whatever
// was stored for it. One that runs does not notice, and may store its own offset afterwards. It tries again while servers
// cannot be reached, until ctx ends and for as long as the request timeout. Errors as ConsumerOffsets; NotFound: there is no
// such topic or partition.
func (a *Admin) ResetConsumerOffset(ctx context.Context, consumerID, topic string, partition int32, to StartPosition) error {
	const op = "reset consumer offset"
	if err := a.checkConsumer(op, consumerID, topic, partition); err != nil {
		return err
	}
	c := a.client
	limited, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	t, err := c.cluster.TopicWith(limited, topic, partition)
	if err != nil {
		return err
	}
	if int(partition) >= len(t.Partitions) {
		return fluvioerr.New(fluvioerr.NotFound, op, "the topic has %d partitions, 0 to %d", len(t.Partitions), len(t.Partitions)-1).At(topic, partition)
	}
	cfg := consume.Config{ConsumerID: consumerID, RequestTimeout: c.opts.RequestTimeout, RetryFirst: c.opts.RetryBackoff, RetryMax: c.opts.RetryBackoffMax}
	stored, err := consume.ResetOffset(limited, c.cluster, cfg, topic, partition, to.position())
	if err == nil && stored < 0 {
		return a.DeleteConsumerOffset(ctx, consumerID, topic, partition)
	}
	if e := fluvioerr.As(err); e != nil {
		own := *e
		own.Op = op
		return &own
	}
	return err
}

// checkConsumer checks what names a stored offset.
func (a *Admin) checkConsumer(op, consumerID, topic string, partition int32) error {
	if err := a.client.alive(); err != nil {
		return err
	}
	problem := consumerIDProblem(consumerID)
	if consumerID == "" {
		problem = "is empty"
	}
	if problem != "" {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "the consumer's name %s", problem).ForSetting("consumer_id")
	}
	if err := checkTopicName(op, topic); err != nil {
		return err
	}
	if partition < 0 {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "partition %d is negative", partition).At(topic, partition).ForSetting("partition")
	}
	return nil
}
