package devcluster

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"slices"
	"sync"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// consumerOffsets is what consumers have stored. As on a real SPU it is a map in memory over the records of the system
// topic's partition 0, which hold every change and are read once, when the map is needed for the first time.
type consumerOffsets struct {
	mu      sync.Mutex // taken before the partition's lock, after the cluster's
	of      *partition // whose records the map stands for
	entries map[consumerKey]wire.ConsumerOffset
	changes int // since the last checkpoint
}

type consumerKey struct {
	topic     string
	partition uint32
	id        string
}

// checkpointAfter is how many changes are followed by a checkpoint and the whole map. Thanks to it, retention takes
// nothing away that is still needed.
const checkpointAfter = 100

// Kinds of records in the system topic.
const (
	consumerUpdated    uint8 = 0
	consumerDeleted    uint8 = 1
	consumerCheckpoint uint8 = 2
)

// consumerRecord is the value of a record in the system topic.
type consumerRecord struct {
	kind  uint8
	entry wire.ConsumerOffset
}

// Wire walks the record.
func (m *consumerRecord) Wire(c *wire.Codec) {
	c.U8(&m.kind)
	if m.kind == consumerCheckpoint {
		return
	}
	if m.kind != consumerUpdated && m.kind != consumerDeleted {
		c.Fail("record kind %d is unknown", m.kind)
		return
	}
	e := &m.entry
	c.Sized(func(c *wire.Codec) { c.String(&e.Topic); c.U32(&e.Partition); c.String(&e.ConsumerID) })
	if m.kind == consumerUpdated {
		c.Sized(func(c *wire.Codec) { c.I64(&e.Offset); c.U64(&e.ModifiedTime) })
	}
}

func keyOf(e *wire.ConsumerOffset) consumerKey {
	return consumerKey{e.Topic, e.Partition, e.ConsumerID}
}

// use makes the map stand for a partition. The lock is held.
func (s *consumerOffsets) use(p *partition) error {
	if s.of == p {
		return nil
	}
	entries := map[consumerKey]wire.ConsumerOffset{}
	err := p.eachRecord(func(value []byte) error {
		var m consumerRecord
		if _, err := wire.Decode(value, 0, &m); err != nil {
			return err
		}
		switch m.kind {
		case consumerUpdated:
			entries[keyOf(&m.entry)] = m.entry
		case consumerDeleted:
			delete(entries, keyOf(&m.entry))
		case consumerCheckpoint:
			clear(entries) // the whole map follows
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.of, s.entries, s.changes = p, entries, 0
	return nil
}

// write appends records and then applies them. The lock is held.
func (s *consumerOffsets) write(records ...consumerRecord) error {
	if err := s.append(records); err != nil {
		return err
	}
	for i := range records {
		if e := &records[i].entry; records[i].kind == consumerUpdated {
			s.entries[keyOf(e)] = *e
		} else {
			delete(s.entries, keyOf(e))
		}
	}
	if s.changes += len(records); s.changes <= checkpointAfter {
		return nil
	}
	s.changes = 0
	all := []consumerRecord{{kind: consumerCheckpoint}}
	for _, e := range s.sorted() {
		all = append(all, consumerRecord{consumerUpdated, e})
	}
	return s.append(all)
}

// append writes records as one batch, without timestamps, as SPUs do.
func (s *consumerOffsets) append(records []consumerRecord) error {
	batch := make([]byte, wire.BatchHeaderSize, 256)
	batch = binary.BigEndian.AppendUint32(batch, uint32(len(records)))
	for i := range records {
		value, err := wire.Append(nil, 0, &records[i])
		if err != nil {
			return err
		}
		batch = wire.AppendRecord(batch, 0, int64(i), false, nil, value)
	}
	h := wire.NewBatchHeader(wire.CompressionNone, len(records), -1, -1)
	wire.SealBatch(batch, &h)
	if _, _, code := s.of.append(s.of.currentLeader(), batch, []wire.BatchHeader{h}); code != 0 {
		return fmt.Errorf("%s", code)
	}
	return nil
}

// sorted gives the entries by topic, partition and consumer.
func (s *consumerOffsets) sorted() []wire.ConsumerOffset {
	out := make([]wire.ConsumerOffset, 0, len(s.entries))
	for _, e := range s.entries {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b wire.ConsumerOffset) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.ConsumerID, b.ConsumerID))
	})
	return out
}

// consumerPartition is the partition that holds consumer offsets, nil if there is none.
func (cl *Cluster) consumerPartition() *partition { return cl.partition(systemTopic, 0) }

// onConsumers calls f with the map of consumer offsets. Failures are answered as Other with their text.
func (cl *Cluster) onConsumers(p *partition, f func(*consumerOffsets) error) wire.ErrorCode {
	s := &cl.consumers
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.use(p)
	if err == nil {
		err = f(s)
	}
	if err != nil {
		return wire.Errorf("%v", err)
	}
	return wire.ErrorCode{}
}

// storeConsumerOffset stores how far a consumer has come, whichever SPU was asked: it passes the request on to the one that
// keeps the offsets.
func (cl *Cluster) storeConsumerOffset(spu int32, key consumerKey, offset int64) wire.ErrorCode {
	p := cl.consumerPartition()
	if p == nil {
		return wire.ErrorCode{Code: fluvioerr.ServerTopicNotFound}
	}
	if leader := p.currentLeader(); leader != spu {
		switch {
		case !cl.isRegistered(leader):
			return wire.ErrorCode{Code: fluvioerr.ServerSpuNotFound}
		case !cl.online(leader):
			return wire.Errorf("Connection refused (os error 111)")
		}
	}
	return cl.onConsumers(p, func(s *consumerOffsets) error {
		return s.write(consumerRecord{consumerUpdated, wire.ConsumerOffset{ConsumerID: key.id, Topic: key.topic,
			Partition: key.partition, Offset: offset, ModifiedTime: uint64(cl.clock.time().Unix())}})
	})
}

// ledConsumers is the partition of consumer offsets, if an SPU leads it.
func (cl *Cluster) ledConsumers(spu int32) (*partition, wire.ErrorCode) {
	if p := cl.consumerPartition(); p != nil {
		if _, leads := p.leads(spu); leads {
			return p, wire.ErrorCode{}
		}
	}
	return nil, wire.ErrorCode{Code: fluvioerr.ServerPartitionNotLeader}
}

// forgetConsumers removes what consumers have stored of a deleted partition. Releases before 0.17.0 keep it, and a topic
// made anew under the same name inherits it.
func (cl *Cluster) forgetConsumers(topic string, partition uint32) {
	p := cl.consumerPartition()
	if p == nil || topic == systemTopic || !cl.platform.forgetsDeletedOffsets() {
		return
	}
	code := cl.onConsumers(p, func(s *consumerOffsets) error {
		for _, e := range s.sorted() {
			if e.Topic == topic && e.Partition == partition {
				if err := s.write(consumerRecord{consumerDeleted, e}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if !code.Ok() {
		cl.logger.Error("consumer offsets not removed", "topic", topic, "partition", partition, "error", code.Payload.Text())
	}
}

func (p *partition) currentLeader() int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leader
}

// eachRecord calls f with the value of every record. Batches and records that f or the reader cannot make sense of are left
// out, because any client may write to the system topic: only what the store itself cannot give is an error.
func (p *partition) eachRecord(f func(value []byte) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := p.log.start; at < p.log.next; {
		bufs, _, release, code := p.log.read(at, p.log.next, math.MaxUint32)
		if !code.Ok() {
			return fmt.Errorf("%s", code.Code)
		}
		rest := join(bufs)
		for len(rest) > 0 {
			h, batch, after, _, ok, err := wire.NextBatch(rest)
			if err != nil || !ok {
				release()
				return fmt.Errorf("the batch at offset %d cannot be read: %v", at, err)
			}
			eachValue(&h, batch, f)
			at, rest = h.NextOffset(), after
		}
		release()
	}
	return nil
}

func eachValue(h *wire.BatchHeader, batch []byte, f func(value []byte) error) {
	if h.Compression() != wire.CompressionNone {
		return
	}
	r, err := wire.NewRecordReader(batch[h.HeaderSize():])
	if err != nil {
		return
	}
	var rec wire.Record
	for {
		more, err := r.Next(&rec)
		if err != nil || !more {
			return
		}
		_ = f(rec.Value)
	}
}

// join gives the bytes of one buffer or of several.
func join(bufs net.Buffers) []byte {
	if len(bufs) == 1 {
		return bufs[0]
	}
	return slices.Concat(bufs...)
}
