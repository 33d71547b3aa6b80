"""Watches: every change of one kind of the cluster's objects."""

from __future__ import annotations

from collections import deque
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Deque, Generic, Iterator, Optional, Type, TypeVar

from . import _abi
from ._core import Deadline, Handle, finish, milliseconds, outcome
from ._errors import ClosedError, FluvioError, FluvioTimeoutError, null_error
from ._library import Library
from ._objects import WatchEvent, read_events

if TYPE_CHECKING:
    from ._client import ClientBase

T = TypeVar("T")


class WatchBase(Generic[T]):
    """What both watches share."""

    def __init__(self, lib: Library, handle: Handle, cls: Type[T], client: "ClientBase") -> None:
        self._lib = lib
        self._handle = handle
        self._class = cls
        self._client = client  # a client nobody holds would be closed
        self._events: "Deque[WatchEvent[T]]" = deque()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it, or its client, was closed."""
        return self._closed or self._client.closed


class Watch(WatchBase[T]):
    """Tells of every change of one kind of object, in order, from what there is on. Comes from ``client.admin``.

    It survives lost connections: what changed meanwhile comes afterwards. Who takes events slowly gets the latest state
    of each object, not all between; that one was deleted and made again is always told. Iterating ends when it is
    closed; as a context manager it is closed at the end of the block. One thread reads; any may close.
    """

    _operation: Optional[Handle] = None
    """The request for more, which outlives a call whose time was up: so nothing is lost."""

    def next(self, timeout: Optional[float] = None) -> WatchEvent[T]:
        """The next event.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            FluvioTimeoutError: nothing changed in time.
            ClosedError: it, or its client, was closed.
        """
        deadline = Deadline(timeout)
        while not self._events:
            self._more(deadline)
        return self._events.popleft()

    def _more(self, deadline: Deadline) -> None:
        lib = self._lib
        if self._operation is None:
            address = lib.watch_next_async(self._handle.address, -1, None, 0)
            if not address:
                raise null_error(lib, "watch")
            self._operation = Handle(address, lib.op_free)
        error = c_void_p()
        status: int = lib.op_wait(self._operation.address, deadline.slice_ms(), byref(error))
        if status == _abi.TIMEOUT and not error.value:
            if deadline.passed():
                raise FluvioTimeoutError("watch: timed out waiting for a change")
            return
        operation, self._operation = self._operation, None
        try:
            address = outcome(lib, operation.address, status, error, lib.op_take_value)
        except ClosedError:
            self._closed = True
            raise
        self._events.extend(read_events(lib, address, self._class))

    def __iter__(self) -> Iterator[WatchEvent[T]]:
        while True:
            try:
                event = self.next()
            except ClosedError:
                return
            yield event

    def close(self, timeout: Optional[float] = None) -> None:
        """Ends the watch. Does nothing when it was closed."""
        self._closed = True
        operation = self._lib.watch_close_async(self._handle.address, milliseconds(timeout), None, 0)
        finish(self._lib, operation, "close watch")

    def __enter__(self) -> "Watch[T]":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except FluvioError:
            if kind is None:
                raise
