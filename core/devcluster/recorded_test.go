package devcluster

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// recordedFrame is one message between official clients and an official cluster, without its length.
type recordedFrame struct {
	Conn   int    `json:"conn"`
	Server string `json:"server"`
	Dir    string `json:"dir"`
	Hex    string `json:"hex"`
	msg    []byte
}

func loadRecording(t *testing.T, name string) []recordedFrame {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "internal", "wire", "testdata", "vectors", "recorded", name+".jsonl"))
	require.NoError(t, err)
	defer f.Close()
	var out []recordedFrame
	s := bufio.NewScanner(f)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		var r recordedFrame
		require.NoError(t, json.Unmarshal(s.Bytes(), &r))
		r.msg, err = hex.DecodeString(r.Hex)
		require.NoError(t, err)
		out = append(out, r)
	}
	require.NoError(t, s.Err())
	require.NotEmpty(t, out)
	return out
}

// replaySPU sends the client's half of a recording's SPU connection to the cluster, each request after the answers to the
// earlier ones, and compares every answer and frame with the recorded bytes.
func replaySPU(t *testing.T, cl *Cluster, name string) {
	t.Helper()
	p := dialSPU(t, cl, 0)
	compared := 0
	for _, f := range loadRecording(t, name) {
		switch {
		case f.Server != "SPU":
		case f.Dir == "c2s":
			p.write(f.msg)
		default:
			id := int32(binary.BigEndian.Uint32(f.msg))
			require.Equal(t, hex.EncodeToString(f.msg), hex.EncodeToString(p.message(id)), "%s: answer to %d", name, id)
			compared++
		}
	}
	require.Positive(t, compared)
}

func TestRecordedProduceAndConsume(t *testing.T) {
	for _, where := range []string{"memory", "folder"} {
		t.Run(where, func(t *testing.T) {
			o := Options{}
			if where == "folder" {
				o.DataDir = t.TempDir()
			}
			cl := startCluster(t, o)
			for name, partitions := range map[string]uint32{"orders": 1, "events": 3} { // as the official client creates them
				spec := computed(partitions, 1)
				spec.Replicas.IgnoreRack = true
				status := dialSC(t, cl).create(name, false, spec)
				require.True(t, status.Error.Ok(), text(status))
			}
			compared := map[string]int{}
			for _, name := range []string{"produce", "consume"} {
				r := newReplay(t, cl)
				r.show = func(o *wire.Object) string {
					_, isSPU := o.Spec.(*wire.SPUSpec)
					if topic := strings.TrimRight(o.Name, "-0123456789"); !isSPU && topic != "orders" && topic != "events" {
						return "" // made by an earlier session
					}
					return whole(t)(o)
				}
				r.run(name)
				require.Len(t, r.want, 6, "watches")
				compared[name] = r.compared
			}
			require.Equal(t, map[string]int{"produce": 22, "consume": 19}, compared)
		})
	}
}

// cache is what a client makes of a watch: what objects are, in some way of showing them.
type cache map[string]string

// note takes an update over. An object that is shown as nothing is left out; without show all are.
func (c cache) note(m *wire.MetadataUpdate, show func(*wire.Object) string) {
	if show == nil {
		return
	}
	put := func(o *wire.Object) {
		if s := show(o); s != "" {
			c[o.Name] = s
		}
	}
	if len(m.All) > 0 {
		clear(c)
		for i := range m.All {
			put(&m.All[i])
		}
	}
	for i := range m.Changes {
		if ch := &m.Changes[i]; ch.Kind == wire.ChangeDelete {
			delete(c, ch.Object.Name)
		} else {
			put(&ch.Object)
		}
	}
}

// whole shows an object as it is, but for the ports of SPUs, which differ.
func whole(t *testing.T) func(*wire.Object) string {
	return func(o *wire.Object) string {
		if spu, ok := o.Spec.(*wire.SPUSpec); ok {
			spu.PublicEndpoint.Port, spu.PrivateEndpoint.Port = 0, 0
		}
		b, err := json.Marshal(o)
		require.NoError(t, err)
		return string(b)
	}
}

// decodeUpdate gives the update in a message of a watch.
func decodeUpdate(t *testing.T, msg []byte) *wire.MetadataUpdate {
	t.Helper()
	_, body, err := wire.SplitResponse(msg)
	require.NoError(t, err)
	var m wire.MetadataUpdate
	_, err = wire.Decode(body, 19, &m)
	require.NoError(t, err)
	return &m
}

// listBytes gives a List answer in the order of names, for its own means nothing.
func listBytes(t *testing.T, msg []byte) string {
	t.Helper()
	_, body, err := wire.SplitResponse(msg)
	require.NoError(t, err)
	var m wire.ListResponse
	_, err = wire.Decode(body, 19, &m)
	require.NoError(t, err)
	sort.Slice(m.Objects, func(i, j int) bool { return m.Objects[i].Name < m.Objects[j].Name })
	b, err := wire.Append(nil, 19, &m)
	require.NoError(t, err)
	return hex.EncodeToString(b)
}

func TestRecordedAdmin(t *testing.T) {
	cl := startCluster(t, Options{})
	p := dialSC(t, cl)
	keys := map[int32]uint16{} // of the requests, by correlation id
	want := map[int32]cache{}  // what the watches of the real cluster came to
	statuses := 0
	for _, f := range loadRecording(t, "admin") {
		if f.Dir == "c2s" {
			h, _, err := wire.DecodeRequestHeader(f.msg)
			require.NoError(t, err)
			keys[h.CorrelationID] = h.APIKey
			p.write(f.msg)
			continue
		}
		id := int32(binary.BigEndian.Uint32(f.msg))
		switch keys[id] {
		case wire.KeyWatch:
			if want[id] == nil {
				want[id] = cache{}
			}
			want[id].note(decodeUpdate(t, f.msg), whole(t))
		case wire.KeyList:
			require.Equal(t, listBytes(t, f.msg), listBytes(t, p.message(id)), "answer to %d", id)
		default:
			require.Equal(t, hex.EncodeToString(f.msg), hex.EncodeToString(p.message(id)), "answer to %d", id)
			statuses++
		}
	}
	require.Equal(t, 10, statuses) // ApiVersions, seven creates, two deletes
	require.Len(t, want, 3)
	for id, final := range want {
		got := cache{}
		for !maps.Equal(got, final) {
			got.note(decodeUpdate(t, p.message(id)), whole(t))
		}
	}
}
