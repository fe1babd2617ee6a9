"""From the samples of several rounds to one number each, and how sure of it one can be."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan, comb, cos, exp, inf, lgamma, pi, sqrt
from statistics import fmean, median, stdev
from typing import NamedTuple

from benchmarks.model import Goal, Round

STEPS = 200  # of an integral


class Interval(NamedTuple):
    low: float
    high: float


def spread(values: Sequence[float]) -> float:
    """How far apart values lie: half of their range, as a share of their median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / abs(middle) if middle else 0.0


def values(rounds: Sequence[Round], side: str, figure: str) -> list[float]:
    return [samples[side][figure] for samples in rounds if figure in samples.get(side, {})]


def reached(goal: Goal, rounds: Sequence[Round]) -> list[float]:
    """The value of a goal in every round that can tell."""
    found = []
    for samples in rounds:
        key = goal.figure.key
        if any(key not in samples.get(side, {}) for side in (goal.side, *goal.of)):
            continue
        best = (max if goal.figure.higher_is_better else min)((samples[side][key] for side in goal.of), default=1.0)
        found.append(samples[goal.side][key] / best)
    return found


def median_within(values: Sequence[float], confidence: float) -> Interval:
    """Between which of the values the true median lies: above the lower end, and below the higher, each with at least
    that confidence, whatever the values' distribution. Without end where there are too few to say."""
    ordered, doubt, below = sorted(values), 0.0, 0
    for rank in range(len(ordered)):  # P(no more than `rank` of them are below the median)
        doubt += comb(len(ordered), rank) / 2 ** len(ordered)
        if doubt > 1 - confidence:
            break
        below = rank + 1
    return Interval(ordered[below - 1], ordered[-below]) if below else Interval(-inf, inf)


def next_within(values: Sequence[float], confidence: float) -> Interval:
    """Between what the next value of the same kind lies, each end with that confidence (Student's prediction)."""
    if len(values) < 2:
        return Interval(-inf, inf)
    middle = fmean(values)
    room = student(confidence, len(values) - 1) * stdev(values) * sqrt(1 + 1 / len(values))
    return Interval(middle - room, middle + room)


def student(confidence: float, degrees: int) -> float:
    """What Student's t of so many degrees of freedom stays below with that probability, of at least a half."""
    low, high = 0.0, 1e4
    while high - low > 1e-6 * max(1.0, low):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_below(middle, degrees) < confidence else (low, middle)
    return high


def _student_below(t: float, degrees: int) -> float:
    """With t = sqrt(degrees) tan(angle) the density is a power of the cosine, which Simpson's rule integrates."""
    scale = exp(lgamma((degrees + 1) / 2) - lgamma(degrees / 2)) / sqrt(pi)
    step = atan(t / sqrt(degrees)) / STEPS
    weights = [1 if i in {0, STEPS} else 4 if i % 2 else 2 for i in range(STEPS + 1)]
    powers = [cos(i * step) ** (degrees - 1) for i in range(STEPS + 1)]
    return 0.5 + scale * sum(weight * power for weight, power in zip(weights, powers, strict=True)) * step / 3
