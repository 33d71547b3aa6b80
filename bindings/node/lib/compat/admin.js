'use strict';

/** Administration by the official client's names. */

const { randomInt } = require('node:crypto');
const { CODE, invalid, make } = require('../errors.js');
const { defaults } = require('./names.js');

const Encryption = Object.freeze({ Plaintext: 'Plaintext', Ssl: 'Ssl' });

/** An SPU that is started by hand. */
class CustomSpuSpec {
  constructor(options) {
    const encryption = options?.encryption || Encryption.Plaintext;
    this.id = options?.id || randomInt(1, 10_001);
    this.privateEndpoint = { host: options?.host || defaults.DEFAULT_HOST, port: defaults.DEFAULT_PRIVATE_PORT, encryption };
    this.publicEndpoint = {
      port: defaults.DEFAULT_PUBLIC_PORT,
      ingress: options?.ingress || [{ hostname: defaults.DEFAULT_HOST }],
      encryption,
    };
    if (options?.rack) this.rack = options.rack;
  }
}

/** What the SPUs of a group are started with. */
class SpuConfig {
  constructor(options) {
    this.env = options?.env || [];
    for (const name of ['rack', 'replication', 'storage']) if (options?.[name]) this[name] = options[name];
  }
}

/** A group of SPUs. */
class SpuGroupSpec {
  constructor(options) {
    this.minId = options?.minId || defaults.DEFAULT_MIN_ID;
    this.replicas = options?.replicas || defaults.DEFAULT_REPLICAS;
    this.spuConfig = new SpuConfig(options);
  }
}

/** How a topic's partitions are made. */
class TopicSpec {
  constructor(options) {
    this.opts = options?.maps
      ? { maps: options.maps }
      : {
          partitions: options?.partitions || defaults.DEFAULT_PARTITIONS,
          replicationFactor: options?.replicationFactor || defaults.DEFAULT_REPLICATION_FACTOR,
          ignoreRackAssignment: options?.ignoreRackAssignment || defaults.DEFAULT_IGNORE_RACK_ASSIGNMENT,
        };
  }
}

/** For every partition its replicas, by the ids of the maps, which are 0, 1 and so on. */
function assignmentOf(maps) {
  const sorted = [...maps].sort((a, b) => a.id - b.id);
  if (sorted.some(({ id }, i) => id !== i)) throw invalid('maps', 'the ids of the partitions are not 0, 1 and so on');
  return sorted.map(({ replicas }) => replicas);
}

/** leader-offline is LeaderOffline. */
function pascal(status) {
  if (status === 'election') return 'ElectionLeaderFound';
  return status.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
}

function topicOf({ name, partitions, replication, ignoreRack, assignment, status, reason, replicas, ...more }) {
  return {
    name,
    spec: {
      type: assignment.length > 0 ? 'assigned' : more.mirror ? 'mirror' : 'computed',
      partitions,
      replicationFactor: replication,
      ignoreRackAssignment: ignoreRack,
      ...(assignment.length > 0 && { maps: assignment.map((spus, id) => ({ id, replicas: spus })) }),
      compression: more.compression,
      retentionSeconds: more.retentionSeconds,
      isSystem: more.isSystem,
    },
    status: {
      resolution: pascal(status),
      replicaMap: Object.fromEntries(replicas.map(({ partition, spus }) => [partition, spus])),
      reason,
    },
  };
}

function partitionOf({ topic, partition, leader, replicas, status, highWatermark, logEndOffset, inSync, followers }) {
  return {
    name: `${topic}-${partition}`,
    spec: { leader, replicas },
    status: {
      resolution: pascal(status),
      leader: { spu: leader, hw: highWatermark, leo: logEndOffset },
      lsr: String(inSync),
      replicas: followers.map((each) => ({ spu: each.spu, hw: each.highWatermark, leo: each.logEndOffset })),
    },
  };
}

function spuOf({ name, id, type, status, publicEndpoint, privateEndpoint, rack }) {
  const { hosts, port, encryption } = publicEndpoint;
  const [inside] = privateEndpoint.hosts;
  return {
    name,
    spec: {
      id,
      spuType: pascal(type),
      publicEndpoint: { port, ingress: hosts, encryption },
      privateEndpoint: { host: inside?.hostname || inside?.ip || '', port: privateEndpoint.port, encryption: privateEndpoint.encryption },
      rack: rack || null,
    },
    status: { resolution: pascal(status) },
  };
}

/** host:port of an endpoint in the official form. */
function addressOf(host, port) {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Manages the cluster. Comes from Fluvio.admin. */
class FluvioAdmin {
  #admin;

  constructor(admin, options) {
    this.#admin = admin;
    this.options = options;
  }

  async createTopic(topic, spec) {
    const { opts } = new TopicSpec(spec ?? this.options);
    const { maps, partitions, replicationFactor, ignoreRackAssignment } = opts;
    const how = maps ? { assignment: assignmentOf(maps) } : { partitions, replication: replicationFactor, ignoreRack: ignoreRackAssignment };
    await this.#admin.createTopic(topic, how);
    return topic;
  }

  async deleteTopic(topic) {
    await this.#admin.deleteTopic(topic);
    return topic;
  }

  /** null: there is none. */
  async findTopic(topic) {
    const found = (await this.#admin.topics()).find(({ name }) => name === topic);
    return found ? topicOf(found) : null;
  }

  async listTopic() {
    return JSON.stringify((await this.#admin.topics()).map(topicOf));
  }

  async listPartitions() {
    return JSON.stringify((await this.#admin.partitions()).map(partitionOf));
  }

  /** Partition 0 of a topic, or another. */
  async findPartition(topic, partition = 0) {
    const found = (await this.#admin.partitions()).find((each) => each.topic === topic && each.partition === partition);
    if (!found) throw make(CODE.NOT_FOUND, `find partition ${topic}/${partition}: there is none`, { details: { topic, partition: String(partition) } });
    return partitionOf(found);
  }

  async listSpu() {
    return JSON.stringify((await this.#admin.spus()).map(spuOf));
  }

  async createCustomSpu(name, spec) {
    const { id, publicEndpoint, privateEndpoint, rack } = spec ?? new CustomSpuSpec(this.options);
    const [outside] = publicEndpoint.ingress;
    await this.#admin.createCustomSpu(name, {
      id,
      publicEndpoint: addressOf(outside?.hostname || outside?.ip || defaults.DEFAULT_HOST, publicEndpoint.port),
      privateEndpoint: addressOf(privateEndpoint.host, privateEndpoint.port),
      rack,
      encryption: String(publicEndpoint.encryption).toLowerCase(),
    });
  }

  async deleteCustomSpu(key) {
    await this.#admin.deleteCustomSpu(key);
  }

  async createManagedSpu(name, spec) {
    const { replicas, minId, spuConfig } = spec ?? new SpuGroupSpec(this.options);
    await this.#admin.createSpuGroup(name, {
      replicas,
      minId,
      rack: spuConfig.rack,
      inSyncReplicaMin: spuConfig.replication?.inSyncReplicaMin,
      storageLogDir: spuConfig.storage?.logDir,
      storageSize: spuConfig.storage?.size,
      env: Object.fromEntries(spuConfig.env.map((one) => [one.name, one.value])),
    });
  }

  async deleteManagedSpu(name) {
    await this.#admin.deleteSpuGroup(name);
  }
}

module.exports = { CustomSpuSpec, Encryption, FluvioAdmin, SpuConfig, SpuGroupSpec, TopicSpec };
