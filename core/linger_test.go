package fluvio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
)

// No call waits for linger when something else can end the wait. With linger 0 nobody has to ask.
func TestNobodyWaitsForLinger(t *testing.T) {
	ctx := testContext(t) // ends long before the linger does
	client := connect(t, endpoint(t))
	topic := makeTopic(t, client, "linger", 4)
	reported := make(chan int, 1000)
	open := func(linger time.Duration) *fluvio.Producer {
		p, err := client.Producer(ctx, topic, fluvio.ProducerOptions{
			Linger: linger, DeliveryTimeout: 2 * time.Hour, BufferMemory: 64 << 10, MaxRequestSize: 64 << 10,
			OnDelivery: func(d *fluvio.Delivery) { reported <- d.Count },
		})
		require.NoError(t, err)
		return p
	}
	send := func(p *fluvio.Producer, size int) fluvio.Receipt {
		rc, err := p.Send(ctx, fluvio.Record{Value: make([]byte, size)})
		require.NoError(t, err)
		return rc
	}
	told := func(n int) {
		for n > 0 {
			select {
			case count := <-reported:
				n -= count
			case <-ctx.Done():
				require.FailNow(t, "reports are missing")
			}
		}
		require.Zero(t, n)
	}

	atOnce := open(0)
	send(atOnce, 1)
	told(1)
	require.NoError(t, atOnce.Close(ctx))

	p := open(10 * time.Minute)
	_, _, err := send(p, 1).Wait(ctx)
	require.NoError(t, err, "who waits for one record")
	told(1)
	send(p, 1)
	require.NoError(t, p.Flush(ctx))
	told(1)
	for range 200 { // three times what buffer_memory holds
		send(p, 1000)
	}
	require.NoError(t, p.Flush(ctx))
	told(200)
	short, cancel := context.WithCancel(ctx)
	cancel()
	rc := send(p, 1)
	_, _, _ = rc.Wait(short)
	told(1) // who gave up waiting has sent it all the same
	send(p, 1)
	require.NoError(t, p.Close(ctx))
	told(1)
}
