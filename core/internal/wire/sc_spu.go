package wire

import (
	"net"
	"strconv"
)

// Types of an SPUSpec.
const (
	SPUManaged uint8 = 0
	SPUCustom  uint8 = 1
)

// SPUSpec is how an SPU is registered.
type SPUSpec struct {
	ID                  int32
	Type                uint8
	PublicEndpoint      IngressPort
	PrivateEndpoint     Endpoint
	Rack                *string
	PublicEndpointLocal *Endpoint
}

// Wire walks the spec.
func (m *SPUSpec) Wire(c *Codec) {
	c.I32(&m.ID)
	c.U8(&m.Type)
	m.PublicEndpoint.wire(c)
	c.endpoint(&m.PrivateEndpoint)
	c.OptString(&m.Rack)
	if c.Since(1) {
		Opt(c, &m.PublicEndpointLocal, (*Codec).endpoint)
	}
}

// IngressPort is a public address: a port and the names it is reached by. Encryption stays 0 even on TLS clusters.
type IngressPort struct {
	Port       uint16
	Ingress    []IngressAddr
	Encryption uint8
}

// IngressAddr is a host name or an IP address.
type IngressAddr struct {
	Hostname *string
	IP       *string
}

// Endpoint is a single address.
type Endpoint struct {
	Port       uint16
	Host       string
	Encryption uint8
}

func (p *IngressPort) wire(c *Codec) {
	c.U16(&p.Port)
	Vec(c, &p.Ingress, 2, func(c *Codec, a *IngressAddr) { c.OptString(&a.Hostname); c.OptString(&a.IP) })
	c.U8(&p.Encryption)
}

func (c *Codec) endpoint(e *Endpoint) {
	c.U16(&e.Port)
	c.String(&e.Host)
	c.U8(&e.Encryption)
}

// PublicAddr is host:port of the SPU for clients: the local endpoint if wanted and present, else the first ingress entry,
// its host name before its IP. It is empty when the SPU has no ingress.
func (m *SPUSpec) PublicAddr(local bool) string {
	if local && m.PublicEndpointLocal != nil {
		return net.JoinHostPort(m.PublicEndpointLocal.Host, strconv.Itoa(int(m.PublicEndpointLocal.Port)))
	}
	if len(m.PublicEndpoint.Ingress) == 0 {
		return ""
	}
	host := ""
	if a := m.PublicEndpoint.Ingress[0]; a.Hostname != nil {
		host = *a.Hostname
	} else if a.IP != nil {
		host = *a.IP
	}
	if host == "" {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(int(m.PublicEndpoint.Port)))
}

// Resolutions of an SPUStatus: online is zero.
const (
	SPUOnline  uint8 = 0
	SPUOffline uint8 = 1
	SPUInit    uint8 = 2
)

// SPUStatus says whether an SPU is connected to the SC.
type SPUStatus struct{ Resolution uint8 }

// Wire walks the status.
func (m *SPUStatus) Wire(c *Codec) { c.U8(&m.Resolution) }

// CustomSPUSpec registers an SPU that the cluster does not start itself. The SC keeps it as an SPUSpec of type custom.
type CustomSPUSpec struct {
	ID                  int32
	PublicEndpoint      IngressPort
	PrivateEndpoint     Endpoint
	Rack                *string
	PublicEndpointLocal *Endpoint // since 16: platform 0.11.11
}

// Wire walks the spec.
func (m *CustomSPUSpec) Wire(c *Codec) {
	c.I32(&m.ID)
	m.PublicEndpoint.wire(c)
	c.endpoint(&m.PrivateEndpoint)
	c.OptString(&m.Rack)
	if c.Since(16) {
		Opt(c, &m.PublicEndpointLocal, (*Codec).endpoint)
	}
}

// SPU is the spec as the SC keeps it.
func (m *CustomSPUSpec) SPU() *SPUSpec {
	return &SPUSpec{ID: m.ID, Type: SPUCustom, PublicEndpoint: m.PublicEndpoint, PrivateEndpoint: m.PrivateEndpoint, Rack: m.Rack,
		PublicEndpointLocal: m.PublicEndpointLocal}
}

// SPUGroupSpec asks Kubernetes for SPUs; elsewhere nothing starts them.
type SPUGroupSpec struct {
	Replicas    uint16
	MinID       int32 // id of the first SPU
	Rack        *string
	Replication *SPUGroupReplication
	Storage     *SPUGroupStorage
	Env         []EnvVar
}

// SPUGroupReplication is the replication setting of a group.
type SPUGroupReplication struct{ InSyncReplicaMin *uint16 }

// SPUGroupStorage is where the SPUs of a group keep their logs, and the size of the volume as Kubernetes writes it ("10Gi").
type SPUGroupStorage struct {
	LogDir *string
	Size   *string
}

// EnvVar is an environment variable of the SPUs of a group.
type EnvVar struct{ Name, Value string }

// Wire walks the spec.
func (m *SPUGroupSpec) Wire(c *Codec) {
	c.U16(&m.Replicas)
	c.I32(&m.MinID)
	c.OptString(&m.Rack)
	Opt(c, &m.Replication, func(c *Codec, r *SPUGroupReplication) { Opt(c, &r.InSyncReplicaMin, (*Codec).U16) })
	Opt(c, &m.Storage, func(c *Codec, s *SPUGroupStorage) { c.OptString(&s.LogDir); c.OptString(&s.Size) })
	Vec(c, &m.Env, 4, func(c *Codec, e *EnvVar) { c.String(&e.Name); c.String(&e.Value) })
}

// Resolutions of an SPUGroupStatus.
const (
	SPUGroupInit     uint8 = 0
	SPUGroupInvalid  uint8 = 1
	SPUGroupReserved uint8 = 2
)

// SPUGroupStatus is what became of a group.
type SPUGroupStatus struct {
	Resolution uint8
	Reason     *string
}

// Wire walks the status.
func (m *SPUGroupStatus) Wire(c *Codec) { c.U8(&m.Resolution); c.OptString(&m.Reason) }
