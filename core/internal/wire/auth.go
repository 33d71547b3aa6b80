package wire

// KeyAuth is the request that an SC with an authorization policy wants as the first one of every connection: its TLS tunnel
// sends it, or the client where there is no tunnel.
const KeyAuth uint16 = 8

// AuthRequest says who the client is, version 0. The SC believes it: it is the tunnel that has looked at a certificate.
type AuthRequest struct {
	Principal string
	Scopes    []string // the principal's roles
}

// Wire walks the request.
func (m *AuthRequest) Wire(c *Codec) {
	c.String(&m.Principal)
	Vec(c, &m.Scopes, 2, (*Codec).String)
}

// AuthResponse answers it. Its correlation id is 0 whatever the request's was.
type AuthResponse struct {
	Success bool
}

// Wire walks the response.
func (m *AuthResponse) Wire(c *Codec) { c.Bool(&m.Success) }
