package fluvio

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// checkTLS holds the TLS settings against each other. An empty TLS counts as disabled.
func checkTLS(p *problems, o *ClientOptions) {
	without := func(why string, settings ...[2]string) {
		for _, s := range settings {
			if s[1] != "" {
				p.add(s[0], "%s", why)
			}
		}
	}
	domain, ca := [2]string{"tls_domain", o.TLSDomain}, [2]string{"tls_ca", o.TLSCA}
	certificate, key := [2]string{"tls_certificate", o.TLSCertificate}, [2]string{"tls_key", o.TLSKey}
	switch o.TLS {
	case "verified":
		if o.TLSDomain == "" {
			p.add("tls_domain", "is needed with tls=verified: the name in the cluster's certificate")
		}
		if o.TLSInsecure {
			p.add("tls_insecure", "contradicts tls=verified: set tls to anonymous to accept any server")
		}
		if (o.TLSCertificate == "") != (o.TLSKey == "") {
			p.add("tls_certificate", "and tls_key go together: one of them is missing")
		}
	case "anonymous":
		without("is not shown with tls=anonymous: set tls to verified", certificate, key)
		switch {
		case o.TLSInsecure:
			without("has no effect with tls_insecure: any server is accepted", ca)
		case o.TLSDomain == "":
			p.add("tls_domain", "is needed to verify the server: the name in the cluster's certificate; or accept any server with tls_insecure=true")
		}
	case "", "disabled":
		// Whoever gives a certificate expects encryption: going on in plain text would be a trap.
		without("has no effect with tls=disabled: set tls to verified or anonymous", domain, ca, certificate, key)
		if o.TLSInsecure {
			p.add("tls_insecure", "has no effect with tls=disabled: set tls to anonymous")
		}
	}
}

// tlsWarnings says what about TLS a person should know.
func (o *ClientOptions) tlsWarnings() []string {
	var out []string
	if o.TLS == "anonymous" && o.TLSInsecure {
		out = append(out, "tls is anonymous and tls_insecure: whoever answers at "+o.Endpoint+" is accepted, and can read and change everything; set tls_domain and tls_ca")
	}
	if o.exposed != "" {
		out = append(out, "profile file "+o.exposed+" holds a private key, and others than its owner may read it: chmod 600 "+o.exposed)
	}
	return out
}

// auth is how the client introduces itself to the SC, nil if it does not.
func (o *ClientOptions) auth() *wire.AuthRequest {
	if o.AuthPrincipal == "" {
		return nil
	}
	return &wire.AuthRequest{Principal: o.AuthPrincipal, Scopes: o.AuthScopes}
}

// String shows the options without the private key.
func (o ClientOptions) String() string {
	type plain ClientOptions
	if o.TLSKey != "" {
		o.TLSKey = "(hidden)"
	}
	return fmt.Sprintf("%+v", plain(o))
}

// GoString is String.
func (o ClientOptions) GoString() string { return o.String() }

// tlsFiles makes the TLS configuration of every new connection from the settings. Files are read again each time, so that
// a certificate can be replaced while the client runs; while what is there cannot be used, as in the middle of a replacement, what was
// there before counts, and the log tells why.
type tlsFiles struct {
	o   *ClientOptions
	log *slog.Logger
	mu  sync.Mutex
	// last is the last good one, and said what was wrong since; both guarded by mu.
	last *tls.Config
	said string
}

// newTLS gives what the transport asks for each connection, nil for plain TCP. What is wrong at first is an error, and later a
// warning in the log.
func (o *ClientOptions) newTLS(log *slog.Logger) (func() (*tls.Config, error), error) {
	if o.TLS == "" || o.TLS == "disabled" {
		return nil, nil
	}
	if o.ShareConnections { // what those do is no single client's to log
		log = slog.New(slog.DiscardHandler)
	}
	f := &tlsFiles{o: o, log: log}
	_, err := f.config()
	return f.config, err
}

func (f *tlsFiles) config() (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	cfg, err := f.o.tlsConfig()
	if err == nil {
		f.last, f.said = cfg, ""
		return cfg, nil
	}
	if f.last == nil {
		return nil, err
	}
	if e := fluvioerr.As(err); e.Message != f.said { // not for every connection of a cluster
		f.said = e.Message
		f.log.Warn(e.Message+"; those read before go on counting", "setting", e.Setting)
	}
	return f.last, nil
}

// tlsConfig reads certificates and key.
func (o *ClientOptions) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.TLSInsecure}
	if verify := o.TLSVerify; verify != nil {
		cfg.VerifyConnection = func(state tls.ConnectionState) error {
			if err := verify(state); err != nil {
				return fluvioerr.Wrap(fluvioerr.TLS, "", err).ForSetting("tls_verify").WithHint("the program's own check refuses this server")
			}
			return nil
		}
	}
	bad := func(setting, format string, args ...any) error {
		return fluvioerr.New(fluvioerr.TLS, "connect", setting+": "+format, args...).ForSetting(setting).
			WithHint("give the path of a PEM file, or the PEM text itself")
	}
	if o.TLSCA != "" {
		text, err := pemText(o.TLSCA)
		if err != nil {
			return nil, bad("tls_ca", "%s", readFailure(o.TLSCA, err, false))
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, bad("tls_ca", "it holds no certificate in PEM form")
		}
	}
	if o.TLSCertificate == "" {
		return cfg, nil
	}
	certificate, err := pemText(o.TLSCertificate)
	if err != nil {
		return nil, bad("tls_certificate", "%s", readFailure(o.TLSCertificate, err, false))
	}
	key, err := pemText(o.TLSKey)
	if err != nil {
		return nil, bad("tls_key", "%s", readFailure(o.TLSKey, err, true))
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, bad("tls_certificate", "certificate and key cannot be used: %v", err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	return cfg, nil
}

const pemStart = "-----BEGIN "

// pemText gives PEM text as it is, and otherwise reads the file of that name.
func pemText(pathOrText string) ([]byte, error) {
	if strings.Contains(pathOrText, pemStart) {
		return []byte(pathOrText), nil
	}
	return os.ReadFile(pathOrText)
}

// readFailure says why a file cannot be read. The name of one with a secret is not repeated: it may be the secret itself, pasted without
// its first line.
func readFailure(path string, err error, secret bool) string {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	if secret {
		return fmt.Sprintf("the file it names cannot be read: %v", err)
	}
	return fmt.Sprintf("file %q cannot be read: %v", path, err)
}
