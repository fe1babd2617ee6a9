"""The quick gate: red when a ratio is worse than the passes on record and the rounds of this run explain."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from benchmarks.gate import Finding, Verdict, findings, ratios

from . import results

PASSES = {"of the peer's rate": [0.79, 0.80, 0.81, 0.80], "of the peer's CPU": [1.19, 1.2, 1.21, 1.2]}
AS_BEFORE = (80.0, 100.0, 12.0, 10.0)


def judged(*rounds: tuple[float, float, float, float], passes: dict[str, list[float]] = PASSES) -> dict[str, Finding]:
    return {each.goal.says: each for each in findings(results.BENCHMARK, results.result(*rounds).rounds, passes)}


def verdicts(*rounds: tuple[float, float, float, float]) -> list[Verdict]:
    return [finding.verdict for finding in judged(*rounds).values()]


def test_what_is_as_it_was_has_not_fallen() -> None:
    assert verdicts(*[AS_BEFORE] * 5) == [Verdict.AS_BEFORE, Verdict.AS_BEFORE]


def test_what_is_better_has_not_fallen() -> None:
    assert verdicts(*[(300, 100, 1, 10)] * 5) == [Verdict.AS_BEFORE, Verdict.AS_BEFORE]


def test_what_is_worse_has_fallen() -> None:
    assert verdicts(*[(60, 100, 12, 10)] * 5) == [Verdict.FALLEN, Verdict.AS_BEFORE]
    assert verdicts(*[(80, 100, 16, 10)] * 5) == [Verdict.AS_BEFORE, Verdict.FALLEN]


def test_rounds_that_disagree_decide_nothing() -> None:
    worse, better = (80, 100, 16, 10), AS_BEFORE
    assert verdicts(worse, worse, worse, worse, better)[1] is Verdict.UNDECIDED
    assert verdicts(*[worse] * 4, *[better] * 4)[1] is Verdict.UNDECIDED
    assert verdicts(*[worse] * 10, better)[1] is Verdict.FALLEN
    assert verdicts(worse, *[better] * 10)[1] is Verdict.AS_BEFORE


def test_too_few_rounds_decide_nothing() -> None:
    assert verdicts(*[AS_BEFORE] * 4) == [Verdict.UNDECIDED, Verdict.UNDECIDED]


def test_what_was_never_recorded_has_not_fallen() -> None:
    assert judged(*[AS_BEFORE] * 5, passes={})["of the peer's CPU"].verdict is Verdict.NEW


def test_the_bound_is_what_one_more_pass_would_keep_to() -> None:
    """As passes of the same code lie apart, so much is allowed: here by Student's t of three degrees, 10.2."""
    finding = judged(AS_BEFORE)["of the peer's CPU"]
    assert finding.recorded == pytest.approx(1.2)
    assert finding.bound == pytest.approx(1.2 * (1 + 10.21 * 0.0068 * (1 + 1 / 4) ** 0.5), rel=0.005)
    apart = {"of the peer's CPU": [1.1, 1.2, 1.3, 1.2]}
    assert judged(AS_BEFORE, passes=apart)["of the peer's CPU"].bound > 2


def test_passes_that_are_all_the_same_allow_what_does_not_matter() -> None:
    same = {"of the peer's CPU": [1.2] * 6, "of the peer's rate": [0.8] * 6}
    found = judged(AS_BEFORE, passes=same)
    assert found["of the peer's CPU"].bound == pytest.approx(1.2 * 1.01)
    assert found["of the peer's rate"].bound == pytest.approx(0.8 / 1.01)


def test_a_pass_is_the_median_of_its_rounds() -> None:
    rounds = results.result((80, 100, 12, 10), (10, 100, 99, 10), (81, 100, 11, 10)).rounds
    assert ratios(results.BENCHMARK, rounds) == {"of the peer's rate": 0.8, "of the peer's CPU": 1.2}


def _rounds(chance: random.Random, number: int, slower: float) -> Sequence[tuple[float, float, float, float]]:
    """Rounds of a machine where every fourth is disturbed, on either side."""

    def cost_us(usual: float) -> float:
        return usual * chance.lognormvariate(0, 0.03) * (1.5 if chance.random() < 0.25 else 1.0)

    return [(80, 100, cost_us(12) * slower, cost_us(10)) for _ in range(number)]


@pytest.mark.parametrize(("slower", "least", "most"), [(1.0, 0, 1), (1.15, 180, 200)])
def test_of_many_runs_few_are_wrong(slower: float, least: int, most: int) -> None:
    chance = random.Random(1)
    passes = {"of the peer's CPU": [_median(chance) for _ in range(12)]}
    red = 0
    for _ in range(200):
        found = judged(*_rounds(chance, 60, slower), passes=passes)
        red += found["of the peer's CPU"].verdict is Verdict.FALLEN
    assert least <= red <= most


def _median(chance: random.Random) -> float:
    return ratios(results.BENCHMARK, results.result(*_rounds(chance, 60, 1.0)).rounds)["of the peer's CPU"]


def test_how_far_beyond_the_bound_is_told_by_the_better_end() -> None:
    rate, cpu = judged(*[(20, 100, 48, 10), (40, 100, 24, 10)] * 5).values()
    assert rate.beyond == pytest.approx(rate.bound / 0.4)
    assert cpu.beyond == pytest.approx(2.4 / cpu.bound)
