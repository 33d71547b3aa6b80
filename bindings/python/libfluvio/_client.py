"""The connection to a cluster, for plain programs."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from . import _exit
from ._admin import Admin
from ._consumer import Consumer
from ._core import Handle, Life, collected, config, finish, milliseconds, read_text, text
from ._delivery import Book
from ._errors import FluvioError, InvalidArgumentError
from ._health import ClientEvent, Health, parse_health
from ._library import Library, load
from ._observe import check_told, client_settings, observer
from ._position import ConsumerEvent, Events
from ._producer import INTERRUPTED_CLOSE, Producer
from ._stats import ClientStats, parse_client_stats
from ._store import store_of

C = TypeVar("C")


def endpoint_settings(
    endpoint: Optional[str], profile: Optional[str], settings: Mapping[str, object]
) -> Dict[str, object]:
    """The settings of a connection as one mapping."""
    if endpoint is None:  # the library sees the environment as it was when the library was loaded
        settings = {"profile_path": os.environ.get("FLV_PROFILE_PATH") or None, **settings}
    return {"endpoint": endpoint, "profile": profile, **settings}


def topic_settings(
    topics: Union[str, Sequence[str]], settings: Mapping[str, object]
) -> Tuple[Tuple[str, ...], Optional[bytes], Dict[str, object]]:
    """One topic, or several: their names, the name to open with, and the settings."""
    if isinstance(topics, str):
        return (topics,), text(topics, "topic"), dict(settings)
    if not isinstance(topics, Iterable):
        raise InvalidArgumentError(f"topics: expected a name or names, not {type(topics).__name__}")
    names = tuple(topics)
    if not names:
        raise InvalidArgumentError("topics: the list is empty; name one topic at least", details={"setting": "topics"})
    for name in names:
        text(name, "topic")
    return names, None, {**settings, "topics": names}


class Opener:
    """What the opening of a consumer needs, for plain and for asyncio programs."""

    def __init__(
        self,
        lib: Library,
        topics: Union[str, Sequence[str]],
        settings: Mapping[str, object],
        on_event: Optional[Callable[[ConsumerEvent], object]],
    ) -> None:
        self.topics, self.name, more = topic_settings(topics, settings)
        self.events = Events(lib, on_event)
        self._store, plain = store_of(lib, more)
        try:
            self.config = config(lib, plain)
            self.events.attach(self.config)
            if self._store is not None:
                self._store.attach(self.config)
        except BaseException:
            self._end()
            raise

    def opened(self, consumer: C, handle: Handle) -> C:
        """The consumer is there: its store serves it for as long as the library may ask."""
        if self._store is not None:
            self._store.serve(handle)
            self._store = None
        return consumer

    def _end(self) -> None:
        if self._store is not None:
            self._store.stop()

    def __enter__(self) -> "Opener":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._end()  # when it was not opened


def connect(
    endpoint: Optional[str] = None,
    *,
    profile: Optional[str] = None,
    timeout: Optional[float] = None,
    on_stats: Optional[Callable[[ClientStats], object]] = None,
    on_event: Optional[Callable[[ClientEvent], object]] = None,
    **settings: object,
) -> "Client":
    """Connects to a cluster: reaches its SC, agrees on versions, loads the metadata.

    Args:
        endpoint: ``host:port`` of the SC. None: what the profile says.
        profile: a profile of the official tools' file; None: the current one.
        timeout: seconds for all of it; None: what ``connection_timeout_ms`` and the other settings say.
        on_stats: called with the client's counters every ``statistics_interval_ms``, which it needs, on a thread that
            all clients share: it must not block long.
        on_event: called with what happens to connections, circuit breakers and the metadata, one event at a time, on
            the same thread.
        settings: more settings by name, for instance ``client_id``, ``profile_path``, ``connection_timeout_ms``,
            ``request_timeout_ms``, ``max_retries``, ``validate_on_connect`` (False: do not wait for the cluster; the
            first calls do), ``share_connections``, ``use_spu_local_address``; the library checks names and values.

    Raises:
        FluvioConnectionError: nobody listens there, or the connection was lost.
        FluvioTimeoutError: no connection or no answer in time.
        ProtocolError: something else than a Fluvio SC answers there.
        InvalidArgumentError: a setting is unknown or wrong; all of them are listed.
        NotFoundError: there is no such profile.
        LibraryNotFoundError: the shared library is not on this machine.
        ForkedError: this is a child forked after the library was used.
    """
    lib = load()
    with Told(lib, endpoint_settings(endpoint, profile, settings), on_stats, on_event) as told:
        operation = lib.client_connect_async(told.config.address, milliseconds(timeout), None, 0)
        address = finish(lib, operation, "connect", lib.op_take_client)
        return told.by(Client(lib, Handle(address, lib.client_free)))


class Told:
    """What a connection needs to have its logs, events and statistics told, for plain and for asyncio programs."""

    def __init__(
        self,
        lib: Library,
        settings: Dict[str, object],
        on_stats: Optional[Callable[[ClientStats], object]],
        on_event: Optional[Callable[[ClientEvent], object]],
    ) -> None:
        check_told(on_stats, on_event, settings)
        self._observer = observer(lib)
        self.config = config(lib, client_settings(settings))
        self._number = self._observer.attach(self.config, on_stats, on_event)
        self._kept = False

    def by(self, client: C) -> C:
        """The client is there, and tells for as long as it lives."""
        collected(client, self._observer.forget, self._number)
        self._kept = True
        return client

    def __enter__(self) -> "Told":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not self._kept:
            self._observer.forget(self._number)


class ClientBase:
    """What the clients for plain and for asyncio programs share."""

    def __init__(self, lib: Library, handle: Handle) -> None:
        self._lib = lib
        self._handle = handle
        self._address = handle.address
        self._life = Life()
        _exit.clients.add(self)

    def _start_close(self, timeout: Optional[float]) -> Optional[int]:
        """Begins to close; for :meth:`_finish_close`."""
        operation: Optional[int] = self._lib.client_close_async(self._address, milliseconds(timeout), None, 0)
        return operation

    def _finish_close(self, operation: Optional[int]) -> None:
        """Waits until the client is closed."""
        try:
            finish(self._lib, operation, "close client")
        except FluvioError:
            self._life.closed = True
            raise
        self._life.closed = True

    def _text(self, what: str, start: Callable[..., Optional[int]], timeout: Optional[float]) -> bytes:
        """A text that the library makes of the client."""
        operation = start(self._address, milliseconds(timeout), None, 0)
        return read_text(self._lib, finish(self._lib, operation, what, self._lib.op_take_text))

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._life.closed

    @property
    def platform_version(self) -> str:
        """The cluster's platform version, for instance ``"0.18.1"``."""
        raw: Optional[bytes] = self._lib.client_platform_version(self._address)
        return (raw or b"").decode()

    def __repr__(self) -> str:
        return f"<libfluvio.Client{' closed' if self.closed else ''}>"


class Client(ClientBase):
    """The connection to a cluster. Comes from :func:`connect`; usable from any number of threads.

    As a context manager it is closed, with its producers and consumers, at the end of the block. A client that is still
    open when the program ends is closed then, within five seconds.
    """

    @property
    def admin(self) -> Admin:
        """Manages the cluster: topics and its other objects, and the stored offsets of consumers."""
        return Admin(self)

    def producer(self, topic: str, *, timeout: Optional[float] = None, **settings: object) -> Producer:
        """Opens a producer.

        Args:
            topic: the topic.
            timeout: seconds; None: the client's ``request_timeout_ms``.
            settings: ``batch_size`` (bytes), ``linger_ms``, ``max_request_size`` (bytes), ``compression``,
                ``buffer_memory`` (bytes), ``buffer_full``, ``delivery``, ``delivery_timeout_ms``, ``isolation``,
                ``partitioner`` (``"siphash"`` by default; ``"round_robin"``, ``"sticky"``), ``partition`` (all records
                go there), ``smartmodules`` (a list of :class:`SmartModule`, through which records go before they are
                stored) and others of the table of settings.

        Raises:
            NotFoundError: there is no such topic.
            InvalidArgumentError: the topic's name or a setting is wrong.
            FluvioTimeoutError: no answer in time.
        """
        lib = self._lib
        name = text(topic, "topic")
        values = config(lib, settings)
        book = Book(lib, topic, self._life)
        operation = lib.producer_open_async(
            self._address, name, values.address, book.queue.address, milliseconds(timeout), None, 0
        )
        address = finish(lib, operation, "open producer", lib.op_take_producer)
        return Producer(lib, topic, Handle(address, lib.producer_free), book, self, settings)

    def consumer(
        self,
        topics: Union[str, Sequence[str]],
        *,
        timeout: Optional[float] = None,
        on_event: Optional[Callable[[ConsumerEvent], object]] = None,
        **settings: object,
    ) -> Consumer:
        """Opens a consumer of one topic or of several.

        Args:
            topics: a name, or a sequence of names. One that begins with ``^`` is a pattern: a regular expression (RE2)
                for whole names, which stands for all topics that match, new ones included.
            timeout: seconds; None: the client's ``request_timeout_ms``.
            on_event: called with what happens to partitions, on the thread that reads, whenever it comes for records.
                The log tells of them too, with warnings of positions and batches that had to be passed over.
            settings: ``start`` (``"end"`` by default; ``"beginning"``, ``"beginning+N"``, ``"end-N"``, an offset, or a
                ``datetime``), ``stop_at`` (never by default; ``"end"``, an offset, or a ``datetime``), ``partitions``
                (all by default), ``group_size`` and ``group_member`` (a static group), ``offset_reset``,
                ``corrupt_batches``, ``max_retries``, ``offset_store`` (a name, or an :class:`OffsetStore`),
                ``offset_store_path``, ``max_bytes``,
                ``prefetch_bytes``, ``isolation`` and others of the table of settings. ``consumer_id`` names the
                consumer: unless ``start`` is an offset, reading goes on behind what is stored under this name.
                ``offset_strategy`` says who stores: ``"none"``, ``"manual"`` (:meth:`Consumer.commit`) or ``"auto"``
                (also every ``offset_flush_ms``, and ``close``). ``smartmodules`` is a list of :class:`SmartModule`
                through which the records go: what comes out has no timestamps, and offsets that are exact only for
                the last record of what was read together; with ``stop_at`` a partition also ends when nothing has
                come for the client's ``request_timeout_ms``.

        Raises:
            NotFoundError: there is no such topic.
            UnsupportedError: ``consumer_id`` is given, and the cluster's platform keeps no offsets.
            InvalidArgumentError: a topic's name, a partition or a setting is wrong.
            FluvioTimeoutError: no answer in time.
        """
        lib = self._lib
        with Opener(lib, topics, settings, on_event) as opener:
            operation = lib.consumer_open_async(
                self._address, opener.name, opener.config.address, milliseconds(timeout), None, 0
            )
            address = finish(lib, operation, "open consumer", lib.op_take_consumer)
            handle = Handle(address, lib.consumer_free)
            return opener.opened(
                Consumer(lib, opener.topics, handle, self, self._life, settings, opener.events), handle
            )

    def health(self, timeout: Optional[float] = None) -> Health:
        """How the client and its cluster are: asks the SC and every SPU for a sign of life, all at once.

        Args:
            timeout: seconds; who has not answered by then is not reachable. None: ``connection_timeout_ms``.

        Raises:
            ClosedError: the client was closed.
        """
        return parse_health(self._text("health", self._lib.client_health_async, timeout))

    def stats(self, timeout: Optional[float] = None) -> ClientStats:
        """The client's counters, with those of its open producers and consumers. It asks nobody.

        Raises:
            ClosedError: the client was closed.
        """
        return parse_client_stats(self._text("client stats", self._lib.client_stats_async, timeout))

    def prometheus(self, timeout: Optional[float] = None) -> str:
        """The counters in Prometheus's text format, to be served as ``text/plain; version=0.0.4``.

        Raises:
            ClosedError: the client was closed.
        """
        return self._text("prometheus text", self._lib.client_prometheus_async, timeout).decode()

    def close(self, timeout: Optional[float] = None) -> None:
        """Closes the client with its producers, whose records are delivered first, and its consumers. Does nothing when
        closed already.

        Args:
            timeout: seconds to deliver; what is left then fails. None: as long as ``delivery_timeout_ms`` allows.

        Raises:
            FluvioTimeoutError: some records had to be failed.
        """
        if self._life.closed:
            return
        self._finish_close(self._start_close(timeout))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
            return
        try:
            self.close(INTERRUPTED_CLOSE)
        except FluvioError:
            pass  # the exception that ended the block says more
