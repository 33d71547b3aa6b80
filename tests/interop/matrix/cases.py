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
        return {"do": "produce", "topic": self.topic(client, run), "compression": self.compression, "records": records}


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


CASES = [
    *(Case(codec, ordinary(), codec) for codec in CODECS),
    Case("chosen-partition", chosen()),
    Case("timestamps", timed()),
]
