// The tables of this package against the header, which is the contract.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { packageRoot, require, root } from './support.mjs';

const abi = require(path.join(packageRoot, 'lib', 'abi.js'));
const { codes } = require(path.join(packageRoot, 'lib', 'codes.js'));
const header = fs.readFileSync(path.join(root, 'include', 'fluvio.h'), 'utf8');
const code = header.replace(/\/\*[\s\S]*?\*\//g, ' ');

/** The type of this package's table for a type of C. */
function typeOf(declaration) {
  const text = declaration.replace(/\s+/g, ' ').trim();
  const stars = (text.match(/\*/g) ?? []).length;
  if (stars > 0) return /^const char \*\s*\w*$/.test(text) ? 'str' : 'ptr';
  if (/\w+\(/.test(text)) return 'ptr';
  const scalar = text.split(' ')[0];
  const names = { void: 'void', int32_t: 'i32', fluvio_status_t: 'i32', uint32_t: 'u32', int64_t: 'i64', uint64_t: 'u64', size_t: 'size' };
  return names[scalar] ?? `unknown (${text})`;
}

/** Every function of the header: name to [result, parameters]. */
function declarations() {
  const found = new Map();
  for (const [, result, name, parameters] of code.matchAll(/FLUVIO_API\s+([\w\s*]+?)\b(fluvio_\w+)\(([^;]*)\);/g)) {
    const list = parameters.trim() === 'void' ? [] : parameters.split(/,(?![^(]*\))/);
    found.set(name, [typeOf(result), list.map(typeOf)]);
  }
  return found;
}

test('every declared function is in the header, with the same types', () => {
  const found = declarations();
  assert.ok(found.size > 50, `only ${found.size} functions were found in the header`);
  for (const [name, declared] of Object.entries(abi.functions)) {
    assert.ok(found.has(name), `${name} is not in fluvio.h`);
    assert.deepEqual(declared, found.get(name), name);
  }
});

test('struct layouts and constants are those a C compiler sees', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'libfluvio-abi-'));
  try {
    const lines = [];
    for (const [name, layout] of Object.entries(abi.structs)) {
      lines.push(`printf("${name} size %zu\\n", sizeof(${name}_t));`);
      for (const field of Object.keys(layout.types)) {
        lines.push(`printf("${name} ${field} %zu\\n", offsetof(${name}_t, ${field}));`);
        lines.push(`printf("${name} ${field} width %zu\\n", sizeof(((${name}_t *)0)->${field}));`);
      }
    }
    const constants = Object.keys(abi).filter((name) => typeof abi[name] === 'number');
    for (const name of constants) lines.push(`printf("constant ${name} %lld\\n", (long long)FLUVIO_${name});`);
    const source = path.join(folder, 'layout.c');
    fs.writeFileSync(source, `#include <stdio.h>\n#include "fluvio.h"\nint main(void) {\n${lines.join('\n')}\nreturn 0;\n}\n`);
    const program = path.join(folder, 'layout');
    execFileSync('gcc', ['-I', path.join(root, 'include'), '-o', program, source]);
    const seen = new Set(execFileSync(program, { encoding: 'utf8' }).trim().split('\n'));

    const widths = { i32: 4, u32: 4, i64: 8, u64: 8, size: 8, ptr: 8 };
    const expected = [];
    for (const [name, layout] of Object.entries(abi.structs)) {
      expected.push(`${name} size ${layout.size}`);
      for (const [field, type] of Object.entries(layout.types)) {
        expected.push(`${name} ${field} ${layout[field]}`, `${name} ${field} width ${widths[type]}`);
      }
    }
    for (const name of constants) expected.push(`constant ${name} ${abi[name]}`);
    assert.deepEqual([...seen].sort(), expected.sort());
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('struct tables name every field of the header', () => {
  for (const [name, layout] of Object.entries(abi.structs)) {
    const body = code.match(new RegExp(`typedef struct ${name}(?:_t)? \\{([^}]*)\\}`));
    assert.ok(body, name);
    const fields = body[1].split(';').map((line) => line.trim()).filter(Boolean).map((line) => line.match(/(\w+)$/)[1]);
    assert.deepEqual(Object.keys(layout.types), fields, name);
  }
});

test('reasons of ends, kinds of events and levels of the log are those of the header', () => {
  const found = (prefix) => [...header.matchAll(new RegExp(`^#define FLUVIO_${prefix}(\\w+) (\\d+) `, 'gm'))].map(([, name, value]) => [name.toLowerCase(), Number(value)]);
  const table = (names) => names.map((name, i) => [name, i]).filter(([name]) => name !== null);
  assert.deepEqual(table(abi.END_REASONS), found('END_').filter(([name]) => name !== 'none'));
  assert.deepEqual(table(abi.CONSUMER_EVENTS), found('(?:PARTITION_|(?=OFFSET_RESET|BATCH_SKIPPED))'));
  assert.deepEqual(table(abi.CLIENT_EVENTS), found('(?:CLIENT_|(?=LEADER_|BREAKER_))'));
  assert.deepEqual(table(abi.LOG_LEVELS), found('LOG_'));
});

test('error codes are those of the header', () => {
  const found = [...header.matchAll(/#define FLUVIO_ERR_(\w+) \((-\d+)\)/g)].map(([, name, value]) => [name, Number(value)]);
  assert.deepEqual(codes.map((row) => [row.name, row.code]), found);
});
