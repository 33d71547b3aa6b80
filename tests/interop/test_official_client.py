"""The official Python client, unmodified, and libfluvio read what the other wrote, on the dev cluster."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import libfluvio
import pytest

Pair = Tuple[Optional[bytes], bytes]

PAIRS: List[Pair] = [
    (b"k1", b"first"),
    (None, "zweiter, größer, 三".encode()),
    (b"k2", b""),
    (b"\x00\xff", bytes(range(256))),
    (None, b"x" * 3000),
]


def to_hex(pairs: List[Pair]) -> List[List[Optional[str]]]:
    """Records as the official client's process takes them."""
    return [[None if key is None else key.hex(), value.hex()] for key, value in pairs]


def read_all(client: libfluvio.Client, topic: str) -> Dict[int, List[libfluvio.Record]]:
    """Every record that libfluvio reads, by partition."""
    found: Dict[int, List[libfluvio.Record]] = {}
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        for record in consumer:
            found.setdefault(record.partition, []).append(record)
    return found


def test_official_creates_and_produces_libfluvio_consumes(
    official: Any, client: libfluvio.Client, topic: str
) -> None:
    official("create", topic=topic, partitions=1)
    assert topic in [each.name for each in client.admin.topics()]
    reports = official("produce", topic=topic, records=to_hex(PAIRS))
    assert reports == [[0, offset] for offset in range(len(PAIRS))]
    records = read_all(client, topic)[0]
    # The official client has no records without key: its send_string sends an empty one.
    assert [(record.key, record.value) for record in records] == [(key or b"", value) for key, value in PAIRS]
    assert [record.offset for record in records] == list(range(len(PAIRS)))


def test_libfluvio_creates_and_produces_official_consumes(
    official: Any, client: libfluvio.Client, topic: str
) -> None:
    client.admin.create_topic(topic)
    assert topic in official("topics")
    with client.producer(topic) as producer:
        group = producer.send_many(PAIRS)
        assert [report.offset for report in group.result(30)] == list(range(len(PAIRS)))
    records = official("consume", topic=topic, partition=0, count=len(PAIRS))
    assert [record[0] for record in records] == list(range(len(PAIRS)))
    # The official client shows a record without key as one with the key "No key".
    expected = [(b"No key" if key is None else key, value) for key, value in PAIRS]
    assert [record[1:] for record in records] == to_hex(expected)


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compressed_both_ways(official: Any, client: libfluvio.Client, topic: str, compression: str) -> None:
    pairs: List[Pair] = [(b"k%d" % i, b"value %d " % i * 20) for i in range(200)]
    client.admin.create_topic(topic)
    official("produce", topic=topic, records=to_hex(pairs), compression=compression)
    with client.producer(topic, compression=compression) as producer:
        producer.send_many(pairs)
    records = read_all(client, topic)[0]
    assert [(record.key, record.value) for record in records] == pairs + pairs
    theirs = official("consume", topic=topic, partition=0, count=len(records))
    assert [(record[1], record[2]) for record in theirs] == [tuple(pair) for pair in to_hex(pairs + pairs)]


def test_keys_go_to_the_same_partitions(official: Any, client: libfluvio.Client, topic: str) -> None:
    pairs: List[Pair] = [(b"key-%d" % i, b"value-%d" % i) for i in range(100)]
    client.admin.create_topic(topic, partitions=5)
    theirs = [partition for partition, _ in official("produce", topic=topic, records=to_hex(pairs))]
    with client.producer(topic) as producer:
        ours = [report.partition for report in producer.send_many(pairs).result(30)]
    assert ours == theirs
    assert len(set(ours)) == 5
    found = read_all(client, topic)
    for partition, records in found.items():
        expected = [pair for pair, chosen in zip(pairs, theirs) if chosen == partition]
        assert [(record.key, record.value) for record in records] == expected + expected
