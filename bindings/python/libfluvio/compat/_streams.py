"""Records and streams of them, under the official client's names."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, AsyncIterator, Callable, Deque, Dict, Generic, Iterator, Optional, Sequence, TypeVar

from .. import aio
from .._batch import Record as Read
from .._consumer import Consumer
from .._errors import ClosedError, EndError, FluvioError, NotFoundError

T = TypeVar("T")

TURN = 0.02
"""Seconds to wait for one of several consumers before the others are asked."""

SMARTMODULE_NOT_FOUND = 6001


class Loops(Generic[T]):
    """One thing for each event loop that is in use."""

    def __init__(self) -> None:
        self._things: Dict[asyncio.AbstractEventLoop, T] = {}

    def running(self, make: Callable[[asyncio.AbstractEventLoop], T]) -> T:
        """That of the running loop, made when it is not there yet. Those of loops that are over go then."""
        loop = asyncio.get_running_loop()
        if loop not in self._things:
            self._things = {each: thing for each, thing in self._things.items() if not each.is_closed()}
            self._things[loop] = make(loop)
        return self._things[loop]


class Record:
    """A record that was read."""

    __slots__ = ("_record",)

    def __init__(self, record: Read) -> None:
        self._record = record

    def offset(self) -> int:
        """Its number in its partition."""
        return self._record.offset

    def value(self) -> bytes:
        """The value."""
        return self._record.value

    def value_string(self) -> str:
        """The value, read as UTF-8."""
        return self._record.value.decode()

    def key(self) -> Optional[bytes]:
        """The key; None when the record has none, where the official client says ``b"No key"``."""
        return self._record.key

    def key_string(self) -> Optional[str]:
        """The key, read as UTF-8; None when the record has none."""
        return None if self._record.key is None else self._record.key.decode()

    def timestamp(self) -> int:
        """Milliseconds since the epoch, -1 when unknown."""
        return self._record.timestamp

    def partition(self) -> int:
        """The partition it was read from. The official client does not tell."""
        return self._record.partition

    def topic(self) -> str:
        """The topic it was read from. The official client does not tell."""
        return self._record.topic

    def __repr__(self) -> str:
        return f"<Record {self._record.topic}/{self._record.partition} offset={self._record.offset}>"


def reworded(error: FluvioError, message: str) -> FluvioError:
    """An equal error with the official client's words."""
    copy = error.copy()
    copy.args, copy.message = (message,), message
    return copy


def stream_error(error: FluvioError) -> FluvioError:
    """An error of a stream as the official client words it."""
    if isinstance(error, NotFoundError) and error.server_code == SMARTMODULE_NOT_FOUND:
        return reworded(error, f"SmartModule {error.details.get('smartmodule')} was not found")
    return error


class ConsumerIterator:
    """A stream of records. It ends at what was the end with ``disable_continuous``, or when it is closed."""

    def __init__(self, consumers: Sequence[Consumer], auto: bool = False) -> None:
        self._all = list(consumers)
        self._live: Deque[Consumer] = deque(consumers)
        self._auto = auto

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        while self._live:
            for _ in range(len(self._live)):
                record = self._ask(None if len(self._live) == 1 else 0)
                if record is not None:
                    return Record(record)
            if self._live:
                record = self._ask(TURN)
                if record is not None:
                    return Record(record)
        raise StopIteration

    def _ask(self, timeout: Optional[float]) -> Optional[Read]:
        """Asks one consumer, and puts it behind the others."""
        if not self._live:
            return None
        consumer = self._live[0]
        try:
            record = consumer.poll(timeout)
        except (EndError, ClosedError):
            self._live.popleft()
            if self._auto and not consumer.closed:
                consumer.commit()
            return None
        except FluvioError as error:
            raise stream_error(error) from error
        self._live.rotate(-1)
        return record

    def offset_commit(self) -> None:
        """Stores the offset of the last record read, and returns when the cluster has confirmed it."""
        for consumer in self._all:
            consumer.commit()

    def offset_flush(self) -> None:
        """With the strategy AUTO as :meth:`offset_commit`; otherwise nothing is left to do."""
        if self._auto:
            self.offset_commit()

    def close(self) -> None:
        """Ends the stream. The official client does not have this."""
        for consumer in self._all:
            consumer.close()

    def __enter__(self) -> "ConsumerIterator":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class AsyncConsumerIterator:
    """A stream of records for ``async for``."""

    def __init__(self, consumers: "Sequence[aio.Consumer]") -> None:
        self._all = list(consumers)
        self._live: "Deque[aio.Consumer]" = deque(consumers)

    def __aiter__(self) -> AsyncIterator[Record]:
        return self

    async def __anext__(self) -> Record:
        while self._live:
            for _ in range(len(self._live)):
                record = await self._ask(None if len(self._live) == 1 else 0)
                if record is not None:
                    return Record(record)
            if self._live:
                record = await self._ask(TURN)
                if record is not None:
                    return Record(record)
        raise StopAsyncIteration

    async def _ask(self, timeout: Optional[float]) -> Optional[Read]:
        if not self._live:
            return None
        try:
            record = await self._live[0].poll(timeout)
        except (EndError, ClosedError):
            self._live.popleft()
            return None
        except FluvioError as error:
            raise stream_error(error) from error
        self._live.rotate(-1)
        return record

    async def close(self) -> None:
        """Ends the stream. The official client does not have this."""
        await asyncio.gather(*(consumer.close() for consumer in self._all))

    async def __aenter__(self) -> "AsyncConsumerIterator":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()
