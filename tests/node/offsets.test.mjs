// Named consumers: what is stored is what the application has seen, and reading goes on behind it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ClosedError, InvalidArgumentError, InvalidStateError, TimeoutError, connect } from '../../bindings/node/index.mjs';
import { fill, newTopic, rejection, stopSpus, useCluster } from './support.mjs';

const numbers = (count) => Array.from({ length: count }, (_, i) => String(i));
const manual = { start: 'beginning', consumerId: 'me', offsetStrategy: 'manual' };
const auto = { ...manual, offsetStrategy: 'auto' };

describe('offsets', () => {
  const use = useCluster({ spus: 2 });

  /** What is stored for "me", by partition. */
  async function stored(topic) {
    const rows = (await use.client.admin.consumerOffsets()).filter((row) => row.topic === topic && row.consumerId === 'me');
    for (const { modified } of rows) assert.ok(Math.abs(modified - Date.now()) < 3_600_000);
    return Object.fromEntries(rows.map(({ partition, offset }) => [partition, offset]));
  }

  test('a commit inside a batch stores the record that the loop is at', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(3000));
    const consumer = await use.client.consumer(topic, manual);
    await consumer.commit();
    assert.deepEqual(await stored(topic), {});
    for await (const { offset } of consumer) {
      if ([0, 1, 1500].includes(offset)) {
        await consumer.commit({ timeoutMs: 30_000 });
        assert.deepEqual(await stored(topic), { 0: offset });
      }
      if (offset === 1500) break;
    }
    const rest = await consumer.poll();
    assert.equal(rest.offset(0), 1501);
    await consumer.commit();
    assert.deepEqual(await stored(topic), { 0: rest.offset(rest.length - 1) });
    await consumer.commitOffset(0, 1600);
    await consumer.close();

    const next = await use.client.consumer(topic, { ...manual, start: 'end', stopAt: 'end' });
    const seen = [];
    for await (const { offset } of next) seen.push(offset);
    assert.deepEqual(seen, Array.from({ length: 1399 }, (_, i) => 1601 + i));
    await next.commit();
    assert.deepEqual(await stored(topic), { 0: 2999 });
    await next.close();
  });

  test('several topics and partitions', async () => {
    const topics = [await newTopic(use.client, { partitions: 3 }), await newTopic(use.client, { partitions: 2 })];
    for (const topic of topics) {
      await fill(use.client, topic, numbers(600).map((value, i) => ({ value, partition: i % 2 })));
    }
    const consumer = await use.client.consumer(topics, manual);
    const last = { [topics[0]]: {}, [topics[1]]: {} };
    let count = 0;
    for await (const { topic, partition, offset } of consumer) {
      last[topic][partition] = offset;
      if (++count === 1000) break;
    }
    await consumer.commit();
    for (const topic of topics) assert.deepEqual(await stored(topic), last[topic]);
    assert.ok((await rejection(consumer.commitOffset(0, 0))) instanceof InvalidArgumentError);
    await consumer.commitOffset(0, 0, { topic: topics[1] });
    assert.equal((await stored(topics[1]))[0], 0);
    await consumer.close();
  });

  test('a chosen offset is checked', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(10));
    const consumer = await use.client.consumer(topic, manual);
    assert.match((await rejection(consumer.commitOffset(0, 0))).message, /no record was handed out yet/);
    const iterator = consumer.records();
    assert.equal((await iterator.next()).value.offset, 0);
    for (const [partition, offset] of [[0, 1], [0, -1], [1, 0], [0, 2n ** 70n], [0, 0.5], ['0', 0], [0, '0'], [0, undefined]]) {
      assert.ok((await rejection(consumer.commitOffset(partition, offset))) instanceof InvalidArgumentError, `${partition} ${offset}`);
    }
    assert.ok((await rejection(consumer.commitOffset(0, 0, { topic: 'another' }))) instanceof InvalidArgumentError);
    assert.deepEqual(await stored(topic), {});
    await consumer.commitOffset(0, 0n);
    assert.deepEqual(await stored(topic), { 0: 0 });
    await consumer.close();
    assert.ok((await rejection(consumer.commit())) instanceof ClosedError);
    assert.ok((await rejection(consumer.commitOffset(0, 0))) instanceof ClosedError);
  });

  test('commits keep their order', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(100));
    const consumer = await use.client.consumer(topic, manual);
    for (let turn = 0; turn < 30; turn++) {
      for (let seen = 0; seen < 100; ) seen += (await consumer.poll()).length;
      const latest = (turn * 7) % 99;
      await Promise.all([consumer.commit(), ...[97, 3, turn, 98, latest].map((offset) => consumer.commitOffset(0, offset))]);
      assert.deepEqual(await stored(topic), { 0: latest });
      await Promise.all([consumer.commit(), consumer.seek(0, 0)]);
      assert.equal((await consumer.positions())[0].position, 0, 'a commit beside a seek does not undo it');
    }
    await consumer.close();
  });

  test('a topic of a pattern that is deleted does not keep the others from being committed', async () => {
    const name = `offsets-pattern-${process.pid}`;
    const [doomed, kept] = [`${name}-doomed`, `${name}-kept`];
    for (const topic of [doomed, kept]) await use.client.admin.createTopic(topic);
    const consumer = await use.client.consumer(`^${name}.*`, manual);
    const fillAndRead = async (topics, count) => {
      for (const topic of topics) await fill(use.client, topic, numbers(count));
      for (let seen = 0; seen < count * topics.length; ) seen += (await consumer.poll()).length;
      await consumer.commit();
      for (const topic of topics) assert.deepEqual(await stored(topic), { 0: count - 1 });
    };
    const awaitTopics = async (...topics) => {
      while ((await consumer.positions()).map(({ topic }) => topic).sort().join() !== topics.join()) await setTimeout(10);
    };
    await fillAndRead([doomed, kept], 10);
    await use.client.admin.deleteTopic(doomed);
    await awaitTopics(kept);
    await consumer.commit();
    await use.client.admin.createTopic(doomed);
    await awaitTopics(doomed, kept);
    await consumer.commit();
    assert.deepEqual([await stored(doomed), await stored(kept)], [{}, { 0: 9 }]);
    await fillAndRead([doomed], 5);
    await consumer.close();
  });

  test('strategies', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(10));
    for (const offsetStrategy of [undefined, 'none']) {
      const consumer = await use.client.consumer(topic, { ...manual, offsetStrategy });
      assert.equal((await consumer.poll()).offset(0), 0);
      assert.ok((await rejection(consumer.commit())) instanceof InvalidStateError);
      assert.ok((await rejection(consumer.commitOffset(0, 0))) instanceof InvalidStateError);
      await consumer.close();
    }
    assert.match((await rejection(use.client.consumer(topic, { offsetStrategy: 'auto' }))).message, /consumer_id: is needed/);
    assert.deepEqual(await stored(topic), {});
  });

  test('auto', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(10));
    let consumer = await use.client.consumer(topic, auto);
    for await (const { offset } of consumer) if (offset === 9) break;
    await consumer.close();
    assert.deepEqual(await stored(topic), {}, 'the application never came back for more than this batch');

    consumer = await use.client.consumer(topic, { ...auto, stopAt: 'end' });
    let count = 0;
    for await (const batch of consumer.batches()) count += batch.length;
    assert.equal(count, 10);
    await consumer.close();
    assert.deepEqual(await stored(topic), { 0: 9 });

    await fill(use.client, topic, numbers(10));
    consumer = await use.client.consumer(topic, { ...auto, offsetFlushMs: 5 });
    for (count = 0; count < 10; ) count += (await consumer.poll()).length;
    assert.equal(await consumer.poll(0), null);
    while ((await stored(topic))[0] !== 19) assert.ok((await stored(topic))[0] < 20);
    await consumer.close();
  });

  test('offsets are deleted', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(3));
    const consumer = await use.client.consumer(topic, manual);
    assert.equal((await consumer.records().next()).value.offset, 0);
    await consumer.commit();
    await use.client.admin.deleteConsumerOffset('another', topic, 0);
    assert.deepEqual(await stored(topic), { 0: 0 });
    await use.client.admin.deleteConsumerOffset('me', topic, 0);
    await use.client.admin.deleteConsumerOffset('me', topic, 0);
    assert.deepEqual(await stored(topic), {});
    for (const [id, partition] of [['', 0], ['me', -1], ['me', 0.5], [5, 0]]) {
      assert.ok((await rejection(use.client.admin.deleteConsumerOffset(id, topic, partition))) instanceof InvalidArgumentError);
    }
    await consumer.close();
  });

  test('a commit waits for SPUs that are away, up to its deadline', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(3));
    const client = await connect(use.cluster.endpoint);
    const consumer = await client.consumer(topic, manual);
    assert.equal((await consumer.records().next()).value.offset, 0);
    const start = await stopSpus(use.cluster);
    const error = await rejection(consumer.commit({ timeoutMs: 200 }));
    assert.ok(error instanceof TimeoutError, String(error));
    assert.match(error.message, new RegExp(`${topic}/0`));
    const commit = consumer.commit();
    await start();
    await commit;
    assert.deepEqual(await stored(topic), { 0: 0 });
    await client.close();
  });
});
