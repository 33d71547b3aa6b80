package devcluster

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// streamTest is a cluster with one topic, a connection to its SPU, and a count of the frames that streams send: a frame
// that must not come shows in it, whenever it comes.
type streamTest struct {
	*peer
	t      *testing.T
	cl     *Cluster
	frames *RuleHandle
}

func newStreamTest(t *testing.T, o Options) *streamTest {
	cl := startCluster(t, o)
	require.NoError(t, cl.CreateTopic("s", 1))
	h, err := cl.AddRule(Rule{API: "StreamFetch", Partition: -1, On: OnAnswer, Action: Action{Kind: ActionObserve}})
	require.NoError(t, err)
	return &streamTest{peer: dialSPU(t, cl, 0), t: t, cl: cl, frames: h}
}

// data waits for a frame of records and checks where it begins.
func (s *streamTest) data(id int32, session uint32, base int64, want ...string) *wire.StreamFetchResponse {
	s.t.Helper()
	f := s.frame(id)
	require.True(s.t, f.Partition.Error.Ok(), "%v", f.Partition.Error.Code)
	require.Equal(s.t, session, f.StreamID)
	got, records := values(s.t, f.Partition.Records)
	require.Equal(s.t, base, got)
	require.Equal(s.t, want, records)
	return f
}

// failed waits for a frame with an error and nothing else.
func (s *streamTest) failed(id int32, session uint32, code fluvioerr.ServerCode) wire.ErrorCode {
	s.t.Helper()
	f := s.frame(id)
	require.Equal(s.t, code, f.Partition.Error.Code)
	require.Equal(s.t, session, f.StreamID)
	require.Empty(s.t, f.Partition.Records)
	require.Zero(s.t, f.Partition.HighWatermark)
	return f.Partition.Error
}

func (s *streamTest) ack(session uint32, offset int64) {
	s.t.Helper()
	code := s.ackStream(session, offset)
	require.True(s.t, code.Ok(), "%v", code.Code)
}

func (s *streamTest) sent(n int) {
	s.t.Helper()
	require.NoError(s.t, s.frames.Wait(context.Background(), n))
	require.Equal(s.t, n, s.frames.Hits())
}

const plenty = 1 << 20 // max_bytes

func TestStreamOfAnotherLeader(t *testing.T) {
	s := newStreamTest(t, Options{SPUs: 2})
	leader, err := s.cl.Leader("s", 0)
	require.NoError(t, err)
	other := dialSPU(t, s.cl, 1-int(leader-firstSPU))
	f := other.frame(other.stream("s", 0, plenty))
	require.Equal(t, fluvioerr.ServerNotLeader, f.Partition.Error.Code)
	require.Zero(t, f.StreamID)
	f = other.frame(other.stream("nobody", 0, plenty))
	require.Equal(t, fluvioerr.ServerNotLeader, f.Partition.Error.Code)
	require.Zero(t, f.StreamID)
}

func TestStreamSaysNothingWhenEmpty(t *testing.T) {
	s := newStreamTest(t, Options{})
	id := s.stream("s", 0, plenty)
	s.produce("s", "a")
	f := s.data(id, 1, 0, "a")
	require.Equal(t, int64(1), f.Partition.HighWatermark)
	s.sent(1)
}

func TestStreamSendsOneFramePerAcknowledgement(t *testing.T) {
	s := newStreamTest(t, Options{})
	s.produce("s", "a")
	id := s.stream("s", 0, plenty)
	s.data(id, 1, 0, "a")
	for range 5 { // the position is unknown: growth is noted, nothing is sent
		s.produce("s", "b")
	}
	s.ack(1, 1)
	s.data(id, 1, 1, "b", "b", "b", "b", "b")
	s.sent(2)
	s.ack(1, 6) // everything: silence until there is more
	s.produce("s", "c")
	s.data(id, 1, 6, "c")
	s.sent(3)
}

func TestStreamSeeksByAcknowledgement(t *testing.T) {
	s := newStreamTest(t, Options{})
	for _, v := range []string{"a", "b", "c"} {
		s.produce("s", v)
	}
	id := s.stream("s", 2, plenty)
	s.data(id, 1, 2, "c")
	s.ack(1, 0)
	s.data(id, 1, 0, "a", "b", "c")
	s.ack(1, 1)
	s.data(id, 1, 1, "b", "c")
	s.ack(1, 1) // a repeat goes unnoticed
	s.ack(1, 9) // beyond the end: waits until the end passes it
	for range 6 {
		s.produce("s", "x")
	}
	s.produce("s", "y")
	s.data(id, 1, 9, "y")
	s.sent(4)
}

func TestStreamAcknowledgementsWithAMeaning(t *testing.T) {
	s := newStreamTest(t, Options{})
	s.produce("s", "a")
	id := s.stream("s", 0, plenty)
	s.data(id, 1, 0, "a")
	s.ack(1, -1) // ignored
	s.produce("s", "b")
	s.ack(1, 1)
	s.data(id, 1, 1, "b")
	s.ack(1, -2)
	s.failed(id, 1, fluvioerr.ServerTopicDeleted)
	s.ack(1, 2) // the id stays known; nobody listens
	s.produce("s", "c")
	s.data(s.stream("s", 2, plenty), 2, 2, "c")
	s.sent(4)
}

func TestStreamUnknownSession(t *testing.T) {
	s := newStreamTest(t, Options{})
	require.Equal(t, fluvioerr.ServerFetchSessionNotFound, s.ackStream(1, 0).Code)
	s.produce("s", "a")
	s.data(s.stream("s", 0, plenty), 1, 0, "a")
	other := dialSPU(t, s.cl, 0) // sessions belong to their connection
	require.Equal(t, fluvioerr.ServerFetchSessionNotFound, other.ackStream(1, 0).Code)
	var resp wire.UpdateOffsetsResponse
	s.call(wire.KeyUpdateOffsets, 0, &wire.UpdateOffsetsRequest{Offsets: []wire.OffsetUpdate{{Offset: 1, SessionID: 7}, {Offset: 1, SessionID: 1}}}, &resp)
	require.Equal(t, fluvioerr.ServerFetchSessionNotFound, resp.Status[0].Error.Code)
	require.True(t, resp.Status[1].Error.Ok())
}

func TestStreamCutsFramesAtMaxBytes(t *testing.T) {
	s := newStreamTest(t, Options{})
	one := batch("aaaa")
	for range 3 {
		s.produce("s", "aaaa")
	}
	id := s.stream("s", 0, int32(2*len(one)+10))
	f := s.frame(id)
	require.Len(t, f.Partition.Records, 2*len(one)+10)
	base, records := values(t, f.Partition.Records)
	require.Equal(t, int64(0), base)
	require.Equal(t, []string{"aaaa", "aaaa"}, records)
	s.ack(1, 2)
	s.data(id, 1, 2, "aaaa")
	// Less than a batch, even less than its header, is sent as well.
	require.Len(t, s.frame(s.stream("s", 0, 5)).Partition.Records, 5)
}

func TestStreamBeginsWithTheBatchThatHoldsTheOffset(t *testing.T) {
	s := newStreamTest(t, Options{})
	s.produce("s", "a", "b")
	s.produce("s", "c", "d", "e")
	s.produce("s", "f")
	s.data(s.stream("s", 3, plenty), 1, 2, "c", "d", "e", "f")
}

func TestStreamStartOutsideTheLog(t *testing.T) {
	s := newStreamTest(t, Options{})
	s.produce("s", "a", "b", "c")
	code := s.failed(s.stream("s", 4, plenty), 1, fluvioerr.ServerOther)
	require.Equal(t, "start offset: 4 is greater than leo: 3", code.Payload.Text())
	require.NoError(t, s.cl.EvictBefore("s", 0, 2))
	for i, from := range []int64{1, -5} {
		code = s.failed(s.stream("s", from, plenty), uint32(2+i), fluvioerr.ServerOffsetEvicted)
		require.Equal(t, &wire.EvictedPayload{Offset: from, NextAvailable: 2}, code.Payload)
	}
	f := s.data(s.stream("s", 2, plenty), 4, 0, "a", "b", "c") // the batch is kept whole
	require.Equal(t, int64(2), f.Partition.LogStartOffset)
}

func TestStreamEvictedWhileOpen(t *testing.T) {
	s := newStreamTest(t, Options{})
	s.produce("s", "a")
	id := s.stream("s", 0, plenty)
	s.data(id, 1, 0, "a")
	s.produce("s", "b")
	s.produce("s", "c")
	require.NoError(t, s.cl.EvictBefore("s", 0, 2))
	s.ack(1, 1)
	code := s.failed(id, 1, fluvioerr.ServerOffsetEvicted)
	require.Equal(t, &wire.EvictedPayload{Offset: 1, NextAvailable: 2}, code.Payload)
}

func TestStreamEndsWithItsTopic(t *testing.T) {
	s := newStreamTest(t, Options{})
	idle := s.stream("s", 0, plenty)
	s.produce("s", "a")
	s.data(idle, 1, 0, "a")
	waiting := s.stream("s", 1, plenty)
	s.ack(1, 1) // requests are handled in order: the stream exists
	require.NoError(t, s.cl.DeleteTopic("s"))
	s.failed(idle, 1, fluvioerr.ServerTopicDeleted)
	s.failed(waiting, 2, fluvioerr.ServerTopicDeleted)
	s.sent(3)
}

func TestStreamFallsSilentWhenLeadershipMoves(t *testing.T) {
	s := newStreamTest(t, Options{SPUs: 2})
	leader, err := s.cl.Leader("s", 0)
	require.NoError(t, err)
	other := 2*firstSPU + 1 - leader
	old, now := dialSPU(t, s.cl, int(leader-firstSPU)), dialSPU(t, s.cl, int(other-firstSPU))
	old.produce("s", "a")
	id := old.stream("s", 0, plenty)
	require.Equal(t, uint32(1), old.frame(id).StreamID)
	require.NoError(t, s.cl.MoveLeader("s", 0, other))
	now.produce("s", "b")
	code := old.ackStream(1, 1)
	require.True(t, code.Ok(), "the session is still known")
	out := old.produceTo("s", 1, 100, wire.ProducePartition{Records: batch("x")})
	require.Equal(t, fluvioerr.ServerNotLeader, out[0].Error.Code)
	_, records := values(t, now.frame(now.stream("s", 0, plenty)).Partition.Records)
	require.Equal(t, []string{"a", "b"}, records)
	// Even when it leads again: that is a new term, and the stream belongs to the old one.
	require.NoError(t, s.cl.MoveLeader("s", 0, leader))
	old.produce("s", "c")
	_, records = values(t, old.frame(old.stream("s", 2, plenty)).Partition.Records)
	require.Equal(t, []string{"c"}, records)
	s.sent(3)
}

func TestStreamReadsCommittedRecordsOnly(t *testing.T) {
	s := newStreamTest(t, Options{SPUs: 2, CommitAll: true})
	require.NoError(t, s.cl.CreateTopicWith("r", TopicOptions{Replication: 2}))
	leader, err := s.cl.Leader("r", 0)
	require.NoError(t, err)
	follower := 2*firstSPU + 1 - leader
	p := dialSPU(t, s.cl, int(leader-firstSPU))
	p.produce("r", "a")
	require.NoError(t, s.cl.StopSPU(follower))
	p.produce("r", "b")
	open := func(isolation uint8) int32 {
		return p.send(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: "r", MaxBytes: plenty, Isolation: isolation})
	}
	committed := open(wire.FetchReadCommitted)
	f := p.frame(committed)
	_, records := values(t, f.Partition.Records)
	require.Equal(t, []string{"a"}, records)
	require.Equal(t, int64(1), f.Partition.HighWatermark)
	_, records = values(t, p.frame(open(wire.FetchReadUncommitted)).Partition.Records)
	require.Equal(t, []string{"a", "b"}, records)
	code := p.ackStream(1, 1)
	require.True(t, code.Ok())
	require.NoError(t, s.cl.StartSPU(follower)) // it catches up and the high watermark moves
	_, records = values(t, p.frame(committed).Partition.Records)
	require.Equal(t, []string{"b"}, records)
}

func TestStreamWithSmartModules(t *testing.T) {
	s := newStreamTest(t, Options{})
	s.produce("s", "a")
	open := func(m wire.SmartModuleInvocation) int32 {
		m.Kind.Tag = wire.KindGeneric
		return s.send(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: "s", MaxBytes: plenty, SmartModules: []wire.SmartModuleInvocation{m}})
	}
	code := s.failed(open(wire.SmartModuleInvocation{Name: "upper"}), 1, fluvioerr.ServerSmartModuleNotFound)
	require.Equal(t, "upper", code.Payload.Text())
	s.failed(open(wire.SmartModuleInvocation{AdHoc: &[]byte{1}}), 2, serverModuleInvalid)
	s.data(s.stream("s", 0, plenty), 3, 0, "a") // the connection stays usable
}

func TestStreamsShareAConnection(t *testing.T) {
	s := newStreamTest(t, Options{})
	require.NoError(t, s.cl.CreateTopic("second", 1))
	first, second := s.stream("s", 0, plenty), s.stream("second", 0, plenty)
	s.produce("second", "2")
	s.produce("s", "1")
	s.data(second, 2, 0, "2")
	s.data(first, 1, 0, "1")
}
