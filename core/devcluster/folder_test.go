package devcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// createObject makes an object of any type.
func (p *peer) createObject(label, name string, spec wire.Message) wire.Status {
	p.t.Helper()
	var s wire.Status
	p.call(wire.KeyCreate, 19, &wire.CreateRequest{Label: label, Name: name, Spec: spec}, &s)
	return s
}

// deleteObject removes an object of any type.
func (p *peer) deleteObject(m wire.DeleteRequest) wire.Status {
	p.t.Helper()
	var s wire.Status
	p.call(wire.KeyDelete, 19, &m, &s)
	return s
}

func customSPUSpec(id int32, port uint16) *wire.CustomSPUSpec {
	host := "127.0.0.1"
	return &wire.CustomSPUSpec{ID: id, PublicEndpoint: wire.IngressPort{Port: port, Ingress: []wire.IngressAddr{{Hostname: &host}}},
		PrivateEndpoint: wire.Endpoint{Port: port, Host: host}}
}

// storeOffset stores an offset of a consumer through a stream of its own.
func (p *peer) storeOffset(topic string, partition uint32, consumer string, offset int64) wire.ErrorCode {
	p.t.Helper()
	f := p.frame(p.send(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: topic, Partition: partition, MaxBytes: plenty, ConsumerID: &consumer}))
	var m wire.UpdateConsumerOffsetResponse
	p.call(wire.KeyUpdateConsumerOffset, 25, &wire.UpdateConsumerOffsetRequest{Offset: offset, SessionID: f.StreamID}, &m)
	return m.Error
}

// storedOffsets lists what consumers have stored, as "consumer topic-partition" to offset.
func (p *peer) storedOffsets() map[string]int64 {
	p.t.Helper()
	var m wire.FetchConsumerOffsetsResponse
	p.call(wire.KeyFetchConsumerOffsets, 25, &wire.FetchConsumerOffsetsRequest{}, &m)
	require.True(p.t, m.Error.Ok(), "%v", m.Error.Code)
	out := map[string]int64{}
	for _, c := range m.Consumers {
		out[c.ConsumerID+" "+wire.PartitionName(c.Topic, c.Partition)] = c.Offset
	}
	return out
}

func TestFolderKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	odd := strings.Repeat("ä/ ..\\", 60) // no file could have this name
	labels := []string{wire.LabelTopic, wire.LabelSPU, wire.LabelCustomSPU, wire.LabelSPUGroup, wire.LabelSmartModule, wire.LabelTableFormat, wire.LabelMirror}
	open := func() (*Cluster, *peer, *peer) {
		cl := startCluster(t, Options{SPUs: 2, DataDir: dir, SPUPorts: []int{0, 0}})
		leader, err := cl.Leader(systemTopic, 0)
		require.NoError(t, err)
		return cl, dialSC(t, cl), dialSPU(t, cl, int(leader-firstSPU))
	}
	cl, sc, spu := open()
	for label, spec := range map[string]wire.Message{
		wire.LabelSPUGroup: &wire.SPUGroupSpec{Replicas: 3, Env: []wire.EnvVar{{Name: "a", Value: "b"}}}, wire.LabelTableFormat: &wire.TableFormatSpec{Name: "n"},
		wire.LabelMirror:      &wire.MirrorSpec{Kind: wire.MirrorHome, ID: "home", ClientTLS: &wire.MirrorTLS{Domain: "d"}},
		wire.LabelSmartModule: &wire.SmartModuleSpec{Payload: []byte("first")}, wire.LabelCustomSPU: customSPUSpec(77, 7),
	} {
		s := sc.createObject(label, odd, spec)
		require.True(t, s.Error.Ok(), "%s: %s", label, text(s))
		s = sc.createObject(label, "gone", spec)
		require.Equal(t, label == wire.LabelCustomSPU, s.Error.Code == fluvioerr.ServerSpuAlreadyExists)
		if label != wire.LabelCustomSPU {
			s = sc.deleteObject(wire.DeleteRequest{Label: label, Name: "gone"})
			require.True(t, s.Error.Ok(), text(s))
		}
	}
	s := sc.createObject(wire.LabelSmartModule, odd, &wire.SmartModuleSpec{Payload: []byte("second")})
	require.True(t, s.Error.Ok())
	second := int32(5002)
	s = sc.deleteObject(wire.DeleteRequest{Label: wire.LabelCustomSPU, ID: &second})
	require.True(t, s.Error.Ok())
	require.Equal(t, "custom-spu-5002", s.Name)
	require.NoError(t, cl.CreateTopic("t", 2))
	var u wire.Status
	sc.call(wire.KeyUpdate, 19, &wire.UpdateRequest{Label: wire.LabelTopic, Name: "t", Partitions: 2}, &u)
	require.True(t, u.Error.Ok())
	eventually(t, "the partitions come", func() bool { return cl.partition("t", 3) != nil })
	spu.produceTo("t", 1, 100, wire.ProducePartition{Partition: 3, Records: batch("a")})
	for i := range int64(150) { // more than a checkpoint
		code := spu.storeOffset("t", 3, "c", i)
		require.True(t, code.Ok())
	}
	code := spu.storeOffset("t", 3, "other", 7)
	require.True(t, code.Ok())
	before := map[string][]wire.Object{}
	for _, label := range labels {
		_, before[label] = sc.list(label, false)
		require.NotEmpty(t, before[label])
	}
	require.NoError(t, cl.Close())

	_, sc, spu = open()
	for _, label := range labels {
		_, after := sc.list(label, false)
		for i := range after { // the ports of the cluster's own SPUs are new
			if s, ok := after[i].Spec.(*wire.SPUSpec); ok && s.ID == firstSPU {
				old := before[label][i].Spec.(*wire.SPUSpec)
				s.PublicEndpoint.Port, s.PrivateEndpoint.Port = old.PublicEndpoint.Port, old.PrivateEndpoint.Port
			}
			if s, ok := after[i].Spec.(*wire.CustomSPUSpec); ok && s.ID == firstSPU {
				old := before[label][i].Spec.(*wire.CustomSPUSpec)
				s.PublicEndpoint.Port, s.PrivateEndpoint.Port = old.PublicEndpoint.Port, old.PrivateEndpoint.Port
			}
		}
		require.Equal(t, before[label], after, label)
	}
	require.Equal(t, map[string]int64{"c t-3": 149, "other t-3": 7}, spu.storedOffsets())
	spu.data("t", 3, "a")
	code = spu.storeOffset("t", 3, "c", 1)
	require.True(t, code.Ok())
	require.Equal(t, int64(1), spu.storedOffsets()["c t-3"])
}

// data reads a partition from its beginning and compares the records.
func (p *peer) data(topic string, partition uint32, want ...string) {
	p.t.Helper()
	var m wire.FetchResponse
	p.call(wire.KeyFetch, 25, &wire.FetchRequest{MaxBytes: plenty,
		Topics: []wire.FetchTopic{{Name: topic, Partitions: []wire.FetchPartition{{Partition: partition}}}}}, &m)
	_, got := values(p.t, m.Topics[0].Partitions[0].Records)
	require.Equal(p.t, want, got)
}

func TestFolderBelongsToOneCluster(t *testing.T) {
	dir := t.TempDir()
	cl := startCluster(t, Options{DataDir: dir})
	_, err := Start(t.Context(), Options{DataDir: dir})
	require.Equal(t, fluvioerr.InvalidState, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, dir)
	require.ErrorContains(t, err, "in use by process")
	require.Equal(t, "data_dir", fluvioerr.As(err).Setting)
	require.NoError(t, cl.CreateTopic("works", 1))
	require.NoError(t, cl.Close())
	startCluster(t, Options{DataDir: dir})
}

func TestStartRefusesDamagedObjects(t *testing.T) {
	dir := t.TempDir()
	cl := startCluster(t, Options{DataDir: dir})
	s := dialSC(t, cl).createObject(wire.LabelTableFormat, "a", &wire.TableFormatSpec{Name: "a"})
	require.True(t, s.Error.Ok())
	file := cl.objectFile(wire.LabelTableFormat, "a")
	require.NoError(t, cl.Close())
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file+".new", whole[:3], 0o600)) // half-written: left alone
	startCluster(t, Options{DataDir: dir}).Close()
	for _, damaged := range [][]byte{nil, whole[:len(whole)-1], append(whole, 0)} {
		require.NoError(t, os.WriteFile(file, damaged, 0o600))
		_, err := Start(t.Context(), Options{DataDir: dir})
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.ErrorContains(t, err, filepath.Base(file))
	}
	require.NoError(t, os.WriteFile(file, whole, 0o600))
	other := filepath.Join(filepath.Dir(filepath.Dir(file)), wire.LabelMirror)
	require.NoError(t, os.Rename(filepath.Dir(file), other))
	_, err = Start(t.Context(), Options{DataDir: dir})
	require.ErrorContains(t, err, wire.LabelTableFormat)
}

// segmentFiles lists the files of a partition's log.
func segmentFiles(t *testing.T, cl *Cluster, topic string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(cl.logFolder(topic, 0))
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRetentionByTime(t *testing.T) {
	for _, where := range []string{"memory", "folder"} {
		t.Run(where, func(t *testing.T) {
			now := time.Now()
			o := Options{Now: func() time.Time { return now }}
			if where == "folder" {
				o.DataDir = t.TempDir()
			}
			cl := startCluster(t, o)
			require.NoError(t, cl.CreateTopicWith("t", TopicOptions{SegmentSize: 1024, RetentionSeconds: 60}))
			require.NoError(t, cl.CreateTopicWith("forever", TopicOptions{SegmentSize: 1024}))
			p := dialSPU(t, cl, 0)
			big := string(make([]byte, 400))
			for range 3 { // three segments of two batches, written to at 0, 40 and 80 s
				for range 2 {
					p.produce("t", big)
					p.produce("forever", big)
				}
				cl.AdvanceTime(40 * time.Second)
			}
			start := func(topic string) int64 {
				start, _, end, err := cl.Offsets(topic, 0)
				require.NoError(t, err)
				require.Equal(t, int64(6), end)
				return start
			}
			require.Zero(t, start("t"), "nothing goes by itself yet")
			cl.Clean() // at 120 s: what was written to at 0 s and 40 s is too old
			require.Equal(t, int64(4), start("t"))
			f := p.frame(p.stream("t", 1, plenty))
			require.Equal(t, &wire.EvictedPayload{Offset: 1, NextAvailable: 4}, f.Partition.Error.Payload)
			cl.AdvanceTime(time.Hour)
			cl.Clean()
			require.Equal(t, int64(4), start("t"), "the newest segment stays, however old it is")
			require.Zero(t, start("forever"), "a week is the default")
			if where == "folder" {
				require.Equal(t, []string{"00000000000000000004.log"}, segmentFiles(t, cl, "t"))
				require.Len(t, segmentFiles(t, cl, "forever"), 3)
			}
			cl.AdvanceTime(7 * 24 * time.Hour)
			cl.Clean()
			require.Equal(t, int64(4), start("forever"))
			if where == "memory" {
				return
			}
			require.NoError(t, cl.Close())
			cl = startCluster(t, o)
			require.Equal(t, int64(4), start("t"))
			p = dialSPU(t, cl, 0)
			require.Equal(t, int64(6), p.produce("t", "next"))
			_, records := values(t, p.frame(p.stream("t", 4, plenty)).Partition.Records)
			require.Len(t, records, 3, "what fits goes into the segment there is")
		})
	}
}

func TestRetentionGivesMemoryBack(t *testing.T) {
	cl := startCluster(t, Options{CleanInterval: time.Millisecond})
	require.NoError(t, cl.CreateTopicWith("t", TopicOptions{SegmentSize: 64 << 10, MaxPartitionSize: 128 << 10}))
	p := dialSPU(t, cl, 0)
	for range 400 {
		p.produce("t", string(make([]byte, 8<<10)))
	}
	part := cl.partition("t", 0)
	eventually(t, "retention catches up", func() bool {
		part.mu.Lock()
		defer part.mu.Unlock()
		return part.log.size() <= 128<<10+64<<10
	})
	held := 0
	part.mu.Lock()
	defer part.mu.Unlock()
	for _, c := range part.log.store.(*memoryStore).chunks {
		held += cap(c.buf)
	}
	require.Less(t, held, 400*8<<10, "less than was written is held")
	require.Less(t, len(part.log.index), 100)
}

func TestSnapshotsAreRepeated(t *testing.T) {
	cl := startCluster(t, Options{SnapshotInterval: 10 * time.Millisecond})
	require.NoError(t, cl.CreateTopic("t", 1))
	p := dialSC(t, cl)
	for _, label := range []string{wire.LabelTopic, wire.LabelPartition, wire.LabelSPU} {
		id := p.send(wire.KeyWatch, 19, &wire.WatchRequest{Label: label})
		var first, again wire.MetadataUpdate
		p.receive(id, 19, &first)
		require.NotEmpty(t, first.All)
		p.receive(id, 19, &again)
		require.Equal(t, first.All, again.All, "a full snapshot without a change")
	}
}
