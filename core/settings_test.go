package fluvio

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
	"github.com/libfluvio/libfluvio/core/internal/consume"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// pageDefaults reads the table of docs/configuration.md: for client, producer and consumer, the default of every setting.
func pageDefaults(t *testing.T) map[string]map[string]string {
	text, err := os.ReadFile("../docs/configuration.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| client | default | | producer | default | | consumer | default |\n")
	require.True(t, found, "docs/configuration.md has no table of settings")
	table, _, _ = strings.Cut(table, "\n\n")
	all := map[string]map[string]string{"client": {}, "producer": {}, "consumer": {}}
	for _, row := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(row, "|"), "|"), "|")
		require.Len(t, cells, 8, row)
		for i, kind := range []string{"client", "producer", "consumer"} {
			names, _, _ := strings.Cut(strings.TrimSpace(cells[3*i]), ":") // what follows are its values
			if names == "" {
				require.Empty(t, strings.TrimSpace(cells[3*i+1]), row)
				continue
			}
			for _, name := range strings.Split(names, ", ") {
				require.NotContains(t, all[kind], name, "it stands twice")
				all[kind][name] = strings.TrimSpace(cells[3*i+1])
			}
		}
	}
	return all
}

// asText writes the settings of an option struct as the page does.
func asText(options any) map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(options)
	for name, i := range settingFields(v.Type()) {
		switch value := v.Field(i).Interface().(type) {
		case time.Duration:
			out[name] = thousands(value.Milliseconds())
			if value%time.Millisecond != 0 {
				out[name] = value.String()
			}
		case int, int64, int32:
			n := v.Field(i).Int()
			switch {
			case n != 0 && n%(1<<20) == 0:
				out[name] = fmt.Sprint(n>>20, " MiB")
			case n != 0 && n%(1<<10) == 0:
				out[name] = fmt.Sprint(n>>10, " KiB")
			default:
				out[name] = thousands(n)
			}
		case []string, []int32:
			out[name] = strings.Trim(fmt.Sprint(value), "[]")
		case *int, *bool:
			out[name] = fmt.Sprint(v.Field(i).Elem())
		default:
			out[name] = fmt.Sprint(value)
		}
	}
	return out
}

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// replace puts words for the values that have no text of their own.
func replace(t *testing.T, got map[string]string, name, value, words string) {
	require.Equal(t, value, got[name], name)
	got[name] = words
}

// writeProfile makes a profile file and gives its path.
func writeProfile(t *testing.T, tls string) string {
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte("current_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"127.0.0.1:1\"\n[cluster.c.tls]\n"+tls), 0o600))
	return path
}

// The page and the code give the same settings the same defaults.
func TestSettingsDefaultsAreThePages(t *testing.T) {
	want := pageDefaults(t)

	t.Setenv("FLV_PROFILE_PATH", writeProfile(t, ""))
	var c ClientOptions
	require.NoError(t, c.fromProfile())
	c.defaults()
	got := asText(c)
	replace(t, got, "endpoint", "127.0.0.1:1", "current profile")
	replace(t, got, "profile", "", "current profile")
	replace(t, got, "profile_path", "", "current profile")
	replace(t, got, "handshake_timeout_ms", "5,000", "connection_timeout_ms")
	replace(t, got, "write_stall_timeout_ms", "30,000", "request_timeout_ms")
	require.Equal(t, want["client"], got)

	var p ProducerOptions
	free, err := topicCodec(wire.TopicCompressionAny, &p)
	require.NoError(t, err)
	require.Equal(t, compress.None, free)
	demanded, err := topicCodec(wire.TopicCompressionLz4, &p)
	require.NoError(t, err)
	require.Equal(t, compress.Lz4, demanded)
	p.defaults()
	got = asText(p)
	replace(t, got, "compression", "", "the topic's, else none")
	replace(t, got, "compression_level", "0", "the codec's")
	replace(t, got, "partition", "<nil>", "none")
	replace(t, got, "smartmodules", "[]", "none")
	require.Equal(t, want["producer"], got)

	var r ConsumerOptions
	r.defaults()
	require.Equal(t, consume.StrategyNone, strategies[r.OffsetStrategy])
	got = asText(r)
	replace(t, got, "partitions", "", "all, new ones too")
	replace(t, got, "max_bytes", "0", "prefetch_bytes over the partitions, 1 to 2 MiB")
	replace(t, got, "consumer_id", "", "none")
	replace(t, got, "smartmodules", "[]", "none")
	replace(t, got, "group_size", "0", "no group")
	replace(t, got, "max_retries", "0", "for ever")
	require.Equal(t, want["consumer"], got)
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

// Settings inside settings are read and checked like all others, and problems name their place.
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
