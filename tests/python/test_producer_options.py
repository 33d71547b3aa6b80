"""Where records go, what producers count, what they refuse, and SmartModules on the way."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
from typing import Any, Dict, List, Tuple

import libfluvio
import libfluvio.aio
import pytest
from libfluvio import _abi, _core


def rows(client: libfluvio.Client, topic: str) -> List[Tuple[int, Any, bytes]]:
    """Partition, key and value of everything stored, by partition."""
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        return sorted(((r.partition, r.key, r.value) for r in consumer), key=lambda row: row[0])


def test_partitioners(client: libfluvio.Client, wide_topic: str) -> None:
    def partitions(n: int, key: Any, **settings: Any) -> List[int]:
        with client.producer(wide_topic, **settings) as producer:
            return [report.partition for report in producer.send_many([(key, b"x")] * n).result(30)]

    assert len(set(partitions(5, b"key"))) == 1
    assert sorted(partitions(5, b"key", partitioner="round_robin")) == [0, 1, 2, 3, 4]
    assert len(set(partitions(50, None, partitioner="sticky", linger_ms=60_000))) == 1, "they share a batch"
    assert len(set(partitions(500, None, partitioner="sticky", linger_ms=60_000, batch_size=500))) == 5
    assert set(partitions(5, b"key", partition=0)) == {0}
    assert set(partitions(5, None, partition=4, partitioner="fixed")) == {4}
    for settings, message in [
        ({"partition": 5}, "partition 5 does not exist: the topic has 5, 0 to 4"),
        ({"partition": -1}, "partition: -1 is not between"),
        ({"partition": 1, "partitioner": "sticky"}, "partition: is for the partitioner fixed, not for sticky"),
        ({"partitioner": "random"}, "is not one of siphash, round_robin, sticky, fixed"),
    ]:
        with pytest.raises(libfluvio.InvalidArgumentError, match=message):
            client.producer(wide_topic, **settings)


def test_send_many_with_partitions_and_timestamps(client: libfluvio.Client, wide_topic: str) -> None:
    given: List[Any] = [
        libfluvio.RecordInput(b"a", partition=3),
        (b"key", b"b"),
        libfluvio.RecordInput("c", key="", partition=3, timestamp=1_600_000_000_123),
        libfluvio.RecordInput(b"d", key=b"k", timestamp=1_600_000_000_456),
        b"e",
        libfluvio.RecordInput(b"", partition=0),
    ]
    with client.producer(wide_topic) as producer:
        reports = producer.send_many(given).result(30)
        assert [reports[i].partition for i in (0, 2, 5)] == [3, 3, 0]
    with client.consumer(wide_topic, start="beginning", stop_at="end") as consumer:
        found = {(record.partition, record.offset): record for record in consumer}
    records = [found[report.partition, report.offset] for report in reports]
    assert [(r.key, r.value) for r in records] == [
        (None, b"a"),
        (b"key", b"b"),
        (b"", b"c"),
        (b"k", b"d"),
        (None, b"e"),
        (None, b""),
    ]
    assert [records[i].timestamp for i in (2, 3)] == [1_600_000_000_123, 1_600_000_000_456]
    assert records[0].timestamp > 1_700_000_000_000


def test_many_placed_records_through_a_small_buffer(client: libfluvio.Client, wide_topic: str) -> None:
    with client.producer(wide_topic, buffer_memory=1 << 16, max_request_size=1 << 15, batch_size=1 << 12) as producer:
        group = producer.send_many(libfluvio.RecordInput(b"%d" % i * 20, partition=i % 5) for i in range(9000))
        reports = group.result(60)
    assert [report.partition for report in reports] == [i % 5 for i in range(9000)]
    assert [report.offset for report in reports] == [i // 5 for i in range(9000)]


def test_wrong_placed_records(client: libfluvio.Client, wide_topic: str) -> None:
    with client.producer(wide_topic) as producer:
        for bad in ({"partition": -1}, {"partition": 2**31}, {"timestamp": 0}, {"timestamp": True}, {"partition": "1"}):
            with pytest.raises(libfluvio.InvalidArgumentError, match="record 1, counted from 0") as caught:
                producer.send_many([b"fine", libfluvio.RecordInput(b"x", **bad)])  # type: ignore[arg-type]
            assert caught.value.details["accepted"] == "0"
        outcomes = producer.send_many([b"x", libfluvio.RecordInput(b"y", partition=5), b"z"]).outcomes(30)
        assert isinstance(outcomes[1], libfluvio.InvalidArgumentError)
        assert "partition 5 does not exist: the topic has 5, 0 to 4" in str(outcomes[1])
        assert isinstance(outcomes[0], libfluvio.Report) and isinstance(outcomes[2], libfluvio.Report)
    assert sorted(row[2] for row in rows(client, wide_topic)) == [b"x", b"z"]


def test_too_large_for_a_segment(client: libfluvio.Client, name: str) -> None:
    client.admin.create_topic(name, segment_size=4096)
    with client.producer(name) as producer:
        message = f"^send {name}: .* segment_size leaves room for 3968"
        with pytest.raises(libfluvio.TooLargeError, match=message) as caught:
            producer.send(b"v" * 4000)
        assert (caught.value.details["setting"], caught.value.details["topic"]) == ("segment_size", name)
        assert producer.send(b"v" * 3968).result(30).offset == 0


def test_too_large_names_both_numbers(client: libfluvio.Client, topic: str, cluster: libfluvio.DevCluster) -> None:
    with client.producer(topic, max_request_size=10_000) as producer:
        for call in (
            lambda: producer.send(b"v" * 20_000, b"k" * 7),
            lambda: producer.send(b"v" * 20_000, b"k" * 7, partition=0),
            lambda: producer.send_many([b"small", (b"k" * 7, b"v" * 20_000)]),
            lambda: producer.send_many([b"small", libfluvio.RecordInput(b"v" * 20_000, b"k" * 7, partition=0)]),
        ):
            message = "7 bytes of key and 20000 of value, max_request_size leaves room for 9872"
            with pytest.raises(libfluvio.TooLargeError, match=message) as error:
                call()
            assert (error.value.details["setting"], error.value.details["topic"]) == ("max_request_size", topic)

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as aio, aio.producer(topic, max_request_size=10_000) as tell:
            with pytest.raises(libfluvio.TooLargeError, match="20000 of value.* leaves room for 9872"):
                await tell.send(b"v" * 20_000)
            with pytest.raises(libfluvio.TooLargeError, match="20000 of value.* leaves room for 9872") as caught:
                await tell.send_many([b"small", b"v" * 20_000])
            assert caught.value.details["accepted"] == "1"

    asyncio.run(main())
    assert [row[2] for row in rows(client, topic)] == [b"small"] * 3


def test_compression_levels_and_policies(client: libfluvio.Client, name: str) -> None:
    client.admin.create_topic(name, compression="zstd")
    with pytest.raises(libfluvio.InvalidArgumentError, match="demands compression zstd, the producer is set to gzip"):
        client.producer(name, compression="gzip")
    with pytest.raises(libfluvio.InvalidArgumentError, match="23 is not between 0 and 22"):
        client.producer(name, compression="zstd", compression_level=23)
    with pytest.raises(libfluvio.InvalidArgumentError, match="10, want 0 .default. or 1 to 9 for gzip"):
        client.producer(name, compression="gzip", compression_level=10)
    with client.producer(name, compression="zstd", compression_level=19, linger_ms=60_000) as producer:
        producer.send_many([b"the same again"] * 100)
        producer.flush(30)
        assert producer.stats().compression_ratio > 3


@pytest.mark.skipif(sys.maxsize < 2**32, reason="needs 64 bits")
def test_longer_than_32_bits_can_say(client: libfluvio.Client, topic: str, cluster: libfluvio.DevCluster) -> None:
    long = bytes(2**32 + 1)  # memory that nobody touches
    with client.producer(topic) as producer:
        with pytest.raises(libfluvio.TooLargeError, match=str(len(long))):
            producer.send(long)
        with pytest.raises(libfluvio.TooLargeError, match=str(len(long))):
            producer.send(b"v", long)
        assert producer.send(b"v").result(30).offset == 0

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as aio, aio.producer(topic) as producer:
            with pytest.raises(libfluvio.TooLargeError):
                await producer.send(long)

    asyncio.run(main())


def test_waiting_does_not_linger(client: libfluvio.Client, wide_topic: str, cluster: libfluvio.DevCluster) -> None:
    with client.producer(wide_topic, linger_ms=100_000) as producer:
        kept = producer.send(b"x")
        assert kept.result(30).offset >= 0
        assert producer.send(b"y").exception(30) is None
        assert len(producer.send_many([b"z"] * 100).result(30)) == 100
        last = producer.send(b"last")
    assert last.result(0).offset >= 0

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as aio:
            async with aio.producer(wide_topic, linger_ms=100_000) as producer:
                delivery = await producer.send(b"x")

                async def report() -> libfluvio.Report:
                    return await delivery

                assert (await asyncio.wait_for(report(), 30)).offset >= 0
                group = await producer.send_many([b"z"] * 100)
                assert await asyncio.wait_for(group.exception(), 30) is None
            assert producer.closed

    asyncio.run(main())


def test_many_threads_wait_for_each_record(client: libfluvio.Client, wide_topic: str) -> None:
    """Nobody waits for linger_ms, and what is held back while others are under way is not forgotten."""
    with client.producer(wide_topic, linger_ms=100_000) as lingering, client.producer(wide_topic) as plain:

        def work(producer: libfluvio.Producer) -> None:
            for _ in range(200):
                assert producer.send(b"x").result(30).offset >= 0

        threads = [threading.Thread(target=work, args=(each,)) for each in (lingering, plain) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert lingering.stats().records_acknowledged == plain.stats().records_acknowledged == 800


def test_stats(client: libfluvio.Client, wide_topic: str, cluster: libfluvio.DevCluster) -> None:
    def check(stats: libfluvio.ProducerStats, records: int, failed: int = 0) -> None:
        assert (stats.records_acknowledged, stats.records_failed) == (records, failed)
        assert stats.records_accepted == records + failed
        assert stats.bytes_acknowledged == 10 * records
        left = stats.records_queued, stats.records_in_flight, stats.batches_queued, stats.batches_in_flight
        assert left == (0, 0, 0, 0) and stats.records_maybe == stats.retries == stats.requests_in_flight == 0
        assert stats.batches >= 5 and stats.requests >= 1 and 0 < stats.batch_fill < 1 and stats.compression_ratio == 1
        assert stats.records_per_batch == pytest.approx(records / stats.batches)
        assert 0 < stats.latency_p50 <= stats.latency_p90 <= stats.latency_p99 <= stats.latency_max < 60

    producer = client.producer(wide_topic)
    assert producer.stats().records_accepted == 0
    producer.send_many([(b"", b"0123456789"), b"0123456789"] * 50)
    producer.send_many([libfluvio.RecordInput(b"0123456789", partition=i) for i in range(5)])
    producer.send(b"nowhere", partition=7).exception(30)
    producer.flush(30)
    check(producer.stats(), 105, 1)
    producer.close()
    with pytest.raises(libfluvio.ClosedError):
        producer.stats()

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as aio:
            async with aio.producer(wide_topic) as counting:
                for i in range(5):
                    await counting.send(b"0123456789", partition=i)
                await counting.send_many([b"0123456789"] * 20)
                await counting.flush()
                check(await counting.stats(), 25)
            with pytest.raises(libfluvio.ClosedError):
                await counting.stats()

    asyncio.run(main())


def test_placed_records_for_asyncio(client: libfluvio.Client, wide_topic: str, cluster: libfluvio.DevCluster) -> None:
    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as aio, aio.producer(wide_topic) as producer:

            async def generate() -> Any:
                for i in range(20):
                    yield libfluvio.RecordInput(b"%d" % i, key=b"k", partition=i % 5, timestamp=1000 + i)

            reports = await (await producer.send_many(generate()))
            assert [report.partition for report in reports] == [i % 5 for i in range(20)]

    asyncio.run(main())
    with client.consumer(wide_topic, start="beginning", stop_at="end") as consumer:
        assert sorted((r.timestamp, r.value) for r in consumer) == [(1000 + i, b"%d" % i) for i in range(20)]


def test_smartmodules_as_settings() -> None:
    seen: List[Dict[str, Any]] = []

    class Library:
        """Takes the settings down."""

        def config_new(self) -> int:
            return 1

        def config_free(self, address: int) -> None:
            pass

        def config_set_json(self, address: int, text: bytes, error: Any) -> int:
            seen.append(json.loads(text))
            return 0

    wasm = bytes(range(256))
    chain: List[Any] = [
        libfluvio.SmartModule("group/one@1.0.0", params={"a": "b", "n": 5}, lookback=libfluvio.Lookback(last=3)),
        libfluvio.SmartModule(wasm=wasm, accumulator="0", lookback={"age_ms": 60_000}),
        {"path": "/tmp/x.wasm", "kind": "aggregate", "accumulator": b"\x00\x01"},
    ]
    _core.config(Library(), {"smartmodules": chain, "tls_ca": b"PEM"})  # type: ignore[arg-type]
    found = seen[0]["smartmodules"]
    given = [{key: value for key, value in module.items() if value not in (None, {})} for module in found]
    assert given == [
        {"name": "group/one@1.0.0", "params": {"a": "b", "n": 5}, "lookback": {"last": 3}},
        {"wasm": {"base64": base64.b64encode(wasm).decode()}, "accumulator": "0", "lookback": {"age_ms": 60_000}},
        {"path": "/tmp/x.wasm", "kind": "aggregate", "accumulator": {"base64": "AAE="}},
    ]
    assert seen[0]["tls_ca"] == "PEM"


def test_smartmodules_that_are_not_there(client: libfluvio.Client, topic: str, cluster: libfluvio.DevCluster) -> None:
    chain = [libfluvio.SmartModule("nope", params={"a": "b"})]
    with client.producer(topic, smartmodules=chain) as producer:
        error = producer.send(b"x").exception(30)
    assert isinstance(error, libfluvio.NotFoundError) and error.server_code == 6001
    assert error.details["smartmodule"] == "nope"
    with client.consumer(topic, start="beginning", smartmodules=chain) as consumer:
        with pytest.raises(libfluvio.NotFoundError) as caught:
            next(iter(consumer))
        assert caught.value.details["smartmodule"] == "nope"
    packed = libfluvio.SmartModule(wasm=b"\x00asm\x01\x00\x00\x00")
    with client.producer(topic, smartmodules=packed) as producer:
        error = producer.send(b"x").exception(30)
        assert error is not None and "At least one import is required" in str(error), "the module went along"
    for module, message in [
        ({}, r"smartmodules\[0\]: give one of name, path and wasm"),
        ({"name": "a", "nmae": "b"}, r"smartmodules\[0\].nmae: there is no such setting, did you mean name"),
        (libfluvio.SmartModule(path="/nowhere/x.wasm"), "/nowhere/x.wasm"),
        (libfluvio.SmartModule("a", kind="map", accumulator=b"0"), "is for aggregates"),
    ]:
        with pytest.raises(libfluvio.InvalidArgumentError, match=message):
            client.producer(topic, smartmodules=[module])
        with pytest.raises(libfluvio.InvalidArgumentError, match=message):
            client.consumer(topic, smartmodules=[module])

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as aio:
            async with aio.consumer(topic, start="beginning", smartmodules=chain) as consumer:
                with pytest.raises(libfluvio.NotFoundError):
                    await consumer.poll()

    asyncio.run(main())


def test_records_stored_without_known_offsets(client: libfluvio.Client, topic: str) -> None:
    """What a cluster answers of records that went through SmartModules, put into the reports of one without."""
    with client.producer(topic, linger_ms=60_000) as producer:
        real = producer._book.lib

        class Unknowing:
            """The library, but for the offsets."""

            def __getattr__(self, attribute: str) -> Any:
                return getattr(real, attribute)

            def event_delivery(self, event: int, out: Any) -> int:
                status: int = real.event_delivery(event, out)
                assert isinstance(out._obj, _abi.Delivery)
                out._obj.base_offset = -1
                return status

        producer._book.lib = Unknowing()  # type: ignore[assignment]
        group = producer.send_many([b"x"] * 2500)
        single = producer.send(b"y")
        producer.flush(30)
        assert {report.offset for report in group.result(30)} == {-1}
        assert single.result(30).offset == -1
        producer._book.lib = real
