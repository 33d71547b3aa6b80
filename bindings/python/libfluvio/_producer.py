"""Producers: records into a topic."""

from __future__ import annotations

import threading
import warnings
import weakref
from ctypes import byref, c_void_p
from functools import partial
from typing import Any, Callable, Iterable, List, Mapping, Optional, Tuple

from . import _abi, _exit, _process
from ._core import BytesLike, Deadline, Handle, data, finish, milliseconds
from ._delivery import INDEXES, MASK, PAGE, Book, Delivery, DeliveryGroup, GroupBase, Page
from ._errors import FluvioError, take_error
from ._layout import LAYOUT
from ._library import Library, refuse
from ._packing import Sendable, address_of, check_partition, check_records, check_timestamp, chunks, sender_of
from ._stats import ProducerStats, read_stats

INTERRUPTED_CLOSE = 1.0
"""Seconds that leaving a ``with`` block by an exception still gives to records that were accepted."""

LONGEST = (1 << 32) - 1
"""Bytes of a key or a value that the quick way into the library takes; any that is longer is refused there anyhow."""
GROUPS = 1 << 32
"""Numbers of records of ``send_many`` begin here. Those of ``send`` are below, and begin anew when they are used up."""


new_delivery = Delivery.__new__  # quicker than the constructor's call, on the way of every record


class ProducerBase:
    """What the producers for plain and for asyncio programs share: numbers, pages, and one attempt to hand over."""

    def __init__(
        self, lib: Library, topic: str, handle: Handle, book: Book, client: object, settings: Mapping[str, object]
    ) -> None:
        self._lib = lib
        self._client = client  # a client without owner would be closed
        self.topic = topic
        """The topic this producer writes to."""
        self._book = book
        self._handle = handle
        self._address = handle.address
        self._life = book.producer
        self._c_send: Any = lib.producer_send
        plain = LAYOUT is not None and LAYOUT.plain
        self._c_try: Any = lib.producer_try_send_block if plain else partial(try_send, lib)
        self._argument = c_void_p.from_param(handle.address)
        self._fails_when_full = settings.get("buffer_full") == "fail"
        self._page = Page(book, 0, [], 0)
        self._next = 0  # where the next page of send begins
        self._next_group = GROUPS
        self._group_page: Optional[Page] = None
        book.hurry = partial(_hurry, weakref.ref(self))
        self._lock = threading.RLock()
        _process.watch(self)
        _exit.producers.add(self)

    def __del__(self) -> None:
        book: Optional[Book] = getattr(self, "_book", None)
        if book is not None and not book.ended() and not _process.STATE.forked:
            warnings.warn(f"{self!r} was not closed: its last records may be lost", ResourceWarning, stacklevel=2)

    def _after_fork(self) -> None:
        self._lock = threading.RLock()
        self._c_send = self._c_try = refuse

    def _send_call(self, key: Optional[bytes], value: bytes, number: int) -> Callable[[int, Any], int]:
        """The call that hands one record over, for :meth:`_attempt`."""
        size, key_size = len(value), 0 if key is None else len(key)
        send = self._c_send
        return lambda wait_ms, error: send(self._address, key, key_size, value, size, number, wait_ms, error)

    @property
    def closed(self) -> bool:
        """Whether this producer, or its client, was closed."""
        return self._book.ended()

    def _start_close(self, timeout: Optional[float]) -> Optional[int]:
        """Begins to close; for :meth:`_finish_close`."""
        operation: Optional[int] = self._lib.producer_close_async(self._address, milliseconds(timeout), None, 0)
        return operation

    def _finish_close(self, operation: Optional[int]) -> None:
        """Waits until the producer is closed, and raises the failures nobody was told of."""
        try:
            finish(self._lib, operation, "close producer", between=self._book.drain)
        except FluvioError:
            self._life.closed = True
            raise
        self._life.closed = True
        self._book.drain()
        self._book.raise_failure()

    def _turn_page(self) -> Tuple[Page, int]:
        """A page, and an index in it that no record has, when the page in use has none."""
        with self._lock:
            if not self._page.free:
                self._page = Page(self._book, 0, [], 0)  # futures alone keep the full page from now on
        self._book.drain()
        with self._lock:
            if not self._page.free:
                self._page = self._book.new_page(self._next, INDEXES.copy())
                self._next = (self._next + PAGE) % GROUPS
            page = self._page
        try:
            return page, page.free.pop()
        except IndexError:  # other threads were quicker, 1024 times
            return self._turn_page()

    def _take_index(self) -> Tuple[Page, int]:
        """A page, and an index in it for one record."""
        page = self._page
        try:
            return page, page.free.pop()
        except IndexError:
            del page
            return self._turn_page()

    def _numbers(self, count: int) -> Tuple[int, List[Page]]:
        """The numbers of ``count`` records in a row: the first, and their pages."""
        with self._lock:
            first = self._next_group
            self._next_group = end = first + count
            pages = [self._group_page] if self._group_page is not None and first & MASK else []
            pages += [self._book.new_page(at, []) for at in range(first + MASK & ~MASK, end, PAGE)]
            self._group_page = pages[-1] if end & MASK else None
        return first, pages

    def _record(
        self, key: Optional[bytes], value: bytes, number: int, partition: Optional[int], timestamp: Optional[int]
    ) -> _abi.RecordIn:
        """A record with its own partition or timestamp, for the library. Points into key and value."""
        chosen, time = check_partition(partition), check_timestamp(timestamp)
        return _abi.RecordIn(
            key=None if key is None else address_of(key),
            key_len=0 if key is None else len(key),
            value=address_of(value),
            value_len=len(value),
            timestamp=time,
            opaque=number,
            partition=chosen,
        )

    def _attempt(self, call: Any, wait_ms: int, last: bool) -> bool:
        """Calls the library once. False: there was no room, and it is not the last attempt."""
        error = c_void_p()
        try:
            status: int = call(wait_ms, byref(error))
            if status == _abi.OK:
                return True
            if status != _abi.QUEUE_FULL or last or self._fails_when_full:
                raise take_error(self._lib, status, error)
            return False
        finally:
            if error.value:
                self._lib.error_free(error)


def try_send(lib: Library, producer: object, key: Optional[bytes], value: bytes, number: int) -> int:
    """``fluvio_producer_try_send_block`` for interpreters whose layout of bytes is not known."""
    size, key_size = len(value), 0 if key is None else len(key)
    if size > LONGEST or key_size > LONGEST:
        return _abi.INVALID_ARGUMENT
    status: int = lib.producer_try_send(producer, key, key_size, value, size, number)
    return status


def _hurry(of: "weakref.ref[ProducerBase]") -> None:
    """Makes what a producer holds back leave at once."""
    producer = of()
    if producer is not None:
        producer._lib.producer_hurry(producer._argument, None)


def accepted_detail(error: FluvioError, group: GroupBase) -> None:
    """Notes in the error of ``send_many`` how many records were accepted before it."""
    error.details["accepted"] = str(len(group))


class Producer(ProducerBase):
    """Writes records to one topic. Comes from :meth:`Client.producer`; usable from any number of threads.

    As a context manager it is closed, and with that flushed, at the end of the block. If an exception ends the block,
    records that were accepted have one more second. A producer that is still open when the program ends is closed then,
    within five seconds.
    """

    def send(
        self,
        value: BytesLike,
        key: Optional[BytesLike] = None,
        *,
        partition: Optional[int] = None,
        timestamp: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Delivery:
        """Hands a record over to be sent in the background, and returns the future of its report.

        Waits only while ``buffer_memory`` is used up, never for the network.

        Args:
            value: the value; text is encoded as UTF-8.
            key: records with equal keys go to the same partition. None: no key. An empty key is a key.
            partition: the partition, instead of the partitioner's choice.
            timestamp: milliseconds since the epoch; None: now.
            timeout: seconds to wait for room; None waits without limit.

        Raises:
            TooLargeError: the record is above a limit.
            QueueFullError: there was no room by the deadline, or at all with ``buffer_full="fail"``.
            ClosedError: producer or client were closed.
        """
        if type(value) is not bytes:
            value = data(value, "value")
        if key is not None and type(key) is not bytes:
            key = data(key, "key")
        if partition is not None or timestamp is not None:
            return self._send_placed(key, value, partition, timestamp, timeout)
        page = self._page
        try:
            index = page.free.pop()
        except IndexError:
            del page  # see _turn_page
            page, index = self._turn_page()
        # The first attempt neither waits nor asks why: if it fails nothing was accepted, and the second one does.
        if self._c_try(self._argument, key, value, page.first + index):
            self._insist(self._send_call(key, value, page.first + index), Deadline(timeout))
        delivery = new_delivery(Delivery)
        delivery._page = page
        delivery._index = index
        return delivery

    def _send_placed(
        self,
        key: Optional[bytes],
        value: bytes,
        partition: Optional[int],
        timestamp: Optional[int],
        timeout: Optional[float],
    ) -> Delivery:
        page, index = self._take_index()
        record = self._record(key, value, page.first + index, partition, timestamp)
        self._insist(
            lambda wait_ms, error: self._lib.producer_send_batch(
                self._address, byref(record), 1, wait_ms, None, error
            ),
            Deadline(timeout),
        )
        return Delivery(page, index)

    def send_many(self, records: Iterable[Sendable], *, timeout: Optional[float] = None) -> DeliveryGroup:
        """Hands many records over, in order, quicker than :meth:`send` can.

        Args:
            records: values, pairs ``(key, value)``, :class:`RecordInput` for records with a partition or timestamp of
                their own, or objects with ``key`` and ``value`` such as records that were read; mixed as you like. May
                be a generator, also an endless one.
            timeout: seconds to wait for room, for all of them together; None waits without limit.

        Raises:
            TooLargeError, QueueFullError, ClosedError: as :meth:`send`; ``details["accepted"]`` is the number of
                records that were accepted before. Those are sent.
            InvalidArgumentError: ``records`` is itself text or bytes; or a record is a tuple of another length, text
                that UTF-8 cannot hold, or has a negative partition or timestamp.
            TypeError: a record is none of the kinds above. As with InvalidArgumentError, the message tells which one,
                and how many were accepted before: records are looked at in chunks of up to 1024, and of a chunk with a
                wrong one nothing is sent.
        """
        check_records(records)
        deadline = Deadline(timeout)
        group = DeliveryGroup(self._book)
        for chunk in chunks(records):
            first, pages = self._numbers(len(chunk))
            group._extend(first, len(chunk), pages)
            sender = sender_of(self._lib, self._address, chunk, first)
            try:
                self._insist(sender.call, deadline)
            except BaseException as error:
                group._drop(len(chunk) - sender.sent)
                if isinstance(error, FluvioError):
                    accepted_detail(error, group)
                raise
            self._book.drain()
        return group

    def _insist(self, call: Any, deadline: Deadline) -> None:
        """Repeats a call in short waits until there is room or the deadline has passed."""
        while True:
            wait_ms = deadline.slice_ms()
            if self._attempt(call, wait_ms, deadline.passed()):
                return
            self._book.drain()  # reports that nobody takes fill the buffer too

    def stats(self, timeout: Optional[float] = None) -> ProducerStats:
        """What this producer has counted since it was opened.

        Args:
            timeout: seconds; None waits without limit, which is short: nobody else is asked.

        Raises:
            ClosedError: producer or client were closed.
        """
        operation = self._lib.producer_stats_async(self._address, milliseconds(timeout), None, 0)
        return read_stats(self._lib, finish(self._lib, operation, "producer stats", self._lib.op_take_text))

    def flush(self, timeout: Optional[float] = None) -> None:
        """Waits until every record accepted before the call is delivered or has failed.

        Args:
            timeout: seconds; None waits as long as ``delivery_timeout_ms`` allows.

        Raises:
            FluvioTimeoutError: some are still on their way.
            FluvioError: the first failure nobody has been told of, so that programs which drop their futures see
                failures too; ``details["failed_records"]`` is their number. A failure is told once: by this, by its
                future's ``result`` or ``exception`` (a group's tells of the whole group), or by a callback.
        """
        operation = self._lib.producer_flush_async(self._address, milliseconds(timeout), None, 0)
        finish(self._lib, operation, "flush", between=self._book.drain)
        self._book.drain()
        self._book.raise_failure()

    def close(self, timeout: Optional[float] = None) -> None:
        """Delivers what was accepted, then closes. Does nothing when closed already.

        Args:
            timeout: seconds to deliver; what is left then fails. None: as long as ``delivery_timeout_ms`` allows.

        Raises:
            FluvioTimeoutError: some records had to be failed.
            FluvioError: as :meth:`flush`.
        """
        if self._life.closed:
            return
        self._finish_close(self._start_close(timeout))

    def __enter__(self) -> "Producer":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
            return
        try:
            self.close(INTERRUPTED_CLOSE)
        except FluvioError:
            pass  # the exception that ended the block says more

    def __repr__(self) -> str:
        return f"<libfluvio.Producer {self.topic}{' closed' if self.closed else ''}>"
