package devcluster

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
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
	// CommitAll makes the high watermark wait for every replica, also those whose SPU is down, as was measured on a real
	// cluster: read_committed writes then time out until the SPU is back. Otherwise it waits for the replicas online.
	CommitAll bool
}

const (
	firstSPU          = 5001
	defaultMaxBatch   = 32 << 20
	defaultMaxFrame   = 256 << 20
	defaultTopicWait  = 90 * time.Second
	statusInterval    = 400 * time.Millisecond
	scPlatformVersion = "0.18.2-dev-1"
)

// withDefaults fills in what was left out and reports every setting that is wrong.
func (o Options) withDefaults() (Options, error) {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if o.SPUs == 0 {
		o.SPUs = 1
	}
	if o.SPUs < 0 || o.SPUs > 100 {
		complain("spus is %d, accepted are 1 to 100", o.SPUs)
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
	if o.TopicWait == 0 {
		o.TopicWait = defaultTopicWait
	}
	if o.MaxBatchBytes < 0 || o.MaxFrameBytes < 0 || o.TopicWait < 0 {
		complain("max_batch_bytes, max_frame_bytes and topic_wait must not be negative")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if len(wrong) > 0 {
		return o, fluvioerr.New(fluvioerr.InvalidArgument, "start dev cluster", "%s", strings.Join(wrong, "; "))
	}
	return o, nil
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
