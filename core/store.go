package fluvio

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/libfluvio/libfluvio/core/fluvioerr"
	"github.com/libfluvio/libfluvio/core/internal/consume"
)

// OffsetStore keeps the offsets of named consumers, instead of the cluster. Its functions are called from any goroutine, one
// at a time for each consumer, and should return when ctx ends. Several consumers may share a store, also under one name when
// they read different partitions.
type OffsetStore interface {
	// Load gives what is stored for a consumer. Nothing is no error.
	Load(ctx context.Context, consumerID string) ([]ConsumerOffset, error)
	// Save stores offsets of a consumer, of some partitions; what is stored of others stays. When it returns nil, all of them
	// must survive whatever the store promises to survive.
	Save(ctx context.Context, consumerID string, offsets []ConsumerOffset) error
}

// NewMemoryOffsetStore gives a store that forgets everything with the process.
func NewMemoryOffsetStore() OffsetStore { return new(memoryStore) }

// NewFileOffsetStore gives a store of files below a folder, which is created when it is missing: one small file of JSON for
// each consumer and partition, which is replaced as a whole, and on disk when Save returns. Processes may share the folder.
func NewFileOffsetStore(folder string) OffsetStore { return fileStore(folder) }

// offsetStore is the store of a consumer, nil for the cluster.
func (c *Client) offsetStore(o *ConsumerOptions) (consume.Store, error) {
	switch {
	case o.Store != nil:
		return storeAdapter{o.Store}, nil
	case o.OffsetStore == "memory":
		return storeAdapter{&c.offsets}, nil
	case o.OffsetStore == "file":
		if err := os.MkdirAll(o.OffsetStorePath, 0o777); err != nil {
			return nil, fluvioerr.Wrap(fluvioerr.InvalidArgument, "open consumer", err).ForSetting("offset_store_path").WithHint("name a folder that can be written")
		}
		return storeAdapter{fileStore(o.OffsetStorePath)}, nil
	}
	return nil, nil
}

// storeAdapter is a store as the engine knows it.
type storeAdapter struct{ s OffsetStore }

func (a storeAdapter) Load(ctx context.Context, consumerID string) (list []consume.StoredOffset, err error) {
	found, err := a.s.Load(ctx, consumerID)
	for _, o := range found {
		list = append(list, consume.StoredOffset{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset})
	}
	return list, err
}

func (a storeAdapter) Save(ctx context.Context, consumerID string, offsets []consume.StoredOffset) error {
	now := time.Now()
	list := make([]ConsumerOffset, len(offsets))
	for i, o := range offsets {
		list[i] = ConsumerOffset{ConsumerID: consumerID, Topic: o.Topic, Partition: o.Partition, Offset: o.Offset, Modified: now}
	}
	sort.Slice(list, func(i, j int) bool {
		return cmp.Or(cmp.Compare(list[i].Topic, list[j].Topic), cmp.Compare(list[i].Partition, list[j].Partition)) < 0
	})
	return a.s.Save(ctx, consumerID, list)
}

// memoryStore is ready when it is zero.
type memoryStore struct {
	mu      sync.Mutex
	offsets map[offsetKey]ConsumerOffset // guarded by mu
}

type offsetKey struct {
	consumerID, topic string
	partition         int32
}

func (m *memoryStore) Load(_ context.Context, consumerID string) (list []ConsumerOffset, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, o := range m.offsets {
		if key.consumerID == consumerID {
			list = append(list, o)
		}
	}
	return list, nil
}

func (m *memoryStore) Save(_ context.Context, consumerID string, offsets []ConsumerOffset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.offsets == nil {
		m.offsets = map[offsetKey]ConsumerOffset{}
	}
	for _, o := range offsets {
		m.offsets[offsetKey{consumerID, o.Topic, o.Partition}] = o
	}
	return nil
}

// fileStore is a folder. Names of consumers and topics are escaped, as parts of a path: consumer/topic/partition.json. One
// file for each partition, so that members of a group in several processes never write the same file.
type fileStore string

// storedFile is what a file holds.
type storedFile struct {
	Offset   int64 `json:"offset"`
	Modified int64 `json:"modified"` // ms since the epoch
}

const offsetSuffix = ".json"

// part makes a name a part of a path: no separators, no dots of its own, not too long for file systems.
func part(name string) string {
	const longest = 200
	escaped := url.QueryEscape(name)
	if escaped == "." || escaped == ".." {
		escaped = "%2E" + escaped[1:]
	}
	if len(escaped) > longest {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		escaped = fmt.Sprintf("%s~%016x", escaped[:longest-20], h.Sum64())
	}
	return escaped
}

func (f fileStore) Load(ctx context.Context, consumerID string) (list []ConsumerOffset, err error) {
	base := filepath.Join(string(f), part(consumerID))
	topics, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, t := range topics {
		topic, bad := url.QueryUnescape(t.Name())
		if bad != nil || !t.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(base, t.Name()))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			removeLeftover(filepath.Join(base, t.Name()), file)
			number, isOffset := strings.CutSuffix(file.Name(), offsetSuffix)
			id, bad := strconv.ParseInt(number, 10, 32)
			if !isOffset || bad != nil || id < 0 {
				continue
			}
			path := filepath.Join(base, t.Name(), file.Name())
			o, err := readOffset(path)
			if err != nil {
				return nil, err
			}
			list = append(list, ConsumerOffset{ConsumerID: consumerID, Topic: topic, Partition: int32(id), Offset: o.Offset, Modified: time.UnixMilli(o.Modified)})
		}
	}
	return list, err
}

// leftoverAge is after how long a file that was to replace another one is taken for what a crash has left. Writing one takes
// milliseconds; should a process have stopped there for longer, its Save fails and is tried again.
const leftoverAge = time.Hour

var leftoverName = regexp.MustCompile(`^[0-9]+\.json\.[0-9]+\.tmp$`)

// removeLeftover removes a file if it is one that a crash has left, of this process or another one. That it cannot be removed
// harms nobody.
func removeLeftover(folder string, file fs.DirEntry) {
	if !leftoverName.MatchString(file.Name()) {
		return
	}
	if info, err := file.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftoverAge {
		_ = os.Remove(filepath.Join(folder, file.Name()))
	}
}

// readOffset reads a file. One that does not make sense was not written by this store, and is not passed over.
func readOffset(path string) (o storedFile, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	if err = json.Unmarshal(data, &o); err != nil || o.Offset < 0 {
		return o, fluvioerr.New(fluvioerr.Corrupt, "load offsets", "%s does not hold an offset: %q", path, data).ForSetting("offset_store_path").
			WithHint("delete the file to begin anew")
	}
	return o, nil
}

func (f fileStore) Save(ctx context.Context, consumerID string, offsets []ConsumerOffset) error {
	folders := map[string]bool{}
	for _, o := range offsets {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		folder := filepath.Join(string(f), part(consumerID), part(o.Topic))
		if !folders[folder] {
			if err := makeFolder(folder); err != nil {
				return err
			}
			folders[folder] = true
		}
		data, err := json.Marshal(storedFile{o.Offset, o.Modified.UnixMilli()})
		if err != nil {
			return err
		}
		if err := replaceFile(folder, strconv.Itoa(int(o.Partition))+offsetSuffix, data); err != nil {
			return err
		}
	}
	for folder := range folders { // the new names last only when their folder is on disk too
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes a folder and those above it, on disk.
func makeFolder(folder string) error {
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(folder)
	if above != folder {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(above)
}

// replaceFile gives a file new content, or leaves it as it is: never something between.
func replaceFile(folder, name string, data []byte) (err error) {
	tmp, err := os.CreateTemp(folder, name+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(folder, name))
	}
	return err
}
