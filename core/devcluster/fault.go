package devcluster

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// ActionKind says what a rule does.
type ActionKind string

// The kinds of actions.
const (
	// ActionObserve does nothing but count.
	ActionObserve ActionKind = "observe"
	// ActionError answers with an error code. At the request: it is not carried out. At the answer: it is.
	ActionError ActionKind = "error"
	// ActionDelay waits before the request is carried out, or before the answer is sent.
	ActionDelay ActionKind = "delay"
	// ActionDrop sends no answer. At the request: it is not carried out either.
	ActionDrop ActionKind = "drop"
	// ActionClose closes the connection instead of answering. At the request: it is not carried out either.
	ActionClose ActionKind = "close"
	// ActionCut sends the first Bytes bytes of the answer's frame, its length field included, and closes the connection. At
	// the request: it takes no more than that from the client, and does not carry the request out. Such a rule is about an
	// API and a server: topic and partition are not read any more.
	ActionCut ActionKind = "cut"
	// ActionStall sends the first Bytes bytes of the answer's frame, and nothing more on this connection, which stays open.
	ActionStall ActionKind = "stall"
	// ActionRepeat sends the answer twice.
	ActionRepeat ActionKind = "repeat"
	// ActionCorruptCRC changes the checksum of the first batch in a frame of a stream. The stored batch stays as it is.
	ActionCorruptCRC ActionKind = "corrupt_crc"
	// ActionWrongCorrelation answers with a correlation id that nobody asked with.
	ActionWrongCorrelation ActionKind = "wrong_correlation"
	// ActionNoCredit treats a frame of a stream as acknowledged at once: the next one follows without the client's credit.
	ActionNoCredit ActionKind = "no_credit"
	// ActionOversize answers with a frame whose length field announces Bytes bytes, 2 GiB less one when 0, whatever follows.
	ActionOversize ActionKind = "oversize"
)

// actionKinds are all of them, in the order of the documents.
var actionKinds = []string{
	string(ActionObserve), string(ActionError), string(ActionDelay), string(ActionDrop), string(ActionClose), string(ActionCut), string(ActionStall),
	string(ActionRepeat), string(ActionCorruptCRC), string(ActionWrongCorrelation), string(ActionNoCredit), string(ActionOversize),
}

// Phase is when a rule acts.
type Phase string

// The phases. For StreamFetch and Watch every frame is an answer.
const (
	OnRequest Phase = "request" // the request was read and nothing done yet
	OnAnswer  Phase = "answer"  // the answer is ready to be sent

	onBytes Phase = "bytes" // of rules that cut requests: the first bytes have come
)

// SC as Rule.SPU means the SC.
const SC int32 = -1

// Action is what happens when a rule matches.
type Action struct {
	Kind  ActionKind           `json:"kind"`
	Code  fluvioerr.ServerCode `json:"code,omitempty"`     // ActionError
	Text  string               `json:"text,omitempty"`     // ActionError with code 2 (Other)
	Delay time.Duration        `json:"delay_ns,omitempty"` // ActionDelay
	Bytes int                  `json:"bytes,omitempty"`    // ActionCut, ActionStall, ActionOversize
}

// Rule is a fault for certain requests. Observing rules see every match; of the others the oldest that matches acts.
type Rule struct {
	API       string `json:"api"`       // "Produce", "StreamFetch", "Create" …; empty: all
	SPU       int32  `json:"spu"`       // 0: any server, SC: the SC
	Topic     string `json:"topic"`     // empty: any
	Partition int32  `json:"partition"` // -1: any
	Skip      int    `json:"skip"`      // matches that pass untouched first
	Count     int    `json:"count"`     // matches to act on, 0: all
	// On is the phase. Empty: OnRequest for observe, error and delay, OnAnswer for the others.
	On     Phase  `json:"on"`
	Action Action `json:"action"`
}

// phase is when the rule really acts.
func (r *Rule) phase() Phase {
	if r.On == OnRequest && r.Action.Kind == ActionCut {
		return onBytes
	}
	return r.On
}

func (r *Rule) matches(t target) bool {
	return (r.Topic == "" || r.Topic == t.topic) && (r.Partition < 0 || t.partition < 0 || r.Partition == t.partition)
}

// check completes a rule and refuses one that can never act.
func (r *Rule) check() error {
	bad := func(format string, args ...any) error {
		return fluvioerr.New(fluvioerr.InvalidArgument, "add fault rule", format, args...)
	}
	if r.On == "" {
		r.On = OnAnswer
		if slices.Contains([]ActionKind{ActionObserve, ActionError, ActionDelay}, r.Action.Kind) {
			r.On = OnRequest
		}
	}
	if r.On != OnRequest && r.On != OnAnswer {
		return bad("on is %q, accepted are request and answer", r.On)
	}
	var served []string
	for _, a := range append(slices.Clone(scAPIs), spuAPIs[1:]...) { // both begin with the same one
		served = append(served, a.name)
		if a.name == r.API && r.Action.Kind == ActionError && !a.canFail {
			return bad("the answer of %s has no error code; use close", r.API)
		}
	}
	if r.API != "" && !slices.Contains(served, r.API) {
		return bad("api is %q, accepted are %s", r.API, strings.Join(served, ", "))
	}
	if r.Skip < 0 || r.Count < 0 {
		return bad("skip and count must not be negative")
	}
	switch r.Action.Kind {
	case ActionObserve, ActionDrop, ActionClose:
	case ActionError:
		if r.Action.Code == 0 {
			return bad("an error rule needs a code other than 0")
		}
		if r.API == "" {
			return bad("an error rule needs an api")
		}
	case ActionDelay:
		if r.Action.Delay <= 0 {
			return bad("a delay rule needs a delay above 0")
		}
	case ActionCut, ActionStall, ActionRepeat, ActionCorruptCRC, ActionWrongCorrelation, ActionNoCredit, ActionOversize:
		switch {
		case r.On == OnAnswer:
		case r.Action.Kind != ActionCut:
			return bad("%s changes the answer and cannot act on the request", r.Action.Kind)
		case r.Topic != "" || r.Partition >= 0:
			return bad("a request is cut before its topic and partition are known: leave both out (in Go partition is -1)")
		}
		if r.Action.Bytes < 0 || r.Action.Bytes > math.MaxInt32 {
			return bad("bytes is %d, accepted are 0 to %d", r.Action.Bytes, math.MaxInt32)
		}
		if r.Action.Kind == ActionNoCredit && r.API != spuStreamFetch.name {
			return bad("no_credit is for the api StreamFetch")
		}
	default:
		return bad("kind of action is %q, accepted are %s", r.Action.Kind, strings.Join(actionKinds, ", "))
	}
	return nil
}

func (a *Action) errorCode() wire.ErrorCode {
	e := wire.ErrorCode{Code: a.Code}
	if a.Code == fluvioerr.ServerOther {
		e.Payload = &wire.TextPayload{Message: a.Text}
	}
	return e
}

// RuleHandle is a rule in force.
type RuleHandle struct {
	id     int
	rule   Rule
	owner  *faults
	hits   int // matches acted on
	seen   int // matches, the skipped ones included
	wakeup chan struct{}
}

// Hits is how often the rule has acted.
func (h *RuleHandle) Hits() int {
	h.owner.mu.Lock()
	defer h.owner.mu.Unlock()
	return h.hits
}

// Wait returns when the rule has acted at least n times, or with the context's error.
func (h *RuleHandle) Wait(ctx context.Context, n int) error {
	for {
		h.owner.mu.Lock()
		hits, wakeup := h.hits, h.wakeup
		h.owner.mu.Unlock()
		if hits >= n {
			return nil
		}
		select {
		case <-wakeup:
		case <-ctx.Done():
			return fluvioerr.New(fluvioerr.Timeout, "wait for fault rule", "it acted %d times of %d: %v", hits, n, ctx.Err()).
				WithHint("no more requests came that it is about: look at its api, spu, topic, partition and skip, at other rules, and at what the program did")
		}
	}
}

// Remove ends the rule; what it did stays counted.
func (h *RuleHandle) Remove() {
	f := h.owner
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = slices.DeleteFunc(f.rules, func(o *RuleHandle) bool { return o == h })
	f.count.Store(int32(len(f.rules)))
}

// faults are the rules in force.
type faults struct {
	count  atomic.Int32
	mu     sync.Mutex
	rules  []*RuleHandle
	nextID int
}

// active is the quick question of the hot path.
func (f *faults) active() bool { return f.count.Load() > 0 }

func (f *faults) add(r Rule) (*RuleHandle, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nextID++
	h := &RuleHandle{id: f.nextID, rule: r, owner: f, wakeup: make(chan struct{})}
	f.rules = append(f.rules, h)
	f.count.Store(int32(len(f.rules)))
	return h, nil
}

// all gives the rules in force, the oldest first.
func (f *faults) all() []*RuleHandle {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rules)
}

// match counts the rules that fit and returns the one to apply, nil if there is none.
func (f *faults) match(on Phase, srv *server, a *api, targets []target) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	var chosen *Rule
	for _, h := range f.rules {
		r := &h.rule
		if r.phase() != on || (r.API != "" && r.API != a.name) {
			continue
		}
		if r.SPU != 0 && r.SPU != srv.id && !(r.SPU == SC && srv.role == wire.SC) {
			continue
		}
		if (r.Topic != "" || r.Partition >= 0) && !slices.ContainsFunc(targets, r.matches) {
			continue
		}
		if chosen != nil && r.Action.Kind != ActionObserve {
			continue
		}
		h.seen++
		if h.seen <= r.Skip || (r.Count > 0 && h.hits >= r.Count) {
			continue
		}
		h.hits++
		close(h.wakeup)
		h.wakeup = make(chan struct{})
		if r.Action.Kind != ActionObserve {
			chosen = r
		}
	}
	return chosen
}

// errSwallowed means that a rule took a request away.
var errSwallowed = errors.New("swallowed by a fault rule")

// targets is what a request is about.
func (r *request) targets() (out []target) {
	if r.api.targets != nil {
		out = r.api.targets(r.msg)
	}
	if r.api.sessions != nil {
		for _, id := range r.api.sessions(r.msg) {
			out = append(out, r.conn.streamTarget(id))
		}
	}
	return out
}

// streamTarget is what a stream of the connection reads, nothing in particular for an unknown id.
func (c *conn) streamTarget(id uint32) target {
	if s := c.streams[id]; s != nil {
		return target{s.fetch.Topic, int32(s.fetch.Partition)}
	}
	return target{partition: -1}
}

// cutRequest says after how many bytes a rule wants a request cut that has begun to come.
func (c *conn) cutRequest(r *bufio.Reader) (n int64, cut bool) {
	head, err := r.Peek(wire.FrameHeaderSize)
	if err != nil {
		return 0, false
	}
	size, err := wire.FrameLength(head, c.srv.cl.opts.MaxFrameBytes)
	if err != nil {
		return 0, false
	}
	if head, err = r.Peek(wire.FrameHeaderSize + 2); err != nil {
		return 0, false
	}
	a := findAPI(c.srv.apis, binary.BigEndian.Uint16(head[wire.FrameHeaderSize:]))
	if a == nil {
		return 0, false
	}
	rule := c.srv.cl.faults.match(onBytes, c.srv, a, nil)
	if rule == nil {
		return 0, false
	}
	return int64(min(rule.Action.Bytes, wire.FrameHeaderSize+size)), true
}

// beforeRequest applies the rules of the request phase.
func (c *conn) beforeRequest(r *request) error {
	rule := c.srv.cl.faults.match(OnRequest, c.srv, r.api, r.targets())
	if rule == nil {
		return nil
	}
	switch rule.Action.Kind {
	case ActionDelay:
		return c.pause(rule.Action.Delay)
	case ActionDrop:
		return errSwallowed
	case ActionClose:
		return errHangUp
	case ActionError:
		r.forced = rule
	}
	return nil
}

// answerFault is the rule of the answer phase, looked up once per answer.
type answerFault struct {
	looked bool
	rule   *Rule
}

func (r *request) answerRule() *Rule {
	if !r.answer.looked {
		r.answer.looked = true
		if f := r.conn.srv.cl.faults; f.active() {
			r.answer.rule = f.match(OnAnswer, r.conn.srv, r.api, r.targets())
		}
	}
	return r.answer.rule
}

// refusal is the error a rule puts in the place of carrying out the part of a request that concerns t.
func (r *request) refusal(t target) (wire.ErrorCode, bool) {
	if r.forced == nil || !r.forced.matches(t) {
		return wire.ErrorCode{}, false
	}
	return r.forced.Action.errorCode(), true
}

// verdict is the outcome to answer for t: that of the handler, unless a rule replaces it.
func (r *request) verdict(t target, code wire.ErrorCode) wire.ErrorCode {
	if e, ok := r.refusal(t); ok {
		return e
	}
	if rule := r.answerRule(); rule != nil && rule.Action.Kind == ActionError && rule.matches(t) {
		return rule.Action.errorCode()
	}
	return code
}

// faultyReply sends an answer through the rules of the answer phase.
func (c *conn) faultyReply(r *request, m wire.Message) error {
	rule := r.answerRule()
	frame, err := wire.AppendResponse(nil, r.header.CorrelationID, r.header.APIVersion, m)
	if err != nil {
		return err
	}
	return c.sendFaulty(rule, frame)
}

// sendFaulty sends a whole frame the way a rule wants it; rule may be nil.
func (c *conn) sendFaulty(rule *Rule, frame []byte) error {
	if rule != nil {
		switch a := &rule.Action; a.Kind {
		case ActionDelay:
			if err := c.pause(a.Delay); err != nil {
				return err
			}
		case ActionDrop:
			return nil
		case ActionClose:
			c.close()
			return errHangUp
		case ActionWrongCorrelation:
			id := binary.BigEndian.Uint32(frame[wire.FrameHeaderSize:])
			binary.BigEndian.PutUint32(frame[wire.FrameHeaderSize:], id^0x40000000)
		case ActionOversize:
			size := a.Bytes
			if size == 0 {
				size = math.MaxInt32
			}
			binary.BigEndian.PutUint32(frame, uint32(size))
		case ActionRepeat:
			frame = append(frame, frame...)
		case ActionCut, ActionStall:
			frame = frame[:min(a.Bytes, len(frame))]
		}
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.stalled {
		return nil
	}
	_, err := c.nc.Write(frame)
	switch {
	case rule == nil:
	case rule.Action.Kind == ActionStall:
		c.stalled = true
	case rule.Action.Kind == ActionCut:
		c.close()
		return errors.Join(errHangUp, err)
	}
	return err
}
