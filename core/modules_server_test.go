package fluvio_test

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// module does to a record what a SmartModule would: it gives what comes out, or why it fails.
type module func(offset int64, key, value []byte) (out [][]byte, failure string)

// moduleServer stands between a client and the SPUs of a dev cluster and is told by a test what modules do: it takes the chain
// out of requests and does the module's work itself, by the rules of SPUs. It can cut connections where it hurts.
type moduleServer struct {
	t   *testing.T
	dev *devcluster.Cluster
	run module // for every chain

	mu       sync.Mutex
	produced []wire.SmartModules                  // guarded by mu: of Produce requests
	streamed []wire.SmartModules                  // guarded by mu: of StreamFetch requests
	answer   func(*wire.ProducePartitionResponse) // guarded by mu: changes the answers to Produce; may be nil
	swell    int                                  // guarded by mu: records to add to each batch that is produced
	conns    map[*moduleConn]bool                 // guarded by mu
	work     sync.WaitGroup
}

func newModuleServer(t *testing.T, o devcluster.Options, run module) *moduleServer {
	m := &moduleServer{t: t, dev: startCluster(t, o), run: run, conns: map[*moduleConn]bool{}}
	t.Cleanup(func() { m.cut(); m.work.Wait() })
	return m
}

// connect opens a client whose SPU connections go through the server. change may be nil.
func (m *moduleServer) connect(change func(*fluvio.ClientOptions)) *fluvio.Client {
	o := fluvio.ClientOptions{Endpoint: m.dev.Endpoint(), DialContext: m.dial}
	if change != nil {
		change(&o)
	}
	client, err := fluvio.Connect(testContext(m.t), o)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { require.NoError(m.t, client.Close(testContext(m.t))) })
	return client
}

func (m *moduleServer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	spu, err := d.DialContext(ctx, network, addr)
	if err != nil || addr == m.dev.Endpoint() {
		return spu, err
	}
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer here.Close()
	client, err := d.DialContext(ctx, network, here.Addr().String())
	if err != nil {
		return nil, err
	}
	server, err := here.Accept()
	if err != nil {
		return nil, err
	}
	c := &moduleConn{server: m, client: server, spu: spu, calls: map[int32]*moduleCall{}}
	m.mu.Lock()
	m.conns[c] = true
	m.work.Add(2)
	m.mu.Unlock()
	go c.relay(c.client, c.request)
	go c.relay(c.spu, c.response)
	return client, nil
}

// cut ends the connections that there are.
func (m *moduleServer) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		c.client.Close()
		c.spu.Close()
		delete(m.conns, c)
	}
}

// streams gives the chains of the StreamFetch requests so far.
func (m *moduleServer) streams() []wire.SmartModules {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.streamed)
}

// moduleConn is a connection to an SPU.
type moduleConn struct {
	server      *moduleServer
	client, spu net.Conn

	mu    sync.Mutex
	calls map[int32]*moduleCall // guarded by mu: by correlation id; those not named pass
	own   int32                 // guarded by mu: the latest id of a request of the server's own, negative
}

// moduleCall is a request whose answers are changed.
type moduleCall struct {
	api     uint16
	version int16
}

// relay hands over what comes from a connection. handle gives the frame to pass on, nil for nothing.
func (c *moduleConn) relay(from net.Conn, handle func(msg []byte) []byte) {
	defer c.server.work.Done()
	defer c.client.Close()
	defer c.spu.Close()
	to := c.spu
	if from == c.spu {
		to = c.client
	}
	for {
		msg, err := wire.ReadFrame(from, wire.DefaultMaxFrame, nil)
		if err != nil {
			return
		}
		if out := handle(msg); out != nil {
			if _, err := to.Write(out); err != nil {
				return
			}
		}
	}
}

// framed puts the length back in front of a message.
func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(msg))), msg...)
}

// must says that the server understands its own messages.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (c *moduleConn) request(msg []byte) []byte {
	h, body, err := wire.DecodeRequestHeader(msg)
	if err != nil {
		panic(err)
	}
	switch h.APIKey {
	case wire.KeyProduce:
		var m wire.ProduceRequest
		must(wire.Decode(body, h.APIVersion, &m))
		c.note(&h, &c.server.produced, &m.SmartModules)
		c.server.mu.Lock()
		for i := range m.Topics[0].Partitions {
			p := &m.Topics[0].Partitions[i]
			p.Records = swollen(p.Records, c.server.swell)
		}
		c.server.mu.Unlock()
		return must(wire.AppendRequest(nil, &h, &m))
	case wire.KeyStreamFetch:
		var m wire.StreamFetchRequest
		must(wire.Decode(body, h.APIVersion, &m))
		c.note(&h, &c.server.streamed, &m.SmartModules)
		return must(wire.AppendRequest(nil, &h, &m))
	}
	return framed(msg)
}

// note takes the chain out of a request.
func (c *moduleConn) note(h *wire.RequestHeader, to *[]wire.SmartModules, chain *wire.SmartModules) {
	c.server.mu.Lock()
	*to = append(*to, *chain)
	c.server.mu.Unlock()
	if len(*chain) > 0 {
		c.mu.Lock()
		c.calls[h.CorrelationID] = &moduleCall{h.APIKey, h.APIVersion}
		c.mu.Unlock()
		*chain = nil
	}
}

func (c *moduleConn) response(msg []byte) []byte {
	id, body, err := wire.SplitResponse(msg)
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	call := c.calls[id]
	c.mu.Unlock()
	switch {
	case id < 0: // to a request of the server's own
		return nil
	case call == nil:
		return framed(msg)
	case call.api == wire.KeyProduce:
		var m wire.ProduceResponse
		must(wire.Decode(body, call.version, &m))
		c.server.mu.Lock()
		if c.server.answer != nil {
			for i := range m.Topics[0].Partitions {
				c.server.answer(&m.Topics[0].Partitions[i])
			}
		}
		c.server.mu.Unlock()
		return must(wire.AppendResponse(nil, id, call.version, &m))
	}
	var m wire.StreamFetchResponse
	must(wire.Decode(body, call.version, &m))
	if next := c.server.process(&m.Partition); next >= 0 { // nothing came out: the SPU goes on by itself
		c.mu.Lock()
		c.own--
		h := wire.RequestHeader{APIKey: wire.KeyUpdateOffsets, CorrelationID: c.own}
		c.mu.Unlock()
		ack := &wire.UpdateOffsetsRequest{Offsets: []wire.OffsetUpdate{{Offset: next, SessionID: m.StreamID}}}
		_, _ = c.spu.Write(must(wire.AppendRequest(nil, &h, ack)))
		return nil
	}
	return must(wire.AppendResponse(nil, id, call.version, &m))
}

// process runs the records of a frame through the module. When nothing comes of it, it gives the offset to go on from.
func (m *moduleServer) process(p *wire.FetchPartitionResponse) (next int64) {
	if len(p.Records) == 0 {
		return -1
	}
	base, section, count := int64(-1), make([]byte, wire.BatchHeaderSize+wire.RecordCountSize), 0
	for rest := p.Records; len(rest) > 0 && p.Error.Ok(); {
		h, batch, after, _, ok, err := wire.NextBatch(rest)
		if err != nil {
			panic(err)
		}
		if !ok {
			break
		}
		rest, next = after, h.NextOffset()
		r := must(wire.NewRecordReader(batch[h.HeaderSize():]))
		var rec wire.Record
		for offset := h.BaseOffset; must(r.Next(&rec)); offset++ {
			out, failure := m.run(offset, rec.Key, rec.Value)
			if strings.HasPrefix(failure, "smartmodule chain failed: ") {
				p.Error = wire.Errorf("%s", failure)
				break
			}
			if failure != "" {
				p.Error = wire.ErrorCode{Code: fluvioerr.ServerSmartModuleRuntime, Payload: &wire.RuntimePayload{Hint: failure, Offset: offset, Kind: 4, Value: rec.Value}}
				break
			}
			for _, value := range out {
				if base < 0 {
					base = h.BaseOffset
				}
				section = wire.AppendRecord(section, 0, int64(count), rec.HasKey, rec.Key, value)
				count++
			}
		}
	}
	if count == 0 && p.Error.Ok() {
		return next
	}
	h := wire.NewBatchHeader(wire.CompressionNone, int(next-base), -1, -1)
	p.NextFilterOffset = next
	if count == 0 {
		h, base = wire.NewBatchHeader(wire.CompressionNone, 0, -1, -1), -1
		p.NextFilterOffset = p.HighWatermark
	}
	binary.BigEndian.PutUint32(section[wire.BatchHeaderSize:], uint32(count))
	wire.SealBatch(section, &h)
	binary.BigEndian.PutUint64(section, uint64(base))
	p.Records = section
	return -1
}

// swollen adds records to a batch, which keeps the number of its offsets.
func swollen(batch []byte, records int) []byte {
	h := must(wire.DecodeBatchHeader(batch))
	out := slices.Clone(batch)
	for range records {
		out = wire.AppendRecord(out, 0, 0, false, nil, []byte("more"))
	}
	at := out[wire.BatchHeaderSize:]
	binary.BigEndian.PutUint32(at, binary.BigEndian.Uint32(at)+uint32(records))
	wire.SealBatch(out, &h)
	return out
}
