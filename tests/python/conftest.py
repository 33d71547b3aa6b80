"""Fixtures of the Python tests: a dev cluster, a client of it, and topics of each test's own."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import uuid
from typing import Callable, Iterator, TextIO, Tuple

import pytest
from helpers import PACKAGE

sys.path.insert(0, str(PACKAGE))

import libfluvio  # noqa: E402

HANG = 300.0
"""Seconds after which a test that hangs ends the run with the stacks of all threads; the mark ``hang`` sets others."""

STDERR = pytest.StashKey[TextIO]()
"""Where those stacks go: pytest keeps what a test writes to its own until that test is over."""


def pytest_configure(config: pytest.Config) -> None:
    """Declares the mark, and makes Ctrl-C work where the run was begun with it ignored, as a shell without job control
    does for what it puts into the background."""
    config.addinivalue_line("markers", "hang(seconds): the deadline of a test that has much to do")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[STDERR] = os.fdopen(os.dup(2), "w")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends what was begun."""
    config.stash[STDERR].close()


def deadline(request: pytest.FixtureRequest) -> float:
    """That of a test, in seconds."""
    mark = request.node.get_closest_marker("hang")
    return float(mark.args[0]) if mark else HANG


@pytest.fixture(autouse=True)
def no_hang(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test has a deadline."""
    stderr = request.config.stash[STDERR]
    faulthandler.dump_traceback_later(deadline(request), exit=True, file=stderr)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def cluster() -> Iterator[libfluvio.DevCluster]:
    """A dev cluster with two SPUs."""
    with libfluvio.DevCluster(spus=2) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def client(cluster: libfluvio.DevCluster) -> Iterator[libfluvio.Client]:
    """A client of the dev cluster."""
    with libfluvio.connect(cluster.endpoint) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A topic's name that no other test uses."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def topic(client: libfluvio.Client, name: str) -> str:
    """A topic with one partition."""
    client.admin.create_topic(name)
    return name


@pytest.fixture
def wide_topic(client: libfluvio.Client, name: str) -> str:
    """A topic with five partitions."""
    client.admin.create_topic(name, partitions=5)
    return name


Script = Callable[..., Tuple[int, str, str]]


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Script:
    """Runs Python source in a process of its own; returns its status, output and error output."""

    def run(source: str, *arguments: str, **environment: str) -> Tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-W", "error", "-c", source, *arguments],
            env={**os.environ, "PYTHONPATH": str(PACKAGE), **environment},
            capture_output=True,
            text=True,
            timeout=deadline(request) / 2,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run
