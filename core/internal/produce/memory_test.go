package produce

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/compress"
)

// live is the memory in use after garbage collection, in bytes.
func live() int64 {
	runtime.GC()
	runtime.GC() // empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// However long the server does not read, whenever requests are sent again, and however many try to send, memory stays within
// buffer_memory and a constant, whatever the records, the batches and the compression are. MEMORY_SECONDS lets it go on so long.
func TestMemoryWhileTheServerStopsReading(t *testing.T) {
	random := make([]byte, 1000)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for name, c := range map[string]struct {
		value  []byte
		change func(*Config)
	}{
		"default":       {random, func(*Config) {}},
		"empty records": {nil, func(*Config) {}},
		"no reports":    {random[:100], func(c *Config) { c.OnDelivery = nil }},
		"small batches": {random[:20], func(c *Config) { c.BatchSize = 256 }},
		"compressed":    {random, func(c *Config) { c.Compression = compress.Zstd }},
	} {
		t.Run(name, func(t *testing.T) { stopReading(t, c.value, c.change) })
	}
}

func stopReading(t *testing.T, value []byte, change func(*Config)) {
	const budget, constant, senders, partitions = 16 << 20, 8 << 20, 16, 8
	seconds, _ := strconv.Atoi(os.Getenv("MEMORY_SECONDS"))
	lasting := time.Duration(seconds) * time.Second
	w := newWorld(t, devcluster.Options{})
	w.topic("memory", devcluster.TopicOptions{Partitions: partitions})
	var taken atomic.Int64
	before := live()
	p := w.producer("memory", func(cfg *Config) {
		cfg.BufferMemory, cfg.DeliveryTimeout, cfg.RequestTimeout = budget, patience+lasting, patience+lasting
		cfg.OnDelivery = func(d *Delivery) {
			if d.Err != nil {
				t.Error(d.Err)
			}
		}
		change(cfg)
	})
	stall := w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Hour}})
	ctx, stop := context.WithTimeout(context.Background(), patience+lasting)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for {
				if _, err := p.Send(ctx, &Record{Value: value}); err != nil {
					if fluvioerr.CodeOf(err) != fluvioerr.Cancelled {
						t.Error(err)
					}
					return
				}
				taken.Add(1)
			}
		})
	}
	end := func() {
		stop()
		all.Wait()
	}
	defer end()
	bounded := func() {
		require.LessOrEqual(t, live()-before, int64(budget+constant), "with %d records", taken.Load())
	}
	require.Eventually(t, func() bool { return p.blocked.Load() == senders }, patience, time.Millisecond)
	bounded()
	restart := func() {
		require.NoError(t, w.dev.StopSPU(5001))
		require.NoError(t, w.dev.StartSPU(5001))
	}
	over := time.After(lasting)
	for n, waiting := 0, true; n < 5 || waiting; n++ {
		hits := stall.Hits()
		restart()
		require.NoError(t, stall.Wait(ctx, hits+1), "it is sent again")
		select {
		case <-over:
			waiting = false
		case <-time.After(lasting / 20):
			bounded()
		}
	}
	require.EqualValues(t, senders, p.blocked.Load())
	bounded()
	end()
	stall.Remove()
	restart()
	require.NoError(t, p.Flush(testContext(t), nil))
	require.True(t, p.budget.TryAcquire(budget), "every byte was given back")
	stored := int64(0)
	for id := range int32(partitions) {
		_, _, end, err := w.dev.Offsets("memory", id)
		require.NoError(t, err)
		stored += end
	}
	require.GreaterOrEqual(t, stored, taken.Load())
}
