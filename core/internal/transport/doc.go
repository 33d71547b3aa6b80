// Package transport owns the sockets: dialling, TLS, the ApiVersions handshake, one reader and one writer goroutine per
// connection, multiplexing by correlation id, server-push streams, the pool and the backoff schedule. It knows no topic and
// retries nothing: only the caller knows what recovery a failure needs.
//
// Goroutines: a Conn has two, reader and writer, both ended by Close or by the first failure. The reader never blocks on
// anything but its socket: callbacks given to Go and Stream must not block. The pool has one for every dial, and now and then
// one that closes what is idle; Close waits for both.
//
// Locks: Pool.mu before Conn.mu; neither is held across I/O or a callback. A pool's listeners are called under its lock for them,
// and some under that of a breaker: they must not call the pool.
package transport
