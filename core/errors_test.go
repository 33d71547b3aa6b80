package fluvio_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// listen runs serve for every connection to a port of its own.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().String()
}

// connectError connects with a short connection timeout and wants an error of a code that says all of want.
func connectError(t *testing.T, endpoint string, code fluvioerr.Code, want ...string) {
	t.Helper()
	ctx := testContext(t)
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: endpoint, ConnectionTimeout: 3 * time.Second, MaxRetries: new(int)})
	if err == nil {
		_ = client.Close(ctx)
	}
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "the error came by its own deadline")
	require.Equal(t, code, fluvioerr.CodeOf(err), "%v", err)
	for _, w := range append(want, endpoint) {
		require.Contains(t, err.Error(), w)
	}
}

func TestConnectErrors(t *testing.T) {
	cl := startCluster(t, devcluster.Options{})
	t.Run("nothing listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addr := l.Addr().String()
		require.NoError(t, l.Close())
		connectError(t, addr, fluvioerr.Connection, "connection refused")
	})
	t.Run("silent", func(t *testing.T) {
		held := make(chan net.Conn, 8)
		addr := listen(t, func(c net.Conn) { held <- c })
		connectError(t, addr, fluvioerr.Timeout, "ApiVersions", "within 3")
		(<-held).Close()
	})
	t.Run("HTTP", func(t *testing.T) {
		srv := httptest.NewServer(http.NotFoundHandler())
		defer srv.Close()
		connectError(t, strings.TrimPrefix(srv.URL, "http://"), fluvioerr.Protocol, "the peer speaks HTTP")
	})
	t.Run("hangs up", func(t *testing.T) {
		addr := listen(t, func(c net.Conn) { c.Close() })
		connectError(t, addr, fluvioerr.Connection, "ApiVersions")
	})
	t.Run("lying length", func(t *testing.T) {
		addr := listen(t, func(c net.Conn) {
			r := bufio.NewReader(c)
			_, _ = r.Peek(4)
			_, _ = c.Write([]byte{0x7f, 0xff, 0xff, 0xff})
			_, _ = io.Copy(io.Discard, r) // until the client hangs up
			c.Close()
		})
		connectError(t, addr, fluvioerr.Protocol, "2147483647 bytes")
	})
	t.Run("an SPU instead of the SC", func(t *testing.T) {
		connectError(t, cl.SPUEndpoints()[0], fluvioerr.Protocol, "this is an SPU")
	})
	t.Run("not an address", func(t *testing.T) {
		connectError(t, "localhost", fluvioerr.InvalidArgument, "endpoint", "host:port")
	})
	t.Run("no profile", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "none%d")
		t.Setenv("FLV_PROFILE_PATH", path)
		_, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{})
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, path+": it does not exist, and no endpoint is given")
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cl.Endpoint()})
		require.Equal(t, fluvioerr.Cancelled, fluvioerr.CodeOf(err), "%v", err)
	})
}

func TestProfile(t *testing.T) {
	cl := startCluster(t, devcluster.Options{})
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(`
version = "2.0"
current_profile = "dev"
[profile.dev]
cluster = "here"
[profile.away]
cluster = "nowhere"
[profile.broken]
cluster = "missing"
[cluster.here]
endpoint = "`+cl.Endpoint()+`"
[cluster.here.tls]
tls_policy = "disabled"
[cluster.here.metadata.anything]
unknown = 1
[cluster.nowhere]
endpoint = "nowhere.invalid:9003"
`), 0o600))
	for profile, want := range map[string]string{"": cl.Endpoint(), "dev": cl.Endpoint(), "away": "nowhere.invalid:9003"} {
		client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{ProfilePath: path, Profile: profile, ValidateOnConnect: pointer(profile != "away")})
		require.NoError(t, err)
		require.Equal(t, want, client.Endpoint())
		require.NoError(t, client.Close(testContext(t)))
	}

	_, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{ProfilePath: path, Profile: "prod"})
	require.ErrorContains(t, err, `no profile "prod", only away, broken, dev`)
	_, err = fluvio.Connect(testContext(t), fluvio.ClientOptions{ProfilePath: path, Profile: "broken"})
	require.ErrorContains(t, err, `"missing"`)
}

func TestOversizedRecord(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "big", fluvio.TopicSpec{}))
	producer, err := client.Producer(ctx, "big", fluvio.ProducerOptions{MaxRequestSize: 100_000})
	require.NoError(t, err)
	_, err = producer.Send(ctx, fluvio.Record{Value: make([]byte, 100_000)})
	require.Equal(t, fluvioerr.TooLarge, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "max_request_size is 100000")
	require.ErrorContains(t, err, "100072 bytes")

	// The largest record that fits does fit, and it comes back although it is larger than the frames that are asked for.
	largest := make([]byte, 100_000-72)
	rc, err := producer.Send(ctx, fluvio.Record{Value: largest})
	require.NoError(t, err)
	_, _, err = rc.Wait(ctx)
	require.NoError(t, err)
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"big"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 1024})
	require.NoError(t, err)
	all := readAll(t, consumer)
	require.Len(t, all, 1)
	require.Equal(t, largest, all[0].Value)
}

func TestSettings(t *testing.T) {
	_, err := fluvio.ParseProducerOptions([]byte(`{"lingerms": 5, "batch_size": 1, "compression": "rar", "delivery": "at_most_once"}`))
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
	for _, want := range []string{"lingerms: there is no such setting, did you mean linger_ms?", "batch_size: 1 is not between 256 and 33554432", `compression: "rar" is not one of none, gzip, snappy, lz4, zstd`} {
		require.ErrorContains(t, err, want)
	}
	o, err := fluvio.ParseProducerOptions([]byte(`{"linger_ms": "5", "batch_size": 4096, "compression": "zstd", "buffer_memory": null}`))
	require.NoError(t, err)
	require.Equal(t, fluvio.ProducerOptions{Linger: 5 * time.Millisecond, BatchSize: 4096, Compression: "zstd"}, o)

	c, err := fluvio.ParseConsumerOptions([]byte(`{"topics": "a,b", "partitions": [0, 2], "start": "end-5", "stop_at": 100}`))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, c.Topics)
	require.Equal(t, []int32{0, 2}, c.Partitions)
	require.Equal(t, "end-5", c.Start.String())
	require.Equal(t, "100", c.StopAt.String())
	for _, bad := range []string{`[]`, `{"start": "middle"}`, `{"start": -1}`, `{"partitions": ["x"]}`, `{"max_bytes": 4294967296}`, `{"prefetch_bytes": 1.5}`} {
		_, err := fluvio.ParseConsumerOptions([]byte(bad))
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%s: %v", bad, err)
	}
}

func TestClosedObjects(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cl.Endpoint()})
	require.NoError(t, err)
	require.NoError(t, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{}))
	producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{Linger: time.Minute})
	require.NoError(t, err)
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}})
	require.NoError(t, err)
	rc, err := producer.Send(ctx, fluvio.Record{Value: []byte("drained by close")})
	require.NoError(t, err)

	woken := make(chan error, 1)
	go func() {
		for {
			if _, err := consumer.Next(ctx); err != nil {
				woken <- err
				return
			}
		}
	}()
	require.NoError(t, client.Close(ctx))
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(<-woken))
	_, offset, err := rc.Wait(ctx)
	require.NoError(t, err, "close drains producers")
	require.Zero(t, offset)
	_, err = producer.Send(ctx, fluvio.Record{Value: []byte("x")})
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err))
	_, err = client.Producer(ctx, "t", fluvio.ProducerOptions{})
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err))
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(client.Admin().DeleteTopic(ctx, "t")))
	require.NoError(t, client.Close(ctx), "closing twice is fine")
}
