"""Delivery reports: from the library's events to the futures that ``send`` returns.

Every record of a producer has a number, which comes back in its report. 1024 numbers in a row are a page. Only futures
hold pages: an application that drops its futures drops the pages, and the reports of dropped pages are skipped an event
(a whole batch of records, or many) at a time. So memory does not grow, and whoever ignores futures pays almost nothing.
No thread is involved: events are taken in by ``send`` now and then, and by everything that waits.
"""

from __future__ import annotations

import logging
import select
import sys
import threading
import weakref
from array import array
from collections import deque
from ctypes import byref, c_uint64, sizeof
from functools import partial
from typing import Any, Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from . import _abi, _process
from ._batch import window
from ._core import SLICE, Deadline, Handle, Life
from ._errors import ClosedError, FluvioError, FluvioTimeoutError, InvalidStateError, null_error, read_error
from ._library import Library

SHIFT = 10
PAGE = 1 << SHIFT
MASK = PAGE - 1
INDEXES = list(range(MASK, -1, -1))
"""What a page has to give away: the last one goes first."""
RUN = 128
"""Numbers of one report that are looked at together."""

MOST_FAILURES = 1000
"""So many failures are kept apart until ``flush`` or ``close`` tells of them; further ones are only counted."""

_log = logging.getLogger("libfluvio")


class Report(NamedTuple):
    """A record was acknowledged by the cluster."""

    topic: str
    """The topic."""
    partition: int
    """The partition it was stored in."""
    offset: int
    """Its offset there; -1 with the setting ``smartmodules``: what was stored of the record, and where, the cluster
    does not tell."""
    latency: float
    """Seconds from the first send of its batch to the report."""


class Failure:
    """Why records failed, and how many of them the application has not been told of."""

    __slots__ = ("error", "untold")

    def __init__(self, error: FluvioError) -> None:
        self.error = error
        self.untold = 0


class Outcome:
    """What became of the records of one event. ``error`` and ``failure``, which counts it, are None for acknowledged
    records."""

    __slots__ = ("topic", "partition", "latency", "error", "failure", "shift")

    def __init__(
        self,
        topic: str,
        partition: int,
        latency: float,
        error: Optional[FluvioError],
        failure: Optional[Failure],
        shift: Optional[int] = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.latency = latency
        self.error = error
        self.failure = failure
        self.shift = shift
        """From a record's number to its offset, for numbers in a row; None: the page has the offset, if anybody."""

    def shifted(self, shift: int) -> "Outcome":
        """The same for numbers in a row."""
        return Outcome(self.topic, self.partition, self.latency, self.error, self.failure, shift)


class Page:
    """The outcomes of 1024 records (``size``) with numbers in a row, of which ``first`` is the first."""

    __slots__ = ("book", "first", "free", "outcomes", "offsets", "callbacks", "told", "__weakref__")

    def __init__(self, book: "Book", first: int, free: List[int], size: int = PAGE) -> None:
        self.book = book
        self.first = first
        self.free = free
        """Indexes that no record has. ``pop`` gives one to whoever comes, on any thread, without a lock."""
        self.outcomes: List[Optional[Outcome]] = [None] * size
        self.offsets: Optional[array[int]] = None  # -1: unknown, or to be had by the outcome's shift
        self.callbacks: Optional[Dict[int, List[Callable[[], None]]]] = None
        self.told: Optional[Set[int]] = None  # records whose failure the application knows, or a callback will tell

    def offset(self, index: int) -> int:
        """The offset of a record that is done, -1 if it is not known."""
        outcome = self.outcomes[index]
        if outcome is not None and outcome.shift is not None:
            return self.first + index + outcome.shift
        return -1 if self.offsets is None else self.offsets[index]

    def put(self, index: int, outcome: Outcome, offset: int) -> None:
        """Notes what became of one record. ``offset`` counts only if the outcome has no shift."""
        if outcome.shift is None and offset >= 0:
            if self.offsets is None:
                self.offsets = array("q", [-1]) * len(self.outcomes)
            self.offsets[index] = offset
        self.outcomes[index] = outcome  # last: who sees it may ask for the offset, on any thread

    def failure(self, index: int) -> Optional[FluvioError]:
        """Why a record failed, to tell the application; None if it did not, or is not done."""
        outcome = self.outcomes[index]
        if outcome is None or outcome.error is None:
            return None
        self.book.tell(self, index)
        return self._error(outcome.error, index)

    def _error(self, error: FluvioError, index: int) -> FluvioError:
        """The error of one record; where a record is that was stored but not replicated is in its details."""
        own, offset = error.copy(), self.offset(index)
        if offset >= 0:
            own.details["offset"] = str(offset)
        return own

    def report(self, index: int) -> Report:
        """The report of a record that is done, or its exception, of which the application is told with that."""
        outcome = self.outcomes[index]
        if outcome is None:
            raise InvalidStateError("the record is not delivered yet [hint: wait with result(timeout)]")
        if outcome.error is not None:
            self.book.tell(self, index)
            raise self._error(outcome.error, index)
        return Report(outcome.topic, outcome.partition, self.offset(index), outcome.latency)


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
        self.hurry: Callable[[], None] = lambda: None
        """Makes what is held back leave at once, for whoever waits for a report."""
        self._taken: Deque[int] = deque()  # events out of the queue; they stay until they are wholly absorbed
        self._failure: Optional[Failure] = None  # the failure that counts the first of them, once that is counted
        self._due: Dict[Callable[[], None], None] = {}  # callbacks to run, each once
        self._untold: Dict[Failure, None] = {}  # in the order in which they came
        self._pages: "weakref.WeakValueDictionary[int, Page]" = weakref.WeakValueDictionary()
        self._awaited: Set[Page] = set()  # pages with callbacks, which must come even if nobody holds a future
        self._watchers: List[Tuple["GroupBase", Callable[[], None], bool]] = []
        self._make_locks()
        _process.watch(self)

    def _make_locks(self) -> None:
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._followers = 0
        self._leader = threading.Lock()

    def _after_fork(self) -> None:
        self._make_locks()  # another thread may have held them

    def new_page(self, first: int, free: List[int]) -> Page:
        """The page of the numbers from ``first`` on, a multiple of 1024. ``free``: the indexes to be given away."""
        page = Page(self, first, free)
        with self._lock:
            self._pages[first >> SHIFT] = page
        return page

    def drain(self) -> None:
        """Takes in the events that wait. Never blocks.

        An interrupt may strike anywhere here: what it left undone, the next call does.
        """
        callbacks: Iterator[Callable[[], None]] = iter(())
        try:
            with self._lock:
                while self._taken or self._take(0):
                    self._absorb(self._taken[0])
                    self._release()
                if self._followers:
                    self._arrived.notify_all()
                if self._watchers:
                    self._check_watchers()
                if not self._due:
                    return
                fresh: Dict[Callable[[], None], None] = {}
                due = iter(self._due)
                callbacks, self._due = due, fresh  # no call in between, so no interrupt
            for callback in callbacks:
                run_callback(callback)
        finally:
            for callback in callbacks:  # an interrupt: those that did not run
                with self._lock:
                    self._due[callback] = None

    def _take(self, wait_ms: int) -> bool:
        """Moves the next event out of the queue, if there is one by then.

        In a single call, ``extend``: an interrupt, which strikes between calls, could lose an event on its way.
        """
        self._taken.extend(filter(None, map(self.lib.queue_poll, (self.queue.address,), (wait_ms,))))
        return bool(self._taken)

    def _release(self) -> None:
        """Frees the first event, which is absorbed. In a single call, ``next``, as in :meth:`_take`."""
        release = map(self.lib.event_free, map(deque.popleft, (self._taken,)))
        self._failure = None
        next(release)

    def _check_watchers(self) -> None:
        waiting = []
        for group, callback, tells in self._watchers:
            if group._ready():
                if tells:
                    group._tell()
                self._due[callback] = None
            else:
                waiting.append((group, callback, tells))
        self._watchers = waiting

    def _absorb(self, event: int) -> None:
        """Writes the outcomes of one event into those of its pages that somebody still holds. Doing it again after an
        interrupt does only what is missing."""
        report = _abi.Delivery(struct_size=sizeof(_abi.Delivery))
        if self.lib.event_delivery(event, byref(report)) != _abi.OK:
            return
        error = failure = None
        if report.status != _abi.OK:
            error = read_error(self.lib, report.error, report.status)
            error.maybe_written = error.maybe_written or report.persisted == _abi.MAYBE_PERSISTED
            failure = self._failure or self._count(error, report.count)
        if not self._pages:
            return
        outcome = Outcome(self.topic, report.partition, report.latency_us / 1e6, error, failure)
        count, base = report.count, report.base_offset
        if count == 1:
            self._put(c_uint64.from_address(report.opaque).value, outcome, base)
            return
        if report.consecutive:
            first = c_uint64.from_address(report.opaque).value
            self._put_run(first, count, outcome.shifted(base - first) if base >= 0 else outcome)
            return
        numbers = window(report.opaque, 8 * count, "Q", None).tolist()
        for at in range(0, count, RUN):  # most are consecutive all the same
            part = numbers[at : at + RUN]
            self._put_numbers(part, outcome, base + at if base >= 0 else base)

    def _put_numbers(self, numbers: List[int], outcome: Outcome, base: int) -> None:
        first, count = numbers[0], len(numbers)
        if numbers[-1] - first == count - 1 and numbers == list(range(first, first + count)):
            self._put_run(first, count, outcome.shifted(base - first) if base >= 0 else outcome)
            return
        for i, number in enumerate(numbers):
            self._put(number, outcome, base + i if base >= 0 else base)

    def _count(self, error: FluvioError, records: int) -> Failure:
        """Notes that records failed of which nobody has been told yet."""
        if len(self._untold) < MOST_FAILURES:
            failure = Failure(error)
            self._untold[failure] = None
        else:
            failure = next(reversed(self._untold))
        untold = failure.untold + records
        failure.untold, self._failure = untold, failure  # no call in between, so no interrupt: counted once
        return failure

    def _discount(self, failure: Failure, records: int) -> None:
        """The application has been told of some of them."""
        failure.untold -= records
        if failure.untold <= 0:
            self._untold.pop(failure, None)

    def tell(self, page: Page, index: int) -> None:
        """Notes that the application knows what became of a record, or that its callback will tell: ``flush`` and
        ``close`` need not."""
        with self._lock:
            if page.told is None:
                page.told = set()
            if index in page.told:
                return
            page.told.add(index)
            outcome = page.outcomes[index]
            if outcome is not None and outcome.failure is not None:
                self._discount(outcome.failure, 1)

    def _put(self, number: int, outcome: Outcome, offset: int) -> None:
        page = self._pages.get(number >> SHIFT)
        if page is None:
            return
        index = number & MASK
        known = page.outcomes[index] is None and outcome.failure is not None and page.told and index in page.told
        page.put(index, outcome, offset)
        if known and outcome.failure is not None:
            self._discount(outcome.failure, 1)
        if page.callbacks and index in page.callbacks:
            self._make_due(page, page.callbacks, index)

    def _make_due(self, page: Page, callbacks: Dict[int, List[Callable[[], None]]], index: int) -> None:
        if len(callbacks) == 1:
            self._awaited.discard(page)
        self._due.update(dict.fromkeys(callbacks[index]))
        del callbacks[index]

    def _put_run(self, first: int, count: int, outcome: Outcome) -> None:
        end = first + count
        while first < end:
            stop = min(end, (first | MASK) + 1)
            page = self._pages.get(first >> SHIFT)
            if page is not None:
                low, length = first & MASK, stop - first
                known = 0
                if outcome.failure is not None and page.told:
                    known = sum(low <= i < low + length and page.outcomes[i] is None for i in page.told)
                page.outcomes[low : low + length] = [outcome] * length
                if known and outcome.failure is not None:
                    self._discount(outcome.failure, known)
                if page.callbacks:
                    for index in [i for i in page.callbacks if low <= i < low + length]:
                        self._make_due(page, page.callbacks, index)
            first = stop

    def watch(self, group: "GroupBase", callback: Callable[[], None], tells: bool) -> None:
        """Calls back once the whole group is done. ``tells``: the callback tells the application of failures."""
        with self._lock:
            done = group._ready()
            if not done:
                self._watchers.append((group, partial(callback), tells))  # partial: one of its own, see _due
            elif tells:
                group._tell()
        if done:
            run_callback(callback)

    def watch_one(self, page: Page, index: int, callback: Callable[[], None], tells: bool) -> None:
        """Calls back once one record is done. ``tells``: the callback tells the application of its failure."""
        with self._lock:
            if tells:
                self.tell(page, index)
            done = page.outcomes[index] is not None
            if not done:
                if page.callbacks is None:
                    page.callbacks = {}
                page.callbacks.setdefault(index, []).append(partial(callback))
                self._awaited.add(page)
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
        if ready():
            return
        self.hurry()
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
        """Waits until an event is there, for :meth:`drain`."""
        if sys.platform != "win32" and hasattr(select, "poll") and self.fd >= 0:
            poller = select.poll()
            poller.register(self.fd, select.POLLIN)
            poller.poll(slice_ms)
            return
        self._take(slice_ms)

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
        """Raises the first failure nobody has been told of, if there is one. With that, all of them are told."""
        with self._lock:
            untold, self._untold = self._untold, {}
            failed = sum(failure.untold for failure in untold)
        first = next(iter(untold), None)
        if first is not None:
            error = first.error.copy()
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
            state = f"{outcome.topic}/{outcome.partition} offset={self._page.offset(self._index)}"
        return f"<libfluvio.{type(self).__name__} {state}>"


class Delivery(DeliveryBase):
    """The future of one record's delivery. Drop it if you do not need it: that costs nothing.

    Reports are taken in while somebody waits for one, and by ``send``, ``flush`` and ``close``; there is no thread in
    the background.
    """

    __slots__ = ()

    def result(self, timeout: Optional[float] = None) -> Report:
        """Waits for the report, which makes what ``linger_ms`` holds back leave at once. ``timeout`` in seconds; None
        waits as long as ``delivery_timeout_ms`` allows.

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
        return page.failure(self._index)

    def add_done_callback(self, function: Callable[["Delivery"], object]) -> None:
        """Has ``function(self)`` called once, when the report is taken in, on the thread that takes it in; at once if
        it is there already. Exceptions of the function are logged."""
        self._page.book.watch_one(self._page, self._index, lambda: _call(function, self), True)


def _call(function: Callable[[Any], object], argument: object) -> None:
    function(argument)


class GroupBase:
    """The records of one ``send_many``: runs of sequence numbers, and the pages that hold their outcomes."""

    __slots__ = ("_book", "_pages", "_runs", "_count", "_known")

    def __init__(self, book: Book) -> None:
        self._book = book
        self._pages: Dict[int, Page] = {}
        self._runs: List[Tuple[int, int]] = []  # first number, number behind the last
        self._count = 0
        self._known = 0, 0  # the run that done() looks at next, and how many of its records are known to be done

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
        run, known = self._known  # both at once: other threads may be looking, and what they then forget is found again
        while run < len(self._runs):
            first, end = self._runs[run]
            at = first + known
            if at >= end:
                run, known = run + 1, 0
                continue
            low = at & MASK
            length = min(PAGE - low, end - at)
            if None in self._pages[at >> SHIFT].outcomes[low : low + length]:
                self._known = run, known
                return False
            known += length
        self._known = run, known
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

    def _tell(self) -> None:
        """Notes that the application is told of every failure of this group."""
        for page, index in self._places():
            outcome = page.outcomes[index]
            if outcome is not None and outcome.error is not None:
                self._book.tell(page, index)

    def _reports(self) -> List[Report]:
        try:
            return [page.report(index) for page, index in self._places()]
        except FluvioError:
            self._tell()
            raise

    def _outcomes(self) -> List[Union[Report, FluvioError]]:
        return [page.failure(index) or page.report(index) for page, index in self._places()]

    def _failure(self) -> Optional[FluvioError]:
        for page, index in self._places():
            error = page.failure(index)
            if error is not None:
                self._tell()
                return error
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
        self._book.watch(self, lambda: _call(function, self), True)

    def __getitem__(self, index: int) -> Delivery:
        return Delivery(*self._place(index))

    def __iter__(self) -> Iterator[Delivery]:
        for page, index in self._places():
            yield Delivery(page, index)
