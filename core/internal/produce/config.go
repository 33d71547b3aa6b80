package produce

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Config is a producer's settings, validated by the facade.
type Config struct {
	Topic           string
	ID              uint64 // the producer's number in its client
	BatchSize       int    // bytes before compression at which a batch is full, header included
	MaxRequestSize  int    // bytes; also the largest record with its batch header
	LimitedBy       string // the setting that MaxRequestSize comes from
	Linger          time.Duration
	BufferMemory    int64
	BlockWhenFull   bool
	Compression     compress.Codec
	Level           int
	Isolation       int16         // wire.ProduceReadUncommitted or wire.ProduceReadCommitted
	ServerTimeout   time.Duration // how long the server waits for replication
	AtMostOnce      bool
	DeliveryTimeout time.Duration // from the first record of a batch to giving up
	RequestTimeout  time.Duration
	RetryFirst      time.Duration
	RetryMax        time.Duration
	Partitioner     Partitioner
	SmartModules    wire.SmartModules
	OnPartitions    func(*Partitions) // may be nil: told at Open and when they change, must not block
	OnDelivery      func(*Delivery)   // may be nil
	InFront         func(*Stats)      // may be nil: adds what the caller has queued in front of the producer
}

// Persistence says whether records are stored.
type Persistence uint8

// The values, as fluvio.h numbers them.
const (
	NotPersisted   Persistence = 0 // certainly not
	Persisted      Persistence = 1 // acknowledged
	MaybePersisted Persistence = 2 // the answer never came, or says stored but not replicated
)

// Delivery is the report of one batch: of records of one partition that were stored, or failed, together. It and its slices
// are valid during the callback only.
type Delivery struct {
	Topic      string
	Partition  int32
	BaseOffset int64 // the i-th record has offset BaseOffset+i; -1 when failed, unless stored but not replicated, and with SmartModules
	Count      int
	Opaques    []uint64 // the Opaque of each record, in offset order
	Err        error    // nil: all were stored
	Persisted  Persistence
	Latency    time.Duration // from the batch's first record to this report
}

// Record is what a producer takes.
type Record struct {
	Key       []byte // nil: none
	Value     []byte
	Timestamp int64     // ms since the epoch, 0: now
	Queued    time.Time // when it was accepted from the application, if that was earlier; the delivery timeout runs from then
	Opaque    uint64
	Partition int32           // of what Feed takes: negative: the partitioner chooses
	ctx       context.Context // of Send, for hooks; nil when there are none
}

// since is when the application handed the record over.
func (r *Record) since() time.Time {
	if r.Queued.IsZero() {
		return time.Now()
	}
	return r.Queued
}
