"""The bound of a lane, at clouds that are made up of how long they take, and a processor of what a call costs."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import pytest

from engine.concurrency import FIRST, MOST, STALE_S, WINDOW_S, Concurrency


@dataclass
class Cloud:
    answer_s: float
    call_s: float = 0.0002  # of the processor's time
    most_per_s: float = float("inf")  # that the cloud answers; it refuses the others
    processor: Callable[[], float] = lambda: 1.0  # the share of one that nobody else takes


class Lane:
    def __init__(self, cloud: Cloud, fixed: int | None = None) -> None:
        self.cloud = cloud
        self.now = 1000.0
        self.bounds = list[int]()
        self.concurrency = Concurrency(fixed, busy_s=lambda: self._busy_s)
        self._answers = 0.0
        self._busy_s = 0.0

    def work(self, for_s: float) -> None:
        """Have as many in flight as there may be, all the time; answers come together if they take long."""
        cloud, until = self.cloud, self.now + for_s
        while self.now < until:
            self.concurrency.reached(self.now, int(self._answers))
            self.bounds.append(self.concurrency.bound)
            passed_s = max(WINDOW_S / 10, cloud.answer_s)
            processor_per_s = cloud.processor() / cloud.call_s
            wanted_per_s = self.concurrency.bound / cloud.answer_s
            sent_per_s = min(wanted_per_s, processor_per_s)
            self.now += passed_s
            self._answers += min(sent_per_s, cloud.most_per_s) * passed_s
            self._busy_s += min(1.0, wanted_per_s / processor_per_s) * passed_s


@pytest.mark.parametrize(
    ("answer_s", "least", "most"),
    [(0.001, FIRST, FIRST), (0.04, FIRST, FIRST), (0.1, 450, 700), (0.15, 700, 1000), (5.0, MOST, MOST)],
)
def test_it_takes_as_many_as_keep_the_processor_busy(answer_s: float, least: int, most: int) -> None:
    lane = Lane(Cloud(answer_s))
    lane.work(max(10.0, 20 * answer_s))
    assert least <= lane.concurrency.bound <= most


def test_what_does_not_pay_is_taken_back_and_tried_ever_more_rarely() -> None:
    lane = Lane(Cloud(0.1, most_per_s=2000))
    lane.work(600.0)
    more = [bound > FIRST for bound in lane.bounds]
    tries = sum(now and not before for before, now in pairwise(more))
    assert 5 <= tries <= 15
    assert sum(more) < 0.05 * len(more)
    lane.cloud.most_per_s, lane.cloud.answer_s = float("inf"), 1.0
    lane.work(140.0)
    assert lane.concurrency.bound == MOST, "as soon as it pays"


def test_neighbours_on_the_processor_are_no_reason_for_more() -> None:
    chance = Random(1)
    lane = Lane(Cloud(0.03, processor=lambda: chance.uniform(0.3, 0.9)))
    lane.work(600.0)
    assert lane.concurrency.bound == FIRST
    assert max(lane.bounds) <= 2 * FIRST


def test_it_falls_again_when_answers_come_sooner() -> None:
    lane = Lane(Cloud(1.0))
    lane.work(20.0)
    assert lane.concurrency.bound == MOST
    lane.cloud.answer_s = 0.001
    lane.work(30.0)
    assert lane.concurrency.bound == FIRST


@pytest.mark.parametrize("fixed", [100, 300])
@pytest.mark.parametrize("answer_s", [0.001, 1.0])
def test_who_says_how_many_gets_as_many(fixed: int, answer_s: float) -> None:
    lane = Lane(Cloud(answer_s), fixed)
    lane.work(10.0)
    assert set(lane.bounds) == {fixed}


def test_a_time_in_which_it_was_not_reached_says_nothing() -> None:
    lane = Lane(Cloud(0.001))
    for _ in range(20):
        lane.now += 2 * STALE_S
        lane.work(WINDOW_S / 5)
    assert lane.concurrency.bound == FIRST


def test_a_trial_that_was_broken_off_is_no_failure() -> None:
    lane = Lane(Cloud(0.4))
    while lane.concurrency.bound == FIRST:
        lane.work(0.4)
    lane.now += 2 * STALE_S
    lane.cloud.answer_s = 0.8
    lane.work(0.8)
    assert lane.concurrency.bound == FIRST
    lane.work(10.0)
    assert lane.concurrency.bound > FIRST


def test_there_are_never_more_than_half_of_the_files_that_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (400, 10_000))
    assert Concurrency().bound == 200
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1024, 10_000))
    lane = Lane(Cloud(2.0))
    lane.work(60.0)
    assert lane.concurrency.bound == 512
    monkeypatch.setattr(resource, "getrlimit", lambda what: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    lane = Lane(Cloud(2.0))
    lane.work(60.0)
    assert lane.concurrency.bound == MOST


async def test_the_system_tells_how_long_the_thread_was_busy() -> None:
    """Or stood in line: here it works for a while, and then has nothing to do."""
    concurrency = Concurrency()
    busy = [concurrency._busy_s()]
    began = time.perf_counter()
    while (worked_s := time.perf_counter() - began) < 0.1:
        pass
    busy.append(concurrency._busy_s())
    await asyncio.sleep(0.1)
    busy.append(concurrency._busy_s())
    assert busy[1] - busy[0] >= 0.8 * worked_s
    assert busy[2] - busy[1] < 0.05
