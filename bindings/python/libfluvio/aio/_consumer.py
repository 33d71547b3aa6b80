"""Consumers for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, List, Mapping, Optional, Tuple

from .._batch import Batch, Record
from .._consumer import CLOSE_TIMEOUT, ConsumerBase, Passes, Place, Room, Start, never
from .._core import Deadline, Handle, Life, milliseconds
from .._errors import FluvioError
from .._library import Library
from .._position import Events, PartitionPosition, Position, position_text
from ._loop import DescriptorWatch, Following, Operations, Signal

BATCHES_PER_TURN = 8
"""After this many batches without waiting, other tasks have their turn."""


class Consumer(ConsumerBase):
    """Reads records of one or several topics. Comes from :meth:`Client.consumer`.

    ``async for`` gives records and ends at ``stop_at``, or when the consumer is closed. A loop that was left, also by
    cancellation, goes on where it stopped: no record is lost; an iterator that ``asyncio.wait_for`` has left goes on,
    too. One task at a time may read.
    """

    def __init__(
        self,
        lib: Library,
        topics: Tuple[str, ...],
        handle: Handle,
        client: object,
        parent: Life,
        settings: Mapping[str, object],
        events: Events,
        operations: Operations,
    ) -> None:
        super().__init__(lib, topics, handle, client, parent, settings, events)
        loop = asyncio.get_running_loop()
        self._operations = operations
        self._arrival = Signal(loop)
        self._watch = DescriptorWatch(loop, lib.consumer_fd(self._address), self._arrival.fire)
        self._taken = 0
        self._changing: "Optional[asyncio.Task[None]]" = None

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
            if self._changing is not None:
                await asyncio.wait([self._changing])
                continue
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

    def batches(self) -> AsyncIterator[Batch]:
        """Batches, without end or up to ``stop_at``: the quick way to read. Errors as for iteration."""
        return Following(self.poll_batch)

    def __aiter__(self) -> AsyncIterator[Record]:
        return Records(self)

    async def poll_many(
        self, max_records: int = 500, *, max_bytes: Optional[int] = None, timeout: Optional[float] = None
    ) -> List[Record]:
        """Records, as many as come within the limits. Arguments and errors as for
        :meth:`libfluvio.Consumer.poll_many`."""
        room = Room(max_records, max_bytes)
        deadline = Deadline(timeout)
        records: List[Record] = []
        self._raise_kept()
        with self._giving_back() as taken:
            while room.takes(records, self._fill):
                if records and (self._auto or timeout and deadline.passed()):
                    break  # more may come as fast as it is taken
                try:
                    batch = await self._wait(deadline.left())
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

    async def seek(
        self, partition: int, position: Position, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        """Makes a partition go on at a position. Arguments and errors as for :meth:`libfluvio.Consumer.seek`."""
        place = self._place(partition, topic)
        call = self._lib.consumer_seek_async
        await self._change(place, self._partition_call(call, place, milliseconds(timeout), position_text(position)))

    async def offset_for(
        self, partition: int, position: Position, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> int:
        """Asks the cluster for the offset that a position stands for now; as :meth:`libfluvio.Consumer.offset_for`."""
        start = self._offset_call(self._place(partition, topic), position, milliseconds(timeout))
        return await self._operations.run("find offset", start, self._lib.op_take_offset)

    async def pause(self, partition: int, *, topic: Optional[str] = None) -> None:
        """Gives no records of a partition until :meth:`resume`; as :meth:`libfluvio.Consumer.pause`."""
        place = self._place(partition, topic)
        await self._change(place, None)

    async def _change(self, place: Place, start: Optional[Start]) -> None:
        """Changes where a partition is read, or pauses it (None). No task takes records meanwhile; what this side has
        of the partition is dropped, unless the change is not carried out."""
        while self._changing is not None:
            await asyncio.wait([self._changing])
        batches = self._aside(place)
        self._changing = asyncio.ensure_future(self._carry_out(place, start, batches))
        try:
            await self._changing
        except BaseException:
            self._put_back(batches)
            raise
        finally:
            self._changing = None

    async def _carry_out(self, place: Place, start: Optional[Start], batches: List[Batch]) -> None:
        """The change itself; leaves no batches when it is done, though the task was cancelled meanwhile."""
        cancelled = await self._operations.settle("change position", start or self._pause_call(place, batches))
        batches.clear()
        if start is not None:
            self._ends.pop(place, None)
        if cancelled is not None:
            raise cancelled

    async def resume(self, partition: int, *, topic: Optional[str] = None) -> None:
        """Undoes :meth:`pause`."""
        place = self._place(partition, topic)
        await self._run("resume", [self._partition_call(self._lib.consumer_resume_async, place, -1)])

    async def drain(self) -> None:
        """Stops reading from the cluster; as :meth:`libfluvio.Consumer.drain`."""
        await self._run(
            "drain", [lambda queue, opaque: self._lib.consumer_drain_async(self._address, -1, queue, opaque)]
        )

    async def positions(self) -> List[PartitionPosition]:
        """How far reading has come in every partition; as :meth:`libfluvio.Consumer.positions`."""
        lib = self._lib
        address = await self._operations.run(
            "positions",
            lambda queue, opaque: lib.consumer_positions_async(self._address, -1, queue, opaque),
            lib.op_take_position_list,
        )
        return self._positions_of(address)

    async def commit(self, timeout: Optional[float] = None) -> None:
        """Stores the offset of the last record handed out, for every partition. Arguments and errors as for
        :meth:`libfluvio.Consumer.commit`."""
        await self._run("commit", *self._commits(milliseconds(timeout)))

    async def commit_offset(
        self, partition: int, offset: int, *, topic: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        """Stores a chosen offset of one partition. Arguments and errors as for
        :meth:`libfluvio.Consumer.commit_offset`."""
        await self._run("commit", [self._chosen_commit(partition, offset, topic, milliseconds(timeout))])

    async def _run(self, what: str, starts: List[Start], passes: Passes = never) -> None:
        """Runs operations together, then raises the first failure that matters."""
        running = [self._operations.run(what, start) for start in starts]
        for result in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(result, BaseException) and not passes(result):
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


class Records(Following[Record]):
    """The records of a consumer."""

    def __init__(self, consumer: Consumer) -> None:
        super().__init__(consumer.poll)
        self._consumer = consumer

    async def __anext__(self) -> Record:
        for record in self._consumer._rest:  # as poll does, without the way there
            return record
        return await super().__anext__()
