package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// readSeeds is how many runs of consumers there are; HISTORY_SEEDS asks for more.
const readSeeds = 200

// readPlan is a run of a consumer as its seed draws it.
type readPlan struct {
	seed     uint64
	client   fluvio.ClientOptions
	consumer fluvio.ConsumerOptions
	producer fluvio.ProducerOptions
	schedule
	cluster devcluster.Options
	topic   devcluster.TopicOptions
	own     bool // a store of the application's
	records int  // how many are written
	largest int  // bytes of a value
	evicts  bool // records may be lost, so positions move by themselves
	deletes bool
	gone    func() // the doomed topic is about to be deleted
	filter  string // a module that consumers read through
	anew    int    // the step at which the doomed topic is deleted and made anew, 0 for never
	grown   atomic.Bool
	peers   peers
}

// drawReader makes the plan of a seed.
func drawReader(seed uint64) *readPlan {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &readPlan{seed: seed, records: 200 + rng.IntN(600), largest: pick(rng, 60, 300, 3000)}
	p.cluster = devcluster.Options{SPUs: 1 + rng.IntN(3)}
	p.topic = devcluster.TopicOptions{Partitions: 1 + rng.IntN(4), Replication: 1 + rng.IntN(min(2, p.cluster.SPUs))}
	p.client = fluvio.ClientOptions{
		RetryBackoff: pick(rng, time.Millisecond, 15*time.Millisecond), RetryBackoffMax: 20 * time.Millisecond, RequestTimeout: pick(rng, 250*time.Millisecond, 500*time.Millisecond, patience),
		DialContext: p.peers.dial,
	}
	p.producer = fluvio.ProducerOptions{
		BatchSize: pick(rng, 256, 512, 2<<10, 16<<10), Compression: pick(rng, "none", "none", "gzip", "snappy", "lz4", "zstd"), DeliveryTimeout: patience,
	}
	o := &p.consumer
	o.Topics = pick(rng, []string{topic, doomed}, []string{topic, doomed}, []string{"^history.*"}, []string{topic})
	if rng.IntN(6) == 0 {
		o.Partitions = []int32{0}
	}
	o.Start, o.OffsetReset = fluvio.Beginning(), pick(rng, "error", "earliest", "earliest", "latest")
	o.PrefetchBytes = pick(rng, int64(1024), 8<<10, 64<<10, 16<<20)
	o.MaxBytes = pick(rng, int32(1024), 1500, 4096, 32<<10)
	o.MaxBytes = int32(min(int64(o.MaxBytes), o.PrefetchBytes))
	o.Isolation = pick(rng, "read_uncommitted", "read_uncommitted", "read_committed")
	o.OffsetStrategy, o.OffsetFlush = pick(rng, "none", "manual", "auto", "auto"), pick(rng, time.Millisecond, 5*time.Millisecond, time.Second)
	if o.OffsetStrategy != "none" {
		o.ConsumerID, p.own = "reader", rng.IntN(2) == 0
	}
	switch rng.IntN(5) {
	case 0:
		p.filter = pick(rng, bare, bare, short)
		p.client.RequestTimeout *= 4                  // a module is made ready for each stream, on machines that are busy
		o.PrefetchBytes, o.MaxBytes = 16<<20, 130<<10 // SPUs pass over a batch of which more comes out than a frame holds
		o.SmartModules = []fluvio.SmartModule{{Path: "../../../tests/smartmodules/" + p.filter + ".wasm"}}
		if p.filter == short {
			o.SmartModules[0].Params = map[string]string{"max": strconv.Itoa(p.longest())}
		}
	case 1:
		p.anew, p.deletes = 5+rng.IntN(40), true
		o.Topics = pick(rng, []string{topic, doomed}, []string{"^history.*"})
	}
	p.schedule = schedule{rng: rng, records: 60 + rng.IntN(80), spus: p.cluster.SPUs, parts: p.topic.Partitions, timeout: p.client.RequestTimeout}
	f := readFaults{p, rng}
	kinds := []func(){f.breaking, f.breaking, f.moving, f.moving, f.changing}
	if rng.IntN(5) == 0 && p.filter == "" {
		kinds = append(kinds, f.damage)
	}
	if p.client.RequestTimeout < patience { // what a fault of these is noticed by
		kinds = append(kinds, f.hanging, f.hanging)
	}
	for range 2 + rng.IntN(7) {
		pick(rng, kinds...)()
	}
	slices.SortStableFunc(p.faults, func(a, b fault) int { return a.at - b.at })
	return p
}

func (p *readPlan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: filter %q, made anew at step %d, %d SPUs, topic %+v, request timeout %s, batches %d %s, %d records up to %d bytes, %d steps\nconsumer: own store %v, %+v\n",
		p.seed, p.filter, p.anew, p.cluster.SPUs, p.topic, p.client.RequestTimeout, p.producer.BatchSize, p.producer.Compression, p.records, p.largest, p.schedule.records, p.own, p.consumer)
	for _, f := range p.faults {
		fmt.Fprintf(&b, "after %d steps: %s\n", f.at, f.name)
	}
	return b.String()
}

// The filters of runs: what has a value, and what is short.
const bare, short = "bare", "short"

// longest is what the filter short lets through.
func (p *readPlan) longest() int { return 30 + p.largest/3 }

// most is how many records are written together at most.
const most = 40

// reader is a plan being carried out: an application that does to its consumer what applications do.
type reader struct {
	t   *testing.T
	ctx context.Context
	*readPlan
	Reading
	rng      *rand.Rand
	pulse    // what the application did
	dev      *devcluster.Cluster
	writing  *fluvio.Client // unharmed by what happens to the reader's connections
	producer *fluvio.Producer
	client   *fluvio.Client
	consumer *fluvio.Consumer
	saved    map[Lane]int64 // guarded by Reading.mu: what the application's own store has
	failing  atomic.Bool    // it does not store
	dead     map[Lane]bool  // partitions whose end was told
	remade   bool           // the doomed topic was made anew
	over     atomic.Bool    // the faults have ended
}

// TestConsumersUnderFaults carries out the plans of many seeds. One seed alone: -run TestConsumersUnderFaults/seed=17. More
// seeds: HISTORY_SEEDS=2000.
func TestConsumersUnderFaults(t *testing.T) {
	n := seedsOr(t, readSeeds)
	var mu sync.Mutex
	var all ReadingTally
	finished := uint64(0)
	t.Cleanup(func() { // when all seeds have ended
		if finished >= readSeeds {
			t.Logf("%+v", all)
			// Far less than usual: how much is lost, stored and sent again depends on who is faster on a busy machine.
			require.Greater(t, min(all.Records/100, all.Again/20, all.Lost, all.Resumed/2, all.Saved/2, all.Sought/2, all.Passed/20, all.Anew/2), 50, "the faults do too little: %+v", all)
		}
	})
	for seed := range n {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			r := &reader{t: t, ctx: ctx, readPlan: drawReader(seed), rng: rand.New(rand.NewPCG(seed, 2)), pulse: newPulse(), saved: map[Lane]int64{}, dead: map[Lane]bool{}}
			defer func() {
				if t.Failed() {
					t.Logf("%s", r.readPlan)
				}
			}()
			r.carryOut()
			require.NoError(t, r.Err())
			mu.Lock()
			defer mu.Unlock()
			all.Add(r.Tally())
			finished++
		})
	}
}

// carryOut leaves nothing to the test's clean-up, which would keep the runs of all seeds in memory.
func (r *reader) carryOut() {
	t := r.t
	var err error
	r.dev, err = devcluster.Start(r.ctx, r.cluster)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.dev.Close()) }()
	require.NoError(t, r.dev.CreateTopicWith(topic, r.readPlan.topic))
	require.NoError(t, r.dev.CreateTopic(doomed, 1))
	r.gone = func() { r.Gone(doomed) } // what was stored for it goes with it
	r.peers.sc, r.readPlan.client.Endpoint = r.dev.Endpoint(), r.dev.Endpoint()
	r.writing = open(r.ctx, t, func() (*fluvio.Client, error) {
		return fluvio.Connect(r.ctx, fluvio.ClientOptions{Endpoint: r.dev.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 20 * time.Millisecond})
	})
	defer func() { require.NoError(t, r.writing.Close(r.ctx)) }()
	r.producer, err = r.writing.Producer(r.ctx, topic, r.readPlan.producer)
	require.NoError(t, err)
	switch r.filter {
	case bare:
		r.Passes = func(value []byte) bool { return len(value) > 0 }
	case short:
		r.Passes = func(value []byte) bool { return len(value) <= r.longest() }
	}
	r.Together = most
	r.fill(doomed, 40)
	r.client = open(r.ctx, t, func() (*fluvio.Client, error) { return fluvio.Connect(r.ctx, r.readPlan.client) })
	defer func() { require.NoError(t, r.client.Close(r.ctx)) }()
	r.open()

	r.act()
	r.over.Store(true)
	r.readOn()
	r.close()
	if r.Passes != nil {
		r.hold()
	}
}

// act lets the application do its steps while somebody writes and the faults happen.
func (r *reader) act() {
	var work sync.WaitGroup
	defer work.Wait()
	acted := make(chan struct{})
	defer close(acted)
	work.Go(r.write)
	work.Go(func() { (&weather{Cluster: r.dev, t: r.t}).rage(r.faults, r.spus, &r.pulse, acted) })
	for i := range r.schedule.records {
		if r.anew > 0 && i == r.anew {
			r.remake()
		}
		r.step()
		r.beat()
	}
}

// remake deletes the doomed topic and makes it anew, with fewer or more records.
func (r *reader) remake() {
	r.gone()
	require.NoError(r.t, r.dev.DeleteTopic(doomed))
	for _, client := range []*fluvio.Client{r.client, r.writing} { // which know of it now
		for {
			p, err := client.Producer(r.ctx, doomed, fluvio.ProducerOptions{})
			if err == nil {
				require.NoError(r.t, p.Close(r.ctx))
			} else if fluvioerr.CodeOf(err) != fluvioerr.Timeout {
				require.Equal(r.t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
				break
			}
			await(nil)
		}
	}
	if r.readPlan.consumer.OffsetStrategy != "none" && !r.own { // servers keep what was under way when the topic was deleted
		r.Commit()
		r.tolerable(r.consumer.Commit(r.ctx)) // waits for what auto is storing
		open(r.ctx, r.t, func() (struct{}, error) {
			return struct{}{}, r.writing.Admin().DeleteConsumerOffset(r.ctx, "reader", doomed, 0)
		})
	}
	r.Anew(Lane{doomed, 0}, r.own || r.timeout < patience) // a commit that timed out may be carried out later
	r.remade = true
	require.NoError(r.t, r.dev.CreateTopic(doomed, 1))
	r.fill(doomed, pick(r.rng, 10, 45, 80))
}

// fill writes the records of a topic that gets no more.
func (r *reader) fill(name string, n int) {
	p := open(r.ctx, r.t, func() (*fluvio.Producer, error) {
		return r.writing.Producer(r.ctx, name, fluvio.ProducerOptions{BatchSize: 256})
	})
	for i := range n {
		r.send(p, Lane{name, 0}, fmt.Appendf(nil, "%s %d of %d", name, i, n))
	}
	require.NoError(r.t, p.Close(r.ctx))
}

// send writes a record and notes where it is, when that is known.
func (r *reader) send(p *fluvio.Producer, at Lane, value []byte) {
	rc, err := p.SendTo(r.ctx, at.Partition, fluvio.Record{Value: value})
	if err == nil {
		var offset int64
		if _, offset, err = rc.Wait(r.ctx); err == nil {
			r.Wrote(at, offset, value)
		}
	}
}

// write writes records, some together, through whatever happens.
func (r *reader) write() {
	rng := rand.New(rand.NewPCG(r.seed, 3))
	for i := 0; i < r.readPlan.records; {
		var together sync.WaitGroup
		for range 1 + rng.IntN(most) {
			at := Lane{topic, int32(rng.IntN(r.parts))}
			value := fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", rng.IntN(r.largest)))
			if r.filter == bare && rng.IntN(3) == 0 {
				value = nil
			}
			i++
			together.Go(func() { r.send(r.producer, at, value) })
		}
		together.Wait()
	}
}

// open opens the consumer, anew or for the first time.
func (r *reader) open() {
	o := r.readPlan.consumer
	named := o.OffsetStrategy != "none"
	o.OnEvent = func(e fluvio.ConsumerEvent) {
		at := Lane{e.Topic, e.Partition}
		switch e.Kind {
		case fluvio.PartitionAssigned:
			r.Begin(at, e.Offset, named)
		case fluvio.OffsetReset, fluvio.BatchSkipped:
			r.Jump(at, e.Offset, e.Next)
		}
	}
	if r.own {
		o.Store = r
	}
	clear(r.dead)
	r.Open()
	r.consumer = open(r.ctx, r.t, func() (*fluvio.Consumer, error) {
		c, err := r.client.Consumer(r.ctx, o)
		if fluvioerr.CodeOf(err) == fluvioerr.NotFound && r.deletes { // it is not to be read any more
			o.Topics = []string{topic}
			c, err = r.client.Consumer(r.ctx, o)
		}
		if fluvioerr.Retriable(err) && !r.over.Load() { // whether a topic is gone only the SC can tell, which may be away
			return c, fluvioerr.NewTimeout("open", "the SC", 0)
		}
		return c, err
	})
}

// Load gives what the application's own store has.
func (r *reader) Load(context.Context, string) (list []fluvio.ConsumerOffset, _ error) {
	r.Reading.mu.Lock()
	defer r.Reading.mu.Unlock()
	for at, offset := range r.saved {
		list = append(list, fluvio.ConsumerOffset{Topic: at.Topic, Partition: at.Partition, Offset: offset})
	}
	return list, nil
}

// Save stores, unless it fails half way.
func (r *reader) Save(_ context.Context, _ string, offsets []fluvio.ConsumerOffset) error {
	for i, o := range offsets {
		if i == len(offsets)/2 && r.failing.Swap(false) {
			return errors.New("the store fails")
		}
		at := Lane{o.Topic, o.Partition}
		r.Reading.Save(at, o.Offset)
		r.Reading.mu.Lock()
		r.saved[at] = o.Offset
		r.Reading.mu.Unlock()
	}
	return nil
}

// list notes what the cluster has stored.
func (r *reader) list() {
	if r.own || r.readPlan.consumer.OffsetStrategy == "none" {
		return
	}
	list := open(r.ctx, r.t, func() ([]fluvio.ConsumerOffset, error) { return r.writing.Admin().ConsumerOffsets(r.ctx) })
	for _, o := range list {
		r.Reading.Save(Lane{o.Topic, o.Partition}, o.Offset)
	}
}

// close closes the consumer and holds what is stored against what it said.
func (r *reader) close() {
	err := r.consumer.Close(r.ctx)
	if err != nil {
		r.Doubt()
	}
	r.list()
	switch {
	case err == nil && r.readPlan.consumer.OffsetStrategy == "auto":
		r.Committed(true)
	case err != nil && r.over.Load() && !r.deletes && (fluvioerr.CodeOf(err) != fluvioerr.Timeout || r.timeout >= patience): // machines are busy
		r.t.Errorf("close: %v", err)
	}
	_, err = r.consumer.Next(r.ctx)
	require.Equal(r.t, fluvioerr.Closed, fluvioerr.CodeOf(err), "%v", err)
}

// give notes a record that the application got.
func (r *reader) give(rec fluvio.Record) {
	at := Lane{rec.Topic, rec.Partition}
	if r.isOld(rec) {
		at = Before(at)
	}
	r.Give(at, rec.Offset, rec.Value)
}

// isOld says whether a record is of the topic that was deleted before it was made anew.
func (r *reader) isOld(rec fluvio.Record) bool {
	return rec.Topic == doomed && r.remade && strings.HasSuffix(string(rec.Value), " of 40")
}

// step is something that the application does.
func (r *reader) step() {
	ctx, cancel := context.WithTimeout(r.ctx, pick(r.rng, 0, time.Millisecond, 5*time.Millisecond, 20*time.Millisecond))
	defer cancel()
	switch n := r.rng.IntN(100); {
	case n < 40:
		r.next(ctx)
	case n < 55:
		r.poll(fluvio.PollLimits{MaxRecords: pick(r.rng, 0, 1, 7, 50), MaxBytes: pick(r.rng, int64(0), 1, 2000), Wait: pick(r.rng, 0, time.Millisecond, 10*time.Millisecond)})
	case n < 70:
		r.loop(ctx, 1+r.rng.IntN(60))
	case n < 76:
		r.seek()
	case n < 82:
		r.pause(r.anyLane())
	case n < 88:
		r.resumeAll()
	case n < 96:
		r.commit()
	case n < 99:
		r.close()
		r.open()
	default:
		require.NoError(r.t, r.consumer.Drain())
		r.resumeAll()
		for r.next(r.ctx) {
		}
		r.close()
		r.open()
	}
	r.positions()
}

// next takes a batch and says whether there may be more.
func (r *reader) next(ctx context.Context) bool {
	r.Come()
	b, err := r.consumer.Next(ctx)
	if err != nil {
		return r.failed(err)
	}
	for rec := range b.Records() {
		r.give(rec)
	}
	if b.Len() > 0 {
		r.Exact(Lane{b.Topic(), b.Partition()})
	}
	b.Release()
	return true
}

func (r *reader) poll(limits fluvio.PollLimits) {
	r.Come()
	records, err := r.consumer.Poll(r.ctx, limits)
	for _, rec := range records {
		r.give(rec)
	}
	if err != nil {
		r.failed(err)
	}
}

// loop reads record by record and leaves after n.
func (r *reader) loop(ctx context.Context, n int) {
	r.Come()
	for rec, err := range r.consumer.Records(ctx) {
		if err != nil {
			r.failed(err)
			return
		}
		r.give(rec)
		if n--; n == 0 {
			return
		}
		r.Come()
	}
}

// failed judges an error of reading and says whether there may be more.
func (r *reader) failed(err error) bool {
	e := fluvioerr.As(err)
	at := Lane{e.Topic, e.Partition}
	switch {
	case e.Code == fluvioerr.End:
		return false
	case e.Code == fluvioerr.Timeout && e.Topic == "":
		return true
	case r.dead[at] && e.End == fluvioerr.NotEnded:
		r.t.Errorf("told twice: %v", err)
	case e.Code == fluvioerr.OffsetEvicted && (r.evicts || r.remade && at.Topic == doomed) && r.readPlan.consumer.OffsetReset == "error":
		r.dead[at] = true
		r.seekTo(at, fluvio.Beginning())
	case e.Code == fluvioerr.NotFound && r.deletes && at.Topic == doomed:
		r.dead[at] = true
		if r.remade && r.rng.IntN(2) == 0 {
			r.seekTo(at, fluvio.Beginning())
			return true
		}
	default:
		r.t.Errorf("there is no reason for %v", err)
	}
	return e.End == fluvioerr.NotEnded
}

// anyLane is a partition that the consumer reads.
func (r *reader) anyLane() Lane {
	at := pick(r.rng, r.consumer.Positions()...)
	return Lane{at.Topic, at.Partition}
}

func (r *reader) resumeAll() {
	for _, p := range r.consumer.Positions() {
		at := Lane{p.Topic, p.Partition}
		r.Pause(at, false) // before the first record can come
		r.whileThere(at, r.consumer.Resume(at.Topic, at.Partition))
	}
}

// pause pauses a partition.
func (r *reader) pause(at Lane) {
	if !r.whileThere(at, r.consumer.Pause(at.Topic, at.Partition)) {
		return
	}
	r.Pause(at, true)
	for _, p := range r.consumer.Positions() {
		if at == (Lane{p.Topic, p.Partition}) {
			r.Rest(at, p.Position)
		}
	}
}

// whileThere says whether something was done to a partition, which may have been lost just now.
func (r *reader) whileThere(at Lane, err error) bool {
	if at.Topic == doomed && r.deletes && fluvioerr.CodeOf(err) == fluvioerr.NotFound {
		return false
	}
	require.NoError(r.t, err)
	return true
}

// seek goes somewhere in the log, or a little back.
func (r *reader) seek() {
	at := r.anyLane()
	if at.Topic != topic {
		return
	}
	start, _, end, err := r.dev.Offsets(topic, at.Partition)
	require.NoError(r.t, err)
	to := start + r.rng.Int64N(end-start+1)
	if next := r.Next(at); r.rng.IntN(2) == 0 && next-4 > start {
		to = next - 4
	}
	if r.readPlan.consumer.Isolation == "read_committed" {
		to = start // what is behind the high watermark cannot be read
	}
	r.seekTo(at, fluvio.AtOffset(to))
}

// seekTo seeks until it works.
func (r *reader) seekTo(at Lane, to fluvio.StartPosition) {
	for {
		offset, err := r.consumer.OffsetFor(r.ctx, at.Topic, at.Partition, to)
		if err == nil {
			err = r.consumer.Seek(r.ctx, at.Topic, at.Partition, fluvio.AtOffset(offset))
			if fluvioerr.CodeOf(err) == fluvioerr.InvalidState {
				return // it is being drained
			}
			require.NoError(r.t, err)
			r.Seek(at, offset)
			delete(r.dead, at)
			return
		}
		if r.remade && fluvioerr.CodeOf(err) == fluvioerr.NotFound { // the client has not heard of the new one
			await(nil)
			continue
		}
		require.Equal(r.t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	}
}

// commit stores everything, or a chosen offset.
func (r *reader) commit() {
	if r.readPlan.consumer.OffsetStrategy == "none" {
		return
	}
	r.failing.Store(r.own && r.rng.IntN(4) == 0)
	defer r.failing.Store(false)
	r.Commit()
	if at := r.anyLane(); r.rng.IntN(3) == 0 && r.Given(at) != nothing {
		offset := r.rng.Int64N(r.Given(at) + 1)
		if r.tolerable(r.consumer.CommitOffset(r.ctx, at.Topic, at.Partition, offset)) {
			return
		}
		r.list()
		r.Chosen(at, offset)
		return
	}
	if r.tolerable(r.consumer.Commit(r.ctx)) {
		return
	}
	r.list()
	r.Committed(false)
}

// tolerable says whether a commit failed, as it may.
func (r *reader) tolerable(err error) bool {
	e := fluvioerr.As(err)
	if err != nil {
		r.Doubt()
	}
	switch {
	case err == nil:
		return false
	case e.Code == fluvioerr.Timeout, fluvioerr.Retriable(err), strings.Contains(err.Error(), "the store fails"), e.Topic == doomed && r.deletes:
	default:
		r.t.Errorf("there is no reason for %v", err)
	}
	return true
}

// positions holds what the consumer says of itself against what it gave.
func (r *reader) positions() {
	for _, p := range r.consumer.Positions() {
		at := Lane{p.Topic, p.Partition}
		if r.Passes != nil || r.remade && at.Topic == doomed {
			continue // records that do not pass move it; or it is of the old one
		}
		if next := r.Next(at); !r.evicts && p.Position != next {
			r.t.Errorf("%v: the position is %d, the next record %d", at, p.Position, next)
		}
	}
}

// readOn reads, when the faults have ended, everything that there is: nothing sticks, without the application's help. What
// is written last must come, whatever retention took.
func (r *reader) readOn() {
	parts := r.parts
	if r.grown.Load() && r.readPlan.consumer.Partitions == nil {
		parts++
	}
	if r.readPlan.consumer.Partitions != nil {
		parts = 1
	}
	ends := make([]int64, parts)
	for p := range int32(parts) {
		for try := 0; ; try++ {
			at, value := Lane{topic, p}, fmt.Appendf(nil, "probe %d of partition %d", try, p)
			rc, err := r.producer.SendTo(r.ctx, p, fluvio.Record{Value: value})
			if err == nil {
				var offset int64
				if _, offset, err = rc.Wait(r.ctx); err == nil {
					r.Wrote(at, offset, value)
					ends[p] = offset + 1
					break
				}
			}
			require.NoError(r.t, r.ctx.Err(), "%v", err)
			await(nil)
		}
	}
	r.resumeAll()
	for p, end := range ends {
		for r.Next(Lane{topic, int32(p)}) < end {
			require.NoError(r.t, r.ctx.Err(), "partition %d: %d of %d, %+v, %v", p, r.Next(Lane{topic, int32(p)}), end, r.consumer.Positions(), r.Err())
			require.NoError(r.t, r.Err())
			r.next(r.ctx)
		}
	}
}

// hold holds what came through a filter against what is stored.
func (r *reader) hold() {
	logs := map[Lane][]Row{}
	consumer := open(r.ctx, r.t, func() (*fluvio.Consumer, error) {
		return r.writing.Consumer(r.ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	})
	for rec, err := range consumer.Records(r.ctx) {
		require.NoError(r.t, err)
		at := Lane{rec.Topic, rec.Partition}
		logs[at] = append(logs[at], Row{rec.Offset, bytes.Clone(rec.Value)})
	}
	require.NoError(r.t, consumer.Close(r.ctx))
	for at, log := range logs {
		r.Hold(at, log)
	}
}
