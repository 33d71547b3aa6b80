package wire

// FetchRequest, key 1, reads what is there now, once: servers neither wait nor open a stream. Only the topics, their
// offsets, Isolation and MaxBytes have an effect.
type FetchRequest struct {
	MaxWaitMS int32
	MinBytes  int32
	MaxBytes  int32 // since 3; per partition
	Isolation uint8 // since 4
	Topics    []FetchTopic
	Forgotten []ForgottenTopic // since 7
}

// FetchTopic is the part of a FetchRequest for one topic.
type FetchTopic struct {
	Name       string
	Partitions []FetchPartition
}

// FetchPartition is where to read.
type FetchPartition struct {
	Partition      uint32
	LeaderEpoch    int32 // since 9
	FetchOffset    int64 // absolute
	LogStartOffset int64 // since 5
	MaxBytes       int32
}

// ForgottenTopic is without effect, but has its place on the wire.
type ForgottenTopic struct {
	Name       string
	Partitions []int32
}

// Wire walks the request.
func (m *FetchRequest) Wire(c *Codec) {
	c.I32(&m.MaxWaitMS)
	c.I32(&m.MinBytes)
	if c.Since(3) {
		c.I32(&m.MaxBytes)
	}
	if c.Since(4) {
		c.U8(&m.Isolation)
	}
	Vec(c, &m.Topics, 6, func(c *Codec, t *FetchTopic) {
		c.String(&t.Name)
		Vec(c, &t.Partitions, 16, (*Codec).fetchPartition)
	})
	if c.Since(7) {
		Vec(c, &m.Forgotten, 6, func(c *Codec, t *ForgottenTopic) { c.String(&t.Name); Vec(c, &t.Partitions, 4, (*Codec).I32) })
	}
}

func (c *Codec) fetchPartition(p *FetchPartition) {
	c.U32(&p.Partition)
	if c.Since(9) {
		c.I32(&p.LeaderEpoch)
	}
	c.I64(&p.FetchOffset)
	if c.Since(5) {
		c.I64(&p.LogStartOffset)
	}
	c.I32(&p.MaxBytes)
}

// FetchResponse answers per topic and partition. At the end of a log the records are empty and the error is none.
type FetchResponse struct {
	ThrottleTimeMS int32
	Error          ErrorCode // none; failures are the partitions'
	SessionID      int32     // 0: this is no stream
	Topics         []FetchTopicResponse
}

// FetchTopicResponse is the part of a FetchResponse for one topic.
type FetchTopicResponse struct {
	Name       string
	Partitions []FetchPartitionResponse
}

// Wire walks the response.
func (m *FetchResponse) Wire(c *Codec) {
	c.I32(&m.ThrottleTimeMS)
	m.Error.Wire(c)
	c.I32(&m.SessionID)
	Vec(c, &m.Topics, 6, func(c *Codec, t *FetchTopicResponse) {
		c.String(&t.Name)
		Vec(c, &t.Partitions, 27, func(c *Codec, p *FetchPartitionResponse) { p.wire(c) })
	})
}
