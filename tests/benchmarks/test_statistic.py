from __future__ import annotations

import pytest

from benchmarks.model import Goal
from benchmarks.statistic import reached, spread, values

from . import results

OF_RATE, OF_CPU, OF_BEST, CPU_US = results.BENCHMARK.goals


def test_spread_is_half_the_range_as_a_share_of_the_median() -> None:
    assert spread([90, 100, 120]) == pytest.approx(0.15)
    assert spread([7]) == 0
    assert spread([0, 0, 1]) == 0  # of a median of nothing, nothing can be said


def test_a_ratio_is_taken_within_each_round() -> None:
    rounds = results.result((50, 100, 4, 2), (90, 90, 9, 3)).rounds
    assert reached(OF_RATE, rounds) == [0.5, 1.0]
    assert reached(OF_CPU, rounds) == [2.0, 3.0]
    assert reached(CPU_US, rounds) == [4, 9]


def test_the_best_of_several_peers_counts() -> None:
    rounds = [{"ours": {"rate": 60.0}, "peer": {"rate": 20.0}, "other": {"rate": 30.0}}]
    assert reached(OF_BEST, rounds) == [2.0]
    cheap = [{"ours": {"cpu": 6.0}, "peer": {"cpu": 2.0}}]
    assert reached(OF_CPU, cheap) == [3.0]


def test_a_side_that_did_not_run_makes_no_ratio() -> None:
    assert reached(OF_BEST, results.result((1, 1, 1, 1)).rounds) == []
    assert values(results.result((1, 1, 1, 1)).rounds, "other", "rate") == []


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [(OF_RATE, 0.8, True), (OF_RATE, 0.79, False), (OF_CPU, 1.25, True), (OF_CPU, 1.26, False), (OF_BEST, 9, None)],
)
def test_a_goal_is_a_least_or_a_most(goal: Goal, value: float, met: bool | None) -> None:
    assert goal.met(value) is met
