package transport

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBufferSizes(t *testing.T) {
	for n, want := range map[int]int{
		0: 0, 1: 1, minPooled - 1: minPooled - 1, // not worth a pool
		minPooled:              1<<16 + classSlack,
		1<<16 + classSlack:     1<<16 + classSlack, // a frame of max_bytes and its header stay in the class of max_bytes
		1<<16 + classSlack + 1: 1<<17 + classSlack,
		8<<20 + 100:            8<<20 + classSlack,
		1<<24 + classSlack:     1<<24 + classSlack,
	} {
		b := NewBuffer(n)
		require.Len(t, b.B, n)
		require.Equal(t, want, b.Size(), "%d", n)
		b.Release()
	}
	huge := NewBuffer(1<<24 + classSlack + 1)
	require.GreaterOrEqual(t, huge.Size(), 1<<24+classSlack+1)
	require.Nil(t, huge.mem, "left to the collector")
	huge.Release()
}

func TestBufferReferences(t *testing.T) {
	for _, b := range []*Buffer{NewBuffer(100), NewBuffer(100_000), OwnBuffer(make([]byte, 1<<16))} {
		b.Retain()
		b.Release()
		b.Release()
		require.Panics(t, b.Release)
	}
}

// A buffer released too often is found out even when its memory serves another already.
func TestDoubleReleaseAfterReuse(t *testing.T) {
	old := NewBuffer(100_000)
	old.Release()
	for range 100 { // the pools may drop memory as they like
		b := NewBuffer(100_000)
		require.Panics(t, old.Release)
		b.B[0] = 1
		b.Release()
	}
}

func TestBackoffSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBackoff(100*time.Millisecond, 800*time.Millisecond)
		for round := range 2 {
			for i, want := range []time.Duration{100, 200, 400, 800, 800, 800} {
				want *= time.Millisecond
				start := time.Now()
				require.True(t, b.Wait(context.Background(), nil))
				require.InDelta(t, want, time.Since(start), 0.31*float64(want), "wait %d of round %d", i, round)
				require.Equal(t, i+1, b.Attempt())
			}
			b.Reset()
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		require.False(t, b.Wait(ctx, nil), "the context ends it")
		early := make(chan struct{})
		close(early)
		start := time.Now()
		require.True(t, b.Wait(context.Background(), early))
		require.Zero(t, time.Since(start))
	})
}
