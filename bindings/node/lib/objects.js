'use strict';

/** The cluster's objects, out of the library's memory, and watches of them. */

const { CODE, cancelled, closed } = require('./errors.js');
const { disposable, dropped } = require('./loop.js');
const { camel, checkOptions, signalOf, timeoutOf } = require('./settings.js');

/** Members whose names are the application's own. */
const OWN_NAMES = new Set(['params', 'env']);

/** What the library shows of an object, with the names and types of JavaScript. */
function converted(value, name) {
  if (Array.isArray(value)) return value.map((each) => converted(each, ''));
  if (value === null || typeof value !== 'object') return name === 'last_seen' && value !== null ? new Date(value) : value;
  if (name === 'wasm') return Buffer.from(value.base64, 'base64');
  if (OWN_NAMES.has(name)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [camel(key), converted(member, key)]));
}

/** Copies a value of the library, and frees it. */
function readValue(lib, value) {
  try {
    return converted(JSON.parse(lib.value_json(value)), '');
  } finally {
    lib.value_free(value);
  }
}

/** The library's watch. Knows nothing of the Watch that the application holds, so that one can be collected. */
class Source {
  constructor(connection, address) {
    this.connection = connection;
    this.lib = connection.lib;
    this.address = address;
    connection.children.add(this);
  }

  /** The next events. Giving up loses none: either the request ends without any, or it brings them all the same. */
  async more(timeoutMs, signal) {
    const { lib, address } = this;
    if (!address) throw closed('watch', 'watch');
    const take = (operation) => readValue(lib, lib.op_take_value(operation));
    return this.connection.hub.run({ what: 'watch', signal, take }, (queue, id) => lib.watch_next_async(address, timeoutMs, queue, id));
  }

  async close(timeoutMs, signal) {
    if (!this.address) return;
    const { lib, address } = this;
    try {
      await this.connection.hub.run({ what: 'close watch', signal }, (queue, id) => lib.watch_close_async(address, timeoutMs, queue, id));
    } finally {
      this.abandon();
    }
  }

  /** What a client asks of its children when it closes. */
  async prepareClose() {
    return undefined;
  }

  abandon() {
    if (!this.address) return;
    this.connection.children.delete(this);
    this.lib.watch_free(this.address);
    this.address = null;
  }
}

/** Tells of every change of one kind of object. Comes from client.admin. */
class Watch {
  #source;
  #client;
  #events = [];

  constructor(client, connection, address) {
    this.#client = client; // a client nobody holds would be closed
    this.#source = new Source(connection, address);
    dropped.register(this, this.#source);
  }

  get closed() {
    return this.#source.address === null || this.#client.closed;
  }

  async next(options) {
    const checked = checkOptions(options);
    const timeoutMs = timeoutOf(checked);
    const signal = signalOf(checked);
    if (signal?.aborted) throw cancelled('watch', signal);
    while (this.#events.length === 0) this.#events.push(...(await this.#source.more(timeoutMs, signal)));
    return this.#events.shift();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      let event;
      try {
        event = await this.next();
      } catch (error) {
        if (error.code === CODE.CLOSED) return;
        throw error;
      }
      yield event;
    }
  }

  async close(options) {
    const checked = checkOptions(options);
    dropped.unregister(this.#source);
    await this.#source.close(timeoutOf(checked), signalOf(checked));
  }
}
disposable(Watch, 'close');

module.exports = { Watch, readValue };
