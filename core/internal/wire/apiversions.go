package wire

// ApiVersionsRequest, key 18, is the first request on every connection. The SC hangs up unless ClientVersion is semver.
type ApiVersionsRequest struct {
	ClientVersion string
	ClientOS      string
	ClientArch    string
}

// Wire walks the request.
func (m *ApiVersionsRequest) Wire(c *Codec) {
	if c.Since(1) {
		c.String(&m.ClientVersion)
		c.String(&m.ClientOS)
		c.String(&m.ClientArch)
	}
}

// ApiVersionsResponse tells what the server speaks. It leaves out key 18 itself, and an SPU also the consumer offset keys.
type ApiVersionsResponse struct {
	Error           ErrorCode
	Keys            []APIVersionRange
	PlatformVersion string // semver; an SPU always says 0.0.0
}

// APIVersionRange is the versions of one key, both inclusive.
type APIVersionRange struct{ Key, Min, Max int16 }

// Wire walks the response.
func (m *ApiVersionsResponse) Wire(c *Codec) {
	m.Error.Wire(c)
	Vec(c, &m.Keys, 6, func(c *Codec, k *APIVersionRange) { c.I16(&k.Key); c.I16(&k.Min); c.I16(&k.Max) })
	c.String(&m.PlatformVersion)
}
