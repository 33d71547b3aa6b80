package fluvio

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// MirrorSpec registers another cluster to copy topics to or from: a remote cluster on its home, or the home on a remote cluster.
type MirrorSpec struct {
	// Kind is remote or home: what the other cluster is. Default remote.
	Kind string `setting:"kind" enum:"remote,home"`
	// ID is the other cluster's. Default: the mirror's name.
	ID string `setting:"id"`
	// RemoteID is the name that the home knows this cluster by. For the kind home, and needed there.
	RemoteID string `setting:"remote_id"`
	// PublicEndpoint is host:port of the home's SC. For the kind home, and needed there.
	PublicEndpoint string `setting:"public_endpoint"`
	// TLS is how this cluster shows itself to its home. For the kind home. Zero: no TLS.
	TLS MirrorTLS `setting:"tls"`
}

// ParseMirrorSpec reads the settings of a mirror, as ParseClientOptions.
func ParseMirrorSpec(js []byte) (o MirrorSpec, err error) {
	return o, parseSettings("mirror", js, &o)
}

// MirrorTLS are a domain and PEM texts; in a MirrorSpec, paths of PEM files do too.
type MirrorTLS struct {
	Domain      string `setting:"domain" json:"domain"`
	CA          string `setting:"ca" json:"ca"`
	Certificate string `setting:"certificate" json:"certificate"`
	Key         string `setting:"key" json:"key" secret:"true"`
}

// Mirror is another cluster that this one copies topics to or from.
type Mirror struct {
	Name           string        `json:"name"`
	Kind           string        `json:"kind"` // remote or home
	ID             string        `json:"id"`
	RemoteID       string        `json:"remote_id"`
	PublicEndpoint string        `json:"public_endpoint"`
	TLS            *MirrorTLS    `json:"tls"`    // nil: none
	Status         string        `json:"status"` // online or offline
	PairingSC      MirrorPairing `json:"pairing_sc"`
	PairingSPU     MirrorPairing `json:"pairing_spu"`
	LastSeen       time.Time     `json:"last_seen"` // zero: never
}

// MirrorPairing is how far two clusters have found together.
type MirrorPairing struct {
	Status string `json:"status"` // waiting, successful, failed, disabled, unauthorized or failure
	Reason string `json:"reason"` // of failure
}

func (s MirrorSpec) problems() *problems { _, p := s.wire(""); return p }

func (s *MirrorSpec) wire(name string) (*wire.MirrorSpec, *problems) {
	p := checked(*s)
	out := &wire.MirrorSpec{Kind: numberOf(s.Kind, mirrorKinds...), ID: orDefault(s.ID, name), RemoteID: s.RemoteID, PublicEndpoint: s.PublicEndpoint}
	if out.Kind == wire.MirrorRemote {
		if s.RemoteID != "" || s.PublicEndpoint != "" || s.TLS != (MirrorTLS{}) {
			p.add("kind", "remote takes no remote_id, public_endpoint or tls: those are for home")
		}
		return out, p
	}
	if s.RemoteID == "" {
		p.add("remote_id", "is missing: the name that the home knows this cluster by")
	}
	splitEndpoint(p, "public_endpoint", s.PublicEndpoint)
	if s.TLS != (MirrorTLS{}) {
		out.ClientTLS = &wire.MirrorTLS{Domain: s.TLS.Domain}
		for _, part := range []struct {
			setting, from string
			to            *string
		}{{"tls.ca", s.TLS.CA, &out.ClientTLS.CACert}, {"tls.certificate", s.TLS.Certificate, &out.ClientTLS.ClientCert}, {"tls.key", s.TLS.Key, &out.ClientTLS.ClientKey}} {
			pem, err := pemText(part.from)
			switch {
			case part.from == "":
				p.add(part.setting, "is missing: domain, CA, certificate and key go together")
			case err != nil:
				p.add(part.setting, "%s", readFailure(part.from, err, part.setting == "tls.key"))
			}
			*part.to = string(pem)
		}
	}
	return out, p
}

var mirrorKinds = []string{"remote", "home"}

// CreateMirror registers another cluster. AlreadyExists: there is a remote cluster of that name; a home is replaced.
func (a *Admin) CreateMirror(ctx context.Context, name string, spec MirrorSpec) error {
	s, p := spec.wire(name)
	if err := p.err("mirror"); err != nil {
		return err
	}
	_, err := a.create(ctx, "create mirror", &wire.CreateRequest{Label: wire.LabelMirror, Name: name, Spec: s})
	return err
}

// DeleteMirror forgets another cluster.
func (a *Admin) DeleteMirror(ctx context.Context, name string) error {
	return a.remove(ctx, "delete mirror", &wire.DeleteRequest{Label: wire.LabelMirror, Name: name})
}

// mirrors is how mirrors are listed. Servers do not let them be watched.
var mirrors = kind[Mirror]{objects{wire.LabelMirror, "mirror"}, mirrorOf, func(x, y *Mirror) int { return cmp.Compare(x.Name, y.Name) }}

// Mirrors lists the other clusters in the order of their names. Their keys are in it, if the server has any.
func (a *Admin) Mirrors(ctx context.Context, options ...ListOptions) ([]Mirror, error) {
	return list(ctx, a, mirrors, options)
}

// Mirror describes another cluster. NotFound: there is none of that name.
func (a *Admin) Mirror(ctx context.Context, name string) (Mirror, error) {
	return describe(ctx, a, mirrors, name, func(m *Mirror) bool { return m.Name == name }, ListOptions{})
}

func mirrorOf(o *wire.Object) Mirror {
	spec, status := o.Spec.(*wire.MirrorSpec), o.Status.(*wire.MirrorStatus)
	pairing := func(p *wire.MirrorPairing) MirrorPairing {
		return MirrorPairing{of(p.State, "waiting", "successful", "failed", "disabled", "unauthorized", "failure"), p.Detail}
	}
	m := Mirror{
		Name: o.Name, Kind: of(spec.Kind, mirrorKinds...), ID: spec.ID, RemoteID: spec.RemoteID, PublicEndpoint: spec.PublicEndpoint,
		Status: of(status.Connection, "offline", "online"), PairingSC: pairing(&status.PairingSC), PairingSPU: pairing(&status.PairingSPU),
	}
	if t := spec.ClientTLS; t != nil {
		m.TLS = &MirrorTLS{t.Domain, t.CACert, t.ClientCert, t.ClientKey}
	}
	if status.LastSeen != 0 {
		m.LastSeen = time.UnixMilli(int64(min(status.LastSeen, math.MaxInt64)))
	}
	return m
}
