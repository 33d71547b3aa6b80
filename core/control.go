package fluvio

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/consume"
)

// PollLimits say when Poll has enough. Zero values are no limit, but for Wait.
type PollLimits struct {
	MaxRecords int           // records
	MaxBytes   int64         // of keys and values; one record is given whatever its size
	Wait       time.Duration // how long to collect: 0 takes what is there
}

// Poll gives records of all partitions, as many as there are within the limits. It returns as soon as a limit is reached, none
// when nothing came in time. Errors are those of Next, Timeout excepted, after the records that came before; ctx ends it too.
// All of the records count as handed out; those before are done with.
func (c *Consumer) Poll(ctx context.Context, limits PollLimits) (records []Record, err error) {
	collect, cancel := context.WithTimeout(ctx, limits.Wait)
	defer cancel()
	c.c.Settle()
	for bytes := int64(0); len(records) == 0 || limits.Wait <= 0 || collect.Err() == nil; { // more may come as fast as it is taken
		b, err := c.takeMore(collect)
		if err != nil {
			over := collect.Err() != nil && isOver(err)
			switch {
			case len(records) == 0 && (!over || ctx.Err() != nil):
				return nil, err
			case over, isEnd(err), fluvioerr.CodeOf(err) == fluvioerr.Closed: // which is said again, if it is still so
				return records, nil
			}
			c.mu.Lock()
			c.failure = err
			c.mu.Unlock()
			return records, nil
		}
		n, full := fits(b, limits, len(records), &bytes)
		if n > 0 && !b.HandOutTo(n) {
			continue // another position was chosen
		}
		batch := Batch{b}
		for i := range n {
			records = append(records, batch.Record(i))
		}
		if n < b.Len() {
			c.keep(b.Tail(n))
		}
		if full {
			break
		}
	}
	return records, nil
}

// fits says how many records of a batch are within the limits, and whether no more are. bytes counts their sizes.
func fits(b *consume.Batch, limits PollLimits, have int, bytes *int64) (n int, full bool) {
	for ; n < b.Len(); n++ {
		if limits.MaxRecords > 0 && have+n >= limits.MaxRecords {
			return n, true
		}
		size := int64(b.Cols.ValueLen[n])
		if k := b.Cols.KeyLen[n]; k != NoKey {
			size += int64(k)
		}
		if limits.MaxBytes > 0 && have+n > 0 && *bytes+size > limits.MaxBytes {
			return n, true
		}
		*bytes += size
	}
	return n, limits.MaxRecords > 0 && have+n >= limits.MaxRecords || limits.MaxBytes > 0 && *bytes >= limits.MaxBytes
}

// Seek makes a partition go on at a position, also one that had ended at StopAt or with an error. What was received of it is
// dropped, and nothing of it counts as handed out any more, so that Commit stores nothing for it before it has brought
// records. For positions other than offsets it asks the cluster, until ctx ends or the request timeout. InvalidArgument: the
// consumer does not read the partition.
func (c *Consumer) Seek(ctx context.Context, topic string, partition int32, to StartPosition) error {
	offset, err := c.OffsetFor(ctx, topic, partition, to)
	if err != nil {
		return err
	}
	return c.c.Seek(topic, partition, offset)
}

// OffsetFor asks the cluster for the offset that a position stands for now, in a partition that the consumer reads: Beginning
// is the first offset kept, End the one behind the last committed record. It ends with ctx and by the request timeout.
func (c *Consumer) OffsetFor(ctx context.Context, topic string, partition int32, at StartPosition) (int64, error) {
	return c.c.OffsetFor(ctx, topic, partition, at.position())
}

// Pause gives no records of a partition until Resume; the others go on, and have all of PrefetchBytes. Nothing is missed. With
// SmartModules, whose records come from batches that SPUs read together, records that were handed out may come again. It does
// not wait.
func (c *Consumer) Pause(topic string, partition int32) error { return c.c.Pause(topic, partition, -1) }

// PauseAt is Pause for callers who have set ReadAhead, and give back the records from next on: they come again after Resume.
func (c *Consumer) PauseAt(topic string, partition int32, next int64) error {
	return c.c.Pause(topic, partition, next)
}

// Resume undoes Pause.
func (c *Consumer) Resume(topic string, partition int32) error { return c.c.Resume(topic, partition) }

// Drain stops reading from the cluster and returns at once. What was received is still to be taken; then comes End. Paused
// partitions are resumed for that. Close follows.
func (c *Consumer) Drain() error { return c.c.Drain() }

// PartitionPosition is how far a consumer has come in a partition.
type PartitionPosition struct {
	Topic         string `json:"topic"`
	Partition     int32  `json:"partition"`
	Position      int64  `json:"position"`       // of the next record that the application gets; with SmartModules, where reading would go on
	HighWatermark int64  `json:"high_watermark"` // behind the last committed record
	LogEndOffset  int64  `json:"log_end_offset"` // behind the last record
	Lag           int64  `json:"lag"`            // records that the application can still get, or that SmartModules may leave out
	Committed     int64  `json:"committed"`      // the offset stored last, -1 unknown or none
	Skipped       int64  `json:"skipped"`        // offsets passed over because they were not stored any more or not readable
	Paused        bool   `json:"paused"`
}

// Positions tells how far reading has come in every partition, with watermarks and lag. It asks nobody: watermarks are at most
// a second old.
func (c *Consumer) Positions() []PartitionPosition {
	found := c.c.Positions()
	list := make([]PartitionPosition, len(found))
	for i, p := range found {
		list[i] = PartitionPosition(p)
	}
	return list
}

// isOver says whether an error may be that of a wait that was over. A partition's error, which can be a Timeout as well, is said
// once only.
func isOver(err error) bool {
	code := fluvioerr.CodeOf(err)
	return (code == fluvioerr.Timeout || code == fluvioerr.Cancelled) && fluvioerr.As(err).Topic == ""
}
