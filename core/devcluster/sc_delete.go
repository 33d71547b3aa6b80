package devcluster

import (
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scDelete removes objects. System topics need force. The name in the answer to an unknown type is the real SC's mistake.
var scDelete = api{
	key: wire.KeyDelete, name: "Delete", canFail: true,
	request: func() wire.Message { return &wire.DeleteRequest{} },
	targets: func(m wire.Message) []target { return []target{{m.(*wire.DeleteRequest).Name, -1}} },
	serve: func(r *request) error {
		m, cl := r.msg.(*wire.DeleteRequest), r.conn.srv.cl
		return r.answerStatus(target{m.Name, -1}, m.Name, func() (*wire.Status, error) {
			switch {
			case !cl.platform.accepts(wire.KeyDelete, m.Label):
				return &wire.Status{Name: "create error", Error: wire.Errorf(unknownObject)}, nil
			case m.Label == wire.LabelTopic:
				return cl.deleteTopic(m.Name, m.Force), nil
			case m.Label == wire.LabelCustomSPU:
				return cl.deleteCustomSPU(m), nil
			}
			return cl.deleteObject(m)
		})
	},
}

func (cl *Cluster) deleteTopic(name string, force bool) *wire.Status {
	spec := cl.topicSpec(name)
	if spec == nil {
		return failed(name, fluvioerr.ServerTopicNotFound, notFound)
	}
	if r := &spec.Replicas; r.Kind == wire.ReplicasMirror && r.Mirror.Kind == wire.MirrorRemote {
		return failed(name, serverMirrorFromRemote, "cannot delete mirrored topic from remote")
	}
	if spec.System && !force {
		return &wire.Status{Name: name, Error: systemRefusal(fluvioerr.ServerSystemSpecDeletion, name)}
	}
	switch err := cl.removeTopic(name); {
	case fluvioerr.CodeOf(err) == fluvioerr.NotFound: // another request deleted it meanwhile
		return failed(name, fluvioerr.ServerTopicNotFound, notFound)
	case err != nil:
		return failed(name, fluvioerr.ServerTopicError, "%v", err)
	}
	return &wire.Status{Name: name}
}

// systemRefusal is how the SC protects its own topics.
func systemRefusal(code fluvioerr.ServerCode, name string) wire.ErrorCode {
	return wire.ErrorCode{Code: code, Payload: &wire.TwoTextPayload{First: "topic", Second: name}}
}
