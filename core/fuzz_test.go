package fluvio

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Whatever is given as settings, through C too: options that Validate takes the measure of, or an error that says what is wrong in
// text that every language can show.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"endpoint": "h:1", "tls": "verified", "tls_domain": "d", "auth_scopes": "a,b"}`, `{"linger_ms": "5ms", "partition": 3, "compression": "zstd"}`,
		`{"topics": ["a", "^b.*"], "start": "end-5", "stop_at": "time:2024-05-01T12:00:00Z", "smartmodules": [{"name": "m", "params": {"k": "v"}}]}`,
		`{"partitions": 3, "retention_seconds": "7d", "segment_size": "1GiB"}`, `{"tls_key": ["secret-key"], "client_key": ["secret-key"]}`, `{"kind": "home", "tls": {"key": ["secret-key"]}}`, `[1`, `{"start": {"a": [null]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, js []byte) {
		check := func(err error) {
			if err == nil {
				return
			}
			require.NotNil(t, fluvioerr.As(err), "%v", err)
			if utf8.Valid(js) {
				require.True(t, utf8.ValidString(err.Error()), "%q", err)
			}
			require.NotContains(t, err.Error(), "secret-key")
		}
		client, err := ParseClientOptions(js)
		check(err)
		check(client.Validate())
		_ = client.String()
		producer, err := ParseProducerOptions(js)
		check(err)
		check(producer.Validate())
		consumer, err := ParseConsumerOptions(js)
		check(err)
		check(consumer.Validate())
		_, err = ParseTopicSpec(js)
		check(err)
		_, err = ParseMirrorSpec(js)
		check(err)
		_, err = ParseSmartModuleSpec(js)
		check(err)
		_, err = ParseTableFormatSpec(js)
		check(err)
		_, err = ParseCustomSPUSpec(js)
		check(err)
	})
}

// Whatever a profile file holds: an endpoint, or an error that names the file and none of its content.
func FuzzProfile(f *testing.F) {
	f.Add("current_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"127.0.0.1:1\"\n[cluster.c.tls]\ntls_policy = \"verified\"\n" +
		"[cluster.c.tls.certs]\ndomain = \"d\"\ncert = \"c\"\nca_cert = \"a\"\nkey = \"secret-key\"\n")
	f.Add("[cluster.c.tls.certs]\nkey = secret-key")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		o := ClientOptions{ProfilePath: path}
		if err := o.fromProfile(); err != nil {
			require.NotNil(t, fluvioerr.As(err), "%v", err)
			require.ErrorContains(t, err, path)
			require.NotContains(t, err.Error(), "secret-key")
			return
		}
		require.NotEmpty(t, o.Endpoint)
	})
}
