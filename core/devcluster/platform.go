package devcluster

import (
	"slices"
	"strconv"
	"strings"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// platform is the release that the cluster behaves like.
type platform struct {
	version string
	numbers [3]int
	ranges  map[wire.Role]map[uint16]wire.APIVersionRange
	order   map[wire.Role][]wire.APIVersionRange
}

// newPlatform reads the name of a release as wire.ResolvePlatform does.
func newPlatform(name string) (platform, error) {
	version, err := wire.ResolvePlatform(name)
	if err != nil {
		return platform{}, err
	}
	p := platform{version: version, numbers: numbersOf(version), ranges: map[wire.Role]map[uint16]wire.APIVersionRange{},
		order: map[wire.Role][]wire.APIVersionRange{}}
	for _, role := range []wire.Role{wire.SC, wire.SPU} {
		all, err := wire.PlatformVersions(role, version)
		if err != nil {
			return platform{}, err
		}
		p.order[role] = all
		p.ranges[role] = map[uint16]wire.APIVersionRange{}
		for _, r := range all {
			p.ranges[role][uint16(r.Key)] = r
		}
	}
	return p, nil
}

// numbersOf gives the three numbers of a release; what follows a '-' or '+' does not count.
func numbersOf(version string) (out [3]int) {
	if i := strings.IndexAny(version, "-+"); i >= 0 {
		version = version[:i]
	}
	for i, part := range strings.SplitN(version, ".", 3) {
		out[i], _ = strconv.Atoi(part)
	}
	return out
}

// since says whether the platform is a release or later.
func (p *platform) since(release string) bool {
	want := numbersOf(release)
	return slices.Compare(p.numbers[:], want[:]) >= 0
}

// top is the newest version that the servers of a role know of a request; false if they do not know the request. Keys of
// consumer offsets are not advertised and go with StreamFetch.
func (p *platform) top(role wire.Role, key uint16) (int16, bool) {
	if key == wire.KeyApiVersions {
		return 2, true
	}
	if role == wire.SPU && key >= wire.KeyUpdateConsumerOffset && key <= wire.KeyFetchConsumerOffsets {
		return p.ranges[role][wire.KeyStreamFetch].Max, p.hasConsumerOffsets()
	}
	r, ok := p.ranges[role][key]
	return r.Max, ok
}

// accepts says whether the SC takes objects of a label in the requests of a key. What 0.11.6 had in the place of mirrors, under
// the label Remote, is refused like any unknown label.
func (p *platform) accepts(key uint16, label string) bool {
	return wire.Accepts(key, label) && (label != wire.LabelMirror || p.since("0.11.7"))
}

// readError is what a platform calls the failure of a read: early ones have no code for offsets that are gone.
func (p *platform) readError(code wire.ErrorCode) wire.ErrorCode {
	if evicted, ok := code.Payload.(*wire.EvictedPayload); ok && !p.hasOffsetEvicted() {
		return wire.Errorf("no segment found for offset: %d", evicted.Offset)
	}
	return code
}

// What releases brought, as far as clients notice.
func (p *platform) hasConsumerOffsets() bool    { return p.since("0.11.6") }
func (p *platform) hasOffsetEvicted() bool      { return p.since("0.11.6") }
func (p *platform) signalsDeletion() bool       { return p.since("0.11.5") }
func (p *platform) forgetsDeletedOffsets() bool { return p.since("0.17.0") }
