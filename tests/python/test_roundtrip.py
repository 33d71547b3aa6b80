"""What goes in comes out: every kind of record, start positions, batches, partitions."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Optional, Tuple

import libfluvio
import pytest
from helpers import wait_until_inside

Pair = Tuple[Optional[bytes], bytes]


def read(client: libfluvio.Client, topics: Any, **settings: Any) -> List[libfluvio.Record]:
    """All records up to the end."""
    with client.consumer(topics, **{"start": "beginning", "stop_at": "end", **settings}) as consumer:
        return list(consumer)


def pairs(records: List[libfluvio.Record]) -> List[Pair]:
    """Keys and values."""
    return [(record.key, record.value) for record in records]


KINDS: List[Pair] = [
    (None, b"no key"),
    (b"", b"empty key"),
    (b"key", b""),
    (b"", b""),
    (None, b""),
    ("schlüssel".encode(), "größer 三 🦀".encode()),
    (bytes(range(256)), bytes(range(255, -1, -1))),
    (b"k" * 1000, b"v" * 100_000),
]


def test_every_kind_of_record(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        deliveries = [producer.send(value, key) for key, value in KINDS]
        reports = [delivery.result(30) for delivery in deliveries]
    assert [report.offset for report in reports] == list(range(len(KINDS)))
    assert {(report.topic, report.partition) for report in reports} == {(topic, 0)}
    assert all(report.latency > 0 for report in reports)
    records = read(client, topic)
    assert pairs(records) == KINDS
    assert [record.offset for record in records] == list(range(len(KINDS)))
    assert {(record.topic, record.partition) for record in records} == {(topic, 0)}
    assert all(record.timestamp > 1_500_000_000_000 for record in records)


def test_every_kind_of_input(client: libfluvio.Client, topic: str) -> None:
    read_before = libfluvio.Record(7, 8, 9, b"copied key", b"copied value", "other")
    given: List[Any] = [
        b"bytes",
        "tëxt",
        bytearray(b"bytearray"),
        memoryview(b"..memoryview..")[2:-2],
        memoryview(b"abcdef").cast("H"),
        (b"k", b"pair"),
        ("k", "text pair"),
        (None, bytearray(b"no key")),
        (b"", b"empty key"),
        read_before,
    ]
    expected: List[Pair] = [
        (None, b"bytes"),
        (None, "tëxt".encode()),
        (None, b"bytearray"),
        (None, b"memoryview"),
        (None, b"abcdef"),
        (b"k", b"pair"),
        (b"k", b"text pair"),
        (None, b"no key"),
        (b"", b"empty key"),
        (b"copied key", b"copied value"),
    ]
    with client.producer(topic) as producer:
        group = producer.send_many(item for item in given)
        producer.send_many([])
        for key, value in expected:
            producer.send(memoryview(value), None if key is None else bytearray(key))
        producer.flush(30)
        assert [report.offset for report in group.result(30)] == list(range(len(given)))
    assert pairs(read(client, topic)) == expected + expected


def test_five_megabytes(client: libfluvio.Client, topic: str) -> None:
    value = bytes(range(256)) * 20480
    with client.producer(topic, max_request_size=8 << 20, batch_size=8 << 20) as producer:
        producer.send(value).result(60)
    records = read(client, topic, max_bytes=16 << 20)
    assert len(records) == 1 and records[0].value == value


def test_timestamp_and_partition_of_ones_own(client: libfluvio.Client, wide_topic: str) -> None:
    with client.producer(wide_topic) as producer:
        report = producer.send(b"x", b"k", partition=3, timestamp=1_600_000_000_123).result(30)
        assert report.partition == 3
        for bad in (-1, 2**31, "3", True):
            with pytest.raises(libfluvio.InvalidArgumentError, match="partition"):
                producer.send(b"x", partition=bad)  # type: ignore[arg-type]
        with pytest.raises(libfluvio.InvalidArgumentError, match="timestamp"):
            producer.send(b"x", timestamp=-5)
    (record,) = read(client, wide_topic)
    assert (record.partition, record.timestamp, record.key) == (3, 1_600_000_000_123, b"k")


def test_all_partitions_in_order(client: libfluvio.Client, wide_topic: str) -> None:
    sent = [(b"key-%d" % (i % 40), b"%d" % i) for i in range(20_000)]
    with client.producer(wide_topic) as producer:
        reports = producer.send_many(sent).result(60)
    records = read(client, wide_topic)
    assert sorted(pairs(records)) == sorted(sent)
    assert {record.partition for record in records} == set(range(5))
    for partition in range(5):
        mine = [record for record in records if record.partition == partition]
        assert [record.offset for record in mine] == list(range(len(mine)))
        numbers = [int(record.value) for record in mine]
        assert numbers == sorted(numbers)
    at = {(record.partition, record.offset): record.value for record in records}
    assert all(at[report.partition, report.offset] == value for report, (_, value) in zip(reports, sent))


def test_keyless_records_reach_every_partition(client: libfluvio.Client, wide_topic: str) -> None:
    with client.producer(wide_topic) as producer:
        for _ in range(4):
            producer.send_many([b"x"] * 500)
            producer.flush(30)
    records = read(client, wide_topic)
    assert len(records) == 2000
    assert {record.partition for record in records} == set(range(5))


def test_fixed_partitions_and_several_topics(client: libfluvio.Client, wide_topic: str) -> None:
    other = wide_topic + "-b"
    client.admin.create_topic(other)
    with client.producer(wide_topic) as producer:
        for partition in range(5):
            producer.send(b"p%d" % partition, partition=partition)
    with client.producer(other) as producer:
        producer.send(b"other")
    assert sorted(record.value for record in read(client, wide_topic, partitions=[1, 4])) == [b"p1", b"p4"]
    both = read(client, [wide_topic, other])
    assert sorted(record.value for record in both) == [b"other", b"p0", b"p1", b"p2", b"p3", b"p4"]
    assert {record.topic for record in both} == {wide_topic, other}


@pytest.mark.parametrize(
    ("start", "first"),
    [("beginning", 0), ("beginning+3", 3), ("end-2", 8), (5, 5), ("5", 5), ("beginning+99", None), ("end-99", 0)],
)
def test_start_positions(client: libfluvio.Client, topic: str, start: Any, first: Optional[int]) -> None:
    with client.producer(topic) as producer:
        producer.send_many(b"%d" % i for i in range(10))
    expected = [] if first is None else list(range(first, 10))
    assert [record.offset for record in read(client, topic, start=start)] == expected


def test_stop_at_an_offset(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        producer.send_many(b"%d" % i for i in range(10))
    assert [record.offset for record in read(client, topic, stop_at=4)] == [0, 1, 2, 3]


def test_start_at_the_end_sees_only_what_comes(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        producer.send(b"before").result(30)
        with client.consumer(topic) as consumer:
            assert consumer.poll(0) is None
            assert consumer.poll(0.05) is None
            producer.send(b"after")
            record = consumer.poll(30)
            assert record is not None and record.value == b"after"


def test_empty_topic(client: libfluvio.Client, topic: str) -> None:
    assert read(client, topic) == []
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        with pytest.raises(libfluvio.EndError):
            consumer.poll(30)
        with pytest.raises(libfluvio.EndError):
            consumer.poll_batch(30)
        assert list(consumer.batches()) == []


def test_waiting_on_an_empty_topic(client: libfluvio.Client, topic: str) -> None:
    """A call ends at its deadline, not before and not never; one that waits is woken by the first record."""
    with client.consumer(topic, start="beginning") as consumer:
        begun = time.monotonic()
        assert consumer.poll(0.1) is None
        assert time.monotonic() - begun >= 0.099
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(consumer.poll, 3600)
            with client.producer(topic) as producer:
                producer.send(b"at last")
            record = waiting.result(60)
        assert record is not None and record.value == b"at last"


def test_ways_of_reading_go_on_where_another_stopped(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        producer.send_many(b"%d" % i for i in range(5000))
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        seen: List[int] = []
        record = consumer.poll(30)
        assert record is not None
        seen.append(record.offset)
        for record in consumer:
            seen.append(record.offset)
            if len(seen) == 1500:
                break
        batch = consumer.poll_batch(30)
        assert batch is not None
        seen += batch.columns.offset.tolist()
        for record in consumer:
            seen.append(record.offset)
            if len(seen) % 1000 == 700:
                break
        for batch in consumer.batches():
            seen += [record.offset for record in batch]
    assert seen == list(range(5000))


def test_batches(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic, compression="zstd") as producer:
        producer.send_many((None if i % 3 else b"key%d" % i, b"value%d" % i) for i in range(3000))
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        batches = list(consumer.batches())
    client.admin.delete_topic(topic)
    rows = [row for batch in batches for row in batch.tuples()]
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (i, None if i % 3 else b"key%d" % i, b"value%d" % i) for i in range(3000)
    ]
    at = 0
    for batch in batches:
        assert (batch.topic, batch.partition) == (topic, 0)
        assert batch.high_watermark >= batch.last_offset + 1
        assert batch.first_offset == at and len(batch) == batch.last_offset + 1 - at
        records = list(batch)
        assert records == batch.records() == [batch[i] for i in range(len(batch))]
        assert batch[-1] == records[-1]
        assert batch.values() == [record.value for record in records]
        assert batch.keys() == [record.key for record in records]
        half = batch[len(batch) // 2 :]
        assert half.records() == records[len(batch) // 2 :] and half[0] == records[len(batch) // 2]
        assert half.columns.offset.tolist() == [record.offset for record in half]
        assert len(batch[5:3]) == 0 and batch[5:3].records() == [] and batch[5:3].first_offset == -1
        with pytest.raises(IndexError):
            batch[len(batch)]
        with pytest.raises(ValueError):
            batch[::2]
        at += len(batch)


def test_columns_outlive_everything(cluster: libfluvio.DevCluster, name: str) -> None:
    with libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic(name)
        with client.producer(name) as producer:
            producer.send_many((b"k%d" % (i % 10), b"value %05d" % i) for i in range(1000))
        with client.consumer(name, start="beginning", stop_at="end") as consumer:
            kept = [batch.columns for batch in consumer.batches()]
    slices = [columns.data[1:] for columns in kept]
    del consumer, client, producer
    values = []
    for columns in kept:
        assert columns.offset.format == "q" and columns.value_length.format == "I" and columns.data.readonly
        for position, length in zip(columns.value_position, columns.value_length):
            values.append(bytes(columns.data[position : position + length]))
        assert set(columns.key_length) == {2}
    assert values == [b"value %05d" % i for i in range(1000)]
    expected = [bytes(columns.data)[1:] for columns in kept]
    del kept, columns
    assert [bytes(each) for each in slices] == expected


def test_close_wakes_a_blocked_poll(client: libfluvio.Client, topic: str) -> None:
    consumer = client.consumer(topic)
    caught: List[BaseException] = []

    def wait() -> None:
        try:
            consumer.poll()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until_inside(thread, "_take")
    consumer.close()
    thread.join(60)
    assert [type(error) for error in caught] == [libfluvio.ClosedError]


def test_close_ends_a_loop(client: libfluvio.Client, topic: str) -> None:
    consumer = client.consumer(topic)
    thread = threading.Thread(target=lambda: list(consumer))
    thread.start()
    wait_until_inside(thread, "_take")
    consumer.close()
    thread.join(60)
    assert not thread.is_alive()


def test_wakeup(client: libfluvio.Client, topic: str) -> None:
    with client.consumer(topic) as consumer:
        consumer.wakeup()
        with pytest.raises(libfluvio.FluvioInterruptedError):
            consumer.poll()
        assert consumer.poll(0) is None


def test_topics(client: libfluvio.Client, name: str) -> None:
    client.admin.create_topic(name, partitions=2, retention_seconds=7200, compression="lz4", segment_size=10_000_000)
    (topic,) = [each for each in client.admin.topics() if each.name == name]
    assert (topic.partitions, topic.replication, topic.status) == (2, 1, "provisioned")
    assert (topic.retention_seconds, topic.compression, topic.segment_size) == (7200, "lz4", 10_000_000)
    assert not topic.is_system
    client.admin.delete_topic(name)
    assert name not in [each.name for each in client.admin.topics()]


def test_replicas(client: libfluvio.Client, name: str) -> None:
    client.admin.create_topic(name, replication=2)
    with client.producer(name) as producer:
        producer.send(b"x").result(30)
    assert len(read(client, name)) == 1


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compression(client: libfluvio.Client, topic: str, compression: str) -> None:
    sent = [b"line %d of a text that compresses well " % i * 5 for i in range(2000)]
    with client.producer(topic, compression=compression) as producer:
        producer.send_many(sent)
    assert [record.value for record in read(client, topic)] == sent


def test_producer_outlives_names(cluster: libfluvio.DevCluster, topic: str) -> None:
    """Nobody holds the client by name; the producer and the consumer keep it."""
    producer = libfluvio.connect(cluster.endpoint).producer(topic)
    consumer = libfluvio.connect(cluster.endpoint).consumer(topic, start="beginning")
    producer.send(b"x").result(30)
    record = consumer.poll(30)
    assert record is not None and record.value == b"x"
    producer.close()
    consumer.close()


def test_numpy(client: libfluvio.Client, topic: str) -> None:
    """Arrays over the library's memory, which outlive batch, consumer and slice."""
    numpy = pytest.importorskip("numpy")
    with client.producer(topic) as producer:
        producer.send_many([(b"k%d" % i if i % 2 else None, b"%d" % i) for i in range(100)])
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        batch = consumer.poll_batch(30)
    assert batch is not None
    part = batch[10:20]
    columns, whole = part.to_numpy(), batch.to_numpy()
    assert set(columns) == set(libfluvio.Columns._fields)
    assert all(numpy.shares_memory(columns[name], whole[name]) for name in ("offset", "data"))
    assert not columns["offset"].flags.writeable
    del batch, part, whole
    assert columns["offset"].tolist() == list(range(10, 20)) and columns["offset"].dtype == numpy.int64
    assert (columns["key_length"] == libfluvio.NO_KEY).tolist() == [True, False] * 5
    at, length = int(columns["value_position"][3]), int(columns["value_length"][3])
    assert columns["data"][at : at + length].tobytes() == b"13"
