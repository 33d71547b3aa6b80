"""How asyncio waits for the library: by watching a descriptor for as long as somebody waits."""

from __future__ import annotations

import asyncio
import socket
from ctypes import byref, c_void_p
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Generator, Generic, Optional, Protocol, Set, TypeVar

from .._core import Handle, outcome
from .._errors import ClosedError, EndError, FluvioError, null_error
from .._library import Library

TICK = 0.005
"""Seconds between looks where the event loop can neither watch descriptors nor read from them."""


class DescriptorWatch:
    """Calls ``ready`` when the descriptor is readable and at least one ``with`` block is entered.

    Nobody waiting means nothing registered, so an application that does not read just now costs the loop nothing. The
    proactor loop, the usual one of Windows, cannot watch; there the descriptor, a socket, is read from, which the
    library allows. What is read tells but once, so whoever enters has found nothing in the library just before.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, ready: Callable[[], None]) -> None:
        self._loop = loop
        self._fd = fd
        self._ready = ready
        self._waiting = 0
        self._timer: Optional[asyncio.TimerHandle] = None
        self._socket: Optional[socket.socket] = None
        self._reading: "Optional[asyncio.Future[bytes]]" = None

    def __enter__(self) -> None:
        self._waiting += 1
        if self._waiting > 1:
            return
        if self._fd >= 0 and self._socket is None:
            try:
                self._loop.add_reader(self._fd, self._ready)
                return
            except NotImplementedError:
                self._socket, self._fd = own_socket(self._fd), -1
        if self._socket is None:
            self._tick()
            return
        self._read(self._socket)

    def _read(self, source: socket.socket) -> None:
        self._reading = asyncio.ensure_future(self._loop.sock_recv(source, 64), loop=self._loop)
        self._reading.add_done_callback(self._was_read)

    def _was_read(self, reading: "asyncio.Future[bytes]") -> None:
        ended = reading.cancelled() or reading.exception() is not None or not reading.result()
        if reading is not self._reading or self._socket is None:
            return
        if not ended:
            self._read(self._socket)
        else:  # the loop cancels all that it runs, or the library has closed its end
            self._reading = None
            self._tick()
        self._ready()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK, self._look)

    def _look(self) -> None:
        self._tick()
        self._ready()

    def __exit__(self, *_: Any) -> None:
        self._waiting -= 1
        if self._waiting:
            return
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._socket is None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)

    def __del__(self) -> None:
        own: Optional[socket.socket] = getattr(self, "_socket", None)
        if own is not None:
            own.close()


def own_socket(fd: int) -> Optional[socket.socket]:
    """A socket of one's own for the library's; None where its descriptors are no sockets."""
    try:
        theirs = socket.socket(fileno=fd)
    except OSError:
        return None
    try:
        own = theirs.dup()
        own.setblocking(False)
        return own
    finally:
        theirs.detach()


class Signal:
    """Lets coroutines wait until something happens, with a timeout."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._futures: "Set[asyncio.Future[None]]" = set()

    def fire(self) -> None:
        """Wakes all who wait."""
        for future in self._futures:
            if not future.done():
                future.set_result(None)

    async def wait(self, timeout: Optional[float]) -> None:
        """Waits for the next :meth:`fire`, at most ``timeout`` seconds (None: without limit)."""
        future: "asyncio.Future[None]" = self._loop.create_future()
        timer = None if timeout is None else self._loop.call_later(timeout, _finish, future)
        self._futures.add(future)
        try:
            await future
        finally:
            self._futures.discard(future)
            if timer is not None:
                timer.cancel()


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Operations:
    """Control requests on their way: one queue of the library that tells when each of them is done."""

    def __init__(self, lib: Library) -> None:
        address = lib.queue_new()
        if not address:
            raise null_error(lib, "open event queue")
        self._lib = lib
        self._loop = asyncio.get_running_loop()
        self._queue = Handle(address, lib.queue_free)
        self._watch = DescriptorWatch(self._loop, lib.queue_fd(address), self._drain)
        self._waiting: "Dict[int, asyncio.Future[None]]" = {}
        self._next = 0

    def _drain(self) -> None:
        event = self._lib.queue_poll(self._queue.address, 0)
        while event:
            future = self._waiting.pop(self._lib.event_opaque(event), None)
            self._lib.event_free(event)
            if future is not None and not future.done():
                future.set_result(None)
            event = self._lib.queue_poll(self._queue.address, 0)

    async def run(
        self,
        what: str,
        start: Callable[[int, int], Optional[int]],
        take: Optional[Callable[[int], Optional[int]]] = None,
    ) -> int:
        """Starts an operation with ``start(queue, opaque)`` and waits for it. Returns the address, or number,
        that ``take`` gets out of it. Cancelling the task cancels the operation."""
        self._next += 1
        number = self._next
        future = self._waiting[number] = self._loop.create_future()
        operation: Optional[int] = None
        try:
            operation = start(self._queue.address, number)
            if not operation:
                raise null_error(self._lib, what)
            self._drain()  # see DescriptorWatch
            with self._watch:
                await future
            error = c_void_p()
            status: int = self._lib.op_wait(operation, 0, byref(error))
            return outcome(self._lib, operation, status, error, take)
        finally:
            self._waiting.pop(number, None)
            if operation:
                self._lib.op_free(operation)  # cancels what still runs, and frees a result that was not taken

    async def settle(self, what: str, start: Callable[[int, int], Optional[int]]) -> Optional[asyncio.CancelledError]:
        """Starts an operation and waits until it has ended, even when the task is cancelled, which cancels the
        operation: that ends it soon. If it was carried out all the same, gives the cancellation, for the caller to
        raise when it has taken notice."""
        self._next += 1
        number = self._next
        future = self._waiting[number] = self._loop.create_future()
        cancelled: Optional[asyncio.CancelledError] = None
        operation: Optional[int] = None
        try:
            operation = start(self._queue.address, number)
            if not operation:
                raise null_error(self._lib, what)
            self._drain()
            with self._watch:
                while not future.done():
                    try:
                        await asyncio.wait([future])
                    except asyncio.CancelledError as error:
                        cancelled = error
                        self._lib.op_cancel(operation)
            cell = c_void_p()
            outcome(self._lib, operation, self._lib.op_wait(operation, 0, byref(cell)), cell, None)
            return cancelled
        except FluvioError:
            if cancelled is not None:
                raise cancelled from None
            raise
        finally:
            self._waiting.pop(number, None)
            if operation:
                self._lib.op_free(operation)


T = TypeVar("T")


class Following(AsyncIterator[T]):
    """What ``take`` gives, one after the other. An asynchronous generator would be over, as if the end had come, when a
    timeout of ``asyncio.wait_for``, a cancellation or an error has left it; here the next call goes on."""

    def __init__(self, take: Callable[[], Awaitable[Optional[T]]]) -> None:
        self._take = take

    def __aiter__(self) -> "Following[T]":
        return self

    async def __anext__(self) -> T:
        while True:
            try:
                item = await self._take()
            except (EndError, ClosedError):
                raise StopAsyncIteration from None
            if item is not None:
                return item


class Closeable(Protocol):
    """What an ``async with`` block closes."""

    async def _leave(self, failed: bool) -> None:
        """Closes at the end of a block; ``failed`` when an exception ended it."""


C = TypeVar("C", bound=Closeable)


class Opening(Generic[C]):
    """An object that is being opened: await it, or open and close it with ``async with``."""

    def __init__(self, opening: Callable[[], Awaitable[C]]) -> None:
        self._opening = opening
        self._opened: Optional[C] = None

    def __await__(self) -> Generator[Any, None, C]:
        return self._opening().__await__()

    async def __aenter__(self) -> C:
        self._opened = await self._opening()
        return self._opened

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._opened is not None:
            await self._opened._leave(kind is not None)
