// Every call that waits takes an AbortSignal, and every object that is closed can be disposed of.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import * as libfluvio from '../../bindings/node/index.mjs';
import { fill, listen, newTopic, rejection, stopSpus, useCluster } from './support.mjs';

const { CancelledError, DevCluster, InvalidArgumentError, connect } = libfluvio;
const use = useCluster();

/** The calls of an object, by name, each given its options. */
const ofClient = (client) => ({
  producer: (options) => client.producer('t', options),
  consumer: (options) => client.consumer('t', options),
  health: (options) => client.health(options),
  createTopic: (options) => client.admin.createTopic('t', options),
  deleteTopic: (options) => client.admin.deleteTopic('t', options),
  addPartitions: (options) => client.admin.addPartitions('t', 1, options),
  addMirror: (options) => client.admin.addMirror('t', 'r', options),
  waitTopic: (options) => client.admin.waitTopic('t', options),
  topics: (options) => client.admin.topics(options),
  topic: (options) => client.admin.topic('t', options),
  partitions: (options) => client.admin.partitions(options),
  partition: (options) => client.admin.partition('t', 0, options),
  spus: (options) => client.admin.spus(options),
  spu: (options) => client.admin.spu('s', options),
  customSpus: (options) => client.admin.customSpus(options),
  createCustomSpu: (options) => client.admin.createCustomSpu('s', { id: 1, publicEndpoint: 'a:1', privateEndpoint: 'a:2', ...options }),
  deleteCustomSpu: (options) => client.admin.deleteCustomSpu('s', options),
  createSpuGroup: (options) => client.admin.createSpuGroup('g', { replicas: 1, minId: 1, ...options }),
  deleteSpuGroup: (options) => client.admin.deleteSpuGroup('g', options),
  createSmartmodule: (options) => client.admin.createSmartmodule('m', Buffer.from('\0asm\x01\0\0\0', 'latin1'), options),
  deleteSmartmodule: (options) => client.admin.deleteSmartmodule('m', options),
  createTableFormat: (options) => client.admin.createTableFormat('f', options),
  createMirror: (options) => client.admin.createMirror('m', options),
  consumerOffsets: (options) => client.admin.consumerOffsets(options),
  deleteConsumerOffset: (options) => client.admin.deleteConsumerOffset('c', 't', 0, options),
  resetConsumerOffset: (options) => client.admin.resetConsumerOffset('c', 't', 0, 'end', options),
  watchTopics: (options) => client.admin.watchTopics(options),
});

const ofConsumer = (consumer) => ({
  poll: (options) => consumer.poll(options),
  pollMany: (options) => consumer.pollMany(options),
  records: async (options) => consumer.records(options).next(),
  batches: async (options) => consumer.batches(options).next(),
  seek: (options) => consumer.seek(0, 'end', options),
  offsetFor: (options) => consumer.offsetFor(0, 'end', options),
  pause: (options) => consumer.pause(0, options),
  resume: (options) => consumer.resume(0, options),
  drain: (options) => consumer.drain(options),
  positions: (options) => consumer.positions(options),
  commit: (options) => consumer.commit(options),
  commitOffset: (options) => consumer.commitOffset(0, 0, options),
});

const ofProducer = (producer) => ({
  send: (options) => producer.send('x', options),
  sendMany: (options) => producer.sendMany(['x'], options),
  flush: (options) => producer.flush(options),
  stats: (options) => producer.stats(options),
});

/** The error of a call; a text when it succeeds. */
const failure = (call, options) => Promise.resolve().then(() => call(options)).then(() => 'it succeeds', (error) => error);

/** What is no signal is refused, and an aborted one ends the call before it begins. */
async function checkEntry(calls) {
  for (const [name, call] of Object.entries(calls)) {
    for (const wrong of ['soon', 5, {}, { aborted: false }]) {
      const error = await failure(call, { signal: wrong });
      assert.ok(error instanceof InvalidArgumentError && /^signal: .*AbortSignal/.test(error.message), `${name}: ${error}`);
    }
    const error = await failure(call, { signal: AbortSignal.abort(new Error('why')) });
    assert.ok(error instanceof CancelledError && error.cause.message === 'why', `${name}: ${error}`);
  }
}

/** A call that waits ends when its signal is aborted, and leaves no listener at it. */
async function checkMiddle(calls) {
  for (const [name, call] of Object.entries(calls)) {
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = failure(call, { signal });
    let early = null;
    waiting.then((error) => (early = error));
    while (getEventListeners(signal, 'abort').length === 0 && !early) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(early, null, `${name} does not wait`);
    controller.abort(new Error(name));
    const error = await waiting;
    assert.ok(error instanceof CancelledError && error.cause.message === name, `${name}: ${error}`);
    assert.equal(getEventListeners(signal, 'abort').length, 0, name);
  }
}

describe('signals', () => {
  test('of calls of clients, at a cluster that never answers', async () => {
    const silent = await listen(() => {});
    const client = await connect({ endpoint: silent.endpoint, validateOnConnect: false });
    const calls = { connect: (options) => connect({ endpoint: silent.endpoint, ...options }), ...ofClient(client) };
    await checkEntry({ ...calls, stats: (options) => client.stats(options), prometheus: (options) => client.prometheus(options), start: (options) => DevCluster.start(options) });
    await checkMiddle({ ...calls, start: (options) => DevCluster.start(options) });
    await client.close();
    await silent.close();
  });

  test('of consumers and watches', async () => {
    const topic = await newTopic(use.client);
    await fill(use.client, topic, ['x']);
    const consumer = await use.client.consumer(topic, { consumerId: topic, offsetStrategy: 'manual', start: 'beginning' });
    await consumer.poll();
    const watch = await use.client.admin.watchSmartmodules(); // there are none
    assert.equal((await watch.next()).event, 'synced');
    const calls = ofConsumer(consumer);
    await checkEntry({ ...calls, next: (options) => watch.next(options) });
    const { poll, pollMany, records, batches } = calls;
    await checkMiddle({ poll, pollMany, records, batches, next: (options) => watch.next(options) });
    const start = await stopSpus(use.cluster);
    try {
      const { seek, offsetFor, commitOffset } = calls;
      await checkMiddle({ seek, offsetFor, commitOffset });
    } finally {
      await start();
    }
    await consumer.close();
    await watch.close();
  });

  test('of producers', async () => {
    const topic = await newTopic(use.client);
    const producer = await use.client.producer(topic);
    await checkEntry(ofProducer(producer));
    const start = await stopSpus(use.cluster);
    try {
      const { send, sendMany, flush } = ofProducer(producer);
      await checkMiddle({ send, sendMany, flush });
      await checkMiddle({ close: (options) => producer.close(options) });
    } finally {
      await start();
    }
    assert.equal(producer.closed, true);
  });
});

test('what can be closed can be disposed of', { skip: Symbol.asyncDispose ? false : 'this runtime has no Symbol.asyncDispose' }, async () => {
  const closing = Object.values(libfluvio).filter((one) => one.prototype?.close || one.prototype?.stop);
  assert.deepEqual(closing.map((type) => type.name).sort(), ['Client', 'Consumer', 'DevCluster', 'Producer', 'Watch']);
  const cluster = await DevCluster.start();
  const client = await connect(cluster.endpoint);
  const topic = await newTopic(client);
  const opened = [await client.producer(topic), await client.consumer(topic), await client.admin.watchTopics(), client];
  for (const one of opened) await one[Symbol.asyncDispose]();
  for (const one of opened) assert.equal(one.closed, true, one.constructor.name);
  await cluster[Symbol.asyncDispose]();
  await rejection(connect({ endpoint: cluster.endpoint, connectionTimeoutMs: 1000, maxRetries: 0 }));
});
