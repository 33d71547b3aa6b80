package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	maxFileLines     = 800
	maxFunctionLines = 80
)

// larger are files that may be longer: the C contract is one page to read.
var larger = map[string]int{"include/fluvio.h": 1200}

// heads fit the lines with which functions begin; the group is their indent. Go has a parser.
var heads = map[string]*regexp.Regexp{
	".go": nil,
	".c":  inC, ".h": inC, ".hpp": inC, ".cpp": inC,
	".js": inScript, ".mjs": inScript, ".ts": inScript,
	".py": regexp.MustCompile(`^( *)(?:async )?def `),
	".rs": regexp.MustCompile(`^( *)(?:pub(?:\(\w+\))? )?(?:async )?fn .*\{$`),
}

var (
	inC      = regexp.MustCompile(`^( *)(?:\{|[\w~:].*\)(?: const| noexcept| override)* \{)$`)
	inScript = regexp.MustCompile(`^( *)(?:export |default |async |static |get |set )*(?:function\b.*|#?\w+\(.*\)|(?:const|let) \w+ = .*=>|test\(.*=>) \{$`)
	control  = regexp.MustCompile(`^ *(?:if|for|while|switch|else|do|catch|namespace|extern)\b`)
)

// TestSizes keeps files and functions, tests included, at a size that can be read.
func TestSizes(t *testing.T) {
	for ending := range heads {
		for path, text := range texts(t, "*"+ending) {
			if strings.Contains(path, "testdata") {
				continue
			}
			for _, problem := range oversized(t, filepath.ToSlash(path), text) {
				t.Error(problem)
			}
		}
	}
}

// oversized lists what is too long in a file.
func oversized(t *testing.T, path, text string) (out []string) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if limit := max(maxFileLines, larger[path]); len(lines) > limit {
		out = append(out, fmt.Sprintf("%s has %d lines, the limit is %d", path, len(lines), limit))
	}
	functions := functionLines
	if filepath.Ext(path) == ".go" {
		functions = goFunctionLines
	}
	for first, n := range functions(t, path, text) {
		if n > maxFunctionLines {
			out = append(out, fmt.Sprintf("%s:%d: a function has %d lines, the limit is %d", path, first, n, maxFunctionLines))
		}
	}
	return out
}

// goFunctionLines gives the number of lines of each function by the one in which it begins.
func goFunctionLines(t *testing.T, path, text string) map[int]int {
	set, out := token.NewFileSet(), map[int]int{}
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			first := set.Position(f.Pos()).Line
			out[first] = set.Position(f.End()).Line - first + 1
		}
	}
	return out
}

// functionLines is goFunctionLines of the other languages, by how they are indented.
func functionLines(_ *testing.T, path, text string) map[int]int {
	out := map[int]int{}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		m := heads[filepath.Ext(path)].FindStringSubmatch(line)
		if m == nil || control.MatchString(line) {
			continue
		}
		end := regexp.MustCompile(`^` + m[1] + `\}`)
		if filepath.Ext(path) == ".py" {
			end = regexp.MustCompile(`^ {0,` + fmt.Sprint(len(m[1])) + `}[^ )]`) // the first line behind it
		}
		for k, next := range lines[i+1:] {
			if end.MatchString(next) {
				out[i+1] = k + 2
				break
			}
		}
	}
	return out
}

func TestSizeLimitsBite(t *testing.T) {
	for path, program := range map[string][3]string{
		"x.go": {"package x\n\nfunc f() {\n", "\t_ = 0\n", "}\n"}, "x.py": {"class X:\n    def f(self):\n", "        pass\n", "\n    def g(self): pass\n"},
		"x.c": {"int f(void)\n{\n", "  ;\n", "}\n"}, "x.hpp": {"class x {\n  int f() const {\n", "    ;\n", "  }\n};\n"},
		"x.js": {"class X {\n  async #f(a, b) {\n", "    ;\n", "  }\n}\n"}, "x.mjs": {"test('x', async () => {\n", "  ;\n", "});\n"},
	} {
		body := maxFunctionLines - 2
		if path == "x.py" {
			body-- // two empty lines may follow a function
		}
		text := program[0] + strings.Repeat(program[1], body) + program[2]
		require.Empty(t, oversized(t, path, text), path)
		text = program[0] + strings.Repeat(program[1], maxFunctionLines) + program[2]
		require.Len(t, oversized(t, path, text), 1, path)
	}
	require.Empty(t, oversized(t, "x.go", "package x\n"+strings.Repeat("//\n", maxFileLines-1)))
	require.Len(t, oversized(t, "x.go", "package x\n"+strings.Repeat("//\n", maxFileLines)), 1)
	require.Empty(t, oversized(t, "include/fluvio.h", strings.Repeat("//\n", maxFileLines+1)))
	require.Len(t, oversized(t, "include/fluvio.h", strings.Repeat("//\n", 1201)), 1)
}
