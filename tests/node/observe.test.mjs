// Counters, Prometheus text, statistics at intervals, logs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { ClosedError, DevCluster, InvalidArgumentError, connect } from '../../bindings/node/index.mjs';
import { control, newTopic, packageRoot, rejection, runNode, useCluster } from './support.mjs';

const use = useCluster();

/** Waits until a condition holds; what it waits for comes through the event loop. */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Reads Prometheus's text: value by series. A family comes once, a series too, and below its family. */
function parse(text) {
  assert.ok(text.endsWith('\n'));
  const series = new Map();
  const families = new Set();
  let family = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const type = line.match(/^# TYPE (\w+) (counter|gauge|histogram)$/);
    if (type) {
      family = type[1];
      assert.ok(!families.has(family), family);
      families.add(family);
      continue;
    }
    if (/^# HELP \w+ \S/.test(line)) continue;
    const sample = line.match(/^(\w+?)(_bucket|_sum|_count)?(\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+\}) (\S+)$/);
    assert.ok(sample, line);
    assert.equal(sample[1], family);
    const name = sample[1] + (sample[2] ?? '') + sample[3];
    assert.ok(!series.has(name), name);
    series.set(name, Number(sample[4]));
  }
  return series;
}

test('counters and Prometheus text', async () => {
  const client = await connect({ endpoint: use.cluster.endpoint, clientId: 'counting' });
  const topic = await newTopic(client);
  const producer = await client.producer(topic);
  await producer.sendMany(Array(20).fill('12345'));
  const consumer = await client.consumer(topic, { start: 'beginning' });
  let seen = 0;
  while (seen < 20) seen += (await consumer.poll()).length;
  const stats = await client.stats();
  assert.match(stats.client, /^counting-\d+$/);
  assert.ok(Math.abs(Date.now() - stats.time.getTime()) < 600_000);
  const [writer] = stats.producers;
  assert.deepEqual([writer.topic, writer.recordsAcknowledged, writer.bytesAccepted], [topic, 20, 100]);
  const [reader] = stats.consumers;
  assert.deepEqual([reader.records, reader.lag, reader.partitions[0].position, reader.partitions[0].committed], [20, 0, 20, null]);
  const { count, latency } = stats.requests.find(({ api }) => api === 'Produce');
  assert.ok(latency.count === count && latency.p50Ms > 0 && latency.p50Ms <= latency.maxMs);
  assert.deepEqual(latency.buckets.at(-1), { upToMs: 60_000, count });
  assert.deepEqual([stats.errors, [...new Set(stats.breakers.map(({ state }) => state))]], [[], ['closed']]);
  const series = parse(await client.prometheus());
  assert.equal(series.get(`fluvio_producer_records_total{client="${stats.client}",producer="1",topic="${topic}",outcome="acknowledged"}`), 20);
  assert.equal(series.get(`fluvio_consumer_records_total{client="${stats.client}",consumer="1",consumer_id=""}`), 20);
  await client.close();
  assert.ok((await rejection(client.stats())) instanceof ClosedError);
});

test('statistics at intervals', async () => {
  const told = [];
  const client = await connect({ endpoint: use.cluster.endpoint, statisticsIntervalMs: 10, onStats: (stats) => told.push(stats) });
  await until(() => told.length > 1);
  assert.equal(told[0].client, told[1].client);
  await client.close();
  const count = told.length;
  const others = [];
  const other = await connect({ endpoint: use.cluster.endpoint, statisticsIntervalMs: '10ms', onStats: (stats) => others.push(stats) });
  await until(() => others.length > 2);
  await other.close();
  assert.equal(told.length, count, 'nothing after close, while others are told');
  for (const options of [{ statisticsIntervalMs: 10 }, { onStats: () => {} }, { onStats: 'print' }, { onLog: 1 }]) {
    assert.ok((await rejection(connect({ endpoint: use.cluster.endpoint, ...options }))) instanceof InvalidArgumentError);
  }
});

test('logs', async () => {
  const lines = [];
  const cluster = await DevCluster.start();
  const client = await connect({
    endpoint: cluster.endpoint, logLevel: 'debug', retryBackoffMs: 1, retryBackoffMaxMs: 5, onLog: (line) => lines.push(line),
  });
  const topic = await newTopic(client);
  const producer = await client.producer(topic);
  await producer.send({ key: 'secret key', value: 'secret value' });
  const line = (message, kind) => lines.find((one) => one.message === message && (kind === undefined || one.fields.kind === kind));
  await until(() => line('connected', 'watch') && line('request', 'produce'));
  assert.deepEqual([line('connected').level, line('request').level], ['info', 'debug']);
  assert.equal(line('connected', 'watch').fields.addr, cluster.endpoint);
  await control(cluster, 'POST', 'sc/stop');
  await until(() => line('metadata watch lost'));
  assert.deepEqual([line('metadata watch lost').level, line('metadata watch lost').fields.code, line('metadata watch lost').dropped], ['warn', 'CONNECTION', 0]);
  await control(cluster, 'POST', 'sc/start');
  await until(() => line('metadata watch recovered'));
  await client.close();
  const count = lines.length;
  await cluster.stop();
  assert.equal(lines.length, count, 'nothing after close');
  assert.ok(!JSON.stringify(lines).includes('secret'));
});

test('warnings go to the standard error when nobody takes them', async () => {
  const program = `const { connect } = require(${JSON.stringify(packageRoot)});
    connect({ endpoint: ${JSON.stringify(use.cluster.endpoint)}, tls: 'anonymous', tlsInsecure: true }).catch(() => {});`;
  for (const [variable, wanted] of [['', true], ['off', false]]) {
    const { stderr } = await runNode(['-e', program], { env: { ...process.env, FLUVIO_LOG: variable } });
    assert.equal(/level=WARN msg="tls is anonymous/.test(stderr), wanted, stderr);
  }
});

test('FLUVIO_LOG decides which lines onLog gets, whatever logLevel says', async () => {
  const program = `const { connect } = require(${JSON.stringify(packageRoot)});
    const levels = new Set();
    connect({ endpoint: ${JSON.stringify(use.cluster.endpoint)}, logLevel: 'info', onLog: (line) => levels.add(line.level) })
      .then((client) => client.close())
      .then(() => console.log(JSON.stringify([...levels].sort())));`;
  for (const [variable, wanted] of [['', ['info']], ['debug', ['debug', 'info']], ['warn', []], ['off', []], ['loud', ['info', 'warn']]]) {
    const { stdout, stderr } = await runNode(['-e', program], { env: { ...process.env, FLUVIO_LOG: variable } });
    assert.deepEqual([variable, JSON.parse(stdout), stderr], [variable, wanted, '']);
  }
});
