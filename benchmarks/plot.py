"""Plots as SVG, drawn with plain text. They take their colours from the reader's light or dark mode."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH = 760
PARTS = 4  # of an axis
STYLE = """\
  <style>
    text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .muted { fill: #59636e; font-size: 12px; }
    .ours { fill: #0969da; } .peer { fill: #8c959f; }
    .line { stroke: #0969da; stroke-width: 2; fill: none; }
    .axis { stroke: #d1d9e0; stroke-width: 1; }
    .bound { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 5 4; }
    .bound-text { fill: #cf222e; font-size: 12px; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .muted { fill: #9198a1; }
      .ours { fill: #4493f8; } .peer { fill: #656c76; }
      .line { stroke: #4493f8; }
      .axis { stroke: #3d444d; }
      .bound { stroke: #f85149; } .bound-text { fill: #f85149; }
    }
  </style>"""


class Bar(NamedTuple):
    label: str
    value: float
    ours: bool


class Point(NamedTuple):
    label: str  # below the axis
    value: float


class Panel(NamedTuple):
    """A curve over a few sizes, from zero, with the most that is allowed."""

    title: str
    form: str
    points: Sequence[Point]
    bound: float | None
    bound_says: str


def bars(title: str, unit: str, each: Sequence[Bar]) -> str:
    """Horizontal bars from zero on one linear scale, each with its value."""
    left, right, top, step = 250, 80, 58, 34
    most = round_up(max(bar.value for bar in each))
    height = top + step * len(each) + 42
    scale = (WIDTH - left - right) / most
    parts = [_text(16, 28, title, "title")]
    for tick in range(PARTS + 1):
        value = most * tick / PARTS
        x = left + value * scale
        parts.append(_line(x, top - 10, x, height - 34))
        parts.append(_text(x, height - 16, f"{value:,.0f}", "muted", "middle"))
    parts.append(_text(left - 10, height - 16, unit, "muted", "end"))
    for number, bar in enumerate(each):
        y = top + step * number
        width = max(1.0, bar.value * scale)
        parts.append(_text(left - 10, y + 15, bar.label, anchor="end"))
        kind = "ours" if bar.ours else "peer"
        parts.append(f'  <rect x="{left}" y="{y}" width="{width:.1f}" height="20" rx="2" class="{kind}"/>')
        parts.append(_text(left + width + 8, y + 15, f"{bar.value:,.0f}"))
    return _svg(title, height, parts)


def panels(title: str, each: Sequence[Panel]) -> str:
    """Small plots side by side."""
    top, height, gap = 84, 320, 70
    width = (WIDTH - 70 - 30 - gap * (len(each) - 1)) / len(each)
    parts = [_text(16, 28, title, "title")]
    for number, panel in enumerate(each):
        parts += _panel(panel, 70 + number * (width + gap), top, width, height - top - 44)
    return _svg(title, height, parts)


def _panel(panel: Panel, left: float, top: float, width: float, depth: float) -> list[str]:
    most = round_up(max([point.value for point in panel.points] + [panel.bound or 0.0]) * 1.05)
    parts = [_text(left, top - 24, panel.title, "muted")]
    for tick in range(PARTS + 1):
        y = top + depth - depth * tick / PARTS
        parts.append(_line(left, y, left + width, y))
        parts.append(_text(left - 8, y + 4, format(most * tick / PARTS, panel.form), "muted", "end"))
    places = []
    for number, point in enumerate(panel.points):
        x = left + width * (number + 0.5) / len(panel.points)
        y = top + depth - depth * point.value / most
        places.append((x, y))
        parts.append(_text(x, top + depth + 20, point.label, "muted", "middle"))
    if panel.bound is not None:
        y = top + depth - depth * panel.bound / most
        parts.append(_line(left, y, left + width, y, "bound"))
        parts.append(_text(left + width, y - 6, panel.bound_says, "bound-text", "end"))
    parts.append(f'  <polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    for (x, y), point in zip(places, panel.points, strict=True):
        parts.append(f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="ours"/>')
        parts.append(_text(x, y + 22, format(point.value, panel.form), anchor="middle"))
    return parts


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}">'
    )
    return "\n".join([head, STYLE, *parts, "</svg>", ""])


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    shown = f' class="{kind}"' if kind else ""
    return f'  <text x="{x:.1f}" y="{y:.1f}"{shown} text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> str:
    return f'  <line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def round_up(value: float) -> float:
    """The next number whose quarters are easily read."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(value))
    return next(
        step * unit for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if ceil(value / unit * 1e6) <= step * 1e6
    )
