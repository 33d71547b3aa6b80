// The command libfluvio, run as a program.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { DevCluster, connect } from '../../bindings/node/index.mjs';
import { fill, newTopic, packageRoot, require, temporaryFolder, useCluster } from './support.mjs';

const use = useCluster();
const program = path.join(packageRoot, 'bin', 'libfluvio.js');
const output = require(path.join(packageRoot, 'lib', 'command', 'output.js'));

const started = [];
after(() => started.forEach((child) => child.kill('SIGKILL'))); // what a failed test has left would keep this process alive

/** Starts the command at the cluster of the tests. */
function start(args, endpoint = use.cluster.endpoint) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, FLUVIO_ENDPOINT: endpoint } });
  started.push(child);
  return child;
}

/** Runs the command with its input; its code, output and error output. */
async function command(args, { input = '', endpoint } = {}) {
  const child = start(args, endpoint);
  const read = async (stream) => Buffer.concat(await stream.toArray());
  child.stdin.on('error', () => {}); // it may end before its input
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([read(child.stdout), read(child.stderr), once(child, 'close')]);
  return { code, out: out.toString('latin1'), err: err.toString() };
}

const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(Buffer.from(line, 'latin1')));

test('produce and consume', async (t) => {
  const topic = await newTopic(use.client);
  const file = path.join(temporaryFolder(t), 'lines');
  fs.writeFileSync(file, Buffer.from('k1:first\nno key\n\xff:\xfe\nk2:last:1', 'latin1'));
  let done = await command(['produce', topic, file, '--key-separator', ':', '-X', 'linger_ms=5']);
  assert.equal(done.code, 0, done.err);
  assert.match(done.err, /^produce 4 records, /);
  done = await command(['produce', topic, '--json', '--key', 'k'], { input: 'from stdin\n' });
  const [told] = lines(done.out);
  assert.deepEqual([done.code, told.records, told.bytes, told.topic], [0, 1, 11, topic]);
  assert.ok(told.records_per_second >= 0 && told.seconds > 0);
  assert.equal((await command(['produce', topic, file, '--raw'])).code, 0);
  assert.deepEqual(await command(['consume', topic, '--stop', '5']), { code: 0, out: 'first\nno key\n\xfe\nlast:1\nfrom stdin\n', err: '' });
  const formatted = await command(['consume', topic, '--from', '4', '-n', '1', '--format', '%t %p %o %k %K %v %V %%\\t-\\n']);
  assert.equal(formatted.out, `${topic} 0 4 k 1 from stdin 10 %\t-\n`);
  assert.equal((await command(['consume', topic, '--from', 'end-5', '--stop', '2', '--format', '%K'])).out, '-1');
  assert.deepEqual(await command(['consume', topic, '--json', '--from', '2030-01-01', '-p', '0']), { code: 0, out: '', err: '' });
  done = await command(['consume', topic, '--json']);
  const records = lines(done.out);
  assert.deepEqual(records.map((record) => record.offset), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([records[0].key, records[1].key, records[2].value], ['k1', null, { base64: '/g==' }]);
  // What it prints as JSON it also takes.
  assert.equal((await command(['produce', topic, '--from-json'], { input: Buffer.from(done.out, 'latin1') })).code, 0);
  const again = lines((await command(['consume', topic, '--json', '--from', '6'])).out);
  assert.deepEqual(again.map(({ key, value }) => [key, value]), records.map(({ key, value }) => [key, value]));
  const wrong = await command(['produce', topic, '--from-json'], { input: '{"value": "x"}\nnonsense\n' });
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /line 2: it is not a record/);
});

test('many lines, in pieces as a pipe brings them', async () => {
  const topic = await newTopic(use.client);
  const text = Array.from({ length: 100_000 }, (_, i) => `${i} ${'ä'.repeat(i % 50)}\n`).join('');
  assert.equal((await command(['produce', topic], { input: text })).code, 0);
  const { out } = await command(['consume', topic]);
  assert.ok(Buffer.from(out, 'latin1').toString() === text, 'what was written is not what is read');
});

test('named consumers and lag', async () => {
  const topic = await newTopic(use.client);
  const name = `${topic}-reader`;
  await fill(use.client, topic, Array.from({ length: 10 }, (_, i) => String(i)));
  assert.equal((await command(['consume', topic, '--consumer', name, '-n', '3'])).out, '0\n1\n2\n');
  assert.equal((await command(['consume', topic, '--consumer', name, '-n', '2'])).out, '3\n4\n');
  const offsets = lines((await command(['offsets', 'list', name, '--json'])).out);
  assert.deepEqual(offsets.map((row) => [row.consumer_id, row.topic, row.partition, row.offset]), [[name, topic, 0, 4]]);
  const [behind] = lines((await command(['lag', name, '--json'])).out);
  assert.equal(behind.lag, behind.high_watermark - 5);
  assert.equal((await command(['offsets', 'reset', name, topic, '0', 'beginning'])).code, 0);
  assert.equal((await command(['consume', topic, '--consumer', name, '-n', '1'])).out, '0\n');
  assert.match((await command(['lag'])).out, new RegExp(`${name} +${topic} +0 +0`));
  assert.equal((await command(['offsets', 'delete', name, topic, '0'])).code, 0);
  assert.deepEqual(await command(['offsets', 'list', name]), { code: 0, out: 'CONSUMER_ID  TOPIC  PARTITION  OFFSET  MODIFIED\n', err: '' });
});

test('topics', async () => {
  const name = `command-${process.pid}`;
  const created = await command(['topics', 'create', name, '--partitions', '3', '-X', 'retention_seconds=1h', '--json']);
  assert.deepEqual([created.code, lines(created.out)], [0, [{ created: name }]], created.err);
  const twice = await command(['topics', 'create', name]);
  assert.equal(twice.code, 1);
  assert.match(twice.err, new RegExp(`^libfluvio: .*${name}.*\n$`));
  const asJson = await command(['topics', 'create', name, '--json']);
  assert.deepEqual([asJson.code, lines(asJson.err)[0].error], [1, 'ALREADY_EXISTS']);
  assert.match((await command(['topics', 'list', name])).out, new RegExp(`\n${name} +3 +1 +any +provisioned\n`));
  await use.client.admin.waitTopic(name);
  const [shown] = lines((await command(['topics', 'show', name, '--json'])).out);
  assert.deepEqual([shown.topic.retention_seconds, shown.partitions.map((row) => row.partition)], [3600, [0, 1, 2]]);
  assert.equal((await command(['topics', 'show', name])).out.match(/online/g).length, 3);
  assert.deepEqual(await command(['topics', 'delete', name]), { code: 0, out: '', err: '' });
  assert.equal((await command(['topics', 'delete', name])).code, 1);
  assert.equal((await command(['topics', 'list', name])).out.match(/\n/g).length, 1);
});

test('health', async () => {
  const cluster = await DevCluster.start({ spus: 2 });
  const client = await connect(cluster.endpoint);
  const at = { endpoint: cluster.endpoint };
  await client.admin.createTopic('orders');
  await client.admin.waitTopic('orders');
  const well = await command(['health'], at);
  assert.equal(well.code, 0, well.out);
  assert.match(well.out, /spus +2\n/);
  const [told] = lines((await command(['health', '--json'], at)).out);
  assert.deepEqual([told.healthy, told.problems, told.partitions], [true, [], 1]);
  await client.admin.createCustomSpu('late', { id: 5999, publicEndpoint: '127.0.0.1:1', privateEndpoint: '127.0.0.1:2' }); // it never comes
  const ill = await command(['health', '--json'], at);
  const [found] = lines(ill.out);
  assert.deepEqual([ill.code, found.verdict], [1, 'degraded']);
  assert.match(found.problems[0].why, /5999/);
  await client.close();
  await cluster.stop();
  const down = await command(['health', '--timeout', '5'], at);
  assert.equal(down.code, 1);
  assert.match(down.out, /cluster: connect/);
  assert.equal(down.err, '');
});

test('bench', async () => {
  const [told] = lines((await command(['bench', '--records', '20000', '--partitions', '2', '--json'])).out);
  assert.deepEqual([told.produce.records, told.consume.records], [20_000, 20_000]);
  assert.equal((await command(['topics', 'list', told.topic])).out.match(/\n/g).length, 1);
  assert.match((await command(['bench', '--records', '1000'])).out, /produce +1000 +100000 /);
});

describe('what is wrong', () => {
  const cases = [
    [[], 2, 'COMMAND'], [['nonsense'], 2, 'nonsense is no command'], [['topics', 'paint'], 2, 'paint is no action'], [['consume'], 2, 'TOPIC is missing'],
    [['consume', 't', '--format', '%x'], 2, '%x is no field'], [['consume', 't', '-n', '0'], 2, 'not a number above 0'], [['consume', 't', '--nonsense'], 2, 'nonsense'],
    [['consume', 't', '-f', '--stop', 'end'], 2, '--follow does not go with --stop'], [['produce', 't', '--raw', '--key', 'k'], 2, 'does not go with'],
    [['produce', 't', '-X', 'linger'], 2, 'name=value'], [['produce', 't', '-X', 'lingerms=1'], 2, 'linger_ms'], [['consume', 'no-such-topic'], 1, 'no-such-topic'],
    [['offsets', 'delete', 'c', 't', 'zero'], 2, 'partition'], [['topics', 'show', 'a', 'b'], 2, 'no place for b'], [['health', '--timeout', 'long'], 2, 'not a number of seconds'],
    [['consume', 't', '--from', 'nowhere'], 2, 'nowhere'], [['dev-cluster', '--', '--no-such-flag'], 2, 'no-such-flag'],
  ];
  for (const [args, code, message] of cases) {
    test(args.join(' ') || 'nothing', async () => {
      const done = await command(args);
      assert.equal(done.code, code, done.err);
      assert.ok((done.err + done.out).includes(message), done.err);
      assert.ok(!done.err.includes('    at '), done.err);
    });
  }

  test('a file that is not there', async () => {
    const done = await command(['produce', await newTopic(use.client), '/no/such/file']);
    assert.equal(done.code, 1);
    assert.match(done.err, /^libfluvio: .*\/no\/such\/file/);
  });
});

test('help and version', async () => {
  assert.match((await command(['--version'])).out, /^libfluvio \d+\.\d+\.\d+\n$/);
  for (const name of ['produce', 'consume', 'topics create', 'offsets reset', 'dev-cluster', 'health']) {
    assert.ok((await command(['--help'])).out.includes(`\n  ${name} `));
    const { code, out } = await command([...name.split(' '), '--help']);
    assert.equal(code, 0);
    assert.ok(out.startsWith(`usage: libfluvio ${name} `) && out.includes('--json'), out);
  }
});

test('a cluster and a reader that end with Ctrl-C, and a reader whose output is closed', async () => {
  const cluster = start(['dev-cluster', '--spus', '2', '--json', '--', '--topic-wait=20s']);
  const [ready] = await once(createInterface(cluster.stdout), 'line');
  const { sc, spus } = JSON.parse(ready);
  assert.equal(spus.length, 2);
  const client = await connect(sc);
  await client.admin.createTopic('followed');
  const producer = await client.producer('followed');
  for (const end of ['interrupt', 'pipe']) {
    const reader = start(['consume', 'followed', '-f', '--endpoint', sc]);
    let errors = '';
    reader.stderr.on('data', (text) => (errors += text));
    const exited = once(reader, 'exit');
    await producer.send('x');
    assert.equal(String((await once(reader.stdout, 'data'))[0]).slice(0, 2), 'x\n');
    if (end === 'interrupt') {
      reader.kill('SIGINT');
      assert.deepEqual(await exited, [130, null]);
    } else {
      reader.stdout.destroy();
      while (reader.exitCode === null) await producer.send('x'.repeat(10_000));
      assert.deepEqual(await exited, [141, null]);
    }
    assert.equal(errors, '');
  }
  await client.close();
  const exited = once(cluster, 'exit');
  cluster.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
});

test('a cluster prints its address', async () => {
  const cluster = start(['dev-cluster']);
  const [[address], [rest]] = await Promise.all([cluster.stdout, cluster.stderr].map((stream) => once(createInterface(stream), 'line')));
  assert.ok(rest.includes(`export FLUVIO_ENDPOINT=${address};`) && rest.includes('http://127.0.0.1:'), rest);
  const client = await connect(address);
  assert.deepEqual(await client.admin.topics(), []);
  await client.close();
  const exited = once(cluster, 'exit');
  cluster.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
});

test('a cluster that ends by itself ends its command, which says so', async () => {
  const cluster = start(['dev-cluster', '--json']);
  const [ready] = await once(createInterface(cluster.stdout), 'line');
  const said = cluster.stderr.toArray();
  const exited = once(cluster, 'exit');
  process.kill(JSON.parse(ready).pid, 'SIGKILL');
  assert.deepEqual(await exited, [1, null]);
  assert.match(JSON.parse(Buffer.concat(await said)).message, /^dev cluster: the program ended by itself: /);
});

const noTerminal = fs.existsSync('/usr/bin/script') ? false : 'this system has no program "script" to make a terminal with';
test('progress on a terminal', { skip: noTerminal }, () => {
  const line = `'${process.execPath}' '${program}' bench --records 300000 --endpoint ${use.cluster.endpoint} > /dev/null`;
  const shown = execFileSync('/usr/bin/script', ['-qec', line, '/dev/null'], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'inherit'] });
  assert.match(shown, /\rproduce \[#* *\] +\d+% [\d,]+ records, .*records\/s, .*B\/s/);
  assert.ok(shown.endsWith('\r\x1b[K'), JSON.stringify(shown.slice(-50)));
});

test('texts', () => {
  assert.deepEqual([0, 999, 1000, 999_950, 12_345_678, 5e15].map(output.quantity), ['0 B', '999 B', '1.0 KB', '1.0 MB', '12.3 MB', '5000.0 TB']);
  assert.deepEqual(output.format('a%%\\q\\t').join(''), 'a%\\q\t');
  assert.ok(fs.readFileSync(path.join(packageRoot, 'README.md'), 'utf8').includes('npx libfluvio'));
});
