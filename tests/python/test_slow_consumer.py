"""A slow asyncio consumer: memory stays flat, and being cancelled again and again it loses nothing and leaves nothing.

60,000 records of 1 kB are sixty times what the consumer may hold, and nearly twice what memory may grow by, so that
records that are kept show in seconds. ``make test-slow`` runs it with a million, which take a minute or more.
LIBFLUVIO_RECORDS sets the number.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import libfluvio
import pytest

PROGRAM = """
import asyncio, gc, json, os, random, sys, threading
import libfluvio.aio

endpoint, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
SIZE, PACE = 1000, 500  # bytes of a value; records between two pauses of the handler
PAGE = os.sysconf("SC_PAGE_SIZE")

def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE

async def fill(client):
    async with client.producer(topic, buffer_memory=4 << 20) as producer:
        for begin in range(0, count, 10000):
            await producer.send_many(b"%*d" % (SIZE, i) for i in range(begin, min(begin + 10000, count)))

class Handler:
    def __init__(self):
        self.seen, self.levels, self.cancelled = 0, [], {"in the handler": 0, "waiting": 0}

    async def run(self, consumer):
        inside = False
        try:
            async for record in consumer:
                assert record.offset == self.seen == int(record.value), (record.offset, self.seen)
                self.seen += 1
                if self.seen % PACE == 0:
                    inside = True
                    await asyncio.sleep(0.0005)
                    inside = False
                if self.seen % (count // 50) == 0:
                    self.levels.append(memory())
        except asyncio.CancelledError:
            self.cancelled["in the handler" if inside else "waiting"] += 1
            raise

async def main():
    loop = asyncio.get_running_loop()
    async with libfluvio.aio.connect(endpoint) as client:
        await fill(client)
        empty = memory()
        before = len(loop._selector.get_map()), threading.active_count(), len(asyncio.all_tasks())
        consumer = await client.consumer(
            topic, start="beginning", prefetch_bytes=1 << 20, consumer_id="slow", offset_strategy="manual"
        )
        handler, rng, stored = Handler(), random.Random(1), True
        while handler.seen < count:
            at = handler.seen
            task = asyncio.ensure_future(handler.run(consumer))
            target = min(count, at + rng.randrange(1, count // 10))
            while handler.seen < target and not task.done():
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled(), task.exception()
            await consumer.commit()
            position = (await consumer.positions())[0]
            stored = stored and position.position == handler.seen == position.committed + 1
        # And while it waits for more.
        task = asyncio.ensure_future(handler.run(consumer))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with client.producer(topic) as producer:
            await (await producer.send(b"%d" % count))
        last = await consumer.poll(30)
        await consumer.close()
        # What was committed is where the next consumer of that name goes on: the last record was not.
        async with await client.consumer(topic, consumer_id="slow", offset_strategy="manual") as successor:
            resumed = await successor.poll(30)
        del consumer, successor, task
        gc.collect()
        batches = sum(type(each) is libfluvio.Batch for each in gc.get_objects())
        after = len(loop._selector.get_map()), threading.active_count(), len(asyncio.all_tasks())
        closed = memory()
    print(json.dumps({
        "seen": handler.seen, "stored": stored, "last": last.offset, "resumed": resumed.offset,
        "levels": handler.levels, "batches": batches,
        "empty": empty, "closed": closed, "position": position.position, "committed": position.committed,
        "left": [b - a for a, b in zip(before, after)], "cancelled": handler.cancelled,
    }))

asyncio.run(main())
"""


COUNT = int(os.environ.get("LIBFLUVIO_RECORDS", "60000"))


@pytest.mark.hang(120 + COUNT / 1000)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_slow_handler(cluster: libfluvio.DevCluster, topic: str, script: Any) -> None:
    status, output, errors = script(PROGRAM, cluster.endpoint, topic, str(COUNT))
    assert status == 0, errors
    told = json.loads(output)
    levels, empty, closed = [each >> 20 for each in told["levels"]], told["empty"] >> 20, told["closed"] >> 20
    print(
        f"\n{told['seen']} records; memory {empty} MiB before the consumer, {min(levels)} to {max(levels)}"
        f" while it read (at the end {levels[-1]}), {closed} after it was closed; cancelled {told['cancelled']},"
        f" then position {told['position']}, committed {told['committed']}; the next record was {told['last']},"
        f" and that of another consumer of this name {told['resumed']}; descriptors, threads, tasks left {told['left']}"
        f", batches {told['batches']}"
    )
    assert told["seen"] == told["last"] == told["resumed"] == COUNT and told["stored"]
    assert told["cancelled"]["waiting"] >= 1 and told["cancelled"]["in the handler"] >= 1
    assert told["batches"] == 0 and told["left"] == [0, 0, 0]
    # What comes on top of what there was is the budget and what the runtimes keep, whatever the number. The first
    # levels while it reads would be no measure: a consumer that knew no limit might hold everything by then.
    assert max(levels) < empty + 32, levels
