"""Seek, pause, drain, positions, limits, events, patterns, groups and times, in both worlds."""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import select
import signal
import threading
import unittest.mock
from pathlib import Path
from typing import Any, Coroutine, Dict, List, Optional, Tuple

import libfluvio
import libfluvio.aio
import pytest
from helpers import await_log, pause, resume, wait_until_inside


@pytest.fixture
def numbers(client: libfluvio.Client, name: str) -> str:
    """A topic of two partitions with the records 0 to 99 in each."""
    client.admin.create_topic(name, partitions=2)
    with client.producer(name) as producer:
        for partition in range(2):
            for index in range(100):
                producer.send(str(index), partition=partition)
    return name


def offsets(records: List[libfluvio.Record], partition: int) -> List[int]:
    return [record.offset for record in records if record.partition == partition]


def test_seek(client: libfluvio.Client, numbers: str) -> None:
    with client.consumer(numbers, start="beginning", stop_at="end") as consumer:
        seen = []
        for record in consumer:
            seen.append(record)
            if len(seen) == 5:
                partition = record.partition
                consumer.seek(partition, 90)
        assert offsets(seen, 1 - partition) == list(range(100))
        assert offsets(seen, partition) == [*range(5), *range(90, 100)]
        consumer.seek(0, "end-3")  # also after the end
        assert [record.offset for record in consumer] == [97, 98, 99]
        with pytest.raises(libfluvio.EndError):
            consumer.poll()
        with pytest.raises(libfluvio.InvalidArgumentError):
            consumer.seek(2, 0)
        with pytest.raises(libfluvio.InvalidArgumentError, match="time:T"):
            consumer.seek(0, "yesterday")
        with pytest.raises(libfluvio.InvalidArgumentError, match="does not read"):
            consumer.seek(0, 0, topic="other")
        consumer.seek(0, 95)
        record = consumer.poll(30)
        with pytest.raises(libfluvio.InvalidArgumentError):
            consumer.seek(0, "end+1")
        assert record is not None
        assert [record.offset, *(each.offset for each in consumer)] == list(range(95, 100)), "nothing was changed"
        consumer.seek(1, datetime.datetime.now() - datetime.timedelta(hours=1))
        assert len(list(consumer)) == 100


def test_pause_and_positions(client: libfluvio.Client, numbers: str) -> None:
    with client.consumer(numbers, start="beginning", stop_at="end") as consumer:
        first = consumer.poll(30)
        assert first is not None
        paused = first.partition
        at = {each.partition: each for each in consumer.positions()}
        assert (at[paused].position, at[paused].lag, at[paused].high_watermark) == (1, 99, 100)
        assert (at[1 - paused].position, at[1 - paused].lag, at[1 - paused].committed) == (0, 100, None)
        consumer.pause(paused)
        rest = consumer.poll_many(100, timeout=30)
        assert offsets(rest, 1 - paused) == list(range(100)) and len(rest) == 100, "nothing of the other"
        assert consumer.poll(0.02) is None
        at = {each.partition: each for each in consumer.positions()}
        assert (at[paused].position, at[paused].paused, at[1 - paused].position) == (1, True, 100)
        consumer.resume(paused)
        assert [record.offset for record in consumer] == list(range(1, 100)), "nothing is missed, nothing comes twice"


def test_limits(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        producer.send_many([(b"k", b"%04d" % index) for index in range(100)])
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        assert len(consumer.poll_many(7, timeout=30)) == 7
        assert len(consumer.poll_many(max_bytes=24, timeout=30)) == 4, "five bytes each"
        assert len(consumer.poll_many(max_bytes=1, timeout=30)) == 1
        record = consumer.poll(30)
        assert record is not None and record.offset == 12
        assert consumer.positions()[0].position == 13
        assert [each.offset for each in consumer.poll_many(1000, timeout=30)] == list(range(13, 100))
        for _ in range(2):
            with pytest.raises(libfluvio.EndError) as ended:
                consumer.poll_many()
            assert ended.value.end_reason is consumer.end_reason is libfluvio.EndReason.REACHED
        consumer.seek(0, "end-2")
        assert len(consumer.poll_many(2, timeout=30)) == 2 and consumer.end_reason is None, "it went on elsewhere"
        with pytest.raises(libfluvio.InvalidArgumentError):
            consumer.poll_many(0)
    with client.consumer(topic) as consumer:
        assert consumer.poll_many(timeout=0.01) == []
        assert consumer.end_reason is None
        for max_bytes in (10, 1):
            consumer.seek(0, "end-2" if max_bytes == 10 else "end-1")
            found = consumer.poll_many(max_bytes=max_bytes)
            assert len(found) == (max_bytes + 4) // 5, "nothing more is waited for"
    assert consumer.end_reason is libfluvio.EndReason.CLOSED


def test_offset_for(client: libfluvio.Client, numbers: str) -> None:
    with client.consumer(numbers) as consumer:
        known = {"beginning": 0, "end": 100, "end-3": 97, 17: 17, "time:1000": 0}
        assert {position: consumer.offset_for(1, position) for position in known} == known
        future = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
        assert consumer.offset_for(0, future, topic=numbers) == 100
        for bad in ({"partition": 2, "position": "end"}, {"partition": 0, "position": "middle"}):
            with pytest.raises(libfluvio.InvalidArgumentError):
                consumer.offset_for(**bad)


def test_end_of_a_deleted_topic(client: libfluvio.Client, topic: str) -> None:
    with client.consumer(topic) as consumer:
        client.admin.delete_topic(topic)
        with pytest.raises(libfluvio.NotFoundError) as partition:
            consumer.poll(30)
        assert partition.value.end_reason is None, "that is the partition's; the stream's own end follows"
        with pytest.raises(libfluvio.NotFoundError) as stream:
            consumer.poll(30)
        assert stream.value.fatal and consumer.end_reason is libfluvio.EndReason.TOPIC_DELETED
        assert stream.value.end_reason is stream.value.copy().end_reason is consumer.end_reason


def test_drain(client: libfluvio.Client, numbers: str) -> None:
    with client.consumer(numbers, start="beginning") as consumer:
        assert consumer.poll(30) is not None
        consumer.drain()
        left = list(consumer)  # which ends
        assert len(left) < 200 and consumer.end_reason is libfluvio.EndReason.DRAINED
        with pytest.raises(libfluvio.EndError, match="drained"):
            consumer.poll()
        with pytest.raises(libfluvio.InvalidStateError):
            consumer.seek(0, 0)


def test_events(client: libfluvio.Client, numbers: str, caplog: pytest.LogCaptureFixture) -> None:
    events: List[libfluvio.ConsumerEvent] = []
    settings = {"start": 500, "offset_reset": "earliest", "partitions": [1]}
    with client.consumer(numbers, on_event=events.append, **settings) as consumer:
        assert consumer.poll(30) is not None
    assert [event.kind for event in events] == ["assigned", "offset_reset"]
    assert (events[1].topic, events[1].partition, events[1].offset, events[1].next) == (numbers, 1, 500, 0)
    assert isinstance(events[1].error, libfluvio.FluvioError)
    line = await_log(caplog, "not stored any more", f"topic={numbers}", "offset=500", "next=0")
    assert line.levelno == logging.WARNING
    with pytest.raises(libfluvio.InvalidArgumentError):
        client.consumer(numbers, on_event="print")  # type: ignore[arg-type]


def test_stored_offset_behind_the_end(
    client: libfluvio.Client, numbers: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "me" / numbers
    folder.mkdir(parents=True)
    (folder / "1.json").write_text('{"offset": 900, "modified": 1}')
    store = {"offset_store": "file", "offset_store_path": str(tmp_path), "consumer_id": "me"}
    with client.consumer(numbers, start="beginning", partitions=[1], offset_strategy="manual", **store) as consumer:
        with pytest.raises(libfluvio.OffsetEvictedError) as caught:
            consumer.poll(30)
    error = caught.value
    place = [error.details[key] for key in ("topic", "partition", "offset", "setting")]
    assert place == [numbers, "1", "901", "offset_reset"]
    assert f"{numbers}/1 at offset 901: the stored offset 900 lies behind the end of the partition, 100" in str(error)
    assert "set offset_reset to earliest or latest" in str(error)
    line = await_log(caplog, "gave up reading a partition", f"topic={numbers}", "partition=1", "the stored offset 900")
    assert line.levelno == logging.ERROR


def test_cancelled_changes(cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str) -> None:
    """A seek or pause that is cancelled has happened or not: no record of the old place comes behind the new one."""
    with client.producer(topic) as producer:
        producer.send_many(str(index) for index in range(100))

    async def next_offset(consumer: libfluvio.aio.Consumer) -> int:
        record = await consumer.poll(30)
        assert record is not None
        return record.offset

    async def cancel_when_done(consumer: libfluvio.aio.Consumer, change: Coroutine[Any, Any, None]) -> None:
        """Cancels a task whose change the library has carried out, before the loop could tell the task."""
        operations = consumer._operations
        with unittest.mock.patch.object(operations, "_drain"):  # or one that is quick is told in the step that asks
            task = asyncio.ensure_future(change)
            while not operations._waiting:
                await asyncio.sleep(0)
        assert select.select([operations._lib.queue_fd(operations._queue.address)], [], [], 60)[0]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as other:
            async with other.consumer(topic, start="beginning", stop_at="end") as consumer:
                assert await next_offset(consumer) == 0
                await cancel_when_done(consumer, consumer.seek(0, 50))
                assert await next_offset(consumer) == 50
                await cancel_when_done(consumer, consumer.pause(0))
                await consumer.resume(0)
                assert await next_offset(consumer) == 51
                task = asyncio.ensure_future(consumer.seek(0, 0))
                await asyncio.sleep(0)
                task.cancel()  # before anything was asked of the library
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert [record.offset async for record in consumer] == list(range(52, 100))

    asyncio.run(main())


class Struck:
    """The library, with a Ctrl-C that strikes as a wait for an operation begins, or as it ends."""

    def __init__(self, lib: Any, late: bool) -> None:
        self._lib, self._late, self.struck = lib, late, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lib, name)

    def op_wait(self, operation: int, timeout_ms: int, error: Any) -> int:
        if self.struck:
            return int(self._lib.op_wait(operation, timeout_ms, error))
        if self._late:
            assert self._lib.op_wait(operation, 60000, error) == 0
        self.struck = True
        raise KeyboardInterrupt


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("change", ["seek", "pause"])
def test_interrupted_changes(client: libfluvio.Client, numbers: str, change: str, late: bool) -> None:
    """A seek or pause that Ctrl-C interrupts has happened or not, and reading goes on accordingly: nothing is missed,
    nothing of the old place comes behind the new one."""
    with client.consumer(numbers, start="beginning", stop_at="end", partitions=[1]) as consumer:
        first = consumer.poll(30)
        assert first is not None and first.offset == 0
        lib = consumer._lib
        consumer._lib = Struck(lib, late)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            if change == "seek":
                consumer.seek(1, 95)
            else:
                consumer.pause(1)
        consumer._lib = lib
        position = consumer.positions()[0]
        if late:
            assert (position.position, position.paused) == ((95, False) if change == "seek" else (1, True))
        if position.paused:
            assert consumer.poll(0.02) is None
            consumer.resume(1)
        assert [record.offset for record in consumer] == list(range(position.position, 100))
        assert position.position in (1, 95)


class Freeing:
    """The library, with a note of every error that is freed."""

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self.freed: List[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lib, name)

    def error_free(self, error: Any) -> None:
        self.freed.append(error.value)
        self._lib.error_free(error)


def test_interrupted_seek_that_did_not_happen(client: libfluvio.Client, name: str) -> None:
    with libfluvio.DevCluster() as own, libfluvio.connect(own.endpoint) as other:
        other.admin.create_topic(name)
        with other.producer(name) as producer:
            producer.send_many(str(index) for index in range(10))
        with other.consumer(name, start="beginning", stop_at="end") as consumer:
            assert consumer.poll(30) is not None
            pause(own.pid)
            try:
                main = threading.main_thread()

                def strike() -> None:
                    wait_until_inside(main, "settle")
                    os.kill(os.getpid(), signal.SIGINT)

                thread = threading.Thread(target=strike)
                thread.start()
                lib = consumer._lib
                noting = Freeing(lib)
                consumer._lib = noting  # type: ignore[assignment]
                with pytest.raises(KeyboardInterrupt):
                    consumer.seek(0, "end-3")
                consumer._lib = lib
                thread.join()
                assert len(noting.freed) == 1, "the error of what was cancelled is not leaked"
            finally:
                resume(own.pid)
            assert [record.offset for record in consumer] == list(range(1, 10))


def test_patterns_and_groups(client: libfluvio.Client, name: str) -> None:
    names = [f"{name}-a", f"{name}-b"]
    for each in names:
        client.admin.create_topic(each, partitions=2)
        with client.producer(each) as producer:
            for partition in range(2):
                producer.send(f"{each}/{partition}", partition=partition)
    found: List[bytes] = []
    for member in range(2):
        with client.consumer(
            f"^{name}-.*", group_size=2, group_member=member, start="beginning", stop_at="end"
        ) as consumer:
            mine = [record.value for record in consumer]
            assert len(mine) == 2
            found += mine
            with pytest.raises(libfluvio.InvalidArgumentError, match="say which one"):
                consumer.seek(0, 0)
    assert sorted(found) == sorted(f"{each}/{partition}".encode() for each in names for partition in range(2))


def test_times(client: libfluvio.Client, numbers: str) -> None:
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    with client.consumer(numbers, start=past, stop_at="end") as consumer:
        assert len(list(consumer)) == 200
    with client.consumer(numbers, start="beginning", stop_at=past) as consumer:
        assert list(consumer) == []


def test_stores(client: libfluvio.Client, numbers: str, tmp_path: object) -> None:
    for settings in ({"offset_store": "file", "offset_store_path": str(tmp_path)}, {"offset_store": "memory"}):
        named = {"consumer_id": "me", "offset_strategy": "manual", "partitions": [0], "start": "beginning", **settings}
        with client.consumer(numbers, **named) as consumer:
            consumer.poll_many(30, timeout=30)
            consumer.commit()
            assert consumer.positions()[0].committed == 29
        with client.consumer(numbers, **named) as consumer:
            record = consumer.poll(30)
            assert record is not None and record.offset == 30


def test_reset(client: libfluvio.Client, numbers: str) -> None:
    name = f"reset-{numbers}"
    client.admin.reset_consumer_offset(name, numbers, 1, 40)
    with client.consumer(numbers, consumer_id=name, partitions=[1]) as consumer:
        record = consumer.poll(30)
        assert record is not None and record.offset == 40
    with pytest.raises(libfluvio.NotFoundError):
        client.admin.reset_consumer_offset(name, numbers, 2, "end")


def test_asyncio(cluster: libfluvio.DevCluster, numbers: str) -> None:
    async def main() -> None:
        events: List[libfluvio.ConsumerEvent] = []
        async with libfluvio.aio.connect(cluster.endpoint) as other:
            await other.admin.reset_consumer_offset("aio", numbers, 0, "end-10")
            async with other.consumer(
                numbers, start="beginning", stop_at="end", on_event=events.append
            ) as consumer:
                first = await consumer.poll(30)
                assert first is not None
                await consumer.pause(first.partition)
                rest = await consumer.poll_many(100, timeout=30)
                assert offsets(rest, 1 - first.partition) == list(range(100))
                assert await consumer.poll(0.02) is None
                await consumer.resume(first.partition)
                seen = []
                async for record in consumer:
                    seen.append(record.offset)
                    if len(seen) == 9:
                        await consumer.seek(first.partition, 95)
                assert seen == [*range(1, 10), *range(95, 100)]
                assert all(each.lag == 0 for each in await consumer.positions())
            assert {event.kind for event in events} == {"assigned"}
            async with other.consumer(numbers, start="beginning") as consumer:
                assert await consumer.poll(30) is not None
                await consumer.drain()
                assert len([record async for record in consumer]) < 200
                assert await consumer.offset_for(0, "beginning") == 0
            assert consumer.end_reason is libfluvio.EndReason.DRAINED

    asyncio.run(main())


class Shelf:
    """A store of the application's."""

    def __init__(self) -> None:
        self.offsets: Dict[Tuple[str, str, int], int] = {}
        self.failure: Optional[Exception] = None

    def load(self, consumer_id: str) -> List[Tuple[str, int, int]]:
        return [(topic, part, offset) for (owner, topic, part), offset in self.offsets.items() if owner == consumer_id]

    def save(self, consumer_id: str, offsets: List[libfluvio.ConsumerOffset]) -> None:
        if self.failure is not None:
            raise self.failure
        for each in offsets:
            assert each.consumer_id == consumer_id and each.modified > 0
            self.offsets[consumer_id, each.topic, each.partition] = each.offset


def test_own_store(cluster: libfluvio.DevCluster, client: libfluvio.Client, numbers: str) -> None:
    shelf = Shelf()
    named = {"consumer_id": "me", "partitions": [0], "start": "beginning", "offset_store": shelf}
    with client.consumer(numbers, offset_strategy="manual", **named) as consumer:
        consumer.poll_many(30, timeout=30)
        consumer.commit()
        assert shelf.offsets == {("me", numbers, 0): 29}
        consumer.poll(30)
        shelf.failure = OSError("the shelf is full")
        with pytest.raises(libfluvio.InvalidStateError, match="OSError: the shelf is full"):
            consumer.commit()
        shelf.failure = None
        assert not [each for each in client.admin.consumer_offsets() if each.topic == numbers]

    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as other:
            async with other.consumer(numbers, offset_strategy="auto", stop_at="end", **named) as consumer:
                assert [record.offset async for record in consumer] == list(range(30, 100))

    asyncio.run(main())
    assert shelf.offsets == {("me", numbers, 0): 99}, "stored at the end"
    with pytest.raises(libfluvio.InvalidArgumentError, match="offset_store"):
        client.consumer(numbers, consumer_id="me", offset_store=object())
    with pytest.raises(libfluvio.InvalidArgumentError, match="consumer_id"):
        client.consumer(numbers, offset_store=shelf)
