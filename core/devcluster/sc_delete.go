package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scDelete removes topics. System topics need force.
var scDelete = api{
	key: wire.KeyDelete, name: "Delete", min: 1, max: 19, canFail: true,
	request: func() wire.Message { return &wire.DeleteRequest{} },
	targets: func(m wire.Message) []target { return []target{{m.(*wire.DeleteRequest).Name, -1}} },
	serve: func(r *request) error {
		m, cl := r.msg.(*wire.DeleteRequest), r.conn.srv.cl
		t := target{m.Name, -1}
		status := &wire.Status{Name: m.Name}
		if code, refused := r.refusal(t); refused {
			status.Error = code
			return r.reply(status)
		}
		if m.Label != wire.LabelTopic {
			return r.reply(&wire.Status{Name: "create error", Error: wire.Errorf("unknown admin object type")})
		}
		switch topic := cl.topic(m.Name); {
		case topic == nil:
			status.Error.Code = fluvioerr.ServerTopicNotFound
			text := "not found"
			status.Message = &text
		case topic.spec.System && !m.Force:
			status.Error = wire.ErrorCode{Code: fluvioerr.ServerSystemSpecDeletion,
				Payload: &wire.TwoTextPayload{First: "topic", Second: m.Name}}
		default:
			if err := cl.removeTopic(m.Name); err != nil {
				text := err.Error()
				status.Error.Code, status.Message = fluvioerr.ServerTopicError, &text
			}
		}
		status.Error = r.verdict(t, status.Error)
		return r.reply(status)
	},
}
