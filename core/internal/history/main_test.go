package history

import (
	"context"
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

func TestMain(m *testing.M) {
	_ = os.Setenv("FLUVIO_LOG", "off") // thousands of lines about faults hide the one that matters
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given { // runs wait more than they compute
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	goleak.VerifyTestMain(m)
}

// patience bounds waits for what must come; it is no measure.
const patience = 60 * time.Second

// open tries again as long as f times out: runs have short request timeouts, and machines are busy.
func open[T any](ctx context.Context, t *testing.T, f func() (T, error)) T {
	t.Helper()
	for {
		out, err := f()
		if fluvioerr.CodeOf(err) != fluvioerr.Timeout || ctx.Err() != nil {
			require.NoError(t, err)
			return out
		}
	}
}

// readAll notes everything that a topic holds.
func (h *History) readAll(ctx context.Context, t *testing.T, dev *devcluster.Cluster, topic string) {
	t.Helper()
	client := open(ctx, t, func() (*fluvio.Client, error) {
		return fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: dev.Endpoint()})
	})
	defer func() { require.NoError(t, client.Close(ctx)) }()
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd()})
	require.NoError(t, err)
	for r, err := range consumer.Records(ctx) {
		require.NoError(t, err)
		h.Store(r.Partition, r.Offset, r.Key, r.Value)
	}
}

// stateOf is what an outcome as a receipt gives it means for the record.
func stateOf(err error) State {
	switch {
	case err == nil:
		return Stored
	case fluvioerr.MaybeWritten(err):
		return MaybeStored
	}
	return NotStored
}
