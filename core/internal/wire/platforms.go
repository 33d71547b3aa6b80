package wire

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// HeadPlatform is the newest platform version this package was written for. "HEAD" names it, too.
const HeadPlatform = "0.18.2-dev-1"

// platform is what servers of a release, and of those after it up to the next row, advertise.
type platform struct {
	release string
	spu     int16 // the number shared by the requests of an SPU
	sc      int16 // the number shared by the requests of the SC
	list    int16 // the least version of List and Watch
}

// platforms holds every release at which one of the numbers changed, and the last ones.
var platforms = []platform{
	{"0.10.9", 19, 11, 10},
	{"0.10.11", 20, 11, 10}, // lookback; Produce joins the shared number
	{"0.10.13", 21, 12, 11}, // age of lookback; deduplication of topics
	{"0.10.14", 22, 12, 11},
	{"0.11.6", 23, 13, 12},  // consumer offsets; system topics
	{"0.11.7", 23, 14, 13},  // mirrors
	{"0.11.10", 23, 15, 14}, // Update
	{"0.11.11", 23, 16, 15}, // first offset kept in the status of partitions
	{"0.11.12", 23, 17, 16},
	{"0.13.0", 23, 18, 15}, // direction of mirrors
	{"0.17.2", 24, 18, 15}, // filter of consumer offsets
	{"0.17.3", 24, 19, 15}, // visibility of SmartModules
	{"0.18.0", 25, 19, 15}, // name in invocations of SmartModules
	{"0.18.1", 25, 19, 15},
	{HeadPlatform, 25, 19, 15},
}

// Platforms lists the releases from the first that libfluvio speaks to, at which what servers advertise has changed, and
// the newest ones, in ascending order.
func Platforms() []string {
	out := make([]string, len(platforms))
	for i := range platforms {
		out[i] = platforms[i].release
	}
	return out
}

// ResolvePlatform completes the name of a platform: a version as "0.17.1", "HEAD", or a line of releases as "0.17", which is
// its newest release in Platforms. Releases between those of Platforms are fine, ones before the first and after HEAD are
// InvalidArgument errors: what those advertise is not known.
func ResolvePlatform(name string) (string, error) {
	if strings.EqualFold(name, "HEAD") {
		return HeadPlatform, nil
	}
	version := name
	numbers, ok := releaseNumbers(name)
	if ok && len(numbers) == 2 {
		version, numbers = name+".0", append(numbers, 0)
		for i := range platforms {
			if n, _ := releaseNumbers(platforms[i].release); slices.Equal(n[:2], numbers[:2]) && platforms[i].release != HeadPlatform {
				version, numbers = platforms[i].release, n
			}
		}
	}
	first, _ := releaseNumbers(platforms[0].release)
	head, _ := releaseNumbers(HeadPlatform)
	if !ok || slices.Compare(numbers, first) < 0 || slices.Compare(numbers, head) > 0 {
		return "", fluvioerr.New(fluvioerr.InvalidArgument, "choose platform", "platform %q is not known", name).
			WithHint("use a version from " + platforms[0].release + " to " + HeadPlatform + ", a line of releases like 0.17, or HEAD")
	}
	return version, nil
}

// release is semver, of which the third number and what follows it may be missing.
var release = regexp.MustCompile(`^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8})(?:[-+][0-9A-Za-z.+-]+)?)?$`)

// releaseNumbers gives the two or three numbers of a version; what follows a '-' or '+' does not count.
func releaseNumbers(version string) ([]int, bool) {
	m := release.FindStringSubmatch(version)
	if m == nil {
		return nil, false
	}
	out := make([]int, 0, 3)
	for _, digits := range m[1:] {
		if n, err := strconv.Atoi(digits); err == nil {
			out = append(out, n)
		}
	}
	return out, true
}

// PlatformVersions is what a server of a platform answers to ApiVersions, in its order. See ResolvePlatform for the names.
func PlatformVersions(role Role, name string) ([]APIVersionRange, error) {
	version, err := ResolvePlatform(name)
	if err != nil {
		return nil, err
	}
	numbers, _ := releaseNumbers(version)
	i, exact := slices.BinarySearchFunc(platforms, numbers, func(p platform, n []int) int {
		have, _ := releaseNumbers(p.release)
		return slices.Compare(have, n)
	})
	if !exact {
		i--
	}
	return platforms[i].advertises(role), nil
}

func (p *platform) advertises(role Role) []APIVersionRange {
	if role == SPU {
		produce := p.spu
		if p.spu < 20 {
			produce = 8 // it joined the shared number later
		}
		return []APIVersionRange{
			{int16(KeyProduce), 0, produce}, {int16(KeyFetch), 0, p.spu}, {int16(KeyFetchOffsets), p.spu, p.spu},
			{int16(KeyStreamFetch), 0, p.spu}, {int16(KeyUpdateOffsets), 0, 0},
		}
	}
	out := []APIVersionRange{
		{int16(KeyCreate), 9, p.sc}, {int16(KeyDelete), 1, p.sc}, {int16(KeyList), p.list, p.sc}, {int16(KeyWatch), p.list, p.sc},
	}
	if p.sc >= 14 {
		out = append(out, APIVersionRange{int16(KeyMirroring), 14, p.sc})
	}
	if p.sc >= 15 {
		out = append(out, APIVersionRange{int16(KeyUpdate), 1, p.sc})
	}
	return out
}

// platform is the first release that has a request in a version that this package speaks.
func (a *API) platform() string {
	i := slices.IndexFunc(platforms, func(p platform) bool {
		_, ok := a.version(rangesByKey(p.advertises(a.Role)))
		return ok
	})
	return platforms[max(i, 0)].release
}
