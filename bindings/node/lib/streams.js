'use strict';

/**
 * Node's streams and those of the web, over consumers and producers: a source, which is an iterator that can be ended from
 * outside, and a sink, which takes a record when there is room for it.
 */

const { Readable, Writable } = require('node:stream');
const { cancelled, invalid } = require('./errors.js');
const { checkOptions, signalOf } = require('./settings.js');

const READING = new Set(['batches', 'highWaterMark', 'autoClose', 'signal']);
const WRITING = new Set(['highWaterMark', 'autoClose', 'signal', 'onReport']);

/** Records on their way, which are several requests of small ones; bufferMemory limits large ones before. */
const MOST_ON_THEIR_WAY = 8192;

/** How long a stream that was broken off still delivers what was written to it. */
const GRACE_MS = 1000;

/** Records that are read ahead when nobody stores how far reading has come. */
const READ_AHEAD = 64;

/** Checks options, which must be right before there is a stream that could be destroyed. */
function streamOptions(options, known) {
  const checked = checkOptions(options, known);
  const { highWaterMark, autoClose, batches, onReport } = checked;
  if (highWaterMark !== undefined && !(Number.isInteger(highWaterMark) && highWaterMark >= 0)) {
    throw invalid('highWaterMark', `${String(highWaterMark)} is not a number of records`);
  }
  for (const [name, value] of Object.entries({ autoClose, batches })) {
    if (value !== undefined && typeof value !== 'boolean') throw invalid(name, 'expected true or false');
  }
  if (onReport !== undefined && typeof onReport !== 'function') throw invalid('onReport', `a ${typeof onReport} cannot be called`);
  return { ...checked, autoClose: autoClose ?? true, signal: signalOf(checked) };
}

/** Calls end with an error when a signal is aborted; the returned function forgets it. */
function onAbort(signal, what, end) {
  if (!signal) return () => {};
  const abort = () => end(cancelled(what, signal));
  if (signal.aborted) {
    queueMicrotask(abort);
    return () => {};
  }
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

/* ------------------------------------------------------------------ reading */

/** What a consumer gives, for a stream. */
class Source {
  #consumer;
  #iterator;
  #stop = new AbortController();
  #autoClose;

  constructor(consumer, options) {
    this.#consumer = consumer;
    this.#autoClose = options.autoClose;
    const { signal } = this.#stop;
    this.#iterator = options.batches ? consumer.batches({ signal }) : consumer.records({ signal });
  }

  next() {
    return this.#iterator.next();
  }

  /** Ends a wait of next. */
  async release() {
    this.#stop.abort();
    if (this.#autoClose) await this.#consumer.close();
  }
}

/** A consumer as a stream of Node's. */
class RecordReadable extends Readable {
  #source;
  #busy = false;
  #wanted = false;
  #forget;

  constructor(consumer, options) {
    super({ objectMode: true, highWaterMark: options.highWaterMark });
    this.#source = new Source(consumer, options);
    this.#forget = onAbort(options.signal, 'read', (error) => this.destroy(error));
  }

  _read() {
    this.#wanted = true;
    if (!this.#busy) this.#pull();
  }

  /** Pushes until the stream has enough. A listener may ask for more while something is pushed. */
  async #pull() {
    this.#busy = true;
    try {
      while (this.#wanted && !this.destroyed) {
        const { value, done } = await this.#source.next();
        if (this.destroyed) return;
        this.#wanted = false;
        if (this.push(done ? null : value)) this.#wanted = !done;
      }
    } catch (error) {
      this.destroy(error);
    } finally {
      this.#busy = false;
    }
  }

  _destroy(error, callback) {
    this.#forget();
    this.#source.release().then(
      () => callback(error),
      (failure) => callback(error ?? failure),
    );
  }
}

/** How many records a stream of a consumer reads ahead: none if it stores offsets, which are those of records handed out. */
function readingOptions(options, stores) {
  const checked = streamOptions(options, READING);
  return { ...checked, highWaterMark: checked.highWaterMark ?? (stores || checked.batches ? 0 : READ_AHEAD) };
}

function readable(consumer, options, stores) {
  return new RecordReadable(consumer, readingOptions(options, stores));
}

/** A consumer as a stream of the web. */
function readableStream(consumer, options, stores) {
  const checked = readingOptions(options, stores);
  const source = new Source(consumer, checked);
  let forget;
  let ended = false;
  const end = () => {
    ended = true;
    forget();
    return source.release();
  };
  return new ReadableStream(
    {
      start(controller) {
        forget = onAbort(checked.signal, 'read', (error) => {
          if (ended) return;
          controller.error(error);
          end().catch(() => {}); // the stream has its error already
        });
      },
      async pull(controller) {
        try {
          const { value, done } = await source.next();
          if (ended) return;
          if (!done) {
            controller.enqueue(value);
            return;
          }
          await end();
          controller.close();
        } catch (error) {
          if (ended) return;
          controller.error(error);
          await end().catch(() => {});
        }
      },
      cancel: end,
    },
    { highWaterMark: checked.highWaterMark },
  );
}

/* ------------------------------------------------------------------ writing */

/** Takes records for a producer, and counts those without a report. */
class Sink {
  #producer;
  #sender;
  #autoClose;
  #onReport;
  #fail;
  #pending = 0;
  #waiting = null;
  #stop = new AbortController();

  /** fail is called with the first failure of a record, which ends the stream. */
  constructor(producer, sender, { autoClose, onReport }, fail) {
    this.#producer = producer;
    this.#sender = sender;
    this.#autoClose = autoClose;
    this.#onReport = onReport;
    this.#fail = fail;
  }

  #settled = (report) => {
    this.#pending--;
    this.#look();
    if (this.#onReport) queueMicrotask(() => this.#onReport(report)); // what it throws is the application's
  };

  #failed = (error) => {
    this.#pending--;
    this.#look();
    this.#fail(error);
  };

  #look() {
    if (this.#waiting === null || this.#pending > this.#waiting.most) return;
    this.#waiting.resolve();
    this.#waiting = null;
  }

  /** Until there are no more records without a report than that. */
  #fewer(most) {
    if (this.#pending <= most) return undefined;
    return new Promise((resolve) => {
      this.#waiting = { most, resolve };
    });
  }

  /** Sends a record. Gives a promise when there is no room for the next one, which settles when there is. */
  write(record) {
    this.#sender.send(record, this.#settled, this.#failed);
    this.#pending++;
    if (this.#pending >= MOST_ON_THEIR_WAY) {
      this.#sender.hurry(); // somebody waits
      return this.#fewer(MOST_ON_THEIR_WAY / 2);
    }
    return this.#sender.crowded ? this.#sender.emptied(-1, this.#stop.signal, 'write') : undefined;
  }

  /** Until every record has its report. */
  async finish() {
    this.#sender.hurry();
    await this.#producer.flush({ signal: this.#stop.signal });
    await this.#fewer(0);
  }

  /** Closes the producer. When the stream was broken off, what has no report by now is not waited for long. */
  async release(broken) {
    this.#stop.abort();
    if (this.#autoClose) await this.#producer.close(broken ? { timeoutMs: GRACE_MS } : undefined);
  }
}

/** A producer as a stream of Node's. */
class RecordWritable extends Writable {
  #sink;
  #forget;

  constructor(producer, sender, options) {
    super({ objectMode: true, highWaterMark: options.highWaterMark });
    this.#sink = new Sink(producer, sender, options, (error) => this.destroy(error));
    this.#forget = onAbort(options.signal, 'write', (error) => this.destroy(error));
  }

  _write(record, encoding, callback) {
    let room;
    try {
      room = this.#sink.write(record);
    } catch (error) {
      callback(error);
      return;
    }
    if (room === undefined) callback();
    else room.then(() => callback(), callback);
  }

  _final(callback) {
    this.#sink.finish().then(() => callback(), callback);
  }

  _destroy(error, callback) {
    this.#forget();
    const broken = error !== null || !this.writableFinished;
    this.#sink.release(broken).then(
      () => callback(error),
      (failure) => callback(error ?? (broken ? null : failure)),
    );
  }
}

function writable(producer, sender, options) {
  return new RecordWritable(producer, sender, streamOptions(options, WRITING));
}

/** A producer as a stream of the web. */
function writableStream(producer, sender, options) {
  const checked = streamOptions(options, WRITING);
  let sink;
  let forget;
  let ended = false;
  const end = (broken) => {
    ended = true;
    forget();
    return sink.release(broken);
  };
  return new WritableStream(
    {
      start(controller) {
        const fail = (error) => {
          if (ended) return;
          controller.error(error);
          end(true).catch(() => {}); // the stream has its error already
        };
        sink = new Sink(producer, sender, checked, fail);
        forget = onAbort(checked.signal, 'write', fail);
      },
      async write(record, controller) {
        try {
          await sink.write(record);
        } catch (error) {
          controller.error(error);
          if (!ended) await end(true).catch(() => {});
          throw error;
        }
      },
      async close() {
        await sink.finish();
        await end(false);
      },
      abort: () => end(true).catch(() => {}),
    },
    new CountQueuingStrategy({ highWaterMark: checked.highWaterMark ?? 16 }),
  );
}

module.exports = { readable, readableStream, writable, writableStream };
