package consume

import (
	"context"
	"hash/fnv"
	"regexp"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Config is a consumer's settings, validated by the facade.
type Config struct {
	ID             uint64 // the consumer's number in its client
	Topics         []Topic
	Start          Position
	StopAt         Stop
	MaxBytes       int32 // where the server cuts a frame; a partition with larger batches grows to theirs; 0: see maxBytes
	PrefetchBytes  int64 // received and not yet taken, for the whole consumer
	Isolation      uint8
	RequestTimeout time.Duration
	RetryFirst     time.Duration
	RetryMax       time.Duration
	MaxRetries     int  // attempts in a row without progress before a partition fails; 0: for ever
	Lazy           bool // leave the decoding of records to Batch.Columns
	OnEvicted      Reset
	SkipCorrupt    bool  // pass over stored batches that cannot be read, instead of ending the partition
	Member         int32 // of Members: which of them this consumer is, from 0
	Members        int32 // a static group of so many consumers shares the partitions; 0: no group
	// OnEvent is told what happens to partitions, one event at a time. It must not block, nor close the consumer. May be nil.
	OnEvent func(Event)
	// Store keeps the offsets; nil: the cluster does.
	Store      Store
	ConsumerID string
	Strategy   Strategy
	FlushEvery time.Duration // StrategyAuto
	// SmartModules is the chain that streams go through; none: records come as they are stored.
	SmartModules wire.SmartModules
	// ReadAhead is set by a caller that reads ahead of its application and calls HandedOut itself. It is called before auto
	// stores offsets, for HandedOut to be called, and must not block.
	ReadAhead func()
	// InFront is set by the same caller. Stats calls it, for HandedOut to be called.
	InFront func()
}

// Topic is a topic to read, or all topics whose names match a pattern, new ones included.
type Topic struct {
	Name       string
	Pattern    *regexp.Regexp // instead of Name
	Partitions []int32        // nil: all, new ones included
}

// Reset says what to do about a position that is not stored any more.
type Reset uint8

// The ways on from a position that was removed.
const (
	ResetError    Reset = iota // the partition ends with an error
	ResetEarliest              // on at the first record kept
	ResetLatest                // on at the end
)

// Store keeps the offsets of named consumers: of the last record processed, by topic and partition. Its functions end with
// their context and are called one at a time.
type Store interface {
	// Load gives what is stored for a consumer, all partitions of all topics.
	Load(ctx context.Context, consumerID string) ([]StoredOffset, error)
	// Save stores offsets of a consumer. An error means that some may not be stored.
	Save(ctx context.Context, consumerID string, offsets []StoredOffset) error
}

// StoredOffset is the offset of the last record processed of a partition.
type StoredOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// EventKind is what happened.
type EventKind uint8

// The kinds of events.
const (
	PartitionAssigned EventKind = iota + 1 // reading begins at Offset
	PartitionLost                          // the topic of a pattern was deleted; its partition ends without an error
	PartitionRetry                         // reading was disturbed by Err; attempt number Attempt comes after Delay, or sooner
	PartitionResumed                       // reading goes on at Offset after Attempt retries
	OffsetReset                            // the position Offset is not stored; reading goes on at Next; Err says why, if the server did
	BatchSkipped                           // the stored batch at Offset cannot be read because of Err; reading goes on at Next
)

// Event is something that happened to a partition.
type Event struct {
	Kind      EventKind
	Topic     string
	Partition int32
	Offset    int64
	Next      int64
	Attempt   int
	Delay     time.Duration
	Err       error
}

// owns says whether a partition is this member's. Partitions of a topic go round the members, beginning with another one
// for each topic, and keep their member when a topic gets more of them.
func (c *Config) owns(topic string, partition int32) bool {
	if c.Members < 2 {
		return true
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic))
	return (h.Sum32()%uint32(c.Members)+uint32(partition))%uint32(c.Members) == uint32(c.Member)
}

// Frames without a setting: a share of the prefetched bytes. Larger ones than mostFrame are slower: they fill the buffers of a
// server's socket, and an SPU looks only 10 ms later whether there is room again. Measured over loopback, frames of 1, 2, 4 and 8
// MiB: 10.2, 11.4, 8.3 and 6.4 million records of 100 bytes a second.
const (
	leastFrame = 1 << 20
	mostFrame  = 2 << 20
)

// maxBytes is where frames are cut when MaxBytes does not say so, for a number of partitions.
func (c *Config) maxBytes(partitions int) int32 {
	if c.MaxBytes != 0 {
		return c.MaxBytes
	}
	return int32(min(max(c.PrefetchBytes/int64(max(partitions, 1)), leastFrame), mostFrame))
}

// From says what a Position counts from.
type From uint8

// The kinds of positions.
const (
	FromBeginning From = iota // the first record kept, plus N
	FromEnd                   // behind the last committed record, minus N
	FromAbsolute              // the offset N
	FromTime                  // the stored batch that holds the first record of the time N, in ms since the epoch, or a later one
)

// Position is where reading starts.
type Position struct {
	From From
	N    int64
}

// StopKind says where reading ends.
type StopKind uint8

// The kinds of ends.
const (
	StopNever  StopKind = iota
	StopEnd             // the high watermark when the consumer was opened
	StopOffset          // before the given offset, in every partition
	StopTime            // before the first stored batch that begins at Offset, in ms since the epoch, or later
)

// Stop is where reading ends.
type Stop struct {
	Kind   StopKind
	Offset int64
}

// resolve turns the position into an offset, given the first offset kept and the high watermark.
func (p Position) resolve(start, end int64) int64 {
	switch p.From {
	case FromBeginning:
		return start + min(max(p.N, 0), max(end-start, 0)) // not start+p.N, which may overflow
	case FromEnd:
		return max(end-max(p.N, 0), start)
	}
	return p.N
}
