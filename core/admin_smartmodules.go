package fluvio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// SmartModuleSpec is what a SmartModule is stored with: its WebAssembly, from Path or Wasm, and what its package says.
type SmartModuleSpec struct {
	// Path is the file with the module, WebAssembly or that packed with gzip.
	Path string `setting:"path"`
	// Wasm is the module itself, likewise. In JSON {"base64": "..."}.
	Wasm []byte `setting:"wasm"`
	// Package says where the module is from. With it, the module's name is made of the package's. Zero: none.
	Package SmartModulePackage `setting:"package"`
	// Params are the parameters that the module takes. Only with Package.
	Params []SmartModuleParam `setting:"params"`
}

// ParseSmartModuleSpec reads the settings of a stored SmartModule, as ParseClientOptions.
func ParseSmartModuleSpec(js []byte) (o SmartModuleSpec, err error) {
	return o, parseSettings("SmartModule", js, &o)
}

// SmartModulePackage says where a module is from. Name, Group and Version are needed.
type SmartModulePackage struct {
	Name        string `setting:"name" json:"name"`
	Group       string `setting:"group" json:"group"`
	Version     string `setting:"version" json:"version"`         // semver
	APIVersion  string `setting:"api_version" json:"api_version"` // semver; default 0.1.0
	Description string `setting:"description" json:"description"`
	License     string `setting:"license" json:"license"`
	Visibility  string `setting:"visibility" json:"visibility" enum:"private,public"` // default private; platform 0.17.3
	Repository  string `setting:"repository" json:"repository"`
}

// SmartModuleParam is a parameter of a module.
type SmartModuleParam struct {
	Name        string `setting:"name" json:"name"`
	Description string `setting:"description" json:"description"`
	Optional    bool   `setting:"optional" json:"optional"`
}

// StoredSmartModule is a SmartModule of the cluster.
type StoredSmartModule struct {
	Name     string              `json:"name"`
	FullName string              `json:"full_name"` // as consumers and producers write it: group/name@version, or Name without a package
	Package  *SmartModulePackage `json:"package"`   // nil: none
	Params   []SmartModuleParam  `json:"params"`
	Format   string              `json:"format"` // binary or text
	Size     int64               `json:"size"`   // bytes, as it is stored: packed
	Wasm     []byte              `json:"wasm"`   // unpacked; nil where it was not asked for
}

// moduleLimit is how large a module may be, unpacked.
const moduleLimit = 1 << 30

var semver = regexp.MustCompile(`^(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`)

func (s SmartModuleSpec) problems() *problems {
	p := checked(s)
	if (s.Path == "") == (len(s.Wasm) == 0) {
		p.add("wasm", "give one of path and wasm: the module")
	}
	if pack := &s.Package; *pack != (SmartModulePackage{}) {
		for _, must := range [][2]string{{"name", pack.Name}, {"group", pack.Group}} {
			if must[1] == "" || strings.ContainsAny(must[1], "/@") {
				p.add("package."+must[0], "%q is empty or has / or @", must[1])
			}
		}
		if !semver.MatchString(pack.Version) {
			p.add("package.version", "%q is not a version like 0.1.0", pack.Version)
		}
		if pack.APIVersion != "" && !semver.MatchString(pack.APIVersion) {
			p.add("package.api_version", "%q is not a version like 0.1.0", pack.APIVersion)
		}
	} else if len(s.Params) > 0 {
		p.add("params", "need a package: servers keep them with it")
	}
	seen := map[string]bool{}
	for i, param := range s.Params {
		if param.Name == "" || seen[param.Name] {
			p.add(fmt.Sprintf("params[%d].name", i), "is missing, or there twice")
		}
		seen[param.Name] = true
	}
	return p
}

// wire reads the file, packs the module and gives the spec as the SC takes it.
func (s *SmartModuleSpec) wire(op string) (*wire.SmartModuleSpec, error) {
	if err := s.problems().err("SmartModule"); err != nil {
		return nil, err
	}
	wasm, setting := s.Wasm, "wasm"
	if s.Path != "" {
		setting = "path"
		var err error
		if wasm, err = os.ReadFile(s.Path); err != nil {
			return nil, fluvioerr.Wrap(fluvioerr.InvalidArgument, op, err).ForSetting(setting)
		}
	}
	packed, err := packModule(wasm)
	if err != nil {
		return nil, fluvioerr.Wrap(fluvioerr.Internal, op, err)
	}
	if plain, err := unpackModule(packed); err != nil || !bytes.HasPrefix(plain, []byte("\x00asm")) {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, op, "%s: this is not WebAssembly", setting).ForSetting(setting).
			WithHint("give a .wasm file, built for wasm32-unknown-unknown, as it is or packed with gzip")
	}
	out := &wire.SmartModuleSpec{Format: wire.SmartModuleBinary, Payload: packed}
	if pack := &s.Package; *pack != (SmartModulePackage{}) {
		out.Meta = &wire.SmartModuleMeta{Package: wire.SmartModulePackage{
			Name: pack.Name, Group: pack.Group, Version: pack.Version, APIVersion: orDefault(pack.APIVersion, "0.1.0"),
			Description: optional(pack.Description), License: optional(pack.License), Repository: optional(pack.Repository),
			Visibility: numberOf(pack.Visibility, visibilities...),
		}}
		params := slices.Clone(s.Params)
		sort.Slice(params, func(i, j int) bool { return params[i].Name < params[j].Name }) // slices.SortFunc costs 15 KB for each type
		for _, param := range params {
			value := wire.SmartModuleParam{Description: optional(param.Description), Optional: param.Optional}
			out.Meta.Params = append(out.Meta.Params, wire.MapEntry[string, wire.SmartModuleParam]{Key: param.Name, Value: value})
		}
	}
	return out, nil
}

var visibilities = []string{"private", "public"}

func unpackModule(packed []byte) ([]byte, error) {
	if !bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		return nil, errors.New("it is not packed with gzip")
	}
	return compress.AppendDecoded(nil, compress.Gzip, packed, moduleLimit)
}

// CreateSmartModule stores a module in the cluster, and gives its name there: name, or with a package the name made of that.
// An existing module of that name is replaced without notice; streams that run keep the old one.
func (a *Admin) CreateSmartModule(ctx context.Context, name string, spec SmartModuleSpec) (string, error) {
	const op = "create SmartModule"
	if strings.ContainsRune(name, '/') {
		return "", fluvioerr.New(fluvioerr.InvalidArgument, op, "the name %q has a /: nobody could use it", name).ForSetting("name").
			WithHint("give the group and the version by the setting package")
	}
	s, err := spec.wire(op)
	if err != nil {
		return "", err
	}
	if s.Meta != nil && name == "" {
		name = spec.Package.Name
	}
	stored, err := a.create(ctx, op, &wire.CreateRequest{Label: wire.LabelSmartModule, Name: name, Spec: s})
	if err == nil && s.Meta != nil {
		stored = s.Meta.Package.Key() // whatever the answer says
	}
	return stored, err
}

// DeleteSmartModule deletes a module: by its name, or with a package also as group/name@version.
func (a *Admin) DeleteSmartModule(ctx context.Context, name string) error {
	const op = "delete SmartModule"
	if _, err := wire.ParseSmartModuleName(name); err != nil {
		return named(err, op, "")
	}
	return a.remove(ctx, op, &wire.DeleteRequest{Label: wire.LabelSmartModule, Name: name})
}

// smartModules is how modules are listed and watched.
var smartModules = kind[StoredSmartModule]{objects{wire.LabelSmartModule, "SmartModule"}, smartModuleOf, func(x, y *StoredSmartModule) int {
	return strings.Compare(x.Name, y.Name)
}}

// SmartModules lists the modules in the order of their names, without their WebAssembly unless that is asked for.
func (a *Admin) SmartModules(ctx context.Context, options ...ListOptions) ([]StoredSmartModule, error) {
	return list(ctx, a, smartModules, options)
}

// SmartModule describes a module, with its WebAssembly: by its name, or as group/name or group/name@version. NotFound: there
// is none.
func (a *Admin) SmartModule(ctx context.Context, name string) (StoredSmartModule, error) {
	n, err := wire.ParseSmartModuleName(name)
	if err != nil {
		return StoredSmartModule{}, named(err, "describe SmartModule", "")
	}
	if n.Group != nil {
		return describe(ctx, a, smartModules, name, func(*StoredSmartModule) bool { return true }, ListOptions{Names: []string{name}, Wasm: true})
	}
	// Servers look for the name of the package, not for that of the object, where there is a package.
	found, err := describe(ctx, a, smartModules, name, func(m *StoredSmartModule) bool { return m.Name == name || m.Package != nil && m.Package.Name == name }, ListOptions{})
	if err != nil {
		return found, err
	}
	return describe(ctx, a, smartModules, name, func(m *StoredSmartModule) bool { return m.Name == found.Name }, ListOptions{Names: []string{found.FullName}, Wasm: true})
}

// WatchSmartModules tells of modules that come, change and go, without their WebAssembly.
func (a *Admin) WatchSmartModules(ctx context.Context) (*Watch[StoredSmartModule], error) {
	return watch(ctx, a, smartModules)
}

func smartModuleOf(o *wire.Object) StoredSmartModule {
	spec := o.Spec.(*wire.SmartModuleSpec)
	m := StoredSmartModule{Name: o.Name, FullName: o.Name, Format: of(spec.Format, "binary", "text"), Size: int64(len(spec.Payload))}
	if spec.WasmLength != nil {
		m.Size = int64(*spec.WasmLength)
	}
	if len(spec.Payload) > 0 {
		var err error
		if m.Wasm, err = unpackModule(spec.Payload); err != nil {
			m.Wasm = spec.Payload // as it is: somebody stored it so
		}
	}
	if spec.Meta == nil {
		return m
	}
	p := &spec.Meta.Package
	m.FullName = p.FullName()
	m.Package = &SmartModulePackage{
		Name: p.Name, Group: p.Group, Version: p.Version, APIVersion: p.APIVersion, Description: value(p.Description),
		License: value(p.License), Visibility: of(p.Visibility, visibilities...), Repository: value(p.Repository),
	}
	for _, param := range spec.Meta.Params {
		m.Params = append(m.Params, SmartModuleParam{Name: param.Key, Description: value(param.Value.Description), Optional: param.Value.Optional})
	}
	return m
}
