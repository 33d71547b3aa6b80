package consume

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/transport"
)

// apart makes the test binary a dev cluster in a process of its own, for tests that measure this one. Its value is the number
// of partitions of the topic that the cluster has.
const apart = "CONSUME_TEST_CLUSTER"

func runApart() {
	dev, err := devcluster.Start(context.Background(), devcluster.Options{SPUs: 3})
	if err != nil {
		panic(err)
	}
	n, err := strconv.Atoi(os.Getenv(apart))
	if err == nil {
		err = dev.CreateTopic("idle", n)
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(dev.Endpoint())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
	_ = dev.Close()
}

// newWorldApart is a world whose cluster, of three SPUs with the topic idle, is another process. It has no dev.
func newWorldApart(t *testing.T, partitions int) *world {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", apart, partitions))
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = stdin.Close(); require.NoError(t, cmd.Wait()) })
	endpoint, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	pool := transport.NewPool(&transport.Config{ClientID: "test", ConnectTimeout: patience, RequestTimeout: patience, WriteStall: patience})
	t.Cleanup(pool.Close)
	c, err := cluster.Open(testContext(t), cluster.Config{Endpoint: strings.TrimSpace(endpoint), BackoffFirst: time.Millisecond, BackoffMax: time.Second}, pool)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &world{t: t, cluster: c}
}

// usage is what this process has.
type usage struct {
	goroutines, descriptors int
	heap, stacks            uint64
}

func (w *world) usage() (u usage) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		w.t.Skip("there is no /proc")
	}
	return usage{runtime.NumGoroutine(), len(files), m.HeapAlloc, m.StackInuse}
}

// What doc.go says of idle streams and of connections.
const (
	streamHeap     = 5 << 10
	connectionHeap = 70 << 10
)

// A thousand idle streams cost what doc.go says, wait until somebody writes, and are gone with the consumer.
func TestIdleStreams(t *testing.T) {
	const partitions, spus = 1000, 3
	w := newWorldApart(t, partitions)
	_, err := w.cluster.Topic(testContext(t), "idle")
	require.NoError(t, err)
	// So that the connections that all share are there: to write, and to the keeper of offsets.
	for p := range int32(spus) {
		w.store("idle", p, batchOf(compress.None, "before"))
	}
	_, err = w.cluster.ConsumerOffsets(testContext(t), nil)
	require.NoError(t, err)
	before := w.usage()
	for _, strategy := range []Strategy{StrategyNone, StrategyAuto} {
		cfg := testConfig("idle")
		cfg.Start, cfg.Strategy, cfg.ConsumerID, cfg.FlushEvery = Position{From: FromEnd}, strategy, "idle", time.Hour
		c := w.consumer(cfg)
		streams := func() (open int) {
			for _, s := range c.all {
				s.mu.Lock()
				if s.stream != nil {
					open++
				}
				s.mu.Unlock()
			}
			return open
		}
		require.Eventually(t, func() bool { return streams() == partitions }, patience, time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		_, err := c.Next(ctx)
		cancel()
		require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
		now := w.usage()
		own := 1 + 2*spus // findNew; reader and writer of each connection
		if strategy == StrategyAuto {
			own++
		}
		require.Equal(t, before.goroutines+partitions+own, now.goroutines)
		require.Equal(t, before.descriptors+spus, now.descriptors)
		heap := (int64(now.heap) - int64(before.heap) - spus*connectionHeap) / partitions
		t.Logf("per stream: %d bytes of heap, %d of stacks", heap, (int64(now.stacks)-int64(before.stacks))/partitions)
		require.Less(t, heap, int64(2*streamHeap), "twice what is promised")
		w.store("idle", 777, batchOf(compress.None, "at last"))
		b, err := c.Next(testContext(t))
		require.NoError(t, err)
		require.EqualValues(t, 777, b.Partition)
		b.Release()
		c.Close()
		after := w.usage()
		require.Equal(t, before.descriptors, after.descriptors)
		require.Equal(t, before.goroutines, after.goroutines)
	}
}
