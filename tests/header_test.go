package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// header is what fluvio.h declares.
type header struct {
	text, head string // all of it; its first comment, which holds the rules for every function
	functions  []function
	structs    []structure
	defines    []string // names of constants
}

// function is one declaration. Functions that follow each other share a comment.
type function struct {
	name, result, comment string
	parameters            []parameter
}

type parameter struct{ typ, name string }

// structure is a public struct with its fields.
type structure struct {
	name   string // of its typedef
	fields []parameter
}

var (
	functionLine  = regexp.MustCompile(`^FLUVIO_API (.*?)(fluvio_\w+)\((.*)\);`)
	namedParam    = regexp.MustCompile(`^(.*?)(\w+)$`)
	structPattern = regexp.MustCompile(`(?ms)^typedef struct \w+ \{(.*?)^\} (fluvio_\w+);`)
	fieldPattern  = regexp.MustCompile(`(?m)^  ((?:const )?\w+ \**)(\w+);`)
	definePattern = regexp.MustCompile(`(?m)^#define (FLUVIO_\w+) [-(\dxU]`)
	statusPattern = regexp.MustCompile(`(?m)^#define FLUVIO_(?:ERR_)?(\w+) \(?-?\d+\)? `)
)

// readHeader parses fluvio.h, which keeps each function on one line.
func readHeader(t *testing.T) *header {
	t.Helper()
	text, err := os.ReadFile("../include/fluvio.h")
	require.NoError(t, err)
	h := &header{text: string(text)}
	h.head, _, _ = strings.Cut(h.text, "*/")
	lines := strings.Split(h.text, "\n")
	comment := ""
	for i, line := range lines {
		m := functionLine.FindStringSubmatch(line)
		if m == nil {
			require.False(t, strings.HasPrefix(line, "FLUVIO_API "), "on more than one line: %s", line)
			continue
		}
		if !strings.HasPrefix(lines[i-1], "FLUVIO_API ") {
			require.True(t, strings.HasSuffix(lines[i-1], "*/"), "no comment before %s", line)
			first := i - 1
			for !strings.HasPrefix(lines[first], "/*") {
				first--
			}
			comment = strings.Join(lines[first:i], "\n")
		}
		f := function{result: strings.TrimSpace(m[1]), name: m[2], comment: comment}
		for _, p := range strings.Split(strings.ReplaceAll(m[3], "void (*ctx_free)(void *)", "fluvio_free_cb ctx_free"), ", ") {
			if p != "void" {
				n := namedParam.FindStringSubmatch(p)
				require.NotNil(t, n, "no name: %s in %s", p, line)
				f.parameters = append(f.parameters, parameter{strings.TrimSpace(n[1]), n[2]})
			}
		}
		h.functions = append(h.functions, f)
	}
	for _, m := range structPattern.FindAllStringSubmatch(h.text, -1) {
		s := structure{name: m[2]}
		for _, f := range fieldPattern.FindAllStringSubmatch(m[1], -1) {
			s.fields = append(s.fields, parameter{strings.TrimSpace(f[1]), f[2]})
		}
		h.structs = append(h.structs, s)
	}
	for _, m := range definePattern.FindAllStringSubmatch(h.text, -1) {
		h.defines = append(h.defines, m[1])
	}
	require.Greater(t, len(h.functions), 100)
	require.Greater(t, len(h.structs), 8)
	return h
}

// generalParameters mean the same everywhere: the head of the header, or the comment of the type, explains them.
var generalParameters = []string{"error", "timeout_ms", "queue", "opaque", "callback", "ctx", "ctx_free", "config", "i", "status"}

// isObject tells pointers to objects of the library from other parameters.
func isObject(typ string) bool {
	return regexp.MustCompile(`^(const )?fluvio_\w+_t \*$`).MatchString(typ)
}

// TestHeaderIsDocumented wants each declaration's comment to say what the rules at the head of the header leave open.
func TestHeaderIsDocumented(t *testing.T) {
	h := readHeader(t)
	for _, rule := range []string{"Status ", "Statuses ", "Errors ", "Handles ", "Threads ", "Timeouts ", "Blocking ", "Strings ", "Memory ", "Callbacks ", "Fork ", "Compatibility "} {
		require.Contains(t, h.head, "\n * "+rule)
	}
	says := func(f function, pattern string) {
		t.Helper()
		if !regexp.MustCompile(pattern).MatchString(f.comment) {
			t.Errorf("the comment of %s does not say /%s/:\n%s", f.name, pattern, f.comment)
		}
	}
	statuses := []string{"OK"}
	for _, m := range statusPattern.FindAllStringSubmatch(h.text, -1) {
		statuses = append(statuses, m[1])
	}
	for _, f := range h.functions {
		says(f, `Since \d+\.\d+`)
		if strings.HasSuffix(f.name, "_free") { // by itself, and not as an afterthought of the function before
			says(f, `^/\* Frees `)
		}
		async := strings.HasSuffix(f.name, "_async")
		switch { // who frees what is returned, and how long it lives
		case async || strings.HasSuffix(f.name, "_free"):
		case f.result == "const char *":
			says(f, `(?i)\blives?\b|\bstatic\b`)
		case isObject(f.result):
			says(f, `(?i)\b(frees?|caller owns|adds a reference)\b`)
		}
		for n, p := range f.parameters {
			switch {
			case slices.Contains(generalParameters, p.name), n > 0 && p.name == f.parameters[n-1].name+"_len" && strings.HasPrefix(f.parameters[n-1].typ, "const"):
			case n == 0 && isObject(p.typ): // what the function works on
			case async && strings.HasSuffix(p.typ, "**"):
			case strings.HasSuffix(p.typ, "**") && p.typ != "const char **": // an object that the caller gets
				says(f, `\*`+p.name+`\b.*caller's|\bthe caller's`)
			default: // what goes in, and what is filled
				says(f, `\b`+p.name+`\b`)
			}
		}
		// A function with a timeout waits, and one without does not, says the head; the comment says it where it is otherwise.
		if !strings.HasSuffix(f.name, "_free") && !slices.ContainsFunc(f.parameters, func(p parameter) bool { return p.name == "timeout_ms" }) {
			require.NotRegexp(t, `(?i)\bwaits (until|for)`, strings.ReplaceAll(f.comment, "does not wait", ""), f.name)
		}
		// Statuses by name must exist.
		for _, word := range regexp.MustCompile(`\b(OK|[A-Z]{3,}(?:_[A-Z]+)*):`).FindAllStringSubmatch(f.comment, -1) {
			if !strings.HasPrefix(word[1], "FLUVIO_") && word[1] != "NULL" {
				require.Contains(t, statuses, word[1], f.name)
			}
		}
	}
	for _, s := range h.structs { // times say their unit
		_, body, _ := strings.Cut(h.text, "typedef struct "+strings.TrimSuffix(s.name, "_t"))
		body, _, _ = strings.Cut(body, "} "+s.name+";")
		for _, f := range s.fields {
			if regexp.MustCompile(`time|delay|latency|took|modified`).MatchString(f.name) && strings.Contains(f.typ, "int") && !regexp.MustCompile(`_(ms|us|ns)$`).MatchString(f.name) {
				require.Regexp(t, `\b`+f.name+`;.*\b(ms|us|ns|seconds)\b`, body, "%s.%s has no unit", s.name, f.name)
			}
		}
	}
}

// TestEveryFunctionIsTested wants each function to be called by the C tests, which run plain and under sanitizers.
func TestEveryFunctionIsTested(t *testing.T) {
	var sources []byte
	for _, name := range append(slices.Clone(cPrograms), "check") {
		source, err := os.ReadFile("c/" + name + map[bool]string{true: ".h", false: ".c"}[name == "check"])
		require.NoError(t, err)
		sources = append(sources, source...)
	}
	for _, f := range readHeader(t).functions {
		if !regexp.MustCompile(`\b` + f.name + `\(`).Match(sources) {
			t.Errorf("no test in tests/c calls %s", f.name)
		}
	}
}

// TestManualPage wants the page that make docs-c makes to have each function, with what its comment says, and every constant.
func TestManualPage(t *testing.T) {
	page := output(t, "..", nil, "go", "run", "./capi/packaging/manpage", "include/fluvio.h")
	h := readHeader(t)
	for _, f := range h.functions {
		require.Contains(t, page, `\fB`+f.name+`\fP(`)
		last := strings.TrimSpace(strings.TrimSuffix(f.comment, "*/"))
		last = strings.TrimLeft(last[strings.LastIndexByte(last, '\n')+1:], "/* ")
		require.Contains(t, page, strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(last), f.name)
	}
	for _, name := range h.defines {
		if name != "FLUVIO_VERSION_HEX" {
			require.Contains(t, page, name)
		}
	}
	need(t, "groff")
	command := exec.Command("groff", "-man", "-Tutf8", "-ww")
	command.Stdin = strings.NewReader(page)
	var complaints strings.Builder
	command.Stderr = &complaints
	text, err := command.Output()
	require.NoError(t, err)
	require.Contains(t, string(text), "fluvio_consumer_poll")
	for _, line := range strings.Split(strings.TrimSpace(complaints.String()), "\n") { // declarations are longer than lines
		require.Regexp(t, `^$|cannot break line|can't break line|cannot adjust line`, line)
	}
}

// notInTheCrowd are the functions that are not called on what other threads use at the same time, and why not.
var notInTheCrowd = map[string]string{
	`fluvio_config_\w+`:                "a config is filled by one thread, says its comment",
	`fluvio_queue_new`:                 "makes something of the caller's own",
	`fluvio_\w+_free`:                  "the last call on a handle",
	`fluvio_client_connect`:            "as _async, which is called; it waits for its own operation",
	`fluvio_(producer|consumer)_open`:  "as _async, which is called; they wait for their own operation",
	`fluvio_client_close`:              "closes what the round needs: closers call it, twice at once",
	`fluvio_(producer|consumer)_close`: "as fluvio_client_close",
	`fluvio_consumer_start_records`:    "one call for a consumer; fluvio_consumer_start is called by all",
}

// TestEveryFunctionIsInTheCrowd wants the threads of crowd.c to call each function that may be called on what others use, too.
func TestEveryFunctionIsInTheCrowd(t *testing.T) {
	crowd, err := os.ReadFile("c/crowd.c")
	require.NoError(t, err)
	calls, err := os.ReadFile("c/crowd_calls.h")
	require.NoError(t, err)
	threads, _, found := strings.Cut(string(crowd), "/* ------------------------- from here on")
	require.True(t, found)
	threads += string(calls)
	used := map[string]bool{}
	for _, f := range readHeader(t).functions {
		if regexp.MustCompile(`\b` + f.name + `\(`).MatchString(threads) {
			continue
		}
		excused := false
		for pattern := range notInTheCrowd {
			if regexp.MustCompile(`^(` + pattern + `)$`).MatchString(f.name) {
				excused, used[pattern] = true, true
			}
		}
		if !excused {
			t.Errorf("no thread of tests/c/crowd.c calls %s", f.name)
		}
	}
	for pattern, reason := range notInTheCrowd {
		require.True(t, used[pattern], "%s: %s: nothing is left out for that", pattern, reason)
	}
}

// TestHeaderStandsAlone compiles the headers by themselves, as both languages.
func TestHeaderStandsAlone(t *testing.T) {
	strict := []string{"-Wall", "-Wextra", "-Wshadow", "-Wcast-qual", "-Werror", "-pedantic", "-Iinclude"}
	for name, c := range map[string][]string{
		"c99": {"gcc", "-std=c99", "-Wc++-compat"}, "c23": {"gcc", "-std=c2x"}, "c++11": {"g++", "-std=c++11"}, "c++17": {"g++", "-std=c++17"}, "fluvio.hpp": {"g++", "-std=c++17"},
	} {
		t.Run(name, func(t *testing.T) {
			need(t, c[0])
			file := "program" + map[bool]string{true: ".c", false: ".cpp"}[c[0] == "gcc"]
			included := map[bool]string{true: name, false: "fluvio.h"}[name == "fluvio.hpp"]
			path := filepath.Join(t.TempDir(), file)
			require.NoError(t, os.WriteFile(path, []byte("#include <"+included+">\nint main(void) { return fluvio_check(FLUVIO_VERSION_HEX); }\n"), 0o600))
			run(t, nil, slices.Concat(c, strict, []string{"-fsyntax-only", path})...)
		})
	}
}

// abiFile holds what programs that are built already rely on.
const abiFile = "abi/fluvio-1.txt"

// TestABI compares functions, constants and the layout of structs with the written ABI, by the compiler. What is written there
// must stay; what is new is added by UPDATE_ABI=1.
func TestABI(t *testing.T) {
	need(t, "gcc")
	h := readHeader(t)
	spaces := regexp.MustCompile(` +`)
	var now []string
	for _, f := range h.functions {
		var types []string
		for _, p := range f.parameters {
			types = append(types, p.typ)
		}
		now = append(now, "function "+f.name+": "+f.result+" ("+strings.Join(types, ", ")+")")
	}
	for _, m := range regexp.MustCompile(`(?m)^typedef (.*)\(\*(fluvio_\w+)\)\((.*)\);`).FindAllStringSubmatch(h.text, -1) {
		now = append(now, "callback "+m[2]+": "+strings.TrimSpace(m[1])+" ("+m[3]+")")
	}
	program := []string{"#include <fluvio.h>", "#include <stdio.h>", "#define SIZE(type, field) sizeof ((type *)0)->field", "int main(void) {"}
	for _, name := range h.defines {
		program = append(program, `printf("constant `+name+`: %lld\n", (long long)`+name+`);`)
	}
	for _, s := range h.structs {
		inArrays := slices.ContainsFunc(h.structs, func(other structure) bool {
			return slices.ContainsFunc(other.fields, func(f parameter) bool { return f.typ == "const "+s.name+" *" })
		})
		if s.fields[0].name != "struct_size" || inArrays { // it cannot grow
			program = append(program, `printf("struct `+s.name+`: %zu bytes\n", sizeof(`+s.name+`));`)
		}
		for _, f := range s.fields {
			program = append(program, `printf("field `+s.name+"."+f.name+": "+f.typ+`, %zu bytes at %zu\n", SIZE(`+s.name+", "+f.name+"), offsetof("+s.name+", "+f.name+"));")
		}
	}
	path := filepath.Join(t.TempDir(), "layout.c")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(append(program, "return 0; }", ""), "\n")), 0o600))
	run(t, nil, "gcc", "-std=c99", "-Wall", "-Werror", "-Iinclude", path, "-o", path+".out")
	out, err := exec.Command(path + ".out").Output()
	require.NoError(t, err)
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if !strings.HasPrefix(line, "constant FLUVIO_VERSION_HEX:") {
			now = append(now, line)
		}
	}
	for i := range now {
		now[i] = spaces.ReplaceAllString(now[i], " ")
	}
	slices.Sort(now)
	content, _ := os.ReadFile(abiFile)
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		require.True(t, line == "" || slices.Contains(now, line), "programs that are built rely on this, and it is not so any more:\n%s", line)
	}
	if text := strings.Join(now, "\n") + "\n"; text != string(content) {
		require.NotEmpty(t, os.Getenv("UPDATE_ABI"), "the ABI has grown: write that down by UPDATE_ABI=1 go test -run TestABI ./tests")
		require.NoError(t, os.MkdirAll(filepath.Dir(abiFile), 0o755))
		require.NoError(t, os.WriteFile(abiFile, []byte(text), 0o644))
	}
}
