// Streams of Node's and of the web, over producers and consumers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, test } from 'node:test';
import { CancelledError, ClosedError, InvalidArgumentError, NotFoundError, TooLargeError } from '../../bindings/node/index.mjs';
import { fill, newTopic, readAll, rejection, stopSpus, useCluster } from './support.mjs';

const use = useCluster();
const texts = (records) => records.map((record) => String(record.value));
const numbers = (count, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));

async function filled(count) {
  const topic = await newTopic(use.client);
  await fill(use.client, topic, numbers(count));
  return topic;
}

/** A consumer of a whole topic, which ends. */
const whole = (topic, options) => use.client.consumer(topic, { start: 'beginning', stopAt: 'end', ...options });

describe('readable', () => {
  test('gives everything in order, ends, and closes the consumer', async () => {
    const topic = await filled(3000);
    for (const options of [undefined, { highWaterMark: 0 }, { highWaterMark: 1 }, { batches: true }, { batches: true, highWaterMark: 4 }]) {
      const consumer = await whole(topic);
      const seen = [];
      for await (const each of consumer.readable(options)) seen.push(...(options?.batches ? texts([...each]) : [String(each.value)]));
      assert.deepEqual(seen, numbers(3000), JSON.stringify(options));
      assert.equal(consumer.closed, true);
      assert.equal(consumer.endReason, 'reached');
    }
  });

  test('gives data by events, and is paused', async () => {
    const consumer = await whole(await filled(500));
    const stream = consumer.readable();
    const seen = [];
    stream.on('data', (record) => {
      seen.push(String(record.value));
      if (seen.length % 100 === 0) {
        stream.pause();
        setImmediate(() => stream.resume());
      }
    });
    await once(stream, 'close');
    assert.deepEqual(seen, numbers(500));
  });

  test('takes no more from the consumer than it is asked for', async () => {
    const topic = await filled(1000);
    const consumer = await whole(topic, { consumerId: topic, offsetStrategy: 'manual' });
    const stream = consumer.readable({ autoClose: false });
    const iterator = stream[Symbol.asyncIterator]();
    for (let i = 0; i < 10; i++) await iterator.next();
    assert.equal((await consumer.positions())[0].position, 10);
    await consumer.commit();
    assert.equal((await use.client.admin.consumerOffsets()).find((row) => row.consumerId === topic).offset, 9);
    await iterator.return(); // which destroys it
    assert.equal(stream.destroyed, true);
    assert.equal(consumer.closed, false);
    assert.equal(String((await consumer.records().next()).value.value), '10', 'the consumer goes on behind the stream');
    await consumer.close();
  });

  test('a slow pipeline holds the consumer back', async () => {
    const topic = await filled(1000);
    const consumer = await whole(topic);
    let release;
    const slow = new Writable({ objectMode: true, highWaterMark: 1, write: (record, encoding, callback) => { release = callback; } });
    const stream = consumer.readable({ highWaterMark: 5 });
    stream.pipe(slow);
    while (!release) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    const [{ position }] = await consumer.positions();
    assert.ok(position <= 10, `${position} records were taken`);
    stream.destroy();
    await once(stream, 'close');
    assert.equal(consumer.closed, true);
  });

  test('destroying it, and aborting, ends a wait and closes the consumer', async () => {
    const topic = await newTopic(use.client);
    const destroyed = await use.client.consumer(topic);
    const stream = destroyed.readable();
    const end = rejection(once(stream, 'end'));
    stream.resume();
    stream.destroy(new Error('enough'));
    assert.equal((await end).message, 'enough');
    if (!stream.closed) await once(stream, 'close');
    assert.equal(destroyed.closed, true);

    for (const before of [true, false]) {
      const consumer = await use.client.consumer(topic);
      const controller = new AbortController();
      if (before) controller.abort(new Error('why'));
      const reading = rejection(consumer.readable({ signal: controller.signal }).toArray());
      controller.abort(new Error('why'));
      const error = await reading;
      assert.ok(error instanceof CancelledError);
      assert.equal(error.cause.message, 'why');
      assert.equal(consumer.closed, true);
    }
  });

  test('errors of the stream come out of it', async () => {
    const topic = await newTopic(use.client);
    const consumer = await use.client.consumer(topic, { start: 'beginning' });
    const reading = rejection(consumer.readable().toArray());
    await use.client.admin.deleteTopic(topic);
    assert.ok((await reading) instanceof NotFoundError);
    assert.equal(consumer.closed, true);
  });

  test('options are checked at once', async () => {
    const consumer = await whole(await newTopic(use.client));
    const wrong = [{ highWaterMark: -1 }, { autoClose: 1 }, { batches: 'yes' }, { signal: {} }, { hwm: 1 }];
    for (const options of wrong) {
      assert.throws(() => consumer.readable(options), InvalidArgumentError, JSON.stringify(options));
      assert.throws(() => consumer.readableStream(options), InvalidArgumentError, JSON.stringify(options));
    }
    assert.throws(() => consumer.readable({ signal: 'soon' }), /signal: .*AbortSignal/);
    await consumer.close();
  });
});

describe('writable', () => {
  test('writes what a pipeline brings, and finishes when all is acknowledged', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    const offsets = [];
    await pipeline(Readable.from(numbers(20_000)), producer.writable({ onReport: ({ offset }) => offsets.push(offset) }));
    assert.equal(producer.closed, true);
    assert.deepEqual(offsets, Array.from({ length: 20_000 }, (_, i) => i));
    assert.deepEqual(texts(await readAll(use.client, topic)), numbers(20_000));
  });

  test('reads, transforms and writes in one pipeline', async () => {
    const from = await filled(2000);
    const to = await newTopic(use.client);
    const consumer = await whole(from);
    const producer = await use.client.producer(to, { lingerMs: 60_000 });
    const twice = new Transform({
      objectMode: true,
      transform: (record, encoding, callback) => callback(null, { key: String(record.offset), value: String(2 * Number(record.value)) }),
    });
    await pipeline(consumer.readable(), twice, producer.writable());
    const found = await readAll(use.client, to);
    assert.deepEqual(found.map((record) => [String(record.key), String(record.value)]), numbers(2000).map((n) => [n, String(2 * n)]));
    assert.ok(consumer.closed && producer.closed);
  });

  test('waits for room: nothing piles up while the cluster takes nothing', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { bufferMemory: '256KiB' });
    const start = await stopSpus(use.cluster);
    let taken = 0;
    const value = 'x'.repeat(10_000);
    const source = function* () {
      for (; taken < 500; taken++) yield value;
    };
    const stream = producer.writable({ highWaterMark: 4 });
    const writing = pipeline(Readable.from(source(), { highWaterMark: 1 }), stream);
    while (!stream.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(taken < 100, `${taken} records were taken`);
    await start();
    await writing;
    assert.equal((await readAll(use.client, topic)).length, 500);
  });

  test('at most 8192 records are without a report', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    const start = await stopSpus(use.cluster);
    const stream = producer.writable();
    const writing = pipeline(Readable.from(numbers(20_000)), stream);
    while (!stream.writableNeedDrain) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(producer.pending, 8192);
    await start();
    await writing;
    assert.deepEqual(texts(await readAll(use.client, topic)), numbers(20_000));
  });

  test('the first failure destroys it', async () => {
    const topic = await newTopic(use.client);
    for (const [records, type] of [[['good', 'y'.repeat(2_000_000)], TooLargeError], [['good', { value: 5 }], InvalidArgumentError]]) {
      const producer = await use.client.producer(topic);
      const error = await rejection(pipeline(Readable.from(records), producer.writable()));
      assert.ok(error instanceof type, String(error));
      assert.equal(producer.closed, true);
    }
    assert.deepEqual(texts(await readAll(use.client, topic)), ['good', 'good'], 'what was good is stored');
    const producer = await use.client.producer(topic);
    const stream = producer.writable();
    await producer.close();
    const failed = once(stream, 'error');
    stream.write('late');
    assert.ok((await failed)[0] instanceof ClosedError);
  });

  test('destroying it, and aborting, waits a second for what has no report and closes the producer', async () => {
    const topic = await newTopic(use.client);
    const controller = new AbortController();
    const start = await stopSpus(use.cluster);
    try {
      for (const end of [(stream) => stream.destroy(), () => controller.abort()]) {
        const producer = await use.client.producer(topic, { bufferMemory: '64KiB' });
        const stream = producer.writable({ signal: controller.signal });
        const source = new PassThrough({ objectMode: true });
        const writing = rejection(pipeline(source, stream));
        for (let i = 0; i < 20; i++) source.write('z'.repeat(10_000));
        await new Promise((resolve) => setImmediate(resolve));
        end(stream);
        assert.ok(await writing);
        if (!stream.closed) await once(stream, 'close');
        assert.ok(producer.closed && source.destroyed);
        assert.equal(producer.pending, 0);
      }
    } finally {
      await start();
    }
  });

  test('may leave the producer open', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    await pipeline(Readable.from(['a', 'b']), producer.writable({ autoClose: false }));
    assert.equal((await producer.send('c')).offset, 2);
    await producer.close();
  });
});

describe('streams of the web', () => {
  test('pipe from a topic to another', async () => {
    const from = await filled(1000);
    const to = await newTopic(use.client);
    const consumer = await whole(from);
    const producer = await use.client.producer(to);
    const upper = new TransformStream({ transform: (record, controller) => controller.enqueue(`n${record.value}`) });
    await consumer.readableStream().pipeThrough(upper).pipeTo(producer.writableStream());
    assert.ok(consumer.closed && producer.closed);
    assert.deepEqual(texts(await readAll(use.client, to)), numbers(1000).map((n) => `n${n}`));
  });

  test('batches, cancel, break and abort', async () => {
    const topic = await filled(100);
    const whole1 = await whole(topic);
    let count = 0;
    for await (const batch of whole1.readableStream({ batches: true })) count += batch.length;
    assert.equal(count, 100);
    const broken = await use.client.consumer(topic, { start: 'beginning' });
    for await (const record of broken.readableStream()) if (record.offset === 3) break;
    assert.equal(broken.closed, true);
    const cancelled = await use.client.consumer(topic); // nothing comes
    const reader = cancelled.readableStream({ highWaterMark: 1 }).getReader();
    const reading = reader.read();
    await reader.cancel('enough');
    assert.equal((await reading).done, true);
    assert.equal(cancelled.closed, true);
    const aborted = await use.client.consumer(topic);
    const controller = new AbortController();
    const wait = rejection(aborted.readableStream({ signal: controller.signal }).getReader().read());
    controller.abort();
    assert.ok((await wait) instanceof CancelledError);
  });

  test('writers wait for room, and see failures', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { bufferMemory: '64KiB' });
    const start = await stopSpus(use.cluster);
    const writer = producer.writableStream({ highWaterMark: 2 }).getWriter();
    const writes = Array.from({ length: 12 }, () => writer.write('w'.repeat(10_000)));
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(writer.desiredSize < 0);
    await start();
    await Promise.all(writes);
    await writer.close();
    assert.equal((await readAll(use.client, topic)).length, 12);

    const failing = await use.client.producer(topic);
    const failingWriter = failing.writableStream().getWriter();
    failingWriter.closed.catch(() => {});
    await failingWriter.write('w'.repeat(2_000_000)); // there is room; that it is too large comes as its report
    assert.ok((await rejection(failingWriter.closed)) instanceof TooLargeError);
    const leaving = await use.client.producer(topic);
    const leavingWriter = leaving.writableStream().getWriter();
    leavingWriter.closed.catch(() => {});
    await leavingWriter.abort(new Error('never mind'));
    assert.equal(leaving.closed, true);
  });
});
