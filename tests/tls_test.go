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

func tlsCases() []tlsCase {
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
		{"wrong host", devcluster.Options{TLS: true, TLSFault: "wrong-host"}, "", nil, `^FLUVIO_ERR_TLS .*is for elsewhere.example, not for "fluvio.local"`, nil},
		{"self-signed", devcluster.Options{TLS: true, TLSFault: "self-signed"}, "", nil, `^FLUVIO_ERR_TLS .*signed itself`, nil},
		{"TLS 1.1", devcluster.Options{TLS: true, TLSFault: "tls-1.1"}, "", nil, `^FLUVIO_ERR_TLS .*no TLS 1.2 or newer`, nil},
		{"truncated", devcluster.Options{TLS: true, TLSFault: "truncated"}, "", nil, `^FLUVIO_ERR_CONNECTION .*closed the connection in the TLS handshake`, nil},
		{"no certificate", devcluster.Options{MTLS: true}, "", func(s settings) { delete(s, "tls_certificate"); delete(s, "tls_key") }, `^FLUVIO_ERR_TLS .*demands a client certificate`, nil},
		{"plain to TLS", devcluster.Options{TLS: true}, "", func(s settings) { clear(s) }, `^FLUVIO_ERR_CONNECTION .*If it wants TLS, set tls`, nil},
		{"permission", devcluster.Options{MTLS: true, Authorize: readers}, "guest", nil, `^FLUVIO_ERR_PERMISSION .*permission denied`, nil},
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
	for _, c := range tlsCases() {
		t.Run(c.name, func(t *testing.T) {
			cluster, err := devcluster.Start(t.Context(), c.cluster)
			require.NoError(t, err)
			defer func() { require.NoError(t, cluster.Close()) }()
			s := settings{}
			if k, ok := cluster.Credentials(c.client); ok {
				s = settings{"tls": "verified", "tls_domain": k.Domain, "tls_ca": k.CA, "tls_certificate": k.Certificate, "tls_key": k.Key}
			}
			if c.change != nil {
				c.change(s)
			}
			s["endpoint"] = cluster.Endpoint()
			text, err := json.Marshal(s)
			require.NoError(t, err)
			arguments := slices.Concat(command[1:], []string{string(text), "t"}, c.judge)
			cmd := exec.CommandContext(t.Context(), command[0], arguments...)
			cmd.Env = append(cmd.Environ(), "LD_LIBRARY_PATH="+dir)
			var complaints strings.Builder
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			require.NoError(t, err, "%s\n%s", out, &complaints)
			require.Regexp(t, c.says, string(out))
		})
	}
}
