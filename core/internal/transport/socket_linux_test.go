package transport

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSocketOptions(t *testing.T) {
	s := startServer(t, true, drain)
	cfg := testConfig()
	cfg.WriteStall = 1234 * time.Millisecond
	c := dialTo(t, s, cfg)
	raw, err := c.sock.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	option := func(level, name int) (v int) {
		require.NoError(t, raw.Control(func(fd uintptr) { v, err = unix.GetsockoptInt(int(fd), level, name) }))
		require.NoError(t, err)
		return v
	}
	require.Equal(t, 1234, option(unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT))
	require.Equal(t, 1, option(unix.IPPROTO_TCP, unix.TCP_NODELAY))
	// A peer that is gone without a word is noticed after 15 s + 4 * 5 s without traffic.
	require.Equal(t, []int{1, 15, 5, 4}, []int{
		option(unix.SOL_SOCKET, unix.SO_KEEPALIVE), option(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE),
		option(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL), option(unix.IPPROTO_TCP, unix.TCP_KEEPCNT),
	})
	require.Equal(t, 1, option(unix.IPPROTO_TCP, unix.TCP_QUICKACK))

	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	tuneSocket(here, time.Second)() // what is no TCP socket is left alone
}
