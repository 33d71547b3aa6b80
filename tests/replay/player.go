package replay

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PlayerOptions say how strictly to compare.
type PlayerOptions struct {
	// Mask is what to leave out of the comparison, SameClient or OtherClient as a rule.
	Mask Mask
	// SameConnections also demands that requests share connections as in the recording. ApiVersions tells nothing about
	// what a connection is for, and is exempt.
	SameConnections bool
	// Optional says of which requests the client may send fewer or more than the recording has. One that was recorded with
	// the same content is answered again; a List of topics is answered from what the watches have shown. nil means none.
	Optional func(*Request) bool
}

// Reads says of a request that it changes nothing in the cluster and is answered at once, or opens a watch: a client that
// asks more or less often than another does the same work.
func Reads(r *Request) bool {
	switch r.Name {
	case "ApiVersions", "List", "Watch", "FetchOffsets", "FetchConsumerOffsets":
		return true
	}
	return false
}

// Incidental says of a request that from one run of the same program to the next it may come or not. libfluvio lists topics
// by name after creating one, unless the watch has told of the topic by then. Official producers send a Produce without
// records whenever they flush a partition that has none.
func Incidental(r *Request) bool {
	switch {
	case r.Server == serverSC && r.Name == "List":
		return r.Text("label") == labelTopic && r.Field("filter.count") != "0"
	case r.Name == "Produce":
		return r.Field("topic.count") == "1" && r.Field("topic[0].partition.count") == "0"
	}
	return false
}

// Player is the cluster of a recording. Its methods may be called from any goroutine.
type Player struct {
	opts   PlayerOptions
	steps  []step
	sc     net.Listener
	failed chan struct{} // closed with the first difference

	mu        sync.Mutex
	low       int                     // guarded by mu: steps before it are done
	listeners map[string]net.Listener // guarded by mu: by the name of the server
	live      map[*liveConn]bool      // guarded by mu: connections that are open
	bound     map[int]*liveConn       // guarded by mu: recorded connections, and who stands in for them
	topics    objects                 // guarded by mu: as shown by watch so far
	diff      *Difference             // guarded by mu
	full      bool                    // guarded by mu: no more connections are taken
	closed    bool                    // guarded by mu
	accepting sync.WaitGroup
	reading   sync.WaitGroup
}

// step is a frame of the recording and what has become of it.
type step struct {
	*Frame
	line int

	req      *Request // of requests
	optional bool     // of requests
	from     *liveConn
	liveID   uint32 // correlation id of the request that came
	answers  []*step

	of    *step // of answers
	first bool  // of answers: the first one to its request
	sent  bool
}

// Difference is the first thing a client did otherwise than the recording.
type Difference struct {
	What string
	Want *Request // nearest to Got in the recording; nil when there is none
	Line int      // of Want in the recording
	Got  *Request // what the client sent; nil when it did not send what it should
	mask Mask
}

// Error tells both messages field by field.
func (d *Difference) Error() string {
	var out strings.Builder
	out.WriteString(d.What)
	if d.Want != nil {
		fmt.Fprintf(&out, "\n  recorded in line %d: %s\n", d.Line, d.Want.Name)
		d.mask.render(&out, d.Want, d.Got)
	}
	if d.Got != nil {
		fmt.Fprintf(&out, "\n  sent: %s\n", d.Got.Name)
		d.mask.render(&out, d.Got, d.Want)
	}
	return strings.TrimRight(out.String(), "\n")
}

// Play starts the cluster of a recording on free ports of loopback. Hosts of SPUs in the recording must lead there too.
func Play(frames []Frame, o PlayerOptions) (*Player, error) {
	of, err := link(frames)
	if err != nil {
		return nil, err
	}
	p := &Player{
		opts: o, steps: make([]step, len(frames)), failed: make(chan struct{}), listeners: map[string]net.Listener{},
		live: map[*liveConn]bool{}, bound: map[int]*liveConn{}, topics: objects{},
	}
	for i := range frames {
		s := &p.steps[i]
		s.Frame, s.line = &frames[i], i+1
		if s.Trimmed {
			return nil, fmt.Errorf("line %d: a message that was cut off cannot be replayed", s.line)
		}
		if of[i] >= 0 {
			s.of = &p.steps[of[i]]
			s.first = len(s.of.answers) == 0
			s.of.answers = append(s.of.answers, s)
			continue
		}
		if s.req, err = DecodeRequest(s.Server, s.Msg); err != nil {
			return nil, fmt.Errorf("line %d: %w", s.line, err)
		}
		s.optional = o.Optional != nil && o.Optional(s.req)
	}
	if p.sc, err = p.listen(serverSC); err != nil {
		return nil, err
	}
	return p, nil
}

// Endpoint is the address of the SC.
func (p *Player) Endpoint() string { return p.sc.Addr().String() }

// Agreed is how many requests have come so far that the recording has too.
func (p *Player) Agreed() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.steps {
		if p.steps[i].from != nil {
			n++
		}
	}
	return n
}

// Failed is closed when the client has differed. Nothing it sends is answered any more.
func (p *Player) Failed() <-chan struct{} { return p.failed }

// Finish waits until the client, which must have been told to close, has closed its connections, ends the player, and returns the
// first Difference, or an error when ctx ended first. Requests of the recording that never came are a Difference.
func (p *Player) Finish(ctx context.Context) error {
	p.takeNoMore()
	gone := make(chan struct{})
	go func() {
		p.reading.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-p.failed:
	case <-ctx.Done():
		err = fmt.Errorf("the client is still connected: %w", ctx.Err())
	}
	p.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.diff != nil {
		return p.diff
	}
	if err != nil {
		return err
	}
	for i := range p.steps {
		if s := &p.steps[i]; s.req != nil && s.from == nil && !s.optional {
			return &Difference{What: "the client never sent a request to the " + s.Server, Want: s.req, Line: s.line, mask: p.opts.Mask}
		}
	}
	return nil
}

// Close ends the player at once.
func (p *Player) Close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.live {
		_ = c.Conn.Close()
	}
	p.mu.Unlock()
	p.takeNoMore()
	p.reading.Wait()
}

func (p *Player) takeNoMore() {
	p.mu.Lock()
	p.full = true
	for _, l := range p.listeners {
		_ = l.Close()
	}
	p.mu.Unlock()
	p.accepting.Wait()
}

// listen opens the port of a server.
func (p *Player) listen(server string) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.listeners[server] = l
	p.accepting.Add(1)
	go func() {
		defer p.accepting.Done()
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			c := &liveConn{Conn: nc, player: p, server: server}
			if p.full || p.diff != nil {
				_ = nc.Close()
			} else {
				p.live[c] = true
				p.reading.Add(1)
				go c.run()
			}
			p.mu.Unlock()
		}
	}()
	return l, nil
}

// portOf gives the port that stands for an SPU. An SPU that nobody talked to in the recording gets one all the same: a client
// that turns to it differs, and that can be told. p.mu is held.
func (p *Player) portOf(id int32, was port) uint16 {
	name := serverSPU + strconv.Itoa(int(id))
	for i := range p.steps {
		if p.steps[i].Server == serverSPU {
			name = serverSPU
			break
		}
	}
	l := p.listeners[name]
	if l == nil && !p.full {
		var err error
		if l, err = p.listen(name); err != nil {
			p.differ(&Difference{What: fmt.Sprintf("no port for %s: %v", name, err)})
		}
	}
	if l == nil {
		return was.number
	}
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// differ ends the replay. p.mu is held.
func (p *Player) differ(d *Difference) {
	if p.diff != nil || p.closed {
		return
	}
	d.mask = p.opts.Mask
	p.diff = d
	close(p.failed)
	for c := range p.live {
		_ = c.Conn.Close()
	}
}

// liveConn is a connection of the client that is replayed to.
type liveConn struct {
	net.Conn
	player *Player
	server string
	number int // of the recorded connection it stands in for, 0 while that is open; guarded by player.mu
}

// run reads requests until the connection ends.
func (c *liveConn) run() {
	p := c.player
	defer p.reading.Done()
	in := bufio.NewReader(c.Conn)
	for {
		msg, err := readMessage(in)
		p.mu.Lock()
		switch {
		case err == nil:
			p.receive(c, msg)
		case errors.Is(err, io.EOF) || p.closed || p.diff != nil:
		case errors.As(err, new(*net.OpError)): // the client hung up without ceremony
		default:
			p.differ(&Difference{What: fmt.Sprintf("the client sent to the %s what is no message: %v", c.server, err)})
		}
		if err != nil || p.diff != nil {
			delete(p.live, c)
			_ = c.Conn.Close()
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
	}
}

// receive finds the recorded request that one of the client is, and sends what may be sent now. p.mu is held.
func (p *Player) receive(c *liveConn, msg []byte) {
	if p.diff != nil || p.closed {
		return
	}
	req, err := DecodeRequest(c.server, msg)
	if err != nil {
		p.differ(&Difference{What: fmt.Sprintf("the client's request to the %s cannot be read: %v", c.server, err), Got: req})
		return
	}
	if s := p.match(c, req); s != nil {
		s.from, s.liveID = c, uint32(req.CorrelationID)
		if p.opts.SameConnections && req.Key != keyApiVersions {
			c.number, p.bound[s.Conn] = s.Conn, c
		}
	} else if p.opts.Optional == nil || !p.opts.Optional(req) || !p.again(c, req) {
		d := &Difference{What: "the client sent to the " + c.server + " what the recording does not have", Got: req}
		if s := p.nearest(c, req); s != nil {
			d.Want, d.Line = s.req, s.line
		}
		p.differ(d)
		return
	}
	p.advance()
}

// mayBe says whether a connection can stand in for the recorded one of a step. p.mu is held.
func (p *Player) mayBe(c *liveConn, s *step) bool {
	if s.Server != c.server {
		return false
	}
	if !p.opts.SameConnections || s.req.Key == keyApiVersions {
		return true
	}
	if c.number != 0 {
		return c.number == s.Conn
	}
	return p.bound[s.Conn] == nil
}

// match finds the first recorded request with the content of req that has not come yet. p.mu is held.
func (p *Player) match(c *liveConn, req *Request) *step {
	for i := p.low; i < len(p.steps); i++ {
		if s := &p.steps[i]; s.req != nil && s.from == nil && p.mayBe(c, s) && p.opts.Mask.same(s.req.Fields, req.Fields) {
			return s
		}
	}
	return nil
}

// nearest finds what the client most likely should have sent instead. p.mu is held.
func (p *Player) nearest(c *liveConn, req *Request) (best *step) {
	rank := func(s *step) (n int) {
		for _, good := range []bool{s.req.Key == req.Key, s.from == nil && !s.optional, s.from == nil, p.mayBe(c, s)} {
			n <<= 1
			if good {
				n++
			}
		}
		return n
	}
	for i := range p.steps {
		s := &p.steps[i]
		if s.req != nil && s.Server == c.server && (best == nil || rank(s) > rank(best)) {
			best = s
		}
	}
	return best
}

// again answers an optional request that the recording does not have, or not so often. p.mu is held.
func (p *Player) again(c *liveConn, req *Request) bool {
	for i := len(p.steps) - 1; i >= 0; i-- {
		s := &p.steps[i]
		if s.req != nil && s.from != nil && s.Server == c.server && len(s.answers) > 0 && !opensStream(s.Server, req.Key) &&
			p.opts.Mask.same(s.req.Fields, req.Fields) {
			p.send(c, uint32(req.CorrelationID), s.answers[0])
			return true
		}
	}
	if req.Server != serverSC || req.Key != keyList || req.Text("label") != labelTopic {
		return false
	}
	var filters []string
	for i := 0; req.Field(fmt.Sprintf("filter[%d].name", i)) != ""; i++ {
		filters = append(filters, req.Text(fmt.Sprintf("filter[%d].name", i)))
	}
	p.write(c, p.topics.list(req.CorrelationID, filters, req.Field("system") == "true"))
	return true
}

// advance sends every answer whose request has come. What a stream brings after its first answer waits for everything that
// the client sent before it in the recording, and keeps its order. p.mu is held.
func (p *Player) advance() {
	waiting, held := false, map[*step]bool{}
	prefix := true // everything so far is done
	for i := p.low; i < len(p.steps) && p.diff == nil; i++ {
		s := &p.steps[i]
		switch {
		case s.req != nil:
			if s.from == nil {
				// Opening a connection changes nothing in a cluster, and may be for the sake of an optional request.
				waiting = waiting || (!s.optional && s.req.Key != keyApiVersions)
				prefix = false
			}
		case s.sent:
		case s.of.from == nil, held[s.of], !s.first && waiting:
			held[s.of] = true
			prefix = false
		default:
			p.send(s.of.from, s.of.liveID, s)
			s.sent = true
		}
		if prefix {
			p.low = i + 1
		}
	}
}

// send sends a recorded answer under the client's correlation id, with the player's ports. p.mu is held.
func (p *Player) send(c *liveConn, id uint32, s *step) {
	msg := s.Msg
	a, err := decodeAnswer(s.of.req.Key, s.of.req.Version, msg)
	switch {
	case c.server != serverSC || err != nil || a == nil:
	case a.label == labelSPU:
		msg = a.redirect(msg, p.portOf)
	case s.of.req.Key == keyWatch:
		p.topics.apply(a)
	}
	out := framed(msg)
	binary.BigEndian.PutUint32(out[4:], id)
	p.writeFramed(c, out)
}

// stall is how long a client may leave its connection unread.
const stall = 30 * time.Second

// write sends a message. p.mu is held, which a client that does not read would make everybody feel: hence the deadline.
func (p *Player) write(c *liveConn, msg []byte) { p.writeFramed(c, framed(msg)) }

func (p *Player) writeFramed(c *liveConn, frame []byte) {
	if !p.live[c] {
		return // the client has left; what it misses is no difference
	}
	_ = c.SetWriteDeadline(time.Now().Add(stall))
	if _, err := c.Conn.Write(frame); errors.Is(err, os.ErrDeadlineExceeded) {
		p.differ(&Difference{What: "the client does not read its connection to the " + c.server})
	}
}
