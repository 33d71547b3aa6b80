"""The commands ``produce`` and ``consume``."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Tuple

from .._batch import Batch, Record
from .._client import Client, connect
from .._errors import InvalidArgumentError
from ._output import Progress, plain, summary

Item = Tuple[Optional[bytes], bytes]


def connected(given: Any) -> Client:
    """The client of a command."""
    settings: Dict[str, Any] = {}
    if given.timeout is not None:
        settings["request_timeout_ms"] = max(1, round(1000 * given.timeout))
    return connect(None if given.profile else given.endpoint, profile=given.profile, timeout=given.timeout, **settings)


def merged(given: Any) -> Dict[str, Any]:
    """The settings that were given one by one."""
    return {name: value for each in given.settings for name, value in each.items()}


def produce(given: Any) -> None:
    """Writes lines."""
    with connected(given) as client, client.producer(given.topic, **merged(given)) as producer:
        progress = Progress("produce")
        producer.send_many(counted(items(given), progress))
        producer.flush()
        summary(progress, given.json, topic=given.topic)


def counted(found: Iterator[Item], progress: Progress) -> Iterator[Item]:
    """The same, counted."""
    for key, value in found:
        progress.add(1, len(key or b"") + len(value))
        yield key, value


def files(names: List[str]) -> Iterator[BinaryIO]:
    """The files, one after the other."""
    for name in names or ["-"]:
        if name == "-":
            yield sys.stdin.buffer
            continue
        with open(name, "rb") as file:
            yield file


def items(given: Any) -> Iterator[Item]:
    """Keys and values out of the files."""
    key = None if given.key is None else given.key.encode()
    separator = None if given.key_separator is None else given.key_separator.encode()
    for file in files(given.files):
        if given.raw:
            yield key, file.read()
            continue
        for number, line in enumerate(file, 1):
            line = line[:-1] if line.endswith(b"\n") else line
            if given.from_json:
                yield item_of_json(line, number)
            elif separator:
                before, found, after = line.partition(separator)
                yield (before, after) if found else (None, line)
            else:
                yield key, line


def item_of_json(line: bytes, number: int) -> Item:
    """Key and value out of a line as ``consume --json`` prints it."""
    try:
        record = json.loads(line)
        key, value = record.get("key"), record["value"]
        return None if key is None else data(key), data(value)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidArgumentError(f"line {number} is not a record: {type(error).__name__} {error}") from None


def data(value: object) -> bytes:
    """The bytes that JSON stands for."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def consume(given: Any) -> None:
    """Prints records."""
    settings: Dict[str, Any] = {"start": given.start, "partitions": given.partition}
    if not given.follow:
        settings["stop_at"] = given.stop
    if given.consumer:
        settings.update(consumer_id=given.consumer, offset_strategy="manual")
    settings.update(merged(given))
    out = sys.stdout.buffer
    render = renderer(given)
    topics = given.topics if len(given.topics) > 1 else given.topics[0]
    with connected(given) as client, client.consumer(topics, **settings) as consumer:
        progress = Progress("consume", given.count, show=not sys.stdout.isatty())
        left: int = given.count or sys.maxsize
        for batch in consumer.batches():
            batch = batch[:left]
            left -= len(batch)
            out.write(render(batch))
            out.flush()
            progress.add(len(batch), sum(batch.columns.value_length))
            if given.consumer:
                consumer.commit_offset(batch.partition, batch.last_offset, topic=batch.topic)
            if not left:
                break
        line = progress.line()
        progress.end()
        if sys.stderr.isatty() and not sys.stdout.isatty():
            print(line, file=sys.stderr)


def renderer(given: Any) -> Callable[[Batch], bytes]:
    """What makes a batch what is printed."""
    if given.json:
        return lambda batch: b"".join(map(as_json, batch))
    if given.format is None:
        return lambda batch: b"\n".join([*batch.values(), b""])
    parts = [part if isinstance(part, bytes) else FIELD[str(part)] for part in given.format]
    return lambda batch: b"".join(
        part if isinstance(part, bytes) else part(record) for record in batch for part in parts
    )


def as_json(record: Record) -> bytes:
    """A record as a line of JSON."""
    return json.dumps(plain(record._asdict()), ensure_ascii=False).encode() + b"\n"


FIELD: Dict[str, Callable[[Record], bytes]] = {
    "t": lambda record: record.topic.encode(),
    "p": lambda record: b"%d" % record.partition,
    "o": lambda record: b"%d" % record.offset,
    "T": lambda record: b"%d" % record.timestamp,
    "k": lambda record: record.key or b"",
    "K": lambda record: b"%d" % (-1 if record.key is None else len(record.key)),
    "v": lambda record: record.value,
    "V": lambda record: b"%d" % len(record.value),
}
