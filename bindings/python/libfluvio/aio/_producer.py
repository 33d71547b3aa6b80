"""Producers for asyncio."""

from __future__ import annotations

import asyncio
from ctypes import byref
from typing import Any, AsyncIterable, Callable, Generator, Iterable, Iterator, List, Mapping, Optional, Union

from .._core import BytesLike, Deadline, Handle, data, milliseconds
from .._delivery import Book, DeliveryBase, GroupBase, Report, _call
from .._errors import ClosedError, FluvioError
from .._library import Library
from .._packing import CHUNK_RECORDS, Chunk, Sendable, check_records, chunks, sender_of
from .._producer import INTERRUPTED_CLOSE, ProducerBase, accepted_detail
from .._stats import ProducerStats, read_stats
from ._loop import DescriptorWatch, Operations, Signal

FULL_PAUSE = 0.02
"""Seconds after which a full buffer is looked at again even if no report came."""


class AioBook(Book):
    """The delivery reports of a producer for asyncio: the event loop takes them in while somebody waits for one."""

    def __init__(self, lib: Library, topic: str, client: Any) -> None:
        super().__init__(lib, topic, client)
        self.loop = asyncio.get_running_loop()
        self.arrival = Signal(self.loop)
        self.watching = DescriptorWatch(self.loop, self.fd, self._arrive)

    def _arrive(self) -> None:
        self.drain()
        self.arrival.fire()

    async def until(self, ready: Callable[[], bool], subscribe: Callable[[Callable[[], None]], None]) -> None:
        """Waits until ``ready()``; ``subscribe`` registers a function that is called when it may be."""
        self.drain()
        if ready():
            return
        if self.ended():
            raise ClosedError(f"deliver to {self.topic}: the producer was closed and has no report of it")
        future: "asyncio.Future[None]" = self.loop.create_future()
        subscribe(lambda: None if future.done() else future.set_result(None))
        self.hurry()
        with self.watching:
            await future


class Delivery(DeliveryBase):
    """The future of one record's delivery. ``await`` gives its :class:`libfluvio.Report`, or raises why it failed. Drop
    it if you do not need it: that costs nothing."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Report]:
        return self._wait().__await__()

    async def _wait(self) -> Report:
        page, index = self._page, self._index
        if page.outcomes[index] is None:
            book = page.book
            assert isinstance(book, AioBook)
            await book.until(self._ready, lambda callback: book.watch_one(page, index, callback, False))
        return page.report(index)

    def result(self) -> Report:
        """The report, without waiting.

        Raises:
            InvalidStateError: it is not there yet.
            FluvioError: the delivery failed.
        """
        self.done()
        return self._page.report(self._index)

    def add_done_callback(self, function: "Callable[[Delivery], object]") -> None:
        """Has ``function(self)`` called once, when the report is taken in: while some task waits for a report of this
        producer, and by ``send``, ``flush`` and ``close``."""
        self._page.book.watch_one(self._page, self._index, lambda: _call(function, self), True)


class DeliveryGroup(GroupBase):
    """The future of the records of one ``send_many``. ``await`` gives the list of their reports, or raises the first
    failure."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, List[Report]]:
        return self._result().__await__()

    async def _wait(self) -> None:
        book = self._book
        assert isinstance(book, AioBook)
        await book.until(self._ready, lambda callback: book.watch(self, callback, False))

    async def _result(self) -> List[Report]:
        await self._wait()
        return self._reports()

    async def outcomes(self) -> List[Union[Report, FluvioError]]:
        """The report or the failure of each record, in their order."""
        await self._wait()
        return self._outcomes()

    async def exception(self) -> Optional[FluvioError]:
        """The first failure, None if there is none."""
        await self._wait()
        return self._failure()

    def add_done_callback(self, function: "Callable[[DeliveryGroup], object]") -> None:
        """Has ``function(self)`` called once, when the last report is taken in."""
        self._book.watch(self, lambda: _call(function, self), True)

    def __getitem__(self, index: int) -> Delivery:
        return Delivery(*self._place(index))

    def __iter__(self) -> Iterator[Delivery]:
        for page, index in self._places():
            yield Delivery(page, index)


class Producer(ProducerBase):
    """Writes records to one topic. Comes from :meth:`Client.producer`."""

    def __init__(
        self,
        lib: Library,
        topic: str,
        handle: Handle,
        book: AioBook,
        client: object,
        settings: Mapping[str, object],
        operations: Operations,
    ) -> None:
        super().__init__(lib, topic, handle, book, client, settings)
        self._reports = book
        self._operations = operations

    async def send(
        self,
        value: BytesLike,
        key: Optional[BytesLike] = None,
        *,
        partition: Optional[int] = None,
        timestamp: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Delivery:
        """Hands a record over and returns the future of its report. Waits only while ``buffer_memory`` is used up.
        Arguments and errors as for :meth:`libfluvio.Producer.send`."""
        value = data(value, "value")
        if key is not None:
            key = data(key, "key")
        page, index = self._take_index()
        number = page.first + index
        if partition is not None or timestamp is not None:
            record = self._record(key, value, number, partition, timestamp)
            await self._insist(
                lambda wait_ms, error: self._lib.producer_send_batch(
                    self._address, byref(record), 1, wait_ms, None, error
                ),
                Deadline(timeout),
            )
        # The first attempt does not ask why: if it fails nothing was accepted, and the second one does.
        elif self._c_try(self._argument, key, value, number):
            await self._insist(self._send_call(key, value, number), Deadline(timeout))
        if not index:
            await asyncio.sleep(0)  # a loop of sends lets other tasks run
        return Delivery(page, index)

    async def send_many(
        self, records: Union[Iterable[Sendable], AsyncIterable[Sendable]], *, timeout: Optional[float] = None
    ) -> DeliveryGroup:
        """Hands many records over, in order, much quicker than :meth:`send` can. ``records`` may be an asynchronous
        iterable too. Arguments and errors as for :meth:`libfluvio.Producer.send_many`."""
        check_records(records)
        deadline = Deadline(timeout)
        group = DeliveryGroup(self._book)
        if isinstance(records, AsyncIterable):
            items: List[Sendable] = []
            async for item in records:
                items.append(item)
                if len(items) == CHUNK_RECORDS:
                    await self._send_chunks(chunks(items, len(group)), group, deadline)
                    items = []
            await self._send_chunks(chunks(items, len(group)), group, deadline)
        else:
            await self._send_chunks(chunks(records), group, deadline)
        return group

    async def _send_chunks(self, ready: Iterator[Chunk], group: DeliveryGroup, deadline: Deadline) -> None:
        for chunk in ready:
            first, pages = self._numbers(len(chunk))
            group._extend(first, len(chunk), pages)
            sender = sender_of(self._lib, self._address, chunk, first)
            try:
                await self._insist(sender.call, deadline)
            except BaseException as error:
                group._drop(len(chunk) - sender.sent)
                if isinstance(error, FluvioError):
                    accepted_detail(error, group)
                raise
            self._book.drain()
            await asyncio.sleep(0)

    async def _insist(self, call: Any, deadline: Deadline) -> None:
        """Repeats a call that does not wait until there is room, which there is when reports come."""
        while not self._attempt(call, 0, deadline.passed()):
            left = deadline.left()
            with self._reports.watching:
                await self._reports.arrival.wait(FULL_PAUSE if left is None else min(FULL_PAUSE, left))
            self._book.drain()

    async def stats(self, timeout: Optional[float] = None) -> ProducerStats:
        """What this producer has counted since it was opened. Arguments and errors as for
        :meth:`libfluvio.Producer.stats`."""
        wait_ms = milliseconds(timeout)
        address = await self._operations.run(
            "producer stats",
            lambda queue, opaque: self._lib.producer_stats_async(self._address, wait_ms, queue, opaque),
            self._lib.op_take_text,
        )
        return read_stats(self._lib, address)

    async def flush(self, timeout: Optional[float] = None) -> None:
        """Waits until every record accepted before the call is delivered or has failed. Arguments and errors as for
        :meth:`libfluvio.Producer.flush`."""
        wait_ms = milliseconds(timeout)
        with self._reports.watching:
            await self._operations.run(
                "flush", lambda queue, opaque: self._lib.producer_flush_async(self._address, wait_ms, queue, opaque)
            )
        self._book.drain()
        self._book.raise_failure()

    async def close(self, timeout: Optional[float] = None) -> None:
        """Delivers what was accepted, then closes. Arguments and errors as for :meth:`libfluvio.Producer.close`."""
        if self._life.closed:
            return
        wait_ms = milliseconds(timeout)
        try:
            with self._reports.watching:
                await self._operations.run(
                    "close producer",
                    lambda queue, opaque: self._lib.producer_close_async(self._address, wait_ms, queue, opaque),
                )
        except FluvioError:
            self._life.closed = True
            raise
        finally:
            self._book.drain()
        self._life.closed = True
        self._book.raise_failure()

    async def _leave(self, failed: bool) -> None:
        if not failed:
            await self.close()
            return
        try:
            await self.close(INTERRUPTED_CLOSE)
        except FluvioError:
            pass  # the exception that ended the block says more

    async def __aenter__(self) -> "Producer":
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        await self._leave(kind is not None)

    def __repr__(self) -> str:
        return f"<libfluvio.aio.Producer {self.topic}{' closed' if self.closed else ''}>"
