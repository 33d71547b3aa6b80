package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestPoolDialsOnce(t *testing.T) {
	s := startServer(t, true, drain)
	p := NewPool(testConfig())
	t.Cleanup(p.Close)
	var all sync.WaitGroup
	var conns sync.Map
	for range 32 {
		all.Add(1)
		go func() {
			defer all.Done()
			c, err := p.Get(testContext(t), spuKey(s.addr))
			if err != nil {
				t.Error(err)
				return
			}
			conns.Store(c, true)
		}()
	}
	all.Wait()
	n := 0
	conns.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 1, n)
	require.Equal(t, 1, s.connections())

	other := spuKey(s.addr)
	other.Kind = Fetch
	c, err := p.Get(testContext(t), other)
	require.NoError(t, err)
	_, same := conns.Load(c)
	require.False(t, same, "another kind has a connection of its own")
}

// A connection whose peer has gone half is not given out again when a call has found out. One that answers late is.
func TestPoolReplacesASilentConnection(t *testing.T) {
	for _, late := range []bool{false, true} {
		given := make(chan struct{})
		s := startServer(t, true, func(p *peer) {
			if f, ok := p.read(); ok && late {
				<-given
				p.answer(f.header.CorrelationID, "late")
			}
			drain(p)
		})
		cfg := testConfig()
		cfg.RequestTimeout = 500 * time.Millisecond // far longer than a busy machine makes a call of 1 ms take
		p := NewPool(cfg)
		t.Cleanup(p.Close)
		first, err := p.Get(testContext(t), spuKey(s.addr))
		require.NoError(t, err)
		short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		for _, ctx := range []context.Context{short, context.Background()} {
			again, err := p.Get(testContext(t), spuKey(s.addr))
			require.NoError(t, err)
			require.Same(t, first, again, "nobody has waited long")
			err = first.Call(ctx, wire.KeyFetchOffsets, &wire.FetchOffsetsRequest{}, &wire.FetchOffsetsResponse{})
			require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
		}
		quiet := first.Quiet()
		close(given)
		if late {
			require.Eventually(t, func() bool { return first.Quiet() < quiet }, patience, time.Millisecond)
		}
		second, err := p.Get(testContext(t), spuKey(s.addr))
		require.NoError(t, err)
		if late {
			require.Same(t, first, second)
		} else {
			require.NotSame(t, first, second)
			require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(first.Err()))
		}
	}
}

func TestPoolReplacesADeadConnection(t *testing.T) {
	s := startServer(t, true, drain)
	p := NewPool(testConfig())
	t.Cleanup(p.Close)
	first, err := p.Get(testContext(t), spuKey(s.addr))
	require.NoError(t, err)
	first.Fail(errors.New("broken by the test"))
	second, err := p.Get(testContext(t), spuKey(s.addr))
	require.NoError(t, err)
	require.NotSame(t, first, second)
	require.NoError(t, second.Err())
	first.Close()
}

func TestPoolForgetsAFailedDial(t *testing.T) {
	s := startServer(t, true, drain)
	cfg := testConfig()
	var broken atomic.Bool
	broken.Store(true)
	cfg.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if broken.Load() {
			return nil, errors.New("no route in this test")
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	p := NewPool(cfg)
	t.Cleanup(p.Close)
	_, err := p.Get(testContext(t), spuKey(s.addr))
	require.Equal(t, fluvioerr.Connection, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "no route in this test")
	broken.Store(false)
	_, err = p.Get(testContext(t), spuKey(s.addr))
	require.NoError(t, err)
}

// Who waits for a dial completes its error with what it was for, and has one of its own for that.
func TestPoolGivesEachItsOwnError(t *testing.T) {
	cfg := testConfig()
	begun, fail := make(chan struct{}, 16), make(chan struct{})
	cfg.DialContext = func(context.Context, string, string) (net.Conn, error) {
		begun <- struct{}{}
		<-fail
		return nil, errors.New("no route in this test")
	}
	p := NewPool(cfg)
	t.Cleanup(p.Close)
	key := spuKey("192.0.2.1:9010")
	first := make(chan error, 1)
	go func() {
		_, err := p.Get(testContext(t), key)
		first <- err
	}()
	await(t, begun)
	p.mu.Lock()
	e := p.entries[key]
	p.mu.Unlock()
	close(fail)
	err := fluvioerr.As(await(t, first)).WithDetail("mine", "1").At("orders", 1)
	require.ErrorContains(t, err, "no route in this test")
	<-e.ready
	require.NotContains(t, e.err.Error(), "orders")
	require.NotContains(t, fluvioerr.As(e.err).Detail, "mine")
}

// stuckDial is a dial that ends with its context only, and says when it has begun.
func stuckDial(cfg *Config) (begun chan struct{}) {
	begun = make(chan struct{}, 16)
	cfg.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return begun
}

func TestPoolCloseDuringDial(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectTimeout = time.Hour
	begun := stuckDial(cfg)
	p := NewPool(cfg)
	got := make(chan error, 1)
	go func() {
		_, err := p.Get(context.Background(), spuKey("192.0.2.1:9010"))
		got <- err
	}()
	await(t, begun)
	p.Close()
	err := await(t, got)
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err), "%v", err)
	_, err = p.Get(context.Background(), spuKey("192.0.2.1:9010"))
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(err), "%v", err)
	require.Empty(t, begun, "a closed pool dials no more")
}

// An owner that leaves does not wait for a peer that does not answer.
func TestPoolCloseOwnerDuringDial(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectTimeout = time.Hour
	begun := stuckDial(cfg)
	p := NewPool(cfg)
	t.Cleanup(p.Close)
	mine, other := spuKey("192.0.2.1:9010"), spuKey("192.0.2.1:9010")
	mine.Owner, other.Owner = 7, 8
	got := make(chan error, 2)
	for _, key := range []Key{mine, other} {
		go func() {
			_, err := p.Get(context.Background(), key)
			got <- err
		}()
		await(t, begun)
	}
	p.CloseOwner(7)
	require.Equal(t, fluvioerr.Closed, fluvioerr.CodeOf(await(t, got)))
	require.Empty(t, got, "the other owner's dial goes on")
}

func TestPoolGetEndsWithItsContext(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectTimeout = time.Hour
	stuckDial(cfg)
	p := NewPool(cfg)
	t.Cleanup(p.Close)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := p.Get(ctx, spuKey("192.0.2.1:9010"))
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "192.0.2.1:9010")
}

func TestHandshakeTimeout(t *testing.T) {
	s := startServer(t, false, drain) // accepts, reads, never answers
	cfg := testConfig()
	cfg.HandshakeTimeout = 100 * time.Millisecond
	_, err := Dial(context.Background(), spuKey(s.addr), cfg)
	require.Equal(t, fluvioerr.Timeout, fluvioerr.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "ApiVersions")
}

// told records what hooks are told.
type told struct {
	mu  sync.Mutex
	log []string
}

func (e *told) add(format string, args ...any) {
	e.mu.Lock()
	e.log = append(e.log, fmt.Sprintf(format, args...))
	e.mu.Unlock()
}

type parent struct{}

func (e *told) ConnectStart(ctx context.Context, c obs.Conn) context.Context {
	e.add("connect %s %s", c.Role, c.Kind)
	return context.WithValue(ctx, parent{}, "connect")
}
func (e *told) ConnectEnd(_ context.Context, _ obs.Conn, err error) {
	e.add("connect ended %s", code(err))
}
func (e *told) RequestStart(ctx context.Context, r obs.Request) context.Context {
	e.add("request %s in %v", r.API, ctx.Value(parent{}))
	return ctx
}
func (e *told) RequestEnd(_ context.Context, _ obs.Request, err error) {
	e.add("request ended %s", code(err))
}

func TestObserver(t *testing.T) {
	silent := startServer(t, false, drain)
	good := startServer(t, true, drain)
	var seen told
	cfg := testConfig()
	cfg.HandshakeTimeout, cfg.Observer = 200*time.Millisecond, obs.New(nil, []any{&seen})
	_, err := Dial(testContext(t), spuKey(silent.addr), cfg)
	require.Error(t, err)
	want := []string{"connect SPU produce", "request ApiVersions in connect", "request ended TIMEOUT", "connect ended TIMEOUT"}
	require.Equal(t, want, seen.log)
	require.Equal(t, []obs.ConnectionStats{{Role: "SPU", Kind: "produce", Failed: 1}}, cfg.Observer.Stats().Connections, "what never was connected does not disconnect")

	cfg.HandshakeTimeout = patience
	c, err := Dial(testContext(t), spuKey(good.addr), cfg)
	require.NoError(t, err)
	require.Equal(t, []obs.ConnectionStats{{Role: "SPU", Kind: "produce", Failed: 1, Opened: 1, Open: 1}}, cfg.Observer.Stats().Connections)
	abandon := c.Go(testContext(t), wire.KeyProduce, 25, [][]byte{[]byte("body")}, func(*Buffer, []byte, error) {})
	require.EqualValues(t, 1, stats(t, cfg.Observer, "Produce").InFlight)
	abandon()
	c.Close()
	want = append(want, "connect SPU produce", "request ApiVersions in connect", "request ended ", "connect ended ", "request Produce in <nil>", "request ended CANCELLED")
	require.Equal(t, want, seen.log, "each ends once")
	s := cfg.Observer.Stats()
	require.Equal(t, []obs.ConnectionStats{{Role: "SPU", Kind: "produce", Failed: 1, Opened: 1}}, s.Connections, "who closes loses nothing")
	hello := stats(t, cfg.Observer, "ApiVersions")
	require.Equal(t, []uint64{2, 1, 0, 1}, []uint64{hello.Count, hello.Errors, hello.InFlight, hello.Latency.Count})
	require.Equal(t, []obs.ErrorStats{
		{Operation: "connect", Code: "TIMEOUT", Count: 1}, {Operation: "request", Code: "CANCELLED", Count: 1}, {Operation: "request", Code: "TIMEOUT", Count: 1},
	}, s.Errors)
	require.Positive(t, s.BytesSent)
	require.Positive(t, s.BytesReceived)
}

// A server that answers the first request and hangs up has lost a connection that was made, whoever is faster.
func TestObserverHearsOfEveryEnd(t *testing.T) {
	const dials = 100
	s := startServer(t, true, func(*peer) {})
	cfg := testConfig()
	cfg.Observer = obs.New(nil, nil)
	for range dials {
		c, err := Dial(testContext(t), spuKey(s.addr), cfg)
		require.NoError(t, err)
		await(t, c.Done())
		c.Close()
	}
	require.Equal(t, []obs.ConnectionStats{{Role: "SPU", Kind: "produce", Opened: dials, Lost: dials}}, cfg.Observer.Stats().Connections)
}

// stats gives the counters of one API.
func stats(t *testing.T, o *obs.Observer, api string) obs.RequestStats {
	t.Helper()
	for _, r := range o.Stats().Requests {
		if r.API == api {
			return r
		}
	}
	require.Fail(t, "no request of "+api)
	return obs.RequestStats{}
}

// What nobody uses is closed, without anybody being told of a loss; what waits for an answer or streams is in use.
func TestPoolClosesIdleConnections(t *testing.T) {
	s := startServer(t, true, drain)
	cfg := testConfig()
	cfg.IdleTimeout, cfg.Observer = 500*time.Millisecond, obs.New(nil, nil)
	p := NewPool(cfg)
	t.Cleanup(p.Close)
	var mu sync.Mutex
	var seen []EventKind
	p.Listen(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, e.Kind)
	})
	busyKey := spuKey(s.addr)
	busyKey.Kind = Fetch
	busy, err := p.Get(testContext(t), busyKey)
	require.NoError(t, err)
	busy.Go(t.Context(), wire.KeyProduce, 25, nil, func(*Buffer, []byte, error) {})
	idle, err := p.Get(testContext(t), spuKey(s.addr))
	require.NoError(t, err)
	await(t, idle.Done())
	require.NoError(t, busy.Err())
	err = idle.Call(testContext(t), wire.KeyFetchOffsets, &wire.FetchOffsetsRequest{}, &wire.FetchOffsetsResponse{})
	require.True(t, fluvioerr.Retriable(err), "who held it may try again: %v", err)
	again, err := p.Get(testContext(t), spuKey(s.addr))
	require.NoError(t, err)
	require.NotSame(t, idle, again)
	idle.Close() // which returns when everybody was told of the end
	for _, s := range cfg.Observer.Stats().Connections {
		require.Zero(t, s.Lost, "%+v", s)
	}
	mu.Lock()
	defer mu.Unlock()
	require.NotContains(t, seen, Lost)
}

// The breaker counts what may pass by itself, lets one attempt decide after its time, and is told of good news.
func TestBreaker(t *testing.T) {
	cfg := testConfig()
	cfg.BreakerFailures, cfg.BreakerReset = 2, time.Hour
	failure := errors.New("no route")
	dials := 0
	cfg.DialContext = func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, failure
	}
	p := NewPool(cfg)
	t.Cleanup(p.Close)
	key := spuKey("192.0.2.1:9010")
	fail := func() error {
		_, err := p.Get(testContext(t), key)
		require.Error(t, err)
		return err
	}
	fail()
	require.Equal(t, Closed, p.Breaker(key.Addr))
	fail()
	require.Equal(t, Open, p.Breaker(key.Addr))
	err := fail()
	require.Equal(t, 2, dials)
	require.Greater(t, fluvioerr.RetryAfter(err), 59*time.Minute)
	require.ErrorContains(t, err, "no route")
	require.True(t, fluvioerr.Retriable(err))
	p.Forgive(key.Addr, key.Role)
	require.Equal(t, Closed, p.Breaker(key.Addr))
	fail()
	require.Equal(t, 3, dials)
}
