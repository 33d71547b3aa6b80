package fluvio_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// What TLS costs: records of 100 bytes to and from a dev cluster in the same process, which encrypts its own side, too.
//
//	go test -run '^$' -bench TLS -benchtime 3000000x ./core/
func BenchmarkTLS(b *testing.B) {
	for _, o := range []devcluster.Options{{}, {MTLS: true}} {
		name := map[bool]string{false: "plain", true: "mutual"}[o.MTLS]
		cl := tlsCluster(b, o)
		settings := fluvio.ClientOptions{Endpoint: cl.Endpoint()}
		if o.MTLS {
			settings = secure(b, cl, "")
		}
		ctx := context.Background()
		client, err := fluvio.Connect(ctx, settings)
		require.NoError(b, err)
		defer client.Close(ctx)
		value := []byte(strings.Repeat("v", 100))
		b.Run("produce/"+name, func(b *testing.B) {
			_ = cl.DeleteTopic("t")
			require.NoError(b, cl.CreateTopic("t", 1))
			producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{})
			require.NoError(b, err)
			b.SetBytes(int64(len(value)))
			b.ResetTimer()
			for range b.N {
				if _, err := producer.Send(ctx, fluvio.Record{Value: value}); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, producer.Flush(ctx))
			b.StopTimer()
			require.NoError(b, producer.Close(ctx))
		})
		b.Run("consume/"+name, func(b *testing.B) {
			consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning()})
			require.NoError(b, err)
			b.SetBytes(int64(len(value)))
			b.ResetTimer()
			n := 0
			for _, err := range consumer.Records(ctx) {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == b.N {
					break
				}
			}
			b.StopTimer()
			require.NoError(b, consumer.Close(ctx))
		})
	}
}
