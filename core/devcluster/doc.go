// Package devcluster is a Fluvio cluster for development and tests: one SC and any number of SPUs on loopback, in one
// process. It speaks the real servers' protocol by their rules, so that unmodified official clients work against it. It
// keeps records in memory or in a folder. It is no production server: nothing is synced to disk, replicas share one
// process.
//
//	cluster, err := devcluster.Start(ctx, devcluster.Options{SPUs: 3})
//	defer cluster.Close()
//	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
//
// # What it does as a real cluster does
//
// SC: ApiVersions, Create, Delete, List, Watch and Update of topics, partitions, SPUs, custom SPUs, SPU groups, SmartModules,
// table formats and mirrors. SPU: ApiVersions, Produce, Fetch, StreamFetch, UpdateOffsets, FetchOffsets and the three requests
// of consumer offsets. Their checks, error codes, texts, orders and oddities are the real servers'; answers of an official
// cluster are kept in testdata and compared with on every run.
//
// Requests of one connection are handled one after the other; watches and streams run beside them. What cannot be decoded or
// is not known closes the connection without an answer. Streams send one frame per acknowledgement, cut at the end of a
// segment and wherever max_bytes falls, and say nothing when there is nothing or when leadership moved. Partition offsets
// reach watches at most every 400 ms, full snapshots every 300 s. The high watermark waits for every replica, also those
// whose SPU is down. Retention removes closed segments every 10 s. Consumer offsets are records of the system topic, in the
// form that SPUs write them.
//
// SmartModules run as on a real SPU, from their bytes or by name, on what is read and on what is written: see package
// smartengine. A module that does not return within Options.SmartModuleTime is stopped. Modules of the official crate go over
// records byte by byte, several times: they take tens of µs for a record of 1 KB, others less than one. With modules that leave
// out much, SPUs lose records, and so does this one: what lies in the segments behind one of which nothing passes, and a batch
// whose output alone is more than max_bytes, are not seen by a stream.
//
// Options.PlatformVersion makes it an earlier release, from 0.10.9 on: what that release did not have is not advertised, not
// served, not read and not answered.
//
// # TLS and permissions
//
// Options.TLS and Options.MTLS encrypt, with certificates made for this run; Cluster.Credentials tells clients what they need.
// Options.Authorize holds the SC to a policy, as strictly as a real one: creating is refused, lists are empty, and everything
// else is allowed. Options.TLSFault makes the servers' TLS bad.
//
// # What it does not do
//
//   - A topic's deduplication does nothing. Modules as WebAssembly text are not compiled.
//   - Mirror topics get their partitions and refusals, but no records from other clusters; their partitions are shown online,
//     which a real SC does not. SPU groups start nothing.
//   - Replicas share one log: a follower that is online has everything at once, one that is down stays where it was.
//   - Layouts before version 11 of the SC's requests, 8 of Produce and 19 of StreamFetch are not read: the connection ends.
//   - A topic of more than 20000 partitions is accepted and never placed. Lists come in the order of names, not in any.
//
// # Data folder
//
// Options.DataDir keeps everything for the next start: topics, records, consumer offsets, SPUs that clients registered, and
// every other object. It belongs to one cluster at a time. What a killed process left half-written is dropped.
//
//	lock                            held while a cluster runs; the process that has it
//	cluster.json                    topics, where their partitions are, registered SPUs
//	objects/<type>/<hash of name>   one object each, as a List answer of version 19
//	logs/<topic>-<partition>/       a file per segment, named by its first offset: batches as they go over the wire
//
// # Faults
//
// AddRule makes chosen requests fail: an error code, a delay, no answer, a closed connection, a request or an answer cut off
// at a byte, an answer that stops at one or comes twice, a wrong checksum, a wrong correlation id, a length that announces too
// much, a frame that no credit was given for; or only counts them. Verbs stop and start servers, on the ports they had or on
// others, move leaders, add partitions, evict records, and move the clock.
//
// # Control port
//
// The same over HTTP with JSON bodies, on loopback only. Errors are {"error": "…"} with a status of 400, 404, 408, 409 or
// 500; verbs without a result answer {"ok": true}.
//
//	GET    /v1/cluster                               addresses, SPUs and topics
//	POST   /v1/spu/{id}/stop   /v1/spu/{id}/start
//	POST   /v1/spu/{id}/start-elsewhere              on another port
//	POST   /v1/sc/stop   /v1/sc/start   /v1/sc/resync
//	POST   /v1/clean                                 applies retention now
//	POST   /v1/time                                  {"advance_ms": 60000} moves the cluster's clock
//	POST   /v1/topics                                {"name", "partitions", "replication", "compression",
//	                                                  "retention_seconds", "segment_size", "max_partition_size"}
//	DELETE /v1/topics/{name}
//	POST   /v1/topics/{name}/partitions              {"count": 2} adds so many
//	GET    /v1/topics/{name}/{partition}             {"leader", "start", "high_watermark", "end"}
//	POST   /v1/topics/{name}/{partition}/leader      {"spu": 5002}
//	POST   /v1/topics/{name}/{partition}/evict       {"before": 100}
//	POST   /v1/topics/{name}/{partition}/fail        {"code": 56}, 0 ends it
//	GET    /v1/faults
//	POST   /v1/faults                                a Rule; answers {"id"}. partition is -1 when left out
//	GET    /v1/faults/{id}?hits=3&timeout_ms=5000    waits for that many hits; answers {"id", "hits"}
//	DELETE /v1/faults/{id}
//
// # How to serve another request
//
// One file per request, sc_*.go or spu_*.go, holding a variable of type api: key, constructor, what it is about, handler. Put
// it into the table in api.go; the wire package knows its versions and the release it came with. Handlers decode nothing and
// write nothing themselves; they pass every outcome through request.verdict, which is where fault rules act.
package devcluster
