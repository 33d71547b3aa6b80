'use strict';

/** Offset stores of the application's: the library asks by events, which are answered when the store's promises settle. */

const abi = require('./abi.js');
const { invalid } = require('./errors.js');
const { offsetOf } = require('./position.js');
const { Row } = require('./row.js');

const at = abi.structs.fluvio_consumer_offset;

/** The store among the options, null when they name one of the library's. */
function storeOf(store) {
  if (store === undefined || store === null || typeof store === 'string') return null;
  if (typeof store.load !== 'function' || typeof store.save !== 'function') {
    throw invalid('offsetStore', 'it is neither the name of a store nor has the methods load and save');
  }
  return store;
}

/** What answers the library's questions for a store. */
function storeAsker(lib, store) {
  return (event) => {
    const question = new Row(abi.structs.fluvio_offsets_event);
    if (lib.event_offsets(event, question.memory) !== abi.OK) {
      lib.event_free(event);
      return;
    }
    const consumerId = lib.text(question.pointer('consumer_id'));
    const saving = question.int('save') !== 0;
    const offsets = readRows(lib, question.pointer('offsets'), question.long('count'));
    const work = async () => (saving ? void (await store.save(consumerId, offsets)) : store.load(consumerId));
    work()
      .then((rows) => reply(lib, event, [...(rows ?? [])]))
      .catch((error) => lib.event_offsets_reply(event, null, 0, String(error).replaceAll('\0', ' '), null))
      .finally(() => lib.event_free(event));
  };
}

function readRows(lib, pointer, count) {
  const memory = new ArrayBuffer(at.size * count);
  if (count > 0) lib.memcpy(memory, pointer, memory.byteLength);
  return Array.from({ length: count }, (_, i) => offsetOf(lib, new Row(at, memory, i * at.size)));
}

function reply(lib, event, rows) {
  const memory = new ArrayBuffer(at.size * rows.length);
  const topics = rows.map(({ topic }) => Buffer.from(`${topic}\0`)); // alive until the call is over
  rows.forEach(({ partition, offset }, i) => {
    if (!Number.isInteger(partition) || !Number.isInteger(Number(offset))) throw invalid('offsetStore', 'load gave a partition or an offset that is no whole number');
    const row = new Row(at, memory, i * at.size);
    row.words[at.struct_size / 4] = at.size;
    row.words[at.partition / 4] = partition;
    row.pointers[at.topic / 8] = lib.address(topics[i]);
    row.longs[at.offset / 8] = BigInt(offset);
  });
  const status = lib.event_offsets_reply(event, memory, rows.length, null, null);
  if (status !== abi.OK) throw invalid('offsetStore', 'load gave offsets that are none');
}

module.exports = { storeAsker, storeOf };
