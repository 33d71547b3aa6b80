'use strict';

/** What manages a cluster: its objects, and the stored offsets of consumers. Comes as client.admin. */

const abi = require('./abi.js');
const { invalid, make } = require('./errors.js');
const { Watch, readValue } = require('./objects.js');
const { CALL_OPTIONS, checkOptions, nameOf, partitionOf, positionOf, signalOf, timeoutOf, withConfig } = require('./settings.js');

/** Reads a list of consumer offsets, and frees it. */
function readOffsets(lib, list) {
  const at = abi.structs.fluvio_consumer_offset;
  const row = new ArrayBuffer(at.size);
  const words = new Int32Array(row);
  const wide = new BigUint64Array(row);
  const number = (name) => Number(BigInt.asIntN(64, wide[at[name] / 8]));
  const offsets = [];
  try {
    const count = lib.consumer_offset_list_count(list);
    for (let i = 0; i < count; i++) {
      words[at.struct_size / 4] = at.size;
      const status = lib.consumer_offset_list_get(list, i, row);
      if (status !== abi.OK) throw make(status, `list consumer offsets: the library refuses to show offset ${i} of ${count}`);
      offsets.push({
        consumerId: lib.text(wide[at.consumer_id / 8]),
        topic: lib.text(wide[at.topic / 8]),
        partition: words[at.partition / 4],
        offset: number('offset'),
        modified: number('modified'),
      });
    }
  } finally {
    lib.consumer_offset_list_free(list);
  }
  return offsets;
}

/** Reads a text, and frees it. */
function readText(lib, text) {
  try {
    return lib.text_get(text);
  } finally {
    lib.text_free(text);
  }
}

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
    const take = (operation) => readText(lib, lib.op_take_text(operation));
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
    const connection = this.#connection;
    const { lib } = connection;
    const checked = checkOptions(options);
    const timeoutMs = timeoutOf(checked);
    const take = (operation) => readOffsets(lib, lib.op_take_consumer_offset_list(operation));
    return connection.run({ what: 'list consumer offsets', signal: signalOf(checked), take }, (client, queue, id) =>
      lib.consumer_offsets_list_async(client, timeoutMs, queue, id),
    );
  }

  async deleteConsumerOffset(consumerId, topic, partition, options) {
    const connection = this.#connection;
    const checked = checkOptions(options);
    const owner = nameOf(consumerId, 'consumerId');
    const name = nameOf(topic, 'topic');
    const number = partitionOf(partition);
    const timeoutMs = timeoutOf(checked);
    await connection.run({ what: 'delete consumer offset', signal: signalOf(checked) }, (client, queue, id) =>
      connection.lib.consumer_offset_delete_async(client, owner, name, number, timeoutMs, queue, id),
    );
  }

  async resetConsumerOffset(consumerId, topic, partition, position, options) {
    const connection = this.#connection;
    const checked = checkOptions(options);
    const owner = nameOf(consumerId, 'consumerId');
    const name = nameOf(topic, 'topic');
    const number = partitionOf(partition);
    const to = positionOf(position);
    const timeoutMs = timeoutOf(checked);
    await connection.run({ what: 'reset consumer offset', signal: signalOf(checked) }, (client, queue, id) =>
      connection.lib.consumer_offset_reset_async(client, owner, name, number, to, timeoutMs, queue, id),
    );
  }
}

module.exports = { Admin };
