package devcluster

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"

	"github.com/libfluvio/libfluvio/core/devcluster/internal/smartengine"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuStreamFetch opens a stream of one partition, which then lives in a goroutine of its own.
var spuStreamFetch = api{
	key: wire.KeyStreamFetch, name: "StreamFetch", canFail: true,
	request: func() wire.Message { return &wire.StreamFetchRequest{} },
	targets: func(m wire.Message) []target {
		f := m.(*wire.StreamFetchRequest)
		return []target{{f.Topic, int32(f.Partition)}}
	},
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.StreamFetchRequest)
		p := c.srv.cl.partition(m.Topic, m.Partition)
		if code, refused := r.refusal(target{m.Topic, int32(m.Partition)}); refused {
			return (&stream{conn: c, req: r, fetch: m}).sendError(code)
		}
		var generation uint64
		leads := false
		if p != nil {
			generation, leads = p.leads(c.srv.id)
		}
		if !leads {
			return (&stream{conn: c, req: r, fetch: m}).sendError(wire.ErrorCode{Code: fluvioerr.ServerNotLeader})
		}
		s := &stream{conn: c, req: r, fetch: m, id: c.nextID, p: p, generation: generation, acked: make(chan struct{}, 1)}
		s.ack.Store(ackNone)
		c.nextID++
		c.streams[s.id] = s
		if len(m.SmartModules) > 0 {
			var code wire.ErrorCode
			if s.steps, code = c.srv.cl.steps(m.SmartModules); !code.Ok() {
				return s.sendError(code)
			}
		}
		c.background(s.run)
		return nil
	},
}

// Acknowledgements with a meaning of their own.
const (
	ackNone    = -1 // none yet; ignored when sent
	ackDeleted = -2 // ends the stream as if the topic had been deleted
)

// unknown as the consumer's position means that a frame is on its way to it and not acknowledged.
const unknown = -1

// stream is the server's side of one StreamFetch.
type stream struct {
	conn       *conn
	req        *request
	fetch      *wire.StreamFetchRequest
	id         uint32
	p          *partition
	generation uint64
	steps      []smartengine.Step
	chain      *smartengine.Chain // nil: batches are sent as they are stored
	out        transformed        // what comes of them, else

	ack   atomic.Int64 // the latest acknowledgement; earlier ones that were not seen in time are lost
	acked chan struct{}

	end      int64 // of the log, when it was last looked at
	consumer int64 // the consumer's position, or unknown
	credited int64 // what a fault rule acknowledges in the consumer's place, or ackNone
}

// acknowledge notes where the consumer is. A repeat of the latest value goes unnoticed, as on the real SPU.
func (s *stream) acknowledge(offset int64) {
	if s.ack.Swap(offset) == offset {
		return
	}
	select {
	case s.acked <- struct{}{}:
	default:
	}
}

// run is the stream's life: one frame, then silence until the consumer acknowledges or, when it has everything, until the
// log grows.
func (s *stream) run() {
	if len(s.steps) > 0 {
		var code wire.ErrorCode
		s.chain, code = s.p.chain(s.conn.ctx, s.req.header.APIVersion, s.steps)
		defer func() { // the connection knows the stream by its id until it ends itself
			s.chain.Close()
			s.chain, s.steps, s.out = nil, nil, transformed{}
		}()
		if !code.Ok() {
			_ = s.sendError(code)
			return
		}
	}
	changed := s.p.subscribe()
	defer s.p.unsubscribe(changed)
	if !s.read(s.fetch.FetchOffset) {
		return
	}
	for {
		on := true
		select {
		case <-s.acked:
			on = s.onAck(s.ack.Load())
		case <-changed:
			on = s.onChange()
		case <-s.conn.done:
			return
		}
		if !on {
			return
		}
	}
}

// onAck says whether the stream goes on.
func (s *stream) onAck(offset int64) bool {
	switch {
	case offset == ackNone:
		return true
	case offset == ackDeleted && s.conn.srv.cl.platform.signalsDeletion():
		return s.sendDeleted()
	case offset >= s.end:
		s.consumer = offset
		return true
	}
	return s.read(offset)
}

// onChange says whether the stream goes on.
func (s *stream) onChange() bool {
	end, silenced, deleted := s.p.state(s.fetch.Isolation, s.generation)
	switch {
	case deleted:
		return s.sendDeleted()
	case silenced || end == s.end:
		return true
	case s.consumer == unknown || end <= s.consumer:
		s.end = end
		return true
	}
	return s.read(s.consumer)
}

// read sends what there is from an offset on; nothing, when there is nothing. It says whether the stream goes on.
func (s *stream) read(from int64) bool {
	for {
		s.credited = ackNone
		switch on := s.readOnce(from); {
		case !on || s.credited == ackNone:
			return on
		case s.credited >= s.end:
			s.consumer = s.credited
			return true
		}
		from = s.credited
	}
}

func (s *stream) readOnce(from int64) bool {
	if s.chain != nil {
		return s.readThrough(from)
	}
	f := s.p.read(from, uint32(s.fetch.MaxBytes), s.fetch.Isolation, s.generation)
	defer f.release()
	if f.size == 0 {
		return s.onNothing(&f, from)
	}
	s.end, s.consumer = f.end, unknown
	return s.send(wire.ErrorCode{}, f) == nil
}

// onNothing handles a read that gave no bytes and says whether the stream goes on.
func (s *stream) onNothing(f *fetched, from int64) bool {
	switch {
	case f.deleted:
		return s.sendDeleted()
	case f.silenced:
		return true
	case !f.code.Ok():
		s.send(s.conn.srv.cl.platform.readError(f.code), fetched{})
		return false
	}
	s.end, s.consumer = from, from
	return true
}

// readThrough reads a segment through the stream's SmartModules and sends what they make of it as one batch, up to max_bytes.
// Where nothing comes out it goes on behind the end of the log, as SPUs do: what lies in later segments, or in a batch whose
// output alone is more than max_bytes, is never seen.
func (s *stream) readThrough(from int64) bool {
	in := &scan{p: s.p, isolation: s.fetch.Isolation, generation: s.generation, from: from}
	defer in.close()
	in.begin()
	f := in.first
	if f.size == 0 {
		return s.onNothing(&f, from)
	}
	out := &s.out
	out.reset()
	for on := true; on; {
		h, batch, err := in.next()
		if err == nil && batch != nil {
			on, err = out.add(s.chain, &h, batch, uint32(s.fetch.MaxBytes))
		} else {
			on = false
		}
		switch {
		case errors.Is(err, errStopped):
			return s.readOnce(from) // which finds out why
		case err != nil:
			_ = s.sendError(errEngine("SmartModule err ", err))
			return false
		}
	}
	if out.count == 0 && out.failure == nil {
		s.end, s.consumer = f.end, f.end
		return true
	}
	batch, err := out.batch()
	if err != nil {
		_ = s.sendError(wire.ErrorCode{Code: fluvioerr.ServerCompression})
		return false
	}
	var code wire.ErrorCode
	if f.next = f.end; out.count > 0 {
		f.next = out.header.NextOffset()
	}
	if out.failure != nil {
		code = wire.ErrorCode{Code: fluvioerr.ServerSmartModuleRuntime, Payload: out.failure}
	}
	f.bufs, f.size = net.Buffers{batch}, len(batch)
	s.end, s.consumer = f.end, unknown
	return s.send(code, f) == nil
}

// sendDeleted ends the stream of a topic that was deleted. Before platform 0.11.5, the stream ends without a word.
func (s *stream) sendDeleted() bool {
	if s.conn.srv.cl.platform.signalsDeletion() {
		s.send(wire.ErrorCode{Code: fluvioerr.ServerTopicDeleted}, fetched{})
	}
	return false
}

// sendError sends a frame with nothing but an error; the connection stays.
func (s *stream) sendError(code wire.ErrorCode) error { return s.send(code, fetched{}) }

// send sends a frame. A connection that cannot take it is closed.
func (s *stream) send(code wire.ErrorCode, f fetched) error {
	c, h := s.conn, &s.req.header
	m := &wire.StreamFetchResponse{Topic: s.fetch.Topic, StreamID: s.id, Partition: wire.FetchPartitionResponse{
		Partition: s.fetch.Partition, Error: code, HighWatermark: f.hw, LogStartOffset: f.start, NextFilterOffset: f.next,
	}}
	var err error
	if c.srv.cl.faults.active() {
		err = s.sendFaulty(m, f)
	} else {
		err = c.sendRecords(h.CorrelationID, h.APIVersion, m, f.bufs, f.size)
	}
	if err != nil && err != errStreamOver {
		c.close()
	}
	return err
}

// errStreamOver ends a stream without ending its connection.
var errStreamOver = errors.New("stream over")

// sendFaulty sends a frame through the rules of the answer phase.
func (s *stream) sendFaulty(m *wire.StreamFetchResponse, f fetched) error {
	c, h := s.conn, &s.req.header
	rule := c.srv.cl.faults.match(OnAnswer, c.srv, s.req.api, s.req.targets())
	if rule != nil && rule.Action.Kind == ActionError {
		m.Partition.Error, m.Partition.NextFilterOffset = rule.Action.errorCode(), 0
		f = fetched{}
	}
	frame, err := wire.AppendResponse(nil, h.CorrelationID, h.APIVersion, m)
	if err != nil {
		return err
	}
	patchRecords(frame, f.size)
	at := len(frame)
	for _, b := range f.bufs {
		frame = append(frame, b...)
	}
	if rule != nil && rule.Action.Kind == ActionCorruptCRC && f.size >= checked {
		binary.BigEndian.PutUint32(frame[at+crcAt:], ^binary.BigEndian.Uint32(frame[at+crcAt:]))
	}
	if rule != nil && rule.Action.Kind == ActionNoCredit {
		if s.credited = f.next; f.next == 0 {
			s.credited = afterBatches(frame[at:])
		}
	}
	err = c.sendFaulty(rule, frame)
	if rule != nil && rule.Action.Kind == ActionError && err == nil {
		return errStreamOver
	}
	return err
}

// afterBatches is the offset after the last whole batch of a record set, ackNone if there is none.
func afterBatches(records []byte) int64 {
	next := int64(ackNone)
	for {
		h, _, rest, _, ok, err := wire.NextBatch(records)
		if err != nil || !ok {
			return next
		}
		next, records = h.NextOffset(), rest
	}
}
