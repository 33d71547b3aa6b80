"""Records on their way into the library: what ``send_many`` takes, in chunks, and the calls that hand these over."""

from __future__ import annotations

import ctypes
from array import array
from ctypes import byref, c_char_p, c_size_t, c_void_p, cast
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import is_
from typing import Any, Collection, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Tuple, Union

from . import _abi
from ._core import BytesLike, data
from ._delivery import PAGE
from ._errors import InvalidArgumentError
from ._layout import LAYOUT, Layout
from ._library import Library

POINTER = ctypes.sizeof(c_void_p)
CHUNK_BYTES = 120 << 10
"""Bytes of records packed at a time. An allocator takes blocks from 128 KiB on from the system each time, whose zeroing
costs several times what packing does."""
CHUNK_RECORDS = PAGE
"""Records packed at a time, at most."""
BLOCKS = 4 * PAGE
"""Values of a list handed over at a time, where they are. It is what a call costs that makes fewer slower."""
BLOCK_BYTES = 1 << 20
"""About so many bytes of them, at most: between the calls reports are taken in, without which the buffer fills."""
SAMPLE = 64
"""One of so many values is looked at to know how large they are."""


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


class Blocks(NamedTuple):
    """Values without keys, which the library reads where they are."""

    values: Tuple[bytes, ...]
    layout: Layout

    def __len__(self) -> int:
        return len(self.values)


class Columns(NamedTuple):
    """Records copied for the library: all bytes in a row, and the length of each part."""

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


Chunk = Union[Blocks, Columns]
"""Records that are handed over together."""


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


def all_of(kind: type, items: Collection[object]) -> bool:
    """Whether these are all of a type, and not of one that derives from it."""
    return all(map(is_, map(type, items), repeat(kind)))  # not by ==, which a metaclass may answer as it likes


def pack(items: List[Any], accepted: int = 0) -> Columns:
    """Packs records into columns, all or none. Plain bytes and pairs of bytes take the quick way. ``accepted`` records
    of the same ``send_many`` came before, which an error tells."""
    if all_of(bytes, items):
        return Columns(b"".join(items), None, array("I", map(len, items)))
    if all_of(tuple, items) and set(map(len, items)) == {2}:
        fields = list(chain.from_iterable(items))
        if all_of(bytes, fields):
            lengths = list(map(len, fields))
            return Columns(b"".join(fields), array("I", lengths[::2]), array("I", lengths[1::2]))
    parts: List[bytes] = []
    key_length, value_length = array("I"), array("I")
    placed = any(issubclass(kind, RecordInput) for kind in set(map(type, items)))
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
        return Columns(b"".join(parts), key_length, value_length, partition, timestamp)
    return Columns(b"".join(parts), key_length, value_length)


def check_records(records: object) -> None:
    """Refuses one value where ``send_many`` takes many: its letters or bytes would become records."""
    if isinstance(records, (str, bytes, bytearray, memoryview)):
        raise InvalidArgumentError(
            f"send_many: records: expected an iterable of records, not one {type(records).__name__} "
            "[hint: send(value) sends one record, send_many([value]) too]",
            details={"accepted": "0"},
        )


def chunks(records: Iterable[Sendable], accepted: int = 0) -> Iterator[Chunk]:
    """Prepares records. Plain bytes in a list stay where they are. Others are copied in chunks.

    ``accepted`` records of the same ``send_many`` came before; asking for the next chunk means the last was too.
    """
    if LAYOUT is None or type(records) not in (list, tuple):
        yield from copies(records, accepted)
        return
    iterator = iter(records)
    while True:
        items: Tuple[Any, ...] = tuple(islice(iterator, BLOCKS))
        if not items:
            return
        if not all_of(bytes, items):
            yield from copies(chain(items, iterator), accepted)
            return
        size = sum(map(len, items[::SAMPLE])) * SAMPLE  # about
        step = max(1, len(items) * BLOCK_BYTES // size) if size > BLOCK_BYTES else len(items)
        for at in range(0, len(items), step):
            yield Blocks(items[at : at + step], LAYOUT)
        accepted += len(items)


def copies(records: Iterable[Sendable], accepted: int) -> Iterator[Columns]:
    """Packs records in chunks of some 100 KiB, so that neither many small nor a few large ones need much memory."""
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


class BlockSender:
    """Hands the values of one chunk over, in as many attempts as the buffer's room makes necessary."""

    __slots__ = ("_lib", "_producer", "_chunk", "_first", "sent")

    def __init__(self, lib: Library, producer: int, chunk: Blocks, first: int) -> None:
        self._lib = lib
        self._producer = producer
        self._chunk = chunk
        self._first = first
        self.sent = 0

    def call(self, wait_ms: int, error: Any) -> int:
        """One call into the library, for what is left of the chunk. The chunk holds what the library reads."""
        (values, layout), done, sent = self._chunk, self.sent, c_size_t()
        status: int = self._lib.producer_send_blocks(
            self._producer,
            id(values) + layout.items + POINTER * done,
            layout.length,
            layout.content,
            len(values) - done,
            self._first + done,
            wait_ms,
            byref(sent),
            error,
        )
        self.sent = done + sent.value
        return status


class ColumnSender:
    """Hands one chunk over, in as many attempts as the buffer's room makes necessary."""

    __slots__ = ("_lib", "_producer", "_chunk", "_first", "sent", "_byte", "_records")

    def __init__(self, lib: Library, producer: int, chunk: Columns, first: int) -> None:
        self._lib = lib
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
        status: int = self._lib.producer_send_columns(
            self._producer,
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
        status: int = self._lib.producer_send_batch(
            self._producer,
            byref(records, done * ctypes.sizeof(_abi.RecordIn)),
            len(records) - done,
            wait_ms,
            byref(sent),
            error,
        )
        self.sent = done + sent.value
        return status


def sender_of(lib: Library, producer: int, chunk: Chunk, first: int) -> Union[BlockSender, ColumnSender]:
    """What hands a chunk over to the producer at that address. The records are numbered from ``first``."""
    if isinstance(chunk, Blocks):
        return BlockSender(lib, producer, chunk, first)
    return ColumnSender(lib, producer, chunk, first)


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
