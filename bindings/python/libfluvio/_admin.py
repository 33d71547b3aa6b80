"""Topics: creating, deleting and listing them."""

from __future__ import annotations

from ctypes import byref, sizeof
from dataclasses import dataclass
from typing import TYPE_CHECKING, List, Optional

from . import _abi
from ._core import Handle, config, finish, milliseconds, text
from ._errors import error_of_status
from ._library import Library

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


class Admin:
    """Manages topics. Comes as ``client.admin``.

    Every call takes ``timeout`` in seconds; None means the client's ``request_timeout_ms``.
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
            timeout: seconds.
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
