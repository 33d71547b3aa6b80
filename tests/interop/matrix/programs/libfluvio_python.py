"""Jobs for libfluvio's Python binding; the protocol is described in README.md beside this folder."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import jobs
from jobs import Job

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "bindings" / "python"))

import libfluvio  # noqa: E402

DEADLINE = 60.0
SHOWN = ("partitions", "replication", "compression", "retention_seconds", "segment_size", "max_partition_size")
SETTINGS = (*SHOWN, "ignore_rack")


def create_topic(client: libfluvio.Client, job: Job) -> Any:
    """Creates a topic."""
    client.admin.create_topic(job["topic"], **{name: value for name, value in job.items() if name in SETTINGS})


def delete_topic(client: libfluvio.Client, job: Job) -> Any:
    """Deletes a topic."""
    client.admin.delete_topic(job["topic"])


def list_topics(client: libfluvio.Client, job: Job) -> Any:
    """Name and number of partitions of every topic."""
    return [[topic.name, topic.partitions] for topic in client.admin.topics()]


def describe_topics(client: libfluvio.Client, job: Job) -> Any:
    """The settings and the status of every topic."""
    topics = client.admin.topics()
    return {topic.name: {name: getattr(topic, name) for name in (*SHOWN, "status")} for topic in topics}


def admin_create(client: libfluvio.Client, job: Job) -> Any:
    """Creates an object of any kind; octets of a SmartModule are hexadecimal. Returns what it is called."""
    settings = dict(job["settings"])
    if "wasm" in settings:
        settings["module"] = bytes.fromhex(settings.pop("wasm"))
    return getattr(client.admin, f"create_{job['kind']}")(job["name"], **settings) or job["name"]


def admin_delete(client: libfluvio.Client, job: Job) -> Any:
    """Deletes an object of any kind."""
    getattr(client.admin, f"delete_{job['kind']}")(job["name"])


def admin_describe(client: libfluvio.Client, job: Job) -> Any:
    """All fields of an object of any kind; octets are hexadecimal."""
    shown = dataclasses.asdict(getattr(client.admin, job["kind"])(job["name"]))
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in shown.items()}


def admin_watch(client: libfluvio.Client, job: Job) -> Any:
    """Which of the SmartModules and SPUs of a cluster its watches tell of first."""
    seen = []
    for watch in (client.admin.watch_smartmodules(), client.admin.watch_spus()):
        with watch:
            for event in watch:
                if event.kind == "synced":
                    break
                assert event.object is not None
                seen.append(event.object.name)
    return sorted(name for name in seen if name in job["names"])


def octets(digits: Optional[str]) -> Optional[bytes]:
    """Bytes of hexadecimal text."""
    return None if digits is None else bytes.fromhex(digits)


def produce(client: libfluvio.Client, job: Job) -> Any:
    """Sends the records in order; returns partition and offset of each."""
    settings = {"compression": job["compression"]} if job.get("compression") else {}
    with client.producer(job["topic"], **settings) as producer:
        deliveries = [
            producer.send(
                bytes.fromhex(record["value"]),
                octets(record["key"]),
                partition=record.get("partition"),
                timestamp=record.get("timestamp"),
            )
            for record in job["records"]
        ]
        reports = [delivery.result(DEADLINE) for delivery in deliveries]
    return [[report.partition, report.offset] for report in reports]


def consume(client: libfluvio.Client, job: Job) -> Any:
    """Reads from ``start``, by default the beginning, until the end, or ``count`` records however long they take."""
    settings: Dict[str, Any] = {"start": job.get("start", "beginning"), "stop_at": "never" if "count" in job else "end"}
    if job.get("isolation"):
        settings["isolation"] = job["isolation"]
    if job.get("partition") is not None:
        settings["partitions"] = [job["partition"]]
    records: List[Any] = []
    with client.consumer(job["topic"], **settings) as consumer:
        for record in consumer:
            key = None if record.key is None else record.key.hex()
            records.append([record.partition, record.offset, record.timestamp, key, record.value.hex()])
            if len(records) == job.get("count"):
                break
    return records


def commit(client: libfluvio.Client, job: Job) -> Any:
    """As a named consumer, reads ``count`` records from behind its stored offset, and stores the new one."""
    settings: Dict[str, Any] = {"consumer_id": job["consumer"], "offset_strategy": "manual", "start": "beginning"}
    with client.consumer(job["topic"], partitions=[job["partition"]], stop_at="end", **settings) as consumer:
        offsets = [record.offset for _, record in zip(range(job["count"]), consumer)]
        consumer.commit(DEADLINE)
    return offsets


def list_offsets(client: libfluvio.Client, job: Job) -> Any:
    """Consumer, topic, partition and offset of every stored consumer offset."""
    rows = client.admin.consumer_offsets(timeout=DEADLINE)
    return [[row.consumer_id, row.topic, row.partition, row.offset] for row in rows]


def delete_offset(client: libfluvio.Client, job: Job) -> Any:
    """Deletes a stored consumer offset."""
    client.admin.delete_consumer_offset(job["consumer"], job["topic"], job["partition"])


JOBS: jobs.Jobs = {
    "create_topic": create_topic,
    "delete_topic": delete_topic,
    "list_topics": list_topics,
    "describe_topics": describe_topics,
    "produce": produce,
    "consume": consume,
    "commit": commit,
    "list_offsets": list_offsets,
    "delete_offset": delete_offset,
    "admin_create": admin_create,
    "admin_describe": admin_describe,
    "admin_delete": admin_delete,
    "admin_watch": admin_watch,
}


def main() -> None:
    """Runs the jobs."""
    asked = jobs.asked()
    with libfluvio.connect(asked["endpoint"]) as client:
        jobs.answer(client, asked, JOBS)


main()
