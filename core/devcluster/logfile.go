package devcluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// fileStore keeps bytes in one file per segment, named by the segment's first offset. Nothing is synced: it survives the
// end of the process, not of the machine, which is enough for development. Only the newest file stays open.
type fileStore struct {
	dir   string
	files []segmentFile // the oldest first
	last  *os.File      // of the newest segment; nil while there is none
	end   int64
}

type segmentFile struct {
	base int64 // first offset
	pos  int64 // position of its first byte
}

const segmentSuffix = ".log"

func (f *fileStore) path(base int64) string {
	return filepath.Join(f.dir, fmt.Sprintf("%020d%s", base, segmentSuffix))
}

// openFileLog opens or makes the log of a partition in dir and reads its batch headers to rebuild the index. A torn tail,
// which a killed process leaves behind, is cut off.
func openFileLog(dir string, spec *wire.TopicSpec) (*partitionLog, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	store := &fileStore{dir: dir}
	l := newPartitionLog(store, spec)
	bases, err := store.list()
	if err != nil {
		return nil, err
	}
	for i, base := range bases {
		whole, err := l.rebuild(store, base)
		if err != nil {
			return nil, errors.Join(err, store.close())
		}
		if whole {
			continue
		}
		for _, lost := range bases[i+1:] { // nothing can follow a torn segment
			if err := os.Remove(store.path(lost)); err != nil {
				return nil, errors.Join(err, store.close())
			}
		}
		break
	}
	return l, nil
}

// list gives the first offsets of the segments in the folder, ascending.
func (f *fileStore) list() ([]int64, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if base, err := strconv.ParseInt(name, 10, 64); ok && err == nil && base >= 0 {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// rebuild takes a segment in and walks its batches. The last one must pass its checksum; every one must follow its
// predecessor. What does not is cut off, and the segment is not whole.
func (l *partitionLog) rebuild(store *fileStore, base int64) (whole bool, err error) {
	if len(l.segments) == 0 { // what came before the first segment was removed by retention
		l.start, l.next = base, base
	} else if base != l.next {
		return false, os.Remove(store.path(base))
	}
	if err := store.roll(base); err != nil {
		return false, err
	}
	info, err := store.last.Stat()
	if err != nil {
		return false, err
	}
	l.segments = append(l.segments, segmentRef{batchRef{base, l.endPos}, info.ModTime()})
	begin, size := l.endPos, info.Size()
	r := bufio.NewReaderSize(store.last, 1<<20)
	var last wire.BatchHeader
	first := len(l.index)
	for l.endPos-begin < size {
		b, err := r.Peek(wire.BatchHeaderSize + wire.SchemaIDSize)
		if err != nil && err != io.EOF {
			return false, err
		}
		h, bad := wire.DecodeBatchHeader(b)
		if bad != nil || h.BaseOffset != l.next || h.LastOffsetDelta < 0 || l.endPos-begin+int64(h.Size()) > size {
			break
		}
		if _, err := io.CopyN(io.Discard, r, int64(h.Size())); err != nil {
			return false, err
		}
		l.index = append(l.index, batchRef{h.BaseOffset, l.endPos})
		l.next, l.endPos = h.NextOffset(), l.endPos+int64(h.Size())
		last = h
	}
	if n := len(l.index); n > first {
		b := make([]byte, last.Size())
		if _, err := store.last.ReadAt(b, l.index[n-1].pos-begin); err != nil {
			return false, err
		}
		if wire.VerifyBatch(b, &last) != nil {
			l.next, l.endPos = last.BaseOffset, l.index[n-1].pos
			l.index = l.index[:n-1]
		}
	}
	store.end = l.endPos
	if l.endPos-begin == size {
		return true, nil
	}
	return false, store.last.Truncate(l.endPos - begin)
}

func (f *fileStore) roll(base int64) error {
	file, err := os.OpenFile(f.path(base), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = f.close()
	f.last = file
	f.files = append(f.files, segmentFile{base, f.end})
	return err
}

func (f *fileStore) append(b []byte) error {
	n, err := f.last.WriteAt(b, f.end-f.files[len(f.files)-1].pos)
	if err != nil {
		return err
	}
	f.end += int64(n)
	return nil
}

// viewPool holds the buffers that views of files are read into.
var viewPool sync.Pool

func (f *fileStore) view(pos int64, n int) (net.Buffers, func(), error) {
	i := sort.Search(len(f.files), func(i int) bool { return f.files[i].pos > pos }) - 1
	file := f.last
	if i < len(f.files)-1 {
		var err error
		if file, err = os.Open(f.path(f.files[i].base)); err != nil {
			return nil, nil, err
		}
		defer file.Close()
	}
	p, _ := viewPool.Get().(*[]byte)
	if p == nil || cap(*p) < n {
		b := make([]byte, n)
		p = &b
	}
	b := (*p)[:n]
	if _, err := file.ReadAt(b, pos-f.files[i].pos); err != nil {
		viewPool.Put(p)
		return nil, nil, err
	}
	return net.Buffers{b}, func() { viewPool.Put(p) }, nil
}

// discard removes the files that hold nothing from pos on. One that cannot be removed only takes space: the cluster's own
// file says which offset is the first.
func (f *fileStore) discard(pos int64) {
	for len(f.files) > 1 && f.files[1].pos <= pos {
		_ = os.Remove(f.path(f.files[0].base))
		f.files = f.files[1:]
	}
}

func (f *fileStore) close() error {
	if f.last == nil {
		return nil
	}
	err := f.last.Close()
	f.last = nil
	return err
}

func (f *fileStore) remove() error { return errors.Join(f.close(), os.RemoveAll(f.dir)) }
