package devcluster

import (
	"encoding/binary"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// spuProduce stores record sets. It looks at batch headers only, unless there are SmartModules; compressed batches stay as they are.
var spuProduce = api{
	key: wire.KeyProduce, name: "Produce", canFail: true,
	request: func() wire.Message { return &wire.ProduceRequest{} },
	targets: func(m wire.Message) (out []target) {
		for _, t := range m.(*wire.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				out = append(out, target{t.Name, int32(p.Partition)})
			}
		}
		return out
	},
	serve: func(r *request) error {
		c, m := r.conn, r.msg.(*wire.ProduceRequest)
		if m.TimeoutMS < 0 {
			return errHangUp
		}
		resp := &wire.ProduceResponse{Topics: make([]wire.ProduceTopicResponse, len(m.Topics))}
		var waits []pendingCommit
		for i := range m.Topics {
			t := &m.Topics[i]
			resp.Topics[i] = wire.ProduceTopicResponse{Name: t.Name, Partitions: make([]wire.ProducePartitionResponse, len(t.Partitions))}
			for j := range t.Partitions {
				out := &resp.Topics[i].Partitions[j]
				out.Partition = t.Partitions[j].Partition
				at := target{t.Name, int32(out.Partition)}
				if code, refused := r.refusal(at); refused {
					out.Error = code
					continue
				}
				p, end := c.produce(r.header.APIVersion, t.Name, &t.Partitions[j], m.SmartModules, out)
				if p != nil && m.Isolation < 0 {
					waits = append(waits, pendingCommit{p, end, out})
				}
				if out.Error.Ok() { // a rule on the answer says that the request was carried out
					out.Error = r.verdict(at, out.Error)
				}
			}
		}
		timeout := time.Duration(m.TimeoutMS) * time.Millisecond
		for _, w := range waits {
			if !w.p.awaitHW(w.end, timeout, c.done) {
				w.out.Error = wire.ErrorCode{Code: fluvioerr.ServerRequestTimedOut, Payload: &wire.TimeoutPayload{TimeoutMS: uint64(m.TimeoutMS)}}
			}
		}
		return r.reply(resp)
	},
}

// pendingCommit is a write whose answer waits for the high watermark.
type pendingCommit struct {
	p   *partition
	end int64
	out *wire.ProducePartitionResponse
}

// produce stores one record set and fills in its answer. When something was written, it returns the partition and the
// offset after it.
func (c *conn) produce(version int16, topic string, in *wire.ProducePartition, modules wire.SmartModules, out *wire.ProducePartitionResponse) (*partition, int64) {
	cl, spu := c.srv.cl, c.srv.id
	p := cl.partition(topic, in.Partition)
	if p == nil {
		out.Error.Code = fluvioerr.ServerNotLeader
		return nil, 0
	}
	if _, leads := p.leads(spu); !leads {
		out.Error.Code = fluvioerr.ServerNotLeader
		return nil, 0
	}
	if out.Error.Code = p.refusesProducers(); out.Error.Code != 0 {
		return nil, 0
	}
	set, headers := wholeBatches(in.Records)
	if len(modules) > 0 {
		steps, code := cl.steps(modules)
		if code.Ok() {
			set, code = c.transform(p, version, steps, set, headers)
		}
		if out.Error = code; !code.Ok() {
			return nil, 0
		}
		set, headers = wholeBatches(set)
	}
	if len(headers) == 0 {
		return nil, 0
	}
	for i := range headers {
		if !codecAllowed(p.spec.Compression, headers[i].Compression()) {
			out.Error.Code = fluvioerr.ServerCompression
			return nil, 0
		}
	}
	for i := range headers {
		if headers[i].Size() > cl.opts.MaxBatchBytes {
			out.Error.Code = fluvioerr.ServerMessageTooLarge
			return nil, 0
		}
	}
	reseal(set, headers)
	base, next, code := p.append(spu, set, headers)
	if code != 0 {
		out.Error.Code = code
		return nil, 0
	}
	out.BaseOffset = base
	return p, next
}

// wholeBatches gives the batches of a record set that hold records, and the bytes that are exactly these. A malformed or
// cut-off batch is dropped with everything behind it, without an error: that is what SPUs do.
func wholeBatches(records []byte) (set []byte, headers []wire.BatchHeader) {
	rest, end, pos := records, 0, 0
	for len(rest) > 0 {
		h, batch, after, _, ok, err := wire.NextBatch(rest)
		if err != nil || !ok || h.LastOffsetDelta < -1 {
			break
		}
		if h.LastOffsetDelta >= 0 {
			if pos != end { // a batch without records was left out before this one
				copy(records[end:], batch)
			}
			end += len(batch)
			headers = append(headers, h)
		}
		pos += len(batch)
		rest = after
	}
	return records[:end], headers
}

// Positions in a batch: of the checksum, and of what it is about, which goes on to the batch's end.
const (
	crcAt   = 17
	checked = 21
)

// reseal gives every batch a fresh checksum, as SPUs do because they encode the header anew. A wrong one from a producer
// is repaired without a word.
func reseal(set []byte, headers []wire.BatchHeader) {
	for i := range headers {
		size := headers[i].Size()
		binary.BigEndian.PutUint32(set[crcAt:], wire.Checksum(set[checked:size]))
		set = set[size:]
	}
}

// codecAllowed compares the codec of a batch with a topic's setting; the two number differently.
func codecAllowed(setting uint8, codec int) bool {
	if codec > wire.CompressionZstd {
		return false
	}
	switch setting {
	case wire.TopicCompressionAny:
		return true
	case wire.TopicCompressionZstd:
		return codec == wire.CompressionZstd
	}
	return codec == int(setting)
}

// refusesProducers is the code for writing to a partition that a mirror writes to, 0 for all others.
func (p *partition) refusesProducers() fluvioerr.ServerCode {
	switch m := p.mirror; {
	case m == nil:
	case m.Kind == wire.MirrorHome && !m.Home.Source:
		return serverMirrorProduceHome
	case m.Kind == wire.MirrorRemote && m.Target:
		return serverMirrorProduceTarget
	}
	return 0
}
