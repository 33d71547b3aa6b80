'use strict';

/**
 * How the library wakes JavaScript: through descriptors that the event loop watches. No thread of the library ever runs
 * JavaScript, and no thread of Node's pool waits for the library.
 */

const fs = require('node:fs');
const net = require('node:net');
const { performance } = require('node:perf_hooks');
const { isMainThread } = require('node:worker_threads');
const abi = require('./abi.js');
const { CODE, make, cancelled } = require('./errors.js');
const { native, errorSlot, failure } = require('./native.js');

/** How long work on what has arrived may keep the event loop from its other events, in milliseconds. */
const SLICE_MS = 5;

let sliceEnd = 0;

/** Whether this turn of the event loop has lasted long enough. */
function turnIsOver() {
  return performance.now() >= sliceEnd;
}

function beginTurn() {
  sliceEnd = performance.now() + SLICE_MS;
}

/** Lets the event loop serve everything else, then goes on. */
function nextTurn() {
  return new Promise((resolve) => {
    setImmediate(() => {
      beginTurn();
      resolve();
    });
  });
}

/** Where descriptors are sockets that Node cannot take, as on Windows, the time between two looks, in milliseconds. */
const TICK_MS = 5;

/**
 * Watches one of the library's descriptors, which are read ends of pipes.
 *
 * A net.Socket owns its descriptor and reads the bytes, which the library allows. So it gets a descriptor of its own for the
 * same pipe; the library's stays the library's. It must not come from fs.openSync: a worker that ends closes those once more,
 * after the socket has, and by then the number may be another's. While nobody holds the watcher it does not keep the process
 * alive.
 */
class Watcher {
  #source;
  #holds = 0;

  /** @param {number} fd @param {() => void} readable called when the descriptor became readable */
  constructor(fd, readable) {
    if (fd < 0) throw make(CODE.UNSUPPORTED, 'watch libfluvio: this platform has no descriptor to wait on');
    if (process.versions.bun) throw make(CODE.UNSUPPORTED, 'watch libfluvio: sockets of Bun do not read pipes [hint: use Node or Deno]');
    this.#source = native().duplicate ? Watcher.#pipe(fd, readable) : Watcher.#ticks(readable);
    this.#source.unref();
  }

  static #pipe(fd, readable) {
    const own = native().duplicate(fd);
    if (own < 0) throw make(CODE.OUT_OF_MEMORY, 'watch libfluvio: no descriptor is free [hint: close clients, or raise the limit of open files]');
    const socket = new net.Socket({
      fd: own,
      readable: true,
      writable: false,
      onread: {
        buffer: Buffer.allocUnsafeSlow(64),
        callback: () => {
          beginTurn();
          readable();
          return true;
        },
      },
    });
    // A pipe reports no errors of its own; without a listener one would end the process.
    socket.on('error', readable);
    return socket;
  }

  static #ticks(readable) {
    const timer = setInterval(() => {
      beginTurn();
      readable();
    }, TICK_MS);
    return { ref: () => timer.ref(), unref: () => timer.unref(), destroy: () => clearInterval(timer) };
  }

  /** Keeps the process alive until release is called as often. */
  hold() {
    if (this.#holds++ === 0) this.#source.ref();
  }

  release() {
    if (--this.#holds === 0) this.#source.unref();
  }

  destroy() {
    this.#source.destroy();
  }
}

/**
 * The queue of events of one thread of JavaScript: ends of operations, and delivery reports of all producers. It lives as
 * long as clients, producers or consumers use it.
 */
class Hub {
  #watcher;
  #operations = new Map();
  #books = new Map();
  #listeners = new Map();
  #nextId = 1;
  #users = 0;
  #scheduled = false;
  #report = new ArrayBuffer(abi.structs.fluvio_delivery.size);
  #reportWords = new Int32Array(this.#report);
  #reportPointers = new BigUint64Array(this.#report);
  #opaques = new Uint32Array(2048);

  constructor(lib) {
    this.lib = lib;
    this.queue = lib.queue_new();
    if (!this.queue) throw make(CODE.OUT_OF_MEMORY, 'open queue: memory or descriptors are short, or this is a forked child');
    try {
      this.#watcher = new Watcher(lib.queue_fd(this.queue), () => this.drain());
    } catch (error) {
      lib.queue_free(this.queue);
      throw error;
    }
  }

  /** The hub, made when it is needed. Call release once for each acquire. */
  static acquire() {
    current ??= new Hub(native());
    current.#users++;
    return current;
  }

  release() {
    if (--this.#users > 0) return;
    if (current === this) current = null;
    this.#watcher.destroy();
    this.lib.queue_free(this.queue);
    this.queue = null;
  }

  /** Keeps the process alive until letGo is called as often. */
  hold() {
    this.#watcher.hold();
  }

  letGo() {
    this.#watcher.release();
  }

  /** Sends the reports of a producer to a book; null ends that. */
  listen(producer, book) {
    if (book) this.#books.set(producer, book);
    else this.#books.delete(producer);
  }

  /**
   * Calls a function with the events of a consumer or a client, as the library gives them, until forget is called with the number that
   * this returns; null for null.
   */
  listenTo(tell) {
    if (tell === null) return null;
    const id = this.#nextId++;
    this.#listeners.set(id, tell);
    return id;
  }

  forget(id) {
    this.#listeners.delete(id);
  }

  /**
   * Runs an operation of the library.
   * @param {object} call what: for messages; signal: an AbortSignal; take: reads the result out of the operation
   * @param {(queue: bigint, id: number) => bigint} start calls the _async function
   */
  run(call, start) {
    const { what, signal, take } = call;
    if (signal?.aborted) return Promise.reject(cancelled(what, signal));
    const caller = {};
    Error.captureStackTrace(caller, this.run);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const operation = start(this.queue, id);
      if (!operation) {
        reject(make(CODE.OUT_OF_MEMORY, `${what}: no memory for the request, or this is a forked child`));
        return;
      }
      const abort = signal && (() => this.lib.op_cancel(operation));
      signal?.addEventListener('abort', abort, { once: true });
      this.hold();
      this.#users++;
      this.#operations.set(id, () => {
        signal?.removeEventListener('abort', abort);
        try {
          resolve(this.#result(operation, what, signal, take));
        } catch (error) {
          // The event loop's own stack helps nobody. That of the caller is no text where the application makes its own of stacks.
          if (typeof caller.stack === 'string') error.stack = caller.stack.replace(/^.*/, () => String(error));
          reject(error);
        } finally {
          this.lib.op_free(operation);
          this.letGo();
          this.release();
        }
      });
    });
  }

  #result(operation, what, signal, take) {
    const { lib } = this;
    const status = lib.op_wait(operation, 0, errorSlot);
    if (status !== abi.OK) {
      const error = failure(lib, status);
      throw signal?.aborted && error.code === CODE.CANCELLED ? cancelled(what, signal) : error;
    }
    return take ? take(operation) : undefined;
  }

  /** Takes in the events that wait; what would take too long waits for the loop's next turn. */
  drain() {
    const { lib } = this;
    for (let n = 1; this.queue; n++) {
      const event = lib.queue_poll(this.queue, 0);
      if (!event) return;
      this.#absorb(event);
      if (n % 16 === 0 && turnIsOver()) {
        this.#drainLater();
        return;
      }
    }
  }

  #drainLater() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      beginTurn();
      this.drain();
    });
  }

  #absorb(event) {
    const { lib } = this;
    if (lib.event_type(event) === abi.EVENT_DELIVERY) {
      try {
        this.#deliver(event);
      } finally {
        lib.event_free(event);
      }
      return;
    }
    const id = lib.event_opaque(event);
    if (lib.event_type(event) === abi.EVENT_OFFSETS) {
      const ask = this.#listeners.get(id);
      if (ask) ask(event); // it frees the event when it has the answer
      else lib.event_free(event);
      return;
    }
    if (TOLD.has(lib.event_type(event))) {
      try {
        this.#listeners.get(id)?.(event);
      } finally {
        lib.event_free(event);
      }
      return;
    }
    lib.event_free(event);
    const finish = this.#operations.get(id);
    this.#operations.delete(id);
    finish?.();
  }

  #deliver(event) {
    const { lib } = this;
    const at = abi.structs.fluvio_delivery;
    const words = this.#reportWords;
    const pointers = this.#reportPointers;
    words[at.struct_size / 4] = at.size;
    if (lib.event_delivery(event, this.#report) !== abi.OK) return;
    const book = this.#books.get(pointers[at.producer / 8]);
    if (!book) return;
    const count = Number(pointers[at.count / 8]);
    if (this.#opaques.length < 2 * count) this.#opaques = new Uint32Array(4 * count);
    lib.memcpy(this.#opaques, pointers[at.opaque / 8], 8 * count);
    book.deliver({
      status: words[at.status / 4],
      persisted: words[at.persisted / 4],
      partition: words[at.partition / 4],
      baseOffset: Number(BigInt.asIntN(64, pointers[at.base_offset / 8])),
      latencyMs: Number(pointers[at.latency_us / 8]) / 1000,
      count,
      opaques: this.#opaques,
      error: pointers[at.error / 8],
    });
  }
}

/** Events that listeners are told of. */
const TOLD = new Set([abi.EVENT_CONSUMER, abi.EVENT_LOG, abi.EVENT_STATS, abi.EVENT_CLIENT]);

let current = null;

/**
 * Gives back what the application dropped without closing it, and what a worker left open when it ended by itself: the process
 * goes on. Nothing tells of a worker that is terminated.
 */
class Dropped {
  #open = new Set();
  #registry = new FinalizationRegistry((core) => this.#giveBack(core));

  constructor() {
    if (!isMainThread) process.once('exit', () => [...this.#open].forEach((core) => this.#giveBack(core)));
  }

  #giveBack(core) {
    this.#open.delete(core);
    core.abandon();
  }

  /** object is what the application holds, and core what is behind it, which has abandon and does not hold the object. */
  register(object, core) {
    this.#open.add(core);
    this.#registry.register(object, core, core);
  }

  /** The application closes it. */
  unregister(core) {
    this.#open.delete(core);
    this.#registry.unregister(core);
  }
}

const dropped = new Dropped();

/** Gives a class Symbol.asyncDispose where the runtime has it, so that `await using` closes its objects. */
function disposable(type, method) {
  if (!Symbol.asyncDispose) return;
  Object.defineProperty(type.prototype, Symbol.asyncDispose, {
    value: function dispose() {
      return this[method]();
    },
    configurable: true,
    writable: true,
  });
}

module.exports = { Hub, Watcher, disposable, dropped, nextTurn, turnIsOver };
