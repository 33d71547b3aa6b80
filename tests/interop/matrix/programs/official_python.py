"""Jobs for the official Python client, unmodified, in a process of its own because a call of it may never return; the
protocol is described in README.md beside this folder."""

from __future__ import annotations

import tempfile
from typing import Any, Dict, List, Optional

import fluvio
from jobs import Job, Jobs
from official_client import Client, delete_topic, list_topics, main, places, row

SETTINGS = {
    "partitions": "with_partitions",
    "replication": "with_replications",
    "ignore_rack": "with_ignore_rack",
    "retention_seconds": "with_retention_time",
    "segment_size": "with_segment_size",
    "max_partition_size": "with_max_partition_size",
    "system": "as_system_topic",
}
COMPRESSION = {"none": "None_", "gzip": "Gzip", "snappy": "Snappy", "lz4": "Lz4", "zstd": "Zstd"}


def compression(codec: str) -> Any:
    """A codec."""
    return getattr(fluvio.Compression, COMPRESSION[codec])


def create_topic(client: Client, job: Job) -> Any:
    """Creates a topic with the settings that are given."""
    spec = fluvio.TopicSpec.create()
    for name, value in job.items():
        if name == "assigned":
            # The wrapper that this method asks for is not what it takes.
            maps = [fluvio.PartitionMap.new(i, replicas) for i, replicas in enumerate(value)]
            spec = spec.with_assignment([each._inner for each in maps])
        elif name in SETTINGS:
            spec = getattr(spec, SETTINGS[name])(value)
    built = spec.build()
    if "compression" in job:
        built.set_compression_type(compression(job["compression"]))  # with_compression makes build raise a TypeError
    if "timeout_ms" in job:
        common = fluvio.CommonCreateRequest.new(job["topic"], job.get("dry_run", False), job["timeout_ms"])
        client.admin._inner.create_topic_with_config(common._inner, built)  # the method around it raises a TypeError
    else:
        client.admin.create_topic(job["topic"], built)


def producer(client: Client, job: Job, partition: Optional[int]) -> Any:
    """A producer for the job's topic. A chosen partition needs a producer of its own."""
    builder = fluvio.TopicProducerConfigBuilder()
    if job.get("compression"):
        builder = builder.compression(compression(job["compression"]))
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
    return places(outputs)


def offset(start: str) -> Any:
    """A start position."""
    if start == "beginning":
        return fluvio.Offset.beginning()
    return fluvio.Offset.from_end(int(start[4:])) if start.startswith("end-") else fluvio.Offset.absolute(int(start))


def consume(client: Client, job: Job) -> Any:
    """Reads one partition from ``start``, by default its beginning, until its end, or ``count`` records however long
    they take. The records do not tell their partition: the caller has to choose one."""
    if job.get("isolation"):
        raise ValueError("the official client does not choose an isolation when reading")
    config = fluvio.ConsumerConfig()
    config.disable_continuous("count" not in job)
    consumer = client.data.partition_consumer(job["topic"], job["partition"])
    records: List[Any] = []
    for record in consumer.stream_with_config(offset(job.get("start", "beginning")), config):
        records.append(row(job["partition"], record))
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


def create_object(client: Client, job: Job) -> Any:
    """Creates a SmartModule."""
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(bytes.fromhex(job["wasm"]))
        file.flush()
        client.admin.create_smartmodule(job["name"], file.name, job.get("dry_run", False))


def delete_object(client: Client, job: Job) -> Any:
    """Deletes a SmartModule."""
    client.admin.delete_smartmodule(job["name"])


def list_objects(client: Client, job: Job) -> Any:
    """The names of what is there of a type: all the client shows."""
    lists = {
        "topic": client.admin.list_topics,
        "topic summary": lambda names: client.admin.list_topics_with_params(names, True),
        "partition": client.admin.list_partitions,
        "smartmodule": client.admin.list_smartmodules,
    }
    return sorted(each.name() for each in lists[job["type"]](job["names"]))


def watch_objects(client: Client, job: Job) -> Any:
    """Watches a type while the job's own jobs run, each when the watch has told of the one before, until the object of
    the given name is gone. Tells what came for it."""
    watches = {
        "topic": (client.admin.watch_topic, "metadata_topic_spec"),
        "smartmodule": (client.admin.watch_smartmodule, "metadata_smart_module_spec"),
    }
    watch, metadata = watches[job["type"]]
    seen: List[str] = []
    jobs = list(job["jobs"])
    told = -1
    for update in watch():
        seen += ["all" for each in update.all() if each.name() == job["name"]]
        for change in update.changes():
            if getattr(change, metadata)().name() == job["name"]:
                seen.append("update" if change.is_update() else "delete")
        if "delete" in seen:
            break
        if told != len(seen) and jobs:
            each = jobs.pop(0)
            JOBS[each["do"]](client, each)
        told = len(seen)
    return seen


JOBS: Jobs = {
    "create_topic": create_topic,
    "delete_topic": delete_topic,
    "list_topics": list_topics,
    "produce": produce,
    "consume": consume,
    "commit": commit,
    "list_offsets": list_offsets,
    "delete_offset": delete_offset,
    "create_object": create_object,
    "delete_object": delete_object,
    "list_objects": list_objects,
    "watch_objects": watch_objects,
}


main(JOBS)
