package fluvio_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
)

// Two hundred clients that come and go leave no descriptor, no goroutine and no memory.
func TestTwoHundredClients(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	require.NoError(t, cl.CreateTopic("t", 2))
	rounds := func(n int) {
		for range n {
			client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cl.Endpoint(), OnEvent: func(fluvio.ClientEvent) {}})
			require.NoError(t, err)
			_, err = client.Producer(ctx, "t", fluvio.ProducerOptions{})
			require.NoError(t, err)
			consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}, StopAt: fluvio.StopAtEnd()})
			require.NoError(t, err)
			for _, err := range consumer.Records(ctx) {
				require.NoError(t, err)
			}
			_, err = client.Health(ctx)
			require.NoError(t, err)
			require.NoError(t, client.Close(ctx))
		}
	}
	// The servers' ends are in this process, too, and end a little later.
	counts := func() (goroutines, descriptors int) {
		files, _ := os.ReadDir("/proc/self/fd") // nothing where there is no such folder
		return runtime.NumGoroutine(), len(files)
	}
	memory := func() uint64 {
		runtime.GC()
		runtime.GC() // pools are empty after the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	goroutines, descriptors := counts()
	rounds(20) // what is made once and stays
	settle := func() {
		require.Eventually(t, func() bool {
			g, d := counts()
			return g <= goroutines+1 && d <= descriptors // Eventually has one of its own
		}, time.Minute, 5*time.Millisecond)
	}
	settle()
	for attempt := 1; ; attempt++ {
		before := memory()
		rounds(200)
		settle()
		after := memory()
		t.Logf("%d bytes before, %d after", before, after)
		if int64(after-before) < 32<<10 { // 160 bytes of each; what a leak leaves comes every time
			break
		}
		require.Less(t, attempt, 4, "memory stays")
	}
}
