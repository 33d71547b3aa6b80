"""One consumer, many subscribers: what a web-socket server does, over plain TCP, a line per record.

    python fan_out.py TOPIC [ENDPOINT]       # prints the port; connect with: nc 127.0.0.1 PORT

Every subscriber has a queue of its own. One that does not read loses its oldest lines and is told how many, and holds
nobody up. Without an endpoint it runs a dev cluster, with three subscribers and a producer, and ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from typing import Deque, Set

from libfluvio import aio

KEPT = 1000
"""Lines that wait for a subscriber, at most."""


class Subscriber:
    """A connection, and what waits for it."""

    def __init__(self) -> None:
        self._lines: Deque[bytes] = deque(maxlen=KEPT)
        self._missed = 0
        self._there = asyncio.Event()

    def give(self, line: bytes) -> None:
        """Never waits."""
        self._missed += len(self._lines) == KEPT
        self._lines.append(line)
        self._there.set()

    async def take(self) -> bytes:
        """All that waits, when there is something."""
        await self._there.wait()
        self._there.clear()
        missed, self._missed = self._missed, 0
        lines = [*self._lines]
        self._lines.clear()
        return b"".join([b"# %d lines are missing here\n" % missed] * (missed > 0) + lines)


class FanOut:
    """The subscribers."""

    def __init__(self) -> None:
        self._all: Set[Subscriber] = set()
        self.following = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one subscriber until the connection ends."""
        subscriber = Subscriber()
        self._all.add(subscriber)
        try:
            writer.write(b"# welcome\n")
            while not reader.at_eof():
                writer.write(await subscriber.take())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._all.discard(subscriber)
            writer.close()

    async def follow(self, client: aio.Client, topic: str) -> None:
        """Gives every new record to all subscribers."""
        async with client.consumer(topic, start="end") as consumer:
            self.following.set()  # what is written from now on is read
            async for batch in consumer.batches():
                for value in batch.values():
                    for subscriber in self._all:
                        subscriber.give(value + b"\n")


async def show(fan_out: FanOut, port: int, client: aio.Client, topic: str) -> None:
    """Three subscribers, and a producer."""
    await fan_out.following.wait()
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    for reader, _ in connections:
        await reader.readline()
    async with client.producer(topic) as producer:
        await producer.send_many(b"price %d" % i for i in range(5))
    for number, (reader, writer) in enumerate(connections):
        lines = [(await reader.readline()).decode().strip() for _ in range(5)]
        print(f"subscriber {number}: {', '.join(lines)}")
        writer.close()


async def main() -> None:
    topic, *rest = sys.argv[1:]
    async with contextlib.AsyncExitStack() as stack:
        endpoint = rest[0] if rest else (await stack.enter_async_context(aio.DevCluster())).endpoint
        client = await stack.enter_async_context(aio.connect(endpoint))
        if not rest:
            await client.admin.create_topic(topic)
        fan_out = FanOut()
        server = await asyncio.start_server(fan_out.serve, "127.0.0.1", 0)
        stack.callback(server.close)  # "async with server" waits, since Python 3.12, until all subscribers have gone
        port = server.sockets[0].getsockname()[1]
        print("port", port, flush=True)
        following = asyncio.ensure_future(fan_out.follow(client, topic))
        try:
            await (asyncio.shield(following) if rest else show(fan_out, port, client, topic))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
