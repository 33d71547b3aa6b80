package devcluster

import (
	"slices"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// scUpdate adds partitions or a mirror to a topic. It answers when the topic is stored; the partitions come after that.
var scUpdate = api{
	key: wire.KeyUpdate, name: "Update", canFail: true,
	request: func() wire.Message { return &wire.UpdateRequest{} },
	targets: func(m wire.Message) []target { return []target{{m.(*wire.UpdateRequest).Name, -1}} },
	serve: func(r *request) error {
		m, cl := r.msg.(*wire.UpdateRequest), r.conn.srv.cl
		err := r.answerStatus(target{m.Name, -1}, m.Name, func() (*wire.Status, error) {
			switch {
			case !m.Known:
				return &wire.Status{Name: "update error", Error: wire.Errorf(unknownObject)}, nil
			case m.Action == wire.UpdateAddMirror:
				return cl.addMirror(m.Name, m.RemoteCluster)
			}
			return cl.addPartitions(m.Name, m.Partitions)
		})
		if err == nil && m.Known {
			cl.growTopic(m.Name)
		}
		return err
	},
}

// addPartitions makes a topic ask for more partitions. How many is not checked, none is fine.
func (cl *Cluster) addPartitions(name string, count uint32) (*wire.Status, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	t := cl.topics[name]
	switch {
	case t == nil:
		return failed(name, fluvioerr.ServerTopicNotFound, notFound), nil
	case t.spec.System:
		return &wire.Status{Name: name, Error: systemRefusal(fluvioerr.ServerSystemSpecUpdating, name)}, nil
	case t.spec.Replicas.Kind != wire.ReplicasComputed:
		return failed(name, serverTopicReplicaType, "invalid replica type"), nil
	}
	spec := *t.spec
	spec.Replicas.Partitions += count
	return cl.respec(t, &spec)
}

// addMirror makes a topic of the home kind ask for a partition for a remote cluster.
func (cl *Cluster) addMirror(name, remote string) (*wire.Status, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	t := cl.topics[name]
	if t == nil {
		return failed(name, fluvioerr.ServerTopicNotFound, notFound), nil
	}
	mirror, ok := cl.stores[wire.LabelMirror].get(remote)
	if !ok {
		return failed(name, serverMirrorNotFound, notFound), nil
	}
	if mirror.Spec.(*wire.MirrorSpec).Kind != wire.MirrorRemote {
		return failed(name, serverMirrorInvalidType, "remote cluster is not a remote mirror"), nil
	}
	if t.spec.Replicas.Kind != wire.ReplicasMirror {
		return failed(name, fluvioerr.ServerTopicError, "invalid replica type"), nil
	}
	config := t.spec.Replicas.Mirror
	for i, p := range config.Partitions {
		if config.Kind == wire.MirrorHome && p.RemoteCluster == remote {
			return failed(name, serverMirrorAlreadyExists, "remote %q is already assigned to partition: \"%d\"", remote, i), nil
		}
	}
	if t.spec.System {
		return &wire.Status{Name: name, Error: systemRefusal(fluvioerr.ServerSystemSpecUpdating, name)}, nil
	}
	if config.Kind != wire.MirrorHome {
		return failed(name, serverTopicReplicaType, "invalid replica type"), nil
	}
	config.Partitions = append(slices.Clone(config.Partitions),
		wire.HomePartition{RemoteCluster: remote, RemoteReplica: wire.PartitionName(name, 0), Source: config.Source})
	spec := *t.spec
	spec.Replicas.Mirror = config
	return cl.respec(t, &spec)
}

// respec stores what a topic is to be from now on. A store that fails ends the connection, as at a real SC. The lock is held.
func (cl *Cluster) respec(t *topic, spec *wire.TopicSpec) (*wire.Status, error) {
	old := t.spec
	t.spec = spec
	if err := cl.save(); err != nil {
		t.spec = old
		cl.logger.Error("topic not updated", "topic", t.name, "error", err)
		return nil, errHangUp
	}
	cl.publishTopic(t)
	return &wire.Status{Name: t.name}, nil
}

// growTopic makes the partitions that a topic asks for since its update.
func (cl *Cluster) growTopic(name string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	t := cl.topics[name]
	if t == nil || cl.closed || len(t.partitions) >= t.spec.Replicas.PartitionCount() {
		return
	}
	err := cl.provision(t)
	if err == nil {
		err = cl.save()
	}
	if err != nil {
		cl.logger.Error("topic not provisioned", "topic", name, "error", err)
	}
}
