// libfluvio's Node program of the benchmarks, reading: tests/bench/README.md says what it takes and prints.

import { parseArgs } from 'node:util';
import { connect } from '../../../bindings/node/index.mjs';
import { clocks, show } from './common.mjs';

const names = ['endpoint', 'topic', 'mode', 'api', 'size', 'count', 'warmup', 'partitions', 'max_bytes'];
const { values: job } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const follow = job.mode === 'follow';
const next = new Array(Number(job.partitions)).fill(0); // the offset that each partition's next record should have
const latencies = []; // milliseconds
let [seen, bytes, missing, asked] = [0, 0, 0, 0];

// Checks that a record is the one that comes next in its partition, and counts it.
function see(partition, offset, value) {
  if (offset !== next[partition]) {
    if (!(offset > next[partition])) throw new Error(`partition ${partition}: the record at ${offset} came twice`);
    missing += offset - next[partition];
  }
  next[partition] = offset + 1;
  seen++;
  bytes += value.length;
  // Both ends have the same clock.
  if (follow) latencies.push(Number(process.hrtime.bigint() - value.readBigInt64LE(0)) / 1e6);
}

const works = {
  records: async (iterator, count) => {
    for (let i = 0; i < count; i++) {
      const { value: record } = await iterator.next();
      see(record.partition, record.offset, record.value);
    }
  },

  batches: async (iterator, count) => {
    asked += count;
    const last = follow ? asked : seen + count; // a sender that is followed sends no more
    while (seen < last) {
      const { value: batch } = await iterator.next();
      for (let i = 0; i < batch.length; i++) see(batch.partition, batch.offset(i), batch.value(i));
    }
  },
};

const work = works[job.api];
if (!work || !['read', 'follow'].includes(job.mode)) throw new Error(`there is no api ${job.api} in mode ${job.mode}`);
const client = await connect(job.endpoint);
const consumer = await client.consumer(job.topic, {
  start: 'beginning',
  ...(job.max_bytes !== undefined && { maxBytes: Number(job.max_bytes) }),
});
const iterator = consumer[job.api]();
if (follow) console.log('ready'); // for the sender
await work(iterator, Number(job.warmup));
const [warmup, before] = [seen, bytes];
latencies.length = 0;
const stop = clocks();
await work(iterator, Number(job.count));
show({ records: seen - warmup, warmup, bytes: bytes - before, missing, ...stop() }, latencies);
await client.close();
