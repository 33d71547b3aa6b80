"""SmartModules of every kind, alone and in chains of three, on the dev cluster: both clients read the same."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Dict, List

import libfluvio
import pytest

MODULES = Path(__file__).resolve().parents[1] / "smartmodules"

BATCHES = [
    [b"one 1", (b"k", b"two 22"), b"three", b"4"],
    [(b"key", b"bad"), b"6 6", b"", b"long " + b"word " * 100],
    [b"seven", b"eight"],
    [b"nine nine", (b"k", b"10"), b"the end 99"],
]

SHORT: Dict[str, Any] = {"file": "short", "params": {"max": "6"}}
UPPER: Dict[str, Any] = {"file": "upper", "params": {"label": "> "}}
PATTERN: Dict[str, Any] = {"file": "pattern", "params": {"pattern": "9$"}}
WORDS: Dict[str, Any] = {"file": "words"}
DIGITS: Dict[str, Any] = {"file": "digits"}
TOTAL: Dict[str, Any] = {"file": "total", "accumulator": b"1000"}
ONCE: Dict[str, Any] = {"file": "once"}
FAILS: Dict[str, Any] = {"file": "fails"}

CHAINS: Dict[str, List[Dict[str, Any]]] = {
    "filter": [SHORT],
    "pattern": [PATTERN],
    "map": [UPPER],
    "array_map": [WORDS],
    "filter_map": [DIGITS],
    "aggregate": [DIGITS, TOTAL],
    "filter, map, array_map": [SHORT, UPPER, WORDS],
    "array_map, filter_map, aggregate": [WORDS, DIGITS, TOTAL],
    "filter_map, aggregate, map": [DIGITS, TOTAL, UPPER],
    "state, array_map, pattern": [ONCE, WORDS, PATTERN],
    "fails": [UPPER, FAILS | {"params": {"at": "> BAD"}}, WORDS],
    "fails to start": [SHORT, {"file": "pattern"}],
}


def ours(module: Dict[str, Any]) -> libfluvio.SmartModule:
    """A module as libfluvio takes it."""
    return libfluvio.SmartModule(
        path=MODULES / f"{module['file']}.wasm", params=module.get("params", {}), accumulator=module.get("accumulator")
    )


def theirs(module: Dict[str, Any]) -> Dict[str, Any]:
    """A module as the official client's process takes it."""
    out: Dict[str, Any] = {"path": str(MODULES / f"{module['file']}.wasm")}
    if "params" in module:
        out["params"] = module["params"]
    if "accumulator" in module:
        out["aggregate"] = module["accumulator"].hex()
    return out


def send(client: libfluvio.Client, topic: str, **settings: Any) -> None:
    """Sends the batches."""
    with client.producer(topic, linger_ms=60_000, **settings) as producer:
        for batch in BATCHES:
            producer.send_many(batch)
            producer.flush()


def compare(
    official: Any, client: libfluvio.Client, topic: str, modules: List[Any], their_modules: List[Any]
) -> List[Any]:
    """What libfluvio reads; the official client reads the same."""
    records: List[Any] = []
    failure = None
    try:
        with client.consumer(topic, start="beginning", stop_at="end", smartmodules=modules) as consumer:
            for record in consumer:
                records.append([(record.key or b"No key").hex(), record.value.hex()])
    except libfluvio.SmartModuleError as why:
        failure = why
    count = len(records) + (failure is not None)
    found = official("consume", topic=topic, partition=0, count=count, modules=their_modules)
    assert [each[1:] for each in found if isinstance(each, list)] == records
    if failure is not None:
        assert failure.smartmodule_hint and failure.smartmodule_hint in found[-1], found[-1]
    return records


@pytest.mark.parametrize("name", CHAINS)
def test_read_through(official: Any, client: libfluvio.Client, topic: str, name: str) -> None:
    client.admin.create_topic(topic)
    send(client, topic)
    chain = CHAINS[name]
    records = compare(official, client, topic, [ours(each) for each in chain], [theirs(each) for each in chain])
    assert records or name == "fails to start"


@pytest.mark.parametrize("name", [each for each in CHAINS if not each.startswith("fails")])
def test_written_through(official: Any, client: libfluvio.Client, topic: str, name: str) -> None:
    client.admin.create_topic(topic)
    send(client, topic, smartmodules=[ours(each) for each in CHAINS[name]])
    assert compare(official, client, topic, [], [])


def test_modules_of_the_cluster(official: Any, client: libfluvio.Client, topic: str, tmp_path: Path) -> None:
    client.admin.create_topic(topic)
    send(client, topic)
    name = f"digits-{topic}"
    packed = tmp_path / "digits.gz"  # the official client does not compress what it stores
    packed.write_bytes(gzip.compress((MODULES / "digits.wasm").read_bytes()))
    official("load", name=name, path=str(packed))
    transforms = tmp_path / "transforms.yaml"
    transforms.write_text(f"transforms:\n  - uses: {name}\n")
    records = compare(official, client, topic, [{"name": name}], [{"name": name}])
    assert len(records) == 6
    with client.consumer(topic, start="beginning", stop_at="end", transforms_path=transforms) as consumer:
        assert [each.value.hex() for each in consumer] == [value for _, value in records]
    with pytest.raises(libfluvio.NotFoundError, match="nobody"), client.consumer(
        topic, start="beginning", smartmodules=[{"name": "nobody"}]
    ) as consumer:
        consumer.poll(10)
    assert "nobody" in official("consume", topic=topic, partition=0, count=1, modules=[{"name": "nobody"}])[0]
