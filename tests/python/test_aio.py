"""asyncio: the same things as the plain interface, cancellation, fairness, nothing left in the loop."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from typing import Any, AsyncIterator, Awaitable, Callable, List, Optional, Tuple, TypeVar

import libfluvio
import libfluvio.aio
import pytest
from helpers import pause, resume
from libfluvio import aio
from libfluvio.aio._loop import DescriptorWatch
from test_delivery import refuse_produce

T = TypeVar("T")
DEADLINE = 60.0


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Runs a coroutine with a deadline, and checks that it left no descriptor with the loop and no thread."""

    async def main() -> T:
        loop: Any = asyncio.get_running_loop()
        threads = threading.active_count() + 1  # the one that all clients share for their logs
        watched = len(loop._selector.get_map())
        try:
            return await asyncio.wait_for(work(), DEADLINE)
        finally:
            assert len(loop._selector.get_map()) == watched, "descriptors are left with the event loop"
            assert threading.active_count() <= threads, "there are no helper threads"

    return asyncio.run(main())


KINDS: List[Tuple[Optional[bytes], bytes]] = [
    (None, b"no key"), (b"", b"empty key"), (b"k", b""), (b"\x00\xff", "größer".encode()),
]


def test_round_trip(name: str) -> None:
    async def work() -> None:
        async with aio.DevCluster() as cluster, aio.connect(cluster.endpoint) as client:
            assert cluster.spu_endpoints and client.platform_version
            await client.admin.create_topic(name, partitions=2)
            assert [topic.name for topic in await client.admin.topics()] == [name]
            async with client.producer(name) as producer:
                deliveries = [await producer.send(value, key) for key, value in KINDS]
                reports = [await delivery for delivery in deliveries]
                group = await producer.send_many(KINDS)
                assert len(await group) == len(KINDS) and group.done()
                assert await group.exception() is None and len(await group.outcomes()) == len(KINDS)
                assert (await group[0]).topic == name and [each.done() for each in group] == [True] * len(KINDS)
                placed = await producer.send("text", "key", partition=1, timestamp=1_600_000_000_000)
                assert (await placed).partition == 1 and placed.result().partition == 1
                await producer.flush()
            async with client.consumer(name, start="beginning", stop_at="end") as consumer:
                found = [record async for record in consumer]
            at = {(record.partition, record.offset): (record.key, record.value) for record in found}
            assert [at[report.partition, report.offset] for report in reports] == KINDS
            assert len(found) == 2 * len(KINDS) + 1
            assert 1_600_000_000_000 in [record.timestamp for record in found]
            await client.admin.delete_topic(name)
            assert await client.admin.topics() == []

    run(work)


def test_without_with(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def work() -> None:
        client = await aio.connect(cluster.endpoint)
        producer = await client.producer(topic)
        consumer = await client.consumer([topic], start="beginning")
        await (await producer.send(b"x"))
        record = await consumer.poll()
        assert record is not None and record.value == b"x"
        assert await consumer.poll(0) is None
        assert await consumer.poll(0.02) is None
        await consumer.close()
        with pytest.raises(libfluvio.ClosedError):
            await consumer.poll()
        assert [record async for record in consumer] == []
        await producer.close()
        with pytest.raises(libfluvio.ClosedError):
            await producer.send(b"x")
        await client.close()
        await client.close()
        assert client.closed and "closed" in repr(client) + repr(producer) + repr(consumer)

    run(work)


def test_errors(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def work() -> None:
        with pytest.raises(libfluvio.FluvioConnectionError):
            await aio.connect("127.0.0.1:1", timeout=30)
        async with aio.connect(cluster.endpoint) as client:
            with pytest.raises(libfluvio.InvalidArgumentError):
                await client.admin.create_topic("Orders")
            with pytest.raises(libfluvio.NotFoundError):
                await client.producer("no-such-topic")
            with pytest.raises(libfluvio.NotFoundError):
                async with client.consumer("no-such-topic"):
                    pass
            async with client.producer(topic, max_request_size=10000, batch_size=5000) as producer:
                with pytest.raises(libfluvio.TooLargeError):
                    await producer.send(b"x" * 20000)
                with pytest.raises(libfluvio.TooLargeError) as caught:
                    await producer.send_many([b"x", b"x" * 20000])
                assert caught.value.details["accepted"] == "1"
            with pytest.raises(KeyError):
                async with client.producer(topic) as producer:
                    raise KeyError("the block's own")
            assert producer.closed
            async with client.consumer(topic, start="beginning", stop_at=0) as consumer:
                with pytest.raises(libfluvio.EndError):
                    await consumer.poll()

    run(work)


def test_many_records_and_fairness(cluster: libfluvio.DevCluster, topic: str) -> None:
    """A busy producer and a busy consumer let other tasks run."""

    async def work() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        async def source() -> AsyncIterator[bytes]:
            for i in range(10_000):
                yield b"%d" % i

        async with aio.connect(cluster.endpoint) as client, client.producer(topic) as producer:
            task = asyncio.ensure_future(other())
            for i in range(20_000):
                await producer.send(b"%d" % i)
            sending = turns
            assert sending > 5
            await (await producer.send_many(b"%d" % i for i in range(100_000)))
            await (await producer.send_many(source()))
            before = turns
            values: List[bytes] = []
            async with client.consumer(topic, start="beginning", stop_at="end") as consumer:
                async for record in consumer:
                    values.append(record.value)
                    if len(values) == 5000:
                        break
                batch = await consumer.poll_batch()
                assert batch is not None
                values += batch.values()
                async for batch in consumer.batches():
                    values += batch.values()
            assert turns > before + 2
            task.cancel()
        expected = [b"%d" % i for n in (20_000, 100_000, 10_000) for i in range(n)]
        assert values == expected

    run(work)


def test_cancellation_loses_nothing(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client, client.producer(topic) as producer:
            async with client.consumer(topic, start="beginning") as consumer:
                seen: List[int] = []

                async def read() -> None:
                    async for record in consumer:
                        seen.append(record.offset)
                        if record.offset % 7 == 0:
                            await asyncio.sleep(0)

                for _ in range(20):
                    await (await producer.send_many([b"x"] * 100))
                    task = asyncio.ensure_future(read())
                    for _ in range(5):
                        await asyncio.sleep(0)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                while len(seen) < 2000:
                    record = await consumer.poll(30)
                    assert record is not None
                    seen.append(record.offset)
                assert seen == list(range(2000))
                waiting = asyncio.ensure_future(consumer.poll())
                await asyncio.sleep(0.01)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting

    run(work)


@pytest.mark.parametrize("strategy", ["none", "manual"])
def test_cancelled_collecting_loses_nothing(
    cluster: libfluvio.DevCluster, topic: str, strategy: str
) -> None:
    """A poll_many that is cancelled while it waits for more gives what it had collected to the next call."""

    async def work() -> None:
        settings: Any = {"start": "beginning"}
        if strategy != "none":
            settings.update(consumer_id=topic, offset_strategy=strategy)
        async with aio.connect(cluster.endpoint) as other, other.producer(topic) as producer:
            async with other.consumer(topic, **settings) as consumer:
                await (await producer.send_many([b"x"] * 5))
                first = await consumer.poll(30)
                assert first is not None and first.offset == 0
                for _ in range(2):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(consumer.poll_many(), 0.05)
                    await (await producer.send_many([b"x"] * 2))
                    assert (await consumer.positions())[0].position == 1
                if strategy != "none":
                    await consumer.commit()
                    stored = [row.offset for row in await other.admin.consumer_offsets() if row.consumer_id == topic]
                    assert stored == [0], "only that was handed out"
                assert [record.offset for record in await consumer.poll_many(8, timeout=30)] == list(range(1, 9))

    run(work)


def test_cancelled_operations(name: str) -> None:
    """Cancelling a task cancels its request; the client goes on."""

    async def work() -> None:
        async with aio.DevCluster() as cluster, aio.connect(cluster.endpoint) as client:
            await client.admin.create_topic(name)
            producer = await client.producer(name)
            await (await producer.send(b"x"))
            pause(cluster.pid)
            delivery = await producer.send(b"late")
            tasks = [
                asyncio.ensure_future(client.admin.topics()),
                asyncio.ensure_future(_await(aio.connect(cluster.endpoint))),
                asyncio.ensure_future(_await(delivery)),
                asyncio.ensure_future(producer.flush()),
                asyncio.ensure_future(_await(client.consumer(name))),
            ]
            with pytest.raises(libfluvio.FluvioTimeoutError):
                await producer.flush(0.05)
            assert not any(task.done() for task in tasks[:2])
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled = [isinstance(result, asyncio.CancelledError) for result in results]
            assert cancelled[:2] == [True, True]
            resume(cluster.pid)
            assert (await delivery).offset == 1
            assert [topic.name for topic in await client.admin.topics()] == [name]
            await producer.close()

    run(work)


async def _await(thing: Awaitable[T]) -> T:
    return await thing


def test_back_pressure(name: str) -> None:
    async def work() -> None:
        async with aio.DevCluster() as cluster, aio.connect(cluster.endpoint) as client:
            await client.admin.create_topic(name)
            producer = await client.producer(name, buffer_memory=1 << 18, max_request_size=1 << 16)
            await (await producer.send(b"first"))
            pause(cluster.pid)
            accepted = 0
            with pytest.raises(libfluvio.QueueFullError):
                while accepted < 10_000:
                    await producer.send(b"x" * 10_000, timeout=0.3)
                    accepted += 1
            assert accepted < 10_000
            waiting = asyncio.ensure_future(producer.send_many([b"x" * 10_000] * 200))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            resume(cluster.pid)
            reports = await (await waiting)
            assert [report.offset for report in reports] == list(range(accepted + 1, accepted + 201))
            await producer.close()

    run(work)


def test_close_wakes_a_waiting_task(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client:
            consumer = await client.consumer(topic)
            waiting = asyncio.ensure_future(consumer.poll())
            looping = await client.consumer(topic)

            async def loop() -> List[Any]:
                return [record async for record in looping]

            reading = asyncio.ensure_future(loop())
            await asyncio.sleep(0.01)
            assert not waiting.done() and not reading.done()
            await consumer.close()
            with pytest.raises(libfluvio.ClosedError):
                await waiting
            await looping.close()
            assert await reading == []

    run(work)


def test_iterators_go_on_after_a_timeout(cluster: libfluvio.DevCluster, topic: str, name: str) -> None:
    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client, client.producer(topic) as producer:
            consumer = await client.consumer(topic)
            records, batches = consumer.__aiter__(), consumer.batches()
            for number in range(2):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(records.__anext__(), 0.05)
                await producer.send(b"record %d" % number)
                assert (await records.__anext__()).value == b"record %d" % number
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(batches.__anext__(), 0.05)
                await producer.send(b"batch %d" % number)
                assert (await batches.__anext__()).values() == [b"batch %d" % number]
            await consumer.close()
            for over in (records, batches):
                with pytest.raises(StopAsyncIteration):
                    await over.__anext__()
            async with client.admin.watch_topics() as watch:
                events = watch.__aiter__()
                with pytest.raises(asyncio.TimeoutError):
                    while True:
                        await asyncio.wait_for(events.__anext__(), 0.05)
                made = f"{name}-made"
                await client.admin.create_topic(made)
                while getattr((await events.__anext__()).object, "name", "") != made:
                    pass

    run(work)


class Proactor(asyncio.SelectorEventLoop):
    """An event loop that cannot watch descriptors, as the usual one of Windows."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        raise NotImplementedError


def test_loops_that_cannot_watch(cluster: libfluvio.DevCluster, topic: str) -> None:
    """Where the library's descriptors are no sockets, the loop looks now and then."""

    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client, client.producer(topic) as producer:
            async with client.consumer(topic, start="beginning") as consumer:
                for number in range(3):
                    waiting = asyncio.ensure_future(consumer.poll())
                    await asyncio.sleep(0)
                    assert (await (await producer.send(b"x"))).offset == number
                    record = await waiting
                    assert record is not None and record.offset == number

    loop = Proactor()
    loop.run_until_complete(asyncio.wait_for(work(), DEADLINE))
    loop.close()


def test_a_descriptor_that_is_read() -> None:
    """Where they are sockets, as on Windows, they are read from: only while somebody waits, and with the library's own
    left alone."""
    loop = Proactor()
    theirs, writer = socket.socketpair()

    async def work() -> None:
        called, tasks = asyncio.Event(), asyncio.all_tasks()
        watch = DescriptorWatch(loop, theirs.fileno(), called.set)
        for _ in range(3):
            with watch, watch:
                called.clear()
                writer.send(b"1")
                await called.wait()
                called.clear()
                writer.send(b"2")
                await called.wait()
        while asyncio.all_tasks() != tasks:  # the last read ends
            await asyncio.sleep(0)
        writer.send(b"3")
        assert theirs.recv(10) == b"3"  # nobody waits
        called.clear()
        with watch:
            (reading,) = asyncio.all_tasks() - tasks
            reading.cancel()  # as asyncio.run does at its end
            await called.wait()
            called.clear()
            await called.wait()  # it is still looked at
        writer.close()
        with watch:
            called.clear()
            await called.wait()
        while asyncio.all_tasks() != tasks:
            await asyncio.sleep(0)

    loop.run_until_complete(asyncio.wait_for(work(), DEADLINE))
    loop.close()
    theirs.close()


def test_several_tasks_on_one_client(cluster: libfluvio.DevCluster, wide_topic: str) -> None:
    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client:

            async def produce(me: int) -> List[libfluvio.Report]:
                async with client.producer(wide_topic) as producer:
                    group = await producer.send_many(b"%d-%d" % (me, i) for i in range(1000))
                    return await group

            seen: List[int] = []

            async def consume(partition: int) -> None:
                async with client.consumer(wide_topic, partitions=[partition], start="beginning") as consumer:
                    async for batch in consumer.batches():
                        seen.extend([partition] * len(batch))
                        if len(seen) == 4000:
                            complete.set()

            complete = asyncio.Event()
            readers = [asyncio.ensure_future(consume(i)) for i in range(5)]
            reports = await asyncio.gather(*(produce(i) for i in range(4)))
            await complete.wait()
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            sent = [report.partition for group in reports for report in group]
            assert sorted(seen) == sorted(sent)

    run(work)


def test_callbacks_and_dropped_futures(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def work() -> None:
        called: List[Any] = []
        async with aio.connect(cluster.endpoint) as client:
            async with client.producer(topic) as producer:
                (await producer.send(b"x")).add_done_callback(called.append)
                (await producer.send_many([b"y"] * 3)).add_done_callback(called.append)
                for _ in range(5000):
                    await producer.send(b"dropped")
                gc.collect()
                await producer.flush()
            assert len(called) == 2 and called[0].result().offset == 0
            with pytest.raises(libfluvio.InvalidStateError):
                async with client.producer(topic, linger_ms=60_000) as producer:
                    (await producer.send(b"z")).result()

    run(work)


def test_send_many_refuses(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def source() -> AsyncIterator[Any]:
        for _ in range(10_000):
            yield b"ok"
        yield 7

    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client, client.producer(topic) as producer:
            with pytest.raises(libfluvio.InvalidArgumentError, match="not one str"):
                await producer.send_many("hello")
            with pytest.raises(TypeError, match="record 1, .*not int.*none from 0 on"):
                await producer.send_many([b"ok", 7])  # type: ignore[list-item]
            assert (await (await producer.send(b"goes on"))).offset == 0
            with pytest.raises(TypeError, match="record 10000, .*not int"):
                await producer.send_many(source())

    run(work)


def test_failures_that_were_told_are_not_raised_again(cluster: libfluvio.DevCluster, topic: str) -> None:
    """An awaited future, result() and a callback tell."""

    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client:
            async with client.producer(topic) as producer:
                with pytest.raises(libfluvio.InvalidArgumentError):
                    await (await producer.send(b"x", partition=5))
                delivery = await producer.send(b"x", partition=5)
                while not delivery.done():
                    await asyncio.sleep(0)
                with pytest.raises(libfluvio.InvalidArgumentError):
                    delivery.result()
                await producer.flush()
                called: List[Any] = []
                (await producer.send(b"x", partition=5)).add_done_callback(called.append)
            assert len(called) == 1

    run(work)


def test_a_cancelled_wait_tells_nothing(name: str) -> None:
    async def work() -> None:
        async with aio.connect(cluster.endpoint) as client:
            await client.admin.create_topic(name)
            producer = await client.producer(name)
            pause(cluster.pid)
            delivery, group = await producer.send(b"x"), await producer.send_many([b"x"] * 3)
            tasks = [asyncio.ensure_future(_await(delivery)), asyncio.ensure_future(_await(group))]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert all(task.cancelled() for task in tasks)
            resume(cluster.pid)
            with pytest.raises(libfluvio.TooLargeError) as caught:
                await producer.close()
            assert caught.value.details["failed_records"] == "4"

    with libfluvio.DevCluster() as cluster:
        refuse_produce(cluster, 10)
        run(work)


def test_example_of_the_module(cluster: libfluvio.DevCluster, script: Any) -> None:
    assert libfluvio.aio.__doc__ is not None
    example = libfluvio.aio.__doc__.split("::\n", 1)[1].split("\n``connect``", 1)[0]
    source = "import asyncio\n" + "\n".join(line[4:] for line in example.splitlines())
    status, output, errors = script(
        source + "\nwith libfluvio.DevCluster() as cluster:\n    asyncio.run(main(cluster.endpoint))\n"
    )
    assert status == 0, errors
    assert "b'first'" in output
