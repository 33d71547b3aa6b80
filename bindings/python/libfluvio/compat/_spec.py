"""What topics are created from, and what the administration shows, under the official client's names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Dict, Generic, List, Optional, Sequence, Tuple, TypeVar, Union

from .._errors import InvalidArgumentError
from .._objects import Partition, StoredSmartModule, Topic, TopicMirror

_POWERS = "kmgtpezy"
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:(b|bytes?)|([kmgtpezy])(i?)(?:b|bytes?)?)?\s*", re.IGNORECASE)
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_SECONDS = {
    seconds: names.split()
    for seconds, names in [
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hour hours"),
        (86400, "d day days"),
        (604800, "w week weeks"),
        (31449600, "y year years"),
    ]
}
_UNITS: Dict[str, float] = {name: seconds for seconds, names in _SECONDS.items() for name in names}
_UNITS.update({"": 1, "ms": 0.001})


class InvalidSize(InvalidArgumentError):
    """A text is not a size. The official client raises one of this name, from humanfriendly."""


def parse_byte_size(size: str) -> int:
    """Bytes out of a text: ``"10M"`` and ``"10MB"`` are decimal, ``"10MiB"`` binary.

    Raises:
        InvalidSize: it is something else.
    """
    found = _SIZE.fullmatch(size)
    if found is None:
        raise InvalidSize(f"{size!r} is not a size [hint: write bytes, or for instance 500M, 500MiB, 1GB]")
    number, _, power, binary = found.groups()
    factor = (1024 if binary else 1000) ** (_POWERS.index(power.lower()) + 1) if power else 1
    return int(float(number) * factor) if "." in number else int(number) * factor


def parse_timespan(span: str) -> int:
    """Whole seconds out of a text: ``"90"``, ``"4s"``, ``"2m"``, ``"3h"``, ``"1d"``, ``"2 weeks"``.

    Raises:
        InvalidArgumentError: it is something else.
    """
    found = _SPAN.fullmatch(span)
    unit = _UNITS.get(found.group(2).lower()) if found else None
    if found is None or unit is None:
        raise InvalidArgumentError(f"{span!r} is not a time [hint: write seconds, or for instance 30s, 2m, 3h, 1d]")
    return round(float(found.group(1)) * unit)


class TopicMode(Enum):
    """How the replicas of a topic come about."""

    MIRROR = "mirror"
    ASSIGNED = "assigned"
    COMPUTED = "computed"


class CompressionType(Enum):
    """A topic's policy."""

    NONE = "none"
    GZIP = "gzip"
    SNAPPY = "snappy"
    LZ4 = "lz4"
    ANY = "any"
    ZSTD = "zstd"


@dataclass(frozen=True)
class PartitionMap:
    """Where one partition lies."""

    partition: int
    replicas: Tuple[int, ...]
    """Ids of SPUs, the leader first."""

    @classmethod
    def new(cls, partition: int, replicas: Sequence[int]) -> "PartitionMap":
        """As the constructor."""
        return cls(partition, tuple(replicas))


@dataclass(frozen=True)
class CommonCreateRequest:
    """What to create, and how."""

    name: str
    dry_run: bool = False
    timeout: Optional[int] = None
    """Milliseconds."""

    @classmethod
    def new(cls, name: str, dry_run: bool, timeout: Optional[int] = None) -> "CommonCreateRequest":
        """As the constructor."""
        return cls(name, dry_run, timeout)


@dataclass(frozen=True)
class TopicSpec:
    """What a topic is to be. The methods give changed copies."""

    mode: TopicMode = TopicMode.COMPUTED
    partitions: int = 1
    replications: int = 1
    ignore_rack: bool = True
    replica_assignment: Optional[List[PartitionMap]] = None
    retention_time: Optional[int] = None
    """Seconds; this and what follows: None leaves it to the cluster."""
    segment_size: Optional[int] = None
    """Bytes."""
    compression_type: Optional[CompressionType] = None
    max_partition_size: Optional[int] = None
    """Bytes."""
    system: bool = False

    @classmethod
    def new(cls, partitions: int = 1, replication: int = 1, ignore: bool = True) -> "TopicSpec":
        """A topic whose replicas the cluster places."""
        return cls(partitions=partitions, replications=replication, ignore_rack=ignore)

    @classmethod
    def create(cls) -> "TopicSpec":
        """A topic with one partition and one replica."""
        return cls()

    def with_assignment(self, replica_assignment: List[PartitionMap]) -> "TopicSpec":
        """Places the partitions by hand."""
        return replace(self, mode=TopicMode.ASSIGNED, replica_assignment=replica_assignment)

    def as_mirror_topic(self) -> "TopicSpec":
        """Makes it a mirror, without remotes so far."""
        return replace(self, mode=TopicMode.MIRROR)

    def with_partitions(self, partitions: int) -> "TopicSpec":
        """Sets the number of partitions; ValueError when it is negative."""
        if partitions < 0:
            raise ValueError("Partitions must be a positive integer")
        return replace(self, partitions=partitions)

    def with_replications(self, replications: int) -> "TopicSpec":
        """Sets the number of copies of each partition; ValueError when it is negative."""
        if replications < 0:
            raise ValueError("Replication factor must be a positive integer")
        return replace(self, replications=replications)

    def with_ignore_rack(self, ignore: bool = True) -> "TopicSpec":
        """Sets whether racks count for nothing."""
        return replace(self, ignore_rack=ignore)

    def with_compression(self, compression: CompressionType) -> "TopicSpec":
        """Sets the policy of compression."""
        return replace(self, compression_type=compression)

    def with_retention_time(self, retention_time: Union[str, int]) -> "TopicSpec":
        """Sets how long records are kept: seconds, or text as for :func:`parse_timespan`."""
        seconds = retention_time if isinstance(retention_time, int) else parse_timespan(retention_time)
        return replace(self, retention_time=seconds)

    def with_segment_size(self, size: Union[str, int]) -> "TopicSpec":
        """Sets the size of log segments: bytes, or text as for :func:`parse_byte_size`."""
        return replace(self, segment_size=size if isinstance(size, int) else parse_byte_size(size))

    def with_max_partition_size(self, size: Union[str, int]) -> "TopicSpec":
        """Sets when old segments go: bytes, or text as for :func:`parse_byte_size`."""
        return replace(self, max_partition_size=size if isinstance(size, int) else parse_byte_size(size))

    def as_system_topic(self, is_system: bool = True) -> "TopicSpec":
        """Makes it one of the cluster's own."""
        return replace(self, system=is_system)

    def build(self) -> "TopicSpec":
        """Itself: there is nothing to build here."""
        return self

    def _settings(self) -> Dict[str, object]:
        """The settings of :meth:`libfluvio.Admin.create_topic`."""
        settings: Dict[str, object] = {
            "retention_seconds": self.retention_time,
            "segment_size": self.segment_size,
            "max_partition_size": self.max_partition_size,
            "compression": self.compression_type.value if self.compression_type else None,
            "system": True if self.system else None,
        }
        if self.mode is TopicMode.ASSIGNED and self.replica_assignment:
            places = sorted(self.replica_assignment, key=lambda place: place.partition)
            if [place.partition for place in places] != list(range(len(places))):
                raise InvalidArgumentError("replica_assignment: the partitions are not 0, 1, 2 and so on, each once")
            settings["assignment"] = [list(place.replicas) for place in places]
        elif self.mode is TopicMode.MIRROR:
            settings["mirror"] = TopicMirror("home")
        else:
            settings.update(partitions=self.partitions, replication=self.replications, ignore_rack=self.ignore_rack)
        return settings


@dataclass(frozen=True)
class SmartModuleSpec:
    """A SmartModule to be stored."""

    wasm: bytes

    @classmethod
    def new(cls, path: str) -> "SmartModuleSpec":
        """Reads it from a file."""
        return cls(Path(path).read_bytes())


S = TypeVar("S")


class _Metadata(Generic[S]):
    """An object of the cluster."""

    def __init__(self, spec: S) -> None:
        self.spec = spec
        """All that is known of it."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.spec}>"


class MetadataTopicSpec(_Metadata[Topic]):
    """A topic. The official client shows only its name; here ``spec`` is a :class:`libfluvio.Topic`."""

    def name(self) -> str:
        """Its name."""
        return self.spec.name


class MetadataSmartModuleSpec(_Metadata[StoredSmartModule]):
    """A SmartModule; ``spec`` is a :class:`libfluvio.StoredSmartModule`."""

    def name(self) -> str:
        """Its name."""
        return self.spec.name


class MetadataPartitionSpec(_Metadata[Partition]):
    """A partition; ``spec`` is a :class:`libfluvio.Partition`."""

    def name(self) -> str:
        """Topic and number: ``orders-0``."""
        return f"{self.spec.topic}-{self.spec.partition}"


class _Message(Generic[S]):
    """One change."""

    def __init__(self, kind: str, spec: S) -> None:
        self._kind = kind
        self._spec = spec

    def is_update(self) -> bool:
        """Whether it is new or changed."""
        return self._kind != "deleted"

    def is_delete(self) -> bool:
        """Whether it was deleted."""
        return self._kind == "deleted"


class MessageMetadataTopicSpec(_Message[Topic]):
    """A change of a topic."""

    def metadata_topic_spec(self) -> MetadataTopicSpec:
        """The topic; of a deleted one as it last was."""
        return MetadataTopicSpec(self._spec)


class MessageMetadataSmartModuleSpec(_Message[StoredSmartModule]):
    """A change of a SmartModule."""

    def metadata_smart_module_spec(self) -> MetadataSmartModuleSpec:
        """The SmartModule; of a deleted one as it last was."""
        return MetadataSmartModuleSpec(self._spec)


class _Update(Generic[S]):
    """What a watch gives: everything at first, changes afterwards."""

    def __init__(self, epoch: int, everything: List[S], changes: List[Tuple[str, S]]) -> None:
        self._epoch = epoch
        self._all = everything
        self._changes = changes

    def epoch(self) -> int:
        """The number of this update, from 1 on."""
        return self._epoch


class MetaUpdateTopicSpec(_Update[Topic]):
    """An update of topics."""

    def all(self) -> List[MetadataTopicSpec]:
        """Everything, in the first update; empty in others."""
        return [MetadataTopicSpec(spec) for spec in self._all]

    def changes(self) -> List[MessageMetadataTopicSpec]:
        """What changed."""
        return [MessageMetadataTopicSpec(kind, spec) for kind, spec in self._changes]


class MetaUpdateSmartModuleSpec(_Update[StoredSmartModule]):
    """An update of SmartModules."""

    def all(self) -> List[MetadataSmartModuleSpec]:
        """Everything, in the first update; empty in others."""
        return [MetadataSmartModuleSpec(spec) for spec in self._all]

    def changes(self) -> List[MessageMetadataSmartModuleSpec]:
        """What changed."""
        return [MessageMetadataSmartModuleSpec(kind, spec) for kind, spec in self._changes]
