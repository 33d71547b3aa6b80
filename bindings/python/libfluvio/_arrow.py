"""The Arrow PyCapsule interface: batches and consumers as pyarrow, polars, pandas and DuckDB take them, not copied.

The library fills the structs of the Arrow C Data Interface; a capsule of the protocol's name carries each. Whoever
takes a struct out of its capsule releases it; one that nobody took is released at the next export.
"""

from __future__ import annotations

import ctypes
import errno
import sys
import threading
from ctypes import POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ._core import Handle, checked
from ._library import Library

VIEW, BINARY = 0, 1
"""Keys and values as binary_view, or copied into binary for who cannot take views."""


class ArrowSchema(Structure):
    """``struct ArrowSchema``."""


ArrowSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_char_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(ArrowSchema))),
    ("dictionary", c_void_p),
    ("release", c_void_p),
    ("private_data", c_void_p),
]


class ArrowArray(Structure):
    """``struct ArrowArray``."""


ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", c_void_p),
    ("children", POINTER(POINTER(ArrowArray))),
    ("dictionary", c_void_p),
    ("release", c_void_p),
    ("private_data", c_void_p),
]


class ArrowArrayStream(Structure):
    """``struct ArrowArrayStream``."""

    _fields_ = [
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


_Release = ctypes.CFUNCTYPE(None, c_void_p)
_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, (c_void_p, c_char_p, c_void_p)
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, (ctypes.py_object, c_char_p)

_NAMES = {ArrowSchema: b"arrow_schema", ArrowArray: b"arrow_array", ArrowArrayStream: b"arrow_array_stream"}

_lock = threading.Lock()
_exported: List[Tuple[object, Any]] = []
"""The capsules that somebody may still hold, and their structs, of whose memory a capsule has the address only. A
capsule's destructor would be the place to release what nobody took, but it may run while an exception is on its way,
when no Python may; so a capsule that nobody else holds is looked after at the next export."""


def _references(exported: List[Tuple[object, Any]]) -> List[int]:
    """How many references each capsule has while it is looked at here."""
    return [sys.getrefcount(capsule) for capsule, _ in exported]


_ALONE = _references([(object(), None)])[0]
"""Those of a capsule that nobody else holds: since Python 3.14 some of this side's own are not counted."""


def _sweep() -> None:
    held = []
    for (capsule, struct), references in zip(_exported, _references(_exported)):
        if references > _ALONE:
            held.append((capsule, struct))
        elif struct.release:
            _Release(struct.release)(ctypes.addressof(struct))
    _exported[:] = held


def _capsule(struct: Any) -> object:
    with _lock:
        _sweep()
        capsule: object = _new(ctypes.addressof(struct), _NAMES[type(struct)], None)
        _exported.append((capsule, struct))
    return capsule


def _form(requested: Optional[object]) -> int:
    """What the schema that somebody asks for wants: binary for keys and values, or anything else, which is views."""
    if requested is None:
        return VIEW
    schema = ArrowSchema.from_address(_pointer(requested, _NAMES[ArrowSchema]))
    formats = {schema.children[i].contents.name: schema.children[i].contents.format for i in range(schema.n_children)}
    return BINARY if b"z" in (formats.get(b"key"), formats.get(b"value")) else VIEW


def fill(lib: Library, batch: Handle, start: int, stop: int, form: int, array: Any, schema: Any) -> None:
    """Fills structs of the caller's, given by address, with records of a batch; 0: not wanted."""
    checked(lib, lib.batch_export_arrow, batch.address, form, array, schema)
    filled = ArrowArray.from_address(array)
    if filled.length != stop - start:  # of the columns: importers refuse a record batch that has an offset itself
        for i in range(filled.n_children):
            column = filled.children[i].contents
            column.offset, column.length, column.null_count = start, stop - start, -1
        filled.length = stop - start


def export_batch(
    lib: Library, batch: Handle, start: int, stop: int, requested: Optional[object]
) -> Tuple[object, object]:
    """The capsules of a batch's schema and of its records from start to stop."""
    schema, array = ArrowSchema(), ArrowArray()
    fill(lib, batch, start, stop, _form(requested), ctypes.addressof(array), ctypes.addressof(schema))
    return _capsule(schema), _capsule(array)


class _Stream:
    """What an ``ArrowArrayStream`` gives: the batches of an iterator."""

    def __init__(self, lib: Library, batches: Iterator[Any], form: int) -> None:
        self._lib, self._batches, self._form = lib, batches, form
        self.failure: Optional[ctypes.Array[ctypes.c_char]] = None

    def schema(self, out: int) -> None:
        """Fills a ``struct ArrowSchema``."""
        checked(self._lib, self._lib.batch_export_arrow, None, self._form, None, out)

    def next(self, out: int) -> None:
        """Fills a ``struct ArrowArray`` with the next batch, or says that there is none."""
        batch = next(self._batches, None)
        if batch is None:
            ArrowArray.from_address(out).release = None
        else:
            batch._export_arrow(out, self._form)


_streams: Dict[int, _Stream] = {}
"""The streams that are not released, by the number in their private_data: the structs may be moved."""


def _stream(struct: int) -> _Stream:
    return _streams[ArrowArrayStream.from_address(struct).private_data]


def _guarded(struct: int, call: Callable[[int], None], out: int) -> int:
    try:
        call(out)
    except BaseException as failure:  # there is no Python that it could be raised in
        _stream(struct).failure = ctypes.create_string_buffer(f"{type(failure).__name__}: {failure}".encode())
        return errno.EINTR if isinstance(failure, KeyboardInterrupt) else errno.EIO
    return 0


def _get_schema(struct: int, out: int) -> int:
    return _guarded(struct, _stream(struct).schema, out)


def _get_next(struct: int, out: int) -> int:
    return _guarded(struct, _stream(struct).next, out)


def _get_error(struct: int) -> Optional[int]:
    failure = _stream(struct).failure
    return None if failure is None else ctypes.addressof(failure)


def _release(struct: int) -> None:
    fields = ArrowArrayStream.from_address(struct)
    _streams.pop(fields.private_data, None)
    fields.release = None


# These live as long as the module: a callback must not free itself.
_Get = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
_GetError = ctypes.CFUNCTYPE(c_void_p, c_void_p)
_CALLBACKS = (_Get(_get_schema), _Get(_get_next), _GetError(_get_error), _Release(_release))


def export_stream(lib: Library, batches: Iterator[Any], requested: Optional[object]) -> object:
    """The capsule of a stream of batches."""
    stream = _Stream(lib, batches, _form(requested))
    struct = ArrowArrayStream(*(ctypes.cast(each, c_void_p).value for each in _CALLBACKS))
    struct.private_data = id(stream)
    _streams[id(stream)] = stream
    return _capsule(struct)
