"""Offset stores of the application's."""

from __future__ import annotations

import threading
from ctypes import byref, sizeof
from typing import Dict, Iterable, List, Mapping, Optional, Protocol, Tuple, runtime_checkable

from . import _abi, _process
from ._admin import ConsumerOffset
from ._core import SLICE_MS, Handle, checked, collected, text
from ._errors import InvalidArgumentError, error_of_status, null_error
from ._library import Library


@runtime_checkable
class OffsetStore(Protocol):
    """Keeps the offsets of named consumers, instead of the cluster: ``client.consumer(..., offset_store=MyStore())``.

    Its methods are called on a thread of this package, one at a time for each consumer; commits, opening and closing
    wait for them. What they raise is the failure of the commit.
    """

    def load(self, consumer_id: str) -> Iterable[Tuple[str, int, int]]:
        """What is stored for a consumer: topic, partition, and offset of the last record processed."""
        ...

    def save(self, consumer_id: str, offsets: List[ConsumerOffset]) -> None:
        """Stores offsets of some partitions; what is stored of others stays."""
        ...


class StoreServer:
    """The thread that asks a store in the library's name. It ends with its owner, which it does not know."""

    def __init__(self, lib: Library, store: OffsetStore) -> None:
        address = lib.queue_new()
        if not address:
            raise null_error(lib, "open offset store")
        self.queue = Handle(address, lib.queue_free)
        self._lib = lib
        self._store = store
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="libfluvio-offset-store", daemon=True)
        self._thread.start()

    def attach(self, config: Handle) -> None:
        """Makes consumers that are opened with these settings ask this store."""
        checked(self._lib, self._lib.config_set_offset_store, config.address, self.queue.address, 0)

    def serve(self, owner: object) -> None:
        """Ends when the owner is collected."""
        collected(owner, self._over.set)

    def stop(self) -> None:
        """Ends the thread, soon."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set() and not _process.STATE.forked:
            event = self._lib.queue_poll(self.queue.address, SLICE_MS)
            if event:
                try:
                    self._answer(event)
                finally:
                    self._lib.event_free(event)

    def _answer(self, event: int) -> None:
        question = _abi.OffsetsEvent(struct_size=sizeof(_abi.OffsetsEvent))
        status: int = self._lib.event_offsets(event, byref(question))
        if status:
            raise error_of_status(self._lib, status)
        rows: "List[_abi.ConsumerOffset]" = []
        failure: Optional[bytes] = None
        try:
            owner = question.consumer_id.decode()
            if question.save:
                asked = (_abi.ConsumerOffset * question.count).from_address(question.offsets)
                self._store.save(
                    owner,
                    [
                        ConsumerOffset(owner, row.topic.decode(), row.partition, row.offset, row.modified)
                        for row in asked
                    ],
                )
            else:
                rows = [
                    _abi.ConsumerOffset(
                        struct_size=sizeof(_abi.ConsumerOffset),
                        topic=text(topic, "topic"),
                        partition=partition,
                        offset=offset,
                    )
                    for topic, partition, offset in self._store.load(owner)
                ]
        except BaseException as error:  # whatever the application raises is the answer
            failure = f"{type(error).__name__}: {error}".replace("\0", " ").encode("utf-8", "replace")
        answer = (_abi.ConsumerOffset * len(rows))(*rows)
        self._lib.event_offsets_reply(event, byref(answer), len(rows), failure, None)


def store_of(lib: Library, settings: Mapping[str, object]) -> Tuple[Optional[StoreServer], Dict[str, object]]:
    """The server of a store among the settings, if there is one, and the other settings."""
    store = settings.get("offset_store")
    if store is None or isinstance(store, str):
        return None, dict(settings)
    if not isinstance(store, OffsetStore):
        raise InvalidArgumentError(
            "offset_store: it is neither the name of a store nor has the methods load and save",
            details={"setting": "offset_store"},
        )
    return StoreServer(lib, store), {name: value for name, value in settings.items() if name != "offset_store"}
