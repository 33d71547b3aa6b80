"""Producers under the official client's names."""

from __future__ import annotations

import asyncio
from typing import Any, List, Optional, Sequence, Tuple, Union

from .. import _process
from .._delivery import Delivery, Report
from .._errors import FluvioError, QueueFullError
from .._observe import LOGGER
from .._producer import INTERRUPTED_CLOSE, Producer
from ..aio._loop import DescriptorWatch, Operations
from ..aio._producer import FULL_PAUSE
from ._config import Bytes
from ._streams import Loops

Key = Union[Bytes, str, None]


class RecordMetadata:
    """Where a record was stored."""

    __slots__ = ("_report",)

    def __init__(self, report: Report) -> None:
        self._report = report

    def offset(self) -> int:
        """Its offset."""
        return self._report.offset

    def partition_id(self) -> int:
        """Its partition."""
        return self._report.partition


class ProduceOutput:
    """What comes of a record that was sent."""

    __slots__ = ("_delivery", "_producer")

    def __init__(self, delivery: Delivery, producer: "TopicProducer") -> None:
        self._delivery: Optional[Delivery] = delivery
        self._producer = producer

    def wait(self) -> Optional[RecordMetadata]:
        """Waits until the record is stored. A second call gives None.

        Raises:
            FluvioError: it was not stored.
        """
        delivery, self._delivery = self._delivery, None
        return None if delivery is None else RecordMetadata(delivery.result())

    async def async_wait(self) -> Optional[RecordMetadata]:
        """As :meth:`wait`, for asyncio."""
        delivery, self._delivery = self._delivery, None
        return None if delivery is None else RecordMetadata(await self._producer._report(delivery))


def _key(key: Key) -> Union[bytes, str, None]:
    """A key as the library takes it. None and an empty list stand for none; ``b""`` is a key of its own."""
    return key if key is None or isinstance(key, str) else _bytes(key) if key != [] else None


def _bytes(data: Union[Bytes, str]) -> Union[bytes, str]:
    return data if isinstance(data, (bytes, str)) else bytes(data)


class TopicProducer:
    """Sends records to one topic. When the last reference to it goes, what was sent has one more second to be
    stored."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._loops: Loops[Tuple[DescriptorWatch, Operations]] = Loops()

    def send_string(self, buf: str) -> ProduceOutput:
        """Sends text without a key."""
        return self.send(None, buf)

    def send(self, key: Key, value: Union[Bytes, str]) -> ProduceOutput:
        """Sends a record. Equal keys go to the same partition; records without one (None, or an empty list) go round
        all of them."""
        return ProduceOutput(self._producer.send(_bytes(value), _key(key)), self)

    def send_all(self, records: Sequence[Tuple[Key, Union[Bytes, str]]]) -> List[ProduceOutput]:
        """Sends pairs of key and value."""
        group = self._producer.send_many([(_key(key), _bytes(value)) for key, value in records])
        return [ProduceOutput(delivery, self) for delivery in group]

    def flush(self) -> None:
        """Waits until everything sent so far is stored.

        Raises:
            FluvioError: something was not, and nobody has been told.
        """
        self._producer.flush()

    async def async_send_string(self, buf: str) -> ProduceOutput:
        """As :meth:`send_string`, for asyncio."""
        return await self.async_send(None, buf)

    async def async_send(self, key: Key, value: Union[Bytes, str]) -> ProduceOutput:
        """As :meth:`send`, for asyncio: other tasks go on while the buffer is full."""
        while True:
            try:
                return ProduceOutput(self._producer.send(_bytes(value), _key(key), timeout=0), self)
            except QueueFullError:
                await asyncio.sleep(FULL_PAUSE)

    async def async_send_all(self, records: Sequence[Tuple[Key, Union[Bytes, str]]]) -> List[ProduceOutput]:
        """As :meth:`send_all`, for asyncio."""
        return [await self.async_send(key, value) for key, value in records]

    async def async_flush(self) -> None:
        """As :meth:`flush`, for asyncio."""
        producer = self._producer
        watch, operations = self._loop()
        with watch:
            await operations.run(
                "flush", lambda queue, opaque: producer._lib.producer_flush_async(producer._address, -1, queue, opaque)
            )
        producer._book.drain()
        producer._book.raise_failure()

    def _loop(self) -> Tuple[DescriptorWatch, Operations]:
        """What the running event loop waits with."""
        book = self._producer._book
        return self._loops.running(lambda loop: (DescriptorWatch(loop, book.fd, book.drain), Operations(book.lib)))

    async def _report(self, delivery: Delivery) -> Report:
        """Waits for a report without holding the event loop up."""
        if not delivery.done():
            loop, book = asyncio.get_running_loop(), self._producer._book
            future: "asyncio.Future[None]" = loop.create_future()

            def tell() -> None:
                if not future.done():
                    future.set_result(None)

            # Another thread may take the report in.
            book.watch_one(delivery._page, delivery._index, lambda: _call(loop, tell), False)
            book.hurry()
            with self._loop()[0]:
                await future
        return delivery.result(0)

    def close(self) -> None:
        """Stores what was sent, and closes. The official client does not have this."""
        self._producer.close()

    def __del__(self) -> None:
        producer: Optional[Producer] = getattr(self, "_producer", None)
        if producer is None or producer.closed or _process.STATE.forked:
            return
        try:  # programs for the official client, which has no close, drop their producers
            producer.close(INTERRUPTED_CLOSE)
        except FluvioError as error:
            LOGGER.warning("%r was dropped: %s", producer, error)

    def __enter__(self) -> "TopicProducer":
        return self

    def __exit__(self, *error: Any) -> None:
        self._producer.__exit__(*error)


def _call(loop: asyncio.AbstractEventLoop, tell: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell)
