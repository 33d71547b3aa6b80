package fluvio_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// stuck is a callback that does not return.
type stuck struct {
	inside, release chan struct{}
	once            sync.Once
	calls           atomic.Int32
}

func newStuck() *stuck { return &stuck{inside: make(chan struct{}), release: make(chan struct{})} }

func (s *stuck) call() {
	s.calls.Add(1)
	s.once.Do(func() { close(s.inside) })
	<-s.release
}

func (s *stuck) Load(context.Context, string) ([]fluvio.ConsumerOffset, error) { return nil, nil }

func (s *stuck) Save(context.Context, string, []fluvio.ConsumerOffset) error {
	s.call()
	return nil
}

// isLate wants an error that says what a Close has waited for in vain.
func isLate(t *testing.T, err error, what string) {
	t.Helper()
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "waiting for "+what)
}

// openStreams is how many connections to SPUs a client's consumers have.
func openStreams(client *fluvio.Client) (open int64) {
	for _, c := range client.Stats().Connections {
		if c.Kind == "fetch" {
			open += int64(c.Open)
		}
	}
	return open
}

// A consumer closes by its deadline, whatever the application's functions do, says what it waits for, and a second Close works: it
// waits for the rest. Meanwhile the streams have ended, and nothing more is told.
func TestCloseOfAConsumerWithStuckFunctions(t *testing.T) {
	client, ctx := filled(t, devcluster.Options{}, "stuck-0", 10), testContext(t)
	none := func(*fluvio.Consumer, *stuck) {}
	read := func(c *fluvio.Consumer, _ *stuck) {
		for range 2 { // the first batch is settled when the second call comes
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			_, _ = c.Next(ctx)
			cancel()
		}
	}
	auto := fluvio.ConsumerOptions{Topics: []string{"stuck-0"}, Start: fluvio.Beginning(), ConsumerID: "me", OffsetStrategy: "auto"}
	late, early := auto, auto
	late.OffsetFlush, early.OffsetFlush = time.Hour, time.Millisecond
	for _, c := range []struct {
		name, what string
		options    fluvio.ConsumerOptions
		before     func(*fluvio.Consumer, *stuck)
		inside     bool // before Close is called
	}{
		{"OnEvent", "OnEvent to return", fluvio.ConsumerOptions{Topics: []string{"^stuck-.*"}}, none, true},
		{"the store, asked by Close", "the offset store to return", late, read, false},
		{"the store, asked meanwhile", "the offset store to return", early, read, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStuck()
			if c.options.ConsumerID != "" {
				c.options.Store = s
			} else {
				c.options.OnEvent = func(e fluvio.ConsumerEvent) {
					if e.Topic != "stuck-0" {
						s.call()
					}
				}
			}
			consumer, err := client.Consumer(ctx, c.options)
			require.NoError(t, err)
			if c.options.ConsumerID == "" {
				require.NoError(t, client.Admin().CreateTopic(ctx, "stuck-1", fluvio.TopicSpec{}))
			}
			c.before(consumer, s)
			if c.inside {
				<-s.inside
			}
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			for range 2 {
				isLate(t, consumer.Close(short), c.what)
			}
			_, err = consumer.Next(ctx)
			require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err), "%v", err)
			require.Equal(t, fluvioerr.StreamClosed, consumer.EndReason())
			require.Eventually(t, func() bool { return openStreams(client) == 0 }, time.Minute, time.Millisecond)
			require.NoError(t, client.Admin().CreateTopic(ctx, "stuck-2", fluvio.TopicSpec{}))
			calls := s.calls.Load()
			close(s.release)
			ended := consumer.Close(ctx)
			if c.inside && c.options.ConsumerID != "" {
				require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(ended), "the last offsets were not stored in time: %v", ended)
			} else {
				require.NoError(t, ended)
			}
			require.Equal(t, calls, s.calls.Load(), "nothing is told after Close")
			require.NoError(t, client.Admin().DeleteTopic(ctx, "stuck-2"))
		})
	}
}

// The same of a client, and of what it closes.
func TestCloseOfAClientWithStuckFunctions(t *testing.T) {
	cluster, ctx := startCluster(t, devcluster.Options{}), testContext(t)
	for _, c := range []struct {
		name, what string
		open       func(t *testing.T, s *stuck) *fluvio.Client
	}{
		{"OnEvent", "OnEvent to return", func(t *testing.T, s *stuck) *fluvio.Client {
			client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint(), OnEvent: func(fluvio.ClientEvent) { s.call() }})
			require.NoError(t, err)
			return client
		}},
		{"OnStats", "OnStats to return", func(t *testing.T, s *stuck) *fluvio.Client {
			client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
				Endpoint: cluster.Endpoint(), OnStats: func(*fluvio.ClientStats) { s.call() }, StatisticsInterval: 10 * time.Millisecond,
			})
			require.NoError(t, err)
			return client
		}},
		{"a consumer's", "callbacks of producers and consumers to return (close consumer: timed out", func(t *testing.T, s *stuck) *fluvio.Client {
			client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
			require.NoError(t, err)
			_, err = client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"^met-.*"}, OnEvent: func(fluvio.ConsumerEvent) { s.call() }})
			require.NoError(t, err)
			require.NoError(t, client.Admin().CreateTopic(ctx, "met-1", fluvio.TopicSpec{}))
			return client
		}},
		{"a producer's", "callbacks of producers and consumers to return (close producer: timed out after", func(t *testing.T, s *stuck) *fluvio.Client {
			client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
			require.NoError(t, err)
			p, err := client.Producer(ctx, "met-1", fluvio.ProducerOptions{OnDelivery: func(*fluvio.Delivery) { s.call() }})
			require.NoError(t, err)
			_, err = p.Send(ctx, fluvio.Record{Value: []byte("x")})
			require.NoError(t, err)
			<-s.inside
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			isLate(t, p.Close(short), "the reports to be taken") // by itself: the client waits for it all the same
			return client
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStuck()
			client := c.open(t, s)
			<-s.inside
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			for range 2 {
				isLate(t, client.Close(short), c.what)
			}
			_, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"met-1"}})
			require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err), "%v", err)
			close(s.release)
			if err := client.Close(ctx); c.name == "a producer's" {
				require.ErrorContains(t, err, "to be acknowledged", "its report did not come in time")
			} else {
				require.NoError(t, err)
			}
			require.EqualValues(t, 1, s.calls.Load(), "nothing is told after Close")
		})
	}
}
