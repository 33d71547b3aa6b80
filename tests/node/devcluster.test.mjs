// The dev cluster starts, says where it is, and ends: when told, when its program ends, and when it cannot start.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import * as libfluvio from '../../bindings/node/index.mjs';
import { PATIENCE_MS, listen, packageRoot, rejection, require, runNode } from './support.mjs';

const { DevCluster } = libfluvio;

/** Resolves when a process is gone. */
async function gone(pid) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`process ${pid} is still there`);
}

test('says where it listens, and stops', async () => {
  const cluster = await DevCluster.start({ spus: 3 });
  assert.match(cluster.endpoint, /^127\.0\.0\.1:\d+$/);
  assert.equal(new Set(cluster.spuEndpoints).size, 3);
  assert.match(cluster.controlUrl, /^http:\/\/127\.0\.0\.1:\d+$/);
  for (const endpoint of [cluster.endpoint, ...cluster.spuEndpoints]) {
    const [host, port] = endpoint.split(':');
    await new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), host, () => resolve(socket.destroy()));
      socket.on('error', reject);
    });
  }
  await Promise.all([cluster.stop(), cluster.stop()]);
  await gone(cluster.pid);
});

test('options become the flags of the program', async () => {
  const taken = await listen(() => {});
  const error = await rejection(DevCluster.start({ listen: taken.endpoint }));
  assert.ok(error instanceof libfluvio.ConnectionError, String(error));
  assert.ok(error.message.includes(taken.endpoint), error.message);
  await taken.close();

  const cluster = await DevCluster.start({ listen: taken.endpoint, topicWaitMs: 60_000, commitAll: true, logLevel: 'debug', maxBatchBytes: undefined });
  assert.equal(cluster.endpoint, taken.endpoint);
  assert.equal(cluster.spuEndpoints.length, 1);
  await cluster.stop();
});

test('a wrong option is the caller\'s mistake', async () => {
  for (const options of [{ spuss: 2 }, { spus: 0 }, { spus: 'many' }, { logLevel: 'loud' }, { dataDir: {} }]) {
    const error = await rejection(DevCluster.start(options));
    assert.ok(error instanceof libfluvio.InvalidArgumentError, `${JSON.stringify(options)}: ${error}`);
  }
});

test('a start that is cancelled leaves nothing behind', async () => {
  assert.ok((await rejection(DevCluster.start({ signal: AbortSignal.abort() }))) instanceof libfluvio.CancelledError);
  assert.ok((await rejection(DevCluster.start({ timeoutMs: 0 }))) instanceof libfluvio.TimeoutError);
});

test('what a wait that is cancelled at once was for may fail later', async () => {
  const { limited } = require('../../bindings/node/lib/limit.js');
  const failing = new Promise((_, reject) => setImmediate(() => reject(new Error('nobody hears this'))));
  assert.ok((await rejection(limited(failing, -1, AbortSignal.abort(), 'wait'))) instanceof libfluvio.CancelledError);
  await new Promise((resolve) => setTimeout(resolve, 1)); // an unhandled rejection fails the test
});

test('ends with its program, however that ends', async () => {
  for (const end of ['process.exit(0)', "process.kill(process.pid, 'SIGKILL')", '']) {
    const script = `
      const { DevCluster } = require(${JSON.stringify(packageRoot)});
      DevCluster.start().then((cluster) => { require('node:fs').writeSync(1, String(cluster.pid)); ${end} });`;
    const pid = await new Promise((resolve) => {
      runNode(['-e', script]).then(
        ({ stdout }) => resolve(Number(stdout)),
        (error) => resolve(Number(/\n(\d+)\n/.exec(error.message)?.[1])),
      );
    });
    assert.ok(pid > 0, 'the program said no process id');
    await gone(pid);
  }
});
