package transport

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Breaker is the state of an address as the attempts to connect to it have gone.
type Breaker uint8

// The states.
const (
	Closed   Breaker = iota // it is tried whenever a connection is needed
	HalfOpen                // it may be tried once, or is being tried
	Open                    // it is not tried
)

func (b Breaker) String() string { return [...]string{"closed", "half-open", "open"}[b] }

// breaker guards the attempts to connect to one address. It counts what may pass by itself: a wrong certificate is neither a
// failure to wait for nor a success.
type breaker struct {
	two   *gobreaker.TwoStepCircuitBreaker[struct{}]
	reset time.Duration

	mu     sync.Mutex
	last   error     // guarded by mu: how the last attempt failed
	opened time.Time // guarded by mu: when it opened last
	failed int       // guarded by mu: attempts in a row
}

// newBreaker makes a closed one. changed is told of its states, inside allow and the functions that it gives; it must not block.
func newBreaker(failures int, reset time.Duration, changed func(state Breaker, why error)) *breaker {
	b := &breaker{reset: reset}
	b.two = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     reset,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= failures },
		IsExcluded: func(err error) bool {
			return err != nil && !fluvioerr.Retriable(err) && fluvioerr.CodeOf(err) != fluvioerr.Protocol
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			var why error
			if to == gobreaker.StateOpen {
				b.mu.Lock()
				b.opened, why = time.Now(), b.last
				b.mu.Unlock()
			}
			changed(breakerState(to), why)
		},
	})
	return b
}

func breakerState(s gobreaker.State) Breaker {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	}
	return Closed
}

// state asks without beginning an attempt. That an open one may be tried again is told when somebody asks, here as in allow.
func (b *breaker) state() Breaker { return breakerState(b.two.State()) }

// allow begins an attempt, whose outcome must be given to done, or says why it must not be made now.
func (b *breaker) allow(addr string) (done func(error), err error) {
	settle, err := b.two.Allow()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		return func(err error) {
			b.mu.Lock()
			if b.last = err; err == nil {
				b.failed = 0
			} else {
				b.failed++
			}
			b.mu.Unlock()
			settle(err)
		}, nil
	}
	e := fluvioerr.New(fluvioerr.Connection, "connect", "not tried: it failed %d times in a row, and one attempt is under way", b.failed).AtAddr(addr)
	if left := time.Until(b.opened.Add(b.reset)); left > 0 {
		e.Message = fmt.Sprintf("not tried: it failed %d times in a row, and is tried again in %s", b.failed, left.Round(time.Millisecond))
		e.RetryAfter = left
	}
	if last := fluvioerr.As(b.last); last != nil {
		e.Message += "; last: " + last.Message
		e.Hint, e.Err = last.HintText(), last
	}
	return nil, e.WithDetail("breaker", Open.String())
}

// guard gives the breaker of an address, nil when there is none. p.mu is held.
func (p *Pool) guard(addr string, role wire.Role) *breaker {
	if p.cfg.BreakerFailures == 0 {
		return nil
	}
	b := p.breakers[addr]
	if b == nil {
		kinds := [...]EventKind{Closed: BreakerClosed, HalfOpen: BreakerHalfOpen, Open: BreakerOpened}
		b = newBreaker(p.cfg.BreakerFailures, p.cfg.BreakerReset, func(s Breaker, why error) {
			p.emit(Event{Kind: kinds[s], Addr: addr, Role: role, Err: why})
		})
		p.breakers[addr] = b
	}
	return b
}

// Breaker is the state of an address.
func (p *Pool) Breaker(addr string) Breaker {
	p.mu.Lock()
	b := p.breakers[addr]
	p.mu.Unlock()
	if b == nil {
		return Closed
	}
	return b.state()
}

// Breakers are the states of the addresses that were tried.
func (p *Pool) Breakers() map[string]Breaker {
	p.mu.Lock()
	breakers := maps.Clone(p.breakers)
	p.mu.Unlock()
	states := make(map[string]Breaker, len(breakers))
	for addr, b := range breakers {
		states[addr] = b.state()
	}
	return states
}

// Forgive makes an address be tried as if nothing had failed: there is news that it is back.
func (p *Pool) Forgive(addr string, role wire.Role) {
	p.mu.Lock()
	b := p.breakers[addr]
	delete(p.breakers, addr)
	p.mu.Unlock()
	if b != nil && b.state() != Closed {
		p.emit(Event{Kind: BreakerClosed, Addr: addr, Role: role})
	}
}
