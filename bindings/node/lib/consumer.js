'use strict';

/** Consumers: batches are taken when the application asks for more, which is all the back-pressure there is. */

const { performance } = require('node:perf_hooks');
const abi = require('./abi.js');
const { Batch, Columns, Record } = require('./batch.js');
const { CODE, cancelled, closed, invalid } = require('./errors.js');
const { Hub, Watcher, disposable, dropped, nextTurn, turnIsOver } = require('./loop.js');
const { Closing, MAX_TIMER_MS } = require('./limit.js');
const { errorSlot, failure } = require('./native.js');
const { readPositions } = require('./position.js');
const { Progress } = require('./progress.js');
const { CALL_OPTIONS, checkOptions, nameOf, partitionOf, positionOf, signalOf, timeoutOf } = require('./settings.js');
const { readable, readableStream } = require('./streams.js');

const batchSlot = new BigUint64Array(1);
const { NO_KEY } = abi;
/** The options of single calls. */
const LIMITS = new Set([...CALL_OPTIONS, 'maxRecords', 'maxBytes']);
const PLACE = new Set([...CALL_OPTIONS, 'topic']);
const ITERATION = new Set(['signal']);
const DONE = Object.freeze({ value: undefined, done: true });

/** The library's consumer. Knows nothing of the Consumer that the application holds, so that one can be collected. */
class Stream {
  #watcher = null;
  #waiters = new Set();
  #closing = new Closing();
  /** Settled when positions are no longer being changed; null when they are not. */
  #changing = null;
  /** What pollMany met behind the records that it gave. */
  failure = null;
  /** The batch being handed out, and its next record. */
  columns = null;
  index = 0;

  constructor(client, address, progress, listeners) {
    this.client = client;
    this.listeners = listeners;
    this.lib = client.lib;
    this.address = address;
    this.progress = progress;
    this.hub = Hub.acquire();
    this.closed = false;
    /** Why the stream has ended, as the application was told; null while it goes on. */
    this.endReason = null;
    client.children.add(this);
  }

  /** Records left of the batch being handed out. */
  get left() {
    return this.columns === null ? 0 : this.columns.count - this.index;
  }

  /** What is left of the batch being handed out, as a batch of its own. */
  takeRest() {
    const rest = new Batch(this.columns, this.index);
    this.#finish();
    return rest;
  }

  /** The whole batch is handed out. */
  #finish() {
    if (this.columns !== null) this.progress.note(this.columns, this.columns.count);
    this.columns = null;
  }

  /** The next batch of the library, or null when there is none yet. */
  #take() {
    const { lib } = this;
    for (;;) {
      const status = lib.consumer_poll(this.address, 0, batchSlot, errorSlot);
      if (status === abi.OK) break;
      if (status === CODE.TIMEOUT && errorSlot[0] === 0n) return null;
      const error = failure(lib, status);
      this.endReason ??= error.endReason;
      if (error.code !== CODE.INTERRUPTED) throw error;
    }
    this.endReason = null; // a partition may go on elsewhere
    const pointer = batchSlot[0];
    try {
      return new Columns(lib, pointer);
    } finally {
      lib.batch_release(pointer);
    }
  }

  /**
   * Waits for records, then returns what take takes of them; null when the time is up. Throws CLOSED, END, CANCELLED and the
   * stream's errors.
   */
  async next(take, timeoutMs, signal, what) {
    const deadline = timeoutMs < 0 ? Infinity : performance.now() + timeoutMs;
    for (;;) {
      if (signal?.aborted) throw cancelled(what, signal);
      if (this.closed) throw closed(what, 'consumer');
      if (this.#changing !== null) {
        await this.#changing;
        continue;
      }
      if (this.left === 0) {
        this.#finish();
        this.columns = this.#take();
        this.index = 0;
        this.progress.begin(this.columns);
      }
      if (this.failure !== null) {
        const { failure: met } = this;
        this.failure = null;
        throw met;
      }
      if (this.left > 0) {
        const taken = take();
        if (this.left > 0) this.#wake(); // there is something for other calls too
        return taken;
      }
      const left = deadline - performance.now();
      if (left <= 0) return null;
      await this.#readable(left, signal);
    }
  }

  /**
   * Runs an operation that changes where a partition is read; nothing is taken meanwhile. What is here of the partition is put
   * aside; start gets the offset at which that begins, -1 for nothing. It comes back when the operation fails.
   */
  async #change(what, place, signal, start) {
    while (this.#changing !== null) await this.#changing;
    if (this.closed) throw closed(what, 'consumer');
    const { columns, index } = this;
    const mine = columns !== null && columns.topic === place?.topic && columns.partition === place.partition;
    if (mine) {
      this.progress.note(columns, index);
      this.columns = null;
    }
    const first = mine && index < columns.count ? columns.offsetAt(index) : -1;
    const done = this.hub.run({ what, signal }, (queue, id) => start(first, queue, id));
    this.#changing = done.then(
      () => {},
      () => {},
    );
    try {
      await done;
    } catch (error) {
      if (mine && !this.closed) Object.assign(this, { columns, index });
      throw error;
    } finally {
      this.#changing = null;
    }
  }

  async seek(place, position, timeoutMs, signal) {
    await this.#change('seek', place, signal, (first, queue, id) =>
      this.lib.consumer_seek_async(this.address, place.topic, place.partition, position, timeoutMs, queue, id),
    );
    this.progress.forget(place);
  }

  async offsetFor({ topic, partition }, position, timeoutMs, signal) {
    if (this.closed) throw closed('find offset', 'consumer');
    const take = (operation) => Number(this.lib.op_take_offset(operation));
    return this.hub.run({ what: 'find offset', signal, take }, (queue, id) =>
      this.lib.consumer_offset_for_async(this.address, topic, partition, position, timeoutMs, queue, id),
    );
  }

  async pause(place, timeoutMs, signal) {
    await this.#change('pause', place, signal, (first, queue, id) =>
      this.lib.consumer_pause_async(this.address, place.topic, place.partition, first, timeoutMs, queue, id),
    );
  }

  async resume({ topic, partition }, timeoutMs, signal) {
    await this.#change('resume', null, signal, (first, queue, id) =>
      this.lib.consumer_resume_async(this.address, topic, partition, timeoutMs, queue, id),
    );
  }

  async drain(timeoutMs, signal) {
    await this.#change('drain', null, signal, (first, queue, id) => this.lib.consumer_drain_async(this.address, timeoutMs, queue, id));
  }

  async positions(timeoutMs, signal) {
    if (this.closed) throw closed('positions', 'consumer');
    const take = (operation) => readPositions(this.lib, this.lib.op_take_position_list(operation));
    const list = await this.hub.run({ what: 'positions', signal, take }, (queue, id) =>
      this.lib.consumer_positions_async(this.address, timeoutMs, queue, id),
    );
    const { columns, index } = this;
    for (const each of this.left > 0 ? list : []) {
      // The library counts whole batches.
      if (each.topic !== columns.topic || each.partition !== columns.partition) continue;
      each.lag += each.position - columns.offsetAt(index);
      each.position = columns.offsetAt(index);
    }
    return list;
  }

  /**
   * Stores the last record handed out, of every partition. The library counts whole batches, so it is told the records.
   */
  async commit(timeoutMs, signal) {
    if (this.closed) throw closed('commit', 'consumer');
    const call = { what: 'commit', signal };
    const places = this.progress.all(this.columns, this.index);
    if (places.length === 0) {
      if (this.progress.stores && this.columns !== null) return; // nothing of the first batch was handed out yet
      await this.hub.run(call, (queue, id) => this.lib.consumer_commit_async(this.address, timeoutMs, queue, id));
      return;
    }
    const results = await Promise.allSettled(places.map((place) => this.#store(call, place, timeoutMs)));
    const failed = results.find(({ status, reason }, i) => status === 'rejected' && !this.progress.isOver(places[i], reason));
    if (failed) throw failed.reason;
  }

  /** Stores a chosen offset. */
  async commitOffset(place, timeoutMs, signal) {
    if (this.closed) throw closed('commit', 'consumer');
    // Without a strategy the library says why not.
    const checked = this.progress.stores ? this.progress.check(place, this.columns, this.index) : { ...place, offset: 0 };
    await this.#store({ what: 'commit', signal }, checked, timeoutMs);
  }

  #store(call, { topic, partition, offset }, timeoutMs) {
    return this.hub.run(call, (queue, id) =>
      this.lib.consumer_commit_offset_async(this.address, topic, partition, offset, timeoutMs, queue, id),
    );
  }

  /** Until the descriptor says that there is something, the consumer closes, the signal is aborted or the time is up. */
  #readable(ms, signal) {
    this.#watcher ??= new Watcher(this.lib.consumer_fd(this.address), () => this.#wake());
    return new Promise((resolve) => {
      const watcher = this.#watcher;
      let timer;
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        this.#waiters.delete(wake);
        watcher.release();
        resolve();
      };
      if (ms !== Infinity) timer = setTimeout(wake, Math.min(Math.ceil(ms), MAX_TIMER_MS));
      signal?.addEventListener('abort', wake, { once: true });
      this.#waiters.add(wake);
      watcher.hold();
    });
  }

  #wake() {
    for (const wake of [...this.#waiters]) wake();
  }

  close(timeoutMs, signal) {
    return this.#closing.run('close consumer', timeoutMs, signal, () => this.#close(timeoutMs, signal));
  }

  async #close(timeoutMs, signal) {
    if (!this.address) return;
    this.end();
    try {
      await this.hub.run({ what: 'close consumer', signal }, (queue, id) =>
        this.lib.consumer_close_async(this.address, timeoutMs, queue, id),
      );
    } finally {
      this.abandon();
    }
  }

  /** The client is about to close: waits end, iterations too. */
  prepareClose() {
    this.end();
    return null;
  }

  /** Ends every wait, here; the library's consumer may be open still. */
  end() {
    this.closed = true;
    this.columns = null;
    this.#wake();
  }

  /** Gives everything back, without waiting. */
  abandon() {
    if (!this.address) return;
    this.end();
    this.#watcher?.destroy();
    this.listeners.forEach((id) => this.hub.forget(id));
    this.lib.consumer_free(this.address);
    this.address = null;
    this.client.children.delete(this);
    this.hub.release();
  }
}

/** Hands out records one by one. All iterators of a consumer share its position. */
class RecordIterator {
  #stream;
  #owner;
  #signal;
  #done = false;

  constructor(owner, stream, signal) {
    this.#owner = owner; // an iterator keeps its consumer from being collected
    this.#stream = stream;
    this.#signal = signal;
  }

  next() {
    const stream = this.#stream;
    // Promises that are there already never let the event loop get on with other events, so look at the time now and then.
    const quick = !this.#done && stream.left > 0 && ((stream.index & 255) !== 0 || !turnIsOver()) && !this.#signal?.aborted;
    return quick ? Promise.resolve(this.#record()) : this.#nextSlowly();
  }

  #record() {
    const stream = this.#stream;
    return { value: new Record(stream.columns, stream.index++), done: false };
  }

  async #nextSlowly() {
    if (turnIsOver()) await nextTurn();
    if (this.#done) return DONE;
    return (await nextOrEnd(this.#stream, () => this.#record(), this.#signal)) ?? DONE;
  }

  return(value) {
    this.#done = true;
    return Promise.resolve({ value, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

/** Hands out batches, beginning with what is left of one that was handed out in part. */
class BatchIterator {
  #stream;
  #owner;
  #signal;
  #done = false;

  constructor(owner, stream, signal) {
    this.#owner = owner;
    this.#stream = stream;
    this.#signal = signal;
  }

  async next() {
    const stream = this.#stream;
    if (turnIsOver()) await nextTurn();
    if (this.#done) return DONE;
    return (await nextOrEnd(stream, () => ({ value: stream.takeRest(), done: false }), this.#signal)) ?? DONE;
  }

  return(value) {
    this.#done = true;
    return Promise.resolve({ value, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

/** The next of an iteration; null when the stream is at its end or was closed, which is how an iteration ends. */
async function nextOrEnd(stream, take, signal) {
  try {
    return await stream.next(take, -1, signal, 'iterate');
  } catch (error) {
    if (error.code === CODE.END || (error.code === CODE.CLOSED && (stream.closed || stream.client.closed))) return null;
    throw error;
  }
}

/** A limit of pollMany. */
function limitOf(options, name, otherwise) {
  const value = options[name] ?? otherwise;
  if (value !== Infinity && !(Number.isInteger(value) && value > 0)) throw invalid(name, `${String(value)} is not a positive whole number`);
  return value;
}

/** Moves records of the current batch into a list, within the room that is left. */
function fill(stream, records, room) {
  while (stream.left > 0) {
    const { columns, index } = stream;
    const key = columns.keyLen[index];
    const size = columns.valueLen[index] + (key === NO_KEY ? 0 : key);
    room.full = records.length >= room.records || (records.length > 0 && size > room.bytes);
    if (room.full) return true;
    room.bytes -= size;
    records.push(new Record(columns, stream.index++));
  }
  room.full = records.length >= room.records || room.bytes <= 0;
  return true;
}

/** Reads records of topics. Comes from Client.consumer. */
class Consumer {
  #stream;

  constructor(client, address, topics, strategy, listeners) {
    this.#stream = new Stream(client, address, new Progress((strategy ?? 'none') !== 'none', topics), listeners);
    this.topics = Object.freeze([...topics]);
    dropped.register(this, this.#stream);
  }

  get closed() {
    return this.#stream.closed;
  }

  get ended() {
    return ['reached', 'drained', 'silent'].includes(this.#stream.endReason);
  }

  get endReason() {
    return this.#stream.endReason ?? (this.closed ? 'closed' : null);
  }

  async poll(timeoutOrOptions) {
    const given = typeof timeoutOrOptions === 'number' ? { timeoutMs: timeoutOrOptions } : timeoutOrOptions;
    const options = checkOptions(given);
    const timeoutMs = timeoutOf(options);
    const signal = signalOf(options);
    const stream = this.#stream;
    if (turnIsOver()) await nextTurn();
    return stream.next(() => stream.takeRest(), timeoutMs, signal, 'poll');
  }

  records(options) {
    return new RecordIterator(this, this.#stream, signalOf(checkOptions(options, ITERATION)));
  }

  batches(options) {
    return new BatchIterator(this, this.#stream, signalOf(checkOptions(options, ITERATION)));
  }

  [Symbol.asyncIterator]() {
    return this.records();
  }

  readable(options) {
    return readable(this, options, this.#stream.progress.stores);
  }

  readableStream(options) {
    return readableStream(this, options, this.#stream.progress.stores);
  }

  async commit(options) {
    const checked = checkOptions(options);
    await this.#stream.commit(timeoutOf(checked), signalOf(checked));
  }

  async pollMany(options) {
    const checked = checkOptions(options, LIMITS);
    const timeoutMs = timeoutOf(checked);
    const signal = signalOf(checked);
    const room = { records: limitOf(checked, 'maxRecords', 500), bytes: limitOf(checked, 'maxBytes', Infinity) };
    const deadline = timeoutMs < 0 ? Infinity : performance.now() + timeoutMs;
    const stream = this.#stream;
    const records = [];
    if (turnIsOver()) await nextTurn();
    for (let full = false; !full; ) {
      const left = Math.max(deadline - performance.now(), 0);
      if (left === 0 && timeoutMs > 0 && records.length > 0) break; // more may come as fast as it is taken
      try {
        if ((await stream.next(() => fill(stream, records, room), left === Infinity ? -1 : left, signal, 'poll')) === null) break;
      } catch (error) {
        // The end, and being closed, are said again; an error of a partition is only said once.
        if (records.length === 0) throw error;
        if (![CODE.END, CODE.CLOSED, CODE.CANCELLED].includes(error.code)) stream.failure = error;
        break;
      }
      full = room.full;
    }
    return records;
  }

  /** A partition as the application names it. */
  #place(partition, options) {
    const checked = checkOptions(options, PLACE);
    if (checked.topic === undefined && (this.topics.length !== 1 || this.topics[0].startsWith('^'))) {
      throw invalid('topic', `say which one, the consumer reads ${this.topics.length === 1 ? this.topics[0] : this.topics.length}`);
    }
    return { topic: nameOf(checked.topic ?? this.topics[0], 'topic'), partition: partitionOf(partition) };
  }

  async seek(partition, position, options) {
    const place = this.#place(partition, options);
    await this.#stream.seek(place, positionOf(position), timeoutOf(options), signalOf(options));
  }

  async offsetFor(partition, position, options) {
    const place = this.#place(partition, options);
    return this.#stream.offsetFor(place, positionOf(position), timeoutOf(options), signalOf(options));
  }

  async pause(partition, options) {
    await this.#stream.pause(this.#place(partition, options), timeoutOf(options), signalOf(options));
  }

  async resume(partition, options) {
    await this.#stream.resume(this.#place(partition, options), timeoutOf(options), signalOf(options));
  }

  async drain(options) {
    const checked = checkOptions(options);
    await this.#stream.drain(timeoutOf(checked), signalOf(checked));
  }

  async positions(options) {
    const checked = checkOptions(options);
    return this.#stream.positions(timeoutOf(checked), signalOf(checked));
  }

  async commitOffset(partition, offset, options) {
    const place = this.#place(partition, options);
    await this.#stream.commitOffset({ ...place, offset }, timeoutOf(options), signalOf(options));
  }

  async close(options) {
    const checked = checkOptions(options);
    dropped.unregister(this.#stream);
    await this.#stream.close(timeoutOf(checked), signalOf(checked));
  }
}
disposable(Consumer, 'close');

module.exports = { Consumer };
