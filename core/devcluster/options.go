package devcluster

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Options says what cluster to start. The zero value is one SPU on free loopback ports, in memory.
type Options struct {
	// SPUs is the number of SPUs, 1 when 0. Their ids are 5001, 5002, …
	SPUs int
	// Listen is the SC's host:port, "127.0.0.1:0" when empty; a host alone means a free port. SPUs listen on the same host.
	Listen string
	// SPUPorts are the ports of the SPUs in the order of their ids; those not given, or 0, are free ones.
	SPUPorts []int
	// Control is the host:port of the HTTP control port, "127.0.0.1:0" when empty. It must be a loopback address: who
	// reaches it may do anything to the cluster.
	Control string
	// DataDir keeps topics and records in a folder, from which the next start takes them again. Empty means memory.
	DataDir string
	// Logger gets what happens; nil means silence.
	Logger *slog.Logger
	// MaxBatchBytes is the largest batch an SPU accepts, 32 MiB when 0.
	MaxBatchBytes int
	// MaxFrameBytes is the largest request a server reads before it hangs up, 256 MiB when 0. Real servers have no limit.
	MaxFrameBytes int
	// TopicWait is how long creating a topic waits for its partitions to be online, 90 s when 0.
	TopicWait time.Duration
	// CreateDelay is how much later than the watches the answer to creating a topic comes. On a real SC it is about 300 ms,
	// and official clients that write at once rely on it: they find the topic in what they have watched. 0 for tests.
	CreateDelay time.Duration
	// CommitOnline makes the high watermark wait for the replicas whose SPU is online only. Otherwise it waits for every
	// replica, also those that are down, as was measured on a real cluster: read_committed writes then time out until the
	// SPU is back.
	CommitOnline bool
	// CommitAll asks for the default, every replica, by its name.
	CommitAll bool
	// SmartModuleTime is how long a SmartModule may take for the records of a batch, 10 s when 0: one that does not return by then
	// is stopped, and its stream or request fails. A real SPU would wait for ever.
	SmartModuleTime time.Duration
	// SmartModuleMemory is the most memory that a SmartModule may have in one stream or request, in bytes, 1 GiB when 0.
	SmartModuleMemory int64
	// PlatformVersion is the release to behave like, from 0.10.9 on: a version as "0.17.1", a line of releases as "0.17",
	// or "HEAD", which is meant when it is empty.
	PlatformVersion string
	// TLS encrypts what clients say to SC and SPUs, with certificates of a CA that is new with every start; Credentials tells
	// clients what they need. The control port stays plain.
	TLS bool
	// MTLS is TLS with clients that must show a certificate of that CA.
	MTLS bool
	// CertDir is the folder the certificates are written to: ca.crt, server.crt, server.key, and <name>.crt and <name>.key of
	// each client. Empty: one of the system's for temporary files, which goes with the cluster.
	CertDir string
	// TLSFault makes the servers' TLS bad, to see what clients do: expired, not-yet-valid, wrong-host or self-signed certificate, tls-1.1
	// (no newer version) or truncated (hangs up in the handshake). Empty: good.
	TLSFault string
	// Authorize says who may do what at the SC. nil: everybody everything. It goes by client certificates, so it needs MTLS; without
	// TLS at all, clients must introduce themselves, as at a real SC, which believes whatever they say.
	Authorize *Policy
	// Now is the clock for retention by time and for when consumer offsets were stored; nil means time.Now.
	Now func() time.Time
	// CleanInterval is how often retention is applied, 10 s when 0.
	CleanInterval time.Duration
	// SnapshotInterval is how often the SC sends a full snapshot to every watch, 300 s when 0.
	SnapshotInterval time.Duration
	// SystemTopicInterval is how often the SC looks whether the topic of consumer offsets is there, and makes it again when a
	// client has deleted it, 1 s when 0. A real SC looks after a second, then less and less often, up to every two minutes.
	SystemTopicInterval time.Duration
}

const (
	firstSPU         = 5001
	mostOwnSPUs      = 100
	defaultMaxBatch  = 32 << 20
	defaultMaxFrame  = 256 << 20
	defaultTopicWait = 90 * time.Second
	defaultClean     = 10 * time.Second
	defaultSnapshot  = 300 * time.Second
	defaultSystem    = time.Second
	defaultRun       = 10 * time.Second
	defaultRunMemory = 1 << 30
	statusInterval   = 400 * time.Millisecond
)

// withDefaults fills in what was left out and reports every setting that is wrong.
func (o Options) withDefaults() (Options, error) {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if o.SPUs == 0 {
		o.SPUs = 1
	}
	if o.SPUs < 0 || o.SPUs > mostOwnSPUs {
		complain("spus is %d, accepted are 1 to %d", o.SPUs, mostOwnSPUs)
	}
	var err error
	if o.Listen, err = hostPort(o.Listen); err != nil {
		complain("listen %q is not host:port: %v", o.Listen, err)
	}
	if o.Control, err = hostPort(o.Control); err != nil {
		complain("control %q is not host:port: %v", o.Control, err)
	} else if host, _, _ := net.SplitHostPort(o.Control); !isLoopback(host) {
		complain("control %q is not a loopback address", o.Control)
	}
	if len(o.SPUPorts) > max(o.SPUs, 0) {
		complain("%d SPU ports are given for %d SPUs", len(o.SPUPorts), o.SPUs)
	}
	for _, p := range o.SPUPorts {
		if p < 0 || p > 65535 {
			complain("SPU port %d is outside 0 to 65535", p)
		}
	}
	if o.MaxBatchBytes == 0 {
		o.MaxBatchBytes = defaultMaxBatch
	}
	if o.MaxFrameBytes == 0 {
		o.MaxFrameBytes = defaultMaxFrame
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&o.TopicWait, defaultTopicWait}, {&o.CleanInterval, defaultClean}, {&o.SnapshotInterval, defaultSnapshot},
		{&o.SystemTopicInterval, defaultSystem}, {&o.SmartModuleTime, defaultRun}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if o.SmartModuleMemory == 0 {
		o.SmartModuleMemory = defaultRunMemory
	}
	if min(o.SmartModuleTime, time.Duration(o.SmartModuleMemory)) < 0 {
		complain("smartmodule_time and smartmodule_memory must not be negative")
	}
	if min(o.MaxBatchBytes, o.MaxFrameBytes) < 0 || min(o.TopicWait, o.CreateDelay, o.CleanInterval, o.SnapshotInterval, o.SystemTopicInterval) < 0 {
		complain("max_batch_bytes, max_frame_bytes, topic_wait, create_delay, clean_interval, snapshot_interval and system_topic_interval must not be negative")
	}
	if o.CommitAll && o.CommitOnline {
		complain("commit_all and commit_online exclude each other")
	}
	o.checkTLS(complain)
	if o.PlatformVersion == "" {
		o.PlatformVersion = wire.HeadPlatform
	}
	if _, err := wire.ResolvePlatform(o.PlatformVersion); err != nil {
		complain("platform_version: %v", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(wrong) > 0 {
		return o, fluvioerr.New(fluvioerr.InvalidArgument, "start dev cluster", "%s", strings.Join(wrong, "; "))
	}
	return o, nil
}

// checkTLS holds the settings of TLS and authorization against each other.
func (o *Options) checkTLS(complain func(string, ...any)) {
	if o.TLSFault != "" && !slices.Contains(tlsFaults, o.TLSFault) {
		complain("tls_fault %q is none of %s", o.TLSFault, strings.Join(tlsFaults, ", "))
	}
	o.TLS = o.TLS || o.MTLS
	if !o.TLS && (o.CertDir != "" || o.TLSFault != "") {
		complain("cert_dir and tls_fault need tls or mtls")
	}
	if o.Authorize == nil {
		return
	}
	if o.TLS && !o.MTLS {
		complain("authorize with tls needs mtls: it goes by client certificates")
	}
	o.Authorize.check(complain)
}

// hostPort completes an address: a missing host is loopback, a missing port a free one.
func hostPort(s string) (string, error) {
	if s == "" {
		return "127.0.0.1:0", nil
	}
	if !strings.Contains(s, ":") {
		s += ":0"
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return s, err
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return s, err
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
