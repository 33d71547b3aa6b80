package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// seeds is how many runs there are; HISTORY_SEEDS asks for more.
const seeds = 300

// pace is how long one step waits for another that may not be able to come: writers and weather can block each other.
const pace = 30 * time.Millisecond

// plan is a run as its seed draws it.
type plan struct {
	seed     uint64
	client   fluvio.ClientOptions
	producer fluvio.ProducerOptions
	schedule
	cluster     devcluster.Options
	topic       devcluster.TopicOptions
	producers   int
	writers     int
	each        int           // records of a writer
	largest     int           // bytes of a value
	reports     bool          // there is an OnDelivery
	waitEvery   int           // records after which a writer waits for the last one, 0: never
	flushEvery  int           // the same with a flush
	patience    time.Duration // of a Send
	closeAt     int           // records after which the producers are closed under the writers' hands, 0: at the end
	closeWithin time.Duration
}

// pick draws one of the choices.
func pick[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }

// draw makes the plan of a seed.
func draw(seed uint64) *plan {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := &plan{seed: seed, producers: pick(rng, 1, 1, 1, 2), writers: 1 + rng.IntN(4), each: 40 + rng.IntN(120), reports: rng.IntN(3) > 0}
	p.cluster = devcluster.Options{SPUs: 1 + rng.IntN(3)}
	p.topic = devcluster.TopicOptions{Partitions: 1 + rng.IntN(5), Replication: 1 + rng.IntN(min(2, p.cluster.SPUs))}
	p.client = fluvio.ClientOptions{RetryBackoff: pick(rng, time.Millisecond, 15*time.Millisecond), RetryBackoffMax: 20 * time.Millisecond, BreakerFailures: pick(rng, 1, 5), BreakerReset: 20 * time.Millisecond, RequestTimeout: patience}
	p.producer = fluvio.ProducerOptions{
		BufferMemory: pick(rng, int64(64<<10), 64<<10, 256<<10, 32<<20), BufferFull: pick(rng, "block", "block", "fail"),
		BatchSize: pick(rng, 256, 512, 2<<10, 16<<10), MaxRequestSize: pick(rng, 16<<10, 64<<10), Linger: pick(rng, 0, 0, 2*time.Millisecond),
		Compression: pick(rng, "none", "none", "gzip", "snappy", "lz4", "zstd"), Delivery: pick(rng, "at_least_once", "at_most_once"),
		DeliveryTimeout: patience, ServerTimeout: 5 * time.Millisecond, Isolation: pick(rng, "read_uncommitted", "read_uncommitted", "read_committed"),
	}
	p.largest = pick(rng, 60, 300, 3000, p.producer.MaxRequestSize/2)
	p.waitEvery, p.flushEvery = pick(rng, 0, 0, 1, 10), pick(rng, 0, 0, 25)
	p.patience = pick(rng, patience, patience, 5*time.Millisecond)
	refusing := rng.IntN(6) == 0
	if refusing {
		p.cluster.MaxBatchBytes = 1000 // larger batches fail for good
	}
	atMostOnce := p.producer.Delivery == "at_most_once"
	kind := rng.IntN(4)
	if kind == 3 {
		p.client.RequestTimeout = pick(rng, 60*time.Millisecond, 150*time.Millisecond)
	}
	p.schedule = schedule{
		rng: rng, records: p.writers * p.each, spus: p.cluster.SPUs, parts: p.topic.Partitions, timeout: p.client.RequestTimeout,
		commit: p.producer.Isolation == "read_committed",
	}
	p.terms.Failures = refusing
	for range 2 + rng.IntN(6) {
		switch n := rng.IntN(kind + 1); n {
		case 0:
			p.harmless(atMostOnce)
		case 1, 2:
			p.breaking(atMostOnce)
		case 3:
			p.hanging(atMostOnce)
		}
	}
	if rng.IntN(4) == 0 {
		p.producer.DeliveryTimeout = pick(rng, 5*time.Millisecond, 20*time.Millisecond, 100*time.Millisecond)
		p.terms.Failures = true
	}
	if rng.IntN(6) == 0 {
		p.closeAt, p.closeWithin = 1+p.when(), pick(rng, 0, 5*time.Millisecond, patience)
		p.terms.Failures = true
	}
	if kind == 3 { // a request may time out on a busy machine, without any fault
		p.terms.Late, p.terms.Failures, p.terms.Duplicates = true, p.terms.Failures || atMostOnce, !atMostOnce
	}
	slices.SortStableFunc(p.faults, func(a, b fault) int { return a.at - b.at })
	return p
}

func (p *plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d SPUs, topic %+v, batches up to %d bytes, request timeout %s\nproducers %d: %+v\nwriters %d with %d records up to %d bytes, reports %v, wait every %d, flush every %d, patience %s\n",
		p.seed, p.cluster.SPUs, p.topic, p.cluster.MaxBatchBytes, p.client.RequestTimeout, p.producers, p.producer, p.writers, p.each, p.largest, p.reports, p.waitEvery, p.flushEvery, p.patience)
	if p.closeAt > 0 {
		fmt.Fprintf(&b, "closed after %d records within %s\n", p.closeAt, p.closeWithin)
	}
	fmt.Fprintf(&b, "terms %+v\n", p.terms)
	for _, f := range p.faults {
		fmt.Fprintf(&b, "after %d records: %s\n", f.at, f.name)
	}
	return b.String()
}

// run is a plan being carried out.
type run struct {
	t   *testing.T
	ctx context.Context
	*plan
	History
	dev       *devcluster.Cluster
	producers []*fluvio.Producer
	pulse     // records handed over
	closing   sync.WaitGroup
}

// seedsOr is how many runs there are.
func seedsOr(t *testing.T, n uint64) uint64 {
	if s := os.Getenv("HISTORY_SEEDS"); s != "" {
		var err error
		n, err = strconv.ParseUint(s, 10, 32)
		require.NoError(t, err)
	}
	return n
}

// TestProducersUnderFaults carries out the plans of many seeds. One seed alone: -run TestProducersUnderFaults/seed=17. More
// seeds: HISTORY_SEEDS=2000.
func TestProducersUnderFaults(t *testing.T) {
	n := seedsOr(t, seeds)
	var mu sync.Mutex
	var all Tally
	finished := uint64(0)
	t.Cleanup(func() { // when all seeds have ended
		if finished >= seeds {
			t.Logf("%+v", all)
			require.Greater(t, min(all.Stored/100, all.NotStored, all.MaybeStored, all.Refused, all.Copies), 20, "the faults do too little: %+v", all)
		}
	})
	for seed := range n {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			r := &run{t: t, ctx: ctx, plan: draw(seed), pulse: newPulse()}
			defer func() {
				if t.Failed() {
					t.Logf("%s", r.plan)
				}
			}()
			r.carryOut()
			mu.Lock()
			defer mu.Unlock()
			all.Add(r.Tally())
			finished++
		})
	}
}

// carryOut leaves nothing to the test's clean-up, which would keep the runs of all seeds in memory.
func (r *run) carryOut() {
	t := r.t
	var err error
	r.dev, err = devcluster.Start(r.ctx, r.cluster)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.dev.Close()) }()
	require.NoError(t, r.dev.CreateTopicWith(topic, r.plan.topic))
	r.client.Endpoint = r.dev.Endpoint()
	client := open(r.ctx, t, func() (*fluvio.Client, error) { return fluvio.Connect(r.ctx, r.client) })
	defer func() { require.NoError(t, client.Close(r.ctx)) }()
	for range r.plan.producers {
		o := r.producer
		if r.reports {
			o.OnDelivery = r.deliver
		}
		r.producers = append(r.producers, open(r.ctx, t, func() (*fluvio.Producer, error) { return client.Producer(r.ctx, topic, o) }))
	}
	var writers sync.WaitGroup
	for w := range r.writers {
		writers.Go(func() { r.write(w) })
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		writers.Wait()
	}()
	r.rage(written)
	<-written
	r.closing.Wait()
	for i, p := range r.producers {
		r.probe(p, r.writers+i)
		err := p.Flush(r.ctx)
		require.True(t, err == nil || r.terms.Failures, "flush: %v", err)
		err = p.Close(r.ctx)
		require.True(t, err == nil || r.terms.Failures, "close: %v", err)
	}
	r.End()
	require.NoError(t, client.Close(r.ctx))
	r.readAll(r.ctx, t, r.dev, topic)
	require.NoError(t, r.Check(r.terms))
}

// probe gets a record through to every partition: when the faults are over nothing sticks.
func (r *run) probe(p *fluvio.Producer, writer int) {
	for partition := range int32(r.parts) {
		for try := 0; r.closeAt == 0; try++ {
			v := fmt.Appendf(nil, "probe %d of writer %d for partition %d", try, writer, partition)
			number := r.Hand(writer, partition, nil, v)
			rc, err := p.SendTo(r.ctx, partition, fluvio.Record{Value: v, Opaque: number})
			if fluvioerr.CodeOf(err) == fluvioerr.QueueFull { // a request still has the bytes of records that were given up
				r.Refuse(number)
				require.NoError(r.t, r.ctx.Err(), "memory of what was given up does not come back")
				await(nil)
				continue
			}
			require.NoError(r.t, err)
			if r.outcome(number, rc) == nil {
				break
			}
		}
	}
}

// outcome waits for a record's outcome and notes it.
func (r *run) outcome(number uint64, rc fluvio.Receipt) error {
	partition, offset, err := rc.Wait(r.ctx)
	o := Outcome{partition, offset, stateOf(err), err}
	if r.reports {
		r.Confirm(number, o)
	} else {
		r.Report(number, o)
	}
	return err
}

// deliver notes reports.
func (r *run) deliver(d *fluvio.Delivery) {
	for i, number := range d.Opaques {
		o := Outcome{d.Partition, -1, State(d.Persisted), d.Err}
		if d.BaseOffset >= 0 {
			o.Offset = d.BaseOffset + int64(i)
		}
		r.Report(number, o)
	}
}

// rage makes the faults happen, and closes the producers if the plan says so.
func (r *run) rage(written <-chan struct{}) {
	steps := slices.Clone(r.faults)
	if r.closeAt > 0 {
		i, _ := slices.BinarySearchFunc(steps, r.closeAt, func(f fault, at int) int { return f.at - at })
		steps = slices.Insert(steps, i, fault{at: r.closeAt, do: func(*weather) { r.closing.Go(r.closeAll) }})
	}
	(&weather{Cluster: r.dev, t: r.t}).rage(steps, r.spus, &r.pulse, written)
}

// closeAll closes the producers while others write.
func (r *run) closeAll() {
	ctx, cancel := context.WithTimeout(r.ctx, r.closeWithin)
	defer cancel()
	for _, p := range r.producers {
		_ = p.Close(ctx)
	}
	if r.reports {
		r.End()
	}
}

// write is one writer. It has a producer of its own choice, so that its order is that of one producer.
func (r *run) write(writer int) {
	rng := rand.New(rand.NewPCG(r.seed, uint64(writer)+1))
	p := r.producers[writer%len(r.producers)]
	receipts := map[uint64]fluvio.Receipt{}
	var last fluvio.Receipt
	for i := range r.each {
		rec := fluvio.Record{Value: r.value(rng, writer, i), Key: pick(rng, nil, nil, []byte{}, []byte("k"), fmt.Append(nil, rng.IntN(100)))}
		partition := int32(-1)
		if rng.IntN(4) == 0 {
			partition = int32(rng.IntN(r.parts))
		}
		rec.Opaque = r.Hand(writer, partition, rec.Key, rec.Value)
		rc, err := r.send(p, partition, rec)
		r.beat()
		switch code := fluvioerr.CodeOf(err); {
		case err == nil:
			receipts[rec.Opaque], last = rc, rc
		case code == fluvioerr.QueueFull || code == fluvioerr.Closed && r.closeAt > 0:
			r.Refuse(rec.Opaque)
			await(last.Done())
		default:
			r.t.Errorf("send: %v", err)
			r.Refuse(rec.Opaque)
		}
		if r.waitEvery > 0 && i%r.waitEvery == 0 {
			_, _, _ = last.Wait(r.ctx)
		}
		if r.flushEvery > 0 && i%r.flushEvery == 0 {
			err := p.Flush(r.ctx)
			if err != nil && !r.terms.Failures {
				r.t.Errorf("flush: %v", err)
			}
			r.allReported(receipts, err)
		}
	}
	for number, rc := range receipts {
		_ = r.outcome(number, rc)
	}
}

// allReported fails the test when a flush left something behind.
func (r *run) allReported(receipts map[uint64]fluvio.Receipt, flushed error) {
	for number, rc := range receipts {
		select {
		case <-rc.Done():
		default:
			r.t.Errorf("a flush has returned (%v), and record %d has no report", flushed, number)
			return
		}
	}
}

func (r *run) send(p *fluvio.Producer, partition int32, rec fluvio.Record) (fluvio.Receipt, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.patience)
	defer cancel()
	if partition < 0 {
		return p.Send(ctx, rec)
	}
	return p.SendTo(ctx, partition, rec)
}

// await waits for an event that may not come.
func await(event <-chan struct{}) {
	select {
	case <-event:
	case <-time.After(pace):
	}
}

// value draws a value that is unique by its beginning.
func (r *run) value(rng *rand.Rand, writer, i int) []byte {
	v := fmt.Appendf(nil, "%d/%d ", writer, i)
	size := rng.IntN(40)
	if rng.IntN(4) == 0 {
		size = rng.IntN(r.largest)
	}
	for random := rng.IntN(2) == 0; len(v) < size; {
		c := byte('x')
		if random {
			c = byte(rng.Uint32())
		}
		v = append(v, c)
	}
	return v
}
