"""What manages a cluster: its objects, and the stored offsets of consumers."""

from __future__ import annotations

import operator
import os
from ctypes import byref, sizeof
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from . import _abi
from ._core import Handle, config, finish, milliseconds, read_text, text
from ._errors import InvalidArgumentError, error_of_status
from ._library import Library
from ._objects import (
    SPU,
    Mirror,
    Partition,
    SmartModulePackage,
    SmartModuleParam,
    SPUGroup,
    StoredSmartModule,
    TableColumn,
    TableFormat,
    Topic,
    module_settings,
    read_object,
    read_objects,
)
from ._position import Position, position_text
from ._watch import Watch

if TYPE_CHECKING:
    from ._client import Client

T = TypeVar("T")
Names = Union[str, Sequence[str]]
"""One name, or several."""


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


def check_count(count: object) -> int:
    """A number of partitions as the library takes it, or InvalidArgumentError."""
    number = operator.index(count)  # type: ignore[arg-type]
    if not 1 <= number < 2**32:
        raise InvalidArgumentError(f"count: {number} is not a number of partitions to add")
    return number


def list_settings(names: Names, settings: Mapping[str, object]) -> Mapping[str, object]:
    """The settings of a list."""
    return {"names": [names] if isinstance(names, str) else list(names), **settings}


class Admin:
    """Manages the cluster's objects and stored consumer offsets. Comes as ``client.admin``.

    Every call takes ``timeout`` in seconds; None means the client's ``request_timeout_ms``, and 110 s where it waits
    for partitions. Wrong names and settings are InvalidArgumentError, refusals of the cluster carry its own code.
    Settings that are times or sizes take numbers (their names say of what) or text with a unit: ``"1h"``, ``"512MiB"``.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._lib = client._lib
        self._address = client._address

    def _run(
        self,
        what: str,
        start: Callable[[Optional[int], int], Optional[int]],
        take: Optional[Callable[[int], Optional[int]]] = None,
    ) -> int:
        return finish(self._lib, start(None, 0), what, take)

    def _list(
        self, kind: str, cls: Type[T], timeout: Optional[float], names: Names = (), **settings: object
    ) -> List[T]:
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, list_settings(names, settings))
        address = self._run(
            "list objects",
            lambda queue, opaque: lib.object_list_async(
                self._address, text(kind, "kind"), values.address, wait_ms, queue, opaque
            ),
            lib.op_take_value,
        )
        return read_objects(lib, address, cls)

    def _describe(self, kind: str, cls: Type[T], name: str, timeout: Optional[float]) -> T:
        lib, wait_ms = self._lib, milliseconds(timeout)
        address = self._run(
            "describe object",
            lambda queue, opaque: lib.object_describe_async(
                self._address, text(kind, "kind"), text(name, "name"), wait_ms, queue, opaque
            ),
            lib.op_take_value,
        )
        return read_object(lib, address, cls)

    def _create(self, kind: str, name: str, timeout: Optional[float], /, **settings: object) -> str:
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, settings)
        address = self._run(
            "create object",
            lambda queue, opaque: lib.object_create_async(
                self._address, text(kind, "kind"), text(name, "name"), values.address, wait_ms, queue, opaque
            ),
            lib.op_take_text,
        )
        return read_text(lib, address).decode()

    def _delete(self, kind: str, name: Optional[str], timeout: Optional[float], **settings: object) -> None:
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, settings)
        own = None if name is None else text(name, "name")
        self._run(
            "delete object",
            lambda queue, opaque: lib.object_delete_async(
                self._address, text(kind, "kind"), own, values.address, wait_ms, queue, opaque
            ),
        )

    def _watch(self, kind: str, cls: Type[T], timeout: Optional[float]) -> Watch[T]:
        lib, wait_ms = self._lib, milliseconds(timeout)
        address = self._run(
            "open watch",
            lambda queue, opaque: lib.watch_open_async(self._address, text(kind, "kind"), wait_ms, queue, opaque),
            lib.op_take_watch,
        )
        return Watch(lib, Handle(address, lib.watch_free), cls, self._client)

    def create_topic(
        self,
        topic: str,
        *,
        partitions: Optional[int] = None,
        replication: Optional[int] = None,
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Creates a topic and returns when every partition has a leader that is online.

        Args:
            topic: 1 to 63 of a-z, 0-9 and -, not - first or last.
            partitions: their number. None: 1.
            replication: copies of each partition, at most one for each SPU. None: 1.
            timeout: seconds; None: 110, whatever ``request_timeout_ms`` says, because the cluster itself waits up to
                90 s for SPUs to take the partitions. The topic may exist all the same afterwards.
            settings: ``retention_seconds``, ``segment_size`` (bytes), ``max_partition_size`` (bytes), ``compression``
                (any, none, gzip, snappy, lz4, zstd), ``deduplication`` (a :class:`Deduplication`), ``ignore_rack``,
                ``system``, ``dry_run``. Instead of partitions and replication: ``assignment`` (for every partition a
                list of ids of SPUs, the leader first) or ``mirror`` (a :class:`TopicMirror`).

        Raises:
            InvalidArgumentError: the name or a setting is wrong.
            AlreadyExistsError: there is a topic of that name.
            FluvioTimeoutError: the partitions are not online in time.
        """
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, {"partitions": partitions, "replication": replication, **settings})
        name = text(topic, "topic")
        self._run(
            "create topic",
            lambda queue, opaque: lib.topic_create_async(self._address, name, values.address, wait_ms, queue, opaque),
        )

    def delete_topic(self, topic: str, *, force: bool = False, timeout: Optional[float] = None) -> None:
        """Deletes a topic with all its records.

        Args:
            topic: its name.
            force: also one of the cluster's own.
            timeout: seconds.

        Raises:
            NotFoundError: there is none of that name.
            FluvioPermissionError: it is one of the cluster's own.
            FluvioTimeoutError: no answer in time.
        """
        self._delete("topic", topic, timeout, force=force)

    def topics(self, names: Names = (), *, system: bool = False, timeout: Optional[float] = None) -> List[Topic]:
        """The topics, in the order of their names.

        Args:
            names: parts of names; a topic is listed when one of them is in its name. Empty: all.
            system: the cluster's own topics, instead of the others.
            timeout: seconds.

        Raises:
            FluvioTimeoutError: no answer in time.
        """
        return self._list("topic", Topic, timeout, names=names, system=system)

    def topic(self, name: str, *, timeout: Optional[float] = None) -> Topic:
        """Describes a topic, also one of the cluster's own.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._describe("topic", Topic, name, timeout)

    def add_partitions(self, topic: str, count: int, *, timeout: Optional[float] = None) -> None:
        """Adds ``count`` partitions, and returns when they have leaders that are online.

        Raises:
            InvalidArgumentError: the topic's replicas were assigned by hand, or it is a mirror.
            FluvioTimeoutError: they are not online in time; they may have been added all the same.
        """
        wait_ms, number = milliseconds(timeout), check_count(count)
        self._run(
            "add partitions",
            lambda queue, opaque: self._lib.topic_add_partitions_async(
                self._address, text(topic, "topic"), number, wait_ms, queue, opaque
            ),
        )

    def add_mirror(self, topic: str, remote_cluster: str, *, timeout: Optional[float] = None) -> None:
        """Adds a remote cluster, by the name of its mirror, to a mirror topic of the kind home.

        Raises:
            NotFoundError: there is no such topic, or no such mirror.
            AlreadyExistsError: the topic has it.
        """
        wait_ms = milliseconds(timeout)
        self._run(
            "add mirror",
            lambda queue, opaque: self._lib.topic_add_mirror_async(
                self._address, text(topic, "topic"), text(remote_cluster, "remote_cluster"), wait_ms, queue, opaque
            ),
        )

    def wait_topic(self, topic: str, *, timeout: Optional[float] = None) -> None:
        """Returns when the topic is there and every partition has a leader that is online.

        Raises:
            FluvioTimeoutError: it is not so in time, 110 s without ``timeout``; the message says what is missing.
        """
        wait_ms = milliseconds(timeout)
        self._run(
            "wait for topic",
            lambda queue, opaque: self._lib.topic_wait_async(
                self._address, text(topic, "topic"), wait_ms, queue, opaque
            ),
        )

    def partitions(
        self, topic: Optional[str] = None, *, system: bool = False, timeout: Optional[float] = None
    ) -> List[Partition]:
        """The partitions of a topic, or of all.

        Args:
            topic: the topic; None: all.
            system: those of the cluster's own topics, instead of the others.
            timeout: seconds.
        """
        return self._list("partition", Partition, timeout, topic=topic, system=system)

    def partition(self, topic: str, partition: int, *, timeout: Optional[float] = None) -> Partition:
        """Describes a partition.

        Raises:
            NotFoundError: there is no such topic or partition.
        """
        return self._describe("partition", Partition, f"{topic}-{check_partition(partition)}", timeout)

    def spus(self, names: Names = (), *, timeout: Optional[float] = None) -> List[SPU]:
        """The SPUs, in the order of their ids."""
        return self._list("spu", SPU, timeout, names=names)

    def spu(self, name: str, *, timeout: Optional[float] = None) -> SPU:
        """Describes an SPU by its name.

        Raises:
            NotFoundError: there is none.
        """
        return self._describe("spu", SPU, name, timeout)

    def custom_spus(self, names: Names = (), *, timeout: Optional[float] = None) -> List[SPU]:
        """The SPUs that were registered by :meth:`create_custom_spu`."""
        return self._list("custom_spu", SPU, timeout, names=names)

    def create_custom_spu(
        self,
        name: str,
        id: int,
        public_endpoint: str,
        private_endpoint: str,
        *,
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Registers an SPU, which comes online when it is started with that id.

        Args:
            name: what it is called.
            id: its number.
            public_endpoint: host:port for clients.
            private_endpoint: host:port for other SPUs.
            timeout: seconds.
            settings: ``public_endpoint_local``, ``rack``, ``encryption``, ``dry_run``.

        Raises:
            AlreadyExistsError: name or id are taken.
        """
        self._create(
            "custom_spu",
            name,
            timeout,
            id=id,
            public_endpoint=public_endpoint,
            private_endpoint=private_endpoint,
            **settings,
        )

    def delete_custom_spu(self, name_or_id: Union[str, int], *, timeout: Optional[float] = None) -> None:
        """Takes an SPU out of the cluster, by its name or its id.

        Raises:
            NotFoundError: there is none.
        """
        self._delete(
            "custom_spu",
            name_or_id if isinstance(name_or_id, str) else None,
            timeout,
            id=None if isinstance(name_or_id, str) else name_or_id,
        )

    def spu_groups(self, names: Names = (), *, timeout: Optional[float] = None) -> List[SPUGroup]:
        """The groups of SPUs."""
        return self._list("spu_group", SPUGroup, timeout, names=names)

    def spu_group(self, name: str, *, timeout: Optional[float] = None) -> SPUGroup:
        """Describes a group of SPUs.

        Raises:
            NotFoundError: there is none.
        """
        return self._describe("spu_group", SPUGroup, name, timeout)

    def create_spu_group(
        self, name: str, *, replicas: int = 1, timeout: Optional[float] = None, **settings: object
    ) -> None:
        """Asks Kubernetes for a group of SPUs; elsewhere it is only stored. An existing one is replaced.

        Args:
            name: what it is called.
            replicas: the number of SPUs.
            timeout: seconds.
            settings: ``min_id``, ``rack``, ``in_sync_replica_min``, ``storage_log_dir``, ``storage_size``, ``env``,
                ``timeout_ms`` (how long the cluster waits).
        """
        self._create("spu_group", name, timeout, replicas=replicas, **settings)

    def delete_spu_group(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a group of SPUs.

        Raises:
            NotFoundError: there is none.
        """
        self._delete("spu_group", name, timeout)

    def smartmodules(
        self, names: Names = (), *, wasm: bool = False, timeout: Optional[float] = None
    ) -> List[StoredSmartModule]:
        """The SmartModules.

        Args:
            names: whole names: name, group/name or group/name@version. Empty: all.
            wasm: with their WebAssembly, which may be much.
            timeout: seconds.
        """
        return self._list("smartmodule", StoredSmartModule, timeout, names=names, wasm=wasm)

    def smartmodule(self, name: str, *, timeout: Optional[float] = None) -> StoredSmartModule:
        """Describes a SmartModule, with its WebAssembly: by its name, or as group/name or group/name@version.

        Raises:
            NotFoundError: there is none.
        """
        return self._describe("smartmodule", StoredSmartModule, name, timeout)

    def create_smartmodule(
        self,
        name: str,
        module: Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"],
        *,
        package: Union[SmartModulePackage, Mapping[str, str], None] = None,
        params: Sequence[Union[SmartModuleParam, Mapping[str, object]]] = (),
        timeout: Optional[float] = None,
    ) -> str:
        """Stores a SmartModule and returns what it is called: ``name``, or with a package what that makes of it. One of
        that name is replaced; streams that run keep the old one.

        Args:
            name: what it is called without a package.
            module: the WebAssembly, or the path of its file; also packed with gzip.
            package: where it is from.
            params: the parameters it takes; with a package only.
            timeout: seconds.

        Raises:
            InvalidArgumentError: it is not WebAssembly, or name or package are wrong.
        """
        return self._create("smartmodule", name, timeout, **module_settings(module, package, params))

    def delete_smartmodule(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a SmartModule: by its name, or as group/name@version.

        Raises:
            NotFoundError: there is none.
        """
        self._delete("smartmodule", name, timeout)

    def table_formats(self, names: Names = (), *, timeout: Optional[float] = None) -> List[TableFormat]:
        """The table formats."""
        return self._list("table_format", TableFormat, timeout, names=names)

    def table_format(self, name: str, *, timeout: Optional[float] = None) -> TableFormat:
        """Describes a table format.

        Raises:
            NotFoundError: there is none.
        """
        return self._describe("table_format", TableFormat, name, timeout)

    def create_table_format(
        self,
        name: str,
        *,
        columns: Sequence[Union[TableColumn, Mapping[str, object]]] = (),
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Stores a table format.

        Args:
            name: what it is called.
            columns: the columns.
            timeout: seconds.
            settings: ``input_format`` (json), ``smartmodule``.

        Raises:
            AlreadyExistsError: there is one of that name.
        """
        self._create("table_format", name, timeout, columns=columns, **settings)

    def delete_table_format(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a table format.

        Raises:
            NotFoundError: there is none.
        """
        self._delete("table_format", name, timeout)

    def mirrors(self, names: Names = (), *, timeout: Optional[float] = None) -> List[Mirror]:
        """The other clusters that this one copies topics to or from."""
        return self._list("mirror", Mirror, timeout, names=names)

    def mirror(self, name: str, *, timeout: Optional[float] = None) -> Mirror:
        """Describes another cluster.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._describe("mirror", Mirror, name, timeout)

    def create_mirror(
        self, name: str, *, kind: str = "remote", timeout: Optional[float] = None, **settings: object
    ) -> None:
        """Registers another cluster: a remote cluster on its home, or the home on a remote cluster.

        Args:
            name: what it is called here.
            kind: ``remote`` or ``home``: what the other cluster is.
            timeout: seconds.
            settings: ``id`` (the name by default); for a home also ``remote_id``, ``public_endpoint``, ``tls`` (a
                :class:`MirrorTLS`, or a mapping).

        Raises:
            AlreadyExistsError: there is a remote cluster of that name; a home is replaced.
        """
        self._create("mirror", name, timeout, kind=kind, **settings)

    def delete_mirror(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Forgets another cluster.

        Raises:
            NotFoundError: there is none of that name.
        """
        self._delete("mirror", name, timeout)

    def watch_topics(self, *, timeout: Optional[float] = None) -> Watch[Topic]:
        """Watches topics, the cluster's own included."""
        return self._watch("topic", Topic, timeout)

    def watch_partitions(self, *, timeout: Optional[float] = None) -> Watch[Partition]:
        """Watches partitions; offsets are changes too, up to three a second for each."""
        return self._watch("partition", Partition, timeout)

    def watch_spus(self, *, timeout: Optional[float] = None) -> Watch[SPU]:
        """Watches SPUs."""
        return self._watch("spu", SPU, timeout)

    def watch_spu_groups(self, *, timeout: Optional[float] = None) -> Watch[SPUGroup]:
        """Watches groups of SPUs."""
        return self._watch("spu_group", SPUGroup, timeout)

    def watch_smartmodules(self, *, timeout: Optional[float] = None) -> Watch[StoredSmartModule]:
        """Watches SmartModules, without their WebAssembly."""
        return self._watch("smartmodule", StoredSmartModule, timeout)

    def watch_table_formats(self, *, timeout: Optional[float] = None) -> Watch[TableFormat]:
        """Watches table formats."""
        return self._watch("table_format", TableFormat, timeout)

    def consumer_offsets(self, *, timeout: Optional[float] = None) -> List[ConsumerOffset]:
        """The stored offsets of all consumers, in the order of consumer, topic and partition.

        Raises:
            UnsupportedError: the cluster's platform keeps none.
            FluvioTimeoutError: no answer in time.
        """
        lib, wait_ms = self._lib, milliseconds(timeout)
        address = self._run(
            "list consumer offsets",
            lambda queue, opaque: lib.consumer_offsets_list_async(self._address, wait_ms, queue, opaque),
            lib.op_take_consumer_offset_list,
        )
        return read_offsets(lib, address)

    def delete_consumer_offset(
        self, consumer_id: str, topic: str, partition: int, *, timeout: Optional[float] = None
    ) -> None:
        """Forgets what a consumer stored for a partition; there being nothing is fine. A consumer that runs may store
        it again.

        Raises:
            UnsupportedError: the cluster's platform keeps no offsets.
            FluvioTimeoutError: no answer in time.
        """
        wait_ms = milliseconds(timeout)
        owner, name, number = text(consumer_id, "consumer_id"), text(topic, "topic"), check_partition(partition)
        self._run(
            "delete consumer offset",
            lambda queue, opaque: self._lib.consumer_offset_delete_async(
                self._address, owner, name, number, wait_ms, queue, opaque
            ),
        )

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
        wait_ms, to = milliseconds(timeout), position_text(position)
        owner, name, number = text(consumer_id, "consumer_id"), text(topic, "topic"), check_partition(partition)
        self._run(
            "reset consumer offset",
            lambda queue, opaque: self._lib.consumer_offset_reset_async(
                self._address, owner, name, number, to, wait_ms, queue, opaque
            ),
        )
