"""Extracts the rows of a CSV file into a topic, transforms them into another one, and loads that into a CSV file.

    python csv_etl.py INPUT.csv OUTPUT.csv [ENDPOINT]      # without an endpoint it runs a dev cluster

The input has the columns item, price and count. The transformation stores how far it has come after what it wrote:
started again, it goes on there. Rows that are wrong are told and left out.
"""

from __future__ import annotations

import contextlib
import csv
import sys
from typing import Any, Dict

import libfluvio
from libfluvio import typed


def extract(client: libfluvio.Client, path: str) -> int:
    """Sends every row as JSON, with the item as key, so that the rows of an item stay in order."""
    with open(path, newline="", encoding="utf-8") as file:
        with typed.Producer(client.producer("rows", linger_ms=5), typed.JSON, key=typed.TEXT) as producer:
            sent = producer.send_pairs((row["item"], row) for row in csv.DictReader(file))
            producer.flush()
            return len(sent)


def transform(client: libfluvio.Client) -> None:
    """Reads rows from behind what is done, and writes orders."""
    reader = client.consumer(
        "rows", start="beginning", stop_at="end", consumer_id="transform", offset_strategy="manual"
    )
    with reader, client.producer("orders") as producer:
        for batch in reader.batches():
            for record in batch:
                try:
                    row: Dict[str, Any] = typed.JSON.loads(record.value)
                    row["total"] = round(float(row["price"]) * int(row["count"]), 2)
                except (ValueError, KeyError, TypeError) as error:
                    print(f"row {record.partition}/{record.offset} is left out: {error}", file=sys.stderr)
                    continue
                producer.send(typed.JSON.dumps(row), key=record.key)
            producer.flush()  # first what was written, then how far that is
            reader.commit_offset(batch.partition, batch.last_offset)


def load(client: libfluvio.Client, path: str) -> int:
    """Writes the orders into a file, and tells how many there are."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["item", "price", "count", "total"], extrasaction="ignore")
        writer.writeheader()
        with client.consumer("orders", start="beginning", stop_at="end") as reader:
            count = 0
            for record in typed.Consumer(reader, typed.JSON):
                writer.writerow(record.value)
                count += 1
            return count


def main() -> None:
    with contextlib.ExitStack() as stack:
        source, target, *rest = sys.argv[1:]
        endpoint = rest[0] if rest else stack.enter_context(libfluvio.DevCluster()).endpoint
        client = stack.enter_context(libfluvio.connect(endpoint))
        existing = {topic.name for topic in client.admin.topics()}
        for name in {"rows", "orders"} - existing:
            client.admin.create_topic(name, partitions=2)
        rows = extract(client, source)
        transform(client)
        print(f"{rows} rows in, {load(client, target)} orders out")


main()
