// Everything that goes wrong at the beginning gives a typed error with a clear message, in time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as libfluvio from '../../bindings/node/index.mjs';
import { connect } from '../../bindings/node/index.mjs';
import { control, listen, newTopic, rejection, require, useCluster } from './support.mjs';

const { codes } = require('../../bindings/node/lib/codes.js');

/** Holds an error to its class, and to what every error promises. */
function assertError(error, type, parts = []) {
  assert.ok(error instanceof type, `expected ${type.name}, got ${error.name}: ${error.message}`);
  assert.ok(error instanceof libfluvio.FluvioError);
  assert.ok(error instanceof Error);
  assert.equal(error.name, type.name);
  assert.equal(error.code, type.code);
  assert.ok(error.message.length > 0 && !error.message.includes('\n'), error.message);
  for (const part of parts) assert.ok(error.message.includes(part), `"${part}" is not in: ${error.message}`);
}

test('every code has a class of its own', () => {
  for (const row of codes) {
    const type = libfluvio[row.className];
    const error = new type('why');
    assertError(error, type, ['why']);
    assert.equal(error.code, row.code);
    assert.equal(error.codeName, row.name);
    assert.equal(error.retriable, row.retriable);
    assert.equal(error.fatal, row.fatal);
    assert.equal(error.hint, row.hint);
    assert.equal(error.maybeWritten, false);
    assert.equal(error.serverCode, 0);
    assert.equal(error.serverName, '');
    assert.equal(String(error), `${row.className}: why`);
  }
});

describe('connect', () => {
  test('an endpoint where nobody listens', async () => {
    const server = await listen(() => {});
    await server.close();
    const error = await rejection(connect({ endpoint: server.endpoint, timeoutMs: 10_000 }));
    assertError(error, libfluvio.ConnectionError, [server.endpoint]);
    assert.match(error.stack, /errors\.test\.mjs/, 'the stack shows the caller');
    assert.equal(error.retriable, true);
    assert.equal(error.details.address, server.endpoint);
  });

  test('is refused, too, where the application makes its own of stacks, or wants none', async () => {
    const server = await listen(() => {});
    await server.close();
    const { prepareStackTrace, stackTraceLimit } = Error;
    for (const change of [{ prepareStackTrace: (_, sites) => sites }, { stackTraceLimit: undefined }, { stackTraceLimit: 0 }]) {
      try {
        Object.assign(Error, change);
        const error = await rejection(connect({ endpoint: server.endpoint, maxRetries: 0 }));
        assert.equal(error.codeName, 'CONNECTION');
      } finally {
        Object.assign(Error, { prepareStackTrace, stackTraceLimit });
      }
    }
  });

  test('an endpoint that accepts and never answers', async () => {
    const server = await listen(() => {});
    try {
      const error = await rejection(connect({ endpoint: server.endpoint, connectionTimeoutMs: 200 }));
      assertError(error, libfluvio.TimeoutError, [server.endpoint]);
    } finally {
      await server.close();
    }
  });

  test('a deadline of the call', async () => {
    const server = await listen(() => {});
    try {
      const error = await rejection(connect({ endpoint: server.endpoint, timeoutMs: 100 }));
      assertError(error, libfluvio.TimeoutError);
    } finally {
      await server.close();
    }
  });

  test('a port that speaks HTTP', async () => {
    const server = await listen((socket) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request');
    });
    try {
      const error = await rejection(connect(server.endpoint));
      assertError(error, libfluvio.ProtocolError, [server.endpoint]);
    } finally {
      await server.close();
    }
  });

  test('an aborted signal', async () => {
    const accepted = {};
    const connected = new Promise((resolve) => {
      accepted.resolve = resolve;
    });
    const server = await listen(() => accepted.resolve());
    try {
      const reason = new Error('changed my mind');
      const controller = new AbortController();
      const attempt = rejection(connect({ endpoint: server.endpoint, signal: controller.signal }));
      await connected;
      controller.abort(reason);
      const error = await attempt;
      assertError(error, libfluvio.CancelledError);
      assert.equal(error.cause, reason);

      const early = await rejection(connect({ endpoint: server.endpoint, signal: AbortSignal.abort() }));
      assertError(early, libfluvio.CancelledError);
    } finally {
      await server.close();
    }
  });

  test('wrong settings, all at once', async () => {
    const error = await rejection(connect({ endpoint: 'x:1', conectionTimeoutMs: 5, requestTimeoutMs: 0, tls: 'maybe' }));
    assertError(error, libfluvio.InvalidArgumentError, ['conection_timeout_ms', 'connection_timeout_ms', 'request_timeout_ms', 'tls']);
  });

  test('values that are no settings', async () => {
    for (const options of [42, [], () => {}, { endpoint: Symbol('x') }, { clientId: () => {} }, { timeoutMs: -1 }, { timeoutMs: 'soon' }, { signal: {} }, { requestTimeoutMs: NaN }]) {
      assertError(await rejection(connect(options)), libfluvio.InvalidArgumentError);
    }
  });
});

describe('with a cluster', () => {
  const use = useCluster();

  test('an unknown topic', async () => {
    for (const attempt of [() => use.client.producer('nowhere'), () => use.client.consumer('nowhere'), () => use.client.admin.deleteTopic('nowhere'), () => use.client.consumer(['nowhere', 'either'])]) {
      const error = await rejection(attempt());
      assertError(error, libfluvio.NotFoundError, ['nowhere']);
    }
  });

  test('bad topic names', async () => {
    for (const name of ['', 'a'.repeat(64), 'Orders', 'a_b', '-a', 'a-', 'a b', 'é', 'a\0b', null, undefined, 7]) {
      const error = await rejection(use.client.admin.createTopic(name));
      assertError(error, libfluvio.InvalidArgumentError);
    }
    for (const name of ['', 'Orders', 'a\0b', null]) {
      assertError(await rejection(use.client.producer(name)), libfluvio.InvalidArgumentError);
      assertError(await rejection(use.client.consumer(name)), libfluvio.InvalidArgumentError);
    }
    assertError(await rejection(use.client.consumer([])), libfluvio.InvalidArgumentError);
  });

  test('a name of 63 characters is a name', async () => {
    const name = 'a'.repeat(63);
    await use.client.admin.createTopic(name);
    assert.ok((await use.client.admin.topics()).some((topic) => topic.name === name));
    await use.client.admin.deleteTopic(name);
    assert.ok(!(await use.client.admin.topics()).some((topic) => topic.name === name));
  });

  test('a topic that exists', async () => {
    const topic = await newTopic(use.client);
    assertError(await rejection(use.client.admin.createTopic(topic)), libfluvio.AlreadyExistsError, [topic]);
  });

  test('an oversized record fails alone', async () => {
    const producer = await use.client.producer(await newTopic(use.client), { maxRequestSize: 4096, batchSize: 2048 });
    const results = await Promise.allSettled([producer.send('small'), producer.send('x'.repeat(5000)), producer.send('small too')]);
    assert.deepEqual(results.map((result) => result.status), ['fulfilled', 'rejected', 'fulfilled']);
    assertError(results[1].reason, libfluvio.TooLargeError, ['5000', 'max_request_size']);
    assert.equal(results[2].value.offset, results[0].value.offset + 1);
    await producer.close();
  });

  test('records that are none', async () => {
    const producer = await use.client.producer(await newTopic(use.client));
    const bad = [undefined, null, 5, {}, { value: 5 }, { value: null }, { key: {}, value: 'x' }, { value: 'x', partition: -1 }, { value: 'x', partition: 1.5 }, { value: 'x', timestamp: -5 }, { value: 'x', timestamp: 'now' }];
    for (const record of bad) assertError(await rejection(producer.send(record)), libfluvio.InvalidArgumentError);
    assertError(await rejection(producer.sendMany('text')), libfluvio.InvalidArgumentError);
    assertError(await rejection(producer.sendMany(null)), libfluvio.InvalidArgumentError);
    assert.equal(producer.pending, 0);
    await producer.close();
  });

  test('a partition that is not there', async () => {
    const topic = await newTopic(use.client, { partitions: 2 });
    const producer = await use.client.producer(topic);
    const error = await rejection(producer.send({ value: 'x', partition: 2 }));
    assertError(error, libfluvio.InvalidArgumentError, [topic, 'partition 2']);
    await producer.close();
    const missing = await rejection(use.client.consumer(topic, { partitions: [5] }));
    assertError(missing, libfluvio.InvalidArgumentError, [topic, 'partition 5']);
  });

  test('wrong settings of producers, consumers and topics', async () => {
    const topic = await newTopic(use.client);
    assertError(await rejection(use.client.producer(topic, { lingrMs: 1 })), libfluvio.InvalidArgumentError, ['linger_ms']);
    assertError(await rejection(use.client.consumer(topic, { start: 'middle' })), libfluvio.InvalidArgumentError, ['start']);
    assertError(await rejection(use.client.admin.createTopic('a', { partitions: 0.5 })), libfluvio.InvalidArgumentError, ['partitions']);
  });

  test('everything that was closed', async () => {
    const topic = await newTopic(use.client);
    const client = await connect(use.cluster.endpoint);
    const producer = await client.producer(topic);
    const consumer = await client.consumer(topic);
    await client.close();
    await client.close();
    assert.deepEqual([client.closed, producer.closed, consumer.closed], [true, true, true]);
    for (const attempt of [() => client.admin.topics(), () => client.producer(topic), () => producer.send('x'), () => producer.sendMany(['x']), () => producer.flush(), () => consumer.poll(0)]) {
      assertError(await rejection(attempt()), libfluvio.ClosedError);
    }
    await producer.close();
    await consumer.close();
  });
});

test('where a record is that was stored but not replicated', async (t) => {
  const cluster = await libfluvio.DevCluster.start({ spus: 2 });
  t.after(() => cluster.stop());
  const client = await connect({ endpoint: cluster.endpoint });
  t.after(() => client.close());
  await client.admin.createTopic('t', { replication: 2 });
  const producer = await client.producer('t', { isolation: 'read_committed', serverTimeoutMs: 50 });
  assert.equal((await producer.send('0')).offset, 0);
  const { leader } = await control(cluster, 'GET', 'topics/t/0');
  await control(cluster, 'POST', `spu/${5001 + 5002 - leader}/stop`);
  const errors = await Promise.all([rejection(producer.send('1')), rejection(producer.send('2'))]);
  errors.forEach((error, i) => {
    assertError(error, libfluvio.TimeoutError);
    assert.equal(error.serverCode, 7);
    assert.equal(error.maybeWritten, true);
    assert.equal(error.details.offset, String(i + 1));
  });
});
