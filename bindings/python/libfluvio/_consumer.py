"""Consumers: records out of topics."""

from __future__ import annotations

import operator
from collections import deque
from ctypes import byref, c_void_p
from typing import Any, Deque, Iterator, Optional, Tuple

from . import _abi, _process
from ._batch import CHUNK, Batch, Record
from ._core import Deadline, Handle, Life, finish, milliseconds
from ._errors import ClosedError, EndError, FluvioError, take_error
from ._library import Library

CLOSE_TIMEOUT = 5.0


class ConsumerBase:
    """What the consumers for plain and for asyncio programs share: taking batches, and the place in the current one."""

    def __init__(self, lib: Library, topics: Tuple[str, ...], handle: Handle, client: object, parent: Life) -> None:
        self._lib = lib
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

    @property
    def closed(self) -> bool:
        """Whether this consumer, or its client, was closed."""
        return self._life.closed or self._parent.closed

    def _take(self, wait_ms: int) -> Optional[Batch]:
        """One call for the next batch: None if none came within ``wait_ms``. Raises the stream's errors, EndError too.

        The batch comes back in a cell, not as a result, so an interrupt that strikes just then cannot lose it.
        """
        cell, error = c_void_p(), c_void_p()
        if self._kept:
            cell.value = self._kept.popleft()
            return Batch._wrap(self._lib, cell)
        try:
            status: int = self._lib.consumer_poll(self._address, wait_ms, byref(cell), byref(error))
            if status == _abi.OK:
                return Batch._wrap(self._lib, cell)
            if status == _abi.TIMEOUT and not error.value:
                return None
            raise take_error(self._lib, status, error)
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
            self._batch = None
            return False
        stop = min(start + CHUNK, len(batch))
        self._rest = iter(batch[start:stop].records())
        self._next = stop
        return True

    def _begin(self, batch: Batch) -> None:
        self._batch, self._next = batch, 0

    def _leftover(self) -> Optional[Batch]:
        """What single-record calls have left of the current batch, as a batch."""
        batch = self._batch
        if batch is None:
            return None
        start = self._next - operator.length_hint(self._rest)
        self._batch, self._rest = None, iter(())
        return batch[start:] if start < len(batch) else None

    def wakeup(self) -> None:
        """Makes one blocked wait of this consumer, or the next one, raise FluvioInterruptedError. For other threads and
        signal handlers."""
        self._lib.consumer_wakeup(self._address)

    def __repr__(self) -> str:
        return f"<libfluvio.Consumer {','.join(self.topics)}{' closed' if self.closed else ''}>"


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
        return self._leftover() or self._wait(timeout)

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

    def close(self, timeout: Optional[float] = CLOSE_TIMEOUT) -> None:
        """Ends the streams and wakes a thread that waits for records. Does nothing when closed already.

        Args:
            timeout: seconds; None waits without limit.

        Raises:
            FluvioTimeoutError: the cluster did not take notice in time; the consumer is closed all the same.
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
