package wire

import (
	"encoding/hex"
	"testing"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/stretchr/testify/require"
)

// vectorValues say what the vectors mean. Encoding and decoding are one description, so two fields in the wrong order would
// go unnoticed where only bytes are compared with bytes.
var vectorValues = map[string]Message{
	"SC Create request v19: SPU group, every field": &CreateRequest{Label: LabelSPUGroup, Name: "group-1", Timeout: ptr(uint32(120000)), Spec: fullGroup()},
	"SC List response v19: SPU groups": &ListResponse{Label: LabelSPUGroup, Objects: []Object{
		{"group-1", fullGroup(), &SPUGroupStatus{Resolution: SPUGroupReserved}},
		{"group-2", &SPUGroupSpec{Replicas: 1}, &SPUGroupStatus{Resolution: SPUGroupInvalid, Reason: ptr("conflict")}},
	}},
	"SC Create request v19: custom SPU, every field":           &CreateRequest{Label: LabelCustomSPU, Name: "custom-spu-7", DryRun: true, Spec: fullCustomSPU()},
	"SC List response v19: custom SPUs":                        &ListResponse{Label: LabelCustomSPU, Objects: []Object{{"custom-spu-7", fullCustomSPU(), &SPUStatus{Resolution: SPUInit}}}},
	"SC Delete request v19: custom SPU by name":                &DeleteRequest{Label: LabelCustomSPU, Name: "custom-spu-7", Force: true},
	"SC Delete request v12: custom SPU by name, without force": &DeleteRequest{Label: LabelCustomSPU, Name: "custom-spu-7"},
	"SC Create request v19: SmartModule with a package": &CreateRequest{Label: LabelSmartModule, Name: "filter",
		Spec: &SmartModuleSpec{Meta: fullPackage(SmartModulePublic), Payload: []byte{0x1f, 0x8b, 8, 0}}},
	"SC Create request v18: SmartModule with a package": &CreateRequest{Label: LabelSmartModule, Name: "filter",
		Spec: &SmartModuleSpec{Meta: fullPackage(SmartModulePrivate), Payload: []byte{0x1f, 0x8b, 8, 0}}},
	"SC List request v19: SmartModules, summary": &ListRequest{Label: LabelSmartModule, Filters: []string{"fluvio/filter@0.2.1", "plain"}, Summary: true, Known: true},
	"SC List response v19: SmartModules, summary": &ListResponse{Label: LabelSmartModule, Objects: []Object{
		{"filter-fluvio-0.2.1", &SmartModuleSpec{Meta: &SmartModuleMeta{Package: fullPackage(0).Package}, WasmLength: ptr(uint32(40572))}, &SmartModuleStatus{}},
		{"plain", &SmartModuleSpec{WasmLength: ptr(uint32(4)), Format: SmartModuleText}, &SmartModuleStatus{}},
	}},
	"SC Watch response v19: SmartModules, deltas": &MetadataUpdate{Label: LabelSmartModule, Epoch: 5, Changes: []Change{
		{ChangeUpdate, Object{"plain", &SmartModuleSpec{Payload: []byte{0x1f, 0x8b, 8, 0}}, &SmartModuleStatus{}}},
		{ChangeDelete, Object{"old", &SmartModuleSpec{Payload: []byte{0x1f, 0x8b, 8, 0}}, &SmartModuleStatus{}}},
	}},
	"SC Create request v19: table format, every field": &CreateRequest{Label: LabelTableFormat, Name: "table", Spec: &TableFormatSpec{
		Name: "table", InputFormat: ptr(uint8(0)), Columns: &[]TableColumn{fullColumn(), {KeyPath: "id"}}, SmartModule: ptr("my-map"),
	}},
	"SC Watch response v19: table formats": &MetadataUpdate{Label: LabelTableFormat, Epoch: 5, All: []Object{
		{"table", &TableFormatSpec{Name: "table", InputFormat: ptr(uint8(0)), Columns: &[]TableColumn{fullColumn()}}, &TableFormatStatus{Resolution: TableFormatRunning}},
		{"bare", &TableFormatSpec{Name: "bare"}, &TableFormatStatus{Resolution: TableFormatFailed, Reason: ptr("why")}},
	}},
	"SC Create request v19: mirror, home with TLS": &CreateRequest{Label: LabelMirror, Name: "home", Spec: homeMirror()},
	"SC List response v19: mirrors": &ListResponse{Label: LabelMirror, Objects: []Object{
		{"home", homeMirror(), &MirrorStatus{MirrorOnline, MirrorPairing{State: PairingSuccessful}, MirrorPairing{PairingFailure, "bad certificate"}, 1700000000123}},
		{"edge1", &MirrorSpec{Kind: MirrorRemote, ID: "edge1"}, &MirrorStatus{PairingSPU: MirrorPairing{State: PairingUnauthorized}}},
	}},
	"SC Delete request v19: mirror":         &DeleteRequest{Label: LabelMirror, Name: "edge1"},
	"SC Update request v15: add partitions": &UpdateRequest{Label: LabelTopic, Name: "orders", Action: UpdateAddPartitions, Partitions: 3, Known: true},
	"SC Update response v19: system topic":  &Status{Name: "consumer-offset", Error: ErrorCode{fluvioerr.ServerSystemSpecUpdating, &TwoTextPayload{"topic", "consumer-offset"}}},
	"update_add_partition_request":          &UpdateRequest{Label: LabelTopic, Name: "hello", Action: UpdateAddPartitions, Partitions: 2, Known: true},
	"update_add_mirror_request":             &UpdateRequest{Label: LabelTopic, Name: "mirrored", Action: UpdateAddMirror, RemoteCluster: "edge1", Known: true},
	"create_smartmodule":                    &CreateRequest{Label: LabelSmartModule, Name: "my-filter", Spec: &SmartModuleSpec{Payload: []byte{0x1f, 0x8b, 8, 0}}},
	"create_mirror_remote":                  &CreateRequest{Label: LabelMirror, Name: "edge1", Spec: &MirrorSpec{Kind: MirrorRemote, ID: "edge1"}},
	"delete_custom_spu_request":             &DeleteRequest{Label: LabelCustomSPU, ID: ptr(int32(5001))},
	"SPU Fetch request v10: two topics": &FetchRequest{MaxWaitMS: 100, MinBytes: 1, MaxBytes: 1048890, Isolation: FetchReadCommitted, Topics: []FetchTopic{
		{"a", []FetchPartition{{Partition: 0, LeaderEpoch: -1, FetchOffset: 5, LogStartOffset: 3, MaxBytes: 64}}},
		{"b", []FetchPartition{{Partition: 1, LeaderEpoch: -1, LogStartOffset: -1, MaxBytes: 64}, {Partition: 2, LeaderEpoch: -1, FetchOffset: 9, LogStartOffset: -1, MaxBytes: 64}}},
	}, Forgotten: []ForgottenTopic{{"c", []int32{4, 5}}}},
	"SPU Fetch request v2: without the later fields":                          &FetchRequest{MaxWaitMS: 100, MinBytes: 1, Topics: []FetchTopic{{"a", []FetchPartition{{FetchOffset: 5, MaxBytes: 64}}}}},
	"SPU FetchConsumerOffsets request v23: no filter on the wire":             &FetchConsumerOffsetsRequest{},
	"SPU FetchConsumerOffsets request v24: by consumer":                       &FetchConsumerOffsetsRequest{Filter: &ConsumerFilter{ConsumerID: ptr("c1")}},
	"SPU FetchConsumerOffsets response v25: not the leader":                   &FetchConsumerOffsetsResponse{Error: ErrorCode{Code: fluvioerr.ServerPartitionNotLeader}},
	"SPU DeleteConsumerOffset response v23: not the leader":                   &DeleteConsumerOffsetResponse{ErrorCode{Code: fluvioerr.ServerPartitionNotLeader}},
	"SPU UpdateConsumerOffset response v23: no consumer id":                   &UpdateConsumerOffsetResponse{Error: Errorf("missing consumer id")},
	"UpdateConsumerOffset request v25, framed (corr 7, offset 43, session 1)": &UpdateConsumerOffsetRequest{Offset: 43, SessionID: 1},
	"UpdateConsumerOffset response, framed":                                   &UpdateConsumerOffsetResponse{Offset: 43},
	"DeleteConsumerOffset request v25, framed (corr 9)":                       &DeleteConsumerOffsetRequest{Topic: "my-topic", ConsumerID: "c1"},
	"FetchConsumerOffsets request v25, framed (corr 8, my-topic/0, 'c1')":     &FetchConsumerOffsetsRequest{Filter: &ConsumerFilter{Replica: &ConsumerReplica{Topic: "my-topic"}, ConsumerID: ptr("c1")}},
	"FetchConsumerOffsets response, framed":                                   &FetchConsumerOffsetsResponse{Consumers: []ConsumerOffset{{ConsumerID: "c1", Topic: "my-topic", Offset: 43, ModifiedTime: 1700000000}}},
	"Fetch request v25, framed (corr 10, my-topic/0 from 42)": &FetchRequest{MaxBytes: 1048890, Topics: []FetchTopic{
		{"my-topic", []FetchPartition{{FetchOffset: 42, MaxBytes: 1048890}}},
	}},
	// What the keeper of the consumer offsets answered when c1 had stored 9 and auto1 had read everything.
	"offsets.jsonl:54": &FetchConsumerOffsetsResponse{Consumers: []ConsumerOffset{
		{ConsumerID: "c1", Topic: "orders", Offset: 9, ModifiedTime: 1795479689}, {ConsumerID: "auto1", Topic: "orders", Offset: 46, ModifiedTime: 1795479689},
	}},
}

func fullGroup() *SPUGroupSpec {
	return &SPUGroupSpec{Replicas: 3, MinID: 100, Rack: ptr("rack-a"), Replication: &SPUGroupReplication{InSyncReplicaMin: ptr(uint16(2))},
		Storage: &SPUGroupStorage{LogDir: ptr("/var/lib/fluvio"), Size: ptr("10Gi")}, Env: []EnvVar{{"RUST_LOG", "info"}, {"A", ""}}}
}

func fullCustomSPU() *CustomSPUSpec {
	return &CustomSPUSpec{ID: 7, PublicEndpoint: IngressPort{Port: 9010, Ingress: []IngressAddr{{ptr("spu.example"), ptr("10.0.0.1")}}, Encryption: 1},
		PrivateEndpoint: Endpoint{Port: 9011, Host: "10.0.0.2"}, Rack: ptr("rack-a"), PublicEndpointLocal: &Endpoint{Port: 9020, Host: "127.0.0.1"}}
}

func fullPackage(visibility uint8) *SmartModuleMeta {
	return &SmartModuleMeta{Package: SmartModulePackage{
		Name: "filter", Group: "fluvio", Version: "0.2.1", APIVersion: "0.1.0", Description: ptr("keeps some"), License: ptr("Apache-2.0"),
		Visibility: visibility, Repository: ptr("https://example.com/filter"),
	}, Params: []MapEntry[string, SmartModuleParam]{{"needle", SmartModuleParam{Description: ptr("what to look for")}}, {"regex", SmartModuleParam{Optional: true}}}}
}

func fullColumn() TableColumn {
	return TableColumn{HeaderLabel: ptr("Name"), Width: ptr("20"), Alignment: ptr(uint8(2)), KeyPath: "name", Format: ptr("upper"),
		Display: ptr(true), PrimaryKey: ptr(false), HeaderBgColor: ptr(uint8(1)), HeaderTextColor: ptr(uint8(2))}
}

func homeMirror() *MirrorSpec {
	return &MirrorSpec{Kind: MirrorHome, ID: "home", RemoteID: "edge1", PublicEndpoint: "hub.example:9003",
		ClientTLS: &MirrorTLS{Domain: "hub.example", CACert: "CA", ClientCert: "CERT", ClientKey: "KEY"}}
}

func TestVectorsMeanWhatTheySay(t *testing.T) {
	want := map[string]Message{}
	for name, m := range vectorValues {
		want[name] = m
	}
	for _, v := range allVectors(t) {
		m := want[v.name]
		if m == nil {
			continue
		}
		delete(want, v.name)
		got := v.message()
		_, err := Decode(v.body(), v.version, got)
		require.NoError(t, err, v.name)
		require.IsType(t, m, got, v.name)
		require.Empty(t, differenceOf(m, got, v.version), v.name)
		encoded, err := Append(nil, v.version, m)
		require.NoError(t, err, v.name)
		require.Equal(t, hex.EncodeToString(v.body()), hex.EncodeToString(encoded), v.name)
	}
	require.Empty(t, want, "values of vectors that do not exist")
}

// TestVectorsCoverTheTable: both directions of every request are in the vectors.
func TestVectorsCoverTheTable(t *testing.T) {
	type side struct {
		role     Role
		key      uint16
		response bool
	}
	seen := map[side]bool{}
	labels := map[string]bool{}
	for _, v := range allVectors(t) {
		seen[side{v.role, v.key, v.response}] = true
		m := v.message()
		_, err := Decode(v.body(), v.version, m)
		require.NoError(t, err, v.name)
		switch m := m.(type) {
		case *CreateRequest:
			labels["create "+m.Label] = true
		case *ListResponse:
			labels["object "+m.Label] = labels["object "+m.Label] || len(m.Objects) > 0
		case *MetadataUpdate:
			labels["object "+m.Label] = labels["object "+m.Label] || len(m.All)+len(m.Changes) > 0
		}
	}
	for _, api := range APIs {
		for _, response := range []bool{false, true} {
			require.True(t, seen[side{api.Role, api.Key, response}], "%s %s, response %v", api.Role, api.Name, response)
		}
	}
	for _, label := range allLabels() {
		require.True(t, labels["object "+label], "no object of %s", label)
		require.Equal(t, Accepts(KeyCreate, label), labels["create "+label], "create %s", label)
	}
}
