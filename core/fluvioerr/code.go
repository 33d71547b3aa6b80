// Package fluvioerr holds the errors of libfluvio: one closed set of codes, by what the caller does next, the table of
// the server's own codes, and the predicates retry loops ask. Everyone imports it, it imports nobody, and the constants
// of fluvio.h, the exceptions of Python and the error classes of Node are checked against its tables.
package fluvioerr

import "fmt"

// Code says what kind of failure an error is, by what the caller does next. Numbers and names never change; programs
// must tolerate numbers they do not know. The same numbers are FLUVIO_ERR_* in C.
type Code int32

// The codes. Zero is success and never appears in an Error.
const (
	OK              Code = 0
	Timeout         Code = -1  // the deadline passed; the message says what was waited for and how long
	Closed          Code = -2  // the handle was closed
	Interrupted     Code = -3  // a blocked call was woken on purpose
	Cancelled       Code = -4  // the caller cancelled the operation
	InvalidArgument Code = -5  // an argument or setting is wrong; the message names it and the accepted range
	InvalidState    Code = -6  // the call does not fit the state of the object
	QueueFull       Code = -7  // the memory budget is used up; wait, flush or raise buffer_memory
	NotFound        Code = -8  // a topic, partition, profile or other object does not exist
	AlreadyExists   Code = -9  // an object of that name exists
	Permission      Code = -10 // the cluster refuses this identity
	TLS             Code = -11 // TLS could not be established; never retried
	Connection      Code = -12 // the connection could not be made or was lost
	Protocol        Code = -13 // the peer sent bytes that are not Fluvio's protocol
	Server          Code = -14 // the server refused; ServerCode and the message say why
	OffsetEvicted   Code = -15 // the wanted offset is no longer, or not yet, stored
	TooLarge        Code = -16 // a record or message is above a limit; the message gives both numbers
	Unsupported     Code = -17 // this server version lacks the feature
	Version         Code = -18 // header and library do not fit together
	Forked          Code = -19 // the library was used in a forked child
	WouldDeadlock   Code = -20 // a blocking call was made from inside a callback
	OutOfMemory     Code = -21 // memory could not be allocated
	Internal        Code = -22 // a bug in libfluvio; the handle can no longer be used
	End             Code = -23 // the stream reached its configured end
	Corrupt         Code = -24 // stored data failed its checksum or cannot be decompressed
	SmartModule     Code = -25 // a SmartModule failed or could not be loaded
)

// Info is one row of the table of codes.
type Info struct {
	Code      Code
	Name      string // as in fluvio.h, without the prefix FLUVIO_ERR_
	Class     string // the exception class of Python and Node, without the suffix Error
	Retriable bool   // repeating the same call later may succeed
	Fatal     bool   // the object it came from can no longer be used
	Hint      string // what a person should do
}

// Table lists every code but OK, in the order of their numbers.
var Table = []Info{
	{Timeout, "TIMEOUT", "Timeout", true, false, "check that the peer is reachable, or raise the timeout that the message names"},
	{Closed, "CLOSED", "Closed", false, true, "the object was closed; open a new one"},
	{Interrupted, "INTERRUPTED", "Interrupted", true, false, "the wait was woken on purpose; call again to go on waiting"},
	{Cancelled, "CANCELLED", "Cancelled", false, false, "the operation was cancelled by the caller"},
	{InvalidArgument, "INVALID_ARGUMENT", "InvalidArgument", false, false, "correct the argument or setting that the message names"},
	{InvalidState, "INVALID_STATE", "InvalidState", false, false, "the call does not fit the object's state; see its documentation"},
	{QueueFull, "QUEUE_FULL", "QueueFull", true, false, "wait for deliveries, call flush, or raise buffer_memory"},
	{NotFound, "NOT_FOUND", "NotFound", false, false, "check the name, or create the object first"},
	{AlreadyExists, "ALREADY_EXISTS", "AlreadyExists", false, false, "choose another name, or use the existing object"},
	{Permission, "PERMISSION", "Permission", false, false, "ask the cluster's owner for this right, or use another client certificate"},
	{TLS, "TLS", "TLS", false, false, "check the TLS settings of client and server: both on or both off, CA, domain, certificate, key"},
	{Connection, "CONNECTION", "Connection", true, false, "check that the address is right and the server is running"},
	{Protocol, "PROTOCOL", "Protocol", false, false, "check that the address is a Fluvio SC (port 9003 by default), not another service"},
	{Server, "SERVER", "Server", false, false, "see the server's code and message"},
	{OffsetEvicted, "OFFSET_EVICTED", "OffsetEvicted", false, false, "start from the next available offset that the message names"},
	{TooLarge, "TOO_LARGE", "TooLarge", false, false, "send a smaller record, or raise the limit that the message names on client and server"},
	{Unsupported, "UNSUPPORTED", "Unsupported", false, false, "upgrade the cluster, or do without this feature"},
	{Version, "VERSION", "Version", false, false, "install a header and a library of the same major version"},
	{Forked, "FORKED", "Forked", false, true, "create the client in the child process, or start the child with spawn instead of fork"},
	{WouldDeadlock, "WOULD_DEADLOCK", "WouldDeadlock", false, false, "do not call blocking functions from inside a callback"},
	{OutOfMemory, "OUT_OF_MEMORY", "OutOfMemory", true, false, "lower the memory settings, or give the process more memory"},
	{Internal, "INTERNAL", "Internal", false, true, "this is a bug in libfluvio: report it with the message"},
	{End, "END", "End", false, true, "the stream ended where it was told to"},
	{Corrupt, "CORRUPT", "Corrupt", false, false, "stored data is damaged; see the topic, partition and offset"},
	{SmartModule, "SMARTMODULE", "SmartModule", false, false, "see the module's own message"},
}

var byCode = func() map[Code]*Info {
	m := make(map[Code]*Info, len(Table))
	for i := range Table {
		m[Table[i].Code] = &Table[i]
	}
	return m
}()

// Lookup returns the row of a code; ok is false for OK and for numbers outside the table.
func Lookup(c Code) (info Info, ok bool) {
	p, ok := byCode[c]
	if !ok {
		return Info{}, false
	}
	return *p, true
}

// String returns the name as in fluvio.h, without its prefix.
func (c Code) String() string {
	if c == OK {
		return "OK"
	}
	if p, ok := byCode[c]; ok {
		return p.Name
	}
	return fmt.Sprintf("CODE_%d", int32(c))
}
