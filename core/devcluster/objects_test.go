package devcluster

import (
	"encoding/binary"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func (p *peer) update(m wire.UpdateRequest) wire.Status {
	p.t.Helper()
	m.Label = wire.LabelTopic
	var s wire.Status
	p.call(wire.KeyUpdate, 19, &m, &s)
	return s
}

// Whoever watches, streams or writes while partitions are added goes on, and sees the new ones.
func TestAddedPartitionsAreSeen(t *testing.T) {
	s := newStreamTest(t, Options{SPUs: 2})
	leader, err := s.cl.Leader("s", 0)
	require.NoError(t, err)
	p := dialSPU(t, s.cl, int(leader-firstSPU))
	sc := dialSC(t, s.cl)
	topics, parts := sc.watch(wire.LabelTopic), sc.watch(wire.LabelPartition)
	topics.next()
	parts.next()
	id := p.stream("s", 0, plenty)
	status := sc.update(wire.UpdateRequest{Name: "s", Partitions: 3})
	require.True(t, status.Error.Ok())
	require.Equal(t, "s", status.Name)
	topics.until(func(_ uint8, o *wire.Object) bool {
		st := o.Status.(*wire.TopicStatus)
		return o.Spec.(*wire.TopicSpec).Replicas.Partitions == 4 && len(st.Replicas) == 4 && st.Resolution == wire.TopicProvisioned
	})
	led := map[int32]int{leader: 1}
	for online := 0; online < 3; {
		for _, c := range parts.next().Changes {
			if c.Object.Status.(*wire.PartitionStatus).Resolution == wire.PartitionOnline {
				led[c.Object.Spec.(*wire.PartitionSpec).Leader]++
				online++
			}
		}
	}
	require.Len(t, led, 2, "they are spread")
	p.produce("s", "old partition")
	f := p.frame(id)
	require.Equal(t, uint32(1), f.StreamID)
	for i := range uint32(4) {
		leader, err := s.cl.Leader("s", int32(i))
		require.NoError(t, err)
		q := dialSPU(t, s.cl, int(leader-firstSPU))
		out := q.produceTo("s", 1, 100, wire.ProducePartition{Partition: i, Records: batch("x")})
		require.True(t, out[0].Error.Ok())
	}
	// With too few SPUs the topic keeps what it has and gets the rest when they are back.
	require.NoError(t, s.cl.CreateTopicWith("two", TopicOptions{Replication: 2}))
	require.NoError(t, s.cl.StopSPU(5002))
	status = sc.update(wire.UpdateRequest{Name: "two", Partitions: 1})
	require.True(t, status.Error.Ok())
	eventually(t, "it waits", func() bool {
		s.cl.mu.Lock()
		defer s.cl.mu.Unlock()
		return s.cl.topics["two"].resolution == wire.TopicInsufficientResources
	})
	require.Nil(t, s.cl.partition("two", 1))
	require.NoError(t, s.cl.StartSPU(5002))
	require.NotNil(t, s.cl.partition("two", 1))
	// A topic of more partitions than fit here is accepted and never placed.
	status = sc.update(wire.UpdateRequest{Name: "s", Partitions: 1 << 31})
	require.True(t, status.Error.Ok())
	require.Nil(t, s.cl.partition("s", 4))
}

func TestCustomSPUs(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2, TopicWait: 20 * time.Millisecond})
	sc := dialSC(t, cl)
	spus := sc.watch(wire.LabelSPU)
	spus.next()
	s := sc.createObject(wire.LabelCustomSPU, "far", customSPUSpec(99, 9))
	require.True(t, s.Error.Ok())
	o := spus.until(func(_ uint8, o *wire.Object) bool { return o.Name == "far" })
	require.Equal(t, wire.SPUInit, o.Status.(*wire.SPUStatus).Resolution, "nothing runs there")
	require.Equal(t, wire.SPUCustom, o.Spec.(*wire.SPUSpec).Type)
	require.NoError(t, cl.Resync())
	// It counts as registered, and is never chosen.
	assigned := &wire.TopicSpec{Replicas: wire.ReplicaSpec{Assigned: []wire.PartitionMap{{Replicas: []int32{99}}}}}
	s = sc.create("assigned", false, assigned)
	require.Equal(t, fluvioerr.ServerTopicNotProvisioned, s.Error.Code)
	require.Equal(t, "only 0 out of 1 provisioned", text(s))
	_, parts := sc.list(wire.LabelPartition, false)
	require.Equal(t, wire.PartitionOffline, parts[0].Status.(*wire.PartitionStatus).Resolution, "it never was online")
	require.Equal(t, int32(-1), parts[0].Status.(*wire.PartitionStatus).Leader.SPU)
	s = sc.create("wide", false, computed(1, 3))
	require.Equal(t, fluvioerr.ServerTopicNotProvisioned, s.Error.Code)

	// One of the cluster's own SPUs can be taken out, and registered again with another address: that of a proxy, say.
	id := int32(5002)
	s = sc.deleteObject(wire.DeleteRequest{Label: wire.LabelCustomSPU, ID: &id})
	require.True(t, s.Error.Ok())
	s = sc.create("unplaced", false, computed(1, 2))
	require.Equal(t, fluvioerr.ServerTopicNotProvisioned, s.Error.Code)
	s = sc.createObject(wire.LabelCustomSPU, "proxied", customSPUSpec(5002, 4711))
	require.True(t, s.Error.Ok())
	require.NotNil(t, cl.partition("unplaced", 0), "now there are enough")
	_, objects := sc.list(wire.LabelSPU, false, "proxied")
	require.Equal(t, "127.0.0.1:4711", objects[0].Spec.(*wire.SPUSpec).PublicAddr(false))
	require.Equal(t, wire.SPUOnline, objects[0].Status.(*wire.SPUStatus).Resolution)
	require.NoError(t, cl.StopSPU(5002))
	_, objects = sc.list(wire.LabelSPU, false, "proxied")
	require.Equal(t, wire.SPUOffline, objects[0].Status.(*wire.SPUStatus).Resolution)
}

func TestMirrorTopicsRefuseProducers(t *testing.T) {
	cl := startCluster(t, Options{})
	sc, p := dialSC(t, cl), dialSPU(t, cl, 0)
	mirror := func(m wire.MirrorConfig) *wire.TopicSpec {
		return &wire.TopicSpec{Compression: wire.TopicCompressionAny, Replicas: wire.ReplicaSpec{Kind: wire.ReplicasMirror, Mirror: m}}
	}
	home := []wire.HomePartition{{RemoteCluster: "edge", RemoteReplica: "x-0"}}
	source := []wire.HomePartition{{RemoteCluster: "edge", RemoteReplica: "x-0", Source: true}}
	away := []wire.MirrorSPU{{ID: 1, Key: "k", Endpoint: "e"}}
	for name, row := range map[string]struct {
		config wire.MirrorConfig
		code   fluvioerr.ServerCode
	}{
		"home":   {wire.MirrorConfig{Kind: wire.MirrorHome, Partitions: home}, serverMirrorProduceHome},
		"source": {wire.MirrorConfig{Kind: wire.MirrorHome, Partitions: source, Source: true}, 0},
		"edge":   {wire.MirrorConfig{Kind: wire.MirrorRemote, HomeCluster: "h", HomeSPUs: away}, 0},
		"target": {wire.MirrorConfig{Kind: wire.MirrorRemote, HomeCluster: "h", HomeSPUs: away, Target: true}, serverMirrorProduceTarget},
	} {
		s := sc.create(name, false, mirror(row.config))
		require.True(t, s.Error.Ok(), text(s))
		out := p.produceTo(name, 1, 100, wire.ProducePartition{Records: batch("a")})[0]
		require.Equal(t, row.code, out.Error.Code, name)
		_, topics := sc.list(wire.LabelTopic, false, name)
		require.Len(t, topics[0].Status.(*wire.TopicStatus).Mirrors, 1)
		s = sc.deleteObject(wire.DeleteRequest{Label: wire.LabelTopic, Name: name})
		require.Equal(t, row.config.Kind == wire.MirrorRemote, s.Error.Code == serverMirrorFromRemote)
	}
	// Without partitions there is nothing to place; each remote brings one.
	s := sc.create("hub", false, mirror(wire.MirrorConfig{Kind: wire.MirrorHome}))
	require.True(t, s.Error.Ok())
	s = sc.createObject(wire.LabelMirror, "edge1", &wire.MirrorSpec{Kind: wire.MirrorRemote, ID: "edge1"})
	require.True(t, s.Error.Ok())
	s = sc.createObject(wire.LabelMirror, "up", &wire.MirrorSpec{Kind: wire.MirrorHome, ID: "up"})
	require.True(t, s.Error.Ok())
	s = sc.update(wire.UpdateRequest{Name: "hub", Action: wire.UpdateAddMirror, RemoteCluster: "up"})
	require.Equal(t, serverMirrorInvalidType, s.Error.Code)
	s = sc.update(wire.UpdateRequest{Name: "edge", Action: wire.UpdateAddMirror, RemoteCluster: "edge1"})
	require.Equal(t, serverTopicReplicaType, s.Error.Code)
	s = sc.update(wire.UpdateRequest{Name: "hub", Action: wire.UpdateAddMirror, RemoteCluster: "edge1"})
	require.True(t, s.Error.Ok())
	eventually(t, "the partition comes", func() bool { return cl.partition("hub", 0) != nil })
	require.Equal(t, wire.HomePartition{RemoteCluster: "edge1", RemoteReplica: "hub-0"}, cl.partition("hub", 0).mirror.Home)
}

func TestSummariesOfSmartModules(t *testing.T) {
	cl := startCluster(t, Options{})
	sc := dialSC(t, cl)
	watch := func(summary bool) *watcher {
		return &watcher{peer: sc, id: sc.send(wire.KeyWatch, 19, &wire.WatchRequest{Label: wire.LabelSmartModule, Summary: summary}), epoch: -1}
	}
	short, long := watch(true), watch(false)
	require.Empty(t, short.next().All)
	require.Empty(t, long.next().All)
	s := sc.createObject(wire.LabelSmartModule, "m", &wire.SmartModuleSpec{Payload: []byte("wasm")})
	require.True(t, s.Error.Ok())
	n := uint32(4)
	require.Equal(t, &wire.SmartModuleSpec{WasmLength: &n}, short.next().Changes[0].Object.Spec)
	require.Equal(t, &wire.SmartModuleSpec{Payload: []byte("wasm")}, long.next().Changes[0].Object.Spec)
	require.NoError(t, cl.Resync())
	var all wire.MetadataUpdate
	sc.receive(short.id, 19, &all)
	require.Equal(t, &n, all.All[0].Spec.(*wire.SmartModuleSpec).WasmLength)
	s = sc.deleteObject(wire.DeleteRequest{Label: wire.LabelSmartModule, Name: "m"})
	require.True(t, s.Error.Ok())
	sc.receive(short.id, 19, &all)
	require.Equal(t, []byte("wasm"), all.Changes[0].Object.Spec.(*wire.SmartModuleSpec).Payload, "deletes are whole")
	for version, semver := range map[string]bool{"1.0.0": true, "1.0": false} {
		meta := &wire.SmartModuleMeta{Package: wire.SmartModulePackage{Name: "n", Group: "g", Version: version, APIVersion: "0.1.0"}}
		p := dialSC(t, cl)
		id := p.send(wire.KeyCreate, 19, &wire.CreateRequest{Label: wire.LabelSmartModule, Name: "x", Spec: &wire.SmartModuleSpec{Meta: meta}})
		if !semver {
			p.awaitHangUp()
			continue
		}
		p.receive(id, 19, &s)
		require.Equal(t, "n-g-1.0.0", s.Name)
	}
}

func TestConsumerOffsetsOnSeveralSPUs(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2, SystemTopicInterval: time.Hour})
	require.NoError(t, cl.MoveLeader(systemTopic, 0, 5001))
	require.NoError(t, cl.CreateTopic("t", 1))
	require.NoError(t, cl.MoveLeader("t", 0, 5002))
	keeper, other := dialSPU(t, cl, 0), dialSPU(t, cl, 1)
	other.produce("t", "a")
	code := other.storeOffset("t", 0, "c", 5)
	require.True(t, code.Ok(), "it is passed on")
	require.Equal(t, map[string]int64{"c t-0": 5}, keeper.storedOffsets())
	var list wire.FetchConsumerOffsetsResponse
	other.call(wire.KeyFetchConsumerOffsets, 25, &wire.FetchConsumerOffsetsRequest{}, &list)
	require.Equal(t, fluvioerr.ServerPartitionNotLeader, list.Error.Code)
	var deleted wire.DeleteConsumerOffsetResponse
	other.call(wire.KeyDeleteConsumerOffset, 25, &wire.DeleteConsumerOffsetRequest{Topic: "t", ConsumerID: "c"}, &deleted)
	require.Equal(t, fluvioerr.ServerPartitionNotLeader, deleted.Error.Code)

	require.NoError(t, cl.StopSPU(5001))
	code = other.storeOffset("t", 0, "c", 6)
	require.Equal(t, fluvioerr.ServerOther, code.Code, "the keeper is away")
	require.NoError(t, cl.StartSPU(5001))
	require.NoError(t, cl.FailAppends(systemTopic, 0, fluvioerr.ServerStorageError))
	code = other.storeOffset("t", 0, "c", 6)
	require.Equal(t, fluvioerr.ServerOther, code.Code)
	require.NoError(t, cl.FailAppends(systemTopic, 0, 0))
	require.Equal(t, map[string]int64{"c t-0": 5}, dialSPU(t, cl, 0).storedOffsets())
	require.NoError(t, cl.MoveLeader(systemTopic, 0, 5002))
	require.Equal(t, map[string]int64{"c t-0": 5}, other.storedOffsets(), "they move with the partition")
	require.NoError(t, cl.DeleteTopic("t"))
	require.Empty(t, other.storedOffsets())

	require.NoError(t, cl.CreateTopic("u", 1))
	leader, err := cl.Leader("u", 0)
	require.NoError(t, err)
	p := dialSPU(t, cl, int(leader-firstSPU))
	p.produce("u", "a")
	require.NoError(t, cl.DeleteTopic(systemTopic))
	code = p.storeOffset("u", 0, "c", 1)
	require.Equal(t, fluvioerr.ServerTopicNotFound, code.Code)
}

// Any client may write to the system topic: what makes no sense there is passed over.
func TestConsumerOffsetsSurviveForeignRecords(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopic("t", 1))
	p := dialSPU(t, cl, 0)
	p.produce("t", "a")
	p.produce(systemTopic, "", "nonsense", "\x07", "\x00\xff\xff\xff\xff")
	p.produceTo(systemTopic, 1, 100, wire.ProducePartition{Records: batchOf(wire.CompressionGzip, "not really gzip")})
	code := p.storeOffset("t", 0, "c", 3)
	require.True(t, code.Ok())
	require.Equal(t, map[string]int64{"c t-0": 3}, p.storedOffsets())
}

func TestFaultNoCredit(t *testing.T) {
	s := newStreamTest(t, Options{})
	for range 3 {
		s.produce("s", string(make([]byte, 100)))
	}
	size := int32(len(batch(string(make([]byte, 100)))))
	h := addRule(t, s.cl, Rule{API: "StreamFetch", Partition: -1, Count: 2, Action: Action{Kind: ActionNoCredit}})
	id := s.stream("s", 0, size)
	for base := range int64(3) { // two frames nobody asked for, then the rule is used up
		f := s.frame(id)
		got, _ := values(t, f.Partition.Records)
		require.Equal(t, base, got)
	}
	s.sent(3)
	require.Equal(t, 2, h.Hits())
	s.ack(1, 3)
	s.produce("s", "next")
	s.data(id, 1, 3, "next")
	h = addRule(t, s.cl, Rule{API: "StreamFetch", Partition: -1, Action: Action{Kind: ActionNoCredit}})
	s.ack(1, 0)
	for range 4 {
		s.frame(id)
	}
	s.produce("s", "more") // everything was credited, so this comes by itself
	s.data(id, 1, 4, "more")
	_, err := s.cl.AddRule(Rule{API: "Produce", Action: Action{Kind: ActionNoCredit}})
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
	require.Equal(t, 5, h.Hits())
}

func TestFaultOversize(t *testing.T) {
	cl, _ := startProduce(t, Options{})
	for announced, want := range map[int]uint32{0: 1<<31 - 1, 300 << 20: 300 << 20} {
		addRule(t, cl, Rule{API: "FetchOffsets", Partition: -1, Count: 1, Action: Action{Kind: ActionOversize, Bytes: announced}})
		p := &peer{t: t, nc: mustDial(t, cl.SPUEndpoints()[0])}
		p.send(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{})
		got := make([]byte, 8)
		_, err := io.ReadFull(p.nc, got)
		require.NoError(t, err)
		require.Equal(t, want, binary.BigEndian.Uint32(got))
		require.Equal(t, uint32(1), binary.BigEndian.Uint32(got[4:]), "the message follows")
		require.NoError(t, p.nc.Close())
	}
}

func TestFaultsOfConsumerOffsets(t *testing.T) {
	cl, p := startProduce(t, Options{})
	p.produce("t", "a")
	action := Action{Kind: ActionError, Code: fluvioerr.ServerPermissionDenied}
	for _, on := range []Phase{OnRequest, OnAnswer} {
		for _, api := range []string{"UpdateConsumerOffset", "DeleteConsumerOffset", "FetchConsumerOffsets", "Fetch", "Update"} {
			addRule(t, cl, Rule{API: api, Topic: "t", Partition: -1, On: on, Count: 1, Action: action})
		}
		one, c := "c", wire.ConsumerReplica{Topic: "t"}
		f := p.frame(p.send(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: "t", MaxBytes: plenty, ConsumerID: &one}))
		var fetched wire.FetchResponse
		p.call(wire.KeyFetch, 25, &wire.FetchRequest{MaxBytes: plenty, Topics: []wire.FetchTopic{{Name: "t", Partitions: []wire.FetchPartition{{}}}}}, &fetched)
		require.Equal(t, action.Code, fetched.Topics[0].Partitions[0].Error.Code)
		require.Empty(t, fetched.Topics[0].Partitions[0].Records)
		s := dialSC(t, cl).update(wire.UpdateRequest{Name: "t", Partitions: 1})
		require.Equal(t, action.Code, s.Error.Code)
		var list wire.FetchConsumerOffsetsResponse
		p.call(wire.KeyFetchConsumerOffsets, 25, &wire.FetchConsumerOffsetsRequest{Filter: &wire.ConsumerFilter{Replica: &c}}, &list)
		require.Equal(t, action.Code, list.Error.Code)
		var deleted wire.DeleteConsumerOffsetResponse
		p.call(wire.KeyDeleteConsumerOffset, 25, &wire.DeleteConsumerOffsetRequest{Topic: "t", ConsumerID: one}, &deleted)
		require.Equal(t, action.Code, deleted.Error.Code)
		var stored wire.UpdateConsumerOffsetResponse
		p.call(wire.KeyUpdateConsumerOffset, 25, &wire.UpdateConsumerOffsetRequest{Offset: 4, SessionID: f.StreamID}, &stored)
		require.Equal(t, action.Code, stored.Error.Code)
		require.Zero(t, stored.Offset)
		require.Equal(t, on == OnAnswer, len(p.storedOffsets()) == 1, "carried out or not")
	}
}
