// Seek, pause, drain, positions, limits, events, patterns, groups, times and stores.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ClosedError, EndError, InvalidArgumentError, InvalidStateError, NotFoundError } from '../../bindings/node/index.mjs';
import { PATIENCE_MS, newTopic, rejection, temporaryFolder, useCluster } from './support.mjs';

const use = useCluster();
const ALL = { start: 'beginning', stopAt: 'end' };
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const offsetsOf = (records, partition) => records.filter((each) => each.partition === partition).map((each) => each.offset);

/** A topic of two partitions with 100 records in each. */
async function numbers() {
  const topic = await newTopic(use.client, { partitions: 2 });
  const producer = await use.client.producer(topic);
  await producer.sendMany([0, 1].flatMap((partition) => range(0, 100).map((i) => ({ value: String(i), partition }))));
  await producer.close();
  return topic;
}

async function collect(consumer) {
  const records = [];
  for await (const record of consumer) records.push(record);
  return records;
}

test('seek goes on elsewhere, inside a loop and after the end', async () => {
  const consumer = await use.client.consumer(await numbers(), ALL);
  const seen = [];
  for await (const record of consumer) {
    seen.push(record);
    if (seen.length === 5) await consumer.seek(record.partition, 90);
  }
  const { partition } = seen[0];
  assert.deepEqual(offsetsOf(seen, 1 - partition), range(0, 100));
  assert.deepEqual(offsetsOf(seen, partition), [...range(0, 5), ...range(90, 100)]);
  await consumer.seek(0, 'end-3');
  assert.deepEqual(offsetsOf(await collect(consumer), 0), [97, 98, 99]);
  await consumer.seek(1, new Date(Date.now() - 3600_000));
  assert.equal((await collect(consumer)).length, 100);
  await assert.rejects(consumer.seek(2, 0), InvalidArgumentError);
  await assert.rejects(consumer.seek(0, 'yesterday'), InvalidArgumentError);
  await assert.rejects(consumer.seek(0, 0, { topic: 'other' }), InvalidArgumentError);
  await consumer.seek(0, 95);
  const [first] = await consumer.pollMany({ maxRecords: 1 });
  await assert.rejects(consumer.seek(0, 'end+1'), InvalidArgumentError);
  assert.deepEqual([first.offset, ...offsetsOf(await collect(consumer), 0)], range(95, 100), 'what fails changes nothing');
  await consumer.close();
});

test('seek is heard by a poll that waits', async () => {
  const consumer = await use.client.consumer(await numbers(), { start: 'end' });
  const limits = { maxRecords: 10, timeoutMs: PATIENCE_MS };
  const iterator = consumer.records();
  for (const wait of [
    async () => [...(await consumer.poll(PATIENCE_MS))],
    () => consumer.pollMany(limits),
    async () => [(await iterator.next()).value, ...(await consumer.pollMany({ ...limits, maxRecords: 9 }))],
  ]) {
    let waits = true;
    const waiting = wait().finally(() => (waits = false));
    assert.equal(await consumer.offsetFor(0, 'end'), 100);
    await assert.rejects(consumer.seek(0, 'end+1'), InvalidArgumentError);
    assert.ok(waits, 'there is nothing to read, and a change that failed is no end of the wait');
    await consumer.seek(0, 90);
    assert.deepEqual(offsetsOf(await waiting, 0), range(90, 100));
    assert.deepEqual((await consumer.positions()).map((each) => each.position), [100, 100]);
  }
  await consumer.close();
});

test('a paused partition gives nothing and misses nothing', async () => {
  const consumer = await use.client.consumer(await numbers(), ALL);
  const [first] = await consumer.pollMany({ maxRecords: 1, timeoutMs: PATIENCE_MS });
  const paused = first.partition;
  const at = async (partition) => (await consumer.positions()).find((each) => each.partition === partition);
  let mine = await at(paused);
  assert.deepEqual([mine.position, mine.lag, mine.highWatermark, mine.committed, mine.paused], [1, 99, 100, null, false]);
  await consumer.pause(paused);
  const rest = await consumer.pollMany({ maxRecords: 100, timeoutMs: PATIENCE_MS });
  assert.deepEqual(offsetsOf(rest, 1 - paused), range(0, 100));
  assert.equal(await consumer.poll(20), null);
  mine = await at(paused);
  assert.deepEqual([mine.position, mine.paused, (await at(1 - paused)).lag], [1, true, 0]);
  await consumer.resume(paused);
  assert.deepEqual(offsetsOf(await collect(consumer), paused), range(1, 100));
  await consumer.close();
});

test('pollMany keeps its limits', async () => {
  const topic = await newTopic(use.client);
  const producer = await use.client.producer(topic);
  await producer.sendMany(range(0, 100).map((i) => ({ key: 'k', value: String(i).padStart(4, '0') })));
  await producer.close();
  const consumer = await use.client.consumer(topic, ALL);
  const count = async (options) => (await consumer.pollMany({ timeoutMs: PATIENCE_MS, ...options })).length;
  assert.equal(await count({ maxRecords: 7 }), 7);
  assert.equal(await count({ maxBytes: 24 }), 4);
  assert.equal(await count({ maxBytes: 1 }), 1);
  assert.equal((await consumer.positions())[0].position, 12);
  assert.equal(await count({}), 88);
  await assert.rejects(consumer.pollMany(), (error) => error instanceof EndError && error.endReason === 'reached');
  assert.deepEqual([consumer.endReason, consumer.ended], ['reached', true]);
  await consumer.seek(0, 'end-2');
  assert.equal(await count({ maxRecords: 2 }), 2);
  assert.deepEqual([consumer.endReason, consumer.ended], [null, false], 'it went on elsewhere');
  await assert.rejects(consumer.pollMany({ maxRecords: 0 }), InvalidArgumentError);
  await consumer.close();
  const idle = await use.client.consumer(topic);
  assert.deepEqual(await idle.pollMany({ timeoutMs: 5 }), []);
  assert.equal(idle.endReason, null);
  for (const maxBytes of [10, 1]) { // nothing more is waited for
    await idle.seek(0, maxBytes === 10 ? 'end-2' : 'end-1');
    assert.equal((await idle.pollMany({ maxBytes })).length, Math.ceil(maxBytes / 5));
  }
  await idle.close();
  assert.equal(idle.endReason, 'closed');
});

test('offsetFor asks the cluster', async () => {
  const topic = await numbers();
  const consumer = await use.client.consumer(topic);
  for (const [position, offset] of [['beginning', 0], ['end', 100], ['end-3', 97], [17, 17], [new Date(1000), 0], [new Date(4e12), 100]]) {
    assert.equal(await consumer.offsetFor(1, position, { topic }), offset);
  }
  await assert.rejects(consumer.offsetFor(2, 'end'), InvalidArgumentError);
  await assert.rejects(consumer.offsetFor(0, 'middle'), InvalidArgumentError);
  await consumer.close();
  await assert.rejects(consumer.offsetFor(0, 'end'), ClosedError);
});

test('a change that waits for another ends when the consumer is closed', async () => {
  const consumer = await use.client.consumer(await numbers());
  const [, seek, close] = await Promise.allSettled([consumer.pause(0), consumer.seek(0, 0), consumer.close()]);
  assert.ok(seek.reason instanceof ClosedError, String(seek.reason));
  assert.match(seek.reason.message, /^seek: /);
  assert.equal(close.status, 'fulfilled');
});

test('the end of a deleted topic says so', async () => {
  const topic = await newTopic(use.client);
  const consumer = await use.client.consumer(topic);
  await use.client.admin.deleteTopic(topic);
  await assert.rejects(consumer.poll(PATIENCE_MS), (error) => error instanceof NotFoundError && error.endReason === null);
  await assert.rejects(consumer.poll(PATIENCE_MS), (error) => error.fatal && error.endReason === 'topic_deleted');
  await consumer.close();
  assert.equal(consumer.endReason, 'topic_deleted');
});

test('a drained consumer ends', async () => {
  const consumer = await use.client.consumer(await numbers(), { start: 'beginning' });
  assert.notEqual(await consumer.poll(), null);
  await consumer.drain();
  assert.ok((await collect(consumer)).length < 200);
  assert.equal(consumer.endReason, 'drained');
  await assert.rejects(consumer.poll(), (error) => error instanceof EndError && /drained/.test(error.message));
  await assert.rejects(consumer.seek(0, 0), InvalidStateError);
  await consumer.close();
});

test('events tell what happened', async (t) => {
  const topic = await numbers();
  const alive = setInterval(() => {}, 1000); // waiting for events alone does not keep a process alive
  t.after(() => clearInterval(alive));
  const events = [];
  let heard;
  const reset = new Promise((resolve) => (heard = resolve));
  const options = { partitions: [1], start: 500, offsetReset: 'earliest' };
  const onEvent = (event) => {
    events.push(event);
    if (event.kind === 'offset_reset') heard(event);
  };
  const consumer = await use.client.consumer(topic, { ...options, onEvent });
  const { topic: where, partition, offset, next, error, dropped } = await reset;
  assert.deepEqual([where, partition, offset, next, dropped], [topic, 1, 500, 0, 0]);
  assert.ok(error instanceof Error);
  assert.equal(events[0].kind, 'assigned');
  assert.notEqual(await consumer.poll(), null);
  await consumer.close();

  await assert.rejects(use.client.consumer(topic, { onEvent: 'print' }), InvalidArgumentError);
});

test('a stored offset behind the end is an error that says what to do', async (t) => {
  const topic = await numbers();
  const folder = temporaryFolder(t);
  fs.mkdirSync(path.join(folder, 'me', topic), { recursive: true });
  fs.writeFileSync(path.join(folder, 'me', topic, '1.json'), '{"offset": 900, "modified": 1}');
  const store = { offsetStore: 'file', offsetStorePath: folder, consumerId: 'me', offsetStrategy: 'manual' };
  const consumer = await use.client.consumer(topic, { start: 'beginning', partitions: [1], ...store });
  const error = await rejection(consumer.poll());
  const { topic: where, partition, offset, setting } = error.details;
  assert.deepEqual([error.name, where, partition, offset, setting], ['OffsetEvictedError', topic, '1', '901', 'offset_reset']);
  for (const text of [`${topic}/1`, 'the stored offset 900', 'the end of the partition, 100', 'set offset_reset to earliest or latest']) {
    assert.ok(error.message.includes(text), error.message);
  }
  await consumer.close();
});

test('patterns and static groups', async () => {
  const base = await newTopic(use.client);
  const want = [];
  for (const name of [`${base}-a`, `${base}-b`]) {
    await use.client.admin.createTopic(name, { partitions: 2 });
    const producer = await use.client.producer(name);
    for (const partition of [0, 1]) {
      await producer.send({ value: `${name}/${partition}`, partition });
      want.push(`${name}/${partition}`);
    }
    await producer.close();
  }
  const found = [];
  for (const groupMember of [0, 1]) {
    const consumer = await use.client.consumer(`^${base}-.*`, { ...ALL, groupSize: 2, groupMember });
    const mine = await collect(consumer);
    assert.equal(mine.length, 2);
    found.push(...mine.map((each) => each.value.toString()));
    await assert.rejects(consumer.seek(0, 0), /say which one/);
    await consumer.close();
  }
  assert.deepEqual(found.sort(), want);
});

test('times, stores and resets', async (t) => {
  const topic = await numbers();
  const past = new Date(Date.now() - 3600_000);
  const young = await use.client.consumer(topic, { start: past, stopAt: 'end' });
  assert.equal((await collect(young)).length, 200);
  await young.close();
  const old = await use.client.consumer(topic, { start: 'beginning', stopAt: past });
  assert.equal((await collect(old)).length, 0);
  await old.close();

  const offsetStorePath = temporaryFolder(t);
  for (const store of [{ offsetStore: 'file', offsetStorePath }, { offsetStore: 'memory' }]) {
    const named = { consumerId: 'me', offsetStrategy: 'manual', partitions: [0], start: 'beginning', ...store };
    const consumer = await use.client.consumer(topic, named);
    await consumer.pollMany({ maxRecords: 30, timeoutMs: PATIENCE_MS });
    await consumer.commit();
    assert.equal((await consumer.positions())[0].committed, 29);
    await consumer.close();
    const again = await use.client.consumer(topic, named);
    assert.equal((await again.pollMany({ maxRecords: 1 }))[0].offset, 30);
    await again.close();
  }

  await use.client.admin.resetConsumerOffset('node', topic, 1, 40);
  const named = await use.client.consumer(topic, { consumerId: 'node', partitions: [1] });
  assert.equal((await named.pollMany({ maxRecords: 1 }))[0].offset, 40);
  await named.close();
  await assert.rejects(use.client.admin.resetConsumerOffset('node', topic, 2, 'end'), NotFoundError);
});

test('an offset store of the application', async () => {
  const topic = await numbers();
  const kept = new Map();
  let failure = null;
  const offsetStore = {
    load: (consumerId) => [...kept.values()].filter((each) => each.consumerId === consumerId),
    async save(consumerId, offsets) {
      if (failure) throw failure;
      for (const each of offsets) kept.set(`${consumerId} ${each.topic} ${each.partition}`, each);
    },
  };
  const named = { consumerId: 'me', partitions: [0], start: 'beginning', offsetStrategy: 'manual', offsetStore };
  const consumer = await use.client.consumer(topic, named);
  await consumer.pollMany({ maxRecords: 30, timeoutMs: PATIENCE_MS });
  await consumer.commit();
  assert.equal(kept.get(`me ${topic} 0`).offset, 29);
  await consumer.pollMany({ maxRecords: 1 });
  failure = new Error('the shelf is full');
  await assert.rejects(consumer.commit(), (error) => error instanceof InvalidStateError && /the shelf is full/.test(error.message));
  failure = null;
  await consumer.close();
  const again = await use.client.consumer(topic, { ...named, offsetStrategy: 'auto', stopAt: 'end' });
  assert.deepEqual(offsetsOf(await collect(again), 0), range(30, 100));
  await again.close();
  assert.equal(kept.get(`me ${topic} 0`).offset, 99);
  await assert.rejects(use.client.consumer(topic, { consumerId: 'me', offsetStore: {} }), InvalidArgumentError);
});
