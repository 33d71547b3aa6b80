package wire

// Isolation of a Produce request (i16).
const (
	ProduceReadUncommitted int16 = 1  // answer when the leader has written
	ProduceReadCommitted   int16 = -1 // answer when the high watermark has passed
)

// Isolation of a StreamFetch or Fetch request (u8).
const (
	FetchReadUncommitted uint8 = 0 // up to the log end offset
	FetchReadCommitted   uint8 = 1 // up to the high watermark
)

// ProduceRequest, key 0. The official client sends one partition entry per batch; so does libfluvio, so that every batch
// gets its own answer.
type ProduceRequest struct {
	TransactionalID *string
	Isolation       int16
	TimeoutMS       int32 // wait for the high watermark, per partition; negative closes the connection
	Topics          []ProduceTopic
	SmartModules    SmartModules
}

// ProduceTopic is the part of a ProduceRequest for one topic.
type ProduceTopic struct {
	Name       string
	Partitions []ProducePartition
}

// ProducePartition is a record set for one partition: whole batches back to back.
type ProducePartition struct {
	Partition uint32
	Records   []byte
}

// Wire walks the request.
func (m *ProduceRequest) Wire(c *Codec) {
	c.OptString(&m.TransactionalID)
	c.I16(&m.Isolation)
	c.I32(&m.TimeoutMS)
	Vec(c, &m.Topics, 6, func(c *Codec, t *ProduceTopic) {
		c.String(&t.Name)
		Vec(c, &t.Partitions, 8, func(c *Codec, p *ProducePartition) {
			c.U32(&p.Partition)
			c.Bytes(&p.Records)
		})
	})
	m.SmartModules.Wire(c)
}

// ProduceResponse has one entry per entry of the request, in the same order.
type ProduceResponse struct {
	Topics         []ProduceTopicResponse
	ThrottleTimeMS int32
}

// ProduceTopicResponse is the part of a ProduceResponse for one topic.
type ProduceTopicResponse struct {
	Name       string
	Partitions []ProducePartitionResponse
}

// ProducePartitionResponse says where a record set was stored.
type ProducePartitionResponse struct {
	Partition       uint32
	Error           ErrorCode
	BaseOffset      int64 // offset of the first record
	LogAppendTimeMS int64
	LogStartOffset  int64
}

// Wire walks the response.
func (m *ProduceResponse) Wire(c *Codec) {
	Vec(c, &m.Topics, 6, func(c *Codec, t *ProduceTopicResponse) {
		c.String(&t.Name)
		Vec(c, &t.Partitions, 14, func(c *Codec, p *ProducePartitionResponse) {
			c.U32(&p.Partition)
			p.Error.Wire(c)
			c.I64(&p.BaseOffset)
			if c.Since(2) {
				c.I64(&p.LogAppendTimeMS)
			}
			if c.Since(5) {
				c.I64(&p.LogStartOffset)
			}
		})
	})
	if c.Since(1) {
		c.I32(&m.ThrottleTimeMS)
	}
}

// SmartModuleInvocation names or carries a module for a stream or a produce request.
type SmartModuleInvocation struct {
	Name    string  // predefined: the name in the cluster; empty when AdHoc is set
	AdHoc   *[]byte // gzip-compressed WebAssembly
	Kind    SmartModuleKind
	Params  []MapEntry[string, string]
	Look    *Lookback
	Display *string // since 25: a name for metrics
}

// SmartModuleKind is the u8 tag of an invocation and its payload.
type SmartModuleKind struct {
	Tag         uint8
	Context     uint8  // tag 7: 0 none, 1 aggregate, 2 join, 3 join stream
	Accumulator []byte // aggregates: the initial value
	Text, Text2 string // the dead join kinds
}

// Lookback asks the SPU to feed earlier records to the module first.
type Lookback struct {
	Last uint64
	Age  *Duration // since 21
}

// Wire walks the lookback.
func (l *Lookback) Wire(c *Codec) {
	c.U64(&l.Last)
	if c.Since(sinceLookbackAge) {
		Opt(c, &l.Age, func(c *Codec, d *Duration) { d.Wire(c) })
	}
}

// Duration is u64 seconds and u32 nanoseconds.
type Duration struct {
	Seconds uint64
	Nanos   uint32
}

// Wire walks the duration.
func (d *Duration) Wire(c *Codec) { c.U64(&d.Seconds); c.U32(&d.Nanos) }

func (c *Codec) invocation(m *SmartModuleInvocation) {
	tag := uint8(0)
	if m.AdHoc != nil {
		tag = 1
	}
	c.U8(&tag)
	switch tag {
	case 0:
		c.String(&m.Name)
	case 1:
		if m.AdHoc == nil {
			m.AdHoc = new([]byte)
		}
		c.Bytes(m.AdHoc)
	default:
		c.Fail("SmartModule source %d is unknown", tag)
	}
	m.Kind.wire(c)
	Map(c, &m.Params, 4, (*Codec).String, (*Codec).String)
	if c.Since(sinceLookback) {
		Opt(c, &m.Look, func(c *Codec, l *Lookback) { l.Wire(c) })
	}
	if c.Since(25) {
		c.OptString(&m.Display)
	}
}

func (k *SmartModuleKind) wire(c *Codec) {
	c.U8(&k.Tag)
	switch k.Tag {
	case KindFilter, KindMap, KindArrayMap, KindFilterMap:
	case KindAggregate:
		c.Bytes(&k.Accumulator)
	case 5:
		c.String(&k.Text)
	case 6:
		c.String(&k.Text)
		c.String(&k.Text2)
	case KindGeneric:
		c.U8(&k.Context)
		switch k.Context {
		case 0:
		case ContextAggregate:
			c.Bytes(&k.Accumulator)
		case 2:
			c.String(&k.Text)
		case 3:
			c.String(&k.Text)
			c.String(&k.Text2)
		default:
			c.Fail("SmartModule context %d is unknown", k.Context)
		}
	default:
		c.Fail("SmartModule kind %d is unknown", k.Tag)
	}
}

// StreamFetchRequest, key 1003, opens a stream of one partition. Versions from 19 on; older layouts differ between servers.
type StreamFetchRequest struct {
	Topic        string
	Partition    uint32
	FetchOffset  int64 // absolute
	MaxBytes     int32 // where the server cuts a frame
	Isolation    uint8
	SmartModules SmartModules
	ConsumerID   *string // since 23: needed to store offsets through this stream
}

// Wire walks the request.
func (m *StreamFetchRequest) Wire(c *Codec) {
	c.String(&m.Topic)
	c.U32(&m.Partition)
	c.I64(&m.FetchOffset)
	c.I32(&m.MaxBytes)
	c.U8(&m.Isolation)
	m.SmartModules.Wire(c)
	if c.Since(23) {
		c.OptString(&m.ConsumerID)
	}
}

// StreamFetchResponse is one frame of a stream.
type StreamFetchResponse struct {
	Topic     string
	StreamID  uint32 // the session id to acknowledge with
	Partition FetchPartitionResponse
}

// FetchPartitionResponse is what a stream frame or a Fetch answer says of one partition.
type FetchPartitionResponse struct {
	Partition        uint32
	Error            ErrorCode
	HighWatermark    int64
	NextFilterOffset int64 // > 0 only on frames that went through SmartModules
	LogStartOffset   int64
	Aborted          *[]AbortedTransaction
	Records          []byte // whole batches, the last one possibly cut off
}

// AbortedTransaction is never sent by Fluvio, but has its place on the wire.
type AbortedTransaction struct{ ProducerID, FirstOffset int64 }

// Wire walks the frame.
func (m *StreamFetchResponse) Wire(c *Codec) {
	c.String(&m.Topic)
	c.U32(&m.StreamID)
	m.Partition.wire(c)
}

func (p *FetchPartitionResponse) wire(c *Codec) {
	c.U32(&p.Partition)
	p.Error.Wire(c)
	c.I64(&p.HighWatermark)
	if c.Since(11) {
		c.I64(&p.NextFilterOffset)
	}
	c.I64(&p.LogStartOffset)
	Opt(c, &p.Aborted, func(c *Codec, v *[]AbortedTransaction) {
		Vec(c, v, 16, func(c *Codec, a *AbortedTransaction) { c.I64(&a.ProducerID); c.I64(&a.FirstOffset) })
	})
	c.Bytes(&p.Records)
}

// UpdateOffsetsRequest, key 1005, acknowledges streams: each Offset is the position to read from next. It must go over
// the connection of the streams.
type UpdateOffsetsRequest struct {
	Offsets []OffsetUpdate
}

// OffsetUpdate is the credit for one stream.
type OffsetUpdate struct {
	Offset    int64
	SessionID uint32
}

// Wire walks the request.
func (m *UpdateOffsetsRequest) Wire(c *Codec) {
	Vec(c, &m.Offsets, 12, func(c *Codec, o *OffsetUpdate) { c.I64(&o.Offset); c.U32(&o.SessionID) })
}

// UpdateOffsetsResponse answers in the order of the request.
type UpdateOffsetsResponse struct {
	Status []OffsetUpdateStatus
}

// OffsetUpdateStatus is FetchSessionNotFound when the id was never given on this connection. Success says nothing about
// whether the stream still lives.
type OffsetUpdateStatus struct {
	SessionID uint32
	Error     ErrorCode
}

// Wire walks the response.
func (m *UpdateOffsetsResponse) Wire(c *Codec) {
	Vec(c, &m.Status, 6, func(c *Codec, s *OffsetUpdateStatus) { c.U32(&s.SessionID); s.Error.Wire(c) })
}

// FetchOffsetsRequest, key 1002, asks a leader for the first and the last committed offset of its partitions.
type FetchOffsetsRequest struct {
	Topics     []FetchOffsetsTopic
	ConsumerID *string // exists at version 23 only; send none
}

// FetchOffsetsTopic names partitions of one topic.
type FetchOffsetsTopic struct {
	Name       string
	Partitions []uint32
}

// Wire walks the request.
func (m *FetchOffsetsRequest) Wire(c *Codec) {
	Vec(c, &m.Topics, 6, func(c *Codec, t *FetchOffsetsTopic) {
		c.String(&t.Name)
		Vec(c, &t.Partitions, 4, (*Codec).U32)
	})
	if c.Since(23) && c.Upto(23) {
		c.OptString(&m.ConsumerID)
	}
}

// FetchOffsetsResponse answers per topic and partition.
type FetchOffsetsResponse struct {
	Topics []FetchOffsetsTopicResponse
}

// FetchOffsetsTopicResponse is the part of the answer for one topic.
type FetchOffsetsTopicResponse struct {
	Name       string
	Partitions []FetchOffsetsPartition
}

// FetchOffsetsPartition: the error comes first, unlike everywhere else.
type FetchOffsetsPartition struct {
	Error            ErrorCode
	Partition        uint32
	StartOffset      int64 // first offset kept
	LastStableOffset int64 // the high watermark: the offset after the last committed record
}

// Wire walks the response.
func (m *FetchOffsetsResponse) Wire(c *Codec) {
	Vec(c, &m.Topics, 6, func(c *Codec, t *FetchOffsetsTopicResponse) {
		c.String(&t.Name)
		Vec(c, &t.Partitions, 22, func(c *Codec, p *FetchOffsetsPartition) {
			p.Error.Wire(c)
			c.U32(&p.Partition)
			c.I64(&p.StartOffset)
			c.I64(&p.LastStableOffset)
		})
	})
}
