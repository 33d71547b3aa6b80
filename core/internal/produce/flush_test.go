package produce

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// What fails while several flushes wait is told by each of them, by none that comes later, and not by one that fails itself.
func TestFlushesAtTheSameTime(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("shared", devcluster.TopicOptions{})
	p := w.producer("shared", nil)
	refuse := w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerCompression}})
	require.NoError(t, w.dev.StopSPU(5001))
	for i := range 3 {
		send(t, p, record(i))
	}
	ends := make(chan error)
	for range 2 {
		go func() { ends <- p.Flush(testContext(t), nil) }()
	}
	waiting := func(n int) func() bool {
		return func() bool {
			p.losses.mu.Lock()
			defer p.losses.mu.Unlock()
			return len(p.losses.flushes) == n
		}
	}
	require.Eventually(t, waiting(2), patience, time.Millisecond)
	why := errors.New("not handed over")
	require.Equal(t, why, p.Flush(testContext(t), func() error { return why }))
	require.NoError(t, w.dev.StartSPU(5001))
	for range 2 {
		err := <-ends
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.Equal(t, "3", fluvioerr.As(err).Detail["failed_records"])
	}
	require.NoError(t, p.Flush(testContext(t), nil), "what was told is not told again")

	send(t, p, record(3))
	require.Eventually(t, func() bool { return !p.Busy() }, patience, time.Millisecond)
	require.Equal(t, why, p.Flush(testContext(t), func() error { return why }))
	refused := fluvioerr.New(fluvioerr.TooLarge, "send", "it is too large")
	err := p.Flush(testContext(t), func() error { p.Lost(2, refused); return nil })
	require.Equal(t, "3", fluvioerr.As(err).Detail["failed_records"], "with what failed before, and what was refused on the way: %v", err)
	refuse.Remove()
	require.NoError(t, p.Close(testContext(t)))
}

// A batch that is being failed is still one that a flush waits for.
func TestFlushWaitsForWhatIsFailing(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("failing", devcluster.TopicOptions{})
	p := w.producer("failing", nil)
	require.NoError(t, w.dev.StopSPU(5001))
	send(t, p, record(0))
	part := (*p.parts.Load())[0]
	seen := false
	part.expire(func(*batch) bool { return true }, func(b *batch) {
		require.Equal(t, []*batch{b}, part.flush(nil))
		seen = true
		p.fail(b, -1, fluvioerr.New(fluvioerr.Timeout, "produce", "too late"))
	})
	require.True(t, seen)
	require.Empty(t, part.flush(nil))

	send(t, p, record(1))
	_, waiting := part.bury()
	require.Len(t, waiting, 1)
	require.Equal(t, waiting, part.flush(nil), "Close is about to fail it")
	p.fail(waiting[0], -1, p.errClosed())
}

// gated is a connection on which nothing arrives while it is held.
type gated struct {
	net.Conn
	held *atomic.Bool
	open chan struct{}
}

func (g gated) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if g.held.Load() {
		<-g.open
	}
	return n, err
}

// One SPU has four requests at most under way; the partitions behind them share the next.
func TestRequestsUnderWay(t *testing.T) {
	held, open := new(atomic.Bool), make(chan struct{})
	w := newWorldOver(t, devcluster.Options{}, func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return gated{conn, held, open}, err
	})
	w.topic("flying", devcluster.TopicOptions{Partitions: maxFlying + 2})
	p := w.producer("flying", nil)
	_, err := wait(t, send(t, p, record(0)))
	require.NoError(t, err)
	held.Store(true)
	release := sync.OnceFunc(func() { held.Store(false); close(open) })
	t.Cleanup(release)
	s := (*p.parts.Load())[0].sender
	for i := range int32(maxFlying + 2) {
		_, err := p.SendTo(testContext(t), i, record(int(i)))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return p.Stats().RequestsInFlight >= min(uint64(i)+1, maxFlying) }, patience, time.Millisecond)
		require.False(t, s.step(p.ctx), "nothing that it may send now is left")
	}
	release()
	require.NoError(t, p.Flush(testContext(t), nil))
	require.EqualValues(t, 1+maxFlying+1, p.Stats().Requests)
}

// The chain of modules is encoded for each version that SPUs speak.
func TestModulesOfEveryVersion(t *testing.T) {
	p := &Producer{cfg: Config{SmartModules: wire.SmartModules{{Name: "upper"}}}}
	different := map[string]bool{}
	for _, version := range []int16{25, 8, 25, 16, 8, 8, 25} {
		want, err := wire.Append(nil, version, &p.cfg.SmartModules)
		require.NoError(t, err)
		got, err := p.modules(version)
		require.NoError(t, err)
		require.Equal(t, want, got, "version %d", version)
		different[string(want)] = true
	}
	require.Greater(t, len(different), 1, "else this shows nothing")
}
