package fluvio_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Older clusters are served with the versions they speak; what they lack is an Unsupported error that says since when.
func TestPlatforms(t *testing.T) {
	for platform, hasOffsets := range map[string]bool{"0.10.9": false, "0.10.14": false, "0.11.6": true, "0.17.1": true, "0.17.3": true, "0.18.2-dev-1": true} {
		t.Run(platform, func(t *testing.T) {
			ctx := testContext(t)
			client := connect(t, startCluster(t, devcluster.Options{PlatformVersion: platform}).Endpoint())
			require.Equal(t, platform, client.PlatformVersion())
			require.NoError(t, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{Partitions: 2}))
			producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{Compression: "lz4"})
			require.NoError(t, err)
			const n = 100
			for i := range n {
				_, err := producer.Send(ctx, fluvio.Record{Key: fmt.Append(nil, i), Value: fmt.Append(nil, i)})
				require.NoError(t, err)
			}
			require.NoError(t, producer.Close(ctx))

			options := fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()}
			consumer, err := client.Consumer(ctx, options)
			require.NoError(t, err)
			require.Len(t, readAll(t, consumer), n)

			options.ConsumerID, options.OffsetStrategy = "named", "manual"
			consumer, err = client.Consumer(ctx, options)
			if !hasOffsets {
				require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, "0.11.6")
				return
			}
			require.NoError(t, err)
			require.Len(t, readAll(t, consumer), n)
			require.NoError(t, consumer.Commit(ctx))
			stored, err := client.Admin().ConsumerOffsets(ctx)
			require.NoError(t, err)
			require.Len(t, stored, 2)
			consumer, err = client.Consumer(ctx, options)
			require.NoError(t, err)
			require.Empty(t, readAll(t, consumer), "it goes on behind what was stored")
		})
	}
}
