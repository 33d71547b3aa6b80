package devcluster

import (
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scCreate makes objects. The checks, their order, codes and texts are the real SC's, and so are its oddities: a dry run
// counts for topics and custom SPUs only, of all others the object is made.
var scCreate = api{
	key: wire.KeyCreate, name: "Create", canFail: true,
	request: func() wire.Message { return &wire.CreateRequest{} },
	targets: func(m wire.Message) []target { return []target{{m.(*wire.CreateRequest).Name, -1}} },
	serve: func(r *request) error {
		m, cl := r.msg.(*wire.CreateRequest), r.conn.srv.cl
		return r.answerStatus(target{m.Name, -1}, m.Name, func() (*wire.Status, error) {
			if m.Spec == nil || !cl.platform.accepts(wire.KeyCreate, m.Label) {
				return &wire.Status{Name: "create error", Error: wire.Errorf(unknownObject)}, nil
			}
			if refusal := r.conn.refuseCreate(m); refusal != nil {
				return refusal, nil
			}
			switch spec := m.Spec.(type) {
			case *wire.TopicSpec:
				return cl.createTopic(m, spec, r.conn.done), nil
			case *wire.CustomSPUSpec:
				return cl.createCustomSPU(m, spec), nil
			}
			return cl.createObject(m)
		})
	},
}

// answerStatus carries out a request that is answered with a status, as far as fault rules let it. An error from do ends
// the connection.
func (r *request) answerStatus(t target, name string, do func() (*wire.Status, error)) error {
	if code, refused := r.refusal(t); refused {
		return r.reply(&wire.Status{Name: name, Error: code})
	}
	status, err := do()
	if err != nil {
		return err
	}
	status.Error = r.verdict(t, status.Error)
	return r.reply(status)
}
