"""The report of everything: made-up results go in, a page with plots comes out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import consume  # noqa: E402
import produce  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402
import svg  # noqa: E402
import whole  # noqa: E402
from programs import Failed  # noqa: E402


def results(benchmark: Any, problem: str) -> Dict[str, Any]:
    """What run.py leaves, with a row that has a problem in each workload."""
    sections = []
    for workload in benchmark.short():
        measured = []
        for i, row in enumerate(workload.rows):
            latency = {point: 10.0 * (i + 1) * (n + 1) for n, point in enumerate((*report.PERCENTILES, "max"))}
            one = {"records": 1000, "warmup": 0, "bytes": 100_000, "seconds": 0.001 * (i + 1), "cpu_seconds": 0.001}
            one.update(server_cpu_seconds=None, max_rss_kb=2048, latency_us={"samples": 9, **latency}, missing=0)
            measured.append(report.Measured(row, [one]))
        measured[-1] = report.Measured(workload.rows[-1], [], problem)
        sections.append(report.Section(workload, measured).json())
    return {
        "machine": run.machine(),
        "date": "2026-01-01",
        "server": "nobody",
        "text": "## A table",
        "workloads": sections,
    }


def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "OUT", tmp_path)
    for name, benchmark in (("produce", produce), ("consume", consume)):
        (tmp_path / f"{name}.json").write_text(json.dumps(results(benchmark, "left out: no such thing here")))
    memory = {
        "limits": {"loopback TCP": 1234.0},
        "left_out": {"rust": "no cargo"},
        "produce": {"c send": [[0.1, 5], [1, 9], [2, 7]]},
    }
    (tmp_path / "memory.json").write_text(json.dumps(memory))
    path = whole.report(tmp_path / "page")
    assert path is not None
    page = path.read_text()
    assert "official-node send_flush: left out: no such thing here" in page and "memory of rust: no cargo" in page
    assert "| loopback TCP | 1,234 MB/s |" in page and "## A table" in page and "writes to a bare socket" in page
    named = {line.partition("](")[2][:-1] for line in page.splitlines() if line.startswith("![")}
    made = {str(each.relative_to(path.parent)) for each in path.parent.glob("plots/*.svg")}
    assert named == made and len(made) >= 10
    for each in path.parent.glob("plots/*.svg"):
        words = " ".join(ElementTree.parse(each).getroot().itertext())
        assert "memory" in each.name or "rust" in words, each


def test_a_report_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "OUT", tmp_path)
    assert whole.report(tmp_path / "page") is None


def test_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "OUT", tmp_path)
    monkeypatch.setattr(whole, "WATCHED", 0.3)
    monkeypatch.setattr(whole, "MEMORY", {"produce": "c send", "consume": "c callback"})
    monkeypatch.setattr(whole, "limits", dict)
    monkeypatch.setattr(consume, "STORED_BYTES", 10_000_000)
    monkeypatch.delenv("FLUVIO_ENDPOINT", raising=False)
    whole.memory(quick=False)
    found = json.loads((tmp_path / "memory.json").read_text())
    assert found["left_out"] == {}
    for points in (found["produce"]["c send"], found["consume"]["c callback"]):
        times, sizes = zip(*points)
        assert list(times) == sorted(times) and 0 < min(sizes) <= max(sizes) < 1000, points


def test_memory_of_a_program_that_fails() -> None:
    with pytest.raises(Failed, match="status 3: no such thing"):
        whole.watch([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"])


def test_results_of_another_run_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "OUT", tmp_path)
    monkeypatch.setattr(whole, "ROOT", tmp_path)  # where there is no program to leave others
    (tmp_path / "produce.json").write_text("{}")
    whole.benchmark("produce", quick=True)
    assert whole.content("produce") == {} and not (tmp_path / "produce.json").exists()


def test_whose_rows_are() -> None:
    labels = ["c send", "raw frames", "rust send", "official-node records", "python send_many"]
    assert [whole.kind(label) for label in labels] == ["libfluvio", "limit", "official", "official", "libfluvio"]


def test_quick_reports_are_of_workloads_that_exist() -> None:
    for name, only in whole.QUICK.items():
        benchmark = run.BENCHMARKS[name]
        found = run.chosen(run.arguments([name, "--only", only]))
        assert {workload.mode for workload in found} == {workload.mode for workload in benchmark.short()}
        labels = {row.label for workload in found for row in workload.rows}
        assert labels.issuperset(whole.MEMORY[name].split(","))


def test_numbers_are_short() -> None:
    assert [svg.short(n) for n in (0.5, 950, 1500, 2_340_000, 4e9)] == ["0.5", "950", "1.5 k", "2.34 M", "4 G"]
