"""The readable report of the matrix."""

from __future__ import annotations

import platform
from collections import Counter
from typing import Any, Dict, Iterable, List, Optional, Tuple

from .cases import CASES, PARTITIONS
from .clients import BUILD, CLIENTS, LEFT_OUT
from .matrix import Matrix

FILE = BUILD / "interop-matrix.md"

ORDER = ["agree", "admin", "offsets"]
TITLES = {
    "agree": "Records: who writes (down) and who reads (across)",
    "admin": "Topics and keys: each client (down)",
    "offsets": "Consumer offsets: who stores (down) and who resumes (across)",
}


class Report:
    """Counts outcomes of tests by table, row and column."""

    def __init__(self) -> None:
        self._matrix: Optional[Matrix] = None
        self._cells: Dict[str, Dict[Tuple[str, str], Counter[str]]] = {}

    @property
    def filled(self) -> bool:
        """Whether the matrix was run."""
        return self._matrix is not None

    def begin(self, matrix: Matrix) -> None:
        """Takes the matrix that the tests look at."""
        self._matrix = matrix

    def note(self, report: Any, table: str, row: str, column: str) -> None:
        """Takes the report of one phase of one test."""
        if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
            cells = self._cells.setdefault(table, {})
            cells.setdefault((row, column), Counter())[report.outcome] += 1

    def text(self) -> str:
        """All of it, as Markdown."""
        assert self._matrix is not None
        lines = ["# Interop matrix", "", *self._summary(), ""]
        for name in ORDER:
            if name in self._cells:
                lines += [f"## {TITLES[name]}", "", *table(self._cells[name]), ""]
        lines += ["## Left out", "", *self._left_out(), ""]
        return "\n".join(lines)

    def _summary(self) -> List[str]:
        assert self._matrix is not None
        large = max(len(record.value) for record in CASES[0].records)
        return [
            f"Cluster: {self._matrix.cluster}. Machine: {platform.system()} {platform.machine()}.",
            f"Cases, for each writer a topic of {PARTITIONS} partitions: {', '.join(case.name for case in CASES)}.",
            f"The codecs' cases have {len(CASES[0].records)} records: keyed, with no key, an empty key, an empty "
            f"value, binary bytes, {large // 1024} KB. Agreed means: every byte, offset, partition and timestamp.",
        ]

    def _left_out(self) -> Iterable[str]:
        assert self._matrix is not None
        for client in CLIENTS:
            if client.slug in self._matrix.missing:
                yield f"- **{client.name} was not run**: {self._matrix.missing[client.slug]}"
                continue
            for flag, text in LEFT_OUT.items():
                if not getattr(client, flag):
                    yield f"- {client.name}: {text}"


def table(cells: Dict[Tuple[str, str], "Counter[str]"]) -> List[str]:
    """Rows and columns in the order they came, as lines of Markdown."""
    rows, columns = list(dict.fromkeys(row for row, _ in cells)), list(dict.fromkeys(column for _, column in cells))
    grid = [["", *columns], *([row, *(cell(cells.get((row, column))) for column in columns)] for row in rows)]
    widths = [max(len(line[i]) for line in grid) for i in range(len(columns) + 1)]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |" for line in grid]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def cell(outcomes: Optional["Counter[str]"]) -> str:
    """What one cell says."""
    if not outcomes:
        return "-"
    ran = outcomes["passed"] + outcomes["failed"]
    if not ran:
        return "not run"
    if outcomes["failed"]:
        return f"**{outcomes['failed']} of {ran} FAILED**"
    return "agreed" if ran == 1 else f"{ran} agreed"
