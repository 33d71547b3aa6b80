"""What is written: one topic for each case and writer."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import List, Optional

from .clients import Client, Job

PARTITIONS = 5
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
LARGE = 100 * 1024


@dataclass(frozen=True)
class Record:
    """A record to write; None leaves the choice to the client."""

    key: Optional[bytes]
    value: bytes
    partition: Optional[int] = None
    timestamp: Optional[int] = None


@dataclass(frozen=True)
class Case:
    """Records for one topic. Less than 1 MB for each partition: the official consumers lose records beyond that."""

    name: str
    records: List[Record]
    compression: Optional[str] = None
    """The writer's setting."""
    policy: Optional[str] = None
    """The topic's setting."""
    partitions: int = PARTITIONS

    @property
    def codec(self) -> str:
        """What every batch has to be stored with."""
        return self.compression or self.policy or "none"

    def written_by(self, client: Client) -> List[Record]:
        """The records without those that the client cannot express; none when it cannot express the case."""
        return [
            record
            for record in self.records
            if (record.key is not None or client.sends_no_key) and (record.timestamp is None or client.sets_timestamp)
        ]

    def topic(self, client: Client, run: str) -> str:
        """The topic of this case and writer."""
        return f"m-{run}-{client.slug}-{self.name}"

    def job(self, client: Client, run: str) -> Job:
        """The job that writes it."""
        records: List[Job] = []
        for record in self.written_by(client):
            out: Job = {"key": None if record.key is None else record.key.hex(), "value": record.value.hex()}
            if record.partition is not None:
                out["partition"] = record.partition
            if record.timestamp is not None:
                out["timestamp"] = record.timestamp
            records.append(out)
        compression = self.compression if client.chooses_codec else None
        return {"do": "produce", "topic": self.topic(client, run), "compression": compression, "records": records}

    def creation(self, client: Client, run: str) -> Job:
        """The job that creates the topic."""
        settings: Job = {"partitions": self.partitions, **({"compression": self.policy} if self.policy else {})}
        return {"do": "create_topic", "topic": self.topic(client, run), **settings}


def ordinary() -> List[Record]:
    """Keys and values of every kind. The client chooses the partition: by the key, or in turn without one."""
    noise = random.Random(20260101).randbytes(LARGE // 2)  # half of the large value cannot be compressed
    records = [Record(b"key-%d" % i, b"value %d " % i * (i % 7 + 1)) for i in range(60)]
    return [
        *records,
        Record(b"", b"an empty key"),
        Record(b"empty value", b""),
        Record(b"", b""),
        Record(bytes(range(256)), bytes(reversed(range(256))) * 3),
        Record(b"\x00", b"\x00\r\n\xff"),
        Record("ключ".encode(), "größer 三 🙂".encode()),
        Record(b"large", noise + bytes(LARGE - len(noise))),
        Record(None, b"no key"),
        Record(None, b""),
        Record(b"last", b"after the large one"),
    ]


def chosen() -> List[Record]:
    """The same keys in every partition: only the writer's choice tells where a record goes."""
    return [Record(b"key-%d" % i, b"value %d" % i, partition=(i * 3) % PARTITIONS) for i in range(25)]


def timed() -> List[Record]:
    """Timestamps that go forth and back, in one partition: differences to the batch's first one are of either sign."""
    times = [946684800000, 1700000000123, 1, 4102444800000, 1700000000122, 946684800000]
    return [Record(b"t%d" % i, b"%d" % time, partition=2, timestamp=time) for i, time in enumerate(times)]


def few() -> List[Record]:
    """Enough for a batch worth compressing."""
    return [Record(b"key-%d" % i, b"value " * 20) for i in range(5)]


CHOSEN = Case("chosen-partition", chosen())

CASES = [
    *(Case(codec, ordinary(), codec) for codec in CODECS),
    *(Case(f"policy-{codec}", few(), policy=codec, partitions=1) for codec in CODECS),
    CHOSEN,
    Case("timestamps", timed()),
]

SMALL = [record for record in ordinary() if len(record.value) < LARGE]
PLATFORM_CASES = [Case(codec, SMALL, codec, policy=codec) for codec in CODECS]
"""For earlier platforms, whose clients may know no other codec than the topic's, and no batches for large records."""

REFUSED = Case("policy-gzip", few(), "lz4", policy="gzip", partitions=1)
"""What no cluster takes: a codec that is not the topic's."""


@dataclass(frozen=True)
class View:
    """A way to read one partition of CHOSEN, which has offsets 0 to 4."""

    name: str
    start: str
    offsets: List[int]
    """What is to be seen."""
    isolation: Optional[str] = None

    def offered_by(self, client: Client) -> bool:
        """Whether a client can read so."""
        return client.chooses_isolation or not self.isolation

    def job(self, topic: str) -> Job:
        """The job that reads."""
        job: Job = {"do": "consume", "topic": topic, "partition": VIEWED, "start": self.start}
        return {**job, **({"isolation": self.isolation} if self.isolation else {})}


VIEWED = 1
VIEWS = [
    View("end-2", "end-2", [3, 4]),
    View("offset 1", "1", [1, 2, 3, 4]),
    View("read_committed", "beginning", [0, 1, 2, 3, 4], "read_committed"),
]
