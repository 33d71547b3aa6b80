"""Topics: creating, deleting and listing them. Stored consumer offsets: listing, deleting and resetting them."""

from __future__ import annotations

import operator
from ctypes import byref, sizeof
from dataclasses import dataclass
from typing import TYPE_CHECKING, List, Optional

from . import _abi
from ._core import Handle, config, finish, milliseconds, text
from ._errors import InvalidArgumentError, error_of_status
from ._library import Library
from ._position import Position, position_text

if TYPE_CHECKING:
    from ._client import Client


@dataclass(frozen=True)
class Topic:
    """A topic of the cluster."""

    name: str
    """Its name."""
    partitions: int
    """The number of its partitions."""
    replication: int
    """Copies of each partition; 0 when the replicas were assigned by hand."""
    status: str
    """init, pending, insufficient-resources, invalid-config, provisioned or deleting."""
    reason: str
    """Why the status is so; may be empty."""
    compression: str
    """The topic's policy: any, none, gzip, snappy, lz4 or zstd."""
    retention_seconds: int
    """How long records are kept; 0: the cluster's default."""
    segment_size: int
    """Bytes of a log segment; 0: the cluster's default."""
    max_partition_size: int
    """Bytes of a partition before old segments go; 0: the cluster's default."""
    is_system: bool
    """Whether the cluster itself uses it."""


def read_topics(lib: Library, address: int) -> List[Topic]:
    """Copies a list of the library, and frees it."""
    handle = Handle(address, lib.topic_list_free)
    row = _abi.Topic(struct_size=sizeof(_abi.Topic))
    topics = []
    for index in range(lib.topic_list_count(handle.address)):
        status: int = lib.topic_list_get(handle.address, index, byref(row))
        if status:
            raise error_of_status(lib, status)
        topics.append(
            Topic(
                name=row.name.decode(),
                partitions=row.partitions,
                replication=row.replication,
                status=row.status.decode(),
                reason=row.reason.decode(),
                compression=row.compression.decode(),
                retention_seconds=row.retention_seconds,
                segment_size=row.segment_size,
                max_partition_size=row.max_partition_size,
                is_system=bool(row.is_system),
            )
        )
    return topics


@dataclass(frozen=True)
class ConsumerOffset:
    """How far a named consumer has come in a partition."""

    consumer_id: str
    """The consumer's name."""
    topic: str
    """The topic."""
    partition: int
    """The partition."""
    offset: int
    """The offset of the last record processed: reading goes on with the next one."""
    modified: int
    """When it was stored: milliseconds since the epoch, by the clock of the SPU, which counts whole seconds."""


def read_offsets(lib: Library, address: int) -> List[ConsumerOffset]:
    """Copies a list of the library, and frees it."""
    handle = Handle(address, lib.consumer_offset_list_free)
    row = _abi.ConsumerOffset(struct_size=sizeof(_abi.ConsumerOffset))
    offsets = []
    for index in range(lib.consumer_offset_list_count(handle.address)):
        status: int = lib.consumer_offset_list_get(handle.address, index, byref(row))
        if status:
            raise error_of_status(lib, status)
        offsets.append(
            ConsumerOffset(row.consumer_id.decode(), row.topic.decode(), row.partition, row.offset, row.modified)
        )
    return offsets


def check_partition(partition: object) -> int:
    """A partition's number as the library takes it, or InvalidArgumentError."""
    number = operator.index(partition)  # type: ignore[arg-type]
    if not 0 <= number < 2**31:
        raise InvalidArgumentError(f"partition: {number} is not a partition's number")
    return number


class Admin:
    """Manages topics and stored consumer offsets. Comes as ``client.admin``.

    Every call takes ``timeout`` in seconds; None means the client's ``request_timeout_ms``, except for
    :meth:`create_topic`.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client

    def create_topic(
        self,
        topic: str,
        *,
        partitions: int = 1,
        replication: int = 1,
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Creates a topic and returns when its partitions are online.

        Args:
            topic: 1 to 63 of a-z, 0-9 and -, not - first or last.
            partitions: their number.
            replication: copies of each partition, at most one for each SPU.
            timeout: seconds; None: 110, whatever ``request_timeout_ms`` says, because the cluster itself waits up to
                90 s for SPUs to take the partitions.
            settings: ``retention_seconds``, ``segment_size`` (bytes), ``max_partition_size`` (bytes), ``compression``
                (any, none, gzip, snappy, lz4, zstd), ``ignore_rack``, ``dry_run``.

        Raises:
            InvalidArgumentError: the name or a setting is wrong.
            AlreadyExistsError: there is a topic of that name.
            FluvioTimeoutError: the partitions are not online in time.
        """
        lib = self._client._lib
        values = config(lib, {"partitions": partitions, "replication": replication, **settings})
        name = text(topic, "topic")
        operation = lib.topic_create_async(
            self._client._address, name, values.address, milliseconds(timeout), None, 0
        )
        finish(lib, operation, "create topic")

    def delete_topic(self, topic: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a topic with all its records.

        Raises:
            NotFoundError: there is none of that name.
            FluvioTimeoutError: no answer in time.
        """
        lib = self._client._lib
        operation = lib.topic_delete_async(
            self._client._address, text(topic, "topic"), milliseconds(timeout), None, 0
        )
        finish(lib, operation, "delete topic")

    def topics(self, *, timeout: Optional[float] = None) -> List[Topic]:
        """The topics, without the cluster's own, in the order of their names.

        Raises:
            FluvioTimeoutError: no answer in time.
        """
        lib = self._client._lib
        operation = lib.topic_list_async(self._client._address, milliseconds(timeout), None, 0)
        return read_topics(lib, finish(lib, operation, "list topics", lib.op_take_topic_list))

    def consumer_offsets(self, *, timeout: Optional[float] = None) -> List[ConsumerOffset]:
        """The stored offsets of all consumers, in the order of consumer, topic and partition.

        Raises:
            UnsupportedError: the cluster's platform keeps none.
            FluvioTimeoutError: no answer in time.
        """
        lib = self._client._lib
        operation = lib.consumer_offsets_list_async(self._client._address, milliseconds(timeout), None, 0)
        return read_offsets(lib, finish(lib, operation, "list consumer offsets", lib.op_take_consumer_offset_list))

    def delete_consumer_offset(
        self, consumer_id: str, topic: str, partition: int, *, timeout: Optional[float] = None
    ) -> None:
        """Forgets what a consumer stored for a partition; there being nothing is fine. A consumer that runs may store
        it again.

        Raises:
            UnsupportedError: the cluster's platform keeps no offsets.
            FluvioTimeoutError: no answer in time.
        """
        lib = self._client._lib
        operation = lib.consumer_offset_delete_async(
            self._client._address,
            text(consumer_id, "consumer_id"),
            text(topic, "topic"),
            check_partition(partition),
            milliseconds(timeout),
            None,
            0,
        )
        finish(lib, operation, "delete consumer offset")

    def reset_consumer_offset(
        self, consumer_id: str, topic: str, partition: int, position: Position, *, timeout: Optional[float] = None
    ) -> None:
        """Makes a consumer that is opened later go on at a position, whatever was stored for it. One that runs does not
        notice, and may store its own offset afterwards.

        Args:
            consumer_id: the consumer's name.
            topic: the topic.
            partition: the partition.
            position: an offset, a text as for the setting ``start``, or a ``datetime``.
            timeout: seconds.

        Raises:
            NotFoundError: there is no such topic or partition.
            UnsupportedError: the cluster's platform keeps no offsets.
        """
        lib = self._client._lib
        operation = lib.consumer_offset_reset_async(
            self._client._address,
            text(consumer_id, "consumer_id"),
            text(topic, "topic"),
            check_partition(partition),
            position_text(position),
            milliseconds(timeout),
            None,
            0,
        )
        finish(lib, operation, "reset consumer offset")
