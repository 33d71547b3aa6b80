// What the two Node programs of the benchmarks share: the clocks and the line of output.

import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

// The largest resident memory of this process in KiB. That of getrusage begins with the parent's.
const maxRssKb = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);

// Starts the clocks of what is measured, and gives the function that stops them. A timer of a millisecond tells how long the event
// loop kept others waiting.
export function clocks() {
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const before = cpuSeconds();
  const start = performance.now();
  return () => {
    const times = { seconds: (performance.now() - start) / 1e3, cpu_seconds: cpuSeconds() - before, max_rss_kb: maxRssKb() };
    loop.disable();
    const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
    return { ...times, loop_delay_ms: { p50: ms(loop.percentile(50)), p99: ms(loop.percentile(99)), max: ms(loop.max) } };
  };
}

// Prints the result. Latencies are in milliseconds.
export function show(result, latencies) {
  latencies.sort((a, b) => a - b);
  const n = latencies.length;
  const at = (perMille) => latencies[Math.min(Math.floor((n * perMille) / 1000), n - 1)] * 1e3;
  const parts = { p10: 100, p25: 250, p50: 500, p75: 750, p90: 900, p99: 990, p999: 999, max: 1000 };
  const latency_us = n ? { samples: n, ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, at(part)])) } : null;
  console.log(JSON.stringify({ ...result, latency_us }));
}
