// Package replay records what clients and a Fluvio cluster say to each other, and plays the cluster's half of such a
// recording to another client.
//
// A recording has one JSON object per line, one line per message, in the order of arrival:
//
//	{"conn":1,"server":"SC","dir":"c2s","ms":473,"len":39,"hex":"0012…"}
//
// conn numbers the connections, server is SC, or SPU (SPU5001, … in a cluster of several), dir is c2s or s2c, ms counts
// from the start of the recording, hex is the message without the four bytes of its length.
//
// The Recorder is a proxy that writes one; tests/recorder is its program. The Player answers a client from one, and
// compares what the client sends, message by message and field by field, save what a Mask leaves out.
//
// This package describes the requests a second time, on purpose, and shares no line with the codec of libfluvio: an error
// in that codec would otherwise be made by both sides of the comparison and stay unseen. For the same reason it reads
// batches with the compression libraries themselves.
//
// # What a replay can and cannot hold against a client
//
// Messages are matched by content: several goroutines of a client may send theirs in any order. A message is answered when
// it was matched; what a stream brings after its first answer waits until the client has sent everything that was recorded
// before it. A recording knows nothing of closed connections: requests that the server never answered get no answer here.
package replay
