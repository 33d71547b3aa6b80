// Package wire is Fluvio's binary protocol: primitives, frames, headers, record batches, and every request and response
// with its version gates. It does no I/O beyond reading a frame, holds no state, and is shared by the client and the
// development cluster.
//
// # One description for both directions
//
// A message has one method, Wire, that names its fields in order:
//
//	func (m *DeleteRequest) Wire(c *Codec) {
//		c.String(&m.Name)
//		if c.Since(13) {
//			c.Bool(&m.Force)
//		}
//	}
//
// The Codec either appends the field or reads it, so encoder and decoder cannot drift apart and a version gate is written
// once. No generator is needed. Record batches are outside this scheme: they are the hot path and are written by hand
// (batch.go, record.go); messages carry them as opaque bytes.
//
// # How to add a request
//
//  1. Write the request and response structs with their Wire methods in the file of their API family (sc_*.go for the SC,
//     spu_*.go for SPUs). Gates are inclusive: c.Since(n) and c.Upto(n). What decides about the bytes behind it (a kind, a
//     tag) fails when it is unknown; what does not (a state, a color) is kept as its number, so that newer servers are read.
//  2. Add the key and a row to APIs in apis.go: the versions this package speaks, and a constructor for both messages. The
//     property and fuzz tests walk that table, so the new messages are covered by them. Say in platforms.go which
//     releases advertise it; the Unsupported error of Versions.For names the first of them.
//  3. Say in gen_test.go which fields exist from which version, and how to fill a type of which not every combination of
//     fields can be sent.
//  4. Put bytes that this package did not make into testdata/vectors, recorded or computed, and their meaning into
//     vectors_values_test.go: a test demands both directions of every row, and the hostile tests cut and flip every vector.
//  5. Serve it in core/devcluster and call it with transport.Call.
//
// An object of the SC is no request of its own: it is a label in Labels, its spec and status in newObject, and what may be
// done with it in Accepts (all in sc.go). Steps 1, 3 and 4 are the same.
//
// # Trust
//
// Lengths and counts come from the peer. Every one is checked against the bytes that remain before anything is allocated,
// lists grow while they are read, and a decoder never panics. Errors are fluvioerr.Protocol with the byte position.
package wire
