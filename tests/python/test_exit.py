"""The end of the program: producers and clients that are still open are closed, and dev clusters after them."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import libfluvio
import pytest


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(0)"])
def test_program_that_closes_nothing_delivers(
    script: Any, client: libfluvio.Client, topic: str, cluster: Any, end: str
) -> None:
    status, _, errors = script(
        "import sys, libfluvio\n"
        "producer = libfluvio.connect(sys.argv[1]).producer(sys.argv[2], linger_ms=60000)\n"
        f"producer.send_many([b'x'] * 1000)\n{end}",
        cluster.endpoint,
        topic,
    )
    assert status == 0, errors
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        assert len(list(consumer)) == 1000


PLAIN = """
import os, signal, sys, time, libfluvio
c = libfluvio.DevCluster(options=["--data-dir", sys.argv[1]])
k = libfluvio.connect(c.endpoint)
k.admin.create_topic("orders")
p = k.producer("orders", linger_ms=60000)
p.send(b"x")
print("sent", flush=True)
"""

AIO = """
import asyncio, os, signal, sys, time, libfluvio.aio

async def main():
    global c, k, p
    c = await libfluvio.aio.DevCluster(options=["--data-dir", sys.argv[1]])
    k = await libfluvio.aio.connect(c.endpoint)
    await k.admin.create_topic("orders")
    p = await k.producer("orders", linger_ms=60000)
    await p.send(b"x")
    print("sent", flush=True)

asyncio.run(main())
"""

CTRL_C = "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"


@pytest.mark.parametrize("source", [PLAIN, AIO], ids=["plain", "aio"])
@pytest.mark.parametrize(
    ("end", "status"),
    [("pass", 0), ("raise SystemExit(3)", 3), ("raise KeyError('x')", 1), (CTRL_C, -signal.SIGINT)],
    ids=["end", "exit", "exception", "ctrl-c"],
)
def test_the_dev_cluster_ends_last(script: Any, tmp_path: Path, source: str, end: str, status: int) -> None:
    done, output, errors = script(source + end, str(tmp_path))
    assert output == "sent\n", errors
    assert done == status, errors
    assert "at the program's end" not in errors and "ResourceWarning" not in errors
    with libfluvio.DevCluster(options=["--data-dir", str(tmp_path)]) as cluster:
        with libfluvio.connect(cluster.endpoint) as client:
            with client.consumer("orders", start="beginning", stop_at="end") as consumer:
                assert [record.value for record in consumer] == [b"x"]


def test_clients_are_closed_too(script: Any, cluster: libfluvio.DevCluster, topic: str) -> None:
    status, output, errors = script(
        "import atexit, sys, libfluvio._exit\n"
        "client = libfluvio.connect(sys.argv[1])\n"
        "producer = client.producer(sys.argv[2])\n"
        "atexit.unregister(libfluvio._exit._at_exit)\n"  # to be the one that runs after it
        "atexit.register(lambda: print(client.closed, producer.closed))\n"
        "atexit.register(libfluvio._exit._at_exit)",
        cluster.endpoint,
        topic,
    )
    assert (status, output) == (0, "True True\n"), errors


def test_a_producer_that_cannot_deliver_is_named(script: Any) -> None:
    """It takes no time from others, and the program still ends by itself."""
    status, _, errors = script(
        "import libfluvio, libfluvio._exit\n"
        "libfluvio._exit.EXIT_CLOSE = 0.3\n"
        "gone = libfluvio.DevCluster(); here = libfluvio.DevCluster()\n"
        "producers = []\n"
        "for cluster in (gone, here):\n"
        "    client = libfluvio.connect(cluster.endpoint)\n"
        "    client.admin.create_topic(f'orders-{len(producers)}')\n"
        "    producers.append(client.producer(f'orders-{len(producers)}', linger_ms=60000))\n"
        "    producers[-1].send(b'x')\n"
        "gone.close()\n"
    )
    assert status == 0
    assert "orders-0" in errors and "orders-1" not in errors
