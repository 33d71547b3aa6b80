'use strict';

/** Producers, as applications see them. */

const { Group, Lingering } = require('./delivery.js');
const { CODE, cancelled, closed, invalid, make } = require('./errors.js');
const { limited } = require('./limit.js');
const { disposable, dropped, nextTurn, turnIsOver } = require('./loop.js');
const { inJavaScript } = require('./observe.js');
const { Sender, timer } = require('./sender.js');
const { writable, writableStream } = require('./streams.js');
const { checkOptions, signalOf, timeoutOf } = require('./settings.js');

/** The iterator of what sendMany was given. */
function iteratorOf(records) {
  if (records !== null && typeof records === 'object' && !ArrayBuffer.isView(records)) {
    if (typeof records[Symbol.asyncIterator] === 'function') return records[Symbol.asyncIterator]();
    if (typeof records[Symbol.iterator] === 'function') return records[Symbol.iterator]();
  }
  throw invalid('records', 'expected an array or another iterable of records');
}

/** One call of sendMany. */
class Sending {
  #sender;
  #iterator;
  #left;
  #signal;
  #carry = undefined; // a record that did not fit into its packet
  #ended = false;
  /** Why not all records were accepted. */
  error = null;

  constructor(sender, records, timeoutMs, signal) {
    this.#sender = sender;
    this.#iterator = iteratorOf(records);
    this.#left = timer(timeoutMs);
    this.#signal = signal;
    this.group = new Group(sender.topic);
  }

  /** Hands all records over, or those before the first that cannot be. */
  async run() {
    while (!this.#ended) {
      const packet = this.#sender.freshPacket();
      try {
        await this.#fill(packet);
      } catch (error) {
        this.#end(error);
      }
      if (packet.count > 0) await this.#handOver(packet);
      if (turnIsOver()) await nextTurn();
    }
  }

  /** Fills a packet. Waits only for an asynchronous iterator, since waiting once for each record costs more than the rest. */
  async #fill(packet) {
    if (this.#carry !== undefined) packet.add(this.#carry);
    this.#carry = undefined;
    while (!packet.full) {
      let step = this.#iterator.next();
      if (typeof step.then === 'function') step = await step;
      if (step.done) {
        this.#ended = true;
        return;
      }
      if (!packet.add(step.value)) {
        this.#carry = step.value;
        return;
      }
    }
  }

  async #handOver(packet) {
    try {
      if (this.#signal?.aborted) throw cancelled('sendMany', this.#signal);
      packet.patience = this.#left();
      const accepted = this.#sender.sendGroup(packet, this.group);
      const error = accepted instanceof Promise ? await this.#accepted(packet, accepted) : accepted;
      if (error) this.#end(error);
    } catch (error) {
      this.#end(error);
    }
  }

  /** Waits for room; an abort takes the packet back. */
  async #accepted(packet, accepted) {
    const signal = this.#signal;
    if (!signal) return accepted;
    const abort = () => this.#sender.withdraw(packet, cancelled('sendMany', signal));
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await accepted;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #end(error) {
    this.error ??= error;
    if (this.#ended) return;
    this.#ended = true;
    // The rest will not be asked for; what a generator does about that is its own affair.
    Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }
}

/** An error of sendMany: the one that ended it, with the report of what was stored. */
function withReport(error, group) {
  const report = group.report();
  if (error.code === undefined || error.details === undefined) return error; // the application's own, out of its iterator
  const copy = make(error.code, error.message, { ...error, cause: error.cause });
  copy.report = report;
  return copy;
}

/** Writes records to a topic. Comes from Client.producer. */
class Producer {
  #sender;

  constructor(client, address, topic, failsWhenFull, lingers) {
    this.#sender = new Sender(this, client, address, topic, failsWhenFull, lingers);
    this.topic = topic;
    dropped.register(this, this.#sender);
  }

  get closed() {
    return this.#sender.closed;
  }

  /** Records without a report. */
  get pending() {
    return this.#sender.book.pending;
  }

  send(record, options) {
    const sender = this.#sender;
    const start = (resolve, reject) => {
      if (options === undefined) {
        sender.send(record, resolve, reject);
        return;
      }
      const checked = checkOptions(options);
      const timeoutMs = timeoutOf(checked);
      const signal = signalOf(checked);
      if (signal?.aborted) throw cancelled('send', signal);
      if (timeoutMs < 0 && !signal) sender.send(record, resolve, reject);
      else sender.sendAlone(record, timeoutMs, signal, resolve, reject);
    };
    return sender.lingers ? new Lingering(start, sender) : new Promise(start);
  }

  async sendMany(records, options) {
    const checked = checkOptions(options);
    const signal = signalOf(checked);
    if (this.closed) throw closed('sendMany', 'producer');
    const sending = new Sending(this.#sender, records, timeoutOf(checked), signal);
    const { group } = sending;
    await sending.run();
    this.#sender.hurry(); // who sends many waits for them all
    try {
      await limited(group.done(), -1, sending.error?.code === CODE.CANCELLED ? undefined : signal, 'sendMany');
    } catch (error) {
      error.maybeWritten = true;
      throw withReport(error, group);
    }
    const error = sending.error ?? group.error;
    if (error) throw withReport(error, group);
    return group.report();
  }

  writable(options) {
    return writable(this, this.#sender, options);
  }

  writableStream(options) {
    return writableStream(this, this.#sender, options);
  }

  async stats(options) {
    const checked = checkOptions(options);
    return inJavaScript(await this.#sender.stats(timeoutOf(checked), signalOf(checked)));
  }

  async flush(options) {
    const checked = checkOptions(options);
    await this.#sender.flush(timeoutOf(checked), signalOf(checked));
  }

  async close(options) {
    const checked = checkOptions(options);
    dropped.unregister(this.#sender);
    await this.#sender.close(timeoutOf(checked), signalOf(checked));
  }
}
disposable(Producer, 'close');

module.exports = { Producer };
