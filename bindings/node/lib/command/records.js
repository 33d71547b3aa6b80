'use strict';

/** The commands produce, consume and bench. */

const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const { finished } = require('node:stream/promises');
const { connect } = require('../client.js');
const { invalid } = require('../errors.js');
const { Progress, plain, print, printJson, summary, table } = require('./output.js');

/** Calls sendMany that are under way at once. */
const UNDER_WAY = 4;
/** Records of one call of bench. */
const CHUNK = 10_000;

/** Calls use with the client of a command, and closes it. */
async function connected({ endpoint, profile, timeout }, use) {
  const settings = timeout === undefined ? {} : { timeoutMs: 1000 * timeout, requestTimeoutMs: Math.max(1, Math.round(1000 * timeout)) };
  const client = await connect({ endpoint: profile ? undefined : endpoint, profile, ...settings });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/* ------------------------------------------------------------------ produce */

async function produce(given) {
  await connected(given, async (client) => {
    const producer = await client.producer(given.topic, given.settings);
    const progress = new Progress('produce');
    await sendAll(producer, chunks(given), progress);
    await producer.close();
    summary(progress, given.json, { topic: given.topic });
  });
}

/** Sends groups of records, in order. */
async function sendAll(producer, groups, progress) {
  const stream = producer.writable({ autoClose: false });
  const done = finished(stream);
  done.catch(() => {}); // it is awaited at the end
  for await (const records of groups) {
    for (const record of records) if (!stream.write(record) && !stream.destroyed) await once(stream, 'drain');
    if (stream.destroyed) break;
    progress.add(records.length, records.reduce((bytes, { key, value }) => bytes + (key?.length ?? 0) + value.length, 0));
  }
  stream.end();
  await done;
}

/** The records in the files, in groups. */
async function* chunks(given) {
  const key = given.key === undefined ? null : Buffer.from(given.key);
  const separator = given['key-separator'] === undefined ? null : Buffer.from(given['key-separator']);
  for (const name of given.file?.length ? given.file : ['-']) {
    const stream = name === '-' ? process.stdin : fs.createReadStream(name, { highWaterMark: 256 << 10 });
    if (given.raw) {
      yield [{ key, value: Buffer.concat(await stream.toArray()) }];
      continue;
    }
    let number = 0;
    for await (const lines of linesOf(stream)) {
      const records = [];
      for (const line of lines) {
        number++;
        if (given['from-json']) records.push(recordOfJson(line, number));
        else records.push(separator ? split(line, separator) : { key, value: line });
      }
      yield records;
    }
  }
}

/** Lines without their ends, in groups as they come. */
async function* linesOf(stream) {
  let rest = [];
  for await (const chunk of stream) {
    const lines = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = chunk.subarray(start, end);
      lines.push(rest.length > 0 ? Buffer.concat([...rest.splice(0), line]) : line);
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [Buffer.concat(rest)];
}

function split(line, separator) {
  const at = line.indexOf(separator);
  return at < 0 ? { key: null, value: line } : { key: line.subarray(0, at), value: line.subarray(at + separator.length) };
}

/** A record out of a line as consume --json prints it. */
function recordOfJson(line, number) {
  try {
    const { key, value } = JSON.parse(line.toString());
    if (value === undefined) throw new Error('it has no value');
    return { key: key === undefined || key === null ? null : bytesOf(key), value: bytesOf(value) };
  } catch (error) {
    throw invalid(`line ${number}`, `it is not a record: ${error.message}`);
  }
}

/** The bytes that JSON stands for. */
function bytesOf(value) {
  if (typeof value === 'string') return Buffer.from(value);
  if (typeof value?.base64 === 'string') return Buffer.from(value.base64, 'base64');
  return Buffer.from(JSON.stringify(value));
}

/* ------------------------------------------------------------------ consume */

async function consume(given) {
  const settings = { start: given.from, partitions: given.partition, ...(given.follow ? {} : { stopAt: given.stop }) };
  if (given.consumer) Object.assign(settings, { consumerId: given.consumer, offsetStrategy: 'manual' });
  const render = renderer(given);
  await connected(given, async (client) => {
    const consumer = await client.consumer(given.topic.length > 1 ? given.topic : given.topic[0], { ...settings, ...given.settings });
    const progress = new Progress('consume', { total: given.count, show: !process.stdout.isTTY });
    let left = given.count ?? Infinity;
    for await (const batch of consumer.batches()) {
      const count = Math.min(batch.length, left);
      left -= count;
      const records = Array.from({ length: count }, (_, i) => batch.record(i));
      await written(Buffer.concat(records.flatMap(render)));
      progress.add(count, records.reduce((bytes, { value }) => bytes + value.length, 0));
      if (given.consumer) await consumer.commitOffset(batch.partition, batch.offset(count - 1), { topic: batch.topic });
      if (left === 0) break;
    }
    const line = progress.line();
    progress.end();
    if (process.stderr.isTTY && !process.stdout.isTTY) process.stderr.write(`${line}\n`);
  });
}

/** Until the output has taken it. */
function written(bytes) {
  return new Promise((resolve) => {
    process.stdout.write(bytes, () => resolve());
  });
}

const NEWLINE = Buffer.from('\n');

/** What makes a record a list of bytes. */
function renderer({ json, format }) {
  if (json) return (record) => [Buffer.from(`${JSON.stringify(plain(record.toJSON()))}\n`)];
  if (!format) return (record) => [record.value, NEWLINE];
  const parts = format.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const asBytes = (value) => (typeof value === 'string' ? Buffer.from(value) : value);
  return (record) => parts.map((part) => (typeof part === 'function' ? asBytes(part(record)) : part));
}

/* -------------------------------------------------------------------- bench */

async function bench(given) {
  await connected(given, async (client) => {
    const topic = given.topic ?? `bench-${randomBytes(6).toString('hex')}`;
    if (!given.topic) await client.admin.createTopic(topic, { partitions: given.partitions });
    try {
      await measure(client, topic, given);
    } finally {
      if (!given.topic) await client.admin.deleteTopic(topic);
    }
  });
}

async function measure(client, topic, given) {
  const { size, records: total } = given;
  const value = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i & 0xff));
  // Opened first, so that it reads what is written now and nothing older.
  const consumer = await client.consumer(topic, { start: 'end' });
  const producer = await client.producer(topic, given.settings);
  const writing = new Progress('produce', { total });
  const sent = [];
  for (let begin = 0; begin < total; begin += CHUNK) {
    const count = Math.min(CHUNK, total - begin);
    const sending = producer.sendMany(Array(count).fill(value)); // their order does not matter
    sending.catch(() => {}); // it is awaited later
    sent.push(sending);
    writing.add(count, count * size);
    if (sent.length > UNDER_WAY) await sent.shift();
  }
  await Promise.all(sent);
  const written = writing.end();
  const { latencyP50Ms, latencyP99Ms, latencyMaxMs } = await producer.stats();
  await producer.close();
  const reading = new Progress('consume', { total });
  for await (const batch of consumer.batches()) {
    reading.add(batch.length, batch.length * size);
    if (reading.records >= total) break;
  }
  const read = reading.end();
  await consumer.close();
  const results = { produce: { ...written, latencyP50: latencyP50Ms / 1000, latencyP99: latencyP99Ms / 1000, latencyMax: latencyMaxMs / 1000 }, consume: read };
  if (given.json) {
    printJson({ topic, size, ...results });
    return;
  }
  const columns = ['records', 'bytes', 'seconds', 'recordsPerSecond'];
  table(Object.entries(results).map(([name, row]) => [name, ...columns.map((column) => row[column])]), ['', 'records', 'bytes', 'seconds', 'records_per_second']);
  print(`latency of batches: p50 ${latencyP50Ms.toFixed(1)} ms, p99 ${latencyP99Ms.toFixed(1)} ms, max ${latencyMaxMs.toFixed(1)} ms`);
}

module.exports = { bench, connected, consume, produce };
