package devcluster

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// replay plays the client's half of a recording, all its connections, and compares every answer with the recorded bytes.
// What watches send comes when it comes: of them, what they came to at the end is compared.
type replay struct {
	t     *testing.T
	cl    *Cluster
	conns map[int]*peer
	asked map[[2]int]recordedRequest // by connection and correlation id
	want  map[[2]int]cache           // what the watches came to

	// leave says why an answer is not compared; empty: it is.
	leave func(r recordedRequest) string
	// show is an object of a watch as it is compared; empty: it is not. nil leaves watches out.
	show func(o *wire.Object) string
	// before is called with every frame and, of watches, its content.
	before func(f recordedFrame, update *wire.MetadataUpdate)

	compared int
	left     map[string]int // answers left out, by reason
}

type recordedRequest struct {
	role   wire.Role
	header wire.RequestHeader
	msg    wire.Message
}

func newReplay(t *testing.T, cl *Cluster) *replay {
	return &replay{
		t: t, cl: cl, conns: map[int]*peer{}, asked: map[[2]int]recordedRequest{}, want: map[[2]int]cache{}, left: map[string]int{},
		leave: func(recordedRequest) string { return "" }, before: func(recordedFrame, *wire.MetadataUpdate) {},
	}
}

// connect opens a connection of the recording; servers are called SC, SPU or SPU5002.
func (r *replay) connect(f recordedFrame) *peer {
	if r.conns[f.Conn] == nil {
		i := 0
		if id, ok := strings.CutPrefix(f.Server, "SPU"); ok {
			if id != "" {
				n, err := strconv.Atoi(id)
				require.NoError(r.t, err)
				i = n - firstSPU
			}
			r.conns[f.Conn] = dialSPU(r.t, r.cl, i)
		} else {
			r.conns[f.Conn] = dialSC(r.t, r.cl)
		}
	}
	return r.conns[f.Conn]
}

func (r *replay) run(name string) {
	r.t.Helper()
	for _, f := range loadRecording(r.t, name) {
		p := r.connect(f)
		if f.Dir == "c2s" {
			h, body, err := wire.DecodeRequestHeader(f.msg)
			require.NoError(r.t, err)
			m := wire.LookupAPI(p.role, h.APIKey).Request()
			_, err = wire.Decode(body, h.APIVersion, m)
			require.NoError(r.t, err)
			r.asked[[2]int{f.Conn, int(h.CorrelationID)}] = recordedRequest{p.role, h, m}
			r.before(f, nil)
			p.write(f.msg)
			continue
		}
		id := int32(binary.BigEndian.Uint32(f.msg))
		at := [2]int{f.Conn, int(id)}
		req := r.asked[at]
		if _, ok := req.msg.(*wire.WatchRequest); ok {
			update := decodeUpdate(r.t, f.msg)
			r.before(f, update)
			if r.want[at] == nil {
				r.want[at] = cache{}
			}
			r.want[at].note(update, r.show)
			continue
		}
		r.before(f, nil)
		if why := r.leave(req); why != "" {
			r.left[why]++
			continue
		}
		require.Equal(r.t, r.plain(req, f.msg), r.plain(req, p.message(id)), "%s: answer to %d on connection %d", name, id, f.Conn)
		r.compared++
	}
	for at, want := range r.want {
		for got := (cache{}); r.show != nil && !maps.Equal(got, want); {
			got.note(decodeUpdate(r.t, r.conns[at[0]].message(int32(at[1]))), r.show)
		}
	}
}

// plain is an answer without what may differ: the order of lists, the time at which a consumer offset was stored, and how batches
// that went through SmartModules are compressed, of which no two programs do it alike.
func (r *replay) plain(req recordedRequest, msg []byte) string {
	_, body, err := wire.SplitResponse(msg)
	require.NoError(r.t, err)
	switch req.msg.(type) {
	case *wire.ListRequest:
		return listBytes(r.t, msg)
	case *wire.StreamFetchRequest:
		var m wire.StreamFetchResponse
		_, err := wire.Decode(body, req.header.APIVersion, &m)
		require.NoError(r.t, err)
		if m.Partition.NextFilterOffset > 0 {
			m.Partition.Records = unpacked(r.t, m.Partition.Records)
			body, err = wire.Append(nil, req.header.APIVersion, &m)
			require.NoError(r.t, err)
		}
	case *wire.FetchConsumerOffsetsRequest:
		var m wire.FetchConsumerOffsetsResponse
		_, err := wire.Decode(body, req.header.APIVersion, &m)
		require.NoError(r.t, err)
		for i := range m.Consumers {
			m.Consumers[i].ModifiedTime = 0
		}
		slices.SortFunc(m.Consumers, func(a, b wire.ConsumerOffset) int { return strings.Compare(a.ConsumerID, b.ConsumerID) })
		body, err = wire.Append(nil, req.header.APIVersion, &m)
		require.NoError(r.t, err)
	}
	return hex.EncodeToString(body)
}

// unpacked is a record set with the records of its batches uncompressed, though still said to be compressed.
func unpacked(t *testing.T, records []byte) (out []byte) {
	for {
		h, b, rest, _, ok, err := wire.NextBatch(records)
		require.NoError(t, err)
		if !ok {
			return append(out, records...)
		}
		require.NoError(t, wire.VerifyBatch(b, &h))
		plain, err := compress.AppendDecoded(make([]byte, wire.BatchHeaderSize), compress.Codec(h.Compression()), b[wire.BatchHeaderSize:], 1<<30)
		require.NoError(t, err)
		wire.SealBatch(plain, &h)
		out, records = append(out, plain...), rest
	}
}

// Compared: every answer and frame, and how the system topic grew. Left out: the watches, for there are other topics.
func TestRecordedConsumerOffsets(t *testing.T) {
	for _, where := range []string{"memory", "folder"} {
		t.Run(where, func(t *testing.T) {
			o := Options{}
			if where == "folder" {
				o.DataDir = t.TempDir()
			}
			cl := startCluster(t, o)
			require.NoError(t, cl.CreateTopic("orders", 1))
			require.NoError(t, cl.CreateTopic("events", 3))
			replaySPU(t, cl, "produce")
			r := newReplay(t, cl)
			grew := map[int64]int64{} // the system topic: size in bytes by number of records
			r.before = func(_ recordedFrame, update *wire.MetadataUpdate) {
				if update == nil || update.Label != wire.LabelPartition {
					return
				}
				for _, c := range update.Changes {
					st := c.Object.Status.(*wire.PartitionStatus)
					grew[st.Leader.LEO] = st.Size
				}
			}
			r.run("offsets")
			require.Equal(t, 20, r.compared)
			require.Len(t, grew, 2)
			for records, size := range grew {
				require.Equal(t, size, cl.consumerPartition().log.position(records))
			}
		})
	}
}

// Compared: every answer, the frames of streams through real modules included. Left out: the payloads of lists of modules, which
// the recording lacks, the watches, for there are other topics, and the backtrace of the module that traps.
func TestRecordedSmartModules(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopic("orders", 1))
	require.NoError(t, cl.CreateTopic("events", 3))
	replaySPU(t, cl, "produce")
	r := newReplay(t, cl)
	const traps = "a module traps"
	r.leave = func(req recordedRequest) string {
		if m, ok := req.msg.(*wire.StreamFetchRequest); ok && m.SmartModules[0].Name == "wat-trap" {
			return traps
		}
		return ""
	}
	r.run("smartmodule")
	require.Equal(t, map[string]int{traps: 1}, r.left)
	require.Equal(t, 58, r.compared)
	names, objects := dialSC(t, cl).list(wire.LabelSmartModule, false)
	require.Equal(t, []string{"sm-aggregate-sum", "sm-array-split", "sm-filter-contains", "sm-filter-dedup-lookback", "sm-filter-map-even",
		"sm-map-affix", "wat-trap"}, names)
	for _, o := range objects {
		require.Equal(t, []byte{0x1f, 0x8b}, o.Spec.(*wire.SmartModuleSpec).Payload[:2], "gzip")
	}
}

// The recorded SPU was killed; here it is stopped, when the recorded SC tells of it. Compared: every answer and frame, and
// of the watches who leads what and which partitions and SPUs are online in the end. Left out: the offsets of partitions in
// watches, which came when they came; and where partitions were placed is taken over, because that is chance.
func TestRecordedFailover(t *testing.T) {
	cl := startCluster(t, Options{SPUs: 3})
	r := newReplay(t, cl)
	placed := recordedPlacement(t, "failover")
	adopted, stopped := false, false
	r.before = func(f recordedFrame, update *wire.MetadataUpdate) {
		if !adopted && strings.HasPrefix(f.Server, "SPU") {
			adopted = true
			cl.adopt(placed)
		}
		if update == nil || stopped {
			return
		}
		for _, c := range update.Changes {
			if s, ok := c.Object.Status.(*wire.SPUStatus); ok && s.Resolution == wire.SPUOffline {
				stopped = true
				require.NoError(t, cl.StopSPU(c.Object.Spec.(*wire.SPUSpec).ID))
			}
		}
	}
	r.show = func(o *wire.Object) string {
		switch spec := o.Spec.(type) {
		case *wire.PartitionSpec:
			return fmt.Sprintf("led by %d of %d, state %d", spec.Leader, spec.Replicas, o.Status.(*wire.PartitionStatus).Resolution)
		case *wire.SPUSpec:
			return fmt.Sprintf("SPU %d, state %d", spec.ID, o.Status.(*wire.SPUStatus).Resolution)
		}
		return fmt.Sprintf("state %d", o.Status.(*wire.TopicStatus).Resolution)
	}
	r.run("failover")
	require.True(t, stopped)
	require.Empty(t, r.left)
	require.Equal(t, 28, r.compared)
}

// recordedPlacement is where the SC of a recording first put partitions, by name, the leader first.
func recordedPlacement(t *testing.T, name string) map[string][]int32 {
	out := map[string][]int32{}
	for _, f := range loadRecording(t, name) {
		if f.Dir != "s2c" || f.Server != "SC" || !bytes.Contains(f.msg[:min(len(f.msg), 20)], []byte(wire.LabelPartition)) {
			continue
		}
		m := decodeUpdate(t, f.msg)
		objects := m.All
		for _, c := range m.Changes {
			objects = append(objects, c.Object)
		}
		for _, o := range objects {
			if out[o.Name] == nil {
				out[o.Name] = o.Spec.(*wire.PartitionSpec).Replicas
			}
		}
	}
	return out
}

// adopt moves every partition to other replicas.
func (cl *Cluster) adopt(placed map[string][]int32) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for _, t := range cl.topics {
		for _, p := range t.partitions {
			p.mu.Lock()
			p.replicas, p.leader, p.marks = placed[p.name()], placed[p.name()][0], map[int32]int64{}
			p.advance()
			p.mu.Unlock()
			cl.publishPartition(p)
		}
		cl.publishTopic(t)
	}
}
