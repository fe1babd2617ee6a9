"""Running tasks seen to their end, against what loops over an SDK do: every task asked for, once an interval.

Both take up tasks that run already. The peer sends its calls signed by us, with a bare session: what an SDK adds to the
cost of a call is another benchmark's. The server counts the calls, and the name of a task says when it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import islice
from tempfile import mkdtemp
from urllib.request import Request, urlopen

import orjson

from benchmarks.accounts import sgw_account
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Sample, Server, Setup, Side
from benchmarks.pushing import OUT_OF_REACH, directories
from benchmarks.server.tasks import end_of
from engine import Engine
from engine.backlog.sqlite import SqliteBacklog
from engine.cli.loop import run
from engine.client import Client
from engine.clouds import clouds
from engine.model import Account, Finished, Job, Started, State
from engine.transport import Transport

TASKS, QUICK_TASKS = 20_000, 1_000
GATEWAYS, QUICK_GATEWAYS = 200, 10
INTERVAL_S, QUICK_INTERVAL_S = 10.0, 0.5
TASK_S, QUICK_TASK_S = (20.0, 60.0), (0.5, 1.5)
IN_FLIGHT = 256  # calls

CALLS = Figure("calls", "calls")
CPU_US_A_TASK = Figure("cpu_us", "CPU us/task", ",.1f")
LATE_MEDIAN_S = Figure("late_median_s", "noticed after, median s", ".1f")
LATE_MOST = Figure("late_most", "at most, intervals", ".2f")


def ours(setup: Setup) -> Sample:
    return run(_ours(setup))


def one_by_one(setup: Setup) -> Sample:
    return run(_one_by_one(setup))


async def _ours(setup: Setup) -> Sample:
    account = sgw_account(setup.http)
    backlog = f"{mkdtemp(dir=setup.directory)}/backlog.db"
    tasks = await _started(account, setup)
    async with SqliteBacklog(backlog) as before:
        await before.put([job for job, _ in tasks])
        waiting = {job.target: 0 for job, _ in tasks}
        claims = await before.claim([(target, len(tasks)) for target in waiting], time.time() + 1)
        claimed = {job.key: job for claim in claims for job in claim.jobs}
        await before.settle([Started(claimed[job.key], task, time.time()) for job, task in tasks])
    late: list[float] = []
    async with Engine([account], backlog, rate=OUT_OF_REACH) as engine:
        with Meter() as meter:
            async for batch in engine.endings():
                now = time.time()
                for ending in batch:
                    assert isinstance(ending, Finished), ending
                    assert ending.state is State.SUCCEEDED, ending
                    late.append(now - end_of(ending.job.task))
    return _sample(setup, meter, late)


async def _one_by_one(setup: Setup) -> Sample:
    account = sgw_account(setup.http)
    cloud = clouds()["alibaba"]
    tasks = await _started(account, setup)
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
    return _sample(setup, meter, late)


async def _started(account: Account, setup: Setup) -> Sequence[tuple[Job, str]]:
    """Start the tasks, outside of what is measured."""
    cloud = clouds()["alibaba"]
    number, gateways = setup.size(TASKS, quick=QUICK_TASKS), setup.size(GATEWAYS, quick=QUICK_GATEWAYS)
    jobs = cloud.plan(list(islice(directories(gateways), number)), [account.name], 1).jobs
    async with Transport() as transport:
        client = Client(transport, [account])
        in_flight = asyncio.Semaphore(IN_FLIGHT)

        async def start(job: Job) -> tuple[Job, str]:
            async with in_flight:
                return job, await client.call(account.name, cloud.start(job, account), cloud.started)

        return await asyncio.gather(*map(start, jobs))


def interval_s(setup: Setup) -> float:
    return QUICK_INTERVAL_S if setup.quick else INTERVAL_S


def _sample(setup: Setup, meter: Meter, late: list[float]) -> Sample:
    assert len(late) == setup.size(TASKS, quick=QUICK_TASKS)
    late.sort()
    return meter.sample(len(late)) | {
        "calls": _described(setup.http),
        "late_median_s": late[len(late) // 2],
        "late_most": late[-1] / interval_s(setup),
    }


def _described(url: str) -> int:
    """How often DescribeTasks was called since this was asked last."""
    with urlopen(Request(url, b"Action=Calls", method="POST"), timeout=10) as answer:  # noqa: S310 - our own server
        calls: int = orjson.loads(answer.read())
    return calls


PEER = ("a call per task",)
BENCHMARK = Benchmark(
    "polling",
    f"{TASKS:,} tasks on {GATEWAYS} gateways seen to their ends, an interval of {INTERVAL_S:g} s",
    sides=(Side("ours", ours), Side(PEER[0], one_by_one)),
    figures=(CALLS, CPU_US_A_TASK, LATE_MEDIAN_S, LATE_MOST, RSS_MB),
    goals=(
        Goal("of the calls of a loop per task", "ours", CALLS, 0.05, of=PEER, form=".3f", leeway=1.0),
        Goal("CPU us per task", "ours", CPU_US_A_TASK, 40, form=".1f"),
        Goal("noticed late by at most, intervals", "ours", LATE_MOST, 1.0),
        Goal("of a loop's CPU", "ours", CPU_US_A_TASK, None, of=PEER, form=".3f", leeway=0.5),
    ),
    rounds=3,
    quick_rounds=1,
    server=Server(task_s=TASK_S, quick_task_s=QUICK_TASK_S),
)
