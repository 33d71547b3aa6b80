// Where records go, what producers count, what they refuse, and SmartModules on the way.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedError, InvalidArgumentError, NotFoundError, TooLargeError } from '../../bindings/node/index.mjs';
import { newTopic, readAll, rejection, require, useCluster } from './support.mjs';

describe('options of producers', () => {
  const use = useCluster({ spus: 2 });
  const range = (n) => Array.from({ length: n }, (_, i) => i);

  test('partitioners', async () => {
    const topic = await newTopic(use.client, { partitions: 5 });
    const partitions = async (n, key, options) => {
      const producer = await use.client.producer(topic, options);
      const sent = producer.sendMany(range(n).map(() => ({ key, value: 'x' })));
      await producer.flush();
      const report = await sent;
      await producer.close();
      return [...new Set(report.partitions)].sort();
    };
    assert.equal((await partitions(5, 'key')).length, 1);
    assert.deepEqual(await partitions(5, 'key', { partitioner: 'round_robin' }), range(5));
    assert.deepEqual(await partitions(5000, null, { partitioner: 'sticky', batchSize: 500 }), range(5));
    assert.deepEqual(await partitions(5, 'key', { partition: 0 }), [0]);
    assert.deepEqual(await partitions(5, null, { partition: 4, partitioner: 'fixed' }), [4]);
    for (const [options, message] of [
      [{ partition: 5 }, /partition 5 does not exist: the topic has 5, 0 to 4/],
      [{ partition: -1 }, /partition: -1 is not between/],
      [{ partition: 1, partitioner: 'sticky' }, /partition: is for the partitioner fixed, not for sticky/],
      [{ partitioner: 'random' }, /is not one of siphash, round_robin, sticky, fixed/],
    ]) {
      const error = await rejection(use.client.producer(topic, options));
      assert.ok(error instanceof InvalidArgumentError, String(error));
      assert.match(error.message, message);
    }
  });

  test('sticky keeps a batch together', async () => {
    const topic = await newTopic(use.client, { partitions: 5 });
    const producer = await use.client.producer(topic, { partitioner: 'sticky', lingerMs: 60_000 });
    const sent = producer.sendMany(range(50).map(String));
    await new Promise((resolve) => setImmediate(resolve));
    await producer.flush();
    assert.equal(new Set((await sent).partitions).size, 1);
    await producer.close();
  });

  test('a record that is too large is refused with both numbers', async () => {
    const producer = await use.client.producer(await newTopic(use.client), { maxRequestSize: 10_000 });
    const record = { key: 'k'.repeat(7), value: 'v'.repeat(20_000) };
    for (const send of [() => producer.send(record), () => producer.send({ ...record, partition: 0 }), () => producer.sendMany(['small', record])]) {
      const error = await rejection(send());
      assert.ok(error instanceof TooLargeError, String(error));
      assert.match(error.message, /7 bytes of key and 20000 of value.* leaves room for 9872/);
    }
    await producer.close();
  });

  test('compression against the topic and outside its levels', async () => {
    const topic = await newTopic(use.client, { compression: 'zstd' });
    for (const [options, message] of [
      [{ compression: 'gzip' }, /the topic demands compression zstd, the producer is set to gzip/],
      [{ compression: 'zstd', compressionLevel: 23 }, /compression_level: 23 is not between 0 and 22/],
      [{ compression: 'gzip', compressionLevel: 10 }, /10, want 0 \(default\) or 1 to 9 for gzip/],
    ]) {
      const error = await rejection(use.client.producer(topic, options));
      assert.ok(error instanceof InvalidArgumentError, String(error));
      assert.match(error.message, message);
    }
  });

  test('stats', async () => {
    const topic = await newTopic(use.client, { partitions: 2 });
    const producer = await use.client.producer(topic, { compression: 'lz4', lingerMs: 60_000 });
    const none = await producer.stats();
    assert.deepEqual(Object.keys(none).sort(), [
      'batchFill', 'batches', 'batchesInFlight', 'batchesPerRequest', 'batchesQueued', 'bytesAccepted', 'bytesAcknowledged', 'bytesFailed',
      'bytesInFlight', 'bytesMaybe', 'bytesQueued', 'compressionRatio', 'id', 'latency', 'latencyMaxMs', 'latencyP50Ms', 'latencyP90Ms', 'latencyP99Ms',
      'recordsAccepted', 'recordsAcknowledged', 'recordsFailed', 'recordsInFlight', 'recordsMaybe', 'recordsPerBatch', 'recordsPerRequest',
      'recordsQueued', 'requests', 'requestsInFlight', 'retries', 'topic',
    ]);
    const { id, latency, topic: name, ...counters } = none;
    assert.deepEqual([id > 0, latency.count, name], [true, 0, topic]);
    assert.deepEqual([...new Set(Object.values(counters))], [0]);

    const sent = range(100).map((i) => producer.send({ value: '0123456789', partition: i % 2 }));
    const lost = rejection(producer.send({ value: 'nowhere', partition: 9 }));
    const waiting = await producer.stats();
    assert.equal(waiting.recordsAccepted, 101);
    assert.equal(waiting.recordsQueued + waiting.recordsInFlight + waiting.recordsAcknowledged + waiting.recordsFailed, 101);
    await producer.flush();
    await Promise.all(sent);
    await lost;
    const stats = await producer.stats({ timeoutMs: 30_000 });
    assert.deepEqual(
      [stats.recordsAccepted, stats.recordsAcknowledged, stats.bytesAcknowledged, stats.recordsFailed, stats.bytesFailed, stats.recordsMaybe],
      [101, 100, 1000, 1, 7, 0],
    );
    assert.deepEqual([stats.recordsQueued, stats.recordsInFlight, stats.batchesQueued, stats.requestsInFlight, stats.batches], [0, 0, 0, 0, 2]);
    assert.equal(stats.recordsPerBatch, 50);
    assert.ok(stats.compressionRatio > 2, String(stats.compressionRatio));
    assert.ok(stats.batchFill > 0 && stats.batchFill < 1);
    assert.ok(stats.latencyP50Ms > 0 && stats.latencyP50Ms <= stats.latencyP90Ms && stats.latencyP90Ms <= stats.latencyP99Ms && stats.latencyP99Ms <= stats.latencyMaxMs);
    await producer.close();
    assert.ok((await rejection(producer.stats())) instanceof ClosedError);
  });

  test('SmartModules that are not there', async () => {
    const topic = await newTopic(use.client);
    const smartmodules = [{ name: 'nope', params: { someKey: 'b' } }];
    const producer = await use.client.producer(topic, { smartmodules });
    const consumer = await use.client.consumer(topic, { start: 'beginning', smartmodules });
    for (const act of [() => producer.send('x'), () => consumer.poll()]) {
      const error = await rejection(act());
      assert.ok(error instanceof NotFoundError, String(error));
      assert.deepEqual([error.serverCode, error.details.smartmodule], [6001, 'nope']);
    }
    await producer.close();
    await consumer.close();
    const packed = await use.client.producer(topic, { smartmodules: [{ wasm: new Uint8Array([0, 97, 115, 109]) }] });
    assert.match((await rejection(packed.send('x'))).message, /SmartModuleChainInitError: invalid version header/);
    await packed.close();
    for (const [module, message] of [
      [{}, /smartmodules\[0\]: give one of name, path and wasm/],
      [{ name: 'a', nmae: 'b' }, /smartmodules\[0\].nmae: there is no such setting, did you mean name/],
      [{ path: '/nowhere/x.wasm' }, /\/nowhere\/x.wasm/],
      [{ name: 'a', lookback: { ageMs: 0 } }, /smartmodules\[0\].lookback.age_ms: 0 is not between/],
      [{ name: () => {} }, /smartmodules\[0\].name: a function is not a setting/],
    ]) {
      for (const open of ['producer', 'consumer']) {
        const error = await rejection(use.client[open](topic, { smartmodules: [module] }));
        assert.ok(error instanceof InvalidArgumentError, String(error));
        assert.match(error.message, message);
      }
    }
    assert.equal((await readAll(use.client, topic)).length, 0);
  });
});

describe('misspelt names', () => {
  const use = useCluster();

  test('are errors that say what was meant', async () => {
    const topic = await newTopic(use.client);
    const { client } = use;
    const producer = await client.producer(topic);
    const consumer = await client.consumer(topic);
    for (const [act, message] of [
      [() => client.producer(topic, { timeoutMS: 5 }), /^timeoutMS: there is no such option, did you mean timeoutMs\?/],
      [() => client.producer(topic, { lingerMS: 5, batchSze: 1 }), /batch_sze: there is no such setting, did you mean batch_size\?; lingerMS: there is no such setting, did you mean linger_ms\?/],
      [() => client.consumer(topic, { onevent: () => {} }), /^onevent: there is no such option, did you mean onEvent\?/],
      [() => consumer.poll({ timeout: 5 }), /^timeout: there is no such option, did you mean timeoutMs\?/],
      [() => consumer.pollMany({ maxRecord: 5 }), /^maxRecord: there is no such option, did you mean maxRecords\?/],
      [() => consumer.seek(0, 0, { topci: topic }), /^topci: there is no such option, did you mean topic\?/],
      [async () => consumer.records({ timeoutMs: 5 }), /^timeoutMs: there is no such option/],
      [() => producer.flush({ patience: 5 }), /^patience: there is no such option$/],
      [() => producer.send({ value: 'x', header: [] }), /^header: records have no such field$/],
      [() => producer.send({ valeu: 'x' }), /^valeu: records have no such field, did you mean value\?/],
      [() => producer.sendMany([{ value: 'x', Key: 'k' }]), /^Key: records have no such field, did you mean key\?/],
    ]) {
      const error = await rejection(act());
      assert.ok(error instanceof InvalidArgumentError, String(error));
      assert.match(error.message, message);
    }
    await producer.send({ value: 'x', key: undefined, headers: undefined }, { timeoutMs: undefined, whatever: undefined });
    const [record] = await readAll(client, topic);
    await producer.send(record); // what was read can be sent
    assert.equal((await readAll(client, topic)).length, 2);
    await producer.close();
    await consumer.close();
  });
});

test('objects and bytes as settings', () => {
  const { toJSON } = require('../../bindings/node/lib/settings.js');
  const wasm = Uint8Array.from({ length: 256 }, (_, i) => i);
  const options = {
    maxBytes: 5,
    topics: ['a', 'b'],
    signal: 'left out',
    smartmodules: [
      { name: 'one', params: { someKey: 'b', n: 5 }, lookback: { last: 3, ageMs: 7 }, kind: undefined },
      { wasm: wasm.subarray(1), accumulator: '0' },
      { accumulator: Buffer.from([0, 1]) },
    ],
  };
  assert.deepEqual(JSON.parse(toJSON(options, new Set(['signal', 'name']))), {
    max_bytes: 5,
    topics: ['a', 'b'],
    smartmodules: [
      { name: 'one', params: { someKey: 'b', n: 5 }, lookback: { last: 3, age_ms: 7 } },
      { wasm: { base64: Buffer.from(wasm.subarray(1)).toString('base64') }, accumulator: '0' },
      { accumulator: { base64: 'AAE=' } },
    ],
  });
});

test('records that were stored without known offsets', () => {
  const { Book } = require('../../bindings/node/lib/delivery.js');
  const book = new Book(null, 'topic', { busy: () => {}, idle: () => {} });
  const settled = [];
  const waiter = { settle: (number, topic, partition, offset) => settled.push([number, topic, partition, offset]) };
  for (let i = 0; i < 3; i++) book.register(waiter);
  book.deliver({ status: 0, count: 3, opaques: new Uint32Array([0, 0, 1, 0, 2, 0]), baseOffset: -1, partition: 4, latencyMs: 1 });
  assert.deepEqual(settled, [[0, 'topic', 4, -1], [1, 'topic', 4, -1], [2, 'topic', 4, -1]]);
});
