package tests

import (
	"fmt"
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

// calls is the program that libFuzzer gives its inputs to, and what it has learned, some of it.
const calls, callsCorpus = "tests/fuzz/calls.c", "tests/fuzz/corpus"

// runCalls runs a program made of calls.c, in a folder of its own, where what settings name may be written.
func runCalls(t *testing.T, command ...string) {
	t.Helper()
	cluster, err := devcluster.Start(t.Context(), devcluster.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, cluster.Close()) }()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "LD_LIBRARY_PATH="+filepath.Join(checkout(t), "build/lib"), "FLUVIO_FUZZ_ENDPOINT="+cluster.Endpoint(), "UBSAN_OPTIONS=print_stacktrace=1",
		"ASAN_OPTIONS=detect_leaks=0:handle_segv=0:allow_user_segv_handler=1") // Go's memory, which points to C's, is not looked through
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out[max(0, len(out)-600):])
}

// TestFuzzCorpus runs the programs of calls that the fuzzer has found against the library as it is built.
func TestFuzzCorpus(t *testing.T) {
	need(t, "gcc")
	runCalls(t, compile(t, "fuzz/calls.c", builtLibrary(t), "gcc", "-std=c99", "-DREPLAY", "-x", "c"), filepath.Join(checkout(t), callsCorpus))
}

// TestFuzzCallsAll wants the fuzzer to know every function.
func TestFuzzCallsAll(t *testing.T) {
	var source string
	for _, name := range []string{"calls.c", "calls.h"} {
		b, err := os.ReadFile(filepath.Join(checkout(t), "tests/fuzz", name))
		require.NoError(t, err)
		source += string(b)
	}
	for _, f := range readHeader(t).functions {
		require.Regexp(t, `\b`+f.name+`\(`, source)
	}
}

// TestFuzzC searches for new ones: FUZZ_C is for how long, or how many inputs, as go test -fuzztime has it. Coverage of C and Go leads it, and
// the address and undefined-behaviour sanitizers watch the C half. What it learns stays in build/fuzz.
func TestFuzzC(t *testing.T) {
	limit := os.Getenv("FUZZ_C")
	if limit == "" {
		t.Skip("make fuzz-c")
	}
	need(t, "clang")
	if regexp.MustCompile(`^\d+x$`).MatchString(limit) {
		limit = "-runs=" + strings.TrimSuffix(limit, "x")
	} else {
		d, err := time.ParseDuration(limit)
		require.NoError(t, err)
		limit = fmt.Sprintf("-max_total_time=%d", int(d.Seconds()))
	}
	dir := filepath.Join(checkout(t), "build/fuzz")
	archive, program, learned := filepath.Join(dir, "libfluvio.a"), filepath.Join(dir, "calls"), filepath.Join(dir, "corpus")
	require.NoError(t, os.MkdirAll(learned, 0o755))
	sanitize := "-fsanitize=address,undefined"
	run(t, []string{"CC=clang", "CGO_CFLAGS=-g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all " + sanitize + ",fuzzer-no-link", "CGO_LDFLAGS=" + sanitize},
		"go", "build", "-buildmode=c-archive", "-tags", "libfuzzer", "-gcflags="+module+"...=-d=libfuzzer", "-o", archive, "./capi")
	run(t, nil, "clang", "-std=c99", "-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", sanitize+",fuzzer", "-Iinclude", calls,
		"-Wl,--whole-archive", archive, "-Wl,--no-whole-archive", "-lpthread", "-lresolv", "-o", program)
	runCalls(t, program, "-max_len=400", "-len_control=10", "-timeout=60", "-rss_limit_mb=4096", "-artifact_prefix="+dir+"/", limit, learned, filepath.Join(checkout(t), callsCorpus))
}
