package replay

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// work is what a client does while it is recorded, and again while it is replayed to: everything, in an order that leaves
// nothing to the scheduler but the order of streams. It returns what the client saw.
type work struct {
	topic string
	// spoil changes one thing, to show that a replay finds it.
	spoil string
	seen  []string
}

func (w *work) saw(format string, args ...any) { w.seen = append(w.seen, fmt.Sprintf(format, args...)) }

func (w *work) run(ctx context.Context, endpoint string) (seen []string, err error) {
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: endpoint})
	if err != nil {
		return nil, err
	}
	err = w.admin(ctx, client)
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		if err == nil {
			err = w.produceBatch(ctx, client, codec)
		}
	}
	for _, step := range []func(context.Context, *fluvio.Client) error{w.produceAcross, w.consume, w.remove} {
		if err == nil {
			err = step(ctx, client)
		}
	}
	if e := client.Close(ctx); err == nil {
		err = e
	}
	return w.seen, err
}

func (w *work) admin(ctx context.Context, client *fluvio.Client) error {
	w.saw("platform %s", client.PlatformVersion())
	spec := fluvio.TopicSpec{RetentionSeconds: 3600, SegmentSize: 1 << 20, MaxPartitionSize: 1 << 24}
	if err := client.Admin().CreateTopic(ctx, w.topic, spec); err != nil {
		return err
	}
	if err := client.Admin().CreateTopic(ctx, w.topic+"-wide", fluvio.TopicSpec{Partitions: 3}); err != nil {
		return err
	}
	err := client.Admin().CreateTopic(ctx, w.topic, spec)
	w.saw("created again: %v", fluvioerr.CodeOf(err))
	topics, err := client.Admin().Topics(ctx)
	for _, t := range topics {
		if strings.HasPrefix(t.Name, w.topic) {
			w.saw("%+v", t)
		}
	}
	return err
}

// produceBatch writes twenty records as one batch.
func (w *work) produceBatch(ctx context.Context, client *fluvio.Client, codec string) error {
	o := fluvio.ProducerOptions{Compression: codec, Linger: time.Minute}
	if w.spoil == "codec" && codec == "lz4" {
		o.Compression = "zstd"
	}
	producer, err := client.Producer(ctx, w.topic, o)
	if err != nil {
		return err
	}
	var last fluvio.Receipt
	for i := range 20 {
		r := fluvio.Record{Value: fmt.Appendf(nil, "%s %d %x", codec, i, sha256.Sum256([]byte{byte(i)}))}
		if i%2 == 1 {
			r.Key = fmt.Appendf(nil, "key-%d", i)
		}
		if w.spoil == "value" && codec == "zstd" && i == 7 {
			r.Value[0] = 'Z'
		}
		if last, err = producer.Send(ctx, r); err != nil {
			return err
		}
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	partition, offset, err := last.Wait(ctx)
	w.saw("%s: %d/%d %v", codec, partition, offset, err)
	return producer.Close(ctx)
}

// produceAcross writes keyed and keyless records to several partitions, each by itself.
func (w *work) produceAcross(ctx context.Context, client *fluvio.Client) error {
	producer, err := client.Producer(ctx, w.topic+"-wide", fluvio.ProducerOptions{Isolation: "read_committed"})
	if err != nil {
		return err
	}
	for _, key := range []string{"a", "hello", "user-123", "", "order-0001", "", "ключ"} {
		r := fluvio.Record{Value: []byte("v-" + key)}
		if key != "" {
			r.Key = []byte(key)
		}
		receipt, err := producer.Send(ctx, r)
		if err != nil {
			return err
		}
		partition, offset, err := receipt.Wait(ctx)
		if err != nil {
			return err
		}
		w.saw("%q: %d/%d", key, partition, offset)
	}
	return producer.Close(ctx)
}

// consume reads one topic in several frames, and one of several partitions.
func (w *work) consume(ctx context.Context, client *fluvio.Client) error {
	for _, topic := range []string{w.topic, w.topic + "-wide"} {
		consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{
			Topics: []string{topic}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 2500,
		})
		if err != nil {
			return err
		}
		byPartition := map[int32]string{}
		for r, err := range consumer.Records(ctx) {
			if err != nil {
				return err
			}
			byPartition[r.Partition] += fmt.Sprintf("%d %q %q; ", r.Offset, r.Key, r.Value)
		}
		w.saw("%v", byPartition)
		if err := consumer.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) remove(ctx context.Context, client *fluvio.Client) error {
	for _, topic := range []string{w.topic + "-wide", w.topic} {
		if w.spoil == "less" && topic == w.topic {
			return nil
		}
		if err := client.Admin().DeleteTopic(ctx, topic); err != nil {
			return err
		}
	}
	err := client.Admin().DeleteTopic(ctx, w.topic)
	w.saw("deleted again: %v", fluvioerr.CodeOf(err))
	if w.spoil == "more" {
		_ = client.Admin().CreateTopic(ctx, w.topic, fluvio.TopicSpec{})
	}
	return nil
}

// recorded lets a client work on a cluster: a dev cluster, or the one FLUVIO_ENDPOINT names.
func recorded(t *testing.T, w *work, spus int) ([]Frame, []string) {
	t.Helper()
	ctx := testContext(t)
	endpoint := os.Getenv("FLUVIO_ENDPOINT")
	if endpoint == "" {
		cluster, err := devcluster.Start(ctx, devcluster.Options{SPUs: spus})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, cluster.Close()) })
		endpoint = cluster.Endpoint()
	}
	var out buffer
	recorder, err := Record(RecorderOptions{SC: endpoint, Out: &out})
	require.NoError(t, err)
	seen, err := w.run(ctx, recorder.Endpoint())
	require.NoError(t, err)
	require.NoError(t, recorder.Drain(ctx))
	require.NoError(t, recorder.Close())
	frames := out.frames(t)
	require.Equal(t, recorder.Frames(), len(frames))
	return frames, seen
}

// replayTo plays frames to a client that does w.
func replayTo(t *testing.T, frames []Frame, w *work) (seen []string, diff error) {
	t.Helper()
	player, err := Play(frames, PlayerOptions{Mask: SameClient, SameConnections: true, Optional: Incidental})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	go func() {
		select {
		case <-player.Failed():
			cancel()
		case <-ctx.Done():
		}
	}()
	seen, err = w.run(ctx, player.Endpoint())
	if diff = player.Finish(testContext(t)); diff == nil {
		require.NoError(t, err)
	}
	return seen, diff
}

func TestRecordAndReplay(t *testing.T) {
	for _, spus := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d SPUs", spus), func(t *testing.T) {
			topic := fmt.Sprintf("replay-%d", time.Now().UnixNano())
			frames, seen := recorded(t, &work{topic: topic}, spus)
			names := map[string]int{}
			for i := range frames {
				if f := &frames[i]; f.Dir == FromClient {
					r, err := DecodeRequest(f.Server, f.Msg)
					require.NoError(t, err)
					names[r.Name]++
				}
			}
			require.Equal(t, 3, names["Create"])
			require.Equal(t, 3, names["Delete"])
			require.Equal(t, 12, names["Produce"])
			require.Equal(t, 4, names["StreamFetch"])
			require.GreaterOrEqual(t, names["UpdateOffsets"], 2, "the topic was meant to take several frames")
			for range 3 {
				again, diff := replayTo(t, frames, &work{topic: topic})
				require.NoError(t, diff)
				require.Equal(t, seen, again)
			}
		})
	}
}

// TestReplayBites shows that a replay finds a client that does something else.
func TestReplayBites(t *testing.T) {
	topic := fmt.Sprintf("replay-%d", time.Now().UnixNano())
	frames, _ := recorded(t, &work{topic: topic}, 1)
	for spoil, want := range map[string][]string{
		"value": {`recorded in line`, `! topic[0].partition[0].batch[0].record[7].value = "zstd 7 ca358758`, `! topic[0].partition[0].batch[0].record[7].value = "Zstd 7 ca358758`, `~ topic[0].partition[0].batch[0].crc`},
		"codec": {"the client sent to the SPU what the recording does not have", "! topic[0].partition[0].batch[0].attributes = 3", "! topic[0].partition[0].batch[0].attributes = 4"},
		"less":  {"the client never sent a request to the SC", "recorded in line", "Delete", fmt.Sprintf("  name = %q", topic)},
		"more":  {"the client sent to the SC what the recording does not have", "sent: ApiVersions"},
	} {
		t.Run(spoil, func(t *testing.T) {
			_, diff := replayTo(t, frames, &work{topic: topic, spoil: spoil})
			var d *Difference
			require.ErrorAs(t, diff, &d)
			for _, part := range want {
				require.Contains(t, diff.Error(), part)
			}
		})
	}
}
