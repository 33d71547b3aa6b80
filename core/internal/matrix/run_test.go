package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits for what must come; it is no measure.
const patience = 60 * time.Second

const topic = "matrix"

// row is a fault and what may be seen of it.
type row struct {
	name   string
	terms  history.Terms
	spus   int    // 2 when 0
	as     string // the platform's version
	change func(c *fluvio.ClientOptions, p *fluvio.ProducerOptions)
	// strike lets the fault begin; what it gives back ends it.
	strike func(r *run) (lift func())
	// calm makes the run wait for no delivery while the fault lasts: nothing gets through.
	calm bool
	// alone leaves it out of the soak.
	alone bool
	// tls has everything encrypted.
	tls bool
}

// run is a row with a seed.
type run struct {
	*testing.T
	ctx      context.Context
	rng      *rand.Rand
	row      *row
	dev      *devcluster.Cluster
	net      *network
	client   *fluvio.Client
	producer *fluvio.Producer
	consumer *fluvio.Consumer
	history.History
	writers int
	parts   int32

	// bites say, each of a part of the fault, how often it has struck so far. A fault that has not is none: what is sent goes on
	// until all have.
	bites []func() int

	mu   sync.Mutex
	read map[place]string // guarded by mu: what the consumer got
	more chan struct{}    // capacity 1
}

type place struct {
	partition int32
	offset    int64
}

// report sums up what the table has shown, by the runs in which everything held.
type report struct {
	begun, held                    int
	dials, records, copies, failed int
	maybe, faults                  int
	longest                        time.Duration // that closing took
}

func (r *report) String() string {
	return fmt.Sprintf("the invariants held in %d of %d runs, in which faults struck %d times; %d records stored, %d more copies, %d not stored, %d maybe, %d connections made; closing took %s at most",
		r.held, r.begun, r.faults, r.records, r.copies, r.failed, r.maybe, r.dials, r.longest.Round(time.Millisecond))
}

// seeds is how many runs of each row there are: with odd ones everything is closed while the fault lasts.
func seeds(t *testing.T) uint64 {
	s := os.Getenv("MATRIX_SEEDS")
	if s == "" {
		return 2
	}
	n, err := strconv.ParseUint(s, 10, 32)
	require.NoError(t, err)
	return n
}

func TestMatrix(t *testing.T) {
	var all report
	before, files := baseline(t)
	for i := range rows {
		for seed := range seeds(t) {
			t.Run(fmt.Sprintf("%s/seed=%d", rows[i].name, seed), func(t *testing.T) { carryOut(t, &rows[i], seed, &all) })
		}
	}
	t.Log(all.String())
	settle(t, before, files)
}

// descriptors is how many files are open, 0 where that is not known.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// baseline is how many goroutines and descriptors there are when nothing runs, those included that Go needs for its first connection
// and keeps.
func baseline(t *testing.T) (goroutines, files int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return runtime.NumGoroutine(), descriptors()
}

// settle wants goroutines and descriptors back to what they were.
func settle(t *testing.T, goroutines, files int) {
	t.Helper()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines || descriptors() > files; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			require.FailNow(t, "something stays", "%d goroutines instead of %d, %d descriptors instead of %d", runtime.NumGoroutine(), goroutines, descriptors(), files)
		}
	}
}

// carryOut is one run.
func carryOut(t *testing.T, row *row, seed uint64, all *report) {
	all.begun++
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := &run{
		T: t, ctx: ctx, rng: rand.New(rand.NewPCG(seed, uint64(len(row.name)))), row: row, read: map[place]string{}, more: make(chan struct{}, 1),
		writers: 2, parts: 4,
	}
	r.net = newNetwork(r.rng)
	r.open()
	defer func() { require.NoError(t, r.dev.Close()) }()
	began := time.Now()
	closeEarly := seed%2 == 1 // while the fault lasts
	reading := make(chan struct{})
	stop, halt := context.WithCancel(ctx)
	go func() {
		defer close(reading)
		r.consume(stop)
	}()
	sent := r.send(20, true)
	lift := row.strike(r)
	sent += r.send(40, !row.calm && !closeEarly)
	sent += r.untilStruck()
	if !closeEarly {
		lift()
		require.NoError(t, r.flush())
		sent += r.send(20, true)
		require.NoError(t, r.flush())
		r.awaitRead()
	}
	halt()
	<-reading
	all.longest = max(all.longest, r.close())
	all.faults += r.struck()
	if closeEarly {
		lift()
	}
	r.End()
	terms := row.terms
	terms.Failures = terms.Failures || closeEarly
	r.readAll()
	require.NoError(t, r.Check(terms))
	dials := int(r.net.dials.Load())
	require.Less(t, dials, 100+int(time.Since(began)/(2*time.Millisecond)), "the servers were dialled without pause")
	tally := r.Tally()
	require.Equal(t, sent, tally.Stored+tally.NotStored+tally.MaybeStored)
	all.held++
	all.dials += dials
	all.records += tally.Stored
	all.copies += tally.Copies
	all.failed += tally.NotStored
	all.maybe += tally.MaybeStored
}

// open starts cluster, client and producer.
func (r *run) open() {
	spus := r.row.spus
	if spus == 0 {
		spus = 2
	}
	var err error
	r.dev, err = devcluster.Start(r.ctx, devcluster.Options{SPUs: spus, PlatformVersion: r.row.as, TLS: r.row.tls})
	require.NoError(r, err)
	require.NoError(r, r.dev.CreateTopic(topic, int(r.parts)))
	client := fluvio.ClientOptions{
		Endpoint: r.dev.Endpoint(), DialContext: r.net.dial, RetryBackoff: time.Millisecond, RetryBackoffMax: 20 * time.Millisecond, BreakerReset: 30 * time.Millisecond,
	}
	producer := fluvio.ProducerOptions{DeliveryTimeout: patience, BatchSize: 1 << 10, OnDelivery: r.deliver}
	if r.row.change != nil {
		r.row.change(&client, &producer)
	}
	r.secure(&client)
	r.client, err = fluvio.Connect(r.ctx, client)
	require.NoError(r, err)
	r.producer, err = r.client.Producer(r.ctx, topic, producer)
	require.NoError(r, err)
	r.consumer, err = r.client.Consumer(r.ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning()})
	require.NoError(r, err)
}

// secure sets a client to the cluster's TLS, if it has that.
func (r *run) secure(o *fluvio.ClientOptions) {
	if c, ok := r.dev.Credentials(""); ok {
		o.TLS, o.TLSDomain, o.TLSCA = "anonymous", c.Domain, c.CA
	}
}

// strikes has a part of the fault count how often it strikes.
func (r *run) strikes(count func() int) { r.bites = append(r.bites, count) }

// struck is how often the fault has struck.
func (r *run) struck() (n int) {
	for _, count := range r.bites {
		n += count()
	}
	return n
}

// untilStruck sends until every part of the fault has struck.
func (r *run) untilStruck() (sent int) {
	for {
		waits := slices.ContainsFunc(r.bites, func(count func() int) bool { return count() == 0 })
		if !waits {
			return sent
		}
		require.NoError(r, r.ctx.Err(), "the fault does not strike")
		sent += r.send(1, false)
		time.Sleep(time.Millisecond) // a fault comes from anywhere
	}
}

// deliver notes reports.
func (r *run) deliver(d *fluvio.Delivery) {
	for i, number := range d.Opaques {
		o := history.Outcome{Partition: d.Partition, Offset: -1, State: history.State(d.Persisted), Err: d.Err}
		if d.BaseOffset >= 0 {
			o.Offset = d.BaseOffset + int64(i)
		}
		r.Report(number, o)
	}
}

// send lets every writer hand records over; wait: each waits for the outcome of its last one.
func (r *run) send(each int, wait bool) int {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	batch := r.rng.Uint64()
	for w := range r.writers {
		all.Go(func() {
			var last fluvio.Receipt
			for i := range each {
				value := fmt.Appendf(nil, "%d.%d %x", w, i, batch)
				partition := int32(i+w) % r.parts
				rec := fluvio.Record{Value: value}
				rec.Opaque = r.Hand(w, partition, nil, value)
				rc, err := r.producer.SendTo(r.ctx, partition, rec)
				if err != nil {
					failed.Store(&err)
					return
				}
				last = rc
			}
			if wait {
				_, _, _ = last.Wait(r.ctx)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		require.NoError(r, *err)
	}
	return r.writers * each
}

// flush waits for the outcome of everything.
func (r *run) flush() error {
	err := r.producer.Flush(r.ctx)
	if r.row.terms.Failures && r.ctx.Err() == nil {
		return nil
	}
	return err
}

// consume reads until it is stopped: in order, without a gap, and through every fault.
func (r *run) consume(ctx context.Context) {
	next := map[int32]int64{}
	for ctx.Err() == nil {
		b, err := r.consumer.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.Errorf("consume: %v", err)
			}
			break
		}
		r.mu.Lock()
		for rec := range b.Records() {
			if rec.Offset != next[rec.Partition] {
				r.Errorf("partition %d goes on at %d instead of %d", rec.Partition, rec.Offset, next[rec.Partition])
			}
			next[rec.Partition] = rec.Offset + 1
			r.read[place{rec.Partition, rec.Offset}] = string(rec.Value)
		}
		r.mu.Unlock()
		b.Release()
		select {
		case r.more <- struct{}{}:
		default:
		}
	}
}

// awaitRead returns when the consumer has come to the end of every partition.
func (r *run) awaitRead() {
	for {
		complete := true
		for p := range r.parts {
			_, _, end, err := r.dev.Offsets(topic, p)
			require.NoError(r, err)
			r.mu.Lock()
			_, have := r.read[place{p, end - 1}]
			r.mu.Unlock()
			complete = complete && (end == 0 || have)
		}
		if complete {
			return
		}
		select {
		case <-r.more:
		case <-r.ctx.Done():
			require.FailNow(r, "the consumer does not get on")
		}
	}
}

// close closes everything within a second, and a little for the machine, and says how long it took.
func (r *run) close() time.Duration {
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.ctx, time.Second)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- r.client.Close(ctx) }()
	select {
	case err := <-closed:
		if err != nil {
			require.Contains(r, []fluvioerr.Code{fluvioerr.Timeout, fluvioerr.Connection, fluvioerr.Cancelled}, fluvioerr.CodeOf(err), "%v", err)
		}
	case <-time.After(patience / 2):
		require.FailNow(r, "close hangs")
	}
	return time.Since(began)
}

// readAll holds what the consumer got against what is stored.
func (r *run) readAll() {
	o := fluvio.ClientOptions{Endpoint: r.dev.Endpoint(), MaxRetries: new(int)}
	r.secure(&o)
	client, err := fluvio.Connect(r.ctx, o)
	require.NoError(r, err)
	defer func() { require.NoError(r, client.Close(r.ctx)) }()
	consumer, err := client.Consumer(r.ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(r, err)
	for rec, err := range consumer.Records(r.ctx) {
		require.NoError(r, err)
		r.Store(rec.Partition, rec.Offset, rec.Key, rec.Value)
		if got, have := r.read[place{rec.Partition, rec.Offset}]; have {
			require.Equal(r, got, string(rec.Value))
		}
	}
}
