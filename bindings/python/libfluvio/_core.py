"""What every object of this package stands on: handles, timeouts, texts, settings, and waits that Ctrl-C interrupts."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import math
import os
import time
import weakref
from ctypes import byref, c_void_p
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, TypeVar, Union

from . import _abi, _process
from ._errors import FluvioError, InvalidArgumentError, null_error, take_error
from ._library import Library

SLICE_MS = 100
"""No call into the library blocks longer than this (ms). Python sees signals only between calls, so Ctrl-C interrupts
every wait within this time."""

SLICE = SLICE_MS / 1000

BytesLike = Union[bytes, bytearray, memoryview, str]
"""What keys and values may be given as; text is encoded as UTF-8."""

T = TypeVar("T")


class Handle:
    """Owns one object of the library: its address, and the function that frees it.

    The free functions neither block nor enter Go, so they may run wherever Python collects garbage.
    """

    __slots__ = ("address", "_free", "_state", "__weakref__")

    def __init__(self, address: int, free: Callable[[int], None]) -> None:
        self.address = address
        self._free = free
        self._state = _process.STATE

    def __del__(self) -> None:
        # What a forked child holds is its parent's; leaving the memory alone is the safe way there.
        if not self._state.forked:
            self._free(self.address)


class Life:
    """Says to everything that depends on an object whether that object was closed."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = False


class Deadline:
    """The end of a wait. ``timeout`` in seconds; None waits without limit, 0 does not wait."""

    __slots__ = ("_end",)

    def __init__(self, timeout: Optional[float]) -> None:
        self._end = None if timeout is None else time.monotonic() + check_timeout(timeout)

    def left(self) -> Optional[float]:
        """Seconds left, never below 0; None without limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def slice_ms(self) -> int:
        """Milliseconds to block in the next call."""
        left = self.left()
        return SLICE_MS if left is None else min(SLICE_MS, math.ceil(left * 1000))

    def passed(self) -> bool:
        """Whether the wait is over."""
        return self._end is not None and time.monotonic() >= self._end


def check_timeout(timeout: float) -> float:
    """A timeout in seconds, or InvalidArgumentError."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise InvalidArgumentError(
            f"timeout: {timeout!r} is not a number of seconds [hint: None waits without limit, 0 does not wait]"
        )
    return min(float(timeout), 1e9)


def milliseconds(timeout: Optional[float]) -> int:
    """A timeout as the library takes it: whole milliseconds rounded up, -1 for None."""
    return -1 if timeout is None else math.ceil(check_timeout(timeout) * 1000)


def text(value: object, what: str) -> bytes:
    """A name for the library: UTF-8 without zero bytes, or InvalidArgumentError that calls it ``what``."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what}: expected text, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidArgumentError(f"{what}: {value!r} holds a zero character")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{what}: {value!r} cannot be encoded as UTF-8: {error.reason}") from None


def data(value: object, what: str) -> bytes:
    """A key or a value as bytes, and as nothing that derives from them. Text becomes UTF-8.

    Raises:
        TypeError: it is neither text nor bytes-like.
    """
    if type(value) is bytes:
        return value
    if isinstance(value, str):
        return text_data(value, what)
    try:
        return bytes(memoryview(value))  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{what}: expected bytes or text, not {type(value).__name__}") from None


def text_data(value: str, what: str) -> bytes:
    """Text as UTF-8, or InvalidArgumentError for what UTF-8 cannot hold."""
    try:
        return str.encode(value)  # not what a class that derives from str makes of it
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{what}: the text cannot be encoded as UTF-8: {error.reason}") from None


def time_text(moment: datetime.datetime) -> str:
    """A moment as a position. Without a time zone it is local time."""
    return f"time:{math.floor(moment.timestamp() * 1000)}"


def _plain(value: object, name: str) -> Any:
    """A setting's value with JSON's types."""
    if isinstance(value, datetime.datetime):
        return time_text(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise InvalidArgumentError(f"setting {name}: {value} is not a finite number", details={"setting": name})
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # What is as it was left stands for the default, which may be none at all.
        members = {each.name: (getattr(value, each.name), each.default) for each in dataclasses.fields(value)}
        value = {member: given for member, (given, default) in members.items() if given != default}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, f"{name}.{key}") for key, inner in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        # Only the members of objects, as a SmartModule's, are bytes; all else is text.
        if "." in name:
            return {"base64": base64.b64encode(value).decode()}
        try:
            return bytes(value).decode()
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(
                f"setting {name}: the bytes are not UTF-8: {error.reason}", details={"setting": name}
            ) from None
    if isinstance(value, Iterable):
        return [_plain(inner, name) for inner in value]
    raise InvalidArgumentError(
        f"setting {name}: a {type(value).__name__} is not a value for a setting", details={"setting": name}
    )


def checked(lib: Library, function: Callable[..., int], *arguments: object) -> None:
    """Calls a function of the library whose last argument is the place for an error, and raises that."""
    error = c_void_p()
    status = function(*arguments, byref(error))
    if status:
        raise take_error(lib, status, error)


def read_text(lib: Library, address: int) -> bytes:
    """Copies a text of the library, and frees it."""
    try:
        raw: Optional[bytes] = lib.text_get(address)
        return raw or b""
    finally:
        lib.text_free(address)


def config(lib: Library, settings: Mapping[str, object]) -> Handle:
    """Settings as the library takes them. None stands for the default. The library checks names and values."""
    members: Dict[str, Any] = {
        name: _plain(value, name) for name, value in settings.items() if value is not None
    }
    address = lib.config_new()
    if not address:
        raise null_error(lib, "settings")
    handle = Handle(address, lib.config_free)
    checked(lib, lib.config_set_json, address, json.dumps(members).encode())
    return handle


def collected(owner: object, function: Callable[..., object], *arguments: object) -> Any:
    """A finalizer that is called when the owner is collected, and not at the program's end. (Any, because the stubs of
    older type checkers know no ``atexit``.)"""
    finalizer: Any = weakref.finalize(owner, function, *arguments)
    finalizer.atexit = False
    return finalizer


def finish(
    lib: Library,
    operation: Optional[int],
    what: str,
    take: Optional[Callable[[int], Optional[int]]] = None,
    between: Optional[Callable[[], None]] = None,
) -> int:
    """Waits for an operation, frees it, and returns the address, or number, that ``take`` gets out of it (0 without).

    The operation's own deadline ends the wait. ``between`` is called about ten times a second meanwhile. An exception,
    for instance KeyboardInterrupt, cancels the operation.
    """
    if not operation:
        raise null_error(lib, what)
    error = c_void_p()
    try:
        while True:
            status: int = lib.op_wait(operation, SLICE_MS, byref(error))
            if status != _abi.TIMEOUT or error.value:
                break
            if between is not None:
                between()
        return outcome(lib, operation, status, error, take)
    finally:
        if error.value:
            lib.error_free(error)
        lib.op_free(operation)  # cancels what still runs, and frees a result that was not taken


def settle(lib: Library, operation: Optional[int], what: str, note: Callable[[], object]) -> None:
    """Waits for an operation that changes something, and frees it. ``note`` is called when it was carried out, perhaps
    more than once. An exception, for instance KeyboardInterrupt, cancels the operation; it is raised when that has
    ended, which is soon, and ``note`` was called if it was carried out all the same."""
    if not operation:
        raise null_error(lib, what)
    struck: Optional[BaseException] = None
    try:
        while True:
            try:
                cell = c_void_p()
                status: int = lib.op_wait(operation, SLICE_MS, byref(cell))
                if status == _abi.OK:
                    note()
                    break
                if status != _abi.TIMEOUT or cell.value:
                    failure = take_error(lib, status, cell)
                    raise struck or failure
            except FluvioError:
                raise
            except BaseException as error:  # also one that strikes when the operation has just ended
                if error is struck:
                    raise
                struck = error
                lib.op_cancel(operation)
        if struck is not None:
            raise struck
    finally:
        lib.op_free(operation)


def outcome(
    lib: Library,
    operation: int,
    status: int,
    error: c_void_p,
    take: Optional[Callable[[int], Optional[int]]],
) -> int:
    """The result of a finished operation, or its exception."""
    if status:
        raise take_error(lib, status, error)
    if take is None:
        return 0
    address = take(operation)
    if address is None:
        raise FluvioError("the library finished an operation without its result [hint: this is a bug in libfluvio]")
    return address
