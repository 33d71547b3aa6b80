package smartengine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// What goes on for ever without a loop, or with few turns of a long one, is stopped too.
func TestEveryKindOfRunaway(t *testing.T) {
	e := newEngine(t, Options{TimeLimit: 200 * time.Millisecond})
	argument := []byte{0x20, 0, 0x41, 1, 0x6b, 0x20, 1, 0x20, 2} // one less than the first, and the others
	forever := func(body ...[]byte) []byte {
		return code([]byte{0x03, 0x40}, code(body...), []byte{0x0c, 0, 0x0b, 0x00})
	}
	fill := code(i32(0), i32(1), i32(64<<16), []byte{0xfc, 11, 0})
	for name, c := range map[string][]byte{
		"calls": code([]byte{0x20, 0, 0x45, 0x04, 0x40, 0x41, 0, 0x0f, 0x0b}, // nothing to do at 0, else twice one less
			argument, call(2), []byte{0x1a}, argument, call(2)),
		"loop":        forever(),
		"nested loop": forever([]byte{0x02, 0x40}, forever([]byte{0x0c, 1}), []byte{0x0b}),
		"fill":        forever(bytes.Repeat(fill, 50)),
		"copy":        forever(i32(0), i32(0), i32(64<<16), []byte{0xfc, 10, 0, 0}),
	} {
		m := good()
		m.memory, m.code = 64, c
		chain, err := e.Chain(t.Context(), 25, []Step{{Label: name, Wasm: m.wasm()}})
		require.NoError(t, err, name)
		_, err = chain.Process(single(t))
		require.Equal(t, &TimeError{name, 200 * time.Millisecond}, err)
		chain.Close()
	}
}

// A module cannot get at what counts down: globals that it does not have it cannot name.
func TestGuardsCannotBeReached(t *testing.T) {
	e := newEngine(t, Options{})
	for global := range byte(2) {
		m := good()
		m.code = code(i32(1), []byte{0x24, global}, m.code)
		_, err := e.Chain(t.Context(), 25, []Step{{Wasm: m.wasm()}})
		require.ErrorContains(t, err, "global")
	}
}

// A module of a few bytes that announces billions of something is refused before memory is taken for them.
func TestModuleThatAnnouncesMuch(t *testing.T) {
	e := newEngine(t, Options{})
	billions := binary.AppendUvarint(nil, 1<<32-1)
	section := func(id byte, parts ...[]byte) []byte {
		body := slices.Concat(parts...)
		return append(binary.AppendUvarint([]byte{id}, uint64(len(body))), body...)
	}
	modules := map[string][]byte{
		"parameters": section(sectionType, []byte{1, 0x60}, billions),
		"results":    section(sectionType, []byte{1, 0x60, 0}, billions),
		"elements":   section(sectionElement, []byte{1, 0, opI32Const, 0, opEnd}, billions),
		"constants":  section(sectionElement, []byte{1, 5, 0x70}, billions),
		"locals":     section(sectionCode, []byte{1, 8, 1}, billions, []byte{typeI32, opEnd}),
		"module":     section(sectionImport, []byte{1}, billions),
		"import":     section(sectionImport, []byte{1, 0}, billions),
		"export":     section(sectionExport, []byte{1}, billions),
		"data":       section(sectionData, []byte{1, 1}, billions),
		"names":      section(sectionCustom, []byte("\x04name\x01\x05"), billions),
		"of locals":  section(sectionCustom, []byte("\x04name\x02\x07\x01\x00"), billions),
	}
	for _, id := range []byte{sectionType, sectionImport, 3, 4, 5, sectionGlobal, 7, sectionElement, sectionCode, sectionData} {
		modules[fmt.Sprintf("section %d", id)] = section(id, billions)
	}
	for id := byte(1); id <= 11; id++ { // and of the section itself there is not as much as it says
		modules[fmt.Sprintf("cut section %d", id)] = append([]byte{id, 0x30}, billions...)
	}
	for _, id := range []byte{sectionType, sectionImport, 3, 4, 5, sectionGlobal, 7, sectionElement, sectionCode, sectionData} {
		modules[fmt.Sprintf("empty section %d", id)] = append([]byte{id, 0}, billions...) // the number stands in the next one
	}
	modules["behind a tag"] = slices.Concat(section(sectionImport, []byte{1, 0, 0, importTag, 0, 0}), section(3, billions))
	modules["type without its end"] = append([]byte{sectionType, 2, 1, 0x60}, billions...)
	for what, body := range modules {
		_, err := e.Chain(t.Context(), 25, []Step{{Wasm: append([]byte("\x00asm\x01\x00\x00\x00"), body...)}})
		require.ErrorContains(t, err, "announces more than it holds", what)
	}
}

// Whatever wazero compiles can be guarded, and is a module then, too.
func FuzzGuarded(f *testing.F) {
	f.Add(good().wasm())
	for _, name := range []string{"bare", "breaks"} {
		wasm, err := os.ReadFile(filepath.Join(modulesFolder, name+".wasm"))
		require.NoError(f, err)
		f.Add(wasm)
	}
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(1024))
	f.Cleanup(func() { require.NoError(f, runtime.Close(ctx)) })
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if !bytes.HasPrefix(wasm, []byte("\x00asm\x01\x00\x00\x00")) {
			return
		}
		if announced(wasm) != nil {
			return
		}
		out, unguarded := guarded(wasm)
		m, err := runtime.CompileModule(ctx, wasm)
		if err != nil {
			return
		}
		imports := false
		for _, i := range m.ImportedFunctions() {
			if _, name, _ := i.Import(); name == copyRecords {
				i32 := api.ValueTypeI32
				imports = bytes.Equal(i.ParamTypes(), []api.ValueType{i32, i32}) && len(i.ResultTypes()) == 0
				break
			}
		}
		require.NoError(t, m.Close(ctx))
		if !imports {
			return
		}
		require.NoError(t, unguarded)
		m, err = runtime.CompileModule(ctx, out)
		require.NoError(t, err)
		require.NoError(t, m.Close(ctx))
	})
}
