// Package cluster knows the cluster: it watches SPUs, partitions and topics on the SC and keeps them as an immutable
// snapshot, from which partitions are routed to the SPU that leads them.
//
// One goroutine owns the watch connection. When it is lost the last snapshot stays, so the data path goes on, and the
// goroutine reconnects with backoff until the cluster is closed. Rules of the watch (PROTOCOL-control section 3): a full
// snapshot replaces the cache, an update and a delete of one name in one message mean that the update wins, an empty message
// changes nothing, epochs start over with every connection.
//
// An ObjectWatch, of an application that wants to see objects of the SC, has a connection and a goroutine of its own, which end
// with its Close.
package cluster
