package replay

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// asOfficial plays a recording of the official client to libfluvio, which does the same work its own way: on connections of
// its own, with fewer or more questions, and without the requests that skip names. mask is what is not compared.
func asOfficial(t *testing.T, name string, mask Mask, skip func(*Request) bool, work func(context.Context, *fluvio.Client, *Player)) {
	t.Helper()
	player, err := Play(official(t, name), PlayerOptions{Mask: mask, Optional: func(r *Request) bool {
		return Reads(r) || skip(r)
	}})
	require.NoError(t, err)
	defer player.Close()
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	differed := make(chan struct{})
	go func() {
		defer close(differed)
		select {
		case <-player.Failed():
			cancel()
		case <-ctx.Done():
		}
	}()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: player.Endpoint()})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { // require ends the goroutine it fails in, and the replay's own report must follow
		defer close(done)
		work(ctx, client, player)
	}()
	<-done
	_ = client.Close(ctx)
	require.NoError(t, player.Finish(testContext(t)))
	cancel()
	<-differed
}

func TestOfficialAdmin(t *testing.T) {
	refusedByLibfluvio := func(r *Request) bool {
		name := r.Text("name")
		return r.Name == "Create" && (name == "Bad_Name!" || len(name) > 63)
	}
	asOfficial(t, "admin", OtherClient, refusedByLibfluvio, func(ctx context.Context, client *fluvio.Client, _ *Player) {
		require.Equal(t, "0.18.2-dev-1", client.PlatformVersion())
		admin := client.Admin()
		long := strings.Repeat("b", 63)
		require.NoError(t, admin.CreateTopic(ctx, "orders", fluvio.TopicSpec{IgnoreRack: true}))
		require.NoError(t, admin.CreateTopic(ctx, "events", fluvio.TopicSpec{IgnoreRack: true, Partitions: 3}))
		err := admin.CreateTopic(ctx, "orders", fluvio.TopicSpec{IgnoreRack: true})
		require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.AlreadyExists))
		require.ErrorContains(t, err, "Topic 'orders' already exists")
		require.NoError(t, admin.CreateTopic(ctx, long, fluvio.TopicSpec{IgnoreRack: true}))
		require.NoError(t, admin.CreateTopic(ctx, "kept", fluvio.TopicSpec{IgnoreRack: true, Partitions: 2, RetentionSeconds: 3600}))
		topics, err := admin.Topics(ctx)
		require.NoError(t, err)
		var names []string
		for _, topic := range topics {
			names = append(names, fmt.Sprintf("%s/%d/%d/%s", topic.Name, topic.Partitions, topic.RetentionSeconds, topic.Status))
		}
		require.Equal(t, []string{long + "/1/0/provisioned", "events/3/0/provisioned", "kept/2/3600/provisioned", "orders/1/0/provisioned"}, names)
		require.NoError(t, admin.DeleteTopic(ctx, "kept"))
		require.ErrorIs(t, admin.DeleteTopic(ctx, "nope"), fluvioerr.Target(fluvioerr.NotFound))
	})
}

// unshow is the inverse of show.
func unshow(t *testing.T, s string) []byte {
	t.Helper()
	if digits, ok := strings.CutPrefix(s, "hex "); ok {
		b, err := hex.DecodeString(digits)
		require.NoError(t, err)
		return b
	}
	text, err := strconv.Unquote(s)
	require.NoError(t, err)
	return []byte(text)
}

// number gives a field of a request that must be one.
func number(t *testing.T, r *Request, name string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(r.Field(name), 10, 64)
	require.NoError(t, err, name)
	return n
}

// empty says of a Produce that it has no records: official clients send such requests when they flush.
func empty(r *Request) bool { return r.Name == "Produce" && r.Field("topic[0].partition.count") == "0" }

// timed is OtherClient for tests that set the recorded timestamps, so that these are compared as well.
func timed() Mask {
	mask := maps.Clone(OtherClient)
	for _, name := range []string{"first_timestamp", "max_timestamp", "timestamp_delta"} {
		delete(mask, name)
	}
	return mask
}

// sendAgain hands over the records of a recorded Produce of one batch, at their times.
func sendAgain(ctx context.Context, t *testing.T, producer *fluvio.Producer, r *Request) (receipts []fluvio.Receipt) {
	t.Helper()
	const batch = "topic[0].partition[0].batch[0]."
	require.Empty(t, r.Field("topic[0].partition[1].id"))
	for i := range number(t, r, batch+"record.count") {
		at := fmt.Sprintf("%srecord[%d].", batch, i)
		rec := fluvio.Record{
			Value:     unshow(t, r.Field(at+"value")),
			Timestamp: number(t, r, batch+"first_timestamp") + number(t, r, at+"timestamp_delta"),
		}
		if key := r.Field(at + "key"); key != "none" {
			rec.Key = unshow(t, key)
		}
		receipt, err := producer.Send(ctx, rec)
		require.NoError(t, err)
		receipts = append(receipts, receipt)
	}
	return receipts
}

// openAgain opens a producer with the settings of a recorded Produce.
func openAgain(ctx context.Context, t *testing.T, client *fluvio.Client, r *Request) *fluvio.Producer {
	t.Helper()
	codec := number(t, r, "topic[0].partition[0].batch[0].attributes")
	o := fluvio.ProducerOptions{Compression: []string{"none", "gzip", "snappy", "lz4", "zstd"}[codec], Linger: time.Minute}
	o.ServerTimeout = time.Duration(number(t, r, "timeout_ms")) * time.Millisecond
	if r.Field("isolation") == "-1" {
		o.Isolation = "read_committed"
	}
	producer, err := client.Producer(ctx, r.Text("topic[0].name"), o)
	require.NoError(t, err)
	return producer
}

func TestOfficialProduce(t *testing.T) {
	requests := byName(t, official(t, "produce"), "Produce")
	require.Len(t, requests, 20)
	codecs := map[string]int{}
	asOfficial(t, "produce", timed(), empty, func(ctx context.Context, client *fluvio.Client, _ *Player) {
		for _, r := range requests {
			if empty(r) {
				continue
			}
			codecs[r.Field("topic[0].partition[0].batch[0].attributes")]++
			producer := openAgain(ctx, t, client, r)
			receipts := sendAgain(ctx, t, producer, r)
			require.NoError(t, producer.Flush(ctx))
			partition, _, err := receipts[0].Wait(ctx)
			require.NoError(t, err)
			require.EqualValues(t, number(t, r, "topic[0].partition[0].id"), partition)
			require.NoError(t, producer.Close(ctx))
		}
	})
	require.Len(t, codecs, 5, "codecs in the recording")
}

// came counts the requests with a name that the client has sent.
func came(p *Player, name string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.steps {
		if s := &p.steps[i]; s.from != nil && s.req.Name == name {
			n++
		}
	}
	return n
}

func TestOfficialConsume(t *testing.T) {
	// The official client acknowledges what it does not want to read any further.
	afterTheEnd := func(r *Request) bool { return r.Name == "UpdateOffsets" && number(t, r, "offset[0].session_id") > 1 }
	asOfficial(t, "consume", OtherClient, afterTheEnd, func(ctx context.Context, client *fluvio.Client, player *Player) {
		open := func(topic string, start fluvio.StartPosition, stop fluvio.StopPosition) *fluvio.Consumer {
			consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{topic}, Start: start, StopAt: stop, MaxBytes: 1<<20 + 314})
			require.NoError(t, err)
			return consumer
		}
		all := func(c *fluvio.Consumer) (out []string) {
			for r, err := range c.Records(ctx) {
				require.NoError(t, err)
				out = append(out, fmt.Sprintf("%d/%d %q", r.Partition, r.Offset, r.Value))
			}
			require.NoError(t, c.Close(ctx))
			return out
		}
		tail := open("orders", fluvio.Beginning(), fluvio.StopPosition{})
		n := 0
		for r, err := range tail.Records(ctx) {
			require.NoError(t, err)
			require.EqualValues(t, n, r.Offset)
			if n++; n == 47 {
				require.Equal(t, "committed", string(r.Value))
				break
			}
		}
		// The records may be here before the acknowledgement is there, and closing would forestall it.
		require.Eventually(t, func() bool { return came(player, "UpdateOffsets") == 1 }, 20*time.Second, time.Millisecond)
		require.NoError(t, tail.Close(ctx))
		require.Equal(t, []string{`0/44 "Zstd record 8 ` + strings.Repeat("Zstd record 8 ", 7) + `"`}, all(open("orders", fluvio.EndMinus(3), fluvio.StopAtEnd()))[:1])
		events := all(open("events", fluvio.Beginning(), fluvio.StopAtEnd()))
		require.ElementsMatch(t, []string{
			`0/0 "v-user-123"`, `1/0 "v-a"`, `1/1 "v-ключ"`, `2/0 "v-hello"`, `2/1 "v-order-0001"`, `2/2 "v-\x00\x01\x02\x03\x04\x05\x06\a"`,
		}, events)
		_, err := open("orders", fluvio.AtOffset(99999), fluvio.StopPosition{}).Next(ctx)
		require.ErrorContains(t, err, "start offset: 99999 is greater than leo")
	})
}
