// Package fluvio is a client for Fluvio, the distributed event-streaming engine. It speaks Fluvio's own binary protocol to a
// cluster: one controller, the SC, and any number of SPUs, which hold the partitions. It is also the core of libfluvio.so.
//
//	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: "127.0.0.1:9003"})
//	producer, err := client.Producer(ctx, "orders", fluvio.ProducerOptions{})
//	consumer, err := client.Consumer(ctx, fluvio.ConsumerOptions{Topics: []string{"orders"}, Start: fluvio.Beginning()})
//
// # What is promised
//
// Producing: success means that the cluster acknowledged. Every record gets exactly one report, none after Close has
// returned. Records of one producer for one partition are stored in the order of Send, also across retries. One exception:
// a server that refuses one batch for a passing reason and takes a later one of the same partition in the same request, which
// SPUs are not seen to do, makes the first be stored behind the later one. At least once (the default) sends again when
// an answer was lost, so a record may be stored twice; at most once never does.
//
// Consuming: every stored record is delivered once per consumer and in the order of its partition, whatever the sizes of
// batches and frames, and across lost connections and moved leaders. Order across partitions is not defined.
//
// Waiting: every call returns when its context ends, and Connect, admin calls and opening have default deadlines besides.
//
// # Memory
//
// Key and value given to Send are copied. Records of a Batch are views of the received bytes: they stay valid until
// Batch.Release, for ever if that is never called; a kept record keeps its whole frame, so clone what you keep long.
//
// # Errors
//
// Every error is a *fluvioerr.Error with a code by what the caller does next; ask with fluvioerr.CodeOf, Retriable and
// MaybeWritten, or with errors.Is(err, fluvioerr.Target(code)).
//
// # Goroutines
//
// A client owns 1 (the metadata watch), and 2 for every connection: SC watch, SC control after the first admin call, per SPU
// one for producing, which producers share save those with read_committed or SmartModules, and per consumer and SPU one for
// consuming. A producer adds 2 and 1 per SPU that leads one of its
// partitions, a consumer adds 1 per partition and 1 that looks for new partitions, and OnStats adds 1, OnEvent 1 while there is
// something to tell. All have ended when Close returns.
package fluvio
