"""A lane's rate against simulated clouds: seconds pass by arithmetic, nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from engine.pace import MIN_RATE, Pace


def drive(
    pace: Pace, seconds: int, good_per_s: Callable[[float], float], told: float | None = None, since: int = 0
) -> list[float]:
    """Send at the pace's rate; `good_per_s` says how many of that a second bears. Returns the rate of each second."""
    rates = []
    now = float(since)
    for second in range(since, since + seconds):
        taken = 0
        bearable = good_per_s(pace.rate)
        while now < second + 1:
            now += 1 / pace.rate
            taken += 1
            if taken <= bearable:
                pace.answered(now)
            else:
                pace.throttled(now, told)
        rates.append(pace.rate)
    return rates


def test_settles_just_under_a_quota_that_nobody_told() -> None:
    pace = Pace(first=50)
    rates = drive(pace, 300, lambda sent: 400)
    assert 300 < sum(rates[100:]) / len(rates[100:]) < 410
    over = sum(rate > 440 for rate in rates[100:])
    assert over < 10, "it should not keep running into the quota"


def test_comes_down_quickly_from_far_above_a_quota() -> None:
    pace = Pace(first=50, ceiling=2000)
    rates = drive(pace, 12, lambda sent: 100)
    assert rates[-1] < 160


def test_believes_a_quota_that_is_told_and_fits() -> None:
    pace = Pace(first=50, ceiling=2000)
    assert 94 <= drive(pace, 3, lambda sent: 100, told=100)[-1] <= 106


def test_does_not_believe_a_quota_that_the_good_answers_exceed() -> None:
    pace = Pace(first=50, ceiling=1000)
    assert drive(pace, 30, lambda sent: 0.95 * sent, told=100.0)[-1] > 500


def test_refusals_at_random_do_not_make_it_crawl() -> None:
    chance = Random(1)
    pace = Pace(first=50, ceiling=500)
    rates = drive(pace, 120, lambda sent: sum(chance.random() > 0.2 for _ in range(round(sent))))
    assert sum(rates[20:]) / len(rates[20:]) > 350


def test_finds_its_way_back_when_the_quota_returns() -> None:
    pace = Pace(first=50, ceiling=500)
    drive(pace, 30, lambda sent: 50)
    assert pace.rate < 100
    drive(pace, 60, lambda sent: 1e9, since=30)
    assert pace.rate == 500


def test_finds_its_way_back_from_the_slowest() -> None:
    pace = Pace(first=100)
    drive(pace, 300, lambda sent: 0)
    assert pace.rate == MIN_RATE
    assert drive(pace, 150, lambda sent: 1e9, since=300)[-1] > 100


def test_a_quota_that_returned_is_reached_soon() -> None:
    pace = Pace(first=100)
    drive(pace, 60, lambda sent: 3)
    assert pace.rate < 5
    assert drive(pace, 120, lambda sent: 1e9, since=60)[-1] > 100


def test_settles_under_a_quota_of_a_few_calls() -> None:
    pace = Pace(first=50)
    rates = drive(pace, 600, lambda sent: 3)
    assert 2 < sum(rates[200:]) / len(rates[200:]) < 4


def test_a_refusal_now_and_then_keeps_no_lane_from_what_little_it_has_to_do() -> None:
    chance, pace, now, slow_s = Random(1), Pace(first=0.5), 0.0, 0.0
    while now < 1200:
        apart_s = 1 / min(pace.rate, 7.0)
        now += apart_s
        if pace.rate < 7 and now > 120:
            slow_s += apart_s
        (pace.throttled if chance.random() < 0.02 else pace.answered)(now)
    assert slow_s < 60


def test_never_exceeds_what_the_user_allows() -> None:
    pace = Pace(first=50, ceiling=80)
    assert max(drive(pace, 60, lambda sent: 1e9)) == 80


def test_never_stops_altogether() -> None:
    pace = Pace(first=50)
    drive(pace, 200, lambda sent: 0)
    assert pace.rate >= MIN_RATE


def test_a_lane_with_less_to_send_than_it_may_goes_up_no_further() -> None:
    pace = Pace(first=50)
    for call in range(14 * 600):
        pace.answered(call / 14)
    assert pace.rate == 50


def test_an_idle_lane_learns_nothing() -> None:
    pace = Pace(first=50)
    for second in range(0, 600, 60):
        pace.answered(float(second))
    assert pace.rate == 50
