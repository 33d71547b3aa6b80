/// <reference lib="esnext.disposable" />
/// <reference types="node" />

/** Writing records. */

import type { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import type { CallOptions, Milliseconds, Size } from './common.js';
import type { FluvioError } from './errors.js';
import type { Histogram } from './observe.js';

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

/** How a producer becomes a stream. */
export interface WritableOptions {
  /** Records that wait in the stream before write says that it is enough. Default 16. */
  highWaterMark?: number;
  /** The producer is closed when the stream has finished, failed or was destroyed. Default true. */
  autoClose?: boolean;
  /** Aborting it destroys the stream with CancelledError. */
  signal?: AbortSignal;
  /** Called with the report of each record. */
  onReport?: (report: DeliveryReport) => void;
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
  /**
   * A stream of Node's in object mode that sends what is written, like sendMany without its report. write gives false, and
   * pipelines wait, when bufferMemory is used up, or 8192 records have no report. finish comes when all are acknowledged; the first
   * record that fails destroys the stream with its error. When it is destroyed, what has no report yet has one more second.
   */
  writable(options?: WritableOptions): Writable;
  /** The same as a stream of the web. */
  writableStream(options?: WritableOptions): WritableStream<Sendable>;
  /** What this producer has counted. */
  stats(options?: CallOptions): Promise<ProducerStats>;
  /**
   * Resolves when every record sent before is delivered or has failed. It does not reject because of failed records: their own
   * promises have, so that somebody was told, or the process was, of an unhandled rejection.
   */
  flush(options?: CallOptions): Promise<void>;
  /**
   * Delivers what was sent, then closes. Does nothing when closed already. timeoutMs: by default as long as
   * deliveryTimeoutMs allows; what is left then fails. Where another close is under way, that goes on after this one's timeoutMs.
   *
   * @throws {TimeoutError} some records had to be failed
   */
  close(options?: CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What sendMany rejects with: the class says why, the report what was stored. */
export type SendManyError = FluvioError & { report: SendReport };
