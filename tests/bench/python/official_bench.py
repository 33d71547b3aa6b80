"""The official Python client's program of the benchmarks: tests/bench/README.md says what it takes and prints.

That client cannot send a record without a key: these have an empty one.
"""

from __future__ import annotations

import os
import time
from itertools import islice
from typing import List

import fluvio
from common import GROUP, arguments, endless, measure, no_api

COMPRESSION = {"none": "None_", "gzip": "Gzip", "snappy": "Snappy", "lz4": "Lz4", "zstd": "Zstd"}


def main() -> None:
    """Runs the job."""
    job = arguments()
    config = fluvio.FluvioConfig.new(job.endpoint)
    config.disable_tls()
    settings = fluvio.TopicProducerConfigBuilder()
    if job.linger is not None:
        settings = settings.linger(job.linger)
    if job.compression is not None:
        settings = settings.compression(getattr(fluvio.Compression, COMPRESSION[job.compression]))
    producer = fluvio.Fluvio.connect_with_config(config).topic_producer_with_config(job.topic, settings.build())
    source = endless(job)
    take = job.reports == "take"

    def send(count: int) -> List[float]:
        outputs = []
        for value in islice(source, count):
            output = producer.send(b"", value)
            if take:
                outputs.append(output)
        producer.flush()
        for output in outputs:
            output.wait()
        return []

    def send_all(count: int) -> List[float]:
        outputs = []
        for first in range(0, count, GROUP):
            group = producer.send_all([(b"", value) for value in islice(source, min(GROUP, count - first))])
            if take:
                outputs += group
        producer.flush()
        for output in outputs:
            output.wait()
        return []

    def single(count: int) -> List[float]:
        latencies = []
        for value in islice(source, count):
            start = time.perf_counter()
            output = producer.send(b"", value)
            if job.api == "send_flush":
                producer.flush()
            output.wait()
            latencies.append(time.perf_counter() - start)
        return latencies

    works = {
        ("throughput", "send"): send,
        ("throughput", "send_all"): send_all,
        ("latency", "send"): single,
        ("latency", "send_flush"): single,
    }
    measure(job, works[job.mode, job.api] if (job.mode, job.api) in works else no_api(job))
    os._exit(0)  # the client's threads may not let the interpreter end


main()
