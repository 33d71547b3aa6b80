package smartengine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Step is one module of a chain.
type Step struct {
	Label       string // for people
	Wasm        []byte
	Params      []wire.MapEntry[string, string]
	Look        *wire.Lookback // which stored records it is to be shown; nil for none
	Accumulator []byte         // where an aggregate begins
}

// instance is a module at work.
type instance struct {
	engine  *Engine
	step    *Step
	version int16
	module  api.Module
	memory  api.Memory   // nil: it has none
	alloc   api.Function // nil: it has none

	transform   api.Function
	aggregate   bool
	accumulator []byte
	lookBack    api.Function // nil: it has none
	out         slice
}

// transforms are the functions that make a module one, in the order in which they are looked for: the first decides.
var transforms = []string{"filter", "map", "filter_map", "array_map", "aggregate"}

// instantiate makes an instance and has it initialised.
func (e *Engine) instantiate(ctx context.Context, version int16, step *Step) (_ *instance, err error) {
	c, err := e.compile(ctx, step.Wasm)
	if err != nil {
		return nil, err
	}
	i := &instance{engine: e, step: step, version: version, accumulator: step.Accumulator}
	if i.module, err = e.newModule(ctx, step, c.module); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			i.close()
		}
	}()
	i.memory = i.module.ExportedMemory("memory")
	if f := i.module.ExportedFunction("alloc"); f != nil && len(f.Definition().ParamTypes()) == 1 && len(f.Definition().ResultTypes()) == 1 {
		i.alloc = f
	}
	initialize, err := i.function("init")
	if err != nil {
		return nil, err
	}
	if i.lookBack, err = i.function("look_back"); err != nil {
		return nil, err
	}
	for _, name := range transforms {
		if i.transform, err = i.function(name); err != nil {
			return nil, err
		}
		if i.transform != nil {
			i.aggregate = name == "aggregate"
			break
		}
	}
	if i.transform == nil {
		return nil, Text("No valid smartmodule found")
	}
	if initialize != nil {
		err = i.initialize(ctx, initialize)
	}
	return i, err
}

// newModule instantiates a module. No function of it is called but a start section's.
func (e *Engine) newModule(ctx context.Context, step *Step, m wazero.CompiledModule) (_ api.Module, err error) {
	ctx, cancel := context.WithTimeout(e.limited(ctx), e.options.TimeLimit)
	defer cancel()
	defer func() { // where its first memory is too large, wazero has nothing to give the error to
		if r := recover(); r != nil {
			tooMuch, ok := r.(*MemoryError)
			if !ok {
				panic(r)
			}
			err = tooMuch
		}
	}()
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithStdout(e.options.Output).WithStderr(e.options.Output)
	module, err := e.runtime.InstantiateModule(ctx, m, config)
	if err == nil {
		return module, nil
	}
	switch err = e.explain(step, err); err.(type) {
	case *MemoryError, *TimeError:
		return nil, err
	}
	return nil, Text("Failed to instantiate: " + err.Error())
}

func (i *instance) close() { _ = i.module.Close(context.Background()) }

// function gives an exported function of the form that all have, nil if there is none.
func (i *instance) function(name string) (api.Function, error) {
	f := i.module.ExportedFunction(name)
	if f == nil {
		return nil, nil
	}
	d, i32 := f.Definition(), api.ValueTypeI32
	if !bytes.Equal(d.ParamTypes(), []api.ValueType{i32, i32, i32}) || !bytes.Equal(d.ResultTypes(), []api.ValueType{i32}) {
		return nil, fmt.Errorf("type mismatch with parameters: %s is no function of three i32 that gives one", name)
	}
	return f, nil
}

// call hands an input, given in parts, to a function and gives its result. What it announced is in output then.
func (i *instance) call(ctx context.Context, f api.Function, input ...[]byte) (int32, error) {
	i.out = slice{}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, sliceKey{}, &i.out), i.engine.options.TimeLimit)
	defer cancel()
	if code, over := ended(ctx); over {
		return 0, i.engine.explain(i.step, sys.NewExitError(code))
	}
	switch {
	case i.memory == nil:
		return 0, Text("Missing memory")
	case i.alloc == nil:
		return 0, errors.New("missing alloc")
	}
	size := 0
	for _, part := range input {
		size += len(part)
	}
	result, err := i.alloc.Call(ctx, uint64(size))
	if err != nil {
		return 0, i.engine.explain(i.step, err)
	}
	at := uint32(result[0])
	place, ok := i.memory.Read(at, uint32(size)) // a view
	if !ok {
		return 0, fmt.Errorf("alloc gave a place outside of the module's memory: %d bytes at %d of %d", size, at, i.memory.Size())
	}
	for _, part := range input {
		place = place[copy(place, part):]
	}
	if result, err = f.Call(ctx, uint64(at), uint64(size), uint64(uint16(i.version))); err != nil {
		return 0, i.engine.explain(i.step, err)
	}
	return int32(result[0]), nil
}

// output is a view of what the last call announced, empty if that is nothing or no place in memory. It lives until the next call.
func (i *instance) output() []byte {
	out, _ := i.memory.Read(i.out.at, i.out.size)
	return out
}

// The codes with which functions tell that user code failed.
const (
	initFailed     = -2
	lookBackFailed = -99
)

func (i *instance) initialize(ctx context.Context, f api.Function) error {
	m := &initInput{params: slices.Clone(i.step.Params), look: i.step.Look}
	slices.SortStableFunc(m.params, func(a, b wire.MapEntry[string, string]) int { return cmp.Compare(a.Key, b.Key) })
	input, err := wire.Append(nil, i.version, m)
	if err != nil {
		return err
	}
	code, err := i.call(ctx, f, input)
	if err != nil || code >= 0 {
		return err
	}
	if code != initFailed {
		return status(code, map[int32]string{-10: "failed to decode SmartModule init input", -11: "failed to encode SmartModule init output"})
	}
	var hint wire.TextPayload
	if _, err := wire.Decode(i.output(), i.version, &hint); err != nil {
		return err
	}
	return errors.New(hint.Message + "\n\nSmartModule Init Error: \n")
}

// showPast hands a list of stored records to look_back.
func (i *instance) showPast(ctx context.Context, records []byte) error {
	head, tail := i.input(0, 0, len(records))
	code, err := i.call(ctx, i.lookBack, head, records, tail)
	if err != nil || code >= 0 {
		return err
	}
	if code != lookBackFailed {
		return status(code, map[int32]string{-66: "failed to decode SmartModule look_back input",
			-77: "failed to decode SmartModule look_back record input", -88: "failed to encode SmartModule look_back output"})
	}
	failure := &LookBackError{}
	if _, err := wire.Decode(i.output(), i.version, failure); err != nil {
		return err
	}
	return failure.detached()
}

// process hands a list of records to the transform.
func (i *instance) process(ctx context.Context, in Input) (Output, error) {
	head, tail := i.input(in.BaseOffset, in.BaseTimestamp, len(in.Records))
	if i.aggregate {
		tail = appendBytes(tail, i.accumulator)
	}
	code, err := i.call(ctx, i.transform, head, in.Records, tail)
	if err != nil {
		return Output{}, err
	}
	if code < 0 {
		return Output{}, status(code, map[int32]string{-11: "failed to decode SmartModule base input",
			-22: "failed to decode SmartModule record input", -33: "failed to encode SmartModule output",
			-44: "failed to parse SmartModule extra params", -55: "undefined right record in Join SmartModule"})
	}
	out, rest, err := decodeOutput(i.output(), i.version)
	if err == nil && i.aggregate {
		var accumulator []byte
		if accumulator, err = decodeBytes(rest, i.version); err == nil {
			i.accumulator = bytes.Clone(accumulator)
		}
	}
	return out, err
}

// status is the error of a code.
func status(code int32, texts map[int32]string) error {
	if text := texts[code]; text != "" {
		return errors.New(text)
	}
	return errors.New("encountered unknown error during SmartModule processing")
}

// TimeError says that a module did not return in time and was stopped.
type TimeError struct {
	Label string
	Limit time.Duration
}

func (t *TimeError) Error() string {
	return fmt.Sprintf("the SmartModule %s did not return within %s and was stopped", t.Label, t.Limit)
}

// Trap is the failure of a module that broke off.
type Trap struct {
	Cause     string
	Backtrace []string
}

// Error is the official engine's text, and after it, which that one leaves out, the cause.
func (t *Trap) Error() string {
	var b strings.Builder
	b.WriteString("error while executing at wasm backtrace:")
	for i, frame := range t.Backtrace {
		fmt.Fprintf(&b, "\n%5d: %s", i, frame)
	}
	return b.String() + "\n\nCaused by:\n    " + t.Cause
}

// explain turns what wazero says of a failed call into an error of this package.
func (e *Engine) explain(step *Step, err error) error {
	var tooMuch *MemoryError
	var exit *sys.ExitError
	switch {
	case errors.As(err, &tooMuch):
		return tooMuch
	case errors.As(err, &exit) && exit.ExitCode() == sys.ExitCodeDeadlineExceeded:
		return &TimeError{step.Label, e.options.TimeLimit}
	case errors.As(err, &exit) && exit.ExitCode() == sys.ExitCodeContextCanceled:
		return context.Canceled
	}
	cause, trace, ok := strings.Cut(err.Error(), "\nwasm stack trace:\n")
	if !ok {
		return err
	}
	t := &Trap{Cause: "wasm trap: " + strings.TrimPrefix(cause, "wasm error: ")}
	for line := range strings.SplitSeq(trace, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			t.Backtrace = append(t.Backtrace, line)
		}
	}
	return t
}
