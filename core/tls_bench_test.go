package fluvio_test

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// BenchmarkTLS compares the rates at which a client writes and reads records of 100 bytes in plain text and with mutual TLS. The dev
// clusters are programs of their own on the same machine, so that half of what encryption costs here is theirs, and their stores do not
// keep the client's collector from its work. Plain and encrypted take turns, so that what else the machine does concerns both; the
// results are the medians of the ratios of neighbours, in percent of the plain rate:
//
//	go test -run - -bench TLS -benchtime 7x ./core
func BenchmarkTLS(b *testing.B) {
	program := filepath.Join(b.TempDir(), "fluvio-devcluster")
	out, err := exec.Command("go", "build", "-o", program, "./cmd/fluvio-devcluster").CombinedOutput()
	require.NoError(b, err, "%s", out)
	plain, mutual := startProgram(b, program), startProgram(b, program, "--mtls")
	ratios := map[string][]float64{}
	for b.Loop() {
		took := transfer(b, plain)
		for what, d := range transfer(b, mutual) {
			ratios[what] = append(ratios[what], 100*took[what].Seconds()/d.Seconds())
		}
	}
	for what, r := range ratios {
		slices.Sort(r)
		b.ReportMetric(r[len(r)/2], "%-"+what)
		b.Logf("%s: %.0f", what, r)
	}
}

// transfer says how long it takes to write records, and to read them one by one and by batches.
func transfer(b *testing.B, o fluvio.ClientOptions) map[string]time.Duration {
	const records = 3_000_000
	ctx := b.Context()
	client, err := fluvio.Connect(ctx, o)
	require.NoError(b, err)
	defer client.Close(ctx)
	require.NoError(b, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{}))
	defer func() { require.NoError(b, client.Admin().DeleteTopic(ctx, "t")) }()
	took := map[string]time.Duration{}
	producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{})
	require.NoError(b, err)
	value := []byte(strings.Repeat("v", 100))
	start := time.Now()
	for range records {
		if _, err := producer.Send(ctx, fluvio.Record{Value: value}); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, producer.Flush(ctx))
	took["produce"] = time.Since(start)
	require.NoError(b, producer.Close(ctx))

	read := func(what string, all func(*fluvio.Consumer)) {
		consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
		require.NoError(b, err)
		start := time.Now()
		all(consumer)
		took[what] = time.Since(start)
		require.NoError(b, consumer.Close(ctx))
	}
	read("records", func(c *fluvio.Consumer) {
		n := 0
		for _, err := range c.Records(ctx) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		require.Equal(b, records, n)
	})
	read("batches", func(c *fluvio.Consumer) {
		n := 0
		for n < records {
			batch, err := c.Next(ctx)
			require.NoError(b, err)
			n += batch.Len()
			batch.Release()
		}
	})
	return took
}

// startProgram runs a dev cluster as a program until the benchmark ends, and gives what its clients need.
func startProgram(b *testing.B, program string, args ...string) fluvio.ClientOptions {
	cmd := exec.Command(program, args...)
	stdout, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(b, err)
	var ready struct {
		SC  string `json:"sc"`
		TLS struct {
			Mode        string `json:"tls"`
			Domain      string `json:"tls_domain"`
			CA          string `json:"tls_ca"`
			Certificate string `json:"tls_certificate"`
			Key         string `json:"tls_key"`
		} `json:"tls"`
	}
	require.NoError(b, json.Unmarshal(line, &ready))
	return fluvio.ClientOptions{
		Endpoint: ready.SC, TLS: ready.TLS.Mode, TLSDomain: ready.TLS.Domain,
		TLSCA: ready.TLS.CA, TLSCertificate: ready.TLS.Certificate, TLSKey: ready.TLS.Key,
	}
}
