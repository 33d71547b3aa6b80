package devcluster

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/secure"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// server is the listening side of the SC or of one SPU. Stopping closes the listener and every connection and returns
// when their goroutines are gone; starting again takes the same port.
type server struct {
	cl   *Cluster
	role wire.Role
	id   int32 // SPU id, 0 for the SC
	apis []api

	mu    sync.Mutex
	addr  string // host:port; its port is 0 before the first start
	ln    net.Listener
	free  func() // gives the port of a stopped server up
	conns map[*conn]struct{}
	wg    sync.WaitGroup
}

func newServer(cl *Cluster, role wire.Role, id int32, addr string) *server {
	s := &server{cl: cl, role: role, id: id, addr: addr, apis: scAPIs, free: func() {}}
	if role == wire.SPU {
		s.apis = spuAPIs
	}
	return s
}

func (s *server) name() string {
	if s.role == wire.SC {
		return "SC"
	}
	return "SPU " + strconv.Itoa(int(s.id))
}

// endpoint is the host:port that clients are told.
func (s *server) endpoint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

func (s *server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ln != nil
}

func (s *server) start() error { return s.startOn(net.Listen) }

// startElsewhere takes another port of the same host.
func (s *server) startElsewhere() error {
	return s.startOn(func(network, old string) (net.Listener, error) {
		host, _, err := net.SplitHostPort(old)
		if err != nil {
			return nil, err
		}
		if taken, err := net.Listen(network, old); err == nil { // or it could be the same again
			defer taken.Close()
		}
		return net.Listen(network, net.JoinHostPort(host, "0"))
	})
}

func (s *server) startOn(listen func(network, addr string) (net.Listener, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return fluvioerr.New(fluvioerr.InvalidState, "start "+s.name(), "it is running")
	}
	ln, err := listen("tcp", s.addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return fluvioerr.Wrap(fluvioerr.Connection, "start "+s.name(), err).AtAddr(s.addr).
			WithHint("choose another address, or stop what uses it")
	}
	s.free()
	s.ln, s.addr, s.free, s.conns = ln, ln.Addr().String(), func() {}, map[*conn]struct{}{}
	s.wg.Add(1)
	go s.accept(ln)
	s.cl.logger.Info("listening", "server", s.name(), "address", s.addr)
	return nil
}

// acceptPause is how long a server that could not take a connection waits before it tries the next one.
const acceptPause = 50 * time.Millisecond

func (s *server) accept(ln net.Listener) {
	defer s.wg.Done()
	for {
		nc, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptor is left, say: clients that come later are to be served all the same
			s.cl.logger.Error("accept failed", "server", s.name(), "error", err)
			time.Sleep(acceptPause)
			continue
		}
		if s.cl.tls != nil {
			nc = secure.Server(nc, s.cl.tls)
		}
		c := newConn(s, nc)
		s.mu.Lock()
		if s.ln != ln {
			s.mu.Unlock()
			c.close()
			return
		}
		s.conns[c] = struct{}{}
		s.wg.Add(1)
		s.mu.Unlock()
		go c.serve()
	}
}

// gone is called by a connection that ended.
func (s *server) gone(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.wg.Done()
}

// stop ends the server as a killed process would: connections break without a farewell. Its port is kept until the cluster ends.
func (s *server) stop() {
	s.mu.Lock()
	if s.ln == nil {
		s.mu.Unlock()
		return
	}
	s.ln.Close()
	s.ln = nil
	select {
	case <-s.cl.done:
	default:
		s.free = holdPort(s.addr)
	}
	for c := range s.conns {
		c.close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.cl.logger.Info("stopped", "server", s.name())
}

// close stops the server for good.
func (s *server) close() {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free()
	s.free = func() {}
}
