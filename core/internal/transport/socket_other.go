//go:build !linux

package transport

import (
	"net"
	"time"
)

// tuneSocket does what socket_linux.go describes, where that can be done.
func tuneSocket(net.Conn, time.Duration) (afterRead func()) { return func() {} }
