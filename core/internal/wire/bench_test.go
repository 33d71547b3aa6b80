package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// sampleBatch holds n records of size bytes, every other one with a key.
func sampleBatch(n, size int) []byte {
	records := make([]plainRecord, n)
	for i := range records {
		records[i] = plainRecord{ts: int64(i / 10), off: int64(i), value: make([]byte, size)}
		if i%2 == 1 {
			records[i].hasKey, records[i].key = true, fmt.Appendf(nil, "key-%d", i)
		}
	}
	return batchOf(records, 1000, 1700000000000)
}

// TestHotPathAllocatesNothing: a record costs no allocation when it is written, nor when it is read, either way.
func TestHotPathAllocatesNothing(t *testing.T) {
	key, value := []byte("key"), make([]byte, 100)
	buf := make([]byte, 0, 1<<12)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		buf = AppendRecord(buf[:0], 3, 1, true, key, value)
		buf = AppendRecord(buf, 3, 1, false, nil, value)
	}), "AppendRecord")
	batch := sampleBatch(100, 100)
	cols := newColumns(100)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h, b, _, _, ok, err := NextBatch(batch)
		if !ok || err != nil || VerifyBatch(b, &h) != nil {
			t.Fatal("the batch is bad", err)
		}
		r, err := NewRecordReader(b[h.HeaderSize():])
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.Columns(&h, cols, 0, 0, math.MaxInt64, 0); n != 100 || err != nil {
			t.Fatal(n, err)
		}
	}), "NextBatch, VerifyBatch and Columns")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r, _ := NewRecordReader(batch[BatchHeaderSize:])
		var rec Record
		for {
			if ok, err := r.Next(&rec); err != nil {
				t.Fatal(err)
			} else if !ok {
				return
			}
		}
	}), "Next")
	h := NewBatchHeader(0, 100, 1, 2)
	require.Zero(t, testing.AllocsPerRun(100, func() { SealBatch(batch, &h) }), "SealBatch")
}

// BenchmarkAppendRecord writes one record of 100 bytes into a batch of 16 KiB and starts over when it is full.
func BenchmarkAppendRecord(b *testing.B) {
	for name, key := range map[string][]byte{"key": []byte("user-123"), "nokey": nil} {
		b.Run(name, func(b *testing.B) {
			value := make([]byte, 100)
			buf := make([]byte, 0, 32<<10)
			b.SetBytes(100)
			b.ReportAllocs()
			i := int64(0)
			for b.Loop() {
				if len(buf) > 16<<10 {
					buf, i = buf[:0], 0
				}
				buf = AppendRecord(buf, i>>4, i, key != nil, key, value)
				i++
			}
		})
	}
}

// BenchmarkRead reads batches of 150 records of 100 bytes; the time is that of one record.
func BenchmarkRead(b *testing.B) {
	const n = 150
	batch := sampleBatch(n, 100)
	h, err := DecodeBatchHeader(batch)
	require.NoError(b, err)
	perRecord := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
		b.ReportAllocs()
	}
	b.Run("next", func(b *testing.B) {
		var rec Record
		for b.Loop() {
			r, _ := NewRecordReader(batch[BatchHeaderSize:])
			for ok := true; ok; {
				if ok, err = r.Next(&rec); err != nil {
					b.Fatal(err)
				}
			}
		}
		perRecord(b)
	})
	b.Run("columns", func(b *testing.B) {
		cols := newColumns(n)
		for b.Loop() {
			r, _ := NewRecordReader(batch[BatchHeaderSize:])
			if got, err := r.Columns(&h, cols, 0, 0, math.MaxInt64, 0); got != n || err != nil {
				b.Fatal(got, err)
			}
		}
		perRecord(b)
	})
	b.Run("crc", func(b *testing.B) {
		b.SetBytes(int64(len(batch)))
		for b.Loop() {
			if err := VerifyBatch(batch, &h); err != nil {
				b.Fatal(err)
			}
		}
		perRecord(b)
	})
}

// BenchmarkMessage decodes the messages that come with every batch and every change of metadata.
func BenchmarkMessage(b *testing.B) {
	metadata := &MetadataUpdate{Label: LabelPartition}
	for i := range 100 {
		metadata.All = append(metadata.All, Object{Name: fmt.Sprintf("topic-%d", i), Spec: &PartitionSpec{Replicas: []int32{1, 2, 3}}, Status: &PartitionStatus{}})
	}
	frame := &StreamFetchResponse{Topic: "orders", Partition: FetchPartitionResponse{Records: sampleBatch(150, 100)}}
	for name, m := range map[string]struct {
		full, fresh Message
		version     int16
	}{"stream frame": {frame, &StreamFetchResponse{}, 25}, "100 partitions": {metadata, &MetadataUpdate{}, 19}} {
		encoded, err := Append(nil, m.version, m.full)
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(encoded, m.version, m.fresh); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVarint is the size and the encoding of a length on its own.
func BenchmarkVarint(b *testing.B) {
	buf := make([]byte, 0, 16)
	for b.Loop() {
		for _, v := range [...]int64{1, 100, 9000, -3} {
			if buf = binary.AppendVarint(buf[:0], v); len(buf) != varintSize(v) {
				b.Fatal(v)
			}
		}
	}
}
