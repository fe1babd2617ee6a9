"""The rate over a long time and over any second, in a loop whose clock is made up and whose timers are late."""

from __future__ import annotations

import asyncio
import time
from random import Random
from selectors import DefaultSelector, SelectorKey

import pytest

from engine.pace import Pace
from engine.permits import CHUNK_S, LATE_S, Permits

TURN_S = 0.00002  # that a turn of a loop takes which has nothing to wait for


class Waiting(DefaultSelector):
    """Nothing ever comes, and waiting takes no time but on the loop's clock."""

    now = 0.0
    turns = 0

    def __init__(self, late_s: float) -> None:
        super().__init__()
        self._chance = Random(4711)
        self._late_s = late_s

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        assert timeout is not None, "for ever"
        self.turns += 1
        self.now += timeout + self._chance.uniform(0, self._late_s) if timeout > 0 else TURN_S
        return []


class MadeUp(asyncio.SelectorEventLoop):
    def __init__(self, late_s: float) -> None:
        self.waiting = Waiting(late_s)
        super().__init__(self.waiting)

    def time(self) -> float:
        return self.waiting.now


def permitted(
    rate: float, late_s: float, for_s: float, monkeypatch: pytest.MonkeyPatch, loop: MadeUp | None = None
) -> list[float]:
    """When each of the permits came that were asked for without a pause."""
    loop = loop or MadeUp(late_s)
    monkeypatch.setattr(time, "perf_counter", loop.time)

    async def take() -> list[float]:
        permits, came = Permits(Pace(rate, rate)), list[float]()
        while loop.time() < for_s:
            while not permits.take():
                await permits.buy()
            came.append(loop.time())
        return came

    try:
        return loop.run_until_complete(take())
    finally:
        loop.close()


def most(came: list[float], within_s: float) -> int:
    """In any such time."""
    found = first = 0
    for last, at in enumerate(came):
        while came[first] <= at - within_s:
            first += 1
        found = max(found, last - first + 1)
    return found


@pytest.mark.parametrize("late_s", [0.0, 0.001])
@pytest.mark.parametrize("rate", [1, 2, 5, 10, 20, 50, 66, 67, 100, 249, 250, 300, 500, 1000, 3000, 10_000])
def test_the_rate_is_kept_to_one_in_a_hundred_and_no_second_has_more(
    rate: int, late_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = permitted(rate, late_s, max(10.0, 100.0 / rate), monkeypatch)
    kept = (len(came) - 1) / (came[-1] - came[0]) / rate
    assert 0.99 < kept <= 1.0
    assert most(came, 1.0) <= rate


@pytest.mark.parametrize("within_s", [0.1, 1.0])
@pytest.mark.parametrize("rate", [20, 100, 1000, 10_000])
def test_after_a_loop_was_late_there_is_no_burst(rate: int, within_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    came = permitted(rate, 0.03, 10.0, monkeypatch)
    assert most(came, within_s) <= rate * (within_s + LATE_S) + max(1, rate * CHUNK_S)
    assert (len(came) - 1) / (came[-1] - came[0]) <= rate


@pytest.mark.parametrize("rate", [1, 20, 66, 67, 1000, 10_000])
def test_waiting_takes_few_turns_of_the_loop(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = MadeUp(0.001)
    for_s = max(1.0, 10 / rate)
    came = permitted(rate, 0.001, for_s, monkeypatch, loop)
    assert loop.waiting.turns <= 6 * min(len(came), for_s / CHUNK_S) + 10, "a loop that spins is a core that is lost"
