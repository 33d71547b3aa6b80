"""What the C API costs: the same work by it and by the Go API, in batches of 100 and a call for each record."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Union

import consume
import produce
from produce import Goal

GROUP = 100
BATCH = 10_900
"""Bytes of a stored batch that has room for 100 records of 100 bytes."""

SEND = (
    produce.Row("go", "send_many", group=GROUP),
    produce.Row("c", "send_batch", official="go send_many of 100", group=GROUP),
    produce.Row("go"),
    produce.Row("c", official="go send"),
)
READ = (
    consume.Row("go", "batches"),
    consume.Row("c", "poll", official="go batches"),
    consume.Row("go", "poll", group=GROUP),
    consume.Row("c", "poll_many", official="go poll of 100", group=GROUP),
    consume.Row("go"),
    consume.Row("c", "get", official="go records"),
    consume.Row("c", official="go records"),
    consume.Row("go", "poll", group=1),
    consume.Row("c", "poll_many", official="go poll of 1", group=1),
)


def short() -> List[Union[produce.Workload, consume.Workload]]:
    """What ``make bench-cost`` does."""
    return [produce.Workload(SEND), consume.Workload(READ, batch=BATCH)]


def full() -> List[Union[produce.Workload, consume.Workload]]:
    """The same with larger records, too."""
    return [*short(), *(replace(workload, size=1000) for workload in short())]


def goals() -> List[Goal]:
    """Each row of C against that of Go: 20 % in batches, twice where each record is a call."""
    found = []
    for rows, where in ((SEND, "producing"), (READ, "consuming")):
        mode = "throughput" if rows is SEND else "read"
        for row in rows:
            if row.official:
                most = 2.0 if row.group != GROUP and row.api != "poll" else 1.2
                pair, at = ((row.label,), (row.official,)), {"mode": mode, "size": 100}
                title = f"{where}: {row.label} to {row.official}"
                found.append(Goal(f"{title}, CPU per record", "cpu_ns", *pair, at_most=most, where=at))
                found.append(Goal(f"{title}, records/s", "rate", *pair, at_least=1 / most, where=at))
    return found


GOALS = goals()
