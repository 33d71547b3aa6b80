package wire

// Mirrors are read as platforms from 0.11.9 on write them. 0.11.7 and 0.11.8 leave out a mirror's client TLS and the keys of
// home SPUs, under the same version number, so their mirror topics cannot be told apart and are refused as undecodable.

// MirrorSpec is the other cluster of a mirror. Kind MirrorRemote: a remote cluster, registered on its home. Kind MirrorHome:
// the home cluster, registered on a remote.
type MirrorSpec struct {
	Kind           uint8
	ID             string
	RemoteID       string     // MirrorHome: the name that the home knows this cluster by
	PublicEndpoint string     // MirrorHome: the SC of the home
	ClientTLS      *MirrorTLS // MirrorHome
}

// MirrorTLS is how a remote cluster shows itself to its home, as PEM texts.
type MirrorTLS struct{ Domain, CACert, ClientCert, ClientKey string }

// Wire walks the spec.
func (m *MirrorSpec) Wire(c *Codec) {
	c.U8(&m.Kind)
	if m.Kind != MirrorRemote && m.Kind != MirrorHome {
		c.Fail("mirror type %d is unknown", m.Kind)
		return
	}
	c.String(&m.ID)
	if m.Kind == MirrorRemote {
		return
	}
	c.String(&m.RemoteID)
	c.String(&m.PublicEndpoint)
	Opt(c, &m.ClientTLS, func(c *Codec, t *MirrorTLS) {
		c.String(&t.Domain)
		c.String(&t.CACert)
		c.String(&t.ClientCert)
		c.String(&t.ClientKey)
	})
}

// Connections of a MirrorStatus.
const (
	MirrorOffline uint8 = 0
	MirrorOnline  uint8 = 1
)

// MirrorStatus is how the two clusters get on.
type MirrorStatus struct {
	Connection uint8
	PairingSC  MirrorPairing // before 17 the only one
	PairingSPU MirrorPairing // since 17
	LastSeen   uint64        // ms since the epoch
}

// Wire walks the status.
func (m *MirrorStatus) Wire(c *Codec) {
	if c.Since(17) {
		c.U8(&m.Connection)
		m.PairingSC.wire(c)
		m.PairingSPU.wire(c)
	} else { // platforms 0.11.7 to 0.11.11
		m.PairingSC.wire(c)
		c.U8(&m.Connection)
	}
	c.U64(&m.LastSeen)
}

// States of a MirrorPairing.
const (
	PairingWaiting      uint8 = 0
	PairingSuccessful   uint8 = 1
	PairingFailed       uint8 = 2
	PairingDisabled     uint8 = 3
	PairingUnauthorized uint8 = 4
	PairingFailure      uint8 = 5 // with a detail; platforms from 0.11.12 on, to every version
)

// MirrorPairing is one side of the pairing. A state this package does not know is kept as its number. It is read as if it
// carried nothing; should it carry something, the message is refused where that no longer fits.
type MirrorPairing struct {
	State  uint8
	Detail string // PairingFailure
}

func (p *MirrorPairing) wire(c *Codec) {
	c.U8(&p.State)
	if p.State == PairingFailure {
		c.String(&p.Detail)
	}
}
