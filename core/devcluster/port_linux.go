package devcluster

import (
	"net"
	"syscall"
)

// holdPort keeps a port from being given to anybody who asks the system for a free one, or connects from one, until release is
// called. Nobody listens there: connections are refused. Who asks for this very port gets it.
func holdPort(addr string) (release func()) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return func() {}
	}
	family, sa := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP.To16())})
	if ip := a.IP.To4(); ip != nil {
		family, sa = syscall.AF_INET, &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	// Errors are nothing to stop for: the port is free for the taking then, as everywhere else.
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	_ = syscall.Bind(fd, sa)
	return func() { _ = syscall.Close(fd) }
}
