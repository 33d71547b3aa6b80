package devcluster

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// The answers of an official cluster, platform 0.18.2-dev-1 with one SPU, to what these tests ask are kept in testdata. With
// LIBFLUVIO_OFFICIAL_SC=host:port they are asked for anew, and with LIBFLUVIO_OFFICIAL_UPDATE=1 also written there.
const (
	officialSC     = "LIBFLUVIO_OFFICIAL_SC"
	officialUpdate = "LIBFLUVIO_OFFICIAL_UPDATE"
)

// answers are what an official cluster said, in order. Names of what was made there begin with the id.
type answers struct {
	ID   string   `json:"id"`
	Said []string `json:"said"`
	next int
}

// twin is a connection to the dev cluster, and one to an official cluster or what one has answered.
type twin struct {
	t    *testing.T
	cl   *Cluster
	dev  *peer
	real *peer // nil: all from answers
	*answers
}

func newTwin(t *testing.T) *twin {
	cl := startCluster(t, Options{})
	file := filepath.Join("testdata", t.Name()+".json")
	w := &twin{t: t, cl: cl, dev: dialSC(t, cl), answers: &answers{}}
	if addr := os.Getenv(officialSC); addr != "" {
		w.real = dial(t, wire.SC, addr)
		w.ID = fmt.Sprintf("dc%d", time.Now().UnixMilli()%1e9)
		if os.Getenv(officialUpdate) != "" {
			t.Cleanup(func() {
				if t.Failed() {
					return
				}
				b, err := json.MarshalIndent(w.answers, "", " ")
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, append(b, '\n'), 0o644))
			})
		}
	} else {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, w.answers))
	}
	w.sameAt("versions", wire.KeyApiVersions, 2, &wire.ApiVersionsRequest{ClientVersion: "0.50.2"})
	return w
}

// official is what ask gets from an official cluster, now or when the answers were taken.
func (w *twin) official(ask func(*peer) []byte) []byte {
	w.t.Helper()
	if w.real != nil {
		b := ask(w.real)
		w.Said = append(w.Said, hex.EncodeToString(b))
		return b
	}
	require.Less(w.t, w.next, len(w.Said), "the official cluster was not asked this")
	b, err := hex.DecodeString(w.Said[w.next])
	require.NoError(w.t, err)
	w.next++
	return b
}

// same sends a request to both and wants the same bytes back.
func (w *twin) same(what string, key uint16, m wire.Message) {
	w.t.Helper()
	w.sameAt(what, key, 19, m)
}

func (w *twin) sameAt(what string, key uint16, version int16, m wire.Message) {
	w.t.Helper()
	ask := func(p *peer) []byte { return p.message(p.send(key, version, m))[4:] }
	want, got := w.official(ask), ask(w.dev)
	require.Equal(w.t, hex.EncodeToString(want), hex.EncodeToString(got), "%s: official %q, dev %q", what, want, got)
}

// await waits until a topic has partitions on both clusters, which comes some time after the answer to an update.
func (w *twin) await(topic string, partitions int) {
	w.t.Helper()
	for _, p := range []*peer{w.real, w.dev} {
		eventually(w.t, "the partitions come", func() bool {
			if p == nil {
				return true
			}
			_, topics := p.list(wire.LabelTopic, false, topic)
			st := topics[0].Status.(*wire.TopicStatus)
			return len(st.Replicas) == partitions && st.Resolution == wire.TopicProvisioned
		})
	}
}

// hangUp sends a request to both and wants both to close the connection.
func (w *twin) hangUp(key uint16, m wire.Message) {
	w.t.Helper()
	for _, addr := range []string{os.Getenv(officialSC), w.cl.Endpoint()} {
		if addr != "" {
			p := dial(w.t, wire.SC, addr)
			p.send(key, 19, m)
			p.awaitHangUp()
		}
	}
}

func (w *twin) create(label, name string, dry bool, spec wire.Message) {
	w.t.Helper()
	w.same("create "+label+" "+name, wire.KeyCreate, &wire.CreateRequest{Label: label, Name: name, DryRun: dry, Spec: spec})
}

func (w *twin) remove(label, name string, force bool) {
	w.t.Helper()
	w.same("delete "+label+" "+name, wire.KeyDelete, &wire.DeleteRequest{Label: label, Name: name, Force: force})
}

func (w *twin) list(label string, summary bool, filters ...string) {
	w.t.Helper()
	w.same("list "+label, wire.KeyList, &wire.ListRequest{Label: label, Filters: filters, Summary: summary})
}

func (w *twin) update(name string, m wire.UpdateRequest) {
	w.t.Helper()
	m.Label, m.Name = wire.LabelTopic, name
	w.same("update "+name, wire.KeyUpdate, &m)
}

func pointer(s string) *string { return &s }

// dedup is a topic that asks for a module.
func dedup(uses string) *wire.TopicSpec {
	spec := computed(1, 1)
	spec.Deduplication = &wire.Deduplication{Count: 5, Uses: uses}
	return spec
}

func TestAnswersOfAnOfficialSC(t *testing.T) {
	w := newTwin(t)
	t.Cleanup(func() { // what a failing test leaves behind
		if w.real == nil {
			return
		}
		p := dial(t, wire.SC, os.Getenv(officialSC))
		for label, names := range map[string][]string{wire.LabelTopic: {"-a", "-m", "-d"}, wire.LabelMirror: {"-edge"}, wire.LabelCustomSPU: {"-spu"},
			wire.LabelSPUGroup: {"-g"}, wire.LabelTableFormat: {"-t"}, wire.LabelSmartModule: {"-s", "-p-grp-0.1.0"}} {
			for _, name := range names {
				var s wire.Status
				p.call(wire.KeyDelete, 19, &wire.DeleteRequest{Label: label, Name: w.ID + name}, &s)
			}
		}
	})
	w.topics()
	w.mirrors()
	w.customSPUs()
	w.groupsAndTables()
	w.smartModules()
	w.remove(wire.LabelTopic, w.ID+"-a", false)
	w.remove(wire.LabelTopic, w.ID+"-a", false)
	w.wrongTypes()
}

func (w *twin) topics() {
	w.create(wire.LabelTopic, w.ID+"-a", true, computed(1, 1))
	w.create(wire.LabelTopic, w.ID+"-a", false, computed(1, 1))
	w.create(wire.LabelTopic, w.ID+"-a", true, computed(0, 0))
	w.create(wire.LabelTopic, w.ID+"-d", false, dedup(w.ID+"-nothing"))
	w.create(wire.LabelTopic, w.ID+"-d", false, dedup("infinyon/"+w.ID+"-nothing@0.1.0"))
	for _, version := range []string{"c", ""} {
		w.create(wire.LabelTopic, w.ID+"-d", false, dedup("a/b@"+version))
	}
	w.list(wire.LabelTopic, false, w.ID)
	w.update(w.ID+"-a", wire.UpdateRequest{Partitions: 0})
	w.update(w.ID+"-a", wire.UpdateRequest{Partitions: 2})
	w.await(w.ID+"-a", 3)
	w.list(wire.LabelTopic, false, w.ID)
	w.update(w.ID+"-none", wire.UpdateRequest{Partitions: 1})
	w.update(systemTopic, wire.UpdateRequest{Partitions: 1})
	w.update(w.ID+"-a", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: w.ID + "-nobody"})
	w.update(w.ID+"-none", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: w.ID + "-nobody"})
	w.remove(wire.LabelTopic, systemTopic, false)
}

func (w *twin) mirrors() {
	w.create(wire.LabelMirror, w.ID+"-edge", true, &wire.MirrorSpec{Kind: wire.MirrorRemote, ID: w.ID + "-edge"})
	w.create(wire.LabelMirror, w.ID+"-edge", false, &wire.MirrorSpec{Kind: wire.MirrorRemote, ID: w.ID + "-edge"})
	w.update(w.ID+"-a", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: w.ID + "-edge"})
	home := &wire.TopicSpec{Compression: wire.TopicCompressionAny, Replicas: wire.ReplicaSpec{Kind: wire.ReplicasMirror,
		Mirror: wire.MirrorConfig{Kind: wire.MirrorHome}}}
	w.create(wire.LabelTopic, w.ID+"-m", false, home)
	w.update(w.ID+"-m", wire.UpdateRequest{Partitions: 1})
	w.update(w.ID+"-m", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: w.ID + "-edge"})
	w.await(w.ID+"-m", 1) // a real SC that is asked again at once may not know yet
	w.update(w.ID+"-m", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: w.ID + "-edge"})
	w.remove(wire.LabelTopic, w.ID+"-m", false)
	w.list(wire.LabelMirror, false)
	w.remove(wire.LabelMirror, w.ID+"-edge", false)
	w.remove(wire.LabelMirror, w.ID+"-edge", false)
}

func (w *twin) customSPUs() {
	host := "127.0.0.1"
	spu := func(n int32) *wire.CustomSPUSpec {
		return &wire.CustomSPUSpec{ID: n, PublicEndpoint: wire.IngressPort{Port: 9, Ingress: []wire.IngressAddr{{Hostname: &host}}},
			PrivateEndpoint: wire.Endpoint{Port: 10, Host: host}}
	}
	w.create(wire.LabelCustomSPU, w.ID+"-spu", true, spu(777001))
	w.create(wire.LabelCustomSPU, w.ID+"-spu", false, spu(777001))
	w.create(wire.LabelCustomSPU, w.ID+"-spu", false, spu(777002))
	w.create(wire.LabelCustomSPU, w.ID+"-other", false, spu(777001))
	w.list(wire.LabelSPU, false, w.ID)
	w.list(wire.LabelCustomSPU, false, w.ID)
	unregister := func(m wire.DeleteRequest) {
		w.t.Helper()
		m.Label = wire.LabelCustomSPU
		w.same("unregister", wire.KeyDelete, &m)
	}
	one, other := int32(777001), int32(777002)
	unregister(wire.DeleteRequest{ID: &other})
	unregister(wire.DeleteRequest{ID: &one})
	unregister(wire.DeleteRequest{Name: w.ID + "-spu"})
}

func (w *twin) groupsAndTables() {
	w.create(wire.LabelSPUGroup, w.ID+"-g", true, &wire.SPUGroupSpec{Replicas: 1, MinID: 100})
	w.create(wire.LabelSPUGroup, w.ID+"-g", false, &wire.SPUGroupSpec{Replicas: 2, MinID: 200, Rack: pointer("r")})
	w.list(wire.LabelSPUGroup, false, w.ID)
	w.remove(wire.LabelSPUGroup, w.ID+"-g", false)
	w.remove(wire.LabelSPUGroup, w.ID+"-g", false)
	table := &wire.TableFormatSpec{Name: w.ID + "-t", Columns: &[]wire.TableColumn{{KeyPath: "k"}}}
	w.create(wire.LabelTableFormat, w.ID+"-t", true, table)
	w.create(wire.LabelTableFormat, w.ID+"-t", false, table)
	w.list(wire.LabelTableFormat, false, w.ID)
	w.remove(wire.LabelTableFormat, w.ID+"-t", false)
	w.remove(wire.LabelTableFormat, w.ID+"-t", false)
}

func (w *twin) smartModules() {
	module := &wire.SmartModuleSpec{Payload: []byte{1, 2, 3}}
	packed := &wire.SmartModuleSpec{Payload: []byte{4, 5}, Meta: &wire.SmartModuleMeta{Package: wire.SmartModulePackage{
		Name: w.ID + "-p", Group: "grp", Version: "0.1.0", APIVersion: "0.1.0", Description: pointer("d"), Visibility: wire.SmartModulePublic}}}
	unnamed := &wire.SmartModuleSpec{Meta: &wire.SmartModuleMeta{Package: wire.SmartModulePackage{Name: "x", Version: "0.1.0", APIVersion: "0.1.0"}}}
	w.create(wire.LabelSmartModule, w.ID+"-s", true, module)
	w.create(wire.LabelSmartModule, w.ID+"-s", false, &wire.SmartModuleSpec{Payload: []byte{9}})
	w.create(wire.LabelSmartModule, w.ID+"-x", false, packed)
	w.create(wire.LabelSmartModule, w.ID+"-y", false, unnamed)
	for _, filter := range []string{w.ID + "-s", "grp/" + w.ID + "-s", w.ID + "-p", "grp/" + w.ID + "-p", "grp/" + w.ID + "-p@0.1", "grp/" + w.ID + "-p@0.2.0",
		"other/" + w.ID + "-p", w.ID} {
		w.list(wire.LabelSmartModule, false, filter)
		w.list(wire.LabelSmartModule, true, filter)
	}
	w.create(wire.LabelTopic, w.ID+"-d", true, dedup("grp/"+w.ID+"-p@0.1.0"))
	w.remove(wire.LabelSmartModule, w.ID+"-p", false)
	w.remove(wire.LabelSmartModule, "grp/"+w.ID+"-p@0.1.0", false)
	w.remove(wire.LabelSmartModule, w.ID+"-s", false)
	w.remove(wire.LabelSmartModule, w.ID+"-s", false)
}

// wrongTypes asks for what cannot be done with a type.
func (w *twin) wrongTypes() {
	w.create(wire.LabelPartition, w.ID, false, &wire.PartitionSpec{})
	w.create(wire.LabelSPU, w.ID, false, &wire.SPUSpec{})
	w.remove(wire.LabelPartition, w.ID, false)
	w.remove("Nothing", w.ID, false)
	w.same("update", wire.KeyUpdate, &wire.UpdateRequest{Label: wire.LabelSmartModule, Name: w.ID})
	w.same("update", wire.KeyUpdate, &wire.UpdateRequest{Label: "topic", Name: w.ID})
	w.hangUp(wire.KeyWatch, &wire.WatchRequest{Label: wire.LabelMirror})
	w.hangUp(wire.KeyWatch, &wire.WatchRequest{Label: wire.LabelCustomSPU})
	w.hangUp(wire.KeyList, &wire.ListRequest{Label: "Nothing"})
	w.hangUp(wire.KeyList, &wire.ListRequest{Label: wire.LabelSmartModule, Filters: []string{"a/b@c"}})
	w.hangUp(wire.KeyDelete, &wire.DeleteRequest{Label: wire.LabelSmartModule, Name: "a/b@c"})
}

// spus turns to SPU 5001 of both clusters.
func (w *twin) spus() {
	w.dev = dialSPU(w.t, w.cl, 0)
	if w.real == nil {
		return
	}
	_, objects := w.real.list(wire.LabelSPU, false)
	for _, o := range objects {
		if spec := o.Spec.(*wire.SPUSpec); spec.ID == firstSPU {
			w.real = dial(w.t, wire.SPU, spec.PublicAddr(false))
			return
		}
	}
	require.FailNow(w.t, "the official cluster has no SPU 5001")
}

func TestAnswersOfAnOfficialSPU(t *testing.T) {
	w := newTwin(t)
	id := w.ID
	sc := *w
	create := func(name string, spec wire.Message) {
		sc.same("create", wire.KeyCreate, &wire.CreateRequest{Label: wire.LabelTopic, Name: name, Spec: spec})
		t.Cleanup(func() { sc.same("delete", wire.KeyDelete, &wire.DeleteRequest{Label: wire.LabelTopic, Name: name}) })
	}
	small := computed(1, 1)
	segment, size := uint32(1024), uint64(4096)
	small.Storage = &wire.TopicStorage{SegmentSize: &segment, MaxPartitionSize: &size}
	create(id, computed(1, 1))
	create(id+"-small", small)
	w.spus()
	produce := func(topic string, sets ...[]byte) {
		t.Helper()
		m := &wire.ProduceRequest{Isolation: 1, TimeoutMS: 1000, Topics: []wire.ProduceTopic{{Name: topic}}}
		for _, b := range sets {
			m.Topics[0].Partitions = append(m.Topics[0].Partitions, wire.ProducePartition{Records: b})
		}
		w.sameAt("produce", wire.KeyProduce, 25, m)
	}
	produce(id, batch("a", "b"), batch("c"))
	big := string(make([]byte, 400))
	produce(id+"-small", batch(big), batch(big), batch(big), batch(big), batch(big))
	produce(id+"-small", batch(big+big+big)) // larger than a segment
	produce(id+"-none", batch("x"))

	fetch := func(topic string, partition uint32, from int64, maxBytes int32, isolation uint8) {
		t.Helper()
		w.sameAt(fmt.Sprintf("fetch %s from %d", topic, from), wire.KeyFetch, 25, &wire.FetchRequest{MaxBytes: maxBytes, Isolation: isolation,
			Topics: []wire.FetchTopic{{Name: topic, Partitions: []wire.FetchPartition{{Partition: partition, FetchOffset: from}}}}})
	}
	for _, from := range []int64{0, 1, 2, 3} {
		fetch(id, 0, from, plenty, wire.FetchReadUncommitted)
		fetch(id, 0, from, 70, wire.FetchReadUncommitted)
	}
	fetch(id, 0, 0, plenty, wire.FetchReadCommitted)
	fetch(id, 0, 4, plenty, wire.FetchReadUncommitted)
	fetch(id, 0, -1, plenty, wire.FetchReadUncommitted)
	fetch(id, 1, 0, plenty, wire.FetchReadUncommitted)
	fetch(id+"-none", 0, 0, plenty, wire.FetchReadUncommitted)
	for _, from := range []int64{0, 1, 2, 3, 4, 5} { // a read ends with its segment
		fetch(id+"-small", 0, from, plenty, wire.FetchReadUncommitted)
	}
	w.consumerOffsets()
}

// consumerOffsets stores and reads offsets for the topic of the test, which has records.
func (w *twin) consumerOffsets() {
	t, id := w.t, w.ID
	update := func(offset int64, session uint32) {
		t.Helper()
		w.sameAt("update consumer offset", wire.KeyUpdateConsumerOffset, 25, &wire.UpdateConsumerOffsetRequest{Offset: offset, SessionID: session})
	}
	update(5, 9)
	stream := func(consumer *string) {
		t.Helper()
		w.sameAt("stream", wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: id, MaxBytes: plenty, ConsumerID: consumer})
	}
	c1, c2, empty := id+"-c1", id+"-c2", ""
	stream(nil)
	update(1, 1)
	stream(&c1)
	stream(&c2)
	stream(&empty)
	update(2, 2)
	update(-7, 3)
	update(1<<60, 4)
	offsets := func(consumer *string, version int16) {
		t.Helper()
		w.sameAt("offsets", wire.KeyFetchOffsets, version, &wire.FetchOffsetsRequest{ConsumerID: consumer,
			Topics: []wire.FetchOffsetsTopic{{Name: id, Partitions: []uint32{0, 1}}}})
	}
	for _, version := range []int16{22, 23, 25} {
		offsets(nil, version)
		offsets(&c1, version)
		offsets(&c2, version)
	}
	list := func(consumer string) {
		t.Helper()
		m := &wire.FetchConsumerOffsetsRequest{Filter: &wire.ConsumerFilter{ConsumerID: &consumer, Replica: &wire.ConsumerReplica{Topic: id}}}
		ask := func(p *peer) []byte { return p.message(p.send(wire.KeyFetchConsumerOffsets, 25, m))[4:] }
		var got, want wire.FetchConsumerOffsetsResponse
		_, err := wire.Decode(w.official(ask), 25, &want)
		require.NoError(t, err)
		_, err = wire.Decode(ask(w.dev), 25, &got)
		require.NoError(t, err)
		require.Len(t, got.Consumers, len(want.Consumers))
		for i := range want.Consumers {
			require.InDelta(t, time.Now().Unix(), got.Consumers[i].ModifiedTime, 60)
			got.Consumers[i].ModifiedTime = want.Consumers[i].ModifiedTime
		}
		require.Equal(t, want, got)
	}
	list(c1)
	list(c2)
	list(empty)
	w.sameRecords(c1)
	for _, c := range []string{c1, c1, "nobody", empty} {
		w.sameAt("delete", wire.KeyDeleteConsumerOffset, 25, &wire.DeleteConsumerOffsetRequest{Topic: id, ConsumerID: c})
		list(c)
	}
}

// sameRecords compares what a consumer's latest offset left in the system topic, save offset, time and checksum.
func (w *twin) sameRecords(consumer string) {
	t := w.t
	t.Helper()
	read := func(p *peer) []byte {
		var offsets wire.FetchOffsetsResponse
		p.call(wire.KeyFetchOffsets, 25, &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: systemTopic, Partitions: []uint32{0}}}}, &offsets)
		for at := offsets.Topics[0].Partitions[0].LastStableOffset - 1; at >= 0; at-- {
			var resp wire.FetchResponse
			p.call(wire.KeyFetch, 25, &wire.FetchRequest{MaxBytes: plenty,
				Topics: []wire.FetchTopic{{Name: systemTopic, Partitions: []wire.FetchPartition{{FetchOffset: at}}}}}, &resp)
			_, b, _, _, ok, err := wire.NextBatch(resp.Topics[0].Partitions[0].Records)
			require.NoError(t, err)
			if ok && bytes.Contains(b, []byte(consumer)) {
				for _, field := range [][2]int{{0, 8}, {17, 21}, {len(b) - 9, len(b) - 1}} {
					clear(b[field[0]:field[1]])
				}
				return b
			}
		}
		require.FailNow(t, "no record of the consumer", consumer)
		return nil
	}
	require.Equal(t, hex.EncodeToString(w.official(read)), hex.EncodeToString(read(w.dev)))
}
