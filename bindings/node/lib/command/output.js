'use strict';

/** What the command prints: tables and JSON to stdout, progress and failures to stderr. */

const { performance } = require('node:perf_hooks');
const { FluvioError } = require('../errors.js');
const { snake } = require('../settings.js');

/** Milliseconds between two lines of progress. */
const INTERVAL = 200;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as JSON has them: text, or what is not UTF-8 as {"base64": ...}. */
function textOf(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

/** A value with JSON's types, and the names that it has in all languages: log_end_offset. */
function plain(value) {
  if (value instanceof Uint8Array) return textOf(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [
    snake(name), name === 'params' || name === 'env' ? each : plain(each),
  ]));
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

/** One line of JSON. */
function printJson(value) {
  print(JSON.stringify(plain(value)));
}

/** Columns as wide as they need to be; numbers to the right. */
function table(rows, head) {
  const cells = [head, ...rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? '' : String(cell))))];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  cells.forEach((line, number) => {
    const padded = line.map((cell, at) => (number > 0 && /^-?\d+$/.test(cell) ? cell.padStart(widths[at]) : cell.padEnd(widths[at])));
    print(padded.join('  ').trimEnd());
  });
}

const heading = (column) => snake(column).toUpperCase();

/** Objects as a table of some of their fields, or as lines of JSON with all of them. */
function rows(objects, columns, asJson) {
  if (asJson) objects.forEach(printJson);
  else table(objects.map((each) => columns.map((column) => each[column])), columns.map(heading));
}

/** Says what failed, and gives the exit code. */
function fail(error, code, asJson) {
  if (asJson && error instanceof FluvioError) {
    process.stderr.write(`${JSON.stringify({ error: error.codeName, message: error.message, details: error.details })}\n`);
  } else {
    process.stderr.write(`libfluvio: ${error.message}\n`);
  }
  return code;
}

/** Bytes for people. */
function quantity(number) {
  let power = 0;
  for (; number >= 999.95 && power < 4; power++) number /= 1000;
  return power > 0 ? `${number.toFixed(1)} ${'KMGT'[power - 1]}B` : `${Math.round(number)} B`;
}

const grouped = (number) => Math.round(number).toLocaleString('en-US');

/** Counts, and shows the rates of long work on stderr when that is a terminal. total records, if known, make a bar. */
class Progress {
  #what;
  #total;
  #show;
  #begin = performance.now();
  #next = this.#begin;
  #shown = false;
  records = 0;
  bytes = 0;

  constructor(what, { total, show = true } = {}) {
    this.#what = what;
    this.#total = total;
    this.#show = show && process.stderr.isTTY === true;
  }

  /** So much more is done. */
  add(records, bytes) {
    this.records += records;
    this.bytes += bytes;
    if (!this.#show || performance.now() < this.#next) return;
    this.#next = performance.now() + INTERVAL;
    this.#shown = true;
    process.stderr.write(`\r${this.line()}\x1b[K`);
  }

  get #seconds() {
    return Math.max((performance.now() - this.#begin) / 1000, 1e-9);
  }

  /** What is done, and how fast. */
  line() {
    let bar = '';
    if (this.#total) {
      const part = Math.min(this.records / this.#total, 1);
      bar = ` [${'#'.repeat(20 * part).padEnd(20)}] ${String(Math.round(100 * part)).padStart(3)}%`;
    }
    const rates = `${grouped(this.records / this.#seconds)} records/s, ${quantity(this.bytes / this.#seconds)}/s`;
    return `${this.#what}${bar} ${grouped(this.records)} records, ${quantity(this.bytes)}, ${rates}`;
  }

  /** Takes the line away; the counts. */
  end() {
    const seconds = this.#seconds;
    if (this.#shown) process.stderr.write('\r\x1b[K');
    return { records: this.records, bytes: this.bytes, seconds: Number(seconds.toFixed(6)), recordsPerSecond: Math.round(this.records / seconds) };
  }
}

/** The last word on long work: JSON on stdout, or a line on stderr. */
function summary(progress, asJson, more) {
  const line = progress.line();
  const counts = progress.end();
  if (asJson) printJson({ ...counts, ...more });
  else process.stderr.write(`${line}\n`);
}

const ESCAPES = { n: '\n', t: '\t', r: '\r', 0: '\0', '\\': '\\' };

/** What a letter of a format stands for, as bytes or text. */
const FIELDS = {
  t: (record) => record.topic,
  p: (record) => String(record.partition),
  o: (record) => String(record.offset),
  T: (record) => String(record.timestamp ?? -1),
  k: (record) => record.key ?? '',
  K: (record) => String(record.key?.length ?? -1),
  v: (record) => record.value,
  V: (record) => String(record.value.length),
};

/** A format as its parts: texts as they are, and functions of fields. */
function format(text) {
  return [...text.matchAll(/%(.?)|\\([ntr0\\])|[^%\\]+|\\/gs)].map(([part, field, escape]) => {
    if (escape !== undefined) return ESCAPES[escape];
    if (field === undefined) return part;
    if (field === '%') return '%';
    if (!FIELDS[field]) throw new Error(`${part} is no field: write %t %p %o %T %k %K %v %V or %%`);
    return FIELDS[field];
  });
}

module.exports = { Progress, fail, format, plain, print, printJson, quantity, rows, summary, table };
