"""The bound of a lane, at clouds that are made up of how long they take, and a processor of what a call costs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from engine.concurrency import FIRST, MOST, WINDOW_S, Concurrency


@dataclass
class Cloud:
    answer_s: float
    call_s: float = 0.0002  # of the processor's time
    most_per_s: float = float("inf")  # that the cloud answers
    others: float = 0.0  # share of the processor that somebody else takes

    def rate(self, in_flight: int) -> float:
        return min(in_flight / self.answer_s, (1 - self.others) / self.call_s, self.most_per_s)


class Lane:
    def __init__(self, cloud: Cloud, fixed: int | None = None) -> None:
        self.cloud = cloud
        self.now = 1000.0
        self._calls = 0.0
        self._cpu = 0.0
        self.bounds = list[int]()
        self.concurrency = Concurrency(fixed, cpu=lambda: self._cpu)

    def work(self, for_s: float) -> None:
        """Have as many in flight as there may be, all the time."""
        until = self.now + for_s
        while self.now < until:
            self.concurrency.reached(self.now, int(self._calls))
            self.bounds.append(self.concurrency.bound)
            rate = self.cloud.rate(self.concurrency.bound)
            self.now += WINDOW_S / 10
            self._calls += rate * WINDOW_S / 10
            self._cpu += rate * self.cloud.call_s * WINDOW_S / 10


@pytest.mark.parametrize(
    ("answer_s", "least", "most"),
    [(0.001, FIRST, FIRST), (0.04, FIRST, FIRST), (0.1, 450, 700), (0.15, 700, 1000), (5.0, MOST, MOST)],
)
def test_it_takes_as_many_as_keep_the_processor_busy(answer_s: float, least: int, most: int) -> None:
    lane = Lane(Cloud(answer_s))
    lane.work(10.0)
    assert least <= lane.concurrency.bound <= most


@pytest.mark.parametrize("cloud", [Cloud(0.05, most_per_s=2000), Cloud(0.05, others=0.7)])
def test_what_does_not_pay_is_taken_back_and_tried_ever_more_rarely(cloud: Cloud) -> None:
    lane = Lane(cloud)
    lane.work(600.0)
    more = [bound > FIRST for bound in lane.bounds]
    tries = sum(now and not before for before, now in pairwise(more))
    assert 5 <= tries <= 15
    assert sum(more) < 0.05 * len(more)
    cloud.most_per_s, cloud.others, cloud.answer_s = float("inf"), 0.0, 1.0
    lane.work(140.0)
    assert lane.concurrency.bound == MOST, "as soon as it pays"


def test_it_falls_again_when_answers_come_sooner() -> None:
    lane = Lane(Cloud(1.0))
    lane.work(10.0)
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
        lane.now += 10.0
        lane.work(WINDOW_S / 5)
    assert lane.concurrency.bound == FIRST
