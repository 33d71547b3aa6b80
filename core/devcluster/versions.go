package devcluster

import (
	"regexp"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// apiVersions answers what the server speaks. The SC hangs up on a client version that is not semver; an SPU takes an
// empty one for an old client and offers it StreamFetch up to 15 only.
var apiVersions = api{
	key: wire.KeyApiVersions, name: "ApiVersions", hidden: true, canFail: true,
	request: func() wire.Message { return &wire.ApiVersionsRequest{} },
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.ApiVersionsRequest)
		resp := &wire.ApiVersionsResponse{PlatformVersion: "0.0.0"}
		if c.srv.role == wire.SC {
			if !semver.MatchString(m.ClientVersion) {
				return errHangUp
			}
			resp.PlatformVersion = scPlatformVersion
		}
		for _, a := range c.srv.apis {
			if a.hidden {
				continue
			}
			top := a.max
			if c.srv.role == wire.SPU && a.key == wire.KeyStreamFetch && m.ClientVersion == "" {
				top = 15
			}
			resp.Keys = append(resp.Keys, wire.APIVersionRange{Key: int16(a.key), Min: a.min, Max: top})
		}
		resp.Error = r.verdict(target{partition: -1}, wire.ErrorCode{})
		return r.reply(resp)
	},
}

var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
