package devcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// savedCluster is what cluster.json in the data folder holds: the topics, and what their logs do not tell.
type savedCluster struct {
	Topics []savedTopic `json:"topics"`
}

type savedTopic struct {
	Name       string           `json:"name"`
	Spec       *wire.TopicSpec  `json:"spec"`
	Partitions []savedPartition `json:"partitions"`
}

type savedPartition struct {
	Leader   int32   `json:"leader"`
	Replicas []int32 `json:"replicas"`
	Start    int64   `json:"start"` // first offset kept
}

const stateFile = "cluster.json"

// openLog opens the log of a partition: in memory, or in its folder.
func (cl *Cluster) openLog(topic string, id uint32, spec *wire.TopicSpec) (*partitionLog, error) {
	if cl.opts.DataDir == "" {
		return newPartitionLog(&memoryStore{}, spec.Storage), nil
	}
	return openFileLog(filepath.Join(cl.opts.DataDir, "logs", wire.PartitionName(topic, id)), spec.Storage)
}

// save writes the topics to the data folder, whole or not at all. The lock is held.
func (cl *Cluster) save() error {
	if cl.opts.DataDir == "" {
		return nil
	}
	var out savedCluster
	for _, t := range cl.sortedTopics() {
		st := savedTopic{Name: t.name, Spec: t.spec, Partitions: []savedPartition{}}
		for _, p := range t.partitions {
			p.mu.Lock()
			st.Partitions = append(st.Partitions, savedPartition{p.leader, slices.Clone(p.replicas), p.log.start})
			p.mu.Unlock()
		}
		out.Topics = append(out.Topics, st)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err == nil {
		name := filepath.Join(cl.opts.DataDir, stateFile)
		if err = os.WriteFile(name+".new", b, 0o644); err == nil {
			err = os.Rename(name+".new", name)
		}
	}
	if err != nil {
		return fluvioerr.Wrap(fluvioerr.Internal, "save cluster state", err).ForSetting("data_dir")
	}
	return nil
}

// loadTopics takes the topics of an earlier run from the data folder. The lock is held.
func (cl *Cluster) loadTopics() error {
	if cl.opts.DataDir == "" {
		return nil
	}
	failed := func(err error) error {
		return fluvioerr.Wrap(fluvioerr.InvalidArgument, "open data folder", err).ForSetting("data_dir")
	}
	if err := os.MkdirAll(cl.opts.DataDir, 0o755); err != nil {
		return failed(err)
	}
	b, err := os.ReadFile(filepath.Join(cl.opts.DataDir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var in savedCluster
	if err == nil {
		err = json.Unmarshal(b, &in)
	}
	if err != nil {
		return failed(err)
	}
	for _, st := range in.Topics {
		if st.Spec == nil {
			return failed(fmt.Errorf("topic %q in %s has no spec", st.Name, stateFile))
		}
		t := &topic{name: st.Name, spec: st.Spec, resolution: wire.TopicProvisioned}
		for i, sp := range st.Partitions {
			log, err := cl.openLog(t.name, uint32(i), t.spec)
			if err != nil {
				return failed(err)
			}
			log.evict(sp.Start)
			p := newPartition(cl, t.name, uint32(i), t.spec, sp.Replicas, log)
			p.leader = sp.Leader
			p.settle()
			t.partitions = append(t.partitions, p)
		}
		if t.partitions == nil {
			t.resolution = wire.TopicInsufficientResources
		}
		cl.topics[t.name] = t
		cl.publishTopic(t)
		for _, p := range t.partitions {
			cl.publishPartition(p)
		}
	}
	cl.reindex()
	return nil
}
