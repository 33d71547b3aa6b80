package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuFetchOffsets tells the first offset kept and the high watermark of partitions that this SPU leads.
var spuFetchOffsets = api{
	key: wire.KeyFetchOffsets, name: "FetchOffsets", canFail: true,
	request: func() wire.Message { return &wire.FetchOffsetsRequest{} },
	targets: func(m wire.Message) (out []target) {
		for _, t := range m.(*wire.FetchOffsetsRequest).Topics {
			for _, p := range t.Partitions {
				out = append(out, target{t.Name, int32(p)})
			}
		}
		return out
	},
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.FetchOffsetsRequest)
		resp := &wire.FetchOffsetsResponse{}
		for _, t := range m.Topics {
			answer := wire.FetchOffsetsTopicResponse{Name: t.Name}
			for _, id := range t.Partitions {
				out := wire.FetchOffsetsPartition{Partition: id}
				leads := false
				p := c.srv.cl.partition(t.Name, id)
				if p != nil {
					_, leads = p.leads(c.srv.id)
				}
				if leads {
					out.StartOffset, out.LastStableOffset = p.offsets()
					if m.ConsumerID != nil {
						out.Error = c.srv.cl.resumeAt(consumerKey{t.Name, id, *m.ConsumerID}, &out.StartOffset)
					}
				} else {
					out.Error.Code = fluvioerr.ServerPartitionNotLeader
				}
				if out.Error = r.verdict(target{t.Name, int32(id)}, out.Error); !out.Error.Ok() {
					out.StartOffset, out.LastStableOffset = 0, 0
				}
				answer.Partitions = append(answer.Partitions, out)
			}
			resp.Topics = append(resp.Topics, answer)
		}
		return r.reply(resp)
	},
}

// resumeAt puts the offset after the stored one of a consumer into start, if there is one. Only version 23 of the request,
// and nobody since, asks for it.
func (cl *Cluster) resumeAt(key consumerKey, start *int64) wire.ErrorCode {
	p := cl.consumerPartition()
	if p == nil {
		return wire.ErrorCode{Code: fluvioerr.ServerTopicNotFound}
	}
	return cl.onConsumers(p, func(s *consumerOffsets) error {
		if e, ok := s.entries[key]; ok {
			*start = e.Offset + 1
		}
		return nil
	})
}
