"""Leave to send at a rate, for thousands who wait: a lane's one buyer, against all of them at one `AsyncLimiter`.

Ours is used as the engine does: a pump takes a permit and spawns a coroutine for the next in turn. Nothing is called.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from random import random

from aiolimiter import AsyncLimiter

from benchmarks.meter import Meter
from benchmarks.model import Benchmark, Figure, Goal, Sample, Setup, Side
from engine.cli.loop import run
from engine.lanes import LaneControl
from engine.model import Lane
from engine.pace import Pace

RATE = 10_000.0
WAITERS = 2_000
BURST_S = 0.010  # worth of the rate that the peer may give at once; by default it gives a whole second's
WARM_UP_S = 0.3
CHUNK = 40

RATE_OFF = Figure("rate_off", "off the rate asked", ".2%")
CPU_SHARE = Figure("cpu_share", "CPU, of a core", ".1%")
CPU_US_A_PERMIT = Figure("cpu_us", "CPU us/permit", ",.1f")
STARVED = Figure("starved", "waiters with nothing", ",.0f")
WORST_100_MS = Figure("worst_100_ms", "busiest 0.1 s, of the rate", ".2f")


def ours(setup: Setup) -> Sample:
    return run(_ours(setup.size(5, quick=1)))


def bare(setup: Setup) -> Sample:
    return run(_bare(setup.size(5, quick=1)))


def without(setup: Setup) -> Sample:
    return run(_without(setup.size(50_000, quick=20_000)))


class _Given:
    """Who was given permits, and when, once it is `open`."""

    def __init__(self) -> None:
        self.open = False
        self.times: list[float] = []
        self.by_waiter: Counter[int] = Counter()

    def note(self, waiter: int) -> None:
        if self.open:
            self.times.append(time.perf_counter())
            self.by_waiter[waiter] += 1

    async def sample(self, seconds: float) -> Sample:
        await asyncio.sleep(WARM_UP_S)
        self.open = True
        with Meter() as meter:
            await asyncio.sleep(seconds)
        self.open = False
        rate = len(self.times) / meter.wall_s
        return {
            "rate_off": abs(rate / RATE - 1),
            "cpu_share": meter.cpu_s / meter.wall_s,
            "cpu_us": meter.cpu_s / len(self.times) * 1e6,
            "starved": WAITERS - len(self.by_waiter),
            "worst_100_ms": _most_within(self.times, 0.1) / (RATE * 0.1),
        }


async def _ours(seconds: float) -> Sample:
    lane = LaneControl(Lane("cloud", "account", "Operation"), Pace(RATE, RATE), 256, backoff_s=0.5, random=random)
    given = _Given()

    async def call(waiter: int) -> None:
        given.note(waiter)
        lane.leave()

    async def pump(group: asyncio.TaskGroup) -> None:
        queues = deque(range(WAITERS))
        while True:
            await lane.enter()
            group.create_task(call(queues[0]))
            queues.rotate(-1)

    async with asyncio.TaskGroup() as group:
        pumping = group.create_task(pump(group))
        sample = await given.sample(seconds)
        pumping.cancel()
    return sample


async def _bare(seconds: float) -> Sample:
    limiter = AsyncLimiter(RATE * BURST_S, BURST_S)
    given = _Given()

    async def wait(waiter: int) -> None:
        while True:
            await limiter.acquire()
            given.note(waiter)

    waiting = [asyncio.create_task(wait(waiter)) for waiter in range(WAITERS)]
    sample = await given.sample(seconds)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    return sample


async def _without(number: int) -> Sample:
    """As many coroutines as permits would let go, at once."""
    given = _Given()
    given.open = True

    async def call(waiter: int) -> None:
        given.note(waiter)

    with Meter() as meter:
        async with asyncio.TaskGroup() as group:
            for waiter in range(number):
                group.create_task(call(waiter % WAITERS))
                if waiter % CHUNK == 0:
                    await asyncio.sleep(0)
    return {"cpu_us": meter.cpu_s / number * 1e6}


def _most_within(times: list[float], window_s: float) -> int:
    first = most = 0
    for last, at in enumerate(times):
        while at - times[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


BENCHMARK = Benchmark(
    "lanes",
    f"leave to send for {WAITERS:,} who wait, at {RATE:,.0f}/s",
    sides=(Side("ours", ours), Side("bare AsyncLimiter", bare), Side("no limiter", without)),
    figures=(RATE_OFF, CPU_SHARE, CPU_US_A_PERMIT, STARVED, WORST_100_MS),
    goals=(
        Goal("off the rate asked", "ours", RATE_OFF, 0.01, form=".2%"),
        # It spins, so that its CPU is what others leave it.
        Goal("of bare AsyncLimiter's CPU", "ours", CPU_SHARE, 0.25, of=("bare AsyncLimiter",), leeway=None),
        Goal("waiters with nothing", "ours", STARVED, 0, form=".0f"),
        Goal("of coroutines' CPU alone", "ours", CPU_US_A_PERMIT, None, of=("no limiter",), leeway=0.5),
    ),
    quick_rounds=1,
)
