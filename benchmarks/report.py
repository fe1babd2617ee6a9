"""What a run found, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.gate import Finding
from benchmarks.model import Benchmark, Figure, Goal, Round
from benchmarks.stage import Result
from benchmarks.statistic import reached, spread, values

VERDICT = {True: "met", False: "MISSED", None: "no goal"}


def table(result: Result, *, quick: bool = False) -> str:
    """Medians with their spread, and what became of the goals, which are for the full sizes."""
    benchmark, rounds = result.benchmark, result.rounds
    sides = [side.name for side in benchmark.sides if side.name in rounds[0]]
    lines = [["", *(figure.title for figure in benchmark.figures)]]
    lines += [[side, *(_cell(rounds, side, figure) for figure in benchmark.figures)] for side in sides]
    head = f"{benchmark.name}: {benchmark.says}; medians of {len(rounds)} rounds"
    if quick:
        return "\n".join([head, f"  quick: {benchmark.quick.says}", *_aligned(lines)])
    return "\n".join([head, *_aligned(lines), *_aligned(_verdicts(benchmark.goals, rounds)), ""])


def findings_table(findings: Sequence[Finding]) -> str:
    """Ratios beside those on record."""
    lines = [["ratio", "now", "within", "on record", "worst", ""]]
    for finding in findings:
        numbers = (finding.ratio, *finding.within, finding.recorded, finding.bound)
        ratio, low, high, recorded, bound = (format(number, ".4g") for number in numbers)
        lines.append([finding.goal.says, ratio, f"{low} to {high}", recorded, bound, finding.verdict.value])
    return "\n".join([*_aligned(lines), ""])


def _cell(rounds: Sequence[Round], side: str, figure: Figure) -> str:
    found = values(rounds, side, figure.key)
    if not found:
        return "-"
    middle = format(median(found), figure.form)
    return f"{middle} ±{spread(found):.0%}" if len(found) > 1 else middle


def _verdicts(goals: Sequence[Goal], rounds: Sequence[Round]) -> list[list[str]]:
    lines = []
    for goal in goals:
        if found := reached(goal, rounds):
            value = median(found)
            lines.append([goal.says, format(value, goal.form), _bound(goal), VERDICT[goal.met(value)]])
    return lines


def _bound(goal: Goal) -> str:
    if goal.bound is None:
        return ""
    return f"at {'least' if goal.figure.higher_is_better else 'most'} {format(goal.bound, goal.form)}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  " + "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]


def as_document(result: Result) -> dict[str, Any]:
    """The same for a JSON file, with the samples of every round."""
    benchmark: Benchmark = result.benchmark
    figures = [figure.key for figure in benchmark.figures]
    sides = {
        side: {
            key: {"median": median(found), "spread": spread(found), "values": found}
            for key in figures
            if (found := values(result.rounds, side, key))
        }
        for side in result.rounds[0]
    }
    goals = [
        {"goal": goal.says, "side": goal.side, "of": list(goal.of), "bound": goal.bound, "values": found,
         "value": median(found), "met": goal.met(median(found))}
        for goal in benchmark.goals
        if (found := reached(goal, result.rounds))
    ]  # fmt: skip
    return {"says": benchmark.says, "rounds": len(result.rounds), "sides": sides, "goals": goals}
