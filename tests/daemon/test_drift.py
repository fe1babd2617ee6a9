"""What the soak is judged by finds what it should find."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from engine.emulator.settings import parse
from tests.daemon.drift import drift, floor_rise
from tests.daemon.unrest import FAULTS, FLOOD, WARM_UP, plan


@pytest.mark.parametrize("per_hour", [0.0, 1.0, 40.0])
def test_a_slope_is_found_in_noise(per_hour: float) -> None:
    chance = Random(3)
    points = [(1e5 + at, 50 + per_hour * at / 3600 + chance.gauss(0, 0.3)) for at in range(0, 1500, 5)]
    found = drift(points, 60.0)
    assert 0 < found.error < 0.3
    assert abs(found.per_hour - per_hour) < 3 * found.error


def test_the_error_holds_for_noise_that_stays_for_a_while() -> None:
    outside = 0
    for seed in range(50):
        chance = Random(seed)
        levels = [chance.gauss(0, 1) for _ in range(20)]
        found = drift([(at, levels[at // 150]) for at in range(0, 3000, 5)], 60.0)
        outside += abs(found.per_hour) > 2 * found.error
    assert outside <= 8


def test_a_leak_raises_the_floor_and_peaks_do_not() -> None:
    peaks = [10, 90, 10, 12, 10, 300, 250, 10, 11]
    assert floor_rise(peaks) == 0
    assert floor_rise([value + at for at, value in enumerate(peaks)]) == 7


def test_a_plan_follows_from_its_seed_and_leaves_one_process_alone() -> None:
    (begins, ends), steps = plan(1, 3600.0)
    assert plan(1, 3600.0).steps == steps
    assert plan(2, 3600.0).steps != steps
    of_ending = [step.at_s for step in steps if step.what in {"kill", "restart"}]
    assert [at for at in of_ending if begins <= at < ends] == [begins]
    assert len(of_ending) > 20
    early = Counter(step.what for step in steps if begins <= step.at_s < begins + WARM_UP * 3600.0)
    assert set(FAULTS) <= set(early)
    assert early[FLOOD] >= 3
    for what in ("reload", "wrong reload"):
        assert [step for step in steps if step.what == what and begins <= step.at_s < ends], what


@pytest.mark.parametrize("fault", FAULTS)
def test_the_emulator_knows_every_fault(fault: str) -> None:
    assert parse({**FAULTS[fault], "record_arrivals": True})
