package fluvio

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// profileFile is the official tools' configuration, as far as a client needs it (PROTOCOL-control section 5).
type profileFile struct {
	CurrentProfile string                    `toml:"current_profile"`
	Profile        map[string]profileEntry   `toml:"profile"`
	Cluster        map[string]profileCluster `toml:"cluster"`
}

type profileEntry struct {
	Cluster string `toml:"cluster"`
}

type profileCluster struct {
	Endpoint           string     `toml:"endpoint"`
	Addr               string     `toml:"addr"` // the old name of endpoint
	UseSPULocalAddress bool       `toml:"use_spu_local_address"`
	TLS                profileTLS `toml:"tls"`
}

type profileTLS struct {
	Policy string `toml:"tls_policy"`
	Certs  struct {
		Domain string `toml:"domain"`
		Key    string `toml:"key"`
		Cert   string `toml:"cert"`
		CACert string `toml:"ca_cert"`
	} `toml:"certs"`
}

// fromProfile fills endpoint and TLS from the profile file when no endpoint is given.
func (o *ClientOptions) fromProfile() error {
	if o.Endpoint != "" {
		return nil
	}
	path, err := profilePath(o.ProfilePath)
	if err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return fluvioerr.New(fluvioerr.NotFound, "connect", "profile file "+path+": "+format, args...).ForSetting("profile").
			WithHint("set endpoint to host:port of the SC, or create a profile with the official tools")
	}
	var file profileFile
	if _, err := toml.DecodeFile(path, &file); errors.Is(err, fs.ErrNotExist) {
		return bad("it does not exist, and no endpoint is given")
	} else if err != nil {
		return bad("it cannot be read: %v", err)
	}
	name := orDefault(o.Profile, file.CurrentProfile)
	if name == "" {
		return bad("no profile is current")
	}
	entry, ok := file.Profile[name]
	if !ok {
		return bad("it has no profile %q, only %s", name, names(file.Profile))
	}
	cluster, ok := file.Cluster[entry.Cluster]
	if !ok {
		return bad("profile %q names cluster %q, which it does not have", name, entry.Cluster)
	}
	o.Endpoint = orDefault(cluster.Endpoint, cluster.Addr)
	if o.Endpoint == "" {
		return bad("cluster %q has no endpoint", entry.Cluster)
	}
	o.UseSPULocalAddress = o.UseSPULocalAddress || cluster.UseSPULocalAddress
	if o.TLS != "" {
		return nil // Validate has checked it
	}
	if err := o.tlsFromProfile(&cluster.TLS, bad); err != nil {
		return err
	}
	var p problems
	if checkTLS(&p, o); len(p.list) == 0 {
		return nil
	}
	return fluvioerr.New(fluvioerr.InvalidArgument, "connect", "profile file %s: profile %q leads to tls=%s: %s", path, name, o.TLS, &p).
		ForSetting(p.list[0].setting).WithHint("correct the profile, or give tls and the settings named")
}

func (o *ClientOptions) tlsFromProfile(t *profileTLS, bad func(string, ...any) error) error {
	switch t.Policy {
	case "", "disabled", "disable":
		o.TLS = "disabled"
	case "anonymous":
		o.TLS = "anonymous"
	case "verified", "verify":
		o.TLS = "verified"
		o.TLSDomain = orDefault(o.TLSDomain, t.Certs.Domain)
		o.TLSCA = orDefault(o.TLSCA, t.Certs.CACert)
		o.TLSCertificate = orDefault(o.TLSCertificate, t.Certs.Cert)
		o.TLSKey = orDefault(o.TLSKey, t.Certs.Key)
	default:
		return bad("tls_policy %q is not disabled, anonymous or verified", t.Policy)
	}
	return nil
}

// profilePath is where the official tools look: the path given, $FLV_PROFILE_PATH, ~/.fluvio/config.
func profilePath(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if p := os.Getenv("FLV_PROFILE_PATH"); p != "" {
		return p, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fluvioerr.New(fluvioerr.NotFound, "connect", "there is no home directory to look for a profile in: %v", err).ForSetting("endpoint").
			WithHint("set endpoint to host:port of the SC")
	}
	return filepath.Join(home, ".fluvio", "config"), nil
}

func names(m map[string]profileEntry) string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	sort.Strings(list)
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// tlsConfig builds the TLS configuration, nil for plain TCP.
func (o *ClientOptions) tlsConfig() (*tls.Config, error) {
	if o.TLS == "" || o.TLS == "disabled" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	bad := func(setting string, err error) error {
		e := fluvioerr.Wrap(fluvioerr.TLS, "connect", err).ForSetting(setting)
		e.Message = setting + ": " + err.Error()
		return e
	}
	if o.TLS == "anonymous" {
		cfg.InsecureSkipVerify = true // the policy's meaning: encrypted, whoever answers
	} else if o.TLSCA != "" {
		pem, err := pemText(o.TLSCA)
		if err != nil {
			return nil, bad("tls_ca", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, bad("tls_ca", errors.New("it holds no certificate in PEM form"))
		}
	}
	if o.TLSCertificate != "" || o.TLSKey != "" {
		cert, err := pemText(o.TLSCertificate)
		if err != nil {
			return nil, bad("tls_certificate", err)
		}
		key, err := pemText(o.TLSKey)
		if err != nil {
			return nil, bad("tls_key", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, bad("tls_certificate and tls_key", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// pemText gives PEM text as it is, and otherwise reads the file of that name.
func pemText(pathOrText string) ([]byte, error) {
	if strings.Contains(pathOrText, "-----BEGIN ") {
		return []byte(pathOrText), nil
	}
	if pathOrText == "" {
		return nil, errors.New("it is missing: certificate and key go together")
	}
	return os.ReadFile(pathOrText)
}
