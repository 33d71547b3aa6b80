package main

// #include "bridge.h"
import "C"

import (
	"context"
	"sync/atomic"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// consumerNumbers tell the consumers of a queue apart, from before they have a handle.
var consumerNumbers atomic.Uint64

// eventsTo gives what passes events on to a queue; nil without one.
func eventsTo(queue *C.fluvio_queue_t, opaque C.uint64_t) func(fluvio.ConsumerEvent) {
	if queue == nil {
		return nil
	}
	number := C.uint64_t(consumerNumbers.Add(1))
	return func(e fluvio.ConsumerEvent) {
		C.fluvioc_consumer_event(queue, number, opaque, C.int32_t(e.Kind), (*C.char)(unsafe.Pointer(unsafe.StringData(e.Topic))), C.size_t(len(e.Topic)),
			C.int32_t(e.Partition), C.int64_t(e.Offset), C.int64_t(e.Next), C.int32_t(e.Attempt), C.int64_t(e.Delay.Milliseconds()), cError(e.Err))
	}
}

// control carries out what changes and tells positions.
func (x *consumer) control(ctx context.Context, op *operation) (unsafe.Pointer, error) {
	switch op.command {
	case C.FLUVIOC_DRAIN:
		return nil, x.core.Drain()
	case C.FLUVIOC_POSITIONS:
		return x.positions(op)
	}
	topic, err := x.topicOf(op, map[C.int32_t]string{C.FLUVIOC_SEEK: "seek", C.FLUVIOC_PAUSE: "pause", C.FLUVIOC_RESUME: "resume", C.FLUVIOC_OFFSET_FOR: "find offset"}[op.command])
	if err != nil {
		return nil, err
	}
	p := place{topic, op.partition}
	switch op.command {
	case C.FLUVIOC_PAUSE:
		return nil, x.pause(p, op.offset)
	case C.FLUVIOC_RESUME:
		return nil, x.core.Resume(topic, op.partition)
	case C.FLUVIOC_OFFSET_FOR:
		return nil, x.offsetFor(ctx, p, op)
	}
	return nil, x.seek(ctx, p, op.position)
}

// seek carries out fluvio_consumer_seek. What is in the ring of the partition is dropped.
func (x *consumer) seek(ctx context.Context, p place, position string) error {
	to, err := parsePosition("seek", position)
	if err != nil {
		return err
	}
	offset, err := x.core.OffsetFor(ctx, p.topic, p.partition, to)
	if err != nil {
		return err
	}
	return x.change("seek", p, func(number C.int32_t) error {
		err := x.core.Seek(ctx, p.topic, p.partition, fluvio.AtOffset(offset))
		if err == nil {
			C.fluvioc_consumer_purge(x.handle, number, 0)
		}
		return err
	})
}

// offsetFor carries out fluvio_consumer_offset_for.
func (x *consumer) offsetFor(ctx context.Context, p place, op *operation) error {
	at, err := parsePosition("find offset", op.position)
	if err == nil {
		op.number, err = x.core.OffsetFor(ctx, p.topic, p.partition, at)
	}
	return err
}

// pause carries out fluvio_consumer_pause. What is in the ring of the partition goes back, so to speak: the core reads it
// again after resume.
func (x *consumer) pause(p place, next int64) error {
	return x.change("pause", p, func(number C.int32_t) error {
		if given := int64(C.fluvioc_consumer_purge(x.handle, number, C.int64_t(next))); given >= 0 {
			x.core.HandedOut(p.topic, p.partition, given, -1)
		}
		return x.core.PauseAt(p.topic, p.partition, next)
	})
}

// change changes where a partition is read. Nothing goes into the ring meanwhile. A stream that had ended goes on.
func (x *consumer) change(op string, p place, how func(number C.int32_t) error) error {
	if _, err := x.core.OffsetFor(x.ctx, p.topic, p.partition, fluvio.AtOffset(0)); err != nil { // the consumer does not read it
		fluvioerr.As(err).Op = op
		return err
	}
	x.pushing.Lock()
	defer x.pushing.Unlock()
	number, err := x.number(p)
	if err != nil {
		return err
	}
	if x.ctx.Err() != nil {
		return errClosed(op, "consumer")
	}
	ended := x.ended
	if ended && C.fluvioc_consumer_reopen(x.handle) == 0 {
		return fluvioerr.New(fluvioerr.InvalidState, op, "the stream has ended, and the callback was told").At(p.topic, p.partition)
	}
	x.moving.Lock()
	if err = how(number); err == nil {
		x.seeks++
	}
	x.moving.Unlock()
	if ended { // in any case: it tells of the end again if nothing comes
		x.ended = false
		x.done = make(chan struct{})
		go x.pump(x.done)
	}
	return err
}

// positions carries out fluvio_consumer_positions.
func (x *consumer) positions(op *operation) (unsafe.Pointer, error) {
	x.inFront()
	list := x.core.Positions()
	var texts []string
	var numbers []C.int64_t
	for _, p := range list {
		paused := C.int64_t(0)
		if p.Paused {
			paused = 1
		}
		texts = append(texts, p.Topic)
		numbers = append(numbers, C.int64_t(p.Partition), C.int64_t(p.Position), C.int64_t(p.HighWatermark), C.int64_t(p.LogEndOffset),
			C.int64_t(p.Lag), C.int64_t(p.Committed), C.int64_t(p.Skipped), paused)
	}
	flat := cTexts(texts...)
	made := C.fluvioc_position_list_new(C.size_t(len(list)), (*C.char)(unsafe.Pointer(unsafe.SliceData(flat))), C.size_t(len(flat)), unsafe.SliceData(numbers))
	if made == nil {
		return nil, fluvioerr.New(fluvioerr.OutOfMemory, "positions", "no memory for %d positions", len(list))
	}
	return unsafe.Pointer(made), nil
}

// parsePosition reads a position that an operation has.
func parsePosition(op, text string) (fluvio.StartPosition, error) {
	p, err := fluvio.ParseStartPosition(text)
	if err != nil {
		return p, fluvioerr.New(fluvioerr.InvalidArgument, op, "%v", err).ForSetting("position")
	}
	return p, nil
}

// resetOffset carries out fluvio_consumer_offset_reset.
func (op *operation) resetOffset(ctx context.Context, c *client) error {
	to, err := parsePosition("reset consumer offset", op.position)
	if err != nil {
		return err
	}
	return c.core.Admin().ResetConsumerOffset(ctx, op.consumerID, op.topic, op.partition, to)
}
