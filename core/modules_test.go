package fluvio_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// real is one of the modules of tests/smartmodules, which the dev cluster runs, with parameters in the order name, value.
func real(name string, params ...string) fluvio.SmartModule {
	m := fluvio.SmartModule{Path: filepath.Join("..", "tests", "smartmodules", name+".wasm"), Params: map[string]string{}}
	for i := 0; i < len(params); i += 2 {
		m.Params[params[i]] = params[i+1]
	}
	return m
}

// realTopic is a client of a cluster with a topic that holds these batches of words.
func realTopic(t *testing.T, o devcluster.Options, partitions int, batches ...string) *fluvio.Client {
	t.Helper()
	cluster := startCluster(t, o)
	require.NoError(t, cluster.CreateTopic("real", partitions))
	client := connect(t, cluster.Endpoint())
	send(t, client, fluvio.ProducerOptions{}, batches...)
	return client
}

// send sends batches of words; "key=value" has a key.
func send(t *testing.T, client *fluvio.Client, o fluvio.ProducerOptions, batches ...string) (failed []error) {
	t.Helper()
	o.Linger = time.Minute
	producer, err := client.Producer(testContext(t), "real", o)
	require.NoError(t, err)
	for _, batch := range batches {
		var receipts []fluvio.Receipt
		for word := range strings.SplitSeq(batch, " ") {
			r := fluvio.Record{Value: []byte(word)}
			if key, value, ok := strings.Cut(word, "="); ok {
				r = fluvio.Record{Key: []byte(key), Value: []byte(value)}
			}
			receipt, err := producer.Send(testContext(t), r)
			require.NoError(t, err)
			receipts = append(receipts, receipt)
		}
		_ = producer.Flush(testContext(t))
		for _, r := range receipts {
			if _, _, err := r.Wait(testContext(t)); err != nil {
				failed = append(failed, err)
			}
		}
	}
	require.NoError(t, producer.Close(testContext(t)))
	return failed
}

// through reads from the beginning to the end and gives the values, up to an error.
func through(t *testing.T, client *fluvio.Client, o fluvio.ConsumerOptions) (got []string, _ *fluvioerr.Error) {
	t.Helper()
	o.Topics, o.Start, o.StopAt = []string{"real"}, fluvio.Beginning(), fluvio.StopAtEnd()
	consumer, err := client.Consumer(testContext(t), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, consumer.Close(testContext(t))) }()
	for r, err := range consumer.Records(testContext(t)) {
		if err != nil {
			return got, fluvioerr.As(err)
		}
		got = append(got, string(r.Value))
	}
	return got, nil
}

func TestRealModulesBothWays(t *testing.T) {
	client := realTopic(t, devcluster.Options{}, 1, "a1 bb22 ccc", "d44 e eee9")
	total := real("total")
	total.Accumulator = []byte("100")
	for _, c := range []struct {
		chain []fluvio.SmartModule
		want  string
	}{
		{[]fluvio.SmartModule{real("short", "max", "3")}, "a1 ccc d44 e"},
		{[]fluvio.SmartModule{real("pattern", "pattern", "^e*")}, "a1 bb22 ccc d44 e eee9"},
		{[]fluvio.SmartModule{real("digits"), total, real("upper", "label", "=")}, "=101 =123 =167 =176"},
		{[]fluvio.SmartModule{real("short", "max", "3"), real("upper"), real("words")}, "A1 CCC D44 E"},
	} {
		got, failure := through(t, client, fluvio.ConsumerOptions{SmartModules: c.chain})
		require.Nil(t, failure)
		require.Equal(t, c.want, strings.Join(got, " "))
	}
	require.Empty(t, send(t, client, fluvio.ProducerOptions{SmartModules: []fluvio.SmartModule{real("digits"), total}}, "1 x 2", "y z", "3"))
	got, failure := through(t, client, fluvio.ConsumerOptions{})
	require.Nil(t, failure)
	require.Equal(t, "a1 bb22 ccc d44 e eee9 101 103 103", strings.Join(got, " "), "an aggregate begins anew with every request")
}

// All partitions, stored offsets, and stop positions work with modules that leave out much.
func TestRealModulesWithAllElse(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{SPUs: 2})
	require.NoError(t, cluster.CreateTopic("real", 3))
	o := fluvio.ClientOptions{Endpoint: cluster.Endpoint()}
	o.RequestTimeout = 5 * time.Second // of silence, that is, which ends a partition
	client, err := fluvio.Connect(testContext(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close(testContext(t))) })
	words := make([]string, 300)
	for i := range words {
		words[i] = fmt.Sprint(i)
	}
	send(t, client, fluvio.ProducerOptions{}, strings.Join(words[:150], " "), strings.Join(words[150:], " "))
	only7 := []fluvio.SmartModule{real("pattern", "pattern", "7$")}
	// The first use of a module can take an SPU longer.
	first, err := connect(t, cluster.Endpoint()).Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"real"}, Start: fluvio.Beginning(), SmartModules: only7})
	require.NoError(t, err)
	for n := 0; n < 30; {
		b, err := first.Next(testContext(t))
		require.NoError(t, err)
		n += b.Len()
		b.Release()
	}
	require.NoError(t, first.Close(testContext(t)))
	read := func() (got []string) {
		consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"real"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(),
			ConsumerID: "c", OffsetStrategy: "auto", SmartModules: only7})
		require.NoError(t, err)
		for r, err := range consumer.Records(testContext(t)) {
			require.NoError(t, err)
			got = append(got, string(r.Value))
		}
		require.NoError(t, consumer.Close(testContext(t)))
		return got
	}
	var want []string
	for i := 7; i < 300; i += 10 {
		want = append(want, fmt.Sprint(i))
	}
	require.ElementsMatch(t, want, read())
	send(t, client, fluvio.ProducerOptions{}, "1000 1007 1017 1018 1027")
	require.ElementsMatch(t, []string{"1007", "1017", "1027"}, read(), "what was read, and what was left out, does not come again")
}

// Every failure arrives as an error with all that is known of it.
func TestRealModulesFail(t *testing.T) {
	client := realTopic(t, devcluster.Options{SmartModuleMemory: 8 << 20}, 1, "a k=bad c", "d k=broken")
	fail := func(chain ...fluvio.SmartModule) ([]string, *fluvioerr.Error) {
		got, failure := through(t, client, fluvio.ConsumerOptions{SmartModules: chain})
		require.NotNil(t, failure)
		return got, failure
	}
	got, e := fail(real("fails"))
	require.Equal(t, []string{"a"}, got)
	require.EqualValues(t, 1, e.Offset)
	require.Equal(t, map[string]string{"smartmodule": "fails.wasm", "smartmodule_kind": "filter",
		"smartmodule_hint": "the record is refused\n\nCaused by:\n    it was told to fail here"}, e.Detail)
	require.Equal(t, &fluvioerr.Record{Key: []byte("k"), Value: []byte("bad")}, e.Record)

	_, e = fail(real("short"), real("pattern"))
	require.Equal(t, fluvioerr.SmartModule, e.Code)
	require.Equal(t, map[string]string{"smartmodule": "short.wasm, pattern.wasm", "smartmodule_hint": "the parameter pattern is missing"}, e.Detail)

	once := real("once")
	once.Lookback.Last = 1
	_, e = fail(once)
	require.Equal(t, map[string]string{"smartmodule": "once.wasm", "smartmodule_hint": "a stored record is broken", "record": "1"}, e.Detail)
	require.Equal(t, &fluvioerr.Record{Key: []byte("k"), Value: []byte("broken")}, e.Record)

	_, e = fail(fluvio.SmartModule{Name: "nobody"})
	require.Equal(t, fluvioerr.NotFound, e.Code)
	require.Equal(t, map[string]string{"smartmodule": "nobody"}, e.Detail)

	_, e = fail(real("breaks", "how", "trap"))
	require.ErrorContains(t, e, "wasm trap: unreachable")
	_, e = fail(real("breaks", "how", "memory", "early", ""))
	require.Equal(t, "8388608", e.Detail["allowed_bytes"])
	require.NotEmpty(t, e.Detail["requested_bytes"])

	failed := send(t, client, fluvio.ProducerOptions{SmartModules: []fluvio.SmartModule{real("fails")}}, "x y k=bad z")
	require.Len(t, failed, 4, "the batch is refused as a whole")
	e = fluvioerr.As(failed[0])
	require.Equal(t, "2", e.Detail["record"])
	require.Equal(t, &fluvioerr.Record{Key: []byte("k"), Value: []byte("bad")}, e.Record)
	got, e = through(t, client, fluvio.ConsumerOptions{}) // the cluster lives, and stored nothing of that
	require.Nil(t, e)
	require.Equal(t, []string{"a", "bad", "c", "d", "broken"}, got)
}

// A module that never returns is stopped and reported, and the cluster lives.
func TestRunawayModules(t *testing.T) {
	client := realTopic(t, devcluster.Options{SmartModuleTime: 300 * time.Millisecond}, 1, "a")
	const why = "the SmartModule breaks.wasm did not return within 300ms and was stopped"
	_, e := through(t, client, fluvio.ConsumerOptions{SmartModules: []fluvio.SmartModule{real("breaks")}})
	require.Equal(t, fluvioerr.SmartModule, e.Code)
	require.ErrorContains(t, e, why)
	_, e = through(t, client, fluvio.ConsumerOptions{SmartModules: []fluvio.SmartModule{real("breaks", "early", "")}})
	require.ErrorContains(t, e, "SmartModuleChainInitError: "+why)
	failed := send(t, client, fluvio.ProducerOptions{SmartModules: []fluvio.SmartModule{real("breaks")}}, "x")
	require.Len(t, failed, 1)
	require.Equal(t, fluvioerr.SmartModule, fluvioerr.CodeOf(failed[0]))
	require.ErrorContains(t, failed[0], why)
	got, e := through(t, client, fluvio.ConsumerOptions{})
	require.Nil(t, e)
	require.Equal(t, []string{"a"}, got)
}

func TestTransformationFiles(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "transforms.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	chain, err := fluvio.LoadTransforms(file(`
meta: {version: 0.1.0}
transforms:
  - uses: &name infinyon/jolt@0.4.1
    with:
      mapping: [1, {b: 2, a: "<x>"}]
      list: {k: [true, null]}
      text: "12"
      plain: some words
      lines: |
        one
        two
    lookback: {last: 10, age: 1h 30m}
  - uses: *name
    lookback:
      age: 90s
  - {"uses": "third", "with": {"yes": "no"}}
`))
	require.NoError(t, err)
	require.Equal(t, []fluvio.SmartModule{
		{Name: "infinyon/jolt@0.4.1", Lookback: fluvio.Lookback{Last: 10, Age: 90 * time.Minute}, Params: map[string]string{
			"mapping": `[1,{"a":"<x>","b":2}]`, "list": `{"k":[true,null]}`, "text": "12", "plain": "some words", "lines": "one\ntwo\n"}},
		{Name: "infinyon/jolt@0.4.1", Lookback: fluvio.Lookback{Age: 90 * time.Second}},
		{Name: "third", Params: map[string]string{"yes": "no"}},
	}, chain)
	for text, want := range map[string]string{
		"transforms: []":              "it has no list transforms",
		"a: b":                        "it has no list transforms",
		"transforms: x":               "line 1",
		"transforms:\n  - {with: {}}": "line 2: a step needs uses",
		"transforms:\n  - x":          "line 2: a step is no map",
		"transforms:\n  - uses: a\n    with: {n: 5}":              "line 3: n is 5, which is no text: quote it",
		"transforms:\n  - uses: a\n    with: {n: true}":           "line 3: n is true, which is no text: quote it",
		"transforms:\n  - uses: a\n    using: b":                  `line 3: a step has no "using", but uses, with and lookback`,
		"transforms:\n  - uses: a\n    lookback: {first: 5}":      `line 3: a lookback has no "first"`,
		"transforms:\n  - uses: a\n    lookback: {age: 5 apples}": `line 3: the age "5 apples" is no duration as 1h 30m`,
		"transforms:\n  - uses: a\n    lookback: {age: \"\"}":     `the age "" is no duration`,
		"transforms:\n  - uses: a\n    lookback: {last: -1}":      "line 3",
		"transforms: [": "line 1",
	} {
		_, err := fluvio.LoadTransforms(file(text))
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), text)
		require.ErrorContains(t, err, want, text)
	}
	_, err = fluvio.LoadTransforms(file("") + ".missing")
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))

	client := realTopic(t, devcluster.Options{}, 1, "a")
	o := fluvio.ConsumerOptions{TransformsPath: file("transforms: [{uses: no-such-module}]")}
	_, failure := through(t, client, o)
	require.Equal(t, fluvioerr.NotFound, failure.Code)
	require.Equal(t, "no-such-module", failure.Detail["smartmodule"])
	failed := send(t, client, fluvio.ProducerOptions{TransformsPath: o.TransformsPath}, "x")
	require.Len(t, failed, 1)
	require.Equal(t, "no-such-module", fluvioerr.As(failed[0]).Detail["smartmodule"])
	o.Topics, o.SmartModules = []string{"real"}, chain
	require.ErrorContains(t, o.Validate(), "transforms_path: has no effect with smartmodules")
	_, err = client.Producer(testContext(t), "real", fluvio.ProducerOptions{TransformsPath: "/no/such/file"})
	require.Equal(t, "transforms_path", fluvioerr.As(err).Setting)
}
