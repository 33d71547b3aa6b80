'use strict';

/** What manages a cluster: its objects, and the stored offsets of consumers. Comes as client.admin. */

const { invalid } = require('./errors.js');
const { Watch, readValue } = require('./objects.js');
const { takeText } = require('./observe.js');
const { readOffsets } = require('./position.js');
const { CALL_OPTIONS, checkOptions, nameOf, partitionOf, positionOf, signalOf, timeoutOf, withConfig } = require('./settings.js');

/** Manages the cluster's objects and consumer offsets. */
class Admin {
  #connection;
  #client;

  constructor(client, connection) {
    this.#client = client; // a client nobody holds would be closed
    this.#connection = connection;
  }

  /** Runs a call: take reads the result. settings: what goes with the options to the library, null: they have none. */
  async #run(what, options, settings, start, take) {
    const connection = this.#connection;
    const { lib } = connection;
    const checked = settings ? checkOptions(options, null) : checkOptions(options);
    const timeoutMs = timeoutOf(checked);
    return connection.run({ what, signal: signalOf(checked), take }, (client, queue, id) =>
      withConfig(lib, { ...checked, ...settings }, CALL_OPTIONS, (config) => start(lib, client, config, timeoutMs, queue, id)),
    );
  }

  #value() {
    const { lib } = this.#connection;
    return (operation) => readValue(lib, lib.op_take_value(operation));
  }

  async #list(kind, options) {
    const checked = checkOptions(options, null);
    const names = typeof checked.names === 'string' ? { names: [checked.names] } : {};
    return this.#run('list objects', checked, names, (lib, client, config, ...rest) => lib.object_list_async(client, kind, config, ...rest), this.#value());
  }

  async #describe(kind, name, options) {
    const own = nameOf(name, 'name');
    return this.#run('describe object', options, null, (lib, client, _, ...rest) => lib.object_describe_async(client, kind, own, ...rest), this.#value());
  }

  async #create(kind, name, options) {
    const own = nameOf(name, 'name');
    const { lib } = this.#connection;
    const take = (operation) => takeText(lib, operation);
    return this.#run('create object', options, {}, (_, client, config, ...rest) => lib.object_create_async(client, kind, own, config, ...rest), take);
  }

  async #delete(kind, name, options, settings) {
    const own = name === null ? null : nameOf(name, 'name');
    await this.#run('delete object', kind === 'topic' ? options : checkOptions(options), settings, (lib, client, config, ...rest) => lib.object_delete_async(client, kind, own, config, ...rest));
  }

  async #watch(kind, options) {
    const { lib } = this.#connection;
    const take = (operation) => new Watch(this.#client, this.#connection, lib.op_take_watch(operation));
    return this.#run('open watch', options, null, (_, client, config, ...rest) => lib.watch_open_async(client, kind, ...rest), take);
  }

  async createTopic(topic, options) {
    const name = nameOf(topic, 'topic');
    await this.#run('create topic', options, {}, (lib, client, config, ...rest) => lib.topic_create_async(client, name, config, ...rest));
  }

  async deleteTopic(topic, options) {
    await this.#delete('topic', nameOf(topic, 'topic'), options, {});
  }

  async addPartitions(topic, count, options) {
    const name = nameOf(topic, 'topic');
    if (!Number.isInteger(count) || count < 1 || count > 0xffffffff) throw invalid('count', `${String(count)} is not a number of partitions to add`);
    await this.#run('add partitions', options, null, (lib, client, _, ...rest) => lib.topic_add_partitions_async(client, name, count, ...rest));
  }

  async addMirror(topic, remoteCluster, options) {
    const name = nameOf(topic, 'topic');
    const remote = nameOf(remoteCluster, 'remoteCluster');
    await this.#run('add mirror', options, null, (lib, client, _, ...rest) => lib.topic_add_mirror_async(client, name, remote, ...rest));
  }

  async waitTopic(topic, options) {
    const name = nameOf(topic, 'topic');
    await this.#run('wait for topic', options, null, (lib, client, _, ...rest) => lib.topic_wait_async(client, name, ...rest));
  }

  topics(options) {
    return this.#list('topic', options);
  }

  async topic(name, options) {
    return this.#describe('topic', name, options);
  }

  watchTopics(options) {
    return this.#watch('topic', options);
  }

  partitions(options) {
    return this.#list('partition', options);
  }

  async partition(topic, partition, options) {
    return this.#describe('partition', `${nameOf(topic, 'topic')}-${partitionOf(partition)}`, options);
  }

  watchPartitions(options) {
    return this.#watch('partition', options);
  }

  spus(options) {
    return this.#list('spu', options);
  }

  async spu(name, options) {
    return this.#describe('spu', name, options);
  }

  customSpus(options) {
    return this.#list('custom_spu', options);
  }

  async createCustomSpu(name, options) {
    await this.#create('custom_spu', name, options);
  }

  async deleteCustomSpu(nameOrId, options) {
    const byName = typeof nameOrId === 'string';
    await this.#delete('custom_spu', byName ? nameOrId : null, options, byName ? {} : { id: nameOrId });
  }

  watchSpus(options) {
    return this.#watch('spu', options);
  }

  spuGroups(options) {
    return this.#list('spu_group', options);
  }

  async spuGroup(name, options) {
    return this.#describe('spu_group', name, options);
  }

  async createSpuGroup(name, options) {
    await this.#create('spu_group', name, options);
  }

  async deleteSpuGroup(name, options) {
    await this.#delete('spu_group', name, options, {});
  }

  watchSpuGroups(options) {
    return this.#watch('spu_group', options);
  }

  smartmodules(options) {
    return this.#list('smartmodule', options);
  }

  async smartmodule(name, options) {
    return this.#describe('smartmodule', name, options);
  }

  createSmartmodule(name, module, options) {
    const given = typeof module === 'string' ? { path: module } : { wasm: module };
    return this.#create('smartmodule', name, { ...options, ...given });
  }

  async deleteSmartmodule(name, options) {
    await this.#delete('smartmodule', name, options, {});
  }

  watchSmartmodules(options) {
    return this.#watch('smartmodule', options);
  }

  tableFormats(options) {
    return this.#list('table_format', options);
  }

  async tableFormat(name, options) {
    return this.#describe('table_format', name, options);
  }

  async createTableFormat(name, options) {
    await this.#create('table_format', name, options);
  }

  async deleteTableFormat(name, options) {
    await this.#delete('table_format', name, options, {});
  }

  watchTableFormats(options) {
    return this.#watch('table_format', options);
  }

  mirrors(options) {
    return this.#list('mirror', options);
  }

  async mirror(name, options) {
    return this.#describe('mirror', name, options);
  }

  async createMirror(name, options) {
    await this.#create('mirror', name, options);
  }

  async deleteMirror(name, options) {
    await this.#delete('mirror', name, options, {});
  }

  async consumerOffsets(options) {
    const { lib } = this.#connection;
    const take = (operation) => readOffsets(lib, lib.op_take_consumer_offset_list(operation));
    return this.#run('list consumer offsets', options, null, (_, client, config, ...rest) => lib.consumer_offsets_list_async(client, ...rest), take);
  }

  async deleteConsumerOffset(consumerId, topic, partition, options) {
    const place = [nameOf(consumerId, 'consumerId'), nameOf(topic, 'topic'), partitionOf(partition)];
    await this.#run('delete consumer offset', options, null, (lib, client, _, ...rest) => lib.consumer_offset_delete_async(client, ...place, ...rest));
  }

  async resetConsumerOffset(consumerId, topic, partition, position, options) {
    const place = [nameOf(consumerId, 'consumerId'), nameOf(topic, 'topic'), partitionOf(partition), positionOf(position)];
    await this.#run('reset consumer offset', options, null, (lib, client, _, ...rest) => lib.consumer_offset_reset_async(client, ...place, ...rest));
  }
}

module.exports = { Admin };
