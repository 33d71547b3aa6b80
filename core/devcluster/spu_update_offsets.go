package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuUpdateOffsets passes acknowledgements on to the streams of this connection.
var spuUpdateOffsets = api{
	key: wire.KeyUpdateOffsets, name: "UpdateOffsets", canFail: true,
	request: func() wire.Message { return &wire.UpdateOffsetsRequest{} },
	sessions: func(m wire.Message) (ids []uint32) {
		for _, o := range m.(*wire.UpdateOffsetsRequest).Offsets {
			ids = append(ids, o.SessionID)
		}
		return ids
	},
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.UpdateOffsetsRequest)
		resp := &wire.UpdateOffsetsResponse{Status: make([]wire.OffsetUpdateStatus, len(m.Offsets))}
		for i, o := range m.Offsets {
			out := &resp.Status[i]
			out.SessionID = o.SessionID
			at := c.streamTarget(o.SessionID)
			if code, refused := r.refusal(at); refused {
				out.Error = code
				continue
			}
			if s := c.streams[o.SessionID]; s != nil {
				s.acknowledge(o.Offset)
			} else {
				out.Error.Code = fluvioerr.ServerFetchSessionNotFound
			}
			out.Error = r.verdict(at, out.Error)
		}
		return r.reply(resp)
	},
}
