package fluvio

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// SmartModule is one step of a chain: WebAssembly that SPUs run records through, for a consumer those that it reads, for a
// producer those that it sends, before they are stored. Name, Path or Wasm says which module: exactly one of them.
type SmartModule struct {
	// Name is that of a module stored in the cluster: name, group/name or group/name@version.
	Name string `setting:"name"`
	// Path is a file with the module. It is read when the consumer or producer is opened, and sent with every stream or
	// request, as Wasm is.
	Path string `setting:"path"`
	// Wasm is the module itself. In JSON {"base64": "..."}.
	Wasm []byte `setting:"wasm"`
	// Kind is generic, filter, map, array_map, filter_map or aggregate. SPUs look at what the module exports and not at this,
	// so there is no need to set it. Default generic.
	Kind string `setting:"kind" enum:"generic,filter,map,array_map,filter_map,aggregate"`
	// Params go to the module's init function.
	Params map[string]string `setting:"params"`
	// Accumulator is where an aggregate begins, anew with every stream and every request: it also does after a lost connection.
	// In JSON text, or {"base64": "..."}.
	Accumulator []byte `setting:"accumulator"`
	// Lookback shows stored records to the module's look_back function first. Platform 0.10.11, with an age 0.10.13.
	Lookback Lookback `setting:"lookback"`
}

// Lookback says which stored records a module is shown before it begins. The zero value is none.
type Lookback struct {
	// Last is the number of the newest records at most. 0: as many as are young enough.
	Last uint64 `setting:"last" min:"1" max:"9223372036854775807"`
	// Age is how old records may be, by their timestamps. 0: as old as they are.
	Age time.Duration `setting:"age_ms" min:"1" max:"9223372036854"`
}

// checkModules reports what is wrong with a chain.
func checkModules(p *problems, chain []SmartModule, file string) {
	if len(chain) > 0 && file != "" {
		p.add("transforms_path", "has no effect with smartmodules, leave one of them out")
	}
	for i := range chain {
		m, name := &chain[i], fmt.Sprintf("smartmodules[%d]", i)
		given := 0
		for _, there := range []bool{m.Name != "", m.Path != "", len(m.Wasm) > 0} {
			if there {
				given++
			}
		}
		if given != 1 {
			p.add(name, "give one of name, path and wasm")
		}
		if len(m.Accumulator) > 0 && !slices.Contains([]string{"", "generic", "aggregate"}, m.Kind) {
			p.add(name+".accumulator", "is for aggregates, the kind is %s", m.Kind)
		}
	}
}

// moduleKinds are the kinds by their names in settings.
var moduleKinds = map[string]uint8{
	"": wire.KindGeneric, "generic": wire.KindGeneric, "filter": wire.KindFilter, "map": wire.KindMap, "array_map": wire.KindArrayMap,
	"filter_map": wire.KindFilterMap, "aggregate": wire.KindAggregate,
}

// invocations is a checked chain, or that of a transformation file, as SPUs take it. It reads the files, and packs modules as the
// protocol demands.
func invocations(op string, chain []SmartModule, file string) (out wire.SmartModules, err error) {
	if file != "" {
		if chain, err = LoadTransforms(file); err != nil {
			return nil, fluvioerr.As(err).ForSetting("transforms_path")
		}
	}
	for i := range chain {
		m := &chain[i]
		v := wire.SmartModuleInvocation{Name: m.Name, Kind: wire.SmartModuleKind{Tag: moduleKinds[m.Kind], Accumulator: m.Accumulator}}
		if v.Kind.Tag == wire.KindGeneric && len(m.Accumulator) > 0 {
			v.Kind.Context = wire.ContextAggregate
		}
		wasm := m.Wasm
		if m.Path != "" {
			setting := fmt.Sprintf("smartmodules[%d].path", i)
			if wasm, err = os.ReadFile(m.Path); err != nil {
				return nil, fluvioerr.Wrap(fluvioerr.InvalidArgument, op, err).ForSetting(setting)
			}
			if len(wasm) == 0 {
				return nil, fluvioerr.New(fluvioerr.InvalidArgument, op, "%s: %s is empty", setting, m.Path).ForSetting(setting)
			}
			label := filepath.Base(m.Path)
			v.Display = &label
		}
		if m.Name == "" {
			packed, err := packModule(wasm)
			if err != nil {
				return nil, fluvioerr.Wrap(fluvioerr.Internal, op, err)
			}
			v.AdHoc = &packed
		}
		for _, key := range slices.Sorted(maps.Keys(m.Params)) {
			v.Params = append(v.Params, wire.MapEntry[string, string]{Key: key, Value: m.Params[key]})
		}
		if look := m.Lookback; look != (Lookback{}) {
			v.Look = &wire.Lookback{Last: look.Last}
			if look.Age > 0 {
				v.Look.Age = &wire.Duration{Seconds: uint64(look.Age / time.Second), Nanos: uint32(look.Age % time.Second)}
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// packModule compresses a module, unless it comes compressed.
func packModule(wasm []byte) ([]byte, error) {
	if bytes.HasPrefix(wasm, []byte{0x1f, 0x8b}) {
		return wasm, nil
	}
	return compress.Append(nil, compress.Gzip, 0, wasm)
}
