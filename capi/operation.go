package main

// #include "bridge.h"
import "C"

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// operation is a control request of the application.
type operation struct {
	handle     *C.fluvio_op_t
	id         uint64
	command    C.int32_t
	target     uint64 // the object it is for
	number     int64  // the result of commands whose result is one
	sequence   uint64 // flush, close: the records accepted before
	topic      string
	hasTopic   bool
	what       string // the kind of object, or the cluster to add
	consumerID string
	position   string
	events     *C.fluvio_queue_t     // valid until the operation is completed
	opaque     C.uint64_t            // of the events
	store      *C.fluvio_queue_t     // as events
	storeTag   C.uint64_t            // its opaque value
	log        *C.fluvio_queue_t     // as events
	logTag     C.uint64_t            // its opaque value
	hooks      *C.fluvio_queue_t     // as events
	hooksTag   C.uint64_t            // its opaque value
	verifier   *C.fluvioc_verifier_t // as events
	partition  int32
	offset     int64
	marks      []C.fluvioc_mark_t          // commit: how far the application had come
	commit     func(context.Context) error // commit: what begin has left to do
	settings   []setting
	deliveries *C.fluvio_queue_t // valid until the operation is completed
}

// setting is one entry of a config: a value by text, or, without a key, a JSON object.
type setting struct{ key, value string }

// begin does what has to be done in the order in which operations were called, and does not block.
func (op *operation) begin() {
	if op.command != C.FLUVIOC_COMMIT && op.command != C.FLUVIOC_COMMIT_OFFSET {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			op.commit = func(context.Context) error { panic(r) } // where run sees it
		}
	}()
	if c, ok := consumers.get(op.target); ok {
		op.commit = c.beginCommit(op)
	} else {
		op.commit = func(context.Context) error { return errClosed("commit", "consumer") }
	}
}

// startOperation copies an operation out of C and runs it in a goroutine of its own.
func startOperation(s *C.fluvioc_signal_t) {
	op := &operation{
		handle:     s.op,
		id:         uint64(s.id),
		command:    s.command,
		target:     uint64(s.target),
		sequence:   uint64(s.sequence),
		topic:      C.GoString(s.topic),
		hasTopic:   s.topic != nil,
		what:       C.GoString(s.what),
		consumerID: C.GoString(s.consumer_id),
		position:   C.GoString(s.position),
		events:     s.events,
		opaque:     s.events_opaque,
		store:      s.store,
		storeTag:   s.store_opaque,
		log:        s.log,
		logTag:     s.log_opaque,
		hooks:      s.hooks,
		hooksTag:   s.hooks_opaque,
		verifier:   s.verifier,
		partition:  int32(s.partition),
		offset:     int64(s.offset),
		marks:      slices.Clone(unsafe.Slice(s.marks, int(s.mark_count))),
		deliveries: s.deliveries,
	}
	for _, entry := range unsafe.Slice(s.settings, int(s.setting_count)) {
		op.settings = append(op.settings, setting{C.GoString(entry.key), C.GoString(entry.value)})
	}
	ctx, cancel := context.WithCancel(context.Background())
	stop := cancel
	if s.timeout_ms >= 0 {
		ctx, stop = context.WithTimeout(ctx, time.Duration(s.timeout_ms)*time.Millisecond)
	}
	running.put(op.id, cancel)
	op.begin()
	if s.signals&C.FLUVIOC_CANCEL != 0 {
		cancel()
	}
	go func() {
		result, err := op.run(ctx)
		running.remove(op.id)
		stop()
		cancel()
		number := C.int64_t(-1)
		if err == nil && op.command == C.FLUVIOC_OFFSET_FOR {
			number = C.int64_t(op.number)
		}
		C.fluvioc_op_complete(op.handle, cError(err), result, number)
	}()
}

// cancelOperation ends an operation early, if it still runs.
func cancelOperation(id uint64) {
	if cancel, ok := running.get(id); ok {
		cancel()
	}
}

// run carries an operation out. A panic is a bug: it becomes an error and makes the target unusable.
func (op *operation) run(ctx context.Context) (result unsafe.Pointer, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, bug(r)
			op.poison(err)
		}
	}()
	switch op.command {
	case C.FLUVIOC_CONNECT:
		return op.connect(ctx)
	case C.FLUVIOC_FLUSH, C.FLUVIOC_PRODUCER_STATS, C.FLUVIOC_CLOSE_PRODUCER:
		p, ok := producers.get(op.target)
		switch {
		case ok && op.command == C.FLUVIOC_FLUSH:
			err = p.flush(ctx, op.sequence)
		case ok && op.command == C.FLUVIOC_PRODUCER_STATS:
			return cText("producer stats", p.core.Stats())
		case ok:
			err = p.close(ctx, op.sequence)
		case op.command == C.FLUVIOC_FLUSH:
			err = errClosed("flush", "producer")
		case op.command == C.FLUVIOC_PRODUCER_STATS:
			err = errClosed("producer stats", "producer")
		}
		return nil, err
	case C.FLUVIOC_COMMIT, C.FLUVIOC_COMMIT_OFFSET:
		return nil, op.commit(ctx)
	case C.FLUVIOC_CLOSE_CONSUMER:
		if c, ok := consumers.get(op.target); ok {
			err = c.close(ctx)
		}
		return nil, err
	case C.FLUVIOC_SEEK, C.FLUVIOC_PAUSE, C.FLUVIOC_RESUME, C.FLUVIOC_DRAIN, C.FLUVIOC_POSITIONS, C.FLUVIOC_OFFSET_FOR:
		if c, ok := consumers.get(op.target); ok {
			return c.control(ctx, op)
		}
		return nil, errClosed("request", "consumer")
	case C.FLUVIOC_WATCH_NEXT, C.FLUVIOC_CLOSE_WATCH:
		return op.runOnWatch(ctx)
	case C.FLUVIOC_OFFSETS_REPLY:
		return nil, op.offsetsReply()
	case C.FLUVIOC_CLOSE_CLIENT:
		if c, ok := clients.get(op.target); ok {
			err = c.close(ctx)
		}
		return nil, err
	default:
		return op.runOnClient(ctx)
	}
}

// runOnClient carries out an operation that ends early when its client closes.
func (op *operation) runOnClient(ctx context.Context) (result unsafe.Pointer, err error) {
	c, ok := clients.get(op.target)
	if !ok {
		return nil, errClosed("request", "client")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	switch op.command {
	case C.FLUVIOC_CREATE_TOPIC:
		err = op.createTopic(ctx, c)
	case C.FLUVIOC_DELETE_TOPIC:
		err = c.core.Admin().DeleteTopic(ctx, op.topic)
	case C.FLUVIOC_CLIENT_STATS:
		result, err = cText("client stats", c.core.Stats())
	case C.FLUVIOC_PROMETHEUS:
		result, err = newText("prometheus text", c.core.Stats().Prometheus())
	case C.FLUVIOC_LIST_TOPICS:
		result, err = op.listTopics(ctx, c)
	case C.FLUVIOC_LIST_OFFSETS:
		result, err = op.listOffsets(ctx, c)
	case C.FLUVIOC_DELETE_OFFSET:
		err = c.core.Admin().DeleteConsumerOffset(ctx, op.consumerID, op.topic, op.partition)
	case C.FLUVIOC_RESET_OFFSET:
		err = op.resetOffset(ctx, c)
	case C.FLUVIOC_HEALTH:
		result, err = c.health(ctx)
	case C.FLUVIOC_OPEN_PRODUCER:
		result, err = op.openProducer(ctx, c)
	case C.FLUVIOC_OPEN_CONSUMER:
		result, err = op.openConsumer(ctx, c)
	case C.FLUVIOC_CREATE_OBJECT, C.FLUVIOC_DELETE_OBJECT, C.FLUVIOC_DESCRIBE_OBJECT, C.FLUVIOC_LIST_OBJECTS, C.FLUVIOC_ADD_PARTITIONS,
		C.FLUVIOC_ADD_MIRROR, C.FLUVIOC_WAIT_TOPIC, C.FLUVIOC_OPEN_WATCH:
		result, err = op.object(ctx, c)
	default:
		err = fluvioerr.New(fluvioerr.Internal, "request", "there is no command %d", op.command)
	}
	if err != nil && c.ctx.Err() != nil {
		return nil, errClosed("request", "client")
	}
	return result, err
}

// poison makes the object unusable in which an operation met a bug.
func (op *operation) poison(err error) {
	switch op.command {
	case C.FLUVIOC_CONNECT, C.FLUVIOC_OFFSETS_REPLY:
	case C.FLUVIOC_FLUSH, C.FLUVIOC_PRODUCER_STATS, C.FLUVIOC_CLOSE_PRODUCER:
		if p, ok := producers.get(op.target); ok {
			C.fluvioc_poison(unsafe.Pointer(p.handle), cError(err))
		}
	case C.FLUVIOC_COMMIT, C.FLUVIOC_COMMIT_OFFSET, C.FLUVIOC_CLOSE_CONSUMER,
		C.FLUVIOC_SEEK, C.FLUVIOC_PAUSE, C.FLUVIOC_RESUME, C.FLUVIOC_DRAIN, C.FLUVIOC_POSITIONS, C.FLUVIOC_OFFSET_FOR:
		if c, ok := consumers.get(op.target); ok {
			C.fluvioc_poison(unsafe.Pointer(c.handle), cError(err))
		}
	case C.FLUVIOC_WATCH_NEXT, C.FLUVIOC_CLOSE_WATCH:
		if w, ok := watches.get(op.target); ok {
			C.fluvioc_poison(unsafe.Pointer(w.handle), cError(err))
		}
	default:
		if c, ok := clients.get(op.target); ok {
			C.fluvioc_poison(unsafe.Pointer(c.handle), cError(err))
		}
	}
}

// config merges the settings into one JSON object, later ones over earlier ones. Values by text become JSON strings, which
// the core's parsers take for numbers, booleans and lists too. Nil means: nothing was set. Extra settings that were set too are an
// error, which comes with the settings.
func (op *operation) config(extra ...setting) (js []byte, err error) {
	if len(op.settings)+len(extra) == 0 {
		return nil, nil
	}
	var clash *fluvioerr.Error
	merged := map[string]json.RawMessage{}
	for _, s := range op.settings {
		if s.key != "" {
			text, err := json.Marshal(s.value)
			if err != nil {
				return nil, fluvioerr.Wrap(fluvioerr.InvalidArgument, "read config", err).ForSetting(s.key)
			}
			merged[s.key] = text
			continue
		}
		if err := json.Unmarshal([]byte(s.value), &merged); err != nil {
			return nil, errJSON(s.value, err)
		}
	}
	for _, s := range extra {
		if _, twice := merged[s.key]; twice {
			clash = fluvioerr.New(fluvioerr.InvalidArgument, "read config", "%s is given both as an argument and in the config", s.key).ForSetting(s.key)
		}
		merged[s.key] = json.RawMessage(s.value)
	}
	if js, err = json.Marshal(merged); err == nil && clash != nil {
		return js, clash
	}
	return js, err
}

// errJSON says where the text of a JSON object is wrong.
func errJSON(text string, err error) error {
	var at *json.SyntaxError
	e := fluvioerr.Wrap(fluvioerr.InvalidArgument, "read config", err).WithHint("correct the JSON text")
	if errors.As(err, &at) {
		line := 1 + bytes.Count([]byte(text[:min(int(at.Offset), len(text))]), []byte("\n"))
		e.Message = fmt.Sprintf("not valid JSON in line %d, byte %d: %v", line, at.Offset, err)
	}
	return e
}
