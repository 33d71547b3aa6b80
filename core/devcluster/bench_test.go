package devcluster

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// benchRecords is how many records of 100 bytes make a batch of 16 KiB.
const benchRecords = 150

// benchRequest is a produce request of 60 such batches, one partition entry each, as libfluvio sends them.
func benchRequest(b *testing.B, topic string) []byte {
	value := string(make([]byte, 100))
	records := make([]string, benchRecords)
	for i := range records {
		records[i] = value
	}
	one := batch(records...)
	parts := make([]wire.ProducePartition, 60)
	for i := range parts {
		parts[i].Records = one
	}
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: wire.KeyProduce, APIVersion: 25, CorrelationID: 1},
		&wire.ProduceRequest{Isolation: 1, TimeoutMS: 1000, Topics: []wire.ProduceTopic{{Name: topic, Partitions: parts}}})
	require.NoError(b, err)
	return frame
}

func report(b *testing.B, records int) {
	b.ReportMetric(float64(records)/b.Elapsed().Seconds()/1e6, "Mrec/s")
}

func startBench(b *testing.B) *Cluster {
	cl := startCluster(b, Options{})
	require.NoError(b, cl.CreateTopicWith("t", TopicOptions{SegmentSize: 64 << 20, MaxPartitionSize: 256 << 20}))
	return cl
}

func BenchmarkProduce(b *testing.B) {
	cl := startBench(b)
	frame := benchRequest(b, "t")
	nc := mustDial(b, cl.SPUEndpoints()[0])
	defer nc.Close()
	b.SetBytes(int64(len(frame)))
	b.ResetTimer()
	done := make(chan error, 1)
	go func() {
		var err error
		buf := make([]byte, 64<<10)
		alloc := func(n int) []byte { return buf[:n] }
		for i := 0; i < b.N && err == nil; i++ {
			_, err = wire.ReadFrame(nc, wire.DefaultMaxFrame, alloc)
		}
		done <- err
	}()
	for range b.N {
		_, err := nc.Write(frame)
		require.NoError(b, err)
	}
	require.NoError(b, <-done)
	report(b, b.N*60*benchRecords)
}

func BenchmarkConsume(b *testing.B) {
	cl := startBench(b)
	frame := benchRequest(b, "t")
	producer := dialSPU(b, cl, 0)
	for range 64 {
		producer.write(frame[4:])
		producer.message(1)
	}
	nc := mustDial(b, cl.SPUEndpoints()[0])
	defer nc.Close()
	ask := func(key uint16, version int16, m wire.Message) {
		f, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: key, APIVersion: version, CorrelationID: int32(key)}, m)
		require.NoError(b, err)
		_, err = nc.Write(f)
		require.NoError(b, err)
	}
	ask(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: "t", MaxBytes: 1 << 20})
	end := int64(64 * 60 * benchRecords)
	buf := make([]byte, 2<<20)
	b.ResetTimer()
	records := 0
	for i := 0; i < b.N; {
		msg, err := wire.ReadFrame(nc, wire.DefaultMaxFrame, func(n int) []byte { return buf[:n] })
		require.NoError(b, err)
		if binary.BigEndian.Uint32(msg) != uint32(wire.KeyStreamFetch) {
			continue // the answer to an acknowledgement
		}
		var f wire.StreamFetchResponse
		_, err = wire.Decode(msg[4:], 25, &f)
		require.NoError(b, err)
		next := int64(0)
		for set := f.Partition.Records; ; {
			h, _, rest, _, ok, err := wire.NextBatch(set)
			require.NoError(b, err)
			if !ok {
				break
			}
			records += int(h.LastOffsetDelta) + 1
			next, set = h.NextOffset(), rest
		}
		b.SetBytes(int64(len(msg)))
		i++
		if next >= end {
			next = 0 // around again
		}
		ask(wire.KeyUpdateOffsets, 0, &wire.UpdateOffsetsRequest{Offsets: []wire.OffsetUpdate{{Offset: next, SessionID: f.StreamID}}})
	}
	report(b, records)
}
