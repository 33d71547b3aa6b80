// Package devcluster is a Fluvio cluster for development and tests: one SC and any number of SPUs on loopback, in one
// process. It speaks the real servers' protocol by their rules, so that unmodified official clients work against it. It
// keeps records in memory or in a folder. It is no production server: nothing is synced to disk, replicas share one
// process, there is no access control.
//
//	cluster, err := devcluster.Start(ctx, devcluster.Options{SPUs: 3})
//	defer cluster.Close()
//	client, err := fluvio.Connect(ctx, fluvio.ClientOptions{Endpoint: cluster.Endpoint()})
//
// # What it does as a real cluster does
//
// Create, Delete, List and Watch of topics, partitions and SPUs, Produce, StreamFetch, UpdateOffsets and FetchOffsets:
// their checks, error codes, texts and orders. Requests of one connection are handled one after the other; watches and
// streams run beside them. What cannot be decoded or is not known closes the connection without an answer. Streams send
// one frame per acknowledgement, cut wherever max_bytes falls, and say nothing when there is nothing or when leadership
// moved. Partition offsets reach watches at most every 400 ms.
//
// # What it does not do
//
// SmartModules, deduplication, consumer offsets, mirrors and retention by time. Replicas share one log: a follower that is
// online has everything at once, one that is down stays where it was.
//
// # Faults
//
// AddRule makes chosen requests fail: an error code, a delay, no answer, a closed connection, a frame cut off at a byte, a
// wrong checksum, a wrong correlation id; or only counts them. Verbs stop and start servers, move leaders, evict records.
//
// # Control port
//
// The same over HTTP with JSON bodies, on loopback only. Errors are {"error": "…"} with a status of 400, 404, 408, 409 or
// 500; verbs without a result answer {"ok": true}.
//
//	GET    /v1/cluster                               addresses, SPUs and topics
//	POST   /v1/spu/{id}/stop   /v1/spu/{id}/start
//	POST   /v1/sc/stop   /v1/sc/start   /v1/sc/resync
//	POST   /v1/topics                                {"name", "partitions", "replication", "compression",
//	                                                  "retention_seconds", "segment_size", "max_partition_size"}
//	DELETE /v1/topics/{name}
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
// One file per request, sc_*.go or spu_*.go, holding a variable of type api: key, advertised versions, constructor,
// handler. Put it into the table in api.go. Handlers decode nothing and write nothing themselves; they pass every outcome
// through request.verdict, which is where fault rules act.
package devcluster
