'use strict';

/**
 * Delivery reports: from the library's events to the promises that wait for them.
 *
 * Every record of a producer has a sequence number, which comes back in its report. 1024 numbers in a row are a page; a page
 * goes when its last record is reported.
 */

const abi = require('./abi.js');
const { closed, withDetail } = require('./errors.js');
const { readError } = require('./native.js');

const SHIFT = 10;
const PAGE = 1 << SHIFT;
const MASK = PAGE - 1;

/** The page of a number. Shifting works on 32 bits only. */
function pageOf(number) {
  return number < 0x80000000 ? number >> SHIFT : Math.floor(number / PAGE);
}

/** The reports of one producer. */
class Book {
  #lib;
  #topic;
  #pages = new Map();
  #next = 0;
  #page = null;
  /** Records without a report. */
  pending = 0;

  #whenBusy;
  #whenIdle;

  /** Calls busy when there is a record without a report, and idle when there is none any more. */
  constructor(lib, topic, { busy, idle }) {
    this.#lib = lib;
    this.#topic = topic;
    this.#whenBusy = busy;
    this.#whenIdle = idle;
  }

  /** Gives the next number to a record. waiter has settle(number, report) and fail(number, error). */
  register(waiter) {
    const number = this.#next++;
    const index = number & MASK;
    if (index === 0 || this.#page === null) {
      this.#page = { slots: new Array(PAGE), left: PAGE };
      this.#pages.set(pageOf(number), this.#page);
    }
    this.#page.slots[index] = waiter;
    if (this.pending++ === 0) this.#whenBusy();
    return number;
  }

  #take(number) {
    const key = pageOf(number);
    const page = this.#pages.get(key);
    const index = number & MASK;
    const waiter = page?.slots[index];
    if (waiter === undefined) return null;
    page.slots[index] = undefined;
    if (--page.left === 0) this.#pages.delete(key);
    if (--this.pending === 0) this.#whenIdle();
    return waiter;
  }

  /** Fails a record that was not accepted. */
  fail(number, error) {
    this.#take(number)?.fail(number, error);
  }

  /** Takes in one event: records of one partition with offsets in a row. */
  deliver(event) {
    const { count, opaques, baseOffset, partition, latencyMs } = event;
    const error = event.status === abi.OK ? null : this.#error(event);
    const step = baseOffset < 0 ? 0 : 1; // records that went through SmartModules have no known offsets
    for (let i = 0; i < count; i++) {
      const number = opaques[2 * i + 1] * 0x100000000 + opaques[2 * i];
      const waiter = this.#take(number);
      if (waiter === null) continue;
      // A record that was stored but not replicated has an offset all the same.
      if (error) waiter.fail(number, baseOffset < 0 ? error : withDetail(error, 'offset', String(baseOffset + step * i)));
      else waiter.settle(number, this.#topic, partition, baseOffset + step * i, latencyMs);
    }
  }

  #error(event) {
    return readError(this.#lib, event.error, event.status, { maybeWritten: event.persisted === abi.MAYBE_PERSISTED });
  }

  /** Fails what has no report, after which none comes. */
  close() {
    if (this.pending === 0) return;
    const error = closed('send', 'producer');
    for (const [key, page] of this.#pages) {
      for (let index = 0; index < PAGE; index++) {
        if (page.slots[index] !== undefined) this.fail(key * PAGE + index, error);
      }
    }
  }
}

/** Waits for one record. */
class Single {
  constructor(resolve, reject) {
    this.resolve = resolve;
    this.reject = reject;
  }

  settle(number, topic, partition, offset, latencyMs) {
    this.resolve({ topic, partition, offset, latencyMs });
  }

  fail(number, error) {
    this.reject(error);
  }
}

/** The promise of a record that lingers. Whoever asks for its value, by await or then, waits for it: then it lingers no more. */
class Lingering extends Promise {
  #sender;

  /** What then makes is an ordinary promise. */
  static get [Symbol.species]() {
    return Promise;
  }

  constructor(executor, sender) {
    super(executor);
    this.#sender = sender;
  }

  then(fulfilled, rejected) {
    if (typeof fulfilled === 'function') this.#sender.hurry(); // catch alone does not wait
    return super.then(fulfilled, rejected);
  }
}

/** Where the records of one sendMany were stored. Indexes are those of the records given. */
class SendReport {
  constructor(topic, partitions, offsets, failed) {
    this.topic = topic;
    this.partitions = partitions;
    this.offsets = offsets;
    this.failed = failed;
  }

  get length() {
    return this.offsets.length;
  }

  *[Symbol.iterator]() {
    const { topic, partitions, offsets } = this;
    for (let i = 0; i < offsets.length; i++) yield { topic, partition: partitions[i], offset: offsets[i] };
  }
}

/** Waits for the records of one sendMany, which have numbers in runs. */
class Group {
  #topic;
  #partitions = new Int32Array(64);
  #offsets = new Float64Array(64);
  #length = 0;
  #failed = 0;
  #left = 0;
  #runs = []; // { number, index, count }
  #whenDone = null;
  /** The first failure. */
  error = null;

  constructor(topic) {
    this.#topic = topic;
  }

  /** Adds the record that got this number. */
  add(number) {
    const index = this.#length++;
    if (index === this.#offsets.length) this.#grow();
    this.#partitions[index] = -1;
    this.#offsets[index] = -1;
    const last = this.#runs[this.#runs.length - 1];
    if (last && last.number + last.count === number) last.count++;
    else this.#runs.push({ number, index, count: 1 });
    this.#left++;
  }

  #grow() {
    const partitions = new Int32Array(2 * this.#length);
    const offsets = new Float64Array(2 * this.#length);
    partitions.set(this.#partitions);
    offsets.set(this.#offsets);
    this.#partitions = partitions;
    this.#offsets = offsets;
  }

  #indexOf(number) {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#runs[middle].number <= number) low = middle;
      else high = middle - 1;
    }
    return this.#runs[low].index + number - this.#runs[low].number;
  }

  settle(number, topic, partition, offset) {
    const index = this.#indexOf(number);
    this.#partitions[index] = partition;
    this.#offsets[index] = offset;
    this.#finishOne();
  }

  fail(number, error) {
    this.#failed++;
    this.error ??= error;
    this.#finishOne();
  }

  #finishOne() {
    if (--this.#left === 0) this.#whenDone?.();
  }

  /** Resolves when every record added so far has its report. */
  done() {
    if (this.#left === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenDone = resolve;
    });
  }

  /** What is known by now; -1 stands for records that failed or have no report yet. */
  report() {
    const partitions = this.#partitions.slice(0, this.#length);
    const offsets = this.#offsets.slice(0, this.#length);
    return new SendReport(this.#topic, partitions, offsets, this.#failed);
  }
}

module.exports = { Book, Single, Lingering, Group, SendReport };
