package fluvioerr

import "fmt"

// ServerCode is the number a Fluvio server puts on the wire (PROTOCOL: ErrorCode, an i16). Zero is success.
type ServerCode int16

// The server codes that have a name here: those that programs, and libfluvio itself, tell apart. ServerTable holds all of them.
const (
	ServerNone                      ServerCode = 0
	ServerUnknown                   ServerCode = -1
	ServerOffsetOutOfRange          ServerCode = 1
	ServerOther                     ServerCode = 2
	ServerNotLeader                 ServerCode = 6
	ServerRequestTimedOut           ServerCode = 7
	ServerMessageTooLarge           ServerCode = 10
	ServerPermissionDenied          ServerCode = 13
	ServerStorageError              ServerCode = 56
	ServerOffsetEvicted             ServerCode = 71
	ServerPartitionFull             ServerCode = 72
	ServerPartitionShortCircuited   ServerCode = 73
	ServerSpuError                  ServerCode = 1000
	ServerSpuNotFound               ServerCode = 1003
	ServerSpuAlreadyExists          ServerCode = 1004
	ServerTopicError                ServerCode = 2000
	ServerTopicNotFound             ServerCode = 2001
	ServerTopicAlreadyExists        ServerCode = 2002
	ServerTopicInvalidConfiguration ServerCode = 2004
	ServerTopicNotProvisioned       ServerCode = 2005
	ServerTopicInvalidName          ServerCode = 2006
	ServerTopicDeleted              ServerCode = 2007
	ServerPartitionNotLeader        ServerCode = 3001
	ServerFetchSessionNotFound      ServerCode = 3002
	ServerSmartModuleNotFound       ServerCode = 6001
	ServerSmartModuleInvalid        ServerCode = 6002
	ServerSmartModuleInvalidExports ServerCode = 6003
	ServerSmartModuleRuntime        ServerCode = 6004
	ServerSmartModuleChainInit      ServerCode = 6005
	ServerSmartModuleInit           ServerCode = 6006
	ServerSmartModuleLookBack       ServerCode = 6007
	ServerSmartModuleMemory         ServerCode = 6008
	ServerCompression               ServerCode = 9000
	ServerSystemSpecDeletion        ServerCode = 12001
	ServerSystemSpecUpdating        ServerCode = 12002
)

// ServerInfo is one row of the table of server codes.
type ServerInfo struct {
	Server        ServerCode
	Name          string // Fluvio's own name, misspellings included
	Code          Code   // what it means to the caller
	Retriable     bool   // repeating may succeed after a pause
	NeedsMetadata bool   // look up the leader again before repeating
	MaybeWritten  bool   // the records may be stored although the request failed
	Hint          string
}

// ServerTable lists the codes that Fluvio servers of platform 0.10 to 0.18 send, in the order of their numbers. 4000, which
// SCs before 0.11.10 knew for failures of early SmartModules, is Unknown like every other number.
var ServerTable = []ServerInfo{
	{-1, "UnknownServerError", Server, true, false, true, "the server gave no reason; see its log"},
	{1, "OffsetOutOfRange", OffsetEvicted, false, false, false, "start from an offset that is stored"},
	{2, "Other", Server, false, false, false, "see the server's message"},
	{6, "NotLeaderForPartition", Server, true, true, false, "the partition moved to another SPU; libfluvio follows by itself"},
	{7, "RequestTimedOut", Timeout, false, false, true, "the records are stored but not replicated in time; do not send them again"},
	{10, "MessageTooLarge", TooLarge, false, false, false, "lower batch_size or the record's size; the server's limit is 32 MiB by default"},
	{13, "PermissionDenied", Permission, false, false, false, "ask the cluster's owner for this right"},
	{56, "StorageError", Server, true, false, true, "the SPU could not write; see its log and disk"},
	{60, "InvalidCreateRequest", InvalidArgument, false, false, false, "correct the request"},
	{61, "InvalidDeleteRequest", InvalidArgument, false, false, false, "correct the request"},
	{71, "OffsetEvicted", OffsetEvicted, false, false, false, "retention removed that offset; start from the next available one"},
	{72, "PartitionFull", Server, true, false, false, "the SPU's disk is full"},
	{73, "PartitionShortCircuited", Server, true, false, false, "the replica refuses writes after a failure; restart that SPU"},
	{1000, "SpuError", Server, true, true, false, "see the SC's log"},
	{1001, "SpuRegisterationFailed", Server, false, false, false, "see the SC's log"},
	{1002, "SpuOffline", Server, true, true, false, "the SPU is down"},
	{1003, "SpuNotFound", NotFound, true, true, false, "list the SPUs, or register this one first"},
	{1004, "SpuAlreadyExists", AlreadyExists, false, false, false, "choose another SPU id and name"},
	{2000, "TopicError", Server, false, false, false, "correct the replicas: see the server's message"},
	{2001, "TopicNotFound", NotFound, false, true, false, "create the topic first"},
	{2002, "TopicAlreadyExists", AlreadyExists, false, false, false, "use the existing topic or another name"},
	{2003, "TopicPendingInitialization", Server, true, true, false, "the topic is being set up"},
	{2004, "TopicInvalidConfiguration", InvalidArgument, false, false, false, "correct the topic's settings"},
	{2005, "TopicNotProvisioned", Server, true, true, false, "too few SPUs are online for this topic; it exists and becomes usable when they appear"},
	{2006, "TopicInvalidName", InvalidArgument, false, false, false, "use 1 to 63 of a-z, 0-9 and -, not - first or last"},
	{2007, "TopicDeleted", NotFound, false, false, false, "the topic was deleted"},
	{2008, "TopicInvalidReplicaType", InvalidArgument, false, false, false, "this operation does not fit the topic's replica type"},
	{3000, "PartitionPendingInitialization", Server, true, true, false, "the partition is being set up"},
	{3001, "PartitionNotLeader", Server, true, true, false, "the partition moved to another SPU; libfluvio follows by itself"},
	{3002, "FetchSessionNotFoud", Server, true, false, false, "the stream is gone; a new one is needed"},
	{3003, "OffsetFlushRequestError", Server, true, false, false, "the offset could not be stored; try again"},
	{3004, "OffsetManagementDisabled", InvalidState, false, false, false, "set consumer_id and an offset_strategy"},
	{3005, "MaxRetryReached", Connection, false, false, false, "the cluster stayed away"},
	{5000, "ManagedConnectorError", Server, false, false, false, ""},
	{5001, "ManagedConnectorNotFound", NotFound, false, false, false, ""},
	{5002, "ManagedConnectorAlreadyExists", AlreadyExists, false, false, false, ""},
	{6000, "SmartModuleError", SmartModule, false, false, false, "give the package a name, a group and a version; else see the server's message"},
	{6001, "SmartModuleNotFound", NotFound, false, false, false, "create the SmartModule first, or check its name"},
	{6002, "SmartModuleInvalid", SmartModule, false, false, false, "the module is not gzip-compressed WebAssembly"},
	{6003, "SmartModuleInvalidExports", SmartModule, false, false, false, "the module lacks the function for its kind"},
	{6004, "SmartModuleRuntimeError", SmartModule, false, false, false, "the module returned an error for this record"},
	{6005, "SmartModuleChainInitError", SmartModule, false, false, false, "a module of the chain could not be loaded"},
	{6006, "SmartModuleInitError", SmartModule, false, false, false, "the module's init function failed; check its parameters"},
	{6007, "SmartModuleLookBackError", SmartModule, false, false, false, "the module's look_back function failed"},
	{6008, "SmartModuleMemoryLimitExceeded", SmartModule, false, false, false, "the module needs more memory than the SPU allows"},
	{7000, "TableFormatError", Server, false, false, false, "see the server's message and log"},
	{7001, "TableFormatNotFound", NotFound, false, false, false, "list the table formats, or create this one first"},
	{7002, "TableFormatAlreadyExists", AlreadyExists, false, false, false, "delete the existing table format, or choose another name"},
	{8000, "DerivedStreamObjectError", Server, false, false, false, ""},
	{8001, "DerivedStreamNotFound", NotFound, false, false, false, ""},
	{8002, "DerivedStreamJoinFetchError", Server, false, false, false, ""},
	{8003, "DerivedStreamInvalid", Server, false, false, false, ""},
	{9000, "CompressionError", InvalidArgument, false, false, false, "use the compression that the topic demands"},
	{10000, "DeduplicationSmartModuleNotLoaded", NotFound, false, false, false, "store the SmartModule in the cluster first, then create the topic"},
	{10001, "DeduplicationSmartModuleNameInvalid", InvalidArgument, false, false, false, "use the form group/name@version"},
	{11001, "MirrorNotFound", NotFound, false, false, false, "register the remote cluster as a mirror first, or check its name"},
	{11002, "MirrorAlreadyExists", AlreadyExists, false, false, false, "use the existing mirror, or choose another name"},
	{11003, "MirrorProduceFromHome", InvalidState, false, false, false, "this mirror topic only receives; produce on the remote cluster"},
	{11004, "MirrorDeleteFromRemote", InvalidState, false, false, false, "delete the topic on the home cluster"},
	{11005, "MirrorInvalidType", InvalidArgument, false, false, false, "name a mirror of the kind remote, not the home"},
	{11006, "MirrorProduceFromRemoteNotAllowed", InvalidState, false, false, false, "this mirror topic only receives; produce on the home cluster"},
	{12001, "SystemSpecDeletionAttempt", Permission, false, false, false, "give force to delete a topic of the system"},
	{12002, "SystemSpecUpdatingAttempt", Permission, false, false, false, "leave topics of the system as they are"},
}

var byServer = func() map[ServerCode]*ServerInfo {
	m := make(map[ServerCode]*ServerInfo, len(ServerTable))
	for i := range ServerTable {
		m[ServerTable[i].Server] = &ServerTable[i]
	}
	return m
}()

// LookupServer returns the row of a server code. Codes of servers newer than this table yield a row named "Unknown"
// with Code Server: the number is kept, the error stays usable.
func LookupServer(c ServerCode) ServerInfo {
	if p, ok := byServer[c]; ok {
		return *p
	}
	return ServerInfo{Server: c, Name: "Unknown", Code: Server, MaybeWritten: true, Hint: "the server is newer than this library; see the server's documentation"}
}

// String returns Fluvio's own name of the code and its number.
func (c ServerCode) String() string {
	if c == ServerNone {
		return "None"
	}
	return fmt.Sprintf("%s (%d)", LookupServer(c).Name, int16(c))
}
