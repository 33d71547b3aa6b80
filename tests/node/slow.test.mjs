// A slow reader: the library holds little more of a topic than prefetchBytes, however much there is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newTopic, useCluster } from './support.mjs';

const use = useCluster();
const RECORDS = 20_000;
const SIZE = 1000;
const PREFETCH = 1 << 20;
const FRAME = 256 << 10;
const BATCH = 64 << 10; // SPUs cut frames behind a batch

test('a slow loop holds the consumer back: memory stays within prefetchBytes', async () => {
  const topic = await newTopic(use.client, { partitions: 2 });
  const producer = await use.client.producer(topic);
  await producer.sendMany(Array.from({ length: RECORDS }, (_, i) => ({ value: String(i).padEnd(SIZE), partition: i % 2 })));
  for (const read of ['records', 'readable', 'readableStream']) {
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end', prefetchBytes: PREFETCH, maxBytes: FRAME });
    const id = (await use.client.stats()).consumers.at(-1).id;
    let [seen, most] = [0, 0];
    for await (const record of consumer[read]()) {
      assert.equal(record.value.length, SIZE);
      if (++seen % 500 !== 0) continue;
      await new Promise((resolve) => setTimeout(resolve, 1)); // time for more to come
      const counters = (await use.client.stats()).consumers.find((each) => each.id === id);
      most = Math.max(most, counters?.bytesQueued ?? 0); // a stream closes its consumer when that has nothing more
    }
    assert.equal(seen, RECORDS);
    // The credit of a partition is given while there is room, so that its next frame may come above it.
    assert.ok(most > 0 && most <= PREFETCH + 2 * (FRAME + BATCH), `${read}: ${most} bytes were queued`);
    await consumer.close();
  }
});
