// Reads a topic to its end and counts words. The last line of the output is a JSON object for programs.
//
//   node count_words.mjs ENDPOINT TOPIC RECORDS
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../bindings/node/package.json', import.meta.url));
const { connect } = require('libfluvio');

const [endpoint, topic, expected] = process.argv.slice(2);
const started = performance.now();
const client = await connect({ endpoint });
const consumer = await client.consumer(topic, { start: 'beginning', stopAt: 'end' });

const words = new Map();
let records = 0;
let shown = 0;
for await (const batch of consumer.batches()) {
  for (const record of batch) {
    for (const word of record.value.toString().match(/[\p{L}_]+/gu) ?? []) words.set(word, (words.get(word) ?? 0) + 1);
    records++;
  }
  if (process.stderr.isTTY && performance.now() - shown > 100) {
    shown = performance.now();
    process.stderr.write(`\r  Node reads    ${records.toLocaleString('en')} of ${Number(expected).toLocaleString('en')} records `);
  }
}
if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
await consumer.close();
await client.close();

const top = [...words].sort((a, b) => b[1] - a[1]).slice(0, 5);
let total = 0;
for (const n of words.values()) total += n;
console.log(JSON.stringify({ records, words: total, different: words.size, top, seconds: (performance.now() - started) / 1000 }));
