"""Where a consumer is in its partitions, and what happened to them."""

from __future__ import annotations

import datetime
import operator
from collections import deque
from ctypes import byref, sizeof
from dataclasses import dataclass
from typing import Callable, Deque, List, Optional, Tuple, Union

from . import _abi
from ._core import Handle, checked, text, time_text
from ._errors import FluvioError, InvalidArgumentError, error_of_status, null_error, read_error
from ._library import Library

Position = Union[int, str, datetime.datetime]
"""An offset, ``"beginning"``, ``"end"``, ``"beginning+N"``, ``"end-N"``, ``"time:T"``, or a moment."""


def position_text(position: Position) -> bytes:
    """A position as the library takes it."""
    if isinstance(position, datetime.datetime):
        return time_text(position).encode()
    if isinstance(position, str):
        return text(position, "position")
    return str(operator.index(position)).encode()


@dataclass(frozen=True)
class PartitionPosition:
    """How far a consumer has come in a partition."""

    topic: str
    """The topic."""
    partition: int
    """The partition."""
    position: int
    """The offset of the next record that the application gets."""
    high_watermark: int
    """The offset behind the last committed record."""
    log_end_offset: int
    """The offset behind the last record."""
    lag: int
    """How many records the application can still get."""
    committed: Optional[int]
    """The offset stored last; None: unknown, or none."""
    skipped: int
    """Offsets passed over because they were not stored any more, or not readable."""
    paused: bool
    """Whether it is paused."""


def read_positions(lib: Library, address: int) -> List[PartitionPosition]:
    """Copies a list of the library, and frees it."""
    handle = Handle(address, lib.position_list_free)
    row = _abi.Position(struct_size=sizeof(_abi.Position))
    positions = []
    for index in range(lib.position_list_count(handle.address)):
        status: int = lib.position_list_get(handle.address, index, byref(row))
        if status:
            raise error_of_status(lib, status)
        positions.append(
            PartitionPosition(
                row.topic.decode(),
                row.partition,
                row.position,
                row.high_watermark,
                row.log_end_offset,
                row.lag,
                None if row.committed < 0 else row.committed,
                row.skipped,
                bool(row.paused),
            )
        )
    return positions


KINDS = {
    _abi.PARTITION_ASSIGNED: "assigned",
    _abi.PARTITION_LOST: "lost",
    _abi.PARTITION_RETRY: "retry",
    _abi.PARTITION_RESUMED: "resumed",
    _abi.OFFSET_RESET: "offset_reset",
    _abi.BATCH_SKIPPED: "batch_skipped",
}


@dataclass(frozen=True)
class ConsumerEvent:
    """What happened to a partition."""

    kind: str
    """``"assigned"``: reading begins at ``offset``. ``"lost"``: the topic of a pattern was deleted. ``"retry"``:
    reading was disturbed by ``error``; ``attempt`` comes after ``delay``, or sooner. ``"resumed"``: reading goes on
    after ``attempt`` retries. ``"offset_reset"``: the position ``offset`` is not stored; reading goes on at ``next``.
    ``"batch_skipped"``: the stored batch at ``offset`` cannot be read because of ``error``; reading goes on at
    ``next``. More may be added."""
    topic: str
    """The topic."""
    partition: int
    """The partition."""
    offset: int
    """The position it is about."""
    next: int
    """Where reading goes on instead."""
    attempt: int
    """The number of the retry."""
    delay: float
    """Seconds until the retry."""
    error: Optional[FluvioError]
    """Why."""
    dropped: int = 0
    """Events of the consumer that were dropped before this one, because 10,000 waited for it to come for records."""


MOST = 10000
"""So many events wait for a consumer at most."""


class Events:
    """The queue of a consumer's events. They are told whenever the application comes for records."""

    def __init__(self, lib: Library, tell: Optional[Callable[[ConsumerEvent], object]]) -> None:
        if tell is not None and not callable(tell):
            raise InvalidArgumentError(f"on_event: a {type(tell).__name__} cannot be called")
        address = lib.queue_new()
        if not address:
            raise null_error(lib, "open event queue")
        self._lib = lib
        self._tell = tell or (lambda event: None)  # what the log does not tell
        self.queue = Handle(address, lib.queue_free)
        self._untold: Deque[ConsumerEvent] = deque()
        self.on_lost: Callable[[Tuple[str, int]], object] = lambda place: None

    def attach(self, config: Handle) -> None:
        """Makes consumers that are opened with these settings tell this queue."""
        checked(self._lib, self._lib.config_set_events, config.address, self.queue.address, 0)

    def serve(self) -> None:
        """Tells what has happened."""
        for _ in range(MOST):  # more have come meanwhile, perhaps as fast as they are told
            event = self._lib.queue_poll(self.queue.address, 0)
            if not event:
                break
            try:
                self._untold.append(self._read(event))
            finally:
                self._lib.event_free(event)
        while self._untold:
            event = self._untold.popleft()
            if event.kind == "lost":
                self.on_lost((event.topic, event.partition))
            self._tell(event)

    def _read(self, event: int) -> ConsumerEvent:
        row = _abi.ConsumerEvent(struct_size=sizeof(_abi.ConsumerEvent))
        status: int = self._lib.event_consumer(event, byref(row))
        if status:
            raise error_of_status(self._lib, status)
        return ConsumerEvent(
            KINDS.get(row.kind, str(row.kind)),
            row.topic.decode(),
            row.partition,
            row.offset,
            row.next,
            row.attempt,
            row.delay_ms / 1000,
            read_error(self._lib, row.error) if row.error else None,
            row.dropped,
        )
