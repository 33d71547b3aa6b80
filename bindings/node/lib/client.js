'use strict';

/** The connection to a cluster. */

const abi = require('./abi.js');
const { Admin } = require('./admin.js');
const { Consumer } = require('./consumer.js');
const { closed, invalid } = require('./errors.js');
const { clientEventReader, parseHealth } = require('./health.js');
const { Closing } = require('./limit.js');
const { Hub, disposable, dropped } = require('./loop.js');
const { inJavaScript, logReader, statsReader, takeText } = require('./observe.js');
const { consumerEventReader } = require('./position.js');
const { Producer } = require('./producer.js');
const { timer } = require('./sender.js');
const { storeAsker, storeOf } = require('./store.js');
const { CALL_OPTIONS, checkOptions, nameOf, signalOf, timeoutOf, withConfig } = require('./settings.js');

/** What connect takes for itself. */
const CONNECT_OPTIONS = new Set([...CALL_OPTIONS, 'onEvent', 'onLog', 'onStats']);

/** What Client.consumer takes for itself. */
const CONSUMER_OPTIONS = new Set([...CALL_OPTIONS, 'onEvent']);

/** Connects to a cluster. */
async function connect(endpointOrOptions) {
  const given = typeof endpointOrOptions === 'string' ? { endpoint: endpointOrOptions } : endpointOrOptions;
  const options = checkOptions(given, null);
  const timeoutMs = timeoutOf(options);
  const signal = signalOf(options);
  const hub = Hub.acquire();
  try {
    const { lib } = hub;
    const readers = [logReader(lib, options.onLog), eventsReader(lib, options)];
    const [log, events] = readers.map((tell) => hub.listenTo(tell));
    const listeners = [log, events].filter((id) => id !== null);
    const take = (operation) => new Client(lib, lib.op_take_client(operation), listeners);
    try {
      return await hub.run({ what: 'connect', signal, take }, (queue, id) =>
        withConfig(lib, options, CONNECT_OPTIONS, (config) => {
          if (log !== null) lib.config_set_log(config, hub.queue, log, null);
          if (events !== null) lib.config_set_events(config, hub.queue, events, null);
          return lib.client_connect_async(config, timeoutMs, queue, id);
        }),
      );
    } catch (error) {
      listeners.forEach((id) => hub.forget(id));
      throw error;
    }
  } finally {
    hub.release();
  }
}

/** What takes a client's events and counters out of the queue, which come with one number; null when nobody wants them. */
function eventsReader(lib, options) {
  const event = clientEventReader(lib, options.onEvent);
  const stats = statsReader(lib, options);
  if (!event && !stats) return null;
  return (pointer) => (lib.event_type(pointer) === abi.EVENT_STATS ? stats : event)?.(pointer);
}

/** The library's client. Knows nothing of the Client that the application holds, so that one can be collected. */
class Connection {
  #closing = new Closing();
  #listeners;

  constructor(lib, address, listeners) {
    this.lib = lib;
    this.address = address;
    this.#listeners = listeners;
    this.hub = Hub.acquire();
    this.closed = false;
    this.platformVersion = lib.client_platform_version(address);
    /** Producers and consumers that are open. */
    this.children = new Set();
  }

  /** Runs an operation on the client. */
  run(call, start) {
    if (this.closed) return Promise.reject(closed(call.what, 'client'));
    return this.hub.run(call, (queue, id) => start(this.address, queue, id));
  }

  close(timeoutMs, signal) {
    return this.#closing.run('close client', timeoutMs, signal, () => this.#close(timeoutMs, signal));
  }

  async #close(timeoutMs, signal) {
    if (!this.address) return;
    this.closed = true;
    const left = timer(timeoutMs);
    let late;
    try {
      const prepared = await Promise.all([...this.children].map((child) => child.prepareClose(timeoutMs, signal)));
      late = prepared.find((error) => error);
      await this.hub.run({ what: 'close client', signal }, (queue, id) =>
        this.lib.client_close_async(this.address, left(), queue, id),
      );
    } catch (error) {
      throw late ?? error;
    } finally {
      for (const child of [...this.children]) child.abandon();
      this.abandon();
    }
    if (late) throw late;
  }

  /** Gives the client back, without waiting. The library closes it when no producer or consumer of it is left. */
  abandon() {
    if (!this.address) return;
    this.closed = true;
    this.lib.client_free(this.address);
    this.#listeners.forEach((id) => this.hub.forget(id));
    this.address = null;
    this.hub.release();
  }
}

/** The connection to a cluster. Comes from connect. */
class Client {
  #connection;
  #admin;

  constructor(lib, address, listeners) {
    this.#connection = new Connection(lib, address, listeners);
    this.#admin = new Admin(this, this.#connection);
    dropped.register(this, this.#connection);
  }

  get closed() {
    return this.#connection.closed;
  }

  get platformVersion() {
    return this.#connection.platformVersion;
  }

  get admin() {
    return this.#admin;
  }

  async producer(topic, options) {
    const connection = this.#connection;
    const { lib } = connection;
    const checked = checkOptions(options, null);
    const name = nameOf(topic, 'topic');
    const timeoutMs = timeoutOf(checked);
    const lingers = Boolean(checked.lingerMs) && Number(checked.lingerMs) !== 0; // NaN: a time with its unit
    const take = (operation) => new Producer(connection, lib.op_take_producer(operation), name, checked.bufferFull === 'fail', lingers);
    return connection.run({ what: 'open producer', signal: signalOf(checked), take }, (client, queue, id) =>
      withConfig(lib, checked, CALL_OPTIONS, (config) =>
        lib.producer_open_async(client, name, config, queue, timeoutMs, queue, id),
      ),
    );
  }

  async consumer(topicOrTopics, options) {
    const connection = this.#connection;
    const { lib } = connection;
    const checked = checkOptions(options, null);
    const several = Array.isArray(topicOrTopics);
    const topics = (several ? topicOrTopics : [topicOrTopics]).map((topic) => nameOf(topic, 'topic'));
    if (topics.length === 0) throw invalid('topics', 'the list is empty; name one topic at least');
    const settings = several ? { ...checked, topics } : { ...checked };
    const timeoutMs = timeoutOf(checked);
    const { hub } = connection;
    const store = storeOf(checked.offsetStore);
    if (store) delete settings.offsetStore;
    const readers = [consumerEventReader(lib, checked.onEvent), store && storeAsker(lib, store)];
    const [events, offsets] = readers.map((tell) => hub.listenTo(tell));
    const listeners = [events, offsets].filter((id) => id !== null);
    const take = (operation) => new Consumer(connection, lib.op_take_consumer(operation), topics, checked.offsetStrategy, listeners);
    try {
      return await connection.run({ what: 'open consumer', signal: signalOf(checked), take }, (client, queue, id) =>
        withConfig(lib, settings, CONSUMER_OPTIONS, (config) => {
          if (events !== null) lib.config_set_events(config, hub.queue, events, null);
          if (offsets !== null) lib.config_set_offset_store(config, hub.queue, offsets, null);
          return lib.consumer_open_async(client, several ? null : topics[0], config, timeoutMs, queue, id);
        }),
      );
    } catch (error) {
      listeners.forEach((id) => hub.forget(id));
      throw error;
    }
  }

  async health(options) {
    return parseHealth(await this.#text('health', 'client_health_async', options));
  }

  async stats(options) {
    return inJavaScript(JSON.parse(await this.#text('client stats', 'client_stats_async', options)));
  }

  async prometheus(options) {
    return this.#text('prometheus text', 'client_prometheus_async', options);
  }

  #text(what, start, options) {
    const connection = this.#connection;
    const { lib } = connection;
    const checked = checkOptions(options);
    const timeoutMs = timeoutOf(checked);
    for (const child of connection.children) child.push?.(); // what JavaScript holds back counts as accepted
    return connection.run({ what, signal: signalOf(checked), take: (operation) => takeText(lib, operation) }, (client, queue, id) =>
      lib[start](client, timeoutMs, queue, id),
    );
  }

  async close(options) {
    const checked = checkOptions(options);
    dropped.unregister(this.#connection);
    await this.#connection.close(timeoutOf(checked), signalOf(checked));
  }
}
disposable(Client, 'close');

module.exports = { Admin, Client, connect };
