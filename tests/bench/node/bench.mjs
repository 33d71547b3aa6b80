// libfluvio's Node program of the benchmarks: tests/bench/README.md says what it takes and prints.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { connect } from '../../../bindings/node/index.mjs';
import { clocks, show } from './common.mjs';

const SAMPLE = 128; // of the records whose reports are taken, every so many is timed
const TURN = 1000; // records that send hands over before it awaits them
const GROUP = 10_000; // records in one call of sendMany

const names = ['endpoint', 'topic', 'mode', 'api', 'reports', 'payload', 'size', 'count', 'warmup', 'linger', 'compression'];
const { values: job } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const size = Number(job.size);
const data = readFileSync(job.payload);
const values = Array.from({ length: Math.floor(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size));

const clock = () => performance.now();
let latencies = []; // milliseconds
let producer;

const works = {
  // This client's send always gives a promise of the report, and is awaited: nothing else keeps memory in bounds.
  throughput_send: async (count) => {
    for (let first = 0; first < count; first += TURN) {
      const sent = [];
      for (let i = first; i < Math.min(first + TURN, count); i++) {
        const promise = producer.send(values[i % values.length]);
        if (i % SAMPLE === 0) {
          const start = clock();
          sent.push(promise.then(() => latencies.push(clock() - start)));
        } else {
          sent.push(promise);
        }
      }
      await Promise.all(sent);
    }
  },

  throughput_send_many: async (count) => {
    const take = job.reports === 'take';
    const sent = [];
    for (let first = 0; first < count; first += GROUP) {
      const records = [];
      for (let i = first; i < Math.min(first + GROUP, count); i++) records.push(values[i % values.length]);
      const start = clock();
      const report = producer.sendMany(records);
      sent.push(take ? report.then(() => latencies.push(clock() - start)) : report);
      if (sent.length > 4) await sent.shift();
    }
    await Promise.all(sent);
  },

  latency_send: async (count) => {
    for (let i = 0; i < count; i++) {
      const start = clock();
      await producer.send(values[i % values.length]);
      latencies.push(clock() - start);
    }
  },
};

const work = works[`${job.mode}_${job.api}`];
if (!work || values.length === 0) throw new Error(`there is no api ${job.api} in mode ${job.mode}, or no payload`);
const client = await connect(job.endpoint);
const settings = {};
if (job.linger !== undefined) settings.lingerMs = Number(job.linger);
if (job.compression !== undefined) settings.compression = job.compression;
producer = await client.producer(job.topic, settings);
const [count, warmup] = [Number(job.count), Number(job.warmup)];
await work(warmup);
latencies = [];
const stop = clocks();
await work(count);
show({ records: count, warmup, bytes: count * size, ...stop() }, latencies);
await client.close();
