package transport

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Backoff is a jittered exponential schedule for one retry loop; it is not for concurrent use.
type Backoff struct {
	b       *backoff.ExponentialBackOff
	attempt int
}

// NewBackoff starts at first; nothing is longer than longest, which jitter only shortens.
func NewBackoff(first, longest time.Duration) *Backoff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = first, longest, 2, 0.3
	b.Reset()
	return &Backoff{b: b}
}

// Reset starts the schedule anew, after a success.
func (b *Backoff) Reset() { b.attempt = 0; b.b.Reset() }

// Attempt counts the waits since the last success.
func (b *Backoff) Attempt() int { return b.attempt }

// Next counts an attempt and gives the wait before it, for Sleep.
func (b *Backoff) Next() time.Duration {
	b.attempt++
	return min(b.b.NextBackOff(), b.b.MaxInterval)
}

// Wait sleeps until the next attempt; false when ctx ended first. Anything sent on early ends the wait as well.
func (b *Backoff) Wait(ctx context.Context, early <-chan struct{}) bool {
	return b.Sleep(ctx, b.Next(), early)
}

// Sleep is Wait for a wait that Next gave.
func (b *Backoff) Sleep(ctx context.Context, wait time.Duration, early <-chan struct{}) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-early:
		return ctx.Err() == nil
	case <-t.C:
		return true
	}
}
