package devcluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// startPlatform starts a cluster that behaves like a release, with a topic t of one partition.
func startPlatform(t *testing.T, version string) (cl *Cluster, sc, spu *peer) {
	cl = startCluster(t, Options{PlatformVersion: version})
	require.NoError(t, cl.CreateTopic("t", 1))
	return cl, dialSC(t, cl), dialSPU(t, cl, 0)
}

func TestEveryPlatformAdvertisesWhatItServes(t *testing.T) {
	for _, version := range wire.Platforms() {
		t.Run(version, func(t *testing.T) {
			cl, sc, spu := startPlatform(t, version)
			for role, p := range map[wire.Role]*peer{wire.SC: sc, wire.SPU: spu} {
				var got wire.ApiVersionsResponse
				p.call(wire.KeyApiVersions, 2, &wire.ApiVersionsRequest{ClientVersion: "0.50.2"}, &got)
				want, err := wire.PlatformVersions(role, version)
				require.NoError(t, err)
				require.Equal(t, want, got.Keys)
				if role == wire.SC {
					require.Equal(t, version, got.PlatformVersion)
				} else {
					require.Equal(t, "0.0.0", got.PlatformVersion)
				}
				// Everything a client may use by this answer works, and nothing else is served.
				common := wire.Negotiate(role, &got)
				for _, key := range []uint16{wire.KeyMirroring, wire.KeyUpdate, wire.KeyDeleteConsumerOffset, wire.KeyFetchConsumerOffsets} {
					n, err := common.For(key)
					known := err == nil
					fresh := dial(t, role, p.nc.RemoteAddr().String())
					switch {
					case !known:
						fresh.send(key, 19, &wire.FetchConsumerOffsetsRequest{})
						fresh.awaitHangUp()
					case role == wire.SPU && key == wire.KeyFetchConsumerOffsets:
						var m wire.FetchConsumerOffsetsResponse
						fresh.call(key, n, &wire.FetchConsumerOffsetsRequest{}, &m)
						require.True(t, m.Error.Ok())
					case role == wire.SPU && key == wire.KeyDeleteConsumerOffset:
						var m wire.DeleteConsumerOffsetResponse
						fresh.call(key, n, &wire.DeleteConsumerOffsetRequest{Topic: "t"}, &m)
						require.True(t, m.Error.Ok())
					case role == wire.SC && key == wire.KeyUpdate:
						var s wire.Status
						fresh.call(key, n, &wire.UpdateRequest{Label: wire.LabelTopic, Name: "t", Partitions: 1}, &s)
						require.True(t, s.Error.Ok())
						eventually(t, "the new partition comes", func() bool { return cl.partition("t", 1) != nil })
					}
				}
			}
			require.Equal(t, cl.platform.since("0.11.6"), cl.consumerPartition() != nil)
		})
	}
}

func TestPlatformBeforeFilters(t *testing.T) {
	for version, filtered := range map[string]bool{"0.11.6": false, "0.17.1": false, "0.17.2": true, "HEAD": true} {
		cl, _, p := startPlatform(t, version)
		p.produce("t", "a")
		for _, id := range []string{"one", "two"} {
			p.send(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: "t", MaxBytes: plenty, ConsumerID: &id})
		}
		for session := range 2 {
			// An old server answers a newer request in the newest layout that it knows.
			var m wire.UpdateConsumerOffsetResponse
			p.call(wire.KeyUpdateConsumerOffset, 25, &wire.UpdateConsumerOffsetRequest{SessionID: uint32(session + 1)}, &m)
			require.True(t, m.Error.Ok())
		}
		one := "one"
		var m wire.FetchConsumerOffsetsResponse
		p.call(wire.KeyFetchConsumerOffsets, 25, &wire.FetchConsumerOffsetsRequest{Filter: &wire.ConsumerFilter{ConsumerID: &one}}, &m)
		require.Equal(t, filtered, len(m.Consumers) == 1, "%s: %v", version, m.Consumers)
		// A topic made anew inherits what was stored for the old one, until 0.17.0.
		require.NoError(t, cl.DeleteTopic("t"))
		require.NoError(t, cl.CreateTopic("t", 1))
		p.call(wire.KeyFetchConsumerOffsets, 25, &wire.FetchConsumerOffsetsRequest{}, &m)
		require.Equal(t, cl.platform.since("0.17.0"), len(m.Consumers) == 0, version)
	}
}

func TestPlatformBeforeSignals(t *testing.T) {
	cl, _, p := startPlatform(t, "0.11.4")
	for range 3 {
		p.produce("t", "a")
	}
	require.NoError(t, cl.EvictBefore("t", 0, 2))
	f := p.frame(p.stream("t", 0, plenty))
	require.Equal(t, fluvioerr.ServerOther, f.Partition.Error.Code, "no code for evicted offsets yet")
	id := p.stream("t", 2, plenty)
	p.frame(id)
	require.NoError(t, cl.DeleteTopic("t"))
	require.NoError(t, cl.CreateTopic("t", 1))
	p.produce("t", "b") // answered, so the stream would have spoken
	require.Empty(t, p.box(id), "the deletion is not signalled")

	for _, wrong := range []string{"0.9.0", "1.0.0", "newest"} {
		_, err := Start(t.Context(), Options{PlatformVersion: wrong})
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.ErrorContains(t, err, "platform_version")
	}
}

func TestPlatformBeforeMirrors(t *testing.T) {
	_, sc, _ := startPlatform(t, "0.11.6")
	var s wire.Status
	sc.call(wire.KeyCreate, 13, &wire.CreateRequest{Label: wire.LabelMirror, Name: "m", Spec: &wire.MirrorSpec{}}, &s)
	require.Equal(t, "create error", s.Name)
	sc.send(wire.KeyList, 13, &wire.ListRequest{Label: wire.LabelMirror})
	sc.awaitHangUp()
}
