"""Holds the ratios of ``--quick`` to those on record: machines and hours differ, ratios of two sides hardly do.

No threshold is set by hand. Two spreads are measured, and a ratio has fallen only if it is worse than both explain:

- From hour to hour, and with and without a neighbour: how far apart the passes on record are, all of the same code. By
  Student's prediction interval of their logarithms, one more pass of that code is worse than the bound in one of
  a thousand.
- Within the run: every short round gives a ratio, and by order statistics the true median of the rounds lies in an
  interval. If even its better end is worse than the bound, that is no chance of these rounds. If only its worse end is,
  nothing can be said yet, and more rounds are measured; as they are before anything is called fallen.

A ratio that always comes out the same would be held to the last digit. `WORTH` is the least change that matters.

On a machine unlike those on record, as after an update of a library, the bound holds within `ELSEWHERE` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import exp, log, log1p
from statistics import median
from typing import TypeAlias

from benchmarks.model import Benchmark, Goal, Round
from benchmarks.statistic import Interval, median_within, next_within, reached

OF_PASSES = 0.999  # of the same code are within the bound
OF_ROUNDS = 0.95  # confidence in each end of where their median lies
WORTH = 0.01
ELSEWHERE = 1.5

Passes: TypeAlias = Mapping[str, Sequence[float]]
"""Goal -> its ratio in every pass on record."""


class Verdict(Enum):
    AS_BEFORE = "as before"
    UNDECIDED = "undecided"
    FALLEN = "FALLEN"
    NEW = "not on record"


@dataclass(frozen=True, slots=True)
class Finding:
    benchmark: str
    goal: Goal
    ratio: float
    within: Interval
    recorded: float
    bound: float  # the worst that the same code is to be expected to reach
    verdict: Verdict

    @property
    def beyond(self) -> float:
        """How many times as bad as the bound even the better end of the interval is; below 1 it is none the worse."""
        if self.goal.figure.higher_is_better:
            return self.bound / self.within.high
        return self.within.low / self.bound


def held(benchmark: Benchmark) -> list[Goal]:
    """The ratios that are compared, of sides that ``--quick`` runs."""
    sides = {side.name for side in benchmark.sides if side.in_quick}
    return [goal for goal in benchmark.goals if goal.of and goal.held and sides.issuperset((goal.side, *goal.of))]


def findings(benchmark: Benchmark, rounds: Sequence[Round], passes: Passes) -> list[Finding]:
    return [
        _finding(benchmark.name, goal, reached(goal, rounds), passes.get(goal.says, ())) for goal in held(benchmark)
    ]


def ratios(benchmark: Benchmark, rounds: Sequence[Round]) -> dict[str, float]:
    """What a pass puts on record."""
    return {goal.says: median(reached(goal, rounds)) for goal in held(benchmark)}


def _finding(benchmark: str, goal: Goal, each: Sequence[float], passes: Sequence[float]) -> Finding:
    ratio, within = median(each), median_within(each, OF_ROUNDS)
    if not passes:
        return Finding(benchmark, goal, ratio, within, ratio, ratio, Verdict.NEW)
    recorded, bound = median(passes), _bound(goal, passes)
    better, worse = (within.high, within.low) if goal.figure.higher_is_better else (within.low, within.high)
    if not _worse(goal, worse, bound):
        verdict = Verdict.AS_BEFORE
    else:
        verdict = Verdict.FALLEN if _worse(goal, better, bound) else Verdict.UNDECIDED
    return Finding(benchmark, goal, ratio, within, recorded, bound, verdict)


def _bound(goal: Goal, passes: Sequence[float]) -> float:
    recorded, expected = log(median(passes)), next_within([log(ratio) for ratio in passes], OF_PASSES)
    if goal.figure.higher_is_better:
        return exp(min(expected.low, recorded - log1p(WORTH)))
    return exp(max(expected.high, recorded + log1p(WORTH)))


def _worse(goal: Goal, ratio: float, bound: float) -> bool:
    return ratio < bound if goal.figure.higher_is_better else ratio > bound
