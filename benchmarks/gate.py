"""Holds the ratios of ``--quick`` against those that were recorded: machines differ, ratios of two sides hardly do.

A ratio has fallen when it is worse than the recorded one by more than passes of the same code differ among themselves.
Here it is that of the sides' best rounds, since a neighbour only ever takes: the more rounds, the less of him is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

import orjson

from benchmarks.model import Benchmark, Goal, as_json
from benchmarks.stage import Result
from benchmarks.statistic import values

RECORDED = Path(__file__).with_name("recorded.json")
MANY = 5  # passes

Record: TypeAlias = Mapping[str, Mapping[str, Mapping[str, float]]]
"""benchmark -> goal -> {"ratio", "spread"}; the spread is a share of the ratio."""


@dataclass(frozen=True, slots=True)
class Fallen:
    benchmark: str
    says: str
    value: float
    bound: float

    def __str__(self) -> str:
        return f"{self.benchmark}: {self.says}: {self.value:.3f}, where {self.bound:.3f} is the worst to be expected"


def watched(benchmark: Benchmark) -> list[Goal]:
    return [goal for goal in benchmark.goals if goal.of and goal.leeway is not None]


def ratios(result: Result) -> dict[str, float]:
    """Of the best rounds, by goal; none where a side did not run."""
    found = {}
    for goal in watched(result.benchmark):
        best = max if goal.figure.higher_is_better else min
        sides = {side: values(result.rounds, side, goal.figure.key) for side in (goal.side, *goal.of)}
        if all(sides.values()):
            found[goal.says] = best(sides[goal.side]) / best(best(sides[side]) for side in goal.of)
    return found


def fallen(result: Result, record: Record) -> list[Fallen]:
    """What is worse than it was. A ratio that was never recorded has not fallen."""
    known = record.get(result.benchmark.name, {})
    now = ratios(result)
    worse = []
    for goal in watched(result.benchmark):
        if goal.says not in known or goal.says not in now:
            continue
        ratio, spread = known[goal.says]["ratio"], known[goal.says]["spread"]
        higher = goal.figure.higher_is_better
        bound = ratio / (1 + spread) if higher else ratio * (1 + spread)
        value = now[goal.says]
        if value < bound if higher else value > bound:
            worse.append(Fallen(result.benchmark.name, goal.says, value, bound))
    return worse


def record_of(passes: Sequence[Result]) -> dict[str, dict[str, float]]:
    """What several passes of the same benchmark, with the same code, say of its ratios.

    Of many passes the two at the ends are left out: what has fallen is looked at more than once.
    """
    found = [ratios(result) for result in passes]
    record = {}
    for goal in watched(passes[0].benchmark):
        if goal.says not in found[0]:
            continue
        each = sorted(ratios_[goal.says] for ratios_ in found)
        middle = median(each)
        usual = each[1:-1] if len(each) >= MANY else each
        apart = usual[-1] / usual[0] - 1
        record[goal.says] = {"ratio": round(middle, 4), "spread": round(max(goal.leeway or 0.0, apart), 4)}
    return record


def read(path: Path = RECORDED) -> Record:
    if not path.exists():
        return {}
    record: Record = orjson.loads(path.read_bytes())
    return record


def write(record: Record, path: Path = RECORDED) -> None:
    path.write_bytes(as_json(record))
