package devcluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scCreate makes topics. The checks, their order, codes and texts are the real SC's; so is that the empty name passes.
var scCreate = api{
	key: wire.KeyCreate, name: "Create", min: 9, max: 19, canFail: true,
	request: func() wire.Message { return &wire.CreateRequest{} },
	targets: func(m wire.Message) []target { return []target{{m.(*wire.CreateRequest).Name, -1}} },
	serve: func(r *request) error {
		m, cl := r.msg.(*wire.CreateRequest), r.conn.srv.cl
		t := target{m.Name, -1}
		status := &wire.Status{Name: m.Name}
		if code, refused := r.refusal(t); refused {
			status.Error = code
			return r.reply(status)
		}
		spec, ok := m.Spec.(*wire.TopicSpec)
		if !ok {
			return r.reply(&wire.Status{Name: "create error", Error: wire.Errorf("unknown admin object type")})
		}
		code, text := cl.checkNewTopic(m.Name, spec)
		if code == 0 && !m.DryRun {
			code, text = cl.createAndWait(m.Name, spec, cl.opts.TopicWait, r.conn.done)
		}
		status.Error = r.verdict(t, wire.ErrorCode{Code: code})
		if text != "" {
			status.Message = &text
		}
		return r.reply(status)
	},
}

// Limits of a topic's settings.
const (
	maxNameBytes        = 63
	minRetentionSeconds = 10
	minSegmentSize      = 1024
	minMaxPartition     = 2048
)

// checkNewTopic applies the SC's rules to a topic that is to be made.
func (cl *Cluster) checkNewTopic(name string, spec *wire.TopicSpec) (fluvioerr.ServerCode, string) {
	if reason := checkName(name); reason != "" {
		return fluvioerr.ServerTopicInvalidName, fmt.Sprintf("Invalid topic name: '%s'. %s", name, reason)
	}
	if cl.topic(name) != nil {
		return fluvioerr.ServerTopicAlreadyExists, fmt.Sprintf("Topic '%s' already exists", name)
	}
	if text := checkTopicLimits(spec); text != "" {
		return fluvioerr.ServerTopicInvalidConfiguration, text
	}
	if spec.Deduplication != nil {
		return 10000, "" // no SmartModule is ever loaded here
	}
	if text := cl.checkReplicas(&spec.Replicas); text != "" {
		return fluvioerr.ServerTopicError, text
	}
	return 0, ""
}

func checkName(name string) string {
	if len(name) > maxNameBytes {
		return fmt.Sprintf("Name exceeds max characters allowed %d", maxNameBytes)
	}
	bad := strings.ContainsFunc(name, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' })
	if bad || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") {
		return "Contain only lowercase alphanumeric characters or '-'"
	}
	return ""
}

func checkTopicLimits(spec *wire.TopicSpec) string {
	if p := spec.CleanupPolicy; p != nil && p.Seconds < minRetentionSeconds {
		return fmt.Sprintf("retention_secs %d is less than minimum %d", p.Seconds, minRetentionSeconds)
	}
	s := spec.Storage
	if s == nil {
		return ""
	}
	segment := uint64(defaultSegmentSize)
	if s.SegmentSize != nil {
		segment = uint64(*s.SegmentSize)
		if segment < minSegmentSize {
			return fmt.Sprintf("segment_size %d is less than minimum %d", segment, minSegmentSize)
		}
	}
	if size := s.MaxPartitionSize; size != nil {
		if *size < minMaxPartition {
			return fmt.Sprintf("max_partition_size %d is less than minimum %d", *size, minMaxPartition)
		}
		if *size < segment {
			return fmt.Sprintf("max_partition_size %d is less than segment size %d", *size, segment)
		}
	}
	return ""
}

// checkReplicas refuses counts of zero and assignments that make no sense. How many SPUs there are is not asked here.
func (cl *Cluster) checkReplicas(r *wire.ReplicaSpec) string {
	switch r.Kind {
	case wire.ReplicasComputed:
		if r.Partitions == 0 {
			return "partition must be greater than 0"
		}
		if r.ReplicationFactor == 0 {
			return "replication factor must be greater than 0"
		}
	case wire.ReplicasAssigned:
		return cl.checkAssigned(r.Assigned)
	}
	return ""
}

func (cl *Cluster) checkAssigned(maps []wire.PartitionMap) string {
	if len(maps) == 0 {
		return "no assigned partitions found"
	}
	want := len(maps[0].Replicas)
	for i, m := range maps {
		sorted := slices.Clone(m.Replicas)
		slices.Sort(sorted)
		switch {
		case m.ID != uint32(i) && i == 0:
			return "assigned partitions must start with id 0"
		case m.ID != uint32(i):
			return "assigned partition ids must be in sequence and without gaps"
		case want == 0:
			return "assigned replicas must have at least one spu id"
		case len(m.Replicas) != want:
			return fmt.Sprintf("all assigned replicas must have the same number of spu ids: %d", want)
		case len(slices.Compact(sorted)) != want:
			return fmt.Sprintf("duplicate spu ids found in assigned partition with id: %d", i)
		case sorted[0] < 0:
			return fmt.Sprintf("invalid spu id: %d in assigned partition with id: %d", sorted[0], i)
		}
	}
	for _, m := range maps {
		for _, id := range m.Replicas {
			if cl.spu(id) == nil {
				return fmt.Sprintf("invalid spu id: %d", id)
			}
		}
	}
	return ""
}

// createAndWait makes a topic and waits until all its partitions are online. When the wait ends without that, the topic
// stays, as on the real SC.
func (cl *Cluster) createAndWait(name string, spec *wire.TopicSpec, wait time.Duration, stop <-chan struct{}) (fluvioerr.ServerCode, string) {
	watch, _ := cl.partitions.watch()
	defer watch.close()
	if err := cl.addTopic(name, spec); err != nil {
		if fluvioerr.CodeOf(err) == fluvioerr.AlreadyExists {
			return fluvioerr.ServerTopicAlreadyExists, fmt.Sprintf("Topic '%s' already exists", name)
		}
		return fluvioerr.ServerTopicNotProvisioned, "error: " + err.Error()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	total := spec.Replicas.PartitionCount()
	for {
		n := cl.onlinePartitions(name)
		if n >= total {
			return 0, ""
		}
		select {
		case <-watch.wake:
		case <-timer.C:
			return fluvioerr.ServerTopicNotProvisioned, fmt.Sprintf("only %d out of %d provisioned", n, total)
		case <-stop:
			return fluvioerr.ServerTopicNotProvisioned, "the SC stops"
		}
	}
}
