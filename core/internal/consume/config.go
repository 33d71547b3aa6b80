package consume

import (
	"time"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Config is a consumer's settings, validated by the facade.
type Config struct {
	Topics         []Topic
	Start          Position
	StopAt         Stop
	MaxBytes       int32 // where the server cuts a frame; a partition with larger batches grows to theirs
	PrefetchBytes  int64 // received and not yet taken, for the whole consumer
	Isolation      uint8
	RequestTimeout time.Duration
	RetryFirst     time.Duration
	RetryMax       time.Duration
	Lazy           bool // leave the decoding of records to Batch.Columns
	ConsumerID     string
	Strategy       Strategy
	FlushEvery     time.Duration // StrategyAuto
	SmartModules   wire.SmartModules
	// ReadAhead is set by a caller that reads ahead of its application and calls HandedOut itself. It is called before auto
	// stores offsets, for HandedOut to be called, and must not block.
	ReadAhead func()
}

// Topic is a topic to read.
type Topic struct {
	Name       string
	Partitions []int32 // nil: all, new ones included
}

// From says what a Position counts from.
type From uint8

// The kinds of positions.
const (
	FromBeginning From = iota // the first record kept, plus N
	FromEnd                   // behind the last committed record, minus N
	FromAbsolute              // the offset N
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
