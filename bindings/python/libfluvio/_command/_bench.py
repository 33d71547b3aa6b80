"""The command ``bench``."""

from __future__ import annotations

import uuid
from typing import Any, Dict

from .._client import Client
from ._output import Progress, print_json, table
from ._records import connected, merged

CHUNK = 10_000
"""Records between two looks at the clock."""


def bench(given: Any) -> None:
    """Writes records and reads them back."""
    with connected(given) as client:
        topic = given.topic or f"bench-{uuid.uuid4().hex[:12]}"
        if not given.topic:
            client.admin.create_topic(topic, partitions=given.partitions)
        try:
            measure(client, topic, given)
        finally:
            if not given.topic:
                client.admin.delete_topic(topic)


def measure(client: Client, topic: str, given: Any) -> None:
    """Measures on a topic, and prints it."""
    value = bytes(i & 0xFF for i in range(given.size))
    # Opened first, so that it reads what is written now and nothing older.
    with client.consumer(topic, start="end") as consumer:
        writing = Progress("produce", given.records)
        with client.producer(topic, **merged(given)) as producer:
            for begin in range(0, given.records, CHUNK):
                count = min(CHUNK, given.records - begin)
                producer.send_many([value] * count)
                writing.add(count, count * given.size)
            producer.flush()
            written, stats = writing.end(), producer.stats()
        reading = Progress("consume", given.records)
        for batch in consumer.batches():
            reading.add(len(batch), sum(batch.columns.value_length))
            if reading.records >= given.records:
                break
        read = reading.end()
    latency = {f"latency_{name}": getattr(stats, f"latency_{name}") for name in ("p50", "p99", "max")}
    results: Dict[str, Dict[str, object]] = {"produce": {**written, **latency}, "consume": read}
    if given.json:
        print_json({"topic": topic, "size": given.size, **results})
        return
    columns = ("records", "bytes", "seconds", "records_per_second")
    table(([name, *(row[column] for column in columns)] for name, row in results.items()), ("", *columns))
    told = ", ".join(f"{name[8:]} {1000 * seconds:.1f} ms" for name, seconds in latency.items())
    print(f"latency of batches: {told}")
