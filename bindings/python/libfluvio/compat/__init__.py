"""The names and signatures of the official Python client, ``fluvio`` 0.21, over this library::

    import libfluvio.compat as fluvio

    client = fluvio.Fluvio.connect()
    producer = client.topic_producer("orders")
    producer.send_string("first").wait()

Programs written for ``fluvio`` run with the import changed, with its documented errors mended: MIGRATION.md has a table
of what is different. What the official client does not have, such as ``close`` and ``with``, says so. Failures are
:class:`libfluvio.FluvioError`, which is also called ``FluviorError`` here.
"""

from __future__ import annotations

from .._errors import FluvioError
from ._clients import ConsumerOffset, Fluvio, FluvioAdmin, MultiplePartitionConsumer, PartitionConsumer
from ._config import (
    Compression,
    ConsumerConfig,
    ConsumerConfigExt,
    ConsumerConfigExtBuilder,
    DeliverySemantic,
    FluvioConfig,
    Isolation,
    Offset,
    OffsetManagementStrategy,
    PartitionSelectionStrategy,
    SmartModuleKind,
    TopicProducerConfig,
    TopicProducerConfigBuilder,
)
from ._produce import ProduceOutput, RecordMetadata, TopicProducer
from ._spec import (
    CommonCreateRequest,
    CompressionType,
    InvalidSize,
    MessageMetadataSmartModuleSpec,
    MessageMetadataTopicSpec,
    MetadataPartitionSpec,
    MetadataSmartModuleSpec,
    MetadataTopicSpec,
    MetaUpdateSmartModuleSpec,
    MetaUpdateTopicSpec,
    PartitionMap,
    SmartModuleSpec,
    TopicMode,
    TopicSpec,
    parse_byte_size,
    parse_timespan,
)
from ._streams import AsyncConsumerIterator, ConsumerIterator, Record

FluviorError = FluvioError
"""The name under which the official client exports its error."""

__all__ = [
    "AsyncConsumerIterator",
    "CommonCreateRequest",
    "Compression",
    "CompressionType",
    "ConsumerConfig",
    "ConsumerConfigExt",
    "ConsumerConfigExtBuilder",
    "ConsumerIterator",
    "ConsumerOffset",
    "DeliverySemantic",
    "Fluvio",
    "FluvioAdmin",
    "FluvioConfig",
    "FluvioError",
    "FluviorError",
    "InvalidSize",
    "Isolation",
    "MessageMetadataSmartModuleSpec",
    "MessageMetadataTopicSpec",
    "MetaUpdateSmartModuleSpec",
    "MetaUpdateTopicSpec",
    "MetadataPartitionSpec",
    "MetadataSmartModuleSpec",
    "MetadataTopicSpec",
    "MultiplePartitionConsumer",
    "Offset",
    "OffsetManagementStrategy",
    "PartitionConsumer",
    "PartitionMap",
    "PartitionSelectionStrategy",
    "ProduceOutput",
    "Record",
    "RecordMetadata",
    "SmartModuleKind",
    "SmartModuleSpec",
    "TopicMode",
    "TopicProducer",
    "TopicProducerConfig",
    "TopicProducerConfigBuilder",
    "TopicSpec",
    "parse_byte_size",
    "parse_timespan",
]
