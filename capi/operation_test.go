package main

import (
	"context"
	"errors"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	fluvio "github.com/libfluvio/libfluvio/core"
	"github.com/libfluvio/libfluvio/core/fluvioerr"
)

// Tests cannot ask C, so these repeat what internal.h and bridge.h say.
const (
	deleteTopic = 4 // FLUVIOC_DELETE_TOPIC
	poisoned    = 3 // FLUVIOC_POISONED
	state       = 3 // the place of the state in a handle, in words of 32 bits
)

func TestConfigMergesInOrder(t *testing.T) {
	op := &operation{settings: []setting{
		{"endpoint", "first:1"},
		{"", ` {"endpoint": "second:2", "linger_ms": 5, "topics": ["a", "b"]} `},
		{"linger_ms", "7"},
	}}
	js, err := op.config(setting{"more", "true"})
	require.NoError(t, err)
	require.JSONEq(t, `{"endpoint": "second:2", "linger_ms": "7", "topics": ["a", "b"], "more": true}`, string(js))
}

func TestConfigEmpty(t *testing.T) {
	js, err := (&operation{}).config()
	require.NoError(t, err)
	require.Nil(t, js, "nothing set means the defaults, not an empty object")
}

func TestConfigFailures(t *testing.T) {
	_, err := (&operation{settings: []setting{{"", "{\n\"a\": 1,\n}"}}}).config()
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "line 3")

	_, err = (&operation{settings: []setting{{"topics", "a"}}}).config(setting{"topics", `["b"]`})
	require.Equal(t, fluvioerr.InvalidArgument, fluvioerr.CodeOf(err))
	require.Equal(t, "topics", fluvioerr.As(err).Setting)
}

// A client without a core is a bug like any other: the caller gets an error with the stack, the process goes on.
func TestPanicBecomesAnError(t *testing.T) {
	c := &client{handle: (&operation{}).newClientHandle(1, "")}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	defer c.cancel()
	id := clients.add(c)
	defer clients.remove(id)
	_, err := (&operation{command: deleteTopic, target: id}).run(context.Background())
	require.Equal(t, fluvioerr.Internal, fluvioerr.CodeOf(err))
	require.ErrorContains(t, err, "nil pointer")
	require.ErrorContains(t, err, "operation.go")
	require.Equal(t, int32(poisoned), (*[4]int32)(unsafe.Pointer(c.handle))[state])
}

func TestDetails(t *testing.T) {
	e := fluvioerr.FromServer(fluvioerr.ServerOffsetEvicted, "fetch", "").At("orders", 2).AtOffset(7).AtAddr("h:1").
		WithDetail("next_available", "9").WithDetail("also", "x")
	require.Equal(t, []string{
		"operation", "fetch", "topic", "orders", "partition", "2", "offset", "7", "address", "h:1",
		"hint", e.HintText(), "server_code", "OffsetEvicted (71)", "also", "x", "next_available", "9",
	}, details(e))
	require.Equal(t, []byte("a b\x00c\x00"), cTexts("a\x00b", "c"))
}

func TestForeignErrors(t *testing.T) {
	require.Equal(t, fluvioerr.Timeout, ours(context.DeadlineExceeded).Code)
	require.Equal(t, fluvioerr.Cancelled, ours(context.Canceled).Code)
	require.Equal(t, fluvioerr.Internal, ours(errors.New("not ours")).Code)
}

// What the cluster says of a topic's segments must not make room for records of any size.
func TestRecordLimit(t *testing.T) {
	require.Equal(t, int64(1<<20-recordHead), recordLimit(fluvio.ProducerOptions{MaxRequestSize: 1 << 20, BufferMemory: 32 << 20}))
	require.Equal(t, int64(1<<16-recordHead), recordLimit(fluvio.ProducerOptions{MaxRequestSize: 1 << 20, BufferMemory: 1 << 16}))
	require.Zero(t, recordLimit(fluvio.ProducerOptions{MaxRequestSize: recordHead - 1, BufferMemory: 32 << 20}))
}
