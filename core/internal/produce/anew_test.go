package produce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// A topic that is made anew with fewer partitions has no others: what was queued for those fails, and nothing is taken for them. With
// more partitions again, they are there again.
func TestTopicMadeAnewWithFewerPartitions(t *testing.T) {
	w := newWorld(t, devcluster.Options{})
	w.topic("anew", devcluster.TopicOptions{Partitions: 3})
	l := newLedger()
	p := w.producer("anew", func(c *Config) { c.OnDelivery, c.Linger, c.DeliveryTimeout = l.take, time.Hour, 2*time.Hour })
	count := func(n int32) func() bool { return func() bool { return p.view.Load().Count == n } }
	anew := func(partitions int) {
		require.NoError(t, w.dev.DeleteTopic("anew"))
		w.topic("anew", devcluster.TopicOptions{Partitions: partitions})
		require.Eventually(t, count(int32(partitions)), patience, time.Millisecond)
	}
	_, err := p.SendTo(testContext(t), 2, record(0))
	require.NoError(t, err)
	anew(1)
	require.Error(t, l.all(t, 1)[0].err)
	require.Equal(t, NotPersisted, l.all(t, 1)[0].persisted)
	_, err = p.SendTo(testContext(t), 2, record(1))
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "partition 2 does not exist: the topic has 1, 0 to 0")
	require.Contains(t, feed(testContext(t), p, []Record{{Partition: 2, Opaque: 7}}), uint64(7))
	r, err := p.SendTo(testContext(t), 0, record(2))
	require.NoError(t, err)
	_, err = wait(t, r)
	require.NoError(t, err)
	anew(3)
	r, err = p.SendTo(testContext(t), 2, record(3))
	require.NoError(t, err)
	_, err = wait(t, r)
	require.NoError(t, err)
	require.Equal(t, []string{"value 3"}, values(w.read("anew")))
}
