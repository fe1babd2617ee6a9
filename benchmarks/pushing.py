"""Our side of the benchmarks that call: rows through the whole engine, as `syncmux` would run them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from itertools import count
from tempfile import mkdtemp
from typing import Any

from benchmarks.accounts import SYNC_TASK, oms_account, sgw_account
from benchmarks.meter import WARM_UP, Meter
from benchmarks.model import Sample, Setup, Turns
from benchmarks.turns import in_loop
from engine import Engine, Push, Trigger
from engine.model import Account, Finished, State
from engine.run import Options
from engine.settler import Ending

OUT_OF_REACH = 1e6  # calls/s: as fast as it goes
GATEWAYS = 100
RESTS_S = 3.0  # longer than a lane takes to try more, and shorter than it waits before it tries again
REST_WITHIN_S = 60.0  # or else it is measured as it comes


def key(number: int) -> str:
    return f"photos/2026/{number % 1000:03}/{number:08}.jpg"


def push(setup: Setup, calls: int, *, url: str, options: Options, in_script: bool = False) -> Turns:
    """So many calls of CreateSyncEvents a turn, at least; in a script that knows of no other loop and collector."""
    rows = (Push(key(number), SYNC_TASK) for number in count())
    samples = _pushed(setup, oms_account(url), rows, calls, options)
    return in_loop(samples, on_uvloop=not in_script, tuned=not in_script)


def trigger(setup: Setup, calls: int, *, url: str, options: Options) -> Turns:
    """So many calls of TriggerGatewayRemoteSync a turn, at least."""
    return in_loop(_pushed(setup, sgw_account(url), directories(GATEWAYS), calls, options))


def directories(gateways: int, prefix: str = "gw") -> Iterator[Trigger]:
    return (Trigger(f"{prefix}-{i % gateways:04}", "NFSphotos", f"/photos/2026/{i:08}") for i in count())


async def _pushed(
    setup: Setup, account: Account, rows: Iterator[Any], calls: int, options: Options
) -> AsyncGenerator[Sample]:
    """One run without end, of which so many calls are measured at a time: neither how it begins nor how it ends."""
    backlog = f"{mkdtemp(dir=setup.directory)}/backlog.db"
    async with (
        Engine([account], backlog, rate=OUT_OF_REACH, options=options) as engine,
        aclosing(engine.endings(rows)) as batches,
    ):

        async def made(least: int) -> int:
            number = 0
            while number < least:
                number += len(_accepted(await anext(batches)))
            return number

        def bound() -> int:
            """How many calls may be in flight now."""
            assert engine.current
            return engine.current.starters[account.name].lane._concurrency.bound  # noqa: SLF001 - nobody else asks

        await made(1)
        await made(WARM_UP * bound())
        if options.concurrency is None:
            await rest(bound, made)
        while True:
            await made(bound())  # whose answers came while the loop stood still
            with Meter() as meter:
                number = await made(calls)
            yield meter.sample(number) | {"concurrency": bound()}


async def rest(
    bound: Callable[[], int], made: Callable[[int], Awaitable[object]], clock: Callable[[], float] = time.monotonic
) -> None:
    """Make calls until the lane has found how many of them help: until their bound stays as it is for a while."""
    deadline = clock() + REST_WITHIN_S
    before, since = bound(), clock()
    while clock() < min(since + RESTS_S, deadline):
        await made(before)
        if (now := bound()) != before:
            before, since = now, clock()


async def accepted(rows: int, batches: AsyncGenerator[list[Ending], None]) -> None:
    """Wait until all of the rows are accepted."""
    ended = 0
    async with aclosing(batches):
        async for batch in batches:
            ended += sum(finished.job.rows for finished in _accepted(batch))
    assert ended == rows, f"{ended:,} of {rows:,} rows were accepted"


def _accepted(batch: list[Ending]) -> list[Finished]:
    found = []
    for ending in batch:
        assert isinstance(ending, Finished), ending
        assert ending.state is State.ACCEPTED, ending
        found.append(ending)
    return found
