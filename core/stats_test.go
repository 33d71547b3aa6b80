package fluvio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// find gives the element that is, or fails.
func find[T any](t *testing.T, list []T, is func(T) bool) T {
	t.Helper()
	i := slices.IndexFunc(list, is)
	require.GreaterOrEqual(t, i, 0, "%+v", list)
	return list[i]
}

// sendAll sends n records and waits for them.
func sendAll(t *testing.T, p *fluvio.Producer, n int) {
	t.Helper()
	for range n {
		_, err := p.Send(testContext(t), fluvio.Record{Key: []byte("k"), Value: []byte("some value")})
		require.NoError(t, err)
	}
	require.NoError(t, p.Flush(testContext(t)))
}

func TestClientStats(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	client := connect(t, cluster.Endpoint())
	other := connect(t, cluster.Endpoint())
	require.NoError(t, client.Admin().CreateTopic(testContext(t), "counted", fluvio.TopicSpec{Partitions: 2}))
	producer, err := client.Producer(testContext(t), "counted", fluvio.ProducerOptions{})
	require.NoError(t, err)
	sendAll(t, producer, 50)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"counted"}, Start: fluvio.Beginning(), StopAt: fluvio.StopAtEnd(), ConsumerID: "me", OffsetStrategy: "manual"})
	require.NoError(t, err)
	require.Len(t, readAll(t, consumer), 50)
	require.NoError(t, consumer.Commit(testContext(t)))

	s := client.Stats()
	produce := find(t, s.Requests, func(r fluvio.RequestStats) bool { return r.API == "Produce" })
	require.Positive(t, produce.Count)
	require.Equal(t, []uint64{produce.Count, 0, 0}, []uint64{produce.Latency.Count, produce.Errors, produce.InFlight})
	require.Positive(t, produce.Latency.P50)
	require.LessOrEqual(t, produce.Latency.P50, produce.Latency.Max)
	watch := find(t, s.Connections, func(c fluvio.ConnectionStats) bool { return c.Kind == "watch" })
	require.Equal(t, fluvio.ConnectionStats{Role: "SC", Kind: "watch", Open: 1, Opened: 1}, watch)
	require.Len(t, s.Producers, 1)
	require.EqualValues(t, 50, s.Producers[0].RecordsAcknowledged)
	require.Equal(t, "counted", s.Producers[0].Topic)
	require.Len(t, s.Consumers, 1)
	c := s.Consumers[0]
	require.Equal(t, []uint64{50, 0, 0, 1, 0}, []uint64{c.Records, c.Lag, c.BytesQueued, c.Commits, c.CommitsFailed})
	require.Positive(t, c.BytesReceived)
	require.Len(t, c.Partitions, 2)
	require.Empty(t, s.Errors)

	var js map[string]any
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &js))
	require.Equal(t, s.Client, js["client"])
	require.Equal(t, []any{}, js["errors"], "never null")
	require.Contains(t, js["breakers"], map[string]any{"endpoint": cluster.Endpoint(), "state": "closed"})
	require.EqualValues(t, 50, js["producers"].([]any)[0].(map[string]any)["records_acknowledged"])
	require.EqualValues(t, produce.Latency.P50.Microseconds(), find(t, js["requests"].([]any), func(r any) bool { return r.(map[string]any)["api"] == "Produce" }).(map[string]any)["latency"].(map[string]any)["p50_us"])

	require.NoError(t, producer.Close(testContext(t)))
	require.NoError(t, consumer.Close(testContext(t)))
	require.Empty(t, client.Stats().Producers)
	checkPrometheus(t, s, other.Stats())
}

// checkPrometheus holds the text of two clients against its grammar: a family once, its samples below it, no series twice.
func checkPrometheus(t *testing.T, clients ...*fluvio.ClientStats) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, fluvio.WritePrometheus(&b, clients...))
	sample := regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (\S+)$`)
	family, families, series := "", map[string]bool{}, map[string]string{}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			family, _, _ = strings.Cut(name, " ")
			require.False(t, families[family], "%s comes twice", family)
			families[family] = true
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		require.NotNil(t, m, "%q", line)
		require.Contains(t, []string{family, family + "_bucket", family + "_sum", family + "_count"}, m[1])
		require.NotContains(t, series, m[1]+m[2])
		series[m[1]+m[2]] = m[3]
	}
	name := clients[0].Client
	require.Equal(t, "50", series[`fluvio_producer_records_total{client="`+name+`",producer="1",topic="counted",outcome="acknowledged"}`])
	require.Equal(t, "0", series[`fluvio_consumer_lag{client="`+name+`",consumer="1",consumer_id="me",topic="counted",partition="1"}`])
	require.Equal(t, "1", series[`fluvio_connections_open{client="`+clients[1].Client+`",role="SC",kind="watch"}`])
}

// The text of a breaker that is open, and of a label with all that must be escaped.
func TestPrometheusText(t *testing.T) {
	s := &fluvio.ClientStats{Client: "a\"b\\c\nd"}
	s.Breakers = []fluvio.BreakerStats{{Endpoint: "h:1", State: "open"}}
	text := string(s.Prometheus())
	for _, want := range []string{
		`fluvio_breaker_state{client="a\"b\\c\nd",endpoint="h:1",state="open"} 1`, `fluvio_breaker_state{client="a\"b\\c\nd",endpoint="h:1",state="closed"} 0`,
	} {
		require.Contains(t, text, want+"\n")
	}
}

func TestStatisticsAtIntervals(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	told := make(chan *fluvio.ClientStats)
	ended := make(chan struct{})
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{
		Endpoint: cluster.Endpoint(), StatisticsInterval: 10 * time.Millisecond,
		OnStats: func(s *fluvio.ClientStats) {
			select {
			case told <- s:
			case <-ended:
			}
		},
	})
	require.NoError(t, err)
	first, second := <-told, <-told
	require.Equal(t, first.Client, second.Client)
	require.GreaterOrEqual(t, second.Time, first.Time)
	close(ended)
	require.NoError(t, client.Close(testContext(t)))

	for _, o := range []fluvio.ClientOptions{{StatisticsInterval: time.Second}, {OnStats: func(*fluvio.ClientStats) {}}, {Hooks: []any{"no hook"}}} {
		o.Endpoint = cluster.Endpoint()
		_, err := fluvio.Connect(testContext(t), o)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), "%v", err)
	}
}

// lines collects what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "")
}

// with waits for a line that holds all texts.
func (l *lines) with(t *testing.T, texts ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.ContainsFunc(l.all, func(line string) bool {
			return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
		})
	}, 20*time.Second, 5*time.Millisecond, "%q", texts)
}

func TestLogging(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{SPUs: 2})
	var log lines
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{
		Endpoint: cluster.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 5 * time.Millisecond,
		Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	require.NoError(t, err)
	require.NoError(t, client.Admin().CreateTopic(testContext(t), "logged", fluvio.TopicSpec{Partitions: 2}))
	log.with(t, `"level":"INFO"`, `"msg":"connected"`, `"role":"SC"`, `"kind":"watch"`, `"addr":"`+cluster.Endpoint())
	producer, err := client.Producer(testContext(t), "logged", fluvio.ProducerOptions{})
	require.NoError(t, err)
	consumer, err := client.Consumer(testContext(t), fluvio.ConsumerOptions{Topics: []string{"logged"}, Start: fluvio.Beginning()})
	require.NoError(t, err)
	const secret = "secret-value"
	send := func(n int) {
		for range n {
			_, err := producer.Send(testContext(t), fluvio.Record{Key: []byte("secret-key"), Value: []byte(secret)})
			require.NoError(t, err)
		}
		require.NoError(t, producer.Flush(testContext(t)))
	}
	send(10)
	log.with(t, `"level":"DEBUG"`, `"msg":"request"`, `"api":"Produce"`, `"took":`)

	require.NoError(t, cluster.StopSC())
	log.with(t, `"level":"WARN"`, `"msg":"metadata watch lost"`, `"code":"CONNECTION"`)
	log.with(t, `"msg":"reconnecting the metadata watch"`, `"attempt":2`, `"delay":`)
	require.NoError(t, cluster.StartSC())
	log.with(t, `"level":"INFO"`, `"msg":"metadata watch recovered"`)
	leader, err := client.PartitionLeader("logged", 0)
	require.NoError(t, err)
	require.NoError(t, cluster.StopSPU(leader))
	log.with(t, `"level":"WARN"`, `"msg":"connection lost"`, `"role":"SPU"`)
	log.with(t, `"msg":"reading again"`, `"topic":"logged"`, `"attempt":1`)
	require.NoError(t, cluster.StartSPU(leader))
	log.with(t, `"msg":"reading goes on"`, `"topic":"logged"`)
	send(10)
	for n := 0; n < 20; {
		b, err := consumer.Next(testContext(t))
		require.NoError(t, err)
		n += b.Len()
	}
	s := client.Stats()
	require.Positive(t, find(t, s.Retries, func(r fluvio.RetryStats) bool { return r.Operation == "watch" }).Count)
	require.Positive(t, find(t, s.Retries, func(r fluvio.RetryStats) bool { return r.Operation == "consume" }).Count)
	require.Positive(t, find(t, s.Errors, func(e fluvio.ErrorStats) bool { return e.Operation == "connection" && e.Code == "CONNECTION" }).Count)
	require.NoError(t, client.Close(testContext(t)))
	for _, line := range log.all {
		require.NotContains(t, line, "secret", "no record content in a log")
		require.Contains(t, line, `"client":"libfluvio-`)
	}
}

// However many batches fail, a line a second tells of them, and of every record: also of the last ones, behind which nothing fails.
func TestEveryLostRecordIsLogged(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	require.NoError(t, cluster.CreateTopic("lost", 1))
	var log lines
	client, err := fluvio.Connect(testContext(t), fluvio.ClientOptions{Endpoint: cluster.Endpoint(), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	require.NoError(t, err)
	defer client.Close(testContext(t))
	producer, err := client.Producer(testContext(t), "lost", fluvio.ProducerOptions{})
	require.NoError(t, err)
	_, err = cluster.AddRule(devcluster.Rule{API: "Produce", Partition: -1, Action: devcluster.Action{Kind: devcluster.ActionError, Code: fluvioerr.ServerCompression}})
	require.NoError(t, err)
	lose := func(n int) {
		for range n {
			_, err := producer.Send(testContext(t), fluvio.Record{})
			require.NoError(t, err)
			require.Error(t, producer.Flush(testContext(t)))
		}
	}
	told := func() (lines, records int) {
		log.mu.Lock()
		defer log.mu.Unlock()
		for _, text := range log.all {
			var line struct {
				Msg, Topic, Code string
				Records          int
			}
			require.NoError(t, json.Unmarshal([]byte(text), &line))
			if line.Msg == "records failed" {
				require.Equal(t, []string{"lost", "INVALID_ARGUMENT"}, []string{line.Topic, line.Code})
				lines++
				records += line.Records
			}
		}
		return lines, records
	}
	lose(20)
	require.Eventually(t, func() bool { _, records := told(); return records == 20 }, 20*time.Second, 5*time.Millisecond)
	lose(10)
	require.NoError(t, producer.Close(testContext(t)), "the flushes have told")
	lines, records := told()
	require.Equal(t, 30, records)
	require.Less(t, lines, records)
}

// TestLogToStderr runs this test's program again, because what it is about is the standard error and the environment.
func TestLogToStderr(t *testing.T) {
	if endpoint := os.Getenv("TEST_LOG_ENDPOINT"); endpoint != "" {
		client, err := fluvio.Connect(t.Context(), fluvio.ClientOptions{Endpoint: endpoint, LogLevel: os.Getenv("TEST_LOG_LEVEL")})
		require.NoError(t, err)
		require.NoError(t, client.Close(context.Background()))
		_, err = fluvio.Connect(t.Context(), fluvio.ClientOptions{
			Endpoint: endpoint, TLS: "anonymous", TLSInsecure: true, ConnectionTimeout: time.Second,
		})
		require.Error(t, err)
		_, err = fluvio.Connect(t.Context(), fluvio.ClientOptions{
			Endpoint: endpoint, TLS: "verified", TLSDomain: "d", TLSCertificate: "secret-certificate", TLSKey: "secret-key",
		})
		require.Error(t, err)
		return
	}
	cluster := startCluster(t, devcluster.Options{})
	for _, c := range []struct {
		variable, level string
		want, not       []string
	}{
		{"", "", []string{"level=WARN", "tls is anonymous"}, []string{"level=INFO", "level=DEBUG"}},
		{"", "info", []string{"level=INFO", "msg=connected", "library=libfluvio"}, []string{"level=DEBUG"}},
		{"debug", "off", []string{"level=DEBUG", "api=ApiVersions"}, nil},
		{"off", "debug", nil, []string{"level="}},
		{"loud", "", []string{"level=WARN", "FLUVIO_LOG", "loud"}, []string{"level=INFO"}},
	} {
		t.Run("FLUVIO_LOG="+c.variable+" log_level="+c.level, func(t *testing.T) {
			program := exec.CommandContext(testContext(t), os.Args[0], "-test.run", "^TestLogToStderr$")
			program.Env = append(os.Environ(), "FLUVIO_LOG="+c.variable, "TEST_LOG_ENDPOINT="+cluster.Endpoint(), "TEST_LOG_LEVEL="+c.level)
			var stderr bytes.Buffer
			program.Stderr = &stderr
			out, err := program.Output()
			require.NoError(t, err, "%s", out)
			for _, text := range c.want {
				require.Contains(t, stderr.String(), text)
			}
			for _, text := range append(c.not, "secret") {
				require.NotContains(t, stderr.String(), text)
			}
		})
	}
}
