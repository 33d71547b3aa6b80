package devcluster

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server that is stopped keeps its port: the system gives it to nobody else, and connections are refused.
func TestStoppedServersKeepTheirPorts(t *testing.T) {
	files := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(list)
	}
	before := files()
	cl, err := Start(context.Background(), Options{})
	require.NoError(t, err)
	defer cl.Close()
	addrs := []string{cl.Endpoint(), cl.SPUEndpoints()[0]}
	// Not as Go does by itself, which is to take ports that nobody listens on.
	plain := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0) })
	}}
	for range 3 {
		require.NoError(t, cl.StopSPU(5001))
		require.NoError(t, cl.StopSC())
		for _, addr := range addrs {
			_, err := net.Dial("tcp", addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			_, err = plain.Listen(context.Background(), "tcp", addr)
			require.ErrorIs(t, err, syscall.EADDRINUSE)
		}
		require.NoError(t, cl.StartSC())
		require.NoError(t, cl.StartSPU(5001))
		require.Equal(t, addrs, []string{cl.Endpoint(), cl.SPUEndpoints()[0]})
	}
	require.NoError(t, cl.StopSPU(5001))
	require.NoError(t, cl.Close())
	require.LessOrEqual(t, files(), before+1, "but that of the poller, which stays") // epoll, made with the first connection
}
