'use strict';

/** Options of JavaScript as settings of the library: camelCase names become snake_case, the library checks the rest. */

const { CODE, invalid, make } = require('./errors.js');
const { errorSlot, failure } = require('./native.js');

/** The library's spelling. What is not spelled as JavaScript does, timeoutMS for instance, is left for the library to refuse. */
function snake(name) {
  if (/^[A-Z]|[A-Z](?![a-z0-9])/.test(name)) return name;
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** JavaScript's spelling of a name of the library's. */
function camel(name) {
  return name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
}

function isPlainObject(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A value in JSON's types. The library says what fits a setting; here go only values that JSON has no words for. */
function plain(name, value) {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'function':
    case 'symbol':
      throw invalid(name, `a ${typeof value} is not a setting`);
    case 'object':
      if (value === null) return null;
      if (value instanceof Date) return timeText(name, value);
      if (value instanceof Uint8Array) return { base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
      if (Array.isArray(value)) return value.map((each, i) => plain(`${name}[${i}]`, each));
      return isPlainObject(value) ? members(`${name}.`, value, new Set()) : value;
    default:
      return value;
  }
}

/** The members of an object as settings. undefined means the default. */
function members(within, object, ours) {
  const out = {};
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined || ours.has(name)) continue;
    if (within === '') refuseNearly(name, ours);
    // The names of parameters and of environment variables are the application's own.
    const own = (name === 'env' || (within !== '' && name === 'params')) && !Array.isArray(value);
    out[snake(name)] = own ? value : plain(within + name, value);
  }
  return out;
}

/** A moment as a position. */
function timeText(name, date) {
  if (Number.isNaN(date.getTime())) throw invalid(name, 'the date is invalid');
  return `time:${date.getTime()}`;
}

/** A position as the library takes it: an offset, a Date, or a text as for the setting start. */
function positionOf(value) {
  if (value instanceof Date) return timeText('position', value);
  if (typeof value === 'bigint' || Number.isInteger(value)) return String(value);
  return nameOf(value, 'position');
}

/** A partition's number. */
function partitionOf(partition) {
  if (!Number.isInteger(partition) || partition < 0 || partition > 0x7fffffff) {
    throw invalid('partition', `${String(partition)} is not a partition's number`);
  }
  return partition;
}

/**
 * The settings of options as a JSON object. undefined means the default. Names in ours are this package's own.
 * @param {object | undefined} options
 * @param {Set<string>} ours
 */
function toJSON(options, ours) {
  const out = members('', options ?? {}, ours);
  return JSON.stringify(out, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
}

/** Calls use with a config of the library that holds the options' settings. */
function withConfig(lib, options, ours, use) {
  const json = toJSON(options, ours);
  const config = lib.config_new();
  if (!config) throw make(CODE.OUT_OF_MEMORY, 'settings: no memory, or this is a forked child');
  try {
    const status = lib.config_set_json(config, json, errorSlot);
    if (status !== 0) throw failure(lib, status);
    return use(config);
  } finally {
    lib.config_free(config);
  }
}

/** The known name that an unknown one was meant to be, as a question; empty when there is none. */
function meant(name, known) {
  const [best, distance] = [...known].map((each) => [each, editDistance(name, each)]).reduce((a, b) => (b[1] < a[1] ? b : a));
  return distance < 4 ? `, did you mean ${best}?` : '';
}

/** The number of inserted, removed and changed characters between two names; capitals do not count. */
function editDistance(a, b) {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= to.length; j++) {
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1)));
    }
  }
  return row[to.length];
}

/** Refuses the misspelt name of an option that is this package's own, which the library could not know. */
function refuseNearly(name, ours) {
  for (const each of ours) {
    if (editDistance(name, each) < 3) throw invalid(name, `there is no such option, did you mean ${each}?`);
  }
}

/** Names that every call with options takes for itself. */
const CALL_OPTIONS = new Set(['timeoutMs', 'signal']);

/** timeoutMs for the library: undefined, null and Infinity wait as long as the settings allow. */
function timeoutOf(options) {
  const value = options?.timeoutMs;
  if (value === undefined || value === null || value === Infinity) return -1;
  if (typeof value !== 'number' || !(value >= 0)) throw invalid('timeoutMs', `${String(value)} is not a number of milliseconds`);
  return Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER);
}

/** The AbortSignal of options, or undefined. */
function signalOf(options) {
  const signal = options?.signal;
  if (signal === undefined || signal === null) return undefined;
  if (typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') {
    throw invalid('signal', 'it is not an AbortSignal');
  }
  return signal;
}

/** An options argument: an object or nothing. known: the names it may have; null: the library checks them. */
function checkOptions(options, known = CALL_OPTIONS) {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object' || Array.isArray(options)) throw invalid('options', 'expected an object with options');
  if (known === null) return options;
  for (const name of Object.keys(options)) {
    if (!known.has(name) && options[name] !== undefined) throw invalid(name, `there is no such option${meant(name, known)}`);
  }
  return options;
}

/** A name for the library, which reads texts up to a zero character. */
function nameOf(value, what) {
  if (typeof value !== 'string') throw invalid(what, `expected a string, not ${value === null ? 'null' : typeof value}`);
  if (value.includes('\0')) throw invalid(what, 'the name contains a zero character');
  return value;
}

module.exports = { CALL_OPTIONS, camel, snake, meant, withConfig, toJSON, timeoutOf, signalOf, checkOptions, nameOf, partitionOf, positionOf };
