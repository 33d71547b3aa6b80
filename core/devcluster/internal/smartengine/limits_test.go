package smartengine

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func step(t testing.TB, name string, params ...string) Step {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join(modulesFolder, name+".wasm"))
	require.NoError(t, err)
	s := Step{Label: name, Wasm: wasm}
	for i := 0; i < len(params); i += 2 {
		s.Params = append(s.Params, wire.MapEntry[string, string]{Key: params[i], Value: params[i+1]})
	}
	return s
}

// tiny is a module written by hand: what it imports and exports, and the code of its functions.
type tiny struct {
	imports [][2]string // module and name of functions (i32, i32) → ()
	memory  byte        // pages; 0 for no memory
	alloc   []byte      // its code; nil for no function
	name    string      // of a function (i32, i32, i32) → i32
	code    []byte      // its code
}

// Instructions.
func i32(n int32) []byte {
	b := []byte{0x41}
	for more := true; more; n >>= 7 {
		more = n>>6 != 0 && n>>6 != -1
		if b = append(b, byte(n&0x7f)); more {
			b[len(b)-1] |= 0x80
		}
	}
	return b
}

func code(parts ...[]byte) []byte { return slices.Concat(parts...) }

var (
	loop = []byte{0x03, 0x40, 0x0c, 0x00, 0x0b, 0x00} // loop, br 0, end, unreachable
	trap = []byte{0x00}
)

// call is a call of an imported function.
func call(n byte) []byte { return []byte{0x10, n} }

func (m tiny) wasm() []byte {
	str := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	section := func(id byte, items ...[]byte) []byte {
		body := code(append([][]byte{{byte(len(items))}}, items...)...)
		return code(binary.AppendUvarint([]byte{id}, uint64(len(body))), body)
	}
	function := func(c []byte) []byte {
		return code(binary.AppendUvarint(nil, uint64(len(c)+2)), []byte{0}, c, []byte{0x0b})
	}
	var imports, functions, exports, bodies [][]byte
	for _, i := range m.imports {
		imports = append(imports, code(str(i[0]), str(i[1]), []byte{0, 0}))
	}
	add := func(name string, kind byte, body []byte) {
		exports = append(exports, code(str(name), []byte{0, byte(len(imports) + len(functions))}))
		functions, bodies = append(functions, []byte{kind}), append(bodies, function(body))
	}
	if m.alloc != nil {
		add("alloc", 1, m.alloc)
	}
	add(m.name, 2, m.code)
	out := code([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{0x60, 2, 0x7f, 0x7f, 0}, []byte{0x60, 1, 0x7f, 1, 0x7f}, []byte{0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7f}),
		section(2, imports...), section(3, functions...))
	if m.memory > 0 {
		out = append(out, section(5, []byte{0, m.memory})...)
		exports = append(exports, code(str("memory"), []byte{2, 0}))
	}
	return code(out, section(7, exports...), section(10, bodies...))
}

// good is a module with nothing wrong, whose transform says that nothing is left.
func good() tiny {
	output := []byte{0x41, 0, 0x41, 0, 0x36, 2, 0, 0x41, 0, 0x41, 0, 0x3a, 0, 4} // zeros at 0 to 4: no records, no error
	return tiny{imports: [][2]string{{"host", "copy_records"}}, memory: 1, alloc: i32(64), name: "filter",
		code: code(output, i32(0), i32(5), call(0), i32(0))}
}

func single(t *testing.T) Input { return Input{Records: unhex(t, list("a"))} }

func TestModulesThatBreakTheRules(t *testing.T) {
	patient := newEngine(t, Options{MemoryLimit: 3 << 16})
	hasty := newEngine(t, Options{TimeLimit: 100 * time.Millisecond})
	for _, c := range []struct {
		want   string
		change func(*tiny)
	}{
		{"", func(*tiny) {}},
		{"Failed to instantiate: At least one import is required", func(m *tiny) { m.imports = nil; m.code = trap }},
		{"Failed to instantiate: unknown import: `env::other` has not been defined", func(m *tiny) { m.imports = append(m.imports, [2]string{"env", "other"}) }},
		{"Failed to instantiate: unknown import: `env::copy_records` has not been defined", func(m *tiny) { m.imports = append(m.imports, [2]string{"env", "copy_records"}) }},
		{"No valid smartmodule found", func(m *tiny) { m.name = "reduce" }},
		{"Requested memory 262144b exceeded max allowed 196608b", func(m *tiny) { m.memory = 4 }},
		{"Missing memory", func(m *tiny) { m.memory, m.code = 0, trap }},
		{"missing alloc", func(m *tiny) { m.alloc = nil }},
		{"alloc gave a place outside of the module's memory: 32 bytes at 2147483632 of 65536", func(m *tiny) { m.alloc = i32(0x7ffffff0) }},
		{"failed to decode SmartModule record input", func(m *tiny) { m.code = i32(-22) }},
		{"encountered unknown error during SmartModule processing", func(m *tiny) { m.code = i32(-99) }},
		{"decode batch: a records section of 0 bytes has no count", func(m *tiny) { m.code = i32(0) }},
		{"the SmartModule tiny did not return within 100ms and was stopped", func(m *tiny) { m.code = loop }},
		{"error while executing at wasm backtrace:", func(m *tiny) { m.code = trap }},
		{"the SmartModule tiny did not return within 100ms and was stopped", func(m *tiny) { m.alloc = loop }},
	} {
		m := good()
		c.change(&m)
		e := patient
		if strings.Contains(c.want, "100ms") {
			e = hasty
		}
		chain, err := e.Chain(t.Context(), 25, []Step{{Label: "tiny", Wasm: m.wasm()}})
		if err == nil {
			_, err = chain.Process(single(t))
			chain.Close()
		}
		if c.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.want)
		}
	}
}

func TestNoWebAssembly(t *testing.T) {
	e := newEngine(t, Options{})
	for _, wasm := range []string{"", "(module)", "\x00asm\x01\x00\x00\x00\xff"} {
		for range 2 { // the second time from what is kept
			_, err := e.Chain(t.Context(), 25, []Step{{Wasm: []byte(wasm)}})
			require.Error(t, err, "%q", wasm)
		}
	}
}

// What runs away is stopped wherever it is, and the engine goes on with other modules, the same one included.
func TestRunaways(t *testing.T) {
	const limit = 500 * time.Millisecond // a module that is well begins in a few
	e := newEngine(t, Options{TimeLimit: limit})
	stopped := &TimeError{"breaks", limit}
	_, err := e.Chain(t.Context(), 25, []Step{step(t, "breaks", "early", "")})
	require.Equal(t, stopped, err)
	for range 2 {
		c, err := e.Chain(t.Context(), 25, []Step{step(t, "breaks")})
		require.NoError(t, err)
		_, err = c.Process(single(t))
		require.Equal(t, stopped, err)
		_, err = c.Process(single(t))
		require.Error(t, err, "it is over")
		c.Close()
	}
}

// What wants too much memory ends, wherever it does.
func TestMemoryLimit(t *testing.T) {
	e := newEngine(t, Options{MemoryLimit: 8 << 20})
	_, err := e.Chain(t.Context(), 25, []Step{step(t, "breaks", "how", "memory", "early", "")})
	var tooMuch *MemoryError
	require.ErrorAs(t, err, &tooMuch)
	require.EqualValues(t, 8<<20, tooMuch.Max)
	require.Greater(t, tooMuch.Requested, tooMuch.Max)
	c, err := e.Chain(t.Context(), 25, []Step{step(t, "breaks", "how", "memory")})
	require.NoError(t, err)
	_, err = c.Process(single(t))
	require.ErrorAs(t, err, &tooMuch)
	c.Close()
}

// The end of the context ends a module at once.
func TestContextEndsModules(t *testing.T) {
	e := newEngine(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	c, err := e.Chain(ctx, 25, []Step{step(t, "breaks")})
	require.NoError(t, err)
	defer c.Close()
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = c.Process(single(t))
	require.ErrorIs(t, err, context.Canceled)
}

// Chains of one engine are independent: each has its own state.
func TestChainsAtOnce(t *testing.T) {
	e := newEngine(t, Options{})
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			s := step(t, "total")
			s.Accumulator = []byte{byte('0' + i)}
			c, err := e.Chain(t.Context(), 25, []Step{s})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for n := 1; n <= 20; n++ {
				out, err := c.Process(Input{Records: unhex(t, list("10"))})
				if want := list(fmt.Sprint(10*n + i)); err != nil || hex.EncodeToString(out.Records) != want {
					t.Errorf("%x, %v instead of %s", out.Records, err, want)
				}
			}
		})
	}
	work.Wait()
	require.Len(t, e.modules, 1, "compiled once")
}
