"""What several Python tests use."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any, Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "python"


def pause(pid: int) -> None:
    """Stops a child process, such as a dev cluster: connections stay, answers do not come. Returns when it has
    stopped."""
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)


def resume(pid: int) -> None:
    """Lets a stopped process go on."""
    os.kill(pid, signal.SIGCONT)


def control(cluster: Any, method: str, verb: str, body: Optional[object] = None) -> Any:
    """Calls a verb of a dev cluster's control port."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{cluster.control_url}/v1/{verb}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_until_inside(thread: threading.Thread, *functions: str) -> None:
    """Returns when the thread runs one of these functions of the package."""
    while thread.is_alive():
        frame: Any = sys._current_frames().get(thread.ident or 0)
        while frame is not None:
            if frame.f_code.co_name in functions and "libfluvio" in frame.f_code.co_filename:
                return
            frame = frame.f_back
        time.sleep(0.002)


def await_log(caplog: pytest.LogCaptureFixture, *texts: str) -> Any:
    """The first line of the log that holds all texts. Lines come from another thread, a little later."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for record in list(caplog.records):
            if all(text in record.getMessage() for text in texts):
                return record
        time.sleep(0.005)
    raise AssertionError(f"no line with {texts} in {caplog.text}")
