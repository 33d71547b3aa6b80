package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuUpdateConsumerOffset stores how far a consumer has come, through a stream of this connection that was opened with a
// consumer id. Any SPU takes it. Neither is the offset compared with the log, nor must it grow.
var spuUpdateConsumerOffset = api{
	key: wire.KeyUpdateConsumerOffset, name: "UpdateConsumerOffset", canFail: true,
	request:  func() wire.Message { return &wire.UpdateConsumerOffsetRequest{} },
	sessions: func(m wire.Message) []uint32 { return []uint32{m.(*wire.UpdateConsumerOffsetRequest).SessionID} },
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.UpdateConsumerOffsetRequest)
		s, t := c.streams[m.SessionID], c.streamTarget(m.SessionID)
		code, refused := r.refusal(t)
		switch {
		case refused:
		case s == nil:
			code.Code = fluvioerr.ServerFetchSessionNotFound
		case s.fetch.ConsumerID == nil:
			code = wire.Errorf("stream without consumer id")
		default:
			code = c.srv.cl.storeConsumerOffset(c.srv.id, consumerKey{s.fetch.Topic, s.fetch.Partition, *s.fetch.ConsumerID}, m.Offset)
		}
		resp := &wire.UpdateConsumerOffsetResponse{Error: r.verdict(t, code)}
		if resp.Error.Ok() {
			resp.Offset = m.Offset
		}
		return r.reply(resp)
	},
}

// spuDeleteConsumerOffset forgets what a consumer has stored; there being nothing is success.
var spuDeleteConsumerOffset = api{
	key: wire.KeyDeleteConsumerOffset, name: "DeleteConsumerOffset", canFail: true,
	request: func() wire.Message { return &wire.DeleteConsumerOffsetRequest{} },
	targets: func(m wire.Message) []target {
		d := m.(*wire.DeleteConsumerOffsetRequest)
		return []target{{d.Topic, int32(d.Partition)}}
	},
	serve: func(r *request) error {
		cl, m := r.conn.srv.cl, r.msg.(*wire.DeleteConsumerOffsetRequest)
		t := target{m.Topic, int32(m.Partition)}
		code, refused := r.refusal(t)
		if !refused {
			var p *partition
			if p, code = cl.ledConsumers(r.conn.srv.id); p != nil {
				code = cl.onConsumers(p, func(s *consumerOffsets) error {
					return s.write(consumerRecord{consumerDeleted, wire.ConsumerOffset{ConsumerID: m.ConsumerID, Topic: m.Topic, Partition: m.Partition}})
				})
			}
		}
		return r.reply(&wire.DeleteConsumerOffsetResponse{Error: r.verdict(t, code)})
	},
}

// spuFetchConsumerOffsets lists what consumers have stored, save of partitions that are gone. A platform that knows no
// filter lists everything.
var spuFetchConsumerOffsets = api{
	key: wire.KeyFetchConsumerOffsets, name: "FetchConsumerOffsets", canFail: true,
	request: func() wire.Message { return &wire.FetchConsumerOffsetsRequest{} },
	targets: func(m wire.Message) []target {
		if f := m.(*wire.FetchConsumerOffsetsRequest).Filter; f != nil && f.Replica != nil {
			return []target{{f.Replica.Topic, int32(f.Replica.Partition)}}
		}
		return nil
	},
	serve: func(r *request) error {
		cl, m := r.conn.srv.cl, r.msg.(*wire.FetchConsumerOffsetsRequest)
		t := target{partition: -1}
		if all := r.targets(); len(all) > 0 {
			t = all[0]
		}
		resp := &wire.FetchConsumerOffsetsResponse{}
		code, refused := r.refusal(t)
		if !refused {
			var p *partition
			if p, code = cl.ledConsumers(r.conn.srv.id); p != nil {
				code = cl.onConsumers(p, func(s *consumerOffsets) error {
					resp.Consumers = cl.storedOffsets(s, m.Filter)
					return nil
				})
			}
		}
		if resp.Error = r.verdict(t, code); !resp.Error.Ok() {
			resp.Consumers = nil
		}
		return r.reply(resp)
	},
}

// storedOffsets gives the entries that a filter lets pass, by topic, partition and consumer. Real SPUs list them in no order.
func (cl *Cluster) storedOffsets(s *consumerOffsets, filter *wire.ConsumerFilter) (out []wire.ConsumerOffset) {
	for _, e := range s.sorted() {
		gone := cl.platform.forgetsDeletedOffsets() && cl.partition(e.Topic, e.Partition) == nil
		if !gone && filter.Matches(&e) {
			out = append(out, e)
		}
	}
	return out
}
