"""What the package has to do on every platform: plain, asyncio on each kind of event loop, the command.

A program, not a test: make test-platforms runs it with the wheel for Windows installed, under wine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from typing import List

import libfluvio
from libfluvio import aio

COUNT = 20_000


def plain(endpoint: str) -> None:
    """Records and their places, batches, commits, waits that other threads end."""
    with libfluvio.connect(endpoint) as client:
        client.admin.create_topic("plain", partitions=2)
        with client.producer("plain") as producer:
            assert producer.send(b"first", key=b"k").result(30).offset == 0
            assert len(producer.send_many(b"%d" % i for i in range(COUNT)).result(60)) == COUNT
        with client.consumer(
            "plain", start="beginning", stop_at="end", consumer_id="c", offset_strategy="manual"
        ) as consumer:
            records = [record for batch in consumer.batches() for record in batch]
            consumer.commit()
        assert len(records) == COUNT + 1 and records.count(records[0]) == 1
        assert {each.consumer_id for each in client.admin.consumer_offsets()} == {"c"}
        with client.consumer("plain") as consumer:
            threading.Timer(0.2, consumer.wakeup).start()
            try:
                consumer.poll()
                raise AssertionError("the wait was not ended")
            except libfluvio.FluvioInterruptedError:
                pass
        assert client.health().verdict == "healthy"


async def reader(consumer: aio.Consumer, found: List[int]) -> None:
    """Reads until it is cancelled."""
    async for record in consumer:
        found.append(record.offset)
        if not record.offset % 1000:
            await asyncio.sleep(0)


async def concurrent(endpoint: str, topic: str) -> None:
    """Tasks that send, read, and are cancelled while they wait; nothing is lost by that."""
    async with aio.connect(endpoint) as client:
        await client.admin.create_topic(topic)
        async with client.producer(topic) as producer, client.consumer(topic, start="beginning") as consumer:
            found: List[int] = []
            for number in range(20):
                task = asyncio.ensure_future(reader(consumer, found))
                assert (await (await producer.send(b"one by one"))).offset == number
                await asyncio.sleep(0.01 * (number % 3))
                task.cancel()
                await asyncio.wait([task])
            task = asyncio.ensure_future(reader(consumer, found))
            await (await producer.send_many(b"%d" % i for i in range(COUNT)))
            topics = await asyncio.gather(*(client.admin.topic(topic) for _ in range(20)))
            assert {each.name for each in topics} == {topic}
            while len(found) < COUNT + 20:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])
            assert found == list(range(COUNT + 20))
            try:
                await asyncio.wait_for(consumer.poll(), 0.05)
                raise AssertionError("there was nothing to read")
            except asyncio.TimeoutError:
                pass


async def cluster_of_its_own() -> None:
    """The dev cluster, started and ended by the event loop."""
    async with aio.DevCluster() as cluster, aio.connect(cluster.endpoint) as client:
        assert await client.admin.topics() == []


def command(endpoint: str) -> None:
    """The command, as a shell calls it."""

    def run(*words: str, given: str = "") -> str:
        arguments = [sys.executable, "-m", "libfluvio", *words, "--endpoint", endpoint]
        done = subprocess.run(arguments, input=given, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    topics = [json.loads(line)["name"] for line in run("topics", "list", "--json").splitlines()]
    assert "plain" in topics, topics
    run("produce", "plain", given="by the command\n")
    assert "by the command\n" in run("consume", "plain")


def main() -> None:
    """Everything, on every kind of event loop that there is."""
    with libfluvio.DevCluster(spus=2) as cluster:
        plain(cluster.endpoint)
        print("plain", flush=True)
        for kind in ("ProactorEventLoop", "SelectorEventLoop"):
            if hasattr(asyncio, kind):
                loop = getattr(asyncio, kind)()
                loop.run_until_complete(asyncio.wait_for(concurrent(cluster.endpoint, kind.lower()), 120))
                loop.run_until_complete(asyncio.wait_for(cluster_of_its_own(), 60))
                loop.close()
                print(kind, flush=True)
        command(cluster.endpoint)
    print(f"libfluvio {libfluvio.library_version()} works on {sys.platform}", flush=True)


if __name__ == "__main__":
    main()
