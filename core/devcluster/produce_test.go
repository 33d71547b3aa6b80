package devcluster

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func startProduce(t *testing.T, o Options) (*Cluster, *peer) {
	cl := startCluster(t, o)
	require.NoError(t, cl.CreateTopic("t", 2))
	return cl, dialSPU(t, cl, 0)
}

func TestProduceAnswersEveryEntryInOrder(t *testing.T) {
	_, p := startProduce(t, Options{})
	out := p.produceTo("t", 1, 100,
		wire.ProducePartition{Partition: 1, Records: batch("a")},
		wire.ProducePartition{Partition: 0, Records: append(batch("b", "c"), batch("d")...)},
		wire.ProducePartition{Partition: 1, Records: batch("e", "f")},
		wire.ProducePartition{Partition: 9, Records: batch("g")},
		wire.ProducePartition{Partition: 1, Records: batch("h")},
	)
	want := []wire.ProducePartitionResponse{{Partition: 1}, {}, {Partition: 1, BaseOffset: 1},
		{Partition: 9, Error: wire.ErrorCode{Code: fluvioerr.ServerNotLeader}}, {Partition: 1, BaseOffset: 3}}
	require.Equal(t, want, out)
	require.Equal(t, int64(3), p.produce("t", "next"))
}

func TestProduceSilentSuccesses(t *testing.T) {
	_, p := startProduce(t, Options{})
	p.produce("t", "kept")
	broken := batch("x")
	binary.BigEndian.PutUint32(broken[8:], 3) // shorter than its header
	noRecords := batch("y")
	binary.BigEndian.PutUint32(noRecords[23:], 0xffffffff) // last_offset_delta -1
	for name, set := range map[string][]byte{
		"nothing": nil, "malformed": broken, "cut off": batch("z")[:65], "no records": noRecords,
	} {
		out := p.produceTo("t", 1, 100, wire.ProducePartition{Records: set})[0]
		require.Equal(t, wire.ProducePartitionResponse{}, out, name)
	}
	// What follows a malformed batch is dropped with it; what comes before it is stored.
	set := append(append(append(noRecords, batch("good")...), broken...), batch("lost")...)
	require.Equal(t, int64(1), p.produceTo("t", 1, 100, wire.ProducePartition{Records: set})[0].BaseOffset)
	_, records := values(t, p.frame(p.stream("t", 0, plenty)).Partition.Records)
	require.Equal(t, []string{"kept", "good"}, records)
}

func TestProduceRepairsChecksums(t *testing.T) {
	_, p := startProduce(t, Options{})
	b := batch("a")
	binary.BigEndian.PutUint32(b[17:], 0xdeadbeef)
	require.True(t, func() bool { o := p.produceTo("t", 1, 100, wire.ProducePartition{Records: b})[0]; return o.Error.Ok() }())
	_, records := values(t, p.frame(p.stream("t", 0, plenty)).Partition.Records) // verifies them
	require.Equal(t, []string{"a"}, records)
}

func TestProduceCodecPolicy(t *testing.T) {
	cl := startCluster(t, Options{})
	p := dialSPU(t, cl, 0)
	names := map[string]int{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
	for setting, allowed := range names {
		require.NoError(t, cl.CreateTopicWith(setting, TopicOptions{Compression: setting}))
		for codec := range 8 {
			out := p.produceTo(setting, 1, 100, wire.ProducePartition{Records: batchOf(codec, "x")})[0]
			require.Equal(t, codec == allowed, out.Error.Ok(), "%s, codec %d", setting, codec)
		}
	}
	require.NoError(t, cl.CreateTopic("any", 1))
	for codec := range 8 {
		out := p.produceTo("any", 1, 100, wire.ProducePartition{Records: batchOf(codec, "x")})[0]
		if codec <= 4 {
			require.True(t, out.Error.Ok())
		} else {
			require.Equal(t, fluvioerr.ServerCompression, out.Error.Code)
		}
	}
	// One wrong batch refuses its whole record set and nothing else.
	out := p.produceTo("none", 1, 100, wire.ProducePartition{Records: append(batch("a"), batchOf(1, "b")...)}, wire.ProducePartition{Records: batch("c")})
	require.Equal(t, fluvioerr.ServerCompression, out[0].Error.Code)
	require.Equal(t, int64(1), out[1].BaseOffset)
}

func TestProduceTooLarge(t *testing.T) {
	_, p := startProduce(t, Options{MaxBatchBytes: 100})
	out := p.produceTo("t", 1, 100, wire.ProducePartition{Records: append(batch("fits"), batch(string(make([]byte, 200)))...)})[0]
	require.Equal(t, fluvioerr.ServerMessageTooLarge, out.Error.Code)
	require.Zero(t, p.produce("t", "first"), "nothing of the refused set was stored")
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopicWith("small", TopicOptions{SegmentSize: 1024, MaxPartitionSize: 4096}))
	p = dialSPU(t, cl, 0)
	out = p.produceTo("small", 1, 100, wire.ProducePartition{Records: batch(string(make([]byte, 1024)))})[0]
	require.Equal(t, fluvioerr.ServerMessageTooLarge, out.Error.Code)
}

func TestProduceStorageErrors(t *testing.T) {
	cl, p := startProduce(t, Options{})
	for _, code := range []fluvioerr.ServerCode{fluvioerr.ServerStorageError, fluvioerr.ServerPartitionShortCircuited, 0} {
		require.NoError(t, cl.FailAppends("t", 0, code))
		out := p.produceTo("t", 1, 100, wire.ProducePartition{Records: batch("a")}, wire.ProducePartition{Partition: 1, Records: batch("b")})
		require.Equal(t, code, out[0].Error.Code)
		require.True(t, out[1].Error.Ok())
	}
}

func TestProduceCommitted(t *testing.T) {
	for _, all := range []bool{true, false} {
		cl := startCluster(t, Options{SPUs: 2, CommitOnline: !all})
		require.NoError(t, cl.CreateTopicWith("r", TopicOptions{Replication: 2}))
		leader, err := cl.Leader("r", 0)
		require.NoError(t, err)
		p := dialSPU(t, cl, int(leader-firstSPU))
		out := p.produceTo("r", wire.ProduceReadCommitted, 30000, wire.ProducePartition{Records: batch("a")})[0]
		require.True(t, out.Error.Ok())
		require.NoError(t, cl.StopSPU(2*firstSPU+1-leader))
		out = p.produceTo("r", wire.ProduceReadCommitted, 20, wire.ProducePartition{Records: batch("b")})[0]
		require.Equal(t, int64(1), out.BaseOffset, "written in any case")
		_, hw, end, err := cl.Offsets("r", 0)
		require.NoError(t, err)
		require.Equal(t, int64(2), end)
		if all {
			require.Equal(t, &wire.TimeoutPayload{TimeoutMS: 20}, out.Error.Payload)
			require.Equal(t, int64(1), hw)
		} else {
			require.True(t, out.Error.Ok())
			require.Equal(t, int64(2), hw)
		}
	}
}

func TestProduceHangsUpOnNegativeTimeout(t *testing.T) {
	_, p := startProduce(t, Options{})
	p.send(wire.KeyProduce, 25, &wire.ProduceRequest{Isolation: 1, TimeoutMS: -1})
	p.awaitHangUp()
}

func TestProduceWithSmartModules(t *testing.T) {
	_, p := startProduce(t, Options{})
	var resp wire.ProduceResponse
	p.call(wire.KeyProduce, 25, &wire.ProduceRequest{Isolation: 1, Topics: []wire.ProduceTopic{{Name: "t", Partitions: []wire.ProducePartition{{Records: batch("a")}}}},
		SmartModules: []wire.SmartModuleInvocation{{Name: "m", Kind: wire.SmartModuleKind{Tag: wire.KindGeneric}}}}, &resp)
	require.Equal(t, fluvioerr.ServerSmartModuleNotFound, resp.Topics[0].Partitions[0].Error.Code)
	require.Zero(t, p.produce("t", "first"))
}

func TestFetchOffsets(t *testing.T) {
	cl, p := startProduce(t, Options{})
	p.produce("t", "a", "b", "c")
	require.NoError(t, cl.EvictBefore("t", 0, 1))
	var resp wire.FetchOffsetsResponse
	for _, version := range []int16{22, 23, 25} {
		p.call(wire.KeyFetchOffsets, version, &wire.FetchOffsetsRequest{Topics: []wire.FetchOffsetsTopic{{Name: "t", Partitions: []uint32{0, 1, 7}}}}, &resp)
		require.Equal(t, []wire.FetchOffsetsPartition{{StartOffset: 1, LastStableOffset: 3}, {Partition: 1},
			{Partition: 7, Error: wire.ErrorCode{Code: fluvioerr.ServerPartitionNotLeader}}}, resp.Topics[0].Partitions)
	}
}

func TestSizeRetentionRemovesWholeSegments(t *testing.T) {
	cl := startCluster(t, Options{})
	require.NoError(t, cl.CreateTopicWith("t", TopicOptions{SegmentSize: 1024, MaxPartitionSize: 3000}))
	p := dialSPU(t, cl, 0)
	one := batch(string(make([]byte, 400)))
	require.Greater(t, 3*len(one), 1024) // two batches to a segment
	for range 20 {
		p.produce("t", string(make([]byte, 400)))
	}
	cl.Clean()
	start, hw, end, err := cl.Offsets("t", 0)
	require.NoError(t, err)
	require.Equal(t, int64(20), end)
	require.Equal(t, int64(20), hw)
	require.Equal(t, int64(14), start, "three segments of two batches are left")
	id := p.stream("t", start, plenty)
	for at := start; at < end; at += 2 { // a frame ends with its segment
		f := p.frame(id)
		base, records := values(t, f.Partition.Records)
		require.Equal(t, at, base)
		require.Len(t, records, 2)
		require.Equal(t, start, f.Partition.LogStartOffset)
		p.ackStream(f.StreamID, at+2)
	}
}
