"""Leave to send at a rate, for thousands who wait: a lane's one buyer, against all of them at one `AsyncLimiter`.

Ours is the engine's own pump, with as many targets that have jobs without end: it claims them, takes them in turn,
waits for a permit and hands each to a coroutine that would send it. Nothing is sent, and nothing recorded: others
measure that.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from random import random
from types import MappingProxyType
from typing import cast

from aiolimiter import AsyncLimiter

from benchmarks.accounts import sgw_account
from benchmarks.memory import peak_rss_bytes
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Setup, Side, Turns
from benchmarks.turns import in_loop
from engine.backlog import Backlog, Claim
from engine.client import Client
from engine.clouds import clouds
from engine.clouds.alibaba import Trigger
from engine.lanes import LaneControl
from engine.model import Account, Job, Lane, Settlement, Target
from engine.pace import Pace
from engine.permits import CHUNK_S
from engine.retry import Limits
from engine.settler import Origin, Settler
from engine.starter import Starter
from engine.steady_clock import SteadyClock

RATE = 10_000.0
WAITERS = 2_000
BURST_S = 0.010  # worth of the rate that the peer may give at once; by default it gives a whole second's
WARM_UP_S = 0.3
SETTLE_S = 0.02  # for what piled up while the loop stood still between turns
CHUNK = int(RATE * CHUNK_S)
ACCOUNT = sgw_account("http://nowhere.invalid")

RATE_OFF = Figure("rate_off", "off the rate asked", ".2%")
CPU_SHARE = Figure("cpu_share", "CPU, of a core", ".1%")
CPU_US_A_PERMIT = Figure("cpu_us", "CPU us/permit", ",.1f")
STARVED = Figure("starved", "waiters with nothing", ",.0f")
WORST_100_MS = Figure("worst_100_ms", "busiest 0.1 s, of the rate", ".2f")

LOOPS = ("uvloop", "asyncio")


def ours(loop: str) -> Callable[[Setup], Turns]:
    return lambda setup: in_loop(_ours(setup.size(5_000, quick=200) / 1000), on_uvloop=loop == "uvloop")


def bare(loop: str) -> Callable[[Setup], Turns]:
    return lambda setup: in_loop(_bare(setup.size(5_000, quick=200) / 1000), on_uvloop=loop == "uvloop")


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


class _Endless:
    """A backlog that has another job for every target, whenever it is asked."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = MappingProxyType({job.target: job for job in jobs})
        self.clock = SteadyClock()

    async def claim(self, wants: Sequence[tuple[Target, int]], now: float) -> list[Claim]:
        return [Claim([self._jobs[target]] * number, now) for target, number in wants]

    def begin(self, job: Job) -> None:
        pass


class _Silent:
    """A client whose calls succeed without being made."""

    def account(self, name: str) -> Account:
        return ACCOUNT

    def accepted(self, name: str) -> bool:
        return True

    async def call(self, account: str, call: object, read: object) -> str:
        return ""


class _Forgetful:
    """A settler that notes who was served, and records nothing."""

    def __init__(self, given: _Given) -> None:
        self._given = given

    def settle(self, settlement: Settlement, origin: Origin) -> None:
        self._given.note(settlement.job.target.name)
        origin.settled(settlement)


async def _ours(seconds: float) -> AsyncGenerator[Sample]:
    cloud = clouds()["alibaba"]
    rows = [Trigger(f"gw-{number:04}", "NFSphotos", "/photos") for number in range(WAITERS)]
    jobs = cloud.plan(rows, [ACCOUNT.name], 1).jobs
    name = Lane(cloud.name, ACCOUNT.name, cloud.start_operation)
    lane = LaneControl(name, Pace(RATE, RATE), 256, backoff_s=0.5, random=random)
    given = _Given()
    backlog, client = cast(Backlog, _Endless(jobs)), cast(Client, _Silent())
    settler = cast(Settler, _Forgetful(given))
    starter = Starter(
        cloud, ACCOUNT.name, lane, backlog, client, settler, None, Limits(), _stopped, asyncio.Event()
    )  # fmt: skip
    for job in jobs:
        starter.wake(starter.queue(job.target))
    pumping = asyncio.create_task(starter.run())
    await asyncio.sleep(WARM_UP_S)
    while not pumping.done():
        await asyncio.sleep(SETTLE_S)
        yield await given.sample(seconds)
    await pumping  # raises what ended it


def _stopped(account: str, error: Exception) -> None:
    raise error


async def _bare(seconds: float) -> AsyncGenerator[Sample]:
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


async def _without(number: int) -> AsyncGenerator[Sample]:
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
        yield {CPU_US_A_PERMIT.key: meter.cpu_s / number * 1e6, RSS_MB.key: peak_rss_bytes() / 1e6}


def _most_within(times: list[float], window_s: float) -> int:
    first = most = 0
    for last, at in enumerate(times):
        while at - times[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


OURS, BARE = {loop: f"ours, {loop}" for loop in LOOPS}, {loop: f"bare AsyncLimiter, {loop}" for loop in LOOPS}
WITHOUT = "coroutines alone, uvloop"
BENCHMARK = Benchmark(
    "lanes",
    f"leave to send for {WAITERS:,} who wait, at {RATE:,.0f}/s, on either event loop",
    Quick("for a fifth of a second, on uvloop", rounds=24),
    sides=(
        *(Side(OURS[loop], ours(loop), in_quick=loop == "uvloop") for loop in LOOPS),
        *(Side(BARE[loop], bare(loop), in_quick=False) for loop in LOOPS),
        Side(WITHOUT, without),
    ),
    figures=(RATE_OFF, CPU_SHARE, CPU_US_A_PERMIT, STARVED, WORST_100_MS, RSS_MB),
    goals=(
        *(Goal(f"off the rate asked, {loop}", OURS[loop], RATE_OFF, 0.01, form=".2%") for loop in LOOPS),
        # It spins, so that its CPU is what others leave it.
        *(
            Goal(f"of bare AsyncLimiter's CPU, {loop}", OURS[loop], CPU_SHARE, 0.25, of=(BARE[loop],), held=False)
            for loop in LOOPS
        ),
        *(Goal(f"waiters with nothing, {loop}", OURS[loop], STARVED, 0, form=".0f") for loop in LOOPS),
        Goal("of coroutines' CPU alone", OURS["uvloop"], CPU_US_A_PERMIT, None, of=(WITHOUT,)),
    ),
)
