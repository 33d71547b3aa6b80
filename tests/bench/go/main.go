// Command go is libfluvio's Go program of the benchmarks: tests/bench/README.md says what it takes and prints. With --api raw
// or frames it is not a client but the measure of one: it replays requests that the client made (raw.go, rawconsume.go).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// sample: of the records whose reports are taken, every so many is timed.
const sample = 128

// job is what the command line asks for.
type job struct {
	endpoint, topic, mode, api, reports, payload, compression, profile string
	size, count, warmup, linger, batch, group, partitions, maxBytes    int

	values  [][]byte // record i has value i modulo their number
	latency []time.Duration
}

// result is the line of output.
type result struct {
	Records    int          `json:"records"`
	Warmup     int          `json:"warmup"` // records stored before
	Bytes      int          `json:"bytes"`
	Seconds    float64      `json:"seconds"`
	CPUSeconds float64      `json:"cpu_seconds"`
	MaxRSSKB   int64        `json:"max_rss_kb"`
	Missing    *int         `json:"missing,omitempty"` // records that should have come and did not
	LatencyUS  *percentiles `json:"latency_us"`
}

// percentiles are latencies in microseconds.
type percentiles struct {
	Samples int     `json:"samples"`
	P10     float64 `json:"p10"`
	P25     float64 `json:"p25"`
	P50     float64 `json:"p50"`
	P75     float64 `json:"p75"`
	P90     float64 `json:"p90"`
	P99     float64 `json:"p99"`
	P999    float64 `json:"p999"`
	Max     float64 `json:"max"`
}

func main() {
	var j job
	flag.StringVar(&j.endpoint, "endpoint", "", "host:port of the SC")
	flag.StringVar(&j.topic, "topic", "", "a topic that exists and is empty")
	flag.StringVar(&j.mode, "mode", "throughput", "throughput or latency; read or follow")
	flag.StringVar(&j.api, "api", "send", "send, send_many or raw; records, batches, poll or frames")
	flag.StringVar(&j.reports, "reports", "ignore", "ignore or take")
	flag.StringVar(&j.payload, "payload", "", "file of the records' values, one behind the other")
	flag.StringVar(&j.compression, "compression", "", "codec")
	flag.StringVar(&j.profile, "profile", "", "file for the CPU profile of what is measured")
	flag.IntVar(&j.size, "size", 100, "bytes of a value")
	flag.IntVar(&j.count, "count", 0, "records to measure")
	flag.IntVar(&j.warmup, "warmup", 0, "records to send before")
	flag.IntVar(&j.linger, "linger", 0, "milliseconds")
	flag.IntVar(&j.batch, "batch", 0, "raw: bytes of a batch; 0 is the client's default")
	flag.IntVar(&j.group, "group", 1000, "records in one call of send_many, or at most of poll")
	flag.IntVar(&j.partitions, "partitions", 1, "of the topic that is read")
	flag.IntVar(&j.maxBytes, "max_bytes", 0, "where frames are cut; 0 is the client's default")
	flag.Parse()
	r, err := j.run(context.Background())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-go:", err)
		os.Exit(1)
	}
}

func (j *job) run(ctx context.Context) (result, error) {
	if flag.NArg() > 0 || j.size < 1 {
		return result{}, fmt.Errorf("the command line is wrong: %q", os.Args[1:])
	}
	switch j.mode + " " + j.api {
	case "throughput raw":
		return j.produce(ctx, j.raw)
	case "throughput send", "throughput send_many", "latency send":
		return j.produce(ctx, j.client)
	case "read frames":
		return j.rawConsume(ctx)
	case "read records", "read batches", "read poll", "follow records", "follow batches":
		return j.consume(ctx)
	}
	return result{}, fmt.Errorf("there is no api %q in mode %q", j.api, j.mode)
}

// produce reads the values and does the work of a producer with them.
func (j *job) produce(ctx context.Context, work func(context.Context) (result, error)) (result, error) {
	data, err := os.ReadFile(j.payload)
	if err != nil {
		return result{}, err
	}
	for v := range slices.Chunk(data[:len(data)/j.size*j.size], j.size) {
		j.values = append(j.values, v)
	}
	if len(j.values) == 0 {
		return result{}, fmt.Errorf("%s has less than one value", j.payload)
	}
	return work(ctx)
}

// measured runs work between two readings of the clocks.
func (j *job) measured(warmup int, work func() error) (r result, err error) {
	c, err := j.startClocks()
	if err != nil {
		return r, err
	}
	r = result{Records: j.count, Warmup: warmup, Bytes: j.count * j.size}
	if err = work(); err != nil {
		pprof.StopCPUProfile()
		return r, err
	}
	return r, c.stop(&r)
}

// clocks are those of what is measured.
type clocks struct {
	job    *job
	start  time.Time
	before time.Duration
}

// startClocks starts also the profiler if there is one.
func (j *job) startClocks() (c *clocks, err error) {
	c = &clocks{job: j}
	if j.profile != "" {
		f, err := os.Create(j.profile)
		if err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return nil, err
		}
	}
	c.before, err = usage()
	c.start = time.Now()
	return c, err
}

// stop fills in what the clocks say, and the latencies.
func (c *clocks) stop(r *result) error {
	r.Seconds = time.Since(c.start).Seconds()
	after, err := usage()
	if err != nil {
		return err
	}
	pprof.StopCPUProfile()
	r.CPUSeconds = (after - c.before).Seconds()
	r.MaxRSSKB, err = maxRSSKB()
	if l := c.job.latency; len(l) > 0 {
		slices.Sort(l)
		n := len(l)
		at := func(perMille int) float64 { return float64(l[min(n*perMille/1000, n-1)].Nanoseconds()) / 1e3 }
		r.LatencyUS = &percentiles{n, at(100), at(250), at(500), at(750), at(900), at(990), at(999), at(1000)}
	}
	return err
}

// usage is the CPU time of this process so far.
func usage() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// maxRSSKB is the largest resident memory of this process in KiB. That of Getrusage begins with the parent's.
func maxRSSKB() (kb int64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		_, err = fmt.Sscan(rest, &kb)
	}
	return kb, err
}

// client measures libfluvio.
func (j *job) client(ctx context.Context) (r result, err error) {
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: j.endpoint})
	if err != nil {
		return r, err
	}
	reports := &reports{job: j}
	options := fluvio.ProducerOptions{Compression: j.compression, Linger: time.Duration(j.linger) * time.Millisecond}
	work := j.single
	if j.mode == "throughput" {
		if j.reports == "take" {
			options.OnDelivery = reports.take
		} else {
			reports = nil
		}
		work = func(ctx context.Context, p *fluvio.Producer, count int) error {
			if j.api == "send_many" {
				return j.many(ctx, p, count)
			}
			return j.throughput(ctx, p, count, reports)
		}
	}
	producer, err := client.Producer(ctx, j.topic, options)
	if err != nil {
		return r, err
	}
	if err := work(ctx, producer, j.warmup); err != nil {
		return r, err
	}
	if r, err = j.measured(j.warmup, func() error { return work(ctx, producer, j.count) }); err != nil {
		return r, err
	}
	return r, client.Close(ctx)
}

// reports takes the reports of records whose Opaque is their number.
type reports struct {
	job    *job
	sentAt []time.Time // of every sampled record, before its report is taken

	mu    sync.Mutex
	count int   // guarded by mu
	err   error // guarded by mu: the first failure
}

// take runs on the producer's goroutine of reports; the last one is over when Flush returns.
func (r *reports) take(d *fluvio.Delivery) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count += d.Count
	if d.Err != nil && r.err == nil {
		r.err = d.Err
	}
	for _, i := range d.Opaques {
		if i%sample == 0 {
			r.job.latency = append(r.job.latency, now.Sub(r.sentAt[i/sample]))
		}
	}
}

// throughput sends as fast as it goes, until everything is acknowledged and, unless reports is nil, reported.
func (j *job) throughput(ctx context.Context, p *fluvio.Producer, count int, reports *reports) error {
	if reports != nil {
		reports.count, reports.sentAt, j.latency = 0, make([]time.Time, count/sample+1), make([]time.Duration, 0, count/sample+1)
	}
	for i, next := 0, 0; i < count; i++ {
		if reports != nil && i%sample == 0 {
			reports.sentAt[i/sample] = time.Now()
		}
		if _, err := p.Send(ctx, fluvio.Record{Value: j.values[next], Opaque: uint64(i)}); err != nil {
			return err
		}
		if next++; next == len(j.values) {
			next = 0
		}
	}
	if err := p.Flush(ctx); err != nil || reports == nil {
		return err
	}
	reports.mu.Lock()
	defer reports.mu.Unlock()
	if reports.err == nil && reports.count != count {
		return fmt.Errorf("%d records have a report, %d were sent", reports.count, count)
	}
	return reports.err
}

// many sends as fast as it goes, a group at a time, until everything is acknowledged.
func (j *job) many(ctx context.Context, p *fluvio.Producer, count int) error {
	records := make([]fluvio.Record, j.group)
	for i, next := 0, 0; i < count; {
		n := min(j.group, count-i)
		for k := range n {
			records[k] = fluvio.Record{Value: j.values[next], Opaque: uint64(i + k)}
			if next++; next == len(j.values) {
				next = 0
			}
		}
		if _, err := p.SendMany(ctx, records[:n]); err != nil {
			return err
		}
		i += n
	}
	return p.Flush(ctx)
}

// single sends one record at a time and waits for each.
func (j *job) single(ctx context.Context, p *fluvio.Producer, count int) error {
	j.latency = make([]time.Duration, 0, count)
	for i := range count {
		start := time.Now()
		receipt, err := p.Send(ctx, fluvio.Record{Value: j.values[i%len(j.values)]})
		if err != nil {
			return err
		}
		if _, _, err := receipt.Wait(ctx); err != nil {
			return err
		}
		j.latency = append(j.latency, time.Since(start))
	}
	return nil
}
