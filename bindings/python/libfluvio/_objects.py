"""The cluster's objects, as they are read: every field of what was asked for and of what is.

Classes that stand inside settings too (:class:`Deduplication`, :class:`TopicMirror`, :class:`SmartModulePackage`, ...)
are taken by the functions that create objects, as mappings with the same names are.
"""

from __future__ import annotations

import base64
import datetime
import functools
import json
from dataclasses import dataclass, field
from typing import (
    Any,
    Dict,
    Generic,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from ._library import Library

T = TypeVar("T")


@dataclass(frozen=True)
class Deduplication:
    """How a topic drops records that came before."""

    smartmodule: str
    """What finds duplicates, for instance ``fluvio/dedup-bloom-filter@0.1.0``; it must be in the cluster."""
    count: int
    """How many records it remembers at least."""
    age_ms: Union[int, str] = 0
    """For how long it remembers them at least, in milliseconds (or, as a setting, ``"1h"``); 0: no matter how old."""
    params: Mapping[str, str] = field(default_factory=dict)
    """For the SmartModule."""


@dataclass(frozen=True)
class MirrorPartition:
    """A partition of a mirror topic of the kind home."""

    remote_cluster: str
    """The name of the mirror that stands for the remote cluster."""
    remote_replica: str = ""
    """topic-partition there; as a setting, empty is the topic's own name and 0."""
    source: bool = False
    """Whether the remote cluster copies from here."""


@dataclass(frozen=True)
class MirrorSPU:
    """An SPU of the home cluster."""

    id: int
    key: str
    """Its name there."""
    endpoint: str
    """host:port."""


@dataclass(frozen=True)
class TopicMirror:
    """How a topic is copied between clusters."""

    kind: str
    """``home``, on the cluster that has a partition for each remote one, or ``remote``, on those."""
    partitions: Sequence[MirrorPartition] = ()
    """Of a home topic: each is copied from a remote cluster."""
    source: bool = False
    """A home topic is copied to the remote clusters instead."""
    home_cluster: str = ""
    """Of a remote topic: the name of the mirror that stands for its home."""
    home_spus: Sequence[MirrorSPU] = ()
    """Of a remote topic: one for each partition."""
    target: bool = False
    """A remote topic is the copy instead."""


@dataclass(frozen=True)
class PartitionMirror:
    """The other side of a mirrored partition."""

    kind: str
    """``home`` or ``remote``: what this cluster is."""
    remote_cluster: str
    remote_replica: str
    source: bool
    home_cluster: str
    home_spu: int
    home_spu_key: str
    home_endpoint: str
    target: bool


@dataclass(frozen=True)
class PartitionPlaces:
    """The places of one partition."""

    partition: int
    spus: Tuple[int, ...]
    """Ids of SPUs, the leader as it was placed first."""
    mirror: Optional[PartitionMirror]
    """None: it is no mirror."""


@dataclass(frozen=True)
class Topic:
    """A topic of the cluster."""

    name: str
    """Its name."""
    partitions: int
    """The number of its partitions."""
    replication: int
    """Copies of each partition; 0 when the replicas were assigned by hand."""
    ignore_rack: bool
    """Stored with the topic; servers place without regard to racks anyway."""
    assignment: Tuple[Tuple[int, ...], ...]
    """For every partition the SPUs it was placed on by hand; empty: the cluster placed them."""
    mirror: Optional[TopicMirror]
    """None: it is no mirror."""
    retention_seconds: int
    """How long records are kept; 0: the cluster's default."""
    segment_size: int
    """Bytes of a log segment; 0: the cluster's default."""
    max_partition_size: int
    """Bytes of a partition before old segments go; 0: the cluster's default."""
    compression: str
    """The topic's policy: any, none, gzip, snappy, lz4 or zstd."""
    deduplication: Optional[Deduplication]
    """None: none."""
    is_system: bool
    """Whether the cluster itself uses it."""
    status: str
    """init, pending, insufficient-resources, invalid-config, provisioned or deleting. Provisioned: the replicas are
    placed, which does not say that their SPUs are online."""
    reason: str
    """Why the status is so; may be empty."""
    replicas: Tuple[PartitionPlaces, ...]
    """Where its partitions are."""


@dataclass(frozen=True)
class ReplicaView:
    """How far a replica has come; -1 is unknown."""

    spu: int
    high_watermark: int
    log_end_offset: int


@dataclass(frozen=True)
class Partition:
    """A partition of the cluster. Offsets and sizes are as its SPU last reported them: late by half a second."""

    topic: str
    partition: int
    leader: int
    """The id of the SPU."""
    replicas: Tuple[int, ...]
    """Ids of SPUs, the leader included."""
    status: str
    """offline, online, leader-offline, election or out-of-storage (it can be read)."""
    high_watermark: int
    """Behind the last record that all replicas have; -1 unknown."""
    log_end_offset: int
    """Behind the last record; -1 unknown."""
    start_offset: int
    """Of the first record kept."""
    size: int
    """Bytes; -1 unknown."""
    in_sync: int
    """Followers that have all records."""
    followers: Tuple[ReplicaView, ...]
    """The other replicas, as far as the leader has told."""
    is_being_deleted: bool
    retention_seconds: int
    """This and what follows are the topic's settings."""
    segment_size: int
    max_partition_size: int
    compression: str
    deduplication: Optional[Deduplication]
    is_system: bool
    mirror: Optional[PartitionMirror]


@dataclass(frozen=True)
class SPUHost:
    """A name or an address of an SPU; one of both may be empty."""

    hostname: str
    ip: str


@dataclass(frozen=True)
class SPUEndpoint:
    """Where an SPU listens."""

    hosts: Tuple[SPUHost, ...]
    port: int
    encryption: str
    """plaintext or ssl; clusters with TLS say plaintext too."""


@dataclass(frozen=True)
class SPU:
    """A storage server of the cluster."""

    name: str
    id: int
    type: str
    """managed (by Kubernetes) or custom."""
    status: str
    """online, offline or init (it never came)."""
    address: str
    """host:port for clients; empty: it has none."""
    public_endpoint: SPUEndpoint
    private_endpoint: SPUEndpoint
    public_endpoint_local: Optional[SPUEndpoint]
    rack: str


@dataclass(frozen=True)
class SPUGroup:
    """A group of SPUs; it means something on Kubernetes only. 0 and empty: not given."""

    name: str
    replicas: int
    min_id: int
    rack: str
    in_sync_replica_min: int
    storage_log_dir: str
    storage_size: str
    env: Mapping[str, str]
    status: str
    """init, invalid or reserved."""
    reason: str


@dataclass(frozen=True)
class SmartModulePackage:
    """Where a SmartModule is from."""

    name: str
    group: str
    version: str
    """semver."""
    api_version: str = "0.1.0"
    description: str = ""
    license: str = ""
    visibility: str = "private"
    """private or public."""
    repository: str = ""


@dataclass(frozen=True)
class SmartModuleParam:
    """A parameter that a SmartModule takes."""

    name: str
    description: str = ""
    optional: bool = False


@dataclass(frozen=True)
class StoredSmartModule:
    """A SmartModule of the cluster."""

    name: str
    full_name: str
    """As consumers and producers name it: group/name@version, or the name without a package."""
    package: Optional[SmartModulePackage]
    params: Tuple[SmartModuleParam, ...]
    format: str
    """binary or text."""
    size: int
    """Bytes, as it is stored: packed."""
    wasm: Optional[bytes] = field(repr=False)
    """The module; None in lists that were not asked for it."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table. Empty and None: not given."""

    key_path: str
    """Where the value is in the record."""
    header_label: str = ""
    width: str = ""
    alignment: str = ""
    """left, right or center."""
    format: str = ""
    display: Optional[bool] = None
    primary_key: Optional[bool] = None
    header_text_color: str = ""
    """blue, yellow or green."""
    header_bg_color: str = ""


@dataclass(frozen=True)
class TableFormat:
    """How the official command line shows records as a table."""

    name: str
    input_format: str
    columns: Tuple[TableColumn, ...]
    smartmodule: str
    status: str
    """init, invalid, running, pending or failed."""
    reason: str


@dataclass(frozen=True)
class MirrorTLS:
    """How a remote cluster shows itself to its home: PEM texts; as a setting, paths of files do too."""

    domain: str
    ca: str
    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True)
class MirrorPairing:
    """How far two clusters have found together."""

    status: str
    """waiting, successful, failed, disabled, unauthorized or failure."""
    reason: str
    """Of failure."""


@dataclass(frozen=True)
class Mirror:
    """Another cluster that this one copies topics to or from."""

    name: str
    kind: str
    """``remote`` or ``home``: what the other cluster is."""
    id: str
    remote_id: str
    """The name that the home knows this cluster by."""
    public_endpoint: str
    """host:port of the home's SC."""
    tls: Optional[MirrorTLS]
    status: str
    """online or offline."""
    pairing_sc: MirrorPairing
    pairing_spu: MirrorPairing
    last_seen: Optional[datetime.datetime]
    """In UTC; None: never."""


@dataclass(frozen=True)
class WatchEvent(Generic[T]):
    """What a watch tells."""

    kind: str
    """``added``, ``changed`` or ``deleted``: an object; ``synced``: what was told so far is all there is; ``lost``: the
    cluster cannot be reached, and what changes meanwhile comes afterwards, before the next ``synced``."""
    object: Optional[T]
    """The object, of a deleted one as it last was. None with ``synced`` and ``lost``."""
    error: Optional[str]
    """Why, with ``lost``."""


@functools.cache
def _hints(cls: type) -> Dict[str, Any]:
    return get_type_hints(cls)


def _build(hint: Any, value: Any) -> Any:
    """A value of JSON as a field of that type has it."""
    if value is None:
        return None
    origin = get_origin(hint)
    if origin is Union:
        return _build(get_args(hint)[0], value)
    if isinstance(value, list):
        return tuple(_build(get_args(hint)[0], item) for item in value)
    if hint is bytes:
        return base64.b64decode(value["base64"])
    if hint is datetime.datetime:
        return datetime.datetime.fromtimestamp(value / 1000, datetime.timezone.utc)
    if isinstance(value, dict) and isinstance(hint, type):
        hints = _hints(hint)
        return hint(**{name: _build(hints[name], item) for name, item in value.items() if name in hints})
    return value


def _load(lib: Library, address: int) -> Any:
    """The JSON of a value of the library, which is freed."""
    try:
        raw: Optional[bytes] = lib.value_json(address)
        return json.loads(raw or b"null")
    finally:
        lib.value_free(address)


def read_object(lib: Library, address: int, cls: Type[T]) -> T:
    """Copies an object of the library, and frees it."""
    found: T = _build(cls, _load(lib, address))
    return found


def read_objects(lib: Library, address: int, cls: Type[T]) -> List[T]:
    """Copies a list of objects of the library, and frees it."""
    return [_build(cls, item) for item in _load(lib, address)]


def read_events(lib: Library, address: int, cls: Type[T]) -> List[WatchEvent[T]]:
    """Copies the events of a watch, and frees them."""
    return [WatchEvent(e["event"], _build(cls, e["object"]), e["error"]) for e in _load(lib, address)]


def module_settings(module: object, package: object, params: object) -> Dict[str, object]:
    """The settings of a SmartModule: bytes are the module, all else is the path of its file."""
    if isinstance(module, (bytes, bytearray, memoryview)):
        found: Dict[str, object] = {"wasm": {"base64": base64.b64encode(module).decode()}}
    else:
        found = {"path": module}
    return {**found, "package": package, "params": params}
