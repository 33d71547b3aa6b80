package replay

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testContext ends long after any healthy test, so that a hang becomes a failure.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// official reads one of the recordings of official clients and an official cluster.
func official(t *testing.T, name string) []Frame {
	t.Helper()
	frames, err := ReadFile(filepath.Join("..", "..", "core", "internal", "wire", "testdata", "vectors", "recorded", name+".jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, frames)
	return frames
}

var officialNames = []string{"admin", "produce", "consume", "offsets", "smartmodule", "failover"}

// buffer is a recording in memory.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) frames(t *testing.T) []Frame {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	frames, err := Read(bytes.NewReader(b.b.Bytes()))
	require.NoError(t, err)
	return frames
}

// byName gives the requests of a recording with a name.
func byName(t *testing.T, frames []Frame, name string) (out []*Request) {
	t.Helper()
	for i := range frames {
		if frames[i].Dir == FromClient && !frames[i].Trimmed {
			r, err := DecodeRequest(frames[i].Server, frames[i].Msg)
			require.NoError(t, err)
			if r.Name == name {
				out = append(out, r)
			}
		}
	}
	return out
}
