"""Settings under the official client's names."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from .._errors import InvalidArgumentError
from .._smartmodule import SmartModule

B = TypeVar("B", bound="_SmartModules")
Bytes = Union[bytes, bytearray, memoryview, Sequence[int]]
"""Bytes, or a list of their numbers."""


class Compression(Enum):
    """How a producer compresses."""

    None_ = "none"
    Gzip = "gzip"
    Snappy = "snappy"
    Lz4 = "lz4"
    Zstd = "zstd"


class Isolation(Enum):
    """When a record counts as written."""

    ReadCommitted = "read_committed"
    """The replicas have it."""
    ReadUncommitted = "read_uncommitted"
    """The leader has it."""


class DeliverySemantic(Enum):
    """Whether records of which nobody knows whether they were written are sent again."""

    AtMostOnce = "at_most_once"
    AtLeastOnce = "at_least_once"


class OffsetManagementStrategy(Enum):
    """Who stores how far a consumer has come."""

    NONE = "none"
    MANUAL = "manual"
    """``offset_commit``."""
    AUTO = "auto"
    """Also the library: what was read before the latest batch, again and again, and everything at the end."""


class SmartModuleKind(Enum):
    """What a SmartModule does. The cluster finds out by itself."""

    Filter = "filter"
    Map = "map"
    ArrayMap = "array_map"
    FilterMap = "filter_map"
    Aggregate = "aggregate"


class Offset:
    """Where reading begins."""

    __slots__ = ("_start",)

    def __init__(self, start: Union[int, str]) -> None:
        self._start = start

    @staticmethod
    def _count(number: int) -> int:
        if number < 0:
            raise InvalidArgumentError(f"offset: {number} is negative")
        return number

    @classmethod
    def absolute(cls, index: int) -> "Offset":
        """This offset; InvalidArgumentError when it is negative."""
        return cls(cls._count(index))

    @classmethod
    def beginning(cls) -> "Offset":
        """The first record kept."""
        return cls("beginning")

    @classmethod
    def end(cls) -> "Offset":
        """Behind the last record."""
        return cls("end")

    @classmethod
    def from_beginning(cls, offset: int) -> "Offset":
        """So many records behind the first."""
        return cls(f"beginning+{cls._count(offset)}")

    @classmethod
    def from_end(cls, offset: int) -> "Offset":
        """So many records before the end."""
        return cls(f"end-{cls._count(offset)}")

    def __repr__(self) -> str:
        return f"<Offset {self._start}>"


class FluvioConfig:
    """Which cluster to connect to, and how."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings: Dict[str, object] = dict(settings)

    @classmethod
    def load(cls) -> "FluvioConfig":
        """The current profile of the official tools. It is read when a client connects."""
        return cls({})

    @classmethod
    def new(cls, addr: str) -> "FluvioConfig":
        """A cluster at ``host:port``, without TLS."""
        return cls({"endpoint": addr})

    def set_endpoint(self, endpoint: str) -> None:
        """Sets ``host:port`` of the SC. Nothing of a profile counts then."""
        self._settings["endpoint"] = endpoint

    def set_use_spu_local_address(self, val: bool) -> None:
        """Reaches SPUs at their local addresses."""
        self._settings["use_spu_local_address"] = val

    def _set_tls(
        self,
        tls: str,
        domain: Optional[str] = None,
        key: Optional[str] = None,
        certificate: Optional[str] = None,
        ca: Optional[str] = None,
    ) -> None:
        self._settings.update(tls=tls, tls_domain=domain, tls_key=key, tls_certificate=certificate, tls_ca=ca)

    def disable_tls(self) -> None:
        """Connects without TLS."""
        self._set_tls("disabled")

    def set_anonymous_tls(self) -> None:
        """Connects with TLS, without verifying the server."""
        self._set_tls("anonymous")

    def set_inline_tls(self, domain: str, key: str, cert: str, ca_cert: str) -> None:
        """Connects with TLS; key and certificates are PEM text."""
        self._set_tls("verified", domain, key, cert, ca_cert)

    def set_tls_file_paths(self, domain: str, key_path: str, cert_path: str, ca_cert_path: str) -> None:
        """Connects with TLS; key and certificates are in PEM files."""
        self._set_tls("verified", domain, key_path, cert_path, ca_cert_path)

    def set_client_id(self, client_id: str) -> None:
        """Sets what the client is called in the cluster's logs."""
        self._settings["client_id"] = client_id

    def unset_client_id(self) -> None:
        """Takes :meth:`set_client_id` back."""
        self._settings.pop("client_id", None)


class TopicProducerConfig:
    """Settings of a producer. Comes from :class:`TopicProducerConfigBuilder`."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings = dict(settings)


class TopicProducerConfigBuilder:
    """Settings of a producer, one after the other."""

    def __init__(self) -> None:
        self._settings: Dict[str, object] = {}

    def _set(self, name: str, value: object) -> "TopicProducerConfigBuilder":
        self._settings[name] = value
        return self

    def batch_size(self, batch_size: int) -> "TopicProducerConfigBuilder":
        """Bytes at which a batch is full."""
        return self._set("batch_size", batch_size)

    def max_request_size(self, max_request_size: int) -> "TopicProducerConfigBuilder":
        """Bytes of a request at most."""
        self._set("buffer_memory", max(32 << 20, 2 * max_request_size))  # the default, or room for two of them
        return self._set("max_request_size", max_request_size)

    def batch_queue_size(self, batch_queue_size: int) -> "TopicProducerConfigBuilder":
        """Has no effect: memory is limited in bytes, whatever the number of batches."""
        return self

    def linger(self, linger: int) -> "TopicProducerConfigBuilder":
        """Milliseconds that a batch waits for more records."""
        return self._set("linger_ms", linger)

    def set_specific_partitioner(self, partition: int) -> "TopicProducerConfigBuilder":
        """Sends everything to one partition."""
        return self._set("partition", partition)

    def compression(self, compression: Compression) -> "TopicProducerConfigBuilder":
        """How batches are compressed."""
        return self._set("compression", compression.value)

    def timeout(self, timeout: int) -> "TopicProducerConfigBuilder":
        """Milliseconds that the server may wait for replicas."""
        return self._set("server_timeout_ms", timeout)

    def isolation(self, isolation: Isolation) -> "TopicProducerConfigBuilder":
        """When a record counts as written."""
        return self._set("isolation", isolation.value)

    def delivery_semantic(self, delivery_semantic: DeliverySemantic) -> "TopicProducerConfigBuilder":
        """Whether records may be sent again."""
        return self._set("delivery", delivery_semantic.value)

    def build(self) -> TopicProducerConfig:
        """The settings."""
        return TopicProducerConfig(self._settings)


class _SmartModules:
    """A chain of SmartModules."""

    def __init__(self) -> None:
        self._chain: List[SmartModule] = []

    def smartmodule(
        self: B,
        name: Optional[str] = None,
        path: Optional[str] = None,
        kind: Optional[SmartModuleKind] = None,
        params: Optional[Mapping[str, str]] = None,
        aggregate: Optional[Bytes] = None,
    ) -> B:
        """Adds a SmartModule to the chain.

        Args:
            name: of one that the cluster has.
            path: of a file, which is read at once.
            kind: says nothing the cluster does not find out.
            params: parameters.
            aggregate: where an aggregate begins.

        Raises:
            InvalidArgumentError: both of name and path are given, or none, or the file cannot be read.
        """
        said = None if kind is None else kind.value
        if path is None and name is None:
            raise InvalidArgumentError("Require either a path or a name for a smartmodule.")
        if path is not None and name is not None:
            raise InvalidArgumentError("Only specify one of path or name not both.")
        wasm = None
        if path is not None:
            try:
                wasm = Path(path).read_bytes()
            except OSError as error:
                raise InvalidArgumentError(
                    f"{os.strerror(error.errno or 0)} (os error {error.errno}): {path}"
                ) from error
        start = None if aggregate is None else bytes(aggregate)
        self._chain.append(SmartModule(name, wasm=wasm, kind=said, params=dict(params or {}), accumulator=start))
        return self


class ConsumerConfig(_SmartModules):
    """Settings of a stream of a partition consumer."""

    def __init__(self) -> None:
        super().__init__()
        self._stop: Optional[str] = None

    def disable_continuous(self, val: bool = True) -> None:
        """Ends the stream at what is now the end."""
        self._stop = "end" if val else None

    def _settings(self) -> Dict[str, object]:
        return {"stop_at": self._stop, "smartmodules": list(self._chain) or None}


class ConsumerConfigExt:
    """Settings of a consumer. Comes from :class:`ConsumerConfigExtBuilder`."""

    def __init__(self, topic: str, settings: Mapping[str, object]) -> None:
        self._topic = topic
        self._settings = dict(settings)


class ConsumerConfigExtBuilder(_SmartModules):
    """Settings of a consumer, one after the other. Reading begins at the beginning, or behind the stored offset."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic
        self._partitions: List[int] = []
        self._settings: Dict[str, object] = {"start": "beginning"}

    def _set(self, name: str, value: object) -> "ConsumerConfigExtBuilder":
        self._settings[name] = value
        return self

    def topic(self, topic: str) -> "ConsumerConfigExtBuilder":
        """Another topic."""
        self._topic = topic
        return self

    def partition(self, partition: int) -> "ConsumerConfigExtBuilder":
        """Adds a partition; without any all are read."""
        self._partitions.append(partition)
        return self

    def offset_start(self, offset: Offset) -> "ConsumerConfigExtBuilder":
        """Where reading begins when nothing is stored."""
        return self._set("start", offset._start)

    def offset_consumer(self, id: str) -> "ConsumerConfigExtBuilder":
        """The name under which the offset is stored."""
        return self._set("consumer_id", id)

    def offset_strategy(
        self, strategy: OffsetManagementStrategy = OffsetManagementStrategy.AUTO
    ) -> "ConsumerConfigExtBuilder":
        """Who stores it."""
        return self._set("offset_strategy", strategy.value)

    def disable_continuous(self, val: bool = True) -> "ConsumerConfigExtBuilder":
        """Ends the stream at what is now the end."""
        return self._set("stop_at", "end" if val else None)

    def max_bytes(self, max_bytes: int) -> "ConsumerConfigExtBuilder":
        """Bytes that the server sends at once, at most; at least 1024."""
        return self._set("max_bytes", max(1024, max_bytes))

    def isolation(self, isolation: Isolation) -> "ConsumerConfigExtBuilder":
        """Which records are read. The official client does not have this."""
        return self._set("isolation", isolation.value)

    def build(self) -> ConsumerConfigExt:
        """The settings."""
        more = {"partitions": list(self._partitions) or None, "smartmodules": list(self._chain) or None}
        return ConsumerConfigExt(self._topic, {**self._settings, **more})


class PartitionSelectionStrategy:
    """Which partitions a :class:`MultiplePartitionConsumer` reads."""

    def __init__(self, topics: Mapping[Optional[Tuple[int, ...]], List[str]]) -> None:
        self._topics = dict(topics)
        """Topics, by the partitions that are read of them; None: all."""

    @classmethod
    def with_all(cls, topic: str) -> "PartitionSelectionStrategy":
        """All partitions of one topic."""
        return cls({None: [topic]})

    @classmethod
    def with_multiple(cls, topic: Sequence[Tuple[str, int]]) -> "PartitionSelectionStrategy":
        """Pairs of topic and partition."""
        chosen: Dict[str, List[int]] = {}
        for name, partition in topic:
            chosen.setdefault(name, []).append(partition)
        groups: Dict[Optional[Tuple[int, ...]], List[str]] = {}
        for name, partitions in chosen.items():
            groups.setdefault(tuple(sorted(set(partitions))), []).append(name)
        return cls(groups)
