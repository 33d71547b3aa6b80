package fluvio

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
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

// onlyKey finds a text in which the key is the secret, and nothing else is.
var onlyKey = regexp.MustCompile(`(?m)^\s*key\s*=\s*"?secret-key`)

// Whatever a profile file holds: an endpoint, or an error that names the file and does not give the key away.
func FuzzProfile(f *testing.F) {
	f.Add("current_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"127.0.0.1:1\"\n[cluster.c.tls]\ntls_policy = \"verified\"\n" +
		"[cluster.c.tls.certs]\ndomain = \"d\"\ncert = \"c\"\nca_cert = \"a\"\nkey = \"secret-key\"\n")
	f.Add("[cluster.c.tls.certs]\nkey = secret-key")
	f.Add("current_profile = \"secret-key\"") // the name of a profile is no secret
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		o := ClientOptions{ProfilePath: path}
		if err := o.fromProfile(); err != nil {
			require.NotNil(t, fluvioerr.As(err), "%v", err)
			require.ErrorContains(t, err, path)
			if onlyKey.MatchString(text) && strings.Count(text, "secret-key") == 1 {
				require.NotContains(t, err.Error(), "secret-key")
			}
			return
		}
		require.NotEmpty(t, o.Endpoint)
	})
}

// Whatever a transformation file holds: a chain of steps with names, or an error that names the file.
func FuzzTransforms(f *testing.F) {
	f.Add("transforms:\n  - uses: group/name@0.1.0\n    with:\n      needle: x\n      list: [1, {a: b}]\n    lookback:\n      last: 100\n      age: 1h 30m\n")
	f.Add(`{"transforms": [{"uses": "a", "lookback": {"last": 18446744073709551616, "age": null}}]}`)
	f.Add("transforms:\n  - &a\n    uses: m\n    with: &b {k: *b, l: *a}\n  - *a\n  - <<: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "transforms.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		chain, err := LoadTransforms(path)
		if err != nil {
			require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, path)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.NotEmpty(t, chain)
		for _, step := range chain {
			require.NotEmpty(t, step.Name)
			require.GreaterOrEqual(t, step.Lookback.Age, time.Duration(0))
		}
	})
}

// Whatever stands in a file of the offset store: an offset of that consumer, or an error that names the file; never an offset below 0.
func FuzzOffsetFile(f *testing.F) {
	folder := f.TempDir()
	require.NoError(f, fileStore(folder).Save(f.Context(), "c", []ConsumerOffset{{ConsumerID: "c", Topic: "t", Partition: 1, Offset: 7}}))
	var written string
	require.NoError(f, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			written = path
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(string(text))
		}
		return err
	}))
	require.NotEmpty(f, written)
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(written, []byte(text), 0o600))
		list, err := fileStore(folder).Load(t.Context(), "c")
		if err != nil {
			require.ErrorContains(t, err, written)
			return
		}
		for _, o := range list {
			require.Equal(t, "c", o.ConsumerID)
			require.GreaterOrEqual(t, o.Offset, int64(0))
			require.GreaterOrEqual(t, o.Partition, int32(0))
		}
	})
}
