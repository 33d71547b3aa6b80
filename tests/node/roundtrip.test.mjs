// What is sent comes back, byte for byte, with its key, partition, offset and time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Batch, Record } from '../../bindings/node/index.mjs';
import { fill, newTopic, readAll, useCluster } from './support.mjs';

describe('round trips', () => {
  const use = useCluster({ spus: 2 });

  test('keys and values of every kind', async () => {
    const topic = await newTopic(use.client);
    const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
    const large = Buffer.alloc(300_000, 'abcdefg');
    const words = new Uint16Array([1, 258]);
    const records = [
      { input: { value: 'plain' }, key: null, value: Buffer.from('plain') },
      { input: 'only a value', key: null, value: Buffer.from('only a value') },
      { input: Buffer.from([0, 1]), key: null, value: Buffer.from([0, 1]) },
      { input: { key: 'k', value: 'keyed' }, key: Buffer.from('k'), value: Buffer.from('keyed') },
      { input: { key: null, value: 'null key' }, key: null, value: Buffer.from('null key') },
      { input: { key: undefined, value: 'no key' }, key: null, value: Buffer.from('no key') },
      { input: { key: '', value: 'empty key' }, key: Buffer.alloc(0), value: Buffer.from('empty key') },
      { input: { key: new Uint8Array(0), value: 'empty key' }, key: Buffer.alloc(0), value: Buffer.from('empty key') },
      { input: { key: 'empty value', value: '' }, key: Buffer.from('empty value'), value: Buffer.alloc(0) },
      { input: { value: new Uint8Array(0) }, key: null, value: Buffer.alloc(0) },
      { input: { key: everyByte, value: Buffer.from(everyByte) }, key: Buffer.from(everyByte), value: Buffer.from(everyByte) },
      { input: { key: 'ключ 🔑', value: 'Ångström 漢字 🦀 \u0000 z' }, key: Buffer.from('ключ 🔑'), value: Buffer.from('Ångström 漢字 🦀 \u0000 z') },
      { input: { value: large }, key: null, value: large },
      { input: { key: 'x', value: '漢'.repeat(100_000) }, key: Buffer.from('x'), value: Buffer.from('漢'.repeat(100_000)) },
      { input: { value: everyByte.subarray(10, 20) }, key: null, value: Buffer.from(everyByte.subarray(10, 20)) },
      { input: { value: words }, key: null, value: Buffer.from(words.buffer) },
      { input: { value: words.buffer }, key: null, value: Buffer.from(words.buffer) },
    ];
    const producer = await use.client.producer(topic);
    const reports = await Promise.all(records.map(({ input }) => producer.send(input)));
    const report = await producer.sendMany(records.map(({ input }) => input));
    await producer.close();
    assert.deepEqual(reports.map((one) => one.offset), records.map((_, i) => i));
    assert.deepEqual([...report.offsets], records.map((_, i) => records.length + i));

    const read = await readAll(use.client, topic);
    const expected = [...records, ...records];
    assert.equal(read.length, expected.length);
    for (const [i, record] of read.entries()) {
      assert.ok(record instanceof Record);
      assert.equal(record.topic, topic);
      assert.equal(record.partition, 0);
      assert.equal(record.offset, i);
      assert.ok(Buffer.isBuffer(record.value));
      assert.deepEqual(record.key, expected[i].key, `key ${i}`);
      assert.ok(record.value.equals(expected[i].value), `value ${i}`);
    }
  });

  test('bytes are copied before send returns', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    const bytes = Buffer.alloc(8);
    const sent = [];
    for (let i = 0; i < 200; i++) {
      bytes.fill(i);
      sent.push(producer.send({ key: bytes, value: bytes }));
    }
    bytes.fill(0xee);
    await Promise.all(sent);
    await producer.close();
    const read = await readAll(use.client, topic);
    assert.deepEqual(read.map((record) => [record.key[0], record.value[7]]), Array.from({ length: 200 }, (_, i) => [i, i]));
  });

  test('timestamps', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    const before = Date.now();
    await producer.send({ value: 'now' });
    const after = Date.now();
    await producer.send({ value: 'number', timestamp: 1234567890123 });
    await producer.send({ value: 'date', timestamp: new Date(86_400_000) });
    await producer.close();
    const [now, number, date] = (await readAll(use.client, topic)).map((record) => record.timestamp);
    assert.ok(now >= before && now <= after, `${now} is not between ${before} and ${after}`);
    assert.deepEqual([number, date], [1234567890123, 86_400_000]);
  });

  test('partitions: chosen, by key, and spread; all of them are read', async () => {
    const topic = await newTopic(use.client, { partitions: 4 });
    const producer = await use.client.producer(topic);
    for (let partition = 0; partition < 4; partition++) {
      const report = await producer.send({ value: `chosen ${partition}`, partition });
      assert.equal(report.partition, partition);
      assert.equal(report.topic, topic);
    }
    const keyed = await Promise.all(Array.from({ length: 50 }, () => producer.send({ key: 'same', value: 'keyed' })));
    assert.equal(new Set(keyed.map((report) => report.partition)).size, 1);
    const spread = [];
    for (let i = 0; i < 40; i++) spread.push(await producer.send('spread'));
    assert.equal(new Set(spread.map((report) => report.partition)).size, 4);
    await producer.close();

    const read = await readAll(use.client, topic);
    assert.equal(read.length, 94);
    assert.deepEqual([...new Set(read.map((record) => record.partition))].sort(), [0, 1, 2, 3]);
    const two = await readAll(use.client, topic, { partitions: [2] });
    assert.deepEqual(new Set(two.map((record) => record.partition)), new Set([2]));
    assert.equal(two.length, read.filter((record) => record.partition === 2).length);
  });

  test('many records, each at the place its report names, in order', async () => {
    const topic = await newTopic(use.client, { partitions: 3 });
    const count = 50_000;
    const producer = await use.client.producer(topic);
    const single = Array.from({ length: 5000 }, (_, i) => producer.send({ key: i % 3 ? `key ${i}` : null, value: `single ${i}` }));
    const report = await producer.sendMany(
      (function* generate() {
        for (let i = 0; i < count; i++) yield { key: i % 2 ? `key ${i}` : null, value: `many ${i}` };
      })(),
    );
    const reports = await Promise.all(single);
    await producer.close();
    assert.equal(report.length, count);
    assert.equal(report.failed, 0);

    const stored = new Map();
    const last = [-1, -1, -1];
    for (const record of await readAll(use.client, topic)) {
      assert.ok(record.offset > last[record.partition], 'offsets rise');
      last[record.partition] = record.offset;
      stored.set(`${record.partition}/${record.offset}`, record);
    }
    assert.equal(stored.size, count + single.length);
    for (const [i, { partition, offset }] of reports.entries()) {
      const record = stored.get(`${partition}/${offset}`);
      assert.equal(record.value.toString(), `single ${i}`);
      assert.equal(record.key?.toString(), i % 3 ? `key ${i}` : undefined);
    }
    let i = 0;
    const order = [-1, -1, -1];
    for (const { partition, offset } of report) {
      assert.equal(stored.get(`${partition}/${offset}`).value.toString(), `many ${i++}`);
      assert.ok(offset > order[partition], 'records of a partition keep their order');
      order[partition] = offset;
    }
    assert.equal(i, count);
  });

  test('every compression, and what it holds', async () => {
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const topic = await newTopic(use.client);
      const producer = await use.client.producer(topic, { compression, lingerMs: 5 });
      await producer.sendMany(Array.from({ length: 500 }, (_, i) => `${compression} ${i} ${'z'.repeat(50)}`));
      await producer.close();
      const read = await readAll(use.client, topic);
      assert.deepEqual(read.map((record) => record.value.toString()), Array.from({ length: 500 }, (_, i) => `${compression} ${i} ${'z'.repeat(50)}`));
    }
  });

  test('batches say what their records say', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, Array.from({ length: 1000 }, (_, i) => ({ key: i % 2 ? 'odd' : null, value: `v${i}` })));
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end' });
    let n = 0;
    for await (const batch of consumer.batches()) {
      assert.ok(batch instanceof Batch);
      assert.equal(batch.topic, topic);
      assert.equal(batch.partition, 0);
      assert.equal(batch.highWatermark, 1000);
      assert.equal([...batch].length, batch.length);
      for (let i = 0; i < batch.length; i++, n++) {
        const record = batch.record(i);
        assert.deepEqual(
          [batch.offset(i), batch.key(i)?.toString() ?? null, batch.value(i).toString(), batch.timestamp(i)],
          [n, n % 2 ? 'odd' : null, `v${n}`, record.timestamp],
        );
        assert.deepEqual(record.toJSON(), { topic, partition: 0, offset: n, timestamp: batch.timestamp(i), key: batch.key(i), value: batch.value(i) });
      }
      for (const i of [-1, batch.length, 0.5, undefined]) assert.throws(() => batch.record(i), { name: 'InvalidArgumentError' });
    }
    assert.equal(n, 1000);
    assert.equal(consumer.ended, true);
    await consumer.close();
  });

  test('records stay readable after everything is closed', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, Array.from({ length: 2000 }, (_, i) => ({ key: `k${i}`, value: `value ${i}` })));
    const read = await readAll(use.client, topic);
    globalThis.gc?.();
    assert.deepEqual(read.map((record) => `${record.key} ${record.value}`), Array.from({ length: 2000 }, (_, i) => `k${i} value ${i}`));
  });
});

describe('topics', () => {
  const use = useCluster();

  test('are created with their settings, listed by name, and deleted', async () => {
    await use.client.admin.createTopic('b-topic', { partitions: 3, retentionSeconds: 3600, segmentSize: 65536, maxPartitionSize: 1048576, compression: 'zstd' });
    await use.client.admin.createTopic('a-topic');
    await use.client.admin.createTopic('never', { dryRun: true });
    const common = { replication: 1, status: 'provisioned', reason: '', isSystem: false, ignoreRack: false, assignment: [], deduplication: null, mirror: null };
    const topics = await use.client.admin.topics();
    assert.deepEqual(topics.map((topic) => topic.replicas.length), [1, 3]); // where they are is not told beforehand
    assert.deepEqual(topics.map(({ replicas, ...topic }) => topic), [
      { ...common, name: 'a-topic', partitions: 1, compression: 'any', retentionSeconds: 0, segmentSize: 0, maxPartitionSize: 0 },
      { ...common, name: 'b-topic', partitions: 3, compression: 'zstd', retentionSeconds: 3600, segmentSize: 65536, maxPartitionSize: 1048576 },
    ]);
    await use.client.admin.deleteTopic('a-topic');
    assert.deepEqual((await use.client.admin.topics()).map((topic) => topic.name), ['b-topic']);
  });

  test('the client knows its cluster', () => {
    assert.match(use.client.platformVersion, /^\d+\.\d+\.\d+/);
    assert.equal(use.client.closed, false);
  });
});
