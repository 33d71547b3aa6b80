// What the tests share: one dev cluster and one client for each file, topics of their own for each test.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as libfluvio from '../../bindings/node/index.mjs';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.join(here, '..', '..');
export const packageRoot = path.join(root, 'bindings', 'node');
export const require = createRequire(import.meta.url);

/** Far more than anything takes; only there so that a defect fails instead of hanging. */
export const PATIENCE_MS = 60_000;

/** A cluster and a client for the tests of a file. Fields are there when tests run. */
export function useCluster(options) {
  const use = {};
  before(async () => {
    use.cluster = await libfluvio.DevCluster.start(options);
    use.client = await libfluvio.connect(use.cluster.endpoint);
  });
  after(async () => {
    await use.client?.close();
    await use.cluster?.stop();
  });
  return use;
}

/** A folder that is removed after a test. */
export function temporaryFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}

let topics = 0;

/** Creates a topic with a name of its own. */
export async function newTopic(client, options) {
  const name = `topic-${process.pid}-${++topics}`;
  await client.admin.createTopic(name, options);
  return name;
}

/** Everything that is stored in a topic, in the order it arrives. */
export async function readAll(client, topic, options) {
  const consumer = await client.consumer(topic, { start: 'beginning', stopAt: 'end', ...options });
  const records = [];
  for await (const record of consumer) records.push(record);
  await consumer.close();
  return records;
}

/** Sends values and returns their offsets. */
export async function fill(client, topic, values) {
  const producer = await client.producer(topic);
  const report = await producer.sendMany(values);
  await producer.close();
  return [...report.offsets];
}

/** Calls a verb of the cluster's control port. */
export async function control(cluster, method, verb, body) {
  const response = await fetch(`${cluster.controlUrl}/v1/${verb}`, { method, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert.ok(response.ok, `${method} ${verb}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Stops all SPUs, so that no record is acknowledged. The returned function starts them again. */
export async function stopSpus(cluster) {
  const { spus } = await control(cluster, 'GET', 'cluster');
  for (const { id } of spus) await control(cluster, 'POST', `spu/${id}/stop`);
  return async () => {
    for (const { id } of spus) await control(cluster, 'POST', `spu/${id}/start`);
  };
}

/** A TCP server on loopback that treats every connection as given. */
export async function listen(onConnection) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `127.0.0.1:${server.address().port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const run = promisify(execFile);

/** Runs a program of this directory, or any other, with Node. Fails the test when it does not end by itself with status 0. */
export async function runNode(args, options = {}) {
  try {
    return await run(process.execPath, args, { timeout: PATIENCE_MS, ...options });
  } catch (error) {
    assert.fail(`node ${args.join(' ')}: ${error.killed ? 'did not end by itself' : error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

/** The error a promise is rejected with. */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('expected the promise to be rejected');
}
