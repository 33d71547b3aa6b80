package fluvio

import (
	"bytes"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/produce"
)

// Record is a record to send, or one that was read.
type Record struct {
	Topic     string // set by consumers
	Partition int32  // set by consumers; to choose one when sending, use SendTo
	Offset    int64  // set by consumers
	Timestamp int64  // ms since the epoch; sending: 0 is now; reading: -1 is unknown
	Key       []byte // nil: no key. An empty key is a key
	Value     []byte
	Opaque    uint64 // sending: comes back in the Delivery
}

// Clone copies key and value, so that the record no longer holds on to the batch it came in.
func (r Record) Clone() Record {
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	return r
}

// Delivery is the report of one batch: of records of one partition that were stored, or failed, together. It and its slices are
// valid during the callback only.
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

// Persistence says whether records are stored: NotPersisted, Persisted or MaybePersisted.
type Persistence = produce.Persistence

// What is known about records after their report.
const (
	NotPersisted   = produce.NotPersisted   // certainly not stored
	Persisted      = produce.Persisted      // acknowledged
	MaybePersisted = produce.MaybePersisted // the answer never came, or says stored but not replicated
)
