"""Jobs for the official Python client 0.16.1, unmodified, in a process of its own because a call may never return;
the protocol is described in README.md beside this folder. It reads until it has the count of records it is given."""

from __future__ import annotations

from typing import Any

import fluvio
from jobs import Job, Jobs
from official_client import Client, delete_topic, list_topics, main, places, row


def create_topic(client: Client, job: Job) -> Any:
    """Creates a topic."""
    spec = fluvio.TopicSpec.new_computed(job.get("partitions", 1), 1, False)
    client.admin.create_topic(job["topic"], False, spec)


def produce(client: Client, job: Job) -> Any:
    """Sends the records in order; returns partition and offset of each."""
    producer = client.data.topic_producer(job["topic"])
    outputs = []
    for record in job["records"]:
        if record["key"] is None or "partition" in record or "timestamp" in record or job.get("compression"):
            raise ValueError("this client chooses neither codec, partition nor timestamp, and needs a key")
        outputs.append(producer.send(list(bytes.fromhex(record["key"])), list(bytes.fromhex(record["value"]))))
    producer.flush()
    return places(outputs)


def consume(client: Client, job: Job) -> Any:
    """Reads ``count`` records of one partition from its beginning: the stream of this client has no end."""
    stream = client.data.partition_consumer(job["topic"], job["partition"]).stream(fluvio.Offset.beginning())
    return [row(job["partition"], record) for _, record in zip(range(job["count"]), stream)]


JOBS: Jobs = {
    "create_topic": create_topic,
    "delete_topic": delete_topic,
    "list_topics": list_topics,
    "produce": produce,
    "consume": consume,
}


main(JOBS)
