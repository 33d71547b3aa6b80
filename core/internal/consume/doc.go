// Package consume reads partitions as streams.
//
// One session per partition: resolve the start, open StreamFetch, receive a frame, hand it to the inbox, give the credit
// back (UpdateOffsets), which asks for the next frame. The server sends one frame per credit and then waits, for ever if
// need be; that is the whole back-pressure. The credit is given as soon as a frame arrives if the byte budget has room,
// otherwise when the application has taken enough.
//
// A frame is a plain cut of the server's log: its first batch may begin before the wanted offset, its last batch may be cut
// off. Records before the offset are dropped; a cut-off batch is discarded and never acknowledged past, so the next frame
// brings it whole. When not even the first batch fits, the stream is opened anew with a larger max_bytes.
//
// The reader of a connection only finds the batch boundaries of a frame. Checksums, decompression and decoding happen on
// the side that takes, as views into the frame's buffer.
//
// Memory is bounded in the inbox: see newInbox. A session whose credit is owed opens no new stream either. A partition whose
// batches do not fit into max_bytes grows its frames to the largest of them; batches that fit into no frame are an error.
//
// Every session keeps its own position. After any failure it resumes there; leader changes are silent on the wire, so the
// metadata is watched. Sessions end by reaching stop_at, by an error that no retry mends, or by Close. An idle stream and one that the
// server forgot look alike; only when the SC tells of records that do not come is a stream given up, and with SmartModules, where that
// may be right, only when the acknowledgement turns out to be lost.
//
// Seek and Pause change the position of a session while frames are under way. Each change has a number, gen: frames, batches
// and marks carry that of their time, and what is older is Stale and dropped, wherever it is. A paused session keeps its stream
// and one frame, or lets both go and begins again behind what was handed out.
//
// A consumer has connections of its own, one per SPU, shared by its sessions: there is no request that ends a stream, so
// closing the connection is the only way to make the servers forget the streams of a closed consumer.
//
// Offsets of a named consumer are stored through the partitions' streams (commit.go): marks per partition say what the
// application got and what it is done with, and nothing beyond them is ever stored.
//
// A consumer that has nothing to do costs, for P partitions led by S servers: P + 2S goroutines, one more when partitions may
// appear, and one more with auto; S descriptors; about 5 KiB of heap and 4 KiB of stack per partition and 70 KiB per server. With
// a ConsumerID all consumers of a client share one connection more. Frames come on top: see newInbox. A test holds this.
//
// Goroutines: one per session, one that looks for new partitions, one that stores offsets at intervals; all end with Close.
// Locks: Consumer.mu before session.mu before inbox.mu; none is held across I/O. Callbacks of a connection run on its reader and
// never block.
package consume
