"""Delivery reports: from the library's events to the futures that ``send`` returns.

Every record of a producer has a sequence number, which comes back in its report. 1024 numbers in a row are a page. Only
futures hold pages: an application that drops its futures drops the pages, and the reports of dropped pages are skipped
an event (a whole batch of records) at a time. So memory does not grow, and whoever ignores futures pays almost nothing.
No thread is involved: events are taken in by ``send`` now and then, and by everything that waits.
"""

from __future__ import annotations

import logging
import select
import threading
import weakref
from array import array
from ctypes import byref, c_uint64, sizeof
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from . import _abi, _process
from ._batch import window
from ._core import SLICE, Deadline, Handle, Life
from ._errors import ClosedError, FluvioError, FluvioTimeoutError, InvalidStateError, null_error, read_error
from ._library import Library

SHIFT = 10
PAGE = 1 << SHIFT
MASK = PAGE - 1

_log = logging.getLogger("libfluvio")


class Report(NamedTuple):
    """A record was acknowledged by the cluster."""

    topic: str
    """The topic."""
    partition: int
    """The partition it was stored in."""
    offset: int
    """Its offset there."""
    latency: float
    """Seconds from the first send of its batch to the report."""


class Outcome:
    """What became of the records of one event. ``error`` is None for acknowledged records."""

    __slots__ = ("topic", "partition", "latency", "error")

    def __init__(self, topic: str, partition: int, latency: float, error: Optional[FluvioError]) -> None:
        self.topic = topic
        self.partition = partition
        self.latency = latency
        self.error = error


class Page:
    """The outcomes of 1024 records with sequence numbers in a row."""

    __slots__ = ("book", "outcomes", "offsets", "callbacks", "__weakref__")

    def __init__(self, book: "Book") -> None:
        self.book = book
        self.outcomes: List[Optional[Outcome]] = [None] * PAGE
        self.offsets = array("q", bytes(8 * PAGE))
        self.callbacks: Optional[Dict[int, List[Callable[[], None]]]] = None

    def report(self, index: int) -> Report:
        """The report of a record that is done, or its exception."""
        outcome = self.outcomes[index]
        if outcome is None:
            raise InvalidStateError("the record is not delivered yet [hint: wait with result(timeout)]")
        if outcome.error is not None:
            raise outcome.error.copy()
        return Report(outcome.topic, outcome.partition, self.offsets[index], outcome.latency)


class Book:
    """The delivery reports of one producer."""

    def __init__(self, lib: Library, topic: str, client: Life) -> None:
        address = lib.queue_new()
        if not address:
            raise null_error(lib, "open producer")
        self.lib = lib
        self.topic = topic
        self.queue = Handle(address, lib.queue_free)
        self.fd: int = lib.queue_fd(address)
        self.producer = Life()
        self.client = client
        self.failed = 0
        self.first_failure: Optional[FluvioError] = None
        self._pages: "weakref.WeakValueDictionary[int, Page]" = weakref.WeakValueDictionary()
        self._watchers: List[Tuple["GroupBase", Callable[[], None]]] = []
        self._make_locks()
        _process.watch(self)

    def _make_locks(self) -> None:
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._followers = 0
        self._leader = threading.Lock()

    def _after_fork(self) -> None:
        self._make_locks()  # another thread may have held them

    def new_page(self, number: int) -> Page:
        """The page of sequence numbers ``number << SHIFT`` and following."""
        page = Page(self)
        with self._lock:
            self._pages[number] = page
        return page

    def drain(self) -> None:
        """Takes in the events that wait. Never blocks."""
        callbacks: List[Callable[[], None]] = []
        poll, queue = self.lib.queue_poll, self.queue.address
        with self._lock:
            event = poll(queue, 0)
            while event:
                try:
                    self._absorb(event, callbacks)
                finally:
                    self.lib.event_free(event)
                event = poll(queue, 0)
            if self._followers:
                self._arrived.notify_all()
            if self._watchers:
                self._check_watchers(callbacks)
        for callback in callbacks:
            run_callback(callback)

    def _check_watchers(self, callbacks: List[Callable[[], None]]) -> None:
        waiting = []
        for group, callback in self._watchers:
            if group._ready():
                callbacks.append(callback)
            else:
                waiting.append((group, callback))
        self._watchers = waiting

    def _absorb(self, event: int, callbacks: List[Callable[[], None]]) -> None:
        """Writes the outcomes of one event into those of its pages that somebody still holds."""
        report = _abi.Delivery(struct_size=sizeof(_abi.Delivery))
        if self.lib.event_delivery(event, byref(report)) != _abi.OK:
            return
        error = None
        if report.status != _abi.OK:
            error = read_error(self.lib, report.error, report.status)
            error.maybe_written = error.maybe_written or report.persisted == _abi.MAYBE_PERSISTED
            self.failed += report.count
            self.first_failure = self.first_failure or error
        if not self._pages:
            return
        outcome = Outcome(self.topic, report.partition, report.latency_us / 1e6, error)
        count, base = report.count, report.base_offset
        if count == 1:
            number = c_uint64.from_address(report.opaque).value
            self._put(number, outcome, base, callbacks)
            return
        numbers = window(report.opaque, 8 * count, "Q", None).tolist()
        first = numbers[0]
        # Records of one thread and one partition: compare and fill in whole runs.
        if numbers[-1] - first == count - 1 and numbers == list(range(first, first + count)):
            self._put_run(first, count, outcome, base, callbacks)
        else:
            for i, number in enumerate(numbers):
                self._put(number, outcome, base + i, callbacks)

    def _put(self, number: int, outcome: Outcome, offset: int, callbacks: List[Callable[[], None]]) -> None:
        page = self._pages.get(number >> SHIFT)
        if page is None:
            return
        index = number & MASK
        page.offsets[index] = offset
        page.outcomes[index] = outcome
        if page.callbacks:
            callbacks.extend(page.callbacks.pop(index, ()))

    def _put_run(
        self, first: int, count: int, outcome: Outcome, base: int, callbacks: List[Callable[[], None]]
    ) -> None:
        end = first + count
        while first < end:
            stop = min(end, (first | MASK) + 1)
            page = self._pages.get(first >> SHIFT)
            if page is not None:
                low, length = first & MASK, stop - first
                page.offsets[low : low + length] = array("q", range(base, base + length))
                page.outcomes[low : low + length] = [outcome] * length
                if page.callbacks:
                    for index in [i for i in page.callbacks if low <= i < low + length]:
                        callbacks.extend(page.callbacks.pop(index))
            base += stop - first
            first = stop

    def watch(self, group: "GroupBase", callback: Callable[[], None]) -> None:
        """Calls back once the whole group is done."""
        with self._lock:
            done = group._ready()
            if not done:
                self._watchers.append((group, callback))
        if done:
            run_callback(callback)

    def watch_one(self, page: Page, index: int, callback: Callable[[], None]) -> None:
        """Calls back once one record is done."""
        with self._lock:
            done = page.outcomes[index] is not None
            if not done:
                if page.callbacks is None:
                    page.callbacks = {}
                page.callbacks.setdefault(index, []).append(callback)
        if done:
            run_callback(callback)

    def ended(self) -> bool:
        """Whether no further report can come."""
        return self.producer.closed or self.client.closed

    def wait(self, ready: Callable[[], bool], timeout: Optional[float], what: str) -> None:
        """Takes in events until ``ready()``.

        One thread waits for events; others that wait at the same time wait for it, and one of them takes over.

        Raises:
            FluvioTimeoutError: the timeout passed.
            ClosedError: the producer is closed and no report is left.
        """
        deadline = Deadline(timeout)
        self.drain()
        while not ready():
            ended = self.ended()
            if ended:
                self.drain()
                if not ready():
                    raise ClosedError(f"{what}: the producer was closed and has no report of it")
                return
            if deadline.passed():
                raise FluvioTimeoutError(
                    f"{what}: timed out after {timeout} s waiting for the delivery report "
                    "[hint: the record may still be delivered; wait longer, or lower delivery_timeout_ms]",
                    details={"operation": what, "topic": self.topic},
                )
            if self._leader.acquire(blocking=False):
                try:
                    self._await_event(deadline.slice_ms())
                finally:
                    self._leader.release()
                self.drain()
            else:
                self._follow(ready, deadline)
                self.drain()  # in case the leader was interrupted before it could hand over

    def _await_event(self, slice_ms: int) -> None:
        """Waits until an event is there, without taking it: an interrupted wait must not lose one."""
        if self.fd >= 0 and hasattr(select, "poll"):
            poller = select.poll()
            poller.register(self.fd, select.POLLIN)
            poller.poll(slice_ms)
            return
        event = self.lib.queue_poll(self.queue.address, slice_ms)
        if event:
            callbacks: List[Callable[[], None]] = []
            with self._lock:
                try:
                    self._absorb(event, callbacks)
                finally:
                    self.lib.event_free(event)
            for callback in callbacks:
                run_callback(callback)

    def _follow(self, ready: Callable[[], bool], deadline: Deadline) -> None:
        with self._arrived:
            if ready():
                return
            self._followers += 1
            try:
                self._arrived.wait(min(SLICE, deadline.slice_ms() / 1000))
            finally:
                self._followers -= 1

    def raise_failure(self) -> None:
        """Raises the first failure since the last call, if there was one."""
        with self._lock:
            failed, error = self.failed, self.first_failure
            self.failed, self.first_failure = 0, None
        if error is not None:
            error = error.copy()
            error.details["failed_records"] = str(failed)
            if failed > 1:
                error.message += f" (and {failed - 1} more records failed)"
            raise error


def run_callback(callback: Callable[[], None]) -> None:
    """Runs an application's callback. Its exceptions go to the logger ``libfluvio``, as those of other futures do."""
    try:
        callback()
    except Exception:
        _log.exception("a delivery callback raised an exception")


class DeliveryBase:
    """The future of one record's delivery."""

    __slots__ = ("_page", "_index")

    def __init__(self, page: Page, index: int) -> None:
        self._page = page
        self._index = index

    def done(self) -> bool:
        """Whether the report is there. Never blocks."""
        if self._page.outcomes[self._index] is None:
            self._page.book.drain()
        return self._page.outcomes[self._index] is not None

    def _ready(self) -> bool:
        return self._page.outcomes[self._index] is not None

    def __repr__(self) -> str:
        outcome = self._page.outcomes[self._index]
        if outcome is None:
            state = "pending"
        elif outcome.error is not None:
            state = f"failed {outcome.error.name}"
        else:
            state = f"{outcome.topic}/{outcome.partition} offset={self._page.offsets[self._index]}"
        return f"<libfluvio.{type(self).__name__} {state}>"


class Delivery(DeliveryBase):
    """The future of one record's delivery. Drop it if you do not need it: that costs nothing.

    Reports are taken in while somebody waits for one, and by ``send``, ``flush`` and ``close``; there is no thread in
    the background.
    """

    __slots__ = ()

    def result(self, timeout: Optional[float] = None) -> Report:
        """Waits for the report. ``timeout`` in seconds; None waits as long as ``delivery_timeout_ms`` allows.

        Raises:
            FluvioTimeoutError: no report by then; the record may still be delivered.
            FluvioError: the delivery failed. ``maybe_written`` tells whether the record may be stored all the same.
        """
        page = self._page
        if page.outcomes[self._index] is None:
            page.book.wait(self._ready, timeout, f"deliver to {page.book.topic}")
        return page.report(self._index)

    def exception(self, timeout: Optional[float] = None) -> Optional[FluvioError]:
        """Waits like :meth:`result` and returns why the delivery failed, None if it did not.

        Raises:
            FluvioTimeoutError: no report by then.
        """
        page = self._page
        if page.outcomes[self._index] is None:
            page.book.wait(self._ready, timeout, f"deliver to {page.book.topic}")
        outcome = page.outcomes[self._index]
        return outcome.error.copy() if outcome is not None and outcome.error is not None else None

    def add_done_callback(self, function: Callable[["Delivery"], object]) -> None:
        """Has ``function(self)`` called once, when the report is taken in, on the thread that takes it in; at once if
        it is there already. Exceptions of the function are logged."""
        self._page.book.watch_one(self._page, self._index, lambda: _call(function, self))


def _call(function: Callable[[Any], object], argument: object) -> None:
    function(argument)


class GroupBase:
    """The records of one ``send_many``: runs of sequence numbers, and the pages that hold their outcomes."""

    __slots__ = ("_book", "_pages", "_runs", "_count", "_run", "_known")

    def __init__(self, book: Book) -> None:
        self._book = book
        self._pages: Dict[int, Page] = {}
        self._runs: List[Tuple[int, int]] = []  # first number, number behind the last
        self._count = 0
        self._run = 0  # the run that done() looks at next
        self._known = 0  # its records known to be done

    def _extend(self, first: int, count: int, pages: List[Page]) -> None:
        """Adds records with the sequence numbers from ``first`` on, which lie on ``pages``."""
        if self._runs and self._runs[-1][1] == first:
            self._runs[-1] = (self._runs[-1][0], first + count)
        else:
            self._runs.append((first, first + count))  # another thread sent in between
        self._count += count
        for number, page in enumerate(pages, first >> SHIFT):
            self._pages[number] = page

    def _drop(self, count: int) -> None:
        """Takes back the last ``count`` records: they were not accepted."""
        first, end = self._runs[-1]
        self._runs[-1] = (first, end - count)
        self._count -= count

    def _ready(self) -> bool:
        while self._run < len(self._runs):
            first, end = self._runs[self._run]
            at = first + self._known
            if at >= end:
                self._run, self._known = self._run + 1, 0
                continue
            low = at & MASK
            length = min(PAGE - low, end - at)
            if None in self._pages[at >> SHIFT].outcomes[low : low + length]:
                return False
            self._known += length
        return True

    def done(self) -> bool:
        """Whether every report is there. Never blocks."""
        if not self._ready():
            self._book.drain()
        return self._ready()

    def _places(self) -> Iterator[Tuple[Page, int]]:
        for first, end in self._runs:
            for number in range(first, end):
                yield self._pages[number >> SHIFT], number & MASK

    def _place(self, index: int) -> Tuple[Page, int]:
        at = index + self._count if index < 0 else index
        if 0 <= at < self._count:
            for first, end in self._runs:
                if first + at < end:
                    return self._pages[(first + at) >> SHIFT], (first + at) & MASK
                at -= end - first
        raise IndexError(f"record {index} of a group of {self._count}")

    def _reports(self) -> List[Report]:
        return [page.report(index) for page, index in self._places()]

    def _outcomes(self) -> List[Union[Report, FluvioError]]:
        every: List[Union[Report, FluvioError]] = []
        for page, index in self._places():
            outcome = page.outcomes[index]
            if outcome is not None and outcome.error is not None:
                every.append(outcome.error.copy())
            else:
                every.append(page.report(index))
        return every

    def _failure(self) -> Optional[FluvioError]:
        for page, index in self._places():
            outcome = page.outcomes[index]
            if outcome is not None and outcome.error is not None:
                return outcome.error.copy()
        return None

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<libfluvio.{type(self).__name__} records={self._count} {'done' if self._ready() else 'pending'}>"


class DeliveryGroup(GroupBase):
    """The future of the records of one ``send_many``: a sequence of :class:`Delivery`, and a future of the whole. Drop
    it if you do not need it."""

    __slots__ = ()

    def _wait(self, timeout: Optional[float]) -> None:
        if not self._ready():
            self._book.wait(self._ready, timeout, f"deliver {self._count} records to {self._book.topic}")

    def result(self, timeout: Optional[float] = None) -> List[Report]:
        """Waits for every report and returns them, in the order of the records. ``timeout`` in seconds; None waits as
        long as ``delivery_timeout_ms`` allows.

        Raises:
            FluvioTimeoutError: not all are there by then.
            FluvioError: the first failure; :meth:`outcomes` gives all of them.
        """
        self._wait(timeout)
        return self._reports()

    def outcomes(self, timeout: Optional[float] = None) -> List[Union[Report, FluvioError]]:
        """Waits like :meth:`result`; the report or the failure of each record.

        Raises:
            FluvioTimeoutError: not all are there by then.
        """
        self._wait(timeout)
        return self._outcomes()

    def exception(self, timeout: Optional[float] = None) -> Optional[FluvioError]:
        """Waits like :meth:`result`; the first failure, None if there is none.

        Raises:
            FluvioTimeoutError: not all are there by then.
        """
        self._wait(timeout)
        return self._failure()

    def add_done_callback(self, function: Callable[["DeliveryGroup"], object]) -> None:
        """Has ``function(self)`` called once, when the last report is taken in, on the thread that takes it in; at once
        if it is there already. Exceptions of the function are logged."""
        self._book.watch(self, lambda: _call(function, self))

    def __getitem__(self, index: int) -> Delivery:
        return Delivery(*self._place(index))

    def __iter__(self) -> Iterator[Delivery]:
        for page, index in self._places():
            yield Delivery(page, index)
