'use strict';

/** Waiting with an end. */

const { CODE, cancelled, make } = require('./errors.js');

/** The longest time setTimeout can wait. */
const MAX_TIMER_MS = 0x7fffffff;

/**
 * Waits for a promise, at most for ms milliseconds (negative: without limit) and until signal is aborted.
 * @returns {Promise<boolean>} whether the promise was fulfilled in time; rejects as the promise does, or with CANCELLED
 */
function limited(promise, ms, signal, what) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      promise.catch(() => {}); // it may fail later, which nobody waits for any more
      reject(cancelled(what, signal));
      return;
    }
    const abort = () => end(reject, cancelled(what, signal));
    const timer = ms < 0 ? undefined : setTimeout(() => end(resolve, false), Math.min(ms, MAX_TIMER_MS));
    signal?.addEventListener('abort', abort, { once: true });
    function end(settle, value) {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      settle(value);
    }
    promise.then(
      () => end(resolve, true),
      (error) => end(reject, error),
    );
  });
}

/**
 * The closing of something, which callers at the same time share: the first one's limits are those of the closing, others end only
 * their own wait. Afterwards there is nothing to do.
 */
class Closing {
  #running = null;
  #over = false;

  async run(what, timeoutMs, signal, close) {
    if (this.#over) return;
    if (this.#running === null) {
      this.#running = close().finally(() => {
        this.#over = true;
      });
      await this.#running;
    } else if (!(await limited(this.#running, timeoutMs, signal, what))) {
      throw make(CODE.TIMEOUT, `${what}: timed out after ${timeoutMs} ms; the close that was called before goes on [hint: give this one more time]`, {
        details: { operation: what },
      });
    }
  }
}

module.exports = { Closing, limited, MAX_TIMER_MS };
