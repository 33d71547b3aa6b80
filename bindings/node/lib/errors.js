'use strict';

/**
 * The errors of libfluvio: one class for each code of the library, below FluvioError. The classes are made from the table
 * that the core generates, so that all languages know the same ones.
 */

const { codes, serverCodes } = require('./codes.js');

const rows = new Map(codes.map((row) => [row.code, row]));
const serverNames = new Map(serverCodes.map((row) => [row.server, row.name]));

/** Codes that this package needs by name, for instance CODE.TIMEOUT. */
const CODE = Object.freeze(Object.fromEntries(codes.map((row) => [row.name, row.code])));

/** Any failure of libfluvio. See index.d.ts for the fields. */
class FluvioError extends Error {
  constructor(message, fields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    const code = fields.code ?? this.constructor.code ?? 0;
    const row = rows.get(code);
    this.code = code;
    this.codeName = row ? row.name : '';
    this.serverCode = fields.serverCode ?? 0;
    this.retriable = fields.retriable ?? (row ? row.retriable : false);
    this.fatal = fields.fatal ?? (row ? row.fatal : false);
    this.maybeWritten = fields.maybeWritten ?? false;
    this.endReason = fields.endReason ?? null;
    this.details = { ...fields.details };
    this.hint = this.details.hint || (row ? row.hint : '');
  }

  /** The server's own name of serverCode, for instance "TopicNotFound"; empty without a server code. */
  get serverName() {
    return this.serverCode === 0 ? '' : serverNames.get(this.serverCode) ?? '';
  }
}
setName(FluvioError, 'FluvioError');

/** The shared library or the program fluvio-devcluster is not on this machine, or cannot be loaded. */
class LibraryNotFoundError extends FluvioError {}
setName(LibraryNotFoundError, 'LibraryNotFoundError');

function setName(errorClass, name) {
  Object.defineProperty(errorClass, 'name', { value: name });
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}

const classes = { FluvioError, LibraryNotFoundError };
const byCode = new Map();
for (const row of codes) {
  const errorClass = class extends FluvioError {};
  setName(errorClass, row.className);
  errorClass.code = row.code;
  byCode.set(row.code, errorClass);
  classes[row.className] = errorClass;
}

const content = (text) => (text === undefined ? null : Buffer.from(text, 'base64'));

// What index.d.ts says of SmartModuleError, from its details.
for (const [name, get] of Object.entries({
  smartmodule: (d) => d.smartmodule ?? '',
  smartmoduleHint: (d) => d.smartmodule_hint ?? '',
  kind: (d) => d.smartmodule_kind ?? '',
  offset: (d) => (d.offset ?? d.record) === undefined ? null : Number(d.offset ?? d.record),
  key: (d) => content(d.record_key),
  value: (d) => content(d.record_value),
})) {
  Object.defineProperty(classes.SmartModuleError.prototype, name, { get() { return get(this.details); } });
}

/** A copy of an error with one more detail. */
function withDetail(error, key, value) {
  return make(error.code, error.message, { ...error, details: { ...error.details, [key]: value } });
}

/** An error of a code's class; of FluvioError itself for a code this version does not know. */
function make(code, message, fields = {}) {
  const errorClass = byCode.get(code) ?? FluvioError;
  return new errorClass(message, { ...fields, code });
}

/** INVALID_ARGUMENT about an argument or a setting. */
function invalid(setting, message) {
  return make(CODE.INVALID_ARGUMENT, `${setting}: ${message}`, { details: { setting } });
}

/** CLOSED, for a call on something that was closed. */
function closed(operation, what) {
  return make(CODE.CLOSED, `${operation}: the ${what} was closed [hint: ${rows.get(CODE.CLOSED).hint}]`, {
    endReason: what === 'consumer' ? 'closed' : null,
    details: { operation },
  });
}

/** CANCELLED, for a call whose AbortSignal was aborted; the signal's reason is the cause. */
function cancelled(operation, signal) {
  return make(CODE.CANCELLED, `${operation}: cancelled by its AbortSignal`, {
    details: { operation },
    cause: signal.reason,
  });
}

module.exports = { CODE, FluvioError, LibraryNotFoundError, classes, make, withDetail, invalid, closed, cancelled };
