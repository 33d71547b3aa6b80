// Package smartengine runs SmartModules as the official engine does, with wazero: core WebAssembly modules as the official crate
// makes them. Record lists go in and come out as they stand, uncompressed, in stored batches.
//
// An Engine compiles modules, once for each content, and is for any number of goroutines. A Chain is what one stream or one
// produce request runs its records through: an instance of every module, with its memory, its globals and, for an aggregate, its
// accumulator. It is for one goroutine at a time.
//
// A module announces what it made by calling copy_records with a place in its memory. What it is given, it must free; what it
// makes, the official crate never frees, so that memory grows by about the size of all output, here as on a real SPU.
//
// Two things are better than in the official engine: a module that does not return is stopped, and errors of traps say why.
package smartengine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// Options are the limits of an engine.
type Options struct {
	// MemoryLimit is the most that the memory of one instance may take, in bytes.
	MemoryLimit uint64
	// TimeLimit is the longest that one call into a module may take.
	TimeLimit time.Duration
	// Output gets what modules that use WASI print.
	Output io.Writer
}

// Engine compiles modules and keeps them until Close. It starts nothing before the first module.
type Engine struct {
	options Options

	mu      sync.Mutex
	runtime wazero.Runtime                  // guarded by mu; nil before the first module
	hosts   map[string]bool                 // guarded by mu: the module names under which copy_records is there
	modules map[[sha256.Size]byte]*compiled // guarded by mu
}

// compiled is a module, or why it is none.
type compiled struct {
	once   sync.Once
	module wazero.CompiledModule
	err    error
}

// New makes an engine.
func New(o Options) *Engine {
	return &Engine{options: o, hosts: map[string]bool{}, modules: map[[sha256.Size]byte]*compiled{}}
}

// Close gives everything back. No chain may be in use.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runtime == nil {
		return nil
	}
	err := e.runtime.Close(context.Background())
	e.runtime = nil
	return err
}

const (
	copyRecords = "copy_records"
	wasi        = "wasi_snapshot_preview1"
)

// start makes the runtime. The lock is held.
func (e *Engine) start(ctx context.Context) error {
	if e.runtime != nil {
		return nil
	}
	r := wazero.NewRuntime(ctx) // modules are stopped by what is put into them: see guarded
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return errors.Join(err, r.Close(ctx))
	}
	e.runtime = r
	return nil
}

// compile gives the module of these bytes, from before if it was compiled already. It does not depend on ctx ending.
func (e *Engine) compile(ctx context.Context, wasm []byte) (*compiled, error) {
	ctx = context.WithoutCancel(ctx)
	sum := sha256.Sum256(wasm)
	e.mu.Lock()
	if err := e.start(ctx); err != nil {
		e.mu.Unlock()
		return nil, err
	}
	runtime, c := e.runtime, e.modules[sum]
	if c == nil {
		c = &compiled{}
		e.modules[sum] = c
	}
	e.mu.Unlock()
	c.once.Do(func() {
		if string(wasm[:min(4, len(wasm))]) != "\x00asm" {
			c.err = errors.New("it is no WebAssembly: a module begins with \\0asm, and text is not compiled here")
			return
		}
		if c.err = announced(wasm); c.err != nil {
			return
		}
		code, unguarded := guarded(wasm)
		if unguarded != nil { // wazero says better what is wrong
			code = wasm
		}
		if c.module, c.err = runtime.CompileModule(ctx, code); c.err == nil {
			c.err = cmp.Or(e.link(ctx, runtime, c.module), unguarded)
		}
	})
	return c, c.err
}

// link sees to it that all a module imports is there.
func (e *Engine) link(ctx context.Context, runtime wazero.Runtime, m wazero.CompiledModule) error {
	host := ""
	for _, f := range m.ImportedFunctions() {
		if module, name, _ := f.Import(); name == copyRecords {
			host = module
			break
		}
	}
	if host == "" {
		return Text("Failed to instantiate: At least one import is required")
	}
	for _, f := range m.ImportedFunctions() {
		if module, name, _ := f.Import(); module != wasi && (module != host || name != copyRecords) {
			return Text(fmt.Sprintf("Failed to instantiate: unknown import: `%s::%s` has not been defined", module, name))
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hosts[host] {
		return nil
	}
	_, err := runtime.NewHostModuleBuilder(host).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(takeRecords), []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, nil).
		Export(copyRecords).Instantiate(ctx)
	if err != nil {
		return Text("Failed to instantiate: " + err.Error())
	}
	e.hosts[host] = true
	return nil
}

// slice is a place in an instance's memory.
type slice struct{ at, size uint32 }

type sliceKey struct{}

// takeRecords is copy_records: it notes the place in the slice that the call's context carries. Called with a place that cannot be,
// it is a look whether the module has to stop.
func takeRecords(ctx context.Context, m api.Module, stack []uint64) {
	if uint32(stack[0]) == nowhere && uint32(stack[1]) == nowhere {
		if code, over := ended(ctx); over {
			_ = m.CloseWithExitCode(ctx, code)
			panic(sys.NewExitError(code))
		}
		return
	}
	if s, ok := ctx.Value(sliceKey{}).(*slice); ok {
		*s = slice{uint32(stack[0]), uint32(stack[1])}
	}
}

// ended is whether no more is to be called, and the code that says why. The time is not left to timers, which may be late.
func ended(ctx context.Context) (code uint32, over bool) {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return sys.ExitCodeDeadlineExceeded, true
	}
	return sys.ExitCodeContextCanceled, ctx.Err() != nil
}

// Text is an error in the official servers' own words.
type Text string

func (t Text) Error() string { return string(t) }

// MemoryError says that a module wanted more memory than it may have. Both are in bytes.
type MemoryError struct{ Requested, Max uint64 }

func (m *MemoryError) Error() string {
	return fmt.Sprintf("Requested memory %db exceeded max allowed %db", m.Requested, m.Max)
}

// memory is the memory of an instance. It makes room ahead, as far as the limit allows.
type memory struct {
	limit uint64
	buf   []byte
}

// limited is a context in which new memories obey the limit.
func (e *Engine) limited(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return &memory{limit: e.options.MemoryLimit}
	}))
}

// Reallocate ends the call into the module when the limit is passed, as the official engine does, rather than to tell the module.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		panic(&MemoryError{size, m.limit})
	}
	if size > uint64(cap(m.buf)) {
		grown := make([]byte, size, min(max(size, 2*uint64(cap(m.buf))), m.limit))
		copy(grown, m.buf)
		m.buf = grown
	}
	m.buf = m.buf[:size]
	return m.buf
}

func (m *memory) Free() { m.buf = nil }
