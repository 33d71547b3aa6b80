"""The consumer benchmark: which work is done by whom, and the goals it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from produce import CODECS, Goal
from programs import Bench, Result

SIZES = (100, 1000)

FOLLOWED, BEFORE = 1000, 700
"""Records of a run in mode follow, and of its warm-up: at 1,000 records a second."""
STORED_BYTES = 512_000_000
"""Values of a topic that is read: the dev cluster keeps it in memory."""


@dataclass(frozen=True)
class Row:
    """A client and how it is used."""

    program: str
    api: str = "records"
    official: str = ""
    """Label of the row that does the same with an official client."""
    max_bytes: Optional[int] = None
    """Where frames are cut; None leaves it to the client."""
    count: Optional[int] = None
    """Records, instead of what fits into the time of a run."""
    group: Optional[int] = None
    """The most records that one call gives."""

    @property
    def label(self) -> str:
        """Its name in tables."""
        of = f" of {self.group}" if self.group else f" of {self.max_bytes >> 20} MiB" if self.max_bytes else ""
        return f"{self.program} {self.api}{of}"

    @property
    def loses(self) -> bool:
        """Whether the client is known not to give all records: what it does not give is shown, and is no failure."""
        return self.program in ("rust", "official-python", "official-node")


@dataclass(frozen=True)
class Workload:
    """The topic that rows read in turns."""

    rows: Tuple[Row, ...]
    mode: str = "read"
    size: int = 100
    compression: str = "none"
    partitions: int = 1
    stored: Optional[int] = None
    """Records in the topic, instead of as many as STORED_BYTES has room for."""
    batch: Optional[int] = None
    """Bytes of the batches that are stored; None leaves it to the client that sends."""

    @property
    def title(self) -> str:
        """Its name in the report."""
        size = f"{self.size // 1000} KB" if self.size >= 1000 else f"{self.size} B"
        kind = "reading" if self.mode == "read" else "from a sender of 1,000 records/s"
        partitions = f"{self.partitions} partition{'s' if self.partitions > 1 else ''}"
        batches = f", batches of {self.batch:,} bytes" if self.batch else ""
        return f"{kind}, {size}, compression {self.compression}, {partitions}{batches}"

    @property
    def plain(self) -> bool:
        """Whether nothing but the size differs from the first workload."""
        return (self.compression, self.partitions) == ("none", 1)

    @property
    def records(self) -> int:
        """Records in the topic."""
        return self.stored or STORED_BYTES // self.size

    @property
    def most(self) -> int:
        """Records that a run may ask for: fewer than there are, because some clients lose some."""
        return self.records * 3 // 4

    @property
    def fields(self) -> Dict[str, Any]:
        """What it is, for the file."""
        return {"mode": self.mode, "size": self.size, "compression": self.compression, "partitions": self.partitions}

    def fixed(self, row: Row) -> Optional[int]:
        """Records of a run, if that does not depend on the time it takes."""
        return FOLLOWED if self.mode == "follow" else row.count

    def first_count(self) -> int:
        """Records of the run that finds out how many fit into the time."""
        return min(100_000 if self.size <= 100 else 30_000, self.most // 2)

    def run(self, bench: Bench, row: Row, count: int, wrap: Any = (), **more: Any) -> Result:
        """One run of a row; ``more`` arguments for its program."""
        options = {
            "mode": self.mode,
            "api": row.api,
            "size": self.size,
            "partitions": self.partitions,
            "max_bytes": row.max_bytes,
            "group": row.group,
            "count": count,
            "warmup": BEFORE if self.mode == "follow" else max(200, count // 10),
            **more,
        }
        if self.mode == "follow":
            return bench.follow(row.program, self.compression, options, row.loses, wrap)
        stored = (self.size, self.compression, self.partitions, self.records, self.batch)
        return bench.read(row.program, stored, options, row.loses, wrap)


RAW = (Row("raw", "frames"), Row("raw", "frames", max_bytes=1 << 20))
RUST = Row("rust")
C = (Row("c", "callback", official="rust records"), Row("c", "poll", official="rust records"))
GO = (Row("go", "batches", official="rust records"), Row("go", official="rust records"))
NODE = (Row("node", "batches", official="rust records"), Row("node", official="rust records"))
OFFICIAL_PYTHON = Row("official-python")
OFFICIAL_NODE = Row("official-node")
PYTHON = (
    Row("python", "batches", official="official-python records"),
    Row("python", official="official-python records"),
)
CORE = (C[0], GO[0], RUST)
EVERY = (*C, Row("c", "records", official="rust records"), *GO, *NODE, RUST, *PYTHON, OFFICIAL_PYTHON, OFFICIAL_NODE)
FOLLOWERS = (C[0], C[1], *GO, *NODE, RUST, *PYTHON, OFFICIAL_PYTHON, OFFICIAL_NODE)


def short() -> List[Workload]:
    """What ``make bench-consume`` does."""
    return [
        Workload((*RAW, *EVERY)),
        Workload((*RAW, *CORE, NODE[0], *PYTHON, OFFICIAL_PYTHON), size=1000),
        Workload((RAW[0], *CORE), partitions=8),
        *(Workload((C[0], RUST), compression=codec) for codec in CODECS[1:]),
        Workload((C[0], C[1], GO[0], NODE[0], NODE[1], RUST, PYTHON[1], OFFICIAL_PYTHON, OFFICIAL_NODE), mode="follow"),
    ]


def full() -> List[Workload]:
    """Every combination; all clients save for the official Python one, which does not tell partitions."""
    found = []
    for size in SIZES:
        for compression in CODECS:
            for partitions in (1, 8):
                own = tuple(Row(row.program, row.api) for row in PYTHON)
                rows = EVERY if partitions == 1 else (*C, EVERY[2], *GO, *NODE, RUST, *own)
                found.append(Workload((*RAW, *rows), "read", size, compression, partitions))
        found.append(Workload(FOLLOWERS, "follow", size))
    return found


def reading(size: int) -> Dict[str, Any]:
    """Where goals of reading are looked at."""
    return {"mode": "read", "size": size}


FOLLOWING = {"mode": "follow", "size": 100}
OURS, THEIRS, LIMIT = ("c callback", "c poll"), ("rust records",), ("raw frames",)

GOALS = [
    Goal("C: records/s, 100 B", "rate", OURS, THEIRS, at_least=3, where=reading(100)),
    Goal("C: records/s, 1 KB", "rate", OURS, THEIRS, at_least=3, where=reading(1000)),
    Goal("C: of the bare socket's records/s, 100 B", "rate", OURS, LIMIT, at_least=0.8, where=reading(100)),
    Goal("C: of the bare socket's records/s, 1 KB", "rate", OURS, LIMIT, at_least=0.8, where=reading(1000)),
    Goal("C: CPU per record, 100 B", "cpu_ns", OURS, THEIRS, at_most=0.2, where=reading(100)),
    Goal("C: CPU per record, 1 KB", "cpu_ns", OURS, THEIRS, at_most=0.2, where=reading(1000)),
    Goal("C: p99 from sender to callback", "p99", OURS, THEIRS, at_most=1, where=FOLLOWING),
    Goal("Python records", "rate", ("python records",), ("official-python records",), at_least=4, where=reading(100)),
    Goal("Python batches", "rate", ("python batches",), ("official-python records",), at_least=10, where=reading(100)),
    Goal("Node batches, millions of records/s", "rate", ("node batches",), (), at_least=1.5, where=reading(100)),
    Goal("Node records, millions of records/s", "rate", ("node records",), (), at_least=0.5, where=reading(100)),
]
