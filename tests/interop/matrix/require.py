"""What becomes of a test whose client is not on this machine."""

from __future__ import annotations

import os

import pytest

from .clients import Unavailable, Unpublished

VARIABLE = "INTEROP_REQUIRE"


def check() -> None:
    """Refuses a value that means nothing: a switch that is misspelled must not be off in silence."""
    if os.environ.get(VARIABLE, "") not in ("", "all"):
        raise pytest.UsageError(f"{VARIABLE} is {os.environ[VARIABLE]!r}; it can be all, or not set")


def absent(client: str, why: Unavailable) -> None:
    """Skips the test; fails it when every client is required that can be had."""
    if os.environ.get(VARIABLE) == "all" and not isinstance(why, Unpublished):
        pytest.fail(f"{client}: {why} ({VARIABLE} is all)", pytrace=False)
    pytest.skip(f"{client}: {why}")
