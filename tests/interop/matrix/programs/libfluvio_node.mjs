// Jobs for libfluvio's Node binding; the protocol is described in README.md beside this folder.

import { connect } from '../../../../bindings/node/index.mjs';

const hex = (bytes) => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
const octets = (digits) => (digits === null ? null : Buffer.from(digits, 'hex'));

// A topic's settings, by their names in jobs.
const shown = {
  partitions: 'partitions',
  replication: 'replication',
  compression: 'compression',
  retention_seconds: 'retentionSeconds',
  segment_size: 'segmentSize',
  max_partition_size: 'maxPartitionSize',
};
const settings = { ...shown, ignore_rack: 'ignoreRack' };

const jobs = {
  create_topic: async (client, job) => {
    const given = Object.entries(settings).filter(([name]) => name in job);
    await client.admin.createTopic(job.topic, Object.fromEntries(given.map(([name, option]) => [option, job[name]])));
    return null;
  },

  delete_topic: async (client, job) => {
    await client.admin.deleteTopic(job.topic);
    return null;
  },

  // Name and number of partitions of every topic.
  list_topics: async (client) => (await client.admin.topics()).map((topic) => [topic.name, topic.partitions]),

  // The settings and the status of every topic.
  describe_topics: async (client) => {
    const described = (topic) => Object.entries({ ...shown, status: 'status' }).map(([name, field]) => [name, topic[field]]);
    const topics = await client.admin.topics();
    return Object.fromEntries(topics.map((topic) => [topic.name, Object.fromEntries(described(topic))]));
  },

  // Sends the records in order; returns partition and offset of each.
  produce: async (client, job) => {
    const producer = await client.producer(job.topic, job.compression ? { compression: job.compression } : {});
    const sent = job.records.map(({ key, value, partition, timestamp }) =>
      producer.send({ key: octets(key), value: octets(value), partition, timestamp }),
    );
    const reports = await Promise.all(sent);
    await producer.close();
    return reports.map(({ partition, offset }) => [partition, offset]);
  },

  // Reads from start, by default the beginning, until the end, or count records however long they take.
  consume: async (client, job) => {
    const options = { start: job.start ?? 'beginning', stopAt: 'count' in job ? 'never' : 'end' };
    if (job.isolation) options.isolation = job.isolation;
    if (job.partition !== undefined) options.partitions = [job.partition];
    const consumer = await client.consumer(job.topic, options);
    const records = [];
    for await (const record of consumer) {
      records.push([record.partition, record.offset, record.timestamp, hex(record.key), hex(record.value)]);
      if (records.length === job.count) break;
    }
    await consumer.close();
    return records;
  },

  // As a named consumer, reads count records from behind its stored offset, and stores the new one.
  commit: async (client, job) => {
    const named = { consumerId: job.consumer, offsetStrategy: 'manual', start: 'beginning', stopAt: 'end' };
    const consumer = await client.consumer(job.topic, { ...named, partitions: [job.partition] });
    const offsets = [];
    for await (const { offset } of consumer) {
      offsets.push(offset);
      if (offsets.length === job.count) break;
    }
    await consumer.commit();
    await consumer.close();
    return offsets;
  },

  // Consumer, topic, partition and offset of every stored consumer offset.
  list_offsets: async (client) => {
    const rows = await client.admin.consumerOffsets();
    return rows.map(({ consumerId, topic, partition, offset }) => [consumerId, topic, partition, offset]);
  },

  delete_offset: async (client, job) => {
    await client.admin.deleteConsumerOffset(job.consumer, job.topic, job.partition);
    return null;
  },
};

let text = '';
for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
const request = JSON.parse(text);
const client = await connect(request.endpoint);
const results = [];
for (const job of request.jobs) {
  try {
    results.push({ ok: await jobs[job.do](client, job) });
  } catch (error) {
    results.push({ error: `${error.name}: ${error.message}` });
  }
}
await client.close();
console.log(JSON.stringify({ results }));
