'use strict';

/** Constants of the official client. */

const defaults = {
  DEFAULT_HOST: '127.0.0.1',
  DEFAULT_PORT: 9003,
  DEFAULT_PUBLIC_PORT: 9005,
  DEFAULT_PRIVATE_PORT: 9006,
  DEFAULT_REPLICAS: 3,
  DEFAULT_ID: 0,
  DEFAULT_TOPIC: 'message',
  DEFAULT_PARTITIONS: 1,
  DEFAULT_REPLICATION_FACTOR: 1,
  DEFAULT_IGNORE_RACK_ASSIGNMENT: false,
  DEFAULT_MIN_ID: 0,
  DEFAULT_OFFSET: 0,
  DEFAULT_OFFSET_FROM: 'end',
};

/** Names and numbers, each by the other, as TypeScript has its enums. */
function enumeration(names) {
  return Object.freeze(Object.assign({}, ...names.map((name, i) => ({ [name]: i, [i]: name }))));
}

module.exports = { defaults, enumeration };
