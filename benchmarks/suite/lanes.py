"""Leave to send at a rate, for thousands who wait: a lane's one buyer, against all of them at one `AsyncLimiter`.

Ours is used as the engine does: a pump takes a permit and spawns a coroutine for the next in turn. Nothing is called.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from random import random

from aiolimiter import AsyncLimiter

from benchmarks.memory import peak_rss_bytes
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Setup, Side, Turns
from benchmarks.turns import in_loop
from engine.lanes import LaneControl
from engine.model import Lane
from engine.pace import Pace
from engine.permits import CHUNK_S

RATE = 10_000.0
WAITERS = 2_000
BURST_S = 0.010  # worth of the rate that the peer may give at once; by default it gives a whole second's
WARM_UP_S = 0.3
SETTLE_S = 0.02  # for what piled up while the loop stood still between turns
CHUNK = int(RATE * CHUNK_S)

RATE_OFF = Figure("rate_off", "off the rate asked", ".2%")
CPU_SHARE = Figure("cpu_share", "CPU, of a core", ".1%")
CPU_US_A_PERMIT = Figure("cpu_us", "CPU us/permit", ",.1f")
STARVED = Figure("starved", "waiters with nothing", ",.0f")
WORST_100_MS = Figure("worst_100_ms", "busiest 0.1 s, of the rate", ".2f")


def ours(setup: Setup) -> Turns:
    return in_loop(_ours(setup.size(5_000, quick=200) / 1000))


def bare(setup: Setup) -> Turns:
    return in_loop(_bare(setup.size(5_000, quick=200) / 1000))


def without(setup: Setup) -> Turns:
    return in_loop(_without(setup.size(50_000, quick=2_000)))


class _Given:
    """Who was given permits, and when, once it is `open`."""

    def __init__(self) -> None:
        self.open = False
        self.times: list[float] = []
        self.by_waiter: Counter[str] = Counter()

    def note(self, waiter: str) -> None:
        if self.open:
            self.times.append(time.perf_counter())
            self.by_waiter[waiter] += 1

    async def sample(self, seconds: float) -> Sample:
        self.times.clear()
        self.by_waiter.clear()
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
            RSS_MB.key: peak_rss_bytes() / 1e6,
        }


async def _ours(seconds: float) -> AsyncIterator[Sample]:
    lane = LaneControl(Lane("cloud", "account", "Operation"), Pace(RATE, RATE), 256, backoff_s=0.5, random=random)
    given = _Given()

    async def call(waiter: str) -> None:
        given.note(waiter)
        lane.leave()

    async def pump(group: asyncio.TaskGroup) -> None:
        queues = deque(f"gw-{number:04}" for number in range(WAITERS))
        while True:
            await lane.enter()
            group.create_task(call(queues[0]))
            queues.rotate(-1)

    async with asyncio.TaskGroup() as group:
        group.create_task(pump(group))
        await asyncio.sleep(WARM_UP_S)
        while True:
            await asyncio.sleep(SETTLE_S)
            yield await given.sample(seconds)


async def _bare(seconds: float) -> AsyncIterator[Sample]:
    limiter = AsyncLimiter(RATE * BURST_S, BURST_S)
    given = _Given()

    async def wait(waiter: str) -> None:
        while True:
            await limiter.acquire()
            given.note(waiter)

    waiting = [asyncio.create_task(wait(f"gw-{number:04}")) for number in range(WAITERS)]
    await asyncio.sleep(WARM_UP_S)
    while waiting:
        await asyncio.sleep(SETTLE_S)
        yield await given.sample(seconds)


async def _without(number: int) -> AsyncIterator[Sample]:
    """Coroutines alone, as many at a time as permits come in, and as often."""
    given = _Given()
    given.open = True

    async def call(waiter: str) -> None:
        given.note(waiter)

    while True:
        given.times.clear()
        with Meter() as meter:
            async with asyncio.TaskGroup() as group:
                for waiter in range(number):
                    group.create_task(call(f"gw-{waiter % WAITERS:04}"))
                    if waiter % CHUNK == 0:
                        await asyncio.sleep(CHUNK / RATE)
        yield {CPU_US_A_PERMIT.key: meter.cpu_s / number * 1e6}


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
    Quick("for a fifth of a second", rounds=24),
    sides=(
        Side("ours", ours),
        Side("bare AsyncLimiter", bare, in_quick=False),
        Side("coroutines alone", without),
    ),
    figures=(RATE_OFF, CPU_SHARE, CPU_US_A_PERMIT, STARVED, WORST_100_MS, RSS_MB),
    goals=(
        Goal("off the rate asked", "ours", RATE_OFF, 0.01, form=".2%"),
        # It spins, so that its CPU is what others leave it.
        Goal("of bare AsyncLimiter's CPU", "ours", CPU_SHARE, 0.25, of=("bare AsyncLimiter",), held=False),
        Goal("waiters with nothing", "ours", STARVED, 0, form=".0f"),
        Goal("of coroutines' CPU alone", "ours", CPU_US_A_PERMIT, None, of=("coroutines alone",)),
    ),
)
