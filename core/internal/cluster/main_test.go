package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits for what must come; it is no measure.
const patience = 60 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func startDev(t *testing.T, o devcluster.Options) *devcluster.Cluster {
	t.Helper()
	dev, err := devcluster.Start(testContext(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dev.Close()) })
	return dev
}

func newPool(t *testing.T) *transport.Pool {
	p := transport.NewPool(&transport.Config{ClientID: "test", ConnectTimeout: 5 * time.Second, HandshakeTimeout: 5 * time.Second, RequestTimeout: 10 * time.Second, WriteStall: 10 * time.Second})
	t.Cleanup(p.Close)
	return p
}

func open(t *testing.T, cfg Config) *Cluster {
	t.Helper()
	cfg.BackoffFirst, cfg.BackoffMax = 5*time.Millisecond, 50*time.Millisecond
	c, err := Open(testContext(t), cfg, newPool(t))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// until waits for a condition that a structural change brings about.
func until(t *testing.T, c *Cluster, what string, ok func(*Snapshot) bool) {
	t.Helper()
	ctx := testContext(t)
	for {
		changed := c.Changed()
		if ok(c.Snapshot()) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.FailNow(t, "did not happen", what)
		}
	}
}
