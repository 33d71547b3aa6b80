package smartengine

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkFilters runs batches of 15 records of 1 KB through filters that keep everything.
func BenchmarkFilters(b *testing.B) {
	value := strings.Repeat("x", 1024)
	values := make([]string, 15)
	for i := range values {
		values[i] = value
	}
	records, err := hex.DecodeString(list(values...))
	require.NoError(b, err)
	for _, name := range []string{"bare", "short"} {
		b.Run(name, func(b *testing.B) {
			c, err := newEngine(b, Options{}).Chain(b.Context(), 25, []Step{step(b, name)})
			require.NoError(b, err)
			defer c.Close()
			b.SetBytes(int64(len(records)))
			for b.Loop() {
				out, err := c.Process(Input{Records: records})
				require.NoError(b, err)
				require.Equal(b, len(values), out.Count)
			}
		})
	}
}
