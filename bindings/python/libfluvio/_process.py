"""What a fork does to this process: the library's threads do not exist in the child, so nothing may be called there."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

FORK_ADVICE = (
    "libfluvio was in use before this process was forked, and its threads do not exist here "
    "[hint: start child processes with multiprocessing.get_context('spawn') or 'forkserver', "
    "or make the first call to libfluvio in the children only]"
)


class ForkAware(Protocol):
    """An object with something to put right in a forked child."""

    def _after_fork(self) -> None:
        """Runs in the child, right after the fork. Must not call the library."""


class _State:
    """One object for the process, so that destructors can hold it while the interpreter takes its modules apart."""

    __slots__ = ("forked",)

    def __init__(self) -> None:
        self.forked = False


STATE = _State()
"""``STATE.forked`` is true in a child that was forked after the library was loaded."""

_aware: "weakref.WeakSet[ForkAware]" = weakref.WeakSet()


def watch(thing: ForkAware) -> None:
    """Has ``thing._after_fork()`` called in every child forked from now on, as long as ``thing`` lives."""
    _aware.add(thing)


def _in_child() -> None:
    for thing in list(_aware):
        thing._after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_in_child)
