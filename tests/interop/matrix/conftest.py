"""The matrix is filled once; what its tests found is written as a table."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Iterator

import libfluvio
import pytest

from .matrix import Matrix
from .offsets import Offsets
from .report import FILE, Report

REPORT = Report()


@pytest.fixture(scope="session")
def matrix() -> Iterator[Matrix]:
    """Everything that every client did, on a dev cluster with three SPUs, or on the cluster at FLUVIO_ENDPOINT."""
    with ExitStack() as stack:
        endpoint = os.environ.get("FLUVIO_ENDPOINT")
        if endpoint:
            matrix = Matrix(endpoint, "the one at FLUVIO_ENDPOINT")
        else:
            matrix = Matrix(stack.enter_context(libfluvio.DevCluster(spus=3)).endpoint, "the dev cluster, 3 SPUs")
        matrix.fill()
        REPORT.begin(matrix)
        yield matrix


@pytest.fixture(scope="session")
def offsets(matrix: Matrix) -> Offsets:
    """What the clients with named consumers did on the same cluster."""
    offsets = Offsets(matrix)
    offsets.fill()
    return offsets


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
