package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// The test binary stands in for the program when this variable is set; with "parent" it starts the program, tells its
// ready line and waits.
const roleVariable = "FLUVIO_DEVCLUSTER_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "program":
		main()
	case "parent":
		os.Setenv(roleVariable, "program")
		cmd := exec.Command(os.Args[0], os.Args[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // leaves the program behind
	default:
		os.Exit(m.Run())
	}
}

const patience = 60 * time.Second

// program is a running fluvio-devcluster.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	line  string
	ready ready
	rest  chan []byte // standard output after the first line, once it ended
}

func start(t *testing.T, role string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(os.Args[0], args...), rest: make(chan []byte, 1)}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	p.cmd.Stderr = os.Stderr
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, w, err := os.Pipe()
	require.NoError(t, err)
	p.cmd.Stdout = w
	require.NoError(t, p.cmd.Start())
	w.Close()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		stdout.Close()
	})
	r := bufio.NewReader(stdout)
	p.line, err = r.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(p.line), &p.ready))
	go func() {
		b, _ := io.ReadAll(r)
		p.rest <- b
	}()
	return p
}

// awaitEnd waits until the program's standard output ended, which is when it is gone.
func (p *program) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case b := <-p.rest:
		require.Empty(t, b, "nothing but the ready line goes to standard output")
	case <-time.After(patience):
		require.FailNow(t, "the program did not stop")
	}
	for _, addr := range append(p.ready.SPUs, p.ready.SC, strings.TrimPrefix(p.ready.Control, "http://")) {
		require.Eventually(t, func() bool { // of a process that is killed, standard output is closed before its ports
			nc, err := net.Dial("tcp", addr)
			if err == nil {
				nc.Close()
			}
			return err != nil
		}, patience, time.Millisecond, addr)
	}
}

// fixedPort is a free port, and none that the system gives to whoever wants any.
func fixedPort(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		if ln, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			require.NoError(t, ln.Close())
			return port
		}
	}
}

func TestReadyLineAndSignals(t *testing.T) {
	form := regexp.MustCompile(`^\{"ready":true,"sc":"127\.0\.0\.1:\d+","spus":\["127\.0\.0\.1:\d+","127\.0\.0\.1:\d+"\],"control":"http://127\.0\.0\.1:\d+"\}\n$`)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, "program", "--spus", "2", "--listen", "127.0.0.1:0")
		require.Regexp(t, form, p.line)
		for _, addr := range append(p.ready.SPUs, p.ready.SC) {
			nc, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			defer nc.Close() // an open connection must not hold the program
		}
		require.NoError(t, p.cmd.Process.Signal(sig))
		p.awaitEnd(t)
		require.NoError(t, p.cmd.Wait(), "exit code 0")
	}
}

func TestStdinLifeline(t *testing.T) {
	p := start(t, "program", "--stdin-lifeline")
	require.NoError(t, p.stdin.Close())
	p.awaitEnd(t)
	require.NoError(t, p.cmd.Wait())
	// Without the flag, the end of standard input means nothing.
	p = start(t, "program")
	require.NoError(t, p.stdin.Close())
	nc, err := net.Dial("tcp", p.ready.SC)
	require.NoError(t, err)
	nc.Close()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.awaitEnd(t)
}

func TestExitWithParent(t *testing.T) {
	p := start(t, "parent", "--exit-with-parent")
	require.NoError(t, p.stdin.Close()) // the parent goes
	p.awaitEnd(t)
}

func TestFixedPorts(t *testing.T) {
	args := []string{"--listen", "127.0.0.1:" + fixedPort(t), "--spu-ports", fixedPort(t), "--control", "127.0.0.1:" + fixedPort(t)}
	p := start(t, "program", args...)
	require.Equal(t, args[1], p.ready.SC)
	require.Equal(t, []string{"127.0.0.1:" + args[3]}, p.ready.SPUs)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.awaitEnd(t)
	require.Equal(t, p.line, start(t, "program", args...).line, "the same again")
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--spus", "x"}, {"--spus", "0"}, {"--spus", "4711"}, {"--nope"}, {"extra"}, {"--log-level", "loud"},
		{"--platform-version", "0.9.0"}, {"--commit-all", "--commit-online"}, {"--clean-interval", "-1s"}, {"--snapshot-interval", "soon"},
		{"--spu-ports", "a"}, {"--spu-ports", "1,2"}, {"--listen", "a:b:c"}, {"--control", "8.8.8.8:1"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(args, strings.NewReader(""), &stdout, &stderr), args)
		require.Empty(t, stdout.String())
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", stderr.String())
		require.Contains(t, stderr.String(), "fluvio-devcluster: ")
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, run([]string{"--help"}, strings.NewReader(""), &stdout, &stderr))
	require.Contains(t, stderr.String(), "-stdin-lifeline")
}

func TestDataFolderInUse(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "program", "--data-dir", dir, "--platform-version", "0.17")
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run([]string{"--data-dir", dir}, strings.NewReader(""), &stdout, &stderr))
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
	require.Contains(t, stderr.String(), dir+" is in use by process "+strconv.Itoa(p.cmd.Process.Pid))
	require.NoError(t, p.cmd.Process.Kill()) // the lock goes with the process, however it ends
	p.awaitEnd(t)
	_ = p.cmd.Wait()
	start(t, "program", "--data-dir", dir)
}

// A process that is killed leaves a folder with every record and offset that it had confirmed.
func TestKilledWithRecords(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir := t.TempDir()
	p := start(t, "program", "--data-dir", dir)
	client := connect(ctx, t, p)
	require.NoError(t, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{}))
	producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{Compression: "gzip", BatchSize: 300})
	require.NoError(t, err)
	for i := range 500 {
		_, err := producer.Send(ctx, fluvio.Record{Value: strconv.AppendInt(nil, int64(i), 10)})
		require.NoError(t, err)
	}
	require.NoError(t, producer.Flush(ctx))
	options := fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), ConsumerID: "c", OffsetStrategy: "manual"}
	require.Len(t, take(ctx, t, client, options, 123), 123)
	require.NoError(t, p.cmd.Process.Kill())
	p.awaitEnd(t)
	_ = p.cmd.Wait()
	_ = client.Close(ctx)

	client = connect(ctx, t, start(t, "program", "--data-dir", dir))
	defer client.Close(ctx)
	rest := take(ctx, t, client, options, 500)
	require.Len(t, rest, 500-123, "behind the stored offset")
	require.Equal(t, "123", string(rest[0].Value))
	require.Equal(t, "499", string(rest[len(rest)-1].Value))
	options.ConsumerID, options.OffsetStrategy = "", ""
	require.Len(t, take(ctx, t, client, options, 501), 500)
}

func connect(ctx context.Context, t *testing.T, p *program) *fluvio.Client {
	t.Helper()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: p.ready.SC})
	require.NoError(t, err)
	return client
}

// take reads up to n records and stores how far it came, if the consumer has a name.
func take(ctx context.Context, t *testing.T, client *fluvio.Client, o fluvio.ConsumerOptions, n int) (out []fluvio.Record) {
	t.Helper()
	consumer, err := client.Consumer(ctx, o)
	require.NoError(t, err)
	for r, err := range consumer.Records(ctx) {
		require.NoError(t, err)
		if out = append(out, r); len(out) == n {
			break
		}
	}
	if o.ConsumerID != "" {
		require.NoError(t, consumer.Commit(ctx))
	}
	require.NoError(t, consumer.Close(ctx))
	return out
}

func TestBusyPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	for _, args := range [][]string{{"--listen", "127.0.0.1:" + port}, {"--spu-ports", port}, {"--control", "127.0.0.1:" + port}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitFailed, run(args, strings.NewReader(""), &stdout, &stderr), args)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
		require.Contains(t, stderr.String(), "127.0.0.1:"+port)
		require.Contains(t, stderr.String(), "address already in use")
	}
}
