"""The programs of the benchmarks do what they say, and the report shows it. No timings: machines of tests are busy."""

from __future__ import annotations

import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import consume  # noqa: E402
import cost  # noqa: E402
import profiles  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
from matrix.require import absent  # noqa: E402
from produce import EVERY, GOALS, OFFICIAL_NODE, RAW, SINGLE, Row, Workload, full, short  # noqa: E402
from programs import Bench, Failed, Unavailable, libfluvio, programs  # noqa: E402

COUNT = 2000
STORED = 100_000
"""Records of the topics that are read: several batches, whatever their size."""
THROUGHPUT = Workload((*RAW, *EVERY, *OFFICIAL_NODE))
LATENCY = Workload(SINGLE, mode="latency")
COMPRESSED = Workload(EVERY, compression="lz4", linger=5, partitions=3)
CASES = [(w, row) for w in (THROUGHPUT, LATENCY) for row in w.rows]
CASES += [(THROUGHPUT, row) for row in cost.SEND if row.group]
CASES += [(COMPRESSED, row) for row in EVERY if row.api == "send" and row.reports == "ignore"]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A dev cluster, and programs of which the Rust one is built for tests."""
    with libfluvio.DevCluster(spus=2) as cluster, libfluvio.connect(cluster.endpoint) as client:
        yield Bench(client, cluster.endpoint, cluster.pid, programs(release=False))
        assert not client.admin.topics()


@pytest.mark.parametrize("workload, row", CASES, ids=lambda case: getattr(case, "label", None) or case.title)
def test_a_program_sends_what_it_counts(bench: Bench, workload: Workload, row: Row) -> None:
    try:
        result = run.run_row(bench, workload, row, COUNT)  # fails unless all of it is stored
    except Unavailable as error:
        absent(row.program, error)
    records = result["records"]
    assert records == COUNT if row.program != "raw" else records > 0
    assert result["bytes"] == records * workload.size
    assert result["seconds"] > 0 and result["cpu_seconds"] > 0 and result["max_rss_kb"] > 1000
    latency = result["latency_us"]
    if workload.mode == "latency":
        assert latency["samples"] == COUNT
    if latency is not None:
        points = [latency[point] for point in (*report.PERCENTILES, "max")]
        assert points == sorted(points) and points[0] > 0
    takes = workload.mode == "throughput" and row.reports == "take"
    assert (latency is not None) == (takes or workload.mode == "latency")


def test_failures_are_errors_and_no_numbers(bench: Bench) -> None:
    wrong = [replace(row, api="nothing") for row in (Row("c"), Row("go"), Row("python"), Row("node"))]
    for row in wrong:
        with pytest.raises(Failed, match="api"):
            run.run_row(bench, THROUGHPUT, row, COUNT)
    section = run.measure(bench, replace(THROUGHPUT, rows=(wrong[0], Row("c", count=COUNT))), 1, 0.01)
    failed, good = section.rows
    assert failed.problem.startswith("FAILED") and not failed.runs
    assert not good.problem and good.runs[0]["records"] == COUNT
    assert "FAILED" in section.text() and "| c send 2,000 records |" in section.text()


def test_records_that_are_not_stored_are_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "stored", lambda self, topic: COUNT)  # without those of the warm-up
    with pytest.raises(Failed, match=f"sent 2200 records, {COUNT} are stored"):
        run.run_row(bench, THROUGHPUT, Row("c"), COUNT)


def made_up(rate: float, cpu_ns: float, p50: float) -> report.Result:
    """A result."""
    latency = {"samples": 1, "p50": p50, "p99": 2 * p50, "max": 3 * p50}
    return {
        "records": 1000,
        "warmup": 0,
        "bytes": 100_000,
        "seconds": 1000 / rate,
        "cpu_seconds": cpu_ns * 1e-6,
        "server_cpu_seconds": None,
        "max_rss_kb": 2048,
        "latency_us": latency,
    }


def test_medians_ratios_and_goals() -> None:
    ours, theirs = Row("c", official="rust send"), Row("rust")
    raw = Row("raw", "1 MiB batches")
    section = report.Section(
        Workload((raw, ours, theirs)),
        [
            report.Measured(raw, [made_up(4000, 10, 1)]),
            report.Measured(ours, [made_up(rate, 100, 5) for rate in (900, 2000, 1000)]),
            report.Measured(theirs, [made_up(100, 500, 10)]),
        ],
    )
    found = section.find("c send")
    assert found is not None and found["rate"] == pytest.approx(1000)
    assert found.spread("rate") == pytest.approx(1.1)
    assert section.ratio(found, "rate") == pytest.approx(10)
    assert section.ratio(found, "cpu_ns") == pytest.approx(0.2)
    assert report.of_server_limit(section, found) == "25%"
    goals = {goal["goal"]: goal["met"] for goal in report.goal_rows(GOALS, [section])}
    assert goals == {"C: records/s, 100 B": True, "C: CPU per record, 100 B": False}


def test_profiles_tell_the_application_from_the_library() -> None:
    samples = "7/7  55d0 main\n7/8  7f00 time.now\n7/8  7f00 time.now\n7/9  ffff do_syscall_64\n"
    lines = [line.split() for line in profiles.shares(samples).splitlines()]
    assert lines[:3] == [["75.0%", "library"], ["25.0%", "application"], ["50.0%", "library", "time.now"]]
    assert ["25.0%", "application", "main"] in lines and len(lines) == 5


def test_every_row_is_compared_with_one_beside_it() -> None:
    for workload in (*short(), *full(), *consume.short(), *consume.full(), *cost.full()):
        labels = [row.label for row in workload.rows]
        assert len(set(labels)) == len(labels)
        for row in workload.rows:
            assert not row.official or row.official in labels, (workload.title, row.label)


@pytest.mark.parametrize("benchmark", run.BENCHMARKS.values(), ids=run.BENCHMARKS)
def test_every_goal_is_looked_at(benchmark: Any) -> None:
    for goal in benchmark.GOALS:
        workloads = [w for w in benchmark.full() if goal.applies(w)]
        labels = {row.label for w in workloads for row in w.rows}
        assert labels.issuperset(goal.ours + goal.theirs), goal.text


READERS = [
    ("c", "callback"),
    ("c", "records"),
    ("c", "get"),
    ("go", "batches"),
    ("node", "batches"),
    ("node", "records"),
    ("python", "batches"),
    ("python", "records"),
    ("rust", "records"),
]
READ = consume.Workload((*consume.RAW, *consume.EVERY), stored=STORED)
FOLLOW = consume.Workload(consume.FOLLOWERS, mode="follow", stored=STORED)
SPREAD = consume.Workload(tuple(consume.Row(program, api) for program, api in READERS), partitions=3, stored=STORED)
READINGS = [(w, row) for w in (READ, FOLLOW, SPREAD) for row in w.rows]
READINGS += [(consume.Workload(cost.READ, stored=STORED, batch=cost.BATCH), row) for row in cost.READ]
READINGS += [(replace(READ, compression=codec), consume.C[0]) for codec in consume.CODECS[1:]]


@pytest.fixture(scope="module")
def reading() -> Iterator[Bench]:
    """A dev cluster of one SPU, which rows of the bare socket need, for consumers."""
    with libfluvio.DevCluster() as cluster, libfluvio.connect(cluster.endpoint) as client:
        bench = Bench(client, cluster.endpoint, cluster.pid, programs("consume", release=False))
        bench.control_url = cluster.control_url
        yield bench
        bench.rest()
        assert not client.admin.topics()


@pytest.mark.parametrize("workload, row", READINGS, ids=lambda case: getattr(case, "label", None) or case.title)
def test_a_program_reads_what_is_stored(
    reading: Bench, workload: consume.Workload, row: consume.Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consume, "BEFORE", 50)
    count = 50 if workload.mode == "follow" else COUNT
    try:
        result = run.run_row(reading, workload, row, count)  # fails unless each record came, once
    except Unavailable as error:
        absent(row.program, error)
    if workload.mode == "read":
        whole = row.group or row.api in ("batches", "callback", "poll", "get", "frames")
        assert result["records"] >= count if whole else result["records"] == count
    assert result["bytes"] == result["records"] * workload.size
    assert result["missing"] == 0 or row.loses
    assert result["seconds"] > 0 and result["cpu_seconds"] > 0 and result["max_rss_kb"] > 1000
    latency = result["latency_us"]
    assert (latency is not None) == (workload.mode == "follow")
    if latency is not None:
        assert 0 < latency["samples"] <= count and 0 < latency["p50"] <= latency["p99"] <= latency["max"]


@pytest.mark.parametrize("program, api", READERS)
def test_records_that_do_not_come_are_noticed(reading: Bench, program: str, api: str) -> None:
    workload = replace(SPREAD, size=101)
    stored = (workload.size, workload.compression, workload.partitions, workload.records, workload.batch)
    topic = reading.topic_with(stored)
    url = f"{reading.control_url}/v1/topics/{topic}/1/evict"
    urllib.request.urlopen(urllib.request.Request(url, b'{"before": 1000}', method="POST"), timeout=10).close()
    row = consume.Row(program, api)
    try:
        if row.loses:
            assert run.run_row(reading, workload, row, 3 * COUNT)["missing"] > 0
        else:
            with pytest.raises(Failed, match="did not give [0-9]+ records"):
                run.run_row(reading, workload, row, workload.most)
    except Unavailable as error:
        absent(row.program, error)
