package devcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// savedCluster is what cluster.json in the data folder holds: the topics with what their logs do not tell, and which SPUs
// clients have registered or taken out. Consumer offsets are records of the system topic. Other objects have files of
// their own.
type savedCluster struct {
	Topics       []savedTopic `json:"topics"`
	SPUs         []savedSPU   `json:"spus,omitempty"`
	Unregistered []int32      `json:"unregistered,omitempty"`
}

type savedTopic struct {
	Name       string           `json:"name"`
	Spec       *wire.TopicSpec  `json:"spec"`
	Partitions []savedPartition `json:"partitions"`
}

type savedPartition struct {
	Leader   int32                 `json:"leader"`
	Replicas []int32               `json:"replicas"`
	Start    int64                 `json:"start"` // first offset kept
	Mirror   *wire.PartitionMirror `json:"mirror,omitempty"`
	Online   bool                  `json:"online"` // it has been, once
}

type savedSPU struct {
	Name string        `json:"name"`
	Spec *wire.SPUSpec `json:"spec"`
}

const stateFile = "cluster.json"

// openFolder takes the data folder, if there is one.
func (cl *Cluster) openFolder() error {
	dir := cl.opts.DataDir
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return folderError(err)
	}
	lock, err := lockFolder(dir)
	cl.folder = lock
	return err
}

// openLog opens the log of a partition: in memory, or in its folder.
func (cl *Cluster) openLog(topic string, id uint32, spec *wire.TopicSpec) (*partitionLog, error) {
	if cl.opts.DataDir == "" {
		return newPartitionLog(&memoryStore{}, spec), nil
	}
	return openFileLog(cl.logFolder(topic, id), spec)
}

// logFolder is the folder of a partition's log.
func (cl *Cluster) logFolder(topic string, id uint32) string {
	return filepath.Join(cl.opts.DataDir, "logs", wire.PartitionName(topic, id))
}

// save writes the cluster's state to the data folder, whole or not at all. The lock is held.
func (cl *Cluster) save() error {
	if cl.opts.DataDir == "" {
		return nil
	}
	out := savedCluster{Topics: []savedTopic{}}
	for _, t := range cl.sortedTopics() {
		st := savedTopic{Name: t.name, Spec: t.spec, Partitions: []savedPartition{}}
		for _, p := range t.partitions {
			st.Partitions = append(st.Partitions, p.saved())
		}
		out.Topics = append(out.Topics, st)
	}
	for _, r := range cl.registered {
		if !r.own {
			out.SPUs = append(out.SPUs, savedSPU{r.name, r.spec})
		}
	}
	slices.SortFunc(out.SPUs, func(a, b savedSPU) int { return strings.Compare(a.Name, b.Name) })
	for id := range cl.unregistered {
		out.Unregistered = append(out.Unregistered, id)
	}
	slices.Sort(out.Unregistered)
	b, err := json.MarshalIndent(out, "", "  ")
	if err == nil {
		err = replaceFile(filepath.Join(cl.opts.DataDir, stateFile), b)
	}
	if err != nil {
		return fluvioerr.Wrap(fluvioerr.Internal, "save cluster state", err).ForSetting("data_dir")
	}
	return nil
}

// replaceFile writes a file, whole or not at all.
func replaceFile(name string, b []byte) error {
	if err := os.WriteFile(name+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (p *partition) saved() savedPartition {
	p.mu.Lock()
	defer p.mu.Unlock()
	return savedPartition{Leader: p.leader, Replicas: slices.Clone(p.replicas), Start: p.log.start, Mirror: p.mirror,
		Online: p.resolution != wire.PartitionOffline}
}

// load takes what an earlier run left in the data folder, and shows it. The lock is held.
func (cl *Cluster) load() error {
	var in savedCluster
	if cl.opts.DataDir != "" {
		b, err := os.ReadFile(filepath.Join(cl.opts.DataDir, stateFile))
		if err == nil {
			err = json.Unmarshal(b, &in)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return folderError(fmt.Errorf("%s: %w", stateFile, err))
		}
		if err := cl.loadObjects(); err != nil {
			return folderError(err)
		}
	}
	for _, s := range in.SPUs {
		if s.Spec == nil {
			return folderError(fmt.Errorf("SPU %q in %s has no spec", s.Name, stateFile))
		}
		cl.registered[s.Name] = &registration{name: s.Name, spec: s.Spec}
	}
	for _, id := range in.Unregistered {
		cl.unregistered[id] = true
	}
	cl.registerOwn()
	cl.publishSPUs()
	for _, st := range in.Topics {
		if err := cl.loadTopic(st); err != nil {
			return folderError(err)
		}
	}
	cl.reindex()
	if most := mostSPUs(in.Topics); most > len(cl.spus) {
		cl.logger.Warn("the data folder has partitions on more SPUs than were started: those whose leader is missing are offline",
			"started", len(cl.spus), "needed", most)
	}
	return nil
}

// mostSPUs is how many SPUs of its own a cluster needs for every replica to be there.
func mostSPUs(topics []savedTopic) (most int) {
	for _, t := range topics {
		for _, p := range t.Partitions {
			for _, r := range p.Replicas {
				if n := int(r) - firstSPU + 1; n <= mostOwnSPUs { // higher ids were registered by clients
					most = max(most, n)
				}
			}
		}
	}
	return most
}

func (cl *Cluster) loadTopic(st savedTopic) error {
	if st.Spec == nil {
		return fmt.Errorf("topic %q in %s has no spec", st.Name, stateFile)
	}
	t := &topic{name: st.Name, spec: st.Spec, resolution: wire.TopicProvisioned}
	cl.topics[t.name] = t // at once: where something fails, closing the cluster closes what was opened
	for i, sp := range st.Partitions {
		if !slices.Contains(sp.Replicas, sp.Leader) {
			return fmt.Errorf("partition %d of topic %q in %s is led by SPU %d, which is none of its replicas %d", i, st.Name, stateFile, sp.Leader, sp.Replicas)
		}
		log, err := cl.openLog(t.name, uint32(i), t.spec)
		if err != nil {
			return err
		}
		log.evict(sp.Start)
		p := newPartition(cl, t.name, uint32(i), t.spec, sp.Replicas, log)
		p.leader, p.mirror = sp.Leader, sp.Mirror
		if sp.Online { // so that one whose leader is not there now counts as lost, not as never seen
			p.resolution = wire.PartitionOnline
		}
		p.settle()
		t.partitions = append(t.partitions, p)
	}
	if t.partitions == nil {
		t.resolution = wire.TopicInsufficientResources
	}
	cl.publishTopic(t)
	for _, p := range t.partitions {
		cl.publishPartition(p)
	}
	return nil
}
