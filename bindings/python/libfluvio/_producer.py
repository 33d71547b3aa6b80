"""Producers: records into a topic."""

from __future__ import annotations

import ctypes
import threading
import warnings
import weakref
from array import array
from ctypes import byref, c_char_p, c_size_t, c_void_p, cast
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Tuple, Union

from . import _abi, _exit, _process
from ._core import BytesLike, Deadline, Handle, data, finish, milliseconds
from ._delivery import INDEXES, MASK, PAGE, Book, Delivery, DeliveryGroup, GroupBase, Page
from ._errors import FluvioError, InvalidArgumentError, take_error
from ._library import Library, refuse
from ._stats import ProducerStats, read_stats

INTERRUPTED_CLOSE = 1.0
"""Seconds that leaving a ``with`` block by an exception still gives to records that were accepted."""

LONGEST = (1 << 32) - 1
"""Bytes of a key or a value that the quick way into the library takes; any that is longer is refused there anyhow."""
GROUPS = 1 << 32
"""Numbers of records of ``send_many`` begin here. Those of ``send`` are below, and begin anew when they are used up."""

CHUNK_BYTES = 120 << 10
"""Bytes of records packed at a time. An allocator takes blocks from 128 KiB on from the system each time, whose zeroing
costs several times what packing does."""
CHUNK_RECORDS = PAGE


class KeyedRecord(Protocol):
    """Anything with a key and a value, for instance a :class:`Record` that was read: its key and value are sent."""

    @property
    def key(self) -> Optional[BytesLike]:
        """The key, None for a record without one."""

    @property
    def value(self) -> BytesLike:
        """The value."""
        ...


@dataclass(frozen=True)
class RecordInput:
    """A record for ``send_many`` with a partition or a timestamp of its own."""

    value: BytesLike
    key: Optional[BytesLike] = None
    partition: Optional[int] = None
    """The partition, instead of the partitioner's choice."""
    timestamp: Optional[int] = None
    """Milliseconds since the epoch; None: now."""


Sendable = Union[bytes, bytearray, memoryview, str, Tuple[Optional[BytesLike], BytesLike], RecordInput, KeyedRecord]
"""What ``send_many`` takes: a value, a pair of key and value, a :class:`RecordInput`, or any other object with ``key``
and ``value``, of which nothing else counts."""


class Chunk(NamedTuple):
    """Records as the library takes them: all bytes in a row, and the length of each part."""

    data: bytes
    key_length: "Optional[array[int]]"
    value_length: "array[int]"
    partition: "Optional[array[int]]" = None  # -1: the partitioner's choice
    timestamp: "Optional[array[int]]" = None  # 0: now

    def __len__(self) -> int:
        return len(self.value_length)

    def records(self, first: int) -> "ctypes.Array[_abi.RecordIn]":
        """The records with partitions and timestamps of their own, numbered from ``first``. Points into the data."""
        out = (_abi.RecordIn * len(self))()
        at = address_of(self.data)
        assert self.key_length is not None and self.partition is not None and self.timestamp is not None
        columns = zip(out, self.key_length, self.value_length, self.partition, self.timestamp)
        for number, (record, key_length, value_length, partition, timestamp) in enumerate(columns, first):
            if key_length != _abi.NO_KEY:
                record.key, record.key_len = at, key_length
                at += key_length
            record.value, record.value_len = at, value_length
            at += value_length
            record.timestamp, record.opaque, record.partition = timestamp, number, partition
        return out


def _pair(item: object) -> Tuple[Optional[bytes], bytes]:
    """Key and value of one item of ``send_many``."""
    if isinstance(item, (bytes, bytearray, memoryview, str)):
        return None, data(item, "value")
    if type(item) is tuple or (isinstance(item, tuple) and not hasattr(item, "value")):
        if len(item) != 2:
            raise InvalidArgumentError(f"a tuple of {len(item)} is not a pair of key and value")
        key, value = item
    else:
        try:
            key, value = item.key, item.value  # type: ignore[attr-defined]
        except AttributeError:
            raise TypeError(
                "expected bytes, text, a pair of key and value, or an object with key and value, not "
                f"{type(item).__name__}"
            ) from None
    return None if key is None else data(key, "key"), data(value, "value")


def _wrong_record(error: Exception, index: int, accepted: int) -> Exception:
    """The error of one item of ``send_many``: which one it is, and what became of those before it."""
    message = (
        f"send_many: record {index}, counted from 0: {error} "
        f"[hint: records before {accepted} were accepted, none from {accepted} on]"
    )
    if isinstance(error, InvalidArgumentError):
        return InvalidArgumentError(message, details={"accepted": str(accepted), "record": str(index)})
    return TypeError(message)


def pack(items: List[Any], accepted: int = 0) -> Chunk:
    """Packs records into columns, all or none. Plain bytes and pairs of bytes take the quick way. ``accepted`` records
    of the same ``send_many`` came before, which an error tells."""
    types = list(map(type, items))
    if types.count(bytes) == len(items):
        return Chunk(b"".join(items), None, array("I", map(len, items)))
    kinds = set(types)
    if kinds == {tuple} and set(map(len, items)) == {2}:
        fields = list(chain.from_iterable(items))
        if set(map(type, fields)) == {bytes}:
            lengths = list(map(len, fields))
            return Chunk(b"".join(fields), array("I", lengths[::2]), array("I", lengths[1::2]))
    parts: List[bytes] = []
    key_length, value_length = array("I"), array("I")
    placed = any(issubclass(kind, RecordInput) for kind in kinds)
    partition, timestamp = array("i"), array("q")
    try:
        for item in items:
            key, value = _pair(item)
            if placed:
                partition.append(check_partition(item.partition) if isinstance(item, RecordInput) else -1)
                timestamp.append(check_timestamp(item.timestamp) if isinstance(item, RecordInput) else 0)
            key_length.append(_abi.NO_KEY if key is None else len(key))
            value_length.append(len(value))
            if key is not None:
                parts.append(key)
            parts.append(value)
    except (TypeError, InvalidArgumentError) as error:
        raise _wrong_record(error, accepted + len(value_length), accepted) from None
    if placed:
        return Chunk(b"".join(parts), key_length, value_length, partition, timestamp)
    return Chunk(b"".join(parts), key_length, value_length)


def check_records(records: object) -> None:
    """Refuses one value where ``send_many`` takes many: its letters or bytes would become records."""
    if isinstance(records, (str, bytes, bytearray, memoryview)):
        raise InvalidArgumentError(
            f"send_many: records: expected an iterable of records, not one {type(records).__name__} "
            "[hint: send(value) sends one record, send_many([value]) too]",
            details={"accepted": "0"},
        )


def chunks(records: Iterable[Sendable], accepted: int = 0) -> Iterator[Chunk]:
    """Packs records in chunks of some 100 KiB, so that neither many small nor a few large ones need much memory.
    ``accepted`` records of the same ``send_many`` came before; asking for the next chunk means the last was too."""
    iterator = iter(records)
    size = 64
    while True:
        items = list(islice(iterator, size))
        if not items:
            return
        chunk = pack(items, accepted)
        accepted += len(chunk)
        if len(chunk.data) * 2 < CHUNK_BYTES:
            size = min(2 * size, CHUNK_RECORDS)
        elif len(chunk.data) > CHUNK_BYTES:
            size = max(1, size // 2)
        yield chunk


def address_of(raw: bytes) -> int:
    """Where the bytes lie; valid as long as ``raw`` is."""
    return cast(c_char_p(raw), c_void_p).value or 0


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
        self._c_try: Any = lib.producer_try_send
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


def _hurry(of: "weakref.ref[ProducerBase]") -> None:
    """Makes what a producer holds back leave at once."""
    producer = of()
    if producer is not None:
        producer._lib.producer_hurry(producer._argument, None)


class ColumnSender:
    """Hands one chunk over, in as many attempts as the buffer's room makes necessary."""

    __slots__ = ("_producer", "_chunk", "_first", "sent", "_byte", "_records")

    def __init__(self, producer: ProducerBase, chunk: Chunk, first: int) -> None:
        self._producer = producer
        self._chunk = chunk
        self._first = first
        self.sent = 0
        self._byte = 0
        self._records = None if chunk.partition is None else chunk.records(first)

    def call(self, wait_ms: int, error: Any) -> int:
        """One call into the library, for what is left of the chunk."""
        if self._records is not None:
            return self._call_placed(self._records, wait_ms, error)
        chunk, done, sent = self._chunk, self.sent, c_size_t()
        keys = chunk.key_length
        status: int = self._producer._lib.producer_send_columns(
            self._producer._address,
            address_of(chunk.data) + self._byte,
            len(chunk.data) - self._byte,
            None if keys is None else keys.buffer_info()[0] + 4 * done,
            chunk.value_length.buffer_info()[0] + 4 * done,
            len(chunk) - done,
            self._first + done,
            wait_ms,
            byref(sent),
            error,
        )
        self.sent = done + sent.value
        if self.sent < len(chunk):
            self._byte += sum(chunk.value_length[done : self.sent])
            if keys is not None:
                self._byte += sum(length for length in keys[done : self.sent] if length != _abi.NO_KEY)
        return status

    def _call_placed(self, records: "ctypes.Array[_abi.RecordIn]", wait_ms: int, error: Any) -> int:
        done, sent = self.sent, c_size_t()
        status: int = self._producer._lib.producer_send_batch(
            self._producer._address,
            byref(records, done * ctypes.sizeof(_abi.RecordIn)),
            len(records) - done,
            wait_ms,
            byref(sent),
            error,
        )
        self.sent = done + sent.value
        return status


def check_int(value: object, what: str, low: int, high: int) -> int:
    """An integer in its range, or InvalidArgumentError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidArgumentError(f"{what}: {value!r} is not a whole number from {low} to {high}")
    return value


def check_partition(partition: Optional[int]) -> int:
    """A chosen partition as the library takes it."""
    return -1 if partition is None else check_int(partition, "partition", 0, 2**31 - 1)


def check_timestamp(timestamp: Optional[int]) -> int:
    """A timestamp of the caller's as the library takes it."""
    return 0 if timestamp is None else check_int(timestamp, "timestamp", 1, 2**63 - 1)


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
        size = len(value)
        key_size = 0
        if key is not None:
            if type(key) is not bytes:
                key = data(key, "key")
            key_size = len(key)
        if partition is not None or timestamp is not None or size > LONGEST or key_size > LONGEST:
            return self._send_placed(key, value, partition, timestamp, timeout)
        page = self._page
        try:
            index = page.free.pop()
        except IndexError:
            del page  # see _turn_page
            page, index = self._turn_page()
        # The first attempt neither waits nor asks why: if it fails nothing was accepted, and the second one does.
        if self._c_try(self._argument, key, key_size, value, size, page.first + index):
            self._send_again(key, value, page.first + index, timeout)
        return Delivery(page, index)

    def _send_again(self, key: Optional[bytes], value: bytes, number: int, timeout: Optional[float]) -> None:
        size, key_size = len(value), 0 if key is None else len(key)
        self._insist(
            lambda wait_ms, error: self._c_send(
                self._address, key, key_size, value, size, number, wait_ms, error
            ),
            Deadline(timeout),
        )

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
            sender = ColumnSender(self, chunk, first)
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
