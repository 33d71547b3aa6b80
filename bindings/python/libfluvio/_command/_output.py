"""What the command prints: tables and JSON to stdout, progress and failures to stderr."""

from __future__ import annotations

import base64
import dataclasses
import json
import sys
import time
from typing import Any, Dict, Iterable, List, Optional, Sequence

from .._errors import FluvioError

INTERVAL = 0.2
"""Seconds between two lines of progress."""


def plain(value: object) -> Any:
    """A value with JSON's types; what is not UTF-8 becomes ``{"base64": ...}``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def print_json(value: object) -> None:
    """One line of JSON."""
    print(json.dumps(plain(value), ensure_ascii=False))


def table(rows: Iterable[Sequence[object]], head: Sequence[str]) -> None:
    """Columns as wide as they need to be; numbers to the right."""
    cells = [list(head)] + [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    for number, line in enumerate(cells):
        right = number and [cell.lstrip("-").isdigit() for cell in line]
        padded = [
            cell.rjust(width) if right and right[at] else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths))
        ]
        print("  ".join(padded).rstrip())


def rows(objects: Sequence[object], columns: Sequence[str], as_json: bool) -> None:
    """Objects as a table of some of their attributes, or as lines of JSON with all of them."""
    if as_json:
        for each in objects:
            print_json(each)
        return
    table([[getattr(each, column) for column in columns] for each in objects], [name.upper() for name in columns])


def fail(error: Exception, code: int, as_json: bool) -> int:
    """Says what failed, and gives the exit code."""
    if as_json and isinstance(error, FluvioError):
        told: Dict[str, object] = {"error": error.name, "message": str(error), "details": error.details}
        print(json.dumps(told), file=sys.stderr)
    else:
        print(f"libfluvio: {error}", file=sys.stderr)
    return code


def quantity(number: float) -> str:
    """Bytes for people."""
    power = 0
    while number >= 999.95 and power < 4:
        number, power = number / 1000, power + 1
    return f"{number:.1f} {'KMGT'[power - 1]}B" if power else f"{number:.0f} B"


class Progress:
    """Counts, and shows the rates of long work on stderr when that is a terminal. ``total`` records, if known, make a
    bar."""

    def __init__(self, what: str, total: Optional[int] = None, show: bool = True) -> None:
        self.records = 0
        self.bytes = 0
        self._what = what
        self._total = total
        self._show = show and sys.stderr.isatty()
        self._begin = self._next = time.monotonic()
        self._shown = False

    def add(self, records: int, size: int) -> None:
        """So much more is done."""
        self.records += records
        self.bytes += size
        if self._show and time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL
            self._shown = True
            print(f"\r{self.line()}\x1b[K", end="", file=sys.stderr, flush=True)

    def line(self) -> str:
        """What is done, and how fast."""
        seconds = max(time.monotonic() - self._begin, 1e-9)
        bar = ""
        if self._total:
            part = min(self.records / self._total, 1)
            bar = f" [{'#' * int(20 * part):20}] {part:4.0%}"
        rates = f"{self.records / seconds:,.0f} records/s, {quantity(self.bytes / seconds)}/s"
        return f"{self._what}{bar} {self.records:,} records, {quantity(self.bytes)}, {rates}"

    def end(self) -> Dict[str, object]:
        """Takes the line away; the counts."""
        seconds = time.monotonic() - self._begin
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        return {
            "records": self.records,
            "bytes": self.bytes,
            "seconds": round(seconds, 6),
            "records_per_second": round(self.records / max(seconds, 1e-9)),
        }


def summary(progress: Progress, as_json: bool, **more: object) -> None:
    """The last word on long work: JSON on stdout, or a line on stderr."""
    line, counts = progress.line(), progress.end()
    if as_json:
        print_json({**counts, **more})
    else:
        print(line, file=sys.stderr)


ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", "0": b"\0", "\\": b"\\"}
FIELDS = "tpoTkKvV%"


def parse_format(text: str) -> List[object]:
    """A format as its parts: bytes as they are, and letters of fields.

    Raises:
        ValueError: a letter stands for no field.
    """
    parts: List[object] = []
    at = 0
    while at < len(text):
        two = text[at : at + 2]
        if two[0] == "%":
            if len(two) < 2 or two[1] not in FIELDS:
                raise ValueError(f"{two} is no field: write %t %p %o %T %k %K %v %V or %%")
            parts.append(b"%" if two == "%%" else two[1])
        elif two[0] == "\\" and two[1:] in ESCAPES:
            parts.append(ESCAPES[two[1]])
        else:
            parts.append(two[0].encode())
            at += 1
            continue
        at += 2
    return parts
