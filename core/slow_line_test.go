package fluvio_test

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// slowConn brings so many bytes per second.
type slowConn struct {
	net.Conn
	rate int
}

func (s *slowConn) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p[:min(len(p), 4096)])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(s.rate))
	return n, err
}

// A frame that takes longer than the request timeout to arrive is not taken for silence, through SmartModules neither.
func TestSlowLineIsNoSilence(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, every(1))
	require.NoError(t, m.dev.CreateTopic("slow", 1))
	p, err := m.connect(nil).Producer(testContext(t), "slow", fluvio.ProducerOptions{})
	require.NoError(t, err)
	for range 600 {
		_, err := p.Send(testContext(t), fluvio.Record{Value: bytes.Repeat([]byte{'x'}, 1000)})
		require.NoError(t, err)
	}
	require.NoError(t, p.Close(testContext(t)))
	client := m.connect(func(o *fluvio.ClientOptions) {
		o.RequestTimeout = 4 * time.Second
		o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := m.dial(ctx, network, addr)
			if err != nil || addr == m.dev.Endpoint() {
				return c, err
			}
			return &slowConn{c, 100_000}, nil
		}
	})
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"slow"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), SmartModules: chainOf("all")})
	require.NoError(t, err)
	require.Len(t, readAll(t, consumer), 600)
}
