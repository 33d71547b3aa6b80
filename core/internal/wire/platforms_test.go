package wire

import (
	"fmt"
	"slices"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/stretchr/testify/require"
)

// history is what the protocol's description says of the releases, beside the table in platforms.go: the number of the
// SPU's requests, the number of the SC's, and the least version of List and Watch.
var history = map[string][3]int16{
	"0.10.9": {19, 11, 10}, "0.10.10": {19, 11, 10}, "0.10.11": {20, 11, 10}, "0.10.12": {20, 11, 10}, "0.10.13": {21, 12, 11},
	"0.10.14": {22, 12, 11}, "0.10.17": {22, 12, 11}, "0.11.0": {22, 12, 11}, "0.11.5": {22, 12, 11}, "0.11.6": {23, 13, 12},
	"0.11.7": {23, 14, 13}, "0.11.9": {23, 14, 13}, "0.11.10": {23, 15, 14}, "0.11.11": {23, 16, 15}, "0.11.12": {23, 17, 16},
	"0.12.0": {23, 17, 16}, "0.12.1": {23, 17, 16}, "0.13.0": {23, 18, 15}, "0.14.1": {23, 18, 15}, "0.16.1": {23, 18, 15},
	"0.17.0": {23, 18, 15}, "0.17.1": {23, 18, 15}, "0.17.2": {24, 18, 15}, "0.17.3": {24, 19, 15}, "0.18.0": {25, 19, 15},
	"0.18.1": {25, 19, 15}, "0.18.2-dev-1": {25, 19, 15}, "HEAD": {25, 19, 15}, "head": {25, 19, 15},
	// A line of releases is its newest one.
	"0.10": {22, 12, 11}, "0.11": {23, 17, 16}, "0.12": {23, 17, 16}, "0.16": {23, 18, 15}, "0.17": {24, 19, 15}, "0.18": {25, 19, 15},
}

func negotiated(t *testing.T, role Role, platform string) *Versions {
	keys, err := PlatformVersions(role, platform)
	require.NoError(t, err, platform)
	version := "0.0.0"
	if role == SC {
		version, err = ResolvePlatform(platform)
		require.NoError(t, err)
	}
	return Negotiate(role, &ApiVersionsResponse{Keys: keys, PlatformVersion: version})
}

// TestNegotiationWithEveryPlatform: with every release there is, each request gets the version that both sides know, or an
// error that says from which release on it would.
func TestNegotiationWithEveryPlatform(t *testing.T) {
	for _, p := range Platforms() {
		require.Contains(t, history, p)
	}
	check := func(v *Versions, platform string, key uint16, want int16, since string) {
		got, err := v.For(key)
		if want != 0 {
			require.NoError(t, err, "%s, %s %d", platform, v.Role, key)
			require.Equal(t, want, got, "%s, %s %d", platform, v.Role, key)
			api := LookupAPI(v.Role, key)
			require.True(t, api.Min <= got && got <= api.Max)
			return
		}
		require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err), "%s, %s %d", platform, v.Role, key)
		require.ErrorContains(t, err, "needs platform "+since+" or later", platform)
		require.ErrorContains(t, err, "does not have it", platform)
	}
	for platform, numbers := range history {
		t.Run(platform, func(t *testing.T) {
			spu, sc := numbers[0], numbers[1]
			v := negotiated(t, SPU, platform)
			produce, consumer := spu, spu
			if spu < 20 {
				produce = 8
			}
			if spu < 23 {
				consumer = 0
			}
			check(v, platform, KeyProduce, produce, "")
			check(v, platform, KeyFetch, spu, "")
			check(v, platform, KeyFetchOffsets, spu, "")
			check(v, platform, KeyStreamFetch, spu, "")
			check(v, platform, KeyUpdateConsumerOffset, consumer, "0.11.6")
			check(v, platform, KeyDeleteConsumerOffset, consumer, "0.11.6")
			check(v, platform, KeyFetchConsumerOffsets, consumer, "0.11.6")
			got, err := v.For(KeyUpdateOffsets)
			require.NoError(t, err)
			require.Zero(t, got)
			v = negotiated(t, SC, platform)
			update := sc
			if sc < 15 {
				update = 0
			}
			for _, key := range []uint16{KeyCreate, KeyDelete, KeyList, KeyWatch} {
				check(v, platform, key, sc, "")
				require.Equal(t, map[uint16]int16{KeyCreate: 9, KeyDelete: 1, KeyList: numbers[2], KeyWatch: numbers[2]}[key], v.server[key].Min)
			}
			check(v, platform, KeyUpdate, update, "0.11.10")
			_, mirroring := v.server[KeyMirroring]
			require.Equal(t, sc >= 14, mirroring)
			for _, role := range []Role{SC, SPU} {
				got, err := negotiated(t, role, platform).For(KeyApiVersions)
				require.NoError(t, err)
				require.EqualValues(t, 2, got)
			}
		})
	}
}

// TestPlatformsAnswerAsRecorded: the table of HEAD is what official servers of that platform say, in their order.
func TestPlatformsAnswerAsRecorded(t *testing.T) {
	seen := map[Role]int{}
	for _, v := range allVectors(t) {
		if v.key != KeyApiVersions || !v.response {
			continue
		}
		var m ApiVersionsResponse
		_, err := Decode(v.body(), v.version, &m)
		require.NoError(t, err)
		platform := m.PlatformVersion
		if v.role == SPU {
			require.Equal(t, "0.0.0", platform)
			platform = "HEAD"
		}
		want, err := PlatformVersions(v.role, platform)
		require.NoError(t, err)
		require.Equal(t, want, m.Keys, v.name)
		seen[v.role]++
	}
	require.Greater(t, seen[SC], 5)
	require.Greater(t, seen[SPU], 5)
}

func TestPlatformNames(t *testing.T) {
	for name, want := range map[string]string{
		"HEAD": HeadPlatform, "head": HeadPlatform, "0.17": "0.17.3", "0.12": "0.12.0", "0.18": "0.18.1", "0.11": "0.11.12", "0.11.6": "0.11.6",
		"0.17.1": "0.17.1", "0.18.2-dev-1": HeadPlatform, "0.12.1+build": "0.12.1+build", "0.10": "0.10.14",
	} {
		got, err := ResolvePlatform(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"", "0", "0.9", "0.10.8", "0.10.0", "0.18.3", "0.19", "1.0", "1.0.0", "x", "0.x.1", "0.17.", ".17", "0.17.1.2", "-0.17.1", "0.99999999999.1", "0.17-rc1", "0.17.1-", "0.017.1", "0.17.1-a b"} {
		_, err := ResolvePlatform(name)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), name)
		require.ErrorContains(t, err, "0.10.9 to 0.18.2-dev-1", name)
		_, err = PlatformVersions(SPU, name)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), name)
	}
	sorted := slices.IsSortedFunc(platforms, func(a, b platform) int {
		x, _ := releaseNumbers(a.release)
		y, _ := releaseNumbers(b.release)
		return slices.Compare(x, y)
	})
	require.True(t, sorted, "PlatformVersions searches this table by halves")
}

// TestServersOfTomorrow: a server that raised its numbers is used at ours where it still has them, and refused, with a word
// about what to do, where it has not.
func TestServersOfTomorrow(t *testing.T) {
	spu := Negotiate(SPU, &ApiVersionsResponse{Keys: []APIVersionRange{
		{int16(KeyProduce), 0, 26}, {int16(KeyFetchOffsets), 26, 26}, {int16(KeyStreamFetch), 0, 26}, {int16(KeyUpdateOffsets), 0, 0}, {int16(KeyDeleteConsumerOffset), 20, 24},
	}})
	for key, want := range map[uint16]int16{
		KeyProduce: 25, KeyStreamFetch: 25, KeyUpdateOffsets: 0, KeyUpdateConsumerOffset: 25,
		KeyFetchOffsets:         25, // always advertised as the newest number alone
		KeyDeleteConsumerOffset: 24, // should it be advertised one day
	} {
		got, err := spu.For(key)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	sc := Negotiate(SC, &ApiVersionsResponse{PlatformVersion: "2.0.0", Keys: []APIVersionRange{{int16(KeyList), 20, 30}, {int16(KeyWatch), 15, 30}}})
	got, err := sc.For(KeyWatch)
	require.NoError(t, err)
	require.EqualValues(t, 19, got)
	_, err = sc.For(KeyList)
	require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "List versions 11 to 19, the SC (platform 2.0.0) speaks 20 to 30")
	require.ErrorContains(t, err, "use a newer libfluvio")
	old := Negotiate(SPU, &ApiVersionsResponse{Keys: []APIVersionRange{{int16(KeyStreamFetch), 0, 22}}})
	_, err = old.For(KeyFetchConsumerOffsets)
	require.ErrorContains(t, err, "FetchConsumerOffsets versions 23 to 25, the SPU does not have it, speaking StreamFetch 0 to 22 [hint: the cluster needs platform 0.11.6 or later")
}

// TestEveryRequestHasAPlatform: the release named to a user is the first one with the request.
func TestEveryRequestHasAPlatform(t *testing.T) {
	want := map[string]string{"SC Update": "0.11.10", "SPU UpdateConsumerOffset": "0.11.6", "SPU DeleteConsumerOffset": "0.11.6", "SPU FetchConsumerOffsets": "0.11.6"}
	for i := range APIs {
		name := fmt.Sprint(APIs[i].Role, " ", APIs[i].Name)
		first, ok := want[name]
		if !ok {
			first = "0.10.9"
		}
		require.Equal(t, first, APIs[i].platform(), name)
		require.Equal(t, first == "0.11.6", APIs[i].Unlisted(), name)
	}
}
