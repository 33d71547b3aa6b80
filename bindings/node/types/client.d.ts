/// <reference lib="esnext.disposable" />
/** The connection to a cluster. */

import type { Admin } from './admin.js';
import type { CallOptions, Milliseconds } from './common.js';
import type { Consumer, ConsumerOptions } from './consumer.js';
import type { FluvioError } from './errors.js';
import type { ClientStats, LogLine } from './observe.js';
import type { Producer, ProducerOptions } from './producer.js';

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
  statisticsIntervalMs?: Milliseconds;
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
  /** Events that were dropped before this one, because 10,000 waited. */
  dropped: number;
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
   * nothing when closed already. timeoutMs: for delivering; by default as long as deliveryTimeoutMs allows. Where another close is
   * under way, that goes on after this one's timeoutMs.
   *
   * @throws {TimeoutError} some records had to be failed
   */
  close(options?: CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
