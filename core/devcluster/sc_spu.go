package devcluster

import (
	"strconv"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// createCustomSPU registers an SPU. A dry run that would succeed is answered without the name, as by the real SC.
func (cl *Cluster) createCustomSPU(m *wire.CreateRequest, spec *wire.CustomSPUSpec) *wire.Status {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.registered[m.Name] != nil || cl.registrationOf(spec.ID) != nil {
		return failed(m.Name, fluvioerr.ServerSpuAlreadyExists, "spu '%s(%d)' already defined", m.Name, spec.ID)
	}
	if m.DryRun {
		return &wire.Status{}
	}
	if err := cl.register(m.Name, spec.SPU()); err != nil {
		return failed(m.Name, fluvioerr.ServerSpuError, "%v", err)
	}
	return &wire.Status{Name: m.Name}
}

// deleteCustomSPU makes the SC forget an SPU, by name or by id.
func (cl *Cluster) deleteCustomSPU(m *wire.DeleteRequest) *wire.Status {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	name, r := m.Name, cl.registered[m.Name]
	if m.ID != nil {
		name, r = "spu-"+strconv.Itoa(int(*m.ID)), cl.registrationOf(*m.ID)
	}
	if r == nil {
		return failed(name, fluvioerr.ServerSpuNotFound, notFound)
	}
	if err := cl.unregister(r); err != nil {
		return failed(r.name, fluvioerr.ServerSpuError, "error deleting: %v", err)
	}
	return &wire.Status{Name: r.name}
}

// customSPU shows an SPU of the store as the other label does.
func customSPU(o wire.Object) wire.Object {
	s := o.Spec.(*wire.SPUSpec)
	o.Spec = &wire.CustomSPUSpec{ID: s.ID, PublicEndpoint: s.PublicEndpoint, PrivateEndpoint: s.PrivateEndpoint, Rack: s.Rack,
		PublicEndpointLocal: s.PublicEndpointLocal}
	return o
}
