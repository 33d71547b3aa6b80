"""Consumers for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, List, Mapping, Optional, Tuple

from .._batch import Batch, Record
from .._consumer import CLOSE_TIMEOUT, ConsumerBase, Start
from .._core import Deadline, Handle, Life, milliseconds
from .._errors import ClosedError, EndError, FluvioError
from .._library import Library
from ._loop import Operations, Signal, Watch

BATCHES_PER_TURN = 8
"""After this many batches without waiting, other tasks have their turn."""


class Consumer(ConsumerBase):
    """Reads records of one or several topics. Comes from :meth:`Client.consumer`.

    ``async for`` gives records and ends at ``stop_at``, or when the consumer is closed. A loop that was left, also by
    cancellation, goes on where it stopped: no record is lost. One task at a time may read.
    """

    def __init__(
        self,
        lib: Library,
        topics: Tuple[str, ...],
        handle: Handle,
        client: object,
        parent: Life,
        settings: Mapping[str, object],
        operations: Operations,
    ) -> None:
        super().__init__(lib, topics, handle, client, parent, settings)
        loop = asyncio.get_running_loop()
        self._operations = operations
        self._arrival = Signal(loop)
        self._watch = Watch(loop, lib.consumer_fd(self._address), self._arrival.fire)
        self._taken = 0

    async def poll(self, timeout: Optional[float] = None) -> Optional[Record]:
        """The next record, or None if none came in time. Arguments and errors as for
        :meth:`libfluvio.Consumer.poll`."""
        for record in self._rest:
            return record
        if not self._refill():
            batch = await self._wait(timeout)
            if batch is None:
                return None
            self._begin(batch)
            self._refill()
        return next(self._rest, None)

    async def poll_batch(self, timeout: Optional[float] = None) -> Optional[Batch]:
        """The next batch (what :meth:`poll` or a loop over records left of one, if so), or None if none came in time.
        Arguments and errors as for :meth:`libfluvio.Consumer.poll`."""
        batch = self._leftover()
        if batch is None:
            batch = await self._wait(timeout)
            if batch is not None:
                self._note(batch)
        return batch

    async def _wait(self, timeout: Optional[float]) -> Optional[Batch]:
        deadline = Deadline(timeout)
        self._taken += 1
        if self._taken >= BATCHES_PER_TURN:
            self._taken = 0
            await asyncio.sleep(0)
        while True:
            batch = self._take(0)
            if batch is not None and len(batch):
                return batch
            if batch is not None:
                continue
            if deadline.passed():
                return None
            self._taken = 0
            with self._watch:
                await self._arrival.wait(deadline.left())

    async def batches(self) -> AsyncIterator[Batch]:
        """Batches, without end or up to ``stop_at``: the quick way to read. Errors as for iteration."""
        while True:
            try:
                batch = await self.poll_batch()
            except (EndError, ClosedError):
                return
            if batch is not None:
                yield batch

    async def _records(self) -> AsyncIterator[Record]:
        while True:
            for record in self._rest:
                yield record
            if self._refill():
                continue
            try:
                batch = await self._wait(None)
            except (EndError, ClosedError):
                return
            if batch is not None:
                self._begin(batch)

    def __aiter__(self) -> AsyncIterator[Record]:
        return self._records()

    async def commit(self, timeout: Optional[float] = None) -> None:
        """Stores the offset of the last record handed out, for every partition. Arguments and errors as for
        :meth:`libfluvio.Consumer.commit`."""
        await self._run(self._commits(milliseconds(timeout)))

    async def commit_offset(
        self, partition: int, offset: int, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        """Stores a chosen offset of one partition. Arguments and errors as for
        :meth:`libfluvio.Consumer.commit_offset`."""
        await self._run([self._chosen_commit(partition, offset, topic, milliseconds(timeout))])

    async def _run(self, starts: List[Start]) -> None:
        """Runs operations together, then raises the first failure."""
        running = [self._operations.run("commit", start) for start in starts]
        for result in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def close(self, timeout: Optional[float] = CLOSE_TIMEOUT) -> None:
        """Ends the streams and wakes a task that waits for records. Arguments and errors as for
        :meth:`libfluvio.Consumer.close`."""
        if self._life.closed:
            return
        wait_ms = milliseconds(timeout)
        try:
            await self._operations.run(
                "close consumer",
                lambda queue, opaque: self._lib.consumer_close_async(self._address, wait_ms, queue, opaque),
            )
        except FluvioError:
            self._life.closed = True
            raise
        self._life.closed = True

    async def _leave(self, failed: bool) -> None:
        try:
            await self.close()
        except FluvioError:
            if not failed:
                raise

    async def __aenter__(self) -> "Consumer":
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        await self._leave(kind is not None)

    def __repr__(self) -> str:
        return f"<libfluvio.aio.Consumer {','.join(self.topics)}{' closed' if self.closed else ''}>"
