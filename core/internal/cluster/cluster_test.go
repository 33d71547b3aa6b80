package cluster

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/transport"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestLeader(t *testing.T) {
	dev := startDev(t, devcluster.Options{SPUs: 2})
	require.NoError(t, dev.CreateTopic("a", 2))
	c := open(t, Config{Endpoint: dev.Endpoint()})
	topic, err := c.Topic(testContext(t), "a")
	require.NoError(t, err)
	require.Len(t, topic.Partitions, 2)
	seen := map[string]bool{}
	for id := range int32(2) {
		spu, err := c.Leader("a", id)
		require.NoError(t, err)
		require.Contains(t, dev.SPUEndpoints(), spu.Addr)
		seen[spu.Addr] = true
		want, err := dev.Leader("a", id)
		require.NoError(t, err)
		require.Equal(t, want, spu.ID)
	}
	require.Len(t, seen, 2, "the partitions are spread")
	require.Equal(t, topic.Partitions[1], c.Partition("a", 1))
	require.Nil(t, c.Partition("a", 2))
	require.Nil(t, c.Partition("a", -1))
	require.Nil(t, c.Partition("b", 0))

	for _, id := range []int32{-1, 2} {
		_, err = c.Leader("a", id)
		require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err))
		require.ErrorContains(t, err, "has 2 partitions, 0 to 1")
		require.False(t, fluvioerr.Retriable(err))
	}
	_, err = c.Leader("b", 0)
	require.Equal(t, fluvioerr.ServerTopicNotFound, fluvioerr.As(err).Server)
	require.False(t, fluvioerr.Retriable(err))

	require.NoError(t, dev.MoveLeader("a", 0, 5002))
	until(t, c, "the leader moves", func(*Snapshot) bool { spu, err := c.Leader("a", 0); return err == nil && spu.ID == 5002 })
}

func TestLeaderThatIsNotReachable(t *testing.T) {
	s := newState()
	s.apply(all(wire.LabelTopic, topicObject("a", 3)))
	s.apply(all(wire.LabelPartition, partitionObject("a-0", 5002, 0), partitionObject("a-1", 5001, 0)))
	noAddress := spuObject("spu-1", 5001, 9010)
	noAddress.Spec.(*wire.SPUSpec).PublicEndpoint.Ingress = nil
	s.apply(all(wire.LabelSPU, noAddress))
	c := &Cluster{changed: make(chan struct{}), pool: newPool(t), loaded: make(chan struct{})}
	close(c.loaded)
	c.snap.Store(&Snapshot{})
	c.publish(s.snapshot(false))
	for id, says := range []string{"SPU 5002, is none of the 1 that the SC knows", "SPU 5001, has no public address", "not placed yet"} {
		_, err := c.Leader("a", int32(id))
		require.ErrorContains(t, err, says)
		require.True(t, fluvioerr.Retriable(err), "it may become known: %v", err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	_, err := c.Topic(ctx, "a")
	require.ErrorContains(t, err, "to be placed (1 of 3 are not)")
	require.ErrorContains(t, err, "are enough SPUs online? The SC knows 1")
}

func TestTopicRightAfterCreate(t *testing.T) {
	dev := startDev(t, devcluster.Options{})
	c := open(t, Config{Endpoint: dev.Endpoint()})
	// The watch lags: whoever asks for the topic right after the create waits for the watch, and is not told NotFound.
	rule, err := dev.AddRule(devcluster.Rule{API: "Watch", SPU: devcluster.SC, Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: time.Second}})
	require.NoError(t, err)
	defer rule.Remove()
	require.NoError(t, dev.CreateTopic("new", 3))
	require.Nil(t, c.Snapshot().Topics["new"])
	topic, err := c.Topic(testContext(t), "new")
	require.NoError(t, err)
	require.True(t, topic.Complete())
	require.Len(t, topic.Partitions, 3)
}

// The same of partitions that were just added: who wants one of those gets it, and who wants one that nobody added is not kept waiting.
func TestPartitionRightAfterItWasAdded(t *testing.T) {
	dev := startDev(t, devcluster.Options{})
	require.NoError(t, dev.CreateTopic("grows", 1))
	c := open(t, Config{Endpoint: dev.Endpoint()})
	rule, err := dev.AddRule(devcluster.Rule{API: "Watch", SPU: devcluster.SC, Partition: -1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDelay, Delay: 5 * time.Second}})
	require.NoError(t, err)
	defer rule.Remove()
	require.NoError(t, dev.AddPartitions("grows", 2))
	for _, partition := range []int32{0, 3} {
		topic, err := c.TopicWith(testContext(t), "grows", partition)
		require.NoError(t, err)
		require.Len(t, topic.Partitions, 1)
	}
	topic, err := c.TopicWith(testContext(t), "grows", 2)
	require.NoError(t, err)
	require.True(t, topic.Complete())
	require.Len(t, topic.Partitions, 3)
	_, err = c.TopicWith(testContext(t), "none", 2)
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err))
}

func TestUnknownTopic(t *testing.T) {
	dev := startDev(t, devcluster.Options{})
	require.NoError(t, dev.CreateTopic("foobar", 1))
	c := open(t, Config{Endpoint: dev.Endpoint()})
	_, err := c.Topic(testContext(t), "foo") // a substring of what there is
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, `topic "foo" does not exist`)
	system, err := c.Topic(testContext(t), "consumer-offset")
	require.NoError(t, err, "system topics can be read")
	require.True(t, system.Spec.System)
}

func TestTopicDeletedWhileWaitedFor(t *testing.T) {
	dev := startDev(t, devcluster.Options{TopicWait: time.Millisecond})
	require.NoError(t, dev.StopSPU(5001))
	require.Error(t, dev.CreateTopic("pending", 1), "there is no SPU for it")
	c := open(t, Config{Endpoint: dev.Endpoint()})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Topic(ctx, "pending")
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "the partitions of topic pending to be placed")
	got := make(chan error, 1)
	go func() {
		_, err := c.Topic(testContext(t), "pending")
		got <- err
	}()
	require.NoError(t, dev.DeleteTopic("pending"))
	require.Equal(t, fluvioerr.NotFound, fluvioerr.CodeOf(<-got))
}

// recorder keeps the events of a watch.
type recorder struct {
	mu    sync.Mutex
	kinds []EventKind
	wake  chan struct{}
}

func (r *recorder) event(e Event) {
	r.mu.Lock()
	r.kinds = append(r.kinds, e.Kind)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// await waits until an event of a kind has come.
func (r *recorder) await(t *testing.T, kind EventKind) {
	t.Helper()
	for {
		r.mu.Lock()
		came := slices.Contains(r.kinds, kind)
		r.mu.Unlock()
		if came {
			return
		}
		select {
		case <-r.wake:
		case <-time.After(patience):
			require.FailNow(t, "the event did not come")
		}
	}
}

func TestSCGoesAndComesBack(t *testing.T) {
	dev := startDev(t, devcluster.Options{SPUs: 2})
	require.NoError(t, dev.CreateTopic("kept", 2))
	r := &recorder{wake: make(chan struct{}, 64)}
	c := open(t, Config{Endpoint: dev.Endpoint(), Event: r.event})
	require.NoError(t, c.WatchError())
	require.Equal(t, "0.18.2-dev-1", c.Platform())
	require.NoError(t, dev.StopSC())
	r.await(t, WatchRetry)
	require.Error(t, c.WatchError())
	require.True(t, fluvioerr.Retriable(c.WatchError()), "%v", c.WatchError())
	require.True(t, c.Snapshot().Topics["kept"].Complete(), "the snapshot stays")
	_, err := c.Leader("kept", 1)
	require.NoError(t, err, "the data path goes on")
	_, err = c.Topic(testContext(t), "kept")
	require.NoError(t, err)
	_, err = c.Topic(testContext(t), "other")
	require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(err), "whether it exists cannot be known: %v", err)
	require.NoError(t, dev.StartSC())
	r.await(t, WatchRecovered)
	require.NoError(t, c.WatchError())
	require.Equal(t, slices.Repeat([]EventKind{WatchRetry}, len(r.kinds)-1), r.kinds[:len(r.kinds)-1], "it tries until it recovers")
	require.NoError(t, dev.CreateTopic("later", 1))
	until(t, c, "the watch works again", func(s *Snapshot) bool { return s.Topics["later"] != nil })
	require.True(t, c.Snapshot().Topics["kept"].Complete())
}

func TestCloseWhileSCIsAway(t *testing.T) {
	dev := startDev(t, devcluster.Options{})
	r := &recorder{wake: make(chan struct{}, 64)}
	c := open(t, Config{Endpoint: dev.Endpoint(), Event: r.event})
	require.NoError(t, dev.StopSC())
	r.await(t, WatchRetry)
	c.Close() // returns, and the goroutine is gone: goleak
}

// Who asks a watch that has given up gets what the attempt comes to that follows, not what the one before came to.
func TestReadyAfterTheWatchGaveUp(t *testing.T) {
	dev := startDev(t, devcluster.Options{TLS: true})
	var mended atomic.Bool
	pool := transport.NewPool(&transport.Config{ConnectTimeout: patience, HandshakeTimeout: patience, RequestTimeout: patience, TLS: func() (*tls.Config, error) {
		if !mended.Load() {
			return nil, fluvioerr.New(fluvioerr.TLS, "connect", "no certificate yet")
		}
		return &tls.Config{InsecureSkipVerify: true}, nil
	}})
	t.Cleanup(pool.Close)
	r := &recorder{wake: make(chan struct{}, 64)}
	c, err := Open(testContext(t), Config{Endpoint: dev.Endpoint(), Lazy: true, Event: r.event, BackoffFirst: time.Millisecond, BackoffMax: time.Second}, pool)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	r.await(t, WatchGaveUp)
	err = c.Ready(testContext(t), "open topic")
	require.Equal(t, fluvioerr.TLS, fluvioerr.CodeOf(err), "%v", err)
	require.NotSame(t, c.WatchError(), err, "callers add what it was for")
	mended.Store(true)
	require.NoError(t, c.Ready(testContext(t), "open topic"))
}

func TestControlLongEndsWithItsContext(t *testing.T) {
	dev := startDev(t, devcluster.Options{})
	pool := transport.NewPool(&transport.Config{ConnectTimeout: time.Hour, HandshakeTimeout: time.Hour, RequestTimeout: time.Hour, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != dev.Endpoint() {
			<-ctx.Done() // a host that swallows everything
			return nil, ctx.Err()
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}})
	t.Cleanup(pool.Close)
	c, err := Open(testContext(t), Config{Endpoint: dev.Endpoint(), BackoffFirst: time.Millisecond, BackoffMax: time.Second}, pool)
	require.NoError(t, err)
	defer c.Close()
	c.cfg.Endpoint = "192.0.2.1:9003"
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- c.ControlLong(ctx, wire.KeyList, &wire.ListRequest{Label: wire.LabelTopic}, &wire.ListResponse{})
	}()
	select {
	case err := <-done:
		require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	case <-time.After(patience):
		require.FailNow(t, "the call waits for its dial")
	}
}

// telling is what a fake SC says to a watch.
type telling func(label string, say func(*wire.MetadataUpdate))

// startFakeSC runs an SC of which the test says what each watch is told, by the number of its connection.
func startFakeSC(t *testing.T, tell func(connection int) telling) (addr string, hangUp func()) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	hangUp = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, nc := range conns {
			nc.Close()
		}
	}
	all.Add(1)
	go func() {
		defer all.Done()
		for n := 0; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, nc)
			mu.Unlock()
			all.Add(1)
			go func() {
				defer all.Done()
				defer nc.Close()
				serveFakeSC(t, nc, tell(n))
			}()
		}
	}()
	t.Cleanup(func() { ln.Close(); hangUp(); all.Wait() })
	return ln.Addr().String(), hangUp
}

func serveFakeSC(t *testing.T, nc net.Conn, tell telling) {
	r := bufio.NewReader(nc)
	send := func(h wire.RequestHeader, m wire.Message) {
		b, err := wire.AppendResponse(nil, h.CorrelationID, h.APIVersion, m)
		if err != nil {
			t.Error(err)
		}
		_, _ = nc.Write(b)
	}
	for {
		msg, err := wire.ReadFrame(r, 1<<20, nil)
		if err != nil {
			return
		}
		h, body, err := wire.DecodeRequestHeader(msg)
		if err != nil {
			t.Error(err)
			return
		}
		switch h.APIKey {
		case wire.KeyApiVersions:
			send(h, &wire.ApiVersionsResponse{PlatformVersion: "0.18.1", Keys: []wire.APIVersionRange{{Key: int16(wire.KeyWatch), Min: 15, Max: 19}, {Key: int16(wire.KeyList), Min: 15, Max: 19}}})
		case wire.KeyWatch:
			var req wire.WatchRequest
			if _, err := wire.Decode(body, h.APIVersion, &req); err != nil {
				t.Error(err)
				return
			}
			tell(req.Label, func(m *wire.MetadataUpdate) { send(h, m) })
		case wire.KeyList: // whatever is asked for
			send(h, &wire.ListResponse{Label: wire.LabelSPU, Objects: []wire.Object{someObjects[wire.LabelSPU]}})
		}
	}
}

var someObjects = map[string]wire.Object{wire.LabelSPU: spuObject("spu-1", 5001, 9010), wire.LabelPartition: partitionObject("a-0", 5001, 0), wire.LabelTopic: topicObject("a", 1)}

// nothing is what an SC says that has not read its store yet, or has nothing in it.
func nothing(label string) *wire.MetadataUpdate { return &wire.MetadataUpdate{Label: label} }

// Loading goes on as long as the SC says of something that there is nothing, of which there was some: each message is taken, and not the
// end of it.
func TestLoadDoesNotBelieveNothing(t *testing.T) {
	c := &Cluster{pool: newPool(t)}
	c.snap.Store(filled(t).snapshot(false))
	w := &watch{messages: make(chan message), state: newState()}
	loaded := make(chan error, 1)
	go func() { loaded <- c.load(testContext(t), w) }()
	say := func(u *wire.MetadataUpdate) {
		select {
		case w.messages <- message{update: *u}:
		case err := <-loaded:
			require.FailNow(t, "an SC that knows nothing yet was believed", "%v", err)
		}
	}
	for _, label := range labels { // the last of which is that of topics
		say(nothing(label))
		say(nothing(label))
		say(all(label, someObjects[label]))
	}
	require.NoError(t, <-loaded)
	require.True(t, w.state.snapshot(false).Topics["a"].Complete())
}

// A restarted SC that has not read its store says that there is nothing. That must not empty the snapshot.
func TestRestartedSCThatKnowsNothingYet(t *testing.T) {
	release := make(chan struct{})
	addr, hangUp := startFakeSC(t, func(n int) telling {
		return func(label string, say func(*wire.MetadataUpdate)) {
			switch {
			case n == 0:
				say(all(label, someObjects[label]))
			case label != wire.LabelTopic:
				say(nothing(label))
				say(all(label, someObjects[label]))
			default: // the last stream
				say(nothing(label))
				<-release
				say(nothing(label))
				say(all(label, someObjects[label], topicObject("b", 1)))
			}
		}
	})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	r := &recorder{wake: make(chan struct{}, 64)}
	c := open(t, Config{Endpoint: addr, Event: r.event})
	changed := c.Changed()
	hangUp()
	r.await(t, WatchRetry)
	require.Error(t, c.WatchError())
	require.NotNil(t, c.Snapshot().Topics["a"])
	free()
	r.await(t, WatchRecovered)
	require.NoError(t, c.WatchError())
	<-changed
	require.True(t, c.Snapshot().Topics["a"].Complete())
	require.NotNil(t, c.Snapshot().Topics["b"])
}

// A cluster that never had anything says the same for ever, and can be connected to.
func TestEmptyClusterAtEpochZero(t *testing.T) {
	addr, _ := startFakeSC(t, func(int) telling {
		return func(label string, say func(*wire.MetadataUpdate)) { say(nothing(label)) }
	})
	c := open(t, Config{Endpoint: addr})
	require.Empty(t, c.Snapshot().Topics)
}

func TestSCThatNeverTellsAnything(t *testing.T) {
	addr, _ := startFakeSC(t, func(int) telling { return func(string, func(*wire.MetadataUpdate)) {} })
	pool := transport.NewPool(&transport.Config{ConnectTimeout: patience, HandshakeTimeout: patience, RequestTimeout: 50 * time.Millisecond})
	t.Cleanup(pool.Close)
	_, err := Open(testContext(t), Config{Endpoint: addr, BackoffFirst: time.Millisecond, BackoffMax: time.Millisecond}, pool)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "the cluster's metadata")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	slow := transport.NewPool(&transport.Config{ConnectTimeout: patience, HandshakeTimeout: patience, RequestTimeout: patience})
	t.Cleanup(slow.Close)
	_, err = Open(ctx, Config{Endpoint: addr, BackoffFirst: time.Millisecond, BackoffMax: time.Millisecond}, slow)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
}

// An SC that tells of objects of another type than it was asked for is no SC. Who takes them for what was asked for would break down.
func TestObjectsOfAnotherType(t *testing.T) {
	addr, _ := startFakeSC(t, func(int) telling {
		return func(label string, say func(*wire.MetadataUpdate)) {
			if label == wire.LabelMirror {
				label = wire.LabelSPU
			}
			u := &wire.MetadataUpdate{Label: label, Epoch: 1}
			if o, ok := someObjects[label]; ok {
				u.All = []wire.Object{o}
			}
			say(u)
		}
	})
	c := open(t, Config{Endpoint: addr})
	_, err := c.Topic(testContext(t), "b")
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, `asked for objects of type Topic and told of "SPU"`)
	_, err = c.WatchObjects(testContext(t), wire.LabelMirror)
	require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err), "%v", err)
	w, err := c.WatchObjects(testContext(t), wire.LabelSPU)
	require.NoError(t, err)
	w.Close()
}
