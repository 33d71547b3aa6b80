'use strict';

/** How far the application has come, record by record: what a commit stores. */

const { invalid } = require('./errors.js');

class Progress {
  /** Topic to partition to the last offset of batches that were handed out to their end. */
  #ends = new Map();

  /** @param {boolean} stores whether the consumer has an offset strategy; without one nothing is kept */
  constructor(stores) {
    this.stores = stores;
  }

  /** The first seen records of a batch are handed out. */
  note(columns, seen) {
    if (this.stores && seen > 0) raise(this.#ends, columns.topic, columns.partition, columns.offsetAt(seen - 1));
  }

  /**
   * The last offset that was handed out of every partition, given the batch that is being handed out.
   * @returns {{ topic: string, partition: number, offset: number }[]}
   */
  all(columns, seen) {
    if (columns !== null) this.note(columns, seen);
    const found = [];
    for (const [topic, partitions] of this.#ends) {
      for (const [partition, offset] of partitions) found.push({ topic, partition, offset });
    }
    return found;
  }

  /** Nothing of a partition counts as handed out any more. */
  forget({ topic, partition }) {
    this.#ends.get(topic)?.delete(partition);
  }

  /** A chosen offset as the library takes it. Throws when no record of it or a higher one was handed out. */
  check({ topic, partition, offset }, columns, seen) {
    const number = typeof offset === 'bigint' ? Number(offset) : offset;
    if (!Number.isInteger(partition)) throw invalid('partition', `${String(partition)} is not a whole number`);
    if (!Number.isInteger(number)) throw invalid('offset', `${String(offset)} is not a whole number`);
    if (columns !== null) this.note(columns, seen);
    const last = this.#ends.get(topic)?.get(partition);
    if (number < 0 || last === undefined || number > last) {
      const why = last === undefined ? 'no record was handed out yet' : `the last record handed out has offset ${last}`;
      throw invalid('offset', `${number} cannot be stored for ${topic}/${partition}: ${why}`);
    }
    return { topic, partition, offset: number };
  }
}

function raise(ends, topic, partition, offset) {
  let partitions = ends.get(topic);
  if (!partitions) ends.set(topic, (partitions = new Map()));
  if (!(partitions.get(partition) >= offset)) partitions.set(partition, offset);
}

module.exports = { Progress };
