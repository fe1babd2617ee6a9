"""Whether something grows: a straight line through the samples of a long time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

HOUR_S = 3600.0


class Drift(NamedTuple):
    per_hour: float
    error: float  # one standard deviation of it

    def __str__(self) -> str:
        return f"{self.per_hour:+.2f} ± {self.error:.2f} an hour"


def drift(points: Sequence[tuple[float, float]], mean_over_s: float) -> Drift:
    """The slope of (seconds, value), by least squares through their means over `mean_over_s`.

    What is far from the line at one moment is far from it at the next, too: the error takes account of that, as if
    there were fewer points. Needs three of these means.
    """
    heaps: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        heaps.setdefault(int((at - points[0][0]) / mean_over_s), []).append((at / HOUR_S, value))
    means = [tuple(sum(each) / len(each) for each in zip(*heap, strict=True)) for heap in heaps.values()]
    number = len(means)
    assert number >= 3, "too short a time"
    middle, level = (sum(each) / number for each in zip(*means, strict=True))
    spread = sum((at - middle) ** 2 for at, _ in means)
    per_hour = sum((at - middle) * (value - level) for at, value in means) / spread
    off = [value - level - per_hour * (at - middle) for at, value in means]
    squares = sum(each**2 for each in off)
    alike = sum(one * next_ for one, next_ in pairwise(off)) / squares if squares else 0.0
    alike = min(0.9, max(0.0, alike))
    return Drift(per_hour, math.sqrt(squares / (number - 2) / spread * (1 + alike) / (1 - alike)))


def floor_rise(values: Sequence[int]) -> int:
    """How much higher the lowest of the last third is than that of the first: peaks come and go, a leak stays."""
    third = len(values) // 3
    return min(values[-third:]) - min(values[:third])
