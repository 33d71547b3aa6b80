package tests

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// example is a program of the README, and how it is run there.
type example struct {
	name, code string
	commands   []string
}

// readmeExample gives the example in a language: below its heading stand the file's name and the commands, then the code.
func readmeExample(t *testing.T, heading string) example {
	t.Helper()
	_, section, found := strings.Cut(pages(t)["README.md"], "\n### "+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n##")
	blocks := fence.FindAllStringSubmatch(section, -1)
	require.Len(t, blocks, 1, "one example in %s", heading)
	out := example{code: blocks[0][3]}
	for _, m := range inlineCode.FindAllStringSubmatch(section[:strings.Index(section, "```")], -1) {
		out.commands = append(out.commands, m[1])
	}
	require.Greater(t, len(out.commands), 1, "the file and the commands of %s", heading)
	out.name, out.commands = out.commands[0], out.commands[1:]
	return out
}

// output runs a command in a folder and returns what it printed.
func output(t *testing.T, dir string, env []string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%v: %s", command, stderr.String())
	return string(out)
}

// checkout is the checkout's root.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	require.NoError(t, err)
	return dir
}

// file writes a file into a folder and gives its path.
func file(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// wantRecords wants that the example printed where its first record went, and all of its records.
func wantRecords(t *testing.T, out string, lines int, values ...string) {
	t.Helper()
	require.Len(t, strings.Split(strings.TrimSpace(out), "\n"), lines, out)
	for _, v := range values {
		require.Contains(t, out, v)
	}
}

func TestReadmePython(t *testing.T) {
	wantRecords(t, runShell(t, readmeExample(t, "Python").commands...), 4, "b'first'", "b'second'", "b'third'", "b'k1'", "None")
}

// The Node package is not installed anew, for other tests use it meanwhile.
func TestReadmeNode(t *testing.T) {
	commands := readmeExample(t, "Node").commands
	require.Equal(t, []string{"npm ci --prefix bindings/node", "npm install CHECKOUT/bindings/node"}, commands[:2])
	wantRecords(t, runShell(t, commands[2:]...), 2, "first")
}

func TestReadmeC(t *testing.T) {
	need(t, "gcc")
	wantRecords(t, runShell(t, readmeExample(t, "C").commands...), 1, "0 0 hello")
	for _, compiler := range [][]string{{"gcc", "-std=c99", "-x", "c"}, {"g++", "-std=c++17", "-x", "c++"}} {
		t.Run(compiler[0], func(t *testing.T) {
			need(t, compiler[0])
			path := file(t, t.TempDir(), "example.c", readmeExample(t, "C").code)
			output(t, checkout(t), nil, append(compiler, path, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-Iinclude")...)
		})
	}
}

func TestReadmeGo(t *testing.T) {
	wantRecords(t, runShell(t, readmeExample(t, "Go").commands...), 2, "k1 first")
}

// TestReadmeShowsAPlot wants the report of make bench BENCH_OUT=docs, where there is one, to be linked to on the first page, with a plot.
func TestReadmeShowsAPlot(t *testing.T) {
	readme := pages(t)["README.md"]
	if _, reported := pages(t)["docs/benchmarks.md"]; !reported {
		require.NotContains(t, readme, ".svg")
		return
	}
	require.Contains(t, readme, "](docs/benchmarks.md)")
	require.Regexp(t, `(?m)^!\[.+\]\(docs/plots/[\w-]+\.svg\)$`, readme)
	require.NotContains(t, readme, "TestReadmeShowsAPlot", "the comment that keeps the place")
}
