// Where consumers begin and end, how waits end, and that nothing is lost or read twice.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CancelledError, ClosedError, EndError, OffsetEvictedError, connect } from '../../bindings/node/index.mjs';
import { fill, newTopic, readAll, rejection, useCluster } from './support.mjs';

const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => String(from + i));

/** Takes n records, and leaves the consumer open. */
async function take(consumer, n) {
  const values = [];
  for await (const record of consumer) {
    values.push(record.value.toString());
    if (values.length === n) break;
  }
  return values;
}

describe('consumers', () => {
  const use = useCluster();

  test('start positions', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(0, 100));
    const first = async (start) => Number((await readAll(use.client, topic, { start }))[0].value);
    assert.equal(await first('beginning'), 0);
    assert.equal(await first('beginning+7'), 7);
    assert.equal(await first('end-3'), 97);
    assert.equal(await first('end-1000'), 0);
    assert.equal(await first(42), 42);
    assert.equal(await first(42n), 42);
    assert.equal(await first('42'), 42);
  });

  test('end is where the consumer starts when nothing is said', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, ['before']);
    const consumer = await use.client.consumer(topic);
    assert.equal(await consumer.poll(0), null);
    await fill(use.client, topic, ['after']);
    assert.deepEqual(await take(consumer, 1), ['after']);
    await consumer.close();
  });

  test('stop positions', async () => {
    const topic = await newTopic(use.client, { partitions: 2 });
    await fill(use.client, topic, numbers(0, 100).map((value, i) => ({ value, partition: i % 2 })));
    assert.equal((await readAll(use.client, topic, { stopAt: 10 })).length, 20);
    assert.equal((await readAll(use.client, topic, { stopAt: 'end' })).length, 100);
  });

  test('the end of an empty topic is its beginning', async () => {
    const topic = await newTopic(use.client, { partitions: 3 });
    assert.deepEqual(await readAll(use.client, topic), []);
  });

  test('a poll of an empty topic ends at its deadline, and is woken by the first record', async () => {
    const topic = await newTopic(use.client);
    const consumer = await use.client.consumer(topic, { start: 'beginning' });
    const begun = performance.now();
    assert.equal(await consumer.poll(100), null);
    assert.ok(performance.now() - begun >= 99);
    const waiting = consumer.poll(3_600_000);
    await fill(use.client, topic, ['at last']);
    assert.equal((await waiting).length, 1);
    await consumer.close();
  });

  test('an offset beyond the end is refused', async () => {
    const topic = await newTopic(use.client);
    const error = await rejection((async () => {
      const consumer = await use.client.consumer(topic, { start: 1000 });
      await consumer.poll(5000);
    })());
    assert.ok(error.code < 0 && !(error instanceof OffsetEvictedError), String(error));
    assert.match(error.message, /1000/);
  });

  test('several topics', async () => {
    const topics = [await newTopic(use.client), await newTopic(use.client)];
    for (const topic of topics) await fill(use.client, topic, numbers(0, 10));
    const read = await readAll(use.client, topics);
    assert.deepEqual(new Set(read.map((record) => record.topic)), new Set(topics));
    assert.equal(read.length, 20);
  });

  test('records that come later, one after the other', async () => {
    const topic = await newTopic(use.client);
    const consumer = await use.client.consumer(topic, { start: 'beginning' });
    const producer = await use.client.producer(topic);
    const records = consumer.records();
    for (let i = 0; i < 50; i++) {
      const next = records.next();
      await producer.send(String(i));
      const { value, done } = await next;
      assert.deepEqual([value.value.toString(), value.offset, done], [String(i), i, false]);
    }
    await producer.close();
    await consumer.close();
  });

  test('breaking out of a loop loses nothing, in any way of reading on', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(0, 5000));
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end' });
    const seen = await take(consumer, 3);
    seen.push(...[...(await consumer.poll())].map((record) => record.value.toString()));
    seen.push(...(await take(consumer, 5)));
    for await (const batch of consumer.batches()) {
      for (const record of batch) seen.push(record.value.toString());
      break;
    }
    seen.push(...(await take(consumer, 1)));
    for await (const record of consumer) seen.push(record.value.toString());
    assert.deepEqual(seen, numbers(0, 5000));
    await consumer.close();
  });

  test('concurrent calls of next get different records', async () => {
    const topic = await newTopic(use.client);
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'never' });
    const records = consumer.records();
    const pending = Array.from({ length: 300 }, () => records.next());
    const producer = await use.client.producer(topic);
    for (let i = 0; i < 150; i++) await producer.send(String(i)); // a batch of its own for each
    await producer.sendMany(numbers(150, 300)); // one batch for many of the waiting calls
    await producer.close();
    const values = (await Promise.all(pending)).map(({ value }) => value.value.toString());
    assert.deepEqual([...values].sort((a, b) => a - b), numbers(0, 300));
    await consumer.close();
  });

  test('poll gives up in time, and says so with null', async () => {
    const consumer = await use.client.consumer(await newTopic(use.client));
    assert.equal(await consumer.poll(0), null);
    assert.equal(await consumer.poll(20), null);
    assert.equal(await consumer.poll({ timeoutMs: 20 }), null);
    assert.deepEqual(await Promise.all([consumer.poll(20), consumer.poll(10), consumer.poll(0)]), [null, null, null]);
    await consumer.close();
  });

  test('poll at the end', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, ['one']);
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end' });
    const batch = await consumer.poll();
    assert.equal(batch.length, 1);
    assert.equal(consumer.ended, false);
    assert.ok((await rejection(consumer.poll())) instanceof EndError);
    assert.equal(consumer.ended, true);
    assert.ok((await rejection(consumer.poll(0))) instanceof EndError);
    assert.deepEqual(await take(consumer, 1), []);
    await consumer.close();
  });

  test('an abort ends the wait it belongs to, and nothing else', async () => {
    const topic = await newTopic(use.client);
    const consumer = await use.client.consumer(topic, { start: 'beginning' });
    const controller = new AbortController();
    const reason = new Error('enough');
    const other = consumer.poll();
    const aborted = [
      rejection(consumer.poll({ signal: controller.signal })),
      rejection(consumer.records({ signal: controller.signal }).next()),
      rejection(consumer.batches({ signal: controller.signal }).next()),
    ];
    await new Promise((resolve) => setImmediate(resolve)); // they wait now
    controller.abort(reason);
    for (const error of await Promise.all(aborted)) {
      assert.ok(error instanceof CancelledError, String(error));
      assert.equal(error.cause, reason);
    }
    assert.ok((await rejection(consumer.poll({ signal: controller.signal }))) instanceof CancelledError);
    await fill(use.client, topic, ['still here']);
    assert.equal((await other).value(0).toString(), 'still here');
    await consumer.close();
  });

  test('an abort in the middle of a batch ends the loop there; the rest is read by the next one', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(0, 1000));
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end' });
    const controller = new AbortController();
    const seen = [];
    const error = await rejection((async () => {
      for await (const record of consumer.records({ signal: controller.signal })) {
        seen.push(record.value.toString());
        if (seen.length === 10) controller.abort();
      }
    })());
    assert.ok(error instanceof CancelledError);
    assert.equal(seen.length, 10);
    for await (const record of consumer) seen.push(record.value.toString());
    assert.deepEqual(seen, numbers(0, 1000));
    await consumer.close();
  });

  test('closing ends iterations and waits', async () => {
    const topic = await newTopic(use.client);
    const consumer = await use.client.consumer(topic);
    const loop = take(consumer, 1);
    const batches = consumer.batches().next();
    const poll = rejection(consumer.poll());
    await new Promise((resolve) => setImmediate(resolve));
    await consumer.close();
    assert.deepEqual(await loop, []);
    assert.deepEqual(await batches, { value: undefined, done: true });
    assert.ok((await poll) instanceof ClosedError);
    assert.equal(consumer.closed, true);
    await consumer.close();
  });

  test('closing inside a loop ends it', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(0, 500));
    const consumer = await use.client.consumer(topic, { start: 'beginning' });
    let seen = 0;
    for await (const record of consumer) {
      assert.equal(Number(record.value), seen++);
      if (seen === 20) await consumer.close();
    }
    assert.equal(seen, 20);
  });

  test('closing the client ends the loops of its consumers', async () => {
    const client = await connect(use.cluster.endpoint);
    const consumer = await client.consumer(await newTopic(use.client));
    const loop = take(consumer, 1);
    await new Promise((resolve) => setImmediate(resolve));
    await client.close();
    assert.deepEqual(await loop, []);
  });

  test('await using closes', { skip: Symbol.asyncDispose ? false : 'this version of Node has no Symbol.asyncDispose' }, async () => {
    const client = await connect(use.cluster.endpoint);
    const topic = await newTopic(use.client);
    const consumer = await client.consumer(topic);
    const producer = await client.producer(topic);
    for (const object of [consumer, producer, client]) {
      await object[Symbol.asyncDispose]();
      assert.equal(object.closed, true);
    }
  });

  test('the event loop goes on while a loop over stored records never has to wait', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, numbers(0, 20_000));
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end' });
    let turns = 0;
    let going = true;
    const count = () => {
      turns++;
      if (going) setImmediate(count);
    };
    setImmediate(count);
    let most = 0;
    let turnBefore = 0;
    let between = 0;
    for await (const record of consumer) {
      const end = performance.now() + 0.05;
      while (performance.now() < end); // work, so that a turn's limit is reached within a batch
      assert.ok(record.offset >= 0);
      if (turns !== turnBefore) between = 0;
      turnBefore = turns;
      most = Math.max(most, ++between);
    }
    going = false;
    await consumer.close();
    assert.ok(turns > 20, `the event loop turned ${turns} times during a second of work`);
    assert.ok(most < 5000, `${most} records were handed out in one turn`);
  });
});
