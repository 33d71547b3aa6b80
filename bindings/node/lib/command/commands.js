'use strict';

/** The commands: what runs them, what they take, and what they say of themselves. */

const { position, positive, settings, whole } = require('./arguments.js');
const objects = require('./objects.js');
const { format } = require('./output.js');
const records = require('./records.js');

const FORMAT = `Formats: %t topic, %p partition, %o offset, %T timestamp, %k key, %K its length (-1: none), %v value, %V its length,
%%, \\n, \\t, \\0; if nothing is said %v\\n.
Positions: an offset, beginning, end, beginning+N, end-N, or a time as 2030-12-31T23:59.`;

const COMMANDS = {
  produce: {
    run: records.produce,
    help: 'write lines to a topic, a record each',
    positionals: 'TOPIC [FILE...]',
    details: 'FILE: files with the lines; without any, or for -, stdin.',
    exclusive: [['key', 'key-separator', 'raw', 'from-json']],
    options: {
      key: { value: 'TEXT', help: 'the key of all records' },
      'key-separator': { value: 'TEXT', help: 'what is before it in a line is the key' },
      raw: { help: 'each file is one record' },
      'from-json': { help: 'lines are JSON with value, and key, as consume prints' },
      ...settings('producer'),
    },
  },
  consume: {
    run: records.consume,
    help: 'print the records of topics',
    positionals: 'TOPIC...',
    details: `TOPIC: names, or ^patterns.\n${FORMAT}`,
    exclusive: [['follow', 'stop']],
    options: {
      from: { value: 'POSITION', parse: position, otherwise: 'beginning', help: 'where to begin; if nothing is said, beginning' },
      follow: { short: 'f', help: 'wait for more, instead of stopping at the end' },
      stop: { value: 'POSITION', parse: position, otherwise: 'end', help: 'an offset, end, or a time' },
      count: { short: 'n', value: 'N', parse: positive, help: 'stop after so many records' },
      partition: { short: 'p', value: 'N', parse: whole, multiple: true, help: 'only this one; may be repeated' },
      format: { value: 'FORMAT', parse: format, help: 'how a record is printed' },
      consumer: { value: 'ID', help: 'go on behind what is stored under this name, and store it' },
      ...settings('consumer'),
    },
  },
  'topics list': { run: objects.topicsList, help: 'list topics', positionals: '[NAME...]', details: 'NAME: only those with this in their names.' },
  'topics show': { run: objects.topicsShow, help: 'show a topic and its partitions', positionals: 'TOPIC' },
  'topics create': {
    run: objects.topicsCreate,
    help: 'create a topic',
    positionals: 'TOPIC',
    options: {
      partitions: { value: 'N', parse: positive, otherwise: 1, help: 'their number' },
      replication: { value: 'N', parse: positive, otherwise: 1, help: 'copies of each' },
      ...settings('topic, such as retention_seconds=1h'),
    },
  },
  'topics delete': { run: objects.topicsDelete, help: 'delete topics with all their records', positionals: 'TOPIC...' },
  'offsets list': { run: objects.offsetsList, help: 'list stored offsets', positionals: '[CONSUMER]' },
  'offsets delete': { run: objects.offsetsDelete, help: 'forget stored offsets', positionals: 'CONSUMER TOPIC PARTITION' },
  'offsets reset': { run: objects.offsetsReset, help: 'make a consumer go on somewhere else', positionals: 'CONSUMER TOPIC PARTITION POSITION' },
  lag: { run: objects.lag, help: 'show how many records named consumers still have to read', positionals: '[CONSUMER]' },
  health: { run: objects.health, help: 'tell whether the cluster, its SPUs and partitions are well' },
  bench: {
    run: records.bench,
    help: 'measure how fast records are written and read; needs a quiet machine',
    options: {
      topic: { value: 'NAME', help: 'an existing topic; without it one is made, and deleted afterwards' },
      partitions: { value: 'N', parse: positive, otherwise: 1, help: 'of the topic that is made' },
      records: { value: 'N', parse: positive, otherwise: 1_000_000, help: 'their number, if nothing is said a million' },
      size: { value: 'N', parse: positive, otherwise: 100, help: 'bytes of a value, if nothing is said 100' },
      ...settings('producer'),
    },
  },
  'dev-cluster': {
    run: objects.devCluster,
    help: 'run a cluster for development until Ctrl-C',
    positionals: '[OPTIONS...]',
    details: 'OPTIONS: more arguments of fluvio-devcluster, after --.',
    local: true,
    interruptible: true,
    options: {
      spus: { value: 'N', parse: positive, otherwise: 1, help: 'the number of SPUs' },
      listen: { value: 'HOST:PORT', otherwise: '127.0.0.1:0', help: 'of the SC; port 0 is a free one' },
    },
  },
};

module.exports = { COMMANDS };
