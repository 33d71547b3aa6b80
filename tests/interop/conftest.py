"""Fixtures of the tests against the official client."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "bindings" / "python"))

import libfluvio  # noqa: E402
from matrix.clients import Unavailable, prepare_official_python  # noqa: E402
from matrix.require import absent, check  # noqa: E402

DEADLINE = 120.0

Official = Callable[..., Any]


@pytest.fixture(scope="session")
def cluster() -> Iterator[libfluvio.DevCluster]:
    """A dev cluster with two SPUs."""
    with libfluvio.DevCluster(spus=2) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def client(cluster: libfluvio.DevCluster) -> Iterator[libfluvio.Client]:
    """libfluvio's client of it."""
    with libfluvio.connect(cluster.endpoint) as client:
        yield client


@pytest.fixture
def topic() -> str:
    """A name that no other test uses."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def official_is_here() -> None:
    """Skips what needs the official client where there is none."""
    try:
        prepare_official_python()
    except Unavailable as why:
        absent("official Python 0.21.0", why)


def run_official(endpoint: str, do: str, **job: Any) -> "subprocess.CompletedProcess[str]":
    """Runs one job with the official client, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(HERE / "official.py")],
        input=json.dumps({"do": do, "endpoint": endpoint, **job}),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture(scope="session")
def official(cluster: libfluvio.DevCluster, official_is_here: None) -> Official:
    """Runs one job with the official client and returns its result."""

    def run(do: str, **job: Any) -> Any:
        done = run_official(cluster.endpoint, do, **job)
        assert done.returncode == 0, f"the official client failed to {do}: {done.stderr}"
        return json.loads(done.stdout)

    return run


def pytest_configure(config: pytest.Config) -> None:
    """Looks at the switch that requires official clients before any test does."""
    check()
