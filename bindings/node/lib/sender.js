'use strict';

/** The library's producer: packets on their way into it, and the reports that come back. */

const { performance } = require('node:perf_hooks');
const abi = require('./abi.js');
const { Book, Single } = require('./delivery.js');
const { CODE, cancelled, closed, make } = require('./errors.js');
const { Closing, MAX_TIMER_MS, limited } = require('./limit.js');
const { Hub } = require('./loop.js');
const { takeText } = require('./observe.js');
const { dropError, errorSlot, failure } = require('./native.js');
const { Packet } = require('./pack.js');

/** How soon to try again when buffer_memory is used up. Room can come without an event. */
const RETRY_MS = 2;

const sentSlot = new BigUint64Array(1);

/** Holds the Producer that the application has only while records wait for their reports, so that it can be collected. */
class Sender {
  #owner;
  #kept = null;
  #packet = new Packet(); // being filled
  #spare = null;
  #scheduled = false;
  #waiting = []; // packets that found no room, in order
  #hurried = false; // what was sent so far is to leave at once, when it is handed over
  #timer = null;
  #closing = new Closing();

  constructor(owner, client, address, topic, failsWhenFull, lingers) {
    this.#owner = new WeakRef(owner);
    this.client = client;
    this.lib = client.lib;
    this.address = address;
    this.topic = topic;
    this.failsWhenFull = failsWhenFull;
    this.lingers = lingers;
    this.hub = Hub.acquire();
    this.closed = false;
    this.book = new Book(this.lib, topic, {
      busy: () => {
        this.#kept = this.#owner.deref();
        this.hub.hold();
      },
      idle: () => {
        this.#kept = null;
        this.hub.letGo();
      },
    });
    this.hub.listen(address, this);
    client.children.add(this);
  }

  /** Takes in an event of the hub. */
  deliver(event) {
    this.book.deliver(event);
    if (this.#waiting.length > 0) this.#pump();
  }

  /* ------------------------------------------------------------- handing over */

  /** Sends one record. The records of one run of JavaScript leave together when it has ended. */
  send(record, resolve, reject) {
    this.#checkOpen();
    if (!this.#packet.add(record)) {
      this.push();
      this.#packet.add(record);
    }
    const packet = this.#packet;
    const number = this.book.register(new Single(resolve, reject));
    if (packet.count === 1) packet.first = number;
    if (packet.full) {
      this.push();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.push();
      });
    }
  }

  /** Sends one record in a packet of its own, which can be given up while it waits for room. */
  sendAlone(record, timeoutMs, signal, resolve, reject) {
    this.#checkOpen();
    const packet = new Packet();
    packet.add(record);
    let abort;
    const forget = (settle) => (value) => {
      signal?.removeEventListener('abort', abort);
      settle(value);
    };
    this.push();
    packet.first = this.book.register(new Single(forget(resolve), forget(reject)));
    packet.patience = timeoutMs;
    if (signal) {
      abort = () => {
        // A record that waits for room is withdrawn; one that was accepted may be stored.
        const error = cancelled('send', signal);
        if (this.withdraw(packet, error)) return;
        error.maybeWritten = true;
        reject(error);
      };
      signal.addEventListener('abort', abort, { once: true });
    }
    this.#queue(packet);
  }

  /** An empty packet for sendGroup. */
  freshPacket() {
    const packet = this.#spare ?? new Packet();
    this.#spare = null;
    return packet;
  }

  /** Sends a packet for a group. Resolves when every record is accepted, or with the error that ended it. */
  sendGroup(packet, group) {
    this.#checkOpen();
    this.push();
    for (let i = 0; i < packet.count; i++) {
      const number = this.book.register(group);
      if (i === 0) packet.first = number;
      group.add(number);
    }
    packet.stops = true;
    let error = null;
    let accepted = null;
    packet.finished = (why) => {
      error = why;
      accepted?.(why);
    };
    if (this.#queue(packet)) return error; // no promise when there is nothing to wait for
    return new Promise((resolve) => {
      accepted = resolve;
    });
  }

  /** Hands over the packet being filled. */
  push() {
    const packet = this.#packet;
    if (packet.count === 0) return;
    this.#packet = this.freshPacket();
    this.#queue(packet);
  }

  /**
   * Makes what was sent so far leave at once, whatever lingerMs says: somebody waits for it. That comes after the present run of
   * JavaScript, so that all that is sent and awaited in it leaves together.
   */
  hurry() {
    if (this.#hurried || !this.lingers) return;
    this.#hurried = true;
    queueMicrotask(() => {
      this.push();
      this.#leave();
    });
  }

  #leave() {
    if (!this.#hurried || this.#waiting.length > 0 || !this.address) return;
    this.#hurried = false;
    this.lib.producer_hurry(this.address, null);
  }

  /** Takes a packet that waits for room back, failing its records; false when it does not wait. */
  withdraw(packet, error) {
    const at = this.#waiting.indexOf(packet);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    if (at > 0 && packet.waiters) {
      (this.#waiting[at - 1].waiters ??= []).push(...packet.waiters);
      packet.waiters = null;
    }
    this.#refuseRest(packet, error);
    this.#finish(packet);
    this.#leave();
    return true;
  }

  #checkOpen(what = 'send') {
    if (this.closed || !this.address) throw closed(what, 'producer');
  }

  /** Hands a packet over behind those that wait; false when it has to wait too. */
  #queue(packet) {
    if (this.#waiting.length === 0 && this.#handOver(packet)) return true;
    this.#waiting.push(packet);
    if (packet.patience >= 0) {
      packet.timer = setTimeout(() => this.withdraw(packet, this.#noRoom(packet)), Math.min(packet.patience, MAX_TIMER_MS));
    }
    this.#retryLater();
    return false;
  }

  #noRoom(packet) {
    return make(
      CODE.QUEUE_FULL,
      `send ${this.topic}: no room in buffer_memory within ${packet.patience} ms ` +
        '[hint: wait for deliveries, call flush, or raise buffer_memory]',
      { details: { operation: 'send', topic: this.topic } },
    );
  }

  #retryLater() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, RETRY_MS);
  }

  #pump() {
    while (this.#waiting.length > 0) {
      if (!this.#handOver(this.#waiting[0])) {
        this.#retryLater();
        return;
      }
      this.#waiting.shift();
    }
    this.#leave();
  }

  /** Calls the library for what is left of a packet; false when there is no room for all of it. */
  #handOver(packet) {
    const { lib } = this;
    while (packet.sent < packet.count) {
      sentSlot[0] = 0n;
      const status = packet.placed ? this.#sendPlaced(packet) : this.#sendColumns(packet);
      packet.advance(Number(sentSlot[0]));
      if (status === abi.OK) break;
      if (status === CODE.QUEUE_FULL && !this.failsWhenFull) {
        dropError(lib);
        return false;
      }
      const error = failure(lib, status);
      const oneOnly = status === CODE.TOO_LARGE || status === CODE.INVALID_ARGUMENT;
      if (oneOnly && !packet.stops) {
        this.book.fail(packet.first + packet.sent, error);
        packet.advance(1);
      } else {
        this.#refuseRest(packet, error);
      }
    }
    this.#finish(packet);
    return true;
  }

  #sendColumns(packet) {
    const { sent, sentBytes, used, count } = packet;
    const first = sent === 0;
    const data = first ? packet.data : packet.data.subarray(sentBytes);
    const keys = packet.hasKeys ? (first ? packet.keyLength : packet.keyLength.subarray(sent)) : null;
    const values = first ? packet.valueLength : packet.valueLength.subarray(sent);
    return this.lib.producer_send_columns(
      this.address, data, used - sentBytes, keys, values, count - sent, packet.first + sent, 0, sentSlot, errorSlot,
    );
  }

  #sendPlaced(packet) {
    const structs = packet.placed.structs(packet, this.lib.address(packet.data));
    return this.lib.producer_send_batch(this.address, structs, packet.count - packet.sent, 0, sentSlot, errorSlot);
  }

  #refuseRest(packet, error) {
    packet.error = error;
    for (let i = packet.sent; i < packet.count; i++) this.book.fail(packet.first + i, error);
    packet.sent = packet.count;
  }

  #finish(packet) {
    clearTimeout(packet.timer);
    packet.finished?.(packet.error);
    packet.waiters?.forEach((resolve) => resolve());
    if (!packet.reusable || this.#spare) return;
    packet.reset();
    this.#spare = packet;
  }

  /* ------------------------------------------------------- flushing, closing */

  /** Whether something waits for room. */
  get crowded() {
    return this.#waiting.length > 0;
  }

  /**
   * Waits until what waits for room now has been accepted or refused, whatever comes behind it; false when the time was up first.
   */
  emptied(ms, signal, what) {
    const last = this.#waiting.at(-1);
    if (!last) return true;
    return limited(new Promise((resolve) => (last.waiters ??= []).push(resolve)), ms, signal, what);
  }

  async flush(timeoutMs, signal) {
    this.#checkOpen('flush');
    this.push();
    const left = timer(timeoutMs);
    if (!(await this.emptied(timeoutMs, signal, 'flush'))) {
      throw make(CODE.TIMEOUT, `flush: timed out after ${timeoutMs} ms waiting for room in buffer_memory`, {
        details: { operation: 'flush', topic: this.topic },
      });
    }
    if (!this.address) throw closed('flush', 'producer'); // meanwhile
    await this.hub.run({ what: 'flush', signal }, (queue, id) =>
      this.lib.producer_flush_async(this.address, left(), queue, id),
    );
  }

  /** The library's counters, as it names them. */
  async stats(timeoutMs, signal) {
    this.#checkOpen('stats');
    this.push();
    const take = (operation) => JSON.parse(takeText(this.lib, operation));
    return this.hub.run({ what: 'producer stats', signal, take }, (queue, id) =>
      this.lib.producer_stats_async(this.address, timeoutMs, queue, id),
    );
  }

  /**
   * Takes no more records and hands over those that wait for room. When the time is up those fail; the result then is the
   * error to close with, else null.
   */
  async prepareClose(timeoutMs, signal) {
    this.push();
    this.closed = true;
    if (await this.emptied(timeoutMs, signal, 'close producer')) return null;
    const error = make(
      CODE.TIMEOUT,
      `close producer ${this.topic}: timed out after ${timeoutMs} ms; records that waited for room in buffer_memory failed ` +
        '[hint: give close more time, or await what was sent before]',
      { details: { operation: 'close producer', topic: this.topic } },
    );
    for (const packet of [...this.#waiting]) this.withdraw(packet, error);
    return error;
  }

  close(timeoutMs, signal) {
    return this.#closing.run('close producer', timeoutMs, signal, () => this.#close(timeoutMs, signal));
  }

  async #close(timeoutMs, signal) {
    const left = timer(timeoutMs);
    let late = null;
    try {
      late = await this.prepareClose(timeoutMs, signal);
      if (!this.address) return;
      await this.hub.run({ what: 'close producer', signal }, (queue, id) =>
        this.lib.producer_close_async(this.address, left(), queue, id),
      );
    } catch (error) {
      throw late ?? error;
    } finally {
      this.abandon();
    }
    if (late) throw late;
  }

  /** Gives everything back, without waiting. */
  abandon() {
    if (!this.address) return;
    this.closed = true;
    clearTimeout(this.#timer);
    for (const packet of [...this.#waiting]) this.withdraw(packet, closed('send', 'producer'));
    this.hub.listen(this.address, null);
    this.book.close();
    this.lib.producer_free(this.address);
    this.address = null;
    this.client.children.delete(this);
    this.hub.release();
  }
}

/** Counts a timeout down: the returned function tells what is left of it. */
function timer(timeoutMs) {
  if (timeoutMs < 0) return () => -1;
  const deadline = performance.now() + timeoutMs;
  return () => Math.max(0, Math.ceil(deadline - performance.now()));
}

module.exports = { Sender, timer };
