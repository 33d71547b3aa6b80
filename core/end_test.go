package fluvio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Every end of a stream has its reason: in the error, and in the consumer, which keeps the first one.
func TestEndReasons(t *testing.T) {
	ctx, dev := testContext(t), startCluster(t, devcluster.Options{})
	client := connect(t, dev.Endpoint())
	refuse := func(code fluvioerr.ServerCode) func(t *testing.T, c *fluvio.Consumer, topic string) {
		return func(t *testing.T, _ *fluvio.Consumer, topic string) {
			_, err := dev.AddRule(devcluster.Rule{API: "StreamFetch", Topic: topic, Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: code}})
			require.NoError(t, err)
			leader, err := dev.Leader(topic, 0)
			require.NoError(t, err)
			require.NoError(t, dev.StopSPU(leader))
			require.NoError(t, dev.StartSPU(leader))
		}
	}
	for _, test := range []struct {
		name    string
		options fluvio.ConsumerOptions
		cause   func(t *testing.T, c *fluvio.Consumer, topic string)
		want    fluvioerr.EndReason
	}{
		{"reached", fluvio.ConsumerOptions{StopAt: fluvio.StopAtEnd()}, nil, fluvioerr.EndReached},
		{"drained", fluvio.ConsumerOptions{}, func(t *testing.T, c *fluvio.Consumer, _ string) { require.NoError(t, c.Drain()) }, fluvioerr.Drained},
		{"closed", fluvio.ConsumerOptions{}, func(t *testing.T, c *fluvio.Consumer, _ string) { require.NoError(t, c.Close(ctx)) }, fluvioerr.StreamClosed},
		{"deleted", fluvio.ConsumerOptions{}, func(t *testing.T, _ *fluvio.Consumer, topic string) {
			require.NoError(t, client.Admin().DeleteTopic(ctx, topic))
		}, fluvioerr.TopicDeleted},
		{"gave-up", fluvio.ConsumerOptions{MaxRetries: 2}, refuse(fluvioerr.ServerNotLeader), fluvioerr.GaveUp},
		{"failed", fluvio.ConsumerOptions{}, refuse(fluvioerr.ServerPermissionDenied), fluvioerr.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			topic := "end-" + test.name
			require.NoError(t, client.Admin().CreateTopic(ctx, topic, fluvio.TopicSpec{}))
			test.options.Topics = []string{topic}
			c, err := client.Consumer(ctx, test.options)
			require.NoError(t, err)
			require.Equal(t, fluvioerr.NotEnded, c.EndReason())
			if test.cause != nil {
				test.cause(t, c, topic)
			}
			for err = nil; fluvioerr.EndOf(err) == fluvioerr.NotEnded; { // the partition's own error is not the stream's end
				_, err = c.Next(ctx)
				require.Error(t, err)
				require.NoError(t, ctx.Err())
			}
			require.Equal(t, test.want, fluvioerr.EndOf(err), "%v", err)
			require.True(t, fluvioerr.Fatal(err), "%v", err)
			require.NoError(t, c.Close(ctx))
			require.Equal(t, test.want, c.EndReason(), "why it ended, not that it was closed")
		})
	}

	client = filled(t, devcluster.Options{}, "end-twice", 1)
	c, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"end-twice"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	for _, err := range c.Records(ctx) {
		require.NoError(t, err)
		require.Equal(t, fluvioerr.NotEnded, c.EndReason())
	}
	require.Equal(t, fluvioerr.EndReached, c.EndReason(), "a loop over records says so, too")
	require.NoError(t, c.Seek(ctx, "end-twice", 0, fluvio.Beginning()))
	_, err = c.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, fluvioerr.NotEnded, c.EndReason(), "a partition went on elsewhere")
}
