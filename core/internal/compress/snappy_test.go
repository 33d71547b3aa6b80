package compress

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSnappy packs anything, repeated over the borders of chunks, and holds what comes out against the format; then it damages a byte
// of that, and takes the data itself for what was packed.
func FuzzSnappy(f *testing.F) {
	f.Add([]byte{}, uint16(0), uint16(0), byte(0))
	f.Add(noise(300), uint16(1), uint16(11), byte(1))
	f.Add(records(2000), uint16(40), uint16(700), byte(0x80))
	f.Add([]byte("a"), uint16(200), uint16(14), byte(0xff))
	f.Fuzz(func(t *testing.T, data []byte, times, at uint16, damage byte) {
		const limit = 3*snappyBlock + 1
		src := bytes.Repeat(data, min(1+int(times), 1+limit/max(len(data), 1)))
		src = src[:min(len(src), limit)]
		packed := appendSnappy([]byte("head"), src)[4:]
		require.True(t, bytes.HasPrefix(packed, []byte(snappyMagic)))
		chunks := 0
		for rest := packed[len(snappyMagic):]; len(rest) > 0; chunks++ {
			n := int(rest[1]) | int(rest[2])<<8 | int(rest[3])<<16
			require.LessOrEqual(t, rest[0], byte(snappyPlain))
			require.LessOrEqual(t, n, snappyBlock+4, "packed only when that is shorter")
			rest = rest[4+n:]
		}
		require.Equal(t, (len(src)+snappyBlock-1)/snappyBlock, chunks)
		got, err := AppendDecoded([]byte("head"), Snappy, packed, len(src))
		require.NoError(t, err)
		require.True(t, bytes.Equal(src, got[4:]))
		if len(src) > 0 {
			_, err = AppendDecoded(nil, Snappy, packed, len(src)-1)
			requireKnown(t, err, "above the limit")
		}

		if i := int(at) % len(packed); damage != 0 && i >= len(snappyMagic) {
			packed[i] ^= damage
			if got, err = AppendDecoded(nil, Snappy, packed, limit); err == nil {
				require.LessOrEqual(t, len(got), limit) // the kind of a chunk may become one that is passed over
			} else {
				require.Empty(t, got)
				requireKnown(t, err, "byte %d", i)
			}
		}
		if got, err = AppendDecoded(nil, Snappy, append([]byte(snappyMagic), data...), limit); err == nil {
			require.LessOrEqual(t, len(got), limit)
		} else {
			requireKnown(t, err, "lies")
		}
	})
}
