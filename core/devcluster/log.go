package devcluster

import (
	"math"
	"net"
	"sort"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// bytesStore keeps the bytes of one partition at ever growing positions. Its user holds the partition's lock; what view
// returned stays valid without it, because stored bytes never change.
type bytesStore interface {
	// roll says that a new segment begins at the end, with the record at offset base.
	roll(base int64) error
	// append copies b to the end.
	append(b []byte) error
	// view gives n bytes from pos on, all of one segment, and a function to call when they are no longer needed.
	view(pos int64, n int) (net.Buffers, func(), error)
	// discard says that nothing before pos will be read again.
	discard(pos int64)
	// close gives resources back; remove also forgets what was stored.
	close() error
	remove() error
}

// batchRef is where a batch begins.
type batchRef struct {
	base int64 // offset of its first record
	pos  int64 // position of its first byte
}

// segmentRef is where a segment begins, and when it was written to last.
type segmentRef struct {
	batchRef
	modified time.Time
}

// partitionLog is the sequence of batches of one partition: bytes as producers sent them, with an index of every batch.
// Appending looks at batch headers only, never at records.
type partitionLog struct {
	store     bytesStore
	index     []batchRef
	start     int64 // first offset kept
	next      int64 // log end offset: what the next record gets
	startPos  int64
	endPos    int64
	segments  []segmentRef // the oldest first; retention removes whole segments
	segSize   int64
	maxSize   int64
	retention time.Duration
}

// Defaults of a server for topics that set no limits: bytes, bytes, and a week.
const (
	defaultSegmentSize  = 1 << 30
	defaultMaxPartition = 100 << 30
	defaultRetention    = 7 * 24 * time.Hour
)

func newPartitionLog(store bytesStore, spec *wire.TopicSpec) *partitionLog {
	l := &partitionLog{store: store, segSize: defaultSegmentSize, maxSize: defaultMaxPartition, retention: defaultRetention}
	if spec == nil {
		return l
	}
	if s := spec.Storage; s != nil && s.SegmentSize != nil {
		l.segSize = int64(*s.SegmentSize)
	}
	if s := spec.Storage; s != nil && s.MaxPartitionSize != nil {
		l.maxSize = int64(min(*s.MaxPartitionSize, math.MaxInt64))
	}
	if spec.CleanupPolicy != nil {
		l.retention = time.Duration(spec.CleanupPolicy.Seconds) * time.Second
	}
	return l
}

// size is the number of bytes kept.
func (l *partitionLog) size() int64 { return l.endPos - l.startPos }

// append stores a record set whose batches are headers, in order, back to back and nothing else. It numbers them and
// returns the offset of the first record. set is written to. After an error, the batches before the failing ones are
// stored.
func (l *partitionLog) append(set []byte, headers []wire.BatchHeader, now time.Time) (base int64, err error) {
	base = l.next
	for len(headers) > 0 {
		n, size := l.fitting(headers)
		if n == 0 {
			if err := l.store.roll(l.next); err != nil {
				return 0, err
			}
			l.segments = append(l.segments, segmentRef{batchRef{l.next, l.endPos}, now})
			continue
		}
		next, at := l.next, 0
		for i := range headers[:n] {
			wire.SetBaseOffset(set[at:], next)
			next += int64(headers[i].LastOffsetDelta) + 1
			at += headers[i].Size()
		}
		if err := l.store.append(set[:size]); err != nil {
			return 0, err
		}
		for i := range headers[:n] {
			l.index = append(l.index, batchRef{l.next, l.endPos})
			l.next += int64(headers[i].LastOffsetDelta) + 1
			l.endPos += int64(headers[i].Size())
		}
		l.segments[len(l.segments)-1].modified = now
		set, headers = set[size:], headers[n:]
	}
	return base, nil
}

// fitting counts the batches that go into the newest segment, and their bytes. An empty segment takes at least one.
func (l *partitionLog) fitting(headers []wire.BatchHeader) (n, size int) {
	if len(l.segments) == 0 {
		return 0, 0
	}
	used := l.endPos - l.segments[len(l.segments)-1].pos
	for n < len(headers) {
		s := headers[n].Size()
		if total := used + int64(size+s); total > l.segSize && total > int64(s) {
			break
		}
		size += s
		n++
	}
	return n, size
}

// clean applies retention and says whether anything went: closed segments that were last written to too long ago, and
// while the log exceeds its size as many of the oldest closed ones as make up for it. The newest segment always stays.
func (l *partitionLog) clean(now time.Time) bool {
	before := l.start
	if excess := l.size() - l.maxSize; excess > 0 {
		n := int((excess + l.segSize - 1) / l.segSize)
		l.dropSegments(min(n, len(l.segments)-1))
	}
	expired := 0
	for expired < len(l.segments)-1 && now.Sub(l.segments[expired].modified) > l.retention {
		expired++
	}
	l.dropSegments(expired)
	return l.start != before
}

// dropSegments removes the oldest n segments.
func (l *partitionLog) dropSegments(n int) {
	if n > 0 {
		l.evict(l.segments[n].base)
	}
}

// evict removes every batch before the one that holds offset, which becomes the first offset kept.
func (l *partitionLog) evict(offset int64) {
	offset = min(max(offset, l.start), l.next)
	if offset == l.start {
		return
	}
	i := l.find(offset)
	l.start = offset
	if offset == l.next {
		i = len(l.index)
		l.startPos = l.endPos
	} else {
		l.startPos = l.index[i].pos
	}
	if i > len(l.index)/2 {
		l.index = append([]batchRef(nil), l.index[i:]...)
	} else {
		l.index = l.index[i:]
	}
	for len(l.segments) > 1 && l.segments[1].pos <= l.startPos {
		l.segments = l.segments[1:]
	}
	l.store.discard(l.startPos)
}

// find gives the place in the index of the batch that holds offset, len(index)-1 at most.
func (l *partitionLog) find(offset int64) int {
	return max(0, sort.Search(len(l.index), func(i int) bool { return l.index[i].base > offset })-1)
}

// position is the byte at which the batch with base offset begins; the end of the log if there is none.
func (l *partitionLog) position(offset int64) int64 {
	i := sort.Search(len(l.index), func(i int) bool { return l.index[i].base >= offset })
	if i == len(l.index) {
		return l.endPos
	}
	return l.index[i].pos
}

// segmentEnd is the position after the segment that holds pos: what is read at once never goes beyond it.
func (l *partitionLog) segmentEnd(pos int64) int64 {
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].pos > pos })
	if i == len(l.segments) {
		return l.endPos
	}
	return l.segments[i].pos
}

// read gives the bytes from the batch that holds from, up to the offset end or the end of its segment, cut at maxBytes
// wherever that falls. The error codes and the text are the SPU's own.
func (l *partitionLog) read(from, end int64, maxBytes uint32) (bufs net.Buffers, n int, release func(), code wire.ErrorCode) {
	release = func() {}
	switch {
	case from > l.next:
		return nil, 0, release, wire.Errorf("start offset: %d is greater than leo: %d", from, l.next)
	case from < l.start:
		return nil, 0, release, wire.ErrorCode{Code: fluvioerr.ServerOffsetEvicted,
			Payload: &wire.EvictedPayload{Offset: from, NextAvailable: l.start}}
	case from >= end:
		return nil, 0, release, code
	}
	pos := l.index[l.find(from)].pos
	size := min(l.position(end)-pos, l.segmentEnd(pos)-pos, int64(maxBytes))
	if size <= 0 {
		return nil, 0, release, code
	}
	bufs, release, err := l.store.view(pos, int(size))
	if err != nil {
		return nil, 0, func() {}, wire.ErrorCode{Code: fluvioerr.ServerStorageError}
	}
	return bufs, int(size), release, code
}

// limit is the offset after the last record before end that lies in one segment with the record at from.
func (l *partitionLog) limit(from, end int64) int64 {
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > from })
	if i == len(l.segments) {
		return end
	}
	return min(end, l.segments[i].base)
}

// memoryStore keeps bytes in chunks that are written once and never moved, so that readers send them without copying.
type memoryStore struct {
	chunks []memoryChunk
	end    int64
}

type memoryChunk struct {
	start int64
	buf   []byte // len: what is written
}

// Chunks begin small, for clusters of many small partitions, and double up to the largest size.
const (
	firstChunk   = 16 << 10
	largestChunk = 4 << 20
)

func (m *memoryStore) roll(int64) error { return nil }

func (m *memoryStore) append(b []byte) error {
	for len(b) > 0 {
		n := len(m.chunks)
		if n == 0 || len(m.chunks[n-1].buf) == cap(m.chunks[n-1].buf) {
			size := firstChunk
			if n > 0 { // as much as is kept: what retention leaves of a log stays in proportion
				size = int(max(firstChunk, min(m.end-m.chunks[0].start, largestChunk)))
			}
			m.chunks = append(m.chunks, memoryChunk{start: m.end, buf: make([]byte, 0, size)})
			n++
		}
		c := &m.chunks[n-1]
		k := min(len(b), cap(c.buf)-len(c.buf))
		c.buf = append(c.buf, b[:k]...)
		b = b[k:]
		m.end += int64(k)
	}
	return nil
}

func (m *memoryStore) view(pos int64, n int) (net.Buffers, func(), error) {
	i := sort.Search(len(m.chunks), func(i int) bool { return m.chunks[i].start > pos }) - 1
	bufs := make(net.Buffers, 0, n/largestChunk+2)
	for ; n > 0; i++ {
		c := &m.chunks[i]
		at := int(pos - c.start)
		k := min(n, len(c.buf)-at)
		bufs = append(bufs, c.buf[at:at+k:at+k])
		pos += int64(k)
		n -= k
	}
	return bufs, func() {}, nil
}

func (m *memoryStore) discard(pos int64) {
	i := 0
	for i < len(m.chunks)-1 && m.chunks[i+1].start <= pos {
		i++
	}
	if i > 0 {
		m.chunks = append([]memoryChunk(nil), m.chunks[i:]...)
	}
}

func (m *memoryStore) close() error  { return nil }
func (m *memoryStore) remove() error { m.chunks = nil; return nil }
