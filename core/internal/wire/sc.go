package wire

// Labels of the SC's objects, case sensitive. Bodies of Create, Delete, List, Watch and Update are an envelope: label,
// u32 length, object.
const (
	LabelTopic     = "Topic"
	LabelPartition = "Partition"
	LabelSPU       = "SPU"
)

// newObject gives an empty spec and status for a label, nil for the labels this package does not know.
func newObject(label string) (spec, status Message) {
	switch label {
	case LabelTopic:
		return &TopicSpec{}, &TopicStatus{}
	case LabelPartition:
		return &PartitionSpec{}, &PartitionStatus{}
	case LabelSPU:
		return &SPUSpec{}, &SPUStatus{}
	}
	return nil, nil
}

// Object is an object of the SC as List and Watch carry it: its key, what was asked for and what is. Spec and Status are
// *TopicSpec and *TopicStatus for LabelTopic, and so on.
type Object struct {
	Name   string
	Spec   Message
	Status Message
}

func (c *Codec) object(label string, o *Object) {
	c.String(&o.Name)
	if c.decoding {
		o.Spec, o.Status = newObject(label)
	}
	if o.Spec == nil || o.Status == nil {
		c.Fail("object type %q is unknown", label)
		return
	}
	o.Spec.Wire(c)
	o.Status.Wire(c)
}

// CreateRequest, key 1001. Decoding an unknown label leaves Spec nil without an error: the SC answers that with a Status.
type CreateRequest struct {
	Label   string
	Name    string
	DryRun  bool
	Timeout *uint32 // ms; servers honour it for SPU groups only
	Spec    Message
}

// Wire walks the request.
func (m *CreateRequest) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		if c.decoding {
			if m.Spec, _ = newObject(m.Label); m.Spec == nil {
				return
			}
		} else if m.Spec == nil {
			c.Fail("object type %q is unknown", m.Label)
			return
		}
		c.String(&m.Name)
		c.Bool(&m.DryRun)
		c.OptU32(&m.Timeout)
		m.Spec.Wire(c)
	})
}

// DeleteRequest, key 1002, for the labels whose key is a name.
type DeleteRequest struct {
	Label string
	Name  string
	Force bool // since 13; matters for system topics
}

// Wire walks the request.
func (m *DeleteRequest) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		if c.decoding {
			if spec, _ := newObject(m.Label); spec == nil {
				return
			}
		}
		c.String(&m.Name)
		if c.Since(13) {
			c.Bool(&m.Force)
		}
	})
}

// Status answers Create, Delete and Update. It has no envelope.
type Status struct {
	Name    string // usually the object's
	Error   ErrorCode
	Message *string
}

// Wire walks the status.
func (m *Status) Wire(c *Codec) {
	c.String(&m.Name)
	m.Error.Wire(c)
	c.OptString(&m.Message)
}

// ListRequest, key 1003. Filters match names as substrings, any of them; partitions are never filtered. An unknown label
// leaves Known false: the SC closes the connection on it.
type ListRequest struct {
	Label   string
	Filters []string
	Summary bool // since 10; SmartModules without their payload
	System  bool // since 13; true: only system objects, false: only the others
	Known   bool `json:"-"` // decoding: the label is one of this package's
}

// Wire walks the request.
func (m *ListRequest) Wire(c *Codec) {
	c.String(&m.Label)
	if c.decoding {
		spec, _ := newObject(m.Label)
		m.Known = spec != nil
	}
	c.Sized(func(c *Codec) {
		Vec(c, &m.Filters, 2, (*Codec).String)
		if c.Since(10) {
			c.Bool(&m.Summary)
		}
		if c.Since(13) {
			c.Bool(&m.System)
		}
	})
}

// ListResponse holds the objects in no order.
type ListResponse struct {
	Label   string
	Objects []Object
}

// Wire walks the response.
func (m *ListResponse) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		Vec(c, &m.Objects, 3, func(c *Codec, o *Object) { c.object(m.Label, o) })
	})
}

// WatchRequest, key 1004, opens a stream of MetadataUpdate on its correlation id; it ends with the connection.
type WatchRequest struct {
	Label   string
	Epoch   int64 // ignored by the server
	Summary bool  // since 10
	Known   bool  `json:"-"` // decoding: the label is one of this package's
}

// Wire walks the request.
func (m *WatchRequest) Wire(c *Codec) {
	c.String(&m.Label)
	if c.decoding {
		spec, _ := newObject(m.Label)
		m.Known = spec != nil
	}
	c.Sized(func(c *Codec) {
		c.I64(&m.Epoch)
		if c.Since(10) {
			c.Bool(&m.Summary)
		}
	})
}

// Kinds of a Change.
const (
	ChangeUpdate uint8 = 0 // added or modified
	ChangeDelete uint8 = 1
)

// Change is one delta of a watch; deletes carry the last known object.
type Change struct {
	Kind   uint8
	Object Object
}

// MetadataUpdate is one message of a watch: a full snapshot in All, or deltas in Changes, or neither. An update and a
// delete for the same name in one message mean that the object was made anew: the update wins.
type MetadataUpdate struct {
	Label   string
	Epoch   int64
	Changes []Change
	All     []Object
}

// Wire walks the message.
func (m *MetadataUpdate) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		c.I64(&m.Epoch)
		Vec(c, &m.Changes, 4, func(c *Codec, ch *Change) {
			c.U8(&ch.Kind)
			c.object(m.Label, &ch.Object)
		})
		Vec(c, &m.All, 3, func(c *Codec, o *Object) { c.object(m.Label, o) })
	})
}
