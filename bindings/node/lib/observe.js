'use strict';

/** What a client tells of itself: counters, and logs. */

const abi = require('./abi.js');
const { invalid } = require('./errors.js');
const { Row } = require('./row.js');
const { camel } = require('./settings.js');

/**
 * Counters with names and units of JavaScript: records_queued is recordsQueued, latency_max_us is latencyMaxMs, time_ms is a
 * Date, and no offset is null.
 */
function inJavaScript(value) {
  if (Array.isArray(value)) return value.map(inJavaScript);
  if (value === null || typeof value !== 'object') return value;
  const out = {};
  for (const [name, member] of Object.entries(value)) {
    if (name === 'time_ms') {
      out.time = new Date(member);
      continue;
    }
    const micros = name.endsWith('_us');
    out[camel(micros ? `${name.slice(0, -3)}_ms` : name)] = micros ? member / 1000 : name === 'committed' && member < 0 ? null : inJavaScript(member);
  }
  return out;
}

/** Takes a text out of an operation, and frees it. */
function takeText(lib, operation) {
  const text = lib.op_take_text(operation);
  try {
    return lib.text_get(text);
  } finally {
    lib.text_free(text);
  }
}

/** An option that is a function; null without one. */
function callback(name, value) {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'function') throw invalid(name, `a ${typeof value} cannot be called`);
  return value;
}

/** What takes lines of the log out of the queue and gives them to a function; null without one. */
function logReader(lib, onLog) {
  const tell = callback('onLog', onLog);
  if (!tell) return null;
  const row = new Row(abi.structs.fluvio_log);
  return (pointer) => {
    if (lib.event_log(pointer, row.memory) !== abi.OK) return;
    const count = row.long('field_count');
    const pairs = new BigUint64Array(2 * count);
    if (count > 0) lib.memcpy(pairs, row.pointer('fields'), pairs.byteLength);
    const fields = {};
    for (let i = 0; i < count; i++) fields[lib.text(pairs[2 * i])] = lib.text(pairs[2 * i + 1]);
    const line = {
      level: abi.LOG_LEVELS[row.int('level')] ?? 'info',
      time: new Date(row.long('time_us') / 1000),
      message: lib.text(row.pointer('message')),
      fields,
      dropped: row.long('dropped'),
    };
    queueMicrotask(() => tell(line)); // what it throws is the application's
  };
}

/** What takes counters out of the queue and gives them to a function; null without one. */
function statsReader(lib, { onStats, statisticsIntervalMs }) {
  const tell = callback('onStats', onStats);
  if (!tell) return null;
  if (!statisticsIntervalMs) throw invalid('statisticsIntervalMs', 'it is needed with onStats');
  return (pointer) => {
    const stats = inJavaScript(JSON.parse(lib.event_stats(pointer)));
    queueMicrotask(() => tell(stats));
  };
}

module.exports = { callback, inJavaScript, logReader, statsReader, takeText };
