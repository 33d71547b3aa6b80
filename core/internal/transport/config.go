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
	ClientID       string        // in every request header
	ConnectTimeout time.Duration // dial, TLS and handshake together
	RequestTimeout time.Duration // from handing a request over to its answer
	WriteStall     time.Duration // longest time without a byte leaving while bytes wait
	MaxFrame       int           // largest frame accepted, 0: wire.DefaultMaxFrame
	TLS            *tls.Config   // nil: plain TCP. ServerName is set per connection
	DialContext    func(ctx context.Context, network, addr string) (net.Conn, error)
	Observer       *obs.Observer // nil: nobody is told
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
