'use strict';

/** Waiting with an end. */

const { cancelled } = require('./errors.js');

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

module.exports = { limited, MAX_TIMER_MS };
