package main

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"strconv"
	"strings"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// store is the application as an offset store: it is asked by events, and answers by operations. The queue lives as long as
// the consumer's handle.
type store struct {
	queue      *C.fluvio_queue_t
	opaque     C.uint64_t
	unlessGone func(push func()) bool
}

// storeAnswer is what the application says.
type storeAnswer struct {
	offsets []fluvio.ConsumerOffset
	err     error
}

// questions are those that the application has not answered yet; the channels have room for the answer.
var questions table[chan storeAnswer]

func (s store) Load(ctx context.Context, consumerID string) ([]fluvio.ConsumerOffset, error) {
	return s.ask(ctx, consumerID, nil)
}

func (s store) Save(ctx context.Context, consumerID string, offsets []fluvio.ConsumerOffset) error {
	list, err := cOffsets(offsets)
	if err == nil {
		_, err = s.ask(ctx, consumerID, list)
	}
	return err
}

// ask asks the application and waits for its answer. list is taken over.
func (s store) ask(ctx context.Context, consumerID string, list *C.fluvio_consumer_offset_list_t) ([]fluvio.ConsumerOffset, error) {
	name := C.CString(consumerID)
	defer C.free(unsafe.Pointer(name))
	answers := make(chan storeAnswer, 1)
	id := questions.add(answers)
	defer questions.remove(id)
	asked := false
	if !s.unlessGone(func() { asked = C.fluvioc_queue_push_offsets(s.queue, s.opaque, C.uint64_t(id), name, list) != 0 }) {
		C.fluvio_consumer_offset_list_free(list)
		return nil, errClosed("ask offset store", "consumer")
	}
	if !asked {
		return nil, fluvioerr.New(fluvioerr.OutOfMemory, "ask offset store", "no memory for the question")
	}
	select {
	case a := <-answers:
		return a.offsets, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// offsetsReply carries out fluvio_event_offsets_reply. An answer that comes too late is dropped.
func (op *operation) offsetsReply() error {
	answers, ok := questions.get(op.target)
	if !ok {
		return nil
	}
	var a storeAnswer
	if op.consumerID != "" {
		a.err = fluvioerr.New(fluvioerr.InvalidState, "ask offset store", "%s", op.consumerID).ForSetting("offset_store").
			WithHint("the application's offset store failed")
	}
	for _, s := range op.settings {
		o := fluvio.ConsumerOffset{Topic: s.key}
		partition, offset, _ := strings.Cut(s.value, " ") // fmt.Sscan would cost 30 KB
		number, err := strconv.ParseInt(partition, 10, 32)
		if err == nil {
			o.Offset, err = strconv.ParseInt(offset, 10, 64)
		}
		if o.Partition = int32(number); err != nil {
			a.err = fluvioerr.Wrap(fluvioerr.Internal, "ask offset store", err)
		}
		a.offsets = append(a.offsets, o)
	}
	select {
	case answers <- a:
	default:
	}
	return nil
}
