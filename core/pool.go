package fluvio

import (
	"crypto/tls"
	"strings"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/transport"
)

// shared are the pools of clients with ShareConnections.
var shared struct {
	mu    sync.Mutex
	pools map[poolKey]*sharedPool // guarded by mu
}

// poolKey is what clients of one pool have in common: every setting that connections are made by.
type poolKey struct {
	clientID, tls, ca, certificate, key             string
	connect, handshake, request, stall, idle, reset time.Duration
	failures                                        int
	insecure                                        bool
	principal, scopes                               string
}

func (o *ClientOptions) poolKey() poolKey {
	return poolKey{
		o.ClientID, o.TLS, o.TLSCA, o.TLSCertificate, o.TLSKey, o.ConnectionTimeout, o.HandshakeTimeout, o.RequestTimeout, o.WriteStallTimeout,
		o.IdleConnectionTimeout, o.BreakerReset, o.BreakerFailures,
		o.TLSInsecure, o.AuthPrincipal, strings.Join(o.AuthScopes, "\x00"),
	}
}

type sharedPool struct {
	pool    *transport.Pool
	clients int
}

// openPool gives the pool for a client, and what gives it back. The options have their defaults. What a shared pool does is no
// single client's to count and log: nobody's observer is told of it.
func (o *ClientOptions) openPool(config func() (*tls.Config, error), observer *obs.Observer) (pool *transport.Pool, release func()) {
	cfg := &transport.Config{
		ClientID: o.ClientID, ConnectTimeout: o.ConnectionTimeout, HandshakeTimeout: o.HandshakeTimeout, RequestTimeout: o.RequestTimeout,
		WriteStall: o.WriteStallTimeout, IdleTimeout: o.IdleConnectionTimeout, BreakerFailures: o.BreakerFailures, BreakerReset: o.BreakerReset,
		TLS: config, Auth: o.auth(), DialContext: o.DialContext,
	}
	if !o.ShareConnections {
		cfg.Observer = observer
		pool = transport.NewPool(cfg)
		return pool, pool.Close
	}
	key := o.poolKey()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	p := shared.pools[key]
	if p == nil {
		if shared.pools == nil {
			shared.pools = map[poolKey]*sharedPool{}
		}
		p = &sharedPool{pool: transport.NewPool(cfg)}
		shared.pools[key] = p
	}
	p.clients++
	return p.pool, sync.OnceFunc(func() {
		shared.mu.Lock()
		p.clients--
		last := p.clients == 0
		if last {
			delete(shared.pools, key)
		}
		shared.mu.Unlock()
		if last {
			p.pool.Close()
		}
	})
}
