package fluvio_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// diary keeps a client's events.
type diary struct {
	mu     sync.Mutex
	events []fluvio.ClientEvent
	more   chan struct{} // closed and replaced at every event
}

func newDiary() *diary { return &diary{more: make(chan struct{})} }

func (d *diary) note(e fluvio.ClientEvent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
	close(d.more)
	d.more = make(chan struct{})
}

// await waits for the first event from the i-th on that is as wanted, and gives it with the place behind it.
func (d *diary) await(ctx context.Context, t *testing.T, from int, wanted func(fluvio.ClientEvent) bool) (e fluvio.ClientEvent, next int) {
	t.Helper()
	for {
		d.mu.Lock()
		more := d.more
		i := slices.IndexFunc(d.events[from:], wanted)
		if i >= 0 {
			defer d.mu.Unlock()
			return d.events[from+i], from + i + 1
		}
		d.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			require.FailNow(t, "the event did not come", "%v", d.events)
		}
	}
}

func kind(k fluvio.ClientEventKind) func(fluvio.ClientEvent) bool {
	return func(e fluvio.ClientEvent) bool { return e.Kind == k }
}

// dialCounter counts attempts to connect, by address.
type dialCounter struct {
	mu    sync.Mutex
	count map[string]int
}

func (d *dialCounter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	if d.count == nil {
		d.count = map[string]int{}
	}
	d.count[addr]++
	d.mu.Unlock()
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

func (d *dialCounter) of(addr string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count[addr]
}

func pointer[T any](v T) *T { return &v }

// selfSigned is a TLS listener whose certificate nobody trusts.
func selfSigned(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"test"}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	require.NoError(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return listen(t, func(c net.Conn) {
		_ = tls.Server(c, config).Handshake()
		c.Close()
	})
}

// hold keeps connections open, and silent, until the test ends: one that nothing refers to is closed by the garbage collector.
func hold(t *testing.T) func(net.Conn) {
	return func(c net.Conn) { t.Cleanup(func() { c.Close() }) }
}

// What may pass by itself is tried again max_retries times; what does not, never.
func TestConnectRetries(t *testing.T) {
	refused := func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	for _, c := range []struct {
		name    string
		addr    func(*testing.T) string
		options fluvio.ClientOptions
		code    fluvioerr.Code
		dials   int
	}{
		{"refused, never again", refused, fluvio.ClientOptions{MaxRetries: pointer(0)}, fluvioerr.Connection, 1},
		{"refused, twice again", refused, fluvio.ClientOptions{MaxRetries: pointer(2)}, fluvioerr.Connection, 3},
		{"refused, default", refused, fluvio.ClientOptions{}, fluvioerr.Connection, 4},
		{"hangs up", func(t *testing.T) string { return listen(t, func(c net.Conn) { c.Close() }) }, fluvio.ClientOptions{}, fluvioerr.Connection, 4},
		{"silent", func(t *testing.T) string { return listen(t, hold(t)) }, fluvio.ClientOptions{HandshakeTimeout: 50 * time.Millisecond}, fluvioerr.Timeout, 1},
		{"certificate of nobody", selfSigned, fluvio.ClientOptions{TLS: "verified", TLSDomain: "test"}, fluvioerr.TLS, 1},
		{"certificate for another name", selfSigned, fluvio.ClientOptions{TLS: "verified", TLSDomain: "other"}, fluvioerr.TLS, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var dials dialCounter
			o := c.options
			o.Endpoint, o.DialContext, o.RetryBackoff = c.addr(t), dials.dial, time.Millisecond
			_, err := fluvio.Connect(testContext(t), o)
			require.Equal(t, c.code, fluvioerr.CodeOf(err), "%v", err)
			require.Equal(t, c.dials, dials.of(o.Endpoint))
			if c.dials > 1 {
				require.Equal(t, fmt.Sprint(c.dials-1), fluvioerr.As(err).Detail["retries"])
			}
		})
	}
}

func TestConnectWaitsForTheSC(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	require.NoError(t, cl.StopSC())
	var back sync.Once
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), MaxRetries: pointer(1000), RetryBackoff: time.Millisecond, BreakerFailures: 3, BreakerReset: 20 * time.Millisecond,
		OnEvent: func(e fluvio.ClientEvent) {
			if e.Kind == fluvio.BreakerOpened {
				back.Do(func() { _ = cl.StartSC() })
			}
		},
	})
	require.NoError(t, err)
	require.NoError(t, client.Close(ctx))
}

// Without validate_on_connect a client is there before its cluster.
func TestConnectBeforeTheCluster(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	require.NoError(t, cl.StopSC())
	seen := newDiary()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), ValidateOnConnect: pointer(false), RetryBackoff: time.Millisecond, BreakerReset: 20 * time.Millisecond, OnEvent: seen.note,
	})
	require.NoError(t, err)
	require.Empty(t, client.PlatformVersion())
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	_, err = client.Producer(short, "t", fluvio.ProducerOptions{})
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "the cluster's metadata")
	health, err := client.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, fluvio.Down, health.Verdict)
	require.Negative(t, health.MetadataAge)

	created := make(chan error, 1)
	go func() { created <- client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{}) }()
	_, _ = seen.await(ctx, t, 0, kind(fluvio.ClientRetry))
	require.NoError(t, cl.StartSC())
	require.NoError(t, <-created)
	require.NotEmpty(t, client.PlatformVersion())
	require.NoError(t, client.Close(ctx))
}

// A client of wrong TLS settings that need not validate says so to whoever asks, and tries only when it is asked.
func TestGaveUp(t *testing.T) {
	ctx := testContext(t)
	var dials dialCounter
	seen := newDiary()
	addr := selfSigned(t)
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: addr, ValidateOnConnect: pointer(false), TLS: "verified", TLSDomain: "test", RetryBackoff: time.Millisecond, DialContext: dials.dial, OnEvent: seen.note,
	})
	require.NoError(t, err)
	e, next := seen.await(ctx, t, 0, kind(fluvio.ClientGaveUp))
	require.Equal(t, fluvioerr.TLS, fluvioerr.CodeOf(e.Err))
	require.Equal(t, 1, dials.of(addr))
	_, err = client.Producer(ctx, "t", fluvio.ProducerOptions{})
	require.Equal(t, fluvioerr.TLS, fluvioerr.CodeOf(err), "%v", err)
	_, _ = seen.await(ctx, t, next, kind(fluvio.ClientGaveUp))
	require.Equal(t, 2, dials.of(addr))
	require.NoError(t, client.Close(ctx))
}

// exchange writes a record and reads it back.
func exchange(ctx context.Context, t *testing.T, producer *fluvio.Producer, consumer *fluvio.Consumer, value string) {
	t.Helper()
	rc, err := producer.Send(ctx, fluvio.Record{Value: []byte(value)})
	require.NoError(t, err)
	_, _, err = rc.Wait(ctx)
	require.NoError(t, err)
	for record, err := range consumer.Records(ctx) {
		require.NoError(t, err)
		require.Equal(t, value, string(record.Value))
		break
	}
}

// While the SC is away records flow, and who needs it is told so.
func TestSCAwayLater(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	seen := newDiary()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 5 * time.Millisecond, BreakerReset: 20 * time.Millisecond, OnEvent: seen.note,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close(ctx)) }()
	require.NoError(t, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{}))
	made, next := seen.await(ctx, t, 0, kind(fluvio.ClientConnected))
	require.Equal(t, fluvio.ClientEvent{Kind: fluvio.ClientConnected, Addr: cl.Endpoint()}, made)
	require.NoError(t, cl.StopSC())
	lost, _ := seen.await(ctx, t, next, kind(fluvio.ClientLost))
	require.Equal(t, cl.Endpoint(), lost.Addr)
	require.Error(t, lost.Err)
	_, next = seen.await(ctx, t, next, kind(fluvio.ClientRetry))
	producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{})
	require.NoError(t, err, "what is known of the topic is enough")
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning()})
	require.NoError(t, err)
	exchange(ctx, t, producer, consumer, "without SC")
	_, err = client.Admin().Topics(ctx)
	require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, cl.Endpoint())
	health, err := client.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, fluvio.Degraded, health.Verdict, "%+v", health)
	require.False(t, health.SC.Reachable)
	require.Error(t, health.MetadataErr)

	require.NoError(t, cl.StartSC())
	_, _ = seen.await(ctx, t, next, kind(fluvio.ClientRecovered))
	health, err = client.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, fluvio.Healthy, health.Verdict, "%v", health.Reasons)
	require.Positive(t, health.SC.RTT)
	require.Positive(t, health.SPUs[0].RTT)
	require.Positive(t, health.MetadataAge)
	exchange(ctx, t, producer, consumer, "with SC again")
}

// Only the partitions of an SPU that is away wait, its address is not tried all the time, and the news that it is back are enough.
func TestSPUAwayAndBreaker(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	var dials dialCounter
	seen := newDiary()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 5 * time.Millisecond, BreakerFailures: 3, BreakerReset: time.Hour,
		DialContext: dials.dial, OnEvent: seen.note,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close(ctx)) }()
	require.NoError(t, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{Partitions: 2}))
	away, err := client.PartitionLeader("t", 0)
	require.NoError(t, err)
	addr := cl.SPUEndpoints()[away-5001]
	producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{})
	require.NoError(t, err)
	send := func(partition int32) fluvio.Receipt {
		rc, err := producer.SendTo(ctx, partition, fluvio.Record{Value: []byte("v")})
		require.NoError(t, err)
		return rc
	}
	for p := range int32(2) {
		_, _, err = send(p).Wait(ctx)
		require.NoError(t, err)
	}
	breakers := []fluvio.BreakerStats{{Endpoint: cl.Endpoint(), State: "closed"}}
	for _, each := range cl.SPUEndpoints() {
		breakers = append(breakers, fluvio.BreakerStats{Endpoint: each, State: "closed"})
	}
	require.ElementsMatch(t, breakers, client.Stats().Breakers)
	before := dials.of(addr)
	require.NoError(t, cl.StopSPU(away))
	waiting := send(0)
	opened, next := seen.await(ctx, t, 0, kind(fluvio.BreakerOpened))
	require.Equal(t, addr, opened.Addr)
	require.Error(t, opened.Err)
	_, _, err = send(1).Wait(ctx)
	require.NoError(t, err, "the other SPU's partitions do not wait")
	health, err := client.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, fluvio.Degraded, health.Verdict)
	require.Equal(t, "open", health.SPUs[away-5001].Breaker)
	require.Contains(t, client.Stats().Breakers, fluvio.BreakerStats{Endpoint: addr, State: "open"})
	require.Contains(t, string(client.Stats().Prometheus()), `endpoint="`+addr+`",state="open"} 1`+"\n")
	require.ErrorContains(t, health.SPUs[away-5001].Err, "not tried")
	require.True(t, health.SPUs[1-(away-5001)].Reachable)
	require.Equal(t, before+3, dials.of(addr), "it is left alone")
	select {
	case <-waiting.Done():
		require.Fail(t, "there is nobody who could have stored it")
	default:
	}
	require.NoError(t, cl.StartSPU(away))
	closed, _ := seen.await(ctx, t, next, kind(fluvio.BreakerClosed))
	require.Equal(t, addr, closed.Addr)
	_, _, err = waiting.Wait(ctx)
	require.NoError(t, err, "what waited is sent at once")
}

// Without such news the breaker lets one attempt decide.
func TestBreakerProbes(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	seen := newDiary()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 5 * time.Millisecond, BreakerFailures: 2, BreakerReset: 30 * time.Millisecond,
		OnEvent: seen.note,
	})
	require.NoError(t, err)
	require.NoError(t, cl.StopSC())
	next := 0
	for range 2 {
		_, next = seen.await(ctx, t, next, kind(fluvio.BreakerOpened))
		_, next = seen.await(ctx, t, next, kind(fluvio.BreakerHalfOpen))
	}
	require.NoError(t, cl.StartSC())
	_, next = seen.await(ctx, t, next, kind(fluvio.BreakerClosed))
	_, next = seen.await(ctx, t, next, kind(fluvio.ClientConnected))
	_, _ = seen.await(ctx, t, next, kind(fluvio.ClientRecovered))
	require.NoError(t, client.Close(ctx))
}

// All servers away and back: everything goes on by itself.
func TestAllAwayAndBack(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	seen := newDiary()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{
		Endpoint: cl.Endpoint(), RetryBackoff: time.Millisecond, RetryBackoffMax: 10 * time.Millisecond, BreakerReset: 20 * time.Millisecond, OnEvent: seen.note,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close(ctx)) }()
	require.NoError(t, client.Admin().CreateTopic(ctx, "t", fluvio.TopicSpec{Partitions: 2}))
	producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{})
	require.NoError(t, err)
	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"t"}, Start: fluvio.Beginning()})
	require.NoError(t, err)
	exchange(ctx, t, producer, consumer, "before")
	require.NoError(t, cl.StopSC())
	for id := range int32(2) {
		require.NoError(t, cl.StopSPU(5001+id))
	}
	_, next := seen.await(ctx, t, 0, kind(fluvio.ClientRetry))
	health, err := client.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, fluvio.Down, health.Verdict)
	rc, err := producer.Send(ctx, fluvio.Record{Value: []byte("meanwhile")})
	require.NoError(t, err)
	for id := range int32(2) {
		require.NoError(t, cl.StartSPU(5001+id))
	}
	require.NoError(t, cl.StartSC())
	_, _ = seen.await(ctx, t, next, kind(fluvio.ClientRecovered))
	_, _, err = rc.Wait(ctx)
	require.NoError(t, err)
	for record, err := range consumer.Records(ctx) {
		require.NoError(t, err)
		require.Equal(t, "meanwhile", string(record.Value))
		break
	}
}

func TestLeaderMovedEvent(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{SPUs: 2})
	require.NoError(t, cl.CreateTopicWith("t", devcluster.TopicOptions{Replication: 2}))
	seen := newDiary()
	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cl.Endpoint(), OnEvent: seen.note})
	require.NoError(t, err)
	from, err := client.PartitionLeader("t", 0)
	require.NoError(t, err)
	to := 5001 + 5002 - from
	require.NoError(t, cl.MoveLeader("t", 0, to))
	e, _ := seen.await(ctx, t, 0, kind(fluvio.LeaderMoved))
	require.Equal(t, fluvio.ClientEvent{Kind: fluvio.LeaderMoved, Topic: "t", SPU: to, FromSPU: from}, e)
	require.NoError(t, client.Close(ctx))
}

// An SPU whose public address leads nowhere is reached at its local one by who asks for that.
func TestLocalAddressesOfSPUs(t *testing.T) {
	ctx := testContext(t)
	cl := startCluster(t, devcluster.Options{})
	admin := connect(t, cl.Endpoint()).Admin()
	const nowhere = "127.0.0.1:1"
	local := cl.SPUEndpoints()[0]
	require.NoError(t, admin.DeleteCustomSPUByID(ctx, 5001))
	require.NoError(t, admin.CreateCustomSPU(ctx, "spu", fluvio.CustomSPUSpec{ID: 5001, PublicEndpoint: nowhere, PrivateEndpoint: nowhere, PublicEndpointLocal: local}))
	require.NoError(t, admin.CreateTopic(ctx, "t", fluvio.TopicSpec{}))
	send := func(useLocal bool, dials *dialCounter) error {
		client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cl.Endpoint(), UseSPULocalAddress: useLocal, DialContext: dials.dial})
		require.NoError(t, err)
		defer func() { _ = client.Close(ctx) }() // tells of the record again
		producer, err := client.Producer(ctx, "t", fluvio.ProducerOptions{DeliveryTimeout: time.Second})
		require.NoError(t, err)
		rc, err := producer.Send(ctx, fluvio.Record{Value: []byte("v")})
		require.NoError(t, err)
		_, _, err = rc.Wait(ctx)
		return err
	}
	var public, own dialCounter
	require.Error(t, send(false, &public))
	require.Positive(t, public.of(nowhere))
	require.Zero(t, public.of(local))
	require.NoError(t, send(true, &own))
	require.Zero(t, own.of(nowhere))
	require.Positive(t, own.of(local))
}
