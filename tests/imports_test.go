package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/libfluvio/libfluvio/"

// root is the directory of go.mod, from this package.
const root = ".."

// rule is what the files of a package, tests aside, may import beside the standard library.
type rule struct {
	rooms   []string // packages of this module, without the module's path
	modules []string // other people's modules
}

var (
	wireUp = []string{"core/fluvioerr", "core/internal/obs", "core/internal/wire", "core/internal/transport"}
	flow   = append(slices.Clone(wireUp), "core/internal/cluster", "core/internal/compress")
)

// rules is the table of the design, one row per package. Data goes one way through it, and so do imports: a new row, or a
// new entry in one, is a decision about the design and not a formality.
var rules = map[string]rule{
	"core/fluvioerr":         {},
	"core/internal/wire":     {rooms: []string{"core/fluvioerr"}},
	"core/internal/compress": {modules: []string{"github.com/klauspost/compress", "github.com/pierrec/lz4/v4"}},
	"core/internal/obs":      {},
	"core/internal/secure":   {},
	"core/internal/transport": {
		rooms:   []string{"core/fluvioerr", "core/internal/obs", "core/internal/secure", "core/internal/wire"},
		modules: []string{"golang.org/x/sys", "github.com/sony/gobreaker/v2", "github.com/cenkalti/backoff/v5"},
	},
	"core/internal/cluster": {rooms: wireUp},
	"core/internal/produce": {rooms: flow, modules: []string{"golang.org/x/sync", "github.com/dchest/siphash"}},
	"core/internal/consume": {rooms: flow, modules: []string{"golang.org/x/sync"}},
	"core": {
		rooms:   append(slices.Clone(flow), "core/internal/produce", "core/internal/consume"),
		modules: []string{"github.com/BurntSushi/toml", "go.yaml.in/yaml/v3"},
	},
	// The client and the cluster share the codec and TLS sockets, and nothing else.
	"core/devcluster": {
		rooms:   []string{"core/fluvioerr", "core/internal/secure", "core/internal/wire", "core/internal/compress", "core/devcluster/internal/smartengine"},
		modules: []string{"golang.org/x/sys"},
	},
	"core/devcluster/internal/smartengine": {rooms: []string{"core/internal/wire"}, modules: []string{"github.com/tetratelabs/wazero"}},
	"core/cmd/fluvio-devcluster":           {rooms: []string{"core/fluvioerr", "core/devcluster"}},
	"core/internal/history":                {},                                  // tests hold their runs against it
	"core/internal/matrix":                 {},                                  // only tests
	"core/internal/gen":                    {rooms: []string{"core/fluvioerr"}}, // writes the error tables of the other languages
	"capi/packaging/manpage":               {},
	"capi":                                 {rooms: []string{"core", "core/fluvioerr"}, modules: []string{"golang.org/x/sys"}},
	"tests":                                {},
	// It reads the protocol for itself, without the codec that it judges.
	"tests/replay":     {modules: []string{"github.com/klauspost/compress", "github.com/pierrec/lz4/v4"}},
	"tests/recorder":   {rooms: []string{"tests/replay"}},
	"tests/interop/go": {rooms: []string{"core"}}, // a program that the interop tests run
	"tests/bench/go":   {rooms: []string{"core"}}, // one that the benchmarks run
}

// violations compares the imports of a package with its rule.
func violations(name string, imports []string) []string {
	row, ok := rules[name]
	if !ok {
		return []string{fmt.Sprintf("%s: the table of imports has no row for it", name)}
	}
	var out []string
	for _, path := range imports {
		room, inside := strings.CutPrefix(path, module)
		host, _, _ := strings.Cut(path, "/")
		switch {
		case inside && slices.Contains(row.rooms, room), path == "C":
		case !inside && !strings.Contains(host, "."): // the standard library
		case !inside && slices.ContainsFunc(row.modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }):
		default:
			out = append(out, fmt.Sprintf("%s imports %s, which the table does not allow", name, path))
		}
	}
	return out
}

func TestImportsFollowTheDesign(t *testing.T) {
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,GoFiles,CgoFiles", "./...")
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	require.NoError(t, err, stderr.String())
	seen := map[string]bool{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			ImportPath                 string
			Imports, GoFiles, CgoFiles []string
		}
		err := d.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		name := strings.TrimPrefix(pkg.ImportPath, module)
		seen[name] = true
		for _, v := range violations(name, pkg.Imports) {
			t.Error(v)
		}
	}
	for _, name := range []string{"core", "core/fluvioerr", "core/internal/wire", "core/internal/compress"} {
		require.True(t, seen[name], "go list did not show %s", name)
	}
}

// TestImportsTableBites shows that the comparison finds what it is for.
func TestImportsTableBites(t *testing.T) {
	for name, imports := range map[string][]string{
		"core/fluvioerr":         {module + "core/internal/wire"},
		"core/internal/produce":  {module + "core/internal/consume"},
		"core/internal/wire":     {"github.com/klauspost/compress/zstd"},
		"core/devcluster":        {module + "core"},
		"core/internal/nowhere":  nil,
		"capi":                   {module + "core/internal/wire"},
		"core/internal/compress": {"github.com/klauspost/compressor"},
	} {
		require.Len(t, violations(name, imports), 1, name)
	}
	require.Empty(t, violations("core/internal/compress", []string{"io", "encoding/binary", "github.com/klauspost/compress/zstd"}))
	require.Empty(t, violations("capi", []string{"C", "unsafe", module + "core"}))
}

// TestLibraryIsLean shows that what is for some programs only is in none of the others.
func TestLibraryIsLean(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "./capi")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), module+"core\n")
	for _, heavy := range []string{"opentelemetry", "prometheus", "wazero", "net/http\n"} {
		require.NotContains(t, string(out), heavy)
	}
}
