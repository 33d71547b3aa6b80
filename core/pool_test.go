package fluvio

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
)

// Clients that ask for it share connections, unless their settings would make other ones; the last one closes them.
func TestSharedPool(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cl, err := devcluster.Start(ctx, devcluster.Options{})
	require.NoError(t, err)
	defer cl.Close()
	open := func(share bool, id string) *Client {
		c, err := Connect(ctx, ClientOptions{Endpoint: cl.Endpoint(), ShareConnections: share, ClientID: id})
		require.NoError(t, err)
		return c
	}
	a, b, other, alone := open(true, ""), open(true, "libfluvio"), open(true, "other"), open(false, "")
	require.Same(t, a.pool, b.pool)
	require.NotSame(t, a.pool, other.pool)
	require.NotSame(t, a.pool, alone.pool)
	require.NoError(t, a.Admin().CreateTopic(ctx, "t", TopicSpec{}))
	pa, err := a.Producer(ctx, "t", ProducerOptions{})
	require.NoError(t, err)
	pb, err := b.Producer(ctx, "t", ProducerOptions{})
	require.NoError(t, err)
	for _, p := range []*Producer{pa, pb} {
		rc, err := p.Send(ctx, Record{Value: []byte("v")})
		require.NoError(t, err)
		_, _, err = rc.Wait(ctx)
		require.NoError(t, err)
	}
	require.NoError(t, a.Close(ctx))
	rc, err := pb.Send(ctx, Record{Value: []byte("v")})
	require.NoError(t, err)
	_, offset, err := rc.Wait(ctx)
	require.NoError(t, err, "the other client goes on")
	require.EqualValues(t, 2, offset)
	topics, err := b.Admin().Topics(ctx)
	require.NoError(t, err)
	require.Len(t, topics, 1)
	for _, c := range []*Client{b, other, alone} {
		require.NoError(t, c.Close(ctx))
	}
	require.Empty(t, shared.pools)
	require.ErrorContains(t, ClientOptions{Endpoint: "a:1", ShareConnections: true, DialContext: (&net.Dialer{}).DialContext}.Validate(), "share_connections")
}
