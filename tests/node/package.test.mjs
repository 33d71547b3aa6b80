// The package as it is given away: the same names in ESM, CommonJS and types; nothing that runs at installation.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import * as esm from '../../bindings/node/index.mjs';
import { packageRoot, require, runNode } from './support.mjs';

const cjs = require(packageRoot);
const { codes } = require(path.join(packageRoot, 'lib', 'codes.js'));
const read = (name) => fs.readFileSync(path.join(packageRoot, name), 'utf8');
const manifest = JSON.parse(read('package.json'));

test('ESM and CommonJS export the same objects', () => {
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort());
  for (const name of Object.keys(cjs)) assert.equal(esm[name], cjs[name], name);
});

/** What index.d.ts declares, and the files that it exports. */
const types = ['index.d.ts', ...[...read('index.d.ts').matchAll(/from '\.\/(types\/\w+)\.js'/g)].map(([, name]) => `${name}.d.ts`)].map(read).join('\n');

test('the types declare every export, and no other', () => {
  const declared = [...types.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual([...new Set(declared)].sort(), Object.keys(cjs).sort());
});

test('the types declare every public member of the classes, and no other', () => {
  for (const name of ['Client', 'Admin', 'Producer', 'Consumer', 'Batch', 'Record', 'DevCluster', 'SendReport', 'Watch']) {
    const body = types.match(new RegExp(`^export class ${name}[ <].*\\{\\n([\\s\\S]*?)^\\}`, 'm'))[1];
    const declared = [...body.matchAll(/^ {2}(?:static |readonly )*(\w+)[(:]/gm)].map(([, member]) => member).filter((m) => m !== 'private');
    const members = new Set(declared.filter((member) => member !== 'constructor'));
    const real = Object.getOwnPropertyNames(cjs[name].prototype).concat(
      Object.getOwnPropertyNames(cjs[name]).filter((member) => !['length', 'name', 'prototype'].includes(member)),
    );
    for (const member of real) if (member !== 'constructor') assert.ok(members.has(member), `${name}.${member} is not declared`);
    const fields = { Producer: ['topic'], Consumer: ['topics'], Batch: ['topic', 'partition', 'length', 'highWatermark'], SendReport: ['topic', 'partitions', 'offsets', 'failed'] };
    for (const member of members) assert.ok(real.includes(member) || fields[name]?.includes(member), `${name}.${member} does not exist`);
  }
});

test('the version is one', () => {
  assert.equal(cjs.version, manifest.version);
  assert.equal(cjs.libraryVersion(), manifest.version);
});

test('nothing runs at installation, and the lock file names no host', () => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) assert.equal(manifest.scripts[script], undefined, script);
  assert.deepEqual(Object.keys(manifest.dependencies), ['koffi']);
  const lock = read('package-lock.json');
  assert.doesNotMatch(lock, /"resolved"/);
  assert.equal(JSON.parse(lock).packages[''].version, manifest.version);
});

/** The files that package.json leads to. */
function exported() {
  const leaves = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(leaves));
  return [manifest.main, manifest.types, ...leaves(manifest.bin), ...leaves(manifest.exports)].map((file) => file.replace(/^\.\//, ''));
}

test('what package.json leads to is there, in the form that each way of loading expects', async () => {
  for (const file of exported()) assert.ok(fs.existsSync(path.join(packageRoot, file)), file);
  const { '.': main, './package.json': own, ...others } = manifest.exports;
  assert.equal(own, './package.json');
  assert.deepEqual([main.require.default, main.require.types], [manifest.main, manifest.types]);
  assert.equal(manifest.type, 'commonjs');
  for (const entry of [main, ...Object.values(others)]) {
    assert.deepEqual(Object.keys(entry), ['import', 'require']);
    // The first condition that fits counts: types before the rest, and each in the module system that it describes.
    for (const way of Object.values(entry)) assert.deepEqual(Object.keys(way), ['types', 'default']);
    assert.match(`${entry.import.types} ${entry.import.default}`, /^\S+\.d\.mts \S+\.mjs$/);
    assert.match(`${entry.require.types} ${entry.require.default}`, /^\S+[^m]\.d\.ts \S+\.js$/);
    const [viaImport, viaRequire] = [await import(path.join(packageRoot, entry.import.default)), require(path.join(packageRoot, entry.require.default))];
    for (const name of Object.keys(viaRequire)) assert.equal(viaImport[name], viaRequire[name], name);
  }
  for (const file of Object.values(manifest.bin)) {
    assert.match(read(file), /^#!\/usr\/bin\/env node\n/);
    assert.ok(fs.statSync(path.join(packageRoot, file)).mode & 0o100, `${file} cannot be run`);
  }
});

test('errors are classes with codes and flags', () => {
  const errors = Object.entries(cjs).filter(([, one]) => one.prototype instanceof Error);
  assert.equal(errors.length, codes.length + 2); // FluvioError and LibraryNotFoundError have no code
  for (const [name, type] of errors) {
    const error = new type('what happened', { details: { topic: 't' }, cause: 1 });
    assert.ok(error instanceof cjs.FluvioError && error instanceof Error);
    assert.deepEqual([error.name, error.message, error.cause, error.details.topic, error.code], [name, 'what happened', 1, 't', type.code ?? 0]);
    assert.deepEqual([typeof error.retriable, typeof error.fatal, error.maybeWritten, error.codeName !== ''], ['boolean', 'boolean', false, type.code !== undefined]);
  }
});

test('the packed files are the package, and no more', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: packageRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const names = files.map((file) => file.path);
  for (const name of ['package.json', 'README.md', 'index.mjs', 'index.d.ts', 'index.d.mts', 'lib/index.js', 'lib/codes.js']) {
    assert.ok(names.includes(name), `${name} is missing`);
  }
  for (const file of exported()) assert.ok(names.includes(file), `${file} is exported, but not packed`);
  for (const name of names) assert.match(name, /^(package\.json|README\.md|LICENSE|MIGRATION\.md|(index|compat)\.(mjs|d\.ts|d\.mts)|types\/\w+\.d\.ts|bin\/libfluvio\.js|lib\/(\w+\/)?\w+\.js|native\/.*)$/);
});

test('the library is loaded only when it is needed; where it is missing, the error says what was tried', async () => {
  const script = `
    const libfluvio = require(${JSON.stringify(packageRoot)});
    const show = (error) => console.log(JSON.stringify([error.name, error.code, error instanceof libfluvio.LibraryNotFoundError, error.message]));
    (async () => {
      await libfluvio.connect('127.0.0.1:1').catch(show);
      await libfluvio.DevCluster.start().catch(show);
    })();`;
  const nowhere = path.join(os.tmpdir(), 'libfluvio-not-there');
  const env = { ...process.env, LIBFLUVIO_PATH: nowhere, LIBFLUVIO_DEVCLUSTER: nowhere };
  const { stdout } = await runNode(['-e', script], { env });
  const [library, program] = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(library.slice(0, 3), ['LibraryNotFoundError', 0, true]);
  assert.ok(library[3].includes(nowhere) && library[3].includes('LIBFLUVIO_PATH'), library[3]);
  assert.deepEqual(program.slice(0, 3), ['LibraryNotFoundError', 0, true]);
  assert.ok(program[3].includes(nowhere) && program[3].includes('LIBFLUVIO_DEVCLUSTER'), program[3]);
});

test('a folder in which npm ci was forgotten is named', async () => {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-without-koffi-'));
  try {
    for (const part of ['lib', 'package.json']) fs.cpSync(path.join(packageRoot, part), path.join(copy, part), { recursive: true });
    const script = `require(${JSON.stringify(copy)}).connect('127.0.0.1:1').catch((error) => console.log(error.name + ' ' + error.message));`;
    const { stdout } = await runNode(['-e', script]);
    assert.ok(stdout.startsWith('LibraryNotFoundError load koffi: ') && stdout.includes(`npm ci --prefix ${copy}`), stdout);
  } finally {
    fs.rmSync(copy, { recursive: true });
  }
});

test('a file that is no library is named', async () => {
  const file = path.join(os.tmpdir(), `libfluvio-no-library-${process.pid}.so`);
  fs.writeFileSync(file, 'not a library');
  try {
    const script = `require(${JSON.stringify(packageRoot)}).connect('127.0.0.1:1').catch((error) => console.log(error.name + ' ' + error.message));`;
    const { stdout } = await runNode(['-e', script], { env: { ...process.env, LIBFLUVIO_PATH: file } });
    assert.match(stdout, /^LibraryNotFoundError load /);
    assert.ok(stdout.includes(file));
  } finally {
    fs.rmSync(file);
  }
});

test('ESM and CommonJS programs find the package by its name, and share one copy of it', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-names-'));
  try {
    fs.mkdirSync(path.join(folder, 'node_modules'));
    fs.symlinkSync(packageRoot, path.join(folder, 'node_modules', 'libfluvio'));
    fs.writeFileSync(path.join(folder, 'a.cjs'), "const { connect, FluvioError } = require('libfluvio'); console.log(typeof connect, FluvioError.name);");
    fs.writeFileSync(path.join(folder, 'b.mjs'), "import { connect, FluvioError } from 'libfluvio'; console.log(typeof connect, FluvioError.name);");
    for (const file of ['a.cjs', 'b.mjs']) {
      const { stdout } = await runNode([file], { cwd: folder });
      assert.equal(stdout.trim(), 'function FluvioError');
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('the example of the README runs', async () => {
  const [, example] = read('README.md').match(/```js\n([\s\S]*?)```/);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-readme-'));
  try {
    fs.mkdirSync(path.join(folder, 'node_modules'));
    fs.symlinkSync(packageRoot, path.join(folder, 'node_modules', 'libfluvio'));
    fs.writeFileSync(path.join(folder, 'example.mjs'), example);
    const { stdout } = await runNode(['example.mjs'], { cwd: folder });
    assert.deepEqual(stdout.trim().split('\n').map((line) => line.split(' ')[2]).sort(), ['first', 'second', 'third']);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
