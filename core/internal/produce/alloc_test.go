package produce

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
)

// In the steady state a record costs no allocation: a batch and a request cost a handful, whatever is in them, those of the
// dev cluster included. Here more than 9,000 records share a batch.
func TestNoAllocationPerRecord(t *testing.T) {
	for name, onDelivery := range map[string]func(*Delivery){"without reports": nil, "with reports": func(*Delivery) {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, devcluster.Options{})
			w.topic("steady", devcluster.TopicOptions{Partitions: 3})
			p := w.producer("steady", func(c *Config) { c.OnDelivery, c.BatchSize, c.Linger = onDelivery, 256<<10, time.Hour })
			const n = 200_000
			ctx := context.Background()
			r := Record{Key: make([]byte, 5), Value: make([]byte, 15)}
			each := testing.AllocsPerRun(2, func() {
				for i := range n {
					r.Key[0], r.Opaque = byte(i), uint64(i)
					if _, err := p.Send(ctx, &r); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Flush(ctx, nil); err != nil {
					t.Fatal(err)
				}
			}) / n
			require.Less(t, each, 0.01, "allocations per record")
		})
	}
}
