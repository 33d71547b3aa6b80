'use strict';

/** Records that were read. A batch is one copy of the library's memory; its records are views over that. */

const { inspect } = require('node:util');
const abi = require('./abi.js');
const { invalid, make } = require('./errors.js');

const at = abi.structs.fluvio_batch_view;
const view = new ArrayBuffer(at.size);
const viewWords = new Int32Array(view);
const viewPointers = new BigUint64Array(view);

/** Reads the 64-bit integer with the given index. Exact up to 2^53, which offsets and times do not reach. */
function int64(words, index) {
  return words[2 * index + 1] * 0x100000000 + (words[2 * index] >>> 0);
}

/** The columns of one batch, in memory of JavaScript. */
class Columns {
  constructor(lib, pointer) {
    viewWords[at.struct_size / 4] = at.size;
    const status = lib.batch_view(pointer, view);
    if (status !== abi.OK) throw make(status, 'poll: the library gave a batch that cannot be read');
    const count = Number(viewPointers[at.count / 8]);
    const dataLength = Number(viewPointers[at.data_len / 8]);
    this.topic = lib.text(viewPointers[at.topic / 8]);
    this.partition = viewWords[at.partition / 4];
    this.count = count;
    this.highWatermark = Number(BigInt.asIntN(64, viewPointers[at.high_watermark / 8]));
    // One piece of memory, not from Buffer's pool: a kept record keeps its batch and nothing else.
    const memory = Buffer.allocUnsafeSlow(32 * count + dataLength).buffer;
    const column = (type, name, start, bytes) => {
      const array = new type(memory, start, bytes / type.BYTES_PER_ELEMENT);
      if (bytes > 0) lib.memcpy(array, viewPointers[at[name] / 8], bytes);
      return array;
    };
    this.offset = column(Int32Array, 'offset', 0, 8 * count);
    this.timestamp = column(Int32Array, 'timestamp', 8 * count, 8 * count);
    this.keyPos = column(Uint32Array, 'key_pos', 16 * count, 4 * count);
    this.keyLen = column(Uint32Array, 'key_len', 20 * count, 4 * count);
    this.valuePos = column(Uint32Array, 'value_pos', 24 * count, 4 * count);
    this.valueLen = column(Uint32Array, 'value_len', 28 * count, 4 * count);
    column(Uint8Array, 'data', 32 * count, dataLength);
    this.memory = memory;
    this.data = 32 * count;
  }

  keyAt(i) {
    const length = this.keyLen[i];
    return length === abi.NO_KEY ? null : Buffer.from(this.memory, this.data + this.keyPos[i], length);
  }

  valueAt(i) {
    return Buffer.from(this.memory, this.data + this.valuePos[i], this.valueLen[i]);
  }

  offsetAt(i) {
    return int64(this.offset, i);
  }

  timestampAt(i) {
    const time = int64(this.timestamp, i);
    return time < 0 ? null : time;
  }
}

/** One record. Its fields are read when they are asked for. */
class Record {
  #columns;
  #index;

  constructor(columns, index) {
    this.#columns = columns;
    this.#index = index;
  }

  get topic() {
    return this.#columns.topic;
  }

  get partition() {
    return this.#columns.partition;
  }

  get offset() {
    return this.#columns.offsetAt(this.#index);
  }

  get timestamp() {
    return this.#columns.timestampAt(this.#index);
  }

  get key() {
    return this.#columns.keyAt(this.#index);
  }

  get value() {
    return this.#columns.valueAt(this.#index);
  }

  /** The fields as a plain object; key and value stay Buffers. */
  toJSON() {
    const { topic, partition, offset, timestamp, key, value } = this;
    return { topic, partition, offset, timestamp, key, value };
  }

  [inspect.custom](depth, options) {
    return `Record ${inspect(this.toJSON(), options)}`;
  }
}

/** Records of one partition, in the order of their offsets. */
class Batch {
  #columns;
  #first;

  constructor(columns, first = 0) {
    this.#columns = columns;
    this.#first = first;
    this.topic = columns.topic;
    this.partition = columns.partition;
    this.length = columns.count - first;
    this.highWatermark = columns.highWatermark;
  }

  #index(i) {
    if (!Number.isInteger(i) || i < 0 || i >= this.length) throw invalid('index', `${i} is not from 0 to ${this.length - 1}`);
    return this.#first + i;
  }

  record(i) {
    return new Record(this.#columns, this.#index(i));
  }

  key(i) {
    return this.#columns.keyAt(this.#index(i));
  }

  value(i) {
    return this.#columns.valueAt(this.#index(i));
  }

  offset(i) {
    return this.#columns.offsetAt(this.#index(i));
  }

  timestamp(i) {
    return this.#columns.timestampAt(this.#index(i));
  }

  *[Symbol.iterator]() {
    const columns = this.#columns;
    for (let i = this.#first; i < columns.count; i++) yield new Record(columns, i);
  }
}

module.exports = { Batch, Columns, Record };
