package devcluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// createTopic makes a topic and waits for its partitions. The empty name passes, as at the real SC.
func (cl *Cluster) createTopic(m *wire.CreateRequest, spec *wire.TopicSpec, stop <-chan struct{}) *wire.Status {
	status := cl.checkNewTopic(m.Name, spec)
	if !status.Error.Ok() || m.DryRun {
		return status
	}
	status = cl.createAndWait(m.Name, spec, cl.opts.TopicWait, stop)
	// Everyone who watches has been told by now; the answer comes later still, as on a real SC.
	delay := time.NewTimer(cl.opts.CreateDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-stop:
	}
	return status
}

// Limits of a topic's settings.
const (
	maxNameBytes        = 63
	minRetentionSeconds = 10
	minSegmentSize      = 1024
	minMaxPartition     = 2048
)

// checkNewTopic applies the SC's rules to a topic that is to be made.
func (cl *Cluster) checkNewTopic(name string, spec *wire.TopicSpec) *wire.Status {
	if reason := checkName(name); reason != "" {
		return failed(name, fluvioerr.ServerTopicInvalidName, "Invalid topic name: '%s'. %s", name, reason)
	}
	if cl.topicSpec(name) != nil {
		return topicExists(name)
	}
	if text := checkTopicLimits(spec); text != "" {
		return failed(name, fluvioerr.ServerTopicInvalidConfiguration, "%s", text)
	}
	if d := spec.Deduplication; d != nil {
		if status := cl.checkDeduplication(d); status != nil {
			return status
		}
	}
	if text := cl.checkReplicas(&spec.Replicas); text != "" {
		return failed(name, fluvioerr.ServerTopicError, "%s", text)
	}
	return &wire.Status{Name: name}
}

func topicExists(name string) *wire.Status {
	return failed(name, fluvioerr.ServerTopicAlreadyExists, "Topic '%s' already exists", name)
}

// checkDeduplication refuses a filter that is not there; the status then carries the SmartModule's name.
func (cl *Cluster) checkDeduplication(d *wire.Deduplication) *wire.Status {
	n, err := wire.ParseSmartModuleName(d.Uses)
	if err != nil {
		_, version, _ := strings.Cut(d.Uses, "@")
		why := "Could not parse the major identifier: No input"
		if version != "" { // the real SC names the first part that is wrong
			why = "Unexpected `" + version + "`"
		}
		text := fmt.Sprintf("SmartModule version`%s` is not valid because %s", version, why)
		status := failed(d.Uses, serverDedupNameInvalid, "%s", text)
		status.Error.Payload = &wire.TextPayload{Message: text}
		return status
	}
	if _, ok := cl.stores[wire.LabelSmartModule].get(n.Key()); !ok {
		return failed(d.Uses, serverDedupNotLoaded, "Deduplication SmartModule is not loaded into the cluster\n"+
			"Hint: try `fluvio hub sm download %s` and repeat this operation", d.Uses)
	}
	return nil
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
			if !cl.isRegistered(id) {
				return fmt.Sprintf("invalid spu id: %d", id)
			}
		}
	}
	return ""
}

// createAndWait makes a topic and waits until all its partitions are online. When the wait ends without that, the topic
// stays, as on the real SC.
func (cl *Cluster) createAndWait(name string, spec *wire.TopicSpec, wait time.Duration, stop <-chan struct{}) *wire.Status {
	watch, _ := cl.partitions.watch()
	defer watch.close()
	if err := cl.addTopic(name, spec); err != nil {
		if fluvioerr.CodeOf(err) == fluvioerr.AlreadyExists {
			return topicExists(name)
		}
		return failed(name, fluvioerr.ServerTopicNotProvisioned, "error: %v", err)
	}
	if spec.Replicas.Kind == wire.ReplicasMirror { // nobody waits for these
		return &wire.Status{Name: name}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	total := spec.Replicas.PartitionCount()
	for {
		n := cl.onlinePartitions(name)
		if n >= total {
			return &wire.Status{Name: name}
		}
		select {
		case <-watch.wake:
		case <-timer.C:
			return failed(name, fluvioerr.ServerTopicNotProvisioned, "only %d out of %d provisioned", n, total)
		case <-stop:
			return failed(name, fluvioerr.ServerTopicNotProvisioned, "the SC stops")
		}
	}
}
