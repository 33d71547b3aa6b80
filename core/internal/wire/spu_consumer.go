package wire

// ConsumerOffsetTopic is the system topic that holds what consumers have stored. Delete and Fetch of consumer offsets go
// to the leader of its partition 0, anybody else answers PartitionNotLeader.
const ConsumerOffsetTopic = "consumer-offset"

// UpdateConsumerOffsetRequest, key 1006, stores how far a consumer has come. It must go over the connection of the stream,
// which was opened with a consumer id.
type UpdateConsumerOffsetRequest struct {
	Offset    int64  // of the last record processed: consumption goes on with the next one
	SessionID uint32 // the stream's id
}

// Wire walks the request.
func (m *UpdateConsumerOffsetRequest) Wire(c *Codec) { c.I64(&m.Offset); c.U32(&m.SessionID) }

// UpdateConsumerOffsetResponse repeats the offset.
type UpdateConsumerOffsetResponse struct {
	Offset int64 // 0 on errors
	Error  ErrorCode
}

// Wire walks the response.
func (m *UpdateConsumerOffsetResponse) Wire(c *Codec) { c.I64(&m.Offset); m.Error.Wire(c) }

// DeleteConsumerOffsetRequest, key 1007, forgets what a consumer stored for a partition. There being nothing is success.
type DeleteConsumerOffsetRequest struct {
	Topic      string
	Partition  uint32
	ConsumerID string
}

// Wire walks the request.
func (m *DeleteConsumerOffsetRequest) Wire(c *Codec) {
	c.String(&m.Topic)
	c.U32(&m.Partition)
	c.String(&m.ConsumerID)
}

// DeleteConsumerOffsetResponse is an error code.
type DeleteConsumerOffsetResponse struct{ Error ErrorCode }

// Wire walks the response.
func (m *DeleteConsumerOffsetResponse) Wire(c *Codec) { m.Error.Wire(c) }

// FetchConsumerOffsetsRequest, key 1008, asks for stored offsets. Servers before platform 0.17.2 know no filter and answer
// with all, so the caller has to filter again.
type FetchConsumerOffsetsRequest struct {
	Filter *ConsumerFilter // since 24; nil: all
}

// ConsumerFilter is what must fit; what is nil fits everything.
type ConsumerFilter struct {
	Replica    *ConsumerReplica
	ConsumerID *string
}

// ConsumerReplica is a partition of a topic.
type ConsumerReplica struct {
	Topic     string
	Partition uint32
}

// Wire walks the request.
func (m *FetchConsumerOffsetsRequest) Wire(c *Codec) {
	if c.Since(24) {
		Opt(c, &m.Filter, func(c *Codec, f *ConsumerFilter) {
			Opt(c, &f.Replica, func(c *Codec, r *ConsumerReplica) { c.String(&r.Topic); c.U32(&r.Partition) })
			c.OptString(&f.ConsumerID)
		})
	}
}

// FetchConsumerOffsetsResponse lists what is stored. Servers from platform 0.17.0 on leave deleted partitions out.
type FetchConsumerOffsetsResponse struct {
	Error     ErrorCode
	Consumers []ConsumerOffset
}

// ConsumerOffset is how far a consumer has come in a partition.
type ConsumerOffset struct {
	ConsumerID   string
	Topic        string
	Partition    uint32
	Offset       int64  // of the last record processed
	ModifiedTime uint64 // seconds since the epoch, by the SPU's clock
}

// Matches says whether the filter lets an offset pass; a nil filter lets everything pass.
func (f *ConsumerFilter) Matches(o *ConsumerOffset) bool {
	return f == nil ||
		(f.Replica == nil || f.Replica.Topic == o.Topic && f.Replica.Partition == o.Partition) &&
			(f.ConsumerID == nil || *f.ConsumerID == o.ConsumerID)
}

// Wire walks the response.
func (m *FetchConsumerOffsetsResponse) Wire(c *Codec) {
	m.Error.Wire(c)
	Vec(c, &m.Consumers, 24, func(c *Codec, o *ConsumerOffset) {
		c.String(&o.ConsumerID)
		c.String(&o.Topic)
		c.U32(&o.Partition)
		c.I64(&o.Offset)
		c.U64(&o.ModifiedTime)
	})
}
