package cluster

import (
	"context"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/transport"
)

// PingSC asks the SC for a sign of life on the connection for admin requests, and says how long that took.
func (c *Cluster) PingSC(ctx context.Context) (time.Duration, error) {
	conn, err := c.control(ctx, 0)
	if err != nil {
		return 0, err
	}
	return conn.Ping(ctx)
}

// PingSPU asks an SPU for a sign of life.
func (c *Cluster) PingSPU(ctx context.Context, spu *SPU) (time.Duration, error) {
	conn, err := c.Conn(ctx, spu, transport.Control, 0)
	if err != nil {
		return 0, err
	}
	return conn.Ping(ctx)
}

// Breakers are the states of the addresses that were tried.
func (c *Cluster) Breakers() map[string]transport.Breaker { return c.pool.Breakers() }

// Breaker is the state of an address.
func (c *Cluster) Breaker(addr string) transport.Breaker { return c.pool.Breaker(addr) }
