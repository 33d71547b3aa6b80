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
		p := start(ctx, t, "--sc", cluster.Endpoint(), "--out", file, "--reach", "nowhere:1="+cluster.Endpoint())
		client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: p.endpoint})
		require.NoError(t, err)
		_, err = client.Admin().Topics(ctx)
		require.NoError(t, err)
		require.NoError(t, p.Process.Signal(sig)) // with the client still there
		require.NoError(t, p.Wait())
		require.NoError(t, client.Close(ctx))
		frames, err := replay.ReadFile(file)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(frames), 10) // two connections, three watches, one List, and their answers
		require.Contains(t, p.stderr.String(), "messages in "+file)
	}
}

// program is the recorder as a process of its own.
type program struct {
	*exec.Cmd
	endpoint string
	stderr   bytes.Buffer
}

func start(ctx context.Context, t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	p.Env = append(os.Environ(), roleVariable+"=program")
	p.Stderr = &p.stderr
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^\{"ready":true,"sc":"127\.0\.0\.1:\d+"\}\n$`, line)
	var r ready
	require.NoError(t, json.Unmarshal([]byte(line), &r))
	p.endpoint = r.SC
	return p
}

// deletes is a client that deletes one topic.
func deletes(ctx context.Context, t *testing.T, endpoint, topic string) error {
	t.Helper()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: endpoint})
	require.NoError(t, err)
	err = client.Admin().DeleteTopic(ctx, topic)
	require.NoError(t, client.Close(ctx))
	return err
}

func TestRecordsAndPlays(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster, err := devcluster.Start(ctx, devcluster.Options{})
	require.NoError(t, err)
	defer cluster.Close()
	require.NoError(t, cluster.CreateTopic("orders", 1))
	file := filepath.Join(t.TempDir(), "session.jsonl")
	p := start(ctx, t, "--sc", cluster.Endpoint(), "--out", file)
	require.NoError(t, deletes(ctx, t, p.endpoint, "orders"))
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), p.stderr.String())

	for _, args := range [][]string{{"--play", file}, {"--play", file, "--same"}} {
		p = start(ctx, t, args...)
		require.NoError(t, deletes(ctx, t, p.endpoint, "orders"))
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		require.NoError(t, p.Wait(), p.stderr.String())
		require.Equal(t, "recorder: the client agrees in 6 requests\n", p.stderr.String())

		p = start(ctx, t, args...)
		require.Error(t, deletes(ctx, t, p.endpoint, "events"))
		var exit *exec.ExitError
		require.ErrorAs(t, p.Wait(), &exit, "it ends by itself")
		require.Equal(t, exitFailed, exit.ExitCode())
		require.Contains(t, p.stderr.String(), `! name = "orders"`)
		require.Contains(t, p.stderr.String(), `! name = "events"`)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{nil, {"--out", "x", "more"}, {"--nope"}, {"--out", "x", "--reach", "here"}, {"--out", "x", "--play", "y"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(args, &stdout, &stderr), args)
		require.Empty(t, stdout.String())
		require.NotEmpty(t, stderr.String())
	}
	for _, args := range [][]string{
		{"--out", filepath.Join(t.TempDir(), "no", "such", "folder")},
		{"--out", filepath.Join(t.TempDir(), "x"), "--sc", "nonsense"},
		{"--play", filepath.Join(t.TempDir(), "x")},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitFailed, run(args, &stdout, &stderr), args)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run([]string{"--help"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "-reach")
}
