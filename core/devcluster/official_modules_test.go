package devcluster

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// wasm is one of the modules of tests/smartmodules, compressed.
func wasm(t testing.TB, name string) *[]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "tests", "smartmodules", name+".wasm"))
	require.NoError(t, err)
	return pack(t, b)
}

func pack(t testing.TB, b []byte) *[]byte {
	t.Helper()
	packed, err := compress.Append(nil, compress.Gzip, 0, b)
	require.NoError(t, err)
	return &packed
}

// module is an invocation of one of them, with parameters in the order name, value.
func module(t testing.TB, name string, params ...string) wire.SmartModuleInvocation {
	t.Helper()
	m := wire.SmartModuleInvocation{AdHoc: wasm(t, name), Kind: wire.SmartModuleKind{Tag: wire.KindGeneric}}
	for i := 0; i < len(params); i += 2 {
		m.Params = append(m.Params, wire.MapEntry[string, string]{Key: params[i], Value: params[i+1]})
	}
	return m
}

// from is an aggregate with an initial value.
func from(m wire.SmartModuleInvocation, accumulator string) wire.SmartModuleInvocation {
	m.Kind.Context, m.Kind.Accumulator = wire.ContextAggregate, []byte(accumulator)
	return m
}

// shown is a module that asks for a lookback; age in seconds, 0 for none.
func shown(m wire.SmartModuleInvocation, last, age uint64) wire.SmartModuleInvocation {
	if m.Look = (&wire.Lookback{Last: last}); age > 0 {
		m.Look.Age = &wire.Duration{Seconds: age}
	}
	return m
}

// packedBatch is a batch that is really compressed, of records a second apart; "key=value" has a key.
func packedBatch(t testing.TB, codec compress.Codec, first int64, records ...string) []byte {
	t.Helper()
	section := binary.BigEndian.AppendUint32(nil, uint32(len(records)))
	for i, r := range records {
		key, value, keyed := strings.Cut(r, "=")
		if !keyed {
			key, value = "", r
		}
		section = wire.AppendRecord(section, int64(i)*1000, int64(i), keyed, []byte(key), []byte(value))
	}
	b, err := compress.Append(make([]byte, wire.BatchHeaderSize), codec, 0, section)
	require.NoError(t, err)
	h := wire.NewBatchHeader(int(codec), len(records), first, first+int64(len(records)-1)*1000)
	wire.SealBatch(b, &h)
	return b
}

// moduleTwin asks both clusters for what went through SmartModules.
type moduleTwin struct {
	*twin
	t *testing.T
}

// plainText takes out of an error what is each engine's own: the frames of a trap.
func plainText(code *wire.ErrorCode) {
	if p, ok := code.Payload.(*wire.TextPayload); ok {
		if at := strings.Index(p.Message, "backtrace:"); at >= 0 {
			p.Message = p.Message[:at]
		}
	}
}

// stream wants the same frames of both, each acknowledged, up to the end of the log or an error that ends the stream. Each stream
// has a connection of its own, so that a module which an SPU has not heard of yet can be asked for again.
func (w *moduleTwin) stream(what string, version int16, m wire.StreamFetchRequest, known bool) {
	w.t.Helper()
	ask := func(p *peer) []byte {
		for {
			if out := w.frames(p, version, m); !known || len(out) == 0 || out[0].Error.Code != fluvioerr.ServerSmartModuleNotFound {
				var all []byte
				for i := range out {
					plainText(&out[i].Error)
					out[i].Records = unpacked(w.t, out[i].Records)
					b, err := wire.Append(nil, version, &wire.StreamFetchResponse{Topic: m.Topic, StreamID: 1, Partition: out[i]})
					require.NoError(w.t, err)
					all = append(all, b...)
				}
				return all
			}
		}
	}
	want, got := w.official(ask), ask(w.dev)
	require.Equal(w.t, want, got, "%s: official %q, dev %q", what, want, got)
}

func (w *moduleTwin) frames(p *peer, version int16, m wire.StreamFetchRequest) (out []wire.FetchPartitionResponse) {
	q := dial(w.t, wire.SPU, p.nc.RemoteAddr().String())
	defer q.nc.Close()
	for id := q.send(wire.KeyStreamFetch, version, &m); ; {
		var f wire.StreamFetchResponse
		q.receive(id, version, &f)
		require.EqualValues(w.t, 1, f.StreamID)
		out = append(out, f.Partition)
		switch next := f.Partition.NextFilterOffset; {
		case !f.Partition.Error.Ok() && f.Partition.Error.Code != fluvioerr.ServerSmartModuleRuntime, next >= f.Partition.HighWatermark:
			return out
		default:
			require.Positive(w.t, next)
			q.ackStream(f.StreamID, next)
		}
	}
}

// produce wants the same answer of both to record sets for partition 0 that go through modules.
func (w *moduleTwin) produce(what, topic string, modules wire.SmartModules, sets ...[]byte) {
	w.t.Helper()
	m := &wire.ProduceRequest{Isolation: 1, TimeoutMS: 1000, Topics: []wire.ProduceTopic{{Name: topic}}, SmartModules: modules}
	for _, set := range sets {
		m.Topics[0].Partitions = append(m.Topics[0].Partitions, wire.ProducePartition{Records: set})
	}
	ask := func(p *peer) []byte {
		var resp wire.ProduceResponse
		p.call(wire.KeyProduce, 25, m, &resp)
		for i := range resp.Topics[0].Partitions {
			plainText(&resp.Topics[0].Partitions[i].Error)
		}
		b, err := wire.Append(nil, 25, &resp)
		require.NoError(w.t, err)
		return b
	}
	want, got := w.official(ask), ask(w.dev)
	require.Equal(w.t, want, got, "%s: official %q, dev %q", what, want, got)
}

// stored wants both to hold the same batches.
func (w *moduleTwin) stored(topic string) {
	w.t.Helper()
	ask := func(p *peer) []byte {
		var resp wire.FetchResponse
		p.call(wire.KeyFetch, 25, &wire.FetchRequest{MaxBytes: plenty,
			Topics: []wire.FetchTopic{{Name: topic, Partitions: []wire.FetchPartition{{}}}}}, &resp)
		return unpacked(w.t, resp.Topics[0].Partitions[0].Records)
	}
	want, got := w.official(ask), ask(w.dev)
	require.Equal(w.t, want, got, "stored: official %q, dev %q", want, got)
}

const (
	past   = 1700000000000 // timestamps, ms
	future = 4000000000000
)

// moduleBatches are batches of every codec: most things that a module may meet.
func moduleBatches(t *testing.T) [][]byte {
	return [][]byte{
		packedBatch(t, compress.None, past, "one 1", "k=two 22", "three"),
		packedBatch(t, compress.Gzip, past+5, "4", "bad", "=6"),
		packedBatch(t, compress.Snappy, past+6, "a b  c", "   ", ""),
		packedBatch(t, compress.None, past+7, "seven 7"),
		packedBatch(t, compress.Lz4, past+8, "x="+strings.Repeat("long ", 300), "e8e", "\xff\xfe9"),
		packedBatch(t, compress.Zstd, past+9, "key=10", "20", "bad", "30"),
		packedBatch(t, compress.None, future, "the end 99"),
	}
}

func TestAnswersThroughSmartModules(t *testing.T) {
	w := &moduleTwin{newTwin(t), t}
	id, sc := w.ID, *w.twin
	made := func(label, name string, spec wire.Message, stored string) {
		sc.create(label, name, false, spec)
		t.Cleanup(func() { sc.remove(label, stored, false) })
	}
	for _, name := range []string{"", "-written", "-single", "-three", "-past"} {
		made(wire.LabelTopic, id+name, computed(1, 1), id+name)
	}
	made(wire.LabelSmartModule, id+"-upper", &wire.SmartModuleSpec{Payload: *wasm(t, "upper")}, id+"-upper")
	for _, version := range []string{"0.1.0", "0.2.0"} {
		made(wire.LabelSmartModule, "", &wire.SmartModuleSpec{Payload: *wasm(t, "words"), Meta: &wire.SmartModuleMeta{
			Package: wire.SmartModulePackage{Name: id, Group: "grp", Version: version, APIVersion: "0.1.0"}}}, "grp/"+id+"@"+version)
	}
	w.spus()
	w.produce("no modules", id, nil, moduleBatches(t)...)
	w.read(id)
	w.fail(id)
	w.lookBack(id)
	w.write(id + "-written")
}

// moduleCase is a chain, and how it is asked for.
type moduleCase struct {
	what    string
	from    int64
	version int16 // 25 when 0
	max     int32 // plenty when 0
	chain   wire.SmartModules
}

func (w *moduleTwin) streams(topic string, cases ...moduleCase) {
	w.t.Helper()
	for _, c := range cases {
		m := wire.StreamFetchRequest{Topic: topic, FetchOffset: c.from, MaxBytes: plenty, SmartModules: c.chain}
		if c.max > 0 {
			m.MaxBytes = c.max
		}
		if c.version == 0 {
			c.version = 25
		}
		w.stream(c.what, c.version, m, !strings.Contains(c.what, "unknown"))
	}
}

// chainsOf are the kinds, alone and in chains of three.
func chainsOf(t *testing.T) []moduleCase {
	short, upper, words, digits := module(t, "short", "max", "6"), module(t, "upper", "label", "> ", "where", "y"), module(t, "words"), module(t, "digits")
	total := from(module(t, "total"), "1000")
	return []moduleCase{
		{what: "everything", chain: wire.SmartModules{module(t, "short")}},
		{what: "filter", chain: wire.SmartModules{short}},
		{what: "map", chain: wire.SmartModules{upper}},
		{what: "array_map", chain: wire.SmartModules{words}},
		{what: "filter_map", chain: wire.SmartModules{digits}},
		{what: "pattern", chain: wire.SmartModules{module(t, "pattern", "pattern", "^.* 99*$")}},
		{what: "pattern within", chain: wire.SmartModules{module(t, "pattern", "pattern", "9")}},
		{what: "state", chain: wire.SmartModules{module(t, "once")}},
		{what: "filter, map, array_map", chain: wire.SmartModules{short, upper, words}},
		{what: "array_map, filter_map, aggregate", chain: wire.SmartModules{words, digits, total}},
		{what: "filter_map, aggregate, map", chain: wire.SmartModules{digits, total, upper}},
		{what: "state, array_map, filter", chain: wire.SmartModules{module(t, "once"), words, short}},
	}
}

// read reads through every kind.
func (w *moduleTwin) read(id string) {
	t := w.t
	w.streams(id, chainsOf(t)...)
	digits, upper := module(t, "digits"), module(t, "upper", "where", "")
	total := from(module(t, "total"), "5")
	named := func(name string) wire.SmartModules { return wire.SmartModules{{Name: name, Kind: digits.Kind}} }
	w.streams(id,
		moduleCase{what: "within a batch", from: 4, chain: wire.SmartModules{upper}},
		moduleCase{what: "within a batch, aggregate", from: 1, chain: wire.SmartModules{digits, total}},
		moduleCase{what: "small frames", max: 40, chain: wire.SmartModules{digits}},
		moduleCase{what: "small frames, aggregate", max: 40, chain: wire.SmartModules{digits, total}},
		moduleCase{what: "by name", chain: named(id + "-upper")},
		moduleCase{what: "by group", chain: named("grp/" + id)},
		moduleCase{what: "by version", chain: named("grp/" + id + "@0.2")},
		moduleCase{what: "by package", chain: named(id)},
	)
	for version := int16(19); version <= 25; version++ {
		w.streams(id, moduleCase{what: fmt.Sprint("version ", version), version: version, chain: wire.SmartModules{shown(digits, 3, 7), upper}},
			moduleCase{what: fmt.Sprint("aggregate, version ", version), version: version, chain: wire.SmartModules{digits, total}})
	}
	committed := wire.StreamFetchRequest{Topic: id, MaxBytes: plenty, Isolation: wire.FetchReadCommitted, SmartModules: wire.SmartModules{upper}}
	w.stream("committed", 25, committed, true)
}

// fail reads through modules that fail in every way.
func (w *moduleTwin) fail(id string) {
	t := w.t
	fails, digits, upper := module(t, "fails"), module(t, "digits"), module(t, "upper")
	named := func(name string) wire.SmartModules { return wire.SmartModules{{Name: name, Kind: fails.Kind}} }
	text := func(s string) wire.SmartModules {
		return wire.SmartModules{{AdHoc: pack(t, []byte(s)), Kind: fails.Kind}}
	}
	w.streams(id,
		moduleCase{what: "a record", chain: wire.SmartModules{fails}},
		moduleCase{what: "a record with a key", chain: wire.SmartModules{module(t, "fails", "at", "10")}},
		moduleCase{what: "the first record", chain: wire.SmartModules{module(t, "fails", "at", "one 1")}},
		moduleCase{what: "the last record", chain: wire.SmartModules{module(t, "fails", "at", "the end 99")}},
		moduleCase{what: "a record within a chain", chain: wire.SmartModules{upper, module(t, "fails", "at", "BAD"), digits}},
		moduleCase{what: "binary", chain: wire.SmartModules{module(t, "fails", "at", "20"), upper, digits}},
		moduleCase{what: "aggregate", chain: wire.SmartModules{module(t, "total")}},
		moduleCase{what: "aggregate, accumulator", chain: wire.SmartModules{digits, from(module(t, "total"), "x")}},
		moduleCase{what: "init", chain: wire.SmartModules{upper, module(t, "fails", "init", "as told")}},
		moduleCase{what: "init, parameter", chain: wire.SmartModules{module(t, "pattern")}},
		moduleCase{what: "init, parse", chain: wire.SmartModules{module(t, "short", "max", "many")}},
		moduleCase{what: "trap", chain: wire.SmartModules{module(t, "breaks", "how", "trap")}},
		moduleCase{what: "trap in init", chain: wire.SmartModules{module(t, "breaks", "how", "trap", "early", "")}},
		moduleCase{what: "unknown", chain: named("no-such-module")},
		moduleCase{what: "unknown, behind another", chain: append(text(""), named("no-such-module")...)},
		moduleCase{what: "unknown version", chain: named("grp/" + id + "@0.3.0")},
		moduleCase{what: "unknown group", chain: named("group/" + id)},
		moduleCase{what: "not compressed", chain: wire.SmartModules{{AdHoc: &[]byte{0, 'a', 's', 'm', 1, 0, 0, 0, 0, 0}, Kind: fails.Kind}}},
		moduleCase{what: "empty", chain: wire.SmartModules{{AdHoc: &[]byte{}, Kind: fails.Kind}}},
		moduleCase{what: "no import", chain: text("\x00asm\x01\x00\x00\x00")},
	)
}

// lookBack shows modules what is stored, which the module's error tells.
func (w *moduleTwin) lookBack(id string) {
	t := w.t
	w.produce("one record", id+"-single", nil, packedBatch(t, compress.None, future, "only"))
	w.produce("single records", id+"-three", nil, packedBatch(t, compress.None, past, "a"), packedBatch(t, compress.Gzip, future, "b"),
		packedBatch(t, compress.None, future+1, "c"))
	w.produce("batches", id+"-past", nil, packedBatch(t, compress.None, past, "a", "b", "c"), packedBatch(t, compress.Zstd, past, "old", "older"),
		packedBatch(t, compress.Gzip, future, "new", "newer"), packedBatch(t, compress.None, future, "newest", "last"))
	for _, topic := range []string{"-single", "-three", "-past"} {
		for _, look := range [][2]uint64{{1, 0}, {2, 0}, {4, 0}, {100, 0}, {0, 1}, {0, 4e9}, {3, 1}, {6, 4e9}} {
			what := fmt.Sprintf("lookback of %d, %d s, on %s", look[0], look[1], topic)
			w.streams(id+topic, moduleCase{what: what, chain: wire.SmartModules{shown(module(t, "once", "tell", ""), look[0], look[1])}})
		}
	}
	both := wire.SmartModules{shown(module(t, "upper"), 5, 0), shown(module(t, "once", "tell", ""), 2, 0)}
	w.streams(id+"-past",
		moduleCase{what: "of the second", chain: both},
		moduleCase{what: "none asked for", chain: wire.SmartModules{module(t, "once", "tell", "")}},
		moduleCase{what: "before there were ages", version: 20, chain: wire.SmartModules{shown(module(t, "once", "tell", ""), 2, 1)}},
		moduleCase{what: "before there were lookbacks", version: 19, chain: wire.SmartModules{shown(module(t, "once", "tell", ""), 2, 1)}},
		moduleCase{what: "too far", chain: wire.SmartModules{shown(module(t, "once", "tell", ""), 1<<63, 0)}},
	)
	w.produce("with lookback", id+"-past", wire.SmartModules{shown(module(t, "once"), 2, 0)}, packedBatch(t, compress.None, past, "last", "now", "newest"))
	w.produce("broken", id+"-past", nil, packedBatch(t, compress.None, past, "k=broken"))
	w.streams(id+"-past", moduleCase{what: "fails", chain: wire.SmartModules{shown(module(t, "once"), 1, 0)}})
	w.produce("fails", id+"-past", wire.SmartModules{shown(module(t, "once"), 1, 0)}, packedBatch(t, compress.None, past, "x"))
	w.stored(id + "-past")
}

// write sends through modules what is stored then.
func (w *moduleTwin) write(topic string) {
	t := w.t
	all := bytes.Join(moduleBatches(t), nil)
	for _, c := range chainsOf(t) {
		w.produce(c.what, topic, c.chain, all)
	}
	fails, two := module(t, "fails"), packedBatch(t, compress.None, past, "1", "k=bad", "3")
	w.produce("two partitions entries", topic, wire.SmartModules{from(module(t, "total"), "1")}, packedBatch(t, compress.None, past, "1", "2"),
		packedBatch(t, compress.Gzip, past, "3"))
	w.produce("nothing left", topic, wire.SmartModules{module(t, "short", "max", "0")}, two)
	w.produce("a record fails, the rest is written", topic, wire.SmartModules{fails}, two, packedBatch(t, compress.None, past, "4"))
	w.produce("init", topic, wire.SmartModules{module(t, "pattern")}, two)
	w.produce("trap", topic, wire.SmartModules{module(t, "breaks", "how", "trap")}, two)
	w.produce("unknown", topic, wire.SmartModules{{Name: "no-such-module", Kind: fails.Kind}}, two)
	w.produce("not compressed", topic, wire.SmartModules{{AdHoc: &[]byte{1, 2}, Kind: fails.Kind}}, two)
	w.stored(topic)
}
