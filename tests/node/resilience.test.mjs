// Faults of a cluster as a Node program meets them: health, events, and a table of faults after which all is well.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as libfluvio from '../../bindings/node/index.mjs';
import { PATIENCE_MS, control, rejection } from './support.mjs';

/** Options of a client that does not wait long before it tries again. */
const QUICK = { retryBackoffMs: 1, retryBackoffMaxMs: 20, breakerResetMs: 50, requestTimeoutMs: 2000 };

/** Keeps a client's events. */
function diary() {
  const events = [];
  const waiting = new Set();
  return {
    events,
    note(event) {
      events.push(event);
      for (const check of [...waiting]) check();
    },
    /** Waits for an event from a place on, and gives the place behind it. */
    wait(kind, from = 0) {
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${kind} did not come: ${events.map((e) => e.kind)}`)), PATIENCE_MS);
        const check = () => {
          const at = events.findIndex((event, i) => i >= from && event.kind === kind);
          if (at < 0) return;
          clearTimeout(late);
          waiting.delete(check);
          resolve(at + 1);
        };
        waiting.add(check);
        check();
      });
    },
  };
}

/** Runs a test with a cluster of its own. */
function withCluster(name, run) {
  test(name, { timeout: 2 * PATIENCE_MS }, async () => {
    const cluster = await libfluvio.DevCluster.start({ spus: 2 });
    try {
      await run(cluster);
    } finally {
      await cluster.stop();
    }
  });
}

withCluster('health says what works, events what happened', async (cluster) => {
  const seen = diary();
  const onStats = ({ breakers }) => {
    if (breakers.some(({ endpoint, state }) => endpoint === cluster.endpoint && state !== 'closed')) seen.note({ kind: 'statistics' });
  };
  const tell = { onEvent: seen.note, onStats, statisticsIntervalMs: 10 };
  const client = await libfluvio.connect({ endpoint: cluster.endpoint, breakerFailures: 2, ...tell, ...QUICK });
  let health = await client.health();
  assert.equal(health.verdict, 'healthy');
  assert.deepEqual(health.reasons, []);
  assert.equal(health.sc.address, cluster.endpoint);
  assert.deepEqual(health.spus.map((spu) => [spu.id, spu.reachable, spu.online, spu.breaker, spu.error]), [
    [5001, true, true, 'closed', null],
    [5002, true, true, 'closed', null],
  ]);
  assert.ok(health.sc.rttMs > 0 && health.spus[0].rttMs > 0 && health.metadataAgeMs >= 0);
  assert.equal(health.platformVersion, client.platformVersion);

  await control(cluster, 'POST', 'sc/stop');
  const at = await seen.wait('retry');
  await seen.wait('breaker_opened', at);
  await seen.wait('statistics', at); // they come beside events
  health = await client.health({ timeoutMs: PATIENCE_MS });
  assert.equal(health.verdict, 'degraded');
  assert.ok(health.sc.error && health.sc.rttMs === null && health.metadataError);
  for (const id of [5001, 5002]) await control(cluster, 'POST', `spu/${id}/stop`);
  assert.equal((await client.health()).verdict, 'down');
  for (const verb of ['spu/5001/start', 'spu/5002/start', 'sc/start']) await control(cluster, 'POST', verb);
  await seen.wait('recovered', at);
  assert.equal((await client.health()).verdict, 'healthy');
  await client.close();
  assert.ok((await rejection(client.health())) instanceof libfluvio.ClosedError);
  assert.equal(seen.events[0].kind, 'connected');
  const lost = seen.events.find((event) => event.kind === 'lost');
  assert.equal(lost.address, cluster.endpoint);
  assert.ok(lost.error instanceof libfluvio.ConnectionError);
});

withCluster('a client may be there before its cluster', async (cluster) => {
  await control(cluster, 'POST', 'sc/stop');
  const error = await rejection(libfluvio.connect({ endpoint: cluster.endpoint, maxRetries: 1, ...QUICK }));
  assert.ok(error instanceof libfluvio.ConnectionError);
  assert.equal(error.details.retries, '1');
  const seen = diary();
  const client = await libfluvio.connect({ endpoint: cluster.endpoint, validateOnConnect: false, onEvent: seen.note, ...QUICK });
  assert.ok((await rejection(client.admin.topics({ timeoutMs: 50 }))) instanceof libfluvio.TimeoutError);
  await seen.wait('retry');
  await control(cluster, 'POST', 'sc/start');
  await client.admin.createTopic('t', { timeoutMs: PATIENCE_MS });
  await client.close();
});

withCluster('a cluster whose process is stopped is noticed by what does not come, and all goes on when it does', async (cluster) => {
  const seen = diary();
  const client = await libfluvio.connect({ endpoint: cluster.endpoint, onEvent: seen.note, ...QUICK, requestTimeoutMs: 300, connectionTimeoutMs: 300 });
  await client.admin.createTopic('t');
  const producer = await client.producer('t');
  const consumer = await client.consumer('t', { start: 'beginning' });
  await producer.send('0');
  process.kill(cluster.pid, 'SIGSTOP');
  let waiting;
  let opened;
  try {
    waiting = producer.send('1');
    const lost = await seen.wait('lost');
    assert.ok(seen.events[lost - 1].error instanceof libfluvio.TimeoutError);
    opened = await seen.wait('breaker_opened', await seen.wait('retry', lost));
    assert.equal((await client.health({ timeoutMs: 200 })).verdict, 'down');
  } finally {
    process.kill(cluster.pid, 'SIGCONT');
  }
  await seen.wait('recovered', opened);
  await waiting;
  await producer.send('2');
  const values = new Set();
  for await (const { value } of consumer) {
    values.add(value.toString());
    if (values.has('2')) break;
  }
  assert.deepEqual([...values], ['0', '1', '2']);
  await client.close();
});

test('onEvent must be a function', async () => {
  const error = await rejection(libfluvio.connect({ endpoint: '127.0.0.1:1', onEvent: 5 }));
  assert.ok(error instanceof libfluvio.InvalidArgumentError);
});

withCluster('who writes or reads a topic that is deleted is told so, once for every partition', async (cluster) => {
  const client = await libfluvio.connect({ endpoint: cluster.endpoint, ...QUICK });
  for (const topic of ['t', 'stays']) await client.admin.createTopic(topic, { partitions: 2 });
  const producer = await client.producer('t');
  const consumer = await client.consumer('t', { start: 'beginning' });
  await producer.send({ value: 'v', partition: 0 });
  for await (const { value } of consumer) {
    assert.equal(value.toString(), 'v');
    break;
  }
  await control(cluster, 'DELETE', 'topics/t');
  const failure = await rejection((async () => {
    for (;;) await producer.send({ value: 'v', partition: 1 });
  })());
  assert.ok(failure instanceof libfluvio.NotFoundError);
  assert.equal(failure.details.topic, 't');
  const gone = new Set();
  while (gone.size < 2) {
    const { partition } = (await rejection(consumer.poll(PATIENCE_MS))).details;
    assert.ok(!gone.has(partition));
    gone.add(partition);
  }
  await (await client.producer('stays')).send('v');
  await client.close().catch((error) => assert.ok(error instanceof libfluvio.NotFoundError)); // of the records that failed
});

const rule = (api, action, more = {}) => [['POST', 'faults', { api, count: 2, skip: 1, action, ...more }]];
const verbs = (...names) => names.map((name) => ['POST', name]);

/** What is done to the cluster while records are on their way. Every one of them passes. twice: records may then be stored twice. */
const FAULTS = {
  'produce refused': { steps: rule('Produce', { kind: 'error', code: 6 }) },
  'produce delayed': { steps: rule('Produce', { kind: 'delay', delay_ns: 20_000_000 }) },
  'produce cut': { steps: rule('Produce', { kind: 'cut', bytes: 50 }, { on: 'request' }) },
  'answer cut': { steps: rule('Produce', { kind: 'cut', bytes: 7 }, { on: 'answer' }), twice: true },
  'answer lost': { steps: rule('Produce', { kind: 'close' }, { on: 'answer' }), twice: true },
  'answer to nobody': { steps: rule('Produce', { kind: 'wrong_correlation' }, { count: 1 }), twice: true },
  'connection closed': { steps: rule('Produce', { kind: 'close' }, { on: 'request' }) },
  'stream closed': { steps: rule('StreamFetch', { kind: 'close' }, { on: 'answer' }) },
  'stream cut': { steps: rule('StreamFetch', { kind: 'cut', bytes: 30 }, { on: 'answer' }) },
  'stream refused': { steps: rule('StreamFetch', { kind: 'error', code: 6 }, { on: 'answer' }) },
  'SPU restarts': { steps: verbs('spu/5001/stop', 'spu/5001/start'), twice: true },
  'SPU comes back elsewhere': { steps: verbs('spu/5001/stop', 'spu/5001/start-elsewhere'), twice: true },
  'all restart': {
    steps: verbs(...['stop', 'start'].flatMap((what) => ['sc', 'spu/5001', 'spu/5002'].map((who) => `${who}/${what}`))),
    twice: true,
  },
  'leaders move': {
    steps: [[0, 5001], [1, 5002], [1, 5001], [0, 5002]].map(([partition, spu]) => ['POST', `topics/t/${partition}/leader`, { spu }]),
    twice: true,
  },
  'partitions are added': { steps: [['POST', 'topics/t/partitions', { count: 2 }]] },
  'answer twice': { steps: rule('Produce', { kind: 'repeat' }) },
  'answer stalls': { steps: rule('Produce', { kind: 'stall', bytes: 7 }, { count: 1 }), twice: true },
  'SC restarts': { steps: verbs('sc/stop', 'sc/start') },
  'snapshots anew': { steps: verbs('sc/resync') },
};

for (const [name, { steps, twice }] of Object.entries(FAULTS)) {
  withCluster(`fault: ${name}`, async (cluster) => {
    const client = await libfluvio.connect({ endpoint: cluster.endpoint, ...QUICK });
    await client.admin.createTopic('t', { partitions: 2 });
    const producer = await client.producer('t');
    const consumer = await client.consumer('t', { start: 'beginning' });
    const reports = [];
    for (let number = 0; number < 40; number++) {
      if (number === 10) for (const step of steps) await control(cluster, ...step);
      reports.push(producer.send({ value: String(number).padStart(3, '0'), partition: number % 2 }));
      if (number % 5 === 0) await producer.flush();
    }
    const wanted = new Map();
    for (const [number, report] of reports.entries()) {
      const { partition, offset } = await report;
      assert.equal(partition, number % 2);
      wanted.set(`${partition}/${offset}`, String(number).padStart(3, '0'));
    }
    assert.equal(wanted.size, 40, 'two records are said to stand at the same place');
    const found = new Map();
    const next = [0, 0];
    for await (const { partition, offset, value } of consumer) {
      assert.equal(offset, next[partition]++);
      found.set(`${partition}/${offset}`, value.toString());
      if ([...wanted.keys()].every((place) => found.has(place))) break;
    }
    for (const [place, value] of wanted) assert.equal(found.get(place), value);
    if (!twice) assert.equal(found.size, 40, 'records stand twice');
    for (const partition of [0, 1]) {
      const firsts = [...new Set([...found].filter(([place]) => place.startsWith(`${partition}/`)).map(([, value]) => value))];
      assert.deepEqual(firsts, [...firsts].sort());
    }
    await client.close();
  });
}
