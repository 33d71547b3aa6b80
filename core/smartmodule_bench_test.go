package fluvio_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// BenchmarkPassThrough reads the same records of 1 KB without a SmartModule and through filters that keep everything: one that
// leaves records where they are, and one made with the official crate, which handles every byte of a record by itself.
func BenchmarkPassThrough(b *testing.B) {
	const records = 50_000
	cluster, err := devcluster.Start(b.Context(), devcluster.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, cluster.Close()) })
	require.NoError(b, cluster.CreateTopic("t", 1))
	client, err := fluvio.Connect(b.Context(), fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close(context.Background())) })
	producer, err := client.Producer(b.Context(), "t", fluvio.ProducerOptions{})
	require.NoError(b, err)
	value := make([]byte, 1024)
	for range records {
		_, err := producer.Send(b.Context(), fluvio.Record{Value: value})
		require.NoError(b, err)
	}
	require.NoError(b, producer.Close(b.Context()))
	for _, c := range []struct {
		name  string
		chain []fluvio.SmartModule
	}{{"plain", nil}, {"bare", []fluvio.SmartModule{real("bare")}}, {"crate", []fluvio.SmartModule{real("short")}}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(records * 1024)
			for range b.N {
				consumer, err := client.Consumer(b.Context(), fluvio.ConsumerOptions{
					Topics: []string{"t"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), SmartModules: c.chain,
				})
				require.NoError(b, err)
				n := 0
				for r, err := range consumer.Records(b.Context()) {
					require.NoError(b, err)
					if n++; len(r.Value) != len(value) {
						b.Fatal("a record is not whole")
					}
				}
				require.Equal(b, records, n)
				require.NoError(b, consumer.Close(b.Context()))
			}
			b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrec/s")
		})
	}
}
