"""Faults of a cluster as a Python program meets them: health, events, and a table of faults after which all is well."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

import libfluvio
import libfluvio.aio
import pytest
from helpers import PACKAGE, control, pause, resume

QUICK: Dict[str, Any] = {
    "retry_backoff_ms": 1,
    "retry_backoff_max_ms": 20,
    "breaker_reset_ms": 50,
    "request_timeout_ms": 2000,
}
"""Settings of a client that does not wait long before it tries again."""


class Diary:
    """Keeps a client's events."""

    def __init__(self) -> None:
        self.events: List[libfluvio.ClientEvent] = []
        self._more = threading.Condition()

    def __call__(self, event: libfluvio.ClientEvent) -> None:
        with self._more:
            self.events.append(event)
            self._more.notify_all()

    def wait(self, kind: str, start: int = 0) -> int:
        """Waits for an event from a place on, and gives the place behind it."""

        def place() -> Optional[int]:
            return next((i + 1 for i, e in enumerate(self.events) if i >= start and e.kind == kind), None)

        with self._more:
            assert self._more.wait_for(lambda: place() is not None, 60), self.events
            found = place()
        assert found is not None
        return found


@pytest.fixture
def own() -> Iterator[libfluvio.DevCluster]:
    """A cluster for one test alone."""
    with libfluvio.DevCluster(spus=2) as cluster:
        yield cluster


def test_health(own: libfluvio.DevCluster) -> None:
    diary, opened = Diary(), threading.Event()

    def look(stats: libfluvio.ClientStats) -> None:
        if any(breaker.endpoint == own.endpoint and breaker.state != "closed" for breaker in stats.breakers):
            opened.set()

    tell: Dict[str, Any] = {"on_event": diary, "on_stats": look, "statistics_interval_ms": 10}
    with libfluvio.connect(own.endpoint, breaker_failures=2, **tell, **QUICK) as client:
        health = client.health(timeout=30)
        assert (health.verdict, health.reasons, health.metadata_error) == ("healthy", [], None)
        assert health.sc.address == own.endpoint and health.sc.reachable and health.sc.rtt
        assert [spu.id for spu in health.spus] == [5001, 5002]
        assert all(spu.reachable and spu.online and spu.rtt and spu.breaker == "closed" for spu in health.spus)
        assert health.platform_version == client.platform_version
        assert health.client_version == libfluvio.library_version()
        assert health.metadata_age is not None and health.metadata_age >= 0

        control(own, "POST", "sc/stop")
        at = diary.wait("retry")
        diary.wait("breaker_opened", at)
        assert opened.wait(60), "statistics come beside events"
        health = client.health(timeout=30)
        assert health.verdict == "degraded"
        assert health.sc.error and health.sc.rtt is None and health.metadata_error
        control(own, "POST", "spu/5001/stop")
        control(own, "POST", "spu/5002/stop")
        assert client.health(timeout=30).verdict == "down"
        for verb in ("spu/5001/start", "spu/5002/start", "sc/start"):
            control(own, "POST", verb)
        diary.wait("recovered", at)
        assert client.health(timeout=30).verdict == "healthy"
    with pytest.raises(libfluvio.ClosedError):
        client.health()
    kinds = [event.kind for event in diary.events]
    assert kinds[0] == "connected"
    assert {"lost", "retry", "recovered"} <= set(kinds)
    lost = next(event for event in diary.events if event.kind == "lost")
    assert lost.address == own.endpoint and isinstance(lost.error, libfluvio.FluvioConnectionError)


def test_health_for_asyncio(own: libfluvio.DevCluster) -> None:
    async def main() -> None:
        events: List[libfluvio.ClientEvent] = []
        async with libfluvio.aio.connect(own.endpoint, on_event=events.append) as client:
            assert (await client.health(timeout=30)).verdict == "healthy"
            while not events:
                await asyncio.sleep(0.001)
            assert events[0].kind == "connected"

    asyncio.run(main())


def test_health_of_a_stopped_process(own: libfluvio.DevCluster) -> None:
    """Whoever accepts connections and does not answer is not reachable, and health says so by its deadline."""
    with libfluvio.connect(own.endpoint, **QUICK) as client:
        assert client.health().verdict == "healthy"
        pause(own.pid)
        try:
            health = client.health(timeout=0.2)
        finally:
            resume(own.pid)
        assert health.verdict == "down"
        assert health.sc.error and "timed out" in health.sc.error
        assert client.health().verdict == "healthy"


def test_consumer_events_wait_within_bounds(own: libfluvio.DevCluster) -> None:
    """While an application does not come for records, no more than 10,000 events wait for it; then it hears how many
    were dropped."""
    told: List[libfluvio.ConsumerEvent] = []
    with libfluvio.connect(own.endpoint, **{**QUICK, "retry_backoff_max_ms": 5, "breaker_reset_ms": 5}) as client:
        client.admin.create_topic("disturbed", partitions=50)
        with client.consumer("disturbed", on_event=told.append) as consumer:
            for verb in ("spu/5001/stop", "spu/5002/stop"):
                control(own, "POST", verb)
            while client.stats().consumers[0].retries < 12000:
                time.sleep(0.01)
            while not any(event.dropped for event in told):
                assert consumer.poll(0.01) is None
    first = next(i for i, event in enumerate(told) if event.dropped)
    assert first == 10000 and told[first].dropped > 2000
    assert [event.kind for event in told[:50]] == ["assigned"] * 50


def test_client_before_its_cluster(own: libfluvio.DevCluster) -> None:
    control(own, "POST", "sc/stop")
    with pytest.raises(libfluvio.FluvioConnectionError) as caught:
        libfluvio.connect(own.endpoint, max_retries=1, **QUICK)
    assert caught.value.details["retries"] == "1"
    diary = Diary()
    with libfluvio.connect(own.endpoint, validate_on_connect=False, on_event=diary, **QUICK) as client:
        with pytest.raises(libfluvio.FluvioTimeoutError, match="metadata"):
            client.admin.topics(timeout=0.05)
        diary.wait("retry")
        control(own, "POST", "sc/start")
        client.admin.create_topic("t", timeout=30)


def test_shared_connections(own: libfluvio.DevCluster) -> None:
    first = libfluvio.connect(own.endpoint, share_connections=True)
    with libfluvio.connect(own.endpoint, share_connections=True) as second:
        first.admin.create_topic("t")
        first.close()
        with second.producer("t") as producer:
            assert producer.send(b"v").result(30).offset == 0


Rule = Dict[str, Any]


def rule(api: str, action: Rule, on: str = "", count: int = 2, skip: int = 1) -> List[Tuple[str, str, Optional[Rule]]]:
    """A fault for some requests."""
    body: Rule = {"api": api, "count": count, "skip": skip, "action": action}
    if on:
        body["on"] = on
    return [("POST", "faults", body)]


def verbs(*names: str) -> List[Tuple[str, str, Optional[Rule]]]:
    """Verbs of the control port, one after the other."""
    return [("POST", name, None) for name in names]


FAULTS: Dict[str, List[Tuple[str, str, Optional[Rule]]]] = {
    "produce refused": rule("Produce", {"kind": "error", "code": 6}),
    "produce delayed": rule("Produce", {"kind": "delay", "delay_ns": 20_000_000}),
    "produce cut": rule("Produce", {"kind": "cut", "bytes": 50}, "request"),
    "answer cut": rule("Produce", {"kind": "cut", "bytes": 7}, "answer"),
    "answer lost": rule("Produce", {"kind": "close"}, "answer"),
    "answer to nobody": rule("Produce", {"kind": "wrong_correlation"}, count=1),
    "connection closed": rule("Produce", {"kind": "close"}, "request"),
    "stream closed": rule("StreamFetch", {"kind": "close"}, "answer"),
    "stream cut": rule("StreamFetch", {"kind": "cut", "bytes": 30}, "answer"),
    "stream refused": rule("StreamFetch", {"kind": "error", "code": 6}, "answer"),
    "SPU restarts": verbs("spu/5001/stop", "spu/5001/start"),
    "SPU comes back elsewhere": verbs("spu/5001/stop", "spu/5001/start-elsewhere"),
    "leaders move": [("POST", f"topics/t/{partition}/leader", {"spu": 5001 + partition}) for partition in (0, 1, 1, 0)]
    + [("POST", f"topics/t/{partition}/leader", {"spu": 5002 - partition}) for partition in (0, 1)],
    "partitions are added": [("POST", "topics/t/partitions", {"count": 2})],
    "answer twice": rule("Produce", {"kind": "repeat"}),
    "answer stalls": rule("Produce", {"kind": "stall", "bytes": 7}, count=1),
    "SC restarts": verbs("sc/stop", "sc/start"),
    "all restart": verbs(*(f"{who}/{what}" for what in ("stop", "start") for who in ("sc", "spu/5001", "spu/5002"))),
    "snapshots anew": verbs("sc/resync"),
}
"""What is done to the cluster while records are on their way. Every one of them passes."""

LOSES_ANSWERS = {"answer cut", "answer lost", "answer to nobody", "answer stalls", "SPU restarts",
                 "SPU comes back elsewhere", "leaders move", "all restart"}
"""Faults after which records may stand twice."""


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(own: libfluvio.DevCluster, fault: str) -> None:
    """Every record is acknowledged, is found where that was said, in the order of sending, and nothing stands twice
    without a reason."""
    with libfluvio.connect(own.endpoint, **QUICK) as client:
        client.admin.create_topic("t", partitions=2)
        reports = []
        with client.producer("t") as producer, client.consumer("t", start="beginning") as consumer:
            for number in range(40):
                if number == 10:
                    for step in FAULTS[fault]:
                        control(own, *step)
                partition = number % 2
                reports.append((partition, producer.send(b"%03d" % number, partition=partition)))
                if number % 5 == 0:
                    producer.flush(60)
            producer.flush(60)
            wanted = {
                (partition, report.result(60).offset): b"%03d" % n for n, (partition, report) in enumerate(reports)
            }
            assert len(wanted) == 40, "two records are said to stand at the same place"
            found: Dict[Tuple[int, int], bytes] = {}
            last = {0: -1, 1: -1}
            while not wanted.keys() <= found.keys():
                record = next(iter(consumer))
                assert record.offset == last[record.partition] + 1
                last[record.partition] = record.offset
                found[record.partition, record.offset] = bytes(record.value)
        for place, value in wanted.items():
            assert found[place] == value
        if fault not in LOSES_ANSWERS:
            assert len(found) == 40, "records stand twice"
        for partition in (0, 1):
            firsts = list(dict.fromkeys(value for (p, _), value in sorted(found.items()) if p == partition))
            assert firsts == sorted(firsts)


def test_topic_in_use_is_deleted(own: libfluvio.DevCluster) -> None:
    """Who writes and who reads is told so, once for every partition; other topics go on."""
    with libfluvio.connect(own.endpoint, **QUICK) as client:
        for topic in ("t", "stays"):
            client.admin.create_topic(topic, partitions=2)
        with client.producer("t") as producer, client.consumer("t", start="beginning") as consumer:
            producer.send(b"v", partition=0).result(60)
            assert next(iter(consumer)).value == b"v"
            control(own, "DELETE", "topics/t")
            with pytest.raises(libfluvio.NotFoundError, match="t/1"):
                while True:
                    producer.send(b"v", partition=1).result(60)
            gone = set()
            while len(gone) < 2:
                try:
                    next(iter(consumer))
                except libfluvio.NotFoundError as error:
                    assert error.details["partition"] not in gone
                    gone.add(error.details["partition"])
            with client.producer("stays") as other:
                assert other.send(b"v").result(60).offset == 0


def test_black_hole() -> None:
    """Where packets vanish, the connection timeout ends the wait, and the error says so."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):  # they fill the queue of connections that nobody accepts; the kernel drops what comes then
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        with pytest.raises(libfluvio.FluvioTimeoutError, match="waiting for a TCP connection") as caught:
            libfluvio.connect("%s:%d" % server.getsockname()[:2], connection_timeout_ms=200, timeout=30)
        assert caught.value.details["setting"] == "connection_timeout_ms"
        assert 150 <= int(caught.value.details["waited_ms"]) < 20000


def test_cluster_that_hangs(own: libfluvio.DevCluster) -> None:
    """A process that is stopped keeps its connections. It is noticed by what does not come, and all goes on when it
    does."""
    diary = Diary()
    settings = {**QUICK, "request_timeout_ms": 300, "connection_timeout_ms": 300}
    with libfluvio.connect(own.endpoint, on_event=diary, **settings) as client:
        client.admin.create_topic("t")
        with client.producer("t") as producer, client.consumer("t", start="beginning") as consumer:
            producer.send(b"0").result(60)
            pause(own.pid)
            try:
                waiting = producer.send(b"1")
                at = diary.wait("lost")
                at = diary.wait("retry", at - 1)
                opened = diary.wait("breaker_opened", at)
                assert client.health(timeout=0.2).verdict == "down"
                assert not waiting.done()
            finally:
                resume(own.pid)
            diary.wait("recovered", opened)
            waiting.result(60)
            producer.send(b"2").result(60)
            values = []
            while b"2" not in values:
                values.append(bytes(next(iter(consumer)).value))
    assert list(dict.fromkeys(values)) == [b"0", b"1", b"2"]
    lost = next(event for event in diary.events if event.kind == "lost")
    assert isinstance(lost.error, libfluvio.FluvioTimeoutError)
    kinds = [event.kind for event in diary.events]
    assert kinds.index("connected") < kinds.index("lost") < kinds.index("breaker_opened") < kinds.index("recovered")


SLEEPER = """
import sys, time, libfluvio
settings = dict(retry_backoff_ms=1, retry_backoff_max_ms=20, breaker_reset_ms=50, request_timeout_ms=300)
events = []
with libfluvio.connect(sys.argv[1], on_event=events.append, **settings) as client:
    with client.producer("t") as producer, client.consumer("t", start="beginning") as consumer:
        got = []
        for number in range(300):
            producer.send(b"%d" % number)
            if number == 100:
                print("half", flush=True)
                sys.stdin.readline()
        producer.flush(60)
        for record in consumer:
            got.append(int(record.value))
            if got[-1] == 299:
                break
        assert list(dict.fromkeys(got)) == list(range(300)), got
        while client.health(timeout=30).verdict != "healthy":
            pass  # records flow before the metadata's watch is back
        late = time.monotonic() + 60
        while sys.argv[2] == "restart" and "recovered" not in [e.kind for e in events]:
            assert time.monotonic() < late, events  # it is told of behind that
            time.sleep(0.001)
kinds = [e.kind for e in events if e.address == sys.argv[1]]
assert kinds[0] == "connected", kinds
if sys.argv[2] == "restart":
    # A loss is told of by whoever reads the connection, a new attempt by whoever needs it: either may be first.
    between = kinds[1 : kinds.index("recovered")]
    assert "lost" in kinds[1:] and "retry" in between, kinds
    assert "connected" in between[between.index("retry") :], kinds
print("well", flush=True)
"""


@pytest.mark.parametrize("meanwhile", ["nothing", "restart"])
def test_client_that_sleeps(own: libfluvio.DevCluster, meanwhile: str) -> None:
    """A program that is stopped for longer than its timeouts, as by a laptop that is closed, goes on where it was, also
    when its connections did not survive. Then its events say so in their order."""
    with libfluvio.connect(own.endpoint) as client:
        client.admin.create_topic("t")
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER, own.endpoint, meanwhile],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin and program.stdout
        assert program.stdout.readline() == "half\n"
        pause(program.pid)
        if meanwhile == "restart":
            for step in FAULTS["all restart"]:
                control(own, *step)
        time.sleep(1)  # longer than its timeouts
        resume(program.pid)
        program.stdin.write("\n")
        program.stdin.flush()
        assert program.stdout.readline() == "well\n"
    assert program.returncode == 0
