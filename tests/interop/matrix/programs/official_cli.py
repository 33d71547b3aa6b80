"""Jobs for the official command line, named as the argument: each runs it once.

``{"do": "run", "args": [...], "input": "text", "file": "hexadecimal"}``, where input and a file are optional; {file} in
the arguments stands for its path. Ok is what it printed, an error what it said when it failed. The protocol is
described in README.md beside this folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Dict

DEADLINE = 60.0


def run(endpoint: str, job: Dict[str, Any], home: str) -> Dict[str, Any]:
    """Runs one job."""
    path = os.path.join(home, "file")
    with open(path, "wb") as file:
        file.write(bytes.fromhex(job.get("file", "")))
    arguments = [path if each == "{file}" else each for each in job["args"]]
    done = subprocess.run(
        [sys.argv[1], "--cluster", endpoint, *arguments],
        input=job.get("input", ""),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env={**os.environ, "HOME": home},
    )
    return {"ok": done.stdout} if done.returncode == 0 else {"error": done.stderr + done.stdout}


def main() -> None:
    """Runs the jobs."""
    request = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as home:
        results = [run(request["endpoint"], job, home) for job in request["jobs"]]
    print(json.dumps({"results": results}))


main()
