"""The commands for topics, stored offsets, lag, health and the dev cluster."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from .._devcluster import DevCluster
from .._errors import FluvioError, InvalidArgumentError
from ._output import print_json, rows, table
from ._records import connected, merged

TOPIC = ("name", "partitions", "replication", "compression", "status", "reason")
PARTITION = ("partition", "leader", "replicas", "status", "start_offset", "high_watermark", "log_end_offset", "size")


def topics_list(given: Any) -> None:
    """Lists topics."""
    with connected(given) as client:
        rows(client.admin.topics(given.names, timeout=given.timeout), TOPIC, given.json)


def topics_show(given: Any) -> None:
    """Shows a topic and its partitions."""
    with connected(given) as client:
        topic = client.admin.topic(given.topic, timeout=given.timeout)
        partitions = client.admin.partitions(given.topic, system=topic.is_system, timeout=given.timeout)
        if given.json:
            print_json({"topic": topic, "partitions": partitions})
            return
        rows([topic], TOPIC, False)
        print()
        rows(partitions, PARTITION, False)


def topics_create(given: Any) -> None:
    """Creates a topic."""
    with connected(given) as client:
        how = {"partitions": given.partitions, "replication": given.replication, **merged(given)}
        client.admin.create_topic(given.topic, timeout=given.timeout, **how)
    if given.json:
        print_json({"created": given.topic})


def topics_delete(given: Any) -> None:
    """Deletes topics."""
    with connected(given) as client:
        for topic in given.topics:
            client.admin.delete_topic(topic, timeout=given.timeout)
            if given.json:
                print_json({"deleted": topic})


def offsets_list(given: Any) -> None:
    """Lists stored offsets."""
    with connected(given) as client:
        found = client.admin.consumer_offsets(timeout=given.timeout)
        wanted = [each for each in found if given.consumer in (None, each.consumer_id)]
        rows(wanted, ("consumer_id", "topic", "partition", "offset", "modified"), given.json)


def offsets_delete(given: Any) -> None:
    """Forgets a stored offset."""
    with connected(given) as client:
        client.admin.delete_consumer_offset(given.consumer, given.topic, given.partition, timeout=given.timeout)


def offsets_reset(given: Any) -> None:
    """Stores another offset."""
    with connected(given) as client:
        client.admin.reset_consumer_offset(
            given.consumer, given.topic, given.partition, given.position, timeout=given.timeout
        )


@dataclass(frozen=True)
class Lag:
    """How much a named consumer has to read in a partition."""

    consumer_id: str
    topic: str
    partition: int
    offset: int
    high_watermark: int
    lag: Optional[int]
    """None: the topic is gone, or its SPU has not told."""


def lag(given: Any) -> None:
    """Shows how far named consumers are behind."""
    with connected(given) as client:
        partitions = client.admin.partitions(timeout=given.timeout)
        ends = {(each.topic, each.partition): each.high_watermark for each in partitions}
        found: List[Lag] = []
        for each in client.admin.consumer_offsets(timeout=given.timeout):
            if given.consumer in (None, each.consumer_id):
                end = ends.get((each.topic, each.partition), -1)
                if end >= 0:  # as told by the SC, which hears of records a moment later than readers
                    end = max(end, each.offset + 1)
                behind = None if end < 0 else end - each.offset - 1
                found.append(Lag(each.consumer_id, each.topic, each.partition, each.offset, end, behind))
        rows(found, ("consumer_id", "topic", "partition", "offset", "high_watermark", "lag"), given.json)


def health(given: Any) -> int:
    """Tells whether the cluster is well: 0, else 1."""
    begin = time.monotonic()
    found: Dict[str, Any] = {"endpoint": given.endpoint or given.profile or "the current profile"}
    bad: List[Tuple[str, str]] = []
    try:
        with connected(given) as client:
            told = client.health(given.timeout)
            bad += [("cluster", reason) for reason in told.reasons]
            found.update(verdict=told.verdict, platform_version=told.platform_version, spus=len(told.spus))
            partitions = client.admin.partitions(timeout=given.timeout)
            found["partitions"] = len(partitions)
            found["milliseconds"] = round(1000 * (time.monotonic() - begin), 1)
            bad += [(f"{each.topic}/{each.partition}", each.status) for each in partitions if each.status != "online"]
    except InvalidArgumentError:
        raise  # it says nothing of the cluster
    except FluvioError as error:
        bad.append(("cluster", str(error)))
        found["verdict"] = "down"
    found["healthy"] = not bad
    if given.json:
        print_json({**found, "problems": [{"what": what, "why": why} for what, why in bad]})
    else:
        table(found.items(), ("WHAT", "STATE"))
        for what, why in bad:
            print(f"{what}: {why}")
    return 1 if bad else 0


def dev_cluster(given: Any) -> int:
    """Runs a dev cluster until Ctrl-C."""
    with DevCluster(given.spus, listen=given.listen, options=given.options) as cluster:
        if given.json:
            ready = {"sc": cluster.endpoint, "spus": cluster.spu_endpoints, "control": cluster.control_url}
            print_json({"ready": True, "pid": cluster.pid, **ready})
        else:
            print(cluster.endpoint)  # alone, for scripts; people read the rest
            print(
                f"export FLUVIO_ENDPOINT={cluster.endpoint}; faults at {cluster.control_url}; Ctrl-C ends it",
                file=sys.stderr,
            )
        sys.stdout.flush()
        process = cluster._process
        assert process is not None
        try:
            while process.poll() is None:
                time.sleep(0.1)
        except KeyboardInterrupt:
            return 0
        return 1
