"""What the tests of the matrix and of its smaller form for earlier platforms demand."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Dict, List, Optional, Tuple

from .cases import CODECS, PARTITIONS, Case
from .clients import NO_KEY, Client
from .matrix import Matrix, Read
from .offsets import FIRST, THEN, Offsets
from .require import absent

PLACES = {
    b"key-0": 2,
    b"key-1": 4,
    b"key-2": 1,
    b"key-3": 3,
    b"": 4,
    b"\x00": 1,
    "ключ".encode(): 1,
    bytes(range(256)): 3,
    b"large": 4,
}
"""Where the official Rust client put some keys, of five partitions: that holds without an official client too."""


def need(matrix: Matrix, *clients: Client) -> None:
    """Skips the test when this machine lacks one of the clients."""
    for client in clients:
        if client.slug in matrix.missing:
            absent(client.name, matrix.missing[client.slug])


def brief(value: bytes) -> object:
    """A value, or its length and hash when it is too long for a message."""
    return value if len(value) <= 512 else (len(value), hashlib.sha256(value).hexdigest())


def seen_key(key: Optional[bytes], reader: Client) -> Optional[bytes]:
    """A written key as the reader shows it."""
    return NO_KEY if key is None and not reader.shows_no_key else key


def content(read: Read) -> Tuple[int, int, Optional[bytes], object]:
    """A record that was read without its timestamp."""
    return read.partition, read.offset, read.key, brief(read.value)


def agrees(matrix: Matrix, writer: Client, reader: Client, case: Case) -> None:
    """The reader found what the writer wrote, where it was told, at the time that the judge sees too."""
    need(matrix, writer, reader)
    wrote = matrix.stored(writer, case)
    read = matrix.reads(writer, reader, case)
    assert [content(each) for each in read] == sorted(
        (partition, offset, seen_key(record.key, reader), brief(record.value)) for partition, offset, record in wrote
    )
    times = {(each.partition, each.offset): each.timestamp for each in read}
    judge = matrix.judge(writer)
    assert times == {(each.partition, each.offset): each.timestamp for each in matrix.reads(writer, judge, case)}
    before, after = matrix.written[writer.slug]
    for partition, offset, record in wrote:
        time = times[partition, offset]
        assert time == record.timestamp if record.timestamp is not None else before <= time <= after


def counts(matrix: Matrix, client: Client) -> None:
    """The client was told offsets from zero on in each partition, in the order of sending."""
    need(matrix, client)
    for case in matrix.cases:
        if not case.written_by(client):
            continue
        offsets: Dict[int, List[int]] = defaultdict(list)
        for partition, offset, record in matrix.stored(client, case):
            offsets[partition].append(offset)
            assert record.partition in (None, partition)
        for partition, found in offsets.items():
            assert found == list(range(len(found))), f"{case.name}, partition {partition}"
        if case.name in CODECS:
            assert len(offsets) == PARTITIONS


def places(matrix: Matrix, client: Client) -> None:
    """The client put every key where an official client puts it."""
    need(matrix, client)
    for case in matrix.cases:
        if case.name not in CODECS:
            continue
        found, expected = (
            {record.key: partition for partition, _, record in matrix.stored(each, case) if record.key is not None}
            for each in (client, matrix.judge(client))
        )
        assert found == expected
        known = [record.key for record in case.records if record.key in PLACES]
        assert len(known) >= len(PLACES) - 1
        assert {key: found[key] for key in known} == {key: PLACES[key] for key in known}


def stores_codec(matrix: Matrix, writer: Client, case: Case) -> None:
    """The SPUs have every batch with the case's codec."""
    need(matrix, writer)
    wrote = {partition for partition, _, _ in matrix.stored(writer, case)}
    codecs = matrix.codecs(writer, case)
    assert {partition: set(found) for partition, found in codecs.items() if found} == {
        partition: {case.codec} for partition in wrote
    }


def lists(matrix: Matrix, client: Client) -> None:
    """The client lists what every client created."""
    need(matrix, client)
    topics = dict(matrix.result(client, "list topics"))
    for creator in matrix.present():
        for topic, partitions in matrix.kept(creator).items():
            matrix.result(creator, f"create {topic}")
            assert topics.get(topic, "missing") == (partitions if client.lists_partitions else None), topic


def deletes(matrix: Matrix, client: Client) -> None:
    """The client deleted what another one created, for all to see."""
    need(matrix, client)
    creator = next(each for each in matrix.present() if matrix.neighbour(each) is client)
    gone = matrix.deleted(creator)
    matrix.result(creator, f"create {gone}")
    matrix.result(client, f"delete {gone}")
    for reader in matrix.present():
        assert gone not in dict(matrix.result(reader, "list topics")), reader.name


def resumes(offsets: Offsets, one: Client, other: Client) -> None:
    """What one client stored as a consumer, the other goes on from, until the first one deletes it."""
    need(offsets.matrix, one, other)
    name = offsets.consumer(one, other)
    assert offsets.result(one, f"store {name}") == list(range(FIRST))
    assert offsets.listed(other, "stored").get(name) == FIRST - 1  # the last offset read, not the next one
    assert offsets.result(other, f"go on {name}") == list(range(FIRST, FIRST + THEN))
    assert offsets.listed(one, "moved").get(name) == FIRST + THEN - 1
    offsets.result(one, f"delete {name}")
    assert name not in offsets.listed(other, "deleted")
