"""Producers and consumers of values instead of bytes.

::

    from libfluvio import typed

    with typed.Producer(client.producer("orders"), value=typed.JSON, key=typed.TEXT) as producer:
        producer.send({"item": "tea", "count": 2}, "k1")
    with typed.Consumer(client.consumer("orders", start="beginning", stop_at="end"), typed.JSON) as consumer:
        for record in consumer:
            print(record.value["item"])

A :class:`Codec` makes bytes of values and values of bytes: :data:`BYTES`, :data:`TEXT`, :data:`JSON`, :func:`json_of`
for dataclasses, :func:`msgpack`, or one of your own. These are wrappers: what they wrap works as before, and at the
same speed. For asyncio, see :mod:`libfluvio.aio.typed`.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
from typing import Any, Callable, Generic, Iterable, Iterator, Optional, Tuple, Type, TypeVar, overload

from . import _batch, _consumer, _producer
from ._core import BytesLike
from ._delivery import Delivery, DeliveryGroup
from ._errors import FluvioError

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

__all__ = ["BYTES", "JSON", "TEXT", "Codec", "Consumer", "DecodeError", "Producer", "Record", "json_of", "msgpack"]


@dataclasses.dataclass(frozen=True)
class Codec(Generic[T]):
    """Makes bytes of values, and values of bytes."""

    dumps: Callable[[T], BytesLike]
    """What is sent for a value."""
    loads: Callable[[bytes], T]
    """The value that was sent. What it raises becomes a :class:`DecodeError`."""


def _same(data: bytes) -> bytes:
    return data


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


BYTES: "Codec[bytes]" = Codec(_same, _same)
"""Bytes as they are."""

TEXT: "Codec[str]" = Codec(str.encode, bytes.decode)
"""Text as UTF-8."""

JSON: "Codec[Any]" = Codec(_json_bytes, json.loads)
"""What the module ``json`` takes, without spaces."""


def json_of(cls: Type[T]) -> "Codec[T]":
    """JSON objects for a dataclass, whose fields JSON has types for. Members without a field are an error."""
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise TypeError(f"{cls!r} is not a dataclass")
    make: Any = cls

    def dumps(value: Any) -> bytes:
        return _json_bytes(dataclasses.asdict(value))

    return Codec(dumps, lambda data: make(**json.loads(data)))


def msgpack() -> "Codec[Any]":
    """MessagePack, by the package ``msgpack``; ImportError when that is not installed."""
    package: Any = importlib.import_module("msgpack")
    return Codec(package.packb, package.unpackb)


class DecodeError(FluvioError, ValueError):
    """A record is not what the codec expects; ``__cause__`` says why. The next call goes on behind it."""

    def __init__(self, record: _batch.Record, cause: Exception) -> None:
        super().__init__(
            f"decode {record.topic}/{record.partition} offset {record.offset}: {type(cause).__name__}: {cause}",
            details={"topic": record.topic, "partition": str(record.partition), "offset": str(record.offset)},
        )
        self.record = record
        """The record as it was read."""

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.record, ValueError(self.message))


class Record(Generic[K, V]):
    """A record that was read, with its key and value decoded."""

    __slots__ = ("key", "raw", "value")

    def __init__(self, raw: _batch.Record, key: Optional[K], value: V) -> None:
        self.raw = raw
        """The record as it was read."""
        self.key = key
        """The key; None when the record has none."""
        self.value = value
        """The value."""

    @property
    def offset(self) -> int:
        """The record's number in its partition."""
        return self.raw.offset

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch, -1 when unknown."""
        return self.raw.timestamp

    @property
    def partition(self) -> int:
        """The partition it was read from."""
        return self.raw.partition

    @property
    def topic(self) -> str:
        """The topic it was read from."""
        return self.raw.topic

    def __repr__(self) -> str:
        return f"<Record {self.topic}/{self.partition} offset={self.offset} key={self.key!r} value={self.value!r}>"


Pair = Tuple[Optional[BytesLike], BytesLike]
"""Key and value as they are sent."""


class Codecs(Generic[K, V]):
    """The codecs of keys and values."""

    def __init__(self, value: "Codec[V]", key: "Codec[K]") -> None:
        self._value = value
        self._key = key

    def _pair(self, key: Optional[K], value: V) -> Pair:
        return None if key is None else self._key.dumps(key), self._value.dumps(value)

    def _pairs(self, records: "Iterable[Tuple[Optional[K], V]]") -> Iterator[Pair]:
        return (self._pair(key, value) for key, value in records)

    def _values(self, values: Iterable[V]) -> Iterator[Pair]:
        return (self._pair(None, value) for value in values)

    def _record(self, raw: _batch.Record) -> "Record[K, V]":
        try:
            key = None if raw.key is None else self._key.loads(raw.key)
            return Record(raw, key, self._value.loads(raw.value))
        except Exception as error:
            raise DecodeError(raw, error) from error


class Producer(Codecs[K, V]):
    """Sends values to one topic, through the codecs.

    Args:
        producer: a producer, which is ``self.producer`` for everything else, and closed with this one.
        value: the codec of values.
        key: that of keys; without it they are bytes.
    """

    @overload
    def __init__(self: "Producer[bytes, T]", producer: _producer.Producer, value: "Codec[T]") -> None: ...

    @overload
    def __init__(self, producer: _producer.Producer, value: "Codec[V]", key: "Codec[K]") -> None: ...

    def __init__(self, producer: _producer.Producer, value: "Codec[Any]", key: "Codec[Any]" = BYTES) -> None:
        super().__init__(value, key)
        self.producer = producer

    def send(
        self,
        value: V,
        key: Optional[K] = None,
        *,
        partition: Optional[int] = None,
        timestamp: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Delivery:
        """As :meth:`libfluvio.Producer.send`. What the codec raises is raised, and nothing is sent."""
        coded, data = self._pair(key, value)
        return self.producer.send(data, coded, partition=partition, timestamp=timestamp, timeout=timeout)

    def send_many(self, values: Iterable[V], *, timeout: Optional[float] = None) -> DeliveryGroup:
        """As :meth:`libfluvio.Producer.send_many`, for values without keys."""
        return self.producer.send_many(self._values(values), timeout=timeout)

    def send_pairs(self, pairs: "Iterable[Tuple[Optional[K], V]]", *, timeout: Optional[float] = None) -> DeliveryGroup:
        """As :meth:`libfluvio.Producer.send_many`, for pairs of key and value."""
        return self.producer.send_many(self._pairs(pairs), timeout=timeout)

    def flush(self, timeout: Optional[float] = None) -> None:
        """As :meth:`libfluvio.Producer.flush`."""
        self.producer.flush(timeout)

    def close(self, timeout: Optional[float] = None) -> None:
        """As :meth:`libfluvio.Producer.close`."""
        self.producer.close(timeout)

    def __enter__(self) -> "Producer[K, V]":
        return self

    def __exit__(self, *error: Any) -> None:
        self.producer.__exit__(*error)


class Consumer(Codecs[K, V]):
    """Reads values, through the codecs. Iteration is as that of :class:`libfluvio.Consumer`.

    Args:
        consumer: a consumer, which is ``self.consumer`` for everything else, and closed with this one.
        value: the codec of values.
        key: that of keys; without it they are bytes.
    """

    @overload
    def __init__(self: "Consumer[bytes, T]", consumer: _consumer.Consumer, value: "Codec[T]") -> None: ...

    @overload
    def __init__(self, consumer: _consumer.Consumer, value: "Codec[V]", key: "Codec[K]") -> None: ...

    def __init__(self, consumer: _consumer.Consumer, value: "Codec[Any]", key: "Codec[Any]" = BYTES) -> None:
        super().__init__(value, key)
        self.consumer = consumer

    def poll(self, timeout: Optional[float] = None) -> "Optional[Record[K, V]]":
        """As :meth:`libfluvio.Consumer.poll`; also :class:`DecodeError`."""
        raw = self.consumer.poll(timeout)
        return None if raw is None else self._record(raw)

    def __iter__(self) -> "Iterator[Record[K, V]]":
        return map(self._record, self.consumer)

    def commit(self, timeout: Optional[float] = None) -> None:
        """As :meth:`libfluvio.Consumer.commit`."""
        self.consumer.commit(timeout)

    def close(self, timeout: Optional[float] = _consumer.CLOSE_TIMEOUT) -> None:
        """As :meth:`libfluvio.Consumer.close`."""
        self.consumer.close(timeout)

    def __enter__(self) -> "Consumer[K, V]":
        return self

    def __exit__(self, *error: Any) -> None:
        self.consumer.__exit__(*error)
