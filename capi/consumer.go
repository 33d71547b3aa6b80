package main

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"sync"
	"time"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// consumer is what stands behind a fluvio_consumer_t. Its goroutine takes batches from the core and puts them into the
// ring from which poll or the callback's thread takes them.
type consumer struct {
	id     uint64
	client *client
	core   *fluvio.Consumer
	handle *C.fluvio_consumer_t
	room   chan struct{}   // the ring has room again
	quiet  chan struct{}   // no callback will run any more
	ctx    context.Context // ends when the consumer begins to close
	cancel context.CancelFunc
	opened chan struct{} // closed when handle is set
	closer closer
	topics []string

	pushing sync.Mutex    // held while a batch goes into the ring, or a position is changed, from the finding of the number on
	done    chan struct{} // guarded by pushing: the goroutine has ended
	ended   bool          // guarded by pushing: C knows of the end
	seeks   uint64        // guarded by pushing

	moving sync.Mutex // held while positions and marks change together; taken after pushing, and never for long

	mu      sync.Mutex
	gone    bool    // the handle may not be used any more
	places  []place // the partitions that brought something, by the numbers that C knows them by
	numbers map[place]C.int32_t
	free    []C.int32_t // numbers of partitions that were lost, for others
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// openConsumer carries out fluvio_consumer_open.
func (op *operation) openConsumer(ctx context.Context, c *client) (unsafe.Pointer, error) {
	var extra []setting
	if op.topic != "" {
		topics, err := json.Marshal([]string{op.topic})
		if err != nil {
			return nil, fluvioerr.Wrap(fluvioerr.InvalidArgument, "open consumer", err)
		}
		extra = append(extra, setting{"topics", string(topics)})
	}
	js, err := op.config(extra...)
	options, wrong := fluvio.ParseConsumerOptions(js)
	switch {
	case err != nil && wrong != nil:
		ours(err).Message += "; " + ours(wrong).Message
		return nil, err
	case err != nil:
		return nil, err
	case wrong != nil:
		return nil, wrong
	}
	options.LazyColumns = true // push has them decoded into C memory
	x := &consumer{
		client: c, room: make(chan struct{}, 1), quiet: make(chan struct{}, 1), done: make(chan struct{}), opened: make(chan struct{}),
		numbers: map[place]C.int32_t{}, topics: options.Topics,
	}
	options.ReadAhead, options.InFront = x.settled, x.inFront
	tell := eventsTo(op.events, op.opaque)
	options.OnEvent = func(e fluvio.ConsumerEvent) {
		if e.Kind == fluvio.PartitionLost {
			x.lost(place{e.Topic, e.Partition})
		}
		if tell != nil {
			x.unlessGone(func() { tell(e) })
		}
	}
	if op.store != nil {
		options.Store = store{op.store, op.storeTag, x.unlessGone}
	}
	core, err := c.core.Consumer(ctx, options)
	if err != nil {
		return nil, err
	}
	x.core = core
	x.ctx, x.cancel = context.WithCancel(context.Background())
	x.id = consumers.add(x)
	x.handle = C.fluvioc_consumer_new(C.uint64_t(x.id), c.handle, op.events, op.store)
	if x.handle == nil {
		consumers.remove(x.id)
		x.cancel()
		return nil, abandon(core.Close, "open consumer")
	}
	close(x.opened)
	go x.pump(x.done)
	if !c.adopt(x) {
		_ = x.closeWithClient(c.ctx)
		C.fluvioc_drop(unsafe.Pointer(x.handle))
		return nil, errClosed("open consumer", "client")
	}
	return unsafe.Pointer(x.handle), nil
}

// pump fills the ring until the stream ends or the consumer closes.
func (x *consumer) pump(done chan struct{}) {
	defer close(done)
	defer func() {
		if r := recover(); r != nil {
			x.end(x.sought(), bug(r))
		}
	}()
	for {
		for C.fluvioc_consumer_full(x.handle) != 0 {
			select {
			case <-x.room:
			case <-x.ctx.Done():
				return
			}
		}
		seeks := x.sought()
		batch, err := x.core.Next(x.ctx)
		if err == nil {
			err = x.push(batch)
		}
		switch {
		case x.ctx.Err() != nil:
			return
		case err == nil:
		case fluvioerr.Fatal(ours(err)) || fluvioerr.CodeOf(err) == fluvioerr.OutOfMemory:
			if x.end(seeks, err) {
				return
			}
		default:
			C.fluvioc_consumer_push(x.handle, nil, -1, cError(err))
		}
	}
}

// sought counts the changes of positions so far.
func (x *consumer) sought() uint64 {
	x.pushing.Lock()
	defer x.pushing.Unlock()
	return x.seeks
}

// end tells C that nothing comes any more, unless a position was changed since seeks was read.
func (x *consumer) end(seeks uint64, err error) bool {
	x.pushing.Lock()
	defer x.pushing.Unlock()
	if x.seeks != seeks {
		return false
	}
	x.ended = true
	C.fluvioc_consumer_end(x.handle, cError(err))
	return true
}

// push copies a batch into C memory and gives the core's buffers back.
func (x *consumer) push(b *fluvio.Batch) error {
	defer b.Release()
	x.pushing.Lock()
	defer x.pushing.Unlock()
	n, data, topic := b.Len(), b.Data(), b.Topic()
	if n == 0 {
		return nil
	}
	number, err := x.number(place{topic, b.Partition()})
	if err != nil {
		return err
	}
	if b.Stale() { // looked at after number: of a topic that is lost meanwhile C drops what has the old one's
		return nil
	}
	var to C.fluvioc_columns_t
	batch := C.fluvioc_batch_new((*C.char)(unsafe.Pointer(unsafe.StringData(topic))), C.size_t(len(topic)), C.int32_t(b.Partition()),
		C.int64_t(b.HighWatermark()), C.size_t(n), C.size_t(len(data)), &to)
	if batch == nil {
		return fluvioerr.New(fluvioerr.OutOfMemory, "consume", "no memory for a batch of %d records and %d bytes", n, len(data)).
			At(topic, b.Partition())
	}
	copy(unsafe.Slice((*byte)(to.data), len(data)), data)
	err = b.Columns(&fluvio.Columns{
		Offset:    unsafe.Slice((*int64)(to.offset), n),
		Timestamp: unsafe.Slice((*int64)(to.timestamp), n),
		KeyPos:    unsafe.Slice((*uint32)(to.key_pos), n),
		KeyLen:    unsafe.Slice((*uint32)(to.key_len), n),
		ValuePos:  unsafe.Slice((*uint32)(to.value_pos), n),
		ValueLen:  unsafe.Slice((*uint32)(to.value_len), n),
	})
	if err != nil { // which comes behind the records before the damage
		if n = b.Len(); n == 0 {
			C.fluvio_batch_release(batch)
			return err
		}
		C.fluvioc_batch_shorten(batch, C.size_t(n))
	}
	C.fluvioc_consumer_push(x.handle, batch, number, nil)
	return err
}

// close carries out fluvio_consumer_close. The running callback ends first: what it works on is not committed before.
func (x *consumer) close(ctx context.Context) error {
	return x.closer.do(ctx, "close consumer", func() error {
		x.cancel()
		x.pushing.Lock()
		done := x.done
		x.pushing.Unlock()
		<-done
		err := x.waitQuiet(ctx)
		if e := x.core.Close(ctx); err == nil {
			err = e
		}
		consumers.remove(x.id)
		x.client.forget(x)
		x.mu.Lock()
		x.gone = true
		x.mu.Unlock()
		C.fluvioc_closed(unsafe.Pointer(x.handle))
		dropAfter(ctx, x.core.Close, unsafe.Pointer(x.handle))
		return err
	})
}

// unlessGone calls what puts something into a queue of the application, which lives as long as the handle. Nothing comes any more
// after close has returned, however long what it had to leave behind runs on.
func (x *consumer) unlessGone(push func()) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.gone {
		push()
	}
	return !x.gone
}

// waitQuiet returns when no callback runs any more.
func (x *consumer) waitQuiet(ctx context.Context) error {
	start := time.Now()
	for C.fluvioc_consumer_busy(x.handle) != 0 {
		select {
		case <-x.quiet:
		case <-ctx.Done():
			return fluvioerr.FromContext(ctx, "close consumer", "the running callback to return", time.Since(start))
		}
	}
	return nil
}

func (x *consumer) closeWithClient(ctx context.Context) error {
	x.mu.Lock()
	if !x.gone { // by a close that was quicker, after which there may be no handle
		C.fluvioc_closing(unsafe.Pointer(x.handle))
	}
	x.mu.Unlock()
	return x.close(ctx)
}
