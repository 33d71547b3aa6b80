package wire

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAccepts repeats the protocol's table of what the SC does with which object.
func TestAccepts(t *testing.T) {
	const c, d, l, w, u = 1, 2, 4, 8, 16
	keys := map[uint16]int{KeyCreate: c, KeyDelete: d, KeyList: l, KeyWatch: w, KeyUpdate: u}
	want := map[string]int{
		LabelTopic: c | d | l | w | u, LabelPartition: l | w, LabelSPU: l | w, LabelCustomSPU: c | d | l, LabelSPUGroup: c | d | l | w,
		LabelSmartModule: c | d | l | w, LabelTableFormat: c | d | l | w, LabelMirror: c | d | l,
		"": 0, "topic": 0, "DerivedStream": 0, "MirroringConnect": 0,
	}
	require.Len(t, want, len(allLabels())+4)
	for label, bits := range want {
		for key, bit := range keys {
			require.Equal(t, bits&bit != 0, Accepts(key, label), "%s %d", label, key)
		}
		require.False(t, Accepts(KeyMirroring, label))
		spec, status := newObject(label)
		require.Equal(t, bits != 0, spec != nil && status != nil, label)
	}
}

// TestRefusedObjectsCanBeRead: whatever a client sends under a label that the SC does not take in that request, the server
// gets to see the label, so that it can answer with a status, or hang up.
func TestRefusedObjectsCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.SampledFrom(append(allLabels(), "", "topic", "MirroringConnect", "Future")).Draw(t, "label")
		object := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "object")
		version := rapid.Int16Range(11, 19).Draw(t, "version")
		b, err := Append(nil, version, walk(func(c *Codec) {
			c.String(&label)
			c.Bytes(&object)
		}))
		require.NoError(t, err)
		for key, m := range map[uint16]Message{KeyCreate: &CreateRequest{Spec: &TopicSpec{}}, KeyDelete: &DeleteRequest{}, KeyUpdate: &UpdateRequest{Known: true}} {
			if Accepts(key, label) {
				continue
			}
			n, err := Decode(b, version, m)
			require.NoError(t, err)
			require.Equal(t, len(b), n)
			switch m := m.(type) {
			case *CreateRequest:
				require.Equal(t, CreateRequest{Label: label}, *m)
			case *DeleteRequest:
				require.Equal(t, DeleteRequest{Label: label}, *m)
			case *UpdateRequest:
				require.Equal(t, UpdateRequest{Label: label}, *m)
			}
		}
		list, watch := ListRequest{Label: label}, WatchRequest{Label: label}
		for key, m := range map[uint16]Message{KeyList: &list, KeyWatch: &watch} {
			b, err := Append(nil, version, m)
			require.NoError(t, err)
			_, err = Decode(b, version, m)
			require.NoError(t, err)
			require.Equal(t, Accepts(key, label), map[uint16]bool{KeyList: list.Known, KeyWatch: watch.Known}[key], label)
		}
	})
	_, err := Append(nil, 19, &UpdateRequest{Label: LabelTopic, Action: 2})
	require.ErrorContains(t, err, "update action 2 is unknown")
	_, err = Decode([]byte("\x00\x05Topic\x00\x00\x00\x04\x00\x01a\x02"), 19, &UpdateRequest{})
	require.ErrorContains(t, err, "update action 2 is unknown")
	_, err = Decode([]byte("\x00\x09CustomSpu\x00\x00\x00\x0b\x00\x03Key\x00\x03abc\x00"), 19, &DeleteRequest{})
	require.ErrorContains(t, err, `not by "Key"`)
}

// TestStatesOfLaterServers: a state this package does not know is a number like any other, and what follows it is read.
func TestStatesOfLaterServers(t *testing.T) {
	for _, label := range allLabels() {
		_, status := newObject(label)
		fill := map[string]func(){}
		switch s := status.(type) {
		case *TopicStatus:
			fill["resolution"] = func() { s.Resolution, s.Reason = 200, "later" }
		case *PartitionStatus:
			fill["resolution"] = func() { s.Resolution, s.BaseOffset = 200, 77 }
		case *SPUStatus:
			fill["resolution"] = func() { s.Resolution = 200 }
		case *SPUGroupStatus:
			fill["resolution"] = func() { s.Resolution, s.Reason = 200, ptr("later") }
		case *TableFormatStatus:
			fill["resolution"] = func() { s.Resolution, s.Reason = 200, ptr("later") }
		case *MirrorStatus:
			fill["connection"] = func() { s.Connection, s.LastSeen = 200, 77 }
			fill["pairing"] = func() { s.PairingSC.State, s.PairingSPU.State = 200, 6 }
		case *SmartModuleStatus:
			fill["nothing"] = func() {}
		}
		require.NotEmpty(t, fill, label)
		for what, set := range fill {
			set()
			for version := int16(11); version <= 19; version++ {
				b, err := Append(nil, version, status)
				require.NoError(t, err)
				_, got := newObject(label)
				n, err := Decode(b, version, got)
				require.NoError(t, err, "%s %s", label, what)
				require.Equal(t, len(b), n)
				require.Empty(t, differenceOf(status, got, version))
			}
		}
	}
	// Values that decide about what follows are another matter.
	for _, m := range []Message{&MirrorSpec{Kind: 2}, &TopicSpec{Replicas: ReplicaSpec{Kind: 3}}} {
		_, err := Append(nil, 19, m)
		require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
		_, err = Decode(bytes.Repeat([]byte{9}, 40), 19, m)
		require.Equal(t, fluvioerr.Protocol, fluvioerr.CodeOf(err))
	}
}

// TestCodesOfLaterServers: an answer with an error code newer than this package cannot be read on, but the number is kept,
// in the message and in the error.
func TestCodesOfLaterServers(t *testing.T) {
	const later = 12345
	code := ErrorCode{Code: later}
	statuses := map[string]struct {
		m    Message
		code func(Message) ErrorCode
	}{
		"Status":               {&Status{Name: "a", Error: code}, func(m Message) ErrorCode { return m.(*Status).Error }},
		"Fetch":                {&FetchResponse{Error: code}, func(m Message) ErrorCode { return m.(*FetchResponse).Error }},
		"UpdateConsumerOffset": {&UpdateConsumerOffsetResponse{Offset: 3, Error: code}, func(m Message) ErrorCode { return m.(*UpdateConsumerOffsetResponse).Error }},
		"DeleteConsumerOffset": {&DeleteConsumerOffsetResponse{code}, func(m Message) ErrorCode { return m.(*DeleteConsumerOffsetResponse).Error }},
		"FetchConsumerOffsets": {&FetchConsumerOffsetsResponse{Error: code}, func(m Message) ErrorCode { return m.(*FetchConsumerOffsetsResponse).Error }},
		"StreamFetch":          {&StreamFetchResponse{Partition: FetchPartitionResponse{Error: code}}, func(m Message) ErrorCode { return m.(*StreamFetchResponse).Partition.Error }},
		"Produce": {&ProduceResponse{Topics: []ProduceTopicResponse{{Partitions: []ProducePartitionResponse{{Error: code}}}}},
			func(m Message) ErrorCode { return m.(*ProduceResponse).Topics[0].Partitions[0].Error }},
	}
	for name, s := range statuses {
		b, err := Append(nil, 25, s.m)
		require.NoError(t, err, name)
		// A payload that nobody knows the size of.
		at := bytes.Index(b, binary.BigEndian.AppendUint16(nil, later)) + 2
		b = slices.Insert(b, at, []byte("payload")...)
		_, err = Decode(b, 25, s.m)
		var unknown *UnknownErrorCode
		require.ErrorAs(t, err, &unknown, name)
		require.EqualValues(t, later, unknown.Code, name)
		require.EqualValues(t, later, fluvioerr.As(err).Server, name)
		require.EqualValues(t, later, s.code(s.m).Code, name)
	}
}

func TestSmartModuleNames(t *testing.T) {
	for in, want := range map[string]struct {
		name    SmartModuleName
		written string
		key     string
	}{
		"module1":                       {SmartModuleName{Name: "module1"}, "module1", "module1"},
		"module1@0.1.0":                 {SmartModuleName{Name: "module1@0.1.0"}, "module1@0.1.0", "module1@0.1.0"},
		"group1/module2":                {SmartModuleName{Name: "module2", Group: ptr("group1")}, "group1/module2", "module2-group1"},
		"mygroup/module1@0.1":           {SmartModuleName{"module1", ptr("mygroup"), ptr("0.1.0")}, "mygroup/module1@0.1.0", "module1-mygroup-0.1.0"},
		"mygroup/module1@10":            {SmartModuleName{"module1", ptr("mygroup"), ptr("10.0.0")}, "mygroup/module1@10.0.0", "module1-mygroup-10.0.0"},
		"fluvio/f@1.2.3-alpha.1+linux":  {SmartModuleName{"f", ptr("fluvio"), ptr("1.2.3-alpha.1+linux")}, "fluvio/f@1.2.3-alpha.1+linux", "f-fluvio-1.2.3-alpha.1+linux"},
		"":                              {SmartModuleName{}, "", ""},
		"/f":                            {SmartModuleName{Name: "f", Group: ptr("")}, "/f", "f-"},
		"group/name@1.0.0@2/what@ever":  {SmartModuleName{"name", ptr("group"), ptr("1.0.0")}, "group/name@1.0.0", "name-group-1.0.0"},
		"fluvio/dedup-bloom-filter@0.1": {SmartModuleName{"dedup-bloom-filter", ptr("fluvio"), ptr("0.1.0")}, "fluvio/dedup-bloom-filter@0.1.0", "dedup-bloom-filter-fluvio-0.1.0"},
	} {
		got, err := ParseSmartModuleName(in)
		require.NoError(t, err, in)
		require.Equal(t, want.name, got, in)
		require.Equal(t, want.written, got.String(), in)
		require.Equal(t, want.key, got.Key(), in)
		again, err := ParseSmartModuleName(got.String())
		require.NoError(t, err, in)
		require.Equal(t, got, again, in)
	}
	for _, in := range []string{"g/n@", "g/n@10.", "g/n@x", "g/n@1.2.3.4", "g/n@1.2.3-", "g/n@-1", "g/n@1..2", "g/n@99999999999999999999"} {
		_, err := ParseSmartModuleName(in)
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err), in)
	}
}

func TestSmartModulesMatchTheirNames(t *testing.T) {
	packed := &SmartModuleSpec{Meta: &SmartModuleMeta{Package: SmartModulePackage{Name: "module1", Group: "mygroup", Version: "0.1.0"}}}
	require.Equal(t, "module1-mygroup-0.1.0", packed.Meta.Package.Key())
	require.Equal(t, "mygroup/module1@0.1.0", packed.Meta.Package.FullName())
	for name, want := range map[string][2]bool{ // as the packed module, as a plain one with the key "module1"
		"module1": {true, true}, "mygroup/module1": {true, true}, "mygroup/module1@0.1": {true, true}, "mygroup/module1@0.1.0": {true, true},
		"mygroup/module1@0.2.0": {false, true}, "other/module1": {false, true}, "module": {false, false}, "module1-mygroup-0.1.0": {false, false},
	} {
		n, err := ParseSmartModuleName(name)
		require.NoError(t, err)
		require.Equal(t, want[0], n.Matches(packed.Meta.Package.Key(), packed), name)
		require.Equal(t, want[1], n.Matches("module1", &SmartModuleSpec{}), name)
	}
}

func TestConsumerFilter(t *testing.T) {
	stored := &ConsumerOffset{ConsumerID: "c1", Topic: "orders", Partition: 2}
	replica := func(topic string, partition uint32) *ConsumerReplica { return &ConsumerReplica{topic, partition} }
	require.True(t, (*ConsumerFilter)(nil).Matches(stored))
	for _, f := range []ConsumerFilter{{}, {ConsumerID: ptr("c1")}, {Replica: replica("orders", 2)}, {Replica: replica("orders", 2), ConsumerID: ptr("c1")}} {
		require.True(t, f.Matches(stored))
	}
	for _, f := range []ConsumerFilter{
		{ConsumerID: ptr("c2")}, {ConsumerID: ptr("")}, {Replica: replica("orders", 1)}, {Replica: replica("order", 2)},
		{Replica: replica("orders", 2), ConsumerID: ptr("c2")}, {Replica: replica("orders", 0), ConsumerID: ptr("c1")},
	} {
		require.False(t, f.Matches(stored))
	}
}

// TestCustomSPUBecomesAnSPU: one layout within the other, with the type between.
func TestCustomSPUBecomesAnSPU(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		custom := (&generator{t: t}).message(&CustomSPUSpec{}).(*CustomSPUSpec)
		a, err := Append(nil, 19, custom)
		require.NoError(t, err)
		b, err := Append(nil, 19, custom.SPU())
		require.NoError(t, err)
		require.Equal(t, a[:4], b[:4])
		require.Equal(t, SPUCustom, b[4])
		require.Equal(t, a[4:], b[5:])
	})
}
