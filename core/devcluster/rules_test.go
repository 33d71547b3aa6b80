package devcluster

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// What retention takes from the topic of consumer offsets is not needed any more: a checkpoint repeats everything.
func TestCheckpointsOutliveRetention(t *testing.T) {
	o := Options{DataDir: t.TempDir()}
	cl := startCluster(t, o)
	require.NoError(t, cl.CreateTopic("t", 1))
	p := dialSPU(t, cl, 0)
	p.produce("t", "a")
	store := func(consumer string, offset int64) {
		code := p.storeOffset("t", 0, consumer, offset)
		require.True(t, code.Ok())
	}
	store("early", 7)
	for i := range int64(120) {
		store("c", i)
	}
	require.NoError(t, cl.EvictBefore(systemTopic, 0, 100))
	start, _, _, err := cl.Offsets(systemTopic, 0)
	require.NoError(t, err)
	require.Positive(t, start)
	require.NoError(t, cl.Close())
	cl = startCluster(t, o)
	require.Equal(t, map[string]int64{"early t-0": 7, "c t-0": 119}, dialSPU(t, cl, 0).storedOffsets())
}

// Offsets of partitions that are not there are stored, and not listed; early platforms list them.
func TestOffsetsOfVanishedPartitions(t *testing.T) {
	for platform, want := range map[string]map[string]int64{"HEAD": {}, "0.11.6": {"c ghost-3": 5}} {
		cl := startCluster(t, Options{PlatformVersion: platform})
		p := dialSPU(t, cl, 0)
		value, err := wire.Append(nil, 0, &consumerRecord{consumerUpdated, wire.ConsumerOffset{Topic: "ghost", Partition: 3, ConsumerID: "c", Offset: 5}})
		require.NoError(t, err)
		p.produce(systemTopic, string(value))
		var m wire.FetchConsumerOffsetsResponse
		p.call(wire.KeyFetchConsumerOffsets, 23, &wire.FetchConsumerOffsetsRequest{}, &m)
		got := map[string]int64{}
		for _, c := range m.Consumers {
			got[c.ConsumerID+" "+wire.PartitionName(c.Topic, c.Partition)] = c.Offset
		}
		require.Equal(t, want, got, platform)
	}
}

// A client that deletes the topic of consumer offsets by force gets a new, empty one.
func TestSystemTopicComesBack(t *testing.T) {
	cl := startCluster(t, Options{SystemTopicInterval: time.Millisecond})
	require.NoError(t, cl.CreateTopic("t", 1))
	p, sc := dialSPU(t, cl, 0), dialSC(t, cl)
	p.produce("t", "a")
	code := p.storeOffset("t", 0, "c", 1)
	require.True(t, code.Ok())
	topics := sc.watch(wire.LabelTopic)
	topics.next()
	s := sc.deleteObject(wire.DeleteRequest{Label: wire.LabelTopic, Name: systemTopic, Force: true})
	require.True(t, s.Error.Ok())
	topics.until(func(kind uint8, o *wire.Object) bool {
		return o.Name == systemTopic && kind != wire.ChangeDelete && o.Status.(*wire.TopicStatus).Resolution == wire.TopicProvisioned
	})
	require.Empty(t, p.storedOffsets())
	code = p.storeOffset("t", 0, "c", 2)
	require.True(t, code.Ok())
	require.Equal(t, map[string]int64{"c t-0": 2}, p.storedOffsets())
}

func TestFollowersAreSpread(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 3})
	require.NoError(t, cl.CreateTopicWith("t", TopicOptions{Partitions: 6, Replication: 2}))
	follows := map[int32]int{}
	for i := range uint32(6) {
		spec, _ := cl.partition("t", i).object()
		follows[spec.Replicas[1]]++
	}
	require.Equal(t, map[int32]int{5001: 2, 5002: 2, 5003: 2}, follows)
}

func TestStoppedFollowers(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 3})
	require.NoError(t, cl.CreateTopicWith("t", TopicOptions{Replication: 3}))
	part := cl.partition("t", 0)
	spec, status := part.object()
	require.EqualValues(t, 2, status.LSR, "both followers have everything there is")
	require.NoError(t, cl.StopSPU(spec.Replicas[1]))
	p := dialSPU(t, cl, int(spec.Leader-firstSPU))
	p.produce("t", "a")
	_, status = part.object()
	require.EqualValues(t, 1, status.LSR, "one lags")
	// Any negative isolation waits for the replicas, not only -1.
	for _, isolation := range []int16{-1, -2, -32768} {
		out := p.produceTo("t", isolation, 20, wire.ProducePartition{Records: batch("b")})[0]
		require.Equal(t, fluvioerr.ServerRequestTimedOut, out.Error.Code, isolation)
	}
	require.NoError(t, cl.StartSPU(spec.Replicas[1]))
	_, status = part.object()
	require.EqualValues(t, 2, status.LSR)
	out := p.produceTo("t", -2, 20_000, wire.ProducePartition{Records: batch("c")})[0]
	require.True(t, out.Error.Ok())
}

// The partition of a remote cluster takes over the direction of its topic.
func TestAddedMirrorsKeepTheDirection(t *testing.T) {
	cl := startCluster(t, Options{})
	sc := dialSC(t, cl)
	for name, source := range map[string]bool{"to-edge": true, "from-edge": false} {
		s := sc.create(name, false, &wire.TopicSpec{Compression: wire.TopicCompressionAny,
			Replicas: wire.ReplicaSpec{Kind: wire.ReplicasMirror, Mirror: wire.MirrorConfig{Kind: wire.MirrorHome, Source: source}}})
		require.True(t, s.Error.Ok(), text(s))
		s = sc.createObject(wire.LabelMirror, "edge", &wire.MirrorSpec{Kind: wire.MirrorRemote, ID: "edge"})
		require.True(t, s.Error.Ok() || s.Error.Code == serverMirrorAlreadyExists)
		s = sc.update(wire.UpdateRequest{Name: name, Action: wire.UpdateAddMirror, RemoteCluster: "edge"})
		require.True(t, s.Error.Ok(), text(s))
		eventually(t, "the partition comes", func() bool { return cl.partition(name, 0) != nil })
		require.Equal(t, source, cl.partition(name, 0).mirror.Home.Source, name)
	}
}

// An SPU that is down cleans nothing up.
func TestNoRetentionWhileStopped(t *testing.T) {
	now := time.Now()
	cl := startCluster(t, Options{SPUs: 2, Now: func() time.Time { return now }})
	require.NoError(t, cl.CreateTopicWith("t", TopicOptions{SegmentSize: 1024, RetentionSeconds: 60}))
	leader, err := cl.Leader("t", 0)
	require.NoError(t, err)
	p := dialSPU(t, cl, int(leader-firstSPU))
	for range 6 {
		p.produce("t", string(make([]byte, 400)))
	}
	start := func() int64 {
		start, _, _, err := cl.Offsets("t", 0)
		require.NoError(t, err)
		return start
	}
	cl.AdvanceTime(time.Hour)
	require.NoError(t, cl.StopSPU(leader))
	cl.Clean()
	require.Zero(t, start())
	require.NoError(t, cl.StartSPU(leader))
	cl.Clean()
	require.Positive(t, start())
}

// Whoever starts with fewer SPUs than the folder has is told, and has the rest when they are back.
func TestFolderWithFewerSPUs(t *testing.T) {
	dir := t.TempDir()
	cl := startCluster(t, Options{SPUs: 3, DataDir: dir})
	require.NoError(t, cl.CreateTopic("t", 3))
	require.NoError(t, cl.Close())
	var log bytes.Buffer
	cl = startCluster(t, Options{SPUs: 1, DataDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.Equal(t, 1, cl.onlinePartitions("t"))
	require.Contains(t, log.String(), "started=1 needed=3")
	require.NoError(t, cl.Close())
	log.Reset()
	cl = startCluster(t, Options{SPUs: 3, DataDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.Equal(t, 3, cl.onlinePartitions("t"))
	require.NotContains(t, log.String(), "needed")
}
