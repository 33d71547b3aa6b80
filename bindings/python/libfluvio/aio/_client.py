"""The connection to a cluster, for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Optional, Sequence, TypeVar, Union

from .._client import ClientBase, Opener, Told, endpoint_settings
from .._core import Handle, config, milliseconds, read_text, text
from .._errors import FluvioError
from .._health import ClientEvent, Health, parse_health
from .._library import Library, load
from .._position import ConsumerEvent
from .._producer import INTERRUPTED_CLOSE
from .._stats import ClientStats, parse_client_stats
from ._admin import Admin
from ._consumer import Consumer
from ._loop import Opening, Operations
from ._producer import AioBook, Producer

T = TypeVar("T")


def connect(
    endpoint: Optional[str] = None,
    *,
    profile: Optional[str] = None,
    timeout: Optional[float] = None,
    on_stats: Optional[Callable[[ClientStats], object]] = None,
    on_event: Optional[Callable[[ClientEvent], object]] = None,
    **settings: object,
) -> "Opening[Client]":
    """Connects to a cluster: ``client = await connect(...)`` or ``async with connect(...) as client``. Arguments and
    errors as for :func:`libfluvio.connect`; ``on_stats`` and ``on_event`` are called in the event loop."""

    async def opening() -> Client:
        lib = load()
        wait_ms = milliseconds(timeout)
        wanted = endpoint_settings(endpoint, profile, settings)
        with Told(lib, wanted, in_loop(on_stats), in_loop(on_event)) as told:
            operations = Operations(lib)
            address = await operations.run(
                "connect",
                lambda queue, opaque: lib.client_connect_async(told.config.address, wait_ms, queue, opaque),
                lib.op_take_client,
            )
            return told.by(Client(lib, Handle(address, lib.client_free), operations))

    return Opening(opening)


def in_loop(told: Optional[Callable[[T], object]]) -> Optional[Callable[[T], object]]:
    """A callback that runs in the event loop, wherever it is called."""
    if told is None or not callable(told):
        return told
    loop, called = asyncio.get_running_loop(), told

    def tell(what: T) -> None:
        try:
            loop.call_soon_threadsafe(called, what)
        except RuntimeError:
            pass  # the loop was closed before the client

    return tell


class Client(ClientBase):
    """The connection to a cluster. Comes from :func:`connect`."""

    def __init__(self, lib: Library, handle: Handle, operations: Operations) -> None:
        super().__init__(lib, handle)
        self._operations = operations

    @property
    def admin(self) -> Admin:
        """Manages the cluster: topics and its other objects, and the stored offsets of consumers."""
        return Admin(self)

    def producer(self, topic: str, *, timeout: Optional[float] = None, **settings: object) -> "Opening[Producer]":
        """Opens a producer: await it, or use it with ``async with``. Arguments and errors as for
        :meth:`libfluvio.Client.producer`."""

        async def opening() -> Producer:
            lib, wait_ms = self._lib, milliseconds(timeout)
            name = text(topic, "topic")
            values = config(lib, settings)
            book = AioBook(lib, topic, self._life)
            address = await self._operations.run(
                "open producer",
                lambda queue, opaque: lib.producer_open_async(
                    self._address, name, values.address, book.queue.address, wait_ms, queue, opaque
                ),
                lib.op_take_producer,
            )
            handle = Handle(address, lib.producer_free)
            return Producer(lib, topic, handle, book, self, settings, self._operations)

        return Opening(opening)

    def consumer(
        self,
        topics: Union[str, Sequence[str]],
        *,
        timeout: Optional[float] = None,
        on_event: Optional[Callable[[ConsumerEvent], object]] = None,
        **settings: object,
    ) -> "Opening[Consumer]":
        """Opens a consumer: await it, or use it with ``async with``. Arguments and errors as for
        :meth:`libfluvio.Client.consumer`."""

        async def opening() -> Consumer:
            lib, wait_ms = self._lib, milliseconds(timeout)
            with Opener(lib, topics, settings, on_event) as opener:
                address = await self._operations.run(
                    "open consumer",
                    lambda queue, opaque: lib.consumer_open_async(
                        self._address, opener.name, opener.config.address, wait_ms, queue, opaque
                    ),
                    lib.op_take_consumer,
                )
                handle = Handle(address, lib.consumer_free)
                return opener.opened(
                    Consumer(
                        lib, opener.topics, handle, self, self._life, settings, opener.events, self._operations
                    ),
                    handle,
                )

        return Opening(opening)

    async def _aio_text(self, what: str, start: Callable[..., Optional[int]], timeout: Optional[float]) -> bytes:
        wait_ms = milliseconds(timeout)
        address = await self._operations.run(
            what, lambda queue, opaque: start(self._address, wait_ms, queue, opaque), self._lib.op_take_text
        )
        return read_text(self._lib, address)

    async def health(self, timeout: Optional[float] = None) -> Health:
        """How the client and its cluster are, as :meth:`libfluvio.Client.health`."""
        return parse_health(await self._aio_text("health", self._lib.client_health_async, timeout))

    async def stats(self, timeout: Optional[float] = None) -> ClientStats:
        """The client's counters, as :meth:`libfluvio.Client.stats`."""
        return parse_client_stats(await self._aio_text("client stats", self._lib.client_stats_async, timeout))

    async def prometheus(self, timeout: Optional[float] = None) -> str:
        """The counters in Prometheus's text format, as :meth:`libfluvio.Client.prometheus`."""
        return (await self._aio_text("prometheus text", self._lib.client_prometheus_async, timeout)).decode()

    async def close(self, timeout: Optional[float] = None) -> None:
        """Closes the client with its producers, whose records are delivered first, and its consumers. Arguments and
        errors as for :meth:`libfluvio.Client.close`."""
        if self._life.closed:
            return
        wait_ms = milliseconds(timeout)
        try:
            await self._operations.run(
                "close client",
                lambda queue, opaque: self._lib.client_close_async(self._address, wait_ms, queue, opaque),
            )
        except FluvioError:
            self._life.closed = True
            raise
        self._life.closed = True

    async def _leave(self, failed: bool) -> None:
        if not failed:
            await self.close()
            return
        try:
            await self.close(INTERRUPTED_CLOSE)
        except FluvioError:
            pass  # the exception that ended the block says more

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        await self._leave(kind is not None)

    def __repr__(self) -> str:
        return f"<libfluvio.aio.Client{' closed' if self.closed else ''}>"
