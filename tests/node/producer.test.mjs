// Every promise of send settles once, in bounded memory, and tells the truth.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CancelledError, ClosedError, FluvioError, InvalidArgumentError, QueueFullError, TimeoutError, TooLargeError, connect } from '../../bindings/node/index.mjs';
import { PATIENCE_MS, newTopic, readAll, rejection, stopSpus, useCluster } from './support.mjs';

describe('producers', () => {
  const use = useCluster();
  const values = async (topic) => (await readAll(use.client, topic)).map((record) => record.value.toString());

  test('one run of JavaScript, in the order of the calls, whatever the calls', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    const sent = [];
    for (let i = 0; i < 3000; i++) {
      const value = `${i}`;
      if (i % 500 === 7) sent.push(producer.send(value, { timeoutMs: 60_000 }));
      else if (i % 500 === 9) sent.push(producer.send({ value, partition: 0, timestamp: 1000 + i }));
      else if (i % 500 === 11) sent.push(producer.send({ value: value.padEnd(100_000) }));
      else sent.push(producer.send(value));
    }
    assert.equal(producer.pending, 3000);
    const reports = await Promise.all(sent);
    assert.equal(producer.pending, 0);
    assert.deepEqual(reports.map((report) => report.offset), Array.from({ length: 3000 }, (_, i) => i));
    for (const report of reports) assert.ok(report.latencyMs >= 0);
    assert.deepEqual((await values(topic)).map((value) => value.trimEnd()), Array.from({ length: 3000 }, (_, i) => `${i}`));
    await producer.close();
  });

  test('flush waits for what was sent before', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { lingerMs: 600_000, deliveryTimeoutMs: 3_600_000 });
    const sent = Array.from({ length: 100 }, (_, i) => producer.send(`${i}`)); // nobody awaits them, so they linger
    assert.equal(producer.pending, 100);
    await producer.flush();
    assert.equal(producer.pending, 0);
    assert.equal((await Promise.all(sent)).at(-1).offset, 99);
    await producer.flush();
    await producer.close();
  });

  test('flush does not wait for what is sent after it', async () => {
    const producer = await use.client.producer(await newTopic(use.client), { bufferMemory: 65536, maxRequestSize: 65536, batchSize: 8192 });
    let going = true;
    let taken = 0;
    const endless = function* endless() {
      for (; going; taken++) yield 'x'.repeat(1000);
    };
    const sending = Array.from({ length: 30 }, () => producer.sendMany(endless())); // so that something waits for room at any time
    try {
      while (taken < 5000) await new Promise((resolve) => setImmediate(resolve));
      await producer.flush({ timeoutMs: PATIENCE_MS });
    } finally {
      going = false;
    }
    for (const report of await Promise.all(sending)) assert.equal(report.failed, 0);
    await producer.close();
  });

  test('who waits for a record does not wait for lingerMs', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { lingerMs: 600_000, deliveryTimeoutMs: 3_600_000 });
    assert.equal((await producer.send('awaited')).offset, 0);
    assert.equal(await producer.send('then', { timeoutMs: 60_000 }).then(({ offset }) => offset), 1);
    assert.equal((await producer.sendMany(['a', 'b'])).offsets[1], 3);
    const before = await producer.stats();
    const sent = await Promise.all(Array.from({ length: 500 }, (_, i) => producer.send(`${i}`)));
    assert.equal(sent.at(-1).offset, 503);
    assert.equal((await producer.stats()).batches, before.batches + 1, 'what is awaited together leaves together');
    let error = null;
    producer.send('nobody waits').catch((caught) => (error = caught));
    const { recordsQueued, batches } = await producer.stats();
    assert.deepEqual([recordsQueued, batches], [1, before.batches + 1], 'catch does not wait');
    await producer.close();
    assert.equal(error, null);
    const other = await use.client.producer(topic, { lingerMs: '10m', deliveryTimeoutMs: '1h' });
    assert.equal((await other.send('a time with its unit')).offset, 505);
    await other.close();
  });

  test('who waits does not wait for lingerMs when there was no room at first', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, {
      lingerMs: 600_000, deliveryTimeoutMs: 3_600_000, bufferMemory: 65_536, maxRequestSize: 32_768,
    });
    const sent = Array.from({ length: 1000 }, () => producer.send('x'.repeat(300)));
    await Promise.all(sent);
    await producer.close();
  });

  test('close delivers what was sent, once for every caller', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { lingerMs: 60_000 });
    const sent = Array.from({ length: 100 }, (_, i) => producer.send(`${i}`));
    await Promise.all([producer.close(), producer.close()]);
    assert.equal(producer.closed, true);
    assert.equal((await Promise.all(sent)).length, 100);
    assert.ok((await rejection(producer.send('late'))) instanceof ClosedError);
    assert.equal((await values(topic)).length, 100);
    await producer.close();
  });

  test('closing the client delivers what was sent', async () => {
    const client = await connect(use.cluster.endpoint);
    const topic = await newTopic(use.client);
    const producer = await client.producer(topic, { lingerMs: 60_000 });
    const sent = Array.from({ length: 100 }, (_, i) => producer.send(`${i}`));
    await client.close();
    assert.equal((await Promise.all(sent)).length, 100);
    assert.equal((await values(topic)).length, 100);
  });

  test('closing the client while its producer closes loses nothing', async () => {
    const client = await connect(use.cluster.endpoint);
    const topic = await newTopic(use.client);
    const producer = await client.producer(topic, { bufferMemory: 65536, maxRequestSize: 65536 });
    const sent = Array.from({ length: 1000 }, (_, i) => producer.send(`${i}`.padEnd(1000)));
    await Promise.all([producer.close(), client.close()]);
    await Promise.all(sent);
    assert.equal((await values(topic)).length, 1000);
  });

  test('sends wait for room in a small buffer, and keep their order', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { bufferMemory: 65536, maxRequestSize: 65536, batchSize: 8192 });
    const text = (i) => `${i}`.padEnd(1000, 'x');
    const sent = Array.from({ length: 3000 }, (_, i) => producer.send(text(i)));
    const report = await producer.sendMany(Array.from({ length: 3000 }, (_, i) => text(3000 + i)));
    const reports = await Promise.all(sent);
    await producer.close();
    assert.deepEqual([...reports.map((one) => one.offset), ...report.offsets], Array.from({ length: 6000 }, (_, i) => i));
    assert.deepEqual(await values(topic), Array.from({ length: 6000 }, (_, i) => text(i)));
  });

  test('with bufferFull "fail" what finds no room fails, and only that', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { bufferMemory: 65536, maxRequestSize: 65536, batchSize: 8192, bufferFull: 'fail' });
    const results = await Promise.allSettled(Array.from({ length: 2000 }, (_, i) => producer.send(`${i}`.padEnd(1000))));
    await producer.close();
    const failed = results.filter((result) => result.status === 'rejected');
    assert.ok(failed.length > 0 && failed.length < 2000, `${failed.length} failed`);
    for (const { reason } of failed) {
      assert.ok(reason instanceof QueueFullError, String(reason));
      assert.equal(reason.maybeWritten, false);
    }
    assert.equal((await values(topic)).length, 2000 - failed.length);
  });

  test('a record that waits for room can be given up, by time and by signal', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { bufferMemory: 65536, maxRequestSize: 65536 });
    const resume = await stopSpus(use.cluster); // so the buffer stays full
    const settled = [];
    const filling = Array.from({ length: 400 }, (_, i) => producer.send(`${i}`.padEnd(1000)).then(() => settled.push(i)));
    try {
      const late = await rejection(producer.send('given up by time', { timeoutMs: 20 }));
      assert.ok(late instanceof QueueFullError, String(late));
      const controller = new AbortController();
      const cancelled = rejection(producer.send('given up by signal', { signal: controller.signal }));
      const many = rejection(producer.sendMany(['given up too'], { signal: controller.signal }));
      controller.abort();
      for (const error of await Promise.all([cancelled, many])) {
        assert.ok(error instanceof CancelledError, String(error));
        assert.equal(error.maybeWritten, false);
      }
      assert.ok((await rejection(producer.send('x', { signal: AbortSignal.abort() }))) instanceof CancelledError);
      const unfinished = rejection(producer.flush({ timeoutMs: 20 }));
      assert.ok((await unfinished) instanceof TimeoutError);
    } finally {
      await resume();
    }
    await producer.close();
    await Promise.all(filling);
    assert.deepEqual(settled, Array.from({ length: 400 }, (_, i) => i));
    assert.deepEqual((await values(topic)).map((value) => value.trimEnd()), Array.from({ length: 400 }, (_, i) => `${i}`));
  });

  test('closing with a deadline ends in time, with a report for every record', async () => {
    for (const closeWhat of ['producer', 'client']) {
      const client = await connect(use.cluster.endpoint);
      const producer = await client.producer(await newTopic(use.client), { bufferMemory: 65536, maxRequestSize: 65536 });
      const resume = await stopSpus(use.cluster);
      try {
        const sent = Array.from({ length: 400 }, (_, i) => rejection(producer.send(`${i}`.padEnd(1000))));
        const many = rejection(producer.sendMany(['waits too']));
        const error = await rejection((closeWhat === 'producer' ? producer : client).close({ timeoutMs: 100 }));
        assert.ok(error instanceof TimeoutError, String(error));
        for (const failure of await Promise.all([...sent, many])) assert.ok(failure instanceof FluvioError, String(failure));
        assert.equal(producer.pending, 0);
        assert.equal(producer.closed, true);
        await client.close();
      } finally {
        await resume();
      }
    }
  });

  test('a deadline of close holds while another close waits without one', async () => {
    for (const closeWhat of ['producer', 'client']) {
      const client = await connect(use.cluster.endpoint);
      const producer = await client.producer(await newTopic(use.client), { bufferMemory: 65536, maxRequestSize: 65536 });
      const resume = await stopSpus(use.cluster);
      const sent = Array.from({ length: 400 }, (_, i) => producer.send(`${i}`.padEnd(1000)).then(() => 'stored', () => 'failed'));
      const patient = producer.close().then(() => null, (error) => error);
      try {
        const error = await rejection((closeWhat === 'producer' ? producer : client).close({ timeoutMs: 50 }));
        assert.ok(error instanceof TimeoutError, String(error));
        assert.equal(producer.closed, true);
      } finally {
        await resume();
      }
      if (closeWhat === 'producer') assert.equal(await patient, null);
      else await patient; // it may have heard of what the client's close has given up
      assert.deepEqual([...new Set(await Promise.all(sent))], [closeWhat === 'producer' ? 'stored' : 'failed']);
      await client.close();
    }
  });

  test('a flush that waits for room ends when the client is closed', async () => {
    const client = await connect(use.cluster.endpoint);
    const producer = await client.producer(await newTopic(use.client), { bufferMemory: 65536, maxRequestSize: 65536 });
    const resume = await stopSpus(use.cluster);
    try {
      const sent = Array.from({ length: 400 }, (_, i) => rejection(producer.send(`${i}`.padEnd(1000))));
      const flush = rejection(producer.flush());
      const controller = new AbortController();
      const close = rejection(client.close({ signal: controller.signal }));
      controller.abort();
      assert.ok((await close) instanceof CancelledError);
      const error = await flush;
      assert.ok(error instanceof ClosedError, String(error));
      assert.match(error.message, /^flush: /);
      for (const failure of await Promise.all(sent)) assert.ok(failure instanceof ClosedError, String(failure));
    } finally {
      await resume();
    }
  });

  test('an abort of a record on its way says that it may be stored', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic, { lingerMs: 60_000 });
    const controller = new AbortController();
    const sent = rejection(producer.send('on its way', { signal: controller.signal }));
    const many = rejection(producer.sendMany(['on its way'], { signal: controller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    for (const error of await Promise.all([sent, many])) {
      assert.ok(error instanceof CancelledError, String(error));
      assert.equal(error.maybeWritten, true);
    }
    await producer.close();
    assert.equal((await values(topic)).length, 2);
  });

  describe('sendMany', () => {
    test('takes arrays, generators and asynchronous generators', async () => {
      const topic = await newTopic(use.client);
      const producer = await use.client.producer(topic);
      const generate = function* generate(n) {
        for (let i = 0; i < n; i++) yield `sync ${i}`;
      };
      const generateSlowly = async function* generateSlowly(n) {
        for (let i = 0; i < n; i++) {
          if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
          yield { value: `async ${i}` };
        }
      };
      assert.equal((await producer.sendMany([])).length, 0);
      assert.equal((await producer.sendMany(['one'])).length, 1);
      assert.equal((await producer.sendMany(new Set(['two', 'three']))).length, 2);
      assert.equal((await producer.sendMany(generate(3000))).length, 3000);
      const report = await producer.sendMany(generateSlowly(2000));
      assert.deepEqual([report.length, report.failed, report.topic], [2000, 0, topic]);
      await producer.close();
      const expected = ['one', 'two', 'three', ...generate(3000), ...Array.from({ length: 2000 }, (_, i) => `async ${i}`)];
      assert.deepEqual(await values(topic), expected);
    });

    test('ends at the first record that cannot be handed over, and tells what was stored', async () => {
      const topic = await newTopic(use.client);
      const producer = await use.client.producer(topic, { maxRequestSize: 65536 });
      const closedGenerators = [];
      const generate = function* generate(bad) {
        try {
          for (let i = 0; i < 1500; i++) yield `${i}`;
          yield bad;
          for (let i = 0; i < 5000; i++) yield 'never';
        } finally {
          closedGenerators.push(true);
        }
      };
      for (const [bad, type] of [['x'.repeat(100_000), TooLargeError], [17, InvalidArgumentError], [{ value: null }, InvalidArgumentError]]) {
        const error = await rejection(producer.sendMany(generate(bad)));
        assert.ok(error instanceof type, String(error));
        assert.deepEqual([...error.report.offsets.slice(0, 1500)].every((offset) => offset >= 0), true);
        assert.ok(error.report.length <= 3000);
      }
      assert.equal(closedGenerators.length, 3);
      await producer.send('the producer goes on');
      await producer.close();
      const stored = await values(topic);
      assert.equal(stored.filter((value) => value === '1499').length, 3);
      assert.equal(stored.at(-1), 'the producer goes on');
    });

    test('goes on after a record that fails later, and rejects with the report', async () => {
      const topic = await newTopic(use.client);
      const producer = await use.client.producer(topic);
      const error = await rejection(producer.sendMany(['first', { value: 'nowhere', partition: 9 }, 'last']));
      assert.ok(error instanceof InvalidArgumentError, String(error));
      assert.deepEqual([error.report.length, error.report.failed], [3, 1]);
      assert.deepEqual([...error.report].map(({ partition, offset }) => [partition, offset]), [[0, 0], [-1, -1], [0, 1]]);
      await producer.close();
      assert.deepEqual(await values(topic), ['first', 'last']);
    });

    test('an exception of the generator comes through', async () => {
      const topic = await newTopic(use.client);
      const producer = await use.client.producer(topic);
      const reason = new RangeError('no more');
      const error = await rejection(
        producer.sendMany(
          (function* generate() {
            yield 'sent';
            throw reason;
          })(),
        ),
      );
      assert.equal(error, reason);
      await producer.close();
      assert.deepEqual(await values(topic), ['sent']);
    });

    test('a generator without end stops with the producer', async () => {
      const topic = await newTopic(use.client);
      const producer = await use.client.producer(topic, { bufferMemory: 65536, maxRequestSize: 65536, batchSize: 8192 });
      let taken = 0;
      const endless = rejection(
        producer.sendMany(
          (function* generate() {
            for (;;) yield `${taken++}`.padEnd(500);
          })(),
        ),
      );
      while (taken < 20_000) await new Promise((resolve) => setImmediate(resolve));
      await producer.close();
      const error = await endless;
      assert.ok(error instanceof ClosedError, String(error));
      const stored = await values(topic);
      const reported = [...error.report.offsets].filter((offset) => offset >= 0).length;
      assert.equal(stored.length, reported);
      // Back-pressure: what was taken from the generator is what was stored, and at most a packet and a buffer more.
      assert.ok(taken - stored.length < 3000, `${taken} taken, ${stored.length} stored`);
    });
  });
});
