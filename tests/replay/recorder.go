package replay

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"
)

// dialTimeout limits reaching a server of the cluster.
const dialTimeout = 5 * time.Second

// RecorderOptions say what to record.
type RecorderOptions struct {
	// SC is the cluster's SC, host:port.
	SC string
	// Listen is where clients find the recorder instead, host:port; port 0 is a free one. The SPUs get free ports on the same
	// host. Default 127.0.0.1:0.
	Listen string
	// Reach gives, for host:port of an SPU as the cluster tells it, where the recorder reaches it, when that differs.
	Reach map[string]string
	// Out gets the recording, one Write per frame.
	Out io.Writer
	// Logger is told of connections that fail; nil means silence.
	Logger *slog.Logger
}

// Recorder is a proxy between clients and a cluster that writes down every message. It changes one thing: the ports of
// SPUs in the SC's answers to List and Watch lead to the recorder. What it writes is what the servers sent. Clients must
// reach the recorder under the host names that the SPUs are registered with, which on one machine they do. It does not
// read TLS. Its methods may be called from any goroutine.
type Recorder struct {
	opts  RecorderOptions
	host  string
	start time.Time
	ctx   context.Context // ends when the recorder is closed
	stop  context.CancelFunc
	sc    net.Listener

	mu        sync.Mutex
	spus      map[string]net.Listener // guarded by mu: by the address the cluster tells
	ids       map[int32]bool          // guarded by mu: the SPUs seen so far
	conns     int                     // guarded by mu: how many there were
	frames    int                     // guarded by mu: how many were written
	open      int                     // guarded by mu: connections
	idle      chan struct{}           // guarded by mu: closed when open falls to 0
	err       error                   // guarded by mu: the first failure to write
	accepting sync.WaitGroup
	serving   sync.WaitGroup
}

// Record starts a recorder.
func Record(o RecorderOptions) (*Recorder, error) {
	if _, _, err := net.SplitHostPort(o.SC); err != nil {
		return nil, fmt.Errorf("the SC's address %q is not host:port: %w", o.SC, err)
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("the address to listen on, %q, is not host:port: %w", o.Listen, err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Recorder{opts: o, host: host, start: time.Now(), spus: map[string]net.Listener{}, ids: map[int32]bool{}}
	if r.sc, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, err
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.accept(r.sc, serverSC, o.SC)
	return r, nil
}

// Endpoint is the address that clients use instead of the SC's.
func (r *Recorder) Endpoint() string { return r.sc.Addr().String() }

// Frames is how many messages were written so far.
func (r *Recorder) Frames() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.frames
}

// Drain waits until no connection is open, or ctx ends. A client's last message can still be on its way when the client says that
// it has closed.
func (r *Recorder) Drain(ctx context.Context) error {
	r.mu.Lock()
	open, idle := r.open, r.idle
	r.mu.Unlock()
	if open == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("clients are still connected to the recorder: %w", ctx.Err())
	}
}

// Close ends every connection and returns the first failure to write the recording. Out is the caller's to close.
func (r *Recorder) Close() error {
	r.stop()
	r.mu.Lock()
	_ = r.sc.Close()
	for _, l := range r.spus {
		_ = l.Close()
	}
	r.mu.Unlock()
	r.accepting.Wait()
	r.serving.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// accept serves the connections of one listener.
func (r *Recorder) accept(l net.Listener, server, upstream string) {
	r.accepting.Add(1)
	go func() {
		defer r.accepting.Done()
		for {
			nc, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					r.opts.Logger.Error("cannot accept", "server", server, "error", err)
				}
				return
			}
			r.mu.Lock()
			if r.open == 0 {
				r.idle = make(chan struct{})
			}
			r.open++
			r.conns++
			c := &proxied{recorder: r, number: r.conns, server: server, client: nc, asked: map[uint32]asked{}}
			r.mu.Unlock()
			r.serving.Add(1)
			go func() {
				defer r.serving.Done()
				c.run(upstream)
				r.mu.Lock()
				if r.open--; r.open == 0 {
					close(r.idle)
				}
				r.mu.Unlock()
			}()
		}
	}()
}

// write puts a frame down. Frames are written before they are passed on, so what follows from one stands behind it.
func (r *Recorder) write(f *Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.Millis = time.Since(r.start).Milliseconds()
	line, err := json.Marshal(f)
	if err == nil {
		_, err = r.opts.Out.Write(append(line, '\n'))
	}
	if err != nil {
		if r.err == nil {
			r.err = fmt.Errorf("the recording could not be written: %w", err)
			r.opts.Logger.Error(r.err.Error())
		}
		return
	}
	r.frames++
}

// meet takes note of the SPUs in one answer.
func (r *Recorder) meet(a *answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range a.objects {
		r.ids[o.id] = true
	}
}

// portOf gives the recorder's own port for an address of an SPU. An SPU that was alone in its cluster when it was met is
// called SPU in the recording, the others by their ids.
func (r *Recorder) portOf(id int32, p port) uint16 {
	addr := net.JoinHostPort(p.host, strconv.Itoa(int(p.number)))
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.spus[addr]
	if l == nil {
		if r.ctx.Err() != nil {
			return p.number
		}
		var err error
		if l, err = net.Listen("tcp", net.JoinHostPort(r.host, "0")); err != nil {
			r.opts.Logger.Error("an SPU is not recorded", "spu", id, "error", err)
			return p.number
		}
		name, upstream := serverSPU, addr
		if len(r.ids) > 1 {
			name += strconv.Itoa(int(id))
		}
		if to := r.opts.Reach[addr]; to != "" {
			upstream = to
		}
		r.spus[addr] = l
		r.accept(l, name, upstream)
	}
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// proxied is one connection of a client, and the one to the server that belongs to it.
type proxied struct {
	recorder *Recorder
	number   int
	server   string
	client   net.Conn

	mu    sync.Mutex
	asked map[uint32]asked // guarded by mu: requests of the SC by their correlation ids
}

// asked is what an answer does not say of itself.
type asked struct {
	key     uint16
	version int16
}

// run passes messages both ways until both sides have ended, or one fails.
func (c *proxied) run(upstream string) {
	r := c.recorder
	defer c.client.Close()
	server, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(r.ctx, "tcp", upstream)
	if err != nil {
		r.opts.Logger.Error("cannot reach the server", "server", c.server, "error", err)
		return
	}
	defer server.Close()
	defer context.AfterFunc(r.ctx, func() {
		_ = c.client.Close()
		_ = server.Close()
	})()
	done := make(chan error, 2)
	go func() { done <- c.copy(server, c.client, FromClient) }()
	go func() { done <- c.copy(c.client, server, FromServer) }()
	for first := true; ; first = false {
		if err := <-done; err != nil {
			if first && r.ctx.Err() == nil {
				r.opts.Logger.Warn("a connection was cut", "conn", c.number, "server", c.server, "error", err)
			}
			_ = c.client.Close()
			_ = server.Close()
		}
		if !first {
			return
		}
	}
}

// copy passes on one direction. The end of what is read becomes the end of what is written.
func (c *proxied) copy(to, from net.Conn, dir string) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		msg, err := readMessage(in)
		if err == io.EOF {
			_ = to.(*net.TCPConn).CloseWrite() // fails when the other side is gone already
			return nil
		}
		if err != nil {
			return err
		}
		c.recorder.write(&Frame{Conn: c.number, Server: c.server, Dir: dir, Len: len(msg), Msg: msg})
		if c.server == serverSC {
			msg = c.redirect(msg, dir)
		}
		if _, err := to.Write(framed(msg)); err != nil {
			return err
		}
	}
}

// redirect remembers requests to the SC, and makes the SPUs in its answers those of the recorder.
func (c *proxied) redirect(msg []byte, dir string) []byte {
	r := c.recorder
	if dir == FromClient {
		if len(msg) >= 8 {
			c.mu.Lock()
			c.asked[binary.BigEndian.Uint32(msg[4:])] = asked{binary.BigEndian.Uint16(msg), int16(binary.BigEndian.Uint16(msg[2:]))}
			c.mu.Unlock()
		}
		return msg
	}
	c.mu.Lock()
	of, ok := c.asked[binary.BigEndian.Uint32(msg)]
	c.mu.Unlock()
	if !ok {
		return msg
	}
	a, err := decodeAnswer(of.key, of.version, msg)
	if err != nil {
		r.opts.Logger.Error("an answer of the SC is not understood; SPUs in it are not recorded", "conn", c.number, "error", err)
		return msg
	}
	if a == nil || a.label != labelSPU {
		return msg
	}
	r.meet(a)
	return a.redirect(msg, r.portOf)
}
