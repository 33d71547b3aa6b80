package matrix

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// silent is an endpoint that accepts connections and never says a word.
func silent(t *testing.T, addr string) (end func()) {
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() { _, _ = io.Copy(io.Discard, c) })
		}
	})
	return func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	}
}

// TestSilence has the ways in which a server may say nothing, and what a client tells of each, in this order: the loss, the retry, the
// breaker that opens, and when it is over the attempt that decides, the connection, and that all is well.
func TestSilence(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  fluvioerr.Code // why the first connection is lost
		strike func(t *testing.T, dev *devcluster.Cluster, n *network) (lift func())
	}{
		{"black hole", fluvioerr.Timeout, func(_ *testing.T, _ *devcluster.Cluster, n *network) func() { return n.swallow("", false) }},
		{"half-open connections", fluvioerr.Timeout, func(_ *testing.T, _ *devcluster.Cluster, n *network) func() { return n.swallow("", true) }},
		{"black hole at the SC", fluvioerr.Timeout, func(_ *testing.T, dev *devcluster.Cluster, n *network) func() {
			return n.swallow(dev.Endpoint(), true)
		}},
		{"silent endpoint", fluvioerr.Connection, func(t *testing.T, dev *devcluster.Cluster, _ *network) func() {
			require.NoError(t, dev.StopSC())
			end := silent(t, dev.Endpoint())
			return func() {
				end()
				require.NoError(t, dev.StartSC())
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			dev, err := devcluster.Start(ctx, devcluster.Options{})
			require.NoError(t, err)
			defer dev.Close()
			require.NoError(t, dev.CreateTopic(topic, 1))
			n := newNetwork(rand.New(rand.NewPCG(1, 1)))
			events := make(chan fluvio.ClientEvent, 1<<16)
			o := fluvio.ClientOptions{
				Endpoint: dev.Endpoint(), DialContext: n.dial, RetryBackoff: time.Millisecond, RetryBackoffMax: 20 * time.Millisecond,
				BreakerFailures: 2, BreakerReset: 30 * time.Millisecond, OnEvent: func(e fluvio.ClientEvent) { events <- e },
			}
			impatient(&o, nil)
			client, err := fluvio.Connect(ctx, o)
			require.NoError(t, err)
			await := func(kind fluvio.ClientEventKind) fluvio.ClientEvent {
				t.Helper()
				for {
					select {
					case e := <-events:
						if e.Kind == kind && e.Addr == dev.Endpoint() {
							return e
						}
					case <-ctx.Done():
						require.FailNow(t, "an event did not come", "%v", kind)
					}
				}
			}
			await(fluvio.ClientConnected)
			lift := c.strike(t, dev, n)
			_, err = client.Admin().Topics(ctx) // which notices at the latest
			require.Contains(t, []fluvioerr.Code{fluvioerr.Timeout, fluvioerr.Connection}, fluvioerr.CodeOf(err), "%v", err)
			require.Equal(t, c.first, fluvioerr.CodeOf(await(fluvio.ClientLost).Err))
			require.Error(t, await(fluvio.ClientRetry).Err)
			require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(await(fluvio.BreakerOpened).Err))
			lift()
			await(fluvio.BreakerHalfOpen)
			await(fluvio.BreakerClosed)
			await(fluvio.ClientConnected)
			await(fluvio.ClientRecovered)
			health, err := client.Health(ctx)
			require.NoError(t, err)
			require.Equal(t, fluvio.Healthy, health.Verdict, "%v", health.Reasons)
			require.NoError(t, client.Close(ctx))
		})
	}
}
