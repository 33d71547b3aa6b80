"""What the two Python programs of the benchmarks share: the command line, the clocks and the line of output."""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, List, NoReturn

SAMPLE = 128
"""Of the records whose reports are taken, every so many is timed."""
GROUP = 10_000
"""Records in one call of send_many and send_all."""
WAIT = 120.0


def arguments() -> argparse.Namespace:
    """The command line; tests/bench/README.md describes it."""
    parser = argparse.ArgumentParser()
    for name in ("endpoint", "topic", "api", "payload"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--mode", choices=("throughput", "latency"), required=True)
    parser.add_argument("--reports", choices=("ignore", "take"), default="ignore")
    for name in ("size", "count", "warmup"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--linger", type=int)
    parser.add_argument("--compression")
    return parser.parse_args()


def values(job: argparse.Namespace) -> List[bytes]:
    """The values; record i has value i modulo their number."""
    data = Path(job.payload).read_bytes()
    return [data[i : i + job.size] for i in range(0, len(data) - job.size + 1, job.size)]


def endless(job: argparse.Namespace) -> Iterator[bytes]:
    """The values of all records."""
    return itertools.cycle(values(job))


def cpu_seconds() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def max_rss_kb() -> int:
    """The largest resident memory of this process in KiB. That of getrusage begins with the parent's."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def measure(job: argparse.Namespace, work: Callable[[int], List[float]]) -> None:
    """Calls ``work`` with the number of records, once to warm up and once for the result, and prints that. ``work``
    returns latencies in seconds."""
    work(job.warmup)
    cpu = cpu_seconds()
    start = time.perf_counter()
    latencies = work(job.count)
    seconds = time.perf_counter() - start
    cpu = cpu_seconds() - cpu
    latencies.sort()
    n = len(latencies)
    percentiles = {"p50": n // 2, "p99": n * 99 // 100, "max": n - 1}
    result = {
        "records": job.count,
        "warmup": job.warmup,
        "bytes": job.count * job.size,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "max_rss_kb": max_rss_kb(),
        "latency_us": {"samples": n, **{name: latencies[i] * 1e6 for name, i in percentiles.items()}} if n else None,
    }
    print(json.dumps(result), flush=True)


def no_api(job: argparse.Namespace) -> NoReturn:
    """Ends the program."""
    sys.exit(f"there is no api {job.api} in mode {job.mode}")
