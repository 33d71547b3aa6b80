/// <reference types="node" />
/// <reference lib="esnext.disposable" />

/**
 * libfluvio for Node: a client for Fluvio.
 *
 * Promises settle on the event loop, which no call blocks. Objects are closed with close (or stop), or at the end of the
 * block by `await using`. An open client, producer, consumer or dev cluster that nobody waits for does not keep the process
 * alive; a pending promise and a running iteration do. What the application drops without closing it is closed when it is
 * collected.
 */

export * from './types/admin.js';
export * from './types/client.js';
export * from './types/common.js';
export * from './types/consumer.js';
export * from './types/devcluster.js';
export * from './types/errors.js';
export * from './types/observe.js';
export * from './types/producer.js';

/** The version of this package. */
export const version: string;
/** The version of the shared library. Loads it. */
export function libraryVersion(): string;
