package devcluster

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/libfluvio/libfluvio/core/internal/wire"
)

// fileStore keeps bytes in one file per partition. Nothing is synced: it survives the end of the process, not of the
// machine, which is enough for development.
type fileStore struct {
	file *os.File
	end  int64
}

const segmentFile = "00000000000000000000.log"

// openFileLog opens or makes the log of a partition in dir and reads its batch headers to rebuild the index. A torn tail,
// which a killed process leaves behind, is cut off.
func openFileLog(dir string, storage *wire.TopicStorage) (*partitionLog, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, segmentFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	store := &fileStore{file: file}
	l := newPartitionLog(store, storage)
	if err := l.rebuild(store); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// rebuild walks the batches of the file. The last one must pass its checksum; every one must follow its predecessor.
func (l *partitionLog) rebuild(store *fileStore) error {
	info, err := store.file.Stat()
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(store.file, 1<<20)
	var last wire.BatchHeader
	for l.endPos < info.Size() {
		b, err := r.Peek(wire.BatchHeaderSize + wire.SchemaIDSize)
		if err != nil && err != io.EOF {
			return err
		}
		h, bad := wire.DecodeBatchHeader(b)
		if bad != nil || h.BaseOffset != l.next || h.LastOffsetDelta < 0 || l.endPos+int64(h.Size()) > info.Size() {
			break
		}
		if _, err := io.CopyN(io.Discard, r, int64(h.Size())); err != nil {
			return err
		}
		l.addBatch(h.BaseOffset, l.endPos, h.Size())
		l.next, l.endPos = h.NextOffset(), l.endPos+int64(h.Size())
		last = h
	}
	if n := len(l.index); n > 0 {
		b := make([]byte, last.Size())
		if _, err := store.file.ReadAt(b, l.index[n-1].pos); err != nil {
			return err
		}
		if wire.VerifyBatch(b, &last) != nil {
			l.next, l.endPos = last.BaseOffset, l.index[n-1].pos
			l.index = l.index[:n-1]
			if k := len(l.segments) - 1; l.segments[k].pos == l.endPos {
				l.segments = l.segments[:k]
			}
		}
	}
	store.end = l.endPos
	return store.file.Truncate(l.endPos)
}

func (f *fileStore) append(b []byte) error {
	n, err := f.file.WriteAt(b, f.end)
	if err != nil {
		return err
	}
	f.end += int64(n)
	return nil
}

// viewPool holds the buffers that views of files are read into.
var viewPool sync.Pool

func (f *fileStore) view(pos int64, n int) (net.Buffers, func(), error) {
	p, _ := viewPool.Get().(*[]byte)
	if p == nil || cap(*p) < n {
		b := make([]byte, n)
		p = &b
	}
	b := (*p)[:n]
	if _, err := f.file.ReadAt(b, pos); err != nil {
		viewPool.Put(p)
		return nil, nil, err
	}
	return net.Buffers{b}, func() { viewPool.Put(p) }, nil
}

// discard keeps the file as it is: positions in it stay what they are, and a restart finds the first offset kept in the
// cluster's own file.
func (f *fileStore) discard(int64) {}

func (f *fileStore) close() error { return f.file.Close() }

func (f *fileStore) remove() error {
	err := f.file.Close()
	return errors.Join(err, os.RemoveAll(filepath.Dir(f.file.Name())))
}
