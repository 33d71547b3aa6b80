'use strict';

/** How far the application has come, record by record: what a commit stores. */

const { CODE, invalid } = require('./errors.js');

class Progress {
  /** Topic to partition to the last offset of batches that were handed out to their end. */
  #ends = new Map();

  /**
   * @param {boolean} stores whether the consumer has an offset strategy; without one nothing is kept
   * @param {readonly string[]} topics what the consumer reads
   */
  constructor(stores, topics) {
    this.stores = stores;
    this.topics = topics;
  }

  /** A batch begins. One that lies before what was handed out is of a topic that was made anew. */
  begin(columns) {
    if (columns !== null && columns.offsetAt(0) <= this.#ends.get(columns.topic)?.get(columns.partition)) this.forget(columns);
  }

  /** The first seen records of a batch are handed out. */
  note(columns, seen) {
    if (!this.stores || seen === 0) return;
    let partitions = this.#ends.get(columns.topic);
    if (!partitions) this.#ends.set(columns.topic, (partitions = new Map()));
    partitions.set(columns.partition, columns.offsetAt(seen - 1));
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

  /**
   * Whether an offset of all() cannot be stored because its topic, which a pattern took, was deleted meanwhile: not found; or when
   * it was made anew since, without this side being told yet, an invalid argument, because nothing of the new one was handed out.
   */
  isOver({ topic, partition, offset }, error) {
    if (this.topics.includes(topic) || ![CODE.NOT_FOUND, CODE.INVALID_ARGUMENT].includes(error.code)) return false;
    if (this.#ends.get(topic)?.get(partition) === offset) this.forget({ topic, partition });
    return true;
  }

  /** A chosen offset as the library takes it. Throws when no record of it or a higher one was handed out. */
  check({ topic, partition, offset }, columns, seen) {
    const number = typeof offset === 'bigint' ? Number(offset) : offset;
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

module.exports = { Progress };
