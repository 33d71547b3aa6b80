package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/tests/replay"
)

// The test binary stands in for the program when this variable is set.
const roleVariable = "FLUVIO_RECORDER_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestRecordsUntilItIsStopped(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster, err := devcluster.Start(ctx, devcluster.Options{})
	require.NoError(t, err)
	defer cluster.Close()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		file := filepath.Join(t.TempDir(), "session.jsonl")
		cmd := exec.CommandContext(ctx, os.Args[0], "--sc", cluster.Endpoint(), "--out", file, "--reach", "nowhere:1="+cluster.Endpoint())
		cmd.Env = append(os.Environ(), roleVariable+"=program")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(stdout).ReadString('\n')
		require.NoError(t, err)
		require.Regexp(t, `^\{"ready":true,"sc":"127\.0\.0\.1:\d+"\}\n$`, line)
		var r ready
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: r.SC})
		require.NoError(t, err)
		_, err = client.Admin().Topics(ctx)
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(sig)) // with the client still there
		require.NoError(t, cmd.Wait())
		require.NoError(t, client.Close(ctx))
		frames, err := replay.ReadFile(file)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(frames), 10) // two connections, three watches, one List, and their answers
		require.Contains(t, stderr.String(), "messages in "+file)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{nil, {"--out", "x", "more"}, {"--nope"}, {"--out", "x", "--reach", "here"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(args, &stdout, &stderr), args)
		require.Empty(t, stdout.String())
		require.NotEmpty(t, stderr.String())
	}
	for _, args := range [][]string{
		{"--out", filepath.Join(t.TempDir(), "no", "such", "folder")},
		{"--out", filepath.Join(t.TempDir(), "x"), "--sc", "nonsense"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitFailed, run(args, &stdout, &stderr), args)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run([]string{"--help"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "-reach")
}
