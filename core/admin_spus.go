package fluvio

import (
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// SPU is a storage server of the cluster.
type SPU struct {
	Name                string       `json:"name"`
	ID                  int32        `json:"id"`
	Type                string       `json:"type"`    // managed (by Kubernetes) or custom
	Status              string       `json:"status"`  // online, offline or init (it never came)
	Address             string       `json:"address"` // host:port for clients; empty: it has none
	PublicEndpoint      SPUEndpoint  `json:"public_endpoint"`
	PrivateEndpoint     SPUEndpoint  `json:"private_endpoint"`
	PublicEndpointLocal *SPUEndpoint `json:"public_endpoint_local"` // nil: none
	Rack                string       `json:"rack"`
}

// SPUEndpoint is where an SPU listens.
type SPUEndpoint struct {
	Hosts      []SPUHost `json:"hosts"`
	Port       uint16    `json:"port"`
	Encryption string    `json:"encryption"` // plaintext or ssl; clusters with TLS say plaintext too
}

// SPUHost is a name or an address of an SPU.
type SPUHost struct {
	Hostname string `json:"hostname"`
	IP       string `json:"ip"`
}

// encryptions are those of endpoints.
var encryptions = []string{"plaintext", "ssl"}

// CustomSPUSpec registers an SPU that is started by hand.
type CustomSPUSpec struct {
	// ID is the number that the SPU is started with.
	ID int32 `setting:"id" min:"0" max:"2147483647"`
	// PublicEndpoint is host:port for clients.
	PublicEndpoint string `setting:"public_endpoint"`
	// PrivateEndpoint is host:port for other SPUs.
	PrivateEndpoint string `setting:"private_endpoint"`
	// PublicEndpointLocal is host:port for clients with use_spu_local_address. Platform 0.11.11.
	PublicEndpointLocal string `setting:"public_endpoint_local"`
	// Rack is stored with the SPU.
	Rack string `setting:"rack"`
	// Encryption is stored with the endpoints: plaintext or ssl. It changes nothing. Default plaintext.
	Encryption string `setting:"encryption" enum:"plaintext,ssl"`
	// DryRun only checks.
	DryRun bool `setting:"dry_run"`
}

// ParseCustomSPUSpec reads the settings of a custom SPU, as ParseClientOptions.
func ParseCustomSPUSpec(js []byte) (o CustomSPUSpec, err error) {
	return o, parseSettings("custom SPU", js, &o)
}

// splitEndpoint reads host:port.
func splitEndpoint(p *problems, setting, text string) (host string, port uint16) {
	host, number, err := net.SplitHostPort(text)
	n, bad := strconv.ParseUint(number, 10, 16)
	if err != nil || bad != nil || host == "" || n == 0 {
		p.add(setting, "%q is not host:port", text)
	}
	return host, uint16(n)
}

func (s CustomSPUSpec) problems() *problems { _, p := s.wire(); return p }

func (s *CustomSPUSpec) wire() (*wire.CustomSPUSpec, *problems) {
	p := checked(*s)
	encryption := numberOf(s.Encryption, encryptions...)
	out := &wire.CustomSPUSpec{ID: s.ID, Rack: optional(s.Rack)}
	host, port := splitEndpoint(p, "public_endpoint", s.PublicEndpoint)
	out.PublicEndpoint = wire.IngressPort{Port: port, Ingress: []wire.IngressAddr{{Hostname: &host}}, Encryption: encryption}
	host2, port2 := splitEndpoint(p, "private_endpoint", s.PrivateEndpoint)
	out.PrivateEndpoint = wire.Endpoint{Port: port2, Host: host2, Encryption: encryption}
	if s.PublicEndpointLocal != "" {
		host, port := splitEndpoint(p, "public_endpoint_local", s.PublicEndpointLocal)
		out.PublicEndpointLocal = &wire.Endpoint{Port: port, Host: host, Encryption: encryption}
	}
	return out, p
}

// CreateCustomSPU registers an SPU under a name; it comes online when it is started with that id. AlreadyExists: name or id are
// taken.
func (a *Admin) CreateCustomSPU(ctx context.Context, name string, spec CustomSPUSpec) error {
	s, p := spec.wire()
	if err := p.err("custom SPU"); err != nil {
		return err
	}
	_, err := a.create(ctx, "create custom SPU", &wire.CreateRequest{Label: wire.LabelCustomSPU, Name: name, DryRun: spec.DryRun, Spec: s})
	return err
}

// DeleteCustomSPU takes an SPU out of the cluster, by its name.
func (a *Admin) DeleteCustomSPU(ctx context.Context, name string) error {
	return a.remove(ctx, "delete custom SPU", &wire.DeleteRequest{Label: wire.LabelCustomSPU, Name: name})
}

// DeleteCustomSPUByID is DeleteCustomSPU by the number of the SPU.
func (a *Admin) DeleteCustomSPUByID(ctx context.Context, id int32) error {
	return about(a.remove(ctx, "delete custom SPU", &wire.DeleteRequest{Label: wire.LabelCustomSPU, ID: &id}), strconv.Itoa(int(id)))
}

// spus and customSPUs are how SPUs are listed and watched.
var (
	spus       = kind[SPU]{objects{wire.LabelSPU, "SPU"}, spuOf, bySPUID}
	customSPUs = kind[SPU]{objects{wire.LabelCustomSPU, "custom SPU"}, spuOf, bySPUID}
)

func bySPUID(x, y *SPU) int { return cmp.Compare(x.ID, y.ID) }

// SPUs lists the SPUs in the order of their ids.
func (a *Admin) SPUs(ctx context.Context, options ...ListOptions) ([]SPU, error) {
	return list(ctx, a, spus, options)
}

// CustomSPUs lists the SPUs that were registered with CreateCustomSPU.
func (a *Admin) CustomSPUs(ctx context.Context, options ...ListOptions) ([]SPU, error) {
	return list(ctx, a, customSPUs, options)
}

// SPU describes an SPU by its name. NotFound: there is none.
func (a *Admin) SPU(ctx context.Context, name string) (SPU, error) {
	return describe(ctx, a, spus, name, func(s *SPU) bool { return s.Name == name }, ListOptions{Names: []string{name}})
}

// WatchSPUs tells of SPUs that come, change and go.
func (a *Admin) WatchSPUs(ctx context.Context) (*Watch[SPU], error) { return watch(ctx, a, spus) }

func spuOf(o *wire.Object) SPU {
	spec, ok := o.Spec.(*wire.SPUSpec)
	if !ok {
		spec = o.Spec.(*wire.CustomSPUSpec).SPU()
	}
	endpoint := func(e *wire.Endpoint) SPUEndpoint {
		return SPUEndpoint{Hosts: []SPUHost{{Hostname: e.Host}}, Port: e.Port, Encryption: of(e.Encryption, encryptions...)}
	}
	s := SPU{
		Name: o.Name, ID: spec.ID, Type: of(spec.Type, "managed", "custom"), Rack: value(spec.Rack), Address: spec.PublicAddr(false),
		Status:          of(o.Status.(*wire.SPUStatus).Resolution, "online", "offline", "init"),
		PublicEndpoint:  SPUEndpoint{Port: spec.PublicEndpoint.Port, Encryption: of(spec.PublicEndpoint.Encryption, encryptions...)},
		PrivateEndpoint: endpoint(&spec.PrivateEndpoint),
	}
	for _, host := range spec.PublicEndpoint.Ingress {
		s.PublicEndpoint.Hosts = append(s.PublicEndpoint.Hosts, SPUHost{Hostname: value(host.Hostname), IP: value(host.IP)})
	}
	if spec.PublicEndpointLocal != nil {
		local := endpoint(spec.PublicEndpointLocal)
		s.PublicEndpointLocal = &local
	}
	return s
}

// SPUGroupSpec asks Kubernetes for SPUs; elsewhere the group is only stored.
type SPUGroupSpec struct {
	// Replicas is the number of SPUs. Default 1.
	Replicas uint16 `setting:"replicas" min:"1" max:"65535"`
	// MinID is the id of the first SPU.
	MinID int32 `setting:"min_id" min:"0" max:"2147483647"`
	// Rack is that of the SPUs.
	Rack string `setting:"rack"`
	// InSyncReplicaMin is the least number of replicas in sync. 0: not given.
	InSyncReplicaMin uint16 `setting:"in_sync_replica_min" min:"1" max:"65535"`
	// StorageLogDir is where the SPUs keep their logs. Empty: not given.
	StorageLogDir string `setting:"storage_log_dir"`
	// StorageSize is that of their volumes, as Kubernetes writes it: 10Gi. Empty: not given.
	StorageSize string `setting:"storage_size"`
	// Env are environment variables of the SPUs.
	Env map[string]string `setting:"env"`
	// Timeout is how long the server waits for the group. Default 120 s.
	Timeout time.Duration `setting:"timeout_ms" min:"1" max:"4294967295"`
}

// ParseSPUGroupSpec reads the settings of an SPU group, as ParseClientOptions.
func ParseSPUGroupSpec(js []byte) (o SPUGroupSpec, err error) {
	return o, parseSettings("SPU group", js, &o)
}

func (s SPUGroupSpec) problems() *problems { return checked(s) }

// SPUGroup is a group of SPUs.
type SPUGroup struct {
	Name             string            `json:"name"`
	Replicas         uint16            `json:"replicas"`
	MinID            int32             `json:"min_id"`
	Rack             string            `json:"rack"`
	InSyncReplicaMin uint16            `json:"in_sync_replica_min"` // 0: not given
	StorageLogDir    string            `json:"storage_log_dir"`
	StorageSize      string            `json:"storage_size"`
	Env              map[string]string `json:"env"`
	Status           string            `json:"status"` // init, invalid or reserved
	Reason           string            `json:"reason"`
}

// CreateSPUGroup asks for a group of SPUs. An existing group of that name is replaced.
func (a *Admin) CreateSPUGroup(ctx context.Context, name string, spec SPUGroupSpec) error {
	if err := spec.problems().err("SPU group"); err != nil {
		return err
	}
	s := &wire.SPUGroupSpec{Replicas: orDefault(spec.Replicas, 1), MinID: spec.MinID, Rack: optional(spec.Rack)}
	if spec.InSyncReplicaMin != 0 {
		s.Replication = &wire.SPUGroupReplication{InSyncReplicaMin: &spec.InSyncReplicaMin}
	}
	if spec.StorageLogDir != "" || spec.StorageSize != "" {
		s.Storage = &wire.SPUGroupStorage{LogDir: optional(spec.StorageLogDir), Size: optional(spec.StorageSize)}
	}
	for _, key := range slices.Sorted(maps.Keys(spec.Env)) {
		s.Env = append(s.Env, wire.EnvVar{Name: key, Value: spec.Env[key]})
	}
	wait := uint32(orDefault(spec.Timeout, 2*time.Minute).Milliseconds())
	ctx, cancel := limited(ctx, createTimeout+time.Duration(wait)*time.Millisecond)
	defer cancel()
	_, err := a.create(ctx, "create SPU group", &wire.CreateRequest{Label: wire.LabelSPUGroup, Name: name, Timeout: &wait, Spec: s})
	return err
}

// DeleteSPUGroup deletes a group.
func (a *Admin) DeleteSPUGroup(ctx context.Context, name string) error {
	return a.remove(ctx, "delete SPU group", &wire.DeleteRequest{Label: wire.LabelSPUGroup, Name: name})
}

// spuGroups is how groups are listed and watched.
var spuGroups = kind[SPUGroup]{objects{wire.LabelSPUGroup, "SPU group"}, spuGroupOf, func(x, y *SPUGroup) int { return cmp.Compare(x.Name, y.Name) }}

// SPUGroups lists the groups in the order of their names.
func (a *Admin) SPUGroups(ctx context.Context, options ...ListOptions) ([]SPUGroup, error) {
	return list(ctx, a, spuGroups, options)
}

// SPUGroup describes a group. NotFound: there is none.
func (a *Admin) SPUGroup(ctx context.Context, name string) (SPUGroup, error) {
	return describe(ctx, a, spuGroups, name, func(g *SPUGroup) bool { return g.Name == name }, ListOptions{Names: []string{name}})
}

// WatchSPUGroups tells of groups that come, change and go.
func (a *Admin) WatchSPUGroups(ctx context.Context) (*Watch[SPUGroup], error) {
	return watch(ctx, a, spuGroups)
}

func spuGroupOf(o *wire.Object) SPUGroup {
	spec, status := o.Spec.(*wire.SPUGroupSpec), o.Status.(*wire.SPUGroupStatus)
	storage := value(spec.Storage)
	g := SPUGroup{
		Name: o.Name, Replicas: spec.Replicas, MinID: spec.MinID, Rack: value(spec.Rack),
		InSyncReplicaMin: value(value(spec.Replication).InSyncReplicaMin),
		StorageLogDir:    value(storage.LogDir), StorageSize: value(storage.Size), Env: map[string]string{},
		Status: of(status.Resolution, "init", "invalid", "reserved"), Reason: value(status.Reason),
	}
	for _, e := range spec.Env {
		g.Env[e.Name] = e.Value
	}
	return g
}
