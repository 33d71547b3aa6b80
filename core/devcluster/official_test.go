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

func TestAnswersOfAnOfficialSC(t *testing.T) {
	w := newTwin(t)
	id := w.ID
	create := func(label, name string, dry bool, spec wire.Message) {
		t.Helper()
		w.same("create "+label+" "+name, wire.KeyCreate, &wire.CreateRequest{Label: label, Name: name, DryRun: dry, Spec: spec})
	}
	remove := func(label, name string, force bool) {
		t.Helper()
		w.same("delete "+label+" "+name, wire.KeyDelete, &wire.DeleteRequest{Label: label, Name: name, Force: force})
	}
	list := func(label string, summary bool, filters ...string) {
		t.Helper()
		w.same("list "+label, wire.KeyList, &wire.ListRequest{Label: label, Filters: filters, Summary: summary})
	}
	update := func(name string, m wire.UpdateRequest) {
		t.Helper()
		m.Label, m.Name = wire.LabelTopic, name
		w.same("update "+name, wire.KeyUpdate, &m)
	}
	text := func(s string) *string { return &s }
	t.Cleanup(func() { // what a failing test leaves behind
		if w.real == nil {
			return
		}
		p := dial(t, wire.SC, os.Getenv(officialSC))
		for label, names := range map[string][]string{wire.LabelTopic: {"-a", "-m", "-d"}, wire.LabelMirror: {"-edge"}, wire.LabelCustomSPU: {"-spu"},
			wire.LabelSPUGroup: {"-g"}, wire.LabelTableFormat: {"-t"}, wire.LabelSmartModule: {"-s", "-p-grp-0.1.0"}} {
			for _, name := range names {
				var s wire.Status
				p.call(wire.KeyDelete, 19, &wire.DeleteRequest{Label: label, Name: id + name}, &s)
			}
		}
	})

	// Topics.
	create(wire.LabelTopic, id+"-a", true, computed(1, 1))
	create(wire.LabelTopic, id+"-a", false, computed(1, 1))
	create(wire.LabelTopic, id+"-a", true, computed(0, 0))
	dedup := computed(1, 1)
	dedup.Deduplication = &wire.Deduplication{Count: 5, Uses: id + "-nothing"}
	create(wire.LabelTopic, id+"-d", false, dedup)
	dedup.Deduplication = &wire.Deduplication{Count: 5, Uses: "infinyon/" + id + "-nothing@0.1.0"}
	create(wire.LabelTopic, id+"-d", false, dedup)
	for _, version := range []string{"c", ""} {
		dedup.Deduplication = &wire.Deduplication{Count: 5, Uses: "a/b@" + version}
		create(wire.LabelTopic, id+"-d", false, dedup)
	}
	list(wire.LabelTopic, false, id)
	update(id+"-a", wire.UpdateRequest{Partitions: 0})
	update(id+"-a", wire.UpdateRequest{Partitions: 2})
	w.await(id+"-a", 3)
	list(wire.LabelTopic, false, id)
	update(id+"-none", wire.UpdateRequest{Partitions: 1})
	update(systemTopic, wire.UpdateRequest{Partitions: 1})
	update(id+"-a", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: id + "-nobody"})
	update(id+"-none", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: id + "-nobody"})
	remove(wire.LabelTopic, systemTopic, false)

	// Mirrors.
	create(wire.LabelMirror, id+"-edge", true, &wire.MirrorSpec{Kind: wire.MirrorRemote, ID: id + "-edge"})
	create(wire.LabelMirror, id+"-edge", false, &wire.MirrorSpec{Kind: wire.MirrorRemote, ID: id + "-edge"})
	update(id+"-a", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: id + "-edge"})
	home := &wire.TopicSpec{Compression: wire.TopicCompressionAny, Replicas: wire.ReplicaSpec{Kind: wire.ReplicasMirror,
		Mirror: wire.MirrorConfig{Kind: wire.MirrorHome}}}
	create(wire.LabelTopic, id+"-m", false, home)
	update(id+"-m", wire.UpdateRequest{Partitions: 1})
	update(id+"-m", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: id + "-edge"})
	w.await(id+"-m", 1) // a real SC that is asked again at once may not know yet
	update(id+"-m", wire.UpdateRequest{Action: wire.UpdateAddMirror, RemoteCluster: id + "-edge"})
	remove(wire.LabelTopic, id+"-m", false)
	list(wire.LabelMirror, false)
	remove(wire.LabelMirror, id+"-edge", false)
	remove(wire.LabelMirror, id+"-edge", false)

	// Custom SPUs.
	host := "127.0.0.1"
	spu := func(n int32) *wire.CustomSPUSpec {
		return &wire.CustomSPUSpec{ID: n, PublicEndpoint: wire.IngressPort{Port: 9, Ingress: []wire.IngressAddr{{Hostname: &host}}},
			PrivateEndpoint: wire.Endpoint{Port: 10, Host: host}}
	}
	create(wire.LabelCustomSPU, id+"-spu", true, spu(777001))
	create(wire.LabelCustomSPU, id+"-spu", false, spu(777001))
	create(wire.LabelCustomSPU, id+"-spu", false, spu(777002))
	create(wire.LabelCustomSPU, id+"-other", false, spu(777001))
	list(wire.LabelSPU, false, id)
	list(wire.LabelCustomSPU, false, id)
	unregister := func(m wire.DeleteRequest) {
		t.Helper()
		m.Label = wire.LabelCustomSPU
		w.same("unregister", wire.KeyDelete, &m)
	}
	one, other := int32(777001), int32(777002)
	unregister(wire.DeleteRequest{ID: &other})
	unregister(wire.DeleteRequest{ID: &one})
	unregister(wire.DeleteRequest{Name: id + "-spu"})

	// SPU groups, table formats.
	create(wire.LabelSPUGroup, id+"-g", true, &wire.SPUGroupSpec{Replicas: 1, MinID: 100})
	create(wire.LabelSPUGroup, id+"-g", false, &wire.SPUGroupSpec{Replicas: 2, MinID: 200, Rack: text("r")})
	list(wire.LabelSPUGroup, false, id)
	remove(wire.LabelSPUGroup, id+"-g", false)
	remove(wire.LabelSPUGroup, id+"-g", false)
	table := &wire.TableFormatSpec{Name: id + "-t", Columns: &[]wire.TableColumn{{KeyPath: "k"}}}
	create(wire.LabelTableFormat, id+"-t", true, table)
	create(wire.LabelTableFormat, id+"-t", false, table)
	list(wire.LabelTableFormat, false, id)
	remove(wire.LabelTableFormat, id+"-t", false)
	remove(wire.LabelTableFormat, id+"-t", false)

	// SmartModules.
	module := &wire.SmartModuleSpec{Payload: []byte{1, 2, 3}}
	packed := &wire.SmartModuleSpec{Payload: []byte{4, 5}, Meta: &wire.SmartModuleMeta{Package: wire.SmartModulePackage{
		Name: id + "-p", Group: "grp", Version: "0.1.0", APIVersion: "0.1.0", Description: text("d"), Visibility: wire.SmartModulePublic}}}
	unnamed := &wire.SmartModuleSpec{Meta: &wire.SmartModuleMeta{Package: wire.SmartModulePackage{Name: "x", Version: "0.1.0", APIVersion: "0.1.0"}}}
	create(wire.LabelSmartModule, id+"-s", true, module)
	create(wire.LabelSmartModule, id+"-s", false, &wire.SmartModuleSpec{Payload: []byte{9}})
	create(wire.LabelSmartModule, id+"-x", false, packed)
	create(wire.LabelSmartModule, id+"-y", false, unnamed)
	for _, filter := range []string{id + "-s", "grp/" + id + "-s", id + "-p", "grp/" + id + "-p", "grp/" + id + "-p@0.1", "grp/" + id + "-p@0.2.0",
		"other/" + id + "-p", id} {
		list(wire.LabelSmartModule, false, filter)
		list(wire.LabelSmartModule, true, filter)
	}
	dedup.Deduplication = &wire.Deduplication{Count: 5, Uses: "grp/" + id + "-p@0.1.0"}
	create(wire.LabelTopic, id+"-d", true, dedup)
	remove(wire.LabelSmartModule, id+"-p", false)
	remove(wire.LabelSmartModule, "grp/"+id+"-p@0.1.0", false)
	remove(wire.LabelSmartModule, id+"-s", false)
	remove(wire.LabelSmartModule, id+"-s", false)
	remove(wire.LabelTopic, id+"-a", false)
	remove(wire.LabelTopic, id+"-a", false)

	// What cannot be done with a type.
	create(wire.LabelPartition, id, false, &wire.PartitionSpec{})
	create(wire.LabelSPU, id, false, &wire.SPUSpec{})
	remove(wire.LabelPartition, id, false)
	remove("Nothing", id, false)
	w.same("update", wire.KeyUpdate, &wire.UpdateRequest{Label: wire.LabelSmartModule, Name: id})
	w.same("update", wire.KeyUpdate, &wire.UpdateRequest{Label: "topic", Name: id})
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
