// The official Node client's program of the benchmarks: tests/bench/README.md says what it takes and prints. Its package is in the
// folder that the variable OFFICIAL_NODE names.
//
// That client cannot send a record without a key: these have an empty one. It does not tell where a record is, so nothing that is
// missing is noticed. Values are text: it refuses what it has not made itself.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { clocks, show } from './common.mjs';

const { default: Fluvio, Offset } = createRequire(`${process.env.OFFICIAL_NODE}/`)('@fluvio/client');
const TURN = 1000; // records that are handed over before they are awaited
const names = ['endpoint', 'topic', 'mode', 'api', 'reports', 'payload', 'size', 'count', 'warmup', 'partitions', 'compression'];
const { values: job } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const [size, count, warmup] = [job.size, job.count, job.warmup].map(Number);
const [host, port] = job.endpoint.split(':');
const client = await Fluvio.connect({ host, port: Number(port) });
let latencies = []; // milliseconds

// Gives the function that sends so many records.
async function sender() {
  const data = readFileSync(job.payload, 'latin1');
  const values = Array.from({ length: Math.floor(data.length / size) }, (_, i) => data.slice(i * size, (i + 1) * size));
  const producer = await client.topicProducer(job.topic);
  const turns = (send) => async (records) => {
    for (let first = 0; first < records; first += TURN) {
      const indices = Array.from({ length: Math.min(TURN, records - first) }, (_, i) => first + i);
      await send(indices.map((i) => values[i % values.length]));
    }
    await producer.flush();
  };
  return {
    throughput_send: turns((group) => Promise.all(group.map((value) => producer.send('', value)))),
    throughput_send_all: turns((group) => producer.sendAll(group.map((value) => ['', value]))),
    latency_send_flush: async (records) => {
      for (let i = 0; i < records; i++) {
        const start = performance.now();
        await producer.send('', values[i % values.length]);
        await producer.flush();
        latencies.push(performance.now() - start);
      }
    },
  }[`${job.mode}_${job.api}`];
}

// Gives the function that reads so many records.
async function reader() {
  if (job.api !== 'records' || job.partitions !== '1') return undefined;
  const consumer = await client.partitionConsumer(job.topic, 0);
  const stream = (await consumer.createStream(Offset.FromBeginning()))[Symbol.asyncIterator]();
  if (job.mode === 'follow') console.log('ready'); // for the sender
  return async (records) => {
    for (let i = 0; i < records; i++) {
      const value = (await stream.next()).value.value();
      if (value.byteLength !== size) throw new Error(`a value of ${value.byteLength} bytes`);
      if (job.mode === 'follow') latencies.push(Number(process.hrtime.bigint() - new DataView(value).getBigInt64(0, true)) / 1e6);
    }
  };
}

const reads = job.mode === 'read' || job.mode === 'follow';
const work = await (reads ? reader() : sender());
if (!work) throw new Error(`there is no api ${job.api} in mode ${job.mode}`);
await work(warmup);
latencies = [];
const stop = clocks();
await work(count);
show({ records: count, warmup, bytes: count * size, ...(reads && { missing: null }), ...stop() }, latencies);
process.exit(0); // the client's threads may not let it end
