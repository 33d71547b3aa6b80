"""The programs of the benchmarks: how each is built, and how one run of it is made and checked."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
sys.path.insert(0, str(ROOT / "tests" / "interop"))

import libfluvio  # noqa: E402
from matrix.clients import (  # noqa: E402
    BUILD,
    Failed,
    Unavailable,
    build,
    build_c,
    build_rust,
    need,
    prepare_node,
    prepare_official_python,
)

OUT = BUILD / "bench"
RUN_DEADLINE = 300.0
"""Seconds after which a program is ended: some calls of the official clients may never return."""
PAYLOAD_BYTES = 1 << 20
"""About the bytes of the values that records have in turn: more than a batch, so that no codec sees one twice."""
TICKS = os.sysconf("SC_CLK_TCK")

Result = Dict[str, Any]


@lru_cache
def prepare_c() -> List[str]:
    """libfluvio's C API."""
    return build_c(BENCH / "c", OUT / "bench-c")


@lru_cache
def prepare_go() -> List[str]:
    """libfluvio's Go API, and the raw measure of the server."""
    program = OUT / "bench-go"
    build([need("go", "to build the Go program"), "build", "-o", str(program), "./tests/bench/go"])
    return [str(program)]


def prepare_python() -> List[str]:
    """libfluvio's Python binding."""
    return [sys.executable, str(BENCH / "python" / "libfluvio_bench.py")]


def prepare_node_program() -> List[str]:
    """libfluvio's Node binding."""
    return [prepare_node()[0], str(BENCH / "node" / "bench.mjs")]


def prepare_official() -> List[str]:
    """The official Python client."""
    return [prepare_official_python()[0], str(BENCH / "python" / "official_bench.py")]


@lru_cache
def prepare_rust(release: bool) -> List[str]:
    """The official Rust client."""
    return build_rust("bench-rust", release)


@dataclass(frozen=True)
class Program:
    """A client, as a program of one job."""

    name: str
    prepare: Callable[[], List[str]]
    """Builds it, unless it is up to date, and returns its command line."""


def programs(release: bool = True) -> Dict[str, Program]:
    """All programs. ``release=False`` builds Rust without optimisation, which is for tests, and not for numbers."""
    return {
        "c": Program("libfluvio C", prepare_c),
        "go": Program("libfluvio Go", prepare_go),
        "python": Program("libfluvio Python", prepare_python),
        "node": Program("libfluvio Node", prepare_node_program),
        "raw": Program("bare socket", prepare_go),
        "rust": Program("official Rust 0.50.1", lambda: prepare_rust(release)),
        "official-python": Program("official Python 0.21.0", prepare_official),
    }


@lru_cache
def payload(size: int) -> Path:
    """A file with the values of records of a size: different ones, about as compressible as JSON is."""
    path = OUT / f"payload-{size}.bin"
    source = random.Random(size)
    words = "order customer amount currency created shipped street city status open paid".split()
    text = bytearray()
    while len(text) < max(10 * size, min(1000 * size, PAYLOAD_BYTES)):
        text += f'{{"{source.choice(words)}":{source.randrange(10**9)},"{source.choice(words)}":"'.encode()
        text += f'{source.choice(words)} {source.getrandbits(40):x}"}},'.encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text[: len(text) // size * size])
    return path


@dataclass
class Bench:
    """The cluster that everything runs on, and what runs are made with."""

    client: libfluvio.Client
    endpoint: str
    server_pid: Optional[int] = None
    """The process of the server, if it is known: its CPU is counted too."""
    programs: Dict[str, Program] = field(default_factory=programs)
    topics: List[str] = field(default_factory=list)
    """Topics to delete at the end: an SC that is busy deleting one may not notice that the next one is online."""

    def close(self) -> None:
        """Deletes what is left."""
        while self.topics:
            self.client.admin.delete_topic(self.topics.pop())

    def server_seconds(self) -> Optional[float]:
        """CPU seconds of the server so far, if it is known."""
        if self.server_pid is None:
            return None
        fields = Path(f"/proc/{self.server_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stored(self, topic: str) -> int:
        """How many records a topic took since it was created."""
        with self.client.consumer(topic, start="end-1", stop_at="end") as consumer:
            return sum(record.offset + 1 for record in consumer)

    def run(self, program: str, partitions: int, options: Dict[str, Any], wrap: Sequence[str] = ()) -> Result:
        """Runs a program once on a topic of its own. What it says it sent must be stored, all of it, once.

        ``options`` become its arguments, where they are not None; ``wrap`` is a command that runs it.

        Raises:
            Failed: it did not end well, or the topic holds something else.
            Unavailable: this machine lacks what it needs.
        """
        name = self.programs[program].name
        command = self.programs[program].prepare()
        topic = f"bench-{uuid.uuid4().hex[:12]}"
        # Small segments, and few: what is stored does not pile up.
        self.client.admin.create_topic(topic, partitions=partitions, segment_size=16 << 20, max_partition_size=64 << 20)
        try:
            arguments = {"endpoint": self.endpoint, "topic": topic, "payload": payload(options["size"]), **options}
            before, start = self.server_seconds(), time.monotonic()
            words = [word for key, value in arguments.items() if value is not None for word in (f"--{key}", str(value))]
            result: Result = json.loads(execute(name, [*wrap, *command, *words]))
            sent = result["warmup"] + result["records"]
            result["wall_seconds"] = time.monotonic() - start
            stored = self.stored(topic)
            if stored != sent:
                raise Failed(f"{name} sent {sent} records, {stored} are stored")
            after = self.server_seconds()
            measured = None if before is None or after is None else (after - before) * result["records"] / sent
            result["server_cpu_seconds"] = measured
            return result
        finally:
            self.topics.append(topic)
            if self.server_pid is not None:  # the dev cluster
                self.close()


def execute(name: str, command: List[str]) -> str:
    """Runs a program and returns what it printed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_DEADLINE, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{name} did not end within {RUN_DEADLINE:.0f} s") from None
    if done.returncode != 0:
        raise Failed(f"{name} ended with status {done.returncode}: {done.stderr.strip()[-1000:]}")
    return done.stdout


__all__ = ["OUT", "Bench", "Failed", "Result", "Unavailable", "build", "libfluvio", "need", "prepare_go", "programs"]
