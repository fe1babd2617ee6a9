"""From the samples of several rounds to one number each."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.model import Goal, Round


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
