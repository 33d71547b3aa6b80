"""The readable report of the matrix."""

from __future__ import annotations

import platform
from collections import Counter
from typing import Any, Dict, Iterable, List, Optional, Tuple

from .cases import CASES, VIEWS
from .clients import BUILD, CLI, CLIENTS, LEFT_OUT, OLD_PYTHON, PLATFORMS
from .matrix import Matrix

FILE = BUILD / "interop-matrix.md"

TITLES = {
    "agree": "Records: who writes (down) and who reads (across)",
    "views": f"Who writes (down) and who reads (across) in other ways: {', '.join(view.name for view in VIEWS)}",
    "admin": "Topics, keys, codecs, isolation: each client (down)",
    "offsets": "Consumer offsets: who stores (down) and who resumes (across)",
    "objects": "Objects of the SC: each client (down) makes them, is refused, and sees what others made",
    **{
        f"platform {version}": f"Platform {version}: who writes, stores offsets (down), and who reads, resumes (across)"
        for version in PLATFORMS
    },
    "recorder": "Sessions that the recorder wrote down and played back to the same client",
}


class Report:
    """Counts outcomes of tests by table, row and column."""

    def __init__(self) -> None:
        self._matrices: List[Matrix] = []
        self._cells: Dict[str, Dict[Tuple[str, str], Counter[str]]] = {}

    @property
    def filled(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._cells)

    def begin(self, matrix: Matrix) -> None:
        """Takes a matrix that the tests look at."""
        self._matrices.append(matrix)

    def note(self, report: Any, table: str, row: str, column: str) -> None:
        """Takes the report of one phase of one test."""
        if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
            cells = self._cells.setdefault(table, {})
            cells.setdefault((row, column), Counter())[report.outcome] += 1

    def text(self) -> str:
        """All of it, as Markdown."""
        lines = ["# Interop matrix", "", *self._summary(), ""]
        for name, title in TITLES.items():
            if name in self._cells:
                lines += [f"## {title}", "", *table(self._cells[name]), ""]
        lines += ["## Left out", "", *self._left_out(), ""]
        return "\n".join(lines)

    def _summary(self) -> List[str]:
        large = max(len(record.value) for record in CASES[0].records)
        clusters = [matrix.cluster for matrix in self._matrices if matrix.cluster not in PLATFORMS]
        return [
            f"Cluster: {', '.join(clusters) or 'none'}. Machine: {platform.system()} {platform.machine()}.",
            f"Cases, for each writer a topic: {', '.join(case.name for case in CASES)}.",
            f"The codecs' cases have {len(CASES[0].records)} records: keyed, with no key, an empty key, an empty "
            f"value, binary bytes, {large // 1024} KB. Agreed means: every byte, offset, partition and timestamp.",
        ]

    def _left_out(self) -> Iterable[str]:
        missing = {slug: why for matrix in self._matrices for slug, why in matrix.missing.items()}
        clients = (*CLIENTS, OLD_PYTHON, CLI)
        for client in clients:
            if client.slug in missing:
                yield f"- **{client.name} was not run**: {missing[client.slug]}"
        for flag, text in LEFT_OUT.items():
            names = [each.name for each in clients if each.slug not in missing and not getattr(each, flag)]
            if names:
                yield f"- {', '.join(names)}: {text}"


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
