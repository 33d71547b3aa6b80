'use strict';

/** Records on their way to the library: packed into columns, so that one call hands over many. */

const abi = require('./abi.js');
const { invalid } = require('./errors.js');
const { meant } = require('./settings.js');

const RECORDS = 1024;
const BYTES = 64 << 10;
/** Text up to this length is given three bytes for each unit, which is the most UTF-8 needs; longer text is measured. */
const SHORT_TEXT = 1024;

/** The records of one call into the library. Their bytes are copied in, so the application may reuse its own. */
class Packet {
  constructor() {
    this.data = Buffer.allocUnsafeSlow(BYTES);
    this.keyLength = new Uint32Array(RECORDS);
    this.valueLength = new Uint32Array(RECORDS);
    this.reset();
  }

  reset() {
    /** Bytes and records in here. */
    this.used = 0;
    this.count = 0;
    /** Records and bytes the library has accepted. */
    this.sent = 0;
    this.sentBytes = 0;
    /** The sequence number of the first record; the others follow. */
    this.first = 0;
    this.hasKeys = false;
    /** Partition and timestamp by record, when some record has its own. */
    this.placed = null;
    /** Milliseconds to wait for room, negative without limit, and the timer for that. */
    this.patience = -1;
    this.timer = undefined;
    /** End at the first record that is refused, instead of failing that one only. */
    this.stops = false;
    /** Why not all records were accepted. */
    this.error = null;
    /** Called when every record is accepted or refused. */
    this.finished = null;
    /** Called when this packet, and all that wait for room before it, have come to that. */
    this.waiters = null;
  }

  get full() {
    return this.count === RECORDS || this.used >= BYTES;
  }

  /**
   * Adds a record.
   * @returns {boolean} false when there is no room; an empty packet takes a record of any size
   */
  add(record) {
    const { key, value, partition, timestamp } = fieldsOf(record);
    const keyMost = key === null ? 0 : mostBytes(key);
    if (!this.#reserve(keyMost + mostBytes(value))) return false;
    const start = this.used;
    const i = this.count;
    const keyLength = key === null ? abi.NO_KEY : this.#write(key, start);
    const keyBytes = key === null ? 0 : keyLength;
    const valueLength = this.#write(value, start + keyBytes);
    this.keyLength[i] = keyLength;
    this.valueLength[i] = valueLength;
    if (key !== null) this.hasKeys = true;
    if (partition !== -1 || timestamp !== 0) this.placed ??= new Placement();
    this.placed?.set(i, partition, timestamp);
    this.used = start + keyBytes + valueLength;
    this.count = i + 1;
    return true;
  }

  #reserve(bytes) {
    if (this.count === RECORDS) return false;
    if (this.used + bytes <= this.data.length) return true;
    if (this.count > 0) return false;
    this.data = Buffer.allocUnsafeSlow(bytes);
    return true;
  }

  #write(part, at) {
    if (typeof part === 'string') return this.data.write(part, at, 'utf8');
    this.data.set(part, at);
    return part.length;
  }

  /** The number of bytes of the records from index start to end. */
  bytesBetween(start, end) {
    let bytes = 0;
    for (let i = start; i < end; i++) {
      const keyLength = this.keyLength[i];
      bytes += this.valueLength[i] + (keyLength === abi.NO_KEY ? 0 : keyLength);
    }
    return bytes;
  }

  /** Counts n more records as dealt with. */
  advance(n) {
    if (n === 0) return;
    this.sentBytes += this.bytesBetween(this.sent, this.sent + n);
    this.sent += n;
  }

  /** Whether the packet may be used again: one that grew for a large record is left to the collector. */
  get reusable() {
    return this.data.length === BYTES;
  }
}

const at = abi.structs.fluvio_record_in;

/** Partition and timestamp of each record of a packet, and the structs that carry them. */
class Placement {
  #partition = new Int32Array(RECORDS).fill(-1);
  #timestamp = new Float64Array(RECORDS);

  set(i, partition, timestamp) {
    this.#partition[i] = partition;
    this.#timestamp[i] = timestamp;
  }

  /** The structs of the records not sent yet. They point into the packet. */
  structs(packet, address) {
    const n = packet.count - packet.sent;
    const memory = new ArrayBuffer(n * at.size);
    const wide = new BigUint64Array(memory);
    const narrow = new Int32Array(memory);
    let pointer = address + BigInt(packet.sentBytes);
    for (let i = 0; i < n; i++) {
      const record = packet.sent + i;
      const base = i * at.size;
      const keyLength = packet.keyLength[record];
      const hasKey = keyLength !== abi.NO_KEY;
      if (hasKey) {
        wide[(base + at.key) / 8] = pointer;
        wide[(base + at.key_len) / 8] = BigInt(keyLength);
        pointer += BigInt(keyLength);
      }
      wide[(base + at.value) / 8] = pointer;
      wide[(base + at.value_len) / 8] = BigInt(packet.valueLength[record]);
      pointer += BigInt(packet.valueLength[record]);
      wide[(base + at.timestamp) / 8] = BigInt(this.#timestamp[record]);
      wide[(base + at.opaque) / 8] = BigInt(packet.first + record);
      narrow[(base + at.partition) / 4] = this.#partition[record];
    }
    return memory;
  }
}

function mostBytes(part) {
  if (typeof part !== 'string') return part.length;
  return part.length <= SHORT_TEXT ? 3 * part.length : Buffer.byteLength(part);
}

/** A key or value as the packet takes it: text, or bytes. */
function bytesOf(part, what) {
  if (typeof part === 'string' || part instanceof Uint8Array) return part;
  if (part instanceof ArrayBuffer) return new Uint8Array(part);
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  const found = part === null ? 'null' : typeof part === 'object' ? part.constructor?.name ?? 'an object' : typeof part;
  throw invalid(what, `expected a string, a Buffer or a Uint8Array, not ${found}`);
}

/** The checked fields of what the application gave as a record. */
function fieldsOf(record) {
  if (typeof record === 'string' || record instanceof Uint8Array) return { key: null, value: record, partition: -1, timestamp: 0 };
  if (record === null || typeof record !== 'object') {
    throw invalid('record', `expected an object with a value, a string or bytes, not ${record === null ? 'null' : typeof record}`);
  }
  for (const name in record) {
    // Not a set: this is done for every record.
    if (name !== 'value' && name !== 'key' && name !== 'partition' && name !== 'timestamp' && record[name] !== undefined) {
      throw invalid(name, `records have no such field${meant(name, ['key', 'value', 'partition', 'timestamp'])}`);
    }
  }
  const { key, value, partition, timestamp } = record;
  return {
    key: key === null || key === undefined ? null : bytesOf(key, 'key'),
    value: bytesOf(value, 'value'),
    partition: partition === null || partition === undefined ? -1 : partitionOf(partition),
    timestamp: timestamp === null || timestamp === undefined ? 0 : timestampOf(timestamp),
  };
}

function partitionOf(value) {
  if (Number.isInteger(value) && value >= 0 && value <= 0x7fffffff) return value;
  throw invalid('partition', `${String(value)} is not a whole number from 0 to 2147483647`);
}

function timestampOf(value) {
  const time = value instanceof Date ? value.getTime() : value;
  if (Number.isSafeInteger(time) && time >= 1) return time;
  throw invalid('timestamp', `${String(value)} is not a Date after 1970 or a whole number of milliseconds above 0`);
}

module.exports = { Packet };
