package tests

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// otherLibrary is a library in Go that has nothing to do with Fluvio. Its goroutines answer calls.
const otherLibrary = `package main

import "C"

import "runtime"

//export Answer
func Answer() C.int {
	answer := make(chan C.int)
	for range 21 {
		go func() { answer <- 2 }()
	}
	sum := C.int(0)
	for range 21 {
		sum += <-answer
	}
	runtime.GC()
	return sum
}

func main() {}
`

// TestLoading loads the library while a program runs, more than once and beside another one in Go, and looks at its signals.
func TestLoading(t *testing.T) {
	need(t, "gcc")
	runOnEndpoint(t, loading(t, builtLibrary(t), otherLibrary, nil, "-buildmode=c-shared"))
}

// loading compiles the program, makes copies of the library in lib, and builds the other library of its source. It gives the command.
func loading(t *testing.T, lib, otherSource string, env []string, flags ...string) func(endpoint string) []string {
	t.Helper()
	dir := t.TempDir()
	program, other, source := filepath.Join(dir, "program"), filepath.Join(dir, "other.so"), filepath.Join(dir, "other.go")
	libraries := []string{filepath.Join(lib, "libfluvio.so.1"), filepath.Join(dir, "second.so"), filepath.Join(dir, "third.so")}
	for _, name := range libraries[1:] {
		copyFile(t, libraries[0], name)
	}
	require.NoError(t, os.WriteFile(source, []byte(otherSource), 0o600))
	run(t, append(env, "CGO_ENABLED=1"), slices.Concat([]string{"go", "build"}, flags, []string{"-o", other, source})...)
	run(t, nil, "gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-Iinclude", "tests/c/loading.c", "-ldl", "-o", program)
	return func(endpoint string) []string {
		return append(append([]string{program, endpoint}, libraries...), other)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.Create(to)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
