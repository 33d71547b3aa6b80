"""SmartModules that the dev cluster runs, on what is read and on what is written, and what their errors tell."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any, Iterator, List

import libfluvio
import libfluvio.aio
import pytest

MODULES = Path(__file__).resolve().parents[1] / "smartmodules"


def module(name: str, **params: str) -> libfluvio.SmartModule:
    """One of the modules of the tests."""
    return libfluvio.SmartModule(path=MODULES / f"{name}.wasm", params=params)


@pytest.fixture(scope="module")
def hasty() -> Iterator[libfluvio.Client]:
    """A client of a cluster that stops modules soon."""
    with libfluvio.DevCluster(options=["--smartmodule-time", "300ms"]) as cluster, libfluvio.connect(
        cluster.endpoint
    ) as client:
        yield client


def fill(client: libfluvio.Client, topic: str, *values: Any, **settings: Any) -> None:
    """Sends one batch."""
    with client.producer(topic, linger_ms=60_000, **settings) as producer:
        producer.send_many(values)
        producer.flush()


def read(client: libfluvio.Client, topic: str, *modules: libfluvio.SmartModule, **settings: Any) -> List[bytes]:
    """The values that come out."""
    with client.consumer(topic, start="beginning", stop_at="end", smartmodules=list(modules), **settings) as consumer:
        return [bytes(record.value) for record in consumer]


def test_chains_both_ways(client: libfluvio.Client, topic: str) -> None:
    total = libfluvio.SmartModule(wasm=(MODULES / "total.wasm").read_bytes(), accumulator=b"100")
    fill(client, topic, b"a1 b", b"c22", b"d")
    assert read(client, topic, module("words"), module("digits"), total) == [b"101", b"123"]
    fill(client, topic, b"1 x", b"2 y", smartmodules=[module("words"), module("digits"), total])
    assert read(client, topic)[3:] == [b"101", b"103"]
    shown = libfluvio.SmartModule(path=MODULES / "once.wasm", lookback=libfluvio.Lookback(last=2))
    assert read(client, topic, shown) == [b"a1 b", b"c22", b"d"]


def test_errors_tell_of_the_record(client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, b"a", (b"k\x00", b"bad"), b"c")
    with pytest.raises(libfluvio.SmartModuleError) as caught:
        read(client, topic, module("upper"), module("fails", at="BAD"))
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.smartmodule, error.kind, error.offset) == ("upper.wasm, fails.wasm", "filter", 1)
        assert (error.key, error.value) == (b"k\x00", b"BAD")
        assert error.smartmodule_hint == "the record is refused\n\nCaused by:\n    it was told to fail here"
    with pytest.raises(libfluvio.SmartModuleError) as caught:
        read(client, topic, module("pattern"))
    assert caught.value.smartmodule_hint == "the parameter pattern is missing"
    assert (caught.value.offset, caught.value.key, caught.value.value) == (None, None, None)
    with client.producer(topic, smartmodules=[module("fails")]) as producer:
        report = producer.send(b"bad")
        with pytest.raises(libfluvio.SmartModuleError) as caught:
            report.result(30)
    assert (caught.value.offset, caught.value.key, caught.value.value) == (0, None, b"bad")


def test_runaway_is_stopped(hasty: libfluvio.Client, name: str) -> None:
    hasty.admin.create_topic(name)
    fill(hasty, name, b"a")
    with pytest.raises(libfluvio.SmartModuleError, match="did not return within 300ms and was stopped"):
        read(hasty, name, module("breaks"))
    assert read(hasty, name) == [b"a"]


def test_asyncio(cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str) -> None:
    fill(client, topic, b"1", b"2", b"x")

    async def run() -> List[bytes]:
        async with await libfluvio.aio.connect(cluster.endpoint) as there:
            consumer = await there.consumer(topic, start="beginning", stop_at="end", smartmodules=[module("total")])
            found: List[bytes] = []
            async with consumer:
                with pytest.raises(libfluvio.SmartModuleError, match="is no number"):
                    async for record in consumer:
                        found.append(bytes(record.value))
            return found

    assert asyncio.run(run()) == [b"1", b"3"]


def test_transformation_files(client: libfluvio.Client, topic: str, tmp_path: Path) -> None:
    fill(client, topic, b"a")
    file = tmp_path / "transforms.yaml"
    file.write_text("transforms:\n  - uses: nobody\n    with: {a: b}\n")
    with pytest.raises(libfluvio.NotFoundError, match="nobody"):
        with client.consumer(topic, start="beginning", stop_at="end", transforms_path=file) as consumer:
            list(consumer)
    file.write_text("transforms:\n  - uses: nobody\n    with: {a: 5}\n")
    with pytest.raises(libfluvio.InvalidArgumentError, match="line 3: a is 5, which is no text"):
        client.producer(topic, transforms_path=file)
