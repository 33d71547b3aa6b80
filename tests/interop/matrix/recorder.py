"""Runs clients with the recorder of tests/recorder in the cluster's place."""

from __future__ import annotations

import json
import struct
import subprocess
from functools import lru_cache
from typing import Callable, Iterator, Tuple, TypeVar

from .clients import BUILD, build, need

DEADLINE = 60.0
STREAM_FETCH = struct.pack(">h", 1003)
Result = TypeVar("Result")


@lru_cache
def program() -> str:
    """Builds it."""
    path = BUILD / "interop" / "recorder"
    build([need("go", "to build the recorder"), "build", "-o", str(path), "./tests/recorder"])
    return str(path)


def through(run: Callable[[str], Result], *arguments: str) -> Tuple[Result, int, str]:
    """What comes of a run on the endpoint that it is given, how the recorder ended, and what it said."""
    with subprocess.Popen(
        [program(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            result = run(json.loads(process.stdout.readline())["sc"])
        finally:
            process.terminate()
        _, said = process.communicate(timeout=DEADLINE)
    return result, process.returncode, said


def isolations(file: str) -> Iterator[int]:
    """The isolation of every stream that was opened in a recording."""
    with open(file) as lines:
        for line in map(json.loads, lines):
            message = bytes.fromhex(line["hex"])
            if not line["server"].startswith("SPU") or line["dir"] != "c2s" or message[:2] != STREAM_FETCH:
                continue
            at = 8
            for _ in range(2):  # the client's id, the topic
                at += 2 + int.from_bytes(message[at : at + 2], "big")
            yield struct.unpack_from(">IqiB", message, at)[3]  # behind partition, offset, max_bytes
