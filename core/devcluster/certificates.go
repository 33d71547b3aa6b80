package devcluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/secure"
)

// Domain is the name in the certificate of a cluster with TLS. SPUs are <name>.<domain>, for instance
// custom-spu-5001.fluvio.local, as official clients ask for them.
const Domain = "fluvio.local"

// DefaultClient is the name in the client certificate that every cluster with TLS makes.
const DefaultClient = "root"

// Credentials is what a client of a cluster with TLS needs. All but Domain are paths of PEM files.
type Credentials struct {
	Domain, CA, Certificate, Key string
}

// Faults that Options.TLSFault knows.
var tlsFaults = []string{"expired", "not-yet-valid", "wrong-host", "self-signed", "tls-1.1", "truncated"}

// authority is the cluster's own, which signs its server's certificate and those of clients, new with every start.
type authority struct {
	dir  string
	temp bool // dir goes with the cluster
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// newAuthority makes the folder, the CA and its file ca.crt.
func newAuthority(dir string) (*authority, error) {
	a := &authority{dir: dir, temp: dir == "", pool: x509.NewCertPool()}
	var err error
	if a.temp {
		a.dir, err = os.MkdirTemp("", "fluvio-devcluster-")
	} else if err = os.MkdirAll(dir, 0o700); err == nil {
		a.dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return a, err
	}
	t := template("libfluvio dev cluster CA")
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	pair, err := a.sign("ca", t)
	if err != nil {
		return a, err
	}
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a, nil
}

// template is a certificate that is valid for a month from an hour ago.
func template(commonName string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
	}
}

// sign makes a key and a certificate and writes both: <name>.crt and <name>.key. Without a CA yet they sign themselves. The CA's own
// key is not written: nobody shall sign with it but this process.
func (a *authority) sign(name string, t *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	for _, f := range []struct {
		end, kind string
		bytes     []byte
	}{{".crt", "CERTIFICATE", der}, {".key", "PRIVATE KEY", secret}} {
		if t.IsCA && f.end == ".key" {
			continue
		}
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.bytes})
		if err := os.WriteFile(filepath.Join(a.dir, name+f.end), text, 0o600); err != nil {
			return tls.Certificate{}, err
		}
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// server makes the servers' certificate, with what is wrong with it on purpose.
func (a *authority) server(fault string) (tls.Certificate, error) {
	t := template(Domain)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames = []string{Domain, "*." + Domain, "localhost"}
	t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	signer := a
	switch fault {
	case "expired":
		t.NotBefore, t.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	case "not-yet-valid":
		t.NotBefore = time.Now().Add(24 * time.Hour)
	case "wrong-host":
		t.DNSNames, t.IPAddresses = []string{"elsewhere.example"}, nil
	case "self-signed":
		signer = &authority{dir: a.dir}
	}
	return signer.sign("server", t)
}

// client makes a client's certificate, whose common name is what an authorization policy goes by.
func (a *authority) client(name string) error {
	t := template(name)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	_, err := a.sign(name, t)
	return err
}

// startTLS makes the certificates and the configuration of the servers.
func (cl *Cluster) startTLS() error {
	o := &cl.opts
	if !o.TLS {
		return nil
	}
	a, err := newAuthority(o.CertDir)
	cl.authority = a
	var server tls.Certificate
	if err == nil {
		server, err = a.server(o.TLSFault)
	}
	names := []string{DefaultClient}
	if o.Authorize != nil {
		for name := range o.Authorize.Scopes {
			names = append(names, name)
		}
	}
	for i := 0; i < len(names) && err == nil; i++ {
		err = a.client(names[i])
	}
	if err != nil {
		return fluvioerr.Wrap(fluvioerr.Internal, "start dev cluster: make certificates", err)
	}
	cl.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{server}}
	if o.MTLS {
		cl.tls.ClientAuth, cl.tls.ClientCAs = tls.RequireAndVerifyClientCert, a.pool
	}
	if o.TLSFault == "tls-1.1" {
		cl.tls.MinVersion, cl.tls.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	}
	return nil
}

// Credentials gives what a client needs that is to be known by a name: DefaultClient, which is meant when it is empty, or one of
// those in the scopes of Options.Authorize. ok is false without TLS, and for names without a certificate.
func (cl *Cluster) Credentials(client string) (c Credentials, ok bool) {
	if client == "" {
		client = DefaultClient
	}
	if cl.authority == nil {
		return c, false
	}
	if _, listed := cl.opts.Authorize.roles(client); !listed && client != DefaultClient {
		return c, false
	}
	path := func(name string) string { return filepath.Join(cl.authority.dir, name) }
	return Credentials{Domain: Domain, CA: path("ca.crt"), Certificate: path(client + ".crt"), Key: path(client + ".key")}, true
}

// removeCertificates takes away the folder that was made for the certificates.
func (cl *Cluster) removeCertificates() {
	if cl.authority != nil && cl.authority.temp && cl.authority.dir != "" {
		_ = os.RemoveAll(cl.authority.dir)
	}
}

// handshakeTimeout is how long a client may take for the TLS handshake.
const handshakeTimeout = 10 * time.Second

// secure does the TLS handshake of a new connection and learns who the client is.
func (c *conn) secure() error {
	cl := c.srv.cl
	if cl.tls == nil {
		return nil
	}
	if cl.opts.TLSFault == "truncated" {
		return c.truncateHandshake()
	}
	_ = c.nc.SetDeadline(time.Now().Add(handshakeTimeout))
	t := c.nc.(*secure.Conn)
	if err := t.Handshake(); err != nil {
		return err
	}
	_ = c.nc.SetDeadline(time.Time{})
	if chain := t.ConnectionState().PeerCertificates; len(chain) > 0 && cl.opts.Authorize != nil {
		principal := chain[0].Subject.CommonName
		roles, _ := cl.opts.Authorize.roles(principal)
		c.identity = &identity{principal, roles}
	}
	return nil
}

// truncateHandshake reads a client's hello and hangs up behind a few bytes of an answer.
func (c *conn) truncateHandshake() error {
	raw := c.nc.(*secure.Conn).NetConn()
	if _, err := io.ReadAtLeast(raw, make([]byte, 4096), 1); err != nil {
		return err
	}
	_, err := raw.Write([]byte{0x16, 3, 3, 0, 0x7a, 2, 0})
	if err == nil {
		err = errHangUp
	}
	return err
}

// validName says whether a client's name can be a file's.
func validName(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsAny(name, "/\\\x00") && !strings.HasPrefix(name, ".") && name != "ca" && name != "server"
}
