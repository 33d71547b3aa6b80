"""Runs a benchmark and reports: ``python tests/bench/run.py produce``, ``consume``, ``cost``. README.md says more.

Rows run in turns (A, B, A, B, ...), so that what slows the machine down for a while slows all of them. Without
FLUVIO_ENDPOINT the server is a dev cluster in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence

import consume
import cost
import produce
from profiles import profiles
from programs import OUT, Bench, Failed, Result, Unavailable, libfluvio, programs
from report import LEGENDS, AnyRow, AnyWorkload, Measured, Section, goal_rows, goals_text

BENCHMARKS: Dict[str, Any] = {"produce": produce, "consume": consume, "cost": cost}
TITLES = {"produce": "Producing to", "consume": "Consuming from", "cost": "What C costs, with"}


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measures clients against one server, in turns.")
    parser.add_argument("benchmark", choices=tuple(BENCHMARKS))
    parser.add_argument("--full", action="store_true", help="every combination, about an hour")
    parser.add_argument("--profile", action="store_true", help="also tell where the CPU time of Go and C goes")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each row")
    parser.add_argument("--seconds", type=float, default=0.8, help="about how long a run of a row lasts")
    parser.add_argument("--only", default="", help="regular expression of the workloads' titles")
    parser.add_argument("--keep", action="store_true", help="consume: leave the topics, and read those that are left")
    parser.add_argument("--rows", default="", help="regular expression of the rows' names")
    return parser.parse_args(words)


def run_row(
    bench: Bench, workload: AnyWorkload, row: AnyRow, count: int, wrap: Sequence[str] = (), **more: Any
) -> Result:
    """One run of a row; ``more`` arguments for its program."""
    work: Any = workload
    result: Result = work.run(bench, row, count, wrap, **more)
    return result


def measure(bench: Bench, workload: AnyWorkload, repetitions: int, seconds: float) -> Section:
    """Runs every row of a workload once to see how quick it is, and then in turns."""
    measured = [Measured(row, []) for row in workload.rows]
    counts: Dict[AnyRow, int] = {}
    for turn in range(repetitions + 1):
        for m in measured:
            if m.problem:
                continue
            fixed = workload.fixed(m.row)
            try:
                if turn > 0:
                    m.runs.append(run_row(bench, workload, m.row, counts[m.row]))
                elif fixed is not None:
                    counts[m.row] = fixed
                else:
                    result = run_row(bench, workload, m.row, workload.first_count())
                    wanted = result["records"] / result["seconds"] * seconds
                    counts[m.row] = max(1000, min(int(wanted), workload.most))
            except Unavailable as error:
                m.problem = f"left out: {error}"
            except Failed as error:
                m.problem = f"FAILED: {error}"
                m.runs.clear()
    return Section(workload, measured)


def chosen(options: argparse.Namespace) -> List[AnyWorkload]:
    """The workloads and rows that were asked for."""
    found = []
    benchmark = BENCHMARKS[options.benchmark]
    for workload in benchmark.full() if options.full else benchmark.short():
        rows = tuple(row for row in workload.rows if re.search(options.rows, row.label))
        if rows and re.search(options.only, workload.title):
            found.append(replace(workload, rows=rows))
    return found


def machine() -> Dict[str, Any]:
    """What this ran on."""
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def main(words: Sequence[str]) -> int:
    """Runs what was asked for; 1 if a row failed."""
    options = arguments(words)
    workloads = chosen(options)
    here = machine()
    with ExitStack() as stack:
        endpoint, pid = os.environ.get("FLUVIO_ENDPOINT"), None
        server = f"the cluster at {endpoint}"
        if not endpoint:
            # Retention is applied often, so that what is stored does not pile up in memory.
            cluster = stack.enter_context(libfluvio.DevCluster(options=["--clean-interval", "500ms"]))
            endpoint, pid, server = cluster.endpoint, cluster.pid, "the dev cluster"
        client = stack.enter_context(libfluvio.connect(endpoint))
        bench = Bench(client, endpoint, pid, programs(options.benchmark), keep=options.keep)
        stack.callback(bench.close)
        sections = []
        began = time.monotonic()
        for i, workload in enumerate(workloads):
            passed = time.monotonic() - began
            print(f"[{i + 1}/{len(workloads)}, {passed:.0f} s] {workload.title}", file=sys.stderr, flush=True)
            sections.append(measure(bench, workload, options.repetitions, options.seconds))
            bench.rest()
        found = profiles(bench, workloads, run_row) if options.profile else []
    goals = goal_rows(BENCHMARKS[options.benchmark].GOALS, sections)
    place = f"{here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, load at the start {here['load']:.1f}"
    text = [
        f"## {TITLES[options.benchmark]} {server}\n\n{place}\n",
        LEGENDS[options.benchmark].format(repetitions=options.repetitions),
        *(section.text() for section in sections),
        goals_text(goals),
        *(f"### {title}\n\n```\n{body}\n```\n" for title, body in found),
    ]
    print("\n".join(part for part in text if part))
    OUT.mkdir(parents=True, exist_ok=True)
    file = OUT / f"{options.benchmark}.json"
    content = {
        "machine": here,
        "date": time.strftime("%Y-%m-%d"),
        "text": "\n".join(part for part in text if part),
        "server": server,
        "workloads": [section.json() for section in sections],
        "goals": goals,
        "profiles": dict(found),
    }
    file.write_text(json.dumps(content, indent=1) + "\n")
    return any(m.problem.startswith("FAILED") for section in sections for m in section.rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
