package devcluster

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// flat joins what a read gave.
func flat(bufs net.Buffers) []byte { return bytes.Join(bufs, nil) }

// headersOf lists the batches of a set.
func headersOf(t require.TestingT, set []byte) []wire.BatchHeader {
	out, headers := wholeBatches(set)
	require.Len(t, out, len(set))
	return headers
}

// modelLog is what a log should be: batches as they were stored, and the segment each went into.
type modelLog struct {
	batches     []modelBatch
	next, start int64
	used        int // bytes in the newest segment
}

type modelBatch struct {
	base    int64
	raw     []byte
	segment int
}

// add notes a batch of n records and returns it as it is to be sent.
func (m *modelLog) add(b []byte, n int, segmentSize uint32) []byte {
	segment := 0
	if k := len(m.batches); k > 0 {
		segment = m.batches[k-1].segment
	}
	if m.used += len(b); m.used > int(segmentSize) && m.used > len(b) {
		segment, m.used = segment+1, len(b)
	}
	stored := bytes.Clone(b)
	wire.SetBaseOffset(stored, m.next)
	m.batches = append(m.batches, modelBatch{m.next, stored, segment})
	m.next += int64(n)
	return b
}

// read is what a read from an offset up to end should give, before it is cut.
func (m *modelLog) read(from, end int64) (want []byte) {
	first := -1
	for i, b := range m.batches {
		reached := i == len(m.batches)-1 || m.batches[i+1].base > from
		if from < end && reached && b.base < end && (first < 0 || b.segment == first) {
			first = b.segment
			want = append(want, b.raw...)
		}
	}
	return want
}

// Any history of appends and evictions, in memory and in files, over segments of any size: every read gives exactly the
// bytes of the batches from the one that holds the offset, up to the wanted end or that of the segment, cut at max_bytes.
// Files that are opened again say the same.
func TestLogAgainstAModel(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		folder := filepath.Join(dir, strconv.Itoa(run))
		segment := rapid.Uint32Range(1, 100000).Draw(rt, "segment")
		spec := &wire.TopicSpec{Storage: &wire.TopicStorage{SegmentSize: &segment}}
		log := newPartitionLog(&memoryStore{}, spec)
		files := rapid.Bool().Draw(rt, "files")
		var err error
		if files {
			log, err = openFileLog(folder, spec)
			require.NoError(rt, err)
			defer func() { require.NoError(rt, log.store.remove()) }()
		}
		var m modelLog
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			if rapid.IntRange(0, 9).Draw(rt, "step") == 0 {
				m.start = max(m.start, rapid.Int64Range(0, m.next).Draw(rt, "evict"))
				log.evict(m.start)
			}
			var set []byte
			for range rapid.IntRange(1, 3).Draw(rt, "batches") {
				records := make([]string, rapid.IntRange(1, 4).Draw(rt, "records"))
				for i := range records {
					records[i] = string(make([]byte, rapid.IntRange(0, 9000).Draw(rt, "size")))
				}
				set = append(set, m.add(batch(records...), len(records), segment)...)
			}
			_, err := log.append(set, headersOf(rt, set), time.Now())
			require.NoError(rt, err)
		}
		if files && rapid.Bool().Draw(rt, "again") {
			require.NoError(rt, log.store.close())
			log, err = openFileLog(folder, spec)
			require.NoError(rt, err)
			require.LessOrEqual(rt, log.start, m.start)
			log.evict(m.start) // the cluster's own file knows it
		}
		require.Equal(rt, m.next, log.next)
		require.Equal(rt, m.start, log.start)
		for range 20 {
			readBoth(rt, log, &m)
		}
	})
}

// readBoth reads somewhere and compares.
func readBoth(rt *rapid.T, log *partitionLog, m *modelLog) {
	from := rapid.Int64Range(-1, m.next+1).Draw(rt, "from")
	limit := uint32(rapid.IntRange(0, 40000).Draw(rt, "max"))
	end := m.next
	if rapid.Bool().Draw(rt, "committed") {
		end = m.batches[rapid.IntRange(0, len(m.batches)-1).Draw(rt, "hw")].base
	}
	bufs, n, release, code := log.read(from, end, limit)
	defer release()
	got := flat(bufs)
	require.Len(rt, got, n)
	switch {
	case from > m.next:
		require.Equal(rt, fluvioerr.ServerOther, code.Code)
	case from < m.start:
		require.Equal(rt, fluvioerr.ServerOffsetEvicted, code.Code)
	default:
		require.True(rt, code.Ok())
		want := m.read(from, end)
		require.True(rt, bytes.Equal(want[:min(len(want), int(limit))], got), "from %d to %d", from, end)
	}
}

func TestFileLogRecovers(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){
		"nothing wrong": func(*testing.T, string) {},
		"header cut":    func(t *testing.T, f string) { appendTo(t, f, batch("lost")[:40]) },
		"records cut": func(t *testing.T, f string) {
			b := batch("lost")
			wire.SetBaseOffset(b, 3)
			appendTo(t, f, b[:len(b)-1])
		},
		"zeros":        func(t *testing.T, f string) { appendTo(t, f, make([]byte, 300)) },
		"wrong offset": func(t *testing.T, f string) { b := batch("lost"); wire.SetBaseOffset(b, 9); appendTo(t, f, b) },
		"wrong checksum": func(t *testing.T, f string) {
			b := batch("lost")
			wire.SetBaseOffset(b, 3)
			b[len(b)-2] ^= 1
			appendTo(t, f, b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log, err := openFileLog(dir, nil)
			require.NoError(t, err)
			for _, set := range [][]byte{batch("a", "b"), batch("c")} {
				_, err = log.append(set, headersOf(t, set), time.Now())
				require.NoError(t, err)
			}
			require.NoError(t, log.store.close())
			file := filepath.Join(dir, "00000000000000000000.log")
			damage(t, file)
			log, err = openFileLog(dir, nil)
			require.NoError(t, err)
			require.Equal(t, int64(3), log.next)
			set := batch("d")
			base, err := log.append(set, headersOf(t, set), time.Now())
			require.NoError(t, err)
			require.Equal(t, int64(3), base)
			bufs, _, release, _ := log.read(0, 4, plenty)
			_, records := values(t, flat(bufs))
			release()
			require.Equal(t, []string{"a", "b", "c", "d"}, records)
			require.NoError(t, log.store.close())
		})
	}
}

func TestFileLogDropsWhatFollowsATornSegment(t *testing.T) {
	segment := uint32(1)
	spec := &wire.TopicSpec{Storage: &wire.TopicStorage{SegmentSize: &segment}}
	for name, damage := range map[string]func(t *testing.T, dir string){
		"cut": func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "00000000000000000001.log"), 20))
		},
		"missing": func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "00000000000000000001.log")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log, err := openFileLog(dir, spec)
			require.NoError(t, err)
			for _, v := range []string{"a", "b", "c", "d"} { // a segment each
				set := batch(v)
				_, err = log.append(set, headersOf(t, set), time.Now())
				require.NoError(t, err)
			}
			require.NoError(t, log.store.close())
			damage(t, dir)
			log, err = openFileLog(dir, spec)
			require.NoError(t, err)
			require.Equal(t, int64(1), log.next)
			set := batch("new")
			base, err := log.append(set, headersOf(t, set), time.Now())
			require.NoError(t, err)
			require.Equal(t, int64(1), base)
			require.NoError(t, log.store.close())
			log, err = openFileLog(dir, spec)
			require.NoError(t, err)
			require.Equal(t, int64(2), log.next)
			bufs, _, release, _ := log.read(1, 2, plenty)
			_, records := values(t, flat(bufs))
			release()
			require.Equal(t, []string{"new"}, records)
			require.NoError(t, log.store.close())
		})
	}
}

func appendTo(t *testing.T, name string, b []byte) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(b)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestClusterRestartsOnItsFolder(t *testing.T) {
	dir := t.TempDir()
	cl := startCluster(t, Options{SPUs: 2, DataDir: dir})
	require.NoError(t, cl.CreateTopicWith("kept", TopicOptions{Partitions: 2, Compression: "none", RetentionSeconds: 60}))
	require.NoError(t, cl.CreateTopic("gone", 1))
	leader, err := cl.Leader("kept", 0)
	require.NoError(t, err)
	moved := 2*firstSPU + 1 - leader
	require.NoError(t, cl.MoveLeader("kept", 0, moved))
	p := dialSPU(t, cl, int(moved-firstSPU))
	p.produce("kept", "a", "b")
	p.produce("kept", "c")
	require.NoError(t, cl.EvictBefore("kept", 0, 1))
	require.NoError(t, cl.DeleteTopic("gone"))
	_, before := dialSC(t, cl).list(wire.LabelTopic, false)
	require.NoError(t, cl.Close())

	cl = startCluster(t, Options{SPUs: 2, DataDir: dir})
	names, after := dialSC(t, cl).list(wire.LabelTopic, false)
	require.Equal(t, []string{"kept"}, names)
	require.Equal(t, before, after)
	require.NoDirExists(t, filepath.Join(dir, "logs", "gone-0"))
	got, err := cl.Leader("kept", 0)
	require.NoError(t, err)
	require.Equal(t, moved, got)
	p = dialSPU(t, cl, int(moved-firstSPU))
	f := p.frame(p.stream("kept", 1, plenty))
	require.Equal(t, int64(1), f.Partition.LogStartOffset)
	require.Equal(t, int64(3), f.Partition.HighWatermark)
	_, records := values(t, f.Partition.Records)
	require.Equal(t, []string{"a", "b", "c"}, records)
	require.Equal(t, int64(3), p.produce("kept", "d"))
	require.NoError(t, cl.Close())

	// With fewer SPUs, partitions of the missing one wait for it.
	cl = startCluster(t, Options{SPUs: 1, DataDir: dir})
	_, parts := dialSC(t, cl).list(wire.LabelPartition, false)
	for _, o := range parts {
		want := wire.PartitionOnline
		if o.Spec.(*wire.PartitionSpec).Leader != firstSPU {
			want = wire.PartitionLeaderOffline
		}
		require.Equal(t, want, o.Status.(*wire.PartitionStatus).Resolution)
	}
}

func TestStartRefusesADamagedFolder(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"{", `{"topics":[{"name":"x"}]}`, `{"topics":[{"name":"x","spec":{},"partitions":[{"leader":5001,"replicas":[5002]}]}]}`} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, stateFile), []byte(content), 0o600))
		_, err := Start(t.Context(), Options{DataDir: dir})
		require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
		require.Equal(t, "data_dir", fluvioerr.As(err).Setting)
	}
}
