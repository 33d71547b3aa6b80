"""Where the CPU time of libfluvio's Go and C programs goes."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from typing import Any, Callable, Dict, List, Sequence, Tuple

from programs import OUT, Bench, Failed, build, need, prepare_go
from report import AnyRow, AnyWorkload

LINES = 15
"""The heaviest functions that are shown."""
PERF = ["perf", "record", "--quiet", "--event", "cpu-clock", "--freq", "1999"]

Run = Callable[..., Dict[str, Any]]


def text_of(command: Sequence[str]) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def profile_go(bench: Bench, workload: AnyWorkload, row: AnyRow, count: int, run: Run) -> str:
    """The Go program by its own profiler, what is measured only."""
    file = OUT / f"go-{workload.size}.pprof"
    run(bench, workload, row, count, profile=file)
    pprof = [need("go", "to read profiles"), "tool", "pprof", "-top", f"-nodecount={LINES}"]
    return text_of([*pprof, prepare_go()[0], str(file)]).strip()


def profile_c(bench: Bench, workload: AnyWorkload, row: AnyRow, count: int, run: Run) -> str:
    """The C program by perf, with a library that has not lost its symbols."""
    if shutil.which("perf") is None:
        return "perf is not installed"
    library, file = OUT / "symbols" / "libfluvio.so.1", OUT / f"c-{workload.size}.perf"
    flags = ["-buildmode=c-shared", "-ldflags", "-extldflags '-Wl,-soname,libfluvio.so.1'", "-o", str(library)]
    build([need("go", "to build the library"), "build", *flags, "./capi"])
    perf = ["env", f"LD_LIBRARY_PATH={library.parent}", *PERF, "--output", str(file), "--"]
    run(bench, workload, row, count, wrap=perf)
    return shares(text_of(["perf", "script", "--input", str(file), "--fields", "pid,tid,ip,sym"]))


def shares(samples: str) -> str:
    """The heaviest functions of samples ``pid/tid address symbol``, and how much each side of the C API takes."""
    functions: Counter[str] = Counter()
    sides: Counter[str] = Counter()
    for line in samples.splitlines():
        thread, _, symbol = line.split(maxsplit=2)
        pid, tid = thread.split("/")
        side = "application" if pid == tid else "library"
        sides[side] += 1
        functions[f"{side}  {symbol}"] += 1
    total = max(1, sum(sides.values()))
    lines = [f"{n / total:6.1%}  {what}" for what, n in [*sides.most_common(), *functions.most_common(LINES)]]
    return "\n".join(lines)


def profiles(bench: Bench, workloads: Sequence[AnyWorkload], run: Run) -> List[Tuple[str, str]]:
    """A title and a text for each profile: of the rows that send one by one, or take batches, with default settings."""
    found = []
    for workload in workloads:
        for row in workload.rows if workload.plain and workload.mode in ("throughput", "read") else ():
            take = {"go": profile_go, "c": profile_c}.get(row.program)
            if take is not None and row.api in ("send", "callback", "batches"):
                count = min(3_000_000, 300_000_000 // workload.size, workload.most)
                found.append((f"CPU of {row.label}, {workload.title}", take(bench, workload, row, count, run)))
    return found
