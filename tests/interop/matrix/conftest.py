"""The matrix is filled once; what its tests found is written as a table."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Callable, Dict, Iterator, Tuple

import libfluvio
import pytest

from . import raw, replicated
from .cases import PLATFORM_CASES
from .clients import PLATFORMS
from .matrix import Matrix
from .objects import Objects
from .offsets import Offsets
from .report import FILE, Report

REPORT = Report()
ENDPOINT = os.environ.get("FLUVIO_ENDPOINT", "")


@pytest.fixture(scope="session")
def matrix() -> Iterator[Matrix]:
    """Everything that every client did, on a dev cluster with three SPUs, or on the cluster at FLUVIO_ENDPOINT."""
    with ExitStack() as stack:
        if ENDPOINT:
            matrix = Matrix(ENDPOINT, "the one at FLUVIO_ENDPOINT", raw.spus(ENDPOINT))
            stack.callback(matrix.clear)
        else:
            cluster = stack.enter_context(libfluvio.DevCluster(spus=3))
            matrix = Matrix(cluster.endpoint, "the dev cluster, 3 SPUs", cluster.spu_endpoints)
        matrix.fill()
        REPORT.begin(matrix)
        yield matrix


@pytest.fixture(scope="session")
def offsets(matrix: Matrix) -> Offsets:
    """What the clients with named consumers did on the same cluster."""
    offsets = Offsets(matrix)
    offsets.fill()
    return offsets


@pytest.fixture(scope="session")
def objects(matrix: Matrix) -> Iterator[Objects]:
    """What became of objects of every type on the same cluster."""
    objects = Objects(matrix)
    try:
        objects.fill()
        yield objects
    finally:
        objects.clear()


@pytest.fixture(scope="session")
def uncommitted(matrix: Matrix) -> replicated.Replicated:
    """What every client read where some records are not committed: that needs the dev cluster."""
    dev_cluster_only()
    return replicated.read(matrix.present())


@pytest.fixture(scope="session")
def platforms() -> Iterator[Callable[[str], Tuple[Matrix, Offsets]]]:
    """What the clients of an earlier platform did on a dev cluster of that version, each filled when asked for."""
    dev_cluster_only()
    filled: Dict[str, Tuple[Matrix, Offsets]] = {}
    with ExitStack() as stack:

        def fill(version: str) -> Tuple[Matrix, Offsets]:
            if version not in filled:
                options = ["--platform-version", version]
                cluster = stack.enter_context(libfluvio.DevCluster(spus=3, options=options))
                clients, cases = PLATFORMS[version], PLATFORM_CASES
                matrix = Matrix(cluster.endpoint, version, cluster.spu_endpoints, clients=clients, cases=cases)
                matrix.fill()
                filled[version] = matrix, Offsets(matrix)
                filled[version][1].fill()
                REPORT.begin(matrix)
            return filled[version]

        yield fill


def dev_cluster_only() -> None:
    """Skips what cannot be asked of the cluster at FLUVIO_ENDPOINT."""
    if ENDPOINT:
        pytest.skip("FLUVIO_ENDPOINT is set, and only the dev cluster can be made to be so")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Notes what became of each test of the matrix."""
    outcome = yield
    marker = item.get_closest_marker("cell")
    if marker is not None:
        REPORT.note(outcome.get_result(), **marker.kwargs)  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker that says which cell of the table a test belongs to."""
    config.addinivalue_line("markers", "cell(table, row, column): the cell of the report that a test belongs to")


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """Writes the table, and shows it below everything else."""
    yield
    if REPORT.filled:
        text = REPORT.text()
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text)
        terminalreporter.section("interop matrix")
        terminalreporter.write(text)
