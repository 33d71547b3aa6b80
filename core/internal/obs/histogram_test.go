package obs

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every value lies in its bucket, and buckets follow each other without gaps.
func TestBuckets(t *testing.T) {
	low := uint64(0)
	for i := range buckets {
		high := upper(i)
		require.GreaterOrEqual(t, high, low)
		require.Equal(t, i, bucket(low))
		require.Equal(t, i, bucket(high))
		require.LessOrEqual(t, (high-low)*sub, low, "it is no wider than a sixteenth")
		low = high + 1
	}
	require.EqualValues(t, largest+1, low)
	require.Equal(t, buckets-1, bucket(math.MaxInt64))
}

func quantiles(h *Histogram, qs ...float64) []int64 {
	counts, total := h.load()
	return h.quantiles(counts, total, qs...)
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	require.Equal(t, []int64{0, 0}, quantiles(&h, 0.5, 1))
	h.Record(-5)
	require.Equal(t, []int64{0, 0}, quantiles(&h, 0, 1))
	h = Histogram{}
	h.Record(1000)
	require.Equal(t, []int64{1000, 1000, 1000}, quantiles(&h, 0, 0.5, 1), "no more than there was")

	h = Histogram{}
	values := make([]int64, 10_000)
	for i := range values {
		values[i] = int64(math.Exp(rand.Float64() * 20))
		h.Record(values[i])
	}
	slices.Sort(values)
	qs := []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1}
	for i, got := range quantiles(&h, qs...) {
		want := values[int(math.Ceil(qs[i]*float64(len(values))))-1]
		require.GreaterOrEqual(t, got, want, "%v", qs[i])
		require.LessOrEqual(t, float64(got), float64(want)*(1+1.0/sub), "%v", qs[i])
	}
	require.Equal(t, values[len(values)-1], h.Max())
	h.Record(math.MaxInt64)
	require.EqualValues(t, math.MaxInt64, h.Max())
}

func TestRecordAtOnce(t *testing.T) {
	var h Histogram
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 1000 {
				h.Record(int64(g*1000 + i))
			}
		})
	}
	all.Wait()
	total := uint64(0)
	for i := range h.counts {
		total += h.counts[i].Load()
	}
	require.EqualValues(t, 8000, total)
	require.EqualValues(t, 7999, h.Max())
	require.Zero(t, testing.AllocsPerRun(100, func() { h.Record(12345) }))
}
