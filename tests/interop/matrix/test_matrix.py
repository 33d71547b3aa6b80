"""Every client reads what every client wrote, and sees what every client created."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any, Dict, List, Optional, Tuple

import pytest

from .cases import CASES, CODECS, PARTITIONS, Case, Record
from .clients import CLIENTS, NO_KEY, Client, Failed
from .matrix import Matrix
from .offsets import FIRST, THEN, Offsets, may_be_unsupported

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
            pytest.skip(f"{client.name}: {matrix.missing[client.slug]}")


def brief(value: bytes) -> object:
    """A value, or its length and hash when it is too long for a message."""
    return value if len(value) <= 512 else (len(value), hashlib.sha256(value).hexdigest())


def seen_key(key: Optional[bytes], reader: Client) -> Optional[bytes]:
    """A written key as the reader shows it."""
    return NO_KEY if key is None and not reader.shows_no_key else key


def stored(matrix: Matrix, writer: Client, case: Case) -> List[Tuple[int, int, Record]]:
    """What a writer was told: partition and offset of each record it sent."""
    reports = matrix.result(writer, f"write {case.topic(writer, matrix.run)}")
    records = case.written_by(writer)
    assert len(reports) == len(records)
    return [(partition, offset, record) for (partition, offset), record in zip(reports, records)]


def pairs() -> List[Any]:
    """Every writer and reader with every case that the writer can express."""
    return [
        pytest.param(
            writer,
            reader,
            case,
            id=f"{writer.slug}-{reader.slug}-{case.name}",
            marks=pytest.mark.cell(table="agree", row=writer.name, column=reader.name),
        )
        for writer in CLIENTS
        for reader in CLIENTS
        for case in CASES
        if case.written_by(writer)
    ]


def each(column: str) -> pytest.MarkDecorator:
    """Every client, for a test of one column of the second table."""
    return pytest.mark.parametrize(
        "client",
        [
            pytest.param(client, id=client.slug, marks=pytest.mark.cell(table="admin", row=client.name, column=column))
            for client in CLIENTS
        ],
    )


@pytest.mark.parametrize(("writer", "reader", "case"), pairs())
def test_reader_agrees_with_writer(matrix: Matrix, writer: Client, reader: Client, case: Case) -> None:
    need(matrix, writer, reader)
    wrote = stored(matrix, writer, case)
    read = matrix.reads(writer, reader, case)
    assert [(each.partition, each.offset, each.key, brief(each.value)) for each in read] == sorted(
        (partition, offset, seen_key(record.key, reader), brief(record.value)) for partition, offset, record in wrote
    )
    times = {(each.partition, each.offset): each.timestamp for each in read}
    judge = matrix.judge(writer)
    assert times == {(each.partition, each.offset): each.timestamp for each in matrix.reads(writer, judge, case)}
    before, after = matrix.written[writer.slug]
    for partition, offset, record in wrote:
        time = times[partition, offset]
        assert time == record.timestamp if record.timestamp is not None else before <= time <= after


@each("offsets and partitions of its reports")
def test_reports_count_each_partition_from_zero_in_the_order_of_sending(matrix: Matrix, client: Client) -> None:
    need(matrix, client)
    for case in CASES:
        if not case.written_by(client):
            continue
        offsets: Dict[int, List[int]] = defaultdict(list)
        for partition, offset, record in stored(matrix, client, case):
            offsets[partition].append(offset)
            assert record.partition in (None, partition)
        for partition, found in offsets.items():
            assert found == list(range(len(found))), f"{case.name}, partition {partition}"
        if case.name in CODECS:
            assert len(offsets) == PARTITIONS


@each("places keys")
def test_keys_go_to_the_same_partitions(matrix: Matrix, client: Client) -> None:
    need(matrix, client)
    for case in CASES:
        if case.name not in CODECS:
            continue
        found, expected = (
            {record.key: partition for partition, _, record in stored(matrix, each, case) if record.key is not None}
            for each in (client, matrix.judge(client))
        )
        assert found == expected
        assert {key: found[key] for key in PLACES} == PLACES


@each("lists topics")
def test_lists_what_every_client_created(matrix: Matrix, client: Client) -> None:
    need(matrix, client)
    topics = dict(matrix.result(client, "list topics"))
    for creator in matrix.present():
        for topic, partitions in matrix.kept(creator).items():
            matrix.result(creator, f"create {topic}")
            assert topics.get(topic, "missing") == (partitions if client.lists_partitions else None), topic


@each("deletes topics")
def test_deletes_what_another_created(matrix: Matrix, client: Client) -> None:
    need(matrix, client)
    creator = next(each for each in matrix.present() if matrix.neighbour(each) is client)
    gone = matrix.deleted(creator)
    matrix.result(creator, f"create {gone}")
    matrix.result(client, f"delete {gone}")
    for reader in matrix.present():
        assert gone not in dict(matrix.result(reader, "list topics")), reader.name


@each("is refused")
def test_refusals_reach_the_caller(matrix: Matrix, client: Client) -> None:
    need(matrix, client)
    with pytest.raises(Failed, match="(?i)exists"):
        matrix.result(client, "create a topic twice")
    with pytest.raises(Failed, match="(?i)not.?found"):
        matrix.result(client, "delete an unknown topic")


def consumers() -> List[Any]:
    """Every pair of clients with named consumers."""
    clients = [client for client in CLIENTS if client.offsets]
    return [
        pytest.param(
            one,
            other,
            id=f"{one.slug}-{other.slug}",
            marks=pytest.mark.cell(table="offsets", row=one.name, column=other.name),
        )
        for one in clients
        for other in clients
    ]


@pytest.mark.parametrize(("one", "other"), consumers())
def test_one_stores_and_the_other_goes_on(offsets: Offsets, one: Client, other: Client) -> None:
    need(offsets.matrix, one, other)
    if offsets.unsupported and may_be_unsupported():
        pytest.skip(f"the cluster keeps no consumer offsets: {offsets.unsupported}")
    name = offsets.consumer(one, other)
    assert offsets.result(one, f"store {name}") == list(range(FIRST))
    assert offsets.listed(other, "stored").get(name) == FIRST - 1  # the last offset read, not the next one
    assert offsets.result(other, f"go on {name}") == list(range(FIRST, FIRST + THEN))
    assert offsets.listed(one, "moved").get(name) == FIRST + THEN - 1
    offsets.result(one, f"delete {name}")
    assert name not in offsets.listed(other, "deleted")
