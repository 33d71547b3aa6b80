package fluvio

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Durations and sizes take units, in every setting that is one and nowhere else.
func TestUnits(t *testing.T) {
	o, err := ParseProducerOptions([]byte(`{"linger_ms": "1.5s", "delivery_timeout_ms": 90000, "batch_size": "64KiB", "buffer_memory": "1 GB", "max_request_size": "1048576"}`))
	require.NoError(t, err)
	require.Equal(t, ProducerOptions{Linger: 1500 * time.Millisecond, DeliveryTimeout: 90 * time.Second, BatchSize: 65536, BufferMemory: 1e9, MaxRequestSize: 1 << 20}, o)
	s, err := ParseTopicSpec([]byte(`{"retention_seconds": "1h30m", "segment_size": "512MiB", "max_partition_size": "1.5GiB", "deduplication": {"smartmodule": "a/b@1.0.0", "count": 5, "age_ms": "2d"}}`))
	require.NoError(t, err)
	require.EqualValues(t, []any{uint32(5400), uint32(512 << 20), uint64(3 << 29), 48 * time.Hour}, []any{s.RetentionSeconds, s.SegmentSize, s.MaxPartitionSize, s.Deduplication.Age})
	for text, says := range map[string]string{
		`{"retention_seconds": "1500ms"}`:       "1500ms is not a whole number of seconds",
		`{"retention_seconds": "5 parsecs"}`:    `"5 parsecs" is neither a whole number of seconds nor a duration such as 500ms`,
		`{"retention_seconds": "9s"}`:           "9 is not between 10 and",
		`{"segment_size": "1.5B"}`:              `"1.5B" is neither a whole number of bytes nor a size such as 16KiB`,
		`{"segment_size": "KiB"}`:               "neither a whole number",
		`{"segment_size": "1h"}`:                "neither a whole number",
		`{"segment_size": "5TiB"}`:              "5497558138880 is out of range",
		`{"max_partition_size": "99999999TiB"}`: "is too large",
		`{"partitions": "3KiB"}`:                "3KiB is not a whole number",
		`{"retention_seconds": ""}`:             "neither a whole number",
		`{"retention_seconds": "1h-5m"}`:        "neither a whole number",
	} {
		_, err := ParseTopicSpec([]byte(text))
		require.ErrorContains(t, err, says, text)
	}
	_, err = ParseProducerOptions([]byte(`{"linger_ms": "1e400h"}`))
	require.Error(t, err)
	_, err = parseDuration("9223372036854775807", time.Second)
	require.ErrorContains(t, err, "too large")
	_, err = parseDuration("300000000000w", time.Millisecond)
	require.ErrorContains(t, err, "too large")
	d, err := parseDuration("-5", time.Millisecond)
	require.NoError(t, err, "ranges are checked elsewhere")
	require.Equal(t, -5*time.Millisecond, d)
	n, err := parseSize("9223372036854775807")
	require.NoError(t, err)
	require.EqualValues(t, math.MaxInt64, n)
}
