package fluvio

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// createTimeout is how long CreateTopic waits at most: the server itself waits up to 100 s until the partitions are online.
const createTimeout = 110 * time.Second

// Admin creates, deletes and lists. Its methods are safe for concurrent use.
type Admin struct{ client *Client }

// Admin gives access to the cluster's objects.
func (c *Client) Admin() *Admin { return &Admin{c} }

// Topic is a topic of the cluster.
type Topic struct {
	Name             string
	Partitions       uint32
	Replication      uint32 // 0 when the replicas were assigned by hand
	System           bool
	Status           string // init, pending, insufficient-resources, invalid-config, provisioned, deleting
	Reason           string // why the status is so
	Compression      string // the policy: any, none, gzip, snappy, lz4, zstd
	RetentionSeconds uint32 // 0: the cluster's default
	SegmentSize      uint32 // bytes, 0: the cluster's default
	MaxPartitionSize uint64 // bytes, 0: the cluster's default
}

// checkTopicName holds a name against the server's rule; the server itself forgets to refuse the empty one.
func checkTopicName(op, name string) error {
	bad := func(format string, args ...any) error {
		return fluvioerr.New(fluvioerr.InvalidArgument, op, "topic name "+format, args...).ForSetting("topic").
			WithHint("use 1 to 63 of a-z, 0-9 and -, not - first or last")
	}
	if name == "" {
		return bad("is empty")
	}
	if len(name) > 63 {
		return bad("%q has %d bytes, 63 are allowed", name, len(name))
	}
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return bad("%q has a character that is not allowed, at byte %d", name, i)
		}
	}
	if name[0] == '-' || name[len(name)-1] == '-' {
		return bad("%q begins or ends with -", name)
	}
	return nil
}

// Validate reports every problem of the spec at once, by the server's rules.
func (s TopicSpec) Validate() error { return s.problems().err("topic") }

func (s TopicSpec) problems() *problems {
	p := &problems{}
	checkSettings(p, s)
	if s.MaxPartitionSize != 0 {
		if segment := uint64(orDefault(s.SegmentSize, 1<<30)); s.MaxPartitionSize < segment {
			p.add("max_partition_size", "%d is smaller than segment_size, %d", s.MaxPartitionSize, segment)
		}
	}
	return p
}

// wire gives the spec as the SC takes it.
func (s *TopicSpec) wire() *wire.TopicSpec {
	spec := &wire.TopicSpec{
		Replicas: wire.ReplicaSpec{Kind: wire.ReplicasComputed, Partitions: orDefault(s.Partitions, 1), ReplicationFactor: orDefault(s.Replication, 1), IgnoreRack: s.IgnoreRack},
	}
	for number, name := range topicPolicies {
		if name == orDefault(s.Compression, "any") {
			spec.Compression = number
		}
	}
	if s.RetentionSeconds != 0 {
		spec.CleanupPolicy = &wire.CleanupPolicy{Seconds: s.RetentionSeconds}
	}
	if s.SegmentSize != 0 || s.MaxPartitionSize != 0 {
		spec.Storage = &wire.TopicStorage{}
		if s.SegmentSize != 0 {
			spec.Storage.SegmentSize = &s.SegmentSize
		}
		if s.MaxPartitionSize != 0 {
			spec.Storage.MaxPartitionSize = &s.MaxPartitionSize
		}
	}
	return spec
}

// CreateTopic creates a topic and returns when its partitions are online and this client knows them. It ends with ctx, and
// after 110 s at the latest. After a timeout the topic may exist all the same; it becomes usable when SPUs appear.
func (a *Admin) CreateTopic(ctx context.Context, name string, spec TopicSpec) error {
	const op = "create topic"
	if err := a.client.alive(); err != nil {
		return err
	}
	if err := checkTopicName(op, name); err != nil {
		return err
	}
	if err := spec.Validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	var status wire.Status
	req := &wire.CreateRequest{Label: wire.LabelTopic, Name: name, DryRun: spec.DryRun, Spec: spec.wire()}
	if err := a.create(ctx, req, &status); err != nil {
		return named(err, op, name)
	}
	if err := statusError(&status, op, name); err != nil || spec.DryRun {
		return err
	}
	_, err := a.client.cluster.Topic(ctx, name)
	return err
}

// answerGrace is how long the SC may take to answer after its own watch has shown that the new topic is online.
const answerGrace = 2 * time.Second

var errOnline = errors.New("the watch shows that the topic is online")

// create sends the request for a topic. A real SC that has just deleted one can miss that the next one is online, and answers
// TopicNotProvisioned after 90 s: when the watch shows a topic as it was asked for, which was not there before, with all its
// partitions online, and no answer comes, that is success.
func (a *Admin) create(ctx context.Context, req *wire.CreateRequest, status *wire.Status) error {
	cl := a.client.cluster
	spec, ok := req.Spec.(*wire.TopicSpec)
	if req.DryRun || !ok || cl.Snapshot().Topics[req.Name] != nil {
		return cl.ControlLong(ctx, wire.KeyCreate, req, status)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if !cl.AwaitOnline(ctx, req.Name, spec) {
			return
		}
		select {
		case <-time.After(answerGrace):
			cancel(errOnline)
		case <-ctx.Done():
		}
	}()
	err := cl.ControlLong(ctx, wire.KeyCreate, req, status)
	cancel(nil)
	<-watched
	if err != nil && errors.Is(context.Cause(ctx), errOnline) {
		return nil
	}
	return err
}

// DeleteTopic deletes a topic with all its records, and returns when this client has heard of it.
func (a *Admin) DeleteTopic(ctx context.Context, name string) error {
	const op = "delete topic"
	if err := a.client.alive(); err != nil {
		return err
	}
	if err := checkTopicName(op, name); err != nil {
		return err
	}
	var status wire.Status
	if err := a.client.cluster.Control(ctx, wire.KeyDelete, &wire.DeleteRequest{Label: wire.LabelTopic, Name: name}, &status); err != nil {
		return named(err, op, name)
	}
	if err := statusError(&status, op, name); err != nil {
		return err
	}
	// So that whoever creates the topic anew does not take the old one for it. The watch is a little later, if it works at all.
	ctx, cancel := context.WithTimeout(ctx, answerGrace)
	defer cancel()
	a.client.cluster.AwaitGone(ctx, name)
	return nil
}

// Topics lists the topics, without system topics, in the order of their names.
func (a *Admin) Topics(ctx context.Context) ([]Topic, error) {
	if err := a.client.alive(); err != nil {
		return nil, err
	}
	var list wire.ListResponse
	if err := a.client.cluster.Control(ctx, wire.KeyList, &wire.ListRequest{Label: wire.LabelTopic}, &list); err != nil {
		return nil, named(err, "list topics", "")
	}
	topics := make([]Topic, 0, len(list.Objects))
	for i := range list.Objects {
		topics = append(topics, topicOf(&list.Objects[i]))
	}
	sort.Slice(topics, func(i, j int) bool { return topics[i].Name < topics[j].Name })
	return topics, nil
}

var topicResolutions = [...]string{"init", "pending", "insufficient-resources", "invalid-config", "provisioned", "deleting"}

func topicOf(o *wire.Object) Topic {
	spec, status := o.Spec.(*wire.TopicSpec), o.Status.(*wire.TopicStatus)
	t := Topic{Name: o.Name, Partitions: uint32(spec.Replicas.PartitionCount()), System: spec.System, Reason: status.Reason, Status: "unknown", Compression: topicPolicies[spec.Compression]}
	if spec.Replicas.Kind == wire.ReplicasComputed {
		t.Replication = spec.Replicas.ReplicationFactor
	}
	if int(status.Resolution) < len(topicResolutions) {
		t.Status = topicResolutions[status.Resolution]
	}
	if spec.CleanupPolicy != nil {
		t.RetentionSeconds = spec.CleanupPolicy.Seconds
	}
	if spec.Storage != nil {
		if spec.Storage.SegmentSize != nil {
			t.SegmentSize = *spec.Storage.SegmentSize
		}
		if spec.Storage.MaxPartitionSize != nil {
			t.MaxPartitionSize = *spec.Storage.MaxPartitionSize
		}
	}
	return t
}

// statusError turns the SC's answer into an error, nil for success.
func statusError(s *wire.Status, op, topic string) error {
	e := s.Error.Err(op)
	if e == nil {
		return nil
	}
	if s.Message != nil && *s.Message != "" {
		e.Message += ": " + *s.Message
	}
	return e.At(topic, -1)
}

// named says in an error what was being done.
func named(err error, op, topic string) error {
	e := fluvioerr.As(err)
	if e == nil {
		return err
	}
	own := *e
	own.Op = op
	return own.At(topic, -1)
}

func isEnd(err error) bool { return fluvioerr.CodeOf(err) == fluvioerr.End }
