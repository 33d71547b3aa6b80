"""Consumers: records out of topics."""

from __future__ import annotations

import contextlib
import operator
from collections import deque
from ctypes import byref, c_void_p
from dataclasses import replace
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, Optional, Tuple

from . import _abi, _arrow, _process
from ._admin import check_partition
from ._batch import CHUNK, Batch, Record
from ._core import Deadline, Handle, Life, finish, milliseconds, settle, text
from ._errors import ClosedError, EndError, EndReason, FluvioError, InvalidArgumentError, NotFoundError, take_error
from ._library import Library
from ._position import Events, PartitionPosition, Position, position_text, read_positions

CLOSE_TIMEOUT = 5.0

Place = Tuple[str, int]
"""Topic and partition."""

Start = Callable[[Optional[int], int], Optional[int]]
"""Starts an operation, given the queue for its end and its number there."""

Passes = Callable[[BaseException], bool]
"""Says of an error that it does not matter."""


def never(error: BaseException) -> bool:
    """Every error matters."""
    return False


class Ahead:
    """A record, then those of an iterator."""

    def __init__(self, first: Record, rest: Iterator[Record]) -> None:
        self._first: Optional[Record] = first
        self._rest = rest

    def __iter__(self) -> "Ahead":
        return self

    def __next__(self) -> Record:
        first, self._first = self._first, None
        return next(self._rest) if first is None else first

    def __length_hint__(self) -> int:
        return operator.length_hint(self._rest) + (self._first is not None)


class ConsumerBase:
    """What the consumers for plain and for asyncio programs share: taking batches, and the place in the current one."""

    def __init__(
        self,
        lib: Library,
        topics: Tuple[str, ...],
        handle: Handle,
        client: object,
        parent: Life,
        settings: Mapping[str, object],
        events: Events,
    ) -> None:
        self._lib = lib
        self._events = events
        self._stores = settings.get("offset_strategy") not in (None, "none")
        self._auto = settings.get("offset_strategy") == "auto"
        self._ends: Dict[Place, int] = {}  # last offsets of batches handed out to their end
        ends = self._ends
        events.on_lost = lambda place: ends.pop(place, None)  # not by self, which would be a cycle
        self._client = client  # a client without owner would be closed
        self._parent = parent
        self.topics = topics
        """The topics this consumer reads."""
        self._handle = handle
        self._address = handle.address
        self._life = Life()
        self._kept: Deque[int] = deque()  # batches that an interrupt kept from being handed out
        self._batch: Optional[Batch] = None  # the batch whose records are being handed out
        self._next = 0  # index of its first record that is not in _rest
        self._rest: Iterator[Record] = iter(())  # records made, not handed out
        self._returned: Deque[Batch] = deque()  # batches to come first
        self._failure: Optional[FluvioError] = None
        self._ended: Optional[EndReason] = None

    @property
    def closed(self) -> bool:
        """Whether this consumer, or its client, was closed."""
        return self._life.closed or self._parent.closed

    @property
    def end_reason(self) -> Optional[EndReason]:
        """Why the stream has ended; None while it goes on. It is known when a loop has ended, or a call has raised, and
        stays so when the consumer is closed afterwards."""
        return self._ended or (EndReason.CLOSED if self.closed else None)

    def _take(self, wait_ms: int) -> Optional[Batch]:
        """One call for the next batch: None if none came within ``wait_ms``. Raises the stream's errors, EndError too.

        The batch comes back in a cell, not as a result, so an interrupt that strikes just then cannot lose it.
        """
        self._events.serve()
        self._raise_kept()
        if self._returned:
            return self._returned.popleft()
        cell, error = c_void_p(), c_void_p()
        try:
            if self._kept:
                cell.value = self._kept.popleft()
                return Batch._wrap(self._lib, cell)
            status: int = self._lib.consumer_poll(self._address, wait_ms, byref(cell), byref(error))
            if status == _abi.OK:
                self._ended = None
                self._events.serve()  # what happened before these records
                return Batch._wrap(self._lib, cell)
            if status == _abi.TIMEOUT and not error.value:
                return None
            failure = take_error(self._lib, status, error)
            self._ended = self._ended or failure.end_reason
            raise failure
        finally:
            if cell.value:
                self._kept.append(cell.value)
            if error.value and not _process.STATE.forked:
                self._lib.error_free(error)

    def _refill(self) -> bool:
        """Makes the next records of the current batch. False when it has no more."""
        batch = self._batch
        if batch is None:
            return False
        start = self._next
        if start >= len(batch):
            self._note(batch)
            self._batch = None
            return False
        stop = min(start + CHUNK, len(batch))
        self._rest = iter(batch._records(batch._start + start, batch._start + stop))
        self._next = stop
        return True

    def _begin(self, batch: Batch) -> None:
        place = batch.topic, batch.partition
        if batch.first_offset <= self._ends.get(place, -1):
            self._ends.pop(place, None)  # the topic was made anew: nothing of it was handed out yet
        self._next = 0  # first: a commit on another thread must not take the old place for one in the new batch
        self._batch = batch

    def _fill(self, records: List[Record], most: int, room: Optional[int]) -> Optional[int]:
        """Moves records of the current batch into a list, and gives what is left of the room in bytes, 0 when the next
        one does not fit."""
        while len(records) < most:
            record = next(self._rest, None)
            if record is None:
                if not self._refill():
                    break
                continue
            if room is not None:
                size = len(record.value) + len(record.key or b"")
                if records and size > room:
                    self._rest = Ahead(record, self._rest)
                    return 0
                room = max(room - size, 0)
            records.append(record)
        return room

    def _raise_kept(self) -> None:
        """Raises what the latest ``poll_many`` met behind its records."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _leftover(self) -> Optional[Batch]:
        """What single-record calls have left of the current batch, as a batch."""
        batch = self._batch
        if batch is None:
            return None
        start = self._at()
        self._note(batch)
        self._batch, self._rest = None, iter(())
        if start >= len(batch):
            return None
        rest = batch[start:]
        rest._bytes = None  # a copy of the whole batch, which served the loop
        return rest

    def _at(self) -> int:
        """The index, in the current batch, of its first record that was not handed out."""
        return self._next - operator.length_hint(self._rest)

    def _note(self, batch: Batch) -> None:
        """The whole batch is handed out."""
        if self._stores:
            self._ends[(batch.topic, batch.partition)] = batch.last_offset

    def _handed_out(self) -> Dict[Place, int]:
        """The offset of the last record that was handed out, by partition. Other threads may be reading meanwhile."""
        found = dict(self._ends)
        batch = self._batch
        if batch is not None:
            seen = min(self._at(), len(batch))
            if seen > 0:
                found[(batch.topic, batch.partition)] = batch.columns.offset[seen - 1]
        return found

    def _commits(self, wait_ms: int) -> Tuple[List[Start], Passes]:
        """What :meth:`commit` starts, and which errors do not matter. The library counts whole batches, so it is told
        the records."""
        lib = self._lib
        found = self._handed_out() if self._stores else {}
        if not found:
            if self._stores and not self.closed:
                return [], never  # the library would store what another thread has just taken and not handed out yet
            return [lambda queue, opaque: lib.consumer_commit_async(self._address, wait_ms, queue, opaque)], never
        starts = [self._commit_of(place, offset, wait_ms) for place, offset in found.items()]
        return starts, lambda error: self._is_over(found, error)

    def _is_over(self, found: Mapping[Place, int], error: BaseException) -> bool:
        """Whether what was found cannot be stored because its topic, which a pattern took, was deleted meanwhile: not
        found; or when it was made anew since, without this side being told yet, an invalid argument, because nothing of
        the new one was handed out."""
        if not isinstance(error, (NotFoundError, InvalidArgumentError)):
            return False
        topic, partition = error.details.get("topic"), error.details.get("partition")
        if topic is None or partition is None or topic in self.topics:
            return False
        place = topic, int(partition)
        if self._ends.get(place) == found.get(place):
            self._ends.pop(place, None)
        return True

    def _commit_of(self, place: Place, offset: int, wait_ms: int) -> Start:
        name = text(place[0], "topic")
        return lambda queue, opaque: self._lib.consumer_commit_offset_async(
            self._address, name, place[1], offset, wait_ms, queue, opaque
        )

    def _chosen_commit(self, partition: object, offset: object, topic: Optional[str], wait_ms: int) -> Start:
        """What :meth:`commit_offset` starts."""
        place = self._place(partition, topic)
        number = operator.index(offset)  # type: ignore[arg-type]
        if not self._stores:
            return self._commit_of((place[0], 0), 0, wait_ms)  # the library says why not
        last = self._handed_out().get(place, -1)
        if not 0 <= number <= last:
            why = f"the last record handed out has offset {last}" if last >= 0 else "no record was handed out yet"
            raise InvalidArgumentError(
                f"commit {place[0]}/{place[1]}: offset {number} cannot be stored: {why}",
                details={"operation": "commit", "topic": place[0], "partition": str(place[1])},
            )
        return self._commit_of(place, number, wait_ms)

    def _place(self, partition: object, topic: Optional[str]) -> Place:
        """A partition as the application names it."""
        if topic is None:
            topic = self.topics[0]
            if len(self.topics) != 1:
                raise InvalidArgumentError(f"topic: say which one, the consumer reads {len(self.topics)}")
            if topic.startswith("^"):
                raise InvalidArgumentError(f"topic: say which one, the consumer reads those that match {topic}")
        return topic, check_partition(partition)

    def _pause_call(self, place: Place, batches: List[Batch]) -> Start:
        first = min((each.first_offset for each in batches), default=-1)  # where what goes back begins
        return self._partition_call(self._lib.consumer_pause_async, place, -1, first)

    def _partition_call(
        self, function: Callable[..., Optional[int]], place: Place, wait_ms: int, *more: object
    ) -> Start:
        name = text(place[0], "topic")
        return lambda queue, opaque: function(self._address, name, place[1], *more, wait_ms, queue, opaque)

    def _offset_call(self, place: Place, position: Position, wait_ms: int) -> Start:
        return self._partition_call(self._lib.consumer_offset_for_async, place, wait_ms, position_text(position))

    def _held(self, place: Place) -> List[Batch]:
        """What this side has of a partition and has not handed out."""
        while self._kept:
            self._returned.append(Batch._wrap(self._lib, c_void_p(self._kept.popleft())))
        found: List[Batch] = []
        batch = self._batch
        if batch is not None and (batch.topic, batch.partition) == place:
            start = self._at()
            if start < len(batch):
                found.append(batch[start:])
        return found + [each for each in self._returned if (each.topic, each.partition) == place]

    def _aside(self, place: Place) -> List[Batch]:
        """Takes that out."""
        found = self._held(place)
        batch = self._batch
        if batch is not None and (batch.topic, batch.partition) == place:
            start = self._at()
            if start:
                self._ends[place] = batch.columns.offset[start - 1]
            deque(self._rest, maxlen=0)  # a loop may still hold this iterator
            self._batch, self._rest = None, iter(())
        self._returned = deque(each for each in self._returned if (each.topic, each.partition) != place)
        return found

    @contextlib.contextmanager
    def _giving_back(self) -> Iterator[List[Batch]]:
        """What a call of :meth:`poll_many` takes, to be noted in the list. An exception that ends the block, such as
        Ctrl-C or a task's cancellation, keeps all of it from the application: then it comes first again."""
        batch, at, before = self._batch, self._at(), self._handed_out()
        taken = [] if batch is None or at >= len(batch) else [batch[at:]]
        try:
            yield taken
        except BaseException:
            self._batch, self._rest = None, iter(())
            for place in {(each.topic, each.partition) for each in taken}:
                self._ends.pop(place, None)
                if place in before:
                    self._ends[place] = before[place]
            self._put_back(taken)
            raise

    def _put_back(self, batches: List[Batch]) -> None:
        """What was taken out comes first again: what it was taken out for has failed."""
        self._returned.extendleft(reversed(batches))

    def _positions_of(self, address: int) -> List[PartitionPosition]:
        """What the library says, which counts whole batches, by single records."""
        first: Dict[Place, int] = {}
        if self._batch is not None:
            start = self._at()
            if start < len(self._batch):
                first[(self._batch.topic, self._batch.partition)] = self._batch.columns.offset[start]
        for batch in self._returned:
            place = batch.topic, batch.partition
            first[place] = min(first.get(place, batch.first_offset), batch.first_offset)
        found = []
        for each in read_positions(self._lib, address):
            at = min(each.position, first.get((each.topic, each.partition), each.position))
            found.append(replace(each, position=at, lag=each.lag + each.position - at))
        return found

    def wakeup(self) -> None:
        """Makes one blocked wait of this consumer, or the next one, raise FluvioInterruptedError. For other threads and
        signal handlers."""
        self._lib.consumer_wakeup(self._address)

    def __repr__(self) -> str:
        return f"<libfluvio.Consumer {','.join(self.topics)}{' closed' if self.closed else ''}>"


class Room:
    """What one call of ``poll_many`` still takes."""

    def __init__(self, max_records: int, max_bytes: Optional[int]) -> None:
        for name, value in (("max_records", max_records), ("max_bytes", max_bytes)):
            if value is not None and operator.index(value) < 1:
                raise InvalidArgumentError(f"{name}: {value} is not positive")
        self.max_records = operator.index(max_records)
        self.bytes = max_bytes

    def takes(self, records: List[Record], fill: Callable[[List[Record], int, Optional[int]], Optional[int]]) -> bool:
        """Takes what is there, and says whether more would fit."""
        self.bytes = fill(records, self.max_records, self.bytes)
        return len(records) < self.max_records and (self.bytes is None or self.bytes > 0)


class Consumer(ConsumerBase):
    """Reads records of one or several topics. Comes from :meth:`Client.consumer`.

    Iteration gives records and ends at ``stop_at``, or when the consumer is closed; without ``stop_at`` it waits for
    more. A loop that was left goes on where it stopped, by iterating again or by any of the other calls. An error that
    a loop raises and that is not ``fatal`` may be followed by more records.

    One thread at a time may read; ``close`` and ``wakeup`` may come from any.
    """

    def poll(self, timeout: Optional[float] = None) -> Optional[Record]:
        """The next record, or None if none came in time.

        Args:
            timeout: seconds; 0 does not wait, None waits without limit.

        Raises:
            EndError: the stream reached ``stop_at``.
            ClosedError: the consumer was closed, also while this call waits.
            FluvioError: the stream's error.
        """
        for record in self._rest:
            return record
        if not self._refill():
            batch = self._wait(timeout)
            if batch is None:
                return None
            self._begin(batch)
            self._refill()
        return next(self._rest, None)

    def poll_batch(self, timeout: Optional[float] = None) -> Optional[Batch]:
        """The next batch (what :meth:`poll` or a loop over records left of one, if so), or None if none came in time.
        Arguments and errors as for :meth:`poll`."""
        batch = self._leftover()
        if batch is None:
            batch = self._wait(timeout)
            if batch is not None:
                self._note(batch)
        return batch

    def _wait(self, timeout: Optional[float]) -> Optional[Batch]:
        deadline = Deadline(timeout)
        while True:
            batch = self._take(deadline.slice_ms())
            if batch is not None and len(batch):
                return batch
            if deadline.passed():
                return None

    def batches(self) -> Iterator[Batch]:
        """Batches, without end or up to ``stop_at``: the quick way to read. Errors as for iteration."""
        while True:
            try:
                batch = self.poll_batch()
            except (EndError, ClosedError):
                return
            if batch is not None:
                yield batch

    def __arrow_c_stream__(self, requested_schema: Optional[object] = None) -> object:
        """The Arrow PyCapsule interface: ``pyarrow.table(consumer)``, ``polars.DataFrame(consumer)``. A stream of
        what :meth:`batches` gives, with the columns of :meth:`Batch.__arrow_c_array__`; endless without ``stop_at``."""
        return _arrow.export_stream(self._lib, self.batches(), requested_schema)

    def __iter__(self) -> Iterator[Record]:
        while True:
            yield from self._rest
            if self._refill():
                continue
            try:
                batch = self._wait(None)
            except (EndError, ClosedError):
                return
            if batch is not None:
                self._begin(batch)

    def poll_many(
        self, max_records: int = 500, *, max_bytes: Optional[int] = None, timeout: Optional[float] = None
    ) -> List[Record]:
        """Records, of all partitions, as many as come within the limits; none when nothing came in time.

        Args:
            max_records: at most so many.
            max_bytes: of keys and values; one record comes whatever its size. None: no limit.
            timeout: seconds to collect, when that is too few; 0 takes what is there, None waits for all of them. With
                ``offset_strategy="auto"`` it gives what there is of one batch, and waits only for that: asking for
                another one would count its records as processed.

        Raises:
            EndError: the stream reached ``stop_at``, and there is nothing left.
            FluvioError: as for :meth:`poll`; what was collected before comes first, the error with the next call.
        """
        room = Room(max_records, max_bytes)
        deadline = Deadline(timeout)
        records: List[Record] = []
        self._raise_kept()
        with self._giving_back() as taken:
            while room.takes(records, self._fill):
                if records and (self._auto or timeout and deadline.passed()):
                    break  # more may come as fast as it is taken
                try:
                    batch = self._wait(deadline.left())
                except FluvioError as error:
                    if not records:
                        raise
                    self._failure = error
                    break
                if batch is None:
                    break
                taken.append(batch)
                self._begin(batch)
        return records

    def seek(
        self, partition: int, position: Position, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        """Makes a partition go on at a position, also one that had ended. What was received of it is dropped, and
        nothing of it counts as handed out any more.

        Args:
            partition: the partition.
            position: an offset, a text as for the setting ``start``, or a ``datetime``.
            topic: the topic; may be left out when the consumer reads only one.
            timeout: seconds; None: the client's ``request_timeout_ms``.

        Raises:
            InvalidArgumentError: the consumer does not read the partition, or it is no position.
            InvalidStateError: the consumer is being drained.
        """
        place = self._place(partition, topic)
        call = self._lib.consumer_seek_async
        start = self._partition_call(call, place, milliseconds(timeout), position_text(position))

        def note() -> None:
            self._aside(place)
            self._ends.pop(place, None)

        settle(self._lib, start(None, 0), "seek", note)

    def offset_for(
        self, partition: int, position: Position, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> int:
        """Asks the cluster for the offset that a position stands for now: ``"beginning"`` is the first offset kept,
        ``"end"`` the one behind the last committed record. Arguments and errors as for :meth:`seek`."""
        start = self._offset_call(self._place(partition, topic), position, milliseconds(timeout))
        return finish(self._lib, start(None, 0), "find offset", self._lib.op_take_offset)

    def pause(self, partition: int, *, topic: Optional[str] = None) -> None:
        """Gives no records of a partition until :meth:`resume`; the others go on. Nothing is missed. ``topic`` as for
        :meth:`seek`."""
        place = self._place(partition, topic)
        start = self._pause_call(place, self._held(place))
        settle(self._lib, start(None, 0), "pause", lambda: self._aside(place))

    def resume(self, partition: int, *, topic: Optional[str] = None) -> None:
        """Undoes :meth:`pause`."""
        place = self._place(partition, topic)
        self._run("resume", [self._partition_call(self._lib.consumer_resume_async, place, -1)])

    def drain(self) -> None:
        """Stops reading from the cluster. What was received is still to be taken; then comes the end. Paused partitions
        are resumed for that."""
        self._run("drain", [lambda queue, opaque: self._lib.consumer_drain_async(self._address, -1, queue, opaque)])

    def positions(self) -> List[PartitionPosition]:
        """How far reading has come in every partition, with watermarks and lag, which are at most a second old."""
        lib = self._lib
        operation = lib.consumer_positions_async(self._address, -1, None, 0)
        return self._positions_of(finish(lib, operation, "positions", lib.op_take_position_list))

    def commit(self, timeout: Optional[float] = None) -> None:
        """Stores, for every partition, the offset of the last record handed out so far, and returns when the cluster
        has confirmed it. In a loop over records that includes the record the loop is at, and nothing behind it; of
        :meth:`poll_batch` and :meth:`batches`, the whole batch. Nothing is sent for partitions that have not moved.
        Needs ``consumer_id``, and ``offset_strategy`` ``"manual"`` or ``"auto"``.

        Args:
            timeout: seconds; None: the client's ``request_timeout_ms``.

        Raises:
            InvalidStateError: ``offset_strategy`` is none.
            FluvioTimeoutError: no answer in time.
            FluvioError: the first failure; it names topic and partition. Other partitions may be stored all the same.
        """
        self._run("commit", *self._commits(milliseconds(timeout)))

    def commit_offset(
        self, partition: int, offset: int, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        """Stores a chosen offset of one partition: that of the last record processed. It may be lower than what is
        stored. Otherwise as :meth:`commit`.

        Args:
            partition: the partition.
            offset: the offset.
            topic: the topic; may be left out when the consumer reads only one.
            timeout: seconds; None: the client's ``request_timeout_ms``.

        Raises:
            InvalidArgumentError: no record of that offset or a higher one was handed out yet.
        """
        self._run("commit", [self._chosen_commit(partition, offset, topic, milliseconds(timeout))])

    def _run(self, what: str, starts: List[Start], passes: Passes = never) -> None:
        """Starts operations together and waits for all of them, then raises the first failure that matters."""
        operations: Deque[Optional[int]] = deque()
        failure: Optional[FluvioError] = None
        try:
            for start in starts:
                operations.append(start(None, 0))
            while operations:
                try:
                    finish(self._lib, operations.popleft(), what)
                except FluvioError as error:
                    if not passes(error):
                        failure = failure or error
        finally:
            for operation in operations:  # an interrupt: what still runs is cancelled
                if operation:
                    self._lib.op_free(operation)
        if failure is not None:
            raise failure

    def close(self, timeout: Optional[float] = CLOSE_TIMEOUT) -> None:
        """Ends the streams and wakes a thread that waits for records. Does nothing when closed already. With
        ``offset_strategy="auto"`` it stores first the offsets of the batches that were read before the latest one.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            FluvioTimeoutError: the cluster did not take notice in time; the consumer is closed all the same.
            FluvioError: offsets could not be stored; the consumer is closed all the same.
        """
        if self._life.closed:
            return
        operation = self._lib.consumer_close_async(self._address, milliseconds(timeout), None, 0)
        try:
            finish(self._lib, operation, "close consumer")
        except FluvioError:
            self._life.closed = True
            raise
        self._life.closed = True

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except FluvioError:
            if kind is None:
                raise
