package smartengine

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// officialEngine names the program of tests/smartmodules/engine. With it, the official engine is asked anew and its answers are
// kept in testdata.
const officialEngine = "LIBFLUVIO_OFFICIAL_ENGINE"

const modulesFolder = "../../../../tests/smartmodules"

type moduleQuestion struct {
	File        string            `json:"file"`
	Params      map[string]string `json:"params"`
	Accumulator string            `json:"accumulator"`
	Last        uint64            `json:"last"`
}

type batchQuestion struct {
	Base      int64  `json:"base"`
	Timestamp int64  `json:"timestamp"`
	Records   string `json:"records"`
}

type question struct {
	name    string
	Version int16            `json:"version"`
	Modules []moduleQuestion `json:"modules"`
	Past    string           `json:"past"`
	Batches []batchQuestion  `json:"batches"`
}

type output struct {
	Records string `json:"records"`
	Error   string `json:"error"`
	Failure string `json:"failure"`
}

type answer struct {
	Start   string   `json:"start"`
	Outputs []output `json:"outputs"`
}

// list encodes records; "key=value" has a key.
func list(values ...string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(values)))
	for i, v := range values {
		key, value, keyed := strings.Cut(v, "=")
		if !keyed {
			key, value = "", v
		}
		b = wire.AppendRecord(b, int64(i)*10, int64(i), keyed, []byte(key), []byte(value))
	}
	return hex.EncodeToString(b)
}

// mod is a module with parameters in the order name, value.
func mod(name string, params ...string) moduleQuestion {
	m := moduleQuestion{File: filepath.Join(modulesFolder, name+".wasm"), Params: map[string]string{}}
	for i := 0; i < len(params); i += 2 {
		m.Params[params[i]] = params[i+1]
	}
	return m
}

func (m moduleQuestion) from(accumulator string) moduleQuestion {
	m.Accumulator = hex.EncodeToString([]byte(accumulator))
	return m
}

func (m moduleQuestion) last(n uint64) moduleQuestion { m.Last = n; return m }

// questions are every kind alone at every version, each in chains of three, in every place, and what fails.
func questions() (out []question) {
	batches := []batchQuestion{
		{0, 1700000000000, list("one 1", "k=two 22", "three", "4")},
		{4, 1700000000100, list("key=bad", "6 6", "", "=", "long "+strings.Repeat("word ", 100)+"7")},
		{9, -1, list()},
		{10, 1700000000200, list("\xff\xfe8", "10", "20", "one 1")},
	}
	kinds := map[string]moduleQuestion{
		"filter": mod("short", "max", "5"), "pattern": mod("pattern", "pattern", ".* 1$"), "map": mod("upper", "label", "> ", "where", ""),
		"array_map": mod("words"), "filter_map": mod("digits"), "aggregate": mod("total").from("100"), "state": mod("once").last(3),
	}
	names := []string{"filter", "pattern", "map", "array_map", "filter_map", "aggregate", "state"}
	add := func(name string, version int16, modules ...moduleQuestion) {
		out = append(out, question{name, version, append([]moduleQuestion{}, modules...), list("three", "8", "k=6"), batches})
	}
	for i, a := range names {
		for version := int16(18); version <= 25; version++ {
			add(fmt.Sprintf("%s at %d", a, version), version, kinds[a])
		}
		for _, by := range [][2]int{{1, 3}, {4, 2}} {
			b, c := names[(i+by[0])%len(names)], names[(i+by[1])%len(names)]
			add(strings.Join([]string{a, b, c}, ", "), 25, kinds[a], kinds[b], kinds[c])
		}
	}
	add("a record fails", 25, mod("fails"), mod("digits"), mod("total"))
	add("a record fails later", 25, mod("digits"), mod("total"), mod("fails", "at", "29"))
	add("no module", 25)
	add("bare", 25, mod("bare"))
	add("init fails", 25, mod("short"), mod("fails", "init", "as told"))
	add("a parameter is missing", 25, mod("pattern"))
	add("a parameter is no number", 22, mod("short", "max", "x"))
	add("trap", 25, mod("breaks", "how", "trap"))
	broken := question{"look_back fails", 25, []moduleQuestion{mod("short").last(5), mod("once").last(1)}, list("a", "k=broken"), batches}
	return append(out, broken)
}

// official gives the answers of the official engine.
func official(t *testing.T, asked []question) (answers []answer) {
	file := filepath.Join("testdata", "official.json")
	program := os.Getenv(officialEngine)
	if program == "" {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &answers))
		require.Len(t, answers, len(asked), "the official engine was asked something else")
		return answers
	}
	in, err := json.Marshal(asked)
	require.NoError(t, err)
	run := exec.Command(program)
	run.Stdin, run.Stderr = bytes.NewReader(in), os.Stderr
	out, err := run.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &answers))
	lines := bytes.ReplaceAll(out, []byte(`},{"start"`), []byte("},\n{\"start\""))
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile(file, append(lines, '\n'), 0o644))
	return answers
}

func newEngine(t testing.TB, o Options) *Engine {
	if o.MemoryLimit == 0 {
		o.MemoryLimit = 1 << 30
	}
	if o.TimeLimit == 0 {
		o.TimeLimit = time.Minute
	}
	o.Output = io.Discard
	e := New(o)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// chain makes the chain of a question, shown its past.
func (q *question) chain(t *testing.T, e *Engine) (*Chain, error) {
	var steps []Step
	for _, m := range q.Modules {
		wasm, err := os.ReadFile(m.File)
		require.NoError(t, err)
		s := Step{Label: filepath.Base(m.File), Wasm: wasm, Accumulator: unhex(t, m.Accumulator)}
		for key, value := range m.Params {
			s.Params = append(s.Params, wire.MapEntry[string, string]{Key: key, Value: value})
		}
		if m.Last > 0 {
			s.Look = &wire.Lookback{Last: m.Last}
		}
		steps = append(steps, s)
	}
	c, err := e.Chain(context.Background(), q.Version, steps)
	if err == nil {
		if err = c.LookBack(func(wire.Lookback) ([]byte, error) { return unhex(t, q.Past), nil }); err != nil {
			c.Close()
		}
	}
	return c, err
}

// The same bytes come out as from the official engine, and the same errors. Of a trap the official engine tells where only.
func TestAsTheOfficialEngine(t *testing.T) {
	e := newEngine(t, Options{})
	asked := questions()
	for i, want := range official(t, asked) {
		q := &asked[i]
		c, err := q.chain(t, e)
		if want.Start != "" || err != nil {
			require.EqualError(t, err, want.Start, q.name)
			continue
		}
		for j, b := range q.Batches {
			if j == len(want.Outputs) {
				break // it failed
			}
			out, err := c.Process(Input{b.Base, b.Timestamp, unhex(t, b.Records)})
			if failure := want.Outputs[j].Failure; failure != "" {
				where, _, _ := strings.Cut(failure, "\n")
				require.ErrorContains(t, err, where, q.name)
				continue
			}
			require.NoError(t, err, q.name)
			require.Equal(t, want.Outputs[j].Records, hex.EncodeToString(out.Records), "%s, batch %d", q.name, j)
			failure := ""
			if out.Error != nil {
				b, err := wire.Append(nil, q.Version, out.Error)
				require.NoError(t, err)
				failure = hex.EncodeToString(b)
			}
			require.Equal(t, want.Outputs[j].Error, failure, "%s, batch %d", q.name, j)
		}
		c.Close()
	}
}
