package fluvio

import (
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/cluster"
	"github.com/libfluvio/libfluvio/core/internal/transport"
)

// ClientEventKind is what happened to a client. The numbers are those of fluvio.h.
type ClientEventKind uint8

// The kinds of events.
const (
	ClientConnected ClientEventKind = iota + 1 // a connection to Addr was made
	ClientLost                                 // a connection to Addr ended because of Err
	ClientRetry                                // the metadata may be old because of Err; attempt number Attempt to reach the SC comes after Delay
	ClientRecovered                            // the SC is back, the metadata is up to date again
	ClientGaveUp                               // Err does not go away by itself: the SC is tried again when the application asks it for something
	LeaderMoved                                // a partition is led by SPU, no longer by FromSPU
	BreakerOpened                              // Addr is not tried for a while; Err is how the last attempt failed
	BreakerHalfOpen                            // one attempt decides about Addr
	BreakerClosed                              // Addr is tried as usual
)

// ClientEvent is something that happened to a client. Fields that do not apply are zero.
type ClientEvent struct {
	Kind      ClientEventKind
	Addr      string // host:port of the peer
	Topic     string
	Partition int32
	SPU       int32
	FromSPU   int32
	Attempt   int
	Delay     time.Duration
	Err       error
	Dropped   uint64 // events that were dropped before this one, because 10,000 waited for OnEvent
}

// mostEvents wait for the application; further ones are dropped.
const mostEvents = 10_000

// notifier hands events to the application, in order, on a goroutine that exists while there are some.
type notifier struct {
	tell func(ClientEvent)
	sc   string // its address
	stop func() // hears no more of the pool

	mu      sync.Mutex
	waiting []ClientEvent // guarded by mu
	closed  bool          // guarded by mu
	dropped uint64        // guarded by mu: since the last one that was not
	running bool          // guarded by mu
	ended   sync.Cond     // running is false
}

func newNotifier(tell func(ClientEvent), sc string, pool *transport.Pool) *notifier {
	n := &notifier{tell: tell, sc: sc}
	n.ended.L = &n.mu
	n.stop = pool.Listen(n.poolEvent)
	return n
}

var poolKinds = map[transport.EventKind]ClientEventKind{
	transport.Connected: ClientConnected, transport.Lost: ClientLost, transport.BreakerOpened: BreakerOpened,
	transport.BreakerHalfOpen: BreakerHalfOpen, transport.BreakerClosed: BreakerClosed,
}

func (n *notifier) poolEvent(e transport.Event) {
	n.add(ClientEvent{Kind: poolKinds[e.Kind], Addr: e.Addr, Err: e.Err})
}

var clusterKinds = map[cluster.EventKind]ClientEventKind{
	cluster.WatchRetry: ClientRetry, cluster.WatchRecovered: ClientRecovered, cluster.WatchGaveUp: ClientGaveUp, cluster.LeaderMoved: LeaderMoved,
}

func (n *notifier) clusterEvent(e cluster.Event) {
	out := ClientEvent{
		Kind: clusterKinds[e.Kind], Topic: e.Topic, Partition: e.Partition, SPU: e.SPU, FromSPU: e.FromSPU, Attempt: e.Attempt, Delay: e.Delay, Err: e.Err,
	}
	if e.Topic == "" {
		out.Addr = n.sc
	}
	n.add(out)
}

func (n *notifier) add(e ClientEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	if len(n.waiting) >= mostEvents {
		n.dropped++
		return
	}
	e.Dropped, n.dropped = n.dropped, 0
	n.waiting = append(n.waiting, e)
	if !n.running {
		n.running = true
		go n.run()
	}
}

func (n *notifier) run() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.waiting) > 0 {
		e := n.waiting[0]
		n.waiting = n.waiting[1:]
		n.mu.Unlock()
		n.tell(e)
		n.mu.Lock()
	}
	n.running = false
	n.ended.Broadcast()
}

// mute makes the event that the application is being told of the last one. A nil notifier has nothing to tell.
func (n *notifier) mute() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed, n.waiting = true, nil
}

// close returns when the application was told of everything. A nil notifier has nothing to tell.
func (n *notifier) close() {
	if n == nil {
		return
	}
	n.stop()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for n.running {
		n.ended.Wait()
	}
}
