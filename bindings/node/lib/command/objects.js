'use strict';

/** The commands for topics, stored offsets, lag, health and the dev cluster. */

const { once } = require('node:events');
const { performance } = require('node:perf_hooks');
const { DevCluster, ended } = require('../devcluster.js');
const { CODE, FluvioError, invalid, make } = require('../errors.js');
const { snake } = require('../settings.js');
const { position } = require('./arguments.js');
const { print, printJson, rows, table } = require('./output.js');
const { connected } = require('./records.js');

const TOPIC = ['name', 'partitions', 'replication', 'compression', 'status', 'reason'];
const PARTITION = ['partition', 'leader', 'replicas', 'status', 'startOffset', 'highWatermark', 'logEndOffset', 'size'];

/** The options of a call. */
const limit = ({ timeout }) => (timeout === undefined ? {} : { timeoutMs: 1000 * timeout });

async function topicsList(given) {
  await connected(given, async (client) => {
    rows(await client.admin.topics({ names: given.name, ...limit(given) }), TOPIC, given.json);
  });
}

async function topicsShow(given) {
  await connected(given, async (client) => {
    const topic = await client.admin.topic(given.topic, limit(given));
    const partitions = (await client.admin.partitions(limit(given))).filter((each) => each.topic === given.topic);
    if (given.json) {
      printJson({ topic, partitions });
      return;
    }
    rows([topic], TOPIC, false);
    print('');
    rows(partitions, PARTITION, false);
  });
}

async function topicsCreate(given) {
  const { partitions, replication } = given;
  await connected(given, (client) => client.admin.createTopic(given.topic, { partitions, replication, ...given.settings, ...limit(given) }));
  if (given.json) printJson({ created: given.topic });
}

async function topicsDelete(given) {
  await connected(given, async (client) => {
    for (const topic of given.topic) {
      await client.admin.deleteTopic(topic, limit(given));
      if (given.json) printJson({ deleted: topic });
    }
  });
}

async function stored(client, given) {
  const found = await client.admin.consumerOffsets(limit(given));
  return found.filter((each) => given.consumer === undefined || each.consumerId === given.consumer);
}

async function offsetsList(given) {
  await connected(given, async (client) => {
    rows(await stored(client, given), ['consumerId', 'topic', 'partition', 'offset', 'modified'], given.json);
  });
}

/** A partition among the positional arguments. */
const partitionOf = ({ partition }) => (/^\d+$/.test(partition) ? Number(partition) : NaN);

async function offsetsDelete(given) {
  await connected(given, (client) => client.admin.deleteConsumerOffset(given.consumer, given.topic, partitionOf(given), limit(given)));
}

async function offsetsReset(given) {
  const { consumer, topic } = given;
  const to = position(given.position);
  await connected(given, (client) => client.admin.resetConsumerOffset(consumer, topic, partitionOf(given), to, limit(given)));
}

async function lag(given) {
  await connected(given, async (client) => {
    const ends = new Map((await client.admin.partitions(limit(given))).map((each) => [`${each.topic}/${each.partition}`, each.highWatermark]));
    const found = (await stored(client, given)).map(({ consumerId, topic, partition, offset }) => {
      const told = ends.get(`${topic}/${partition}`) ?? -1; // by the SC, which hears of records a moment later than readers
      const highWatermark = told < 0 ? told : Math.max(told, offset + 1);
      // Without one the topic is gone, or its SPU has not told.
      return { consumerId, topic, partition, offset, highWatermark, lag: highWatermark < 0 ? null : highWatermark - offset - 1 };
    });
    rows(found, ['consumerId', 'topic', 'partition', 'offset', 'highWatermark', 'lag'], given.json);
  });
}

async function health(given) {
  const begin = performance.now();
  const found = { endpoint: given.endpoint ?? given.profile ?? 'the current profile' };
  const problems = [];
  try {
    await connected(given, async (client) => {
      const told = await client.health(limit(given));
      problems.push(...told.reasons.map((why) => ({ what: 'cluster', why })));
      const partitions = await client.admin.partitions(limit(given));
      Object.assign(found, { verdict: told.verdict, platformVersion: told.platformVersion, spus: told.spus.length, partitions: partitions.length });
      found.milliseconds = Number((performance.now() - begin).toFixed(1));
      const bad = partitions.filter((each) => each.status !== 'online');
      problems.push(...bad.map((each) => ({ what: `${each.topic}/${each.partition}`, why: each.status })));
    });
  } catch (error) {
    if (!(error instanceof FluvioError)) throw error;
    problems.push({ what: 'cluster', why: error.message });
    found.verdict = 'down';
  }
  found.healthy = problems.length === 0;
  if (given.json) {
    printJson({ ...found, problems });
  } else {
    table(Object.entries(found).map(([name, value]) => [snake(name), value]), ['WHAT', 'STATE']);
    for (const { what, why } of problems) print(`${what}: ${why}`);
  }
  return found.healthy ? 0 : 1;
}

/** Flags of fluvio-devcluster as options: --topic-wait=5s is topicWait. */
function clusterOptions(words) {
  const options = {};
  for (let i = 0; i < words.length; i++) {
    const [, name, , value] = /^--([a-z][a-z-]*)(=(.*))?$/s.exec(words[i]) ?? [];
    if (name === undefined) throw invalid(words[i], 'write --name=value, as fluvio-devcluster has it');
    const option = name.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
    const next = words[i + 1];
    options[option] = value ?? (next !== undefined && !next.startsWith('--') ? words[++i] : true);
  }
  return options;
}

async function devCluster(given) {
  const cluster = await DevCluster.start({ spus: given.spus, listen: given.listen, ...clusterOptions(given.options) });
  const { endpoint, spuEndpoints: spus, controlUrl: control, pid } = cluster;
  if (given.json) {
    printJson({ ready: true, pid, sc: endpoint, spus, control });
  } else {
    print(endpoint); // alone, for scripts; people read the rest
    process.stderr.write(`export FLUVIO_ENDPOINT=${endpoint}; faults at ${control}; Ctrl-C ends it\n`);
  }
  const interrupted = await Promise.race([
    ended(cluster).then(() => false),
    ...['SIGINT', 'SIGTERM'].map((signal) => once(process, signal).then(() => true)),
  ]);
  await cluster.stop();
  if (interrupted) return;
  const said = cluster.log.trim().replace(/\s+/g, ' ').slice(-2000) || 'it said nothing';
  throw make(CODE.CONNECTION, `dev cluster: the program ended by itself: ${said}`, { retriable: false });
}

module.exports = { devCluster, health, lag, offsetsDelete, offsetsList, offsetsReset, topicsCreate, topicsDelete, topicsList, topicsShow };
