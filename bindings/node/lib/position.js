'use strict';

/** Where a consumer is in its partitions, and what happened to them, out of the library's memory. */

const abi = require('./abi.js');
const { invalid, make } = require('./errors.js');
const { readError } = require('./native.js');

const KINDS = ['', 'assigned', 'lost', 'retry', 'resumed', 'offset_reset', 'batch_skipped'];

/** Reads fields of a struct that the library has filled. */
class Row {
  constructor(layout, memory = new ArrayBuffer(layout.size), start = 0) {
    this.at = layout;
    this.memory = memory;
    this.words = new Int32Array(memory, start, layout.size / 4);
    this.longs = new BigInt64Array(memory, start, layout.size / 8);
    this.pointers = new BigUint64Array(memory, start, layout.size / 8);
    this.words[layout.struct_size / 4] = layout.size;
  }

  int(name) {
    return this.words[this.at[name] / 4];
  }

  long(name) {
    return Number(this.longs[this.at[name] / 8]);
  }

  pointer(name) {
    return this.pointers[this.at[name] / 8];
  }
}

/** Copies a list of positions, and frees it. */
function readPositions(lib, list) {
  try {
    const row = new Row(abi.structs.fluvio_position);
    const count = Number(lib.position_list_count(list));
    const positions = [];
    for (let i = 0; i < count; i++) {
      const status = lib.position_list_get(list, i, row.memory);
      if (status !== abi.OK) throw make(status, 'positions: the library gave a row that cannot be read');
      const committed = row.long('committed');
      positions.push({
        topic: lib.text(row.pointer('topic')),
        partition: row.int('partition'),
        position: row.long('position'),
        highWatermark: row.long('high_watermark'),
        logEndOffset: row.long('log_end_offset'),
        lag: row.long('lag'),
        committed: committed < 0 ? null : committed,
        skipped: row.long('skipped'),
        paused: row.int('paused') !== 0,
      });
    }
    return positions;
  } finally {
    lib.position_list_free(list);
  }
}

/** What takes a consumer's events out of the queue: it tells onEvent. */
function eventReader(lib, onEvent) {
  if (onEvent !== undefined && onEvent !== null && typeof onEvent !== 'function') {
    throw invalid('onEvent', `a ${typeof onEvent} cannot be called`);
  }
  const tell = onEvent ?? (() => {}); // the log tells what has to be known
  const row = new Row(abi.structs.fluvio_consumer_event);
  return (pointer) => {
    if (lib.event_consumer(pointer, row.memory) !== abi.OK) return;
    const error = row.pointer('error');
    const event = {
      kind: KINDS[row.int('kind')] ?? String(row.int('kind')),
      topic: lib.text(row.pointer('topic')),
      partition: row.int('partition'),
      offset: row.long('offset'),
      next: row.long('next'),
      attempt: row.int('attempt'),
      delayMs: row.long('delay_ms'),
      error: error ? readError(lib, error) : null,
      dropped: row.long('dropped'),
    };
    queueMicrotask(() => tell(event)); // what it throws is the application's
  };
}

module.exports = { Row, eventReader, readPositions };
