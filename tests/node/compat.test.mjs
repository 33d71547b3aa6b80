// libfluvio/compat: programs written for the official client, and what that declared and never had.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esm from '../../bindings/node/compat.mjs';
import Fluvio, {
  CustomSpuSpec, ErrorCode, FluvioAdmin, FluvioClient, Offset, OffsetFrom, PartitionConsumer, SmartModuleType, SpuGroupSpec, TopicProducer, arrayBufferToString, stringToArrayBuffer,
} from '../../bindings/node/compat.mjs';
import { InvalidArgumentError, InvalidStateError, NotFoundError } from '../../bindings/node/index.mjs';
import { fill, newTopic, packageRoot, readAll, rejection, require, useCluster } from './support.mjs';

const use = useCluster({ spus: 2 });
const wasm = (name) => fileURLToPath(new URL(`../smartmodules/${name}.wasm`, import.meta.url));

/** A client as the official programs have it. */
async function connected() {
  const [host, port] = use.cluster.endpoint.split(':');
  return Fluvio.connect({ host, port: Number(port) });
}

/** So many records of a stream. */
async function take(stream, count) {
  const values = [];
  for await (const record of stream) {
    values.push(record.valueString());
    if (values.length === count) break;
  }
  return values;
}

describe('compat', () => {
  test('CommonJS has the same objects, and its default for TypeScript', () => {
    const cjs = require(path.join(packageRoot, 'lib', 'compat', 'index.js'));
    assert.equal(cjs.__esModule, true);
    assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort());
    for (const name of Object.keys(esm)) assert.equal(cjs[name], esm[name], name);
    assert.equal(cjs.default, cjs.Fluvio);
    assert.equal(FluvioClient, Fluvio);
  });

  test('connects once, by host and port or by the profile', async () => {
    const [host, port] = use.cluster.endpoint.split(':');
    const fluvio = new Fluvio({ host, port: Number(port) });
    assert.ok((await rejection(fluvio.topicProducer('x'))) instanceof InvalidStateError);
    const [first, second] = await Promise.all([fluvio.connect(), fluvio.connect()]);
    assert.ok(first === fluvio && second === fluvio);
    const { client } = fluvio;
    await fluvio.connect({ host: 'elsewhere', port: 1 });
    assert.equal(fluvio.client, client);
    assert.ok((await fluvio.admin()) instanceof FluvioAdmin);
    await fluvio.close();
    assert.equal(client.closed, true);

    const env = process.env.FLV_PROFILE_PATH;
    process.env.FLV_PROFILE_PATH = path.join(packageRoot, 'no-such-profile');
    const error = await rejection(Fluvio.connect());
    if (env === undefined) delete process.env.FLV_PROFILE_PATH;
    else process.env.FLV_PROFILE_PATH = env;
    assert.ok(error instanceof NotFoundError, String(error));
  });

  test('the examples of the official client: produce, produceBatch, consume, consumeIterator', async () => {
    const fluvio = await connected();
    const topic = await newTopic(use.client);
    const producer = await fluvio.topicProducer(topic);
    assert.ok(producer instanceof TopicProducer);
    for (let i = 1; i <= 3; i++) {
      await producer.send(new TextEncoder().encode(`KEY ${i}`), JSON.stringify({ key: i }));
      await producer.flush();
    }
    await producer.sendAll([[stringToArrayBuffer('KEY ü'), 'batch 1'], ['k', 'batch 2']]);
    await producer.sendRecord('no key', 0);
    const consumer = await fluvio.partitionConsumer(topic, 0);
    assert.ok(consumer instanceof PartitionConsumer);
    const seen = [];
    await new Promise((resolve, reject) => {
      consumer.stream(Offset.FromBeginning(), async (record) => {
        await null;
        seen.push([record.keyString(), record.valueString(), record.offset(), record.partition()]);
        if (seen.length === 6) resolve();
      }).catch(reject);
    });
    assert.deepEqual(seen[0], ['KEY 1', '{"key":1}', 0, 0]);
    assert.deepEqual(seen.slice(3), [['KEY ü', 'batch 1', 3, 0], ['k', 'batch 2', 4, 0], [null, 'no key', 5, 0]]);
    await consumer.endStream();
    const stream = await consumer.createStream(Offset.FromBeginning());
    const first = (await stream.next()).value;
    assert.ok(first.key() instanceof ArrayBuffer && first.hasKey() && first.timestamp() > 0);
    assert.equal(arrayBufferToString(first.key()), 'KEY 1');
    assert.equal(arrayBufferToString(first.value()), '{"key":1}');
    assert.equal((await stream.next()).done, false);
    await consumer.endStream();
    assert.equal((await stream.next()).done, true);
    await producer.close();
    await fluvio.close();
  });

  test('streams begin where an Offset says, and close their consumers', async () => {
    const fluvio = await connected();
    const topic = await newTopic(use.client);
    await fill(use.client, topic, ['0', '1', '2', '3', '4']);
    const consumer = await fluvio.partitionConsumer(topic, 0);
    const offsets = [
      [Offset.FromBeginning(), '0'], [new Offset({ index: 2, from: OffsetFrom.Beginning }), '2'], [new Offset({ index: 2, from: 'end' }), '3'],
      [new Offset({ index: 1 }), '4'], [{ index: 3 }, '3'],
    ];
    for (const [offset, value] of offsets) assert.deepEqual(await take(await consumer.createStream(offset), 1), [value], JSON.stringify(offset));
    const later = await consumer.createStream(Offset.FromEnd());
    const waiting = later.next();
    await fill(use.client, topic, ['5']);
    assert.equal((await waiting).value.valueString(), '5');
    await later.return();
    assert.deepEqual((await fluvio.client.stats()).consumers, [], 'a consumer is left');
    for (const offset of [{ index: -1 }, { index: 0, from: 'middle' }]) assert.ok((await rejection(consumer.createStream(offset))) instanceof InvalidArgumentError);
    await fluvio.close();
  });

  test('fetch, which it never had', async () => {
    const fluvio = await connected();
    const topic = await newTopic(use.client);
    const consumer = await fluvio.partitionConsumer(topic, 0);
    assert.deepEqual((await consumer.fetch(Offset.FromBeginning())).toRecords(), []);
    await fill(use.client, topic, ['a', { key: 'k', value: 'b' }]);
    const found = await consumer.fetch(Offset.FromBeginning());
    assert.deepEqual(found.toRecords(), ['a', 'b']);
    assert.deepEqual([found.partitionIndex, found.errorCode, found.highWatermark, found.logStartOffset], [0, ErrorCode.None, 2, 0]);
    assert.equal(ErrorCode[found.errorCode], 'None');
    const records = found.records.batches.flatMap((batch) => batch.records);
    assert.deepEqual(records, [{ key: '', value: 'a', headers: 0 }, { key: 'k', value: 'b', headers: 0 }]);
    assert.deepEqual((await consumer.fetch(new Offset({ index: 1, from: 'end' }))).toRecords(), ['b']);
    assert.deepEqual((await consumer.fetch()).toRecords(), []);
    await fill(use.client, topic, Array(30).fill('x'.repeat(100_000)));
    const part = await consumer.fetch(new Offset({ index: 2, from: 'beginning' }));
    assert.ok(part.toRecords().length >= 10 && part.toRecords().length < 30, `${part.toRecords().length} records`);
    await fluvio.close();
  });

  test('partitions that are named are kept to', async () => {
    const fluvio = await connected();
    const topic = await newTopic(use.client, { partitions: 3 });
    const producer = await fluvio.topicProducerWithConfig(topic, { lingerMs: 5, compression: 'gzip', batchSize: 1000, batchQueueSize: 10, timeoutMs: 5 });
    for (const partition of [2, 0, 2]) await producer.sendRecord(`to ${partition}`, partition);
    const found = (await readAll(use.client, topic)).map((record) => [record.partition, String(record.value), record.key]);
    assert.deepEqual(found.sort(), [[0, 'to 0', null], [2, 'to 2', null], [2, 'to 2', null]]);
    await fluvio.close();
  });

  test('SmartModules by file, by data and by name', async () => {
    const fluvio = await connected();
    const topic = await newTopic(use.client);
    await fill(use.client, topic, ['abc', 'xyz']);
    const consumer = await fluvio.partitionConsumer(topic, 0);
    const data = gzipSync(readFileSync(wasm('upper'))).toString('base64');
    await use.client.admin.createSmartmodule('compat-upper', wasm('upper'));
    for (const how of [{ smartmoduleFile: wasm('upper') }, { smartmoduleData: data }, { smartmoduleName: 'compat-upper', maxBytes: 1 << 20 }]) {
      const stream = await consumer.streamWithConfig(Offset.FromBeginning(), { smartmoduleType: SmartModuleType.Map, ...how });
      assert.deepEqual(await take(stream, 2), ['ABC', 'XYZ'], Object.keys(how)[0]);
    }
    const both = { smartmoduleType: 'map', smartmoduleData: data, smartmoduleName: 'compat-upper' };
    assert.ok((await rejection(consumer.streamWithConfig(Offset.FromBeginning(), both))) instanceof InvalidArgumentError);
    await fluvio.close();
  });

  test('administration, with what it declared and never had', async () => {
    const fluvio = await connected();
    const admin = await fluvio.admin();
    const topic = `compat-${process.pid}`;
    assert.equal(await admin.createTopic(topic, { partitions: 2, replicationFactor: 2 }), topic);
    await use.client.admin.waitTopic(topic);
    const found = await admin.findTopic(topic);
    assert.deepEqual([found.name, found.spec.type, found.spec.partitions, found.spec.replicationFactor], [topic, 'computed', 2, 2]);
    assert.deepEqual([found.status.resolution, Object.keys(found.status.replicaMap)], ['Provisioned', ['0', '1']]);
    assert.equal(await admin.findTopic('compat-none'), null);
    assert.ok(JSON.parse(await admin.listTopic()).some(({ name }) => name === topic));
    const maps = [{ id: 1, replicas: [5002, 5001] }, { id: 0, replicas: [5001, 5002] }];
    await admin.createTopic(`${topic}-maps`, { maps });
    await use.client.admin.waitTopic(`${topic}-maps`);
    assert.deepEqual((await admin.findTopic(`${topic}-maps`)).status.replicaMap, { 0: [5001, 5002], 1: [5002, 5001] });
    const partition = await admin.findPartition(`${topic}-maps`);
    assert.deepEqual([partition.name, partition.spec.leader, partition.status.resolution], [`${topic}-maps-0`, 5001, 'Online']);
    assert.equal((await admin.findPartition(`${topic}-maps`, 1)).spec.leader, 5002);
    assert.ok((await rejection(admin.findPartition('compat-none'))) instanceof NotFoundError);
    assert.equal(JSON.parse(await admin.listPartitions()).filter(({ name }) => name.startsWith(topic)).length, 4);
    assert.deepEqual(JSON.parse(await admin.listSpu()).map(({ spec }) => spec.id), [5001, 5002]);

    await admin.createCustomSpu('compat-spu', new CustomSpuSpec({ id: 6001, host: '10.0.0.1' }));
    assert.equal((await use.client.admin.spu('compat-spu')).privateEndpoint.port, 9006);
    await admin.deleteCustomSpu(6001);
    await admin.createManagedSpu('compat-group', new SpuGroupSpec({ replicas: 2, minId: 7, rack: 'r', env: [{ name: 'A', value: 'b' }] }));
    const group = await use.client.admin.spuGroup('compat-group');
    assert.deepEqual([group.replicas, group.minId, group.rack, group.env], [2, 7, 'r', { A: 'b' }]);
    await admin.deleteManagedSpu('compat-group');
    for (const name of [topic, `${topic}-maps`]) assert.equal(await admin.deleteTopic(name), name);
    assert.ok((await rejection(admin.createTopic(topic, { maps: [{ id: 1, replicas: [5001] }] }))) instanceof InvalidArgumentError);
    await fluvio.close();
  });

  test('what it throws says what is wrong', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address();
    server.close();
    const error = await rejection(Fluvio.connect({ host: '127.0.0.1', port, client: { maxRetries: 0 } }));
    assert.equal(error.codeName, 'CONNECTION');
    const fluvio = await connected();
    assert.ok((await rejection(fluvio.topicProducer('compat-none'))) instanceof NotFoundError);
    assert.ok((await rejection((await fluvio.partitionConsumer('compat-none', 0)).createStream(Offset.FromEnd()))) instanceof NotFoundError);
    await fluvio.close();
  });
});
