package devcluster

import (
	"slices"
	"strings"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scList lists objects. Filters are substrings of names, any of them, and do not apply to partitions; topics and
// partitions are either the system's or the others, never both.
var scList = api{
	key: wire.KeyList, name: "List", min: 15, max: 19,
	request: func() wire.Message { return &wire.ListRequest{} },
	serve: func(r *request) error {
		m := r.msg.(*wire.ListRequest)
		s := r.conn.srv.cl.store(m.Label)
		if s == nil {
			return errHangUp
		}
		objects := s.list(func(o *wire.Object) bool {
			switch spec := o.Spec.(type) {
			case *wire.TopicSpec:
				return spec.System == m.System && passes(m.Filters, o.Name)
			case *wire.PartitionSpec:
				return spec.System == m.System
			}
			return passes(m.Filters, o.Name)
		})
		return r.reply(&wire.ListResponse{Label: m.Label, Objects: objects})
	},
}

func passes(filters []string, name string) bool {
	return len(filters) == 0 || slices.ContainsFunc(filters, func(f string) bool { return strings.Contains(name, f) })
}
