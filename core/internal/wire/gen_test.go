package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"pgregory.net/rapid"
)

// allLabels lists the objects of the SC. It is a new slice at every call.
func allLabels() []string {
	return []string{LabelTopic, LabelPartition, LabelSPU, LabelCustomSPU, LabelSPUGroup, LabelSmartModule, LabelTableFormat, LabelMirror}
}

// gates is which fields exist from and up to which version, as the protocol's description has it: a second statement
// beside the Wire methods. Gates outside the versions of the table in apis.go are left out.
var gates = map[string][2]int16{
	"DeleteRequest.Force":                     {13, 99},
	"ListRequest.System":                      {13, 99},
	"TopicSpec.Deduplication":                 {12, 99},
	"TopicSpec.System":                        {13, 99},
	"PartitionMap.Mirror":                     {14, 99},
	"TopicStatus.Mirrors":                     {14, 99},
	"CustomSPUSpec.PublicEndpointLocal":       {16, 99},
	"MirrorStatus.PairingSPU":                 {17, 99},
	"MirrorConfig.Target":                     {18, 99},
	"MirrorConfig.Source":                     {18, 99},
	"HomePartition.Source":                    {18, 99},
	"PartitionMirror.Target":                  {18, 99},
	"PartitionSpec.Deduplication":             {12, 99},
	"PartitionSpec.System":                    {13, 99},
	"PartitionSpec.Mirror":                    {14, 99},
	"PartitionStatus.BaseOffset":              {16, 99},
	"SmartModuleInvocation.Look":              {20, 99},
	"Lookback.Age":                            {21, 99},
	"SmartModuleInvocation.Display":           {25, 99},
	"StreamFetchRequest.ConsumerID":           {23, 99},
	"FetchOffsetsRequest.ConsumerID":          {23, 23},
	"FetchConsumerOffsetsRequest.Filter":      {24, 99},
	"FetchRequest.MaxBytes":                   {3, 99},
	"FetchRequest.Isolation":                  {4, 99},
	"FetchRequest.Forgotten":                  {7, 99},
	"FetchPartition.LeaderEpoch":              {9, 99},
	"FetchPartition.LogStartOffset":           {5, 99},
	"FetchPartitionResponse.NextFilterOffset": {11, 99},
	"SmartModulePackage.Visibility":           {19, 99},
}

// generator fills messages by reflection. The types whose fields depend on each other have a case of their own.
type generator struct {
	t     *rapid.T
	label string // of the SC object being filled
}

func (g *generator) pick(n int) int { return rapid.IntRange(0, n-1).Draw(g.t, "pick") }

func (g *generator) fill(v reflect.Value) {
	if v.CanAddr() && g.union(v.Addr().Interface()) {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(g.t, "bool"))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(g.t, "uint") & (1<<(v.Type().Bits()-1)*2 - 1))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		shift := 64 - v.Type().Bits()
		v.SetInt(rapid.Int64().Draw(g.t, "int") << shift >> shift)
	case reflect.String:
		v.SetString(rapid.StringN(0, 20, -1).Draw(g.t, "string"))
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(g.t, "bytes"))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), g.pick(4), 4))
		for i := range v.Len() {
			g.fill(v.Index(i))
		}
	case reflect.Pointer:
		if g.pick(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			g.fill(v.Field(i))
		}
	default:
		g.t.Fatalf("no generator for %s: add a case to union", v.Type())
	}
}

func (g *generator) message(m Message) Message {
	g.fill(reflect.ValueOf(m).Elem())
	return m
}

// labelFor is a label that requests of a key may have.
func (g *generator) labelFor(key uint16) string {
	labels := slices.DeleteFunc(allLabels(), func(label string) bool { return !Accepts(key, label) })
	return labels[g.pick(len(labels))]
}

// union fills the types of which not every combination of fields can be sent; false if p is none of them.
func (g *generator) union(p any) bool {
	switch p := p.(type) {
	case *ErrorCode:
		if n := g.pick(len(fluvioerr.ServerTable) + 1); n > 0 {
			p.Code = fluvioerr.ServerTable[n-1].Server
		}
		if p.Payload = newErrorPayload(p.Code); p.Payload != nil {
			g.message(p.Payload)
		}
	case *Object:
		g.fill(reflect.ValueOf(&p.Name).Elem())
		p.Spec, p.Status = newObject(g.label)
		g.message(p.Spec)
		g.message(p.Status)
	case *CreateRequest:
		p.Label = g.labelFor(KeyCreate)
		p.Spec, _ = newObject(p.Label)
		g.message(p.Spec)
		g.fields(&p.Name, &p.DryRun, &p.Timeout)
	case *DeleteRequest:
		p.Label = g.labelFor(KeyDelete)
		if g.fields(&p.Force); p.Label == LabelCustomSPU && g.pick(2) == 0 {
			p.ID = new(int32)
			g.fields(p.ID)
		} else {
			g.fields(&p.Name)
		}
	case *UpdateRequest:
		p.Label, p.Known = g.labelFor(KeyUpdate), true
		p.Action = uint8(g.pick(2))
		g.fields([][]any{{&p.Name, &p.Partitions}, {&p.Name, &p.RemoteCluster, &p.HomeToMirror}}[p.Action]...)
	case *ListRequest:
		p.Label, p.Known = g.anyLabel(KeyList)
		g.fields(&p.Filters, &p.Summary, &p.System)
	case *WatchRequest:
		p.Label, p.Known = g.anyLabel(KeyWatch)
		g.fields(&p.Epoch, &p.Summary)
	case *ListResponse:
		g.label = g.labelFor(KeyList)
		p.Label = g.label
		g.fields(&p.Objects)
	case *MetadataUpdate:
		g.label = g.labelFor(KeyWatch)
		p.Label = g.label
		g.fields(&p.Epoch, &p.Changes, &p.All)
	default:
		return g.tagged(p)
	}
	return true
}

// tagged is union for the types with a tag of their own.
func (g *generator) tagged(p any) bool {
	switch p := p.(type) {
	case *ReplicaSpec:
		p.Kind = uint8(g.pick(3))
		g.fields([][]any{{&p.Assigned}, {&p.Partitions, &p.ReplicationFactor, &p.IgnoreRack}, {&p.Mirror}}[p.Kind]...)
	case *MirrorConfig:
		p.Kind = uint8(g.pick(2))
		g.fields([][]any{{&p.HomeCluster, &p.HomeSPUs, &p.Target}, {&p.Partitions, &p.Source}}[p.Kind]...)
	case *PartitionMirror:
		p.Kind = uint8(g.pick(2))
		g.fields([][]any{{&p.HomeCluster, &p.HomeSPUKey, &p.HomeSPUID, &p.HomeEndpoint, &p.Target}, {&p.Home}}[p.Kind]...)
	case *MirrorSpec:
		p.Kind = uint8(g.pick(2))
		g.fields([][]any{{&p.ID}, {&p.ID, &p.RemoteID, &p.PublicEndpoint, &p.ClientTLS}}[p.Kind]...)
	case *MirrorPairing:
		if p.State = uint8(g.pick(8)); p.State == PairingFailure {
			g.fields(&p.Detail)
		}
	case *SmartModuleInvocation:
		if g.pick(2) == 0 {
			g.fields(&p.Name)
		} else {
			p.AdHoc = new([]byte)
			g.fields(p.AdHoc)
		}
		g.fields(&p.Kind, &p.Params, &p.Look, &p.Display)
	case *SmartModuleKind:
		p.Tag = uint8(g.pick(8))
		form := map[uint8]int{3: 1, 5: 2, 6: 3}[p.Tag]
		if p.Tag == KindGeneric {
			p.Context = uint8(g.pick(4))
			form = int(p.Context)
		}
		g.fields([][]any{{}, {&p.Accumulator}, {&p.Text}, {&p.Text, &p.Text2}}[form]...)
	default:
		return false
	}
	return true
}

func (g *generator) fields(pointers ...any) {
	for _, p := range pointers {
		g.fill(reflect.ValueOf(p).Elem())
	}
}

// anyLabel is a label and whether requests of a key may have it: those with another one are read, too.
func (g *generator) anyLabel(key uint16) (string, bool) {
	labels := append(allLabels(), "DerivedStream", "topic", "")
	label := labels[g.pick(len(labels))]
	return label, Accepts(key, label)
}

// field is a struct field with the versions it exists at.
type field struct {
	name string
	gate [2]int16
}

var fieldsOf = map[reflect.Type][]field{}

func fieldsOfStruct(t reflect.Type) []field {
	out, ok := fieldsOf[t]
	if !ok {
		for i := range t.NumField() {
			f := field{t.Name() + "." + t.Field(i).Name, [2]int16{0, 99}}
			if gate, ok := gates[f.name]; ok {
				f.gate = gate
			}
			out = append(out, f)
		}
		fieldsOf[t] = out
	}
	return out
}

// difference says how got, which was decoded at version, deviates from want: fields that exist at the version must be
// equal, the others zero. Empty and nil lists are the same. "" means no difference.
func difference(want, got reflect.Value, version int16) string {
	switch want.Kind() {
	case reflect.Struct:
		for i, f := range fieldsOfStruct(want.Type()) {
			if version < f.gate[0] || version > f.gate[1] {
				if !got.Field(i).IsZero() {
					return fmt.Sprintf("%s is set, but does not exist at version %d", f.name, version)
				}
			} else if d := difference(want.Field(i), got.Field(i), version); d != "" {
				return f.name + "/" + d
			}
		}
	case reflect.Slice:
		if want.Len() != got.Len() {
			return fmt.Sprintf("%d elements, want %d", got.Len(), want.Len())
		}
		if want.Type().Elem().Kind() == reflect.Uint8 {
			if !bytes.Equal(want.Bytes(), got.Bytes()) {
				return fmt.Sprintf("%x, want %x", got.Bytes(), want.Bytes())
			}
			return ""
		}
		for i := range want.Len() {
			if d := difference(want.Index(i), got.Index(i), version); d != "" {
				return fmt.Sprintf("%d/%s", i, d)
			}
		}
	case reflect.Pointer, reflect.Interface:
		if want.IsNil() || got.IsNil() {
			if want.IsNil() != got.IsNil() {
				return fmt.Sprintf("nil is %v, want %v", got.IsNil(), want.IsNil())
			}
			return ""
		}
		return difference(want.Elem(), got.Elem(), version)
	default:
		if !want.Equal(got) {
			return fmt.Sprintf("%v, want %v", got, want)
		}
	}
	return ""
}

func differenceOf(want, got Message, version int16) string {
	return difference(reflect.ValueOf(want), reflect.ValueOf(got), version)
}

// TestGatesNameRealFields keeps the table above from going stale.
func TestGatesNameRealFields(t *testing.T) {
	seen := map[string]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				if name := typ.Name() + "." + typ.Field(i).Name; !seen[name] {
					seen[name] = true
					walk(typ.Field(i).Type)
				}
			}
		}
	}
	for _, api := range APIs {
		walk(reflect.TypeOf(api.Request()))
		walk(reflect.TypeOf(api.Response()))
	}
	for _, label := range allLabels() {
		spec, status := newObject(label)
		walk(reflect.TypeOf(spec))
		walk(reflect.TypeOf(status))
	}
	for name := range gates {
		if !seen[name] {
			t.Errorf("no message has the field %s", name)
		}
	}
}
