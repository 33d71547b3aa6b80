"""Everything in one report: ``python tests/bench/whole.py``, which is ``make bench``. README.md beside it says more.

It runs the benchmarks of producers and consumers, watches the memory of clients, and measures what the machine itself
can do; then it writes a page with tables and plots. Pieces can be run by themselves: what they find stays in
``build/bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import consume
import produce
import svg
from programs import OUT, ROOT, Bench, Failed, Unavailable, libfluvio, payload, programs

PIECES = ("produce", "consume", "memory", "report")
WATCHED = 5.0
"""About how many seconds the memory of a client is watched."""
QUICK = {
    "produce": "^(throughput, 100 B, compression none, .* 1 partition|single)",
    "consume": "^(reading, 100 B, compression none, 1 partition|from a sender)",
}
"""The workloads of a quick report."""
MEMORY = {
    "produce": "c send,go send,python send_many,node send_many,rust send,official-python send_all,"
    "official-node send_all",
    "consume": "c callback,go batches,python batches,node batches,rust records,official-python records,"
    "official-node records",
}
"""The rows whose memory is watched."""

FIRST = {"size": 100, "compression": "none", "partitions": 1}
"""The first workload of each benchmark."""

Content = Dict[str, Any]
Points = List[Tuple[float, float]]


def kind(label: str) -> str:
    """Whose a row is."""
    program = label.partition(" ")[0]
    return {"raw": "limit", "rust": "official"}.get(program, "official" if "official" in program else "libfluvio")


def benchmark(name: str, quick: bool) -> None:
    """Runs a benchmark, which leaves its results in a file. Those of another run are no results of this one."""
    (OUT / f"{name}.json").unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "tests" / "bench" / "run.py"), name]
    if quick:
        command += ["--only", QUICK[name], "--repetitions", "2", "--seconds", "0.4"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # what failed stands in the results


def content(name: str) -> Content:
    """What a piece found; nothing if it was not run."""
    path = OUT / f"{name}.json"
    found: Content = json.loads(path.read_text()) if path.exists() else {}
    return found


def rows(found: Content, **fields: Any) -> List[Content]:
    """The rows with results of the first workload that is so."""
    for workload in found.get("workloads", ()):
        if all(workload.get(key) == value for key, value in fields.items()):
            return [row for row in workload["rows"] if row["median"]]
    return []


def watch(command: List[str]) -> Points:
    """The resident memory in MB of a program while it runs. One that takes much too long is ended.

    Raises:
        Failed: it ended with an error.
    """
    points: Points = []
    late = False
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    with tempfile.TemporaryFile("w+") as said:
        program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        start = time.monotonic()
        while program.poll() is None:
            try:
                resident = int(Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * page
            except (OSError, IndexError):
                break
            points.append((time.monotonic() - start, resident))
            if points[-1][0] > 6 * WATCHED:
                late = True
                program.kill()
            time.sleep(0.02)
        status = program.wait()
        said.seek(0)
        if status != 0 and not late:
            raise Failed(f"ended with status {status}: {said.read().strip()[-1000:]}")
    return [point for point in points if point[1] > 0]


def memory(quick: bool) -> None:
    """Watches clients work for some seconds; how many records that takes is known from the benchmarks."""
    found: Content = {"limits": limits(), "left_out": {}}
    seconds = WATCHED / 3 if quick else WATCHED
    with ExitStack() as stack:
        endpoint, pid = os.environ.get("FLUVIO_ENDPOINT"), None
        if not endpoint:
            cluster = stack.enter_context(libfluvio.DevCluster(options=["--clean-interval", "500ms"]))
            endpoint, pid = cluster.endpoint, cluster.pid
        client = stack.enter_context(libfluvio.connect(endpoint))
        for name, labels in MEMORY.items():
            known = {row["row"]: row["median"]["rate"] for row in rows(content(name), **FIRST)}
            bench = Bench(client, endpoint, pid, programs(name))
            found[name] = {}
            for label in labels.split(","):
                program, api = label.split(" ")
                print(f"memory: {name} {program}", file=sys.stderr, flush=True)
                try:
                    bench.programs[program].prepare()
                    count = int(known.get(label, 100_000) * seconds)
                    if name == "produce":
                        topic = bench.create(1, segment_size=16 << 20, max_partition_size=64 << 20)
                        job = produce.Workload(()).options(produce.Row(program, api))
                        options = {**job, "payload": payload(100), "count": count}
                    else:
                        work = consume.Workload(())
                        topic = bench.topic_with((100, "none", 1, work.records, None))
                        options = {
                            "mode": "read",
                            "api": api,
                            "size": 100,
                            "partitions": 1,
                            "count": min(count, work.most),
                        }
                    found[name][label] = watch(bench.command(program, topic, {**options, "warmup": 200}))
                except (Unavailable, Failed) as error:
                    found["left_out"][program] = str(error)
                if name == "produce":
                    bench.rest()
            bench.close()
    (OUT / "memory.json").write_text(json.dumps(found) + "\n")


def limits() -> Dict[str, float]:
    """What the machine can do, in MB/s: bytes over loopback TCP, in pieces of 1 MiB, and copies of 64 MiB."""
    size, total = 1 << 20, 2 << 30
    listener = socket.create_server(("127.0.0.1", 0))
    sender = socket.create_connection(listener.getsockname())
    receiver, _ = listener.accept()

    def send() -> None:
        piece = bytes(size)
        for _ in range(total // size):
            sender.sendall(piece)
        sender.close()

    thread = threading.Thread(target=send)
    start, into = time.perf_counter(), bytearray(size)
    thread.start()
    while receiver.recv_into(into):
        pass
    loopback = total / (time.perf_counter() - start) / 1e6
    thread.join()
    receiver.close()
    listener.close()
    source, copies = bytearray(64 << 20), 16
    target = bytearray(len(source))
    start = time.perf_counter()
    for _ in range(copies):
        target[:] = source
    return {"loopback TCP": loopback, "copying memory": copies * len(source) / (time.perf_counter() - start) / 1e6}


def plots(found: Dict[str, Content], folder: Path) -> List[Tuple[str, str]]:
    """Writes the plots. Gives their titles and names."""
    made: List[Tuple[str, str]] = []

    def put(name: str, title: str, picture: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")
        made.append((title, name))

    for benchmark_name, mode, verb, metric in (
        ("produce", "throughput", "Producing", "rate"),
        ("produce", "throughput", "Producing", "cpu_ns"),
        ("consume", "read", "Reading", "rate"),
        ("consume", "read", "Reading", "cpu_ns"),
    ):
        for size in (100, 1000):
            these = rows(found[benchmark_name], mode=mode, size=size, compression="none", partitions=1)
            shown = [(row["row"], kind(row["row"]), row["median"][metric]) for row in these if row["median"][metric]]
            if shown:
                shown.sort(key=lambda row: -row[2] if metric == "rate" else row[2])
                what = "records/s" if metric == "rate" else "CPU ns per record"
                title = f"{verb} records of {size} B: {what}"
                put(f"{verb.lower()}-{size}-{'rate' if metric == 'rate' else 'cpu'}", title, svg.bars(title, shown))
    for benchmark_name, mode, title in (
        ("produce", "latency", "One record at a time, 100 B: from the call to the report"),
        ("consume", "follow", "1,000 records/s of 100 B: from the call in one process to the sight in another"),
    ):
        spans = []
        for row in rows(found[benchmark_name], mode=mode, size=100):
            if row["median"].get("p999"):
                spans.append((row["row"], kind(row["row"]), row["median"]))
        if spans:
            spans.sort(key=lambda row: row[2]["p50"])
            put("latency-" + mode, title, svg.ranges(title + " (p10 to p99.9, thick p25 to p75)", spans))
    for name, verb in (("produce", "producing"), ("consume", "reading")):
        title = f"Resident memory while {verb}, 100 B"
        series = [(label, points) for label, points in found["memory"].get(name, {}).items() if len(points) > 2]
        if series:
            put(f"memory-{name}", title, svg.lines(title, "MB", series))
    return made


def report(folder: Path) -> Optional[Path]:
    """Writes the page with the plots beside it."""
    found = {name: content(name) for name in ("produce", "consume", "memory")}
    if not found["produce"] or not found["consume"]:
        print("nothing was measured: see what run.py says", file=sys.stderr)
        return None
    here = found["produce"]["machine"]
    lines = ["# Benchmarks", "", "<!-- Written by make bench. -->", ""]
    lines.append(f"`make bench` on {found['produce']['date']}, against {found['produce']['server']}.")
    lines.append(f"{here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, Python {here['python']}.")
    lines.append(
        "Numbers are of this machine and this run: look at the ratios. tests/bench/README.md says how they come about."
    )
    every = [row for name in ("produce", "consume") for work in found[name]["workloads"] for row in work["rows"]]
    absent = {row["row"]: row["problem"] for row in every if row["problem"]}
    absent.update({f"memory of {program}": why for program, why in found["memory"].get("left_out", {}).items()})
    lines += ["", "## Who is not here", ""]
    lines += [f"- {row}: {why}" for row, why in sorted(absent.items())] or ["All clients that were asked for are here."]
    lines += ["", "## Plots", ""]
    for title, name in plots(found, folder / "plots"):
        lines += [f"![{title}](plots/{name}.svg)", ""]
    lines += ["## What the machine and the server can do", "", "| | |", "|---|---:|"]
    for name, rate in found["memory"].get("limits", {}).items():
        lines.append(f"| {name} | {rate:,.0f} MB/s |")
    for name, verb in (("produce", "writes to"), ("consume", "reads from")):
        for row in rows(found[name], **FIRST):
            if kind(row["row"]) == "limit":
                lines.append(f"| {row['row']}: {verb} a bare socket, 100 B | {row['median']['rate']:,.0f} records/s |")
    for name in ("produce", "consume"):
        lines += ["", found[name]["text"].strip()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "benchmarks.md"
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    return path


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pieces", nargs="*", choices=[[], *PIECES], help="all, if none is named")
    parser.add_argument("--quick", action="store_true", help="a few minutes, fewer workloads")
    parser.add_argument("--out", type=Path, default=OUT / "report", help="the folder of the page")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    for piece in options.pieces or PIECES:
        if piece in ("produce", "consume"):
            benchmark(piece, options.quick)
        elif piece == "memory":
            memory(options.quick)
        else:
            path = report(options.out)
            if path is None:
                return 1
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
