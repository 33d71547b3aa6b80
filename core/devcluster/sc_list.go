package devcluster

import (
	"slices"
	"strings"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scList lists objects. Filters are substrings of names, any of them, but those of SmartModules are names; partitions and
// mirrors are not filtered. Topics and partitions are either the system's or the others, never both.
var scList = api{
	key: wire.KeyList, name: "List",
	request: func() wire.Message { return &wire.ListRequest{} },
	serve: func(r *request) error {
		m, cl := r.msg.(*wire.ListRequest), r.conn.srv.cl
		if !cl.platform.accepts(wire.KeyList, m.Label) {
			return errHangUp
		}
		label := m.Label
		if label == wire.LabelCustomSPU {
			label = wire.LabelSPU
		}
		keep, err := listed(m)
		if err != nil {
			return errHangUp
		}
		if m.Label != wire.LabelMirror && !r.conn.may("Read", m.Label) {
			return r.reply(&wire.ListResponse{Label: m.Label})
		}
		objects := cl.stores[label].list(keep)
		for i, o := range objects {
			switch {
			case m.Label == wire.LabelCustomSPU:
				objects[i] = customSPU(o)
			case m.Summary:
				objects[i] = summary(o)
			}
		}
		return r.reply(&wire.ListResponse{Label: m.Label, Objects: objects})
	},
}

// listed gives the test for what a request wants to see. What is wrong with the name of a SmartModule is an error.
func listed(m *wire.ListRequest) (func(*wire.Object) bool, error) {
	byName := func(name string) bool {
		return len(m.Filters) == 0 || slices.ContainsFunc(m.Filters, func(f string) bool { return strings.Contains(name, f) })
	}
	var modules []wire.SmartModuleName
	if m.Label == wire.LabelSmartModule {
		for _, f := range m.Filters {
			n, err := wire.ParseSmartModuleName(f)
			if err != nil {
				return nil, err
			}
			modules = append(modules, n)
		}
	}
	return func(o *wire.Object) bool {
		switch spec := o.Spec.(type) {
		case *wire.TopicSpec:
			return spec.System == m.System && byName(o.Name)
		case *wire.PartitionSpec:
			return spec.System == m.System
		case *wire.SPUSpec:
			return (m.Label != wire.LabelCustomSPU || spec.Type == wire.SPUCustom) && byName(o.Name)
		case *wire.SmartModuleSpec:
			return len(modules) == 0 || slices.ContainsFunc(modules, func(n wire.SmartModuleName) bool { return n.Matches(o.Name, spec) })
		case *wire.MirrorSpec:
			return true
		}
		return byName(o.Name)
	}, nil
}
