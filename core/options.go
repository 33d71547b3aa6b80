package fluvio

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// ClientOptions say which cluster to connect to and how to treat it. The zero value connects to the current profile of the
// official tools. The setting tag is the name in JSON, C, Python and Node; durations are milliseconds there, or text with
// a unit ("1h"), and so are sizes ("512MiB").
type ClientOptions struct {
	// Endpoint is the SC's host:port. Empty: the profile's.
	Endpoint string `setting:"endpoint"`
	// Profile names a profile of the profile file. Empty: its current one. Not together with Endpoint.
	Profile string `setting:"profile"`
	// ProfilePath is the profile file. Empty: $FLV_PROFILE_PATH, else ~/.fluvio/config. Not together with Endpoint.
	ProfilePath string `setting:"profile_path"`
	// ClientID is sent with every request and shows in server logs. Default libfluvio.
	ClientID string `setting:"client_id"`
	// ConnectionTimeout limits finding the host and the TCP connection. Default 5 s.
	ConnectionTimeout time.Duration `setting:"connection_timeout_ms" min:"1" max:"600000"`
	// HandshakeTimeout limits TLS and the first exchange together, after the TCP connection. Default: ConnectionTimeout.
	HandshakeTimeout time.Duration `setting:"handshake_timeout_ms" min:"1" max:"600000"`
	// RequestTimeout limits every request to its answer, retries included. Default 30 s. Creating a topic has its own, longer limit.
	RequestTimeout time.Duration `setting:"request_timeout_ms" min:"1" max:"3600000"`
	// WriteStallTimeout is how long a peer may take no byte, or leave bytes unacknowledged, until the connection counts as dead.
	// Default: RequestTimeout.
	WriteStallTimeout time.Duration `setting:"write_stall_timeout_ms" min:"1" max:"3600000"`
	// IdleConnectionTimeout is how long a connection may be unused until it is closed; those that stream are in use. Default 300 s.
	IdleConnectionTimeout time.Duration `setting:"idle_connection_timeout_ms" min:"100" max:"86400000"`
	// ValidateOnConnect makes Connect return only when the SC was reached and the metadata is there. When it is false, Connect only
	// checks the settings; the client goes on trying to reach the SC, and the first calls wait for it, by their deadlines. Default
	// true.
	ValidateOnConnect *bool `setting:"validate_on_connect"`
	// MaxRetries is how often Connect and requests to the SC are tried again after a failure that may pass by itself, where that
	// cannot do anything twice. Timeouts are not repeated. Default 3; 0 is never. Records have limits of their own:
	// ProducerOptions.DeliveryTimeout, ConsumerOptions.MaxRetries.
	MaxRetries *int `setting:"max_retries" min:"0" max:"1000000"`
	// BreakerFailures is after how many attempts in a row that failed an address is not tried for BreakerReset: whoever wants it
	// fails at once. Then one attempt decides. Default 5.
	BreakerFailures int `setting:"breaker_failures" min:"1" max:"1000000"`
	// BreakerReset is how long an address is left alone. Metadata that say that an SPU is back end it early. Default 10 s.
	BreakerReset time.Duration `setting:"breaker_reset_ms" min:"1" max:"3600000"`
	// ShareConnections makes the clients of this process that have it and the same connection settings use the same connections to
	// servers, and the same breakers. Each still watches the cluster on a connection of its own. Default false.
	ShareConnections bool `setting:"share_connections"`
	// RetryBackoff is the first wait before trying again; waits double, with jitter. Default 100 ms.
	RetryBackoff time.Duration `setting:"retry_backoff_ms" min:"1" max:"600000"`
	// RetryBackoffMax is the longest wait before trying again. Default 10 s.
	RetryBackoffMax time.Duration `setting:"retry_backoff_max_ms" min:"1" max:"3600000"`
	// UseSPULocalAddress reaches SPUs at their local endpoints where they have one.
	UseSPULocalAddress bool `setting:"use_spu_local_address"`
	// TLS is disabled, anonymous (encrypted, without a client certificate) or verified (with one, if it is given). Both verify the server,
	// and need TLSDomain for it. Default: the profile's, else disabled.
	TLS string `setting:"tls" enum:"disabled,anonymous,verified"`
	// TLSDomain is the name the SC's certificate must carry; SPUs must carry <spu>.<domain>.
	TLSDomain string `setting:"tls_domain"`
	// TLSCA, TLSCertificate and TLSKey are paths of PEM files, or PEM text itself. Without TLSCA the system's roots count. Files
	// are read again for every new connection, so they can be replaced while the client runs. While TLS is disabled these and
	// TLSDomain must be empty.
	TLSCA          string `setting:"tls_ca"`
	TLSCertificate string `setting:"tls_certificate"`
	TLSKey         string `setting:"tls_key" secret:"true"`
	// TLSInsecure accepts whatever server answers, with TLS anonymous: what is sent can then be read and changed by whoever is on
	// the way. A warning is written. Default false; of profiles with the policy anonymous, which means that, true.
	TLSInsecure bool `setting:"tls_insecure"`
	// TLSVerify is asked about every server after all other checks, also with TLSInsecure, which leaves the decision to it.
	// An error refuses the connection. It may be called by several goroutines at once. May be nil. Not together with ShareConnections.
	TLSVerify func(tls.ConnectionState) error
	// AuthPrincipal and AuthScopes introduce the client to an SC that has an authorization policy and no TLS tunnel in front of it,
	// which believes them. With TLS, the client's certificate says who it is: leave them empty.
	AuthPrincipal string   `setting:"auth_principal"`
	AuthScopes    []string `setting:"auth_scopes"`
	// LogLevel is the least level that is logged where no Logger decides, to the standard error, and in C and Node also to what
	// takes the lines: off, error, warn, info or debug. FLUVIO_LOG in the environment takes the place of this setting. Default warn.
	LogLevel string `setting:"log_level" enum:"off,error,warn,info,debug"`
	// StatisticsInterval is how often OnStats is called. It is needed with OnStats, and only then.
	StatisticsInterval time.Duration `setting:"statistics_interval_ms" min:"10" max:"86400000"`
	// Logger takes the logs instead of the standard error; its handler decides about levels. Error: something is lost or given
	// up. Warn: something is wrong that may mend itself. Info: connections, retries, leaders that move. Debug: requests. Neither
	// secrets nor anything of records is logged. May be nil.
	Logger *slog.Logger
	// Hooks are told of starts and ends: see ConnectHook and its neighbours. Each must implement one of them at least.
	Hooks []any
	// OnStats is given the counters every StatisticsInterval, on a goroutine of its own. Close waits for it, so it must not call
	// that. May be nil.
	OnStats func(*ClientStats)
	// DialContext replaces TCP dialling, for proxies and tests. May be nil. Not together with ShareConnections.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// OnEvent is told what happens to connections, breakers and the metadata, one event at a time and in order, on a goroutine that
	// runs only while there are some. Close waits for it, so it must not call Close. May be nil.
	OnEvent func(ClientEvent)

	exposed string // the profile file, when it holds a private key and others may read it
}

// ProducerOptions tune a producer. The zero value is right for most.
type ProducerOptions struct {
	// BatchSize is the size in bytes, before compression, at which a batch is full. Default 16 KiB, or MaxRequestSize if that is
	// less. Batches leave together, up to MaxRequestSize, so small batches cost little.
	BatchSize int `setting:"batch_size" unit:"bytes" min:"256" max:"33554432"`
	// Linger is how long a batch waits for more records before it is sent. Default 0: at once; what comes while a request is
	// under way still goes out together. Less than DeliveryTimeout.
	Linger time.Duration `setting:"linger_ms" min:"0" max:"600000"`
	// MaxRequestSize limits a request, and a record with its batch header, in bytes. Default 1 MiB, or BufferMemory if that
	// is less. Neither requests nor batches exceed the topic's segment size.
	MaxRequestSize int `setting:"max_request_size" unit:"bytes" min:"1024" max:"33554432"`
	// Compression is none, gzip, snappy, lz4 or zstd. Default: what the topic demands, else none.
	Compression string `setting:"compression" enum:"none,gzip,snappy,lz4,zstd"`
	// CompressionLevel is the codec's own level, 0 for its default: 1 to 9 for gzip and lz4, 1 to 22 for zstd.
	CompressionLevel int `setting:"compression_level" min:"0" max:"22"`
	// BufferMemory limits the memory that records on their way take, in bytes. Default 32 MiB.
	BufferMemory int64 `setting:"buffer_memory" unit:"bytes" min:"65536" max:"1099511627776"`
	// BufferFull says what Send does when BufferMemory is used up: block until its context ends, or fail. Default block.
	BufferFull string `setting:"buffer_full" enum:"block,fail"`
	// Delivery is at_least_once or at_most_once. Default at_least_once.
	Delivery string `setting:"delivery" enum:"at_least_once,at_most_once"`
	// DeliveryTimeout limits the time from Send to the report, retries included. Default 120 s.
	DeliveryTimeout time.Duration `setting:"delivery_timeout_ms" min:"1" max:"86400000"`
	// Isolation is read_uncommitted (the leader has written) or read_committed (the replicas have). Default read_uncommitted.
	Isolation string `setting:"isolation" enum:"read_uncommitted,read_committed"`
	// ServerTimeout is how long the server waits for the replicas with read_committed. Default 1.5 s.
	ServerTimeout time.Duration `setting:"server_timeout_ms" min:"1" max:"3600000"`
	// Partitioner says how Send chooses partitions. siphash: keys as the official clients place them, records without a key
	// round robin over the partitions online. round_robin: so for all records, whatever their keys. sticky: records without a
	// key stay in one partition online until its batch is closed, then go on to the next one; keys as siphash. fixed: all go
	// into Partition. Default siphash, with Partition fixed.
	Partitioner string `setting:"partitioner" enum:"siphash,round_robin,sticky,fixed"`
	// Partition pins the producer to one partition. Default none.
	Partition *int32 `setting:"partition" min:"0" max:"2147483647"`
	// PartitionFunc chooses instead, for every record that Send takes; it may be called by several goroutines at once. A record
	// for which it names no partition of the topic is refused. May be nil.
	PartitionFunc func(key, value []byte, of *Partitions) int32
	// OnPartitions is told which partitions there are, before the producer is opened and whenever that changes. It must neither
	// block nor change anything. May be nil.
	OnPartitions func(*Partitions)
	// SmartModules is the chain that SPUs run records through before they store what comes out. Every batch is run by itself,
	// and fails or is stored as a whole. Offsets of single records are not known then: reports have none, and tell of
	// records that no module let through as of all others: persisted. The modules are no part of MaxRequestSize.
	SmartModules []SmartModule `setting:"smartmodules"`
	// TransformsPath is a file with the chain, instead of SmartModules: a transformation file of the official tools, as
	// LoadTransforms reads it. It is read when the producer is opened.
	TransformsPath string `setting:"transforms_path"`
	// OnDelivery is told of every batch that was stored or failed, in order, on one goroutine. It should not block long:
	// memory of further batches is not freed meanwhile. Flush and Close of the producer wait for it, so it must not call
	// them. May be nil.
	OnDelivery func(*Delivery)
	// InFront is for callers who queue records in front of the producer: Stats calls it to have these counted. It must not call
	// the producer. May be nil.
	InFront func(*ProducerStats)
}

// ConsumerOptions say what to read. Topics is needed, all else has a default.
type ConsumerOptions struct {
	// Topics to read. A name that begins with ^ is a pattern, a regular expression (RE2) for whole names: it stands for all
	// topics that match, those that are created while the consumer runs included; system topics excluded. A topic of a
	// pattern that is deleted ends without an error.
	Topics []string `setting:"topics"`
	// Partitions to read of each topic. Empty: all, and those that are added while the consumer runs.
	Partitions []int32 `setting:"partitions"`
	// GroupSize is how many consumers share the partitions, each reading its own; 0: this one reads all. The group is static:
	// which partitions a member reads follows from the numbers alone. Nobody takes over those of a member that is away, and a
	// change of GroupSize means to start all members anew.
	GroupSize int32 `setting:"group_size" min:"1" max:"100000"`
	// GroupMember is which member of the group this consumer is, 0 to GroupSize-1. No two may be the same.
	GroupMember int32 `setting:"group_member" min:"0" max:"99999"`
	// Start is where to begin. Default End().
	Start StartPosition `setting:"start"`
	// StopAt is where to end. Default never.
	StopAt StopPosition `setting:"stop_at"`
	// OffsetReset says what to do when the position to read from is not stored: because retention was quicker, or because an offset to
	// start at, also one that is stored for the consumer, lies behind the end, as after a topic was made anew. error (the partition
	// ends with OffsetEvicted), earliest (on at the first record kept) or latest (on at the end). OnEvent and Positions tell of it.
	// Default error.
	OffsetReset string `setting:"offset_reset" enum:"error,earliest,latest"`
	// CorruptBatches says what to do about stored records that cannot be read: stop (the partition ends with Corrupt) or skip
	// (on behind the stored batch; OnEvent and Positions tell of it). Default stop.
	CorruptBatches string `setting:"corrupt_batches" enum:"stop,skip"`
	// MaxRetries is how often in a row reading a partition is tried again without success before the partition ends with the
	// error. Default 0: for ever.
	MaxRetries int `setting:"max_retries" min:"0" max:"1000000"`
	// MaxBytes is where the server cuts a frame. Default: PrefetchBytes over the partitions, 1 to 2 MiB. A partition with
	// larger batches gets frames as large as these.
	MaxBytes int32 `setting:"max_bytes" unit:"bytes" min:"1024" max:"50331648"`
	// PrefetchBytes limits what is received and not yet taken, for the whole consumer. Default 16 MiB. Up to one frame per
	// partition may come on top.
	PrefetchBytes int64 `setting:"prefetch_bytes" unit:"bytes" min:"1024" max:"1099511627776"`
	// Isolation is read_uncommitted or read_committed. Default read_uncommitted.
	Isolation string `setting:"isolation" enum:"read_uncommitted,read_committed"`
	// ConsumerID names the consumer: reading goes on behind the offset stored under this name, unless Start is an offset. It is
	// needed to store offsets.
	ConsumerID string `setting:"consumer_id"`
	// OffsetStore is where offsets are stored: cluster, file (below OffsetStorePath) or memory (of the Client). Default cluster.
	OffsetStore string `setting:"offset_store" enum:"cluster,file,memory"`
	// OffsetStorePath is the folder of OffsetStore file. It is created when it is missing.
	OffsetStorePath string `setting:"offset_store_path"`
	// Store is an offset store of the application's, instead of OffsetStore. May be nil.
	Store OffsetStore
	// OnEvent is told what happens to partitions, one event at a time. It must not block, nor close the consumer. May be nil.
	OnEvent func(ConsumerEvent)
	// OffsetStrategy says who stores offsets: none (nobody), manual (Commit and CommitOffset) or auto (also
	// every OffsetFlush, and Close). Default none.
	OffsetStrategy string `setting:"offset_strategy" enum:"none,manual,auto"`
	// OffsetFlush is how often auto stores offsets. Default 10 s.
	OffsetFlush time.Duration `setting:"offset_flush_ms" min:"1" max:"86400000"`
	// SmartModules is the chain that SPUs run records through. What comes out has no timestamps, and offsets that SPUs do not
	// tell: records that were read together are counted up from the first, and the last one has the offset behind which
	// reading goes on, so that offsets stored there are exact; between, going on repeats records, or with a module that makes
	// several records of one may skip some. SPUs give whole batches to modules, so records shortly before Start and behind
	// StopAt come as well. A module's error for a record comes after the records before it; reading goes on behind the batch of
	// that record. An SPU says nothing of records that do not pass: with StopAt a partition therefore also ends when all
	// before it is stored and nothing has come for the client's RequestTimeout.
	SmartModules []SmartModule `setting:"smartmodules"`
	// TransformsPath is a file with the chain, instead of SmartModules: a transformation file of the official tools, as
	// LoadTransforms reads it. It is read when the consumer is opened.
	TransformsPath string `setting:"transforms_path"`
	// ReadAhead is for callers who read ahead of their own application, which then is the one to count: Next hands nothing
	// out, Consumer.HandedOut does. The function is called before auto stores offsets, so that it can call HandedOut; it must
	// not block.
	ReadAhead func()
	// InFront is for the same callers: Stats calls it, so that it can call HandedOut. May be nil.
	InFront func()
	// LazyColumns leaves the decoding of records to Batch.Columns: for callers who decode into memory of their own. Records
	// and Record then must not be used.
	LazyColumns bool
}

// defaults fills in what the zero values mean, but for MaxBytes, whose default hangs on the number of partitions.
func (o *ConsumerOptions) defaults() {
	o.PrefetchBytes = orDefault(o.PrefetchBytes, 16<<20)
	o.Isolation = orDefault(o.Isolation, "read_uncommitted")
	o.OffsetStrategy = orDefault(o.OffsetStrategy, "none")
	o.OffsetFlush = orDefault(o.OffsetFlush, 10*time.Second)
	o.OffsetReset = orDefault(o.OffsetReset, "error")
	o.CorruptBatches = orDefault(o.CorruptBatches, "stop")
	o.OffsetStore = orDefault(o.OffsetStore, "cluster")
}
