package fluvio_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// BenchmarkPassThrough reads the same records of 1 KB without a SmartModule and through a filter that keeps everything.
func BenchmarkPassThrough(b *testing.B) {
	const records = 50_000
	cluster, err := devcluster.Start(b.Context(), devcluster.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, cluster.Close()) })
	require.NoError(b, cluster.CreateTopic("t", 1))
	client, err := fluvio.Connect(b.Context(), fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
	require.NoError(b, err)
	producer, err := client.Producer(b.Context(), "t", fluvio.ProducerOptions{})
	require.NoError(b, err)
	value := make([]byte, 1024)
	for range records {
		_, err := producer.Send(b.Context(), fluvio.Record{Value: value})
		require.NoError(b, err)
	}
	require.NoError(b, producer.Close(b.Context()))
	for name, chain := range map[string][]fluvio.SmartModule{
		"plain":    nil,
		"bare":     {{Path: filepath.Join("..", "tests", "smartmodules", "bare.wasm")}},
		"official": {{Path: filepath.Join("..", "tests", "smartmodules", "short.wasm")}},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(records * 1024)
			for range b.N {
				consumer, err := client.Consumer(b.Context(), fluvio.ConsumerOptions{
					Topics: []string{"t"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), SmartModules: chain,
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
