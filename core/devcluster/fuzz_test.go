package devcluster

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// Whatever a producer sends as a record set: what is stored is whole batches with good checksums, numbered without gaps.
func FuzzProduceRecordSet(f *testing.F) {
	f.Add(batch("a", "b"))
	f.Add(append(batch("a"), batch("b", "c")...))
	f.Add(batch("cut")[:50])
	f.Add(bytes.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, in []byte) {
		set, headers := wholeBatches(bytes.Clone(in))
		require.LessOrEqual(t, len(set), len(in))
		if len(headers) == 0 {
			require.Empty(t, set)
			return
		}
		reseal(set, headers)
		log := newPartitionLog(&memoryStore{}, nil)
		_, err := log.append(set, headers, time.Now())
		require.NoError(t, err)
		bufs, _, _, code := log.read(0, log.next, plenty)
		require.True(t, code.Ok())
		rest, next := flat(bufs), int64(0)
		for range headers {
			h, b, after, _, ok, err := wire.NextBatch(rest)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, next, h.BaseOffset)
			require.NoError(t, wire.VerifyBatch(b, &h))
			next, rest = h.NextOffset(), after
		}
		require.Empty(t, rest)
		require.Equal(t, log.next, next)
	})
}
