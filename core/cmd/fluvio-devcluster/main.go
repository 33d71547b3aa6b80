// Command fluvio-devcluster runs a Fluvio cluster for development and tests on loopback. Its first line on standard
// output says where it listens:
//
//	{"ready":true,"sc":"127.0.0.1:PORT","spus":["127.0.0.1:PORT"],"control":"http://127.0.0.1:PORT"}
//
// With --tls and --mtls it also has "tls": the settings that a client needs, by their names.
//
// It stops on SIGTERM and SIGINT, with --stdin-lifeline when its standard input ends, and with --exit-with-parent when the
// process that started it is gone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// settings is what the command line says.
type settings struct {
	options        devcluster.Options
	stdinLifeline  bool
	exitWithParent bool
}

// parse reads the command line. The second result is the exit code when there is nothing to run.
func parse(args []string, stderr io.Writer) (settings, int, bool) {
	var s settings
	var ports, level, policy string
	f := flag.NewFlagSet("fluvio-devcluster", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&s.options.SPUs, "spus", 1, "number of SPUs")
	f.StringVar(&s.options.Listen, "listen", "127.0.0.1:0", "host:port of the SC; port 0 is a free one")
	f.StringVar(&ports, "spu-ports", "", "ports of the SPUs, separated by commas; free ones when left out")
	f.StringVar(&s.options.Control, "control", "127.0.0.1:0", "host:port of the HTTP control port, loopback only")
	f.StringVar(&s.options.DataDir, "data-dir", "", "folder to keep topics and records in; in memory when empty")
	f.IntVar(&s.options.MaxBatchBytes, "max-batch-bytes", 0, "largest batch accepted, in bytes; 0 is 32 MiB")
	f.DurationVar(&s.options.CreateDelay, "create-delay", 100*time.Millisecond, "how much later than the watches the answer to creating a topic comes; official clients rely on some delay")
	f.DurationVar(&s.options.TopicWait, "topic-wait", 0, "how long creating a topic waits for its partitions; 0 is 90s")
	f.BoolVar(&s.options.CommitAll, "commit-all", false, "the high watermark waits for every replica, also those that are down; the default")
	f.BoolVar(&s.options.CommitOnline, "commit-online", false, "the high watermark waits for the replicas that are online only")
	f.StringVar(&s.options.PlatformVersion, "platform-version", "", "release to behave like: a version as 0.17.1, a line as 0.17, or HEAD, the default")
	f.BoolVar(&s.options.TLS, "tls", false, "encrypt; the ready line then has the settings that clients need")
	f.BoolVar(&s.options.MTLS, "mtls", false, "encrypt, and demand certificates of clients")
	f.StringVar(&s.options.CertDir, "cert-dir", "", "folder for the certificates, which are new with every start; a temporary one when empty")
	f.StringVar(&s.options.TLSFault, "tls-fault", "", "bad TLS on purpose: expired, not-yet-valid, wrong-host, self-signed, tls-1.1 or truncated")
	f.StringVar(&policy, "authorize", "", "who may do what at the SC, a file or JSON: {\"scopes\": {\"root\": [\"Root\"]}, \"policy\": {\"Root\": {\"Topic\": [\"All\"]}}}; needs --mtls, or clients that introduce themselves")
	f.DurationVar(&s.options.CleanInterval, "clean-interval", 0, "how often retention is applied; 0 is 10s")
	f.DurationVar(&s.options.SnapshotInterval, "snapshot-interval", 0, "how often watches get a full snapshot; 0 is 300s")
	f.DurationVar(&s.options.SmartModuleTime, "smartmodule-time", 0, "how long a SmartModule may take for the records of a batch before it is stopped; 0 is 10s")
	f.Int64Var(&s.options.SmartModuleMemory, "smartmodule-memory", 0, "most memory of a SmartModule in one stream or request, in bytes; 0 is 1 GiB")
	f.StringVar(&level, "log-level", "warn", "debug, info, warn, error or off; logs go to standard error")
	f.BoolVar(&s.stdinLifeline, "stdin-lifeline", false, "stop when standard input ends")
	f.BoolVar(&s.exitWithParent, "exit-with-parent", false, "stop when the parent process is gone")
	usage := func(format string, a ...any) (settings, int, bool) {
		fmt.Fprintf(stderr, "fluvio-devcluster: "+format+"; see --help\n", a...)
		return s, exitUsage, false
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "fluvio-devcluster: a Fluvio cluster for development and tests")
			f.SetOutput(stderr)
			f.PrintDefaults()
			return s, exitOK, false
		}
		return usage("%v", err)
	}
	if f.NArg() > 0 {
		return usage("unexpected argument %q", f.Arg(0))
	}
	if s.options.SPUs < 1 {
		return usage("--spus is %d, at least 1 is needed", s.options.SPUs)
	}
	for _, p := range strings.FieldsFunc(ports, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(p)
		if err != nil {
			return usage("--spu-ports: %q is not a port", p)
		}
		s.options.SPUPorts = append(s.options.SPUPorts, n)
	}
	if policy != "" {
		var err error
		if s.options.Authorize, err = readPolicy(policy); err != nil {
			return usage("--authorize: %v", err)
		}
	}
	if level != "off" {
		var l slog.Level
		if err := l.UnmarshalText([]byte(level)); err != nil {
			return usage("--log-level %q is none of debug, info, warn, error, off", level)
		}
		s.options.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: l}))
	}
	return s, exitOK, true
}

// ready is the first line on standard output; the order of its fields is part of the contract.
type ready struct {
	Ready   bool         `json:"ready"`
	SC      string       `json:"sc"`
	SPUs    []string     `json:"spus"`
	Control string       `json:"control"`
	TLS     *settingsTLS `json:"tls,omitempty"`
}

// settingsTLS are the settings of a client of a cluster with TLS, in their own names.
type settingsTLS struct {
	TLS         string `json:"tls"`
	Domain      string `json:"tls_domain"`
	CA          string `json:"tls_ca"`
	Certificate string `json:"tls_certificate"`
	Key         string `json:"tls_key"`
}

// readyLine says where a cluster listens, and what its clients need.
func readyLine(cluster *devcluster.Cluster) ([]byte, error) {
	r := ready{Ready: true, SC: cluster.Endpoint(), SPUs: cluster.SPUEndpoints(), Control: cluster.ControlURL()}
	if c, ok := cluster.Credentials(""); ok {
		r.TLS = &settingsTLS{"verified", c.Domain, c.CA, c.Certificate, c.Key}
	}
	return json.Marshal(r)
}

// readPolicy takes JSON as it is, and otherwise reads the file of that name.
func readPolicy(text string) (*devcluster.Policy, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return devcluster.ParsePolicy([]byte(text))
	}
	content, err := os.ReadFile(text)
	if err != nil {
		return nil, err
	}
	return devcluster.ParsePolicy(content)
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, code, goOn := parse(args, stderr)
	if !goOn {
		return code
	}
	parent := os.Getppid() // it waits for the ready line at least; later it may be gone already
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	cluster, err := devcluster.Start(ctx, s.options)
	if err != nil {
		fmt.Fprintln(stderr, "fluvio-devcluster:", err)
		if fluvioerr.CodeOf(err) == fluvioerr.InvalidArgument {
			return exitUsage
		}
		return exitFailed
	}
	line, err := readyLine(cluster)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", line)
	}
	if err != nil {
		fmt.Fprintln(stderr, "fluvio-devcluster: the ready line could not be written:", err)
		_ = cluster.Close()
		return exitFailed
	}
	if s.stdinLifeline {
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			stop()
		}()
	}
	if s.exitWithParent {
		go watchParent(ctx, parent, stop)
	}
	<-ctx.Done()
	if err := cluster.Close(); err != nil {
		fmt.Fprintln(stderr, "fluvio-devcluster:", err)
		return exitFailed
	}
	return exitOK
}

// watchParent calls gone when the parent is another one than at the start. Linux' own signal for this is bound to the
// thread that started the process, which in Go and Node may end long before the process does.
func watchParent(ctx context.Context, parent int, gone func()) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if os.Getppid() != parent {
				gone()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
