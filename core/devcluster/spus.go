package devcluster

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuState is one of the cluster's own SPUs: a server that runs or not, whatever the SC thinks of it.
type spuState struct {
	id     int32
	srv    *server
	online atomic.Bool
}

// registration is an SPU as the SC knows it. Clients may register others than the cluster's own; nothing runs behind those,
// so that they stay in the state Init, as a real SPU does before it connects for the first time.
type registration struct {
	name string
	spec *wire.SPUSpec
	own  bool // made by the cluster for one of its SPUs: the address follows the server's
}

func ownSPUName(id int32) string { return "custom-spu-" + strconv.Itoa(int(id)) }

func (cl *Cluster) spu(id int32) *spuState {
	for _, s := range cl.spus {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (cl *Cluster) online(id int32) bool {
	s := cl.spu(id)
	return s != nil && s.online.Load()
}

// registrationOf finds an SPU that the SC knows by its id. The lock is held.
func (cl *Cluster) registrationOf(id int32) *registration {
	for _, r := range cl.registered {
		if r.spec.ID == id {
			return r
		}
	}
	return nil
}

// isRegistered says whether the SC knows an SPU, online or not.
func (cl *Cluster) isRegistered(id int32) bool {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.registrationOf(id) != nil
}

// usableSPUs are the ids of the SPUs that partitions can be placed on. The lock is held.
func (cl *Cluster) usableSPUs() (ids []int32) {
	for _, s := range cl.spus {
		if s.online.Load() && cl.registrationOf(s.id) != nil {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// registerOwn makes the cluster's own SPUs known to the SC, save those that a client has unregistered or registered by
// itself in an earlier run. The lock is held.
func (cl *Cluster) registerOwn() {
	for _, s := range cl.spus {
		name := ownSPUName(s.id)
		if cl.unregistered[s.id] || cl.registrationOf(s.id) != nil || cl.registered[name] != nil {
			continue
		}
		cl.registered[name] = &registration{name: name, own: true, spec: &wire.SPUSpec{ID: s.id, Type: wire.SPUCustom}}
	}
}

// register makes an SPU known that a client describes. The lock is held.
func (cl *Cluster) register(name string, spec *wire.SPUSpec) error {
	r := &registration{name: name, spec: spec}
	cl.registered[name] = r
	delete(cl.unregistered, spec.ID)
	cl.spuStore.put(name, spec, &wire.SPUStatus{Resolution: wire.SPUInit})
	if cl.spu(spec.ID) != nil { // its server was waiting for this
		cl.publishSPU(r)
	}
	cl.settle()
	return cl.save()
}

// unregister makes the SC forget an SPU. One that runs goes on serving what it leads. The lock is held.
func (cl *Cluster) unregister(r *registration) error {
	delete(cl.registered, r.name)
	if cl.spu(r.spec.ID) != nil {
		cl.unregistered[r.spec.ID] = true
	}
	cl.spuStore.remove(r.name)
	return cl.save()
}

// publishSPUs shows every SPU, in the order of their ids. The lock is held.
func (cl *Cluster) publishSPUs() {
	all := make([]*registration, 0, len(cl.registered))
	for _, r := range cl.registered {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *registration) int {
		return cmp.Or(cmp.Compare(a.spec.ID, b.spec.ID), cmp.Compare(a.name, b.name))
	})
	for _, r := range all {
		cl.publishSPU(r)
	}
}

// publishSPU shows an SPU as it is now. The lock is held.
func (cl *Cluster) publishSPU(r *registration) {
	status := &wire.SPUStatus{Resolution: wire.SPUInit}
	s := cl.spu(r.spec.ID)
	if s != nil {
		status.Resolution = wire.SPUOffline
		if s.online.Load() {
			status.Resolution = wire.SPUOnline
		}
	}
	if r.own {
		host, port, _ := net.SplitHostPort(reachable(s.srv.endpoint()))
		n, _ := strconv.ParseUint(port, 10, 16)
		r.spec = &wire.SPUSpec{
			ID: s.id, Type: wire.SPUCustom,
			PublicEndpoint:  wire.IngressPort{Port: uint16(n), Ingress: []wire.IngressAddr{{Hostname: &host}}},
			PrivateEndpoint: wire.Endpoint{Port: uint16(n), Host: host}, // there is no private port: SPUs share the process
		}
	}
	cl.spuStore.put(r.name, r.spec, status)
}

// spuChanged shows an SPU that was started or stopped, if the SC knows it. The lock is held.
func (cl *Cluster) spuChanged(id int32) {
	if r := cl.registrationOf(id); r != nil {
		cl.publishSPU(r)
	}
}
