"""Values that the library reads where the interpreter keeps them, and copies where it does not know where that is."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
from types import SimpleNamespace
from typing import Any, List

import libfluvio
import pytest
from helpers import pause, resume, wait_until_inside
from libfluvio import _layout, _packing, _producer, aio
from libfluvio._layout import LAYOUT, Layout

SAMPLES = tuple(bytes(range(size)) for size in (0, 1, 7, 8, 200))


@pytest.fixture(params=["where they are", "copied"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Tests that ask for this run both ways."""
    if request.param == "copied":
        monkeypatch.setattr(_packing, "LAYOUT", None)
        monkeypatch.setattr(_producer, "LAYOUT", None)
    return str(request.param)


class Bytes(bytes):
    """Bytes that tell another length."""

    def __len__(self) -> int:
        return 1000


class Text(str):
    """Text that encodes itself as something else."""

    def encode(self, *_: Any) -> Any:
        return self


class Claims(type):
    """Classes that say they are equal to any other."""

    def __eq__(cls, other: object) -> bool:
        return True

    __hash__ = type.__hash__


class Claim(metaclass=Claims):
    """What is not bytes, but of a class that is equal to theirs."""


VALUES: List[Any] = [
    *SAMPLES,
    b"x" * 100_000,
    *(b"%d" % number * (number % 50) for number in range(3 * _packing.BLOCKS)),
    Bytes(b"of a class of its own"),
    "text",
    Text("of another class"),
]


def read(client: libfluvio.Client, topic: str) -> List[bytes]:
    """All values."""
    with client.consumer(topic, start="beginning", stop_at="end") as consumer:
        return [value for batch in consumer.batches() for value in batch.values()]


def raw(value: Any) -> bytes:
    """A value as it is stored."""
    return str.encode(value) if isinstance(value, str) else bytes.__add__(value, b"")


def test_the_layout_is_known() -> None:
    """Of the interpreter that runs this: all that matter here are CPython's."""
    assert sys.implementation.name == "cpython"
    assert LAYOUT is not None and LAYOUT.plain and LAYOUT.fits(SAMPLES)


@pytest.mark.parametrize("field", Layout._fields)
@pytest.mark.parametrize("by", [-8, 8])
def test_another_layout_is_noticed(field: str, by: int) -> None:
    assert LAYOUT is not None
    wrong = LAYOUT._replace(**{field: getattr(LAYOUT, field) + by})
    assert not wrong.fits(SAMPLES)
    assert wrong.plain == (field == "items")


def test_another_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="another"))
    assert _layout.find_layout() is None


def test_what_is_sent_is_stored(client: libfluvio.Client, topic: str, way: str) -> None:
    kinds = {type(chunk) for chunk in _packing.chunks(VALUES)}
    assert (_packing.Blocks in kinds) == (way == "where they are")
    with client.producer(topic) as producer:
        for records in (VALUES, tuple(VALUES), iter(VALUES)):
            assert len(producer.send_many(records).result(60)) == len(VALUES)
        for value in (*VALUES[:500], *VALUES[-3:]):
            producer.send(value)
            producer.send(value, b"key")
            producer.send(value, Text("key"))
    thrice = [value for value in (*VALUES[:500], *VALUES[-3:]) for _ in range(3)]
    assert read(client, topic) == [raw(value) for value in VALUES * 3 + thrice]


@pytest.mark.usefixtures("way")
def test_asyncio(cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str) -> None:
    async def work() -> None:
        async with aio.connect(cluster.endpoint) as other, other.producer(topic) as producer:
            await (await producer.send_many(VALUES))
            for value in VALUES[:500]:
                await producer.send(value)

    asyncio.run(work())
    assert read(client, topic) == [raw(value) for value in VALUES + VALUES[:500]]


@pytest.mark.usefixtures("way")
def test_nothing_of_the_values_is_kept(client: libfluvio.Client, topic: str) -> None:
    """The library has its copy when the call returns: what the application does with its own does not matter."""
    with client.producer(topic, linger_ms=60_000) as producer:
        values = [b"%06d" % number for number in range(5000)]
        before = sys.getrefcount(values[7])
        producer.send_many(values)
        after = sys.getrefcount(values[7])  # not in the assertion, which holds what it looks at
        assert after == before
        values[:] = [b"------"] * 5000
        del values
        gc.collect()
        producer.flush(60)
    assert read(client, topic) == [b"%06d" % number for number in range(5000)]


@pytest.mark.usefixtures("way")
def test_a_wrong_record(client: libfluvio.Client, topic: str) -> None:
    """It is told which one, and what was accepted before it; its own chunk is not."""
    values: List[Any] = [b"x"] * (_packing.BLOCKS + 900)
    with client.producer(topic) as producer:
        for wrong in (7, Claim()):
            with pytest.raises(TypeError, match=f"record {len(values)}, counted from 0") as caught:
                producer.send_many([*values, wrong, b"never sent"])
            accepted = int(re.findall(r"records before (\d+) were accepted", str(caught.value))[0])
            assert len(values) - _packing.CHUNK_RECORDS <= accepted <= len(values)
            producer.flush(30)
            with client.consumer(topic, start="beginning", stop_at="end") as consumer:
                assert len(list(consumer)) == accepted
            client.admin.delete_topic(topic)
            client.admin.create_topic(topic)


def test_large_values_go_in_small_blocks(way: str) -> None:
    values = [bytes(100_000)] * 1000
    chunks = list(_packing.chunks(values))
    if way == "where they are":
        assert all(isinstance(chunk, _packing.Blocks) for chunk in chunks)
        assert max(map(len, chunks)) * 100_000 <= _packing.BLOCK_BYTES
        assert list(map(len, _packing.chunks([b""] * _packing.BLOCKS))) == [_packing.BLOCKS]
    assert sum(map(len, chunks)) == 1000


@pytest.mark.usefixtures("way")
def test_a_value_that_is_too_large(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic, max_request_size=1 << 16) as producer:
        with pytest.raises(libfluvio.TooLargeError) as caught:
            producer.send_many([b"fits"] * 3000 + [b"x" * 70_000] + [b"never sent"])
        assert caught.value.details["accepted"] == "3000" and "70000" in str(caught.value)
        for key in (None, b"key"):
            with pytest.raises(libfluvio.TooLargeError, match="70000"):
                producer.send(b"x" * 70_000, key)
    assert read(client, topic) == [b"fits"] * 3000


@pytest.mark.usefixtures("way")
def test_a_full_buffer() -> None:
    """Values go in one after the other as room comes, each once, in their order."""
    values = [b"%05d" % number * 200 for number in range(2000)]
    with libfluvio.DevCluster() as cluster, libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic("orders")
        producer = client.producer("orders", buffer_memory=1 << 18, max_request_size=1 << 16)
        pause(cluster.pid)
        with pytest.raises(libfluvio.QueueFullError) as caught:
            producer.send_many(values, timeout=0.15)
        accepted = int(caught.value.details["accepted"])
        assert 100 < accepted < 1000
        groups: List[libfluvio.DeliveryGroup] = []
        thread = threading.Thread(target=lambda: groups.append(producer.send_many(values[accepted:])))
        thread.start()
        wait_until_inside(thread, "_attempt")
        resume(cluster.pid)
        thread.join()
        assert [report.offset for report in groups[0].result(60)] == list(range(accepted, 2000))
        producer.close()
        assert read(client, "orders") == values
