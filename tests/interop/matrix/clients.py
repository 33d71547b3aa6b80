"""The clients of the matrix: how each is built and run, and what it cannot express."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

INTEROP = Path(__file__).resolve().parents[1]
ROOT = INTEROP.parents[1]
BUILD = ROOT / "build"
PROGRAMS = Path(__file__).resolve().parent / "programs"

RUN_DEADLINE = 120.0
"""Seconds after which a client's process is ended: some calls of the official clients may never return."""
BUILD_DEADLINE = 1800.0
RUST = (1, 85)
"""The official crate's language edition needs this version of Rust."""

Job = Dict[str, Any]


class Unavailable(Exception):
    """This machine lacks what a client needs."""


class Unpublished(Unavailable):
    """No package of the client is for this machine: nothing that could be installed."""


class Failed(Exception):
    """A client's process ended without results, or a job with an error."""

    def __init__(self, message: str, error: str = "") -> None:
        super().__init__(message)
        self.error = error
        """What the client said of the job."""


def value_of(result: Any) -> Any:
    """The result of a job; the failure of one without is raised, as a new one, because many tests raise it."""
    if isinstance(result, Failed):
        raise Failed(str(result), result.error)
    return result


@dataclass(frozen=True)
class Client:
    """One client, as a program that runs jobs. The flags are the table of what it can express."""

    name: str
    slug: str
    prepare: Callable[[], List[str]]
    """Builds the program, unless that is up to date, and returns its command line."""
    official: bool = False
    sends_no_key: bool = True
    """It can send a record without a key."""
    shows_no_key: bool = True
    """It tells a record without a key from others."""
    sets_timestamp: bool = True
    """It can choose a record's timestamp."""
    reads_all: bool = True
    """It can read all partitions at once and tell each record's partition."""
    lists_partitions: bool = True
    """Its list of topics has the number of partitions."""
    chooses_codec: bool = True
    """It can compress otherwise than the topic says."""
    sets_policy: bool = True
    """It can create a topic with a compression policy."""
    chooses_isolation: bool = True
    """It can read committed records only."""
    stops_at_end: bool = True
    """It can end at a partition's end by itself."""
    offsets: bool = False
    """It has named consumers, and its program the jobs commit, list_offsets and delete_offset."""

    def run(self, endpoint: str, jobs: Sequence[Job], deadline: float = RUN_DEADLINE) -> List[Dict[str, Any]]:
        """Runs jobs in one process; returns ``{"ok": ...}`` or ``{"error": ...}`` for each."""
        request = json.dumps({"endpoint": endpoint, "jobs": list(jobs)})
        try:
            done = subprocess.run(
                self.prepare(), input=request, capture_output=True, text=True, timeout=deadline, check=False
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {deadline:.0f} s") from None
        if done.returncode != 0:
            raise Failed(f"{self.name} ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
        results: List[Dict[str, Any]] = json.loads(done.stdout)["results"]
        if len(results) != len(jobs):
            raise Failed(f"{self.name} gave {len(results)} results for {len(jobs)} jobs")
        return results


def need(tool: str, what_for: str) -> str:
    """The path of a tool, or Unavailable."""
    path = shutil.which(tool)
    if path is None:
        raise Unavailable(f"{tool} is not installed; it is needed {what_for}")
    return path


def execute(command: Sequence[str], **environment: str) -> str:
    """Runs a command in the checkout, at low priority. Returns the end of what it said if it failed, else nothing."""
    nice = shutil.which("nice")
    try:
        done = subprocess.run(
            [*([nice] if nice else []), *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=BUILD_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {BUILD_DEADLINE:.0f} s"
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()[-2000:] or "it said nothing"


def build(command: Sequence[str], **environment: str) -> None:
    """Runs a build. What does not build is a failure, never a reason to skip."""
    problem = execute(command, **environment)
    if problem:
        raise Failed(f"{' '.join(command)} failed: {problem}")


@lru_cache
def prepare_go() -> List[str]:
    """libfluvio's Go client."""
    program = BUILD / "interop" / "client-go"
    build([need("go", "to build the Go client"), "build", "-o", str(program), "./tests/interop/go"])
    return [str(program)]


def build_c(folder: Path, program: Path) -> List[str]:
    """Builds a C program that uses the library, unless it is up to date. ``program`` is in a folder beside ``lib``."""
    sources = sorted(folder.glob("*.[ch]"))
    inputs = [*sources, ROOT / "include" / "fluvio.h", BUILD / "lib" / "libfluvio.so"]
    if not program.exists() or program.stat().st_mtime < max(path.stat().st_mtime for path in inputs):
        program.parent.mkdir(parents=True, exist_ok=True)
        flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-Iinclude"]
        library = ["-Lbuild/lib", "-lfluvio", "-lpthread", "-Wl,-rpath,$ORIGIN/../lib"]
        files = [str(path) for path in sources if path.suffix == ".c"]
        build([need("gcc", "to build the C client"), *flags, *files, "-o", str(program), *library])
    return [str(program)]


@lru_cache
def prepare_c() -> List[str]:
    """libfluvio's C API."""
    return build_c(INTEROP / "c", BUILD / "interop" / "client-c")


@lru_cache
def prepare_python() -> List[str]:
    """libfluvio's Python binding."""
    return [sys.executable, str(PROGRAMS / "libfluvio_python.py")]


@lru_cache
def prepare_node() -> List[str]:
    """libfluvio's Node binding."""
    node = need("node", "to run the Node client")
    if not (ROOT / "bindings" / "node" / "node_modules" / "koffi").exists():
        raise Unavailable("the package koffi is not installed in bindings/node; run npm ci there")
    return [node, str(PROGRAMS / "libfluvio_node.mjs")]


@lru_cache
def prepare_official_python() -> List[str]:
    """The official Python client."""
    if importlib.util.find_spec("fluvio") is None:
        published_for((3, 13))
        raise Unavailable("the official Python client is not installed: it has no wheel for this platform or Python")
    return [sys.executable, str(PROGRAMS / "official_python.py")]


@lru_cache
def prepare_old_python() -> List[str]:
    """The official Python client of earlier platforms, in an environment of its own."""
    python = BUILD / "venv-old" / "bin" / "python"
    if not python.exists() or execute([str(python), "-c", "import fluvio"]):
        published_for((3, 12))
        raise Unavailable("fluvio 0.16.1 is not installed in build/venv-old; make test-interop does it where it can")
    return [str(python), str(PROGRAMS / "old_python.py")]


@lru_cache
def prepare_cli() -> List[str]:
    """The official command line."""
    program = shutil.which("fluvio")
    if program is None:
        raise Unpublished("there is no program fluvio on the PATH")
    return [sys.executable, str(PROGRAMS / "official_cli.py"), program]


def published_for(newest: Tuple[int, int]) -> None:
    """Raises Unpublished when this Python is newer than the newest that a client has wheels for."""
    if sys.version_info[:2] > newest:
        raise Unpublished("it has wheels for Python up to %d.%d only, this is %d.%d" % (*newest, *sys.version_info[:2]))


def system_openssl() -> bool:
    """Whether OpenSSL can be linked from the system: the quicker of the two TLS libraries to build with."""
    pkg_config = shutil.which("pkg-config")
    return pkg_config is not None and subprocess.run([pkg_config, "--exists", "openssl"], check=False).returncode == 0


def build_rust(binary: str, release: bool = False) -> List[str]:
    """A program with the official Rust client. Fetching its crates may fail on a machine without network: that is
    Unavailable."""
    cargo = need("cargo", f"to build the official Rust client (Rust {RUST[0]}.{RUST[1]} or newer)")
    said = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or tuple(map(int, version.groups())) < RUST:
        raise Unavailable(f"the official Rust client needs Rust {RUST[0]}.{RUST[1]}; here is {said.strip() or 'none'}")
    manifest = ["--manifest-path", str(INTEROP / "rust" / "Cargo.toml")]
    problem = execute([cargo, "fetch", *manifest])
    if problem:
        raise Unavailable(f"the official Rust client's crates cannot be had: {problem}")
    target = BUILD / "interop-rust"
    build(
        [cargo, "build", *manifest, "--bin", binary, "--features", "openssl" if system_openssl() else "rustls"]
        + ["--release"] * release,
        CARGO_TARGET_DIR=str(target),
        OPENSSL_NO_VENDOR="1",
    )
    return [str(target / ("release" if release else "debug") / binary)]


@lru_cache
def prepare_rust() -> List[str]:
    """The official Rust client."""
    return build_rust("interop-rust")


CLIENTS = [
    Client("libfluvio Go", "go", prepare_go, offsets=True),
    Client("libfluvio C", "c", prepare_c, offsets=True),
    Client("libfluvio Python", "py", prepare_python, offsets=True),
    Client("libfluvio Node", "node", prepare_node, offsets=True),
    Client(
        "official Python 0.21.0",
        "opy",
        prepare_official_python,
        official=True,
        sends_no_key=False,
        shows_no_key=False,
        sets_timestamp=False,
        reads_all=False,
        lists_partitions=False,
        chooses_isolation=False,
        offsets=True,
    ),
    Client("official Rust 0.50.1", "ors", prepare_rust, official=True, sets_timestamp=False, offsets=True),
]

OLD_PYTHON = Client(
    "official Python 0.16.1",
    "opy16",
    prepare_old_python,
    official=True,
    sends_no_key=False,
    shows_no_key=False,
    sets_timestamp=False,
    reads_all=False,
    lists_partitions=False,
    chooses_codec=False,
    sets_policy=False,
    chooses_isolation=False,
    stops_at_end=False,
)

CLI = Client("official command line", "cli", prepare_cli, official=True, offsets=True)
"""Only for objects."""

PLATFORMS = {"0.17.3": CLIENTS, "0.11.6": [*(each for each in CLIENTS if not each.official), OLD_PYTHON]}
"""Earlier platforms, and the clients that can connect to them: the newer official ones refuse 0.11.6."""

NO_KEY = b"No key"
"""What a client without shows_no_key shows for a record without a key."""

LEFT_OUT = {
    "sends_no_key": "cannot send a record without a key (send_string sends an empty one): those records are left out",
    "shows_no_key": 'shows a record without a key as one with the key "No key": compared with that',
    "sets_timestamp": "cannot choose a record's timestamp: does not write the case timestamps",
    "reads_all": "does not tell a record's partition: reads one partition after the other",
    "lists_partitions": "lists topics without their number of partitions: only names are compared",
    "chooses_codec": "compresses as the topic says only",
    "sets_policy": "creates topics without a compression policy: another client creates those",
    "chooses_isolation": "does not choose an isolation when reading: no read_committed",
    "stops_at_end": "does not end at the end: reads as many records as there are",
    "offsets": "has no named consumers: left out of consumer offsets",
}
"""What a client that lacks a flag cannot express, and what the matrix does about it."""
