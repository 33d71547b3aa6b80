/// <reference lib="esnext.disposable" />
/// <reference types="node" />

/** The cluster's objects, and what manages them. */

import type { CallOptions, Milliseconds, Size } from './common.js';
import type { Position } from './consumer.js';

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

/** Settings of a topic, which its partitions have too. */
export interface StorageSettings {
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
}

/** A topic of the cluster. */
export interface Topic extends StorageSettings {
  name: string;
  partitions: number;
  /** Copies of each partition; 0 when the replicas were assigned by hand. */
  replication: number;
  ignoreRack: boolean;
  /** As TopicOptions has it; empty: the cluster placed the replicas. */
  assignment: number[][];
  /** null: it is no mirror. */
  mirror: Required<TopicMirror> | null;
  /** init, pending, insufficient-resources, invalid-config, provisioned (the replicas are placed) or deleting. */
  status: string;
  /** Why the status is so; may be empty. */
  reason: string;
  /** Where its partitions are: ids of SPUs, the leader as it was placed first. */
  replicas: { partition: number; spus: number[]; mirror: PartitionMirror | null }[];
}

/** A partition of the cluster. Offsets and sizes are as its SPU last reported them: late by half a second. */
export interface Partition extends StorageSettings {
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
  close(options?: CallOptions): Promise<void>;
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
