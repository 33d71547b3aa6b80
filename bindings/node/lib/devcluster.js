'use strict';

/** The dev cluster: SC and SPUs in one process of their own, on loopback, for development and tests. */

const { spawn } = require('node:child_process');
const path = require('node:path');
const { CODE, cancelled, invalid, make } = require('./errors.js');
const { limited } = require('./limit.js');
const { findProgram } = require('./locate.js');
const { disposable } = require('./loop.js');
const { CALL_OPTIONS, checkOptions, signalOf, timeoutOf } = require('./settings.js');

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const USAGE_ERROR = 2;
const LOG_CHARACTERS = 64 << 10;

/** The command line for options: camelCase names are the program's flags, times have milliseconds in their name. */
function flagsOf(options) {
  const flags = ['--stdin-lifeline'];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || CALL_OPTIONS.has(name)) continue;
    if (name === 'authorize' && typeof value === 'object') {
      flags.push(`--authorize=${JSON.stringify(value)}`);
      continue;
    }
    if (typeof value === 'object' && !Array.isArray(value)) throw invalid(name, 'expected text, a number, a boolean or a list');
    const isTime = name.endsWith('Ms');
    const flag = (isTime ? name.slice(0, -2) : name).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    flags.push(`--${flag}=${Array.isArray(value) ? value.join(',') : value}${isTime ? 'ms' : ''}`);
  }
  return flags;
}

/** Waits until the program of a cluster ends, for whatever reason. Keeps the process alive meanwhile. */
let ended;

/** A dev cluster that runs. Comes from DevCluster.start. */
class DevCluster {
  #child;
  #exited;
  #silent;
  #log = '';
  #stopping = null;
  #ready = null;

  /** Use DevCluster.start. */
  constructor(child) {
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', (status, signal) => resolve({ status, signal }));
      child.once('error', (error) => resolve({ error }));
    });
    this.#silent = new Promise((resolve) => child.once('close', resolve));
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS);
    });
    child.stdin.on('error', () => {}); // it may end before its input does
  }

  static async start(options) {
    const checked = { spus: 1, ...checkOptions(options, null) };
    const limit = timeoutOf(checked);
    const signal = signalOf(checked);
    if (signal?.aborted) throw cancelled('start dev cluster', signal);
    const flags = flagsOf(checked);
    // Detached: Ctrl-C in the terminal reaches this program, which decides; the cluster ends with its standard input.
    const child = spawn(findProgram(), flags, { stdio: ['pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32' });
    const cluster = new DevCluster(child);
    try {
      await cluster.#start(limit < 0 ? START_TIMEOUT_MS : limit, signal);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    return cluster;
  }

  async #start(timeoutMs, signal) {
    const inTime = await limited(this.#readyLine(), timeoutMs, signal, 'start dev cluster');
    if (!inTime) throw make(CODE.TIMEOUT, `start dev cluster: not ready after ${timeoutMs} ms: ${this.#said()}`);
    const child = this.#child;
    child.stdout.resume();
    for (const part of [child, child.stdin, child.stdout, child.stderr]) part.unref?.(); // Bun has none for some
  }

  /** Until the first line of output says where the cluster listens. */
  async #readyLine() {
    let output = '';
    const { stdout } = this.#child;
    stdout.setEncoding('utf8');
    const line = new Promise((resolve) => {
      stdout.on('data', (text) => {
        if (this.#ready) return;
        output += text;
        if (output.includes('\n')) resolve();
      });
    });
    const exit = await Promise.race([line, this.#exited]);
    if (exit?.error) {
      throw make(CODE.CONNECTION, `start dev cluster: ${exit.error.message}`, { cause: exit.error, retriable: false });
    }
    if (exit) await this.#silent; // its last words come after it has ended
    try {
      const ready = JSON.parse(output.slice(0, output.indexOf('\n')));
      if (ready.ready !== true) throw new Error('not ready');
      this.#ready = ready;
    } catch {
      const code = exit?.status === USAGE_ERROR ? CODE.INVALID_ARGUMENT : CODE.CONNECTION;
      throw make(
        code,
        `start dev cluster: the program ended with status ${exit?.status ?? exit?.signal ?? 'unknown'} before it was ready: ` +
          `${this.#said()} [hint: check the options, and that the ports are free]`,
        { retriable: false },
      );
    }
  }

  #said() {
    return this.#log.trim().replace(/\s+/g, ' ').slice(-2000) || 'it said nothing';
  }

  get endpoint() {
    return this.#ready.sc;
  }

  get spuEndpoints() {
    return [...this.#ready.spus];
  }

  get controlUrl() {
    return this.#ready.control;
  }

  tls(client = 'root') {
    const settings = this.#ready.tls;
    if (!settings) return {};
    const folder = path.dirname(settings.tls_ca);
    return {
      tls: settings.tls,
      tlsDomain: settings.tls_domain,
      tlsCa: settings.tls_ca,
      tlsCertificate: path.join(folder, `${client}.crt`),
      tlsKey: path.join(folder, `${client}.key`),
    };
  }

  get pid() {
    return this.#child.pid;
  }

  get log() {
    return this.#log;
  }

  static {
    ended = (cluster) => {
      cluster.#child.ref();
      return cluster.#exited;
    };
  }

  stop() {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop() {
    const child = this.#child;
    child.ref();
    child.stdin.end();
    if (!(await limited(this.#exited, STOP_TIMEOUT_MS))) child.kill('SIGKILL');
    await this.#exited;
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}
disposable(DevCluster, 'stop');

module.exports = { DevCluster, ended };
