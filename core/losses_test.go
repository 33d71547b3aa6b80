package fluvio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Who takes no reports hears of failures from Flush and Close: a lost record is never silent.
func TestFlushTellsOfFailures(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	client := connect(t, cl.Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "gone", fluvio.TopicSpec{}))
	silent, err := client.Producer(ctx, "gone", fluvio.ProducerOptions{})
	require.NoError(t, err)
	told := make(chan *fluvio.Delivery, 1)
	reported, err := client.Producer(ctx, "gone", fluvio.ProducerOptions{OnDelivery: func(d *fluvio.Delivery) { told <- d }})
	require.NoError(t, err)

	// The SPU refuses every batch.
	rule, err := cl.AddRule(devcluster.Rule{API: "Produce", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerCompression}})
	require.NoError(t, err)
	for range 3 {
		_, err = silent.Send(ctx, fluvio.Record{Value: []byte("x")})
		require.NoError(t, err)
	}
	err = silent.Flush(ctx)
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "3", fluvioerr.As(err).Detail["failed_records"])
	require.NoError(t, silent.Flush(ctx), "what was told is not told again")

	_, err = reported.Send(ctx, fluvio.Record{Value: []byte("x")})
	require.NoError(t, err)
	require.NoError(t, reported.Flush(ctx), "the report tells")
	require.Error(t, (<-told).Err)

	_, err = silent.Send(ctx, fluvio.Record{Value: []byte("x")})
	require.NoError(t, err)
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(silent.Close(ctx)), "Close tells too")
	rule.Remove()
}
