"""What manages a cluster, for asyncio."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from .._admin import (
    ConsumerOffset,
    Names,
    check_count,
    check_partition,
    list_settings,
    read_offsets,
)
from .._core import Handle, config, milliseconds, read_text, text
from .._objects import (
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
from .._position import Position, position_text
from ._loop import Opening
from ._watch import Watch

if TYPE_CHECKING:
    from ._client import Client

T = TypeVar("T")


class Admin:
    """Manages the cluster's objects and stored consumer offsets, as :class:`libfluvio.Admin` does. Comes as
    ``client.admin``. Watches are opened as clients are: awaited, or with ``async with``."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._lib = client._lib
        self._address = client._address

    async def _run(
        self,
        what: str,
        start: Callable[[int, int], Optional[int]],
        take: Optional[Callable[[int], Optional[int]]] = None,
    ) -> int:
        return await self._client._operations.run(what, start, take)

    async def _list(
        self, kind: str, cls: Type[T], timeout: Optional[float], names: Names = (), **settings: object
    ) -> List[T]:
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, list_settings(names, settings))
        address = await self._run(
            "list objects",
            lambda queue, opaque: lib.object_list_async(
                self._address, text(kind, "kind"), values.address, wait_ms, queue, opaque
            ),
            lib.op_take_value,
        )
        return read_objects(lib, address, cls)

    async def _describe(self, kind: str, cls: Type[T], name: str, timeout: Optional[float]) -> T:
        lib, wait_ms = self._lib, milliseconds(timeout)
        address = await self._run(
            "describe object",
            lambda queue, opaque: lib.object_describe_async(
                self._address, text(kind, "kind"), text(name, "name"), wait_ms, queue, opaque
            ),
            lib.op_take_value,
        )
        return read_object(lib, address, cls)

    async def _create(self, kind: str, name: str, timeout: Optional[float], /, **settings: object) -> str:
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, settings)
        address = await self._run(
            "create object",
            lambda queue, opaque: lib.object_create_async(
                self._address, text(kind, "kind"), text(name, "name"), values.address, wait_ms, queue, opaque
            ),
            lib.op_take_text,
        )
        return read_text(lib, address).decode()

    async def _delete(self, kind: str, name: Optional[str], timeout: Optional[float], **settings: object) -> None:
        lib, wait_ms = self._lib, milliseconds(timeout)
        values = config(lib, settings)
        own = None if name is None else text(name, "name")
        await self._run(
            "delete object",
            lambda queue, opaque: lib.object_delete_async(
                self._address, text(kind, "kind"), own, values.address, wait_ms, queue, opaque
            ),
        )

    def _watch(self, kind: str, cls: Type[T], timeout: Optional[float]) -> "Opening[Watch[T]]":
        lib, wait_ms = self._lib, milliseconds(timeout)

        async def opening() -> "Watch[T]":
            address = await self._run(
                "open watch",
                lambda queue, opaque: lib.watch_open_async(self._address, text(kind, "kind"), wait_ms, queue, opaque),
                lib.op_take_watch,
            )
            return Watch(lib, Handle(address, lib.watch_free), cls, self._client)

        return Opening(opening)

    async def create_topic(
        self,
        topic: str,
        *,
        partitions: Optional[int] = None,
        replication: Optional[int] = None,
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Creates a topic and returns when every partition has a leader that is online. Arguments and errors as for
        :meth:`libfluvio.Admin.create_topic`."""
        lib, wait_ms = self._lib, milliseconds(timeout)
        name = text(topic, "topic")
        values = config(lib, {"partitions": partitions, "replication": replication, **settings})
        await self._run(
            "create topic",
            lambda queue, opaque: lib.topic_create_async(self._address, name, values.address, wait_ms, queue, opaque),
        )

    async def delete_topic(self, topic: str, *, force: bool = False, timeout: Optional[float] = None) -> None:
        """Deletes a topic with all its records. Arguments and errors as for :meth:`libfluvio.Admin.delete_topic`."""
        await self._delete("topic", topic, timeout, force=force)

    async def topics(self, names: Names = (), *, system: bool = False, timeout: Optional[float] = None) -> List[Topic]:
        """The topics, in the order of their names. Arguments and errors as for
        :meth:`libfluvio.Admin.topics`."""
        return await self._list("topic", Topic, timeout, names=names, system=system)

    async def topic(self, name: str, *, timeout: Optional[float] = None) -> Topic:
        """Describes a topic, also one of the cluster's own. Arguments and errors as for
        :meth:`libfluvio.Admin.topic`."""
        return await self._describe("topic", Topic, name, timeout)

    async def add_partitions(self, topic: str, count: int, *, timeout: Optional[float] = None) -> None:
        """Adds ``count`` partitions, and returns when they have leaders that are online. Arguments and errors as for
        :meth:`libfluvio.Admin.add_partitions`."""
        wait_ms, number = milliseconds(timeout), check_count(count)
        await self._run(
            "add partitions",
            lambda queue, opaque: self._lib.topic_add_partitions_async(
                self._address, text(topic, "topic"), number, wait_ms, queue, opaque
            ),
        )

    async def add_mirror(self, topic: str, remote_cluster: str, *, timeout: Optional[float] = None) -> None:
        """Adds a remote cluster, by the name of its mirror, to a mirror topic of the kind home. Arguments and errors as
        for :meth:`libfluvio.Admin.add_mirror`."""
        wait_ms = milliseconds(timeout)
        await self._run(
            "add mirror",
            lambda queue, opaque: self._lib.topic_add_mirror_async(
                self._address, text(topic, "topic"), text(remote_cluster, "remote_cluster"), wait_ms, queue, opaque
            ),
        )

    async def wait_topic(self, topic: str, *, timeout: Optional[float] = None) -> None:
        """Returns when the topic is there and every partition has a leader that is online. Arguments and errors as for
        :meth:`libfluvio.Admin.wait_topic`."""
        wait_ms = milliseconds(timeout)
        await self._run(
            "wait for topic",
            lambda queue, opaque: self._lib.topic_wait_async(
                self._address, text(topic, "topic"), wait_ms, queue, opaque
            ),
        )

    async def partitions(
        self, topic: Optional[str] = None, *, system: bool = False, timeout: Optional[float] = None
    ) -> List[Partition]:
        """The partitions of a topic, or of all. Arguments and errors as for
        :meth:`libfluvio.Admin.partitions`."""
        return await self._list("partition", Partition, timeout, topic=topic, system=system)

    async def partition(self, topic: str, partition: int, *, timeout: Optional[float] = None) -> Partition:
        """Describes a partition. Arguments and errors as for
        :meth:`libfluvio.Admin.partition`."""
        return await self._describe("partition", Partition, f"{topic}-{check_partition(partition)}", timeout)

    async def spus(self, names: Names = (), *, timeout: Optional[float] = None) -> List[SPU]:
        """The SPUs, in the order of their ids."""
        return await self._list("spu", SPU, timeout, names=names)

    async def spu(self, name: str, *, timeout: Optional[float] = None) -> SPU:
        """Describes an SPU by its name. Arguments and errors as for
        :meth:`libfluvio.Admin.spu`."""
        return await self._describe("spu", SPU, name, timeout)

    async def custom_spus(self, names: Names = (), *, timeout: Optional[float] = None) -> List[SPU]:
        """The SPUs that were registered by :meth:`create_custom_spu`."""
        return await self._list("custom_spu", SPU, timeout, names=names)

    async def create_custom_spu(
        self,
        name: str,
        id: int,
        public_endpoint: str,
        private_endpoint: str,
        *,
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Registers an SPU, which comes online when it is started with that id. Arguments and errors as for
        :meth:`libfluvio.Admin.create_custom_spu`."""
        await self._create(
            "custom_spu",
            name,
            timeout,
            id=id,
            public_endpoint=public_endpoint,
            private_endpoint=private_endpoint,
            **settings,
        )

    async def delete_custom_spu(self, name_or_id: Union[str, int], *, timeout: Optional[float] = None) -> None:
        """Takes an SPU out of the cluster, by its name or its id. Arguments and errors as for
        :meth:`libfluvio.Admin.delete_custom_spu`."""
        await self._delete(
            "custom_spu",
            name_or_id if isinstance(name_or_id, str) else None,
            timeout,
            id=None if isinstance(name_or_id, str) else name_or_id,
        )

    async def spu_groups(self, names: Names = (), *, timeout: Optional[float] = None) -> List[SPUGroup]:
        """The groups of SPUs."""
        return await self._list("spu_group", SPUGroup, timeout, names=names)

    async def spu_group(self, name: str, *, timeout: Optional[float] = None) -> SPUGroup:
        """Describes a group of SPUs. Arguments and errors as for
        :meth:`libfluvio.Admin.spu_group`."""
        return await self._describe("spu_group", SPUGroup, name, timeout)

    async def create_spu_group(
        self, name: str, *, replicas: int = 1, timeout: Optional[float] = None, **settings: object
    ) -> None:
        """Asks Kubernetes for a group of SPUs; elsewhere it is only stored. An existing one is replaced. Arguments and
        errors as for :meth:`libfluvio.Admin.create_spu_group`."""
        await self._create("spu_group", name, timeout, replicas=replicas, **settings)

    async def delete_spu_group(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a group of SPUs. Arguments and errors as for
        :meth:`libfluvio.Admin.delete_spu_group`."""
        await self._delete("spu_group", name, timeout)

    async def smartmodules(
        self, names: Names = (), *, wasm: bool = False, timeout: Optional[float] = None
    ) -> List[StoredSmartModule]:
        """The SmartModules. Arguments and errors as for
        :meth:`libfluvio.Admin.smartmodules`."""
        return await self._list("smartmodule", StoredSmartModule, timeout, names=names, wasm=wasm)

    async def smartmodule(self, name: str, *, timeout: Optional[float] = None) -> StoredSmartModule:
        """Describes a SmartModule, with its WebAssembly: by its name, or as group/name or group/name@version. Arguments
        and errors as for :meth:`libfluvio.Admin.smartmodule`."""
        return await self._describe("smartmodule", StoredSmartModule, name, timeout)

    async def create_smartmodule(
        self,
        name: str,
        module: Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"],
        *,
        package: Union[SmartModulePackage, Mapping[str, str], None] = None,
        params: Sequence[Union[SmartModuleParam, Mapping[str, object]]] = (),
        timeout: Optional[float] = None,
    ) -> str:
        """Stores a SmartModule and returns what it is called: ``name``, or with a package what that makes of it. One of
        that name is replaced; streams that run keep the old one. Arguments and errors as for
        :meth:`libfluvio.Admin.create_smartmodule`."""
        return await self._create("smartmodule", name, timeout, **module_settings(module, package, params))

    async def delete_smartmodule(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a SmartModule: by its name, or as group/name@version. Arguments and errors as for
        :meth:`libfluvio.Admin.delete_smartmodule`."""
        await self._delete("smartmodule", name, timeout)

    async def table_formats(self, names: Names = (), *, timeout: Optional[float] = None) -> List[TableFormat]:
        """The table formats."""
        return await self._list("table_format", TableFormat, timeout, names=names)

    async def table_format(self, name: str, *, timeout: Optional[float] = None) -> TableFormat:
        """Describes a table format. Arguments and errors as for
        :meth:`libfluvio.Admin.table_format`."""
        return await self._describe("table_format", TableFormat, name, timeout)

    async def create_table_format(
        self,
        name: str,
        *,
        columns: Sequence[Union[TableColumn, Mapping[str, object]]] = (),
        timeout: Optional[float] = None,
        **settings: object,
    ) -> None:
        """Stores a table format. Arguments and errors as for
        :meth:`libfluvio.Admin.create_table_format`."""
        await self._create("table_format", name, timeout, columns=columns, **settings)

    async def delete_table_format(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a table format. Arguments and errors as for
        :meth:`libfluvio.Admin.delete_table_format`."""
        await self._delete("table_format", name, timeout)

    async def mirrors(self, names: Names = (), *, timeout: Optional[float] = None) -> List[Mirror]:
        """The other clusters that this one copies topics to or from."""
        return await self._list("mirror", Mirror, timeout, names=names)

    async def mirror(self, name: str, *, timeout: Optional[float] = None) -> Mirror:
        """Describes another cluster. Arguments and errors as for
        :meth:`libfluvio.Admin.mirror`."""
        return await self._describe("mirror", Mirror, name, timeout)

    async def create_mirror(
        self, name: str, *, kind: str = "remote", timeout: Optional[float] = None, **settings: object
    ) -> None:
        """Registers another cluster: a remote cluster on its home, or the home on a remote cluster. Arguments and
        errors as for :meth:`libfluvio.Admin.create_mirror`."""
        await self._create("mirror", name, timeout, kind=kind, **settings)

    async def delete_mirror(self, name: str, *, timeout: Optional[float] = None) -> None:
        """Forgets another cluster. Arguments and errors as for
        :meth:`libfluvio.Admin.delete_mirror`."""
        await self._delete("mirror", name, timeout)

    def watch_topics(self, *, timeout: Optional[float] = None) -> "Opening[Watch[Topic]]":
        """Watches topics, the cluster's own included."""
        return self._watch("topic", Topic, timeout)

    def watch_partitions(self, *, timeout: Optional[float] = None) -> "Opening[Watch[Partition]]":
        """Watches partitions; offsets are changes too, up to three a second for each."""
        return self._watch("partition", Partition, timeout)

    def watch_spus(self, *, timeout: Optional[float] = None) -> "Opening[Watch[SPU]]":
        """Watches SPUs."""
        return self._watch("spu", SPU, timeout)

    def watch_spu_groups(self, *, timeout: Optional[float] = None) -> "Opening[Watch[SPUGroup]]":
        """Watches groups of SPUs."""
        return self._watch("spu_group", SPUGroup, timeout)

    def watch_smartmodules(self, *, timeout: Optional[float] = None) -> "Opening[Watch[StoredSmartModule]]":
        """Watches SmartModules, without their WebAssembly."""
        return self._watch("smartmodule", StoredSmartModule, timeout)

    def watch_table_formats(self, *, timeout: Optional[float] = None) -> "Opening[Watch[TableFormat]]":
        """Watches table formats."""
        return self._watch("table_format", TableFormat, timeout)

    async def consumer_offsets(self, *, timeout: Optional[float] = None) -> List[ConsumerOffset]:
        """The stored offsets of all consumers. Errors as for :meth:`libfluvio.Admin.consumer_offsets`."""
        lib, wait_ms = self._lib, milliseconds(timeout)
        address = await self._run(
            "list consumer offsets",
            lambda queue, opaque: lib.consumer_offsets_list_async(self._address, wait_ms, queue, opaque),
            lib.op_take_consumer_offset_list,
        )
        return read_offsets(lib, address)

    async def delete_consumer_offset(
        self, consumer_id: str, topic: str, partition: int, *, timeout: Optional[float] = None
    ) -> None:
        """Forgets what a consumer stored for a partition. Errors as for
        :meth:`libfluvio.Admin.delete_consumer_offset`."""
        wait_ms = milliseconds(timeout)
        owner, name, number = text(consumer_id, "consumer_id"), text(topic, "topic"), check_partition(partition)
        await self._run(
            "delete consumer offset",
            lambda queue, opaque: self._lib.consumer_offset_delete_async(
                self._address, owner, name, number, wait_ms, queue, opaque
            ),
        )

    async def reset_consumer_offset(
        self, consumer_id: str, topic: str, partition: int, position: Position, *, timeout: Optional[float] = None
    ) -> None:
        """Makes a consumer that is opened later go on at a position. Arguments and errors as for
        :meth:`libfluvio.Admin.reset_consumer_offset`."""
        wait_ms, to = milliseconds(timeout), position_text(position)
        owner, name, number = text(consumer_id, "consumer_id"), text(topic, "topic"), check_partition(partition)
        await self._run(
            "reset consumer offset",
            lambda queue, opaque: self._lib.consumer_offset_reset_async(
                self._address, owner, name, number, to, wait_ms, queue, opaque
            ),
        )
