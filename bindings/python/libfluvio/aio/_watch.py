"""Watches, for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Optional, TypeVar

from .._core import milliseconds
from .._errors import ClosedError, FluvioError
from .._objects import WatchEvent, read_events
from .._watch import WatchBase
from ._loop import Following

T = TypeVar("T")


def _seen(request: "asyncio.Future[int]") -> None:
    """Nobody has to be told of an error of a request that everybody has given up."""
    if not request.cancelled():
        request.exception()


class Watch(WatchBase[T]):
    """Tells of every change of one kind of object, as :class:`libfluvio.Watch` does, by ``async for``. Cancelling a
    task that waits loses no event."""

    _request: "Optional[asyncio.Future[int]]" = None
    """The request for more, which outlives a task that was cancelled: so nothing is lost."""

    async def next(self) -> WatchEvent[T]:
        """The next event.

        Raises:
            ClosedError: it, or its client, was closed.
        """
        lib = self._lib
        while not self._events:
            request = self._request
            if request is None:
                operations = self._client._operations  # type: ignore[attr-defined]
                request = self._request = asyncio.ensure_future(
                    operations.run(
                        "watch",
                        lambda queue, opaque: lib.watch_next_async(self._handle.address, -1, queue, opaque),
                        lib.op_take_value,
                    )
                )
                request.add_done_callback(_seen)
            try:
                address = await asyncio.shield(request)
            except FluvioError as error:
                self._closed = self._closed or isinstance(error, ClosedError)
                if self._request is request:  # of several tasks that wait, another may have begun a new one
                    self._request = None
                raise
            if self._request is request:  # of several tasks that wait, one takes the events
                self._request = None
                self._events.extend(read_events(lib, address, self._class))
        return self._events.popleft()

    def __aiter__(self) -> AsyncIterator[WatchEvent[T]]:
        return Following(self.next)

    async def close(self, timeout: Optional[float] = None) -> None:
        """Ends the watch. Does nothing when it was closed."""
        self._closed = True
        wait_ms = milliseconds(timeout)
        request = self._request
        await self._client._operations.run(  # type: ignore[attr-defined]
            "close watch",
            lambda queue, opaque: self._lib.watch_close_async(self._handle.address, wait_ms, queue, opaque),
        )
        if request is not None:
            await asyncio.wait([request])  # it ends with the watch

    async def _leave(self, failed: bool) -> None:
        try:
            await self.close()
        except FluvioError:
            if not failed:
                raise

    async def __aenter__(self) -> "Watch[T]":
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        await self._leave(kind is not None)
