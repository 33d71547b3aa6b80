'use strict';

/** Where a consumer is in its partitions, what it has stored, and what happened to them, out of the library's memory. */

const abi = require('./abi.js');
const { make } = require('./errors.js');
const { readError } = require('./native.js');
const { callback } = require('./observe.js');
const { Row } = require('./row.js');

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

/** Copies a stored offset. */
function offsetOf(lib, row) {
  return {
    consumerId: lib.text(row.pointer('consumer_id')),
    topic: lib.text(row.pointer('topic')),
    partition: row.int('partition'),
    offset: row.long('offset'),
    modified: row.long('modified'),
  };
}

/** Copies a list of stored offsets, and frees it. */
function readOffsets(lib, list) {
  try {
    const row = new Row(abi.structs.fluvio_consumer_offset);
    const count = Number(lib.consumer_offset_list_count(list));
    const offsets = [];
    for (let i = 0; i < count; i++) {
      const status = lib.consumer_offset_list_get(list, i, row.memory);
      if (status !== abi.OK) throw make(status, 'list consumer offsets: the library gave a row that cannot be read');
      offsets.push(offsetOf(lib, row));
    }
    return offsets;
  } finally {
    lib.consumer_offset_list_free(list);
  }
}

/** What takes a consumer's events out of the queue and gives them to a function; null without one. */
function consumerEventReader(lib, onEvent) {
  const tell = callback('onEvent', onEvent);
  if (!tell) return null;
  const row = new Row(abi.structs.fluvio_consumer_event);
  return (pointer) => {
    if (lib.event_consumer(pointer, row.memory) !== abi.OK) return;
    const error = row.pointer('error');
    const event = {
      kind: abi.CONSUMER_EVENTS[row.int('kind')] ?? String(row.int('kind')),
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

module.exports = { consumerEventReader, offsetOf, readOffsets, readPositions };
