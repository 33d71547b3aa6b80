package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/secure"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// secureConn is a TLS connection that remembers what its handshake was like.
type secureConn struct {
	*secure.Conn
	asked bool // the server asked for a client certificate
	shown bool // it got one
}

// startTLS does the TLS handshake. What is wrong with certificates, names and versions stays wrong, and has the code TLS, which
// nobody retries; a peer that goes away in the middle may be one that starts.
func startTLS(ctx context.Context, sock net.Conn, key Key, source func() (*tls.Config, error), afterRead func(), start time.Time) (net.Conn, error) {
	base, err := source()
	if err != nil {
		_ = sock.Close()
		return nil, fluvioerr.As(err).AtAddr(key.Addr)
	}
	s := &secureConn{}
	cfg := base.Clone()
	cfg.ServerName = key.ServerName
	cfg.Certificates = nil
	// The only certificate is always shown, whichever authorities the server names: its refusal says more than silence.
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if s.asked = true; len(base.Certificates) == 0 {
			return &tls.Certificate{}, nil
		}
		s.shown = true
		return &base.Certificates[0], nil
	}
	s.Conn = secure.Client(sock, cfg, afterRead)
	if err = s.HandshakeContext(ctx); err == nil {
		return s, nil
	}
	_ = sock.Close()
	if ctx.Err() != nil {
		e := fluvioerr.FromContext(ctx, "connect", "the TLS handshake", time.Since(start)).AtAddr(key.Addr).ForSetting("handshake_timeout_ms")
		return nil, e.WithHint("does the server speak TLS at this address? If not, set tls=disabled")
	}
	return nil, handshakeError(s, key, err)
}

// handshakeError says what went wrong in a handshake, and what to do.
func handshakeError(s *secureConn, key Key, err error) *fluvioerr.Error {
	var own *fluvioerr.Error
	if errors.As(err, &own) { // of the program's own check
		e := *own
		e.Op, e.Addr = "connect", key.Addr
		return &e
	}
	e := fluvioerr.Wrap(fluvioerr.TLS, "connect", err).AtAddr(key.Addr)
	e.Message = "the TLS handshake failed: " + rootCause(err)
	var record tls.RecordHeaderError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &record):
		e.Message, e.Hint = "the server does not speak TLS: "+record.Msg, "set tls=disabled, or use the address at which it speaks TLS"
	case errors.As(err, &invalid):
		describeInvalid(e, &invalid)
	case errors.As(err, &host):
		e.ForSetting("tls_domain")
		e.Message = fmt.Sprintf("the server's certificate is for %s, not for %q", namesOf(host.Certificate), host.Host)
		e.Hint = "set tls_domain to the cluster's domain; SPUs are <spu>.<domain>, so their certificate needs *.<domain>"
	case errors.As(err, &unknown):
		e.ForSetting("tls_ca")
		e.Message, e.Hint = "the server's certificate is of an authority that tls_ca does not hold", "set tls_ca to the certificate of the cluster's CA; without it the system's count"
		if c := unknown.Cert; c != nil {
			e.Message += fmt.Sprintf(": %q", c.Issuer.CommonName)
			if c.Issuer.String() == c.Subject.String() && !c.IsCA {
				e.Message = fmt.Sprintf("the server's certificate signed itself (%q): no authority vouches for it", c.Subject.CommonName)
			}
		}
	case isAlert(err, alertVersion), strings.Contains(err.Error(), "unsupported protocol version"):
		e.Message, e.Hint = "the server speaks no TLS 1.2 or newer", "enable TLS 1.2 or 1.3 on the server"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Code = fluvioerr.Connection
		e.Message, e.Hint = "the server closed the connection in the TLS handshake", "does the server speak TLS at this address? If not, set tls=disabled"
	case broken(err):
		e.Code = fluvioerr.Connection
		e.Message, e.Hint = "the connection broke in the TLS handshake: "+rootCause(err), "check the network between here and the server"
	default:
		refusedTLS(s, e)
	}
	return e
}

// broken says whether an error is the network's, and not of what was said through it: alerts are operations, too.
func broken(err error) bool {
	var op *net.OpError
	var number syscall.Errno
	return errors.Is(err, net.ErrClosed) || errors.As(err, &number) || errors.As(err, &op) && op.Op != "remote error" && op.Op != "local error"
}

func describeInvalid(e *fluvioerr.Error, invalid *x509.CertificateInvalidError) {
	e.Message, e.Hint = "the server's certificate is not valid: "+strings.TrimPrefix(invalid.Error(), "x509: "), "give the server a certificate for TLS servers, of tls_ca"
	if c := invalid.Cert; c != nil && invalid.Reason == x509.Expired {
		e.Hint = "renew the server's certificate, or set this machine's clock"
		if now := time.Now(); now.After(c.NotAfter) {
			e.Message = "the server's certificate expired on " + c.NotAfter.UTC().Format(time.RFC3339)
		} else {
			e.Message = "the server's certificate is valid from " + c.NotBefore.UTC().Format(time.RFC3339) + " on only"
		}
	}
}

func namesOf(c *x509.Certificate) string {
	list := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		return "no name at all"
	}
	if len(list) > 8 {
		list = append(list[:8], "...")
	}
	return strings.Join(list, ", ")
}

// The alerts of RFC 8446 that need words of their own.
const (
	alertBadCertificate     tls.AlertError = 42
	alertCertificateExpired tls.AlertError = 45
	alertCertificateUnknown tls.AlertError = 46
	alertUnknownCA          tls.AlertError = 48
	alertAccessDenied       tls.AlertError = 49
	alertVersion            tls.AlertError = 70
	alertCertificateNeeded  tls.AlertError = 116
)

// isAlert says whether an error is an alert that the peer sent; of which numbers, if any are given.
func isAlert(err error, which ...tls.AlertError) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	return len(which) == 0 || slices.ContainsFunc(which, func(a tls.AlertError) bool { return op.Err.Error() == a.Error() })
}

// refusedTLS turns the end of a connection on which nothing came, or a failed handshake, into the server's refusal of this client,
// where it is one. In TLS 1.3 the server judges the client's certificate when the client's handshake is over.
func refusedTLS(sock net.Conn, e *fluvioerr.Error) {
	s, ok := sock.(*secureConn)
	if !ok {
		return
	}
	refused := isAlert(e.Err)
	switch {
	case s.asked && !s.shown && (refused || errors.Is(e.Err, io.EOF) || errors.Is(e.Err, syscall.ECONNRESET) || errors.Is(e.Err, syscall.EPIPE)):
		e.ForSetting("tls_certificate")
		e.Message, e.Hint = "the server demands a client certificate, and none is set", "set tls=verified, tls_certificate and tls_key"
	case !refused:
		if s.asked {
			e.Hint = "did the server refuse the client certificate? See its log"
		}
		return
	case isAlert(e.Err, alertUnknownCA, alertBadCertificate, alertCertificateExpired, alertCertificateUnknown, alertAccessDenied, alertCertificateNeeded):
		e.ForSetting("tls_certificate")
		e.Message = "the server refuses the client certificate: " + strings.TrimPrefix(rootCause(e.Err), "tls: ")
		e.Hint = "set tls_certificate and tls_key to a pair that the cluster's CA has signed and that has not expired"
	default:
		e.Message = "the server refuses the TLS connection: " + strings.TrimPrefix(rootCause(e.Err), "tls: ")
		e.Hint = "check the TLS settings of client and server"
	}
	e.Code = fluvioerr.TLS
}

// hearRefusal gives the reader a moment after a write that failed: a server that refuses a client says why before it hangs up, and
// what it said counts for more than that writing failed.
func (c *Conn) hearRefusal() {
	if _, ok := c.sock.(*secureConn); !ok || c.heard.Load() > 0 {
		return
	}
	select {
	case <-c.done:
	case <-time.After(100 * time.Millisecond):
	}
}

// introduce says to the SC who the client is, before anything else.
func introduce(ctx context.Context, sock net.Conn, key Key, auth *wire.AuthRequest, start time.Time) error {
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyAuth, CorrelationID: 1, ClientID: "dummy"}, auth)
	if err != nil {
		return fluvioerr.As(err).AtAddr(key.Addr).ForSetting("auth_principal")
	}
	stop := context.AfterFunc(ctx, func() { _ = sock.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var answer wire.AuthResponse
	_, err = sock.Write(frame)
	if err == nil {
		var msg, body []byte
		if msg, err = wire.ReadFrame(sock, 1024, nil); err == nil {
			if _, body, err = wire.SplitResponse(msg); err == nil {
				_, err = wire.Decode(body, 0, &answer)
			}
		}
	}
	switch e := fluvioerr.As(err); {
	case ctx.Err() != nil:
		return fluvioerr.FromContext(ctx, "connect", "the answer to the introduction (auth_principal)", time.Since(start)).AtAddr(key.Addr).ForSetting("handshake_timeout_ms")
	case e != nil:
		e.Op = "connect"
		return e.AtAddr(key.Addr)
	case err != nil:
		e = fluvioerr.Wrap(fluvioerr.Connection, "connect", err).AtAddr(key.Addr).ForSetting("auth_principal")
		e.Message = "the server closed the connection instead of an answer to the introduction: " + rootCause(err)
		e.Hint = "leave auth_principal empty, unless the SC has an authorization policy and no TLS in front of it"
		refusedTLS(sock, e)
		return e
	case !answer.Success:
		return fluvioerr.New(fluvioerr.Permission, "connect", "the SC does not accept the principal %q", auth.Principal).AtAddr(key.Addr).ForSetting("auth_principal")
	}
	return nil
}
