"""libfluvio's Python program of the benchmarks: tests/bench/README.md says what it takes and prints."""

from __future__ import annotations

import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List

from common import GROUP, SAMPLE, WAIT, arguments, endless, measure, no_api

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bindings" / "python"))

import libfluvio  # noqa: E402


def main() -> None:
    """Runs the job."""
    job = arguments()
    settings: Dict[str, Any] = {}
    if job.linger is not None:
        settings["linger_ms"] = job.linger
    if job.compression is not None:
        settings["compression"] = job.compression
    clock = time.perf_counter
    latencies: List[float] = []
    source = endless(job)

    def send(count: int) -> List[float]:
        send = producer.send
        for value in islice(source, count):
            send(value)
        producer.flush(WAIT)
        return []

    def send_and_take(count: int) -> List[float]:
        latencies.clear()
        deliveries = []
        for i, value in enumerate(islice(source, count)):
            if i % SAMPLE:
                deliveries.append(producer.send(value))
            else:
                start = clock()
                delivery = producer.send(value)
                delivery.add_done_callback(lambda _, start=start: latencies.append(clock() - start))  # type: ignore[misc]
                deliveries.append(delivery)
        producer.flush(WAIT)
        for delivery in deliveries:
            delivery.result(WAIT)
        return latencies

    def send_many(count: int) -> List[float]:
        latencies.clear()
        groups = []
        for first in range(0, count, GROUP):
            records = list(islice(source, min(GROUP, count - first)))
            start = clock()
            group = producer.send_many(records)
            if job.reports == "take":
                group.add_done_callback(lambda _, start=start: latencies.append(clock() - start))  # type: ignore[misc]
                groups.append(group)
        producer.flush(WAIT)
        for group in groups:
            group.result(WAIT)
        return latencies

    def single(count: int) -> List[float]:
        latencies.clear()
        for value in islice(source, count):
            start = clock()
            producer.send(value).result(WAIT)
            latencies.append(clock() - start)
        return latencies

    works = {
        ("throughput", "send"): send if job.reports == "ignore" else send_and_take,
        ("throughput", "send_many"): send_many,
        ("latency", "send"): single,
    }
    work = works[job.mode, job.api] if (job.mode, job.api) in works else no_api(job)
    with libfluvio.connect(job.endpoint) as client, client.producer(job.topic, **settings) as producer:
        measure(job, work)


main()
