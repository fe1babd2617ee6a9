from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from engine.targets import HOLD_BASE_S, HOLD_CAP_S, LAST_PATIENCE, Room


def test_a_target_that_is_of_use_has_room_until_it_says_otherwise() -> None:
    room = Room()
    room.trust()
    assert room.admits(10_000, 10_000, now=0.0)


def test_what_it_bore_becomes_the_bound() -> None:
    room = Room()
    room.refused(running=3, now=0.0)
    assert room.admits(0, 2, now=0.0)
    assert not room.admits(0, 3, now=0.0)


def test_at_first_it_bears_one_start_at_a_time_whatever_runs() -> None:
    room = Room()
    assert room.admits(0, 5, now=0.0)
    assert not room.admits(1, 6, now=0.0)


@pytest.mark.parametrize("shown", [Room.bore, Room.trust, lambda room: room.refused(running=7, now=0.0)])
def test_what_shows_that_it_is_of_use_ends_the_trial(shown: Callable[[Room], None]) -> None:
    room = Room()
    room.try_out()
    shown(room)
    assert room.admits(1, 6, now=0.0)


def test_somebody_elses_operation_holds_it_for_ever_longer() -> None:
    room = Room()
    now = 0.0
    holds = []
    for _ in range(10):
        room.refused(running=0, now=now)
        holds.append(room.held_until - now)
        now = room.held_until
    assert holds[:3] == [HOLD_BASE_S, 2 * HOLD_BASE_S, 4 * HOLD_BASE_S]
    assert holds[-1] == HOLD_CAP_S
    room.bore()
    room.refused(running=0, now=now)
    assert room.held_until - now == HOLD_BASE_S


def test_more_is_tried_rarely_and_ever_more_rarely() -> None:
    room = Room()
    room.refused(running=1, now=0.0)
    tries = []
    for start in range(3000):
        room.bore()
        if room.admits(0, 1, now=100.0):
            tries.append(start)
            room.refused(running=1, now=100.0)
    assert 0.01 <= len(tries) / 3000 <= 0.02
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert gaps == sorted(gaps)


def test_it_finds_more_room_when_there_is() -> None:
    room = Room()
    room.refused(running=1, now=0.0)
    for _ in range(20):
        room.bore()
    assert room.admits(0, 100, now=100.0)


def test_a_long_busy_time_is_soon_forgotten() -> None:
    room = Room()
    room.refused(running=1, now=0.0)
    for _ in range(10_000):
        room.bore()
        if room.admits(0, 1, now=0.0):
            room.refused(running=1, now=0.0)
    starts = 0
    while not room.admits(0, 63, now=0.0):
        room.bore()
        starts += 1
    assert starts < 2 * LAST_PATIENCE
