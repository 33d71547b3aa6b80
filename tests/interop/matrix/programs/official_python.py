"""Jobs for the official Python client, unmodified, in a process of its own because a call of it may never return; the
protocol is described in README.md beside this folder."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Dict, List, Optional

import fluvio

Job = Dict[str, Any]

COMPRESSION = {"none": "None_", "gzip": "Gzip", "snappy": "Snappy", "lz4": "Lz4", "zstd": "Zstd"}


class Client:
    """Its two connections, each made when it is needed first."""

    def __init__(self, endpoint: str) -> None:
        self.config = fluvio.FluvioConfig.new(endpoint)
        self.config.disable_tls()
        self._data: Any = None
        self._admin: Any = None

    @property
    def data(self) -> Any:
        """Produces and consumes."""
        if self._data is None:
            self._data = fluvio.Fluvio.connect_with_config(self.config)
        return self._data

    @property
    def admin(self) -> Any:
        """Creates, deletes and lists."""
        if self._admin is None:
            self._admin = fluvio.FluvioAdmin.connect_with_config(self.config)
        return self._admin


def create_topic(client: Client, job: Job) -> Any:
    """Creates a topic."""
    spec = fluvio.TopicSpec.create().with_partitions(job.get("partitions", 1)).build()
    client.admin.create_topic(job["topic"], spec)


def delete_topic(client: Client, job: Job) -> Any:
    """Deletes a topic."""
    client.admin.delete_topic(job["topic"])


def list_topics(client: Client, job: Job) -> Any:
    """The names of the topics; the client does not show their numbers of partitions."""
    return sorted([topic.name(), None] for topic in client.admin.all_topics())


def producer(client: Client, job: Job, partition: Optional[int]) -> Any:
    """A producer for the job's topic. A chosen partition needs a producer of its own."""
    builder = fluvio.TopicProducerConfigBuilder()
    if job.get("compression"):
        builder = builder.compression(getattr(fluvio.Compression, COMPRESSION[job["compression"]]))
    if partition is not None:
        builder = builder.set_specific_partitioner(partition)
    return client.data.topic_producer_with_config(job["topic"], builder.build())


def produce(client: Client, job: Job) -> Any:
    """Sends the records in order; returns partition and offset of each."""
    producers: Dict[Optional[int], Any] = {}
    outputs = []
    for record in job["records"]:
        if record["key"] is None or record.get("timestamp") is not None:
            raise ValueError("the official client cannot send a record without a key, nor choose its timestamp")
        partition = record.get("partition")
        if partition not in producers:
            producers[partition] = producer(client, job, partition)
        key, value = bytes.fromhex(record["key"]), bytes.fromhex(record["value"])
        outputs.append(producers[partition].send(list(key), list(value)))
    for each in producers.values():
        each.flush()
    reports = [output.wait() for output in outputs]
    return [[report.partition_id(), report.offset()] for report in reports]


def consume(client: Client, job: Job) -> Any:
    """Reads one partition from its beginning until its end or ``count`` records. The records do not tell their
    partition: the caller has to choose one."""
    config = fluvio.ConsumerConfig()
    config.disable_continuous()
    consumer = client.data.partition_consumer(job["topic"], job["partition"])
    records: List[Any] = []
    for record in consumer.stream_with_config(fluvio.Offset.beginning(), config):
        key = bytes(record.key()).hex()
        records.append([job["partition"], record.offset(), record.timestamp(), key, bytes(record.value()).hex()])
        if len(records) == job.get("count"):
            break
    return records


def list_offsets(client: Client, job: Job) -> Any:
    """Consumer, topic, partition and offset of every stored consumer offset."""
    # Declared are methods of these names; what comes has attributes.
    stored = client.data.consumer_offsets()
    return sorted([each.consumer_id, each.topic, each.partition, each.offset] for each in stored)


def delete_offset(client: Client, job: Job) -> Any:
    """Deletes a stored consumer offset."""
    client.data.delete_consumer_offset(job["consumer"], job["topic"], job["partition"])


def commit(client: Client, job: Job) -> Any:
    """As a named consumer, reads ``count`` records from behind its stored offset, and stores the new one."""
    builder = fluvio.ConsumerConfigExtBuilder(job["topic"])
    builder.disable_continuous()
    builder.partition(job["partition"])
    builder.offset_start(fluvio.Offset.beginning())
    builder.offset_consumer(job["consumer"])
    builder.offset_strategy(fluvio.OffsetManagementStrategy.MANUAL)
    stream = client.data.consumer_with_config(builder.build())
    offsets = [next(stream).offset() for _ in range(job["count"])]
    stream.offset_commit()
    stream.offset_flush()
    return offsets


JOBS: Dict[str, Callable[[Client, Job], Any]] = {
    "create_topic": create_topic,
    "delete_topic": delete_topic,
    "list_topics": list_topics,
    "produce": produce,
    "consume": consume,
    "commit": commit,
    "list_offsets": list_offsets,
    "delete_offset": delete_offset,
}


def main() -> None:
    """Runs the jobs."""
    request = json.load(sys.stdin)
    client = Client(request["endpoint"])
    results = []
    for job in request["jobs"]:
        try:
            results.append({"ok": JOBS[job["do"]](client, job)})
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps({"results": results}), flush=True)
    os._exit(0)  # the client's threads may not let the interpreter end


main()
