"""What clients, producers and consumers count."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, TypeVar

from ._core import read_text
from ._library import Library
from ._position import PartitionPosition

T = TypeVar("T")


@dataclass(frozen=True)
class Histogram:
    """How long things took, in seconds, exact to a sixteenth."""

    count: int
    sum: float
    p50: float
    p90: float
    p99: float
    max: float
    buckets: Tuple[Tuple[float, int], ...]
    """Upper bounds, rising, and how many things took no longer."""


@dataclass(frozen=True)
class ConnectionStats:
    """The connections of one kind."""

    role: str
    """``"SC"`` or ``"SPU"``."""
    kind: str
    """``"control"``, ``"watch"``, ``"produce"`` or ``"fetch"``."""
    open: int
    """Now."""
    opened: int
    """With success, ever."""
    failed: int
    """Attempts that came to nothing."""
    lost: int
    """That ended although nobody here wanted it."""


@dataclass(frozen=True)
class RequestStats:
    """The requests of one API."""

    role: str
    api: str
    count: int
    in_flight: int
    errors: int
    """That got no answer; what the server refused is in :class:`ErrorStats`."""
    latency: Histogram
    """Of those that got an answer."""


@dataclass(frozen=True)
class ErrorStats:
    """Errors that an operation met, those that a retry mended included."""

    operation: str
    code: str
    count: int


@dataclass(frozen=True)
class RetryStats:
    """The retries of an operation."""

    operation: str
    count: int


@dataclass(frozen=True)
class BreakerStats:
    """The state of an endpoint's circuit breaker: ``"closed"``, ``"open"`` or ``"half-open"``."""

    endpoint: str
    state: str


@dataclass(frozen=True)
class ProducerStats:
    """A producer's counters since it was opened. Bytes are those of keys and values. Accepted records are acknowledged,
    failed or maybe stored, or else queued or in flight."""

    records_accepted: int
    """Taken by ``send`` and ``send_many``."""
    bytes_accepted: int
    records_acknowledged: int
    """Stored."""
    bytes_acknowledged: int
    records_failed: int
    """Certainly not stored."""
    bytes_failed: int
    records_maybe: int
    """Reported as maybe stored."""
    bytes_maybe: int
    records_queued: int
    """Wait to be sent, or to be sent again."""
    bytes_queued: int
    batches_queued: int
    records_in_flight: int
    """Sent, without an answer."""
    bytes_in_flight: int
    batches_in_flight: int
    requests: int
    """Sent."""
    requests_in_flight: int
    batches: int
    """Sent, each counted once."""
    retries: int
    """Batches sent again."""
    batch_fill: float
    """Average bytes of a batch before compression, in parts of ``batch_size``; this and the next four are 0 before
    anything was sent."""
    records_per_batch: float
    batches_per_request: float
    records_per_request: float
    compression_ratio: float
    """Bytes before compression over those after; 1 without compression."""
    latency_p50: float
    """Seconds from the first record of a batch to its outcome, half of the batches being quicker. Percentiles are at
    most a sixteenth too high."""
    latency_p90: float
    latency_p99: float
    latency_max: float
    topic: str = ""
    id: int = 0
    """The number of the producer in its client, from 1."""
    latency: Optional[Histogram] = None
    """All of the latencies."""


@dataclass(frozen=True)
class ConsumerStats:
    """A consumer's counters since it was opened."""

    id: int
    """The number of the consumer in its client, from 1."""
    consumer_id: str
    records: int
    """Taken by the library for the application, which may still have to come for them; so are batches and bytes."""
    batches: int
    bytes: int
    frames_received: int
    """Answers with records."""
    bytes_received: int
    frames_queued: int
    """Received and not taken."""
    bytes_queued: int
    retries: int
    """Streams opened again after an error."""
    resets: int
    """Positions that were not stored any more."""
    skipped: int
    """Stored batches passed over because they cannot be read."""
    commits: int
    commits_failed: int
    lag: int
    """The sum of the partitions'."""
    partitions: Tuple[PartitionPosition, ...]
    waits: Histogram
    """How long records that were received waited to be taken."""


@dataclass(frozen=True)
class ClientStats:
    """A client's counters since it was connected, with those of its open producers and consumers."""

    time: float
    """When they were read, in seconds since 1970."""
    client: str
    """``client_id`` and the number of the client in this process."""
    bytes_sent: int
    bytes_received: int
    connections: Tuple[ConnectionStats, ...]
    requests: Tuple[RequestStats, ...]
    errors: Tuple[ErrorStats, ...]
    retries: Tuple[RetryStats, ...]
    breakers: Tuple[BreakerStats, ...]
    producers: Tuple[ProducerStats, ...]
    consumers: Tuple[ConsumerStats, ...]


def _make(kind: Callable[..., T], members: Mapping[str, Any]) -> T:
    """A dataclass out of a JSON object, without members that this version does not know."""
    known: Mapping[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: value for name, value in members.items() if name in known})


def _histogram(members: Mapping[str, Any]) -> Histogram:
    seconds = {name: members[f"{name}_us"] / 1e6 for name in ("sum", "p50", "p90", "p99", "max")}
    buckets = tuple((bucket["up_to_us"] / 1e6, bucket["count"]) for bucket in members["buckets"])
    return Histogram(count=members["count"], buckets=buckets, **seconds)


def _producer(members: Dict[str, Any]) -> ProducerStats:
    for name in ("p50", "p90", "p99", "max"):
        members[f"latency_{name}"] = members.pop(f"latency_{name}_us") / 1e6
    return _make(ProducerStats, {**members, "latency": _histogram(members["latency"])})


def _position(members: Mapping[str, Any]) -> PartitionPosition:
    committed = members["committed"]
    return _make(PartitionPosition, {**members, "committed": None if committed < 0 else committed})


def _consumer(members: Mapping[str, Any]) -> ConsumerStats:
    partitions = tuple(map(_position, members["partitions"] or ()))
    return _make(ConsumerStats, {**members, "partitions": partitions, "waits": _histogram(members["waits"])})


def _request(members: Mapping[str, Any]) -> RequestStats:
    return _make(RequestStats, {**members, "latency": _histogram(members["latency"])})


def parse_client_stats(raw: bytes) -> ClientStats:
    """Reads a client's counters out of the library's JSON."""
    members: Dict[str, Any] = json.loads(raw)
    return ClientStats(
        time=members["time_ms"] / 1000,
        client=members["client"],
        bytes_sent=members["bytes_sent"],
        bytes_received=members["bytes_received"],
        connections=tuple(_make(ConnectionStats, each) for each in members["connections"]),
        requests=tuple(map(_request, members["requests"])),
        errors=tuple(_make(ErrorStats, each) for each in members["errors"]),
        retries=tuple(_make(RetryStats, each) for each in members["retries"]),
        breakers=tuple(_make(BreakerStats, each) for each in members["breakers"]),
        producers=tuple(map(_producer, members["producers"])),
        consumers=tuple(map(_consumer, members["consumers"])),
    )


def read_stats(lib: Library, address: int) -> ProducerStats:
    """Reads a producer's counters out of a text of the library, and frees it."""
    return _producer(json.loads(read_text(lib, address)))
