"""The protocol of the programs, which README.md beside this folder describes."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable, Dict

Job = Dict[str, Any]
Jobs = Dict[str, Callable[[Any, Job], Any]]
"""How each job is done with a client."""


def asked() -> Dict[str, Any]:
    """What the program is to do."""
    return dict(json.load(sys.stdin))


def answer(client: Any, asked_for: Dict[str, Any], jobs: Jobs) -> None:
    """Runs the jobs in their order, and tells what came of each."""
    results = []
    for job in asked_for["jobs"]:
        try:
            results.append({"ok": jobs[job["do"]](client, job)})
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps({"results": results}), flush=True)
