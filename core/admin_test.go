package fluvio_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// ownName makes a name that no other run uses, so that tests can share a real cluster.
func ownName(name string) string { return fmt.Sprintf("%s-%d", name, time.Now().UnixNano()) }

// wasm is the smallest module there is: it does nothing.
var wasm = []byte("\x00asm\x01\x00\x00\x00")

// storeModule stores a SmartModule with a package for the test and gives what it is called.
func storeModule(t *testing.T, admin *fluvio.Admin) (fluvio.SmartModuleSpec, string) {
	spec := fluvio.SmartModuleSpec{
		Wasm: wasm,
		Package: fluvio.SmartModulePackage{
			Name: ownName("module"), Group: "group", Version: "0.1.0", APIVersion: "0.2.0", Description: "does nothing", License: "Apache-2.0",
			Visibility: "public", Repository: "https://example.org",
		},
		Params: []fluvio.SmartModuleParam{{Name: "a", Description: "first", Optional: true}, {Name: "b"}},
	}
	name, err := admin.CreateSmartModule(testContext(t), "ignored", spec)
	require.NoError(t, err)
	require.Equal(t, spec.Package.Name+"-group-0.1.0", name)
	t.Cleanup(func() {
		require.NoError(t, admin.DeleteSmartModule(testContext(t), "group/"+spec.Package.Name+"@0.1.0"))
	})
	return spec, name
}

// Every field of a topic's spec arrives, and comes back.
func TestTopicRoundTrip(t *testing.T) {
	client := connect(t, endpoint(t))
	admin, ctx := client.Admin(), testContext(t)
	module, _ := storeModule(t, admin)
	name := ownName("full")
	dedup := fluvio.Deduplication{SmartModule: "group/" + module.Package.Name + "@0.1.0", Count: 100, Age: 5500 * time.Millisecond, Params: map[string]string{"k": "v"}}
	spec := fluvio.TopicSpec{
		Partitions: 2, Replication: 1, IgnoreRack: true, RetentionSeconds: 3600, SegmentSize: 1 << 20, MaxPartitionSize: 1 << 30, Compression: "gzip",
		Deduplication: dedup, System: true,
	}
	dry := spec
	dry.DryRun = true
	require.NoError(t, admin.CreateTopic(ctx, name, dry))
	_, err := admin.Topic(ctx, name)
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.NotFound), "it was a dry run")
	require.NoError(t, admin.CreateTopic(ctx, name, spec))
	topic, err := admin.Topic(ctx, name)
	require.NoError(t, err)
	require.Len(t, topic.Replicas, 2)
	leader := topic.Replicas[1].SPUs[0]
	topic.Replicas = nil
	require.Equal(t, fluvio.Topic{
		Name: name, Partitions: 2, Replication: 1, IgnoreRack: true, RetentionSeconds: 3600, SegmentSize: 1 << 20, MaxPartitionSize: 1 << 30,
		Compression: "gzip", Deduplication: &dedup, System: true, Status: "provisioned",
	}, topic)
	part, err := admin.Partition(ctx, name, 1)
	require.NoError(t, err)
	require.Equal(t, []any{leader, []int32{leader}, "online", true, "gzip", &dedup, uint32(3600), uint32(1 << 20), uint64(1 << 30)},
		[]any{part.Leader, part.Replicas, part.Status, part.System, part.Compression, part.Deduplication, part.RetentionSeconds, part.SegmentSize, part.MaxPartitionSize})
	all, err := admin.Topics(ctx, fluvio.ListOptions{Names: []string{name}})
	require.NoError(t, err)
	require.Empty(t, all, "lists leave topics of the system out")
	all, err = admin.Topics(ctx, fluvio.ListOptions{Names: []string{name}, System: true})
	require.NoError(t, err)
	require.Len(t, all, 1)
	err = admin.DeleteTopic(ctx, name)
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.Permission))
	require.ErrorContains(t, err, "force")
	require.NoError(t, admin.ForceDeleteTopic(ctx, name))
	_, err = admin.Topic(ctx, name)
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.NotFound))
}

// Replicas placed by hand, mirrors of both kinds, and topics that grow.
func TestKindsOfTopics(t *testing.T) {
	client := connect(t, endpoint(t))
	admin, ctx := client.Admin(), testContext(t)
	spus, err := admin.SPUs(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, spus)
	id := spus[0].ID
	made := func(name string, spec fluvio.TopicSpec) fluvio.Topic {
		require.NoError(t, admin.CreateTopic(ctx, name, spec))
		topic, err := admin.Topic(ctx, name)
		require.NoError(t, err)
		return topic
	}
	assigned, home := ownName("assigned"), ownName("home")
	topic := made(assigned, fluvio.TopicSpec{Assignment: [][]int32{{id}, {id}}})
	require.Equal(t, [][]int32{{id}, {id}}, topic.Assignment)
	require.Equal(t, []fluvio.PartitionPlaces{{Partition: 0, SPUs: []int32{id}}, {Partition: 1, SPUs: []int32{id}}}, topic.Replicas)
	require.Zero(t, topic.Replication)
	require.ErrorIs(t, admin.AddPartitions(ctx, assigned, 1), fluvioerr.Target(fluvioerr.InvalidArgument), "only where the SC places")

	edges := []string{ownName("edge"), ownName("edgy")}
	for _, edge := range edges {
		require.NoError(t, admin.CreateMirror(ctx, edge, fluvio.MirrorSpec{}))
	}
	topic = made(home, fluvio.TopicSpec{Mirror: fluvio.TopicMirror{Kind: "home", Partitions: []fluvio.MirrorPartition{{RemoteCluster: edges[0]}}}})
	require.Equal(t, &fluvio.TopicMirror{Kind: "home", Partitions: []fluvio.MirrorPartition{{RemoteCluster: edges[0], RemoteReplica: home + "-0"}}}, topic.Mirror)
	require.NoError(t, admin.AddMirror(ctx, home, edges[1]))
	topic, err = admin.Topic(ctx, home)
	require.NoError(t, err)
	require.Equal(t, edges[1], topic.Mirror.Partitions[1].RemoteCluster)
	require.ErrorIs(t, admin.AddMirror(ctx, home, edges[1]), fluvioerr.Target(fluvioerr.AlreadyExists))
	require.ErrorIs(t, admin.AddMirror(ctx, home, "nobody"), fluvioerr.Target(fluvioerr.NotFound))

	grows := ownName("grows")
	made(grows, fluvio.TopicSpec{})
	require.NoError(t, admin.AddPartitions(ctx, grows, 2))
	producer, err := client.Producer(ctx, grows, fluvio.ProducerOptions{Partition: new(int32)})
	require.NoError(t, err)
	receipt, err := producer.Send(ctx, fluvio.Record{Value: []byte("x")})
	require.NoError(t, err)
	_, _, err = receipt.Wait(ctx)
	require.NoError(t, err)
	require.NoError(t, producer.Close(ctx))
	for {
		parts, err := admin.Partitions(ctx, fluvio.ListOptions{Topic: grows})
		require.NoError(t, err)
		require.Len(t, parts, 3)
		if p := parts[0]; p.LogEndOffset == 1 { // reports are late
			require.Positive(t, p.Size)
			require.EqualValues(t, 1, p.HighWatermark)
			require.Equal(t, "online", p.Status)
			break
		}
	}
	for _, topic := range []string{grows, assigned, home} { // in the end: a real SC misses what is created right after
		require.NoError(t, admin.DeleteTopic(ctx, topic))
	}
	for _, edge := range edges {
		require.NoError(t, admin.DeleteMirror(ctx, edge))
	}
}

// A remote topic is described in full; what the real SC then does with it is another matter.
func TestRemoteTopic(t *testing.T) {
	admin, ctx := connect(t, startCluster(t, devcluster.Options{}).Endpoint()).Admin(), testContext(t)
	mirror := fluvio.TopicMirror{Kind: "remote", HomeCluster: "hub", HomeSPUs: []fluvio.MirrorSPU{{ID: 7, Key: "spu-7", Endpoint: "hub:9010"}}, Target: true}
	require.NoError(t, admin.CreateTopic(ctx, "copy", fluvio.TopicSpec{Mirror: mirror}))
	topic, err := admin.Topic(ctx, "copy")
	require.NoError(t, err)
	require.Equal(t, &mirror, topic.Mirror)
	want := &fluvio.PartitionMirror{Kind: "remote", HomeCluster: "hub", HomeSPU: 7, HomeSPUKey: "spu-7", HomeEndpoint: "hub:9010", Target: true}
	require.Equal(t, want, topic.Replicas[0].Mirror)
	part, err := admin.Partition(ctx, "copy", 0)
	require.NoError(t, err)
	require.Equal(t, want, part.Mirror)
	require.ErrorContains(t, admin.DeleteTopic(ctx, "copy"), "home cluster")
}

// Every field of the other objects arrives, and comes back.
func TestObjectsRoundTrip(t *testing.T) {
	client := connect(t, endpoint(t))
	admin, ctx := client.Admin(), testContext(t)
	yes, no := true, false

	spu, id := ownName("spu"), int32(time.Now().UnixNano()%1e9)
	custom := fluvio.CustomSPUSpec{ID: id, PublicEndpoint: "public:9010", PrivateEndpoint: "private:9011", PublicEndpointLocal: "local:9012", Rack: "r1", Encryption: "ssl"}
	dry := custom
	dry.DryRun = true
	require.NoError(t, admin.CreateCustomSPU(ctx, spu, dry))
	require.NoError(t, admin.CreateCustomSPU(ctx, spu, custom))
	endpoint := func(host string, port uint16) fluvio.SPUEndpoint {
		return fluvio.SPUEndpoint{Hosts: []fluvio.SPUHost{{Hostname: host}}, Port: port, Encryption: "ssl"}
	}
	local := endpoint("local", 9012)
	want := fluvio.SPU{Name: spu, ID: id, Type: "custom", Status: "init", Address: "public:9010", PublicEndpoint: endpoint("public", 9010),
		PrivateEndpoint: endpoint("private", 9011), PublicEndpointLocal: &local, Rack: "r1"}
	got, err := admin.SPU(ctx, spu)
	require.NoError(t, err)
	require.Equal(t, want, got)
	customs, err := admin.CustomSPUs(ctx, fluvio.ListOptions{Names: []string{spu}})
	require.NoError(t, err)
	require.Equal(t, []fluvio.SPU{want}, customs)
	require.ErrorIs(t, admin.CreateCustomSPU(ctx, spu, custom), fluvioerr.Target(fluvioerr.AlreadyExists))
	require.NoError(t, admin.DeleteCustomSPUByID(ctx, id))
	require.ErrorIs(t, admin.DeleteCustomSPUByID(ctx, id), fluvioerr.Target(fluvioerr.NotFound))
	require.ErrorIs(t, admin.DeleteCustomSPU(ctx, spu), fluvioerr.Target(fluvioerr.NotFound))

	group := ownName("group")
	require.NoError(t, admin.CreateSPUGroup(ctx, group, fluvio.SPUGroupSpec{Replicas: 3, MinID: 70, Rack: "r2", InSyncReplicaMin: 2, StorageLogDir: "/logs",
		StorageSize: "10Gi", Env: map[string]string{"A": "1", "B": "2"}, Timeout: 10 * time.Second}))
	g, err := admin.SPUGroup(ctx, group)
	require.NoError(t, err)
	require.Equal(t, fluvio.SPUGroup{Name: group, Replicas: 3, MinID: 70, Rack: "r2", InSyncReplicaMin: 2, StorageLogDir: "/logs", StorageSize: "10Gi",
		Env: map[string]string{"A": "1", "B": "2"}, Status: "init"}, g)
	require.NoError(t, admin.DeleteSPUGroup(ctx, group))
	require.ErrorIs(t, admin.DeleteSPUGroup(ctx, group), fluvioerr.Target(fluvioerr.NotFound))

	format := ownName("format")
	columns := []fluvio.TableColumn{
		{KeyPath: "a.b", HeaderLabel: "AB", Width: "10", Alignment: "center", Format: "%d", Display: &no, PrimaryKey: &yes, HeaderTextColor: "green", HeaderBgColor: "yellow"},
		{KeyPath: "c", Alignment: "left", HeaderTextColor: "blue"},
	}
	table := fluvio.TableFormatSpec{InputFormat: "json", Columns: columns, SmartModule: "m"}
	require.NoError(t, admin.CreateTableFormat(ctx, format, table))
	f, err := admin.TableFormat(ctx, format)
	require.NoError(t, err)
	require.Equal(t, fluvio.TableFormat{Name: format, InputFormat: "json", Columns: columns, SmartModule: "m", Status: "init"}, f)
	require.ErrorIs(t, admin.CreateTableFormat(ctx, format, table), fluvioerr.Target(fluvioerr.AlreadyExists))
	require.NoError(t, admin.DeleteTableFormat(ctx, format))
	require.ErrorIs(t, admin.DeleteTableFormat(ctx, format), fluvioerr.Target(fluvioerr.NotFound))

	remote := ownName("remote")
	require.NoError(t, admin.CreateMirror(ctx, remote, fluvio.MirrorSpec{}))
	m, err := admin.Mirror(ctx, remote)
	require.NoError(t, err)
	waiting := fluvio.MirrorPairing{Status: "waiting"}
	require.Equal(t, fluvio.Mirror{Name: remote, Kind: "remote", ID: remote, Status: "offline", PairingSC: waiting, PairingSPU: waiting}, m)
	require.ErrorIs(t, admin.CreateMirror(ctx, remote, fluvio.MirrorSpec{}), fluvioerr.Target(fluvioerr.AlreadyExists))
	require.NoError(t, admin.DeleteMirror(ctx, remote))
	require.ErrorIs(t, admin.DeleteMirror(ctx, remote), fluvioerr.Target(fluvioerr.NotFound))
}

// A home mirror makes a real SC connect to it, so that is for the dev cluster.
func TestHomeMirror(t *testing.T) {
	admin, ctx := connect(t, startCluster(t, devcluster.Options{}).Endpoint()).Admin(), testContext(t)
	pem := "-----BEGIN CERTIFICATE-----\n"
	file := filepath.Join(t.TempDir(), "ca")
	require.NoError(t, os.WriteFile(file, []byte(pem), 0o600))
	spec := fluvio.MirrorSpec{Kind: "home", ID: "hub", RemoteID: "edge", PublicEndpoint: "hub:9003", TLS: fluvio.MirrorTLS{Domain: "d", CA: file, Certificate: pem + "1", Key: pem + "2"}}
	require.NoError(t, admin.CreateMirror(ctx, "home", spec))
	m, err := admin.Mirror(ctx, "home")
	require.NoError(t, err)
	spec.TLS.CA = pem
	require.Equal(t, []any{"home", "hub", "edge", "hub:9003", &spec.TLS, true}, []any{m.Kind, m.ID, m.RemoteID, m.PublicEndpoint, m.TLS, m.LastSeen.IsZero()})
	require.ErrorContains(t, admin.CreateMirror(ctx, "h", fluvio.MirrorSpec{Kind: "home"}), `remote_id: is missing: the name that the home knows this cluster by; public_endpoint: "" is not host:port`)
	require.ErrorContains(t, admin.CreateMirror(ctx, "r", fluvio.MirrorSpec{RemoteID: "x"}), "those are for home")
}

func TestSmartModules(t *testing.T) {
	client := connect(t, endpoint(t))
	admin, ctx := client.Admin(), testContext(t)
	spec, name := storeModule(t, admin)
	full := "group/" + spec.Package.Name + "@0.1.0"
	for _, by := range []string{name, spec.Package.Name, "group/" + spec.Package.Name, full} {
		m, err := admin.SmartModule(ctx, by)
		require.NoError(t, err, by)
		require.Positive(t, m.Size)
		m.Size = 0
		require.Equal(t, fluvio.StoredSmartModule{Name: name, FullName: full, Package: &spec.Package, Params: spec.Params, Format: "binary", Wasm: wasm}, m, by)
	}
	// One without a package, from a file, is replaced without notice.
	plain := ownName("plain")
	file := filepath.Join(t.TempDir(), "x.wasm")
	require.NoError(t, os.WriteFile(file, wasm, 0o600))
	for range 2 {
		stored, err := admin.CreateSmartModule(ctx, plain, fluvio.SmartModuleSpec{Path: file})
		require.NoError(t, err)
		require.Equal(t, plain, stored)
	}
	list, err := admin.SmartModules(ctx)
	require.NoError(t, err)
	i := slices.IndexFunc(list, func(m fluvio.StoredSmartModule) bool { return m.Name == plain })
	require.GreaterOrEqual(t, i, 0)
	require.Nil(t, list[i].Wasm, "lists leave the module out")
	require.Positive(t, list[i].Size)
	list, err = admin.SmartModules(ctx, fluvio.ListOptions{Names: []string{plain}, Wasm: true})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, wasm, list[0].Wasm)
	require.NoError(t, admin.DeleteSmartModule(ctx, plain))
	err = admin.DeleteSmartModule(ctx, plain)
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.NotFound))
	require.Equal(t, plain, fluvioerr.As(err).Detail["name"])
	require.ErrorContains(t, err, "delete SmartModule "+plain)
}

// What the server would refuse, or what makes it hang up, is refused before anything is sent, by name and with a way out.
func TestAdminArguments(t *testing.T) {
	admin, ctx := connect(t, startCluster(t, devcluster.Options{}).Endpoint()).Admin(), testContext(t)
	create := func(name string, s fluvio.TopicSpec) func() error {
		return func() error { return admin.CreateTopic(ctx, name, s) }
	}
	module := func(name string, s fluvio.SmartModuleSpec) func() error {
		return func() error { _, err := admin.CreateSmartModule(ctx, name, s); return err }
	}
	long := strings.Repeat("x", 64)
	for says, call := range map[string]func() error{
		`topic name "` + long + `" has 64 bytes, 63 are allowed [hint: use 1 to 63 of a-z`: create(long, fluvio.TopicSpec{}),
		"topic name is empty": create("", fluvio.TopicSpec{}),
		`"Big" has a character that is not allowed, at byte 0`:        create("Big", fluvio.TopicSpec{}),
		`"x-" begins or ends with -`:                                  create("x-", fluvio.TopicSpec{}),
		"retention_seconds: 9 is not between 10 and":                  create("x", fluvio.TopicSpec{RetentionSeconds: 9}),
		"segment_size: 1023 is not between 1024 and":                  create("x", fluvio.TopicSpec{SegmentSize: 1023}),
		"max_partition_size: 2047 is not between 2048 and":            create("x", fluvio.TopicSpec{MaxPartitionSize: 2047, SegmentSize: 1024}),
		"4096 is smaller than the default of segment_size, 107374182": create("x", fluvio.TopicSpec{MaxPartitionSize: 4096}),
		"assignment: partition 1 has 1 SPUs and partition 0 has 2":    create("x", fluvio.TopicSpec{Assignment: [][]int32{{1, 2}, {1}}}),
		"assignment: partition 0 has an SPU twice":                    create("x", fluvio.TopicSpec{Assignment: [][]int32{{1, 1}}}),
		"assignment: partition 0 has the SPU -1":                      create("x", fluvio.TopicSpec{Assignment: [][]int32{{-1}}}),
		"assignment: partition 0 has no SPU":                          create("x", fluvio.TopicSpec{Assignment: [][]int32{{}}}),
		"assignment: cannot be combined":                              create("x", fluvio.TopicSpec{Assignment: [][]int32{{1}}, Partitions: 1}),
		"mirror: cannot be combined":                                  create("x", fluvio.TopicSpec{Mirror: fluvio.TopicMirror{Kind: "home"}, Replication: 1}),
		"mirror.kind: is missing":                                     create("x", fluvio.TopicSpec{Mirror: fluvio.TopicMirror{Source: true}}),
		"mirror.home_cluster: is missing":                             create("x", fluvio.TopicSpec{Mirror: fluvio.TopicMirror{Kind: "remote"}}),
		"partitions and source are for the kind home":                 create("x", fluvio.TopicSpec{Mirror: fluvio.TopicMirror{Kind: "remote", Source: true}}),
		"mirror.partitions[0].remote_cluster: is missing":             create("x", fluvio.TopicSpec{Mirror: fluvio.TopicMirror{Kind: "home", Partitions: make([]fluvio.MirrorPartition, 1)}}),
		`deduplication.smartmodule: "a/b@x" has the version "x"`:      create("x", fluvio.TopicSpec{Deduplication: fluvio.Deduplication{SmartModule: "a/b@x", Count: 1}}),
		"deduplication.count: is missing":                             create("x", fluvio.TopicSpec{Deduplication: fluvio.Deduplication{SmartModule: "a"}}),
		"count is 0":                                                  func() error { return admin.AddPartitions(ctx, "x", 0) },
		"the name is empty":                                           func() error { return admin.AddMirror(ctx, "x", "") },
		"give one of path and wasm":                                   module("x", fluvio.SmartModuleSpec{}),
		"wasm: this is not WebAssembly":                               module("x", fluvio.SmartModuleSpec{Wasm: []byte("text")}),
		`package.version: "1" is not a version like 0.1.0`:            module("x", fluvio.SmartModuleSpec{Wasm: wasm, Package: fluvio.SmartModulePackage{Name: "a", Group: "b", Version: "1"}}),
		`package.group: "" is empty or has / or @`:                    module("x", fluvio.SmartModuleSpec{Wasm: wasm, Package: fluvio.SmartModulePackage{Name: "a", Version: "0.1.0"}}),
		"params: need a package":                                      module("x", fluvio.SmartModuleSpec{Wasm: wasm, Params: []fluvio.SmartModuleParam{{Name: "a"}}}),
		`the name "a/b" has a /`:                                      module("a/b", fluvio.SmartModuleSpec{Wasm: wasm}),
		"no such file":                                                module("x", fluvio.SmartModuleSpec{Path: filepath.Join(t.TempDir(), "none")}),
		`"g/m@?" has the version "?"`:                                 func() error { return admin.DeleteSmartModule(ctx, "g/m@?") },
		`public_endpoint: "x" is not host:port; private_endpoint: ":1" is not`: func() error {
			return admin.CreateCustomSPU(ctx, "x", fluvio.CustomSPUSpec{PublicEndpoint: "x", PrivateEndpoint: ":1"})
		},
		"columns[0].key_path: is missing": func() error {
			return admin.CreateTableFormat(ctx, "x", fluvio.TableFormatSpec{Columns: make([]fluvio.TableColumn, 1)})
		},
		"the name is longer than 32767 bytes": func() error { return admin.DeleteMirror(ctx, strings.Repeat("x", 40000)) },
		"the name is not UTF-8":               func() error { return admin.DeleteTableFormat(ctx, "\xff") },
		"system: is for topics and partitions, not for a list of SPUs": func() error {
			_, err := admin.SPUs(ctx, fluvio.ListOptions{System: true})
			return err
		},
		"topic: is for partitions, not for a list of topics": func() error {
			_, err := admin.Topics(ctx, fluvio.ListOptions{Topic: "x"})
			return err
		},
		`names: "a/b@?" has the version`: func() error {
			_, err := admin.SmartModules(ctx, fluvio.ListOptions{Names: []string{"a/b@?"}})
			return err
		},
	} {
		err := call()
		require.ErrorContains(t, err, says)
		require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.InvalidArgument), says)
	}
}

// Every refusal of the server is an error of its kind, with the server's code and what to do.
func TestServerRefusals(t *testing.T) {
	client := connect(t, endpoint(t))
	admin, ctx := client.Admin(), testContext(t)
	there, edge, none := makeTopic(t, client, "there", 1), ownName("edge"), ownName("none")
	require.NoError(t, admin.CreateMirror(ctx, edge, fluvio.MirrorSpec{}))
	defer func() { require.NoError(t, admin.DeleteMirror(ctx, edge)) }()
	dedup := func(module string) error {
		return admin.CreateTopic(ctx, none, fluvio.TopicSpec{Deduplication: fluvio.Deduplication{SmartModule: module, Count: 1}})
	}
	for says, row := range map[string]struct {
		code   fluvioerr.Code
		server fluvioerr.ServerCode
		err    error
	}{
		"already exists":            {fluvioerr.AlreadyExists, 2002, admin.CreateTopic(ctx, there, fluvio.TopicSpec{})},
		"invalid spu id: 99999":     {fluvioerr.Server, 2000, admin.CreateTopic(ctx, none, fluvio.TopicSpec{Assignment: [][]int32{{99999}}})},
		"is not loaded":             {fluvioerr.NotFound, 10000, dedup("nobody/knows@0.1.0")},
		"create the topic first":    {fluvioerr.NotFound, 2001, admin.DeleteTopic(ctx, none)},
		"give force":                {fluvioerr.Permission, 12001, admin.DeleteTopic(ctx, "consumer-offset")},
		"leave topics of the":       {fluvioerr.Permission, 12002, admin.AddPartitions(ctx, "consumer-offset", 1)},
		"add partitions " + none:    {fluvioerr.NotFound, 2001, admin.AddPartitions(ctx, none, 1)},
		"add mirror " + none:        {fluvioerr.NotFound, 2001, admin.AddMirror(ctx, none, edge)},
		"register the remote":       {fluvioerr.NotFound, 11001, admin.AddMirror(ctx, there, none)},
		"add mirror " + there:       {fluvioerr.Server, 2000, admin.AddMirror(ctx, there, edge)},
		"delete custom SPU " + none: {fluvioerr.NotFound, 1003, admin.DeleteCustomSPU(ctx, none)},
		"delete SPU group " + none:  {fluvioerr.NotFound, 1003, admin.DeleteSPUGroup(ctx, none)},
		"SmartModuleNotFound":       {fluvioerr.NotFound, 6001, admin.DeleteSmartModule(ctx, none)},
		"TableFormatNotFound":       {fluvioerr.NotFound, 7001, admin.DeleteTableFormat(ctx, none)},
		"MirrorNotFound":            {fluvioerr.NotFound, 11001, admin.DeleteMirror(ctx, none)},
		"MirrorAlreadyExists":       {fluvioerr.AlreadyExists, 11002, admin.CreateMirror(ctx, edge, fluvio.MirrorSpec{})},
	} {
		e := fluvioerr.As(row.err)
		require.NotNil(t, e, says)
		require.Equal(t, []any{row.code, row.server}, []any{e.Code, e.Server}, "%v", e)
		require.ErrorContains(t, e, says)
		require.NotEmpty(t, e.HintText(), says)
	}
}

// The same for codes that checks before keep from being seen, and for those of a server that fails.
func TestEveryStatusCode(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	admin, ctx := connect(t, cluster.Endpoint()).Admin(), testContext(t)
	for code, want := range map[fluvioerr.ServerCode]fluvioerr.Code{
		2: fluvioerr.Server, 13: fluvioerr.Permission, 1000: fluvioerr.Server, 1003: fluvioerr.NotFound, 1004: fluvioerr.AlreadyExists,
		2000: fluvioerr.Server, 2001: fluvioerr.NotFound, 2002: fluvioerr.AlreadyExists, 2004: fluvioerr.InvalidArgument, 2005: fluvioerr.Server,
		2006: fluvioerr.InvalidArgument, 2008: fluvioerr.InvalidArgument, 6000: fluvioerr.SmartModule, 6001: fluvioerr.NotFound, 7000: fluvioerr.Server,
		7001: fluvioerr.NotFound, 7002: fluvioerr.AlreadyExists, 10000: fluvioerr.NotFound, 10001: fluvioerr.InvalidArgument, 11001: fluvioerr.NotFound,
		11002: fluvioerr.AlreadyExists, 11004: fluvioerr.InvalidState, 11005: fluvioerr.InvalidArgument, 12001: fluvioerr.Permission, 12002: fluvioerr.Permission,
	} {
		action := devcluster.Action{Kind: devcluster.ActionError, Code: code}
		for api, call := range map[string]func() error{
			"Create": func() error { return admin.CreateTopic(ctx, "x", fluvio.TopicSpec{}) },
			"Delete": func() error { return admin.DeleteSPUGroup(ctx, "x") },
			"Update": func() error { return admin.AddPartitions(ctx, "x", 1) },
		} {
			rule, err := cluster.AddRule(devcluster.Rule{API: api, SPU: devcluster.SC, Partition: -1, Count: 1, Action: action})
			require.NoError(t, err)
			e := fluvioerr.As(call())
			require.NotNil(t, e, "%s %d", api, code)
			require.Equal(t, []any{want, code}, []any{e.Code, e.Server}, "%v", e)
			require.NotEmpty(t, e.HintText())
			require.Equal(t, 1, rule.Hits())
			rule.Remove()
		}
	}
}

// The topic of a name that 20 clients create and delete is, in the end, there or not there, for all of them the same.
func TestRacingCreatesAndDeletes(t *testing.T) {
	at := endpoint(t)
	ctx := testContext(t)
	name, rounds := ownName("raced"), 10
	if os.Getenv("FLUVIO_ENDPOINT") != "" {
		rounds = 2 // a real SC is slow here
	}
	clients := make([]*fluvio.Client, 20)
	for i := range clients {
		clients[i] = connect(t, at)
	}
	var all sync.WaitGroup
	for i, client := range clients {
		all.Go(func() {
			for round := range rounds {
				var err error
				allowed := []fluvioerr.Code{fluvioerr.OK, fluvioerr.NotFound}
				if (i+round)%2 == 0 {
					err = client.Admin().CreateTopic(ctx, name, fluvio.TopicSpec{Partitions: 2})
					allowed = append(allowed, fluvioerr.AlreadyExists)
				} else {
					err = client.Admin().DeleteTopic(ctx, name)
				}
				if e := fluvioerr.As(err); e != nil && e.Server == fluvioerr.ServerTopicNotProvisioned {
					continue // it was deleted while the SC waited for its partitions
				}
				if !slices.Contains(allowed, fluvioerr.CodeOf(err)) {
					t.Errorf("client %d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	if err := clients[0].Admin().DeleteTopic(ctx, name); err != nil {
		require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.NotFound))
	}
	for _, client := range clients {
		_, err := client.Admin().Topic(ctx, name)
		require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.NotFound))
	}
	require.NoError(t, clients[1].Admin().CreateTopic(ctx, name, fluvio.TopicSpec{Partitions: 3}))
	for i, client := range clients {
		require.NoError(t, client.Admin().WaitTopic(ctx, name))
		for {
			topic, err := client.Admin().Topic(ctx, name)
			require.NoError(t, err)
			require.EqualValues(t, 3, topic.Partitions)
			if len(topic.Replicas) == 3 {
				break
			}
		}
		partition := int32(i % 3)
		producer, err := client.Producer(ctx, name, fluvio.ProducerOptions{Partition: &partition})
		require.NoError(t, err)
		receipt, err := producer.Send(ctx, fluvio.Record{Value: []byte("x")})
		require.NoError(t, err)
		_, _, err = receipt.Wait(ctx)
		require.NoError(t, err, "client %d", i)
	}
	parts, err := clients[2].Admin().Partitions(ctx, fluvio.ListOptions{Topic: name})
	require.NoError(t, err)
	require.Len(t, parts, 3, "no partition of an earlier topic is left")
	require.NoError(t, clients[0].Admin().DeleteTopic(ctx, name))
}

// Waiting for a topic says what is missing.
func TestWaitTopic(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{SPUs: 2, TopicWait: time.Millisecond})
	client := connect(t, cluster.Endpoint())
	ctx := testContext(t)
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	err := client.Admin().WaitTopic(soon(), "late")
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.Timeout))
	require.ErrorContains(t, err, "waiting for the topic to exist")
	waited := make(chan error, 1)
	go func() { waited <- client.Admin().WaitTopic(ctx, "late") }()
	require.NoError(t, cluster.CreateTopic("late", 4))
	require.NoError(t, <-waited)
	require.NoError(t, cluster.StopSPU(5002))
	var gone []string
	for i := range int32(4) {
		if leader, err := cluster.Leader("late", i); err == nil && leader == 5002 {
			gone = append(gone, fmt.Sprint(i))
		}
	}
	for err = nil; err == nil; { // the watch is told soon
		err = client.Admin().WaitTopic(soon(), "late")
	}
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.Timeout))
	require.ErrorContains(t, err, "waiting for leaders of the partitions "+strings.Join(gone, ", "))
	go func() { waited <- client.Admin().WaitTopic(ctx, "late") }()
	require.NoError(t, cluster.StartSPU(5002))
	require.NoError(t, <-waited)
}
