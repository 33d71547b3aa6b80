package fluvio

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// writeProfile makes a profile file and gives its path.
func writeProfile(t *testing.T, tls string) string {
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte("current_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"127.0.0.1:1\"\n[cluster.c.tls]\n"+tls), 0o600))
	return path
}

// Settings that would have no effect, or leave no way to work, are refused instead of being taken silently.
func TestSettingsWithoutEffect(t *testing.T) {
	endpoint := ClientOptions{Endpoint: "127.0.0.1:1"}
	for setting, change := range map[string]func(*ClientOptions){
		"profile_path":    func(o *ClientOptions) { o.ProfilePath = "x" },
		"tls_domain":      func(o *ClientOptions) { o.TLSDomain = "x" },
		"tls_ca":          func(o *ClientOptions) { o.TLSCA = "x" },
		"tls_certificate": func(o *ClientOptions) { o.TLSCertificate = "x" },
		"tls_key":         func(o *ClientOptions) { o.TLSKey, o.TLS = "x", "disabled" },
	} {
		o := endpoint
		change(&o)
		err := o.Validate()
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.Equal(t, setting, fluvioerr.As(err).Setting)
	}
	require.Error(t, ClientOptions{TLS: "disabled", TLSCA: "x"}.Validate(), "whatever the profile says, TLS is off")
	require.NoError(t, ClientOptions{TLSCA: "x"}.Validate(), "the profile may switch TLS on")
	require.NoError(t, ClientOptions{Endpoint: "127.0.0.1:1", TLS: "verified", TLSDomain: "d", TLSCA: "x", TLSCertificate: "x", TLSKey: "x"}.Validate())

	for o, ok := range map[*ProducerOptions]bool{
		{Linger: 2 * time.Minute}:                                       false,
		{Linger: 2*time.Minute - time.Millisecond}:                      true,
		{Linger: time.Second, DeliveryTimeout: time.Second}:             false,
		{Linger: time.Second, DeliveryTimeout: 1001 * time.Millisecond}: true,
	} {
		err := o.Validate()
		if ok {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.Equal(t, "linger_ms", fluvioerr.As(err).Setting)
		require.ErrorContains(t, err, "delivery_timeout_ms")
	}
}

// What the profile says about TLS is checked together with the settings given, and the error names the file.
func TestSettingsOfProfilesAreChecked(t *testing.T) {
	for _, c := range []struct{ tls, setting string }{
		{"tls_policy = \"verified\"\n", "tls_domain"},
		{"tls_policy = \"disabled\"\n", "tls_ca"},
	} {
		path := writeProfile(t, c.tls)
		_, err := Connect(context.Background(), ClientOptions{ProfilePath: path, TLSCA: "ca.pem"})
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
		require.Equal(t, c.setting, fluvioerr.As(err).Setting)
		require.ErrorContains(t, err, path)
	}
	o := ClientOptions{ProfilePath: writeProfile(t, "tls_policy = \"verified\"\n"), TLSDomain: "d"}
	require.NoError(t, o.fromProfile(), "the domain may come from the settings")
	o = ClientOptions{ProfilePath: writeProfile(t, "tls_policy = \"verified\"\n[cluster.c.tls.certs]\ndomain = \"d\"\n")}
	require.NoError(t, o.fromProfile())
	require.Equal(t, "d", o.TLSDomain)
}

// What is wrong with one setting hides no other problem, and what follows from it is not said.
func TestContradictionsBesideOtherProblems(t *testing.T) {
	for js, want := range map[string]string{
		`{"lingerms": 1, "delivery_timeout_ms": 5, "linger_ms": 10}`: "lingerms: there is no such setting, did you mean linger_ms?; " +
			"linger_ms: 10 is not less than delivery_timeout_ms, 5: records would fail before they are sent",
		`{"batch_size": 1, "max_request_size": 2000000, "buffer_memory": 1000000}`: "batch_size: 1 is not between 256 and 33554432; " +
			"max_request_size: 2000000 is larger than buffer_memory, 1000000",
		`{"partition": "x", "linger_ms": -1}`: "linger_ms: -1 is not between 0 and 600000; partition: x is not a whole number",
	} {
		_, err := ParseProducerOptions([]byte(js))
		require.Equal(t, want, fluvioerr.As(err).Message)
	}
	_, err := ParseConsumerOptions([]byte(`{"topics": ["a", "a"], "group_member": 1, "group_size": "many", "isolation": "full", "offset_store": "memory"}`))
	require.Equal(t, `group_size: many is not a whole number; isolation: "full" is not one of read_uncommitted, read_committed; topics: "a" stands twice; `+
		`consumer_id: is needed with offset_store: offsets are stored under this name`, fluvioerr.As(err).Message)
	_, err = ParseClientOptions([]byte(`{"endpoint": "x:1", "profile": "p", "tls": 5, "retry_backoff_ms": 10, "retry_backoff_max_ms": 5}`))
	require.Equal(t, "tls: 5 is not text; profile: cannot be combined with endpoint; retry_backoff_ms: is larger than retry_backoff_max_ms", fluvioerr.As(err).Message)
	_, err = ParseTopicSpec([]byte(`{"partitions": 0, "max_partition_size": 2048}`))
	require.ErrorContains(t, err, "partitions: 0 is not between 1 and 100000; max_partition_size: 2048 is smaller")
}

// Settings inside settings are read and checked like all others, and problems name their place.
func TestNestedSettings(t *testing.T) {
	o, err := ParseConsumerOptions([]byte(`{"smartmodules": [
		{"name": "group/one@1.0.0", "kind": "filter", "params": {"text": "x", "number": 10, "flag": true}, "lookback": {"last": 5}},
		{"wasm": {"base64": "AGFzbQ=="}, "accumulator": "0", "lookback": {"last": 3, "age_ms": 3600000}},
		{"path": "m.wasm", "kind": "aggregate", "accumulator": {"base64": "AAE="}, "params": null}]}`))
	require.NoError(t, err)
	require.Equal(t, []SmartModule{
		{Name: "group/one@1.0.0", Kind: "filter", Params: map[string]string{"text": "x", "number": "10", "flag": "true"}, Lookback: Lookback{Last: 5}},
		{Wasm: []byte("\x00asm"), Accumulator: []byte("0"), Lookback: Lookback{Last: 3, Age: time.Hour}},
		{Path: "m.wasm", Kind: "aggregate", Accumulator: []byte{0, 1}},
	}, o.SmartModules)
	single, err := ParseProducerOptions([]byte(`{"smartmodules": {"name": "one"}}`))
	require.NoError(t, err)
	require.Equal(t, []SmartModule{{Name: "one"}}, single.SmartModules)

	for _, c := range []struct{ js, want string }{
		{`{"smartmodules": "one"}`, "smartmodules: one is not a list of objects"},
		{`{"smartmodules": ["one"]}`, "smartmodules[0]: one is not an object"},
		{`{"smartmodules": [{"name": "a"}, {"nmae": "b"}]}`, "smartmodules[1].nmae: there is no such setting, did you mean name?"},
		{`{"smartmodules": [{"kind": "join"}]}`, `smartmodules[0].kind: "join" is not one of generic, filter, map, array_map, filter_map, aggregate`},
		{`{"smartmodules": [{"params": ["a"]}]}`, "smartmodules[0].params: a list is not an object"},
		{`{"smartmodules": [{"params": {"a": {}}}]}`, "smartmodules[0].params: the value of a is not text"},
		{`{"smartmodules": [{"wasm": {"base64": "!"}}]}`, "smartmodules[0].wasm: it is not base64"},
		{`{"smartmodules": [{"wasm": 5}]}`, `smartmodules[0].wasm: it is neither text nor {"base64": "..."}`},
		{`{"smartmodules": [{"lookback": 5}]}`, "smartmodules[0].lookback: 5 is not an object"},
		{`{"smartmodules": [{"lookback": {"last": 0}}]}`, "smartmodules[0].lookback.last: 0 is not between 1 and 9223372036854775807"},
		{`{"smartmodules": [{"lookback": {"age_ms": -1}}]}`, "smartmodules[0].lookback.age_ms: -1 is not between 1 and"},
		{`{"partition": -1}`, "partition: -1 is not between 0 and 2147483647"},
	} {
		_, err := ParseProducerOptions([]byte(c.js))
		require.ErrorContains(t, err, c.want)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.Contains(t, c.want, fluvioerr.As(err).Setting+":")
	}
	two := int32(2)
	for _, c := range []struct {
		want string
		o    ProducerOptions
	}{
		{"smartmodules[0]: give one of name, path and wasm", ProducerOptions{SmartModules: []SmartModule{{}}}},
		{"smartmodules[1]: give one of name, path and wasm", ProducerOptions{SmartModules: []SmartModule{{Name: "a"}, {Name: "a", Path: "b"}}}},
		{"smartmodules[0].accumulator: is for aggregates, the kind is map", ProducerOptions{SmartModules: []SmartModule{{Name: "a", Kind: "map", Accumulator: []byte("0")}}}},
		{"smartmodules[0].kind: \"x\" is not one of", ProducerOptions{SmartModules: []SmartModule{{Name: "a", Kind: "x"}}}},
		{"smartmodules[0].lookback.age_ms: ", ProducerOptions{SmartModules: []SmartModule{{Name: "a", Lookback: Lookback{Age: time.Nanosecond}}}}},
		{"partition: is needed for the partitioner fixed", ProducerOptions{Partitioner: "fixed"}},
		{"partition: is for the partitioner fixed, not for sticky", ProducerOptions{Partitioner: "sticky", Partition: &two}},
		{"partitioner: cannot be combined with PartitionFunc", ProducerOptions{Partition: &two, PartitionFunc: func([]byte, []byte, *Partitions) int32 { return 0 }}},
		{`partitioner: "murmur" is not one of siphash, round_robin, sticky, fixed`, ProducerOptions{Partitioner: "murmur"}},
	} {
		err := c.o.Validate()
		require.ErrorContains(t, err, c.want)
		require.Contains(t, c.want, fluvioerr.As(err).Setting+":")
		if len(c.o.SmartModules) > 0 {
			require.ErrorContains(t, ConsumerOptions{Topics: []string{"t"}, SmartModules: c.o.SmartModules}.Validate(), c.want)
		}
	}
	require.NoError(t, ProducerOptions{Partition: &two}.Validate())
	require.NoError(t, ProducerOptions{Partition: &two, Partitioner: "fixed"}.Validate())
}
