/// <reference types="node" />
/// <reference lib="esnext.disposable" />

/**
 * The names of the official Node client over this library: `import Fluvio, { Offset } from 'libfluvio/compat'`. MIGRATION.md tells
 * what is different.
 */

import type { Client, ClientOptions, FluvioError } from './index.js';

export { FluvioError } from './index.js';

export const DEFAULT_HOST: '127.0.0.1';
export const DEFAULT_PORT: 9003;
export const DEFAULT_PUBLIC_PORT: 9005;
export const DEFAULT_PRIVATE_PORT: 9006;
export const DEFAULT_REPLICAS: 3;
export const DEFAULT_ID: 0;
export const DEFAULT_TOPIC: 'message';
export const DEFAULT_PARTITIONS: 1;
export const DEFAULT_REPLICATION_FACTOR: 1;
export const DEFAULT_IGNORE_RACK_ASSIGNMENT: false;
export const DEFAULT_MIN_ID: 0;
export const DEFAULT_OFFSET: 0;
export const DEFAULT_OFFSET_FROM: 'end';

/** Where the cluster is, and what specs are made of. */
export interface Options {
  /** The SC's; with port. Without both: the current profile. */
  host?: string;
  port?: number;
  use_spu_local_address?: boolean;
  /** libfluvio's own options, for TLS, timeouts and so on. */
  client?: ClientOptions;
  ingress?: IngressAddr[];
  rack?: string;
  encryption?: Encryption;
  minId?: number;
  replicas?: number;
  env?: EnvVar[];
  replication?: ReplicationConfig;
  storage?: StorageConfig;
  partitions?: number;
  replicationFactor?: number;
  ignoreRackAssignment?: boolean;
  maps?: PartitionMap[];
  topic?: string;
  partition?: number;
  id?: number;
  offsetIndex?: number;
  offsetFrom?: string;
}

/** The client. */
export class Fluvio {
  constructor(options?: Options);
  static connect(options?: Options): Promise<Fluvio>;
  /** Does nothing when connected already. */
  connect(options?: Partial<Options>): Promise<Fluvio>;
  topicProducer(topic: string): Promise<TopicProducer>;
  topicProducerWithConfig(topic: string, config: TopicProducerConfig): Promise<TopicProducer>;
  partitionConsumer(topic: string, partition: number): Promise<PartitionConsumer>;
  admin(): Promise<FluvioAdmin>;
  /** libfluvio's client below, with everything it can do. */
  readonly client: Client;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
export default Fluvio;
export { Fluvio as FluvioClient };

/** Text is sent as UTF-8. */
export type ProducerItem = string | ArrayBuffer | Uint8Array;
/** Key and value. */
export type KeyValue = [ProducerItem, ProducerItem];

/** Tunes a producer. */
export interface TopicProducerConfig {
  batchSize?: number;
  /** No effect, as before. */
  timeoutMs?: number;
  /** No effect: memory is limited in bytes. */
  batchQueueSize?: number;
  lingerMs?: number;
  compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  maxRequestSize?: number;
}

/** Writes to a topic. Promises resolve when the cluster has acknowledged. */
export class TopicProducer {
  private constructor();
  /** Sends a record without a key to a partition; undefined: to one after the other. */
  sendRecord(value: ProducerItem, partition?: number): Promise<void>;
  send(key: ProducerItem, value: ProducerItem): Promise<void>;
  sendAll(records: KeyValue[]): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A record that was read. */
export class Record {
  private constructor();
  key(): ArrayBuffer | null;
  hasKey(): boolean;
  value(): ArrayBuffer;
  keyString(): string | null;
  valueString(): string;
  offset(): number;
  partition(): number;
  /** Milliseconds since 1970; null: unknown. */
  timestamp(): number | null;
}

/** Reads a partition. */
export class PartitionConsumer {
  private constructor();
  /** What is stored from an offset on, at most about a megabyte. Default: nothing, from the end. */
  fetch(offset?: Offset): Promise<FetchablePartitionResponse>;
  /**
   * Calls cb with every record until endStream; resolves when that has begun. A promise that cb gives is awaited before the next
   * call. Errors are warnings of the process.
   */
  stream(offset: Offset, cb: (record: Record) => unknown): Promise<void>;
  /** Ends the streams of this consumer. */
  endStream(): Promise<void>;
  createStream(offset: Offset): Promise<AsyncIterableIterator<Record>>;
  streamWithConfig(offset: Offset, config: ConsumerConfig): Promise<AsyncIterableIterator<Record>>;
}
export { PartitionConsumer as PartitionConsumerJS };

export enum OffsetFrom {
  Beginning = 'beginning',
  End = 'end',
}

/** Where to read from: so many records behind the beginning, or before the end. Without from, an offset. */
export class Offset {
  constructor(options?: { index: number; from?: OffsetFrom | string });
  static FromBeginning(): Offset;
  static FromEnd(): Offset;
  index: number;
  from?: OffsetFrom | string;
}

export enum SmartModuleType {
  Filter = 'filter',
  Map = 'map',
  ArrayMap = 'array_map',
  FilterMap = 'filter_map',
}

/** Tunes a stream. At most one of smartmoduleFile, smartmoduleData and smartmoduleName. */
export interface ConsumerConfig {
  maxBytes?: number;
  smartmoduleType?: SmartModuleType | `${SmartModuleType}`;
  smartmoduleFile?: string;
  /** base64 of the WebAssembly, gzipped or not. */
  smartmoduleData?: string;
  smartmoduleName?: string;
  /** For the module's init function. */
  smartmoduleParams?: { [name: string]: string };
}

export enum ErrorCode {
  UnknownServerError,
  None,
  OffsetOutOfRange,
  NotLeaderForPartition,
  StorageError,
  SpuError,
  SpuRegisterationFailed,
  SpuOffline,
  SpuNotFound,
  SpuAlreadyExists,
  TopicError,
  TopicNotFound,
  TopicAlreadyExists,
  TopicPendingInitialization,
  TopicInvalidConfiguration,
  PartitionPendingInitialization,
  PartitionNotLeader,
}

/** The header of a batch; firstTimestamp, maxTimeStamp and lastOffsetDelta are told, the others are the wire's defaults. */
export interface BatchHeader {
  partitionLeaderEpoch: number;
  magic: number;
  crc: number;
  attributes: number;
  lastOffsetDelta: number;
  firstTimestamp: number;
  maxTimeStamp: number;
  producerId: number;
  producerEpoch: number;
  firstSequence: number;
}
export interface DefaultRecord {
  key: string;
  value: string;
  headers: number;
}
export interface Batch {
  baseOffset: number;
  /** Bytes of keys and values. */
  batchLength: number;
  header: BatchHeader;
  records: DefaultRecord[];
}
export interface RecordSet {
  batches: Batch[];
}
export interface FetchablePartitionResponse {
  partitionIndex: number;
  errorCode: ErrorCode;
  highWatermark: number;
  lastStableOffset: number;
  logStartOffset: number;
  records: RecordSet;
  /** The values. */
  toRecords(): string[];
}

/** Manages the cluster. */
export class FluvioAdmin {
  private constructor();
  options?: Partial<Options>;
  /** Resolves with the name. */
  createTopic(topic: string, spec?: PartitionMaps | Partial<TopicReplicaParam>): Promise<string>;
  deleteTopic(topic: string): Promise<string>;
  /** null: there is none. */
  findTopic(topic: string): Promise<Topic | null>;
  /** JSON of Topic[]. */
  listTopic(): Promise<string>;
  /** JSON of PartitionSpecMetadata[]. */
  listPartitions(): Promise<string>;
  /** Partition 0, or another. */
  findPartition(topic: string, partition?: number): Promise<PartitionSpecMetadata>;
  /** JSON. */
  listSpu(): Promise<string>;
  createCustomSpu(name: string, spec?: CustomSpuSpec): Promise<void>;
  deleteCustomSpu(key: string | number): Promise<void>;
  createManagedSpu(name: string, spec?: SpuGroupSpec): Promise<void>;
  deleteManagedSpu(name: string): Promise<void>;
}

export enum Encryption {
  Plaintext = 'Plaintext',
  Ssl = 'Ssl',
}
export interface Endpoint {
  port: number;
  host: string;
  encryption: string;
}
export interface IngressAddr {
  hostname?: string;
  ip?: string;
}
export interface IngressPort {
  port: number;
  ingress: IngressAddr[];
  encryption: string;
}
export class CustomSpuSpec {
  constructor(options?: Partial<Options>);
  id: number;
  publicEndpoint: IngressPort;
  privateEndpoint: Endpoint;
  rack?: string;
}
export interface EnvVar {
  name: string;
  value: string;
}
export interface StorageConfig {
  logDir?: string;
  size?: string;
}
export interface ReplicationConfig {
  inSyncReplicaMin?: number;
}
export class SpuConfig {
  constructor(options?: SpuConfig | Partial<Options>);
  env: EnvVar[];
  storage?: StorageConfig;
  replication?: ReplicationConfig;
  rack?: string;
}
export class SpuGroupSpec {
  constructor(options?: SpuGroupSpec | Partial<Options>);
  replicas: number;
  minId: number;
  spuConfig: SpuConfig;
}
export interface PartitionMap {
  id: number;
  replicas: number[];
}
export interface PartitionMaps {
  maps: PartitionMap[];
}
export interface TopicReplicaParam {
  partitions: number;
  replicationFactor: number;
  ignoreRackAssignment: boolean;
}
export class TopicSpec {
  constructor(options?: Partial<Options> | PartitionMaps | Partial<TopicReplicaParam>);
  opts: PartitionMaps | TopicReplicaParam;
}
export interface Topic {
  name: string;
  spec: {
    type: string;
    partitions: number;
    replicationFactor: number;
    ignoreRackAssignment: boolean;
    maps?: PartitionMap[];
    compression: string;
    retentionSeconds: number;
    isSystem: boolean;
  };
  status: {
    resolution: string;
    /** By partition the ids of its SPUs. */
    replicaMap: { [partition: string]: number[] };
    reason: string;
  };
}
export interface ReplicaStatus {
  spu: number;
  hw: number;
  leo: number;
}
export interface PartitionSpecMetadata {
  name: string;
  spec: { leader: number; replicas: number[] };
  status: { resolution: string; leader: ReplicaStatus; lsr: string; replicas: ReplicaStatus[] };
}

/** As UTF-8. */
export function stringToArrayBuffer(data: string): ArrayBuffer;
export function arrayBufferToString(data: ArrayBuffer): string;
