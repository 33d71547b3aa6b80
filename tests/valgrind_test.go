package tests

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// memcheck runs a program under valgrind: whatever it finds, leaks included, makes the exit code 9.
//
// Go tells valgrind of every object and stack that it makes, by the build tag valgrind, but not of the objects that its garbage
// collector frees (1.26 does so only while it overwrites these, and then writes to them before it says that they are in use again):
// memory that is used for a second time looks like two blocks in one place, on which memcheck gives up. So there is no garbage
// collection. What lay in Go's memory is therefore never seen to be used after it was freed; C's memory is.
//
// asyncpreemptoff: no signals between threads, of which valgrind runs one at a time. cpu.avx2=off: Go looks for the end of a C string
// in 16 bytes at a time instead of 32; what malloc gives is aligned to 16, and memcheck knows of an aligned read that ends behind its
// block which bytes are the block's. Heuristics of leaks assert that blocks are aligned; Go's small ones are not. Blocks to which only
// lost ones point are findings, too: a lost object of Go's, which is not one, may be all that points to C's.
func memcheck(t *testing.T) []string {
	return []string{
		"env", "GOGC=off", "GODEBUG=asyncpreemptoff=1,cpu.avx2=off",
		"valgrind", "-q", "--suppressions=" + filepath.Join(checkout(t), "tests/c/valgrind.supp"), "--error-exitcode=9", "--leak-check=full",
		"--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect", "--leak-check-heuristics=none",
	}
}

// forValgrind are the environment and the flags with which Go builds for memcheck, with symbols. No sibling calls, so that a function
// whose last act is to free is among those that a finding names.
func forValgrind() (env, flags []string) {
	env = []string{"CGO_ENABLED=1", "CGO_CFLAGS=-g -fno-optimize-sibling-calls"}
	if v := runtime.Version(); strings.HasPrefix(v, "go1.25") || strings.HasPrefix(v, "go1.26") {
		env = append(env, "GOEXPERIMENT=nodwarf5") // valgrind 3.19 does not read Go's DWARF 5; it would know functions, but no lines
	}
	return env, []string{"-tags=valgrind", "-buildmode=c-shared"}
}

// TestCValgrind runs every C test under valgrind, which sees what is read before it is written, and what is used after free or lost
// in an ordinary build. The closing line, in a file because go test does not print what passes, is for make.
func TestCValgrind(t *testing.T) {
	if os.Getenv("VALGRIND") == "" {
		t.Skip("takes minutes: make test-valgrind")
	}
	dir := filepath.Join(checkout(t), "build", "valgrind")
	env, flags := forValgrind()
	run(t, env, slices.Concat([]string{"go", "build"}, flags, []string{"-ldflags", "-extldflags '-Wl,-soname,libfluvio.so.1'",
		"-o", filepath.Join(dir, "libfluvio.so.1"), "./capi"})...)
	c := []string{"gcc", "-std=c99", "-x", "c"}
	programs := map[string]func(*testing.T){
		"loading": func(t *testing.T) {
			// A collection would be one of Go's second use of memory, see memcheck.
			command := loading(t, dir, strings.ReplaceAll(otherLibrary, "runtime.GC()", "runtime.Gosched()"), env, flags...)
			runOnEndpoint(t, func(endpoint string) []string { return append(memcheck(t), command(endpoint)...) })
		},
		"refusals": func(t *testing.T) {
			runOnCluster(t, dir, append(memcheck(t), compile(t, "c/refusals.c", dir, c...), refusalRows(t))...)
		},
		"tls": func(t *testing.T) { testTLS(t, dir, append(memcheck(t), compile(t, "c/tls.c", dir, c...))...) },
		"wrapper": func(t *testing.T) {
			runOnCluster(t, dir, append(memcheck(t), compile(t, "cpp/wrapper.cpp", dir, "g++", "-std=c++17"))...)
		},
	}
	for _, name := range append(slices.Clone(cPrograms), "smoke", "log_level") {
		programs[name] = func(t *testing.T) {
			runOnCluster(t, dir, append(memcheck(t), compile(t, "c/"+name+".c", dir, c...))...)
		}
	}
	sources, err := filepath.Glob("c/*.c")
	require.NoError(t, err)
	for _, source := range sources {
		require.Contains(t, programs, strings.TrimSuffix(filepath.Base(source), ".c"), "a C test that valgrind does not get")
	}
	t.Run("finds", func(t *testing.T) { testFindings(t, dir) })
	var clean atomic.Int32
	t.Run("programs", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(programs)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				programs[name](t)
				if !t.Failed() {
					clean.Add(1)
				}
			})
		}
	})
	if !t.Failed() {
		line := fmt.Sprintf("valgrind: %d of %d programs ran to their ends, and memcheck has no finding\n", clean.Load(), len(programs))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "summary"), []byte(line), 0o600))
	}
}

// wrong does to the library what memcheck must find.
const wrong = `#include "fluvio.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
  fluvio_error_t *error = NULL;
  fluvio_config_t *config = fluvio_config_new();
  const char *message;
  char *text = (char *)malloc(8);
  if (strcmp(argv[argc - 1], "unwritten") != 0)
    memcpy(text, "no JSON", 8);
  fluvio_config_set_json(config, text, &error);
  free(text);
  message = fluvio_error_message(error);
  if (strcmp(argv[argc - 1], "lost") != 0)
    fluvio_error_free(error);
  error = NULL;
  if (strcmp(argv[argc - 1], "freed") == 0 && *message == '\0')
    return 1;
  message = NULL;
  fluvio_config_free(config);
  return 0;
}
`

// testFindings holds that mistakes with the C half's memory are found: what is suppressed is Go's alone.
func testFindings(t *testing.T, dir string) {
	source, program := filepath.Join(t.TempDir(), "wrong.c"), filepath.Join(t.TempDir(), "wrong")
	require.NoError(t, os.WriteFile(source, []byte(wrong), 0o600))
	run(t, nil, "gcc", "-std=c99", "-g", "-Iinclude", source, filepath.Join(dir, "libfluvio.so.1"), "-o", program)
	for how, finding := range map[string]string{
		"nothing":   `^$`,
		"unwritten": `Conditional jump or move depends on uninitialised value(.|\n)*: fluvio_config_set_json`,
		"freed":     `Invalid read of size 1(.|\n)* free'd\n(.|\n)*: fluvio_error_free`,
		"lost":      `blocks are definitely lost(.|\n)*: fluvioc_error_new`,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			command := append(memcheck(t), program, how)
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir)
			out, err := cmd.CombinedOutput()
			require.Regexp(t, finding, string(out))
			if how == "nothing" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Equal(t, 9, cmd.ProcessState.ExitCode())
		})
	}
}
