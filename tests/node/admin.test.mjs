// The cluster's objects: every call, every field there and back; watches; errors that say what to do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import {
  AlreadyExistsError, CancelledError, ClosedError, InvalidArgumentError, InvalidStateError, NotFoundError, PermissionError, ServerError, TimeoutError, connect,
} from '../../bindings/node/index.mjs';
import { fill, rejection, useCluster } from './support.mjs';

/** The smallest module there is: it does nothing. */
const wasm = Buffer.from('\0asm\x01\0\0\0', 'latin1');

let names = 0;
const ownName = () => `own-${process.pid}-${++names}`;
const modulePackage = (name) => ({
  name, group: 'g', version: '0.1.0', apiVersion: '0.2.0', description: 'd', license: 'l', visibility: 'public', repository: 'r',
});

describe('admin', () => {
  const use = useCluster({ spus: 2 });

  test('every field of a topic arrives, and comes back', async () => {
    const { admin } = use.client;
    const name = ownName();
    await admin.createSmartmodule('x', wasm, { package: modulePackage(name) });
    const deduplication = { smartmodule: `g/${name}@0.1.0`, count: 7, ageMs: '5s', params: { camelCase: 'v' } };
    const options = {
      partitions: 2, ignoreRack: true, retentionSeconds: '1h', segmentSize: '1MiB', maxPartitionSize: '1 GiB', compression: 'gzip', deduplication, system: true,
    };
    await admin.createTopic(name, { ...options, dryRun: true });
    assert.ok((await rejection(admin.topic(name))) instanceof NotFoundError);
    await admin.createTopic(name, options);
    const topic = await admin.topic(name);
    const { replicas, ...rest } = topic;
    assert.deepEqual(rest, {
      name, partitions: 2, replication: 1, ignoreRack: true, assignment: [], mirror: null, retentionSeconds: 3600, segmentSize: 1 << 20,
      maxPartitionSize: 1 << 30, compression: 'gzip', deduplication: { ...deduplication, ageMs: 5000 }, isSystem: true, status: 'provisioned', reason: '',
    });
    assert.deepEqual(replicas.map(({ partition, spus, mirror }) => [partition, spus.length, mirror]), [[0, 1, null], [1, 1, null]]);
    const partition = await admin.partition(name, 1);
    assert.deepEqual(
      [partition.leader, partition.status, partition.isSystem, partition.compression, partition.retentionSeconds, partition.segmentSize, partition.maxPartitionSize],
      [replicas[1].spus[0], 'online', true, 'gzip', 3600, 1 << 20, 1 << 30],
    );
    assert.deepEqual(partition.deduplication, topic.deduplication);
    assert.deepEqual(await admin.topics({ names: name }), []);
    assert.deepEqual(await admin.topics({ names: [name], system: true }), [topic]);
    const refused = await rejection(admin.deleteTopic(name));
    assert.ok(refused instanceof PermissionError && refused.serverCode === 12001);
    assert.match(refused.message, /give force/);
    await admin.deleteTopic(name, { force: true });
    await admin.deleteSmartmodule(`g/${name}@0.1.0`);
  });

  test('replicas placed by hand, topics that grow, mirrors', async () => {
    const { admin } = use.client;
    const name = ownName();
    await admin.createTopic(name, { assignment: [[5001, 5002], [5002, 5001]] });
    assert.deepEqual((await admin.topic(name)).assignment, [[5001, 5002], [5002, 5001]]);
    assert.ok((await rejection(admin.addPartitions(name, 1))) instanceof InvalidArgumentError);
    const grows = `${name}-grows`;
    await admin.createTopic(grows);
    await admin.addPartitions(grows, 2);
    await admin.waitTopic(grows);
    assert.equal((await admin.topic(grows)).partitions, 3);
    await fill(use.client, grows, ['x', 'y', 'z']);
    let partitions;
    do partitions = await admin.partitions({ topic: grows }); // reports are late
    while (partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0) < 3);
    assert.deepEqual(partitions.map(({ partition, startOffset, followers }) => [partition, startOffset, followers.length]), [[0, 0, 0], [1, 0, 0], [2, 0, 0]]);
    const late = await rejection(admin.waitTopic(`${name}-never`, { timeoutMs: 50 }));
    assert.ok(late instanceof TimeoutError);
    assert.match(late.message, /waiting for the topic to exist/);
    const mirror = { kind: 'home', partitions: [{ remoteCluster: 'other', remoteReplica: 'x-3', source: true }], source: true, homeCluster: '', homeSpus: [], target: false };
    await admin.createTopic(`${name}-home`, { mirror: { kind: 'home', partitions: mirror.partitions, source: true } });
    assert.deepEqual((await admin.topic(`${name}-home`)).mirror, mirror);
    await admin.createMirror(name);
    await admin.addMirror(`${name}-home`, name);
    assert.equal((await admin.topic(`${name}-home`)).mirror.partitions[1].remoteCluster, name);
    const remote = { kind: 'remote', homeCluster: 'hub', homeSpus: [{ id: 7, key: 'k', endpoint: 'e:1' }], target: true };
    await admin.createTopic(`${name}-remote`, { mirror: remote });
    const copy = await admin.topic(`${name}-remote`);
    assert.deepEqual(copy.mirror, { ...remote, partitions: [], source: false });
    assert.deepEqual(copy.replicas[0].mirror, {
      kind: 'remote', remoteCluster: '', remoteReplica: '', source: false, homeCluster: 'hub', homeSpu: 7, homeSpuKey: 'k', homeEndpoint: 'e:1', target: true,
    });
    assert.deepEqual((await admin.partition(`${name}-remote`, 0)).mirror, copy.replicas[0].mirror);
    assert.ok((await rejection(admin.deleteTopic(`${name}-remote`))) instanceof InvalidStateError);
    for (const end of ['', '-grows', '-home']) await admin.deleteTopic(name + end);
    await admin.deleteMirror(name);
  });

  test('SPUs and groups of them', async () => {
    const { admin } = use.client;
    const name = ownName();
    assert.deepEqual((await admin.spus({ names: 'custom-spu-' })).map(({ id, status }) => [id, status]), [[5001, 'online'], [5002, 'online']]);
    const options = { id: 77, publicEndpoint: 'a:1', privateEndpoint: 'b:2', publicEndpointLocal: 'c:3', rack: 'r', encryption: 'ssl' };
    await admin.createCustomSpu(name, { ...options, dryRun: true });
    await admin.createCustomSpu(name, options);
    const at = (hostname, port) => ({ hosts: [{ hostname, ip: '' }], port, encryption: 'ssl' });
    const spu = {
      name, id: 77, type: 'custom', status: 'init', address: 'a:1', publicEndpoint: at('a', 1), privateEndpoint: at('b', 2), publicEndpointLocal: at('c', 3), rack: 'r',
    };
    assert.deepEqual(await admin.spu(name), spu);
    assert.deepEqual(await admin.customSpus({ names: [name] }), [spu]);
    assert.ok((await rejection(admin.createCustomSpu(name, options))) instanceof AlreadyExistsError);
    await admin.deleteCustomSpu(77);
    await admin.createCustomSpu(name, options);
    await admin.deleteCustomSpu(name);
    assert.ok((await rejection(admin.deleteCustomSpu(name))) instanceof NotFoundError);
    const group = { replicas: 3, minId: 9, rack: 'r', inSyncReplicaMin: 2, storageLogDir: '/l', storageSize: '1Gi', env: { A_b: '1' } };
    await admin.createSpuGroup(name, group);
    assert.deepEqual(await admin.spuGroup(name), { name, ...group, status: 'init', reason: '' });
    assert.equal((await admin.spuGroups({ names: name })).length, 1);
    await admin.deleteSpuGroup(name);
  });

  test('SmartModules, table formats and mirrors', async () => {
    const { admin } = use.client;
    const name = ownName();
    const params = [{ name: 'a', description: 'first', optional: true }, { name: 'b', description: '', optional: false }];
    assert.equal(await admin.createSmartmodule('ignored', wasm, { package: modulePackage(name), params }), `${name}-g-0.1.0`);
    const { size, ...stored } = await admin.smartmodule(`g/${name}`);
    assert.ok(size > 0);
    assert.deepEqual(stored, { name: `${name}-g-0.1.0`, fullName: `g/${name}@0.1.0`, package: modulePackage(name), params, format: 'binary', wasm });
    assert.deepEqual(await admin.smartmodules({ names: stored.fullName }), [{ ...stored, size, wasm: null }]);
    assert.deepEqual(await admin.smartmodules({ names: [stored.fullName], wasm: true }), [{ ...stored, size }]);
    await admin.deleteSmartmodule(stored.fullName);
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-')), 'x.wasm');
    fs.writeFileSync(file, wasm);
    assert.equal(await admin.createSmartmodule(name, file), name);
    assert.deepEqual((await admin.smartmodule(name)).wasm, wasm);
    await admin.deleteSmartmodule(name);
    fs.rmSync(path.dirname(file), { recursive: true });

    const columns = [
      { keyPath: 'k', headerLabel: 'h', width: '10', alignment: 'right', format: '%d', display: false, primaryKey: true, headerTextColor: 'blue', headerBgColor: 'green' },
      { keyPath: 'l', headerLabel: '', width: '', alignment: '', format: '', display: null, primaryKey: null, headerTextColor: '', headerBgColor: '' },
    ];
    await admin.createTableFormat(name, { inputFormat: 'json', smartmodule: 's', columns: [columns[0], { keyPath: 'l' }] });
    const table = { name, inputFormat: 'json', columns, smartmodule: 's', status: 'init', reason: '' };
    assert.deepEqual(await admin.tableFormat(name), table);
    assert.deepEqual(await admin.tableFormats({ names: name }), [table]);
    assert.match((await rejection(admin.createTableFormat(name))).message, /delete the existing table format/);
    await admin.deleteTableFormat(name);

    const pem = '-----BEGIN CERTIFICATE-----\n';
    const tls = { domain: 'd', ca: pem, certificate: `${pem}1`, key: `${pem}2` };
    await admin.createMirror(name, { kind: 'home', id: 'hub', remoteId: 'edge', publicEndpoint: 'hub:9003', tls });
    const waiting = { status: 'waiting', reason: '' };
    const mirror = {
      name, kind: 'home', id: 'hub', remoteId: 'edge', publicEndpoint: 'hub:9003', tls, status: 'offline', pairingSc: waiting, pairingSpu: waiting, lastSeen: null,
    };
    assert.deepEqual(await admin.mirror(name), mirror);
    assert.deepEqual(await admin.mirrors({ names: name }), [mirror]);
    await admin.deleteMirror(name);
  });

  test('mistakes are refused by name, with a way out', async () => {
    const { admin } = use.client;
    for (const [call, says] of [
      [() => admin.createTopic('x'.repeat(64)), /64 bytes, 63 are allowed/],
      [() => admin.createTopic('x', { retentionSeconds: '9s' }), /retention_seconds: 9 is not between 10/],
      [() => admin.createTopic('x', { segmentSize: '5 feet' }), /neither a whole number of bytes nor a size/],
      [() => admin.createTopic('x', { assignment: [[1]], partitions: 1 }), /assignment: cannot be combined/],
      [() => admin.addPartitions('x', 0), /0 is not a number of partitions to add/],
      [() => admin.createSmartmodule('x', Buffer.from('text')), /this is not WebAssembly/],
      [() => admin.createCustomSpu('x', { id: 1, publicEndpoint: 'here', privateEndpoint: 'b:1' }), /"here" is not host:port/],
      [() => admin.createMirror('x', { kind: 'peer' }), /"peer" is not one of remote, home/],
      [() => admin.createTableFormat('x', { colums: [] }), /did you mean columns/],
      [() => admin.spus({ system: true }), /system: is for topics and partitions/],
      [() => admin.deleteMirror(''), /the name is empty/],
      [() => admin.topic(3), /expected a string/],
    ]) {
      const error = await rejection(call());
      assert.ok(error instanceof InvalidArgumentError, String(error));
      assert.match(error.message, says);
    }
    assert.ok((await rejection(admin.createTopic('x', { assignment: [[99999]] }))) instanceof ServerError);
  });

  test('a watch tells of what there is, and of what changes', async () => {
    const client = await connect(use.cluster.endpoint);
    const { admin } = client;
    const name = ownName();
    await admin.createTopic(name);
    const watch = await admin.watchTopics();
    const until = async (event, topic) => {
      for (;;) {
        const e = await watch.next({ timeoutMs: 30_000 });
        assert.equal(e.object === null, ['synced', 'lost'].includes(e.event));
        if (e.event === event && e.object?.name === topic) return e;
      }
    };
    await until('added', name);
    await until('synced');
    assert.ok((await rejection(watch.next({ timeoutMs: 10 }))) instanceof TimeoutError);
    const giveUp = new AbortController();
    const waiting = watch.next({ signal: giveUp.signal });
    giveUp.abort();
    assert.ok((await rejection(waiting)) instanceof CancelledError);
    await admin.addPartitions(name, 1);
    assert.equal((await until('changed', name)).object.name, name);
    await admin.deleteTopic(name);
    await until('deleted', name);
    setImmediate(() => watch.close());
    for await (const event of watch) assert.ok(event);
    assert.ok(watch.closed);
    await watch.close();
    const others = await Promise.all([admin.watchPartitions(), admin.watchSpus(), admin.watchSpuGroups(), admin.watchSmartmodules(), admin.watchTableFormats()]);
    for (const other of others) while ((await other.next()).event !== 'synced');
    const left = rejection(others[0].next());
    await client.close();
    assert.ok((await left) instanceof ClosedError);
    assert.ok((await rejection(others[1].next())) instanceof ClosedError);
    assert.ok(others[1].closed);
  });
});
