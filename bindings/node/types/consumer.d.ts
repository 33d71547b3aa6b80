/// <reference lib="esnext.disposable" />
/// <reference types="node" />

/** Reading records. */

import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { ConsumerOffset } from './admin.js';
import type { CallOptions, Milliseconds, Size } from './common.js';
import type { EndReason, FluvioError } from './errors.js';
import type { SmartModule } from './producer.js';

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
  /** Events of the consumer that were dropped before this one, because 10,000 waited. */
  dropped: number;
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
  /** Called with what happens to partitions. Positions and batches that had to be passed over are warnings of the log, too. */
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

/** How a consumer becomes a stream. */
export interface ReadableOptions {
  /** Batches instead of records. Default false. */
  batches?: boolean;
  /** Records, or batches, that are taken before they are asked for. Default 64; 0 of batches, and with an offsetStrategy. */
  highWaterMark?: number;
  /**
   * The consumer is closed when the stream has ended, failed or was destroyed. Default true. Otherwise it goes on behind what the
   * stream has taken, which of a stream that is destroyed may be more than it gave: up to highWaterMark, and one.
   */
  autoClose?: boolean;
  /** Aborting it destroys the stream with CancelledError. */
  signal?: AbortSignal;
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
  pause(partition: number, options?: CallOptions & { topic?: string }): Promise<void>;
  /** Undoes pause. */
  resume(partition: number, options?: CallOptions & { topic?: string }): Promise<void>;
  /** Stops reading from the cluster. What was received is still to be taken; then comes the end. Resumes what is paused. */
  drain(options?: CallOptions): Promise<void>;
  /** How far reading has come in every partition, with watermarks and lag, which are at most a second old. */
  positions(options?: CallOptions): Promise<PartitionPosition[]>;
  /** The records, one by one. */
  records(options?: Pick<CallOptions, 'signal'>): AsyncIterableIterator<Record>;
  /** The records, batch by batch. */
  batches(options?: Pick<CallOptions, 'signal'>): AsyncIterableIterator<Batch>;
  [Symbol.asyncIterator](): AsyncIterableIterator<Record>;
  /**
   * The records, or batches, as a stream of Node's in object mode. It takes no more than it is asked for, ends where iterations
   * do, and is destroyed by errors. commit stores the last record that the stream gave; where others come between, as in a
   * pipeline, they hold some still, so use commitOffset with the record that was processed.
   */
  readable(options: ReadableOptions & { batches: true }): Readable & AsyncIterable<Batch>;
  readable(options?: ReadableOptions): Readable & AsyncIterable<Record>;
  /** The same as a stream of the web. */
  readableStream(options: ReadableOptions & { batches: true }): ReadableStream<Batch>;
  readableStream(options?: ReadableOptions): ReadableStream<Record>;
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
