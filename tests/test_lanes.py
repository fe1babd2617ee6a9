from __future__ import annotations

import asyncio
import time

import pytest

from engine.concurrency import FIRST
from engine.errors import BusyError, CallError, RejectedError, ThrottledError, UnauthorizedError, UnavailableError
from engine.lanes import SICK_AFTER, SPENT_AFTER, LaneControl
from engine.model import Lane
from engine.pace import Pace

LANE = Lane("cloud", "account", "Operation")


def control(rate: float = 100_000.0, concurrency: int = 1000) -> LaneControl:
    return LaneControl(LANE, Pace(rate, rate), concurrency, backoff_s=0.01, random=lambda: 0.5)


async def enters(lane: LaneControl) -> bool:
    """Whether there is leave to send now."""
    if lane.try_enter():
        return True
    try:
        async with asyncio.timeout(0.05):
            await lane.enter()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("rate", [50.0, 500.0, 4000.0])
async def test_the_rate_is_kept_from_the_first_moment_on(rate: float) -> None:
    lane = control(rate, concurrency=10**6)
    sent: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < 1.2:
        await lane.enter()
        sent.append(time.perf_counter())
    tenth = max(sum(1 for other in sent if at <= other < at + 0.1) for at in sent[:: max(1, len(sent) // 300)])
    assert tenth <= 0.1 * rate + max(1, 0.015 * rate), "no burst, and none at the beginning"
    assert (len(sent) - 1) / (sent[-1] - sent[0]) <= 1.01 * rate
    assert len(sent) >= 0.8 * rate * 1.2, "this machine's noise allowed for"


async def test_no_more_are_in_flight_than_the_bound() -> None:
    lane = control(concurrency=2)
    assert await enters(lane)
    assert await enters(lane)
    assert not await enters(lane)
    lane.leave()
    assert await enters(lane)
    assert lane.in_flight == 2


async def test_more_are_in_flight_while_the_thread_has_time_left() -> None:
    now = 0.0
    lane = LaneControl(LANE, Pace(1e6, 1e6), None, backoff_s=0.01, random=lambda: 0.5, clock=lambda: now)
    for _ in range(FIRST):
        await lane.enter()
    while lane.in_flight == FIRST and now < 60.0:
        entering = asyncio.create_task(lane.enter())
        await asyncio.sleep(0)
        if not entering.done():
            now += 1.0  # next to nothing of it was worked
            lane.answered()
            lane.leave()
        await entering
    assert lane.in_flight == FIRST + 1


async def test_until_the_account_is_accepted_one_call_at_a_time_goes_out() -> None:
    accepted = False
    lane = LaneControl(LANE, Pace(1e5, 1e5), 1000, backoff_s=0.01, random=lambda: 0.5, accepted=lambda: accepted)
    assert await enters(lane)
    assert not await enters(lane)
    accepted = True
    assert await enters(lane)


async def test_a_closed_lane_may_be_opened_again() -> None:
    lane = control()
    lane.closed = True
    waiting = asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    lane.open()
    await waiting
    assert lane.in_flight == 1


async def test_a_pause_is_for_the_whole_lane() -> None:
    lane = control()
    lane.pause(0.1)
    assert not await enters(lane)
    began = time.monotonic()
    await lane.enter()
    assert time.monotonic() - began < 0.1


async def test_a_closed_lane_lets_nobody_in() -> None:
    lane = control()
    lane.closed = True
    assert not await enters(lane)


async def test_a_held_lane_lets_nobody_in_until_it_is_released() -> None:
    lane = control()
    assert await enters(lane)
    lane.hold()
    assert not await enters(lane)
    lane.leave()
    assert not await enters(lane)
    waiting = asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    lane.release()
    await waiting
    assert lane.in_flight == 1


async def test_a_release_does_not_open_what_is_closed() -> None:
    lane = control()
    lane.hold()
    lane.closed = True
    lane.release()
    assert not await enters(lane)


async def test_calls_are_counted_with_how_long_they_took() -> None:
    lane = control()

    async def call(ends: BaseException | None = None) -> int:
        await asyncio.sleep(0.03)
        if ends:
            raise ends
        return 7

    assert await lane.timed(call()) == 7
    with pytest.raises(CallError):
        await lane.timed(call(CallError("no")))
    durations = lane.count.durations
    assert (lane.count.calls, sum(durations.numbers)) == (2, 2)
    assert durations.numbers[: durations.BOUNDS_S.index(0.025) + 1] == [0, 0, 0]
    assert durations.total_s >= 0.058, "a loop wakes up to a millisecond early"


async def test_every_call_that_ended_has_one_outcome() -> None:
    lane = control()
    for refused, count in ((RejectedError, 5), (UnauthorizedError, 4), (BusyError, 3), (ThrottledError, 2)):
        for _ in range(count):
            lane.failed(refused("no"))
    for _ in range(6):
        lane.answered()
    lane.failed(UnavailableError("503"))
    assert lane.count.outcomes == {"answered": 6, "refused": 9, "busy": 3, "throttled": 2, "failed": 1}
    assert lane.count.answered == 18, "that the cloud refuses at once is an answer as well, for how many calls help"


async def test_a_hint_to_wait_holds_the_lane_once_the_quota_is_surely_spent() -> None:
    lane = control()
    hint = ThrottledError("slow down", retry_after_s=60.0)
    for _ in range(SPENT_AFTER - 1):
        lane.failed(hint)
    assert await enters(lane)
    lane.failed(hint)
    assert not await enters(lane)


async def test_a_cloud_in_trouble_is_probed_by_one_call_at_a_time() -> None:
    lane = control()
    trouble = UnavailableError("503")
    verdicts = [lane.failed(trouble) for _ in range(SICK_AFTER)]
    assert verdicts == [*[True] * (SICK_AFTER - 1), False], "in an outage a failure is not the call's own"
    await lane.enter()
    assert not await enters(lane)
    lane.leave()
    lane.answered()
    assert await enters(lane)
    assert await enters(lane)


@pytest.mark.parametrize("refusal", [RejectedError("no"), ThrottledError("slow down")])
async def test_a_refusal_shows_that_the_cloud_is_well(refusal: CallError) -> None:
    lane = control()
    for _ in range(SICK_AFTER - 1):
        lane.failed(UnavailableError("503"))
    lane.failed(refusal)
    lane.failed(UnavailableError("503"))
    assert not lane.health.sick


async def test_the_longer_it_lasts_the_longer_the_pauses() -> None:
    lane = control()
    pauses = [lane.health.failed(UnavailableError("503"), 0.0, 1.0) for _ in range(SICK_AFTER + 6)]
    assert pauses[: SICK_AFTER - 1] == [0.0] * (SICK_AFTER - 1)
    assert pauses[SICK_AFTER:] == sorted(pauses[SICK_AFTER:])
    assert pauses[-1] > 4 * pauses[SICK_AFTER]
