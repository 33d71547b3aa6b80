package main

// #include "bridge.h"
import "C"

import (
	"context"
	"slices"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// createTopic carries out fluvio_topic_create.
func (op *operation) createTopic(ctx context.Context, c *client) error {
	js, err := op.config()
	if err != nil {
		return err
	}
	spec, err := fluvio.ParseTopicSpec(js)
	if err != nil {
		return err
	}
	return c.core.Admin().CreateTopic(ctx, op.topic, spec)
}

// listTopics carries out fluvio_topic_list.
func (op *operation) listTopics(ctx context.Context, c *client) (unsafe.Pointer, error) {
	topics, err := c.core.Admin().Topics(ctx)
	if err != nil {
		return nil, err
	}
	topics = slices.DeleteFunc(topics, func(t fluvio.Topic) bool { return t.System })
	var texts []string
	var numbers []C.uint64_t
	for _, t := range topics {
		texts = append(texts, t.Name, t.Status, t.Reason, t.Compression)
		numbers = append(numbers, 0, C.uint64_t(t.Partitions), C.uint64_t(t.Replication), C.uint64_t(t.RetentionSeconds),
			C.uint64_t(t.SegmentSize), C.uint64_t(t.MaxPartitionSize))
	}
	flat := cTexts(texts...)
	list := C.fluvioc_topic_list_new(C.size_t(len(topics)), (*C.char)(unsafe.Pointer(unsafe.SliceData(flat))),
		C.size_t(len(flat)), unsafe.SliceData(numbers))
	if list == nil {
		return nil, fluvioerr.New(fluvioerr.OutOfMemory, "list topics", "no memory for %d topics", len(topics))
	}
	return unsafe.Pointer(list), nil
}
