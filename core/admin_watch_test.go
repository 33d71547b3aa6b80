package fluvio_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/devcluster"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// eventsOf gives the next events of a watch as text, up to and with the one wanted. Changes that nobody asked for, such as
// offsets, are left out.
func eventsOf[T any](t *testing.T, w *fluvio.Watch[T], name func(*T) string, until string) (seen []string) {
	t.Helper()
	for {
		e, err := w.Next(testContext(t))
		require.NoError(t, err)
		text := e.Kind.String()
		if e.Kind != fluvio.Synced && e.Kind != fluvio.Lost {
			text += " " + name(&e.Object)
		} else if e.Kind == fluvio.Lost {
			require.Error(t, e.Err)
		}
		seen = append(seen, text)
		if text == until {
			return seen
		}
	}
}

func topicName(t *fluvio.Topic) string { return t.Name }

// A watch tells of all there is, then of what changes, also of what changed while the SC was away.
func TestWatchTopics(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{SystemTopicInterval: time.Hour})
	client := connect(t, cluster.Endpoint())
	admin, ctx := client.Admin(), testContext(t)
	require.NoError(t, admin.CreateTopic(ctx, "a", fluvio.TopicSpec{}))
	require.NoError(t, admin.CreateTopic(ctx, "b", fluvio.TopicSpec{}))
	w, err := admin.WatchTopics(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"added a", "added b", "added consumer-offset", "synced"}, eventsOf(t, w, topicName, "synced"))
	require.NoError(t, admin.CreateTopic(ctx, "c", fluvio.TopicSpec{}))
	eventsOf(t, w, topicName, "added c")
	require.NoError(t, admin.AddPartitions(ctx, "c", 1))
	eventsOf(t, w, topicName, "changed c")
	require.NoError(t, admin.DeleteTopic(ctx, "c"))
	require.NotContains(t, eventsOf(t, w, topicName, "deleted c"), "added c")
	require.NoError(t, cluster.Resync())
	require.NoError(t, admin.CreateTopic(ctx, "d", fluvio.TopicSpec{}))
	require.Contains(t, eventsOf(t, w, topicName, "added d"), "added d", "a full snapshot that says nothing new is no event")

	// Made anew, while nobody looks: that is told in two steps.
	require.NoError(t, admin.DeleteTopic(ctx, "d"))
	require.NoError(t, admin.CreateTopic(ctx, "d", fluvio.TopicSpec{Partitions: 3}))
	seen := eventsOf(t, w, topicName, "added d")
	require.Equal(t, "deleted d", seen[len(seen)-2])

	require.NoError(t, cluster.StopSC())
	eventsOf(t, w, topicName, "lost")
	require.NoError(t, cluster.StartSC())
	other := connect(t, cluster.Endpoint())
	require.NoError(t, other.Admin().DeleteTopic(ctx, "a"))
	seen = eventsOf(t, w, topicName, "deleted a")
	if !slices.Contains(seen, "synced") { // the watch may have come back after the deletion
		eventsOf(t, w, topicName, "synced")
	}
	require.NotContains(t, seen, "added b", "what did not change is not told again")

	done := make(chan error, 1)
	go func() {
		for _, err := range w.Events(ctx) {
			if err != nil {
				done <- err
			}
		}
		close(done)
	}()
	require.NoError(t, w.Close(ctx))
	require.NoError(t, <-done, "close ends the loop")
	_, err = w.Next(ctx)
	require.ErrorIs(t, err, fluvioerr.Target(fluvioerr.Closed))
}

// The last object of a sort goes, which the SC tells by a snapshot without objects.
func TestWatchOfOtherObjects(t *testing.T) {
	cluster := startCluster(t, devcluster.Options{})
	client := connect(t, cluster.Endpoint())
	admin, ctx := client.Admin(), testContext(t)
	modules, err := admin.WatchSmartModules(ctx)
	require.NoError(t, err)
	name := func(m *fluvio.StoredSmartModule) string { require.Nil(t, m.Wasm); return m.Name }
	require.Equal(t, []string{"synced"}, eventsOf(t, modules, name, "synced"))
	_, err = admin.CreateSmartModule(ctx, "m", fluvio.SmartModuleSpec{Wasm: wasm})
	require.NoError(t, err)
	require.Equal(t, []string{"added m"}, eventsOf(t, modules, name, "added m"))
	// Its deletion is missed, and the next snapshot is empty.
	rule, err := cluster.AddRule(devcluster.Rule{API: "Watch", SPU: devcluster.SC, Partition: -1, Count: 1, On: devcluster.OnAnswer, Action: devcluster.Action{Kind: devcluster.ActionDrop}})
	require.NoError(t, err)
	require.NoError(t, admin.DeleteSmartModule(ctx, "m"))
	require.NoError(t, rule.Wait(ctx, 1))
	require.NoError(t, cluster.Resync())
	require.Equal(t, []string{"deleted m"}, eventsOf(t, modules, func(m *fluvio.StoredSmartModule) string { return m.Name }, "deleted m"))

	parts, err := admin.WatchPartitions(ctx)
	require.NoError(t, err)
	spus, err := admin.WatchSPUs(ctx)
	require.NoError(t, err)
	status := func(s *fluvio.SPU) string { return s.Status }
	eventsOf(t, spus, status, "synced")
	groups, err := admin.WatchSPUGroups(ctx)
	require.NoError(t, err)
	formats, err := admin.WatchTableFormats(ctx)
	require.NoError(t, err)
	require.NoError(t, admin.CreateTopic(ctx, "t", fluvio.TopicSpec{}))
	eventsOf(t, parts, func(p *fluvio.Partition) string { return p.Topic }, "added t")
	require.NoError(t, cluster.StopSPU(5001))
	eventsOf(t, spus, status, "changed offline")
	require.NoError(t, admin.CreateSPUGroup(ctx, "g", fluvio.SPUGroupSpec{}))
	eventsOf(t, groups, func(g *fluvio.SPUGroup) string { return g.Name }, "added g")
	require.NoError(t, admin.CreateTableFormat(ctx, "f", fluvio.TableFormatSpec{}))
	eventsOf(t, formats, func(f *fluvio.TableFormat) string { return f.Name }, "added f")
	// The client's Close ends what was left open: the leak check of this package sees it.
}
