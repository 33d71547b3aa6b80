package devcluster

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// computed is a topic spec with defaults.
func computed(partitions, replication uint32) *wire.TopicSpec {
	return &wire.TopicSpec{Compression: wire.TopicCompressionAny,
		Replicas: wire.ReplicaSpec{Kind: wire.ReplicasComputed, Partitions: partitions, ReplicationFactor: replication}}
}

func (p *peer) create(name string, dry bool, spec wire.Message) wire.Status {
	p.t.Helper()
	var s wire.Status
	p.call(wire.KeyCreate, 19, &wire.CreateRequest{Label: wire.LabelTopic, Name: name, DryRun: dry, Spec: spec}, &s)
	return s
}

func (p *peer) list(label string, system bool, filters ...string) (names []string, objects []wire.Object) {
	p.t.Helper()
	var resp wire.ListResponse
	p.call(wire.KeyList, 19, &wire.ListRequest{Label: label, Filters: filters, System: system}, &resp)
	require.Equal(p.t, label, resp.Label)
	for _, o := range resp.Objects {
		names = append(names, o.Name)
	}
	return names, resp.Objects
}

func text(s wire.Status) string {
	if s.Message == nil {
		return ""
	}
	return *s.Message
}

func TestCreateChecksInOrder(t *testing.T) {
	cl := startCluster(t, Options{})
	p := dialSC(t, cl)
	require.True(t, func() bool { s := p.create("taken", false, computed(1, 1)); return s.Error.Ok() }())
	u32 := func(v uint32) *uint32 { return &v }
	u64 := func(v uint64) *uint64 { return &v }
	with := func(change func(*wire.TopicSpec)) *wire.TopicSpec { s := computed(1, 1); change(s); return s }
	assigned := func(maps ...wire.PartitionMap) *wire.TopicSpec {
		return &wire.TopicSpec{Compression: wire.TopicCompressionAny, Replicas: wire.ReplicaSpec{Assigned: maps}}
	}
	alnum := "Contain only lowercase alphanumeric characters or '-'"
	for _, row := range []struct {
		name string
		spec *wire.TopicSpec
		code fluvioerr.ServerCode
		text string
	}{
		{"Upper", computed(1, 1), 2006, "Invalid topic name: 'Upper'. " + alnum},
		{"-a", computed(1, 1), 2006, "Invalid topic name: '-a'. " + alnum},
		{"a-", computed(1, 1), 2006, "Invalid topic name: 'a-'. " + alnum},
		{"ü", computed(1, 1), 2006, "Invalid topic name: 'ü'. " + alnum},
		{strings.Repeat("a", 64), computed(0, 0), 2006, "Invalid topic name: '" + strings.Repeat("a", 64) + "'. Name exceeds max characters allowed 63"},
		{"taken", computed(0, 0), 2002, "Topic 'taken' already exists"},
		{"t", with(func(s *wire.TopicSpec) { s.CleanupPolicy = &wire.CleanupPolicy{Seconds: 9} }), 2004, "retention_secs 9 is less than minimum 10"},
		{"t", with(func(s *wire.TopicSpec) { s.Storage = &wire.TopicStorage{SegmentSize: u32(1023)} }), 2004, "segment_size 1023 is less than minimum 1024"},
		{"t", with(func(s *wire.TopicSpec) { s.Storage = &wire.TopicStorage{MaxPartitionSize: u64(2047)} }), 2004, "max_partition_size 2047 is less than minimum 2048"},
		{"t", with(func(s *wire.TopicSpec) { s.Storage = &wire.TopicStorage{MaxPartitionSize: u64(1 << 29)} }), 2004, "max_partition_size 536870912 is less than segment size 1073741824"},
		{"t", with(func(s *wire.TopicSpec) { s.Deduplication = &wire.Deduplication{Uses: "t"} }), 10000, "Deduplication SmartModule is not loaded into the cluster\n" +
			"Hint: try `fluvio hub sm download t` and repeat this operation"},
		{"t", computed(0, 1), 2000, "partition must be greater than 0"},
		{"t", computed(1, 0), 2000, "replication factor must be greater than 0"},
		{"t", assigned(), 2000, "no assigned partitions found"},
		{"t", assigned(wire.PartitionMap{ID: 1, Replicas: []int32{5001}}), 2000, "assigned partitions must start with id 0"},
		{"t", assigned(wire.PartitionMap{Replicas: []int32{5001}}, wire.PartitionMap{ID: 2, Replicas: []int32{5001}}), 2000, "assigned partition ids must be in sequence and without gaps"},
		{"t", assigned(wire.PartitionMap{}), 2000, "assigned replicas must have at least one spu id"},
		{"t", assigned(wire.PartitionMap{Replicas: []int32{7}}), 2000, "invalid spu id: 7"},
	} {
		s := p.create(row.name, false, row.spec)
		require.Equal(t, row.code, s.Error.Code, "%s: %s", row.name, text(s))
		require.Equal(t, row.text, text(s))
		require.Equal(t, row.name, s.Name)
	}
	names, _ := p.list(wire.LabelTopic, false)
	require.Equal(t, []string{"taken"}, names)
}

func TestCreateAcceptsWhatTheRealServerAccepts(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2})
	p := dialSC(t, cl)
	s := p.create("dry", true, computed(3, 1))
	require.True(t, s.Error.Ok())
	require.Equal(t, "dry", s.Name)
	for _, name := range []string{"", strings.Repeat("b", 63)} {
		s = p.create(name, false, computed(1, 1))
		require.True(t, s.Error.Ok(), text(s))
	}
	s = p.create("assigned", false, &wire.TopicSpec{Replicas: wire.ReplicaSpec{Assigned: []wire.PartitionMap{
		{ID: 0, Replicas: []int32{5002, 5001}}, {ID: 1, Replicas: []int32{5001, 5002}}}}})
	require.True(t, s.Error.Ok(), text(s))
	leader, err := cl.Leader("assigned", 0)
	require.NoError(t, err)
	require.Equal(t, int32(5002), leader)
	names, _ := p.list(wire.LabelTopic, false)
	require.Equal(t, []string{"", "assigned", strings.Repeat("b", 63)}, names)
	var status wire.Status
	p.call(wire.KeyDelete, 19, &wire.DeleteRequest{Label: wire.LabelTopic}, &status)
	require.True(t, status.Error.Ok())
}

func TestCreateWithoutEnoughSPUsTimesOutAndStays(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2, TopicWait: 50 * time.Millisecond})
	p := dialSC(t, cl)
	s := p.create("wide", false, computed(2, 3))
	require.Equal(t, fluvioerr.ServerTopicNotProvisioned, s.Error.Code)
	require.Equal(t, "only 0 out of 2 provisioned", text(s))
	_, objects := p.list(wire.LabelTopic, false)
	require.Len(t, objects, 1)
	require.Equal(t, wire.TopicInsufficientResources, objects[0].Status.(*wire.TopicStatus).Resolution)
	s = p.create("wide", false, computed(2, 3))
	require.Equal(t, fluvioerr.ServerTopicAlreadyExists, s.Error.Code)

	require.NoError(t, cl.StopSPU(5002))
	s = p.create("two", false, computed(1, 2))
	require.Equal(t, fluvioerr.ServerTopicNotProvisioned, s.Error.Code)
	require.NoError(t, cl.StartSPU(5002)) // now it can be placed
	_, objects = p.list(wire.LabelTopic, false, "two")
	require.Equal(t, wire.TopicProvisioned, objects[0].Status.(*wire.TopicStatus).Resolution)
	leader, err := cl.Leader("two", 0)
	require.NoError(t, err)
	require.Zero(t, dialSPU(t, cl, int(leader-firstSPU)).produce("two", "usable"))
}

func TestDeleteAndList(t *testing.T) {
	cl := startCluster(t, Options{SystemTopicInterval: time.Hour})
	p := dialSC(t, cl)
	for _, name := range []string{"foo", "foobar", "bar"} {
		require.NoError(t, cl.CreateTopic(name, 2))
	}
	names, _ := p.list(wire.LabelTopic, false, "foo")
	require.Equal(t, []string{"foo", "foobar"}, names)
	names, _ = p.list(wire.LabelTopic, false, "zzz", "bar")
	require.Equal(t, []string{"bar", "foobar"}, names)
	names, _ = p.list(wire.LabelTopic, true)
	require.Equal(t, []string{"consumer-offset"}, names)
	names, _ = p.list(wire.LabelPartition, false, "zzz") // filters do not apply
	require.Equal(t, []string{"bar-0", "bar-1", "foo-0", "foo-1", "foobar-0", "foobar-1"}, names)
	names, _ = p.list(wire.LabelPartition, true)
	require.Equal(t, []string{"consumer-offset-0"}, names)
	names, objects := p.list(wire.LabelSPU, false, "5001")
	require.Equal(t, []string{"custom-spu-5001"}, names)
	require.Equal(t, cl.SPUEndpoints()[0], objects[0].Spec.(*wire.SPUSpec).PublicAddr(false))

	del := func(name string, force bool) wire.Status {
		var s wire.Status
		p.call(wire.KeyDelete, 19, &wire.DeleteRequest{Label: wire.LabelTopic, Name: name, Force: force}, &s)
		return s
	}
	s := del(systemTopic, false)
	require.Equal(t, fluvioerr.ServerSystemSpecDeletion, s.Error.Code)
	require.Equal(t, &wire.TwoTextPayload{First: "topic", Second: systemTopic}, s.Error.Payload)
	require.Nil(t, s.Message)
	s = del("foo", false)
	require.True(t, s.Error.Ok())
	s = del("foo", false)
	require.Equal(t, fluvioerr.ServerTopicNotFound, s.Error.Code)
	require.Equal(t, "not found", text(s))
	s = del(systemTopic, true)
	require.True(t, s.Error.Ok())
	names, _ = p.list(wire.LabelPartition, false)
	require.Equal(t, []string{"bar-0", "bar-1", "foobar-0", "foobar-1"}, names)
	var unknown wire.Status
	p.call(wire.KeyDelete, 19, &wire.DeleteRequest{Label: wire.LabelPartition, Name: "bar-0"}, &unknown)
	require.Equal(t, "create error", unknown.Name)
	require.Equal(t, "unknown admin object type", unknown.Error.Payload.Text())
}

// Deleting looks at what a topic is while others change it.
func TestDeleteBesideUpdate(t *testing.T) {
	cl := startCluster(t, Options{})
	updater, deleter := dialSC(t, cl), dialSC(t, cl)
	for range 500 {
		require.NoError(t, cl.CreateTopic("t", 1))
		id := updater.send(wire.KeyUpdate, 19, &wire.UpdateRequest{Label: wire.LabelTopic, Name: "t", Partitions: 1})
		s := deleter.deleteObject(wire.DeleteRequest{Label: wire.LabelTopic, Name: "t"})
		require.True(t, s.Error.Ok(), text(s))
		updater.receive(id, 19, &s)
		require.True(t, s.Error.Ok() || s.Error.Code == fluvioerr.ServerTopicNotFound, text(s))
	}
	names, _ := deleter.list(wire.LabelTopic, false)
	require.Empty(t, names)
}

// watcher follows one watch.
type watcher struct {
	*peer
	id    int32
	epoch int64
}

func (p *peer) watch(label string) *watcher {
	return &watcher{peer: p, id: p.send(wire.KeyWatch, 19, &wire.WatchRequest{Label: label}), epoch: -1}
}

// next waits for the next message; epochs must rise.
func (w *watcher) next() *wire.MetadataUpdate {
	w.t.Helper()
	var m wire.MetadataUpdate
	w.receive(w.id, 19, &m)
	require.Greater(w.t, m.Epoch, w.epoch)
	w.epoch = m.Epoch
	return &m
}

// until follows the watch until a change satisfies ok.
func (w *watcher) until(ok func(kind uint8, o *wire.Object) bool) *wire.Object {
	w.t.Helper()
	for {
		m := w.next()
		require.Empty(w.t, m.All)
		for i := range m.Changes {
			if ok(m.Changes[i].Kind, &m.Changes[i].Object) {
				return &m.Changes[i].Object
			}
		}
	}
}

func TestWatchSnapshotThenChanges(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopic("early", 1))
	p := dialSC(t, cl)
	topics, parts := p.watch(wire.LabelTopic), p.watch(wire.LabelPartition)
	first := topics.next()
	require.Empty(t, first.Changes)
	require.Len(t, first.All, 2) // the system's is included
	require.Len(t, parts.next().All, 2)
	require.NoError(t, cl.CreateTopic("late", 1))
	topics.until(func(kind uint8, o *wire.Object) bool {
		return kind == wire.ChangeUpdate && o.Name == "late" && o.Status.(*wire.TopicStatus).Resolution == wire.TopicProvisioned
	})
	parts.until(func(kind uint8, o *wire.Object) bool {
		return kind == wire.ChangeUpdate && o.Name == "late-0" && o.Status.(*wire.PartitionStatus).Resolution == wire.PartitionOnline
	})
	require.NoError(t, cl.DeleteTopic("late"))
	gone := parts.until(func(kind uint8, o *wire.Object) bool { return kind == wire.ChangeDelete && o.Name == "late-0" })
	require.Equal(t, int32(5001), gone.Spec.(*wire.PartitionSpec).Leader) // the last known object
	topics.until(func(kind uint8, o *wire.Object) bool { return kind == wire.ChangeDelete && o.Name == "late" })
}

func TestWatchRepeatsItsSnapshot(t *testing.T) {
	cl := startCluster(t, Options{SystemTopicInterval: time.Hour})
	p := dialSC(t, cl)
	topics := p.watch(wire.LabelTopic)
	first := topics.next()
	require.NoError(t, cl.Resync())
	var again wire.MetadataUpdate
	topics.receive(topics.id, 19, &again)
	require.Equal(t, *first, again)
	require.NoError(t, cl.CreateTopic("t", 1))
	topics.until(func(_ uint8, o *wire.Object) bool { return o.Name == "t" })
	require.NoError(t, cl.removeTopic("t"))
	require.NoError(t, cl.removeTopic(systemTopic))
	topics.until(func(kind uint8, o *wire.Object) bool { return kind == wire.ChangeDelete && o.Name == systemTopic })
	require.NoError(t, cl.Resync())
	var empty wire.MetadataUpdate
	topics.receive(topics.id, 19, &empty) // an empty store's snapshot looks like no change
	require.Empty(t, empty.All)
	require.Empty(t, empty.Changes)
	require.Positive(t, empty.Epoch)
}

func TestWatchCarriesOffsets(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopic("t", 1))
	p, spu := dialSC(t, cl), dialSPU(t, cl, 0)
	parts := p.watch(wire.LabelPartition)
	parts.next()
	for range 100 {
		spu.produce("t", "a", "b")
	}
	messages := 0
	o := parts.until(func(_ uint8, o *wire.Object) bool {
		messages++
		return o.Name == "t-0" && o.Status.(*wire.PartitionStatus).Leader.LEO == 200
	})
	st := o.Status.(*wire.PartitionStatus)
	require.Equal(t, wire.ReplicaStatus{SPU: 5001, HW: 200, LEO: 200}, st.Leader)
	require.Equal(t, int64(100*len(batch("a", "b"))), st.Size)
	require.Less(t, messages, 100, "updates are gathered")
}

func TestWatchSeesReplacedTopicAsUpdateAndDelete(t *testing.T) {
	s := newStore(wire.LabelTopic)
	s.put("a", computed(1, 1), &wire.TopicStatus{})
	w, _ := s.watch()
	defer w.close()
	s.remove("a")
	s.put("a", computed(2, 1), &wire.TopicStatus{})
	m := w.next()
	require.Len(t, m.Changes, 2)
	require.Equal(t, wire.ChangeUpdate, m.Changes[0].Kind)
	require.Equal(t, uint32(2), m.Changes[0].Object.Spec.(*wire.TopicSpec).Replicas.Partitions)
	require.Equal(t, wire.ChangeDelete, m.Changes[1].Kind)
	require.Nil(t, w.next())
	s.put("b", computed(1, 1), &wire.TopicStatus{})
	require.Empty(t, s.graves, "what every watch has seen is forgotten")
}

func TestSPUComesAndGoes(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 3})
	require.NoError(t, cl.CreateTopicWith("rep", TopicOptions{Partitions: 3, Replication: 2}))
	require.NoError(t, cl.CreateTopic("single", 6))
	p := dialSC(t, cl)
	spus, parts := p.watch(wire.LabelSPU), p.watch(wire.LabelPartition)
	spus.next()
	before := map[string]int32{}
	for _, o := range parts.next().All {
		before[o.Name] = o.Spec.(*wire.PartitionSpec).Leader
	}
	addr := cl.SPUEndpoints()[1]
	victim := dialSPU(t, cl, 1)
	require.NoError(t, cl.StopSPU(5002))
	victim.awaitHangUp()
	spus.until(func(_ uint8, o *wire.Object) bool {
		return o.Name == "custom-spu-5002" && o.Status.(*wire.SPUStatus).Resolution == wire.SPUOffline
	})
	_, objects := p.list(wire.LabelPartition, false)
	led := 0
	for _, o := range objects {
		spec, st := o.Spec.(*wire.PartitionSpec), o.Status.(*wire.PartitionStatus)
		switch {
		case before[o.Name] != 5002:
			require.Equal(t, before[o.Name], spec.Leader)
		case len(spec.Replicas) == 2:
			require.NotEqual(t, int32(5002), spec.Leader)
			require.Equal(t, wire.PartitionOnline, st.Resolution)
			led++
		default:
			require.Equal(t, int32(5002), spec.Leader)
			require.Equal(t, wire.PartitionLeaderOffline, st.Resolution)
			led++
		}
	}
	require.Equal(t, 3, led, "one replicated and two single partitions")
	require.NoError(t, cl.StartSPU(5002))
	require.Equal(t, addr, cl.SPUEndpoints()[1], "the same port")
	_, objects = p.list(wire.LabelPartition, false)
	for _, o := range objects {
		require.Equal(t, wire.PartitionOnline, o.Status.(*wire.PartitionStatus).Resolution)
		if len(o.Spec.(*wire.PartitionSpec).Replicas) == 2 && before[o.Name] == 5002 {
			require.NotEqual(t, int32(5002), o.Spec.(*wire.PartitionSpec).Leader, "leadership stays where it moved")
		}
	}
	require.Error(t, cl.StartSPU(5002))
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(cl.StopSPU(4711)))
}

func TestSCComesAndGoes(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopic("t", 1))
	p, spu := dialSC(t, cl), dialSPU(t, cl, 0)
	p.watch(wire.LabelTopic).next()
	addr := cl.Endpoint()
	require.NoError(t, cl.StopSC())
	p.awaitHangUp()
	spu.produce("t", "still works")
	require.Equal(t, fluvioerr.InvalidState, fluvioerr.CodeOf(cl.CreateTopic("u", 1)))
	require.NoError(t, cl.StopSPU(5001)) // unseen by the SC
	require.NoError(t, cl.StartSPU(5001))
	require.NoError(t, cl.StartSC())
	require.Equal(t, addr, cl.Endpoint())
	p = dialSC(t, cl)
	first := p.watch(wire.LabelTopic).next()
	require.Len(t, first.All, 2)
	require.LessOrEqual(t, first.Epoch, int64(4), "epochs begin anew")
	require.NoError(t, cl.CreateTopic("u", 1))
}

func TestMoveLeaderTakesRecordsAlong(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 2})
	require.NoError(t, cl.CreateTopic("t", 1))
	leader, err := cl.Leader("t", 0)
	require.NoError(t, err)
	other := 2*firstSPU + 1 - leader
	dialSPU(t, cl, int(leader-firstSPU)).produce("t", "a")
	parts := dialSC(t, cl).watch(wire.LabelPartition)
	parts.next()
	require.NoError(t, cl.MoveLeader("t", 0, other))
	o := parts.until(func(_ uint8, o *wire.Object) bool { return o.Spec.(*wire.PartitionSpec).Leader == other })
	require.Equal(t, []int32{other}, o.Spec.(*wire.PartitionSpec).Replicas)
	require.Equal(t, int64(1), dialSPU(t, cl, int(other-firstSPU)).produce("t", "b"))
	require.Error(t, cl.MoveLeader("t", 1, other))
	require.Error(t, cl.MoveLeader("t", 0, 4711))
	require.Error(t, cl.MoveLeader("nobody", 0, other))
}
