"""The recorder writes down a session of an official client, and plays it back to the same client: both must agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import libfluvio
import pytest

from .clients import CLIENTS, Client, Failed, Job, Unavailable
from .recorder import through
from .require import absent

DEADLINE = 60.0
TOPIC, KEYS = "recorded", ("01", "02", "03")


def session(partitions: int) -> List[List[Job]]:
    """Jobs for each of two processes: right after creating a topic an official client may not know it yet. What they
    send must not depend on how quick they are: each record is a batch of its own, there is a partition that every flush
    finds empty, and the stream ends when its offset is stored, which is after all that it acknowledges."""
    produce: Job = {"do": "produce", "topic": TOPIC, "compression": "gzip"}
    stored: Job = {"topic": TOPIC, "partition": 0, "consumer": "one"}
    return [
        [{"do": "create_topic", "topic": TOPIC, "partitions": partitions}],
        [
            {"do": "list_topics"},
            *({**produce, "records": [{"key": key, "value": "aa" * 50, "partition": 0}]} for key in KEYS),
            {"do": "commit", **stored, "count": len(KEYS)},
            {"do": "list_offsets"},
            {"do": "delete_offset", **stored},
            {"do": "create_topic", "topic": TOPIC, "partitions": 2},
            {"do": "delete_topic", "topic": TOPIC},
        ],
    ]


def sessions(client: Client, partitions: int = 2) -> Callable[[str], List[Dict[str, Any]]]:
    """Runs the jobs on a cluster. A client may be left in the middle; the recorder says why."""

    def run(endpoint: str) -> List[Dict[str, Any]]:
        results: List[Dict[str, Any]] = []
        try:
            for jobs in session(partitions):
                results += client.run(endpoint, jobs, DEADLINE)
        except Failed:
            pass
        return results

    return run


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(client, id=client.slug, marks=pytest.mark.cell(table="recorder", row=client.name, column="agrees"))
        for client in CLIENTS
        if client.official
    ],
)
def test_plays_a_session_back_to_the_same_client(client: Client, tmp_path: Path) -> None:
    try:
        client.prepare()
    except Unavailable as why:
        absent(client.name, why)
    file = str(tmp_path / "session.jsonl")
    with libfluvio.DevCluster() as cluster:
        told, status, said = through(sessions(client), "--sc", cluster.endpoint, "--out", file)
    assert status == 0, said
    messages = re.search(r"recorder: (\d+) messages in", said)
    assert messages is not None and int(messages[1]) > 50
    assert [name for name in map(next, map(iter, told))] == ["ok"] * 8 + ["error", "ok"]

    again, status, said = through(sessions(client), "--play", file, "--same")
    assert status == 0, said
    assert re.search(r"recorder: the client agrees in \d+ requests", said)
    assert again == told

    _, status, said = through(sessions(client, partitions=3), "--play", file, "--same")
    assert status == 1
    assert re.search(r"! partitions = 2", said) and re.search(r"! partitions = 3", said)
