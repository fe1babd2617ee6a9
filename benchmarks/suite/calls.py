"""The whole engine, against the least that one can do with the same HTTP library: sending constant bytes.

A call is a job here: one key each to one sync task, or one directory each of a hundred gateways, from an iterator. The
peer sends one signed request of ours again and again, a key's, through the same kind of session, with as many calls in
flight. "In a script" is on asyncio's own loop and with Python's garbage collector as it comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from yarl import URL

from benchmarks.accounts import SYNC_TASK, oms_account
from benchmarks.meter import WARM_UP, Meter
from benchmarks.model import CALLS_PER_S, CPU_US, RSS_MB, Benchmark, Goal, Quick, Sample, Server, Setup, Side, Turns
from benchmarks.pushing import key, push, trigger
from benchmarks.turns import in_loop
from engine.clouds import clouds
from engine.clouds.huawei import Push
from engine.concurrency import FIRST as CONCURRENCY
from engine.run import Options
from engine.transport import Transport
from signers import SignedRequest

QUICK_CALLS = 6 * CONCURRENCY  # in shorter turns a neighbour shifts the ratio


def ours(setup: Setup) -> Turns:
    return _ours(setup, setup.size(40_000, quick=QUICK_CALLS), keys_a_call=1)


def ours_in_tens(setup: Setup) -> Turns:
    return _ours(setup, 40_000, keys_a_call=10)


def ours_in_a_script(setup: Setup) -> Turns:
    return _ours(setup, 40_000, keys_a_call=1, in_script=True)


def _ours(setup: Setup, calls: int, keys_a_call: int, *, in_script: bool = False) -> Turns:
    options = Options(batch=keys_a_call, concurrency=CONCURRENCY)
    return push(setup, calls, url=setup.http, options=options, in_script=in_script)


def ours_to_alibaba(setup: Setup) -> Turns:
    return trigger(setup, 40_000, url=setup.http, options=Options(wait=False, concurrency=CONCURRENCY))


def bare(setup: Setup) -> Turns:
    return in_loop(_bare(setup.http, setup.size(60_000, quick=QUICK_CALLS)))


async def _bare(endpoint: str, calls: int) -> AsyncGenerator[Sample]:
    request = constant_request(endpoint)
    url = URL(request.url, encoded=True)

    made = wanted = 0
    enough = asyncio.Event()

    async with Transport() as transport:
        session = transport._session  # noqa: SLF001 - the very one that ours has, whatever its settings become

        async def caller() -> None:
            nonlocal made
            while True:
                response = await session.request(
                    "POST", url, data=request.body, headers=request.headers, allow_redirects=False
                )
                try:
                    await response.read()
                    assert response.status == 200
                finally:
                    response.release()
                made += 1
                if made >= wanted:
                    enough.set()

        callers = [asyncio.create_task(caller()) for _ in range(CONCURRENCY)]
        for each in callers:
            each.add_done_callback(lambda _: enough.set())  # it failed

        async def send(number: int) -> int:
            nonlocal wanted
            before, wanted = made, made + number
            enough.clear()
            await enough.wait()
            if made < wanted:
                await asyncio.gather(*callers)
            return made - before

        try:
            await send(WARM_UP * CONCURRENCY)
            while True:
                await send(CONCURRENCY)  # as ours does
                with Meter() as meter:
                    number = await send(calls)
                yield meter.sample(number)
        finally:
            for each in callers:
                each.cancel()
            await asyncio.wait(callers)


def constant_request(endpoint: str) -> SignedRequest:
    account, cloud = oms_account(endpoint), clouds()["huawei"]
    job = cloud.plan([Push(key(0), SYNC_TASK)], [account.name], 1).jobs[0]
    return cloud.signer(account)(cloud.start(job, account), time.time(), "")


BARE = ("bare aiohttp",)
ALIBABA, SCRIPT = "ours, to Alibaba", "ours, in a script"
BENCHMARK = Benchmark(
    "calls",
    "signed calls/s through the whole engine, backlog on disk, no service time, http",
    Quick(f"{QUICK_CALLS} calls a turn", rounds=16),
    sides=(
        Side("ours", ours),
        Side("ours, 10 keys a call", ours_in_tens, in_quick=False),
        Side(ALIBABA, ours_to_alibaba, in_quick=False),
        Side(SCRIPT, ours_in_a_script, in_quick=False),
        Side("bare aiohttp", bare),
    ),
    figures=(CALLS_PER_S, CPU_US, RSS_MB),
    goals=(
        Goal("of bare aiohttp's calls/s", "ours", CALLS_PER_S, 0.80, of=BARE),
        Goal("of bare aiohttp's CPU per call", "ours", CPU_US, 1.25, of=BARE),
        Goal("of bare aiohttp's calls/s, to Alibaba", ALIBABA, CALLS_PER_S, None, of=BARE),
        Goal("of bare aiohttp's CPU per call, to Alibaba", ALIBABA, CPU_US, None, of=BARE),
        Goal("of ours as the command runs it, CPU per call in a script", SCRIPT, CPU_US, None, of=("ours",)),
    ),
    server=Server(),
)
