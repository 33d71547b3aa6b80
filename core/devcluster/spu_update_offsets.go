package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuUpdateOffsets passes acknowledgements on to the streams of this connection.
var spuUpdateOffsets = api{
	key: wire.KeyUpdateOffsets, name: "UpdateOffsets", canFail: true,
	request: func() wire.Message { return &wire.UpdateOffsetsRequest{} },
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.UpdateOffsetsRequest)
		resp := &wire.UpdateOffsetsResponse{Status: make([]wire.OffsetUpdateStatus, len(m.Offsets))}
		for i, o := range m.Offsets {
			out := &resp.Status[i]
			out.SessionID = o.SessionID
			if code, refused := r.refusal(target{partition: -1}); refused {
				out.Error = code
				continue
			}
			if s := c.streams[o.SessionID]; s != nil {
				s.acknowledge(o.Offset)
			} else {
				out.Error.Code = fluvioerr.ServerFetchSessionNotFound
			}
			out.Error = r.verdict(target{partition: -1}, out.Error)
		}
		return r.reply(resp)
	},
}
