package fluvio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
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
		return fluvioerr.New(fluvioerr.NotFound, "connect", "profile file %s: %s", path, fmt.Sprintf(format, args...)).ForSetting("profile").
			WithHint("set endpoint to host:port of the SC, or create a profile with the official tools")
	}
	var file profileFile
	if _, err := toml.DecodeFile(path, &file); errors.Is(err, fs.ErrNotExist) {
		return bad("it does not exist, and no endpoint is given")
	} else if err != nil {
		return bad("it cannot be read: %s", unreadable(err))
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
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && strings.Contains(cluster.TLS.Certs.Key, pemStart) && info.Mode().Perm()&0o077 != 0 {
		o.exposed = path
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
		// The official clients accept any server then. Whoever also says whom to expect wants more.
		o.TLS, o.TLSInsecure = "anonymous", o.TLSInsecure || o.TLSDomain == "" && o.TLSCA == ""
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

// unreadable says why a profile file cannot be read, without repeating what it holds: that may be a private key.
func unreadable(err error) string {
	var syntax toml.ParseError
	var file *fs.PathError
	switch {
	case errors.As(err, &syntax):
		text := fmt.Sprintf("it is not TOML in line %d", syntax.Position.Line)
		if syntax.LastKey != "" {
			text += ", behind the key " + syntax.LastKey
		}
		return text
	case errors.As(err, &file):
		return file.Err.Error()
	}
	return "a value is of another type than the official tools write"
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
