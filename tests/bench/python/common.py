"""What the two Python programs of the benchmarks share: the command line, the clocks and the line of output."""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, List, NoReturn, Sequence

SAMPLE = 128
"""Of the records whose reports are taken, every so many is timed."""
GROUP = 10_000
"""Records in one call of send_many and send_all."""
WAIT = 120.0
PERCENTILES = {"p10": 100, "p25": 250, "p50": 500, "p75": 750, "p90": 900, "p99": 990, "p999": 999}
"""Of latencies, by parts per thousand."""


def arguments(modes: Sequence[str] = ("throughput", "latency")) -> argparse.Namespace:
    """The command line; tests/bench/README.md describes it."""
    parser = argparse.ArgumentParser()
    for name in ("endpoint", "topic", "api"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--mode", choices=modes, required=True)
    parser.add_argument("--reports", choices=("ignore", "take"), default="ignore")
    for name in ("size", "count", "warmup"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("linger", "partitions", "max_bytes"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("payload", "compression"):
        parser.add_argument(f"--{name}")
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
    clocks = Clocks()
    latencies = work(job.count)
    clocks.stop()
    show(clocks, latencies, records=job.count, warmup=job.warmup, bytes=job.count * job.size)


class Clocks:
    """The clocks of what is measured."""

    def __init__(self) -> None:
        self.cpu_seconds = cpu_seconds()
        self.start = time.perf_counter()

    def stop(self) -> None:
        """Reads them for the second time."""
        self.seconds = time.perf_counter() - self.start
        self.cpu_seconds = cpu_seconds() - self.cpu_seconds


def show(clocks: Clocks, latencies: List[float], **counts: int) -> None:
    """Prints the result."""
    latencies.sort()
    n = len(latencies)
    percentiles = {**{name: n * part // 1000 for name, part in PERCENTILES.items()}, "max": n - 1}
    result = {
        **counts,
        "seconds": clocks.seconds,
        "cpu_seconds": clocks.cpu_seconds,
        "max_rss_kb": max_rss_kb(),
        "latency_us": {"samples": n, **{name: latencies[i] * 1e6 for name, i in percentiles.items()}} if n else None,
    }
    print(json.dumps(result), flush=True)


class Reading:
    """What has come so far. A program's ``work`` reads about so many records and counts them here."""

    def __init__(self, job: argparse.Namespace) -> None:
        self.next = [0] * job.partitions
        """The offset that each partition's next record should have."""
        self.seen = self.bytes = self.missing = self.asked = 0
        self.latencies: List[float] = []

    def gap(self, partition: int, offset: int) -> None:
        """Notes that a record is not the one that comes next."""
        if offset < self.next[partition]:
            sys.exit(f"partition {partition}: the record at {offset} came twice")
        self.missing += offset - self.next[partition]

    def time(self, value: bytes) -> None:
        """Notes how long a record was under way. Both ends have the same clock."""
        self.latencies.append((time.monotonic_ns() - int.from_bytes(value[:8], sys.byteorder)) * 1e-9)

    def last(self, job: argparse.Namespace, count: int) -> int:
        """What ``seen`` is to become, at least, for so many records more. A sender that is followed sends no more."""
        self.asked += count
        return self.asked if job.mode == "follow" else self.seen + count

    def measure(self, job: argparse.Namespace, work: Callable[[int], None]) -> None:
        """Calls ``work`` with the number of records, once to warm up and once for the result, and prints that."""
        if job.mode == "follow":
            print("ready", flush=True)  # for the sender
        work(job.warmup)
        seen, size = self.seen, self.bytes
        self.latencies.clear()
        clocks = Clocks()
        work(job.count)
        clocks.stop()
        show(
            clocks,
            self.latencies,
            records=self.seen - seen,
            warmup=seen,
            bytes=self.bytes - size,
            missing=self.missing,
        )


def no_api(job: argparse.Namespace) -> NoReturn:
    """Ends the program."""
    sys.exit(f"there is no api {job.api} in mode {job.mode}")
