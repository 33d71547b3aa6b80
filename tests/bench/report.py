"""What runs amount to: medians, spreads, ratios within one run of the benchmark, and the text that shows them."""

from __future__ import annotations

from statistics import median
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

import consume
import produce
from produce import CORE_LIMIT_NS, Goal
from programs import Result

__all__ = ["LEGENDS", "METRICS", "PERCENTILES", "Measured", "Result", "Section", "goal_rows", "goals_text"]

AnyRow = Union[produce.Row, consume.Row]
AnyWorkload = Union[produce.Workload, consume.Workload]

PERCENTILES = ("p10", "p25", "p50", "p75", "p90", "p99", "p999")


def of_latency(point: str) -> Callable[[Result], Optional[float]]:
    """A percentile of the latencies, in microseconds."""
    return lambda r: r["latency_us"] and r["latency_us"].get(point)


METRICS: Dict[str, Callable[[Result], Optional[float]]] = {
    "rate": lambda r: r["records"] / r["seconds"],
    "mb_per_s": lambda r: r["bytes"] / r["seconds"] / 1e6,
    "cpu_ns": lambda r: r["cpu_seconds"] / r["records"] * 1e9,
    "server_ns": lambda r: r["server_cpu_seconds"] and r["server_cpu_seconds"] / r["records"] * 1e9,
    "rss_mb": lambda r: r["max_rss_kb"] / 1024,
    **{point: of_latency(point) for point in PERCENTILES},
    "missing": lambda r: r.get("missing"),
}


class Measured:
    """What a row did, in all its runs."""

    def __init__(self, row: AnyRow, runs: Sequence[Result], problem: str = "") -> None:
        self.row = row
        self.runs = list(runs)
        self.problem = problem
        """Why there is no result."""

    def __getitem__(self, metric: str) -> Optional[float]:
        values = [METRICS[metric](run) for run in self.runs]
        return median(value for value in values if value is not None) if values and None not in values else None

    def spread(self, metric: str) -> float:
        """The distance of the best and the worst run, as a part of the median."""
        values = [METRICS[metric](run) or 0.0 for run in self.runs]
        return (max(values) - min(values)) / (median(values) or 1.0)

    def json(self) -> Dict[str, Any]:
        """For the file."""
        medians = {metric: self[metric] for metric in METRICS} if self.runs else None
        return {"row": self.row.label, "problem": self.problem or None, "median": medians, "runs": self.runs}


class Section:
    """A workload and what its rows did."""

    def __init__(self, workload: AnyWorkload, rows: Sequence[Measured]) -> None:
        self.workload = workload
        self.rows = list(rows)

    def find(self, label: str) -> Optional[Measured]:
        """The row of a label, if it has results."""
        return next((m for m in self.rows if m.row.label == label and m.runs), None)

    def ratio(self, measured: Measured, metric: str) -> Optional[float]:
        """A row's metric over that of the official client."""
        other = self.find(measured.row.official)
        mine, theirs = measured[metric], other and other[metric]
        return mine / theirs if mine and theirs else None

    def server_limit(self) -> Optional[float]:
        """Records per second that the server takes from a bare socket."""
        rates = [m["rate"] for m in self.rows if m.row.program == "raw" and m.runs]
        return max((rate for rate in rates if rate), default=None)

    def json(self) -> Dict[str, Any]:
        """For the file."""
        return {**self.workload.fields, "rows": [m.json() for m in self.rows]}

    def text(self) -> str:
        """As a table."""
        columns = COLUMNS[self.workload.mode]
        lines = [f"### {self.workload.title}", ""]
        lines.append("| | " + " | ".join(columns) + " |")
        lines.append("|---|" + "---:|" * len(columns))
        for measured in self.rows:
            if measured.runs:
                cells = [column(self, measured) for column in columns.values()]
                lines.append(f"| {measured.row.label} | " + " | ".join(cells) + " |")
        lines += [f"\n{m.row.label}: {m.problem}" for m in self.rows if m.problem]
        return "\n".join(lines) + "\n"


Column = Callable[[Section, Measured], str]


def number(value: Optional[float], form: str = "{:,.0f}") -> str:
    """A number, or nothing."""
    return "" if value is None else form.format(value)


def plain(metric: str, form: str = "{:,.0f}", scale: float = 1.0) -> Column:
    """A column of medians."""

    def cell(section: Section, measured: Measured) -> str:
        value = measured[metric]
        return number(value and value * scale, form)

    return cell


def versus(metric: str) -> Column:
    """A column of ratios to the official client."""
    return lambda section, measured: number(section.ratio(measured, metric), "{:.2f}")


def spread(metric: str) -> Column:
    """A column of spreads."""
    return lambda section, measured: f"{measured.spread(metric):.0%}"


def of_server_limit(section: Section, measured: Measured) -> str:
    """How near to what the server can take."""
    limit, rate = section.server_limit(), measured["rate"]
    return f"{rate / limit:.0%}" if limit and rate else ""


def over_core_limit(section: Section, measured: Measured) -> str:
    """How many times the CPU that the work itself needs."""
    limit, cpu = CORE_LIMIT_NS.get(section.workload.size), measured["cpu_ns"]
    if limit is None or cpu is None or section.workload.compression != "none" or measured.row.program == "raw":
        return ""
    return f"{cpu / limit:.1f}"


THROUGHPUT_COLUMNS: Dict[str, Column] = {
    "records/s": plain("rate"),
    "spread": spread("rate"),
    "MB/s": plain("mb_per_s"),
    "CPU ns": plain("cpu_ns"),
    "server ns": plain("server_ns"),
    "RSS MB": plain("rss_mb"),
    "p50 ms": plain("p50", "{:.1f}", 1e-3),
    "p99 ms": plain("p99", "{:.1f}", 1e-3),
    "records/s : official": versus("rate"),
    "CPU : official": versus("cpu_ns"),
    "of the server's limit": of_server_limit,
    "CPU : core limit": over_core_limit,
}
SINGLE_COLUMNS: Dict[str, Column] = {
    "p50 µs": plain("p50"),
    "p99 µs": plain("p99"),
    "spread of p50": spread("p50"),
    "CPU µs": plain("cpu_ns", "{:,.0f}", 1e-3),
    "RSS MB": plain("rss_mb"),
    "p50 : official": versus("p50"),
    "p99 : official": versus("p99"),
}

READ_COLUMNS: Dict[str, Column] = {
    "records/s": plain("rate"),
    "spread": spread("rate"),
    "MB/s": plain("mb_per_s"),
    "CPU ns": plain("cpu_ns"),
    "server ns": plain("server_ns"),
    "RSS MB": plain("rss_mb"),
    "not given": plain("missing"),
    "records/s : official": versus("rate"),
    "CPU : official": versus("cpu_ns"),
    "of the server's limit": of_server_limit,
}
COLUMNS = {
    "throughput": THROUGHPUT_COLUMNS,
    "latency": SINGLE_COLUMNS,
    "read": READ_COLUMNS,
    "follow": SINGLE_COLUMNS,
}

LEGENDS = {
    "produce": """\
Each number is the median of {repetitions} runs, taken in turns; spread is the distance of the best and the worst, as a
part of it. CPU is that of the client's process, user and system, per record; server ns that of the dev cluster. MB are
10^6 bytes of values. p50 and p99 run from the call that sends a record to its report. Ratios are to the official client
that does the same. Rows "raw" write a prepared request to a bare socket again and again: the server takes no more from
anybody. The core limit is what encoding, checking and writing alone cost (tests/bench/README.md).
""",
    "consume": """\
Each number is the median of {repetitions} runs, taken in turns; spread is the distance of the best and the worst, as a
part of it. CPU is that of the client's process, user and system, per record; server ns that of the dev cluster. MB are
10^6 bytes of values. "not given" are records that are stored and did not come, which official clients are known for: of
libfluvio's they are errors. p50 and p99 run from the call that sends a record, in another process, to its sight.
Ratios are to the official client that does the same. Rows "raw" read the same frames from a bare socket and do nothing
with them: the server gives no more to anybody.
""",
    "cost": """\
Each number is the median of {repetitions} runs, taken in turns; spread is the distance of the best and the worst, as a
part of it. CPU is that of the client's process, user and system, per record. "official" is the Go API, which does
the same; the topic that is read is stored in batches of 100 records. get is a call for each record of a batch, records
of C a callback for each.
""",
}


def goal_rows(goals: Sequence[Goal], sections: Sequence[Section]) -> List[Dict[str, Any]]:
    """What became of each goal that this run can tell about."""
    found = []
    for goal in goals:
        for section in sections:
            if not goal.applies(section.workload):
                continue
            best = max if goal.at_least is not None else min
            sides = []
            for labels in (goal.ours, goal.theirs):
                values = [m[goal.metric] for m in map(section.find, labels) if m is not None]
                sides.append(best((value for value in values if value is not None), default=None))
            ours, theirs = sides[0], sides[1] if goal.theirs else 1e6
            if ours is not None and theirs:
                ratio = ours / theirs
                bound = {"at_least": goal.at_least, "at_most": goal.at_most}
                found.append({"goal": goal.text, **bound, "ratio": ratio, "met": goal.met(ratio)})
    return found


def goals_text(rows: Sequence[Dict[str, Any]]) -> str:
    """The goals as a table."""
    lines = ["### Goals", "", "| ratios of medians of this run | wanted | found | |", "|---|---:|---:|---|"]
    for row in rows:
        wanted = f"≥ {row['at_least']:g}" if row["at_least"] is not None else f"≤ {row['at_most']:g}"
        lines.append(f"| {row['goal']} | {wanted} | {row['ratio']:.2f} | {'met' if row['met'] else 'missed'} |")
    return "\n".join(lines) + "\n" if rows else ""
