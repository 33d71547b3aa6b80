// Command recorder stands between clients and a Fluvio cluster and writes down every message, one JSON object per line:
//
//	go run ./tests/recorder --sc 127.0.0.1:9003 --out session.jsonl
//
// or it plays the cluster's half of such a recording to a client, and compares what the client sends:
//
//	go run ./tests/recorder --play session.jsonl
//
// Its first line on standard output says where clients find it instead of the SC:
//
//	{"ready":true,"sc":"127.0.0.1:PORT"}
//
// It stops on SIGTERM and SIGINT, and then says on standard error what there was. When playing it stops by itself as soon as
// the client differs, shows both messages field by field, and exits with 1; requests that never came are a difference too.
//
// When recording, SPUs get ports of their own as the SC names them; with --reach told=real the recorder looks for an SPU
// elsewhere than the cluster says. When playing, the client may be another program than the recorded one: it may ask more or
// less often for versions, metadata and offsets, and share connections as it likes. With --same it may not.
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
	"time"

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
	var file, play string
	var same bool
	f := flag.NewFlagSet("recorder", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.SC, "sc", "127.0.0.1:9003", "host:port of the cluster's SC")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "host:port to listen on; port 0 is a free one")
	f.StringVar(&file, "out", "", "file to write the recording to")
	f.StringVar(&play, "play", "", "recording to play to a client, instead of recording")
	f.BoolVar(&same, "same", false, "with --play: the client is the program that was recorded")
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
	if f.NArg() > 0 || (file == "") == (play == "") {
		fmt.Fprintln(stderr, "recorder: either --out FILE or --play FILE is needed, and nothing but flags; see --help")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var err error
	if play != "" {
		err = replayTo(ctx, play, same, stdout, stderr)
	} else {
		err = record(ctx, o, file, stdout, stderr)
	}
	if err != nil {
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
	if err = announce(stdout, r.Endpoint()); err == nil {
		<-ctx.Done()
	}
	err = errors.Join(err, r.Close(), out.Close())
	fmt.Fprintf(stderr, "recorder: %d messages in %s\n", r.Frames(), file)
	return err
}

// replayTo plays file until ctx ends or the client differs.
func replayTo(ctx context.Context, file string, same bool, stdout, stderr io.Writer) error {
	frames, err := replay.ReadFile(file)
	if err != nil {
		return err
	}
	o := replay.PlayerOptions{Mask: replay.OtherClient, Optional: replay.Reads}
	if same {
		o = replay.PlayerOptions{Mask: replay.SameClient, Optional: replay.Incidental, SameConnections: true}
	}
	p, err := replay.Play(frames, o)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := announce(stdout, p.Endpoint()); err != nil {
		return err
	}
	select {
	case <-p.Failed():
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := p.Finish(last); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "recorder: the client agrees in %d requests\n", p.Agreed())
	return nil
}

// announce writes the ready line.
func announce(stdout io.Writer, endpoint string) error {
	line, err := json.Marshal(ready{true, endpoint})
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s\n", line)
	}
	return err
}
