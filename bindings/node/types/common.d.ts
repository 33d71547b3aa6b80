/** What several parts of the types use. */

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
