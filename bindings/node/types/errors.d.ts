/// <reference types="node" />

/** Errors. */

/** Any failure of libfluvio. The message names operation, place, what went wrong and what to do, in one line. */
export class FluvioError extends Error {
  constructor(message: string, fields?: Partial<Pick<FluvioError, 'code' | 'serverCode' | 'retriable' | 'fatal' | 'maybeWritten' | 'endReason' | 'details' | 'cause'>>);
  /** The code of errors of this class; undefined of FluvioError and LibraryNotFoundError. */
  static readonly code: number | undefined;
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
 * silent: as reached; but through SmartModules nothing came of the rest for requestTimeoutMs: servers do not say that it was left out.
 */
export type EndReason = 'reached' | 'drained' | 'closed' | 'topic_deleted' | 'gave_up' | 'failed' | 'silent';

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
