package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuFetch reads what is there, once and without waiting. Of its settings, only isolation and the request's own max_bytes
// count.
var spuFetch = api{
	key: wire.KeyFetch, name: "Fetch", canFail: true,
	request: func() wire.Message { return &wire.FetchRequest{} },
	targets: func(m wire.Message) (out []target) {
		for _, t := range m.(*wire.FetchRequest).Topics {
			for _, p := range t.Partitions {
				out = append(out, target{t.Name, int32(p.Partition)})
			}
		}
		return out
	},
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.FetchRequest)
		resp := &wire.FetchResponse{}
		for _, t := range m.Topics {
			answer := wire.FetchTopicResponse{Name: t.Name}
			for _, in := range t.Partitions {
				at := target{t.Name, int32(in.Partition)}
				out := wire.FetchPartitionResponse{Partition: in.Partition}
				code, refused := r.refusal(at)
				if refused {
					out.Error = code
				} else {
					c.fetch(t.Name, in.FetchOffset, uint32(m.MaxBytes), m.Isolation, &out)
				}
				if code := r.verdict(at, out.Error); !code.Ok() {
					out = wire.FetchPartitionResponse{Partition: in.Partition, Error: code}
				}
				answer.Partitions = append(answer.Partitions, out)
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return r.reply(resp)
	},
}

// fetch reads one partition into its part of the answer.
func (c *conn) fetch(topic string, from int64, maxBytes uint32, isolation uint8, out *wire.FetchPartitionResponse) {
	p := c.srv.cl.partition(topic, out.Partition)
	var generation uint64
	leads := false
	if p != nil {
		generation, leads = p.leads(c.srv.id)
	}
	if !leads {
		out.Error.Code = fluvioerr.ServerNotLeader
		return
	}
	f := p.read(from, maxBytes, isolation, generation)
	defer f.release()
	switch {
	case f.deleted || f.silenced:
		out.Error.Code = fluvioerr.ServerNotLeader
	case !f.code.Ok():
		out.Error = c.srv.cl.platform.readError(f.code)
	default:
		out.HighWatermark, out.LogStartOffset = f.hw, f.start
		for _, b := range f.bufs { // a copy: the views end with this call
			out.Records = append(out.Records, b...)
		}
	}
}
