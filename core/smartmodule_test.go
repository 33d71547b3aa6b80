package fluvio_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// chainOf is a chain of one module.
func chainOf(name string) []fluvio.SmartModule { return []fluvio.SmartModule{{Name: name}} }

// fillPlain puts the numbers from first up to end into a topic, without SmartModules, some in each batch.
func fillPlain(t *testing.T, client *fluvio.Client, topic string, first, end int) {
	t.Helper()
	producer, err := client.Producer(testContext(t), topic, fluvio.ProducerOptions{BatchSize: 256, Linger: time.Minute})
	require.NoError(t, err)
	for i := first; i < end; i++ {
		_, err := producer.Send(testContext(t), fluvio.Record{Value: fmt.Appendf(nil, "%d", i)})
		require.NoError(t, err)
	}
	require.NoError(t, producer.Close(testContext(t)))
}

// every lets the numbers through that n divides.
func every(n int64) module {
	return func(offset int64, _, value []byte) ([][]byte, string) {
		if offset%n == 0 {
			return [][]byte{value}, ""
		}
		return nil, ""
	}
}

// Nothing that passes is lost, and nothing comes twice, though connections break and long stretches pass nothing.
func TestConsumeThroughSmartModules(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, every(37))
	client := m.connect(func(o *fluvio.ClientOptions) { o.RetryBackoff = time.Millisecond })
	require.NoError(t, m.dev.CreateTopic("filtered", 1))
	const n = 37*100 + 1
	fillPlain(t, client, "filtered", 0, n)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"filtered"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 1024, PrefetchBytes: 2048, SmartModules: chainOf("every-37"),
	})
	require.NoError(t, err)
	var got []string
	last := int64(-1)
	for r, err := range consumer.Records(testContext(t)) {
		require.NoError(t, err)
		require.Greater(t, r.Offset, last)
		last = r.Offset
		require.EqualValues(t, -1, r.Timestamp)
		if got = append(got, string(r.Value)); len(got)%9 == 0 {
			m.cut()
		}
	}
	want := make([]string, 0, 101)
	for i := 0; i < n; i += 37 {
		want = append(want, fmt.Sprint(i))
	}
	require.Equal(t, want, got)
	require.EqualValues(t, n-1, last, "the last record tells how far reading has come")
	streams := m.streams()
	require.Greater(t, len(streams), 5)
	for _, chain := range streams {
		require.Equal(t, wire.SmartModules{{Name: "every-37", Kind: wire.SmartModuleKind{Tag: wire.KindGeneric}}}, chain, "every stream goes through the chain")
	}
}

// A named consumer that has seen all that passed goes on with what comes next, behind all that did not pass.
func TestStoredOffsetsThroughSmartModules(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, every(10))
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("named", 1))
	read := func(n int) (got []string) {
		consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
			Topics: []string{"named"}, Start: fluvio.Beginning(), ConsumerID: "c", OffsetStrategy: "manual", SmartModules: chainOf("tens"),
		})
		require.NoError(t, err)
		for r, err := range consumer.Records(testContext(t)) {
			require.NoError(t, err)
			if got = append(got, string(r.Value)); len(got) == n {
				break
			}
		}
		require.NoError(t, consumer.Commit(testContext(t)))
		require.NoError(t, consumer.Close(testContext(t)))
		return got
	}
	fillPlain(t, client, "named", 0, 38)
	require.Equal(t, []string{"0", "10", "20", "30"}, read(4))
	offsets, err := client.Admin().ConsumerOffsets(testContext(t))
	require.NoError(t, err)
	require.EqualValues(t, 37, offsets[0].Offset, "what did not pass is done with too")
	fillPlain(t, client, "named", 38, 65)
	require.Equal(t, []string{"40", "50", "60"}, read(3))
}

// What came before a record on which a module fails is given first, then the error, then what is behind its batch.
func TestSmartModuleFailsForARecord(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, func(offset int64, _, value []byte) ([][]byte, string) {
		if offset == 3 {
			return nil, "three is too many"
		}
		return [][]byte{bytes.ToUpper(value)}, ""
	})
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("failing", 1))
	producer, err := client.Producer(testContext(t), "failing", fluvio.ProducerOptions{Linger: time.Minute}) // each flush is one batch
	require.NoError(t, err)
	for _, word := range []string{"a b c d e", "f g"} {
		for _, value := range strings.Fields(word) {
			_, err := producer.Send(testContext(t), fluvio.Record{Value: []byte(value)})
			require.NoError(t, err)
		}
		require.NoError(t, producer.Flush(testContext(t)))
	}
	_, _, end, err := m.dev.Offsets("failing", 0)
	require.NoError(t, err)
	require.EqualValues(t, 7, end)
	var events []fluvio.ConsumerEvent
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"failing"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 1 << 20, SmartModules: chainOf("upper"),
		OffsetReset: "latest", CorruptBatches: "skip", MaxRetries: 1, OnEvent: func(e fluvio.ConsumerEvent) { events = append(events, e) },
	})
	require.NoError(t, err)
	var got []string
	failures := 0
	for {
		b, err := consumer.Next(testContext(t))
		if fluvioerr.CodeOf(err) == fluvioerr.End {
			break
		}
		if err != nil {
			failures++
			got = append(got, "failure")
			e := fluvioerr.As(err)
			require.Equal(t, fluvioerr.SmartModule, e.Code)
			require.EqualValues(t, 3, e.Offset)
			require.Equal(t, map[string]string{"smartmodule_hint": "three is too many", "smartmodule_kind": "filter_map", "smartmodule": "upper"}, e.Detail)
			require.Equal(t, "failing", e.Topic)
			require.False(t, fluvioerr.Fatal(err))
			continue
		}
		for r := range b.Records() {
			got = append(got, string(r.Value))
		}
	}
	require.Equal(t, 1, failures)
	require.Equal(t, []string{"A", "B", "C", "failure", "F", "G"}, got)
	require.NoError(t, consumer.Close(testContext(t)))
	require.Len(t, events, 1, "it was no failure of reading")
	require.Equal(t, fluvio.PartitionAssigned, events[0].Kind)
}

// Reading goes back when a partition is paused, if need be behind an error that was given: it is not given again, unless the
// application itself goes there.
func TestSmartModuleFailsOnceThroughAPause(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, func(offset int64, _, value []byte) ([][]byte, string) {
		if offset == 3 {
			return nil, "three is too many"
		}
		return [][]byte{value}, ""
	})
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("once", 1))
	fillPlain(t, client, "once", 0, 5)
	fillPlain(t, client, "once", 5, 7)
	c, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"once"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), SmartModules: chainOf("picky"), ReadAhead: func() {},
	})
	require.NoError(t, err)
	read := func(until fluvioerr.Code) (got []string, failures int) {
		ctx := testContext(t)
		for {
			b, err := c.Next(ctx)
			if code := fluvioerr.CodeOf(err); code == fluvioerr.SmartModule {
				failures++
			}
			if fluvioerr.CodeOf(err) == until {
				return got, failures
			}
			if err == nil {
				for r := range b.Records() {
					got = append(got, string(r.Value))
				}
			}
			require.NoError(t, ctx.Err())
		}
	}
	got, failures := read(fluvioerr.SmartModule)
	require.Equal(t, []string{"0", "1", "2"}, got)
	require.Equal(t, 1, failures)
	c.HandedOut("once", 0, 2, 2)
	require.NoError(t, c.PauseAt("once", 0, 2))
	require.NoError(t, c.Resume("once", 0))
	got, failures = read(fluvioerr.End)
	require.Equal(t, []string{"2", "5", "6"}, got[max(len(got)-3, 0):])
	require.Zero(t, failures)
	require.NoError(t, c.Seek(testContext(t), "once", 0, fluvio.Beginning()))
	_, failures = read(fluvioerr.End)
	require.Equal(t, 1, failures)
}

// A module whose engine fails ends the partition. offset_reset is for positions, not for that.
func TestSmartModuleBreaksDown(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, func(int64, []byte, []byte) ([][]byte, string) { return nil, "smartmodule chain failed: trapped" })
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("broken", 1))
	fillPlain(t, client, "broken", 0, 3)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"broken"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), SmartModules: chainOf("trap"), OffsetReset: "latest",
	})
	require.NoError(t, err)
	_, err = consumer.Next(testContext(t))
	require.Equal(t, fluvioerr.SmartModule, fluvioerr.CodeOf(err), "%v", err)
	_, err = consumer.Next(testContext(t))
	require.True(t, fluvioerr.Fatal(err), "%v", err)
}

// fiveOfEach is a module that makes five records of each.
func fiveOfEach(_ int64, _, value []byte) (out [][]byte, _ string) {
	for i := range 5 {
		out = append(out, fmt.Appendf(nil, "%s.%d", value, i))
	}
	return out, ""
}

// A partition that is paused, or sought, in the middle of what a module made goes on so that nothing is missed: with the
// batches that its records may come from.
func TestPauseAndSeekThroughSmartModules(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, fiveOfEach)
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("paused", 1))
	fillPlain(t, client, "paused", 0, 100)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"paused"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 1 << 20, SmartModules: chainOf("five"),
	})
	require.NoError(t, err)
	values := func(first int) (want []string) {
		for i := first * 5; i < 500; i++ {
			want = append(want, fmt.Sprintf("%d.%d", i/5, i%5))
		}
		return want
	}
	var got []string
	for r, err := range consumer.Records(testContext(t)) {
		require.NoError(t, err)
		if got = append(got, string(r.Value)); len(got) == 300 {
			require.NoError(t, consumer.Pause("paused", 0))
			require.NoError(t, consumer.Resume("paused", 0))
		}
	}
	require.Equal(t, append(values(0)[:300], values(0)...), got)
	require.EqualValues(t, 100, consumer.Positions()[0].Position)

	require.NoError(t, consumer.Seek(testContext(t), "paused", 0, fluvio.AtOffset(50)))
	got = nil
	for _, r := range readAll(t, consumer) {
		got = append(got, string(r.Value))
	}
	require.Subset(t, got, values(50))
	require.Less(t, len(got), 500)
}

// A module that makes many records of each: all come, none gets an offset of what is read next.
func TestSmartModuleMakesManyRecords(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, fiveOfEach)
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("many", 1))
	fillPlain(t, client, "many", 0, 100)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"many"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 1024, SmartModules: chainOf("five"),
	})
	require.NoError(t, err)
	all := readAll(t, consumer)
	require.Len(t, all, 500)
	for i, r := range all {
		require.Equal(t, fmt.Sprintf("%d.%d", i/5, i%5), string(r.Value))
		if i > 0 {
			require.GreaterOrEqual(t, r.Offset, all[i-1].Offset)
		}
		require.Less(t, r.Offset, int64(100))
	}
}

// impatient has silence noticed soon.
func impatient(o *fluvio.ClientOptions) {
	o.RequestTimeout, o.RetryBackoff = time.Second, time.Millisecond
}

// When no record passes there is no frame, so nothing says that the end was reached but silence. It is asked for no more
// than once, and an SPU that is gone is noticed all the same.
func TestSilenceThroughSmartModules(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, every(1_000_000))
	client := m.connect(impatient)
	require.NoError(t, m.dev.CreateTopic("silent", 2))
	fillPlain(t, m.connect(nil), "silent", 0, 500)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"silent"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), MaxBytes: 1024, SmartModules: chainOf("none"),
	})
	require.NoError(t, err)
	require.Len(t, readAll(t, consumer), 2, "the first record of each partition passes")
	require.Len(t, m.streams(), 2, "the streams were not opened anew")
	require.Equal(t, fluvioerr.EndSilent, consumer.EndReason(), "nobody has said that the end was reached")
	for p := range int32(2) {
		require.NoError(t, consumer.Seek(testContext(t), "silent", p, fluvio.AtOffset(500)))
	}
	_, err = consumer.Next(testContext(t))
	require.Equal(t, fluvioerr.EndReached, fluvioerr.EndOf(err), "there is nothing left to read")
}

// Without an end to reach, silence means nothing as long as the SPU answers at all.
func TestSilenceIsNotTakenForDeath(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, every(1_000_000))
	client, writer := m.connect(impatient), m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("silent", 1))
	fillPlain(t, writer, "silent", 0, 50)
	probes, err := m.dev.AddRule(devcluster.Rule{API: "FetchOffsets", Partition: -1, Skip: 1, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	require.NoError(t, err)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"silent"}, Start: fluvio.BeginningPlus(1), SmartModules: chainOf("none")})
	require.NoError(t, err)
	_, err = consumer.Next(testContext(t))
	require.NoError(t, err, "a batch is run through the module as a whole")
	fillPlain(t, writer, "silent", 50, 60)
	require.NoError(t, probes.Wait(testContext(t), 5))
	require.Len(t, m.streams(), 1, "it answered each time")
	dead, err := m.dev.AddRule(devcluster.Rule{API: "FetchOffsets", Partition: -1, Count: 1, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	require.NoError(t, err)
	require.NoError(t, dead.Wait(testContext(t), 1))
	require.Eventually(t, func() bool { return len(m.streams()) == 2 }, 20*time.Second, time.Millisecond, "it does not answer: a new connection")
	require.NoError(t, consumer.Close(testContext(t)))
}

// An SPU sends nothing more until it has an acknowledgement. One that got lost is not the end, and not for ever, and neither is a
// frame that came under another stream's name.
func TestLostWordsThroughSmartModules(t *testing.T) {
	drop, wrong := devcluster.Action{Kind: devcluster.ActionDrop}, devcluster.Action{Kind: devcluster.ActionWrongCorrelation}
	acknowledgement := devcluster.Rule{API: "UpdateOffsets", Skip: 1, On: devcluster.OnRequest, Action: drop}
	slowly := devcluster.Action{Kind: devcluster.ActionDelay, Delay: 700 * time.Millisecond}
	for name, rules := range map[string][]devcluster.Rule{
		"acknowledgement":             {acknowledgement},
		"and the next frame is late":  {acknowledgement, {API: "StreamFetch", Skip: 2, On: devcluster.OnAnswer, Action: slowly}},
		"answer to it":                {{API: "UpdateOffsets", Skip: 1, On: devcluster.OnAnswer, Action: drop}},
		"answer to it, named wrong":   {{API: "UpdateOffsets", Skip: 1, On: devcluster.OnAnswer, Action: wrong}},
		"answer to it, which is late": {{API: "UpdateOffsets", Skip: 1, On: devcluster.OnAnswer, Action: slowly}},
		"frame that is named wrong":   {{API: "StreamFetch", Skip: 1, On: devcluster.OnAnswer, Action: wrong}},
		"frame that is broken off":    {{API: "StreamFetch", Skip: 1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionCut, Bytes: 300}}},
	} {
		for _, stop := range []fluvio.StopPosition{{}, fluvio.StopAtEnd()} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cluster := startCluster(t, devcluster.Options{})
				o := fluvio.ClientOptions{Endpoint: cluster.Endpoint()}
				impatient(&o)
				client, err := fluvio.Connect(testContext(t), o)
				require.NoError(t, err)
				defer client.Close(testContext(t))
				require.NoError(t, cluster.CreateTopic("lost", 1))
				fillPlain(t, client, "lost", 0, 500)
				var handles []*devcluster.RuleHandle
				for _, rule := range rules {
					rule.Partition, rule.Count = -1, 1
					h, err := cluster.AddRule(rule)
					require.NoError(t, err)
					handles = append(handles, h)
				}
				consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
					Topics: []string{"lost"}, Start: fluvio.Beginning(), StopAt: stop, MaxBytes: 1024, SmartModules: []fluvio.SmartModule{real("bare")},
				})
				require.NoError(t, err)
				defer consumer.Close(testContext(t))
				next := 0
				for r, err := range consumer.Records(testContext(t)) {
					require.NoError(t, err)
					require.Equal(t, fmt.Sprint(next), string(r.Value))
					if next++; next == 500 {
						break
					}
				}
				require.Equal(t, 500, next)
				for _, h := range handles {
					require.Equal(t, 1, h.Hits())
				}
			})
		}
	}
}

// Silence is not taken for an end that is not stored yet.
func TestSilenceBeforeTheEndIsStored(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, every(550))
	client, writer := m.connect(impatient), m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("later", 1))
	fillPlain(t, writer, "later", 0, 500)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{
		Topics: []string{"later"}, Start: fluvio.Beginning(), StopAt: fluvio.StopBefore(600), MaxBytes: 1024, SmartModules: chainOf("few"),
	})
	require.NoError(t, err)
	probes, err := m.dev.AddRule(devcluster.Rule{API: "FetchOffsets", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionObserve}})
	require.NoError(t, err)
	require.NoError(t, probes.Wait(testContext(t), 5), "it has been silent for longer than the request timeout")
	fillPlain(t, writer, "later", 500, 601)
	var got []string
	for _, r := range readAll(t, consumer) {
		got = append(got, string(r.Value))
	}
	require.Equal(t, []string{"0", "550"}, got)
}

// Everything a chain can say arrives at the SPU, and what comes back is told without offsets.
func TestProduceThroughSmartModules(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, nil)
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("through", 1))
	wasm := append([]byte("\x00asm"), bytes.Repeat([]byte{1, 2, 3}, 1000)...)
	file := filepath.Join(t.TempDir(), "my.wasm")
	require.NoError(t, os.WriteFile(file, wasm, 0o600))
	chain := []fluvio.SmartModule{
		{Name: "group/first@1.0.0", Kind: "filter", Params: map[string]string{"b": "2", "a": "1"}, Lookback: fluvio.Lookback{Last: 7}},
		{Path: file, Accumulator: []byte("0"), Lookback: fluvio.Lookback{Age: 90500 * time.Millisecond}},
		{Wasm: wasm, Kind: "aggregate", Accumulator: []byte{0, 1}},
	}
	deliveries := make(chan fluvio.Delivery, 10)
	producer, err := client.Producer(testContext(t), "through", fluvio.ProducerOptions{
		SmartModules: chain, Linger: time.Minute, OnDelivery: func(d *fluvio.Delivery) { deliveries <- *d },
	})
	require.NoError(t, err)
	send := func() (fluvio.Receipt, fluvio.Delivery) {
		var last fluvio.Receipt
		for i := range 3 {
			last, err = producer.Send(testContext(t), fluvio.Record{Value: []byte("x"), Opaque: uint64(i)})
			require.NoError(t, err)
		}
		require.NoError(t, producer.Flush(testContext(t)))
		return last, <-deliveries
	}
	for range 2 {
		receipt, d := send()
		require.NoError(t, d.Err)
		require.Equal(t, fluvio.Persisted, d.Persisted)
		require.EqualValues(t, -1, d.BaseOffset)
		partition, offset, err := receipt.Wait(testContext(t))
		require.NoError(t, err)
		require.Equal(t, []int64{0, -1}, []int64{int64(partition), offset})
	}

	require.Len(t, m.produced, 2)
	for _, got := range m.produced {
		for i := range got {
			if i > 0 {
				unpacked, err := gzip.NewReader(bytes.NewReader(*got[i].AdHoc))
				require.NoError(t, err)
				plain, err := io.ReadAll(unpacked)
				require.NoError(t, err)
				require.Equal(t, wasm, plain)
				require.Less(t, len(*got[i].AdHoc), 200)
				got[i].AdHoc = nil
			}
		}
		name := "my.wasm"
		require.Equal(t, wire.SmartModules{
			{Name: "group/first@1.0.0", Kind: wire.SmartModuleKind{Tag: 0}, Params: []wire.MapEntry[string, string]{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, Look: &wire.Lookback{Last: 7}},
			{Kind: wire.SmartModuleKind{Tag: 7, Context: 1, Accumulator: []byte("0")}, Look: &wire.Lookback{Age: &wire.Duration{Seconds: 90, Nanos: 500_000_000}}, Display: &name},
			{Kind: wire.SmartModuleKind{Tag: 3, Accumulator: []byte{0, 1}}},
		}, got)
	}

	m.mu.Lock()
	m.answer = func(p *wire.ProducePartitionResponse) {
		p.Error = wire.ErrorCode{Code: fluvioerr.ServerSmartModuleRuntime, Payload: &wire.RuntimePayload{Hint: "no such luck", Offset: 1, Kind: 0, Value: []byte("x")}}
	}
	m.mu.Unlock()
	receipt, d := send()
	require.Equal(t, []int64{0, -1}, []int64{int64(d.Persisted), d.BaseOffset})
	e := fluvioerr.As(d.Err)
	require.Equal(t, fluvioerr.SmartModule, e.Code)
	require.EqualValues(t, -1, e.Offset)
	require.Equal(t, map[string]string{"record": "1", "smartmodule": "group/first@1.0.0, my.wasm, (ad hoc)", "smartmodule_hint": "no such luck", "smartmodule_kind": "filter"}, e.Detail)
	require.ErrorContains(t, e, "produce through/0: SmartModuleRuntimeError: no such luck (record 1 of the batch, counted from 0)")
	_, _, err = receipt.Wait(testContext(t))
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.SmartModule))
	m.mu.Lock()
	m.answer = func(p *wire.ProducePartitionResponse) { p.Error = wire.Errorf("smartmodule chain failed: trapped") }
	m.mu.Unlock()
	_, d = send()
	require.Equal(t, fluvioerr.SmartModule, fluvioerr.CodeOf(d.Err), "%v", d.Err)
	require.NoError(t, producer.Close(testContext(t)))
}

// The dev cluster refuses modules as a real one refuses those it does not know.
func TestUnknownSmartModules(t *testing.T) {
	ctx := testContext(t)
	client := connect(t, startCluster(t, devcluster.Options{}).Endpoint())
	require.NoError(t, client.Admin().CreateTopic(ctx, "unknown", fluvio.TopicSpec{}))
	producer, err := client.Producer(ctx, "unknown", fluvio.ProducerOptions{SmartModules: chainOf("nope")})
	require.NoError(t, err)
	receipt, err := producer.Send(ctx, fluvio.Record{Value: []byte("x")})
	require.NoError(t, err)
	_, _, err = receipt.Wait(ctx)
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "nope", fluvioerr.As(err).Detail["smartmodule"])
	require.ErrorIs(t, producer.Close(ctx), fluvioerr.Target(fluvioerr.NotFound))
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"unknown"}, Start: fluvio.Beginning(), SmartModules: chainOf("nope")})
	require.NoError(t, err)
	_, err = consumer.Next(ctx)
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "%v", err)
	_, err = consumer.Next(ctx)
	require.True(t, fluvioerr.Fatal(err), "%v", err)
	consumer, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"^unk.*"}, Start: fluvio.Beginning(), SmartModules: chainOf("nope")})
	require.NoError(t, err)
	_, err = consumer.Next(ctx)
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err), "it is not the topic of the pattern that is gone: %v", err)
	require.Equal(t, "nope", fluvioerr.As(err).Detail["smartmodule"])

	missing := []fluvio.SmartModule{{Name: "fine"}, {Path: filepath.Join(t.TempDir(), "missing.wasm")}}
	_, err = client.Producer(ctx, "unknown", fluvio.ProducerOptions{SmartModules: missing})
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	require.Equal(t, "smartmodules[1].path", fluvioerr.As(err).Setting)
	require.ErrorContains(t, err, "missing.wasm")
	_, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"unknown"}, SmartModules: missing})
	require.Equal(t, "smartmodules[1].path", fluvioerr.As(err).Setting)
}

// What an old SPU would leave out without a word is refused.
func TestLookbackNeedsItsPlatform(t *testing.T) {
	last := []fluvio.SmartModule{{Name: "m", Lookback: fluvio.Lookback{Last: 1}}}
	age := []fluvio.SmartModule{{Name: "m", Lookback: fluvio.Lookback{Age: time.Hour}}}
	for _, c := range []struct {
		platform string
		chain    []fluvio.SmartModule
		want     string
	}{
		{"0.10.9", last, "platform 0.10.11 or later"},
		{"0.10.9", age, "platform 0.10.13 or later"},
		{"0.10.11", last, ""},
		{"0.10.11", age, "platform 0.10.13 or later"},
		{"0.10.13", age, ""},
	} {
		t.Run(c.platform+" "+c.want, func(t *testing.T) {
			ctx := testContext(t)
			client := connect(t, startCluster(t, devcluster.Options{PlatformVersion: c.platform}).Endpoint())
			require.NoError(t, client.Admin().CreateTopic(ctx, "old", fluvio.TopicSpec{}))
			producer, err := client.Producer(ctx, "old", fluvio.ProducerOptions{SmartModules: c.chain})
			require.NoError(t, err)
			receipt, err := producer.Send(ctx, fluvio.Record{Value: []byte("x")})
			require.NoError(t, err)
			_, _, produced := receipt.Wait(ctx)
			require.Error(t, producer.Close(ctx))
			_, opened := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"old"}, SmartModules: c.chain})
			if c.want == "" {
				require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(produced), "it got there: %v", produced)
				require.NoError(t, opened)
				return
			}
			for _, err := range []error{produced, opened} {
				require.Equal(t, fluvioerr.Unsupported, fluvioerr.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

// A topic whose writer's module made several records of each has more records than offsets. All are read.
func TestMoreRecordsThanOffsets(t *testing.T) {
	m := newModuleServer(t, devcluster.Options{}, nil)
	client := m.connect(nil)
	require.NoError(t, m.dev.CreateTopic("dense", 1))
	// The writer's batch of two records gets three more on the way.
	m.mu.Lock()
	m.swell = 3
	m.mu.Unlock()
	producer, err := client.Producer(testContext(t), "dense", fluvio.ProducerOptions{SmartModules: chainOf("more"), Linger: time.Minute})
	require.NoError(t, err)
	for range 3 {
		for i := range 2 {
			_, err := producer.Send(testContext(t), fluvio.Record{Value: fmt.Appendf(nil, "%d", i)})
			require.NoError(t, err)
		}
		require.NoError(t, producer.Flush(testContext(t)))
	}
	for _, start := range []fluvio.StartPosition{fluvio.Beginning(), fluvio.AtOffset(0)} {
		consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"dense"}, Start: start, StopAt: fluvio.StopAtEnd()})
		require.NoError(t, err)
		var got []string
		for _, r := range readAll(t, consumer) {
			got = append(got, fmt.Sprintf("%d %s", r.Offset, r.Value))
		}
		require.Equal(t, []string{
			"0 0", "1 1", "1 more", "1 more", "1 more", "2 0", "3 1", "3 more", "3 more", "3 more", "4 0", "5 1", "5 more", "5 more", "5 more",
		}, got)
	}
}
