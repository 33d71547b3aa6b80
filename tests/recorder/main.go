// Command recorder stands between clients and a Fluvio cluster and writes down every message, one JSON object per line:
//
//	go run ./tests/recorder --sc 127.0.0.1:9003 --out session.jsonl
//
// Its first line on standard output says where clients find it instead of the SC:
//
//	{"ready":true,"sc":"127.0.0.1:PORT"}
//
// SPUs get ports of their own as the SC names them; with --reach told=real the recorder looks for an SPU elsewhere than
// the cluster says. It stops on SIGTERM and SIGINT, and then says on standard error how many messages there were.
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
	"strings"
	"syscall"

	"github.com/libfluvio/libfluvio/tests/replay"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// ready is the first line on standard output.
type ready struct {
	Ready bool   `json:"ready"`
	SC    string `json:"sc"`
}

func run(args []string, stdout, stderr io.Writer) int {
	o := replay.RecorderOptions{Reach: map[string]string{}, Logger: slog.New(slog.NewTextHandler(stderr, nil))}
	var file string
	f := flag.NewFlagSet("recorder", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.SC, "sc", "127.0.0.1:9003", "host:port of the cluster's SC")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "host:port to listen on; port 0 is a free one")
	f.StringVar(&file, "out", "", "file to write the recording to")
	f.Func("reach", "told=real: where to reach the SPU whose address the cluster tells as told; may be repeated", func(s string) error {
		told, real, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("it is not of the form host:port=host:port")
		}
		o.Reach[told] = real
		return nil
	})
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if f.NArg() > 0 || file == "" {
		fmt.Fprintln(stderr, "recorder: --out FILE is needed, and nothing but flags; see --help")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := record(ctx, o, file, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "recorder:", err)
		return exitFailed
	}
	return exitOK
}

// record records into file until ctx ends.
func record(ctx context.Context, o replay.RecorderOptions, file string, stdout, stderr io.Writer) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	o.Out = out
	r, err := replay.Record(o)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	line, err := json.Marshal(ready{true, r.Endpoint()})
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", line)
	}
	if err == nil {
		<-ctx.Done()
	}
	err = errors.Join(err, r.Close(), out.Close())
	fmt.Fprintf(stderr, "recorder: %d messages in %s\n", r.Frames(), file)
	return err
}
