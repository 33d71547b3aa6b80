"""Clients and administration under the official client's names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, TypeVar

from .. import aio
from .._client import Client
from .._client import connect as connect_client
from .._errors import NotFoundError
from .._objects import Partition, StoredSmartModule, Topic
from .._watch import Watch
from ..aio._loop import Operations
from ._config import (
    ConsumerConfig,
    ConsumerConfigExt,
    FluvioConfig,
    Offset,
    OffsetManagementStrategy,
    PartitionSelectionStrategy,
    TopicProducerConfig,
)
from ._produce import TopicProducer
from ._spec import (
    CommonCreateRequest,
    MetadataPartitionSpec,
    MetadataSmartModuleSpec,
    MetadataTopicSpec,
    MetaUpdateSmartModuleSpec,
    MetaUpdateTopicSpec,
    SmartModuleSpec,
    TopicSpec,
)
from ._streams import AsyncConsumerIterator, ConsumerIterator, Loops, reworded

S = TypeVar("S", Topic, StoredSmartModule)


@dataclass(frozen=True)
class ConsumerOffset:
    """How far a named consumer has come in a partition. Attributes, as the official client's objects have in truth."""

    consumer_id: str
    topic: str
    partition: int
    offset: int
    """Of the last record processed."""
    modified_time: int
    """Seconds since the epoch."""


def _connect(config: Optional[FluvioConfig]) -> Client:
    settings: Dict[str, Any] = {} if config is None else config._settings
    try:
        return connect_client(**settings)
    except NotFoundError as error:
        if "endpoint" in settings:
            raise
        raise reworded(error, f"Config has no active profile: {error}") from error


class Fluvio:
    """A connection to a cluster. Usable in ``with``, which the official client's is not."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loops: Loops[aio.Client] = Loops()

    @classmethod
    def connect(cls) -> "Fluvio":
        """Connects to the cluster of the current profile.

        Raises:
            NotFoundError: there is no profile.
            FluvioError: the cluster cannot be reached, in time.
        """
        return cls(_connect(None))

    @classmethod
    def connect_with_config(cls, config: FluvioConfig) -> "Fluvio":
        """Connects to a cluster."""
        return cls(_connect(config))

    def topic_producer(self, topic: str) -> TopicProducer:
        """A producer.

        Raises:
            NotFoundError: there is no such topic.
        """
        return self.topic_producer_with_config(topic, TopicProducerConfig({}))

    def topic_producer_with_config(self, topic: str, config: TopicProducerConfig) -> TopicProducer:
        """A producer with settings."""
        try:
            return TopicProducer(self._client.producer(topic, **_any(config._settings)))
        except NotFoundError as error:
            raise reworded(error, f"Topic not found: {topic}") from error

    def consumer_with_config(self, config: ConsumerConfigExt) -> ConsumerIterator:
        """A stream of records."""
        auto = config._settings.get("offset_strategy") == OffsetManagementStrategy.AUTO.value
        return ConsumerIterator([self._client.consumer(config._topic, **_any(config._settings))], auto)

    def partition_consumer(self, topic: str, partition: int) -> "PartitionConsumer":
        """A consumer of one partition."""
        return PartitionConsumer(self, PartitionSelectionStrategy.with_multiple([(topic, partition)]))

    def multi_partition_consumer(self, topic: str) -> "MultiplePartitionConsumer":
        """A consumer of all partitions of a topic, new ones included."""
        return MultiplePartitionConsumer(self, PartitionSelectionStrategy.with_all(topic))

    def multi_topic_partition_consumer(self, selections: Sequence[Tuple[str, int]]) -> "MultiplePartitionConsumer":
        """A consumer of pairs of topic and partition."""
        return MultiplePartitionConsumer(self, PartitionSelectionStrategy.with_multiple(selections))

    def consumer_offsets(self) -> List[ConsumerOffset]:
        """What is stored for all consumers."""
        return [
            ConsumerOffset(each.consumer_id, each.topic, each.partition, each.offset, each.modified // 1000)
            for each in self._client.admin.consumer_offsets()
        ]

    def delete_consumer_offset(self, consumer: str, topic: str, partition: int) -> None:
        """Forgets what is stored; there being nothing is fine."""
        self._client.admin.delete_consumer_offset(consumer, topic, partition)

    def close(self) -> None:
        """Closes the connection with its producers and streams. The official client does not have this."""
        self._client.close()

    def __enter__(self) -> "Fluvio":
        return self

    def __exit__(self, *error: Any) -> None:
        self._client.__exit__(*error)

    def _aio(self) -> aio.Client:
        """The same connection, for the running event loop."""
        return self._loops.running(self._aio_of)

    def _aio_of(self, loop: asyncio.AbstractEventLoop) -> aio.Client:
        client = aio.Client(self._client._lib, self._client._handle, Operations(self._client._lib))
        client._life = self._client._life
        return client


def _any(settings: Dict[str, object]) -> Dict[str, Any]:
    return dict(settings)


class MultiplePartitionConsumer:
    """Streams of several partitions, each in the order of its offsets."""

    def __init__(self, fluvio: Fluvio, selection: PartitionSelectionStrategy) -> None:
        self._fluvio = fluvio
        self._selection = selection

    def stream(self, offset: Offset) -> ConsumerIterator:
        """Records from an offset on, without end."""
        return self.stream_with_config(offset, ConsumerConfig())

    def stream_with_config(self, offset: Offset, config: ConsumerConfig) -> ConsumerIterator:
        """Records from an offset on, with settings."""
        client = self._fluvio._client
        return ConsumerIterator([client.consumer(topics, **how) for topics, how in self._openings(offset, config)])

    async def async_stream(self, offset: Offset) -> AsyncConsumerIterator:
        """As :meth:`stream`, for ``async for``."""
        return await self.async_stream_with_config(offset, ConsumerConfig())

    async def async_stream_with_config(self, offset: Offset, config: ConsumerConfig) -> AsyncConsumerIterator:
        """As :meth:`stream_with_config`, for ``async for``."""
        client = self._fluvio._aio()
        return AsyncConsumerIterator(
            [await client.consumer(topics, **how) for topics, how in self._openings(offset, config)]
        )

    def _openings(self, offset: Offset, config: ConsumerConfig) -> Iterator[Tuple[List[str], Dict[str, Any]]]:
        """Topics and settings of the consumers it takes: one for all topics of which the same partitions are read."""
        for partitions, topics in self._selection._topics.items():
            yield topics, {**config._settings(), "start": offset._start, "partitions": partitions}


class PartitionConsumer(MultiplePartitionConsumer):
    """Streams of one partition."""


class FluvioAdmin:
    """Manages topics, partitions and SmartModules."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._admin = client.admin

    @classmethod
    def connect(cls) -> "FluvioAdmin":
        """As :meth:`Fluvio.connect`."""
        return cls(_connect(None))

    @classmethod
    def connect_with_config(cls, config: FluvioConfig) -> "FluvioAdmin":
        """As :meth:`Fluvio.connect_with_config`."""
        return cls(_connect(config))

    def create_topic(self, topic: str, spec: Optional[TopicSpec] = None) -> None:
        """Creates a topic and returns when its partitions are online."""
        self._admin.create_topic(topic, **_any((spec or TopicSpec())._settings()))

    def create_topic_with_config(self, topic: str, req: CommonCreateRequest, spec: TopicSpec) -> None:
        """Creates a topic as ``req`` says; its name is ``topic``."""
        timeout = None if req.timeout is None else req.timeout / 1000
        self._admin.create_topic(topic, timeout=timeout, dry_run=req.dry_run or None, **_any(spec._settings()))

    def delete_topic(self, topic: str) -> None:
        """Deletes a topic with all its records."""
        self._admin.delete_topic(topic)

    def all_topics(self) -> List[MetadataTopicSpec]:
        """All topics but the cluster's own."""
        return self.list_topics([])

    def list_topics(self, filters: Sequence[str]) -> List[MetadataTopicSpec]:
        """Topics in whose names one of these texts is; all when there are none."""
        return [MetadataTopicSpec(topic) for topic in self._admin.topics(tuple(filters))]

    def list_topics_with_params(self, filters: Sequence[str], summary: bool) -> List[MetadataTopicSpec]:
        """As :meth:`list_topics`; a summary has everything, too."""
        return self.list_topics(filters)

    def watch_topic(self) -> Iterator[MetaUpdateTopicSpec]:
        """Everything at first, then every change; waits for it, and Ctrl-C ends that."""
        for epoch, everything, changes in _updates(self._admin.watch_topics()):
            yield MetaUpdateTopicSpec(epoch, everything, changes)

    def create_smartmodule(self, name: str, path: str, dry_run: bool = False) -> None:
        """Stores a SmartModule out of a file. ``dry_run`` only reads the file."""
        spec = SmartModuleSpec.new(path)
        if not dry_run:
            self._admin.create_smartmodule(name, spec.wasm)

    def delete_smartmodule(self, name: str) -> None:
        """Deletes a SmartModule."""
        self._admin.delete_smartmodule(name)

    def list_smartmodules(self, filters: Sequence[str]) -> List[MetadataSmartModuleSpec]:
        """SmartModules of these names; all when there are none."""
        return [MetadataSmartModuleSpec(module) for module in self._admin.smartmodules(tuple(filters))]

    def watch_smartmodule(self) -> Iterator[MetaUpdateSmartModuleSpec]:
        """As :meth:`watch_topic`, of SmartModules."""
        for epoch, everything, changes in _updates(self._admin.watch_smartmodules()):
            yield MetaUpdateSmartModuleSpec(epoch, everything, changes)

    def list_partitions(self, filters: Sequence[str]) -> List[MetadataPartitionSpec]:
        """Partitions of these topics; all when there are none."""
        found: List[Partition] = self._admin.partitions()
        return [MetadataPartitionSpec(each) for each in found if not filters or each.topic in filters]

    def close(self) -> None:
        """Closes the connection. The official client does not have this."""
        self._client.close()

    def __enter__(self) -> "FluvioAdmin":
        return self

    def __exit__(self, *error: Any) -> None:
        self._client.__exit__(*error)


def _updates(watch: "Watch[S]") -> "Iterator[Tuple[int, List[S], List[Tuple[str, S]]]]":
    """Number, everything (at first) and changes of each update."""
    everything: "List[S]" = []
    epoch = 0
    with watch:
        for event in watch:
            if epoch == 0 and event.kind == "synced":
                epoch = 1
                yield epoch, everything, []
            elif event.object is not None and epoch == 0:
                everything.append(event.object)
            elif event.object is not None:
                epoch += 1
                yield epoch, [], [(event.kind, event.object)]
