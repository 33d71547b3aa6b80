"""The dev cluster's process: what it tells, and that it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import re
import signal
import socket
from pathlib import Path
from typing import Any

import libfluvio
import libfluvio.aio
import pytest

ADDRESS = r"127\.0\.0\.1:\d+"


def alive(pid: int) -> bool:
    """Whether a process that is not our child any more still runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_addresses() -> None:
    with libfluvio.DevCluster(spus=3) as cluster:
        assert re.fullmatch(ADDRESS, cluster.endpoint)
        assert len(set(cluster.spu_endpoints)) == 3
        assert all(re.fullmatch(ADDRESS, each) for each in cluster.spu_endpoints)
        assert re.fullmatch("http://" + ADDRESS, cluster.control_url)
        assert cluster.endpoint in repr(cluster)
        pid = cluster.pid
        assert alive(pid)
    assert not alive(pid)
    cluster.close()


def free_port() -> int:
    """One that the system does not give to those who ask for any, of whom there may be some before it is used."""
    while True:
        with contextlib.suppress(OSError):
            with socket.create_server(("127.0.0.1", random.randrange(12000, 32000))) as server:
                return int(server.getsockname()[1])


def test_fixed_port_and_options(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    options = ["--data-dir", str(tmp_path)]
    for expected in (0, 1):
        with libfluvio.DevCluster(listen=listen, options=options) as cluster:
            assert cluster.endpoint == listen
            with libfluvio.connect(listen) as client:
                if expected == 0:
                    client.admin.create_topic("orders")
                with client.producer("orders") as producer:
                    assert producer.send(b"x").result(30).offset == expected, "the folder keeps records"


def test_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        listen = "127.0.0.1:%d" % server.getsockname()[1]
        with pytest.raises(libfluvio.FluvioConnectionError, match="address already in use") as caught:
            libfluvio.DevCluster(listen=listen)
        assert listen in str(caught.value) and not caught.value.retriable

        async def start() -> None:
            await libfluvio.aio.DevCluster(listen=listen)

        with pytest.raises(libfluvio.FluvioConnectionError, match="address already in use"):
            asyncio.run(start())


def test_wrong_option() -> None:
    with pytest.raises(libfluvio.FluvioConnectionError, match="no-such-option"):
        libfluvio.DevCluster(options=["--no-such-option"])


def test_program_that_never_gets_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mute = tmp_path / "fluvio-devcluster"
    mute.write_text("#!/bin/sh\nexec sleep 100\n")
    mute.chmod(0o755)
    monkeypatch.setenv("LIBFLUVIO_DEVCLUSTER", str(mute))
    with pytest.raises(libfluvio.FluvioTimeoutError, match="first line"):
        libfluvio.DevCluster(timeout=0.2)

    async def start() -> None:
        await libfluvio.aio.DevCluster(timeout=0.2)

    with pytest.raises(libfluvio.FluvioTimeoutError, match="first line"):
        asyncio.run(start())


def test_program_that_does_not_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is ended by force, without a wait that the event loop could not go on in."""
    deaf = tmp_path / "fluvio-devcluster"
    ready = '{"ready": true, "sc": "127.0.0.1:1", "spus": [], "control": "http://127.0.0.1:2"}'
    deaf.write_text(f"#!/bin/sh\ntrap '' TERM\necho '{ready}'\nexec sleep 100\n")
    deaf.chmod(0o755)
    monkeypatch.setenv("LIBFLUVIO_DEVCLUSTER", str(deaf))
    monkeypatch.setattr(libfluvio.aio._devcluster, "STOP_TIMEOUT", 0.1)
    monkeypatch.setattr(libfluvio._devcluster, "STOP_TIMEOUT", 10_000)  # of the wait that holds everything up

    async def start_and_close() -> int:
        cluster = await libfluvio.aio.DevCluster()
        await cluster.close()
        assert cluster._process is not None
        return cluster._process.wait()

    assert asyncio.run(start_and_close()) == -signal.SIGKILL


def test_garbage_collection_ends_it() -> None:
    cluster = libfluvio.DevCluster()
    pid = cluster.pid
    del cluster
    gc.collect()
    assert not alive(pid)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see other processes")
@pytest.mark.parametrize("end", ["pass", "os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_it_dies_with_its_parent(script: Any, end: str) -> None:
    """However the parent ends; the pipe to the program is what tells it."""
    _, output, errors = script(
        "import os, signal, sys, libfluvio\n"
        f"cluster = libfluvio.DevCluster(); print(cluster.pid, flush=True)\n{end}"
    )
    assert output, errors
    pid = int(output)
    while alive(pid):  # the deadline of every test ends this loop
        os.sched_yield()


def test_forked_child_does_not_keep_it_alive(script: Any) -> None:
    status, output, errors = script(
        "import os, signal, libfluvio\n"
        "cluster = libfluvio.DevCluster()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.close(1); os.close(2); signal.pause()\n"
        "print(cluster.pid, child, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert output, errors
    pid, child = map(int, output.split())
    try:
        while alive(pid):
            os.sched_yield()
        assert alive(child)
    finally:
        os.kill(child, signal.SIGKILL)
