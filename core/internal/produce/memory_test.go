package produce

import (
	"context"
	"math/rand/v2"
	"runtime"
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

// However long the server does not read, through any number of request timeouts, and however many try to send, memory stays
// within buffer_memory and a constant, whatever the records, the batches and the compression are.
func TestMemoryWhileTheServerStopsReading(t *testing.T) {
	const budget, constant, senders, partitions = 16 << 20, 8 << 20, 16, 8
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
		"no reports":    {nil, func(c *Config) { c.OnDelivery = nil }},
		"small batches": {random[:20], func(c *Config) { c.BatchSize = 256 }},
		"compressed":    {random, func(c *Config) { c.Compression = compress.Zstd }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{})
			w.topic("memory", devcluster.TopicOptions{Partitions: partitions})
			var taken atomic.Int64
			before := live()
			p := w.producer("memory", func(cfg *Config) {
				cfg.BufferMemory, cfg.MaxRequestSize = budget, 64<<10
				cfg.RequestTimeout, cfg.ServerTimeout = 50*time.Millisecond, time.Millisecond
				cfg.OnDelivery = func(d *Delivery) {
					if d.Err != nil {
						t.Error(d.Err)
					}
				}
				c.change(cfg)
			})
			stall := w.rule(devcluster.Rule{API: "Produce", Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Hour}})
			ctx, stop := context.WithCancel(testContext(t))
			var all sync.WaitGroup
			for range senders {
				all.Go(func() {
					for {
						if _, err := p.Send(ctx, &Record{Value: c.value}); err != nil {
							if fluvioerr.CodeOf(err) != fluvioerr.Cancelled {
								t.Error(err)
							}
							return
						}
						taken.Add(1)
					}
				})
			}
			require.Eventually(t, func() bool { return p.blocked.Load() == senders && stall.Hits() > 5 }, patience, time.Millisecond)
			require.LessOrEqual(t, live()-before, int64(budget+constant), "with %d records", taken.Load())
			stop()
			all.Wait()
			stall.Remove()
			require.NoError(t, p.Flush(testContext(t)))
			require.True(t, p.budget.TryAcquire(budget), "every byte was given back")
			stored := int64(0)
			for id := range int32(partitions) {
				_, _, end, err := w.dev.Offsets("memory", id)
				require.NoError(t, err)
				stored += end
			}
			require.GreaterOrEqual(t, stored, taken.Load())
		})
	}
}
