"""Time goes on, whatever is done to the wall clock."""

from __future__ import annotations

import pytest

from engine.steady_clock import SteadyClock


class Times:
    """What the system says, under the test's control."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.monotonic = 1_800_000_000.0, 50.0
        monkeypatch.setattr("time.time", lambda: self.wall)
        monkeypatch.setattr("time.monotonic", lambda: self.monotonic)

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    return Times(monkeypatch)


def test_it_tells_the_time_of_day(times: Times) -> None:
    clock = SteadyClock()
    times.go_on(3.0)
    assert clock() == 1_800_000_003.0


def test_it_goes_on_when_the_wall_clock_is_set_back(times: Times) -> None:
    clock = SteadyClock()
    times.wall -= 7200.0
    assert clock() == 1_800_000_000.0
    times.go_on(5.0)
    assert clock() == 1_800_000_005.0
    times.wall += 7200.0
    assert clock() == 1_800_000_005.0


def test_it_follows_a_step_forward(times: Times) -> None:
    clock = SteadyClock()
    times.wall += 7200.0
    assert clock() == 1_800_007_200.0
    times.wall -= 7200.0
    times.go_on(1.0)
    assert clock() == 1_800_007_201.0
