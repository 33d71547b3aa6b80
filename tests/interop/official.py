"""One job for the official Python client, in a process of its own because a call of it may never return.

Reads a JSON object from standard input, writes one to standard output. Keys and values are hexadecimal, a record
without key has null.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import fluvio

COMPRESSION = {
    "none": "None_",
    "gzip": "Gzip",
    "snappy": "Snappy",
    "lz4": "Lz4",
    "zstd": "Zstd",
}
TLS = ("tls_domain", "tls_key", "tls_certificate", "tls_ca")


def create(config: Any, job: Dict[str, Any]) -> Any:
    """Creates a topic."""
    spec = fluvio.TopicSpec.create().with_partitions(job["partitions"]).build()
    fluvio.FluvioAdmin.connect_with_config(config).create_topic(job["topic"], spec)
    return None


def topics(config: Any, job: Dict[str, Any]) -> Any:
    """Lists the topics' names."""
    return sorted(topic.name() for topic in fluvio.FluvioAdmin.connect_with_config(config).all_topics())


def produce(config: Any, job: Dict[str, Any]) -> Any:
    """Sends records one by one; returns partition and offset of each."""
    builder = fluvio.TopicProducerConfigBuilder()
    if job.get("compression"):
        builder = builder.compression(getattr(fluvio.Compression, COMPRESSION[job["compression"]]))
    producer = fluvio.Fluvio.connect_with_config(config).topic_producer_with_config(job["topic"], builder.build())
    outputs = []
    for key, value in job["records"]:
        if key is None:
            outputs.append(producer.send_string(bytes.fromhex(value).decode()))
        else:
            outputs.append(producer.send(list(bytes.fromhex(key)), list(bytes.fromhex(value))))
    producer.flush()
    reports = [output.wait() for output in outputs]
    return [[report.partition_id(), report.offset()] for report in reports]


def consume(config: Any, job: Dict[str, Any]) -> Any:
    """Reads ``count`` records of one partition from its beginning, through ``modules``: offset, key, value of each. A
    failure is the last one."""
    consumer = fluvio.Fluvio.connect_with_config(config).partition_consumer(job["topic"], job["partition"])
    records: List[Any] = []
    settings = fluvio.ConsumerConfig()
    for module in job.get("modules", []):
        if "aggregate" in module:
            module = {**module, "aggregate": bytes.fromhex(module["aggregate"])}
        settings.smartmodule(**module)
    stream = consumer.stream_with_config(fluvio.Offset.beginning(), settings)
    while len(records) < job["count"]:
        try:
            record = next(stream)
        except Exception as why:  # the client has one exception for everything
            records.append(str(why))
            break
        raw: Optional[Any] = record.key()
        key = None if raw is None else bytes(raw).hex()
        records.append([record.offset(), key, bytes(record.value()).hex()])
    return records


def load(config: Any, job: Dict[str, Any]) -> Any:
    """Stores a SmartModule in the cluster."""
    fluvio.FluvioAdmin.connect_with_config(config).create_smartmodule(job["name"], job["path"], False)
    return None


def main() -> None:
    """Runs the job."""
    job = json.load(sys.stdin)
    config = fluvio.FluvioConfig.new(job["endpoint"])
    tls = job.get("tls")
    if not tls:
        config.disable_tls()
    elif tls["inline"]:
        config.set_inline_tls(*[Path(tls[name]).read_text() if name != "tls_domain" else tls[name] for name in TLS])
    else:
        config.set_tls_file_paths(*[tls[name] for name in TLS])
    jobs = {"create": create, "topics": topics, "produce": produce, "consume": consume, "load": load}
    result = jobs[job["do"]](config, job)
    print(json.dumps(result), flush=True)
    os._exit(0)  # the client's threads may not let the interpreter end


main()
