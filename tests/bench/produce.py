"""The producer benchmark: which work is done by whom, and the goals it is held against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from programs import Bench, Result

SIZES = (10, 100, 1000, 10000)
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

LATENCY_COUNT = 2000
"""Single sends of a run in mode latency."""
MOST_BYTES = 512_000_000
"""A run sends no more than that: the dev cluster keeps records in memory."""

CORE_LIMIT_NS = {100: 87.0, 1000: 680.0}
"""CPU nanoseconds per record of a client that only encodes, checks, frames and writes, and reads acknowledgements: the
best of prototypes over loopback, in requests of 256 KiB to 1 MiB, on a virtual machine with two cores."""


@dataclass(frozen=True)
class Row:
    """A client and how it is used."""

    program: str
    api: str = "send"
    reports: str = "ignore"
    official: str = ""
    """Label of the row that does the same with an official client."""
    batch: Optional[int] = None
    count: Optional[int] = None
    """Records, instead of what fits into the time of a run."""
    group: Optional[int] = None
    """Records in one call."""

    @property
    def label(self) -> str:
        """Its name in tables."""
        parts = [self.program, self.api]
        if self.group:
            parts.append(f"of {self.group}")
        if self.count:
            parts.append(f"{self.count:,} records")
        if self.reports == "take":
            parts.append("reports")
        return " ".join(parts)


@dataclass(frozen=True)
class Workload:
    """The work that rows do in turns."""

    rows: Tuple[Row, ...]
    mode: str = "throughput"
    size: int = 100
    compression: str = "none"
    linger: int = 0
    partitions: int = 1

    @property
    def title(self) -> str:
        """Its name in the report."""
        size = f"{self.size // 1000} KB" if self.size >= 1000 else f"{self.size} B"
        kind = "throughput" if self.mode == "throughput" else "single synchronous sends"
        partitions = f"{self.partitions} partition{'s' if self.partitions > 1 else ''}"
        return f"{kind}, {size}, compression {self.compression}, linger {self.linger} ms, {partitions}"

    @property
    def plain(self) -> bool:
        """Whether nothing but the size differs from the default settings of both sides."""
        return (self.compression, self.linger, self.partitions) == ("none", 0, 1)

    @property
    def most(self) -> int:
        """Records that a run may send."""
        return MOST_BYTES // self.size

    @property
    def fields(self) -> Dict[str, Any]:
        """What it is, for the file."""
        names = ("mode", "size", "compression", "linger", "partitions")
        return {name: getattr(self, name) for name in names}

    def fixed(self, row: Row) -> Optional[int]:
        """Records of a run, if that does not depend on the time it takes."""
        return LATENCY_COUNT if self.mode == "latency" else row.count

    def first_count(self) -> int:
        """Records of the run that finds out how many fit into the time."""
        return 50_000 if self.size <= 100 else 20_000 if self.size <= 1000 else 4_000

    def run(self, bench: Bench, row: Row, count: int, wrap: Sequence[str] = (), **more: Any) -> Result:
        """One run of a row; ``more`` arguments for its program."""
        options = {**self.options(row), "count": count, "warmup": max(200, count // 10), **more}
        return bench.run(row.program, self.partitions, options, wrap)

    def options(self, row: Row) -> Dict[str, Any]:
        """The arguments of a row's program. None leaves it to the client, so that its own defaults count."""
        return {
            "mode": self.mode,
            "api": "raw" if row.program == "raw" else row.api,
            "reports": row.reports,
            "size": self.size,
            "compression": None if self.compression == "none" else self.compression,
            "linger": self.linger or None,
            "batch": row.batch,
            "group": row.group,
        }


RAW = (Row("raw", "16 KiB batches"), Row("raw", "1 MiB batches", batch=1 << 20))
RUST = (Row("rust"), Row("rust", reports="take"))
C = (Row("c", official="rust send"), Row("c", reports="take", official="rust send reports"))
OFFICIAL_PYTHON = (Row("official-python"), Row("official-python", "send_all"))
OFFICIAL_NODE = (Row("official-node"), Row("official-node", "send_all"))
"""It neither compresses nor lingers."""
PYTHON = (
    Row("python", official="official-python send"),
    Row("python", "send_many", official="official-python send_all"),
)
CORE = (*C[:1], Row("go", official="rust send"), RUST[0])
EVERY = (
    *C,
    Row("c", "send_batch", official="rust send"),
    Row("c", "send_columns", official="rust send"),
    Row("go", official="rust send"),
    Row("go", reports="take", official="rust send reports"),
    Row("node", reports="take", official="rust send reports"),
    Row("node", "send_many", official="rust send"),
    *RUST,
    *PYTHON,
    *OFFICIAL_PYTHON,
)
SINGLE = (
    Row("c", reports="take", official="rust send"),
    Row("c", "send_flush", official="rust send_flush"),
    Row("go", official="rust send"),
    Row("node", reports="take", official="rust send"),
    Row("rust"),
    Row("rust", "send_flush"),
    Row("python", official="official-python send"),
    Row("official-python"),
    Row("official-python", "send_flush"),
    Row("official-node", "send_flush"),
)
LINEAR = tuple(Row("python", count=count) for count in (100_000, 1_000_000, 10_000_000))


def short() -> List[Workload]:
    """What ``make bench-produce`` does."""
    return [
        Workload((*RAW, *EVERY, *OFFICIAL_NODE)),
        Workload((*RAW, *CORE, PYTHON[1], OFFICIAL_PYTHON[1]), size=1000),
        Workload(CORE, partitions=8),
        Workload((C[0], RUST[0]), compression="lz4"),
        Workload(SINGLE, mode="latency"),
    ]


def full() -> List[Workload]:
    """Every combination; all clients where at most one thing differs from the first workload, else C and Rust."""
    found = []
    for size in SIZES:
        for compression in CODECS:
            for linger in (0, 5):
                for partitions in (1, 8):
                    differs = (size != 100) + (compression != "none") + (linger != 0) + (partitions != 1)
                    rows = EVERY if differs < 2 else (C[0], RUST[0])
                    raw = RAW if partitions == 1 else ()
                    found.append(Workload((*raw, *rows), "throughput", size, compression, linger, partitions))
    found += [Workload(SINGLE, "latency", size, partitions=n) for size in SIZES for n in (1, 8)]
    found.append(Workload(LINEAR))
    return found


@dataclass(frozen=True)
class Goal:
    """A ratio of medians, of the best of some rows to the best of others; without others: millions of records/s."""

    text: str
    metric: str
    ours: Tuple[str, ...]
    theirs: Tuple[str, ...]
    at_least: Optional[float] = None
    at_most: Optional[float] = None
    where: Dict[str, Any] = field(default_factory=dict)
    """What the workload must be like, beside plain."""

    def applies(self, workload: Workload) -> bool:
        """Whether it is about a workload."""
        return workload.plain and all(getattr(workload, name) == value for name, value in self.where.items())

    def met(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return (self.at_least is None or ratio >= self.at_least) and (self.at_most is None or ratio <= self.at_most)


def throughput(size: int) -> Dict[str, Any]:
    """Where goals of throughput are looked at."""
    return {"mode": "throughput", "size": size}


SINGLE_100 = {"mode": "latency", "size": 100}
OURS, THEIRS = ("c send",), ("rust send",)
OURS_SINGLE, THEIRS_SINGLE = ("c send reports", "c send_flush"), ("rust send", "rust send_flush")
SEND, SEND_MANY = ("python send",), ("python send_many",)
THEIR_SEND, THEIR_SEND_ALL = ("official-python send",), ("official-python send_all",)
TEN_MILLION, MILLION = (LINEAR[2].label,), (LINEAR[1].label,)

GOALS = [
    Goal("C: records/s, 100 B", "rate", OURS, THEIRS, at_least=10, where=throughput(100)),
    Goal("C: records/s, 1 KB", "rate", OURS, THEIRS, at_least=8, where=throughput(1000)),
    Goal("C: CPU per record, 100 B", "cpu_ns", OURS, THEIRS, at_most=0.1, where=throughput(100)),
    Goal("C: CPU per record, 1 KB", "cpu_ns", OURS, THEIRS, at_most=0.1, where=throughput(1000)),
    Goal("C: p50 of a single send", "p50", OURS_SINGLE, THEIRS_SINGLE, at_most=1, where=SINGLE_100),
    Goal("C: p99 of a single send", "p99", OURS_SINGLE, THEIRS_SINGLE, at_most=1, where=SINGLE_100),
    Goal("Python send", "rate", SEND, THEIR_SEND, at_least=5, where=throughput(100)),
    Goal("Python send_many to send_all", "rate", SEND_MANY, THEIR_SEND_ALL, at_least=12, where=throughput(100)),
    Goal("Python send: 10 million records to 1 million", "rate", TEN_MILLION, MILLION, at_least=0.9),
]
