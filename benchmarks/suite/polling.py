"""Running tasks seen to their end, against what loops over an SDK do: every task asked for, once an interval.

Tasks run already when they are taken up, or are started by us throughout. The peer sends its calls signed by us, with a
bare session: what an SDK adds to the cost of a call is another benchmark's. The server counts the calls, and the name
of a task says when it ends. Every sample has gateways of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import islice
from secrets import token_hex
from statistics import fmean
from tempfile import mkdtemp
from urllib.request import Request, urlopen

import orjson

from benchmarks.accounts import sgw_account
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Sample, Server, Setup, Side
from benchmarks.pushing import OUT_OF_REACH, directories
from benchmarks.server.tasks import end_of
from benchmarks.turns import anew
from engine import Engine
from engine.backlog.sqlite import SqliteBacklog
from engine.cli.loop import run
from engine.client import Client
from engine.clouds import clouds
from engine.model import Account, Finished, Job, Started, State
from engine.settler import Ending
from engine.transport import Transport

TASKS, QUICK_TASKS = 20_000, 1_000
GATEWAYS, QUICK_GATEWAYS = 200, 10
INTERVAL_S, QUICK_INTERVAL_S = 10.0, 2.0
TASK_S, QUICK_TASK_S = (20.0, 60.0), (2.0, 6.0)
START_S, QUICK_START_S = 40.0, 3.0  # in which those are started that do not run already
IN_FLIGHT = 256  # calls

CALLS = Figure("calls", "calls")
CPU_US_A_TASK = Figure("cpu_us", "CPU us/task", ",.1f")
LATE_MEAN_S = Figure("late_mean_s", "noticed after, mean s", ".2f")
LATE_MOST = Figure("late_most", "at most, intervals", ".2f")


def ours(setup: Setup) -> Sample:
    return run(_ours(setup))


def started_by_us(setup: Setup) -> Sample:
    return run(_started_by_us(setup))


def one_by_one(setup: Setup) -> Sample:
    return run(_one_by_one(setup))


async def _ours(setup: Setup) -> Sample:
    account = sgw_account(setup.http)
    backlog = f"{mkdtemp(dir=setup.directory)}/backlog.db"
    prefix = token_hex(4)
    tasks = await _started(account, setup, prefix)
    async with SqliteBacklog(backlog) as before:
        await before.put([job for job, _ in tasks])
        waiting = {job.target: 0 for job, _ in tasks}
        claims = await before.claim([(target, len(tasks)) for target in waiting], time.time() + 1)
        claimed = {job.key: job for claim in claims for job in claim.jobs}
        await before.settle([Started(claimed[job.key], task, time.time()) for job, task in tasks])
    async with Engine([account], backlog, rate=OUT_OF_REACH) as engine:
        with Meter() as meter:
            late = await _late(engine.endings())
    return _sample(setup, meter, late, prefix)


async def _started_by_us(setup: Setup) -> Sample:
    backlog = f"{mkdtemp(dir=setup.directory)}/backlog.db"
    prefix = token_hex(4)
    number, gateways = _sizes(setup)
    rate = number / (QUICK_START_S if setup.quick else START_S)
    async with Engine([sgw_account(setup.http)], backlog, rate=rate) as engine:
        with Meter() as meter:
            late = await _late(engine.endings(islice(directories(gateways, prefix), number)))
    return _sample(setup, meter, late, prefix)


async def _late(batches: AsyncGenerator[list[Ending], None]) -> list[float]:
    """By how many seconds each end was noticed late."""
    late = []
    async with aclosing(batches):
        async for batch in batches:
            now = time.time()
            for ending in batch:
                assert isinstance(ending, Finished), ending
                assert ending.state is State.SUCCEEDED, ending
                late.append(now - end_of(ending.job.task))
    return late


async def _one_by_one(setup: Setup) -> Sample:
    account = sgw_account(setup.http)
    cloud = clouds()["alibaba"]
    prefix = token_hex(4)
    tasks = await _started(account, setup, prefix)
    late: list[float] = []
    async with Transport() as transport:
        client = Client(transport, [account])
        in_flight = asyncio.Semaphore(IN_FLIGHT)

        async def follow(gateway: str, task: str, first_s: float) -> None:
            await asyncio.sleep(first_s)
            while True:
                async with in_flight:
                    page = await client.call(account.name, cloud.poll(gateway, task, 1), cloud.polled)
                if page.tasks[0].done:
                    late.append(time.time() - end_of(task))
                    return
                await asyncio.sleep(interval_s(setup))

        apart_s = interval_s(setup) / len(tasks)
        with Meter() as meter:
            await asyncio.gather(
                *(follow(job.target.name, task, number * apart_s) for number, (job, task) in enumerate(tasks))
            )
    return _sample(setup, meter, late, prefix)


async def _started(account: Account, setup: Setup, prefix: str) -> Sequence[tuple[Job, str]]:
    """Start the tasks, outside of what is measured."""
    cloud = clouds()["alibaba"]
    number, gateways = _sizes(setup)
    jobs = cloud.plan(list(islice(directories(gateways, prefix), number)), [account.name], 1).jobs
    async with Transport() as transport:
        client = Client(transport, [account])
        in_flight = asyncio.Semaphore(IN_FLIGHT)

        async def start(job: Job) -> tuple[Job, str]:
            async with in_flight:
                return job, await client.call(account.name, cloud.start(job, account), cloud.started)

        return await asyncio.gather(*map(start, jobs))


def _sizes(setup: Setup) -> tuple[int, int]:
    """(tasks, gateways)."""
    return setup.size(TASKS, quick=QUICK_TASKS), setup.size(GATEWAYS, quick=QUICK_GATEWAYS)


def interval_s(setup: Setup) -> float:
    return QUICK_INTERVAL_S if setup.quick else INTERVAL_S


def _sample(setup: Setup, meter: Meter, late: list[float], prefix: str) -> Sample:
    assert len(late) == _sizes(setup)[0]
    return meter.sample(len(late)) | {
        "calls": _described(setup.http, prefix),
        "late_mean_s": fmean(late),
        "late_most": max(late) / interval_s(setup),
    }


def _described(url: str, prefix: str) -> int:
    """How often DescribeTasks was called for the gateways of a sample."""
    request = Request(url, f"Action=Calls&Prefix={prefix}".encode(), method="POST")  # noqa: S310 - our own server
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        calls: int = orjson.loads(answer.read())
    return calls


OURS = ("ours", "ours, started throughout")
PEER = ("a call per task",)
BENCHMARK = Benchmark(
    "polling",
    f"{TASKS:,} tasks of {TASK_S[0]:g} to {TASK_S[1]:g} s on {GATEWAYS} gateways seen to their ends, "
    f"an interval of {INTERVAL_S:g} s",
    Quick(
        f"{QUICK_TASKS:,} of {QUICK_TASK_S[0]:g} to {QUICK_TASK_S[1]:g} s on {QUICK_GATEWAYS}, {QUICK_INTERVAL_S:g} s",
        rounds=5,
        warm_up=False,
        together=True,
    ),
    sides=(Side(OURS[0], anew(ours)), Side(OURS[1], anew(started_by_us)), Side(PEER[0], anew(one_by_one))),
    figures=(CALLS, CPU_US_A_TASK, LATE_MEAN_S, LATE_MOST, RSS_MB),
    goals=(
        *(Goal(f"of the calls of a loop per task, {side}", side, CALLS, 0.05, of=PEER, form=".3f") for side in OURS),
        *(Goal(f"of how late a loop notices, {side}", side, LATE_MEAN_S, None, of=PEER) for side in OURS),
        *(Goal(f"noticed late by at most, intervals, {side}", side, LATE_MOST, 1.0) for side in OURS),
        Goal("CPU us per task", OURS[0], CPU_US_A_TASK, 40, form=".1f"),
        Goal("of a loop's CPU", OURS[0], CPU_US_A_TASK, None, of=PEER, form=".3f", held=False),
    ),
    rounds=3,
    server=Server(task_s=TASK_S, quick_task_s=QUICK_TASK_S),
)
