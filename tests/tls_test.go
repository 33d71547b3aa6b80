package tests

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
)

type settings map[string]any

// tlsCase is a cluster, what a client is set to, and what the C program then says.
type tlsCase struct {
	name    string
	cluster devcluster.Options
	client  string
	change  func(settings)
	says    string
	judge   []string
}

// tlsCases are the good and bad set-ups; foreign is what another cluster, with a CA of its own, gives its clients.
func tlsCases(foreign devcluster.Credentials) []tlsCase {
	readers := &devcluster.Policy{
		Scopes: map[string][]string{"root": {"Root"}, "guest": {"Guest"}},
		Roles:  map[string]map[string][]string{"Root": {"Topic": {"All"}}, "Guest": {"Topic": {"Read"}}},
	}
	return []tlsCase{
		{"mutual", devcluster.Options{MTLS: true}, "", nil, `^OK\n$`, nil},
		{"insecure", devcluster.Options{TLS: true, TLSFault: "self-signed"}, "", func(s settings) {
			clear(s)
			s["tls"], s["tls_insecure"] = "anonymous", true
		}, `^OK\n$`, nil},
		{"expired", devcluster.Options{TLS: true, TLSFault: "expired"}, "", nil, `^FLUVIO_ERR_TLS .*the server's certificate expired on .*\[hint: renew`, nil},
		{"not yet valid", devcluster.Options{TLS: true, TLSFault: "not-yet-valid"}, "", nil, `^FLUVIO_ERR_TLS .*the server's certificate is valid from .*\[hint: .*clock`, nil},
		{"wrong CA", devcluster.Options{TLS: true}, "", func(s settings) { s["tls_ca"] = foreign.CA }, `^FLUVIO_ERR_TLS .*authority that tls_ca does not hold`, nil},
		{"wrong host", devcluster.Options{TLS: true, TLSFault: "wrong-host"}, "", nil, `^FLUVIO_ERR_TLS .*is for elsewhere.example, not for "fluvio.local"`, nil},
		{"self-signed", devcluster.Options{TLS: true, TLSFault: "self-signed"}, "", nil, `^FLUVIO_ERR_TLS .*signed itself`, nil},
		{"TLS 1.1", devcluster.Options{TLS: true, TLSFault: "tls-1.1"}, "", nil, `^FLUVIO_ERR_TLS .*no TLS 1.2 or newer`, nil},
		{"truncated", devcluster.Options{TLS: true, TLSFault: "truncated"}, "", nil, `^FLUVIO_ERR_CONNECTION .*closed the connection in the TLS handshake`, nil},
		{"no certificate", devcluster.Options{MTLS: true}, "", func(s settings) { delete(s, "tls_certificate"); delete(s, "tls_key") }, `^FLUVIO_ERR_TLS .*demands a client certificate`, nil},
		{"certificate of another cluster", devcluster.Options{MTLS: true}, "", func(s settings) {
			s["tls_certificate"], s["tls_key"] = foreign.Certificate, foreign.Key
		}, `^FLUVIO_ERR_TLS .*refuses the client certificate`, nil},
		{"TLS to plain", devcluster.Options{}, "", func(s settings) {
			s["tls"], s["tls_domain"], s["tls_ca"] = "verified", foreign.Domain, foreign.CA
		}, `^FLUVIO_ERR_CONNECTION .*closed the connection in the TLS handshake.*tls=disabled`, nil},
		{"plain to TLS", devcluster.Options{TLS: true}, "", func(s settings) { clear(s) }, `^FLUVIO_ERR_CONNECTION .*If it wants TLS, set tls`, nil},
		{"permission", devcluster.Options{MTLS: true, Authorize: readers}, "guest", nil, `^FLUVIO_ERR_PERMISSION .*permission denied`, nil},
		{"revoked scope", devcluster.Options{MTLS: true, Authorize: &devcluster.Policy{Scopes: map[string][]string{"guest": {}}}}, "guest", nil, `^FLUVIO_ERR_PERMISSION .*permission denied`, nil},
		{"introduced", devcluster.Options{Authorize: readers}, "", func(s settings) { s["auth_principal"], s["auth_scopes"] = "me", []string{"Root"} }, `^OK\n$`, nil},
		{"introduced badly", devcluster.Options{Authorize: readers}, "", func(s settings) { s["auth_principal"] = "me" }, `^FLUVIO_ERR_PERMISSION `, nil},
		{"judged", devcluster.Options{MTLS: true}, "", nil, `^OK\nasked \d: fluvio\.local.* custom-spu-5001\.fluvio\.local.*\n$`, []string{""}},
		{"refused", devcluster.Options{TLS: true}, "", nil, `^FLUVIO_ERR_TLS .*not on my list.*refuses this server.*\nasked 1: fluvio.local\n$`, []string{"not on my list"}},
		{"refused without a word", devcluster.Options{TLS: true}, "", nil, `^FLUVIO_ERR_TLS .*tls_verify refused the server`, []string{"none"}},
		{"refused with many words", devcluster.Options{TLS: true}, "", nil, `^FLUVIO_ERR_TLS .*x{511}[^x]`, []string{"too long"}},
		{"the judge ends its thread", devcluster.Options{TLS: true}, "", nil, `^FLUVIO_ERR_TLS .*tls_verify refused the server`, []string{"end the thread"}},
		{"nobody else to judge", devcluster.Options{TLS: true, TLSFault: "self-signed"}, "", func(s settings) {
			clear(s)
			s["tls"], s["tls_insecure"] = "anonymous", true
		}, `^FLUVIO_ERR_TLS .*mine alone`, []string{"mine alone"}},
		{"others refuse first", devcluster.Options{TLS: true, TLSFault: "expired"}, "", nil, `^FLUVIO_ERR_TLS .*expired on(.|\n)*\nasked 0:\n$`, []string{""}},
	}
}

// TestCTLS connects a C program to good and bad clusters with TLS, and holds what it says against what is wrong.
func TestCTLS(t *testing.T) {
	need(t, "gcc")
	dir := builtLibrary(t)
	testTLS(t, dir, compile(t, "c/tls.c", dir, "gcc", "-std=c99", "-x", "c"))
}

// testTLS runs the command, with the library in dir, for all cases.
func testTLS(t *testing.T, dir string, command ...string) {
	other, err := devcluster.Start(t.Context(), devcluster.Options{TLS: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	foreign, _ := other.Credentials("")
	for _, c := range tlsCases(foreign) {
		t.Run(c.name, func(t *testing.T) {
			cluster, s := startTLS(t, c.cluster, c.client)
			if c.change != nil {
				c.change(s)
			}
			s["endpoint"] = cluster.Endpoint()
			require.Regexp(t, c.says, runTLS(t, dir, s, command, c.judge...))
		})
	}
	t.Run("system roots", func(t *testing.T) { // a process reads those once, so it takes a new one
		cluster, s := startTLS(t, devcluster.Options{MTLS: true}, "")
		trusts := append([]string{"env", "SSL_CERT_FILE=" + s["tls_ca"].(string)}, command...)
		delete(s, "tls_ca")
		s["endpoint"] = cluster.Endpoint()
		require.Equal(t, "OK\n", runTLS(t, dir, s, trusts))
	})
}

// startTLS starts a cluster and gives what it wants a client to be set to, nothing if it has no TLS.
func startTLS(t *testing.T, o devcluster.Options, client string) (*devcluster.Cluster, settings) {
	t.Helper()
	cluster, err := devcluster.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	if k, ok := cluster.Credentials(client); ok {
		return cluster, settings{"tls": "verified", "tls_domain": k.Domain, "tls_ca": k.CA, "tls_certificate": k.Certificate, "tls_key": k.Key}
	}
	return cluster, settings{}
}

// runTLS runs the command with settings, and gives what it says.
func runTLS(t *testing.T, dir string, s settings, command []string, judge ...string) string {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), command[0], slices.Concat(command[1:], []string{string(text), "t"}, judge)...)
	cmd.Env = append(cmd.Environ(), "LD_LIBRARY_PATH="+dir)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", out, &complaints)
	return string(out)
}
