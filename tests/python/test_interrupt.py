"""Ctrl-C interrupts every wait. Each wait runs in a process of its own, which interrupts itself once it is waiting."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import libfluvio
import pytest
from helpers import PACKAGE, ROOT, pause, resume
from libfluvio import _library
from libfluvio._core import SLICE_MS

PROGRAM = """
import json, os, signal, socket, sys, threading, time
import libfluvio

WAIT = 100.0  # seconds every wait would take

pid = None
def pause():
    os.kill(pid, signal.SIGSTOP)
    while open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "T":
        time.sleep(0.001)

def setup(case):
    global pid
    if case == "connect":
        server = socket.create_server(("127.0.0.1", 0))
        endpoint = "127.0.0.1:%d" % server.getsockname()[1]
        globals()["server"] = server
        return lambda: libfluvio.connect(endpoint, connection_timeout_ms=60000, request_timeout_ms=60000, timeout=WAIT)
    if case == "devcluster":
        return lambda: libfluvio.DevCluster(timeout=WAIT)
    cluster = libfluvio.DevCluster()
    globals()["cluster"] = cluster
    pid = cluster.pid
    client = libfluvio.connect(cluster.endpoint)
    globals()["client"] = client
    client.admin.create_topic("orders")
    if case in ("poll", "iterate", "batches"):
        consumer = client.consumer("orders")
        return {
            "poll": lambda: consumer.poll(WAIT),
            "iterate": lambda: list(consumer),
            "batches": lambda: list(consumer.batches()),
        }[case]
    producer = client.producer("orders", buffer_memory=1 << 18, max_request_size=1 << 16)
    producer.send(b"x").result(30)
    pause()
    delivery, group = producer.send(b"y"), producer.send_many([b"y"] * 10)
    def fill():
        while True:
            producer.send(b"x" * 10000, timeout=WAIT)
    return {
        "topics": lambda: client.admin.topics(timeout=WAIT),
        "create_topic": lambda: client.admin.create_topic("other", timeout=WAIT),
        "result": lambda: delivery.result(WAIT),
        "group": lambda: group.result(WAIT),
        "flush": lambda: producer.flush(WAIT),
        "close": lambda: producer.close(WAIT),
        "client_close": lambda: client.close(WAIT),
        "send": fill,
        "send_many": lambda: producer.send_many([b"x" * 10000] * 100000, timeout=WAIT),
    }[case]

wait = setup(sys.argv[1])
struck = []

def strike(inside, main=threading.main_thread().ident):
    # The wait has begun when the main thread has been inside one and the same call of the package for a while.
    seen = 0
    while seen < 100:
        frame, found = sys._current_frames()[main], False
        while frame is not None:
            found = found or (frame.f_code.co_name in inside and "libfluvio" in frame.f_code.co_filename)
            frame = frame.f_back
        seen = seen + 1 if found else 0
        time.sleep(0.002)
    struck.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

thread = threading.Thread(target=strike, args=(sys.argv[2].split(","),), daemon=True)
thread.start()
outcome = "returned"
try:
    wait()
except KeyboardInterrupt:
    outcome = "KeyboardInterrupt"
took = time.monotonic() - struck[0] if struck else -1
print(json.dumps({"outcome": outcome, "seconds": took}), flush=True)
if pid is not None:
    os.kill(pid, signal.SIGKILL)
os._exit(0)
"""

CASES: Dict[str, str] = {
    "connect": "finish",
    "topics": "finish",
    "create_topic": "finish",
    "flush": "finish",
    "close": "finish",
    "client_close": "finish",
    "poll": "_take",
    "iterate": "_take",
    "batches": "_take",
    "result": "wait",
    "group": "wait",
    "send": "_attempt",
    "send_many": "_attempt",
    "devcluster": "__init__",
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_ctrl_c(case: str, tmp_path: Path, record_property: Any) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    if case == "devcluster":
        mute = tmp_path / "fluvio-devcluster"
        mute.write_text("#!/bin/sh\nexec sleep 100\n")
        mute.chmod(0o755)
        environment["LIBFLUVIO_DEVCLUSTER"] = str(mute)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, case, CASES[case]],
        env=environment, capture_output=True, text=True, timeout=250, check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    print(f"{case}: interrupted after {report['seconds'] * 1000:.0f} ms")
    record_property("milliseconds", report["seconds"] * 1000)
    assert report["outcome"] == "KeyboardInterrupt"
    assert 0 <= report["seconds"] < 10, "the wait itself would have taken 100 s"


@pytest.fixture
def own_cluster() -> Iterator[libfluvio.DevCluster]:
    """A cluster that the test stops."""
    with libfluvio.DevCluster() as cluster:
        yield cluster
        resume(cluster.pid)


def test_interrupted_wait_loses_nothing(own_cluster: libfluvio.DevCluster) -> None:
    """The application goes on after Ctrl-C: reports and records that came meanwhile are there."""
    with libfluvio.connect(own_cluster.endpoint) as client:
        client.admin.create_topic("orders")
        producer = client.producer("orders")
        producer.send(b"first").result(30)
        with client.consumer("orders", start="beginning") as consumer:
            first = consumer.poll(30)
            assert first is not None and first.value == b"first"
            pause(own_cluster.pid)
            delivery = producer.send(b"second")
            signal.signal(signal.SIGALRM, interrupt)
            for wait in (delivery.result, producer.flush, consumer.poll):
                with pytest.raises(KeyboardInterrupt):
                    signal.setitimer(signal.ITIMER_REAL, 0.05)
                    wait()
            resume(own_cluster.pid)
            assert delivery.result(30).offset == 1
            batch = consumer.poll_batch(30)
            assert batch is not None and batch.values() == [b"second"]
            consumer._put_back([batch])  # so that it is collected for certain before the interrupt
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                consumer.poll_many()
            assert [record.value for record in consumer.poll_many(1, timeout=30)] == [b"second"]
        producer.close()


def interrupt(*_: Any) -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


WAITS = {
    "op_wait": 1, "queue_poll": 1, "consumer_poll": 1, "producer_send": 6, "producer_send_batch": 3,
    "producer_send_columns": 7, "producer_send_blocks": 6,
}
"""The functions that wait in their caller's thread, and the place of the milliseconds among their arguments."""


def test_the_waits_are_all_known() -> None:
    """Of the functions that this package calls with a time, those that start operations return at once; all others are
    in the table above."""
    package = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "libfluvio").rglob("*.py"))
    called = set(re.findall(r"\blib\.(\w+)", package)) | set(re.findall(r"\b_lib\.(\w+)", package))
    header = (ROOT / "include" / "fluvio.h").read_text(encoding="utf-8")
    declared = re.findall(r"\bfluvio_(\w+)\(([^;{]*?)\)[^;{]*;", header, re.S)
    waiting = {
        name: [each.split()[-1] for each in arguments.split(",")].index(word)
        for name, arguments in declared
        for word in ("timeout_ms", "wait_ms")
        if word in arguments.replace(",", " ").split() and name in called
    }
    assert {name: at for name, at in waiting.items() if not name.endswith("_async")} == WAITS


def test_no_wait_is_longer_than_a_slice(
    own_cluster: libfluvio.DevCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python sees Ctrl-C between calls, so no call of the main thread may be longer than that, whatever the timeout."""
    asked: Dict[str, List[int]] = {name: [] for name in WAITS}
    lib, main = _library.load(), threading.get_ident()

    def watched(name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            if threading.get_ident() == main:
                asked[name].append(arguments[WAITS[name]])
            return function(*arguments)

        return call

    for name in WAITS:
        monkeypatch.setattr(lib, name, watched(name, getattr(lib, name)))
    monkeypatch.delattr(select, "poll")  # so that reports are waited for by the library, as on Windows
    client = libfluvio.connect(own_cluster.endpoint)
    client.admin.create_topic("orders")
    producer = client.producer("orders", buffer_memory=1 << 17, max_request_size=1 << 16)
    consumer = client.consumer("orders", start="end")
    wait = 0.25
    assert consumer.poll(wait) is None and consumer.poll_batch(wait) is None and consumer.poll_many(timeout=wait) == []
    pause(own_cluster.pid)
    delivery, group = producer.send(b"x"), producer.send_many([b"x"])
    for call in (
        lambda: delivery.result(wait),
        lambda: group.result(wait),
        lambda: producer.flush(wait),
        lambda: client.admin.topics(timeout=wait),
        lambda: [producer.send(b"x" * 10000, timeout=wait) for _ in range(100)],
        lambda: producer.send_many([b"x" * 10000] * 100, timeout=wait),
        lambda: producer.send_many((b"x" * 10000 for _ in range(100)), timeout=wait),
        lambda: producer.send(b"x" * 10000, partition=0, timeout=wait),
        lambda: client.close(wait),
    ):
        with pytest.raises((libfluvio.FluvioTimeoutError, libfluvio.QueueFullError)):
            call()
    for name, times in asked.items():
        assert times and max(times) > 10, f"{name} was not waited in"
        assert all(0 <= each <= SLICE_MS for each in times), f"{name} waits {max(times)} ms"
