package transport

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// ProtocolVersion is what libfluvio says of itself in the handshake: the crate version whose protocol it speaks. The SC
// hangs up unless it is semver, and an SPU caps StreamFetch when it is empty.
const ProtocolVersion = "0.50.2"

// Dial opens a connection: TCP within the connection timeout, TLS if configured and the ApiVersions exchange within the
// handshake timeout.
func Dial(ctx context.Context, key Key, cfg *Config) (*Conn, error) {
	ctx, ended := cfg.observer().Connect(ctx, key.observed())
	c, err := dial(ctx, key, cfg)
	ended(code(err), err)
	if err == nil {
		c.introduced()
	}
	return c, err
}

func dial(ctx context.Context, key Key, cfg *Config) (*Conn, error) {
	sock, err := dialTCP(ctx, key.Addr, cfg)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	ctx, cancel := within(ctx, cfg.HandshakeTimeout)
	defer cancel()
	afterRead := tuneSocket(sock, cfg.WriteStall)
	if cfg.TLS != nil {
		if sock, err = startTLS(ctx, sock, key, cfg.TLS, afterRead, start); err != nil {
			return nil, err
		}
		afterRead = func() {} // of the socket, not of each record
	}
	if cfg.Auth != nil && key.Role == wire.SC {
		if err := introduce(ctx, sock, key, cfg.Auth, start); err != nil {
			_ = sock.Close()
			return nil, err
		}
	}
	c := newConn(key, cfg, sock, afterRead)
	if err := c.handshake(ctx, start); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// within limits a context; 0 is no limit.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// dialTCP connects, and says plainly why it could not.
func dialTCP(ctx context.Context, addr string, cfg *Config) (net.Conn, error) {
	start := time.Now()
	ctx, cancel := within(ctx, cfg.ConnectTimeout)
	defer cancel()
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fluvioerr.New(fluvioerr.InvalidArgument, "connect", "%q is not an address of the form host:port", addr).
			ForSetting("endpoint").WithHint("write host:port, for instance 127.0.0.1:9003")
	}
	dial := cfg.DialContext
	if dial == nil {
		dial = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}}).DialContext
	}
	sock, err := dial(ctx, "tcp", addr)
	if err == nil {
		return sock, nil
	}
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fluvioerr.FromContext(ctx, "connect", "a TCP connection", time.Since(start)).AtAddr(addr).ForSetting("connection_timeout_ms")
	case errors.As(err, &dns):
		e := fluvioerr.Wrap(fluvioerr.Connection, "connect", err).AtAddr(addr)
		e.Message, e.Hint = "the host name cannot be resolved: "+dns.Err, "check the host name in endpoint"
		return nil, e
	}
	e := fluvioerr.Wrap(fluvioerr.Connection, "connect", err).AtAddr(addr)
	e.Message = rootCause(err)
	if errors.Is(err, syscall.ECONNREFUSED) {
		e.Hint = "nothing listens there: check host and port, and that the cluster is running"
	}
	return nil, e
}

// helloVersion is the version of ApiVersions, which is asked before anything is agreed.
const helloVersion = 2

func hello() *wire.ApiVersionsRequest {
	return &wire.ApiVersionsRequest{ClientVersion: ProtocolVersion, ClientOS: runtime.GOOS, ClientArch: arch()}
}

// handshake asks the server what it speaks.
func (c *Conn) handshake(ctx context.Context, start time.Time) error {
	var resp wire.ApiVersionsResponse
	if err := c.firstCall(ctx, hello(), &resp); err != nil {
		e := *fluvioerr.As(err)
		e.Op = "connect"
		switch e.Code {
		case fluvioerr.Timeout:
			e.Setting = "handshake_timeout_ms"
			e.Message = "connected, but no answer to the first request (ApiVersions) within " + time.Since(start).Round(time.Millisecond).String()
			e.Hint = c.question()
		case fluvioerr.Connection:
			e.Message = "connected, but " + e.Message + " instead of an answer to the first request (ApiVersions)"
			e.Hint = c.question()
		}
		return &e
	}
	if err := resp.Error.Err("connect"); err != nil {
		return err.AtAddr(c.key.Addr)
	}
	c.versions = wire.Negotiate(c.key.Role, &resp)
	if c.key.Role == wire.SC {
		if _, err := c.versions.For(wire.KeyWatch); err != nil {
			e := fluvioerr.As(err)
			if resp.PlatformVersion == "0.0.0" {
				e = fluvioerr.New(fluvioerr.Protocol, "", "this is an SPU, not the cluster's controller").
					WithHint("use the SC's address, port 9003 by default")
			}
			e.Op, e.Addr = "connect", c.key.Addr
			return e
		}
	}
	return nil
}

// question is what to look at when a server does not answer as one of Fluvio's.
func (c *Conn) question() string {
	q := "is this a Fluvio " + c.key.Role.String() + "?"
	if c.cfg.TLS == nil {
		q += " If it wants TLS, set tls, tls_domain and tls_ca"
		if c.key.Role == wire.SC && c.cfg.Auth == nil {
			q += "; if it has an authorization policy but no TLS, set auth_principal and auth_scopes"
		}
	}
	return q
}

// firstCall asks for the versions. When no answer has come shortly before the deadline, it sends an empty line: peers of
// text protocols, who wait for one, then say who they are, and the error can name them.
func (c *Conn) firstCall(ctx context.Context, req, resp wire.Message) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return c.Call(ctx, wire.KeyApiVersions, req, resp)
	}
	window := min(time.Until(deadline)/4, 250*time.Millisecond)
	early, cancel := context.WithDeadline(ctx, deadline.Add(-window))
	defer cancel()
	err := c.Call(early, wire.KeyApiVersions, req, resp)
	if fluvioerr.CodeOf(err) != fluvioerr.Timeout || ctx.Err() != nil {
		return err
	}
	_ = c.sock.SetWriteDeadline(deadline)
	if _, werr := c.sock.Write([]byte("\r\n\r\n")); werr != nil {
		return err
	}
	select {
	case <-c.done:
		if end := c.Err(); fluvioerr.CodeOf(end) == fluvioerr.Protocol {
			return end
		}
	case <-ctx.Done():
	}
	return err
}

// arch spells the machine as the official client does.
func arch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}
