// The example programs run, and do what they promise.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fill, here, newTopic, packageRoot, root, runNode, useCluster } from './support.mjs';

const use = useCluster();
let folder;

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-examples-'));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(packageRoot, path.join(folder, 'node_modules', 'libfluvio'));
  for (const name of fs.readdirSync(path.join(packageRoot, 'node_modules'))) {
    if (!name.startsWith('.')) fs.symlinkSync(path.join(packageRoot, 'node_modules', name), path.join(folder, 'node_modules', name));
  }
  const examples = path.join(root, 'tests', 'examples', 'node');
  for (const name of fs.readdirSync(examples)) fs.copyFileSync(path.join(examples, name), path.join(folder, name));
});
after(() => fs.rmSync(folder, { recursive: true }));

test('the example with prom-client', async () => {
  const { stdout } = await runNode([path.join(folder, 'prometheus.mjs'), use.cluster.endpoint], { cwd: here });
  assert.match(stdout, /^orders_handled_total 1$/m);
  assert.match(stdout, /^fluvio_producer_records_total\{.*topic="measured-in-node",outcome="acknowledged"\} 1$/m);
});

/** Reads server-sent events: gives the next one each time. */
async function* eventsOf(response) {
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = Object.fromEntries(text.slice(0, end).split('\n').map((line) => line.split(/: (.*)/s)));
      text = text.slice(end + 2);
      yield { id: event.id, record: JSON.parse(event.data) };
    }
  }
}

test('the live page: server-sent events that go on where they were left', async (t) => {
  const topic = await newTopic(use.client, { partitions: 2 });
  const server = spawn(process.execPath, [path.join(folder, 'live_page.mjs'), use.cluster.endpoint, topic], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill('SIGKILL')); // if the test has failed before its end
  const [url] = await once(createInterface(server.stdout), 'line');
  const page = await (await fetch(url)).text();
  assert.ok(page.includes(`<h1>${topic}</h1>`) && page.includes("EventSource('/events')"));

  const leave = new AbortController();
  const first = eventsOf(await fetch(`${url}events`, { signal: leave.signal }));
  const take = async (events) => (await events.next()).value;
  await fill(use.client, topic, [{ key: 'k', value: 'one', partition: 1 }]);
  const { id, record } = await take(first);
  assert.deepEqual([record, JSON.parse(id)], [{ partition: 1, offset: 0, key: 'k', value: 'one' }, { 1: 1 }]);
  leave.abort();

  await fill(use.client, topic, [{ value: 'two', partition: 1 }]);
  const again = eventsOf(await fetch(`${url}events`, { headers: { 'Last-Event-ID': id } }));
  assert.deepEqual((await take(again)).record, { partition: 1, offset: 1, key: null, value: 'two' });
  await fill(use.client, topic, [{ value: 'three', partition: 0 }]);
  const last = await take(again);
  assert.deepEqual([last.record.value, JSON.parse(last.id)], ['three', { 0: 1, 1: 2 }]);

  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  assert.equal((await again.next()).done, true);
  assert.deepEqual(await exited, [0, null]);
});
