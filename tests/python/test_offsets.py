"""Named consumers: what is stored is what the application has seen, and reading goes on behind it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Dict, Iterator, List, Optional

import libfluvio
import libfluvio.aio
import pytest
from helpers import pause, resume, wait_until_inside


def stored(client: libfluvio.Client, topic: str, consumer: str = "me") -> Dict[int, int]:
    """What is stored, by partition."""
    found = {}
    for row in client.admin.consumer_offsets():
        if (row.topic, row.consumer_id) == (topic, consumer):
            assert abs(row.modified / 1000 - time.time()) < 3600
            found[row.partition] = row.offset
    return found


def fill(client: libfluvio.Client, topic: str, count: int) -> None:
    """Writes records to the topic, as one batch if it has one partition."""
    with client.producer(topic) as producer:
        producer.send_many(b"%d" % i for i in range(count))


def named(client: libfluvio.Client, topic: Any, strategy: Optional[str] = "manual", **more: Any) -> libfluvio.Consumer:
    """A consumer that is called ``me``."""
    return client.consumer(topic, **{"start": "beginning", "consumer_id": "me", "offset_strategy": strategy, **more})


def test_commit_inside_a_batch(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 5000)
    with named(client, topic) as consumer:
        consumer.commit()
        assert stored(client, topic) == {}
        for record in consumer:
            if record.offset in (0, 1, 511, 512, 1024, 2500):
                consumer.commit(30)
                assert stored(client, topic) == {0: record.offset}
            if record.offset == 2500:
                break
        assert next(iter(consumer)).offset == 2501
        one = consumer.poll(30)
        assert one is not None and one.offset == 2502
        consumer.commit()
        assert stored(client, topic) == {0: 2502}
        batch = consumer.poll_batch(30)
        assert batch is not None and batch.first_offset == 2503
        consumer.commit()
        assert stored(client, topic) == {0: batch.last_offset}
        consumer.commit_offset(0, 2600)
    with named(client, topic, start="end", stop_at="end") as consumer:
        assert [record.offset for record in consumer] == list(range(2601, 5000))
        consumer.commit()
        assert stored(client, topic) == {0: 4999}


def test_nothing_seen_is_nothing_stored(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 10)
    with named(client, topic) as consumer:
        batch = consumer._take(30_000)  # as after an interrupt: the binding has the batch, the application has nothing
        assert batch is not None
        consumer._begin(batch)
        consumer.commit()
        assert stored(client, topic) == {}


def test_several_partitions_and_topics(client: libfluvio.Client, wide_topic: str) -> None:
    other = f"{wide_topic}-2"
    client.admin.create_topic(other, partitions=2)
    for each in (wide_topic, other):
        fill(client, each, 1000)
    last: Dict[Any, int] = {}
    with named(client, [wide_topic, other]) as consumer:
        for count, record in enumerate(consumer, 1):
            last[record.topic, record.partition] = record.offset
            if count == 1500:
                break
        consumer.commit()
        for each in (wide_topic, other):
            assert stored(client, each) == {place[1]: offset for place, offset in last.items() if place[0] == each}
        with pytest.raises(libfluvio.InvalidArgumentError, match="say which one, the consumer reads 2"):
            consumer.commit_offset(0, 0)
        place = next(iter(last))
        consumer.commit_offset(place[1], 0, topic=place[0])
        assert stored(client, place[0])[place[1]] == 0


def test_commit_offset_is_checked(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 10)
    with named(client, topic) as consumer:
        with pytest.raises(libfluvio.InvalidArgumentError, match=f"{topic}/0: .* no record was handed out yet"):
            consumer.commit_offset(0, 0)
        record = consumer.poll(30)
        assert record is not None
        for partition, offset in ((0, 1), (0, -1), (0, 2**70), (0, -(2**70)), (1, 0), (2**40, 0), (-1, 0)):
            with pytest.raises(libfluvio.InvalidArgumentError):
                consumer.commit_offset(partition, offset)
        with pytest.raises(TypeError):
            consumer.commit_offset("0", 0)  # type: ignore[arg-type]
        with pytest.raises(libfluvio.InvalidArgumentError):
            consumer.commit_offset(0, 0, topic="another")
        assert stored(client, topic) == {}
        consumer.commit_offset(record.partition, record.offset)
        assert stored(client, topic) == {0: 0}
    for commit in (consumer.commit, lambda: consumer.commit_offset(0, 0)):
        with pytest.raises(libfluvio.ClosedError):
            commit()


def test_strategies(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 10)
    for strategy in (None, "none"):
        with named(client, topic, strategy) as consumer:
            assert consumer.poll(30) is not None
            for commit in (consumer.commit, lambda consumer=consumer: consumer.commit_offset(0, 0)):
                with pytest.raises(libfluvio.InvalidStateError, match="offset_strategy"):
                    commit()
    for strategy in ("manual", "auto"):
        with pytest.raises(libfluvio.InvalidArgumentError, match="consumer_id: is needed"):
            client.consumer(topic, offset_strategy=strategy)
    assert stored(client, topic) == {}


def test_auto(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 10)
    with named(client, topic, "auto") as consumer:
        for record in consumer:
            if record.offset == 9:
                break
    assert stored(client, topic) == {}, "the application never came back for more than this batch"
    with named(client, topic, "auto", stop_at="end") as consumer:
        assert len(list(consumer)) == 10
    assert stored(client, topic) == {0: 9}
    fill(client, topic, 10)
    with named(client, topic, "auto", offset_flush_ms=5) as consumer:
        seen = 0
        while seen < 10:
            batch = consumer.poll_batch(30)
            assert batch is not None
            seen += len(batch)
        assert consumer.poll(0) is None
        while stored(client, topic) != {0: 19}:
            assert stored(client, topic)[0] in range(9, 20)


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_auto_and_many_at_once(client: libfluvio.Client, topic: str, timeout: float) -> None:
    """What one call collects is stored when the application has come back for more, not while it collects."""
    with client.producer(topic, batch_size=300) as producer:
        producer.send_many([b"x" * 100] * 10)
    with named(client, topic, "auto") as consumer:
        first: List[libfluvio.Record] = []
        while not first:
            first = consumer.poll_many(timeout=timeout)
    assert stored(client, topic) == {}, "a program that had died then would have missed them"
    with named(client, topic, "auto") as consumer:
        seen: List[int] = []
        while len(seen) < 10:
            seen += [record.offset for record in consumer.poll_many(timeout=30)]
        assert consumer.poll_many(timeout=0) == []
    assert seen == list(range(10)) and stored(client, topic) == {0: 9}


def test_offsets_are_listed_and_deleted(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 3)
    with named(client, topic, stop_at="end") as consumer:
        assert len(list(consumer)) == 3
        consumer.commit()
    client.admin.delete_consumer_offset("another", topic, 0)
    assert stored(client, topic) == {0: 2}
    client.admin.delete_consumer_offset("me", topic, 0)
    client.admin.delete_consumer_offset("me", topic, 0)
    assert stored(client, topic) == {}
    with pytest.raises(libfluvio.InvalidArgumentError):
        client.admin.delete_consumer_offset("", topic, 0)
    for partition in (-1, 2**31):
        with pytest.raises(libfluvio.InvalidArgumentError):
            client.admin.delete_consumer_offset("me", topic, partition)


def test_commit_from_another_thread(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, 50_000)
    seen = -1
    ended = threading.Event()
    with named(client, topic, stop_at="end") as consumer:

        def read() -> None:
            nonlocal seen
            for record in consumer:
                seen = record.offset
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        while not ended.is_set():
            consumer.commit()
            # The reader may have been handed one record that it has not noted yet.
            assert stored(client, topic).get(0, -1) <= seen + 1
        thread.join()
        consumer.commit()
        assert stored(client, topic) == {0: 49_999}


@pytest.fixture
def broken() -> Iterator[libfluvio.DevCluster]:
    """A cluster of this test's own."""
    with libfluvio.DevCluster() as cluster:
        yield cluster


def test_commit_fails_in_time(broken: libfluvio.DevCluster) -> None:
    with libfluvio.connect(broken.endpoint) as client:
        client.admin.create_topic("orders")
        fill(client, "orders", 5)
        consumer = named(client, "orders")
        assert consumer.poll(30) is not None
        pause(broken.pid)
        with pytest.raises(libfluvio.FluvioTimeoutError, match="orders/0"):
            consumer.commit(0.2)
        thread = threading.Thread(target=consumer.commit)
        thread.start()
        wait_until_inside(thread, "finish")
        resume(broken.pid)
        thread.join()
        assert stored(client, "orders") == {0: 0}
        consumer.close()


def test_asyncio(cluster: libfluvio.DevCluster, client: libfluvio.Client, wide_topic: str) -> None:
    fill(client, wide_topic, 1000)

    async def work() -> None:
        settings: Dict[str, Any] = {"consumer_id": "me", "offset_strategy": "manual"}
        async with libfluvio.aio.connect(cluster.endpoint) as client:
            last: Dict[int, int] = {}
            async with client.consumer(wide_topic, start="beginning", **settings) as consumer:
                await consumer.commit()
                count = 0
                async for record in consumer:
                    last[record.partition] = record.offset
                    count += 1
                    if count == 700:
                        break
                await consumer.commit(30)
                rows = await client.admin.consumer_offsets()
                assert {row.partition: row.offset for row in rows if row.topic == wide_topic} == last
                partition = min(last)
                with pytest.raises(libfluvio.InvalidArgumentError):
                    await consumer.commit_offset(partition, last[partition] + 1)
                await consumer.commit_offset(partition, 0)
                batch = await consumer.poll_batch(30)
                assert batch is not None
            async with client.consumer(wide_topic, start="beginning", stop_at="end", **settings) as consumer:
                rest = [record async for record in consumer]
                assert len(rest) == 1000 - 700 + last[partition]
                await consumer.commit()
            for number in range(5):
                await client.admin.delete_consumer_offset("me", wide_topic, number)
            assert not [row for row in await client.admin.consumer_offsets() if row.topic == wide_topic]
            async with client.consumer(wide_topic, consumer_id="me") as consumer:
                with pytest.raises(libfluvio.InvalidStateError):
                    await consumer.commit()

    asyncio.run(work())


def test_topic_of_a_pattern_made_anew(client: libfluvio.Client, name: str) -> None:
    """What was read of a deleted topic says nothing of one that comes later under its name."""

    def read(consumer: libfluvio.Consumer) -> bool:
        consumer.poll(0.02)
        return name in {position.topic for position in consumer.positions()}

    client.admin.create_topic(name)
    with client.producer(name) as producer:
        producer.send_many([b"old"] * 10)
    settings: Any = {"consumer_id": name, "start": "beginning", "offset_strategy": "auto", "offset_flush_ms": 10}
    with client.consumer(f"^{name}.*", **settings) as consumer:
        for _ in range(10):
            assert consumer.poll(20) is not None
        client.admin.delete_topic(name)
        while read(consumer):
            pass
        client.admin.create_topic(name)
        while not read(consumer):
            pass
        assert consumer.positions()[0].position == 0
        assert stored(client, name, name) == {}
    with client.producer(name) as producer:
        producer.send_many([b"new"] * 8)
    with client.consumer(f"^{name}.*", stop_at="end", **settings) as consumer:
        assert [record.offset for record in consumer] == list(range(8))


def test_commit_after_topics_of_a_pattern_are_gone(client: libfluvio.Client, name: str) -> None:
    """A topic that was deleted does not keep the others from being committed, nor what comes later under its name."""
    doomed, kept = f"{name}-doomed", f"{name}-kept"

    def fill_and_read(consumer: libfluvio.Consumer, topics: List[str], count: int) -> None:
        for topic in topics:
            fill(client, topic, count)
        for _ in range(count * len(topics)):
            assert consumer.poll(30) is not None
        consumer.commit()
        assert all(stored(client, topic) == {0: count - 1} for topic in topics)

    def await_topics(consumer: libfluvio.Consumer, *topics: str) -> None:
        deadline = time.monotonic() + 60
        while {position.topic for position in consumer.positions()} != set(topics):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    for topic in (doomed, kept):
        client.admin.create_topic(topic)
    with named(client, f"^{name}.*") as consumer:
        fill_and_read(consumer, [doomed, kept], 10)
        client.admin.delete_topic(doomed)
        await_topics(consumer, kept)
        consumer.commit()  # before the consumer is told
        client.admin.create_topic(doomed)
        await_topics(consumer, doomed, kept)
        consumer.commit()
        assert (stored(client, doomed), stored(client, kept)) == ({}, {0: 9})
        fill_and_read(consumer, [doomed], 5)
        client.admin.delete_topic(doomed)
        await_topics(consumer, kept)
        client.admin.create_topic(doomed)
        fill_and_read(consumer, [doomed], 7)


def test_asyncio_commits_keep_their_order(cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str) -> None:
    """Whichever is carried out first: the latest call counts. A commit beside a seek does not undo it."""
    fill(client, topic, 100)

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as other:
            settings: Any = {"start": "beginning", "consumer_id": "me", "offset_strategy": "manual"}
            async with other.consumer(topic, **settings) as consumer:
                for turn in range(30):
                    for _ in range(100):
                        assert await consumer.poll(30) is not None
                    latest = turn * 7 % 99
                    offsets = [97, 3, turn, 98, latest]
                    await asyncio.gather(consumer.commit(), *(consumer.commit_offset(0, each) for each in offsets))
                    assert stored(client, topic) == {0: latest}
                    await asyncio.gather(consumer.commit(), consumer.seek(0, 0))
                    assert (await consumer.positions())[0].position == 0

    asyncio.run(main())


def test_positions_beside_a_seek(cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str) -> None:
    """Asking for positions does not take a seek back."""
    with client.producer(topic) as producer:
        producer.send_many([b"x"] * 100)

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as other:
            async with other.consumer(topic, start="beginning") as consumer:
                for _ in range(30):
                    for _ in range(100):
                        assert await consumer.poll(20) is not None
                    await asyncio.gather(consumer.positions(), consumer.seek(0, 0))
                    assert (await consumer.positions())[0].position == 0
                    await consumer.pause(0)
                    await consumer.resume(0)

    asyncio.run(main())
