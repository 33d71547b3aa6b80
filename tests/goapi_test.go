package tests

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goAPIFile holds what Go programs that are written already rely on.
const goAPIFile = "abi/go.txt"

// goPackages are those that programs import. Types that a package only gives another name are those of the room behind it.
var goPackages = []string{"core", "core/fluvioerr", "core/devcluster", "core/otelhook", "core/internal/obs"}

// TestGoAPI compares the exported names of the Go packages, with their types, with the written ones, which must stay. What is new is
// written down by UPDATE_ABI=1, at the latest with a release.
func TestGoAPI(t *testing.T) {
	var now []string
	for _, dir := range goPackages {
		now = append(now, goAPI(t, dir)...)
	}
	slices.Sort(now)
	require.Greater(t, len(now), 300)
	if os.Getenv("UPDATE_ABI") != "" {
		require.NoError(t, os.WriteFile(goAPIFile, []byte(strings.Join(now, "\n")+"\n"), 0o644))
	}
	content, err := os.ReadFile(goAPIFile)
	require.NoError(t, err)
	written := strings.Split(strings.TrimSpace(string(content)), "\n")
	for _, line := range written {
		if _, ok := slices.BinarySearch(now, line); !ok {
			t.Errorf("programs that are written rely on this, and it is not so any more:\n%s", line)
		}
	}
	if added := len(now) - len(written); added > 0 && !t.Failed() {
		t.Logf("%d names are new: write them down by UPDATE_ABI=1 go test -run TestGoAPI ./tests", added)
	}
}

// goAPI lists what a package exports, a line for each function, method, field, method of an interface, type, constant and variable.
func goAPI(t *testing.T, dir string) (lines []string) {
	t.Helper()
	set := token.NewFileSet()
	text := func(node any) string {
		var b bytes.Buffer
		require.NoError(t, printer.Fprint(&b, set, node))
		return strings.Join(strings.Fields(b.String()), " ")
	}
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution) // without comments
		require.NoError(t, err)
		if !ast.FileExports(file) {
			continue
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				f.Body = nil
				lines = append(lines, dir+": "+text(f))
				continue
			}
			for _, spec := range decl.(*ast.GenDecl).Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec: // without values: those of constants may have been computed
					for _, name := range s.Names {
						lines = append(lines, dir+": "+decl.(*ast.GenDecl).Tok.String()+" "+name.Name)
					}
				case *ast.TypeSpec:
					lines = append(lines, goType(dir, s, text)...)
				}
			}
		}
	}
	return lines
}

// goType lists a type with its fields or methods.
func goType(dir string, s *ast.TypeSpec, text func(any) string) []string {
	head := dir + ": type " + s.Name.Name
	var members *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		members, head = typ.Fields, head+" struct"
	case *ast.InterfaceType:
		members, head = typ.Methods, head+" interface"
	default:
		return []string{dir + ": type " + text(s)}
	}
	lines := []string{head}
	for _, member := range members.List {
		if len(member.Names) == 0 {
			lines = append(lines, head+": "+text(member.Type))
		}
		for _, name := range member.Names {
			lines = append(lines, head+": "+name.Name+" "+text(member.Type))
		}
	}
	return lines
}

func TestGoAPIBites(t *testing.T) {
	dir := "tests/replay" // some package with exported names
	lines := goAPI(t, dir)
	require.True(t, slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, dir+": func ") }), lines)
	require.False(t, slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "{") && strings.Contains(l, "return") }))
	_, err := fs.Stat(os.DirFS("."), goAPIFile)
	require.NoError(t, err)
}
