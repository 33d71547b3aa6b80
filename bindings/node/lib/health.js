'use strict';

/** How a client and its cluster are, and what happened to them, out of the library's memory. */

const abi = require('./abi.js');
const { readError } = require('./native.js');
const { callback } = require('./observe.js');
const { Row } = require('./row.js');

function readServer({ id, name, address, online, reachable, rtt_us: rtt, breaker, error }) {
  return { id, name, address, online, reachable, rttMs: rtt === null ? null : rtt / 1000, breaker, error };
}

/** Reads what the library says. */
function parseHealth(text) {
  const h = JSON.parse(text);
  return {
    verdict: h.verdict,
    reasons: h.reasons,
    sc: readServer(h.sc),
    spus: h.spus.map(readServer),
    metadataAgeMs: h.metadata_age_ms,
    metadataError: h.metadata_error,
    clientVersion: h.client_version,
    platformVersion: h.platform_version,
  };
}

/** What takes a client's events out of the queue and gives them to a function; null without one. */
function clientEventReader(lib, onEvent) {
  const tell = callback('onEvent', onEvent);
  if (!tell) return null;
  const row = new Row(abi.structs.fluvio_client_event);
  return (pointer) => {
    if (lib.event_client(pointer, row.memory) !== abi.OK) return;
    const error = row.pointer('error');
    const event = {
      kind: abi.CLIENT_EVENTS[row.int('kind')] ?? String(row.int('kind')),
      address: lib.text(row.pointer('address')),
      topic: lib.text(row.pointer('topic')),
      partition: row.int('partition'),
      spu: row.int('spu'),
      fromSpu: row.int('from_spu'),
      attempt: row.int('attempt'),
      delayMs: row.long('delay_ms'),
      error: error ? readError(lib, error) : null,
      dropped: row.long('dropped'),
    };
    queueMicrotask(() => tell(event)); // what it throws is the application's
  };
}

module.exports = { clientEventReader, parseHealth };
