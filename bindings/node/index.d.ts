/// <reference types="node" />
/// <reference lib="esnext.disposable" />

/**
 * libfluvio for Node: a client for Fluvio.
 *
 * Promises settle on the event loop, which no call blocks. Objects are closed with close (or stop), or at the end of the
 * block by `await using`. An open client, producer, consumer or dev cluster that nobody waits for does not keep the process
 * alive; a pending promise and a running iteration do. What the application drops without closing it is closed when it is
 * collected.
 */

import type { ClientStats, Histogram, LogLine } from './observe.js';

export type { ClientStats, ConsumerStats, Histogram, LogLine } from './observe.js';

/** What every call that waits takes. */
export interface CallOptions {
  /** Milliseconds to wait. Default: what the settings allow, see there. */
  timeoutMs?: number;
  /** Aborting it ends the call with CancelledError, whose cause is the signal's reason. */
  signal?: AbortSignal;
}

/** Milliseconds, or a text with a unit: '500ms', '1h', '7d'. */
export type Milliseconds = number | string;
/** Bytes, or a text with a unit: '16KiB', '512MiB', '2GB'. */
export type Size = number | string;

/* ------------------------------------------------------------------ client */

/** Which cluster to connect to, and how. Without endpoint and profile: the current profile of the official tools. */
export interface ClientOptions extends CallOptions {
  /** host:port of the SC. */
  endpoint?: string;
  /** A profile of the official tools' file. Not together with endpoint. */
  profile?: string;
  /** The profile file. Default: $FLV_PROFILE_PATH, else ~/.fluvio/config. */
  profilePath?: string;
  /** Sent with every request; shows in server logs. Default libfluvio. */
  clientId?: string;
  /** Milliseconds for finding the host and for TCP. Default 5000. */
  connectionTimeoutMs?: Milliseconds;
  /** Milliseconds for TLS and the first exchange together. Default: connectionTimeoutMs. */
  handshakeTimeoutMs?: Milliseconds;
  /** Milliseconds for every request, retries included. Default 30000. Creating a topic has its own, longer limit. */
  requestTimeoutMs?: Milliseconds;
  /** Milliseconds for which a peer may take no byte, or leave bytes unacknowledged. Default: requestTimeoutMs. */
  writeStallTimeoutMs?: Milliseconds;
  /** Milliseconds after which a connection that nobody uses is closed. Default 300000. */
  idleConnectionTimeoutMs?: Milliseconds;
  /** false: do not wait for the cluster; the first calls do, by their deadlines. Default true. */
  validateOnConnect?: boolean;
  /** How often connecting and requests to the SC are repeated where that is safe. Default 3; 0 is never. */
  maxRetries?: number;
  /** After how many failed attempts in a row an address is left alone for a while. Default 5. */
  breakerFailures?: number;
  /** Milliseconds for which it is. Default 10000. */
  breakerResetMs?: Milliseconds;
  /** Clients of this process with this and the same settings use the same connections. Default false. */
  shareConnections?: boolean;
  /** Called with what happens to connections, circuit breakers and the metadata, in order. */
  onEvent?: (event: ClientEvent) => void;
  /** Milliseconds before the first repetition; doubles, with jitter. Default 100. */
  retryBackoffMs?: Milliseconds;
  /** The longest wait before a repetition, in milliseconds. Default 10000. */
  retryBackoffMaxMs?: Milliseconds;
  /** Reach SPUs at their local endpoints where they have one. Default false. */
  useSpuLocalAddress?: boolean;
  /**
   * disabled; anonymous: encrypted, without a client certificate; verified: with one, if it is given. Both verify the server, by
   * tlsDomain. Default: the profile's, else disabled.
   */
  tls?: 'disabled' | 'anonymous' | 'verified';
  /** The name the SC's certificate must carry; SPUs must carry <spu>.<domain>. */
  tlsDomain?: string;
  /** Path of a PEM file, or PEM text. Default: the system's roots. */
  tlsCa?: string;
  /** Path of a PEM file, or PEM text. */
  tlsCertificate?: string;
  /** Path of a PEM file, or PEM text. Files are read again for each connection. */
  tlsKey?: string;
  /** Accept whatever server answers, with tls anonymous; it can read and change everything. A warning is logged. Default false. */
  tlsInsecure?: boolean;
  /** Introduces the client to an SC that has an authorization policy and no TLS. Default: none. */
  authPrincipal?: string;
  /** The roles of authPrincipal. */
  authScopes?: readonly string[];
  /** The least level that is logged. FLUVIO_LOG in the environment takes the place of this option. Default warn. */
  logLevel?: 'off' | LogLine['level'];
  /** Takes the lines of the log, which go to the standard error otherwise. */
  onLog?: (line: LogLine) => void;
  /** Milliseconds between calls of onStats, which need it. */
  statisticsIntervalMs?: number;
  /** Takes the client's counters at intervals. */
  onStats?: (stats: ClientStats) => void;
}

/** What happened to a client. What does not apply is empty or 0. */
export interface ClientEvent {
  /**
   * connected: a connection to address was made. lost: one ended because of error. retry: the metadata may be old because of
   * error; attempt to reach the SC comes after delayMs. recovered: the SC is back. gave_up: error does not go away by itself; the SC
   * is tried again when it is asked for something. leader_moved: a partition is led by spu, no longer by fromSpu. breaker_opened:
   * address is not tried for a while. breaker_half_open: one attempt decides. breaker_closed: it is tried as usual. More may be
   * added.
   */
  kind:
    | 'connected'
    | 'lost'
    | 'retry'
    | 'recovered'
    | 'gave_up'
    | 'leader_moved'
    | 'breaker_opened'
    | 'breaker_half_open'
    | 'breaker_closed'
    | (string & {});
  address: string;
  topic: string;
  partition: number;
  spu: number;
  fromSpu: number;
  attempt: number;
  delayMs: number;
  error: FluvioError | null;
}

/** How one server is. */
export interface ServerHealth {
  /** An SPU's id; 0 for the SC. */
  id: number;
  name: string;
  /** host:port as this client reaches it. */
  address: string;
  /** What the SC says of an SPU; of the SC: reachable. */
  online: boolean;
  /** Whether it answered. */
  reachable: boolean;
  /** How long that took. */
  rttMs: number | null;
  breaker: 'closed' | 'open' | 'half-open';
  /** Why it did not answer. */
  error: string | null;
}

/** How a client and its cluster are. */
export interface Health {
  /** degraded: some of it works. down: no SPU answers, no record can be written or read. */
  verdict: 'healthy' | 'degraded' | 'down';
  /** Why it is not healthy. */
  reasons: string[];
  sc: ServerHealth;
  /** Those that the SC knows, by id. */
  spus: ServerHealth[];
  /** Since the SC last told something of topics, partitions and SPUs; null: never. */
  metadataAgeMs: number | null;
  /** Why changes are not heard of now; null: they are. */
  metadataError: string | null;
  clientVersion: string;
  /** Empty before the cluster was reached. */
  platformVersion: string;
}

/**
 * Connects to a cluster: reaches its SC, agrees on versions, loads the metadata.
 *
 * @param endpointOrOptions host:port of the SC, or options
 * @throws {ConnectionError} nobody listens there, or the connection was lost
 * @throws {TimeoutError} no connection or no answer in time
 * @throws {ProtocolError} something else than a Fluvio SC answers there
 * @throws {InvalidArgumentError} options are unknown or wrong; all of them are listed
 * @throws {NotFoundError} there is no such profile
 * @throws {LibraryNotFoundError} the shared library is not on this machine
 */
export function connect(endpointOrOptions?: string | ClientOptions): Promise<Client>;

/** The connection to a cluster. Comes from connect. */
export class Client {
  private constructor();
  /** Whether it was closed. */
  readonly closed: boolean;
  /** The cluster's platform version, for instance "0.18.1". */
  readonly platformVersion: string;
  /** Creates, describes, lists, deletes and watches the cluster's objects. */
  readonly admin: Admin;
  /**
   * How the client and its cluster are: asks the SC and every SPU for a sign of life, all at once. timeoutMs: who has not
   * answered by then is not reachable; by default connectionTimeoutMs.
   */
  health(options?: CallOptions): Promise<Health>;
  /**
   * Opens a producer. timeoutMs: by default requestTimeoutMs.
   *
   * @throws {NotFoundError} there is no such topic
   * @throws {InvalidArgumentError} the topic's name or an option is wrong
   * @throws {TimeoutError} no answer in time
   */
  producer(topic: string, options?: ProducerOptions): Promise<Producer>;
  /**
   * Opens a consumer of one topic, or of several. timeoutMs: by default requestTimeoutMs.
   *
   * @throws {NotFoundError} there is no such topic
   * @throws {InvalidArgumentError} a topic's name or an option is wrong, or the topic has no such partition
   * @throws {TimeoutError} no answer in time
   */
  consumer(topic: string | readonly string[], options?: ConsumerOptions): Promise<Consumer>;
  /** The client's counters. It asks nobody. */
  stats(options?: CallOptions): Promise<ClientStats>;
  /** The same in Prometheus's text format, to be served as text/plain; version=0.0.4. */
  prometheus(options?: CallOptions): Promise<string>;
  /**
   * Closes the client with its producers, whose records are delivered first, and its consumers, whose iterations end. Does
   * nothing when closed already. timeoutMs: for delivering; by default as long as deliveryTimeoutMs allows.
   *
   * @throws {TimeoutError} some records had to be failed
   */
  close(options?: CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/* ------------------------------------------------------------------- admin */

/** How a topic drops records that came before. */
export interface Deduplication {
  /** What finds duplicates, for instance fluvio/dedup-bloom-filter@0.1.0; it must be in the cluster. */
  smartmodule: string;
  /** How many records it remembers at least. */
  count: number;
  /** For how long it remembers them at least. Default, and 0 in what is read: no matter how old they are. */
  ageMs?: Milliseconds;
  /** For the SmartModule. */
  params?: { [name: string]: string };
}

/** How a topic is copied between clusters. */
export interface TopicMirror {
  /** home, on the cluster that has a partition for each remote one, or remote, on those. */
  kind: 'home' | 'remote';
  /** Of a home topic: each is copied from a remote cluster. remoteReplica is by default the topic's own name and 0. */
  partitions?: { remoteCluster: string; remoteReplica?: string; source?: boolean }[];
  /** A home topic is copied to the remote clusters instead. */
  source?: boolean;
  /** Of a remote topic: the name of the mirror that stands for its home. */
  homeCluster?: string;
  /** Of a remote topic: one for each partition. */
  homeSpus?: { id: number; key: string; endpoint: string }[];
  /** A remote topic is the copy instead. */
  target?: boolean;
}

/** What a topic is created with. */
export interface TopicOptions extends CallOptions {
  /** Their number. Default 1. */
  partitions?: number;
  /** Copies of each partition, each on its own SPU. Default 1. */
  replication?: number;
  /** Stored with the topic. Default false. */
  ignoreRack?: boolean;
  /** Places the replicas by hand, instead of the above: for every partition the ids of its SPUs, the leader first. */
  assignment?: readonly (readonly number[])[];
  /** Makes a mirror, instead of the above. */
  mirror?: TopicMirror;
  /** Removes older records, in seconds, or with a unit. Default: the cluster's, 7 days. */
  retentionSeconds?: number | string;
  /** Of a log file. Default: the cluster's, 1 GiB. */
  segmentSize?: Size;
  /** Of a partition before its oldest segments go. Default: the cluster's, 100 GiB. */
  maxPartitionSize?: Size;
  /** The policy for producers. Default any. */
  compression?: 'any' | 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** Drops records that came before. Default: none. */
  deduplication?: Deduplication;
  /** A topic of the system: lists leave it out, and only force deletes it. Default false. */
  system?: boolean;
  /** Only check. Default false. */
  dryRun?: boolean;
}

/** The other side of a mirrored partition. */
export interface PartitionMirror {
  /** What this cluster is. */
  kind: 'home' | 'remote';
  remoteCluster: string;
  remoteReplica: string;
  source: boolean;
  homeCluster: string;
  homeSpu: number;
  homeSpuKey: string;
  homeEndpoint: string;
  target: boolean;
}

/** A topic of the cluster. */
export interface Topic {
  name: string;
  partitions: number;
  /** Copies of each partition; 0 when the replicas were assigned by hand. */
  replication: number;
  ignoreRack: boolean;
  /** As TopicOptions has it; empty: the cluster placed the replicas. */
  assignment: number[][];
  /** null: it is no mirror. */
  mirror: Required<TopicMirror> | null;
  /** 0: the cluster's default. */
  retentionSeconds: number;
  /** Bytes; 0: the cluster's default. */
  segmentSize: number;
  /** Bytes; 0: the cluster's default. */
  maxPartitionSize: number;
  /** The policy for producers. */
  compression: string;
  /** null: none. */
  deduplication: Required<Deduplication> | null;
  /** Whether the cluster itself uses it. */
  isSystem: boolean;
  /** init, pending, insufficient-resources, invalid-config, provisioned (the replicas are placed) or deleting. */
  status: string;
  /** Why the status is so; may be empty. */
  reason: string;
  /** Where its partitions are: ids of SPUs, the leader as it was placed first. */
  replicas: { partition: number; spus: number[]; mirror: PartitionMirror | null }[];
}

/** A partition of the cluster. Offsets and sizes are as its SPU last reported them: late by half a second. */
export interface Partition {
  topic: string;
  partition: number;
  /** The id of the SPU. */
  leader: number;
  /** Ids of SPUs, the leader included. */
  replicas: number[];
  /** offline, online, leader-offline, election or out-of-storage (it can be read). */
  status: string;
  /** Behind the last record that all replicas have; -1 unknown. */
  highWatermark: number;
  /** Behind the last record; -1 unknown. */
  logEndOffset: number;
  /** Of the first record kept. */
  startOffset: number;
  /** Bytes; -1 unknown. */
  size: number;
  /** Followers that have all records. */
  inSync: number;
  /** The other replicas, as far as the leader has told; -1 is unknown. */
  followers: { spu: number; highWatermark: number; logEndOffset: number }[];
  isBeingDeleted: boolean;
  /** This and what follows are the topic's settings. */
  retentionSeconds: number;
  segmentSize: number;
  maxPartitionSize: number;
  compression: string;
  deduplication: Required<Deduplication> | null;
  isSystem: boolean;
  mirror: PartitionMirror | null;
}

/** Where an SPU listens. */
export interface SpuEndpoint {
  /** Names or addresses; one of both may be empty. */
  hosts: { hostname: string; ip: string }[];
  port: number;
  /** plaintext or ssl; clusters with TLS say plaintext too. */
  encryption: string;
}

/** A storage server of the cluster. */
export interface Spu {
  name: string;
  id: number;
  /** managed (by Kubernetes) or custom. */
  type: string;
  /** online, offline or init (it never came). */
  status: string;
  /** host:port for clients; empty: it has none. */
  address: string;
  publicEndpoint: SpuEndpoint;
  privateEndpoint: SpuEndpoint;
  publicEndpointLocal: SpuEndpoint | null;
  rack: string;
}

/** An SPU that is started by hand. Endpoints are host:port. */
export interface CustomSpuOptions extends CallOptions {
  /** The number that the SPU is started with. */
  id: number;
  /** For clients. */
  publicEndpoint: string;
  /** For other SPUs. */
  privateEndpoint: string;
  /** For clients with useSpuLocalAddress. */
  publicEndpointLocal?: string;
  rack?: string;
  /** Stored with the endpoints. Default plaintext. */
  encryption?: 'plaintext' | 'ssl';
  /** Only check. Default false. */
  dryRun?: boolean;
}

/** A group of SPUs that is asked of Kubernetes. */
export interface SpuGroupOptions extends CallOptions {
  /** The number of SPUs. Default 1. */
  replicas?: number;
  /** The id of the first. Default 0. */
  minId?: number;
  rack?: string;
  inSyncReplicaMin?: number;
  storageLogDir?: string;
  /** As Kubernetes writes it: 10Gi. */
  storageSize?: string;
  /** Environment variables. */
  env?: { [name: string]: string };
}

/** A group of SPUs. 0 and empty: not given. */
export interface SpuGroup {
  name: string;
  replicas: number;
  minId: number;
  rack: string;
  inSyncReplicaMin: number;
  storageLogDir: string;
  storageSize: string;
  env: { [name: string]: string };
  /** init, invalid or reserved. */
  status: string;
  reason: string;
}

/** Where a SmartModule is from. */
export interface SmartModulePackage {
  name: string;
  group: string;
  /** semver. */
  version: string;
  /** semver. Default 0.1.0. */
  apiVersion?: string;
  description?: string;
  license?: string;
  /** Default private. */
  visibility?: 'private' | 'public';
  repository?: string;
}

/** What a SmartModule is stored with, besides the module. */
export interface SmartModuleOptions extends CallOptions {
  /** Where it is from. With it, the module's name is made of the package's. */
  package?: SmartModulePackage;
  /** The parameters it takes; with a package only. */
  params?: readonly { name: string; description?: string; optional?: boolean }[];
}

/** A SmartModule of the cluster. */
export interface StoredSmartModule {
  name: string;
  /** As consumers and producers name it: group/name@version, or the name without a package. */
  fullName: string;
  package: Required<SmartModulePackage> | null;
  params: { name: string; description: string; optional: boolean }[];
  /** binary or text. */
  format: string;
  /** Bytes, as it is stored: packed. */
  size: number;
  /** The module; null in lists that were not asked for it. */
  wasm: Buffer | null;
}

/** A column of a table. Empty and null: not given. */
export interface TableColumn {
  /** Where the value is in the record. */
  keyPath: string;
  headerLabel?: string;
  width?: string;
  alignment?: '' | 'left' | 'right' | 'center';
  format?: string;
  display?: boolean | null;
  primaryKey?: boolean | null;
  headerTextColor?: '' | 'blue' | 'yellow' | 'green';
  headerBgColor?: '' | 'blue' | 'yellow' | 'green';
}

/** How the official command line shows records as a table. */
export interface TableFormatOptions extends CallOptions {
  inputFormat?: 'json';
  columns?: readonly TableColumn[];
  smartmodule?: string;
}

/** A table format of the cluster. */
export interface TableFormat {
  name: string;
  inputFormat: string;
  columns: Required<TableColumn>[];
  smartmodule: string;
  /** init, invalid, running, pending or failed. */
  status: string;
  reason: string;
}

/** A domain and PEM texts; in options, paths of PEM files do too. */
export interface MirrorTls {
  domain: string;
  ca: string;
  certificate: string;
  key: string;
}

/** Another cluster: a remote cluster on its home, or the home on a remote cluster. */
export interface MirrorOptions extends CallOptions {
  /** What the other cluster is. Default remote. */
  kind?: 'remote' | 'home';
  /** The other cluster's. Default: the mirror's name. */
  id?: string;
  /** For a home: the name that it knows this cluster by. */
  remoteId?: string;
  /** For a home: host:port of its SC. */
  publicEndpoint?: string;
  /** For a home: how this cluster shows itself there. Default: no TLS. */
  tls?: MirrorTls;
}

/** Another cluster that this one copies topics to or from. */
export interface Mirror {
  name: string;
  kind: string;
  id: string;
  remoteId: string;
  publicEndpoint: string;
  tls: MirrorTls | null;
  /** online or offline. */
  status: string;
  /** waiting, successful, failed, disabled, unauthorized or failure, with the reason of that. */
  pairingSc: { status: string; reason: string };
  pairingSpu: { status: string; reason: string };
  /** null: never. */
  lastSeen: Date | null;
}

/** Which objects to list. */
export interface ListOptions extends CallOptions {
  /** Parts of names: an object is listed when one of them is in its name; of SmartModules whole names. Default: all. */
  names?: string | readonly string[];
}

/** What a watch tells. */
export type WatchEvent<T> =
  /** An object, of a deleted one as it last was. */
  | { event: 'added' | 'changed' | 'deleted'; object: T; error: null }
  /** What was told so far is all there is. */
  | { event: 'synced'; object: null; error: null }
  /** The cluster cannot be reached, because of error; what changes meanwhile comes afterwards, before the next synced. */
  | { event: 'lost'; object: null; error: string };

/**
 * Tells of every change of one kind of object, in order, from what there is on. It survives lost connections. Who takes events
 * slowly gets the latest state of each object, not all between; that one was deleted and made again is always told. A loop
 * over it ends when it is closed.
 */
export class Watch<T> implements AsyncIterable<WatchEvent<T>> {
  private constructor();
  /** Whether it, or its client, was closed. */
  readonly closed: boolean;
  /**
   * The next event. Giving up loses none.
   *
   * @throws {TimeoutError} nothing changed in time
   * @throws {ClosedError} it, or its client, was closed
   */
  next(options?: CallOptions): Promise<WatchEvent<T>>;
  [Symbol.asyncIterator](): AsyncIterableIterator<WatchEvent<T>>;
  /** Ends the watch. Does nothing when it was closed. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How far a named consumer has come in a partition. */
export interface ConsumerOffset {
  consumerId: string;
  topic: string;
  partition: number;
  /** Of the last record processed: reading goes on with the next one. */
  offset: number;
  /** When it was stored: milliseconds since 1970, by the clock of the SPU, which counts seconds. */
  modified: number;
}

/**
 * Manages the cluster's objects and consumer offsets. Comes as client.admin. timeoutMs: by default requestTimeoutMs, and 110
 * seconds where it waits for partitions. Wrong names and options are InvalidArgumentError, refusals of the cluster carry its own
 * serverCode. Describing and deleting what does not exist is NotFoundError.
 */
export class Admin {
  private constructor();
  /**
   * Creates a topic; resolves when every partition has a leader that is online.
   *
   * @param topic 1 to 63 of a-z, 0-9 and -, not - first or last
   * @throws {InvalidArgumentError} the name or an option is wrong
   * @throws {AlreadyExistsError} there is a topic of that name
   * @throws {TimeoutError} the partitions are not online in time; the topic may exist all the same
   */
  createTopic(topic: string, options?: TopicOptions): Promise<void>;
  /**
   * Deletes a topic with all its records.
   *
   * @param options force: also one of the cluster's own
   * @throws {NotFoundError} there is none of that name
   * @throws {PermissionError} it is one of the cluster's own
   */
  deleteTopic(topic: string, options?: CallOptions & { force?: boolean }): Promise<void>;
  /** Topics, in the order of their names. system: the cluster's own, instead of the others. */
  topics(options?: ListOptions & { system?: boolean }): Promise<Topic[]>;
  /** Describes a topic, also one of the cluster's own. */
  topic(name: string, options?: CallOptions): Promise<Topic>;
  /**
   * Adds partitions; resolves when they have leaders that are online.
   *
   * @throws {InvalidArgumentError} the topic's replicas were assigned by hand, or it is a mirror
   */
  addPartitions(topic: string, count: number, options?: CallOptions): Promise<void>;
  /** Adds a remote cluster, by the name of its mirror, to a mirror topic of the kind home. */
  addMirror(topic: string, remoteCluster: string, options?: CallOptions): Promise<void>;
  /**
   * Resolves when the topic is there and every partition has a leader that is online.
   *
   * @throws {TimeoutError} it is not so in time; the message says what is missing
   */
  waitTopic(topic: string, options?: CallOptions): Promise<void>;
  /** Watches topics, the cluster's own included. */
  watchTopics(options?: CallOptions): Promise<Watch<Topic>>;
  /** Partitions: those of a topic, or all. system: those of the cluster's own topics, instead of the others. */
  partitions(options?: ListOptions & { topic?: string; system?: boolean }): Promise<Partition[]>;
  /** Describes a partition. */
  partition(topic: string, partition: number, options?: CallOptions): Promise<Partition>;
  /** Watches partitions; offsets are changes too, up to three a second for each. */
  watchPartitions(options?: CallOptions): Promise<Watch<Partition>>;
  /** The SPUs, in the order of their ids. */
  spus(options?: ListOptions): Promise<Spu[]>;
  /** Describes an SPU by its name. */
  spu(name: string, options?: CallOptions): Promise<Spu>;
  /** The SPUs that were registered by createCustomSpu. */
  customSpus(options?: ListOptions): Promise<Spu[]>;
  /**
   * Registers an SPU, which comes online when it is started with that id.
   *
   * @throws {AlreadyExistsError} name or id are taken
   */
  createCustomSpu(name: string, options: CustomSpuOptions): Promise<void>;
  /** Takes an SPU out of the cluster, by its name or its id. */
  deleteCustomSpu(nameOrId: string | number, options?: CallOptions): Promise<void>;
  /** Watches SPUs. */
  watchSpus(options?: CallOptions): Promise<Watch<Spu>>;
  spuGroups(options?: ListOptions): Promise<SpuGroup[]>;
  spuGroup(name: string, options?: CallOptions): Promise<SpuGroup>;
  /** Asks Kubernetes for a group of SPUs; elsewhere it is only stored. An existing one is replaced. */
  createSpuGroup(name: string, options?: SpuGroupOptions): Promise<void>;
  deleteSpuGroup(name: string, options?: CallOptions): Promise<void>;
  watchSpuGroups(options?: CallOptions): Promise<Watch<SpuGroup>>;
  /** SmartModules. wasm: with their WebAssembly, which may be much. */
  smartmodules(options?: ListOptions & { wasm?: boolean }): Promise<StoredSmartModule[]>;
  /** Describes a SmartModule, with its WebAssembly: by its name, or as group/name or group/name@version. */
  smartmodule(name: string, options?: CallOptions): Promise<StoredSmartModule>;
  /**
   * Stores a SmartModule; gives what it is called, which with a package is not name. One of that name is replaced.
   *
   * @param module the WebAssembly, or the path of its file
   * @throws {InvalidArgumentError} it is not WebAssembly, or name or package are wrong
   */
  createSmartmodule(name: string, module: Uint8Array | string, options?: SmartModuleOptions): Promise<string>;
  /** Deletes a SmartModule: by its name, or as group/name@version. */
  deleteSmartmodule(name: string, options?: CallOptions): Promise<void>;
  /** Watches SmartModules, without their WebAssembly. */
  watchSmartmodules(options?: CallOptions): Promise<Watch<StoredSmartModule>>;
  tableFormats(options?: ListOptions): Promise<TableFormat[]>;
  tableFormat(name: string, options?: CallOptions): Promise<TableFormat>;
  /** @throws {AlreadyExistsError} there is one of that name */
  createTableFormat(name: string, options?: TableFormatOptions): Promise<void>;
  deleteTableFormat(name: string, options?: CallOptions): Promise<void>;
  watchTableFormats(options?: CallOptions): Promise<Watch<TableFormat>>;
  mirrors(options?: ListOptions): Promise<Mirror[]>;
  mirror(name: string, options?: CallOptions): Promise<Mirror>;
  /**
   * Registers another cluster.
   *
   * @throws {AlreadyExistsError} there is a remote cluster of that name; a home is replaced
   */
  createMirror(name: string, options?: MirrorOptions): Promise<void>;
  deleteMirror(name: string, options?: CallOptions): Promise<void>;
  /**
   * The stored offsets of all consumers, in the order of consumer, topic and partition.
   *
   * @throws {UnsupportedError} the cluster's platform keeps none
   */
  consumerOffsets(options?: CallOptions): Promise<ConsumerOffset[]>;
  /**
   * Makes a consumer that is opened later go on at a position, whatever was stored for it. One that runs does not notice, and
   * may store its own offset afterwards.
   *
   * @throws {NotFoundError} there is no such topic or partition
   */
  resetConsumerOffset(consumerId: string, topic: string, partition: number, position: Position, options?: CallOptions): Promise<void>;
  /**
   * Forgets what a consumer stored for a partition; there being nothing is fine. A consumer that runs may store it again.
   *
   * @throws {UnsupportedError} the cluster's platform keeps no offsets
   */
  deleteConsumerOffset(consumerId: string, topic: string, partition: number, options?: CallOptions): Promise<void>;
}

/* ---------------------------------------------------------------- producer */

/** Text is sent as UTF-8. */
export type Bytes = string | Uint8Array;

/** A record to send. */
export interface RecordInput {
  /** Records with equal keys go to the same partition. null or undefined: no key. An empty key is a key. */
  key?: Bytes | null;
  value: Bytes;
  /** The partition, instead of the partitioner's choice. */
  partition?: number | null;
  /** When it happened, in milliseconds since 1970. Default: now. */
  timestamp?: number | Date | null;
}

/** A record, or only its value. */
export type Sendable = RecordInput | Bytes;

/** Tunes a producer. */
export interface ProducerOptions extends CallOptions {
  /** Bytes, before compression, at which a batch is full. Default 16 KiB. */
  batchSize?: Size;
  /**
   * Milliseconds a batch waits for more records, and with it who awaits send; flush and close do not wait for it. Default 0:
   * what comes while a request is under way leaves together.
   */
  lingerMs?: Milliseconds;
  /** Largest request, and record with its batch header, in bytes. Default 1 MiB. */
  maxRequestSize?: Size;
  /** Default: what the topic demands, else none. */
  compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** The codec's own level. Default 0: the codec's default. */
  compressionLevel?: number;
  /** Bytes of records on their way. Default 32 MiB. Records that find no room wait in memory of JavaScript. */
  bufferMemory?: Size;
  /** What send does when bufferMemory is used up: wait, or fail with QueueFullError. Default block. */
  bufferFull?: 'block' | 'fail';
  /** Default at_least_once. */
  delivery?: 'at_least_once' | 'at_most_once';
  /** Milliseconds from send to the report, repetitions included. Default 120000. */
  deliveryTimeoutMs?: Milliseconds;
  /** Acknowledged when the leader has written, or when the replicas have. Default read_uncommitted. */
  isolation?: 'read_uncommitted' | 'read_committed';
  /** Milliseconds the server waits for the replicas with read_committed. Default 1500. */
  serverTimeoutMs?: Milliseconds;
  /**
   * siphash: keys as the official clients place them, records without a key round robin over the partitions online.
   * round_robin: all records so, whatever their keys. sticky: records without a key stay in one partition until its batch is
   * closed, then go on to the next one online. fixed: all go into partition. Default siphash, with partition fixed.
   */
  partitioner?: 'siphash' | 'round_robin' | 'sticky' | 'fixed';
  /** Pins the producer to one partition. */
  partition?: number;
  /**
   * The chain that the cluster runs records through before it stores what comes out. Offsets of single records are not known
   * then: they are -1, also for records that no module let through.
   */
  smartmodules?: readonly SmartModule[];
  /** A file with the chain, instead of smartmodules: a transformation file of the official tools, YAML or JSON. */
  transformsPath?: string;
}

/**
 * One step of a chain: WebAssembly that the cluster runs records through, for a consumer those that it reads, for a producer
 * those that it sends. Exactly one of name, path and wasm says which module.
 */
export interface SmartModule {
  /** A module stored in the cluster: name, group/name or group/name@version. */
  name?: string;
  /** A file with the module. It is read when the consumer or producer is opened. */
  path?: string;
  /** The module itself. */
  wasm?: Uint8Array;
  /** The cluster looks at what the module exports and not at this, so there is no need to say it. */
  kind?: 'generic' | 'filter' | 'map' | 'array_map' | 'filter_map' | 'aggregate';
  /** For the module's init function; numbers and truth values become text. */
  params?: { readonly [key: string]: string | number | boolean };
  /** Where an aggregate begins, anew with every stream and every request. */
  accumulator?: string | Uint8Array;
  /** Stored records that the module's look_back function is shown first: the newest ones, at most so many or so old. */
  lookback?: { last?: number; ageMs?: Milliseconds };
}

/** A producer's counters since it was opened. Bytes are those of keys and values. Every record accepted is in one of the others. */
export interface ProducerStats {
  topic: string;
  /** The number of the producer in its client, from 1. */
  id: number;
  /** From the first record of a batch to its outcome, of all batches. */
  latency: Histogram;
  /** Accepted by the library; records that wait in JavaScript for room in bufferMemory are not. */
  recordsAccepted: number;
  bytesAccepted: number;
  /** Stored. */
  recordsAcknowledged: number;
  bytesAcknowledged: number;
  /** Certainly not stored. */
  recordsFailed: number;
  bytesFailed: number;
  /** Reported as maybe stored. */
  recordsMaybe: number;
  bytesMaybe: number;
  /** Wait to be sent, or to be sent again. */
  recordsQueued: number;
  bytesQueued: number;
  batchesQueued: number;
  /** Sent, without an answer. */
  recordsInFlight: number;
  bytesInFlight: number;
  batchesInFlight: number;
  /** Sent. */
  requests: number;
  requestsInFlight: number;
  /** Sent, each counted once. */
  batches: number;
  /** Batches sent again. */
  retries: number;
  /** Average bytes of a batch before compression, in parts of batchSize; this and the next four are 0 before anything was sent. */
  batchFill: number;
  recordsPerBatch: number;
  batchesPerRequest: number;
  recordsPerRequest: number;
  /** Bytes before compression over those after; 1 without compression. */
  compressionRatio: number;
  /** From the first record of a batch to its outcome, half of the batches being quicker. Percentiles are at most a sixteenth too high. */
  latencyP50Ms: number;
  latencyP90Ms: number;
  latencyP99Ms: number;
  latencyMaxMs: number;
}

/** A record was acknowledged by the cluster. */
export interface DeliveryReport {
  topic: string;
  partition: number;
  /** Its offset there. Exact: offsets do not reach 2^53. -1 with smartmodules: not known. */
  offset: number;
  /** Milliseconds from the first send of its batch to the report. */
  latencyMs: number;
}

/** Where the records of one sendMany were stored, in the order they were given. */
export class SendReport implements Iterable<{ topic: string; partition: number; offset: number }> {
  private constructor();
  readonly topic: string;
  /** Records taken from the input. */
  readonly length: number;
  /** Those that failed. */
  readonly failed: number;
  /** By record; -1 when it failed or has no report yet. */
  readonly partitions: Int32Array;
  /** By record; -1 when it failed or has no report yet. */
  readonly offsets: Float64Array;
  [Symbol.iterator](): IterableIterator<{ topic: string; partition: number; offset: number }>;
}

/** Writes records to one topic. Comes from Client.producer. */
export class Producer {
  private constructor();
  readonly topic: string;
  /** Whether it, or its client, was closed. */
  readonly closed: boolean;
  /** Records sent that have no report yet. */
  readonly pending: number;
  /**
   * Sends a record; resolves when the cluster has acknowledged it. Key and value are copied before send returns. Records of
   * one partition are stored in the order of the calls. Sending many before awaiting them is quick: records of one run of
   * JavaScript are handed over together. With lingerMs, awaiting a record makes it leave at once, with all that were sent
   * before; `catch` alone does not.
   *
   * @param options timeoutMs: to wait for room in bufferMemory, by default without limit; the delivery itself has
   *   deliveryTimeoutMs. An abort takes back a record that waits for room; of one on its way it is unknown whether it will
   *   be stored (maybeWritten).
   * @throws {TooLargeError} the record is above a limit
   * @throws {InvalidArgumentError} a field of the record is wrong, or the topic has no such partition
   * @throws {QueueFullError} there was no room by the deadline, or at all with bufferFull "fail"
   * @throws {TimeoutError} no acknowledgement within deliveryTimeoutMs
   * @throws {ClosedError} producer or client were closed
   */
  send(record: Sendable, options?: CallOptions): Promise<DeliveryReport>;
  /**
   * Sends many records, in order, several times quicker than send can, in memory that does not grow with their number but
   * for the report's 12 bytes each. Resolves when all are acknowledged. Ends at the first record that cannot be handed over;
   * those before are sent.
   *
   * @param records any iterable, also a generator or an asynchronous one
   * @throws {SendManyError} as send, with the report of what was stored
   */
  sendMany(records: Iterable<Sendable> | AsyncIterable<Sendable>, options?: CallOptions): Promise<SendReport>;
  /** What this producer has counted. */
  stats(options?: CallOptions): Promise<ProducerStats>;
  /**
   * Resolves when every record sent before is delivered or has failed. It does not reject because of failed records: their own
   * promises have, so that somebody was told, or the process was, of an unhandled rejection.
   */
  flush(options?: CallOptions): Promise<void>;
  /**
   * Delivers what was sent, then closes. Does nothing when closed already. timeoutMs: by default as long as
   * deliveryTimeoutMs allows; what is left then fails.
   *
   * @throws {TimeoutError} some records had to be failed
   */
  close(options?: CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What sendMany rejects with: the class says why, the report what was stored. */
export type SendManyError = FluvioError & { report: SendReport };

/* ---------------------------------------------------------------- consumer */

/** An offset, a moment, or a text as for the option start. */
export type Position = number | bigint | Date | string;

/** What happened to a partition that a consumer reads. */
export interface ConsumerEvent {
  /**
   * assigned: reading begins at offset. lost: the topic of a pattern was deleted. retry: reading was disturbed by error; attempt
   * comes after delayMs, or sooner. resumed: reading goes on after attempt retries. offset_reset: the position offset is not
   * stored; reading goes on at next. batch_skipped: the stored batch at offset cannot be read because of error; reading goes on
   * at next. More may be added.
   */
  kind: 'assigned' | 'lost' | 'retry' | 'resumed' | 'offset_reset' | 'batch_skipped' | (string & {});
  topic: string;
  partition: number;
  offset: number;
  next: number;
  attempt: number;
  delayMs: number;
  error: FluvioError | null;
}

/** How far a consumer has come in a partition. */
export interface PartitionPosition {
  topic: string;
  partition: number;
  /** Of the next record that the application gets. */
  position: number;
  /** Behind the last committed record. */
  highWatermark: number;
  /** Behind the last record. */
  logEndOffset: number;
  /** Records that the application can still get. */
  lag: number;
  /** The offset stored last; null: unknown, or none. */
  committed: number | null;
  /** Offsets passed over because they were not stored any more, or not readable. */
  skipped: number;
  paused: boolean;
}

/**
 * Keeps the offsets of named consumers, instead of the cluster. Opening, commits and closing wait for it; what it throws is their
 * failure.
 */
export interface OffsetStore {
  /** What is stored for a consumer: the offsets of the last records processed, of all partitions. */
  load(consumerId: string): StoredOffsets | Promise<StoredOffsets>;
  /** Stores offsets of some partitions; what is stored of others stays. */
  save(consumerId: string, offsets: ConsumerOffset[]): void | Promise<void>;
}

/** What a store gives. */
export type StoredOffsets = Iterable<{ topic: string; partition: number; offset: number | bigint }>;

/** Says what to read. */
export interface ConsumerOptions extends CallOptions {
  /** Partitions of each topic. Default: all, and those that are added while the consumer runs. */
  partitions?: readonly number[];
  /** How many consumers share the partitions, as members of a static group: nobody takes over those of one that is away. */
  groupSize?: number;
  /** Which member this is, from 0. */
  groupMember?: number;
  /** "end" (only what comes later), "beginning", "beginning+N", "end-N", an offset or a moment. Default end. */
  start?: 'beginning' | 'end' | `beginning+${number}` | `end-${number}` | `time:${string}` | number | bigint | Date;
  /** "never", "end" (what is stored when the consumer opens), the offset or the moment to end before. Default never. */
  stopAt?: 'never' | 'end' | `time:${string}` | number | bigint | Date;
  /** What to do when the position is not stored any more: end with OffsetEvictedError, or go on. Default error. */
  offsetReset?: 'error' | 'earliest' | 'latest';
  /** What to do about stored records that cannot be read: end the partition with CorruptError, or pass over them. Default stop. */
  corruptBatches?: 'stop' | 'skip';
  /** How often in a row reading a partition is tried again without success. Default 0: for ever. */
  maxRetries?: number;
  /**
   * Called with what happens to partitions. Without it, positions and batches that had to be passed over are warnings of the
   * process.
   */
  onEvent?: (event: ConsumerEvent) => void;
  /** Bytes at which the server cuts a frame. Default: prefetchBytes over the partitions, 1 to 2 MiB. */
  maxBytes?: Size;
  /** Bytes received and not yet taken, for the whole consumer. Default 16 MiB. */
  prefetchBytes?: Size;
  /** Default read_uncommitted. */
  isolation?: 'read_uncommitted' | 'read_committed';
  /**
   * The consumer's name: unless start is an offset, reading goes on behind the offset stored under it, with "end" too.
   * Platforms before 0.11.6 keep no offsets (UnsupportedError).
   */
  consumerId?: string;
  /** Who stores offsets: nobody, commit, or also every offsetFlushMs and close. Needs consumerId. Default none. */
  offsetStrategy?: 'none' | 'manual' | 'auto';
  /**
   * Where offsets are stored: on the cluster, in files below offsetStorePath, in memory of the client, or by the application.
   * Default cluster.
   */
  offsetStore?: 'cluster' | 'file' | 'memory' | OffsetStore;
  /** The folder of offsetStore file. */
  offsetStorePath?: string;
  /** How often offsetStrategy auto stores, in milliseconds. Default 10000. */
  offsetFlushMs?: Milliseconds;
  /**
   * The chain that the cluster runs records through. What comes out has no timestamps, and offsets that are exact only for the
   * last record of what was read together. With stopAt a partition also ends when nothing has come for requestTimeoutMs.
   */
  smartmodules?: readonly SmartModule[];
  /** A file with the chain, instead of smartmodules: a transformation file of the official tools, YAML or JSON. */
  transformsPath?: string;
}

/**
 * One record that was read. key and value are views of its batch's memory: a record that is kept keeps its batch. Copy with
 * Buffer.from(record.value) to keep a small part of a large batch.
 */
export class Record {
  private constructor();
  readonly topic: string;
  readonly partition: number;
  /** Exact: offsets do not reach 2^53. */
  readonly offset: number;
  /** Milliseconds since 1970; null when unknown. */
  readonly timestamp: number | null;
  /** null: no key. An empty key has length 0. */
  readonly key: Buffer | null;
  readonly value: Buffer;
  /** The fields as a plain object. */
  toJSON(): { topic: string; partition: number; offset: number; timestamp: number | null; key: Buffer | null; value: Buffer };
}

/** Records of one partition, in the order of their offsets. The quick way to read: no object is made for each record. */
export class Batch implements Iterable<Record> {
  private constructor();
  readonly topic: string;
  readonly partition: number;
  /** Records. */
  readonly length: number;
  /** Of the partition, when the batch was read: the offset behind the last committed record. */
  readonly highWatermark: number;
  record(index: number): Record;
  offset(index: number): number;
  timestamp(index: number): number | null;
  key(index: number): Buffer | null;
  value(index: number): Buffer;
  [Symbol.iterator](): IterableIterator<Record>;
}

/**
 * Reads records of topics. Comes from Client.consumer.
 *
 * `for await` reads record by record. Breaking out of the loop leaves the consumer open at the next record, for another
 * loop or poll. The loop ends at stopAt, and when consumer or client are closed. Errors that are not fatal may be followed
 * by more records: begin another loop.
 */
export class Consumer implements AsyncIterable<Record> {
  private constructor();
  readonly topics: readonly string[];
  /** Whether it, or its client, was closed. */
  readonly closed: boolean;
  /** Whether it has read all up to stopAt, or was drained. */
  readonly ended: boolean;
  /**
   * Why the stream has ended; null while it goes on. It is known when an iteration has ended, or a call has rejected, and stays
   * so when the consumer is closed afterwards.
   */
  readonly endReason: EndReason | null;
  /**
   * The next batch, or null when none came in time. Without timeoutMs it waits without limit.
   *
   * @throws {EndError} everything up to stopAt was read
   * @throws {ClosedError} consumer or client were closed
   */
  poll(timeoutMs?: number): Promise<Batch | null>;
  poll(options: CallOptions): Promise<Batch | null>;
  /**
   * Records of all partitions, at most maxRecords (500), of maxBytes of keys and values, that come within timeoutMs (without: it
   * waits for all of them). Errors as poll; what was collected before comes first.
   */
  pollMany(options?: CallOptions & { maxRecords?: number; maxBytes?: number }): Promise<Record[]>;
  /**
   * Makes a partition go on at a position, also one that had ended. What was received of it is dropped, and nothing of it counts
   * as handed out any more. topic may be left out when the consumer reads only one.
   *
   * @throws {InvalidArgumentError} the consumer does not read the partition, or it is no position
   * @throws {InvalidStateError} the consumer is being drained
   */
  seek(partition: number, position: Position, options?: CallOptions & { topic?: string }): Promise<void>;
  /**
   * The offset that a position stands for now, as the cluster says: 'beginning' is the first offset kept, 'end' the one behind the
   * last committed record. Arguments and errors as seek.
   */
  offsetFor(partition: number, position: Position, options?: CallOptions & { topic?: string }): Promise<number>;
  /** Gives no records of a partition until resume; the others go on. Nothing is missed. */
  pause(partition: number, options?: { topic?: string }): Promise<void>;
  /** Undoes pause. */
  resume(partition: number, options?: { topic?: string }): Promise<void>;
  /** Stops reading from the cluster. What was received is still to be taken; then comes the end. Resumes what is paused. */
  drain(): Promise<void>;
  /** How far reading has come in every partition, with watermarks and lag, which are at most a second old. */
  positions(): Promise<PartitionPosition[]>;
  /** The records, one by one. */
  records(options?: Pick<CallOptions, 'signal'>): AsyncIterableIterator<Record>;
  /** The records, batch by batch. */
  batches(options?: Pick<CallOptions, 'signal'>): AsyncIterableIterator<Batch>;
  [Symbol.asyncIterator](): AsyncIterableIterator<Record>;
  /**
   * Stores, for every partition, the offset of the last record handed out so far; resolves when the cluster has confirmed
   * it. In a loop over records that includes the record the loop is at, and nothing behind it; of poll and batches, the
   * whole batch. Nothing is sent for partitions that have not moved.
   *
   * @throws {InvalidStateError} offsetStrategy is none
   * @throws {FluvioError} the first failure; it names topic and partition. Other partitions may be stored all the same
   */
  commit(options?: CallOptions): Promise<void>;
  /**
   * Stores a chosen offset of one partition, that of the last record processed; it may be lower than what is stored.
   * Otherwise as commit. topic may be left out when the consumer reads only one.
   *
   * @throws {InvalidArgumentError} no record of that offset or a higher one was handed out yet
   */
  commitOffset(partition: number, offset: number | bigint, options?: CallOptions & { topic?: string }): Promise<void>;
  /**
   * Ends the streams, and iterations with them. Does nothing when closed already. With offsetStrategy auto it stores first
   * the offsets of the batches that were read before the latest one, and rejects when it cannot.
   */
  close(options?: CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/* -------------------------------------------------------------- dev cluster */

/** How to start a dev cluster. */
export interface DevClusterOptions extends CallOptions {
  /** SPUs. Default 1. */
  spus?: number;
  /** host:port of the SC. Default 127.0.0.1:0, a free port. */
  listen?: string;
  /** Ports of the SPUs. Default: free ones. */
  spuPorts?: readonly number[];
  /** host:port of the HTTP control port. Default 127.0.0.1:0, a free port. */
  control?: string;
  /** Folder to keep topics and records in. Default: memory. */
  dataDir?: string;
  /** Largest batch accepted, in bytes. Default 32 MiB. */
  maxBatchBytes?: number;
  /** How long creating a topic waits for its partitions. Default 90000. */
  topicWaitMs?: number;
  /** The high watermark waits for every replica, also those that are down. Default false. */
  commitAll?: boolean;
  /** Encrypt. Default false; tls() of the cluster then has what clients need. */
  tls?: boolean;
  /** Encrypt, and demand certificates of clients. Default false. */
  mtls?: boolean;
  /** Folder for the certificates, new with every start. Default: a temporary one. */
  certDir?: string;
  /** Bad TLS on purpose: expired, not-yet-valid, wrong-host, self-signed, tls-1.1 or truncated. */
  tlsFault?: string;
  /** Who may do what at the SC. Needs mtls, or clients with authPrincipal. */
  authorize?: { scopes: { [principal: string]: readonly string[] }; policy: { [role: string]: { [object: string]: readonly string[] } } };
  /** Default warn. */
  logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'off';
}

/** A Fluvio cluster in a process of its own, on loopback, for development and tests. Ends with this process at the latest. */
export class DevCluster {
  private constructor();
  /**
   * Starts a cluster; resolves when it is ready. timeoutMs: by default 30000.
   *
   * @throws {LibraryNotFoundError} the program fluvio-devcluster is not on this machine
   * @throws {InvalidArgumentError} the program refuses an option
   * @throws {ConnectionError} the program ended before it was ready; the message has its last words
   */
  static start(options?: DevClusterOptions): Promise<DevCluster>;
  /** host:port of the SC, for connect. */
  readonly endpoint: string;
  /** host:port of each SPU. */
  readonly spuEndpoints: string[];
  /** Where faults are set, over HTTP. */
  readonly controlUrl: string;
  /**
   * What a client of a cluster with TLS needs, for connect; empty without TLS.
   *
   * @param client whose certificate: root, or a principal of authorize's scopes
   */
  tls(client?: string): Pick<ClientOptions, 'tls' | 'tlsDomain' | 'tlsCa' | 'tlsCertificate' | 'tlsKey'>;
  /** The program's process id. */
  readonly pid: number;
  /** The last 64 Ki characters of the program's log. */
  readonly log: string;
  /** Ends the cluster. Does nothing when it was stopped already. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/* ------------------------------------------------------------------ errors */

/** Any failure of libfluvio. The message names operation, place, what went wrong and what to do, in one line. */
export class FluvioError extends Error {
  constructor(message: string, fields?: Partial<Pick<FluvioError, 'code' | 'serverCode' | 'retriable' | 'fatal' | 'maybeWritten' | 'endReason' | 'details' | 'cause'>>);
  /** The library's code, a negative number; 0 for errors of this package. Codes may be added: tolerate unknown ones. */
  readonly code: number;
  /** The code's name, for instance "NOT_FOUND". */
  readonly codeName: string;
  /** The Fluvio server's own code; 0 when the error is not the server's. */
  readonly serverCode: number;
  /** The server's own name of serverCode; empty without one. */
  readonly serverName: string;
  /** The same call may succeed later. */
  readonly retriable: boolean;
  /** The object the error came from can no longer be used. */
  readonly fatal: boolean;
  /** The failed request may have taken effect: records may be stored. */
  readonly maybeWritten: boolean;
  /** Of a consumer's error: why its stream has ended; null while that goes on. */
  readonly endReason: EndReason | null;
  /** Facts by key: operation, topic, partition, offset, address, setting, waited_ms and keys of single errors. */
  readonly details: { readonly [key: string]: string };
  /** What a person should do about it; may be empty. */
  readonly hint: string;
  readonly cause?: unknown;
}

/**
 * Why a consumer's stream has ended. reached: every partition was read to stopAt. drained: drain was called, and everything was
 * taken. closed: the consumer, or its client, was. The others: no partition is left, the last one because its topic was deleted
 * (topic_deleted), because it used up maxRetries (gave_up), or because of an error that retrying does not mend (failed).
 */
export type EndReason = 'reached' | 'drained' | 'closed' | 'topic_deleted' | 'gave_up' | 'failed';

/** The shared library or the program fluvio-devcluster is not on this machine, or cannot be loaded. */
export class LibraryNotFoundError extends FluvioError {}
/** The deadline passed; the message says what was waited for. */
export class TimeoutError extends FluvioError {}
/** The object was closed, by this program or together with its client. */
export class ClosedError extends FluvioError {}
/** A wait was woken on purpose. */
export class InterruptedError extends FluvioError {}
/** The call's AbortSignal was aborted; cause is the signal's reason. */
export class CancelledError extends FluvioError {}
/** An argument or an option is wrong; the message names it and the accepted range. */
export class InvalidArgumentError extends FluvioError {}
/** The call does not fit the state of the object. */
export class InvalidStateError extends FluvioError {}
/** bufferMemory is used up, and no room came by the deadline. */
export class QueueFullError extends FluvioError {}
/** A topic, partition, profile or other thing does not exist. */
export class NotFoundError extends FluvioError {}
/** There is an object of that name. */
export class AlreadyExistsError extends FluvioError {}
/** The cluster refuses this identity. */
export class PermissionError extends FluvioError {}
/** TLS could not be established. */
export class TLSError extends FluvioError {}
/** There is no connection, or it was lost. */
export class ConnectionError extends FluvioError {}
/** The peer does not speak Fluvio's protocol. */
export class ProtocolError extends FluvioError {}
/** The server refused; see serverCode and serverName. */
export class ServerError extends FluvioError {}
/** The offset is not stored any more. */
export class OffsetEvictedError extends FluvioError {}
/** A record is above a limit; the message gives both numbers. */
export class TooLargeError extends FluvioError {}
/** This server, or this platform, lacks the feature. */
export class UnsupportedError extends FluvioError {}
/** Package and library do not fit. */
export class VersionError extends FluvioError {}
/** Used in a forked child. */
export class ForkedError extends FluvioError {}
/** A blocking call inside a callback. */
export class WouldDeadlockError extends FluvioError {}
/** Memory could not be allocated. */
export class OutOfMemoryError extends FluvioError {}
/** A bug in libfluvio. */
export class InternalError extends FluvioError {}
/** The stream reached its end. */
export class EndError extends FluvioError {}
/** Stored data is damaged. */
export class CorruptError extends FluvioError {}
/** A SmartModule failed, or could not be loaded. */
export class SmartModuleError extends FluvioError {
  /** The modules of the chain, separated by commas: which of them failed, the cluster does not tell. */
  readonly smartmodule: string;
  /** What the module itself said; empty if it said nothing. */
  readonly smartmoduleHint: string;
  /** filter, map, array_map, filter_map or aggregate, of a module that refused a record. */
  readonly kind: string;
  /** The offset of the record that the module refused; of a producer's, its place in its batch. null if it is about none. */
  readonly offset: number | null;
  /** The key of that record; null without one. */
  readonly key: Buffer | null;
  /** The value of that record; null if the error is about none. */
  readonly value: Buffer | null;
}

/* ----------------------------------------------------------------- package */

/** The version of this package. */
export const version: string;
/** The version of the shared library. Loads it. */
export function libraryVersion(): string;
