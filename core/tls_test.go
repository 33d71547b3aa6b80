package fluvio_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// tlsCluster starts a cluster that ends with the test.
func tlsCluster(t testing.TB, o devcluster.Options) *devcluster.Cluster {
	t.Helper()
	cl, err := devcluster.Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cl.Close()) })
	return cl
}

// secure gives the options of a client that is known by a name.
func secure(t testing.TB, cl *devcluster.Cluster, name string) fluvio.ClientOptions {
	t.Helper()
	c, ok := cl.Credentials(name)
	require.True(t, ok, name)
	return fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), TLS: "verified", TLSDomain: c.Domain, TLSCA: c.CA, TLSCertificate: c.Certificate, TLSKey: c.Key,
	}
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// roundTrip creates a topic, writes, and reads it back through a new client of these options.
func roundTrip(t *testing.T, o fluvio.ClientOptions) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := fluvio.Connect(ctx, o)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close(ctx)) }()
	topic := fmt.Sprintf("t-%d", time.Now().UnixNano())
	require.NoError(t, client.Admin().CreateTopic(ctx, topic, fluvio.TopicSpec{Partitions: 2}))
	producer, err := client.Producer(ctx, topic, fluvio.ProducerOptions{})
	require.NoError(t, err)
	const records = 1000
	for i := range records {
		_, err := producer.Send(ctx, fluvio.Record{Value: []byte(strings.Repeat("x", i))})
		require.NoError(t, err)
	}
	require.NoError(t, producer.Flush(ctx))
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	size := 0
	for r, err := range consumer.Records(ctx) {
		require.NoError(t, err)
		size += len(r.Value)
	}
	require.Equal(t, records*(records-1)/2, size)
}

// Every way to give certificates works, to clusters that demand them of clients and to those that do not.
func TestTLSGoodSetups(t *testing.T) {
	for _, mutual := range []bool{false, true} {
		cl := tlsCluster(t, devcluster.Options{SPUs: 2, TLS: true, MTLS: mutual})
		files := secure(t, cl, "")
		roundTrip(t, files)
		inline := files
		inline.TLSCA, inline.TLSCertificate, inline.TLSKey = content(t, files.TLSCA), content(t, files.TLSCertificate), content(t, files.TLSKey)
		roundTrip(t, inline)
		mixed := files
		mixed.TLSKey = inline.TLSKey
		mixed.TLSVerify = func(state tls.ConnectionState) error {
			if state.Version != tls.VersionTLS13 || !strings.HasSuffix(state.ServerName, devcluster.Domain) {
				return fmt.Errorf("version %x, name %s", state.Version, state.ServerName)
			}
			return nil
		}
		roundTrip(t, mixed)
		if !mutual {
			roundTrip(t, fluvio.ClientOptions{Endpoint: cl.Endpoint(), TLS: "anonymous", TLSDomain: files.TLSDomain, TLSCA: files.TLSCA})
			roundTrip(t, fluvio.ClientOptions{Endpoint: cl.Endpoint(), TLS: "anonymous", TLSInsecure: true})
		}
	}
}

// Each SPU is asked for by its own name, as official clients do.
func TestTLSServerNames(t *testing.T) {
	cl := tlsCluster(t, devcluster.Options{SPUs: 2, TLS: true})
	names := make(chan string, 100)
	o := secure(t, cl, "")
	o.TLSVerify = func(state tls.ConnectionState) error { names <- state.ServerName; return nil }
	roundTrip(t, o)
	close(names)
	seen := map[string]bool{}
	for name := range names {
		seen[name] = true
	}
	require.Equal(t, map[string]bool{"fluvio.local": true, "custom-spu-5001.fluvio.local": true, "custom-spu-5002.fluvio.local": true}, seen)
}

// The forms of the official tools' profiles.
func TestTLSProfiles(t *testing.T) {
	cl := tlsCluster(t, devcluster.Options{MTLS: true})
	plain := tlsCluster(t, devcluster.Options{TLS: true})
	o := secure(t, cl, "")
	write := func(mode os.FileMode, endpoint, tls string) string {
		path := filepath.Join(t.TempDir(), "config")
		text := "version = \"2.0\"\ncurrent_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"" + endpoint + "\"\n[cluster.c.tls]\n" + tls
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	files := fmt.Sprintf("tls_source = \"files\"\n[cluster.c.tls.certs]\ndomain = %q\nkey = %q\ncert = %q\nca_cert = %q\n", o.TLSDomain, o.TLSKey, o.TLSCertificate, o.TLSCA)
	inline := fmt.Sprintf("tls_source = \"inline\"\n[cluster.c.tls.certs]\ndomain = %q\nkey = '''\n%s'''\ncert = '''\n%s'''\nca_cert = '''\n%s'''\n",
		o.TLSDomain, content(t, o.TLSKey), content(t, o.TLSCertificate), content(t, o.TLSCA))
	for _, path := range []string{
		write(0o600, cl.Endpoint(), "tls_policy = \"verified\"\n"+files),
		write(0o600, cl.Endpoint(), "tls_policy = \"verify\"\n"+strings.Replace(files, `"files"`, `"file"`, 1)),
		write(0o600, cl.Endpoint(), "tls_policy = \"verified\"\n"+inline),
		write(0o600, plain.Endpoint(), "tls_policy = \"anonymous\"\n"),
	} {
		roundTrip(t, fluvio.ClientOptions{ProfilePath: path})
	}
}

// An official cluster with TLS, when there is one: LIBFLUVIO_OFFICIAL_TLS names files with profiles that lead to it, as PATH does folders.
// A server that another CA has signed is refused.
func TestTLSOfficialCluster(t *testing.T) {
	profiles := filepath.SplitList(os.Getenv("LIBFLUVIO_OFFICIAL_TLS"))
	if len(profiles) == 0 {
		t.Skip("LIBFLUVIO_OFFICIAL_TLS names no profiles of an official cluster with TLS")
	}
	for _, path := range profiles {
		t.Run(filepath.Base(path), func(t *testing.T) {
			roundTrip(t, fluvio.ClientOptions{ProfilePath: path})
			other := secure(t, tlsCluster(t, devcluster.Options{TLS: true}), "")
			_, err := fluvio.Connect(t.Context(), fluvio.ClientOptions{ProfilePath: path, TLS: "verified", TLSDomain: other.TLSDomain, TLSCA: other.TLSCA})
			require.Equal(t, fluvioerr.TLS, fluvioerr.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, "tls_ca")
		})
	}
}

// refusal is a set-up that must not work.
type refusal struct {
	name    string
	cluster devcluster.Options
	change  func(t *testing.T, o *fluvio.ClientOptions)
	code    fluvioerr.Code
	says    string // part of the message
	hint    string // part of what to do
	setting string
}

var refusals = []refusal{
	{name: "expired", cluster: devcluster.Options{TLS: true, TLSFault: "expired"}, code: fluvioerr.TLS, says: "certificate expired on ", hint: "renew"},
	{name: "not yet valid", cluster: devcluster.Options{TLS: true, TLSFault: "not-yet-valid"}, code: fluvioerr.TLS, says: "is valid from ", hint: "clock"},
	{name: "wrong host", cluster: devcluster.Options{TLS: true, TLSFault: "wrong-host"}, code: fluvioerr.TLS,
		says: `certificate is for elsewhere.example, not for "fluvio.local"`, hint: "tls_domain", setting: "tls_domain"},
	{name: "self-signed", cluster: devcluster.Options{TLS: true, TLSFault: "self-signed"}, code: fluvioerr.TLS, says: "signed itself", hint: "tls_ca", setting: "tls_ca"},
	{name: "TLS 1.1 only", cluster: devcluster.Options{TLS: true, TLSFault: "tls-1.1"}, code: fluvioerr.TLS, says: "no TLS 1.2 or newer", hint: "enable"},
	{name: "truncated handshake", cluster: devcluster.Options{TLS: true, TLSFault: "truncated"}, code: fluvioerr.Connection, says: "closed the connection in the TLS handshake", hint: "tls=disabled"},
	{name: "wrong CA", cluster: devcluster.Options{TLS: true}, code: fluvioerr.TLS, says: "authority that tls_ca does not hold", hint: "tls_ca", setting: "tls_ca",
		change: func(t *testing.T, o *fluvio.ClientOptions) {
			o.TLSCA = secure(t, tlsCluster(t, devcluster.Options{TLS: true}), "").TLSCA
		}},
	{name: "system roots", cluster: devcluster.Options{TLS: true}, code: fluvioerr.TLS, says: "authority that tls_ca does not hold", hint: "the system's count", setting: "tls_ca",
		change: func(_ *testing.T, o *fluvio.ClientOptions) { o.TLSCA = "" }},
	{name: "wrong domain", cluster: devcluster.Options{TLS: true}, code: fluvioerr.TLS, says: `not for "other.local"`, hint: "tls_domain", setting: "tls_domain",
		change: func(_ *testing.T, o *fluvio.ClientOptions) { o.TLSDomain = "other.local" }},
	{name: "missing client certificate", cluster: devcluster.Options{MTLS: true}, code: fluvioerr.TLS, says: "demands a client certificate", hint: "tls_key", setting: "tls_certificate",
		change: func(_ *testing.T, o *fluvio.ClientOptions) { o.TLSCertificate, o.TLSKey = "", "" }},
	{name: "client certificate of another CA", cluster: devcluster.Options{MTLS: true}, code: fluvioerr.TLS, says: "refuses the client certificate", hint: "CA", setting: "tls_certificate",
		change: func(t *testing.T, o *fluvio.ClientOptions) {
			other := secure(t, tlsCluster(t, devcluster.Options{TLS: true}), "")
			o.TLSCertificate, o.TLSKey = other.TLSCertificate, other.TLSKey
		}},
	{name: "own check", cluster: devcluster.Options{TLS: true}, code: fluvioerr.TLS, says: "not on my list", hint: "own check",
		change: func(_ *testing.T, o *fluvio.ClientOptions) {
			o.TLSVerify = func(tls.ConnectionState) error { return errors.New("not on my list") }
		}},
	{name: "plain to TLS", cluster: devcluster.Options{TLS: true}, code: fluvioerr.Connection, says: "closed the connection instead of an answer", hint: "set tls, tls_domain",
		change: func(_ *testing.T, o *fluvio.ClientOptions) { *o = fluvio.ClientOptions{Endpoint: o.Endpoint} }},
	{name: "TLS to plain", code: fluvioerr.Connection, says: "closed the connection in the TLS handshake", hint: "tls=disabled"},
	{name: "nobody introduced", cluster: devcluster.Options{Authorize: policy}, code: fluvioerr.Connection, says: "closed the connection instead of an answer", hint: "auth_principal",
		change: func(_ *testing.T, o *fluvio.ClientOptions) { *o = fluvio.ClientOptions{Endpoint: o.Endpoint} }},
	{name: "introduction unasked", code: fluvioerr.Connection, says: "instead of an answer to the introduction", hint: "leave auth_principal empty", setting: "auth_principal",
		change: func(_ *testing.T, o *fluvio.ClientOptions) {
			*o = fluvio.ClientOptions{Endpoint: o.Endpoint, AuthPrincipal: "root"}
		}},
}

// Each bad set-up fails within the connection timeout, and says what is wrong and what to do.
func TestTLSBadSetups(t *testing.T) {
	other := secure(t, tlsCluster(t, devcluster.Options{TLS: true}), "")
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			cl := tlsCluster(t, r.cluster)
			o := other
			if r.cluster.TLS || r.cluster.MTLS {
				o = secure(t, cl, "")
			}
			o.Endpoint, o.ConnectionTimeout = cl.Endpoint(), 20*time.Second
			if r.change != nil {
				r.change(t, &o)
			}
			ctx := testContext(t)
			_, err := fluvio.Connect(ctx, o)
			require.NoError(t, ctx.Err(), "the error came by its own deadline")
			e := fluvioerr.As(err)
			require.NotNil(t, e, "%v", err)
			require.Equal(t, r.code, e.Code, "%v", err)
			require.Contains(t, e.Message, r.says)
			require.Contains(t, e.HintText(), r.hint)
			require.Contains(t, err.Error(), cl.Endpoint())
			if r.setting != "" {
				require.Equal(t, r.setting, e.Setting)
			}
			require.Equal(t, r.code == fluvioerr.Connection, fluvioerr.Retriable(err))
			if o.TLSKey != "" {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, e, o), "PRIVATE KEY")
			}
		})
	}
}

// A server that takes the connection and says nothing holds nobody longer than the connection timeout.
func TestTLSToSilence(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, err = fluvio.Connect(context.Background(), fluvio.ClientOptions{Endpoint: ln.Addr().String(), TLS: "anonymous", TLSInsecure: true, ConnectionTimeout: 200 * time.Millisecond})
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "TLS handshake")
	require.ErrorContains(t, err, "does the server speak TLS")
}

var policy = &devcluster.Policy{
	Scopes: map[string][]string{"root": {"Root"}, "guest": {"Reader"}, "nobody": {}},
	Roles:  map[string]map[string][]string{"Root": {"Topic": {"All"}, "Spu": {"All"}}, "Reader": {"Topic": {"Read"}}},
}

// A right that is missing is an error of its own kind; everything else goes on. Where there is no TLS, the client introduces itself.
func TestPermissions(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	mutual := tlsCluster(t, devcluster.Options{MTLS: true, Authorize: policy})
	plain := tlsCluster(t, devcluster.Options{Authorize: policy})
	introduced := func(name string) fluvio.ClientOptions {
		return fluvio.ClientOptions{Endpoint: plain.Endpoint(), AuthPrincipal: name, AuthScopes: policy.Scopes[name]}
	}
	for i, as := range []func(string) fluvio.ClientOptions{func(n string) fluvio.ClientOptions { return secure(t, mutual, n) }, introduced} {
		roundTrip(t, as("root"))
		root, err := fluvio.Connect(ctx, as("root"))
		require.NoError(t, err)
		require.NoError(t, root.Admin().CreateTopic(ctx, "shared", fluvio.TopicSpec{}))
		for _, name := range []string{"guest", "nobody"} {
			client, err := fluvio.Connect(ctx, as(name))
			require.NoError(t, err)
			err = client.Admin().CreateTopic(ctx, "mine", fluvio.TopicSpec{})
			require.Equal(t, fluvioerr.Permission, fluvioerr.CodeOf(err), "%d %s: %v", i, name, err)
			require.False(t, fluvioerr.Retriable(err))
			require.ErrorContains(t, err, "mine")
			topics, err := client.Admin().Topics(ctx)
			require.NoError(t, err)
			require.Equal(t, name == "guest", len(topics) > 0)
			producer, err := client.Producer(ctx, "shared", fluvio.ProducerOptions{})
			require.NoError(t, err, "SPUs have no permissions")
			receipt, err := producer.Send(ctx, fluvio.Record{Value: []byte("v")})
			require.NoError(t, err)
			_, _, err = receipt.Wait(ctx)
			require.NoError(t, err)
			require.NoError(t, client.Close(ctx))
		}
		require.NoError(t, root.Close(ctx))
	}
}

// A certificate that is replaced counts from the next connection on; while there is only half of a new pair, the old one does.
func TestTLSReload(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cl := tlsCluster(t, devcluster.Options{MTLS: true, Authorize: policy})
	dir := t.TempDir()
	crt, key := filepath.Join(dir, "c.crt"), filepath.Join(dir, "c.key")
	put := func(name string, both bool) {
		from := secure(t, cl, name)
		require.NoError(t, os.WriteFile(crt, []byte(content(t, from.TLSCertificate)), 0o600))
		if both {
			require.NoError(t, os.WriteFile(key, []byte(content(t, from.TLSKey)), 0o600))
		}
	}
	put("guest", true)
	o := secure(t, cl, "guest")
	o.TLSCertificate, o.TLSKey = crt, key
	client, err := fluvio.Connect(ctx, o)
	require.NoError(t, err)
	defer client.Close(ctx)
	create := func(name string) fluvioerr.Code {
		// The client dials anew when the SC comes back.
		require.NoError(t, cl.StopSC())
		require.NoError(t, cl.StartSC())
		var err error
		for {
			if err = client.Admin().CreateTopic(ctx, name, fluvio.TopicSpec{}); !fluvioerr.Retriable(err) {
				return fluvioerr.CodeOf(err)
			}
			require.NoError(t, ctx.Err())
		}
	}
	require.Equal(t, fluvioerr.Permission, create("a"))
	put("root", false)
	require.Equal(t, fluvioerr.Permission, create("b"), "the old pair")
	put("root", true)
	require.Equal(t, fluvioerr.OK, create("c"), "the new pair")
}

// A scope that was taken away counts when the SC that knows of it is there, also for a client that runs; what is left is allowed.
func TestRevokedScope(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	options := devcluster.Options{MTLS: true, CertDir: t.TempDir(), Authorize: &devcluster.Policy{
		Scopes: map[string][]string{"guest": {"Reader", "Writer"}},
		Roles:  map[string]map[string][]string{"Reader": {"Topic": {"Read"}}, "Writer": {"Topic": {"Create"}}},
	}}
	before, err := devcluster.Start(ctx, options)
	require.NoError(t, err)
	client, err := fluvio.Connect(ctx, secure(t, before, "guest"))
	require.NoError(t, err)
	defer client.Close(ctx)
	require.NoError(t, client.Admin().CreateTopic(ctx, "a", fluvio.TopicSpec{}))
	require.NoError(t, before.Close())

	revoked := *options.Authorize
	revoked.Scopes = map[string][]string{"guest": {"Reader"}}
	options.Listen, options.Authorize = before.Endpoint(), &revoked
	tlsCluster(t, options)
	for err = client.Admin().CreateTopic(ctx, "b", fluvio.TopicSpec{}); fluvioerr.Retriable(err); {
		require.NoError(t, ctx.Err())
		err = client.Admin().CreateTopic(ctx, "b", fluvio.TopicSpec{})
	}
	require.Equal(t, fluvioerr.Permission, fluvioerr.CodeOf(err), "%v", err)
	_, err = client.Admin().Topics(ctx)
	require.NoError(t, err)
}

// A certificate that is replaced by something that cannot be used is warned of, once, and the one before goes on counting.
func TestTLSReloadFails(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cl := tlsCluster(t, devcluster.Options{MTLS: true})
	o := secure(t, cl, "")
	key := content(t, o.TLSKey)
	crt := filepath.Join(t.TempDir(), "c.crt")
	require.NoError(t, os.WriteFile(crt, []byte(content(t, o.TLSCertificate)), 0o600))
	o.TLSCertificate = crt
	var said lines
	o.Logger = slog.New(slog.NewTextHandler(&said, nil))
	client, err := fluvio.Connect(ctx, o)
	require.NoError(t, err)
	defer client.Close(ctx)
	require.NotContains(t, said.text(), "tls_certificate")
	require.NoError(t, os.WriteFile(crt, []byte("half a file"), 0o600))
	for range 2 {
		// The client dials anew when the SC comes back.
		require.NoError(t, cl.StopSC())
		require.NoError(t, cl.StartSC())
		for {
			if _, err = client.Admin().Topics(ctx); !fluvioerr.Retriable(err) {
				break
			}
			require.NoError(t, ctx.Err())
		}
		require.NoError(t, err)
	}
	require.Equal(t, 1, strings.Count(said.text(), "level=WARN msg=\"tls_certificate: certificate and key cannot be used"), said.text())
	require.Contains(t, said.text(), "those read before go on counting")
	require.NotContains(t, said.text(), strings.Split(key, "\n")[1][:12])
}

// A private key is in no error, whatever is wrong with the settings.
func TestKeysStaySecret(t *testing.T) {
	cl := tlsCluster(t, devcluster.Options{MTLS: true})
	good := secure(t, cl, "")
	key := content(t, good.TLSKey)
	body := strings.Split(key, "\n")[1]
	profile := func(text string) string {
		path := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(path, []byte("current_profile = \"p\"\n[profile.p]\ncluster = \"c\"\n[cluster.c]\nendpoint = \"127.0.0.1:1\"\n[cluster.c.tls]\ntls_policy = \"verified\"\n"+text), 0o644))
		return path
	}
	certs := "[cluster.c.tls.certs]\ndomain = \"d\"\ncert = \"x\"\nca_cert = \"y\"\n"
	var errs []error
	connect := func(change func(o *fluvio.ClientOptions)) {
		o := good
		change(&o)
		_, err := fluvio.Connect(context.Background(), o)
		errs = append(errs, err)
	}
	for _, text := range []string{key, body, key[28:], strings.ReplaceAll(key, "\n", ""), "\x00" + key, key[:90] + "!" + key[91:]} {
		connect(func(o *fluvio.ClientOptions) { o.TLSKey = text; o.TLSCertificate = "/nowhere" })
		connect(func(o *fluvio.ClientOptions) { o.TLSKey = text; o.TLSDomain = "" })
		connect(func(o *fluvio.ClientOptions) { o.TLSKey = text; o.TLS = "disabled" })
		connect(func(o *fluvio.ClientOptions) {
			o.TLSKey = text
			o.TLSCA = secure(t, tlsCluster(t, devcluster.Options{TLS: true}), "").TLSCA
		})
		for _, literal := range []string{"'''" + text + "'''", "\"" + text + "\"", "[\"" + body + "\"]", body} {
			_, err := fluvio.Connect(context.Background(), fluvio.ClientOptions{ProfilePath: profile(certs + "key = " + literal + "\n")})
			errs = append(errs, err)
		}
	}
	for _, text := range []string{body, body[:len(body)-1] + "/"} {
		connect(func(o *fluvio.ClientOptions) { o.TLSKey = text })
	}
	for _, js := range []string{`{"tls_key": ["` + body + `"]}`, `{"tls_key": {"pem": "` + body + `"}}`, `{"tls_key": "` + body + `"`} {
		_, err := fluvio.ParseClientOptions([]byte(js))
		errs = append(errs, err)
	}
	for i, err := range errs {
		require.Error(t, err, i)
		said := fmt.Sprintf("%v %+v", err, *fluvioerr.As(err))
		for at := 0; at+12 <= len(body); at += 4 {
			require.NotContains(t, said, body[at:at+12], i)
		}
	}
}
