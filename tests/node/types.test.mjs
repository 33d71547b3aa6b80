// The types by a strict compiler, in programs of both module systems that find the package by its name; and those programs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { here, packageRoot, root, runNode, useCluster } from './support.mjs';

const compiler = path.join(packageRoot, 'node_modules', 'typescript', 'lib', 'tsc.js');

describe('TypeScript', () => {
  const use = useCluster();
  let folder;

  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-types-'));
    fs.mkdirSync(path.join(folder, 'node_modules'));
    fs.symlinkSync(packageRoot, path.join(folder, 'node_modules', 'libfluvio'));
    for (const name of ['example.mts', 'example.cts', 'compat.mts', 'compat.cts']) fs.copyFileSync(path.join(here, 'types', name), path.join(folder, name));
    const config = JSON.parse(fs.readFileSync(path.join(here, 'types', 'tsconfig.json'), 'utf8'));
    config.compilerOptions.typeRoots = [path.join(packageRoot, 'node_modules', '@types')];
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  test('programs in TypeScript compile strictly, the package\'s own types too, and run', async () => {
    const { stdout } = await runNode([compiler, '-p', folder, '--noEmit', 'false', '--outDir', path.join(folder, 'out')], { timeout: 120_000 });
    assert.equal(stdout, '');
    const esm = await runNode([path.join(folder, 'out', 'example.mjs'), use.cluster.endpoint, 'types-esm']);
    assert.equal(esm.stdout.trim(), 'true 0 3 4 null');
    const cjs = await runNode([path.join(folder, 'out', 'example.cjs'), use.cluster.endpoint, 'types-cjs']);
    assert.equal(cjs.stdout.trim(), '0 0 first');
    for (const name of ['compat.mjs', 'compat.cjs']) {
      const compat = await runNode([path.join(folder, 'out', name), use.cluster.endpoint]);
      assert.equal(compat.stdout.trim(), '1 k v');
    }
  });

  test('the examples of the documentation compile strictly', async () => {
    const examples = path.join(folder, 'examples');
    fs.mkdirSync(examples);
    let number = 0;
    for (const file of [path.join(packageRoot, 'README.md'), path.join(packageRoot, 'MIGRATION.md'), path.join(root, 'README.md')]) {
      for (const [, block] of fs.readFileSync(file, 'utf8').matchAll(/```(?:js|ts)\n([\s\S]*?)```/g)) fs.writeFileSync(path.join(examples, `${++number}.mts`), block);
    }
    assert.ok(number >= 3, `${number} examples`);
    const { compilerOptions } = JSON.parse(fs.readFileSync(path.join(folder, 'tsconfig.json'), 'utf8'));
    fs.writeFileSync(path.join(examples, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...compilerOptions, noUnusedLocals: false }, include: ['*.mts'] }));
    const { stdout } = await runNode([compiler, '-p', examples], { timeout: 120_000 });
    assert.equal(stdout, '');
  });

  test('older ways of finding packages find the types', async () => {
    fs.writeFileSync(path.join(folder, 'old.ts'), "import { connect, Client } from 'libfluvio';\nexport const client: Promise<Client> = connect('x');\n");
    for (const [module, moduleResolution] of [['commonjs', 'node10'], ['esnext', 'bundler']]) {
      const { stdout } = await runNode(
        [compiler, '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', module, '--moduleResolution', moduleResolution, '--typeRoots', path.join(packageRoot, 'node_modules', '@types'), 'old.ts'],
        { cwd: folder, timeout: 120_000 },
      );
      assert.equal(stdout, '');
    }
  });
});
