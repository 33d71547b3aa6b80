// Where the library's descriptors are sockets that Node cannot take, as on Windows, it looks every few milliseconds.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { newTopic, packageRoot, require, useCluster } from './support.mjs';

describe('without descriptors to watch', () => {
  before(() => {
    require(`${packageRoot}/lib/native.js`).native().duplicate = undefined;
  });
  const use = useCluster({ spus: 2 });

  test('reports and records come', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    const consumer = await use.client.consumer(topic, { start: 'beginning' });
    const records = consumer[Symbol.asyncIterator]();
    for (let number = 0; number < 3; number++) {
      const waiting = records.next();
      assert.equal((await producer.send({ value: `${number}` })).offset, number);
      const { value: record } = await waiting;
      assert.deepEqual([record.offset, record.value.toString()], [number, `${number}`]);
    }
    assert.equal(await consumer.poll({ timeoutMs: 20 }), null);
    await consumer.close();
    await producer.close();
  });
});
