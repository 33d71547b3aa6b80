"""Plots as SVG: bars, ranges of latencies, and lines over time. No library draws them, as no more is needed."""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10
from typing import Any, Dict, List, Sequence, Tuple

COLOURS = {"libfluvio": "#2563eb", "official": "#ea7317", "limit": "#9ca3af"}
NAMES = {"libfluvio": "libfluvio", "official": "official client", "limit": "bare socket"}
SHADES = ("#2563eb", "#0d9488", "#7c3aed", "#0ea5e9", "#ea7317", "#dc2626", "#a16207")
"""Of lines, one for each."""
WIDTH, LEFT, RIGHT, TOP, ROW = 760, 190, 70, 44, 24


def short(value: float) -> str:
    """A number as people say it: 1.2 M, 340 k."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def page(title: str, height: float, body: Sequence[str]) -> str:
    """The whole picture, on white, so that it can be read on dark pages, too."""
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#111827"'
    size = f'width="{WIDTH}" height="{height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH} {height:.0f}" {style}>'
    back = f'<rect {size} fill="#ffffff"/>'
    return "\n".join([head, back, text(12, 20, title, 'font-size="14" font-weight="600"'), *body, "</svg>", ""])


def legend(rows: Sequence[Tuple[str, str, Any]], y: float) -> List[str]:
    """Which colour is whose."""
    body = []
    for i, kind in enumerate(kind for kind in COLOURS if any(kind == row[1] for row in rows)):
        x = LEFT + i * 130
        body.append(f'<rect x="{x}" y="{y - 10:.1f}" width="12" height="12" fill="{COLOURS[kind]}"/>')
        body.append(text(x + 18, y, NAMES[kind]))
    return body


def bars(title: str, rows: Sequence[Tuple[str, str, float]]) -> str:
    """Bars of (label, kind, value)."""
    most = max(value for _, _, value in rows)
    scale = (WIDTH - LEFT - RIGHT) / most
    body = []
    for i, (label, kind, value) in enumerate(rows):
        y = TOP + i * ROW
        body.append(text(LEFT - 8, y + 13, label, 'text-anchor="end"'))
        size = f'width="{max(value * scale, 1):.1f}" height="{ROW - 7}"'
        body.append(f'<rect x="{LEFT}" y="{y}" {size} fill="{COLOURS[kind]}"/>')
        body.append(text(LEFT + value * scale + 6, y + 13, short(value)))
    bottom = TOP + len(rows) * ROW + 14
    return page(title, bottom + 12, [*body, *legend(rows, bottom)])


def ranges(title: str, rows: Sequence[Tuple[str, str, Dict[str, float]]]) -> str:
    """Latencies of (label, kind, percentiles in µs) on a logarithmic axis: p10 to p999, p25 to p75, p50."""
    low = max(floor(log10(min(points["p10"] for _, _, points in rows))), 0)
    high = ceil(log10(max(points["p999"] for _, _, points in rows)))
    bottom = TOP + len(rows) * ROW

    def place(value: float) -> float:
        return LEFT + (log10(max(value, 1)) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    body = []
    for power in range(low, high + 1):
        x = place(10**power)
        body.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="#e5e7eb"/>')
        name = f"{10 ** (power % 3)} {('µs', 'ms', 's', 'ks')[power // 3]}"
        body.append(text(x, bottom + 14, name, 'text-anchor="middle"'))
    for i, (label, kind, points) in enumerate(rows):
        y, colour = TOP + i * ROW + 8, COLOURS[kind]
        body.append(text(LEFT - 8, y + 4, label, 'text-anchor="end"'))
        for first, last, width in (("p10", "p999", 2), ("p25", "p75", 8)):
            ends = f'x1="{place(points[first]):.1f}" x2="{max(place(points[last]), place(points[first]) + 1):.1f}"'
            body.append(f'<line {ends} y1="{y}" y2="{y}" stroke="{colour}" stroke-width="{width}"/>')
        at = f'cx="{place(points["p50"]):.1f}" cy="{y}"'
        body.append(f'<circle {at} r="5" fill="#ffffff" stroke="{colour}" stroke-width="2"/>')
    return page(title, bottom + 46, [*body, *legend(rows, bottom + 36)])


def lines(title: str, unit: str, series: Sequence[Tuple[str, Sequence[Tuple[float, float]]]]) -> str:
    """Lines of (label, [(seconds, value), ...])."""
    longest = max(points[-1][0] for _, points in series)
    most = max(value for _, points in series for _, value in points)
    left, bottom, height = 60, 300, 300 - TOP
    width = WIDTH - left - 200
    body = []
    for part in range(5):
        y = bottom - part / 4 * height
        body.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        body.append(text(left - 6, y + 4, short(most * part / 4), 'text-anchor="end"'))
        body.append(text(left + part / 4 * width, bottom + 16, f"{longest * part / 4:.1f} s", 'text-anchor="middle"'))
    body.append(text(left, TOP - 8, unit))
    for i, (label, points) in enumerate(series):
        path = " ".join(f"{left + x / longest * width:.1f},{bottom - y / most * height:.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{SHADES[i % len(SHADES)]}" stroke-width="2"/>')
        y = TOP + i * 20
        body.append(f'<rect x="{left + width + 16}" y="{y}" width="12" height="12" fill="{SHADES[i % len(SHADES)]}"/>')
        body.append(text(left + width + 34, y + 10, label))
    return page(title, bottom + 30, body)
