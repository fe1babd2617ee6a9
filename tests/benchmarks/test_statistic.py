from __future__ import annotations

import random
from math import inf

import pytest

from benchmarks.model import Goal
from benchmarks.statistic import median_within, next_within, reached, spread, student, values

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


def test_the_median_lies_between_two_of_the_values() -> None:
    # Of 5 values all are above the median in one of 32 cases; of 12, no more than two are below it in 79 of 4096.
    assert median_within([5, 1, 4, 2, 3], 0.95) == (1, 5)
    assert median_within(range(12), 0.95) == (2, 9)
    assert median_within([5, 1, 4, 2, 3], 0.97) == (-inf, inf)


def test_the_median_lies_there_as_often_as_is_said() -> None:
    chance = random.Random(1)
    missed = [0, 0]
    for _ in range(2_000):
        within = median_within([chance.lognormvariate(0, 1) for _ in range(20)], 0.95)
        missed[0] += within.low > 1
        missed[1] += within.high < 1
    assert all(0.01 < each / 2_000 < 0.05 for each in missed)  # 0.0207, as ranks are whole


@pytest.mark.parametrize(
    ("confidence", "degrees", "known"), [(0.95, 1, 6.314), (0.975, 10, 2.228), (0.999, 5, 5.893), (0.999, 30, 3.385)]
)
def test_students_t(confidence: float, degrees: int, known: float) -> None:
    assert student(confidence, degrees) == pytest.approx(known, abs=0.001)


def test_the_next_value_is_within_what_was_seen_and_some_more() -> None:
    low, high = next_within([9, 10, 11], 0.95)
    assert (low + high) / 2 == pytest.approx(10)
    assert high - 10 == pytest.approx(2.920 * (1 + 1 / 3) ** 0.5, abs=0.001)
    assert next_within([10], 0.95) == (-inf, inf)
