package obs

import (
	"cmp"
	"context"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Observer is where a client says what it does: it counts, logs, and tells hooks. Its methods are safe for concurrent use and
// do not block, but for what hooks and log handlers do.
type Observer struct {
	Log   *slog.Logger // never nil
	hooks hooks

	mu       sync.Mutex
	conns    map[connKey]*connections    // guarded by mu, as the other maps; their values are counted in without it
	requests map[requestKey]*requests    // guarded by mu
	counts   map[countKey]*atomic.Uint64 // guarded by mu

	sent, received atomic.Uint64 // bytes
}

type connKey struct{ role, kind string }

type connections struct{ opened, failed, lost, closed atomic.Uint64 }

type requestKey struct{ role, api string }

type requests struct {
	begun, done, failed atomic.Uint64
	latency             Histogram // in µs
}

// countKey is an error of an operation, or, without a code, a retry.
type countKey struct{ operation, code string }

// New makes an observer. log may be nil: nothing is logged. hooks are those that CheckHooks has found good.
func New(log *slog.Logger, hooks []any) *Observer {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o := &Observer{Log: log, conns: map[connKey]*connections{}, requests: map[requestKey]*requests{}, counts: map[countKey]*atomic.Uint64{}}
	for _, hook := range hooks {
		_ = o.hooks.add(hook)
	}
	return o
}

// Nobody observes for clients that have no observer.
var Nobody = New(nil, nil)

// counter gives the value of a key, made when it is asked for first.
func counter[K comparable, V any](o *Observer, m map[K]*V, key K) *V {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := m[key]
	if v == nil {
		v = new(V)
		m[key] = v
	}
	return v
}

func (o *Observer) conn(c Conn) *connections { return counter(o, o.conns, connKey{c.Role, c.Kind}) }

// Connect begins a dial. ended: what it came to; code names the error.
func (o *Observer) Connect(ctx context.Context, c Conn) (inner context.Context, ended func(code string, err error)) {
	start := time.Now()
	span := begin(ctx, o.hooks.connect, c, ConnectHook.ConnectStart, ConnectHook.ConnectEnd)
	return span.Context(ctx), func(code string, err error) {
		if err != nil {
			o.conn(c).failed.Add(1)
			o.Failed("connect", code)
			o.Log.LogAttrs(ctx, slog.LevelInfo, "cannot connect", append(c.attrs(), Err(code, err))...)
		} else {
			o.conn(c).opened.Add(1)
			o.Log.LogAttrs(ctx, slog.LevelInfo, "connected", append(c.attrs(), slog.Duration("took", time.Since(start)))...)
		}
		span.End(c, err)
	}
}

// Disconnected tells of the end of a connection; asked: this side wanted it.
func (o *Observer) Disconnected(c Conn, asked bool, code string, err error) {
	if asked {
		o.conn(c).closed.Add(1)
		o.Log.LogAttrs(context.Background(), slog.LevelDebug, "connection closed", c.attrs()...)
		return
	}
	o.conn(c).lost.Add(1)
	o.Failed("connection", code)
	o.Log.LogAttrs(context.Background(), slog.LevelWarn, "connection lost", append(c.attrs(), Err(code, err))...)
}

func (c *Conn) attrs() []slog.Attr {
	return []slog.Attr{slog.String("addr", c.Addr), slog.String("role", c.Role), slog.String("kind", c.Kind)}
}

// Pending is a request without an answer.
type Pending struct {
	o     *Observer
	r     Request
	m     *requests
	span  *Span[Request]
	start time.Time
	ended atomic.Bool
}

// Request begins a request.
func (o *Observer) Request(ctx context.Context, r Request) *Pending {
	p := &Pending{o: o, r: r, m: counter(o, o.requests, requestKey{r.Conn.Role, r.API}), start: time.Now()}
	p.m.begun.Add(1)
	p.span = begin(ctx, o.hooks.request, r, RequestHook.RequestStart, RequestHook.RequestEnd)
	return p
}

// Context is what the hooks have put their own into, or ctx.
func (p *Pending) Context(ctx context.Context) context.Context { return p.span.Context(ctx) }

// End tells what the request came to; later calls do nothing. code names the error.
func (p *Pending) End(code string, err error) {
	if p.ended.Swap(true) {
		return
	}
	took := time.Since(p.start)
	p.m.done.Add(1)
	if err != nil {
		p.m.failed.Add(1)
		p.o.Failed("request", code)
	} else {
		p.m.latency.Record(took.Microseconds())
	}
	if ctx := context.Background(); p.o.Log.Enabled(ctx, slog.LevelDebug) {
		attrs := append(p.r.Conn.attrs(), slog.String("api", p.r.API), slog.Duration("took", took))
		if err != nil {
			attrs = append(attrs, Err(code, err))
		}
		p.o.Log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
	}
	p.span.End(p.r, err)
}

// Failed counts an error of an operation.
func (o *Observer) Failed(operation, code string) {
	counter(o, o.counts, countKey{operation, code}).Add(1)
}

// Retried counts n retries of an operation.
func (o *Observer) Retried(operation string, n uint64) {
	counter(o, o.counts, countKey{operation: operation}).Add(n)
}

// Sent counts bytes that left.
func (o *Observer) Sent(bytes int64) { o.sent.Add(uint64(bytes)) }

// Received counts bytes that arrived.
func (o *Observer) Received(bytes int) { o.received.Add(uint64(bytes)) }

// Err is the attribute of an error in a log. What a SmartModule says may quote records, which no log may show.
func Err(code string, err error) slog.Attr {
	if code == "SMARTMODULE" {
		return slog.Group("", slog.String("error", "a SmartModule failed"), slog.String("code", code))
	}
	return slog.Group("", slog.String("error", strings.TrimSpace(err.Error())), slog.String("code", code))
}

// Stats are the counters of a client, producers and consumers apart.
func (o *Observer) Stats() (s Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.BytesSent, s.BytesReceived = o.sent.Load(), o.received.Load()
	for k, c := range o.conns {
		// The ends first: what is open is never less than nothing.
		lost, closed := c.lost.Load(), c.closed.Load()
		opened := c.opened.Load()
		s.Connections = append(s.Connections, ConnectionStats{
			Role: k.role, Kind: k.kind, Open: opened - min(opened, lost+closed), Opened: opened, Failed: c.failed.Load(), Lost: lost,
		})
	}
	for k, r := range o.requests {
		done, failed := r.done.Load(), r.failed.Load()
		begun := r.begun.Load()
		s.Requests = append(s.Requests, RequestStats{
			Role: k.role, API: k.api, Count: begun, InFlight: begun - done, Errors: failed, Latency: r.latency.Stats(),
		})
	}
	for k, n := range o.counts {
		if k.code == "" {
			s.Retries = append(s.Retries, RetryStats{Operation: k.operation, Count: n.Load()})
		} else {
			s.Errors = append(s.Errors, ErrorStats{Operation: k.operation, Code: k.code, Count: n.Load()})
		}
	}
	// Not slices.SortFunc, which adds 15 KB to the library for every type that it sorts.
	sort.Slice(s.Connections, func(i, j int) bool {
		a, b := &s.Connections[i], &s.Connections[j]
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Kind, b.Kind)) < 0
	})
	sort.Slice(s.Requests, func(i, j int) bool {
		a, b := &s.Requests[i], &s.Requests[j]
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.API, b.API)) < 0
	})
	sort.Slice(s.Errors, func(i, j int) bool {
		a, b := &s.Errors[i], &s.Errors[j]
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Code, b.Code)) < 0
	})
	sort.Slice(s.Retries, func(i, j int) bool { return s.Retries[i].Operation < s.Retries[j].Operation })
	return s
}
