// Package obs is where a client says what it does. An Observer, one per client, counts, logs, and tells hooks; it knows nothing
// of the protocol, and its callers nothing of who listens. Counting takes atomics and a short lock, so it is always on. Hooks and
// log handlers are other people's code: callers hold no lock when they say something.
package obs

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A value below 16 has a bucket of its own; above, each doubling is cut into 16, so that a bucket is no wider than a
// sixteenth of what is in it. Values above largest share the last bucket.
const (
	subBits = 4
	sub     = 1 << subBits
	octaves = 38 - subBits
	buckets = sub + octaves*sub
	largest = 1<<(subBits+octaves) - 1
)

// Histogram counts values by size, in fixed memory and without allocations. The zero value is empty. All methods are safe for
// concurrent use.
type Histogram struct {
	counts [buckets]atomic.Uint64
	max    atomic.Uint64
	sum    atomic.Uint64
}

// bucket is the index for a value.
func bucket(v uint64) int {
	if v < sub {
		return int(v)
	}
	v = min(v, largest)
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)<<subBits + int(v>>shift) - sub
}

// upper is the largest value that belongs into a bucket.
func upper(i int) uint64 {
	if i < sub {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(sub+i&(sub-1)+1)<<shift - 1
}

// Record counts a value; a negative one counts as 0.
func (h *Histogram) Record(value int64) {
	v := uint64(max(value, 0))
	h.counts[bucket(v)].Add(1)
	h.sum.Add(v)
	for {
		have := h.max.Load()
		if v <= have || h.max.CompareAndSwap(have, v) {
			return
		}
	}
}

// Max is the largest value, exactly; 0 when there is none.
func (h *Histogram) Max() int64 { return int64(h.max.Load()) }

// load reads the buckets and how much is in them.
func (h *Histogram) load() (counts *[buckets]uint64, total uint64) {
	counts = new([buckets]uint64)
	for i := range counts {
		counts[i] = h.counts[i].Load()
		total += counts[i]
	}
	return counts, total
}

// quantiles gives, for each q from 0 to 1, the value that the part q of all values does not exceed, at most a sixteenth too
// high; 0 when there are none.
func (h *Histogram) quantiles(counts *[buckets]uint64, total uint64, qs ...float64) []int64 {
	out := make([]int64, len(qs))
	for i, q := range qs {
		rank := uint64(math.Ceil(q * float64(total)))
		seen := uint64(0)
		for b := 0; b < buckets && total > 0; b++ {
			if seen += counts[b]; seen >= max(rank, 1) {
				out[i] = int64(min(upper(b), h.max.Load()))
				break
			}
		}
	}
	return out
}

// Stats gives what was recorded as durations, values being microseconds.
func (h *Histogram) Stats() HistogramStats {
	counts, total := h.load()
	micros := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	q := h.quantiles(counts, total, 0.5, 0.9, 0.99)
	s := HistogramStats{
		Count: total, Sum: micros(int64(h.sum.Load())), P50: micros(q[0]), P90: micros(q[1]), P99: micros(q[2]), Max: micros(h.Max()),
		Buckets: make([]Bucket, len(bounds)),
	}
	seen, b := uint64(0), 0
	for i, bound := range bounds {
		for last := bucket(uint64(bound.Microseconds())); b <= last; b++ {
			seen += counts[b]
		}
		s.Buckets[i] = Bucket{bound, seen}
	}
	return s
}
