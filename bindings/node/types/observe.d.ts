/** What a client tells of itself. */

import type { PartitionPosition } from './consumer.js';
import type { ProducerStats } from './producer.js';

/** A line of the log. Neither secrets nor anything of records is logged. */
export interface LogLine {
  /** error: something is lost or given up. warn: something is wrong that may mend itself. info: connections, retries, leaders that move. debug: requests. */
  level: 'error' | 'warn' | 'info' | 'debug';
  time: Date;
  /** One of a fixed set; what differs is in the fields. */
  message: string;
  /** client, addr, role, kind, api, spu, topic, partition, offset, attempt, delay, error, code ... */
  fields: { [name: string]: string };
  /** Lines before this one that were dropped, because ten thousand waited. */
  dropped: number;
}

/** How long things took, exact to a sixteenth. */
export interface Histogram {
  count: number;
  sumMs: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  maxMs: number;
  /** How many things took no longer than each bound. */
  buckets: { upToMs: number; count: number }[];
}

/** A client's counters since it was connected, with those of its open producers and consumers. */
export interface ClientStats {
  time: Date;
  /** clientId and the number of the client in this process. */
  client: string;
  bytesSent: number;
  bytesReceived: number;
  /** open: now. opened, failed: attempts ever. lost: ended although nobody here wanted it. */
  connections: { role: 'SC' | 'SPU'; kind: 'control' | 'watch' | 'produce' | 'fetch'; open: number; opened: number; failed: number; lost: number }[];
  /** errors: that got no answer. latency: of those that got one. */
  requests: { role: 'SC' | 'SPU'; api: string; count: number; inFlight: number; errors: number; latency: Histogram }[];
  /** Those that a retry mended included. code: for instance TIMEOUT. */
  errors: { operation: string; code: string; count: number }[];
  retries: { operation: string; count: number }[];
  breakers: { endpoint: string; state: 'closed' | 'open' | 'half-open' }[];
  producers: ProducerStats[];
  consumers: ConsumerStats[];
}

/** A consumer's counters since it was opened. */
export interface ConsumerStats {
  /** The number of the consumer in its client, from 1. */
  id: number;
  consumerId: string;
  /** Taken by the library for the application, which may still have to come for them; so are batches and bytes. */
  records: number;
  batches: number;
  bytes: number;
  /** Answers with records. */
  framesReceived: number;
  bytesReceived: number;
  /** Received and not taken. */
  framesQueued: number;
  bytesQueued: number;
  /** Streams opened again after an error. */
  retries: number;
  /** Positions that were not stored any more. */
  resets: number;
  /** Stored batches passed over because they cannot be read. */
  skipped: number;
  commits: number;
  commitsFailed: number;
  /** The sum of the partitions'. */
  lag: number;
  partitions: PartitionPosition[];
  /** How long records that were received waited to be taken. */
  waits: Histogram;
}
