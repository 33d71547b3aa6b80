// What the two Node programs of the benchmarks share: the clocks and the line of output.

import { readFileSync } from 'node:fs';

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

// The largest resident memory of this process in KiB. That of getrusage begins with the parent's.
const maxRssKb = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);

// Starts the clocks of what is measured, and gives the function that stops them.
export function clocks() {
  const before = cpuSeconds();
  const start = performance.now();
  return () => ({ seconds: (performance.now() - start) / 1e3, cpu_seconds: cpuSeconds() - before, max_rss_kb: maxRssKb() });
}

// Prints the result. Latencies are in milliseconds.
export function show(result, latencies) {
  latencies.sort((a, b) => a - b);
  const n = latencies.length;
  const at = (i) => latencies[i] * 1e3;
  const latency_us = n ? { samples: n, p50: at(n >> 1), p99: at(Math.floor((n * 99) / 100)), max: at(n - 1) } : null;
  console.log(JSON.stringify({ ...result, latency_us }));
}
