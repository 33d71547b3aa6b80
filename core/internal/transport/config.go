package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/obs"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Config is what connections need to know. The zero value of a duration means no limit.
type Config struct {
	ClientID         string                      // in every request header
	ConnectTimeout   time.Duration               // resolving the name, and TCP
	HandshakeTimeout time.Duration               // TLS and the ApiVersions exchange together
	RequestTimeout   time.Duration               // from handing a request over to its answer
	WriteStall       time.Duration               // longest time without a byte leaving while bytes wait
	IdleTimeout      time.Duration               // a pool closes connections that were not used for so long
	BreakerFailures  int                         // attempts to connect that failed in a row, after which a pool tries an address no more; 0: it tries always
	BreakerReset     time.Duration               // until it tries again, once
	MaxFrame         int                         // largest frame accepted, 0: wire.DefaultMaxFrame
	TLS              func() (*tls.Config, error) // asked for every connection, whose ServerName is set then; nil: plain TCP
	Auth             *wire.AuthRequest           // said to the SC first, nil: nothing
	DialContext      func(ctx context.Context, network, addr string) (net.Conn, error)
	Observer         *obs.Observer // nil: nobody is told
}

// Kind separates connections by work, so that a long produce never delays an acknowledgement of a stream, and a slow admin
// request never delays metadata.
type Kind uint8

// The kinds.
const (
	Control Kind = iota // admin requests
	Watch               // the metadata watches
	Produce
	Fetch
)

func (k Kind) String() string { return [...]string{"control", "watch", "produce", "fetch"}[k] }

// Key names a connection of the pool.
type Key struct {
	Addr       string // host:port
	ServerName string // for TLS
	Role       wire.Role
	Kind       Kind
	Owner      uint64 // Fetch: the consumer, which has connections of its own; else 0
}

// EventKind is what happened to the connections of a pool.
type EventKind uint8

// The kinds of events.
const (
	Connected       EventKind = iota + 1 // a connection was made
	Lost                                 // one ended because of Err, without having been closed
	BreakerOpened                        // an address is not tried any more for a while; Err is how the last attempt failed
	BreakerHalfOpen                      // it is tried once
	BreakerClosed                        // it is reached again, or may be tried as usual
)

// Event is something that happened to the connections of a pool.
type Event struct {
	Kind EventKind
	Addr string
	Role wire.Role
	Err  error
}
