package fluvio

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is legal and dangerous is warned of; a program can tell by the words.
func TestTLSWarnings(t *testing.T) {
	o := ClientOptions{Endpoint: "h:1", TLS: "anonymous", TLSInsecure: true}
	require.NoError(t, o.Validate())
	require.Len(t, o.tlsWarnings(), 1)
	require.Contains(t, o.tlsWarnings()[0], "whoever answers at h:1")
	o = ClientOptions{Endpoint: "h:1", TLS: "anonymous", TLSDomain: "d"}
	require.Empty(t, o.tlsWarnings())

	path := filepath.Join(t.TempDir(), "config")
	text := "current_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"127.0.0.1:1\"\n[cluster.c.tls]\ntls_policy = \"verified\"\n" +
		"[cluster.c.tls.certs]\ndomain = \"d\"\ncert = \"c\"\nca_cert = \"a\"\nkey = \"-----BEGIN PRIVATE KEY-----\"\n"
	for mode, warned := range map[os.FileMode]int{0o600: 0, 0o640: 1, 0o604: 1, 0o644: 1} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		o := ClientOptions{ProfilePath: path}
		require.NoError(t, o.fromProfile())
		require.Len(t, o.tlsWarnings(), warned, "%v", mode)
		require.NotContains(t, o.String(), "PRIVATE")
	}
	_, err := Connect(context.Background(), ClientOptions{ProfilePath: path})
	require.ErrorContains(t, err, "tls_ca: file \"a\" cannot be read")
}

func TestTLSSettingsTogether(t *testing.T) {
	with := func(change func(*ClientOptions)) string {
		o := ClientOptions{Endpoint: "h:1", TLS: "verified", TLSDomain: "d"}
		change(&o)
		if err := o.Validate(); err != nil {
			return err.Error()
		}
		return ""
	}
	for says, change := range map[string]func(*ClientOptions){
		"":                          func(o *ClientOptions) {},
		"tls_insecure: contradicts": func(o *ClientOptions) { o.TLSInsecure = true },
		"tls_certificate: and tls_key go together":   func(o *ClientOptions) { o.TLSKey = "k" },
		"tls_certificate: is not shown":              func(o *ClientOptions) { o.TLS, o.TLSCertificate = "anonymous", "c" },
		"tls_key: is not shown":                      func(o *ClientOptions) { o.TLS, o.TLSKey = "anonymous", "k" },
		"tls_ca: has no effect with tls_insecure":    func(o *ClientOptions) { o.TLS, o.TLSCA, o.TLSInsecure = "anonymous", "c", true },
		"tls_domain: is needed to verify the server": func(o *ClientOptions) { o.TLS, o.TLSDomain = "anonymous", "" },
		"tls_insecure: has no effect":                func(o *ClientOptions) { *o = ClientOptions{Endpoint: "h:1", TLSInsecure: true} },
		"auth_scopes: are those of auth_principal":   func(o *ClientOptions) { o.AuthScopes = []string{"x"} },
	} {
		if says == "" {
			require.Empty(t, with(change))
			continue
		}
		require.Contains(t, with(change), says)
	}
}
