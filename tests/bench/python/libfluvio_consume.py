"""libfluvio's Python reading program: tests/bench/README.md says what it takes and prints."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import Any, Dict

from common import Reading, arguments, no_api

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bindings" / "python"))

import libfluvio  # noqa: E402


def main() -> None:
    """Runs the job."""
    job = arguments(("read", "follow"))
    settings: Dict[str, Any] = {"start": "beginning"}
    if job.max_bytes is not None:
        settings["max_bytes"] = job.max_bytes
    reading = Reading(job)

    def records(count: int) -> None:
        after, size = reading.next, 0
        follow = job.mode == "follow"
        for record in islice(consumer, count):
            offset, partition = record.offset, record.partition
            if offset != after[partition]:
                reading.gap(partition, offset)
            after[partition] = offset + 1
            size += len(record.value)
            if follow:
                reading.time(record.value)
        reading.seen += count
        reading.bytes += size

    def batches(count: int) -> None:
        last = reading.last(job, count)
        for batch in consumer.batches():
            first, after = batch.first_offset, batch.last_offset + 1
            if first != reading.next[batch.partition]:
                reading.gap(batch.partition, first)
            reading.missing += after - first - len(batch)
            reading.next[batch.partition] = after
            values = batch.values()
            reading.bytes += sum(map(len, values))
            reading.seen += len(values)
            if job.mode == "follow":
                for value in values:
                    reading.time(value)
            if reading.seen >= last:
                break

    works = {"records": records, "batches": batches}
    work = works[job.api] if job.api in works else no_api(job)
    with libfluvio.connect(job.endpoint) as client, client.consumer(job.topic, **settings) as consumer:
        reading.measure(job, work)


main()
