package fluvio

import "github.com/libfluvio/libfluvio/core/internal/obs"

// Hooks are told when something starts and when it ends, batch by batch, never record by record. A hook implements any of the
// interfaces below and is given in ClientOptions.Hooks. The context that a Start returns comes to the End, and to the starts
// of what happens inside: a dial inside the request that needs the connection first, a produce request inside the first of its
// batches. Hooks run on goroutines of the client, some of which read from connections, with no lock held: they must not block,
// nor call the client. A package that makes spans and metrics of OpenTelemetry out of them is core/otelhook.
type (
	// ConnectHook is told of connections that are dialled, their handshakes included.
	ConnectHook = obs.ConnectHook
	// RequestHook is told of requests and their answers, those of handshakes included, those of streams not.
	RequestHook = obs.RequestHook
	// ProduceBatchHook is told of batches from the first Send to their report. The context of the start has the values of that
	// of the Send that began the batch.
	ProduceBatchHook = obs.ProduceBatchHook
	// FetchBatchHook is told of batches from their arrival until the consumer's caller takes them, whose context it gets.
	FetchBatchHook = obs.FetchBatchHook
	// CommitHook is told of offsets that are stored, each partition by itself.
	CommitHook = obs.CommitHook
)

// What hooks are told about.
type (
	// HookConn says where a connection leads.
	HookConn = obs.Conn
	// HookRequest is a request and its answer.
	HookRequest = obs.Request
	// HookProduceBatch is records of one partition that are produced together.
	HookProduceBatch = obs.ProduceBatch
	// HookFetchBatch is records of one partition that are consumed together.
	HookFetchBatch = obs.FetchBatch
	// HookCommit is the storing of the offset of a named consumer.
	HookCommit = obs.Commit
)
