"""The end of the program: what it left open is closed in an order in which no record is lost.

Producers deliver first, then clients close, and dev clusters, which the others may still need, end last.
"""

from __future__ import annotations

import atexit
import logging
import weakref
from typing import Iterable, List, Optional, Protocol, Tuple, TypeVar

from . import _observe, _process
from ._core import Deadline
from ._errors import FluvioError

T = TypeVar("T")

EXIT_CLOSE = 5.0
"""Seconds that a program that ends without closing its producers and clients gives to records that were accepted."""

_log = logging.getLogger("libfluvio")


class Closing(Protocol):
    """A producer or a client, as the end of the program sees it. None of this needs an event loop."""

    @property
    def closed(self) -> bool:
        """Whether there is nothing left to do."""
        ...

    def _start_close(self, timeout: Optional[float]) -> Optional[int]:
        """Begins to close, and returns the operation."""

    def _finish_close(self, operation: Optional[int]) -> None:
        """Waits for the operation, and raises what the application has not been told of."""


class Ending(Protocol):
    """A dev cluster, as the end of the program sees it."""

    def _end(self) -> None:
        """Ends the process. Does nothing when it has ended, and in a forked child."""


producers: "weakref.WeakSet[Closing]" = weakref.WeakSet()
"""Every producer that somebody still holds."""

clients: "weakref.WeakSet[Closing]" = weakref.WeakSet()
"""Every client that somebody still holds."""

clusters: "weakref.WeakSet[Ending]" = weakref.WeakSet()
"""Every dev cluster that somebody still holds."""


def held(things: "Iterable[T]") -> "List[T]":
    """What a set holds now. Threads that still run may be adding to it."""
    while True:
        try:
            return list(things)
        except RuntimeError:  # it has changed while it was looked at
            continue


def _close(things: Iterable[Closing], timeout: Optional[float]) -> None:
    """Closes all at the same time, so that one that cannot deliver takes no time from the others."""
    started: List[Tuple[Closing, Optional[int]]] = [
        (thing, thing._start_close(timeout)) for thing in held(things) if not thing.closed
    ]
    for thing, operation in started:
        try:
            thing._finish_close(operation)
        except FluvioError as error:
            _log.warning("closing %r at the program's end: %s", thing, error)


def _at_exit() -> None:
    try:
        if not _process.STATE.forked:
            deadline = Deadline(EXIT_CLOSE)
            _close(producers, EXIT_CLOSE)
            _close(clients, deadline.left())
    finally:  # also when Ctrl-C ends the waits
        if not _process.STATE.forked:
            _observe.stop()
        for cluster in held(clusters):
            cluster._end()


atexit.register(_at_exit)
