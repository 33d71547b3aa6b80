'use strict';

/** The names of the official Node client (@fluvio/client 0.14.9 and its successor) over this library. See MIGRATION.md. */

const { gunzipSync } = require('node:zlib');
const { connect } = require('../client.js');
const { CODE, FluvioError, invalid, make } = require('../errors.js');
const { disposable } = require('../loop.js');
const admin = require('./admin.js');
const { defaults, enumeration } = require('./names.js');

const OffsetFrom = Object.freeze({ Beginning: 'beginning', End: 'end' });
const SmartModuleType = Object.freeze({ Filter: 'filter', Map: 'map', ArrayMap: 'array_map', FilterMap: 'filter_map' });
const ErrorCode = enumeration([
  'UnknownServerError', 'None', 'OffsetOutOfRange', 'NotLeaderForPartition', 'StorageError', 'SpuError', 'SpuRegisterationFailed',
  'SpuOffline', 'SpuNotFound', 'SpuAlreadyExists', 'TopicError', 'TopicNotFound', 'TopicAlreadyExists', 'TopicPendingInitialization',
  'TopicInvalidConfiguration', 'PartitionPendingInitialization', 'PartitionNotLeader',
]);

/** Bytes that one fetch gives at most, but for its last batch. */
const FETCH_BYTES = 1 << 20;

/** Where to read from: so many records behind the beginning, or before the end. */
class Offset {
  constructor(options) {
    this.index = options?.index || defaults.DEFAULT_OFFSET;
    this.from = options?.from || defaults.DEFAULT_OFFSET_FROM;
  }

  static FromBeginning() {
    return new Offset({ index: 0, from: OffsetFrom.Beginning });
  }

  static FromEnd() {
    return new Offset({ index: 0, from: OffsetFrom.End });
  }
}

/** An Offset as libfluvio's start. */
function startOf(offset) {
  const { index = 0, from } = offset ?? new Offset();
  if (!Number.isInteger(index) || index < 0) throw invalid('offset', `${String(index)} is not a number of records`);
  if (from === undefined) return index;
  if (from !== OffsetFrom.Beginning && from !== OffsetFrom.End) throw invalid('offset', `from is beginning or end, not ${String(from)}`);
  if (index === 0) return from;
  return from === OffsetFrom.Beginning ? `beginning+${index}` : `end-${index}`;
}

/** A copy of bytes that owns its memory, as the official client gives it. */
function arrayBuffer(bytes) {
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

/** A record that was read. */
class Record {
  #record;

  constructor(record) {
    this.#record = record;
  }

  key() {
    const { key } = this.#record;
    return key === null ? null : arrayBuffer(key);
  }

  hasKey() {
    return this.#record.key !== null;
  }

  value() {
    return arrayBuffer(this.#record.value);
  }

  keyString() {
    const { key } = this.#record;
    return key === null ? null : key.toString();
  }

  valueString() {
    return this.#record.value.toString();
  }

  offset() {
    return this.#record.offset;
  }

  partition() {
    return this.#record.partition;
  }

  timestamp() {
    return this.#record.timestamp;
  }
}

/** Writes to a topic. Comes from Fluvio.topicProducer. */
class TopicProducer {
  #producer;

  constructor(producer) {
    this.#producer = producer;
  }

  async sendRecord(value, partition) {
    await this.#producer.send({ value, partition });
  }

  async send(key, value) {
    await this.#producer.send({ key, value });
  }

  async sendAll(elements) {
    await this.#producer.sendMany(elements.map(([key, value]) => ({ key, value })));
  }

  async flush() {
    await this.#producer.flush();
  }

  async close() {
    await this.#producer.close();
  }
}

/** The official settings of a producer as libfluvio's; timeoutMs and batchQueueSize have no effect. */
function producerOptions({ batchSize, lingerMs, compression, maxRequestSize } = {}) {
  return { batchSize, lingerMs, compression, maxRequestSize };
}

/** The official settings of a consumer as libfluvio's. */
function consumerOptions({ maxBytes, smartmoduleType, smartmoduleFile, smartmoduleData, smartmoduleName, smartmoduleParams } = {}) {
  const given = [smartmoduleFile, smartmoduleData, smartmoduleName].filter((one) => one !== undefined);
  if (given.length > 1) throw invalid('smartmodule', 'give one of smartmoduleFile, smartmoduleData and smartmoduleName');
  if (given.length === 0) return { maxBytes };
  const module = { kind: smartmoduleType, params: smartmoduleParams, path: smartmoduleFile, name: smartmoduleName };
  if (smartmoduleData !== undefined) module.wasm = unpacked(smartmoduleData);
  return { maxBytes, smartmodules: [module] };
}

/** A module out of base64 of its WebAssembly, gzipped or not. */
function unpacked(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
}

/** A stream of records, which closes its consumer when it ends or is left. */
class RecordStream {
  #consumer;
  #records;
  #left;

  constructor(consumer, left) {
    this.#consumer = consumer;
    this.#records = consumer.records();
    this.#left = left;
  }

  async next() {
    let step;
    try {
      step = await this.#records.next();
    } catch (error) {
      if (error.fatal) await this.return();
      throw error;
    }
    if (!step.done) return { value: new Record(step.value), done: false };
    return this.return();
  }

  async return(value) {
    this.#left(this);
    await this.#consumer.close();
    return { value, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

/** Reads a partition. Comes from Fluvio.partitionConsumer. */
class PartitionConsumer {
  #client;
  #topic;
  #partition;
  #streams = new Set();

  constructor(client, topic, partition) {
    this.#client = client;
    this.#topic = topic;
    this.#partition = partition;
  }

  #open(offset, options) {
    return this.#client.consumer(this.#topic, { partitions: [this.#partition], start: startOf(offset), ...options });
  }

  async createStream(offset) {
    return this.streamWithConfig(offset, undefined);
  }

  async streamWithConfig(offset, config) {
    const stream = new RecordStream(await this.#open(offset, consumerOptions(config)), (one) => this.#streams.delete(one));
    this.#streams.add(stream);
    return stream;
  }

  /** Calls cb with every record, until endStream; resolves when the stream is open. A promise that cb gives is awaited. */
  async stream(offset, cb) {
    if (typeof cb !== 'function') throw invalid('cb', `a ${typeof cb} cannot be called`);
    const stream = await this.createStream(offset);
    const run = async () => {
      for await (const record of stream) await cb(record);
    };
    run().catch((error) => process.emitWarning(error));
  }

  /** Ends the streams of this consumer. */
  async endStream() {
    await Promise.all([...this.#streams].map((stream) => stream.return()));
  }

  /** What is stored from an offset on, at most about a megabyte. */
  async fetch(offset) {
    const consumer = await this.#open(offset, { stopAt: 'end' });
    try {
      const batches = [];
      for (let bytes = 0; bytes < FETCH_BYTES; ) {
        const batch = await nextBatch(consumer);
        if (batch === null) break;
        for (const { key, value } of batch) bytes += (key?.length ?? 0) + value.length;
        batches.push(batch);
      }
      const [{ highWatermark }] = await consumer.positions();
      return fetched(this.#partition, batches, highWatermark, await consumer.offsetFor(this.#partition, 'beginning'));
    } finally {
      await consumer.close();
    }
  }
}

/** The next batch; null at the end. */
async function nextBatch(consumer) {
  try {
    return await consumer.poll();
  } catch (error) {
    if (error.code === CODE.END) return null;
    throw error;
  }
}

function fetched(partitionIndex, batches, highWatermark, logStartOffset) {
  return {
    partitionIndex,
    errorCode: ErrorCode.None,
    highWatermark,
    lastStableOffset: highWatermark,
    logStartOffset,
    records: { batches: batches.map(shown) },
    toRecords: () => batches.flatMap((batch) => [...batch].map((record) => record.value.toString())),
  };
}

/** A batch in the shape of the official client; what the library does not tell has the wire's defaults. */
function shown(batch) {
  const records = [...batch];
  const last = batch.length - 1;
  return {
    baseOffset: batch.offset(0),
    batchLength: records.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + value.length, 0),
    header: {
      partitionLeaderEpoch: -1,
      magic: 2,
      crc: 0,
      attributes: 0,
      lastOffsetDelta: batch.offset(last) - batch.offset(0),
      firstTimestamp: batch.timestamp(0) ?? -1,
      maxTimeStamp: batch.timestamp(last) ?? -1,
      producerId: -1,
      producerEpoch: -1,
      firstSequence: -1,
    },
    records: records.map(({ key, value }) => ({ key: key === null ? '' : key.toString(), value: value.toString(), headers: 0 })),
  };
}

/** The client. */
class Fluvio {
  #options;
  #client = null;
  #connecting = null;

  constructor(options) {
    this.#options = options ?? {};
  }

  static async connect(options) {
    return new Fluvio(options).connect();
  }

  async connect(options) {
    if (this.#client !== null) return this;
    this.#connecting ??= this.#connect({ ...this.#options, ...options }).finally(() => {
      this.#connecting = null;
    });
    await this.#connecting;
    return this;
  }

  async #connect({ host, port, use_spu_local_address: useSpuLocalAddress, client }) {
    const endpoint = host && port ? `${host.includes(':') ? `[${host}]` : host}:${port}` : undefined;
    this.#client = await connect({ endpoint, useSpuLocalAddress, ...client });
  }

  #connected() {
    if (this.#client === null) throw make(CODE.INVALID_STATE, 'this client is not connected: call connect and await it first');
    return this.#client;
  }

  async topicProducer(topic) {
    return this.topicProducerWithConfig(topic, undefined);
  }

  async topicProducerWithConfig(topic, config) {
    return new TopicProducer(await this.#connected().producer(topic, producerOptions(config)));
  }

  async partitionConsumer(topic, partition) {
    return new PartitionConsumer(this.#connected(), topic, partition);
  }

  async admin() {
    return new admin.FluvioAdmin(this.#connected().admin, this.#options);
  }

  /** What this client is over. */
  get client() {
    return this.#connected();
  }

  async close() {
    await this.#client?.close();
  }
}

disposable(Fluvio, 'close');
disposable(TopicProducer, 'close');

/** The bytes of a text as UTF-8. */
function stringToArrayBuffer(text) {
  return arrayBuffer(new TextEncoder().encode(text));
}

function arrayBufferToString(data) {
  return Buffer.from(data).toString('utf8');
}

module.exports = {
  default: Fluvio,
  Fluvio,
  FluvioClient: Fluvio,
  ...admin,
  ...defaults,
  ErrorCode,
  FluvioError,
  Offset,
  OffsetFrom,
  PartitionConsumer,
  PartitionConsumerJS: PartitionConsumer,
  Record,
  SmartModuleType,
  TopicProducer,
  arrayBufferToString,
  stringToArrayBuffer,
};
// So that what TypeScript makes of `import Fluvio from` finds the default.
Object.defineProperty(module.exports, '__esModule', { value: true });
