// Every refusal of tests/refusals.json, the table that all languages share, is an error that says what to do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { rejection, root, useCluster } from './support.mjs';

const table = JSON.parse(fs.readFileSync(path.join(root, 'tests', 'refusals.json'), 'utf8'));

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

/** Settings with the names of JavaScript. */
function named(value) {
  if (Array.isArray(value)) return value.map(named);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [camel(name), named(member)]));
}

/** Makes the call of a row. */
async function call(admin, row) {
  if (row.do === 'add_partitions') return admin.addPartitions(row.name, 1);
  if (row.do === 'add_mirror') return admin.addMirror(row.name, row.remote);
  const method = admin[camel(`${row.do}_${row.kind}`)].bind(admin);
  if (row.do === 'delete') return method(row.name);
  const { wasm, ...settings } = named(row.settings);
  return wasm ? method(row.name, Buffer.from(wasm.base64, 'base64'), settings) : method(row.name, settings);
}

describe('refusals', () => {
  const use = useCluster();

  test('each is an error of its kind that says what to do', async () => {
    for (const row of table.setup) await call(use.client.admin, row);
    for (const row of table.refusals) {
      const error = await rejection(call(use.client.admin, row));
      const told = `${JSON.stringify(row)}: ${error.message}`;
      assert.deepEqual([error.codeName, error.serverCode, error.details?.setting ?? ''], [row.code, row.server, row.setting], told);
      assert.ok(error.message.includes(row.says), told);
      assert.ok(error.hint.includes(row.hint), told);
    }
  });
});
