package fluvio

import (
	"time"

	"github.com/libfluvio/libfluvio/core/internal/consume"
)

// ConsumerEvent is something that happened to a partition that a consumer reads. Fields that do not apply are zero.
type ConsumerEvent struct {
	Kind      EventKind
	Topic     string
	Partition int32
	Offset    int64         // the position it is about
	Next      int64         // where reading goes on instead
	Attempt   int           // the number of the retry
	Delay     time.Duration // until the retry
	Err       error         // why
}

// EventKind is what happened: PartitionAssigned and so on.
type EventKind = consume.EventKind

// The kinds of events.
const (
	PartitionAssigned = consume.PartitionAssigned // reading begins at Offset
	PartitionLost     = consume.PartitionLost     // the topic of a pattern was deleted; its partition ends without an error
	PartitionRetry    = consume.PartitionRetry    // reading was disturbed by Err; attempt number Attempt comes after Delay, or sooner
	PartitionResumed  = consume.PartitionResumed  // reading goes on at Offset after Attempt retries
	OffsetReset       = consume.OffsetReset       // the position Offset is not stored; reading goes on at Next; Err says why, if the server did
	BatchSkipped      = consume.BatchSkipped      // the stored batch at Offset cannot be read because of Err; reading goes on at Next
)
