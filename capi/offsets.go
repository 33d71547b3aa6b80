package main

// #include "bridge.h"
import "C"

import (
	"context"
	"slices"
	"strings"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// The Go half reads ahead of the application, so it is C that knows how far the application has come: it keeps marks by
// place. A commit brings a copy of them, made when it was called; auto asks for those that are settled.

// number gives the number of a partition. C has room for its marks afterwards. pushing is held, so that no number goes to another
// partition between this and its use.
func (x *consumer) number(p place) (C.int32_t, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, known := x.numbers[p]
	if known {
		return n, nil
	}
	p.topic = strings.Clone(p.topic) // it may lie in a frame
	if last := len(x.free) - 1; last >= 0 {
		n, x.free = x.free[last], x.free[:last]
		C.fluvioc_consumer_reuse(x.handle, n)
		x.places = slices.Clone(x.places) // others may hold the old ones
		x.places[n], x.numbers[p] = p, n
		return n, nil
	}
	if C.fluvioc_consumer_places(x.handle, C.size_t(len(x.places)+1)) == 0 {
		return -1, fluvioerr.New(fluvioerr.OutOfMemory, "consume", "no memory for a partition").At(p.topic, p.partition)
	}
	n = C.int32_t(len(x.places))
	x.places, x.numbers[p] = append(x.places, p), n
	return n, nil
}

// lost gives up the number of a partition whose topic is gone: one of the same name that comes later is another partition, of
// which the application has got nothing yet.
func (x *consumer) lost(p place) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n, known := x.numbers[p]; known {
		delete(x.numbers, p)
		if !x.gone {
			C.fluvioc_consumer_retire(x.handle, n)
			x.free = append(x.free, n)
		}
		x.places = slices.Clone(x.places) // others may hold the old ones
		x.places[n] = place{}             // which nobody reads
	}
}

// settled tells the core what the application is done with, having come for more.
func (x *consumer) settled() {
	x.pushing.Lock() // or a seek between the two would take back what is told here
	defer x.pushing.Unlock()
	places, marks := x.readMarks(false)
	for i, p := range places {
		x.core.HandedOut(p.topic, p.partition, marks[i], marks[i])
	}
}

// inFront tells the core what the application got.
func (x *consumer) inFront() {
	x.pushing.Lock() // as in settled
	defer x.pushing.Unlock()
	places, marks := x.readMarks(true)
	for i, p := range places {
		x.core.HandedOut(p.topic, p.partition, marks[i], -1)
	}
}

// readMarks gives the partitions that brought something, and how far the application has come in each.
func (x *consumer) readMarks(given bool) ([]place, []int64) {
	select {
	case <-x.opened:
	default:
		return nil, nil // nothing was handed out
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.places) == 0 || x.gone {
		return nil, nil
	}
	marks := make([]int64, len(x.places))
	C.fluvioc_consumer_read_marks(x.handle, C.bool(given), (*C.int64_t)(unsafe.SliceData(marks)), C.size_t(len(marks)))
	return x.places, marks
}

// beginCommit begins fluvio_consumer_commit, whose marks are what the application is done with, or fluvio_consumer_commit_offset,
// whose marks are what it was given.
func (x *consumer) beginCommit(op *operation) (carryOut func(context.Context) error) {
	if op.command == C.FLUVIOC_COMMIT {
		x.handedOut(op.marks, true)
		return x.core.BeginCommit()
	}
	topic, err := x.topicOf(op, "commit")
	if err != nil {
		return func(context.Context) error { return err }
	}
	x.handedOut(op.marks, false)
	return x.core.BeginCommitOffset(topic, op.partition, op.offset)
}

// topicOf is the topic that an operation names, or the only one that the consumer reads.
func (x *consumer) topicOf(op *operation, what string) (string, error) {
	switch {
	case op.hasTopic:
		return op.topic, nil
	case len(x.topics) != 1:
		return "", fluvioerr.New(fluvioerr.InvalidArgument, what, "the topic is NULL, and the consumer reads %d topics", len(x.topics)).ForSetting("topic")
	case strings.HasPrefix(x.topics[0], "^"):
		return "", fluvioerr.New(fluvioerr.InvalidArgument, what, "the topic is NULL, and the consumer reads those that match %s", x.topics[0]).ForSetting("topic")
	}
	return x.topics[0], nil
}

// handedOut passes marks on to the core, unless they were taken back since: a seek of another thread must not be undone.
func (x *consumer) handedOut(marks []C.fluvioc_mark_t, done bool) {
	x.moving.Lock()
	defer x.moving.Unlock()
	x.mu.Lock()
	places := x.places[:min(len(marks), len(x.places))]
	if !x.gone {
		C.fluvioc_consumer_refresh(x.handle, unsafe.SliceData(marks), C.size_t(len(marks)))
	}
	x.mu.Unlock()
	for i, p := range places {
		given, settled := int64(marks[i].offset), int64(-1)
		if done {
			settled = given
		}
		x.core.HandedOut(p.topic, p.partition, given, settled)
	}
}

// listOffsets carries out fluvio_consumer_offsets_list.
func (op *operation) listOffsets(ctx context.Context, c *client) (unsafe.Pointer, error) {
	offsets, err := c.core.Admin().ConsumerOffsets(ctx)
	if err != nil {
		return nil, err
	}
	list, err := cOffsets(offsets)
	return unsafe.Pointer(list), err
}

// cOffsets makes the C list of offsets.
func cOffsets(offsets []fluvio.ConsumerOffset) (*C.fluvio_consumer_offset_list_t, error) {
	var texts []string
	var numbers []C.int64_t
	for _, o := range offsets {
		texts = append(texts, o.ConsumerID, o.Topic)
		numbers = append(numbers, C.int64_t(o.Partition), C.int64_t(o.Offset), C.int64_t(o.Modified.UnixMilli()))
	}
	flat := cTexts(texts...)
	list := C.fluvioc_consumer_offset_list_new(C.size_t(len(offsets)), (*C.char)(unsafe.Pointer(unsafe.SliceData(flat))),
		C.size_t(len(flat)), unsafe.SliceData(numbers))
	if list == nil {
		return nil, fluvioerr.New(fluvioerr.OutOfMemory, "list consumer offsets", "no memory for %d offsets", len(offsets))
	}
	return list, nil
}
