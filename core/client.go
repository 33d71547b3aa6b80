package fluvio

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/transport"
)

// Client is a connection to a cluster. Its methods are safe for concurrent use.
type Client struct {
	opts    ClientOptions
	name    string // in statistics
	pool    *transport.Pool
	release func() // gives the pool back
	cluster *cluster.Cluster
	events  *notifier // nil: nobody wants to know

	offsets memoryStore // of consumers with offset_store memory

	mu       sync.Mutex
	children map[closer]struct{} // guarded by mu: producers, consumers and watches
	closed   bool                // guarded by mu
	done     chan struct{}       // closed when nothing of the client runs any more
	closeErr error               // set before done is closed
	still    atomic.Value        // string: what Close waits for

	producers, consumers atomic.Uint64      // opened so far
	stop                 context.CancelFunc // ends tellStats
	told                 chan struct{}      // closed when that has ended
}

// clients counts the clients of the process.
var clients atomic.Uint64

// closer is a producer, a consumer or a watch.
type closer interface {
	Close(ctx context.Context) error
}

// Defaults of settings whose zero value means something else.
var (
	validate   = true
	maxRetries = 3
)

// defaults fills in what the zero values mean.
func (o *ClientOptions) defaults() {
	o.ClientID = orDefault(o.ClientID, "libfluvio")
	o.ConnectionTimeout = orDefault(o.ConnectionTimeout, 5*time.Second)
	o.HandshakeTimeout = orDefault(o.HandshakeTimeout, o.ConnectionTimeout)
	o.RequestTimeout = orDefault(o.RequestTimeout, 30*time.Second)
	o.WriteStallTimeout = orDefault(o.WriteStallTimeout, o.RequestTimeout)
	o.IdleConnectionTimeout = orDefault(o.IdleConnectionTimeout, 300*time.Second)
	o.BreakerFailures = orDefault(o.BreakerFailures, 5)
	o.BreakerReset = orDefault(o.BreakerReset, 10*time.Second)
	o.ValidateOnConnect = orDefault(o.ValidateOnConnect, &validate)
	o.MaxRetries = orDefault(o.MaxRetries, &maxRetries)
	o.RetryBackoff = orDefault(o.RetryBackoff, 100*time.Millisecond)
	o.RetryBackoffMax = orDefault(o.RetryBackoffMax, 10*time.Second)
	o.TLS = orDefault(o.TLS, "disabled")
	o.LogLevel = orDefault(o.LogLevel, "warn")
}

// Validate reports every problem of the options at once.
func (o ClientOptions) Validate() error { return o.problems().err("client") }

func (o ClientOptions) problems() *problems {
	p := &problems{}
	checkSettings(p, o)
	if o.Endpoint != "" {
		if _, _, err := net.SplitHostPort(o.Endpoint); err != nil {
			p.add("endpoint", "%q is not of the form host:port, for instance 127.0.0.1:9003", o.Endpoint)
		}
		if o.Profile != "" {
			p.add("profile", "cannot be combined with endpoint")
		}
		if o.ProfilePath != "" {
			p.add("profile_path", "cannot be combined with endpoint")
		}
	}
	full := o
	if full.defaults(); full.RetryBackoff > full.RetryBackoffMax {
		p.add("retry_backoff_ms", "is larger than retry_backoff_max_ms")
	}
	if o.ShareConnections && o.TLSVerify != nil {
		p.add("share_connections", "cannot be combined with tls_verify: other clients would use connections that it has judged, or has not")
	}
	if o.ShareConnections && o.DialContext != nil {
		p.add("share_connections", "cannot be combined with a DialContext")
	}
	if o.Endpoint != "" || o.TLS != "" {
		checkTLS(p, &o) // else the profile decides about TLS, which is read later
	}
	for _, err := range obs.CheckHooks(o.Hooks) {
		p.add("hooks", "%v", err)
	}
	switch {
	case o.OnStats != nil && o.StatisticsInterval == 0:
		p.add("statistics_interval_ms", "is needed for statistics to be given")
	case o.OnStats == nil && o.StatisticsInterval != 0:
		p.add("statistics_interval_ms", "has no effect: nobody takes the statistics")
	}
	if len(o.AuthScopes) > 0 && o.AuthPrincipal == "" {
		p.add("auth_scopes", "are those of auth_principal, which is missing")
	}
	if len(o.ClientID) > 255 {
		p.add("client_id", "is longer than 255 bytes")
	}
	return p
}

// Connect reaches the cluster's SC, agrees on versions and loads the metadata. It ends with ctx, and by itself after the
// connection and handshake timeouts for the connection and the request timeout for the metadata. An SC that refuses or loses the
// connection is tried MaxRetries times again; wrong settings, TLS and timeouts are not. See ValidateOnConnect for not waiting.
func Connect(ctx context.Context, o ClientOptions) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := o.fromProfile(); err != nil {
		return nil, err
	}
	o.defaults()
	c := &Client{opts: o, children: map[closer]struct{}{}, done: make(chan struct{}), told: make(chan struct{})}
	c.name = fmt.Sprintf("%s-%d", o.ClientID, clients.Add(1))
	observer := obs.New(o.logger().With("client", c.name), o.Hooks)
	o.logSettings(observer)
	newTLS, err := o.newTLS(observer.Log)
	if err != nil {
		return nil, err
	}
	c.pool, c.release = o.openPool(newTLS, observer)
	cfg := cluster.Config{
		Observer: observer,
		Endpoint: o.Endpoint, ServerName: o.TLSDomain, LocalAddress: o.UseSPULocalAddress,
		BackoffFirst: o.RetryBackoff, BackoffMax: o.RetryBackoffMax, MaxRetries: *o.MaxRetries, Lazy: !*o.ValidateOnConnect,
	}
	if o.OnEvent != nil {
		c.events = newNotifier(o.OnEvent, o.Endpoint, c.pool)
		cfg.Event = c.events.clusterEvent
	}
	c.cluster, err = cluster.Open(ctx, cfg, c.pool)
	if err != nil {
		c.release()
		c.events.close()
		return nil, err
	}
	telling, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.tellStats(telling)
	return c, nil
}

// PlatformVersion is the version of the cluster, for instance 0.18.1; "" before it was reached.
func (c *Client) PlatformVersion() string { return c.cluster.Platform() }

// Endpoint is the SC's address.
func (c *Client) Endpoint() string { return c.opts.Endpoint }

// PartitionLeader is the id of the SPU that leads a partition, from the metadata that the SC keeps pushing: it asks nobody
// and does not wait. NotFound: there is no such topic or partition, as far as is known. Connection: the partition has no
// leader with an address yet, which may change.
func (c *Client) PartitionLeader(topic string, partition int32) (spu int32, err error) {
	if err := c.alive(); err != nil {
		return 0, err
	}
	s, err := c.cluster.Leader(topic, partition)
	if err != nil {
		return 0, err
	}
	return s.ID, nil
}

// Close closes the client's watches, consumers and producers, the last drained until ctx ends, and every connection. It returns
// when no goroutine of the client is left. Only the first call does anything; later ones wait for it, and return the same. It returns
// two seconds after the end of ctx at the latest: should a callback of the application not have returned by then, that is a Timeout
// that says which; OnEvent and OnStats are not called again, and the rest follows when it returns.
func (c *Client) Close(ctx context.Context) error {
	start := time.Now()
	c.mu.Lock()
	first, children := !c.closed, c.children
	c.closed, c.children = true, nil
	c.mu.Unlock()
	if first {
		go c.shutDown(ctx, children)
	}
	if endsBy(ctx, c.done, 2*closeGrace) { // once for producers and consumers, once for the rest
		return c.closeErr
	}
	c.events.mute()
	what, _ := c.still.Load().(string)
	return errStillCloses(ctx, "close client", what, start)
}

// shutDown carries Close out.
func (c *Client) shutDown(ctx context.Context, children map[closer]struct{}) {
	c.stop()
	c.still.Store("producers and consumers to close")
	late := closeAll(ctx, children)
	c.still.Store("connections to end, whose hooks or TLSVerify may not have returned")
	c.cluster.Close()
	c.release()
	c.still.Store("OnEvent to return")
	c.events.close()
	c.still.Store("OnStats to return")
	<-c.told
	what := "callbacks of producers and consumers to return"
	if e := fluvioerr.As(late); e != nil {
		what += " (" + e.Op + ": " + e.Message + ")"
	}
	c.still.Store(what)
	c.closeErr = closeAll(context.Background(), children) // also those that could not close in time
	close(c.done)
}

// closeAll closes producers and consumers side by side, and gives the first error.
func closeAll(ctx context.Context, children map[closer]struct{}) (first error) {
	errs := make(chan error, len(children))
	for child := range children {
		go func() { errs <- child.Close(ctx) }()
	}
	for range children {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// tellStats calls OnStats at intervals.
func (c *Client) tellStats(ctx context.Context) {
	defer close(c.told)
	if c.opts.OnStats == nil {
		return
	}
	tick := time.NewTicker(c.opts.StatisticsInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if ctx.Err() == nil {
				c.opts.OnStats(c.Stats())
			}
		}
	}
}

// adopt ties a producer or consumer to the client's life.
func (c *Client) adopt(child closer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClientClosed()
	}
	c.children[child] = struct{}{}
	return nil
}

func (c *Client) orphan(child closer) {
	c.mu.Lock()
	delete(c.children, child)
	c.mu.Unlock()
}

func (c *Client) alive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClientClosed()
	}
	return nil
}

// ready is alive, and waits until the cluster was reached for the first time: for ctx, and for the request timeout at the longest.
func (c *Client) ready(ctx context.Context, op string) error {
	if err := c.alive(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	return c.cluster.Ready(ctx, op)
}

func errClientClosed() error { return fluvioerr.New(fluvioerr.Closed, "", "the client was closed") }
