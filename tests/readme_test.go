package tests

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
)

// readmeBlock gives the one code block of a language in the README.
func readmeBlock(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 1, "the README has one example in %s", language)
	return blocks[0][1]
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

// file writes an example into a folder of its own.
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
	path := file(t, t.TempDir(), "example.py", readmeBlock(t, "python"))
	out := output(t, checkout(t), []string{"PYTHONPATH=" + filepath.Join(checkout(t), "bindings/python")}, "python3", path)
	wantRecords(t, out, 4, "b'first'", "b'second'", "b'third'", "b'k1'", "None")
}

func TestReadmeNode(t *testing.T) {
	dir := nodeFolder(t)
	path := file(t, dir, "example.mjs", readmeBlock(t, "js"))
	wantRecords(t, output(t, dir, nil, "node", path), 2, "first")
}

func TestReadmeC(t *testing.T) {
	for _, compiler := range [][]string{
		{"gcc", "-std=c99", "-x", "c"},
		{"g++", "-std=c++17", "-x", "c++"},
	} {
		t.Run(compiler[0], func(t *testing.T) {
			if _, err := exec.LookPath(compiler[0]); err != nil {
				t.Skipf("%s is not installed", compiler[0])
			}
			cluster, err := devcluster.Start(context.Background(), devcluster.Options{})
			require.NoError(t, err)
			defer cluster.Close()
			dir, lib := t.TempDir(), filepath.Join(checkout(t), "build/lib")
			path := file(t, dir, "example.c", readmeBlock(t, "c"))
			command := append(compiler, path, "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", "none", "-I"+filepath.Join(checkout(t), "include"), "-L"+lib, "-lfluvio", "-o", filepath.Join(dir, "example"))
			output(t, dir, nil, command...)
			out := output(t, dir, []string{"LD_LIBRARY_PATH=" + lib}, filepath.Join(dir, "example"), cluster.Endpoint())
			wantRecords(t, out, 1, "0 0 hello")
		})
	}
}

func TestReadmeGo(t *testing.T) {
	wantRecords(t, runGo(t, readmeBlock(t, "go")), 2, "k1 first")
}
