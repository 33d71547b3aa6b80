"""Jobs for the official Python client 0.16.1, unmodified, in a process of its own because a call may never return;
the protocol is described in README.md beside this folder. It reads until it has the count of records it is given."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Dict, List

import fluvio

Job = Dict[str, Any]
Clients = Dict[str, Any]


def create_topic(clients: Clients, job: Job) -> Any:
    """Creates a topic."""
    spec = fluvio.TopicSpec.new_computed(job.get("partitions", 1), 1, False)
    clients["admin"].create_topic(job["topic"], False, spec)


def delete_topic(clients: Clients, job: Job) -> Any:
    """Deletes a topic."""
    clients["admin"].delete_topic(job["topic"])


def list_topics(clients: Clients, job: Job) -> Any:
    """The names of the topics; the client does not show their numbers of partitions."""
    return sorted([topic.name(), None] for topic in clients["admin"].all_topics())


def produce(clients: Clients, job: Job) -> Any:
    """Sends the records in order; returns partition and offset of each."""
    producer = clients["data"].topic_producer(job["topic"])
    outputs = []
    for record in job["records"]:
        if record["key"] is None or "partition" in record or "timestamp" in record or job.get("compression"):
            raise ValueError("this client chooses neither codec, partition nor timestamp, and needs a key")
        outputs.append(producer.send(list(bytes.fromhex(record["key"])), list(bytes.fromhex(record["value"]))))
    producer.flush()
    reports = [output.wait() for output in outputs]
    return [[report.partition_id(), report.offset()] for report in reports]


def consume(clients: Clients, job: Job) -> Any:
    """Reads ``count`` records of one partition from its beginning: the stream of this client has no end."""
    stream = clients["data"].partition_consumer(job["topic"], job["partition"]).stream(fluvio.Offset.beginning())
    records: List[Any] = []
    for _, record in zip(range(job["count"]), stream):
        key, value = bytes(record.key()).hex(), bytes(record.value()).hex()
        records.append([job["partition"], record.offset(), record.timestamp(), key, value])
    return records


JOBS: Dict[str, Callable[[Clients, Job], Any]] = {
    "create_topic": create_topic,
    "delete_topic": delete_topic,
    "list_topics": list_topics,
    "produce": produce,
    "consume": consume,
}


def main() -> None:
    """Runs the jobs."""
    request = json.load(sys.stdin)
    config = fluvio.FluvioConfig.new(request["endpoint"])
    config.disable_tls()
    connect = {"admin": fluvio.FluvioAdmin.connect_with_config, "data": fluvio.Fluvio.connect_with_config}
    clients = {name: make(config) for name, make in connect.items()}
    results = []
    for job in request["jobs"]:
        try:
            results.append({"ok": JOBS[job["do"]](clients, job)})
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps({"results": results}), flush=True)
    os._exit(0)  # the client's threads may not let the interpreter end


main()
