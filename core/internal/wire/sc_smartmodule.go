package wire

import (
	"strconv"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Formats of a SmartModule's payload.
const (
	SmartModuleBinary uint8 = 0
	SmartModuleText   uint8 = 1
)

// SmartModuleSpec is a module as the SC keeps it. Servers from platform 0.10.0 on have this form.
type SmartModuleSpec struct {
	Meta       *SmartModuleMeta
	WasmLength *uint32 // set by the SC in summary listings, which have no Payload: its length
	Format     uint8
	Payload    []byte // the WebAssembly module, compressed with gzip; SPUs refuse it otherwise
}

// SmartModuleMeta is the package that a module was made from and the parameters it takes.
type SmartModuleMeta struct {
	Package SmartModulePackage
	Params  []MapEntry[string, SmartModuleParam]
}

// Visibilities of a SmartModulePackage.
const (
	SmartModulePrivate uint8 = 0
	SmartModulePublic  uint8 = 1
)

// SmartModulePackage says where a module is from. Versions are semver: the SC hangs up on anything else.
type SmartModulePackage struct {
	Name        string
	Group       string
	Version     string
	APIVersion  string
	Description *string
	License     *string
	Visibility  uint8 // since 19
	Repository  *string
}

// SmartModuleParam describes a parameter.
type SmartModuleParam struct {
	Description *string
	Optional    bool
}

// Wire walks the spec.
func (m *SmartModuleSpec) Wire(c *Codec) {
	Opt(c, &m.Meta, func(c *Codec, meta *SmartModuleMeta) {
		meta.Package.wire(c)
		Map(c, &meta.Params, 4, (*Codec).String, func(c *Codec, p *SmartModuleParam) { c.OptString(&p.Description); c.Bool(&p.Optional) })
	})
	c.OptU32(&m.WasmLength)
	c.U8(&m.Format)
	c.Bytes(&m.Payload)
}

func (p *SmartModulePackage) wire(c *Codec) {
	c.String(&p.Name)
	c.String(&p.Group)
	c.String(&p.Version)
	c.String(&p.APIVersion)
	c.OptString(&p.Description)
	c.OptString(&p.License)
	if c.Since(19) {
		c.U8(&p.Visibility)
	}
	c.OptString(&p.Repository)
}

// FullName is the package's name for people and invocations, group/name@version.
func (p *SmartModulePackage) FullName() string {
	return SmartModuleName{Name: p.Name, Group: &p.Group, Version: &p.Version}.String()
}

// Key is the name under which the SC keeps a module of this package, name-group-version, whatever Create asked for.
func (p *SmartModulePackage) Key() string {
	return SmartModuleName{Name: p.Name, Group: &p.Group, Version: &p.Version}.Key()
}

// SmartModuleStatus takes no bytes.
type SmartModuleStatus struct{}

// Wire walks the status.
func (*SmartModuleStatus) Wire(*Codec) {}

// SmartModuleName is how requests name a module: name, group/name or group/name@version. What is nil was left out.
type SmartModuleName struct {
	Name    string
	Group   *string
	Version *string // semver, completed: 0.1 was read as 0.1.0
}

// ParseSmartModuleName reads a name as the SC does. An @ without a group in front belongs to the name. What is wrong with
// the version is an InvalidArgument error; the SC closes the connection on it.
func ParseSmartModuleName(s string) (SmartModuleName, error) {
	group, rest, ok := strings.Cut(s, "/")
	if !ok {
		return SmartModuleName{Name: s}, nil
	}
	rest, _, _ = strings.Cut(rest, "/") // the SC drops what follows a second /
	name, version, ok := strings.Cut(rest, "@")
	n := SmartModuleName{Name: name, Group: &group}
	if ok {
		version, _, _ = strings.Cut(version, "@")
		full, valid := completeVersion(version)
		if !valid {
			return SmartModuleName{}, fluvioerr.New(fluvioerr.InvalidArgument, "parse SmartModule name", "%q has the version %q", s, version).
				WithHint("write group/name@version with a version like 0.1.0")
		}
		n.Version = &full
	}
	return n, nil
}

// completeVersion gives a version its missing numbers; false if it is none.
func completeVersion(v string) (string, bool) {
	numbers, suffix := v, ""
	if i := strings.IndexAny(v, "-+"); i >= 0 {
		numbers, suffix = v[:i], v[i:]
	}
	parts := strings.Split(numbers, ".")
	if len(parts) > 3 || len(suffix) == 1 {
		return "", false
	}
	out := [3]uint64{}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 64)
		if err != nil {
			return "", false
		}
		out[i] = n
	}
	b := strconv.AppendUint(nil, out[0], 10)
	for _, n := range out[1:] {
		b = strconv.AppendUint(append(b, '.'), n, 10)
	}
	return string(b) + suffix, true
}

// String is the name as it is written: name, group/name or group/name@version.
func (n SmartModuleName) String() string {
	s := n.Name
	if n.Group != nil {
		s = *n.Group + "/" + s
		if n.Version != nil {
			s += "@" + *n.Version
		}
	}
	return s
}

// Key is the name of the SC's object if the module has a package of just these parts.
func (n SmartModuleName) Key() string {
	s := n.Name
	if n.Group != nil {
		s += "-" + *n.Group
	}
	if n.Version != nil {
		s += "-" + *n.Version
	}
	return s
}

// Matches says whether a module is meant: key is the name of its object. A module with a package is compared by the
// package, part by part, where parts left out fit anything; one without by its key alone, and the group is not looked at.
func (n SmartModuleName) Matches(key string, spec *SmartModuleSpec) bool {
	if spec.Meta == nil {
		return n.Name == key
	}
	p := &spec.Meta.Package
	return n.Name == p.Name && (n.Group == nil || *n.Group == p.Group) && (n.Version == nil || *n.Version == p.Version)
}
