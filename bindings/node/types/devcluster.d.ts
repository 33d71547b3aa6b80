/// <reference lib="esnext.disposable" />
/** The dev cluster. */

import type { ClientOptions } from './client.js';
import type { CallOptions } from './common.js';

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
