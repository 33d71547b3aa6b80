package main

// #include "bridge.h"
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// The queue in front of the core takes a small part of buffer_memory: enough for some chunks on their way.
const (
	queueShare    = 8
	minQueueBytes = 64 << 10
	maxQueueBytes = 1 << 20 // what is read soon after it was written is read from a cache
	// recordHead is more than a record costs in a batch beyond its key and value, batch header included. Send refuses what
	// might not fit, because the core's refusal would come too late for its caller.
	recordHead = 128
)

// producer is what stands behind a fluvio_producer_t. Its goroutine takes what send has queued and hands it to the core.
type producer struct {
	id       uint64
	topic    string
	client   *client
	core     *fluvio.Producer
	handle   *C.fluvio_producer_t
	reports  bool            // the application takes delivery reports
	enough   uint64          // bytes for which the pump does not wait for more
	together uint64          // bytes of chunks that the pump gives back together
	data     chan struct{}   // C has records again
	ctx      context.Context // ends when what is still queued is to be failed
	cancel   context.CancelFunc
	done     chan struct{} // the goroutine has ended
	closer   closer
	aging    *time.Timer // runs while the pump has records in hand

	mu         sync.Mutex
	handing    bool               // the pump has records in hand
	handed     uint64             // records the core has, or has refused
	changed    chan struct{}      // closed when handed grows; nil when nobody waits
	lost       uint64             // records refused ever
	lostBytes  uint64             // of their keys and values
	gone       bool               // the handle may not be used any more
	partitions *fluvio.Partitions // what the handle is to know, while there is no handle
}

// openProducer carries out fluvio_producer_open.
func (op *operation) openProducer(ctx context.Context, c *client) (unsafe.Pointer, error) {
	js, err := op.config()
	if err != nil {
		return nil, err
	}
	options, err := fluvio.ParseProducerOptions(js)
	if err != nil {
		return nil, err
	}
	options.BufferFull = "block" // the pump waits; send has a timeout of its own
	p := &producer{topic: op.topic, client: c, reports: op.deliveries != nil, data: make(chan struct{}, 1), done: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.aging = time.AfterFunc(chunkAge, p.age)
	if p.reports {
		options.OnDelivery = p.report
	}
	options.OnPartitions, options.InFront = p.onPartitions, p.inFront
	p.core, err = c.core.Producer(ctx, op.topic, options)
	if err != nil {
		p.cancel()
		return nil, err
	}
	effective := p.core.Options()
	queue := min(max(effective.BufferMemory/queueShare, minQueueBytes), effective.BufferMemory/2, maxQueueBytes)
	p.enough, p.together = uint64(min(gatherBytes, queue/2)), uint64(queue/4)
	p.id = producers.add(p)
	handle := C.fluvioc_producer_new(C.uint64_t(p.id), c.handle, op.deliveries, (*C.char)(unsafe.Pointer(unsafe.StringData(p.topic))), C.size_t(len(p.topic)),
		C.uint64_t(queue), C.uint64_t(effective.BufferMemory), C.uint64_t(recordLimit(effective)),
		C.uint32_t(p.core.BatchRoom()), C.bool(p.core.LimitedBy() == "segment_size"), C.bool(effective.Partition != nil),
		C.bool(effective.PartitionFunc == nil), C.bool(effective.Linger > 0))
	if handle == nil {
		producers.remove(p.id)
		p.cancel()
		return nil, abandon(p.core.Close, "open producer")
	}
	p.setHandle(handle)
	go p.pump()
	if !c.adopt(p) {
		_ = p.closeWithClient(p.ctx) // nothing was sent yet, so there is nothing to lose
		C.fluvioc_drop(unsafe.Pointer(p.handle))
		return nil, errClosed("open producer", "client")
	}
	return unsafe.Pointer(p.handle), nil
}

// recordLimit is how many bytes key and value of a record may have together. 0: segments of the topic are so small that nothing fits.
func recordLimit(o fluvio.ProducerOptions) int64 {
	return max(0, min(int64(o.MaxRequestSize), o.BufferMemory)-recordHead)
}

// setHandle makes the handle known, and the partitions to it.
func (p *producer) setHandle(handle *C.fluvio_producer_t) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handle = handle
	if p.partitions != nil {
		p.tellPartitions(p.partitions)
		p.partitions = nil
	}
}

// onPartitions is told which partitions there are. It ends with the core's producer, so before the handle.
func (p *producer) onPartitions(of *fluvio.Partitions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handle == nil {
		p.partitions = of
		return
	}
	p.tellPartitions(of)
}

func (p *producer) tellPartitions(of *fluvio.Partitions) {
	C.fluvioc_producer_partitions(p.handle, C.int32_t(of.Count), (*C.int32_t)(unsafe.SliceData(of.Available)), C.size_t(len(of.Available)))
}

// pump hands records to the core until the producer is closed and its queue is empty.
func (p *producer) pump() {
	defer close(p.done)
	defer func() {
		if r := recover(); r != nil {
			C.fluvioc_poison(unsafe.Pointer(p.handle), cError(bug(r)))
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := gatherLeast; ; {
		chunks, hurry, ok := p.next()
		if !ok {
			return
		}
		taken := time.Now()
		records, bytes := p.handAll(chunks, taken)
		if hurry {
			p.core.Hurry()
		}
		if time.Duration(records)*gatherPace < pause {
			pause = gatherLeast
		} else {
			pause = min(2*pause, gatherMost)
		}
		if bytes < p.enough && p.core.Busy() && !p.awaited() && C.fluvioc_producer_gather(p.handle, C.uint64_t(p.enough)) != 0 {
			timer.Reset(pause)
			select {
			case <-timer.C:
			case <-p.data:
			case <-p.ctx.Done():
			}
		}
	}
}

// awaited says whether anybody waits until what was sent has been handed over.
func (p *producer) awaited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed != nil
}

// chunkAge is how far apart records of one chunk are accepted at most, while the pump waits for the core. All of them count as
// accepted with the first.
const chunkAge = time.Second

// inHand notes whether the pump has records in hand.
func (p *producer) inHand(has bool) {
	p.mu.Lock()
	p.handing = has
	p.mu.Unlock()
	if has {
		p.aging.Reset(chunkAge)
	} else {
		p.aging.Stop()
	}
}

// age makes records that are accepted from now on begin a chunk. To do it from here spares every send to ask the clock.
func (p *producer) age() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handing && !p.gone {
		C.fluvioc_producer_age(p.handle)
		p.aging.Reset(chunkAge)
	}
}

// handAll gives the records of the chunks that were taken at a time to the core, and the chunks back, some together: the
// application's threads want the queue's lock all the time, so that to ask for it may mean to wait.
func (p *producer) handAll(chunks *C.fluvioc_chunk_t, taken time.Time) (records, bytes uint64) {
	p.inHand(true)
	defer p.inHand(false)
	for chunks != nil {
		first, count, size := chunks, uint64(0), uint64(0)
		for {
			chunk := chunks
			chunks = chunk.next
			count, size = count+uint64(chunk.count), size+uint64(chunk.used)
			p.hand(chunk, taken.Add(-time.Duration(chunk.since)))
			if chunks == nil || size >= p.together {
				chunk.next = nil
				break
			}
		}
		C.fluvioc_producer_done(p.handle, first)
		p.advance(count)
		records, bytes = records+count, bytes+size
	}
	return records, bytes
}

// An application that sends slower than the pump runs would wake it for each record, which costs more than all the rest, and
// would have the SPU asked for a few records at a time. So the pump lets records gather when few came and others are still under
// way: for a moment, and for longer while many come, one in gatherPace or more. It goes on as soon as enough are there, or
// anybody waits: for a report, in a flush, or for room. A record that is sent by itself is never held up.
const (
	gatherLeast = 50 * time.Microsecond
	gatherMost  = time.Millisecond
	gatherPace  = 10 * time.Microsecond
	gatherBytes = 128 << 10
)

// next waits for what was sent, or for hurry; ok is false when the producer is closed and nothing is left.
func (p *producer) next() (chunks *C.fluvioc_chunk_t, hurry, ok bool) {
	var hurried C.bool
	for {
		if chunks = C.fluvioc_producer_take(p.handle, &hurried); chunks != nil || bool(hurried) {
			return chunks, bool(hurried), true
		}
		select {
		case <-p.data:
		case <-p.ctx.Done():
			chunks = C.fluvioc_producer_take(p.handle, &hurried)
			return chunks, false, chunks != nil
		}
	}
}

// hand gives the records of a chunk to the core, which copies them. One that the core refuses was accepted from the
// application before, so it gets its report here.
func (p *producer) hand(chunk *C.fluvioc_chunk_t, since time.Time) {
	var late []uint64 // the opaque values of records that came too late
	lateBytes := 0
	refused := func(r *fluvio.Queued, err error) {
		if p.ctx.Err() != nil {
			late = append(late, r.Opaque)
			lateBytes += len(r.Key) + len(r.Value)
			return
		}
		p.refuse(err, r.Partition, len(r.Key)+len(r.Value), r.Opaque)
	}
	next := p.records(chunk, since)
	switch {
	case p.ctx.Err() != nil:
		for r := new(fluvio.Queued); next(r); {
			refused(r, nil)
		}
	case bool(chunk.encoded):
		p.core.FeedEncoded(p.ctx, encoded(chunk, since), refused)
	default:
		p.core.FeedQueued(p.ctx, next, refused)
	}
	if len(late) > 0 {
		err := fluvioerr.New(fluvioerr.Closed, "produce", "the producer was closed before the record was sent").
			At(p.topic, -1).WithHint("give close more time, or call flush before it")
		p.refuse(err, -1, lateBytes, late...)
	}
}

// records goes through the records of a chunk.
func (p *producer) records(chunk *C.fluvioc_chunk_t, since time.Time) (next func(r *fluvio.Queued) bool) {
	if chunk.encoded {
		return encoded(chunk, since).Each()
	}
	data := chunkBytes(chunk)
	timestamp := C.int64_t(since.UnixMilli())
	return func(r *fluvio.Queued) bool {
		if len(data) == 0 {
			return false
		}
		head := (*C.fluvioc_record_t)(unsafe.Pointer(unsafe.SliceData(data)))
		size := 0
		r.Key, r.Value, size = split(head, data)
		data = data[size:]
		if head.timestamp == 0 {
			head.timestamp = timestamp // the core would ask the clock for every record
		}
		r.Timestamp, r.Opaque, r.Partition, r.Queued = int64(head.timestamp), uint64(head.opaque), int32(head.partition), since
		return true
	}
}

// encoded is a chunk of encoded records for the core.
func encoded(chunk *C.fluvioc_chunk_t, since time.Time) *fluvio.Encoded {
	e := &fluvio.Encoded{
		Records: chunkBytes(chunk), Count: int(chunk.count), Payload: int(chunk.payload),
		FirstTimestamp: int64(chunk.first_timestamp), MaxTimestamp: int64(chunk.max_timestamp),
		Queued: since, Partition: int32(chunk.partition),
	}
	if e.FirstTimestamp == 0 {
		e.FirstTimestamp = since.UnixMilli()
		e.MaxTimestamp = e.FirstTimestamp
	}
	if chunk.opaque != nil {
		e.Opaques = unsafe.Slice((*uint64)(chunk.opaque), e.Count)
	}
	return e
}

// chunkBytes are the records of a chunk.
func chunkBytes(chunk *C.fluvioc_chunk_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(chunk), C.sizeof_fluvioc_chunk_t)), int(chunk.used))
}

// split finds key and value of the record at the beginning of data, and where the next record begins.
func split(head *C.fluvioc_record_t, data []byte) (key, value []byte, size int) {
	at := C.sizeof_fluvioc_record_t
	if head.key_len != C.FLUVIO_NO_KEY {
		key = data[at : at+int(head.key_len) : at+int(head.key_len)]
		at += int(head.key_len)
	}
	value = data[at : at+int(head.value_len)]
	at += int(head.value_len)
	return key, value, (at + 7) &^ 7
}

// refuse reports records, of bytes together, that never got into the core. Without a queue for reports the next flush tells
// of them.
func (p *producer) refuse(err error, partition int32, bytes int, opaques ...uint64) {
	p.mu.Lock()
	p.lost += uint64(len(opaques))
	p.lostBytes += uint64(bytes)
	p.mu.Unlock()
	if !p.reports {
		p.core.Lost(len(opaques), err)
		return
	}
	p.report(&fluvio.Delivery{Topic: p.topic, Partition: partition, BaseOffset: -1, Count: len(opaques), Opaques: opaques, Err: err})
}

// inFront adds what is on its way to the core to the core's counters.
func (p *producer) inFront(s *fluvio.ProducerStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handle == nil || p.gone {
		return
	}
	s.RecordsFailed += p.lost
	s.BytesFailed += p.lostBytes
	var records, bytes C.uint64_t
	C.fluvioc_producer_totals(p.handle, &records, &bytes)
	s.RecordsAccepted, s.BytesAccepted = uint64(records), uint64(bytes)
	s.RecordsQueued = s.RecordsAccepted - s.RecordsAcknowledged - s.RecordsFailed - s.RecordsMaybe - s.RecordsInFlight
	s.BytesQueued = s.BytesAccepted - s.BytesAcknowledged - s.BytesFailed - s.BytesMaybe - s.BytesInFlight
}

// report copies a delivery report into the application's queue.
func (p *producer) report(d *fluvio.Delivery) {
	if d.Count == 0 {
		return
	}
	opaques := d.Opaques[:d.Count]
	C.fluvioc_producer_report(p.handle, cError(d.Err), C.int32_t(d.Persisted), C.int32_t(d.Partition), C.int64_t(d.BaseOffset),
		C.int64_t(d.Latency.Microseconds()), C.uint64_t(d.Count), (*C.uint64_t)(unsafe.SliceData(opaques)))
}

// advance counts records as handed over and wakes those who wait for them.
func (p *producer) advance(count uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handed += count
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// wait returns when the first sequence records have been handed over.
func (p *producer) wait(ctx context.Context, op string, sequence uint64) error {
	start := time.Now()
	for {
		p.mu.Lock()
		if p.handed >= sequence {
			p.mu.Unlock()
			return nil
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		notify(p.data)
		select {
		case <-changed:
		case <-p.done:
			return errClosed(op, "producer")
		case <-ctx.Done():
			return fluvioerr.FromContext(ctx, op, "room in buffer_memory for the records sent before", time.Since(start)).At(p.topic, -1)
		}
	}
}

// flush carries out fluvio_producer_flush for the first sequence records.
func (p *producer) flush(ctx context.Context, sequence uint64) error {
	return p.core.FlushQueued(ctx, func() error { return p.wait(ctx, "flush", sequence) })
}

// close carries out fluvio_producer_close: what was accepted goes out first, what did not by the deadline is failed.
func (p *producer) close(ctx context.Context, sequence uint64) error {
	return p.closer.do(ctx, "close producer", func() error {
		err := p.wait(ctx, "close producer", sequence)
		p.cancel()
		<-p.done
		if e := p.core.Close(ctx); err == nil {
			err = e
		}
		producers.remove(p.id)
		p.client.forget(p)
		p.mu.Lock()
		p.gone = true
		p.mu.Unlock()
		C.fluvioc_closed(unsafe.Pointer(p.handle))
		dropAfter(ctx, p.core.Close, unsafe.Pointer(p.handle))
		return err
	})
}

func (p *producer) closeWithClient(ctx context.Context) error {
	sequence := uint64(0)
	p.mu.Lock()
	if !p.gone { // by a close that was quicker, after which there may be no handle
		sequence = uint64(C.fluvioc_closing(unsafe.Pointer(p.handle)))
	}
	p.mu.Unlock()
	return p.close(ctx, sequence)
}
