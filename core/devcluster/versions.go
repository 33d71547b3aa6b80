package devcluster

import (
	"regexp"
	"slices"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// apiVersions answers what the server speaks. The SC hangs up on a client version that is not semver; an SPU takes an
// empty one for an old client and offers it StreamFetch up to 15 only.
var apiVersions = api{
	key: wire.KeyApiVersions, name: "ApiVersions", canFail: true,
	request: func() wire.Message { return &wire.ApiVersionsRequest{} },
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.ApiVersionsRequest)
		p := &c.srv.cl.platform
		resp := &wire.ApiVersionsResponse{PlatformVersion: "0.0.0", Keys: slices.Clone(p.order[c.srv.role])}
		if c.srv.role == wire.SC {
			if !semver.MatchString(m.ClientVersion) {
				return errHangUp
			}
			resp.PlatformVersion = p.version
		}
		for i := range resp.Keys {
			if k := &resp.Keys[i]; c.srv.role == wire.SPU && uint16(k.Key) == wire.KeyStreamFetch && m.ClientVersion == "" {
				k.Max = 15
			}
		}
		resp.Error = r.verdict(target{partition: -1}, wire.ErrorCode{})
		return r.reply(resp)
	},
}

var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
