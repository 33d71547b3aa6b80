"""Records that were read: batches as columns over the library's memory, and single records."""

from __future__ import annotations

import importlib
import sys
from ctypes import byref, c_ubyte, c_void_p, sizeof
from itertools import repeat
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, overload

from . import _abi, _arrow
from ._core import Handle
from ._errors import error_of_status
from ._library import Library


class Record(NamedTuple):
    """A record that was read. Independent of its batch; cheap to make, to keep and to pickle."""

    offset: int
    """The record's number in its partition."""
    timestamp: int
    """Milliseconds since the epoch, -1 when unknown."""
    partition: int
    """The partition it was read from."""
    key: Optional[bytes]
    """The key; None when the record has none, which is not the same as an empty key."""
    value: bytes
    """The value."""
    topic: str
    """The topic it was read from."""


class Columns(NamedTuple):
    """A batch's columns, without copying: read-only memoryviews of equal length, which numpy takes as they are.

    Each view keeps the batch's memory alive by itself.
    """

    offset: memoryview
    """Offsets; int64."""
    timestamp: memoryview
    """Milliseconds since the epoch, -1 when unknown; int64."""
    key_position: memoryview
    """Where each key begins in ``data``; uint32."""
    key_length: memoryview
    """Length of each key in bytes, :data:`NO_KEY` for a record without one; uint32."""
    value_position: memoryview
    """Where each value begins in ``data``; uint32."""
    value_length: memoryview
    """Length of each value in bytes; uint32."""
    data: memoryview
    """The bytes that hold keys and values."""


NO_KEY = _abi.NO_KEY
"""In ``Columns.key_length``: the record has no key."""

DTYPES = {"offset": "i8", "timestamp": "i8", "data": "u1"}
"""What numpy calls the types of the columns that are not u4."""

CHUNK = 512
"""Records are made in groups of this many, so that a large batch costs little before its first record, and so few that
they do not start the garbage collector, whose first threshold has been 700 objects or more in every version."""

# ctypes makes a new type for every array length, which is slow and stays in its cache: one type that is longer than
# any batch serves all of them, and a slice of the memoryview gives the real length.
_Window: Any = c_ubyte * (2**33 if sys.maxsize > 2**32 else 2**31 - 1)

_new_record: Callable[..., Record] = tuple.__new__


def window(address: Optional[int], length: int, kind: str, owner: Optional[Handle]) -> memoryview:
    """A view of C memory. The exporting object holds ``owner``, so every slice of the view keeps the memory alive."""
    view: Any = memoryview(b"")
    if address and length:
        exporter = _Window.from_address(address)
        exporter.owner = owner
        view = memoryview(exporter)[:length].cast("B")
    column: memoryview = view.cast(kind).toreadonly()
    return column


class Batch:
    """Records of one partition, in the order of their offsets. Immutable; may be used on any thread, and after the
    consumer and the client were closed.

    ``len(batch)``, iteration, ``batch[i]`` (a :class:`Record`) and ``batch[i:j]`` (a batch over the same memory) work
    as for a list. The memory is given back when the batch and every view of it are gone.
    """

    __slots__ = ("topic", "partition", "high_watermark", "_lib", "_owner", "_columns", "_bytes", "_start", "_stop")

    topic: str
    """The topic."""
    partition: int
    """The partition."""
    high_watermark: int
    """The partition's high watermark when the batch was read: offsets below it are committed."""
    _lib: Library
    _owner: Handle
    _columns: Columns
    _bytes: Optional[bytes]
    _start: int
    _stop: int

    def __init__(self) -> None:
        raise TypeError("batches come from a consumer")

    @classmethod
    def _wrap(cls, lib: Library, cell: c_void_p) -> "Batch":
        """Takes the batch out of ``cell``, with the reference it holds."""
        address = cell.value
        assert address is not None
        cell.value = None  # first: one batch must not have two owners, whenever an interrupt strikes
        owner = Handle(address, lib.batch_release)
        view = _abi.BatchView(struct_size=sizeof(_abi.BatchView))
        status: int = lib.batch_view(address, byref(view))
        if status:
            raise error_of_status(lib, status)
        n: int = view.count
        self = object.__new__(cls)
        self.topic = view.topic.decode()
        self.partition = view.partition
        self.high_watermark = view.high_watermark
        self._lib = lib
        self._owner = owner
        self._columns = Columns(
            window(view.offset, 8 * n, "q", owner),
            window(view.timestamp, 8 * n, "q", owner),
            window(view.key_pos, 4 * n, "I", owner),
            window(view.key_len, 4 * n, "I", owner),
            window(view.value_pos, 4 * n, "I", owner),
            window(view.value_len, 4 * n, "I", owner),
            window(view.data, view.data_len, "B", owner),
        )
        self._bytes = None
        self._start = 0
        self._stop = n
        return self

    def _part(self, start: int, stop: int) -> "Batch":
        part = object.__new__(Batch)
        part.topic, part.partition, part.high_watermark = self.topic, self.partition, self.high_watermark
        part._lib, part._owner, part._columns, part._bytes = self._lib, self._owner, self._columns, self._bytes
        part._start, part._stop = start, stop
        return part

    @property
    def columns(self) -> Columns:
        """The columns, as memoryviews over the library's memory: nothing is copied."""
        part, every = slice(self._start, self._stop), self._columns
        return Columns(
            every.offset[part],
            every.timestamp[part],
            every.key_position[part],
            every.key_length[part],
            every.value_position[part],
            every.value_length[part],
            every.data,
        )

    def to_numpy(self) -> Dict[str, Any]:
        """The columns as read-only numpy arrays over the library's memory, by their names in :class:`Columns`: nothing
        is copied, and each array keeps the memory alive. Needs numpy."""
        numpy: Any = importlib.import_module("numpy")
        return {
            name: numpy.frombuffer(view, dtype=DTYPES.get(name, "u4")) for name, view in self.columns._asdict().items()
        }

    @property
    def first_offset(self) -> int:
        """The offset of the first record, -1 for an empty batch."""
        return self._columns.offset[self._start] if len(self) else -1

    @property
    def last_offset(self) -> int:
        """The offset of the last record, -1 for an empty batch."""
        return self._columns.offset[self._stop - 1] if len(self) else -1

    def values(self) -> List[bytes]:
        """The values."""
        return self._values(self._start, self._stop)

    def keys(self) -> List[Optional[bytes]]:
        """The keys, None for a record without one."""
        return self._keys(self._start, self._stop)

    def tuples(self) -> List[Tuple[int, int, Optional[bytes], bytes]]:
        """``(offset, timestamp, key, value)`` of each record: the quickest way to look at all of them."""
        start, stop, columns = self._start, self._stop, self._columns
        return list(
            zip(
                columns.offset[start:stop].tolist(),
                columns.timestamp[start:stop].tolist(),
                self._keys(start, stop),
                self._values(start, stop),
            )
        )

    def records(self) -> List[Record]:
        """The records."""
        return self._records(self._start, self._stop)

    def __arrow_c_array__(self, requested_schema: Optional[object] = None) -> Tuple[object, object]:
        """The Arrow PyCapsule interface: ``pyarrow.record_batch(batch)``, ``polars.DataFrame(batch)``. A struct with
        the columns offset (int64), timestamp (timestamp[ms, UTC], null when unknown), partition (int32), key (null when
        there is none) and value: views, with nothing copied, unless ``requested_schema`` has them as binary."""
        return _arrow.export_batch(self._lib, self._owner, self._start, self._stop, requested_schema)

    def _export_arrow(self, out: int, form: int) -> None:
        """Fills the ``struct ArrowArray`` at an address."""
        _arrow.fill(self._lib, self._owner, self._start, self._stop, form, out, None)

    def _contents(self) -> bytes:
        # Slices of bytes are quicker than those of a memoryview by more than this one copy costs.
        if self._bytes is None:
            self._bytes = self._columns.data.tobytes()
        return self._bytes

    def _values(self, start: int, stop: int) -> List[bytes]:
        contents, columns = self._contents(), self._columns
        positions = columns.value_position[start:stop].tolist()
        lengths = columns.value_length[start:stop].tolist()
        return [contents[at : at + length] for at, length in zip(positions, lengths)]

    def _keys(self, start: int, stop: int) -> List[Optional[bytes]]:
        columns = self._columns
        column = columns.key_length[start:stop]
        if column.tobytes() == NO_KEY.to_bytes(4, sys.byteorder) * len(column):  # quicker than to look at numbers
            return [None] * len(column)
        lengths = column.tolist()
        contents = self._contents()
        positions = columns.key_position[start:stop].tolist()
        return [
            None if length == NO_KEY else contents[at : at + length] for at, length in zip(positions, lengths)
        ]

    def _records(self, start: int, stop: int) -> List[Record]:
        columns = self._columns
        rows = zip(
            columns.offset[start:stop].tolist(),
            columns.timestamp[start:stop].tolist(),
            repeat(self.partition),
            self._keys(start, stop),
            self._values(start, stop),
            repeat(self.topic),
        )
        # tuple.__new__ by map: no Python frame for each record, which halves the time.
        return list(map(_new_record, repeat(Record), rows))

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[Record]:
        for start in range(self._start, self._stop, CHUNK):
            yield from self._records(start, min(start + CHUNK, self._stop))

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> "Batch": ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("a batch can be sliced with step 1 only")
            return self._part(self._start + start, self._start + max(start, stop))
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"record {index} of a batch of {len(self)}")
        return self._records(self._start + at, self._start + at + 1)[0]

    def __repr__(self) -> str:
        return (
            f"<libfluvio.Batch {self.topic}/{self.partition} records={len(self)} "
            f"offsets={self.first_offset}..{self.last_offset}>"
        )
