"""Values through codecs, for plain and asyncio programs."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, TypeVar

import libfluvio
import libfluvio.aio
import libfluvio.aio.typed
import pytest
from helpers import PACKAGE
from libfluvio import typed

T = TypeVar("T")


@dataclasses.dataclass
class Order:
    item: str
    count: int = 1


def test_codecs() -> None:
    cases: "List[Any]" = [
        (typed.BYTES, b"\xff"), (typed.TEXT, "größer"), (typed.JSON, {"a": [1, None, "ü"]}),
        (typed.json_of(Order), Order("tea", 2)),
    ]
    for codec, value in cases:
        assert codec.loads(codec.dumps(value)) == value
    assert typed.JSON.dumps({"a": "ü"}) == '{"a":"ü"}'.encode()
    with pytest.raises(TypeError):
        typed.json_of(dict)


def test_msgpack(client: libfluvio.Client, topic: str) -> None:
    pytest.importorskip("msgpack", reason="msgpack has no package for this Python")
    values = [{"a": [1, b"x"]}, "ü", None]
    with typed.Producer(client.producer(topic), typed.msgpack()) as producer:
        producer.send_many(values)
    with typed.Consumer(client.consumer(topic, start="beginning", stop_at="end"), typed.msgpack()) as consumer:
        assert [record.value for record in consumer] == values


def test_without_msgpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)  # as an import system that does not find it
    with pytest.raises(ImportError):
        typed.msgpack()


def test_round_trip(client: libfluvio.Client, topic: str) -> None:
    orders = typed.json_of(Order)
    with typed.Producer(client.producer(topic), orders, key=typed.TEXT) as producer:
        assert producer.send(Order("tea"), "k1", partition=0).result(30).offset == 0
        producer.send_many([Order("rye", 2), Order("oat", 3)])
        assert len(producer.send_pairs([("k2", Order("nut")), (None, Order("fig"))])) == 2
        with pytest.raises(TypeError):
            producer.send("no order")  # type: ignore[arg-type]
        producer.flush()
        producer.producer.send(b"not JSON", b"k")
    read = client.consumer(topic, start="beginning", stop_at="end", consumer_id="typed", offset_strategy="manual")
    with typed.Consumer(read, orders, typed.TEXT) as consumer:
        first = consumer.poll(30)
        assert first is not None and (first.key, first.value) == ("k1", Order("tea"))
        assert (first.topic, first.partition, first.offset) == (topic, 0, 0) and first.timestamp > 0
        found = []
        with pytest.raises(typed.DecodeError, match="offset 5") as failure:
            for record in consumer:
                found.append((record.key, record.value))
                consumer.commit()
        assert found == [
            (None, Order("rye", 2)), (None, Order("oat", 3)), ("k2", Order("nut")), (None, Order("fig"))
        ]
        assert isinstance(failure.value, ValueError) and failure.value.record.value == b"not JSON"
        assert str(pickle.loads(pickle.dumps(failure.value))).startswith(f"decode {topic}/0 offset 5")
        stored = {row.consumer_id: row.offset for row in client.admin.consumer_offsets() if row.topic == topic}
        assert stored == {"typed": 4} and list(consumer) == []


async def following(*values: T) -> AsyncIterator[T]:
    for value in values:
        yield value


def test_round_trip_with_asyncio(cluster: libfluvio.DevCluster, topic: str) -> None:
    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as client:
            async with libfluvio.aio.typed.Producer(await client.producer(topic), typed.JSON, typed.TEXT) as producer:
                assert (await (await producer.send({"n": 0}, "k"))).offset == 0
                await producer.send_many({"n": n} for n in range(1, 4))
                await producer.send_pairs([("k", {"n": 4})])
                await producer.flush(30)
                await producer.producer.send(b"\xff")
                await producer.send_many(following({"n": 5}))
                await producer.send_pairs(following(("k", {"n": 6})))
            read = await client.consumer(topic, start="beginning", stop_at="end")
            found: "List[Dict[str, int]]" = []
            async with libfluvio.aio.typed.Consumer(read, typed.JSON, typed.TEXT) as consumer:
                first = await consumer.poll(30)
                assert first is not None and first.key == "k" and first.value == {"n": 0}
                values = consumer.__aiter__()
                with pytest.raises(typed.DecodeError):
                    async for record in values:
                        found.append(record.value)
                found += [record.value async for record in values]  # behind the one that is no JSON
            assert found == [{"n": n} for n in range(1, 7)]

    asyncio.run(asyncio.wait_for(main(), 60))


CHECKED = """
import dataclasses
import libfluvio
from libfluvio import typed

@dataclasses.dataclass
class Order:
    item: str

def check(client: libfluvio.Client) -> None:
    producer = typed.Producer(client.producer("t"), typed.json_of(Order))
    producer.send(Order("tea"), b"k")
    producer.send("no order")
    producer.send(Order("tea"), partitoin=1)
    for record in typed.Consumer(client.consumer("t"), typed.json_of(Order), typed.TEXT):
        reveal_type((record.key, record.value))
    consumer = typed.Consumer(client.consumer("t"), typed.JSON)
    reveal_type(consumer)
"""


def test_what_a_type_checker_knows(tmp_path: Path) -> None:
    file = tmp_path / "checked.py"
    file.write_text(CHECKED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(file)], capture_output=True,
        env={**os.environ, "MYPYPATH": str(PACKAGE)}, cwd=tmp_path, text=True, timeout=250, check=False,
    )
    if "No module named mypy" in done.stderr:
        pytest.skip("mypy is not installed")
    # That for Python 3.9 writes the same in other words.
    lines = done.stdout.replace("builtins.", "").replace("Union[str, None]", "str | None").splitlines()
    assert "13: error" in lines[0] and 'expected "Order"' in lines[0]
    assert "14: error" in lines[1] and '"partitoin"' in lines[1]
    revealed = [line for line in lines[2:-1] if "Revealed type" in line]
    assert "tuple[str | None, checked.Order]" in revealed[0] and "Consumer[bytes, Any]" in revealed[1]
    assert len(revealed) == 2 and "Found 2 errors" in lines[-1]
