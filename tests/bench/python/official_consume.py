"""The official Python client's reading program: tests/bench/README.md says what it takes and prints."""

from __future__ import annotations

import os
from itertools import islice

import fluvio
from common import Reading, arguments, no_api


def main() -> None:
    """Runs the job: on partition 0, because this client does not tell a record's partition."""
    job = arguments(("read", "follow"))
    if job.api != "records" or job.partitions != 1:
        no_api(job)
    config = fluvio.FluvioConfig.new(job.endpoint)
    config.disable_tls()
    consumer = fluvio.Fluvio.connect_with_config(config).partition_consumer(job.topic, 0)
    stream = consumer.stream(fluvio.Offset.beginning())
    reading = Reading(job)

    def records(count: int) -> None:
        after, size = reading.next[0], 0
        for record in islice(stream, count):
            offset = record.offset()
            if offset != after:
                reading.next[0] = after
                reading.gap(0, offset)
            after = offset + 1
            value = record.value()
            size += len(value)
            if job.mode == "follow":
                reading.time(bytes(value))
        reading.next[0] = after
        reading.seen += count
        reading.bytes += size

    reading.measure(job, records)
    os._exit(0)  # the client's threads may not let the interpreter end


main()
