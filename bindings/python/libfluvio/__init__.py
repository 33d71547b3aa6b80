"""libfluvio: a client for Fluvio.

::

    import libfluvio

    with libfluvio.DevCluster() as cluster, libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic("orders", partitions=3)
        with client.producer("orders") as producer:
            producer.send(b"first", key=b"k1")
        with client.consumer("orders", start="beginning", stop_at="end") as consumer:
            for record in consumer:
                print(record.partition, record.offset, record.key, record.value)

Every timeout is in seconds (None: no limit of its own). Settings are keyword arguments with the names of the table of
settings; those that end in ``_ms`` are milliseconds. Keys and values may be bytes or text; text is sent as UTF-8, and
what is read is always bytes. Every failure is a :class:`FluvioError`. Ctrl-C interrupts every wait. For asyncio, see
:mod:`libfluvio.aio`.
"""

from __future__ import annotations

from ._admin import Admin, ConsumerOffset
from ._batch import NO_KEY, Batch, Columns, Record
from ._client import Client, connect
from ._consumer import Consumer
from ._core import BytesLike
from ._delivery import Delivery, DeliveryGroup, Report
from ._devcluster import DevCluster
from ._errors import (
    AlreadyExistsError,
    CancelledError,
    ClosedError,
    CorruptError,
    EndError,
    EndReason,
    FluvioConnectionError,
    FluvioError,
    FluvioInterruptedError,
    FluvioPermissionError,
    FluvioTimeoutError,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    InvalidStateError,
    LibraryNotFoundError,
    NotFoundError,
    OffsetEvictedError,
    OutOfMemoryError,
    ProtocolError,
    QueueFullError,
    ServerError,
    SmartModuleError,
    TLSError,
    TooLargeError,
    UnsupportedError,
    VersionError,
    WouldDeadlockError,
)
from ._health import ClientEvent, Health, ServerHealth
from ._library import library_version
from ._objects import (
    SPU,
    Deduplication,
    Mirror,
    MirrorPairing,
    MirrorPartition,
    MirrorSPU,
    MirrorTLS,
    Partition,
    PartitionMirror,
    PartitionPlaces,
    ReplicaView,
    SmartModulePackage,
    SmartModuleParam,
    SPUEndpoint,
    SPUGroup,
    SPUHost,
    StoredSmartModule,
    TableColumn,
    TableFormat,
    Topic,
    TopicMirror,
    WatchEvent,
)
from ._packing import KeyedRecord, RecordInput, Sendable
from ._position import ConsumerEvent, PartitionPosition
from ._producer import Producer
from ._smartmodule import Lookback, SmartModule
from ._stats import (
    BreakerStats,
    ClientStats,
    ConnectionStats,
    ConsumerStats,
    ErrorStats,
    Histogram,
    ProducerStats,
    RequestStats,
    RetryStats,
)
from ._store import OffsetStore
from ._watch import Watch

__version__ = "0.1.0"

__all__ = [
    "Admin",
    "AlreadyExistsError",
    "Batch",
    "BreakerStats",
    "BytesLike",
    "CancelledError",
    "Client",
    "ClientStats",
    "ClientEvent",
    "ClosedError",
    "Columns",
    "ConnectionStats",
    "Consumer",
    "ConsumerEvent",
    "ConsumerOffset",
    "ConsumerStats",
    "CorruptError",
    "Deduplication",
    "Delivery",
    "DeliveryGroup",
    "DevCluster",
    "EndError",
    "EndReason",
    "ErrorStats",
    "FluvioConnectionError",
    "FluvioError",
    "FluvioInterruptedError",
    "FluvioPermissionError",
    "FluvioTimeoutError",
    "ForkedError",
    "Histogram",
    "Health",
    "InternalError",
    "InvalidArgumentError",
    "InvalidStateError",
    "KeyedRecord",
    "LibraryNotFoundError",
    "Lookback",
    "Mirror",
    "MirrorPairing",
    "MirrorPartition",
    "MirrorSPU",
    "MirrorTLS",
    "NO_KEY",
    "NotFoundError",
    "OffsetEvictedError",
    "OffsetStore",
    "OutOfMemoryError",
    "Partition",
    "PartitionMirror",
    "PartitionPlaces",
    "PartitionPosition",
    "Producer",
    "ProducerStats",
    "ProtocolError",
    "QueueFullError",
    "Record",
    "RecordInput",
    "ReplicaView",
    "Report",
    "RequestStats",
    "RetryStats",
    "SPU",
    "SPUEndpoint",
    "SPUGroup",
    "SPUHost",
    "Sendable",
    "ServerError",
    "ServerHealth",
    "SmartModule",
    "SmartModuleError",
    "SmartModulePackage",
    "SmartModuleParam",
    "StoredSmartModule",
    "TLSError",
    "TableColumn",
    "TableFormat",
    "TooLargeError",
    "Topic",
    "TopicMirror",
    "UnsupportedError",
    "VersionError",
    "Watch",
    "WatchEvent",
    "WouldDeadlockError",
    "connect",
    "library_version",
]
