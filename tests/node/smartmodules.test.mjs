// SmartModules that the dev cluster runs, on what is read and on what is written, and what their errors tell.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, NotFoundError, SmartModuleError } from '../../bindings/node/index.mjs';
import { newTopic, rejection, temporaryFolder, useCluster } from './support.mjs';

const file = (name) => fileURLToPath(new URL(`../smartmodules/${name}.wasm`, import.meta.url));
const module = (name, params = {}) => ({ path: file(name), params });

describe('SmartModules', () => {
  const use = useCluster({ smartmoduleTime: '2s' });

  const fill = async (topic, values, options = {}) => {
    const producer = await use.client.producer(topic, { lingerMs: 60_000, ...options });
    const sent = producer.sendMany(values);
    sent.catch(() => {});
    await producer.flush().catch(() => {});
    await producer.close();
    return sent;
  };
  const read = async (topic, smartmodules = [], options = {}) => {
    const out = [];
    const consumer = await use.client.consumer(topic, { start: 'beginning', stopAt: 'end', smartmodules, ...options });
    for await (const record of consumer) out.push(record.value.toString());
    return out;
  };

  test('chains, both ways', async () => {
    const topic = await newTopic(use.client);
    const chain = [module('words'), module('digits'), { wasm: readFileSync(file('total')), accumulator: '100' }];
    await fill(topic, ['a1 b', 'c22', 'd']);
    assert.deepEqual(await read(topic, chain), ['101', '123']);
    await fill(topic, ['1 x', '2 y'], { smartmodules: chain });
    assert.deepEqual((await read(topic)).slice(3), ['101', '103']);
    assert.deepEqual(await read(topic, [{ ...module('once'), lookback: { last: 2 } }]), ['a1 b', 'c22', 'd']);
  });

  test('errors tell of the record', async () => {
    const topic = await newTopic(use.client);
    await fill(topic, ['a', { key: Buffer.from('k\0'), value: 'bad' }, 'c']);
    const error = await rejection(read(topic, [module('upper'), module('fails', { at: 'BAD' })]));
    assert.ok(error instanceof SmartModuleError, String(error));
    assert.equal(error.smartmodule, 'upper.wasm, fails.wasm');
    assert.equal(error.smartmoduleHint, 'the record is refused\n\nCaused by:\n    it was told to fail here');
    assert.equal(error.kind, 'filter');
    assert.equal(error.offset, 1);
    assert.equal(error.key.toString(), 'k\0');
    assert.equal(error.value.toString(), 'BAD');
    const init = await rejection(read(topic, [module('pattern')]));
    assert.equal(init.smartmoduleHint, 'the parameter pattern is missing');
    assert.deepEqual([init.offset, init.key, init.value], [null, null, null]);
    const refused = await rejection(fill(topic, ['x', 'bad'], { smartmodules: [module('fails')] }));
    assert.ok(refused instanceof SmartModuleError, String(refused));
    assert.deepEqual([refused.offset, refused.key, refused.value.toString()], [1, null, 'bad']);
  });

  test('what runs away is stopped', async () => {
    const topic = await newTopic(use.client);
    await fill(topic, ['a']);
    assert.match((await rejection(read(topic, [module('breaks')]))).message, /did not return within 2s and was stopped/);
    assert.deepEqual(await read(topic), ['a']);
  });

  test('transformation files', async (t) => {
    const topic = await newTopic(use.client);
    await fill(topic, ['a']);
    const transformsPath = join(temporaryFolder(t), 'transforms.yaml');
    writeFileSync(transformsPath, 'transforms:\n  - uses: nobody\n    with: {a: b}\n');
    const missing = await rejection(read(topic, undefined, { smartmodules: undefined, transformsPath }));
    assert.ok(missing instanceof NotFoundError, String(missing));
    writeFileSync(transformsPath, 'transforms:\n  - uses: nobody\n    with: {a: 5}\n');
    const wrong = await rejection(use.client.producer(topic, { transformsPath }));
    assert.ok(wrong instanceof InvalidArgumentError, String(wrong));
    assert.match(wrong.message, /line 3: a is 5, which is no text/);
  });
});
