package matrix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// The soak: so many of each, and a fault so often, which lasts for half of that time.
const (
	soakWriters    = 8
	soakReaders    = 8
	soakPartitions = 16
	soakSPUs       = 3
	soakFault      = 2 * time.Second
	soakPace       = 2 * time.Millisecond // between two records of a writer
	soakRecord     = 20                   // bytes
)

// soak is a run of it. It keeps what it has to check as numbers, for memory must be flat: each writer counts up in partitions of its
// own, so that readers know what has to come.
type soak struct {
	*testing.T
	ctx     context.Context
	dev     *devcluster.Cluster
	net     *network
	client  *fluvio.Client
	faults  map[string]faults
	sent    [soakPartitions]atomic.Int64 // the number of the last record that was acknowledged, and all before it
	written atomic.Int64
	unsure  atomic.Int64 // answers that came late or never
	readers [soakReaders]reader
}

// faults is what one row did.
type faults struct{ runs, strikes int }

// reader is what one consumer has seen.
type reader struct {
	next   [soakPartitions]atomic.Int64 // offset
	last   [soakPartitions]atomic.Int64 // the largest number, all before it having come
	copies atomic.Int64
}

// TestSoak runs for SOAK_SECONDS, which make soak sets; without it, for a moment.
func TestSoak(t *testing.T) {
	length := 3 * soakFault
	if text := os.Getenv("SOAK_SECONDS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		length = time.Duration(n) * time.Second
	} else if testing.Short() {
		t.Skip("takes six seconds; not with -short")
	}
	goroutines, files := baseline(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithTimeout(context.Background(), length+2*patience)
	defer cancel()
	s := &soak{T: t, ctx: ctx, net: newNetwork(rng), faults: map[string]faults{}}
	s.start()
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for w := range soakWriters {
		producer := s.producer()
		writers.Go(func() { s.write(producer, w, stop) })
	}
	reading, halt := context.WithCancel(ctx)
	for i := range s.readers {
		consumer, err := s.client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning()})
		require.NoError(t, err)
		readers.Go(func() { s.consume(reading, consumer, &s.readers[i]) })
	}
	memory := s.rage(rng, length)
	close(stop)
	writers.Wait()
	s.awaitReaders()
	halt()
	readers.Wait()
	closing, done := context.WithTimeout(ctx, patience)
	defer done()
	require.NoError(t, s.client.Close(closing))
	require.NoError(t, s.dev.Close())
	s.sum(memory)
	settle(t, goroutines, files)
}

func (s *soak) start() {
	var err error
	s.dev, err = devcluster.Start(s.ctx, devcluster.Options{SPUs: soakSPUs, CleanInterval: time.Second})
	require.NoError(s, err)
	// The log keeps little, or it would be the memory that grows.
	require.NoError(s, s.dev.CreateTopicWith(topic, devcluster.TopicOptions{Partitions: soakPartitions, SegmentSize: 64 << 10, MaxPartitionSize: 256 << 10}))
	s.client, err = fluvio.Connect(s.ctx, fluvio.ClientOptions{
		Endpoint: s.dev.Endpoint(), DialContext: s.net.dial, RetryBackoff: 5 * time.Millisecond, RetryBackoffMax: 200 * time.Millisecond,
		BreakerReset: 100 * time.Millisecond, RequestTimeout: time.Second, ConnectionTimeout: 500 * time.Millisecond,
	})
	require.NoError(s, err)
}

// producer opens a producer that notes what is reported: everything, in order, as stored.
func (s *soak) producer() *fluvio.Producer {
	producer, err := s.client.Producer(s.ctx, topic, fluvio.ProducerOptions{DeliveryTimeout: patience, OnDelivery: func(d *fluvio.Delivery) {
		if d.Err != nil {
			s.Errorf("%d records of partition %d are lost: %v", d.Count, d.Partition, d.Err)
			return
		}
		for _, number := range d.Opaques {
			if before := s.sent[d.Partition].Swap(int64(number)); before+1 != int64(number) {
				s.Errorf("partition %d: record %d was reported behind %d", d.Partition, number, before)
			}
		}
	}})
	require.NoError(s, err)
	return producer
}

// write counts in two partitions.
func (s *soak) write(producer *fluvio.Producer, w int, stop <-chan struct{}) {
	mine := [2]int32{int32(2 * w), int32(2*w + 1)}
	tick := time.NewTicker(soakPace)
	defer tick.Stop()
	var numbers [2]uint64
	for i := 0; ; i++ {
		select {
		case <-stop:
			if err := producer.Close(s.ctx); err != nil {
				s.Errorf("close producer: %v", err)
			}
			s.unsure.Add(int64(producer.Stats().Retries))
			return
		case <-tick.C:
		}
		numbers[i%2]++
		number := numbers[i%2]
		value := append(strconv.AppendUint(nil, number, 10), make([]byte, soakRecord)...)
		if _, err := producer.SendTo(s.ctx, mine[i%2], fluvio.Record{Value: value, Opaque: number}); err != nil {
			s.Errorf("send: %v", err)
			return
		}
		s.written.Add(1)
	}
}

// consume reads all partitions.
func (s *soak) consume(ctx context.Context, consumer *fluvio.Consumer, r *reader) {
	defer func() { _ = consumer.Close(s.ctx) }()
	for {
		b, err := consumer.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.Errorf("consume: %v", err)
			}
			return
		}
		for rec := range b.Records() {
			p := rec.Partition
			if next := r.next[p].Swap(rec.Offset + 1); next != rec.Offset {
				s.Errorf("partition %d goes on at offset %d instead of %d", p, rec.Offset, next)
			}
			end := 0
			for rec.Value[end] != 0 {
				end++
			}
			number, _ := strconv.ParseInt(string(rec.Value[:end]), 10, 64)
			switch last := r.last[p].Load(); {
			case number == last+1:
				r.last[p].Store(number)
			case number <= last:
				r.copies.Add(1)
			default:
				s.Errorf("partition %d: record %d came behind %d", p, number, last)
				r.last[p].Store(number)
			}
		}
		b.Release()
	}
}

// rage draws a fault every two seconds, which lasts one, and gives how much memory was in use along the way.
func (s *soak) rage(rng *rand.Rand, length time.Duration) (memory []uint64) {
	r := &run{T: s.T, ctx: s.ctx, rng: rng, dev: s.dev, net: s.net, client: s.client, parts: soakPartitions}
	var fit []*row
	for i := range rows {
		// What a row asks of its client, and what is no passing fault, is left out.
		if row := &rows[i]; row.as == "" && !row.tls && !row.terms.Failures && !row.alone && row.name != "storage error" {
			fit = append(fit, row)
		}
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		row := fit[rng.IntN(len(fit))]
		r.bites = nil
		lift := row.strike(r)
		time.Sleep(soakFault / 2)
		f := s.faults[row.name]
		f.runs++
		f.strikes += r.struck()
		s.faults[row.name] = f
		lift()
		time.Sleep(soakFault / 2)
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		memory = append(memory, m.HeapAlloc)
	}
	return memory
}

// awaitReaders returns when every consumer has every record.
func (s *soak) awaitReaders() {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		behind := ""
		for i := range s.readers {
			for p := range s.sent {
				if have, all := s.readers[i].last[p].Load(), s.sent[p].Load(); have < all {
					behind = fmt.Sprintf("consumer %d has %d of %d records of partition %d", i, have, all, p)
				}
			}
		}
		if behind == "" {
			return
		}
		if time.Now().After(end) {
			require.FailNow(s, "not everything is read", behind)
		}
	}
}

// sum says what happened, and wants memory not to grow.
func (s *soak) sum(memory []uint64) {
	acknowledged := int64(0)
	for p := range s.sent {
		acknowledged += s.sent[p].Load()
	}
	require.Equal(s, s.written.Load(), acknowledged, "every record has its report")
	copies := s.readers[0].copies.Load()
	require.True(s, copies == 0 || s.unsure.Load() > 0, "records stand twice, and nothing was sent twice")
	s.Logf("%d records written, each read by %d consumers; %d batches sent again, %d copies; %d connections made",
		acknowledged, soakReaders, s.unsure.Load(), copies, s.net.dials.Load())
	for name, f := range s.faults {
		s.Logf("%3d × %s, which struck %d times", f.runs, name, f.strikes)
	}
	if n := len(memory); n >= 8 { // the least of a while: what the fault of the moment keeps waiting comes on top
		early, lately := slices.Min(memory[n/4:n/2]), slices.Min(memory[n-n/4:])
		s.Logf("memory in use, after each fault: %d KiB at least in the second quarter, %d KiB in the last, %d KiB at most ever",
			early>>10, lately>>10, slices.Max(memory)>>10)
		require.Less(s, lately, early+early/4+8<<20, "memory grows")
	}
	require.False(s, s.Failed())
}
