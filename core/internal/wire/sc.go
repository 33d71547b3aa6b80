package wire

// Labels of the SC's objects, case sensitive. Bodies of Create, Delete, List, Watch and Update are an envelope: label,
// u32 length, object.
const (
	LabelTopic       = "Topic"
	LabelPartition   = "Partition"
	LabelSPU         = "SPU"
	LabelCustomSPU   = "CustomSpu"
	LabelSPUGroup    = "SpuGroup"
	LabelSmartModule = "SmartModule"
	LabelTableFormat = "TableFormat"
	LabelMirror      = "Mirror"
)

// Accepts says whether the SC takes objects of a label in the requests of a key: KeyCreate, KeyDelete, KeyList, KeyWatch or
// KeyUpdate. To everything else it answers "unknown admin object type" (Create, Delete, Update) or hangs up (List, Watch).
func Accepts(key uint16, label string) bool {
	switch label {
	case LabelTopic:
		return key == KeyCreate || key == KeyDelete || key == KeyList || key == KeyWatch || key == KeyUpdate
	case LabelPartition, LabelSPU:
		return key == KeyList || key == KeyWatch
	case LabelCustomSPU, LabelMirror:
		return key == KeyCreate || key == KeyDelete || key == KeyList
	case LabelSPUGroup, LabelSmartModule, LabelTableFormat:
		return key == KeyCreate || key == KeyDelete || key == KeyList || key == KeyWatch
	}
	return false
}

// newObject gives an empty spec and status for a label, nil for the labels this package does not know.
func newObject(label string) (spec, status Message) {
	switch label {
	case LabelTopic:
		return &TopicSpec{}, &TopicStatus{}
	case LabelPartition:
		return &PartitionSpec{}, &PartitionStatus{}
	case LabelSPU:
		return &SPUSpec{}, &SPUStatus{}
	case LabelCustomSPU:
		return &CustomSPUSpec{}, &SPUStatus{}
	case LabelSPUGroup:
		return &SPUGroupSpec{}, &SPUGroupStatus{}
	case LabelSmartModule:
		return &SmartModuleSpec{}, &SmartModuleStatus{}
	case LabelTableFormat:
		return &TableFormatSpec{}, &TableFormatStatus{}
	case LabelMirror:
		return &MirrorSpec{}, &MirrorStatus{}
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

// CreateRequest, key 1001. Decoding leaves Spec nil, without an error, for a label that Accepts refuses: the SC answers
// that with a Status.
type CreateRequest struct {
	Label   string
	Name    string
	DryRun  bool    // servers honour it for topics and custom SPUs only: of the others, the object is made
	Timeout *uint32 // ms; servers honour it for SPU groups only
	Spec    Message // *TopicSpec for LabelTopic, and so on
}

// Wire walks the request.
func (m *CreateRequest) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		if c.decoding {
			if m.Spec = nil; !Accepts(KeyCreate, m.Label) {
				return
			}
			m.Spec, _ = newObject(m.Label)
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

// DeleteRequest, key 1002. Decoding a label that Accepts refuses leaves the rest empty.
type DeleteRequest struct {
	Label string
	Name  string
	ID    *int32 // custom SPUs: delete by id instead of by name
	Force bool   // since 13; matters for system topics
}

// Wire walks the request.
func (m *DeleteRequest) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		if c.decoding && !Accepts(KeyDelete, m.Label) {
			return
		}
		if m.Label == LabelCustomSPU {
			m.customSPUKey(c)
		} else {
			c.String(&m.Name)
		}
		if c.Since(13) {
			c.Bool(&m.Force)
		}
	})
}

// customSPUKey is a choice whose tag is a string.
func (m *DeleteRequest) customSPUKey(c *Codec) {
	tag := "Name"
	if m.ID != nil {
		tag = "Id"
	}
	c.String(&tag)
	switch {
	case tag == "Id":
		if c.decoding {
			m.ID = new(int32)
		}
		c.I32(m.ID)
	case tag == "Name":
		c.String(&m.Name)
	default:
		c.Fail("a custom SPU is deleted by Name or Id, not by %q", tag)
	}
}

// Actions of an UpdateRequest.
const (
	UpdateAddPartitions uint8 = 0
	UpdateAddMirror     uint8 = 1
)

// UpdateRequest, key 1006, changes a topic. Decoding another label leaves Known false and the rest empty: the SC answers
// that with a Status.
type UpdateRequest struct {
	Label         string
	Name          string
	Action        uint8
	Partitions    uint32 // UpdateAddPartitions: how many more
	RemoteCluster string // UpdateAddMirror
	HomeToMirror  bool   // UpdateAddMirror; servers ignore it
	Known         bool   `json:"-"` // decoding: Accepts has the label
}

// Wire walks the request.
func (m *UpdateRequest) Wire(c *Codec) {
	c.String(&m.Label)
	c.Sized(func(c *Codec) {
		if c.decoding {
			if m.Known = Accepts(KeyUpdate, m.Label); !m.Known {
				return
			}
		}
		c.String(&m.Name)
		c.U8(&m.Action)
		switch m.Action {
		case UpdateAddPartitions:
			c.U32(&m.Partitions)
		case UpdateAddMirror:
			c.String(&m.RemoteCluster)
			c.Bool(&m.HomeToMirror)
		default:
			c.Fail("update action %d is unknown", m.Action)
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

// ListRequest, key 1003. Filters match names as substrings, any of them, but those of SmartModules as SmartModuleName does;
// partitions and mirrors are never filtered. An unknown label leaves Known false: the SC closes the connection on it.
type ListRequest struct {
	Label   string
	Filters []string
	Summary bool // since 10; SmartModules without their payload
	System  bool // since 13; true: only system objects, false: only the others
	Known   bool `json:"-"` // decoding: Accepts has the label
}

// Wire walks the request.
func (m *ListRequest) Wire(c *Codec) {
	c.String(&m.Label)
	if c.decoding {
		m.Known = Accepts(KeyList, m.Label)
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
	Known   bool  `json:"-"` // decoding: Accepts has the label
}

// Wire walks the request.
func (m *WatchRequest) Wire(c *Codec) {
	c.String(&m.Label)
	if c.decoding {
		m.Known = Accepts(KeyWatch, m.Label)
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
