// Programs end by themselves, and use neither threads of Node's pool nor descriptors for ever.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { connect } from '../../bindings/node/index.mjs';
import { fill, newTopic, packageRoot, runNode, useCluster } from './support.mjs';

const esm = JSON.stringify(pathToFileURL(path.join(packageRoot, 'index.mjs')).href);
const countable = fs.existsSync('/proc/self/fd');
const uncountable = 'this system has no /proc/self/fd to count descriptors with';

describe('a program', () => {
  const use = useCluster();

  /** Runs an ESM program with the names it needs; topic is an empty topic. */
  async function program(body, env = {}) {
    const topic = await newTopic(use.client);
    const script = `
      import * as libfluvio from ${esm};
      const { connect } = libfluvio;
      const endpoint = ${JSON.stringify(use.cluster.endpoint)}, topic = ${JSON.stringify(topic)};
      ${body}`;
    const { stdout, stderr } = await runNode(['--expose-gc', '--input-type=module', '-e', script], { env: { ...process.env, ...env } });
    assert.equal(stderr, '');
    return stdout.trim();
  }

  test('ends when everything is closed', async () => {
    const out = await program(`
      const client = await connect(endpoint);
      const producer = await client.producer(topic);
      await producer.send('x');
      const consumer = await client.consumer(topic, { start: 'beginning' });
      for await (const record of consumer) { console.log(String(record.value)); break; }
      await consumer.close(); await producer.close(); await client.close();`);
    assert.equal(out, 'x');
  });

  test('ends with everything open and idle', async () => {
    const out = await program(`
      const client = await connect(endpoint);
      const producer = await client.producer(topic);
      const consumer = await client.consumer(topic);
      await consumer.poll(1);
      console.log('idle');`);
    assert.equal(out, 'idle');
  });

  test('lives on while a promise is pending', async () => {
    const out = await program(`
      const client = await connect(endpoint);
      const consumer = await client.consumer(topic, { start: 'beginning' });
      const producer = await client.producer(topic, { lingerMs: 50 });
      consumer.poll().then((batch) => console.log('polled', String(batch.value(0))));
      producer.send('x').then((report) => console.log('sent', report.offset));`);
    assert.deepEqual(out.split('\n').sort(), ['polled x', 'sent 0']);
  });

  test('may drop what it opened: it is closed when it is collected, and not before its work is done', { skip: countable ? false : uncountable }, async () => {
    const out = await program(`
      const report = await (await (await connect(endpoint)).producer(topic, { lingerMs: 100 })).send('dropped');
      console.log(report.offset);
      const client = await connect(endpoint);
      const { readdirSync } = await import('node:fs');
      const fds = () => readdirSync('/proc/self/fd').length;
      const turn = () => new Promise((resolve) => setTimeout(resolve, 10));
      const before = fds();
      await (async () => {
        for (let i = 0; i < 20; i++) {
          const consumer = await client.consumer(topic, { start: 'beginning' });
          for await (const record of consumer) break;
          await consumer.poll(1);
        }
      })();
      const during = fds();
      for (let i = 0; i < 500 && fds() > before; i++) { gc(); await turn(); }
      console.log(during - before, fds() - before);
      await client.close();`);
    const [offset, counts] = out.split('\n');
    assert.equal(offset, '0');
    const [during, left] = counts.split(' ').map(Number);
    assert.ok(during > 0, 'the consumers watched their descriptors');
    assert.ok(left <= 0, 'the collected consumers still watch');
  });

  test('ends by itself after a hundred clients, and nothing of them is left', async () => {
    const out = await program(`
      await (await connect(endpoint)).close(); // what is loaded once
      const before = process.getActiveResourcesInfo().length;
      for (let i = 0; i < 10; i++) {
        await Promise.all(Array.from({ length: 10 }, async () => {
          const client = await connect({ endpoint, onLog: () => {}, onEvent: () => {} });
          const [producer, consumer] = await Promise.all([client.producer(topic), client.consumer(topic, { start: 'beginning' })]);
          await producer.send('x');
          await consumer.poll();
          await client.close();
        }));
      }
      for (let i = 0; i < 500 && process.getActiveResourcesInfo().length > before; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      console.log(process.getActiveResourcesInfo().length - before);`);
    assert.equal(out, '0');
  });

  test('that ends has delivered what it sent, and may close in beforeExit', async () => {
    const out = await program(`
      const client = await connect(endpoint);
      const producer = await client.producer(topic, { lingerMs: 50 });
      for (let i = 0; i < 1000; i++) producer.send(String(i)); // nobody awaits them
      const consumer = await client.consumer(topic);
      consumer.readable(); // nobody reads it
      process.once('beforeExit', async () => {
        console.log(producer.pending);
        await client.close();
        console.log(client.closed);
      });
      process.on('exit', (code) => console.log(code));`);
    assert.equal(out, '0\ntrue\n0');
  });

  test('that calls process.exit ends at once, whatever is open or on its way', async () => {
    const out = await program(`
      const client = await connect(endpoint);
      const producer = await client.producer(topic, { lingerMs: 60_000 });
      producer.send('never').catch(() => {});
      (await client.consumer(topic)).poll();
      process.on('exit', () => console.log('exit', producer.pending));
      setImmediate(() => process.exit(0));`);
    assert.equal(out, 'exit 1');
  });

  test('closes on SIGTERM, which ends its loops and then itself', async () => {
    const out = await program(`
      const client = await connect(endpoint);
      const producer = await client.producer(topic);
      process.once('SIGTERM', () => client.close());
      let seen = 0;
      await producer.send('first');
      for await (const record of await client.consumer(topic, { start: 'beginning' })) {
        if (++seen === 1) {
          producer.send('on its way').then(() => console.log('delivered'));
          process.kill(process.pid, 'SIGTERM');
        }
      }
      console.log('ended', client.closed);`);
    assert.deepEqual(out.split('\n').sort(), ['delivered', 'ended true']);
  });

  test('an unhandled failure of send is reported as that of any promise', async () => {
    const out = await program(`
      process.on('unhandledRejection', (error) => { console.log(error.name); process.exit(0); });
      const client = await connect(endpoint);
      const producer = await client.producer(topic);
      producer.send('x'.repeat(5_000_000));`);
    assert.equal(out, 'TooLargeError');
  });

  test('more consumers wait than Node and koffi have threads, and everything else goes on', async () => {
    const out = await program(`
      import fs from 'node:fs/promises';
      const client = await connect(endpoint);
      const consumers = await Promise.all(Array.from({ length: 32 }, () => client.consumer(topic, { start: 'beginning' })));
      const polls = consumers.map((consumer) => consumer.poll());
      await new Promise((resolve) => setImmediate(resolve));
      await fs.stat('.'); // needs a thread of Node's pool
      const producer = await client.producer(topic);
      await producer.send('for all');
      console.log(new Set((await Promise.all(polls)).map((batch) => String(batch.value(0)))).size, polls.length);
      await client.close();`, { UV_THREADPOOL_SIZE: '1' });
    assert.equal(out, '1 32');
  });

  test('workers have connections of their own, and may be ended at any time', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, ['a', 'b', 'c']);
    const script = `
      import { parentPort } from 'node:worker_threads';
      import { connect } from ${esm};
      const client = await connect(${JSON.stringify(use.cluster.endpoint)});
      const consumer = await client.consumer(${JSON.stringify(topic)}, { start: 'beginning' });
      for await (const record of consumer) parentPort.postMessage(String(record.value));`;
    const start = () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const workers = [start(), start()];
    await Promise.all(workers.map(async (worker) => {
      const seen = [];
      await new Promise((resolve, reject) => {
        worker.on('error', reject);
        worker.on('message', (value) => {
          seen.push(value);
          if (seen.length === 3) resolve();
        });
      });
      assert.deepEqual(seen, ['a', 'b', 'c']);
      await worker.terminate();
    }));
    assert.equal((await use.client.admin.topics()).some((one) => one.name === topic), true);
  });

  test('workers end by themselves, closed or idle, and share nothing', async () => {
    const topic = await newTopic(use.client, { partitions: 4 });
    const script = (partition, close) => `
      import { parentPort } from 'node:worker_threads';
      import { connect } from ${esm};
      const client = await connect(${JSON.stringify(use.cluster.endpoint)});
      const producer = await client.producer(${JSON.stringify(topic)}, { partition: ${partition} });
      const { offsets } = await producer.sendMany(Array.from({ length: 5000 }, (_, i) => String(i)));
      const consumer = await client.consumer(${JSON.stringify(topic)}, { partitions: [${partition}], start: 'beginning', stopAt: 'end' });
      let next = 0;
      for await (const record of consumer) if (String(record.value) !== String(next++)) throw new Error(String(record.value));
      ${close ? 'await client.close();' : ''}
      parentPort.postMessage([offsets[0], offsets.at(-1), next]);`;
    const run = (partition, close) => new Promise((resolve, reject) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script(partition, close))}`));
      let told;
      worker.on('message', (message) => (told = message));
      worker.on('error', reject);
      worker.on('exit', (code) => resolve([code, told]));
    });
    const ends = await Promise.all([0, 1, 2, 3].map((partition) => run(partition, partition % 2 === 0)));
    assert.deepEqual(ends, Array(4).fill([0, [0, 4999, 5000]]));
  });

  test('workers that are ended in the middle of writing harm nobody', async () => {
    const topic = await newTopic(use.client);
    const script = `
      import { parentPort } from 'node:worker_threads';
      import { connect } from ${esm};
      const client = await connect(${JSON.stringify(use.cluster.endpoint)});
      const producer = await client.producer(${JSON.stringify(topic)});
      const endless = async function* () { for (;;) { yield 'x'; if (producer.pending === 0) parentPort.postMessage('writing'); } };
      await producer.sendMany(endless());`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await worker.terminate();
    }
    assert.ok((await fill(use.client, topic, ['still here']))[0] >= 0);
  });
});

describe('descriptors', () => {
  const use = useCluster();
  const open = () => fs.readdirSync('/proc/self/fd').length;

  /** The number of descriptors, when it is no longer above a limit, or after 5 seconds. */
  async function settle(limit) {
    for (let i = 0; i < 500 && open() > limit; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    return open();
  }

  test('return to their number after many clients', { skip: countable ? false : uncountable }, async () => {
    const topic = await newTopic(use.client);
    const once = async () => {
      const client = await connect(use.cluster.endpoint);
      const producer = await client.producer(topic);
      await producer.send('x');
      const consumer = await client.consumer(topic, { start: 'beginning' });
      assert.equal((await consumer.poll()).value(0).toString(), 'x');
      assert.equal(await consumer.poll({ timeoutMs: 0 }), null);
      const waiting = consumer.poll().catch(() => {});
      await client.close();
      await waiting;
    };
    await once();
    const before = await settle(0);
    for (let i = 0; i < 20; i++) await once();
    const after = await settle(before);
    assert.ok(after <= before + 2, `${before} descriptors before, ${after} after`);
  });

  test('return to their number after workers that left everything open', { skip: countable ? false : uncountable }, async () => {
    const topic = await newTopic(use.client);
    const script = (end) => `
      import { connect } from ${esm};
      const client = await connect(${JSON.stringify(use.cluster.endpoint)});
      const producer = await client.producer(${JSON.stringify(topic)});
      await producer.send('x');
      const consumer = await client.consumer(${JSON.stringify(topic)}, { start: 'beginning' });
      await consumer.poll();
      const watch = await client.admin.watchTopics();
      ${end}`;
    const run = (end) => new Promise((resolve, reject) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script(end))}`));
      worker.on('error', reject);
      worker.on('exit', resolve);
    });
    const before = open();
    for (const end of ['', 'producer.send(String(1)); process.exit();', 'consumer.poll(); process.exit();', '', '']) await run(end);
    const after = await settle(before);
    assert.ok(after <= before + 2, `${before} descriptors before, ${after} after`);
  });
});
