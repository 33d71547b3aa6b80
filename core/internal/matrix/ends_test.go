package matrix

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// TestEnds has the faults that nothing mends: each is one typed error that names the place, and the rest goes on.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name    string
		options fluvio.ConsumerOptions
		strike  func(t *testing.T, dev *devcluster.Cluster)
		code    fluvioerr.Code
		from    int64
	}{
		{"checksum", fluvio.ConsumerOptions{}, func(t *testing.T, dev *devcluster.Cluster) {
			_, err := dev.AddRule(devcluster.Rule{API: "StreamFetch", Partition: 0, Action: action(devcluster.ActionCorruptCRC)})
			require.NoError(t, err)
		}, fluvioerr.Corrupt, 0},
		{"evicted", fluvio.ConsumerOptions{}, func(t *testing.T, dev *devcluster.Cluster) {
			require.NoError(t, dev.EvictBefore(topic, 0, 5))
		}, fluvioerr.OffsetEvicted, 2},
		{"frame without credit", fluvio.ConsumerOptions{MaxBytes: 1024, PrefetchBytes: 1024}, func(t *testing.T, dev *devcluster.Cluster) {
			_, err := dev.AddRule(devcluster.Rule{API: "StreamFetch", Partition: 0, Action: action(devcluster.ActionNoCredit)})
			require.NoError(t, err)
		}, fluvioerr.Protocol, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			dev, err := devcluster.Start(ctx, devcluster.Options{})
			require.NoError(t, err)
			defer dev.Close()
			require.NoError(t, dev.CreateTopic(topic, 2))
			client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: dev.Endpoint(), RetryBackoff: time.Millisecond})
			require.NoError(t, err)
			defer client.Close(ctx)
			producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{})
			require.NoError(t, err)
			for i := range int32(20) {
				rc, err := producer.SendTo(ctx, i%2, fluvio.Record{Value: make([]byte, 1000)})
				require.NoError(t, err)
				_, _, err = rc.Wait(ctx)
				require.NoError(t, err)
			}
			c.strike(t, dev)
			o := c.options
			o.Topics, o.Start = []string{topic}, fluvio.AtOffset(c.from)
			consumer, err := client.Consumer(ctx, o)
			require.NoError(t, err)
			healthy := int64(0)
			var failure error
			for failure == nil || healthy < 10-c.from {
				b, err := consumer.Next(ctx)
				if err != nil {
					require.NoError(t, failure)
					failure = err
					continue
				}
				if b.Partition() == 1 {
					healthy += int64(b.Len())
				}
				b.Release()
			}
			e := fluvioerr.As(failure)
			require.Equal(t, c.code, e.Code, "%v", failure)
			require.Equal(t, topic, e.Topic)
			require.Zero(t, e.Partition)
			if c.code != fluvioerr.Protocol {
				require.Equal(t, c.from, e.Offset)
			}
		})
	}
}
