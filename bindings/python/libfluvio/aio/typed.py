"""Producers and consumers of values instead of bytes, for asyncio: as :mod:`libfluvio.typed`, which has the codecs.

::

    async with typed.Producer(await client.producer("orders"), typed.JSON) as producer:
        await producer.send({"item": "tea"})
"""

from __future__ import annotations

from typing import Any, AsyncIterable, AsyncIterator, Iterable, Optional, Tuple, TypeVar, Union, overload

from .._consumer import CLOSE_TIMEOUT
from ..typed import BYTES, JSON, TEXT, Codec, Codecs, DecodeError, Record, json_of, msgpack
from . import _consumer, _producer
from ._loop import Following

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

__all__ = ["BYTES", "JSON", "TEXT", "Codec", "Consumer", "DecodeError", "Producer", "Record", "json_of", "msgpack"]


class Producer(Codecs[K, V]):
    """Sends values to one topic, through the codecs; arguments as for :class:`libfluvio.typed.Producer`."""

    @overload
    def __init__(self: "Producer[bytes, T]", producer: _producer.Producer, value: "Codec[T]") -> None: ...

    @overload
    def __init__(self, producer: _producer.Producer, value: "Codec[V]", key: "Codec[K]") -> None: ...

    def __init__(self, producer: _producer.Producer, value: "Codec[Any]", key: "Codec[Any]" = BYTES) -> None:
        super().__init__(value, key)
        self.producer = producer

    async def send(
        self,
        value: V,
        key: Optional[K] = None,
        *,
        partition: Optional[int] = None,
        timestamp: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> _producer.Delivery:
        """As :meth:`libfluvio.aio.Producer.send`. What the codec raises is raised, and nothing is sent."""
        coded, data = self._pair(key, value)
        return await self.producer.send(data, coded, partition=partition, timestamp=timestamp, timeout=timeout)

    async def send_many(
        self, values: "Union[Iterable[V], AsyncIterable[V]]", *, timeout: Optional[float] = None
    ) -> _producer.DeliveryGroup:
        """As :meth:`libfluvio.aio.Producer.send_many`, for values without keys."""
        if isinstance(values, AsyncIterable):
            coded = (self._pair(None, value) async for value in values)
            return await self.producer.send_many(coded, timeout=timeout)
        return await self.producer.send_many(self._values(values), timeout=timeout)

    async def send_pairs(
        self,
        pairs: "Union[Iterable[Tuple[Optional[K], V]], AsyncIterable[Tuple[Optional[K], V]]]",
        *,
        timeout: Optional[float] = None,
    ) -> _producer.DeliveryGroup:
        """As :meth:`libfluvio.aio.Producer.send_many`, for pairs of key and value."""
        if isinstance(pairs, AsyncIterable):
            coded = (self._pair(key, value) async for key, value in pairs)
            return await self.producer.send_many(coded, timeout=timeout)
        return await self.producer.send_many(self._pairs(pairs), timeout=timeout)

    async def flush(self, timeout: Optional[float] = None) -> None:
        """As :meth:`libfluvio.aio.Producer.flush`."""
        await self.producer.flush(timeout)

    async def close(self, timeout: Optional[float] = None) -> None:
        """As :meth:`libfluvio.aio.Producer.close`."""
        await self.producer.close(timeout)

    async def __aenter__(self) -> "Producer[K, V]":
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.producer.__aexit__(*error)


class Consumer(Codecs[K, V]):
    """Reads values, through the codecs; arguments as for :class:`libfluvio.typed.Consumer`."""

    @overload
    def __init__(self: "Consumer[bytes, T]", consumer: _consumer.Consumer, value: "Codec[T]") -> None: ...

    @overload
    def __init__(self, consumer: _consumer.Consumer, value: "Codec[V]", key: "Codec[K]") -> None: ...

    def __init__(self, consumer: _consumer.Consumer, value: "Codec[Any]", key: "Codec[Any]" = BYTES) -> None:
        super().__init__(value, key)
        self.consumer = consumer

    async def poll(self, timeout: Optional[float] = None) -> "Optional[Record[K, V]]":
        """As :meth:`libfluvio.aio.Consumer.poll`; also :class:`DecodeError`."""
        raw = await self.consumer.poll(timeout)
        return None if raw is None else self._record(raw)

    def __aiter__(self) -> "AsyncIterator[Record[K, V]]":
        return Following(self.poll)

    async def commit(self, timeout: Optional[float] = None) -> None:
        """As :meth:`libfluvio.aio.Consumer.commit`."""
        await self.consumer.commit(timeout)

    async def close(self, timeout: Optional[float] = CLOSE_TIMEOUT) -> None:
        """As :meth:`libfluvio.aio.Consumer.close`."""
        await self.consumer.close(timeout)

    async def __aenter__(self) -> "Consumer[K, V]":
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.consumer.__aexit__(*error)
