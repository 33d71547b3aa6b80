"""The programs of the benchmarks: how each is built, and how one run of it is made and checked."""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from subprocess import PIPE
from threading import Timer
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
sys.path.insert(0, str(ROOT / "tests" / "interop"))

import libfluvio  # noqa: E402
from matrix.clients import (  # noqa: E402
    BUILD,
    Failed,
    Unavailable,
    Unpublished,
    build,
    build_c,
    build_rust,
    need,
    prepare_node,
    prepare_official_python,
)
from matrix.clients import execute as run_build  # noqa: E402

OUT = BUILD / "bench"
RUN_DEADLINE = 300.0
"""Seconds after which a program is ended: some calls of the official clients may never return."""
PAYLOAD_BYTES = 1 << 20
"""About the bytes of the values that records have in turn: more than a batch, so that no codec sees one twice."""
OFFICIAL_NODE = "0.14.9"
"""Version of the official Node client."""
TICKS = os.sysconf("SC_CLK_TCK")

Result = Dict[str, Any]
Stored = Tuple[int, str, int, int, Optional[int]]
"""A topic to read: size of its values, codec, partitions, number of records, bytes of a batch (None: the default)."""


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


def prepare_python(script: str) -> List[str]:
    """libfluvio's Python binding."""
    return [sys.executable, str(BENCH / "python" / script)]


def prepare_node_program(script: str) -> List[str]:
    """libfluvio's Node binding."""
    return [prepare_node()[0], str(BENCH / "node" / script)]


def prepare_official(script: str) -> List[str]:
    """The official Python client."""
    return [prepare_official_python()[0], str(BENCH / "python" / script)]


@lru_cache
def prepare_official_node() -> List[str]:
    """The official Node client. Its package has the native module, and TypeScript that must be compiled, for which its
    script needs a compiler that it does not ask for."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Unpublished("the official Node client has no native module for this platform")
    node, folder = prepare_node()[0], OUT / "node-official"
    package = folder / "node_modules" / "@fluvio" / "client"
    if not (package / "dist" / "index.js").exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = [need("npm", "to install the official Node client"), "install", "--prefix", str(folder)]
        quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
        problem = run_build([*install, *quiet, f"@fluvio/client@{OFFICIAL_NODE}"])
        if problem:
            raise Unavailable(f"the official Node client cannot be had: {problem}")
        modules = ROOT / "bindings" / "node" / "node_modules"
        build([str(modules / ".bin" / "tsc"), "-p", str(package), "--typeRoots", str(modules / "@types")])
    return ["env", f"OFFICIAL_NODE={folder}", node, str(BENCH / "node" / "official.mjs")]


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


SCRIPTS = {
    "produce": ("libfluvio_bench.py", "bench.mjs", "official_bench.py"),
    "consume": ("libfluvio_consume.py", "consume.mjs", "official_consume.py"),
}


SCRIPTS["cost"] = SCRIPTS["produce"]  # only C and Go run


def programs(benchmark: str = "produce", release: bool = True) -> Dict[str, Program]:
    """All programs of a benchmark. ``release=False`` builds Rust without optimisation, which is for tests, and not for
    numbers."""
    python, node, official = SCRIPTS[benchmark]
    return {
        "c": Program("libfluvio C", prepare_c),
        "go": Program("libfluvio Go", prepare_go),
        "python": Program("libfluvio Python", lambda: prepare_python(python)),
        "node": Program("libfluvio Node", lambda: prepare_node_program(node)),
        "raw": Program("bare socket", prepare_go),
        "rust": Program("official Rust 0.50.1", lambda: prepare_rust(release)),
        "official-python": Program("official Python 0.21.0", lambda: prepare_official(official)),
        "official-node": Program(f"official Node {OFFICIAL_NODE}", prepare_official_node),
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
    data: Dict[Stored, str] = field(default_factory=dict)
    """Topics to read."""
    control_url: str = ""
    """The control port of a dev cluster, for tests."""
    keep: bool = False
    """Topics to read are left, and used when they are there already."""

    def close(self) -> None:
        """Deletes what is left."""
        while self.topics:
            self.client.admin.delete_topic(self.topics.pop())

    def rest(self) -> None:
        """A workload is over: the dev cluster has its memory back."""
        if self.server_pid is not None:
            self.data.clear()
            self.close()

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

    def create(self, partitions: int, **settings: int) -> str:
        """A new topic, which is deleted in the end."""
        topic = f"bench-{uuid.uuid4().hex[:12]}"
        self.client.admin.create_topic(topic, partitions=partitions, **settings)
        self.topics.append(topic)
        return topic

    def command(self, program: str, topic: str, options: Dict[str, Any], wrap: Sequence[str] = ()) -> List[str]:
        """The command line of a program, which ``wrap`` runs. ``options`` that are not None become its arguments."""
        arguments = {"endpoint": self.endpoint, "topic": topic, **options}
        words = [word for key, value in arguments.items() if value is not None for word in (f"--{key}", str(value))]
        return [*wrap, *self.programs[program].prepare(), *words]

    def run(self, program: str, partitions: int, options: Dict[str, Any], wrap: Sequence[str] = ()) -> Result:
        """Runs a program that sends, once, on a topic of its own. What it says it sent must be stored, all of it, once.

        Raises:
            Failed: it did not end well, or the topic holds something else.
            Unavailable: this machine lacks what it needs.
        """
        name = self.programs[program].name
        self.programs[program].prepare()
        # Small segments, and few: what is stored does not pile up.
        topic = self.create(partitions, segment_size=16 << 20, max_partition_size=64 << 20)
        try:
            command = self.command(program, topic, {"payload": payload(options["size"]), **options}, wrap)
            before, start = self.server_seconds(), time.monotonic()
            result: Result = json.loads(execute(name, command))
            sent = result["warmup"] + result["records"]
            result["wall_seconds"] = time.monotonic() - start
            stored = self.stored(topic)
            if stored != sent:
                raise Failed(f"{name} sent {sent} records, {stored} are stored")
            self.add_server(result, before)
            return result
        finally:
            self.rest()

    def add_server(self, result: Result, before: Optional[float]) -> None:
        """Adds the server's part to a result."""
        after = self.server_seconds()
        part = result["records"] / (result["warmup"] + result["records"])
        result["server_cpu_seconds"] = None if before is None or after is None else (after - before) * part

    def topic_with(self, key: Stored) -> str:
        """A topic with what is asked for, which is made the first time."""
        size, compression, partitions, records, batch = key
        if key not in self.data:
            topic = f"bench-consume-{size}-{compression}-{partitions}-{records}" + (f"-{batch}" if batch else "")
            if not self.keep:
                topic = self.create(partitions)
            elif topic not in {each.name for each in self.client.admin.topics()}:
                self.client.admin.create_topic(topic, partitions=partitions)
            if self.stored(topic) == 0:
                sender = self.sender(topic, "throughput", "send_columns", size, records, compression, batch)
                execute("the sender", sender)
            stored = self.stored(topic)
            if stored != records:
                raise Failed(f"{stored} records are stored in topic {topic} instead of {records}")
            self.data[key] = topic
        return self.data[key]

    def sender(
        self, topic: str, mode: str, api: str, size: int, count: int, compression: str, batch: Optional[int] = None
    ) -> List[str]:
        """A command line that sends records with libfluvio."""
        options = {
            "mode": mode,
            "api": api,
            "reports": "ignore",
            "payload": payload(size),
            "size": size,
            "count": count,
            "warmup": 0,
            "compression": None if compression == "none" else compression,
            "batch": batch,
        }
        return self.command("c", topic, options)

    def read(
        self, program: str, stored: Stored, options: Dict[str, Any], loses: bool, wrap: Sequence[str] = ()
    ) -> Result:
        """Runs a program that reads, once, on a topic with what is stored. It must come in order, all of it, once,
        unless the program ``loses`` records. Raises as ``run``."""
        name = self.programs[program].name
        self.programs[program].prepare()
        topic = self.topic_with(stored)
        before, start = self.server_seconds(), time.monotonic()
        result: Result = json.loads(execute(name, self.command(program, topic, options, wrap)))
        result["wall_seconds"] = time.monotonic() - start
        self.add_server(result, before)
        check_read(name, result, options["size"], loses)
        return result

    def follow(
        self, program: str, compression: str, options: Dict[str, Any], loses: bool, wrap: Sequence[str] = ()
    ) -> Result:
        """Runs a program that reads while records are sent, 1,000 a second, each with the time at which it was sent."""
        name = self.programs[program].name
        topic = self.create(options["partitions"])
        command = self.command(program, topic, options, wrap)
        count = options["warmup"] + options["count"]
        sender = self.sender(topic, "pace", "send", options["size"], count, compression)
        try:
            with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as reader:
                deadline = Timer(RUN_DEADLINE, reader.kill)
                deadline.start()
                try:
                    assert reader.stdout is not None
                    if reader.stdout.readline() == "ready\n":
                        before = self.server_seconds()
                        execute("the sender", sender)
                    said, failure = reader.communicate()
                finally:
                    deadline.cancel()
                    reader.kill()
            if reader.returncode != 0:
                raise Failed(f"{name} ended with status {reader.returncode}: {failure.strip()[-1000:]}")
            result: Result = json.loads(said)
            self.add_server(result, before)
            check_read(name, result, options["size"], loses)
            return result
        finally:
            self.rest()


def check_read(name: str, result: Result, size: int, loses: bool) -> None:
    """Fails unless a program read what it should."""
    if result["bytes"] != result["records"] * size:
        raise Failed(f"{name} read {result['records']} records of {size} bytes, but {result['bytes']} bytes of values")
    if result["missing"] and not loses:
        raise Failed(f"{name} did not give {result['missing']} records")


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
