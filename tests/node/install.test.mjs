// The packed files, installed without a network into an empty project: the README's example as ESM, CommonJS and TypeScript, and the
// command. As make dist packs: the library in a package of the platform's.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot, root } from './support.mjs';

const run = promisify(execFile);
const modules = path.join(packageRoot, 'node_modules');
const manifest = JSON.parse(fs.readFileSync(path.join(packageRoot, 'package.json'), 'utf8'));
const platform = `libfluvio-${process.platform}-${process.arch}`;

/** An environment that knows nothing of the checkout. */
const env = Object.fromEntries(['PATH', 'HOME', 'TMPDIR'].filter((name) => process.env[name]).map((name) => [name, process.env[name]]));

describe('installed packages', () => {
  let folder;
  let project;

  /** Packs a folder; the file. */
  function pack(from) {
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const [{ filename }] = JSON.parse(execFileSync('npm', args, { cwd: from, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    // Some npm say the name of a scoped package and not that of its file.
    return path.join(folder, filename.replace(/^@/, '').replace('/', '-'));
  }

  /** Packs this package, as capi/packaging/pack.py does it. */
  function packMain() {
    const work = path.join(folder, 'main');
    fs.mkdirSync(work);
    for (const name of manifest.files) if (name !== 'native') fs.cpSync(path.join(packageRoot, name), path.join(work, name), { recursive: true });
    const { scripts, devDependencies, ...rest } = manifest;
    fs.writeFileSync(path.join(work, 'package.json'), JSON.stringify({ ...rest, optionalDependencies: { [platform]: manifest.version } }));
    return pack(work);
  }

  function packPlatform() {
    const work = path.join(folder, 'platform');
    fs.mkdirSync(work);
    fs.copyFileSync(path.join(root, 'build', 'lib', 'libfluvio.so'), path.join(work, 'libfluvio.so'));
    fs.copyFileSync(path.join(root, 'build', 'bin', 'fluvio-devcluster'), path.join(work, 'fluvio-devcluster'));
    fs.writeFileSync(path.join(work, 'package.json'), JSON.stringify({ name: platform, version: manifest.version, os: [process.platform], cpu: [process.arch] }));
    return pack(work);
  }

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-install-'));
    project = path.join(folder, 'project');
    fs.mkdirSync(project);
    const koromix = fs.readdirSync(path.join(modules, '@koromix')).map((name) => pack(path.join(modules, '@koromix', name)));
    const files = [packMain(), packPlatform(), pack(path.join(modules, 'koffi')), ...koromix];
    fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'project', version: '1.0.0', private: true }));
    const args = ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--cache', path.join(folder, 'cache'), ...files];
    execFileSync('npm', args, { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  const [, example] = fs.readFileSync(path.join(packageRoot, 'README.md'), 'utf8').match(/```js\n([\s\S]*?)```/);

  /** Runs a program of the project, and checks that it prints what the example prints. */
  async function check(name, text) {
    if (text !== undefined) fs.writeFileSync(path.join(project, name), text);
    const { stdout, stderr } = await run(process.execPath, [name], { cwd: project, env });
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trim().split('\n').map((line) => line.split(' ')[2]).sort(), ['first', 'second', 'third']);
  }

  test('the example as ESM', () => check('example.mjs', example));

  test('the example as CommonJS', () => {
    const [, names, body] = example.match(/^import (\{.*\}) from 'libfluvio';\n([\s\S]*)$/);
    return check('example.cjs', `const ${names} = require('libfluvio');\n(async () => {\n${body}\n})();\n`);
  });

  test('the example in TypeScript', async () => {
    fs.writeFileSync(path.join(project, 'typed.mts'), example);
    const options = ['--strict', '--target', 'es2022', '--module', 'node16', '--moduleResolution', 'node16', '--typeRoots', path.join(modules, '@types')];
    await run(process.execPath, [path.join(modules, 'typescript', 'lib', 'tsc.js'), ...options, 'typed.mts'], { cwd: project, env });
    await check('typed.mjs');
  });

  test('the command, and the official client\'s names', async () => {
    const { stdout } = await run('npx', ['--offline', 'libfluvio', '--version'], { cwd: project, env });
    assert.equal(stdout, `libfluvio ${manifest.version}\n`);
    const script = "import Fluvio, { Offset } from 'libfluvio/compat'; console.log(new Fluvio() instanceof Fluvio, Offset.FromEnd().from);";
    const compat = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project, env });
    assert.equal(compat.stdout, 'true end\n');
  });

  test('the package is small, and of this package alone', () => {
    const installed = path.join(project, 'node_modules', 'libfluvio');
    assert.deepEqual(fs.readdirSync(installed).sort(), [...manifest.files.filter((name) => name !== 'native'), 'package.json'].sort());
    const { size } = fs.statSync(path.join(folder, `libfluvio-${manifest.version}.tgz`));
    assert.ok(size < 150_000, `${size} bytes`);
    assert.ok(!fs.existsSync(path.join(project, 'node_modules', 'typescript')), 'what only tests need was installed');
  });
});
