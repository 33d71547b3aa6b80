package devcluster

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come. It bounds a hang and is no measure.
const patience = 60 * time.Second

// startCluster starts a cluster that ends with the test.
func startCluster(t testing.TB, o Options) *Cluster {
	t.Helper()
	cl, err := Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cl.Close()) })
	return cl
}

// peer is a raw client: it writes frames and sorts what comes back by correlation id.
type peer struct {
	t    testing.TB
	nc   net.Conn
	role wire.Role
	next int32

	mu     sync.Mutex
	inbox  map[int32]chan []byte
	closed chan struct{} // the server hung up
	ended  chan struct{}
}

func dial(t testing.TB, role wire.Role, addr string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	p := &peer{t: t, nc: nc, role: role, inbox: map[int32]chan []byte{}, closed: make(chan struct{}), ended: make(chan struct{})}
	go p.read()
	t.Cleanup(func() {
		nc.Close()
		<-p.ended
	})
	return p
}

// dialSC and dialSPU connect to a server of the cluster.
func dialSC(t testing.TB, cl *Cluster) *peer { return dial(t, wire.SC, cl.Endpoint()) }

func dialSPU(t testing.TB, cl *Cluster, i int) *peer { return dial(t, wire.SPU, cl.SPUEndpoints()[i]) }

func (p *peer) read() {
	defer close(p.ended)
	defer close(p.closed)
	for {
		msg, err := wire.ReadFrame(p.nc, wire.DefaultMaxFrame, nil)
		if err != nil {
			return
		}
		p.box(int32(binary.BigEndian.Uint32(msg))) <- msg
	}
}

// box holds up to as many messages as a test may leave unread.
func (p *peer) box(id int32) chan []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inbox[id] == nil {
		p.inbox[id] = make(chan []byte, 4096)
	}
	return p.inbox[id]
}

// write sends a message that lacks its length only.
func (p *peer) write(msg []byte) {
	p.t.Helper()
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(msg)))
	_, err := p.nc.Write(append(frame, msg...))
	require.NoError(p.t, err)
}

// send sends a request and returns its correlation id.
func (p *peer) send(key uint16, version int16, m wire.Message) int32 {
	p.t.Helper()
	p.next++
	frame, err := wire.AppendRequest(nil, &wire.RequestHeader{APIKey: key, APIVersion: version, CorrelationID: p.next, ClientID: "test"}, m)
	require.NoError(p.t, err)
	_, err = p.nc.Write(frame)
	require.NoError(p.t, err)
	return p.next
}

// message waits for the next message with a correlation id, its header included.
func (p *peer) message(id int32) []byte {
	p.t.Helper()
	select {
	case msg := <-p.box(id):
		return msg
	default:
	}
	select {
	case msg := <-p.box(id):
		return msg
	case <-p.closed:
		select {
		case msg := <-p.box(id):
			return msg
		default:
		}
		require.FailNow(p.t, "the server hung up", "while an answer to %d was awaited", id)
	case <-time.After(patience):
		require.FailNow(p.t, "no answer", "to %d", id)
	}
	return nil
}

// receive decodes the next message with a correlation id.
func (p *peer) receive(id int32, version int16, into wire.Message) {
	p.t.Helper()
	_, body, err := wire.SplitResponse(p.message(id))
	require.NoError(p.t, err)
	n, err := wire.Decode(body, version, into)
	require.NoError(p.t, err)
	require.Equal(p.t, len(body), n, "bytes left over")
}

// call sends a request and decodes its answer.
func (p *peer) call(key uint16, version int16, m, into wire.Message) {
	p.t.Helper()
	p.receive(p.send(key, version, m), version, into)
}

// awaitHangUp waits until the server closes the connection.
func (p *peer) awaitHangUp() {
	p.t.Helper()
	select {
	case <-p.closed:
	case <-time.After(patience):
		require.FailNow(p.t, "the server did not hang up")
	}
}

// batch builds an uncompressed batch of records without keys.
func batch(values ...string) []byte { return batchOf(wire.CompressionNone, values...) }

// batchOf marks a batch with a codec without compressing: servers must not look.
func batchOf(codec int, values ...string) []byte {
	b := make([]byte, wire.BatchHeaderSize)
	b = binary.BigEndian.AppendUint32(b, uint32(len(values)))
	for i, v := range values {
		b = wire.AppendRecord(b, 0, int64(i), false, nil, []byte(v))
	}
	h := wire.NewBatchHeader(codec, len(values), 1700000000000, 1700000000000)
	wire.SealBatch(b, &h)
	return b
}

// produceTo writes record sets to partitions of one topic and returns the answers in their order.
func (p *peer) produceTo(topic string, isolation int16, timeoutMS int32, parts ...wire.ProducePartition) []wire.ProducePartitionResponse {
	p.t.Helper()
	var resp wire.ProduceResponse
	p.call(wire.KeyProduce, 25, &wire.ProduceRequest{Isolation: isolation, TimeoutMS: timeoutMS,
		Topics: []wire.ProduceTopic{{Name: topic, Partitions: parts}}}, &resp)
	require.Len(p.t, resp.Topics, 1)
	require.Equal(p.t, topic, resp.Topics[0].Name)
	require.Len(p.t, resp.Topics[0].Partitions, len(parts))
	return resp.Topics[0].Partitions
}

// produce writes values as one batch to partition 0 and returns its base offset.
func (p *peer) produce(topic string, values ...string) int64 {
	p.t.Helper()
	out := p.produceTo(topic, wire.ProduceReadUncommitted, 1000, wire.ProducePartition{Records: batch(values...)})[0]
	require.True(p.t, out.Error.Ok(), "%v", out.Error.Code)
	return out.BaseOffset
}

// stream opens a stream of partition 0 from an offset.
func (p *peer) stream(topic string, from int64, maxBytes int32) int32 {
	p.t.Helper()
	return p.send(wire.KeyStreamFetch, 25, &wire.StreamFetchRequest{Topic: topic, FetchOffset: from, MaxBytes: maxBytes})
}

// frame waits for the next frame of a stream.
func (p *peer) frame(id int32) *wire.StreamFetchResponse {
	p.t.Helper()
	var m wire.StreamFetchResponse
	p.receive(id, 25, &m)
	return &m
}

// ackStream acknowledges and returns the code of the answer.
func (p *peer) ackStream(session uint32, offset int64) wire.ErrorCode {
	p.t.Helper()
	var resp wire.UpdateOffsetsResponse
	p.call(wire.KeyUpdateOffsets, 0, &wire.UpdateOffsetsRequest{Offsets: []wire.OffsetUpdate{{Offset: offset, SessionID: session}}}, &resp)
	require.Len(p.t, resp.Status, 1)
	require.Equal(p.t, session, resp.Status[0].SessionID)
	return resp.Status[0].Error
}

// values decodes the records of whole batches and returns them with their first offset; what was cut off is ignored.
func values(t testing.TB, records []byte) (base int64, out []string) {
	t.Helper()
	base = -1
	for {
		h, b, rest, _, ok, err := wire.NextBatch(records)
		require.NoError(t, err)
		if !ok {
			return base, out
		}
		require.NoError(t, wire.VerifyBatch(b, &h))
		if base < 0 {
			base = h.BaseOffset
		}
		r, err := wire.NewRecordReader(b[h.HeaderSize():])
		require.NoError(t, err)
		var rec wire.Record
		for {
			more, err := r.Next(&rec)
			require.NoError(t, err)
			if !more {
				break
			}
			out = append(out, string(rec.Value))
		}
		records = rest
	}
}

// eventually polls a condition of the cluster that changes without a message to wait for.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 5*time.Millisecond, what)
}

func mustDial(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	return nc
}
