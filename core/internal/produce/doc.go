// Package produce turns records into batches and gets the batches stored.
//
// A record goes straight into the open batch of its partition: one copy of its bytes, no object per record. A batch is
// closed by size, linger, flush or pressure on the memory budget. One sender per SPU takes every closed batch of the
// partitions that SPU leads, up to MaxRequestSize, into one request and one gathered write, with one partition entry per
// batch, so that each batch has its own answer. With linger 0, what piles up while a request is in flight goes out together.
//
// One request is in flight per partition, because the protocol has no idempotence: order survives retries. Partitions
// pipeline freely. A batch that failed for a passing reason goes back to the head of its partition's queue and is sent again
// by whoever leads the partition then, until DeliveryTimeout, which also ends the wait for what is in flight: the records are
// then reported as maybe stored and not sent again. RequestTimedOut means stored but not replicated: such a batch is
// never sent again. A failed batch fails its own records and nothing after it. Should a server refuse one batch of a
// partition for a passing reason and take a later one of the same request, the first is stored behind it: a retry out of order
// is better than a loss. SPUs stop taking from a partition whose write failed, so this is not seen.
//
// Every record gets exactly one report. Reports run in order on one goroutine of the producer, never on a connection's.
//
// Counters cost nothing per record: outcomes are added up for each batch under its partition's lock, what is sent once for each
// request.
//
// Producers of a client share the connection to an SPU, which answers one request after the other. Who waits for replicas or
// SmartModules would hold up the others, and has connections of its own.
//
// Goroutines: one router (metadata, expiry), one reporter, one sender per SPU that leads a partition; all end with Close.
// Locks: partition.mu before sender.mu; neither is held across I/O or a callback.
//
// Memory: a batch counts with all that it takes, its buffer, its opaques and itself, from its first record until its report
// has been given and no request has its bytes any more. It has one buffer at a time, compressed or not. Nothing lingers while
// somebody waits for memory. A buffer is used again when its request has ended, never while a connection may still write it
// out.
package produce
